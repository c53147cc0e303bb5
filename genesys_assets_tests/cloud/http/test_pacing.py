"""The pace, simulated: workers whose answers take time, and servers that count as the platform does."""

from __future__ import annotations

import heapq
import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from genesys_assets.cloud.http.pacing import AFTER_THE_NEXT_ANSWER, Budget, Pacer
from genesys_assets_tests.cloud.platform import Clock
from genesys_assets_tests.patience import PATIENCE_SECONDS

BEGIN = 10.0


@dataclass
class Server:
    """Counts requests in windows of 60 s, which begin on the minute or with the first request."""

    allowed: int
    rounding: str = "up"
    on_the_minute: bool = False
    begin: float = -math.inf
    count: int = 0
    happens_at: float = math.inf
    happens: dict[str, int] = field(default_factory=dict)

    def ask(self, now: float) -> dict[str, str]:
        if now >= self.begin + 60:
            self.begin = now - now % 60 if self.on_the_minute else now
            self.count = 0
        if now >= self.happens_at:
            self.count, self.allowed = self.happens.get("count", self.count), self.happens.get("allowed", self.allowed)
            self.happens_at = math.inf
        self.count += 1
        left = self.begin + 60 - now
        reset = {"up": math.ceil(left), "down": math.floor(left), "one more": math.ceil(left) + 1}[self.rounding]
        return {
            "inin-ratelimit-count": str(self.count),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(reset),
        }


Latency = Callable[[random.Random], float]
LATENCIES: dict[str, Latency] = {
    "50 ms": lambda drawn: 0.05,
    "300 ms": lambda drawn: 0.3,
    "1500 ms": lambda drawn: 1.5,
    "50 to 1500 ms": lambda drawn: drawn.uniform(0.05, 1.5),
}


@dataclass
class Process:
    """Workers that share a budget, like the threads of one process."""

    budget: Budget
    workers: int = 16
    latency: Latency = LATENCIES["300 ms"]
    begin: float = BEGIN
    sent: int = 0
    refused: int = 0
    waiting: list[int] = field(default_factory=list)


@dataclass(order=True)
class Event:
    """An event for a worker of a process, or for another program (process -1)."""

    now: float
    order: int
    process: int
    worker: int = field(compare=False)
    what: str = field(compare=False)
    sent_at: float = field(compare=False, default=0.0)
    latency: float = field(compare=False, default=0.0)
    answer: dict[str, str] = field(compare=False, default_factory=dict)


def simulate(server: Server, *processes: Process, minutes: float = 10, others: float = 0.0, seed: int = 1) -> None:
    """Lets the processes send requests as fast as their budgets permit; `others` is the rate per second of other
    programs."""
    drawn, numbers = random.Random(seed), count()
    events: list[Event] = []

    def happen(now: float, process: int, worker: int, what: str, **more: Any) -> None:
        heapq.heappush(events, Event(now, next(numbers), process, worker, what, **more))

    for at, process in enumerate(processes):
        for worker in range(process.workers):
            happen(process.begin, at, worker, "asks")
    if others:
        happen(BEGIN, -1, 0, "others")
    while (event := heapq.heappop(events)).now < BEGIN + 60 * minutes:
        if event.what == "others":
            server.ask(event.now)
            happen(event.now + 1 / others, -1, 0, "others")
            continue
        process, now = processes[event.process], event.now
        if event.what == "arrives":
            answer = server.ask(now)
            refused = server.count > server.allowed
            process.sent += not refused
            process.refused += refused
            more = {"sent_at": event.sent_at, "answer": answer}
            happen(now + event.latency / 2, event.process, event.worker, "is answered", **more)
            continue
        if event.what == "is answered":
            process.budget.learn(event.answer, now, event.sent_at)
            for other in process.waiting:
                happen(now, event.process, other, "asks")
            process.waiting.clear()
        delay = process.budget.take(now)
        if delay == AFTER_THE_NEXT_ANSWER:
            process.waiting.append(event.worker)
        elif delay > 0:
            happen(now + delay, event.process, event.worker, "asks")
        else:
            latency = process.latency(drawn)
            happen(now + latency / 2, event.process, event.worker, "arrives", sent_at=now, latency=latency)


@pytest.mark.parametrize("rounding", ["up", "down", "one more"])
@pytest.mark.parametrize("on_the_minute", [True, False])
@pytest.mark.parametrize(("workers", "latency"), [(1, "50 ms"), (16, "50 ms"), (16, "1500 ms"), (16, "50 to 1500 ms")])
def test_the_allowed_rate_is_reached_without_a_refusal(
    rounding: str, on_the_minute: bool, workers: int, latency: str
) -> None:
    process = Process(Budget(300), workers, LATENCIES[latency])
    simulate(Server(300, rounding, on_the_minute), process)
    assert process.refused == 0
    assert process.sent >= 0.95 * 300 * 10


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("begin", ["together", "one after the other"])
def test_processes_that_do_not_know_of_each_other_share_a_budget_fairly_without_a_refusal(
    number: int, latency: str, begin: str
) -> None:
    apart = 0.0 if begin == "together" else 17.3
    processes = [Process(Budget(300), latency=LATENCIES[latency], begin=BEGIN + apart * at) for at in range(number)]
    simulate(Server(300), *processes, minutes=20)
    sent = [process.sent for process in processes]
    assert [process.refused for process in processes] == [0] * number
    assert sum(sent) >= 0.95 * 300 * 20
    assert min(sent) >= 0.5 * sum(sent) / number


@pytest.mark.parametrize("seed", range(5))
def test_a_process_that_is_answered_more_slowly_than_others_gets_its_share(seed: int) -> None:
    slow = Process(Budget(300), latency=LATENCIES["1500 ms"])
    quick = [Process(Budget(300), latency=LATENCIES["50 ms"]) for _ in range(2)]
    simulate(Server(300), slow, *quick, minutes=20, seed=seed)
    assert [process.refused for process in (slow, *quick)] == [0, 0, 0]
    assert slow.sent >= 0.5 * (slow.sent + sum(process.sent for process in quick)) / 3


def test_a_process_that_comes_when_a_budget_is_used_up_waits_for_the_next() -> None:
    first, second = Process(Budget(300)), Process(Budget(300), begin=BEGIN + 30)
    simulate(Server(300), first, second, minutes=1)
    assert (first.refused, second.refused) == (0, 0)
    assert second.sent == 1


def test_a_process_has_the_whole_budget_again_when_the_others_have_gone() -> None:
    staying, leaving = Budget(300), Budget(300)
    server = Server(300)
    simulate(server, Process(staying), Process(leaving), minutes=3)
    left_alone = Process(staying, begin=BEGIN + 240)
    simulate(server, left_alone, minutes=4 + 5)
    assert left_alone.refused == 0
    assert left_alone.sent >= 0.95 * 300 * 5


def test_a_stricter_limit_is_followed_within_the_window() -> None:
    process = Process(Budget(300))
    simulate(Server(300, happens_at=BEGIN + 1, happens={"allowed": 100}), process)
    assert process.refused == 0
    assert 0.95 * 1000 <= process.sent <= 1000


def test_the_api_may_allow_less_than_was_set() -> None:
    process = Process(Budget(300))
    simulate(Server(180), process)
    assert process.refused == 0
    assert 0.95 * 1800 <= process.sent <= 1800


def test_no_more_is_sent_than_was_set_though_the_api_allows_it() -> None:
    process = Process(Budget(60))
    simulate(Server(300), process)
    assert 0.95 * 600 <= process.sent <= 600


def test_what_others_ask_is_left_out_of_the_pace() -> None:
    process = Process(Budget(300))
    simulate(Server(300), process, others=2.0)
    assert process.refused == 0
    assert process.sent >= 0.95 * (300 - 120) * 10


def test_a_budget_that_somebody_used_up_at_once_is_used_again_in_the_next_window() -> None:
    process = Process(Budget(300))
    simulate(Server(300, happens_at=BEGIN + 2, happens={"count": 3000}), process, minutes=5)
    assert 1 <= process.refused <= process.workers
    assert process.sent >= 0.95 * 300 * 4


def test_without_any_headers_the_configured_ceiling_holds() -> None:
    budget = Budget(5)
    sent_at: list[float] = []
    now = 0.0
    while now < 300:
        delay = budget.take(now)
        if delay:
            now += delay
        else:
            sent_at.append(now)
            budget.learn({}, now)
            now += 0.1
    assert 24 <= len(sent_at) <= 26


def test_the_first_request_of_a_window_goes_alone() -> None:
    budget = Budget(300)
    assert budget.take(0.0) == 0
    assert budget.take(0.0) == AFTER_THE_NEXT_ANSWER
    budget.learn({}, 0.1)
    assert budget.take(0.1) == 0


def test_a_late_answer_of_the_window_before_is_ignored() -> None:
    budget = Budget(300)
    assert budget.take(0.0) == 0
    budget.learn(Server(300).ask(0.0), 0.0)
    late = {"inin-ratelimit-count": "300", "inin-ratelimit-allowed": "300", "inin-ratelimit-reset": "1"}
    budget.learn(late, 0.1)
    assert budget.take(0.1) == 0


@pytest.mark.parametrize("nonsense", ["", "many", "-3", "1.5"])
def test_headers_that_make_no_sense_do_no_harm(nonsense: str) -> None:
    budget = Budget(300)
    names = ("inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset")
    for now in range(5):
        assert budget.take(float(now)) == 0
        budget.learn(dict.fromkeys(names, nonsense), float(now))


def test_a_pace_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="0 requests a minute are too few"):
        Budget(0)


def test_after_a_refusal_nothing_goes_out_until_then() -> None:
    clock = Clock()
    pacer = Pacer(300, clock, clock.sleep)
    assert pacer.acquire() == 0
    pacer.observe({})
    pacer.hold(17.0)
    assert pacer.acquire() == pytest.approx(17.0)
    assert clock.slept == [pytest.approx(17.0)]


def test_threads_share_one_budget() -> None:
    clock = Clock()
    pacer = Pacer(100, clock, clock.sleep)
    sent: list[float] = []

    def work() -> None:
        for _ in range(20):
            pacer.acquire()
            sent.append(clock())
            pacer.observe({})

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(sent) == 160
    assert sum(at < min(sent) + 59.9 for at in sent) <= 100

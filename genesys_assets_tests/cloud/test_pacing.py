"""The pace, simulated: workers that take time to be answered, and servers that count as the platform does."""

from __future__ import annotations

import heapq
import math
import threading
from dataclasses import dataclass, field

import pytest

from genesys_assets.cloud.pacing import AFTER_THE_NEXT_ANSWER, Budget, Pacer
from genesys_assets_tests.cloud.platform import Clock


@dataclass
class Server:
    """Counts requests in windows of 60 s that begin on the minute or with the first request of each."""

    allowed: int
    rounding: str = "up"
    on_the_minute: bool = False
    begin: float = -math.inf
    count: int = 0

    def ask(self, now: float) -> dict[str, str]:
        if now >= self.begin + 60:
            self.begin = now - now % 60 if self.on_the_minute else now
            self.count = 0
        self.count += 1
        left = self.begin + 60 - now
        reset = {"up": math.ceil(left), "down": math.floor(left), "one more": math.ceil(left) + 1}[self.rounding]
        return {
            "inin-ratelimit-count": str(self.count),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(reset),
        }


@dataclass
class Process:
    """Workers that share a budget, as the threads of one process do."""

    budget: Budget
    workers: int = 8
    latency: float = 0.2
    sent: int = 0
    refused: int = 0
    waiting: list[int] = field(default_factory=list)


def simulate(server: Server, *processes: Process, minutes: float = 10, others: float = 0.0) -> None:
    """Lets the processes ask as fast as their budgets permit; `others` ask so often a second."""
    events = [(10.0, at, worker, "ask") for at, process in enumerate(processes) for worker in range(process.workers)]
    if others:
        events.append((10.0, -1, 0, "others"))
    heapq.heapify(events)
    answers: dict[tuple[int, int], dict[str, str]] = {}
    while events:
        now, at, worker, what = heapq.heappop(events)
        if now >= 10.0 + 60 * minutes:
            break
        if what == "others":
            server.ask(now)
            heapq.heappush(events, (now + 1 / others, at, worker, what))
            continue
        process = processes[at]
        if what == "arrive":
            answers[at, worker] = server.ask(now)
            process.refused += server.count > server.allowed
            heapq.heappush(events, (now + process.latency / 2, at, worker, "answered"))
            continue
        if what == "answered":
            process.budget.learn(answers.pop((at, worker)), now)
            for other in process.waiting:
                heapq.heappush(events, (now, at, other, "ask"))
            process.waiting.clear()
        delay = process.budget.take(now)
        if delay == AFTER_THE_NEXT_ANSWER:
            process.waiting.append(worker)
        elif delay > 0:
            heapq.heappush(events, (now + delay, at, worker, "ask"))
        else:
            process.sent += 1
            heapq.heappush(events, (now + process.latency / 2, at, worker, "arrive"))


@pytest.mark.parametrize("rounding", ["up", "down", "one more"])
@pytest.mark.parametrize("on_the_minute", [True, False])
@pytest.mark.parametrize(("workers", "latency"), [(1, 0.05), (8, 0.2), (8, 1.3)])
def test_the_allowed_rate_is_reached_without_a_refusal(
    rounding: str, on_the_minute: bool, workers: int, latency: float
) -> None:
    process = Process(Budget(300), workers, latency)
    simulate(Server(300, rounding, on_the_minute), process)
    assert process.refused == 0
    assert process.sent >= 0.95 * 300 * 10


def test_the_api_may_allow_less_than_was_set() -> None:
    process = Process(Budget(300))
    simulate(Server(180), process)
    assert process.refused == 0
    assert 0.95 * 1800 <= process.sent <= 1800


def test_no_more_is_sent_than_was_set_though_the_api_allows_it() -> None:
    process = Process(Budget(60))
    simulate(Server(300), process)
    assert 0.95 * 600 <= process.sent <= 600


def test_processes_that_share_a_budget_use_it_up_with_hardly_a_refusal() -> None:
    processes = [Process(Budget(300)) for _ in range(3)]
    simulate(Server(300), *processes)
    sent = sum(process.sent for process in processes)
    assert sent >= 0.95 * 300 * 10
    assert sum(process.refused for process in processes) <= 0.02 * sent


def test_what_others_ask_is_left_out_of_the_pace() -> None:
    process = Process(Budget(300))
    simulate(Server(300), process, others=2.0)
    assert process.sent >= 0.95 * (300 - 120) * 10
    assert process.refused <= 0.02 * process.sent


def test_without_any_headers_the_own_ceiling_holds() -> None:
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


def test_an_answer_of_the_window_before_that_comes_late_is_not_heeded() -> None:
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
        thread.join(20)
    assert len(sent) == 160
    assert sum(at < min(sent) + 59.9 for at in sent) <= 100

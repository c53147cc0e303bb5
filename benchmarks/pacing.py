"""How close fetching comes to the rate limit, alone and in several processes on one budget, and what CPU it takes.

Each case has a sandbox in a process of its own, which limits requests a minute and delays each of them, and one or more
processes that fetch a day by the details query and store its pages. All cases run at the same time. Traffic
stays on the loopback.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.results import Result
from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import GenesysCloudError
from genesys_assets.cloud.http.regions import hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.lake.lake import PageWriter
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.access import Budget
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.server import running

_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 600
_STARTING_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Case:
    """How many processes share a budget, how long an answer takes, how many conversations a page holds."""

    processes: int
    fastest_ms: int
    slowest_ms: int
    page_size: int

    @property
    def latency(self) -> str:
        return (
            f"{self.fastest_ms} to {self.slowest_ms} ms"
            if self.fastest_ms < self.slowest_ms
            else f"{self.fastest_ms} ms"
        )


CASES = (
    Case(1, 50, 500, page_size=100),
    Case(1, 1500, 1500, page_size=10),
    Case(2, 50, 50, page_size=10),
    Case(3, 50, 500, page_size=10),
    Case(4, 50, 1500, page_size=10),
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a fetching process has to do, and where it finds the sandbox."""

    url: str
    client_id: str
    client_secret: str
    requests_per_minute: int
    page_size: int
    until: float


def run(*, minutes: int, requests_per_minute: int) -> Result:
    """Fetches in all cases for at least this many minutes, and counts the requests in each whole window of the
    sandbox."""
    with ExitStack() as stack:
        sandboxes = [
            stack.enter_context(
                _process(_serve, case, _conversations(case, minutes, requests_per_minute), requests_per_minute)
            )
            for case in CASES
        ]
        places: list[tuple[str, str, str]] = [_received(sandbox) for sandbox in sandboxes]
        until = time.time() + _STARTING_SECONDS + 60 * minutes
        fetching = [
            [
                stack.enter_context(_process(_fetch, Order(*place, requests_per_minute, case.page_size, until)))
                for _ in range(case.processes)
            ]
            for case, place in zip(CASES, places, strict=True)
        ]
        fetched = [[_received(process) for process in of_case] for of_case in fetching]
        for sandbox in sandboxes:
            sandbox.send("end")
        windows = [_received(sandbox) for sandbox in sandboxes]
    rows = [_row(*of_case, requests_per_minute) for of_case in zip(CASES, fetched, windows, strict=True)]
    failures = [failure for of_case in fetched for one in of_case if (failure := one["failure"])]
    refused = sum(row["answers 429"] for row in rows)
    return Result(
        name="pacing",
        sizes={"minutes": minutes, "requests_per_minute": requests_per_minute},
        rows=rows,
        figures={"answers 429": refused, "of them final": len(failures)},
        as_it_should=not failures and not refused,
        remark="\n".join(failures) or ("Requests were refused that should not have been sent." if refused else ""),
    )


def _conversations(case: Case, minutes: int, requests_per_minute: int) -> int:
    """More than the case may read, as far as the query reaches."""
    return min((minutes + 1) * requests_per_minute * case.page_size, 99_000)


def _row(
    case: Case, fetched: list[dict[str, Any]], windows: list[tuple[float, int]], requests_per_minute: int
) -> dict[str, Any]:
    """`windows`: when each began, and how many requests came in it. The last one may still be open."""
    minutes = (windows[-1][0] - windows[0][0]) / 60
    answered = sum(min(requests, requests_per_minute) for _, requests in windows[:-1]) / minutes
    pages = [one["pages"] for one in fetched]
    return {
        "processes": case.processes,
        "latency": case.latency,
        "conversations a page": case.page_size,
        "requests/min": round(answered, 1),
        "of what is allowed": f"{answered / requests_per_minute:.1%}",
        "answers 429": sum(one["rate_limited"] for one in fetched),
        "smallest share": f"{min(pages) * len(pages) / sum(pages):.0%}",
        "CPU of a process": f"{sum(one['cpu'] / one['seconds'] for one in fetched) / len(fetched):.1%}",
    }


def _fetch(connection: Connection, order: Order) -> None:
    """Fetches and stores pages until the time is over; sends the totals."""
    day = _day()
    failure = ""
    stored = 0
    begun, cpu_before = time.time(), time.process_time()
    with (
        tempfile.TemporaryDirectory() as folder,
        GenesysCloud(
            hosts(None, order.url, order.url),
            order.client_id,
            order.client_secret,
            requests_per_minute=order.requests_per_minute,
        ) as cloud,
    ):
        try:
            with PageWriter(LocalStore(Path(folder)).draft(), {}) as writer:
                pages = details.fetch(cloud, Interval(day, day + timedelta(days=1)), page_size=order.page_size)
                for page in pages:
                    if time.time() >= order.until:
                        break
                    writer.write(page)
                    stored += 1
        except GenesysCloudError as error:
            failure = f"A fetch ended early: {error}"
        cpu, seconds = time.process_time() - cpu_before, time.time() - begun
        rate_limited = cloud.usage.snapshot().rate_limited
        connection.send(
            {"pages": stored, "rate_limited": rate_limited, "cpu": cpu, "seconds": seconds, "failure": failure}
        )


def _serve(connection: Connection, case: Case, conversations: int, requests_per_minute: int) -> None:
    """Run a sandbox until the message to end arrives, then send its windows."""
    windows: list[tuple[float, int]] = []
    latency = UnevenLatency(case.fastest_ms, case.slowest_ms)
    with running(
        conversations_per_day=conversations, requests_per_minute=requests_per_minute, behaviour=latency
    ) as sandbox:
        sandbox.organisation.arrivals(_day().date())
        sandbox.access.share_one_budget()
        spend = sandbox.access.spend

        def counted(authorization: str | None) -> tuple[str, Budget | None]:
            token, budget = spend(authorization)
            if budget is not None and budget.count == 1:
                windows.append((time.time(), 0))
            windows[-1] = (windows[-1][0], windows[-1][1] + 1)
            return token, budget

        sandbox.access.spend = counted  # type: ignore[method-assign]
        connection.send((sandbox.url, sandbox.client_id, sandbox.client_secret))
        connection.recv()
        connection.send(windows)


@contextmanager
def _process(target: Any, *arguments: Any) -> Iterator[Connection]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=target, args=(theirs, *arguments))
    process.start()
    try:
        yield ours
        process.join(_PATIENCE_SECONDS)
    finally:
        process.terminate()
        process.join()


def _received(connection: Connection) -> Any:
    if not connection.poll(_PATIENCE_SECONDS):
        raise TimeoutError("A process of the benchmark says nothing.")
    return connection.recv()


def _day() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)


class UnevenLatency(Behaviour):
    """Each request takes a different time."""

    def __init__(self, fastest_ms: int, slowest_ms: int) -> None:
        self._bounds = (fastest_ms, slowest_ms)
        super().__init__()

    @property
    def latency_ms(self) -> int:
        return random.randint(*self._bounds)

    @latency_ms.setter
    def latency_ms(self, _: int) -> None:
        """The dataclass sets its default."""

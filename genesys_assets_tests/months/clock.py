"""The simulated present. Only the simulation and code that sleeps move it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from dagster._core.execution.plan.active import ActiveExecution
from pydantic import PrivateAttr
from sqlalchemy import ColumnDefault

from genesys_assets.cloud.http.regions import hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.resources import GenesysCloudResource
from genesys_assets.settings import CloudSettings

_OTHERS_WORK_EVERY = timedelta(seconds=30)


class Clock:
    """The time of day for everything in this process; `time.monotonic` stays real."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._lock = threading.Lock()
        self.meanwhile: Callable[[], None] = lambda: None
        """What others do while a run waits."""
        self._done_at = self.now()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        """Seconds for code that measures spans of time."""
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._traveller.shift(timedelta(seconds=seconds))

    def wait(self, seconds: float) -> None:
        """Move time on and let others work, every half minute."""
        self.sleep(seconds)
        if self.now() - self._done_at >= _OTHERS_WORK_EVERY:
            self._done_at = self.now()
            self.meanwhile()

    def move_to(self, moment: datetime) -> None:
        """Move the clock forward. A moment in the past leaves it unchanged."""
        with self._lock:
            if moment > self.now():
                self._traveller.move_to(moment)


_clocks: list[Clock] = []


def the_clock() -> Clock:
    """The clock of the current simulation."""
    return _clocks[-1]


@contextmanager
def simulated(start: datetime) -> Iterator[Clock]:
    """A clock that stands at `start`. Dagster's databases date new rows by it too. A run that waits before it retries a
    step moves it.
    """
    with time_machine.travel(start, tick=False) as traveller:
        ActiveExecution.sleep_til_ready = _wait_until_ready  # type: ignore[method-assign,assignment]
        _date_runs_by(lambda: datetime.now(UTC).replace(tzinfo=None))
        _clocks.append(Clock(traveller))
        try:
            yield _clocks[-1]
        finally:
            _clocks.pop()


def _wait_until_ready(execution: ActiveExecution) -> None:
    """Real waiting would never end, because the clock stands still meanwhile. A step that waits for a place in a pool
    does not wait at all.
    """
    seconds: float = execution.sleep_interval()  # type: ignore[no-untyped-call]
    the_clock().wait(max(1.0, seconds))


def _date_runs_by(now: Callable[[], datetime]) -> None:
    """SQLite itself would date a new run by the machine's clock."""
    from dagster._core.storage.runs.schema import RunsTable

    for column in (RunsTable.c.create_timestamp, RunsTable.c.update_timestamp):
        if column.default is None:
            column.default = ColumnDefault(now)
            column.default._set_parent(column)


class SimulatedGenesysCloud(GenesysCloudResource):
    """The client of every run, except that waiting takes only simulated time."""

    _client: Any = PrivateAttr(default=None)

    @property
    def client(self) -> GenesysCloud:
        if self._client is None:
            clock, settings = the_clock(), CloudSettings.load()
            self._client = GenesysCloud(
                hosts(settings.region, settings.api_url, settings.login_url),
                settings.client_id,
                settings.client_secret.get_secret_value(),
                requests_per_minute=settings.requests_per_minute,
                longest_life=max(0.0, self._gives_up_at - time.monotonic()),
                clock=clock.seconds,
                now=clock.now,
                sleep=clock.sleep,
                jitter=lambda longest: longest / 2,
            )
        return self._client  # type: ignore[no-any-return]

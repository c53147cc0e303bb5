"""The package: what a look of the sensors costs on a lake with a long past. `python -m benchmarks.sides.our_look FOLDER
DAYS` makes the lake and prints the CPU seconds of a look that finds nothing new, and of one after an hour landed.

All partitions of a table share the bytes of one file: the sensors read only logs and footers.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.sides.rounds import answer
from benchmarks.stored_day import lake_at
from genesys_assets.automation import backlog, stale
from genesys_assets.cloud.http.page import Page
from genesys_assets.days import hours_of, made_of, waits
from genesys_assets.days.families import ANSWERED
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    OVERLAP,
    START_DAYS,
)
from genesys_assets.days.users import USER_DETAILS, USER_TABLES, of_user_tables
from genesys_assets.lake.delta import AddedFile, new_path
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.partitions import Calendar
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.made_of import made_of as report_made_of
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec
from genesys_assets.tables.users.waits import QUEUE_WAITS

UTC_ZONE = ZoneInfo("UTC")
_NOW = datetime(2026, 11, 29, 12, 20, tzinfo=UTC)
_AVAILABLE = datetime(2026, 11, 29, tzinfo=UTC)
_READ = datetime(2026, 11, 29, 4, tzinfo=UTC)
_REACH = Reach(_NOW + timedelta(days=30), is_complete=True)
_ORIGIN = {"run_id": "benchmark"}
_ANSWERED = {ANSWERED: ["conversations"]}
_TABLES = (*DAY_TABLES, INTERVAL_METRICS, DAILY_METRICS, *USER_TABLES, QUEUE_WAITS)


def main(folder: str, days: int) -> None:
    past = Past(Path(folder), days)
    past.fill()
    lake = lake_at(Path(folder))
    past.look(lake.refreshed())
    quiet = past.look(lake.refreshed())
    hour = f"{_NOW - timedelta(hours=1):%Y-%m-%d-%H:00}"
    past.store(HOURLY_DETAILS, hour)
    past.store(HOURLY_AGGREGATES, hour, said=_ANSWERED)
    landed = past.look(lake.refreshed())
    answer({"quiet": quiet, "landed": landed, "status": {"genesys-assets status": status_cpu(past)}})


def status_cpu(past: Past) -> float:
    """CPU seconds of the command `genesys-assets status` over the whole past, in a fresh process."""
    place = {
        "GENESYS_ASSETS_LAKE": str(past.folder),
        "GENESYS_ASSETS_START_DATE": f"{past.calendar.start_date}",
        "GENESYS_ASSETS_PUBLISH_URL": (past.folder / "published").as_uri(),
    }
    # The first process compiles the modules, as in a deployment.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    took: list[float] = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "genesys_assets.cli", "status", "--json"]
        done = subprocess.run(command, env={**inherited, **place}, stdout=subprocess.DEVNULL)
        if done.returncode > 1:
            raise SystemExit(f"genesys-assets status ended with {done.returncode}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(took)


class Past:
    """A lake that holds everything until today at noon, except the last hour."""

    def __init__(self, folder: Path, days: int) -> None:
        self.folder = folder
        self.lake = lake_at(folder)
        self.calendar = Calendar((_NOW - timedelta(days=days)).date(), UTC_ZONE, 4)
        self.reports = built_in_reports()
        self.days = [f"{self.calendar.start_date + timedelta(days=nth)}" for nth in range(days + 1)]

    def fill(self) -> None:
        last = f"{_NOW - timedelta(hours=1):%Y-%m-%d-%H:00}"
        hours = [hour for day in self.days for hour in hours_of(day) if hour < last]
        self._store_all(HOURLY_DETAILS, hours)
        self._store_all(HOURLY_AGGREGATES, hours, said=_ANSWERED)
        self._store_all(OVERLAP, self.days[:-1], _REACH, {START_DAYS: {}})
        for place in (DAILY_DETAILS, DAILY_AGGREGATES, USER_DETAILS):
            self._store_all(place, self.days[:-1], _REACH)
        for spec in ENTITIES.values():
            newness = round(_NOW.timestamp() * 1000)
            self.lake.write(f"reference/{spec.name}", spec, spec.empty(), None, dict(_ORIGIN), newness=newness)
        specs = {f"tables/{spec.name}": spec for spec in _TABLES}
        specs |= {f"reports/{report.name}": report.spec for report in self.reports}
        for place, spec in specs.items():
            self._make_all(place, spec)
        self._mark(self._made_of_tables)
        self._mark(self._made_of_reports)

    def look(self, lake: Lake) -> dict[str, float]:
        """The questions of the sensors at one look, and the CPU seconds of each."""
        took: dict[str, float] = {}
        calendar = self.calendar

        def timed(name: str, work: Callable[[], Any]) -> Any:
            used = time.process_time()
            found = work()
            took[name] = time.process_time() - used
            return found

        stale_days = timed("tables", lambda: stale.tables_backlog(lake, calendar, _NOW))
        reports = timed("reports", lambda: stale.reports_backlog(lake, calendar, _NOW, self.reports, set(stale_days)))
        timed("hours", lambda: backlog.hours_backlog(lake, calendar, _NOW))
        timed("days", lambda: backlog.days_backlog(lake, calendar, _NOW, _AVAILABLE))
        timed("users", lambda: backlog.user_days_backlog(lake, calendar, _NOW, _AVAILABLE))
        timed("checks", lambda: stale.checks_backlog(lake, calendar, _NOW, stale_days))
        if len(stale_days) > 1 or reports:
            raise SystemExit(
                f"tables of {list(stale_days)} and reports of {list(reports)} are stale, and should not be"
            )
        return took

    def store(self, place: str, key: str, reach: Reach | None = None, said: Mapping[str, Any] | None = None) -> None:
        with self.lake.refreshed().page_writers(place, [key], dict(_ORIGIN)) as writers:
            writers[key].write(Page(1, "{}", _READ, "c", b"[1]", as_of=_READ))
            writers[key].reach = reach
            writers[key].provenance.update(said or {})

    def _store_all(
        self, place: str, keys: Sequence[str], reach: Reach | None = None, said: Mapping[str, Any] | None = None
    ) -> None:
        self.store(place, keys[0], reach, said)
        self._spread(place, keys)

    def _make_all(self, place: str, spec: TableSpec) -> None:
        self.lake.refreshed().write(place, spec, spec.empty(), self.days[0], dict(_ORIGIN), reach=_REACH)
        self._spread(place, self.days)

    def _spread(self, place: str, keys: Sequence[str]) -> None:
        """Copy the content of the first key to all keys."""
        log, read = self.lake.refreshed().log(place), round(_READ.timestamp() * 1000)
        (file,) = log.files(keys[0])
        added = [
            AddedFile(key, new_path(key, file.content), file.size, file.rows, modified_ms=read) for key in keys[1:]
        ]
        for each in added:
            path = self.folder / place / each.path
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.folder / place / file.path, path)
        log.commit(log.schema(), added, [], {}, dict.fromkeys(keys, read), on_top_of=log.version)

    def _mark(self, numbers: Callable[[Lake, str], Mapping[str, int]]) -> None:
        """Note for every day what its tables, or its reports, are made of."""
        lake = self.lake.refreshed()
        by_place: dict[str, dict[str, int]] = {}
        for day in self.days:
            for place, number in numbers(lake, day).items():
                by_place.setdefault(place, {})[f"made_of {day}"] = number
        for place, marks in by_place.items():
            log = lake.log(place)
            log.commit(log.schema(), [], [], {}, marks, on_top_of=log.version)

    def _made_of_tables(self, lake: Lake, day: str) -> dict[str, int]:
        return {
            **made_of.of_conversations(lake, day, DAY_TABLES),
            backlog.INTERVALS: made_of.of_interval_metrics(lake, day, INTERVAL_METRICS),
            stale.DAYS: made_of.of_daily_metrics(lake, day, DAILY_METRICS),
            **of_user_tables(lake, day),
            waits.PLACE: waits.made_of(lake, day),
        }

    def _made_of_reports(self, lake: Lake, day: str) -> dict[str, int]:
        made: Iterable[tuple[str, int]] = (
            (f"reports/{report.name}", report_made_of(lake, report, day, UTC_ZONE)) for report in self.reports
        )
        return dict(made)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

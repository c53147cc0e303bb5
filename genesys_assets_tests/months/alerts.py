"""Checks the alerts of the webhook: one for each failed run, and one a day for each late figure.

This module decides from the folder of the lake what is late, by the limits in the docs. It leaves out observations,
which are late on one day only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from genesys_assets.lake.lake import Lake
from genesys_assets_tests.months.bounds import utc_midnight, window
from genesys_assets_tests.months.history import DAY, HOUR
from genesys_assets_tests.months.judgement import Violation
from genesys_assets_tests.months.readings import AGGREGATES_OF_HOURS, DETAILS, HOURS

PUBLISHED = "published/reports"
T = TypeVar("T")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_LONG_LOOK = timedelta(hours=3)
"""In a look that is longer, another gap may be late and filled."""


def late_from(
    lake: Lake, published: Collection[date], first: date, zone: ZoneInfo, now: datetime
) -> dict[str, list[datetime]]:
    """When each gap of each figure is late or will be, given the current lake: hours 3 hours after the end of the gap's
    first hour, complete days a day and a half after it. Business days are published once they are over in UTC too; 6
    hours later they are late. Automation goes back 35 days.
    """
    begin = utc_midnight(max(first, now.date() - DAY * 35))
    hours = [begin + HOUR * number for number in range((now - begin) // HOUR + 2)]
    days = [begin.date() + DAY * number for number in range((now - begin) // DAY + 3)]
    read = lake.pages_of(DETAILS, sorted(key for key in lake.stored(DETAILS) if key is not None))
    complete = {date.fromisoformat(key) for key, pages in read.items() if pages.reach and pages.reach.is_complete}
    dues = {}
    for place in (AGGREGATES_OF_HOURS, HOURS):
        keys = (key for key in lake.stored(place) if key is not None)
        stored = {datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC) for key in keys}
        missing = [not (hour in stored or (place == HOURS and hour.date() in complete)) for hour in hours]
        dues[place] = [hour + HOUR + timedelta(hours=3) for hour in _first_of_gaps(hours, missing)]
    incomplete = _first_of_gaps(days, [day not in complete for day in days])
    dues[DETAILS] = [utc_midnight(day) + DAY + timedelta(hours=36) for day in incomplete]
    unpublished = _first_of_gaps(days, [day not in published for day in days])
    ends = [max(window(day, zone)[1], utc_midnight(day) + DAY) for day in unpublished]
    dues[PUBLISHED] = [end + timedelta(hours=6) for end in ends]
    return dues


def _first_of_gaps(all_: Sequence[T], missing: Sequence[bool]) -> list[T]:
    before = [False, *missing]
    return [each for each, is_missing, was in zip(all_, missing, before, strict=False) if is_missing and not was]


def untrue(failed: Iterable[str], posted: Sequence[Any]) -> Iterator[Violation]:
    """Failed runs without an alert or with more than one; alerts of runs that did not fail."""
    told = Counter(message["run_id"] for message in posted if "run_id" in message)
    for run in {*failed} | {*told}:
        if told[run] != (run in {*failed}):
            yield Violation("alert", f"of run {run}", f"{int(run in {*failed})} alerts", f"{told[run]}")


@dataclass
class LateAlerts:
    """Compares alerts with lateness, look after look. `late_from` says when each gap of each figure will be late, at
    the begin and at the end of a look. A look takes time, and figures may become late during it. A gap that became late
    after the last alert has one of its own.
    """

    posted: Callable[[], Sequence[Any]]
    late_from: Callable[[], Mapping[str, Sequence[datetime]]]
    _since: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """Of each late figure that had its alert: begin and end of the look in which it came."""
    _unknown: set[str] = field(default_factory=set)
    """What the daemon may take for late still, for it has not looked since."""
    _count: int = 0
    _began: datetime = _LONG_AGO
    _due: Mapping[str, Sequence[datetime]] = field(default_factory=dict)

    def begin(self, now: datetime) -> None:
        self._began, self._due, self._count = now, self.late_from(), len(self.posted())

    def _late_by(self, now: datetime) -> set[str]:
        """The figures that were late by then, given the lake at the begin of the look."""
        return {what for what, dues in self._due.items() if now > min(dues)}

    def end(self, now: datetime, *, is_settled: bool, is_judged: bool = True) -> Iterator[Violation]:
        """`is_settled`: the daemon looked once more after all work was done. If a tick may have failed, set `is_judged`
        to False.
        """
        alerts = (message["late"] for message in self.posted()[self._count :] if "late" in message)
        told = Counter(what for what in alerts if not what.startswith("reference/"))
        due_at_last = self.late_from()
        at_last = {what for what, dues in due_at_last.items() if now > min(dues)}
        at_first = self._late_by(self._began)
        if is_settled and is_judged:
            for what in {*told, *at_first} - self._unknown:
                dues = {*self._due.get(what, ()), *due_at_last.get(what, ())}
                yield from self._judged(what, told[what], now, what in at_last, dues)
        self._since |= dict.fromkeys(told, (self._began, now))
        self._since = {what: since for what, since in self._since.items() if what in at_last}
        self._unknown = set() if is_settled else self._unknown | at_first | {*told}

    def _judged(
        self, what: str, times: int, now: datetime, is_late_at_last: bool, dues: Collection[datetime]
    ) -> Iterator[Violation]:
        before = self._since.get(what)
        subject = f"late {what} at {self._began:%Y-%m-%d %H:%M}"
        renewed = any(self._began < due < now for due in dues) or now - self._began > _LONG_LOOK
        is_new = before is None or any(before[0] < due < now for due in dues)
        if times > 1 + renewed or (times and before is not None and now - before[0] < DAY and not is_new):
            yield Violation("alert", subject, "one a day", f"{times} more")
        if times and what not in self._late_by(now) and not is_late_at_last:
            yield Violation("alert", subject, "none: it is not late", f"{times}")
        must = before is None or self._began - before[1] >= DAY
        must = must or any(before[1] < due < self._began for due in self._due.get(what, ()) if before is not None)
        if not times and what in self._late_by(self._began) and must:
            yield Violation("alert", subject, "one", "none")

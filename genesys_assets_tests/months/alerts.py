"""Checks the alerts of the webhook: one for each failed run, and one a day for each late figure.

This module decides from the folder of the lake what is late, by the limits in the docs. It leaves out observations,
which are late on one day only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.lake.lake import Lake
from genesys_assets_tests.months.bounds import utc_midnight, window
from genesys_assets_tests.months.history import DAY, HOUR
from genesys_assets_tests.months.judgement import Violation
from genesys_assets_tests.months.readings import AGGREGATES_OF_HOURS, DETAILS, HOURS

PUBLISHED = "published/reports"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def late_from(
    lake: Lake, published: Collection[date], first: date, zone: ZoneInfo, now: datetime
) -> dict[str, datetime]:
    """When each figure will be late, given the current lake: hours 3 hours after the end of the first missing hour,
    complete days a day and a half after it. Business days are published once they are over in UTC too; 6 hours later
    they are late. Automation goes back 35 days.
    """
    begin = max(first, now.date() - DAY * 35)
    stored_days = [key for key in lake.stored(DETAILS) if key is not None]
    read = lake.pages_of(DETAILS, sorted(stored_days))
    complete = {date.fromisoformat(key) for key, pages in read.items() if pages.reach and pages.reach.is_complete}
    ends = {}
    for place in (AGGREGATES_OF_HOURS, HOURS):
        keys = (key for key in lake.stored(place) if key is not None)
        stored = {datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC) for key in keys}
        hour = utc_midnight(begin)
        while hour in stored or (place == HOURS and hour.date() in complete):
            hour += HOUR
        ends[place] = hour + HOUR + timedelta(hours=3)
    ends[DETAILS] = utc_midnight(_first_missing(begin, complete)) + DAY + timedelta(hours=36)
    unpublished = _first_missing(begin, published)
    over = max(window(unpublished, zone)[1], utc_midnight(unpublished) + DAY)
    ends[PUBLISHED] = over + timedelta(hours=6)
    return ends


def _first_missing(begin: date, days: Collection[date]) -> date:
    while begin in days:
        begin += DAY
    return begin


def untrue(failed: Iterable[str], posted: Sequence[Any]) -> Iterator[Violation]:
    """Failed runs without an alert or with more than one; alerts of runs that did not fail."""
    told = Counter(message["run_id"] for message in posted if "run_id" in message)
    for run in {*failed} | {*told}:
        if told[run] != (run in {*failed}):
            yield Violation("alert", f"of run {run}", f"{int(run in {*failed})} alerts", f"{told[run]}")


@dataclass
class LateAlerts:
    """Compares alerts with lateness, look after look. `late_from` says when each figure will be late, at the begin and
    at the end of a look. A look takes time, and figures may become late during it.
    """

    posted: Callable[[], Sequence[Any]]
    late_from: Callable[[], Mapping[str, datetime]]
    _since: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """Of each late figure that had its alert: begin and end of the look in which it came."""
    _unknown: set[str] = field(default_factory=set)
    """What the daemon may take for late still, for it has not looked since."""
    _count: int = 0
    _began: datetime = _LONG_AGO
    _due: Mapping[str, datetime] = field(default_factory=dict)

    def begin(self, now: datetime) -> None:
        self._began, self._due, self._count = now, self.late_from(), len(self.posted())

    def _late_by(self, now: datetime) -> set[str]:
        """The figures that were late by then, given the lake at the begin of the look."""
        return {what for what, due in self._due.items() if now > due}

    def end(self, now: datetime, *, is_settled: bool, is_judged: bool = True) -> Iterator[Violation]:
        """`is_settled`: the daemon looked once more after all work was done. If a tick may have failed, set `is_judged`
        to False.
        """
        alerts = (message["late"] for message in self.posted()[self._count :] if "late" in message)
        told = Counter(what for what in alerts if not what.startswith("reference/"))
        at_last = {what for what, due in self.late_from().items() if now > due}
        at_first = self._late_by(self._began)
        if is_settled and is_judged:
            for what in {*told, *at_first} - self._unknown:
                yield from self._judged(what, told[what], now, what in at_last)
        self._since |= dict.fromkeys(told, (self._began, now))
        self._since = {what: since for what, since in self._since.items() if what in at_last}
        self._unknown = set() if is_settled else self._unknown | at_first | {*told}

    def _judged(self, what: str, times: int, now: datetime, is_late_at_last: bool) -> Iterator[Violation]:
        before = self._since.get(what)
        subject = f"late {what} at {self._began:%Y-%m-%d %H:%M}"
        if times > 1 or (times and before is not None and now - before[0] < DAY):
            yield Violation("alert", subject, "one a day", f"{times} more")
        if times and what not in self._late_by(now) and not is_late_at_last:
            yield Violation("alert", subject, "none: it is not late", f"{times}")
        if not times and what in self._late_by(self._began) and (before is None or self._began - before[1] >= DAY):
            yield Violation("alert", subject, "one", "none")

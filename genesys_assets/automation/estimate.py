"""Estimates what a range of days costs, by asset: requests to the platform, bytes in the lake, and what is stored
already. It depends on the lake, the calendar and now, and writes nothing.

`backlog` decides which partitions are missing, as for the sensors. Sizes are means of stored days, or `_ASSUMED_BYTES`
if no day is stored; each figure says which. `cli.plan` prints the estimate.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

from genesys_assets.automation import backlog, stale
from genesys_assets.cloud.analytics.aggregate_windows import group_spans
from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.cloud.analytics.queries import Interval
from genesys_assets.cloud.extraction.downloads import MOST_AT_ONCE
from genesys_assets.cloud.extraction.listing import MOST_PER_PAGE
from genesys_assets.days import DAY, hours_of, utc_day, utc_hour, waits
from genesys_assets.days.data_lake import LAKE_FILES
from genesys_assets.days.limits import DAYS_LIMIT
from genesys_assets.days.sources import DAILY_AGGREGATES, DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS, OVERLAP
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar
from genesys_assets.reports.meaning.report import Report
from genesys_assets.settings import DataLakeSettings
from genesys_assets.tables.metrics.buckets import table_of

ASSUMED_CONVERSATIONS = 10_000
"""Conversations per day, if no day is stored and the user does not give a number."""
MEASURED_DAYS = 28
"""Means are over this many of the newest stored days: four whole weeks."""

QUERY_PAGE, JOB_PAGE = 100, 1000
"""Conversations on a page of the details query, and of a details job's results."""
REQUESTS_OF_A_JOB = 15
"""Requests of a details job besides its pages: availability, submission, about ten polls of its state, deletion,
count.
"""

_ASSUMED_BYTES = {
    HOURLY_AGGREGATES: 182,
    DAILY_AGGREGATES: 11,
    HOURLY_DETAILS: 888,
    DAILY_DETAILS: 481,
    OVERLAP: 125,
    USER_DETAILS: 40,
    "tables/conversations": 43,
    "tables/daily_metrics": 10,
    "tables/evaluations": 4,
    "tables/flow_outcomes": 27,
    "tables/interaction_legs": 166,
    "tables/interval_metrics": 128,
    "tables/media_endpoint_stats": 59,
    "tables/participant_attributes": 46,
    "tables/participants": 99,
    "tables/queue_waits": 40,
    "tables/resolutions": 2,
    "tables/segments": 249,
    "tables/session_metrics": 255,
    "tables/sessions": 249,
    "tables/surveys": 3,
    "tables/user_presence": 25,
    "tables/user_routing_status": 29,
    "tables/user_time": 75,
}
"""Stored bytes per conversation of a day, measured on a day of 3,000 conversations of the sandbox."""
_ASSUMED_BYTES_OF_OTHERS = 5


@dataclass(frozen=True, slots=True)
class AssetEstimate:
    """What an asset costs: the requests and bytes of its `missing` partitions. `stored` counts its stored ones.

    `measured`: the bytes are a mean of stored days; else they are assumed.
    """

    asset: str
    stored: int
    missing: int
    requests: int
    bytes: int
    measured: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a range of days costs, including the first and the last one.

    `basis` says where `conversations_per_day` comes from: given by the user, measured as the mean of `measured_days`
    stored days, or assumed.
    """

    first: date
    last: date
    requests_per_minute: int
    conversations_per_day: int
    basis: Literal["given", "measured", "assumed"]
    measured_days: int
    assets: tuple[AssetEstimate, ...]

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.assets)

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.assets)

    @property
    def hours(self) -> float:
        """How many hours the requests take at `requests_per_minute`."""
        return self.requests / self.requests_per_minute / 60


@dataclass(frozen=True, slots=True)
class Terms:
    """What an estimate assumes.

    `questions`, `daily_questions`: how many aggregates questions are asked about each hour and each business day.
    `conversations_per_day`: None to measure it. `users`: whether agents' status is fetched. `data_lake`: the settings
    of the data lake extraction, None if it is off. `families`: those of aggregates that become tables of their own.
    """

    questions: int
    daily_questions: int
    longest_window: timedelta
    requests_per_minute: int
    conversations_per_day: int | None = None
    users: bool = False
    data_lake: DataLakeSettings | None = None
    families: Sequence[AggregateFamily] = ()


def estimate(
    lake: Lake, calendar: Calendar, first: date, last: date, now: datetime, reports: Sequence[Report], terms: Terms
) -> Estimate:
    """What it costs to fetch and compute the missing partitions of a range of days. Raises LakeUnreachable."""
    start_date = min(first, calendar.start_date)
    return _Range(lake, replace(calendar, start_date=first), last, now, reports, terms, start_date).estimate()


@dataclass
class _Range:
    lake: Lake
    calendar: Calendar
    last: date
    now: datetime
    reports: Sequence[Report]
    terms: Terms
    start_date: date

    def estimate(self) -> Estimate:
        missing = self._missing_pages()
        pages = [self._of_pages(place, missing[place]) for place in self._fetched]
        users = stale.USER_PLACES if self.terms.users else ()
        families = [f"tables/{table_of(family).name}" for family in self.terms.families]
        tables = [*stale.CONVERSATION_TABLES, backlog.INTERVALS, stale.DAYS, waits.PLACE, *users, *families]
        computed = [(place, self._days) for place in sorted(tables)]
        computed += [(f"reports/{report.name}", self._days_of(report)) for report in self.reports]
        return Estimate(
            first=self.calendar.start_date,
            last=self.last,
            requests_per_minute=self.terms.requests_per_minute,
            conversations_per_day=self._conversations,
            basis=self._basis,
            measured_days=len(self._measured_rows),
            assets=(*pages, *(self._of_computed(place, days) for place, days in computed)),
        )

    @property
    def _fetched(self) -> list[str]:
        """The places of the pages that are fetched."""
        users = [USER_DETAILS] if self.terms.users else []
        of_data_lake = [LAKE_FILES] if self.terms.data_lake else []
        return [HOURLY_AGGREGATES, HOURLY_DETAILS, DAILY_DETAILS, OVERLAP, DAILY_AGGREGATES, *users, *of_data_lake]

    @cached_property
    def _days(self) -> list[str]:
        count = (self.last - self.calendar.start_date).days
        return [f"{self.calendar.start_date + DAY * number}" for number in range(count + 1)]

    def _days_of(self, report: Report) -> list[str]:
        """The days for which a report has a partition: of one over weeks, the last day of each."""
        return [day for day in self._days if report.has_partition(day, self.start_date)]

    # -- missing partitions ----------------------------------------------------------------------------------------

    def _missing_pages(self) -> dict[str, list[str]]:
        """The missing keys of each place, in order. Stored days that a look-back reads again do not count."""
        calendar = replace(self.calendar, look_back_days=0, month_close_day=None)
        jobs_reach = self.now - DAYS_LIMIT
        by_place: dict[str, list[str]] = defaultdict(list)
        files, users = self.terms.data_lake, self.terms.users
        for wanted in (
            backlog.hours_backlog(self.lake, calendar, self.now, (), jobs_reach),
            backlog.days_backlog(self.lake, calendar, self.now, self.now),
            backlog.user_days_backlog(self.lake, calendar, self.now, jobs_reach) if users else {},
            backlog.lake_files_backlog(self.lake, calendar, self.now, files) if files else {},
        ):
            for key, places in sorted(wanted.items()):
                if key[:10] <= f"{self.last}":
                    for place in places:
                        by_place[place].append(key)
        return by_place

    def _of_pages(self, place: str, missing: Sequence[str]) -> AssetEstimate:
        keys = {hour for day in self._days for hour in hours_of(day)} | {*self._days}
        stored = len(keys.intersection(map(str, self.lake.stored(place))).difference(missing))
        per_day, measured = self._bytes_a_day(place)
        part = 1 / 24 if place in (HOURLY_DETAILS, HOURLY_AGGREGATES) else 1
        size = round(per_day * part * len(missing))
        return AssetEstimate(place, stored, len(missing), self._requests(place, missing), size, measured)

    def _of_computed(self, place: str, days: Sequence[str]) -> AssetEstimate:
        stored = self.lake.stored(place)
        missing = sum(day not in stored for day in days)
        per_day, measured = self._bytes_a_day(place)
        return AssetEstimate(place, len(days) - missing, missing, 0, round(per_day * missing), measured)

    # -- requests --------------------------------------------------------------------------------------------------

    def _requests(self, place: str, missing: Sequence[str]) -> int:
        """How many requests the missing partitions of a place need. A request for aggregates covers several days, one
        for conversations a page.
        """
        if not missing:
            return 0
        if place == HOURLY_AGGREGATES:
            spans = [Interval(*utc_hour(hour)) for hour in missing]
            return self.terms.questions * self._windows(spans, None)
        if place == DAILY_AGGREGATES:
            zone = None if self.calendar.zone.key == "UTC" else self.calendar.zone.key
            spans = [Interval(*self.calendar.business_day(day)) for day in missing]
            return self.terms.daily_questions * self._windows(spans, zone)
        if place == HOURLY_DETAILS:
            days = len({hour[:10] for hour in missing})
            # The query is by UTC day. A day's last page is the first one that is not full; it may be empty.
            return days * (int(self._conversations * len(missing) / 24 / days) // QUERY_PAGE + 1)
        if place == LAKE_FILES:
            return (self._listings + self._requests_for_files(self._pages_a_day(place, 0))) * len(missing)
        if place == USER_DETAILS:
            return (self._pages_a_day(place, 1) + REQUESTS_OF_A_JOB) * len(missing)
        pages = math.ceil(self._conversations * self._share(place) / JOB_PAGE)
        return (pages + REQUESTS_OF_A_JOB) * len(missing)

    @property
    def _listings(self) -> int:
        """How many requests list the files of a day: every few hours until it is over, and once more; for each
        schema.
        """
        settings = self.terms.data_lake
        return 0 if settings is None else (24 // settings.every_hours + 1) * max(1, len(settings.wanted))

    @staticmethod
    def _requests_for_files(files: int) -> int:
        """How many requests the files of a day need besides the first page of each listing: for the signed URLs, and
        for further pages. The files themselves come from another host, which the rate limit does not cover.
        """
        return math.ceil(files / MOST_AT_ONCE) + max(0, files - 1) // MOST_PER_PAGE

    def _pages_a_day(self, place: str, assumed: int) -> int:
        """The mean number of pages of the newest stored days, else `assumed`. A file of the data lake is a page."""
        days = sorted(day for day in self.lake.stored(place) if day)[-MEASURED_DAYS:]
        return math.ceil(_mean(self.lake.rows(place, day) for day in days)) if days else assumed

    def _share(self, place: str) -> float:
        """The share of a day's conversations that a place has, estimated by its bytes relative to those of
        daily_details.
        """
        sizes = self._bytes_a_day(place)[0], self._bytes_a_day(DAILY_DETAILS)[0]
        return 1.0 if place == DAILY_DETAILS else min(1.0, sizes[0] / max(1.0, sizes[1]))

    def _windows(self, spans: Sequence[Interval], zone: str | None) -> int:
        return sum(1 for _ in group_spans(spans, self.terms.longest_window, zone))

    @property
    def _basis(self) -> Literal["given", "measured", "assumed"]:
        return "given" if self.terms.conversations_per_day else "measured" if self._measured_rows else "assumed"

    # -- measured sizes --------------------------------------------------------------------------------------------

    @cached_property
    def _conversations(self) -> int:
        if self.terms.conversations_per_day:
            return self.terms.conversations_per_day
        rows = self._measured_rows
        return round(sum(rows) / len(rows)) if rows else ASSUMED_CONVERSATIONS

    @cached_property
    def _measured_rows(self) -> list[int]:
        """The conversations of each of the newest finished days that are stored."""
        today, place = f"{self.now.astimezone(UTC).date()}", "tables/conversations"
        days = sorted(day for day in self.lake.stored(place) if day and day < today and utc_day(day)[1] <= self.now)
        return [rows for day in days[-MEASURED_DAYS:] if (rows := self.lake.rows(place, day))]

    def _bytes_a_day(self, place: str) -> tuple[float, bool]:
        """The mean bytes of the newest stored finished days, and True; or the assumed bytes, and False."""
        today = f"{self.now.astimezone(UTC).date()}"
        sizes: dict[str, int] = defaultdict(int)
        for key, file in self.lake.log(place).every_file():
            if key and key[:10] < today:
                sizes[key[:10]] += file.size
        days = sorted(sizes)[-MEASURED_DAYS:]
        if not days:
            return self._conversations * _ASSUMED_BYTES.get(place, _ASSUMED_BYTES_OF_OTHERS), False
        return _mean(sizes[day] for day in days) * self._growth, True

    @cached_property
    def _growth(self) -> float:
        """How much larger the days of the range are assumed to be than the measured ones, as a factor."""
        rows, given = self._measured_rows, self.terms.conversations_per_day
        return given / _mean(rows) if rows and given else 1.0


def _mean(numbers: Iterable[float]) -> float:
    listed = list(numbers)
    return sum(listed) / len(listed)

"""The status of each asset: what is stored, what is missing or stale, and since when it is late. Reads the lake and the
settings; writes nothing.

The functions of `backlog` and `stale` that the sensors use decide what is missing or stale; `days.limits` has the
limits. It asks neither the platform nor Dagster, so it works while the daemon is off. `cli.status` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from genesys_assets.automation import backlog, stale
from genesys_assets.automation.next_run import begin, last_moment
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.days import DAY, HOUR, Window, hours_of, utc_day, waits
from genesys_assets.days.data_lake import LAKE_FILES
from genesys_assets.days.families import unanswered
from genesys_assets.days.limits import DAYS_LIMIT, HOURS_LIMIT, PUBLISHED_LIMIT
from genesys_assets.days.sources import (
    DAILY_AGGREGATES,
    DAILY_DETAILS,
    HOURLY_AGGREGATES,
    HOURLY_DETAILS,
    IMPORTED_DAILY,
    IMPORTED_DETAILS,
    IMPORTED_HOURLY,
    OVERLAP,
)
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.days.verdicts import PLACE as VERDICTS
from genesys_assets.days.verdicts import blocking_reason
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER
from genesys_assets.partitions import Calendar
from genesys_assets.reports.engine.made_of import window_of, windows_of
from genesys_assets.reports.meaning.questions import all_questions, families_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.settings import AggregatesSettings, DataLakeSettings
from genesys_assets.tables.metrics.buckets import table_of

TABLES = (*stale.CONVERSATION_TABLES, backlog.INTERVALS, stale.DAYS)
"""The tables that every finished day has."""
LIVE = ("live/conversations", "live/queues")
"""Snapshots. They are never missing: a moment that was not observed is lost."""
_IMPORTED = (IMPORTED_DETAILS, IMPORTED_HOURLY, IMPORTED_DAILY)
_LAYERS = ("reference", "pages", "tables", "ops", "reports", "published", "live")
_LIMITS = dict.fromkeys((DAILY_DETAILS, OVERLAP, USER_DETAILS, LAKE_FILES), DAYS_LIMIT)
"""A partition of pages may be stored this long after its end. For other places it is `HOURS_LIMIT`."""

MadeOfPublished = Callable[[str], Mapping[str, str] | None]
"""Returns what the published files of a day are made of; None if there are none: see `stale.published_backlog`."""


@dataclass(frozen=True, slots=True)
class DuePartition:
    """A partition that is missing or stale. It is late from `due` on."""

    asset: str
    key: str
    due: datetime
    is_stored: bool


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """The status of one asset, named as `pages/hourly_details`.

    `missing`: late and not stored. `stale`: late and stored, but to be read again, or computed from other inputs than
    those that are stored now.
    `coming`: missing or stale, but not late yet. `lost`: not stored, and the platform keeps no history of it. All are
    keys in order. `newest` is the newest stored partition; for a listing, when it was read.
    """

    asset: str
    stored: int
    newest: str | None
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    coming: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    late_since: datetime | None = None

    @property
    def layer(self) -> str:
        return self.asset.split("/")[0]


@dataclass(frozen=True, slots=True)
class Status:
    """The status of every asset at an instant. `problems` says what could not be checked."""

    now: datetime
    assets: tuple[AssetStatus, ...]
    problems: tuple[str, ...] = ()

    @property
    def late(self) -> list[AssetStatus]:
        return [each for each in self.assets if each.late_since is not None]


def status(
    lake: Lake,
    calendar: Calendar,
    now: datetime,
    reports: Sequence[Report],
    made_of_published: MadeOfPublished | None,
    *,
    observed: Collection[str] = backlog.OBSERVED,
    blocking: bool = False,
    problems: Sequence[str] = (),
) -> Status:
    """The status of every asset. `made_of_published` is None if the published files cannot be read; `problems` says
    why.

    `observed`: the daily observations that are switched on. `blocking`: whether a failed check keeps a day's reports
    from being computed. Raises LakeUnreachable.
    """
    builder = _StatusBuilder(lake, calendar, now, reports, made_of_published, observed, blocking)
    by_asset: dict[str, dict[str, DuePartition]] = {asset: {} for asset in builder.asset_names()}
    for each in builder.due_partitions():
        of_asset = by_asset.setdefault(each.asset, {})
        # A missing partition of a finished day may be listed twice, with different due times. The earlier one counts.
        of_asset[each.key] = min(each, of_asset.get(each.key, each), key=lambda one: one.due)
    if made_of_published is None:
        by_asset.pop(stale.PUBLISHED)
    assets = (builder.of_asset(asset, list(awaited.values())) for asset, awaited in by_asset.items())
    return Status(now, tuple(sorted(assets, key=_in_order)), tuple(problems))


def _in_order(each: AssetStatus) -> tuple[int, str]:
    layer = _LAYERS.index(each.layer) if each.layer in _LAYERS else len(_LAYERS)
    return layer, each.asset


@dataclass
class _StatusBuilder:
    lake: Lake
    calendar: Calendar
    now: datetime
    reports: Sequence[Report]
    made_of_published: MadeOfPublished | None
    observed: Collection[str]
    blocking: bool

    def asset_names(self) -> list[str]:
        """The assets that the status lists even if nothing of them is missing or stale."""
        imported = (place for place in _IMPORTED if self.lake.stored(place))
        users = (*((USER_DETAILS,) if self._has_users else ()), *(stale.USER_PLACES if self._has_status else ()))
        of_data_lake = (LAKE_FILES,) if self.lake.stored(LAKE_FILES) else ()
        pages = (
            HOURLY_AGGREGATES,
            HOURLY_DETAILS,
            DAILY_DETAILS,
            OVERLAP,
            DAILY_AGGREGATES,
            *users,
            *of_data_lake,
            *imported,
        )
        reports = (f"reports/{report.name}" for report in self.reports)
        of_waits = (waits.PLACE,) if self.lake.stored(waits.PLACE) else ()
        listed = (*backlog.REFERENCE, *self.observed, *pages, *self.tables, *of_waits)
        return [*listed, stale.OPEN_CONVERSATIONS_PLACE, LEDGER, VERDICTS, *reports, stale.PUBLISHED, *LIVE]

    def due_partitions(self) -> Iterator[DuePartition]:
        """All partitions that are wanted now, and those of finished days that cannot be made yet."""
        yield from self._missing()
        yield from self._reference()
        yield from self._observed()
        yield from self._pages(
            backlog.hours_backlog(self.lake, self.calendar, self.now, self.questions, self._jobs_reach)
        )
        yield from self._pages(backlog.days_backlog(self.lake, self.calendar, self.now, self.now))
        if self._has_users:
            yield from self._pages(backlog.user_days_backlog(self.lake, self.calendar, self.now, self._jobs_reach))
        yield from self._pages(backlog.lake_files_backlog(self.lake, self.calendar, self.now, DataLakeSettings.load()))
        yield from self._tables()
        yield from self._checks()
        yield from self._reports()
        yield from self._published()

    @cached_property
    def questions(self) -> Sequence[AggregateQuestion]:
        return all_questions(self.reports, AggregatesSettings.load().families)

    @cached_property
    def tables(self) -> Sequence[str]:
        return (*TABLES, *self._families)

    @cached_property
    def _families(self) -> Mapping[str, str]:
        """The families that are asked, by the places of their tables."""
        return {f"tables/{table_of(family).name}": family.name for family in families_of(self.questions)}

    @property
    def _jobs_reach(self) -> datetime:
        """Up to when details jobs have data at least: they lag by up to DAYS_LIMIT."""
        return self.now - DAYS_LIMIT

    # -- the layers ------------------------------------------------------------------------------------------------

    def _reference(self) -> Iterator[DuePartition]:
        tonight = last_moment(self.now, *backlog.NIGHT_AT)
        overdue = last_moment(self.now - HOURS_LIMIT, *backlog.NIGHT_AT)
        for place in backlog.REFERENCE:
            read_at = self._read_at(place)
            if read_at is None or read_at < tonight:
                night = overdue if read_at is None or read_at < overdue else tonight
                yield DuePartition(place, f"{night:%Y-%m-%d}", night + HOURS_LIMIT, read_at is not None)

    def _observed(self) -> Iterator[DuePartition]:
        """Today's, and earlier ones whose pages are stored: the platform keeps no history of other days."""
        wanted = backlog.observations_backlog(self.lake, self.calendar, self.now, self.observed)
        for day, places in wanted.items():
            for place in places:
                yield DuePartition(place, day, utc_day(day)[0] + HOURS_LIMIT, is_stored=False)

    def _pages(self, wanted: Mapping[str, Collection[str]]) -> Iterator[DuePartition]:
        for key, places in wanted.items():
            for place in places:
                limit = _LIMITS.get(place, HOURS_LIMIT)
                end, stored = self._end(place, key), self.lake.stored(place).get(key)
                again = stored is not None and self._is_whole(place, key, end)
                due = self._night(place, key, limit) if again else end
                yield DuePartition(place, key, due + limit, stored is not None)

    def _night(self, place: str, key: str, limit: timedelta) -> datetime:
        """The look-back that the partition missed: the last one that is late by now, else the newest."""
        stored, day = self.lake.stored(place)[key], key[:10]
        overdue = backlog.reading_moments(self.calendar, self.now - limit).get(day)
        if overdue is not None and stored.written_at < overdue:
            return overdue
        return backlog.reading_moments(self.calendar, self.now).get(day, self.now)

    @cached_property
    def _stale_tables(self) -> Mapping[str, frozenset[str]]:
        return stale.tables_backlog(self.lake, self.calendar, self.now, families_of(self.questions))

    def _tables(self) -> Iterator[DuePartition]:
        for day, places in self._stale_tables.items():
            for place in places - {LEDGER}:
                yield self._computed_partition(place, day, utc_day(day)[1], self._pages_of(day))
        yield from self._open_conversations()
        behind = [key for key, places in self._stale_tables.items() if places == {LEDGER}]
        for key in behind:
            yield DuePartition(LEDGER, key, self._changed(self.tables) + HOURS_LIMIT, key in self.lake.stored(LEDGER))

    def _open_conversations(self) -> Iterator[DuePartition]:
        """The table of open conversations. If it was not made for several nights, it is late since the last overdue
        night. If it was never made, the time counts from when the first table of conversations was stored.
        """
        computed_at = self._read_at(stale.OPEN_CONVERSATIONS_PLACE)
        overdue = last_moment(self.now - HOURS_LIMIT, *stale.OPEN_CONVERSATIONS_AT)
        for night in stale.open_conversations_backlog(self.lake, self.now):
            since = last_moment(self.now, *stale.OPEN_CONVERSATIONS_AT)
            first = computed_at or min(self._written_of(stale.CONVERSATION_TABLES), default=self.now)
            if first < overdue:
                since = overdue
            elif computed_at is None:
                since = max(since, first)
            yield DuePartition(stale.OPEN_CONVERSATIONS_PLACE, night, since + HOURS_LIMIT, computed_at is not None)

    def _checks(self) -> Iterator[DuePartition]:
        for day in stale.checks_backlog(self.lake, self.calendar, self.now, self._stale_tables):
            yield self._computed_partition(VERDICTS, day, utc_day(day)[1], [(place, day) for place in self.tables])

    @cached_property
    def _stale_reports(self) -> Mapping[str, frozenset[str]]:
        closed = {*self._stale_tables, *self._closed}
        return stale.reports_backlog(self.lake, self.calendar, self.now, self.reports, closed)

    def _reports(self) -> Iterator[DuePartition]:
        for day, places in self._stale_reports.items():
            for place in places:
                window = window_of(self._report(place), day, self.calendar.zone)
                parts = [(table, utc) for table in self.tables for utc in window.utc_days()]
                yield self._computed_partition(place, day, window.end, parts)

    def _published(self) -> Iterator[DuePartition]:
        """The days to publish. Automation only publishes days of the last weeks. A day whose reports are stale is not
        due yet; these reports are.
        """
        if self.made_of_published is None:
            return
        waiting = {*self._stale_tables, *self._closed, *self._stale_reports}
        wanted = stale.published_backlog(self.lake, self.calendar, self.now, self.reports, waiting, self._manifest)
        for day in wanted:
            end = self._end(stale.PUBLISHED, day)
            parts = [(f"reports/{report.name}", day) for report in self.reports]
            since = max((end, *self._written(parts)))
            yield DuePartition(stale.PUBLISHED, day, since + PUBLISHED_LIMIT, self._manifest(day) is not None)

    def _missing(self) -> Iterator[DuePartition]:
        """The missing partitions of finished days, even if their inputs are missing too."""
        for day in self._days:
            for place in (*self.tables, *self._by_place, stale.PUBLISHED):
                due = self._end(place, day) + PUBLISHED_LIMIT
                if due <= self.now and not self._exists(place, day) and self._is_expected(place, day):
                    yield DuePartition(place, day, due, is_stored=False)

    def _is_expected(self, place: str, day: str) -> bool:
        """Whether a finished day should have a partition. A report over weeks or months has one for the last day of
        each. A table or report is not expected if it needs agents' status, which is not read, or a refused family.
        """
        if place in self._families:
            return self._families[place] not in self._refused(day)
        report = self._by_place.get(place)
        if report is None:
            return True
        if not report.has_partition(day, self.calendar.start_date):
            return False
        if not self._has_status and not {*stale.USER_PLACES}.isdisjoint(report.places):
            return False
        needed = {family.name for family in report.families}
        windows = (window for _, window in windows_of(report, day, self.calendar.zone) if needed)
        return all(needed.isdisjoint(self._refused(each)) for window in windows for each in window.utc_days())

    def _refused(self, day: str) -> Collection[str]:
        """The families that the platform refused for a UTC day. For an imported day these are all families, because the
        platform is not asked.
        """
        is_fetched = any(hour in self.lake.stored(HOURLY_AGGREGATES) for hour in hours_of(day))
        if not is_fetched and day in self.lake.stored(IMPORTED_HOURLY):
            return self._families.values()
        return unanswered(self.lake, [day])

    def _exists(self, place: str, day: str) -> bool:
        if place != stale.PUBLISHED:
            return day in self.lake.stored(place)
        return self.made_of_published is None or day < self._published_since or self._manifest(day) is not None

    # -- one partition ---------------------------------------------------------------------------------------------

    def _computed_partition(
        self, place: str, key: str, end: datetime, parts: Iterable[tuple[str, str]]
    ) -> DuePartition:
        """A computed partition is late HOURS_LIMIT after its inputs (`parts`) last changed. While its day is not over,
        inputs change every hour, so then the first change that it lacks counts.
        """
        stored, moments = self.lake.stored(place).get(key), self._written(parts)
        if end > self.now:
            since = min((at for at in moments if stored is None or at > stored.written_at), default=self.now)
        else:
            since = max(moments, default=end)
        return DuePartition(place, key, since + HOURS_LIMIT, stored is not None)

    def _written(self, parts: Iterable[tuple[str, str]]) -> list[datetime]:
        stored = (self.lake.stored(place).get(key) for place, key in parts)
        return [partition.written_at for partition in stored if partition is not None]

    def _changed(self, places: Iterable[str]) -> datetime:
        """When any of the tables was last written."""
        return max(self._written_of(places), default=self.now)

    def _written_of(self, places: Iterable[str]) -> Iterator[datetime]:
        return (part.written_at for place in places for part in self.lake.stored(place).values())

    def _pages_of(self, day: str) -> list[tuple[str, str]]:
        of_day = [
            (place, day) for place in (DAILY_DETAILS, OVERLAP, DAILY_AGGREGATES, USER_DETAILS, LAKE_FILES, *_IMPORTED)
        ]
        return [*of_day, *((place, hour) for place in (HOURLY_DETAILS, HOURLY_AGGREGATES) for hour in hours_of(day))]

    def _is_whole(self, place: str, key: str, end: datetime) -> bool:
        footer = self.lake.footer(place, key)
        return footer is not None and (footer.reach is None or footer.reach.through >= end)

    def _end(self, place: str, key: str) -> datetime:
        """When a partition is over."""
        if len(key) > len("2026-01-31"):
            return begin(key) + HOUR
        if place == DAILY_AGGREGATES:
            return self.calendar.business_day(key)[1]
        if place == stale.PUBLISHED:
            zones = [report.zone for report in self.reports if report.zone]
            return Window.of_day(key, self.calendar.last_to_finish(key, zones)).end
        if place.startswith("reports/"):
            return window_of(self._report(place), key, self.calendar.zone).end
        return utc_day(key)[1]

    def _report(self, place: str) -> Report:
        return self._by_place[place]

    # -- facts that several of these need --------------------------------------------------------------------------

    @cached_property
    def _has_users(self) -> bool:
        """Whether pages of agents' status were ever stored."""
        return bool(self.lake.stored(USER_DETAILS))

    @cached_property
    def _has_status(self) -> bool:
        """Whether tables of agents' status exist, or can be computed. They may also come from the data lake
        extraction.
        """
        return self._has_users or any(self.lake.stored(place) for place in stale.USER_PLACES)

    @cached_property
    def _days(self) -> list[str]:
        count = (self.now.astimezone(UTC).date() - self.calendar.start_date).days
        return [f"{self.calendar.start_date + DAY * number}" for number in range(count + 1)]

    @cached_property
    def _by_place(self) -> dict[str, Report]:
        return {f"reports/{report.name}": report for report in self.reports}

    @cached_property
    def _published_since(self) -> str:
        return stale.published_since(self.calendar, self.now)

    @cached_property
    def _closed(self) -> set[str]:
        if not self.blocking:
            return set()
        checked = (str(day) for day in self.lake.stored(VERDICTS))
        return {day for day in checked if blocking_reason(self.lake, [day])}

    @cached_property
    def _manifests(self) -> dict[str, Mapping[str, str] | None]:
        return {}

    def _manifest(self, day: str) -> Mapping[str, str] | None:
        """What the published files of a day are made of; cached by day."""
        if day not in self._manifests and self.made_of_published is not None:
            self._manifests[day] = self.made_of_published(day)
        return self._manifests[day]

    def _read_at(self, place: str) -> datetime | None:
        moment = self.lake.log(place).newness(None)
        return None if moment is None else datetime.fromtimestamp(moment / 1000, UTC)

    def of_asset(self, asset: str, awaited: Sequence[DuePartition]) -> AssetStatus:
        late = [each for each in awaited if each.due <= self.now]
        stored, newest = self._stored(asset)
        return AssetStatus(
            asset,
            stored,
            newest,
            missing=tuple(sorted(each.key for each in late if not each.is_stored)),
            stale=tuple(sorted(each.key for each in late if each.is_stored)),
            coming=tuple(sorted(each.key for each in awaited if each.due > self.now)),
            lost=tuple(backlog.unobserved(self.lake, self.calendar, self.now, asset)) if asset in self.observed else (),
            late_since=min((each.due for each in late), default=None),
        )

    def _stored(self, asset: str) -> tuple[int, str | None]:
        """How many partitions are stored, and the newest."""
        if asset in backlog.REFERENCE or asset == stale.OPEN_CONVERSATIONS_PLACE:
            read_at = self._read_at(asset)
            return int(read_at is not None), f"{read_at:%Y-%m-%d %H:%M} UTC" if read_at else None
        keys = [key for key in self.lake.stored(asset) if key]
        if asset == stale.PUBLISHED:
            keys = [day for day in self._days if day >= self._published_since and self._manifest(day) is not None]
        return len(keys), max(keys, default=None)

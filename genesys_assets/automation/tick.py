"""One tick of a sensor: what is stored, what runs, and what each sensor finds missing or stale.

A tick asks Dagster for the runs at most once. `backlog` and `stale` decide which partitions are missing or stale. This
module decides which of them a sensor leaves out: those that other runs are about to make, or that must wait for
something else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import dagster as dg

from genesys_assets.assets.failed_reports import failed_reports
from genesys_assets.automation import backlog, stale
from genesys_assets.automation.manifests import ManifestReader
from genesys_assets.automation.next_run import (
    FIRST_PAUSE,
    GIVE_UP_AFTER,
    MOST_DAYS,
    Backlog,
    CanMake,
    NextRun,
    Run,
    begin,
    choose_next_run,
    failures_of,
    free,
    free_if_active,
    last_moment,
)
from genesys_assets.automation.progress import location_of, runs_of
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.cloud.errors import GenesysCloudError, MissingPermission
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days import DAY, hours_of, utc_day
from genesys_assets.days.limits import HOURS_LIMIT
from genesys_assets.days.sources import DAILY_DETAILS, HOURLY_DETAILS
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.keys import keys
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import shared_s3_client
from genesys_assets.partitions import Calendar
from genesys_assets.reports.built_in import operating_reports
from genesys_assets.reports.engine.made_of import partitions_read
from genesys_assets.reports.meaning.questions import families_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import GenesysCloudResource, PublishingResource
from genesys_assets.settings import (
    ApiBudgetSettings,
    DataLakeSettings,
    ObservationSettings,
    ReconciliationSettings,
    SettingError,
    UserStatusSettings,
)

_HOPELESS = 2
"""After this many failures of a table, check or report, its day is published without it."""
_LONG_WAIT = timedelta(hours=1)
"""Reports of other days no longer wait for a run that was launched so long ago."""


def _is_new_and_short(run: Run, now: datetime) -> bool:
    """Whether a run over days was launched lately, and is as short as those of sensors. A backfill may take hours."""
    is_new = run.created_at is not None and now - run.created_at < _LONG_WAIT
    return is_new and begin(run.last) - begin(run.first) < DAY * MOST_DAYS


@dataclass
class Tick:
    """One tick of a sensor, with everything that it decides by. `definitions` are the reports. Those named in
    `unrequested` are computed by a condition of their own, or never: no sensor requests them, and no published day
    waits for them.
    """

    context: dg.SensorEvaluationContext
    lake: Lake
    cloud: GenesysCloudResource
    publishing: PublishingResource
    calendar: Calendar
    definitions: Sequence[Report]
    questions: Sequence[AggregateQuestion]
    now: datetime
    unrequested: Collection[str] = ()

    @property
    def location(self) -> dg.RepositoryDefinition:
        return location_of(self.context)

    @cached_property
    def runs(self) -> Sequence[Run]:
        return runs_of(self.context.instance, self.location, self.now)

    @cached_property
    def keys(self) -> Mapping[str, dg.AssetKey]:
        """The keys of assets, by place."""
        return keys(self.location)

    # -- wanted partitions -----------------------------------------------------------------------------------------

    def upkeep(self) -> Backlog:
        since = last_moment(self.now, *backlog.NIGHT_AT)
        is_due = backlog.is_reference_older(self.lake, since)
        return {f"{since:%Y-%m-%d}": frozenset(backlog.REFERENCE)} if is_due else {}

    def observations(self) -> Backlog:
        observed = [f"reference/{name}" for name in ObservationSettings.load().observed]
        wanted = backlog.observations_backlog(self.lake, self.calendar, self.now, observed)
        if not ApiBudgetSettings.load().usage:
            return wanted
        return {**backlog.usage_backlog(self.lake, self.calendar, self.now), **wanted}

    def hours(self) -> Backlog:
        wanted = backlog.hours_backlog(self.lake, self.calendar, self.now, self.questions)
        if not any(HOURLY_DETAILS in assets and self._is_over(hour) for hour, assets in wanted.items()):
            return wanted
        return backlog.hours_backlog(self.lake, self.calendar, self.now, self.questions, self._available)

    def days(self) -> Backlog:
        """Asks the platform up to when details jobs have data, but only if a day could be due."""
        if self._has_one_to_run(backlog.days_backlog(self.lake, self.calendar, self.now, self.now)):
            return backlog.days_backlog(self.lake, self.calendar, self.now, self._available)
        return {}

    def next_run(self, wanted: Backlog, most: int, can_make: CanMake | None = None) -> NextRun:
        """What runs next of the wanted partitions. The runs are only read if something is wanted, because on most ticks
        nothing is.

        Where ranges are cut into runs of few days, days that want different assets share none: that would only compute
        more.
        """
        together = can_make if self.calendar.days_per_run is None else None
        return choose_next_run(wanted, self.runs if wanted else (), self.now, most=most, can_make=together)

    def after_runs(self) -> Tick:
        """The same tick with the lake as it is after the runs were read. Read the other way round, a run that ends in
        between would be requested again. What the platform answered is kept.
        """
        later = replace(self, lake=self.lake.refreshed())
        later.runs = self.runs
        answers = ("_available", "_available_of_users")
        later.__dict__.update({name: vars(self)[name] for name in answers if name in vars(self)})
        return later

    def _has_one_to_run(self, possible: Backlog) -> bool:
        return self.next_run(possible, most=1).request is not None

    def _free(self, wanted: Backlog) -> Backlog:
        return free(wanted, self.runs, self.now) if wanted else {}

    def _free_soon(self, wanted: Backlog) -> Backlog:
        """As `_free`, with the partitions whose pause ends within minutes: those that failed once are retried then."""
        return free(wanted, self.runs, self.now + FIRST_PAUSE) if wanted else {}

    def lake_files(self) -> Backlog:
        return backlog.lake_files_backlog(self.lake, self.calendar, self.now, DataLakeSettings.load())

    def users(self) -> Backlog:
        """Asks the platform up to when details jobs have data, but only if a day could be due. Empty without the
        permission.
        """
        if not UserStatusSettings.load().is_read:
            return {}
        possible = backlog.user_days_backlog(self.lake, self.calendar, self.now, self.now)
        if not self._has_one_to_run(possible):
            return {}
        is_permitted, available = self._available_of_users
        return backlog.user_days_backlog(self.lake, self.calendar, self.now, available) if is_permitted else {}

    @cached_property
    def _available_of_users(self) -> tuple[bool, datetime | None]:
        """Whether agents' status may be fetched, and up to when details jobs have all of it; None if the platform does
        not say.
        """
        try:
            return True, details_jobs.availability(self.cloud.client, details_jobs.USERS)
        except MissingPermission as error:
            self.context.log.warning(
                f"Agents' status is not fetched: {error} Without it there is no genesys/reports/agent_day. If you do "
                "not need it, set GENESYS_ASSETS_USER_STATUS=false."
            )
            return False, None
        except (GenesysCloudError, SettingError) as error:
            self.context.log.warning(f"The platform did not say up to when users' details jobs have data: {error}")
            return True, None

    @cached_property
    def stale_tables(self) -> Backlog:
        return stale.tables_backlog(self.lake, self.calendar, self.now, families_of(self.questions))

    def tables(self) -> Backlog:
        """The table of open conversations once a night, else the stale tables of days whose pages are neither being
        read nor read next.
        """
        register = stale.open_conversations_backlog(self.lake, self.now)
        if self._free(register) and not self._is_yesterday_coming:
            return register
        return self._ready_tables

    @property
    def _ready_tables(self) -> Backlog:
        """The stale tables of days whose pages are neither being read nor read next."""
        return {day: assets for day, assets in self.stale_tables.items() if not self._is_coming(day)}

    @property
    def _is_yesterday_coming(self) -> bool:
        """Whether pages or tables of yesterday are being made or will be made next. If no page of yesterday is stored
        by OPEN_CONVERSATIONS_AT + HOURS_LIMIT, perhaps no sensor reads it: from then on the table waits only for runs
        that read it.
        """
        yesterday = f"{(self.now - DAY).date()}"
        is_begun = any(hour in self.lake.stored(HOURLY_DETAILS) for hour in hours_of(yesterday))
        if not is_begun and self.now >= last_moment(self.now, *stale.OPEN_CONVERSATIONS_AT) + HOURS_LIMIT:
            return self._is_being_made("pages/", yesterday)
        is_stale = yesterday in self._free(self.stale_tables)
        return is_stale or self._is_being_made("tables/", yesterday) or self._is_coming(yesterday)

    def _is_coming(self, day: str) -> bool:
        """Whether pages of a day are being read or will be read next. Tables computed now would be computed again
        then.
        """
        return day in self._days_to_be_read or day <= self._read_anew_until or self._is_being_read(day)

    @cached_property
    def _days_to_be_read(self) -> set[str]:
        """The days whose hours will be read next."""
        wanted = backlog.hours_backlog(self.lake, self.calendar, self.now, self.questions)
        return {hour[:10] for hour in self._free_soon(wanted)}

    @cached_property
    def _read_anew_until(self) -> str:
        """The last finished day that will be read next, because it is due again or because reading it failed. Empty if
        no such day exists, or if no run failed lately.

        Reading a day also changes earlier days, whose conversations may have ended on it. If these were computed now,
        they would be computed again after each run that catches up on an outage.
        """
        if not any(run.failed for run in self.runs):
            return ""
        readings = [(DAILY_DETAILS, backlog.days_backlog(self.lake, self.calendar, self.now, self.now))]
        if UserStatusSettings.load().is_read:
            wanted = backlog.user_days_backlog(self.lake, self.calendar, self.now, self.now)
            readings.append((USER_DETAILS, wanted))
        read_next = (
            day
            for place, wanted in readings
            for day, assets in free_if_active(wanted, self.runs, self.now).items()
            if self._is_over(day)
            and (
                backlog.is_complete(self.lake, place, day) or any(failures_of(self.runs, each, day) for each in assets)
            )
        )
        return max(read_next, default="")

    def reports(self) -> Backlog:
        """The stale reports. Empty until last night's reference data is read. Days whose pages are being read wait. So
        do reports that also read tables of other days, while these are being computed or are next; and with them the
        other reports of a finished day, because it is published as a whole.
        """
        return self._ready_reports

    @cached_property
    def _ready_reports(self) -> Backlog:
        every = [*self._requested, *operating_reports()]
        if not self._names_are_known or not self._reports_backlog(every):
            return {}
        wanted, tables = self._reports_backlog(every, self._days_coming), self._tables_to_be_made
        if not tables:
            return wanted
        waiting = list(self._stale_reports_that_read(tables, every))
        held = {day for report, day in waiting if report.period.is_day and self._is_over(day)}
        places_waiting = {(f"reports/{report.name}", day) for report, day in waiting}
        ready = {
            day: frozenset(place for place in places if (place, day) not in places_waiting)
            for day, places in wanted.items()
            if day not in held
        }
        return {day: places for day, places in ready.items() if places}

    def _stale_reports_that_read(
        self, tables: Collection[tuple[str, str]], reports: Sequence[Report]
    ) -> Iterator[tuple[Report, str]]:
        """Stale reports that read one of these days of tables, each with its day. Reports of days with stale tables
        count too.
        """
        closed = {*self._closed, *self._days_coming}
        wanted = stale.reports_backlog(self.lake, self.calendar, self.now, reports, closed)
        for report in reports:
            place = f"reports/{report.name}"
            for day in (day for day, places in wanted.items() if place in places):
                if not partitions_read(self.lake, report, day, self.calendar.zone).isdisjoint(tables):
                    yield report, day

    @cached_property
    def _days_coming(self) -> set[str]:
        """The days with figures whose pages are being read or will be read next."""
        return {day for day in self.lake.stored(backlog.INTERVALS) if day is not None and self._is_coming(day)}

    @property
    def _tables_to_be_made(self) -> set[tuple[str, str]]:
        """The days of tables, as place and day, that are stale and that a run is computing or the next run will.
        Long runs do not count: reports of other days do not wait for them. Nor does the next run if no other has ended
        lately, because the sensor of tables may be off.
        """
        ready = self._ready_tables
        if not ready:
            return set()
        every = frozenset[str]().union(*ready.values())
        of_tables = [run for run in self.runs if run.assets & every]
        short = [run for run in of_tables if run.ended or _is_new_and_short(run, self.now)]
        following = self.next_run(ready, MOST_DAYS, self.can_make_table).request
        runs = [run for run in short if run.ended is None]
        if following is not None and free_if_active(ready, short, self.now):
            runs.append(Run(following.assets, following.first, following.last))
        return {
            (place, day)
            for day, places in ready.items()
            for place in places
            if any(run.makes(place, day) for run in runs)
        }

    @property
    def _requested(self) -> list[Report]:
        return [report for report in self.definitions if report.name not in self.unrequested]

    def _reports_backlog(self, definitions: Sequence[Report], coming: Collection[str] = ()) -> Backlog:
        closed = {*self.stale_tables, *self._closed, *coming}
        return stale.reports_backlog(self.lake, self.calendar, self.now, definitions, closed)

    def published(self) -> Backlog:
        """The days to publish: those whose tables, checks and reports are all made or have failed. A day that fails
        does not hold up others. If no day is left, the list of days, if it failed. Raises NotReadable if only days are
        left whose manifests cannot be read.
        """
        if not self._names_are_known:
            return {}
        unchecked = stale.checks_backlog(self.lake, self.calendar, self.now, self.stale_tables)
        coming = {
            day
            for wanted in (self.stale_tables, unchecked, self._reports_backlog(self._requested))
            for day, assets in wanted.items()
            if not all(self._has_failed(asset, day) for asset in assets)
        }
        coming |= self._closed | self._days_to_be_read
        coming |= {
            day for day in self.lake.stored(backlog.INTERVALS) if day is not None and day <= self._read_anew_until
        }
        reader = ManifestReader(self.publishing.publisher(shared_s3_client))

        def made_of(day: str) -> Mapping[str, str] | None:
            manifest = reader.manifest(day)
            return None if manifest is None else manifest.made_of

        wanted = stale.published_backlog(self.lake, self.calendar, self.now, self.definitions, coming, made_of)
        readable = {day: assets for day, assets in wanted.items() if day not in reader.unreadable}
        for day, error in reader.unreadable.items():
            self.context.log.warning(f"{day} is not published now, because its manifest was not read: {error}")
        if reader.unreadable and not readable:
            raise next(iter(reader.unreadable.values()))
        return readable or self._list_of_days()

    def _list_of_days(self) -> Backlog:
        """The list of days, if the last run over it failed: its days may be published, so that no other run makes the
        list.
        """
        runs = [run for run in self.runs if stale.INDEX in run.assets]
        last = max((run for run in runs if run.ended), key=lambda run: run.ended or self.now, default=None)
        if last is None or not last.failed or any(run.ended is None for run in runs):
            return {}
        return {last.last: frozenset([stale.INDEX])}

    def _has_failed(self, asset: str, day: str) -> bool:
        """Whether to publish without an asset: its runs failed twice, or it is a report whose own step failed once. (If
        the run died for another reason, the report is retried first.)
        """
        failures = len(failures_of(self.runs, asset, day))
        layer, _, name = asset.partition("/")
        if not failures or layer != "reports" or asset not in self.keys:
            return failures >= _HOPELESS
        is_bad = bool(failed_reports(self.context.instance, {name: self.keys[asset]}, day))
        return is_bad or failures >= _HOPELESS

    def checks(self) -> Backlog:
        """The unchecked days whose pages are not being read and whose tables are not being made: those would be checked
        again.
        """
        wanted = stale.checks_backlog(self.lake, self.calendar, self.now, self.stale_tables)
        return {
            day: assets
            for day, assets in wanted.items()
            if not self._is_being_made("tables/", day) and not self._is_being_read(day)
        }

    @cached_property
    def _names_are_known(self) -> bool:
        """Whether all needed listings were read since last night, or have failed so often that reports no longer
        wait.
        """
        since = last_moment(self.now, *backlog.NIGHT_AT)
        if not backlog.is_reference_older(self.lake, since, backlog.NEEDED):
            return True
        return all(
            len(failures_of(self.runs, listing, f"{since:%Y-%m-%d}")) >= GIVE_UP_AFTER for listing in backlog.NEEDED
        )

    @cached_property
    def _closed(self) -> set[str]:
        """The days whose reports must wait because checks are blocking."""
        if not ReconciliationSettings.load().is_blocking:
            return set()
        return stale.closed_by_checks(self.lake, self.calendar, self.now, self.stale_tables)

    @cached_property
    def _available(self) -> datetime | None:
        """Up to when details jobs have all data; None if the platform does not say."""
        try:
            return details_jobs.availability(self.cloud.client)
        except (GenesysCloudError, SettingError) as error:
            self.context.log.warning(f"The platform did not say up to when details jobs have data: {error}")
            return None

    def can_make_table(self, place: str, day: str) -> bool:
        """Whether a table can be computed now, even if it is not stale."""
        is_free = not (self._is_coming(day) or self._has_run(place, day))
        return is_free and stale.can_make_table(self.lake, place, day, self.now)

    def can_make_report(self, place: str, day: str) -> bool:
        """Whether a report can be computed now, even if it is not stale. Other reports of its day must be."""
        every = [*self.definitions, *operating_reports()]
        report = next(each for each in every if f"reports/{each.name}" == place)
        is_free = day in self._ready_reports and not self._has_run(place, day)
        if not is_free or stale.begins(report, day, self.calendar) >= self.now:
            return False
        closed = {*self.stale_tables, *self._closed, *self._days_coming}
        is_open = stale.days_touched(report, day, self.calendar).isdisjoint(closed)
        return is_open and stale.can_make_report(self.lake, self.calendar, report, day)

    def _is_over(self, key: str) -> bool:
        """Whether the day of a key, a day or an hour, is over."""
        return utc_day(key[:10])[1] <= self.now

    def _has_run(self, place: str, day: str) -> bool:
        """Whether a run in progress makes a partition."""
        return any(run.ended is None and run.makes(place, day) for run in self.runs)

    def _is_being_made(self, layer: str, day: str) -> bool:
        return any(True for _ in self._making(layer, day))

    def _making(self, layer: str, day: str) -> Iterator[Run]:
        """The runs in progress over a layer's partitions of a day."""
        for run in self.runs:
            of_layer = any(asset.startswith(layer) for asset in run.assets)
            if run.ended is None and of_layer and run.first[:10] <= day <= run.last[:10]:
                yield run

    def _is_being_read(self, day: str) -> bool:
        """Whether a run in progress will still store pages of a day. A run over the hours of many days stores them day
        by day, so tables of a stored day can be computed while the run fetches the others.
        """
        return any(not backlog.has_read_hours(self.lake, run, day) for run in self._making("pages/", day))

"""The expected rows of a day's reports: plain Python over the organisation's state at the last reading.

`readings` knows the last reading, `history` the organisation's state at that time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics.catalogue import DEFAULT_METRICS
from genesys_assets.lake.lake import Lake
from genesys_assets.sandbox import memberships
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import from_datetime
from genesys_assets_tests import plain_agents, plain_contacts, plain_quality, plain_reports, plain_waits
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.months.bounds import (
    bounds,
    emits_within,
    hours_begun_on,
    starting,
    touched,
    utc_midnight,
    window,
)
from genesys_assets_tests.months.history import DAY, HOUR, Past
from genesys_assets_tests.months.readings import (
    AGGREGATES_OF_HOURS,
    DETAILS,
    HOURS,
    OVERLAP,
    USERS,
    Moment,
    Reading,
    hours_of,
    readings,
)
from genesys_assets_tests.plain_figures import Item, Row
from genesys_assets_tests.plain_quality import Counts

KNOWN: Mapping[str, tuple[bool, Callable[[plain_reports.Knowledge], list[Row]]]] = {
    "agent_hourly": (False, lambda known: plain_reports.agent(known, plain.HOUR)),
    "agent_daily": (True, lambda known: plain_reports.agent(known, None)),
    "interval": (False, plain_reports.interval),
    "queue_media": (True, plain_reports.queue_media),
    "conversation_type": (False, plain_reports.conversation_type),
    "conversation_quality": (False, plain_reports.conversation_quality),
}
"""Reports of conversations, and whether each is of the business day: the others are of the UTC day."""

LEGS, MEMBERS = "tables/interaction_legs", "reference/queue_members"

_BEGUN_DAYS = 12
"""On how many days conversations began of which something is counted in an hour, that of the hour included."""

REPORTS: dict[str, Callable[[ExpectedFigures, date], list[Row] | None]] = {
    **{name: partial(lambda name, told, day: told.known_report(name, day), name) for name in KNOWN},
    "agent_day": lambda told, day: told.agent_day(day),
    "service_level": lambda told, day: told.service_level(day),
    "flow_exits": lambda told, day: told.flow_exits(*told.window(day)),
    "flows": lambda told, day: told.flows(*told.window(day)),
    "flows_hourly": lambda told, day: [row for hour in hours_begun_on(day) for row in told.flows(hour, hour + HOUR)],
    "missed_while_idle": lambda told, day: told.missed_while_idle(day),
    "quality": lambda told, day: told.quality(*told.window(day)),
    "repeat_contacts": lambda told, day: told.repeat_contacts(*told.window(day)),
}
"""What each report says of a day; None where too little was read to tell."""


_UNKNOWN = [f"{name}_{days}d" for name in ("repeated_within", "resolved_for") for days in plain_contacts.HORIZONS]


@dataclass
class ExpectedFigures:
    """The figures of days, given what the lake holds now. Make a new object after time has moved on."""

    past: Past
    lake: Lake
    first: date
    zone: ZoneInfo
    _readings: dict[tuple[str, str], Reading | None] = field(default_factory=dict)
    _stored: dict[date, list[Item]] = field(default_factory=dict)
    _rows: dict[date, list[Row]] = field(default_factory=dict)
    _known: dict[tuple[datetime, datetime], plain_reports.Knowledge] = field(default_factory=dict)

    def reading(self, asset: str, partition: str) -> Reading | None:
        if (asset, partition) not in self._readings:
            day = partition[:10]
            wanted = hours_of([day]) if len(partition) > 10 else [partition]
            self._readings |= dict.fromkeys(((asset, key) for key in wanted), None)
            self._readings |= {(asset, key): found for key, found in readings(self.lake, asset, wanted).items()}
        return self._readings[asset, partition]

    def report(self, name: str, day: date) -> list[Row] | None:
        return REPORTS[name](self, day)

    def known_report(self, name: str, day: date) -> list[Row]:
        of_business_day, figures = KNOWN[name]
        return figures(self.knowledge(*(window(day, self.zone if of_business_day else ZoneInfo("UTC")))))

    def window(self, day: date) -> tuple[datetime, datetime]:
        """The business day."""
        return window(day, self.zone)

    def business_day(self, day: date) -> plain_reports.Knowledge:
        return self.knowledge(*window(day, self.zone))

    def knowledge(self, start: datetime, end: datetime) -> plain_reports.Knowledge:
        if (start, end) not in self._known:
            self._known[start, end] = self._knowledge(start, end)
        return self._known[start, end]

    def _knowledge(self, start: datetime, end: datetime) -> plain_reports.Knowledge:
        directory = self.past.organisation.directory
        days = touched(start, end)
        metrics = [row for day in days for row in self.metric_rows(day) if start <= row["interval_start"] < end]
        stored = [self.stored(self.first + DAY * n) for n in range((days[-1] - self.first).days + 1)]
        reaching = [item for of_day in stored for item in of_day]
        return plain_reports.Knowledge(
            start=start,
            end=end,
            began=[item for item in reaching if start <= plain.moment(item["conversationStart"]) < end],
            reaching=[item for item in reaching if emits_within(item, start, end)],
            metrics=metrics,
            users={user["id"]: user["name"] for user in directory.users},
            queues={queue.id: queue.name for queue in directory.queues if not queue.deleted},
            wrapup_codes={code["id"]: code["name"] for code in directory.wrapup_codes},
            zone=self.zone,
        )

    def metric_rows(self, day: date) -> list[Row]:
        """The quarter hours of a UTC day, each hour as of its last reading."""
        if day not in self._rows:
            self._rows[day] = [row for key in hours_of([f"{day}"]) for row in self._of_hour(key)]
        return self._rows[day]

    def _of_hour(self, key: str) -> list[Row]:
        found = self.reading(AGGREGATES_OF_HOURS, key)
        if found is None:
            return []
        start = datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)
        rows: list[Row] = []
        for moment in set(found.questions.values()):
            wanted = {question for question, when in found.questions.items() if when == moment}
            items = self._emitting(start, moment)
            of_hour = plain.metric_rows(items, start, start + HOUR, DEFAULT_METRICS, self._target)
            rows += [row for row in of_hour if tuple(sorted(row["grouping"].split(","))) in wanted]
        return rows

    def _emitting(self, start: datetime, moment: Moment) -> list[Item]:
        days = [(start - DAY * back).date() for back in range(_BEGUN_DAYS)]
        return [item for day in days for item in self._begun(day, moment) if emits_within(item, start, start + HOUR)]

    def _begun(self, day: date, moment: Moment) -> Sequence[Item]:
        return self.past.begun(day, moment.as_of, moment.asked_at)

    def _target(self, queue: str, media: str) -> float:
        return float(self.past.organisation.directory.queue_by_id[queue].service_level(media)[0])

    def service_level(self, day: date) -> list[Row]:
        queues = self.past.organisation.directory.queue_by_id

        def levels(queue: str, media: str) -> tuple[float | None, int | None]:
            # The settings of a queue that no listing shows are unknown.
            return (None, None) if queues[queue].deleted else queues[queue].service_level(media)

        return plain_reports.service_level_of_queues(self.business_day(day), levels)

    def agent_day(self, day: date) -> list[Row] | None:
        """Each UTC day as of the last reading of its agents' status, once that is complete."""
        start, end = self.window(day)
        parts: list[tuple[Timelines, int, int]] = []
        for each in touched(start, end):
            reading, begin = self.reading(USERS, f"{each}"), utc_midnight(each)
            if reading is None or reading.through is None or reading.through < begin + DAY:
                return None
            first, last = max(start, begin), min(end, begin + DAY)
            timelines = self.past.timelines(reading.moment.asked_at)
            parts.append((timelines, from_datetime(first), from_datetime(last)))
        known = self.business_day(day)
        metrics = known.measured(plain_reports.BY_USER, plain_agents.METRICS)
        of_users = plain.grouped(metrics, lambda row: (row["user_id"],))
        return [
            {
                **bounds(start, end, self.zone),
                "user_id": user,
                "user_name": known.users.get(user, user),
                **plain_agents.times(parts, user),
                **{name: plain.total(rows, metric, "sum") for metric, name in plain_agents.METRICS.items()},
                "handled": plain.total(rows, "tHandle", "count"),
            }
            for user in parts[0][0].user_ids
            for rows in [of_users.get((user,), [])]
        ]

    # -- families of aggregates ------------------------------------------------------------------------------------

    def flows(self, start: datetime, end: datetime) -> list[Row]:
        found = self._of_family("flows", start, end, self._begun, plain_quality.flows)
        names = {flow["id"]: flow["name"] for flow in self.past.organisation.directory.flows}
        return [
            {
                **bounds(start, end, self.zone),
                "flow_id": flow,
                "flow_name": names[flow],
                **plain_quality.flow_row(counts),
            }
            for flow, counts in found.items()
        ]

    def flow_exits(self, start: datetime, end: datetime) -> list[Row]:
        found = self._of_family("flows", start, end, self._begun, plain_quality.exits)
        names = {flow["id"]: flow["name"] for flow in self.past.organisation.directory.flows}
        return [
            {
                **bounds(start, end, self.zone),
                "flow_id": flow,
                "flow_name": names[flow],
                "exit_reason": reason,
                **plain_quality.exit_row(counts),
            }
            for (flow, reason), counts in found.items()
        ]

    def quality(self, start: datetime, end: datetime) -> list[Row]:
        """Evaluations, surveys and resolutions come from readings at the same time."""

        def complete(day: date, moment: Moment) -> Sequence[Item]:
            return list(self.past.complete(day, moment.as_of, moment.asked_at))

        found = self._of_family("surveys", start, end, complete, plain_quality.quality)
        known = self.knowledge(start, end)
        return [
            {
                **bounds(start, end, self.zone),
                "queue_id": queue,
                "queue_name": known.queues.get(queue, queue),
                "user_id": user,
                "user_name": known.users.get(user, user),
                "form_id": form,
                **plain_quality.quality_row(counts),
            }
            for (queue, user, form), counts in found.items()
        ]

    def _of_family(
        self,
        family: str,
        start: datetime,
        end: datetime,
        begun: Callable[[date, Moment], Sequence[Item]],
        count: Callable[[Iterable[Item], datetime, datetime], Counts],
    ) -> Counts:
        """The counts from `start` to `end`, each hour as of its last reading."""
        found = []
        hour = start.replace(minute=0)
        while hour < end:
            reading = self.reading(AGGREGATES_OF_HOURS, f"{hour:%Y-%m-%d-%H:00}")
            if reading is not None and family in reading.families:
                days = [(hour - DAY * back).date() for back in range(_BEGUN_DAYS)]
                items = [item for day in days for item in begun(day, reading.families[family])]
                found.append(count(items, max(start, hour), min(end, hour + HOUR)))
            hour += HOUR
        return plain_quality.added(found)

    # -- contacts and waits ----------------------------------------------------------------------------------------

    def repeat_contacts(self, start: datetime, end: datetime) -> list[Row] | None:
        """Repeat contacts among the conversations that were read on all days. The legs say in which queue a
        conversation ended."""
        known, days = self.knowledge(start, end), [date.fromisoformat(key) for key in self._stored_days(LEGS)]
        if not days:
            return None
        codes = {**known.wrapup_codes, **plain_reports.SYSTEM_CODES}
        gaps = [
            day
            for day in touched(utc_midnight(self.first), max(end, utc_midnight(days[-1])) + 2 * DAY)
            if not self._is_whole(day)
        ]
        before = [utc_midnight(day) + DAY for day in gaps if utc_midnight(day) < start]
        after = [utc_midnight(day) for day in gaps if utc_midnight(day) + DAY > end]
        rows = plain_contacts.repeat_contacts(
            [item for day in days for item in self.stored(day)],
            self.lake.read(LEGS, [f"{day}" for day in days]).to_pylist(),
            start,
            end,
            max([utc_midnight(self.first), *before]),
            min(after),
        )
        for row in rows:
            queue, code = row["queue_id"], row["wrap_up_code"]
            row |= bounds(start, end, self.zone) | {
                "queue_name": known.queues.get(queue, queue),
                "wrap_up_code_name": codes.get(code, code),
                "unknown_because": plain_contacts.REASON if any(row[name] is None for name in _UNKNOWN) else None,
            }
        return rows

    def missed_while_idle(self, day: date) -> list[Row] | None:
        """The waits of a UTC day from its legs, beside what the members did: each UTC day as of the last reading of its
        agents' status.
        """
        parts = self._status_of_waits(day)
        if not parts or f"{day}" not in self._stored_days(LEGS):
            return None
        legs: list[Row] = self.lake.read(LEGS, f"{day}").to_pylist()
        reaches = {each: self.lake.reach(LEGS, f"{each}") for each in (day - DAY, day, day + DAY)}
        complete = [each for each, reach in reaches.items() if reach is not None and reach.is_complete]
        days = sorted({day, *complete})
        stored = self.lake.read(LEGS, [f"{each}" for each in days]).to_pylist()
        legs_until = utc_midnight(days[-1]) + DAY if {day - DAY, day} <= {*complete} else None
        directory, names = self.past.organisation.directory, self.business_day(day).queues
        observed = {
            each: {
                queue.id: [user["id"] for user in memberships.members(directory, queue, number) if user["joined"]]
                for queue in directory.queues
                if not queue.deleted
            }
            for number, each in enumerate((day, day + DAY), (day - date(1970, 1, 1)).days)
            if each in days and f"{each}" in self._stored_days(MEMBERS)
        }
        start = utc_midnight(day)
        return [
            {
                "interval_start": start,
                "interval_end": start + DAY,
                **row,
                "queue_name": names.get(row["queue_id"], row["queue_id"]),
            }
            for row in plain_waits.waits(legs, stored, legs_until, parts, observed)
        ]

    def _status_of_waits(self, day: date) -> plain_waits.Parts:
        """What agents did on a day, as far as it is known, and on the next day if that is complete."""
        own, following = self.reading(USERS, f"{day}"), self.reading(USERS, f"{day + DAY}")
        start, end = utc_midnight(day), utc_midnight(day) + DAY
        if own is None or own.through is None:
            return []
        told = [(self.past.timelines(own.moment.asked_at), start, min(own.through, end))]
        if own.through >= end and following is not None and following.is_complete:
            told.append((self.past.timelines(following.moment.asked_at), end, end + DAY))
        return told

    def _is_whole(self, day: date) -> bool:
        """Whether a job or all hours have read the conversations that began on a UTC day."""
        end, daily = utc_midnight(day) + DAY, self.reading(DETAILS, f"{day}")
        if daily is not None and daily.through is not None and daily.through >= end:
            return True
        return all(self.reading(HOURS, key) is not None for key in hours_of([f"{day}"]))

    def _stored_days(self, place: str) -> list[str]:
        return sorted(key for key in self.lake.stored(place) if key is not None)

    # -- conversations ---------------------------------------------------------------------------------------------

    def stored(self, day: date) -> list[Item]:
        """The conversations that began on a UTC day, each in the newest form that was read."""
        if day not in self._stored:
            self._stored[day] = self._newest(day)
        return self._stored[day]

    def _newest(self, day: date) -> list[Item]:
        start = utc_midnight(day)
        daily = self.reading(DETAILS, f"{day}")
        forms: dict[str, list[tuple[datetime, Item]]] = defaultdict(list)
        exist: set[str] = set()
        complete = daily is not None and daily.is_complete

        def tell(items: Iterable[Item], as_of: datetime, decides: bool) -> None:
            for item in items:
                forms[item["conversationId"]].append((as_of, item))
                if decides:
                    exist.add(item["conversationId"])

        for key in hours_of([f"{day}"]):
            hour = self.reading(HOURS, key)
            if hour is not None:
                begin = datetime.strptime(key, "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)
                tell(starting(self._begun(day, hour.moment), begin, begin + HOUR), hour.moment.as_of, not complete)
        if daily is not None:
            through = start + DAY if complete else daily.through or start
            if daily.by_job:
                told = starting(self._begun(day, daily.by_job), start, through)
                tell(told, daily.by_job.as_of, True)
            if daily.by_query and not complete:
                told = starting(self._begun(day, daily.by_query), through, start + DAY)
                tell(told, daily.by_query.as_of, True)
        for later in range(1, 32):
            overlap = self.reading(OVERLAP, f"{day + DAY * later}")
            if overlap is not None and overlap.by_job is not None:
                alive = [
                    item
                    for item in self._begun(day, overlap.by_job)
                    if plain.moment(item.get("conversationEnd", "9999-01-01T00:00Z")) > start + DAY * later
                ]
                newer = daily is None or overlap.by_job.as_of > daily.moment.as_of
                tell(alive, overlap.by_job.as_of, not complete or newer)
        return [max(forms[each], key=lambda form: form[0])[1] for each in sorted(exist)]

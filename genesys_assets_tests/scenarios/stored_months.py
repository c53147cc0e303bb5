"""Months whose tables are all stored, and their expected figures by plain Python, for the tests of a month.

This module stores a month, and compares a report with its expected rows. The tests say which reports must be equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.periods import Unit
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.meaning.questions import all_questions
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import GenesysCloudResource
from genesys_assets.sandbox import memberships, shifts
from genesys_assets.sandbox.directory import Directory, Entity
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.tables.conversations.contacts import NEEDED
from genesys_assets_tests.assets.world import World, definitions, environment
from genesys_assets_tests.days_at_once import DaysAtOnce
from genesys_assets_tests.plain_comparison import compare
from genesys_assets_tests.plain_figures import Item, Row
from genesys_assets_tests.plain_reports import Knowledge
from genesys_assets_tests.scenarios import hard_days

Span = Literal["day", "clocks change", "week", "month"]
SPANS: tuple[Span, ...] = ("day", "clocks change", "week", "month")

ZONE = ZoneInfo("Europe/Zurich")
A_DAY = timedelta(days=1)
DELETED, ON_LEAVE = 3, 22
"""The numbers of the user who is deleted, and of the agent who has nothing from the first to the last day."""
OF_CONVERSATIONS = ("segments", "session_metrics", "resolutions", "interaction_legs")
"""The tables of conversations that reports are made of, beside those that contacts need of earlier and later days."""
NAMES = (
    *hard_days.NAMES,
    *("reference/wrapup_codes", "reference/wrapup_codes_history", "reference/flows", "reference/flows_history"),
    "reference/service_levels_history",
)
BUILT_IN = {report.name: report for report in built_in_reports()}


@dataclass(frozen=True)
class Season:
    """A month in which clocks change on a Sunday. Contacts are known between two UTC days."""

    name: str
    first: date
    last: date
    ordinary_day: date
    clock_change: date
    unobserved: date
    """Of this day nobody observed the queues."""
    hours: dict[Span, int]
    conversations: int
    """How many begin on an ordinary day. More begin on the days that are looked at, so that something of each kind
    happens on them.
    """
    contacts_from: date
    contacts_until: date

    @property
    def last_hour(self) -> datetime:
        """The begin of the last hour of the day on which clocks change. Code that assumes 24 hours would place it
        wrongly."""
        return datetime.combine(self.clock_change, time(23), ZONE).astimezone(UTC)

    @property
    def before(self) -> date:
        """The first UTC day whose tables are all stored: it begins a day before the first hour."""
        return self.first - 2 * A_DAY

    @property
    def after(self) -> date:
        """The last UTC day whose tables are all stored."""
        return self.last + A_DAY

    def conversations_of(self, day: date) -> int:
        looked_at = (self.ordinary_day, self.clock_change)
        return 80 if day in (*looked_at, *(each - A_DAY for each in looked_at)) else self.conversations

    def days(self, span: Span) -> tuple[date, date]:
        """The first and the last business day."""
        return {
            "day": (self.ordinary_day, self.ordinary_day),
            "clocks change": (self.clock_change, self.clock_change),
            "week": (self.clock_change - 6 * A_DAY, self.clock_change),
            "month": (self.first, self.last),
        }[span]


MARCH = Season(
    "March",
    first=date(2026, 3, 1),
    last=date(2026, 3, 31),
    ordinary_day=date(2026, 3, 12),
    clock_change=date(2026, 3, 29),
    unobserved=date(2026, 3, 26),
    hours={"day": 24, "clocks change": 23, "week": 167, "month": 743},
    conversations=20,
    # Enough days are known to decide for every contact whether another one came within 30 days.
    contacts_from=date(2026, 1, 29),
    contacts_until=date(2026, 4, 30),
)
OCTOBER = Season(
    "October",
    first=date(2026, 10, 1),
    last=date(2026, 10, 31),
    ordinary_day=date(2026, 10, 15),
    clock_change=date(2026, 10, 25),
    unobserved=date(2026, 10, 22),
    hours={"day": 24, "clocks change": 25, "week": 169, "month": 745},
    conversations=10,
    contacts_from=date(2026, 9, 29),
    contacts_until=date(2026, 11, 1),
)


@dataclass(frozen=True)
class Month:
    """A world in which a month is stored, and its conversations."""

    season: Season
    world: World
    conversations: list[Item]
    """Those that reach into the month."""
    contacts: list[Item]
    """Those begun on the days of which contacts are known."""

    def table(self, name: str, span: Span) -> pa.Table:
        """A built-in report of a day, or over a week or a month."""
        report, last = self._report(name, span), self.season.days(span)[1]
        with environment(self.world.environment):
            return compute(report, StoredDay(self.world.lake, f"{last}", ZONE, self.season.contacts_from))

    def rows(self, name: str, span: Span) -> list[Row]:
        found: list[Row] = self.table(name, span).to_pylist()
        return found

    def bounds(self, name: str, span: Span) -> tuple[datetime, datetime]:
        """The begin and end of the report's time."""
        first, last = self.season.days(span)
        zone = UTC if self._report(name, span).time_zone == "UTC" else ZONE
        start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + A_DAY))
        return start, end

    def must_equal(self, name: str, span: Span, expected: list[Row]) -> list[Row]:
        """Checks that the report has exactly these rows, with names, dates and bounds; returns them."""
        assert expected
        start, end = self.bounds(name, span)
        of_time: Row = {"interval_start": start, "interval_end": end}
        table = self.table(name, span)
        first, last = self.season.days(span)
        if span in ("week", "month"):
            of_time |= {"first_date": first, "last_date": last}
        elif "local_date" in table.column_names:
            of_time |= {"local_date": last}
        # The plain computation for a day names a week by the date of its middle.
        told = [{name: value for name, value in row.items() if name != "local_date"} | of_time for row in expected]
        compare(table, [row | self.names(row, table.column_names) for row in told], self._report(name, span).spec.key)
        found: list[Row] = table.to_pylist()
        return found

    def knowledge(self, name: str, span: Span) -> Knowledge:
        return hard_days.knowledge(self.world, self.conversations, *self.bounds(name, span))

    @cached_property
    def legs(self) -> list[Row]:
        days = [f"{day}" for day in days_from(self.season.before, self.season.after)]
        rows: list[Row] = self.world.lake.read("tables/interaction_legs", days).to_pylist()
        return rows

    @cached_property
    def members(self) -> dict[date, dict[str, list[str]]]:
        """The joined members of the queues, by day. One day was not observed."""
        directory = self.world.sandbox.organisation.directory
        return {
            day: {
                queue.id: [
                    member["id"]
                    for member in memberships.members(directory, queue, (day - date(1970, 1, 1)).days)
                    if member["joined"]
                ]
                for queue in directory.queues
                if not queue.deleted
            }
            for day in days_from(self.season.first, self.season.last)
            if day != self.season.unobserved
        }

    def user(self, number: int) -> str:
        return self.world.sandbox.timelines.user_ids[number]

    def names(self, row: Row, columns: Iterable[str]) -> Row:
        """The names for the ids of a row. An entity in no listing is called by its id."""
        ids = {f"{of}_name": row.get(f"{of}_id", row.get(of)) for of in ("user", "queue", "flow", "wrap_up_code")}
        lacking = {*columns} - row.keys()
        return {name: self._called.get(f"{id_}", id_) for name, id_ in ids.items() if name in lacking}

    def _report(self, name: str, span: Span) -> Report:
        units: dict[Span, Unit] = {"week": "week", "month": "month"}
        return Report.of(name, BUILT_IN[name].definition.model_copy(update={"over": units.get(span, "day")}))

    @cached_property
    def _called(self) -> dict[str, str]:
        directory = self.world.sandbox.organisation.directory
        listed = (*directory.users, *directory.wrapup_codes, *directory.flows)
        queues = {queue.id: queue.name for queue in directory.queues if not queue.deleted}
        return {each["id"]: each["name"] for each in listed} | queues | {"ININ-WRAP-UP-TIMEOUT": "Wrap-up: timeout"}


def days_from(first: date, last: date) -> list[date]:
    return [first + number * A_DAY for number in range((last - first).days + 1)]


@contextmanager
def stored(season: Season, folder: Path) -> Iterator[Month]:
    """The month, stored once."""
    now = datetime.combine(season.last + 5 * A_DAY, time(), UTC)
    sandbox_of = running(conversations_per_day=season.conversations_of, now=now, requests_per_minute=None)
    with sandbox_of as sandbox, _on_leave(season):
        _take_conversations(sandbox, season)
        _evaluate_in_the_last_hour(sandbox, season)
        sandbox.organisation.remove("users", sandbox.timelines.user_ids[DELETED])
        begun = [days_from(season.before - 5 * A_DAY, season.after), days_from(*_of_contacts(season))]
        conversations, contacts = ([*_conversations(sandbox, days)] for days in begun)
        world = World(sandbox, folder, definitions(f"{season.before}", ZONE.key))
        month = Month(season, world, conversations, contacts)
        assert world.run("upkeep", *NAMES).success
        days = DaysAtOnce(world.lake, season.before, season.after)
        with environment(world.environment):
            cloud = GenesysCloudResource().client
            days.metrics(cloud, all_questions(built_in_reports(), ()))
            DaysAtOnce(world.lake, *_of_contacts(season)).conversations(contacts, NEEDED)
            legs = days.conversations(conversations, OF_CONVERSATIONS)
            days.waits(legs, days.status(cloud), month.members)
            cloud.close()
        yield month


def _of_contacts(season: Season) -> tuple[date, date]:
    return season.contacts_from, season.contacts_until


def _conversations(sandbox: Sandbox, days: Iterable[date]) -> Iterator[Item]:
    return (each for day in days for each in sandbox.organisation.conversations(day))


@contextmanager
def _on_leave(season: Season) -> Iterator[None]:
    """An agent begins no shift in the month, and does not log in briefly on Mondays."""
    begun_on = shifts.begun_on

    def without_one(directory: Directory, number: int, user: Entity, day: date) -> list[shifts.Piece]:
        is_away = number == ON_LEAVE and season.before <= day <= season.after
        return [] if is_away else begun_on(directory, number, user, day)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shifts, "begun_on", without_one)
        yield


def _take_conversations(sandbox: Sandbox, season: Season) -> None:
    """Delete the conversations of the agent on leave."""
    agent = sandbox.timelines.user_ids[ON_LEAVE]
    for each in [*_conversations(sandbox, days_from(season.before - 5 * A_DAY, season.after))]:
        if any(participant.get("userId") == agent for participant in each["participants"]):
            sandbox.organisation.delete(each["conversationId"])


def _evaluate_in_the_last_hour(sandbox: Sandbox, season: Season) -> None:
    """Move an evaluation of the week before the change of clocks into the last hour of that day."""

    def later(conversation: Item) -> None:
        when = season.last_hour + timedelta(minutes=30)
        conversation["evaluations"][0]["eventTime"] = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    of_week = _conversations(sandbox, days_from(*season.days("week")))
    evaluated = next(each["conversationId"] for each in of_week if each.get("evaluations"))
    sandbox.organisation.restate(evaluated, later)

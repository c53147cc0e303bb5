"""Computes the tables of many days at once with the package's own functions, and stores them day by day, so that a
month costs seconds.

The tests of runs check that runs store the same, a few days at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.assets.aggregates_fetcher import AggregatesFetcher
from genesys_assets.cloud.analytics import user_details
from genesys_assets.cloud.analytics.aggregate_windows import group_spans
from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.sandbox.organisation import Item
from genesys_assets.spans import DAY, Window, utc_day
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets.tables.metrics.buckets import metric_rows, table_of
from genesys_assets.tables.metrics.question import answered_everywhere, family_of
from genesys_assets.tables.spec import INSTANT, TableSpec
from genesys_assets.tables.users.spans import Span, decode_spans, newest
from genesys_assets.tables.users.time import USER_TIME, time_table
from genesys_assets.tables.users.waits import QUEUE_WAITS, Surroundings, queue_waits

_MOST_DAYS_ASKED = 7
_LONGEST_WINDOW = timedelta(days=7)


@dataclass(frozen=True)
class DaysAtOnce:
    """The UTC days from `first` to `last`, whose tables are stored in a lake. All of them are over."""

    lake: Lake
    first: date
    last: date

    @property
    def days(self) -> list[str]:
        return [f"{self.first + DAY * number}" for number in range((self.last - self.first).days + 1)]

    @property
    def window(self) -> Window:
        return Window(utc_day(self.days[0])[0], utc_day(self.days[-1])[1])

    def conversations(self, items: Sequence[Item], names: Iterable[str]) -> pa.Table:
        """Store some of the tables of conversations; returns their legs."""
        nested = decode(json.dumps({"conversations": items}).encode()).conversations
        exploded = explode(nested)
        tables = {**exploded, INTERACTION_LEGS.name: interaction_legs(exploded)}
        for spec in (each for each in DAY_TABLES if each.name in {*names}):
            self._store(spec, tables[spec.name], "conversation_start")
        return tables[INTERACTION_LEGS.name]

    def metrics(self, cloud: GenesysCloud, questions: Sequence[AggregateQuestion]) -> None:
        """Store the table of each requested family, in buckets of a quarter of an hour."""
        spans = [Interval(*utc_day(day)) for day in self.days]
        asking, at_once = (
            AggregatesFetcher(cloud, questions, list, "PT15M", None),
            group_spans(spans, _LONGEST_WINDOW, None),
        )
        pages = [each for window in at_once for each in asking.pages(window)]
        for family in {question.family.name: question.family for question in questions}.values():
            spec = table_of(family)
            for span, every in pages:
                mine = [(page.request, page.body) for page in every if family_of(page.request) is family]
                known = Reach(
                    span.end,
                    is_complete=True,
                    fetched_hours=24 if family is CONVERSATIONS else 0,
                    questions=answered_everywhere([[request for request, _ in mine]]),
                )
                rows = metric_rows(spec, mine).table
                self.lake.write(f"tables/{spec.name}", spec, rows, f"{span.start:%Y-%m-%d}", {}, reach=known)

    def status(self, cloud: GenesysCloud) -> list[Span]:
        """Store agents' time; returns the spans."""
        asked, pages = self.window.start, []
        while asked < self.window.end:
            end = min(asked + timedelta(days=_MOST_DAYS_ASKED), self.window.end)
            pages += list(user_details.fetch(cloud, Interval(asked, end)))
            asked = end
        spans = newest((page.as_of, decode_spans(page.body).spans) for page in pages)
        self._store(USER_TIME, time_table(spans, self.window), "quarter_start")
        return spans

    def waits(self, legs: pa.Table, spans: Sequence[Span], members: Mapping[date, Mapping[str, Sequence[str]]]) -> None:
        """Store waits in queues, with the members of the days that were observed."""
        for day in self.days:
            start, end = utc_day(day)
            of_day = _within(legs, "conversation_start", start, end)
            begin, until = max(start - DAY, self.window.start), min(end + DAY, self.window.end)
            before = _within(legs, "conversation_start", begin, start)
            after = _within(legs, "conversation_start", end, until)
            legs_until = until if begin < start else None
            around = Surroundings(pa.concat_tables([before, after]), legs_until, members, spans, Window(start, until))
            self._write(QUEUE_WAITS, queue_waits(of_day, around), day)

    def _store(self, spec: TableSpec, rows: pa.Table, begins: str) -> None:
        for day in self.days:
            self._write(spec, _within(rows, begins, *utc_day(day)), day)

    def _write(self, spec: TableSpec, rows: pa.Table, day: str) -> None:
        reach = Reach(utc_day(day)[1], is_complete=True)
        self.lake.write(f"tables/{spec.name}", spec, rows, day, {}, reach=reach)


def _within(rows: pa.Table, begins: str, start: datetime, end: datetime) -> pa.Table:
    first, last = (pa.scalar(moment, INSTANT) for moment in (start, end))
    return rows.filter(pc.and_(pc.greater_equal(rows[begins], first), pc.less(rows[begins], last)))

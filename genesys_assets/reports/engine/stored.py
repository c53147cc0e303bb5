"""Reads the stored tables of a day, or of the period that ends on it, for a report: partition by partition and in
pieces, with only the rows and columns that it needs. This module knows which partitions a report needs, and checks that
they are stored and reach far enough. `compute` uses the rows.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import Window, utc_day
from genesys_assets.days.families import unanswered
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.reports.engine.attributes import NEEDED as NEEDED_OF_ATTRIBUTES
from genesys_assets.reports.engine.attributes import Remark, typed
from genesys_assets.reports.engine.contacts import Contacts
from genesys_assets.reports.engine.row_filter import holds
from genesys_assets.reports.language.conditions import Condition, Group, all_of, comparisons
from genesys_assets.reports.language.sources import OF_ATTRIBUTE, OF_CONVERSATION, Table, TypedAttribute
from genesys_assets.reports.meaning.aggregates_part import AggregatesPart
from genesys_assets.reports.meaning.details_part import DetailsPart, Link
from genesys_assets.reports.meaning.questions import Source, grouping, own_columns, question_in_words, selection
from genesys_assets.reports.meaning.report import Report
from genesys_assets.spans import possible_start_days
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, PARTICIPANT_ATTRIBUTES
from genesys_assets.tables.hashing import hash_rows
from genesys_assets.tables.names import HISTORIES, names_on
from genesys_assets.tables.spec import INSTANT


class NotStored(Exception):
    """A table that a report needs is missing for the day, or does not reach far enough."""


@dataclass(frozen=True, slots=True)
class StoredDay:
    """The stored tables for the report of one day. `zone` is that of the business day.

    `days` are the days of the report's period, in `zone`, which `over` sets. `inputs` are the partitions that were read
    so far, by the place of their table. `remarks` are counts about participant attributes, by the name of their column.
    """

    lake: Lake
    day: str
    zone: ZoneInfo
    start_date: date = date.min
    inputs: dict[str, set[str]] = field(default_factory=dict)
    days: tuple[str, ...] = ()
    remarks: dict[str, Remark] = field(default_factory=dict)

    def over(self, report: Report, last: str | None = None) -> StoredDay:
        """This StoredDay with the days and the zone of the report's period, which ends on this day or on `last`."""
        return replace(self, zone=report.zone or self.zone, days=report.period.days(last or self.day))

    def before(self, report: Report) -> StoredDay | None:
        """The same with the days of the period that the report is compared with. None if it is not compared, or if that
        period begins before the start date.
        """
        if report.before is None:
            return None
        earlier = self.over(report, report.before.last_day(report.period, self.day))
        return earlier if date.fromisoformat(earlier.days[0]) >= self.start_date else None

    @property
    def window(self) -> Window:
        """The days in the report's time zone."""
        return Window(self.bounds[0], self.bounds[-1])

    @property
    def bounds(self) -> tuple[datetime, ...]:
        """The start of each day, and the end of the last one."""
        starts = [Window.of_day(day, self.zone).start for day in self.days]
        return (*starts, Window.of_day(self.days[-1], self.zone).end)

    def names(self, name: str, window: Window) -> pa.Table:
        """The names that were valid at the end of the window."""
        spec = HISTORIES[name]
        return names_on(self.lake.read(f"reference/{spec.name}", None, schema=spec.schema), window.end)

    # -- what was read ---------------------------------------------------------------------------------------------

    @property
    def newness(self) -> int:
        """How new the partitions that were read are: see `Lake.newness`."""
        return self.lake.newness((place, day) for place, days in self.inputs.items() for day in days)

    def reach(self, report: Report) -> Reach | None:
        """How far the days are known by the tables that were read; None if no table below `tables/` was read. East of
        UTC the first business day begins on a UTC day that was never fetched, so it is not complete.
        """
        window = self.over(report).window
        by_day = {
            day: [self.lake.reach(place, day) for place in self.inputs if place.startswith("tables/")]
            for day in window.utc_days()
        }
        return Reach.of_all(window, by_day) if any(by_day.values()) else None

    def _note(self, place: str, days: Iterable[str]) -> None:
        self.inputs.setdefault(place, set()).update(days)

    # -- checks before reading -------------------------------------------------------------------------------------

    def require_data(self, report: Report) -> None:
        """Raises NotStored if the report cannot be computed from what is stored."""
        for stored in filter(None, (self.over(report), self.before(report))):
            stored.require_begun()
            for part in report.aggregates:
                stored._require_answers(part, stored.window)
            for counted in report.details:
                stored._days(counted, stored.window)

    def require_begun(self) -> None:
        """Raises NotStored if the period begins before the start date, so that some days were never fetched."""
        if len(self.days) > 1 and date.fromisoformat(self.days[0]) < self.start_date:
            raise NotStored(
                f"The days {self.days[0]} to {self.days[-1]} begin before {self.start_date} "
                "(GENESYS_ASSETS_START_DATE), so some of them were never fetched. The report begins with the first "
                "period that does not begin before that date."
            )

    def _require_answers(self, part: AggregatesPart, window: Window) -> None:
        place = f"tables/{part.source.table.name}"
        try:
            self._require_partitions(place)
            self._require_reach(place, window)
            self._require_question(part.source, window.utc_days())
        except NotStored:
            why = unanswered(self.lake, window.utc_days()).get(part.source.family.name)
            if why is None:
                raise
            family = part.source.family.name
            raise NotStored(f"The platform did not answer questions about the family {family}: {why}.") from None

    # -- aggregates ------------------------------------------------------------------------------------------------

    def metrics(self, part: AggregatesPart, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Rows of the family's table in the window that answer the part's question. `columns` must have interval_start
        and interval_end; the default is all columns. Raises NotStored.
        """
        table, days = part.source.table, window.utc_days()
        place = f"tables/{table.name}"
        self._require_answers(part, window)
        self._note(place, days)
        question = part.source.question
        start, end = (pa.scalar(bound, INSTANT) for bound in (window.start, window.end))
        where = (
            (pc.field("interval_end") > start)
            & (pc.field("interval_start") < end)
            & (pc.field("grouping") == grouping(question))
            & (pc.field("selection") == selection(question))
            & pc.field("metric").isin(list(question.metrics))
        )
        if part.source.where:
            own = own_columns(question.family)
            where &= holds(part.source.where, lambda name: pc.field(own[name]), lambda _: pa.string())
        read = table.schema.names if columns is None else columns
        pieces = self.lake.pieces(place, days, schema=table.schema, columns=read, where=where)
        return (_inside(piece, window) for piece in pieces)

    def _require_question(self, source: Source, days: Iterable[str]) -> None:
        """Raises NotStored if a fetched hour was not asked the question. Imported hours are exempt: they hold whatever
        the file had.
        """
        place, question = f"tables/{source.table.name}", source.question
        missing: dict[str, set[str]] = {}
        for day in days:
            reach = self._reach(place, day)
            if reach is not None and not reach.has_asked(source.key, question.metrics):
                missing[day] = set(question.metrics).difference(reach.questions.get(source.key, ()))
        if not missing:
            return
        what = question_in_words(replace(question, metrics=tuple(set.union(*missing.values()))))
        raise NotStored(
            f"Hours of {', '.join(missing)} were fetched before a report or a setting needed {what}: materialise "
            f"genesys/pages/hourly_aggregates again, for example with --partition-range "
            f"{min(missing)}-00:00...{max(missing)}-23:00, then genesys/{place} of these days."
        )

    # -- details ---------------------------------------------------------------------------------------------------

    def rows(self, part: DetailsPart, window: Window) -> Iterator[pa.Table]:
        """Rows of the part's table that lie in the window and meet the part's conditions, with all columns that the
        part uses. Raises NotStored.
        """
        where, later = (
            functools.reduce(operator.and_, conditions) if conditions else None
            for conditions in self._conditions(part, window)
        )
        own = [column for column in part.columns if not _is_joined(column)]
        of_conversation = [column for column in part.columns if column.startswith(OF_CONVERSATION)]
        attributes = [each for each in part.table.attributes if not each.types.keys().isdisjoint(part.columns)]
        if (of_conversation or attributes) and "conversation_id" not in own:
            own.append("conversation_id")
        days = self._days(part, window)
        contacts = Contacts.of(self.lake, window, self.inputs) if part.table.made_of else None
        for day in days:
            pieces = contacts.pieces(day, own, where) if contacts else self._pieces(part.table, day, own, where)
            if part.table.has_conversations:
                pieces = self._linked(pieces, part.links, day)
            if of_conversation:
                pieces = self._with_conversations(pieces, day, of_conversation)
            if attributes:
                pieces = self._with_attributes(pieces, day, attributes)
            for piece in pieces:
                yield piece if later is None else piece.filter(later)

    def _conditions(self, part: DetailsPart, window: Window) -> tuple[list[pc.Expression], list[pc.Expression]]:
        """The conditions that apply while rows are read, and those that need columns of conversations or attributes."""
        at_once, later = ([holds(each, pc.field, part.table.type)] if each else [] for each in _split(part.where))
        (later if _is_joined(part.time) else at_once).append(_within(part.time, window))
        return at_once, later

    def _days(self, part: DetailsPart, window: Window) -> list[str]:
        """The partitions that may hold rows of the window. Raises NotStored if one that must be stored is not."""
        if part.table.is_live:
            return window.utc_days()
        utc_days = Window(utc_day(self.days[0])[0], utc_day(self.days[-1])[1])
        of_own_days = part.time == "conversation_start" and window == utc_days
        for place in part.places:
            self._require_partitions(place)
            if not of_own_days:
                self._require_reach(place, window)
        if part.time == "conversation_start" or part.table.is_of_users:
            return window.utc_days()
        return list(possible_start_days(self.days[0], window))

    def _pieces(
        self, table: Table, day: str, columns: Sequence[str], where: pc.Expression | None
    ) -> Iterator[pa.Table]:
        self._note(table.place, [day])
        return self.lake.pieces(table.place, [day], schema=table.spec.schema, columns=columns, where=where)

    def _linked(self, pieces: Iterator[pa.Table], links: Sequence[Link], day: str) -> Iterator[pa.Table]:
        """The pieces with only the rows of conversations that have, or lack, rows in the linked tables."""
        if not links:
            return pieces
        known = [(link, self._conversations_of(link, day)) for link in links]

        def linked(piece: pa.Table) -> pa.Table:
            for link, conversations in known:
                has_row = pc.is_valid(conversations.positions(piece["conversation_id"]))
                piece = piece.filter(has_row if link.wanted else pc.invert(has_row))
            return piece

        return map(linked, pieces)

    def _conversations_of(self, link: Link, day: str) -> _ByConversation:
        where = holds(link.where, pc.field, link.table.type) if link.where else None
        place, schema = link.table.place, link.table.spec.schema
        self._note(place, [day])
        pieces = self.lake.pieces(place, [day], schema=schema, columns=["conversation_id"], where=where)
        return _ByConversation(piece["conversation_id"] for piece in pieces)

    def _with_conversations(self, pieces: Iterator[pa.Table], day: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The pieces with columns of each row's conversation; null if the conversation is not stored."""
        wanted = [column.removeprefix(OF_CONVERSATION) for column in columns]
        names, schema = list(dict.fromkeys(["conversation_id", *wanted])), CONVERSATIONS.schema
        kept = [schema.empty_table().select(wanted)]
        self._note(f"tables/{CONVERSATIONS.name}", [day])

        def ids() -> Iterator[pa.ChunkedArray]:
            for piece in self.lake.pieces(f"tables/{CONVERSATIONS.name}", [day], schema=schema, columns=names):
                kept.append(piece.select(wanted))
                yield piece["conversation_id"]

        known = _ByConversation(ids())
        conversations = pa.concat_tables(kept)

        def joined(piece: pa.Table) -> pa.Table:
            positions = known.positions(piece["conversation_id"])
            for column, name in zip(columns, wanted, strict=True):
                piece = piece.append_column(column, conversations[name].take(positions))
            return piece

        return map(joined, pieces)

    def _with_attributes(
        self, pieces: Iterator[pa.Table], day: str, attributes: Sequence[TypedAttribute]
    ) -> Iterator[pa.Table]:
        """The pieces with the participant attributes of each row's conversation."""
        place, schema = f"tables/{PARTICIPANT_ATTRIBUTES.name}", PARTICIPANT_ATTRIBUTES.schema
        self._note(place, [day])
        where = pc.field("name").isin([each.attribute for each in attributes])
        read = self.lake.pieces(place, [day], schema=schema, columns=list(NEEDED_OF_ATTRIBUTES), where=where)
        rows = pa.concat_tables([schema.empty_table().select(list(NEEDED_OF_ATTRIBUTES)), *read])
        known = [typed(rows, each) for each in attributes]
        for each, values in zip(attributes, known, strict=True):
            self.remarks.setdefault(each.name, Remark()).add(values, each)
        lookups = [(_ByConversation([values["conversation_id"]]), values) for values in known]

        def joined(piece: pa.Table) -> pa.Table:
            for conversations, values in lookups:
                positions = conversations.positions(piece["conversation_id"])
                for name in values.column_names[1:]:
                    piece = piece.append_column(name, values[name].take(positions))
            return piece

        return map(joined, pieces)

    # -- days ------------------------------------------------------------------------------------------------------

    def _reach(self, place: str, day: str) -> Reach | None:
        footer = self.lake.footer(place, day)
        return footer.reach if footer else None

    def _require_partitions(self, place: str) -> None:
        stored = self.lake.stored(place)
        for day in self.days:
            if day not in stored:
                raise NotStored(f"genesys/{place} has no partition {day}: materialise it first.")

    def _require_reach(self, place: str, window: Window) -> None:
        """The days of the period that are over must be stored to their end. Raises NotStored if a UTC day that they
        touch does not reach that far.
        """
        ended = max((bound for bound in self.bounds[1:] if bound <= datetime.now(UTC)), default=window.start)
        if ended == window.start:
            return
        for day in Window(window.start, ended).utc_days():
            start, end = utc_day(day)
            reach = self._reach(place, day)
            if reach is None and start.date() < self.start_date:
                # It cannot be fetched. The report is computed without it, and is not complete: see `reach`.
                continue
            needed = Window(start, min(end, ended))
            if reach is None or not reach.covers(needed):
                raise NotStored(
                    f"{self._days_end()} at {ended:%Y-%m-%d %H:%M} UTC, but "
                    f"genesys/{place} of {day} reaches {reach.through.isoformat() if reach else 'nowhere'}, not "
                    f"{needed.end:%Y-%m-%d %H:%M}: materialise it again or, if the day was imported, "
                    "import its files again with --complete."
                )

    def _days_end(self) -> str:
        if len(self.days) == 1:
            return f"The day {self.days[0]} in {self.zone.key} ends"
        return f"The days {self.days[0]} to {self.days[-1]}, as far as they are over, end"


class _ByConversation:
    """The position of each conversation in a column; any of its positions if it has several."""

    def __init__(self, ids: Iterable[pa.ChunkedArray]) -> None:
        # Hashing a whole day at once would take many times the memory of its hashes.
        chunks = (chunk for column in ids for chunk in column.chunks)
        hashes = [hash_rows(pa.table({"conversation_id": chunk})) for chunk in chunks]
        every = np.concatenate([np.zeros(0, np.uint64), *hashes])
        self._hashes, self._order = np.unique(every, return_index=True)

    def positions(self, ids: pa.ChunkedArray) -> pa.Array:
        """The position of each conversation; null if it has none."""
        if not len(self._hashes):
            return pa.nulls(len(ids), pa.int64())
        wanted = hash_rows(pa.table({"conversation_id": ids}))
        found = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        return pa.array(self._order[found], pa.int64(), mask=self._hashes[found] != wanted)


def _inside(metrics: pa.Table, window: Window) -> pa.Table:
    """The rows, unchanged. Raises NotStored if a bucket crosses the window's bounds, because it is unknown which part
    of its figures lies inside.
    """
    start, end = (pa.scalar(bound, INSTANT) for bound in (window.start, window.end))
    across = metrics.filter(pc.or_(pc.less(metrics["interval_start"], start), pc.greater(metrics["interval_end"], end)))
    if len(across):
        first = across.slice(0, 1).to_pylist()[0]
        raise NotStored(
            f"An imported figure of {first['interval_start']:%Y-%m-%d %H:%M} to {first['interval_end']:%H:%M} UTC "
            f"crosses the bounds of the report's day or period, {window.start:%Y-%m-%d %H:%M} to "
            f"{window.end:%Y-%m-%d %H:%M} UTC: "
            "import shorter buckets, or fetch genesys/pages/hourly_aggregates of that hour."
        )
    return metrics


def _is_joined(column: str) -> bool:
    """Whether a column is not the table's own, but one of the row's conversation or an attribute."""
    return column.startswith((OF_CONVERSATION, OF_ATTRIBUTE))


def _within(column: str, window: Window) -> pc.Expression:
    start, end = (pa.scalar(bound, INSTANT) for bound in (window.start, window.end))
    return (pc.field(column) >= start) & (pc.field(column) < end)


def _split(condition: Condition | None) -> tuple[Condition | None, Condition | None]:
    """Split a condition into the part that can be applied while rows are read, and the part that needs columns of their
    conversations or attributes.
    """
    if condition is None:
        return None, None
    members = condition.members if isinstance(condition, Group) and condition.type == "and" else (condition,)
    later = [each for each in members if any(_is_joined(comparison.name) for comparison in comparisons(each))]
    return all_of([each for each in members if each not in later]), all_of(later)

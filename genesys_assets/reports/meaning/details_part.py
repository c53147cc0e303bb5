"""The part of a report that is counted from a table of the lake: which rows, and what is computed of their columns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.language import conditions
from genesys_assets.reports.language.conditions import Comparison, Condition, Group, Value
from genesys_assets.reports.language.formulas import NUMBERS
from genesys_assets.reports.language.measures import Measure
from genesys_assets.reports.language.model import Details, LinkedTable
from genesys_assets.reports.language.problems import Mistakes, Path, one_of, quoted
from genesys_assets.reports.language.sources import (
    OF_ATTRIBUTE,
    OF_CONVERSATION,
    Table,
    TypedAttribute,
    is_instant,
    table,
    type_in_words,
)
from genesys_assets.reports.meaning.figures import Figure, GroupKey, How, dimension, history_of
from genesys_assets.reports.meaning.values import compared, converted, value_of
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, PARTICIPANT_ATTRIBUTES
from genesys_assets.tables.conversations.model import snake_case

_ONLY_DETAILS = ("tConversationDuration", "tSegmentDuration", "nFlow", "tFlow")
"""Metrics of sessions that the aggregates of conversations do not have."""
_OBSERVED = {
    "live/conversations": ("oWaiting", "oAlerting", "oInteracting"),
    "live/queues": (
        *("oInteracting", "oWaiting", "oAlerting", "oOnQueueUsers", "oOffQueueUsers", "oActiveUsers", "oMemberUsers"),
        "oUserRoutingStatuses",
    ),
}
"""The metrics of each table of snapshots."""


@dataclass(frozen=True, slots=True)
class Link:
    """A condition on another table: only conversations with a matching row there count, or, if not `wanted`, only those
    without one.
    """

    table: Table
    where: Condition | None
    wanted: bool


@dataclass(frozen=True, slots=True)
class Count:
    """What a row adds to one figure if a condition holds: the value of a column, or, with `as_one`, 1 if it has a
    value. Without a column every row adds 1.
    """

    figure: str
    column: str | None
    as_one: bool
    where: Condition | None


@dataclass(frozen=True, slots=True)
class DetailsPart:
    """Which rows of a table are counted, in which interval and group, and for which figures.

    `keys` are pairs of the report's column and the table's; the latter is None if all rows have no value. With
    `once_per`, the rows with one value of that column count as one row in each group.
    """

    table: Table
    time: str
    where: Condition | None
    links: tuple[Link, ...]
    keys: tuple[tuple[str, str | None], ...]
    once_per: str | None
    counts: tuple[Count, ...]
    figures: tuple[Figure, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, including those of the row's conversation."""
        conditions_ = [self.where, *(count.where for count in self.counts)]
        used = [
            self.time,
            *(column for _, column in self.keys if column),
            *([self.once_per] if self.once_per else []),
            *(count.column for count in self.counts if count.column),
            *(comparison.name for condition in conditions_ for comparison in conditions.comparisons(condition)),
            *(["conversation_id"] if self.links else []),
        ]
        return tuple(dict.fromkeys(used))

    @property
    def places(self) -> tuple[str, ...]:
        """The places of all tables that are read."""
        used = [*self.table.places, *(link.table.place for link in self.links)]
        if any(column.startswith(OF_CONVERSATION) for column in self.columns):
            used.append(f"tables/{CONVERSATIONS.name}")
        if self.table.attributes:
            used.append(f"tables/{PARTICIPANT_ATTRIBUTES.name}")
        return tuple(dict.fromkeys(used))

    def key_classes(self, key: str) -> list[PersonalData]:
        """The classes of personal data of the columns that a key of the report is read from."""
        return [self.table.personal(column) for name, column in self.keys if column and name == key]

    @property
    def key_types(self) -> dict[str, pa.DataType]:
        """The type of each key, by the report's column. Keys without a value are left out."""
        return {key: self.table.type(column) for key, column in self.keys if column}


def details_part(stated: Details, keys: Sequence[GroupKey], path: Path, mistakes: Mistakes) -> DetailsPart | None:
    """Compile a source. Returns None if it has mistakes, and adds these to `mistakes`."""
    before = len(mistakes.items)
    try:
        source_table = table(stated.table)
    except LookupError as unknown:
        mistakes.add((*path, "table"), str(unknown.args[0]), stated.table)
        return None
    source_table = replace(source_table, attributes=tuple(_attributes(stated, source_table, path, mistakes)))
    compiler = _DetailsCompiler(source_table, mistakes)
    time = compiler.column(stated.time, (*path, "time")) if stated.time else source_table.time
    if time and not is_instant(source_table.type(time)):
        kind = type_in_words(source_table.type(time))
        message = f"time must be an instant, got {time}, which is {kind}. Leave it out, or name another"
        mistakes.add((*path, "time"), message, stated.time)
    where = compiler.condition(stated.where, (*path, "where"))
    part = DetailsPart(
        table=source_table,
        time=time or source_table.time,
        where=where,
        links=tuple(
            link
            for name, linked in (("having", stated.having), ("lacking", stated.lacking))
            if linked and (link := _link(source_table, linked, name == "having", (*path, name), mistakes))
        ),
        keys=tuple(_keys(stated, keys, compiler, path)),
        once_per=compiler.column(stated.once_per, (*path, "once_per")) if stated.once_per else None,
        counts=tuple(
            compiler.count(name, measure, (*path, "measures", name)) for name, measure in stated.measures.items()
        ),
        figures=tuple(
            figure
            for name, measure in stated.measures.items()
            if (figure := compiler.figure(name, measure, (*path, "measures", name), where))
        ),
    )
    if part.once_per:
        _check_counted_once(part, path, mistakes)
    return part if len(mistakes.items) == before else None


@dataclass(frozen=True, slots=True)
class _DetailsCompiler:
    table: Table
    mistakes: Mistakes

    def column(self, name: str, path: Path) -> str | None:
        try:
            return self.table.column(name)
        except LookupError as unknown:
            self.mistakes.add(path, str(unknown.args[0]), name)
            return None

    def condition(self, stated: Any, path: Path) -> Condition | None:
        if stated is None:
            return None
        return conditions.read_resolved(stated, path, self.mistakes, self._comparison)

    def _comparison(self, comparison: Comparison) -> Comparison:
        column = self.column(comparison.name, comparison.name_path or comparison.path)
        if column is None:
            return comparison
        type_ = self.table.type(column)
        if column.startswith(OF_ATTRIBUTE) and type_ == pa.string():
            comparison = _in_any_case(comparison)
        return compared(comparison, column, type_, self.mistakes, self._value)

    def _value(self, value: Value, column: str, type_: pa.DataType) -> Any:
        if column.startswith(OF_ATTRIBUTE):
            return converted(value, type_)
        return _metric(value, self.table) if column == "metric" else value_of(value, column, type_)

    def count(self, name: str, measure: Measure | str, path: Path) -> Count:
        if isinstance(measure, str):
            return Count(name, None, True, None)
        column = self.column(measure.column, (*path, measure.given))
        return Count(name, column, measure.how == "count", self.condition(measure.where, (*path, "where")))

    def figure(self, name: str, measure: Measure | str, path: Path, where: Condition | None) -> Figure | None:
        """The figure of a measure; None if its column is unknown. `where` is the condition of the whole source."""
        if isinstance(measure, str):
            return Figure(name, "sum", pa.int64(), f"rows of {self.table.name}", power=0)
        try:
            column = self.table.column(measure.column)
        except LookupError:
            return None
        type_, how = self.table.type(column), measure.how
        if how == "count":
            return Figure(name, "sum", pa.int64(), f"rows of {self.table.name} with {column}", power=0)
        allowed = {"sum": NUMBERS, "percentile": NUMBERS, "distinct": (*NUMBERS, pa.string())}.get(how)
        if pa.types.is_list(type_) or (allowed and type_ not in allowed):
            instead = "count" if pa.types.is_list(type_) else "count or count_distinct"
            message = f"{column} is {type_in_words(type_)}, of which there is no {measure.given}. Use {instead}"
            self.mistakes.add((*path, measure.given), message, measure.column)
        aggregation, description = _how(how), f"{_description(measure)} of {column} of {self.table.name}"
        shows_values = aggregation in ("min", "max", "distinct")
        personal = self.table.personal(column) if shows_values else PersonalData.NONE
        power = self._power(column, measure, where)
        return Figure(name, aggregation, type_, description, history_of(column), personal, power, measure.rank)

    def _power(self, column: str, measure: Measure, where: Condition | None) -> int | None:
        """The power of milliseconds in the figure; see `Figure`."""
        if measure.how == "count_distinct":
            return 0
        if column != "value" or self.table.name != "session_metrics":
            return int(column.endswith("_ms"))
        own = conditions.read(measure.where, (), Mistakes()) if measure.where else None
        metrics = _metrics_of(own, self.table) or _metrics_of(where, self.table)
        are_times = {metric.startswith("t") for metric in metrics}
        return int(are_times.pop()) if len(are_times) == 1 else None


def _attributes(stated: Details, source_table: Table, path: Path, mistakes: Mistakes) -> Iterator[TypedAttribute]:
    """The participant attributes that the source adds to its table."""
    if stated.attributes and not source_table.has_conversations:
        message = (
            f"rows of {source_table.name} belong to no conversation, so they have no participant attributes. Take "
            "attributes out"
        )
        mistakes.add((*path, "attributes"), message)
        return
    taken = set(source_table.spec.schema.names)
    for name, each in stated.attributes.items():
        typed = TypedAttribute(name, each.attribute, each.type)
        doubled = sorted(taken & typed.columns.keys())
        taken |= typed.columns.keys()
        if doubled:
            message = f"{source_table.name} has a column {quoted(doubled[0])} already. Call the attribute differently"
            mistakes.add((*path, "attributes", name), message)
        else:
            yield typed


def _in_any_case(comparison: Comparison) -> Comparison:
    """The comparison, with every true and false in each spelling that YAML knows: flows write True, true or TRUE into a
    text.
    """
    spelled = (
        (text.lower(), text, text.upper()) if isinstance(value, bool) else (value,)
        for value in comparison.values
        for text in (str(value),)
    )
    return replace(comparison, values=tuple(chain.from_iterable(spelled)))


def _metric(value: Value, table: Table) -> str:
    """A metric of a table in the platform's spelling. Raises InvalidQuery."""
    name = str(value)
    if table.name == "session_metrics":
        return name if name in _ONLY_DETAILS else catalogue.metric(name)
    known = {metric.lower(): metric for metric in _OBSERVED.get(table.name, ())}
    if known and name.lower() not in known:
        raise InvalidQuery(f"{table.name} has no metric {quoted(name)}. {one_of(known.values(), name)}")
    return known.get(name.lower(), name)


def _metrics_of(condition: Condition | None, table: Table) -> set[str]:
    """The metrics of which rows must have one; empty if the condition does not restrict the metric."""
    members = condition.members if isinstance(condition, Group) and condition.type == "and" else (condition,)
    for each in members:
        if isinstance(each, Comparison) and each.name == "metric" and each.operator == "any_of":
            with contextlib.suppress(InvalidQuery):
                return {_metric(value, table) for value in each.values}
    return set()


def _how(how: str) -> How:
    ways: tuple[How, ...] = ("min", "max", "distinct", "count_distinct", "percentile")
    return next((way for way in ways if way == how), "sum")


def _description(measure: Measure) -> str:
    return f"percentile {measure.at:g}" if measure.at is not None else measure.given


def _keys(
    stated: Details, keys: Sequence[GroupKey], compiler: _DetailsCompiler, path: Path
) -> list[tuple[str, str | None]]:
    columns = {key.column for key in keys}
    renamed: dict[str, str | None] = {}
    for name, column in stated.group_by.items():
        known = _column_of(name)
        if known not in columns:
            compiler.mistakes.add(
                (*path, "group_by", name),
                f"the report is not grouped by {quoted(name)}. {one_of(columns, known)}",
                name,
            )
        renamed[known] = compiler.column(column, (*path, "group_by", name)) if column else None
    pairs: list[tuple[str, str | None]] = []
    for key in keys:
        if key.column in renamed:
            pairs.append((key.column, renamed[key.column]))
            continue
        try:
            pairs.append((key.column, compiler.table.column(key.column)))
        except LookupError as unknown:
            advice = f"Name the column for it: group_by: {{{key.column}: …}}"
            compiler.mistakes.add((*path, "table"), f"{unknown.args[0]} {advice}", compiler.table.name)
    for key_, column in pairs:
        if column and pa.types.is_list(compiler.table.type(column)):
            compiler.mistakes.add((*path, "group_by"), f"{column} is a list, by which rows cannot be grouped", key_)
    return pairs


def _column_of(name: str) -> str:
    try:
        return snake_case(dimension(name))
    except InvalidQuery:
        return snake_case(name)


def _link(source_table: Table, stated: LinkedTable, wanted: bool, path: Path, mistakes: Mistakes) -> Link | None:
    try:
        other = table(stated.table)
    except LookupError as unknown:
        mistakes.add((*path, "table"), str(unknown.args[0]), stated.table)
        return None
    if not (source_table.has_conversations and other.has_conversations) or other.made_of:
        message = f"only stored tables of conversations can be tied to {source_table.name}"
        mistakes.add((*path, "table"), message, stated.table)
        return None
    where = _DetailsCompiler(other, mistakes).condition(stated.where, (*path, "where"))
    for comparison in conditions.comparisons(where):
        if comparison.name.startswith(OF_CONVERSATION):
            mistakes.add(comparison.path, f"here only columns of {other.name} itself can be used", comparison.name)
    return Link(other, where, wanted)


def _check_counted_once(part: DetailsPart, path: Path, mistakes: Mistakes) -> None:
    """Check that measures use only columns that are equal in all rows of one value of `once_per`."""
    for count in part.counts:
        used = [count.column, *(comparison.name for comparison in conditions.comparisons(count.where))]
        for column in used:
            of_one = column in (None, part.once_per)
            of_conversation = column is not None and column.startswith((OF_CONVERSATION, OF_ATTRIBUTE))
            if not of_one and not (of_conversation and part.once_per == "conversation_id"):
                mistakes.add(
                    (*path, "measures", count.figure),
                    f"with once_per: {part.once_per} a measure can use only {part.once_per} itself; with once_per: "
                    "conversation_id also columns conversation.… and attributes. Other columns may differ between the "
                    f"rows of one {part.once_per}",
                    column,
                )

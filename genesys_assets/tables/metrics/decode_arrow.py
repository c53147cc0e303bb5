"""Decodes an answer of the aggregates query by Arrow's JSON reader: whole, fast and strict. `decode_values` decodes
what it refuses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.tables import narrow_json, stored_answers
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.metrics.question import StoredQuestion
from genesys_assets.tables.spec import INSTANT

WHOLE = ("count", "sum", "min", "max")
KEPT = (*WHOLE, "current", "ratio", "numerator", "denominator", "target")
UNUSED = ("countNegative", "countPositive", "p95", "p99", "calculatedMetricValue")
"""Statistics that the platform documents but that are not kept: they cannot be added up, or are not requested."""

PAGE = "the aggregates page"
"""The name of an answer in messages."""
ENVELOPE = ("systemToOrganizationMappings",)
"""Fields of an answer other than its results: for users, the mapping of system presences to organisation presences."""

_UNUSUAL = ("current", *UNUSED)


def _stats(*without: str, whole: Sequence[str] = WHOLE) -> pa.StructType:
    names = (name for name in (*KEPT, *UNUSED) if name not in without)
    return pa.struct([(name, pa.int64() if name in whole else pa.float64()) for name in names])


def _result(group: pa.DataType, metric: pa.StructType, **more: pa.DataType) -> pa.StructType:
    bucket = pa.struct([("interval", pa.string()), ("metrics", pa.list_(metric)), *more.items()])
    return pa.struct([("group", group), ("data", pa.list_(bucket))])


class _Shape(NamedTuple):
    """The types of an answer: with whole sums, as for conversations, or with any numbers."""

    stats: pa.StructType
    usual_metric: pa.StructType
    result: pa.StructType

    @classmethod
    def of(cls, whole: Sequence[str]) -> _Shape:
        stats = _stats(whole=whole)
        metric = pa.struct([("metric", pa.string()), ("qualifier", pa.string()), ("stats", stats)])
        usual = pa.struct([("metric", pa.string()), ("stats", _stats(*_UNUSUAL, whole=whole))])
        view = pa.struct([("name", pa.string()), ("stats", stats)])
        return cls(stats, usual, _result(pa.map_(pa.string(), pa.string()), metric, views=pa.list_(view)))


_OF_CONVERSATIONS, _OF_OTHERS = _Shape.of(WHOLE), _Shape.of(("count",))


def _shape(question: StoredQuestion) -> _Shape:
    return _OF_CONVERSATIONS if question.family is CONVERSATIONS else _OF_OTHERS


class MetricColumns(NamedTuple):
    """Rows of a table of buckets, in no order, and the counts of unknown fields by path."""

    table: pa.Table
    unknown: Counter[str]


class MetricsReader:
    """Decodes answers. It remembers which fields occur, for each family and grouping."""

    def __init__(self) -> None:
        self._by_grouping: dict[tuple[str, str], narrow_json.JsonReader] = {}

    def read(self, question: StoredQuestion, body: bytes, schema: pa.Schema) -> MetricColumns:
        """The rows of an answer. Raises ArrowInvalid or UnicodeDecodeError if the answer does not fit."""
        results, unknown, _ = self._pages(question).read(body)
        buckets = _below(results, "data")
        bounds = _Bounds.of(_field(buckets.elements, "interval", pa.string()), question)
        figures = [
            _of_metrics(_below(buckets.elements, "metrics")),
            _of_views(_below(buckets.elements, "views"), question),
        ]
        presences = system_presences(body) if question.family.has_qualifier else {}
        tables = [
            _table(results, buckets, bounds, each, question, presences, schema) for each in figures if len(each.metric)
        ]
        return MetricColumns(pa.concat_tables(tables) if tables else schema.empty_table(), unknown)

    def _pages(self, question: StoredQuestion) -> narrow_json.JsonReader:
        alike, shape = (question.family.name, question.grouping), _shape(question)
        if alike not in self._by_grouping:
            dimensions = pa.struct([(name, pa.string()) for name in question.grouping.split(",") if name])
            usual = _result(dimensions, shape.usual_metric)
            self._by_grouping[alike] = narrow_json.JsonReader("results", shape.result, ENVELOPE, usual)
        return self._by_grouping[alike]


class _Level(NamedTuple):
    """Elements of one level of the nesting, and the position of each one's parent."""

    elements: pa.StructArray
    parent: pa.Array


def _below(structs: pa.StructArray, name: str) -> _Level:
    lists = _field(structs, name, pa.list_(pa.struct([])))
    elements = pc.list_flatten(lists)
    if elements.null_count:
        raise pa.ArrowInvalid(f"{name} holds a null")
    return _Level(elements, pc.list_parent_indices(lists))


def _field(structs: pa.StructArray, name: str, type_: pa.DataType) -> pa.Array:
    """The values of a field; nulls of the given type if there is no such field."""
    known = structs.type.get_field_index(name) >= 0
    return pc.struct_field(structs, name) if known else pa.nulls(len(structs), type_)


class _Bounds(NamedTuple):
    """Begin, end and local date of each bucket."""

    interval_start: pa.Array
    interval_end: pa.Array
    local_date: pa.Array

    @classmethod
    def of(cls, intervals: pa.Array, question: StoredQuestion) -> _Bounds:
        coded = intervals.dictionary_encode()
        try:
            bounds = [
                [datetime.fromisoformat(bound).astimezone(UTC) for bound in interval.split("/")]
                for interval in coded.dictionary.to_pylist()
            ]
            starts, ends = ([pair[at] for pair in bounds] for at in (0, 1))
            local_dates = [start.astimezone(question.zone).date() for start in starts]
        except (ValueError, IndexError, OverflowError) as error:
            raise pa.ArrowInvalid("a bucket has no sound interval") from error
        if intervals.null_count or any(len(pair) != 2 for pair in bounds):
            raise pa.ArrowInvalid("a bucket has no interval")
        columns = (
            pa.array(starts, INSTANT),
            pa.array(ends, INSTANT),
            pa.array(local_dates, pa.date32()),
        )
        return cls(*(column.take(coded.indices) for column in columns))


class _Figures(NamedTuple):
    """Figures of metrics or of views, each with the position of its bucket."""

    bucket: pa.Array
    metric: pa.Array
    view: pa.Array
    qualifier: pa.Array
    stats: pa.StructArray


def _of_metrics(measured: _Level) -> _Figures:
    metric = _field(measured.elements, "metric", pa.string())
    if metric.null_count:
        raise pa.ArrowInvalid("a metric has no name")
    stats = _field(measured.elements, "stats", pa.struct([]))
    qualifier = _field(measured.elements, "qualifier", pa.string())
    return _Figures(measured.parent, metric, pa.repeat("", len(metric)), qualifier, stats)


def _of_views(viewed: _Level, question: StoredQuestion) -> _Figures:
    view = _field(viewed.elements, "name", pa.string())
    names, targets = (pa.array(list(each), pa.string()) for each in (question.targets, question.targets.values()))
    metric = targets.take(pc.index_in(view, names))
    if metric.null_count:
        raise pa.ArrowInvalid("a view was not requested")
    stats = _field(viewed.elements, "stats", pa.struct([]))
    return _Figures(viewed.parent, metric, view, pa.nulls(len(view), pa.string()), stats)


def _table(
    results: pa.StructArray,
    buckets: _Level,
    bounds: _Bounds,
    figures: _Figures,
    question: StoredQuestion,
    presences: Mapping[str, str],
    schema: pa.Schema,
) -> pa.Table:
    of_question = ("grouping", "selection", "is_additive", "source")
    columns = {
        **{name: column.take(figures.bucket) for name, column in bounds._asdict().items()},
        **{name: pa.repeat(getattr(question, name), len(figures.metric)) for name in of_question},
        **_of_groups(results, buckets.parent.take(figures.bucket), figures.qualifier, question),
        "metric": figures.metric,
        "qualifier": figures.qualifier,
        "view": figures.view,
        **{name: _field(figures.stats, name, _shape(question).stats.field(name).type) for name in KEPT},
    }
    if question.family is not CONVERSATIONS:
        _require_whole(columns["sum"], figures.metric)
    if question.family.has_qualifier:
        pairs = zip(figures.metric.to_pylist(), figures.qualifier.to_pylist(), strict=True)
        columns["system_presence"] = pa.array([system_presence(*pair, presences) for pair in pairs], pa.string())
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _require_whole(sums: pa.Array, metric: pa.Array) -> None:
    """Raises ArrowInvalid if a time is not in whole milliseconds, as times of every family must be."""
    of_timers = sums.filter(pc.starts_with(metric, "t"))
    if not pc.all(pc.equal(of_timers, pc.round(of_timers)), min_count=0).as_py():
        raise pa.ArrowInvalid("a time is no whole number")


def _of_groups(
    results: pa.StructArray, of_result: pa.Array, qualifier: pa.Array, question: StoredQuestion
) -> dict[str, pa.Array]:
    groups = _field(results, "group", pa.struct([]))
    listed = [
        {name: value for name, value in (group or {}).items() if value is not None} for group in groups.to_pylist()
    ]
    keys = pa.array([group_key(group, None) for group in listed], pa.string()).take(of_result)
    if qualifier.null_count < len(qualifier):
        pairs = zip(of_result.to_pylist(), qualifier.to_pylist(), strict=True)
        keys = pa.array([group_key(listed[result], value) for result, value in pairs], pa.string())
    return {"group_key": keys} | {
        snake_case(name): _field(groups, name, pa.string()).take(of_result) for name in question.family.columns
    }


def system_presences(body: bytes) -> dict[str, str]:
    """The system presence of each organisation presence (by id), from the answer's mapping. Raises UnreadablePage."""
    answer = stored_answers.parse_json(body, PAGE)
    if not isinstance(answer, dict):
        return {}
    mapping = stored_answers.Fields(PAGE, answer).object(ENVELOPE[0])
    return {id_: presence for presence in mapping.values for id_ in mapping.texts(presence)}


def system_presence(metric: str, qualifier: str | None, presences: Mapping[str, str]) -> str | None:
    """The system presence of a figure; None if it is not about a presence, or the presence is unknown."""
    if metric == "tSystemPresence":
        return qualifier
    return presences.get(qualifier or "") if metric == "tOrganizationPresence" else None


def group_key(group: Mapping[str, str], qualifier: str | None) -> str:
    """The value of the column `group_key`: group and qualifier as JSON with sorted keys."""
    key = group if qualifier is None else {**group, "qualifier": qualifier}
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

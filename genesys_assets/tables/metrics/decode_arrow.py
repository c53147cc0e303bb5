"""An answer of the aggregates query as Arrow's JSON reader takes it: whole, fast and strict. What it refuses is for
`decode_values`.
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
"""Statistics that the platform documents, and that cannot be added up or are not asked for."""

PAGE = "the aggregates page"
"""What messages call an answer."""
ENVELOPE = ("systemToOrganizationMappings",)
"""What an answer has beside its results: of users, which presences of the organisation mean which of the system."""

_UNUSUAL = ("current", *UNUSED)


def _stats(*without: str, whole: Sequence[str] = WHOLE) -> pa.StructType:
    names = (name for name in (*KEPT, *UNUSED) if name not in without)
    return pa.struct([(name, pa.int64() if name in whole else pa.float64()) for name in names])


def _result(group: pa.DataType, metric: pa.StructType, **more: pa.DataType) -> pa.StructType:
    bucket = pa.struct([("interval", pa.string()), ("metrics", pa.list_(metric)), *more.items()])
    return pa.struct([("group", group), ("data", pa.list_(bucket))])


class _Shape(NamedTuple):
    """What an answer looks like: with whole sums, as those of conversations are, or with any."""

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


def _shape(asked: StoredQuestion) -> _Shape:
    return _OF_CONVERSATIONS if asked.family is CONVERSATIONS else _OF_OTHERS


class MetricColumns(NamedTuple):
    """Rows with the columns of a table of buckets, in no order, and unknown fields by path."""

    table: pa.Table
    unknown: Counter[str]


class Reader:
    """Reads answers; those of one grouping of a family are alike."""

    def __init__(self) -> None:
        self._by_grouping: dict[tuple[str, str], narrow_json.Reader] = {}

    def read(self, asked: StoredQuestion, body: bytes, schema: pa.Schema) -> MetricColumns:
        """Raises ArrowInvalid or UnicodeDecodeError where an answer does not fit as it stands."""
        results, unknown = self._pages(asked).read(body)
        buckets = _below(results, "data")
        bounds = _Bounds.of(_field(buckets.elements, "interval", pa.string()), asked)
        figures = [
            _of_metrics(_below(buckets.elements, "metrics")),
            _of_views(_below(buckets.elements, "views"), asked),
        ]
        presences = system_presences(body) if asked.family.has_qualifier else {}
        tables = [
            _table(results, buckets, bounds, each, asked, presences, schema) for each in figures if len(each.metric)
        ]
        return MetricColumns(pa.concat_tables(tables) if tables else schema.empty_table(), unknown)

    def _pages(self, asked: StoredQuestion) -> narrow_json.Reader:
        alike, shape = (asked.family.name, asked.grouping), _shape(asked)
        if alike not in self._by_grouping:
            dimensions = pa.struct([(name, pa.string()) for name in asked.grouping.split(",") if name])
            usual = _result(dimensions, shape.usual_metric)
            self._by_grouping[alike] = narrow_json.Reader("results", shape.result, ENVELOPE, usual)
        return self._by_grouping[alike]


class _Level(NamedTuple):
    """Elements of one level of the nesting, and of each the position of what it is in."""

    elements: pa.StructArray
    parent: pa.Array


def _below(structs: pa.StructArray, name: str) -> _Level:
    lists = _field(structs, name, pa.list_(pa.struct([])))
    elements = pc.list_flatten(lists)
    if elements.null_count:
        raise pa.ArrowInvalid(f"{name} holds a null")
    return _Level(elements, pc.list_parent_indices(lists))


def _field(structs: pa.StructArray, name: str, type_: pa.DataType) -> pa.Array:
    """The values of a field, of that type; nulls where there is no such field."""
    known = structs.type.get_field_index(name) >= 0
    return pc.struct_field(structs, name) if known else pa.nulls(len(structs), type_)


class _Bounds(NamedTuple):
    """Begin, end and local date of each bucket."""

    interval_start: pa.Array
    interval_end: pa.Array
    local_date: pa.Array

    @classmethod
    def of(cls, intervals: pa.Array, asked: StoredQuestion) -> _Bounds:
        coded = intervals.dictionary_encode()
        try:
            bounds = [
                [datetime.fromisoformat(bound).astimezone(UTC) for bound in interval.split("/")]
                for interval in coded.dictionary.to_pylist()
            ]
            starts, ends = ([pair[at] for pair in bounds] for at in (0, 1))
            local_dates = [start.astimezone(asked.zone).date() for start in starts]
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


def _of_views(viewed: _Level, asked: StoredQuestion) -> _Figures:
    view = _field(viewed.elements, "name", pa.string())
    names, targets = (pa.array(list(each), pa.string()) for each in (asked.targets, asked.targets.values()))
    metric = targets.take(pc.index_in(view, names))
    if metric.null_count:
        raise pa.ArrowInvalid("a view was not asked for")
    stats = _field(viewed.elements, "stats", pa.struct([]))
    return _Figures(viewed.parent, metric, view, pa.nulls(len(view), pa.string()), stats)


def _table(
    results: pa.StructArray,
    buckets: _Level,
    bounds: _Bounds,
    figures: _Figures,
    asked: StoredQuestion,
    presences: Mapping[str, str],
    schema: pa.Schema,
) -> pa.Table:
    of_question = ("grouping", "selection", "is_additive", "source")
    columns = {
        **{name: column.take(figures.bucket) for name, column in bounds._asdict().items()},
        **{name: pa.repeat(getattr(asked, name), len(figures.metric)) for name in of_question},
        **_of_groups(results, buckets.parent.take(figures.bucket), figures.qualifier, asked),
        "metric": figures.metric,
        "qualifier": figures.qualifier,
        "view": figures.view,
        **{name: _field(figures.stats, name, _shape(asked).stats.field(name).type) for name in KEPT},
    }
    if asked.family is not CONVERSATIONS:
        _must_be_whole(columns["sum"], figures.metric)
    if asked.family.has_qualifier:
        pairs = zip(figures.metric.to_pylist(), figures.qualifier.to_pylist(), strict=True)
        columns["system_presence"] = pa.array([system_presence(*pair, presences) for pair in pairs], pa.string())
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _must_be_whole(sums: pa.Array, metric: pa.Array) -> None:
    """Times are whole milliseconds in every family. Raises ArrowInvalid."""
    of_timers = sums.filter(pc.starts_with(metric, "t"))
    if not pc.all(pc.equal(of_timers, pc.round(of_timers)), min_count=0).as_py():
        raise pa.ArrowInvalid("a time is no whole number")


def _of_groups(
    results: pa.StructArray, of_result: pa.Array, qualifier: pa.Array, asked: StoredQuestion
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
        snake_case(name): _field(groups, name, pa.string()).take(of_result) for name in asked.family.columns
    }


def system_presences(body: bytes) -> dict[str, str]:
    """Which presence of the system each presence of the organisation means, as the answer says. Raises
    UnreadablePage.
    """
    answer = stored_answers.parse_json(body, PAGE)
    if not isinstance(answer, dict):
        return {}
    mapping = stored_answers.Fields(PAGE, answer).object(ENVELOPE[0])
    return {id_: presence for presence in mapping.values for id_ in mapping.texts(presence)}


def system_presence(metric: str, qualifier: str | None, presences: Mapping[str, str]) -> str | None:
    """The presence of the system that a figure is about, None where it is about none, or that is unknown."""
    if metric == "tSystemPresence":
        return qualifier
    return presences.get(qualifier or "") if metric == "tOrganizationPresence" else None


def group_key(group: Mapping[str, str], qualifier: str | None) -> str:
    """Group and qualifier as the column `group_key` has them."""
    key = group if qualifier is None else {**group, "qualifier": qualifier}
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

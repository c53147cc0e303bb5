"""Compares the same figures from two sources: the aggregates, and the metrics that the sessions emitted.

This module computes, and knows which figures are comparable. `checks.reconciliation` decides which days are read, and
what a difference means for a run.

Only figures that must be equal are compared: those of one metric, at the time at which it was emitted. nOffered is not
compared with its outcomes (one counts at the entry of a queue, the others at the exit). oServiceLevel is not compared
at all: its denominator depends on settings of the organisation. tWait, which no session carries, is compared with the
metrics that sessions emit when they leave the queue (`WAYS_OUT`).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.catalogue import AGGREGATE_ONLY, DEFAULT_METRICS, SESSION_METRICS, WAYS_OUT
from genesys_assets.spans import Window
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING, USER_GROUPING
from genesys_assets.tables.spec import INSTANT
from genesys_assets.tolerance import Tolerance

if TYPE_CHECKING:
    import pyarrow.dataset as pads

HANDLE_TIME = "tHandle"
HANDLE_TIME_PARTS = ("tTalkComplete", "tHeldComplete", "tAcw", "tContacting", "tDialing")

WAIT = "tWait"

METRICS = tuple(name for name in DEFAULT_METRICS if name.startswith(("n", "t")) and name not in AGGREGATE_ONLY)
"""Counters and timers that sessions may carry. Metrics that begin with o are derived: no session emits them."""
UNPROVEN = frozenset({*METRICS, WAIT}) - SESSION_METRICS
"""Metrics of which it is unknown whether sessions carry them. They are compared only if both sides have ever had them.
"""
_OF_QUEUES = frozenset({"nOffered", "nOverSla", "tAbandon", "tAcd", "tFlowOut", "tShortAbandon"})
"""Metrics of a queue, not of a person: a query grouped by userId leaves them out. Source:
https://developer.genesys.cloud/api/rest/v2/analytics/conversation_aggregate.
"""

_BUCKET_MINUTES = 15
_STATISTICS = ("count", "sum", "min", "max")
_AT_LEAST_ONE = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
_OPTIONS = {"count": pc.CountOptions(mode="all"), "sum": _AT_LEAST_ONE}
_READ_AHEAD = {"batch_size": 65_536, "batch_readahead": 2, "fragment_readahead": 1}


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way the aggregates are grouped: its name in `interval_metrics`, the column of its id, its metrics."""

    name: str
    column: str
    metrics: tuple[str, ...]

    @property
    def key(self) -> list[str]:
        return ["interval_start", self.column, "media_type", "metric"]


BY_QUEUE = Grouping(QUEUE_GROUPING, "queue_id", METRICS)
BY_USER = Grouping(USER_GROUPING, "user_id", tuple(name for name in METRICS if name not in _OF_QUEUES))
"""Figures without a user are compared by queue only."""
WAITS = Grouping(QUEUE_GROUPING, "queue_id", (WAIT,))
_WAYS_OUT = Grouping(QUEUE_GROUPING, "queue_id", WAYS_OUT)

AT_LEAST = 3
"""How often one conversation that was not read may have emitted a metric on a day. A higher number is assumed if a
conversation that was read emitted it more often.
"""

SESSION = ("conversation_id", "participant_id", "session_id", "queue_id", "user_id", "media_type")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many figures of each metric were compared (`rows`), and those that differ too much.

    `differences` has a row for each bucket, group and metric, with each statistic as expected_… (of the aggregates) and
    found_… (of the sessions); null if a side lacks the figure. `expected` and `found` are the metrics that each side
    has at all.
    """

    rows: Counter[str]
    differences: pa.Table
    expected: frozenset[str] = frozenset()
    found: frozenset[str] = frozenset()

    @property
    def compared(self) -> int:
        return self.rows.total()

    @classmethod
    def together(cls, parts: Sequence[Comparison]) -> Comparison:
        """Several comparisons, of different windows or groupings, as one."""
        differences = pa.concat_tables([part.differences for part in parts], promote_options="default")
        rows: Counter[str] = Counter()
        for part in parts:
            rows.update(part.rows)
        sides = [frozenset[str]().union(*of) for of in ((p.expected for p in parts), (p.found for p in parts))]
        return cls(rows, differences, *sides)

    def without(self, metrics: Iterable[str]) -> Comparison:
        """The comparison without these metrics."""
        left_out = frozenset(metrics)
        rows = Counter({name: count for name, count in self.rows.items() if name not in left_out})
        others = pc.invert(pc.is_in(self.differences["metric"], pa.array(sorted(left_out), pa.string())))
        return Comparison(rows, self.differences.filter(others), self.expected - left_out, self.found - left_out)

    def of_unread(self, most: Callable[[str | None, str], float]) -> tuple[pa.Table, pa.Table]:
        """The differences in two tables: the real ones, and those that unread conversations may explain, because the
        aggregates have more. `most(media_type, metric)` is how often unread conversations can have emitted a metric. If
        the differences of a media type and metric add up to more, something else is missing, and all of them are real.
        """
        rows = self.differences.append_column("more", _more_than_found(self.differences))
        explained = pc.greater(rows["more"], 0)
        totals = rows.filter(explained).group_by(["media_type", "metric"]).aggregate([("more", "sum")])
        for group in totals.to_pylist():
            if group["more_sum"] > most(group["media_type"], group["metric"]):
                of_group = pc.and_(
                    pc.equal(rows["metric"], group["metric"]), _is_same(rows["media_type"], group["media_type"])
                )
                explained = pc.and_(explained, pc.invert(of_group))
        return self.differences.filter(pc.invert(explained)), self.differences.filter(explained)


def of_aggregates(
    metrics: pads.Dataset, grouping: Grouping, window: Window, *, in_one_bucket: bool = False
) -> pa.Table:
    """The figures of `interval_metrics` or `daily_metrics` in the window, by bucket or all in one."""
    bucket = pc.scalar(pa.scalar(window.start, INSTANT)) if in_one_bucket else pc.field("interval_start")
    where = _of_everything(grouping) & _is_compared(grouping) & _within("interval_start", window)
    return _added_up(metrics, ["grouping", "selection", "view"], grouping, where, bucket)


def of_sessions(
    session_metrics: pads.Dataset, grouping: Grouping, window: Window, newer: pa.Table | None = None
) -> pa.Table:
    """The same figures, from `session_metrics` of all conversations that may reach into the window.

    A timer counts once for each emission, a counter by its value, in the bucket of its emit_date. `newer` are rows of
    conversations that were read later; they replace the stored ones.
    """
    rows = _emitted(session_metrics, grouping, window, None if newer is None else newer["conversation_id"])
    if newer is not None:
        import pyarrow.dataset as pads

        rows = pa.concat_tables([rows, _emitted(pads.dataset(newer), grouping, window)])
        rows = _added_up(pads.dataset(rows), [], grouping, pc.scalar(True), pc.field("interval_start"))
    counter = pc.starts_with(rows["metric"], "n")
    of_counters = dict.fromkeys(_STATISTICS, pa.scalar(None, pa.int64())) | {"count": rows["sum"].fill_null(0)}
    figures = {name: pc.if_else(counter, of_counters[name], rows[name]) for name in _STATISTICS}
    return pa.table({name: rows[name] for name in grouping.key} | figures)


def of_ways_out(session_metrics: pads.Dataset, window: Window, newer: pa.Table | None = None) -> pa.Table:
    """tWait by queue, computed from the sessions, all in one bucket: the waits of everybody who left the queue.

    The platform emits tWait and these metrics a few milliseconds apart, so not always in the same 15 minutes.
    """
    import pyarrow.dataset as pads

    bucket, wait = (pc.scalar(value) for value in (pa.scalar(window.start, INSTANT), WAIT))
    figures = pads.dataset(of_sessions(session_metrics, _WAYS_OUT, window, newer))
    return _added_up(figures, [], WAITS, pc.scalar(True), bucket, wait)


def busiest(session_metrics: pads.Dataset, window: Window, media: Iterable[str]) -> dict[tuple[str, str], int]:
    """The largest number of emissions of a metric by one conversation in the window, by media type and metric."""
    columns = ("conversation_id", "media_type", "metric")
    where = _within("emit_date", window) & pc.field("media_type").isin(sorted(media))
    each = _aggregated(
        session_metrics, [*columns, "emit_date"], where, _fields(columns), {"times": (pc.field("metric"), "count")}
    )
    most = each.group_by(["media_type", "metric"]).aggregate([("times", "max")]).to_pylist()
    times = Counter({(row["media_type"], row["metric"]): row["times_max"] for row in most})
    times.update({(name, WAIT): max(times[name, way] for way in WAYS_OUT) for name in media})
    return times


def metrics_in(dataset: pads.Dataset, wanted: Iterable[str], grouping: Grouping) -> frozenset[str]:
    """Which of these metrics of a grouping occur at all in `session_metrics` or `interval_metrics`."""
    of_sessions, names = "emit_date" in dataset.schema.names, {*wanted}
    names_to_read = names | {*WAYS_OUT} if of_sessions and WAIT in names else names
    where = pc.field("metric").isin(sorted(names_to_read))
    columns = ["metric"]
    if grouping is BY_USER:
        where &= pc.field("user_id").is_valid()
        columns.append("user_id")
    if not of_sessions:
        where &= _of_everything(grouping)
        columns += ["grouping", "selection", "view"]
    counted = {"rows": (pc.field("metric"), "count")}
    present = {*_aggregated(dataset, columns, where, _fields(["metric"]), counted)["metric"].to_pylist()}
    if of_sessions and present & {*WAYS_OUT}:
        present.add(WAIT)
    return frozenset(present & names)


def compare(expected: pa.Table, found: pa.Table, grouping: Grouping, tolerance: Tolerance) -> Comparison:
    """Compares figures of a grouping from two sources. A missing row counts as a count of 0."""
    rows = _side_by_side(expected, found, grouping.key)
    differences = rows.filter(_differing(rows, tolerance))
    counts = rows["metric"].value_counts().to_pylist()
    return Comparison(
        Counter({count["values"]: count["counts"] for count in counts}),
        differences.sort_by([(name, "ascending") for name in grouping.key]),
        *(frozenset(pc.unique(side["metric"]).to_pylist()) for side in (expected, found)),
    )


def unbalanced_handle_times(
    session_metrics: pads.Dataset, began: Window, open_conversations: pa.Array, tolerance: Tolerance
) -> Comparison:
    """Sessions whose tHandle (expected) is not the sum of its parts (found), of conversations that began in a window.

    The sums are equal only for whole sessions, because the parts are emitted before tHandle, often in another bucket. A
    session that has emitted no tHandle, or whose conversation is still open, is not compared.
    """
    whole = pc.field("metric") == HANDLE_TIME
    part = pc.field("metric").isin(HANDLE_TIME_PARTS)
    sums = _aggregated(
        session_metrics,
        ["conversation_start", *SESSION, "metric", "value"],
        (whole | part) & _within("conversation_start", began),
        _fields(SESSION),
        {
            "expected_sum": (pc.if_else(whole, pc.field("value"), pa.scalar(None, pa.int64())), "sum"),
            "found_sum": (pc.if_else(part, pc.field("value"), pa.scalar(None, pa.int64())), "sum"),
        },
    )
    over = pc.invert(pc.is_in(sums["conversation_id"], open_conversations))
    sums = sums.filter(pc.and_(pc.is_valid(sums["expected_sum"]), over))
    wrong = tolerance.exceeded(sums["expected_sum"], sums["found_sum"].fill_null(0), "sum")
    differences = sums.filter(wrong).sort_by([(name, "ascending") for name in SESSION[:3]])
    return Comparison(Counter({HANDLE_TIME: len(sums)}), differences)


def _emitted(
    session_metrics: pads.Dataset, grouping: Grouping, window: Window, without: pa.ChunkedArray | None = None
) -> pa.Table:
    """Figures of the emitted metrics: each emission counts 1 in `count`; its value is in `sum`, `min` and `max`."""
    where = _is_compared(grouping) & _within("emit_date", window)
    if without is not None:
        where &= ~pc.field("conversation_id").isin(pc.unique(without))
    bucket = pc.floor_temporal(pc.field("emit_date"), multiple=_BUCKET_MINUTES, unit="minute")
    return _aggregated(
        session_metrics,
        ["conversation_id", "emit_date", *grouping.key[1:], "value"],
        where,
        {"interval_start": bucket} | _fields(grouping.key[1:]),
        {name: (pc.field("metric" if name == "count" else "value"), name) for name in _STATISTICS},
    )


def _added_up(
    figures: pads.Dataset,
    filtered_by: list[str],
    grouping: Grouping,
    where: pc.Expression,
    bucket: pc.Expression,
    metric: pc.Expression | None = None,
) -> pa.Table:
    """Adds up figures with the same key. If `metric` is given, all count as figures of that metric."""
    return _aggregated(
        figures,
        [*filtered_by, *grouping.key, *_STATISTICS],
        where,
        {"interval_start": bucket} | _fields(grouping.key[1:]) | ({} if metric is None else {"metric": metric}),
        {name: (pc.field(name), "sum" if name == "count" else name) for name in _STATISTICS},
    )


def _of_everything(grouping: Grouping) -> pc.Expression:
    """Rows of `interval_metrics` of that grouping, from queries without filter, views and flattening."""
    return (pc.field("grouping") == grouping.name) & (pc.field("selection") == "") & (pc.field("view") == "")


def _is_compared(grouping: Grouping) -> pc.Expression:
    compared = pc.field("metric").isin(grouping.metrics)
    return compared & pc.field("user_id").is_valid() if grouping is BY_USER else compared


def _within(column: str, window: Window) -> pc.Expression:
    start, end = (pa.scalar(bound, INSTANT) for bound in (window.start, window.end))
    return (pc.field(column) >= start) & (pc.field(column) < end)


def _fields(names: Iterable[str]) -> dict[str, pc.Expression]:
    return {name: pc.field(name) for name in names}


def _aggregated(
    dataset: pads.Dataset,
    columns: Iterable[str],
    where: pc.Expression,
    key: Mapping[str, pc.Expression],
    statistics: Mapping[str, tuple[pc.Expression, str]],
) -> pa.Table:
    """One row for each key, computed while the files are read: only the groups are in memory. A sum of nulls is
    null.
    """
    # Not at the top of the module: like datasets it imports pandas, which would slow the loading of definitions.
    import pyarrow.acero as acero

    values = {f"of_{name}": value for name, (value, _) in statistics.items()}
    aggregates = [(f"of_{name}", f"hash_{how}", _OPTIONS.get(how), name) for name, (_, how) in statistics.items()]
    plan = acero.Declaration.from_sequence(
        [
            acero.Declaration(
                "scan", acero.ScanNodeOptions(dataset, columns=list(columns), filter=where, **_READ_AHEAD)
            ),
            acero.Declaration("filter", acero.FilterNodeOptions(where)),
            acero.Declaration("project", acero.ProjectNodeOptions([*key.values(), *values.values()], [*key, *values])),
            acero.Declaration("aggregate", acero.AggregateNodeOptions(aggregates, keys=list(key))),
        ]
    )
    return plan.to_table(use_threads=False)


def _side_by_side(expected: pa.Table, found: pa.Table, key: list[str]) -> pa.Table:
    """One row for each key of either side, with the figures of both. A null in a key is a value like others."""
    sides = {"expected": expected, "found": found}
    names = [f"{side}_{statistic}" for statistic in _STATISTICS for side in sides]
    stacked = pa.concat_tables(
        [
            table.rename_columns([*key, *(f"{side}_{statistic}" for statistic in _STATISTICS)])
            for side, table in sides.items()
        ],
        promote_options="default",
    )
    together = stacked.group_by(key).aggregate([(name, "max") for name in names])
    return together.select([*key, *(f"{name}_max" for name in names)]).rename_columns([*key, *names])


def _differing(rows: pa.Table, tolerance: Tolerance) -> pa.ChunkedArray:
    """Whether a row differs in its count or sum or, if the counts are equal, in its smallest or largest value."""
    expected, found = (rows[f"{side}_count"].fill_null(0) for side in ("expected", "found"))
    same_count = pc.equal(expected, found)
    return functools.reduce(
        pc.or_,
        [
            tolerance.exceeded(expected, found, "count"),
            tolerance.exceeded(_total(rows, "expected"), _total(rows, "found"), "sum"),
            *(
                pc.and_(same_count, tolerance.exceeded(rows[f"expected_{name}"], rows[f"found_{name}"], name))
                for name in ("min", "max")
            ),
        ],
    )


def _more_than_found(rows: pa.Table) -> pa.ChunkedArray:
    """By how many emissions the aggregates exceed the sessions, if emissions that were not read may be the reason, else
    0. They may be the reason if no session has a value beyond the aggregates' extremes, and the missing values fit
    between these.
    """
    more = pc.subtract(rows["expected_count"].fill_null(0), rows["found_count"].fill_null(0))
    value = pc.subtract(_total(rows, "expected"), _total(rows, "found"))
    least, most = (pc.multiply(more, rows[f"expected_{name}"]) for name in ("min", "max"))
    possible = [
        pc.greater(more, 0),
        pc.less_equal(rows["expected_min"], rows["found_min"]),
        pc.greater_equal(rows["expected_max"], rows["found_max"]),
        pc.less_equal(least, value),
        pc.greater_equal(most, value),
    ]
    together = functools.reduce(pc.and_, [condition.fill_null(True) for condition in possible])
    return pc.if_else(together, more, 0)


def _is_same(column: pa.ChunkedArray, value: str | None) -> pa.ChunkedArray:
    return column.is_null() if value is None else pc.equal(column, value).fill_null(False)


def _total(rows: pa.Table, side: str) -> pa.ChunkedArray:
    """The sum, 0 where the side has no row at all."""
    return pc.if_else(pc.is_null(rows[f"{side}_count"]), pa.scalar(0, pa.int64()), rows[f"{side}_sum"])

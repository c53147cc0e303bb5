"""Compares two ways to the same figures: what the aggregates say, and what the sessions themselves emitted.

This module has the arithmetic, and knows what is comparable. `checks.reconciliation` decides which days are read, and
what a difference means for a run.

Only what must balance is compared: a metric with itself, at the time it was emitted. nOffered is not compared with its
outcomes (one counts at the entry, the others at the exit of a queue), and oServiceLevel, whose denominator depends on
settings of the organisation, not at all. tWait, which no session carries, is compared with the ways out of the queue.
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
from genesys_assets.tables.metrics.buckets import BY_QUEUE as QUEUES
from genesys_assets.tables.metrics.buckets import BY_USER as USERS
from genesys_assets.tables.spec import INSTANT
from genesys_assets.tolerance import Tolerance

if TYPE_CHECKING:
    import pyarrow.dataset as pads

HANDLE_TIME = "tHandle"
HANDLE_TIME_PARTS = ("tTalkComplete", "tHeldComplete", "tAcw", "tContacting", "tDialing")

WAIT = "tWait"

METRICS = tuple(name for name in DEFAULT_METRICS if name.startswith(("n", "t")) and name not in AGGREGATE_ONLY)
"""Counters and timers that sessions may carry; what begins with o is derived and no session emits it."""
UNPROVEN = frozenset({*METRICS, WAIT}) - SESSION_METRICS
"""Metrics of which it is unknown whether sessions carry them. They are compared only where both sides have ever had
them.
"""
_OF_QUEUES = frozenset({"nOffered", "nOverSla", "tAbandon", "tAcd", "tFlowOut", "tShortAbandon"})
"""Facts of a queue, not of a person: a query grouped by userId leaves them out."""

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


BY_QUEUE = Grouping(QUEUES, "queue_id", METRICS)
BY_USER = Grouping(USERS, "user_id", tuple(name for name in METRICS if name not in _OF_QUEUES))
"""What has no user is compared by queue only."""
WAITS = Grouping(QUEUES, "queue_id", (WAIT,))
_LEFT = Grouping(QUEUES, "queue_id", WAYS_OUT)

AT_LEAST = 3
"""How often each open conversation may emit a metric on a day, at least. More is assumed if conversations that were
read emitted it more often.
"""

SESSION = ("conversation_id", "participant_id", "session_id", "queue_id", "user_id", "media_type")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many figures of each metric were compared, and those that lie too far apart.

    `differences` has a row per bucket, group and metric, with each statistic as expected_… (the aggregates) and
    found_…; a null is a figure that is not there. `expected` and `found` are the metrics that each side has at all.
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
        """Those of several windows or groupings as one."""
        differences = pa.concat_tables([part.differences for part in parts], promote_options="default")
        rows: Counter[str] = Counter()
        for part in parts:
            rows.update(part.rows)
        sides = [frozenset[str]().union(*of) for of in ((p.expected for p in parts), (p.found for p in parts))]
        return cls(rows, differences, *sides)

    def without(self, metrics: Iterable[str]) -> Comparison:
        """The same where these metrics are not compared."""
        left_out = frozenset(metrics)
        rows = Counter({name: count for name, count in self.rows.items() if name not in left_out})
        kept = pc.invert(pc.is_in(self.differences["metric"], pa.array(sorted(left_out), pa.string())))
        return Comparison(rows, self.differences.filter(kept), self.expected - left_out, self.found - left_out)

    def of_unread(self, most: Callable[[str | None, str], float]) -> tuple[pa.Table, pa.Table]:
        """The real differences, and those that unread conversations may explain: the aggregates have counted more, with
        values within their extremes. `most` is how often unread conversations can have emitted a metric, by media type.
        If the differences of a metric and media type add up to more, something else is missing, and all of them are
        real.
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
    wanted = _of_everything(grouping) & _is_compared(grouping) & _within("interval_start", window)
    return _added(metrics, ["grouping", "selection", "view"], grouping, wanted, bucket)


def of_sessions(
    session_metrics: pads.Dataset, grouping: Grouping, window: Window, newer: pa.Table | None = None
) -> pa.Table:
    """The same figures from `session_metrics` of all conversations that may reach into the window.

    A timer counts each time it was emitted, a counter by its value, in the bucket of its emit_date. `newer` are rows of
    conversations as they were read later; they take the place of the stored ones.
    """
    rows = _emitted(session_metrics, grouping, window, None if newer is None else newer["conversation_id"])
    if newer is not None:
        import pyarrow.dataset as pads

        rows = pa.concat_tables([rows, _emitted(pads.dataset(newer), grouping, window)])
        rows = _added(pads.dataset(rows), [], grouping, pc.scalar(True), pc.field("interval_start"))
    counter = pc.starts_with(rows["metric"], "n")
    of_counters = dict.fromkeys(_STATISTICS, pa.scalar(None, pa.int64())) | {"count": rows["sum"].fill_null(0)}
    figures = {name: pc.if_else(counter, of_counters[name], rows[name]) for name in _STATISTICS}
    return pa.table({name: rows[name] for name in grouping.key} | figures)


def of_ways_out(session_metrics: pads.Dataset, window: Window, newer: pa.Table | None = None) -> pa.Table:
    """What the sessions make of tWait by queue, all in one bucket: the times waited until somebody left the queue.

    The platform emits the two a few milliseconds apart, and not always in the same 15 minutes.
    """
    import pyarrow.dataset as pads

    bucket, wait = (pc.scalar(value) for value in (pa.scalar(window.start, INSTANT), WAIT))
    left = pads.dataset(of_sessions(session_metrics, _LEFT, window, newer))
    return _added(left, [], WAITS, pc.scalar(True), bucket, wait)


def busiest(session_metrics: pads.Dataset, window: Window, media: Iterable[str]) -> dict[tuple[str, str], int]:
    """How often one conversation emitted a metric in the window, the most of any: by media type and metric."""
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
    """Which of these metrics of a grouping there are at all, in `session_metrics` or in `interval_metrics`."""
    of_sessions, names = "emit_date" in dataset.schema.names, {*wanted}
    asked = names | {*WAYS_OUT} if of_sessions and WAIT in names else names
    where = pc.field("metric").isin(sorted(asked))
    columns = ["metric"]
    if grouping is BY_USER:
        where &= pc.field("user_id").is_valid()
        columns.append("user_id")
    if not of_sessions:
        where &= _of_everything(grouping)
        columns += ["grouping", "selection", "view"]
    counted = {"rows": (pc.field("metric"), "count")}
    found = {*_aggregated(dataset, columns, where, _fields(["metric"]), counted)["metric"].to_pylist()}
    if of_sessions and found & {*WAYS_OUT}:
        found.add(WAIT)
    return frozenset(found & names)


def compare(expected: pa.Table, found: pa.Table, grouping: Grouping, tolerance: Tolerance) -> Comparison:
    """Figures of a grouping against the same figures found another way. No row is the same as a count of nothing."""
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

    Only whole sessions balance: the parts are emitted before tHandle, often in another bucket. A session that has
    emitted no tHandle, or whose conversation is still open, is not compared.
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
    """Each emission is one in `count`, and its value is in `sum`, `min` and `max`."""
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


def _added(
    figures: pads.Dataset,
    filtered_by: list[str],
    grouping: Grouping,
    where: pc.Expression,
    bucket: pc.Expression,
    metric: pc.Expression | None = None,
) -> pa.Table:
    """Figures with the same key, added up. If a `metric` is given, all count as figures of that metric."""
    return _aggregated(
        figures,
        [*filtered_by, *grouping.key, *_STATISTICS],
        where,
        {"interval_start": bucket} | _fields(grouping.key[1:]) | ({} if metric is None else {"metric": metric}),
        {name: (pc.field(name), "sum" if name == "count" else name) for name in _STATISTICS},
    )


def _of_everything(grouping: Grouping) -> pc.Expression:
    """Rows of `interval_metrics` of that grouping, of all conversations and values."""
    return (pc.field("grouping") == grouping.name) & (pc.field("selection") == "") & (pc.field("view") == "")


def _is_compared(grouping: Grouping) -> pc.Expression:
    wanted = pc.field("metric").isin(grouping.metrics)
    return wanted & pc.field("user_id").is_valid() if grouping is BY_USER else wanted


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
    """One row per key, straight from the files: no more is held than the groups. A sum of only nulls is null."""
    # Like datasets it brings pandas along: too much for loading definitions.
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
    """One row per key of either side, with the figures of both. A null in a key is a value like others."""
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
    """Whether the count or the total of a row differs or, of the same count, an extreme."""
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
    """By how many the aggregates exceed what was found, where emissions that were not read may be the reason, else 0:
    then neither side has an extreme beyond the aggregates', and the values missing lie between these.
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

"""Two ways to the same figures, compared: what the aggregates say, and what the sessions themselves emitted.

Here stand the arithmetic and what is comparable at all. Which days are read, and what a difference means for a run, is
in `checks.reconciliation`.

Only what must balance is compared: a metric with itself, at the time it was emitted. nOffered is not compared with its
outcomes (one counts at the entry, the others at the exit of a queue), and oServiceLevel, whose denominator depends on
settings of the organisation, not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.catalogue import DEFAULT_METRICS
from genesys_assets.tables import reports
from genesys_assets.tables.reports import Window

HANDLE_TIME = "tHandle"
HANDLE_TIME_PARTS = ("tTalkComplete", "tHeldComplete", "tAcw", "tContacting", "tDialing")

METRICS = tuple(name for name in DEFAULT_METRICS if name.startswith(("n", "t")))
"""Counters and timers; what begins with o is derived and no session emits it."""
_OF_QUEUES = frozenset({"nOffered", "nOverSla", "tAbandon", "tAcd", "tFlowOut", "tShortAbandon", "tWait"})
"""Facts of a queue, not of a person: a query grouped by userId leaves them out."""

_BUCKET_MINUTES = 15
_STATISTICS = ("count", "sum", "min", "max")
_COMBINED = {"count": "sum", "sum": "sum", "min": "min", "max": "max"}
_MOST_WAITING_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way the aggregates are grouped: its name in `interval_metrics`, the column of its id, its metrics."""

    name: str
    column: str
    metrics: tuple[str, ...]

    @property
    def key(self) -> list[str]:
        return ["interval_start", self.column, "media_type", "metric"]


BY_QUEUE = Grouping(reports.BY_QUEUE, "queue_id", METRICS)
BY_USER = Grouping(reports.BY_USER, "user_id", tuple(name for name in METRICS if name not in _OF_QUEUES))
"""What has no user is compared by queue only."""

SESSION_COLUMNS = ["emit_date", "queue_id", "user_id", "media_type", "metric", "value"]
"""What `of_sessions` needs of `session_metrics`."""
HANDLE_TIME_COLUMNS = [
    "conversation_id",
    "participant_id",
    "session_id",
    "queue_id",
    "user_id",
    "media_type",
    "metric",
    "value",
]
"""What `unbalanced_handle_times` needs of `session_metrics`."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two figures may lie apart: an absolute number and a share of the expected figure; the larger one counts.

    Written `2, 1500ms, 0.1%`: two in a count, 1500 ms in a time, a thousandth of either. Each may be left out.
    """

    count: int = 0
    milliseconds: int = 0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, saying how a tolerance is written."""
        given: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|%|)", part)
            if match is None or (match[2] != "%" and "." in match[1]) or match[2] in given:
                raise ValueError("a tolerance is written like 0, or 2, 1500ms, 0.1% in any combination")
            given[match[2]] = float(match[1])
        return cls(int(given.get("", 0)), int(given.get("ms", 0)), given.get("%", 0.0) / 100)

    def __str__(self) -> str:
        parts = [f"{self.count}"] if self.count else []
        parts += [f"{self.milliseconds}ms"] if self.milliseconds else []
        parts += [f"{100 * self.share:.12g}%"] if self.share else []
        return ", ".join(parts) or "0"

    def exceeded(self, expected: pa.ChunkedArray, found: pa.ChunkedArray, statistic: str) -> pa.ChunkedArray:
        """Whether the figures lie too far apart; where one of them is null they can not be compared and do not."""
        absolute = self.count if statistic == "count" else self.milliseconds
        allowed = pc.max_element_wise(
            pc.multiply(pc.abs(expected).cast(pa.float64()), self.share), pa.scalar(float(absolute))
        )
        return pc.greater(pc.abs(pc.subtract(expected, found)).cast(pa.float64()), allowed).fill_null(False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many figures were compared, and those that lie too far apart.

    `differences` has a row per bucket, group and metric, with each statistic as expected_… (the aggregates) and
    found_…; a null is a figure that is not there.
    """

    compared: int
    differences: pa.Table

    def without(self, unread_media: frozenset[str] | None) -> tuple[pa.Table, pa.Table]:
        """The differences that stand, and those that conversations nobody has read yet may account for.

        Those are of the given media types, None being every one, and on one side only: the aggregates have more.
        """
        rows = self.differences
        if unread_media is None:
            unread = pa.chunked_array([pa.repeat(pa.scalar(True), len(rows))])
        else:
            unread = pc.is_in(rows["media_type"], pa.array(sorted(unread_media), pa.string()))
        for statistic, holds in (
            ("count", pc.greater_equal),
            ("sum", pc.greater_equal),
            ("min", pc.less_equal),
            ("max", pc.greater_equal),
        ):
            expected, found = rows[f"expected_{statistic}"], rows[f"found_{statistic}"]
            if statistic in ("count", "sum"):
                expected, found = expected.fill_null(0), found.fill_null(0)
            unread = pc.and_(unread, holds(expected, found).fill_null(True))
        return rows.filter(pc.invert(unread)), rows.filter(unread)


def of_aggregates(rows: pa.Table, grouping: Grouping, window: Window, *, in_one_bucket: bool = False) -> pa.Table:
    """The figures of `interval_metrics` or `daily_metrics` in the window, by bucket or all in one."""
    inside = pc.and_(
        pc.greater_equal(rows["interval_start"], window.start), pc.less(rows["interval_start"], window.end)
    )
    rows = _of(grouping, rows.filter(pc.and_(inside, pc.equal(rows["grouping"], grouping.name))))
    if in_one_bucket:
        rows = rows.drop_columns(["interval_start"]).append_column("interval_start", _constant(window, rows))
    return _combined(rows.select([*grouping.key, *_STATISTICS]), grouping.key)


def of_sessions(
    batches: Iterable[pa.RecordBatch], groupings: Iterable[Grouping], window: Window
) -> dict[str, pa.Table]:
    """The same figures from rows of `session_metrics`, by name of the grouping; only one batch at a time is held.

    A timer counts each time it was emitted, a counter by its value, in the bucket of its emit_date.
    """
    groupings = tuple(groupings)
    parts: dict[str, list[pa.Table]] = {grouping.name: [] for grouping in groupings}
    for batch in batches:
        emitted = _emitted(pa.Table.from_batches([batch]), window)
        for grouping in groupings:
            gathered = parts[grouping.name]
            rows = _of(grouping, emitted).select([*grouping.key, *_STATISTICS])
            gathered.append(_combined(rows, grouping.key))
            if len(gathered) > 1 and sum(map(len, gathered[1:])) > _MOST_WAITING_ROWS:
                parts[grouping.name] = [_combined(pa.concat_tables(gathered), grouping.key)]
    return {grouping.name: _figures(parts[grouping.name], grouping) for grouping in groupings}


def compare(expected: pa.Table, found: pa.Table, grouping: Grouping, tolerance: Tolerance) -> Comparison:
    """Figures of one grouping against those of the other way. Nothing there is the same as a count of nothing."""
    sides = {"expected": expected, "found": found}
    stacked = pa.concat_tables(
        [
            table.rename_columns([*grouping.key, *(f"{side}_{name}" for name in _STATISTICS)])
            for side, table in sides.items()
        ],
        promote_options="default",
    )
    figures = [f"{side}_{name}" for side in sides for name in _STATISTICS]
    both = stacked.group_by(grouping.key).aggregate([(name, "max") for name in figures])
    both = both.rename_columns([name.removesuffix("_max") if name not in figures else name for name in both.schema.names])
    differing = both.filter(_apart(both, tolerance)).select(
        [*grouping.key, *(f"{side}_{name}" for name in _STATISTICS for side in sides)]
    )
    return Comparison(len(both), differing.sort_by([(name, "ascending") for name in grouping.key]))


def unbalanced_handle_times(
    batches: Iterable[pa.RecordBatch], open_conversations: pa.Array, tolerance: Tolerance
) -> Comparison:
    """Sessions whose tHandle is not the sum of its parts, from all rows of `session_metrics` of whole conversations.

    Only whole sessions balance: the parts are emitted before tHandle, often in another bucket. A session that has
    emitted no tHandle, or whose conversation is still open, is not compared.
    """
    key = [name for name in HANDLE_TIME_COLUMNS if name not in ("metric", "value")]
    compared = 0
    suspects: list[pa.Table] = []
    for batch in batches:
        sums = _handle_times(pa.Table.from_batches([batch]), key)
        compared += pc.sum(pc.is_valid(sums["expected_sum"])).as_py() or 0
        suspects.append(sums.filter(_incomplete(sums, batch)))
    if not suspects:
        return Comparison(0, _handle_times(_no_rows(), key))
    sums = pa.concat_tables(suspects).group_by(key).aggregate([("expected_sum", "sum"), ("found_sum", "sum")])
    sums = sums.rename_columns([*key, "expected_sum", "found_sum"])
    wrong = pc.and_(
        tolerance.exceeded(sums["expected_sum"], sums["found_sum"].fill_null(0), "sum"),
        pc.invert(pc.is_in(sums["conversation_id"], open_conversations)),
    )
    return Comparison(compared, sums.filter(wrong).sort_by([(name, "ascending") for name in key[:3]]))


def _emitted(rows: pa.Table, window: Window) -> pa.Table:
    """Each row as a figure of its own: bucket and statistics. Of counters `sum` is what they count."""
    when = rows["emit_date"]
    rows = rows.filter(pc.and_(pc.greater_equal(when, window.start), pc.less(when, window.end)))
    return pa.table(
        {name: rows[name] for name in ("queue_id", "user_id", "media_type", "metric")}
        | {
            "interval_start": pc.floor_temporal(rows["emit_date"], multiple=_BUCKET_MINUTES, unit="minute"),
            "count": pa.repeat(pa.scalar(1, pa.int64()), len(rows)),
            **dict.fromkeys(("sum", "min", "max"), rows["value"]),
        }
    )


def _of(grouping: Grouping, rows: pa.Table) -> pa.Table:
    wanted = pc.is_in(rows["metric"], pa.array(grouping.metrics))
    if grouping is BY_USER:
        wanted = pc.and_(wanted, pc.is_valid(rows["user_id"]))
    return rows.filter(wanted)


def _combined(rows: pa.Table, key: list[str]) -> pa.Table:
    """One row per key; a sum of nothing but nulls is null."""
    at_least_one = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
    combined = rows.group_by(key).aggregate([(name, how, at_least_one) for name, how in _COMBINED.items()])
    named = {f"{name}_{how}": name for name, how in _COMBINED.items()}
    combined = combined.rename_columns([named.get(name, name) for name in combined.schema.names])
    return combined.select([*key, *_STATISTICS])


def _figures(parts: list[pa.Table], grouping: Grouping) -> pa.Table:
    """The parts as one, with the statistics that aggregates have: of counters only the count."""
    if not parts:
        parts = [_of(grouping, _emitted(_no_rows(), Window(*_NEVER))).select([*grouping.key, *_STATISTICS])]
    rows = _combined(pa.concat_tables(parts), grouping.key)
    counter = pc.starts_with(rows["metric"], "n")
    nothing = pa.scalar(None, pa.int64())
    statistics = {"count": pc.if_else(counter, rows["sum"].fill_null(0), rows["count"])}
    statistics |= {name: pc.if_else(counter, nothing, rows[name]) for name in ("sum", "min", "max")}
    return pa.table({name: rows[name] for name in grouping.key} | statistics)


def _apart(both: pa.Table, tolerance: Tolerance) -> pa.ChunkedArray:
    """Whether a row's count or total differ; where the count is the same, also the extremes."""
    counts = {side: both[f"{side}_count"].fill_null(0) for side in ("expected", "found")}
    sums = {
        side: pc.if_else(pc.is_null(both[f"{side}_count"]), pa.scalar(0, pa.int64()), both[f"{side}_sum"])
        for side in ("expected", "found")
    }
    extreme = pc.or_(
        *(tolerance.exceeded(both[f"expected_{name}"], both[f"found_{name}"], name) for name in ("min", "max"))
    )
    of_same = pc.and_(extreme, pc.equal(counts["expected"], counts["found"]))
    return pc.or_(
        pc.or_(
            tolerance.exceeded(counts["expected"], counts["found"], "count"),
            tolerance.exceeded(sums["expected"], sums["found"], "sum"),
        ),
        of_same,
    )

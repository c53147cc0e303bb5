"""Two ways to the same figures, compared: what the aggregates say, and what the sessions themselves emitted.

Here stand the arithmetic and what is comparable at all. Which days are read, and what a difference means for a run, is
in `checks.reconciliation`.

Only what must balance is compared: a metric with itself, at the time it was emitted. nOffered is not compared with its
outcomes (one counts at the entry, the others at the exit of a queue), and oServiceLevel, whose denominator depends on
settings of the organisation, not at all.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.catalogue import DEFAULT_METRICS
from genesys_assets.tables import reports
from genesys_assets.tables.conversation_model import SESSION_METRICS
from genesys_assets.tables.reports import Window
from genesys_assets.tables.spec import INSTANT

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
_SESSION = ["conversation_id", "participant_id", "session_id", "queue_id", "user_id", "media_type"]
HANDLE_TIME_COLUMNS = [*_SESSION, "metric", "value"]
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
        bucket = pa.repeat(pa.scalar(window.start, INSTANT), len(rows))
        rows = rows.set_column(rows.schema.get_field_index("interval_start"), "interval_start", bucket)
    return _combined(rows, grouping.key)


def of_sessions(
    batches: Iterable[pa.RecordBatch], groupings: Iterable[Grouping], window: Window
) -> dict[str, pa.Table]:
    """The same figures from rows of `session_metrics`, by name of the grouping; only one batch at a time is held.

    A timer counts each time it was emitted, a counter by its value, in the bucket of its emit_date.
    """
    nothing = _emitted(_no_rows(SESSION_COLUMNS), window)
    gathered = {grouping: [_of(grouping, nothing)] for grouping in groupings}
    for batch in batches:
        emitted = _emitted(pa.Table.from_batches([batch]), window)
        for grouping, parts in gathered.items():
            parts.append(_combined(_of(grouping, emitted), grouping.key))
            if sum(map(len, parts[1:])) > max(_MOST_WAITING_ROWS, len(parts[0])):
                parts[:] = [_combined(pa.concat_tables(parts), grouping.key)]
    return {
        grouping.name: _as_aggregates(_combined(pa.concat_tables(parts), grouping.key))
        for grouping, parts in gathered.items()
    }


def compare(expected: pa.Table, found: pa.Table, grouping: Grouping, tolerance: Tolerance) -> Comparison:
    """Figures of a grouping against the same figures found another way. No row is the same as a count of nothing."""
    rows = _side_by_side(expected, found, grouping.key)
    differences = rows.filter(_differing(rows, tolerance))
    return Comparison(len(rows), differences.sort_by([(name, "ascending") for name in grouping.key]))


def unbalanced_handle_times(
    batches: Iterable[pa.RecordBatch], open_conversations: pa.Array, tolerance: Tolerance
) -> Comparison:
    """Sessions whose tHandle (expected) is not the sum of its parts (found), from `session_metrics` of whole days.

    Only whole sessions balance: the parts are emitted before tHandle, often in another bucket. A session that has
    emitted no tHandle, or whose conversation is still open, is not compared.
    """
    balanced = 0
    suspects = [_handle_times(_no_rows(HANDLE_TIME_COLUMNS))]
    for batch in batches:
        sums = _handle_times(pa.Table.from_batches([batch]))
        suspect = sums.filter(_may_be_unbalanced(sums, batch["session_id"]))
        balanced += len(sums) - len(suspect)
        suspects.append(suspect)
    sums = _added(pa.concat_tables(suspects))
    sums = sums.filter(
        pc.and_(pc.is_valid(sums["expected_sum"]), pc.invert(pc.is_in(sums["conversation_id"], open_conversations)))
    )
    wrong = sums.filter(tolerance.exceeded(sums["expected_sum"], sums["found_sum"].fill_null(0), "sum"))
    return Comparison(balanced + len(sums), wrong.sort_by([(name, "ascending") for name in _SESSION[:3]]))


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


def _no_rows(columns: list[str]) -> pa.Table:
    return SESSION_METRICS.empty().select(columns)


def _of(grouping: Grouping, rows: pa.Table) -> pa.Table:
    wanted = pc.is_in(rows["metric"], pa.array(grouping.metrics))
    if grouping is BY_USER:
        wanted = pc.and_(wanted, pc.is_valid(rows["user_id"]))
    return rows.filter(wanted).select([*grouping.key, *_STATISTICS])


def _combined(rows: pa.Table, key: list[str]) -> pa.Table:
    """One row per key; a sum of nothing but nulls is null."""
    at_least_one = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
    combined = rows.group_by(key).aggregate([(name, how, at_least_one) for name, how in _COMBINED.items()])
    return combined.select([*key, *(f"{name}_{how}" for name, how in _COMBINED.items())]).rename_columns(
        [*key, *_STATISTICS]
    )


def _as_aggregates(rows: pa.Table) -> pa.Table:
    """With the statistics that aggregates have: of counters only the count."""
    counter = pc.starts_with(rows["metric"], "n")
    nothing = pa.scalar(None, pa.int64())
    of_counters = {"count": rows["sum"].fill_null(0), "sum": nothing, "min": nothing, "max": nothing}
    figures = {name: pc.if_else(counter, of_counters[name], rows[name]) for name in _STATISTICS}
    return pa.table({name: rows[name] for name in rows.column_names} | figures)


def _side_by_side(expected: pa.Table, found: pa.Table, key: list[str]) -> pa.Table:
    """One row per key of either, the figures of both beside each other. A null in a key is a value like others."""
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


def _total(rows: pa.Table, side: str) -> pa.ChunkedArray:
    """The sum, 0 where the side has no row at all."""
    return pc.if_else(pc.is_null(rows[f"{side}_count"]), pa.scalar(0, pa.int64()), rows[f"{side}_sum"])


def _handle_times(rows: pa.Table) -> pa.Table:
    """Per session its tHandle and the sum of its parts."""
    whole = pc.equal(rows["metric"], HANDLE_TIME)
    part = pc.is_in(rows["metric"], pa.array(HANDLE_TIME_PARTS))
    nothing = pa.scalar(None, pa.int64())
    return _added(
        pa.table(
            {name: rows[name] for name in _SESSION}
            | {
                "expected_sum": pc.if_else(whole, rows["value"], nothing),
                "found_sum": pc.if_else(part, rows["value"], nothing),
            }
        ).filter(pc.or_(whole, part))
    )


def _added(rows: pa.Table) -> pa.Table:
    at_least_one = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
    sums = rows.group_by(_SESSION).aggregate([(name, "sum", at_least_one) for name in ("expected_sum", "found_sum")])
    return sums.select([*_SESSION, "expected_sum_sum", "found_sum_sum"]).rename_columns(
        [*_SESSION, "expected_sum", "found_sum"]
    )


def _may_be_unbalanced(sums: pa.Table, session_ids: pa.Array) -> pa.ChunkedArray:
    """All but the sessions that balance; the first and the last may go on in another batch."""
    balanced = pc.equal(sums["expected_sum"], sums["found_sum"].fill_null(0)).fill_null(False)
    ends = pa.array([session_ids[0].as_py(), session_ids[-1].as_py()] if len(session_ids) else [], pa.string())
    return pc.or_(pc.invert(balanced), pc.is_in(sums["session_id"], ends))

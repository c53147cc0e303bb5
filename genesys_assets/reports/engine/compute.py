"""Computes a report: gathers its parts in pieces, sums them once, and derives the columns from the sums.

Every figure is aggregated from parts: mostly summed, some by minimum, maximum, percentile or distinct values. The parts
are stacked as rows with the same keys and aggregated once. So a figure is null if all its parts are, and a group may
have a null in its key. Averages and ratios are quotients of such sums.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.days import Window
from genesys_assets.reports.engine.output_columns import (
    MINUTES,
    calendar_figures,
    figure_before,
    figure_columns,
    filter_having,
    key_columns,
    null_unless,
    read_figures,
    time_columns,
    top_rows,
)
from genesys_assets.reports.engine.row_filter import holds
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.language.conditions import comparisons
from genesys_assets.reports.language.formulas import NumberTooLarge
from genesys_assets.reports.meaning.aggregates_part import AggregatesPart, Pick
from genesys_assets.reports.meaning.details_part import Count, DetailsPart
from genesys_assets.reports.meaning.figures import Figure
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.aggregate import Measure, SumTooLarge, aggregate, finished_groups
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.sources import granularity_of
from genesys_assets.tables.spec import INSTANT

_ROWS_AT_ONCE = 32_768
"""Rows that are gathered to drop those that repeat another (`once_per`). Few do, so more at once would only take
memory.
"""


def compute(report: Report, stored: StoredDay) -> pa.Table:
    """The rows of the report for a day, or for the period that ends on it, with the columns of its spec. Intervals have
    the report's granularity, or that of imported buckets if these are longer. Raises NotStored and NumberTooLarge.

    Partitions are read and grouped one after the other, so memory grows with the number of groups, not of days.
    """
    before, stored = stored.before(report), stored.over(report)
    stored.require_begun()
    report = replace(report, granularity=_granularity(report, stored))
    parts = chain([_nothing(report)], _parts(report, stored))
    if before is not None:
        parts = chain(parts, (_period_before(part, report, stored.window) for part in _parts(report, before)))
    measures = [measure for figure in _summed_figures(report) for measure in _measures(figure)]
    order = "interval_start" if _is_in_order(report) else None
    try:
        groups = aggregate(parts, report.groups, measures, in_order_of=order)
    except SumTooLarge as too_large:
        raise NumberTooLarge(f"{report.name} of {stored.day}, figure {too_large}") from None
    for name in report.required:
        groups = groups.filter(pc.is_valid(groups[name]))
    figures = read_figures(report.figures, groups) | calendar_figures(report, groups, stored)
    table = report.spec.conform(
        pa.table(
            time_columns(report, groups, stored)
            | key_columns(report, groups, stored)
            | figure_columns(report, groups, figures, stored, before)
        )
    )
    return top_rows(report, filter_having(report, table, figures))


# -- parts -------------------------------------------------------------------------------------------------------------


def _parts(report: Report, stored: StoredDay) -> Iterator[pa.Table]:
    return chain(
        *(_of_aggregates(part, report, stored) for part in report.aggregates),
        *(_of_details(part, report, stored) for part in report.details),
    )


def _period_before(part: pa.Table, report: Report, window: Window) -> pa.Table:
    """Rows of the period before as rows of this one: with its start, and with figures renamed by `figure_before`."""
    names = {figure.name: figure_before(figure).name for figure in report.figures}
    part = part.rename_columns([names.get(name, name) for name in part.column_names])
    starts = pa.repeat(pa.scalar(window.start, INSTANT), len(part))
    return part.set_column(part.column_names.index("interval_start"), "interval_start", starts)


def _summed_figures(report: Report) -> list[Figure]:
    """All figures that are summed, with those of the period before if the report compares with it."""
    return [*report.figures, *(map(figure_before, report.figures) if report.before else ())]


def _granularity(report: Report, stored: StoredDay) -> Granularity:
    granularity = report.granularity
    if not report.period.is_day or granularity == "P1D":
        # Days stay days, whatever the buckets are: the rows are not read for this.
        return granularity
    for part in report.aggregates:
        for rows in stored.metrics(part, stored.window, ("interval_start", "interval_end")):
            granularity = granularity_of(rows, granularity, stored.window.start)
    counted_once = {pick.metric for part in report.aggregates for pick in part.picks if part.counts_once(pick)}
    if granularity != report.granularity and counted_once:
        raise NotStored(
            f"{', '.join(sorted(counted_once))} can only be computed with granularity {report.granularity}, because "
            f"such counts do not add up, but {stored.day} has imported figures with {granularity}. Take these metrics "
            "out of "
            f"{report.name}, or fetch the hours."
        )
    return granularity


def _is_in_order(report: Report) -> bool:
    """Whether all rows are read in the order of time. Details are stored in the order of conversation_start, aggregates
    in the order of interval_start; rows of several sources are not in order together.
    """
    sources = [*report.aggregates, *report.details]
    is_one = len(sources) == 1 and report.before is None
    return is_one and all(part.time == "conversation_start" and not part.once_per for part in report.details)


def _nothing(report: Report) -> pa.Table:
    """A part without rows that has every column with its type."""
    figures = {each.name: each.type for each in _summed_figures(report)}
    weekday = {"weekday": pa.int64()} if report.by_weekday else {}
    columns = {"interval_start": INSTANT, **weekday, **report.key_types, **figures}
    return pa.schema(list(columns.items())).empty_table()


def _of_aggregates(part: AggregatesPart, report: Report, stored: StoredDay) -> Iterator[pa.Table]:
    for rows in stored.metrics(part, stored.window):
        columns = {"interval_start": _starts(rows["interval_start"], stored.window, report.granularity)}
        if report.by_weekday:
            columns["weekday"] = _weekdays(rows["interval_start"], rows["interval_end"], stored)
        columns |= {key.column: _dimension(rows, key.dimension) for key in part.keys}
        picked = [_is_of(rows, pick) for pick in part.picks]
        for pick, figure, mask in zip(part.picks, part.figures, picked, strict=True):
            columns[pick.figure] = null_unless(rows[pick.statistic], mask).cast(figure.type)
        yield pa.table(columns).filter(_any(picked))


def _is_of(rows: pa.Table, pick: Pick) -> pa.ChunkedArray:
    return pc.and_(pc.equal(rows["metric"], pick.metric), pc.equal(rows["view"], pick.view))


def _dimension(rows: pa.Table, dimension: str | None) -> pa.ChunkedArray:
    if dimension is None:
        return pa.chunked_array([pa.nulls(len(rows), pa.string())])
    if snake_case(dimension) in rows.column_names:
        return rows[snake_case(dimension)]
    groups = pc.unique(rows["group_key"])
    values = pa.array([json.loads(group).get(dimension) for group in groups.to_pylist()], pa.string())
    return values.take(pc.index_in(rows["group_key"], groups))


def _of_details(part: DetailsPart, report: Report, stored: StoredDay) -> Iterator[pa.Table]:
    placed: Iterator[pa.Table] = (_placed(part, report, rows, stored) for rows in stored.rows(part, stored.window))
    placing = [name for name in report.groups if name in ("interval_start", "weekday")]
    if part.once_per:
        groups = [f"key {key}" for key, _ in part.keys]
        # All rows of a conversation have the same start, and rows are stored in the order of starts.
        in_order = part.time if (part.once_per, part.time) == ("conversation_id", "conversation_start") else None
        order = [in_order] if in_order else []
        by = list(dict.fromkeys([*placing, *groups, part.once_per, *_columns_of_measures(part), *order]))
        empty = _placed(part, report, _no_rows(part), stored)
        pieces = (rows.select(by) for rows in chain([empty], placed))
        placed = finished_groups(pieces, by, [], in_order_of=in_order, rows_at_once=_ROWS_AT_ONCE)
    for rows in placed:
        columns = {name: rows[name] for name in placing} | {key: rows[f"key {key}"] for key, _ in part.keys}
        yield pa.table(columns | {count.figure: _counted(part, rows, count) for count in part.counts})


def _columns_of_measures(part: DetailsPart) -> list[str]:
    """The columns that measures look at."""
    compared = [comparison.name for count in part.counts for comparison in comparisons(count.where)]
    return [*(count.column for count in part.counts if count.column), *compared]


def _no_rows(part: DetailsPart) -> pa.Table:
    return pa.schema([(column, part.table.type(column)) for column in part.columns]).empty_table()


def _placed(part: DetailsPart, report: Report, rows: pa.Table, stored: StoredDay) -> pa.Table:
    """The rows with columns for their interval and groups. The latter are called `key …`, because a group may have the
    name of another column.
    """
    times = rows[part.time]
    rows = rows.append_column("interval_start", _starts(times, stored.window, report.granularity))
    if report.by_weekday:
        rows = rows.append_column("weekday", _weekdays(times, times, stored))
    for key, column in part.keys:
        values = rows[column] if column else pa.nulls(len(rows), report.key_types[key])
        rows = rows.append_column(f"key {key}", values)
    return rows


def _counted(part: DetailsPart, rows: pa.Table, count: Count) -> Any:
    if count.column is None:
        values: Any = pa.repeat(pa.scalar(1, pa.int64()), len(rows))
    elif count.as_one:
        values = pc.if_else(pc.is_valid(rows[count.column]), 1, pa.scalar(None, pa.int64()))
    else:
        values = rows[count.column]
    if count.where is None:
        return values
    return null_unless(values, holds(count.where, lambda name: rows[name], part.table.type))


def _starts(instants: pa.ChunkedArray, window: Window, granularity: Granularity) -> pa.ChunkedArray:
    """The start of the interval that each instant lies in. The first interval begins with the window."""
    begin = pa.scalar(window.start, INSTANT)
    if granularity == "P1D":
        return pa.chunked_array([pa.repeat(begin, len(instants))], INSTANT)
    step = MINUTES[granularity] * 60_000
    passed = pc.divide(pc.subtract(instants, begin).cast(pa.int64()), step)
    return pc.add(begin, pc.multiply(passed, step).cast(pa.duration("ms")))


def _weekdays(starts: pa.ChunkedArray, ends: pa.ChunkedArray, stored: StoredDay) -> pa.Array:
    """The local weekday of each row, 1 to 7. Raises NotStored if a row lies on two days."""
    bounds = np.array([int(bound.timestamp() * 1000) for bound in stored.bounds])
    first, last = (instants.cast(pa.int64()).to_numpy() for instants in (starts, ends))
    day = np.searchsorted(bounds, first, side="right") - 1
    if len(day) and (last > bounds[day + 1]).any():
        raise NotStored(
            f"An imported figure of {stored.days[0]} to {stored.days[-1]} lies on two days, so its "
            "weekday is not known: import shorter buckets, or fetch genesys/pages/hourly_aggregates of the hours of "
            "these days."
        )
    weekdays = np.array([date.fromisoformat(each).isoweekday() for each in stored.days])
    return pa.array(weekdays[day], pa.int64())


def _any(masks: list[Any]) -> Any:
    combined = masks[0]
    for mask in masks[1:]:
        combined = pc.or_(combined, mask)
    return combined


# -- sums --------------------------------------------------------------------------------------------------------------


def _measures(figure: Figure) -> list[Measure]:
    if figure.how == "same":
        return [Measure(f"least {figure.name}", figure.name, "min"), Measure(figure.name, figure.name, "max")]
    return [Measure(figure.name, figure.name, figure.how, figure.rank)]

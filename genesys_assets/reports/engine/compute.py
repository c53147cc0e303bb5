"""Carrying a report out: parts gathered in pieces, summed once, and the columns derived from the sums.

Every figure is a sum of parts: the parts are stacked as rows with the same keys and summed once, so a figure whose
parts are all absent is null and a group may have a null in its key. Averages and ratios are quotients of such sums.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.days import Window
from genesys_assets.reports.engine.asking import holds
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.language.conditions import comparisons
from genesys_assets.reports.language.formulas import NumberTooLarge, rounded
from genesys_assets.reports.meaning.aggregates_part import AggregatesPart, Pick
from genesys_assets.reports.meaning.columns import Shown
from genesys_assets.reports.meaning.details_part import Count, DetailsPart
from genesys_assets.reports.meaning.figures import Figure
from genesys_assets.reports.meaning.questions import COUNTED_ONCE
from genesys_assets.reports.meaning.report import Report, has_local_date
from genesys_assets.tables.aggregate import Measure, SumTooLarge, aggregate, finished_groups
from genesys_assets.tables.names import named
from genesys_assets.tables.sources import granularity_of
from genesys_assets.tables.spec import INSTANT

_MINUTES = {"PT15M": 15, "PT30M": 30, "PT1H": 60}


def compute(report: Report, stored: StoredDay) -> pa.Table:
    """The report of the day, in the shape of its spec, in intervals as long as it says, or as imported buckets where
    these are longer. Raises NotStored and NumberTooLarge.
    """
    window = stored.window(report.time_zone)
    report = replace(report, granularity=_granularity(report, stored, window))
    keys = ["interval_start", *(key.column for key in report.keys)]
    parts = chain(
        [_nothing(report)],
        *(_of_aggregates(part, report, stored, window) for part in report.aggregates),
        *(_of_details(part, report, stored, window) for part in report.details),
    )
    measures = [measure for figure in report.figures for measure in _measures(figure)]
    try:
        groups = aggregate(parts, keys, measures, in_order_of="interval_start" if _is_in_order(report) else None)
    except SumTooLarge as too_large:
        raise NumberTooLarge(f"{report.name} of {stored.day}, figure {too_large}") from None
    for name in report.required:
        groups = groups.filter(pc.is_valid(groups[name]))
    table = pa.table(
        _interval(report, groups, window, stored.day)
        | _of_keys(report, groups, stored, window)
        | _of_figures(report, groups, stored, window)
    )
    return _first(report, report.spec.conform(table))


# -- parts -------------------------------------------------------------------------------------------------------------


def _granularity(report: Report, stored: StoredDay, window: Window) -> Granularity:
    granularity = report.granularity
    for part in report.aggregates:
        for rows in stored.metrics(part, window):
            granularity = granularity_of(rows, granularity, window.start)
    counted_once = {pick.metric for part in report.aggregates for pick in part.picks} & COUNTED_ONCE
    if granularity != report.granularity and counted_once:
        raise NotStored(
            f"{', '.join(sorted(counted_once))} can be had by {report.granularity} only, for such counts do not add "
            f"up, and {stored.day} has imported figures by {granularity}. Leave it out of {report.name}, or fetch the "
            "hours."
        )
    return granularity


def _is_in_order(report: Report) -> bool:
    """Whether all rows come in the order of time: tables are stored in that of conversationStart."""
    sources = [*report.aggregates, *report.details]
    return len(sources) == 1 and all(part.time == "conversation_start" and not part.once_per for part in report.details)


def _nothing(report: Report) -> pa.Table:
    """No row, but every column with its type."""
    columns = {"interval_start": INSTANT, **report.key_types, **{each.name: each.type for each in report.figures}}
    return pa.schema(list(columns.items())).empty_table()


def _of_aggregates(part: AggregatesPart, report: Report, stored: StoredDay, window: Window) -> Iterator[pa.Table]:
    for rows in stored.metrics(part, window):
        columns = {"interval_start": _starts(rows["interval_start"], window, report.granularity)}
        columns |= {key.column: _dimension(rows, key.column, key.dimension or "") for key in part.keys}
        picked = [_is_of(rows, pick) for pick in part.picks]
        for pick, mask in zip(part.picks, picked, strict=True):
            columns[pick.figure] = _only(rows[pick.statistic], mask)
        yield pa.table(columns).filter(_any(picked))


def _is_of(rows: pa.Table, pick: Pick) -> pa.ChunkedArray:
    return pc.and_(pc.equal(rows["metric"], pick.metric), pc.equal(rows["view"], pick.view))


def _dimension(rows: pa.Table, column: str, dimension: str) -> pa.ChunkedArray:
    if column in rows.column_names:
        return rows[column]
    groups = pc.unique(rows["group_key"])
    values = pa.array([json.loads(group).get(dimension) for group in groups.to_pylist()], pa.string())
    return values.take(pc.index_in(rows["group_key"], groups))


def _of_details(part: DetailsPart, report: Report, stored: StoredDay, window: Window) -> Iterator[pa.Table]:
    placed: Iterator[pa.Table] = (_placed(part, report, rows, window) for rows in stored.rows(part, window))
    if part.once_per:
        groups = [f"key {key}" for key, _ in part.keys]
        # A conversation's rows have one start, and come in the order of starts.
        in_order = part.time if (part.once_per, part.time) == ("conversation_id", "conversation_start") else None
        order = [in_order] if in_order else []
        by = list(dict.fromkeys(["interval_start", *groups, part.once_per, *_used(part), *order]))
        empty = _placed(part, report, _no_rows(part), window)
        pieces = (rows.select(by) for rows in chain([empty], placed))
        placed = finished_groups(pieces, by, [], in_order_of=in_order)
    for rows in placed:
        columns = {"interval_start": rows["interval_start"]} | {key: rows[f"key {key}"] for key, _ in part.keys}
        yield pa.table(columns | {count.figure: _counted(part, rows, count) for count in part.counts})


def _used(part: DetailsPart) -> list[str]:
    """The columns that measures look at."""
    compared = [comparison.name for count in part.counts for comparison in comparisons(count.where)]
    return [*(count.column for count in part.counts if count.column), *compared]


def _no_rows(part: DetailsPart) -> pa.Table:
    return pa.schema([(column, part.table.type(column)) for column in part.columns]).empty_table()


def _placed(part: DetailsPart, report: Report, rows: pa.Table, window: Window) -> pa.Table:
    """The rows with their interval and groups; `key …` since a group may be called like another column."""
    rows = rows.append_column("interval_start", _starts(rows[part.time], window, report.granularity))
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
    return _only(values, holds(count.where, lambda name: rows[name], part.table.type))


def _starts(instants: pa.ChunkedArray, window: Window, granularity: Granularity) -> pa.ChunkedArray:
    """The begin of the interval in which each instant lies; intervals are laid from the window's begin on."""
    begin = pa.scalar(window.start, INSTANT)
    if granularity == "P1D":
        return pa.chunked_array([pa.repeat(begin, len(instants))], INSTANT)
    step = _MINUTES[granularity] * 60_000
    passed = pc.divide(pc.subtract(instants, begin).cast(pa.int64()), step)
    return pc.add(begin, pc.multiply(passed, step).cast(pa.duration("ms")))


def _only(values: Any, mask: Any) -> Any:
    return pc.if_else(mask, values, pa.scalar(None, values.type))


def _any(masks: list[Any]) -> Any:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.or_(found, mask)
    return found


# -- sums --------------------------------------------------------------------------------------------------------------


def _measures(figure: Figure) -> list[Measure]:
    if figure.how == "same":
        return [Measure(f"least {figure.name}", figure.name, "min"), Measure(figure.name, figure.name, "max")]
    return [Measure(figure.name, figure.name, figure.how)]


def _figures(report: Report, groups: pa.Table) -> dict[str, Any]:
    """The value of each figure in each group."""
    found: dict[str, Any] = {}
    for figure in report.figures:
        values = groups[figure.name]
        if figure.how == "same":
            values = _only(values, pc.equal(values, groups[f"least {figure.name}"]))
        elif figure.how == "count_distinct":
            values = _only(values, pc.greater(values, 0))
        elif figure.how == "distinct":
            values = pa.array([sorted(listed) or None for listed in values.to_pylist()], pa.list_(figure.type))
        found[figure.name] = values
    return found


# -- columns -----------------------------------------------------------------------------------------------------------


def _interval(report: Report, groups: pa.Table, window: Window, day: str) -> dict[str, Any]:
    starts, end = groups["interval_start"], pa.scalar(window.end, INSTANT)
    if report.granularity == "P1D":
        ends: Any = pa.repeat(end, len(groups))
    else:
        step = pa.scalar(_MINUTES[report.granularity] * 60_000, pa.duration("ms"))
        ends = pc.add(starts, step)
        ends = pc.if_else(pc.less(ends, end), ends, end)
    columns = {"interval_start": starts, "interval_end": ends}
    if has_local_date(report.granularity, report.time_zone):
        columns["local_date"] = pa.repeat(pa.scalar(date.fromisoformat(day)), len(groups))
    return columns


def _of_keys(report: Report, groups: pa.Table, stored: StoredDay, window: Window) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for key in report.keys:
        columns[key.column] = groups[key.column]
        if key.history and key in report.keys_with_names:
            columns[key.name_column] = _named(groups[key.column], stored.names(key.history, window), report.is_flat)
    return columns


def _named(ids: pa.ChunkedArray, names: pa.Table, flat: bool) -> pa.ChunkedArray:
    """The name of each id; of several ids in one text, the names in their order."""
    if not flat:
        return named(ids, names)
    texts = pc.unique(ids)
    several = pc.split_pattern(texts, ",")
    joined = pc.binary_join(_names(several, names), ", ")
    return joined.take(pc.index_in(ids, texts))


def _of_figures(report: Report, groups: pa.Table, stored: StoredDay, window: Window) -> dict[str, Any]:
    known = _figures(report, groups)
    columns: dict[str, Any] = {}
    for shown in report.shown:
        if shown.history:
            ids = known[shown.ids] if shown.ids in known else groups[shown.ids]
            columns[shown.name] = _names(ids, stored.names(shown.history, window))
        else:
            try:
                value = known[shown.figure] if shown.figure else _computed(shown, known)
                known.setdefault(shown.known_as, value)
                columns[shown.name] = _displayed(value, shown)
            except NumberTooLarge as too_large:
                raise NumberTooLarge(f"{report.name} of {stored.day}, column {shown.name}: {too_large}") from None
    return columns


def _computed(shown: Shown, known: Mapping[str, Any]) -> Any:
    assert shown.formula is not None
    return shown.formula.compute(known)


def _displayed(value: Any, shown: Shown) -> Any:
    """Formulas see milliseconds in full, readers the unit and as many digits as they want. Raises NumberTooLarge."""
    try:
        if shown.divisor > 1:
            value = pc.divide(value.cast(pa.float64()), float(shown.divisor))
        return value if shown.digits is None else rounded(value, shown.digits)
    except pa.ArrowInvalid:
        raise NumberTooLarge(
            "a value has more digits than a decimal number holds. Take the unit or digits out"
        ) from None


def _names(ids: Any, names: pa.Table) -> Any:
    if not pa.types.is_list(ids.type):
        return named(ids, names)
    whole = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    values = named(pa.chunked_array([whole.values]), names).combine_chunks()
    return pa.ListArray.from_arrays(whole.offsets, values, mask=pc.is_null(whole))


def _first(report: Report, table: pa.Table) -> pa.Table:
    """The rows in order, by interval and then as the report says; of each interval as many as it wants."""
    order = {"interval_start": "ascending"}
    for name, descending in (*report.order, *((name, False) for name in report.spec.key)):
        order.setdefault(name, "descending" if descending else "ascending")
    table = table.sort_by(list(order.items()))
    if report.top is None:
        return table
    _, begins, of = np.unique(table["interval_start"].to_numpy(), return_index=True, return_inverse=True)
    return table.filter(pa.array(np.arange(len(table)) - begins[of] < report.top))

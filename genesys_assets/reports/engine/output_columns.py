"""Derives the columns of a report from the figures of its groups, and selects and orders its rows.

`compute` gathers the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import Window
from genesys_assets.reports.engine.queue_settings import queue_settings
from genesys_assets.reports.engine.row_filter import holds
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.language.formulas import NumberTooLarge, rounded
from genesys_assets.reports.language.model import INTERVAL_LENGTH
from genesys_assets.reports.meaning.columns import OutputColumn
from genesys_assets.reports.meaning.figures import Figure
from genesys_assets.reports.meaning.report import DAYS, Report, has_local_date
from genesys_assets.spans import MILLISECOND
from genesys_assets.tables.names import names_of_ids
from genesys_assets.tables.spec import INSTANT

MINUTES = {"PT15M": 15, "PT30M": 30, "PT1H": 60}


def figure_before(figure: Figure) -> Figure:
    """The same figure of the period before, under another name. Names in entries have no spaces, so it is unique."""
    return replace(figure, name=f"before {figure.name}")


def read_figures(figures: Iterable[Figure], groups: pa.Table) -> dict[str, Any]:
    """The value of each figure in each group."""
    by_name: dict[str, Any] = {}
    for figure in figures:
        values = groups[figure.name]
        if figure.how == "same":
            values = null_unless(values, pc.equal(values, groups[f"least {figure.name}"]))
        elif figure.how == "count_distinct":
            values = null_unless(values, pc.greater(values, 0))
        elif figure.how == "distinct":
            values = pa.array([sorted(listed) or None for listed in values.to_pylist()], pa.list_(figure.type))
        by_name[figure.name] = values
    return by_name


def null_unless(values: Any, mask: Any) -> Any:
    """The values where the mask is true, null elsewhere."""
    return pc.if_else(mask, values, pa.scalar(None, values.type))


def time_columns(report: Report, groups: pa.Table, stored: StoredDay) -> dict[str, Any]:
    """The columns about the time of each row: its interval, dates and weekday."""
    columns = {"interval_start": groups["interval_start"], "interval_end": _ends(report, groups, stored.window)}
    first, last = (pa.scalar(date.fromisoformat(day)) for day in (stored.days[0], stored.days[-1]))
    if not report.period.is_day:
        columns |= {"first_date": pa.repeat(first, len(groups)), "last_date": pa.repeat(last, len(groups))}
    elif has_local_date(report.granularity, report.time_zone):
        columns["local_date"] = pa.repeat(last, len(groups))
    if report.by_weekday:
        columns["weekday"] = groups["weekday"]
    return columns


def _ends(report: Report, groups: pa.Table, window: Window) -> Any:
    end = pa.scalar(window.end, INSTANT)
    if report.granularity == "P1D":
        return pa.repeat(end, len(groups))
    step = pa.scalar(MINUTES[report.granularity] * 60_000, pa.duration("ms"))
    ends = pc.add(groups["interval_start"], step)
    return pc.if_else(pc.less(ends, end), ends, end)


def calendar_figures(report: Report, groups: pa.Table, stored: StoredDay) -> dict[str, Any]:
    """The figures that depend on time alone: the length of each row's interval, and how many days it is about."""
    return _lengths(report, groups, stored.window) | _days(report, groups, stored)


def _lengths(report: Report, groups: pa.Table, window: Window) -> dict[str, Any]:
    """The length in ms. A day has 23 or 25 hours when clocks change. With `by_weekday` there is none, because the days
    of one weekday are not one interval.
    """
    if report.by_weekday:
        return {}
    if report.granularity == "P1D":
        length = pa.scalar((window.end - window.start) // MILLISECOND, pa.int64())
        return {INTERVAL_LENGTH: pa.chunked_array([pa.repeat(length, len(groups))])}
    return {INTERVAL_LENGTH: pc.subtract(_ends(report, groups, window), groups["interval_start"]).cast(pa.int64())}


def _days(report: Report, groups: pa.Table, stored: StoredDay) -> dict[str, Any]:
    """How many days each row is about. Empty for reports of one day, and if the report has a figure of this name."""
    if report.period.is_day or any(figure.name == DAYS.name for figure in report.figures):
        return {}
    if not report.by_weekday:
        return {DAYS.name: pa.chunked_array([pa.repeat(pa.scalar(len(stored.days), pa.int64()), len(groups))])}
    counts = Counter(date.fromisoformat(day).isoweekday() for day in stored.days)
    of_weekday = pa.array([counts[weekday] for weekday in range(8)], pa.int64())
    return {DAYS.name: pa.chunked_array([of_weekday.take(groups["weekday"].combine_chunks())])}


def key_columns(report: Report, groups: pa.Table, stored: StoredDay) -> dict[str, Any]:
    """The columns that rows are grouped by, with the names of their ids."""
    columns: dict[str, Any] = {}
    for key in report.keys:
        columns[key.column] = groups[key.column]
        if key.history and key in report.keys_with_names:
            names = stored.names(key.history, stored.window)
            columns[key.name_column] = _named(groups[key.column], names, report.is_flat)
    return columns


def _named(ids: pa.ChunkedArray, names: pa.Table, flat: bool) -> pa.ChunkedArray:
    """The name of each id. With `flat`, a text may hold several ids, joined by commas, and gets all their names."""
    if not flat:
        return names_of_ids(ids, names)
    texts = pc.unique(ids)
    several = pc.split_pattern(texts, ",")
    joined = pc.binary_join(_names(several, names), ", ")
    return joined.take(pc.index_in(ids, texts))


def figure_columns(
    report: Report, groups: pa.Table, figures: dict[str, Any], stored: StoredDay, before: StoredDay | None
) -> dict[str, Any]:
    """The columns of figures. A formula can use the columns above it, of the same period. Raises NumberTooLarge."""
    known = {"now": figures | _settings(report, groups, stored)}
    if before is not None:
        earlier = read_figures(map(figure_before, report.figures), groups)
        known["before"] = {name.removeprefix("before "): values for name, values in earlier.items()}
        known["before"] |= calendar_figures(report, groups, before) | _settings(report, groups, before)
    columns: dict[str, Any] = {}
    for shown in report.shown:
        if shown.history:
            ids = figures[shown.ids] if shown.ids in figures else groups[shown.ids]
            columns[shown.name] = _names(ids, stored.names(shown.history, stored.window))
            continue
        if shown.of != "now" and before is None:
            columns[shown.name] = pa.nulls(len(groups), shown.type)
            continue
        try:
            for of_period in known.values():
                of_period.setdefault(shown.known_as, _of(shown, of_period))
            columns[shown.name] = _displayed(_value(shown, known), shown)
        except NumberTooLarge as too_large:
            raise NumberTooLarge(f"{report.name} of {stored.day}, column {shown.name}: {too_large}") from None
    return columns


def _settings(report: Report, groups: pa.Table, stored: StoredDay) -> dict[str, Any]:
    """The queues' settings at the end of a period, by a name with a space, which no figure of an entry can have."""
    settings = {shown.setting for shown in report.shown if shown.setting}
    return {f"set {setting}": queue_settings(setting, groups, stored.lake, stored.window.end) for setting in settings}


def _value(shown: OutputColumn, known: Mapping[str, Mapping[str, Any]]) -> Any:
    """The value of a column before unit and digits: of this period, of the one before, or the difference of both."""
    if shown.of != "change":
        return _of(shown, known[shown.of])
    return pc.subtract_checked(_of(shown, known["now"]), _of(shown, known["before"]))


def _of(shown: OutputColumn, known: Mapping[str, Any]) -> Any:
    if shown.figure or shown.setting:
        return known[shown.figure or f"set {shown.setting}"]
    assert shown.formula is not None
    return shown.formula.compute(known)


def _displayed(value: Any, shown: OutputColumn) -> Any:
    """The value in the column's unit, rounded to its digits. (Formulas use it in milliseconds, unrounded.) Raises
    NumberTooLarge.
    """
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
        return names_of_ids(ids, names)
    whole = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    values = names_of_ids(pa.chunked_array([whole.values]), names).combine_chunks()
    return pa.ListArray.from_arrays(whole.offsets, values, mask=pc.is_null(whole))


def filter_having(report: Report, table: pa.Table, figures: Mapping[str, Any]) -> pa.Table:
    """The rows for which the report's `having` holds."""
    if report.having is None:
        return table
    types = {name: values.type for name, values in figures.items()} | dict(
        zip(table.schema.names, table.schema.types, strict=True)
    )

    def column(name: str) -> Any:
        return table[name] if name in table.column_names else figures[name]

    return table.filter(holds(report.having, column, lambda name: types[name]))


def top_rows(report: Report, table: pa.Table) -> pa.Table:
    """The rows in order: by interval, then by the report's `order_by`. With `top`, only the first `top` rows of each
    interval.
    """
    order = {"interval_start": "descending" if ("interval_start", True) in report.order else "ascending"}
    for name, descending in (*report.order, *((name, False) for name in report.spec.key)):
        order.setdefault(name, "descending" if descending else "ascending")
    table = table.sort_by(list(order.items()))
    if report.top is None:
        return table
    _, begins, of = np.unique(table["interval_start"].to_numpy(), return_index=True, return_inverse=True)
    return table.filter(pa.array(np.arange(len(table)) - begins[of] < report.top))

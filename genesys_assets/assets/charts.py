"""The small chart a report's materialisation shows in the UI.

A bar is all rows of one value of `x` if they add up, else one row: see `reports.meaning.additive`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg

from genesys_assets.reports.meaning.additive import adds_up
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.personal import may_be_shown

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_BARS = 24
_LABELS = 12

Bar = tuple[str, float]


def chart_metadata(report: Report, table: pa.Table, zone: ZoneInfo) -> dict[str, Any]:
    """The report's chart as a Markdown picture; empty without figures. `zone` is that of the business day."""
    if report.chart is None:
        return {}
    bars = bars_of(report, table, report.zone or zone)
    if not bars:
        return {}
    if not _may_name_bars(report):
        bars = [(str(rank), height) for rank, (_, height) in enumerate(bars, start=1)]
    x, y = report.chart.x, report.chart.y
    picture = base64.b64encode(_png(bars, f"{y} by {x}")).decode("ascii")
    return {"chart": dg.MetadataValue.md(f"![{y} by {x}](data:image/png;base64,{picture})")}


def bars_of(report: Report, table: pa.Table, zone: ZoneInfo) -> list[Bar]:
    """Label and height of each bar: of intervals all, in order, else the largest; none of intervals that have several
    rows which do not add up.
    """
    if report.chart is None:
        return []
    x, y = report.chart.x, report.chart.y
    rows = table.to_pylist()
    if len({row[x] for row in rows}) == len(rows):
        bars = [(row[x], row[y]) for row in rows]
    elif adds_up(report, y):
        bars = list(_summed((row[x], row[y]) for row in rows).items())
    elif x == "interval_start":
        return []
    else:
        bars = [(_group(report, row), row[y]) for row in rows]
    known = [(_label(value, zone), float(height or 0)) for value, height in bars]
    return known if x == "interval_start" else sorted(known, key=lambda bar: -bar[1])[:_MOST_BARS]


def _may_name_bars(report: Report) -> bool:
    """Whether no label is personal data, which Dagster would keep for ever. Bars are numbered otherwise."""
    if report.chart is None or report.chart.x == "interval_start":
        return True
    labels = {report.chart.x, *(name for key in report.keys for name in (key.column, key.name_column))}
    spec = report.spec
    return all(may_be_shown(spec.personal(each), each.name) for each in spec.columns if each.name in labels)


def _summed(bars: Iterable[tuple[Any, float | None]]) -> dict[Any, float]:
    """By value, not by label: an hour that comes twice as clocks change is two bars."""
    sums: dict[Any, float] = {}
    for value, height in bars:
        sums[value] = sums.get(value, 0) + (height or 0)
    return sums


def _group(report: Report, row: dict[str, Any]) -> str:
    """The row's group in words."""
    return " · ".join(_label(row.get(key.name_column, row[key.column]), None) for key in report.keys)


def _label(value: Any, zone: ZoneInfo | None) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%H:%M}"
    return "none" if value is None else str(value)


def _png(bars: list[Bar], title: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), dpi=90, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(bars)), [height for _, height in bars], color="#3f6fb5")
    step = max(1, len(bars) // _LABELS)
    labels = [label for label, _ in bars]
    axes.set_xticks(range(0, len(bars), step), labels[::step], rotation=45, ha="right", fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_title(title, fontsize=8, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()

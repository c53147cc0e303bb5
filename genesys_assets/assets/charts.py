"""The small chart a report's materialisation shows in the UI."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_BARS = 24


@dataclass(frozen=True)
class Chart:
    """A bar for each value of `x`, as high as the sum of `y`."""

    x: str
    y: str


def chart_metadata(table: pa.Table, chart: Chart) -> dict[str, Any]:
    """The chart as a Markdown picture; nothing where there is nothing to draw."""
    bars = _bars(table, chart)
    if not bars:
        return {}
    picture = base64.b64encode(_png(bars, chart)).decode("ascii")
    return {"chart": dg.MetadataValue.md(f"![{chart.y} by {chart.x}](data:image/png;base64,{picture})")}


def _bars(table: pa.Table, chart: Chart) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for row in table.select([chart.x, chart.y]).to_pylist():
        sums[_label(row[chart.x])] += row[chart.y] or 0
    if chart.x == "interval_start":
        return dict(sums)
    return dict(sorted(sums.items(), key=lambda bar: -bar[1])[:_MOST_BARS])


def _label(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%H:%M}"
    return "none" if value is None else str(value)


def _png(bars: dict[str, float], chart: Chart) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), dpi=90, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(bars)), list(bars.values()), color="#3f6fb5")
    step = max(1, len(bars) // 12)
    axes.set_xticks(range(0, len(bars), step), list(bars)[::step], rotation=45, ha="right", fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_title(f"{chart.y} by {chart.x}", fontsize=8, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()

"""The small chart that the UI shows with a report's materialisation.

A bar sums all rows with one value of `x` if they add up (`reports.meaning.additive`); else each row has a bar.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg

from genesys_assets.reports.engine.output_columns import MINUTES
from genesys_assets.reports.meaning.additive import adds_up
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.personal import may_be_shown

if TYPE_CHECKING:
    import pyarrow as pa

    from genesys_assets.cloud.analytics.queries import Granularity

_MOST_BARS = 24
_MOST_INTERVALS = 100
"""As many as a day of 25 hours has quarters of an hour."""
_WIDTH, _PLOT, _LEFT, _RIGHT, _TOP = 580, 150, 60, 10, 28
_SLANT = 45
_LETTER = 6
_LONGEST_LABEL = 32

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
    picture = base64.b64encode(_svg(bars, f"{y} by {x}").encode()).decode("ascii")
    return {"chart": dg.MetadataValue.md(f"![{y} by {x}](data:image/svg+xml;base64,{picture})")}


def bars_of(report: Report, table: pa.Table, zone: ZoneInfo) -> list[Bar]:
    """Label and height of each bar: if `x` is the interval, all of them in order, else the largest. Empty if an
    interval has several rows that do not add up.
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
        bars = [(_group(report, row, zone), row[y]) for row in rows]
    if x == "interval_start":
        bars = _with_gaps(bars, report.granularity)
    known = [(_label(value, zone), float(height or 0)) for value, height in bars]
    return known if x == "interval_start" else sorted(known, key=lambda bar: -bar[1])[:_MOST_BARS]


def _with_gaps(bars: list[tuple[Any, float | None]], granularity: Granularity) -> list[tuple[Any, float | None]]:
    """The bars, and a place without a bar for each interval between the first and the last that has no row. With more
    than `_MOST_INTERVALS` places, the bars alone.
    """
    minutes = MINUTES.get(granularity)
    if minutes is None or not bars:
        return bars
    step, heights = timedelta(minutes=minutes), dict(bars)
    first, last = min(heights), max(heights)
    places = (last - first) // step + 1
    if places > _MOST_INTERVALS:
        return bars
    return [(at, heights.get(at)) for at in (first + nth * step for nth in range(places))]


def _may_name_bars(report: Report) -> bool:
    """Whether labels hold no personal data. If they do, bars are numbered instead: Dagster stores labels for ever."""
    if report.chart is None or report.chart.x == "interval_start":
        return True
    labels = {report.chart.x, *(name for key in report.keys for name in (key.column, key.name_column))}
    spec = report.spec
    return all(may_be_shown(spec.personal(each), each.name) for each in spec.columns if each.name in labels)


def _summed(bars: Iterable[tuple[Any, float | None]]) -> dict[Any, float]:
    """The sum by value, not by label: the hour that occurs twice when clocks are set back has two bars."""
    sums: dict[Any, float] = {}
    for value, height in bars:
        sums[value] = sums.get(value, 0) + (height or 0)
    return sums


def _group(report: Report, row: dict[str, Any], zone: ZoneInfo) -> str:
    """The row's group in words."""
    return " · ".join(_label(row.get(key.name_column, row[key.column]), zone) for key in report.keys)


def _label(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%H:%M}"
    return "none" if value is None else str(value)


def _svg(bars: list[Bar], title: str) -> str:
    """The picture as SVG, on white because the UI may be dark. Written without a plotting library, to be fast."""
    names = [label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…" for label, _ in bars]
    reaches = [_LETTER * len(name) * math.sin(math.radians(_SLANT)) for name in names]
    start, below = _left_of(reaches), 16 + round(max(reaches))
    steps = _steps([height for _, height in bars])
    low, span, width = steps[0], steps[-1] - steps[0], (_WIDTH - start - _RIGHT) / len(bars)

    def y(value: float) -> float:
        return round(_TOP + _PLOT * (1 - (value - low) / span), 1)

    parts = [
        f'<rect width="{_WIDTH}" height="{_TOP + _PLOT + below}" fill="#fff"/>',
        f'<text x="{start}" y="16" font-size="12">{escape(title)}</text>',
    ]
    for step in steps:
        parts += [
            f'<path d="M{start} {y(step)}H{_WIDTH - _RIGHT}" stroke="#ddd"/>',
            f'<text x="{start - 5}" y="{y(step) + 4}" text-anchor="end">{step:,.12g}</text>',
        ]
    for at, ((_, height), name) in enumerate(zip(bars, names, strict=True)):
        left, upper, lower = round(start + width * (at + 0.1), 1), y(max(height, 0)), y(min(height, 0))
        middle, under = round(start + width * (at + 0.5), 1), _TOP + _PLOT + 12
        parts += [
            f'<rect x="{left}" y="{upper}" width="{width * 0.8:.1f}" height="{lower - upper:.1f}" fill="#3f6fb5"/>',
            f'<text x="{middle}" y="{under}" text-anchor="end" transform="rotate(-{_SLANT} {middle} {under})">'
            f"{escape(name)}</text>",
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_TOP + _PLOT + below}" width="{_WIDTH}" '
        f'font-family="sans-serif" font-size="10" fill="#222">{"".join(parts)}</svg>'
    )


def _left_of(reaches: Sequence[float]) -> int:
    """The x at which bars begin, so that slanted labels are not cut off. `reaches` says how far each label extends to
    the left of the middle of its bar.
    """
    middles = ((at + 0.5) / len(reaches) for at in range(len(reaches)))
    needed = (
        (reach - (_WIDTH - _RIGHT) * middle) / (1 - middle) for reach, middle in zip(reaches, middles, strict=True)
    )
    return math.ceil(max(_LEFT, *needed))


def _steps(heights: Sequence[float]) -> list[float]:
    """Round values for grid lines. They enclose 0 and all heights."""
    low, high = min(0.0, *heights), max(0.0, *heights)
    rough = (high - low or 1) / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor >= rough)
    return [step * count for count in range(math.floor(low / step), max(math.ceil(high / step), 1) + 1)]

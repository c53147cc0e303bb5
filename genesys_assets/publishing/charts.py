"""The charts of a page, drawn by matplotlib, as SVG elements inside the HTML.

Every chart is as wide as a phone, so that its text is as large as the page's; wider screens show several side by side.
Colours are variables of the page's style sheet, texts are SVG text, and the same figures give the same bytes. A chart
has a title and a description for people who cannot see it. `day_reports` has the figures.
"""

from __future__ import annotations

import io
import math
import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 352
_POINTS_PER_INCH = 72
_HEIGHT = 168
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 20, 34
_ROW = 34
_TEXT = 11
_LONGEST_NAME = 46
_ONE_AT_A_TIME = threading.Lock()
"""matplotlib's settings and Python's warnings belong to the whole process."""
_HREF = "{http://www.w3.org/1999/xlink}href"

# The colours that matplotlib paints with, and the variables of the style sheet that replace them.
INK, MUTED, RULE, TRACK, ACCENT, ALERT, HOLD, WRAP = (f"#0000{number:02x}" for number in range(1, 9))
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    TRACK: "var(--track)",
    ACCENT: "var(--accent)",
    ALERT: "var(--alert)",
    HOLD: "var(--hold)",
    WRAP: "var(--wrap)",
}


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The time axis: the number of intervals, labels at some of them, and a label of the axis."""

    count: int
    ticks: Sequence[tuple[float, str]]
    label: str


@dataclass(frozen=True, slots=True)
class ChartTexts:
    """The texts of a chart: its name (the prefix of ids in the page), and title and description for people who cannot
    see it.
    """

    name: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A named bar: its parts as shares of the whole width with their colours, the text at its end, and the share at
    which a mark stands.
    """

    name: str
    parts: Sequence[tuple[float | None, str]]
    value: str
    mark: float | None = None


def bars(words: ChartTexts, hours: TimeAxis, unit: str, *series: tuple[Sequence[float | None], str]) -> Markup:
    """Series of bars over the day, drawn over each other: the first is the whole, the others are parts of it."""
    figure, axes = _timeline(hours, unit)
    for values, colour in series:
        known = [(at, value) for at, value in enumerate(values) if value is not None]
        axes.bar([at for at, _ in known], [v for _, v in known], width=0.8, align="edge", color=colour, linewidth=0)
    top = max((value for values, _ in series for value in values if value), default=0)
    _y_axis(axes, _steps(max(top, 1), whole=True))
    return _inline(figure, words)


def dots(
    words: ChartTexts,
    hours: TimeAxis,
    unit: str,
    values: Sequence[float | None],
    weights: Sequence[float | None],
    *,
    top: float | None = None,
) -> Markup:
    """A dot for each interval that has a value, larger for a greater weight. A value far above all others would flatten
    the rest, so it becomes a triangle at the upper edge.
    """
    figure, axes = _timeline(hours, unit)
    known = [(at, value, weights[at] or 0) for at, value in enumerate(values) if value is not None]
    steps = _steps(top or ceiling([value for _, value, _ in known]), whole=False)
    heaviest = max((weight for *_, weight in known), default=1) or 1
    inside = [(at + 0.4, value, 14 + 40 * weight / heaviest) for at, value, weight in known if value <= steps[-1]]
    above = [at + 0.4 for at, value, _ in known if value > steps[-1]]
    style: dict[str, Any] = {"linewidth": 0, "clip_on": False, "zorder": 3}
    if inside:
        at, heights, sizes = zip(*inside, strict=True)
        axes.scatter(at, heights, s=sizes, color=ACCENT, **style)
    if above:
        axes.scatter(above, [steps[-1]] * len(above), s=40, marker="^", color=ALERT, **style)
    _y_axis(axes, steps)
    return _inline(figure, words)


def ceiling(values: Sequence[float]) -> float:
    """The end of the axis: the largest value. If that is more than three times the 90th percentile, the end is one and
    a half times the 90th percentile.
    """
    if not values:
        return 1.0
    ordered = sorted(values)
    usual = ordered[min(len(ordered) - 1, math.ceil(len(ordered) * 0.9) - 1)]
    return float(ordered[-1] if ordered[-1] <= 3 * usual else 1.5 * usual) or 1.0


def ranking(words: ChartTexts, rows: Sequence[Bar]) -> Markup:
    """A bar for each row under its name, with the value at the end of the line."""
    figure = _figure(max(len(rows), 1) * _ROW)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(max(len(rows), 1) * _ROW, 0)
    for index, row in enumerate(rows):
        upper = index * _ROW
        axes.text(0, upper + 15, _short(row.name), color=INK, size=_TEXT, parse_math=False)
        axes.text(WIDTH, upper + 15, row.value, color=INK, size=_TEXT, ha="right", parse_math=False)
        axes.barh(upper + 24, WIDTH, height=6, color=TRACK, linewidth=0)
        left = 0.0
        for share, colour in row.parts:
            if share:
                axes.barh(upper + 24, share * WIDTH, left=left, height=6, color=colour, linewidth=0)
                left += share * WIDTH
        if row.mark is not None:
            axes.vlines(row.mark * WIDTH, upper + 19, upper + 29, color=INK, linewidth=1.5)
    return _inline(figure, words)


# -- axes --------------------------------------------------------------------------------------------


def _figure(height: int) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH), dpi=_POINTS_PER_INCH)


def _timeline(hours: TimeAxis, unit: str) -> tuple[Figure, Axes]:
    figure = _figure(_HEIGHT)
    figure.patch.set_visible(False)
    wide, high = WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    axes = figure.add_axes((_LEFT / WIDTH, _BOTTOM / _HEIGHT, wide / WIDTH, high / _HEIGHT))
    axes.patch.set_visible(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set(color=MUTED, linewidth=1)
    axes.set_xlim(0, hours.count)
    axes.set_xticks([at for at, _ in hours.ticks], [label for _, label in hours.ticks])
    axes.tick_params(axis="x", length=4, color=MUTED, labelsize=_TEXT, labelcolor=MUTED, pad=3)
    figure.text(_LEFT / WIDTH, 4 / _HEIGHT, hours.label, color=MUTED, size=_TEXT, parse_math=False)
    figure.text(0, (_HEIGHT - 11) / _HEIGHT, unit, color=MUTED, size=_TEXT, parse_math=False)
    return figure, axes


def _y_axis(axes: Axes, steps: Sequence[float]) -> None:
    axes.set_ylim(0, steps[-1])
    axes.set_yticks(steps, [f"{step:,g}" for step in steps])
    axes.tick_params(axis="y", length=0, labelsize=_TEXT, labelcolor=MUTED, pad=6)
    axes.grid(axis="y", color=RULE, linewidth=1)
    axes.set_axisbelow(True)


def _steps(top: float, *, whole: bool) -> list[float]:
    """0 and up to five round numbers, the last of them not below `top`."""
    size = 10.0 ** math.floor(math.log10(top / 5))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor * 5 >= top * (1 - 1e-9))
    step = math.ceil(step) if whole else step
    return [step * index for index in range(math.ceil(top / step * (1 - 1e-9)) + 1)]


def _short(name: str) -> str:
    """A name on one line. What XML cannot hold is replaced."""
    line = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", " ".join(name.split()))
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1].rstrip() + "…"


# -- SVG ---------------------------------------------------------------------------------------------


def _inline(figure: Figure, words: ChartTexts) -> Markup:
    """The figure as an element for HTML: sized by the page, coloured by its variables, with a text alternative."""
    root = ElementTree.fromstring(_svg(figure))
    for element in list(root.iter()):
        element.tag = element.tag.rpartition("}")[2]
        for child in list(element):
            if child.tag.endswith(("}metadata", "}style")):
                element.remove(child)
        if element.tag == "text":
            element.attrib.pop("transform", None)
        if style := element.get("style"):
            element.set("style", _styled(style))
    _rename(root, words.name)
    title, text = f"{words.name}-title", f"{words.name}-text"
    root.attrib = {
        "class": "chart",
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{title} {text}",
    }
    for tag, identity, content in (("desc", text, words.description), ("title", title, words.title)):
        alternative = ElementTree.Element(tag, {"id": identity})
        alternative.text = content
        root.insert(0, alternative)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _svg(figure: Figure) -> bytes:
    import matplotlib as mpl

    sink = io.BytesIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": "genesys_assets"}
    with _ONE_AT_A_TIME, mpl.rc_context(settings), warnings.catch_warnings():
        # Names may be in any script: the reader's fonts draw them, not matplotlib's.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None})
    return sink.getvalue()


def _rename(root: ElementTree.Element, name: str) -> None:
    """Prefix ids with the chart's name, because a page has several charts. Ids that nothing refers to are removed."""
    used = {element.get(_HREF, "").lstrip("#") for element in root.iter()}
    used |= {id_ for element in root.iter() for id_ in re.findall(r"url\(#([^)]+)\)", str(element.attrib))}
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity in used:
            element.set("id", f"{name}-{identity}")
        if reference := element.attrib.pop(_HREF, None):
            element.set("href", f"#{name}-{reference.lstrip('#')}")
        for attribute, value in element.attrib.items():
            element.set(attribute, value.replace("url(#", f"url(#{name}-"))


def _styled(style: str) -> str:
    """A style without matplotlib's fonts, so that text has the font of the page, and with variables as colours."""
    style = re.sub(r"font: (?:\S+ )*?([\d.]+)px [^;]+", r"font-size: \1px", style)
    style = re.sub(r"font-family: [^;]+;?\s*", "", style)
    return re.sub(r"#0000[0-9a-f]{2}", lambda colour: _VARIABLES[colour.group()], style)

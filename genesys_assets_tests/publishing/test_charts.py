"""Charts as SVG: style sheets can colour them, screen readers can read them, and the bytes are always the same."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.publishing import charts
from genesys_assets.publishing.charts import Bar, ChartTexts, TimeAxis, bars, ceiling, dots, ranking

HOURS = TimeAxis(4, [(0, "0"), (2, "12"), (4, "24")], "hour of day, UTC")
WORDS = ChartTexts("volume", "Offered by hour", "Most at noon: 9 < 10 & more.")


def texts(svg: str) -> list[str]:
    return [str(element.text) for element in ElementTree.fromstring(svg).iter("text")]


def a_bar_chart() -> str:
    return bars(WORDS, HOURS, "interactions", ([1, None, 9, 2], charts.ACCENT), ([None, None, 1, 0], charts.ALERT))


def a_dot_chart() -> str:
    return dots(WORDS, HOURS, "minutes", [5, None, 7, 900], [1, None, 10, 2])


def a_ranking() -> str:
    return ranking(WORDS, [Bar("Billing", [(0.5, charts.ACCENT), (None, charts.HOLD)], "50 %", mark=0.8)])


CHARTS = pytest.mark.parametrize("chart", [a_bar_chart, a_dot_chart, a_ranking])


@CHARTS
def test_a_chart_has_a_title_and_a_description_for_screen_readers(chart: object) -> None:
    root = ElementTree.fromstring(chart())  # type: ignore[operator]
    told = {element.get("id"): element.text for element in root if element.tag in ("title", "desc")}
    assert root.get("role") == "img"
    assert [told[name] for name in root.attrib["aria-labelledby"].split()] == [WORDS.title, WORDS.description]


@CHARTS
def test_every_colour_is_a_variable_of_the_style_sheet(chart: object) -> None:
    svg = chart()  # type: ignore[operator]
    painted = re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)
    assert painted
    assert all(colour == "none" or colour.startswith("var(--") for colour in painted)
    assert not re.search(r"#[0-9a-fA-F]{6}|rgb\(", svg)


@CHARTS
def test_the_same_figures_give_the_same_bytes_without_date_or_memory_address(chart: object) -> None:
    svg = chart()  # type: ignore[operator]
    assert svg == chart()  # type: ignore[operator]
    for unwanted in ("http", "<metadata", "<style", "<!DOCTYPE", "<?xml", "Matplotlib"):
        assert unwanted not in svg


@CHARTS
def test_text_is_text_in_the_fonts_of_the_page(chart: object) -> None:
    svg = chart()  # type: ignore[operator]
    assert texts(svg)
    assert "font-family" not in svg
    assert "DejaVu" not in svg


def test_axes_say_unit_and_what_runs_along_them() -> None:
    said = texts(a_bar_chart())
    assert {"interactions", "hour of day, UTC", "0", "12", "24"} <= set(said)


def test_what_a_chart_refers_to_is_its_own_and_there() -> None:
    svg = a_dot_chart()
    ids = re.findall(r' id="([^"]+)"', svg)
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("volume-") for name in ids)
    assert {one or other for one, other in references} <= set(ids)


def test_a_value_far_above_all_others_becomes_a_mark_and_flattens_nothing() -> None:
    said = texts(dots(WORDS, HOURS, "minutes", [5, 6, *[7] * 17, 900], [1] * 20))
    assert "10" in said
    assert "900" not in said
    assert charts._VARIABLES[charts.ALERT] in dots(WORDS, HOURS, "minutes", [5, 6, *[7] * 17, 900], [1] * 20)


@pytest.mark.parametrize(
    ("values", "top"), [([], 1), ([0], 1), ([4], 4), ([1, 2, 3], 3), ([*[10] * 19, 29], 29), ([*[10] * 19, 31], 15)]
)
def test_an_axis_ends_at_the_largest_value_unless_it_stands_apart(values: list[float], top: float) -> None:
    assert ceiling(values) == top


@given(st.floats(1e-3, 1e9), st.booleans())
def test_an_axis_has_few_round_steps_up_to_what_it_must_hold(top: float, whole: bool) -> None:
    steps = charts._steps(top, whole=whole)
    assert steps[0] == 0
    assert len(steps) <= 6 or whole
    assert steps[-1] >= top * (1 - 1e-6)
    assert all(step == round(step) for step in steps) or not whole


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("$\\frac{a}{b}$ and $5", "$\\frac{a}{b}$ and $5"),
        ("日本語 العربية 🌊", "日本語 العربية 🌊"),
        ("two\nlines\tand\x07a bell", "two lines and\ufffda bell"),
        ("x" * 60, "x" * 45 + "…"),
    ],
)
def test_a_name_is_shown_as_it_is_on_one_line(name: str, shown: str) -> None:
    svg = ranking(WORDS, [Bar(name, [(0.5, charts.ACCENT)], "50 %")])
    assert texts(svg) == [shown, "50 %"]
    assert "<script" not in svg


@settings(max_examples=25)
@given(st.text(min_size=1, max_size=60))
def test_whatever_a_queue_is_called_it_can_be_drawn(name: str) -> None:
    ElementTree.fromstring(ranking(WORDS, [Bar(name, [(1.0, charts.ACCENT)], "1")]))

"""Reading a file gives all of its reports, or every mistake with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.reports.custom import CustomReports
from genesys_assets.reports.meaning.entries import ParsedReports, read_reports, read_text

GOOD = """\
reports:
  one:
    description: One row per queue.
    group_by: [queueId]
    aggregates:
      metrics: {handled: tHandle.count}
"""


def read(text: str) -> ParsedReports:
    return read_text(text, "reports.yaml")


def lines(reading: ParsedReports) -> list[tuple[int, int]]:
    return [(problem.line, problem.column) for problem in reading.problems]


def test_a_good_file_gives_its_reports() -> None:
    reading = read(GOOD)
    assert list(reading.reports) == ["one"]
    assert reading.problems == ()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "reports:\n", "reports: {}\n"])
def test_a_file_without_reports_is_a_good_file(text: str) -> None:
    assert read(text) == ParsedReports({})


def test_all_mistakes_are_listed_at_once_in_the_order_of_their_lines() -> None:
    reading = read(
        GOOD.replace("tHandle", "tHandel")
        + """\
    columns:
      handled: {unit: days}
      share: handled / all_of_them
    topp: 3
  two:
    description: One row per table that there is not.
    granularity: PT5M
    details: {table: nothing, measures: {found: count}}
  Three:
    description: [text]
    aggregates: {metrics: {handled: tHandle.count}, filter: {mediaType: {contains: vo}}}
"""
    )
    assert not reading.reports
    assert [line for line, _ in lines(reading)] == [6, 8, 9, 10, 13, 14, 15, 16, 17]


def test_a_good_report_beside_a_bad_one_is_refused_with_it() -> None:
    assert not read(GOOD + "  two: {description: none}\n").reports


def test_anchors_spare_writing_things_twice() -> None:
    reading = read(
        GOOD.replace("metrics: {", "metrics: &metrics {")
        + "  two:\n    description: One row.\n    aggregates: {metrics: *metrics}\n"
    )
    assert list(reading.reports) == ["one", "two"]


@pytest.mark.parametrize(
    "text",
    [
        "reports: &all\n  one: *all\n",
        "a: &a [x, x, x, x, x, x, x, x]\n"
        + "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in pairwise("abcdefg")),
    ],
    ids=["an anchor within itself", "anchors that unfold without end"],
)
def test_anchors_that_never_end_are_refused(text: str) -> None:
    (problem,) = read(text).problems
    assert "has more than" in problem.message or "holds itself" in problem.message


@pytest.mark.parametrize(
    ("written", "is_"),
    [*((text, text) for text in ("12:30", "no", "0777", "1_000", "2026-01-31")), ("'5'", "5")],
)
def test_what_looks_like_text_is_text(written: str, is_: str) -> None:
    text = GOOD.replace("group_by", "filter_").replace("    filter_: [queueId]\n", "")
    reading = read(text + f"      filter: {{ani: {written}}}\n")
    assert not reading.problems
    (source,) = reading.reports["one"].definition.aggregate_sources
    assert source.filter == {"ani": is_}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reports:\n  ? [a]\n  : b\n", "a key must be text"),
        ("reports: {a: !!binary aGk=}\n", "the tag 'tag:yaml.org,2002:binary' is not read here"),
        ("a: b\n--- \nc: d\n", "is not YAML"),
        ("\t- x\n", "is not YAML"),
        ("x" * 300_001, "has more than 300,000 characters"),
    ],
)
def test_what_no_reports_file_has_is_refused(text: str, said: str) -> None:
    assert any(said in problem.message for problem in read(text).problems)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (gone,) = read_reports(tmp_path / "gone.yaml").problems
    assert str(gone) == f"{tmp_path / 'gone.yaml'}:1:1: the file cannot be read: No such file or directory"
    (tmp_path / "latin.yaml").write_bytes("description: é".encode("latin-1"))
    (latin,) = read_reports(tmp_path / "latin.yaml").problems
    assert "byte 14 is not UTF-8 text. Save the file as UTF-8" in latin.message


def test_a_file_with_a_mistake_has_no_reports(tmp_path: Path) -> None:
    path = tmp_path / "reports.yaml"
    path.write_text(GOOD.replace("one:", "interval:"))
    assert [problem.line for problem in CustomReports.read(path).problems] == [2]
    assert CustomReports.read(path).reports == ()
    path.write_text(GOOD)
    assert CustomReports.read(path).problems == ()
    assert [report.name for report in CustomReports.read(path).reports] == ["one"]


def test_the_example_that_ships_is_right() -> None:
    assert CustomReports.read(Path(__file__).parents[3] / "reports.example.yaml").problems == ()


ANYTHING = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
        st.sampled_from(
            ["tHandle.count", "queueId", "count", "handled / 0", "exists", "eq", "sessions", "and", "", "x y"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["and", "type", "value", "metric", "queueId", "gt", "in", "table", "measures", "where", "a", "formula"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
EVERYTHING = json.loads(
    json.dumps(yaml.safe_load((Path(__file__).parents[3] / "reports.example.yaml").read_text())["reports"])
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@settings(max_examples=150)
@given(data=st.data(), name=st.sampled_from(sorted(EVERYTHING)), anything=ANYTHING)
def test_any_content_of_a_file_is_read_or_refused(data: st.DataObject, name: str, anything: Any) -> None:
    entry = copy.deepcopy({"x": EVERYTHING[name]})
    place: tuple[Any, ...] = data.draw(st.sampled_from(list(places(EVERYTHING[name]))))
    *above, last = ("x", *place)
    holder: Any = entry
    for part in above:
        holder = holder[part]
    holder[last] = anything
    reading = read(json.dumps({"reports": entry}))
    assert bool(reading.reports) != bool(reading.problems)
    for problem in reading.problems:
        assert str(problem).startswith("reports.yaml:1:")

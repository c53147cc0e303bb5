"""Each kind of file ends in its reports, or in a message that says what is wrong and where."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets import reports
from genesys_assets.cloud.analytics import catalogue
from genesys_assets.reports.custom import CustomReports
from genesys_assets.reports.language.conditions import Comparison
from genesys_assets.reports.language.file import MOST_PROBLEMS
from genesys_assets.reports.meaning.entries import ParsedReports, read_reports, read_text
from genesys_assets_tests.faults import EVERY_CASE
from genesys_assets_tests.faults.report_files.cases import REFUSED, RIGHT, of_where
from genesys_assets_tests.reports.language.mistakes import MISTAKES, of_entry, of_metric

_PLACE = re.compile(r"reports\.yaml:[1-9][0-9]*:[1-9][0-9]*: ")
_OF_PYTHON = ("Traceback", "Error:", "Exception", "recursion", "NoneType", "pydantic", " object at 0x")


def read(text: str) -> ParsedReports:
    return read_text(text, "reports.yaml")


def is_for_people(message: str) -> bool:
    """Whether a message says where the mistake is, without internals of the package."""
    said = _PLACE.match(message) and not any(word in message for word in _OF_PYTHON)
    return bool(said) and message.isprintable() and len(message) < 2_000


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_by_name(kind: str) -> None:
    text, part = REFUSED[kind]
    reading = read(text)
    said = [str(problem) for problem in reading.problems]
    assert not reading.reports
    assert any(part in each for each in said), said[:3]
    assert all(map(is_for_people, said)), said
    assert len(said) <= MOST_PROBLEMS + 1


@pytest.mark.parametrize("kind", RIGHT)
def test_a_file_that_is_right_gives_its_reports(kind: str) -> None:
    reading = read(RIGHT[kind])
    assert reading.problems == ()
    assert bool(reading.reports) == ("reports:\n " in RIGHT[kind] or "{" in RIGHT[kind] or "calls" in RIGHT[kind])


def test_of_a_file_full_of_wrong_names_the_closest_of_the_first_are_searched_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched: list[str] = []

    def counted(name: str, *args: Any, **more: Any) -> list[str]:
        searched.append(name)
        return get_close_matches(name, *args, **more)

    monkeypatch.setattr(catalogue, "get_close_matches", counted)
    wrong = ", ".join(f"c{number}: handeld" for number in range(150))
    entries = "".join(f"  r{number}: {{{_ENTRY}, columns: {{{wrong}}}}}\n" for number in range(5))
    said = [str(problem) for problem in read(f"reports:\n{entries}").problems]
    assert all("Closest: handled." in each for each in said[:MOST_PROBLEMS])
    assert len(searched) == 2 * MOST_PROBLEMS
    assert "Closest: tHandle" in str(read(of_metric("tHandel.sum")).problems), "another file is read as usual"


_ENTRY = "description: One row., aggregates: {metrics: {handled: tHandle.count}}"


@pytest.mark.parametrize("written", ["+4179", "004179", "1.50", "1.0e+5", "5.", "-0", "no", "12:30", "1_0"])
def test_what_is_compared_with_text_is_the_text_that_was_written(written: str) -> None:
    (found,) = read(of_where("sessions", f"{{ani: {written}}}")).reports.values()
    (in_quotes,) = read(of_where("sessions", f"{{ani: '{written}'}}")).reports.values()
    assert found.details[0].where == in_quotes.details[0].where
    assert written in found.definition.model_dump_json(), "another text makes another definition"


def test_texts_that_are_one_number_to_python_stay_several() -> None:
    (found,) = read(of_where("sessions", "{ani: [1, true, 1.0, 1]}")).reports.values()
    assert found.details[0].where == Comparison("ani", "any_of", ("1", "true", "1.0"))


@pytest.mark.parametrize(("field", "read_as"), [("top: +5", 5), ("top: 5", 5)])
def test_what_is_a_number_stays_one_however_it_is_written(field: str, read_as: int) -> None:
    (found,) = read(of_entry(f"    {field}\n    having: {{handled: {{gte: 1.50}}}}\n")).reports.values()
    assert found.top == read_as
    assert found.having == Comparison("handled", "range", bounds=(("gte", 1.5),))


def test_there_are_kinds_enough() -> None:
    assert len(REFUSED) + len(RIGHT) >= 120


@pytest.mark.parametrize("kind", MISTAKES)
def test_what_is_said_of_a_mistake_is_for_people(kind: str) -> None:
    assert all(is_for_people(str(problem)) for problem in read(MISTAKES[kind]).problems)


# -- paths that are no regular files
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", ["", "5", "[handled]", "{a: b}"])
def test_of_a_formula_that_is_no_text_nothing_else_is_said(formula: str, tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").write_text(of_entry(f"    columns: {{x: {{formula: {formula}}}}}\n"))
    assert refusal(tmp_path / "reports.yaml").startswith("formula must be text, got ")


def refusal(path: Path) -> str:
    own = CustomReports.read(path)
    (problem,) = own.problems
    assert own.reports == ()
    return problem.message


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "reports.yaml")
    assert refusal(tmp_path / "reports.yaml") == "the file cannot be read: it is not a file. Name a file"


def test_a_file_without_end_is_refused_at_once() -> None:
    assert refusal(Path("/dev/zero")) == "the file cannot be read: it is not a file. Name a file"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "the file cannot be read: it is a folder. Name a file"


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").symlink_to(tmp_path / "reports.yaml")
    assert "cannot be read: Too many levels of symbolic links" in refusal(tmp_path / "reports.yaml")


def test_of_a_large_file_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "reports.yaml"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "the file cannot be read: it has more than 300,000 bytes" in refusal(path)


@pytest.mark.parametrize("content", ["reports: {}".encode("utf-16"), b"reports: \xff", b"\x80"])
def test_what_is_not_utf_8_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reports.yaml").write_bytes(content)
    assert "is not UTF-8 text. Save the file as UTF-8" in refusal(tmp_path / "reports.yaml")


def test_an_unexpected_exception_is_named_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    (tmp_path / "reports.yaml").write_text(of_entry(""))
    monkeypatch.setattr("genesys_assets.reports.custom.read_reports", fails)
    assert "RecursionError: maximum recursion depth exceeded. This is a mistake in" in refusal(
        tmp_path / "reports.yaml"
    )


# -- laws --------------------------------------------------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    [
        *(
            "reports:",
            "\n  calls:",
            "\n    ",
            "{",
            "}",
            "[",
            "]",
            ": ",
            ", ",
            "- ",
            "? ",
            "&a ",
            "*a",
            "!!str ",
            "!x ",
            "|",
            ">",
        ),
        *(
            "'",
            '"',
            "#",
            "%",
            "\n",
            "\t",
            "\r\n",
            "<<: ",
            "---\n",
            "...\n",
            "null",
            "true",
            "1e5",
            "-0",
            ".inf",
            "0x1F",
        ),
        *("description: x", "aggregates:", "metrics:", "handled: tHandle.count", "columns:", "formula: coalesce(a, 0)"),
        *("filter:", "mediaType: Voice", "\u2028", "\ud7ff", "\x85", "\ufeff", "9" * 30, "é"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.lists(FRAGMENTS, max_size=40).map("".join), st.text(max_size=200)))
def test_any_text_is_read_or_refused(text: str) -> None:
    reading = read(text)
    assert not (reading.reports and reading.problems)
    assert all(is_for_people(str(problem)) for problem in reading.problems), reading.problems


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(RIGHT)), st.data())
def test_a_right_file_with_something_in_it_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    text = RIGHT[kind][:3_000]
    at = data.draw(st.integers(0, len(text)))
    reading = read(text[:at] + data.draw(FRAGMENTS) + text[at:])
    assert not (reading.reports and reading.problems)
    assert all(is_for_people(str(problem)) for problem in reading.problems), reading.problems


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes.yaml"
    path.write_bytes(content)
    reading = read_reports(path)
    assert not (reading.reports and reading.problems)


SHIPPED = [
    entry
    for file in sorted(Path(reports.__file__).parent.glob("*.yaml"))
    for entry in yaml.safe_load(file.read_text())["reports"].values()
]
NEVER_MEANT = st.one_of(
    st.sampled_from([None, True, 0, -1, 1.5, 10**17, [], {}, [None], [[]], {"": ""}, {"x": 1}, {"sum": "value"}]),
    st.sampled_from(["", " ", "x", "a.b", "count", "tHandle.sum", "a / 0", "(", "P1D", "2026-01-31", "\u202e", "nan"]),
    st.sampled_from([{"ne": None}, {"and": []}, {"distinct": None}, {"formula": "1"}, ["queueId", "queueId"]]),
)


def places_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a report: names of fields, and numbers of elements."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield (*place, name)
        yield from places_in(each, (*place, name))


def put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    changed = value.copy()
    changed[place[0]] = put(value[place[0]], place[1:], new)
    return changed


@settings(max_examples=1_000 if EVERY_CASE else 30, deadline=None)
@given(st.sampled_from(SHIPPED), NEVER_MEANT, st.data())
def test_a_report_that_ships_with_another_value_anywhere_is_read_or_refused(
    entry: dict[str, Any], value: Any, data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(list(places_in(entry))))
    reading = read(yaml.safe_dump({"reports": {"calls": put(entry, place, value)}}, allow_unicode=True))
    assert bool(reading.reports) != bool(reading.problems)
    assert all(is_for_people(str(problem)) for problem in reading.problems), reading.problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("calls: {}\n", "unknown field 'calls'. Reports stand below `reports:`, and are indented."),
        ("version: 2\n", "unknown field 'version'. Reports stand below `reports:`, and are indented."),
        ("report: {}\n", "unknown field 'report'. Closest: reports."),
        ("{}\n", "reports is missing. Add it."),
        (
            "reports:\n  calls:\n    descriptoin: Calls\n    group_by: [queueId]\n"
            "    aggregates: {metrics: {n: nOffered}}\n",
            "unknown field 'descriptoin'. Closest: description.",
        ),
    ],
)
def test_one_mistake_gives_one_message(text: str, message: str) -> None:
    (problem,) = read(text).problems
    assert message in str(problem)

"""A conversation that is saved in parts is left out and named, and one that has grown is taken."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing import spool
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.into_lake import import_files
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.faults.import_files.written import call
from genesys_assets_tests.importing.saved import as_bytes, converted, saved_file


def _parts(where: str) -> list[dict[str, Any]]:
    """Two lines of one call, each with one of two objects of a list."""
    whole = call() | {
        "evaluations": [{"evaluationId": "E"}, {"evaluationId": "F"}],
        "surveys": [{"surveyId": "S"}, {"surveyId": "T"}],
        "resolutions": [{"queueId": "Q"}, {"queueId": "R"}],
    }
    agent = whole["participants"][1]
    agent["sessions"] *= 2
    agent["sessions"][1] = agent["sessions"][0] | {"sessionId": "other"}
    segments = agent["sessions"][0]["segments"]
    segments.append(segments[0] | {"segmentType": "wrapup"})
    parts = [copy.deepcopy(whole) for _ in range(2)]
    for position, part in enumerate(parts):
        session = part["participants"][1]["sessions"][0]
        holder = {"sessions": part["participants"][1], "segments": session, "metrics": session}.get(where, part)
        holder[where] = [holder[where][position]]
    return parts


@pytest.mark.parametrize("where", ["sessions", "segments", "metrics", "evaluations", "surveys", "resolutions"])
def test_a_conversation_that_is_saved_in_parts_is_left_out_and_named(where: str) -> None:
    found = converted(b"\n".join(map(as_bytes, [*_parts(where), call("B")])))
    ((said, count),) = found.left_out.items()
    assert said.startswith("conversation left out: it is there several times, and of two versions each has sessions")
    assert (count, found.conversations) == (1, 1)


@pytest.mark.parametrize("where", ["sessions", "metrics", "participants"])
def test_a_conversation_of_which_each_file_has_a_part_is_left_out_and_named(where: str, tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    halves = [call() | {"participants": [each]} for each in call()["participants"]]
    parts = halves if where == "participants" else _parts(where)
    files = [saved_file(f"{number}.json", as_bytes([part, call("B")])) for number, part in enumerate(parts)]
    imported = import_files(
        lake, files, ImportOptions(), complete=Interval.parse("2026-01-28T00:00:00Z/2026-01-29T00:00:00Z")
    )
    assert not imported.may_be_complete
    assert [outcome.conversations for outcome in imported.outcomes] == [1, 1]
    for outcome in imported.outcomes:
        ((said, count),) = outcome.left_out.items()
        assert said.startswith("conversation left out: of its forms in 0.json, 1.json each")
        assert count == 1


@pytest.mark.parametrize("where", ["sessions", "segments", "metrics", "evaluations", "surveys", "resolutions"])
def test_a_conversation_that_has_grown_is_taken(where: str) -> None:
    part, _ = _parts(where)
    whole, grown = call(), copy.deepcopy(part)
    session = grown["participants"][1]["sessions"][0]
    holder = {"sessions": grown["participants"][1], "segments": session, "metrics": session}.get(where, grown)
    added = dict(holder[where][0])
    added |= {name: "more" for name in ("sessionId", "evaluationId", "surveyId", "queueId") if name in added}
    added |= {"name": "tAcw"} if "name" in added else {}
    added |= {"segmentType": "hold"} if "segmentType" in added else {}
    holder[where] = [*holder[where], added]
    found = converted(b"\n".join(map(as_bytes, [part, grown, whole | {"conversationId": "B"}])))
    assert (found.left_out, found.conversations) == ({}, 2)


_LATER = {"conversationEnd": "2026-01-28T11:59:30.000Z"}
_ONE_PARTICIPANT = call() | _LATER | {"participants": call()["participants"][:1]}


def _stored_ids(lake: Lake) -> list[str]:
    pages = lake.refreshed().pages("pages/imported_details", "2026-01-28") or ()
    return sorted(each["conversationId"] for page in pages for each in page.json()["conversations"])


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("is_one_import", [True, False])
def test_a_newer_form_in_another_file_that_lacks_a_participant_is_left_out(
    tmp_path: Path, *, is_one_import: bool, is_reversed: bool
) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    forms = [call(), _ONE_PARTICIPANT]
    files = [
        saved_file(f"{number}.json", as_bytes([form, call("B")]))
        for number, form in enumerate(reversed(forms) if is_reversed else forms)
    ]
    whole_day = Interval.parse("2026-01-28T00:00:00Z/2026-01-29T00:00:00Z")
    first = [] if is_one_import else import_files(lake, files[:1], ImportOptions()).outcomes
    last = import_files(lake.refreshed(), files if is_one_import else files[1:], ImportOptions(), complete=whole_day)
    assert not last.may_be_complete
    ((said, count),) = last.outcomes[-1].left_out.items()
    assert (said[:58], count) == ("conversation left out: of its forms in 0.json, 1.json each", 1)
    assert [outcome.left_out for outcome in first] == [{}] * len(first)
    assert _stored_ids(lake) == (["B", "B"] if is_one_import else ["A", "B", "B"])


@pytest.mark.parametrize("where", ["sessions", "segments", "metrics"])
def test_a_part_of_a_conversation_whose_other_part_is_stored_is_left_out(where: str, tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    files = [saved_file(f"{number}.json", as_bytes([part])) for number, part in enumerate(_parts(where))]
    assert import_files(lake, files[:1], ImportOptions()).is_whole
    (outcome,) = import_files(lake.refreshed(), files[1:], ImportOptions()).outcomes
    assert outcome.state == "skipped"
    assert "of its forms in 0.json, 1.json each" in outcome.reason


@pytest.mark.parametrize("is_one_import", [True, False])
def test_many_conversations_are_compared_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_one_import: bool
) -> None:
    monkeypatch.setattr(spool, "_AT_ONCE", 2)
    lake = Lake(LocalStore(tmp_path / "lake"))
    ids = [f"{number}" for number in range(7)]
    halves = [[call(id_) | {"participants": [call(id_)["participants"][half]]} for id_ in ids] for half in (0, 1)]
    files = [saved_file(f"{half}.json", as_bytes([*parts, call("whole")])) for half, parts in enumerate(halves)]
    if not is_one_import:
        assert import_files(lake, files[:1], ImportOptions()).is_whole
    imported = import_files(lake.refreshed(), files if is_one_import else files[1:], ImportOptions())
    assert [sum(outcome.left_out.values()) for outcome in imported.outcomes] == [7] * len(imported.outcomes)
    assert _stored_ids(lake) == [*([] if is_one_import else ids), "whole", "whole"]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_conversation_that_has_grown_since_an_earlier_import_is_taken(tmp_path: Path, *, is_reversed: bool) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    forms = [_ONE_PARTICIPANT | {"conversationEnd": None}, call() | _LATER]
    for number, form in enumerate(reversed(forms) if is_reversed else forms):
        assert import_files(
            lake.refreshed(), [saved_file(f"{number}.json", as_bytes([form]))], ImportOptions()
        ).is_whole
    assert _stored_ids(lake) == ["A", "A"]


def _form(id_: str, last: str, tag: str = "") -> dict[str, Any]:
    form = call(id_) | {"conversationEnd": f"2026-01-28T{last}:00.000Z", "externalTag": tag}
    for participant in form["participants"]:
        for session in participant["sessions"]:
            session["segments"][0]["segmentEnd"] = "2026-01-28T11:45:00.000Z"
            for metric in session["metrics"]:
                metric["emitDate"] = "2026-01-28T11:40:00.000Z"
    return form


@pytest.mark.parametrize("is_one_import", [True, False])
@pytest.mark.parametrize("is_newest_last", [True, False])
def test_of_two_versions_of_one_hour_the_newer_one_counts_whatever_else_their_files_have(
    tmp_path: Path, *, is_one_import: bool, is_newest_last: bool
) -> None:
    """The page with the newer version of A has B, whose latest event is earlier than that of the older version of A."""
    lake = Lake(LocalStore(tmp_path / "lake"))
    older = [_form("A", "11:50", "older"), _form("C", "11:50")]
    newer = [_form("A", "11:59", "newer"), _form("B", "11:46"), _form("C", "11:50")]
    ordered = [older, newer] if is_newest_last else [newer, older]
    files = [saved_file(f"{number}.json", as_bytes(each)) for number, each in enumerate(ordered)]
    for some in [files] if is_one_import else [files[:1], files[1:]]:
        assert import_files(lake.refreshed(), some, ImportOptions()).is_whole
    pages = list(lake.refreshed().pages("pages/imported_details", "2026-01-28") or ())
    held = [(page.as_of, number, each) for number, page in enumerate(pages) for each in page.json()["conversations"]]
    newest = max((place for place in held if place[2]["conversationId"] == "A"), key=lambda each: each[:2])
    assert newest[2]["externalTag"] == "newer"
    assert sorted(each["conversationId"] for *_, each in held) == ["A", "A", "B", "C", "C"]
    assert all(page.as_of <= datetime.fromisoformat("2026-01-28T11:59:00Z") for page in pages)
    again = import_files(lake.refreshed(), files, ImportOptions())
    assert [outcome.state for outcome in again.outcomes] == ["unchanged", "unchanged"]


def _with_evaluation() -> dict[str, Any]:
    return call() | {"evaluations": [{"evaluationId": "E"}]}


@pytest.mark.parametrize("is_newest_last", [True, False])
@pytest.mark.parametrize("files", ["one file", "one import", "two imports"])
@pytest.mark.parametrize(
    ("older", "newer"),
    [(call(), _with_evaluation()), (call() | {"conversationEnd": None}, call())],
    ids=["evaluated", "ended"],
)
def test_of_two_versions_with_one_latest_event_the_one_with_more_counts(
    tmp_path: Path, older: dict[str, Any], newer: dict[str, Any], files: str, *, is_newest_last: bool
) -> None:
    """An evaluation is no event of the conversation, and the last segment mostly ends as the conversation does."""
    lake = Lake(LocalStore(tmp_path / "lake"))
    lines = [as_bytes([each]) for each in ([older, newer] if is_newest_last else [newer, older])]
    saved = [saved_file(f"{number}.json", each) for number, each in enumerate(lines)]
    together = [saved_file("all.jsonl", b"\n".join(lines))]
    for some in {"one file": [together], "one import": [saved]}.get(files, [saved[:1], saved[1:]]):
        assert import_files(lake.refreshed(), some, ImportOptions()).is_whole
    pages = list(lake.refreshed().pages("pages/imported_details", "2026-01-28") or ())
    held = [(page.as_of, number, each) for number, page in enumerate(pages) for each in page.json()["conversations"]]
    *_, counted = max(held, key=lambda each: each[:2])
    assert [counted.get(name) for name in ("conversationEnd", "evaluations")] == [
        newer.get(name) for name in ("conversationEnd", "evaluations")
    ]


def _in(unit: str) -> dict[str, Any]:
    """The call with other milliseconds in its events: as the platform writes them, or as tools store them."""
    form = call()
    assert form["conversationStart"].endswith(":00.000Z")
    for session in form["participants"][1]["sessions"]:
        for item, name in [
            *((segment, "segmentStart") for segment in session["segments"]),
            *((metric, "emitDate") for metric in session["metrics"]),
        ]:
            at = datetime.fromisoformat(item[name])
            milliseconds = {"milliseconds": 998, "SQL Server": 997, "whole seconds": 0, "next seconds": 1_000}[unit]
            item[name] = (at + timedelta(milliseconds=milliseconds)).isoformat()
    return form


@pytest.mark.parametrize("unit", ["SQL Server", "whole seconds", "next seconds"])
@pytest.mark.parametrize("is_one_file", [True, False])
def test_two_spellings_of_a_conversation_whose_instants_a_tool_rounded_are_no_parts_of_it(
    tmp_path: Path, unit: str, *, is_one_file: bool
) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    lines = [as_bytes([_in("milliseconds")]), as_bytes([_in(unit)])]
    lines = [b"\n".join(lines)] if is_one_file else lines
    files = [saved_file(f"{number}.jsonl", each) for number, each in enumerate(lines)]
    imported = import_files(lake, files, ImportOptions())
    assert [outcome.left_out for outcome in imported.outcomes] == [{}] * len(files)
    assert [outcome.conversations for outcome in imported.outcomes] == [1] * len(files)

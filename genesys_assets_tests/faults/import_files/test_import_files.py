"""Each kind of file ends in the right rows or in a named error; rows that were stored before stay unchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.imported_page import DETAILS
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.pages import convert
from genesys_assets.importing.records import Outcome
from genesys_assets.importing.spool import Spool
from genesys_assets.importing.summary import not_complete
from genesys_assets.importing.totals import Short
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.conversations import decode
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.sources import without_overlaps
from genesys_assets_tests.faults.import_files.left_out import LEFT_OUT
from genesys_assets_tests.faults.import_files.refused import REFUSED
from genesys_assets_tests.faults.import_files.refused_pieces import REFUSED_PIECES
from genesys_assets_tests.faults.import_files.refused_texts import REFUSED_TEXTS
from genesys_assets_tests.faults.import_files.refused_values import REFUSED_VALUES
from genesys_assets_tests.faults.import_files.right import THE_CALL, THE_FIGURES
from genesys_assets_tests.faults.import_files.written import call, dumped, figure, page, result, with_one
from genesys_assets_tests.importing.saved import NOW, FilePages, converted, saved_file

DAY = Interval.parse("2026-01-28T00:00:00Z/2026-01-29T00:00:00Z")
_REFUSED = REFUSED | REFUSED_PIECES | REFUSED_TEXTS | REFUSED_VALUES
_OF_PYTHON = ("Traceback", "Error(", "NoneType", " object at 0x", "dict_keys")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with one conversation of a complete day."""
    lake = Lake(LocalStore(tmp_path_factory.mktemp("import") / "lake"))
    import_files(lake, [saved_file("before.json", dumped(page(call("before"))))], ImportOptions(), complete=DAY)
    return lake


@pytest.fixture
def unharmed(lake: Lake) -> Iterator[Lake]:
    """The lake; the fixture checks that it has the same files afterwards."""
    before = _files(lake)
    yield lake
    assert _files(lake) == before


def _files(lake: Lake) -> dict[str, str]:
    paths = sorted(Path(lake.store.path("")).rglob("*"))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def conversations(found: FilePages) -> list[dict[str, Any]]:
    return [dict(each) for of in found.pages for each in decode.decode(of.page.body).conversations.to_pylist()]


def is_for_people(reason: str) -> bool:
    return reason.isprintable() and len(reason) <= 1_001 and not any(word in reason for word in _OF_PYTHON)


@pytest.mark.parametrize("kind", THE_CALL)
def test_however_the_call_is_written_it_is_the_call(kind: str) -> None:
    written = THE_CALL[kind]
    raw, told = written if isinstance(written, tuple) else (written, ImportOptions())
    found = converted(raw, told)
    expected = decode.decode(dumped(page(call()))).conversations.to_pylist()
    told_of = [{name: each.get(name) for name in expected[0]} for each in conversations(found)]
    assert (told_of, found.left_out) == (expected, {})


@pytest.mark.parametrize("kind", THE_FIGURES)
def test_however_the_figures_are_written_they_are_the_figures(kind: str) -> None:
    found = converted(THE_FIGURES[kind])
    rows = [(each.page.request, each.page.body) for each in found.pages]
    table = without_overlaps(metric_rows(INTERVAL_METRICS, rows).table)
    request = found.pages[0].page.request
    assert table == metric_rows(INTERVAL_METRICS, [(request, dumped({"results": [result()]}))]).table
    assert found.left_out == {}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_a_conversation_of_which_something_cannot_be_read_is_left_out_by_path_and_reason(kind: str) -> None:
    written, reason = LEFT_OUT[kind]
    found = converted(dumped(page(call(), written)))
    assert [each["conversationId"] for each in conversations(found)] == ["A"]
    assert any(reason in text for text in found.left_out), found.left_out
    assert all(map(is_for_people, found.left_out))


@pytest.mark.parametrize("kind", _REFUSED)
def test_a_file_that_cannot_be_taken_is_skipped_by_name_and_harms_nothing(unharmed: Lake, kind: str) -> None:
    raw, reason, *told = _REFUSED[kind]
    outcome = taken(unharmed, raw, *told)
    assert (outcome.state, outcome.partitions) == ("skipped", {})
    assert reason in outcome.reason
    assert is_for_people(outcome.reason)


def _places(value: Any, way: str = "") -> Iterator[str]:
    """The path of each value within, as `with_one` takes it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield f"{way}{name}"
        yield from _places(inner, f"{way}{name}.")


@pytest.mark.parametrize(
    "inner", [{"id": "u", "displayed": "Ann Example"}, [{"displayed": "Ann Example"}], [["Ann Example"]]]
)
def test_no_reason_shows_the_content_of_an_object_or_list_which_may_be_personal(inner: Any) -> None:
    """Reasons are stored: in the lake beside the imported pages, and in Dagster's event log."""
    written = [page(call(), with_one(place, inner)) for place in _places(call())]
    figures = [{"results": [result(**{name: inner})]} for name in ("count", "sum", "min")]
    figures += [{"results": [result() | {"group": {"userId": inner}}]}, {"results": [result() | {"data": inner}]}]
    said: list[str] = []
    for each in [*written, *figures]:
        try:
            said += converted(dumped(each)).left_out
        except CannotImport as reason:
            said.append(str(reason))
    assert len(said) >= len(written)
    assert not [text for text in said if "Ann" in text]


def taken(lake: Lake, raw: bytes, options: ImportOptions | None = None) -> Outcome:
    (outcome,) = import_files(lake, [saved_file("odd.json", raw)], options or ImportOptions()).outcomes
    return outcome


def test_there_are_kinds_enough() -> None:
    assert len(THE_CALL) + len(THE_FIGURES) + len(LEFT_OUT) + len(_REFUSED) >= 150


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_with_something_left_out_no_day_is_marked_as_complete(kind: str, tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    file = saved_file("odd.json", dumped(page(call(), LEFT_OUT[kind][0])))
    imported = import_files(lake, [file], ImportOptions(), complete=DAY)
    stored = lake.pages(f"pages/{DETAILS}", "2026-01-28")
    assert stored is not None
    assert stored.reach is not None
    assert (imported.is_whole, stored.reach.is_complete) == (False, False)


def test_a_span_without_a_whole_day_cannot_be_complete(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    half = Interval.parse("2026-01-28T06:00:00Z/2026-01-28T18:00:00Z")
    with pytest.raises(CannotImport, match="holds no whole day"):
        import_files(lake, [saved_file("1.json", dumped(page(call())))], ImportOptions(), complete=half)


def _with_total(total: int, *ids: str) -> dict[str, Any]:
    return {"conversations": list(map(call, ids)), "totalHits": total}


def _by_job(until: str) -> dict[str, Any]:
    return {"conversations": [call()], "dataAvailabilityDate": until}


def _with_cursor(id_: str) -> dict[str, Any]:
    return {"conversations": [call(id_)], "cursor": "next"}


_NO_ERRORS: tuple[Any, ...] = (False, 0, "0", [], {}, [None], "none", {"code": 0, "message": None})


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([{"totalHits": 5}], "counted 5 conversations (totalHits) and the files have 0"),
        ([_with_total(3, "A"), _with_total(2, "B", "C")], "counted 3 conversations (totalHits) and the files have 1"),
        ([_with_total(2, "A"), _with_total(2, "A")], "counted 2 conversations (totalHits) and the files have 1"),
        ([_with_cursor("A"), _with_cursor("B")], "each page says that a further one follows (cursor), so"),
        ([_with_total(2, "A"), _with_total(2, "B"), _with_total(1, "C")], None),
        ([_with_total(100, *map(str, range(60))), _with_total(101, *map(str, range(60, 101)))], None),
        ([_with_cursor("A"), {"conversations": [call("B")]}], None),
        ([{"conversations": [call()], "totalHits": "12,345"}], "something was left out"),
        ([{"conversations": [call()], "totalHits": 1.0}], None),
        ([page(call()) | {"previous": page(call("B"))}], "something was left out"),
        ([page(call()) | {"more": [call("B")]}], "something was left out"),
        ([page(call()) | {"error": "timeout"}], "something was left out"),
        ([page(call()) | {"message": "timeout", "status": 504}], "something was left out"),
        ([page(call()) | {"status": 200}], None),
        ([page(call()) | {"status": "500"}], "something was left out"),
        ([page(call()) | {"status": 500.0}], "something was left out"),
        *(([page(call()) | {name: no}], None) for name in ("error", "errors") for no in _NO_ERRORS),
        *(
            ([page(call()) | {name: some}], "something was left out")
            for name in ("error", "errors")
            for some in (1, "x", {"code": 504, "message": None})
        ),
        ([page(call()) | {"more": [json.dumps(call("B"))]}], "something was left out"),
        *(
            ([page(call()) | {"pageNumber": one, "pageCount": three}], "each page says that a further one follows")
            for one, three in (("1", "3"), (1.0, 3.0), ({"$numberInt": "1"}, {"$numberInt": "3"}))
        ),
        ([page(call()) | {"pageNumber": "10", "pageCount": "10"}], None),
        *(
            ([page(call()) | {name: value}], "each page says that a further one follows")
            for name, value in (("hasMore", True), ("has_next", "true"), ("next", "/page=2"), ("nextPageToken", "x"))
        ),
        *(
            ([{"conversations": [call()], **fields}], f"each page says that a further one follows ({name}), so")
            for name, fields in (
                ("lastPage", {"lastPage": False}),
                ("isLast", {"isLast": "false"}),
                ("links.next", {"links": {"next": "/page=2"}}),
                ("_links.next", {"_links": {"next": {"href": "/page=2"}}}),
                ("paging.pageNumber", {"paging": {"pageNumber": 1, "pageCount": 3}}),
                ("pagination.has_more", {"pagination": {"has_more": True}}),
                ("page", {"page": 1, "total_pages": 3}),
                ("remainingPages", {"remainingPages": 200}),
                ("nextUri", {"nextUri": "/page=2", "hasMore": True}),
            )
        ),
        *(
            ([{"conversations": [call()], **fields}], None)
            for fields in (
                {"lastPage": True},
                {"lastPage": 3},
                {"last": "/page=3"},
                {"links": {"next": None, "self": "/page=3"}},
                {"_links": {"next": {"href": None}}},
                {"paging": {"pageNumber": 3, "pageCount": 3}},
                {"remainingPages": 0},
                # What is left of the rate limit.
                {"remaining": 299},
                {"page": {"size": 100}},
            )
        ),
        # Of a job only its first page, beside a whole answer of another query.
        ([_with_cursor("A"), page(call("B"))], "each page says that a further one follows (cursor), so"),
        ([_with_cursor("A"), {"results": [result()]}], "each page says that a further one follows (cursor), so"),
        ([{"conversations": [call()], "pagination": {"total": 300}}], "counted 300 conversations (pagination.total)"),
        ([{"conversations": [call()], "numFound": 9}], "counted 9 conversations (numFound) and the files have 1"),
        *(([page(call()) | {"hasMore": no, "next": no}], None) for no in (False, None, "", "false", 0)),
        *(
            ([page(call()) | fields], "something was left out")
            for fields in (
                {"truncated": True},
                {"is_partial": "True"},
                {"success": False},
                {"ok": "false"},
                {"statusCode": 504},
                {"http_status": "429"},
                {"code": 503},
                {"aborted": True},
                {"stopped": "rate limit"},
                {"timed_out": "true"},
                {"done": False},
            )
        ),
        *(
            ([page(call()) | fields], None)
            for fields in (
                {"truncated": False},
                {"success": True},
                {"statusCode": 200},
                {"code": 7_001},
                {"message": "x"},
                {"aborted": False},
                {"timed_out": "no"},
                {"done": True},
            )
        ),
        ([{"conversations": [call()], "total": 5}], "counted 5 conversations (total) and the files have 1"),
        (
            [{"conversations": [call()], "total_count": "5"}],
            "counted 5 conversations (total_count) and the files have 1",
        ),
        ([{"conversations": [call()], "total": 1}], None),
        ([{"conversations": [call()], "total": {"pages": 5}}], None),
        ([{"total": 5, "conversations": [call()], "totalHits": 1}], None),
        ([_by_job("2026-01-28T23:59:59Z")], "the job of 2026-01-28 had data up to 2026-01-28T23:59:59.000Z only"),
        ([_by_job("2026-01-29T00:00:00Z")], None),
        ([_by_job("2026-01-28T12:00:00Z"), _by_job("2026-01-29T06:00:00Z")], None),
        ([_by_job("2026-01-28T12:00:00Z"), page(call())], None),
        ([_by_job("soon")], "something was left out"),
    ],
)
def test_days_are_complete_unless_an_answer_says_that_pages_of_it_are_missing(
    tmp_path: Path, answers: list[Any], why: str | None
) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    imported = import_files(lake, [saved_file("1.json", dumped(answers))], ImportOptions(), complete=DAY)
    said = not_complete(imported)
    assert (why or "") in (said or "")
    assert imported.may_be_complete == (why is None) == (said is None)


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("other", ["Conversations", "CONVERSATIONS"])
def test_two_spellings_of_one_list_are_refused(other: str, *, is_long: bool) -> None:
    calls = [call(f"{number}") for number in range(400 if is_long else 1)]
    with pytest.raises(CannotImport, match=f"it has '{other}' and another spelling of it, with two values"):
        converted(dumped({"conversations": calls, other: [call("B")]}))


@pytest.mark.parametrize("is_long", [False, True])
def test_what_stands_beside_conversations_and_is_not_read_is_named(is_long: bool) -> None:
    raw = dumped({"conversations": [call(f"{number}") for number in range(400 if is_long else 1)], "facets": [1]})
    assert (len(raw) > 300_000) == is_long
    assert converted(raw).notes == {"field 'facets' beside conversations left out": 1}


@pytest.mark.parametrize(
    ("behind", "why"),
    [
        ({"hasMore": True}, "each page says that a further one follows"),
        ({"partial": True}, "something was left out"),
        ({"total": 5_000}, "counted 5000 conversations"),
        ({"total": 5_000, "totalHits": 400}, None),
        ({"statusCode": 500}, "something was left out"),
    ],
)
def test_what_stands_behind_a_long_list_counts_too(tmp_path: Path, behind: dict[str, Any], why: str | None) -> None:
    raw = dumped({"conversations": [call(f"{number}") for number in range(400)], **behind})
    imported = import_files(
        Lake(LocalStore(tmp_path / "lake")), [saved_file("1.json", raw)], ImportOptions(), complete=DAY
    )
    assert len(raw) > 300_000
    assert (why or "") in (not_complete(imported) or "")
    assert imported.may_be_complete == (why is None)


def test_a_file_with_an_answer_for_each_conversation_has_one_counted_page() -> None:
    lines = b"\n".join(dumped(page(call(f"{number}"))) for number in range(20))
    with Spool() as spool:
        found = convert("1.jsonl", "0" * 64, iter([lines]), ImportOptions(), NOW, spool)
    assert (found.conversations, [(each.total, each.held) for each in found.counted]) == (20, [(1, 1)])


@pytest.mark.parametrize(
    ("further", "why"),
    [
        ({"hasMore": True}, "each page says that a further one follows (hasMore), so the last page is missing"),
        ({"truncated": True}, "something was left out"),
        ({"total": 5}, None),
        ({"nextUri": "/api/v2/page=2"}, "each page says that a further one follows (nextUri), so"),
        ({"pageNumber": 1, "pageCount": 2}, "each page says that a further one follows (pageNumber), so"),
        ({"pageNumber": 2, "pageCount": 2, "nextUri": None}, None),
        ({"query": {"queryType": "topN", "limit": 5}}, "something was left out"),
        ({"query": {"queryType": "groupBy"}}, None),
        (
            {"paging": {"pageNumber": 1, "pageCount": 2}},
            "each page says that a further one follows (paging.pageNumber)",
        ),
    ],
)
def test_figures_are_complete_unless_their_answer_says_that_some_are_missing(
    tmp_path: Path, further: dict[str, Any], why: str | None
) -> None:
    file = saved_file("1.json", dumped({"results": [result()], **further}))
    imported = import_files(Lake(LocalStore(tmp_path / "lake")), [file], ImportOptions(), complete=DAY)
    assert (why or "") in (not_complete(imported) or "")
    assert imported.may_be_complete == (why is None)


@pytest.mark.parametrize(
    ("written", "note"),
    [
        (page(with_one("participants.0.purpose", "agnet")), "conversations.participants.purpose: 'agnet' is new or"),
        ({"results": [result() | {"group": {"mediaType": "voyce"}}]}, "mediaType: 'voyce' is new or misspelled"),
        (json.loads(figure().replace(b"tHandle", b"tHandel")), "'tHandel' is new or misspelled: it is stored, but it"),
    ],
)
def test_a_value_that_may_be_new_or_misspelled_is_taken_and_noted(written: Any, note: str) -> None:
    found = converted(dumped(written))
    assert any(text.startswith(note) for text in found.notes), found.notes
    assert len(found.pages) == 1


def test_a_field_that_no_table_has_is_named_by_its_path() -> None:
    written = with_one("participants.0.sessions.0.somethingNew", 1) | {"mediaTypes": []}
    assert converted(dumped(page(written))).notes == {
        "conversations.mediaTypes: no table has this field": 1,
        "conversations.participants.sessions.somethingNew: no table has this field": 1,
    }


def test_objects_that_a_join_repeats_are_named_with_their_count() -> None:
    written = call() | {"participants": call()["participants"] * 3}
    assert converted(dumped(page(written))).notes == {
        "conversations.participants: a repeated one, with the same values, counts once": 4
    }


def test_evaluations_of_one_id_that_differ_are_both_taken_and_equal_ones_once() -> None:
    first, second = {"evaluationId": "E", "oTotalScore": 50}, {"evaluationId": "E", "oTotalScore": 70}
    found = converted(dumped(page(call() | {"evaluations": [first, first, second]})))
    assert [each["oTotalScore"] for each in conversations(found)[0]["evaluations"]] == [50, 70]
    assert found.notes == {"conversations.evaluations: a repeated one, with the same values, counts once": 1}


def test_a_page_that_is_there_twice_is_no_other_page(tmp_path: Path) -> None:
    raw = dumped(_with_total(2, "A"))
    files = [saved_file("1.json", raw), saved_file("copy of 1.json", raw)]
    imported = import_files(Lake(LocalStore(tmp_path / "lake")), files, ImportOptions(), complete=DAY)
    assert imported.short_of == Short(1, 2, ("1.json",))


def test_no_day_is_complete_while_pages_that_the_platform_counted_are_missing(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    first, second = ({"conversations": [call(id_)], "totalHits": 2} for id_ in "AB")
    one = import_files(lake, [saved_file("1.json", dumped(first))], ImportOptions(), complete=DAY)
    stored = lake.pages(f"pages/{DETAILS}", "2026-01-28")
    assert one.short_of == Short(1, 2, ("1.json",))
    assert stored is not None
    assert stored.reach is not None
    assert not stored.reach.is_complete

    files = [saved_file("1.json", dumped(first)), saved_file("2.json", dumped(second))]
    both = import_files(lake.refreshed(), files, ImportOptions(), complete=DAY)
    stored = lake.refreshed().pages(f"pages/{DETAILS}", "2026-01-28")
    assert both.short_of is None
    assert stored is not None
    assert stored.reach is not None
    assert stored.reach.is_complete

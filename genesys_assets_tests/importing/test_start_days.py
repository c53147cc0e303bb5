"""If two files give a conversation different start days, it stays on the day of the first file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing import start_index
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import SavedFile
from genesys_assets.importing.imported_page import DETAILS
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.result import ImportResult
from genesys_assets.importing.start_index import FETCHED_FOLDER, FOLDER
from genesys_assets.importing.summary import not_complete, totals
from genesys_assets.importing.take_back import imported_files, take_back
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.sources import FETCHED, IMPORTED
from genesys_assets_tests.importing.saved import as_bytes, conversation, saved_file

DAYS = Interval.parse("2026-01-26T00:00Z/2026-02-03T00:00Z")
LEFT_OUT = (
    "conversation left out: it began on 2026-01-29 here, and on 2026-01-28 in saved/a.json, which came first. Take "
    "back the file that is wrong, and import the other again"
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"))


def of_day(id_: str, day: str, **more: Any) -> dict[str, Any]:
    return conversation(id_, f"{day}T13:05:00.000Z", f"{day}T13:09:00.000Z", **more)


def saved(name: str, *conversations: dict[str, Any]) -> SavedFile:
    return saved_file(f"saved/{name}", as_bytes(list(conversations)))


def imported(lake: Lake, *files: SavedFile, options: ImportOptions | None = None) -> ImportResult:
    return import_files(lake.refreshed(), files, options or ImportOptions(), complete=DAYS)


def stored(lake: Lake) -> dict[str, list[str]]:
    """The ids of the stored conversations, by day; days without any are left out."""
    found: dict[str, list[str]] = {}
    for day in lake.refreshed().page_partitions(f"pages/{DETAILS}"):
        for page in lake.refreshed().pages(f"pages/{DETAILS}", day) or ():
            found.setdefault(day, []).extend(each["conversationId"] for each in page.json()["conversations"])
    return found


FIRST, SECOND = saved("a.json", of_day("A", "2026-01-28")), saved("b.json", of_day("A", "2026-01-29"))


@pytest.mark.parametrize("is_one_import", [True, False])
def test_the_second_file_is_skipped_with_the_name_of_the_first(lake: Lake, is_one_import: bool) -> None:
    if is_one_import:
        result = imported(lake, FIRST, SECOND)
    else:
        imported(lake, FIRST)
        result = imported(lake, SECOND)
    assert stored(lake) == {"2026-01-28": ["A"]}
    assert [outcome.reason for outcome in result.skipped] == [f"nothing of it can be taken: {LEFT_OUT}"]
    assert not_complete(result) == "No day was marked as complete, because a file was skipped."


def test_other_conversations_of_the_second_file_are_taken_and_counted_once(lake: Lake) -> None:
    others = [of_day("B", "2026-01-29"), of_day("C", "2026-01-28")]
    result = imported(lake, FIRST, saved("b.json", of_day("A", "2026-01-29"), *others))
    (_, outcome) = result.outcomes
    assert (outcome.state, outcome.conversations, outcome.left_out) == ("imported", 2, {LEFT_OUT: 1})
    assert stored(lake) == {"2026-01-28": ["A", "C"], "2026-01-29": ["B"]}
    assert totals(result) == "Imported: 3 conversations and 0 buckets."
    assert not_complete(result) == "No day was marked as complete, because something was left out."


def test_a_conversation_that_only_stored_files_keep_is_not_counted_as_imported(lake: Lake) -> None:
    imported(lake, FIRST)
    assert totals(imported(lake, saved("b.json", of_day("A", "2026-01-29"), of_day("B", "2026-01-29")))) == (
        "Imported: 1 conversation and 0 buckets."
    )


def test_once_the_first_file_is_taken_back_the_second_is_taken(lake: Lake) -> None:
    imported(lake, FIRST)
    second = saved("b.json", of_day("A", "2026-01-29"), of_day("B", "2026-01-29"))
    assert imported(lake, second).outcomes[0].moved == 1
    assert imported(lake, second).outcomes[0].moved == 1
    take_back(lake.refreshed(), imported_files(lake, ["saved/a.json"]))
    result = imported(lake, second)
    assert (result.is_whole, stored(lake)) == (True, {"2026-01-29": ["A", "B"]})


def test_files_that_are_read_again_in_another_time_zone_move_whole(lake: Lake) -> None:
    local = {"start": "2026-01-28T22:00:00", "end": "2026-01-28T22:05:00"}
    files = [
        saved("a.json", conversation("A", **local), conversation("B", **local)),
        saved("b.json", conversation("A", **local), conversation("C", **local)),
    ]
    imported(lake, *files, options=ImportOptions(time_zone=ZoneInfo("UTC")))
    assert stored(lake) == {"2026-01-28": ["A", "B", "A", "C"]}
    result = imported(lake, *files, options=ImportOptions(time_zone=ZoneInfo("America/New_York")))
    assert (result.is_whole, stored(lake)) == (True, {"2026-01-29": ["A", "B", "A", "C"]})


def test_two_forms_of_one_day_are_both_stored(lake: Lake) -> None:
    result = imported(lake, FIRST, saved("b.json", of_day("A", "2026-01-28", externalTag="x")))
    assert (result.is_whole, stored(lake)) == (True, {"2026-01-28": ["A", "A"]})


def at(id_: str, start: str) -> dict[str, Any]:
    return conversation(id_, f"2026-01-28T{start}Z", "2026-01-28T23:50:00.000Z")


@pytest.mark.parametrize(
    ("other", "is_left_out"),
    [
        (of_day("A", "2026-01-29"), True),
        (at("A", "12:05:00.000"), True),
        (at("A", "12:49:59.999"), True),
        (at("A", "13:20:00.000"), True),
        (at("A", "13:19:59.999"), False),
        (at("A", "13:05:00"), False),
    ],
)
@pytest.mark.parametrize("of", ["one file", "one import", "two imports", "a fetch"])
def test_a_second_start_that_cannot_be_the_first_one_is_left_out(
    lake: Lake, of: str, other: dict[str, Any], *, is_left_out: bool
) -> None:
    first, kept = of_day("A", "2026-01-28"), of_day("B", "2026-01-28")
    if of == "one file":
        (outcome,) = imported(lake, saved("a.json", first, other, kept)).outcomes
        assert (outcome.state, outcome.conversations) == ("imported", 1 if is_left_out else 2)
    elif of == "one import":
        _, outcome = imported(lake, saved("a.json", first), saved("b.json", other, kept)).outcomes
    else:
        fetched(lake, "2026-01-28", "A") if of == "a fetch" else imported(lake, saved("a.json", first))
        (outcome,) = imported(lake, saved("b.json", other, kept)).outcomes
    ids = [id_ for each in stored(lake).values() for id_ in each]
    assert sorted(ids) == sorted(
        ["B", *(["A"] if of.endswith(("import", "imports")) else []), *([] if is_left_out else ["A"])]
    )
    assert bool(outcome.left_out) == is_left_out
    assert sum(outcome.left_out.values()) == is_left_out


def test_a_second_start_of_one_day_is_named_with_the_first_file(lake: Lake) -> None:
    (outcome,) = imported(lake, FIRST, saved("b.json", at("A", "12:05:00.000"))).skipped
    assert outcome.reason == (
        "nothing of it can be taken: conversation left out: it began on 2026-01-28 here, and 15 minutes or more "
        "earlier or later in saved/a.json, which came first. Take back the file that is wrong, and import the other "
        "again"
    )


def test_a_conversation_that_was_fetched_on_another_day_is_left_out(lake: Lake) -> None:
    start = datetime(2026, 1, 28, 13, 5, tzinfo=UTC)
    sources = {"A": FETCHED, "B": IMPORTED, "C": FETCHED}
    rows = [{"conversation_id": id_, "conversation_start": start, "source": source} for id_, source in sources.items()]
    table = pa.Table.from_pylist(rows, CONVERSATIONS.schema)
    lake.write(f"tables/{CONVERSATIONS.name}", CONVERSATIONS, table, "2026-01-28", {})
    result = imported(
        lake, saved("b.json", of_day("A", "2026-01-29"), of_day("B", "2026-01-29"), of_day("C", "2026-01-28"))
    )
    assert result.outcomes[0].left_out == {
        "conversation left out: it began on 2026-01-29 here, and on 2026-01-28 as it was fetched. Import the file with "
        "the --time-zone of its instants": 1
    }
    assert stored(lake) == {"2026-01-28": ["C"], "2026-01-29": ["B"]}


def fetched(lake: Lake, day: str, *ids: str) -> None:
    start = datetime.fromisoformat(f"{day}T13:05:00Z")
    rows = [{"conversation_id": id_, "conversation_start": start, "source": FETCHED} for id_ in ids]
    table = pa.Table.from_pylist(rows, CONVERSATIONS.schema)
    lake.write(f"tables/{CONVERSATIONS.name}", CONVERSATIONS, table, day, {})


@pytest.mark.parametrize("day", ["2020-03-10", "2026-01-26", "2026-01-31", "2026-03-20"])
def test_what_was_fetched_is_compared_however_far_away_its_day_is(lake: Lake, day: str) -> None:
    fetched(lake, "2026-01-28", "A")
    for _ in range(2):
        result = imported(lake, saved("b.json", of_day("A", day), of_day("B", day)))
        assert sum(result.outcomes[0].left_out.values()) == 1
        assert stored(lake) == {day: ["B"]}
    assert len(lake.store.keys(FETCHED_FOLDER)) == 1


def test_the_index_of_fetched_conversations_follows_their_table(lake: Lake) -> None:
    fetched(lake, "2026-01-28", "A")
    assert imported(lake, saved("b.json", of_day("B", "2026-03-20"))).is_whole
    (old,) = lake.store.keys(FETCHED_FOLDER)
    fetched(lake.refreshed(), "2026-01-28", "A", "C")
    assert imported(lake, saved("c.json", of_day("C", "2026-03-20"))).skipped
    (new,) = lake.store.keys(FETCHED_FOLDER)
    assert new != old


@pytest.mark.parametrize("day", ["2020-03-10", "2026-01-27", "2026-01-31", "2026-03-20"])
def test_files_that_were_imported_before_are_compared_however_far_away_their_days_are(lake: Lake, day: str) -> None:
    imported(lake, FIRST, saved("c.json", of_day("C", "2026-01-28")))
    result = imported(lake, saved("b.json", of_day("A", day), of_day("B", day)))
    assert stored(lake) == {"2026-01-28": ["A", "C"], day: ["B"]}
    assert result.outcomes[0].left_out == {LEFT_OUT.replace("2026-01-29", day): 1}
    assert not_complete(result) == "No day was marked as complete, because something was left out."


def index(lake: Lake) -> dict[str, bytes]:
    return {key: lake.store.get(key) or b"" for key in lake.store.keys(FOLDER)}


def test_the_index_of_starts_has_an_entry_for_each_stored_day_and_no_entries_of_replaced_files(lake: Lake) -> None:
    files = [saved(f"{id_}.json", of_day(id_, day)) for id_, day in (("A", "2026-01-28"), ("B", "2026-02-28"))]
    import_files(lake, files[:1], ImportOptions())
    assert index(lake) == {}
    import_files(lake.refreshed(), files[1:], ImportOptions())
    (old,) = index(lake)
    import_files(lake.refreshed(), [saved("c.json", of_day("C", "2026-01-28"))], ImportOptions())
    assert len(index(lake)) == 2
    import_files(lake.refreshed(), [saved("d.json", of_day("D", "2026-01-28"))], ImportOptions())
    assert sorted(len(entry) for entry in index(lake).values()) == [16, 24]
    assert old not in index(lake)


@pytest.mark.parametrize("content", [None, b"", b"123", bytes(16), bytes(32)])
def test_an_entry_of_the_index_that_is_lost_or_damaged_is_made_again(lake: Lake, content: bytes | None) -> None:
    imported(lake, FIRST)
    imported(lake, saved("b.json", of_day("B", "2026-03-20")))
    for key in index(lake):
        lake.store.delete(key) if content is None else lake.store.put(key, content)
    assert imported(lake, saved("c.json", of_day("C", "2026-03-20"))).is_whole
    assert imported(lake, saved("d.json", of_day("A", "2026-03-20"))).skipped


def test_ids_with_the_same_digest_are_not_taken_for_one(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_index, "_digest", lambda _: 7)
    imported(lake, FIRST)
    assert imported(lake, saved("b.json", of_day("B", "2026-03-20"))).is_whole
    assert imported(lake, saved("c.json", of_day("A", "2026-03-20"))).skipped


def test_a_conversation_whose_file_was_taken_back_is_not_looked_for_on_its_day(lake: Lake) -> None:
    imported(lake, FIRST)
    imported(lake, saved("b.json", of_day("B", "2026-03-20")))
    take_back(lake.refreshed(), imported_files(lake.refreshed(), ["saved/a.json"]))
    assert imported(lake, saved("c.json", of_day("A", "2026-03-20"))).is_whole
    assert sorted(outcome.file for outcome in imported_files(lake.refreshed(), ["*"]).values()) == [
        *("saved/b.json", "saved/c.json"),
    ]

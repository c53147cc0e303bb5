"""Writing a day's tables: rows added hour by hour are, row for row, the same as those of the day computed again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.days import day_tables, made_of, utc_day
from genesys_assets.days.sources import (
    DAILY_DETAILS,
    HOURLY_DETAILS,
    IMPORTED_DETAILS,
    OVERLAP,
    START_DAYS,
    NotFetched,
)
from genesys_assets.lake.commit import Commit, ConcurrentCommit
from genesys_assets.lake.lake import Lake, Writing
from genesys_assets.lake.ledger import readings
from genesys_assets.lake.reach import Reach
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, PARTICIPANTS, SEGMENTS
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.days.growing_day import (
    DAY,
    JOB,
    MADE,
    NEXT,
    ORIGIN,
    anew,
    at,
    conversation,
    files,
    ids,
    lake,
    land,
    store,
    write,
)
from genesys_assets_tests.lake.things import cut

__all__ = ["lake"]

# -- a day that becomes complete ---------------------------------------------------------------------------------------


def test_a_complete_day_decides_who_is_there_and_the_newer_form_of_each_is_told_even_if_an_hour_has_it(
    lake: Lake,
) -> None:
    """Jobs may have the day from exactly its end on, and its last hour is read ten minutes later."""
    _, end = utc_day(DAY)
    land(lake, 22, conversation("b", at(22), ended=False), after=timedelta(minutes=1))
    land(lake, 23, conversation("a", at(23)), conversation("deleted", at(23)))
    of_job = [conversation("a", at(23), ended=False), conversation("b", at(22))]
    store(lake, DAILY_DETAILS, DAY, *of_job, as_of=end, request=JOB, reach=Reach(end, is_complete=True))
    write(lake)
    stored = lake.refreshed().read("tables/conversations", DAY).select(["conversation_id", "conversation_end"])
    assert {row["conversation_id"]: row["conversation_end"] for row in stored.to_pylist()} == {
        "a": at(23, 39),
        "b": at(22, 39),
    }


# -- hours that land ---------------------------------------------------------------------------------------------------


def test_an_hour_that_landed_is_a_file_beside_those_that_are_stored(lake: Lake) -> None:
    first = conversation("a", at(0))
    land(lake, 0, first)
    write(lake)
    before = lake.refreshed().log("tables/conversations").files(DAY)
    land(lake, 1, first, conversation("c", at(1)), conversation("b", at(1)))
    land(lake, 2, conversation("d", at(2)))
    write(lake)
    assert lake.refreshed().log("tables/conversations").files(DAY)[:1] == before
    assert files(lake) == [1, 3]
    assert ids(lake) == ["a", "b", "c", "d"]
    assert lake.refreshed().reach("tables/conversations", DAY) == Reach(at(3, 0))


def test_only_the_pages_of_hours_that_landed_are_read(lake: Lake, tmp_path: Path) -> None:
    land(lake, 0, conversation("a", at(0)))
    land(lake, 1, conversation("b", at(1)))
    write(lake)
    (stored,) = (tmp_path / "lake" / "pages" / "hourly_details" / f"date={DAY}" / "hour=0").glob("*.parquet")
    stored.write_bytes(b"")
    land(lake, 2, conversation("c", at(2)))
    write(lake)
    assert ids(lake) == ["a", "b", "c"]


def test_hours_without_conversations_leave_one_file_that_says_how_far_the_day_reaches(lake: Lake) -> None:
    for hour in range(3):
        land(lake, hour)
        write(lake)
    assert files(lake) == [0]
    land(lake, 3, conversation("a", at(3)))
    write(lake)
    land(lake, 4)
    write(lake)
    assert files(lake) == [1, 0]
    assert lake.refreshed().reach("tables/conversations", DAY) == Reach(at(5, 0))


def test_a_day_has_eight_files_at_most(lake: Lake) -> None:
    found = []
    for hour in range(10):
        land(lake, hour, conversation(f"{hour}", at(hour)))
        write(lake, CONVERSATIONS)
        found.append(len(files(lake)))
    assert found == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]
    assert ids(lake) == [f"{hour}" for hour in range(10)]


def test_the_ledger_has_what_an_hour_added(lake: Lake) -> None:
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)), conversation("c", at(1)))
    write(lake)
    (reading,) = readings(lake.refreshed(), "tables/conversations")
    figures = {"rows_before": 1, "rows_after": 3, "rows_added": 2, "rows_changed": 0, "rows_removed": 0}
    assert reading.figures == figures


def test_changes_of_a_day_of_several_files_are_reported_row_by_row(lake: Lake) -> None:
    for hour, name in enumerate("abc"):
        land(lake, hour, conversation(name, at(hour)))
        write(lake)
    land(lake, 1, conversation("b", at(1), ended=False), after=timedelta(hours=3))
    write(lake)
    assert files(lake) == [3]
    assert [each.figures["rows_changed"] for each in readings(lake.refreshed(), "tables/conversations")] == [0, 0, 1]


def test_a_day_made_anew_of_the_same_rows_keeps_its_files(lake: Lake) -> None:
    for hour, name in enumerate("abc"):
        land(lake, hour, conversation(name, at(hour)))
        write(lake)
    before, content = files(lake), lake.refreshed().content("tables/conversations", DAY)
    anew(lake)
    assert files(lake) == before == [1, 1, 1]
    assert lake.refreshed().content("tables/conversations", DAY) == content


def test_findings_of_all_hours_are_reported(lake: Lake) -> None:
    odd = conversation("a", at(0)) | {"novelty": 1, "conversationEnd": "some day"}
    land(lake, 0, odd)
    write(lake)
    land(lake, 1, conversation("b", at(1)) | {"novelty": 2}, conversation("b", at(1)))
    _, decoding = day_tables.write_conversations(lake.refreshed(), DAY, MADE, dict(ORIGIN))
    _, expected = day_tables._write_conversations(lake.refreshed(), DAY, MADE, dict(ORIGIN), may_add=False)
    assert files(lake) == [1, 1]
    assert (decoding.unknown, decoding.losses, decoding.counts) == (
        expected.unknown,
        expected.losses,
        expected.counts,
    )
    assert decoding.unknown == {"conversations.novelty": 2}
    assert decoding.counts == {"pages": 2, "duplicates_dropped": 1}


def test_values_that_the_platform_left_out_of_earlier_hours_are_still_counted(lake: Lake) -> None:
    odd = conversation("a", at(0))
    del odd["participants"][0]["purpose"]
    land(lake, 0, odd)
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    writing, _ = day_tables.write_conversations(lake.refreshed(), DAY, MADE, dict(ORIGIN))
    assert writing["tables/participants"].absent == {"purpose": 1}


# -- when a day is computed again
# ---------------------------------------------------------------------------------------------


def _again_with_other_rows(lake: Lake) -> None:
    land(lake, 0, conversation("a", at(0)), conversation("a2", at(0, 40)), after=timedelta(hours=3))


def _an_earlier_hour(lake: Lake) -> None:
    land(lake, 2, conversation("c", at(2)))


def _stored_already(lake: Lake) -> None:
    land(lake, 4, conversation("b", at(4), note="newer"))


def _job(lake: Lake) -> None:
    items = [conversation("a", at(0)), conversation("d", at(3))]
    store(lake, DAILY_DETAILS, DAY, *items, as_of=at(23), request=JOB, reach=Reach(utc_day(DAY)[1], is_complete=True))


def _overlap(lake: Lake) -> None:
    newer = conversation("b", at(1), note="ended")
    store(lake, OVERLAP, NEXT, newer, as_of=at(23), request=JOB, said={START_DAYS: {DAY: "1"}})


def _removed(lake: Lake) -> None:
    now = lake.refreshed()
    now.remove("tables/segments", [DAY])


def _table_version(lake: Lake) -> None:
    """Store a table that another version made."""
    now, place = lake.refreshed(), "tables/participants"
    with now.table_writers({place: PARTICIPANTS}, DAY, dict(ORIGIN), builds_on_stored=True) as writing:
        writing.made_of = {place: 1}
        writing[place].write(now.read(place, DAY))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_again_with_other_rows, ["a", "a2", "b", "d", "e"]),
        (_an_earlier_hour, ["a", "b", "c", "d", "e"]),
        (_stored_already, ["a", "d", "b", "e"]),
        (_job, ["a", "d"]),
        (_overlap, ["a", "b", "d", "e"]),
        (_removed, ["a", "b", "d", "e"]),
        (_table_version, ["a", "b", "d", "e"]),
    ],
)
def test_anything_but_hours_that_landed_makes_the_day_anew(
    lake: Lake, change: Callable[[Lake], None], expected: list[str]
) -> None:
    for hour, name in {0: "a", 1: "b", 3: "d"}.items():
        land(lake, hour, conversation(name, at(hour)))
        if hour != 3 or change is not _an_earlier_hour:
            write(lake)
    change(lake)
    land(lake, 5, conversation("e", at(5)))
    write(lake)
    assert files(lake) == [len(expected)]
    assert ids(lake) == expected
    assert made_of.hours_of_details_since(lake.refreshed(), DAY, MADE) in ([], None)


def test_a_table_that_lags_behind_is_made_anew_with_the_others(lake: Lake) -> None:
    """A process that was killed between two tables has stored only one of them."""
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    write(lake, CONVERSATIONS)
    assert (files(lake), files(lake, SEGMENTS)) == ([1, 1], [2])
    write(lake)
    assert (files(lake), files(lake, SEGMENTS)) == ([1, 1], [4])


def test_rows_are_not_added_twice_where_two_runs_take_in_the_same_hour(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    landed = day_tables._new_hours

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(day_tables, "_new_hours", landed)
        found = landed(*given)
        write(lake)
        return found

    monkeypatch.setattr(day_tables, "_new_hours", meanwhile)
    write(Lake(lake.store))
    assert ids(lake) == ["a", "b"]


def test_an_hour_of_a_finished_day_must_not_be_missing(lake: Lake) -> None:
    day = "2026-01-28"
    for hour in range(3):
        store(lake, HOURLY_DETAILS, f"{day}-{hour:02d}:00", as_of=datetime(2026, 1, 28, 5, tzinfo=UTC))
        with pytest.raises(NotFetched, match=f"these hours of {day}: {hour + 1:02d}:00"):
            day_tables.write_conversations(lake.refreshed(), day, MADE, dict(ORIGIN))


def test_all_tables_of_conversations_may_grow(lake: Lake) -> None:
    for hour in range(2):
        land(lake, hour, conversation(f"{hour}", at(hour)))
        write(lake, *DAY_TABLES)
    for spec in DAY_TABLES:
        assert files(lake, spec) in ([0], [1, 1], [2, 2])


def _add_while_others_make_anew(writing: Writing, mine: Lake, lake: Lake) -> None:
    writing.add_to_stored(mine)
    anew(lake)


def test_a_commit_that_adds_to_other_files_than_were_known_is_overtaken(lake: Lake) -> None:
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    mine = Lake(lake.store)
    with (
        pytest.raises(ConcurrentCommit),
        mine.table_writers({"tables/conversations": CONVERSATIONS}, DAY, dict(ORIGIN)) as writing,
    ):
        _add_while_others_make_anew(writing, mine, lake)
    assert ids(lake) == ["a", "b"]


@pytest.mark.parametrize("left", [None, 0, 100], ids=["lost", "emptied", "truncated"])
@pytest.mark.parametrize("damaged", MADE, ids=lambda spec: spec.name)
def test_a_day_of_which_a_file_is_lost_is_made_anew_by_the_next_hour(
    lake: Lake, damaged: TableSpec, left: int | None
) -> None:
    for hour in range(2):
        land(lake, hour, conversation(f"{hour}", at(hour)))
        write(lake)
    cut(lake, f"tables/{damaged.name}", DAY, left)
    land(lake, 2, conversation("2", at(2)))
    write(lake)
    assert ids(lake) == ["0", "1", "2"]
    for spec in MADE:
        assert len(lake.refreshed().read(f"tables/{spec.name}", DAY)) in (3, 6)


def test_a_day_made_of_an_import_never_replaces_one_made_of_the_complete_day(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever commits first, and though the import was stored after the platform had answered."""
    _, end = utc_day(DAY)
    imported = [conversation("a", at(0)), conversation("deleted", at(1))]
    store(lake, IMPORTED_DETAILS, DAY, *imported, as_of=end + timedelta(hours=9), reach=Reach(at(0), imported=True))
    prepare, begun = Commit.prepare, iter([True])

    def while_the_day_becomes_complete(commit: Commit) -> None:
        prepare(commit)
        if next(begun, False):
            of_job = conversation("a", at(0))
            store(lake, DAILY_DETAILS, DAY, of_job, as_of=end, request=JOB, reach=Reach(end, is_complete=True))
            write(Lake(lake.store))

    with monkeypatch.context() as patched:
        patched.setattr(Commit, "prepare", while_the_day_becomes_complete)
        write(Lake(lake.store))
    assert ids(lake) == ["a"]


def test_a_run_over_several_days_makes_each_of_the_pages_that_are_stored_when_it_comes_to_it(lake: Lake) -> None:
    """Though another run stored the pages and the tables of a day after this run had begun."""
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    mine, of_next = Lake(lake.store), f"{NEXT}-00:00"
    store(lake, HOURLY_DETAILS, of_next, as_of=at(23))
    day_tables.write_conversations(mine, NEXT, MADE, dict(ORIGIN))
    land(lake, 1, conversation("b", at(1)))
    write(lake)
    store(lake, HOURLY_DETAILS, of_next, conversation("n", at(23) + timedelta(hours=1)), as_of=at(23))
    for day in (NEXT, DAY):
        day_tables.write_conversations(mine, day, MADE, dict(ORIGIN))
    assert ids(lake) == ["a", "b"]
    assert sum(note["rows_removed"] for note in _notes(lake)) == 0


def _notes(lake: Lake) -> list[dict[str, Any]]:
    every = lake.refreshed().log("tables/conversations").notes(0)
    return [
        note["readings"][DAY] | {"rows_removed": note["readings"][DAY].get("rows_removed") or 0}
        for _, note in every
        if DAY in note.get("readings", {})
    ]


@pytest.mark.parametrize("place", [HOURLY_DETAILS, DAILY_DETAILS, OVERLAP, IMPORTED_DETAILS])
@pytest.mark.parametrize("complete", [False, True], ids=["incomplete", "complete"])
def test_pages_that_are_lost_are_no_empty_pages(lake: Lake, tmp_path: Path, place: str, complete: bool) -> None:
    _, end = utc_day(DAY)
    land(lake, 0, conversation("a", at(0)))
    store(lake, IMPORTED_DETAILS, DAY, conversation("b", at(1)), as_of=at(3), reach=Reach(end, imported=True))
    reach = Reach(end if complete else at(2), is_complete=complete)
    store(lake, DAILY_DETAILS, DAY, conversation("a", at(0)), as_of=at(4), request=JOB, reach=reach)
    store(lake, OVERLAP, NEXT, conversation("a", at(0)), as_of=at(5), request=JOB, said={START_DAYS: {DAY: "a"}})
    write(lake)
    before = lake.refreshed().read("tables/conversations", DAY)
    for file in (tmp_path / "lake" / place).rglob("*.parquet"):
        file.unlink()
    if complete and place == IMPORTED_DETAILS:
        anew(Lake(lake.store))
    else:
        with pytest.raises(NotFetched, match=rf"genesys/{place} of {DAY[:8]}.* can no longer be read"):
            anew(Lake(lake.store))
    assert lake.refreshed().read("tables/conversations", DAY) == before

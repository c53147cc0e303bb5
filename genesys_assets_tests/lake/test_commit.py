"""Replacing partitions: a commit replaces only files that it knew, older pages never replace newer ones, nothing is
lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake import commit as commit_module
from genesys_assets.lake.changes import Change
from genesys_assets.lake.commit import (
    Commit,
    ConcurrentCommit,
    Proposal,
    TableContended,
    append,
    remove_all,
    stored_state,
)
from genesys_assets.lake.delta import WHOLE, Key
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.writers import TableWriter
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.lake.things import DAYS, HOURS, NOON, PAGES, PLACE, SPEC, bodies, cut, things, write_pages

_Row = tuple[str, int]


@pytest.fixture
def drafts() -> Iterator[contextlib.ExitStack]:
    """A stack that discards drafts at the end."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def propose(lake: Lake, drafts: contextlib.ExitStack) -> Callable[..., Commit]:
    """Makes commits of rows by day, as separate processes would: each with its own view of the log."""

    def commit(rows: dict[Key, list[_Row]], newness: int = 1, reach: Reach | None = None, **how: Any) -> Commit:
        log = Lake(lake.store).log(PLACE)
        proposals = [
            Proposal(key, writer(lake, drafts, things(*of_key), reach), stored_state(log, key), newness, **how)
            for key, of_key in rows.items()
        ]
        return Commit(log, proposals, "r")

    return commit


def writer(lake: Lake, drafts: contextlib.ExitStack, rows: pa.Table, reach: Reach | None = None) -> TableWriter:
    draft = lake.store.draft()
    drafts.callback(draft.discard)
    with TableWriter(draft, SPEC, {"run_id": "r"}) as written:
        written.reach = reach
        written.write(rows)
    return written


def do(commit: Commit) -> dict[Key, Change]:
    commit.prepare()
    return commit.commit(sleep=lambda _: None)


def stored(lake: Lake, *keys: Key) -> list[list[tuple[Any, ...]]]:
    """The rows of partitions as another process reads them now."""
    now = Lake(lake.store)
    return [[tuple(row.values()) for row in now.read(PLACE, key, schema=SPEC.schema).to_pylist()] for key in keys]


def readings(lake: Lake, day: str) -> list[dict[str, Any]]:
    notes = Lake(lake.store).log(PLACE).notes(0)
    return [note["readings"][day] for _, note in notes if day in note.get("readings", {})]


# -- what a commit reports
# ------------------------------------------------------------------------------------------------


def test_the_first_reading_is_new_and_has_nothing_before_it(lake: Lake, propose: Callable[..., Commit]) -> None:
    change = do(propose({DAYS[0]: [("a", 1)]}))[DAYS[0]]
    assert change.is_new
    assert change.figures() == {
        "rows_after": 1,
        "rows_before": None,
        "rows_added": None,
        "rows_changed": None,
        "rows_removed": None,
    }
    assert readings(lake, DAYS[0]) == [{**change.figures(), "first": True}]


def test_the_same_rows_again_keep_their_file_and_that_they_were_read_is_committed(
    lake: Lake, propose: Callable[..., Commit]
) -> None:
    do(propose({DAYS[0]: [("a", 1)]}, newness=1))
    before = lake.refreshed().log(PLACE).files(DAYS[0])
    change = do(propose({DAYS[0]: [("a", 1)]}, newness=2))[DAYS[0]]
    assert not change.is_new
    assert (change.rows_before, change.rows_after, change.same_rows) == (1, 1, True)
    log = Lake(lake.store).log(PLACE)
    assert log.files(DAYS[0]) == before
    assert (log.newness(DAYS[0]), [each["rows_changed"] for each in readings(lake, DAYS[0])]) == (2, [None, 0])
    assert len([key for key in lake.store.keys("") if key.endswith(".parquet") and "/_delta_log/" not in key]) == 1


def test_a_later_reading_says_what_changed(lake: Lake, propose: Callable[..., Commit]) -> None:
    do(propose({DAYS[0]: [("a", 1), ("b", 2)]}))
    change = do(propose({DAYS[0]: [("a", 9), ("c", 3), ("d", 4)]}))[DAYS[0]]
    assert change.is_new
    assert (change.rows_before, change.rows_after) == (2, 3)
    assert (change.rows_added, change.rows_changed, change.rows_removed) == (2, 1, 1)
    assert stored(lake, DAYS[0]) == [[("a", 9), ("c", 3), ("d", 4)]]


def test_a_reading_that_reaches_further_is_new_though_no_row_is(lake: Lake, propose: Callable[..., Commit]) -> None:
    do(propose({DAYS[0]: [("a", 1)]}, reach=Reach(NOON)))
    further = Reach(NOON + timedelta(hours=12), is_complete=True)
    change = do(propose({DAYS[0]: [("a", 1)]}, reach=further))[DAYS[0]]
    assert change.is_new
    assert change.same_rows
    now = Lake(lake.store)
    assert now.reach(PLACE, DAYS[0]) == further
    last = json.loads(f"[{','.join(commits(now)[-1].splitlines())}]")
    assert {action[kind]["dataChange"] for action in last for kind in ("add", "remove") if kind in action} == {False}


def commits(lake: Lake) -> list[str]:
    """The description of each commit, as text."""
    logged = [key for key in lake.store.keys(f"{PLACE}/_delta_log") if key.endswith(".json")]
    return [(lake.store.get(key) or b"").decode() for key in logged]


def test_partitions_that_are_written_together_are_replaced_in_one_commit(
    lake: Lake, propose: Callable[..., Commit]
) -> None:
    do(propose({day: [(day, 1)] for day in DAYS}))
    version = Lake(lake.store).log(PLACE).version
    changes = do(propose({day: [(day, 2)] for day in DAYS}))
    assert Lake(lake.store).log(PLACE).version == version + 1
    assert [change.rows_changed for change in changes.values()] == [1, 1, 1]


def test_a_table_without_partitions_is_replaced_like_one(lake: Lake, propose: Callable[..., Commit]) -> None:
    for number in (1, 2):
        change = do(propose({None: [("a", number)]}))[None]
    assert change.rows_changed == 1
    assert stored(lake, None) == [[("a", 2)]]
    assert [list(note["readings"]) for _, note in Lake(lake.store).log(PLACE).notes(0)] == [[WHOLE], [WHOLE]]


# -- files that cannot be read any more
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [None, 0, 100])
def test_a_damaged_partition_is_healed_by_the_next_reading(
    lake: Lake, propose: Callable[..., Commit], left: int | None
) -> None:
    do(propose({DAYS[0]: [("a", 1)]}))
    cut(lake, PLACE, DAYS[0], left)
    change = do(propose({DAYS[0]: [("a", 1)]}))[DAYS[0]]
    assert change.is_new
    assert change.rows_before is None
    assert stored(lake, DAYS[0]) == [[("a", 1)]]
    assert [(each["first"], each.get("healed", False)) for each in readings(lake, DAYS[0])] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("where", [slice(None), slice(20, 30), slice(-8, -4)])
def test_a_partition_of_which_a_disk_has_altered_bytes_is_healed_by_a_reading_of_the_same_rows(
    lake: Lake, propose: Callable[..., Commit], where: slice
) -> None:
    """A power cut may leave a file of the right size with zeros instead of its bytes."""
    do(propose({DAYS[0]: [("a", 1)]}))
    (file,) = Lake(lake.store).log(PLACE).files(DAYS[0])
    altered = bytearray(lake.store.get(f"{PLACE}/{file.path}") or b"")
    altered[where] = bytes(len(altered[where]))
    lake.store.put(f"{PLACE}/{file.path}", bytes(altered))
    assert do(propose({DAYS[0]: [("a", 1)]}))[DAYS[0]].is_new
    assert stored(lake, DAYS[0]) == [[("a", 1)]]
    assert Lake(lake.store).log(PLACE).files(DAYS[0]) != [file]


def test_of_several_files_where_there_should_be_one_all_are_replaced(
    lake: Lake, propose: Callable[..., Commit], drafts: contextlib.ExitStack
) -> None:
    do(propose({DAYS[0]: [("a", 1)]}))
    append(Lake(lake.store).log(PLACE), DAYS[0], writer(lake, drafts, things(("a", 2))), "r")
    assert do(propose({DAYS[0]: [("a", 3)]}))[DAYS[0]].is_new
    assert stored(lake, DAYS[0]) == [[("a", 3)]]


# -- others meanwhile --------------------------------------------------------------------------------------------------


def test_another_partition_that_was_committed_meanwhile_stays(lake: Lake, propose: Callable[..., Commit]) -> None:
    first, second = propose({DAYS[0]: [("a", 1)]}), propose({DAYS[1]: [("b", 2)]})
    for each in (first, second):
        each.prepare()
    for each in (first, second):
        each.commit(sleep=lambda _: None)
    assert stored(lake, *DAYS[:2]) == [[("a", 1)], [("b", 2)]]


def test_the_same_partition_committed_meanwhile_is_compared_again(lake: Lake, propose: Callable[..., Commit]) -> None:
    do(propose({DAYS[0]: [("a", 1)]}))
    slow, fast = propose({DAYS[0]: [("a", 3)]}, newness=3), propose({DAYS[0]: [("a", 2), ("b", 2)]}, newness=2)
    slow.prepare()
    do(fast)
    change = slow.commit(sleep=lambda _: None)[DAYS[0]]
    assert (change.rows_before, change.rows_changed, change.rows_removed) == (2, 1, 1)
    assert stored(lake, DAYS[0]) == [[("a", 3)]]
    assert len(Lake(lake.store).log(PLACE).files(DAYS[0])) == 1


def test_a_file_is_published_once_however_often_the_commit_is_tried(lake: Lake, propose: Callable[..., Commit]) -> None:
    slow = propose({DAYS[0]: [("a", 1)]})
    slow.prepare()
    for number in range(3):
        do(propose({DAYS[1]: [("b", number)]}))
    slow.commit(sleep=lambda _: None)
    published = [key for key in lake.store.keys(PLACE) if f"date={DAYS[0]}" in key]
    assert published == [f"{PLACE}/{file.path}" for file in Lake(lake.store).log(PLACE).files(DAYS[0])]


@pytest.mark.parametrize("is_read", [True, False])
def test_a_newer_reading_that_was_committed_meanwhile_stays(
    lake: Lake, propose: Callable[..., Commit], is_read: bool
) -> None:
    older = propose({DAYS[0]: [("a", 1)], DAYS[1]: [("b", 1)]}, newness=1, is_read=is_read)
    older.prepare()
    do(propose({DAYS[0]: [("a", 2)]}, newness=2, is_read=is_read))
    changes = older.commit(sleep=lambda _: None)
    assert stored(lake, *DAYS[:2]) == [[("a", 2)], [("b", 1)]]
    assert (changes[DAYS[0]].is_superseded, changes[DAYS[0]].is_new) == (True, False)
    assert changes[DAYS[1]].is_new
    assert Lake(lake.store).log(PLACE).newness(DAYS[0]) == 2


def test_what_was_read_earlier_replaces_nothing_though_it_is_written_later(
    lake: Lake, propose: Callable[..., Commit]
) -> None:
    do(propose({DAYS[0]: [("a", 2)]}, newness=2, is_read=True))
    version = Lake(lake.store).log(PLACE).version
    change = do(propose({DAYS[0]: [("a", 1)]}, newness=1, is_read=True))[DAYS[0]]
    assert change.is_superseded
    assert stored(lake, DAYS[0]) == [[("a", 2)]]
    assert Lake(lake.store).log(PLACE).version == version, "nothing was committed"


def test_what_is_computed_of_fewer_inputs_than_before_replaces_what_it_knew(
    lake: Lake, propose: Callable[..., Commit]
) -> None:
    do(propose({DAYS[0]: [("a", 2)]}, newness=2))
    assert do(propose({DAYS[0]: [("a", 1)]}, newness=1))[DAYS[0]].is_new
    assert stored(lake, DAYS[0]) == [[("a", 1)]]


def test_what_builds_on_the_stored_replaces_nothing_else(lake: Lake, propose: Callable[..., Commit]) -> None:
    do(propose({DAYS[0]: [("a", 1)]}))
    building = propose({DAYS[0]: [("a", 1), ("b", 1)]}, newness=9, builds_on_known=True)
    building.prepare()
    do(propose({DAYS[0]: [("a", 2)]}))
    with pytest.raises(ConcurrentCommit, match=rf"Another run replaced {DAYS[0]} of {PLACE}"):
        building.commit(sleep=lambda _: None)
    assert stored(lake, DAYS[0]) == [[("a", 2)]]


def test_what_builds_on_the_stored_is_overtaken_by_a_reading_of_the_same_rows_too(
    lake: Lake, propose: Callable[..., Commit]
) -> None:
    do(propose({DAYS[0]: [("a", 1)]}, newness=1))
    building = propose({DAYS[0]: [("a", 1), ("b", 1)]}, builds_on_known=True)
    do(propose({DAYS[0]: [("a", 1)]}, newness=2))
    building.prepare()
    with pytest.raises(ConcurrentCommit):
        building.commit(sleep=lambda _: None)


def test_others_who_never_rest_end_in_an_error(
    lake: Lake, propose: Callable[..., Commit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_module, "_PATIENCE_SECONDS", 0.3)
    slow, numbers = propose({DAYS[0]: [("a", 1)]}), iter(range(1000))
    slow.prepare()

    def others(_: float = 0) -> None:
        do(propose({DAYS[1]: [("b", next(numbers))]}))

    others()
    with pytest.raises(TableContended, match=rf"Other processes committed to {PLACE} .* nothing was stored"):
        slow.commit(sleep=others)
    assert stored(lake, DAYS[0]) == [[]]


# -- marks, snapshots, removal -----------------------------------------------------------------------------------------


def test_marks_are_committed_with_the_rows(lake: Lake, drafts: contextlib.ExitStack) -> None:
    log = lake.log(PLACE)
    proposal = Proposal(DAYS[0], writer(lake, drafts, things(("a", 1))), stored_state(log, DAYS[0]), 1)
    do(Commit(log, [proposal], "r", {"tables/calls": 17}))
    assert Lake(lake.store).log(PLACE).newness("tables/calls") == 17


def test_snapshots_are_added_whoever_adds_others(lake: Lake, drafts: contextlib.ExitStack) -> None:
    stale = [Lake(lake.store).log(PLACE) for _ in range(3)]
    for number, log in enumerate(stale):
        append(log, DAYS[0], writer(lake, drafts, things(("a", number))), "r", sleep=lambda _: None)
    assert stored(lake, DAYS[0]) == [[("a", 0), ("a", 1), ("a", 2)]]


def test_removed_partitions_are_gone_in_one_commit(lake: Lake, propose: Callable[..., Commit]) -> None:
    do(propose({day: [(day, 1)] for day in DAYS}))
    log = lake.refreshed().log(PLACE)
    version = log.version
    remove_all(log, [DAYS[0], DAYS[2], "2026-03-01"])
    assert stored(lake, *DAYS) == [[], [(DAYS[1], 1)], []]
    assert Lake(lake.store).log(PLACE).version == version + 1
    remove_all(log, [DAYS[0]])
    assert Lake(lake.store).log(PLACE).version == version + 1, "there was nothing to remove"


def test_what_others_stored_of_a_partition_meanwhile_is_removed_too(lake: Lake, propose: Callable[..., Commit]) -> None:
    do(propose({DAYS[0]: [("a", 1)]}))
    stale = Lake(lake.store).log(PLACE)
    do(propose({DAYS[0]: [("a", 2)], DAYS[1]: [("b", 1)]}))
    remove_all(stale, [DAYS[0]], sleep=lambda _: None)
    assert stored(lake, *DAYS[:2]) == [[], [("b", 1)]]


def test_partitions_of_a_table_that_others_gave_another_type_meanwhile_are_removed(
    lake: Lake, propose: Callable[..., Commit]
) -> None:
    do(propose({DAYS[0]: [("a", 1)]}))
    stale, pauses = Lake(lake.store).log(PLACE), iter([None])
    fractions = TableSpec("things", "", ("id",), columns("id string its id\nn number a number"))
    lake.refreshed().write(PLACE, fractions, pa.table({"id": ["b"], "n": [0.5]}), DAYS[1], {})
    remove_all(stale, [DAYS[0]], sleep=lambda _: next(pauses))
    assert Lake(lake.store).log(PLACE).partitions() == [DAYS[1]]


def test_removed_pages_are_as_though_they_had_never_been_fetched(lake: Lake) -> None:
    write_pages(lake, HOURS[0], [b"new"], NOON + timedelta(hours=1))
    lake.remove(PAGES, [HOURS[0]])
    assert bodies(lake, HOURS[0]) is None
    write_pages(lake, HOURS[0], [b"older"], NOON)
    assert bodies(lake, HOURS[0]) == [b"older"]
    assert lake.newness([(PAGES, HOURS[0])]) == NOON.timestamp() * 1000
    (first, second) = (note["readings"][HOURS[0]] for _, note in lake.log(PAGES).notes(0) if "readings" in note)
    assert first == second == {**Change("", 1).figures(), "first": True}

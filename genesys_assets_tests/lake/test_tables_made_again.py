"""A table that was deleted and made again in its place: nothing of the old one is left in a lake that stays open."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets_tests.lake.things import DAYS, PLACE, SPEC, things


def write(store: Store, days: list[str], first: int) -> Lake:
    """A lake that has committed one row for each of the days, one after the other."""
    lake = Lake(store)
    for number, day in enumerate(days, start=first):
        lake.write(PLACE, SPEC, things(("a", number)), day, {"run_id": f"{number}"})
    return lake


def delete(store: Store) -> None:
    if isinstance(store, LocalStore):
        shutil.rmtree(store.folder / PLACE)
        return
    for file in store.listed(PLACE):
        store.delete(file.key)


def known(lake: Lake) -> dict[str, Any]:
    """Everything that a lake says of the table."""
    log = lake.log(PLACE)
    return {
        "version": log.version,
        "table": log.table_id,
        "files": log.every_file(),
        "newness": [log.newness(day) for day in DAYS],
        "stored": dict(lake.stored(PLACE)),
        "last": lake.last_before(PLACE, "2027-01-01"),
        "provenance": [footer and footer.provenance for footer in (lake.footer(PLACE, day) for day in DAYS)],
        "cached": lake.once("days", PLACE, None, lambda: log.partitions()),
    }


@pytest.mark.parametrize("commits", [1, 2])
def test_of_another_table_with_as_many_commits_nothing_is_taken_from_the_old_one(store: Store, commits: int) -> None:
    open_lake = write(store, DAYS[:1] * commits, 1)
    before = known(open_lake.refreshed())
    delete(store)
    write(store, DAYS[1:2] * commits, 11)
    now = known(open_lake.refreshed())
    assert now == known(Lake(store))
    assert (before["version"], before["cached"], now["cached"]) == (now["version"], DAYS[:1], DAYS[1:2])


@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 2), (3, 1), (3, 4), (4, 3)])
def test_a_checkpoint_of_another_table_is_not_added_to_what_is_known_of_the_old_one(
    tmp_path: Path, before: int, after: int
) -> None:
    store = LocalStore(tmp_path)
    store.commits_between_checkpoints = 2
    open_lake = write(store, DAYS[:1] * before, 1)
    known(open_lake)
    delete(store)
    write(store, list(itertools.islice(itertools.cycle(DAYS[1:]), after)), 11)
    now = known(open_lake.refreshed())
    assert now == known(Lake(store))
    paths = {file.path for _, file in now["files"]}
    assert {str(tmp_path / PLACE / path) for path in paths} == {*DeltaTable(str(tmp_path / PLACE)).file_uris()}


@pytest.mark.parametrize("made_again", [True, False])
def test_a_lake_that_has_not_looked_since_commits_to_the_table_that_lies_there_now(
    store: Store, made_again: bool
) -> None:
    open_lake = write(store, DAYS[:1] * 3, 1)
    delete(store)
    if made_again:
        write(store, DAYS[1:2], 11)
    open_lake.write(PLACE, SPEC, things(("a", 9)), DAYS[2], {"run_id": "9"})
    now = known(Lake(store))
    assert known(open_lake.refreshed()) == now
    assert [*now["stored"]] == [DAYS[1], DAYS[2]][not made_again :]

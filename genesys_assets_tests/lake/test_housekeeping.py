"""Housekeeping removes only files that nobody needs. Current and recently current files stay, and so do files that are
being written, and commits that the ledger does not have yet.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from genesys_assets.lake import housekeeping
from genesys_assets.lake.commit import Commit, Proposal, TableContended, stored_state
from genesys_assets.lake.delta import new_path
from genesys_assets.lake.housekeeping import HousekeepingResult, clean_up, list_tables
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import LEDGER, catch_up
from genesys_assets.lake.log_files import LOG
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import DRAFTS, LocalStore, Store
from genesys_assets.lake.writers import TableWriter
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets_tests.lake.leftovers import leftovers, missing
from genesys_assets_tests.lake.test_races import WIDER, Race, Write, _lakes, check_ledger
from genesys_assets_tests.lake.things import DAYS, HOURS, NOON, PAGES, PLACE, SPEC, bodies, page, things, write_pages
from genesys_assets_tests.lake.thorough import seeds
from genesys_assets_tests.lake.turns import Turns, hooked

__all__ = ["hooked"]

LIVE = "live/things"
DAY = timedelta(days=1)


def house(store: Store, keep: timedelta = timedelta(0), later: timedelta = timedelta(minutes=1)) -> HousekeepingResult:
    """Keep house at a later time, when files published now are old."""
    return clean_up(Lake(store), [PLACE], keep=keep, now=datetime.now(UTC) + later)


def write(store: Store, number: int, day: str = DAYS[0], **how: Any) -> None:
    Lake(store).write(PLACE, SPEC, things(("a", number)), day, {"run_id": "r"}, **how)


def numbers(store: Store, *days: str) -> list[int]:
    found: list[int] = Lake(store).read(PLACE, days or DAYS, schema=SPEC.schema)["n"].to_pylist()
    return found


def rows(store: Store, day: str = DAYS[1]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Lake(store).read(LIVE, day).to_pylist()
    return found


def commits(store: Store, place: str = PLACE) -> list[int]:
    """The versions whose commit the log still has."""
    logged = [key.rsplit("/", 1)[-1] for key in store.keys(f"{place}/{LOG}")]
    return [int(name[:20]) for name in logged if name.endswith(".json") and name[:20].isdigit()]


@pytest.fixture
def disk(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


# -- which tables ------------------------------------------------------------------------------------------------------


def test_all_tables_of_a_lake_are_found_those_below_others_too(store: Store) -> None:
    for place in ("tables/calls", "calls", "calls/of/agents", "live/queues"):
        Lake(store).write(place, SPEC, things(), DAYS[0], {})
    store.put("jobs/a.json", b"{}")
    assert list_tables(store.listed("")) == ["calls", "calls/of/agents", "live/queues", "tables/calls"]


def test_a_lake_without_tables_has_none(store: Store) -> None:
    assert list_tables(store.listed("")) == []
    assert house(store) == HousekeepingResult()


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_files_that_were_replaced_are_removed_and_rows_stay(store: Store) -> None:
    for number in range(4):
        write(store, number)
    write(store, 7, DAYS[1])
    write_pages(Lake(store), HOURS[0], [b"old"])
    write_pages(Lake(store), HOURS[0], [b"new"], NOON + DAY)
    report = house(store)
    assert report.files_removed == 4
    assert report.bytes_removed > 0
    assert (leftovers(store), missing(store)) == ([], [])
    assert (numbers(store), bodies(Lake(store), HOURS[0])) == ([3, 7], [b"new"])
    assert house(store).files_removed == 0


def test_what_was_replaced_a_moment_ago_stays(disk: LocalStore) -> None:
    for number in range(3):
        write(disk, number)
    assert house(disk, keep=DAY).files_removed == 0
    assert [DeltaTable(disk.uri(PLACE), version=v).to_pyarrow_table()["n"].to_pylist() for v in (1, 2, 3)] == [
        [0],
        [1],
        [2],
    ]
    assert house(disk, keep=DAY, later=DAY + timedelta(hours=1)).files_removed == 2


def test_the_version_that_was_current_at_the_beginning_stays_readable(disk: LocalStore) -> None:
    for number in range(30):
        write(disk, number)
    back_date(disk, PLACE, older_than=20, hours=30)
    report = house(disk, keep=DAY)
    assert (report.files_removed, report.commits_removed > 0) == (19, True)
    for version in range(20, 31):
        table = DeltaTable(disk.uri(PLACE), version=version)
        assert table.to_pyarrow_table()["n"].to_pylist() == [version - 1]
    assert numbers(disk) == [29]


def back_date(store: LocalStore, place: str, older_than: int, hours: float) -> None:
    """Make all files of a table up to a version some hours older."""
    then = datetime.now(UTC).timestamp() - hours * 3600
    table = DeltaTable(store.uri(place), version=older_than)
    for version in range(older_than + 1):
        for path in (store.folder / place / LOG).glob(f"{version:020d}.*"):
            os.utime(path, (then, then))
        older = DeltaTable(store.uri(place), version=version)
        for file in older.file_uris():
            os.utime(file.removeprefix("file://"), (then, then))
    assert table.version() == older_than


def test_a_table_that_lies_below_another_is_left_alone(disk: LocalStore) -> None:
    Lake(disk).write("calls", SPEC, things(("a", 1)), DAYS[0], {})
    Lake(disk).write("calls/of/agents", SPEC, things(("a", 2)), DAYS[0], {})
    Lake(disk).write("calls/of/all", SPEC, things(("a", 3)), None, {})
    house(disk)
    assert missing(disk) == []
    assert Lake(disk).read("calls/of/agents", DAYS[0])["n"].to_pylist() == [2]
    assert Lake(disk).read("calls/of/all", None)["n"].to_pylist() == [3]


def test_files_of_others_are_left_alone(store: Store) -> None:
    write(store, 1)
    others = ["readme.txt", f"{PLACE}/readme.txt", f"{PLACE}/{LOG}/notes.txt", "jobs/a.json", "imports/b.json"]
    for key in others:
        store.put(key, b"")
    house(store)
    assert set(others) <= set(store.keys(""))


# -- leftovers ---------------------------------------------------------------------------------------------------------


def leave(store: LocalStore, lake: Lake) -> Commit:
    """Leave everything that a killed writer leaves: drafts, a published file that no commit names, a commit that was
    not renamed."""
    store.put(f"{PLACE}/{LOG}/{99:020d}.json#1", b"half")
    store.put(f"{PLACE}/{LOG}/_commit_1.json.tmp", b"half")
    with store.draft().file as left:
        left.write(b"half")
    return prepared(lake, 99)


def prepared(lake: Lake, number: int, day: str = DAYS[0]) -> Commit:
    """Prepare a commit: its file is published, but the commit is not made yet."""
    log, draft = lake.log(PLACE), lake.store.draft()
    with TableWriter(draft, SPEC, {"run_id": "r"}) as writer:
        writer.write(things(("a", number)))
    commit = Commit(log, [Proposal(day, writer, stored_state(log, day), 10**15)], "r")
    commit.prepare()
    draft.discard()
    return commit


def test_leftovers_of_killed_runs_are_removed(disk: LocalStore) -> None:
    write(disk, 1)
    leave(disk, Lake(disk))
    assert len(leftovers(disk)) == 4
    report = house(disk)
    assert (report.files_removed, report.drafts_removed) == (1, 1)
    assert leftovers(disk) == []
    assert numbers(disk) == [1]


def test_what_may_be_of_a_writer_at_work_stays(disk: LocalStore) -> None:
    write(disk, 1)
    at_work = leave(disk, Lake(disk))
    before = leftovers(disk)
    report = house(disk, keep=timedelta(hours=1))
    assert (report.files_removed, report.drafts_removed, leftovers(disk)) == (0, 0, before)
    at_work.commit()
    assert numbers(disk) == [99]
    assert missing(disk) == []


def test_a_file_is_as_old_as_its_publication_however_long_it_was_a_draft(disk: LocalStore) -> None:
    draft = disk.draft()
    draft.file.write(b"rows")
    draft.file.flush()
    (path,) = (disk.folder / DRAFTS).iterdir()
    os.utime(path, (1, 1))
    draft.publish(f"{PLACE}/date=2026-01-30/a-1.parquet")
    draft.discard()
    write(disk, 1)
    assert house(disk, keep=DAY).files_removed == 0


def test_uploads_in_parts_that_broke_off_are_forgotten(s3_store: S3Store) -> None:
    client = s3_store._client
    for key in ("some/prefix/tables/a", "elsewhere/b"):
        client.create_multipart_upload(Bucket=s3_store.bucket, Key=key)
    assert house(s3_store, keep=DAY).drafts_removed == 0
    assert house(s3_store).drafts_removed == 1
    left = client.list_multipart_uploads(Bucket=s3_store.bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["elsewhere/b"]


def test_what_was_published_for_a_table_that_was_never_made_is_removed(store: Store) -> None:
    store.put(f"tables/never/date={DAYS[0]}/{new_path(None, 'a' * 32)}", b"killed")
    assert house(store, keep=DAY).files_removed == 0
    assert house(store).removed == {"tables/never": 1}
    assert store.keys("") == []


# -- the log -----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_commits_that_no_version_needs_are_removed_and_the_table_is_what_it_was(store: Store) -> None:
    for number in range(13):
        write(store, number, newness=number + 1)
    before = Lake(store).log(PLACE)
    assert house(store).commits_removed >= 13
    assert commits(store) == [13]
    after = Lake(store).log(PLACE)
    assert (after.version, after.files(DAYS[0]), after.newness(DAYS[0])) == (13, before.files(DAYS[0]), 13)
    assert after.schema() == before.schema()
    write(store, 99)
    assert numbers(store) == [99]
    assert Lake(store).log(PLACE).version == 14


def test_a_table_that_nobody_has_committed_to_gets_no_other_checkpoint(disk: LocalStore) -> None:
    write(disk, 1)
    house(disk)
    before = sorted((disk.folder / PLACE / LOG).iterdir())
    assert house(disk) == HousekeepingResult()
    assert sorted((disk.folder / PLACE / LOG).iterdir()) == before


def test_who_has_read_the_log_before_it_was_cleaned_goes_on(disk: LocalStore) -> None:
    write(disk, 0)
    reader, writer = Lake(disk), Lake(disk)
    for each in (reader, writer):
        assert each.read(PLACE, DAYS[0])["n"].to_pylist() == [0]
    for number in range(1, 15):
        write(disk, number, DAYS[1])
    house(disk)
    assert reader.refreshed().read(PLACE, DAYS[1])["n"].to_pylist() == [14]
    writer.write(PLACE, SPEC, things(("a", 50)), DAYS[0], {})
    assert numbers(disk) == [50, 14]


@pytest.mark.parametrize("place", [PLACE, LEDGER])
def test_a_log_that_a_power_cut_has_cut_off_is_named_with_what_to_do_and_all_other_tables_are_kept(
    disk: LocalStore, place: str
) -> None:
    for number in range(3):
        write(disk, number)
        Lake(disk).write("tables/others", SPEC, things(("a", number)), DAYS[0], {})
    catch_up(Lake(disk), [PLACE], [], {})
    newest = disk.folder / place / LOG / f"{Lake(disk).log(place).version:020d}.json"
    newest.write_bytes(newest.read_bytes()[:-50])
    report = house(disk)
    assert list(report.problems) == [place]
    assert "If its newest file is truncated, as after a power cut, delete that file" in report.problems[place]
    assert report.removed["tables/others"] == 2
    assert commits(disk)[-3:] == [1, 2, 3]
    newest.unlink()
    assert house(disk).problems == {}
    assert numbers(disk) == [1 if place == PLACE else 2]


def test_of_a_log_with_a_damaged_checkpoint_the_advice_brings_everything_back(disk: LocalStore) -> None:
    for number in range(12):
        write(disk, number)
    log = disk.folder / PLACE / LOG
    (checkpoint,) = log.glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    advice = "If its newest checkpoint is damaged, delete the checkpoint and _last_checkpoint"
    assert advice in house(disk).problems[PLACE]
    checkpoint.unlink()
    (log / "_last_checkpoint").unlink()
    assert house(disk).problems == {}
    assert numbers(disk) == [11]


def test_the_ledger_is_caught_up_before_commits_are_removed(disk: LocalStore) -> None:
    for number in range(5):
        write(disk, number)
    house(disk)
    assert commits(disk) == [5]
    rows = Lake(disk).read(LEDGER, DAYS[0], schema=RESTATEMENTS.schema)
    assert rows["version"].to_pylist() == [2, 3, 4, 5]
    for number in range(5, 8):
        write(disk, number)
    house(disk)
    catch_up(Lake(disk), [PLACE], [], {})
    assert Lake(disk).read(LEDGER, DAYS[0])["version"].to_pylist() == [2, 3, 4, 5, 6, 7, 8]


def test_commits_that_the_ledger_has_not_got_stay(disk: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write(disk, number)
    catch_up(Lake(disk), [PLACE], [], {})
    for number in range(3, 6):
        write(disk, number)

    def contended(*_: object) -> None:
        raise TableContended("others write it")

    with monkeypatch.context() as patched:
        patched.setattr(housekeeping, "catch_up", contended)
        report = house(disk)
    assert report.problems == {LEDGER: "others write it"}
    assert commits(disk) == [4, 5, 6]
    catch_up(Lake(disk), [PLACE], [], {})
    assert Lake(disk).read(LEDGER, DAYS[0])["version"].to_pylist() == [2, 3, 4, 5, 6]


# -- beside others -----------------------------------------------------------------------------------------------------


def race_with_housekeeping(store: Store, shared: bool, seed: int) -> None:
    """Writers and a reader of a table, appenders of snapshots, and meanwhile two threads that keep house."""
    chance = random.Random(seed)
    race = Race(_lakes(store, shared), PLACE)
    actors: list[Callable[[], Any]] = [race.reader(DAYS[:2], 3)]
    for actor in range(2):
        made = [
            Write(f"{actor}-{number}", {chance.choice(DAYS[:2]): {"a": number}}, chance.randint(1, 9), is_read=False)
            for number in range(2)
        ]
        actors.append(race.table_writer(made, wider=chance.random() < 0.3))

    added: dict[int, int] = {0: 0, 10: 0}

    def append(first: int) -> None:
        for number in range(3):
            spec = WIDER if number == first // 10 else SPEC
            rows = [{"id": f"{first + number}", "n": 0, "later": None}]
            race.lakes().append(LIVE, spec, pa.Table.from_pylist(rows, spec.schema), NOON, {})
            added[first] += 1

    def watch() -> None:
        """Checks that every snapshot added by then is seen exactly once."""
        for _ in range(4):
            least = dict(added)
            seen = [int(row["id"]) for row in rows(race.lakes().store)] if race.lakes().has(LIVE, DAYS[1]) else []
            for first in added:
                of_one = sorted(id_ for id_ in seen if id_ // 10 == first // 10)
                assert of_one == list(range(first, first + len(of_one)))
                assert len(of_one) >= least[first]

    def keep() -> None:
        for _ in range(3):
            report = clean_up(race.lakes(), [PLACE], keep=timedelta(minutes=5), now=datetime.now(UTC))
            assert report.problems == {}

    Turns(seed).run([*actors, lambda: append(0), lambda: append(10), watch, keep, keep])
    race.check(store)
    check_ledger(store)
    assert missing(store) == []
    assert sorted(row["id"] for row in rows(store)) == ["0", "1", "10", "11", "12", "2"]
    house(store)
    assert (leftovers(store), missing(store)) == ([], [])
    assert sorted(row["id"] for row in rows(store)) == ["0", "1", "10", "11", "12", "2"]


@pytest.mark.parametrize("seed", seeds(6))
def test_housekeeping_beside_writers_loses_nothing(hooked: str, tmp_path: Path, seed: int) -> None:
    race_with_housekeeping(LocalStore(tmp_path), hooked == "threads", seed)


def test_a_fetch_that_takes_longer_than_what_is_kept_ends_in_an_error_and_loses_nothing(disk: LocalStore) -> None:
    write_pages(Lake(disk), HOURS[0], [b"stored"])

    def fetch() -> None:
        with Lake(disk).page_writers(PAGES, HOURS[:1], {}) as writers:
            writers[HOURS[0]].write(page(b"new", as_of=NOON + DAY))
            house(disk)

    with pytest.raises(FileNotFoundError):
        fetch()
    assert bodies(Lake(disk), HOURS[0]) == [b"stored"]

"""Forgetting is safe beside everything else: runs that commit meanwhile, other processes that forget, kills at any
step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.forgetting import lakewide, rewriting
from genesys_assets.forgetting.lakewide import ForgottenMeanwhile
from genesys_assets.forgetting.old_files import IN_FLIGHT
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake import commit, opening
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LakeUnreachable, LocalStore, Store
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import ForgottenIds, Kind, remember
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import PARTICIPANTS
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS
from genesys_assets.tables.spec import Column, TableSpec
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.forgetting.traces import files_with
from genesys_assets_tests.tables.builders import conversation, page, participant, session

DAY, HOURS = "2026-01-31", [f"2026-01-31-{hour:02d}:00" for hour in (12, 13)]
PAGES, TABLE, LIVE = "pages/hourly_details", "tables/participants", "live/conversations"
REPORT = "reports/callers"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
FIRST, SECOND = "aaaaaaaa-1111-4222-8333-00000000a001", "bbbbbbbb-1111-4222-8333-00000000a002"
LATER = timedelta(hours=2)
CALLERS = TableSpec("callers", "", (), (Column("ani", pa.string(), ""),))


def people(id_: str) -> tuple[dict[str, Any], ...]:
    name = f"Name of {id_[:8]}"
    return (participant(f"p{id_[:8]}", "customer", session(f"s{id_[:8]}"), participantName=name),)


BODY = page(*(conversation(id_, *people(id_)) for id_ in (FIRST, SECOND)))
ROWS = explode(decode(BODY).conversations)[PARTICIPANTS.name]


def answer(body: bytes = BODY, at: datetime = NOON) -> Page:
    return Page(1, request_text("POST", "/details"), at, None, body)


def write_pages(lake: Lake, at: datetime = NOON, meanwhile: Callable[[], object] = lambda: None) -> None:
    with lake.page_writers(PAGES, HOURS, {"run_id": "r"}) as writers:
        for hour in HOURS:
            writers[hour].reach = Reach(NOON)
            writers[hour].write(answer(at=at))
        meanwhile()


def write_table(lake: Lake, newness: int = 1, meanwhile: Callable[[], object] = lambda: None) -> None:
    with lake.table_writers({TABLE: PARTICIPANTS}, DAY, {"run_id": "r"}) as writing:
        writing[TABLE].write(ROWS)
        writing.newness = newness
        meanwhile()


def append(lake: Lake) -> None:
    row = dict.fromkeys(LIVE_CONVERSATIONS.schema.names, "x") | {"observed_at": NOON, "activity_date": NOON}
    rows = [row | {"conversation_id": id_} for id_ in (FIRST, SECOND)]
    lake.append(LIVE, LIVE_CONVERSATIONS, pa.Table.from_pylist(rows, LIVE_CONVERSATIONS.schema), NOON, {})


def filled(lake: Lake) -> None:
    write_pages(lake)
    write_table(lake)
    append(lake)
    append(lake)


def forget(lake: Lake, *ids: str, now: datetime | None = None) -> ForgettingResult:
    return lakewide.forget(lake, {Kind.CONVERSATION: ids}, now or datetime.now(UTC) + LATER)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(LocalStore(tmp_path / "lake"))
    filled(lake)
    return lake


def files_with_ids(lake: Lake, *ids: str) -> dict[str, list[str]]:
    return files_with(Path(lake.store.path("")), [*ids, *(f"Name of {id_[:8]}" for id_ in ids)])


def test_a_forgotten_person_disappears_and_all_others_stay(lake: Lake) -> None:
    reach, rows = lake.reach(PAGES, HOURS[0]), lake.rows(LIVE, DAY)
    report = forget(lake, FIRST)
    assert report.problems == {}
    assert report.partitions == {PAGES: 2, TABLE: 1, LIVE: 1}
    assert report.rows_removed == {PAGES: 0, TABLE: 1, LIVE: 2}
    assert files_with_ids(lake, FIRST) == {}
    after = lake.refreshed()
    assert {row["conversation_id"] for row in after.read(TABLE, DAY).to_pylist()} == {SECOND}
    assert (after.reach(PAGES, HOURS[0]), after.rows(LIVE, DAY)) == (reach, rows - 2)


# -- runs that commit meanwhile ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_pages, write_table])
def test_a_run_that_began_before_and_commits_after_brings_nobody_back(lake: Lake, write: Callable[..., None]) -> None:
    newest = datetime.now(UTC) if write is write_pages else 10**15
    write(lake.refreshed(), newest, meanwhile=lambda: forget(lake, FIRST, now=datetime.now(UTC)))
    assert forget(lake, now=datetime.now(UTC) + LATER).problems == {}
    assert files_with_ids(lake, FIRST) == {}
    assert files_with_ids(lake, SECOND)


@pytest.mark.parametrize("write", [write_pages, write_table])
def test_what_a_run_commits_after_it_was_written_is_cleaned_by_that_run(lake: Lake, write: Callable[..., None]) -> None:
    """The current version no longer names the person before any other process looks."""
    newest = datetime.now(UTC) if write is write_pages else 10**15
    write(lake.refreshed(), newest, meanwhile=lambda: forget(lake, FIRST, now=datetime.now(UTC)))
    after = lake.refreshed()
    assert FIRST not in {row["conversation_id"] for row in after.read(TABLE, DAY).to_pylist()}
    stored = after.pages(PAGES, HOURS[0])
    assert stored is not None
    assert not [each for each in stored if FIRST.encode() in each.body]


def write_report(lake: Lake, meanwhile: Callable[[], object]) -> None:
    with lake.table_writers({REPORT: CALLERS}, DAY, {"run_id": "r"}) as writing:
        writing[REPORT].write(pa.table({"ani": [f"Name of {FIRST[:8]}"]}))
        meanwhile()


def test_a_report_that_was_made_meanwhile_is_not_stored_because_it_has_only_names(lake: Lake) -> None:
    with pytest.raises(ForgottenMeanwhile, match=f"{REPORT} of {DAY} was not stored"):
        write_report(lake.refreshed(), lambda: forget(lake, FIRST, now=datetime.now(UTC)))
    assert DAY not in lake.refreshed().log(REPORT).partitions()
    forget(lake)
    assert files_with_ids(lake, FIRST) == {}


def failing(
    monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object], *, at: str = "", is_made: bool = False
) -> None:
    """Let the commits of a table fail, of every table if none is named, after something else happened. `is_made`: a
    commit that fails was made all the same, as if its answer was lost."""
    done: list[int] = []

    def broken(real: Callable[..., Any], place: Callable[..., str]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            if done:
                return real(*given, **more)
            fails = place(given[0]).startswith(at)
            if fails:
                done.append(1)
                meanwhile()
            result = real(*given, **more) if is_made or not fails else None
            if fails:
                raise LakeUnreachable("S3 is away")
            return result

        return call

    monkeypatch.setattr(commit.Commit, "commit", broken(commit.Commit.commit, lambda own: str(own._log.place)))
    monkeypatch.setattr(commit, "append", broken(commit.append, lambda log: str(log.place)))


@pytest.mark.parametrize("write", [write_pages, write_table, append])
def test_a_run_that_does_not_learn_that_its_commit_was_made_brings_nobody_back(
    lake: Lake, write: Callable[[Lake], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in (*HOURS, DAY):
        lake.remove(PAGES if key in HOURS else TABLE, [key])
    failing(monkeypatch, lambda: forget(lake.refreshed(), FIRST, now=datetime.now(UTC)), is_made=True)
    with pytest.raises(LakeUnreachable, match="S3 is away"):
        write(lake.refreshed())
    assert FIRST not in str(stored_now(lake))
    assert SECOND in str(stored_now(lake))


def stored_now(lake: Lake) -> list[object]:
    """What the pages, the table and the snapshots hold."""
    now = lake.refreshed()
    pages = [each.body for hour in HOURS for each in now.pages(PAGES, hour) or ()]
    return [*pages, *(now.read(TABLE, DAY, schema=PARTICIPANTS.schema).to_pylist()), *now.read(LIVE, DAY).to_pylist()]


def write_two(lake: Lake, first: str, second: str) -> None:
    with lake.table_writers({first: CALLERS, second: CALLERS}, DAY, {"run_id": "r"}, builds_on_stored=True) as writing:
        for place in (first, second):
            writing[place].write(pa.table({"ani": [f"Name of {FIRST[:8]}"]}))


def test_a_run_that_fails_after_it_has_stored_a_report_does_not_keep_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda: remember(lake.store, Kind.CONVERSATION, [FIRST], KEEP), at="reports/z")
    with pytest.raises(LakeUnreachable) as failed:
        write_two(lake.refreshed(), REPORT, "reports/z")
    assert not lake.refreshed().has(REPORT, DAY)
    assert f"{REPORT} of {DAY} was not stored" in failed.value.__notes__[0]


def test_a_report_that_a_failing_run_has_not_replaced_stays(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write("reports/z", CALLERS, pa.table({"ani": ["older"]}), DAY, {})
    failing(monkeypatch, lambda: remember(lake.store, Kind.CONVERSATION, [FIRST], KEEP), at="reports/z")
    with pytest.raises(LakeUnreachable):
        write_two(lake.refreshed(), REPORT, "reports/z")
    assert lake.refreshed().read("reports/z", DAY).to_pylist() == [{"ani": "older"}]


def test_an_older_reading_that_is_committed_later_does_not_replace_what_was_rewritten(lake: Lake) -> None:
    write_table(lake.refreshed(), meanwhile=lambda: forget(lake, FIRST, now=datetime.now(UTC)))
    assert {row["conversation_id"] for row in lake.refreshed().read(TABLE, DAY).to_pylist()} == {SECOND}


def test_snapshots_of_a_day_that_are_added_meanwhile_stay(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    prepare = commit.Commit.prepare

    def beside(self: commit.Commit) -> None:
        prepare(self)
        if not done:
            done.append(1)
            append(lake.refreshed())

    monkeypatch.setattr(commit.Commit, "prepare", beside)
    assert forget(lake, FIRST).problems == {}
    assert lake.refreshed().rows(LIVE, DAY) == 3
    assert files_with_ids(lake, FIRST) == {}


def test_two_processes_that_forget_at_once_forget_both(lake: Lake) -> None:
    # An hour later, each would take the drafts of the other for leftovers.
    now = {"now": datetime.now(UTC)}
    threads = [threading.Thread(target=forget, args=(lake.refreshed(), id_), kwargs=now) for id_ in (FIRST, SECOND)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ForgottenIds.load(lake.store).by_digest) == 2
    assert forget(lake).problems == {}
    assert files_with_ids(lake, FIRST, SECOND) == {}


def test_a_file_that_may_be_about_to_be_committed_is_left_alone_and_reported(lake: Lake) -> None:
    (stored,) = lake.log(TABLE).files(DAY)
    folder = Path(lake.store.path(TABLE))
    young = f"date={DAY}/{'1' * 32}-{'1' * 12}.parquet"
    (folder / young).write_bytes((folder / stored.path).read_bytes())
    report = forget(lake, FIRST, now=datetime.now(UTC))
    assert list(report.problems) == [f"{TABLE}/{young}"]
    assert "Run this again after" in report.problems[f"{TABLE}/{young}"]
    assert list(files_with_ids(lake, FIRST)) == [f"{TABLE}/{young}"]
    assert forget(lake, now=datetime.now(UTC) + IN_FLIGHT + timedelta(minutes=1)).problems == {}
    assert files_with_ids(lake, FIRST) == {}


def test_a_table_of_others_that_cannot_be_rewritten_is_reported_and_keeps_no_other_from_being_rewritten(
    lake: Lake,
) -> None:
    folder = Path(lake.store.path("downstream/tags"))
    tags = pa.array([[("of", FIRST)]], pa.map_(pa.string(), pa.string()))
    write_deltalake(folder, pa.table({"tags": tags}))
    report = forget(lake.refreshed(), FIRST)
    assert list(report.problems) == ["downstream/tags"]
    assert {path.split("/")[0] for path in files_with_ids(lake, FIRST)} == {"downstream"}


def test_a_damaged_partition_is_reported_and_keeps_no_other_from_being_rewritten(lake: Lake) -> None:
    (stored,) = lake.log(TABLE).files(DAY)
    (Path(lake.store.path(TABLE)) / stored.path).write_bytes(b"PAR1 no more")
    report = forget(lake, FIRST)
    assert list(report.problems) == [f"{TABLE} {DAY}"]
    assert files_with_ids(lake, FIRST) == {}


# -- kills -------------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a kill: no code handles it."""


STEPS = ("put", "delete", "commit")


@pytest.fixture(params=STEPS)
def step(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def kill_at(step: str, number: int, patch: pytest.MonkeyPatch) -> None:
    """Let the process die at the step of that number."""
    counted = iter(range(number))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            if next(counted, None) is None:
                raise Killed
            return real(*given, **more)

        return call

    holder: Any = rewriting if step == "commit" else LocalStore
    name = "_commit" if step == "commit" else step
    patch.setattr(holder, name, dying(getattr(holder, name)))


@pytest.mark.parametrize("number", range(3))
def test_a_killed_process_completes_when_run_again(
    lake: Lake, step: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        kill_at(step, number, patch)
        try:
            forget(lake, FIRST)
        except Killed:
            assert files_with_ids(lake, FIRST)
    assert forget(lake.refreshed(), FIRST).problems == {}
    assert files_with_ids(lake, FIRST) == {}
    assert {row["conversation_id"] for row in lake.refreshed().read(TABLE, DAY).to_pylist()} == {SECOND}


@pytest.mark.long
def test_a_process_that_is_killed_for_real_completes_when_run_again(lake: Lake, tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from genesys_assets.forgetting import rewriting\n"
        "real, done = rewriting._commit, []\n"
        "def dying(*given):\n"
        "    real(*given)\n"
        "    done.append(1)\n"
        "    if len(done) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "rewriting._commit = dying\n"
        "from genesys_assets.cli.app import main\n"
        "main()\n"
    )
    settings = {"GENESYS_ASSETS_LAKE": lake.store.path("")[:-1], "DAGSTER_HOME": str(tmp_path)}
    command = ["forget", "--conversation", FIRST]
    with environment(settings):
        killed = subprocess.run([sys.executable, "-c", code, *command], check=False, env=dict(os.environ))
        assert killed.returncode == -signal.SIGKILL
        assert files_with_ids(lake, FIRST)
        cli = [sys.executable, "-m", "genesys_assets.cli", *command]
        again = subprocess.run(cli, check=False, env=dict(os.environ), capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (0, "")
    assert files_with_ids(lake, FIRST) == {}


# -- S3 ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_s3(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    object_store.create_bucket("forgetting")
    with environment({**os.environ, **object_store.environment()}):
        monkeypatch.setattr(opening, "s3_client", opening.s3_client)
        lake = open_lake("s3://forgetting/lake")
        filled(lake)
        yield lake


def bytes_of(store: Store) -> bytes:
    return b"\n".join(store.get(file.key) or b"" for file in store.listed(""))


@pytest.mark.long
def test_on_s3_nobody_is_left_either(on_s3: Lake, tmp_path: Path) -> None:
    assert forget(on_s3, FIRST).problems == {}
    for number, file in enumerate(on_s3.store.listed("")):
        (tmp_path / f"{number}-{file.key.replace('/', '_')}").write_bytes(on_s3.store.get(file.key) or b"")
    assert files_with(tmp_path, [FIRST, f"Name of {FIRST[:8]}"]) == {}
    assert files_with(tmp_path, [SECOND])
    assert FIRST.encode() not in bytes_of(on_s3.store)


# -- a lake in which ids are hashed ------------------------------------------------------------------------------------


def test_a_user_whose_id_was_hashed_is_forgotten_by_the_id(tmp_path: Path) -> None:
    hashed = Protection({PersonalData.PERSON: "hash"}, b"k" * 32)
    lake = Lake(LocalStore(tmp_path / "lake"), protection=hashed)
    user, digest = "dddddddd-1111-4222-8333-00000000a003", hashed.hashed("dddddddd-1111-4222-8333-00000000a003")
    body = page(conversation(FIRST, participant("p", "agent", session("s"), userId=user)))
    with lake.page_writers(PAGES, HOURS[:1], {}) as writers:
        writers[HOURS[0]].write(answer(body))
    assert files_with(tmp_path, [user]) == {}
    assert files_with(tmp_path, [digest])
    lakewide.forget(lake, {Kind.USER: [user]}, datetime.now(UTC) + LATER)
    assert files_with(tmp_path, [user, digest]) == {}
    with lake.refreshed().page_writers(PAGES, HOURS[1:], {}) as writers:
        writers[HOURS[1]].write(answer(body))
    assert files_with(tmp_path, [user, digest]) == {}

"""Imports that run at once, and give a conversation two start days: it is stored once, and the other import says so."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.importing import into_lake, partitions, take_back
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import SavedFile
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.result import ImportResult
from genesys_assets.importing.start_days import Overtaken, leave_out_moved
from genesys_assets.importing.summary import totals
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.importing.saved import as_bytes
from genesys_assets_tests.importing.test_start_days import lake, of_day, saved, stored
from genesys_assets_tests.patience import PATIENCE_SECONDS

__all__ = ["lake"]

EARLY, LATE = "2026-01-28", "2026-03-20"


def from_another_process(lake: Lake) -> Lake:
    return Lake(LocalStore(Path(lake.store.path(""))))


def run(lake: Lake, *files: SavedFile) -> ImportResult:
    return import_files(from_another_process(lake), files, ImportOptions())


def before_write(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], Any]) -> None:
    """Call `act` once, before pages are written for the `number`-th time."""
    write, calls = partitions.write_pages, iter(range(1, 1_000))

    def written(*arguments: Any) -> bool:
        if next(calls) == number:
            act()
        return write(*arguments)

    monkeypatch.setattr(into_lake, "write_pages", written)


def left_out(result: ImportResult) -> int:
    return sum(outcome.moved for outcome in result.outcomes)


def ids(lake: Lake) -> list[str]:
    return sorted(id_ for of_day in stored(lake).values() for id_ in of_day)


@pytest.mark.parametrize(("own", "other"), [(EARLY, LATE), (LATE, EARLY)])
def test_the_file_that_is_committed_first_keeps_the_conversation(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, own: str, other: str
) -> None:
    mine, theirs = saved("mine.json", of_day("A", own), of_day("B", own)), saved("theirs.json", of_day("A", other))
    others: list[ImportResult] = []
    before_write(monkeypatch, 1, lambda: others.append(run(lake, theirs)))
    result = run(lake, mine)
    assert stored(lake) == {own: ["B"], other: ["A"]}
    assert (left_out(result), left_out(others[0])) == (1, 0)
    (outcome,) = result.outcomes
    assert (outcome.state, outcome.conversations) == ("imported", 1)
    assert list(outcome.left_out) == [
        f"conversation left out: it began on {own} here, and on {other} in saved/theirs.json, which came first. Take "
        "back the file that is wrong, and import the other again"
    ]
    assert totals(result) == "Imported: 1 conversation and 0 buckets."
    again = run(lake, mine, theirs)
    assert (stored(lake), left_out(again)) == ({own: ["B"], other: ["A"]}, 1)


def test_a_file_of_which_nothing_is_left_is_skipped_and_has_no_record(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_write(monkeypatch, 1, lambda: run(lake, saved("theirs.json", of_day("A", LATE))))
    (outcome,) = run(lake, saved("mine.json", of_day("A", EARLY))).outcomes
    assert (outcome.state, stored(lake)) == ("skipped", {LATE: ["A"]})
    assert len([key for key in lake.store.keys("imports") if key.endswith(".json")]) == 1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_conversation_stands_once_wherever_the_other_import_comes_in_between(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Two files have each other's days for all conversations; the other import comes before the n-th day is written."""
    days = [f"2026-01-{day}" for day in (20, 24, 28)]
    mine = saved("mine.json", *(of_day(id_, day) for id_, day in zip("ABC", days, strict=True)))
    theirs = saved("theirs.json", *(of_day(id_, day) for id_, day in zip("CAB", days, strict=True)))
    others: list[ImportResult] = []
    before_write(monkeypatch, number, lambda: others.append(run(lake, theirs)))
    result = run(lake, mine)
    assert ids(lake) == ["A", "B", "C"]
    assert left_out(result) + left_out(others[0]) == 3
    run(lake, mine)
    run(lake, theirs)
    assert ids(lake) == ["A", "B", "C"]


def test_a_conversation_that_others_added_to_a_day_that_is_written_is_seen(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(lake, saved("before.json", of_day("Z", EARLY)))
    mine = saved("mine.json", of_day("B", EARLY), of_day("A", LATE))
    before_write(monkeypatch, 1, lambda: run(lake, saved("theirs.json", of_day("A", EARLY))))
    assert left_out(run(lake, mine)) == 1
    assert stored(lake) == {EARLY: ["Z", "A", "B"]}


def test_an_import_that_is_killed_before_it_looks_again_mends_it_when_it_is_run_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = saved("mine.json", of_day("A", EARLY))

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:

        def overtake() -> None:
            run(lake, saved("theirs.json", of_day("A", LATE)))
            patched.setattr(Overtaken, "leave_out", killed)

        before_write(patched, 1, overtake)
        with pytest.raises(KeyboardInterrupt):
            run(lake, mine)
    assert ids(lake) == ["A", "A"]
    run(lake, mine)
    assert ids(lake) == ["A"]


@pytest.mark.parametrize("attempt", range(5))
def test_of_imports_that_look_before_either_writes_exactly_one_keeps_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    both = threading.Barrier(2)

    def looked(*arguments: Any) -> Any:
        found = leave_out_moved(*arguments)
        both.wait(PATIENCE_SECONDS)
        return found

    monkeypatch.setattr(into_lake, "leave_out_moved", looked)
    days = (EARLY, LATE) if attempt % 2 else (LATE, EARLY)
    files = [saved(f"{day}.json", of_day("A", day), of_day(day, day)) for day in days]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda file: run(lake, file), files))
    assert ids(lake) == sorted(["A", EARLY, LATE])
    assert sorted(map(left_out, results)) == [0, 1]


def test_two_threads_with_one_lake_that_both_look_after_both_have_written_store_it_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, both, waiting = Overtaken.leave_out, threading.Barrier(2), [None, None]
    compared = threading.Barrier(2)

    def compare(*arguments: Any) -> Any:
        found = leave_out_moved(*arguments)
        compared.wait(PATIENCE_SECONDS)
        return found

    def look(*arguments: Any, **named: Any) -> Any:
        with contextlib.suppress(IndexError):
            waiting.pop()
            both.wait(PATIENCE_SECONDS)
        return looked(*arguments, **named)

    monkeypatch.setattr(into_lake, "leave_out_moved", compare)
    monkeypatch.setattr(Overtaken, "leave_out", look)
    files = [saved(f"{day}.json", of_day("A", day), of_day(day, day)) for day in (EARLY, LATE)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda file: import_files(lake, [file], ImportOptions()), files))
    assert ids(lake) == sorted(["A", EARLY, LATE])
    assert sorted(map(left_out, results)) == [0, 1]


def test_what_another_thread_with_the_same_lake_commits_in_between_is_not_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = saved("theirs.json", of_day("B", EARLY))
    before_write(monkeypatch, 1, lambda: import_files(lake, [theirs], ImportOptions()))
    import_files(lake, [saved("mine.json", of_day("A", EARLY))], ImportOptions())
    assert ids(lake) == ["A", "B"]


def test_what_another_thread_commits_while_a_file_is_taken_back_is_not_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_files(
        lake, [saved("mine.json", of_day("A", EARLY)), saved("kept.json", of_day("C", EARLY))], ImportOptions()
    )

    def written(*arguments: Any) -> bool:
        monkeypatch.setattr(take_back, "write_pages", partitions.write_pages)
        import_files(lake, [saved("theirs.json", of_day("B", EARLY))], ImportOptions())
        return partitions.write_pages(*arguments)

    monkeypatch.setattr(take_back, "write_pages", written)
    take_back.take_back(lake, take_back.imported_files(lake, ["saved/mine.json"]))
    assert ids(lake) == ["B", "C"]


@pytest.mark.long
def test_on_s3_a_conversation_is_stored_once_whether_imports_follow_one_another_or_run_at_once(
    bucket: str, s3_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_on_s3(*files: SavedFile) -> ImportResult:
        return import_files(Lake(S3Store(bucket, "lake", lambda: s3_client)), files, ImportOptions())

    run_on_s3(saved("a.json", of_day("A", EARLY)))
    assert left_out(run_on_s3(saved("b.json", of_day("A", LATE), of_day("B", LATE)))) == 1
    before_write(monkeypatch, 1, lambda: run_on_s3(saved("d.json", of_day("C", LATE))))
    assert left_out(run_on_s3(saved("c.json", of_day("C", EARLY), of_day("D", EARLY)))) == 1
    assert stored(Lake(S3Store(bucket, "lake", lambda: s3_client))) == {EARLY: ["A", "D"], LATE: ["B", "C"]}


_IMPORT = """
import sys
from pathlib import Path
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import find
from genesys_assets.importing.into_lake import import_files
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
lake, file = sys.argv[1:]
files = find([file], lambda: None)
print("ready", flush=True)
sys.stdin.readline()
imported = import_files(Lake(LocalStore(Path(lake))), files, ImportOptions())
print(sum(outcome.moved for outcome in imported.outcomes))
"""


@pytest.mark.long
def test_two_processes_at_once_store_it_once(lake: Lake, tmp_path: Path) -> None:
    shared = [f"{number}" for number in range(50)]
    for day in (EARLY, LATE):
        (tmp_path / f"{day}.json").write_bytes(as_bytes([of_day(id_, day) for id_ in [*shared, day]]))
    arguments = [
        [sys.executable, "-c", _IMPORT, lake.store.path(""), f"{tmp_path}/{day}.json"] for day in (EARLY, LATE)
    ]
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(each, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for each in arguments
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sum(map(int, said)) == 50
    assert ids(lake) == sorted([*shared, EARLY, LATE])

"""The folder of a process disappears with the process, however it ends."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from genesys_assets import process_folder
from genesys_assets.process_folder import new_folder, scratch_folder
from genesys_assets_tests.processes import ended

_PROCESS = """
import sys
from genesys_assets.process_folder import new_folder
class Owner: ...
owner = Owner()
folder = new_folder(owner, "log")
(folder / "file").write_bytes(b"rows")
print(folder, flush=True)
sys.stdin.read()
"""


@contextmanager
def process(temporary: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a folder, until its input ends."""
    command, pipe = [sys.executable, "-c", _PROCESS], subprocess.PIPE
    environment = {"TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as started:
        assert started.stdout is not None
        yield started, Path(started.stdout.readline().strip())


def test_a_process_that_ends_leaves_nothing(tmp_path: Path) -> None:
    with process(tmp_path) as (_, folder):
        assert (folder / "file").exists()
    assert list(tmp_path.iterdir()) == []


def make_a_folder(told: Connection) -> None:
    """The main function of a process."""
    told.send(new_folder(make_a_folder, "log"))


def test_a_process_that_python_ends_without_its_usual_ceremony_leaves_nothing() -> None:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=make_a_folder, args=(theirs,))
    process.start()
    folder = ours.recv()
    assert ended(process) == 0
    assert not folder.parent.exists()


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    with process(tmp_path) as (killed, folder):
        killed.kill()
        killed.wait()
        assert (folder / "file").exists()
    with process(tmp_path):
        assert not folder.exists()


def test_the_folder_of_a_living_process_stays(tmp_path: Path) -> None:
    with process(tmp_path) as (_, folder), process(tmp_path) as (_, other):
        assert folder != other
        assert (folder / "file").exists()


def test_a_folder_is_gone_with_its_owner() -> None:
    class Owner: ...

    owner = Owner()
    folder, other = new_folder(owner, "log"), new_folder(Owner, "log")
    del owner
    assert (folder.exists(), other.exists()) == (False, True)


def test_a_folder_is_gone_with_its_block() -> None:
    with scratch_folder("files") as folder:
        (folder / "file").write_bytes(b"rows")
    assert not folder.exists()


def test_a_folder_that_another_process_removes_at_once_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = tempfile.mkdtemp
    removed: list[str] = []

    def raced(*args: Any, **options: Any) -> str:
        folder: str = made(*args, **options)
        if not removed:
            removed.append(folder)
            Path(folder).rmdir()
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", raced)
    folder = process_folder._new_locked_folder()
    assert folder.exists()
    assert [str(folder)] != removed

"""A place for files: a local folder or an S3 prefix. It knows keys and bytes; `lake` knows what they mean.

A file is written as a draft, outside everything that readers see, and published under its key when it is whole. Keys
of data files are never used twice, so a reader never sees a file change. A process that is killed leaves at most a
draft (on a disk) or a file that no table names; `ops/housekeeping` removes both.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.fs as pafs

DRAFTS = ".drafts"
_LISTINGS = 20
"""How often we try to list a folder that others change meanwhile."""
_LOCK_SECONDS, _LOOK_EVERY_SECONDS = 10, 0.01
"""How long to wait for another process that replaces or deletes a small file."""


class LakeUnreachable(Exception):
    """The bucket of the lake cannot be used. The message says why and what to check."""


class Tag(NamedTuple):
    """The ETag of a file on S3, which differs for different content, and its size in bytes."""

    tag: str
    size: int


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A published file in a listing; `size` in bytes."""

    key: str
    size: int
    modified: datetime


class Draft(Protocol):
    """A file in the making."""

    file: IO[bytes]

    def publish(self, key: str) -> None:
        """Give the whole file its key, which no file has yet. It stays open for reading."""

    def renew(self) -> IO[bytes]:
        """Begin a new, empty file, which can be published under another key. Returns the old file; close it."""

    def discard(self) -> None:
        """Remove the draft. A published file stays."""


class Store(Protocol):
    """Files by key; keys are relative paths with `/`."""

    filesystem: pafs.FileSystem
    commits_between_checkpoints: int
    """How many commits lie between two checkpoints, in tables that are created from now on."""
    may_alter_files: bool
    """Whether a published file may lose or change bytes, as on a disk after a power cut."""

    def path(self, key: str) -> str:
        """The key as `filesystem` names it."""

    def uri(self, key: str) -> str:
        """The key as a person or another engine names it."""

    def draft(self) -> Draft:
        """A new file, which no reader sees until it is published."""

    def open(self, key: str, size: int | None = None) -> pa.NativeFile:
        """A published file for reading. Raises FileNotFoundError."""

    def unreachable(self, error: Exception) -> LakeUnreachable | None:
        """The error to raise if an error of Arrow means that the files cannot be reached; None if it means another
        thing.
        """
        return None

    def tail(self, key: str, count: int) -> bytes:
        """The last `count` bytes of a published file, or all if it has fewer. Raises FileNotFoundError."""

    def size(self, key: str) -> int | None:
        """How many bytes a published file has; None if it does not exist."""

    def put(self, key: str, data: bytes) -> None:
        """Write a small file, replacing an existing one atomically."""

    def get(self, key: str) -> bytes | None:
        """Read a small file; None if it does not exist."""

    def replace(self, key: str, before: bytes, after: bytes) -> bool:
        """As `put`, but only if the file still has the content `before`; returns whether it had. An S3 server without
        conditional writes compares shortly before it writes.
        """

    def delete(self, key: str) -> None:
        """Remove a file, if it exists."""

    def keys(self, prefix: str) -> list[str]:
        """All keys under a folder, sorted. Hidden files and folders, such as drafts, are left out."""
        return [file.key for file in self.listed(prefix)]

    def names(self, folder: str) -> list[str]:
        """As `keys`, relative to the folder. S3 lists up to a thousand with one request."""
        return [key.removeprefix(f"{folder}/") for key in self.keys(folder)]

    def listed(self, prefix: str) -> list[ListedFile]:
        """All files under a folder, sorted by key. Hidden ones are left out as by `keys`."""
        root = self.path("")
        files = [
            ListedFile(info.path.removeprefix(root), info.size, info.mtime.astimezone(UTC))
            for info in self._infos(prefix)
            if info.type == pafs.FileType.File
        ]
        return sorted((file for file in files if not is_hidden(file.key)), key=lambda file: file.key)

    def _infos(self, prefix: str) -> list[pafs.FileInfo]:
        """Tries again, because Arrow fails on a folder that others create or remove while it looks."""
        selector = pafs.FileSelector(self.path(prefix), allow_not_found=True, recursive=True)
        for _ in range(_LISTINGS - 1):
            with contextlib.suppress(FileNotFoundError):
                return list(self.filesystem.get_file_info(selector))
        return list(self.filesystem.get_file_info(selector))

    def remove_drafts(self, before: datetime) -> int:
        """Remove drafts of killed processes that were last written to before a moment; returns how many."""


def is_hidden(key: str) -> bool:
    return any(name.startswith(".") for name in key.split("/"))


class LocalStore(Store):
    """A folder on this machine."""

    # Not as small as on S3: for a table with two years of hours, writing a checkpoint takes as long as a hundred
    # commits.
    commits_between_checkpoints = 10
    may_alter_files = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.filesystem = pafs.LocalFileSystem()

    def path(self, key: str) -> str:
        return f"{self.folder}/{key}"

    def uri(self, key: str) -> str:
        return self.path(key)

    def draft(self) -> Draft:
        return _LocalDraft(self.folder)

    def open(self, key: str, size: int | None = None) -> pa.NativeFile:
        return pa.OSFile(self.path(key))

    def tail(self, key: str, count: int) -> bytes:
        with (self.folder / key).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - count))
            return file.read()

    def size(self, key: str) -> int | None:
        try:
            return (self.folder / key).stat().st_size
        except FileNotFoundError:
            return None

    def put(self, key: str, data: bytes) -> None:
        draft = self.draft()
        try:
            draft.file.write(data)
            flush_to_disk(draft.file)
            with self._alone(key):
                draft.publish(key)
        finally:
            draft.discard()

    def replace(self, key: str, before: bytes, after: bytes) -> bool:
        draft = self.draft()
        try:
            draft.file.write(after)
            flush_to_disk(draft.file)
            with self._alone(key) as is_alone:
                if not is_alone or self.get(key) != before:
                    return False
                draft.publish(key)
                return True
        finally:
            draft.discard()

    @contextlib.contextmanager
    def _alone(self, key: str) -> Iterator[bool]:
        """Keeps others from replacing or deleting small files in the folder of a key. Yields whether it does, or the
        file system has no locks. If another process holds the lock for long, the block runs nevertheless.
        """
        folder = (self.folder / key).parent
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:
            yield True
            return
        try:
            yield _lock(descriptor)
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def get(self, key: str) -> bytes | None:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        if (self.folder / key).exists():
            with self._alone(key):
                (self.folder / key).unlink(missing_ok=True)

    def remove_drafts(self, before: datetime) -> int:
        return sum(_forget(path, before) for path in (self.folder / DRAFTS).glob("*"))


def _lock(descriptor: int) -> bool:
    """Lock a folder until its descriptor is closed, or the process dies. Returns False if another process holds the
    lock for long.
    """
    until = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_EVERY_SECONDS)
        except OSError:
            return True  # The file system has no locks.
        else:
            return True
    return False


def _forget(draft: Path, before: datetime) -> bool:
    """Remove a draft that was last written to before a moment; returns whether it did. Its process may publish or
    discard it meanwhile.
    """
    try:
        if draft.stat().st_mtime >= before.timestamp():
            return False
        draft.unlink()
    except FileNotFoundError:
        return False
    return True


class _LocalDraft:
    """A file in the folder of drafts. Publishing renames it, which is atomic."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begin()

    def _begin(self) -> None:
        self._path = self._folder / DRAFTS / uuid.uuid4().hex
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.file: IO[bytes] = self._path.open("x+b")

    def renew(self) -> IO[bytes]:
        before = self.file
        self._path.unlink(missing_ok=True)
        self._begin()
        return before

    def publish(self, key: str) -> None:
        flush_to_disk(self.file)
        target = self._folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        # Housekeeping removes uncommitted files by their age: it counts from now.
        os.utime(self._path)
        os.replace(self._path, target)

    def discard(self) -> None:
        self.file.close()
        self._path.unlink(missing_ok=True)


def flush_to_disk(file: IO[bytes]) -> None:
    """Wait until the bytes of a file are on the disk, so that it can be given its name."""
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def drafts(store: Store) -> Iterator[Callable[[], Draft]]:
    """Gives a function that begins drafts. When the block ends, those that were not published are discarded."""
    begun: list[Draft] = []

    def begin() -> Draft:
        begun.append(store.draft())
        return begun[-1]

    try:
        yield begin
    finally:
        for draft in begun:
            draft.discard()

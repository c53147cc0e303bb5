"""The files of a table's log on S3, mirrored in a folder of this machine, where delta-rs reads and commits.

delta-rs reads each file of a log several times, and asks S3 for it each time. Files of a log never change, so one
request for each is enough. A commit is made in the folder, on top of what was mirrored. It counts once S3 has accepted
its file under the next number, which no other commit has. `delta` knows what a log means.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from genesys_assets.lake.log_files import (
    LAST_CHECKPOINT,
    LOG,
    NO_VERSION,
    SIDECARS,
    checkpoints,
    commit_name,
    commits,
    is_checkpoint_of,
    version_of,
)
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import Store, Tag
from genesys_assets.process_folder import new_folder

_ATTEMPTS = 5
_AT_ONCE = 8
_Tag = tuple[int, int, int]
_log = logging.getLogger(__name__)


class LogMoved(Exception):
    """Another commit has taken the number of ours. Ours was not made."""


class UnsteadyLog(Exception):
    """Files of a Delta log vanished again and again while they were read."""


class LogPlace(Protocol):
    """Where delta-rs finds a log. `uri` is that of the table."""

    uri: str

    def pull(self) -> bool:
        """Take what was committed since. True: the log was begun anew, and a table that was read before is obsolete."""

    def push(self) -> None:
        """Make the commit that was just written count. Raises LogMoved."""

    def push_checkpoint(self) -> None:
        """Let all readers have the checkpoint that was just written."""

    def ends_with(self, version: int) -> bool:
        """Whether the last commit, as of the last `pull`, is still that of `ended_with`."""

    def ended_with(self, version: int) -> None:
        """Note the last commit that was read or made."""

    def complete(self, versions: Sequence[int]) -> None:
        """Take commits that a checkpoint replaces, as far as they are still there."""


def log_place(store: Store, place: str) -> LogPlace:
    """A log on a disk is read where it is."""
    return LogMirror(store, place) if isinstance(store, S3Store) else LogOnDisk(store, place)


class LogOnDisk(LogPlace):
    """A log that delta-rs reads and writes itself."""

    def __init__(self, store: Store, place: str) -> None:
        self.uri = store.uri(place)
        self._last: tuple[int, _Tag | None] = NO_VERSION, None

    def pull(self) -> bool:
        return False

    def push(self) -> None:
        """Counts already."""
        _outlasts_a_power_cut(Path(self.uri) / LOG / commit_name(self._last[0] + 1))

    def push_checkpoint(self) -> None:
        """They have it already."""
        for path in (Path(self.uri) / LOG).iterdir():
            if path.name == LAST_CHECKPOINT or is_checkpoint_of(path.name, self._last[0]):
                _outlasts_a_power_cut(path)

    def ends_with(self, version: int) -> bool:
        known = self._last == (version, self._tag(version)) and self._last[1] is not None
        return known and self._tag(version + 1) is None

    def ended_with(self, version: int) -> None:
        self._last = version, self._tag(version)

    def _tag(self, version: int) -> _Tag | None:
        """What identifies a commit among others of its number; None if there is no commit."""
        try:
            found = (Path(self.uri) / LOG / commit_name(version)).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def complete(self, versions: Sequence[int]) -> None:
        """Nothing is left out."""


class LogMirror(LogPlace):
    """The newest checkpoint of a log on S3 and the commits since, in a folder that is gone with this object.

    Not safe for threads: `DeltaLog` holds its lock.
    """

    def __init__(self, store: S3Store, place: str) -> None:
        self._store = store
        self._log = f"{place}/{LOG}"
        folder = new_folder(self, "log")
        self.uri = str(folder)
        self._folder = folder / LOG
        self._version = NO_VERSION
        self._tag: str | None = None
        self._sizes: dict[str, int] = {}

    def pull(self) -> bool:
        is_obsolete = self._forget_what_s3_never_took()
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                if self._version != NO_VERSION and self._follow():
                    return is_obsolete
                self._begin()
                return True
        raise UnsteadyLog(f"Files of {self._store.uri(self._log)} vanish while they are read: run it again.")

    def _follow(self) -> bool:
        """Take the commits since. False where the last commit is another one now, or commits are missing: another table
        was made in the place of this one, or the log was shortened.
        """
        tags = self._tags_after(f"{self._version:020d}")
        later = [version for version in commits(tags) if version > self._version]
        if tags.get(commit_name(self._version)) != self._tag or not _is_complete(later, self._version + 1):
            return False
        self._take(map(commit_name, later))
        self._moved_to(later[-1] if later else self._version, tags)
        return True

    def _begin(self) -> None:
        self._remove_after(NO_VERSION)
        self._version = NO_VERSION
        few = self._store.tags_of_few(self._log)
        if few is not None:
            self._begin_from(self._noted(few), must=True)
            return
        hint = self._hint()
        if hint is None or not self._begin_from(self._tags_after(f"{hint:020d}")):
            self._begin_from(self._tags_after(""), must=True)

    def _tags_after(self, name: str) -> dict[str, str]:
        return self._noted(self._store.tags_after(self._log, name))

    def _noted(self, found: dict[str, Tag]) -> dict[str, str]:
        self._sizes |= {each: tag.size for each, tag in found.items()}
        return {each: tag.tag for each, tag in found.items()}

    def _begin_from(self, tags: Mapping[str, str], *, must: bool = False) -> bool:
        """Take the newest checkpoint and the commits since; False where some are missing, unless it `must`: then
        delta-rs has to say what is wrong.
        """
        checkpoint = max(checkpoints(tags), default=NO_VERSION)
        later = [version for version in commits(tags) if version > checkpoint]
        if not must and (checkpoint == NO_VERSION or not _is_complete(later, checkpoint + 1)):
            return False
        parts = [name for name in tags if is_checkpoint_of(name, checkpoint)]
        sidecars = [name for name in tags if name.startswith(SIDECARS) and parts]
        self._take([*parts, *sidecars, *map(commit_name, later)])
        self._moved_to(max([checkpoint, *later]), tags)
        return True

    def _hint(self) -> int | None:
        """The version of the last checkpoint, as somebody noted it: there may be newer ones."""
        said = self._store.get(f"{self._log}/{LAST_CHECKPOINT}")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return None if said is None else int(json.loads(said)["version"])
        return None

    def _moved_to(self, version: int, tags: Mapping[str, str]) -> None:
        self._version, self._tag = version, tags.get(commit_name(version))

    def _take(self, names: Iterable[str]) -> None:
        """Raises FileNotFoundError."""
        wanted = self._missing(names)
        if len(wanted) == 1:
            self._take_one(wanted[0])
        elif wanted:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log") as executor:
                list(executor.map(self._take_one, wanted))

    def _missing(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if not (self._folder / name).exists()]

    def _take_one(self, name: str) -> None:
        key, size = f"{self._log}/{name}", self._sizes.get(name)
        content = self._store.get(key) if size is None else self._store.get_sized(key, size)
        if content is None:
            raise FileNotFoundError(self._store.uri(key))
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def complete(self, versions: Sequence[int]) -> None:
        def take(name: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                self._take_one(name)

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log") as executor:
            list(executor.map(take, self._missing(map(commit_name, versions))))

    def push(self) -> None:
        name = commit_name(self._version + 1)
        path = self._folder / name
        if not path.exists():
            return
        try:
            tag = self._store.put_new(f"{self._log}/{name}", path.read_bytes())
        except BaseException as error:
            self._remove_after(self._version)
            if isinstance(error, FileExistsError):
                raise LogMoved(f"{self._store.uri(self._log)} has another {name}") from error
            raise
        self._version, self._tag = self._version + 1, tag
        try:
            self.push_checkpoint()
        except Exception as error:
            # The commit counts, and is read from its own file until there is another checkpoint.
            _log.warning("%s has no checkpoint of version %d: %s", self._store.uri(self._log), self._version, error)

    def ends_with(self, version: int) -> bool:
        return self._version == version

    def ended_with(self, version: int) -> None:
        """`pull` and `push` know."""

    def push_checkpoint(self) -> None:
        parts = [path for path in self._folder.iterdir() if is_checkpoint_of(path.name, self._version)]
        last = self._folder / LAST_CHECKPOINT
        for path in [*parts, last] if parts and last.exists() else []:
            self._store.put(f"{self._log}/{path.name}", path.read_bytes())

    def _forget_what_s3_never_took(self) -> bool:
        """Whether a commit was made here, and broken off before S3 was asked: it does not count."""
        was_made = (self._folder / commit_name(self._version + 1)).exists()
        if was_made:
            self._remove_after(self._version)
        return was_made

    def _remove_after(self, version: int) -> None:
        """Forget what does not count."""
        for path in self._folder.glob("*") if self._folder.exists() else ():
            if path.name == LAST_CHECKPOINT or version_of(path.name) > version:
                path.unlink()


def _outlasts_a_power_cut(path: Path) -> None:
    """Have a file on the disk that delta-rs has written, which does not wait for it. Others may have removed it."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        os.fsync(file.fileno())


def _is_complete(versions: list[int], first: int) -> bool:
    return versions == list(range(first, first + len(versions)))

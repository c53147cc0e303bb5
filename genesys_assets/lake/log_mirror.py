"""Mirrors the log of a table on S3 in a local folder, where delta-rs reads and commits.

delta-rs reads each file of a log several times, and requests it from S3 each time. Files of a log never change, so the
mirror requests each one once. A commit is written to the folder first. It counts once S3 has accepted its file under
the next number, which no other commit has. `delta` knows what a log means.
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


class LogAccess(Protocol):
    """How delta-rs reads and writes a log. `uri` is that of the table."""

    uri: str

    def pull(self) -> bool:
        """Fetch the commits since the last `pull`. True: the whole log was fetched again, so that a table that was read
        before is obsolete.
        """

    def push(self) -> None:
        """Make the commit that was just written count. Raises LogMoved if others took its number, or if the commit
        before it is gone.
        """

    def push_checkpoint(self) -> None:
        """Make the checkpoint that was just written visible to all readers."""

    def has(self, version: int) -> bool:
        """Whether the log still has this version, and no other commit with its number: see `note_last`."""

    def ends_with(self, version: int) -> bool:
        """Whether this version is the last commit: on a disk at this moment, on S3 as of the last `pull` or `push`. A
        commit on a disk must be the very one that `note_last` noted.
        """

    def note_last(self, version: int) -> None:
        """Note which version was last read or committed."""

    def complete(self, versions: Sequence[int]) -> None:
        """Fetch the files of these commits too, as far as they exist: `pull` skips those that a checkpoint sums up."""


def log_access(store: Store, place: str) -> LogAccess:
    """How delta-rs reads the log of a table: from a mirror if it is on S3, else from the log itself."""
    return LogMirror(store, place) if isinstance(store, S3Store) else LogOnDisk(store, place)


class LogOnDisk(LogAccess):
    """A log that delta-rs reads and writes itself."""

    def __init__(self, store: Store, place: str) -> None:
        self.uri = store.uri(place)
        self._prefix = f"{self.uri}/{LOG}/"
        self._last: tuple[int, _Tag | None] = NO_VERSION, None

    def pull(self) -> bool:
        return False

    def push(self) -> None:
        """The commit counts already; wait until it is on the disk."""
        _sync_to_disk(Path(self.uri) / LOG / commit_name(self._last[0] + 1))

    def push_checkpoint(self) -> None:
        """Readers see it already; wait until it is on the disk."""
        for path in (Path(self.uri) / LOG).iterdir():
            if path.name == LAST_CHECKPOINT or is_checkpoint_of(path.name, self._last[0]):
                _sync_to_disk(path)

    def has(self, version: int) -> bool:
        return self._last == (version, self._tag(version)) and self._last[1] is not None

    def ends_with(self, version: int) -> bool:
        return self.has(version) and self._tag(version + 1) is None

    def note_last(self, version: int) -> None:
        self._last = version, self._tag(version)

    def _tag(self, version: int) -> _Tag | None:
        """What distinguishes a commit from another one with its number; None if there is no commit."""
        try:
            # Every look asks this of each table: to build a Path takes twice as long as to ask.
            stat = os.stat(self._prefix + commit_name(version))
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def complete(self, versions: Sequence[int]) -> None:
        """Nothing to do: the log has all its commits."""


class LogMirror(LogAccess):
    """The newest checkpoint of a log on S3 and the commits since, in a folder that is removed with this object.

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
        is_obsolete = self._drop_unpushed_commit()
        for attempt in range(1, _ATTEMPTS + 1):
            with contextlib.suppress(FileNotFoundError):
                if self._version != NO_VERSION and self._follow():
                    return is_obsolete
                if self._begin(must=attempt == _ATTEMPTS):
                    return True
        raise UnsteadyLog(f"Files of {self._store.uri(self._log)} disappear while they are read: run it again.")

    def _follow(self) -> bool:
        """Fetch the commits since. False if the last known commit is a different one now, or if commits are missing:
        the table was deleted and created again, or its log was shortened.
        """
        tags = self._tags_after(f"{self._version:020d}")
        later = [version for version in commits(tags) if version > self._version]
        if tags.get(commit_name(self._version)) != self._tag or not _is_complete(later, self._version + 1):
            return False
        self._fetch(map(commit_name, later))
        self._moved_to(later[-1] if later else self._version, tags)
        return True

    def _begin(self, *, must: bool) -> bool:
        """Fetch the log from its beginning: see `_begin_from`."""
        self._remove_after(NO_VERSION)
        self._version = NO_VERSION
        few = self._store.tags_of_few(self._log)
        if few is not None:
            return self._begin_from(self._with_sizes_noted(few), must=must)
        hint = self._hint()
        if hint is not None and self._begin_from(self._tags_after(f"{hint:020d}"), is_all=False):
            return True
        return self._begin_from(self._tags_after(""), must=must)

    def _tags_after(self, name: str) -> dict[str, str]:
        return self._with_sizes_noted(self._store.tags_after(self._log, name))

    def _with_sizes_noted(self, tags: dict[str, Tag]) -> dict[str, str]:
        self._sizes |= {name: tag.size for name, tag in tags.items()}
        return {name: tag.tag for name, tag in tags.items()}

    def _begin_from(self, tags: Mapping[str, str], *, is_all: bool = True, must: bool = False) -> bool:
        """Fetch the newest checkpoint and the commits since. False if some are missing: others may have committed while
        the files were being listed. With `must`, fetch whatever exists, so that delta-rs reports what is wrong.
        `is_all`: the tags are those of all files, so that a log without a checkpoint begins with its first commit.
        """
        checkpoint = max(checkpoints(tags), default=NO_VERSION)
        later = [version for version in commits(tags) if version > checkpoint]
        begins = is_all or checkpoint != NO_VERSION
        if not must and not (begins and _is_complete(later, checkpoint + 1)):
            return False
        parts = [name for name in tags if is_checkpoint_of(name, checkpoint)]
        sidecars = [name for name in tags if name.startswith(SIDECARS) and parts]
        self._fetch([*parts, *sidecars, *map(commit_name, later)])
        self._moved_to(max([checkpoint, *later]), tags)
        return True

    def _hint(self) -> int | None:
        """The version in the file `_last_checkpoint`: there may be newer checkpoints."""
        content = self._store.get(f"{self._log}/{LAST_CHECKPOINT}")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return None if content is None else int(json.loads(content)["version"])
        return None

    def _moved_to(self, version: int, tags: Mapping[str, str]) -> None:
        self._version, self._tag = version, tags.get(commit_name(version))

    def _fetch(self, names: Iterable[str]) -> None:
        """Raises FileNotFoundError."""
        wanted = self._missing(names)
        if len(wanted) == 1:
            self._fetch_one(wanted[0])
        elif wanted:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log") as executor:
                list(executor.map(self._fetch_one, wanted))

    def _missing(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if not (self._folder / name).exists()]

    def _fetch_one(self, name: str) -> None:
        key, size = f"{self._log}/{name}", self._sizes.get(name)
        content = self._store.get(key) if size is None else self._store.get_sized(key, size)
        if content is None:
            raise FileNotFoundError(self._store.uri(key))
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def complete(self, versions: Sequence[int]) -> None:
        def fetch(name: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                self._fetch_one(name)

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="log") as executor:
            list(executor.map(fetch, self._missing(map(commit_name, versions))))

    def push(self) -> None:
        name = commit_name(self._version + 1)
        path = self._folder / name
        if not path.exists():
            return
        try:
            if not self._is_on_s3():
                # The number may be free, but of another table, or below the last commit if housekeeping removed some.
                raise LogMoved(f"{self._store.uri(self._log)} has no or another {commit_name(self._version)} now")
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

    def has(self, version: int) -> bool:
        """`pull` has compared it."""
        return True

    def _is_on_s3(self) -> bool:
        """Whether the last known commit is still the one that was fetched."""
        if self._version == NO_VERSION:
            return True
        return self._tags_after(f"{self._version:020d}").get(commit_name(self._version)) == self._tag

    def ends_with(self, version: int) -> bool:
        return self._version == version

    def note_last(self, version: int) -> None:
        """Nothing to do: `pull` and `push` note it."""

    def push_checkpoint(self) -> None:
        parts = [path for path in self._folder.iterdir() if is_checkpoint_of(path.name, self._version)]
        last = self._folder / LAST_CHECKPOINT
        for path in [*parts, last] if parts and last.exists() else []:
            self._store.put(f"{self._log}/{path.name}", path.read_bytes())

    def _drop_unpushed_commit(self) -> bool:
        """Remove a commit that was written here and never sent to S3, if there is one; returns whether there was."""
        was_made = (self._folder / commit_name(self._version + 1)).exists()
        if was_made:
            self._remove_after(self._version)
        return was_made

    def _remove_after(self, version: int) -> None:
        """Remove the local files of later versions."""
        for path in self._folder.glob("*") if self._folder.exists() else ():
            if path.name == LAST_CHECKPOINT or version_of(path.name) > version:
                path.unlink()


def _sync_to_disk(path: Path) -> None:
    """Wait until a file is on the disk: delta-rs does not wait. Others may have removed the file."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        os.fsync(file.fileno())


def _is_complete(versions: list[int], first: int) -> bool:
    """Whether versions follow each other without a gap from `first`."""
    return versions == list(range(first, first + len(versions)))

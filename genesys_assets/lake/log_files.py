"""The files of a table's log: a JSON file for each commit, and checkpoints, which say all that commits said up to one.

delta-rs writes and reads them (`delta`). Here is read what it does not tell, or not without asking for every file each
time; `housekeeping` removes those that are not needed any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.lake.store import Listed, Store

LOG = "_delta_log"
"""The folder of the log below its table."""
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*parquet")
_UNFINISHED = re.compile(r".*(#\d+|\.tmp)")
_AT_ONCE = 8

Action = dict[str, Any]
Transactions = dict[str, int]
"""Numbers by name that commits have set: `txn` in the protocol."""


class LogCleaned(Exception):
    """Commits that are needed were removed from the log: read the table anew."""


class LogFiles:
    """The files of one table's log, as they are now."""

    def __init__(self, store: Store, place: str) -> None:
        self._store = store
        self._folder = f"{place}/{LOG}"

    def commits(self) -> list[tuple[int, Listed]]:
        """Version and file of each commit, in order."""
        return list(self._numbered(_COMMIT))

    def checkpoints(self) -> list[tuple[int, Listed]]:
        """Version and file of each checkpoint, in order."""
        return list(self._numbered(_CHECKPOINT))

    def unfinished(self) -> list[Listed]:
        """What delta-rs leaves when it is killed: files that were to be renamed."""
        return [file for file in self._store.listed(self._folder) if _UNFINISHED.fullmatch(file.key)]

    def _numbered(self, kind: re.Pattern[str]) -> Iterator[tuple[int, Listed]]:
        for file in self._store.listed(self._folder):
            match = kind.fullmatch(file.key.rsplit("/", 1)[-1])
            if match:
                yield int(match[1]), file

    def actions(self, versions: Iterable[int]) -> Iterator[list[Action] | None]:
        """All that each commit says; None where it was removed from the log."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="commits") as executor:
            yield from executor.map(self._actions, versions)

    def _actions(self, version: int) -> list[Action] | None:
        commit = self._store.get(f"{self._folder}/{version:020d}.json")
        return None if commit is None else [json.loads(line) for line in commit.splitlines()]

    def transactions(self, version: int, since: int = -1, known: Transactions | None = None) -> Transactions:
        """The numbers as of a version; `known` are those as of version `since`. Raises LogCleaned."""
        if known is None:
            since, known = self._checkpointed(version)
        found = dict(known)
        for actions in self.actions(range(since + 1, version + 1)):
            if actions is None:
                raise LogCleaned(f"{self._folder} has no commits any more that version {version} is made of")
            found |= {action["txn"]["appId"]: action["txn"]["version"] for action in actions if "txn" in action}
        return found

    def _checkpointed(self, upto: int) -> tuple[int, Transactions]:
        """The newest checkpoint up to a version, and the numbers that it has; -1 and none without one."""
        usable = [(version, file) for version, file in self.checkpoints() if version <= upto]
        if not usable:
            return -1, {}
        newest = usable[-1][0]
        found: Transactions = {}
        for version, file in usable:
            if version == newest:
                found |= self._in_checkpoint(file)
        return newest, found

    def _in_checkpoint(self, file: Listed) -> Transactions:
        try:
            opened = self._store.open(file.key, file.size)
        except FileNotFoundError as error:
            raise LogCleaned(f"{file.key} was removed just now") from error
        column = pq.ParquetFile(opened).read(["txn"])["txn"]
        names, versions = (pc.struct_field(column, name).to_pylist() for name in ("appId", "version"))
        return {name: version for name, version in zip(names, versions, strict=True) if name is not None}

"""Gives columns of a table other types: rewrites its files, and replaces them in one commit.

Delta Lake cannot change the type of a column in place. Rows, provenance, reach and readings stay the same, and old
versions stay readable. An unreadable file stays as it is: its partition is unreadable until it is written again.
`column_types` decides which type is right.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from genesys_assets.lake.delta import AddedFile, Conflict, DataFile, DeltaLog, Key, new_path
from genesys_assets.lake.files import StoredFile, Unreadable
from genesys_assets.lake.store import drafts

_FILES_AT_ONCE = 8


class Retyping:
    """Fits the column types of one table to new rows. It remembers which files it has rewritten, so that a retry after
    a conflict rewrites only files that were committed since.
    """

    def __init__(self, log: DeltaLog) -> None:
        self._log = log
        self._types: dict[str, pa.DataType] = {}
        self._written: dict[str, AddedFile] = {}
        self.renamed: dict[str, str] = {}
        """The new path of each file that was rewritten, by its old path."""

    def fit(self, rows: pa.Schema) -> None:
        """Give the table's columns the types of the rows, and raise Conflict so that the caller reads the log again.
        Does nothing if the types are equal already.

        Raises UnstorableColumn if a stored value does not fit, and Unreadable if an unreadable file cannot stay.
        """
        version, known = self._log.version, self._log.schema()
        types = {f.name: f.type for f in rows if f.name in known.names and known.field(f.name).type != f.type}
        if types:
            self._retype(types, version)
            changed = ", ".join(f"{name} is {type_}" for name, type_ in types.items())
            raise Conflict(f"{self._log.place} has other column types now: {changed}")

    def _retype(self, types: Mapping[str, pa.DataType], version: int) -> None:
        """Threads that share the log may commit while files are rewritten. So the commit is on top of a version that
        was read before them.
        """
        if types != self._types:
            self._types, self._written = dict(types), {}
        files = self._log.every_file()
        with ThreadPoolExecutor(_FILES_AT_ONCE, thread_name_prefix="retype") as executor:
            list(executor.map(self._rewrite, files))
        unreadable = [file.path for _, file in files if file.path not in self._written]
        rewritten = {file.path: self._written[file.path] for _, file in files if file.path in self._written}
        if unreadable and not self._log.can_retype(rewritten):
            raise Unreadable(_cannot_stay(self._log, unreadable[0]))
        type_names = {name: str(type_) for name, type_ in types.items()}
        note = {"retyped": type_names, **({"unreadable": unreadable} if unreadable else {})}
        self._log.retype(types, rewritten, note, on_top_of=version)
        self.renamed.update({path: file.path for path, file in self._written.items()})

    def _rewrite(self, stored: tuple[Key, DataFile]) -> None:
        """Rewrite one file with the new types, if it is readable."""
        key, file = stored
        if file.path not in self._written:
            with contextlib.suppress(Unreadable):
                self._written[file.path] = _rewritten(self._log, key, file, self._types)


def _cannot_stay(log: DeltaLog, path: str) -> str:
    return (
        f"{log.store.uri(f'{log.place}/{path}')} cannot be read, and columns of {log.place} must get other types. "
        "Another program gave this table features of Delta Lake with which the file cannot be kept. Restore it from a "
        f"copy, or delete the folder {log.place} of the lake and compute or fetch all its partitions again."
    )


def _rewritten(log: DeltaLog, key: Key, file: DataFile, types: Mapping[str, pa.DataType]) -> AddedFile:
    before = StoredFile(log.store, log.place, file)
    with drafts(log.store) as begin:
        draft = begin()
        with before.raising_unreadable():
            content, size = before.write_retyped(draft.file, types, log.place)
        path = new_path(key, content)
        draft.publish(f"{log.place}/{path}")
    return AddedFile(key, path, size, file.rows, modified_ms=file.modified_ms)

"""Reads the Parquet files of pages and tables. `writers` writes them.

The metadata of a file says what it holds: its reach, the run that wrote it, and its source.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.changes import Rows
from genesys_assets.lake.column_types import UnstorableColumn, needed_type, unified_type
from genesys_assets.lake.delta import DataFile, DeltaLog
from genesys_assets.lake.parquet_files import (
    PROVENANCE_KEY,
    Provenance,
    content_of,
    null_columns,
    provenance_in,
    reach_in,
    row_groups,
    rows_of_parquet,
    write_retyped,
    written_schema,
)
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import Store
from genesys_assets.tables.spec import TableSpec, columns

PAGES = TableSpec(
    "pages",
    "One row per answer of the API, as it was received.",
    ("page_number",),
    columns("""
page_number integer 1, 2, 3 … in the order in which the answers were received
request string the request: method, path, parameters and body as JSON; with `part` if the body is a part of the answer
fetched_at instant when the answer was received; of an imported page the earliest time when it can have been saved
correlation_id string identifies the answer to Genesys support
as_of instant when the content was true: a query's answer; a job's submission or, if earlier, the end of its data
body binary the answer's bytes, unchanged unless personal data is hashed or dropped; only this partition's part
"""),
)
ABSENT = "absent"
"""Metadata key: for each column that the platform should fill, in how many rows of the partition it is null."""
TAKEN_OUT = "taken_out"
"""Metadata key: pseudonyms of the conversations that were taken out of the pages because they must be forgotten."""
UNKNOWN_DROPPED = "unknown_fields_dropped"
"""Metadata key: how often each unknown field was dropped from the pages, by path. Such a field may hold personal data.
"""
_FOOTER_BYTES = 64 << 10
_LARGEST_FOOTER_BYTES = 64 << 20


class Unreadable(Exception):
    """A data file is lost or damaged. Its partition counts as missing until it is materialised again."""


class StoredFile:
    """One data file of a partition, open for reading. Raises Unreadable if it is lost or damaged."""

    def __init__(self, store: Store, place: str, file: DataFile) -> None:
        key = f"{place}/{file.path}"
        self.uri = store.uri(key)
        self._store = store
        self._lock = threading.Lock()
        with self.raising_unreadable():
            self.parquet = pq.ParquetFile(store.open(key, file.size), page_checksum_verification=True)
            self.provenance = provenance_in(self.parquet.metadata.metadata)
            self.reach = reach_in(self.provenance)

    def raising_unreadable(self) -> contextlib.AbstractContextManager[None]:
        """Wrap code that reads the file. Turns errors about its bytes into Unreadable. Errors of the disk, the memory
        or the way to S3 stay what they are, or become LakeUnreachable.
        """
        return _raising_unreadable(self._store, self.uri)

    def at_rest(self) -> Rows:
        """The rows with the types that they have in the file: see `column_types.at_rest`."""
        rows = rows_of_parquet(self.parquet)
        return replace(rows, pieces=self._checked(rows.pieces))

    def _checked(self, pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
        with self.raising_unreadable():
            yield from pieces

    def row(self, index: int, names: Sequence[str] | None = None) -> dict[str, Any]:
        """The only row of a row group. Safe for threads, which Arrow's reader is not."""
        with self.raising_unreadable(), self._lock:
            group = self.parquet.read_row_group(index, None if names is None else list(names), use_threads=False)
        return dict(group.to_pylist()[0])

    @property
    def schema(self) -> pa.Schema:
        """The columns as they were written: see `written_schema`."""
        return written_schema(self.parquet)

    def write_retyped(self, file: IO[bytes], types: Mapping[str, pa.DataType], table: str) -> tuple[str, int]:
        """Write the rows to another file, with other types of some columns. Returns its content id and its size."""
        before = self.parquet.schema_arrow.remove_metadata()
        schema = pa.schema([field.with_type(types.get(field.name, field.type)) for field in before])
        metadata = self.parquet.metadata.metadata or {}
        written = write_retyped(self.parquet, file, schema, {PROVENANCE_KEY: metadata[PROVENANCE_KEY]}, table)
        nulls = null_columns(self.parquet.metadata)
        return content_of(written.digest, schema, self.reach, nulls), written.tell()

    def row_groups(self, names: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows in pieces: see `parquet_files.row_groups`."""
        return self._checked(row_groups(self.parquet, names))


class StoredFooter:
    """The metadata of a data file, read without its rows. Raises Unreadable if its footer is lost or damaged."""

    def __init__(self, store: Store, place: str, file: DataFile) -> None:
        key = f"{place}/{file.path}"
        with _raising_unreadable(store, store.uri(key)):
            self.provenance = provenance_in(read_footer(store, key).metadata)
            self.reach = reach_in(self.provenance)


def read_footer(store: Store, key: str) -> pq.FileMetaData:
    """The footer of a Parquet file, read with one request, or two if it is large. Its length stands in the four bytes
    before the last four: https://parquet.apache.org/docs/file-format/
    """
    tail = store.tail(key, _FOOTER_BYTES)
    footer_bytes = int.from_bytes(tail[-8:-4], "little") + 8
    if len(tail) == _FOOTER_BYTES < footer_bytes <= _LARGEST_FOOTER_BYTES:
        tail = store.tail(key, footer_bytes)
    return pq.read_metadata(pa.BufferReader(tail))


class StoredPages:
    """The pages of one partition, read one at a time. Raises Unreadable if one is damaged."""

    def __init__(self, files: Sequence[StoredFile]) -> None:
        self._files = files
        self._row_groups = [(file, group) for file in files for group in range(file.parquet.num_row_groups)]

    def __len__(self) -> int:
        return len(self._row_groups)

    def __iter__(self) -> Iterator[Page]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Page:
        file, group = self._row_groups[index]
        row = file.row(group)
        return Page(
            number=row["page_number"],
            request=row["request"],
            fetched_at=row["fetched_at"],
            correlation_id=row["correlation_id"],
            body=row["body"],
            as_of=row["as_of"],
        )

    def undamaged(self) -> Iterator[Page]:
        """The pages that can be read. Damaged ones are left out."""
        for index in range(len(self)):
            try:
                page = self[index]
            except Unreadable:
                continue
            yield page

    def about(self, index: int) -> Page:
        """A page without its body: the body is not read, and `body` is empty."""
        file, group = self._row_groups[index]
        names = [name for name in PAGES.schema.names if name != "body"]
        row = file.row(group, names)
        return Page(
            row["page_number"], row["request"], row["fetched_at"], row["correlation_id"], b"", as_of=row["as_of"]
        )

    @property
    def newest_as_of(self) -> datetime | None:
        """When the newest page was true; None if there are no pages. Bodies are not read."""
        return max((file.row(group, ["as_of"])["as_of"] for file, group in self._row_groups), default=None)

    @property
    def provenance(self) -> Provenance:
        return self._files[-1].provenance

    @property
    def reach(self) -> Reach | None:
        return self._files[-1].reach


@contextlib.contextmanager
def _raising_unreadable(store: Store, uri: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        if unreachable := store.unreachable(error):
            raise unreachable from error
        if isinstance(error, UnstorableColumn) or _is_outside_the_file(error):
            raise
        raise Unreadable(
            f"{uri} cannot be read ({error}): materialise its partition again, or import its files again."
        ) from error


def open_files(store: Store, place: str, files: Sequence[DataFile]) -> list[StoredFile]:
    """The files of a partition. Raises Unreadable."""
    return [StoredFile(store, place, file) for file in files]


def common_schema(files: Iterable[StoredFile]) -> pa.Schema:
    """The columns of all files, as they were written."""
    return pa.unify_schemas([file.schema for file in files], promote_options="permissive")


def rows_at_rest(files: Sequence[StoredFile]) -> Rows:
    """The rows of all files of a partition with their types at rest, and the columns of all of them."""
    every = [file.at_rest() for file in files]
    if len(every) == 1:
        return every[0]
    schema = pa.unify_schemas([rows.schema for rows in every], promote_options="permissive")
    return Rows(sum(rows.count for rows in every), schema, chain.from_iterable(rows.pieces for rows in every))


def rows_of(files: Iterable[StoredFile], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of several files in pieces, with the columns of all. Raises Unreadable."""
    for file in files:
        for group in file.row_groups():
            columns = [group[name] if name in group.column_names else pa.nulls(len(group)) for name in schema.names]
            yield pa.table(columns, schema.names).cast(schema)


def needed_by_stored(log: DeltaLog, name: str) -> pa.DataType:
    """The type that the stored values of a column need: see `column_types.needed_type`. Reads the newest files first,
    and stops as soon as the answer is the type of the table.
    """
    stored = log.schema().field(name).type
    type_ = pa.null()
    for _, file in reversed(log.every_file()):
        with contextlib.suppress(Unreadable):
            type_ = unified_type(type_, _needed_by_file(StoredFile(log.store, log.place, file), name)) or stored
        if type_ == stored:
            break
    return type_


def _needed_by_file(file: StoredFile, name: str) -> pa.DataType:
    if name not in file.parquet.schema_arrow.names or not file.parquet.metadata.num_rows:
        return pa.null()
    with file.raising_unreadable():
        return needed_type(file.parquet.read([name], use_threads=False)[name])


def _is_outside_the_file(error: Exception) -> bool:
    """Whether an error of reading says nothing about the file: the disk, the memory, or the way to S3 failed.

    Arrow writes `AWS Error` in failures of S3. An OSError about a file's bytes has no errno.
    """
    if isinstance(error, FileNotFoundError):
        return False
    if isinstance(error, MemoryError | ConnectionError | TimeoutError | pa.ArrowCancelled):
        return True
    return isinstance(error, OSError) and (error.errno is not None or "AWS Error" in str(error))

"""Writes pages and tables to drafts of Parquet files, and audits the drafts.

`files` reads the files, `lake` and `commit` decide what is committed and when.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.audit import COLUMNS, Findings, audit, audited_columns, difference
from genesys_assets.lake.changes import Change, Counts, Rows, compare
from genesys_assets.lake.column_types import NoColumns, at_rest, fitting_schema, needed_type, retyped
from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.files import ABSENT, PAGES, TAKEN_OUT, UNKNOWN_DROPPED, needed_by_stored, read_footer
from genesys_assets.lake.parquet_files import (
    COLUMNS_KEY,
    FORMAT,
    HashedFile,
    Provenance,
    content_of,
    is_finer_than_milliseconds,
    metadata_of,
    null_columns,
    provenance_in,
    reach_in,
    row_groups,
    rows_of_parquet,
    write_retyped,
)
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import Draft, Store
from genesys_assets.privacy.screen import Screen
from genesys_assets.tables.spec import TableSpec, absent

_ROWS_PER_GROUP = 16_384
"""At most this many rows of each table wait in memory. Sessions with their 109 columns take 15 MB."""
_PAGES_SHOWN = 5
FIELDS_NAMED = 50
"""The most unknown fields that the provenance of a file names."""
_PART_BYTES = 1 << 20


class PageWriter(contextlib.AbstractContextManager["PageWriter"]):
    """Writes pages as they arrive, each as a row group of its own, so that any page can be read alone.

    `provenance` and `reach` may be changed until the file is closed; `as_of` is that of the newest page. `screen` takes
    out of each page what must not be stored.
    """

    spec = PAGES
    schema = at_rest(PAGES.schema, PAGES.name)

    def __init__(self, draft: Draft, provenance: Provenance, screen: Screen | None = None) -> None:
        self.draft = draft
        self.provenance = dict(provenance)
        self.reach: Reach | None = None
        self.change: Change | None = None
        self._screen = screen
        self._begin()

    def _begin(self) -> None:
        self.draft.file.seek(0)
        self.draft.file.truncate()
        self.rows = 0
        self.bytes = self.size = 0
        self.as_of: datetime | None = None
        self._first: list[dict[str, Any]] = []
        self._answers = hashlib.sha256()
        self._writer = pq.ParquetWriter(self.draft.file, PAGES.schema, write_statistics=False, **FORMAT)

    def restart(self) -> None:
        """Forget the pages written so far."""
        self._writer.close()
        if self._screen is not None:
            self._screen.restart()
        self._begin()

    @property
    def pages(self) -> int:
        return self.rows

    @property
    def of_contacts(self) -> frozenset[str]:
        """Conversations in which a forgotten contact took part. Other answers may hold more of them."""
        return frozenset(self._screen.of_contacts) if self._screen else frozenset()

    def write(self, page: Page) -> None:
        if self._screen is not None:
            page = self._screen.page(page)
        self.rows += 1
        self.bytes += len(page.body)
        self._answers.update(hashlib.sha256(_listed(page.body)).digest())
        self.as_of = page.as_of if self.as_of is None else max(self.as_of, page.as_of)
        about = [self.rows, page.request, page.fetched_at, page.correlation_id, page.as_of]
        arrays = [pa.array([value], field.type) for value, field in zip(about, PAGES.schema, strict=False)]
        self._writer.write_batch(pa.record_batch([*arrays, _uncopied(page.body)], schema=PAGES.schema))
        if len(self._first) < _PAGES_SHOWN:
            shown = dict(zip(PAGES.schema.names, about, strict=False))
            self._first.append(shown | {"body": None, "body_bytes": len(page.body)})

    @property
    def first_pages(self) -> pa.Table:
        """The first pages for a preview, with the size of each body instead of the body."""
        schema = PAGES.schema.remove(PAGES.schema.get_field_index("body")).append(pa.field("body_bytes", pa.int64()))
        return pa.Table.from_pylist(self._first, schema)

    def __exit__(self, *_: object) -> None:
        if self._screen is not None and self._screen.taken_out:
            known = self.provenance.get(TAKEN_OUT, ())
            self.provenance[TAKEN_OUT] = sorted({*known, *self._screen.taken_out})
        if self._screen is not None and self._screen.dropped:
            self.provenance[UNKNOWN_DROPPED] = dict(self._screen.dropped.most_common(FIELDS_NAMED))
        self._writer.add_key_value_metadata(metadata_of(self.provenance, self.reach))
        self._writer.close()
        self.size = self.draft.file.tell()

    @property
    def content(self) -> str:
        """Identifies the items that the answers list, and their reach; not their times, cursors and totals."""
        return content_of(self._answers.hexdigest(), PAGES.schema, self.reach)

    def changes_since(self, before: Rows) -> Counts:
        """Answers are not compared one by one: each holds the time when it was received, so all would differ."""
        return {"rows_before": before.count, "rows_after": self.rows}

    def has_the_bytes_of(self, store: Store, key: str) -> bool:
        """Never: equal answers still differ in the time when they were received."""
        return False

    def fit(self, log: DeltaLog) -> bool:
        """The columns of pages never change."""
        return False


class TableWriter(contextlib.AbstractContextManager["TableWriter"]):
    """Writes a table in parts, and gathers them to row groups of a size that suits other engines.

    `provenance` and `reach` may be changed until the file is closed; `head` holds the first rows, `absent` counts the
    nulls in the columns that the platform should fill. `schema` has the columns at rest. Columns of the type null are
    left out, and the file's metadata names them: see `at_rest`.
    """

    def __init__(self, draft: Draft, spec: TableSpec, provenance: Provenance, head_rows: int = 5) -> None:
        self.draft = draft
        self.spec = spec
        self.provenance = dict(provenance)
        self.reach: Reach | None = None
        self.rows = self.size = 0
        self.wrong_columns: str | None = None
        self.absent: Counter[str] = Counter()
        self.head = spec.empty()
        self._head_rows = head_rows
        self.schema = at_rest(spec.schema, spec.name)
        self._file = HashedFile(draft.file)
        self._writer = pq.ParquetWriter(self._file, self.schema, **FORMAT)
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        """Add rows. Rows with other columns than the declared ones are not written, and become a finding of the audit.

        Raises UnstorableColumn if a value does not fit its type at rest.
        """
        table = _with_unit(table, self.spec.schema)
        problem = difference(table.schema.remove_metadata(), self.spec.schema)
        if problem:
            self.wrong_columns = problem
            return
        if len(self.head) < self._head_rows:
            self.head = pa.concat_tables([self.head, table.slice(0, self._head_rows - len(self.head))])
        self.rows += len(table)
        self.absent += absent(self.spec, table)
        self._waiting.append(retyped(table, self.schema, self.spec.name))
        while sum(map(len, self._waiting)) >= _ROWS_PER_GROUP:
            self._flush(_ROWS_PER_GROUP)

    def _flush(self, rows: int) -> None:
        """Write the first `rows` waiting rows as one group. Groups have a fixed size, so that the same rows always give
        the same bytes.
        """
        waiting = pa.concat_tables(self._waiting)
        self._writer.write_table(waiting.slice(0, rows).combine_chunks(), row_group_size=rows)
        self._waiting = [waiting.slice(rows)]

    def __exit__(self, exception: object, *_: object) -> None:
        rest = sum(map(len, self._waiting))
        if exception is None and rest:
            self._flush(rest)
        self._waiting = []
        self._file.end_of_rows()
        self._writer.add_key_value_metadata(self._metadata())
        self._writer.close()
        self.size = self._file.tell()

    def _metadata(self) -> dict[bytes, bytes]:
        finer = [field.name for field in self.spec.schema if is_finer_than_milliseconds(field.type)]
        about = {"null": self._nulls(), "microseconds": finer}
        provenance = {**self.provenance, "schema_version": self.spec.version}
        for name in (COLUMNS_KEY, ABSENT):
            provenance.pop(name, None)
        counts = {ABSENT: dict(self.absent)} if self.absent else {}
        return metadata_of(provenance | counts | ({COLUMNS_KEY: about} if any(about.values()) else {}), self.reach)

    def _nulls(self) -> list[str]:
        written = set(self.schema.names)
        return [name for name in self.spec.schema.names if name not in written]

    @property
    def content(self) -> str:
        return content_of(self._file.digest, self.schema, self.reach, self._nulls())

    def changes_since(self, before: Rows) -> Counts:
        return compare(before, rows_of_parquet(self.parquet()), self.spec)

    def has_the_bytes_of(self, store: Store, key: str) -> bool:
        digest = hashlib.sha256()
        try:
            footer = read_footer(store, key)
            stored = footer.schema.to_arrow_schema().remove_metadata()
            reach, nulls = reach_in(provenance_in(footer.metadata)), null_columns(footer)
            if (stored, reach, nulls) != (self.schema, self.reach, self._nulls()):
                return False
            with store.open(key) as file:
                left = self._file.end
                while part := file.read(min(left, _PART_BYTES)):
                    digest.update(part)
                    left -= len(part)
        except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError):
            return False
        return digest.hexdigest() == self._file.digest

    def fit(self, log: DeltaLog) -> bool:
        """Give the finished draft the column types of a table, as far as its values allow: see `fitting_schema`.

        True: the draft was rewritten to a new file, which is not published yet. Raises NoColumns, ColumnTypeChanged,
        DuplicateColumn, UnstorableColumn.
        """
        known = log.schema()
        schema = known
        if self.spec.columns:
            stored_need = functools.partial(needed_by_stored, log)
            schema = fitting_schema(log.place, self.schema, known, self._needed_type, stored_need)
        if not len(schema):
            raise NoColumns(f"{log.place} would have no columns. Give the table columns, even if it has no rows.")
        if schema == self.schema:
            return False
        self._write_again(schema, log.place)
        return True

    def _needed_type(self, name: str) -> pa.DataType:
        return needed_type(self.parquet().read([name], use_threads=False)[name])

    def _write_again(self, schema: pa.Schema, place: str) -> None:
        finished = self.parquet()
        with contextlib.closing(self.draft.renew()):
            self.schema = schema
            self._file = write_retyped(finished, self.draft.file, schema, self._metadata(), place)
            self.size = self._file.tell()

    def audit(self, partition: str | None) -> Findings:
        """What is wrong with the finished draft, by the name of the check; empty if nothing is."""
        if self.wrong_columns:
            return {COLUMNS: self.wrong_columns}
        return audit(self.spec, partition, self.row_groups(audited_columns(self.spec)))

    def parquet(self) -> pq.ParquetFile:
        """The finished draft, open for reading."""
        self.draft.file.flush()
        self.draft.file.seek(0)
        return pq.ParquetFile(pa.PythonFile(self.draft.file, mode="r"))

    def row_groups(self, names: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of the finished draft, in pieces."""
        yield from row_groups(self.parquet(), names)


def _with_unit(table: pa.Table, declared: pa.Schema) -> pa.Table:
    """The rows with instants in the declared unit: those of rows that were read from the lake are in microseconds."""
    for index, field in enumerate(declared):
        if index < len(table.schema) and pa.types.is_timestamp(field.type):
            given = table.schema.field(index)
            if given.name == field.name and pa.types.is_timestamp(given.type) and given.type.tz == field.type.tz:
                table = table.set_column(index, field, table.column(index).cast(field.type))
    return table


def _listed(answer: bytes) -> memoryview:
    """The part of an answer that lists items: from its first bracket to the last one. The rest describes the answer
    itself: its cursor, its total, up to when data are available. Of a Parquet file it is all bytes.
    """
    if answer.startswith(b"PAR1"):
        return memoryview(answer)
    first = answer.find(b"[")
    return memoryview(answer)[first : answer.rfind(b"]") + 1] if first >= 0 else memoryview(b"")


def _uncopied(value: bytes) -> pa.Array:
    """An array of one value, made without copying its bytes."""
    offsets = pa.array([0, len(value)], pa.int32())
    return pa.Array.from_buffers(pa.binary(), 1, [None, offsets.buffers()[1], pa.py_buffer(value)])

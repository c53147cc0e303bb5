"""One Parquet file of the lake: its own metadata, its columns as they were written, its rows, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.lake.changes import Rows
from genesys_assets.lake.column_types import retyped
from genesys_assets.lake.reach import Reach
from genesys_assets.tables.spec import in_milliseconds

# Most columns are ids, which dictionaries do not shrink. Without dictionaries large tables are written in two thirds of
# the time and are a tenth smaller. Delta Lake stores instants in microseconds. Checksums reveal damaged bytes.
FORMAT = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "coerce_timestamps": "us",
    "write_page_checksum": True,
}


PROVENANCE_KEY = b"genesys_assets"
"""The key of our own JSON in a file's metadata."""
COLUMNS_KEY = "columns"
"""The key in that JSON of what the Parquet types cannot express: see `written_schema`."""
_REACH_KEY = "reach"
_CONTENT_LETTERS = 32

Provenance = dict[str, Any]
"""Where a file comes from: the run's id, the fetched window, the source and more."""


def reach_in(provenance: Provenance) -> Reach | None:
    """The reach that a file's metadata states; None if it states none."""
    value = provenance.get(_REACH_KEY)
    return None if value is None else Reach.from_json(value)


def written_schema(parquet: pq.ParquetFile) -> pa.Schema:
    """The columns of a file as they were before they were stored: with those of the type null, and with instants in
    milliseconds, except where they were finer.
    """
    finer = provenance_in(parquet.metadata.metadata).get(COLUMNS_KEY, {}).get("microseconds", ())
    at_rest = parquet.schema_arrow.remove_metadata()
    stored = [at_rest.field(field.name) if field.name in finer else field for field in in_milliseconds(at_rest)]
    return pa.schema([*stored, *(pa.field(name, pa.null()) for name in null_columns(parquet.metadata))])


def null_columns(metadata: pq.FileMetaData) -> list[str]:
    """The columns that were left out of a file because all their values were null, so that they had no type."""
    return list(provenance_in(metadata.metadata).get(COLUMNS_KEY, {}).get("null", ()))


def row_groups(parquet: pq.ParquetFile, names: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a file, a row group at a time, as they were written: see `written_schema`. (An Arrow dataset would
    read ahead, which takes more memory.)
    """
    written = written_schema(parquet)
    wanted = written if names is None else pa.schema([written.field(name) for name in names])
    stored = [name for name in wanted.names if name in parquet.schema_arrow.names]
    for index in range(parquet.num_row_groups):
        group = parquet.read_row_group(index, columns=stored, use_threads=False)
        columns = [
            group[field.name].cast(field.type) if field.name in stored else pa.nulls(len(group)) for field in wanted
        ]
        yield pa.table(columns, schema=wanted)


def rows_of_parquet(parquet: pq.ParquetFile) -> Rows:
    groups = (parquet.read_row_group(index, use_threads=False) for index in range(parquet.num_row_groups))
    return Rows(parquet.metadata.num_rows, parquet.schema_arrow.remove_metadata(), groups)


def write_retyped(
    parquet: pq.ParquetFile, file: IO[bytes], schema: pa.Schema, metadata: dict[bytes, bytes], table: str
) -> HashedFile:
    """Write the rows of a file with the types of a schema. Returns the written file, with its digest.

    Columns of the schema that the file does not have are left out, unless it has none of them. Raises UnstorableColumn.
    """
    fields = [field for field in schema if field.name in parquet.schema_arrow.names]
    kept = pa.schema(fields) if fields else schema
    written = HashedFile(file)
    with pq.ParquetWriter(written, kept, **FORMAT) as writer:
        for index in range(parquet.num_row_groups):
            rows = retyped(parquet.read_row_group(index, use_threads=False), kept, table).combine_chunks()
            writer.write_table(rows, row_group_size=len(rows))
        written.end_of_rows()
        writer.add_key_value_metadata(metadata)
    return written


def is_finer_than_milliseconds(type_: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(type_)) and type_.unit in ("us", "ns")


class HashedFile:
    """A draft that Arrow writes to, with a digest of everything before the footer. (The footer differs by run.)"""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._body: str | None = None
        self.end = 0
        """Where the rows end, in bytes from the beginning."""
        self.closed = False

    def write(self, data: Any) -> int:
        self._sha256.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Does nothing: the caller that began the draft closes it."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    @property
    def digest(self) -> str:
        return self._body or self._sha256.hexdigest()

    def end_of_rows(self) -> None:
        """Call it before the footer is written: the digest is that of the bytes until now."""
        self._body, self.end = self._sha256.hexdigest(), self.tell()


def content_of(digest: str, schema: pa.Schema, reach: Reach | None, nulls: Sequence[str] = ()) -> str:
    """What identifies a file's rows, columns and reach."""
    about = hashlib.sha256(digest.encode())
    about.update(schema.remove_metadata().serialize())
    about.update("".join(f"{name}\n" for name in nulls).encode())
    about.update(json.dumps(reach.as_json() if reach else None, sort_keys=True).encode())
    return about.hexdigest()[:_CONTENT_LETTERS]


def metadata_of(provenance: Provenance, reach: Reach | None) -> dict[bytes, bytes]:
    """The key-value metadata of a file."""
    content = {**provenance, **({_REACH_KEY: reach.as_json()} if reach else {})}
    return {PROVENANCE_KEY: json.dumps(content, sort_keys=True, default=str).encode()}


def provenance_in(metadata: dict[bytes, bytes] | None) -> Provenance:
    return dict(json.loads((metadata or {}).get(PROVENANCE_KEY, b"{}")))

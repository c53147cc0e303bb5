"""One report as files that anyone can open: Parquet, CSV and JSON.

This module knows how values look in each format. `publisher` decides where files go, `private_bucket` checks who can
read them, `genesys_assets.reports` knows what the columns mean. Each file is written batch by batch, and hashed while
it is written, so that it need not be read again.

- Parquet: the table's own types, without metadata of the run, so that the same rows give the same bytes.
- CSV: RFC 4180 in UTF-8, with a header and CRLF. How its values look is in `csv_text`.
- JSON: an array of records, one on each line. A null is null, a list is a list.
- CSV and JSON write moments as 2026-01-31T13:00:00.000Z and days as 2026-01-31.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.publishing.csv_text import BOM, CsvStyle
from genesys_assets.tables.spec import INSTANT

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A finished file of one report; `sha256` in hex, `bytes` its size."""

    path: Path
    format: str
    content_type: str
    rows: int | None
    bytes: int
    sha256: str


def write_report_files(
    parts: Iterable[pa.Table], schema: pa.Schema, folder: Path, name: str, style: CsvStyle | None = None
) -> list[LocalFile]:
    """Write the rows of the report `name`, given in parts, to `folder` as <name>.parquet, <name>.csv and <name>.json.

    Raises ValueError if a figure is NaN or infinite (a missing figure must be null), and then leaves no file.
    """
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context(kind(folder / f"{name}.{kind.format}", schema.remove_metadata(), style or CsvStyle()))
            for kind in _FORMATS
        ]
        for part in parts:
            _refuse_unreal_figures(part, name)
            for file in files:
                file.add(part)
    return [file.finished for file in files]


def csv_lines(table: pa.Table, style: CsvStyle) -> Iterator[str]:
    """The lines of <name>.csv, the header first."""
    yield style.line(table.schema.names)
    for record in _records(table):
        yield style.line(record.values())


def _refuse_unreal_figures(table: pa.Table, name: str) -> None:
    for column, field in zip(table.columns, table.schema, strict=True):
        if pa.types.is_floating(field.type) and pc.all(pc.is_finite(column)).as_py() is False:
            raise ValueError(
                f"report {name}: column {field.name} holds NaN or infinity; a missing figure must be null, "
                "so correct the formula that made it"
            )


# -- formats -----------------------------------------------------------------------------------------


class _ReportFile(contextlib.AbstractContextManager["_ReportFile"]):
    """One file of a report, written part by part. It is removed again if that fails."""

    format: str
    content_type: str

    def __init__(self, path: Path, schema: pa.Schema, style: CsvStyle) -> None:
        self.path = path
        self.style = style
        self.rows = 0
        self.file = _MeasuredFile(path)
        self.begin(schema)

    def begin(self, schema: pa.Schema) -> None: ...

    def add(self, part: pa.Table) -> None:
        for begin in range(0, len(part), _ROWS_AT_ONCE):
            self.write(part.slice(begin, _ROWS_AT_ONCE))
        self.rows += len(part)

    def write(self, rows: pa.Table) -> None:
        raise NotImplementedError

    def end(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end()
        self.file.close()
        if kind is not None:
            self.path.unlink()

    @property
    def finished(self) -> LocalFile:
        return LocalFile(
            self.path, self.format, self.content_type, self.rows, self.file.size, self.file.digest.hexdigest()
        )


class _Parquet(_ReportFile):
    format, content_type = "parquet", "application/vnd.apache.parquet"

    def begin(self, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(self.file, schema, compression="zstd")

    def add(self, part: pa.Table) -> None:
        self._writer.write_table(part.replace_schema_metadata(None))
        self.rows += len(part)

    def end(self) -> None:
        self._writer.close()


class _Csv(_ReportFile):
    format, content_type = "csv", "text/csv; charset=utf-8; header=present"

    def begin(self, schema: pa.Schema) -> None:
        mark = BOM if self.style.bom else ""
        self.file.write(f"{mark}{self.style.line(schema.names)}".encode())

    def write(self, rows: pa.Table) -> None:
        self.file.write("".join(self.style.line(record.values()) for record in _records(rows)).encode())


class _Json(_ReportFile):
    format, content_type = "json", "application/json"

    def write(self, rows: pa.Table) -> None:
        between = b",\n" if self.file.size else b"[\n"
        self.file.write(between + b",\n".join(_json(record).encode() for record in _records(rows)))

    def end(self) -> None:
        self.file.write(b"\n]\n" if self.file.size else b"[]\n")


_FORMATS: tuple[type[_ReportFile], ...] = (_Parquet, _Csv, _Json)


def _records(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as plain values, moments and days as text."""
    for batch in table.to_batches():
        columns = [_readable(column) for column in batch.columns]
        yield from pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()


def _readable(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        # Arrow prints the fraction of a second itself, as many digits as the unit has.
        return pc.strftime(column.cast(INSTANT), format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    return column


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _MeasuredFile(io.RawIOBase):
    """A file that counts and hashes the bytes that are written to it."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._file = path.open("wb")

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: Any) -> int:
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

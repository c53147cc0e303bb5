"""One report as files that anyone can open: Parquet, CSV and JSON.

Here is how values look in each format. Where the files go and who may read them is `publisher`; what the
columns mean is `genesys_assets.reports`. Each file is written batch by batch, and measured while it is written, so
that none is read again.

- Parquet: the table's own types, without metadata of the run, so that the same rows give the same bytes.
- CSV: RFC 4180 in UTF-8, with a header and CRLF. A null is an empty field, an empty text is `""`, a list is
  a JSON array.
- JSON: an array of records, one on each line. A null is null, a list is a list.
- CSV and JSON write moments as 2026-01-31T13:00:00.000Z and days as 2026-01-31.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.tables.spec import INSTANT

_ROWS_AT_ONCE = 10_000
_QUOTED = frozenset(',"\r\n')


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A finished file of one report; `sha256` in hex, `bytes` its size."""

    path: Path
    format: str
    content_type: str
    rows: int
    bytes: int
    sha256: str


def write_report_files(table: pa.Table, folder: Path, name: str) -> list[LocalFile]:
    """Write the report `name` to `folder` as <name>.parquet, <name>.csv and <name>.json.

    Raises ValueError where a figure is NaN or infinite: a missing figure is null.
    """
    _refuse_unreal_figures(table, name)
    return [_write(table, folder / f"{name}.{format_}", format_) for format_ in _FORMATS]


def _write(table: pa.Table, path: Path, format_: str) -> LocalFile:
    content_type, write = _FORMATS[format_]
    with _Measured(path) as file:
        write(table, file)
    return LocalFile(path, format_, content_type, table.num_rows, file.size, file.digest.hexdigest())


def _refuse_unreal_figures(table: pa.Table, name: str) -> None:
    for column, field in zip(table.columns, table.schema, strict=True):
        if pa.types.is_floating(field.type) and pc.all(pc.is_finite(column)).as_py() is False:
            raise ValueError(
                f"report {name}: column {field.name} holds NaN or infinity; a missing figure must be null, "
                "so mend the formula that made it"
            )


# -- formats -----------------------------------------------------------------------------------------


def _write_parquet(table: pa.Table, file: _Measured) -> None:
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")


def _write_csv(table: pa.Table, file: _Measured) -> None:
    file.write(_csv_line(table.column_names))
    for record in _records(table):
        file.write(_csv_line(record.values()))


def _write_json(table: pa.Table, file: _Measured) -> None:
    between = b"[\n"
    for record in _records(table):
        file.write(between + _json(record).encode())
        between = b",\n"
    file.write(b"\n]\n" if table.num_rows else b"[]\n")


def _records(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as plain values, moments and days as text."""
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
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


def _csv_line(values: Any) -> bytes:
    return (",".join(map(_csv_field, values)) + "\r\n").encode()


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json(value)
    # Only quotes tell an empty text from a null.
    if not text or not _QUOTED.isdisjoint(text):
        return '"' + text.replace('"', '""') + '"'
    return text


_Writer = Callable[[pa.Table, "_Measured"], None]
_FORMATS: dict[str, tuple[str, _Writer]] = {
    "parquet": ("application/vnd.apache.parquet", _write_parquet),
    "csv": ("text/csv; charset=utf-8; header=present", _write_csv),
    "json": ("application/json", _write_json),
}


class _Measured(io.RawIOBase):
    """A file that knows the size and digest of what was written to it."""

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

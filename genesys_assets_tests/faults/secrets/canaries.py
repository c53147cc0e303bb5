"""Secrets that are easy to recognise, and the search for them in everything that is written."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq


def forms(secret: str) -> set[bytes]:
    """The forms in which a secret may be written."""
    written = {secret, quote(secret, safe=""), quote_plus(secret), b64encode(secret.encode()).decode().rstrip("=")}
    return {text.encode() for text in written}


def found(canaries: Mapping[str, str], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Which canary appears in which text."""
    wanted = {name: forms(secret) for name, secret in canaries.items()}
    return [
        f"{name} in {where}"
        for where, text in texts
        for name, written in wanted.items()
        if any(form in text for form in written)
    ]


def texts_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and the content of packed files: rows of tables and of Dagster's databases, archives."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name, content = str(path.relative_to(folder)), path.read_bytes()
            yield from texts_of(name, content)
            if content[:6] == b"SQLite":
                yield from ((f"{name} ({table})", cell) for table, cell in _cells(path))


def texts_of(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, content
    if content[:4] == b"PAR1":
        yield f"{name} (rows)", str(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
    elif content[:2] == b"\x1f\x8b":
        yield f"{name} (unpacked)", gzip.decompress(content)


def _cells(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every cell of every table; Dagster packs snapshots of jobs."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                for cell in row:
                    if isinstance(cell, bytes):
                        with suppress(zlib.error):
                            cell = zlib.decompress(cell)
                    yield table, cell if isinstance(cell, bytes) else str(cell).encode()

"""Searches everything that a folder, and Dagster, have stored, as bytes and as texts.

Parquet is read column by column, because its pages are compressed; its footers are searched as they are.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
from dagster._serdes import serialize_value


def files_with(folder: Path, values: Iterable[str]) -> dict[str, list[str]]:
    """Which of the values appear in which file of a folder, of any kind, including hidden files."""
    wanted = {value: _written(value) for value in values}
    found: dict[str, list[str]] = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        parts = [path.name.encode(), *_contents(path)]
        here = [value for value, ways in wanted.items() if any(way in part for way in ways for part in parts)]
        if here:
            found[str(path.relative_to(folder))] = here
    return found


def _written(value: str) -> list[bytes]:
    """The ways in which a text may be written: as it is, and as JSON writes it."""
    escaped = value.encode("unicode_escape").decode().replace("\\x", "\\u00")
    return list({value.encode(), escaped.encode(), value.encode("utf-16-le")})


def _contents(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    yield raw
    if raw[:4] == b"PAR1" and raw[-4:] == b"PAR1":
        yield from _columns(path)
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    elif path.suffix == ".png":
        yield from _inflated(raw)


def _columns(path: Path) -> Iterator[bytes]:
    """All values of each column, one after the other, however deep they are nested."""
    for column in pq.ParquetFile(path).read().columns:
        for chunk in column.chunks:
            yield from _buffers(chunk)


def _buffers(values: pa.Array) -> Iterator[bytes]:
    if pa.types.is_struct(values.type):
        for child in values.flatten():
            yield from _buffers(child)
    elif pa.types.is_list(values.type) or pa.types.is_map(values.type):
        yield from _buffers(values.values)
    elif pa.types.is_string(values.type) or pa.types.is_binary(values.type) or pa.types.is_large_string(values.type):
        yield b"\n".join(buffer.to_pybytes() for buffer in values.buffers() if buffer is not None)


def _inflated(raw: bytes) -> Iterator[bytes]:
    begin = raw.find(b"IDAT")
    if begin > 0:
        yield zlib.decompressobj().decompress(raw[begin + 4 :])


def events_with(instance: dg.DagsterInstance, values: Iterable[str]) -> dict[str, list[str]]:
    """Which of the values appear in which events of a Dagster instance: messages, and metadata of every kind."""
    wanted, found = list(values), dict[str, list[str]]()
    for run in instance.get_runs():
        for entry in instance.all_logs(run.run_id):
            said = f"{entry.message}\n{serialize_value(entry)}\n{_metadata(entry)}"
            here = [value for value in wanted if any(way.decode("utf-8", "ignore") in said for way in _written(value))]
            if here:
                found[f"{entry.step_key} {entry.dagster_event_type}: {entry.message[:80]}"] = here
    return found


def _metadata(entry: dg.EventLogEntry) -> str:
    event: Any = entry.asset_materialization
    return "" if event is None else "\n".join(str(value.value) for value in event.metadata.values())

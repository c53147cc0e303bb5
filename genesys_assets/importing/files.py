"""Saved files: where they are, and the JSON documents in them. What a document means is in `shapes`."""

from __future__ import annotations

import fnmatch
import glob
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from genesys_assets.lake.store import Store

SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
"""What is looked for in a folder; a file that is named itself may be called anything."""

_GZIP = b"\x1f\x8b"
_WILDCARD = frozenset("*?[")


class CannotImport(ValueError):
    """A file, or a place without files, can not be imported; the message is the reason."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One file that somebody saved."""

    place: str
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.place.rpartition("/")[2]


def find(places: Sequence[str], s3_client: Callable[[], Any]) -> list[SavedFile]:
    """The files at each place: a file, a folder with all below it, or a pattern with `*`, `**`, `?` or `[…]`, on disk
    or under `s3://bucket/…`. Those of one place come in the order of their names. A place without any file is given
    as a file that can not be read.
    """
    found = []
    for place in places:
        here = list(_on_s3(place, s3_client) if place.startswith("s3://") else _on_disk(place))
        found += here or [SavedFile(place, _nothing_at(place))]
    return found


def documents(raw: bytes) -> list[Any]:
    """The JSON values of a file: one document, or one on each line; plain or gzip. Raises CannotImport."""
    text = _text(raw)
    try:
        return [_parse(text)]
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0][1]):
            raise CannotImport(f"it is not JSON: {error}") from None
    return [_parse_line(number, line) for number, line in lines]


def _on_disk(place: str) -> Iterator[SavedFile]:
    path = os.path.expanduser(place)
    if os.path.isdir(path):
        paths = sorted(str(each) for each in Path(path).rglob("*") if each.name.lower().endswith(SUFFIXES))
        paths = [each for each in paths if not any(part.startswith(".") for part in Path(each).parts if part != "..")]
    elif os.path.exists(path):
        paths = [path]
    else:
        paths = sorted(glob.glob(path, recursive=True))
    return (SavedFile(each, Path(each).read_bytes) for each in paths if os.path.isfile(each))


def _on_s3(place: str, s3_client: Callable[[], Any]) -> Iterator[SavedFile]:
    from genesys_assets.lake.store import open_store

    bucket, _, key = place.removeprefix("s3://").partition("/")
    store = open_store(f"s3://{bucket}", s3_client)
    is_pattern = bool(_WILDCARD & set(key))
    if not is_pattern and store.size(key) is not None:
        yield SavedFile(place, _reader(store, key))
        return
    folder = key[: min(key.index(char) for char in _WILDCARD if char in key)].rpartition("/")[0] if is_pattern else key
    for each in store.keys(folder.strip("/")):
        if fnmatch.fnmatchcase(each, key) if is_pattern else each.lower().endswith(SUFFIXES):
            yield SavedFile(f"s3://{bucket}/{each}", _reader(store, each))


def _reader(store: Store, key: str) -> Callable[[], bytes]:
    def read() -> bytes:
        whole = store.get(key)
        if whole is None:
            raise FileNotFoundError(store.uri(key))
        return whole

    return read


def _nothing_at(place: str) -> Callable[[], bytes]:
    def read() -> NoReturn:
        raise CannotImport("there is no such file, and no folder or pattern with files to read")

    return read


def _text(raw: bytes) -> str:
    if raw.startswith(_GZIP):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise CannotImport(f"its gzip is damaged: {error}") from None
    if not raw.strip():
        raise CannotImport("it is empty")
    try:
        return raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError as error:
        raise CannotImport(f"it is not text: {error}") from None


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse_line(number: int, line: str) -> Any:
    try:
        return _parse(line)
    except ValueError as error:
        raise CannotImport(f"line {number} is not JSON: {error}") from None


def _is_json(line: str) -> bool:
    try:
        _parse(line)
    except ValueError:
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")

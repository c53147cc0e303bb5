"""Finds saved files, and reads their bytes in pieces, decompressed. `documents` parses the JSON in them."""

from __future__ import annotations

import fnmatch
import glob
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from genesys_assets.importing.remarks import printable

if TYPE_CHECKING:
    from genesys_assets.lake.store import Store

SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
"""The suffixes of files that are read in a folder. Hidden files and those in `_NO_ANSWERS` are ignored there; every
other file is reported as skipped. A file that is named itself may have any suffix.
"""
_NO_ANSWERS = (
    *(".md", ".rst", ".py", ".pyc", ".ipynb", ".sh", ".ps1", ".bat", ".cmd", ".js", ".mjs", ".ts", ".rb", ".go", ".cs"),
    *(".java", ".jar", ".sql", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".lock", ".png", ".jpg", ".jpeg", ".svg"),
    *("license", "makefile", "dockerfile", "_success", "thumbs.db", "desktop.ini"),
)
"""Suffixes of scripts, settings, notes and pictures, which often lie beside saved answers."""
_REFUSED = {
    "an archive or compressed: unpack it": (
        *(".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar", ".gz", ".zst", ".bz2", ".xz", ".lz4", ".br", ".z"),
    ),
    "not whole yet: import it once it is": (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp"),
    "a table: save the answers of the platform as JSON": (
        *(".xlsx", ".xls", ".ods", ".csv", ".tsv", ".parquet", ".avro", ".orc", ".feather"),
    ),
}
"""Reasons why a file in a folder is not read, with the suffixes that they apply to."""

LARGEST_INFLATED = 4 << 30
"""The most bytes that a gzip file may decompress to. A megabyte can be made to decompress to a gigabyte; a year of a
large contact centre has less than four gigabytes.
"""

_PIECE, _SMALL = 256 << 10, 8 << 20
_GZIP = b"\x1f\x8b"
NOT_TEXT = (
    (b"PK\x03\x04", "a zip archive or an Excel file"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "one part of a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"FEA1", "a Feather file"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with Snappy"),
    (b"\x78\x01", "compressed with zlib"),
    (b"\x78\x9c", "compressed with zlib"),
    (b"\x78\xda", "compressed with zlib"),
    (b"\x80\x04\x95", "a pickle of Python"),
    (b"\x80\x05\x95", "a pickle of Python"),
    (b"\x1f\x9d", "compressed with compress (.Z)"),
    (b"LZIP\x01", "compressed with lzip"),
    (b"\x50\x2a\x4d\x18", "compressed with zstd"),
    (b"bplist0", "a property list of Apple"),
    (b"\xd9\xd9\xf7", "CBOR"),
    (b"\xac\xed\x00\x05", "an object of Java"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
)
"""The first bytes of files of other kinds."""
_TAR_MAGIC_AT = 257
_LONGEST_PATH = 4_096
_LONGEST_MAGIC = max(len(magic) for magic, _ in NOT_TEXT)
_WILDCARD = frozenset("*?[")


class CannotImport(ValueError):
    """A file cannot be imported, or an argument names no files. The message is the reason."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One saved file. `place` is its path or s3:// URL; `open` returns a new stream of its bytes."""

    place: str
    open: Callable[[], BinaryIO]

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.place.rpartition("/")[2]


def find(places: Sequence[str], s3_client: Callable[[], Any]) -> list[SavedFile]:
    """The files at each place: a file, a folder with everything below it, or a pattern with `*`, `**`, `?` or `[…]`, on
    disk or under `s3://bucket/…`. The files of one place are in the order of their names. A place without files gives
    one file that cannot be read, so that it is reported.
    """
    files = []
    for place in places:
        of_place = list(_on_s3(place, s3_client) if place.startswith("s3://") else _on_disk(place))
        files += of_place or [SavedFile(place, _raises(CannotImport(_NOTHING)))]
    return files


def pieces_of(file: SavedFile) -> Iterator[bytes]:
    """The bytes of a file as stored, in pieces. Raises CannotImport if they cannot be read."""
    try:
        with file.open() as stream:
            yield from _pieces(stream)
    except OSError as error:
        raise CannotImport(f"it cannot be read: {error.strerror or error}") from None


def sha256_of(file: SavedFile) -> str:
    digest = hashlib.sha256()
    for piece in pieces_of(file):
        digest.update(piece)
    return digest.hexdigest()


def unaltered(file: SavedFile, sha256: str) -> Iterator[bytes]:
    """The file's bytes once more. Raises CannotImport if they have changed: somebody is still writing the file."""
    digest = hashlib.sha256()
    for piece in pieces_of(file):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise CannotImport("it changed while it was read: import it once it is finished")


def inflated(pieces: Iterator[bytes], largest: int = LARGEST_INFLATED) -> Iterator[bytes]:
    """The bytes of a file, decompressed if they are gzip. Raises CannotImport if the gzip is damaged or has more than
    `largest` bytes, or if the bytes are those of another kind of file.
    """
    first = b""
    while len(first) < _LONGEST_MAGIC and (piece := next(pieces, None)) is not None:
        first += piece
    _must_be_text(first)
    together = _ByteStream(first, pieces)
    if not first.startswith(_GZIP):
        yield from _pieces(together)
        return
    size = 0
    try:
        with gzip.GzipFile(fileobj=together, mode="rb") as file:
            for piece in _pieces(file):
                if not size and piece.startswith(_GZIP):
                    raise CannotImport("it is compressed twice: unpack it once")
                if not size:
                    _must_be_text(piece)
                size += len(piece)
                if size > largest:
                    raise CannotImport(
                        f"its gzip holds more than {largest:,} bytes: a file of that size is refused for what it could "
                        "do to the disk. Split it, or unpack it if you trust it"
                    )
                yield piece
    except (OSError, EOFError, zlib.error) as error:
        raise CannotImport(f"its gzip is damaged: {error}") from None


def _must_be_text(first: bytes) -> None:
    """Raises CannotImport if the first bytes are those of another kind of file."""
    what = next((what for magic, what in NOT_TEXT if first.startswith(magic)), None)
    if what is None and first[_TAR_MAGIC_AT:].startswith(b"ustar"):
        what = "a tar archive"
    if what is not None:
        raise CannotImport(f"it is {what}, not JSON: unpack it, or save it as JSON")


class _ByteStream(io.RawIOBase):
    """Pieces of bytes as one stream."""

    def __init__(self, first: bytes, rest: Iterator[bytes]) -> None:
        self._left = memoryview(first)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._rest, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _on_disk(place: str) -> Iterator[SavedFile]:
    path = os.path.expanduser(place)
    if os.path.isdir(path):
        yield from _below(path)
    elif os.path.lexists(path):
        yield _local(path)
    elif "**" in path.split(os.sep):
        yield from _matching(path)
    else:
        for each in sorted(glob.glob(path)):
            # As with a pattern that a shell expands: a folder stands for everything below it.
            if os.path.isdir(each):
                yield from [_linked(each)] if os.path.islink(each.rstrip(os.sep)) else _below(each)
            else:
                yield _local(each)


def _below(folder: str) -> list[SavedFile]:
    """The files below a folder, except hidden ones and those in `_NO_ANSWERS`; then the folders that cannot be listed,
    and links to folders, as files that cannot be read.
    """
    found, unread = _walk(folder)
    return [*(_by_name(_local(path)) for path in found if not _is_ignored(os.path.basename(path))), *unread]


def _matching(pattern: str) -> list[SavedFile]:
    """The files that a pattern with `**` matches, except hidden ones. `glob` would follow links, even in a circle."""
    wanted = pattern.split(os.sep)
    fixed = next(at for at, name in enumerate(wanted) if _WILDCARD & set(name))
    root = os.path.join(os.sep.join(wanted[:fixed]), "")
    found, unread = _walk(root or os.curdir)
    paths = found if root else [os.path.relpath(path) for path in found]
    before = wanted[: wanted.index("**")]
    return [
        *(_local(path) for path in paths if _matches(path.split(os.sep), wanted)),
        *(file for file in unread if all(map(fnmatch.fnmatchcase, file.place.split(os.sep), before))),
    ]


def _walk(folder: str) -> tuple[list[str], list[SavedFile]]:
    """The files below a folder, in order; and the folders that were not looked into, as files that cannot be read.
    Hidden files and folders are left out.
    """
    refused: list[OSError] = []
    found: list[str] = []
    links: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=refused.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links += [path for name in folders if os.path.islink(path := os.path.join(parent, name))]
        found += [os.path.join(parent, name) for name in names if not name.startswith(".")]
    unread = [SavedFile(_named(error.filename), _raises(error)) for error in refused]
    unread += map(_linked, sorted(links))
    return sorted(found, key=lambda path: path.split(os.sep)), unread


def _is_ignored(name: str) -> bool:
    """Whether a file of a folder is neither read nor reported, because nobody would take it for answers."""
    return name.startswith(".") or (name.lower().endswith(_NO_ANSWERS) and not name.lower().endswith(SUFFIXES))


def _by_name(file: SavedFile) -> SavedFile:
    """A file of a folder; if its name does not say that it is JSON, a file that cannot be read."""
    name = file.name.lower()
    if name.endswith(SUFFIXES):
        return file
    for what, ends in _REFUSED.items():
        if name.endswith(ends):
            return SavedFile(file.place, _raises(CannotImport(f"by its name it is {what}")))
    return SavedFile(file.place, _raises(CannotImport(_UNKNOWN)))


def _linked(path: str) -> SavedFile:
    """A link to a folder, as a file that cannot be read: it may lead anywhere, also in a circle."""
    return SavedFile(_named(path), _raises(CannotImport(_LINKED)))


def _local(path: str) -> SavedFile:
    def open_file() -> BinaryIO:
        # Opening a pipe may block for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CannotImport("it is no regular file")
        return Path(path).open("rb")

    return SavedFile(_named(path), open_file)


def _named(path: str) -> str:
    """A path as printable text: the bytes of a file's name need not be UTF-8, and may contain control characters."""
    return printable(os.fsencode(path).decode(errors="replace"), _LONGEST_PATH)


def _on_s3(place: str, s3_client: Callable[[], Any]) -> Iterator[SavedFile]:
    from genesys_assets.lake.opening import open_store

    bucket, _, key = place.removeprefix("s3://").partition("/")
    store = open_store(f"s3://{bucket}", s3_client)
    if key and store.size(key) is not None:
        yield SavedFile(place, _opener(store, key))
        return
    is_pattern = bool(_WILDCARD & set(key))
    folder = key[: min(key.index(char) for char in _WILDCARD if char in key)].rpartition("/")[0] if is_pattern else key
    for each in store.keys(folder.strip("/")):
        file = SavedFile(_named(f"s3://{bucket}/{each}"), _opener(store, each))
        if is_pattern and _matches(each.split("/"), key.split("/")):
            yield file
        elif not is_pattern and file.name and not _is_ignored(file.name):
            yield _by_name(file)


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches a pattern name by name, as on disk; `**` stands for any number of folders."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[begin:], pattern[1:]) for begin in range(len(path) + 1))
    return bool(path) and fnmatch.fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


def _opener(store: Store, key: str) -> Callable[[], BinaryIO]:
    def open_object() -> BinaryIO:
        size = store.size(key)
        if size is None:
            raise FileNotFoundError(f"{store.uri(key)} is not there any more")
        # A small file is read with one request, which is retried if S3 fails.
        stream: BinaryIO = (
            store.open(key, size) if size <= _SMALL else store.filesystem.open_input_stream(store.path(key))
        )
        return stream

    return open_object


def _raises(error: Exception) -> Callable[[], NoReturn]:
    def raise_it() -> NoReturn:
        raise error

    return raise_it


_LINKED = "it is a link to a folder, and links are not followed: name the folder itself"
_UNKNOWN = (
    f"of a folder only files are read whose names end in {', '.join(SUFFIXES[:3])}, or in one of these and .gz. If "
    "this file holds answers, name the file itself; if not, write a pattern for the others, such as 'saved/*.json'"
)
_NOTHING = "there is no such file, and no folder or pattern with files to read"

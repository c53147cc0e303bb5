"""Unpacks gzip piece by piece, with Intel's library if it is installed (the extra `fast`), else with Python's own."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

try:
    from isal import isal_zlib as library
except ImportError:
    library = zlib

ERRORS: tuple[type[Exception], ...] = (zlib.error, library.error)
_GZIP = 16 + zlib.MAX_WBITS
_FIRST_BYTE = 0x1F


class Gzip:
    """Unpacks one answer, which may consist of several gzip members. Bytes after the last member are ignored, as other
    clients do. Raises one of `ERRORS`.
    """

    def __init__(self, most_at_once: int) -> None:
        self._most = most_at_once
        self._member: Any = library.decompressobj(_GZIP)
        self._has_begun = self._is_over = False

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """The unpacked bytes, in pieces of at most `most_at_once` bytes."""
        while packed and not self._is_over:
            if self._member.eof:
                self._is_over = packed[0] != _FIRST_BYTE
                self._member = self._member if self._is_over else library.decompressobj(_GZIP)
                continue
            self._has_begun = True
            piece = self._member.decompress(packed, self._most)
            packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece

    @property
    def is_whole(self) -> bool:
        """Whether the answer is complete, or has not begun."""
        return self._member.eof or not self._has_begun

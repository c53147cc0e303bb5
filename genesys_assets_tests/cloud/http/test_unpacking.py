"""Unpacking compressed answers, with either library."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import Any

import pytest

from genesys_assets.cloud.http import unpacking
from genesys_assets.cloud.http.unpacking import ERRORS, Gzip

LARGE = bytes(random.Random(1).choices(range(64), k=300_000))


@pytest.fixture(params=["zlib", "isal.isal_zlib"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = zlib if request.param == "zlib" else pytest.importorskip(request.param, reason="the extra `fast`")
    monkeypatch.setattr(unpacking, "library", found)
    return found


def unpacked(packed: bytes, at_once: int = 1000) -> tuple[bytes, bool]:
    """The unpacked bytes, if this many bytes arrive at once; and whether the answer was whole."""
    answer = Gzip(4096)
    pieces = [
        piece for first in range(0, len(packed), at_once) for piece in answer.pieces(packed[first : first + at_once])
    ]
    assert max(map(len, pieces), default=0) <= 4096
    return b"".join(pieces), answer.is_whole


@pytest.mark.parametrize("at_once", [1, 1000, 10**6])
@pytest.mark.parametrize("body", [b"", b"{}", LARGE[:5000]])
def test_what_was_packed_comes_out_however_it_comes_in(body: bytes, at_once: int) -> None:
    assert unpacked(gzip.compress(body), at_once) == (body, True)


def test_a_long_answer_comes_in_pieces() -> None:
    assert unpacked(gzip.compress(LARGE), 10**6) == (LARGE, True)


@pytest.mark.parametrize("at_once", [1, 10**6])
def test_members_follow_each_other_and_what_is_none_is_left_out(at_once: int) -> None:
    members = gzip.compress(b"one ") + gzip.compress(b"two")
    assert unpacked(members, at_once) == (b"one two", True)
    assert unpacked(members + b"\0\0\0\x1f", at_once) == (b"one two", True)


def test_an_answer_that_breaks_off_is_not_whole() -> None:
    body, is_whole = unpacked(gzip.compress(LARGE)[:-20])
    assert not is_whole
    assert LARGE.startswith(body)


def test_an_answer_that_has_not_begun_is_whole() -> None:
    assert unpacked(b"") == (b"", True)


def test_what_is_no_gzip_is_an_error() -> None:
    with pytest.raises(ERRORS):
        unpacked(b"not packed at all")
    damaged = bytearray(gzip.compress(LARGE))
    damaged[1000:1010] = bytes(10)
    with pytest.raises(ERRORS):
        unpacked(bytes(damaged))

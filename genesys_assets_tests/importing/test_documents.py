"""Any layout of a file, and any pieces of its bytes, give the same documents, or the file is refused."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.documents import LISTS, Part, documents
from genesys_assets.importing.files import NOT_TEXT, CannotImport, inflated
from genesys_assets.importing.pages import convert
from genesys_assets.importing.spool import Spool
from genesys_assets_tests.importing.saved import NOW

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
long_documents = st.fixed_dictionaries(
    {}, optional={name: st.lists(values, max_size=6) for name in LISTS} | {"other": values}
).map(lambda fields: {"granularity": "PT1H", **fields})
cuttings = st.lists(st.integers(0), max_size=9)
json_letters = st.text(alphabet='{}[]",:0123456789.eE-+\\u\ttrufalsn \n').map(str.encode)
between = st.sampled_from(["", " ", "\n", "\r\n", "\n\n", "\u2028", "\ufeff", "\x1e", "\n\ufeff"])


def in_pieces(raw: bytes, cuts: list[int]) -> Iterator[bytes]:
    bounds = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    return (raw[begin:end] for begin, end in pairwise(bounds))


def together(parts: list[Part]) -> list[Any]:
    """The documents again: parts of one answer are one document."""
    found: dict[tuple[int, ...], Any] = {}
    for part in parts:
        before = found.setdefault(part.answer, part.value)
        if before is not part.value:
            added = {name: [*before.get(name, []), *part.value.get(name, [])] for name in LISTS if name in part.value}
            found[part.answer] = before | part.value | added
    return list(found.values())


@pytest.mark.long
@settings(max_examples=150)
@given(
    st.lists(st.tuples(values | long_documents, between), min_size=1, max_size=4), st.lists(st.integers(0), max_size=9)
)
def test_documents_are_those_that_were_written_however_they_are_laid_out(
    written: list[tuple[Any, str]], cuts: list[int]
) -> None:
    # Two numbers with nothing between them are one.
    text = "".join(f"{json.dumps(value, ensure_ascii=False)}{space or ' '}" for value, space in written)
    # A number in front of an object may be the length of a chunk, or the number of a line: this is refused by name.
    assume(not re.match(r"\d+(\r\n|\t)\s*[\[{]", text))
    raw = text.encode("utf-8", errors="surrogatepass")
    found = [part.value for part in documents(in_pieces(raw, cuts), part=10**6)]
    assert found == [value for value, _ in written]


@pytest.mark.parametrize("value", [None, True, -1, "text", {"a": 1}])
def test_characters_that_json_may_have_make_no_binary_file_of_documents(value: Any) -> None:
    raw = f'{json.dumps(value)}\x1e{json.dumps(value)}\x1e"\x7f"'.encode()
    assert [part.value for part in documents([raw])] == [value, value, "\x7f"]


@pytest.mark.parametrize("value", [[[None]], [[True]], [[1]], [["a"]]])
def test_a_list_in_a_list_makes_no_file_of_settings_of_them(value: Any) -> None:
    assert [part.value for part in documents([f"{json.dumps(value)}\n".encode()])] == [value]


@settings(max_examples=150)
@given(long_documents, st.integers(1, 60), st.lists(st.integers(0), max_size=9))
def test_a_document_that_comes_in_parts_is_the_document(written: dict[str, Any], part: int, cuts: list[int]) -> None:
    raw = json.dumps(written).encode()
    (found,) = together(list(documents(in_pieces(raw, cuts), part=part)))
    of_elements = ("granularity", *LISTS)
    assert [found.get(name) for name in of_elements] == [written.get(name) for name in of_elements]


@settings(max_examples=100)
@given(st.lists(values, max_size=6), st.integers(1, 40), st.lists(st.integers(0), max_size=5))
def test_a_list_that_comes_in_parts_is_the_list(written: list[Any], part: int, cuts: list[int]) -> None:
    found = list(documents(in_pieces(json.dumps(written).encode(), cuts), part=part))
    assert [item for each in found for item in each.value] == written
    assert [each.first for each in found] == [
        sum(len(before.value) for before in found[:position]) for position in range(len(found))
    ]


@pytest.mark.long
@settings(max_examples=200)
@given(long_documents, st.integers(0), st.integers(1, 60))
def test_a_file_that_is_cut_anywhere_is_refused(written: dict[str, Any], cut: int, part: int) -> None:
    raw = json.dumps(written).encode()
    with pytest.raises(CannotImport):
        list(documents(iter([raw[: cut % len(raw)]]), part=part))


@settings(max_examples=300)
@given(
    st.binary(max_size=200) | st.text(alphabet='{}[]",:0123456789.eE-+\\u\ttrufalsn \n').map(str.encode), st.booleans()
)
def test_any_bytes_are_documents_or_refused_by_name(raw: bytes, is_gzip: bool) -> None:
    with Spool() as spool:
        try:
            convert("any.json", "0" * 64, iter([gzip.compress(raw) if is_gzip else raw]), ImportOptions(), NOW, spool)
        except CannotImport:
            assert spool.places() == []


@settings(max_examples=60)
@given(st.binary(max_size=300), st.lists(st.integers(0), max_size=5))
def test_bytes_are_inflated_however_they_come(raw: bytes, cuts: list[int]) -> None:
    # Twice compressed files are refused, and so are archives, pictures and the like.
    assume(not raw.startswith((b"\x1f\x8b", *(magic for magic, _ in NOT_TEXT))))
    assert b"".join(inflated(in_pieces(gzip.compress(raw) + gzip.compress(raw), cuts))) == raw + raw


def test_a_refusal_says_the_line() -> None:
    with pytest.raises(CannotImport, match="line 3 column 9: ',' is missing"):
        list(documents(iter([b'{"a": 1}\n{"a": 2}\n{"a": 3 4}\n{"a": 4}'])))


@pytest.mark.parametrize("part", [10, 1 << 20])
@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b'{"l": [' + b'{"k": 1}, ' * 50 + b"x]}", "line 1 column 508: a value is missing"),
        (b'{\n"l": [' + b'{"k": 1}, ' * 50 + b"x]}", "line 2 column 507: a value is missing"),
        (b'{\n"l": [' + b'{"k": 1},\n' * 50 + b"  x]}", "line 52 column 3: a value is missing"),
        (b'{"l": [' + b'{"k": 1}, ' * 50, "line 1 column 508: it ends in the middle, so it was cut"),
        (b'{"l": [' + b'{"k": 1}, ' * 50 + b'"x', "line 1 column 510: it ends in the middle, so it was cut. Save it"),
    ],
)
def test_a_refusal_says_the_column_of_the_file_however_it_is_read(raw: bytes, place: str, part: int) -> None:
    with pytest.raises(CannotImport) as refusal:
        list(documents(iter([raw]), part=part))
    assert place in str(refusal.value)


@pytest.mark.parametrize(
    ("behind", "what"),
    [
        (b" done", "column 10: text follows behind the answer, 'done': take it out. Only further answers may follow"),
        (b"}", "column 9: text follows behind the answer, '}': take it out"),
        (
            b"\nTotal: 3 conversations of today",
            "line 2 column 1: text follows behind the answer, 'Total: 3 ",
        ),
        (b"\nNone\n", "line 2 column 1: text follows behind the answer, 'None': take it out"),
        (b"\n# end", "line 2 column 1: a comment, which JSON does not have"),
        (b"\n{'a': 2}", "line 2 column 2: single quotes stand where JSON has double ones"),
    ],
)
def test_a_refusal_says_that_text_follows_behind_an_answer(behind: bytes, what: str) -> None:
    with pytest.raises(CannotImport) as refusal:
        list(documents(iter([b'{"a": 1}' + behind])))
    assert what in str(refusal.value)

"""Pages of JSON by Arrow's reader: whole, fast and strict, and only those fields that occur.

A page is one JSON object with a list whose elements the model describes. Arrow's reader is given the fields of the
model that have occurred so far, and reports others. If the model knows a reported field, the page is read again with
it, so that its values get the model's type and not a guessed one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from genesys_assets.tables.conversations.nested import conformed, field_of, grown, retyped


class Elements(NamedTuple):
    """The elements of a page's list, and how often each unknown field occurred, by path."""

    elements: pa.StructArray
    unknown: Counter[str]


class Reader:
    """Reads pages whose elements, in the list `name`, are of the model or of a part of it.

    A map in the model stands for an object whose names are unknown beforehand; it is read as a struct. `envelope` are
    the page's other fields, `known` the fields of elements that always occur. The reader remembers from page to page
    which fields occur. Threads may share it: each only adds to it.
    """

    def __init__(
        self, name: str, model: pa.StructType, envelope: Collection[str], known: pa.StructType | None = None
    ) -> None:
        self._name = name
        self._model = model
        self._envelope = frozenset({name, *envelope})
        self._unit = "ms"
        self.known = pa.struct([]) if known is None else known

    def read(self, body: bytes) -> Elements:
        """Raises ArrowInvalid or UnicodeDecodeError where a page does not fit the model as it stands."""
        (found,) = self.read_all([body])
        return found

    def read_all(self, bodies: Sequence[bytes]) -> list[Elements]:
        """Reads several pages at once, because each field costs time in every read. Raises if one does not fit."""
        try:
            return self._read(bodies, self._unit)
        except pa.ArrowInvalid:
            if self._unit == "us":
                raise
        # Times may have more digits than milliseconds, which Arrow does not cut.
        found = self._read(bodies, "us")
        self._unit = "us"
        return found

    def _read(self, bodies: Sequence[bytes], unit: str) -> list[Elements]:
        asked = known = self.known
        parsed, lists = _parse(bodies, self._name, known, unit, "infer")
        if lists.type != _schema(self._name, known, unit).field(0).type:
            known = grown(self._model, asked, lists.type.value_type)
            if known != asked:
                self.known = known
                parsed, lists = _parse(bodies, self._name, known, unit, "infer")
        unknown = [self._unknown(parsed.slice(row, 1), lists.slice(row, 1), known) for row in range(len(lists))]
        elements = conformed(lists.flatten(), known)
        ends = np.cumsum(pc.list_value_length(lists).fill_null(0).to_numpy())
        pages = [elements.slice(end - count, count) for end, count in zip(ends, np.diff(ends, prepend=0), strict=True)]
        return [
            Elements(page.drop_null() if page.null_count else page, counts)
            for page, counts in zip(pages, unknown, strict=True)
        ]

    def _unknown(self, page: pa.Table, lists: pa.ListArray, known: pa.StructType) -> Counter[str]:
        unknown = Counter(
            column for column in page.schema.names if column not in self._envelope and not page[column].null_count
        )
        if lists.type.value_type != known:
            _count_unknown(lists.type, pa.list_(self._model), lists, self._name, unknown)
        return unknown


def read_only(name: str, wanted: pa.StructType, body: bytes) -> pa.StructArray:
    """Only the wanted fields of each element, which has them directly. Raises as `Reader.read` does."""
    _, lists = _parse([body], name, wanted, "us", "ignore")
    return conformed(lists.flatten(), wanted)


def _parse(
    bodies: Sequence[bytes], name: str, elements: pa.StructType, unit: str, unexpected: str
) -> tuple[pa.Table, pa.ListArray]:
    """The pages as a table of a row each, and their lists."""
    if not all(body.lstrip().startswith(b"{") for body in bodies):
        # Of a body `null` Arrow's reader makes no error: the process ends.
        raise pa.ArrowInvalid("a page is no object")
    for body in bodies:
        if not body.isascii():
            body.decode("utf-8")
    block = b"\n".join(bodies)
    parsed = pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(block_size=len(block) + 1, use_threads=False),
        parse_options=pj.ParseOptions(
            explicit_schema=_schema(name, elements, unit),
            newlines_in_values=any(b"\n" in body for body in bodies),
            unexpected_field_behavior=unexpected,
        ),
    )
    if len(parsed) != len(bodies):
        raise pa.ArrowInvalid(f"{len(bodies)} pages hold {len(parsed)} JSON objects")
    return parsed, parsed.column(name).chunk(0)


@lru_cache(maxsize=64)
def _schema(name: str, elements: pa.StructType, unit: str) -> pa.Schema:
    """Of a page whose list has such elements, times in that unit."""
    instant = pa.timestamp(unit, "UTC")
    written = retyped(elements, lambda scalar: instant if pa.types.is_timestamp(scalar) else scalar)
    return pa.schema([(name, pa.list_(written))])


def _count_unknown(found: pa.DataType, model: pa.DataType, values: pa.Array, path: str, unknown: Counter[str]) -> None:
    """Count the values of all fields that the model does not have."""
    if pa.types.is_list(found) and pa.types.is_list(model):
        _count_unknown(found.value_type, model.value_type, values.flatten(), path, unknown)
    elif pa.types.is_struct(found) and pa.types.is_struct(model):
        for index, member in enumerate(found):
            child = pc.struct_field(values, [index])
            where, expected = f"{path}.{member.name}", field_of(model, member.name)
            if expected is not None:
                _count_unknown(member.type, expected, child, where, unknown)
            elif len(child) > child.null_count:
                unknown[where] += len(child) - child.null_count

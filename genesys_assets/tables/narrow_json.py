"""Reads pages of JSON by Arrow's reader: whole, fast and strict, and only the fields that occur.

A page is one JSON object with a list, whose elements the model describes. Arrow's reader is given the fields of the
model that have occurred so far, and reports others. If a reported field is in the model, the page is read again with
this field, so that its values get the model's type instead of a guessed one.
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

from genesys_assets.tables.conversations.nested import conformed, field_of, grown, map_scalars


class Elements(NamedTuple):
    """The elements of a page's list without those that are null, how often each unknown field occurred, by path, and
    how many elements were null.
    """

    elements: pa.StructArray
    unknown: Counter[str]
    nulls: int = 0


class JsonReader:
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
        """The elements of a page. Raises ArrowInvalid or UnicodeDecodeError if the page does not fit the model."""
        (elements,) = self.read_all([body])
        return elements

    def read_all(self, bodies: Sequence[bytes]) -> list[Elements]:
        """The elements of several pages, read at once, because each field costs time in every read. Raises as `read` if
        one does not fit.
        """
        try:
            return self._read(bodies, self._unit)
        except pa.ArrowInvalid:
            if self._unit == "us":
                raise
        # Times may have more digits than milliseconds, and Arrow does not cut them.
        elements = self._read(bodies, "us")
        self._unit = "us"
        return elements

    def _read(self, bodies: Sequence[bytes], unit: str) -> list[Elements]:
        known_before = known = self.known
        parsed, lists = _parse(bodies, self._name, known, unit, "infer")
        if lists.type != _schema(self._name, known, unit).field(0).type:
            known = grown(self._model, known_before, lists.type.value_type)
            if known != known_before:
                self.known = known
                parsed, lists = _parse(bodies, self._name, known, unit, "infer")
        unknown = [self._unknown(parsed.slice(row, 1), lists.slice(row, 1), known) for row in range(len(lists))]
        elements = conformed(lists.flatten(), known)
        ends = np.cumsum(pc.list_value_length(lists).fill_null(0).to_numpy())
        pages = [elements.slice(end - count, count) for end, count in zip(ends, np.diff(ends, prepend=0), strict=True)]
        return [
            Elements(page.drop_null() if page.null_count else page, counts, page.null_count)
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
    """Only the wanted fields of each element; they must be direct fields of it. Raises as `JsonReader.read`."""
    _, lists = _parse([body], name, wanted, "us", "ignore")
    return conformed(lists.flatten(), wanted)


def _parse(
    bodies: Sequence[bytes], name: str, elements: pa.StructType, unit: str, unexpected: str
) -> tuple[pa.Table, pa.ListArray]:
    """The pages as a table with one row for each, and their lists."""
    if not all(body.lstrip().startswith(b"{") for body in bodies):
        # Arrow's reader does not raise for the body `null`: it ends the process.
        raise pa.ArrowInvalid("a page is not an object")
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
    """The schema of a page whose list `name` has such elements, with times in that unit."""
    instant = pa.timestamp(unit, "UTC")
    in_unit = map_scalars(elements, lambda scalar: instant if pa.types.is_timestamp(scalar) else scalar)
    return pa.schema([(name, pa.list_(in_unit))])


def _count_unknown(type_: pa.DataType, model: pa.DataType, values: pa.Array, path: str, unknown: Counter[str]) -> None:
    """Counts the values of all fields that the model does not have."""
    if pa.types.is_list(type_) and pa.types.is_list(model):
        _count_unknown(type_.value_type, model.value_type, values.flatten(), path, unknown)
    elif pa.types.is_struct(type_) and pa.types.is_struct(model):
        for index, member in enumerate(type_):
            child = pc.struct_field(values, [index])
            where, expected = f"{path}.{member.name}", field_of(model, member.name)
            if expected is not None:
                _count_unknown(member.type, expected, child, where, unknown)
            elif len(child) > child.null_count:
                unknown[where] += len(child) - child.null_count

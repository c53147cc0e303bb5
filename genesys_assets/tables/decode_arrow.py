"""A details page as Arrow's JSON reader takes it: whole, fast, and strict. What it refuses is for `decode_values`.

The reader is asked for those fields of the model that have occurred so far; any other it finds by itself. If the model
knows what it found, the page is read again with it, so that its values get the model's types and not guessed ones.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from genesys_assets.tables.conversation_model import CONVERSATION_TYPE
from genesys_assets.tables.nested import field_of, grown, retyped, with_elements

_ATTRIBUTES = "attributes"
_PAIRS = CONVERSATION_TYPE.field("participants").type.value_type.field(_ATTRIBUTES).type
_ENVELOPE = [
    ("totalHits", pa.float64()),
    ("cursor", pa.string()),
    ("dataAvailabilityDate", pa.string()),
]
ENVELOPE = frozenset({"conversations", "aggregations", *(name for name, _ in _ENVELOPE)})
"""Fields of a page beside its conversations."""


class Found(NamedTuple):
    """The conversations of a page, and how often each unknown field occurred, by path."""

    conversations: pa.StructArray
    unknown: Counter[str]


class Reader:
    """Remembers from page to page which fields occur. May be shared by threads: each only ever adds to it."""

    def __init__(self) -> None:
        self._known = pa.struct([])
        self._unit = "ms"

    def read(self, body: bytes) -> Found:
        """Raises ArrowInvalid or UnicodeDecodeError where a page does not fit the model as it stands."""
        try:
            found = self._read(body, self._unit)
        except pa.ArrowInvalid:
            if self._unit == "us":
                raise
            # Times may have more digits than milliseconds, which Arrow does not cut.
            found = self._read(body, "us")
            self._unit = "us"
        return found

    def _read(self, body: bytes, unit: str) -> Found:
        known = self._known
        parsed, lists = _parse(body, _schema(known, unit), "infer")
        if lists.type != _schema(known, unit).field("conversations").type:
            known = grown(_MODEL, known, lists.type.value_type)
            if known != self._known:
                self._known = known
                parsed, lists = _parse(body, _schema(known, unit), "infer")
        unknown = Counter(name for name in parsed.schema.names if name not in ENVELOPE)
        if lists.type.value_type != known:
            _count_unknown(lists.type, pa.list_(_MODEL), lists, "conversations", unknown)
            lists = lists.cast(pa.list_(known), safe=False)
        conversations = _with_pairs(lists.flatten())
        return Found(conversations.drop_null() if conversations.null_count else conversations, unknown)


def read_only(wanted: pa.StructType, body: bytes) -> pa.StructArray:
    """Only the wanted fields of each conversation, which has them directly. Raises as `Reader.read` does."""
    _, lists = _parse(body, _schema(wanted, "us"), "ignore")
    return lists.cast(pa.list_(wanted), safe=False).flatten()


def _parse(body: bytes, schema: pa.Schema, unexpected: str) -> tuple[pa.Table, pa.ListArray]:
    """The page as a table of one row, and the list of its conversations."""
    body.decode("utf-8")
    parsed = pj.read_json(
        pa.BufferReader(body),
        read_options=pj.ReadOptions(block_size=len(body) + 1, use_threads=False),
        parse_options=pj.ParseOptions(
            explicit_schema=schema, newlines_in_values=b"\n" in body, unexpected_field_behavior=unexpected
        ),
    )
    return parsed, parsed.column("conversations").chunk(0)


@lru_cache(maxsize=64)
def _schema(conversation: pa.StructType, unit: str) -> pa.Schema:
    """Of a page whose conversations have those fields, times in that unit."""
    instant = pa.timestamp(unit, "UTC")
    written = retyped(conversation, lambda scalar: instant if pa.types.is_timestamp(scalar) else scalar)
    return pa.schema([("conversations", pa.list_(written)), *_ENVELOPE])


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


# -- participant attributes -------------------------------------------------------------------------------------------


def _as_map(type_: pa.DataType) -> pa.DataType:
    """The conversation as it is written: attributes are an object of names that nobody knows beforehand."""
    if pa.types.is_list(type_):
        return pa.list_(_as_map(type_.value_type))
    if pa.types.is_struct(type_):
        text = pa.map_(pa.string(), pa.string())
        return pa.struct([(m.name, text if m.name == _ATTRIBUTES else _as_map(m.type)) for m in type_])
    return type_


_MODEL = _as_map(CONVERSATION_TYPE)


def _with_pairs(conversations: pa.StructArray) -> pa.StructArray:
    """The conversations with participants' attributes as lists of pairs in place of structs."""
    if field_of(_participant(conversations.type), _ATTRIBUTES) is None:
        return conversations
    lists = pc.struct_field(conversations, "participants")
    people = lists.flatten()
    people = _with_field(people, _ATTRIBUTES, _pairs(pc.struct_field(people, _ATTRIBUTES)))
    return _with_field(conversations, "participants", with_elements(lists, people))


def _participant(conversation: pa.DataType) -> pa.DataType | None:
    participants = field_of(conversation, "participants")
    return None if participants is None else participants.value_type


def _with_field(structs: pa.StructArray, name: str, values: pa.Array) -> pa.StructArray:
    index = structs.type.get_field_index(name)
    columns = [values if at == index else pc.struct_field(structs, [at]) for at in range(structs.type.num_fields)]
    return pa.StructArray.from_arrays(columns, names=[m.name for m in structs.type], mask=structs.is_null())


def _pairs(attributes: pa.StructArray) -> pa.ListArray:
    """The names and values of each participant, by name; a name without a value is left out."""
    columns = [pc.struct_field(attributes, [code]) for code in range(attributes.type.num_fields)]
    owners = [np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)) for column in columns]
    owner = np.concatenate([np.zeros(0, np.int64), *owners])
    code = np.repeat(np.arange(len(columns)), np.array([len(found) for found in owners], dtype=np.int64))
    values = pa.concat_arrays([pa.array([], pa.string()), *(column.drop_null() for column in columns)])
    order = pa.array(np.argsort(owner, kind="stable"))
    names = pa.array([member.name for member in attributes.type], pa.string()).take(pa.array(code).take(order))
    pairs = pa.StructArray.from_arrays([names, values.take(order)], fields=list(_PAIRS.value_type))
    ends = np.cumsum(np.bincount(owner, minlength=len(attributes)), dtype=np.int32)
    offsets = pa.array(np.concatenate(([0], ends)), pa.int32())
    return pa.ListArray.from_arrays(offsets, pairs, mask=attributes.is_null())

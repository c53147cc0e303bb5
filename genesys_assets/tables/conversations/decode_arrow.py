"""Decodes a details page by Arrow's JSON reader: whole, fast, and strict. `decode_values` decodes what it refuses.

`narrow_json` reads only fields that occur. This module adds what is special about conversations: participants'
attributes, an object whose names are unknown beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables import narrow_json
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE
from genesys_assets.tables.conversations.nested import field_of, with_elements

ENVELOPE = ("aggregations", "totalHits", "cursor", "dataAvailabilityDate")
"""Fields of a page other than its conversations."""

NULL = "conversations: null in place of a conversation, dropped"
"""The loss of a conversation in whose place a page has null."""

_CONVERSATIONS = "conversations"
_ATTRIBUTES = "attributes"
_ALWAYS = pa.struct(
    [m for m in CONVERSATION_TYPE if m.name in ("conversationId", "conversationStart", "conversationEnd")]
)
"""Fields that are always read, because a page may hold only conversations that have not ended."""
_PAIRS = CONVERSATION_TYPE.field("participants").type.value_type.field(_ATTRIBUTES).type


class ConversationsOfPage(NamedTuple):
    """The conversations of a page. `unknown` counts unknown fields by path, `losses` values that could not be kept, by
    path and reason.
    """

    conversations: pa.StructArray
    unknown: Counter[str]
    losses: Counter[str]


class ConversationsReader:
    """Reads pages with similar fields, and remembers the fields that occur. Threads may share it."""

    def __init__(self) -> None:
        self._pages = narrow_json.JsonReader(_CONVERSATIONS, _as_map(CONVERSATION_TYPE), ENVELOPE, _ALWAYS)

    def read(self, bodies: Sequence[bytes]) -> list[ConversationsOfPage]:
        """The conversations of each page. Raises ArrowInvalid or UnicodeDecodeError if a page does not fit."""
        return [
            ConversationsOfPage(_with_pairs(elements), unknown, Counter({NULL: nulls} if nulls else {}))
            for elements, unknown, nulls in self._pages.read_all(bodies)
        ]


def read_only(wanted: pa.StructType, body: bytes) -> pa.StructArray:
    """Only the wanted fields of each conversation; they must be direct fields of it. Raises as `JsonReader.read`."""
    return narrow_json.read_only(_CONVERSATIONS, wanted, body)


def _as_map(type_: pa.DataType) -> pa.DataType:
    """The type as in JSON, where attributes are a map."""
    if pa.types.is_list(type_):
        return pa.list_(_as_map(type_.value_type))
    if pa.types.is_struct(type_):
        text = pa.map_(pa.string(), pa.string())
        return pa.struct([(m.name, text if m.name == _ATTRIBUTES else _as_map(m.type)) for m in type_])
    return type_


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
    """Each participant's attributes as a list of pairs, by name; a name without a value is left out."""
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

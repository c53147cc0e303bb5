"""Decodes the bytes of a details page to nested Arrow data, in the platform's own nesting.

There are two ways, with the same result. Arrow's JSON reader decodes a page as a whole (`decode_arrow`). A page that it
refuses (a string where a number belongs, a lone surrogate, a malformed timestamp) is decoded alone, value by value
(`decode_values`); each value that cannot be kept becomes null and is counted as a loss. Flattening is done in
`explode`, ordering and removing duplicates in `merge`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.conversations import decode_arrow, decode_values
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE
from genesys_assets.tables.conversations.nested import fields_of

__all__ = ["DecodedPage", "Decoder", "UnreadablePage", "decode", "starts"]

_KEYS = ("conversationId", "conversationStart")
_KEYS_TYPE = pa.struct([(name, CONVERSATION_TYPE.field(name).type) for name in _KEYS])
_REFUSED = (pa.ArrowInvalid, UnicodeDecodeError)


@dataclass(slots=True)
class DecodedPage:
    """One decoded page.

    `conversations` has one element per conversation, of `CONVERSATION_TYPE` without those fields that never occurred.
    `unknown` counts the fields that the model does not know, by path; `losses` counts values that could not be kept,
    by path and reason.
    """

    conversations: pa.StructArray
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


class Decoder:
    """Decodes pages with similar fields. It remembers the fields that occurred, which makes the next page fast."""

    def __init__(self) -> None:
        self._reader = decode_arrow.ConversationsReader()

    def decode(self, body: bytes) -> DecodedPage:
        """Decodes a details page, of query or job. Raises UnreadablePage if the body is not a page."""
        (decoded,) = self.decode_all([body])
        return decoded

    def decode_all(self, bodies: Sequence[bytes]) -> list[DecodedPage]:
        """Decodes several pages at once, which is faster. If one of them does not fit, each is decoded alone."""
        try:
            return [_with_keys(DecodedPage(*found)) for found in self._reader.read(bodies)]
        except _REFUSED:
            if len(bodies) > 1:
                return [self.decode(body) for body in bodies]
        return [_with_keys(DecodedPage(*decode_values.read(body))) for body in bodies]


def decode(body: bytes) -> DecodedPage:
    """Decodes one page without remembering its fields: see `Decoder.decode`."""
    return Decoder().decode(body)


def starts(body: bytes) -> pa.StructArray:
    """Only conversationId and conversationStart of each conversation on a page, in the page's order."""
    try:
        keys = decode_arrow.read_only(_KEYS_TYPE, body)
    except _REFUSED:
        conversations = decode(body).conversations
        return pa.StructArray.from_arrays(
            [pc.struct_field(conversations, name) for name in _KEYS], fields=list(_KEYS_TYPE)
        )
    return keys.filter(_has_keys(keys))


def _with_keys(decoded: DecodedPage) -> DecodedPage:
    conversations = decoded.conversations
    if conversations.null_count or any(fields_of(conversations)[name].null_count for name in _KEYS):
        decoded.conversations = conversations.filter(_has_keys(conversations))
        dropped = len(conversations) - len(decoded.conversations)
        decoded.losses["conversations: no conversationId or conversationStart, dropped"] += dropped
    fields = fields_of(decoded.conversations)
    if backwards := pc.sum(pc.less(fields["conversationEnd"], fields["conversationStart"])).as_py():
        decoded.losses["conversations: conversationEnd before conversationStart, kept"] += backwards
    return decoded


def _has_keys(conversations: pa.StructArray) -> pa.Array:
    valid = conversations.is_valid()
    for name in _KEYS:
        valid = pc.and_(valid, pc.is_valid(pc.struct_field(conversations, name)))
    return valid

"""Page bytes to nested Arrow data: what a details page says, in the platform's own nesting.

Two paths with one result. Arrow's own JSON reader takes a page whole (`decode_arrow`); a page that it refuses (a string
where a number belongs, a lone surrogate, a malformed timestamp) is walked value by value, alone (`decode_values`), and
each value that cannot be kept is recorded as a loss and becomes null. Nothing here flattens (`explode`), orders or
drops duplicates (`merge`).
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
    """Decodes pages that are alike: what one page taught of the fields that occur makes the next one fast."""

    def __init__(self) -> None:
        self._reader = decode_arrow.Reader()

    def decode(self, body: bytes) -> DecodedPage:
        """The conversations of one details page, of query or job. Raises UnreadablePage where the body is no page."""
        (decoded,) = self.decode_all([body])
        return decoded

    def decode_all(self, bodies: Sequence[bytes]) -> list[DecodedPage]:
        """Several pages at once, which is faster; one that does not fit is read alone, and the others with it."""
        try:
            return [_with_keys(DecodedPage(*found)) for found in self._reader.read(bodies)]
        except _REFUSED:
            if len(bodies) > 1:
                return [self.decode(body) for body in bodies]
        return [_with_keys(DecodedPage(*decode_values.read(body))) for body in bodies]


def decode(body: bytes) -> DecodedPage:
    """One page alone, like `Decoder.decode`."""
    return Decoder().decode(body)


def starts(body: bytes) -> pa.StructArray:
    """Only conversationId and conversationStart of each conversation of a page, in the page's order."""
    try:
        found = decode_arrow.read_only(_KEYS_TYPE, body)
    except _REFUSED:
        conversations = decode(body).conversations
        return pa.StructArray.from_arrays(
            [pc.struct_field(conversations, name) for name in _KEYS], fields=list(_KEYS_TYPE)
        )
    return found.filter(_has_keys(found))


def _with_keys(decoded: DecodedPage) -> DecodedPage:
    found = decoded.conversations
    if found.null_count or any(fields_of(found)[name].null_count for name in _KEYS):
        decoded.conversations = found.filter(_has_keys(found))
        dropped = len(found) - len(decoded.conversations)
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

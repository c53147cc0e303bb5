"""Page bytes to nested Arrow data: what a details page says, in the platform's own nesting.

Two paths with one result. Arrow's own JSON reader takes a page whole; a page that it refuses (a string where a number
belongs, a lone surrogate, a malformed timestamp) is walked value by value, alone, and each value that cannot be kept
is recorded as a loss and becomes null. Nothing here flattens (`explode`), orders or drops duplicates (`merge`).
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from genesys_assets.tables.conversation_model import CONVERSATION_TYPE

_PAGE = pa.struct([("conversations", pa.list_(CONVERSATION_TYPE))])
_INT64 = range(-(2**63), 2**63)


class UnreadablePage(ValueError):
    """A stored page is not the JSON object a details page must be."""


@dataclass(slots=True)
class Decoded:
    """One decoded page.

    `conversations` has one element per conversation, of `CONVERSATION_TYPE`. `unknown` counts the fields that the model
    does not know, by path; `losses` counts values that could not be kept, by path and reason.
    """

    conversations: pa.StructArray
    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)


def decode(body: bytes) -> Decoded:
    """The conversations of one details page, query or job. Raises UnreadablePage where the body is no page at all."""
    try:
        return decode_with_arrow(body)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return decode_value_by_value(body)


def decode_with_arrow(body: bytes) -> Decoded:
    """The fast path. Raises ArrowInvalid or UnicodeDecodeError where a page does not fit the model as it stands."""
    parsed = _read_json(body, _WRITTEN_PAGE, unexpected="infer")
    lists = parsed.column("conversations").combine_chunks()
    decoded = Decoded(pa.array([], CONVERSATION_TYPE))
    decoded.unknown.update(name for name in parsed.schema.names if name not in _ENVELOPE)
    _count_unknown(lists.type, _WRITTEN_PAGE.field("conversations").type, lists, "conversations", decoded.unknown)
    kept = lists.cast(_WITHOUT_MAPS.field("conversations").type, safe=False).flatten()
    kept = _with_attributes(kept, body)
    decoded.conversations = kept.filter(kept.is_valid()) if kept.null_count else kept
    return _with_keys(decoded)


def decode_value_by_value(body: bytes) -> Decoded:
    """The tolerant path: the same result on pages both accept."""
    try:
        page = json.loads(body.decode("utf-8", errors="replace"))
    except ValueError as error:
        raise UnreadablePage(f"the page is not JSON ({error}); it begins with {body[:40]!r}") from error
    if not isinstance(page, dict):
        raise UnreadablePage(f"the page is a JSON {type(page).__name__}, not an object")
    decoded = Decoded(pa.array([], CONVERSATION_TYPE))
    kept = _keep(page.get("conversations"), _PAGE.field("conversations").type, "conversations", decoded)
    decoded.unknown.update(name for name in page if name not in _ENVELOPE)
    decoded.conversations = pa.array([item for item in kept or [] if item is not None], CONVERSATION_TYPE)
    return _with_keys(decoded)


def starts(body: bytes) -> pa.StructArray:
    """Only conversationId and conversationStart of each conversation of a page, in the page's order."""
    wanted = pa.struct([(name, CONVERSATION_TYPE.field(name).type) for name in _KEYS])
    try:
        page = pa.struct([("conversations", pa.list_(wanted))])
        lists = _read_json(body, _microseconds(page), unexpected="ignore").column("conversations").combine_chunks()
        found = lists.cast(pa.list_(wanted), safe=False).flatten()
        return found.filter(_has_keys(found))
    except (pa.ArrowInvalid, UnicodeDecodeError):
        conversations = decode(body).conversations
        return pa.StructArray.from_arrays([conversations.field(name) for name in _KEYS], fields=list(wanted))


_KEYS = ("conversationId", "conversationStart")
_ENVELOPE = frozenset({"conversations", "totalHits", "aggregations", "cursor", "dataAvailabilityDate"})
_ENVELOPE_FIELDS = [
    ("totalHits", pa.float64()),
    ("cursor", pa.string()),
    ("dataAvailabilityDate", pa.string()),
]


def _read_json(body: bytes, page: pa.DataType, *, unexpected: str) -> pa.Table:
    body.decode("utf-8")
    schema = pa.schema([*page, *_ENVELOPE_FIELDS])
    return pj.read_json(
        io.BytesIO(body),
        read_options=pj.ReadOptions(block_size=len(body) + 1, use_threads=False),
        parse_options=pj.ParseOptions(
            explicit_schema=schema,
            newlines_in_values=b"\n" in body,
            unexpected_field_behavior=unexpected,
        ),
    )


def _microseconds(type_: pa.DataType) -> pa.DataType:
    """The same type as the platform writes it: timestamps may carry more digits than milliseconds."""
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_struct(type_):
        return pa.struct([(member.name, _microseconds(member.type)) for member in type_])
    if pa.types.is_list(type_):
        return pa.list_(_microseconds(type_.value_type))
    return type_


def _without_maps(type_: pa.DataType) -> pa.DataType:
    """The type without participant attributes: Arrow's reader has no maps."""
    if pa.types.is_list(type_):
        return pa.list_(_without_maps(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([(m.name, _without_maps(m.type)) for m in type_ if m.name != _ATTRIBUTES])
    return type_


_ATTRIBUTES = "attributes"
_WITHOUT_MAPS = _without_maps(_PAGE)
_WRITTEN_PAGE = _microseconds(_WITHOUT_MAPS)


def _with_attributes(conversations: pa.StructArray, body: bytes) -> pa.StructArray:
    """The conversations with their participants' attributes, which are read apart."""
    participants = conversations.field("participants")
    people = participants.values
    wanted = CONVERSATION_TYPE.field("participants").type.value_type
    if b'"attributes"' in body:
        listed = [
            _pairs(person.get(_ATTRIBUTES) if person else None)
            for item in json.loads(body)["conversations"] or []
            for person in (item or {}).get("participants") or []
        ]
        attributes = pa.array(listed, wanted.field(_ATTRIBUTES).type)
    else:
        attributes = pa.nulls(len(people), wanted.field(_ATTRIBUTES).type)
    columns = [attributes if m.name == _ATTRIBUTES else people.field(m.name) for m in wanted]
    people = pa.StructArray.from_arrays(columns, fields=list(wanted), mask=people.is_null())
    lists = pa.ListArray.from_arrays(participants.offsets, people, mask=participants.is_null())
    columns = [lists if m.name == "participants" else conversations.field(m.name) for m in CONVERSATION_TYPE]
    return pa.StructArray.from_arrays(columns, fields=list(CONVERSATION_TYPE), mask=conversations.is_null())


def _pairs(attributes: Any) -> list[dict[str, Any]] | None:
    if attributes is None:
        return None
    if not isinstance(attributes, dict):
        raise pa.ArrowInvalid("attributes are no map")
    if not all(value is None or isinstance(value, str) for value in attributes.values()):
        raise pa.ArrowInvalid("an attribute is no text")
    return [{"name": name, "value": value} for name, value in attributes.items()]


def _count_unknown(found: pa.DataType, known: pa.DataType, values: pa.Array, path: str, unknown: Counter[str]) -> None:
    """Walk only where the reader had to infer something: there the two types differ."""
    if pa.types.is_list(found) and pa.types.is_list(known):
        _count_unknown(found.value_type, known.value_type, values.flatten(), path, unknown)
    elif pa.types.is_struct(found) and pa.types.is_struct(known):
        names = {member.name for member in known}
        for index, member in enumerate(found):
            if member.name == _ATTRIBUTES and path.endswith("participants"):
                continue
            if member.name not in names:
                child = pc.struct_field(values, [index])
                unknown[f"{path}.{member.name}"] += len(child) - child.null_count
            elif member.type != known.field(member.name).type:
                child = pc.struct_field(values, [index])
                _count_unknown(member.type, known.field(member.name).type, child, f"{path}.{member.name}", unknown)


def _has_keys(conversations: pa.StructArray) -> pa.Array:
    valid = conversations.is_valid()
    for name in _KEYS:
        valid = pc.and_(valid, pc.is_valid(pc.struct_field(conversations, name)))
    return valid


def _with_keys(decoded: Decoded) -> Decoded:
    keep = _has_keys(decoded.conversations)
    dropped = len(keep) - (keep.true_count if len(keep) else 0)
    if dropped:
        decoded.losses["conversations: no conversationId or conversationStart, dropped"] += dropped
        decoded.conversations = decoded.conversations.filter(keep)
    return decoded


def _keep(value: Any, type_: pa.DataType, path: str, decoded: Decoded) -> Any:
    """The value as the type wants it; what cannot be kept is counted and becomes null."""
    if value is None:
        return None
    if pa.types.is_list(type_):
        if path.endswith(f"participants.{_ATTRIBUTES}") and isinstance(value, dict):
            value = [{"name": name, "value": item} for name, item in value.items()]
        if not isinstance(value, list):
            return _lose(value, "list", path, decoded)
        return [_keep(item, type_.value_type, path, decoded) for item in value]
    if pa.types.is_struct(type_):
        return _keep_struct(value, type_, path, decoded)
    for matches, convert, name in _SCALARS:
        if matches(type_):
            kept = convert(value)
            return _lose(value, name, path, decoded) if kept is None else kept
    raise TypeError(f"no rule for {type_} at {path}")


def _keep_struct(value: Any, type_: pa.StructType, path: str, decoded: Decoded) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        _lose(value, "object", path, decoded)
        return None
    kept = {}
    known = {member.name: member.type for member in type_}
    for name, item in value.items():
        if name in known:
            kept[name] = _keep(item, known[name], f"{path}.{name}", decoded)
        elif item is not None:
            decoded.unknown[f"{path}.{name}"] += 1
    return kept


def _lose(value: Any, wanted: str, path: str, decoded: Decoded) -> None:
    decoded.losses[f"{path}: {type(value).__name__} is no {wanted}"] += 1


def _as_string(value: Any) -> str | None:
    if isinstance(value, str):
        return value.encode("utf-8", errors="replace").decode("utf-8")
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (int, float)) else None


def _as_integer(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value) if int(value) in _INT64 else None


def _as_number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)


def _as_boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _as_instant(value: Any) -> datetime | None:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return parsed.replace(microsecond=parsed.microsecond // 1000 * 1000)


_SCALARS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any], str], ...] = (
    (pa.types.is_string, _as_string, "string"),
    (pa.types.is_integer, _as_integer, "integer"),
    (pa.types.is_floating, _as_number, "number"),
    (pa.types.is_boolean, _as_boolean, "boolean"),
    (pa.types.is_timestamp, _as_instant, "timestamp"),
)

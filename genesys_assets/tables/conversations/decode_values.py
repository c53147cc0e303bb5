"""Decodes a details page value by value: slow, and tolerant of pages that `decode_arrow` refuses.

A value that cannot be kept becomes null, and is counted with its path and the reason.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.spans import whole_milliseconds
from genesys_assets.tables.conversations.decode_arrow import ENVELOPE, NULL, ConversationsOfPage
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE

Item = dict[str, Any]

_INT64 = range(-(2**63), 2**63)
_ATTRIBUTES = "participants.attributes"


class UnreadablePage(ValueError):
    """A stored page is not the JSON object that a page must be."""


def read(body: bytes) -> ConversationsOfPage:
    """The same as `decode_arrow.ConversationsReader.read` on pages both accept. Raises UnreadablePage."""
    try:
        page = json.loads(body.decode("utf-8", errors="replace"))
    except ValueError as error:
        raise UnreadablePage(f"the page is not JSON ({error}); it has {len(body)} bytes") from error
    if not isinstance(page, dict):
        raise UnreadablePage(f"the page is a JSON {type(page).__name__}, not an object")
    page_conversations = ConversationsOfPage(
        pa.array([], CONVERSATION_TYPE),
        Counter(name for name in page if name not in ("conversations", *ENVELOPE)),
        Counter(),
    )
    given = page.get("conversations")
    items = _keep(given, pa.list_(CONVERSATION_TYPE), "conversations", page_conversations)
    conversations = [item for item in items or [] if item is not None]
    if isinstance(given, list) and None in given:
        page_conversations.losses[NULL] += given.count(None)
    return page_conversations._replace(conversations=pa.array(conversations, CONVERSATION_TYPE))


def _keep(value: Any, type_: pa.DataType, path: str, result: ConversationsOfPage) -> Any:
    """The value converted to the type. If that is impossible, it is counted as a loss and None is returned."""
    if value is None:
        return None
    if pa.types.is_list(type_):
        if path.endswith(_ATTRIBUTES):
            if not isinstance(value, dict):
                return _lose(value, "object", path, result)
            value = _pairs(value, path, result)
        if not isinstance(value, list):
            return _lose(value, "list", path, result)
        return [_keep(item, type_.value_type, path, result) for item in value]
    if pa.types.is_struct(type_):
        return _keep_struct(value, type_, path, result)
    converted, name = scalar(value, type_)
    return _lose(value, name, path, result) if converted is None else converted


def scalar(value: Any, type_: pa.DataType) -> tuple[Any, str]:
    """A single value converted to the type, None if that is impossible; and the name of the type in messages."""
    for matches, convert, name in _SCALARS:
        if matches(type_):
            return convert(value), name
    raise TypeError(f"no rule for values of {type_}")


def _pairs(attributes: Item, path: str, result: ConversationsOfPage) -> list[Item]:
    """Attributes by name, each name once; one without a value is left out."""
    named: dict[str | None, Item] = {}
    for name, item in sorted(attributes.items()):
        if item is not None and named.setdefault(_as_string(name), {"name": name, "value": item})["name"] != name:
            result.losses[f"{path}: a name that equals another name after characters were replaced"] += 1
    return list(named.values())


def _keep_struct(value: Any, type_: pa.StructType, path: str, result: ConversationsOfPage) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        _lose(value, "object", path, result)
        return None
    converted = {}
    known = {member.name: member.type for member in type_}
    for name, item in value.items():
        if name in known:
            converted[name] = _keep(item, known[name], f"{path}.{name}", result)
        elif item is not None:
            result.unknown[f"{path}.{name}"] += 1
    return converted


def _lose(value: Any, wanted: str, path: str, result: ConversationsOfPage) -> None:
    result.losses[f"{path}: {type(value).__name__} is no {wanted}"] += 1


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
    try:
        return None if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)
    except OverflowError:
        return None


def _as_boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def as_instant(value: Any) -> datetime | None:
    """The instant of an ISO 8601 text, in UTC and whole milliseconds; None for anything else."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return whole_milliseconds(parsed)


_SCALARS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any], str], ...] = (
    (pa.types.is_string, _as_string, "string"),
    (pa.types.is_integer, _as_integer, "integer"),
    (pa.types.is_floating, _as_number, "number"),
    (pa.types.is_boolean, _as_boolean, "boolean"),
    (pa.types.is_timestamp, as_instant, "timestamp"),
)

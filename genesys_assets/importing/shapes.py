"""Recognises which of the known shapes a JSON document has (conversations, or figures in platform or tutorial form),
and takes its objects out of their envelope. `buckets` and `pages` read the objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from genesys_assets.importing.documents import Part
from genesys_assets.importing.envelopes import read_number
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.no_answer import ENVELOPE_NAMES, inside, instead, is_conversation, objects
from genesys_assets.importing.remarks import json_kind, printable
from genesys_assets.importing.spelling import as_list, plain, respelled

Object = dict[str, Any]
Answer = tuple[int | str, ...]
"""Identifies an answer of the API within its file."""


class Shape(Enum):
    """What a document holds; the value is its name in summaries."""

    CONVERSATION = "conversations"
    AGGREGATES = "aggregates"
    ENTITY_BUCKETS = "entities with buckets"
    ENTITY_METRICS = "entities with metrics"
    RESULT_METRICS = "results with metrics and timestamp"


@dataclass(frozen=True, slots=True)
class Piece:
    """Objects of one shape, and the fields of their envelope. All pieces of one `answer` have the same grouping.
    `is_page`: they had an envelope, as each page of an answer has. `nulls` counts nulls in the place of objects.
    """

    shape: Shape
    items: list[Object]
    envelope: Object
    answer: Answer
    nulls: int = 0
    is_page: bool = False


def pieces(part: Part) -> Iterator[Piece]:
    """The pieces of a document, or of a part of one. Raises CannotImport if it has no known shape; the message says
    what it is instead, and where it stands.
    """
    try:
        if isinstance(items := as_list(part.value), list):
            yield from _of_list(items, part)
        elif isinstance(part.value, dict):
            # A single result belongs with the other results of its file, as in JSON Lines of an answer's results.
            document = respelled(part.value, NAMES)
            is_alone = _shape_of(document) in (Shape.AGGREGATES, Shape.RESULT_METRICS)
            yield from _of_object(document, () if is_alone else part.answer, part.first)
        elif isinstance(part.value, str) and part.value.lstrip()[:1] in ("{", "["):
            raise CannotImport("it holds JSON within a JSON text: it was encoded twice, so decode it once")
        else:
            raise CannotImport(f"it holds {json_kind(part.value)}, not an answer of the platform")
    except CannotImport as reason:
        raise CannotImport(f"line {part.line}: {reason}" if part.line > 1 else str(reason)) from None


def _of_list(items: list[Any], part: Part) -> Iterator[Piece]:
    """Consecutive elements of one shape are one piece. An element without a known shape is a document of its own."""
    together: list[Object] = []
    shape: Shape | None = None
    known = (_shape_of(respelled(each, NAMES)) for each in items if isinstance(each, dict))
    of_nulls = next(filter(None, known), Shape.CONVERSATION) if None in items else Shape.CONVERSATION
    for position, written in enumerate(items):
        item = respelled(written, NAMES) if isinstance(written, dict) else written
        kind = _shape_of(item)
        if together and kind is not shape and shape is not None:
            yield Piece(shape, together, {}, part.answer[:1])
            together = []
        shape = kind
        if kind is not None:
            together.append(item)
        elif item is None:
            yield Piece(of_nulls, [], {}, part.answer, nulls=1)
        else:
            yield from _element(item, part, position)
    if together and shape is not None:
        yield Piece(shape, together, {}, part.answer[:1])


def _element(item: Any, part: Part, position: int) -> Iterator[Piece]:
    where = f"element {part.first + position + 1}"
    if isinstance(item, str) and item.lstrip()[:1] in ("{", "["):
        raise CannotImport(f"{where} is JSON within a JSON text: it was encoded twice, so decode it once")
    if not isinstance(item, dict | list):
        raise CannotImport(f"{where} is {json_kind(item)}, not an answer of the platform")
    try:
        inner = replace(part, value=item, answer=(*part.answer, position), first=0, line=1)
        yield from pieces(inner) if isinstance(item, list) else _of_object(item, inner.answer, 0)
    except CannotImport as reason:
        raise CannotImport(f"{where}: {reason}") from None


def _of_object(document: Object, answer: Answer, first: int) -> Iterator[Piece]:
    alone = _shape_of(document)
    if alone is Shape.CONVERSATION and any(
        plain(name) == "conversationid" and isinstance(value, dict | list) for name, value in document.items()
    ):
        raise CannotImport(
            "it is a table by columns (orient='columns' of pandas, or DynamoDB's values with their types), not a "
            "conversation: save each conversation as the platform sent it"
        )
    if alone is not None:
        yield Piece(alone, [document], {}, answer)
        return
    names = [name for name in ENVELOPES if document.get(name) is not None]
    envelope = {key: value for key, value in document.items() if key not in ENVELOPES}
    for name in names:
        yield _of_envelope(name, document, envelope, (*answer, name), first)
    if not names:
        if "userDetails" in document:
            raise CannotImport(instead(document))
        # After the last page the platform leaves out `conversations`. Such an answer has a total.
        if counted_hits(document) is None:
            raise CannotImport(instead(document))
        yield Piece(Shape.CONVERSATION, [], envelope, answer, is_page=True)


def _of_envelope(name: str, document: Object, envelope: Object, answer: Answer, first: int) -> Piece:
    by_name = as_list(document[name])
    if (
        isinstance(by_name, dict)
        and not is_conversation(by_name)
        and any(map(is_conversation, objects([*by_name.values()])))
    ):
        raise CannotImport(f"its `{name}` is an object of conversations by their ids: save its values as a list")
    wrapper = by_name if isinstance(by_name, dict) else next(iter(objects(by_name)), None)
    is_wrapped = name == "conversations" and wrapper is not None and not is_conversation(wrapper)
    if is_wrapped and wrapper is not None and (within := inside(wrapper)) is not None:
        raise CannotImport(
            f"{within[1]} stands in the field {printable(within[0], 60)!r} within its `{name}`: save that field's "
            "value by itself"
        )
    items = listed(document[name], f"its `{name}`")
    present = [item for item in items if item is not None]
    if name == "conversations":
        return Piece(Shape.CONVERSATION, present, envelope, answer, len(items) - len(present), is_page=True)
    present = [respelled(item, NAMES) for item in present]
    shapes = [_shape_in(name, item) for item in present]
    shape = next(filter(None, shapes), ENVELOPES[name] if not present else None)
    if shape is None:
        raise CannotImport(instead(document))
    for position, found in enumerate(shapes):
        if found is not shape:
            what = "no " if found is None else f"{found.value}, no "
            raise CannotImport(f"element {first + position + 1} of its `{name}` is {what}{shape.value}")
    return Piece(shape, present, envelope, answer, len(items) - len(present), is_page=True)


def counted_hits(answer: Object) -> int | None:
    """How many conversations an answer counted on all of its pages; None where it does not say."""
    return read_number(answer.get("totalHits"))


def listed(value: Any, what: str) -> list[Any]:
    """A list of objects (or nulls). PowerShell writes a list of one element as that element. Raises CannotImport."""
    value = as_list(value)
    items = [value] if isinstance(value, dict) else [] if value is None else value
    if isinstance(items, str) and items.lstrip()[:1] in ("{", "["):
        raise CannotImport(f"{what} is JSON within a JSON text: it was encoded twice, so decode it once")
    if not isinstance(items, list):
        raise CannotImport(f"{what} is not a list of objects: it is {json_kind(value)}")
    for item in items:
        if item is not None and not isinstance(item, dict):
            raise CannotImport(f"{what} is not a list of objects: in it there is {json_kind(item)}")
    return items


def _shape_of(item: Any) -> Shape | None:
    """The shape of an object without an envelope; None if it has none."""
    if not isinstance(item, dict):
        return None
    if is_conversation(item):
        return Shape.CONVERSATION
    if not item.keys().isdisjoint(ENVELOPES):
        return None
    if _is_result(item):
        return Shape.AGGREGATES
    return Shape.RESULT_METRICS if _is_measured(item) else None


def _shape_in(name: str, item: Object) -> Shape | None:
    """The shape of an element of `results` or `entities`."""
    if name == "results":
        return Shape.AGGREGATES if _is_result(item) else Shape.RESULT_METRICS if _is_measured(item) else None
    if isinstance(item.get("buckets"), list | dict):
        return Shape.ENTITY_BUCKETS
    return Shape.ENTITY_METRICS if _is_measured(item) else None


def _is_result(item: Object) -> bool:
    data = item.get("data")
    if data is None:
        return "group" in item and not _is_measured(item)
    data = as_list(data)
    buckets = [data] if isinstance(data, dict) else data
    if not isinstance(buckets, list):
        return False
    # A null in the place of a bucket becomes a remark. Without any bucket only the group shows what the object is.
    return ("group" in item or None not in buckets or any(buckets)) and all(
        each is None or (isinstance(each, dict) and "interval" in respelled(each, NAMES)) for each in buckets
    )


def _is_measured(item: Object) -> bool:
    metrics = item.get("metrics")
    return (
        isinstance(metrics, dict | list)
        and "segments" not in item
        and not (metrics and "groupBy" in item and isinstance(metrics, list))
    )


ENVELOPES = dict(zip(ENVELOPE_NAMES, (Shape.CONVERSATION, Shape.AGGREGATES, Shape.ENTITY_BUCKETS), strict=True))
"""Fields of an answer that hold its objects, and the shape that an empty list counts as."""
_SPELLED = (
    *("conversations", "results", "entities", "totalHits", "cursor", "errors", "granularity", "dataAvailabilityDate"),
    *("error", "status", "nextUri", "pageNumber", "pageCount", "query"),
    *("group", "data", "buckets", "interval", "metrics", "views", "metric", "qualifier", "stats"),
    *("count", "sum", "min", "max", "current", "ratio", "numerator", "denominator", "target"),
    *("countNegative", "countPositive"),
)
NAMES = {plain(name): name for name in _SPELLED}
"""Names in the platform's spelling, by the same name without case and underscores."""

"""Which of the known shapes a JSON document has: conversations, or figures in platform or tutorial form.

Here documents are told apart and taken out of their envelopes. What is inside is read in `buckets` and `pages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from genesys_assets.importing.files import CannotImport

Object = dict[str, Any]


class Shape(Enum):
    """What a document holds; the value is how a summary calls it."""

    CONVERSATION = "conversations"
    AGGREGATES = "aggregates"
    ENTITY_BUCKETS = "entities with buckets"
    ENTITY_METRICS = "entities with metrics"
    RESULT_METRICS = "results with metrics and timestamp"


@dataclass(frozen=True, slots=True)
class Piece:
    """Objects of one shape, and the envelope they came in."""

    shape: Shape
    items: list[Object]
    envelope: Object


def pieces(document: Any) -> Iterator[Piece]:
    """The pieces of a document. Raises CannotImport where it has no known shape, saying what it is instead."""
    if isinstance(document, list):
        yield from _of_list(document)
    elif isinstance(document, dict):
        yield _of_object(document)
    else:
        raise CannotImport(f"it holds a JSON {type(document).__name__}, not an answer of the platform")


def _of_list(items: list[Any]) -> Iterator[Piece]:
    objects = [item for item in items if item is not None]
    for probe, shape in ((_is_conversation, Shape.CONVERSATION), (_is_result, Shape.AGGREGATES)):
        if objects and all(isinstance(item, dict) and probe(item) for item in objects):
            yield Piece(shape, objects, {})
            return
    if objects and all(isinstance(item, dict) and _is_measured(item) for item in objects):
        yield Piece(Shape.RESULT_METRICS, objects, {})
        return
    for item in objects:
        yield from pieces(item)


def _of_object(document: Object) -> Piece:
    if _is_conversation(document):
        return Piece(Shape.CONVERSATION, [document], {})
    for name, shapes in _ENVELOPES:
        items = document.get(name)
        if items is None:
            continue
        if not isinstance(items, list) or not all(item is None or isinstance(item, dict) for item in items):
            raise CannotImport(f"its `{name}` is not a list of objects")
        objects = [item for item in items if item is not None]
        envelope = {key: value for key, value in document.items() if key != name}
        for probe, shape in shapes:
            if all(probe(item) for item in objects):
                return Piece(shape, objects, envelope)
        break
    if "totalHits" in document:
        return Piece(Shape.CONVERSATION, [], {})
    raise CannotImport(_instead(document))


def _is_conversation(item: Object) -> bool:
    return "conversationId" in item and ("conversationStart" in item or "participants" in item)


def _is_result(item: Object) -> bool:
    data = item.get("data")
    return isinstance(data, list) and all(isinstance(bucket, dict) and "interval" in bucket for bucket in data)


def _has_buckets(item: Object) -> bool:
    return isinstance(item.get("buckets"), list)


def _is_measured(item: Object) -> bool:
    return isinstance(item.get("metrics"), dict | list)


_ENVELOPES = (
    ("conversations", ((lambda _: True, Shape.CONVERSATION),)),
    ("results", ((_is_result, Shape.AGGREGATES), (_is_measured, Shape.RESULT_METRICS))),
    ("entities", ((_has_buckets, Shape.ENTITY_BUCKETS), (_is_measured, Shape.ENTITY_METRICS))),
)


def _instead(document: Object) -> str:
    """What a document is that can not be imported. Values are not shown: there may be a token among them."""
    results = document.get("results")
    first = results[0] if isinstance(results, list) and results else None
    if isinstance(first, dict) and isinstance(first.get("data"), list):
        return "it holds observations: what was going on at some moment, and the answer does not tell at which"
    if "access_token" in document:
        return "it holds a login token, not data: delete it, and revoke the token if it may still be valid"
    if "status" in document and "message" in document:
        return f"it holds an error answer of the platform: {document['status']}, {document.get('code')}"
    if "userDetails" in document:
        return "it holds presence and routing status of users; there is no table for these"
    if "jobId" in document or "dataAvailabilityDate" in document:
        return "it holds a details job's state, not its results"
    if isinstance(document.get("entities"), list):
        return "it holds a listing; names are read by genesys/reference/…"
    names = ", ".join(sorted(map(str, document))[:8]) or "none"
    return f"it has none of the known shapes; its fields are: {names}"

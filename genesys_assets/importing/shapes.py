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
    if alone is not None:
        yield Piece(alone, [document], {}, answer)
        return
    names = [name for name in ENVELOPES if document.get(name) is not None]
    envelope = {key: value for key, value in document.items() if key not in ENVELOPES}
    for name in names:
        yield _of_envelope(name, document, envelope, (*answer, name), first)
    if not names:
        # After the last page the platform leaves out `conversations`. Such an answer has a total.
        if counted_hits(document) is None:
            raise CannotImport(_instead(document))
        yield Piece(Shape.CONVERSATION, [], envelope, answer, is_page=True)


def _of_envelope(name: str, document: Object, envelope: Object, answer: Answer, first: int) -> Piece:
    by_name = as_list(document[name])
    if isinstance(by_name, dict) and not _is_conversation(by_name) and any(map(_is_conversation, _dicts(by_name))):
        raise CannotImport(f"its `{name}` is an object of conversations by their ids: save its values as a list")
    wrapper = by_name if isinstance(by_name, dict) else next(iter(_objects(by_name)), None)
    is_wrapped = name == "conversations" and wrapper is not None and not _is_conversation(wrapper)
    if is_wrapped and wrapper is not None and (within := inside(wrapper)) is not None:
        raise CannotImport(
            f"{within[1]} stands in the field {printable(within[0], 60)!r} within its `{name}`: save that field's "
            "value by itself"
        )
    items = listed(document[name], f"its `{name}`")
    objects = [item for item in items if item is not None]
    if name != "conversations":
        objects = [respelled(item, NAMES) for item in objects]
    else:
        return Piece(Shape.CONVERSATION, objects, envelope, answer, len(items) - len(objects), is_page=True)
    shapes = [_shape_in(name, item) for item in objects]
    shape = next(filter(None, shapes), ENVELOPES[name] if not objects else None)
    if shape is None:
        raise CannotImport(_instead(document))
    for position, found in enumerate(shapes):
        if found is not shape:
            what = "no " if found is None else f"{found.value}, no "
            raise CannotImport(f"element {first + position + 1} of its `{name}` is {what}{shape.value}")
    return Piece(shape, objects, envelope, answer, len(items) - len(objects), is_page=True)


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
    if _is_conversation(item):
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


def _is_conversation(item: Object) -> bool:
    names = {plain(name) for name in item}
    return "conversationid" in names and not names.isdisjoint({"conversationstart", "participants"})


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
    return isinstance(metrics, dict | list) and not (metrics and "groupBy" in item and isinstance(metrics, list))


ENVELOPES = {
    "conversations": Shape.CONVERSATION,
    "results": Shape.AGGREGATES,
    "entities": Shape.ENTITY_BUCKETS,
}
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


def _instead(document: Object) -> str:
    """The reason why a document cannot be imported: what it is instead. Values are not shown, because one may be a
    token.
    """
    results, entities = (_objects(document.get(name)) for name in ("results", "entities"))
    if results and any(isinstance(data, dict) and "interval" not in data for data in _data(results[0])):
        return "it holds observations (the state at one moment) without the time of that moment"
    if results and "group" in results[0] and not isinstance(results[0].get("data"), list):
        return f"the `data` of its `results` is {json_kind(results[0].get('data'))}, not a list of buckets"
    if (pipeline := _of_pipeline(document)) is not None:
        return pipeline
    if isinstance(document.get("log"), dict) and "entries" in document["log"]:
        return "it is a HAR file, of a browser's network tab: save the answer itself, with `Copy response`"
    if isinstance(document.get("info"), dict) and isinstance(document.get("item"), list):
        return "it is a Postman collection, which has requests: save the answer itself, with `Save response to file`"
    if {"topicName", "eventBody"} <= document.keys():
        return (
            "it holds events of the notification service, which are no whole conversations: ask POST "
            "/api/v2/analytics/conversations/details/query for these, by conversationId"
        )
    if {"columns", "data"} <= document.keys():
        return "it is a table of pandas (orient='split'), not an answer: save the answer before it becomes a table"
    if "_postman_variable_scope" in document:
        return (
            "it is a Postman environment, which may hold secrets: save the answer itself, with `Save response to file`"
        )
    if {"collection_id", "totalPass"} & document.keys():
        return "it is the result of a Postman run, which has no answers: save these, with `Save response to file`"
    if (where := inside(document)) is not None:
        return f"{where[1]} stands in its field {printable(where[0], 60)!r}: save that field's value by itself"
    if "interval" in document and {"groupBy", "metrics", "paging", "segmentFilters", "filter"} & document.keys():
        return "it holds a query, not the platform's answer to it"
    if "error" in document and "error_description" in document:
        return f"it holds the refusal of a login: {printable(document['error'], 60)}"
    if "access_token" in document:
        return "it holds a login token, not data: delete it, and revoke the token if it may still be valid"
    if "status" in document and "message" in document:
        what = f"{document['status']}, {document.get('code')}"
        return f"it holds an error answer of the platform: {printable(what, 60)}. Ask again, and save what comes then"
    if "userDetails" in document:
        return (
            "it holds presence and routing status of users, which are not imported: fetch them, as "
            "genesys/pages/daily_user_details"
        )
    if _is_live(document) or (entities and _is_live(entities[0])):
        return (
            "it holds conversations as the conversations API has them (/api/v2/conversations), not analytics "
            "conversations: ask POST /api/v2/analytics/conversations/details/query for them, by conversationId"
        )
    if entities and {"action", "eventDate", "serviceName", "remoteIp", "entityType"} & {*entities[0]}:
        return "it holds audit events; there is no table for these"
    state = document.get("state")
    is_state = isinstance(state, str) and state in _STATES_OF_JOBS
    if is_state or {"jobId", "dataAvailabilityDate"} & document.keys():
        return (
            f"it holds a details job's state{f' ({state})' if is_state else ''}, not its results: once the job is "
            "FULFILLED, save all pages of GET /api/v2/analytics/conversations/details/jobs/{jobId}/results"
        )
    if entities and not isinstance(entities[0].get("buckets", []), list):
        return f"the `buckets` of its `entities` is {json_kind(entities[0]['buckets'])}, not a list"
    if isinstance(document.get("entities"), list):
        return "it holds a listing; names are read by genesys/reference/…"
    of, fields = ("its", document) if not results else ("the first of its `results` has none either; its", results[0])
    names = ", ".join(printable(name, 60) for name in sorted(fields)[:8]) or "none"
    return f"it has none of the known shapes; {of} fields are: {names}"


def _of_pipeline(document: Object) -> str | None:
    """What a record of a data pipeline is, which has the answer in one of its fields; None for anything else."""
    if document.keys() in _OF_BULK and isinstance(next(iter(document.values())), dict):
        return (
            "it is a bulk request of Elasticsearch, with an action before each document: leave out the lines of the "
            "actions (jq -c 'select(.conversationId)' FILE)"
        )
    if "$content" in document:
        return "it is a file of Power Automate, which has the document in `$content`, as base64: decode it, and save it"
    if "_airbyte_data" in document:
        return "it holds records of Airbyte: save what stands in `_airbyte_data` (jq -c ._airbyte_data FILE)"
    kind = document.get("type")
    if isinstance(kind, str) and kind in _OF_STREAMS and not {"entities", "results"} & document.keys():
        return (
            "it holds messages of a Singer tap or an Airbyte source: save what stands in `record` of those of the type "
            "RECORD (jq -c 'select(.type == \"RECORD\") | .record' FILE, for Airbyte .record.data)"
        )
    if "recordId" in document and isinstance(document.get("data"), str):
        return "it holds records of Firehose, which has each document in `data`, as base64: decode these, and save them"
    if isinstance(document.get("Records"), list) or {"detail-type", "detail"} <= document.keys():
        return "it holds events of AWS: save what stands in `detail`, or in `kinesis.data` as base64, by itself"
    return None


_STATES_OF_JOBS = frozenset({"QUEUED", "PENDING", "FAILED", "CANCELLED", "FULFILLED", "EXPIRED"})
_OF_BULK = ({"index"}, {"create"}, {"update"}, {"delete"})
_OF_STREAMS = frozenset({"RECORD", "SCHEMA", "STATE", "LOG", "TRACE", "ACTIVATE_VERSION", "CATALOG", "SPEC"})


def _is_live(item: Object) -> bool:
    """Whether an object is a conversation of the API that phones and desktops use."""
    return {"participants", "id"} <= item.keys()


def inside(document: Object, level: int = 1) -> tuple[str, str] | None:
    """The field in which an answer or a conversation stands, as in `hits.hits._source`, and which of the two it is."""
    for name, value in document.items():
        if _is_answer(value):
            return name, "the answer of the platform"
        inner = next(iter(_objects(value)), None) if isinstance(value, list) else value
        if isinstance(value, list) and any(map(_is_text_of_conversation, value)):
            return name, "a conversation as a text"
        if not isinstance(inner, dict):
            continue
        if _is_conversation(inner):
            return name, "a conversation"
        if level < _DEEPEST and (found := inside(inner, level + 1)) is not None:
            return f"{name}.{found[0]}", found[1]
    return None


_DEEPEST = 4
"""How many fields deep an answer is looked for; a search of Elasticsearch has three around each document."""


def _is_answer(value: Any) -> bool:
    """Whether a field's value is an answer, or the text of one."""
    if isinstance(value, str):
        return value.lstrip().startswith("{") and any(f'"{name}"' in value[:1_000] for name in ENVELOPES)
    return isinstance(value, dict) and any(isinstance(value.get(name), list) for name in ENVELOPES)


def _is_text_of_conversation(value: Any) -> bool:
    """Whether a value is the JSON text of a conversation."""
    return isinstance(value, str) and value.lstrip().startswith("{") and "conversationid" in plain(value[:1_000])


def _dicts(value: Object) -> list[Object]:
    return _objects(list(value.values()))


def _objects(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _data(result: Object) -> list[Any]:
    data = result.get("data")
    return data if isinstance(data, list) else []

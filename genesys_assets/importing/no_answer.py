"""Says what a document of JSON is that holds no answer of the platform, and what to save instead. Values are not shown,
because one may be a token.
"""

from __future__ import annotations

import re
from typing import Any

from genesys_assets.importing.remarks import json_kind, printable
from genesys_assets.importing.spelling import Object, plain

ENVELOPE_NAMES = ("conversations", "results", "entities")
"""Fields of an answer that hold its objects."""
_DEEPEST = 4
"""How many fields deep an answer is looked for; a search of Elasticsearch has three around each document."""
_LOOKED_AT = 1_000
_BASE64 = re.compile(r"(eyJ|W3s|ewog|H4sI)[A-Za-z0-9+/\s]{40,}={0,2}\s*")
"""How `{"`, `[{`, a pretty `{` and gzip begin as base64. A JSON Web Token has points, which base64 has not."""
_ASK_FOR_THEM = "ask POST /api/v2/analytics/conversations/details/query for these, by conversationId"
_EVENTS = f"it holds events of the notification service, which are no whole conversations: {_ASK_FOR_THEM}"
_OF_EVENTS = frozenset({"topicName", "eventBody"})
_OF_TOOLS: tuple[tuple[set[str], str], ...] = (
    ({"topicName", "eventBody"}, _EVENTS),
    (
        {"columns", "data"},
        "it is a table of pandas (orient='split'), not an answer: save the answer before it becomes a table",
    ),
    (
        {"_postman_variable_scope"},
        "it is a Postman environment, which may hold secrets: save the answer itself, with `Save response to file`",
    ),
    *(
        ({name}, "it is the result of a Postman run, which has no answers: save these, with `Save response to file`")
        for name in ("collection_id", "totalPass")
    ),
    *(
        ({name}, "it describes an API or the form of documents, and has no data: save the answer of the platform")
        for name in ("swagger", "openapi", "$schema")
    ),
    ({"__export_format", "resources"}, "it is an export of Insomnia, which has requests: save the answer itself"),
    (
        {"$content"},
        "it is a file of Power Automate, which has the document in `$content`, as base64: decode it, and save it",
    ),
    (
        {"_airbyte_data"},
        "it holds records of Airbyte: save what stands in `_airbyte_data` (jq -c ._airbyte_data FILE)",
    ),
)
"""Fields of documents of other programs, and what these are."""
_BESIDE_CONVERSATIONS = (
    ({"transcripts"}, "the transcript of a conversation"),
    ({"mediaUris"}, "recordings"),
    ({"conversation", "evaluationForm"}, "evaluations"),
    ({"conversation", "surveyForm"}, "surveys"),
)
"""Fields of what the platform keeps of conversations in other places, and what that is."""
_PARTS_OF_CONVERSATION = (
    ({"participantid", "sessions"}, "participants"),
    ({"sessionid", "segments"}, "sessions"),
    ({"segmentstart"}, "segments"),
    ({"name", "emitdate"}, "metrics"),
)
"""Fields of the objects of a conversation, as `spelling.plain` gives them, and what these are."""
_STATES_OF_JOBS = frozenset({"QUEUED", "PENDING", "FAILED", "CANCELLED", "FULFILLED", "EXPIRED"})
_OF_BULK = ({"index"}, {"create"}, {"update"}, {"delete"})
_OF_STREAMS = frozenset({"RECORD", "SCHEMA", "STATE", "LOG", "TRACE", "ACTIVATE_VERSION", "CATALOG", "SPEC"})


def instead(document: Object) -> str:
    """The reason why a document cannot be imported: what it is instead.

    >>> instead({"interval": "2026-01-28/2026-01-29", "groupBy": ["queueId"]})
    "it holds a query, not the platform's answer to it"
    """
    results, entities = (objects(document.get(name)) for name in ("results", "entities"))
    for found in (_of_results(results), _of_pipeline(document), _of_tool(document), _around(document)):
        if found is not None:
            return found
    other = _of_platform(document, entities) or _of_entities(document, entities)
    if other is not None:
        return other
    of, fields = "its", document
    if results or entities:
        fields = (results or entities)[0]
        of = f"the first of its `{'results' if results else 'entities'}` has none either; its"
    names = ", ".join(printable(name, 60) for name in sorted(fields)[:8]) or "none"
    return f"it has none of the known shapes; {of} fields are: {names}"


def inside(document: Object, level: int = 1) -> tuple[str, str] | None:
    """The field in which an answer or a conversation stands, as in `hits.hits._source`, and which of the two it is."""
    for name, value in document.items():
        if _is_answer(value):
            return name, "the answer of the platform"
        inner = next(iter(objects(value)), None) if isinstance(value, list) else value
        if any(map(_is_text_of_conversation, value if isinstance(value, list) else [value])):
            return name, "a conversation as a text"
        if not isinstance(inner, dict):
            continue
        if is_conversation(inner):
            return name, "a conversation"
        if level < _DEEPEST and (found := inside(inner, level + 1)) is not None:
            return f"{name}.{found[0]}", found[1]
    return None


def is_conversation(item: Object) -> bool:
    """Whether an object is a conversation of analytics, also one that lacks something."""
    names = {plain(name) for name in item}
    if "conversationstart" not in names and ("transcripts" in names or "id" in names):
        return False
    return "conversationid" in names and not names.isdisjoint({"conversationstart", "participants"})


def objects(value: Any) -> list[Object]:
    """The objects in a list; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _of_results(results: list[Object]) -> str | None:
    if not results:
        return None
    data = results[0].get("data")
    if any("interval" not in each for each in objects(data)):
        return "it holds observations (the state at one moment) without the time of that moment"
    if "group" in results[0] and not isinstance(data, list):
        return f"the `data` of its `results` is {json_kind(data)}, not a list of buckets"
    return None


def _of_pipeline(document: Object) -> str | None:
    """What a record of a data pipeline is, which has the answer in one of its fields; None for anything else."""
    if document.keys() in _OF_BULK and isinstance(next(iter(document.values())), dict):
        return (
            "it is a bulk request of Elasticsearch, with an action before each document: leave out the lines of the "
            "actions (jq -c 'select(.conversationId)' FILE)"
        )
    kind = document.get("type")
    if isinstance(kind, str) and kind in _OF_STREAMS and not {"entities", "results"} & document.keys():
        return (
            "it holds messages of a Singer tap or an Airbyte source: save what stands in `record` of those of the type "
            "RECORD (jq -c 'select(.type == \"RECORD\") | .record' FILE, for Airbyte .record.data)"
        )
    if "recordId" in document and isinstance(document.get("data"), str):
        return "it holds records of Firehose, which has each document in `data`, as base64: decode these, and save them"
    detail = document.get("detail")
    if isinstance(detail, dict) and detail.keys() >= _OF_EVENTS:
        return _EVENTS
    if isinstance(document.get("Records"), list) or {"detail-type", "detail"} <= document.keys():
        return "it holds events of AWS: save what stands in `detail`, or in `kinesis.data` as base64, by itself"
    return None


def _of_tool(document: Object) -> str | None:
    """What a document of another program is; None for anything else."""
    if isinstance(document.get("log"), dict) and "entries" in document["log"]:
        return "it is a HAR file, of a browser's network tab: save the answer itself, with `Copy response`"
    if isinstance(document.get("info"), dict) and isinstance(document.get("item"), list):
        return "it is a Postman collection, which has requests: save the answer itself, with `Save response to file`"
    if {"type", "title", "status"} <= document.keys() or "__type" in document:
        return f"it holds an error answer: {printable(document.get('title') or document.get('__type'), 60)}. Ask again"
    return next((what for names, what in _OF_TOOLS if names <= document.keys()), None)


def _around(document: Object) -> str | None:
    """Why a document is refused that has an answer or a conversation in one of its fields; None if it has none."""
    if (where := inside(document)) is not None:
        return f"{where[1]} stands in its field {printable(where[0], 60)!r}: save that field's value by itself"
    if (name := _encoded(document)) is not None:
        return f"a document as base64 stands in its field {printable(name, 60)!r}: decode it, and save it by itself"
    return None


def _of_platform(document: Object, entities: list[Object]) -> str | None:
    """Which other document of the platform it is; None for anything else."""
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
    if (of_conversations := _of_conversations(entities[0] if entities else document)) is not None:
        return of_conversations
    state = document.get("state")
    is_state = isinstance(state, str) and state in _STATES_OF_JOBS
    if is_state or {"jobId", "dataAvailabilityDate"} & document.keys():
        return (
            f"it holds a details job's state{f' ({state})' if is_state else ''}, not its results: once the job is "
            "FULFILLED, save all pages of GET /api/v2/analytics/conversations/details/jobs/{jobId}/results"
        )
    return None


def _of_conversations(item: Object) -> str | None:
    """What an object is that belongs to a conversation; None for anything else."""
    names = set(map(plain, item))
    for fields, what in _PARTS_OF_CONVERSATION:
        if fields <= names:
            return (
                f"it holds {what} of a conversation without the conversation, as a part of a file that was split, or "
                "as rows of a table: save each conversation whole, or join the parts of the file"
            )
    for fields, what in _BESIDE_CONVERSATIONS:
        if fields <= item.keys():
            return f"it holds {what}, not conversations of analytics: {_ASK_FOR_THEM}"
    # Phones and desktops use such conversations.
    if {"participants", "id"} <= item.keys():
        return (
            "it holds conversations as the conversations API has them (/api/v2/conversations), not analytics "
            "conversations: ask POST /api/v2/analytics/conversations/details/query for them, by conversationId"
        )
    return None


def _of_entities(document: Object, entities: list[Object]) -> str | None:
    """What a document with entities is; None if it has none, or unknown ones."""
    if entities and {"action", "eventDate", "serviceName", "remoteIp", "entityType"} & {*entities[0]}:
        return "it holds audit events; there is no table for these"
    if entities and not isinstance(entities[0].get("buckets", []), list):
        return f"the `buckets` of its `entities` is {json_kind(entities[0]['buckets'])}, not a list"
    if isinstance(document.get("entities"), list) and (not entities or "name" in entities[0]):
        return "it holds a listing; names are read by genesys/reference/…"
    return None


def _encoded(document: Object) -> str | None:
    """The name of the first field whose text is base64 of JSON or of gzip; None if no field has such a text."""
    for name, value in document.items():
        if isinstance(value, str) and _BASE64.fullmatch(value[:_LOOKED_AT]):
            return name
        if isinstance(value, dict) and (inner := _encoded(value)) is not None:
            return f"{name}.{inner}"
    return None


def _is_answer(value: Any) -> bool:
    """Whether a field's value is an answer, or the text of one."""
    if isinstance(value, str):
        return value.lstrip().startswith("{") and any(f'"{name}"' in value[:_LOOKED_AT] for name in ENVELOPE_NAMES)
    return isinstance(value, dict) and any(isinstance(value.get(name), list) for name in ENVELOPE_NAMES)


def _is_text_of_conversation(value: Any) -> bool:
    """Whether a value is the JSON text of a conversation."""
    return isinstance(value, str) and value.lstrip().startswith("{") and "conversationid" in plain(value[:_LOOKED_AT])

"""Files by kind: those that give the rows of the call or of the figures, those of which a part is left out, and those
that are refused.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets_tests.faults.import_files.written import (
    END,
    HOUR,
    START,
    as_text,
    as_unix,
    call,
    dumped,
    in_snake_case,
    of_one_unwrapped,
    page,
    result,
    with_names,
    with_one,
    with_times,
    with_values,
)

_CALL = dumped(page(call()))
_PRETTY = json.dumps(page(call()), indent=2).encode()

NEW_YORK = ImportOptions(time_zone=ZoneInfo("America/New_York"))


def _dot_net(instant: datetime) -> str:
    return f"/Date({as_unix(1000)(instant)})/"


def _mongo(instant: datetime) -> dict[str, Any]:
    return {"$date": instant.isoformat().replace("+00:00", "Z")}


def _numbers(change: Callable[[int], Any]) -> bytes:
    def changed(_: str, item: Any) -> Any:
        return change(item) if isinstance(item, int) and not isinstance(item, bool) else item

    return dumped(page(with_values(call(), changed)))


def _with_lists(change: Callable[[list[Any]], Any]) -> bytes:
    return dumped(page(with_values(call(), lambda _, item: change(item) if isinstance(item, list) else item)))


def _with_values_as(change: Callable[[str], str]) -> bytes:
    fixed = ("purpose", "mediaType", "segmentType", "name")
    return dumped(page(with_values(call(), lambda name, item: change(item) if name in fixed else item)))


def _twice(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    one["data"][0]["metrics"] += other["data"][0]["metrics"]
    return one


def _in_new_york(instant: datetime) -> str:
    return f"{instant - timedelta(hours=5):%Y-%m-%dT%H:%M:%S}"


THE_CALL: dict[str, bytes | tuple[bytes, ImportOptions]] = {
    # -- times
    "as the platform": _CALL,
    "a page with names of .NET": dumped({"Conversations": [call()], "TotalHits": 1}),
    "days and months of one digit": with_times(lambda at: f"{at.year}-{at.month}-{at.day}T{at:%H:%M:%S}.000Z"),
    "seconds without a fraction": with_times(as_text("%Y-%m-%dT%H:%M:%SZ")),
    "seven digits of .NET": with_times(as_text("%Y-%m-%dT%H:%M:%S.{ms}0000Z")),
    "nine digits of Java": with_times(as_text("%Y-%m-%dT%H:%M:%S.{ms}000000Z")),
    "a comma before the fraction": with_times(as_text("%Y-%m-%dT%H:%M:%S,{ms}Z")),
    "a space in the place of T": with_times(as_text("%Y-%m-%d %H:%M:%S.{ms}Z")),
    "str(datetime) of Python": with_times(str),
    "an offset with a colon": with_times(lambda at: at.astimezone(ZoneInfo("Asia/Kolkata")).isoformat()),
    "an offset without a colon": with_times(as_text("%Y-%m-%dT%H:%M:%S.{ms}+0000")),
    "an offset of hours": with_times(as_text("%Y-%m-%dT%H:%M:%S+00")),
    "UTC in letters": with_times(as_text("%Y-%m-%d %H:%M:%S UTC")),
    "a zone behind the offset": with_times(as_text("%Y-%m-%dT%H:%M:%SZ[UTC]")),
    "ISO 8601 without hyphens": with_times(as_text("%Y%m%dT%H%M%SZ")),
    "RFC 1123": with_times(lambda at: format_datetime(at, usegmt=True)),
    "Unix seconds": with_times(as_unix(1)),
    "Unix milliseconds": with_times(as_unix(10**3)),
    "Unix microseconds": with_times(as_unix(10**6)),
    "Unix nanoseconds": with_times(as_unix(10**9)),
    "Unix milliseconds as text": with_times(lambda at: str(as_unix(10**3)(at))),
    "Unix seconds with a fraction": with_times(lambda at: float(as_unix(1)(at))),
    "/Date()/": with_times(_dot_net),
    "/Date()/ with an offset": with_times(lambda at: _dot_net(at).replace(")", "+0100)")),
    "/Date()/ with slashes escaped": with_times(_dot_net).replace(b"/", b"\\/"),
    "PowerShell's moments with notes": with_times(
        lambda at: {"value": _dot_net(at), "DisplayHint": 2, "DateTime": f"{at:%c}"}
    ),
    "$date as text": with_times(_mongo),
    "$date as a number": with_times(lambda at: {"$date": as_unix(1000)(at)}),
    "$date as $numberLong": with_times(lambda at: {"$date": {"$numberLong": str(as_unix(1000)(at))}}),
    "Date.toString() of JavaScript": with_times(as_text("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")),
    "year first with slashes": with_times(as_text("%Y/%m/%d %H:%M:%S UTC")),
    "a zone of Java in the place of an offset": (with_times(as_text("%Y-%m-%dT%H:%M:%S[UTC]")), NEW_YORK),
    "seconds and nanoseconds of protobuf": with_times(lambda at: {"seconds": as_unix(1)(at), "nanos": 0}),
    "seconds and nanoseconds of Firestore": with_times(lambda at: {"_seconds": as_unix(1)(at), "_nanoseconds": 0}),
    "local clocks with --time-zone": (with_times(_in_new_york), NEW_YORK),
    # -- names, lists and numbers
    "the SDK's to_dict()": dumped(in_snake_case(page(call()))),
    "to_dict() with None": dumped(in_snake_case(page(call() | {"externalTag": None, "surveys": None}))),
    "to_dict() through str": with_times(str, in_snake_case(call())),
    "names of .NET": dumped(page(with_names(call(), lambda name: name[0].upper() + name[1:]))),
    "a name in two spellings": dumped(page(call() | {"conversation_id": "A", "conversation_end": None})),
    "lists of one unwrapped": dumped(of_one_unwrapped(page(call()))),
    "lists as value and Count": dumped(
        with_values(page(call()), lambda _, item: {"value": item, "Count": 1} if isinstance(item, list) else item)
    ),
    "lists as $values": _with_lists(lambda items: {"$id": "1", "$values": items}),
    "lists as objects of positions": _with_lists(lambda items: {str(at): item for at, item in enumerate(items)}),
    "lists of Parquet": _with_lists(lambda items: {"list": [{"element": item} for item in items]}),
    "values of .NET": _with_values_as(str.capitalize),
    "values of Java": _with_values_as(str.upper),
    "names with hyphens": dumped(page(with_names(call(), lambda name: snake_case(name).replace("_", "-")))),
    "names with spaces": dumped(with_names(call(), lambda name: snake_case(name).replace("_", " ").title())),
    "numbers as text": _numbers(str),
    "numbers with a point": _numbers(float),
    "$numberLong": _numbers(lambda number: {"$numberLong": str(number)}),
    "truth as text": dumped(page(with_values(call(), lambda _, item: str(item) if item is False else item))),
    "nulls where lists are": dumped(page(call() | {"evaluations": None, "surveys": [None]})),
    # -- layouts
    "a conversation alone": dumped(call()),
    "a list": dumped([call()]),
    "a list of pages": dumped([page(), page(call())]),
    "a list of value and Count": dumped({"value": [call()], "Count": 1}),
    "pages one behind the other": _CALL * 3,
    "pretty pages one behind the other": _PRETTY + b"\n" + _PRETTY,
    "JSON Lines": b"\n".join(map(dumped, [call(), call()])),
    "JSON Lines with CRLF": b"\r\n".join([_CALL, _CALL, b""]),
    "JSON Lines with line ends of Unicode within": b"\n".join(
        json.dumps(call() | {"externalTag": "a\u2028b\u2029c\x85d"}, ensure_ascii=False).encode() for _ in range(2)
    ),
    "JSON Lines with blank lines": b"\n\n" + _CALL + b"\n \n\n" + _CALL + b"\n\n",
    "JSON text sequences": b"\x1e" + _CALL + b"\n\x1e" + _CALL + b"\n",
    "a mark in front of each document": b"\xef\xbb\xbf" + _CALL + b"\n\xef\xbb\xbf" + _CALL,
    "UTF-16": _CALL.decode().encode("utf-16"),
    "UTF-32": _CALL.decode().encode("utf-32"),
    "gzip": gzip.compress(_CALL),
    "gzip in two members": gzip.compress(_CALL) + gzip.compress(b"\n" + _CALL),
    "a newer form behind an older one": dumped(page(call() | {"conversationEnd": None}, call())),
    "names in small letters": dumped(with_names(page(call()), str.lower)),
    "fields that are new": dumped(page(call()) | {"somethingNew": {"a": [1]}}),
}
"""Each gives the call, once, and nothing is left out."""

_FIGURES = dumped({"results": [result()]})
THE_FIGURES: dict[str, bytes] = {
    "as the platform": _FIGURES,
    "results alone": dumped([result()]),
    "one result on each line": b"\n".join([dumped(result()), dumped(result())]),
    "results of three answers": b"\n".join([_FIGURES, b"", _FIGURES, _FIGURES]),
    "lists of one unwrapped": dumped(of_one_unwrapped({"results": [result()]})),
    "lists as value and Count": dumped({"results": {"value": [result()], "Count": 1}}),
    "names of .NET": dumped(with_names({"results": [result()]}, lambda name: name[0].upper() + name[1:])),
    "names in capitals": dumped(with_names({"results": [result()]}, str.upper)),
    "the SDK's to_dict()": dumped(with_names({"results": [result()]}, snake_case)),
    "lists as $values": dumped(
        with_values(
            {"results": [result()]}, lambda _, item: {"$id": "1", "$values": item} if isinstance(item, list) else item
        )
    ),
    "lists as objects of positions": dumped(
        with_values({"results": [result()]}, lambda _, item: dict(enumerate(item)) if isinstance(item, list) else item)
    ),
    "numbers as text": dumped({"results": [result(count="2", sum="312000", min="100000", max="212000")]}),
    "an interval of a start and a length": _FIGURES.replace(HOUR.encode(), b"2026-01-28T13:00:00Z/PT60M"),
    "values in capitals": _FIGURES.replace(b'"voice"', b'"VOICE"'),
    "names with spaces": _FIGURES.replace(b'"queueId"', b'"Queue Id"').replace(b'"mediaType"', b'"Media Type"'),
    "a dimension that is an empty text": _FIGURES.replace(b'"queueId"', b'"userId": "", "queueId"'),
    "an interval of a length and an end": _FIGURES.replace(HOUR.encode(), b"PT1H/2026-01-28T14:00:00Z"),
    "statistics that are null": dumped(
        {"results": [result(count=2, sum=312_000, min=100_000, max=212_000, ratio=None)]}
    ),
    "$numberLong": _FIGURES.replace(b"312000", b'{"$numberLong": "312000"}').replace(b'"312000"', b"312000"),
    "an interval with offsets": _FIGURES.replace(HOUR.encode(), b"2026-01-28T14:00+01:00/2026-01-28T15:00+01:00"),
    "an interval of Unix times": _FIGURES.replace(HOUR.encode(), b"1769605200/1769608800"),
}
"""Each gives the figures of one bucket, and nothing is left out."""

LEFT_OUT: dict[str, tuple[Any, str]] = {
    "no start": ({"conversationId": "B", "participants": []}, "it has no conversationId or no conversationStart"),
    "no id": (with_one("conversationId", None), "it has no conversationId or no conversationStart"),
    "null in the place of a conversation": (None, "conversations: null in the place of a conversation"),
    "sessions that PowerShell cut": (
        with_one("participants.0.sessions", "System.Object[]"),
        "conversations.participants.sessions: str is no list",
    ),
    "a session that PowerShell cut": (
        with_one("participants.0.sessions", ["@{sessionId=B; mediaType=voice}"]),
        "conversations.participants.sessions: str is no object",
    ),
    "ids that PowerShell cut": (with_one("divisionIds", "a b"), "conversations.divisionIds: str is no list"),
    "no ids as an empty text": (with_one("divisionIds", ""), "conversations.divisionIds: str is no list"),
    "an id of white space": (with_one("conversationId", " "), "it has no conversationId or no conversationStart"),
    "an id that is half a character": (
        with_one("conversationId", "\ud83d"),
        r"conversations.conversationId: '\\ud83d' is no id",
    ),
    "a quality below zero": (
        with_one("mediaStatsMinConversationMos", -1),
        "conversations.mediaStatsMinConversationMos: -1.0 is below zero, and no such figure is",
    ),
    "a list in a list": (with_one("participants", [[{}]]), "conversations.participants: list is no object"),
    "a number that is a word": (
        with_one("participants.0.sessions.0.metrics.0.value", "many"),
        "conversations.participants.sessions.metrics.value: str is no integer",
    ),
    "a number with a half": (
        with_one("participants.0.sessions.0.metrics.0.value", 1.5),
        "conversations.participants.sessions.metrics.value: float is no integer",
    ),
    "a number below zero": (
        with_one("participants.1.sessions.0.metrics.0.value", -1),
        "conversations.participants.sessions.metrics.value: -1 is below zero",
    ),
    "a conversation that ends before it begins": (
        with_one("conversationEnd", "2020-01-01T00:00:00Z"),
        "conversations.conversationEnd: 2020-01-01T00:00:00.000Z is before conversationStart, ",
    ),
    "a segment that ends before it begins": (
        with_one("participants.0.sessions.0.segments.0.segmentEnd", "2020-01-01T00:00:00Z"),
        "conversations.participants.sessions.segments.segmentEnd: 2020-01-01T00:00:00.000Z is before segmentStart, ",
    ),
    "participants by their ids": (
        with_one("participants", {"p": {"purpose": "agent"}}),
        "conversations.participants: an object with none of the platform's fields for it, but p",
    ),
    "lists of DynamoDB": (with_one("participants", {"L": [{"M": {}}]}), "none of the platform's fields for it, but L"),
    "an empty object for an empty list": (
        with_one("participants.0.sessions", {}),
        "sessions: an object without fields",
    ),
    "null in the place of a participant": (
        with_one("participants", [None, *call("B")["participants"]]),
        "conversations.participants: null in the place of one",
    ),
    "null in the place of a segment": (
        with_one("participants.0.sessions.0.segments", [None]),
        "conversations.participants.sessions.segments: null in the place of one",
    ),
    "no participants": (with_one("participants", None), "conversations.participants: there is none"),
    "fields of a table that was flattened": (
        {"conversationId": "B", "conversationStart": START, "participants.0.purpose": "agent"},
        "conversations.participants: there is none",
    ),
    "no sessions": (
        with_one("participants", [{"participantId": "B-a", "purpose": "agent"}]),
        "conversations.participants.sessions: there is none",
    ),
    "a metric without its value": (
        with_one("participants.0.sessions.0.metrics.0.value", None),
        "conversations.participants.sessions.metrics.value: there is none",
    ),
    "a segment without its start": (
        with_one("participants.0.sessions.0.segments.0.segmentStart", None),
        "conversations.participants.sessions.segments.segmentStart: there is none",
    ),
    "a value as the number of an enumeration": (
        with_one("participants.0.purpose", 3),
        "conversations.participants.purpose: int is no string",
    ),
    "a metric as the number of an enumeration": (
        with_one("participants.0.sessions.0.metrics.0.name", 7),
        "conversations.participants.sessions.metrics.name: int is no string",
    ),
    "a value that the SDK did not know": (
        with_one("participants.0.sessions.0.mediaType", "OutdatedSdkVersion"),
        "conversations.participants.sessions.mediaType: OutdatedSdkVersion, which the SDK writes",
    ),
    "a value as a program prints it": (with_one("participants.0.purpose", "Purpose.AGENT"), "'Purpose.AGENT' is no"),
    "a time in a zone that is none": (with_one("conversationEnd", "2026-01-28T11:49:30[Mars/X]"), "is not a time zone"),
    "a number of 400 digits": (with_one("mediaStatsMinConversationMos", 10**400), "int is no number"),
    "a number that is none": (with_one("mediaStatsMinConversationMos", "nan"), "str is no number"),
    "truth that is a word": (with_one("customerParticipation", "perhaps"), "str is no boolean"),
    "a text that is an object": (with_one("externalTag", {"a": 1}), "conversations.externalTag: dict is no string"),
    "an attribute that is an object": (with_one("participants.0.attributes", {"a": {}}), "attributes.value: dict"),
    "attributes that are a list": (with_one("participants.0.attributes", [1]), "attributes: list is no object"),
    "two values of one name": (with_one("conversation_end", START), "there under two names, with two values"),
    "an end that is no day": (with_one("conversationEnd", "2026-02-30T00:00:00Z"), "no calendar or clock shows it"),
    "a leap second": (with_one("conversationEnd", "2026-06-30T23:59:60Z"), "no calendar or clock shows it"),
    "a day and month in doubt": (
        with_one("conversationEnd", "01/02/2026 11:00:00"),
        "'01/02/2026 11:00:00' is no instant",
    ),
    "a date without a time": (with_one("conversationEnd", "2026-01-28"), "conversationEnd: '2026-01-28' is no instant"),
    "a date as a number": (with_one("conversationEnd", 20260128), "20260128 is no Unix time between 2000 and 2100"),
    "the first moment of .NET": (
        with_one("conversationEnd", "0001-01-01T00:00:00Z"),
        "no instant between 2000 and 2100",
    ),
    "a moment after all": (with_one("conversationEnd", "9999-12-31T23:59:59-12:00"), "is no instant"),
    "minus infinity": (with_one("conversationEnd", -1e308), "is no Unix time"),
    "true in the place of a moment": (with_one("conversationEnd", True), "True is no instant"),
    "$date of nothing": (with_one("conversationEnd", {"$date": None}), "is no instant"),
    "nested too deeply": (with_one("somethingNew", json.loads("[" * 60 + "]" * 60)), "nested more than 32 levels deep"),
}
"""Each is one conversation in a page beside the call, which is taken."""

_LONDON = ImportOptions(time_zone=ZoneInfo("Europe/London"), granularity="PT1H")


def _measured(**fields: Any) -> bytes:
    return dumped({"results": [{"queueId": "Q", "metrics": {"handleTime": 60}, **fields}]})


def _entity(**fields: Any) -> bytes:
    return dumped(
        {"entities": [{"id": "U", "type": "user", "interval": HOUR, "metrics": {"handleTime": 60}, **fields}]}
    )


def _figure(**stats: Any) -> bytes:
    return dumped({"results": [result(**stats)]})


REFUSED: dict[str, tuple[bytes, str] | tuple[bytes, str, ImportOptions]] = {
    # -- no JSON
    "nothing": (b"", "it is empty"),
    "white space": (b" \n\t\r\n", "it is empty"),
    "a mark and nothing": (b"\xef\xbb\xbf", "it is empty"),
    "gzip of nothing": (gzip.compress(b""), "it is empty"),
    "a web page": (b"<!DOCTYPE html><html>", "it is HTML or XML, as a login page or a gateway answers, not JSON"),
    "a table": (b"conversationId,start\nA,B\n", "it is not JSON: Expecting value"),
    "a zip archive": (b"PK\x03\x04\x14\x00", "it is a zip archive"),
    "zstd": (b"\x28\xb5\x2f\xfd\x00", "it is compressed with zstd"),
    "bzip2": (b"BZh91AY", "it is compressed with bzip2"),
    "xz": (b"\xfd7zXZ\x00\x00", "it is compressed with xz"),
    "Parquet": (b"PAR1\x15\x04", "it is a Parquet file"),
    "compressed twice": (gzip.compress(gzip.compress(_CALL)), "it is compressed twice"),
    "gzip that was cut": (gzip.compress(_CALL)[:-9], "its gzip is damaged"),
    "gzip with another checksum": (gzip.compress(_CALL)[:-8] + bytes(8), "its gzip is damaged"),
    "gzip with something behind": (gzip.compress(_CALL) + b"more", "its gzip is damaged"),
    "zeros": (bytes(64), "it is not JSON"),
    "text that is no UTF-8": (_CALL.replace(b"some_value", b"M\xfcller"), "it is not text"),
    "cut in a text": (_CALL[:60], "it ends in the middle: it was cut"),
    "cut behind a comma": (_CALL[: _CALL.index(b",") + 1], "it ends in the middle: it was cut"),
    "cut in the second document": (_PRETTY + b"\n" + _PRETTY[:-3], "it ends in the middle: it was cut"),
    "a comma too many": (b'{"conversations": [],}', "it is not JSON: Expecting property name"),
    "single quotes": (b"{'conversations': []}", "it is not JSON: Expecting property name"),
    "NaN": (_CALL.replace(b"500000", b"NaN"), "NaN is no JSON number"),
    "Infinity": (_CALL.replace(b"500000", b"-Infinity"), "-Infinity is no JSON number"),
    "something behind it": (_CALL + b" done", "it is not JSON: Expecting value"),
    "a control character": (_CALL.replace(b"some_value", b"a\x01b"), "Invalid control character"),
    "a field twice": (b'{"conversations": [], "conversations": []}', "has the field 'conversations' twice"),
    "a field twice within": (_CALL.replace(b'"purpose"', b'"participantId"'), "has the field 'participantId' twice"),
    "a number beyond all": (
        _CALL.replace(b'"conversationId"', b'"somethingNew": 1e400, "conversationId"'),
        "it has the number 1e400, which is larger than any can be",
    ),
    "a statistic beyond all": (_FIGURES.replace(b'"max"', b'"p95": -1e999, "max"'), "it has the number -1e999"),
    "true as a count": (_figure(count=True), "count of 'tHandle' is True, not a number"),
    "a word as a count": (_figure(count="many"), "count of 'tHandle' is 'many', not a number"),
    "a count larger than can be kept": (_figure(count=2**63), "no figure is larger than 9223372036854775807"),
    "a text below zero": (_figure(count="-1"), "count of 'tHandle' is -1, and no figure is below zero"),
    "less than the least of each": (
        _figure(count=3, sum=200, min=100, max=100),
        "sum of 'tHandle' is 200, which 3 times of at least 100 and at most 100 cannot come to",
    ),
    "more than the most of each": (
        _figure(count=2, sum=900, min=1, max=100),
        "sum of 'tHandle' is 900, which 2 times of at least 1 and at most 100 cannot come to",
    ),
    "a figure twice": (
        dumped({"results": [_twice(result(count=1), result(count=2))]}),
        "'tHandle' is there twice in the same place, with two values",
    ),
    "figures under another name": (
        _FIGURES.replace(b'"metrics"', b'"measurements"'),
        "a bucket without metrics left out: its fields are measurements",
    ),
    "a length of months": (_FIGURES.replace(HOUR.encode(), b"2026-01-01T00:00Z/P1M"), "'P1M' is no instant"),
    "documents with a comma between": (_CALL + b",\n" + _CALL, "a comma stands between two documents"),
    # -- an answer in something else
    "the refusal of a login": (
        b'{"error": "invalid_client", "error_description": "no"}',
        "it holds the refusal of a login: invalid_client",
    ),
    "an answer in a field": (dumped({"data": page(call())}), "stands in its field 'data'"),
    "an answer as the text of a field": (
        dumped({"statusCode": 200, "body": json.dumps(page(call()))}),
        "stands in its field 'body'",
    ),
    "an answer as a text": (dumped(json.dumps(page(call()))), "it was encoded twice"),
    "a conversation in a field": (
        dumped({"schema": {}, "payload": call()}),
        "a conversation stands in its field 'payload': save that field's value by itself",
    ),
    "a search of Elasticsearch": (
        dumped({"took": 1, "hits": {"total": 1, "hits": [{"_id": "A", "_source": call()}]}}),
        "a conversation stands in its field 'hits.hits._source'",
    ),
    "conversations by their ids": (dumped({"A": call(), "B": call("B")}), "a conversation stands in its field 'A'"),
    "figures that were flattened": (
        dumped({"results": [{"queueId": "Q", "interval": HOUR, "metric": "nOffered", "count": 3}]}),
        "the first of its `results` has none either; its fields are: count, interval, metric, queueId",
    ),
    "a HAR file": (dumped({"log": {"version": "1.2", "entries": []}}), "it is a HAR file"),
    "a Postman collection": (dumped({"info": {"name": "x"}, "item": []}), "it is a Postman collection"),
    "a query": (
        dumped({"interval": HOUR, "groupBy": ["queueId"], "metrics": ["nOffered"], "granularity": "PT1H"}),
        "it holds a query",
    ),
    "a query of details": (dumped({"interval": HOUR, "paging": {"pageSize": 100}}), "it holds a query"),
    "calls of the conversations API": (
        dumped({"entities": [{"id": "A", "participants": [{"id": "p", "state": "connected"}]}]}),
        "it holds conversations as the conversations API has them",
    ),
    # -- meant to harm
    "lists in lists": (b"[" * 100_000, "nested too deeply"),
    "objects in objects": (b'{"a":' * 100_000, "nested too deeply"),
    "a number of 5,000 digits": (_CALL.replace(b"500000", b"9" * 5_000), "more digits than any can be"),
    # -- other things than answers
    "a text": (b'"conversations"', "it holds a JSON str"),
    "a number": (b"42", "it holds a JSON int"),
    "an empty list": (b"[]", "it holds no answer of the platform"),
    "an empty object": (b"{}", "none of the known shapes; its fields are: none"),
    "texts in a list": (b'["a"]', "element 1 is a JSON str"),
    "one element that is another": (dumped([call(), {"a": 1}]), "element 2: it has none of the known shapes"),
    "one line that is another": (_CALL + b"\n" + dumped({"a": 1}), "line 2: it has none of the known shapes"),
    "elements that were encoded twice": (dumped([json.dumps(call())]), "element 1 is JSON within a JSON text"),
    "conversations of a page by their ids": (
        dumped({"conversations": {"A": call(), "B": call("B")}}),
        "its `conversations` is an object of conversations by their ids: save its values as a list",
    ),
    "an entity without its id": (_entity(id=None), "an entity of it has no `id`: its figures would count as those of"),
    "an entity of several ids": (_entity(id=["U", "V"]), "'id' of a group is a JSON list, not one value"),
    "entities that PowerShell cut": (
        _entity(metrics=None, buckets="System.Object[]"),
        "the `buckets` of its `entities` is a JSON str, not a list",
    ),
    "an error among lines": (_CALL + b'\n{"status": 429, "message": "no", "code": "x"}', "line 2: it holds an error"),
    "conversations that PowerShell cut": (b'{"conversations": "System.Object[]"}', "`conversations` is not a list"),
    "one conversation that is a text": (dumped(page(call(), "A")), "in it there is a JSON str"),
    "conversations of the live API": (
        dumped({"entities": [{"id": "A", "startTime": START, "participants": [{"id": "p", "calls": []}]}]}),
        "not analytics conversations: ask POST /api/v2/analytics/conversations/details/query",
    ),
    "a conversation of the live API": (
        dumped({"id": "A", "startTime": START, "endTime": END, "participants": []}),
        "not analytics conversations",
    ),
    "audit events": (
        dumped({"entities": [{"id": "A", "eventDate": START, "serviceName": "Queue", "action": "UPDATE"}]}),
        "it holds audit events",
    ),
    "a listing": (dumped({"entities": [{"id": "Q", "name": "Sales"}]}), "it holds a listing"),
    "control characters in a name": (dumped({"\x1b[31mred\x07": 1}), r"\x1b[31mred\x07"),
    # -- times
    "a call of local clocks": (with_times(_in_new_york), "has no offset: say with --time-zone"),
    "a call in an hour that clocks show twice": (
        dumped(call() | {"conversationStart": "2025-10-26T01:30:00", "participants": []}),
        "is shown twice by the clocks of Europe/London: write it with its offset",
        _LONDON,
    ),
    "a call in an hour that clocks never show": (
        dumped(call() | {"conversationStart": "2025-03-30T01:30:00", "participants": []}),
        "is shown never by the clocks of Europe/London",
        _LONDON,
    ),
    "a bucket in an hour that clocks show twice": (_measured(timestamp="2025-10-26T01:00"), "is shown twice", _LONDON),
    "a bucket of local clocks": (_measured(timestamp="2026-01-28T13:00", granularity="PT1H"), "has no offset"),
    "a call that is yet to come": (
        dumped(call() | {"conversationStart": "2099-01-01T00:00:00Z", "conversationEnd": "2099-01-01T00:05:00Z"}),
        "in the future",
    ),
    "a call that ends in days to come": (
        dumped(call() | {"conversationEnd": "2099-01-01T00:00:00Z"}),
        "a conversation of it has an instant in the future, 2099-01-01T00:00:00.000Z",
    ),
    "a bucket that is yet to come": (_FIGURES.replace(b"2026-01-28", b"2099-01-28"), "ends in the future"),
    "a bucket that ends before it begins": (_figure().replace(b"14:00", b"12:00"), "its start must lie before its end"),
    "an interval that is one instant": (
        _FIGURES.replace(HOUR.encode(), b"2026-01-28T13:00:00Z"),
        "its interval '2026-01-28T13:00:00Z' is no span: write it like 2026-01-31T13:00Z/2026-01-31T14:00Z",
    ),
    "an interval that is none, where another was told": (
        _FIGURES.replace(HOUR.encode(), b"13:00 - 14:00"),
        "its interval '13:00 - 14:00' is no span",
        ImportOptions(interval=Interval.parse("2026-01-28T13:00Z/2026-01-28T14:00Z")),
    ),
    "a bucket of half the day": (_FIGURES.replace(b"T14:00", b"T23:00"), "bucket of 10 hours left out"),
    # -- figures that cannot be
    "a count below zero": (_figure(count=-1), "count of 'tHandle' is -1, and no figure is below zero"),
    "a sum below zero": (_figure(count=1, sum=-5), "sum of 'tHandle' is -5"),
    "a handle time below zero": (_measured(interval=HOUR, metrics={"handleTime": -1}), "sum of 'handleTime' is -1"),
    "a handled count below zero": (_measured(interval=HOUR, metrics={"handledCount": -1}), "count of 'handledCount'"),
    "a ratio below zero": (
        _measured(interval=HOUR, metrics={"oServiceLevel": {"ratio": -1}}),
        "ratio of 'oServiceLevel' is -1",
    ),
    "a ratio above 1": (
        _measured(interval=HOUR, metrics={"oServiceLevel": {"ratio": 80}}),
        "ratio of 'oServiceLevel' is 80, and no ratio is above 1: write 80 % as 0.8",
    ),
    "a numerator above its denominator": (
        _measured(interval=HOUR, metrics={"oServiceLevel": {"numerator": 9, "denominator": 4}}),
        "numerator of 'oServiceLevel' is 9, which is more than its denominator, 4",
    ),
    "a ratio that is not that of its numbers": (
        _measured(interval=HOUR, metrics={"oServiceLevel": {"ratio": 0.5, "numerator": 4, "denominator": 4}}),
        "ratio of 'oServiceLevel' is 0.5, but 4 of 4 is another",
    ),
    "a figure without its statistics": (
        _FIGURES.replace(b', "stats"', b', "statistics"'),
        "nothing of it can be taken: 'tHandle' left out",
    ),
    "a figure with no statistics": (
        dumped({"results": [result() | {"data": [{"interval": HOUR, "metrics": [{"metric": "tHandle"}]}]}]}),
        "nothing of it can be taken: 'tHandle' left out: there is no figure",
    ),
    "a figure with empty statistics": (
        dumped(
            {"results": [result() | {"data": [{"interval": HOUR, "metrics": [{"metric": "tHandle", "stats": {}}]}]}]}
        ),
        "nothing of it can be taken: 'tHandle' left out: there is no figure",
    ),
    "a min above the max": (
        _figure(count=2, min=5, max=3, sum=8),
        "min of 'tHandle' is 5, which is more than its max, 3",
    ),
    "a max above the sum": (_figure(count=2, max=9, sum=8), "max of 'tHandle' is 9, which is more than its sum, 8"),
    "a time of none": (_figure(count=0, sum=5000), "sum of 'tHandle' is 5000, but its count is 0"),
    "less than the least times the count": (
        _figure(count=2, min=10, sum=5),
        "sum of 'tHandle' is 5, which 2 times of at least 10 cannot come to",
    ),
    "more than the most times the count": (
        _figure(count=2, max=10, sum=25),
        "sum of 'tHandle' is 25, which 2 times of at most 10 cannot come to",
    ),
    "half a count": (_figure(count=1.5), "only whole milliseconds or counts can be kept"),
    "a count that is a word": (_measured(interval=HOUR, metrics={"handledCount": "many"}), "is 'many', not a number"),
    "statistics that PowerShell cut": (
        dumped({"results": [result()]}).replace(b'{"count": 2, "sum": 312000, "min": 100000, "max": 212000}', b'"@{}"'),
        "results.data.metrics.stats: str is no object",
    ),
    "buckets that PowerShell cut": (
        dumped({"results": [{"group": {}, "data": "System.Object[]"}]}),
        "the `data` of its `results` is a JSON str",
    ),
    "metrics that PowerShell cut": (
        dumped({"results": [{"group": {}, "data": [{"interval": HOUR, "metrics": "System.Object[]"}]}]}),
        "its metrics are a JSON str",
    ),
    "a metric without a name": (_measured(interval=HOUR, metrics=[{"value": 1}]), "one of its metrics has no name"),
    "a metric that nobody knows": (
        _measured(interval=HOUR, metrics=[{"name": "handleTme", "value": 1}]),
        "nothing of it can be taken: 'handleTme' is not a metric",
    ),
    "a queue by its name": (_FIGURES.replace(b'"queueId"', b'"queueName"'), "has 'queueName' and no queueId"),
    "a group that is no dimension": (_FIGURES.replace(b'"queueId"', b'"colour"'), "'colour' is not a dimension"),
    "a result without its interval": (_FIGURES.replace(b'"interval"', b'"when"'), "it holds observations"),
}
"""Each is skipped for the reason named, and nothing of it is stored."""

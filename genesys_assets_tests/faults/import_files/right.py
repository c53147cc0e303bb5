"""Files in different notations that give the rows of the call or of the figures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets_tests.faults.import_files.written import (
    CALL,
    FIGURES,
    HOUR,
    PRETTY,
    START,
    as_text,
    as_unix,
    call,
    dumped,
    in_new_york,
    in_snake_case,
    of_one_unwrapped,
    page,
    result,
    with_names,
    with_times,
    with_values,
)

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


def _with_twice(name: str | None) -> dict[str, Any]:
    """The call with each object of a list twice; None means each participant."""
    if name is None:
        return call() | {"participants": [each for each in call()["participants"] for _ in range(2)]}
    changed: dict[str, Any] = with_values(call(), lambda of, item: [*item, *item] if of == name else item)
    return changed


THE_CALL: dict[str, bytes | tuple[bytes, ImportOptions]] = {
    # -- times
    "as the platform": CALL,
    "a page with names of .NET": dumped({"Conversations": [call()], "TotalHits": 1}),
    "days and months of one digit": with_times(lambda at: f"{at.year}-{at.month}-{at.day}T{at:%H:%M:%S}.000Z"),
    "small letters in the place of T and Z": with_times(as_text("%Y-%m-%dt%H:%M:%S.{ms}z")),
    "an offset of minus zero": with_times(as_text("%Y-%m-%dT%H:%M:%S.{ms}-00:00")),
    "an offset of two digits": with_times(as_text("%Y-%m-%dT%H:%M:%S.{ms}+00")),
    "milliseconds since 1970 with a fraction": with_times(lambda at: at.timestamp() * 1000.0),
    "a page within lists": dumped([[[page(call())]]]),
    "an empty list behind the call": dumped([call(), []]),
    "conversations counted from 1": dumped({"conversations": {"1": call()}}),
    "a name in capitals and with an underscore": CALL.replace(b"conversationStart", b"Conversation_Start"),
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
    "seconds with nanoseconds of Jackson": with_times(lambda at: float(f"{at.timestamp():.9f}")),
    "seconds with nanoseconds of Snowflake, as text": with_times(lambda at: f"{at.timestamp():.9f}"),
    "Unix milliseconds with an exponent": CALL.replace(f'"{START}"'.encode(), b"1.7696004e12"),
    "a start in seconds and an end in milliseconds": dumped(
        page(call() | {"conversationStart": 1769600400, "conversationEnd": 1769600970000})
    ),
    "three time zones in one conversation": dumped(
        page(
            call()
            | {"conversationStart": "2026-01-28T06:40:00-05:00", "conversationEnd": "2026-01-28T17:19:30.000+05:30"}
        )
    ),
    "a moment up to its minute": CALL.replace(START.encode(), b"2026-01-28T11:40Z"),
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
    "local clocks with --time-zone": (with_times(in_new_york), NEW_YORK),
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
    "names with spaces around them": dumped(with_names(page(call()), lambda name: f" {name} ")),
    "attributes of Python with an underscore": dumped(with_names(in_snake_case(page(call())), lambda name: f"_{name}")),
    "names with spaces": dumped(with_names(call(), lambda name: snake_case(name).replace("_", " ").title())),
    "numbers as text": _numbers(str),
    "numbers with a point": _numbers(float),
    "$numberLong": _numbers(lambda number: {"$numberLong": str(number)}),
    "truth as text": dumped(page(with_values(call(), lambda _, item: str(item) if item is False else item))),
    "nulls where lists are": dumped(page(call() | {"evaluations": None, "surveys": [None]})),
    "ids that spaces fill": dumped(
        page(with_values(call(), lambda name, item: f"{item}    " if name.endswith("Id") else item))
    ),
    "ids of XML": dumped(
        page(with_values(call(), lambda name, item: f"urn:uuid:{item}" if name.endswith("Id") else item))
    ),
    "digits of another script": CALL.replace(
        START.encode(), START.translate({48 + digit: 0x660 + digit for digit in range(10)}).encode()
    ),
    "the details of one conversation, with what else the platform knows of it": dumped(
        call() | {"conversationInitiator": None, "customerParticipation": None}
    ),
    # -- what a join repeats
    "a participant twice": dumped(page(_with_twice(None))),
    "a session twice": dumped(page(_with_twice("sessions"))),
    "a segment twice": dumped(page(_with_twice("segments"))),
    "a participant twice, once in snake_case": dumped(
        page(call() | {"participants": [*call()["participants"], in_snake_case(call()["participants"][0])]})
    ),
    # -- layouts
    "a conversation alone": dumped(call()),
    "a list": dumped([call()]),
    "a list of pages": dumped([page(), page(call())]),
    "a list of value and Count": dumped({"value": [call()], "Count": 1}),
    "pages one behind the other": CALL * 3,
    "pages with a form feed between": CALL + b"\x0c" + CALL,
    "lists one behind the other": b"[" + CALL + b"]\n[" + CALL + b"]",
    "pretty pages one behind the other": PRETTY + b"\n" + PRETTY,
    "JSON Lines": b"\n".join(map(dumped, [call(), call()])),
    "JSON Lines with CRLF": b"\r\n".join([CALL, CALL, b""]),
    "JSON Lines with line ends of Unicode within": b"\n".join(
        json.dumps(call() | {"externalTag": "a\u2028b\u2029c\x85d"}, ensure_ascii=False).encode() for _ in range(2)
    ),
    "JSON Lines with blank lines": b"\n\n" + CALL + b"\n \n\n" + CALL + b"\n\n",
    "JSON text sequences": b"\x1e" + CALL + b"\n\x1e" + CALL + b"\n",
    "a mark in front of each document": b"\xef\xbb\xbf" + CALL + b"\n\xef\xbb\xbf" + CALL,
    "one list on several lines": b"[\n" + CALL + b",\n" + CALL + b"\n]\n",
    "two lists one behind the other": b"[" + CALL + b"][" + CALL + b"]",
    "a list on each line": b"\n".join([dumped([call()]), dumped([call(), call()])]),
    "conversations by their positions": dumped({"0": call(), "1": call()}),
    "lines that end as on old Macs": CALL + b"\r" + CALL + b"\r",
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf" + CALL,
    "UTF-16 without a byte order mark": CALL.decode().encode("utf-16-le"),
    "UTF-16 of the other order without a mark": CALL.decode().encode("utf-16-be"),
    "gzip with zeros behind": gzip.compress(CALL) + bytes(1024),
    "what a document of MongoDB has more": dumped(call() | {"_id": {"$oid": "65b6"}}),
    "UTF-16": CALL.decode().encode("utf-16"),
    "UTF-32": CALL.decode().encode("utf-32"),
    "gzip": gzip.compress(CALL),
    "gzip in two members": gzip.compress(CALL) + gzip.compress(b"\n" + CALL),
    "a newer form behind an older one": dumped(page(call() | {"conversationEnd": None}, call())),
    "names in lower case": dumped(with_names(page(call()), str.lower)),
    "fields that are new": dumped(page(call()) | {"somethingNew": {"a": [1]}}),
}
"""Each gives the call, once, and nothing is left out."""


def _in_seconds(fields: dict[str, Any], **stats: Any) -> bytes:
    """The result with its times in seconds, and with more fields in its figure or its statistics."""
    written = result(count=2, sum=312, min=100, max=212, **stats)
    written["data"][0]["metrics"][0] |= fields
    return dumped({"results": [written]})


def _with_time(**fields: Any) -> dict[str, Any]:
    """The result with more fields in its bucket."""
    written = result()
    written["data"][0] |= fields
    return written


THE_FIGURES: dict[str, bytes] = {
    "as the platform": FIGURES,
    "an interval of local clocks with their offset": FIGURES.replace(
        HOUR.encode(), b"2026-01-28T14:00:00.000+01:00/2026-01-28T15:00:00.000+01:00"
    ),
    "an interval with its duration": FIGURES.replace(HOUR.encode(), b"2026-01-28T13:00:00.000Z/PT1H"),
    "numbers with exponents": FIGURES.replace(b'"count": 2, "sum": 312000', b'"count": 2E0, "sum": 3.12e+5'),
    "a queue as an object with its id": FIGURES.replace(b'"queueId": "Q"', b'"queueId": {"id": "Q", "name": "Sales"}'),
    "results alone": dumped([result()]),
    "one result on each line": b"\n".join([dumped(result()), dumped(result())]),
    "results of three answers": b"\n".join([FIGURES, b"", FIGURES, FIGURES]),
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
    "numbers as text with a point": dumped(
        {"results": [result(count="2.0", sum="312000.0", min="100000.0", max="212000.0")]}
    ),
    "numbers as text with a sign": dumped(
        {"results": [result(count="+2", sum="+312000", min="+100000", max="+212000")]}
    ),
    "numbers as text with spaces": dumped(
        {"results": [result(count=" 2 ", sum="312000 ", min=" 100000", max="212000")]}
    ),
    "an interval of a start and a length": FIGURES.replace(HOUR.encode(), b"2026-01-28T13:00:00Z/PT60M"),
    "values in capitals": FIGURES.replace(b'"voice"', b'"VOICE"'),
    "names with spaces": FIGURES.replace(b'"queueId"', b'"Queue Id"').replace(b'"mediaType"', b'"Media Type"'),
    "a dimension that is an empty text": FIGURES.replace(b'"queueId"', b'"userId": "", "queueId"'),
    "an interval of a length and an end": FIGURES.replace(HOUR.encode(), b"PT1H/2026-01-28T14:00:00Z"),
    "statistics that are null": dumped(
        {"results": [result(count=2, sum=312_000, min=100_000, max=212_000, ratio=None)]}
    ),
    "$numberLong": FIGURES.replace(b"312000", b'{"$numberLong": "312000"}').replace(b'"312000"', b"312000"),
    "an interval with offsets": FIGURES.replace(HOUR.encode(), b"2026-01-28T14:00+01:00/2026-01-28T15:00+01:00"),
    **{
        f"its time once more as {name}": dumped({"results": [_with_time(**{name: value})]})
        for name, value in (
            ("timestamp", "2026-01-28T14:00:00+01:00"),
            ("start", 1769605200),
            ("end", "2026-01-28T14:00Z"),
            ("date", "2026-01-28"),
            ("granularity", "PT60M"),
        )
    },
    "ids that spaces fill": FIGURES.replace(b'"Q"', b'"Q    "'),
    "seconds, as the figure says": _in_seconds({"unit": "seconds"}),
    "seconds, as its statistics say": _in_seconds({}, unit="s"),
    "seconds, as its name says": _in_seconds({"metric": "tHandle_seconds"}),
    "seconds, as a field around it says": dumped(
        json.loads(_in_seconds({})) | {"timeUnit": "seconds"},
    ),
    "milliseconds, as a field around it says": dumped({"results": [result()], "unit": "ms"}),
    "statistics beside stats": FIGURES.replace(b'"stats"', b'"count": 2, "value": 312000, "stats"'),
    "a bucket that the end of the whole interval cuts": dumped(
        {"granularity": "P1D", "interval": "2026-01-27T00:00Z/2026-01-28T14:00Z", "results": [result()]}
    ),
    "an interval of Unix times": FIGURES.replace(HOUR.encode(), b"1769605200/1769608800"),
}
"""Each gives the figures of one bucket, and nothing is left out."""

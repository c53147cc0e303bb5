"""Conversations with a part that cannot be read: each is left out, with its path and the reason."""

from __future__ import annotations

import json
from typing import Any

from genesys_assets_tests.faults.import_files.written import START, at, call, with_one


def _twice(path: str, **other: Any) -> list[Any]:
    """An object of the call, and the same with other values."""
    item = at(call("B"), path)
    return [item, item | other]


LEFT_OUT: dict[str, tuple[Any, str]] = {
    "a start that was cut to its day": (
        with_one("conversationStart", "2026-01-28T00:00:00.000Z"),
        "2026-01-28T00:00:00.000Z is a midnight, but the first event is at 2026-01-28T11:40:00.000Z: the start was",
    ),
    **{
        f"an offset of {offset}, which no clock has": (
            with_one("conversationStart", f"2026-01-28T11:40:00{offset}"),
            f"'2026-01-28T11:40:00{offset}' is no instant: no calendar or clock shows it",
        )
        for offset in ("+15:00", "-12:30")
    },
    "no start": ({"conversationId": "B", "participants": []}, "it has no conversationId or no conversationStart"),
    "an error in the place of a conversation": (
        {"message": "no", "code": "too.many.requests", "status": 429},
        "it has no conversationId or no conversationStart",
    ),
    "an empty object": ({}, "it has no conversationId or no conversationStart"),
    "no id": (with_one("conversationId", None), "it has no conversationId or no conversationStart"),
    "null in the place of a conversation": (None, "conversations: null in the place of a conversation"),
    "sessions that PowerShell cut": (
        with_one("participants.0.sessions", "System.Object[]"),
        "conversations.participants.sessions: a text stands where a list belongs",
    ),
    "a session that PowerShell cut": (
        with_one("participants.0.sessions", ["@{sessionId=B; mediaType=voice}"]),
        "conversations.participants.sessions: a text stands where an object belongs",
    ),
    "ids that PowerShell cut": (
        with_one("divisionIds", "a b"),
        "conversations.divisionIds: a text stands where a list belongs",
    ),
    "no ids as an empty text": (
        with_one("divisionIds", ""),
        "conversations.divisionIds: a text stands where a list belongs",
    ),
    "an id of white space": (with_one("conversationId", " "), "it has no conversationId or no conversationStart"),
    "an id that is half a character": (
        with_one("conversationId", "\ud83d"),
        r"conversations.conversationId: '\\ud83d' is no id",
    ),
    "an id that ends a line": (with_one("conversationId", "B\n"), r"conversations.conversationId: 'B\\n' is no id"),
    "a metric without its moment": (
        with_one("participants.0.sessions.0.metrics.0.emitDate", None),
        "conversations.participants.sessions.metrics.emitDate: missing",
    ),
    "an id that is a number": (with_one("conversationId", 4711), "conversations.conversationId: '4711' is no id"),
    "an id that is true": (
        with_one("participants.1.participantId", True),
        "conversations.participants.participantId: 'True' is no id",
    ),
    "a quality below zero": (
        with_one("mediaStatsMinConversationMos", -1),
        "conversations.mediaStatsMinConversationMos: -1.0 is below zero, which this figure cannot be",
    ),
    "a list in a list": (
        with_one("participants", [[{}]]),
        "conversations.participants: a list stands where an object belongs",
    ),
    "a number that is a word": (
        with_one("participants.0.sessions.0.metrics.0.value", "many"),
        "conversations.participants.sessions.metrics.value: 'many' is no whole number",
    ),
    **{
        f"a number with thousands as {text}": (
            with_one("participants.0.sessions.0.metrics.0.value", text),
            f"conversations.participants.sessions.metrics.value: {text!r} is no whole number",
        )
        for text in ("500,000", "500.000", "500 000", "500'000", "5e5")
    },
    "a participant twice, with two values": (
        with_one("participants", [*call("B")["participants"], call("B")["participants"][0] | {"purpose": "ivr"}]),
        "conversations.participants: two of one participantId differ",
    ),
    "a session twice, with two values": (
        with_one("participants.0.sessions", _twice("participants.0.sessions.0", mediaType="chat")),
        "conversations.participants.sessions: two of one sessionId differ",
    ),
    "a segment twice, with two values": (
        with_one("participants.0.sessions.0.segments", _twice("participants.0.sessions.0.segments.0", queueId="Q")),
        "conversations.participants.sessions.segments: two of one segmentStart, segmentEnd, segmentType differ",
    ),
    "an event in another time zone than the start": (
        with_one("participants.1.sessions.0.segments.0.segmentStart", "2026-01-28T11:10:00Z"),
        "2026-01-28T11:10:00.000Z is more than 15 minutes before conversationStart, 2026-01-28T11:40:00.000Z: were",
    ),
    "ids with a comma": (
        with_one("divisionIds", "D,E"),
        "conversations.divisionIds: a text stands where a list belongs",
    ),
    "ids as the text of a list": (
        with_one("divisionIds", '["D"]'),
        "conversations.divisionIds: a text stands where a list belongs",
    ),
    "an id that holds two": (with_one("participants.0.participantId", "p;q"), "participantId: 'p;q' is no id"),
    "an id within a text of JSON": (with_one("divisionIds", ['"D"']), "conversations.divisionIds: '\"D\"' is no id"),
    **{
        f"an id that says {text}": (with_one("participants.0.userId", text), f"userId: {text!r} is no id")
        for text in ("None", "null", "undefined", "NaN", "***", "5126f301…", "5126...")
    },
    "a number with a half": (
        with_one("participants.0.sessions.0.metrics.0.value", 1.5),
        "conversations.participants.sessions.metrics.value: 1.5 is no whole number",
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
    "no participants": (with_one("participants", None), "conversations.participants: missing"),
    "fields of a table that was flattened": (
        {"conversationId": "B", "conversationStart": START, "participants.0.purpose": "agent"},
        "conversations.participants: missing",
    ),
    "no sessions": (
        with_one("participants", [{"participantId": "B-a", "purpose": "agent"}]),
        "conversations.participants.sessions: missing",
    ),
    "a metric without its value": (
        with_one("participants.0.sessions.0.metrics.0.value", None),
        "conversations.participants.sessions.metrics.value: missing",
    ),
    "a segment without its start": (
        with_one("participants.0.sessions.0.segments.0.segmentStart", None),
        "conversations.participants.sessions.segments.segmentStart: missing",
    ),
    "a value as the number of an enumeration": (
        with_one("participants.0.purpose", 3),
        "conversations.participants.purpose: a number stands where a text belongs",
    ),
    "a metric as the number of an enumeration": (
        with_one("participants.0.sessions.0.metrics.0.name", 7),
        "conversations.participants.sessions.metrics.name: a number stands where a text belongs",
    ),
    "a value that the SDK did not know": (
        with_one("participants.0.sessions.0.mediaType", "OutdatedSdkVersion"),
        "conversations.participants.sessions.mediaType: OutdatedSdkVersion, which the SDK writes",
    ),
    "a value as a program prints it": (with_one("participants.0.purpose", "Purpose.AGENT"), "'Purpose.AGENT' is no"),
    "a time in a zone that is none": (with_one("conversationEnd", "2026-01-28T11:49:30[Mars/X]"), "is not a time zone"),
    "a number of 400 digits": (
        with_one("mediaStatsMinConversationMos", 10**400),
        "0000… is too large: the largest number is about 1.8e308",
    ),
    "a number that is none": (with_one("mediaStatsMinConversationMos", "nan"), "'nan' is no number"),
    "truth that is a word": (with_one("customerParticipation", "perhaps"), "'perhaps' is neither true nor false"),
    "a text that is an object": (
        with_one("externalTag", {"a": 1}),
        "conversations.externalTag: an object stands where a text belongs",
    ),
    "an attribute that is an object": (
        with_one("participants.0.attributes", {"a": {}}),
        "attributes.value: an object stands where a text",
    ),
    "attributes that are a list": (
        with_one("participants.0.attributes", [1]),
        "attributes: a list stands where an object belongs",
    ),
    "two values of one name": (with_one("conversation_end", START), "it occurs under two names, with two values"),
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
    "the end of a day as 24 o'clock": (with_one("conversationEnd", "2026-01-28T24:00:00Z"), "no calendar or clock"),
    "a date by the week": (with_one("conversationEnd", "2026-W05-3T11:49:30Z"), "'2026-W05-3T11:49:30Z' is no instant"),
    "a date by the day of the year": (
        with_one("conversationEnd", "2026-028T11:49:30Z"),
        "is no instant: write it like",
    ),
    "a moment as JavaScript shows it in America": (
        with_one("conversationEnd", "1/28/2026, 11:49:30\u202fAM"),
        "'1/28/2026, 11:49:30\\u202fAM' is no instant",
    ),
    "an offset with seconds": (with_one("conversationEnd", "2026-01-28T11:49:30+00:00:30"), "is no instant: write it"),
    "an offset of 99 hours": (
        with_one("conversationEnd", "2026-01-28T11:49:30+99:00"),
        "no calendar or clock shows it",
    ),
    **{
        f"a figure that is written as {text}": (
            with_one("participants.0.sessions.0.metrics.0.value", text),
            f"conversations.participants.sessions.metrics.value: {text!r} is no whole number",
        )
        for text in ("0x1388", "5e3", "PT5M", "00:05:00", "5,000")
    },
    **{
        f"a moment as {what}": (with_one("conversationEnd", value), "is no " + reason)
        for what, value, reason in (
            ("a day of Excel", 46050.4927, "Unix time between 2000 and 2100"),
            ("a day of Excel in a text", "46050,4927", "instant"),
            ("ticks of .NET", 639_051_977_700_000_000, "Unix time between 2000 and 2100"),
            ("a file time of Windows", 134_140_745_700_000_000, "Unix time between 2000 and 2100"),
            ("seconds of Apple", 791_293_770, "Unix time between 2000 and 2100"),
            ("minutes since 1970", 29_493_349, "Unix time between 2000 and 2100"),
            ("numbers of Java in a list", [2026, 1, 28, 11, 49, 30], "instant"),
            ("an object of Joda", {"millis": 1769600970000, "zone": {"id": "UTC"}}, "instant"),
            ("an object of Moment", {"_isAMomentObject": True, "_i": "2026-01-28T11:49:30Z"}, "instant"),
            ("a DateTimeOffset", {"DateTime": "2026-01-28T11:49:30", "Offset": "00:00:00"}, "instant"),
            ("German clocks show it", "28.01.2026 11:49:30", "instant"),
            ("Oracle shows it", "28-JAN-26 11.49.30.000000 AM", "instant"),
            ("a zone of letters", "2026-01-28 11:49:30 PST", "instant"),
            ("a text of Excel", "'2026-01-28T11:49:30Z", "instant"),
            ("a text with an exponent", "1.76960097E+12", "instant"),
            ("a time with two offsets", "2026-01-28T11:49:30+00:00Z", "instant"),
        )
    },
    **{
        f"{text} in the place of false": (
            with_one("participants.0.sessions.0.segments.0.conference", text),
            f"conversations.participants.sessions.segments.conference: {text!r} is neither true nor false",
        )
        for text in ("no", "N", "0", "FALSCH", "", " false ")
    },
    "all values in lists, as R writes them": (
        {name: [value] for name, value in call("B").items()},
        "conversations.conversationId: a list is no id",
    ),
    "columns of pandas": (
        {name: {"0": value} for name, value in call("B").items()},
        "conversations.conversationId: an object is no id",
    ),
    "names of XML": (
        call("B") | {"@conversationId": "B", "conversationId": None},
        "it has no conversationId or no conversationStart",
    ),
    "1 in the place of true": (
        with_one("participants.0.sessions.0.segments.0.conference", 1),
        "conversations.participants.sessions.segments.conference: 1 is neither true nor false",
    ),
    "metrics by their names": (
        with_one("participants.0.sessions.0.metrics", {"tHandle": 5}),
        "metrics: an object with none of the platform's fields for it, but tHandle",
    ),
    "participants within a participant, as XML has them": (
        with_one("participants", {"participant": call("B")["participants"]}),
        "conversations.participants: an object with none of the platform's fields for it, but participant",
    ),
    "participants as the text of JSON": (
        with_one("participants", json.dumps(call("B")["participants"])),
        "conversations.participants: a text stands where a list belongs",
    ),
    "the number of sessions in the place of sessions": (
        with_one("participants.0.sessions", 2),
        "conversations.participants.sessions: a number stands where a list belongs",
    ),
    "an id with a character that nobody sees": (
        with_one("conversationId", "B\u200b"),
        "conversations.conversationId: 'B\\\\u200b' is no id",
    ),
    "a queue in a list": (
        with_one("participants.0.sessions.0.segments.0.queueId", ["Q"]),
        "conversations.participants.sessions.segments.queueId: a list is no id",
    ),
    "no sessions of any participant": (
        call("B") | {"participants": [{"participantId": "p", "purpose": "customer", "sessions": []}]},
        "conversations.participants.sessions: missing, although every conversation has one or more",
    ),
    "a number of 19 digits": (
        with_one("participants.0.sessions.0.metrics.0.value", "9999999999999999999"),
        "metrics.value: '9999999999999999999' is out of range: a whole number lies between -9223372036854775808 and",
    ),
    "a whole number of 25 digits": (
        with_one("participants.0.sessions.0.metrics.0.value", 10**25),
        "metrics.value: 10000000000000000000000000 is out of range: a whole number lies between",
    ),
    "a whole number with an exponent": (
        with_one("participants.0.sessions.0.metrics.0.value", 1e300),
        "metrics.value: 1e+300 is out of range",
    ),
    "an object in the place of a whole number": (
        with_one("participants.0.sessions.0.metrics.0.value", {"ms": 5}),
        "conversations.participants.sessions.metrics.value: an object stands where a whole number belongs",
    ),
    "truth in the place of a whole number": (
        with_one("participants.0.sessions.0.metrics.0.value", True),
        "conversations.participants.sessions.metrics.value: true is no whole number",
    ),
    "a session of two participants": (
        with_one("participants.1.sessions.0.sessionId", "B-c-s"),
        "conversations.participants.sessions: one sessionId stands under two participants, and would count twice",
    ),
    "a whole session under two participants": (
        with_one("participants.1.sessions", at(call("B"), "participants.0.sessions")),
        "conversations.participants.sessions: one sessionId stands under two participants",
    ),
    "a moment after all": (with_one("conversationEnd", "9999-12-31T23:59:59-12:00"), "is no instant"),
    "minus infinity": (with_one("conversationEnd", -1e308), "is no Unix time"),
    "true in the place of a moment": (with_one("conversationEnd", True), "true is no instant"),
    "$date of nothing": (with_one("conversationEnd", {"$date": None}), "is no instant"),
    "nested too deeply": (with_one("somethingNew", json.loads("[" * 60 + "]" * 60)), "nested more than 32 levels deep"),
}
"""Each is one conversation in a page beside the call, which is taken."""

"""Converts one saved conversation to the platform's form: its names, times with an offset, lists where lists belong.

Tools between the platform and the file change conversations: the Python SDK's `to_dict()` gives names in snake_case,
PowerShell writes a list of one as its only element, MongoDB writes `{"$date": …}`. `tables.conversations.model`
declares fields and their types; undeclared fields stay as they are. If one value of a conversation cannot be read, the
whole conversation is left out, because half of one would count as a whole.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from genesys_assets.cloud.analytics.catalogue import METRICS, SESSION_METRICS
from genesys_assets.cloud.analytics.interval import iso
from genesys_assets.cloud.analytics.values import ENUMERATIONS
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import misplaced, printable, shown
from genesys_assets.importing.spelling import (
    HALF_CHARACTER,
    UUIDS,
    Object,
    as_list,
    hyphenated,
    is_no_id,
    plain,
    unwrapped,
)
from genesys_assets.importing.times import NoInstant, NoOffset, instant
from genesys_assets.tables.conversations.decode_values import scalar
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE

_ATTRIBUTES = "conversations.participants.attributes"
_MEASURED = "conversations.participants.sessions.metrics.value"
_OF_MEDIA = frozenset(
    (
        *("mediaStatsMinConversationMos", "mediaStatsMinConversationRFactor", "minMos", "minRFactor", "maxLatencyMs"),
        *("receivedPackets", "discardedPackets", "duplicatePackets", "invalidPackets", "overrunPackets"),
        *("underrunPackets", "mediaCount"),
    )
)
"""Figures of how good a connection was."""
_METRIC_NAME = "conversations.participants.sessions.metrics.name"
_MOMENTS = frozenset({"conversationStart", "conversationEnd", "segmentStart", "segmentEnd", "emitDate"})
"""Fields that say when something of the conversation happened."""
_EARLIEST = timedelta(minutes=15)
"""How long before conversationStart an event may be. The platform's clocks differ by milliseconds (observed), time
zones by 30 minutes or more.
"""
_MOST_ROUNDED = timedelta(seconds=1)
"""Tools round instants to seconds."""
_DEEPEST = 32
"""The most levels of JSON of a field that no table knows. The platform's own fields have up to eight."""
_AS_THE_PLATFORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_UNKNOWN_TO_SDK = "outdatedsdkversion"
"""What the SDKs write instead of a value that is newer than they are."""
_UUID_OF_PLATFORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENDS = frozenset(("conversationEnd", "segmentEnd"))
"""Instants that may be empty while a conversation or segment goes on."""
_SPANS: Mapping[str, tuple[str, str]] = {
    "conversations": ("conversationStart", "conversationEnd"),
    "conversations.participants.sessions.segments": ("segmentStart", "segmentEnd"),
}
"""The fields for the beginning and end of an object, by its path."""
_VALUE = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_NEEDED: Mapping[str, frozenset[str]] = {
    "conversations.participants.sessions.segments": frozenset({"segmentStart"}),
    "conversations.participants.sessions.metrics": frozenset({"name", "value", "emitDate"}),
}
"""Fields that the platform always writes. If one is missing, a tool has lost it."""
_NEVER_NULL = frozenset(
    (
        *("conversations.participants", "conversations.participants.sessions"),
        *("conversations.participants.sessions.segments", "conversations.participants.sessions.metrics"),
    )
)
"""Lists of objects that figures are computed from. A null in one of them is a lost object."""
_KEYS: Mapping[str, tuple[str, ...]] = {
    "conversations.participants": ("participantId",),
    "conversations.participants.sessions": ("sessionId",),
    "conversations.participants.sessions.segments": ("segmentStart", "segmentEnd", "segmentType"),
    "conversations.evaluations": ("evaluationId",),
    "conversations.surveys": ("surveyId",),
}
"""The fields that identify an object of a list. Metrics have none: a session may emit one twice in a millisecond."""
_MAY_DIFFER = frozenset({"conversations.evaluations", "conversations.surveys"})
"""Lists in which two objects with one id may differ: an evaluation is changed, a survey is answered again."""
_WANTED: Mapping[str, str] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
"""What may stand in a field, by the name of its type in `decode_values`."""
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_SEVERAL = re.compile(r"[ ,;]|^\[")
_SHORTENED = re.compile(r"System\.|@\{")
"""What PowerShell's ConvertTo-Json writes instead of values that are nested deeper than its -Depth."""


@dataclass(slots=True)
class Loss:
    """What could not be read at one path for one reason: the first such value as a text, and how many there are."""

    text: str
    count: int = 0


@dataclass(slots=True)
class ReadConversation:
    """A conversation in the platform's form; what of it could not be read, by path and reason; and notes on the rest:
    repeated objects, fields that no table has, values that are new.
    """

    conversation: Object
    last: datetime | None
    losses: dict[str, Loss]
    notes: Counter[str]


def read_conversation(written: Object, zone: ZoneInfo | None) -> ReadConversation:
    """Read one saved conversation; `zone` is the time zone of instants without an offset. `last` of the result is the
    latest event in it.

    Raises CannotImport if an instant has no offset and `zone` is None.
    """
    reading = _ConversationState(zone)
    conversation = _CONVERSATION(written, reading)
    start = (conversation or {}).get("conversationStart")
    if start and reading.first is not None:
        _check_start(instant(start, None), reading.first, reading)
    if conversation is not None and _shares_a_session(conversation):
        reading.lose(
            "conversations.participants.sessions", "one sessionId stands under two participants, and would count twice"
        )
    return ReadConversation(conversation or {}, reading.last, reading.losses, reading.notes)


def _check_start(start: datetime, first: datetime, reading: _ConversationState) -> None:
    """Note a loss if the start cannot be that of a conversation whose other events begin with `first`, or if it was
    rounded to a day: then the conversation would count on a wrong day, or at a wrong time.
    """
    if start - first > _EARLIEST:
        reading.lose(
            "conversations.participants.sessions",
            "an event of it is before conversationStart",
            f"{iso(first)} is more than {_EARLIEST.seconds // 60} minutes before conversationStart, {iso(start)}: were "
            "some instants converted to another time zone?",
        )
        return
    clocks = [start] if reading.zone is None else [start, start.astimezone(reading.zone)]
    is_midnight = any(clock.time() == time.min for clock in clocks)
    if is_midnight and (start - first > _MOST_ROUNDED or first - start > _EARLIEST):
        reading.lose(
            "conversations.conversationStart",
            "it is a midnight, and the first event is at another time",
            f"{iso(start)} is a midnight, but the first event is at {iso(first)}: the start was rounded to a day. Save "
            "it with its time",
        )


def missing(conversation: Object) -> str | None:
    """What a conversation lacks that every conversation of the platform has, in words; None if it lacks nothing."""
    participants = conversation.get("participants")
    if not participants:
        return "conversations.participants: missing, although every conversation has one or more"
    if not any(each.get("sessions") for each in participants if each):
        return "conversations.participants.sessions: missing, although every conversation has one or more"
    return None


def _shares_a_session(conversation: Object) -> bool:
    """Whether two participants have sessions with the same id. On the platform a session belongs to one participant."""
    ids = [
        {session.get("sessionId") for session in participant.get("sessions") or () if session}
        for participant in conversation.get("participants") or ()
        if participant
    ]
    return len({None}.union(*ids)) - 1 < sum(len(of_one - {None}) for of_one in ids)


@dataclass(slots=True)
class _ConversationState:
    """The state of reading one conversation."""

    zone: ZoneInfo | None
    first: datetime | None = None
    last: datetime | None = None
    losses: dict[str, Loss] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def lose(self, path: str, reason: str, example: str = "") -> None:
        self.losses.setdefault(f"{path}: {reason}", Loss(f"{path}: {example or reason}")).count += 1


_Reader = Callable[[Any, _ConversationState], Any]
"""Gives a written value as the platform writes it. None means no value, or a lost one; what is lost is noted."""


def _reader(type_: pa.DataType, path: str) -> _Reader:
    if path == _ATTRIBUTES:
        return _attributes
    if pa.types.is_struct(type_):
        return _object_reader(type_, path)
    if pa.types.is_list(type_):
        return _list_reader(type_, path)
    if pa.types.is_timestamp(type_):
        return _instant_reader(path)
    return _scalar_reader(type_, path)


def _object_reader(type_: pa.StructType, path: str) -> _Reader:
    exact = {member.name: (member.name, _reader(member.type, f"{path}.{member.name}")) for member in type_}
    by_spelling = {plain(name): found for name, found in exact.items()}
    needed = _NEEDED.get(path, frozenset())
    first, last = _SPANS.get(path, ("", ""))

    def read(value: Any, reading: _ConversationState) -> Object | None:
        if not isinstance(value, dict):
            reading.lose(path, misplaced(value, "an object"))
            return None
        kept: Object = {}
        for name, item in value.items():
            known = exact.get(name) or by_spelling.get(plain(name))
            if known is None:
                if item is not None:
                    kept[name] = _bounded(item, path, reading)
                    reading.notes[f"{path}.{printable(name, 60)}: no table has this field"] += 1
                continue
            wire, child = known
            found = None if item is None else child(item, reading)
            if kept.get(wire) is None:
                kept[wire] = found
            elif found is not None and found != kept[wire]:
                reading.lose(f"{path}.{wire}", "it occurs under two names, with two values")
        for wire in sorted(needed):
            # A field that is there but has an unusable value was noted as a loss above.
            if kept.get(wire) is None and not any(
                plain(name) == plain(wire) and value[name] is not None for name in value
            ):
                reading.lose(f"{path}.{wire}", "missing, although the platform always writes it")
        # All instants are written in one form by now, in which texts are ordered as the instants are.
        if last and (begun := kept.get(first)) and (ended := kept.get(last)) and ended < begun:
            reading.lose(f"{path}.{last}", f"it is before {first}", f"{ended} is before {first}, {begun}")
        return kept

    return read


def _list_reader(type_: pa.ListType, path: str) -> _Reader:
    child, is_of_objects = _reader(type_.value_type, path), pa.types.is_struct(type_.value_type)
    members = frozenset(plain(member.name) for member in type_.value_type) if is_of_objects else frozenset()

    def element(item: Any, reading: _ConversationState) -> Any:
        if isinstance(item, dict) and members.isdisjoint(map(plain, item)):
            # An object of another kind, such as one keyed by ids or a wrapper: its content would be lost.
            reading.lose(path, _strange(item))
            return None
        return child(item, reading)

    def read(value: Any, reading: _ConversationState) -> list[Any] | None:
        value = as_list(value)
        if isinstance(value, list):
            if path in _NEVER_NULL and None in value:
                reading.lose(path, "null in the place of one")
            found = [element(item, reading) for item in value if item is not None]
            return _once(found, path, reading) if path in _KEYS and len(found) > 1 else found
        if isinstance(value, dict) if is_of_objects else _is_one(value):
            return [element(value, reading)]
        reading.lose(path, misplaced(value, "a list"))
        return None

    return read


def _once(items: list[Any], path: str, reading: _ConversationState) -> list[Any]:
    """The objects of a list, each once: a join of tables repeats them. Of two that differ it is unknown which is right,
    so they are lost. Objects without their key stay as they are.
    """
    by_key: dict[tuple[Any, ...], Object] = {}
    once = []
    for item in items:
        key = tuple(item.get(name) for name in _KEYS[path]) if item else ()
        if not any(key):
            once.append(item)
            continue
        if path in _MAY_DIFFER:
            key = (*key, json.dumps(item, sort_keys=True))
        if key not in by_key:
            by_key[key] = item
            once.append(item)
        elif by_key[key] == item:
            reading.notes[f"{path}: a repeated one, with the same values, counts once"] += 1
        else:
            reading.lose(path, f"two of one {', '.join(_KEYS[path])} differ")
    return once


def _strange(item: Object) -> str:
    names = ", ".join(printable(name, 40) for name in sorted(item)[:3])
    return f"an object with none of the platform's fields for it, but {names}" if names else "an object without fields"


def _is_one(value: Any) -> bool:
    """Whether a value may be the only element of a list. A text with spaces, commas or semicolons may be several
    elements that a tool joined, and an empty text may be an empty list.
    """
    return not isinstance(value, dict) and not (
        isinstance(value, str)
        and (not value or _SEVERAL.search(value) is not None or _SHORTENED.match(value) is not None)
    )


def _instant_reader(path: str) -> _Reader:
    is_moment, is_start = path.rpartition(".")[2] in _MOMENTS, path == "conversations.conversationStart"

    def read(value: Any, reading: _ConversationState) -> str | None:
        if path.rpartition(".")[2] in _ENDS and isinstance(value, str) and not value.strip():
            # What goes on has no end yet, and tools that know no null write an empty text.
            return None
        try:
            found = instant(value, reading.zone)
        except NoOffset as missing:
            raise CannotImport(f"{path}: {missing}") from None
        except NoInstant as reason:
            reading.lose(path, misplaced(value, "an instant"), str(reason))
            return None
        if is_moment and (reading.last is None or found > reading.last):
            reading.last = found
        if is_moment and not is_start and (reading.first is None or found < reading.first):
            reading.first = found
        return value if isinstance(value, str) and _AS_THE_PLATFORM.fullmatch(value) else iso(found)

    return read


def _scalar_reader(type_: pa.DataType, path: str) -> _Reader:
    is_text, name = pa.types.is_string(type_), path.rpartition(".")[2]
    is_id = is_text and name in UUIDS
    is_measured = path == _MEASURED or name in _OF_MEDIA
    by_spelling = _by_spelling(path)

    def read(value: Any, reading: _ConversationState) -> Any:
        if by_spelling is not None:
            return _enumerated(value, by_spelling, path, reading)
        if is_id:
            return _id(value, name, path, reading)
        if is_text and isinstance(value, str):
            return value if value.isascii() else _storable(value, path, reading)
        kept, wanted = scalar(unwrapped(value), type_)
        if kept is None or (isinstance(kept, float) and not math.isfinite(kept)):
            is_shown = isinstance(value, str | int | float) and not is_text
            reading.lose(path, misplaced(value, _WANTED[wanted]), _unusable(value, wanted) if is_shown else "")
            return None
        if is_measured and kept < 0:
            reading.lose(path, f"{kept} is below zero, which this figure cannot be")
        return kept

    return read


def _unusable(value: Any, wanted: str) -> str:
    """Why a value cannot be a number, or true or false."""
    is_whole = (isinstance(value, int | float) and value == value // 1) or _WHOLE.fullmatch(str(value))
    if wanted == "integer" and is_whole and not isinstance(value, bool):
        return f"{shown(value)} is out of range: a whole number lies between {-(2**63)} and {2**63 - 1}"
    if wanted == "number" and isinstance(value, int) and not isinstance(value, bool):
        return f"{shown(value)} is too large: the largest number is about 1.8e308"
    return f"{shown(value)} is {'neither true nor false' if wanted == 'boolean' else f'no {_WANTED[wanted][2:]}'}"


def _id(value: Any, name: str, path: str, reading: _ConversationState) -> str | None:
    """An id as the platform writes it; a text that holds white space or a list of ids is none."""
    if isinstance(value, str):
        if _UUID_OF_PLATFORM.fullmatch(value):
            return value
        text = hyphenated(name, value)
        if text.isprintable() and not is_no_id(text) and "," not in text:
            return text
    shown_value = shown(value) if isinstance(value, dict | list) else repr(printable(value, 60))
    reading.lose(path, misplaced(value, "an id"), f"{shown_value} is no id")
    return None


def _by_spelling(path: str) -> Mapping[str, str] | None:
    """The values of a field that the platform fixes, by their spelling without case; None where it fixes none."""
    name = path.rpartition(".")[2]
    values = (*METRICS, *SESSION_METRICS) if path == _METRIC_NAME else ENUMERATIONS.get(name)
    return None if values is None else {plain(value): value for value in values}


def _enumerated(value: Any, by_spelling: Mapping[str, str], path: str, reading: _ConversationState) -> str | None:
    """One of the platform's values, in its spelling: .NET writes Voice and Tabandon, Java VOICE. Another value may be
    newer than the list, if it looks like one.
    """
    if not isinstance(value, str):
        reading.lose(path, misplaced(value, "a text"))
    elif plain(value) == _UNKNOWN_TO_SDK:
        reading.lose(path, f"{value}, which the SDK writes for a value that it does not know: use a newer SDK")
    elif (known := by_spelling.get(plain(value))) is not None:
        return known
    elif _VALUE.fullmatch(value):
        reading.notes[f"{path}: {printable(value, 60)!r} is new or misspelled: it is none of the known values"] += 1
        return value
    else:
        reading.lose(path, "a text that is no value of it", f"{printable(value, 60)!r} is no value of it")
    return None


def _attributes(value: Any, reading: _ConversationState) -> Object | None:
    """Participants' attributes: texts under names that are unknown beforehand."""
    if not isinstance(value, dict):
        reading.lose(_ATTRIBUTES, misplaced(value, "an object"))
        return None
    for item in value.values():
        if isinstance(item, dict | list):
            reading.lose(f"{_ATTRIBUTES}.value", misplaced(item, "a text"))
    named = {
        _storable(name, _ATTRIBUTES, reading): _storable(item, f"{_ATTRIBUTES}.value", reading)
        if isinstance(item, str)
        else item
        for name, item in value.items()
    }
    if len(named) < len(value):
        reading.lose(_ATTRIBUTES, "two names that differ only in half a character")
    return named


def _storable(text: str, path: str, reading: _ConversationState) -> str:
    """A text without lone surrogates: halves of characters, where a tool has cut a text within an emoji. No table can
    store these.
    """
    if HALF_CHARACTER.search(text) is None:
        return text
    reading.notes[f"{path}: half a character (a lone surrogate) read as U+FFFD, because no table can store it"] += 1
    return HALF_CHARACTER.sub("\ufffd", text)


def _bounded(value: Any, path: str, reading: _ConversationState, level: int = 1) -> Any:
    """A value of a field that no table knows. If it is nested too deeply to be stored, it is left out."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if level > _DEEPEST:
        reading.lose(path, f"it has a field that is nested more than {_DEEPEST} levels deep")
        return None
    if any(_bounded(item, path, reading, level + 1) is None for item in inner if isinstance(item, dict | list)):
        return None
    return value


_CONVERSATION = _reader(CONVERSATION_TYPE, "conversations")

"""Where personal data stand in the platform's answers, and answers in which they are protected.

An answer has the classes of the columns that its fields become (`tables.personal`). A field of a conversation that the
model does not know may hold anything, so it counts as content. Answers about the organisation's own queues, codes and
skills hold nobody's data but who made them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics.catalogue import DIMENSIONS
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.protection import Protection
from genesys_assets.tables.conversations import model as model
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.conversations.model import Field, snake_case
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.personal import Unclassified, class_of
from genesys_assets.tables.snapshots import ENTITY_FIELDS, LIVE_CONVERSATIONS

NONE, PERSON, CONTACT, CONTENT = PersonalData
_MAKERS = (
    *("createdBy", "modifiedBy", "owners", "contactUser", "lockedUser", "publishedBy", "currentOperation"),
    *("publishedVersion", "savedVersion", "checkedInVersion", "debugVersion"),
)
"""Where entities of the organisation say who made, changed or owns them."""


class CannotDrop(ValueError):
    """A value that tells rows apart cannot be dropped, and there is no key to hash it with."""


@dataclass(frozen=True, slots=True)
class Value:
    """A field with a value of a class. One that `tells_apart` rows is hashed where the class is dropped."""

    class_: PersonalData
    tells_apart: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """An object, or a list of them, with what its known fields are, and what any other one is."""

    known: Mapping[str, Rule]
    other: Value = Value(NONE)

    def of(self, name: str) -> Rule:
        return self.known.get(name, self.other)


Rule = Value | Members


def protected(body: bytes, rule: Rule, protection: Protection) -> bytes:
    """An answer with its personal data kept, hashed or dropped. Raises UnreadablePage, CannotDrop."""
    answer = parsed(body)
    try:
        _protect(answer, rule, protection)
        return written(answer)
    except RecursionError as error:
        raise UnreadablePage("an answer is nested so deeply that its personal data cannot be found") from error


def parsed(body: bytes) -> dict[str, Any]:
    """An answer. Raises UnreadablePage where it is no JSON object."""
    try:
        answer = json.loads(body.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise UnreadablePage(f"an answer is not JSON ({error}), so its personal data cannot be found") from error
    if not isinstance(answer, dict):
        raise UnreadablePage(f"an answer is a JSON {type(answer).__name__}, not an object")
    return answer


def written(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


def _protect(holder: Any, rule: Rule, protection: Protection) -> None:
    """Protect the fields of an object, or of each object of a list, where it is."""
    if isinstance(holder, list):
        for item in holder:
            _protect(item, rule, protection)
    elif isinstance(holder, dict) and isinstance(rule, Members):
        for name in list(holder):
            of_field = rule.of(name)
            if isinstance(of_field, Members) and not isinstance(holder[name], dict | list):
                # Whatever stands where objects are expected is a field that the model does not know.
                of_field = of_field.other
            if isinstance(of_field, Members):
                _protect(holder[name], of_field, protection)
            elif holder[name] is not None:
                _protect_field(holder, name, of_field, protection)


def _protect_field(holder: dict[str, Any], name: str, value: Value, protection: Protection) -> None:
    action = protection.action(value.class_)
    if action == "drop" and value.tells_apart:
        if not protection.key:
            raise CannotDrop(
                f"{name} tells rows apart and holds {value.class_} data, which GENESYS_ASSETS_PERSONAL_DATA drops. Set "
                "GENESYS_ASSETS_PERSONAL_DATA_KEY, so that it is hashed instead, or do not group by it."
            )
        action = "hash"
    if action == "drop":
        del holder[name]
    elif action == "hash":
        holder[name] = _hashed(holder[name], protection)


def _hashed(value: Any, protection: Protection) -> Any:
    """Every text and number in a value as its hash; the names of fields stay."""
    if isinstance(value, str):
        return protection.hashed(value)
    if isinstance(value, list):
        return [_hashed(item, protection) for item in value]
    if isinstance(value, dict):
        return {name: _hashed(item, protection) for name, item in value.items()}
    # As a column of texts would have it.
    return value if value is None or isinstance(value, bool) else protection.hashed(json.dumps(value))


# -- what stands where -------------------------------------------------------------------------------------------------


@cache
def rule_of(place: str) -> Rule:
    """What the answers are that are stored in a place of the lake, or of which its table is made. Raises Unclassified.

    >>> rule_of("pages/hourly_aggregates").known["results"].known["group"].known["userId"].class_
    <PersonalData.PERSON: 'person'>
    """
    for names, rule in _RULES.items():
        if place in names:
            return rule()
    raise Unclassified(
        f"Nobody said where personal data stand in {place}. Add it to genesys_assets/privacy/answers.py."
    )


def _conversations() -> Rule:
    segment = _fields("segments", model.SEGMENT)
    flow = _fields("sessions", model.FLOW, outcomes=_fields("flow_outcomes", model.FLOW_OUTCOME))
    session = _fields(
        "sessions",
        model.SESSION,
        flow=flow,
        segments=segment,
        metrics=_fields("session_metrics", model.METRIC),
        mediaEndpointStats=_fields("media_endpoint_stats", model.MEDIA_ENDPOINT_STAT),
    )
    attributes = Members({}, Value(class_of("participant_attributes", "value")))
    participant = _fields("participants", model.PARTICIPANT, attributes=attributes, sessions=session)
    conversation = _fields(
        "conversations",
        model.CONVERSATION,
        participants=participant,
        evaluations=_fields("evaluations", model.EVALUATION),
        surveys=_fields("surveys", model.SURVEY),
        resolutions=_fields("resolutions", model.RESOLUTION),
    )
    return Members({"conversations": conversation})


def _fields(table: str, fields: Iterable[Field], **nested: Rule) -> Members:
    known = {field.wire: _field(field.wire, class_of(table, field.column), field.type) for field in fields}
    return Members(known | nested, Value(CONTENT))


def _field(wire: str, class_: PersonalData, type_: pa.DataType) -> Rule:
    if pa.types.is_list(type_) and pa.types.is_struct(type_.value_type):
        classes = {each.name: class_ if pa.types.is_string(each.type) else NONE for each in type_.value_type}
        return Members({name: _value(name, of_member) for name, of_member in classes.items()}, Value(CONTENT))
    return _value(wire, class_)


def _value(wire: str, class_: PersonalData) -> Value:
    return Value(class_, tells_apart=class_ is PERSON and wire.endswith(("Id", "Ids")))


def _aggregates() -> Rule:
    return Members({"results": Members({"group": _group()})})


def _group() -> Members:
    """What a question was grouped by."""
    known = {name: Value(class_of("", snake_case(name)), tells_apart=True) for name in DIMENSIONS}
    return Members(known, Value(CONTENT, tells_apart=True))


def _users() -> Rule:
    kept = dict.fromkeys(("division", "state", "version"), Value(NONE))
    return Members({"entities": Members({**kept, "id": Value(PERSON, tells_apart=True)}, Value(PERSON))})


def _members() -> Rule:
    kept = dict.fromkeys(("joined", "ringNumber", "memberBy"), Value(NONE))
    return Members({"entities": Members({**kept, "id": Value(PERSON, tells_apart=True)}, Value(PERSON))})


def _skills() -> Rule:
    kept = dict.fromkeys(("division", "state", "version", "skills"), Value(NONE))
    return Members({"entities": Members({**kept, "id": Value(PERSON, tells_apart=True)}, Value(PERSON))})


def _organisation() -> Rule:
    return Members({"entities": Members(dict.fromkeys(_MAKERS, Value(PERSON)))})


def _external_organizations() -> Rule:
    kept = dict.fromkeys(("division", "companyType", "industry", "createDate", "modifyDate"), Value(NONE))
    id_ = Value(CONTACT, tells_apart=True)
    return Members({"entities": Members({**kept, "id": id_, "name": Value(CONTACT)}, Value(CONTACT))})


def _live_conversations() -> Rule:
    classes = {wire: class_of(LIVE_CONVERSATIONS.name, column) for column, wire in ENTITY_FIELDS.items()}
    entities = Members({wire: _value(wire, class_) for wire, class_ in classes.items()}, Value(CONTENT))
    return Members({"entities": entities, "results": Members({"group": _group(), "entities": entities})})


DETAILS_PAGES = ("pages/hourly_details", "pages/daily_details", "pages/daily_overlap", "pages/imported_details")
_RULES = {
    DETAILS_PAGES: _conversations,
    ("pages/hourly_aggregates", "pages/daily_aggregates"): _aggregates,
    ("pages/imported_hourly_aggregates", "pages/imported_daily_aggregates", "live/queues"): _aggregates,
    ("pages/reference_users",): _users,
    ("pages/reference_queue_members",): _members,
    ("pages/reference_user_skills",): _skills,
    ("pages/reference_external_organizations",): _external_organizations,
    tuple(f"pages/reference_{name}" for name in ENTITIES): _organisation,
    ("live/conversations",): _live_conversations,
}

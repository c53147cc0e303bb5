"""Where personal data is in the platform's answers, and how answers are protected.

An answer has the classes of the columns that its fields become (`tables.personal`). An unknown field may hold personal
data of any class, so it is dropped, at every level, as soon as one class is not kept. Answers about the organisation's
own queues, codes and skills hold no personal data except who made them.

A name or an address in a conversation belongs to the participant who has it: an agent (person) or a customer (contact).
If it is unknown which, the stricter of both actions counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.people import People, Whose
from genesys_assets.privacy.protection import Protection
from genesys_assets.tables.conversations import model
from genesys_assets.tables.conversations.decode_arrow import ENVELOPE
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.conversations.model import Field, snake_case
from genesys_assets.tables.entities import ENTITIES, JSON_FIELDS, WIRE
from genesys_assets.tables.metrics.decode_arrow import KEPT, UNUSED
from genesys_assets.tables.personal import Unclassified, class_of
from genesys_assets.tables.snapshots import ENTITY_FIELDS, LIVE_CONVERSATIONS

NONE, PERSON, CONTACT, CONTENT = PersonalData


class CannotDrop(ValueError):
    """A value that identifies rows cannot be dropped, and there is no key to hash it with."""


@dataclass(frozen=True, slots=True)
class Value:
    """A field with a value of a class. One that `tells_apart` rows is hashed where the class is dropped. An unknown
    field is dropped, and so is an object in the place of a value, unless it `is_json`. `whose` is set where the value
    may be an agent's instead of a contact's.
    """

    class_: PersonalData
    tells_apart: bool = False
    is_known: bool = True
    is_json: bool = False
    whose: Whose | None = None


UNKNOWN = Value(PersonalData.CONTENT, is_known=False)


@dataclass(frozen=True, slots=True)
class Members:
    """An object, or a list of them, with what its known fields are, and what any other one is."""

    known: Mapping[str, Rule]
    other: Value = UNKNOWN

    def of(self, name: str) -> Rule:
        return self.known.get(name, self.other)


Rule = Value | Members


@dataclass(slots=True)
class _Work:
    """How one answer is protected, and which unknown fields were dropped so far, by path."""

    protection: Protection
    dropped: Counter[str] = field(default_factory=Counter)


def protected(body: bytes, rule: Rule, protection: Protection, dropped: Counter[str] | None = None) -> bytes:
    """An answer with its personal data kept, hashed or dropped. `dropped` counts the unknown fields that were dropped,
    by path. Raises UnreadablePage, CannotDrop.
    """
    answer = parse_answer(body)
    try:
        _protect(answer, rule, _Work(protection, Counter() if dropped is None else dropped), People(), "")
        return dump_answer(answer)
    except RecursionError as error:
        raise UnreadablePage("an answer is nested so deeply that its personal data cannot be found") from error


def parse_answer(body: bytes) -> dict[str, Any]:
    """An answer. Raises UnreadablePage where it is no JSON object."""
    try:
        answer = json.loads(body.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise UnreadablePage(f"an answer is not JSON ({error}), so its personal data cannot be found") from error
    if not isinstance(answer, dict):
        raise UnreadablePage(f"an answer is a JSON {type(answer).__name__}, not an object")
    return answer


def dump_answer(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


def _protect(holder: Any, rule: Rule, work: _Work, people: People, path: str) -> None:
    """Protect the fields of an object, or of each object of a list, where it is."""
    if isinstance(holder, list):
        for item in holder:
            _protect(item, rule, work, people, path)
    elif isinstance(holder, dict) and isinstance(rule, Members):
        people = people.within(holder, path)
        for name in list(holder):
            of_field = rule.of(name)
            if isinstance(of_field, Members) and not isinstance(holder[name], dict | list):
                # Anything in place of an expected object is a field that the model does not know.
                of_field = of_field.other
            where = f"{path}.{name}" if path else name
            if isinstance(of_field, Members):
                holder[name] = _without_strays(holder[name], of_field, work, where)
                _protect(holder[name], of_field, work, people, where)
            elif holder[name] is not None:
                _protect_field(holder, name, of_field, work, people, where)


def _without_strays(value: Any, rule: Members, work: _Work, path: str) -> Any:
    """A list without what is no object in it: no column has that."""
    if not isinstance(value, list):
        return value
    kept = [item for item in value if item is None or isinstance(item, dict | list)]
    if len(kept) < len(value):
        work.dropped[path] += len(value) - len(kept)
    return [_without_strays(item, rule, work, path) for item in kept]


def _protect_field(holder: dict[str, Any], name: str, value: Value, work: _Work, people: People, path: str) -> None:
    protection = work.protection
    if not value.is_known or (value.class_ is NONE and not value.is_json and _has_object(holder[name])):
        del holder[name]
        work.dropped[path] += 1
        return
    action = protection.strictest(people.classes(holder[name], value.class_, value.whose))
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


def _has_object(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(_has_object(item) for item in value))


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
    """The rule for the answers that are stored in a place of the lake, or that its table is made of. Raises
    Unclassified.

    >>> rule_of("pages/hourly_aggregates").known["results"].known["group"].known["userId"].class_
    <PersonalData.PERSON: 'person'>
    """
    for names, rule in _RULES.items():
        if place in names:
            return rule()
    raise Unclassified(f"{place} has no rule for personal data. Add one to genesys_assets/privacy/answers.py.")


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
    return _plain_fields(*ENVELOPE, conversations=conversation)


def _fields(table: str, fields: Iterable[Field], **nested: Rule) -> Members:
    known = {field.wire: _field(field.wire, class_of(table, field.column), field.type) for field in fields}
    return Members(known | nested)


def _field(wire: str, class_: PersonalData, type_: pa.DataType) -> Rule:
    if pa.types.is_list(type_) and pa.types.is_struct(type_.value_type):
        classes = {each.name: class_ if pa.types.is_string(each.type) else NONE for each in type_.value_type}
        return Members({name: _value(name, of_member) for name, of_member in classes.items()})
    return _value(wire, class_)


def _value(wire: str, class_: PersonalData) -> Value:
    tells_apart = class_ is PERSON and wire.endswith(("Id", "Ids"))
    return Value(class_, tells_apart=tells_apart, whose=_WHOSE.get(wire) if class_ is CONTACT else None)


_WHOSE = dict.fromkeys(("participantName", "addressSelf", "screenShareAddressSelf", "videoAddressSelf"), Whose.OWN)
_WHOSE |= dict.fromkeys(("remote", "remoteNameDisplayable", "addressOther"), Whose.SOMEBODY)
_WHOSE |= dict.fromkeys(("addressFrom", "addressTo", "transferTargetName", "transferTargetAddress"), Whose.SOMEBODY)
_WHOSE |= dict.fromkeys(("flowTransferTargetName", "flowTransferTargetAddress"), Whose.SOMEBODY)
"""The fields that hold names and addresses of customers in some conversations, and of agents in others."""


def _aggregates() -> Rule:
    stats = dict.fromkeys((*KEPT, *UNUSED), Value(NONE))
    measured = _plain_fields("metric", "qualifier", stats=Members(stats))
    data = _plain_fields("interval", metrics=measured, views=_plain_fields("name", stats=Members(stats)))
    return Members({"results": Members({"group": _group(), "data": data})})


def _observations() -> Rule:
    """Current figures are next to the group, without an interval."""
    data = _plain_fields("metric", "qualifier", stats=Members(dict.fromkeys((*KEPT, *UNUSED), Value(NONE))))
    mappings = {"systemToOrganizationMappings": Value(NONE, is_json=True)}
    return Members({"results": Members({"group": _group(), "data": data}), **mappings})


def _user_details() -> Rule:
    presence = _plain_fields("startTime", "endTime", "systemPresence", "organizationPresenceId")
    status = _plain_fields("startTime", "endTime", "routingStatus")
    user = Members({"userId": Value(PERSON, tells_apart=True), "primaryPresence": presence, "routingStatus": status})
    return _plain_fields("totalHits", "cursor", "dataAvailabilityDate", userDetails=user)


def _plain_fields(*names: str, **nested: Rule) -> Members:
    return Members({**dict.fromkeys(names, Value(NONE)), **nested})


def _group() -> Members:
    """What a question was grouped by, in any family. A name that means a person in one family is treated so in all."""
    known = {
        name: replace(_value(name, class_of(family.table, snake_case(name))), tells_apart=True)
        for family in FAMILIES.values()
        for name in family.dimensions
    }
    return Members(known, Value(CONTENT, tells_apart=True))


def _listing(entity: Members, **more: Rule) -> Rule:
    return _plain_fields(*_OF_LISTINGS, entities=entity, **more)


_OF_LISTINGS = (
    *("pageSize", "pageNumber", "pageCount", "total"),
    *("firstUri", "selfUri", "nextUri", "previousUri", "lastUri"),
)


def _entities(table: str) -> Rule:
    """A listing has what its table has, and who made the entity."""
    spec = ENTITIES[table]
    known = {WIRE.get(column.name, _camel(column.name)): spec.personal(column) for column in spec.columns}
    fields: dict[str, Rule] = {
        name: Value(class_, tells_apart=name == "id", is_json=name in JSON_FIELDS) for name, class_ in known.items()
    }
    division = _plain_fields("id", "name", "selfUri", "homeDivision")
    nested: dict[str, Rule] = {
        "division": division,
        "queue": _plain_fields("id", "name", "selfUri"),
        "languageLabels": Value(NONE, is_json=True),
    }
    made: dict[str, Rule] = dict.fromkeys(("createdBy", "modifiedBy"), Value(PERSON))
    # The id is part of its URI.
    plain = _plain_fields("version", "deleted", "divisionId", selfUri=Value(known["id"]), **nested, **made, **fields)
    return _listing(plain, cursors=_plain_fields("after", "before"))


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return "".join([first, *(each.title() for each in others)])


def _members() -> Rule:
    """A member is a user: `name` and the like are of a person, and of no column."""
    return _listing(_plain_fields("joined", "ringNumber", "memberBy", **_OF_USER))


def _skills() -> Rule:
    skills = _plain_fields("id", "name", "proficiency", "state", "skillUri", "selfUri")
    return _listing(_plain_fields("state", "version", skills=skills, **_OF_USER))


_OF_USER: dict[str, Rule] = {"id": Value(PERSON, tells_apart=True), "selfUri": Value(PERSON), "name": Value(PERSON)}


def _usage() -> Rule:
    counted = ("requestCount", "status200", "status300", "status400", "status429", "status500")
    named = ("date", "platform", "httpMethod", "templateUri", "organizationId")
    return _listing(_plain_fields(*named, *counted), queryStatus=Value(NONE), name=Value(NONE))


def _live_conversations() -> Rule:
    classes = {wire: class_of(LIVE_CONVERSATIONS.name, column) for column, wire in ENTITY_FIELDS.items()}
    entities = Members({wire: _value(wire, class_) for wire, class_ in classes.items()})
    return _listing(entities, results=Members({"group": _group(), "entities": entities}))


DETAILS_PAGES = ("pages/hourly_details", "pages/daily_details", "pages/daily_overlap", "pages/imported_details")
_RULES: dict[tuple[str, ...], Callable[[], Rule]] = {
    DETAILS_PAGES: _conversations,
    ("pages/hourly_aggregates", "pages/daily_aggregates"): _aggregates,
    ("pages/imported_hourly_aggregates", "pages/imported_daily_aggregates"): _aggregates,
    ("pages/daily_user_details",): _user_details,
    ("live/queues",): _observations,
    **{(f"pages/reference_{table}",): partial(_entities, table) for table in ENTITIES},
    ("pages/reference_queue_members",): _members,
    ("pages/reference_user_skills",): _skills,
    ("pages/reference_api_usage",): _usage,
    ("live/conversations",): _live_conversations,
}

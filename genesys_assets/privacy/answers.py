"""Finds personal data in the platform's answers, and protects it.

A field of an answer has the class of the column that it becomes (`tables.personal`). An unknown field may hold personal
data of any class, so it is dropped, at every level, unless all classes are kept. Answers about the organisation's own
queues, codes and skills hold no personal data except who made them.

A name or an address in a conversation belongs to an agent (person) or to a customer (contact). If it is unknown to
whom, the stricter of both actions counts.
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
from genesys_assets.tables.personal import MissingClass, class_of
from genesys_assets.tables.snapshots import ENTITY_FIELDS, LIVE_CONVERSATIONS

NONE, PERSON, CONTACT, CONTENT = PersonalData


class CannotDrop(ValueError):
    """A value that identifies rows cannot be dropped, and there is no key to hash it with."""


@dataclass(frozen=True, slots=True)
class Value:
    """The rule for a field with a value of a class. If it `identifies_rows`, it is hashed where the class is dropped.
    An unknown field is dropped. An object in the place of a value is dropped too, unless the field `is_json` or its
    class of personal data is kept. `whose` is set if the value may belong to an agent instead of a contact.
    """

    class_: PersonalData
    identifies_rows: bool = False
    is_known: bool = True
    is_json: bool = False
    whose: Whose | None = None


UNKNOWN = Value(PersonalData.CONTENT, is_known=False)


@dataclass(frozen=True, slots=True)
class Members:
    """The rules for the fields of an object, or of each object of a list: for `known` fields by name, and for any
    `other` field.
    """

    known: Mapping[str, Rule]
    other: Value = UNKNOWN

    def of(self, name: str) -> Rule:
        return self.known.get(name, self.other)


Rule = Value | Members


@dataclass(slots=True)
class _Work:
    """The protection of one answer, and the counts of unknown fields that were dropped so far, by path."""

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
    """Parse an answer. Raises UnreadablePage if it is not a JSON object."""
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
    """Protect the fields of an object, or of each object of a list, in place."""
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
    """A list without values that are not objects, because no column has them."""
    if not isinstance(value, list):
        return value
    kept = [item for item in value if item is None or isinstance(item, dict | list)]
    if len(kept) < len(value):
        work.dropped[path] += len(value) - len(kept)
    return [_without_strays(item, rule, work, path) for item in kept]


def _protect_field(holder: dict[str, Any], name: str, value: Value, work: _Work, people: People, path: str) -> None:
    protection = work.protection
    action = protection.strictest(people.classes(holder[name], value.class_, value.whose))
    # An object in place of a text may have personal data in the names of its fields, which are not hashed.
    is_odd = not value.is_json and _has_object(holder[name])
    if not value.is_known or (is_odd and (value.class_ is NONE or action != "keep")):
        del holder[name]
        work.dropped[path] += 1
        return
    if action == "drop" and value.identifies_rows:
        if not protection.key:
            raise CannotDrop(
                f"{name} identifies rows and holds {value.class_} data, which GENESYS_ASSETS_PERSONAL_DATA drops. Set "
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
    """A value with every text and number replaced by its hash; names of fields stay."""
    if isinstance(value, str):
        return protection.hashed(value)
    if isinstance(value, list):
        return [_hashed(item, protection) for item in value]
    if isinstance(value, dict):
        return {name: _hashed(item, protection) for name, item in value.items()}
    # A number is hashed as a column of texts would hold it.
    return value if value is None or isinstance(value, bool) else protection.hashed(json.dumps(value))


# -- rules by place ----------------------------------------------------------------------------------------------------


@cache
def rule_of(place: str) -> Rule:
    """The rule for the answers that are stored in a place of the lake, or that the table there is made from. Raises
    MissingClass.

    >>> rule_of("pages/hourly_aggregates").known["results"].known["group"].known["userId"].class_
    <PersonalData.PERSON: 'person'>
    """
    for names, rule in _RULES.items():
        if place in names:
            return rule()
    raise MissingClass(f"{place} has no rule for personal data. Add one to genesys_assets/privacy/answers.py.")


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
    identifies_rows = class_ is PERSON and wire.endswith(("Id", "Ids"))
    return Value(class_, identifies_rows=identifies_rows, whose=_WHOSE.get(wire) if class_ is CONTACT else None)


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
    """As aggregates, but figures stand beside the group, without an interval."""
    data = _plain_fields("metric", "qualifier", stats=Members(dict.fromkeys((*KEPT, *UNUSED), Value(NONE))))
    mappings = {"systemToOrganizationMappings": Value(NONE, is_json=True)}
    return Members({"results": Members({"group": _group(), "data": data}), **mappings})


def _user_details() -> Rule:
    presence = _plain_fields("startTime", "endTime", "systemPresence", "organizationPresenceId")
    status = _plain_fields("startTime", "endTime", "routingStatus")
    user = Members(
        {"userId": Value(PERSON, identifies_rows=True), "primaryPresence": presence, "routingStatus": status}
    )
    return _plain_fields("totalHits", "cursor", "dataAvailabilityDate", userDetails=user)


def _plain_fields(*names: str, **nested: Rule) -> Members:
    return Members({**dict.fromkeys(names, Value(NONE)), **nested})


def _group() -> Members:
    """The dimensions of a group, in any family. A name that means a person in one family is a person in all."""
    known = {
        name: replace(_value(name, class_of(family.table, snake_case(name))), identifies_rows=True)
        for family in FAMILIES.values()
        for name in family.dimensions
    }
    return Members(known, Value(CONTENT, identifies_rows=True))


def _listing(entity: Members, **more: Rule) -> Rule:
    return _plain_fields(*_OF_LISTINGS, entities=entity, **more)


_OF_LISTINGS = (
    *("pageSize", "pageNumber", "pageCount", "total"),
    *("firstUri", "selfUri", "nextUri", "previousUri", "lastUri"),
)


def _entities(table: str) -> Rule:
    """A listing has the fields of its table, and who created and modified each entity."""
    spec = ENTITIES[table]
    known = {WIRE.get(column.name, _camel(column.name)): spec.personal(column) for column in spec.columns}
    fields: dict[str, Rule] = {
        name: Value(class_, identifies_rows=name == "id", is_json=name in JSON_FIELDS) for name, class_ in known.items()
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
    """A member is a user, so its name is that of a person; no column has it."""
    return _listing(_plain_fields("joined", "ringNumber", "memberBy", **_OF_USER))


def _skills() -> Rule:
    skills = _plain_fields("id", "name", "proficiency", "state", "skillUri", "selfUri")
    return _listing(_plain_fields("state", "version", skills=skills, **_OF_USER))


_OF_USER: dict[str, Rule] = {"id": Value(PERSON, identifies_rows=True), "selfUri": Value(PERSON), "name": Value(PERSON)}


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

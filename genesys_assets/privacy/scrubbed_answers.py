"""Removes those who must be forgotten from answers.

    conversation       is removed from the answer
    user               becomes a pseudonym without a name: the figures of colleagues and teams need the rows
    external contact   is removed from its conversations, with all numbers, addresses, names and contents

Ids are found anywhere in an answer, also inside a longer text. The names of a user come from the lake (`names`) and
from the conversation itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.answers import Members, Rule, Value, dump_answer, parse_answer, rule_of
from genesys_assets.privacy.forgotten import Entry, ForgottenIds, Kind
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.personal import MissingClass

Object = dict[str, Any]
_CUSTOMERS = (PersonalData.CONTACT, PersonalData.CONTENT)
_OF_USERS = ("pages/reference_users", "pages/reference_queue_members", "pages/reference_user_skills")
_KEPT_OF_USER = ("id", "state", "division", "version", "skills", "joined", "ringNumber", "memberBy")
_ESCAPED_ASCII = re.compile(r"\\u00[2-7]")
_SHORTEST_WITHIN = 5
"""A name of at least this many letters is also searched inside longer texts. A shorter name must be the whole text."""


@dataclass(frozen=True, slots=True)
class ScrubbedAnswer:
    """An answer without those who must be forgotten, and the pseudonyms of the conversations that were removed."""

    body: bytes
    taken_out: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Work:
    """What to remove from one answer, and what was removed."""

    who: ForgottenIds
    names: Collection[str]
    values: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[PersonalData, ...] = (PersonalData.PERSON, *_CUSTOMERS)
    """The classes of the fields in which names are searched."""
    changed: bool = False
    taken_out: set[str] = field(default_factory=set)

    def has(self, holder: Any, name: str, kind: Kind) -> Entry | None:
        value = holder.get(name) if isinstance(holder, dict) else None
        return self.who.entry(value, kind) if isinstance(value, str) else None


def scrubbed(
    place: str, body: bytes, who: ForgottenIds, names: Collection[str] = (), values: Mapping[str, str] | None = None
) -> ScrubbedAnswer | None:
    """An answer without those who must be forgotten; None if nothing changes. `names` are names of users. `values` are
    values that identified customers, each with its replacement in groups of aggregates. Both are in lower case.

    Raises UnreadablePage.
    """
    values = values or {}
    text = body.decode("utf-8", errors="replace")
    # Escape sequences instead of letters would hide an id.
    readable = dump_answer(parse_answer(body)).decode() if _ESCAPED_ASCII.search(text) else text
    ids = who.ids_in(readable)
    # Somebody else may have the same name, so names that are only known by digest are searched in contents alone.
    names_in_contents = who.names_in(_contents(place, parse_answer(body))) if who.names else {}
    if not ids and not names_in_contents and not _may_hold((*names, *values), readable):
        return None
    answer, work = parse_answer(body), _Work(who, names, values)
    try:
        _scrub(place, answer, work)
        if names_in_contents:
            in_contents = _Work(who, names_in_contents, classes=(PersonalData.CONTENT,))
            _drop_names(answer, rule_of(place), in_contents)
            work.changed |= in_contents.changed
        with_ids = dump_answer(answer).decode()
    except RecursionError as error:
        raise UnreadablePage("an answer is nested so deeply that nobody can be found in it") from error
    without_ids = who.without_ids(with_ids, ids)
    if not work.changed and without_ids == with_ids:
        return None
    return ScrubbedAnswer(without_ids.encode(), frozenset(work.taken_out))


def _contents(place: str, answer: Object) -> Iterator[str]:
    """Every text of the class content in an answer: notes, values of attributes and the like."""
    try:
        yield from _texts(answer, rule_of(place))
    except (MissingClass, RecursionError):
        return


def _texts(value: Any, rule: Rule) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item, rule)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, rule.of(name) if isinstance(rule, Members) else rule)
    elif isinstance(value, str) and isinstance(rule, Value) and rule.class_ is PersonalData.CONTENT:
        yield value


def _may_hold(names: Collection[str], text: str) -> bool:
    if not names:
        return False
    lower = (text if text.isascii() and "\\u" not in text else _decoded(text)).lower()
    return any(name in lower for name in names)


def _decoded(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("unicode_escape", "replace") if "\\u" in text else text


def _scrub(place: str, answer: Object, work: _Work) -> None:
    try:
        rule = rule_of(place)
    except MissingClass:
        return
    if not isinstance(rule, Members):
        return
    for conversation in list(_remaining(answer, "conversations", work)):
        _conversation(conversation, rule.of("conversations"), work)
    for result in list(_remaining(answer, "results", work, within="group")):
        _group(result, work)
    if place in _OF_USERS and isinstance(answer.get("entities"), list):
        answer["entities"] = [_user(entity, work) for entity in answer["entities"]]
    if place == "live/conversations":
        for holder in (answer, *_objects(answer.get("results"))):
            for entity in _remaining(holder, "entities", work):
                _conversation(entity, rule.of("entities"), work)
    if work.names:
        _drop_names(answer, rule, work)


def _remaining(holder: Object, name: str, work: _Work, within: str | None = None) -> Iterator[Object]:
    """Remove the objects of forgotten conversations from a list; yields the others."""
    items = holder.get(name)
    if not isinstance(items, list):
        return
    kept = []
    for item in items:
        about = item.get(within) if within and isinstance(item, dict) else item
        entry = work.has(about, "conversationId", Kind.CONVERSATION)
        if entry:
            work.changed = True
            work.taken_out.add(entry.pseudonym)
        else:
            kept.append(item)
    holder[name] = kept
    yield from (item for item in kept if isinstance(item, dict))


def _conversation(conversation: Object, rule: Rule, work: _Work) -> None:
    people = [conversation, *_objects(conversation.get("participants"))]
    if work.has(conversation, "conversationId", Kind.CONTACT_CONVERSATION) or any(
        work.has(each, "externalContactId", Kind.EXTERNAL_CONTACT) for each in people
    ):
        work.changed |= _drop_classes(conversation, rule)
    for each in people:
        if work.has(each, "userId", Kind.USER) and "participantName" in each:
            name = each.pop("participantName")
            work.changed = True
            if isinstance(name, str) and name.strip():
                _drop_names(conversation, rule, _Work(work.who, [name.strip().lower()]))


def conversations_of_contacts(body: bytes, who: ForgottenIds) -> Iterator[str]:
    """The conversations in an answer in which a forgotten external contact took part. Raises UnreadablePage."""
    if not who.ids_in(body.decode("utf-8", errors="replace")):
        return
    work = _Work(who, ())
    for conversation in _objects(parse_answer(body).get("conversations")):
        id_ = conversation.get("conversationId")
        people = _objects(conversation.get("participants"))
        if isinstance(id_, str) and any(work.has(each, "externalContactId", Kind.EXTERNAL_CONTACT) for each in people):
            yield id_


def _drop_classes(holder: Any, rule: Rule) -> bool:
    """Drop all fields about customers; returns whether there were any."""
    changed = False
    if isinstance(holder, list):
        for item in holder:
            changed |= _drop_classes(item, rule)
    elif isinstance(holder, dict) and isinstance(rule, Members):
        for name in list(holder):
            of_field = rule.of(name)
            if isinstance(of_field, Members):
                changed |= _drop_classes(holder[name], of_field)
            elif of_field.class_ in _CUSTOMERS:
                del holder[name]
                changed = True
    return changed


def _group(result: Object, work: _Work) -> None:
    """Replace the values of a forgotten contact in a group by a pseudonym: the values of a group identify rows."""
    group = result.get("group")
    if isinstance(group, dict):
        after = without_contact(group, work.who, work.values)
        work.changed |= after != group
        result["group"] = after


def without_contact(group: Mapping[str, Any], who: ForgottenIds, values: Mapping[str, str]) -> Object:
    """A group of aggregates with a pseudonym instead of a forgotten contact's values. If the group has no id of the
    contact, its values are compared with `values`, which identified a contact.
    """
    entries = [who.entry(value, Kind.EXTERNAL_CONTACT) for value in group.values() if isinstance(value, str)]
    pseudonym = next((entry.pseudonym for entry in entries if entry), None)
    if pseudonym is None and not values:
        return dict(group)
    rule = rule_of("pages/hourly_aggregates")
    of_group = rule.known["results"].known["group"]  # type: ignore[union-attr]
    return {
        name: (pseudonym or values.get(bare(value), value)) if _is_customers(of_group, name) else value
        for name, value in group.items()
    }


def bare(value: Any) -> Any:
    """The form of a value in which it is compared with those that identified customers: small letters, without `tel:`.

    >>> bare("tel:+41790001122"), bare("Łucja"), bare(None)
    ('+41790001122', 'łucja', None)
    """
    return value.lower().removeprefix("tel:") if isinstance(value, str) else value


def _is_customers(rule: Rule, name: str) -> bool:
    of_field = rule.of(name) if isinstance(rule, Members) else rule
    return isinstance(of_field, Value) and of_field.class_ in _CUSTOMERS


def _user(entity: Any, work: _Work) -> Any:
    if work.has(entity, "id", Kind.USER) is None:
        return entity
    work.changed = True
    return {name: entity[name] for name in _KEPT_OF_USER if name in entity}


def _drop_names(holder: Any, rule: Rule, work: _Work) -> None:
    """Drop every field that contains one of the names and has one of the classes of `work`."""
    if isinstance(holder, list):
        for item in holder:
            _drop_names(item, rule, work)
    elif isinstance(holder, dict) and isinstance(rule, Members):
        for name in list(holder):
            of_field = rule.of(name)
            if isinstance(of_field, Members):
                _drop_names(holder[name], of_field, work)
            elif of_field.class_ in work.classes and holds_name(holder[name], work.names):
                del holder[name]
                work.changed = True


def stands_in(name: str, text: str) -> bool:
    """Whether a text contains a name as whole words, also with a genitive s. Both are in lower case.

    >>> stands_in("anna bell", "anna bell's note"), stands_in("anna bell", "joanna bellamy")
    (True, False)
    """
    return name in text and _whole_words(name).search(text) is not None


def without_name(name: str, text: str, instead: str) -> str:
    """A text with another one in place of a name, where the name stands as whole words, in any case.

    >>> without_name("ann", "Joanna met Ann", "somebody")
    'Joanna met somebody'
    """
    words = _whole_words(name)
    replaced = words.sub(lambda match: instead, text)
    # Some letters, such as İ, have another length in lower case, so that their lower case is not found in the text.
    return words.sub(lambda match: instead, lower) if words.search(lower := replaced.lower()) else replaced


def without_forgotten(who: ForgottenIds, text: str) -> str:
    """A text with pseudonyms in place of forgotten ids and of names of forgotten users."""
    text = who.without_ids(text, who.ids_in(text))
    for name, pseudonym in who.names_in([text]).items():
        text = without_name(name, text, pseudonym)
    return text


def _whole_words(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}s?(?!\w)", re.IGNORECASE)


def holds_name(value: Any, names: Collection[str]) -> bool:
    """Whether a value contains one of the names (given in lower case), in a text at any depth."""
    if isinstance(value, str):
        lower = value.lower()
        return any(lower == name or (len(name) >= _SHORTEST_WITHIN and stands_in(name, lower)) for name in names)
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return any(holds_name(each, names) for each in value)


def _objects(value: Any) -> Iterator[Object]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))

"""Removes those who must be forgotten from rows of tables. The result is the same as rows made from scrubbed answers.

    conversation       its rows are removed; other rows that name it get a pseudonym
    user               the id becomes a pseudonym, and so does the name in reports
    external contact   columns about customers are null in the rows of its conversations

In reports, and in tables of others, a column only has a class if its name has one in every table of ours. There ids
and values are also found by their text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import Entry, ForgottenIds, Kind
from genesys_assets.privacy.scrubbed_answers import holds_name, without_contact
from genesys_assets.tables.metrics.decode_arrow import group_key
from genesys_assets.tables.personal import MissingClass, class_of

_CUSTOMERS = (PersonalData.CONTACT, PersonalData.CONTENT)
_OWN = ("tables", "reference", "live")
"""Folders of tables whose columns have classes."""
_HISTORY, _USERS, _ATTRIBUTES = "reference/users_history", "reference/users", "tables/participant_attributes"
_KEPT_OF_USER = ("id", "state", "division_id", "is_deleted")

Ids = Mapping[str, frozenset[Entry]]


@dataclass(frozen=True, slots=True)
class Traces:
    """What to search besides ids, in lower case: `names` of users with their pseudonyms; `values` that identified
    customers, for reports; and the same values with their replacements, for groups of aggregates (`in_groups`).
    """

    names: Mapping[str, str] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    in_groups: Mapping[str, str] = field(default_factory=dict)


def scrubbed(place: str, rows: pa.Table, who: ForgottenIds, traces: Traces) -> pa.Table | None:
    """Rows of a table without those who must be forgotten; None if nothing changes."""
    ids = _ids(rows, who)
    if not ids and not traces.names and not traces.values and not traces.in_groups:
        return None
    after = _without_conversations(rows, ids)
    after = _without_contacts(place, after, ids)
    after = _without_names(place, after, ids, traces)
    after = _without_groups_of_contacts(after, ids, who, traces.in_groups)
    if ids:
        after = _mapped(after, lambda text: who.without_ids(text, ids), _holding(ids))
    return None if after.equals(rows) else after


def _ids(rows: pa.Table, who: ForgottenIds) -> dict[str, frozenset[Entry]]:
    """The forgotten ids in the texts of the rows."""
    ids: dict[str, frozenset[Entry]] = {}
    for column in rows.columns:
        for values in _texts(column):
            # One line for each value, because ids never contain line breaks.
            ids |= who.ids_in("\n".join(str(text) for text in pc.unique(values).to_pylist() if text))
    return ids


def _texts(column: pa.ChunkedArray) -> list[pa.Array]:
    return [values for chunk in column.chunks for values in _leaves(chunk)]


def _leaves(values: pa.Array) -> list[pa.Array]:
    if pa.types.is_struct(values.type):
        return [leaf for child in values.flatten() for leaf in _leaves(child)]
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _leaves(values.flatten())
    if pa.types.is_map(values.type):
        # Only tables of others have maps.
        return [*_leaves(values.keys), *_leaves(values.items)]
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return [values]
    return [values.cast(pa.string())] if _is_text_in_bytes(values) else []


def _is_text_in_bytes(values: pa.Array) -> bool:
    if not pa.types.is_binary(values.type):
        return False
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _of(ids: Ids, *kinds: Kind) -> list[str]:
    return [id_ for id_, entries in ids.items() if any(entry.kind in kinds for entry in entries)]


def _without_conversations(rows: pa.Table, ids: Ids) -> pa.Table:
    forgotten = _of(ids, Kind.CONVERSATION)
    if not forgotten:
        return rows
    keep = pa.array([True] * len(rows))
    if _is_text(rows, "conversation_id"):
        keep = pc.and_(keep, pc.invert(_is_in(rows["conversation_id"], forgotten)))
    if _is_text(rows, "group_key"):
        for id_ in forgotten:
            is_of = pc.fill_null(pc.match_substring(rows["group_key"], f'"{id_}"'), False)
            keep = pc.and_(keep, pc.invert(is_of))
    return rows.filter(keep)


def _without_contacts(place: str, rows: pa.Table, ids: Ids) -> pa.Table:
    marked = _of(ids, Kind.CONTACT_CONVERSATION)
    if not marked or not _is_text(rows, "conversation_id"):
        return rows
    of_contact = _is_in(rows["conversation_id"], marked)
    if place == _ATTRIBUTES:
        # An attribute without a value has no row.
        return rows.filter(pc.invert(of_contact))
    for index, name in enumerate(rows.column_names):
        if _class(place, name) in _CUSTOMERS:
            rows = _nulled(rows, index, of_contact)
    return rows


def _without_names(place: str, rows: pa.Table, ids: Ids, traces: Traces) -> pa.Table:
    users = _of(ids, Kind.USER)
    if users and place in (_HISTORY, _USERS):
        of_user = _is_in(rows["id"], users)
        if place == _HISTORY:
            return rows.filter(pc.invert(of_user))
        for index, name in enumerate(rows.column_names):
            if name not in _KEPT_OF_USER:
                rows = _nulled(rows, index, of_user)
        return rows
    if users and _is_text(rows, "user_id") and _is_text(rows, "participant_name"):
        index = rows.schema.get_field_index("participant_name")
        rows = _nulled(rows, index, _is_in(rows["user_id"], users))
    if not traces.names and not traces.values:
        return rows
    if place.split("/")[0] in _OWN:
        return _without_names_by_class(place, rows, traces.names)

    def put(text: str) -> str | None:
        lower = text.lower()
        return traces.names.get(lower, None if lower in traces.values or holds_name(text, traces.names) else text)

    return _mapped(rows, put, lambda text: put(text) != text)


def _without_names_by_class(place: str, rows: pa.Table, names: Collection[str]) -> pa.Table:
    for index, name in enumerate(rows.column_names):
        if _class(place, name) in (PersonalData.CONTACT, PersonalData.CONTENT, PersonalData.PERSON):
            column = rows.column(index)
            if any(holds_name(text, names) for leaf in _texts(column) for text in pc.unique(leaf).to_pylist()):
                values = [None if holds_name(value, names) else value for value in column.to_pylist()]
                rows = rows.set_column(index, rows.field(index), pa.array(values, column.type))
    return rows


def _without_groups_of_contacts(rows: pa.Table, ids: Ids, who: ForgottenIds, values: Mapping[str, str]) -> pa.Table:
    if not (_of(ids, Kind.EXTERNAL_CONTACT) or values) or not _is_text(rows, "group_key"):
        return rows

    def without(text: str) -> str:
        group = json.loads(text)
        after = without_contact(group, who, values)
        return text if after == group else group_key(after, None)

    return _mapped(rows, without, lambda text: without(text) != text, only="group_key")


def _holding(ids: Ids) -> Callable[[str], bool]:
    return lambda text: any(id_ in text for id_ in ids)


def _mapped(
    rows: pa.Table, change: Callable[[str], str | None], concerns: Callable[[str], bool], only: str | None = None
) -> pa.Table:
    """The rows with texts replaced by `change`, at any depth of nesting, if `concerns` holds for them."""
    for index, name in enumerate(rows.column_names):
        column = rows.column(index)
        texts = (text for leaf in _texts(column) for text in pc.unique(leaf).to_pylist() if text)
        if only in (None, name) and any(concerns(text) for text in texts):
            values = [_changed(value, change, concerns) for value in column.to_pylist()]
            rows = rows.set_column(index, rows.field(index), pa.array(values, column.type))
    return rows


def _changed(value: Any, change: Callable[[str], str | None], concerns: Callable[[str], bool]) -> Any:
    if isinstance(value, str):
        return change(value) if concerns(value) else value
    if isinstance(value, bytes):
        changed = _changed(value.decode("utf-8", "surrogateescape"), change, concerns)
        return None if changed is None else changed.encode("utf-8", "surrogateescape")
    if isinstance(value, list | tuple):
        return type(value)(_changed(each, change, concerns) for each in value)
    if isinstance(value, dict):
        return {name: _changed(each, change, concerns) for name, each in value.items()}
    return value


def _class(place: str, column: str) -> PersonalData | None:
    folder, _, table = place.partition("/")
    try:
        return class_of(table if folder in _OWN else "", column)
    except MissingClass:
        return None


def _nulled(rows: pa.Table, index: int, where: pa.ChunkedArray) -> pa.Table:
    field_ = rows.field(index)
    values = pc.if_else(where, pa.scalar(None, field_.type), rows.column(index))
    return rows.set_column(index, field_, values.cast(field_.type))


def _is_in(values: pa.ChunkedArray, ids: Collection[str]) -> pa.ChunkedArray:
    return pc.fill_null(pc.is_in(values, value_set=pa.array(list(ids), values.type)), False)


def _is_text(rows: pa.Table, name: str) -> bool:
    return name in rows.column_names and pa.types.is_string(rows.schema.field(name).type)

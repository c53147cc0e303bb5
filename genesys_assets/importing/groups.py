"""Finds the group of figures: the dimensions in `group`, or in fields of an entity or a row. `buckets` finds their
time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.families import CONVERSATIONS, families_with
from genesys_assets.cloud.analytics.values import BOOLEANS, ENUMERATIONS, is_uuid, value_of
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.importing.figures import UNITS
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import Remarks, json_kind, shown
from genesys_assets.importing.shapes import Object
from genesys_assets.importing.spelling import HALF_CHARACTER, UUIDS, hyphenated, is_no_id, unwrapped
from genesys_assets.importing.times import ENDS, STARTS

FIGURE_FIELDS = frozenset({"metrics", "buckets", "data", "group", "interval", "views"})
ONLY_CONVERSATIONS = (
    "an import makes no table of that family: name it in GENESYS_ASSETS_FAMILIES, so that it is fetched"
)
_BY_NAME = {
    **{alias.lower(): dimension for alias, dimension in catalogue.DIMENSION_ALIASES.items()},
    **{dimension.lower(): dimension for dimension in catalogue.DIMENSIONS},
}
_NAMES = re.compile(r"(user|queue|agent|wrapupcode)?name|selfuri", re.IGNORECASE)
_OF_TABLE = re.compile(
    r"\(?(grand|sub)?[ -]?totals?\)?|\(?all\)?|overall|sum|summary|summe|gesamt|n/?a|#.*|[^\w\ud800-\udfff]+|"
    r"\d(\.\d+)?e\+\d+",
    re.IGNORECASE,
)
"""What spreadsheets and pivot tables write in the place of an id or a value."""
_ID_OF_NAME = {"user": "userId", "agent": "userId", "queue": "queueId", "wrapupcode": "wrapUpCode"}


@dataclass(slots=True)
class Group:
    """The dimensions of figures. `is_less`: a field that is no dimension was left out, so that other figures may have
    the same dimensions. `names` are the fields that only name something, such as a user or a queue.
    """

    dimensions: dict[str, str] = field(default_factory=dict)
    is_less: bool = False
    names: list[str] = field(default_factory=list)


def in_group(item: Object, remarks: Remarks) -> dict[str, str]:
    """The group in the field `group`, where the platform puts it."""
    group = item.get("group")
    if not isinstance(group, dict | None):
        raise CannotImport(f"a group is {json_kind(group)}, not an object")
    own = Group()
    _add_dimensions(own, group or {}, remarks, is_group=True)
    _leave_out_names(own, remarks)
    return own.dimensions


def group_around(envelope: Object, remarks: Remarks) -> Group:
    """The group in fields around figures: a script that asks for one queue at a time may note the queue there."""
    found = Group()
    for name, value in envelope.items():
        if not isinstance(value, str) or not value:
            continue
        if (dimension := known_dimension(name)) is not None:
            found.dimensions[dimension] = _fixed(dimension, hyphenated(dimension, value), remarks)
        elif _kind_of_name(name) in _ID_OF_NAME:
            found.names.append(name)
    return found


def group_beside(item: Object, remarks: Remarks, around: Group) -> Group:
    """The group of a result or a bucket in the platform's form: from `group`, from fields that a script put beside it,
    and from `around`, the group of the object that contains it. Raises CannotImport.
    """
    found = Group(in_group(item, remarks))
    _add_dimensions(found, _beside_figures(item), remarks)
    found = _within(around, found)
    _leave_out_names(found, remarks)
    return found


def _within(around: Group, inner: Group) -> Group:
    """Both groups together. Raises CannotImport if a dimension has two values."""
    for dimension, value in inner.dimensions.items():
        if around.dimensions.get(dimension, value) != value:
            raise CannotImport(
                f"a group has two values of {dimension}: its own, and that of the object that contains it"
            )
    return Group(around.dimensions | inner.dimensions, around.is_less or inner.is_less, [*around.names, *inner.names])


def _beside_figures(item: Object) -> Object:
    return {name: value for name, value in item.items() if name not in FIGURE_FIELDS and not _is_time(name)}


def group_of(item: Object, group_by: tuple[str, ...] | None, remarks: Remarks, around: Group) -> Group:
    """The group of an entity, bucket or result: from `group` or its own fields, such as `userId` or `queue`, and from
    `around`, the group of the object that contains it. Raises CannotImport.
    """
    fields = _beside_figures(item)
    own = Group(in_group(item, remarks))
    kind, id_ = fields.pop("type", None), fields.pop("id", None)
    if id_ not in (None, ""):
        dimension = _kind_of_id(kind, group_by)
        own.dimensions[dimension] = hyphenated(dimension, _text(id_, "id", dimension))
    elif kind is not None:
        remarks.note("field 'type' left out")
    _add_dimensions(own, fields, remarks)
    own = _within(around, own)
    if "id" in item and not own.dimensions:
        raise CannotImport("one of its entities has no `id`: its figures would count as the total of all entities")
    _leave_out_names(own, remarks)
    return own


def _kind_of_id(kind: Any, group_by: tuple[str, ...] | None) -> str:
    """The dimension that an entity's `id` belongs to. Raises CannotImport."""
    if isinstance(kind, str):
        try:
            return catalogue.dimension(kind)
        except InvalidQuery as error:
            raise CannotImport(f"the `type` of an entity is not a dimension: {error.message}") from None
    if group_by and len(group_by) == 1:
        return group_by[0]
    raise CannotImport(
        "its entities have an `id` of an unknown dimension: pass the dimension, for example --group-by userId"
    )


def _add_dimensions(target: Group, fields: Object, remarks: Remarks, *, is_group: bool = False) -> None:
    """Add the dimensions among fields. With `is_group` all fields must be dimensions."""
    for name, value in fields.items():
        has_id = isinstance(value, dict) and "id" in value
        if has_id:
            value = value["id"]
        if value is None or value == "":
            continue
        is_agent = plain_name(name) == "agent"
        if _NAMES.fullmatch(plain_name(name)) or (
            is_agent and not has_id and not is_uuid(hyphenated("userId", f"{value}"))
        ):
            target.names.append(name)
            continue
        try:
            dimension = "userId" if is_agent else _dimension(name)
        except InvalidQuery as error:
            if is_group or (isinstance(value, str) and name in catalogue.DIMENSIONS_WITHOUT_EQUIVALENT):
                raise CannotImport(error.message) from None
            remarks.note(f"field {name!r} left out: {error.message}")
            target.is_less = True
            continue
        text = _fixed(dimension, hyphenated(dimension, _text(value, name, dimension)), remarks)
        if target.dimensions.setdefault(dimension, text) != text:
            raise CannotImport(f"a group of it has two values of {dimension}, in {name!r} and in another field")


def _fixed(dimension: str, text: str, remarks: Remarks) -> str:
    """A value in the platform's spelling, if the dimension has fixed values. Any other text is unchanged: it may be
    newer than our list. Raises CannotImport if a text is no id where ids are.

    >>> [_fixed(*each, Remarks()) for each in (("mediaType", "VOICE"), ("mediaType", "telepathy"), ("queueId", "Q"))]
    ['voice', 'telepathy', 'Q']
    """
    if (dimension in UUIDS or dimension in ENUMERATIONS) and _OF_TABLE.fullmatch(text.strip()):
        raise CannotImport(
            f"{dimension} of a group is {shown(text)}, as tables write it for a total, a missing value or an error. "
            "Leave the row out, or write the value"
        )
    if dimension in UUIDS and is_no_id(text):
        raise CannotImport(
            f"{dimension} of a group is {shown(text)}, which is no id. Leave the field out, or write the id"
        )
    if HALF_CHARACTER.search(text) is not None:
        raise CannotImport(
            f"{dimension} of a group is {shown(text)}, which has half a character (a lone surrogate): write it whole"
        )
    try:
        return value_of(dimension, text) if dimension in ENUMERATIONS or dimension in BOOLEANS else text
    except InvalidQuery:
        remarks.note(f"{dimension}: {shown(text)} is new or misspelled: it is none of the known values")
        return text


def _dimension(name: str) -> str:
    """The platform's dimension of a name, also in snake_case or with spaces or hyphens. Raises InvalidQuery."""
    known = known_dimension(name)
    if known is None:
        raise InvalidQuery(_refusal(name))
    return known


def known_dimension(name: str) -> str | None:
    """The platform's dimension of a name; None if it is none."""
    return next(filter(None, (_BY_NAME.get(each.lower()) for each in (name.strip(), re.sub("[_ -]", "", name)))), None)


@lru_cache(maxsize=256)
def _refusal(name: str) -> str:
    """Why a name is no dimension. Cached: finding the nearest names takes long, and a file repeats its fields."""
    if others := families_with("dimension", name, but=CONVERSATIONS):
        return f"{name!r} is a dimension of {', '.join(others)}, and {ONLY_CONVERSATIONS}"
    try:
        return catalogue.dimension(name)
    except InvalidQuery as refusal:
        return refusal.message


def _leave_out_names(checked: Group, remarks: Remarks) -> None:
    """Leave out names of users and queues, which are looked up by id. Raises CannotImport if there is a name without
    the id: two groups with the same name would become one.
    """
    for name in checked.names:
        kind = _kind_of_name(name)
        if kind in _ID_OF_NAME and _ID_OF_NAME[kind] not in checked.dimensions:
            raise CannotImport(
                f"a group of it has {name!r} and no {_ID_OF_NAME[kind]}: names are not unique, so import figures that "
                "are grouped by ids"
            )
        if not kind and not checked.dimensions:
            raise CannotImport(
                f"an entity of it has {name!r} and no id: names are not unique, so import figures that are grouped by "
                "ids"
            )
        remarks.note(f"field {name!r} left out: names are looked up by id")
    checked.names.clear()


def _kind_of_name(name: str) -> str:
    """What a field names: `queueName` -> `queue`."""
    return re.sub("name$", "", plain_name(name))


def _text(value: Any, name: str, dimension: str) -> str:
    value = unwrapped(value)
    if isinstance(value, dict | list):
        raise CannotImport(f"{name!r} of a group is {json_kind(value)}, not one value")
    if dimension in UUIDS and not isinstance(value, str):
        raise CannotImport(
            f"{dimension} of a group is {shown(value)}, which is no id. Leave the field out, or write the id"
        )
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_time(name: str) -> bool:
    """Whether a field says when figures were measured, for how long, or in which unit."""
    return plain_name(name) in (*STARTS, *ENDS, *UNITS, "granularity")


def plain_name(name: str) -> str:
    return re.sub(r"[._]", "", name).lower()

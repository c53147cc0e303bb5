"""How tools spell what the platform writes: names of fields, numbers, ids and lists, each brought back to one spelling.

Each function returns a value that it does not recognise unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import printable

Object = dict[str, Any]

_EXTENDED: dict[str, Callable[[Any], Any]] = {"$numberLong": int, "$numberInt": int, "$numberDouble": float}
"""https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/"""
_DIGITS = re.compile(r"[+-]?\d{1,19}(?P<fraction>\.\d{1,19})?", re.ASCII)
IN_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)
"""A text that is another number in Germany (312.000 is 312000) than in Britain."""
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""A lone surrogate of UTF-16, which remains where a tool cuts a text within an emoji. It cannot be stored."""
_POSITION = re.compile(r"\d{1,6}", re.ASCII)
_UUID = re.compile("-?".join(f"([0-9a-fA-F]{{{digits}}})" for digits in (8, 4, 4, 4, 12)))
_NO_ID = re.compile(r"[\s;\[\]{}\"\u2026]|\.\.\.|^[^\w\ud800-\udfff]+$|^.{513}", re.DOTALL)
_NOTHING = frozenset({"null", "none", "undefined", "nan", "nil"})
"""What programs write as the text of a missing id."""
UUIDS = frozenset(
    (
        *("conversationId", "associatedConversationId", "participantId", "sessionId", "userId", "queueId", "flowId"),
        *("divisionId", "divisionIds", "externalContactId", "externalOrganizationId", "wrapUpCode", "edgeId"),
        *("teamId", "stationId", "scriptId", "outboundCampaignId", "outboundContactListId"),
        *("requestedRoutingSkillIds", "requestedRoutingUserIds", "requestedLanguageId"),
    )
)
"""Fields that hold UUIDs. Ids of outbound contacts, calls and messages have 32 digits without hyphens by themselves."""


def plain(name: str) -> str:
    """A field's name as all spellings of it agree: `segment_start`, `segment-start`, `Segment Start` and `segmentStart`
    are one.
    """
    return _known_spelling(name) if len(name) <= _LONGEST_KNOWN else _spelling(name)


def _spelling(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


_LONGEST_KNOWN = 64
_known_spelling = lru_cache(1 << 12)(_spelling)
"""Names up to this length are cached: a file repeats few names very often. Long names are not, because a file may have
any number of them.
"""


def respelled(item: Object, names: Mapping[str, str]) -> Object:
    """The object with its names spelled as in `names`, if they are among these in any spelling. Raises CannotImport
    where two spellings of one name have two values.

    >>> respelled({"Group": 1, "more": 2}, {"group": "group"})
    {'group': 1, 'more': 2}
    """
    changed = {name: names[key] for name in item if (key := plain(name)) in names and names[key] != name}
    for name, wanted in changed.items():
        if any(other != name and changed.get(other, other) == wanted and item[other] != item[name] for other in item):
            raise CannotImport(f"it has {printable(name, 60)!r} and another spelling of it, with two values")
    return {changed.get(name, name): value for name, value in item.items()} if changed else item


def unwrapped(value: Any) -> Any:
    """A number of MongoDB's extended JSON as a number: `{"$numberLong": "5"}` -> 5; anything else as it is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, text),) = value.items()
    convert = _EXTENDED.get(kind)
    try:
        return value if convert is None else convert(text)
    except (ValueError, TypeError):
        return value


def of_digits(value: Any) -> Any:
    """The number that a text of digits stands for. Any other value is returned unchanged, also a text that may be two
    numbers.

    >>> of_digits("12"), of_digits("1.5"), of_digits("312.000"), of_digits("12 s"), of_digits(None)
    (12, 1.5, '312.000', '12 s', None)
    """
    digits = _DIGITS.fullmatch(value.strip()) if isinstance(value, str) else None
    if digits is None or IN_THOUSANDS.fullmatch(value.strip()):
        return value
    return float(value) if digits["fraction"] else int(value)


def hyphenated(name: str, text: str) -> str:
    """The platform's spelling of a UUID, which SQL Server and .NET write without hyphens, in capitals or in braces, and
    XML with `urn:uuid:`. Any other id of a field in `UUIDS` loses the spaces around it: databases pad columns of fixed
    width with them. Texts of other fields are unchanged.

    >>> hyphenated("queueId", "{5A0C0000111142228333000000000A01}"), hyphenated("outboundContactId", "5a0c" * 8)[:8]
    ('5a0c0000-1111-4222-8333-000000000a01', '5a0c5a0c')
    """
    if name not in UUIDS:
        return text
    text = text.strip(" ").removeprefix("urn:uuid:")
    found = _UUID.fullmatch(text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text)
    return "-".join(found.groups()).lower() if found else text


def is_no_id(text: str) -> bool:
    """Whether a text is no id: it holds white space or a list, stands for a missing id, or was masked or shortened.

    >>> is_no_id("40ea6e3a"), is_no_id("None"), is_no_id('["40ea6e3a"]'), is_no_id("***"), is_no_id("40ea…")
    (False, True, True, True, True)
    """
    return _NO_ID.search(text) is not None or text.lower() in _NOTHING


def as_list(value: Any) -> Any:
    """A list that a tool wrote as an object; anything else as it is.

    PowerShell writes `{"value": […], "Count": 2}`, .NET `{"$id": "1", "$values": […]}`, PHP and pandas
    `{"0": …, "1": …}`, Parquet and Spark `{"list": [{"element": …}]}`.

    >>> as_list({"0": "a", "1": "b"}), as_list({"list": [{"element": "a"}]}), as_list({"a": 1})
    (['a', 'b'], ['a'], {'a': 1})
    """
    if not isinstance(value, dict) or not value:
        return value
    if value.keys() == {"value", "Count"}:
        return value["value"]
    if "$values" in value and value.keys() <= {"$id", "$type", "$values"}:
        return value["$values"]
    if all(map(_POSITION.fullmatch, value)):
        return [value[name] for name in sorted(value, key=int)]
    if value.keys() == {"list"} and isinstance(value["list"], list):
        elements = value["list"]
        if all(isinstance(each, dict) and each.keys() in ({"element"}, {"item"}) for each in elements):
            return [next(iter(each.values())) for each in elements]
    return value

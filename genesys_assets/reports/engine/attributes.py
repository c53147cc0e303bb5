"""Participant attributes as typed columns. A conversation has the value of its first participant that has the
attribute.

A value that is not of the type becomes null. So does a value that the platform may have truncated, unless it is text,
because a number without its last digits is another number. Both are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.reports.language.sources import TypedAttribute
from genesys_assets.spans import whole_milliseconds

NEEDED = ("conversation_id", "participant_ordinal", "name", "value", "is_truncated")
"""The columns of participant_attributes that are read."""
_HASHED = "hash:"
_WHOLE = r"^[-+]?[0-9]{1,18}$"
_DECIMAL = r"^[-+]?[0-9]{1,15}(\.[0-9]{1,9})?$"


@dataclass(slots=True)
class Remark:
    """Counts of an attribute's values: all, those that became null, those that may be truncated, those of conversations
    with several different values, and those that are hashes.
    """

    values: int = 0
    unreadable: int = 0
    truncated: int = 0
    several: int = 0
    hashed: int = 0

    def add(self, rows: pa.Table, attribute: TypedAttribute) -> None:
        """Add the counts of a table that `typed` returned."""
        self.values += len(rows)
        self.unreadable += _count(rows[attribute.unreadable])
        self.truncated += _count(rows[attribute.truncated])
        self.several += _count(rows["several"])
        self.hashed += _count(rows["hashed"])

    def __str__(self) -> str:
        parts = {
            "are null because they are not of the type or may have been truncated": self.unreadable,
            "may have been truncated by the platform": self.truncated,
            "are hashes, since personal data are stored as hashes": self.hashed,
            "belong to conversations whose participants have different ones": self.several,
        }
        counts = [f"{count:,} {what}" for what, count in parts.items() if count]
        return f"{self.values:,} values" + (f", of which {', '.join(counts)}" if counts else "")


def typed(rows: pa.Table, attribute: TypedAttribute) -> pa.Table:
    """The typed values of an attribute, from rows of participant_attributes. One row per conversation that has the
    attribute, with the id of the conversation and the three columns of the attribute. `several` says whether its
    participants have different values, `hashed` whether the value is a hash.
    """
    rows = rows.filter((pc.field("name") == attribute.attribute) & pc.field("value").is_valid())
    rows = rows.sort_by("participant_ordinal")
    measures: Any = [("value", "first"), ("is_truncated", "first"), ("value", "count_distinct")]
    grouped = rows.group_by("conversation_id", use_threads=False).aggregate(measures)
    texts, truncated = grouped["value_first"], pc.fill_null(grouped["is_truncated_first"], False)
    hashed = pc.starts_with(texts, _HASHED)
    values = texts if attribute.type == "text" else _converted(texts, attribute)
    if attribute.type != "text":
        values = pc.if_else(truncated, pa.scalar(None, values.type), values)
    return pa.table(
        {
            "conversation_id": grouped["conversation_id"],
            attribute.column: values,
            attribute.unreadable: pc.is_null(values),
            attribute.truncated: truncated,
            "several": pc.greater(grouped["value_count_distinct"], 1),
            "hashed": hashed,
        }
    )


def _converted(texts: pa.ChunkedArray, attribute: TypedAttribute) -> pa.ChunkedArray:
    """The texts converted to the attribute's type; null if a text is not of that type."""
    plain = pc.utf8_trim_whitespace(texts)
    type_ = attribute.types[attribute.column]
    if attribute.type == "instant":
        return pa.chunked_array([pa.array(map(_instant, plain.to_pylist()), type_)])
    if attribute.type == "boolean":
        plain = pc.utf8_lower(plain)
        is_valid = pc.is_in(plain, value_set=pa.array(["true", "false"]))
        return pc.if_else(is_valid, pc.equal(plain, "true"), pa.scalar(None, pa.bool_()))
    is_valid = pc.match_substring_regex(plain, _WHOLE if attribute.type == "integer" else _DECIMAL)
    unsigned = pc.replace_substring_regex(plain, r"^\+", "")
    return pc.if_else(is_valid, unsigned, pa.scalar(None, pa.string())).cast(type_)


def _instant(text: str) -> datetime | None:
    """The instant in an ISO 8601 text with an offset, in UTC. None if the text is not one, or if its year in UTC is not
    from 1 to 9999.
    """
    try:
        local = datetime.fromisoformat(text)
        instant = local.astimezone(UTC) if local.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return instant and whole_milliseconds(instant)


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)

"""Nested conversations to the flat tables of the conversation model.

Each level is unnested once, all rows at a time; a child row takes its keys from its parent by position. Rows are in the
order of the conversations, and within a conversation in the platform's order. Fields that are not in the type of the
conversations are null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.conversations import model
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.conversations.forms import NO_SUPPLEMENTS, Positions, Supplements
from genesys_assets.tables.conversations.nested import fields_of
from genesys_assets.tables.sources import FETCHED

_NO_FIELDS = pa.struct([])
_NO_LIST = pa.list_(_NO_FIELDS)


@dataclass(frozen=True, slots=True)
class Level:
    """Rows of one level of the nesting, with the columns that they inherit from their parents."""

    rows: pa.StructArray
    inherited: dict[str, pa.Array]
    _fields: dict[str, pa.Array] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fields", fields_of(self.rows))

    def __len__(self) -> int:
        return len(self.rows)

    def field(self, wire: str, type_: pa.DataType) -> pa.Array:
        """The values of a field; nulls of the given type if the rows have no such field."""
        return self._fields[wire] if wire in self._fields else pa.nulls(len(self), type_)

    def columns(self, fields: tuple[model.Field, ...]) -> dict[str, pa.Array]:
        return {field.column: self.field(field.wire, field.type) for field in fields}


class Rows(NamedTuple):
    """Rows of a table, and the position of each one's parent."""

    columns: Mapping[str, pa.Array]
    parent: Positions


def explode(conversations: pa.StructArray, supplements: Supplements = NO_SUPPLEMENTS) -> dict[str, pa.Table]:
    """All tables of the conversation model, by name, from conversations as `decode` returns them.

    If a conversation has no participant attributes, evaluations, surveys or resolutions itself, those of its supplement
    are taken.
    """
    level = Level(conversations, {})
    columns = level.columns(model.CONVERSATION)
    keys = {name: columns[name] for name in ("conversation_id", "conversation_start")}
    participants, in_conversation = _unnest(level, "participants", keys)
    participant_columns = _participant_columns(participants, in_conversation)
    sessions, in_participant = _unnest(
        participants,
        "sessions",
        {name: participant_columns[name] for name in ("participant_id", "purpose", "user_id")},
    )
    numbers = _session_numbers(sessions, in_conversation[in_participant])
    segments, in_session = _unnest(sessions, "segments", numbers)
    session_columns = _session_columns(sessions, segments, in_session) | {
        "participant_ordinal": participant_columns["ordinal"].take(pa.array(in_participant)),
        "ordinal": numbers["session_ordinal"],
    }
    of_session = {name: session_columns[name] for name in (*keys, "participant_id")} | numbers
    flow_keys = of_session | {"flow_id": session_columns["flow_id"]}
    side = _side_rows(level, keys, participants, in_conversation)
    if len(supplements):
        side = _supplemented(side, supplements, keys)

    rows: dict[str, Mapping[str, pa.Array]] = {
        "conversations": _conversation_columns(level, sessions, in_conversation[in_participant], session_columns),
        "participants": participant_columns,
        "sessions": session_columns,
        "segments": _segment_columns(segments, in_session, session_columns),
        "session_metrics": _metric_columns(sessions, numbers, session_columns),
        "media_endpoint_stats": _listed(sessions, "mediaEndpointStats", model.MEDIA_ENDPOINT_STAT, of_session).columns,
        "flow_outcomes": _listed(_flow(sessions), "outcomes", model.FLOW_OUTCOME, flow_keys).columns,
        **{name: found.columns for name, found in side.items()},
    }
    return {spec.name: _table(spec.schema, rows[spec.name]) for spec in CONVERSATION_TABLES}


def _side_rows(
    conversations: Level, keys: Mapping[str, pa.Array], participants: Level, in_conversation: Positions
) -> dict[str, Rows]:
    """Rows of the tables for which details jobs have more than the query; the parent of a row is its conversation."""
    attributes = _attributes(participants, in_conversation)
    return {
        "participant_attributes": attributes._replace(parent=in_conversation[attributes.parent]),
        "evaluations": _listed(conversations, "evaluations", model.EVALUATION, keys, "evaluation_id"),
        "surveys": _listed(conversations, "surveys", model.SURVEY, keys, "survey_id"),
        "resolutions": _listed(conversations, "resolutions", model.RESOLUTION, keys),
    }


def _supplemented(own: dict[str, Rows], supplements: Supplements, keys: Mapping[str, pa.Array]) -> dict[str, Rows]:
    """The own rows of conversations that have any; for the others those of their supplements."""
    level = Level(supplements.rows, {})
    keys = {name: column.take(pa.array(supplements.of)) for name, column in keys.items()}
    added = _side_rows(level, keys, *_unnest(level, "participants", keys))
    return {name: _filled(own[name], more._replace(parent=supplements.of[more.parent])) for name, more in added.items()}


def _filled(own: Rows, more: Rows) -> Rows:
    """The rows of `own`, and those of `more` whose parent has no row in `own`; in the order of parents."""
    missing = ~np.isin(more.parent, own.parent)
    parent = np.concatenate((own.parent, more.parent[missing]))
    order = np.argsort(parent, kind="stable")
    columns = {
        name: pa.concat_arrays([column, more.columns[name].filter(pa.array(missing))]).take(pa.array(order))
        for name, column in own.columns.items()
    }
    return Rows(columns, parent[order])


def _table(schema: pa.Schema, columns: Mapping[str, pa.Array]) -> pa.Table:
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _unnest(parent: Level, wire: str, handed_down: Mapping[str, pa.Array]) -> tuple[Level, Positions]:
    """The elements of a list field, with inherited columns, and each element's position in the parent."""
    lists = parent.field(wire, _NO_LIST)
    elements = pc.list_flatten(lists)
    positions = pc.list_parent_indices(lists)
    if elements.null_count:
        valid = elements.is_valid()
        elements, positions = elements.filter(valid), positions.filter(valid)
    inherited = {name: column.take(positions) for name, column in {**parent.inherited, **handed_down}.items()}
    return Level(elements, inherited), positions.to_numpy()


def _listed(
    parent: Level,
    wire: str,
    fields: tuple[model.Field, ...],
    handed_down: Mapping[str, pa.Array],
    id_column: str | None = None,
) -> Rows:
    """The rows of a list without further nesting. Their `ordinal` counts within the parent or, with `id_column`, among
    rows with the same id.
    """
    children, positions = _unnest(parent, wire, handed_down)
    columns = children.columns(fields)
    ordinal = pa.array(_numbered(positions)) if id_column is None else _among_equals(positions, columns[id_column])
    return Rows({**children.inherited, **columns, "ordinal": ordinal}, positions)


def _participant_columns(participants: Level, in_conversation: Positions) -> dict[str, pa.Array]:
    columns = {**participants.inherited, **participants.columns(model.PARTICIPANT)}
    return {**columns, "ordinal": _among_equals(in_conversation, columns["participant_id"])}


def _attributes(participants: Level, in_conversation: Positions) -> Rows:
    """The attributes; the parent of a row is its participant."""
    ids = participants.field("participantId", pa.string())
    of = {"participant_id": ids, "participant_ordinal": _among_equals(in_conversation, ids)}
    attributes, in_participant = _unnest(participants, "attributes", of)
    columns = attributes.columns(model.ATTRIBUTE)
    cut = [_may_be_cut(columns[name]) for name in ("name", "value")]
    return Rows({**attributes.inherited, **columns, "is_truncated": pc.or_(*cut)}, in_participant)


def _may_be_cut(texts: pa.Array) -> pa.Array:
    """Whether texts have the maximum length, so that the platform may have cut them. It probably counts in units of
    UTF-16, of which characters from U+10000 on have two.
    """
    units = pc.utf8_length(texts).fill_null(0)
    may_have_more = pc.and_(pc.greater_equal(units, model.ATTRIBUTE_LIMIT // 2), pc.less(units, model.ATTRIBUTE_LIMIT))
    if pc.any(may_have_more).as_py():
        units = pc.add(units, pc.count_substring_regex(texts, "[\U00010000-\U0010ffff]").fill_null(0))
    return pc.greater_equal(units, model.ATTRIBUTE_LIMIT)


def _session_numbers(sessions: Level, in_conversation: Positions) -> dict[str, pa.Array]:
    """The columns that identify a session of a participant."""
    ids = sessions.field("sessionId", pa.string())
    ordinal = _among_equals(in_conversation, sessions.inherited["participant_id"], ids)
    return {"session_id": ids, "session_ordinal": ordinal}


def _numbered(sorted_positions: Positions) -> Positions:
    """0, 1, 2 … within each run of equal values."""
    if not len(sorted_positions):
        return sorted_positions
    begins = np.flatnonzero(np.diff(sorted_positions, prepend=-1))
    lengths = np.diff(begins, append=len(sorted_positions))
    return np.arange(len(sorted_positions)) - np.repeat(begins, lengths)


def _flow(sessions: Level) -> Level:
    return Level(sessions.field("flow", _NO_FIELDS), {})


def _session_columns(sessions: Level, segments: Level, in_session: Positions) -> dict[str, pa.Array]:
    count = len(sessions)
    segment_columns = segments.columns(model.SEGMENT)
    queue_ids, started, ended = (segment_columns[name] for name in ("queue_id", "segment_start", "segment_end"))
    return {
        **sessions.inherited,
        **sessions.columns(model.SESSION),
        **_flow(sessions).columns(model.FLOW),
        "queue_id": queue_ids.take(last_valid(queue_ids, in_session, count)),
        "session_start": _extreme(started, in_session, count, np.minimum),
        "session_end": _extreme(ended, in_session, count, np.maximum, null_if_any_null=True),
    }


def last_valid(values: pa.Array, group: Positions, groups: int) -> pa.Array:
    """For each group the position of its last value that is not null; null if there is none."""
    valid = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    last = np.full(groups, -1, dtype=np.int64)
    last[group[valid]] = valid
    return pa.array(last, mask=last < 0)


def _extreme(
    instants: pa.Array, group: Positions, groups: int, ufunc: Any, *, null_if_any_null: bool = False
) -> pa.Array:
    """Each group's smallest or largest instant."""
    valid = instants.is_valid().to_numpy(zero_copy_only=False)
    numbers = instants.cast(pa.int64()).fill_null(0).to_numpy()
    limits = np.iinfo(np.int64)
    start = limits.max if ufunc is np.minimum else limits.min
    extreme = np.full(groups, start, dtype=np.int64)
    ufunc.at(extreme, group[valid], numbers[valid])
    missing = extreme == start
    if null_if_any_null:
        missing[group[~valid]] = True
    return pa.array(extreme, mask=missing).cast(instants.type)


def _conversation_columns(
    conversations: Level, sessions: Level, in_conversation: Positions, session_columns: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    columns = conversations.columns(model.CONVERSATION)
    earliest = _earliest_session(sessions, session_columns["session_start"], in_conversation, len(conversations))
    return {
        **columns,
        "is_complete": columns["conversation_end"].is_valid(),
        "duration_ms": _milliseconds_between(columns["conversation_start"], columns["conversation_end"]),
        "media_type": session_columns["media_type"].take(earliest),
        "source": pa.repeat(FETCHED, len(conversations)),
    }


def _earliest_session(
    sessions: Level, session_start: pa.Array, in_conversation: Positions, conversations: int
) -> pa.Array:
    """Position of each conversation's earliest customer or external session, else of its earliest session."""
    from_outside = pc.is_in(sessions.inherited["purpose"], pa.array(["customer", "external"]))
    inside = pc.invert(from_outside).fill_null(True).to_numpy(zero_copy_only=False)
    never = np.iinfo(np.int64).max
    start = session_start.cast(pa.int64()).fill_null(never).to_numpy()
    best_last = np.lexsort((-np.arange(len(start)), -start, ~inside, in_conversation))
    earliest = np.full(conversations, -1, dtype=np.int64)
    earliest[in_conversation[best_last]] = best_last
    return pa.array(earliest, mask=earliest < 0)


def _segment_columns(
    segments: Level, in_session: Positions, session_columns: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    columns = {**segments.inherited, **segments.columns(model.SEGMENT)}
    session = pa.array(in_session)
    return {
        **columns,
        "media_type": session_columns["media_type"].take(session),
        "session_queue_id": session_columns["queue_id"].take(session),
        "duration_ms": _milliseconds_between(columns["segment_start"], columns["segment_end"]),
        "ordinal": pa.array(_numbered(in_session)),
    }


def _metric_columns(
    sessions: Level, numbers: Mapping[str, pa.Array], session_columns: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    context = {**numbers, **{name: session_columns[name] for name in ("media_type", "queue_id")}}
    metrics, in_session = _unnest(sessions, "metrics", context)
    columns = metrics.columns(model.METRIC)
    ordinal = _occurrence(in_session, columns["metric"], columns["emit_date"])
    return {**metrics.inherited, **columns, "ordinal": ordinal}


def _among_equals(group: Positions, *ids: pa.Array) -> pa.Array:
    """`_occurrence`, fast if all values of the last column differ, as ids mostly do."""
    if not ids[-1].null_count and pc.count_distinct(ids[-1]).as_py() == len(group):
        return pa.array(np.zeros(len(group), dtype=np.int64))
    return _occurrence(group, *ids)


def _occurrence(group: Positions, *columns: pa.Array) -> pa.Array:
    """The number of a row among the rows of its group with equal values: 0 for the first, 1 for the next … Nulls are
    equal.
    """
    if not len(group):
        return pa.array([], pa.int64())
    keys = [group, *map(_codes, columns)]
    order = np.lexsort(keys[::-1])
    same = np.ones(len(order), dtype=bool)
    for key in keys:
        ordered = key[order]
        same[1:] &= ordered[1:] == ordered[:-1]
    same[0] = False
    occurrence = np.empty(len(order), dtype=np.int64)
    occurrence[order] = _numbered(np.cumsum(~same))
    return pa.array(occurrence)


def _codes(values: pa.Array) -> Positions:
    """Equal numbers for equal values; null is a value."""
    if pa.types.is_timestamp(values.type):
        return np.asarray(values.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy())
    return np.asarray(values.dictionary_encode(null_encoding="encode").indices.to_numpy())


def _milliseconds_between(start: pa.Array, end: pa.Array) -> pa.Array:
    return pc.subtract(end.cast(pa.int64()), start.cast(pa.int64()))

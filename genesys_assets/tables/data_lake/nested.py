"""Flat rows of the data lake extraction to conversations in the platform's own nesting, as on details pages.

The files do not give an order. So participants of a conversation and sessions of a participant are ordered by their
first segment, segments by their start, and metrics by their emission. Sessions of one participant with the same id are
one session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.conversations import model
from genesys_assets.tables.conversations.explode import last_valid
from genesys_assets.tables.data_lake.newest import codes
from genesys_assets.tables.data_lake.schemas import UPDATED

Numbers = npt.NDArray[np.int64]

_LAST = int(np.iinfo(np.int64).max)
_OF_PARTICIPANT = ("conversationId", "participantId")
_OF_SESSION = (*_OF_PARTICIPANT, "sessionId")


@dataclass(frozen=True, slots=True)
class Flat:
    """The newest rows of the same conversations. Columns have the names of the conversation model."""

    conversations: pa.Table
    segments: pa.Table
    metrics: pa.Table
    attributes: pa.Table


def nested(flat: Flat) -> pa.StructArray:
    """The conversations in the order of (conversationStart, conversationId), of `CONVERSATION_TYPE` without the fields
    that no file has.

    Rows of conversations that are not in `flat.conversations` are left out.
    """
    order = [("conversationStart", "ascending"), ("conversationId", "ascending")]
    conversations = flat.conversations.sort_by(order)
    ids = conversations["conversationId"].combine_chunks()
    segments = _of(flat.segments, ids)
    metrics = _with_participants(_of(flat.metrics, ids), segments)
    attributes = _of(flat.attributes, ids)
    # The last known value counts, so segments come last, after metrics, and later rows after earlier ones.
    facts = _stacked([attributes, _by_time(metrics), _by_time(segments)])
    if not len(facts):
        return _struct(conversations, model.CONVERSATION)

    sizes = np.cumsum([0, len(attributes), len(metrics), len(segments)])
    begun = np.full(len(facts), _LAST)
    begun[sizes[2] :] = _milliseconds(_by_time(segments), "segmentStart")
    conversation_of = np.asarray(pc.index_in(facts["conversationId"], ids).to_numpy(), dtype=np.int64)
    people = _Groups.of(codes([facts[name] for name in _OF_PARTICIPANT]), conversation_of, begun)
    in_session = np.arange(sizes[1], len(facts))
    of_session = facts.slice(sizes[1])
    sessions = _Groups.of(
        codes([of_session[name] for name in _OF_SESSION]) if len(of_session) else np.zeros(0, np.int64),
        people.rank_of_rows[in_session],
        begun[in_session],
    )
    metric_rank = sessions.rank_of_rows[: len(metrics)]
    segment_rank = sessions.rank_of_rows[len(metrics) :]
    session_structs = _sessions(of_session, sessions, _by_time(metrics), metric_rank, _by_time(segments), segment_rank)
    participants = _participants(facts, people, attributes, sessions, session_structs)
    lists = _lists(participants, people.parents, len(conversations))
    return _struct(conversations, model.CONVERSATION, participants=lists)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups of rows, ordered by parent, then by when they began, then by first occurrence.

    `rank_of_rows` is the position of each row's group; `parents` the parent of each group, in order.
    """

    rank_of_rows: Numbers
    parents: Numbers

    @classmethod
    def of(cls, code: Numbers, parent: Numbers, begun: Numbers) -> _Groups:
        count = int(code.max()) + 1 if len(code) else 0
        starts, parents = np.full(count, _LAST), np.zeros(count, dtype=np.int64)
        np.minimum.at(starts, code, begun)
        parents[code] = parent
        order = np.lexsort((np.arange(count), starts, parents))
        rank = np.empty(count, dtype=np.int64)
        rank[order] = np.arange(count)
        return cls(rank[code] if count else code, parents[order])

    def __len__(self) -> int:
        return len(self.parents)


def _sessions(
    facts: pa.Table,
    groups: _Groups,
    metrics: pa.Table,
    metric_rank: Numbers,
    segments: pa.Table,
    segment_rank: Numbers,
) -> pa.StructArray:
    facts_of_sessions = _last_known(facts, groups)
    emitted = np.lexsort((_milliseconds(metrics, "emitDate"), metric_rank))
    began = np.lexsort((_milliseconds(segments, "segmentEnd"), _milliseconds(segments, "segmentStart"), segment_rank))
    more: dict[str, pa.Array] = {
        "metrics": _lists(_struct(_take(metrics, emitted), model.METRIC), metric_rank[emitted], len(groups)),
        "segments": _lists(_struct(_take(segments, began), model.SEGMENT), segment_rank[began], len(groups)),
    }
    flow = [each for each in model.FLOW if each.wire in facts_of_sessions.column_names]
    if flow:
        has_flow = facts_of_sessions[flow[0].wire].is_valid()
        for each in flow[1:]:
            has_flow = pc.or_(has_flow, facts_of_sessions[each.wire].is_valid())
        columns = [facts_of_sessions[each.wire].combine_chunks() for each in flow]
        mask = pc.invert(has_flow).combine_chunks()
        more["flow"] = pa.StructArray.from_arrays(columns, names=[each.wire for each in flow], mask=mask)
    return _struct(facts_of_sessions, model.SESSION, **more)


def _participants(
    facts: pa.Table, people: _Groups, attributes: pa.Table, sessions: _Groups, structs: pa.StructArray
) -> pa.StructArray:
    rank = people.rank_of_rows[: len(attributes)]
    by_name = np.lexsort((np.arange(len(attributes)), rank))
    pairs = _lists(_struct(_take(attributes, by_name), model.ATTRIBUTE), rank[by_name], len(people))
    session_lists = _lists(structs, sessions.parents, len(people))
    return _struct(_last_known(facts, people), model.PARTICIPANT, attributes=pairs, sessions=session_lists)


def _of(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of the conversations with these ids."""
    return rows.filter(pc.is_in(rows["conversationId"], value_set=ids)) if len(rows) else rows


def _by_time(rows: pa.Table) -> pa.Table:
    """The rows in the order of their emission."""
    if UPDATED not in rows.column_names or not len(rows):
        return rows
    return rows.take(pa.array(np.argsort(_milliseconds(rows, UPDATED), kind="stable")))


def _with_participants(metrics: pa.Table, segments: pa.Table) -> pa.Table:
    """The metrics; those without a participant get that of their session."""
    if not len(metrics) or not len(segments):
        return metrics
    session = ("conversationId", "sessionId")
    both = codes([pa.chunked_array([*metrics[name].chunks, *segments[name].chunks]) for name in session])
    at = pc.index_in(pa.array(both[: len(metrics)]), pa.array(both[len(metrics) :]))
    of_sessions = segments["participantId"].combine_chunks().take(at)
    if "participantId" not in metrics.column_names:
        return metrics.append_column("participantId", of_sessions)
    index = metrics.schema.get_field_index("participantId")
    return metrics.set_column(index, "participantId", pc.coalesce(metrics["participantId"], of_sessions))


def _stacked(parts: Iterable[pa.Table]) -> pa.Table:
    """The columns of participants and sessions of all parts, one part after the other."""
    fields = (*model.PARTICIPANT, *model.SESSION, *model.FLOW)
    wanted = {"conversationId": pa.string(), **{each.wire: each.type for each in fields}}
    tables = []
    for rows in parts:
        if len(rows):
            tables.append(rows.select([name for name in rows.column_names if name in wanted]))
    stacked = pa.concat_tables(tables, promote_options="default") if tables else pa.table({})
    for name in _OF_SESSION:
        if name not in stacked.column_names:
            stacked = stacked.append_column(name, pa.nulls(len(stacked), pa.string()))
    return stacked


def _last_known(facts: pa.Table, groups: _Groups) -> pa.Table:
    """One row for each group, with the last value of each column that is not null."""
    whole = {name: facts[name].combine_chunks() for name in facts.column_names}
    columns = {
        name: values.take(last_valid(values, groups.rank_of_rows, len(groups))) for name, values in whole.items()
    }
    return pa.table(columns)


def _milliseconds(rows: pa.Table, name: str) -> Numbers:
    """Instants as milliseconds; nulls are the largest number, so that they sort last."""
    if name not in rows.column_names:
        return np.full(len(rows), _LAST)
    return np.asarray(rows[name].cast(pa.int64()).fill_null(_LAST).to_numpy(), dtype=np.int64)


def _take(rows: pa.Table, order: Numbers) -> pa.Table:
    return rows.take(pa.array(order, pa.int64())) if len(rows) else rows


def _struct(rows: pa.Table, fields: Sequence[model.Field], **more: pa.Array) -> pa.StructArray:
    """Structs of the fields that the rows have, in the model's order, and of those in `more`."""
    columns: Mapping[str, pa.Array] = {
        each.wire: rows[each.wire].combine_chunks() for each in fields if each.wire in rows.column_names
    } | more
    if not columns:
        columns = {fields[0].wire: pa.nulls(len(rows), fields[0].type)}
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _lists(elements: pa.StructArray, parents: Numbers, count: int) -> pa.ListArray:
    """One list for each of `count` parents. The elements must be in the order of their parents."""
    offsets = np.searchsorted(parents, np.arange(count + 1))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), elements)

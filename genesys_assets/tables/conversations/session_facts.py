"""Facts of sessions as arrays with one value for each session, for code that combines sessions.

The tables of sessions, segments and session metrics are converted to arrays of numbers, in the order of the sessions
table. `legs` combines them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = int(np.iinfo(np.int64).max)
_PARTICIPANT = ("conversation_id", "participant_id", "participant_ordinal")
_SESSION = ("conversation_id", "participant_id", "session_id", "ordinal")
_OF_SESSION = (*_SESSION[:-1], "session_ordinal")
_LEFT_OUT = "\0"
"""Stands for an id that the platform left out. No id has this value."""
_TRANSFERS = ("transfer", "consultTransfer", "conferenceTransfer")
"""Values of disconnectType with which a session ends by a transfer. Source: the SDK's AnalyticsConversationSegment."""
_AGENTS = ("agent", "user")
"""The purposes of participants who are agents."""
_SUPERVISION = (
    "monitored_participant_id",
    "coached_participant_id",
    "barged_participant_id",
    "screen_monitored_user_id",
)
"""Fields that only sessions of somebody who supervises another participant have."""


def read(tables: Mapping[str, pa.Table]) -> tuple[Sessions, Emissions]:
    """The facts of all sessions, from the tables of `explode`."""
    keys = _keys(tables["sessions"].select(_SESSION))
    emitted = _read_emissions(tables["session_metrics"], keys)
    return _read_sessions(tables["sessions"], tables["segments"], keys, emitted), emitted


@dataclass(frozen=True, slots=True)
class Emissions:
    """The metrics that sessions emitted, as arrays with one value for each emission. `session` is the position of the
    session, `metric` that of the metric in `names`, `at` the instant in milliseconds. An emission without a value is
    not among them: missing is null, not 0.
    """

    session: Numbers
    metric: Numbers
    value: Numbers
    at: Numbers
    names: list[str]

    def _rows(self, *metrics: str) -> Numbers:
        wanted = [self.names.index(metric) for metric in metrics if metric in self.names]
        return np.flatnonzero(np.isin(self.metric, wanted))

    def any(self, metric: str, group_of_session: Numbers, groups: int) -> Flags:
        """For each group whether one of its sessions emitted the metric. Sessions with group -1 are ignored."""
        return self._any(self._rows(metric), group_of_session, groups)

    def _any(self, rows: Numbers, group_of_session: Numbers, groups: int) -> Flags:
        group = group_of_session[self.session[rows]]
        return np.bincount(group[group >= 0], minlength=groups) > 0

    def first(self, metric: str, sessions: int) -> Numbers:
        """When each session first emitted the metric; `NEVER` if it did not."""
        rows = self._rows(metric)
        return extreme(np.minimum, NEVER, self.at[rows], self.session[rows], sessions)

    def total(self, metrics: Sequence[str], group_of_session: Numbers, groups: int) -> pa.Array:
        """For each group the sum of these metrics over its sessions; null if none emitted one with a value."""
        rows = self._rows(*metrics)
        group = group_of_session[self.session[rows]]
        totals = np.zeros(groups, dtype=np.int64)
        np.add.at(totals, group[group >= 0], self.value[rows][group >= 0])
        return pa.array(totals, mask=~self._any(rows, group_of_session, groups))


@dataclass(frozen=True, slots=True)
class Sessions:
    """One value for each session, in the order of the table. Instants are milliseconds, `NEVER` if there is none.
    `offered` is when it entered a queue, `left` the end of all segments but after-call work, `connected` when it was
    answered, `wrap_up` the position of its last code in `wrap_up_codes`. `is_agent`: an agent handles the conversation,
    and does not only supervise it.
    """

    rows: pa.Table
    conversation: Numbers
    participant: Numbers
    queue: Numbers
    is_acd: Flags
    is_agent: Flags
    begin: Numbers
    offered: Numbers
    alerted: Numbers
    connected: Numbers
    left: Numbers
    end: Numbers
    transferred: Flags
    wrap_up: Numbers
    wrap_up_codes: pa.Array

    def __len__(self) -> int:
        return len(self.begin)


def _read_emissions(metrics: pa.Table, keys: pa.Array) -> Emissions:
    owner = _owners(metrics, keys)
    measured = (owner >= 0) & _flags(metrics["value"].is_valid())
    names = metrics["metric"].combine_chunks().dictionary_encode()
    return Emissions(
        session=owner[measured],
        metric=_whole(names.indices.fill_null(-1))[measured],
        value=_whole(metrics["value"].fill_null(0))[measured],
        at=_numbers(metrics["emit_date"])[measured],
        names=names.dictionary.to_pylist(),
    )


def _read_sessions(rows: pa.Table, segments: pa.Table, keys: pa.Array, emitted: Emissions) -> Sessions:
    count = len(rows)
    owner = _owners(segments, keys)
    start, stop = _numbers(segments["segment_start"]), _numbers(segments["segment_end"])

    def first(segment_type: str) -> Numbers:
        chosen = _flags(pc.equal(segments["segment_type"], segment_type))
        return extreme(np.minimum, NEVER, start[chosen], owner[chosen], count)

    begin = _numbers(pc.coalesce(rows["session_start"], rows["conversation_start"]))
    end = _numbers(rows["session_end"])
    not_wrapup = ~_flags(pc.equal(segments["segment_type"], "wrapup"))
    left = extreme(np.maximum, -1, stop[not_wrapup], owner[not_wrapup], count)
    coded = np.flatnonzero(_flags(segments["wrap_up_code"].is_valid()))
    moved = _flags(pc.is_in(segments["disconnect_type"], pa.array(_TRANSFERS)))
    supervising = np.any([_flags(rows[name].is_valid()) for name in _SUPERVISION], axis=0)
    return Sessions(
        rows=rows,
        conversation=_codes(rows["conversation_id"]),
        participant=np.cumsum(_changes(rows.select(_PARTICIPANT))),
        queue=_codes(rows["queue_id"]),
        is_acd=_flags(pc.equal(rows["purpose"], "acd")),
        is_agent=_flags(pc.is_in(rows["purpose"], pa.array(_AGENTS))) & ~supervising,
        begin=begin,
        offered=_either(emitted.first("nOffered", count), begin),
        alerted=first("alert"),
        connected=_either(first("interact"), emitted.first("tAnswered", count)),
        left=np.where(left < 0, end, left),
        end=end,
        transferred=np.isin(np.arange(count), owner[moved]),
        wrap_up=extreme(np.maximum, -1, coded, owner[coded], count),
        wrap_up_codes=segments["wrap_up_code"],
    )


def _either(instants: Numbers, otherwise: Numbers) -> Numbers:
    return np.where(instants == NEVER, otherwise, instants)


def extreme(ufunc: Any, default: int, values: Numbers, group: Numbers, groups: int) -> Numbers:
    """Each group's smallest or largest value; group -1 is ignored."""
    reached = np.full(groups, default, dtype=np.int64)
    ufunc.at(reached, group[group >= 0], values[group >= 0])
    return reached


def _keys(rows: pa.Table) -> pa.Array:
    """The values of each row as one text."""
    parts = [column.combine_chunks().cast(pa.string()) for column in rows.columns]
    return pc.binary_join_element_wise(*parts, "|", null_handling="replace", null_replacement=_LEFT_OUT)


def _owners(rows: pa.Table, keys: pa.Array) -> Numbers:
    """The position of each row's session among the keys; rows of a session are contiguous."""
    of_session = rows.select(_OF_SESSION)
    begins = _changes(of_session)
    owners = _whole(pc.index_in(_keys(of_session.filter(pa.array(begins))), keys).fill_null(-1))
    return owners.take(np.cumsum(begins) - 1)


def _changes(rows: pa.Table) -> Flags:
    """Whether a row differs from the one before it; the first one does."""
    changed = np.ones(len(rows), dtype=bool)
    if len(rows):
        values = [_without_nulls(column.combine_chunks()) for column in rows.columns]
        changed[1:] = np.any([_flags(pc.not_equal(value[1:], value[:-1])) for value in values], axis=0)
    return changed


def _without_nulls(values: pa.Array) -> pa.Array:
    return values.fill_null(_LEFT_OUT) if values.null_count else values


def _codes(values: pa.ChunkedArray) -> Numbers:
    """Equal numbers for equal values, in order of appearance; -1 for null."""
    return _whole(values.combine_chunks().dictionary_encode().indices.fill_null(-1))


def _flags(values: pa.Array) -> Flags:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _numbers(instants: pa.ChunkedArray) -> Numbers:
    return _whole(instants.cast(pa.int64()).fill_null(NEVER))


def _whole(values: pa.Array) -> Numbers:
    return np.asarray(values.to_numpy(), dtype=np.int64)

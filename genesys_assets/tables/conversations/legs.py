"""Interaction legs: one row for each time that a conversation was offered to somebody.

This module combines sessions to legs and finds the outcome of each leg. `docs/legs.md` explains it with an example. The
input are the tables that `explode` makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.analytics.catalogue import WAYS_OUT
from genesys_assets.tables.conversations import session_facts
from genesys_assets.tables.conversations.session_facts import NEVER, Emissions, Flags, Numbers, Sessions, extreme
from genesys_assets.tables.spec import INSTANT, TableSpec, columns

_METRICS = {
    "n_offered": ("nOffered",),
    "n_over_sla": ("nOverSla",),
    "n_consult": ("nConsult",),
    "n_transferred": ("nTransferred",),
    "n_blind_transferred": ("nBlindTransferred",),
    "n_consult_transferred": ("nConsultTransferred",),
    "t_acd_ms": ("tAcd",),
    "t_wait_ms": WAYS_OUT,
    "t_abandon_ms": ("tAbandon",),
    "t_short_abandon_ms": ("tShortAbandon",),
    "t_flow_out_ms": ("tFlowOut",),
    "t_alert_ms": ("tAlert",),
    "t_not_responding_ms": ("tNotResponding",),
    "t_answered_ms": ("tAnswered",),
    "t_contacting_ms": ("tContacting",),
    "t_dialing_ms": ("tDialing",),
    "t_talk_ms": ("tTalkComplete",),
    "t_held_ms": ("tHeldComplete",),
    "t_acw_ms": ("tAcw",),
    "t_handle_ms": ("tHandle",),
}
"""Column -> the metrics that it sums over the leg's sessions."""

OUTCOMES = ("answered", "not_responding", "abandoned", "flow_out", "consult", "transfer", "ended")
_ANSWERED, _NOT_RESPONDING, _ABANDONED, _FLOW_OUT, _CONSULT, _TRANSFER, _ENDED = range(len(OUTCOMES))
_UNDECIDED = -1

INTERACTION_LEGS = TableSpec(
    "interaction_legs",
    "One row per leg of a conversation: a queue's offer to an agent, a wait in a queue that no agent ended, or a call "
    "to or from an agent without a queue's offer. Each acd and agent session's metrics count in exactly one leg.",
    ("conversation_id", "leg_no"),
    columns("""
conversation_id string the conversation
conversation_start instant when the conversation began; its UTC date is the partition
leg_no integer 1, 2, 3 … by offered_at; of equal ones by start of the agent's session, a wait without an agent last
media_type string media type of the agent's leading session, else of the queue's session
direction string inbound or outbound, of the same session
queue_id string the queue; null where none was involved
user_id string the agent; null if no agent took part
acd_participant_id string the queue as a participant; null where the leg came without a queue
acd_session_id string the wait in the queue; several legs share it where several agents were rung
agent_participant_id string the agent as a participant
agent_session_id string the agent's leading session
side_session_ids strings further agent sessions in the leg, such as the call of a callback; null where there are none
offered_at instant when it entered the queue; without a queue, when the agent's session began
alerted_at instant when it began to ring at the agent
answered_at instant when the agent was connected; null where that did not happen
disconnected_at instant when the agent left it, or the customer the queue; null while that is still to come
ended_at instant when after-call work ended too; null while a segment is open
outcome string answered, not_responding, abandoned, flow_out, consult, transfer or ended; null while undecided
wrap_up_code string the agent's last wrap-up code
n_offered integer nOffered
n_over_sla integer nOverSla
n_consult integer nConsult
n_transferred integer nTransferred
n_blind_transferred integer nBlindTransferred
n_consult_transferred integer nConsultTransferred
t_acd_ms integer tAcd of the wait; in the one leg that ended it
t_wait_ms integer the wait that the leg ended: its tAnswered, tAbandon or tFlowOut; sessions carry no tWait
t_abandon_ms integer tAbandon
t_short_abandon_ms integer tShortAbandon
t_flow_out_ms integer tFlowOut
t_alert_ms integer tAlert
t_not_responding_ms integer tNotResponding
t_answered_ms integer tAnswered: wait of an answered interaction; its count is the platform's number of answers
t_contacting_ms integer tContacting
t_dialing_ms integer tDialing
t_talk_ms integer tTalkComplete
t_held_ms integer tHeldComplete
t_acw_ms integer tAcw
t_handle_ms integer tHandle
"""),
    partition_column="conversation_start",
)

# The platform's clocks differ by some milliseconds between the sessions of a conversation (observed). A second is our
# own margin.
_SLACK_MS = 1_000


def interaction_legs(tables: Mapping[str, pa.Table]) -> pa.Table:
    """The legs of whole conversations, from the tables of `explode`; rows of a conversation must be contiguous.

    Conversations come out in the order they come in. What a leg and its outcome are is defined in `docs/legs.md`.
    """
    sessions, emitted = session_facts.read(tables)
    lead, leg_of_agent = _agent_legs(sessions)
    acd = _offering_acd(sessions, emitted, lead, leg_of_agent)
    fate = _fate_in_queue(sessions, emitted)
    outcome = _outcomes(sessions, emitted, _Legs(acd, lead, leg_of_agent), fate)

    ended_by = _ending_leg(sessions, acd, lead, outcome, fate)
    # If the platform counts a wait as abandoned, it is abandoned, even if an agent answered by other metrics.
    ended_by[(fate == _ABANDONED) & (_at(outcome, ended_by, _ABANDONED) != _ABANDONED)] = -1
    alone = np.flatnonzero(sessions.is_acd & (ended_by < 0))
    ended_by[alone] = len(lead) + np.arange(len(alone))
    legs = _Legs(
        acd=np.concatenate((acd, alone)),
        lead=np.concatenate((lead, np.full(len(alone), -1))),
        of_session=np.where(sessions.is_acd, ended_by, leg_of_agent),
    )
    return _table(sessions, emitted, legs, _as_counted(emitted, legs, np.concatenate((outcome, fate[alone]))))


@dataclass(frozen=True, slots=True)
class _Legs:
    """Each leg's acd session and leading agent session, and each session's leg; -1 if there is none."""

    acd: Numbers
    lead: Numbers
    of_session: Numbers


def _agent_legs(sessions: Sessions) -> tuple[Numbers, Numbers]:
    """The leading session of each leg with an agent, and the leg of each agent session.

    A session that did not ring and began while its participant was still busy belongs to the leg of another session:
    the voice call of a callback, the call in which a colleague is consulted, a shared screen.
    """
    agents = np.flatnonzero(sessions.is_agent)
    order = agents[np.lexsort((sessions.begin[agents], sessions.participant[agents]))]
    participant = sessions.participant[order]
    same_participant = np.diff(participant, prepend=-1) == 0
    busy_until = np.roll(_running_maximum(sessions.end[order], participant), 1)
    rang = sessions.alerted[order] != NEVER
    at_side = same_participant & (sessions.begin[order] < busy_until) & ~rang
    leg_of_session = np.full(len(sessions), -1)
    leg_of_session[order] = np.cumsum(~at_side) - 1
    return order[~at_side], leg_of_session


def _offering_acd(sessions: Sessions, emitted: Emissions, lead: Numbers, leg_of_session: Numbers) -> Numbers:
    """The acd session from which each leg was offered: of the same queue, begun before the leg and not over when it
    began.

    If the agent's session names no queue but has metrics of a routed one, an acd session of any queue is taken.
    """
    acds = np.flatnonzero(sessions.is_acd)
    begin = sessions.begin[lead]

    def waiting(group: Numbers) -> Numbers:
        latest = _latest_before(group[lead], begin, group[acds], sessions.begin[acds] - _SLACK_MS)
        acd = _at(acds, latest, -1)
        return np.where(begin - _SLACK_MS <= _at(sessions.end, acd, -_SLACK_MS), acd, -1)

    in_queue = waiting(sessions.conversation * (len(sessions) + 1) + sessions.queue + 1)
    answered = emitted.any("tAnswered", leg_of_session, len(lead))
    silent = emitted.any("tNotResponding", leg_of_session, len(lead))
    unnamed = (answered | silent) & (in_queue < 0) & (sessions.queue[lead] < 0)
    return np.where(unnamed, waiting(sessions.conversation), in_queue)


def _fate_in_queue(sessions: Sessions, emitted: Emissions) -> Numbers:
    """How each acd session ends if no agent answers."""
    each, count = np.arange(len(sessions)), len(sessions)
    return np.select(
        [
            emitted.any("tAbandon", each, count),
            emitted.any("tFlowOut", each, count),
            sessions.end == NEVER,
            sessions.transferred,
        ],
        [_ABANDONED, _FLOW_OUT, _UNDECIDED, _FLOW_OUT],
        _ENDED,
    )


def _outcomes(sessions: Sessions, emitted: Emissions, legs: _Legs, fate: Numbers) -> Numbers:
    """The outcome of each leg with an agent."""
    count = len(legs.lead)
    left = extreme(np.maximum, -1, sessions.left, legs.of_session, count)
    answered = extreme(np.minimum, NEVER, sessions.connected, legs.of_session, count) != NEVER
    silent = emitted.any("tNotResponding", legs.of_session, count)
    rang = silent | (extreme(np.minimum, NEVER, sessions.alerted, legs.of_session, count) != NEVER)
    transferred = emitted.any("nTransferred", legs.of_session, count) | np.isin(
        np.arange(count), legs.of_session[sessions.transferred]
    )
    consulted = (legs.acd < 0) & _consulted(sessions, emitted, legs, left)
    given_up = ~silent & _given_up(sessions, legs, fate, answered, left)
    return np.select(
        [
            answered & consulted,
            answered & transferred,
            answered,
            rang & given_up,
            rang & (silent | (left != NEVER)),
        ],
        [_CONSULT, _TRANSFER, _ANSWERED, _at(fate, legs.acd, _UNDECIDED), _NOT_RESPONDING],
        _UNDECIDED,
    )


def _consulted(sessions: Sessions, emitted: Emissions, legs: _Legs, left: Numbers) -> Flags:
    """Whether the leg began while an agent who consulted somebody was in the conversation."""
    conversation, begin = sessions.conversation[legs.lead], sessions.begin[legs.lead]
    consulting = np.flatnonzero(emitted.any("nConsult", legs.of_session, len(legs.lead)))
    # One millisecond is added, so that no agent counts as consulted by themselves.
    consulted_by = _latest_before(conversation, begin, conversation[consulting], begin[consulting] + 1)
    return begin <= _at(left[consulting], consulted_by, -1)


def _given_up(sessions: Sessions, legs: _Legs, fate: Numbers, answered: Flags, left: Numbers) -> Flags:
    """Whether the ringing stopped because the wait in the queue ended without any answer."""
    helped = np.zeros(len(sessions), dtype=bool)
    helped[legs.acd[answered & (legs.acd >= 0)]] = True
    lost = (fate != _UNDECIDED) & ~helped
    waited_until = _at(np.where(lost, sessions.end, NEVER), legs.acd, NEVER)
    together: Flags = (waited_until != NEVER) & (np.abs(left - waited_until) <= _SLACK_MS)
    return together


def _as_counted(emitted: Emissions, legs: _Legs, outcome: Numbers) -> Numbers:
    """The outcomes, corrected so that exactly the legs with a tAbandon are abandoned: the platform counts no others."""
    counted = emitted.any("tAbandon", legs.of_session, len(legs.lead))
    return np.where(counted, _ABANDONED, np.where(outcome == _ABANDONED, _ENDED, outcome))


def _ending_leg(sessions: Sessions, acd: Numbers, lead: Numbers, outcome: Numbers, fate: Numbers) -> Numbers:
    """For each acd session the agent's leg that ended its wait, or that rings now; -1 if there is none."""
    waits_still = _at(fate, acd, _UNDECIDED) == _UNDECIDED
    ends = (acd >= 0) & (outcome != _NOT_RESPONDING) & ((outcome != _UNDECIDED) | waits_still)
    candidates = np.flatnonzero(ends)
    unanswered = ~np.isin(outcome[candidates], (_ANSWERED, _TRANSFER))
    best_last = candidates[np.lexsort((sessions.begin[lead[candidates]], unanswered))][::-1]
    ending = np.full(len(sessions), -1)
    ending[acd[best_last]] = best_last
    return ending


def _table(sessions: Sessions, emitted: Emissions, legs: _Legs, outcome: Numbers) -> pa.Table:
    legs, outcome, offered = _in_order(sessions, legs, outcome)
    count = len(legs.lead)
    stated_by = np.where(legs.lead >= 0, legs.lead, legs.acd)
    conversation = sessions.conversation[stated_by]
    of_agent = np.where(sessions.is_agent, legs.of_session, -1)
    of_last = np.where(_at(legs.lead, legs.of_session, 0) < 0, legs.of_session, of_agent)
    wrap_up = extreme(np.maximum, -1, sessions.wrap_up, of_agent, count)
    rows = sessions.rows
    table_columns: dict[str, pa.Array] = {
        **{name: rows[name].take(stated_by) for name in ("conversation_id", "conversation_start")},
        "leg_no": pa.array(np.arange(count) - np.searchsorted(conversation, conversation) + 1),
        **{name: rows[name].take(stated_by) for name in ("media_type", "direction")},
        "queue_id": pc.coalesce(_take(rows["queue_id"], legs.acd), _take(rows["queue_id"], legs.lead)),
        "user_id": _take(rows["user_id"], legs.lead),
        "acd_participant_id": _take(rows["participant_id"], legs.acd),
        "acd_session_id": _take(rows["session_id"], legs.acd),
        "agent_participant_id": _take(rows["participant_id"], legs.lead),
        "agent_session_id": _take(rows["session_id"], legs.lead),
        "side_session_ids": _side_session_ids(sessions, legs, of_agent),
        "offered_at": _instants(offered),
        "alerted_at": _instants(extreme(np.minimum, NEVER, sessions.alerted, of_agent, count)),
        "answered_at": _instants(extreme(np.minimum, NEVER, sessions.connected, of_agent, count)),
        "disconnected_at": _instants(extreme(np.maximum, -1, sessions.left, of_last, count)),
        "ended_at": _instants(extreme(np.maximum, -1, sessions.end, of_last, count)),
        "outcome": _take(pa.array(OUTCOMES), outcome),
        "wrap_up_code": _take(sessions.wrap_up_codes, wrap_up),
        **{column: emitted.total(metrics, legs.of_session, count) for column, metrics in _METRICS.items()},
    }
    return INTERACTION_LEGS.conform(pa.table(table_columns)).combine_chunks()


def _in_order(sessions: Sessions, legs: _Legs, outcome: Numbers) -> tuple[_Legs, Numbers, Numbers]:
    """The legs and their outcomes in the order of `leg_no`, and when each leg was offered."""
    stated_by = np.where(legs.lead >= 0, legs.lead, legs.acd)
    begin = sessions.begin[stated_by]
    offered = np.where(legs.acd >= 0, _at(sessions.offered, legs.acd, 0), begin)
    order = np.lexsort((begin, legs.lead < 0, offered, sessions.conversation[stated_by]))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    ordered = _Legs(legs.acd[order], legs.lead[order], _at(place, legs.of_session, -1))
    return ordered, outcome[order], offered[order]


def _side_session_ids(sessions: Sessions, legs: _Legs, of_agent: Numbers) -> pa.Array:
    leads = np.zeros(len(sessions), dtype=bool)
    leads[legs.lead[legs.lead >= 0]] = True
    side = np.flatnonzero((of_agent >= 0) & ~leads)
    side = side[np.lexsort((sessions.begin[side], of_agent[side]))]
    how_many = np.bincount(of_agent[side], minlength=len(legs.lead))
    offsets = np.concatenate(([0], np.cumsum(how_many))).astype(np.int32)
    ids = sessions.rows["session_id"].combine_chunks().take(side)
    return pa.ListArray.from_arrays(offsets, ids, mask=pa.array(how_many == 0))


def _instants(numbers: Numbers) -> pa.Array:
    return pa.array(numbers, mask=(numbers < 0) | (numbers == NEVER)).cast(INSTANT)


def _take(values: pa.Array, positions: Numbers) -> pa.Array:
    return values.take(pa.array(positions, mask=positions < 0))


def _at(values: Numbers, positions: Numbers, missing: int) -> Numbers:
    """The values at the positions; `missing` at position -1."""
    return np.append(values, missing)[positions]


def _running_maximum(values: Numbers, groups: Numbers) -> Numbers:
    """The largest value so far inside each run of groups, which must ascend."""
    ordered = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.int64)
    rank[ordered] = np.arange(len(values))
    best = np.maximum.accumulate(groups * len(values) + rank)
    return values[ordered][best - groups * len(values)]


def _latest_before(groups: Numbers, times: Numbers, candidate_groups: Numbers, candidate_times: Numbers) -> Numbers:
    """For each time the position of its group's latest candidate at or before it; -1 if there is none."""
    group = np.concatenate((candidate_groups, groups))
    time = np.concatenate((candidate_times, times))
    asks = np.arange(len(group)) >= len(candidate_groups)
    order = np.lexsort((asks, time, group))
    latest = np.maximum.accumulate(np.where(asks[order], -1, np.arange(len(order))))
    row = _at(order, latest, -1)
    same = (latest >= 0) & (group[row] == group[order])
    answers = np.full(len(group), -1)
    answers[order] = np.where(same, row, -1)
    return answers[asks]

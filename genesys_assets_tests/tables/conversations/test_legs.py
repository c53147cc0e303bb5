"""The legs of one conversation."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets.tables.conversations.model import CONVERSATION_TYPE
from genesys_assets_tests.tables.builders import NOON, conversation, metric, participant, segment, session
from genesys_assets_tests.tables.conversations.exploded import exploded

Legs = list[dict[str, Any]]


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def queue(
    name: str, entered: float, left: float | None, *metrics: dict[str, Any], queue_id: str | None = "Q1", **last: Any
) -> dict[str, Any]:
    known = {"queueId": queue_id} if queue_id else {}
    waits = segment("interact", entered, left, **known, **last)
    offered = metric("nOffered", 1, entered)
    return participant(name, "acd", session(f"{name}-wait", segments=[waits], metrics=[offered, *metrics]))


def agent(
    name: str, *steps: tuple[str, float, float | None], metrics: Any = (), queue_id: str | None = "Q1", **last: Any
) -> dict[str, Any]:
    known = {"queueId": queue_id} if queue_id else {}
    segments = [segment(kind, start, end, **known) for kind, start, end in steps]
    segments[-1] |= last
    made = session(f"{name}-call", direction="inbound", segments=segments, metrics=list(metrics))
    return participant(name, "agent", made, userId=name.upper())


def legs_of(*participants: dict[str, Any]) -> Legs:
    legs: Legs = interaction_legs(exploded(conversation("c", *participants))).to_pylist()
    return legs


def outcomes(legs: Legs) -> list[tuple[str | None, str | None]]:
    return [(leg["user_id"], leg["outcome"]) for leg in legs]


class TestOneConversation:
    def test_an_answered_call_is_one_leg_with_the_times_of_queue_and_agent(self) -> None:
        [leg] = legs_of(
            queue("acd", 5, 25, metric("tAcd", 20_000, 25), disconnectType="transfer"),
            agent(
                "ann",
                ("alert", 20, 25),
                ("interact", 25, 50),
                ("hold", 50, 60),
                ("interact", 60, 70),
                ("wrapup", 70, 80),
                metrics=[
                    metric("tAlert", 5_000, 25),
                    metric("tAnswered", 20_000, 25),
                    metric("tTalkComplete", 35_000, 70),
                    metric("tHeldComplete", 10_000, 70),
                    metric("tAcw", 10_000, 80),
                    metric("tHandle", 55_000, 80),
                ],
                wrapUpCode="W1",
            ),
        )
        assert {name: value for name, value in leg.items() if value is not None} == {
            "conversation_id": "c",
            "conversation_start": NOON,
            "leg_no": 1,
            "media_type": "voice",
            "direction": "inbound",
            "queue_id": "Q1",
            "user_id": "ANN",
            "acd_participant_id": "acd",
            "acd_session_id": "acd-wait",
            "agent_participant_id": "ann",
            "agent_session_id": "ann-call",
            "offered_at": after(5),
            "alerted_at": after(20),
            "answered_at": after(25),
            "disconnected_at": after(70),
            "ended_at": after(80),
            "outcome": "answered",
            "wrap_up_code": "W1",
            "n_offered": 1,
            "t_acd_ms": 20_000,
            "t_wait_ms": 20_000,
            "t_alert_ms": 5_000,
            "t_answered_ms": 20_000,
            "t_talk_ms": 35_000,
            "t_held_ms": 10_000,
            "t_acw_ms": 10_000,
            "t_handle_ms": 55_000,
        }

    def test_who_did_not_respond_comes_first_and_the_wait_counts_where_it_ended(self) -> None:
        legs = legs_of(
            queue("acd", 0, 40, metric("tAcd", 40_000, 40)),
            agent("ann", ("alert", 5, 20), metrics=[metric("tNotResponding", 15_000, 20)]),
            agent("ben", ("alert", 21, 40), ("interact", 40, 60)),
        )
        assert outcomes(legs) == [("ANN", "not_responding"), ("BEN", "answered")]
        assert [leg["acd_session_id"] for leg in legs] == ["acd-wait", "acd-wait"]
        assert [leg["t_acd_ms"] for leg in legs] == [None, 40_000]
        assert [leg["n_offered"] for leg in legs] == [None, 1]

    def test_after_call_work_of_an_unanswered_alert_stays_with_its_agent(self) -> None:
        legs = legs_of(
            queue("acd", 0, 40),
            agent(
                "ann",
                ("alert", 5, 20),
                ("wrapup", 20, 26),
                metrics=[metric("tNotResponding", 15_000, 20), metric("tHandle", 6_000, 26)],
                wrapUpCode="ININ-WRAP-UP-TIMEOUT",
            ),
            agent("ben", ("alert", 21, 40), ("interact", 40, 60)),
        )
        assert outcomes(legs) == [("ANN", "not_responding"), ("BEN", "answered")]
        assert (legs[0]["t_handle_ms"], legs[0]["wrap_up_code"]) == (6_000, "ININ-WRAP-UP-TIMEOUT")
        assert (legs[0]["disconnected_at"], legs[0]["ended_at"]) == (after(20), after(26))

    @pytest.mark.parametrize(
        ("metrics", "last", "outcome"),
        [
            ([metric("tAbandon", 30_000, 30)], {"disconnectType": "transfer"}, "abandoned"),
            ([metric("tFlowOut", 30_000, 30)], {"disconnectType": "peer"}, "flow_out"),
            ([], {"disconnectType": "peer"}, "ended"),
            ([], {"disconnectType": "transfer"}, "flow_out"),
            ([], {}, "ended"),
        ],
    )
    def test_a_wait_that_no_agent_ended_is_a_leg_without_agent(
        self, metrics: list[dict[str, Any]], last: dict[str, Any], outcome: str
    ) -> None:
        legs = legs_of(
            queue("acd", 0, 30, *metrics, **last),
            agent("ann", ("alert", 5, 20), metrics=[metric("tNotResponding", 15_000, 20)]),
        )
        assert outcomes(legs) == [("ANN", "not_responding"), (None, outcome)]
        assert legs[1]["queue_id"] == "Q1"
        assert legs[1]["agent_session_id"] is None
        assert (legs[1]["offered_at"], legs[1]["ended_at"]) == (NOON, after(30))
        assert (legs[1]["alerted_at"], legs[1]["answered_at"]) == (None, None)

    def test_an_agent_is_not_blamed_when_the_caller_gives_up_while_it_rings(self) -> None:
        legs = legs_of(
            queue("acd", 0, 30, metric("tAbandon", 30_000, 30)),
            agent("ann", ("alert", 25, 30.004), metrics=[metric("tAlert", 5_004, 30.004)]),
        )
        assert outcomes(legs) == [("ANN", "abandoned")]
        assert legs[0]["t_abandon_ms"] == 30_000

    def test_an_alert_that_ends_earlier_than_the_wait_is_not_responding_without_its_metric_too(self) -> None:
        legs = legs_of(queue("acd", 0, 30, metric("tAbandon", 30_000, 30)), agent("ann", ("alert", 5, 20)))
        assert outcomes(legs) == [("ANN", "not_responding"), (None, "abandoned")]

    def test_a_transfer_is_the_outcome_of_who_transferred(self) -> None:
        legs = legs_of(
            queue("acd1", 0, 10, metric("tAcd", 10_000, 10)),
            agent("ann", ("alert", 5, 10), ("interact", 10, 60), metrics=[metric("nTransferred", 1, 60)]),
            queue("acd2", 60, 80, metric("tAcd", 20_000, 80), queue_id="Q2"),
            agent("ben", ("alert", 70, 80), ("interact", 80, 90), queue_id="Q2"),
        )
        assert outcomes(legs) == [("ANN", "transfer"), ("BEN", "answered")]
        assert [leg["queue_id"] for leg in legs] == ["Q1", "Q2"]
        assert [leg["offered_at"] for leg in legs] == [NOON, after(60)]

    def test_without_metrics_a_transfer_is_seen_by_how_the_agent_was_disconnected(self) -> None:
        legs = legs_of(
            queue("acd", 0, 10),
            agent("ann", ("alert", 5, 10), ("interact", 10, 60), disconnectType="transfer"),
        )
        assert outcomes(legs) == [("ANN", "transfer")]

    def test_back_in_the_same_queue_each_wait_has_its_own_agent(self) -> None:
        legs = legs_of(
            queue("acd1", 0, 10, metric("tAcd", 10_000, 10)),
            agent("ann", ("alert", 5, 10), ("interact", 10, 60), metrics=[metric("nTransferred", 1, 60)]),
            queue("acd2", 60, 80, metric("tAcd", 20_000, 80)),
            agent("ann2", ("alert", 70, 80), ("interact", 80, 90)),
        )
        assert [(leg["acd_session_id"], leg["t_acd_ms"]) for leg in legs] == [
            ("acd1-wait", 10_000),
            ("acd2-wait", 20_000),
        ]

    def test_a_colleague_asked_by_the_agent_is_a_consult(self) -> None:
        legs = legs_of(
            queue("acd", 0, 10),
            agent("ann", ("alert", 5, 10), ("interact", 10, 50), ("hold", 50, 90), metrics=[metric("nConsult", 1, 50)]),
            agent("ben", ("alert", 51, 55), ("interact", 55, 120), queue_id=None),
        )
        assert outcomes(legs) == [("ANN", "answered"), ("BEN", "consult")]
        assert (legs[1]["queue_id"], legs[1]["acd_session_id"]) == (None, None)

    def test_the_call_in_which_an_agent_asks_is_part_of_the_agents_leg(self) -> None:
        ann = agent("ann", ("alert", 5, 10), ("interact", 10, 50), ("hold", 50, 90))
        ann["sessions"].append(
            session(
                "ask",
                direction="outbound",
                segments=[segment("dialing", 50, 52), segment("interact", 52, 90)],
                metrics=[metric("nConsult", 1, 50), metric("tTalkComplete", 38_000, 90)],
            )
        )
        legs = legs_of(queue("acd", 0, 10), ann, agent("ben", ("alert", 51, 55), ("interact", 55, 120), queue_id=None))
        assert outcomes(legs) == [("ANN", "answered"), ("BEN", "consult")]
        assert legs[0]["side_session_ids"] == ["ask"]
        assert (legs[0]["agent_session_id"], legs[0]["direction"]) == ("ann-call", "inbound")
        assert (legs[0]["n_consult"], legs[0]["t_talk_ms"]) == (1, 38_000)

    def test_an_agent_rung_again_is_a_leg_again(self) -> None:
        ann = agent("ann", ("alert", 5, 20), ("wrapup", 20, 40), metrics=[metric("tNotResponding", 15_000, 20)])
        ann["sessions"].append(
            session("again", segments=[segment("alert", 30, 35, queueId="Q1"), segment("interact", 35, 60)])
        )
        assert outcomes(legs_of(queue("acd", 0, 35), ann)) == [("ANN", "not_responding"), ("ANN", "answered")]

    def test_a_call_to_an_agent_without_queue_is_a_leg_without_queue(self) -> None:
        answered = agent("ann", ("alert", 0, 4), ("interact", 4, 50), queue_id=None)
        missed = agent("ben", ("alert", 0, 9), queue_id=None)
        legs = legs_of(answered, missed)
        assert outcomes(legs) == [("ANN", "answered"), ("BEN", "not_responding")]
        assert {leg["queue_id"] for leg in legs} == {None}
        assert {leg["offered_at"] for leg in legs} == {NOON}

    def test_an_outbound_call_that_reached_nobody_has_no_outcome(self) -> None:
        [leg] = legs_of(agent("ann", ("contacting", 0, 1), ("dialing", 1, 20), metrics=[metric("tHandle", 20_000, 20)]))
        assert (leg["outcome"], leg["answered_at"], leg["ended_at"]) == (None, None, after(20))
        assert (leg["queue_id"], leg["acd_session_id"], leg["t_handle_ms"]) == ("Q1", None, 20_000)

    def test_who_waits_still_has_an_open_leg(self) -> None:
        [leg] = legs_of(queue("acd", 0, None))
        assert (leg["outcome"], leg["ended_at"], leg["disconnected_at"]) == (None, None, None)

    def test_who_is_ringing_is_the_open_leg_of_the_wait(self) -> None:
        legs = legs_of(queue("acd", 0, None), agent("ann", ("alert", 5, None)))
        assert outcomes(legs) == [("ANN", None)]
        assert (legs[0]["alerted_at"], legs[0]["answered_at"], legs[0]["ended_at"]) == (after(5), None, None)

    def test_an_alert_that_never_closes_does_not_hide_an_abandon(self) -> None:
        legs = legs_of(queue("acd", 0, 30, metric("tAbandon", 30_000, 30)), agent("ann", ("alert", 5, None)))
        assert outcomes(legs) == [("ANN", None), (None, "abandoned")]

    def test_talking_is_answered_and_open(self) -> None:
        [leg] = legs_of(queue("acd", 0, 10), agent("ann", ("alert", 5, 10), ("interact", 10, None)))
        assert (leg["outcome"], leg["answered_at"], leg["ended_at"]) == ("answered", after(10), None)

    def test_during_after_call_work_the_agent_has_left_but_the_leg_has_not_ended(self) -> None:
        [leg] = legs_of(queue("acd", 0, 10), agent("ann", ("alert", 5, 10), ("interact", 10, 50), ("wrapup", 50, None)))
        assert (leg["disconnected_at"], leg["ended_at"]) == (after(50), None)

    def test_supervisors_have_no_leg(self) -> None:
        supervisor = participant(
            "sue", "agent", session("s", segments=[segment("monitoring", 12, 40)], monitoredParticipantId="ann")
        )
        legs = legs_of(queue("acd", 0, 10), agent("ann", ("alert", 5, 10), ("interact", 10, 50)), supervisor)
        assert [leg["user_id"] for leg in legs] == ["ANN"]

    def test_a_routed_agent_whose_session_names_no_queue_belongs_to_the_one_that_waited(self) -> None:
        legs = legs_of(
            queue("acd", 0, 10),
            agent("ann", ("interact", 10, 50), queue_id=None, metrics=[metric("tAnswered", 10_000, 10)]),
        )
        assert outcomes(legs) == [("ANN", "answered")]
        assert (legs[0]["queue_id"], legs[0]["acd_session_id"]) == ("Q1", "acd-wait")

    def test_clocks_that_differ_by_milliseconds_do_not_part_queue_and_agent(self) -> None:
        legs = legs_of(queue("acd", 1, 2), agent("ann", ("alert", 0.997, 2), ("interact", 2, 50)))
        assert outcomes(legs) == [("ANN", "answered")]
        late = legs_of(queue("acd", 0, 2), agent("ann", ("alert", 2.003, 2.003), ("interact", 2.003, 50)))
        assert outcomes(late) == [("ANN", "answered")]

    def test_a_later_call_of_the_same_participant_is_a_leg_of_its_own(self) -> None:
        ann = agent("ann", ("interact", 0, 20), queue_id=None)
        ann["sessions"].append(session("later", segments=[segment("dialing", 20, 25), segment("interact", 25, 60)]))
        assert [leg["agent_session_id"] for leg in legs_of(ann)] == ["ann-call", "later"]

    def test_who_asks_a_colleague_is_not_the_one_consulted(self) -> None:
        legs = legs_of(agent("ann", ("dialing", 0, 5), ("interact", 5, 60), metrics=[metric("nConsult", 1, 30)]))
        assert outcomes(legs) == [("ANN", "answered")]

    def test_a_call_that_begins_after_the_asking_agent_left_is_no_consult(self) -> None:
        legs = legs_of(
            queue("acd", 0, 10),
            agent("ann", ("alert", 5, 10), ("interact", 10, 50), metrics=[metric("nConsult", 1, 30)]),
            agent("ben", ("alert", 51, 55), ("interact", 55, 80), queue_id=None),
        )
        assert outcomes(legs) == [("ANN", "answered"), ("BEN", "answered")]

    def test_a_consult_to_a_queue_is_answered_from_the_queue(self) -> None:
        legs = legs_of(
            queue("acd1", 0, 10),
            agent("ann", ("alert", 5, 10), ("interact", 10, 50), ("hold", 50, 90), metrics=[metric("nConsult", 1, 50)]),
            queue("acd2", 50, 60, queue_id="Q2"),
            agent("ben", ("alert", 55, 60), ("interact", 60, 90), queue_id="Q2"),
        )
        assert outcomes(legs) == [("ANN", "answered"), ("BEN", "answered")]

    def test_an_agent_the_platform_calls_not_responding_stays_so_when_the_wait_ends_with_the_alert(self) -> None:
        legs = legs_of(
            queue("acd", 0, 20, metric("tAbandon", 20_000, 20)),
            agent("ann", ("alert", 5, 20), metrics=[metric("tNotResponding", 15_000, 20)]),
        )
        assert outcomes(legs) == [("ANN", "not_responding"), (None, "abandoned")]

    def test_the_platforms_word_counts_even_while_the_alert_is_not_closed(self) -> None:
        legs = legs_of(
            queue("acd", 0, None), agent("ann", ("alert", 5, None), metrics=[metric("tNotResponding", 15_000, 20)])
        )
        assert outcomes(legs) == [("ANN", "not_responding"), (None, None)]

    def test_of_two_who_ring_at_once_the_slower_did_not_respond(self) -> None:
        legs = legs_of(
            queue("acd", 0, 10, disconnectType="transfer"),
            agent("ann", ("alert", 4, 10)),
            agent("ben", ("alert", 5, 10), ("interact", 10, 50)),
        )
        assert outcomes(legs) == [("ANN", "not_responding"), ("BEN", "answered")]

    def test_a_call_without_queue_during_a_wait_is_not_the_queues(self) -> None:
        legs = legs_of(queue("acd", 0, 30), agent("ann", ("alert", 5, 10), ("interact", 10, 20), queue_id=None))
        assert [leg["acd_session_id"] for leg in legs] == ["acd-wait", None]
        assert outcomes(legs) == [(None, "ended"), ("ANN", "answered")]

    def test_of_two_answers_the_first_one_ended_the_wait(self) -> None:
        legs = legs_of(
            queue("acd", 0, 10),
            agent("ann", ("alert", 4, 10), ("interact", 10, 50)),
            agent("ben", ("alert", 5, 10), ("interact", 10, 50)),
        )
        assert [leg["n_offered"] for leg in legs] == [1, None]

    def test_an_answer_ends_the_wait_rather_than_an_alert_that_is_not_closed(self) -> None:
        legs = legs_of(
            queue("acd", 0, None),
            agent("ann", ("alert", 4, None)),
            agent("ben", ("alert", 5, 10), ("interact", 10, 50)),
        )
        assert outcomes(legs) == [("ANN", None), ("BEN", "answered")]
        assert [leg["n_offered"] for leg in legs] == [None, 1]

    def test_a_scheduled_callback_is_offered_when_its_time_has_come(self) -> None:
        waits = [segment("scheduled", 0, 30, queueId="Q1"), segment("interact", 30, 40, queueId="Q1")]
        [leg] = legs_of(
            participant("acd", "acd", session("w", "callback", segments=waits, metrics=[metric("nOffered", 1, 30)])),
            agent("ann", ("alert", 35, 40), ("interact", 40, 50)),
        )
        assert (leg["offered_at"], leg["outcome"]) == (after(30), "answered")

    def test_answered_by_the_platforms_word_where_no_segment_shows_it(self) -> None:
        [leg] = legs_of(
            queue("acd", 0, 10), agent("ann", ("alert", 5, 10), ("hold", 10, 50), metrics=[metric("tAnswered", 9, 10)])
        )
        assert (leg["outcome"], leg["answered_at"]) == ("answered", after(10))

    def test_nothing_but_after_call_work_is_an_ended_leg_without_outcome(self) -> None:
        [leg] = legs_of(agent("ann", ("wrapup", 5, 10)))
        assert (leg["outcome"], leg["disconnected_at"], leg["ended_at"]) == (None, after(10), after(10))

    def test_equal_session_ids_of_two_conversations_are_kept_apart(self) -> None:
        call = agent("ann", ("alert", 5, 10), ("interact", 10, 50), metrics=[metric("tHandle", 40_000, 50)])
        other = copy.deepcopy(call)
        other["sessions"][0]["metrics"][0]["value"] = 7
        legs = interaction_legs(exploded(conversation("c1", call), conversation("c2", other)))
        assert legs["t_handle_ms"].to_pylist() == [40_000, 7]

    def test_a_metric_emitted_twice_is_summed(self) -> None:
        [leg] = legs_of(
            agent("ann", ("interact", 10, 50), metrics=[metric("tHandle", 3, 50), metric("tHandle", 4, 50)])
        )
        assert leg["t_handle_ms"] == 7


class TestNothing:
    def test_no_conversation_gives_no_legs(self) -> None:
        legs = interaction_legs(explode(pa.array([], CONVERSATION_TYPE)))
        assert legs.num_rows == 0
        assert legs.schema == INTERACTION_LEGS.schema

    def test_a_conversation_that_met_neither_queue_nor_agent_has_no_leg(self) -> None:
        customer = participant("cus", "customer", session("s", segments=[segment("ivr", 0, 5)]))
        assert legs_of(customer, participant("empty", "agent")) == []

    def test_sessions_without_segments_or_metrics_are_open_legs(self) -> None:
        legs = legs_of(participant("acd", "acd", session("w")), participant("ann", "agent", session("s"), userId="ANN"))
        assert [(leg["outcome"], leg["ended_at"], leg["t_handle_ms"]) for leg in legs] == [(None, None, None)]

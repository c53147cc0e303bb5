"""Legs of whole days of the sandbox add up to the platform's own figures."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, OUTCOMES, interaction_legs
from genesys_assets_tests.tables.conversations.exploded import Tables, emitted, exploded, sessions_of

DAYS = (date(2026, 1, 28), date(2026, 2, 1))


SUMMED = {
    "n_offered": "nOffered",
    "n_over_sla": "nOverSla",
    "n_consult": "nConsult",
    "n_transferred": "nTransferred",
    "n_blind_transferred": "nBlindTransferred",
    "n_consult_transferred": "nConsultTransferred",
    "t_acd_ms": "tAcd",
    "t_wait_ms": "tAnswered tAbandon tFlowOut",
    "t_abandon_ms": "tAbandon",
    "t_short_abandon_ms": "tShortAbandon",
    "t_flow_out_ms": "tFlowOut",
    "t_alert_ms": "tAlert",
    "t_not_responding_ms": "tNotResponding",
    "t_answered_ms": "tAnswered",
    "t_contacting_ms": "tContacting",
    "t_dialing_ms": "tDialing",
    "t_talk_ms": "tTalkComplete",
    "t_held_ms": "tHeldComplete",
    "t_acw_ms": "tAcw",
    "t_handle_ms": "tHandle",
}


@cache
def organisation() -> Organisation:
    return Organisation(seed=5, conversations_per_day=600)


@cache
def sandbox_day(day: date, now: datetime | None = None) -> Tables:
    told = organisation().conversations(day)
    if now is not None:
        told = [shown for item in told if (shown := organisation().as_of(item, now)) is not None]
    return explode(decode(json.dumps({"conversations": told}).encode()).conversations)


@cache
def sandbox_legs(day: date, now: datetime | None = None) -> pa.Table:
    return interaction_legs(sandbox_day(day, now))


@pytest.mark.parametrize("day", DAYS)
class TestSandboxDays:
    def test_the_table_is_what_its_declaration_says(self, day: date) -> None:
        legs = sandbox_legs(day)
        assert legs.schema == INTERACTION_LEGS.schema
        assert set(legs["outcome"].to_pylist()) == {*OUTCOMES, None} - {"ended"}

    def test_keys_are_unique_and_legs_are_numbered_from_one_in_order(self, day: date) -> None:
        numbers: dict[str, list[int]] = {}
        offered: dict[str, list[datetime]] = {}
        for leg in sandbox_legs(day).select(["conversation_id", "leg_no", "offered_at"]).to_pylist():
            numbers.setdefault(leg["conversation_id"], []).append(leg["leg_no"])
            offered.setdefault(leg["conversation_id"], []).append(leg["offered_at"])
        assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
        assert all(found == sorted(found) for found in offered.values())
        order = {
            key: place for place, key in enumerate(sandbox_day(day)["conversations"]["conversation_id"].to_pylist())
        }
        assert [order[key] for key in numbers] == sorted(order[key] for key in numbers)

    def test_every_agent_session_is_in_exactly_one_leg(self, day: date) -> None:
        legs = sandbox_legs(day).to_pylist()
        found = [
            (leg["conversation_id"], leg["agent_participant_id"], one)
            for leg in legs
            for one in [leg["agent_session_id"], *(leg["side_session_ids"] or ())]
            if one is not None
        ]
        assert sorted(found) == sorted(sessions_of(sandbox_day(day), "agent"))

    def test_every_wait_is_in_a_leg_and_ends_in_one(self, day: date) -> None:
        legs = sandbox_legs(day).to_pylist()
        found = {(leg["conversation_id"], leg["acd_participant_id"], leg["acd_session_id"]) for leg in legs}
        assert {key for key in found if key[2] is not None} == set(sessions_of(sandbox_day(day), "acd"))
        ends = [leg["acd_session_id"] for leg in legs if leg["n_offered"] is not None]
        assert len(ends) == len(set(ends)) == len(sessions_of(sandbox_day(day), "acd"))

    @pytest.mark.parametrize(("column", "name"), SUMMED.items())
    def test_no_millisecond_is_lost_or_counted_twice(self, day: date, column: str, name: str) -> None:
        figures = emitted(sandbox_day(day), name)
        legs = sandbox_legs(day)
        assert len(figures) > 0
        assert pc.sum(legs[column]) == pc.sum(figures["value"])
        assert legs.num_rows - legs[column].null_count == len(figures)

    @pytest.mark.parametrize(
        ("dimension", "column", "name"),
        [
            ("user_id", "t_handle_ms", "tHandle"),
            ("user_id", "t_not_responding_ms", "tNotResponding"),
            ("queue_id", "t_handle_ms", "tHandle"),
            ("queue_id", "n_offered", "nOffered"),
            ("queue_id", "t_abandon_ms", "tAbandon"),
            ("media_type", "t_talk_ms", "tTalkComplete"),
        ],
    )
    def test_the_figures_of_a_user_and_of_a_queue_add_up(
        self, day: date, dimension: str, column: str, name: str
    ) -> None:
        legs = summed(sandbox_legs(day), dimension, column)
        assert legs
        assert legs == summed(emitted(sandbox_day(day), name), dimension, "value")

    def test_outcomes_count_what_the_platform_counts(self, day: date) -> None:
        tables, legs = sandbox_day(day), sandbox_legs(day)

        def how_many(*wanted: str, queued: bool = False) -> int:
            chosen = pc.is_in(legs["outcome"], pa.array(wanted))
            if queued:
                chosen = pc.and_(chosen, legs["acd_session_id"].is_valid())
            return int(pc.sum(chosen).as_py())

        assert how_many("answered", "transfer", queued=True) == len(emitted(tables, "tAnswered"))
        assert how_many("transfer") == len(emitted(tables, "nTransferred"))
        assert how_many("not_responding") == len(emitted(tables, "tNotResponding"))
        assert how_many("abandoned") == len(emitted(tables, "tAbandon"))
        assert how_many("flow_out") == len(emitted(tables, "tFlowOut"))
        assert how_many("consult") == len(emitted(tables, "nConsult"))

    def test_times_of_a_leg_follow_one_another(self, day: date) -> None:
        legs = sandbox_legs(day)
        assert len(legs)
        names = ["offered_at", "alerted_at", "answered_at", "disconnected_at", "ended_at"]
        for leg in legs.select(names).to_pylist():
            known = [leg[name] for name in names if leg[name] is not None]
            assert known == sorted(known)

    def test_only_the_answered_are_answered_at_an_instant(self, day: date) -> None:
        legs = sandbox_legs(day)
        answered = pc.is_in(legs["outcome"], pa.array(["answered", "transfer", "consult"]))
        assert legs["answered_at"].is_valid() == answered

    def test_the_legs_of_parts_are_the_parts_of_the_legs(self, day: date) -> None:
        told = decode(json.dumps({"conversations": organisation().conversations(day)}).encode()).conversations
        parts = [interaction_legs(explode(told[start : start + 97])) for start in range(0, len(told), 97)]
        assert pa.concat_tables(parts).equals(sandbox_legs(day))

    def test_chunked_tables_give_the_same_legs(self, day: date) -> None:
        chunked = {name: pa.concat_tables([table[:100], table[100:]]) for name, table in sandbox_day(day).items()}
        assert interaction_legs(chunked).equals(sandbox_legs(day))

    @pytest.mark.parametrize("ids", [None, "always the same"])
    def test_ids_that_are_left_out_or_equal_change_no_leg(self, day: date, ids: str | None) -> None:
        told = copy.deepcopy(organisation().conversations(day))
        for people in (item["participants"] for item in told):
            for one in people:
                for of, name in ((one, "participantId"), *((part, "sessionId") for part in one["sessions"])):
                    of |= {name: ids} if ids else {}
                    if not ids:
                        del of[name]
        named = ["acd_participant_id", "acd_session_id", "agent_participant_id", "agent_session_id", "side_session_ids"]
        legs = interaction_legs(exploded(*told))
        assert legs.drop_columns(named).equals(sandbox_legs(day).drop_columns(named))
        assert {ids, None} >= {*legs["agent_session_id"].to_pylist(), *legs["acd_session_id"].to_pylist()}

    @pytest.mark.parametrize("hour", [9, 14, 23])
    def test_while_the_day_goes_on_a_leg_keeps_its_number(self, day: date, hour: int) -> None:
        now = datetime(day.year, day.month, day.day, hour, 7, tzinfo=UTC)
        early, late = (
            {
                (leg["conversation_id"], leg["agent_session_id"]): leg
                for leg in legs.to_pylist()
                if leg["agent_session_id"] is not None
            }
            for legs in (sandbox_legs(day, now), sandbox_legs(day))
        )
        assert early
        assert {key: leg["leg_no"] for key, leg in early.items()} == {key: late[key]["leg_no"] for key in early}

    @pytest.mark.parametrize("hour", [9, 14, 23])
    def test_in_the_middle_of_the_day_nothing_is_lost_either(self, day: date, hour: int) -> None:
        now = datetime(day.year, day.month, day.day, hour, 7, tzinfo=UTC)
        for column, name in SUMMED.items():
            figures = emitted(sandbox_day(day, now), name)
            assert pc.sum(sandbox_legs(day, now)[column]) == pc.sum(figures["value"])


def summed(table: pa.Table, dimension: str, column: str) -> dict[str | None, int]:
    rows = pa.TableGroupBy(table, dimension).aggregate([(column, "sum")]).to_pylist()
    return {row[dimension]: row[f"{column}_sum"] for row in rows if row[f"{column}_sum"] is not None}

"""The legs have the abandons that sessions emitted, and the check names those that no leg has."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from genesys_assets.checks.abandons import compare_abandons, reconcile_abandons
from genesys_assets.checks.reconciled_day import DayComparison
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.flat_tables import SESSION_METRICS
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets_tests.checks.stored_days import DAY, WHOLE, offered, put, store_conversations
from genesys_assets_tests.tables.builders import conversation, metric, participant, segment, session
from genesys_assets_tests.tables.conversations.drawn import any_conversations
from genesys_assets_tests.tables.conversations.exploded import exploded
from genesys_assets_tests.tables.conversations.test_legs import queue

GAVE_UP = metric("tAbandon", 30_000, 30)


def comparison(*conversations: dict[str, Any]) -> DayComparison:
    tables = exploded(*conversations)
    emitted = tables["session_metrics"]
    return compare_abandons(emitted.filter(pc.equal(emitted["metric"], "tAbandon")), interaction_legs(tables))


def flow(purpose: str) -> dict[str, Any]:
    waits = session("f", "voice", segments=[segment("ivr", 0, 30)], metrics=[GAVE_UP])
    return participant(purpose, purpose, waits)


@pytest.mark.long
@settings(max_examples=200)
@given(any_conversations())
def test_legs_have_all_abandons_that_queues_and_agents_emitted(told: list[dict[str, Any]]) -> None:
    assert comparison(*told).differences.num_rows == 0


def test_a_day_whose_abandons_are_all_in_legs_has_nothing_to_report() -> None:
    found = comparison(conversation("c", queue("acd", 0, 30, GAVE_UP)))
    assert (found.compared, found.differences.num_rows, found.left_out) == (1, 0, {})


def test_what_a_flow_or_a_dialer_emitted_is_named_with_its_count() -> None:
    told = [conversation(f"c{number}", flow(purpose)) for number, purpose in enumerate(["ivr", "ivr", "dialer"])]
    assert comparison(*told, conversation("d", queue("acd", 0, 30, GAVE_UP))).left_out == {
        "tAbandon of ivr sessions (voice)": "2 in no leg",
        "tAbandon of dialer sessions (voice)": "1 in no leg",
    }


def test_a_wait_that_emitted_two_is_one_leg_with_their_sum_and_the_other_is_named() -> None:
    found = comparison(conversation("c", queue("acd", 0, 30, GAVE_UP, metric("tAbandon", 5_000, 31))))
    assert found.differences.num_rows == 0
    assert list(found.left_out) == ["1 further tAbandon"]


def test_an_abandon_without_its_value_is_in_no_leg_and_none_is_expected() -> None:
    without = conversation("c", queue("acd", 0, 30, GAVE_UP | {"value": None}))
    found = comparison(without, conversation("d", queue("acd", 0, 30, GAVE_UP)))
    assert (found.compared, found.differences.num_rows, found.left_out) == (2, 0, {})


def test_a_leg_that_lost_an_abandon_is_a_difference(lake: Lake) -> None:
    abandon = offered() | {"metric": "tAbandon", "value": 30_000, "purpose": "acd"}
    store_conversations(lake, abandon)
    found = reconcile_abandons(lake.refreshed(), DAY)
    assert isinstance(found, DayComparison)
    assert [(row["expected_sum"], row["found_sum"]) for row in found.differences.to_pylist()] == [(30_000, None)]


def test_a_day_without_legs_cannot_be_judged(lake: Lake) -> None:
    put(lake, SESSION_METRICS, [offered()], DAY, WHOLE)
    assert reconcile_abandons(lake.refreshed(), DAY) == f"{INTERACTION_LEGS.name} of {DAY} is not stored"

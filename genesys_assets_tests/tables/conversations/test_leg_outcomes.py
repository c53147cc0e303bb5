"""A leg is abandoned exactly where the platform counts a tAbandon; a wait that ended otherwise has its own outcome."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from genesys_assets.tables.conversations.legs import interaction_legs
from genesys_assets_tests.tables.builders import metric, participant, segment, session
from genesys_assets_tests.tables.conversations.drawn import any_conversations
from genesys_assets_tests.tables.conversations.exploded import exploded
from genesys_assets_tests.tables.conversations.test_legs import agent, legs_of, outcomes, queue

GAVE_UP = metric("tAbandon", 30_000, 30)


def voicemail(**last: Any) -> dict[str, Any]:
    """A voicemail that waits in a queue as a callback, until it is closed."""
    waits = [segment("uploading", 0, 5, queueId="Q1"), segment("interact", 5, 60, queueId="Q1", **last)]
    metrics = [metric("nOffered", 1, 5), metric("tAcd", 55_000, 60)]
    waiting = session("wait", "callback", flowInType="voicemail", segments=waits, metrics=metrics)
    return participant("acd", "acd", waiting)


@pytest.mark.parametrize("how", ["peer", "client", "system", "timeout", "endpoint", "error", "other"])
def test_a_voicemail_that_is_closed_without_a_call_is_ended_and_not_abandoned(how: str) -> None:
    [leg] = legs_of(voicemail(disconnectType=how))
    assert (leg["outcome"], leg["t_abandon_ms"], leg["n_offered"], leg["t_acd_ms"]) == ("ended", None, 1, 55_000)


def test_a_voicemail_that_flowed_on_is_so_and_one_that_waits_is_undecided() -> None:
    assert outcomes(legs_of(voicemail(disconnectType="transfer"))) == [(None, "flow_out")]
    still = participant("acd", "acd", session("wait", "callback", segments=[segment("interact", 5, None)]))
    assert outcomes(legs_of(still)) == [(None, None)]


def test_an_agent_whose_alert_stopped_with_a_wait_that_only_ended_is_not_blamed() -> None:
    assert outcomes(legs_of(queue("acd", 0, 30), agent("ann", ("alert", 25, 30)))) == [("ANN", "ended")]


def test_of_two_who_rang_when_the_caller_gave_up_one_counts_the_abandon() -> None:
    both = legs_of(queue("acd", 0, 30, GAVE_UP), agent("ann", ("alert", 20, 30)), agent("ben", ("alert", 25, 30)))
    assert sorted(leg["outcome"] for leg in both) == ["abandoned", "ended"]
    assert [leg["t_abandon_ms"] for leg in both if leg["outcome"] == "abandoned"] == [30_000]


def test_a_wait_that_the_platform_calls_abandoned_and_answered_is_a_leg_of_its_own() -> None:
    legs = legs_of(
        queue("acd", 0, 30, GAVE_UP),
        agent("ann", ("alert", 25, 30), ("interact", 30, 60), metrics=[metric("tAnswered", 30_000, 30)]),
    )
    assert outcomes(legs) == [("ANN", "answered"), (None, "abandoned")]
    assert [(leg["t_answered_ms"], leg["t_abandon_ms"]) for leg in legs] == [(30_000, None), (None, 30_000)]


@pytest.mark.parametrize("value", [{"value": None}, {}], ids=["null", "no value"])
def test_an_abandon_without_its_value_is_missing_and_not_0_ms(value: dict[str, Any]) -> None:
    gave_up = {name: of for name, of in GAVE_UP.items() if name != "value"} | value
    [leg] = legs_of(queue("acd", 0, 30, gave_up))
    assert (leg["outcome"], leg["t_abandon_ms"], leg["t_wait_ms"]) == ("ended", None, None)


def test_of_two_handle_times_of_which_one_has_no_value_the_other_counts() -> None:
    handled = [metric("tHandle", 30_000, 60), metric("tHandle", 0, 61) | {"value": None}]
    [leg] = legs_of(agent("ann", ("interact", 30, 60), metrics=handled))
    assert leg["t_handle_ms"] == 30_000


@pytest.mark.long
@settings(max_examples=200)
@given(any_conversations())
def test_abandoned_legs_are_those_with_an_abandon(told: list[dict[str, Any]]) -> None:
    legs = interaction_legs(exploded(*told))
    assert pc.equal(legs["outcome"], "abandoned").fill_null(False) == legs["t_abandon_ms"].is_valid()

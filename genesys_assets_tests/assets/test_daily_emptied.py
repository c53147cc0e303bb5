"""Complete days that a later reading returns without any conversation."""

from __future__ import annotations

from datetime import date

import pytest

from genesys_assets_tests.assets.daily_details import (
    DATE,
    DAY,
    DETAILS,
    NEXT,
    read,
    stored_ids,
    table_ids,
    tables,
)
from genesys_assets_tests.assets.world import World, error, hours, materialisations

pytestmark = pytest.mark.usefixtures("without_waiting")


def delete_all(world: World, day: date) -> None:
    for item in world.sandbox.organisation.conversations(day):
        world.sandbox.organisation.delete(item["conversationId"])


@pytest.mark.parametrize("known_by", [DETAILS, pytest.param("pages/hourly_details", marks=pytest.mark.long)])
def test_a_day_that_came_back_without_any_conversation_is_refused_until_that_is_accepted(
    world: World, known_by: str
) -> None:
    if known_by == DETAILS:
        assert read(world, DETAILS, DAY).success
    else:
        assert world.run("hourly", known_by, between=hours(DAY)).success
    assert tables(world, DAY).success
    before = world.files()
    delete_all(world, DATE)
    said = error(read(world, DETAILS, DAY))
    assert f"{DAY} no longer has any conversations: the platform has 0, the stored pages have 60" in said
    for named in ("division", "retention", "genesys-assets preflight", f"{DETAILS} of {DAY}", "allow_emptied: true"):
        assert named in said
    assert world.files() == before
    accepted = {"ops": {"genesys__pages__daily_details": {"config": {"allow_emptied": True}}}}
    assert world.run("complete", DETAILS, partition=DAY, config=accepted).success
    assert tables(world, DAY).success
    assert table_ids(world, DAY) == []
    assert read(world, DETAILS, DAY).success, "an accepted empty day is not reported again"


def test_a_day_that_never_had_a_conversation_is_no_emptied_one(world: World) -> None:
    delete_all(world, DATE)
    for _ in range(2):
        assert read(world, DETAILS, DAY).success
    assert stored_ids(world, DAY) == []


def test_other_days_of_the_range_are_still_read_stored_and_reported(world: World) -> None:
    days = ("2026-01-27", DAY, NEXT)
    assert world.run("complete", DETAILS, between=(days[0], days[-1])).success
    delete_all(world, DATE)
    organisation = world.sandbox.organisation
    gone = [organisation.conversations(date.fromisoformat(day))[0]["conversationId"] for day in (days[0], NEXT)]
    for conversation_id in gone:
        organisation.delete(conversation_id)
    run = world.run("complete", DETAILS, between=(days[0], days[-1]))
    said = error(run)
    assert f"{DAY} no longer has any conversations" in said
    assert NEXT not in said
    assert [len(stored_ids(world, day)) for day in days] == [59, 60, 59]
    reported = materialisations(world, run, DETAILS)
    assert [materialization.partition for materialization in reported] == [days[0], NEXT]
    assert all(materialization.metadata["is_complete"].value for materialization in reported)

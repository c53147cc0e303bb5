"""Jobs that expire before they are read, and days that jobs do not cover whole yet."""

from __future__ import annotations

import copy
from datetime import date, timedelta

import pytest

from genesys_assets.lake.reach import Reach
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import World, hours, metadata, of_jobs
from genesys_assets_tests.plain_figures import Item
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.hard_days import (
    DETAILS,
    JOBS_LAG,
    compare_tables,
    compute,
    midnight,
    page_ids,
    read_complete,
    table_ids,
)

pytestmark = pytest.mark.long

DAY, NEXT = date(2026, 1, 28), date(2026, 1, 29)
START, END = midnight(DAY), midnight(NEXT)
EVENING = midnight(DAY, 20)


@pytest.mark.parametrize("after_pages", [1, 3, 5])
@pytest.mark.long
def test_a_job_that_expires_in_mid_paging_leaves_no_gap_and_no_double(
    world: World, present: FixedNow, after_pages: int
) -> None:
    world.sandbox.behaviour.next_job(state="EXPIRED", after_pages=after_pages)
    run = read_complete(world, DAY, page_size=10)
    assert run.success
    told = [item["conversationId"] for item in world.sandbox.organisation.conversations(DAY)]
    first, second = world.sandbox.jobs
    assert (first.state, first.pages) == ("EXPIRED", after_pages)
    assert second.query == first.query
    assert page_ids(world, DETAILS, f"{DAY}") == told
    assert metadata(run, DETAILS)["is_complete"] is True
    compute(world, DAY)
    assert table_ids(world, DAY) == told
    compare_tables(world, DAY, of_jobs(world, DAY, present.at - JOBS_LAG))


def test_a_day_whose_jobs_reach_eight_in_the_evening_has_no_gap_and_no_double(world: World, present: FixedNow) -> None:
    present.at = END + timedelta(minutes=10)
    world.sandbox.behaviour.availability = EVENING
    said = metadata(read_complete(world, DAY, page_size=7), DETAILS)
    assert (said["is_complete"], said["data_available_through"]) == (False, EVENING.timestamp())
    run = compute(world, DAY)
    expected = known_in_the_evening(world, present)
    assert table_ids(world, DAY) == [item["conversationId"] for item in expected]
    compare_tables(world, DAY, expected)
    said = metadata(run, "tables/conversations")
    assert (said["is_complete"], said["data_available_through"]) == (False, EVENING.timestamp())
    assert world.lake.reach("tables/conversations", f"{DAY}") == Reach(EVENING)


def known_in_the_evening(world: World, present: FixedNow) -> list[Item]:
    """The conversations up to eight as jobs knew them at eight, and later ones as the query knows them now."""
    early, late = of_jobs(world, DAY, EVENING), world.seen(DAY, present.at)
    after = [item for item in late if plain.moment(item["conversationStart"]) >= EVENING]
    assert early
    assert after
    assert sorted(item["conversationId"] for item in [*early, *after]) == sorted(
        item["conversationId"] for item in world.sandbox.organisation.conversations(DAY)
    )
    return [*early, *after]


def test_the_day_is_complete_as_soon_as_jobs_have_all_of_it(world: World, present: FixedNow) -> None:
    present.at = END + timedelta(minutes=10)
    world.sandbox.behaviour.availability = EVENING
    assert world.run("hourly", "pages/hourly_details", between=hours(f"{DAY}")).success
    assert read_complete(world, DAY).success
    compute(world, DAY)
    gone = world.sandbox.organisation.conversations(DAY)[7]["conversationId"]
    world.sandbox.organisation.delete(gone)
    present.at, world.sandbox.behaviour.availability = END + timedelta(hours=5), END + timedelta(hours=1)
    said = metadata(read_complete(world, DAY), DETAILS)
    assert (said["is_complete"], said["data_available_through"]) == (True, END.timestamp())
    run = compute(world, DAY)
    assert metadata(run, "tables/conversations")["is_complete"] is True
    assert gone not in table_ids(world, DAY)
    compare_tables(world, DAY, of_jobs(world, DAY, END + timedelta(hours=1)))


@pytest.mark.long
def test_until_then_every_row_is_there_once_whatever_was_read_in_between(world: World, present: FixedNow) -> None:
    """Hours, an unfinished day, and hours again: each newer reading adds only new rows."""
    world.sandbox.behaviour.availability = START + timedelta(hours=9)
    for hour in (13, 23):
        present.at = START + timedelta(hours=hour, minutes=50)
        assert world.run("hourly", "pages/hourly_details", between=hours(f"{DAY}")).success
        assert read_complete(world, DAY, page_size=11).success
        compute(world, DAY)
        by_jobs = of_jobs(world, DAY, START + timedelta(hours=9))
        compare_tables(world, DAY, with_attributes(world.seen(DAY, present.at), by_jobs))


def with_attributes(seen: list[Item], by_jobs: list[Item]) -> list[Item]:
    """The conversations of a query, with participants' attributes, which only jobs have."""
    told = {
        (item["conversationId"], participant["participantId"]): participant["attributes"]
        for item in by_jobs
        for participant in item["participants"]
        if "attributes" in participant
    }
    joined = copy.deepcopy(seen)
    for item in joined:
        for participant in item["participants"]:
            key = (item["conversationId"], participant["participantId"])
            if key in told:
                participant["attributes"] = told[key]
    return joined

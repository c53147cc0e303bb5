"""Conversations that go on after their day: what the overlap of a later day adds, and what it does not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from genesys_assets_tests.assets.daily_details import (
    DAY,
    DETAILS,
    END,
    NEXT,
    OVERLAP,
    read,
    stored_ids,
    table_ids,
    tables,
)
from genesys_assets_tests.assets.world import World, metadata

pytestmark = pytest.mark.usefixtures("without_waiting")


def test_what_the_overlap_of_a_later_day_knows_comes_into_the_day_of_the_start(lasting: tuple[World, str]) -> None:
    world, reopened = lasting
    world.sandbox.behaviour.availability = END
    assert read(world, DETAILS, DAY).success
    assert tables(world, DAY).success
    before = {row["conversation_id"]: row for row in world.lake.read("tables/conversations", DAY).to_pylist()}
    assert before[reopened]["conversation_end"] < END
    world.sandbox.behaviour.availability = None
    said = metadata(read(world, OVERLAP, NEXT), OVERLAP)
    assert DAY in said["start_days"]
    assert tables(world, DAY).success
    after = {row["conversation_id"]: row for row in world.lake.read("tables/conversations", DAY).to_pylist()}
    assert after.keys() == before.keys()
    assert after[reopened]["conversation_end"] > END + timedelta(hours=10)
    sessions = world.lake.read("tables/sessions", DAY).to_pylist()
    assert max(row["session_end"] for row in sessions if row["conversation_id"] == reopened) > END


def test_an_overlap_older_than_the_complete_day_brings_nobody_back(lasting: tuple[World, str]) -> None:
    world, reopened = lasting
    assert read(world, OVERLAP, NEXT).success
    world.sandbox.organisation.delete(reopened)
    assert read(world, DETAILS, DAY).success
    assert tables(world, DAY).success
    assert reopened not in table_ids(world, DAY)
    world.sandbox.organisation.restore()
    assert read(world, OVERLAP, NEXT).success
    assert tables(world, DAY).success


def was_active(conversation: dict[str, Any], since: str) -> bool:
    """Whether it ended on that day or later, or a metric was emitted."""
    emitted = [
        metric["emitDate"]
        for participant in conversation["participants"]
        for session in participant["sessions"]
        for metric in session.get("metrics", ())
    ]
    return any(moment >= since for moment in [*emitted, conversation.get("conversationEnd", "")])


def test_the_overlap_keeps_only_pages_with_conversations_begun_earlier(lasting: tuple[World, str]) -> None:
    world, _ = lasting
    run = read(world, OVERLAP, NEXT, page_size=3)
    assert run.success
    stored = world.lake.pages(OVERLAP, NEXT)
    assert stored is not None
    starts = [[item["conversationStart"] for item in json.loads(page.body)["conversations"]] for page in stored]
    assert all(min(of_page) < NEXT for of_page in starts)
    conversations = [item for page in stored for item in json.loads(page.body)["conversations"]]
    days = {item["conversationStart"][:10] for item in conversations if was_active(item, NEXT)}
    assert metadata(run, OVERLAP)["start_days"].keys() == {day for day in days if day < NEXT}
    assert len(days) < len({item["conversationStart"][:10] for item in conversations}), (
        "some are open without any activity"
    )
    (job,) = world.sandbox.jobs
    assert job.query["startOfDayIntervalMatching"] is False
    assert job.pages == len(stored) + 1
    assert job.deleted
    assert not [path for path in world.files() if path.startswith("jobs/")]
    assert job.found is not None
    assert sum(arrival.start < END.timestamp() * 1000 for arrival in job.found) == sum(
        start < NEXT for of_page in starts for start in of_page
    )


def test_an_overlap_whose_job_cannot_be_deleted_is_still_read(lasting: tuple[World, str]) -> None:
    world, _ = lasting
    world.sandbox.behaviour.fail_next(500, times=100, path="details/jobs/", method="DELETE")
    assert read(world, OVERLAP, NEXT, page_size=3).success
    assert world.lake.pages(OVERLAP, NEXT)
    assert not [path for path in world.files() if path.startswith("jobs/")]


def test_the_overlap_of_a_day_that_jobs_have_nothing_of_is_empty(world: World) -> None:
    world.sandbox.behaviour.availability = END
    run = read(world, OVERLAP, NEXT)
    assert run.success
    assert metadata(run, OVERLAP)["start_days"] == {}
    stored = world.lake.pages(OVERLAP, NEXT)
    assert stored is not None
    assert len(stored) == 0
    assert not world.sandbox.jobs


def test_an_overlap_of_which_jobs_had_nothing_gives_way_to_the_first_one_that_has(lasting: tuple[World, str]) -> None:
    world, reopened = lasting
    world.sandbox.behaviour.availability = END
    assert read(world, OVERLAP, NEXT).success
    world.sandbox.behaviour.availability = END + timedelta(hours=11)
    assert read(world, OVERLAP, NEXT).success
    assert reopened in stored_ids(world, NEXT, OVERLAP)

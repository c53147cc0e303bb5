"""Conversations that go on after their day: what the overlap of a later day adds, and what it does not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from genesys_assets.cloud.jobs import run as jobs
from genesys_assets.cloud.jobs.endpoints import results
from genesys_assets.cloud.jobs.run import JobPage
from genesys_assets.lake.reach import Reach
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
from genesys_assets_tests.assets.world import World, error, metadata

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


def let_the_job_have_less_than_was_said(world: World, earlier: datetime) -> None:
    """The next answer about availability says all of NEXT, the ones after it and the results of jobs `earlier`."""
    said = iter([END + timedelta(days=1)])
    world.sandbox.behaviour.availability = lambda: next(said, earlier)


@pytest.mark.parametrize("page_size", [1, 1000], ids=["page by page", "on one page"])
def test_where_a_job_has_less_than_was_said_the_overlap_reaches_as_far_as_the_job(
    lasting: tuple[World, str], page_size: int
) -> None:
    world, reopened = lasting
    earlier = END + timedelta(hours=9)
    let_the_job_have_less_than_was_said(world, earlier)
    assert read(world, OVERLAP, NEXT, page_size=page_size).success
    assert world.lake.reach(OVERLAP, NEXT) == Reach(earlier)
    world.sandbox.behaviour.availability = END + timedelta(days=1)
    assert read(world, OVERLAP, NEXT).success
    assert world.lake.reach(OVERLAP, NEXT) == Reach(END + timedelta(days=1))
    assert reopened in stored_ids(world, NEXT, OVERLAP)


def test_an_overlap_whose_page_without_earlier_conversations_says_less_reaches_no_farther(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of this page is stored, but what it says of the job counts."""
    world.sandbox.behaviour.availability = END + timedelta(days=1)
    earlier = END + timedelta(hours=9)

    def without_earlier(page: JobPage) -> JobPage:
        return replace(page, span=(END, END), available_through=earlier)

    monkeypatch.setattr(jobs, "results", lambda *args, **options: map(without_earlier, results(*args, **options)))
    assert read(world, OVERLAP, NEXT).success
    assert not stored_ids(world, NEXT, OVERLAP)
    assert world.lake.reach(OVERLAP, NEXT) == Reach(earlier)


def test_an_overlap_is_not_replaced_by_a_job_that_has_less_of_the_day_than_was_said(
    lasting: tuple[World, str],
) -> None:
    world, reopened = lasting
    world.sandbox.behaviour.availability = END + timedelta(days=1)
    assert read(world, OVERLAP, NEXT).success
    before = world.stored()
    let_the_job_have_less_than_was_said(world, END + timedelta(hours=9))
    assert "reach only to 2026-01-29 09:00 UTC" in error(read(world, OVERLAP, NEXT))
    assert world.stored() == before
    assert reopened in stored_ids(world, NEXT, OVERLAP)

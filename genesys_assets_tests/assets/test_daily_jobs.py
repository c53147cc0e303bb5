"""Jobs that fail while a complete day is read: they expire, are left over, or break off."""

from __future__ import annotations

import base64
from functools import partial

import pytest

from genesys_assets_tests.assets.daily_details import (
    A_LONG_TIME,
    DATE,
    DAY,
    DETAILS,
    NEXT,
    OVERLAP,
    TODAY,
    read,
    stored_ids,
    table_ids,
    tables,
)
from genesys_assets_tests.assets.world import World, error, events, metadata, of_jobs
from genesys_assets_tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("without_waiting")


@pytest.mark.parametrize("after_pages", [1, 4])
@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_job_that_expires_while_it_is_read_begins_the_file_anew(world: World, after_pages: int, status: int) -> None:
    world.sandbox.behaviour.expired_results_status = status
    world.sandbox.behaviour.next_job(state="EXPIRED", after_pages=after_pages)
    run = read(world, DETAILS, DAY, page_size=10)
    assert run.success
    assert len(world.sandbox.jobs) == 2
    ids = stored_ids(world, DAY)
    assert len(ids) == len(set(ids)) == 60
    pages = world.lake.pages(DETAILS, DAY)
    assert pages is not None
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]
    assert metadata(run, DETAILS)["pages"] == 6
    assert metadata(run, DETAILS)["is_complete"] is True
    assert "expired" in events(world.instance, run) or "no longer exists" in events(world.instance, run)


def test_an_overlap_whose_job_expires_begins_anew_too(lasting: tuple[World, str], elsewhere: World) -> None:
    world, _ = lasting
    assert read(elsewhere, OVERLAP, NEXT, page_size=1).success
    world.sandbox.behaviour.next_job(state="EXPIRED", after_pages=1)
    run = read(world, OVERLAP, NEXT, page_size=1)
    assert run.success
    assert len(world.sandbox.jobs) == 3
    assert stored_ids(world, NEXT, OVERLAP) == stored_ids(elsewhere, NEXT, OVERLAP)
    assert metadata(run, OVERLAP)["start_days"] == metadata(elsewhere.runs[-1], OVERLAP)["start_days"]


def test_a_job_that_expires_twice_fails_and_leaves_what_was_there(world: World) -> None:
    assert read(world, DETAILS, DAY).success
    before = world.files()
    for _ in range(2):
        world.sandbox.behaviour.next_job(state="EXPIRED", after_pages=1)
    assert "JobExpired" in error(read(world, DETAILS, DAY, page_size=10))
    assert world.files() == before


def leave(world: World, day: str, *, after_pages: int = 2) -> None:
    """Let a try read some pages of the day's job and then lose its connection to the platform."""
    behaviour = world.sandbox.behaviour
    behaviour.job_lifetime_seconds = A_LONG_TIME
    spent = partial(behaviour.fail_next, 429, path="/results", headers={"Retry-After": "4000"})
    behaviour.interrupt("/results", spent, after=after_pages)
    assert "rate limit is used up" in error(read(world, DETAILS, day, page_size=10))
    assert world.lake.pages(DETAILS, day) is None
    assert [path for path in world.files() if path.startswith("jobs/")]


def test_a_job_that_was_left_over_is_taken_up_again(world: World) -> None:
    leave(world, DAY)
    assert read(world, DETAILS, DAY, page_size=10).success
    (job,) = world.sandbox.jobs
    assert job.deleted
    assert sorted(stored_ids(world, DAY)) == sorted(item["conversationId"] for item in of_jobs(world, DATE, NOW))
    assert not [path for path in world.files() if path.startswith("jobs/")]


def test_a_job_of_a_day_that_is_not_complete_is_taken_up_again_while_jobs_reach_no_further(available: World) -> None:
    leave(available, TODAY, after_pages=1)
    assert read(available, DETAILS, TODAY, page_size=10).success
    assert [job.deleted for job in available.sandbox.jobs] == [True]
    assert metadata(available.runs[-1], DETAILS)["is_complete"] is False


def test_a_job_with_a_broken_page_costs_one_more_job_and_is_never_asked_again(world: World) -> None:
    behaviour = world.sandbox.behaviour
    behaviour.job_lifetime_seconds = A_LONG_TIME
    behaviour.fail_next(500, times=100, path="/results")
    assert "failed on the platform's side" in error(read(world, DETAILS, DAY, page_size=10))
    assert [job.deleted for job in world.sandbox.jobs] == [True, True]
    assert not world.files()
    behaviour.faults.clear()
    assert read(world, DETAILS, DAY, page_size=10).success
    assert [job.pages for job in world.sandbox.jobs] == [0, 0, 6]


def test_a_page_that_breaks_off_for_good_is_read_from_another_job_in_the_same_run(world: World) -> None:
    cut = partial(world.sandbox.behaviour.fail_next, 200, times=5, path="/results", truncated=True)
    world.sandbox.behaviour.interrupt("/results", cut, after=2)
    run = read(world, DETAILS, DAY, page_size=10)
    assert run.success
    assert sorted(stored_ids(world, DAY)) == sorted(item["conversationId"] for item in of_jobs(world, DATE, NOW))
    assert metadata(run, DETAILS)["pages"] == 6
    assert "is submitted once more" in events(world.instance, run)
    assert [job.deleted for job in world.sandbox.jobs] == [True, True]


def lead_on(world: World, page: int, page_size: int, times: int = 1) -> None:
    """Put pages without conversations before a page of the next job, each with a cursor to the next page."""
    behaviour = world.sandbox.behaviour

    def answer(turn: int) -> None:
        # The zeros make a different cursor to the same place.
        place = f"{world.sandbox.jobs[-1].id} {'0' * turn}{(page - 1) * page_size}"
        cursor = base64.urlsafe_b64encode(place.encode()).decode()
        behaviour.fail_next(200, path="/results", body={"cursor": cursor})

    for turn in range(1, times + 1):
        behaviour.interrupt("/results", partial(answer, turn), after=page - 1)


@pytest.mark.parametrize(("page", "times"), [(1, 1), (2, 1), (3, 4)])
def test_a_day_whose_job_answers_an_empty_page_in_the_middle_is_read_whole(world: World, page: int, times: int) -> None:
    lead_on(world, page, 20, times)
    run = read(world, DETAILS, DAY, page_size=20)
    assert run.success
    assert stored_ids(world, DAY) == [item["conversationId"] for item in of_jobs(world, DATE, NOW)]
    assert len(world.sandbox.jobs) == 1
    said = metadata(run, DETAILS)
    assert (said["is_complete"], said["day_missing"], said["pages"]) == (True, 0, 3 + times)
    assert tables(world, DAY).success
    assert len(table_ids(world, DAY)) == 60


def test_an_overlap_whose_job_answers_an_empty_page_is_read_on(lasting: tuple[World, str], elsewhere: World) -> None:
    world, _ = lasting
    assert read(elsewhere, OVERLAP, NEXT, page_size=1).success
    lead_on(world, 2, 1, times=2)
    run = read(world, OVERLAP, NEXT, page_size=1)
    assert run.success
    assert stored_ids(world, NEXT, OVERLAP) == stored_ids(elsewhere, NEXT, OVERLAP)
    assert metadata(run, OVERLAP)["start_days"] == metadata(elsewhere.runs[-1], OVERLAP)["start_days"]
    assert len(stored_ids(world, NEXT, OVERLAP)) > 2


def test_a_missing_permission_for_jobs_is_named(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {"analytics:conversationDetail:view"}
    said = error(read(world, DETAILS, DAY))
    assert "needs the permission" in said
    assert "analytics:conversationDetail:view" in said
    assert not world.files()

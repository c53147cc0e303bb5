"""Data of which the platform keeps no history: assets observe it day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.assets import observations
from genesys_assets.cloud.http import retry
from genesys_assets.lake.lake import Lake
from genesys_assets.sandbox import memberships
from genesys_assets.sandbox.server import running
from genesys_assets.sandbox.times import DAY as DAY_MS
from genesys_assets.sandbox.times import from_datetime
from genesys_assets_tests.assets.world import World, error, metadata
from genesys_assets_tests.conftest import NOW

TODAY = f"{NOW:%Y-%m-%d}"
MEMBERS, SKILLS = "reference/queue_members", "reference/user_skills"


class Clock:
    """The organisation's clock."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(
    clock: Callable[[], datetime], tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    with running(conversations_per_day=10, now=clock, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", code_location)


def expected_members(world: World, now: datetime) -> set[tuple[str, str, bool, int, str]]:
    directory = world.sandbox.organisation.directory
    return {
        (queue.id, member["id"], member["joined"], member["ringNumber"], member["memberBy"])
        for queue in directory.queues
        if not queue.deleted
        for member in memberships.members(directory, queue, from_datetime(now) // DAY_MS)
    }


def stored_members(world: World, day: str) -> set[tuple[str, str, bool, int, str]]:
    rows = world.lake.read(MEMBERS, day).to_pylist()
    return {(row["queue_id"], row["user_id"], row["joined"], row["ring_number"], row["member_by"]) for row in rows}


def test_members_of_all_queues_are_stored_as_they_are_that_day(world: World) -> None:
    run = world.run("observe", MEMBERS, partition=TODAY)
    assert run.success
    assert stored_members(world, TODAY) == expected_members(world, NOW)
    rows = world.lake.read(MEMBERS, TODAY).to_pylist()
    assert {f"{row['day']}" for row in rows} == {TODAY}
    assert {row["as_of"] for row in rows} == {NOW.replace(microsecond=0)}
    assert all(check.passed for check in run.get_asset_check_evaluations())


def test_members_cost_a_request_for_the_list_and_one_for_each_queue(world: World) -> None:
    run = world.run("observe", MEMBERS, partition=TODAY)
    assert metadata(run, MEMBERS, TODAY)["requests"] == 11
    assert world.sandbox.requested("/members") == 10


def test_skills_cost_a_request_for_a_hundred_users(world: World) -> None:
    run = world.run("observe", SKILLS, partition=TODAY)
    assert run.success
    assert metadata(run, SKILLS, TODAY)["requests"] == 1
    directory = world.sandbox.organisation.directory
    users = [memberships.with_skills(directory, user) for user in directory.users if user["state"] == "active"]
    expected = {
        (user["id"], skill.get("id"), skill.get("proficiency")) for user in users for skill in user.get("skills", [{}])
    }
    rows = world.lake.read(SKILLS, TODAY).to_pylist()
    assert {(row["user_id"], row["skill_id"], row["proficiency"]) for row in rows} == expected
    assert len(rows) == len(expected) > 20


def test_each_day_has_its_own_members(world: World, clock: Clock) -> None:
    days = [NOW + timedelta(days=offset) for offset in range(9)]
    for at in days:
        clock.now = at
        assert world.run("observe", MEMBERS, partition=f"{at:%Y-%m-%d}").success
    stored = [stored_members(world, f"{at:%Y-%m-%d}") for at in days]
    assert stored == [expected_members(world, at) for at in days]
    assert stored[0] != stored[-1]


@pytest.mark.parametrize("away", [-1, 1])
def test_a_day_that_is_over_or_to_come_cannot_be_asked_for_and_stays_as_it_is(
    world: World, clock: Clock, away: int
) -> None:
    assert world.run("observe", MEMBERS, partition=TODAY).success
    before = world.files()
    clock.now = NOW - timedelta(days=away)
    said = error(world.run("observe", MEMBERS, partition=TODAY))
    assert f"reference/queue_members of {TODAY} cannot be fetched: it is {clock.now:%Y-%m-%d}" in said
    assert "keeps no history" in said
    assert world.files() == before


def test_a_reading_that_runs_over_midnight_is_not_stored(world: World, clock: Clock) -> None:
    clock.now = datetime(2026, 1, 30, 23, 59, 59, tzinfo=UTC)

    def midnight() -> None:
        clock.now = datetime(2026, 1, 31, tzinfo=UTC)

    world.sandbox.behaviour.interrupt("/members", midnight, after=4)
    assert "it is 2026-01-31 00:00:00 UTC" in error(world.run("observe", MEMBERS, partition=TODAY))
    assert not world.lake.has(MEMBERS, TODAY)


@pytest.mark.parametrize("away", [0, 1])
def test_the_table_of_a_run_that_died_after_it_stored_pages_is_made_of_them_when_it_is_tried_again(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(observations, "_write", die)
        assert not world.run("observe", MEMBERS, partition=TODAY).success
    assert not world.lake.has(MEMBERS, TODAY)
    clock.now = NOW + timedelta(days=away)
    assert world.run("observe", MEMBERS, partition=TODAY).success
    assert stored_members(world, TODAY) == expected_members(world, NOW)
    assert {row["as_of"] for row in world.lake.read(MEMBERS, TODAY).to_pylist()} == {NOW.replace(microsecond=0)}


def die(*_: object) -> None:
    raise MemoryError("the process is gone")


def test_days_cannot_be_asked_for_together(world: World) -> None:
    said = error(world.run("observe", MEMBERS, between=("2026-01-28", TODAY)))
    assert "2026-01-28 to 2026-01-30 cannot be fetched" in said


def test_a_queue_that_is_deleted_while_members_are_read_stops_nothing(world: World) -> None:
    world.sandbox.behaviour.fail_next(404, path="/members")
    assert world.run("observe", MEMBERS, partition=TODAY).success
    queues = {row["queue_id"] for row in world.lake.read(MEMBERS, TODAY).to_pylist()}
    assert len(queues) == 9


def test_members_that_may_not_be_seen_are_no_empty_day_and_stop_no_skills(world: World) -> None:
    names = ("routing:queue:view", "routing:queue:edit", "routing:queue:readonly", "routing:queueMember:manage")
    world.sandbox.behaviour.missing_permissions |= {*names}
    run = world.run("observe", partition=TODAY)
    assert not run.success
    assert "routing:queue:view" in error(run)
    assert not world.lake.has(MEMBERS, TODAY)
    assert world.lake.has(SKILLS, TODAY)


def test_stored_pages_that_cannot_be_read_are_no_empty_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.run("observe", MEMBERS, partition=TODAY).success
    before = stored_members(world, TODAY)
    monkeypatch.setattr(Lake, "pages", lambda *_: None)
    said = error(world.run("observe", MEMBERS, partition=TODAY))
    assert f"pages/reference_queue_members of {TODAY} cannot be read" in said
    assert "Materialise it again while the day lasts" in said
    assert stored_members(world, TODAY) == before

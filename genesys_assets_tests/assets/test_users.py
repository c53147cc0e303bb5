"""Agents' status: days read by job and by query, and tables that match what the organisation did."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genesys_assets.assets import daily_details
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.users import USER_DETAILS, USER_TABLES, of_user_tables
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.protection import Protection
from genesys_assets.sandbox.timelines import Span, Timelines, presence, routing
from genesys_assets.sandbox.times import from_datetime, to_datetime
from genesys_assets_tests.assets.world import World, error, metadata
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import NOW
from genesys_assets_tests.forgetting.traces import files_with

FIRST, DAY, NEXT, TODAY = "2026-01-27", "2026-01-28", "2026-01-29", "2026-01-30"
TABLES = tuple(f"tables/{spec.name}" for spec in USER_TABLES)
AVAILABLE = datetime(2026, 1, 30, 10, 7, 30, 123_000, tzinfo=UTC)
Of = Callable[..., Any]


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(daily_details, "datetime", standing_at(NOW))
    world.sandbox.behaviour.availability = AVAILABLE


def read(world: World, day: str, **config: Any) -> Any:
    ops = {"genesys__pages__daily_user_details": {"config": config}}
    return world.run("users", USER_DETAILS, partition=day, config={"ops": ops})


def tables(world: World, day: str) -> Any:
    return world.run("daily", *TABLES, partition=day)


def start_of(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def spans_of(world: World, day: str, of: Of) -> dict[str, list[Span]]:
    """What the organisation did in a day."""
    timelines: Timelines = world.sandbox.timelines
    start = from_datetime(start_of(day))
    return {user: timelines.spans(user, start, start + 86_400_000, of) for user in timelines.user_ids}


def times_of(world: World, day: str) -> dict[tuple[str, str, str, str | None], int]:
    """Milliseconds of a day by user, kind, status and presence of the organisation."""
    start = from_datetime(start_of(day))
    found: dict[tuple[str, str, str, str | None], int] = {}
    for kind, of in (("presence", presence), ("routing", routing)):
        for user, spans in spans_of(world, day, of).items():
            for span in spans:
                key = (user, kind, *span.value)
                length = min(span.end, start + 86_400_000) - max(span.start, start)
                found[key] = found.get(key, 0) + length
    return found


def rows(world: World, table: str, day: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.lake.read(f"tables/{table}", day).to_pylist()
    return found


def test_a_day_by_job_has_all_time_of_all_agents_to_the_millisecond(world: World) -> None:
    result = read(world, DAY, page_size=7)
    assert result.success
    said = metadata(result, USER_DETAILS)
    assert said["is_complete"]
    assert (said["users_read"], said["pages"] > 3) == (30, True)
    assert tables(world, DAY).success
    durations: dict[Any, int] = {}
    for row in rows(world, "user_time", DAY):
        key = (row["user_id"], row["kind"], row["status"], row["organization_presence_id"])
        durations[key] = durations.get(key, 0) + row["duration_ms"]
    assert durations == times_of(world, DAY)


@pytest.mark.parametrize("action", ["hash", "drop"])
def test_where_persons_are_not_kept_times_are_those_of_hashes(world: World, action: str) -> None:
    key = "a key of thirty-two characters, or more"
    settings = {"GENESYS_ASSETS_PERSONAL_DATA": f"person={action}", "GENESYS_ASSETS_PERSONAL_DATA_KEY": key}
    protecting = replace(world, settings=settings)
    assert read(protecting, DAY).success
    assert tables(protecting, DAY).success
    hashed = Protection({PersonalData.PERSON: "hash"}, key.encode()).hashed
    durations: dict[str, int] = {}
    for row in rows(protecting, "user_time", DAY):
        durations[row["user_id"]] = durations.get(row["user_id"], 0) + row["duration_ms"]
    expected: dict[str, int] = {}
    for (user, *_), length in times_of(world, DAY).items():
        expected[hashed(user)] = expected.get(hashed(user), 0) + length
    assert durations == expected
    assert files_with(world.folder, world.sandbox.timelines.user_ids) == {}


def test_each_span_is_one_row_in_the_partition_of_its_start_however_many_days_and_pages_have_it(world: World) -> None:
    days = (FIRST, DAY, NEXT)
    for day in days:
        assert read(world, day, page_size=5).success
    for day in days:
        assert tables(world, day).success
    until = start_of(NEXT) + timedelta(days=1)
    for table, of, status in (
        ("user_presence", presence, "system_presence"),
        ("user_routing_status", routing, "routing_status"),
    ):
        stored = [(day, row) for day in days for row in rows(world, table, day)]
        expected = {
            (user, to_datetime(span.start)): span
            for day in days
            for user, spans in spans_of(world, day, of).items()
            for span in spans
        }
        assert len(stored) == len(expected)
        for day, row in stored:
            span = expected[row["user_id"], row["start_time"]]
            assert row[status] == span.value[0]
            # Spans that began before the first day that was read are stored under that day.
            assert day == max(FIRST, f"{row['start_time']:%Y-%m-%d}") == f"{row['day']}"
            ended = to_datetime(span.end)
            if ended <= until:
                assert row["end_time"] == ended
            else:
                assert row["end_time"] in (None, ended)


def test_what_began_before_the_first_day_moves_when_its_own_day_is_read(world: World) -> None:
    read(world, DAY)
    tables(world, DAY)
    before = {(row["user_id"], row["start_time"]) for row in rows(world, "user_presence", DAY)}
    assert any(start < start_of(DAY) for _, start in before)
    read(world, FIRST)
    for day in (FIRST, DAY):
        tables(world, day)
    after = {(row["user_id"], row["start_time"]) for row in rows(world, "user_presence", DAY)}
    assert all(start >= start_of(DAY) for _, start in after)
    first = {(row["user_id"], row["start_time"]) for row in rows(world, "user_presence", FIRST)}
    assert before <= after | first
    assert not after & first


def test_a_day_made_before_the_day_before_was_read_is_stale_until_it_is_made_again(world: World) -> None:
    for day in (FIRST, NEXT):
        read(world, day)
        tables(world, day)
    began = [row["start_time"] for row in rows(world, "user_presence", NEXT)]
    assert any(start_of(DAY) <= start < start_of(NEXT) for start in began)
    read(world, DAY)
    tables(world, DAY)
    of_spans = TABLES[:2]

    def stale() -> list[str]:
        numbers = of_user_tables(world.lake, NEXT)
        return [place for place in TABLES if world.lake.made_of(place, NEXT) != numbers[place]]

    assert stale() == [*of_spans]
    tables(world, NEXT)
    assert stale() == []
    spans = [(row["user_id"], row["start_time"]) for day in (DAY, NEXT) for row in rows(world, "user_presence", day)]
    assert len(spans) == len(set(spans))
    assert all(row["start_time"] >= start_of(NEXT) for row in rows(world, "user_presence", NEXT))


def test_today_is_read_by_query_after_what_jobs_have_and_spans_go_on(world: World) -> None:
    result = read(world, TODAY)
    said = metadata(result, USER_DETAILS)
    assert not said["is_complete"]
    pages = world.lake.pages(USER_DETAILS, TODAY)
    assert pages is not None
    paths = {json.loads(page.request)["path"].rsplit("/", 1)[-1] for page in pages}
    assert paths == {"results", "query"}
    assert tables(world, TODAY).success
    open_ = [row for row in rows(world, "user_presence", TODAY) if row["end_time"] is None]
    assert len(open_) == 30
    through = world.lake.reach("tables/user_time", TODAY)
    assert through is not None
    assert through.through == NOW - timedelta(minutes=1)
    durations: dict[str, int] = {}
    for row in rows(world, "user_time", TODAY):
        if row["kind"] == "presence":
            durations[row["user_id"]] = durations.get(row["user_id"], 0) + row["duration_ms"]
    assert set(durations.values()) == {(through.through - start_of(TODAY)) // timedelta(milliseconds=1)}


def test_a_missing_permission_is_named_and_nothing_is_stored(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {"analytics:userDetail:view"}
    assert "analytics:userDetail:view" in error(read(world, DAY))
    assert USER_DETAILS not in {place.split("@")[0] for place in world.stored()}


def test_an_organisation_whose_status_was_never_read_has_no_tables_of_it_and_no_failing_run(world: World) -> None:
    done = tables(world, DAY)

    assert done.success
    assert [world.lake.stored(place) for place in TABLES] == [{}] * len(TABLES)


def test_a_day_that_was_not_read_is_named_where_others_were(world: World) -> None:
    assert read(world, DAY).success

    assert "genesys/pages/daily_user_details has not been fetched for 2026-01-29" in error(tables(world, NEXT))


def test_a_day_that_lost_its_users_is_not_believed(world: World) -> None:
    read(world, DAY)
    before = world.stored()
    nobody = {"totalHits": 0}
    world.sandbox.behaviour.availability = start_of(DAY)
    world.sandbox.behaviour.fail_next(200, path="/users/details/query", body=nobody, times=2)
    assert "that of 30 users is stored" in error(read(world, DAY))
    assert world.stored() == before


def test_jobs_that_fell_behind_do_not_replace_a_complete_day(world: World) -> None:
    read(world, DAY)
    before = world.stored()
    world.sandbox.behaviour.availability = start_of(DAY) + timedelta(hours=5)
    assert "no longer cover" in error(read(world, DAY))
    assert world.stored() == before


def test_reading_a_day_again_changes_no_row(world: World) -> None:
    for _ in range(2):
        read(world, DAY)
        read(world, NEXT)
        tables(world, DAY)
        last = tables(world, NEXT)
    for table in TABLES:
        assert {metadata(last, table)[f"rows_{what}"] for what in ("added", "changed", "removed")} == {0}

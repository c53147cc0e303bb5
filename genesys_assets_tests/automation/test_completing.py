"""The sensors that complete days: what they ask for as jobs come to have all data, and nothing once it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.automation import completing
from genesys_assets.automation.completing import days_to_complete
from genesys_assets.cloud import details_jobs, retry
from genesys_assets.cloud.errors import GenesysCloudError
from genesys_assets.partitions import Calendar
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.sandbox.server import running
from genesys_assets.tables.conversation_model import CONVERSATIONS
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, definitions, environment, metadata
from genesys_assets_tests.automation.conftest import calendar
from genesys_assets_tests.conftest import NOW
from genesys_assets_tests.plain_figures import moment

FIRST, DAY, NEXT, TODAY = "2026-01-26", "2026-01-28", "2026-01-29", "2026-01-30"
LOOK_BACK = ["2026-01-26", "2026-01-27", "2026-01-28", "2026-01-29"]
# Days whose tables were computed once: only such days are computed again.
STORED = [*LOOK_BACK, "2025-12-05", "2025-12-29", "2026-01-15"]
DETAILS, OVERLAP = "pages/daily_details", "pages/daily_overlap"


def at(day: str, hour: int = 0) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02d}:00+00:00")


class AtNow(datetime):
    """The clock at NOW, where the sandbox's stands."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return NOW


@dataclass
class Ticks:
    """One of the two sensors, tick after tick, with what it remembers between them."""

    world: World
    sensor: str
    cursor: str | None = None

    def tick(self) -> dg.SensorExecutionData:
        resources = {"genesys_cloud": GenesysCloudResource(), "lake": LakeResource()}
        with (
            environment(self.world.environment),
            dg.build_sensor_context(
                instance=self.world.instance,
                cursor=self.cursor,
                repository_def=self.world.definitions.get_repository_def(),
                resources=resources,
            ) as context,
        ):
            data = self.world.definitions.resolve_sensor_def(self.sensor).evaluate_tick(context)
        self.cursor = data.cursor
        return data

    def requested(self) -> list[str | None]:
        return [request.partition_key for request in self.tick().run_requests or []]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """No page is stored yet; jobs have all data of every day before TODAY. Retries and jobs do not wait."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(completing, "datetime", AtNow)
    with running(conversations_per_day=60, now=NOW, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path / "lake", definitions(FIRST))
        for day in STORED:
            world.lake.write("tables/conversations", CONVERSATIONS, CONVERSATIONS.empty(), day, {})
        yield world


# -- complete_days -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("available", "complete", "of", "days"),
    [
        (None, [], calendar(), []),
        (at(TODAY), [], calendar(), LOOK_BACK),
        (at(TODAY, 14), [], calendar(), LOOK_BACK),
        (at(TODAY) - timedelta(milliseconds=1), [], calendar(), LOOK_BACK[:3]),
        (at(DAY), [], calendar(), LOOK_BACK[:2]),
        (at(FIRST), [], calendar(), []),
        (at(TODAY), [DAY, "2026-01-26"], calendar(), ["2026-01-27", NEXT]),
        (at(TODAY), LOOK_BACK, calendar(), []),
        (at(TODAY), [], calendar(look_back_days=1), [NEXT]),
        (at(TODAY), [], calendar(date(2026, 1, 29)), [NEXT]),
        (at(TODAY), [], calendar(date(2026, 1, 30)), []),
        (at("2026-01-31"), [], calendar(), LOOK_BACK),
    ],
    ids=[
        "the platform does not tell",
        "all days that are over",
        "never today",
        "not a day that lacks a millisecond",
        "as far as jobs have data",
        "jobs lag for days",
        "not what is stored",
        "all is stored",
        "as far back as the setting says",
        "never before the first day",
        "a calendar that begins today",
        "a clock ahead of ours",
    ],
)
def test_a_day_is_to_be_completed_when_jobs_have_all_of_it_and_it_is_not_stored_so(
    available: datetime | None, complete: list[str], of: Calendar, days: list[str]
) -> None:
    assert days_to_complete(available, complete, of, NOW) == days


def test_each_day_that_jobs_have_all_of_is_asked_for(world: World) -> None:
    world.sandbox.behaviour.availability = at(NEXT, 20)
    ticks = Ticks(world, "complete_days")
    tick = ticks.tick()
    assert [(request.partition_key, request.run_key) for request in tick.run_requests or []] == [
        (day, f"complete {day} {NOW:%Y-%m-%dT%H}") for day in LOOK_BACK[:3]
    ]
    assert world.definitions.resolve_sensor_def("complete_days").job_name == "complete"


def test_a_day_that_is_stored_completely_is_not_asked_for_again(world: World) -> None:
    ticks = Ticks(world, "complete_days")
    assert ticks.requested() == LOOK_BACK
    assert world.run("complete", partition=DAY).success
    assert ticks.requested() == [day for day in LOOK_BACK if day != DAY]
    assert world.run("complete", DETAILS, between=(LOOK_BACK[0], LOOK_BACK[-1])).success
    tick = ticks.tick()
    assert not tick.run_requests
    assert "every look-back day before it is complete" in str(tick.skip_message)


def test_a_day_that_was_stored_before_jobs_had_all_of_it_is_asked_for(world: World) -> None:
    world.sandbox.behaviour.availability = at(NEXT, 20)
    assert world.run("complete", DETAILS, partition=NEXT).success
    ticks = Ticks(world, "complete_days")
    assert NEXT not in ticks.requested()
    world.sandbox.behaviour.availability = at(TODAY)
    assert NEXT in ticks.requested()


def test_a_tick_that_cannot_ask_for_the_availability_fails_and_asks_for_nothing(world: World) -> None:
    world.sandbox.behaviour.fail_next(500, times=100, path="availability")
    ticks = Ticks(world, "complete_days")
    with pytest.raises(GenesysCloudError, match="failed on the platform's side"):
        ticks.tick()
    world.sandbox.behaviour.faults.clear()
    assert ticks.requested() == LOOK_BACK


# -- late_endings ------------------------------------------------------------------------------------------------------


def reopened(world: World) -> str:
    """A conversation of DAY that opens again on NEXT."""
    organisation = world.sandbox.organisation
    chosen: str = next(
        item["conversationId"]
        for item in organisation.conversations(date.fromisoformat(DAY))
        if "conversationEnd" in item and moment(item["conversationEnd"]) < at(NEXT)
    )
    organisation.reopen(chosen, at(NEXT, 10))
    return chosen


def start_days(run: Any) -> list[str]:
    listed: list[str] = metadata(run, OVERLAP)["start_days"]
    return listed


def test_nothing_is_asked_for_before_anything_was_read(world: World) -> None:
    ticks = Ticks(world, "late_endings")
    assert ticks.requested() == []
    assert ticks.cursor is None


def test_the_days_on_which_those_began_that_ended_later_are_computed_again(world: World) -> None:
    chosen = reopened(world)
    ticks = Ticks(world, "late_endings")
    run = world.run("complete", between=(DAY, NEXT))
    assert run.success
    began = {
        *metadata(run, OVERLAP, DAY)["start_days"],
        *metadata(run, OVERLAP, NEXT)["start_days"],
    }
    assert DAY in began
    assert ticks.requested() == sorted(day for day in began if day >= FIRST)
    assert world.definitions.resolve_sensor_def("late_endings").job_name == "recompute"
    assert world.run("recompute", *TABLES_OF_HOURS[1:], partition=DAY).success
    ends = {
        row["conversation_id"]: row["conversation_end"]
        for row in world.lake.read("tables/conversations", DAY).to_pylist()
    }
    assert ends[chosen] > at(NEXT, 10)


def test_what_was_asked_for_once_is_not_asked_for_again(world: World) -> None:
    reopened(world)
    ticks = Ticks(world, "late_endings")
    assert world.run("complete", OVERLAP, partition=NEXT).success
    assert DAY in ticks.requested()
    cursor = ticks.cursor
    assert cursor is not None
    assert ticks.requested() == []
    assert ticks.cursor == cursor


def test_a_day_that_is_read_again_is_asked_for_again(world: World) -> None:
    reopened(world)
    ticks = Ticks(world, "late_endings")
    keys = []
    for _ in range(2):
        assert world.run("complete", OVERLAP, partition=NEXT).success
        keys.append({request.run_key for request in ticks.tick().run_requests or []})
    assert keys[0]
    assert not keys[0] & keys[1]


def test_a_read_that_failed_asks_for_nothing_and_leaves_the_cursor_alone(world: World) -> None:
    reopened(world)
    ticks = Ticks(world, "late_endings")
    assert world.run("complete", OVERLAP, partition=DAY).success
    ticks.tick()
    cursor = ticks.cursor
    world.sandbox.behaviour.fail_next(500, times=100, path="/results")
    assert not world.run("complete", OVERLAP, partition=NEXT).success
    assert ticks.requested() == []
    assert ticks.cursor == cursor
    world.sandbox.behaviour.faults.clear()
    assert world.run("complete", OVERLAP, partition=NEXT).success
    assert DAY in ticks.requested()


def test_days_before_the_first_one_are_not_computed(world: World) -> None:
    reopened(world)
    later = replace(world, definitions=definitions(NEXT), instance=dg.DagsterInstance.ephemeral(), runs=[])
    run = later.run("complete", OVERLAP, partition=NEXT)
    assert DAY in start_days(run)
    assert Ticks(later, "late_endings").requested() == []


def test_a_day_is_computed_again_only_by_what_can_come_into_it(world: World) -> None:
    """Tables look for conversations on 31 days after the one on which they began."""
    since_long = replace(world, definitions=definitions("2025-12-01"))
    report(since_long, ["2025-12-05", "2025-12-29", "2026-01-15"])
    assert Ticks(since_long, "late_endings").requested() == ["2025-12-29", "2026-01-15"]


def test_a_day_that_was_never_computed_is_not_computed_now(world: World) -> None:
    since_long = replace(world, definitions=definitions("2025-12-01"))
    report(since_long, ["2026-01-14", "2026-01-15"])
    assert Ticks(since_long, "late_endings").requested() == ["2026-01-15"]


def report(world: World, days: list[str]) -> None:
    """As if the overlap of NEXT had been read, and held conversations begun on these days."""
    found = {"start_days": dg.MetadataValue.json(days)}
    key = dg.AssetKey(["genesys", *OVERLAP.split("/")])
    world.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=NEXT, metadata=found))


def test_more_readings_than_one_tick_takes_are_taken_by_the_next_ones(world: World) -> None:
    for number in range(120):
        report(world, [LOOK_BACK[number % 3] if number < 100 else LOOK_BACK[3]])
    ticks = Ticks(world, "late_endings")
    assert ticks.requested() == LOOK_BACK[:3]
    assert ticks.requested() == LOOK_BACK[3:]
    assert ticks.requested() == []

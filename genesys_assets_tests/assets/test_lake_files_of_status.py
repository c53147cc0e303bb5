"""Agents' status from the data lake extraction: with or without details, it gives the organisation's spans and
times."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.assets import daily_details
from genesys_assets.automation.stale import can_make_table
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.users import USER_DETAILS, of_user_tables
from genesys_assets.sandbox.server import running
from genesys_assets.sandbox.timelines import presence, routing
from genesys_assets.sandbox.times import HOUR, from_datetime, to_datetime
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets_tests.assets.data_lake_world import (
    DAY,
    FILES,
    KNOWN,
    NEXT,
    ON,
    TODAY,
    checked,
    days_once,
    fetch,
    fetched,
    lake_world,
    off_world,
    sandbox,
    tables,
)
from genesys_assets_tests.assets.world import World, metadata
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import NOW

pytestmark = pytest.mark.long

__all__ = ["days_once", "fetched", "lake_world", "off_world", "sandbox"]


STATUS = ("tables/user_presence", "tables/user_routing_status", "tables/user_time")


def read_status(world: World, day: str, until: datetime) -> None:
    """Read users' details of a day: by job up to an instant, by query until a minute before now."""
    world.sandbox.behaviour.availability = until
    assert world.run("users", USER_DETAILS, partition=day).success


def must_be_of_agents(world: World, day: str) -> None:
    """Checks every span that begins on a day, with its end where a file can have it, and the time of every status."""
    begin = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC))
    timelines, lake = world.sandbox.timelines, world.lake

    def known(end: datetime | None) -> datetime | None:
        return None if end is None or end > KNOWN else end

    for table, of, status in (("presence", presence, "system_presence"), ("routing_status", routing, "routing_status")):
        rows = [row for row in lake.read(f"tables/user_{table}", day).to_pylist() if f"{row['start_time']:%F}" == day]
        expected = {
            (user, to_datetime(span.start)): (known(to_datetime(span.end)), span.value[0])
            for user in timelines.user_ids
            for span in timelines.spans(user, begin, begin + 24 * HOUR, of)
            if span.start >= begin
        }
        found = {(row["user_id"], row["start_time"]): (known(row["end_time"]), row[status]) for row in rows}
        assert found == expected
    assert times(lake.read("tables/user_time", day).to_pylist()) == of_organisation(world, day)


def times(rows: list[dict[str, Any]]) -> Counter[Any]:
    found = Counter[Any]()
    for row in rows:
        found[row["user_id"], row["status"], row["organization_presence_id"]] += row["duration_ms"]
    return found


def of_organisation(world: World, day: str) -> Counter[Any]:
    """Milliseconds of a day by user, status and the organisation's presence."""
    begin, found = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC)), Counter[Any]()
    end = begin + 24 * HOUR
    for user in world.sandbox.timelines.user_ids:
        for of in (presence, routing):
            for span in world.sandbox.timelines.spans(user, begin, end, of):
                found[user, *span.value] += min(span.end, end) - max(span.start, begin)
    return found


def test_agents_status_made_of_the_data_lake_alone_is_that_of_the_organisation(fetched: World) -> None:
    run = tables(fetched, NEXT, *STATUS)
    assert run.success
    must_be_of_agents(fetched, NEXT)
    assert {row["source"] for row in presences(fetched)} == {"data_lake"}
    reach = fetched.lake.reach("tables/user_time", NEXT)
    assert reach is not None
    assert reach.is_complete


def test_a_day_that_details_have_in_part_is_filled_by_the_data_lake(
    fetched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_details, "datetime", standing_at(datetime(2026, 1, 28, 12, 1, tzinfo=UTC)))
    read_status(fetched, NEXT, datetime(2026, 1, 28, 9, tzinfo=UTC))
    reach = fetched.lake.reach(USER_DETAILS, NEXT)
    assert reach is not None
    assert reach.through == datetime(2026, 1, 28, 12, tzinfo=UTC)
    assert tables(fetched, NEXT, *STATUS).success
    must_be_of_agents(fetched, NEXT)
    rows = fetched.lake.read("tables/user_presence", NEXT).to_pylist()
    assert {row["source"] for row in rows if row["start_time"] < reach.through} == {"fetched"}
    assert {row["source"] for row in rows if row["start_time"] >= reach.through} == {"data_lake"}


def test_how_a_span_of_a_complete_day_ended_is_taken_from_the_data_lake_of_the_next(
    tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    of_status = {"GENESYS_ASSETS_DATA_LAKE_SCHEMAS": "user-presence,agent-routing-status"}
    present = [datetime(2026, 1, 29, 0, 30, tzinfo=UTC)]
    with running(conversations_per_day=10, now=lambda: present[0], requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path / "lake", code_location, ON | of_status)
        read_status(world, NEXT, datetime(2026, 1, 29, tzinfo=UTC))
        present[0] = NOW
        assert tables(world, NEXT, *STATUS).success
        assert any(row["end_time"] is None for row in presences(world))
        assert fetch(world, "2026-01-29", TODAY).success
        run = tables(world, NEXT, *STATUS)
        must_be_of_agents(world, NEXT)
    assert metadata(run, "tables/user_time", NEXT)["rows_changed"] == 0
    begun = [row for row in presences(world) if row["start_time"] >= datetime(2026, 1, 28, tzinfo=UTC)]
    by_then = datetime(2026, 1, 29, 0, 30, tzinfo=UTC)
    assert {row["source"] for row in begun if row["end_time"] and row["end_time"] < by_then} == {"fetched"}
    assert {row["source"] for row in begun} == {"fetched", "data_lake"}


def presences(world: World) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.lake.read("tables/user_presence", NEXT).to_pylist()
    return rows


def test_files_that_are_not_there_any_more_make_a_days_status_stale(fetched: World) -> None:
    before = of_user_tables(fetched.lake, NEXT)
    assert set(before) == set(STATUS)
    assert can_make_table(fetched.lake, STATUS[0], NEXT, NOW)
    fetched.lake.remove(FILES, ["2026-01-29"])
    after = of_user_tables(fetched.lake, NEXT)
    assert all(after[place] != before[place] for place in STATUS)
    fetched.lake.remove(FILES, [NEXT])
    assert of_user_tables(fetched.lake, NEXT) == {}
    assert not can_make_table(fetched.lake, STATUS[0], NEXT, NOW)


def test_without_one_of_both_schemas_no_status_is_made_of_the_data_lake(off_world: World) -> None:
    some = replace(off_world, settings=ON | {"GENESYS_ASSETS_DATA_LAKE_SCHEMAS": "user-presence"})
    assert fetch(some, DAY, TODAY).success
    assert tables(some, NEXT, *STATUS).success
    assert not some.lake.stored("tables/user_presence")


def test_agents_time_that_differs_between_details_and_the_data_lake_is_named(fetched: World) -> None:
    read_status(fetched, NEXT, KNOWN)
    assert tables(fetched, NEXT, *STATUS).success
    found = checked(fetch(fetched, NEXT))
    assert found.passed
    assert found.metadata["compared_days_of_status"].value == [NEXT]
    rows = fetched.lake.read("tables/user_time", NEXT, schema=USER_TIME.schema)
    fetched.lake.write("tables/user_time", USER_TIME, rows.slice(1), NEXT, {"run_id": "another"})
    kind, status, length = (rows[name][0].as_py() for name in ("kind", "status", "duration_ms"))
    found = checked(fetch(fetched, NEXT))
    assert not found.passed
    (line,) = str(found.metadata["differences"].value).splitlines()
    whole = sum(row["duration_ms"] for row in rows.to_pylist() if (row["kind"], row["status"]) == (kind, status))
    assert line == (
        f"- {NEXT}: {kind} {status}: {whole:,} ms of all agents in the data lake, {whole - length:,} in details"
    )

"""Table assets turn a day's stored pages into tables; `test_a_day` compares their content."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest

from genesys_assets.assets.common import REPORTED_BEFORE
from genesys_assets.days import sources
from genesys_assets.lake.reach import Reach
from genesys_assets.partitions import hours_of, utc_day, utc_hour
from genesys_assets.sandbox.server import running
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES, CONVERSATIONS
from genesys_assets.tables.spec import in_milliseconds
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, error, hours, materialisations, metadata
from genesys_assets_tests.conftest import NOW

FIRST, DAY = "2026-01-27", "2026-01-28"


RECONCILED = (
    "queues_match_interval_metrics",
    "users_match_interval_metrics",
    "wait_is_its_ways_out",
    "handle_time_is_its_parts",
    "abandons_are_in_legs",
)


def failing(run: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The severity of each check that did not pass."""
    checks = run.get_asset_check_evaluations()
    return {check.check_name: check.severity.value for check in checks if not check.passed}


@pytest.fixture
def fetched(world: World) -> World:
    assert world.run("hourly", between=hours(FIRST, DAY)).success
    return world


class At13_30(datetime):
    """The clock at 13:30 on DAY."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime(2026, 1, 28, 13, 30, tzinfo=UTC)


def tables_of(world: World) -> dict[str, str]:
    return {path: digest for path, digest in world.contents().items() if path.startswith("tables/")}


def pages_of_hours(world: World) -> int:
    """The pages of each hour of DAY; an hour in which nothing began has none."""
    stored = [world.lake.pages("pages/hourly_details", hour) for hour in hours_of(DAY)]
    return sum(len(pages) for pages in stored if pages is not None)


@pytest.mark.long
def test_a_range_of_days_is_the_same_as_its_days_one_by_one(fetched: World) -> None:
    assert fetched.run("daily", *TABLES_OF_HOURS, between=(FIRST, DAY)).success
    at_once = tables_of(fetched)
    for day in (FIRST, DAY):
        assert fetched.run("daily", *TABLES_OF_HOURS, partition=day).success
    assert tables_of(fetched) == at_once
    assert len(at_once) == 2 * len(TABLES_OF_HOURS)


@pytest.mark.long
def test_hours_fetched_one_by_one_give_the_same_tables_as_a_range(fetched: World, elsewhere: World) -> None:
    for hour in range(24):
        assert elsewhere.run("hourly", partition=f"{DAY}-{hour:02d}:00").success
    for world in (fetched, elsewhere):
        assert world.run("daily", *TABLES_OF_HOURS, partition=DAY).success
    assert tables_of(fetched) == tables_of(elsewhere)


@pytest.mark.long
def test_each_day_of_a_range_reports_its_own_rows(fetched: World) -> None:
    run = fetched.run("daily", *TABLES_OF_HOURS, between=(FIRST, DAY))
    for name in TABLES_OF_HOURS:
        for day in (FIRST, DAY):
            said = metadata(run, name, day)
            assert said["dagster/partition_row_count"] == len(fetched.lake.read(name, day))
            assert said["path"] == fetched.lake.place(name, day)
            assert said["window_start"] == datetime.fromisoformat(f"{day}T00:00Z").timestamp()
            assert said["window_end"] == said["window_start"] + 86_400


@pytest.mark.long
def test_a_day_of_a_range_is_reported_when_it_is_stored_and_once_more_with_the_versions_of_its_inputs(
    fetched: World,
) -> None:
    run = fetched.run("daily", "tables/interval_metrics", between=(FIRST, DAY))
    reported = materialisations(fetched, run, "tables/interval_metrics")
    assert [event.partition for event in reported] == [FIRST, DAY, FIRST, DAY]
    assert [REPORTED_BEFORE in event.metadata for event in reported] == [False, False, True, True]
    assert ["dagster/column_schema" in event.metadata for event in reported] == [False, False, True, True]
    assert ["dagster/data_version" in (event.tags or {}) for event in reported] == [False, False, True, True]
    alone = fetched.run("daily", "tables/interval_metrics", partition=DAY)
    assert REPORTED_BEFORE not in metadata(alone, "tables/interval_metrics")


@pytest.mark.long
def test_a_table_shows_its_columns_and_a_preview(fetched: World) -> None:
    run = fetched.run("daily", *TABLES_OF_HOURS, partition=DAY)
    said = metadata(run, "tables/conversations")
    columns = said["dagster/column_schema"].columns
    assert [column.name for column in columns] == CONVERSATIONS.schema.names
    assert all(column.description for column in columns)
    assert columns[1].type == "timestamp[ms, tz=UTC]"
    lines = said["preview"].splitlines()
    assert lines[0].startswith("| conversation_start")
    assert len([line for line in lines if line.startswith("|")]) == 2 + 5
    hidden = 5
    assert lines[-3] == f"… and {len(columns) - hidden - 10} more columns"
    assert lines[-1] == f"{hidden} columns that hold personal data are not shown here"
    assert said["pages"] == pages_of_hours(fetched)
    assert said["duplicates_dropped"] == 0
    assert "unknown_fields" not in said
    assert "values_lost" not in said


@pytest.mark.long
@pytest.mark.parametrize("name", ["tables/interval_metrics", "tables/conversations"])
def test_an_hour_that_was_never_fetched_fails_a_finished_day_by_name(world: World, name: str) -> None:
    world.run("hourly", between=(f"{DAY}-00:00", f"{DAY}-20:00"))
    world.run("hourly", between=(f"{DAY}-22:00", f"{DAY}-22:00"))
    before = world.files()
    chosen = [name] if name == "tables/interval_metrics" else TABLES_OF_HOURS[1:]
    said = error(world.run("daily", *chosen, partition=DAY))
    assert f"has not been fetched for these hours of {DAY}: 21:00, 23:00" in said
    assert f"--partition-range {DAY}-21:00...{DAY}-23:00" in said
    assert world.files() == before


@pytest.mark.long
def test_a_day_that_was_never_fetched_leaves_its_table_as_it_was(fetched: World) -> None:
    assert fetched.run("daily", *TABLES_OF_HOURS, partition=DAY).success
    before = fetched.files()
    assert "has not been fetched for these hours" in error(
        fetched.run("daily", "tables/interval_metrics", partition="2026-01-29")
    )
    assert "daily_aggregates has not been fetched" in error(fetched.run("daily", "tables/daily_metrics", partition=DAY))
    assert fetched.files() == before


def test_today_is_made_of_the_stored_hours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "datetime", At13_30)
    world.run("hourly", between=(f"{DAY}-00:00", f"{DAY}-12:00"))
    run = world.run("daily", *TABLES_OF_HOURS, partition=DAY)
    assert run.success
    assert metadata(run, "tables/conversations")["pages"] == pages_of_hours(world)
    assert metadata(run, "tables/conversations")["is_complete"] is False
    assert world.lake.reach("tables/conversations", DAY) == Reach(utc_hour(f"{DAY}-13:00")[0])
    latest = max(world.lake.read("tables/conversations", DAY)["conversation_start"].to_pylist())
    assert datetime(2026, 1, 28, 12, tzinfo=UTC) < latest < datetime(2026, 1, 28, 13, tzinfo=UTC)


def test_today_without_any_hour_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "datetime", At13_30)
    said = error(world.run("daily", "tables/interval_metrics", partition=DAY))
    assert "has not been fetched for these hours" in said


@pytest.mark.long
def test_a_day_without_conversations_has_empty_tables_and_fails_no_check(world: World) -> None:
    world.sandbox.organisation.conversations_per_day = 0
    assert world.run("hourly", between=hours(DAY)).success
    run = world.run("daily", *TABLES_OF_HOURS, partition=DAY)
    assert run.success
    assert failing(run) == dict.fromkeys(RECONCILED, "WARN"), "nothing could be compared"
    for spec in CONVERSATION_TABLES:
        table = world.lake.read(f"tables/{spec.name}", DAY)
        assert len(table) == 0
        assert in_milliseconds(table.schema).equals(spec.schema)
        assert metadata(run, f"tables/{spec.name}")["dagster/partition_row_count"] == 0
        assert metadata(run, f"tables/{spec.name}")["preview"] == "no rows"


@pytest.mark.long
def test_a_day_fetched_again_when_it_is_over_shows_what_was_still_open(
    tmp_path: Path, code_location: dg.Definitions
) -> None:
    clock = [datetime(2026, 1, 28, 15, tzinfo=UTC)]
    with running(conversations_per_day=60, now=lambda: clock[0], requests_per_minute=None) as sandbox:
        world, later = (World(sandbox, tmp_path / name, code_location) for name in ("lake", "later"))
        assert world.run("hourly", between=hours(DAY)).success
        assert world.run("daily", *TABLES_OF_HOURS, partition=DAY).success
        afternoon = world.lake.read("tables/conversations", DAY)
        clock[0] = NOW
        for each in (world, later):
            assert each.run("hourly", between=hours(DAY)).success
            assert each.run("daily", *TABLES_OF_HOURS, partition=DAY).success
        assert tables_of(world) == tables_of(later)
        evening = world.lake.read("tables/conversations", DAY)
    assert not all(afternoon["is_complete"].to_pylist())
    assert len(evening) == 60 > len(afternoon)
    completed = sum(evening["is_complete"].to_pylist())
    assert completed > sum(afternoon["is_complete"].to_pylist()) + (len(evening) - len(afternoon)) / 2


def test_all_checks_of_a_table_pass(fetched: World) -> None:
    run = fetched.run("daily", *TABLES_OF_HOURS, between=(FIRST, DAY))
    checks = run.get_asset_check_evaluations()
    assert failing(run).items() <= dict.fromkeys(RECONCILED, "WARN").items(), "earlier days are not stored"
    assert {check.check_name for check in checks} == {
        "columns_and_types",
        "key_is_unique",
        "key_has_no_nulls",
        "rows_in_partition",
        "as_many_as_the_platform_says",
        "expected_values_present",
        *RECONCILED,
    }


def test_ids_that_the_platform_left_out_or_repeated_stop_no_day(world: World) -> None:
    organisation = world.sandbox.organisation
    (conversation,) = organisation.conversations(date(2026, 1, 28))[3:4]

    def change(item: dict[str, Any]) -> None:
        then = {"eventTime": item["conversationStart"]}
        item["evaluations"] = [then | {"evaluationId": "E", "rescored": rescored} for rescored in (False, True)]
        item["surveys"] = [then | {"surveyPromoterScore": score} for score in (1, 2)]
        for person in item["participants"]:
            for session in person["sessions"]:
                del session["sessionId"]
            del person["participantId"]

    organisation.restate(conversation["conversationId"], change)
    assert world.run("hourly", between=hours(DAY)).success
    run = world.run("daily", *TABLES_OF_HOURS, partition=DAY)
    assert run.success
    assert failing(run).items() <= dict.fromkeys(["expected_values_present", *RECONCILED], "WARN").items()
    warned = [check for check in run.get_asset_check_evaluations() if not check.passed]
    of_tables = {check.asset_key.path[-1] for check in warned if check.check_name == "expected_values_present"}
    assert {"surveys", "sessions", "participants"} <= of_tables
    for name, column in (("evaluations", "evaluation_id"), ("surveys", "survey_id"), ("sessions", "session_id")):
        rows = world.lake.read(f"tables/{name}", DAY)
        of_it = rows.filter(pc.equal(rows["conversation_id"], conversation["conversationId"]))
        assert {*of_it[column].to_pylist()} == {"E" if name == "evaluations" else None}
        assert len(of_it) > 1


def test_a_day_is_known_up_to_its_first_gap() -> None:
    stored: Any = {hour: None for hour in hours_of(DAY) if hour[11:13] not in ("05", "09")}
    assert sources.known_through(DAY, stored, None) == utc_hour(f"{DAY}-05:00")[0]
    assert sources.known_through(DAY, hours_of(DAY), None) == utc_day(DAY)[1]

"""Report assets compute formulas over stored tables; `test_a_day` compares the figures."""

from __future__ import annotations

import base64
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.assets.observations import OBSERVATIONS
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.spec import in_milliseconds
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, error, hours, key, metadata
from genesys_assets_tests.conftest import DAY, DAYS

REPORTS = [report.spec for report in built_in_reports()]
ALL = [f"reports/{spec.name}" for spec in REPORTS]


@pytest.fixture
def days(past_days: World, tmp_path: Path) -> World:
    """The past days in a lake of the test's own."""
    folder = tmp_path / "lake"
    shutil.copytree(past_days.folder, folder)
    return replace(past_days, folder=folder, instance=dg.DagsterInstance.ephemeral(), runs=[])


def reports_of(world: World) -> dict[str, str]:
    return {path: digest for path, digest in world.contents().items() if path.startswith("reports/")}


def interval(world: World, granularity: str) -> dg.ExecuteInProcessResult:
    config = {"ops": {"genesys__reports__interval": {"config": {"granularity": granularity}}}}
    return world.run("daily", "reports/interval", partition=f"{DAY}", config=config)


@pytest.mark.long
def test_a_range_of_days_is_the_same_as_its_days_one_by_one(days: World) -> None:
    before = reports_of(days)
    read = dg.AssetSelection.assets(*map(key, ALL)).upstream() & dg.AssetSelection.groups("tables")
    tables = {"/".join(asset.path[1:]) for asset in read.resolve(days.definitions.resolve_asset_graph())}
    lacking = [*sorted(tables - set(TABLES_OF_HOURS)), "pages/daily_user_details"]
    assert days.run("daily", *lacking, between=(f"{DAYS[0]}", f"{DAYS[-1]}")).success
    assert days.run("daily", *ALL, between=(f"{DAYS[0]}", f"{DAYS[-1]}")).success
    at_once = reports_of(days)
    assert len(at_once) == len(ALL) * len(DAYS)
    assert before.items() < at_once.items()
    for day in DAYS[:2]:
        assert days.run("daily", *ALL, partition=f"{day}").success
    assert reports_of(days) == at_once


@pytest.mark.parametrize("spec", REPORTS, ids=lambda spec: spec.name)
def test_a_report_shows_its_rows_columns_preview_and_a_chart(past_days: World, spec: object) -> None:
    name = spec.name  # type: ignore[attr-defined]
    said = metadata(past_days.runs[-1], f"reports/{name}", f"{DAY}")
    table = past_days.lake.read(f"reports/{name}", f"{DAY}")
    assert said["dagster/partition_row_count"] == len(table)
    assert [column.name for column in said["dagster/column_schema"].columns] == table.schema.names
    assert said["preview"].startswith("| interval_start")
    assert said["path"] == past_days.lake.place(f"reports/{name}", f"{DAY}")
    picture = re.fullmatch(r"!\[.+ by .+\]\(data:image/svg\+xml;base64,(.+)\)", said["chart"])
    assert picture is not None
    assert base64.b64decode(picture[1]).startswith(b"<svg ")


@pytest.mark.parametrize(
    ("granularity", "step"),
    [("PT30M", timedelta(minutes=30)), ("PT1H", timedelta(hours=1)), ("P1D", timedelta(days=1))],
)
def test_longer_intervals_sum_up_the_shorter_ones(days: World, granularity: str, step: timedelta) -> None:
    short = days.lake.read("reports/interval", f"{DAY}").to_pylist()
    assert interval(days, granularity).success
    long = days.lake.read("reports/interval", f"{DAY}").to_pylist()
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    assert len(long) == len({(row["interval_start"] - midnight) // step for row in short})
    for row in long:
        assert row["interval_end"] - row["interval_start"] == step
        parts = [part for part in short if row["interval_start"] <= part["interval_start"] < row["interval_end"]]
        for figure in ("conversation_count", "handled_count", "abandoned_count", "service_level_numerator"):
            assert (row[figure] or 0) == sum(part[figure] or 0 for part in parts)


def test_an_unknown_granularity_is_refused_with_the_allowed_ones(days: World) -> None:
    before = days.files()
    assert "granularity 'PT5M' is not valid: choose one of PT15M, PT30M, PT1H, P1D" in error(interval(days, "PT5M"))
    assert days.files() == before


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_a_report_without_its_tables_says_what_to_materialise_first(world: World, name: str) -> None:
    said = error(world.run("daily", name, partition=f"{DAY}"))
    assert re.search(rf"genesys/tables/\w+ has no partition {DAY}: materialise it first", said)
    assert not world.files()


@pytest.mark.long
def test_a_day_without_conversations_has_empty_reports(world: World) -> None:
    world.sandbox.organisation.conversations_per_day = 0
    assert world.run("hourly", between=hours(f"{DAY}")).success
    # Observations can only be made on the day itself.
    observed = dg.AssetSelection.assets(*(key(observation.place) for observation in OBSERVATIONS))
    everything = dg.AssetSelection.groups("reference", "tables", "reports") - observed
    chosen = everything.resolve(world.definitions.resolve_asset_graph())
    pages = ("pages/daily_aggregates", "pages/daily_user_details")
    run = world.run("daily", *("/".join(asset.path[1:]) for asset in chosen), *pages, partition=f"{DAY}")
    assert run.success
    present = world.lake.read("reports/agent_day", f"{DAY}").to_pylist()
    for spec in REPORTS:
        table = world.lake.read(f"reports/{spec.name}", f"{DAY}")
        assert len(table) == (len(present) if spec.name == "agent_day" else 0)
        assert in_milliseconds(table.schema).equals(spec.schema)
        assert metadata(run, f"reports/{spec.name}")["dagster/partition_row_count"] == len(table)
        assert ("chart" in metadata(run, f"reports/{spec.name}")) == bool(len(table))
    # Agents worked though nobody called.
    assert any(row["on_queue_ms"] for row in present)
    assert not any(row["interacting_ms"] for row in present)

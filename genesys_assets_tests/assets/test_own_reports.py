"""Custom reports: they are assets like the built-in ones, made from answers that are requested for them. A file with a
mistake is refused visibly, and everything else goes on.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.assets.reports_file import VALID
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.meaning.questions import STANDARD, merged, questions_of
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import FILES_OF_A_DAY, World, definitions, error, hours, key, metadata
from genesys_assets_tests.conftest import DAY, DAYS, NOW

INBOUND = """\
reports:
  inbound:
    description: One row per media type of inbound sessions.
    group_by: [mediaType]
    aggregates:
      filter: {direction: inbound}
      views:
        long: {target: tHandle, gte: 300000}
      metrics: {handled: tHandle.count, handle_time: tHandle.sum, long: long.count}
    columns:
      handled:
      handle_time: {unit: ms}
      long:
"""
START = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
END = START + timedelta(days=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reports.yaml"
    path.write_text(INBOUND)
    return path


def with_reports(world: World, file: Path) -> World:
    return replace(world, definitions=definitions(f"{DAYS[0]}", reports=file))


def read(world: World) -> None:
    assert world.run("hourly", "pages/hourly_aggregates", between=hours(f"{DAY}")).success
    assert world.run("daily", "tables/interval_metrics", partition=f"{DAY}").success


def expected(world: World) -> dict[str, tuple[int, int, int | None]]:
    """Handled, handle time and handled for 5 minutes or more of inbound sessions, by media type."""
    values: defaultdict[str, list[int]] = defaultdict(list)
    reaching = [item for back in range(6) for item in world.seen(DAY - timedelta(days=back), NOW)]
    for session in plain.sessions(reaching):
        for when, _, value in session.emitted("tHandle"):
            if START <= when < END and session.item.get("direction") == "inbound":
                values[str(session.media_type)].append(value)
    long = {media: sum(value >= 300_000 for value in found) for media, found in values.items()}
    return {media: (len(found), sum(found), long[media] or None) for media, found in values.items()}


@pytest.mark.long
def test_a_report_with_a_filter_says_what_the_conversations_say(world: World, file: Path) -> None:
    world = with_reports(world, file)
    read(world)
    pages = world.lake.pages("pages/hourly_aggregates", f"{DAY}-09:00")
    assert pages is not None
    shipped = merged([*STANDARD, *questions_of(built_in_reports())])
    assert len(pages) == len(shipped) + 1, "the usual questions, and the report's own"
    run = world.run("daily", "reports/inbound", partition=f"{DAY}")
    assert run.success
    rows = world.lake.read("reports/inbound", f"{DAY}").to_pylist()
    found = {row["media_type"]: (row["handled"], row["handle_time_ms"], row["long"]) for row in rows}
    assert found == expected(world)
    assert any(long for _, _, long in found.values())
    assert metadata(run, "reports/inbound")["dagster/partition_row_count"] == len(rows)
    checks = {check.check_name for check in run.get_asset_check_evaluations() if check.passed}
    assert checks == {"columns_and_types", "key_is_unique", "key_has_no_nulls"}


@pytest.mark.long
def test_what_the_report_asks_changes_nothing_for_others(world: World, elsewhere: World, file: Path) -> None:
    read(world)
    read(with_reports(elsewhere, file))
    usual, more = (each.lake.read("tables/interval_metrics", f"{DAY}") for each in (world, elsewhere))
    assert len(more) > len(usual)
    assert [row for row in more.to_pylist() if not row["selection"]] == usual.to_pylist()


@pytest.mark.long
def test_hours_that_were_fetched_before_the_report_was_defined_have_to_be_fetched_again(
    world: World, file: Path
) -> None:
    read(world)
    later = with_reports(world, file)
    said = error(later.run("daily", "reports/inbound", partition=f"{DAY}"))
    assert f"Hours of {DAY} were fetched before a report or a setting needed tHandle by mediaType" in said
    assert f"--partition-range {DAY}-00:00...{DAY}-23:00" in said
    assert later.run("hourly", "pages/hourly_aggregates", partition=f"{DAY}-09:00").success
    assert later.run("daily", "tables/interval_metrics", partition=f"{DAY}").success
    said = error(later.run("daily", "reports/inbound", partition=f"{DAY}"))
    assert "were fetched before" in said, "one hour is not the whole day"
    read(later)
    assert later.run("daily", "reports/inbound", partition=f"{DAY}").success


def test_a_report_that_is_answered_already_costs_no_request(world: World, file: Path) -> None:
    file.write_text(
        "reports:\n  inbound:\n    description: One row per media type.\n    group_by: [mediaType]\n"
        "    aggregates: {filter: {mediaType: voice}, metrics: {handled: tHandle.count}}\n"
    )
    read(world)
    assert with_reports(world, file).run("daily", "reports/inbound", partition=f"{DAY}").success
    assert world.lake.read("reports/inbound", f"{DAY}")["media_type"].to_pylist() == ["voice"]


LONGER = """\
reports:
  three_days:
    description: One row per media type of three days.
    over: {rolling: 3}
    group_by: [mediaType]
    aggregates: {metrics: {handled: tHandle.count}}
  weekly:
    description: One row per media type of a week.
    over: week
    group_by: [mediaType]
    aggregates: {metrics: {handled: tHandle.count}}
"""


@pytest.mark.long
def test_a_report_over_several_days_is_stored_and_published_with_the_last_of_them(
    past_days: World, tmp_path: Path, file: Path
) -> None:
    file.write_text(LONGER)
    shutil.copytree(past_days.folder, tmp_path / "lake")
    world = replace(
        with_reports(past_days, file),
        folder=tmp_path / "lake",
        settings={"GENESYS_ASSETS_PUBLISH_URL": (tmp_path / "published").as_uri()},
        instance=dg.DagsterInstance.ephemeral(),
        runs=[],
    )
    between = (f"{DAYS[0]}", f"{DAYS[-1]}")
    assert world.run("daily", "reports/three_days", "reports/weekly", between=between).success
    stored = {name: sorted(map(str, world.lake.stored(f"reports/{name}"))) for name in ("three_days", "weekly")}
    assert stored == {"three_days": [f"{day}" for day in DAYS[2:]], "weekly": []}
    for name, days in stored.items():
        assert sorted(world.instance.get_materialized_partitions(key(f"reports/{name}"))) == days
    rows = world.lake.read("reports/three_days", f"{DAY}").to_pylist()
    metrics = [row for day in DAYS[1:4] for row in world.lake.read("tables/interval_metrics", f"{day}").to_pylist()]
    handled: defaultdict[str, int] = defaultdict(int)
    for row in metrics:
        if (row["grouping"], row["metric"], row["selection"]) == (QUEUE_GROUPING, "tHandle", ""):
            handled[row["media_type"]] += row["count"]
    assert {row["media_type"]: row["handled"] for row in rows} == handled
    assert world.run("daily", "published/reports", partition=f"{DAY}").success
    (path,) = (tmp_path / "published").rglob("manifest.json")
    manifest = json.loads(path.read_text())
    assert "three_days" in {each["report"] for each in manifest["files"]}
    assert manifest["missing"] == [], "no week ends on this day"


def test_a_day_that_ends_no_week_has_no_report_of_a_week(past_days: World, tmp_path: Path, file: Path) -> None:
    file.write_text(LONGER)
    shutil.copytree(past_days.folder, tmp_path / "lake")
    instance = dg.DagsterInstance.ephemeral()
    world = replace(with_reports(past_days, file), folder=tmp_path / "lake", instance=instance, runs=[])
    assert world.run("daily", "reports/weekly", partition=f"{DAY}").success
    assert not instance.get_materialized_partitions(key("reports/weekly"))


def test_it_is_an_asset_like_those_that_ship(file: Path) -> None:
    found = definitions(f"{DAYS[0]}", reports=file)
    specs = {spec.key: spec for spec in found.resolve_all_asset_specs()}
    mine, theirs = specs[key("reports/inbound")], specs[key("reports/queue_media")]
    assert (mine.group_name, mine.partitions_def, mine.tags) == (theirs.group_name, theirs.partitions_def, theirs.tags)
    published = specs[key("published/reports")]
    assert key("reports/inbound") not in {dep.asset_key for dep in published.deps}, "a report that fails stops no other"
    assert "`genesys/reports/inbound`" in (specs[key("ops/reports_file")].description or "")


def test_a_file_with_a_mistake_is_refused_where_people_see_it(
    world: World, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(INBOUND.replace("tHandle.sum", "tHandel.sum").replace("unit: ms", "unit: days"))
    world = with_reports(world, file)
    keys = {spec.key for spec in world.definitions.resolve_all_asset_specs()}
    assert key("reports/inbound") not in keys
    assert key("reports/queue_media") in keys
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1
    for mistake in (f"{file}:9:", f"{file}:12:", "Closest: tHandle", "'minutes'", "none of its reports is loaded"):
        assert mistake in said[0]
    (spec,) = (spec for spec in world.definitions.resolve_all_asset_specs() if spec.key == key("ops/reports_file"))
    assert "is refused" in (spec.description or "")
    assert "Closest: tHandle" in (spec.description or "")
    run = world.run("daily", "ops/reports_file", partition=f"{DAY}")
    (check,) = run.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == (VALID, False)
    assert "Closest: tHandle" in str(check.metadata["problems"].value)


def test_a_file_that_is_right_again_passes_and_asks_for_a_reload(world: World, file: Path) -> None:
    file.write_text("reports: []")
    world = with_reports(world, file)
    file.write_text(INBOUND)
    (check,) = world.run("daily", "ops/reports_file", partition=f"{DAY}").get_asset_check_evaluations()
    assert check.passed
    assert "reload" in str(check.metadata["note"].value)


def test_a_file_that_is_named_but_not_there_is_a_mistake(world: World, tmp_path: Path) -> None:
    world = with_reports(world, tmp_path / "nowhere.yaml")
    (check,) = world.run("daily", "ops/reports_file", partition=f"{DAY}").get_asset_check_evaluations()
    assert not check.passed
    assert "cannot be read: No such file" in str(check.metadata["problems"].value)


def test_without_a_file_there_is_nothing_to_complain_about(world: World) -> None:
    run = world.run("daily", "ops/reports_file", partition=f"{DAY}")
    assert [check.passed for check in run.get_asset_check_evaluations()] == [True]
    assert metadata(run, "ops/reports_file")["file"] == "none"


@pytest.mark.long
def test_one_that_fails_keeps_nobody_else_from_being_published_and_is_named(
    past_days: World, tmp_path: Path, file: Path
) -> None:
    shutil.copytree(past_days.folder, tmp_path / "lake")
    world = replace(
        with_reports(past_days, file),
        folder=tmp_path / "lake",
        settings={"GENESYS_ASSETS_PUBLISH_URL": (tmp_path / "published").as_uri()},
        instance=dg.DagsterInstance.ephemeral(),
        runs=[],
    )
    run = world.run("daily", "reports/inbound", "published/reports", partition=f"{DAY}")
    assert "were fetched before a report or a setting needed tHandle by mediaType" in error(run)
    (path,) = (tmp_path / "published").rglob("manifest.json")
    manifest = json.loads(path.read_text())
    (missing,) = manifest["missing"]
    assert missing["report"] == "inbound"
    assert missing["reason"].startswith(f"its last computation failed: Hours of {DAY} were fetched before a report or")
    assert len(manifest["files"]) == FILES_OF_A_DAY
    assert all((path.parent / file["url"]).is_file() for file in manifest["files"])
    later = world.run("daily", "published/reports", partition=f"{DAY}")
    assert later.success
    assert "its last computation failed" in metadata(later, "published/reports")["missing"]


@pytest.mark.long
def test_it_stands_on_s3_with_the_others(past_days: World, tmp_path: Path, s3_client: Any, bucket: str) -> None:
    file = tmp_path / "reports.yaml"
    file.write_text(
        "reports:\n  calls:\n    description: One row per queue.\n    group_by: [queueId]\n"
        "    aggregates: {filter: {mediaType: voice}, metrics: {handled: tHandle.count}}\n"
    )
    shutil.copytree(past_days.folder, tmp_path / "lake")
    world = replace(
        with_reports(past_days, file),
        folder=tmp_path / "lake",
        settings={**past_days.settings, "GENESYS_ASSETS_PUBLISH_URL": f"s3://{bucket}/published"},
        instance=dg.DagsterInstance.ephemeral(),
        runs=[],
    )
    assert world.run("daily", "reports/calls", "published/reports", partition=f"{DAY}").success
    listed = s3_client.list_objects_v2(Bucket=bucket, Prefix="published/reports/calls/")["Contents"]
    ends = sorted(item["Key"].rpartition(".")[2] for item in listed)
    assert ends == ["csv", "json", "parquet"]

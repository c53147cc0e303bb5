"""Importing through Dagster: files that a script saved become the same tables as fetched pages would."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from genesys_assets.days import utc_day, utc_hour
from genesys_assets.partitions import hours_of
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, error, events, hours, key, metadata

DAY, NEXT = "2026-01-28", "2026-01-29"
DETAIL_TABLES = TABLES_OF_HOURS[1:]
IMPORT = "ops/import"
ALL_ASSETS = "__ASSET_JOB"
CUSTOMER = [{"participantId": "p", "purpose": "customer", "sessions": [{"sessionId": "s", "mediaType": "voice"}]}]

CALL = {"conversationId": "A", "conversationStart": f"{DAY}T10:00:00.000Z", "participants": CUSTOMER}


@pytest.fixture
def fetched(world: World) -> World:
    """DAY fetched from the platform: by hours, and by the business day."""
    assert world.run("hourly", between=hours(DAY)).success
    assert world.run("daily", "pages/daily_aggregates", partition=DAY).success
    assert world.run("daily", *TABLES_OF_HOURS, "tables/daily_metrics", partition=DAY).success
    return world


def answers(world: World, asset: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    stored = [world.lake.pages(f"pages/{asset}", partition) for partition in keys]
    pages = [page for pages in stored if pages is not None for page in pages]
    return [dict(page.json()) for page in pages if "/analytics/conversations/" in page.request]


def save(folder: Path, name: str, documents: Sequence[Any]) -> str:
    """Save one document as JSON, several as JSON Lines; compressed if the name says so."""
    folder.mkdir(exist_ok=True)
    text = "\n".join(json.dumps(document) for document in documents).encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return f"{folder / name}"


def saved_day(world: World, folder: Path, of_hours: Sequence[str] | None = None) -> Path:
    """The folder in which a script saved all answers."""
    wanted = of_hours or hours_of(DAY)
    save(folder, "details.jsonl.gz", answers(world, "hourly_details", wanted))
    of_day = answers(world, "daily_aggregates", [DAY])
    for number, name in enumerate(("queues", "users")):
        save(folder, f"{name}-by-hour.jsonl", answers(world, "hourly_aggregates", wanted)[number::2])
        save(folder, f"{name}-of-day.json", [of_day[number]])
    return folder


def bring_day(world: World, folder: Path, **config: Any) -> None:
    """Import the folder's files. An answer of a quiet hour does not show what it was grouped by."""
    for name, dimension in (("queues", "queueId"), ("users", "user")):
        assert bring(world, f"{folder}/{name}-*", group_by=[dimension, "mediaType"], **config).success
    assert bring(world, f"{folder}/details*", **config).success


def bring(world: World, *files: str, **config: Any) -> dg.ExecuteInProcessResult:
    run_config = {"ops": {"genesys__ops__import": {"config": {"files": list(files), **config}}}}
    return world.run(ALL_ASSETS, IMPORT, config=run_config)


def rows(world: World, name: str, *, without: Sequence[str] = ("source",)) -> pa.Table:
    table = world.lake.read(name, DAY)
    return table.drop_columns([column for column in without if column in table.column_names])


def sources(world: World, name: str) -> set[str]:
    return set(world.lake.read(name, DAY)["source"].to_pylist())


@pytest.mark.long
def test_a_saved_day_gives_the_tables_of_the_fetched_day(fetched: World, elsewhere: World, tmp_path: Path) -> None:
    bring_day(elsewhere, saved_day(fetched, tmp_path / "saved"), complete=f"{DAY}/{NEXT}")
    run = elsewhere.run("daily", *TABLES_OF_HOURS, "tables/daily_metrics", partition=DAY)
    assert run.success
    for name in (*TABLES_OF_HOURS, "tables/daily_metrics"):
        assert rows(elsewhere, name) == rows(fetched, name), name
    for name in ("tables/conversations", "tables/interval_metrics", "tables/daily_metrics"):
        assert sources(elsewhere, name) == {"imported"}
        assert sources(fetched, name) == {"fetched"}
    said = metadata(run, "tables/conversations")
    assert said["imported_conversations"] == said["dagster/partition_row_count"] == 60
    assert said["is_complete"] is True
    checks = {check.check_name: check for check in run.get_asset_check_evaluations()}
    assert all(check.passed or check.severity is dg.AssetCheckSeverity.WARN for check in checks.values())
    compared = [check for name, check in checks.items() if "match" in name or "parts" in name]
    assert len(compared) == 4
    assert all("has imported figures" in str(check.metadata["not_evaluated"].value) for check in compared)


@pytest.mark.long
def test_a_run_reports_the_outcome_of_each_file_and_which_days_are_new(
    fetched: World, elsewhere: World, tmp_path: Path
) -> None:
    files = f"{saved_day(fetched, tmp_path / 'saved')}"
    (tmp_path / "saved" / "cut.json").write_text('{"conversations": [')
    run = bring(elsewhere, files, f"{tmp_path}/none-*.json")
    said = metadata(run, IMPORT)
    assert (said["skipped"], said["conversations"], said["changed_days"]) == (2, 60, [DAY])
    table = said["files"]
    assert "60 conversations" in next(line for line in table.splitlines() if "details.jsonl.gz" in line)
    assert "it is not JSON" in next(line for line in table.splitlines() if "cut.json" in line)
    assert "cut.json: it is not JSON" in events(elsewhere.instance, run)
    for name in ("imported_details", "imported_hourly_aggregates", "imported_daily_aggregates"):
        assert elsewhere.instance.get_materialized_partitions(key(f"pages/{name}")) == {DAY}
    before = elsewhere.files()
    again = metadata(bring(elsewhere, files), IMPORT)
    assert again["changed_days"] == []
    assert elsewhere.files() == before


@pytest.mark.parametrize(
    ("document", "warnings"),
    [
        (
            {"conversations": [CALL, {"conversationId": "B"}]},
            ["Left out: ", "No day was marked as complete, because something was left out."],
        ),
        (
            {"conversations": [CALL], "totalHits": 3},
            ["No day was marked as complete, because the platform counted 3 conversations (totalHits) and the files"],
        ),
    ],
)
def test_a_run_warns_if_something_keeps_its_days_from_being_complete(
    world: World, tmp_path: Path, document: dict[str, Any], warnings: list[str]
) -> None:
    run = bring(world, save(tmp_path / "saved", "a.json", [document]), complete=f"{DAY}/{NEXT}")
    assert run.success
    logged = [entry for entry in world.instance.all_logs(run.run_id) if entry.level == logging.WARNING]
    said = [entry.user_message for entry in logged]
    assert len(said) == len(warnings)
    assert all(each.startswith(warning) for each, warning in zip(said, warnings, strict=True))
    reach = world.lake.reach("pages/imported_details", DAY)
    assert reach is not None
    assert not reach.is_complete


def test_a_run_fails_where_no_file_can_be_read_or_a_setting_is_invalid(world: World, tmp_path: Path) -> None:
    assert "No file could be read." in error(bring(world, f"{tmp_path}/none.json"))
    assert "granularity 'PT5M' is none of PT15M" in error(bring(world, f"{tmp_path}", granularity="PT5M"))
    assert "is not over" in error(bring(world, f"{tmp_path}", complete="2026-01-01/2099-01-01"))


@pytest.mark.long
def test_a_day_that_is_only_imported_is_computed_and_not_called_complete(
    fetched: World, elsewhere: World, tmp_path: Path
) -> None:
    bring_day(elsewhere, saved_day(fetched, tmp_path / "saved", hours_of(DAY)[8:12]))
    run = elsewhere.run("daily", *TABLES_OF_HOURS, "tables/daily_metrics", partition=DAY)
    assert run.success
    for name in ("tables/conversations", "tables/interval_metrics", "tables/daily_metrics"):
        reach = elsewhere.lake.reach(name, DAY)
        assert reach is not None
        assert (reach.through, reach.imported) == (utc_day(DAY)[0], True)
    assert metadata(run, "tables/conversations")["is_complete"] is False


@pytest.mark.long
def test_reports_require_a_statement_that_an_imported_day_is_complete(
    fetched: World, elsewhere: World, tmp_path: Path
) -> None:
    files = saved_day(fetched, tmp_path / "saved")
    bring_day(elsewhere, files)
    elsewhere.run("daily", *TABLES_OF_HOURS, partition=DAY)
    said = error(elsewhere.run("daily", "reports/queue_media", partition=DAY))
    assert "import its files again with --complete" in said
    bring_day(elsewhere, files, complete=f"{DAY}/{NEXT}")
    elsewhere.run("daily", *TABLES_OF_HOURS, partition=DAY)
    reports = ("reports/queue_media", "reports/interval", "reports/agent_hourly", "reports/conversation_quality")
    for each in (fetched, elsewhere):
        assert each.run("daily", *reports, partition=DAY).success
    for name in reports:
        assert rows(elsewhere, name) == rows(fetched, name), name


@pytest.mark.long
def test_imported_hours_fill_those_that_were_never_fetched_and_are_never_added(
    fetched: World, elsewhere: World, tmp_path: Path
) -> None:
    assert elsewhere.run("hourly", between=(f"{DAY}-00:00", f"{DAY}-11:00")).success
    bring_day(elsewhere, saved_day(fetched, tmp_path / "saved"))
    run = elsewhere.run("daily", *TABLES_OF_HOURS, partition=DAY)
    for name in TABLES_OF_HOURS:
        assert rows(elsewhere, name) == rows(fetched, name), name
    table = elsewhere.lake.read("tables/interval_metrics", DAY)
    by_source = {
        (source, start.hour < 12)
        for source, start in zip(table["source"].to_pylist(), table["interval_start"].to_pylist(), strict=True)
    }
    assert by_source == {("fetched", True), ("imported", False)}
    assert metadata(run, "tables/interval_metrics")["imported_rows"] == table["source"].to_pylist().count("imported")
    began = elsewhere.lake.read("tables/conversations", DAY)
    assert {
        (source, start.hour < 12)
        for source, start in zip(began["source"].to_pylist(), began["conversation_start"].to_pylist(), strict=True)
    } == by_source
    reach = elsewhere.lake.reach("tables/conversations", DAY)
    assert reach is not None
    assert reach.through == utc_hour(f"{DAY}-12:00")[0]


def test_what_is_fetched_goes_before_what_is_imported(fetched: World, elsewhere: World, tmp_path: Path) -> None:
    doubled = answers(fetched, "hourly_aggregates", hours_of(DAY))
    for answer in doubled:
        for result in answer["results"]:
            for bucket in result["data"]:
                for figure in bucket["metrics"]:
                    figure["stats"] = {"count": 1_000_000}
    bring(elsewhere, save(tmp_path / "saved", "doubled.jsonl", doubled))
    assert elsewhere.run("daily", "tables/interval_metrics", partition=DAY).success
    assert set(elsewhere.lake.read("tables/interval_metrics", DAY)["count"].to_pylist()) == {1_000_000}
    assert elsewhere.run("hourly", between=hours(DAY)).success
    assert elsewhere.run("daily", "tables/interval_metrics", partition=DAY).success
    assert elsewhere.lake.read("tables/interval_metrics", DAY) == fetched.lake.read("tables/interval_metrics", DAY)


def fetch_in_the_past(world: World, at: datetime) -> None:
    """Change the pages of the hours as if they had been fetched then."""
    for hour in hours_of(DAY):
        pages = list(world.lake.pages("pages/hourly_details", hour) or ())
        with world.lake.page_writers("pages/hourly_details", [hour], {}) as writers:
            for page in pages:
                writers[hour].write(replace(page, fetched_at=at))


@pytest.mark.long
def test_the_fetched_form_of_a_conversation_stays_unless_the_imported_one_has_a_later_event(
    fetched: World, tmp_path: Path
) -> None:
    conversations = [row for page in answers(fetched, "hourly_details", hours_of(DAY)) for row in page["conversations"]]
    stale, newer = conversations[0] | {"externalTag": "stale"}, conversations[1] | {"externalTag": "newer"}
    newer["conversationEnd"] = "2026-02-02T10:00:00.000Z"
    fetch_in_the_past(fetched, datetime(2026, 2, 1, tzinfo=UTC))
    bring(fetched, save(tmp_path / "saved", "more.json", [[stale, newer]]))
    run = fetched.run("daily", *DETAIL_TABLES, partition=DAY)
    table = fetched.lake.read("tables/conversations", DAY).to_pylist()
    tags = {row["conversation_id"]: (row["external_tag"], row["source"]) for row in table}
    assert tags[stale["conversationId"]][1] == "fetched"
    assert tags[stale["conversationId"]][0] != "stale"
    assert tags[newer["conversationId"]] == ("newer", "imported")
    assert len(table) == 60
    assert metadata(run, "tables/conversations")["imported_conversations"] == 1


@pytest.mark.long
def test_a_day_read_by_jobs_takes_nothing_from_imports(fetched: World, elsewhere: World, tmp_path: Path) -> None:
    extra = {"conversationId": "gone", "conversationStart": f"{DAY}T10:00:00.000Z", "participants": CUSTOMER}
    bring(elsewhere, save(tmp_path / "saved", "gone.json", [extra]))
    assert elsewhere.run("daily", *DETAIL_TABLES, partition=DAY).success
    assert elsewhere.lake.read("tables/conversations", DAY)["conversation_id"].to_pylist() == ["gone"]
    assert elsewhere.run("complete", "pages/daily_details", partition=DAY).success
    run = elsewhere.run("daily", *DETAIL_TABLES, partition=DAY)
    assert sources(elsewhere, "tables/conversations") == {"fetched"}
    assert len(elsewhere.lake.read("tables/conversations", DAY)) == 60
    assert metadata(run, "tables/conversations")["is_complete"] is True


def test_figures_of_a_tutorial_become_rows_and_a_report_of_whole_hours(world: World, tmp_path: Path) -> None:
    document = {
        "granularity": "PT1H",
        "results": [
            {
                "timestamp": f"{DAY}T13:00:00",
                "queue": {"id": "Q", "name": "Billing"},
                "conversationType": "voice",
                "metrics": {"handleTime": 90.5, "handledCount": 2, "abandonedCount": 1, "smallTalk": 4},
            }
        ],
    }
    file = save(tmp_path / "saved", "tutorial.json", [document])
    run = bring(world, file, time_unit="seconds", time_zone="America/New_York", complete=f"{DAY}/{NEXT}")
    assert "'smallTalk' has no equivalent metric" in metadata(run, IMPORT)["files"]
    begun = {"conversationId": "A", "conversationStart": f"{DAY}T18:40:00.000Z", "participants": CUSTOMER}
    bring(world, save(tmp_path / "saved", "begun.json", [begun]), complete=f"{DAY}/{NEXT}")
    assert world.run("daily", *TABLES_OF_HOURS, partition=DAY).success
    handled, abandoned = world.lake.read("tables/interval_metrics", DAY).to_pylist()[::-1]
    expected = dict.fromkeys(INTERVAL_METRICS.schema.names) | {
        "selection": "",
        "view": "",
        "interval_start": handled["interval_start"],
        "interval_end": handled["interval_end"],
        "grouping": "mediaType,queueId",
        "is_additive": True,
        "group_key": '{"mediaType":"voice","queueId":"Q"}',
        "queue_id": "Q",
        "media_type": "voice",
        "metric": "tHandle",
        "count": 2,
        "sum": 90_500,
        "source": "imported",
    }
    assert handled == expected
    assert (abandoned["metric"], abandoned["count"], abandoned["sum"]) == ("tAbandon", 1, None)
    assert f"{handled['interval_start']:%H:%M}-{handled['interval_end']:%H:%M}" == "18:00-19:00"
    assert world.run("daily", "reports/interval", partition=DAY).success
    (row,) = world.lake.read("reports/interval", DAY).to_pylist()
    assert f"{row['interval_start']:%H:%M}-{row['interval_end']:%H:%M}" == "18:00-19:00"
    assert (row["conversation_count"], row["handled_count"], row["abandoned_count"]) == (1, 2, 1)
    assert row["average_handle_time_seconds"] == 45.25


def test_damaged_pages_fail_the_run_and_its_metadata_lists_the_files_that_were_read(
    world: World, tmp_path: Path
) -> None:
    assert bring(world, save(tmp_path / "saved", "a.json", [CALL])).success
    for path in Path(world.lake.store.path("pages/imported_details")).rglob("*.parquet"):
        path.write_bytes(b"damaged")
    other = save(tmp_path / "saved", "b.json", [CALL | {"conversationId": "B"}])
    done = bring(world, other, "nowhere.json")
    assert "The stored pages of imported_details of 2026-01-28 are damaged" in error(done)
    (failure,) = (event for event in done.all_events if event.is_step_failure)
    listed = failure.step_failure_data.user_failure_data
    assert listed is not None
    text = str(listed.metadata["files"].value)
    assert "b.json" in text
    assert "nowhere.json" in text

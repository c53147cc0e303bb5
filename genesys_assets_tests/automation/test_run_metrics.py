"""One line of JSON for each run that has ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.automation import run_metrics
from genesys_assets.cloud import api_usage
from genesys_assets.lake.writers import TableWriter
from genesys_assets.sandbox.extraction import File
from genesys_assets.sandbox.server import running
from genesys_assets.sandbox.times import from_datetime
from genesys_assets_tests.assets.world import World, definitions, environment

DAY = "2026-01-29"
NOW = datetime(2026, 1, 30, 18, tzinfo=UTC)
TWO_HOURS = (f"{DAY}-10:00", f"{DAY}-11:00")


class Watch:
    """The sensor, switched on before anything has run."""

    def __init__(self, world: World, file: Path | None) -> None:
        self.world = world
        self.file = file
        self.cursor: str | None = None
        self.tick()

    def tick(self) -> str:
        settings = {} if self.file is None else {"GENESYS_ASSETS_RUN_METRICS": str(self.file)}
        repository = self.world.definitions.get_repository_def()
        with (
            environment(settings),
            dg.build_sensor_context(
                instance=self.world.instance, cursor=self.cursor, repository_def=repository
            ) as context,
        ):
            told = repository.get_sensor_def("run_metrics").evaluate_tick(context)
        self.cursor = told.cursor
        return told.skip_message or ""

    def lines(self) -> list[dict[str, Any]]:
        assert self.file is not None
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with (
        running(seed=7, conversations_per_day=60, now=NOW, requests_per_minute=None) as sandbox,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        yield World(sandbox, tmp_path / "lake", definitions(DAY), instance=instance)


@pytest.mark.parametrize("cursor", ["", "{", "[]", "7", "{}", '{"after": "yesterday", "written": []}'])
def test_a_cursor_of_something_else_counts_as_none(cursor: str, world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    watch.cursor = cursor
    assert watch.tick() == "No run has ended."
    world.run("hourly", between=TWO_HOURS)
    assert watch.tick() == "1 runs have ended."


def test_a_run_that_succeeded_says_what_it_stored_and_what_it_cost(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    run = world.run("hourly", between=TWO_HOURS)
    assert watch.tick() == "1 runs have ended."
    [line] = watch.lines()
    assert line["run_id"] == run.run_id
    assert (line["job"], line["status"]) == ("hourly", "SUCCESS")
    assert (line["first_partition"], line["last_partition"]) == TWO_HOURS
    assert line["assets"] == ["pages/hourly_aggregates", "pages/hourly_details"]
    assert line["partitions_stored"] == 4
    stored = sum(world.lake.rows(place, hour) for place in line["assets"] for hour in TWO_HOURS)
    assert line["rows_stored"] == stored
    asked = [path for _, path in world.sandbox.requests if path.startswith("/api/")]
    assert (line["requests"], line["retries"], line["rate_limited"]) == (len(asked), 0, 0)
    assert line["seconds"] >= 0
    assert datetime.fromisoformat(line["started_at"]) <= datetime.fromisoformat(line["ended_at"])


def test_a_run_that_failed_has_a_line_too(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    world.sandbox.behaviour.missing_permissions = {"analytics:conversationAggregate:view"}
    assert not world.run("hourly", "pages/hourly_aggregates", between=TWO_HOURS).success
    watch.tick()
    [line] = watch.lines()
    asked = [path for _, path in world.sandbox.requests if path.startswith("/api/")]
    assert (line["status"], line["partitions_stored"]) == ("FAILURE", 0)
    # The run ends with the first refusal. Other requests may be under way then.
    assert 1 <= line["requests"] <= len(asked)


def test_answers_429_of_a_run_that_fails_by_them_are_counted(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    world.sandbox.behaviour.fail_next(429, times=99, path="/api/v2/analytics", headers={"Retry-After": "7200"})
    assert not world.run("hourly", "pages/hourly_aggregates", between=TWO_HOURS).success
    watch.tick()
    [line] = watch.lines()
    asked = [path for _, path in world.sandbox.requests if path.startswith("/api/")]
    assert line["status"] == "FAILURE"
    # The run ends with the first answer. Other requests may be under way then.
    assert 1 <= line["rate_limited"] <= line["requests"] <= len(asked)


def test_each_run_has_one_line_though_it_is_looked_at_again(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    first = world.run("hourly", between=TWO_HOURS)
    watch.tick()
    assert watch.tick() == "No run has ended."
    second = world.run("hourly", between=TWO_HOURS)
    watch.tick()
    assert [line["run_id"] for line in watch.lines()] == [first.run_id, second.run_id]


def test_what_ended_before_it_was_switched_on_is_not_written(world: World, tmp_path: Path) -> None:
    world.run("hourly", between=TWO_HOURS)
    watch = Watch(world, tmp_path / "runs.jsonl")
    watch.tick()
    assert watch.lines() == []


def test_without_a_file_the_line_is_in_the_log_only(world: World, tmp_path: Path) -> None:
    watch = Watch(world, None)
    world.run("hourly", between=TWO_HOURS)
    assert watch.tick() == "1 runs have ended."


def test_a_file_that_cannot_be_written_keeps_the_line_for_the_next_tick(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "logs" / "runs.jsonl")
    world.run("hourly", between=TWO_HOURS)
    with pytest.raises(FileNotFoundError):
        watch.tick()
    (tmp_path / "logs").mkdir()
    watch.tick()
    assert len(watch.lines()) == 1


def test_no_line_is_written_twice_after_many_runs_ended_at_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, most = Watch(world, tmp_path / "runs.jsonl"), 12
    monkeypatch.setattr(run_metrics, "_MOST", most)
    job = world.definitions.resolve_job_def("hourly")
    for _ in range(most):
        world.instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
    assert watch.tick() == "12 runs have ended."
    assert watch.tick() == "No run has ended."
    assert len({line["run_id"] for line in watch.lines()}) == len(watch.lines()) == most


def test_every_run_has_its_line_though_more_end_within_a_minute_than_a_tick_reads(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    monkeypatch.setattr(run_metrics, "_MOST", 4)
    job = world.definitions.resolve_job_def("hourly")
    for _ in range(13):
        world.instance.create_run_for_job(job, status=dg.DagsterRunStatus.CANCELED)
    ticks = [watch.tick() for _ in range(5)]
    assert ticks == ["4 runs have ended.", "4 runs have ended.", "5 runs have ended.", *["No run has ended."] * 2]
    assert len({line["run_id"] for line in watch.lines()}) == len(watch.lines()) == 13


def asked(world: World) -> int:
    """How many requests the API has received."""
    return sum(path.startswith("/api/") for _, path in world.sandbox.requests)


def test_requests_of_a_listing_that_two_assets_come_from_count_once(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    assert world.run("upkeep", "reference/queues", "reference/queues_history").success
    watch.tick()
    assert [line["requests"] for line in watch.lines()] == [asked(world)]


def test_requests_of_every_day_of_a_run_count(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_usage, "FIRST_WAIT", 0.0)
    watch = Watch(world, tmp_path / "runs.jsonl")
    assert world.run("observe", "reference/api_usage", between=(DAY, f"{NOW:%Y-%m-%d}")).success
    watch.tick()
    assert [line["requests"] for line in watch.lines()] == [asked(world)]


def test_requests_that_a_step_materialised_nothing_with_count(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    world.sandbox.behaviour.missing_permissions = {"usage:client:view"}
    assert world.run("observe", "reference/api_usage", partition=DAY).success
    watch.tick()
    assert [line["requests"] for line in watch.lines()] == [asked(world)] == [1]


def test_requests_of_a_preflight_that_found_something_wrong_count(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    world.sandbox.behaviour.missing_permissions = {"analytics:conversationAggregate:view"}
    assert not world.run("upkeep", "ops/preflight").success
    watch.tick()
    assert [line["requests"] for line in watch.lines()] == [asked(world)]


@pytest.mark.parametrize(
    ("asset", "of"),
    [
        ("reference/queues", {}),
        ("reference/queue_members", {"partition": f"{NOW:%Y-%m-%d}"}),
        ("live/queues", {}),
    ],
)
def test_requests_of_a_step_that_fails_to_store_the_answers_count(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asset: str, of: dict[str, Any]
) -> None:
    assert world.run("upkeep", "reference/queues").success
    watch, before = Watch(world, tmp_path / "runs.jsonl"), asked(world)
    monkeypatch.setattr(TableWriter, "write", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    job = {"reference/queues": "upkeep", "live/queues": "live"}.get(asset, "observe")
    assert not world.run(job, asset, **of).success
    watch.tick()
    assert [line["requests"] for line in watch.lines()] == [asked(world) - before]
    assert asked(world) > before


def test_requests_of_a_run_that_could_not_fetch_a_file_count(world: World, tmp_path: Path) -> None:
    watch = Watch(world, tmp_path / "runs.jsonl")
    broken = File("segments", from_datetime(datetime(2026, 1, 29, 9, tzinfo=UTC))).id
    world.sandbox.behaviour.fail_next(200, times=9, path=broken, body=b"<html>no file</html>")
    assert not replace(world, settings={"GENESYS_ASSETS_DATA_LAKE": "on"}).run("data_lake", partition=DAY).success
    watch.tick()
    assert [line["requests"] for line in watch.lines()] == [asked(world)]
    assert asked(world)

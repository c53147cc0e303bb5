"""Stored partitions that were never reported to Dagster, because the run that stored them died, and so did the next
run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from genesys_assets.automation import unreported as module
from genesys_assets.automation.unreported import unreported
from genesys_assets.days.sources import DAILY_DETAILS, HOURLY_AGGREGATES
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.publisher import open_publisher
from genesys_assets.resources import LakeResource, PublishingResource
from genesys_assets_tests.assets.world import key
from genesys_assets_tests.automation.a_lake import store, store_days

DAY = "2026-02-19"
NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURS = [f"{DAY}-{hour:02d}:00" for hour in range(3)]


@dataclass
class Watch:
    """The sensor over a lake, an instance and a folder of published days, with the cursor that Dagster keeps for it."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    lake: Lake
    published: Path
    cursor: str | None = None

    def tick(self, now: datetime) -> list[tuple[str, str | None]]:
        """Evaluate a tick at that time; returns what it reports."""
        location = self.definitions.get_repository_def()
        resources = {
            "lake": LakeResource(location=self.lake.store.uri("").rstrip("/")),
            "publishing": PublishingResource(publish_url=self.published.as_uri()),
        }
        with time_machine.travel(now, tick=False):
            context = dg.build_sensor_context(
                instance=self.instance, cursor=self.cursor, repository_def=location, resources=resources
            )
            told = location.get_sensor_def("unreported").evaluate_tick(context)
            for event in told.asset_events:
                self.instance.report_runless_asset_event(event)
        self.cursor = told.cursor
        return [("/".join(event.asset_key.path[1:]), getattr(event, "partition", None)) for event in told.asset_events]

    def store(self, now: datetime, *hours: str, body: str = "[1]") -> None:
        with time_machine.travel(now, tick=False):
            store(self.lake, HOURLY_AGGREGATES, *hours, body=body, as_of=now)

    def report(self, now: datetime, partition: str) -> None:
        """Report as a run does that does not die."""
        with time_machine.travel(now, tick=False):
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(key(HOURLY_AGGREGATES), partition=partition)
            )

    def begin(self, *, status: dg.DagsterRunStatus) -> str:
        """Begin a run over the hours."""
        tags = {"dagster/asset_partition_range_start": HOURS[0], "dagster/asset_partition_range_end": HOURS[-1]}
        job = self.definitions.resolve_job_def("hourly")
        selection = frozenset([key(HOURLY_AGGREGATES)])
        return self.instance.create_run_for_job(job, tags=tags, asset_selection=selection, status=status).run_id


@pytest.fixture
def watch(definitions: dg.Definitions, tmp_path: Path) -> Iterator[Watch]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(definitions, instance, Lake(LocalStore(tmp_path / "lake")), tmp_path / "published")


def test_what_a_run_stored_that_died_is_reported_once_with_the_run_that_stored_it(watch: Watch) -> None:
    watch.store(NOON, *HOURS)
    watch.report(NOON, HOURS[0])
    assert watch.tick(NOON + MINUTE) == [(HOURLY_AGGREGATES, HOURS[2]), (HOURLY_AGGREGATES, HOURS[1])]
    assert watch.instance.get_materialized_partitions(key(HOURLY_AGGREGATES)) == {*HOURS}
    wanted = dg.AssetRecordsFilter(key(HOURLY_AGGREGATES), asset_partitions=[HOURS[1]])
    [record] = watch.instance.fetch_materializations(wanted, limit=9).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["stored_by_run"].value == "r"
    assert watch.tick(NOON + 11 * MINUTE) == []


def test_what_was_reported_once_and_then_stored_anew_is_reported_again(watch: Watch) -> None:
    watch.store(NOON, *HOURS)
    for hour in HOURS:
        watch.report(NOON + MINUTE, hour)
    assert watch.tick(NOON + 2 * MINUTE) == []
    watch.store(NOON + 180 * MINUTE, *HOURS[:2], body="[2]")
    watch.report(NOON + 181 * MINUTE, HOURS[0])
    assert watch.tick(NOON + 182 * MINUTE) == [(HOURLY_AGGREGATES, HOURS[1])]
    assert watch.tick(NOON + 192 * MINUTE) == []


def test_a_table_that_was_deleted_and_made_again_with_as_many_versions_is_looked_at(watch: Watch) -> None:
    watch.store(NOON, *HOURS[:2])
    watch.tick(NOON + MINUTE)
    assert watch.tick(NOON + 2 * MINUTE) == []
    version = watch.lake.refreshed().log(HOURLY_AGGREGATES).version
    shutil.rmtree(Path(watch.lake.store.path(HOURLY_AGGREGATES)))
    watch.lake = watch.lake.refreshed()
    watch.store(NOON + 180 * MINUTE, *HOURS[1:])
    assert watch.lake.refreshed().log(HOURLY_AGGREGATES).version == version
    found = watch.tick(NOON + 181 * MINUTE)
    assert found == [(HOURLY_AGGREGATES, HOURS[2]), (HOURLY_AGGREGATES, HOURS[1])]


def test_what_a_run_is_making_is_left_to_that_run(watch: Watch) -> None:
    watch.store(NOON, *HOURS)
    run = watch.begin(status=dg.DagsterRunStatus.STARTED)
    assert watch.tick(NOON + MINUTE) == []
    found = watch.instance.get_run_by_id(run)
    assert found is not None
    watch.instance.report_run_failed(found, "its process is gone")
    assert len(watch.tick(NOON + 11 * MINUTE)) == len(HOURS)


def test_every_layer_is_looked_at(watch: Watch) -> None:
    store_days(watch.lake, DAY)
    assert {place for place, _ in watch.tick(NOON)} == {DAILY_DETAILS, "pages/daily_overlap", "pages/daily_aggregates"}


def test_what_lies_before_the_start_date_is_no_partition_and_is_not_reported(watch: Watch) -> None:
    watch.store(NOON, "2025-12-31-23:00")
    assert watch.tick(NOON + MINUTE) == []


def test_a_published_day_that_was_never_reported_is_reported(watch: Watch) -> None:
    publisher = open_publisher(watch.published.as_uri(), lambda: None)
    publisher.publish_manifest(Manifest(date=date.fromisoformat(DAY), generated_at=NOON, run_id="died"))
    assert watch.tick(NOON) == [("published/reports", DAY)]
    assert watch.tick(NOON + 10 * MINUTE) == []


@pytest.mark.parametrize(
    ("reported", "again", "found"),
    [
        (set(), {}, ["b", "a"]),
        ({"a"}, {}, ["b"]),
        ({"a", "b"}, {}, ["b"]),
        ({"a", "b"}, {"b": NOON + 2 * MINUTE}, []),
        ({"a", "b"}, {"b": NOON}, ["b"]),
    ],
    ids=["nothing", "one", "both, one of them before it was stored anew", "both since", "both, one too early"],
)
def test_what_is_stored_is_compared_with_what_was_reported(
    reported: set[str], again: dict[str, datetime], found: list[str]
) -> None:
    written = {"a": NOON - 60 * MINUTE, "b": NOON + MINUTE}
    assert unreported(written, reported, again, NOON) == found


def test_of_many_partitions_some_are_reported_at_each_look_until_all_are(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    watch.store(NOON, *HOURS)
    with time_machine.travel(NOON, tick=False):
        store_days(watch.lake, DAY)
    looks = [watch.tick(NOON + (1 + 10 * number) * MINUTE) for number in range(4)]
    assert [len(reported) for reported in looks] == [2, 2, 2, 0]
    assert len({partition for reported in looks for partition in reported}) == 6


def test_what_was_reported_is_known_though_there_are_more_reports_than_are_read_at_once(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EVENTS_AT_ONCE", 2)
    watch.store(NOON, *HOURS)
    for hour in HOURS:
        watch.report(NOON + MINUTE, hour)
    assert watch.tick(NOON + 2 * MINUTE) == []
    watch.store(NOON + 180 * MINUTE, *HOURS, body="[2]")
    for hour in HOURS:
        watch.report(NOON + 181 * MINUTE, hour)
    assert watch.tick(NOON + 182 * MINUTE) == []


@pytest.mark.parametrize(
    "cursor", ["x", "null", "[]", '{"pages/hourly_aggregates": 3}', '{"pages/hourly_aggregates": [9, "2026-01-01"]}']
)
def test_a_cursor_that_is_damaged_or_of_another_version_counts_as_none(watch: Watch, cursor: str) -> None:
    watch.store(NOON, HOURS[0])
    watch.cursor = cursor
    assert watch.tick(NOON + MINUTE) == [(HOURLY_AGGREGATES, HOURS[0])]

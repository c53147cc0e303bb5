"""An organisation, a lake and the definitions that connect them, so that tests run assets as they really run.

This module materialises assets for a test. The tests state the expected results.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.days.verdicts import PLACE as VERDICTS
from genesys_assets.definitions import build_definitions
from genesys_assets.lake.delta import DataFile
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.request_log import PLACE as REQUESTS
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.sandbox.organisation import Item
from genesys_assets.sandbox.server import Sandbox
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES

TABLES_OF_HOURS = ("tables/interval_metrics", *(f"tables/{spec.name}" for spec in CONVERSATION_TABLES))
COST = "reports/api_cost"
FILES_OF_A_DAY = 3 * len(built_in_reports()) + 1
"""Published: each built-in report as Parquet, CSV and JSON, and the page."""
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def hours(first: str, last: str | None = None) -> tuple[str, str]:
    """The range from the first hour of a day to the last hour of that or another one."""
    return f"{first}-00:00", f"{last or first}-23:00"


@dataclass(frozen=True)
class World:
    """A sandbox, the folder of its lake and the settings that connect them."""

    sandbox: Sandbox
    folder: Path
    definitions: dg.Definitions
    settings: Mapping[str, str] = field(default_factory=dict)
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    runs: list[dg.ExecuteInProcessResult] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        return Lake(LocalStore(self.folder))

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.sandbox.environment(),
            "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "1000000",
            "GENESYS_ASSETS_LAKE": str(self.folder),
            **self.settings,
        }

    def run(
        self,
        job: str,
        *assets: str,
        partition: str | None = None,
        between: tuple[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job, or only some of its assets (`pages/hourly_details`), for one partition or a range of them."""
        with environment(self.environment):
            result = self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                partition_key=partition,
                tags=dict(zip(RANGE, between, strict=True)) if between else None,
                asset_selection=[key(name) for name in assets] or None,
                run_config=config,
                raise_on_error=False,
            )
        self.runs.append(result)
        return result

    def seen(self, day: date, now: datetime) -> list[Item]:
        """The conversations that began on a day, as the API shows them at `now`."""
        shown = (self.sandbox.organisation.as_of(item, now) for item in self.sandbox.organisation.conversations(day))
        return [item for item in shown if item is not None]

    def files(self) -> dict[str, str]:
        """Every file of the lake by its path, with the sha256 of its bytes. The log of requests is left out: it grows
        with every request, even if nothing else changes.
        """
        asked = self.folder / REQUESTS
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and asked not in path.parents)
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def stored(self) -> dict[str, str]:
        """Every stored partition, by table and key, with the names of its files, which are unique."""
        return {place: "+".join(file.path for file in files) for place, files in self._partitions()}

    def contents(self) -> dict[str, str]:
        """Every stored partition, by table and key, with the sha256 of its rows, whoever wrote them and when."""
        folders = {place: self.folder / place.split("@")[0] for place, _ in self._partitions()}
        return {
            place: _digest(pa.concat_tables(pq.ParquetFile(folders[place] / file.path).read() for file in files))
            for place, files in self._partitions()
        }

    def _partitions(self) -> Iterator[tuple[str, list[DataFile]]]:
        lake = self.lake
        for log in sorted(self.folder.rglob("_delta_log")):
            asset = str(log.parent.relative_to(self.folder))
            if asset in (VERDICTS, REQUESTS, COST):
                # Verdicts and requests contain the time at which they were made.
                continue
            keys: list[str | None] = [*lake.log(asset).partitions()] or [None]
            stored = ((f"{asset}@{key or ''}", lake.log(asset).files(key)) for key in keys)
            yield from ((place, files) for place, files in stored if files)


def of_jobs(world: World, day: date, available: datetime) -> list[Item]:
    """The conversations that began on a day, as a job shows them if it has all data up to `available`."""
    organisation = world.sandbox.organisation
    shown = (
        organisation.as_of(organisation.conversation(item["conversationId"], with_attributes=True), available)
        for item in organisation.conversations(day)
    )
    return [item for item in shown if item is not None]


def without_reports(world: World, tmp_path: Path) -> World:
    """A copy of a world with its tables and without reports, in which failing checks block."""
    folder = tmp_path / "lake"
    shutil.copytree(world.folder, folder)
    shutil.rmtree(folder / "reports", ignore_errors=True)
    settings = {
        "GENESYS_ASSETS_RECONCILE_BLOCKING": "true",
        "GENESYS_ASSETS_PUBLISH_URL": (tmp_path / "published").as_uri(),
    }
    return replace(world, folder=folder, settings=settings, instance=dg.DagsterInstance.ephemeral(), runs=[])


def _digest(table: pa.Table) -> str:
    """Of pages only the answers count: not when and how they were requested, nor the name of the next page."""
    data = pa.table({"body": _bodies(table)}) if "body" in table.column_names else table
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema.remove_metadata()) as writer:
        writer.write_table(data.replace_schema_metadata(None).combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _bodies(pages: pa.Table) -> list[str]:
    said = (json.loads(body) for body in pages["body"].to_pylist())
    return [json.dumps({name: value for name, value in page.items() if name != "cursor"}) for page in said]


def key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["genesys", *name.split("/")])


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Give the process these settings and no others of the package; restore the environment afterwards."""
    before = dict(os.environ)
    ours = [name for name in before if name.startswith(("GENESYS_", "AWS_", "DAGSTER_"))]
    for name in ours:
        del os.environ[name]
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def definitions(
    start_date: str,
    time_zone: str = "UTC",
    questions: Sequence[AggregateQuestion] = (),
    reports: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> dg.Definitions:
    of_file = {"GENESYS_ASSETS_REPORTS": str(reports)} if reports else {}
    of_calendar = {"GENESYS_ASSETS_START_DATE": start_date, "GENESYS_ASSETS_TIME_ZONE": time_zone}
    with environment({**of_calendar, **of_file, **(settings or {})}):
        return build_definitions(questions=questions)


def metadata(result: dg.ExecuteInProcessResult, name: str, partition: str | None = None) -> dict[str, Any]:
    """The metadata of the materialisation of an asset, or of one of its partitions, as plain values."""
    said = {
        event.partition: event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == key(name) and partition in (None, event.partition)
    }
    # In a range each partition is reported twice: as soon as it is stored, and at the end.
    (of_partition,) = said.values()
    return {label: value.value for label, value in of_partition.items()}


def link(said: str) -> str:
    """The URL of a link in Markdown, or of a path."""
    if said.startswith("/"):
        return Path(said).as_uri()
    found = re.fullmatch(r"\[open\]\((\S+)\)", said)
    assert found is not None, said
    return found[1]


def error(result: dg.ExecuteInProcessResult) -> str:
    """The message of the one error that ended a run, without the frame that Dagster puts around it."""
    assert not result.success
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    said: Any = failure.step_failure_data.error
    return str(said.cause.message if "DagsterExecutionStepExecutionError" in said.message else said.message)


def events(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> str:
    """The whole event log of a run, without the metadata of materialisations."""
    logged = instance.all_logs(result.run_id)
    return "\n".join(f"{entry.message}\n{_failure(entry)}" for entry in logged)


def materialisations(world: World, result: dg.ExecuteInProcessResult, name: str) -> list[dg.AssetMaterialization]:
    """The materialisations of an asset that a run reported to Dagster, in order."""
    reported = (entry.asset_materialization for entry in world.instance.all_logs(result.run_id))
    return [event for event in reported if event is not None and event.asset_key == key(name)]


def _failure(entry: dg.EventLogEntry) -> str:
    event = entry.dagster_event
    return str(event.event_specific_data) if event is not None and event.is_failure else ""

"""Asks Dagster what runs and backfills are doing, and which failed lately. `next_run` decides what to run next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from genesys_assets.automation.next_run import CHECKS, JUST_ENDED, Run, ranges
from genesys_assets.checks.reconciliation import FIRST_DAY, LAST_DAY
from genesys_assets.keys import places

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
NIGHT = "genesys_assets/night"
"""Tag of a run over assets without partitions. Its value is the date of the night whose work the run does."""

_IN_PROGRESS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_LOOKED_BACK = timedelta(days=2)
_NO_LOCATION = (
    "The sensor has no code location. Evaluate it through Dagster, or pass repository_def to dg.build_sensor_context."
)
_RUNS_AT_ONCE = 1_000


def location_of(context: dg.SensorEvaluationContext) -> dg.RepositoryDefinition:
    """The code location that a sensor belongs to. Raises DagsterInvariantViolationError."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError(_NO_LOCATION)
    return context.repository_def


def runs_of(instance: dg.DagsterInstance, location: dg.RepositoryDefinition, now: datetime) -> list[Run]:
    """The runs in progress, the runs that failed within the last two days, those that succeeded since the first of
    these failures or have just ended, and one run for each range that a backfill has yet to launch.
    """
    since = now - _LOOKED_BACK
    failed = _records(instance, [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED], since)
    # Earlier successes make no difference to what is chosen next.
    succeeded = _records(instance, [dg.DagsterRunStatus.SUCCESS], min([*map(_ended, failed), now - JUST_ENDED]))
    records = [*_records(instance, _IN_PROGRESS, None), *failed, *succeeded]
    runs = [run for record in records if (run := _run(record, location))]
    return [*runs, *_backfills(instance, location)]


def _records(
    instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus], since: datetime | None
) -> list[dg.RunRecord]:
    """All runs with one of these statuses, newest first. They are read in pieces, so that none is too large."""
    wanted, records = dg.RunsFilter(statuses=list(statuses), updated_after=since), list[dg.RunRecord]()
    while True:
        cursor = records[-1].dagster_run.run_id if records else None
        piece = instance.get_run_records(wanted, limit=_RUNS_AT_ONCE, cursor=cursor)
        records += piece
        if len(piece) < _RUNS_AT_ONCE:
            return records


def _ended(record: dg.RunRecord) -> datetime:
    """When a run ended. A run that never began has no end time: then its last update counts."""
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp


def _run(record: dg.RunRecord, location: dg.RepositoryDefinition) -> Run | None:
    """The run; None if it has no partitions."""
    run = record.dagster_run
    bounds = partitions_of(run.tags)
    if bounds is None:
        return None
    ended = None if run.status in _IN_PROGRESS else _ended(record)
    has_failed = run.status != dg.DagsterRunStatus.SUCCESS
    return Run(assets_of(run, location), *bounds, ended, has_failed, record.create_timestamp)


def partitions_of(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """The first and last partition of a run; None if it has none."""
    if RANGE_START in tags:
        return tags[RANGE_START], tags.get(RANGE_END, tags[RANGE_START])
    if FIRST_DAY in tags:
        return tags[FIRST_DAY], tags.get(LAST_DAY, tags[FIRST_DAY])
    key = tags.get(PARTITION, tags.get(NIGHT))
    return None if key is None else (key, key)


def assets_of(run: dg.DagsterRun, location: dg.RepositoryDefinition) -> frozenset[str]:
    """The assets of a run, by their places: `pages/hourly_details`."""
    if run.job_name == CHECKS:
        return frozenset([CHECKS])
    selected: Iterable[dg.AssetKey] = run.asset_selection or ()
    if not selected and location.has_job(run.job_name):
        selected = location.get_job(run.job_name).asset_layer.selected_asset_keys
    ours = places(location)
    return frozenset(ours[key] for key in selected if key in ours)


def _backfills(instance: dg.DagsterInstance, location: dg.RepositoryDefinition) -> Iterator[Run]:
    """The partitions that backfills in progress have yet to make, as runs."""
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    ours = places(location)
    for backfill in instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])):
        if not backfill.is_asset_backfill:
            continue
        data = backfill.get_asset_backfill_data(location.asset_graph)
        remaining = data.target_subset - data.materialized_subset - data.failed_and_downstream_subset
        for key in remaining.partitions_subsets_by_asset_key:
            if key in ours:
                for first, last in ranges(remaining.get_partitions_subset(key).get_partition_keys()):
                    yield Run(frozenset([ours[key]]), first, last)

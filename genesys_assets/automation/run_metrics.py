"""Writes one line of JSON per ended run, for log collectors and plots of run times.

`metrics_of` is pure. The sensor looks at all runs that ended since its last tick, so killed runs have a line too.
docs/operations.md describes the fields of a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from genesys_assets.assets.common import NOT_MATERIALISED
from genesys_assets.automation.progress import assets_of, location_of, partitions_of
from genesys_assets.automation.switches import sensor_status
from genesys_assets.automation.telemetry import NotSent, send
from genesys_assets.settings import RunMetricsSettings

_LOOK_EVERY_SECONDS = 60
_MOST = 600
"""How many runs one tick reads, unless all of them have a line already."""
_SLACK = timedelta(minutes=1)
"""A run may become visible this long after the update time that it carries."""
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_SPENT = ("requests", "retries", "rate_limited", "seconds_waited")
"""Metadata of assets that call the API: see `assets.common.track_requests`."""
_ROWS = "dagster/partition_row_count"


def metrics_of(
    record: dg.RunRecord,
    assets: Iterable[str],
    materializations: Sequence[dg.AssetMaterialization],
    spent: Iterable[Mapping[str, Any]],
    failed_checks: int,
) -> dict[str, Any]:
    """The fields of the line of an ended run. Durations are in seconds; unknown values are null. `spent` has the
    requests of each step and of each failed attempt.
    """
    run, bounds = record.dagster_run, partitions_of(record.dagster_run.tags)
    stored = {(each.asset_key, each.partition) for each in materializations}
    return {
        "run_id": run.run_id,
        "job": run.job_name,
        "status": run.status.value,
        "launched_by": run.tags.get("dagster/sensor_name") or run.tags.get("dagster/schedule_name"),
        "backfill": run.tags.get("dagster/backfill"),
        "assets": sorted(assets),
        "first_partition": bounds and bounds[0],
        "last_partition": bounds and bounds[1],
        "created_at": _iso(record.create_timestamp.timestamp()),
        "started_at": _iso(record.start_time),
        "ended_at": _iso(record.end_time),
        "seconds_queued": _between(record.create_timestamp.timestamp(), record.start_time),
        "seconds": _between(record.start_time, record.end_time),
        "partitions_stored": len(stored),
        "rows_stored": sum(_rows(materializations).values()),
        **_sums(spent),
        "failed_checks": failed_checks,
    }


def _rows(materializations: Iterable[dg.AssetMaterialization]) -> dict[Any, int]:
    """Rows by asset and partition. A partition that was reported twice counts once."""
    by_partition: dict[Any, int] = {}
    for each in materializations:
        rows = each.metadata.get(_ROWS)
        if rows is not None and isinstance(rows.value, int):
            by_partition[each.asset_key, each.partition] = rows.value
    return by_partition


def _sums(spent: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    every = list(spent)
    return {name: sum(each.get(name) or 0 for each in every) for name in _SPENT}


def _spent(stored: Iterable[dg.EventLogEntry], observed: Iterable[dg.EventLogEntry]) -> Iterator[Mapping[str, Any]]:
    """The requests of the steps of a run. Each asset and partition of a step has the numbers of the whole step, and
    each failed attempt has its own.
    """
    by_step: dict[str | None, Mapping[str, Any]] = {}
    for entry in stored:
        each = entry.asset_materialization
        if each is not None and _SPENT[0] in each.metadata:
            by_step[entry.step_key] = _values(each.metadata)
    yield from by_step.values()
    for entry in observed:
        of = entry.asset_observation
        if of is not None and of.description == NOT_MATERIALISED:
            yield _values(of.metadata)


def _values(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {name: metadata[name].value for name in _SPENT if name in metadata}


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _between(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else round(max(0.0, last - first), 3)


def build_run_metrics_sensor(running: Collection[str] = ()) -> dg.SensorDefinition:
    @dg.sensor(
        name="run_metrics",
        description="Writes one line of JSON for each run that has ended, to the file in GENESYS_ASSETS_RUN_METRICS "
        "and to the log of the tick: seconds, partitions, rows, requests, retries.",
        target=[],
        minimum_interval_seconds=_LOOK_EVERY_SECONDS,
        default_status=sensor_status("run_metrics", running),
    )
    def run_metrics(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """The first run with a line is the first that ends after the sensor was switched on. If the process dies before
        Dagster stores the cursor, lines are written twice: deduplicate by `run_id`.
        """
        location = location_of(context)
        known = _from_cursor(context.cursor)
        if known is None:
            # Runs that ended within the slack before now count as written.
            now = datetime.now(UTC)
            before = context.instance.get_run_records(dg.RunsFilter(statuses=_ENDED, updated_after=now - _SLACK))
            return _result([], now, [record.dagster_run.run_id for record in before])
        after, written = known
        wanted = dg.RunsFilter(statuses=_ENDED, updated_after=after - _SLACK)
        records, new = _new_records(context.instance, wanted, written)
        metrics = [_metrics(context.instance, location, record) for record in new]
        lines = [json.dumps(each) for each in metrics]
        for line in lines:
            context.log.info(line)
        settings = RunMetricsSettings.load()
        _append(settings.file, lines)
        if settings.opentelemetry:
            _send(context, metrics)
        after = max((record.update_timestamp for record in records), default=after)
        # The next tick reads the runs within the slack once more.
        again = [record for record in records if record.update_timestamp >= after - _SLACK]
        return _result(lines, after, [record.dagster_run.run_id for record in again])

    return run_metrics


def _from_cursor(cursor: str | None) -> tuple[datetime, list[str]] | None:
    """After what runs were read last, and those that have a line. None, as if the sensor had just been switched on, for
    a cursor that is not one of this sensor.
    """
    try:
        known = json.loads(cursor or "null")
        return datetime.fromisoformat(known["after"]).astimezone(UTC), [str(each) for each in known["written"]]
    except (ValueError, TypeError, KeyError):
        return None


def _new_records(
    instance: dg.DagsterInstance, wanted: dg.RunsFilter, written: Collection[str]
) -> tuple[list[dg.RunRecord], list[dg.RunRecord]]:
    """The first wanted runs, and those of them without a line. If all that were read have a line, more runs are read:
    more may end within the slack than are read at once, for example when a backfill is cancelled.
    """
    most = _MOST
    while True:
        found = instance.get_run_records(wanted, limit=most, order_by="update_timestamp", ascending=True)
        new = [record for record in found if record.dagster_run.run_id not in written]
        if new or len(found) < most:
            return list(found), new
        most *= 2


def _result(lines: Sequence[str], after: datetime, written: Sequence[str]) -> dg.SensorResult:
    reason = f"{len(lines)} runs have ended." if lines else "No run has ended."
    cursor = json.dumps({"after": after.isoformat(), "written": list(written)})
    return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=cursor)


def _metrics(instance: dg.DagsterInstance, location: dg.RepositoryDefinition, record: dg.RunRecord) -> dict[str, Any]:
    run_id = record.dagster_run.run_id
    stored = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    observed = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION)
    checked = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    events = [entry.get_dagster_event() for entry in checked]
    return metrics_of(
        record,
        assets_of(record.dagster_run, location),
        [each for entry in stored if (each := entry.asset_materialization) is not None],
        _spent(stored, observed),
        sum(not event.asset_check_evaluation_data.passed for event in events),
    )


def _send(context: dg.SensorEvaluationContext, metrics: Sequence[Mapping[str, Any]]) -> None:
    """Send to OpenTelemetry. Runs that the collector refuses are not sent again: the file has them."""
    try:
        send(metrics)
    except NotSent as problem:
        context.log.error(str(problem))


def _append(file: Path | None, lines: Iterable[str]) -> None:
    """Append each line with one write, so that lines of concurrent writers do not mix."""
    if file is None:
        return
    with file.open("ab", buffering=0) as opened:
        for line in lines:
            os.write(opened.fileno(), f"{line}\n".encode())

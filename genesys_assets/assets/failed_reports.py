"""Asks Dagster which reports of a day failed, so that publishing can name them as missing with the reason."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster import DagsterEventType, DagsterInstance

_LONGEST = 300


def failed_reports(instance: DagsterInstance, reports: Mapping[str, dg.AssetKey], day: str) -> dict[str, str]:
    """The names of those reports whose last computation of the day failed, each with the reason. That includes failures
    in the run that calls this. `reports` gives their asset keys by name.
    """
    failed = {name: _failure(instance, key, day) for name, key in reports.items()}
    return {name: reason for name, reason in failed.items() if reason is not None}


def _failure(instance: DagsterInstance, key: dg.AssetKey, day: str) -> str | None:
    planned = instance.event_log_storage.get_latest_planned_materialization_info(key, day)
    if planned is None or planned.storage_id < _last_stored(instance, key, day):
        return None
    step = "__".join(key.path)
    for entry in instance.all_logs(planned.run_id, of_type=DagsterEventType.STEP_FAILURE):
        if entry.step_key == step and entry.dagster_event is not None:
            return f"its last computation failed: {_cause(entry.dagster_event, day)}"
    return None


def _last_stored(instance: DagsterInstance, key: dg.AssetKey, day: str) -> int:
    records = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[day]), limit=1).records
    return records[0].storage_id if records else -1


def _cause(event: dg.DagsterEvent, day: str) -> str:
    """The line about the day in the error of the step's own code, which Dagster wraps in errors of its own."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    message = error.message.removeprefix("dagster._core.definitions.events.Failure: ").strip() if error else ""
    lines = message.splitlines() or ["no message"]
    return _short(next((line for line in lines if day in line), lines[0]))


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"

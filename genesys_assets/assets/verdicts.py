"""What Dagster knows of a day that is to be published: which reports failed, and which checks of its tables did.

A check has one evaluation a run, and a run may be about several days: what an evaluation says of a day stands in its
metadata, which name the days with problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
from dagster import AssetCheckEvaluation, AssetCheckKey, DagsterEventType, DagsterInstance, DagsterRun

from genesys_assets.keys import asset_key
from genesys_assets.publishing.manifest import FailingCheck
from genesys_assets.tables.conversation_model import CONVERSATION_TABLES

_TABLES = (*(spec.name for spec in CONVERSATION_TABLES), "interval_metrics", "daily_metrics", "interaction_legs")
_PARTITION, _FIRST, _LAST = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EVALUATIONS_LOOKED_AT = 20
_LONGEST = 300


# -- reports ---------------------------------------------------------------------------------------------------------


def failed_reports(instance: DagsterInstance, names: Iterable[str], day: str) -> dict[str, str]:
    """The reports whose last computation of the day failed, with what it said; also one of the run that asks."""
    failed = {name: _failure(instance, asset_key("reports", name), day) for name in names}
    return {name: reason for name, reason in failed.items() if reason is not None}


def _failure(instance: DagsterInstance, key: dg.AssetKey, day: str) -> str | None:
    planned = instance.event_log_storage.get_latest_planned_materialization_info(key, day)
    if planned is None or planned.storage_id < _last_stored(instance, key, day):
        return None
    step = "__".join(key.path)
    for entry in instance.all_logs(planned.run_id, of_type=DagsterEventType.STEP_FAILURE):
        if entry.step_key == step and entry.dagster_event is not None:
            return f"its last computation failed: {_cause(entry.dagster_event)}"
    return None


def _last_stored(instance: DagsterInstance, key: dg.AssetKey, day: str) -> int:
    records = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[day]), limit=1).records
    return records[0].storage_id if records else -1


def _cause(event: dg.DagsterEvent) -> str:
    """What the step's code raised, out of what Dagster wraps it in."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    return _short(error.message.removeprefix("dagster._core.definitions.events.Failure: ")) if error else "no message"


# -- checks ----------------------------------------------------------------------------------------------------------


def failing_checks(instance: DagsterInstance, run: DagsterRun, reports: Iterable[str], day: str) -> list[FailingCheck]:
    """The checks of the day's tables and reports that failed, not those that only warn, by table and name.

    They ran with what they are about: in the run that stored it last, or in the run that asks.
    """
    keys = [asset_key("tables", name) for name in _TABLES] + [asset_key("reports", name) for name in reports]
    failing: dict[AssetCheckKey, FailingCheck] = {}
    for of_run in _runs(instance, run, keys, day):
        for evaluation in _evaluations(instance, of_run.run_id):
            if evaluation.asset_key in keys and _fails(evaluation, of_run, day):
                failing[evaluation.asset_check_key] = FailingCheck(
                    "/".join(evaluation.asset_key.path[1:]), evaluation.check_name, _says(evaluation, day)
                )
    still = (of_check for key, of_check in failing.items() if not _passed_since(instance, key, day))
    return sorted(still, key=lambda failed: (failed.table, failed.check))


def _runs(instance: DagsterInstance, run: DagsterRun, keys: Sequence[dg.AssetKey], day: str) -> Iterator[DagsterRun]:
    """The runs that stored the day's tables, and the one that asks."""
    found = {run.run_id: run}
    for key in keys:
        wanted = dg.AssetRecordsFilter(key, asset_partitions=[day])
        for record in instance.fetch_materializations(wanted, limit=1).records:
            of_table = record.run_id not in found and instance.get_run_by_id(record.run_id)
            if of_table:
                found[of_table.run_id] = of_table
    return iter(found.values())


def _evaluations(instance: DagsterInstance, run_id: str) -> Iterator[AssetCheckEvaluation]:
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is not None:
            yield entry.dagster_event.asset_check_evaluation_data


def _fails(evaluation: AssetCheckEvaluation, run: DagsterRun, day: str) -> bool:
    if evaluation.passed or evaluation.severity is not dg.AssetCheckSeverity.ERROR or not _is_about(run, day):
        return False
    named = set(_DAY.findall(" ".join(_texts(evaluation))))
    return _PARTITION in run.tags or day in named or not named


def _is_about(run: DagsterRun, day: str) -> bool:
    if _FIRST in run.tags:
        return run.tags[_FIRST] <= day <= run.tags.get(_LAST, run.tags[_FIRST])
    return run.tags.get(_PARTITION) == day


def _passed_since(instance: DagsterInstance, key: AssetCheckKey, day: str) -> bool:
    """Whether the last evaluation of the day is one that passed: somebody may have run the check alone since."""
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=_EVALUATIONS_LOOKED_AT)
    for record in history:
        run = instance.get_run_by_id(record.run_id)
        if run is not None and record.evaluation is not None and _is_about(run, day):
            return not _fails(record.evaluation, run, day)
    return False


def _texts(evaluation: AssetCheckEvaluation) -> list[str]:
    return [str(value.value) for label, value in evaluation.metadata.items() if label in ("problems", "differences")]


def _says(evaluation: AssetCheckEvaluation, day: str) -> str:
    """What an evaluation says of the day: its first line about it."""
    lines = [line.removeprefix("- ").strip() for text in _texts(evaluation) for line in text.splitlines() if line]
    about = next((line for line in lines if day in line), lines[0] if lines else "")
    return _short(about.removeprefix(f"{day}: "))


def _short(text: str) -> str:
    first = " ".join(text.strip().splitlines()[:1])
    return first if len(first) <= _LONGEST else f"{first[:_LONGEST]}…"

"""The checks between tables as Dagster runs them: the effect of a difference on the run, and what the UI shows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from genesys_assets.checks.checked_tables import DAY_MATCHES, OF_SESSIONS
from genesys_assets.checks.reconciled_day import (
    HANDLE_TIME,
    QUEUES_MATCH,
)
from genesys_assets.checks.reconciliation import (
    DAYS,
    HOURS,
    SESSIONS,
    build_reconciliation_checks,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource
from genesys_assets.tables.metrics.buckets import DAILY_METRICS
from genesys_assets_tests.assets.world import RANGE
from genesys_assets_tests.checks.stored_days import (
    DAY,
    FLOWED_OUT,
    NEXT_DAY,
    NOON,
    TO_THE_END,
    WHOLE,
    bucket,
    offered,
    put,
    read_overlap,
    store_conversations,
    store_hours,
    store_reach,
)

PARTITIONS = dg.DailyPartitionsDefinition("2026-01-01")


@dg.multi_asset(specs=[dg.AssetSpec(key) for key in (SESSIONS, HOURS, DAYS)], partitions_def=PARTITIONS)
def stored_tables() -> Iterable[dg.MaterializeResult]:
    yield from (dg.MaterializeResult(asset_key=key) for key in (SESSIONS, HOURS, DAYS))


@dg.asset(deps=[SESSIONS], partitions_def=PARTITIONS)
def report() -> None: ...


def run(
    folder: Path, *, zone: str = "UTC", days: tuple[str, str] | None = None, **options: Any
) -> dg.ExecuteInProcessResult:
    """Run the tables, their checks and a report of one day, or of a range of days."""
    checks = build_reconciliation_checks(Calendar(date(2026, 1, 1), ZoneInfo(zone), 4), **options)
    definitions = dg.Definitions(
        assets=[stored_tables, report],
        asset_checks=checks,
        resources={"lake": LakeResource(location=str(folder))},
        jobs=[dg.define_asset_job("daily", dg.AssetSelection.all())],
    )
    return definitions.resolve_job_def("daily").execute_in_process(
        partition_key=None if days else DAY,
        tags=dict(zip(RANGE, days, strict=True)) if days else None,
        raise_on_error=False,
    )


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def text(evaluation: dg.AssetCheckEvaluation, label: str) -> str:
    return str(evaluation.metadata[label].value)


@pytest.fixture
def reconciled(lake: Lake) -> Lake:
    store_reach(lake)
    for day in (DAY, NEXT_DAY):
        hour = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        emitted = offered() | {"conversation_start": hour, "emit_date": hour}
        store_conversations(lake, emitted, day=day)
        store_hours(lake, bucket(start=hour), day=day, reach=WHOLE)
        put(lake, DAILY_METRICS, [bucket(start=hour.replace(hour=0))], day, None)
    return lake


def lose_conversations(lake: Lake, day: str = DAY) -> None:
    store_conversations(lake, day=day)


def test_all_checks_pass_on_a_day_that_reconciles(reconciled: Lake, tmp_path: Path) -> None:
    handled = {"tAnswered": 7, "tTalkComplete": 5, "tHandle": 5}
    sessions = [offered() | {"metric": name, "value": value, "user_id": "U1"} for name, value in handled.items()]
    store_conversations(reconciled, offered(), *sessions)
    by_queue, by_user = [bucket()], []
    for name, value in {**handled, "tWait": 7}.items():
        stats = {"metric": name, "sum": value, "min": value, "max": value}
        by_queue.append(bucket() | stats)
        by_user += [bucket() | stats | {"grouping": "mediaType,userId", "queue_id": None, "user_id": "U1"}]
    store_hours(reconciled, *by_queue, *by_user[:-1])
    midnight = {"interval_start": NOON.replace(hour=0)}
    put(reconciled, DAILY_METRICS, [row | midnight for row in (*by_queue, *by_user[:-1])], DAY, None)
    result = run(tmp_path)
    assert result.success
    passed = {name: evaluation.passed for name, evaluation in evaluations(result).items()}
    assert passed == dict.fromkeys((*OF_SESSIONS, DAY_MATCHES), True)
    metadata = evaluations(result)[QUEUES_MATCH].metadata
    assert {name: value.value for name, value in metadata.items()} == {
        "compared": 4,
        "differing": 0,
        "tolerance": "0",
    }


def test_a_failing_check_lists_both_figures_and_does_not_stop_the_report(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    result = run(tmp_path)
    assert result.success
    assert result.asset_materializations_for_node("report")
    failed = evaluations(result)[QUEUES_MATCH]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert text(failed, "differences").splitlines() == [
        "2026-01-31: 1 of 1",
        "",
        "| interval_start   | queue_id   | media_type   | metric   | expected_count   | found_count   |",
        "|------------------|------------|--------------|----------|------------------|---------------|",
        "| 2026-01-31 12:00 | Q1         | voice        | nOffered | 1                |               |",
    ]


def test_a_blocking_check_keeps_the_report_from_being_made(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    result = run(tmp_path, blocking=True)
    assert not result.success
    assert not result.asset_materializations_for_node("report")


def test_the_severity_is_as_configured_and_a_handle_time_only_warns(reconciled: Lake, tmp_path: Path) -> None:
    store_conversations(reconciled, offered() | {"metric": "tHandle", "value": 5})
    result = evaluations(run(tmp_path))
    assert result[QUEUES_MATCH].severity == dg.AssetCheckSeverity.ERROR
    assert (result[HANDLE_TIME].passed, result[HANDLE_TIME].severity) == (False, dg.AssetCheckSeverity.WARN)
    warned = evaluations(run(tmp_path, severity=dg.AssetCheckSeverity.WARN))
    assert warned[QUEUES_MATCH].severity == dg.AssetCheckSeverity.WARN


def test_the_tolerance_is_as_configured(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    assert evaluations(run(tmp_path, tolerance="1"))[QUEUES_MATCH].passed


def test_an_invalid_tolerance_is_refused_when_the_checks_are_built(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a tolerance is 0, or any combination"):
        run(tmp_path, tolerance="some")


def test_every_day_of_a_range_is_compared(reconciled: Lake, tmp_path: Path) -> None:
    assert evaluations(run(tmp_path, days=(DAY, NEXT_DAY)))[QUEUES_MATCH].passed
    lose_conversations(reconciled, NEXT_DAY)
    failed = evaluations(run(tmp_path, days=(DAY, NEXT_DAY)))[QUEUES_MATCH]
    assert failed.metadata["compared"].value == 2
    assert text(failed, "differences").startswith("2026-02-01: 1 of 1\n")


def test_what_is_not_evaluated_warns_and_blocks_nothing(lake: Lake, tmp_path: Path) -> None:
    result = run(tmp_path, blocking=True)
    assert result.success
    assert result.asset_materializations_for_node("report")
    for name, evaluation in evaluations(result).items():
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN), name
        assert "is not stored" in text(evaluation, "not_evaluated"), name


def test_having_compared_nothing_is_not_green(lake: Lake, tmp_path: Path) -> None:
    store_conversations(lake)
    store_hours(lake)
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert text(evaluation, "not_evaluated") == "- 2026-01-31: there was nothing to compare"


def test_a_difference_is_an_error_though_another_day_was_not_evaluated(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    evaluation = evaluations(run(tmp_path, days=("2026-01-30", DAY)))[QUEUES_MATCH]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "2026-01-30" in text(evaluation, "not_evaluated")


def test_metrics_that_one_side_never_has_are_named(reconciled: Lake, tmp_path: Path) -> None:
    store_hours(reconciled, bucket(), FLOWED_OUT)
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert evaluation.passed
    said = "- 2026-01-31: tFlowOut, no session of the days that were read has it"
    assert text(evaluation, "metrics_left_out") == said


def test_more_in_the_aggregates_is_put_down_to_open_conversations(lake: Lake, tmp_path: Path) -> None:
    read_overlap(lake)
    store_conversations(lake, reach=TO_THE_END, open_media="voice")
    store_hours(lake, bucket())
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert evaluation.passed
    assert evaluation.metadata["unread"].value == 1


def test_what_days_that_are_not_stored_would_explain_is_a_warning(lake: Lake, tmp_path: Path) -> None:
    store_conversations(lake)
    store_hours(lake, bucket())
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert ": to find out why, materialise genesys/pages/daily_overlap of" in text(evaluation, "not_evaluated")
    assert evaluation.metadata["unread"].value == 1
    assert "31 earlier days are not stored" in text(evaluation, "why_unread")


def test_a_long_list_is_cut(reconciled: Lake, tmp_path: Path) -> None:
    hours = [NOON.replace(hour=0) + timedelta(minutes=15 * number) for number in range(90)]
    store_hours(reconciled, *(bucket(start=hour) for hour in hours), reach=WHOLE)
    failed = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert failed.metadata["differing"].value == 89
    assert text(failed, "differences").count("nOffered") == 20

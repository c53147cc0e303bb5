"""Which runs Dagster knows, however many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from genesys_assets.automation import progress
from genesys_assets.automation.progress import PARTITION, runs_of
from genesys_assets.checks.reconciliation import FIRST_DAY

DAYS = [f"2026-01-{day:02d}" for day in range(1, 8)]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE])
@pytest.mark.parametrize("at_once", [2, 7])
def test_all_runs_are_found_piece_by_piece(
    definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch, at_once: int, status: dg.DagsterRunStatus
) -> None:
    monkeypatch.setattr(progress, "_RUNS_AT_ONCE", at_once)
    job = definitions.resolve_job_def("complete")
    with dg.DagsterInstance.ephemeral() as instance:
        for day in DAYS:
            instance.create_run_for_job(job, tags={PARTITION: day}, status=status)
        now = datetime.now(UTC) + timedelta(minutes=1)
        found = runs_of(instance, definitions.get_repository_def(), now)
    assert sorted(run.first for run in found) == DAYS


def test_a_run_of_checks_with_a_first_day_only_is_of_that_day(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def("checks")
        instance.create_run_for_job(job, tags={FIRST_DAY: DAYS[0]}, status=dg.DagsterRunStatus.STARTED)
        [run] = runs_of(instance, definitions.get_repository_def(), datetime.now(UTC))
    assert (run.first, run.last) == (DAYS[0], DAYS[0])

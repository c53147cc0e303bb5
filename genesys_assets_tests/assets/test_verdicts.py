"""What Dagster is asked about a day before it is published: real runs of small assets with the names of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pytest

from genesys_assets.assets.common import beta_parameters
from genesys_assets.assets.verdicts import failed_reports, failing_checks
from genesys_assets.publishing.manifest import FailingCheck
from genesys_assets_tests.assets.world import key

DAYS = dg.DailyPartitionsDefinition("2026-01-01")
FIRST, SECOND, THIRD = "2026-01-29", "2026-01-30", "2026-01-31"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class Deployment:
    """The table conversations with a check that fails on some days, and a report that fails as long as it should."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.failing: Sequence[str] = ()
        self.severity = dg.AssetCheckSeverity.ERROR
        self.report_fails = False
        with beta_parameters():
            table, report, check = self._table(), self._report(), self._check()
        self.definitions = dg.Definitions(assets=[table, report], asset_checks=[check])

    def run(self, *assets: str, day: str = FIRST, to: str | None = None, checks: bool = True) -> Any:
        chosen = dg.AssetSelection.assets(*(key(asset) for asset in assets))
        selection = chosen | dg.AssetSelection.checks_for_assets(key("tables/conversations")) if checks else chosen
        job = dg.Definitions.merge(
            self.definitions, dg.Definitions(jobs=[dg.define_asset_job("chosen", selection)])
        ).resolve_job_def("chosen")
        tags = dict(zip(RANGE, (day, to), strict=True)) if to else None
        return job.execute_in_process(
            instance=self.instance, partition_key=None if to else day, tags=tags, raise_on_error=False
        )

    def _table(self) -> dg.AssetsDefinition:
        @dg.asset(key=key("tables/conversations"), partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
        def conversations() -> None: ...

        return conversations

    def _report(self) -> dg.AssetsDefinition:
        @dg.asset(key=key("reports/mine"), partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
        def mine() -> None:
            if self.report_fails:
                raise dg.Failure("no such hour\nand more")

        return mine

    def _check(self) -> dg.AssetChecksDefinition:
        @dg.asset_check(name="as_many", asset=key("tables/conversations"))
        def as_many() -> dg.AssetCheckResult:
            problems = "\n".join(f"- {day}: 3 of {day[-2:]} are missing" for day in self.failing)
            return dg.AssetCheckResult(
                passed=not self.failing, severity=self.severity, metadata={"problems": dg.MetadataValue.md(problems)}
            )

        return as_many

    def failing_checks(self, day: str, run: Any) -> list[FailingCheck]:
        return failing_checks(self.instance, run.dagster_run, ["mine"], day)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Deployment(instance)


def failed(day: str) -> list[FailingCheck]:
    return [FailingCheck("tables/conversations", "as_many", f"3 of {day[-2:]} are missing")]


def test_a_check_that_failed_in_the_run_that_stored_the_day_is_named(deployment: Deployment) -> None:
    deployment.failing = [FIRST]
    deployment.run("tables/conversations")
    publishing = deployment.run("reports/mine", checks=False)
    assert deployment.failing_checks(FIRST, publishing) == failed(FIRST)


def test_a_day_of_a_range_has_its_own_verdict(deployment: Deployment) -> None:
    deployment.failing = [SECOND]
    run = deployment.run("tables/conversations", day=FIRST, to=THIRD)
    assert [deployment.failing_checks(day, run) for day in (FIRST, SECOND, THIRD)] == [[], failed(SECOND), []]


def test_one_day_that_passes_does_not_speak_for_another(deployment: Deployment) -> None:
    deployment.failing = [FIRST]
    deployment.run("tables/conversations", day=FIRST)
    deployment.failing = []
    later = deployment.run("tables/conversations", day=SECOND)
    assert deployment.failing_checks(FIRST, later) == failed(FIRST)
    assert deployment.failing_checks(SECOND, later) == []


def test_a_day_that_was_stored_or_checked_again_since_has_the_last_verdict(deployment: Deployment) -> None:
    deployment.failing = [FIRST]
    deployment.run("tables/conversations")
    deployment.failing = []
    again = deployment.run("tables/conversations")
    assert deployment.failing_checks(FIRST, again) == []


def test_a_warning_is_no_failure(deployment: Deployment) -> None:
    deployment.failing, deployment.severity = [FIRST], dg.AssetCheckSeverity.WARN
    assert deployment.failing_checks(FIRST, deployment.run("tables/conversations")) == []


def reports(deployment: Deployment, day: str = FIRST) -> dict[str, str]:
    return failed_reports(deployment.instance, ["mine", "other"], day)


def test_a_report_that_failed_is_told_with_what_it_said(deployment: Deployment) -> None:
    assert reports(deployment) == {}
    deployment.report_fails = True
    deployment.run("reports/mine", checks=False)
    assert reports(deployment) == {"mine": "its last computation failed: no such hour"}
    assert reports(deployment, SECOND) == {}


def test_a_report_that_was_computed_since_is_not_failed(deployment: Deployment) -> None:
    deployment.report_fails = True
    deployment.run("reports/mine", checks=False)
    deployment.report_fails = False
    deployment.run("reports/mine", checks=False)
    assert reports(deployment) == {}


def test_a_report_whose_older_rows_are_stored_and_that_failed_since_is_failed(deployment: Deployment) -> None:
    deployment.run("reports/mine", checks=False)
    deployment.report_fails = True
    deployment.run("reports/mine", checks=False)
    assert reports(deployment).keys() == {"mine"}

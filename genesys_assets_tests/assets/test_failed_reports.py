"""Which reports of a day failed, as publishing asks Dagster: real runs of a report that has a name of ours."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from genesys_assets.assets.failed_reports import failed_reports
from genesys_assets_tests.assets.world import key

DAYS = dg.DailyPartitionsDefinition("2026-01-01")
FIRST, SECOND = "2026-01-29", "2026-01-30"


class Deployment:
    """A report that fails until the test lets it succeed."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.report_fails = False

        @dg.asset(key=key("reports/mine"), partitions_def=DAYS)
        def mine() -> None:
            if self.report_fails:
                raise dg.Failure("no such hour\nand more")

        self.definitions = dg.Definitions(assets=[mine], jobs=[dg.define_asset_job("chosen", [mine])])

    def run(self, day: str = FIRST) -> None:
        job = self.definitions.resolve_job_def("chosen")
        job.execute_in_process(instance=self.instance, partition_key=day, raise_on_error=False)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Deployment(instance)


def reports(deployment: Deployment, day: str = FIRST) -> dict[str, str]:
    return failed_reports(deployment.instance, {name: key(f"reports/{name}") for name in ("mine", "other")}, day)


def test_a_report_that_failed_is_named_with_its_error(deployment: Deployment) -> None:
    assert reports(deployment) == {}
    deployment.report_fails = True
    deployment.run()
    assert reports(deployment) == {"mine": "its last computation failed: no such hour"}
    assert reports(deployment, SECOND) == {}


def test_a_report_that_was_computed_since_is_not_failed(deployment: Deployment) -> None:
    deployment.report_fails = True
    deployment.run()
    deployment.report_fails = False
    deployment.run()
    assert reports(deployment) == {}


def test_a_report_whose_older_rows_are_stored_and_that_failed_since_is_failed(deployment: Deployment) -> None:
    deployment.run()
    deployment.report_fails = True
    deployment.run()
    assert reports(deployment).keys() == {"mine"}

"""The jobs that people launch over a range of days."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.definitions.backfill_policy import BackfillPolicyType

from genesys_assets_tests.assets.world import definitions as definitions_from


@pytest.mark.parametrize("job", ["hourly", "complete", "recompute"])
def test_the_command_line_may_launch_a_range_in_one_run(job: str, definitions: dg.Definitions) -> None:
    """Dagster's command line refuses a range if any of the assets may be split into several runs, even one without
    partitions.
    """
    assets = definitions.resolve_job_def(job).asset_layer
    policies = {key: assets.get(key).backfill_policy for key in assets.executable_asset_keys}
    assert [key.to_user_string() for key, policy in policies.items() if policy is None] == []
    assert {policy.policy_type for policy in policies.values() if policy} == {BackfillPolicyType.SINGLE_RUN}


def test_every_asset_with_partitions_is_cut_into_runs_as_the_setting_says() -> None:
    """Otherwise a range would be one run on one machine, even in a cluster."""
    of_two_days = definitions_from("2026-01-27", settings={"GENESYS_ASSETS_DAYS_PER_RUN": "2"}).resolve_asset_graph()
    nodes = [of_two_days.get(key) for key in of_two_days.materializable_asset_keys]
    of_partitions = [node for node in nodes if node.is_partitioned]
    assert len(of_partitions) > 40
    for node in of_partitions:
        partitions = 48 if isinstance(node.partitions_def, dg.HourlyPartitionsDefinition) else 2
        assert node.backfill_policy == dg.BackfillPolicy.multi_run(partitions), node.key

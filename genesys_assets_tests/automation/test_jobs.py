"""The jobs that people launch over a range of days."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.definitions.backfill_policy import BackfillPolicyType


@pytest.mark.parametrize("job", ["hourly", "complete", "recompute"])
def test_the_command_line_may_launch_a_range_in_one_run(job: str, definitions: dg.Definitions) -> None:
    """Dagster's command line refuses a range where one of the assets may be more than one run, also one without
    partitions.
    """
    assets = definitions.resolve_job_def(job).asset_layer
    policies = {key: assets.get(key).backfill_policy for key in assets.executable_asset_keys}
    assert [key.to_user_string() for key, policy in policies.items() if policy is None] == []
    assert {policy.policy_type for policy in policies.values() if policy} == {BackfillPolicyType.SINGLE_RUN}

"""Which jobs run by the clock."""

from __future__ import annotations

import dagster as dg


def test_only_live_snapshots_run_by_the_clock(definitions: dg.Definitions) -> None:
    schedules = definitions.get_repository_def().schedule_defs
    assert [(each.name, each.job_name, each.cron_schedule) for each in schedules] == [("live", "live", "*/5 * * * *")]
    assert [each.default_status for each in schedules] == [dg.DefaultScheduleStatus.STOPPED]

"""The only schedule: live snapshots, because a moment that was not observed is lost.

Sensors launch everything else, when it is missing or stale: see `sensors`. The schedule ships stopped: switch it on in
the UI.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import dagster as dg

from genesys_assets.automation.switches import schedule_status
from genesys_assets.keys import LAYERS


def build_schedules(layers: Collection[str] = LAYERS, running: Collection[str] = ()) -> Sequence[dg.ScheduleDefinition]:
    if "live" not in layers:
        return []
    return [
        dg.ScheduleDefinition(
            name="live",
            job_name="live",
            cron_schedule="*/5 * * * *",
            execution_timezone="UTC",
            default_status=schedule_status("live", running),
            description="A snapshot of conversations and queues, every five minutes.",
        )
    ]

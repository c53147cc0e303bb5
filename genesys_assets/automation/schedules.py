"""The one thing that goes by the clock: live snapshots, for a moment that was not observed is lost.

Everything else is asked for when it is wanted: see `sensors`. It ships stopped: switch it on in the UI.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from genesys_assets.automation.jobs import LIVE


def build_schedules() -> Sequence[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name="live",
            job=LIVE,
            cron_schedule="*/5 * * * *",
            execution_timezone="UTC",
            description="A snapshot of conversations and queues, every five minutes.",
        )
    ]

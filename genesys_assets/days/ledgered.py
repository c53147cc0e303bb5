"""The tables whose readings are in the ledger of restatements. `tables.restatements` declares the ledger."""

from __future__ import annotations

from genesys_assets.days.users import USER_TABLES
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, FAMILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.users.waits import QUEUE_WAITS

LEDGERED = (*DAY_TABLES, INTERVAL_METRICS, DAILY_METRICS)
"""Tables of every lake."""
LEDGERED_IF_STORED = (*USER_TABLES, QUEUE_WAITS, *FAMILY_METRICS.values())
"""Tables that a lake may lack: those of agents' status, and of families of aggregates."""


def ledgered_places(lake: Lake) -> list[str]:
    """The places of the tables whose readings are in the ledger, as far as the lake has them."""
    beside = (f"tables/{spec.name}" for spec in LEDGERED_IF_STORED)
    return [*(f"tables/{spec.name}" for spec in LEDGERED), *(place for place in beside if lake.stored(place))]

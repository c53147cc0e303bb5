"""Every table of the lake that holds figures, names or snapshots, and how it is called in a warehouse.

Pages are left out: they are answers as they came. A test compares this list with the assets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS, table_of
from genesys_assets.tables.names import HISTORIES
from genesys_assets.tables.observations import QUEUE_MEMBERS, USER_SKILLS
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES
from genesys_assets.tables.spec import Column, TableSpec, columns
from genesys_assets.tables.users.spans import USER_PRESENCE, USER_ROUTING_STATUS
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets.tables.users.waits import QUEUE_WAITS

_DATES = {
    "reports": columns("date day the business day, by which the table is partitioned"),
    "": columns("date day the UTC day, by which the table is partitioned"),
}


_HISTORIES = (*HISTORIES.values(), SERVICE_LEVELS_HISTORY)


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table: where it lies below the lake, as `tables/conversations`, and its name in a warehouse."""

    place: str
    name: str
    spec: TableSpec
    is_partitioned: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the spec, and the one that partitions are kept by."""
        if not self.is_partitioned:
            return self.spec.columns
        return (*_DATES.get(self.place.split("/")[0], _DATES[""]), *self.spec.columns)


def lake_tables(reports: Iterable[Report], families: Iterable[AggregateFamily]) -> list[LakeTable]:
    """All tables, by layer; `families` of aggregates are those that are asked beside conversations.

    A name is that of the asset. It has its layer in front where it would be that of another table too: snapshots of
    `live` always have.
    """
    by_layer: dict[str, Sequence[TableSpec]] = {
        "reference": [*ENTITIES.values(), *_HISTORIES, QUEUE_MEMBERS, USER_SKILLS],
        "tables": [
            *DAY_TABLES,
            INTERVAL_METRICS,
            DAILY_METRICS,
            *map(table_of, families),
            *(USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME, QUEUE_WAITS),
            OPEN_CONVERSATIONS,
            RESTATEMENTS,
        ],
        "reports": [report.spec for report in reports],
        "live": [LIVE_CONVERSATIONS, LIVE_QUEUES],
    }
    # A report of one's own must not rename a table that ships.
    taken = Counter(spec.name for layer in ("reference", "tables") for spec in by_layer[layer])
    whole = {*ENTITIES, *(spec.name for spec in _HISTORIES), OPEN_CONVERSATIONS.name}
    return [
        LakeTable(
            place=f"{layer}/{spec.name}",
            name=f"{layer}_{spec.name}" if layer == "live" or (layer == "reports" and taken[spec.name]) else spec.name,
            spec=spec,
            is_partitioned=layer in ("reports", "live") or spec.name not in whole,
        )
        for layer, specs in by_layer.items()
        for spec in specs
    ]

"""Every table of the lake with figures, names or snapshots, and its name in a warehouse.

Pages are left out: they are unchanged answers of the platform. A test compares this list with the assets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets.tables.api_usage import API_USAGE
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
    "reports": columns(
        "date day the last day of the row's period, in the time zone of the report; the table is partitioned by it"
    ),
    "tables/daily_metrics": columns("date day the business day, by which the table is partitioned"),
    "": columns("date day the UTC day, by which the table is partitioned"),
}


_HISTORIES = (*HISTORIES.values(), SERVICE_LEVELS_HISTORY)


class SharedName(ValueError):
    """Two tables would have one name in a warehouse, so one would be read for the other. The message names both."""


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table: its `place` below the lake, such as `tables/conversations`, and its `name` in a warehouse."""

    place: str
    name: str
    spec: TableSpec
    is_partitioned: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the spec, after the one by which the table is partitioned, if it is."""
        if not self.is_partitioned:
            return self.spec.columns
        dates = _DATES.get(self.place) or _DATES.get(self.place.split("/")[0], _DATES[""])
        return (*dates, *self.spec.columns)


def lake_tables(reports: Iterable[Report], families: Iterable[AggregateFamily]) -> list[LakeTable]:
    """All tables, by layer; `families` of aggregates are those that are fetched besides conversations.

    A table has the name of its asset. If a table of an earlier layer has that name, or if it is a snapshot of `live`,
    its name begins with its layer. So a custom report never changes the name of a built-in table.
    """
    by_layer: dict[str, Sequence[TableSpec]] = {
        "tables": [
            *DAY_TABLES,
            INTERVAL_METRICS,
            DAILY_METRICS,
            *map(table_of, families),
            *(USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME, QUEUE_WAITS),
            OPEN_CONVERSATIONS,
            RESTATEMENTS,
            API_REQUESTS,
        ],
        "reference": [*ENTITIES.values(), *_HISTORIES, QUEUE_MEMBERS, USER_SKILLS, API_USAGE],
        "reports": [report.spec for report in reports],
        "live": [LIVE_CONVERSATIONS, LIVE_QUEUES],
    }
    whole = {f"reference/{spec.name}" for spec in (*ENTITIES.values(), *_HISTORIES)} | {
        f"tables/{OPEN_CONVERSATIONS.name}"
    }
    taken: set[str] = set()
    tables: list[LakeTable] = []
    for layer, specs in by_layer.items():
        for spec in specs:
            place = f"{layer}/{spec.name}"
            name = place.replace("/", "_") if layer == "live" or spec.name in taken else spec.name
            tables.append(LakeTable(place, name, spec, is_partitioned=place not in whole))
        taken.update(spec.name for spec in specs)
    return tables


def require_distinct_names(tables: Iterable[LakeTable]) -> None:
    """Raises SharedName if two tables have one name, such as the report `reports_queues` and a report `queues`."""
    places: dict[str, str] = {}
    for table in tables:
        other = places.setdefault(table.name, table.place)
        if other != table.place:
            layer, _, name = table.place.partition("/")
            raise SharedName(
                f"{other} and {table.place} would both be called {table.name} in a warehouse: a table whose name is "
                f"taken gets the prefix of its layer. Give the report {name if layer == 'reports' else table.name} "
                "another name."
            )

"""The data lake against details: of a day that both have all of, the same conversations and the same metrics, and the
same time of agents in each status.

    genesys/pages/lake_files
        matches_details    a warning that names what differs, by metric and by status

Looked at are the days whose files came with the run and of which details jobs have all. A conversation that the data
lake still has and details no longer have was deleted, or the data lake does not report deletions: it is not documented
which. Against aggregates the data lake is compared where the tables are made of it: see `reconciliation`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.checks.reconciliation import run_days
from genesys_assets.days import Window, data_lake, data_lake_status
from genesys_assets.days.completeness import is_complete
from genesys_assets.days.users import USER_DETAILS
from genesys_assets.keys import named, our_key
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import days_around
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.data_lake.decode import UnreadableFile
from genesys_assets.tables.data_lake.schemas import Names
from genesys_assets.tables.users.time import USER_TIME, time_table

FILES = our_key("pages", "lake_files")
MATCHES = "matches_details"
_DAYS_BEFORE = 7
"""How far back days are compared again: rows of them still come."""
_SHOWN = 20
_TIME = f"tables/{USER_TIME.name}"

Figures = Mapping[str, tuple[int, int]]
"""Of each metric how often it was emitted, and the sum of its values."""


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """One day in both: conversations that only one of them has, and the figures of metrics that differ, first those of
    the data lake.
    """

    conversations: int
    only_data_lake: int
    only_details: int
    metrics: Mapping[str, tuple[tuple[int, int], tuple[int, int]]]

    @property
    def differences(self) -> list[str]:
        found = []
        if self.only_data_lake or self.only_details:
            found.append(
                f"{self.only_data_lake:,} conversations only in the data lake, {self.only_details:,} only in details"
            )
        for metric, (mine, theirs) in sorted(self.metrics.items()):
            found.append(
                f"{metric}: {mine[0]:,} times and {mine[1]:,} in all in the data lake, {theirs[0]:,} and {theirs[1]:,} "
                "in details"
            )
        return found


def compare(lake: Lake, day: str, settings: DataLakeSettings) -> ComparedDay | str | None:
    """How a day differs, or why that is unknown; None where one of the two lacks part of the day."""
    reach = data_lake.reach_of(lake, day, settings.lag)
    if reach is None or not reach.is_complete or not is_complete(lake, day):
        return None
    if not lake.has("tables/session_metrics", day) or not lake.has("tables/conversations", day):
        return None
    try:
        found = data_lake.of_day(lake, day, Names.parse(settings.columns))
    except UnreadableFile as error:
        return str(error)
    tables = [explode(piece) for piece in found.pieces]
    mine = {id_ for each in tables for id_ in each["conversations"]["conversation_id"].to_pylist()}
    theirs = set(lake.read("tables/conversations", day, columns=["conversation_id"])["conversation_id"].to_pylist())
    of_lake = _figures(each["session_metrics"] for each in tables)
    of_details = _figures([lake.read("tables/session_metrics", day, columns=["metric", "value"])])
    differing = {
        metric: (of_lake.get(metric, (0, 0)), of_details.get(metric, (0, 0)))
        for metric in {*of_lake, *of_details}
        if of_lake.get(metric) != of_details.get(metric)
    }
    return ComparedDay(len(theirs), len(mine - theirs), len(theirs - mine), differing)


def compare_status(lake: Lake, day: str, settings: DataLakeSettings) -> Sequence[str] | None:
    """How agents' time in each status differs, or why that is unknown; None where one of the two lacks the day."""
    reach, fetched = data_lake_status.reach_of(lake, day, settings.lag), lake.footer(USER_DETAILS, day)
    has_pages = fetched is not None and fetched.reach is not None and fetched.reach.is_complete
    if reach is None or not reach.is_complete or not has_pages or not lake.has(_TIME, day):
        return None
    try:
        asked = data_lake_status.StatusQuery(day, None, settings.lag)
        found = data_lake_status.status_of(lake, asked, Names.parse(settings.columns))
    except UnreadableFile as error:
        return [str(error)]
    mine = _times(time_table(found.spans, Window.of_utc_day(day)))
    theirs = _times(lake.read(_TIME, day, schema=USER_TIME.schema))
    return [
        f"{kind} {status}: {mine[kind, status]:,} ms of all agents in the data lake, "
        f"{theirs[kind, status]:,} in details"
        for kind, status in sorted({*mine, *theirs})
        if mine[kind, status] != theirs[kind, status]
    ]


def _times(rows: pa.Table) -> Counter[tuple[str, str]]:
    """How long all users were in each status, by kind and status."""
    found = Counter[tuple[str, str]]()
    names = ("kind", "status", "duration_ms")
    for kind, status, length in zip(*(rows[name].to_pylist() for name in names), strict=True):
        found[kind, str(status)] += length
    return found


def _figures(tables: Iterable[pa.Table]) -> Figures:
    count, total = Counter[str](), Counter[str]()
    for rows in tables:
        for metric, value in zip(rows["metric"].to_pylist(), rows["value"].to_pylist(), strict=True):
            count[metric] += 1
            total[metric] += value or 0
    return {metric: (number, total[metric]) for metric, number in count.items()}


def build_data_lake_check(calendar: Calendar) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=MATCHES,
        asset=named(FILES),
        description="Of days that details jobs and the data lake have all of: the same conversations, and each metric "
        "as often and with the same sum, and the same time of agents in each status. What is not documented of the "
        "data lake shows here.",
    )
    def matches_details(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        settings, stored = DataLakeSettings.load(), lake.lake
        run = run_days(context, calendar)
        days = sorted({day for each in run for day in days_around(each, before=_DAYS_BEFORE, after=0)})
        found = {day: compared for day in days if (compared := compare(stored, day, settings)) is not None}
        problems = [
            f"{day}: {said}"
            for day, compared in found.items()
            for said in ([compared] if isinstance(compared, str) else compared.differences)
        ]
        of_status = {day: told for day in days if (told := compare_status(stored, day, settings)) is not None}
        problems += [f"{day}: {line}" for day, lines in of_status.items() for line in lines]
        metadata: dict[str, Any] = {
            "compared_days": dg.MetadataValue.json(sorted(found)),
            "compared_days_of_status": dg.MetadataValue.json(sorted(of_status)),
        }
        if problems:
            shown = problems[:_SHOWN] + ([f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else [])
            metadata["differences"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in shown))
        return dg.AssetCheckResult(passed=not problems, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)

    return matches_details

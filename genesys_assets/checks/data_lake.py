"""Compares the data lake with details: the same conversations, the same metrics, and the same time of agents in each
status.

    genesys/pages/lake_files
        matches_details    a warning that names what differs, by metric and by status

It compares the days of the run, and of the week before the run, if details and the data lake both have all of the day.
A conversation that is in the data lake and no longer in details was deleted on the platform. Whether the data lake
reports deletions is not documented.
`reconciliation` compares the data lake with aggregates, if the tables are made from it.
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
from genesys_assets.keys import our_key, translated_key
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
"""Days up to this many before those of the run are compared too, because files may still bring rows of them."""
_SHOWN = 20
_TIME = f"tables/{USER_TIME.name}"

Figures = Mapping[str, tuple[int, int]]
"""By metric, how often it was emitted, and the sum of its values."""


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """One day in details and in the data lake: how many conversations details have, how many only one of the two has,
    and the differing metrics with the figures of the data lake, then those of details.
    """

    conversations: int
    only_data_lake: int
    only_details: int
    metrics: Mapping[str, tuple[tuple[int, int], tuple[int, int]]]

    @property
    def differences(self) -> list[str]:
        """A text for each difference."""
        lines = []
        if self.only_data_lake or self.only_details:
            lines.append(
                f"{self.only_data_lake:,} conversations only in the data lake, {self.only_details:,} only in details"
            )
        for metric, (in_lake, in_details) in sorted(self.metrics.items()):
            lines.append(
                f"{metric}: emitted {in_lake[0]:,} times with the sum {in_lake[1]:,} in the data lake, "
                f"{in_details[0]:,} times with the sum {in_details[1]:,} in details"
            )
        return lines


def compare(lake: Lake, day: str, settings: DataLakeSettings) -> ComparedDay | str | None:
    """A comparison of a day, or why it failed; None if details or the data lake lack a part of the day."""
    reach = data_lake.reach_of(lake, day, settings.lag)
    if reach is None or not reach.is_complete or not is_complete(lake, day):
        return None
    if not lake.has("tables/session_metrics", day) or not lake.has("tables/conversations", day):
        return None
    try:
        lake_day = data_lake.of_day(lake, day, Names.parse(settings.columns))
    except UnreadableFile as error:
        return str(error)
    tables = [explode(piece) for piece in lake_day.pieces]
    in_lake = {id_ for each in tables for id_ in each["conversations"]["conversation_id"].to_pylist()}
    in_details = set(lake.read("tables/conversations", day, columns=["conversation_id"])["conversation_id"].to_pylist())
    of_lake = _figures(each["session_metrics"] for each in tables)
    of_details = _figures([lake.read("tables/session_metrics", day, columns=["metric", "value"])])
    differing = {
        metric: (of_lake.get(metric, (0, 0)), of_details.get(metric, (0, 0)))
        for metric in {*of_lake, *of_details}
        if of_lake.get(metric) != of_details.get(metric)
    }
    return ComparedDay(len(in_details), len(in_lake - in_details), len(in_details - in_lake), differing)


def compare_status(lake: Lake, day: str, settings: DataLakeSettings) -> Sequence[str] | None:
    """A text for each difference in agents' time in a status, or why the comparison failed; None if details or the data
    lake lack a part of the day.
    """
    reach, fetched = data_lake_status.reach_of(lake, day, settings.lag), lake.footer(USER_DETAILS, day)
    has_pages = fetched is not None and fetched.reach is not None and fetched.reach.is_complete
    if reach is None or not reach.is_complete or not has_pages or not lake.has(_TIME, day):
        return None
    try:
        query = data_lake_status.StatusQuery(day, None, settings.lag)
        lake_status = data_lake_status.status_of(lake, query, Names.parse(settings.columns))
    except UnreadableFile as error:
        return [str(error)]
    in_lake = _times(time_table(lake_status.spans, Window.of_utc_day(day)))
    in_details = _times(lake.read(_TIME, day, schema=USER_TIME.schema))
    return [
        f"{kind} {status}: {in_lake[kind, status]:,} ms of all agents in the data lake, "
        f"{in_details[kind, status]:,} in details"
        for kind, status in sorted({*in_lake, *in_details})
        if in_lake[kind, status] != in_details[kind, status]
    ]


def _times(rows: pa.Table) -> Counter[tuple[str, str]]:
    """The milliseconds that all users together were in each status, by kind and status."""
    times = Counter[tuple[str, str]]()
    names = ("kind", "status", "duration_ms")
    for kind, status, length in zip(*(rows[name].to_pylist() for name in names), strict=True):
        times[kind, str(status)] += length
    return times


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
        asset=translated_key(FILES),
        description="On days that both details jobs and the data lake have completely: the same conversations, each "
        "metric as often and with the same sum, and the same time of agents in each status. The data lake is little "
        "documented: if an assumption about it is wrong, this check shows it.",
    )
    def matches_details(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        settings, stored = DataLakeSettings.load(), lake.lake
        run = run_days(context, calendar)
        days = sorted({day for each in run for day in days_around(each, before=_DAYS_BEFORE, after=0)})
        comparisons = {day: compared for day in days if (compared := compare(stored, day, settings)) is not None}
        problems = [
            f"{day}: {text}"
            for day, compared in comparisons.items()
            for text in ([compared] if isinstance(compared, str) else compared.differences)
        ]
        of_status = {day: lines for day in days if (lines := compare_status(stored, day, settings)) is not None}
        problems += [f"{day}: {line}" for day, lines in of_status.items() for line in lines]
        metadata: dict[str, Any] = {
            "compared_days": dg.MetadataValue.json(sorted(comparisons)),
            "compared_days_of_status": dg.MetadataValue.json(sorted(of_status)),
        }
        if problems:
            shown = problems[:_SHOWN] + ([f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else [])
            metadata["differences"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in shown))
        return dg.AssetCheckResult(passed=not problems, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)

    return matches_details

"""The rows that the page of a day shows. The engine of reports computes them. Only the occupancy of all agents together
is computed here.

`reports/day_page.yaml` declares the reports that give these rows. Agents come from the stored report `agent_daily`,
their occupancy from `agent_day`. `day_page` decides how rows look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from genesys_assets.lake.lake import Lake
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.reports.built_in import page_reports
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.meaning.report import Report

Row = Mapping[str, Any]

AGENTS, STATUS = "agent_daily", "agent_day"
_ON_QUEUE = ("idle_ms", "interacting_ms", "communicating_ms", "not_responding_ms")
_OF_QUALITY = ("page_evaluations", "page_surveys", "page_resolutions")
_HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Interval:
    """A part of the day that begins at `start`, with its row."""

    start: datetime
    row: Row


@dataclass(frozen=True, slots=True)
class Medium:
    """A media type of the day, with its row for the day and its rows by interval. `name` is None for interactions
    without a media type.
    """

    name: str | None
    row: Row
    intervals: Sequence[Interval]


@dataclass(frozen=True, slots=True)
class DayReports:
    """The rows of a day's page. `agents`, most handle time first, is None if their report is not stored; each has its
    `occupancy` if agents' status is stored (`has_status`). `occupancy` is that of all agents of the day together.
    `flows` is None if the platform did not answer that family. `quality` has a row per queue, the one with the most
    evaluations first, without figures of families that the platform did not answer; None if it answered none of them.
    """

    total: Row
    intervals: Sequence[Interval]
    media: Sequence[Medium]
    queues: Sequence[Row]
    agents: Sequence[Row] | None = field(default=())
    has_status: bool = False
    occupancy: float | None = None
    flows: Sequence[Row] | None = None
    quality: Sequence[Row] | None = None

    @property
    def headline(self) -> dict[str, Any]:
        """The summary of a day, for the manifest and the list of days: counts, and everything else by medium."""
        media = {medium.name or NO_MEDIUM: medium.row for medium in self.media}
        return {
            **{name: self.total[name] for name in _OF_ALL},
            "media": {name: {figure: row[figure] for figure in _OF_MEDIUM} for name, row in media.items()},
        }


NO_MEDIUM = "none"
_OF_ALL = ("offered", "outbound", "answered", "abandoned", "abandoned_share")
_OF_MEDIUM = (
    *("interactions", "offered", "answered", "abandoned", "abandoned_share"),
    *("handled", "average_handle_time_ms", "hold_share", "service_level"),
)


def day_reports(
    lake: Lake,
    day: BusinessDay,
    *,
    with_agents: bool = True,
    with_status: bool = True,
    start_date: date = date.min,
) -> DayReports:
    """The page's rows. Days before `start_date` were never fetched.

    Raises NotStored if a table is missing or does not reach far enough, FileNotFoundError if the report of agents is
    not stored.
    """
    stored = StoredDay(lake, day.key, day.zone, start_date)
    of_conversations = {name: report for name, report in page_reports().items() if not report.families}
    rows = {name: compute(report, stored).to_pylist() for name, report in of_conversations.items()}
    nothing = {name: dict.fromkeys(report.spec.schema.names) for name, report in page_reports().items()}
    of_media = rows["page_media_half_hours"]
    status = _stored(lake, STATUS, day) if with_status and lake.has(f"reports/{STATUS}", day.key) else []
    occupancies = {row["user_id"]: row["occupancy"] for row in status}
    return DayReports(
        total=next(iter(rows["page_total"]), nothing["page_total"]),
        intervals=_through(day, rows["page_half_hours"], nothing["page_half_hours"]),
        media=[
            Medium(row["media_type"], row, _through(day, _of(of_media, row), nothing["page_media_half_hours"]))
            for row in rows["page_media"]
        ],
        queues=rows["page_queues"],
        agents=_agents(lake, day, occupancies) if with_agents else None,
        has_status=bool(status),
        occupancy=_occupancy(status),
        flows=_where_answered(page_reports()["page_flows"], stored),
        quality=_quality(stored),
    )


def family_tables() -> tuple[str, ...]:
    """The tables of families besides conversations. The page shows their figures if they are stored."""
    of_families = (report for report in page_reports().values() if report.families)
    return tuple(dict.fromkeys(place for report in of_families for place in report.metrics_places))


def _where_answered(report: Report, stored: StoredDay) -> list[Row] | None:
    try:
        rows: list[Row] = compute(report, stored).to_pylist()
    except NotStored:
        return None
    return rows


def _quality(stored: StoredDay) -> list[Row] | None:
    """The rows of the quality reports joined by queue; None if the platform answered none of their families."""
    answered = [_where_answered(page_reports()[name], stored) for name in _OF_QUALITY]
    if all(rows is None for rows in answered):
        return None
    nothing = dict.fromkeys(name for each in _OF_QUALITY for name in page_reports()[each].spec.schema.names)
    queues: dict[str | None, dict[str, Any]] = {}
    for row in (row for rows in answered for row in rows or ()):
        queues.setdefault(row["queue_id"], dict(nothing)).update(row)
    return sorted(queues.values(), key=_most_quality_first)


def _most_quality_first(row: Row) -> tuple[int, int, bool, str]:
    return -(row["evaluations"] or 0), -(row["nps_responses"] or 0), row["queue_id"] is None, row["queue_id"] or ""


def _of(rows: Iterable[Row], medium: Row) -> list[Row]:
    return [row for row in rows if row["media_type"] == medium["media_type"]]


def _through(day: BusinessDay, rows: Sequence[Row], nothing: Row) -> list[Interval]:
    """Every interval of the day, including those without a row: half hours, or longer intervals if imported figures
    cannot be divided into half hours.
    """
    step = max((row["interval_end"] - row["interval_start"] for row in rows), default=_HALF_HOUR)
    known = {row["interval_start"]: row for row in rows}
    count = -(-(day.end - day.start) // step)
    starts = [day.start + step * nth for nth in range(count)]
    return [Interval(start, known.get(start, nothing)) for start in starts]


def _stored(lake: Lake, report: str, day: BusinessDay) -> list[Row]:
    place = f"reports/{report}"
    rows: list[Row] = lake.read(place, day.key, schema=lake.schema(place, day.key)).to_pylist()
    return rows


def _occupancy(status: Sequence[Row]) -> float | None:
    """The occupancy of several agents together: a quotient of sums."""
    on_queue = sum(row[name] or 0 for row in status for name in _ON_QUEUE)
    return sum(row["interacting_ms"] or 0 for row in status) / on_queue if on_queue else None


def _agents(lake: Lake, day: BusinessDay, occupancies: Mapping[str, float | None]) -> list[Row]:
    rows = [{**row, "occupancy": occupancies.get(row["user_id"])} for row in _stored(lake, AGENTS, day)]
    return sorted(rows, key=lambda row: (-(row["total_handle_time_minutes"] or 0.0), row["user_name"] or ""))

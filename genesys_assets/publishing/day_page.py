"""The page of a day: what it shows, in which words, with which charts.

The page is made of the stored tables only, so that the same tables give the same bytes. What the figures are is
`day_figures`, how charts are drawn `charts`, how it is laid out `templates/day_page.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake.reach import Reach
from genesys_assets.publishing import charts
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.charts import Hours, Row, Words
from genesys_assets.publishing.day_figures import (
    BY_QUEUE,
    COLUMNS,
    Agent,
    DayFigures,
    Group,
    Interval,
    Volumes,
    by_abandon_rate,
    day_figures,
    ratio,
)
from genesys_assets.publishing.html import NOTHING, clock, count, percent, render
from genesys_assets.publishing.manifest import FailingCheck
from genesys_assets.tables.metrics import INTERVAL_METRICS
from genesys_assets.tables.restatements import RESTATEMENTS

if TYPE_CHECKING:
    from markupsafe import Markup

    from genesys_assets.lake.lake import Lake

PAGE_TABLES = ("tables/interval_metrics", "tables/conversations", "tables/restatements")
"""What the page is made of, besides reports."""
MOST_ROWS = 15
"""So many queues and agents are shown at once; the rest can be unfolded."""
MOST_BARS = 8
"""So many queues are ranked in a chart: those to look at first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a table of a UTC day had been read; `is_complete` None where the table does not say."""

    table: str
    day: str
    available_through: datetime | None
    is_complete: bool | None


@dataclass(frozen=True, slots=True)
class Restatement:
    """What one later reading of a UTC day changed: rows of `RESTATEMENTS`, only of tables that did not stay as they
    were.
    """

    day: date
    read_at: datetime
    changed: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Notes:
    """What the page says besides figures: how far they can be relied on."""

    readings: Sequence[Reading]
    restatements: Sequence[Restatement]
    failing_checks: Sequence[FailingCheck]
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DayPage:
    """A finished page, and the figures that stand for the day elsewhere."""

    html: str
    headline: dict[str, int | float | None]


def reach_of(lake: Lake, day: BusinessDay) -> Reach:
    """How far the tables behind the page know the business day."""
    tables = ("tables/interval_metrics", "tables/conversations")
    by_day = {utc_day: [lake.reach(table, utc_day) for table in tables] for utc_day in day.utc_days}
    return Reach.of_all(day.window, by_day)


def day_page(
    lake: Lake,
    day: BusinessDay,
    reach: Reach | None = None,
    *,
    failing_checks: Sequence[FailingCheck] = (),
    missing: Mapping[str, str] | None = None,
) -> DayPage:
    """The page of a business day; `reach` is how far the day is known, else that of the tables behind the page.
    `missing` gives for each report that is not published the reason.

    Raises FileNotFoundError that names the first table or report of it not stored.
    """
    key = f"{day.date}"
    queue_media, agent_daily = (_rows(lake, f"reports/{name}", key) for name in ("queue_media", "agent_daily"))
    if missing and "agent_daily" in missing:
        agent_daily = agent_daily.schema.empty_table()
    ledger = [_rows(lake, "tables/restatements", key)]
    ledger += [lake.read("tables/restatements", other, schema=RESTATEMENTS.schema) for other in _others(day)]
    metrics = lake.read(
        "tables/interval_metrics",
        day.utc_days,
        columns=COLUMNS,
        where=pc.field("grouping") == BY_QUEUE,
        schema=INTERVAL_METRICS.schema,
    )
    figures = day_figures(day, metrics, queue_media, agent_daily)
    readings = [_reading(lake, table, each) for each in day.utc_days for table in ("interval_metrics", "conversations")]
    restatements = _restatements([row for table in ledger for row in table.to_pylist()])
    known = reach or reach_of(lake, day)
    notes = Notes(readings, restatements, tuple(failing_checks), dict(missing or {}))
    return DayPage(_html(day, known, figures, notes), figures.headline)


def _rows(lake: Lake, place: str, key: str) -> pa.Table:
    """All rows of a stored partition. Raises FileNotFoundError."""
    return lake.read(place, key, schema=lake.schema(place, key))


def _others(day: BusinessDay) -> list[str]:
    return [each for each in day.utc_days if each != f"{day.date}"]


def _reading(lake: Lake, table: str, day: str) -> Reading:
    reach = lake.reach(f"tables/{table}", day)
    return Reading(table, day, reach.through if reach else None, reach.is_complete if reach else None)


def _restatements(ledger: Sequence[dict[str, Any]]) -> list[Restatement]:
    """The ledger by reading, latest first."""
    readings: dict[tuple[date, str], list[dict[str, Any]]] = {}
    for row in ledger:
        readings.setdefault((row["day"], row["run_id"]), []).append(row)
    told = [
        Restatement(day, min(row["read_at"] for row in rows), [row for row in rows if _changed(row)])
        for (day, _), rows in readings.items()
    ]
    return sorted(told, key=lambda restatement: (restatement.read_at, restatement.day), reverse=True)


def _changed(row: dict[str, Any]) -> bool:
    return any(row[name] for name in ("rows_added", "rows_changed", "rows_removed"))


def _html(day: BusinessDay, reach: Reach, figures: DayFigures, notes: Notes) -> str:
    return render(
        "day_page.html",
        day=day,
        figures=figures,
        total=figures.total,
        most=MOST_ROWS,
        charts=_charts(day, figures),
        time_of_day=lambda interval: _time_of_day(day, interval),
        is_complete=reach.is_complete,
        available_through=reach.through,
        readings=notes.readings,
        failing_checks=notes.failing_checks,
        missing=notes.missing,
        rereads=len(notes.restatements),
        restatements=[restatement for restatement in notes.restatements if restatement.changed],
    )


def _time_of_day(day: BusinessDay, interval: Interval) -> str:
    """Where clocks change an hour may come twice: then with its offset."""
    local = day.local(interval.start)
    return f"{local:%H:%M}" + (f" ({local:%z})" if day.clocks_change else "")


# -- charts ------------------------------------------------------------------------------------------


def _charts(day: BusinessDay, figures: DayFigures) -> dict[str, Markup]:
    """Every chart that has something to show, by its name."""
    volumes = [interval.volumes for interval in figures.intervals]
    hours = _hours(day, figures.intervals)
    drawn: dict[str, Markup] = {}
    offered = [v.offered for v in volumes]
    if any(offered):
        drawn["offered"] = charts.bars(
            Words("offered", "Offered and abandoned by half hour", _peak(day, figures, "offered", count)),
            hours,
            "interactions",
            (offered, charts.ACCENT),
            ([v.abandoned for v in volumes], charts.ALERT),
        )
    levels = [v.service_level for v in volumes]
    if any(level is not None for level in levels):
        drawn["level"] = charts.dots(
            Words("level", "Service level by half hour", _extremes(day, figures, "service_level", percent)),
            hours,
            "per cent",
            [None if level is None else 100 * level for level in levels],
            [v.measured for v in volumes],
            top=100,
        )
    handle = [v.average_handle_ms for v in volumes]
    if any(value is not None for value in handle):
        drawn["handle"] = charts.dots(
            Words("handle", "Average handle time by half hour", _extremes(day, figures, "average_handle_ms", clock)),
            hours,
            "minutes",
            [None if value is None else value / 60_000 for value in handle],
            [v.handled for v in volumes],
        )
    return drawn | _rankings(figures)


def _rankings(figures: DayFigures) -> dict[str, Markup]:
    by_level = [queue for queue in figures.queues if queue.name and queue.volumes.service_level is not None]
    lost = by_abandon_rate(figures.queues)
    most_lost = max((queue.volumes.abandoned_share or 0 for queue in lost), default=0)
    rankings = {
        "Service level by queue, lowest first": ("queue-level", map(_level_row, by_level[:MOST_BARS])),
        "Abandon rate by queue, highest first": ("queue-lost", (_lost_row(one, most_lost) for one in lost[:MOST_BARS])),
        "Interactions by medium": ("media", (_medium_row(medium, figures.total) for medium in figures.media)),
        "Division of agents' handle time, most handle time first": ("agents", map(_agent_row, figures.agents)),
    }
    shown = {title: (name, list(rows)[:MOST_ROWS]) for title, (name, rows) in rankings.items()}
    return {
        name: charts.ranking(Words(name, title, _listed(rows)), rows) for title, (name, rows) in shown.items() if rows
    }


def _level_row(queue: Group) -> Row:
    level = queue.volumes.service_level
    return Row(queue.name or NOTHING, [(level, charts.ACCENT)], percent(level), queue.volumes.target)


def _lost_row(queue: Group, most: float) -> Row:
    share = queue.volumes.abandoned_share
    return Row(queue.name or NOTHING, [(ratio(share, most), charts.ALERT)], percent(share))


def _agent_row(agent: Agent) -> Row:
    parts = ((agent.talk, charts.ACCENT), (agent.hold, charts.HOLD), (agent.wrap_up, charts.WRAP))
    spent = sum(minutes or 0 for minutes, _ in parts)
    handle = clock(agent.handle and agent.handle * 60_000)
    return Row(agent.name, [(ratio(minutes, spent), colour) for minutes, colour in parts], handle)


def _medium_row(medium: Group, total: Volumes) -> Row:
    share = ratio(medium.volumes.interactions, total.interactions)
    name = (medium.name or "no medium").capitalize()
    return Row(name, [(share, charts.ACCENT)], f"{count(medium.volumes.interactions)} · {percent(share)}")


def _hours(day: BusinessDay, intervals: Sequence[Interval]) -> Hours:
    local = [day.local(interval.start) for interval in intervals]
    whole = [(at, time) for at, time in enumerate(local) if time.minute == 0 and time.hour % 6 == 0]
    ticks = [(at, f"{time.hour}") for at, time in whole]
    return Hours(len(intervals), [*ticks, (len(intervals), "24")], f"hour of day, {day.zone.key}")


def _listed(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.name}: {row.value}" for row in rows) + "."


def _peak(day: BusinessDay, figures: DayFigures, name: str, shown: Callable[[Any], str]) -> str:
    highest = max(figures.intervals, key=lambda interval: getattr(interval.volumes, name) or 0)
    return (
        f"{shown(getattr(figures.total, name))} on the day; most in one half hour: "
        f"{shown(getattr(highest.volumes, name))} from {_time_of_day(day, highest)}. "
        f"{count(figures.total.abandoned)} were abandoned. The table below has every figure."
    )


def _extremes(day: BusinessDay, figures: DayFigures, name: str, shown: Callable[[Any], str]) -> str:
    known = [interval for interval in figures.intervals if getattr(interval.volumes, name) is not None]
    lowest, highest = (extreme(known, key=lambda each: getattr(each.volumes, name)) for extreme in (min, max))
    return (
        f"{shown(getattr(figures.total, name))} over the day; lowest {shown(getattr(lowest.volumes, name))} "
        f"from {_time_of_day(day, lowest)}, highest {shown(getattr(highest.volumes, name))} "
        f"from {_time_of_day(day, highest)}. The table below has every figure."
    )

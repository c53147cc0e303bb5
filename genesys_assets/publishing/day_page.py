"""Makes the page of a day: its texts and charts.

The page is made from stored tables, failing checks and the reasons for missing reports. The same inputs give the same
bytes, except for the links.
`day_reports` has the figures, `charts` draws them, `links` makes the links, `templates/day_page.html` is the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.days import utc_day
from genesys_assets.lake.ledger import LEDGER
from genesys_assets.lake.reach import Reach
from genesys_assets.publishing import charts
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.charts import Bar, ChartTexts, TimeAxis
from genesys_assets.publishing.day_reports import (
    AGENTS,
    NO_MEDIUM,
    STATUS,
    DayReports,
    Interval,
    Medium,
    Row,
    day_reports,
)
from genesys_assets.publishing.html import NOTHING, clock, count, percent, render
from genesys_assets.publishing.manifest import FailingCheck
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets.tables.users.time import USER_TIME

if TYPE_CHECKING:
    from markupsafe import Markup

    from genesys_assets.lake.lake import Lake

PAGE_TABLES = ("tables/interval_metrics", "tables/conversations", LEDGER)
"""The places of the tables that the page is made from, besides reports."""
_NOT_SHOWN = ("user_presence", "user_routing_status", "queue_waits")
"""Tables whose readings the page leaves out. Their rows change whenever a later day shows how a span ended, but no
figure of the day changes with them.
"""
MOST_ROWS = 15
"""How many queues and agents are shown; the rest can be unfolded."""
MOST_BARS = 8
"""How many queues a chart ranks: those to look at first."""
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class TableReach:
    """How far a table of a UTC day is known. Both values are None if the table has no reach."""

    table: str
    day: str
    available_through: datetime | None
    is_complete: bool | None


@dataclass(frozen=True, slots=True)
class Restatement:
    """What one later reading of a UTC day changed: the rows of `RESTATEMENTS` about tables that changed."""

    day: date
    read_at: datetime
    changed: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Notes:
    """What the page shows besides figures: how reliable they are."""

    readings: Sequence[TableReach]
    restatements: Sequence[Restatement]
    failing_checks: Sequence[FailingCheck]
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DayPage:
    """A finished page without links, and the summary figures for the manifest and the list of days."""

    html: str
    headline: dict[str, Any]


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
    start_date: date = date.min,
) -> DayPage:
    """Make the page of a business day. `reach` is how far the day is known; the default is the reach of the tables
    behind the page. `missing` gives the reason for each report that is not published. Raises FileNotFoundError or
    NotStored, which names the first table that is not stored, or not stored far enough.
    """
    known, reasons = reach or reach_of(lake, day), missing or {}
    parts = {"with_agents": AGENTS not in reasons, "with_status": STATUS not in reasons}
    figures = day_reports(lake, day, **parts, start_date=start_date)
    ledger = [shown_readings(_rows(lake, LEDGER, day.key))]
    ledger += [shown_readings(lake.read(LEDGER, other, schema=RESTATEMENTS.schema)) for other in _others(day)]
    notes = Notes(
        [_table_reach(lake, table, each) for each in day.utc_days for table in ("interval_metrics", "conversations")],
        _restatements([row for table in ledger for row in table.to_pylist()]),
        tuple(failing_checks),
        dict(reasons),
    )
    return DayPage(_html(day, known, figures, notes, _never_fetched(lake, day, start_date)), figures.headline)


def _rows(lake: Lake, place: str, key: str) -> pa.Table:
    """All rows of a stored partition. Raises FileNotFoundError."""
    return lake.read(place, key, schema=lake.schema(place, key))


def shown_readings(ledger: pa.Table) -> pa.Table:
    """The rows of the ledger that the page shows: those of all tables but `_NOT_SHOWN`. `user_time` is computed in
    the same runs as the tables of `_NOT_SHOWN`, so a reading of it is only shown if it changed something.
    """
    changed = [pc.not_equal(ledger[name], 0) for name in ("rows_added", "rows_changed", "rows_removed")]
    is_changed = pc.or_(pc.or_(*changed[:2]), changed[2])
    is_shown = pc.invert(pc.is_in(ledger["table"], value_set=pa.array(_NOT_SHOWN)))
    return ledger.filter(pc.and_(is_shown, pc.or_(is_changed, pc.not_equal(ledger["table"], USER_TIME.name))))


def _others(day: BusinessDay) -> list[str]:
    return [each for each in day.utc_days if each != f"{day.date}"]


def _never_fetched(lake: Lake, day: BusinessDay, start_date: date) -> datetime | None:
    """The instant before which the day was never fetched, because it begins before `start_date`; None if all of it was
    fetched.
    """
    first = utc_day(f"{max(start_date, day.window.start.date())}")[0]
    before = [each for each in day.utc_days if utc_day(each)[0] < first]
    return None if all(lake.has("tables/interval_metrics", each) for each in before) else first


def _table_reach(lake: Lake, table: str, day: str) -> TableReach:
    reach = lake.reach(f"tables/{table}", day)
    return TableReach(table, day, reach.through if reach else None, reach.is_complete if reach else None)


def _restatements(ledger: Sequence[dict[str, Any]]) -> list[Restatement]:
    """The ledger by reading, latest first."""
    readings: dict[tuple[date, str], list[dict[str, Any]]] = {}
    for row in ledger:
        readings.setdefault((row["day"], row["run_id"]), []).append(row)
    restatements = [
        Restatement(day, min(row["read_at"] for row in rows), [row for row in rows if _changed(row)])
        for (day, _), rows in readings.items()
    ]
    return sorted(restatements, key=lambda restatement: (restatement.read_at, restatement.day), reverse=True)


def _changed(row: dict[str, Any]) -> bool:
    return any(row[name] for name in ("rows_added", "rows_changed", "rows_removed"))


def _html(
    day: BusinessDay, reach: Reach, figures: DayReports, notes: Notes, never_fetched: datetime | None = None
) -> str:
    return render(
        "day_page.html",
        day=day,
        figures=figures,
        most=MOST_ROWS,
        charts=_charts(day, figures),
        called=called,
        time_of_day=lambda interval: _time_of_day(day, interval),
        is_complete=reach.is_complete,
        never_fetched=never_fetched,
        available_through=reach.through,
        readings=notes.readings,
        failing_checks=notes.failing_checks,
        missing=notes.missing,
        rereads=len(notes.restatements),
        restatements=[restatement for restatement in notes.restatements if restatement.changed],
    )


def called(medium: str | None) -> str:
    """The name of a media type on the page: Voice."""
    return "No medium" if medium in (None, NO_MEDIUM) else str(medium).capitalize()


def _time_of_day(day: BusinessDay, interval: Interval) -> str:
    """The local time of an interval. On a day when clocks change it has the UTC offset, because an hour may occur
    twice.
    """
    local = day.local(interval.start)
    return f"{local:%H:%M}" + (f" ({local:%z})" if day.clocks_change else "")


# -- charts ------------------------------------------------------------------------------------------


def _charts(day: BusinessDay, figures: DayReports) -> dict[str, Markup]:
    """Every chart that has a figure to show, by its name; `level-0` and `handle-0` are those of the first medium."""
    drawn: dict[str, Markup] = {}
    offered = [interval.row["offered"] for interval in figures.intervals]
    if any(offered):
        drawn["offered"] = charts.bars(
            ChartTexts("offered", "Offered and abandoned through the day", _peak(day, figures)),
            _hours(day, figures.intervals),
            "interactions",
            (offered, charts.ACCENT),
            ([interval.row["abandoned"] for interval in figures.intervals], charts.ALERT),
        )
    for nth, medium in enumerate(figures.media):
        drawn |= _charts_of(day, medium, nth)
    return drawn | _rankings(figures)


def _charts_of(day: BusinessDay, medium: Medium, nth: int) -> dict[str, Markup]:
    """Service level and handle time of one medium. There are none of all media together: these would mean nothing."""
    hours, name = _hours(day, medium.intervals), called(medium.name)
    drawn: dict[str, Markup] = {}
    if medium.row["service_level"] is not None:
        description = _extremes(day, medium, "service_level", percent)
        drawn[f"level-{nth}"] = charts.dots(
            ChartTexts(f"level-{nth}", f"Service level through the day, {name}", description),
            hours,
            "per cent",
            [_times(interval.row["service_level"], 100) for interval in medium.intervals],
            [interval.row["measured"] for interval in medium.intervals],
            top=100,
        )
    if medium.row["average_handle_time_ms"] is not None:
        description = _extremes(day, medium, "average_handle_time_ms", clock)
        drawn[f"handle-{nth}"] = charts.dots(
            ChartTexts(f"handle-{nth}", f"Average handle time through the day, {name}", description),
            hours,
            "minutes",
            [_times(interval.row["average_handle_time_ms"], 1 / _MINUTE) for interval in medium.intervals],
            [interval.row["handled"] for interval in medium.intervals],
        )
    return drawn


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _rankings(figures: DayReports) -> dict[str, Markup]:
    named = [row for row in figures.queues if row["queue_id"] is not None]
    by_level = [row for row in named if row["service_level"] is not None]
    lost = sorted((row for row in named if row["abandoned_share"]), key=lambda row: -row["abandoned_share"])
    most_lost = max((row["abandoned_share"] for row in lost), default=0)
    rankings = {
        "Service level by queue and medium, lowest first": ("queue-level", map(_level_bar, by_level[:MOST_BARS])),
        "Abandon rate by queue and medium, highest first": (
            "queue-lost",
            (_lost_bar(row, most_lost) for row in lost[:MOST_BARS]),
        ),
        "Interactions by medium": ("media", (_medium_bar(medium, figures.total) for medium in figures.media)),
        "Division of agents' handle time, most handle time first": ("agents", map(_agent_bar, figures.agents or ())),
    }
    shown = {title: (name, list(bars)[:MOST_ROWS]) for title, (name, bars) in rankings.items()}
    return {
        name: charts.ranking(ChartTexts(name, title, _listed(bars)), bars)
        for title, (name, bars) in shown.items()
        if bars
    }


def _queue(row: Row) -> str:
    return f"{row['queue_name'] or NOTHING} · {called(row['media_type'])}"


def _level_bar(row: Row) -> Bar:
    return Bar(_queue(row), [(row["service_level"], charts.ACCENT)], percent(row["service_level"]), row["target"])


def _lost_bar(row: Row, most: float) -> Bar:
    return Bar(_queue(row), [(row["abandoned_share"] / most, charts.ALERT)], percent(row["abandoned_share"]))


def _agent_bar(row: Row) -> Bar:
    parts = (("talk_time", charts.ACCENT), ("hold_time", charts.HOLD), ("wrap_up", charts.WRAP))
    minutes = [(row[f"total_{name}_minutes"] or 0.0, colour) for name, colour in parts]
    spent = sum(each for each, _ in minutes) or 1.0
    handle = clock(_times(row["total_handle_time_minutes"], _MINUTE))
    return Bar(row["user_name"] or NOTHING, [(each / spent, colour) for each, colour in minutes], handle)


def _medium_bar(medium: Medium, total: Row) -> Bar:
    interactions, all_ = medium.row["interactions"], total["interactions"]
    share = interactions / all_ if interactions is not None and all_ else None
    return Bar(called(medium.name), [(share, charts.ACCENT)], f"{count(interactions)} · {percent(share)}")


def _hours(day: BusinessDay, intervals: Sequence[Interval]) -> TimeAxis:
    local = [day.local(interval.start) for interval in intervals]
    whole = [(at, time) for at, time in enumerate(local) if time.minute == 0 and time.hour % 6 == 0]
    ticks = [(at, f"{time.hour}") for at, time in whole]
    return TimeAxis(len(intervals), [*ticks, (len(intervals), "24")], f"hour of day, {day.zone.key}")


def _listed(bars: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.name}: {bar.value}" for bar in bars) + "."


def _peak(day: BusinessDay, figures: DayReports) -> str:
    highest = max(figures.intervals, key=lambda interval: interval.row["offered"] or 0)
    return (
        f"{count(figures.total['offered'])} on the day; most in one interval: "
        f"{count(highest.row['offered'])} from {_time_of_day(day, highest)}. "
        f"{count(figures.total['abandoned'])} were abandoned. The table below has every figure."
    )


def _extremes(day: BusinessDay, medium: Medium, name: str, shown: Callable[[Any], str]) -> str:
    known = [interval for interval in medium.intervals if interval.row[name] is not None]
    lowest, highest = (extreme(known, key=lambda each: each.row[name]) for extreme in (min, max))
    return (
        f"{shown(medium.row[name])} over the day; lowest {shown(lowest.row[name])} "
        f"from {_time_of_day(day, lowest)}, highest {shown(highest.row[name])} "
        f"from {_time_of_day(day, highest)}. The table below has every figure."
    )

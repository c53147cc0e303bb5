"""The figures of a day's page: sums of the stored tables, and what follows from them.

All of them belong to one business day and count at the time a metric was emitted, so that they agree with each other:
half-hours, queues and media are three ways to add up the same rows of `interval_metrics`. How figures look is
`day_page` and `charts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.tables.spec import INSTANT

STEP = timedelta(minutes=30)
BY_QUEUE = "mediaType,queueId"
"""The rows of `interval_metrics` that are added up: see its column `grouping`."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """Sums of one group. Times in whole milliseconds; None where the platform gave no such figure."""

    offered: int | None = None
    outbound: int | None = None
    answered: int | None = None
    abandoned: int | None = None
    handled: int | None = None
    handle_ms: int | None = None
    talk_ms: int | None = None
    hold_ms: int | None = None
    wrap_up_ms: int | None = None
    in_target: int | None = None
    measured: int | None = None
    target: float | None = None

    @property
    def interactions(self) -> int | None:
        """Offered and outbound; an absent one counts 0 if the other is there."""
        if self.offered is None and self.outbound is None:
            return None
        return (self.offered or 0) + (self.outbound or 0)

    @property
    def abandoned_share(self) -> float | None:
        return ratio(self.abandoned, self.offered)

    @property
    def service_level(self) -> float | None:
        return ratio(self.in_target, self.measured)

    @property
    def average_handle_ms(self) -> float | None:
        return ratio(self.handle_ms, self.handled)

    @property
    def hold_share(self) -> float | None:
        return ratio(self.hold_ms, self.handle_ms)


@dataclass(frozen=True, slots=True)
class Interval:
    """The half hour that begins at `start`."""

    start: datetime
    volumes: Volumes


@dataclass(frozen=True, slots=True)
class Group:
    """A queue or a medium; `name` None: interactions without one."""

    name: str | None
    volumes: Volumes


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent's day, in minutes."""

    name: str
    conversations: int | None
    handle: float | None
    talk: float | None
    hold: float | None
    wrap_up: float | None
    average_handle_seconds: float | None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """`queues` by service level, lowest first, then by abandon rate, highest first; what has none comes last.

    `media` by interactions, `agents` by handle time, most first.
    """

    total: Volumes
    intervals: tuple[Interval, ...]
    queues: tuple[Group, ...]
    media: tuple[Group, ...]
    agents: tuple[Agent, ...]

    @property
    def headline(self) -> dict[str, int | float | None]:
        """What a day is summed up by, for the manifest and the list of days."""
        total = self.total
        return {
            "offered": total.offered,
            "answered": total.answered,
            "abandoned": total.abandoned,
            "abandoned_share": total.abandoned_share,
            "service_level": total.service_level,
            "average_handle_time_ms": total.average_handle_ms,
            "hold_share": total.hold_share,
        }


def day_figures(
    day: BusinessDay, interval_metrics: pa.Table, queue_media: pa.Table, agent_daily: pa.Table
) -> DayFigures:
    """Figures of the business day from rows of `interval_metrics` that contain it, and two reports of it.

    `queue_media` gives the queues' names.
    """
    rows = _of_the_day(interval_metrics, day)
    names = dict(zip(queue_media["queue_id"].to_pylist(), queue_media["queue_name"].to_pylist(), strict=True))
    queues = [Group(names.get(queue, queue), sums) for (queue,), sums in _volumes(rows, "queue_id").items()]
    media = [Group(medium, sums) for (medium,), sums in _volumes(rows, "media_type").items()]
    return DayFigures(
        total=_volumes(rows).get((), Volumes()),
        intervals=_intervals(rows, day),
        queues=tuple(sorted(queues, key=_worst_first)),
        media=tuple(sorted(media, key=lambda group: (-(group.volumes.interactions or 0), group.name or ""))),
        agents=_agents(agent_daily),
    )


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """None where either is None or the denominator is 0."""
    return numerator / denominator if numerator is not None and denominator else None


_PARTS = {
    "offered": ("nOffered", "count"),
    "outbound": ("nOutbound", "count"),
    "answered": ("tAnswered", "count"),
    "abandoned": ("tAbandon", "count"),
    "handled": ("tHandle", "count"),
    "handle_ms": ("tHandle", "sum"),
    "talk_ms": ("tTalkComplete", "sum"),
    "hold_ms": ("tHeldComplete", "sum"),
    "wrap_up_ms": ("tAcw", "sum"),
    "in_target": ("oServiceLevel", "numerator"),
    "measured": ("oServiceLevel", "denominator"),
    "target": ("oServiceLevel", "target"),
}
_WHOLE = {field.name for field in fields(Volumes)} - {"target"}
COLUMNS = (
    *("interval_start", "grouping", "selection", "queue_id", "media_type", "metric", "view"),
    *("count", "sum", "numerator", "denominator", "target"),
)
"""What of `interval_metrics` is read."""


def _of_the_day(interval_metrics: pa.Table, day: BusinessDay) -> pa.Table:
    start, (first, end) = interval_metrics["interval_start"], (pa.scalar(at, INSTANT) for at in (day.start, day.end))
    inside = pc.and_(pc.greater_equal(start, first), pc.less(start, end))
    # What reports ask beside has a selection or is a view, and counts the same conversations again.
    usual = {"grouping": BY_QUEUE, "selection": "", "view": ""}
    for name, value in usual.items():
        inside = pc.and_(inside, pc.equal(interval_metrics[name], value))
    return interval_metrics.filter(inside)


def _intervals(rows: pa.Table, day: BusinessDay) -> tuple[Interval, ...]:
    """Every half hour from the day's beginning, those without data too."""
    elapsed = pc.subtract(rows["interval_start"].cast(pa.int64()), int(day.start.timestamp() * 1000))
    known = _volumes(rows.append_column("nth", pc.divide(elapsed, STEP // timedelta(milliseconds=1))), "nth")
    count = -(-(day.end - day.start) // STEP)
    return tuple(Interval(day.start + STEP * nth, known.get((nth,), Volumes())) for nth in range(count))


def _volumes(rows: pa.Table, *keys: str) -> dict[tuple[Any, ...], Volumes]:
    """The sums of each group; a figure whose parts are all absent is None, a target that is not common too."""
    rows = rows.filter(pc.is_in(rows["metric"], pa.array(sorted({metric for metric, _ in _PARTS.values()}))))
    any_of_them = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
    summed = [(name, "sum", any_of_them) for name in ("count", "sum", "numerator", "denominator")]
    table = rows.group_by([*keys, "metric"]).aggregate([*summed, ("target", "min"), ("target", "max")])
    groups: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for row in table.to_pylist():
        row["target_sum"] = row["target_min"] if row["target_min"] == row["target_max"] else None
        groups.setdefault(tuple(row[key] for key in keys), {})[row["metric"]] = row
    return {key: Volumes(**_figures(metrics)) for key, metrics in groups.items()}


def _figures(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    read = {name: metrics.get(metric, {}).get(f"{part}_sum") for name, (metric, part) in _PARTS.items()}
    return {name: int(value) if name in _WHOLE and value is not None else value for name, value in read.items()}


def _worst_first(group: Group) -> tuple[bool, bool, float, float, str]:
    level, lost = group.volumes.service_level, group.volumes.abandoned_share
    return (group.name is None, level is None, level or 0.0, -(lost or 0.0), group.name or "")


def _agents(agent_daily: pa.Table) -> tuple[Agent, ...]:
    agents = [
        Agent(
            row["user_name"],
            row["conversation_count"],
            row["total_handle_time_minutes"],
            row["total_talk_time_minutes"],
            row["total_hold_time_minutes"],
            row["total_wrap_up_minutes"],
            row["average_handle_time_seconds"],
        )
        for row in agent_daily.to_pylist()
    ]
    return tuple(sorted(agents, key=lambda agent: (-(agent.handle or 0.0), agent.name)))


def by_abandon_rate(queues: Iterable[Group]) -> list[Group]:
    """Queues that lost somebody, the highest rate first."""
    lost = [queue for queue in queues if queue.name is not None and queue.volumes.abandoned_share is not None]
    return sorted(lost, key=lambda queue: (-(queue.volumes.abandoned_share or 0.0), queue.name or ""))

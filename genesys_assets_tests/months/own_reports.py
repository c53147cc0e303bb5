"""Custom reports that are added, changed and removed, with their expected rows by plain Python.

At least two always exist, one of aggregates and one of details. `faults` plans when they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from genesys_assets_tests.plain_figures import Row, grouped, sessions, total
from genesys_assets_tests.plain_reports import BY_QUEUE, Knowledge

Figures = Callable[[Knowledge], list[Row]]


@dataclass(frozen=True)
class OwnReport:
    """An entry of the file, the key of its rows, and the expected rows of a business day."""

    text: str
    key: tuple[str, ...]
    figures: Figures


def _of_aggregates(metric: str, statistic: str) -> OwnReport:
    """A metric by queue, as the platform counts it."""

    def figures(known: Knowledge) -> list[Row]:
        groups = grouped(known.measured(BY_QUEUE, [metric]), lambda row: (row["queue_id"],))
        return [
            _row(known, **_queue(known, queue), figure=total(rows, metric, statistic))
            for (queue,), rows in groups.items()
        ]

    text = f"""
    description: One row per queue.
    group_by: [queueId]
    aggregates:
      metrics: {{figure: {metric}.{statistic}}}
"""
    return OwnReport(text, ("interval_start", "queue_id"), figures)


def _of_sessions(measure: str, count: Callable[[Iterable[Any]], int]) -> OwnReport:
    """Sessions by media type, of conversations that began on the day."""

    def figures(known: Knowledge) -> list[Row]:
        groups = grouped(sessions(known.began), lambda session: (session.media_type,))
        return [_row(known, media_type=media, figure=count(found)) for (media,), found in groups.items()]

    text = f"""
    description: One row per media type.
    group_by: [mediaType]
    details:
      table: sessions
      measures: {{figure: {measure}}}
"""
    return OwnReport(text, ("interval_start", "media_type"), figures)


def _of_metrics(metric: str) -> OwnReport:
    """Values that sessions emitted on the day, by queue, whatever day their conversations began."""

    def figures(known: Knowledge) -> list[Row]:
        emitted = [
            (session.queue_id, value)
            for session in sessions(known.reaching)
            for when, _, value in session.emitted(metric)
            if known.start <= when < known.end
        ]
        groups = grouped(emitted, lambda each: (each[0],))
        return [
            _row(known, **_queue(known, queue), figure=sum(value for _, value in values), times=len(values))
            for (queue,), values in groups.items()
        ]

    text = f"""
    description: One row per queue.
    group_by: [queueId]
    details:
      table: session_metrics
      time: emit_date
      where: {{metric: {metric}}}
      measures: {{figure: {{sum: value}}, times: count}}
"""
    return OwnReport(text, ("interval_start", "queue_id"), figures)


def _queue(known: Knowledge, queue: str | None) -> Row:
    return {"queue_id": queue, "queue_name": None if queue is None else known.queues.get(queue, queue)}


def _row(known: Knowledge, **figures: Any) -> Row:
    bounds = {"interval_start": known.start, "interval_end": known.end, "local_date": known.local_date}
    return {**bounds, **figures}


OF_AGGREGATES = [_of_aggregates(*each) for each in (("nOffered", "count"), ("tHandle", "sum"), ("tAcw", "count"))]
OF_DETAILS = [
    _of_sessions("count", lambda found: len(list(found))),
    _of_sessions("{count_distinct: conversation_id}", lambda found: len({session.id for session in found})),
    _of_metrics("tHandle"),
    _of_metrics("tTalkComplete"),
]


@dataclass
class CustomReports:
    """The file of custom reports."""

    file: Path
    random: Random
    there: dict[str, OwnReport] = field(default_factory=dict)
    made: int = 0

    def begin(self) -> None:
        """One of each kind, before anything is loaded."""
        self._add(OF_AGGREGATES)
        self._add(OF_DETAILS)
        self._write()

    def change(self) -> None:
        """Remove a report, redefine one, or add one; one of each kind always stays."""
        what = self.random.choice(("add", "change", "remove"))
        kind = self.random.choice((OF_AGGREGATES, OF_DETAILS))
        of_kind = sorted(name for name, report in self.there.items() if report in kind)
        if what == "change":
            name = self.random.choice(of_kind)
            self.there[name] = self.random.choice([report for report in kind if report is not self.there[name]])
        elif what == "remove" and len(of_kind) > 1:
            del self.there[self.random.choice(of_kind)]
        else:
            self._add(kind)
        self._write()

    def _add(self, kind: list[OwnReport]) -> None:
        self.made += 1
        self.there[f"own_{self.made}"] = self.random.choice(kind)

    def _write(self) -> None:
        self.file.write_text("reports:\n" + "".join(f"  {name}:{report.text}" for name, report in self.there.items()))

    @property
    def by_name(self) -> Mapping[str, OwnReport]:
        return dict(self.there)

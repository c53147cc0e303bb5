"""Conversations a second from stored page bytes to all conversation tables in Parquet, and beside it, on the same
pages in the same run, `json.loads` with `pandas.json_normalize`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, TypeVar

import pandas as pd

from benchmarks.results import Result
from benchmarks.stored_day import DAY, PAGES, bodies, lake_at, stored_day
from genesys_assets.cloud.page import Page
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import hours_of, utc_hour
from genesys_assets.tables import decode, merge
from genesys_assets.tables.conversation_day import DAY_TABLES, day_tables

T = TypeVar("T")

OURS = "all tables, to Parquet"
FLAT = "json.loads + json_normalize: conversations only"
NORMALISED = "json.loads + json_normalize: 5 tables, not written"


def run(*, conversations: int, repeats: int) -> Result:
    """Times all ways in turn, `repeats` times, so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {OURS: [], FLAT: [], NORMALISED: []}
    runs: list[Phases] = []
    with stored_day(conversations) as folder:
        lake = lake_at(folder)
        pages = bodies(lake)
        for _ in range(repeats):
            phases = Phases()
            seconds[OURS].append(_timed(lambda phases=phases: write_tables(lake, phases)))
            runs.append(phases)
            seconds[FLAT].append(_timed(lambda: [_flat(page) for page in pages]))
            seconds[NORMALISED].append(_timed(lambda: [_normalised(page) for page in pages]))
    took = {way: median(times) for way, times in seconds.items()}
    parts = sum((phases.seconds for phases in runs), Counter[str]())
    rows = []
    for way, time_taken in took.items():
        rows.append(
            {"what": way, "seconds": round(time_taken, 2), "conversations/s": round(conversations / time_taken)}
        )
        if way == OURS:
            rows += [
                {"what": f"- {name}", "share": f"{part / parts.total():.0%}"} for name, part in parts.most_common()
            ]
    return Result(
        name="decode",
        sizes={"conversations": conversations, "pages": len(pages), "repeats": repeats},
        rows=rows,
        figures={
            "megabytes of JSON": round(sum(map(len, pages)) / 1e6, 1),
            "times as fast as conversations only": round(took[FLAT] / took[OURS], 2),
            "times as fast as 5 tables": round(took[NORMALISED] / took[OURS], 2),
        },
    )


class Phases:
    """Adds up seconds by phase; a phase inside another interrupts it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def of(self, name: str, items: Iterator[T]) -> Iterator[T]:
        """The items; getting each is of that phase, what is done with it is not."""
        while True:
            with self(name):
                item = next(items, None)
            if item is None:
                return
            yield item

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since  # type: ignore[assignment]
        self._since = now


def write_tables(lake: Lake, phases: Phases) -> None:
    """What the asset `conversation_tables` does with a day, without Dagster, a phase at a time."""
    hours = {hour: stored for hour in hours_of(DAY) if (stored := lake.pages(PAGES, hour))}
    pages = [(hour, stored, index) for hour, stored in hours.items() for index in range(len(stored))]

    def page_at(position: int) -> Page:
        _, stored, index = pages[position]
        return stored[index]

    def stub(position: int) -> merge.Stub:
        page = page_at(position)
        return merge.Stub(*utc_hour(pages[position][0]), page.fetched_at, decode.starts(page.body))

    with phases("plan"):
        planned = merge.plan([stub(position) for position in range(len(pages))])
    assets = {f"tables/{spec.name}": spec for spec in DAY_TABLES}
    with phases("write"), lake.table_writers(assets, DAY, {"source": "benchmark"}) as writers:
        for tables in phases.of("decode", day_tables(planned, page_at, lambda page, decoded: None)):
            for name, table in tables.items():
                writers[f"tables/{name}"].write(table)


def _flat(body: bytes) -> pd.DataFrame:
    """One row per conversation; participants and all below stay Python lists in a column."""
    return pd.json_normalize(json.loads(body)["conversations"])


def _normalised(body: bytes) -> list[pd.DataFrame]:
    """The five large tables with their keys; types as they come, no order, no duplicates dropped."""
    conversations: list[Any] = json.loads(body)["conversations"]
    for conversation in conversations:
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                session.setdefault("metrics", [])
    conversation = ["conversationId", "conversationStart"]
    participant = [*conversation, ["participants", "participantId"]]
    session = [*participant, ["participants", "sessions", "sessionId"]]
    path = ["participants", "sessions"]
    return [
        pd.json_normalize(conversations),
        pd.json_normalize(conversations, "participants", conversation, record_prefix="_"),
        pd.json_normalize(conversations, path, participant, record_prefix="_"),
        pd.json_normalize(conversations, [*path, "segments"], session, record_prefix="_"),
        pd.json_normalize(conversations, [*path, "metrics"], session, record_prefix="_"),
    ]


def _timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun

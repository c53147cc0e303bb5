"""The package: `decode` and `explode`, and the lake's writers. `python -m benchmarks.sides.ours FOLDER LAKE`.

`asset` does everything that the asset `conversation_tables` does with a stored day, without Dagster.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from benchmarks.sides.rounds import Figures, page_bodies, serve_tables
from benchmarks.stored_day import DAY, PAGES, lake_at
from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import hours_of, utc_hour
from genesys_assets.settings import DecodingSettings
from genesys_assets.tables.conversations import decode, decode_arrow, merge, model
from genesys_assets.tables.conversations.day import DAY_TABLES, day_tables
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets.tables.conversations.forms import Forms
from genesys_assets.threads import map_in_order

T = TypeVar("T")
_PLACES = {f"tables/{spec.name}": spec for spec in CONVERSATION_TABLES}
_COLUMNS = {field.wire: field.column for field in (*model.CONVERSATION, *model.SESSION, *model.SEGMENT, *model.METRIC)}
_COLUMNS |= {f"flow.{field.wire}": field.column for field in model.FLOW}
_COLUMNS |= {field.wire: field.column for field in model.MEDIA_ENDPOINT_STAT}


def main(folder: str, lake: str) -> None:
    bodies = page_bodies(folder)
    serve_tables(
        lambda: whole(bodies),
        lambda made, target: write(made, target),
        len,
        lambda table, wire: table[_COLUMNS[wire]].to_pylist(),
        packages=["pyarrow"],
        more={"parse": lambda: parse(bodies), "asset": lambda: asset(Path(lake))},
    )


def whole(bodies: list[bytes]) -> dict[str, pa.Table]:
    parts = list(exploded(bodies))
    return {spec.name: pa.concat_tables(part[spec.name] for part in parts) for spec in CONVERSATION_TABLES}


def exploded(bodies: list[bytes]) -> Iterator[dict[str, pa.Table]]:
    """As `day_tables` does it, with the same number of threads."""
    decoder, threads = decode.Decoder(), DecodingSettings.load().threads
    with ThreadPoolExecutor(threads) as executor:
        decoded = map_in_order(executor, decoder.decode_all, _groups(bodies), ahead=max(2, threads))
        forms = merge.in_larger_parts(Forms(each.conversations) for some in decoded for each in some)
        yield from map_in_order(executor, lambda each: explode(each.conversations), forms, ahead=threads)


def _groups(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """The pages that `day_tables` reads at once: 600 conversations."""
    for first in range(0, len(bodies), 6):
        yield bodies[first : first + 6]


def write(made: dict[str, pa.Table], folder: Path) -> None:
    with lake_at(folder).table_writers(_PLACES, DAY, {"source": "benchmark"}) as writers:
        for name, table in made.items():
            writers[f"tables/{name}"].write(table)


def parse(bodies: list[bytes]) -> None:
    """Arrow's JSON reader alone, as it is used: six pages a block, the fields that occur."""
    reader = decode_arrow.ConversationsReader()
    for some in _groups(bodies):
        reader.read(some)


def asset(folder: Path) -> Figures:
    """Seconds by phase."""
    stored, phases = lake_at(folder), Phases()
    write_tables(stored, phases)
    return Figures(phases.seconds)


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
        """The items. Getting each one counts for that phase; using it does not."""
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
    """Reads the stored pages twice, as the asset does: for ids and starts first. Other threads read, decode and unnest
    while tables are written; their work is in no phase.
    """
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
    places = {f"tables/{spec.name}": spec for spec in DAY_TABLES}
    threads = DecodingSettings.load().threads
    made = day_tables(planned, page_at, lambda page, decoded: None, threads=threads)
    with phases("write"), lake.table_writers(places, DAY, {"source": "benchmark"}) as writers:
        for tables in phases.of("wait for decoding", made):
            for name, table in tables.items():
                writers[f"tables/{name}"].write(table)


if __name__ == "__main__":
    main(*sys.argv[1:])

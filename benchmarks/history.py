"""What a long past of a table costs each run: the run reads the log, finds 24 hours, commits one, and opens 24.

Both tables lie on this machine's disk; what S3 adds is in `s3`.
"""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

from benchmarks import past_days, peers
from benchmarks.peers import Running, Side
from benchmarks.results import Result, Target
from benchmarks.stored_day import DAY, PAGES, lake_at
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.lake.column_types import at_rest
from genesys_assets.lake.files import PAGES as PAGES_SPEC
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import hours_of

SHORT, LONG = Side("10 hours before", "our_history"), Side("a long past", "our_history")
WORK = {
    "load": "read the log",
    "find": "find 24 hours, and how new they are",
    "commit": "replace an hour",
    "checkpoint": "replace an hour, and write a checkpoint",
    "read": "open the pages of 24 hours",
    "partitions": "list all partitions",
}
_CHECKPOINTS = 1 / LocalStore.commits_between_checkpoints
_OF_A_RUN = {"load": 1, "find": 1, "commit": 1 - _CHECKPOINTS, "checkpoint": _CHECKPOINTS, "read": 1}
"""How often a run does what, in the mean."""
_SHORT_HOURS = 10
_DAYS_A_COMMIT = 10


def run(*, hours: int, repeats: int) -> Result:
    """A table with a few hours before the day, and one with many."""
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as name:
        short, long = Path(name) / "short", Path(name) / "long"
        _store(short, _SHORT_HOURS)
        _store(long, hours)
        with peers.running({SHORT: [short], LONG: [long]}) as sides:
            for work in WORK:
                peers.interleaved(sides, work, repeats)
    few, many = sides
    rows = [
        {
            "what": meaning,
            "ms with few": round(1000 * few.median(work), 1),
            "ms with many": round(1000 * many.median(work), 1),
            "CPU ms with few": round(1000 * few.median_cpu(work), 1),
            "CPU ms with many": round(1000 * many.median_cpu(work), 1),
        }
        for work, meaning in WORK.items()
    ]
    more, more_cpu = (
        round(1000 * sum(times * (of(many, work) - of(few, work)) for work, times in _OF_A_RUN.items()))
        for of in (Running.median, Running.median_cpu)
    )
    return Result(
        name="history",
        sizes={"hours": hours, "repeats": repeats},
        rows=rows,
        figures={"ms more a run": more},
        targets=[Target("CPU ms more a run", more_cpu, at_most=150)],
        versions=peers.versions(sides),
    )


def _store(folder: Path, hours: int) -> None:
    """The hours before the day in the log alone, those of the day with a page each."""
    lake, end = lake_at(folder), datetime.fromisoformat(DAY)
    before = [f"{end - timedelta(hours=back):%Y-%m-%d-%H:00}" for back in range(hours, 0, -1)]
    schema = at_rest(PAGES_SPEC.schema, PAGES_SPEC.name)
    at_once = 24 * _DAYS_A_COMMIT
    for first in range(0, hours, at_once):
        past_days.commit(lake.log(PAGES), schema, before[first : first + at_once])
    read_at = datetime.fromisoformat(f"{date.fromisoformat(DAY)}T00:00:00+00:00") + timedelta(days=1)
    with lake.page_writers(PAGES, hours_of(DAY), {}) as writers:
        for writer in writers.values():
            writer.write(Page(1, request_text("GET", "/"), read_at, None, b"{}"))

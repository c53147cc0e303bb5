"""The package: what a run does with a table of hours. `python -m benchmarks.sides.our_history FOLDER`."""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.sides.rounds import serve
from benchmarks.stored_day import DAY, PAGES, lake_at
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.partitions import hours_of

_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def main(folder: str) -> None:
    known, hours, numbers = lake_at(Path(folder)), hours_of(DAY), itertools.count(1)

    def load() -> None:
        lake_at(Path(folder)).log(PAGES)

    def find() -> None:
        for hour in hours:
            known.log(PAGES).files(hour)
        known.newness((PAGES, hour) for hour in hours)

    def commit() -> None:
        read_at = _BEGAN + timedelta(seconds=next(numbers))
        with known.page_writers(PAGES, hours[:1], {}) as writers:
            writers[hours[0]].write(Page(1, request_text("GET", "/"), read_at, None, b"{}"))

    def checkpoint() -> None:
        commit()
        known.log(PAGES).checkpoint()

    def read() -> None:
        known.pages_of(PAGES, hours)

    def partitions() -> None:
        known.page_partitions(PAGES)

    work = {
        "load": load,
        "find": find,
        "commit": commit,
        "checkpoint": checkpoint,
        "read": read,
        "partitions": partitions,
    }
    serve(work, packages=["deltalake"])


if __name__ == "__main__":
    main(sys.argv[1])

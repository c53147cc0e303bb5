"""A small table for the tests of the lake, and the usual ways to write it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.spec import TableSpec, columns

SPEC = TableSpec("things", "One row per thing.", ("id",), columns("id string its id\nn integer a number"))
PLACE = "tables/things"
PAGES = "pages/x"
DAYS = ["2026-01-30", "2026-01-31", "2026-02-01"]
HOURS = [f"2026-01-31-{hour:02d}:00" for hour in (12, 13, 14)]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def things(*rows: tuple[str | None, int | None], spec: TableSpec = SPEC) -> pa.Table:
    """Rows of `SPEC`."""
    return pa.Table.from_pylist([{"id": id_, "n": n} for id_, n in rows], spec.schema)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as dicts, in the order of their ids."""
    return sorted(table.to_pylist(), key=lambda row: str(row["id"]))


def page(body: bytes, number: int = 1, as_of: datetime = NOON) -> Page:
    return Page(number, "{}", as_of, "c", body, as_of=as_of)


def write_pages(
    lake: Lake, key: str | None, bodies: Iterable[bytes], as_of: datetime = NOON, place: str = PAGES
) -> None:
    """One partition of pages, all true as of one moment."""
    with lake.page_writers(place, [key], {"run_id": "r"}) as writers:
        for number, body in enumerate(bodies, start=1):
            writers[key].write(page(body, number, as_of))


def bodies(lake: Lake, key: str | None) -> list[bytes] | None:
    """The bodies of a stored partition, None where it is not stored."""
    stored = lake.pages(PAGES, key)
    return None if stored is None else [each.body for each in stored]


def cut(lake: Lake, place: str, key: str | None, left: int | None) -> None:
    """Cut the first file of a partition to so many bytes; None: lose it."""
    file = f"{place}/{lake.refreshed().log(place).files(key)[0].path}"
    whole = lake.store.get(file)
    assert whole is not None
    lake.store.delete(file)
    if left is not None:
        lake.store.put(file, whole[:left])

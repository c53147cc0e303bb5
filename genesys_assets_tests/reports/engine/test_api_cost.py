"""The cost of requests over a day, a week and a month: every figure equals plain Python over the same requests."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest

from genesys_assets.days import days_around
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.periods import Unit
from genesys_assets.reports.built_in import operating_reports
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets_tests.reports.small_lake import Row, computed

LAST = "2026-03-31"
DAYS = days_around(LAST, 40, 0)
(COST,) = operating_reports()
ASKED = (
    ("pages/hourly_details", "POST", "/api/v2/analytics/conversations/details/query"),
    ("reference/queues", "GET", "/api/v2/routing/queues"),
    ("reference/queue_members", "GET", "/api/v2/routing/queues/{id}/members"),
)


Group = tuple[str, str, str]


@cache
def requests() -> list[Row]:
    """Requests of each day, also at its first and last millisecond; some are refused and sent again."""
    drawn, rows = random.Random(3), list[Row]()
    for day in DAYS:
        midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
        for instant in (0, 86_399_999, *(drawn.randrange(86_400_000) for _ in range(12))):
            asset, method, path = drawn.choice(ASKED)
            status = drawn.choice((200, 200, 200, 404, 429, 503, None))
            rows.append(
                {
                    "request_id": f"{len(rows)}",
                    "time": midnight + timedelta(milliseconds=instant),
                    "asset": asset,
                    "method": method,
                    "path": path,
                    "attempt": drawn.choice((1, 1, 1, 2, 3)),
                    "status": status,
                    "duration_ms": drawn.randrange(1, 3_000),
                    "bytes": None if status is None else drawn.randrange(1_000_000),
                    "waited_ms": drawn.choice((0, 0, 250)),
                    # The platform rarely reports another number.
                    "allowed_per_minute": drawn.choice((None, 300, 300, 600)),
                }
            )
    return rows


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(LocalStore(tmp_path_factory.mktemp("cost")))
    for day in DAYS:
        rows = [row for row in requests() if f"{row['time']:%Y-%m-%d}" == day]
        table = pa.Table.from_pylist(rows, API_REQUESTS.schema)
        lake.write("tables/api_requests", API_REQUESTS, table, day, {}, reach=Reach(datetime(2026, 4, 1, tzinfo=UTC)))
    return lake


def total(rows: list[Row], name: str) -> int | None:
    there = [row[name] for row in rows if row[name] is not None]
    return sum(there) if there else None


def plain(first: date, last: date) -> dict[Group, Row]:
    groups: defaultdict[Group, list[Row]] = defaultdict(list)
    for row in requests():
        if first <= row["time"].date() <= last:
            groups[row["asset"], row["method"], row["path"]].append(row)
    minutes = 1440 * ((last - first).days + 1)
    found: dict[Group, Row] = {}
    for group, rows in groups.items():
        allowed = max((row["allowed_per_minute"] or 0 for row in rows), default=0) or None
        found[group] = {
            "requests": sum(row["attempt"] == 1 for row in rows) or None,
            "attempts": len(rows),
            "rate_limited": sum(row["status"] == 429 for row in rows) or None,
            "failed": sum(row["status"] is None or row["status"] >= 400 for row in rows) or None,
            "duration_ms": total(rows, "duration_ms"),
            "bytes": total(rows, "bytes"),
            "waited_ms": total(rows, "waited_ms"),
            "allowed_per_minute": allowed,
            "budget_share": len(rows) / (allowed * minutes) if allowed else None,
        }
    return found


@pytest.mark.parametrize(
    ("over", "first", "last"),
    [("day", date(2026, 3, 10), date(2026, 3, 10)), ("week", date(2026, 3, 16), date(2026, 3, 22)),
     ("month", date(2026, 3, 1), date(2026, 3, 31))],
)  # fmt: skip
def test_the_cost_of_days_a_week_and_a_month_is_that_of_their_requests(
    lake: Lake, over: Unit, first: date, last: date
) -> None:
    report = Report.of("cost", COST.definition.model_copy(update={"over": over}))
    expected = plain(first, last)
    found = {(row["asset"], row["method"], row["path"]): row for row in computed(report, lake, day=f"{last}")}
    assert found.keys() == expected.keys()
    for group, row in expected.items():
        assert {name: found[group][name] for name in row} == pytest.approx(row)

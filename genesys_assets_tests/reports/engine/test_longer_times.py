"""Reports over weeks, months, weekdays and rolling days: every figure equals plain Python over the same rows."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.days import days_around
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.reports.engine.stored import NotStored
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING
from genesys_assets_tests.reports.engine.test_compute import report
from genesys_assets_tests.reports.small_lake import Row, bucket, computed, small_lake

ZONES = ("UTC", "Europe/Zurich", "America/Los_Angeles", "Australia/Lord_Howe")
LAST = "2026-04-06"
DAYS = days_around(LAST, 75, 0)
FIRST = date.fromisoformat(DAYS[0])
HEARD = Reach(datetime(2026, 4, 7, tzinfo=UTC))
READ = ("interval_metrics", "session_metrics")
QUEUES = (None, "Q1", "Q2", "Q3")


@cache
def measured() -> list[Row]:
    """Figures of quarter hours, on both sides of every clock change of March and April."""
    drawn, rows = random.Random(7), []
    for day in DAYS:
        midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
        for quarter in {drawn.randrange(96) for _ in range(12)} | {0, 4, 5, 27, 28, 90, 91, 95}:
            start = midnight + timedelta(minutes=15 * quarter)
            count, least, most = drawn.randint(1, 5), drawn.randint(1, 9_999), drawn.randint(10_000, 999_999)
            rows.append(
                bucket(
                    start,
                    QUEUE_GROUPING,
                    "tHandle",
                    queue_id=drawn.choice(QUEUES),
                    media_type="voice",
                    count=count,
                    sum=least + most,
                    min=least,
                    max=most,
                )
            )
    return rows


@cache
def emitted() -> list[Row]:
    """Session metrics, some of them weeks after their conversation began."""
    drawn, rows = random.Random(8), []
    for number in range(600):
        start = datetime(*FIRST.timetuple()[:3], tzinfo=UTC) + timedelta(seconds=drawn.randrange(75 * 86_400))
        for _ in range(drawn.randint(1, 3)):
            later = drawn.choice([60, 60, 86_400, 20 * 86_400]) * drawn.random()
            rows.append(
                {
                    "conversation_id": f"c{number}",
                    "conversation_start": start,
                    "emit_date": start + timedelta(milliseconds=int(later * 1000)),
                    "queue_id": drawn.choice(QUEUES),
                    "user_id": f"u{drawn.randrange(6)}",
                    "metric": "tTalkComplete",
                    "value": drawn.randrange(1_000),
                }
            )
    return rows


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("longer")
    return small_lake(folder, only=READ, days=DAYS, reach=HEARD, interval_metrics=measured(), session_metrics=emitted())


AGGREGATES = {
    "metrics": {
        "handled": "tHandle.count",
        "handle_time": "tHandle.sum",
        "shortest": "tHandle.min",
        "longest": "tHandle.max",
    }
}
DETAILS = {
    "table": "session_metrics",
    "time": "emit_date",
    "measures": {
        "agents": {"count_distinct": "user_id"},
        "median": {"median": "value"},
        "most": {"percentile": "value", "at": 95},
        "talk": {"sum": "value"},
    },
}
ENTRY: dict[str, Any] = {
    "group_by": ["queueId"],
    "names": False,
    "aggregates": AGGREGATES,
    "details": DETAILS,
    "columns": {
        **dict.fromkeys(("handled", "shortest", "longest", "agents", "median", "most", "talk")),
        "average": "handle_time / handled",
        "a_day": "handled / days",
    },
}
SHOWN = tuple(ENTRY["columns"])


def rank(values: list[int], per_cent: float) -> int | None:
    """The smallest value that this share of the values, in per cent, does not exceed."""
    return sorted(values)[math.ceil(per_cent * len(values) / 100) - 1] if values else None


def plain(first: date, last: date, zone: str, *, by_weekday: bool = False) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The figures of local days by plain Python, by weekday and queue."""
    place = ZoneInfo(zone)
    counted: dict[tuple[Any, ...], list[Row]] = defaultdict(list)

    def groups(at: datetime, row: Row) -> Iterator[tuple[Any, ...]]:
        local = at.astimezone(place).date()
        if first <= local <= last:
            yield (*([local.isoweekday()] if by_weekday else []), row["queue_id"])

    for row in measured():
        for group in groups(row["interval_start"], row):
            counted[group].append(row)
    for row in emitted():
        for group in groups(row["emit_date"], row):
            counted[group].append(row)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return {
        group: figures(rows, sum(not by_weekday or day.isoweekday() == group[0] for day in days))
        for group, rows in counted.items()
    }


def figures(rows: list[Row], days: int) -> tuple[Any, ...]:
    buckets = [row for row in rows if row["metric"] == "tHandle"]
    talked = [row for row in rows if row["metric"] == "tTalkComplete"]
    handled, values = sum(row["count"] for row in buckets), [row["value"] for row in talked]
    return (
        handled or None,
        min((row["min"] for row in buckets), default=None),
        max((row["max"] for row in buckets), default=None),
        len({row["user_id"] for row in talked}) or None,
        rank(values, 50),
        rank(values, 95),
        sum(values) if values else None,
        sum(row["sum"] for row in buckets) / handled if handled else None,
        handled / days if handled else None,
    )


def figures_by_queue(rows: list[Row], *, by_weekday: bool = False) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    keys = ["weekday", "queue_id"] if by_weekday else ["queue_id"]
    return {tuple(row[key] for key in keys): tuple(row[name] for name in SHOWN) for row in rows}


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("over", "day", "first"),
    [
        ("day", "2026-03-29", "2026-03-29"),
        ("week", "2026-03-29", "2026-03-23"),
        ("week", "2026-04-05", "2026-03-30"),
        ("month", "2026-03-31", "2026-03-01"),
        ({"rolling": 10}, "2026-04-05", "2026-03-27"),
    ],
)
def test_figures_are_summed_and_counted_anew_over_all_days(
    lake: Lake, zone: str, over: Any, day: str, first: str
) -> None:
    columns = {name: ENTRY["columns"][name] for name in SHOWN if over != "day" or name != "a_day"}
    entry = {**ENTRY, "over": over, "columns": columns}
    rows = computed(report(entry), lake, zone, day)
    expected = plain(date.fromisoformat(first), date.fromisoformat(day), zone)
    if over == "day":
        expected = {group: each[:-1] for group, each in expected.items()}
        assert {(row["queue_id"],): tuple(row[name] for name in columns) for row in rows} == expected
        return
    assert figures_by_queue(rows) == expected
    (bounds,) = {(row["first_date"], row["last_date"], row["interval_start"], row["interval_end"]) for row in rows}
    midnights = [
        datetime.combine(each, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
        for each in (date.fromisoformat(first), date.fromisoformat(day) + timedelta(days=1))
    ]
    assert bounds == (date.fromisoformat(first), date.fromisoformat(day), *midnights)


@pytest.mark.parametrize("zone", ZONES)
def test_a_month_by_weekday_has_a_row_for_each_weekday_of_the_zone(lake: Lake, zone: str) -> None:
    rows = computed(report({**ENTRY, "over": "month", "by_weekday": True}), lake, zone, "2026-03-31")
    expected = plain(date(2026, 3, 1), date(2026, 3, 31), zone, by_weekday=True)
    assert figures_by_queue(rows, by_weekday=True) == expected
    assert len({(row["interval_start"], row["weekday"], row["queue_id"]) for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("over", "to", "before"),
    [
        ("week", "period_before", ("2026-03-23", "2026-03-29")),
        ({"rolling": 3}, "week_before", ("2026-03-27", "2026-03-29")),
        ({"rolling": 3}, "period_before", ("2026-03-31", "2026-04-02")),
    ],
)
def test_beside_a_column_stands_what_it_was_in_the_period_before(
    lake: Lake, over: Any, to: str, before: tuple[str, str]
) -> None:
    compare = {"columns": ["handled", "average", "agents", "a_day"], "to": to}
    rows = computed(report({**ENTRY, "over": over, "compare": compare}), lake, "Europe/Zurich", "2026-04-05")
    first = date(2026, 3, 30) if over == "week" else date(2026, 4, 3)
    now = plain(first, date(2026, 4, 5), "Europe/Zurich")
    earlier = plain(date.fromisoformat(before[0]), date.fromisoformat(before[1]), "Europe/Zurich")
    nothing = (None,) * len(SHOWN)
    assert {row["queue_id"] for row in rows} == {group[0] for group in now.keys() | earlier.keys()}
    for row in rows:
        group = (row["queue_id"],)
        for name in compare["columns"]:
            index = SHOWN.index(name)
            was, is_ = earlier.get(group, nothing)[index], now.get(group, nothing)[index]
            assert row[name] == is_
            assert row[f"{name}_before"] == was
            assert row[f"{name}_change"] == (None if None in (was, is_) else is_ - was)


def test_a_group_that_only_the_period_before_has_is_shown(tmp_path: Path) -> None:
    rows = [{**row, "queue_id": "gone"} for row in measured() if row["interval_start"].date() == date(2026, 3, 29)]
    entry = {"group_by": ["queueId"], "aggregates": AGGREGATES, "compare": {"columns": ["handled"]}}
    lake = small_lake(tmp_path, only=READ, days=DAYS[-10:], reach=HEARD, interval_metrics=rows)
    (row,) = computed(report(entry), lake, day="2026-03-30")
    total = sum(each["count"] for each in rows)
    assert (row["queue_id"], row["handled"], row["handled_before"], row["handled_change"]) == (
        "gone",
        None,
        total,
        None,
    )


def test_a_conversation_counts_once_in_a_period_however_many_of_its_days_it_is_on(lake: Lake) -> None:
    entry = {
        "over": "month",
        "details": {
            "table": "session_metrics",
            "time": "emit_date",
            "once_per": "conversation_id",
            "measures": {"conversations": "count"},
        },
    }
    (row,) = computed(report(entry), lake, "Europe/Zurich", "2026-03-31")
    zone = ZoneInfo("Europe/Zurich")
    seen = {each["conversation_id"] for each in emitted() if each["emit_date"].astimezone(zone).month == 3}
    assert row["conversations"] == len(seen)


def test_a_period_is_not_computed_while_one_of_its_days_is_not_stored(tmp_path: Path) -> None:
    weekly = report({**ENTRY, "over": "week"})
    days = [day for day in DAYS[-40:] if day != "2026-03-25"]
    lake = small_lake(
        tmp_path, only=READ, days=days, reach=HEARD, interval_metrics=measured(), session_metrics=emitted()
    )
    with pytest.raises(NotStored, match=r"no partition 2026-03-25: materialise it first"):
        computed(weekly, lake, day="2026-03-29")


def test_a_period_is_not_computed_while_one_of_its_days_reaches_too_short(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, only=READ, days=DAYS[-10:], reach=Reach(datetime(2026, 3, 31, 23, tzinfo=UTC)))
    with pytest.raises(NotStored, match=r"of 2026-03-31 reaches 2026-03-31T23:00:00\+00:00, not 2026-04-01 00:00"):
        computed(report({**ENTRY, "over": "week"}), lake, day="2026-04-05")


def test_a_period_that_begins_before_the_start_date_is_never_computed(lake: Lake) -> None:
    weekly = report({**ENTRY, "over": "week"})
    with pytest.raises(NotStored, match=r"2026-03-30 to 2026-04-05 begin before 2026-03-31"):
        computed(weekly, lake, day="2026-04-05", start_date=date(2026, 3, 31))


def test_what_would_be_compared_with_days_before_the_start_date_is_unknown(lake: Lake) -> None:
    columns = {"handled": None, "or_0": "coalesce(handled, 0)", "length": "interval_ms", "calendar": "days"}
    compared = report({**ENTRY, "over": "week", "columns": columns, "compare": {"columns": list(columns)}})
    rows = computed(compared, lake, day="2026-04-05", start_date=date(2026, 3, 30))
    assert all(row["handled"] is None or row["handled"] > 0 for row in rows)
    assert {row[f"{name}_{of}"] for row in rows for name in columns for of in ("before", "change")} == {None}


def test_a_bucket_over_midnight_has_no_weekday(tmp_path: Path) -> None:
    day = datetime(2026, 3, 30, tzinfo=UTC)
    bucket = {**measured()[0], "interval_start": day, "interval_end": day + timedelta(days=1)}
    lake = small_lake(tmp_path, only=READ, days=DAYS[-10:], reach=HEARD, interval_metrics=[bucket])
    entry = {"over": "week", "aggregates": AGGREGATES}
    (row,) = computed(report(entry), lake, day="2026-04-05")
    assert row["handled"] == bucket["count"]
    in_zurich = {**entry, "by_weekday": True, "time_zone": "Europe/Zurich"}
    with pytest.raises(NotStored, match="weekday is not known"):
        computed(report(in_zurich), lake, day="2026-04-05")

"""Interval metrics of a day: rows added by hours equal those of the day computed again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.days import day_tables, made_of, utc_hour
from genesys_assets.days.sources import (
    HOURLY_AGGREGATES,
    interval_metrics_of,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets_tests.days.growing_day import (
    AGGREGATES,
    DAY,
    HOURS,
    ORIGIN,
    Item,
    files,
    iso,
    lake,
)
from genesys_assets_tests.lake.things import cut

__all__ = ["lake"]

OF_DAY = day_tables.MetricsOfDay(
    INTERVAL_METRICS, interval_metrics_of, made_of.of_interval_metrics, day_tables.new_hours_of_interval_metrics
)


def answer(lake: Lake, hour: int, count: int, *, metrics: tuple[str, ...] = ("tHandle",)) -> None:
    start, end = utc_hour(HOURS[hour])
    asked = {"interval": f"{iso(start)}/{iso(end)}", "groupBy": ["queueId"], "metrics": list(metrics)}
    request = request_text("POST", AGGREGATES, body=asked)
    stats = [{"metric": "tHandle", "stats": {"count": count, "sum": 10 * count}}]
    buckets = [{"interval": f"{iso(start)}/{iso(start + timedelta(minutes=15))}", "metrics": stats}]
    groups = [{"group": {"queueId": name}, "data": buckets} for name in ("b", "a")] if count else []
    with lake.refreshed().page_writers(HOURLY_AGGREGATES, [HOURS[hour]], dict(ORIGIN)) as writers:
        body = json.dumps({"results": groups}).encode()
        writers[HOURS[hour]].write(Page(1, request, end, f"{hour} {count}", body, as_of=end))


def write_metrics(lake: Lake, *, may_add: bool = True) -> None:
    day_tables._write_metrics(lake.refreshed(), OF_DAY, DAY, dict(ORIGIN), may_add=may_add)


def metrics_of(lake: Lake) -> tuple[list[Item], Reach | None]:
    now, place = lake.refreshed(), f"tables/{INTERVAL_METRICS.name}"
    return now.read(place, DAY).to_pylist(), now.reach(place, DAY)


def test_buckets_of_hours_that_landed_are_a_file_beside_those_that_are_stored(lake: Lake) -> None:
    for hour, metrics in enumerate((("tHandle", "tTalk"), ("tHandle", "tTalk"), ("tTalk", "tHandle", "tAcw"))):
        answer(lake, hour, 1 + hour, metrics=metrics)
        write_metrics(lake)
    answer(lake, 3, 0)
    write_metrics(lake)
    added = metrics_of(lake)
    assert files(lake, INTERVAL_METRICS) == [2, 2, 2, 0]
    assert added[1] is not None
    assert (added[1].fetched_hours, list(added[1].questions.values())) == (4, [["tHandle"]])
    lake.refreshed().remove("tables/interval_metrics", [DAY])
    write_metrics(lake, may_add=False)
    assert metrics_of(lake) == added


def test_an_hour_of_buckets_that_was_read_again_makes_the_day_anew(lake: Lake) -> None:
    for hour in range(3):
        answer(lake, hour, 1)
        write_metrics(lake)
    answer(lake, 1, 5)
    answer(lake, 3, 1)
    write_metrics(lake)
    assert files(lake, INTERVAL_METRICS) == [8]


@pytest.mark.parametrize("left", [None, 0], ids=["lost", "emptied"])
def test_a_day_of_buckets_of_which_a_file_is_lost_is_made_anew_by_the_next_hour(lake: Lake, left: int | None) -> None:
    for hour in range(2):
        answer(lake, hour, 1)
        day_tables.write_metrics(lake.refreshed(), OF_DAY, DAY, dict(ORIGIN))
    cut(lake, f"tables/{INTERVAL_METRICS.name}", DAY, left)
    answer(lake, 2, 1)
    day_tables.write_metrics(lake.refreshed(), OF_DAY, DAY, dict(ORIGIN))
    assert files(lake, INTERVAL_METRICS) == [6]
    assert len(metrics_of(lake)[0]) == 6

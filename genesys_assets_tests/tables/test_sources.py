from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.tables import sources
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.sources import fill_hours, granularity_of, mark_sources, source_of, without_overlaps

NOON = datetime(2026, 1, 28, 12, tzinfo=UTC)


def minutes(start: int, length: int, *, group: str = "{}", count: int = 0, metric: str = "nOffered") -> dict[str, Any]:
    """A row whose bucket begins this many minutes after noon."""
    row = dict.fromkeys(INTERVAL_METRICS.schema.names)
    begin = NOON + timedelta(minutes=start)
    return row | {
        "interval_start": begin,
        "interval_end": begin + timedelta(minutes=length),
        "grouping": "queueId",
        "selection": "",
        "group_key": group,
        "metric": metric,
        "view": "",
        "count": count,
    }


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), INTERVAL_METRICS.schema)


def test_a_page_is_imported_if_it_says_so() -> None:
    assert source_of('{"method":"IMPORT"}') == "imported"
    assert source_of('{"method":"POST"}') == source_of("{}") == "fetched"


def test_imported_rows_fill_hours_that_were_never_fetched_and_are_not_added_to_others() -> None:
    fetched = table(minutes(0, 15, count=1))
    saved = table(
        minutes(0, 15, count=7), minutes(15, 15, count=7), minutes(60, 15, count=2), minutes(-60, 60, count=3)
    )
    rows = fill_hours(INTERVAL_METRICS, fetched, [saved], {NOON})
    assert rows["count"].to_pylist() == [3, 1, 2]
    assert rows.schema == INTERVAL_METRICS.schema


def test_an_hour_that_was_fetched_and_had_nothing_stays_empty() -> None:
    assert len(fill_hours(INTERVAL_METRICS, table(), [table(minutes(0, 15, count=7))], {NOON})) == 0


def test_of_buckets_that_overlap_the_one_imported_later_stays_whole() -> None:
    quarters = table(*(minutes(start, 15, count=1) for start in (0, 15, 30, 45, 60)))
    hour = table(minutes(0, 60, count=9))
    assert fill_hours(INTERVAL_METRICS, table(), [quarters, hour], set())["count"].to_pylist() == [9, 1]
    assert fill_hours(INTERVAL_METRICS, table(), [hour, quarters], set())["count"].to_pylist() == [1, 1, 1, 1, 1]


def test_other_groups_and_metrics_do_not_overlap() -> None:
    rows = table(minutes(0, 60), minutes(0, 60, group="{1}"), minutes(0, 60, metric="nError"))
    assert without_overlaps(rows) == rows


def plainly_without_overlaps(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take the latest row first, then each earlier one that overlaps no taken row."""
    kept: list[dict[str, Any]] = []
    for row in reversed(rows):
        if not any(
            (row["group_key"], row["metric"]) == (other["group_key"], other["metric"])
            and row["interval_start"] < other["interval_end"]
            and other["interval_start"] < row["interval_end"]
            for other in kept
        ):
            kept.append(row)
    return kept[::-1]


def rows_of(*buckets: Any) -> Any:
    """Lists of rows with a group and a metric, whose buckets are drawn; `count` numbers them."""
    drawn = st.tuples(st.one_of(*buckets), st.sampled_from("ab"), st.sampled_from(["nOffered", "nError"]))
    made = drawn.map(lambda row: minutes(*row[0], group=row[1], metric=row[2]))
    numbered: Any = st.lists(made, max_size=30).map(
        lambda rows: [row | {"count": number} for number, row in enumerate(rows)]
    )
    return numbered


WITHIN_HOURS = st.tuples(st.integers(0, 11), st.sampled_from([15, 30, 60])).map(
    lambda drawn: (drawn[0] * 15 // drawn[1] * drawn[1], drawn[1])
)
OF_ANY_LENGTH = st.tuples(st.integers(0, 90), st.integers(0, 90))
WHOLE_DAYS = st.sampled_from([(0, 24 * 60), (24 * 60, 24 * 60), (60, 24 * 60)])


@settings(deadline=None)
@given(rows_of(WITHIN_HOURS) | rows_of(OF_ANY_LENGTH) | rows_of(WITHIN_HOURS, OF_ANY_LENGTH, WHOLE_DAYS))
def test_what_stays_is_what_taking_the_latest_first_would_keep(rows: list[dict[str, Any]]) -> None:
    found = without_overlaps(table(*rows))
    assert found["count"].to_pylist() == [row["count"] for row in plainly_without_overlaps(rows)]


def test_each_row_is_looked_at_once_however_many_series_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code searches neither other series nor rows that were kept long ago."""
    looked_at = 0
    overlaps = sources._overlaps

    def counting(buckets: Iterable[tuple[int, int]]) -> list[bool]:
        nonlocal looked_at
        listed = list(buckets)
        looked_at += len(listed)
        return overlaps(listed)

    monkeypatch.setattr(sources, "_overlaps", counting)
    rows = [minutes(start, 60, group=f"{group}") for group in range(300) for start in (0, 30, 60)]
    assert len(without_overlaps(table(*rows))) == 600
    assert looked_at == len(rows)


def test_imported_conversations_are_marked() -> None:
    blank = dict.fromkeys(CONVERSATIONS.schema.names)
    rows = pa.Table.from_pylist([blank | {"conversation_id": id_} for id_ in "ABC"], CONVERSATIONS.schema)
    found = mark_sources(rows, pa.array(["B", "Z"]))
    assert found["source"].to_pylist() == ["fetched", "imported", "fetched"]
    assert found.schema == CONVERSATIONS.schema


@pytest.mark.parametrize(
    ("lengths", "asked", "expected"),
    [
        ([(0, 15), (45, 15)], "PT15M", "PT15M"),
        ([(0, 15), (30, 30)], "PT15M", "PT30M"),
        ([(0, 15), (60, 60)], "PT15M", "PT1H"),
        ([(20, 20)], "PT15M", "PT1H"),
        ([(0, 15)], "PT1H", "PT1H"),
        ([(0, 60)], "P1D", "P1D"),
        ([], "PT30M", "PT30M"),
    ],
)
def test_a_granularity_is_never_finer_than_the_buckets(
    lengths: list[tuple[int, int]], asked: Granularity, expected: Granularity
) -> None:
    assert granularity_of(table(*(minutes(*length) for length in lengths)), asked, NOON) == expected


def test_intervals_are_laid_from_where_the_day_begins() -> None:
    from_half_past = NOON - timedelta(minutes=30)
    assert granularity_of(table(minutes(0, 60)), "PT1H", from_half_past) == "PT1H"
    assert granularity_of(table(minutes(-30, 60)), "PT15M", from_half_past) == "PT1H"

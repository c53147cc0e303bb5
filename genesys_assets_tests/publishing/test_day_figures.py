"""What a day's figures are, from rows of which every one is known."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day_figures import (
    DayFigures,
    Volumes,
    by_abandon_rate,
    day_figures,
)
from genesys_assets.tables.metrics import INTERVAL_METRICS
from genesys_assets_tests.publishing.made_up_day import (
    AGENT_DAILY,
    MIDNIGHT,
    NAMES,
    Row,
    agent,
    at,
    business_day,
    measured,
    queue_names,
    table,
)


def figures(rows: list[Row], day: BusinessDay | None = None, agents: list[Row] | None = None) -> DayFigures:
    queues = sorted({row["queue_id"] for row in rows if row["queue_id"]})
    metrics, workers = table(INTERVAL_METRICS, rows), table(AGENT_DAILY, agents or [])
    return day_figures(day or business_day(), metrics, queue_names(*queues), workers)


def test_averages_and_shares_are_quotients_of_sums() -> None:
    total = figures(
        [
            measured("nOffered", at("09:00"), count=3),
            measured("nOffered", at("10:00"), "q2", count=1),
            measured("tAbandon", at("09:00"), count=1, sum=5),
            measured("tHandle", at("09:00"), count=1, sum=100_000),
            measured("tHandle", at("10:00"), "q2", count=3, sum=900_000),
            measured("tHeldComplete", at("10:00"), "q2", count=1, sum=50_000),
            measured("oServiceLevel", at("09:00"), numerator=1, denominator=2, target=0.8),
            measured("oServiceLevel", at("10:00"), "q2", numerator=0, denominator=2, target=0.5),
        ]
    ).total
    assert total.abandoned_share == 0.25
    assert total.average_handle_ms == 250_000, "not the mean of 100 s and 300 s"
    assert total.hold_share == 0.05
    assert (total.service_level, total.target) == (0.25, None)


def test_what_reports_ask_beside_is_not_counted_again() -> None:
    usual = measured("tAnswered", at("09:00"), count=3, sum=30)
    inbound, quick = usual | {"selection": "5f0c", "count": 2}, usual | {"view": "quick", "count": 1}
    assert figures([usual, inbound, quick]).total.answered == 3


def test_a_figure_without_data_is_none_and_so_is_what_follows_from_it() -> None:
    volumes = figures([measured("nOffered", at("09:00"), count=3)]).total
    assert (volumes.offered, volumes.interactions) == (3, 3)
    others = {name.name for name in fields(Volumes)} - {"offered"}
    assert {getattr(volumes, name) for name in others} == {None}
    assert volumes.abandoned_share is volumes.service_level is volumes.average_handle_ms is volumes.hold_share is None


def test_nothing_offered_but_abandoned_is_no_rate() -> None:
    assert figures([measured("tAbandon", at("00:00"), count=1)]).total.abandoned_share is None


def test_a_day_without_any_data_has_half_hours_without_figures() -> None:
    empty = figures([])
    assert empty.total == Volumes()
    assert [interval.volumes for interval in empty.intervals] == [Volumes()] * 48
    assert (empty.queues, empty.media, empty.agents) == ((), (), ())
    assert set(empty.headline.values()) == {None}


def test_figures_go_to_the_half_hour_in_which_they_were_emitted() -> None:
    rows = [measured("nOffered", at(clock), count=1) for clock in ("00:00", "00:15", "00:30", "23:45")]
    counts = {interval.start: interval.volumes.offered for interval in figures(rows).intervals}
    assert {start: count for start, count in counts.items() if count} == {
        at("00:00"): 2,
        at("00:30"): 1,
        at("23:30"): 1,
    }


def test_what_lies_outside_the_business_day_does_not_count() -> None:
    day = business_day(zone="America/New_York")
    rows = [
        measured("nOffered", moment, count=1)
        for moment in (
            at("04:45"),
            at("05:00"),
            at("23:45"),
            at("04:45", date(2026, 2, 1)),
            at("05:00", date(2026, 2, 1)),
        )
    ]
    counted = figures(rows, day)
    assert counted.total.offered == 3
    assert [counted.intervals[nth].volumes.offered for nth in (0, 37, 47)] == [1, 1, 1]


def test_rows_of_other_groupings_do_not_count_twice() -> None:
    row = measured("tHandle", at("09:00"), count=1, sum=1)
    assert figures([row, row | {"grouping": "mediaType,userId"}]).total.handled == 1


@pytest.mark.parametrize(
    ("day", "zone", "utc_days", "half_hours"),
    [
        (date(2026, 1, 31), "UTC", ["2026-01-31"], 48),
        (date(2026, 3, 29), "Europe/London", ["2026-03-29"], 46),
        (date(2026, 10, 25), "Europe/Zurich", ["2026-10-24", "2026-10-25"], 50),
        (date(2026, 11, 1), "America/New_York", ["2026-11-01", "2026-11-02"], 50),
        (date(2026, 4, 5), "Australia/Lord_Howe", ["2026-04-04", "2026-04-05"], 49),
        (date(2026, 1, 31), "Asia/Kathmandu", ["2026-01-30", "2026-01-31"], 48),
    ],
)
def test_every_business_day_has_its_own_half_hours(day: date, zone: str, utc_days: list[str], half_hours: int) -> None:
    business = business_day(day, zone)
    starts = [interval.start for interval in figures([], business).intervals]
    assert business.utc_days == utc_days
    assert business.is_utc is (zone == "UTC")
    assert business.clocks_change is (half_hours != 48)
    assert (len(starts), starts[0], starts[-1] + timedelta(minutes=30)) == (half_hours, business.start, business.end)


def test_half_hours_begin_with_the_day_where_its_zone_is_three_quarters_of_an_hour_off() -> None:
    business = business_day(zone="Asia/Kathmandu")
    rows = [measured("nOffered", business.start + timedelta(minutes=late), count=1) for late in (0, 15, 30)]
    assert [interval.volumes.offered for interval in figures(rows, business).intervals[:3]] == [2, 1, None]


def level(queue: str | None, numerator: int, denominator: int, target: float = 0.8) -> Row:
    figures_of_it: Row = {"numerator": numerator, "denominator": denominator, "target": target}
    return measured("oServiceLevel", at("09:00"), queue) | figures_of_it


def test_queues_come_worst_first_and_those_without_a_figure_last() -> None:
    rows = [
        *(level("good", 9, 10), level("bad", 1, 10), level("also good", 9, 10)),
        *(measured("nOffered", at("09:00"), queue, count=10) for queue in ("good", "also good", "unknown")),
        measured("tAbandon", at("09:00"), "good", count=2),
        measured("tHandle", at("09:00"), None, count=1, sum=1),
    ]
    queues = figures(rows).queues
    assert [queue.name for queue in queues] == ["bad", "good", "also good", "unknown", None]
    assert [queue.name for queue in by_abandon_rate(queues)] == ["good"]


def test_a_queue_has_a_target_only_where_all_its_media_share_one() -> None:
    rows = [level("same", 1, 1), level("same", 0, 1) | {"media_type": "chat", "group_key": "same/chat"}]
    rows += [level("mixed", 1, 1), level("mixed", 0, 1, 0.5) | {"media_type": "chat", "group_key": "mixed/chat"}]
    assert {queue.name: queue.volumes.target for queue in figures(rows).queues} == {"same": 0.8, "mixed": None}


def test_queues_are_called_as_the_report_calls_them() -> None:
    metrics, names = table(INTERVAL_METRICS, [level("q1", 0, 1), level("unheard-of", 1, 1)]), queue_names("q1")
    queues = day_figures(business_day(), metrics, names, AGENT_DAILY.empty()).queues
    assert [queue.name for queue in queues] == [NAMES["q1"], "unheard-of"]


def test_media_come_by_interactions_offered_and_outbound() -> None:
    rows = [
        measured("nOffered", at("09:00"), medium="voice", count=2),
        measured("nOffered", at("09:00"), medium="email", count=1),
        measured("nOutbound", at("09:00"), medium="email", count=4),
        measured("nOutbound", at("09:00"), medium="callback", count=3),
    ]
    media = [(medium.name, medium.volumes.interactions) for medium in figures(rows).media]
    assert media == [("email", 5), ("callback", 3), ("voice", 2)]


def test_agents_come_by_handle_time_and_those_without_any_last() -> None:
    agents = figures([], agents=[agent("b", 5.0), agent("none", None), agent("c", 9.0), agent("a", 5.0)]).agents
    assert [each.name for each in agents] == ["c", "a", "b", "none"]
    assert agents[-1].handle is None


METRICS = ("nOffered", "nOutbound", "tAnswered", "tAbandon", "tHandle", "tTalkComplete", "tHeldComplete", "tAcw")
SUMMED = ("offered", "outbound", "answered", "abandoned", "handled", "handle_ms", "talk_ms", "hold_ms", "wrap_up_ms")


@given(
    st.lists(
        st.builds(
            measured,
            st.sampled_from(METRICS),
            st.integers(0, 95).map(lambda nth: MIDNIGHT + timedelta(minutes=15 * nth)),
            st.sampled_from(["q1", "q2", None]),
            st.sampled_from(["voice", "chat"]),
            count=st.integers(0, 9),
            sum=st.integers(0, 10**12),
        ),
        max_size=30,
    )
)
def test_half_hours_queues_and_media_add_up_to_the_same_total(rows: list[Row]) -> None:
    day = figures(rows)
    for groups in (day.intervals, day.queues, day.media):
        for name in SUMMED:
            parts: list[Any] = [getattr(group.volumes, name) for group in groups]
            known = [part for part in parts if part is not None]
            assert getattr(day.total, name) == (sum(known) if known else None)


def test_the_headline_is_of_the_whole_day() -> None:
    day = figures([measured("nOffered", at("09:00"), count=4), measured("tAbandon", at("09:00"), count=1)])
    assert day.headline == {
        "offered": 4,
        "answered": None,
        "abandoned": 1,
        "abandoned_share": 0.25,
        "service_level": None,
        "average_handle_time_ms": None,
        "hold_share": None,
    }


def test_a_time_of_the_day_is_local() -> None:
    assert business_day(zone="Asia/Tokyo").local(datetime.fromisoformat("2026-01-30T15:00:00+00:00")).hour == 0

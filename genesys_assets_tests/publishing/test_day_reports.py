"""The figures on a day's page, first from a few known rows, then compared with the published reports of a real day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.days import Window
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day_reports import DayReports, Medium, day_reports
from genesys_assets.reports.built_in import asked_in_any_case, built_in_reports, page_reports
from genesys_assets.reports.engine.stored import NotStored
from genesys_assets.reports.language.model import RESERVED_NAMES
from genesys_assets.reports.meaning.questions import further_questions, key_of, questions_of
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, table_of
from genesys_assets_tests import conftest
from genesys_assets_tests.assets.world import World
from genesys_assets_tests.publishing.made_up_day import (
    AGENT_DAILY,
    ASKED,
    DAY,
    NAMES,
    QUEUES,
    SPECS,
    Row,
    agent,
    at,
    business_day,
    measured,
    queue_history,
    store,
    table,
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def figures(lake: Lake, rows: Sequence[Row], day: BusinessDay | None = None) -> DayReports:
    """The page's rows for a day with these `interval_metrics`."""
    of = day or business_day()
    lake.write("reference/queues_history", QUEUES, queue_history(), None, {})
    for utc_day in {*of.utc_days, of.key}:
        inside = [row for row in rows if f"{row['interval_start']:%Y-%m-%d}" == utc_day]
        store_metrics(lake, inside, utc_day, max(of.end, Window.of_utc_day(utc_day).end))
    return day_reports(lake, of, with_agents=False)


def store_metrics(lake: Lake, rows: Sequence[Row], utc_day: str, through: datetime) -> None:
    rows_of_day, reach = table(INTERVAL_METRICS, rows), Reach(through, questions=ASKED)
    lake.write("tables/interval_metrics", INTERVAL_METRICS, rows_of_day, utc_day, {}, reach=reach)


def test_nothing_is_asked_for_the_page_alone_and_no_report_has_the_name_of_one_of_its_own() -> None:
    assert list(further_questions(questions_of(page_reports().values()), asked_in_any_case())) == []
    assert not page_reports().keys() & {report.name for report in built_in_reports()}
    assert not page_reports().keys() & set(RESERVED_NAMES)


def test_what_adds_up_is_summed_over_media_and_handle_time_and_service_level_never_are(lake: Lake) -> None:
    day = figures(
        lake,
        [
            measured("nOffered", at("09:00"), count=3),
            measured("nOffered", at("09:00"), "q2", "email", count=1),
            measured("tAbandon", at("09:00"), count=1, sum=5),
            measured("tHandle", at("09:00"), count=1, sum=288_000),
            measured("tHandle", at("10:00"), "q2", "email", count=1, sum=21_565_000),
            measured("oServiceLevel", at("09:00"), numerator=1, denominator=2, target=0.8),
            measured("oServiceLevel", at("10:00"), "q2", "email", numerator=0, denominator=2, target=0.5),
        ],
    )
    assert (day.total["offered"], day.total["abandoned"], day.total["abandoned_share"]) == (4, 1, 0.25)
    assert not {"service_level", "average_handle_time_ms", "hold_share"} & {*day.total, *day.headline}
    handle = {medium.name: medium.row["average_handle_time_ms"] for medium in day.media}
    assert handle == {"voice": 288_000, "email": 21_565_000}
    assert {medium.name: medium.row["service_level"] for medium in day.media} == {"voice": 0.5, "email": 0.0}


def test_averages_and_shares_are_quotients_of_sums(lake: Lake) -> None:
    (medium,) = figures(
        lake,
        [
            measured("tHandle", at("09:00"), count=1, sum=100_000),
            measured("tHandle", at("10:00"), "q2", count=3, sum=900_000),
            measured("tHeldComplete", at("10:00"), "q2", count=1, sum=50_000),
            measured("oServiceLevel", at("09:00"), numerator=1, denominator=2, target=0.8),
            measured("oServiceLevel", at("10:00"), "q2", numerator=0, denominator=2, target=0.5),
        ],
    ).media
    assert medium.row["average_handle_time_ms"] == 250_000, "not the mean of 100 s and 300 s"
    assert medium.row["hold_share"] == 0.05
    assert (medium.row["service_level"], medium.row["target"]) == (0.25, None)


def test_a_day_without_any_data_has_half_hours_without_figures(lake: Lake) -> None:
    day = figures(lake, [])
    assert set(day.total.values()) == {None}
    assert len(day.intervals) == 48
    assert {value for interval in day.intervals for value in interval.row.values()} == {None}
    assert (list(day.media), list(day.queues)) == ([], [])
    assert day.headline == {
        **dict.fromkeys(("offered", "outbound", "answered", "abandoned", "abandoned_share")),
        "media": {},
    }


def test_figures_go_to_the_half_hour_in_which_they_were_emitted(lake: Lake) -> None:
    rows = [measured("nOffered", at(clock), count=1) for clock in ("00:00", "00:15", "00:30", "23:45")]
    counts = {interval.start: interval.row["offered"] for interval in figures(lake, rows).intervals}
    assert {start: count for start, count in counts.items() if count} == {
        at("00:00"): 2,
        at("00:30"): 1,
        at("23:30"): 1,
    }


def test_an_imported_hour_is_drawn_as_an_hour_and_not_counted_in_its_first_half(lake: Lake) -> None:
    hour = measured("nOffered", at("09:00"), count=12) | {"interval_end": at("10:00"), "source": "imported"}
    intervals = figures(lake, [hour, measured("nOffered", at("11:30"), count=1)]).intervals
    assert len(intervals) == 24
    assert {each.start: each.row["offered"] for each in intervals if each.row["offered"]} == {
        at("09:00"): 12,
        at("11:00"): 1,
    }


def test_what_lies_outside_the_business_day_does_not_count(lake: Lake) -> None:
    after = date(2026, 2, 1)
    moments = (at("04:45"), at("05:00"), at("23:45"), at("04:45", after), at("05:00", after))
    day = figures(
        lake, [measured("nOffered", moment, count=1) for moment in moments], business_day(zone="America/New_York")
    )
    assert day.total["offered"] == 3
    assert [day.intervals[nth].row["offered"] for nth in (0, 37, 47)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("day", "zone", "utc_days", "half_hours"),
    [
        (date(2026, 3, 29), "Europe/London", ["2026-03-29"], 46),
        (date(2026, 10, 25), "Europe/Zurich", ["2026-10-24", "2026-10-25"], 50),
        (date(2026, 11, 1), "America/New_York", ["2026-11-01", "2026-11-02"], 50),
        (date(2026, 4, 5), "Australia/Lord_Howe", ["2026-04-04", "2026-04-05"], 49),
        (date(2026, 1, 31), "Asia/Kathmandu", ["2026-01-30", "2026-01-31"], 48),
    ],
)
def test_every_business_day_has_its_own_half_hours(
    lake: Lake, day: date, zone: str, utc_days: list[str], half_hours: int
) -> None:
    business = business_day(day, zone)
    rows = [
        measured("nOffered", business.start + timedelta(minutes=15 * nth), count=1) for nth in range(2 * half_hours)
    ]
    intervals = figures(lake, rows, business).intervals
    assert business.utc_days == utc_days
    assert business.clocks_change is (half_hours != 48)
    starts = [interval.start for interval in intervals]
    assert (len(starts), starts[0], starts[-1] + timedelta(minutes=30)) == (half_hours, business.start, business.end)
    assert {interval.row["offered"] for interval in intervals} == {2}


def level(queue: str | None, numerator: int, denominator: int, target: float = 0.8) -> Row:
    figures_of_it: Row = {"numerator": numerator, "denominator": denominator, "target": target}
    return measured("oServiceLevel", at("09:00"), queue) | figures_of_it


def test_queues_come_worst_first_and_those_without_a_figure_last(lake: Lake) -> None:
    rows = [
        *(level("good", 9, 10), level("bad", 1, 10), level("also good", 9, 10)),
        *(measured("nOffered", at("09:00"), queue, count=10) for queue in ("good", "also good", "unknown")),
        measured("tAbandon", at("09:00"), "good", count=2),
        measured("tHandle", at("09:00"), None, count=1, sum=1),
    ]
    assert [row["queue_name"] for row in figures(lake, rows).queues] == ["bad", "good", "also good", "unknown", None]


def test_a_queue_has_a_row_for_each_of_its_media_with_its_name_of_the_day(lake: Lake) -> None:
    chat = level("q1", 0, 1, 0.5) | {"media_type": "chat", "group_key": "q1/chat"}
    rows = figures(lake, [level("q1", 1, 1), chat]).queues
    assert [(row["queue_name"], row["media_type"], row["target"]) for row in rows] == [
        (NAMES["q1"], "chat", 0.5),
        (NAMES["q1"], "voice", 0.8),
    ]


def test_media_come_by_interactions_offered_and_outbound(lake: Lake) -> None:
    rows = [
        measured("nOffered", at("09:00"), medium="voice", count=2),
        measured("nOffered", at("09:00"), medium="email", count=1),
        measured("nOutbound", at("09:00"), medium="email", count=4),
        measured("nOutbound", at("09:00"), medium="callback", count=3),
    ]
    media = [(medium.name, medium.row["interactions"]) for medium in figures(lake, rows).media]
    assert media == [("email", 5), ("callback", 3), ("voice", 2)]


def test_agents_come_by_handle_time_and_those_without_any_last(lake: Lake) -> None:
    figures(lake, [])
    workers = [agent("b", 5.0), agent("none", None), agent("c", 9.0), agent("a", 5.0)]
    store(lake, "reports/agent_daily", AGENT_DAILY, workers)
    agents = day_reports(lake, business_day()).agents
    assert agents is not None
    assert [row["user_name"] for row in agents] == ["c", "a", "b", "none"]


def test_occupancy_of_all_agents_is_a_quotient_of_sums_and_stands_beside_each(lake: Lake) -> None:
    figures(lake, [])
    store(lake, "reports/agent_daily", AGENT_DAILY, [agent("a", 5.0), agent("b", 3.0)])
    assert not day_reports(lake, business_day()).has_status
    status: list[Row] = [
        {"user_id": "a", "interacting_ms": 30, "idle_ms": 10, "occupancy": 0.75},
        {"user_id": "c", "interacting_ms": None, "not_responding_ms": 60, "occupancy": 0.0},
        {"user_id": "d", "off_queue_ms": 500, "occupancy": None},
    ]
    unknown = {"day_ms": 1000, "unknown_ms": 1000, "unknown_routing_ms": 1000}
    times = ("interacting_ms", "idle_ms", "not_responding_ms", "off_queue_ms")
    rows = [unknown | {"unknown_routing_ms": 1000 - sum(row.get(name) or 0 for name in times)} | row for row in status]
    store(lake, "reports/agent_day", SPECS["agent_day"], rows)
    shown = day_reports(lake, business_day())
    assert shown.has_status
    assert shown.occupancy == 30 / 100
    assert shown.agents is not None
    assert {row["user_name"]: row["occupancy"] for row in shown.agents} == {"a": 0.75, "b": None}
    assert not day_reports(lake, business_day(), with_status=False).has_status


def test_a_finished_day_of_which_hours_are_missing_is_refused(lake: Lake) -> None:
    figures(lake, [])
    store_metrics(lake, [], f"{DAY}", at("13:00"))
    with pytest.raises(NotStored, match="reaches 2026-01-31T13:00:00"):
        day_reports(lake.refreshed(), business_day(), with_agents=False)


def answered(lake: Lake, name: str, *rows: Row) -> None:
    """Store a family's answer with these rows, each grouped by the queue."""
    spec = table_of(FAMILIES[name])
    questions = {key_of(each): list(each.metrics) for each in asked_in_any_case() if each.family is FAMILIES[name]}
    whole = [
        measured(metric := row.pop("metric"), at("09:00"), row.pop("queue_id"))
        | {"grouping": ",".join(sorted(FAMILIES[name].grouping)), "group_key": f"{nth}/{metric}", **row}
        for nth, row in enumerate(rows)
    ]
    reach = Reach(Window.of_utc_day(f"{DAY}").end, questions=questions)
    kept = [{column: value for column, value in row.items() if column in spec.schema.names} for row in whole]
    lake.write(f"tables/{spec.name}", spec, table(spec, kept), f"{DAY}", {}, reach=reach)


def test_flows_and_quality_of_families_that_were_never_answered_are_not_there(lake: Lake) -> None:
    day = figures(lake, [])
    assert (day.flows, day.quality) == (None, None)


def test_flows_come_by_entries_and_one_without_exits_has_no_share(lake: Lake) -> None:
    figures(lake, [])
    left = {"metric": "tFlow", "queue_id": None, "flow_id": "busy"}
    answered(
        lake,
        "flows",
        {"metric": "nFlow", "queue_id": None, "flow_id": "idle", "count": 1},
        {"metric": "nFlow", "queue_id": None, "flow_id": "busy", "count": 4},
        left | {"exit_reason": "TRANSFER", "self_served": "false", "count": 3, "sum": 9_000},
        left | {"exit_reason": "DISCONNECT", "self_served": "true", "count": 1, "sum": 3_000},
    )
    flows = day_reports(lake.refreshed(), business_day(), with_agents=False).flows
    names = ("flow_id", "entries", "exits", "transferred", "self_served_share", "average_time_in_flow_ms")
    assert [tuple(row[name] for name in names) for row in flows or ()] == [
        ("busy", 4, 4, 3, 0.25, 3_000),
        ("idle", 1, None, None, None, None),
    ]


QUALITY = ("queue_id", "queue_name", "evaluations", "average_score", "surveys_sent", "nps", "next_contacts_avoided")


def quality(lake: Lake) -> list[tuple[Any, ...]] | None:
    rows = day_reports(lake.refreshed(), business_day(), with_agents=False).quality
    return None if rows is None else [tuple(row[name] for name in QUALITY) for row in rows]


def test_a_family_of_quality_that_is_refused_takes_only_its_own_figures_with_it(lake: Lake) -> None:
    figures(lake, [])
    answered(
        lake,
        "evaluations",
        {"metric": "nEvaluations", "queue_id": "q2", "count": 1},
        {"metric": "nEvaluations", "queue_id": "q1", "count": 3},
        {"metric": "oTotalScore", "queue_id": "q1", "user_id": "a", "count": 2, "sum": 150.5},
        {"metric": "oTotalScore", "queue_id": "q1", "user_id": "b", "count": 1, "sum": 89.5},
    )
    assert quality(lake) == [
        ("q1", NAMES["q1"], 3, 80.0, None, None, None),
        ("q2", NAMES["q2"], 1, None, None, None, None),
    ]
    answered(lake, "resolutions", {"metric": "nNextContactAvoided", "queue_id": "q2", "count": 5})
    assert quality(lake) == [
        ("q1", NAMES["q1"], 3, 80.0, None, None, None),
        ("q2", NAMES["q2"], 1, None, None, None, 5),
    ]
    answered(
        lake,
        "surveys",
        {"metric": "nSurveysSent", "queue_id": "q3", "count": 9},
        {"metric": "nSurveyNpsResponses", "queue_id": "q2", "count": 4},
        {"metric": "nSurveyNpsPromoters", "queue_id": "q2", "count": 3},
    )
    assert quality(lake) == [
        ("q1", NAMES["q1"], 3, 80.0, None, None, None),
        ("q2", NAMES["q2"], 1, None, None, 75.0, 5),
        ("q3", NAMES["q3"], None, None, 9, None, None),
    ]


# -- against the reports of a real day ---------------------------------------------------------------


@pytest.fixture(scope="module")
def real(past_days: World) -> DayReports:
    return day_reports(past_days.lake, business_day(conftest.DAY))


def of(medium: Medium, row: Mapping[str, Any]) -> bool:
    return bool(row["media_type"] == medium.name)


def total(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) if known else None


def test_queues_and_media_say_what_the_report_by_queue_and_medium_says(past_days: World, real: DayReports) -> None:
    rows = past_days.lake.read("reports/queue_media", f"{conftest.DAY}").to_pylist()
    by_key = {(row["queue_id"], row["media_type"]): row for row in rows}
    assert {(row["queue_id"], row["media_type"]) for row in real.queues} == by_key.keys()
    for row in real.queues:
        theirs = by_key[row["queue_id"], row["media_type"]]
        assert row["queue_name"] == theirs["queue_name"]
        assert row["average_handle_time_ms"] == theirs["average_handle_time_ms"]
        assert row["service_level"] == theirs["service_level"]
    for medium in real.media:
        theirs = [row for row in rows if of(medium, row)]
        assert medium.row["interactions"] == total(theirs, "total_interactions")
        assert medium.row["handled"] == total(
            [{"n": each["handled"]} for each in real.queues if each["media_type"] == medium.name], "n"
        )
        assert medium.row["measured"] == total(theirs, "service_level_denominator")
    assert real.total["abandoned"] == total(rows, "abandoned")


def test_half_hours_say_what_the_report_by_interval_says(past_days: World, real: DayReports) -> None:
    rows = past_days.lake.read("reports/interval", f"{conftest.DAY}").to_pylist()
    assert real.intervals
    for interval in real.intervals:
        inside = [row for row in rows if timedelta(0) <= row["interval_start"] - interval.start < timedelta(minutes=30)]
        assert interval.row["abandoned"] == total(inside, "abandoned_count")
        handled = [
            {"n": one.row["handled"]}
            for medium in real.media
            for one in medium.intervals
            if one.start == interval.start
        ]
        assert total(handled, "n") == total(inside, "handled_count")


def test_flows_say_what_the_report_of_flows_says(past_days: World, real: DayReports) -> None:
    rows = past_days.lake.read("reports/flows", f"{conftest.DAY}").to_pylist()
    by_flow = {row["flow_id"]: row for row in rows if row["flow_id"] is not None}
    assert real.flows
    assert {row["flow_id"] for row in real.flows} == by_flow.keys()
    for row in real.flows:
        theirs = by_flow[row["flow_id"]]
        same = ("flow_name", "entries", "exits", "transferred", "self_served_share")
        assert [row[name] for name in same] == [theirs[name] for name in same]
        seconds = theirs["average_time_in_flow_seconds"]
        assert row["average_time_in_flow_ms"] == (None if seconds is None else pytest.approx(1000 * seconds))


def test_quality_of_a_queue_is_the_report_of_quality_added_up(past_days: World, real: DayReports) -> None:
    rows = past_days.lake.read("reports/quality", f"{conftest.DAY}").to_pylist()
    assert real.quality
    assert {row["queue_id"] for row in real.quality} == {row["queue_id"] for row in rows}
    for row in real.quality:
        theirs = [each for each in rows if each["queue_id"] == row["queue_id"]]
        for name in ("evaluations", "surveys_sent", "nps_responses", "next_contacts_avoided"):
            assert row[name] == total(theirs, name), name
        score, scored = total(theirs, "score"), total(theirs, "scored")
        assert row["average_score"] == (pytest.approx(score / scored) if score is not None and scored else None)

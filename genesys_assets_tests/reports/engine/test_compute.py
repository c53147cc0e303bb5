"""The effect of each element of the language on a few rows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.reports.engine.stored import NotStored
from genesys_assets.reports.meaning.entries import read_text
from genesys_assets.reports.meaning.questions import STANDARD, key_of, merged, questions_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING, USER_GROUPING
from genesys_assets_tests.reports.small_lake import DAY, KEY, Row, at, called, computed, measured, small_lake


def report(entry: dict[str, Any]) -> Report:
    text = json.dumps({"reports": {"mine": {"description": "One row per group.", **entry}}})
    reading = read_text(text, "reports.yaml")
    assert not reading.problems, list(map(str, reading.problems))
    return reading.reports["mine"]


def only(rows: list[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def of_queue(metric: str, minutes: float = 0, queue: str | None = "Q1", media: str = "voice", **stats: Any) -> Row:
    return measured(minutes, QUEUE_GROUPING, metric, queue_id=queue, media_type=media, **stats)


HANDLED = {"handled": "tHandle.count", "handle_time": "tHandle.sum"}


# -- aggregates --------------------------------------------------------------------------------------------------------


def test_groups_are_summed_up_from_finer_ones_that_are_there(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        interval_metrics=[
            of_queue("tHandle", count=1, sum=10, min=10, max=10),
            of_queue("tHandle", 15, queue="Q2", count=2, sum=30, min=5, max=25),
            of_queue("tHandle", queue=None, media="chat", count=4, sum=7, min=1, max=3),
        ],
    )
    stats = {**HANDLED, "shortest": "tHandle.min", "longest": "tHandle.max"}
    by_media = report({"group_by": ["mediaType"], "aggregates": {"metrics": stats}})
    rows = only(computed(by_media, lake), "media_type", "handled", "handle_time", "shortest", "longest")
    assert rows == [("chat", 4, 7, 1, 3), ("voice", 3, 40, 5, 25)]
    assert [key_of(each) for each in questions_of([by_media])] == [key_of(STANDARD[0])]


def test_a_filter_on_what_is_grouped_by_already_costs_no_request(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        interval_metrics=[of_queue("tHandle", count=1, sum=10), of_queue("tHandle", media="chat", count=9, sum=9)],
    )
    voice = report({"group_by": ["queueId"], "aggregates": {"filter": {"mediaType": "voice"}, "metrics": HANDLED}})
    assert only(computed(voice, lake), "queue_id", "handled") == [("Q1", 1)]
    assert len(merged([*STANDARD, *questions_of([voice])])) == len(STANDARD)


def test_other_filters_views_and_flattening_are_asked_of_the_platform(tmp_path: Path) -> None:
    inbound = report(
        {
            "group_by": ["wrapUpCode"],
            "aggregates": {
                "filter": {"direction": "inbound"},
                "views": {"long": {"target": "tHandle", "gte": 60_000}},
                "flatten": True,
                "metrics": {"handled": "tHandle.count", "long_ones": "long.count"},
            },
        }
    )
    (question,) = questions_of([inbound])
    (source,) = (part.source for part in inbound.aggregates)
    of_question = {"selection": source.key.split()[1], "group_key": '{"wrapUpCode":"w1,w2"}'}
    lake = small_lake(
        tmp_path,
        asked_by=[inbound],
        wrapup_codes=called(w1="Sold", w2="Called back"),
        interval_metrics=[
            measured(0, "wrapUpCode", "tHandle", count=5, **of_question),
            measured(0, "wrapUpCode", "tHandle", **{**of_question, "view": "long"}, count=2),
            measured(0, "wrapUpCode", "tHandle", count=99, group_key='{"wrapUpCode":"w1"}'),
        ],
    )
    (row,) = computed(inbound, lake)
    assert (row["wrap_up_code"], row["wrap_up_code_name"]) == ("w1,w2", "Sold, Called back")
    assert (row["handled"], row["long_ones"]) == (5, 2)
    assert question.flatten_multivalued_dimensions
    assert "must not be added up" not in inbound.spec.description


def test_reports_that_ask_the_same_share_a_question() -> None:
    of = {"group_by": ["wrapUpCode", "mediaType"], "granularity": "PT1H"}
    one = report({**of, "aggregates": {"filter": {"direction": ["inbound", "outbound"]}, "metrics": HANDLED}})
    two = report(
        {
            "group_by": ["mediaType", "wrapup.code"],
            "aggregates": {"filter": {"direction": {"IN": ["outbound", "inbound"]}}, "metrics": HANDLED},
        }
    )
    three = report({**of, "aggregates": {"metrics": {"acw": "tAcw.sum"}}})
    asked = merged(questions_of([one, three, two]))
    assert [question.metrics for question in asked] == [("tHandle",), ("tAcw",)]
    both = merged(questions_of([three, report({**of, "aggregates": {"metrics": HANDLED}})]))
    assert [question.metrics for question in both] == [("tAcw", "tHandle")]


def test_a_metric_that_is_not_usually_asked_joins_the_usual_question() -> None:
    monitored = report({"group_by": ["queueId"], "aggregates": {"metrics": {"monitored": "tMonitoring.count"}}})
    asked = merged([*STANDARD, *questions_of([monitored])])
    assert len(asked) == len(STANDARD)
    assert "tMonitoring" in asked[0].metrics


def test_groups_that_overlap_say_so_and_are_never_summed_up() -> None:
    by_skill = report({"group_by": ["requestedRoutingSkillId"], "aggregates": {"metrics": HANDLED}})
    assert "groups must not be added up" in by_skill.spec.description
    (question,) = questions_of([by_skill])
    assert question.group_by == ("requestedRoutingSkillId",), "the question has the shown groups, not finer ones"


@pytest.mark.long
def test_a_day_that_was_not_asked_for_what_the_report_needs_is_named(tmp_path: Path) -> None:
    by_code = report({"group_by": ["wrapUpCode"], "aggregates": {"metrics": HANDLED}})
    with pytest.raises(NotStored) as refused:
        computed(by_code, small_lake(tmp_path))
    said = str(refused.value)
    assert f"Hours of {KEY} were fetched before a report or a setting needed tHandle by wrapUpCode" in said
    assert f"--partition-range {KEY}-00:00...{KEY}-23:00" in said


def test_conversations_of_15_minutes_are_asked_for_the_very_groups() -> None:
    conversations = report({"granularity": "PT15M", "aggregates": {"metrics": {"begun": "nConversations"}}})
    (question,) = questions_of([conversations])
    assert (question.group_by, question.metrics) == ((), ("nConversations",))


# -- intervals ---------------------------------------------------------------------------------------------------------


def test_a_day_of_another_zone_is_cut_from_two_utc_days(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        interval_metrics=[of_queue("tHandle", minutes, count=1, sum=minutes) for minutes in (0, 299, 300, 1739, 1740)],
    )
    new_york = report({"time_zone": "America/New_York", "aggregates": {"metrics": HANDLED}})
    (row,) = computed(new_york, lake)
    assert (row["interval_start"], row["interval_end"]) == (at(300), at(1740))
    assert (row["local_date"], row["handle_time"]) == (date(2026, 1, 31), 300 + 1739)


@pytest.mark.long
def test_the_business_day_is_that_of_the_setting(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, interval_metrics=[of_queue("tHandle", -60, count=1, sum=1)])
    rows = computed(report({"aggregates": {"metrics": HANDLED}}), lake, "Europe/Zurich")
    assert only(rows, "interval_start", "local_date", "handled") == [(at(-60), date(2026, 1, 31), 1)]


def test_hours_are_laid_from_the_begin_of_the_local_day(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, interval_metrics=[of_queue("tHandle", 15, count=1, sum=1)])
    hourly = report({"granularity": "PT1H", "time_zone": "Asia/Kolkata", "aggregates": {"metrics": HANDLED}})
    (row,) = computed(hourly, lake)
    assert (row["interval_start"], row["interval_end"]) == (at(-30), at(30))
    assert "local_date" not in row


# -- details -----------------------------------------------------------------------------------------------------------

SESSIONS = [
    {"conversation_id": "c1", "media_type": "voice", "purpose": "agent", "queue_id": "Q1", "user_id": "U1"},
    {"conversation_id": "c1", "media_type": "voice", "purpose": "agent", "queue_id": "Q1", "user_id": "U2"},
    {"conversation_id": "c1", "media_type": "voice", "purpose": "customer"},
    {"conversation_id": "c2", "media_type": "chat", "purpose": "agent", "queue_id": "Q1", "user_id": "U1"},
    {"conversation_id": "c3", "media_type": "chat", "purpose": "customer"},
]
CONVERSATIONS: list[Row] = [
    {"conversation_id": "c1", "media_type": "voice", "duration_ms": 90_000},
    {"conversation_id": "c2", "media_type": "chat", "duration_ms": None},
    {"conversation_id": "c3", "media_type": "chat", "duration_ms": 10_000},
]


def test_rows_are_counted_summed_and_counted_distinctly(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, sessions=SESSIONS)
    measures: dict[str, Any] = {
        "rows": "count",
        "with_queue": {"count": "queue_id"},
        "conversations": {"count_distinct": "conversation_id"},
        "agents": {"distinct": "user_id"},
        "last": {"max": "user_id"},
        "customers": {"count": "purpose", "where": {"purpose": "customer"}},
    }
    by_media = report({"group_by": ["mediaType"], "details": {"table": "sessions", "measures": measures}})
    chat, voice = computed(by_media, lake)
    assert only([chat, voice], *measures) == [
        (2, 1, 2, ["U1"], "U1", 1),
        (3, 2, 1, ["U1", "U2"], "U2", 1),
    ]


@pytest.mark.long
def test_a_conversation_counts_once_in_every_group_it_touches(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, sessions=SESSIONS, conversations=CONVERSATIONS)
    touched = {
        "table": "sessions",
        "where": {"purpose": "agent"},
        "once_per": "conversation_id",
        "measures": {"conversations": "count", "duration": {"sum": "conversation.duration_ms"}},
    }
    by_queue = report({"group_by": ["queueId"], "details": touched, "columns": {"duration": {"unit": "seconds"}}})
    assert only(computed(by_queue, lake), "queue_id", "duration_seconds") == [("Q1", 90.0)]


def test_rows_are_chosen_by_their_conversation_and_by_what_it_has_or_lacks(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, sessions=SESSIONS, conversations=CONVERSATIONS)
    agents = {"table": "sessions", "where": {"purpose": "agent"}}

    def count(**more: Any) -> Any:
        rows = computed(report({"details": {"table": "conversations", "measures": {"found": "count"}, **more}}), lake)
        return rows[0]["found"] if rows else None

    assert (count(), count(having=agents), count(lacking=agents)) == (3, 2, 1)
    assert count(lacking={"table": "sessions"}) is None
    long = {"table": "sessions", "where": {"conversation.duration_ms": {"gt": 60_000}}, "measures": {"found": "count"}}
    assert only(computed(report({"details": long}), lake), "found") == [(3,)]


@pytest.mark.long
def test_what_several_sources_give_under_one_name_is_one_figure(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        sessions=SESSIONS,
        interval_metrics=[of_queue("nOffered", count=4), of_queue("nOffered", queue="Q9", count=1)],
    )
    stacked = report(
        {
            "group_by": ["queueId"],
            "aggregates": {"metrics": {"seen": "nOffered.count"}},
            "details": [
                {"table": "sessions", "where": {"purpose": "agent"}, "measures": {"seen": "count"}},
                {
                    "table": "sessions",
                    "where": {"purpose": "customer"},
                    "group_by": {"queueId": None},
                    "measures": {"seen": "count"},
                },
            ],
        }
    )
    assert only(computed(stacked, lake), "queue_id", "seen") == [("Q1", 4 + 3), ("Q9", 1), (None, 2)]


def test_a_row_counts_where_its_time_lies(tmp_path: Path) -> None:
    emitted = [
        {"conversation_id": f"c{index}", "metric": "tHandle", "value": 1, "emit_date": at(minutes)}
        for index, minutes in enumerate((-1, 0, 30, 24 * 60))
    ]
    earlier = {"conversation_start": DAY - timedelta(days=1)}
    lake = small_lake(tmp_path, session_metrics=[{**row, **earlier} for row in emitted])
    source = {"table": "session_metrics", "measures": {"found": "count"}}
    assert computed(report({"details": source}), lake) == [], "they began the day before"
    assert only(computed(report({"details": {**source, "time": "emit_date"}}), lake), "found") == [(2,)]


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    lake.remove("tables/segments", [KEY])
    codes = report({"details": {"table": "segments", "measures": {"codes": {"distinct": "wrap_up_code"}}}})
    with pytest.raises(NotStored, match=f"genesys/tables/segments has no partition {KEY}: materialise it first"):
        computed(codes, lake)


# -- rows and columns of the result
# -----------------------------------------------------------------------------------------------------


def test_columns_come_in_their_order_in_their_unit_with_names_beside_ids(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        users=called(U1="Ana"),
        interval_metrics=[measured(0, USER_GROUPING, "tHandle", user_id="U1", count=3, sum=90_500)],
    )
    agents = report(
        {
            "group_by": ["user"],
            "require": ["user"],
            "aggregates": {"metrics": HANDLED},
            "columns": {
                "handle_time": {"unit": "minutes", "digits": 1},
                "average": {"formula": "handle_time / handled", "unit": "seconds", "digits": 2},
                "twice": "average * 2",
                "handled": None,
            },
        }
    )
    (row,) = computed(agents, lake)
    assert list(row)[3:] == ["user_id", "user_name", "handle_time_minutes", "average_seconds", "twice", "handled"]
    assert list(row.values())[3:] == ["U1", "Ana", 1.5, 30.17, 90_500 / 3 * 2, 3]
    without = report({"group_by": ["user"], "names": False, "aggregates": {"metrics": HANDLED}})
    assert "user_name" not in computed(without, lake)[0]


def test_the_first_rows_of_each_interval_in_the_order_that_is_wanted(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        interval_metrics=[
            of_queue("tHandle", minutes, queue=queue, count=1, sum=total)
            for minutes, queue, total in [
                (0, "a", 5),
                (0, "b", 9),
                (0, "c", 7),
                (60, "a", 1),
                (60, "d", 2),
                (60, "e", 2),
            ]
        ],
    )
    first = report(
        {
            "granularity": "PT1H",
            "group_by": ["queueId"],
            "aggregates": {"metrics": HANDLED},
            "columns": {"handle_time": {"unit": "ms"}},
            "order_by": ["handle_time desc"],
            "top": 2,
        }
    )
    rows = only(computed(first, lake), "interval_start", "queue_id", "handle_time_ms")
    assert rows == [(at(0), "b", 9), (at(0), "c", 7), (at(60), "d", 2), (at(60), "e", 2)]
    latest_first = {
        **first.definition.model_dump(exclude_unset=True),
        "order_by": ["handle_time desc", "interval_start desc"],
    }
    assert only(computed(report(latest_first), lake), "interval_start", "queue_id") == [
        *[(at(60), "d"), (at(60), "e")],
        *[(at(0), "b"), (at(0), "c")],
    ]


def test_live_snapshots_stand_beside_what_the_hour_came_to(tmp_path: Path) -> None:
    import pyarrow as pa

    from genesys_assets.tables.snapshots import LIVE_QUEUES

    lake = small_lake(tmp_path, interval_metrics=[of_queue("tAbandon", 5, count=1)])
    for minute, waiting in ((10, 4), (20, 1)):
        row = {"observed_at": at(minute), "group_key": "{}", "queue_id": "Q1", "metric": "oWaiting", "count": waiting}
        rows = pa.Table.from_pylist([row], LIVE_QUEUES.schema)
        lake.append("live/queues", LIVE_QUEUES, rows, at(minute), {})
    both = report(
        {
            "granularity": "PT1H",
            "group_by": ["queueId"],
            "aggregates": {"metrics": {"abandoned": "tAbandon.count"}},
            "details": {
                "table": "live/queues",
                "where": {"metric": "oWaiting"},
                "measures": {
                    "most": {"max": "count"},
                    "waiting": {"sum": "count"},
                    "seen": {"count_distinct": "observed_at"},
                },
            },
            "columns": {"abandoned": None, "most": None, "waiting_on_average": "waiting / seen"},
        }
    )
    assert only(computed(both, lake), "abandoned", "most", "waiting_on_average") == [(1, 4, 2.5)]

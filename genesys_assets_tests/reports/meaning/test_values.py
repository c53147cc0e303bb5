"""Values of filters, and numbers: fixed values are compared in the platform's spelling; no sum becomes another
number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud.analytics.live import OBSERVATION_METRICS
from genesys_assets.cloud.analytics.values import ENUMERATIONS, IDS, value_of
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.reports.language.formulas import NumberTooLarge
from genesys_assets.reports.meaning.entries import read_text
from genesys_assets.reports.meaning.questions import STANDARD, key_of, questions_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.meaning.values import allowed_value
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING
from genesys_assets_tests.reports.small_lake import computed, measured, small_lake

FIRST, SECOND = "bea0c6c7-613d-4a23-ae4a-74481d4dc48e", "0f3cbb2e-8e7d-4a55-9a50-000000000001"
HANDLED = {"handled": "tHandle.count"}


def report(entry: dict[str, Any]) -> Report:
    reading = read_text(json.dumps({"reports": {"mine": {"description": "One row.", **entry}}}), "reports.yaml")
    assert not reading.problems, list(map(str, reading.problems))
    return reading.reports["mine"]


def of_queue(queue: str | None, media: str, count: int, total: int = 0) -> dict[str, Any]:
    return measured(0, QUEUE_GROUPING, "tHandle", queue_id=queue, media_type=media, count=count, sum=total)


# -- values ------------------------------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(ENUMERATIONS)), st.data())
def test_a_value_of_the_platform_is_known_in_any_case(name: str, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(ENUMERATIONS[name]))
    assert value_of(name, value) == value_of(name, value.upper()) == value_of(name, f" {value.lower()} ") == value


@given(st.sampled_from(sorted(ENUMERATIONS)), st.text())
def test_another_value_is_refused_with_those_that_are_known(name: str, value: str) -> None:
    if value.strip().lower() in map(str.lower, ENUMERATIONS[name]):
        return
    with pytest.raises(InvalidQuery, match=f"{name} has no value"):
        value_of(name, value)


@given(st.sampled_from(sorted(IDS)), st.uuids())
def test_an_id_is_compared_in_small_letters(name: str, id_: Any) -> None:
    assert value_of(name, f"{id_}".upper()) == f"{id_}"
    with pytest.raises(InvalidQuery, match=f"{name} must be an id such as"):
        value_of(name, f"{id_}"[:-1])


def test_columns_of_tables_have_the_values_of_the_dimensions() -> None:
    assert allowed_value("conversation.media_type", "Voice") == "voice"
    assert allowed_value("session_queue_id", FIRST.upper()) == FIRST
    assert allowed_value("outcome", "Ended") == "ended"
    assert allowed_value("participant_name", "Whoever") == "Whoever"


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"requested_routings": "Standart"}, "requested_routings is a list, which cannot be compared"),
        ({"requested_routings": {"gte": 3}}, "requested_routings is a list, which cannot be compared"),
        ({"provider": {"gte": 3}}, "provider is text, which has no range"),
    ],
)
def test_a_column_that_cannot_be_compared_so_is_one_mistake_and_not_two(where: dict[str, Any], reason: str) -> None:
    entry = {"description": "One row.", "details": {"table": "sessions", "where": where, "measures": {"n": "count"}}}
    (problem,) = read_text(json.dumps({"reports": {"mine": entry}}), "reports.yaml").problems
    assert problem.message.startswith(reason)


@pytest.mark.parametrize("column", ["flow_id", "flow_outcome_id", "form_id", "evaluator_id", "survey_form_id"])
def test_a_name_is_refused_where_an_id_belongs(column: str) -> None:
    with pytest.raises(InvalidQuery, match=r"must be an id such as .*, got 'Main'"):
        allowed_value(column, "Main")


def test_the_status_of_a_survey_is_one_of_the_platforms() -> None:
    assert allowed_value("survey_status", "finished") == "Finished"
    with pytest.raises(InvalidQuery, match=r"surveyStatus has no value 'finishd'\. Closest: Finished"):
        allowed_value("survey_status", "finishd")


def test_who_a_customer_is_known_by_is_one_of_the_lakes_words() -> None:
    assert allowed_value("known_by", "Address") == "address"
    with pytest.raises(InvalidQuery, match=r"known_by has no value 'numbr'\. Known are external_contact, address"):
        allowed_value("known_by", "numbr")


def test_a_span_of_a_user_is_of_presence_or_routing() -> None:
    assert allowed_value("kind", "Routing") == "routing"
    with pytest.raises(InvalidQuery, match=r"kind has no value 'presense'\. Known are presence, routing"):
        allowed_value("kind", "presense")


@pytest.mark.parametrize("metric", ["oWaitng", *OBSERVATION_METRICS])
def test_a_metric_of_live_queues_is_one_that_is_asked_for(metric: str) -> None:
    details = {"table": "live/queues", "where": {"metric": metric}, "measures": {"n": "count"}}
    entry = {"description": "One row.", "details": details}
    problems = read_text(json.dumps({"reports": {"mine": entry}}), "reports.yaml").problems
    wrong = [problem.message.partition(".")[0] for problem in problems]
    assert wrong == ([] if metric in OBSERVATION_METRICS else ["live/queues has no metric 'oWaitng'"])


def test_a_filter_in_another_case_gives_the_rows_and_not_an_empty_report(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, interval_metrics=[of_queue(FIRST, "voice", 3), of_queue(FIRST, "chat", 9)])
    voice = report({"aggregates": {"filter": {"mediaType": "Voice"}, "metrics": HANDLED}})
    assert [row["handled"] for row in computed(voice, lake)] == [3]


def test_not_equal_is_answered_from_what_is_asked_in_any_case(tmp_path: Path) -> None:
    rows = [of_queue(FIRST, "voice", 3), of_queue(FIRST, "chat", 9), of_queue(None, "email", 20)]
    lake = small_lake(tmp_path, interval_metrics=rows)
    others = report({"aggregates": {"filter": {"mediaType": {"ne": "voice"}}, "metrics": HANDLED}})
    assert [row["handled"] for row in computed(others, lake)] == [29]
    assert [key_of(each) for each in questions_of([others])] == [key_of(STANDARD[0])]
    with_queue = report({"aggregates": {"filter": {"queueId": {"notIn": [SECOND]}}, "metrics": HANDLED}})
    assert [row["handled"] for row in computed(with_queue, lake)] == [12], "a row without a queue has no other queue"


def test_not_equal_beside_another_filter_is_looked_up_in_the_platforms_answer(tmp_path: Path) -> None:
    filter_ = {"direction": "inbound", "mediaType": {"ne": "voice"}}
    inbound = report({"group_by": ["queueId"], "aggregates": {"filter": filter_, "metrics": HANDLED}})
    (part,) = inbound.aggregates
    asked = part.source.question
    assert asked.group_by == ("mediaType", "queueId")
    assert asked.filter is not None
    assert [each.dimension for each in asked.filter.predicates] == ["direction"]
    selection = part.source.key.split()[1]
    rows = [of_queue(FIRST, "voice", 3), of_queue(FIRST, "chat", 9), of_queue(SECOND, "email", 20)]
    of_answer = [{**row, "grouping": "mediaType,queueId", "selection": selection} for row in rows]
    lake = small_lake(tmp_path, asked_by=[inbound], interval_metrics=of_answer)
    found = {row["queue_id"]: row["handled"] for row in computed(inbound, lake)}
    assert found == {FIRST: 9, SECOND: 20}


def test_not_equal_cannot_be_asked_where_groups_do_not_add_up() -> None:
    entry = {
        "granularity": "PT15M",
        "group_by": ["queueId"],
        "aggregates": {"filter": {"mediaType": {"ne": "voice"}}, "metrics": {"n": "nConversations"}},
    }
    text = json.dumps({"reports": {"mine": {"description": "One row.", **entry}}})
    (problem,) = read_text(text, "reports.yaml").problems
    assert "the platform has no `not equal`" in problem.message


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_a_list_of_no_values_is_null_as_their_sum_is(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, segments=[{"wrap_up_code": None, "queue_id": FIRST}])
    measures = {"codes": {"distinct": "wrap_up_code"}, "different": {"count_distinct": "wrap_up_code"}, "rows": "count"}
    columns = {**dict.fromkeys(measures), "names": {"names_of": "codes"}}
    (row,) = computed(report({"details": {"table": "segments", "measures": measures}, "columns": columns}), lake)
    assert (row["codes"], row["names"], row["different"], row["rows"]) == (None, None, None, 1)


def test_a_sum_that_does_not_fit_is_an_error_and_no_other_number(tmp_path: Path) -> None:
    rows = [of_queue(FIRST, "voice", 1, 2**62), of_queue(FIRST, "chat", 1, 2**62)]
    total = report({"aggregates": {"metrics": {"time": "tHandle.sum"}}})
    with pytest.raises(NumberTooLarge, match="mine of 2026-01-31, figure time: its values come to more than"):
        computed(total, small_lake(tmp_path, interval_metrics=rows))


def test_a_column_that_does_not_fit_is_named(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, interval_metrics=[of_queue(FIRST, "voice", 2**40)])
    entry = {"aggregates": {"metrics": HANDLED}, "columns": {"square": "handled * handled"}}
    with pytest.raises(NumberTooLarge, match="mine of 2026-01-31, column square: 'handled \\* handled' comes to"):
        computed(report(entry), lake)


def test_a_value_with_more_digits_than_its_unit_keeps_is_named(tmp_path: Path) -> None:
    lake = small_lake(tmp_path, interval_metrics=[of_queue(FIRST, "voice", 1, 2**53 + 1)])
    entry = {"aggregates": {"metrics": {"time": "tHandle.sum"}}, "columns": {"time": {"unit": "hours"}}}
    with pytest.raises(NumberTooLarge, match="column time_hours: a value has more digits"):
        computed(report(entry), lake)


def test_large_values_that_fit_are_summed(tmp_path: Path) -> None:
    rows = [of_queue(FIRST, "voice", 1, 2**61), of_queue(FIRST, "chat", 1, 2**61 + 1), of_queue(SECOND, "chat", 1, 5)]
    total = report({"aggregates": {"metrics": {"time": "tHandle.sum"}}})
    (row,) = computed(total, small_lake(tmp_path, interval_metrics=rows))
    assert row["time"] == 2**62 + 6

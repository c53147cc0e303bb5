"""The examples of figures in docs/semantics.md: the reports compute what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.spans import Window, days_around
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets.tables.conversations.contacts import NEEDED, NEEDED_OF_REPORT_DAYS
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS
from genesys_assets.tables.metrics.buckets import QUEUE_GROUPING
from genesys_assets.tables.users.spans import Kind, Span
from genesys_assets.tables.users.time import USER_TIME, time_table
from genesys_assets.tables.users.waits import QUEUE_WAITS, Surroundings, queue_waits
from genesys_assets_tests.examples.deployment import REPOSITORY
from genesys_assets_tests.reports.small_lake import DAY, KEY, LONG_AGO, Row, computed, measured, small_lake

REPORTS = {report.name: report for report in (*built_in_reports(), *operating_reports())}
PAGE = REPOSITORY / "docs/semantics.md"
NOON = DAY + timedelta(hours=12)
ROUNDED = 0.0005
"""Examples are written with three decimals."""


def tables(heading: str) -> list[list[dict[str, str]]]:
    """The tables of a section of the page, each row by the names of its columns."""
    _, section = PAGE.read_text().split(f"\n## {heading}\n")
    found = re.findall(r"(?:^\|.*\|\n)+", section.split("\n## ")[0], re.MULTILINE)
    return [list(_rows(table.splitlines())) for table in found]


def _rows(lines: list[str]) -> Iterator[dict[str, str]]:
    names, _, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in lines)
    yield from (dict(zip(names, row, strict=True)) for row in rows)


def value(cell: str) -> float | None:
    """The result of an example: the number after its last equals sign or colon. An empty cell is null."""
    last = re.split(r"[=:] ", cell)[-1].replace(",", "")
    return None if last in ("null", "") else float(last)


def examples(heading: str) -> dict[str, float | None]:
    """The example of each column that a section explains."""
    explained = next(table for table in tables(heading) if "column" in table[0] and "example" in table[0])
    found: dict[str, float | None] = {}
    for row in explained:
        columns = re.findall(r"`(\w+)`", row["column"])
        cells = row["example"].split(" and ") if len(columns) > 1 else [row["example"]]
        if " each: " in row["example"]:
            cells = [row["example"]] * len(columns)
        found |= dict(zip(columns, map(value, cells), strict=True))
    return found


def must_say(row: Row, said: Mapping[str, float | None]) -> None:
    assert {name: row[name] for name in said} == pytest.approx(said, abs=ROUNDED)


def figures(name: str) -> set[str]:
    """The columns of a report that are neither groups nor bounds."""
    spec = REPORTS[name].spec
    given = {*spec.key, "interval_end", "local_date", *(each for each in spec.schema.names if each.endswith("_name"))}
    return {*spec.schema.names} - given


def test_the_example_of_a_service_level_is_what_the_report_says(tmp_path: Path) -> None:
    of_queue = {"queue_id": "Q1", "media_type": "voice"}

    def emitted(metric: str, minutes: float = 0, **more: Any) -> Row:
        return measured(minutes, QUEUE_GROUPING, metric, **of_queue, **more)

    def level(since: datetime, until: datetime | None, target: float, seconds: int) -> Row:
        settings = {"service_level_target": target, "service_level_threshold_ms": seconds * 1000}
        return {**of_queue, "valid_from": since, "valid_to": until, **settings}

    lake = small_lake(
        tmp_path,
        interval_metrics=[
            emitted("nOffered", count=20),
            emitted("tAnswered", count=9, sum=100_000, max=40_000),
            emitted("tAnswered", 780, count=6, sum=200_000, max=65_000),
            emitted("tAbandon", count=4, sum=90_000),
            emitted("tShortAbandon", count=1, sum=2_000),
            emitted("tFlowOut", count=1, sum=30_000),
            emitted("oServiceLevel", numerator=5, denominator=8, target=0.7),
            emitted("oServiceLevel", 780, numerator=8, denominator=11, target=0.8),
        ],
        service_levels_history=[level(LONG_AGO, NOON, 0.7, 30), level(NOON, None, 0.8, 20)],
    )
    said = examples("Service levels")
    assert said.keys() == figures("service_level")
    (row,) = computed(REPORTS["service_level"], lake)
    must_say(row, said)


def of_flow(metric: str, minutes: float = 0, **more: Any) -> Row:
    return measured(minutes, "exitReason,flowId,selfServed", metric, flow_id="F", **more)


def test_the_examples_of_a_flow_and_its_exits_are_what_the_reports_say(tmp_path: Path) -> None:
    lake = small_lake(
        tmp_path,
        flows_metrics=[
            of_flow("nFlow", count=20),
            of_flow("tFlow", exit_reason="TRANSFER", self_served="false", count=12, sum=21 * 60_000),
            of_flow("tFlow", exit_reason="DISCONNECT", self_served="false", count=2, sum=2 * 60_000),
            of_flow("tFlow", exit_reason="DISCONNECT", self_served="true", count=3, sum=3 * 60_000),
            of_flow("tFlow", count=1, sum=60_000),
            of_flow("nFlowOutcome", count=15),
            of_flow("nFlowOutcomeFailed", count=3),
        ],
    )
    said = examples("Flows")
    assert said.keys() == figures("flows")
    (row,) = computed(REPORTS["flows"], lake)
    must_say(row, said)
    (of_exits,) = (table for table in tables("Flows") if "exit_reason" in table[0])
    found = {row["exit_reason"]: row for row in computed(REPORTS["flow_exits"], lake)}
    assert len(of_exits) == len(found) == 3
    for row in of_exits:
        reason = None if row["exit_reason"] == "null" else row["exit_reason"]
        must_say(found[reason], {name: value(row[name]) for name in figures("flow_exits")})


def test_a_flow_is_entered_in_one_hour_and_left_in_the_next_with_all_its_time(tmp_path: Path) -> None:
    entered, left = of_flow("nFlow", 9 * 60 + 58, count=1), of_flow("tFlow", 10 * 60 + 4, count=1, sum=6 * 60_000)
    lake = small_lake(tmp_path, flows_metrics=[entered, left])
    rows = computed(REPORTS["flows_hourly"], lake)
    found = [(row["interval_start"].hour, row["entries"], row["exits"], row["time_in_flow_minutes"]) for row in rows]
    assert found == [(9, 1, None, None), (10, None, 1, 6)]


def contact(number: int, customer: str | None, start: datetime, avoided: int | None = None) -> dict[str, list[Row]]:
    """The rows of one contact, by table."""
    of = {"conversation_id": f"c{number}", "conversation_start": start}
    conversation = {**of, "originating_direction": "inbound", "media_type": "voice"}
    participant = {**of, "participant_id": f"p{number}", "ordinal": 0, "purpose": "customer"}
    resolved = [] if avoided is None else [{**of, "ordinal": 0, "n_next_contact_avoided": avoided}]
    return {
        "conversations": [conversation],
        "participants": [{**participant, "external_contact_id": customer}],
        "resolutions": resolved,
    }


def lake_of_contacts(folder: Path, first: str, days: int, *contacts: dict[str, list[Row]]) -> Lake:
    rows: dict[str, Any] = {name: [row for each in contacts for row in each[name]] for name in contacts[0]}
    known = Reach(datetime(2027, 1, 1, tzinfo=UTC), is_complete=True)
    needed = (*NEEDED, *NEEDED_OF_REPORT_DAYS)
    days_stored = days_around(first, 0, days - 1)
    return small_lake(folder, days=days_stored, reach=known, only=needed, **rows)


@pytest.mark.long
def test_the_rates_of_contacts_are_what_the_report_says(tmp_path: Path) -> None:
    """Of 20 contacts, 4 have unknown customers, 4 are repeats, and 3 have a follow-up."""
    of_day = [
        contact(number, f"x{number}" if number < 16 else None, NOON, 1 if number < 2 else 0) for number in range(20)
    ]
    earlier = [contact(20 + number, f"x{number}", NOON - timedelta(days=3)) for number in range(4)]
    later = [contact(30 + number, f"x{number}", NOON + timedelta(days=3)) for number in (0, 14, 15)]
    lake = lake_of_contacts(tmp_path, "2026-01-24", 16, *of_day, *earlier, *later)
    (row,) = computed(REPORTS["repeat_contacts"], lake)
    said = PAGE.read_text()
    assert all(
        each in said for each in ("`repeat_rate_7d` 4 / 16 = 0.25", "`first_contact_resolution_7d` 13 / 16 = 0.813")
    )
    must_say(row, {"contacts": 20, "unknown_customers": 4, "known_customers": 16, "next_contacts_avoided": 2})
    must_say(row, {"repeated_within_7d": 4, "resolved_for_7d": 13})
    must_say(row, {"repeat_rate_7d": 0.25, "first_contact_resolution_7d": 0.813})


@pytest.mark.long
def test_the_three_calls_of_a_customer_are_what_the_report_says(tmp_path: Path) -> None:
    starts = [datetime(2026, 3, *at, tzinfo=UTC) for at in ((2, 10), (3, 9), (9, 10))]
    calls = [contact(number, "x", start) for number, start in enumerate(starts)]
    lake = lake_of_contacts(tmp_path, "2026-01-31", 67, *calls)
    (said,) = (table for table in tables("Repeat contacts") if "day" in table[0])
    assert [row["day"] for row in said] == ["2026-03-02", "2026-03-03", "2026-03-09"]
    for row in said:
        (found,) = computed(REPORTS["repeat_contacts"], lake, day=row.pop("day"), start_date=date(2026, 1, 31))
        assert (found["contacts"], found["known_customers"]) == (1, 1)
        must_say(found, {name: value(cell) for name, cell in row.items()})


def test_the_example_of_what_requests_cost_is_what_the_report_says(tmp_path: Path) -> None:
    group = {"asset": "reference/queue_members", "method": "GET", "path": "/api/v2/routing/queues/{id}/members"}

    def request(number: int, attempt: int, status: int, size: int, waited: int) -> Row:
        measures = {"attempt": attempt, "status": status, "bytes": size, "waited_ms": waited, "duration_ms": 120}
        return {**group, "request_id": f"{number}", "time": NOON, "allowed_per_minute": 300, **measures}

    refused = [request(number, 1, 429, 150, 0) for number in range(3)]
    again = [request(number, 2, 200, 2_000, 1_000) for number in range(3, 6)]
    others = [request(number, 1, 200, 2_000, 0) for number in range(6, 203)]
    table = pa.Table.from_pylist([*refused, *again, *others], API_REQUESTS.schema)
    lake = Lake(LocalStore(tmp_path))
    lake.write("tables/api_requests", API_REQUESTS, table, KEY, {}, reach=Reach(DAY + timedelta(days=1)))
    (row,) = computed(REPORTS["api_cost"], lake)
    said = examples("What the API costs")
    assert said.keys() == figures("api_cost")
    share = said.pop("budget_share")
    must_say(row, said)
    assert row["budget_share"] == pytest.approx(share, abs=0.000005)


def test_the_example_of_a_wait_beside_idle_agents_is_what_the_report_says(tmp_path: Path) -> None:
    ten = DAY + timedelta(hours=10)

    def call(name: str, queue: str, offered: int, wait: int, **more: Any) -> Row:
        waited = {"offered_at": ten + timedelta(seconds=offered), "t_wait_ms": wait * 1000}
        leg = {"conversation_id": name, "conversation_start": ten, "leg_no": 1, "media_type": "voice"}
        return leg | waited | {"queue_id": queue} | more

    calls = [
        call("A", "Q1", 0, 60, outcome="abandoned"),
        call("B", "Q1", 10, 20, outcome="answered", answered_at=ten + timedelta(seconds=30), user_id="m0"),
        call("C", "Q2", 0, 5, outcome="abandoned"),
    ]
    legs = pa.Table.from_pylist([dict.fromkeys(INTERACTION_LEGS.schema.names) | each for each in calls])
    idle_from = {"m0": ten + timedelta(seconds=20), "m1": ten + timedelta(seconds=50)}
    spans = [Span(user, "routing", begin, ten + timedelta(hours=1), "IDLE") for user, begin in idle_from.items()]
    day = Window(DAY, DAY + timedelta(days=1))
    members = {DAY.date(): {"Q1": [f"m{number}" for number in range(12)]}}
    around = Surroundings(INTERACTION_LEGS.schema.empty_table(), day.end, members, spans, day)
    lake = small_lake(tmp_path)
    rows = queue_waits(legs.cast(INTERACTION_LEGS.schema), around)
    lake.write("tables/queue_waits", QUEUE_WAITS, rows, KEY, {}, reach=Reach(day.end, is_complete=True))
    found = {row["conversation_id"]: row for row in computed(REPORTS["missed_while_idle"], lake.refreshed())}
    (said,) = (table for table in tables("Agents' status") if "call" in table[0])
    assert {row["call"] for row in said} == found.keys()
    for row in said:
        must_say(found[row.pop("call")], {name: value(cell) for name, cell in row.items()})
    assert (found["C"]["unknown"], found["A"]["overtaking_conversation_id"]) == ("queue_members", "B")


def agents_spans(kind: Kind, told: str) -> Iterator[Span]:
    """Ana's spans of a day, from a text such as `00:00 OFFLINE 08:00 AVAILABLE ... 23:00`."""
    words = told.split()
    moments = [datetime.fromisoformat(f"{DAY:%Y-%m-%d}T{word}+00:00") for word in words[::2]]
    for start, end, status in zip(moments, moments[1:], words[1::2], strict=False):
        yield Span("ana", kind, start, end, status)


def test_the_example_of_an_agents_day_is_what_the_report_says(tmp_path: Path) -> None:
    presence = (
        "00:00 OFFLINE 08:00 AVAILABLE 08:15 ON_QUEUE 10:15 BREAK 10:30 ON_QUEUE 12:00 MEAL 12:30 MEETING"
        " 13:30 TRAINING 14:30 BUSY 15:00 AWAY 15:15 IDLE 15:30 ON_QUEUE 17:00 OFFLINE 23:00"
    )
    routing = (
        "00:00 OFF_QUEUE 08:15 IDLE 09:15 INTERACTING 10:00 COMMUNICATING 10:15 OFF_QUEUE 10:30 INTERACTING"
        " 12:00 OFF_QUEUE 15:30 IDLE 16:00 NOT_RESPONDING 16:15 INTERACTING 16:45 DREAMING 17:00 OFF_QUEUE 23:00"
    )
    spans = [*agents_spans("presence", presence), *agents_spans("routing", routing)]
    lake = small_lake(tmp_path)
    table = time_table(spans, Window(DAY, DAY + timedelta(days=1)))
    lake.write("tables/user_time", USER_TIME, table, KEY, {}, reach=Reach(DAY + timedelta(days=1)))
    (row,) = computed(REPORTS["agent_day"], lake.refreshed())
    said = examples("Agents' status")
    assert len(said) == 18
    must_say(row, said)
    must_say(row, {"logged_in_ms": 9 * 3_600_000, "occupancy": 0.579, "utilisation": 0.333})
    assert "`logged_in_ms` is 9 h" in PAGE.read_text()
    assert "= 0.579, `utilisation` (2.75 + 0.25) / 9 = 0.333" in PAGE.read_text()


def test_the_examples_of_quality_are_what_the_report_says(tmp_path: Path) -> None:
    agent = {"queue_id": "Q1", "user_id": "ana"}

    def judged(metric: str, minutes: float = 0, **more: Any) -> Row:
        return measured(minutes, "formId,queueId,userId", metric, **agent, form_id="F", **more)

    def survey_row(metric: str, form: str, **more: Any) -> Row:
        return measured(0, "queueId,surveyFormId,userId", metric, **agent, survey_form_id=form, **more)

    lake = small_lake(
        tmp_path,
        evaluations_metrics=[
            judged("nEvaluations", count=3),
            judged("nEvaluationsRescored", count=1),
            judged("oTotalScore", count=2, sum=150.5),
            judged("oTotalScore", 15, count=1, sum=89.5),
            judged("oTotalCriticalScore", count=2, sum=150),
        ],
        surveys_metrics=[
            survey_row("nSurveysSent", "S", count=10),
            survey_row("nSurveyResponses", "S", count=4),
            survey_row("oSurveyTotalScore", "S", count=4, sum=290),
            survey_row("nSurveyNpsResponses", "N", count=20),
            survey_row("nSurveyNpsPromoters", "N", count=11),
            survey_row("nSurveyNpsDetractors", "N", count=4),
        ],
        resolutions_metrics=[measured(0, "queueId,userId", "nNextContactAvoided", **agent, count=2)],
    )
    found = {row["form_id"]: row for row in computed(REPORTS["quality"], lake)}
    said = [row for table in tables("Evaluations, surveys and resolutions") if "form_id" in table[0] for row in table]
    assert [row["form_id"] for row in said] == ["F", "S", "N", "null"]
    assert len(found) == 4
    for row in said:
        form = row.pop("form_id")
        must_say(found[None if form == "null" else form], {name: value(cell) for name, cell in row.items()})

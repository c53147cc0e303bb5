"""Months in which clocks change, in spring and in autumn: every figure of these reports equals plain Python, for a day,
a week and the month.

The months contain shifts over midnight, an agent without work, an undefined presence, a deleted user, a queue that
agents join and leave, and repeat contacts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pyarrow.compute as pc
import pytest

from genesys_assets.sandbox.shifts import unknown_presence_id
from genesys_assets_tests import plain_agents, plain_contacts, plain_reports, plain_waits
from genesys_assets_tests import plain_quality as plain
from genesys_assets_tests.plain_comparison import compare
from genesys_assets_tests.plain_figures import Row
from genesys_assets_tests.scenarios.stored_months import (
    A_DAY,
    BUILT_IN,
    DELETED,
    MARCH,
    OCTOBER,
    ON_LEAVE,
    SPANS,
    Month,
    Span,
    days_from,
    stored,
)

pytestmark = pytest.mark.long

over_spans = pytest.mark.parametrize("span", SPANS)


@pytest.fixture(scope="module")
def march(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    with stored(MARCH, tmp_path_factory.mktemp("march")) as month:
        yield month


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    with stored(OCTOBER, tmp_path_factory.mktemp("october")) as month:
        yield month


@pytest.fixture(params=["march", "october"])
def month(request: pytest.FixtureRequest) -> Month:
    found: Month = request.getfixturevalue(request.param)
    return found


@over_spans
def test_a_time_in_which_clocks_change_is_an_hour_shorter_or_longer(month: Month, span: Span) -> None:
    start, end = month.bounds("service_level", span)
    assert end - start == timedelta(hours=month.season.hours[span])
    rows = month.rows("service_level", span)
    assert {(row["interval_start"], row["interval_end"]) for row in rows} == {(start, end)}


def test_hours_of_flows_are_those_of_the_conversations(month: Month) -> None:
    midnight, hour = datetime.combine(month.season.ordinary_day, time(), UTC), timedelta(hours=1)
    expected = [
        {"interval_start": start, "interval_end": start + hour, "flow_id": flow, **plain.flow_row(counts)}
        for start in (midnight + number * hour for number in range(24))
        for flow, counts in plain.flows(month.conversations, start, start + hour).items()
    ]
    assert len(expected) > 5
    table = month.table("flows_hourly", "day")
    named = [row | month.names(row, table.column_names) for row in expected]
    compare(table, named, BUILT_IN["flows_hourly"].spec.key)


@over_spans
def test_agents_days_are_those_of_the_agents(month: Month, span: Span) -> None:
    start, end = month.bounds("agent_day", span)
    timelines = month.world.sandbox.timelines
    expected = plain_agents.agent_day(timelines, month.conversations, start, end)
    rows = [{"user_id": user, **row} for user, row in expected.items()]
    found = {row["user_id"]: row for row in month.must_equal("agent_day", span, rows)}
    assert {row["day_ms"] for row in found.values()} == {month.season.hours[span] * 3_600_000}
    # Shifts cross midnight at both ends.
    assert any(row["first_login"] == start for row in found.values())
    assert any(row["last_logout"] == end for row in found.values())
    assert any(row["other_ms"] for row in found.values())
    assert any(row["handled"] for row in found.values())


@over_spans
def test_a_deleted_user_keeps_a_row_and_a_name(month: Month, span: Span) -> None:
    deleted = month.user(DELETED)
    listed = {row["id"]: row for row in month.world.lake.read("reference/users", None).to_pylist()}
    assert listed[deleted]["is_deleted"]
    (row,) = (row for row in month.rows("agent_day", span) if row["user_id"] == deleted)
    assert (row["user_name"], row["logged_in_ms"] > 0) == ("Dmitri Dvořák", True)


@over_spans
def test_a_presence_that_no_definition_knows_counts_as_its_system_presence(month: Month, span: Span) -> None:
    odd = unknown_presence_id(month.world.sandbox.organisation.directory)
    start, end = month.bounds("agent_day", span)
    stored_days = [f"{day}" for day in days_from(start.date(), end.date())]
    table = month.world.lake.read("tables/user_time", stored_days)
    busy: dict[str, int] = {}
    for row in table.filter(pc.field("organization_presence_id") == odd).to_pylist():
        if start <= row["quarter_start"] < end:
            busy[row["user_id"]] = busy.get(row["user_id"], 0) + row["duration_ms"]
    assert busy
    found = {row["user_id"]: row["busy_ms"] for row in month.rows("agent_day", span) if row["user_id"] in busy}
    assert found == busy


@over_spans
def test_an_agent_with_nothing_is_offline_all_the_time_and_has_no_other_figure(month: Month, span: Span) -> None:
    (row,) = (row for row in month.rows("agent_day", span) if row["user_id"] == month.user(ON_LEAVE))
    length = month.season.hours[span] * 3_600_000
    whole = dict.fromkeys(("day_ms", "offline_ms", "off_queue_ms"), length)
    zero = dict.fromkeys(("logged_in_ms", "other_ms", "unknown_ms", "other_routing_ms", "unknown_routing_ms"), 0)
    of_time = ("user_id", "user_name", "interval_start", "interval_end", "local_date", "first_date", "last_date")
    figures = {name: value for name, value in row.items() if name not in of_time}
    assert figures == dict.fromkeys(figures) | whole | zero
    assert {"handled", "handle_ms", "occupancy", "utilisation", "first_login", "last_logout"} < figures.keys()


@over_spans
def test_service_levels_are_those_of_the_conversations(month: Month, span: Span) -> None:
    queues = month.world.sandbox.organisation.directory.queue_by_id

    def levels(queue: str, media: str) -> tuple[float | None, int | None]:
        return (None, None) if queues[queue].deleted else queues[queue].service_level(media)

    known = month.knowledge("service_level", span)
    month.must_equal("service_level", span, plain_reports.service_level_of_queues(known, levels))


@over_spans
def test_flows_are_those_of_the_conversations(month: Month, span: Span) -> None:
    counted = plain.flows(month.conversations, *month.bounds("flows", span))
    expected = [{"flow_id": flow, **plain.flow_row(counts)} for flow, counts in counted.items()]
    month.must_equal("flows", span, expected)


@over_spans
def test_exits_of_flows_are_those_of_the_conversations(month: Month, span: Span) -> None:
    counted = plain.exits(month.conversations, *month.bounds("flow_exits", span))
    # A session in progress has entered its flow and not left it.
    expected = [
        {"flow_id": flow, "exit_reason": reason, **plain.exit_row(counts)} for (flow, reason), counts in counted.items()
    ]
    month.must_equal("flow_exits", span, expected)


@over_spans
def test_quality_is_that_of_the_conversations(month: Month, span: Span) -> None:
    counted = plain.quality(month.conversations, *month.bounds("quality", span))
    expected = [
        {"queue_id": queue, "user_id": user, "form_id": form, **plain.quality_row(counts)}
        for (queue, user, form), counts in counted.items()
    ]
    found = month.must_equal("quality", span, expected)
    assert any(row["evaluations"] for row in found) or span == "day"
    assert any(row["survey_responses"] for row in found) or span != "month"


def test_what_happens_in_the_last_hour_of_a_day_of_23_or_25_hours_belongs_to_that_day(month: Month) -> None:
    start, end, last_hour = *month.bounds("quality", "clocks change"), month.season.last_hour
    assert end - last_hour == timedelta(hours=1)
    assert all(figures(month.conversations, last_hour, end) for figures in (plain.flows, plain.exits, plain.quality))
    without = plain.quality(month.conversations, start, last_hour)
    assert sum(row["evaluations"] or 0 for row in month.rows("quality", "clocks change")) == 1 + sum(
        counts.get("evaluations", 0) for counts in without.values()
    )


@over_spans
def test_qualities_of_conversations_are_those_of_the_conversations(month: Month, span: Span) -> None:
    known = month.knowledge("conversation_quality", span)
    month.must_equal("conversation_quality", span, plain_reports.conversation_quality(known))


def repeat_contacts(month: Month, span: Span) -> list[Row]:
    """The expected rows of the report for a time."""
    season = month.season
    known = [datetime.combine(day, time(), UTC) for day in (season.contacts_from, season.contacts_until + A_DAY)]
    start, end = month.bounds("repeat_contacts", span)
    rows = plain_contacts.repeat_contacts(month.contacts, month.legs, start, end, *known)
    is_whole = min(start - known[0], known[1] - end) >= max(plain_contacts.HORIZONS) * A_DAY
    return [row | {"unknown_because": None if is_whole else plain_contacts.REASON} for row in rows]


@over_spans
def test_customers_who_came_again_are_those_of_the_conversations(month: Month, span: Span) -> None:
    month.must_equal("repeat_contacts", span, repeat_contacts(month, span))


@over_spans
def test_where_all_days_are_stored_more_customers_come_again_within_longer_times(march: Month, span: Span) -> None:
    rows = [row for row in march.rows("repeat_contacts", span) if row["known_customers"]]
    assert {row["unknown_because"] for row in rows} == {None}
    known = sum(row["known_customers"] for row in rows)
    again, resolved = (
        [sum(row[f"{name}_{days}d"] for row in rows) for days in plain_contacts.HORIZONS]
        for name in ("repeated_within", "resolved_for")
    )
    assert 0 < again[1] < again[2] < known
    assert known > resolved[1] > resolved[2] > 0
    if span == "month":
        assert 0 < again[0] < again[1]
        assert known > resolved[0] > resolved[1]
        assert any(row["repeat_rate_30d"] and row["first_contact_resolution_30d"] for row in rows)


def test_where_days_are_not_stored_longer_times_are_unknown(october: Month) -> None:
    rows = [row for row in october.rows("repeat_contacts", "month") if row["known_customers"]]
    assert sum(row["repeated_within_1d"] for row in rows) > 0
    unknown = ("repeated_within_7d", "repeated_within_30d", "resolved_for_7d", "resolved_for_30d")
    assert {row[name] for row in rows for name in unknown} == {None}
    assert all(row["unknown_because"] for row in rows)


@over_spans
def test_waits_stand_beside_what_the_members_of_each_day_did(month: Month, span: Span) -> None:
    start, end = month.bounds("missed_while_idle", span)
    legs = [leg for leg in month.legs if start <= leg["conversation_start"] < end]
    known_until = datetime.combine(month.season.after + A_DAY, time(), UTC)
    status = [(month.world.sandbox.timelines, start, known_until)]
    expected = plain_waits.waits(legs, month.legs, known_until, status, month.members)
    found = month.must_equal("missed_while_idle", span, expected)
    assert any(row["idle_members"] for row in found)
    if span in ("week", "month"):
        # On one day nobody observed the queues, on the other days somebody did.
        of_day = [row for row in found if row["offered_at"].date() == month.season.unobserved]
        unobserved = {row["queue_id"] for row in of_day if row["unknown"] == "queue_members"}
        assert unobserved & {row["queue_id"] for row in found if row["members"]}


@over_spans
def test_waits_are_in_queues_that_agents_have_joined_and_left_since_the_day_before(month: Month, span: Span) -> None:
    waited = {(row["offered_at"].date(), row["queue_id"]) for row in month.rows("missed_while_idle", span)}
    changes = [
        ({*month.members[day][queue]}, {*month.members[day - A_DAY][queue]})
        for day, queue in waited
        if {day, day - A_DAY} <= month.members.keys() and queue in month.members[day]
    ]
    assert any(now - before for now, before in changes), "an agent joined"
    assert any(before - now for now, before in changes), "an agent left"

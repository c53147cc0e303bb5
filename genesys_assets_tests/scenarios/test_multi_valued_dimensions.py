"""Figures by a dimension with several values a session: each value has a row, and the rows must not be summed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product

import pyarrow as pa
import pytest

from genesys_assets.cloud.analytics.catalogue import DEFAULT_METRICS, DIMENSIONS, MULTI_VALUED
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.tables.conversations import model
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import World, definitions, of_jobs
from genesys_assets_tests.conftest import DAYS
from genesys_assets_tests.plain_figures import Item, Row, Session
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.hard_days import (
    JOBS_LAG,
    NAMES,
    TABLES,
    compare_report,
    compute,
    knowledge,
    known_by_now,
    midnight,
    read_complete,
    read_hours,
)

pytestmark = pytest.mark.long

DAY = date(2026, 1, 28)
START, END = midnight(DAY), midnight(DAY + timedelta(days=1))
BY_SKILL = ("mediaType", "queueId", "requestedRoutingSkillId")
GROUPING = ",".join(BY_SKILL)
Figures = dict[tuple[datetime, str, str], tuple[int, int | None]]


@pytest.fixture
def skilled(world: World) -> World:
    """A world that also fetches aggregates by skill; two conversations require two skills each."""
    by_skill = AggregateQuestion(group_by=BY_SKILL)
    world = replace(world, definitions=definitions(f"{DAYS[0]}", questions=[by_skill]))
    organisation = world.sandbox.organisation
    skills = [skill["id"] for skill in organisation.directory.skills[:2]]
    handled = [item for item in organisation.conversations(DAY) if any(any(s.emitted("tHandle")) for s in queued(item))]

    def ask_for_both(item: Item) -> None:
        for session in queued(item):
            for step in session.item["segments"]:
                step["requestedRoutingSkillIds"] = skills

    for item in handled[:2]:
        organisation.restate(item["conversationId"], ask_for_both)
    return world


def queued(item: Item) -> list[Session]:
    return [session for session in plain.sessions([item]) if session.queue_id and session.item.get("metrics")]


def skills_of(session: Session) -> list[str]:
    steps = session.item["segments"]
    return list(dict.fromkeys(skill for step in steps for skill in step.get("requestedRoutingSkillIds", ())))


def groups_of(session: Session, *, flattened: bool) -> Iterator[str]:
    """The keys of the groups in which a session counts."""
    skills: list[str | None] = [*skills_of(session)]
    if flattened and skills:
        skills = [",".join(sorted(skills_of(session)))]
    for values in product([session.media_type], [session.queue_id], skills or [None]):
        group = {name: value for name, value in zip(BY_SKILL, values, strict=True) if value is not None}
        yield json.dumps(group, sort_keys=True, separators=(",", ":"))


def expected(conversations: list[Item], *, flattened: bool = False) -> Figures:
    """Count and sum of each bucket, group and metric."""
    values: defaultdict[tuple[datetime, str, str], list[int]] = defaultdict(list)
    for session in plain.sessions(conversations):
        for when, metric, value in [*session.emitted(), *session.waited()]:
            if START <= when < END and metric in DEFAULT_METRICS:
                for group in groups_of(session, flattened=flattened):
                    values[plain.floor(when, plain.QUARTER), group, metric].append(value)
    return {
        key: (sum(found), None) if key[2].startswith("n") else (len(found), sum(found)) for key, found in values.items()
    }


def stored(rows: list[Row]) -> Figures:
    measured = [row for row in rows if not row["metric"].startswith("o")]
    found = {(row["interval_start"], row["group_key"], row["metric"]): (row["count"], row["sum"]) for row in measured}
    assert len(found) == len(measured)
    return found


def handle_time(rows: list[Row]) -> int:
    return sum(row["sum"] for row in rows if row["metric"] == "tHandle")


def rows_of(world: World) -> dict[str, list[Row]]:
    """The stored metrics of the day by their grouping."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in world.lake.read("tables/interval_metrics", f"{DAY}").to_pylist():
        found[row["grouping"]].append(row)
    return found


def test_each_value_has_its_row_which_says_that_it_must_not_be_summed(skilled: World, present: FixedNow) -> None:
    read_hours(skilled, DAY)
    compute(skilled, DAY, "tables/interval_metrics")
    known, rows = known_by_now(skilled, present.at, DAY), rows_of(skilled)
    assert stored(rows[GROUPING]) == expected(known)
    assert {row["is_additive"] for row in rows[GROUPING]} == {False}
    assert {row["is_additive"] for name, of in rows.items() if name != GROUPING for row in of} == {True}
    assert handle_time(rows[GROUPING]) > handle_time(rows["mediaType,queueId"])


def test_no_report_sums_them(skilled: World, present: FixedNow) -> None:
    read_hours(skilled, DAY)
    assert read_complete(skilled, DAY).success
    reports = ("reports/agent_daily", "reports/queue_media", "reports/interval")
    of_days = ("pages/daily_aggregates", "tables/daily_metrics")
    compute(skilled, DAY, *TABLES, *of_days, "tables/interval_metrics", *NAMES, *reports)
    of_day = of_jobs(skilled, DAY, present.at - JOBS_LAG)
    known = knowledge(skilled, known_by_now(skilled, present.at, DAY), START, END)
    compare_report(skilled, "queue_media", DAY, plain_reports.queue_media(known))
    compare_report(skilled, "interval", DAY, plain_reports.interval(known))
    of_agents = plain_reports.agent(replace(known, reaching=of_day), None)
    compare_report(skilled, "agent_daily", DAY, of_agents)
    daily = skilled.lake.read("tables/daily_metrics", f"{DAY}").to_pylist()
    assert {row["is_additive"] for row in daily if row["grouping"] == GROUPING} == {False}


def test_flattened_they_add_up(skilled: World, present: FixedNow) -> None:
    flat = AggregateQuestion(group_by=BY_SKILL, flatten_multivalued_dimensions=True)
    skilled = replace(skilled, definitions=definitions(f"{DAYS[0]}", questions=[flat]))
    read_hours(skilled, DAY)
    compute(skilled, DAY, "tables/interval_metrics")
    known, rows = known_by_now(skilled, present.at, DAY), rows_of(skilled)
    assert stored(rows[GROUPING]) == expected(known, flattened=True)
    assert {row["is_additive"] for row in rows[GROUPING]} == {True}
    assert any("," in json.loads(row["group_key"]).get(BY_SKILL[-1], "") for row in rows[GROUPING])
    assert handle_time(rows[GROUPING]) == handle_time(rows["mediaType,queueId"])


def test_whatever_the_model_has_a_list_of_is_known_as_multi_valued() -> None:
    """This includes wrapUpCode, because each segment has one."""
    fields = [*model.CONVERSATION, *model.SESSION, *model.SEGMENT]
    lists = {field.wire for field in fields if pa.types.is_list(field.type)}
    members = {member.name for field in fields if pa.types.is_list(field.type) for member in _members(field.type)}
    of_lists = {name for name in DIMENSIONS if {f"{name}s", f"{name}es"} & lists} | (members & {*DIMENSIONS})
    assert of_lists | {"wrapUpCode"} == MULTI_VALUED


def _members(lists: pa.DataType) -> list[pa.Field]:
    return list(lists.value_type) if pa.types.is_struct(lists.value_type) else []

"""Whole days, from the API to the reports: every row and every figure is what the organisation's conversations say.

What the conversations say is worked out in `plain_figures` and `plain_reports`; how the days were run stands in `conftest`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.cloud.catalogue import DEFAULT_METRICS
from genesys_assets.tables.conversation_model import CONVERSATION_TABLES
from genesys_assets.tables.reports import REPORTS
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import World
from genesys_assets_tests.conftest import DAY, DAYS, NOW
from genesys_assets_tests.plain_figures import Item, Key, Row

REPORT_KEYS = {spec.name: spec.key for spec in REPORTS}
TABLE_KEYS = {spec.name: spec.key for spec in CONVERSATION_TABLES}
METRIC_KEY = ("interval_start", "grouping", "group_key", "metric")


@pytest.fixture(scope="module")
def conversations(past_days: World) -> dict[date, list[Item]]:
    """What the API showed of each day, and of the days before them that reach into them."""
    days = [DAYS[0] + timedelta(days=offset) for offset in range(-6, len(DAYS))]
    return {day: past_days.seen(day, NOW) for day in days}


@pytest.fixture(scope="module")
def known(past_days: World, conversations: dict[date, list[Item]]) -> plain_reports.Knowledge:
    return knowledge(past_days, conversations, midnight(DAY), midnight(DAY + timedelta(days=1)))


def knowledge(
    world: World, conversations: dict[date, list[Item]], start: datetime, end: datetime
) -> plain_reports.Knowledge:
    directory = world.sandbox.organisation.directory
    everything = [item for day in conversations.values() for item in day]
    return plain_reports.Knowledge(
        start=start,
        end=end,
        began=[item for item in everything if start <= plain.moment(item["conversationStart"]) < end],
        reaching=everything,
        metrics=plain.metric_rows(everything, start, end, DEFAULT_METRICS, target_of(world)),
        users={user["id"]: user["name"] for user in directory.users},
        queues={queue.id: queue.name for queue in directory.queues if not queue.deleted},
        wrapup_codes={code["id"]: code["name"] for code in directory.wrapup_codes},
    )


def target_of(world: World) -> Any:
    queues = world.sandbox.organisation.directory.queue_by_id
    return lambda queue, media: queues[queue].service_level(media)[0]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def keyed(rows: list[Row], key: tuple[str, ...]) -> dict[Key, Row]:
    """Rows by their key, which none of them share."""
    found = {tuple(row.get(name) for name in key): row for row in rows}
    assert len(found) == len(rows)
    return found


def compare(table: pa.Table, expected: list[Row], key: tuple[str, ...]) -> None:
    """The same rows, and in each of them the same values; what an expected row does not name must be null."""
    actual = keyed(table.to_pylist(), key)
    wanted = keyed([normal(row, table.schema) for row in expected], key)
    assert actual.keys() == wanted.keys()
    for of_row, row in actual.items():
        unexpected = wanted[of_row].keys() - row.keys()
        assert not unexpected, f"no column for {unexpected}"
        for name, value in row.items():
            assert (
                value == pytest.approx(wanted[of_row].get(name), rel=1e-12)
                if is_number(value)
                else (value == wanted[of_row].get(name))
            ), f"{name} of {of_row}"


def normal(row: Row, schema: pa.Schema) -> Row:
    """Instants that are still the platform's texts become instants."""
    instants = {field.name for field in schema if pa.types.is_timestamp(field.type)}
    return {
        name: plain.moment(value) if name in instants and isinstance(value, str) else value
        for name, value in row.items()
    }


def is_number(value: Any) -> bool:
    return isinstance(value, float)


def test_the_days_hold_what_makes_days_hard(conversations: dict[date, list[Item]]) -> None:
    """Without these, the comparisons below would prove little."""
    today, tomorrow = midnight(DAY), midnight(DAY + timedelta(days=1))
    of_day = conversations[DAY]
    earlier = [item for day, items in conversations.items() if day < DAY for item in items]
    late = [s for s in plain.sessions(earlier) if any(today <= w < tomorrow for w, _, _ in s.emitted("tHandle"))]
    assert any("conversationEnd" not in item for item in of_day)
    assert any(plain.moment(item.get("conversationEnd", "1970-01-01T00:00Z")) >= tomorrow for item in of_day)
    assert {(today - plain.moment(session.conversation["conversationStart"])).days for session in late} == {0, 1}
    rows = plain.model_rows(of_day)
    assert all(rows[name] for name in TABLE_KEYS if name != "resolutions")
    assert any(row["ordinal"] for row in rows["session_metrics"])


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("name", TABLE_KEYS)
def test_a_table_holds_every_row_and_value_of_the_day(
    past_days: World, conversations: dict[date, list[Item]], name: str, day: date
) -> None:
    table = past_days.lake.read(f"tables/{name}", f"{day}")
    compare(table, plain.model_rows(conversations[day])[name], TABLE_KEYS[name])


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_interval_metrics_hold_every_figure_in_the_bucket_of_its_emission(
    past_days: World, conversations: dict[date, list[Item]], day: date
) -> None:
    everything = [item for items in conversations.values() for item in items]
    end = midnight(day + timedelta(days=1))
    expected = plain.metric_rows(everything, midnight(day), end, DEFAULT_METRICS, target_of(past_days))
    compare(past_days.lake.read("tables/interval_metrics", f"{day}"), expected, METRIC_KEY)


def test_daily_metrics_hold_every_figure_of_the_day(past_days: World, conversations: dict[date, list[Item]]) -> None:
    everything = [item for items in conversations.values() for item in items]
    start, length = midnight(DAY), timedelta(days=1)
    expected = plain.metric_rows(everything, start, start + length, DEFAULT_METRICS, target_of(past_days), step=length)
    compare(past_days.lake.read("tables/daily_metrics", f"{DAY}"), expected, METRIC_KEY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("agent_hourly", lambda known: plain_reports.agent(known, plain.HOUR)),
        ("agent_daily", lambda known: plain_reports.agent(known, None)),
        ("interval", plain_reports.interval),
        ("queue_media", plain_reports.queue_media),
        ("conversation_type", plain_reports.conversation_type),
        ("conversation_quality", plain_reports.conversation_quality),
    ],
)
def test_a_report_says_what_the_conversations_say(
    past_days: World, known: plain_reports.Knowledge, name: str, expected: Any
) -> None:
    table = past_days.lake.read(f"reports/{name}", f"{DAY}")
    assert len(table)
    compare(table, expected(known), REPORT_KEYS[name])

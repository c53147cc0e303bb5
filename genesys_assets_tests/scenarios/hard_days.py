"""Steps that the scenarios share: they read and compute a day, and compare what is stored.

The tests describe what happens to a day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from genesys_assets.cloud.analytics.catalogue import DEFAULT_METRICS
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, hours
from genesys_assets_tests.plain_comparison import METRIC_KEY, TABLE_KEYS, compare
from genesys_assets_tests.plain_figures import Item, Row

DETAILS, OVERLAP = "pages/daily_details", "pages/daily_overlap"
OF_HOURS = "pages/hourly_details"
JOBS_LAG = timedelta(hours=4)
"""By how much details jobs lag behind the present of a sandbox."""
TABLES = (*TABLES_OF_HOURS[1:], "tables/interaction_legs")
REPORT_KEYS = {spec.name: spec.key for spec in (report.spec for report in built_in_reports())}
NAMES = ("reference/users", "reference/users_history", "reference/queues", "reference/queues_history")


def midnight(day: date, hours: float = 0) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)


def read_complete(world: World, day: date, *assets: str, page_size: int = 1000) -> dg.ExecuteInProcessResult:
    """Read the day's conversations by details job, or run other `assets` of that Dagster job."""
    asked = assets or (DETAILS,)
    config = {"ops": {f"genesys__{name.replace('/', '__')}": {"config": {"page_size": page_size}} for name in asked}}
    return world.run("complete", *asked, partition=f"{day}", config=config)


def read_hours(world: World, first: date, last: date | None = None, *assets: str) -> None:
    """Read everything that is read by the hour, or only these assets."""
    assert world.run("hourly", *assets, between=hours(f"{first}", f"{last or first}")).success


def compute(world: World, day: date, *names: str) -> dg.ExecuteInProcessResult:
    """Compute the conversation tables of the day, or other assets."""
    run = world.run("daily", *(names or TABLES), partition=f"{day}")
    assert run.success
    return run


def compare_tables(world: World, day: date, conversations: list[Item]) -> None:
    """Compares every row and value of the conversation tables: nothing is missing or double, and all totals are
    exact."""
    expected = plain.model_rows(conversations)
    for name, key in TABLE_KEYS.items():
        compare(world.lake.read(f"tables/{name}", f"{day}"), expected[name], key)
    stored = world.lake.read("tables/session_metrics", f"{day}").to_pylist()
    assert totals(stored) == totals(expected["session_metrics"])


def totals(rows: Iterable[Row]) -> dict[str, tuple[int, int]]:
    """How often each metric was emitted, and its sum."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        times, value = found.get(row["metric"], (0, 0))
        found[row["metric"]] = (times + 1, value + row["value"])
    return found


def compare_metrics(
    world: World, name: str, day: date, known: plain_reports.Knowledge, step: timedelta | None = None
) -> None:
    """Compares interval_metrics, or daily_metrics if the step is a whole day."""
    rows = plain.metric_rows(
        known.reaching,
        known.start,
        known.end,
        DEFAULT_METRICS,
        target_of(world),
        step=step or plain.QUARTER,
        business_day=day if step else None,
    )
    assert rows
    compare(world.lake.read(f"tables/{name}", f"{day}"), rows, METRIC_KEY)


def knowledge(world: World, conversations: list[Item], start: datetime, end: datetime) -> plain_reports.Knowledge:
    """The known data of [start, end), from the stored conversations."""
    directory = world.sandbox.organisation.directory
    return plain_reports.Knowledge(
        start=start,
        end=end,
        began=[item for item in conversations if start <= plain.moment(item["conversationStart"]) < end],
        reaching=conversations,
        metrics=plain.metric_rows(conversations, start, end, DEFAULT_METRICS, target_of(world)),
        users={user["id"]: user["name"] for user in directory.users},
        queues={queue.id: queue.name for queue in directory.queues if not queue.deleted},
        wrapup_codes={code["id"]: code["name"] for code in directory.wrapup_codes},
    )


def compare_report(world: World, name: str, day: date, rows: list[Row]) -> None:
    assert rows
    compare(world.lake.read(f"reports/{name}", f"{day}"), rows, REPORT_KEYS[name])


def target_of(world: World) -> Any:
    queues = world.sandbox.organisation.directory.queue_by_id
    return lambda queue, media: queues[queue].service_level(media)[0]


def known_by_now(world: World, now: datetime, last: date, days: int = 8) -> list[Item]:
    """The conversations that began up to `last`, as query and aggregates show them."""
    return [item for back in range(days, -1, -1) for item in world.seen(last - timedelta(days=back), now)]


def page_ids(world: World, asset: str, partition: str) -> list[str]:
    """The conversation of each row on the stored pages."""
    pages = world.lake.pages(asset, partition)
    assert pages is not None
    return [item["conversationId"] for page in pages for item in json.loads(page.body).get("conversations", ())]


def table_ids(world: World, day: date) -> list[str]:
    listed: list[str] = world.lake.read("tables/conversations", f"{day}")["conversation_id"].to_pylist()
    return listed

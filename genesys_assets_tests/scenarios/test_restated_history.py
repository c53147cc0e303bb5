"""The past changes between two readings: one figure is restated, one conversation deleted, everything else is
unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from genesys_assets.days.ledgered import LEDGERED
from genesys_assets.sandbox.server import running
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests import plain_reports
from genesys_assets_tests.assets.world import World, metadata, of_jobs
from genesys_assets_tests.plain_figures import Item, Key, Row
from genesys_assets_tests.scenarios.hard_days import (
    JOBS_LAG,
    NAMES,
    TABLES,
    compare_metrics,
    compare_report,
    compare_tables,
    compute,
    knowledge,
    known_by_now,
    midnight,
    read_complete,
    read_hours,
)

DAY, NEXT = date(2026, 1, 28), date(2026, 1, 29)
START, END = midnight(DAY), midnight(NEXT)
NOW = midnight(NEXT, 36)
LEDGER = "tables/restatements"
REPORTS = ("agent_hourly", "agent_daily", "interval", "queue_media", "conversation_type", "conversation_quality")
KEYS = {spec.name: spec.key for spec in LEDGERED}


def read_and_compute(world: World) -> Any:
    read_hours(world, DAY)
    assert read_complete(world, DAY).success
    asked = ("pages/daily_aggregates", "tables/interval_metrics", "tables/daily_metrics", *NAMES)
    codes = ("reference/wrapup_codes", "reference/wrapup_codes_history")
    return compute(world, DAY, *TABLES, *asked, *codes, LEDGER, *(f"reports/{name}" for name in REPORTS))


def stored_rows(world: World) -> dict[str, dict[Key, Row]]:
    """The rows of each table of the day, by their key."""
    return {
        name: {tuple(row[part] for part in key): row for row in world.lake.read(f"tables/{name}", f"{DAY}").to_pylist()}
        for name, key in KEYS.items()
    }


def difference(before: dict[Key, Row], after: dict[Key, Row]) -> dict[str, int]:
    return {
        "rows_before": len(before),
        "rows_after": len(after),
        "rows_added": len(after.keys() - before.keys()),
        "rows_changed": sum(row != after[key] for key, row in before.items() if key in after),
        "rows_removed": len(before.keys() - after.keys()),
    }


def of_tables(world: World) -> dict[str, str]:
    """The file of each table; its name is unique."""
    stored = world.stored()
    return {name: stored[f"tables/{name}@{DAY}"] for name in KEYS}


@dataclass(frozen=True)
class RewrittenDay:
    """A day that was read and computed, changed, read and computed again, and then once more without a change."""

    world: World
    run: Any
    rows: tuple[dict[str, dict[Key, Row]], dict[str, dict[Key, Row]]]
    files: tuple[dict[str, str], dict[str, str], dict[str, str]]

    @property
    def same(self) -> set[str]:
        """The tables with the same rows as before."""
        before, after = self.rows
        return {name for name in KEYS if before[name] == after[name]}


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory, code_location: dg.Definitions) -> Iterator[RewrittenDay]:
    with running(conversations_per_day=60, now=NOW, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path_factory.mktemp("lake"), code_location)
        read_and_compute(world)
        before, first = stored_rows(world), of_tables(world)
        organisation = sandbox.organisation
        told = organisation.conversations(DAY)
        simple = [item for item in told if handled(item) and not {"evaluations", "surveys"} & item.keys()]
        organisation.restate(simple[0]["conversationId"], longer)
        organisation.delete(simple[1]["conversationId"])
        run = read_and_compute(world)
        after, second = stored_rows(world), of_tables(world)
        read_and_compute(world)
        yield RewrittenDay(world, run, (before, after), (first, second, of_tables(world)))


def handled(item: Item) -> bool:
    return any(any(session.emitted("tHandle")) for session in plain.sessions([item]))


def longer(item: Item) -> None:
    """Lengthen the handle time by 1.234 s."""
    for session in plain.sessions([item]):
        for metric in session.item.get("metrics", ()):
            if metric["name"] == "tHandle":
                metric["value"] += 1_234
                return


@pytest.mark.long
def test_the_ledger_says_exactly_what_changed_and_what_is_gone(rewritten: RewrittenDay) -> None:
    world, run, (before, after) = rewritten.world, rewritten.run, rewritten.rows
    ledger = {row["table"]: row for row in world.lake.read(LEDGER, f"{DAY}").to_pylist() if row["run_id"] == run.run_id}
    assert ledger.keys() == KEYS.keys()
    for name, row in ledger.items():
        expected = difference(before[name], after[name])
        assert {figure: row[figure] for figure in expected} == expected, name
        assert row["day"] == DAY
        assert {figure: metadata(run, f"tables/{name}")[figure] for figure in expected} == expected
    assert ledger["conversations"]["rows_removed"] == 1
    assert ledger["conversations"]["rows_changed"] == ledger["conversations"]["rows_added"] == 0
    assert ledger["session_metrics"]["rows_changed"] == 1
    assert ledger["interval_metrics"]["rows_changed"] >= 2


@pytest.mark.long
def test_tables_and_reports_say_what_is_true_now(rewritten: RewrittenDay) -> None:
    world = rewritten.world
    of_day = of_jobs(world, DAY, NOW - JOBS_LAG)
    compare_tables(world, DAY, of_day)
    known = knowledge(world, known_by_now(world, NOW, DAY), START, END)
    compare_metrics(world, "interval_metrics", DAY, known)
    compare_metrics(world, "daily_metrics", DAY, known, step=timedelta(days=1))
    stored = replace(known, reaching=of_day, began=of_day)
    compare_report(world, "agent_daily", DAY, plain_reports.agent(stored, None))
    compare_report(world, "agent_hourly", DAY, plain_reports.agent(stored, plain.HOUR))
    compare_report(world, "queue_media", DAY, plain_reports.queue_media(stored))
    compare_report(world, "interval", DAY, plain_reports.interval(stored))
    compare_report(world, "conversation_type", DAY, plain_reports.conversation_type(stored))
    compare_report(world, "conversation_quality", DAY, plain_reports.conversation_quality(stored))


@pytest.mark.long
def test_a_table_that_history_left_alone_is_left_alone(rewritten: RewrittenDay) -> None:
    before, after, _ = rewritten.files
    assert {"evaluations", "surveys"} <= rewritten.same
    assert {"conversations", "session_metrics", "interval_metrics"} <= KEYS.keys() - rewritten.same
    for name in KEYS:
        assert (before[name] == after[name]) == (name in rewritten.same), name
        assert metadata(rewritten.run, f"tables/{name}")["changed"] == (name not in rewritten.same)


@pytest.mark.long
def test_a_reading_that_found_nothing_new_is_written_down_and_writes_no_table(rewritten: RewrittenDay) -> None:
    _, before, after = rewritten.files
    assert after == before
    rows = rewritten.world.lake.read(LEDGER, f"{DAY}").to_pylist()
    last = [row for row in rows if row["run_id"] != rewritten.run.run_id]
    assert {row["table"] for row in last} == KEYS.keys()
    assert len(last) == len(KEYS)
    assert {(row["rows_added"], row["rows_changed"], row["rows_removed"]) for row in last} == {(0, 0, 0)}

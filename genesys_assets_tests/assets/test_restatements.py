"""The ledger of restatements: what each reading of a day changed, table by table, after the platform changed the
past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from genesys_assets.assets import daily_details
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.ledgered import LEDGERED
from genesys_assets.days.users import USER_DETAILS, USER_TABLES
from genesys_assets.lake import ledger as ledger_module
from genesys_assets.lake.commit import stored_state
from genesys_assets.lake.ledger import catch_up, days_written
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.restatements import restatements
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, hours, key, metadata
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import NOW

DAY, DATE = "2026-01-28", date(2026, 1, 28)
OTHER_DAY = "2026-01-27"
DETAILS, LEDGER = "pages/daily_details", "tables/restatements"
OF_CONVERSATIONS = (*TABLES_OF_HOURS[1:], "tables/interaction_legs")
COUNTS = ("rows_before", "rows_after", "rows_added", "rows_changed", "rows_removed")


@pytest.fixture
def complete(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with one complete day, read once and computed."""
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    read_again(world)
    return world


def read_again(world: World) -> Any:
    assert world.run("complete", DETAILS, partition=DAY).success
    run = world.run("daily", *OF_CONVERSATIONS, LEDGER, partition=DAY)
    assert run.success
    return run


def ledger(world: World, table: str = "conversations") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.lake.read(LEDGER, DAY).to_pylist()
    return [row for row in rows if row["table"] == table]


def ids(world: World) -> list[str]:
    return [item["conversationId"] for item in world.sandbox.organisation.conversations(DATE)]


@pytest.mark.long
def test_a_first_reading_restates_nothing(complete: World) -> None:
    assert len(complete.lake.read(LEDGER, DAY)) == 0
    assert metadata(complete.runs[-1], LEDGER)["dagster/partition_row_count"] == 0


@pytest.mark.long
def test_rows_that_fail_the_audit_are_not_stored_and_their_checks_say_so(
    complete: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = complete.sandbox.organisation
    organisation.delete(ids(complete)[0])
    assert complete.run("complete", DETAILS, partition=DAY).success
    assert complete.run("daily", *OF_CONVERSATIONS, partition=DAY).success
    with monkeypatch.context() as patch:
        patch.setattr(ledger_module, "restatements", lambda of: pa.concat_tables([restatements(of)] * 2))
        run = complete.run("daily", LEDGER, partition=DAY)
    assert not run.success
    results = {each.check_name: each.passed for each in run.get_asset_check_evaluations()}
    assert results == {"columns_and_types": True, "key_is_unique": False, "key_has_no_nulls": True}
    assert ledger(complete) == []
    assert complete.run("daily", LEDGER, partition=DAY).success
    assert len(ledger(complete)) == 1


@pytest.mark.long
def test_what_is_restated_added_and_deleted_is_counted_by_table(complete: World) -> None:
    organisation = complete.sandbox.organisation
    gone, first, second, *_ = ids(complete)
    organisation.delete(gone)
    for restated in (first, second):
        organisation.restate(restated, lambda item: item.update(externalTag="restated"))
    planted = {**organisation.conversation(second), "conversationId": "00000000-0000-4000-8000-000000000001"}
    organisation.plant(planted)
    run = read_again(complete)
    [row] = ledger(complete)
    assert {name: row[name] for name in COUNTS} == {
        "rows_before": 60,
        "rows_after": 60,
        "rows_added": 1,
        "rows_changed": 2,
        "rows_removed": 1,
    }
    assert (row["day"], row["run_id"]) == (DATE, run.run_id)
    assert {name: metadata(run, "tables/conversations")[name] for name in COUNTS} == {n: row[n] for n in COUNTS}
    [of_participants] = ledger(complete, "participants")
    assert of_participants["rows_removed"] > 0
    assert of_participants["rows_changed"] == 0


@pytest.mark.long
def test_every_table_of_the_day_is_in_the_ledger_in_every_reading(complete: World) -> None:
    for _ in range(2):
        read_again(complete)
    rows = complete.lake.read(LEDGER, DAY).to_pylist()
    names = {spec.name for spec in LEDGERED} - {"interval_metrics", "daily_metrics"}
    assert {row["table"] for row in rows} == names
    assert len(rows) == 2 * len(names)
    moments = [row["read_at"] for row in ledger(complete)]
    assert moments == sorted(moments)
    assert len(set(moments)) == 2


def test_a_reading_that_changed_nothing_says_so(complete: World) -> None:
    run = read_again(complete)
    for row in complete.lake.read(LEDGER, DAY).to_pylist():
        assert (row["rows_added"], row["rows_changed"], row["rows_removed"]) == (0, 0, 0)
        assert row["rows_before"] == row["rows_after"]
    assert metadata(run, "tables/conversations")["changed"] is False
    assert metadata(run, LEDGER)["changed"] is True


def test_a_conversation_that_opens_again_changes_its_row_and_adds_its_sessions(complete: World) -> None:
    organisation = complete.sandbox.organisation
    item = next(item for item in organisation.conversations(DATE) if "conversationEnd" in item)
    organisation.restate(item["conversationId"], lambda item: item["participants"].append(another(item)))
    read_again(complete)
    [of_conversations], [of_participants] = ledger(complete), ledger(complete, "participants")
    assert of_conversations["rows_removed"] == 0
    assert (of_participants["rows_added"], of_participants["rows_removed"]) == (1, 0)


def another(item: dict[str, Any]) -> dict[str, Any]:
    last = item["participants"][-1]
    sessions = [{**session, "sessionId": f"{session['sessionId']}-2"} for session in last["sessions"]]
    return {**last, "participantId": "00000000-0000-4000-8000-000000000002", "sessions": sessions}


@pytest.mark.long
def test_metrics_are_in_the_ledger_too(complete: World) -> None:
    for _ in range(2):
        assert complete.run("hourly", "pages/hourly_aggregates", between=hours(DAY)).success
        assert complete.run("daily", "tables/interval_metrics", LEDGER, partition=DAY).success
        complete.sandbox.organisation.delete(ids(complete)[0])
    [row] = ledger(complete, "interval_metrics")
    assert row["rows_before"] >= row["rows_after"] > 0
    assert row["rows_changed"] + row["rows_removed"] > 0


def test_agents_status_is_in_the_ledger_in_every_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    places = tuple(f"tables/{spec.name}" for spec in USER_TABLES)
    noon = datetime(2026, 1, 28, 12, tzinfo=UTC)
    for present in (noon, NOW, NOW):
        monkeypatch.setattr(daily_details, "datetime", standing_at(present))
        assert world.run("users", USER_DETAILS, partition=DAY).success
        assert world.run("daily", *places, LEDGER, partition=DAY).success
    for spec in USER_TABLES:
        whole, same = ledger(world, spec.name)
        assert whole["rows_added"] > 0
        assert whole["rows_after"] == whole["rows_before"] + whole["rows_added"]
        assert (same["rows_added"], same["rows_changed"], same["rows_removed"]) == (0, 0, 0)
        assert same["rows_before"] == whole["rows_after"] == len(world.lake.read(f"tables/{spec.name}", DAY))


def test_the_ledger_of_a_day_without_tables_is_empty(world: World) -> None:
    assert world.run("daily", LEDGER, partition=DAY).success
    assert len(world.lake.read(LEDGER, DAY)) == 0


# -- a run that died after it wrote the ledger, and before it reported to Dagster
# ---------------------------------------


@pytest.fixture
def two_days(complete: World) -> World:
    """A complete day, which Dagster knows too, before the run that dies."""
    assert complete.run("complete", DETAILS, partition=OTHER_DAY).success
    assert complete.run("daily", "tables/conversations", LEDGER, partition=OTHER_DAY).success
    return complete


def die(world: World) -> None:
    """Leave what a run leaves that reads the other day again, writes the ledger, and dies."""
    rows = world.lake.read("tables/conversations", OTHER_DAY, schema=CONVERSATIONS.schema)
    world.lake.write("tables/conversations", CONVERSATIONS, rows, OTHER_DAY, {"run_id": "dead"})
    catch_up(world.lake, [f"tables/{spec.name}" for spec in LEDGERED], [], {"run_id": "dead"})


def write_ledger(world: World) -> None:
    assert world.run("daily", LEDGER, partition=DAY).success


def compare_with_dagster(world: World) -> None:
    wanted = dg.AssetRecordsFilter(key(LEDGER), asset_partitions=[OTHER_DAY])
    materialisation = world.instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization
    assert materialisation is not None
    assert materialisation.metadata["content"].value == world.lake.content(LEDGER, OTHER_DAY)


def once(world: World, then: Callable[..., Any]) -> Callable[..., Any]:
    """Let a run die right before the first call."""
    left = [die]

    def called(*args: Any, **kwargs: Any) -> Any:
        while left:
            left.pop()(world)
        return then(*args, **kwargs)

    return called


@pytest.mark.long
def test_the_next_run_reports_what_a_dead_run_wrote_of_another_day(two_days: World) -> None:
    die(two_days)
    write_ledger(two_days)
    compare_with_dagster(two_days)


@pytest.mark.long
def test_a_run_reports_what_another_one_wrote_that_died_during_its_reading(
    two_days: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genesys_assets.lake.ledger.stored_state", once(two_days, stored_state))
    write_ledger(two_days)
    compare_with_dagster(two_days)


@pytest.mark.long
def test_the_next_run_reports_what_a_run_wrote_that_died_after_a_later_one_had_written(
    two_days: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genesys_assets.assets.restatements.days_written", once(two_days, days_written))
    write_ledger(two_days)
    write_ledger(two_days)
    compare_with_dagster(two_days)

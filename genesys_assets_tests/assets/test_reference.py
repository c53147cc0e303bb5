"""Reference assets: what the organisation consists of, and what is remembered when it is gone."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc
import pytest

from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.spec import in_milliseconds
from genesys_assets_tests.assets.world import World, error, metadata

LISTED = {"queues": 10, "users": 30, "wrapup_codes": 12, "skills": 6, "divisions": 2}


def listed_queues(world: World) -> list[dict[str, Any]]:
    return [dict(queue.entity) for queue in world.sandbox.organisation.directory.queues if not queue.deleted]


def listing(entities: list[dict[str, Any]]) -> dict[str, object]:
    return {"entities": entities, "pageNumber": 1, "pageCount": 1}


def listing_without_the_first(world: World) -> tuple[str, dict[str, object]]:
    """The id of a queue, and the listing of the others."""
    entities = listed_queues(world)
    return entities[0]["id"], listing(entities[1:])


def listing_with_the_first_renamed(world: World, name: str) -> tuple[str, dict[str, object]]:
    entities = listed_queues(world)
    return entities[0]["id"], listing([{**entities[0], "name": name}, *entities[1:]])


def listing_of_the_first(world: World, number: int) -> dict[str, object]:
    return listing(listed_queues(world)[:number])


def history_of(world: World, name: str, id_: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.lake.read(
        f"reference/{name}_history", None, where=pc.field("id") == id_
    ).to_pylist()
    return rows


@pytest.mark.parametrize("name", ENTITIES)
def test_a_listing_becomes_a_table(world: World, name: str) -> None:
    run = world.run("daily", f"reference/{name}")
    table = world.lake.read(f"reference/{name}", None)
    assert run.success
    assert len(table) == LISTED[name]
    assert in_milliseconds(table.schema).equals(ENTITIES[name].schema)
    assert None not in table["name"].to_pylist()
    assert metadata(run, f"reference/{name}")["dagster/partition_row_count"] == LISTED[name]
    assert metadata(run, f"reference/{name}")["requests"] == 1
    assert all(check.passed for check in run.get_asset_check_evaluations())


def test_inactive_and_deleted_users_are_listed_too(world: World) -> None:
    world.run("daily", "reference/users")
    users = world.lake.read("reference/users", None)
    assert set(users["state"].to_pylist()) == {"active", "inactive", "deleted"}
    assert {row["is_deleted"] for row in users.to_pylist() if row["state"] == "deleted"} == {True}


def test_a_queue_that_is_no_longer_listed_keeps_its_name_and_is_marked_deleted(world: World) -> None:
    assert world.run("daily", "reference/queues").success
    before = {row["id"]: row for row in world.lake.read("reference/queues", None).to_pylist()}
    gone, listing = listing_without_the_first(world)
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
    assert world.run("daily", "reference/queues").success
    after = {row["id"]: row for row in world.lake.read("reference/queues", None).to_pylist()}
    assert after == {**before, gone: {**before[gone], "is_deleted": True}}


def test_a_queue_that_comes_back_is_no_longer_deleted(world: World) -> None:
    gone, listing = listing_without_the_first(world)
    assert world.run("daily", "reference/queues").success
    before = world.lake.read("reference/queues", None)
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
    assert world.run("daily", "reference/queues").success
    assert world.lake.read("reference/queues", None) != before
    assert world.run("daily", "reference/queues").success
    assert world.lake.read("reference/queues", None) == before
    assert [row["is_deleted"] for row in history_of(world, "queues", gone)] == [False, True, False]


def test_a_renamed_queue_keeps_its_former_name(world: World) -> None:
    assert world.run("daily", "reference/queues").success
    renamed, listing = listing_with_the_first_renamed(world, "Renamed")
    former = world.lake.read("reference/queues", None, where=pc.field("id") == renamed)["name"].to_pylist()
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
    run = world.run("daily", "reference/queues", "reference/queues_history")
    assert run.success
    first, second = history_of(world, "queues", renamed)
    assert [first["name"], second["name"]] == [*former, "Renamed"]
    assert first["valid_from"] < first["valid_to"] == second["valid_from"]
    assert second["valid_to"] is None
    assert metadata(run, "reference/queues_history")["rows_added"] == 1
    assert metadata(run, "reference/queues_history")["rows_changed"] == 1
    assert all(check.passed for check in run.get_asset_check_evaluations())


@pytest.mark.parametrize("name", ENTITIES)
def test_every_entity_has_one_present_name_of_all_it_had(world: World, name: str) -> None:
    run = world.run("daily", f"reference/{name}_history")
    rows = world.lake.read(f"reference/{name}_history", None).to_pylist()
    assert run.success
    assert [row["valid_to"] for row in rows] == [None] * LISTED[name]
    assert {(row["id"], row["name"], row["is_deleted"]) for row in rows} == {
        (row["id"], row["name"], row["is_deleted"]) for row in world.lake.read(f"reference/{name}", None).to_pylist()
    }


def test_an_unchanged_listing_leaves_the_stored_tables_untouched(world: World) -> None:
    stored = [f"reference/{table}@" for table in ("queues", "queues_history")]
    assert world.run("daily", "reference/queues", "reference/queues_history").success
    before = world.stored()
    run = world.run("daily", "reference/queues", "reference/queues_history")
    assert run.success
    assert [world.stored()[place] for place in stored] == [before[place] for place in stored]
    for table in ("reference/queues", "reference/queues_history"):
        assert metadata(run, table)["changed"] is False
        assert metadata(run, table)["newly_deleted"] == 0


@pytest.mark.parametrize("listed", [0, 4])
def test_a_listing_that_lost_most_of_its_entities_is_refused_and_changes_nothing(world: World, listed: int) -> None:
    assert world.run("daily", "reference/queues").success
    before = world.files()
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing_of_the_first(world, listed))
    said = error(world.run("daily", "reference/queues"))
    assert f"The listing of queues lacks {LISTED['queues'] - listed} of the {LISTED['queues']} known before" in said
    assert "permission or division" in said
    assert "accept_disappearances" in said
    assert world.files() == before


def test_a_shrunken_listing_is_believed_where_the_run_says_so(world: World) -> None:
    assert world.run("daily", "reference/queues").success
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing_of_the_first(world, 0))
    accepted = {"ops": {"reference_queues": {"config": {"accept_disappearances": True}}}}
    run = world.run("daily", "reference/queues", config=accepted)
    assert run.success
    assert world.lake.read("reference/queues", None)["is_deleted"].to_pylist() == [True] * LISTED["queues"]
    assert metadata(run, "reference/queues")["newly_deleted"] == LISTED["queues"]


def test_a_listing_that_fails_halfway_loses_nothing(world: World) -> None:
    assert world.run("daily", "reference/queues").success
    before = world.files()
    _, listing = listing_without_the_first(world)
    listing["nextUri"] = "/api/v2/routing/queues?pageNumber=2"
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
    world.sandbox.behaviour.fail_next(400, path="/routing/queues")
    assert "was not accepted" in error(world.run("daily", "reference/queues"))
    assert world.files() == before

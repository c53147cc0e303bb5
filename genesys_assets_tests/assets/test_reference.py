"""Reference assets: what the organisation consists of, and what is remembered when it is gone."""

from __future__ import annotations

import pytest

from genesys_assets.tables.entities import ENTITIES
from genesys_assets_tests.assets.world import World, error, metadata

LISTED = {"queues": 10, "users": 30, "wrapup_codes": 12, "skills": 6, "divisions": 2}


def listing_without_the_first(world: World) -> tuple[str, dict[str, object]]:
    """The id of a queue, and the listing of the others."""
    entities = [queue.entity for queue in world.sandbox.organisation.directory.queues if not queue.deleted]
    return entities[0]["id"], {"entities": entities[1:], "pageNumber": 1, "pageCount": 1}


@pytest.mark.parametrize("name", ENTITIES)
def test_a_listing_becomes_a_table(world: World, name: str) -> None:
    run = world.run("daily", f"reference/{name}")
    table = world.lake.read(f"reference/{name}", None)
    assert run.success
    assert len(table) == LISTED[name]
    assert table.schema.equals(ENTITIES[name].schema)
    assert None not in table["name"].to_pylist()
    assert metadata(run, f"reference/{name}")["row_count"] == LISTED[name]
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
    _, listing = listing_without_the_first(world)
    assert world.run("daily", "reference/queues").success
    before = world.contents()
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
    assert world.run("daily", "reference/queues").success
    assert world.contents() != before
    assert world.run("daily", "reference/queues").success
    assert world.contents() == before


def test_a_listing_that_fails_halfway_loses_nothing(world: World) -> None:
    assert world.run("daily", "reference/queues").success
    before = world.files()
    _, listing = listing_without_the_first(world)
    listing["nextUri"] = "/api/v2/routing/queues?pageNumber=2"
    world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
    world.sandbox.behaviour.fail_next(400, path="/routing/queues")
    assert "was not accepted" in error(world.run("daily", "reference/queues"))
    assert world.files() == before

"""Reference assets: the entities of the organisation, and what the lake keeps of deleted ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest

from genesys_assets.assets import reference as assets
from genesys_assets.cloud import reference as cloud
from genesys_assets.cloud.reference import LISTINGS
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.spec import in_milliseconds
from genesys_assets_tests.assets.world import World, error, metadata

LISTED = {"queues": 10, "users": 30, "wrapup_codes": 12, "skills": 6, "divisions": 2}
OTHERS = {"teams": 4, "groups": 4, "languages": 4, "locations": 4, "flows": 6, "flow_outcomes": 6}
OTHERS |= {"flow_milestones": 3, "campaigns": 3, "external_organizations": 12}
PERMISSIONS = {
    name: listing.permission for name, listing in LISTINGS.items() if not listing.is_needed and listing.permission
}


def listed(world: World, name: str) -> int:
    presences = len(world.sandbox.organisation.directory.presences)
    return {**LISTED, **OTHERS, "presence_definitions": presences}[name]


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


def listing_with_another_name_level_and_number(world: World) -> dict[str, object]:
    """The first queue has another name, the second another service level, and the third is gone."""
    first, second, _, *others = listed_queues(world)
    level = {"percentage": 0.51, "durationMs": 51_000}
    second = {**second, "mediaSettings": {**second["mediaSettings"], "call": {"serviceLevel": level}}}
    return listing([{**first, "name": "Renamed"}, second, *others])


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
    assert len(table) == listed(world, name)
    assert in_milliseconds(table.schema).equals(ENTITIES[name].schema)
    assert None not in table["name"].to_pylist()
    assert metadata(run, f"reference/{name}")["dagster/partition_row_count"] == listed(world, name)
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


@pytest.mark.parametrize("name", ["queues", "queues_history", "service_levels_history"])
def test_a_table_whose_file_was_emptied_is_made_again_and_deleted_queues_keep_their_names(
    world: World, name: str
) -> None:
    assert world.run("daily", "reference/queues").success
    gone, listing = listing_without_the_first(world)
    for _ in range(2):
        world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=listing)
        assert world.run("daily", "reference/queues").success
        queues = {row["id"]: row for row in world.lake.read("reference/queues", None).to_pylist()}
        assert (len(queues), queues[gone]["is_deleted"]) == (LISTED["queues"], True)
        assert len(world.lake.read(f"reference/{name}", None)) >= LISTED["queues"]
        for file in world.lake.log(f"reference/{name}").files(None):
            (world.folder / "reference" / name / file.path).write_bytes(b"")


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
    assert [row["valid_to"] for row in rows] == [None] * listed(world, name)
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


TABLES_OF_QUEUES = ("reference/queues", "reference/queues_history", "reference/service_levels_history")


@pytest.mark.parametrize(("module", "step"), [(cloud, "fetch"), (assets, "entity_table")], ids=["listed", "computed"])
def test_a_listing_that_is_stored_after_a_newer_one_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    """A slow run has listed the queues, or computed their tables, when another run lists and stores newer ones."""
    assert world.run("daily", *TABLES_OF_QUEUES).success
    at_first, take_step = world.contents(), getattr(module, step)
    overtaken_by: list[dict[str, str]] = []

    def overtaken(*args: Any, **options: Any) -> Any:
        taken = take_step(*args, **options)
        taken = list(taken) if isinstance(taken, Iterator) else taken
        monkeypatch.undo()
        body = listing_with_another_name_level_and_number(world)
        world.sandbox.behaviour.fail_next(200, path="/routing/queues", body=body)
        assert world.run("daily", *TABLES_OF_QUEUES).success
        overtaken_by.append(world.stored())
        assert not {f"{table}@" for table in TABLES_OF_QUEUES if at_first[f"{table}@"] == world.contents()[f"{table}@"]}
        return taken

    monkeypatch.setattr(module, step, overtaken)
    run = world.run("daily", *TABLES_OF_QUEUES)
    assert run.success
    assert [world.stored()] == overtaken_by
    for table in TABLES_OF_QUEUES:
        said = metadata(run, table)
        assert said["superseded_by_newer_reading"] is True
        assert said["dagster/partition_row_count"] == len(world.lake.read(table, None))
        assert said["newly_deleted"] == 0


# -- listings that figures can do without ------------------------------------------------------------------------------


def permitted(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (check,) = (check for check in run.get_asset_check_evaluations() if check.check_name == "is_permitted")
    return check


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_listing_that_is_refused_fails_nothing_stays_unanswered_and_names_the_permission(
    world: World, name: str
) -> None:
    world.sandbox.behaviour.missing_permissions = {str(PERMISSIONS[name])}
    run = world.run("daily", f"reference/{name}", f"reference/{name}_history")
    assert run.success
    assert not world.lake.has(f"reference/{name}", None)
    assert not world.lake.has(f"reference/{name}_history", None)
    assert f"{PERMISSIONS[name]}" in metadata(run, f"reference/{name}")["unanswered"]
    check = permitted(run)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["permission"].value == PERMISSIONS[name]


def test_a_permission_that_is_taken_away_leaves_the_names_and_one_that_is_given_back_brings_new_ones(
    world: World,
) -> None:
    assert permitted(world.run("daily", "reference/teams")).passed
    before = world.lake.read("reference/teams", None)
    world.sandbox.behaviour.missing_permissions = {"groups:team:view"}
    assert not permitted(world.run("daily", "reference/teams")).passed
    assert world.lake.read("reference/teams", None) == before
    world.sandbox.behaviour.missing_permissions = set()
    team = before["id"][0].as_py()
    world.sandbox.organisation.rename("teams", team, "Renamed")
    assert permitted(world.run("daily", "reference/teams")).passed
    assert [row["name"] for row in history_of(world, "teams", team)][1:] == ["Renamed"]


def test_a_listing_that_the_platform_does_not_know_is_unanswered_too(world: World) -> None:
    world.sandbox.behaviour.fail_next(404, path="/outbound/campaigns")
    assert not permitted(world.run("daily", "reference/campaigns")).passed
    assert not world.lake.has("reference/campaigns", None)


def test_a_listing_that_every_report_needs_fails_by_name_where_it_is_refused(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {"routing:skill:view"}
    assert "routing:skill:view" in error(world.run("daily", "reference/skills"))


def test_a_presence_is_named_by_its_label(world: World) -> None:
    assert world.run("daily", "reference/presence_definitions").success
    rows = world.lake.read("reference/presence_definitions", None).to_pylist()
    assert {row["name"] for row in rows} >= {"Available", "On Queue", "Meal"}
    assert {row["system_presence"] for row in rows} >= {"AVAILABLE", "ON_QUEUE", "MEAL"}

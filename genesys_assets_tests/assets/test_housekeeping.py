"""What the asset `ops/housekeeping` reports. `lake.test_housekeeping` tests what it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from genesys_assets.lake.ledger import LEDGER
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import FAMILY_METRICS
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.assets.world import World, events, metadata
from genesys_assets_tests.lake.things import DAYS, NOON, SPEC, things

HOUSEKEEPING, OF_DAY = "ops/housekeeping", "2026-01-28"


def house(world: World, keep_hours: int) -> World:
    kept = replace(world, settings={"GENESYS_ASSETS_KEEP_VERSIONS_HOURS": f"{keep_hours}"})
    assert kept.run("daily", HOUSEKEEPING, partition=OF_DAY).success
    return kept


def write_twice(world: World) -> None:
    for number in range(2):
        world.lake.write("tables/things", SPEC, things(("a", number)), DAYS[0], {})


def test_it_says_how_much_was_removed_of_which_table(world: World) -> None:
    write_twice(world)
    said = metadata(house(world, 0).runs[-1], HOUSEKEEPING)
    assert (said["files_removed"], said["bytes_removed"] > 0, said["drafts_removed"]) == (1, True, 0)
    assert "| tables/things |" in said["tables"]
    assert metadata(house(world, 0).runs[-1], HOUSEKEEPING)["files_removed"] == 0


def test_what_was_replaced_within_the_hours_of_the_setting_stays(world: World) -> None:
    write_twice(world)
    assert metadata(house(world, 1).runs[-1], HOUSEKEEPING)["files_removed"] == 0


@pytest.mark.parametrize(
    "spec", [CONVERSATIONS, FAMILY_METRICS["flows"], FAMILY_METRICS["bots"]], ids=lambda spec: spec.name
)
def test_the_ledger_has_every_reading_before_its_commit_goes(world: World, spec: TableSpec) -> None:
    for _ in range(2):
        world.lake.write(f"tables/{spec.name}", spec, spec.empty(), OF_DAY, {"run_id": "r"})
    # The first time it writes a checkpoint, from which readers begin. The commits before the checkpoint can then go.
    removed = [metadata(house(world, 0).runs[-1], HOUSEKEEPING)["commits_removed"] for _ in range(2)]
    assert (removed[0], removed[1] >= 2) == (0, True)
    assert world.lake.read(LEDGER, OF_DAY)["table"].to_pylist() == [spec.name]


def test_a_table_that_cannot_be_kept_in_order_is_warned_of_and_the_others_are(world: World) -> None:
    write_twice(world)
    for minute in range(2):
        world.lake.append("live/things", SPEC, things(("a", 1)), NOON + timedelta(minutes=minute), {})
    (broken, _) = world.lake.log("live/things").files(DAYS[1])
    world.lake.store.put(f"live/things/{broken.path}", b"")
    done = house(world, 0)
    assert metadata(done.runs[-1], HOUSEKEEPING)["files_removed"] == 1
    assert "live/things is left for the next run: " in events(done.instance, done.runs[-1])

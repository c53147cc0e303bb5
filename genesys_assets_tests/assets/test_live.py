"""Live assets: each materialisation adds a snapshot and changes none of those before."""

from __future__ import annotations

import pytest
from deltalake import DeltaTable

from genesys_assets.cloud.analytics import live
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES
from genesys_assets_tests.assets.world import World, error, metadata

SPECS = {"live/conversations": LIVE_CONVERSATIONS, "live/queues": LIVE_QUEUES}


def snapshots(world: World, name: str) -> list[dict[str, object]]:
    """All rows, as any engine that reads Delta Lake gets them."""
    table = DeltaTable(world.folder / name).to_pyarrow_table()
    rows: list[dict[str, object]] = table.select(SPECS[name].schema.names).to_pylist()
    return rows


@pytest.mark.parametrize("name", SPECS)
def test_snapshots_are_appended_each_stamped_with_its_own_moment(world: World, name: str) -> None:
    world.run("daily", "reference/queues")
    first = world.run("live", name)
    stored = world.files()
    second = world.run("live", name)
    assert first.success
    assert second.success
    assert stored.items() < world.files().items()
    rows = snapshots(world, name)
    counts = [metadata(run, name)["dagster/partition_row_count"] for run in (first, second)]
    assert counts[0] == counts[1] > 0
    assert len(rows) == sum(counts)
    moments = {metadata(run, name)["observed_at"] for run in (first, second)}
    assert len(moments) == 2
    assert {row["observed_at"].timestamp() for row in rows} == moments  # type: ignore[attr-defined]
    assert [len(rows)] == [len({tuple(row[part] for part in SPECS[name].key) for row in rows})]


def test_a_snapshot_of_several_answers_has_one_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "QUEUES_PER_REQUEST", 3)
    world.run("daily", "reference/queues")
    run = world.run("live", "live/queues")
    moments = {row["observed_at"].timestamp() for row in snapshots(world, "live/queues")}  # type: ignore[attr-defined]
    assert metadata(run, "live/queues")["requests"] > 1
    assert moments == {metadata(run, "live/queues")["observed_at"]}


def test_the_table_of_live_queues_counts_who_waits(world: World) -> None:
    world.run("daily", "reference/queues")
    world.run("live")
    waiting = [row for row in snapshots(world, "live/queues") if row["metric"] == "oWaiting" and row["media_type"]]
    sessions = [row for row in snapshots(world, "live/conversations") if row["metric"] == "oWaiting"]
    queues = {queue.id for queue in world.sandbox.organisation.directory.queues if not queue.deleted}
    assert sum(row["count"] for row in waiting) == len(  # type: ignore[misc]
        [row for row in sessions if row["queue_id"] in queues]
    )


def test_without_queues_to_observe_the_asset_says_what_to_do(world: World) -> None:
    said = error(world.run("live", "live/queues"))
    assert "genesys/reference/queues names no queue to observe: materialise it first" in said
    assert not world.files()


def test_a_snapshot_that_fails_leaves_those_before(world: World) -> None:
    assert world.run("live", "live/conversations").success
    before = world.files()
    world.sandbox.behaviour.missing_permissions = {"analytics:queueObservation:view"}
    assert "analytics:queueObservation:view" in error(world.run("live", "live/conversations"))
    assert world.files() == before


def test_a_snapshot_states_where_it_is_stored(world: World) -> None:
    run = world.run("live", "live/conversations")
    (path,) = [path for path in world.files() if path.startswith("live/") and path.endswith(".parquet")]
    assert metadata(run, "live/conversations")["path"] == f"{world.folder}/{path.rsplit('/', 1)[0]}"

"""Statements that must hold for a lake after a kill and the following runs, at every place."""

from __future__ import annotations

from typing import Any

import dagster as dg

from genesys_assets.assets.common import CHANGED, CONTENT, REPORTED_BEFORE
from genesys_assets.days.ledgered import LEDGERED
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.request_log import PLACE as REQUESTS
from genesys_assets_tests.assets.world import World, key
from genesys_assets_tests.scenarios.killed_runs.commits import COUNTS, commits, restated
from genesys_assets_tests.scenarios.killed_runs.lakes import versions
from genesys_assets_tests.scenarios.killed_runs.places import LEDGER
from genesys_assets_tests.scenarios.killed_runs.process import DEFINITIONS

_TOLD = {*DEFINITIONS.resolve_asset_graph().get_all_asset_keys()} - {key(REQUESTS)}
"""The assets that runs report to Dagster. Requests are added by whichever run sends them, and reported by none."""


def compare_with_one_that_lived(killed: World, lived: World) -> None:
    """Compares the rows and reach of every partition, and the ledger without its times and run ids."""
    assert known_of(killed) == known_of(lived)


def known_of(world: World) -> dict[str, Any]:
    lake = world.lake
    rows = world.contents() | {f"{LEDGER}@{day}": _ledger(lake, day) for day in lake.log(LEDGER).partitions()}
    return {place: (of_place, lake.reach(*_named(place))) for place, of_place in rows.items()}


def _ledger(lake: Lake, day: str) -> list[dict[str, Any]]:
    rows = lake.read(LEDGER, day).to_pylist()
    return [{name: value for name, value in row.items() if name not in ("run_id", "read_at")} for row in rows]


def _named(place: str) -> tuple[str, str | None]:
    asset, partition = place.split("@")
    return asset, partition or None


def compare_ledger_with_commits(world: World) -> None:
    """Checks that the ledger has one row for each committed reading after the first, with the right counts."""
    lake = world.lake
    ledger = {
        (row["table"], f"{row['day']}", row["version"]): row
        for day in lake.log(LEDGER).partitions()
        for row in lake.read(LEDGER, day).to_pylist()
    }
    for spec in LEDGERED:
        table = world.folder / "tables" / spec.name
        expected = restated(table, spec.key) if table.exists() else {}
        runs = {commit.version: commit.run_id for commit in commits(table)}
        found = {of[1:]: {name: row[name] for name in COUNTS} for of, row in ledger.items() if of[0] == spec.name}
        assert found == expected, spec.name
        for (_, version), row in ((of[1:], row) for of, row in ledger.items() if of[0] == spec.name):
            assert row["run_id"] == runs[version]


def compare_dagster_with_lake(world: World) -> None:
    """Checks that every stored partition was reported, and that exactly those new to Dagster were reported as
    changed."""
    lake = world.lake
    for name in (name for name in versions(world) if key(name) in _TOLD):
        told = told_of(world.instance, name)
        keys: list[str | None] = [*lake.log(name).partitions()] or [None]
        assert {*keys} <= told.keys(), f"Dagster never heard of {sorted({*map(str, keys)} - {*map(str, told)})}"
        for partition, events in told.items():
            contents = [event.get(CONTENT) for event in events]
            for known, event in zip([None, *contents], events, strict=False):
                if CONTENT in event:
                    assert event[CHANGED] == (event[CONTENT] != known), f"{name} {partition}"
            if contents[-1] is not None or name.startswith(("tables/", "reports/")):
                assert contents[-1] == lake.content(name, partition), f"{name} {partition}"


def told_of(instance: dg.DagsterInstance, name: str) -> dict[str | None, list[dict[str, Any]]]:
    """The materialisations of each partition, the oldest first, without repeated ones."""
    told: dict[str | None, list[dict[str, Any]]] = {}
    for record in instance.fetch_materializations(key(name), limit=10_000, ascending=True).records:
        said = {label: value.value for label, value in record.asset_materialization.metadata.items()}  # type: ignore[union-attr]
        if REPORTED_BEFORE not in said:
            told.setdefault(record.partition_key, []).append(said)
    return told


def compare_housekeeping_with_before(world: World) -> None:
    """Checks that housekeeping leaves no file without a table, and changes no row. Files that it joins stay for current
    readers until the next housekeeping.
    """
    before, joined = known_of(world), _files_of(world, REQUESTS)
    assert world.run("daily", "ops/housekeeping").success
    named = _files_of(world, *versions(world))
    assert _files(world) - named <= joined
    assert world.run("daily", "ops/housekeeping").success
    assert _files(world) == named
    assert known_of(world) == before


def _files_of(world: World, *tables: str) -> set[str]:
    """The files of the tables' newest versions."""
    newest = [[*commits(world.folder / table)][-1].after for table in tables]
    named = {path for files in newest for paths in files.values() for path in paths}
    return {str(path.relative_to(world.folder)) for path in named}


def _files(world: World) -> set[str]:
    """Every file except logs and notes of jobs, which expire."""
    every = (path for path in world.folder.rglob("*") if path.is_file() and "_delta_log" not in path.parts)
    names = {str(path.relative_to(world.folder)) for path in every}
    return {name for name in names if not name.startswith("jobs/")}

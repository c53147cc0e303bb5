"""A lake in which all personal data are hashed or dropped: they appear in no file, no published page and no message to
a webhook, and every figure stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.protection import Protection
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.sandbox.server import running
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec
from genesys_assets_tests.assets.world import World, definitions, environment, error, hours
from genesys_assets_tests.conftest import DAYS, NOW
from genesys_assets_tests.forgetting.traces import events_with, files_with
from genesys_assets_tests.webhooks import Hook, listening

pytestmark = pytest.mark.long

DAY = f"{DAYS[-2]}"
KEY = "a key of thirty-two characters, or more"
HASHED = Protection(dict.fromkeys(PersonalData, "hash"), KEY.encode())
TABLES = [(f"tables/{spec.name}", spec) for spec in (*DAY_TABLES, INTERVAL_METRICS)]
LISTED = ("queues", "users", "wrapup_codes", "skills", "divisions")


def copy_pages(clear: Lake, other: Lake) -> None:
    """Copy the hours and the day of the other lake, as this lake stores them."""
    for name in ("hourly_details", "hourly_aggregates", "daily_details", "daily_overlap"):
        place = f"pages/{name}"
        keys = clear.page_partitions(place)
        with other.page_writers(place, keys, {}) as writers:
            for key in keys:
                stored = clear.pages(place, key)
                assert stored is not None
                writers[key].reach = stored.reach
                writers[key].provenance |= clear.provenance(place, key)
                for page in stored:
                    writers[key].write(page)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """The same day in two lakes: one unchanged, one hashed."""
    folder = tmp_path_factory.mktemp("lakes")
    with running(conversations_per_day=25, now=NOW, requests_per_minute=None) as sandbox:
        clear = World(sandbox, folder / "clear", definitions(f"{DAYS[0]}"))
        settings = {"GENESYS_ASSETS_PERSONAL_DATA": "hash", "GENESYS_ASSETS_PERSONAL_DATA_KEY": KEY}
        instance = dg.DagsterInstance.ephemeral()
        hashed = replace(clear, folder=folder / "hashed", settings=settings, instance=instance, runs=[])
        for world in (clear, hashed):
            world.run("hourly", between=hours(DAY))
            for table in LISTED:
                world.run("daily", f"reference/{table}", f"reference/{table}_history")
            world.run("complete", "pages/daily_details", "pages/daily_overlap", partition=DAY)
            world.run("daily", *(place for place, _ in TABLES), partition=DAY)
            world.run("daily", *(f"reports/{name}" for name in ("agent_hourly", "conversation_type")), partition=DAY)
            world.run("live", "live/conversations")
            assert [run.success for run in world.runs] == [True] * len(world.runs)
        yield clear, hashed


def values_of(lake: Lake, spec: TableSpec, place: str, key: str | None, *, personal: bool) -> set[str]:
    """The texts in the classified, or in the other, columns of a partition."""
    rows = lake.read(place, key, schema=spec.schema)
    wanted = [each.name for each in spec.columns if (spec.personal(each) is not PersonalData.NONE) == personal]
    return {text for name in wanted for text in _texts(rows[name].combine_chunks())}


def _texts(values: pa.Array) -> set[str]:
    if pa.types.is_struct(values.type):
        return {text for child in values.flatten() for text in _texts(child)}
    if pa.types.is_list(values.type):
        return _texts(values.values)
    return {text for text in values.to_pylist() if isinstance(text, str)}


def canaries(world: World) -> set[str]:
    """Texts that identify a person, and occur nowhere else. A status, or the name of a queue, may occur in any file."""
    days = [(f"tables/{spec.name}", spec, DAY) for _, spec in TABLES]
    every = [*days, *((f"reference/{name}", spec, None) for name, spec in ENTITIES.items())]
    found, others = (
        {text for place, spec, key in every for text in values_of(world.lake, spec, place, key, personal=personal)}
        for personal in (True, False)
    )
    return {text for text in found - others if len(text) > 8 and not text.startswith("{")}


def test_nothing_that_was_hashed_stands_in_any_file(worlds: tuple[World, World]) -> None:
    clear, hashed = worlds
    wanted = canaries(clear)
    assert len(wanted) > 100
    assert files_with(clear.folder, wanted)
    assert files_with(hashed.folder, wanted) == {}


def test_no_event_of_dagster_names_a_person_whatever_the_setting(worlds: tuple[World, World]) -> None:
    wanted = canaries(worlds[0])
    assert [events_with(world.instance, wanted) for world in worlds] == [{}, {}]


@pytest.mark.parametrize(("place", "spec"), TABLES)
def test_each_row_is_what_it_was_but_for_hashed_columns(
    worlds: tuple[World, World], place: str, spec: TableSpec
) -> None:
    clear, hashed = (world.lake.read(place, DAY, schema=spec.schema) for world in worlds)
    plain = [column.name for column in spec.columns if spec.personal(column) is PersonalData.NONE]
    plain = [name for name in plain if name not in ("is_truncated", "source")]
    order = [(name, "ascending") for name in plain if not pa.types.is_list(spec.schema.field(name).type)]
    assert clear.select(_flat(plain, spec)).sort_by(order).equals(hashed.select(_flat(plain, spec)).sort_by(order))


def _flat(names: list[str], spec: TableSpec) -> list[str]:
    return [name for name in names if not pa.types.is_nested(spec.schema.field(name).type)]


@pytest.mark.parametrize("name", ["agent_hourly", "conversation_type"])
def test_each_report_has_the_same_figures(worlds: tuple[World, World], name: str) -> None:
    (spec,) = (report.spec for report in built_in_reports() if report.name == name)
    clear, hashed = (world.lake.read(f"reports/{name}", DAY).to_pylist() for world in worlds)
    assert len(clear) > 1
    for row in clear:
        for column in spec.columns:
            if spec.personal(column) is not PersonalData.NONE and row[column.name] is not None:
                row[column.name] = HASHED.hashed(row[column.name])
    by = [key for key in clear[0] if "interval" in key or key.endswith("_id") or key == "media_type"]
    assert sorted(clear, key=lambda row: [str(row[key]) for key in by]) == sorted(
        hashed, key=lambda row: [str(row[key]) for key in by]
    )


@pytest.fixture(scope="module", params=["hash", "drop"])
def published(
    request: pytest.FixtureRequest, worlds: tuple[World, World], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Path, Hook]]:
    """A published day of a lake without personal data, and the messages to the webhook."""
    folder = tmp_path_factory.mktemp("published")
    with listening() as hook:
        settings = {
            **worlds[1].settings,
            "GENESYS_ASSETS_PERSONAL_DATA": request.param,
            "GENESYS_ASSETS_PUBLISH_URL": str(folder),
            "GENESYS_ASSETS_PUBLISH_WEBHOOK": hook.url,
        }
        world = replace(worlds[1], settings=settings)
        if request.param == "drop":
            world = replace(world, folder=folder / "lake", instance=dg.DagsterInstance.ephemeral(), runs=[])
            with environment(world.environment):
                copy_pages(worlds[0].lake, open_lake())
            assert world.run(
                "upkeep", *(f"reference/{table}{of}" for table in LISTED for of in ("", "_history"))
            ).success
        run = world.run("daily", partition=DAY)
        assert run.success, error(run)
        yield world, folder / "reports", hook


def test_neither_the_page_nor_any_published_file_nor_the_webhook_names_a_person(
    worlds: tuple[World, World], published: tuple[World, Path, Hook]
) -> None:
    wanted = canaries(worlds[0])
    _, folder, hook = published
    assert files_with(folder, wanted) == {}
    ((_, _, message),) = hook.posted
    assert "is published" in message["text"]
    assert not [value for value in wanted if value in json.dumps(message, ensure_ascii=False)]


def test_the_page_distinguishes_agents_by_hashes(published: tuple[World, Path, Hook]) -> None:
    world, folder, _ = published
    (page,) = folder.glob("day_page/*/*.html")
    agents = world.lake.read("reports/agent_daily", DAY)["user_name"].to_pylist()
    assert len({*agents}) > 2
    assert all(name.startswith("hash:") and name in page.read_text() for name in agents)

"""Files of the data lake extraction: runs store each file once and unchanged, and make the tables of a day from
them."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from genesys_assets.assets import lake_files
from genesys_assets.cloud.extraction import downloads, listing
from genesys_assets.sandbox import extraction
from genesys_assets.sandbox.extraction import FILES_PATH, File
from genesys_assets.sandbox.extraction_rows import COLUMNS, UNKNOWN_COLUMN, UNKNOWN_SCHEMA
from genesys_assets.sandbox.organisation import Item
from genesys_assets.sandbox.times import from_datetime
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.data_lake_world import (
    DATE,
    DAY,
    FILES,
    KNOWN,
    NEXT,
    ON,
    TODAY,
    checked,
    days_once,
    fetch,
    fetched,
    lake_world,
    of_sandbox,
    off_world,
    sandbox,
    seen,
    stored,
    tables,
)
from genesys_assets_tests.assets.world import World, error, events, hours, metadata

__all__ = ["days_once", "fetched", "lake_world", "off_world", "sandbox"]

# -- pages -------------------------------------------------------------------------------------------------------------


def test_files_are_stored_as_they_came_with_what_the_platform_said_of_them(lake_world: World) -> None:
    run = fetch(lake_world, DAY)
    assert run.success
    found = stored(lake_world, DAY)
    assert {file_id: body for file_id, (body, _) in found.items()} == of_sandbox(lake_world, DATE)
    parameters = found[File("segments", from_datetime(datetime(2026, 1, 27, 9, tzinfo=UTC))).id][1]
    assert parameters["dataSchema"] == "segments"
    assert parameters["dateCreated"] == "2026-01-27T10:10:00.000+00:00"
    assert len(parameters["sha256"]) == 64
    said = metadata(run, FILES, DAY)
    assert said["files"] == dict.fromkeys(sorted(COLUMNS), 24)
    assert said["is_complete"] is True


def test_a_stored_file_is_never_fetched_again(lake_world: World) -> None:
    fetch(lake_world, DAY)
    before, whole = lake_world.sandbox.requested(FILES_PATH), stored(lake_world, DAY)
    assert fetch(lake_world, DAY).success
    assert lake_world.sandbox.requested(FILES_PATH) == before == len(whole)
    assert stored(lake_world, DAY) == whole


@pytest.mark.parametrize("damaged", [slice(2_000, 2_001), slice(2_000, 40_000), slice(None)])
def test_stored_files_that_a_disk_has_altered_are_fetched_again(lake_world: World, damaged: slice) -> None:
    fetch(lake_world, DAY)
    [file] = lake_world.lake.log(FILES).files(DAY)
    path = Path(lake_world.lake.store.path(f"{FILES}/{file.path}"))
    altered = bytearray(path.read_bytes())
    altered[damaged] = bytes(byte ^ 1 for byte in altered[damaged])
    path.write_bytes(altered)
    run = fetch(lake_world, DAY)
    assert run.success
    assert "can no longer be read, and are fetched again" in events(lake_world.instance, run) or damaged == slice(None)
    assert {file_id: body for file_id, (body, _) in stored(lake_world, DAY).items()} == of_sandbox(lake_world, DATE)
    reach = lake_world.lake.reach(FILES, DAY)
    assert reach is not None
    assert reach.is_complete


def test_a_day_that_is_not_over_is_known_up_to_its_listing(lake_world: World) -> None:
    assert fetch(lake_world, TODAY).success
    reach = lake_world.lake.reach(FILES, TODAY)
    assert reach is not None
    assert not reach.is_complete
    assert reach.through == datetime(2026, 1, 30, 18, 7, tzinfo=UTC)


def test_an_older_listing_leaves_the_reach_of_a_newer_one(lake_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch(lake_world, DAY).success
    before = lake_world.lake.reach(FILES, DAY)
    assert before is not None

    def listed_before_the_day_was_over(*given: Any, **named: Any) -> listing.FileListing:
        return replace(listing.list_files(*given, **named), as_of=before.through - timedelta(hours=1))

    monkeypatch.setattr(lake_files, "list_files", listed_before_the_day_was_over)
    assert fetch(lake_world, DAY).success
    assert lake_world.lake.reach(FILES, DAY) == before


def test_a_run_that_dies_leaves_what_it_had_committed_and_the_next_goes_on(
    lake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_files, "_FILES_A_COMMIT", 50)
    behaviour = lake_world.sandbox.behaviour
    behaviour.interrupt(downloads.PATH, lambda: behaviour.missing_permissions.add(listing.PERMISSION), after=2)
    assert listing.PERMISSION in error(fetch(lake_world, DAY))
    assert len(stored(lake_world, DAY)) == 100
    reach = lake_world.lake.reach(FILES, DAY)
    assert reach is not None
    assert not reach.is_complete
    behaviour.reset()
    before = lake_world.sandbox.requested(FILES_PATH)
    assert fetch(lake_world, DAY).success
    assert lake_world.sandbox.requested(FILES_PATH) - before == 24 * len(COLUMNS) - 100
    assert {file_id: body for file_id, (body, _) in stored(lake_world, DAY).items()} == of_sandbox(lake_world, DATE)


def test_a_file_that_is_broken_is_named_and_the_others_are_stored(lake_world: World) -> None:
    broken = File("segments", from_datetime(datetime(2026, 1, 27, 9, tzinfo=UTC))).id
    behaviour = lake_world.sandbox.behaviour
    behaviour.fail_next(200, times=9, path=broken, body=b"<html>no file</html>")
    assert broken in error(fetch(lake_world, DAY))
    assert set(stored(lake_world, DAY)) == set(of_sandbox(lake_world, DATE)) - {broken}
    behaviour.reset()
    assert fetch(lake_world, DAY).success
    assert broken in stored(lake_world, DAY)


def test_a_file_with_the_marks_of_parquet_and_nothing_in_it_is_refused_too(lake_world: World) -> None:
    broken = File("segments", from_datetime(datetime(2026, 1, 27, 9, tzinfo=UTC))).id
    hollow = b"PAR1" + bytes(20) + (4).to_bytes(4, "little") + b"PAR1"
    lake_world.sandbox.behaviour.fail_next(200, times=9, path=broken, body=hollow)
    assert "no Parquet file that can be read" in error(fetch(lake_world, DAY))
    assert broken not in stored(lake_world, DAY)


def test_unknown_schemas_are_kept_and_named(lake_world: World) -> None:
    lake_world.sandbox.behaviour.unknown_fields = True
    run = fetch(lake_world, DAY)
    assert run.success
    assert metadata(run, FILES, DAY)["unknown_schemas"] == [UNKNOWN_SCHEMA]
    said = events(lake_world.instance, run)
    assert f"the schemas {UNKNOWN_SCHEMA} are unknown, so no table is made from their files" in said
    assert "name them in GENESYS_ASSETS_DATA_LAKE_SCHEMAS" in said
    schemas = Counter(parameters["dataSchema"] for _, parameters in stored(lake_world, DAY).values())
    assert schemas[UNKNOWN_SCHEMA] == 24


def test_only_the_schemas_of_the_setting_are_fetched(off_world: World) -> None:
    some = replace(off_world, settings=ON | {"GENESYS_ASSETS_DATA_LAKE_SCHEMAS": "conversations, segments"})
    assert fetch(some, DAY).success
    assert set(stored(some, DAY)) == set(of_sandbox(some, DATE, "conversations", "segments"))


def test_nothing_is_fetched_where_the_source_is_off(off_world: World) -> None:
    assert "GENESYS_ASSETS_DATA_LAKE=on" in error(fetch(off_world, DAY))
    assert not off_world.sandbox.requested("dataextraction")


def test_without_the_permission_the_run_names_it(lake_world: World) -> None:
    lake_world.sandbox.behaviour.missing_permissions.add(listing.PERMISSION)
    assert listing.PERMISSION in error(fetch(lake_world, DAY))
    assert not lake_world.lake.has(FILES, DAY)


# -- tables ------------------------------------------------------------------------------------------------------------


def figures(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Count and sum of each metric by user, queue and media."""
    found: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("user_id", "queue_id", "media_type", "metric"))
        count, total = found.get(key, (0, 0))
        found[key] = count + 1, total + row["value"]
    return found


@pytest.mark.long
def test_figures_made_of_the_data_lake_alone_are_those_of_the_organisation(fetched: World) -> None:
    run = tables(fetched, DAY)
    assert run.success
    expected = plain.model_rows(seen(fetched, DATE))
    lake = fetched.lake
    assert figures(lake.read("tables/session_metrics", DAY).to_pylist()) == figures(expected["session_metrics"])
    conversations = {row["conversation_id"]: row for row in lake.read("tables/conversations", DAY).to_pylist()}
    assert set(conversations) == {row["conversation_id"] for row in expected["conversations"]}
    for row in expected["conversations"]:
        mine = conversations[row["conversation_id"]]
        for name in ("duration_ms", "is_complete", "media_type", "originating_direction", "division_ids"):
            assert mine[name] == row.get(name), name
        assert mine["source"] == "data_lake"
    for name in ("participants", "sessions", "segments", "participant_attributes"):
        assert len(lake.read(f"tables/{name}", DAY)) == len(expected[name]), name
    reach = lake.reach("tables/conversations", DAY)
    assert reach is not None
    assert reach.is_complete
    assert metadata(run, "tables/conversations", DAY)["data_lake_conversations"] == len(conversations)


def test_a_day_is_known_only_as_far_as_the_lag_lets_it_be(fetched: World) -> None:
    assert tables(fetched, "2026-01-29").success
    reach = fetched.lake.reach("tables/conversations", "2026-01-29")
    assert reach is not None
    assert reach.through == datetime(2026, 1, 29, 18, 7, tzinfo=UTC)
    assert not reach.is_complete


def test_without_one_of_the_schemas_that_figures_need_a_day_is_not_made(off_world: World) -> None:
    some = replace(off_world, settings=ON | {"GENESYS_ASSETS_DATA_LAKE_SCHEMAS": "conversations,segments"})
    assert fetch(some, DAY, TODAY).success
    said = error(tables(some, DAY))
    assert "has not been fetched" in said
    assert "stored, but none of conversation-metrics, which is needed too" in said
    assert "Add conversation-metrics to GENESYS_ASSETS_DATA_LAKE_SCHEMAS, then materialise" in said
    # If the setting asks for all schemas, the organisation does not have this one.
    said = error(tables(replace(some, settings=ON), DAY))
    assert "Have Genesys Cloud switch it on for the organisation, then materialise" in said


@pytest.mark.long
def test_conversations_that_details_have_are_taken_from_details(fetched: World) -> None:
    morning = hours(DAY)[0], f"{DAY}-11:00"
    assert fetched.run("hourly", "pages/hourly_details", between=morning).success
    assert tables(fetched, DAY).success
    rows = fetched.lake.read("tables/conversations", DAY).to_pylist()
    assert len(rows) == len(seen(fetched, DATE))
    noon = datetime(2026, 1, 27, 12, tzinfo=UTC)
    assert {row["source"] for row in rows if row["conversation_start"] < noon} == {"fetched"}
    assert {row["source"] for row in rows if row["conversation_start"] >= noon} == {"data_lake"}


@pytest.mark.long
def test_a_complete_day_is_made_of_details_alone(lake_world: World) -> None:
    assert lake_world.run("complete", "pages/daily_details", partition=DAY).success
    assert tables(lake_world, DAY).success
    rows = lake_world.lake.content("tables/session_metrics", DAY)
    assert fetch(lake_world, DAY, TODAY).success
    assert tables(lake_world, DAY).success
    assert lake_world.lake.content("tables/session_metrics", DAY) == rows
    assert set(lake_world.lake.read("tables/conversations", DAY)["source"].to_pylist()) == {"fetched"}


@pytest.mark.long
def test_unknown_columns_are_named_in_the_metadata_of_tables(lake_world: World) -> None:
    lake_world.sandbox.behaviour.unknown_fields = True
    assert fetch(lake_world, DAY, TODAY).success
    run = tables(lake_world, DAY)
    assert run.success
    unknown = metadata(run, "tables/conversations", DAY)["unknown_fields"]
    assert f"segments.{UNKNOWN_COLUMN}" in unknown


@pytest.mark.long
def test_files_with_other_column_names_never_keep_a_day_from_its_details(
    lake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = dict(COLUMNS["segments"])
    columns["begun"] = columns.pop("segmentStart")
    monkeypatch.setitem(COLUMNS, "segments", columns)
    lake_world.sandbox.extraction.forget()
    assert fetch(lake_world, DAY, TODAY).success
    assert lake_world.run("hourly", "pages/hourly_details", between=hours(DAY)).success
    run = tables(lake_world, DAY)
    assert run.success
    assert "GENESYS_ASSETS_DATA_LAKE_COLUMNS" in metadata(run, "tables/conversations", DAY)["data_lake_problem"]


@pytest.mark.long
def test_once_a_column_has_a_name_stored_files_make_tables_without_being_fetched_again(
    lake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = extraction._parquet

    def renamed(file: File, *of: Any, **more: Any) -> bytes:
        rows = pq.read_table(io.BytesIO(as_it_is(file, *of, **more)))
        sink = io.BytesIO()
        names = [name.replace("conversationStart", "begun") for name in rows.schema.names]
        pq.write_table(rows.rename_columns(names), sink)
        return sink.getvalue()

    with monkeypatch.context() as patch:
        patch.setattr(extraction, "_parquet", renamed)
        lake_world.sandbox.extraction.forget()
        assert fetch(lake_world, DAY, NEXT).success
    lake_world.sandbox.extraction.forget()
    before = lake_world.sandbox.requested(FILES_PATH)
    named = {"GENESYS_ASSETS_DATA_LAKE_COLUMNS": "conversations.begun=conversationStart"}
    world = replace(lake_world, settings={**ON, **named, "GENESYS_ASSETS_DATA_LAKE_LAG_HOURS": "4"})
    assert "has not been fetched" in error(tables(world, DAY))
    assert fetch(world, DAY, NEXT).success
    assert world.sandbox.requested(FILES_PATH) == before
    assert tables(world, DAY).success
    assert len(world.lake.read("tables/conversations", DAY)) == len(seen(world, DATE))


# -- the check ---------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_day_on_which_details_and_the_data_lake_agree_passes(fetched: World) -> None:
    fetched.sandbox.behaviour.availability = KNOWN
    assert fetched.run("complete", "pages/daily_details", partition=DAY).success
    assert tables(fetched, DAY).success
    found = checked(fetch(fetched, NEXT))
    assert found.passed
    assert found.metadata["compared_days"].value == [DAY]


@pytest.mark.long
def test_what_differs_between_details_and_the_data_lake_is_named(fetched: World) -> None:
    organisation = fetched.sandbox.organisation
    fetched.sandbox.behaviour.availability = KNOWN
    gone, changed = organisation.conversations(DATE)[:2]
    metric = next(m for p in changed["participants"] for s in p["sessions"] for m in s.get("metrics", ()))

    def lengthen(conversation: Item) -> None:
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for each in session.get("metrics", ()):
                    each["value"] += each["name"] == metric["name"]

    try:
        organisation.delete(gone["conversationId"])
        organisation.restate(changed["conversationId"], lengthen)
        assert fetched.run("complete", "pages/daily_details", partition=DAY).success
    finally:
        organisation.restore()
    assert tables(fetched, DAY).success
    found = checked(fetch(fetched, NEXT))
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    differences = str(found.metadata["differences"].value)
    assert f"{DAY}: 1 conversations only in the data lake, 0 only in details" in differences
    assert f"{metric['name']}: " in differences

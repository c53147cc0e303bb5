"""Files of the data lake extraction: stored as they came and once, and made into the tables of a day."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from genesys_assets.assets import daily_details, lake_files
from genesys_assets.automation.wanted import can_make_table
from genesys_assets.cloud.extraction import downloads, listing
from genesys_assets.cloud.http import retry
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.users import USER_DETAILS, of_user_tables
from genesys_assets.sandbox import extraction
from genesys_assets.sandbox.extraction import FILES_PATH, File
from genesys_assets.sandbox.extraction_rows import COLUMNS, UNKNOWN_COLUMN, UNKNOWN_SCHEMA
from genesys_assets.sandbox.organisation import Item
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.sandbox.timelines import presence, routing
from genesys_assets.sandbox.times import HOUR, from_datetime, to_datetime
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, error, events, hours, metadata
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import NOW

FILES = "pages/lake_files"
DAY, NEXT, TODAY = "2026-01-27", "2026-01-28", "2026-01-30"
DATE = date(2026, 1, 27)
KNOWN = datetime(2026, 1, 30, 17, 59, 59, 999_000, tzinfo=UTC)
"""Up to when the newest file knows: it was made ten minutes later."""
ON = {"GENESYS_ASSETS_DATA_LAKE": "on"}
TABLES = TABLES_OF_HOURS[1:]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(conversations_per_day=40, now=NOW, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture
def off_world(
    sandbox: Sandbox, tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """One sandbox serves all, for its files take their time; nothing is fetched yet. The data lake is off."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    monkeypatch.setattr(downloads, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    sandbox.behaviour.reset()
    sandbox.requests.clear()
    yield World(sandbox, tmp_path / "lake", code_location)
    sandbox.behaviour.reset()


@pytest.fixture
def lake_world(off_world: World) -> World:
    """The same with the data lake switched on."""
    return replace(off_world, settings=ON)


@pytest.fixture(scope="module")
def days_once(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, code_location: dg.Definitions) -> World:
    """The files of DAY to TODAY, fetched once. For copying only."""
    world = World(sandbox, tmp_path_factory.mktemp("days") / "lake", code_location, ON)
    assert fetch(world, DAY, TODAY).success
    return world


@pytest.fixture
def fetched(lake_world: World, days_once: World) -> World:
    """A world whose lake has the files of DAY to TODAY."""
    shutil.copytree(days_once.folder, lake_world.folder)
    return lake_world


def fetch(world: World, first: str, last: str | None = None) -> Any:
    return world.run("data_lake", FILES, between=(first, last or first))


def tables(world: World, day: str, *names: str) -> Any:
    return world.run("daily", *(names or TABLES), partition=day)


def stored(world: World, day: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Body and told parameters of each stored file by its id."""
    pages = world.lake.pages(FILES, day)
    assert pages is not None
    requests = [(json.loads(page.request), page.body) for page in pages]
    found = {asked["path"].rsplit("/", 1)[-1]: (body, asked["params"]) for asked, body in requests}
    assert len(found) == len(pages)
    return found


def of_sandbox(world: World, day: date, *schemas: str) -> dict[str, bytes]:
    """The files that were made on a day: those of the hours from an hour before it to an hour before its end."""
    begin = from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC)) - HOUR
    files = [File(schema, begin + hour * HOUR) for hour in range(24) for schema in schemas or COLUMNS]
    return {file.id: world.sandbox.extraction.content(file) for file in files}


def seen(world: World, day: date) -> list[Item]:
    """The conversations of a day as the newest file knows them."""
    organisation = world.sandbox.organisation
    return [organisation.item_with_attributes(arrival, from_datetime(KNOWN)) for arrival in organisation.arrivals(day)]


# -- pages -------------------------------------------------------------------------------------------------------------


def test_files_are_stored_as_they_came_with_what_the_platform_said_of_them(lake_world: World) -> None:
    run = fetch(lake_world, DAY)
    assert run.success
    found = stored(lake_world, DAY)
    assert {file_id: body for file_id, (body, _) in found.items()} == of_sandbox(lake_world, DATE)
    told = found[File("segments", from_datetime(datetime(2026, 1, 27, 9, tzinfo=UTC))).id][1]
    assert told["dataSchema"] == "segments"
    assert told["dateCreated"] == "2026-01-27T10:10:00.000+00:00"
    assert len(told["sha256"]) == 64
    said = metadata(run, FILES, DAY)
    assert said["files"] == dict.fromkeys(sorted(COLUMNS), 24)
    assert said["is_complete"] is True


def test_a_stored_file_is_never_fetched_again(lake_world: World) -> None:
    fetch(lake_world, DAY)
    before, whole = lake_world.sandbox.requested(FILES_PATH), stored(lake_world, DAY)
    assert fetch(lake_world, DAY).success
    assert lake_world.sandbox.requested(FILES_PATH) == before == len(whole)
    assert stored(lake_world, DAY) == whole


def test_a_day_that_is_not_over_is_known_up_to_its_listing(lake_world: World) -> None:
    assert fetch(lake_world, TODAY).success
    reach = lake_world.lake.reach(FILES, TODAY)
    assert reach is not None
    assert not reach.is_complete
    assert reach.through == datetime(2026, 1, 30, 18, 7, tzinfo=UTC)


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
    assert f"no table is made of the schemas {UNKNOWN_SCHEMA}, which are not known here" in said
    assert "name the schemas that you want in GENESYS_ASSETS_DATA_LAKE_SCHEMAS" in said
    schemas = Counter(told["dataSchema"] for _, told in stored(lake_world, DAY).values())
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
    """How often and how much of each metric by user, queue and media."""
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
    assert "stored, but none of conversation-metrics, which figures need" in said
    assert "Add conversation-metrics to GENESYS_ASSETS_DATA_LAKE_SCHEMAS, then materialise" in said
    # Where all schemas are wanted, the organisation does not have it.
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
def test_unknown_columns_are_told_with_the_tables(lake_world: World) -> None:
    lake_world.sandbox.behaviour.unknown_fields = True
    assert fetch(lake_world, DAY, TODAY).success
    run = tables(lake_world, DAY)
    assert run.success
    unknown = metadata(run, "tables/conversations", DAY)["unknown_fields"]
    assert f"segments.{UNKNOWN_COLUMN}" in unknown


@pytest.mark.long
def test_files_whose_columns_are_called_otherwise_never_keep_a_day_from_its_details(
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


# -- agents' status ----------------------------------------------------------------------------------------------------

STATUS = ("tables/user_presence", "tables/user_routing_status", "tables/user_time")


def read_status(world: World, day: str, until: datetime) -> None:
    """Users' details of a day by job up to an instant, by query until a minute before now."""
    world.sandbox.behaviour.availability = until
    assert world.run("users", USER_DETAILS, partition=day).success


def must_be_of_agents(world: World, day: str) -> None:
    """Every span that begins on a day, with its end where a file can have it, and the time of every status."""
    begin = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC))
    timelines, lake = world.sandbox.timelines, world.lake

    def known(end: datetime | None) -> datetime | None:
        return None if end is None or end > KNOWN else end

    for table, of, status in (("presence", presence, "system_presence"), ("routing_status", routing, "routing_status")):
        rows = [row for row in lake.read(f"tables/user_{table}", day).to_pylist() if f"{row['start_time']:%F}" == day]
        expected = {
            (user, to_datetime(span.start)): (known(to_datetime(span.end)), span.value[0])
            for user in timelines.user_ids
            for span in timelines.spans(user, begin, begin + 24 * HOUR, of)
            if span.start >= begin
        }
        found = {(row["user_id"], row["start_time"]): (known(row["end_time"]), row[status]) for row in rows}
        assert found == expected
    assert times(lake.read("tables/user_time", day).to_pylist()) == of_organisation(world, day)


def times(rows: list[dict[str, Any]]) -> Counter[Any]:
    found = Counter[Any]()
    for row in rows:
        found[row["user_id"], row["status"], row["organization_presence_id"]] += row["duration_ms"]
    return found


def of_organisation(world: World, day: str) -> Counter[Any]:
    """Milliseconds of a day by user, status and the organisation's presence."""
    begin, found = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC)), Counter[Any]()
    end = begin + 24 * HOUR
    for user in world.sandbox.timelines.user_ids:
        for of in (presence, routing):
            for span in world.sandbox.timelines.spans(user, begin, end, of):
                found[user, *span.value] += min(span.end, end) - max(span.start, begin)
    return found


def test_agents_status_made_of_the_data_lake_alone_is_that_of_the_organisation(fetched: World) -> None:
    run = tables(fetched, NEXT, *STATUS)
    assert run.success
    must_be_of_agents(fetched, NEXT)
    assert {row["source"] for row in presences(fetched)} == {"data_lake"}
    reach = fetched.lake.reach("tables/user_time", NEXT)
    assert reach is not None
    assert reach.is_complete


def test_a_day_that_details_have_in_part_is_filled_by_the_data_lake(
    fetched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_details, "datetime", standing_at(datetime(2026, 1, 28, 12, 1, tzinfo=UTC)))
    read_status(fetched, NEXT, datetime(2026, 1, 28, 9, tzinfo=UTC))
    reach = fetched.lake.reach(USER_DETAILS, NEXT)
    assert reach is not None
    assert reach.through == datetime(2026, 1, 28, 12, tzinfo=UTC)
    assert tables(fetched, NEXT, *STATUS).success
    must_be_of_agents(fetched, NEXT)
    rows = fetched.lake.read("tables/user_presence", NEXT).to_pylist()
    assert {row["source"] for row in rows if row["start_time"] < reach.through} == {"fetched"}
    assert {row["source"] for row in rows if row["start_time"] >= reach.through} == {"data_lake"}


def test_how_a_span_of_a_complete_day_ended_is_taken_from_the_data_lake_of_the_next(
    tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    of_status = {"GENESYS_ASSETS_DATA_LAKE_SCHEMAS": "user-presence,agent-routing-status"}
    present = [datetime(2026, 1, 29, 0, 30, tzinfo=UTC)]
    with running(conversations_per_day=10, now=lambda: present[0], requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path / "lake", code_location, ON | of_status)
        read_status(world, NEXT, datetime(2026, 1, 29, tzinfo=UTC))
        present[0] = NOW
        assert tables(world, NEXT, *STATUS).success
        assert any(row["end_time"] is None for row in presences(world))
        assert fetch(world, "2026-01-29", TODAY).success
        run = tables(world, NEXT, *STATUS)
        must_be_of_agents(world, NEXT)
    assert metadata(run, "tables/user_time", NEXT)["rows_changed"] == 0
    begun = [row for row in presences(world) if row["start_time"] >= datetime(2026, 1, 28, tzinfo=UTC)]
    by_then = datetime(2026, 1, 29, 0, 30, tzinfo=UTC)
    assert {row["source"] for row in begun if row["end_time"] and row["end_time"] < by_then} == {"fetched"}
    assert {row["source"] for row in begun} == {"fetched", "data_lake"}


def presences(world: World) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.lake.read("tables/user_presence", NEXT).to_pylist()
    return rows


def test_files_that_are_not_there_any_more_make_a_days_status_stale(fetched: World) -> None:
    before = of_user_tables(fetched.lake, NEXT)
    assert set(before) == set(STATUS)
    assert can_make_table(fetched.lake, STATUS[0], NEXT, NOW)
    fetched.lake.remove(FILES, ["2026-01-29"])
    after = of_user_tables(fetched.lake, NEXT)
    assert all(after[place] != before[place] for place in STATUS)
    fetched.lake.remove(FILES, [NEXT])
    assert of_user_tables(fetched.lake, NEXT) == {}
    assert not can_make_table(fetched.lake, STATUS[0], NEXT, NOW)


def test_without_one_of_both_schemas_no_status_is_made_of_the_data_lake(off_world: World) -> None:
    some = replace(off_world, settings=ON | {"GENESYS_ASSETS_DATA_LAKE_SCHEMAS": "user-presence"})
    assert fetch(some, DAY, TODAY).success
    assert tables(some, NEXT, *STATUS).success
    assert not some.lake.stored("tables/user_presence")


# -- the check ---------------------------------------------------------------------------------------------------------


def checked(run: Any) -> dg.AssetCheckEvaluation:
    (found,) = run.get_asset_check_evaluations()
    evaluation: dg.AssetCheckEvaluation = found
    return evaluation


@pytest.mark.long
def test_a_day_that_details_and_the_data_lake_tell_alike_passes(fetched: World) -> None:
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


def test_agents_time_that_differs_between_details_and_the_data_lake_is_named(fetched: World) -> None:
    read_status(fetched, NEXT, KNOWN)
    assert tables(fetched, NEXT, *STATUS).success
    found = checked(fetch(fetched, NEXT))
    assert found.passed
    assert found.metadata["compared_days_of_status"].value == [NEXT]
    rows = fetched.lake.read("tables/user_time", NEXT, schema=USER_TIME.schema)
    fetched.lake.write("tables/user_time", USER_TIME, rows.slice(1), NEXT, {"run_id": "another"})
    kind, status, length = (rows[name][0].as_py() for name in ("kind", "status", "duration_ms"))
    found = checked(fetch(fetched, NEXT))
    assert not found.passed
    (line,) = str(found.metadata["differences"].value).splitlines()
    whole = sum(row["duration_ms"] for row in rows.to_pylist() if (row["kind"], row["status"]) == (kind, status))
    assert line == (
        f"- {NEXT}: {kind} {status}: {whole:,} ms of all agents in the data lake, {whole - length:,} in details"
    )

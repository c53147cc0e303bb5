"""Which pages of a complete day are removed. Every table can still be made from the rest."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.assets import superseded
from genesys_assets.assets.superseded import superseded_hours
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days import utc_day
from genesys_assets.days.completeness import MISSING, READ_AT, TOTAL_HITS
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import hours_of
from genesys_assets_tests.assets.world import TABLES_OF_HOURS, World, hours, metadata
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.lake.things import page, write_pages

SUPERSEDED = "ops/superseded_pages"
DETAILS, OF_HOURS = "pages/daily_details", "pages/hourly_details"
DAY, NEXT = "2026-01-28", "2026-01-29"
TABLES = TABLES_OF_HOURS[1:]


@pytest.fixture
def days(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two days read by the hour. The first is complete, and the platform has since deleted one of its conversations."""
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    world.sandbox.behaviour.availability_lag_seconds = 0
    assert world.run("hourly", OF_HOURS, between=hours(DAY, NEXT)).success
    organisation = world.sandbox.organisation
    organisation.delete(organisation.conversations(date.fromisoformat(DAY))[0]["conversationId"])
    assert world.run("complete", DETAILS, partition=DAY).success
    return replace(world, settings={"GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS": "30"})


def test_the_hours_of_a_complete_day_are_removed_and_no_others(days: World) -> None:
    before = days.stored()
    run = days.run("daily", SUPERSEDED, partition=NEXT)
    said = metadata(run, SUPERSEDED)
    assert (said["hours_removed"], said["days"]) == (24, [DAY])
    gone = {f"{OF_HOURS}@{DAY}-{hour:02d}:00" for hour in range(24)}
    assert before.keys() - days.stored().keys() == gone
    assert before.items() >= days.stored().items()
    assert metadata(days.run("daily", SUPERSEDED, partition=NEXT), SUPERSEDED)["hours_removed"] == 0


@pytest.mark.long
def test_every_table_can_be_made_of_what_stays(days: World) -> None:
    assert days.run("daily", *TABLES, between=(DAY, NEXT)).success
    before = {path: digest for path, digest in days.contents().items() if path.startswith("tables/")}
    assert len(before) == 2 * len(TABLES)
    assert days.run("daily", SUPERSEDED, partition=NEXT).success
    shutil.rmtree(days.folder / "tables")
    assert days.run("daily", *TABLES, between=(DAY, NEXT)).success
    assert {path: digest for path, digest in days.contents().items() if path.startswith("tables/")} == before


def holders(world: World, conversation_id: str) -> set[str]:
    """The assets that still show the conversation to readers in any partition."""
    lake, found = world.lake, set()
    for place in world.stored():
        asset, key = place.split("@")
        if any(conversation_id in f"{rows.to_pylist()}" for rows in lake.row_groups(asset, key or None)):
            found.add(asset)
    return found


@pytest.mark.long
def test_a_deleted_conversation_can_be_forgotten_everywhere(days: World) -> None:
    """As docs/semantics.md describes: read its day and the days after it again, compute, remove the hours."""
    organisation = days.sandbox.organisation
    forgotten = str(organisation.conversations(date.fromisoformat(DAY))[7]["conversationId"])
    organisation.reopen(forgotten, datetime(2026, 1, 29, 10, tzinfo=UTC))
    again = ("pages/daily_details", "pages/daily_overlap")
    assert days.run("complete", *again, between=(DAY, NEXT)).success
    assert days.run("daily", *TABLES, partition=DAY).success
    everywhere = {OF_HOURS, *again, "tables/conversations", "tables/sessions"}
    assert everywhere <= holders(days, forgotten)
    organisation.delete(forgotten)
    assert days.run("complete", *again, between=(DAY, NEXT)).success
    assert days.run("daily", *TABLES, partition=DAY).success
    assert holders(days, forgotten) == {OF_HOURS}
    assert days.run("daily", SUPERSEDED, partition=NEXT).success
    assert holders(days, forgotten) == set()


def test_without_the_setting_nothing_is_removed(days: World) -> None:
    unset = replace(days, settings={})
    before = unset.files()
    assert metadata(unset.run("daily", SUPERSEDED, partition=NEXT), SUPERSEDED)["hours_removed"] == 0
    assert unset.files() == before


def test_a_day_stays_for_as_long_as_the_setting_says(days: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 days after it, to the last millisecond."""
    midnight = datetime(2026, 2, 28, tzinfo=UTC)
    for now, removed in ((midnight - timedelta(milliseconds=1), 0), (midnight, 24)):
        monkeypatch.setattr(superseded, "datetime", standing_at(now))
        assert metadata(days.run("daily", SUPERSEDED, partition=NEXT), SUPERSEDED)["hours_removed"] == removed


def test_a_day_that_jobs_did_not_have_all_of_keeps_its_hours(days: World) -> None:
    assert superseded_hours(days.lake, "2026-02-01") == hours_of(DAY)
    days.lake.remove(DETAILS, [DAY])
    days.sandbox.behaviour.availability = datetime(2026, 1, 28, 20, tzinfo=UTC)
    assert days.run("complete", DETAILS, partition=DAY).success
    assert superseded_hours(days.lake, "2026-02-01") == []


def test_an_hour_that_is_read_again_meanwhile_stays(days: World, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, begun = superseded.superseded_hours, iter([True])

    def while_an_hour_is_read(lake: Lake, until: str) -> list[str]:
        found = listed(lake, until)
        if next(begun, False):
            assert days.run("hourly", OF_HOURS, partition=f"{DAY}-05:00").success
        return found

    monkeypatch.setattr(superseded, "superseded_hours", while_an_hour_is_read)
    assert metadata(days.run("daily", SUPERSEDED, partition=NEXT), SUPERSEDED)["hours_removed"] == 0
    assert metadata(days.run("daily", SUPERSEDED, partition=NEXT), SUPERSEDED)["hours_removed"] == 23
    assert days.lake.has(OF_HOURS, f"{DAY}-05:00")


@pytest.mark.parametrize(("hours_read_after", "superseded"), [(0, 24), (3, 0)])
def test_hours_that_are_newer_than_the_pages_of_their_complete_day_stay(
    tmp_path: Path, hours_read_after: int, superseded: int
) -> None:
    """An incomplete reading by a query, five hours after the day, was newer than all hours. The complete one by a job,
    which took its place, has the data as of the day's end.
    """
    lake, (_, end) = Lake(LocalStore(tmp_path)), utc_day(DAY)
    figures = {MISSING: 0, TOTAL_HITS: 1, READ_AT: "2026-01-29T06:00"}
    for hour in hours_of(DAY):
        write_pages(lake, hour, [b"{}"], end + timedelta(hours=hours_read_after), OF_HOURS)
    for as_of, reach in (
        (end + timedelta(hours=5), Reach(end - timedelta(hours=1))),
        (end, Reach(end, is_complete=True)),
    ):
        with lake.page_writers(DETAILS, [DAY], figures) as writers:
            writers[DAY].write(page(b"{}", as_of=as_of))
            writers[DAY].reach = reach
    assert len(superseded_hours(lake, "2026-02-28")) == superseded

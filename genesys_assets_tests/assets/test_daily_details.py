"""Complete days: jobs read a day as far as they have all data, the query reads the rest. Also which reading replaces
which."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from genesys_assets.assets import daily_details
from genesys_assets.assets.daily_details import plan_reading
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.lake.ledger import readings
from genesys_assets.lake.reach import Reach
from genesys_assets.partitions import hours_of
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.daily_details import (
    AVAILABLE,
    DATE,
    DAY,
    DETAILS,
    END,
    NEXT,
    OVERLAP,
    START,
    TABLES,
    TODAY,
    TODAYS_DATE,
    read,
    stored_ids,
    table_ids,
    tables,
)
from genesys_assets_tests.assets.world import World, error, hours, metadata, of_jobs
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import NOW
from genesys_assets_tests.plain_comparison import TABLE_KEYS, compare

pytestmark = pytest.mark.usefixtures("without_waiting")


# -- which intervals to request
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("available", "now", "by_job", "by_query"),
    [
        (END + timedelta(hours=3), END + timedelta(days=1), (START, END), None),
        (END, END + timedelta(hours=4), (START, END), None),
        (START + timedelta(hours=9), END + timedelta(hours=1), (START, 9), (9, END)),
        (START + timedelta(hours=9), START + timedelta(hours=13, minutes=1), (START, 9), (9, 13)),
        (START, END + timedelta(hours=1), None, (START, END)),
        (START - timedelta(days=3), END + timedelta(hours=1), None, (START, END)),
        (None, END + timedelta(hours=1), None, (START, END)),
        (START + timedelta(hours=20), START + timedelta(hours=13, minutes=1), (START, 13), None),
        (None, START + timedelta(seconds=30), None, None),
    ],
    ids=[
        "all of it by job",
        "all of it at the very instant",
        "the tail by query",
        "so far",
        "nothing by job yet",
        "jobs lag for days",
        "the platform does not tell",
        "never beyond now",
        "no figures yet",
    ],
)
def test_a_day_is_read_by_job_as_far_as_jobs_have_all_data_and_by_query_from_there_on(
    available: datetime | None, now: datetime, by_job: Any, by_query: Any
) -> None:
    reading = plan_reading(DAY, available, now)
    assert reading.by_job == interval(by_job)
    assert reading.by_query(reading.through) == interval(by_query)


def interval(bounds: Any) -> Interval | None:
    """The interval between two instants, or two hours of the day."""
    if bounds is None:
        return None
    return Interval(*(at if isinstance(at, datetime) else START + timedelta(hours=at) for at in bounds))


# -- a complete day ----------------------------------------------------------------------------------------------------


def test_a_complete_day_is_read_by_one_job_which_is_deleted_afterwards(world: World) -> None:
    run = read(world, DETAILS, DAY)
    assert run.success
    assert sorted(stored_ids(world, DAY)) == sorted(item["conversationId"] for item in of_jobs(world, DATE, NOW))
    (job,) = world.sandbox.jobs
    assert job.query["startOfDayIntervalMatching"] is True
    assert job.query["interval"] == "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
    assert job.deleted
    assert world.sandbox.requested("details/query") == 1, "one request for the total, which jobs do not return"
    assert not [path for path in world.files() if path.startswith("jobs/")]


def test_its_pages_and_tables_say_that_it_is_complete(world: World) -> None:
    said = metadata(read(world, DETAILS, DAY), DETAILS)
    assert (said["is_complete"], said["data_available_through"]) == (True, END.timestamp())
    pages = world.lake.pages(DETAILS, DAY)
    assert pages is not None
    assert said["pages"] == said["dagster/partition_row_count"] == len(pages) == 1
    assert pages.reach == Reach(END, is_complete=True)
    run = tables(world, DAY)
    for name in TABLES:
        said = metadata(run, name)
        assert (said["is_complete"], said["data_available_through"]) == (True, END.timestamp())
        assert world.lake.reach(name, DAY) == Reach(END, is_complete=True)


def test_the_tables_of_a_complete_day_need_no_hours_and_say_what_jobs_said(world: World) -> None:
    world.sandbox.behaviour.availability = AVAILABLE
    assert read(world, DETAILS, DAY, page_size=7).success
    assert tables(world, DAY).success
    expected = plain.model_rows(of_jobs(world, DATE, AVAILABLE))
    assert expected["participant_attributes"]
    for name, key in TABLE_KEYS.items():
        compare(world.lake.read(f"tables/{name}", DAY), expected[name], key)


def test_a_complete_day_is_not_replaced_while_jobs_have_less_of_it(world: World) -> None:
    assert world.run("complete", partition=DAY).success
    before = world.files()
    for available in (AVAILABLE.replace(day=28, hour=20), AVAILABLE.replace(day=20)):
        world.sandbox.behaviour.availability = available
        for asset in (DETAILS, OVERLAP):
            assert "stored pages are kept" in error(read(world, asset, DAY))
    assert world.files() == before


def test_a_range_of_days_is_one_run_with_a_job_for_each(world: World) -> None:
    run = world.run("complete", DETAILS, between=("2026-01-27", NEXT))
    assert run.success
    assert len(world.sandbox.jobs) == 3
    for day in ("2026-01-27", DAY, NEXT):
        assert metadata(run, DETAILS, day)["is_complete"] is True
        conversations = world.sandbox.organisation.conversations(date.fromisoformat(day))
        assert sorted(stored_ids(world, day)) == sorted(item["conversationId"] for item in conversations)


def test_its_pages_keep_how_much_came_and_how_much_the_platform_says_there_is(world: World) -> None:
    world.sandbox.behaviour.total_hits_too_many = 2
    run = read(world, DETAILS, DAY, page_size=7)
    pages = world.lake.pages(DETAILS, DAY)
    assert pages is not None
    kept = {name: said for name, said in pages.provenance.items() if name.startswith("day_")}
    assert kept.items() <= metadata(run, DETAILS).items()
    assert (kept["day_conversations_read"], kept["day_total_hits_last"], kept["day_missing"]) == (60, 62, 2)
    assert (kept["day_pages_read"], kept["day_pages_expected"], kept["day_rows_repeated"]) == (9, 9, 0)
    assert "day_conversations_before" not in kept
    assert metadata(read(world, DETAILS, DAY), DETAILS)["day_conversations_before"] == 60


# -- a job whose last page is empty ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [7, 20, 1000])
def test_results_that_end_with_an_empty_page_are_all_there_is_though_the_estimate_is_higher(
    lasting: tuple[World, str], page_size: int
) -> None:
    world, _ = lasting
    world.sandbox.behaviour.total_hits_too_many = 2
    world.sandbox.behaviour.job_results_end_empty = True
    for asset, day in ((DETAILS, DAY), (OVERLAP, NEXT)):
        assert read(world, asset, day, page_size=page_size).success
    assert len(stored_ids(world, DAY)) == 60


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_lost_page_is_an_error_also_where_results_end_with_an_empty_page(world: World, lost: int) -> None:
    behaviour = world.sandbox.behaviour
    behaviour.job_results_end_empty = True

    def withhold() -> None:
        behaviour.answers_without_conversations = 1

    behaviour.interrupt("/results", withhold, after=lost - 1)
    assert f"Page {lost} of the details job" in error(read(world, DETAILS, DAY, page_size=20))
    assert world.lake.pages(DETAILS, DAY) is None


# -- a day that jobs do not cover whole --------------------------------------------------------------------------------


def test_job_and_query_meet_at_the_availability_without_gap_or_duplicate(available: World) -> None:
    assert read(available, DETAILS, TODAY, page_size=7).success
    run = tables(available, TODAY)
    assert run.success
    seen = available.seen(TODAYS_DATE, NOW)
    starts = [plain.moment(item["conversationStart"]) for item in seen]
    assert any(start < AVAILABLE for start in starts)
    assert any(start >= AVAILABLE for start in starts)
    assert sorted(table_ids(available, TODAY)) == sorted(item["conversationId"] for item in seen)
    known = of_jobs(available, TODAYS_DATE, AVAILABLE)
    known += [item for item, start in zip(seen, starts, strict=True) if start >= AVAILABLE]
    expected = plain.model_rows(known)
    for name, key in TABLE_KEYS.items():
        compare(available.lake.read(f"tables/{name}", TODAY), expected[name], key)


def test_a_conversation_that_begins_at_the_availability_is_the_querys(world: World) -> None:
    first = world.sandbox.organisation.conversations(TODAYS_DATE)[5]
    world.sandbox.behaviour.availability = plain.moment(first["conversationStart"])
    assert read(world, DETAILS, TODAY).success
    assert tables(world, TODAY).success
    assert table_ids(world, TODAY).count(first["conversationId"]) == 1
    with_attributes = set(world.lake.read("tables/participant_attributes", TODAY)["conversation_id"].to_pylist())
    assert with_attributes
    assert first["conversationId"] not in with_attributes


def test_an_unfinished_day_says_up_to_when_and_that_it_is_not_complete(available: World) -> None:
    said = metadata(read(available, DETAILS, TODAY), DETAILS)
    assert (said["is_complete"], said["data_available_through"]) == (False, AVAILABLE.timestamp())
    assert said["day_conversations_read"] == len(available.seen(TODAYS_DATE, NOW))
    said = metadata(tables(available, TODAY), "tables/conversations")
    assert (said["is_complete"], said["data_available_through"]) == (False, AVAILABLE.timestamp())


def test_of_a_day_that_goes_on_nobody_says_how_much_is_missing(
    available: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The total counts the whole day up to now, but the reading ends a little before."""
    monkeypatch.setattr(daily_details, "datetime", standing_at(NOW))
    run = read(available, DETAILS, TODAY)
    assert run.success
    assert metadata(run, DETAILS)["day_conversations_read"] > 0
    assert "day_missing" not in metadata(run, DETAILS)


def test_where_a_job_has_less_than_was_said_the_query_reads_the_rest(world: World) -> None:
    world.sandbox.organisation.conversations_per_day = 600
    availabilities = iter([AVAILABLE])
    earlier = AVAILABLE - timedelta(hours=5)
    world.sandbox.behaviour.availability = lambda: next(availabilities, earlier)
    said = metadata(read(world, DETAILS, TODAY), DETAILS)
    assert said["data_available_through"] == earlier.timestamp()
    assert tables(world, TODAY).success
    assert sorted(table_ids(world, TODAY)) == sorted(item["conversationId"] for item in world.seen(TODAYS_DATE, NOW))


def test_while_the_day_is_not_complete_its_hours_serve_on(available: World) -> None:
    """A conversation that only the hours have may not have reached the jobs yet."""
    assert available.run("hourly", "pages/hourly_details", between=hours(TODAY)).success
    gone = available.sandbox.organisation.conversations(TODAYS_DATE)[0]["conversationId"]
    available.sandbox.organisation.delete(gone)
    assert read(available, DETAILS, TODAY).success
    assert tables(available, TODAY).success
    assert gone in table_ids(available, TODAY)


def test_an_hour_that_was_read_later_than_jobs_have_data_of_is_not_set_back_by_them(available: World) -> None:
    assert available.run("hourly", "pages/hourly_details", between=hours(TODAY)).success
    assert tables(available, TODAY).success
    before = available.lake.read("tables/conversations", TODAY)
    assert read(available, DETAILS, TODAY).success
    assert tables(available, TODAY).success
    assert available.lake.read("tables/conversations", TODAY).equals(before)


# -- which reading replaces which
# ----------------------------------------------------------------------------------------------


def test_a_complete_day_supersedes_its_hours(world: World) -> None:
    world.sandbox.behaviour.availability_lag_seconds = 0
    assert world.run("hourly", between=hours(DAY)).success
    assert tables(world, DAY).success
    hourly = table_ids(world, DAY)
    organisation = world.sandbox.organisation
    gone, *_, kept = (item["conversationId"] for item in organisation.conversations(DATE))
    organisation.delete(gone)
    organisation.restate(kept, lambda item: item.update(externalTag="restated"))
    assert read(world, DETAILS, DAY).success
    run = tables(world, DAY)
    assert run.success
    assert set(hourly) - set(table_ids(world, DAY)) == {gone}
    rows = world.lake.read("tables/conversations", DAY).to_pylist()
    assert {row["conversation_id"] for row in rows if row["external_tag"] == "restated"} == {kept}
    assert metadata(run, "tables/conversations")["rows_removed"] == 1
    assert metadata(run, "tables/conversations")["rows_changed"] >= 1


def test_hours_that_are_fetched_later_do_not_supersede_a_complete_day(world: World) -> None:
    assert read(world, DETAILS, DAY).success
    assert tables(world, DAY).success
    before = world.contents()
    assert world.run("hourly", between=hours(DAY)).success
    assert tables(world, DAY).success
    assert before.items() <= world.contents().items()


def test_a_day_that_turned_out_complete_as_it_was_says_so_in_every_file(world: World) -> None:
    """Reports and manifest state how far their tables reach, so they must be updated once, and not again."""
    world.sandbox.behaviour.availability = END - timedelta(minutes=1)
    assert read(world, DETAILS, DAY).success
    assert tables(world, DAY).success
    rows = {name: world.lake.read(name, DAY) for name in TABLES}
    assert world.lake.reach("tables/surveys", DAY) == Reach(END - timedelta(minutes=1))
    world.sandbox.behaviour.availability = END
    assert read(world, DETAILS, DAY).success
    run = tables(world, DAY)
    for name in TABLES:
        assert world.lake.reach(name, DAY) == Reach(END, is_complete=True)
        assert metadata(run, name)["changed"] is True
        if world.lake.read(name, DAY).equals(rows[name]):
            said = metadata(run, name)
            assert (said["rows_added"], said["rows_changed"], said["rows_removed"]) == (0, 0, 0)
    stored = world.stored()
    run = tables(world, DAY)
    assert {metadata(run, name)["changed"] for name in TABLES} == {False}
    assert world.stored() == stored


# -- single tables -----------------------------------------------------------------------------------------------


def test_a_single_table_of_a_complete_day_can_be_computed_alone(world: World) -> None:
    assert read(world, DETAILS, DAY).success
    assert tables(world, DAY, "tables/participant_attributes").success
    assert {place for place in world.stored() if place.startswith("tables/")} == {
        f"tables/participant_attributes@{DAY}"
    }


def test_a_day_that_came_back_the_same_leaves_every_table_untouched(world: World) -> None:
    assert read(world, DETAILS, DAY).success
    assert tables(world, DAY).success
    written = {place: names for place, names in world.stored().items() if place.startswith("tables/")}
    assert read(world, DETAILS, DAY, page_size=7).success
    run = tables(world, DAY)
    assert written.items() <= world.stored().items()
    for name in TABLES:
        said = metadata(run, name)
        assert said["changed"] is False
        assert (said["rows_added"], said["rows_changed"], said["rows_removed"]) == (0, 0, 0)
        (again,) = readings(world.lake, name)
        assert again.run_id == run.run_id
        assert world.lake.provenance(name, DAY)["run_id"] != run.run_id


def test_another_lake_gets_the_same_tables_from_the_same_day(world: World, elsewhere: World) -> None:
    for each, page_size in ((world, 1000), (replace(elsewhere), 9)):
        assert read(each, DETAILS, DAY, page_size=page_size).success
        assert tables(each, DAY).success
    of_tables = [
        {path: digest for path, digest in each.contents().items() if path.startswith("tables/")}
        for each in (world, elsewhere)
    ]
    assert of_tables[0] == of_tables[1]
    assert len(of_tables[0]) == len(TABLES)


def test_the_hours_of_a_day_that_jobs_never_read_are_still_needed(world: World) -> None:
    assert f"has not been fetched for these hours of {DAY}: 00:00" in error(tables(world, DAY))
    assert hours_of(DAY)[0] in error(tables(world, DAY))

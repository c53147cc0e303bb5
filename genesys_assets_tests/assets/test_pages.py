"""Page assets store the answers of hours and days unchanged, for one partition or a range."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import dagster as dg
import pytest

from genesys_assets.assets import aggregates
from genesys_assets.assets.common import continued_runs
from genesys_assets.cloud.analytics.catalogue import DEFAULT_METRICS
from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.cloud.http.page import Page
from genesys_assets.days.families import PagesOfFamily
from genesys_assets.lake.files import StoredPages
from genesys_assets.reports.built_in import asked_in_any_case
from genesys_assets_tests.assets.world import World, definitions, error, hours, metadata
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.plain_figures import moment

DAY = "2026-01-28"
DATE = date(2026, 1, 28)
DETAILS, AGGREGATES, DAILY = "pages/hourly_details", "pages/hourly_aggregates", "pages/daily_aggregates"


def hour(of_day: int) -> str:
    return f"{DAY}-{of_day:02d}:00"


def starts(world: World, key: str) -> list[datetime]:
    """When the conversations on an hour's stored pages began."""
    stored = world.lake.pages(DETAILS, key)
    assert stored is not None
    return [
        moment(item["conversationStart"]) for page in stored for item in json.loads(page.body).get("conversations", ())
    ]


def test_an_hour_keeps_the_pages_that_hold_its_conversations(world: World) -> None:
    run = world.run("hourly", DETAILS, partition=hour(10))
    begin = datetime(2026, 1, 28, 10, tzinfo=UTC)
    conversations = world.sandbox.organisation.conversations(begin.date())
    expected = [moment(item["conversationStart"]) for item in conversations]
    assert run.success
    assert {start for start in starts(world, hour(10)) if begin <= start < begin + timedelta(hours=1)} == {
        start for start in expected if begin <= start < begin + timedelta(hours=1)
    }
    assert metadata(run, DETAILS)["pages"] == 1
    # One request for the page, one to see whether a conversation follows the last one of the day's total.
    assert metadata(run, DETAILS)["requests"] == 2


def test_an_hour_of_aggregates_keeps_one_answer_by_queue_and_one_by_user(world: World) -> None:
    run = world.run("hourly", AGGREGATES, partition=hour(10))
    stored = world.lake.pages(AGGREGATES, hour(10))
    assert run.success
    assert stored is not None
    asked = [json.loads(page.request)["body"] for page in PagesOfFamily(world.lake, hour(10), stored, CONVERSATIONS)]
    assert [body["groupBy"] for body in asked] == [["queueId", "mediaType"], ["userId", "mediaType"]]
    assert {body["interval"] for body in asked} == {"2026-01-28T10:00:00.000Z/2026-01-28T11:00:00.000Z"}
    assert all(set(DEFAULT_METRICS) == set(body["metrics"]) and body["granularity"] == "PT15M" for body in asked)


def test_a_range_of_hours_is_one_run_that_reads_each_day_once(world: World) -> None:
    run = world.run("hourly", DETAILS, between=hours("2026-01-27", DAY))
    assert run.success
    assert world.sandbox.requested("details/query") == 2
    assert metadata(run, DETAILS, hour(10))["requests"] == 2
    assert len(world.lake.page_partitions(DETAILS)) == 48


def test_a_range_stores_the_same_as_its_hours_one_by_one(world: World, elsewhere: World) -> None:
    world.run("hourly", between=(hour(8), hour(12)))
    for of_day in range(8, 13):
        assert elsewhere.run("hourly", partition=hour(of_day)).success
    assert world.contents() == elsewhere.contents()
    assert len(world.contents()) == 10


@pytest.mark.long
def test_the_aggregates_of_a_range_of_hours_cost_one_request_a_question(world: World) -> None:
    run = world.run("hourly", "pages/hourly_aggregates", between=hours("2026-01-26", "2026-01-29"))
    assert run.success
    assert world.sandbox.requested("conversations/aggregates") == 2
    questions = len(asked_in_any_case())
    assert metadata(run, AGGREGATES, hour(10))["requests"] == questions
    stored = [world.lake.pages(AGGREGATES, hour(of_day)) for of_day in range(24)]
    assert [None if pages is None else len(pages) for pages in stored] == [questions] * 24


def test_an_hour_of_a_range_names_the_request_and_its_part_of_the_answer(world: World) -> None:
    world.run("hourly", AGGREGATES, between=(hour(8), hour(12)))
    stored = world.lake.pages(AGGREGATES, hour(10))
    assert stored is not None
    asked = [json.loads(page.request) for page in stored]
    assert {request["body"]["interval"] for request in asked} == {"2026-01-28T08:00:00.000Z/2026-01-28T13:00:00.000Z"}
    assert {request["part"] for request in asked} == {"2026-01-28T10:00:00.000Z/2026-01-28T11:00:00.000Z"}


def test_no_more_days_of_aggregates_are_asked_for_at_once_than_is_set(world: World) -> None:
    world = replace(world, settings={"GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS": "2"})
    assert world.run("hourly", AGGREGATES, between=hours("2026-01-26", DAY)).success
    assert world.sandbox.requested("conversations/aggregates") == 4


def test_an_hour_of_a_range_in_which_nothing_was_emitted_has_answers_without_results(world: World) -> None:
    world.sandbox.organisation.conversations_per_day = 1
    assert world.run("hourly", AGGREGATES, between=hours(DAY)).success
    answers = [page.json() for of_day in range(24) for page in world.lake.pages(AGGREGATES, hour(of_day)) or ()]
    assert len(answers) == 24 * len(asked_in_any_case())
    assert {"results": []} in answers


def test_tables_of_a_range_of_business_days_are_those_of_its_days_one_by_one(world: World, elsewhere: World) -> None:
    of_zone = definitions("2026-01-26", "America/New_York")
    at_once, singly = replace(world, definitions=of_zone), replace(elsewhere, definitions=of_zone)
    days = [f"2026-01-{number}" for number in (26, 27, 28)]
    at_once.run("daily", DAILY, between=(days[0], days[-1]))
    assert at_once.sandbox.requested("conversations/aggregates") == 2
    for day in days:
        singly.run("daily", DAILY, partition=day)
    for one in (at_once, singly):
        assert one.run("daily", "tables/daily_metrics", between=(days[0], days[-1])).success
    stored = [{path: found for path, found in one.contents().items() if "tables" in path} for one in (at_once, singly)]
    assert stored[0] == stored[1]
    assert len(stored[0]) == 3


@pytest.mark.long
def test_fetching_again_stores_the_same(world: World) -> None:
    world.run("hourly", between=hours(DAY))
    before = world.contents()
    assert world.run("hourly", between=hours(DAY)).success
    assert world.contents() == before


def test_an_hour_in_which_nothing_began_succeeds_without_pages(world: World) -> None:
    begun = {moment(item["conversationStart"]).hour for item in world.sandbox.organisation.conversations(DATE)}
    quiet = min(set(range(24)) - begun)
    run = world.run("hourly", DETAILS, partition=hour(quiet))
    stored = world.lake.pages(DETAILS, hour(quiet))
    assert run.success
    assert stored is not None
    assert len(stored) == 0
    assert metadata(run, DETAILS)["pages"] == 0
    assert metadata(run, DETAILS)["dagster/partition_row_count"] == 0


def test_an_hour_is_found_where_the_hour_before_ended(world: World) -> None:
    world.sandbox.organisation.conversations_per_day = 1500
    world.run("hourly", DETAILS, partition=hour(13))
    run = world.run("hourly", DETAILS, partition=hour(14))
    assert run.success
    said = metadata(run, DETAILS)
    assert said["requests"] <= said["pages"] + 1
    assert said["pages"] >= 2


def test_each_hour_of_a_range_reports_its_own_pages_and_window(world: World) -> None:
    world.sandbox.organisation.conversations_per_day = 230
    run = world.run("hourly", DETAILS, between=hours(DAY))
    assert run.success
    for of_day in range(24):
        stored = world.lake.pages(DETAILS, hour(of_day))
        said = metadata(run, DETAILS, hour(of_day))
        assert stored is not None
        assert said["pages"] == said["dagster/partition_row_count"] == len(stored)
        assert said["bytes"] == sum(len(page.body) for page in stored)
        assert said["window_start"] == datetime(2026, 1, 28, of_day, tzinfo=UTC).timestamp()
        assert said["window_end"] == said["window_start"] + 3600
    assert said["requests"] == 3


def test_the_provenance_of_pages_names_run_source_and_partition(world: World) -> None:
    run = world.run("hourly", DETAILS, partition=hour(10))
    stored = world.lake.pages(DETAILS, hour(10))
    assert stored is not None
    assert {name: said for name, said in stored.provenance.items() if not name.startswith("day_")} == {
        "run_id": run.run_id,
        "source": "POST /api/v2/analytics/conversations/details/query",
        "partition": hour(10),
    }


def test_the_pages_of_each_hour_keep_what_the_platform_said_of_its_day(world: World) -> None:
    run = world.run("hourly", DETAILS, between=hours(DAY))
    for of_day in range(24):
        stored = world.lake.pages(DETAILS, hour(of_day))
        assert stored is not None
        kept = {name: said for name, said in stored.provenance.items() if name.startswith("day_")}
        assert kept.items() <= metadata(run, DETAILS, hour(of_day)).items()
        assert (kept["day_total_hits_first"], kept["day_total_hits_last"], kept["day_conversations_read"]) == (60,) * 3
        assert (kept["day_pages_read"], kept["day_pages_expected"], kept["day_missing"]) == (1, 1, 0)


@pytest.mark.long
@pytest.mark.parametrize("reread", [hours(DAY), (hour(10), hour(10))])
def test_hours_of_a_day_that_has_no_conversations_any_more_are_refused(world: World, reread: tuple[str, str]) -> None:
    """A lost division answers like this; an hour that is really empty does not."""
    assert world.run("hourly", between=hours(DAY)).success
    for item in world.sandbox.organisation.conversations(DATE):
        world.sandbox.organisation.delete(item["conversationId"])
    before = world.files()
    said = error(world.run("hourly", DETAILS, between=reread))
    assert f"{DAY} no longer has any conversations: the platform has 0, the stored pages have 60" in said
    assert "allow_emptied: true" in said
    assert world.files() == before
    accepted = {"ops": {"genesys__pages__hourly_details": {"config": {"allow_emptied": True}}}}
    assert world.run("hourly", DETAILS, between=reread, config=accepted).success
    assert starts(world, hour(10)) == []
    assert world.run("hourly", DETAILS, between=reread).success, "an accepted empty day is not reported again"


def test_a_business_day_is_asked_for_at_once_in_its_time_zone(world: World) -> None:
    world = replace(world, definitions=definitions("2026-01-26", "America/New_York"))
    assert world.run("daily", DAILY, partition=DAY).success
    stored = world.lake.pages(DAILY, DAY)
    assert stored is not None
    asked = [json.loads(page.request)["body"] for page in stored]
    assert {body["timeZone"] for body in asked} == {"America/New_York"}
    assert {body["granularity"] for body in asked} == {"P1D"}
    bounds = [tuple(map(moment, body["interval"].split("/"))) for body in asked]
    assert set(bounds) == {(datetime(2026, 1, 28, 5, tzinfo=UTC), datetime(2026, 1, 29, 5, tzinfo=UTC))}


@pytest.mark.parametrize(
    ("asset", "partition"),
    [(DETAILS, "2026-01-25-23:00"), (AGGREGATES, "2199-01-01-00:00"), (DAILY, "2026-01-25"), (DAILY, "2199-01-01")],
)
def test_a_partition_outside_the_calendar_is_refused_by_name(world: World, asset: str, partition: str) -> None:
    run = world.run("daily" if asset == DAILY else "hourly", asset, between=(partition, partition))
    assert f"Partition '{partition}' is outside the calendar" in error(run)
    assert "GENESYS_ASSETS_START_DATE" in error(run)
    assert not world.files()
    assert not world.sandbox.requests


def test_a_day_of_aggregates_reaches_as_far_as_it_was_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request at 23:59:50 asks for the day until a minute ago. It does not reach midnight, however late the answer
    comes."""
    monkeypatch.setattr(aggregates, "datetime", standing_at(datetime(2026, 1, 28, 23, 59, 50, tzinfo=UTC)))
    assert world.run("complete", DAILY, partition=DAY).success
    assert world.run("daily", "tables/daily_metrics", partition=DAY).success
    reach = world.lake.reach("tables/daily_metrics", DAY)
    assert reach is not None
    assert (reach.through, reach.is_complete) == (datetime(2026, 1, 28, 23, 58, 50, tzinfo=UTC), False)


def test_each_page_is_read_twice_at_most_to_make_a_days_tables(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once to plan, once to decode. Everything else works without reading the page's body."""
    assert world.run("hourly", DETAILS, between=hours(DAY)).success
    read: list[int] = []
    whole = StoredPages.__getitem__

    def counted(stored: StoredPages, index: int) -> Page:
        read.append(index)
        return whole(stored, index)

    monkeypatch.setattr(StoredPages, "__getitem__", counted)
    assert world.run("daily", "tables/conversations", partition=DAY).success
    stored = [world.lake.pages(DETAILS, key) for key in world.lake.page_partitions(DETAILS)]
    assert 0 < len(read) <= 2 * sum(len(of_hour) for of_hour in stored if of_hour is not None)


_DIED, _SUCCEEDED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


@pytest.mark.parametrize(
    ("before", "continued"),
    [
        ([], []),
        ([_DIED], [0]),
        ([_SUCCEEDED], []),
        ([_DIED, _DIED], [0, 1]),
        ([_SUCCEEDED, _DIED], [1]),
        ([_DIED, _SUCCEEDED], []),
    ],
)
def test_a_run_continues_those_before_it_that_did_not_succeed(
    before: list[dg.DagsterRunStatus], continued: list[int]
) -> None:
    """Each run of `before` is a re-execution of the one before it."""
    ids = [f"{uuid.UUID(int=number)}" for number in range(len(before) + 1)]
    with dg.DagsterInstance.ephemeral() as instance:
        for number, status in enumerate([*before, dg.DagsterRunStatus.STARTED]):
            parent, root = (ids[number - 1], ids[0]) if number else (None, None)
            instance.add_run(
                dg.DagsterRun("hourly", ids[number], status=status, root_run_id=root, parent_run_id=parent)
            )
        context = SimpleNamespace(instance=instance, run=instance.get_run_by_id(ids[-1]))
        assert continued_runs(cast(dg.AssetExecutionContext, context)) == {ids[number] for number in continued}

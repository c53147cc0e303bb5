"""Valid but strange answers, and invalid ones: doubled metrics, new fields, pages without their list."""

from __future__ import annotations

import json
from datetime import date
from functools import partial

import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.http import transport
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import World, error, hours, metadata, of_jobs
from genesys_assets_tests.plain_figures import Item
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.hard_days import (
    DETAILS,
    JOBS_LAG,
    OF_HOURS,
    OVERLAP,
    TABLES,
    compare_metrics,
    compare_tables,
    compute,
    knowledge,
    known_by_now,
    midnight,
    page_ids,
    read_complete,
    read_hours,
    table_ids,
    totals,
)

pytestmark = pytest.mark.long

DAY, NEXT = date(2026, 1, 28), date(2026, 1, 29)
START, END = midnight(DAY), midnight(NEXT)
NEW_FIELD = "sandboxFutureField"


def emitting_twice(item: Item) -> tuple[Item, Item]:
    """A session that emitted nConnected, and that metric."""
    for session in plain.sessions([item]):
        for metric in session.item.get("metrics", ()):
            if metric["name"] == "nConnected":
                return session.item, metric
    raise LookupError("nobody was connected")


def connected(item: Item) -> bool:
    return any(any(session.emitted("nConnected")) for session in plain.sessions([item]))


@pytest.fixture
def doubled(world: World) -> World:
    """One session says nConnected = 1 twice, at the same millisecond."""
    organisation = world.sandbox.organisation
    chosen = next(item["conversationId"] for item in organisation.conversations(DAY) if connected(item))

    def double(item: Item) -> None:
        session, metric = emitting_twice(item)
        session["metrics"].append(dict(metric))

    organisation.restate(chosen, double)
    return world


def test_a_metric_that_a_session_emitted_twice_stays_two_rows_and_counts_twice(
    doubled: World, present: FixedNow
) -> None:
    read_hours(doubled, DAY)
    assert read_complete(doubled, DAY).success
    compute(doubled, DAY, *TABLES, "tables/interval_metrics")
    of_day = of_jobs(doubled, DAY, present.at - JOBS_LAG)
    compare_tables(doubled, DAY, of_day)
    rows = doubled.lake.read("tables/session_metrics", f"{DAY}").to_pylist()
    twice = [row for row in rows if row["metric"] == "nConnected" and row["ordinal"] == 1]
    assert [row["value"] for row in twice] == [1]
    told = [value for session in plain.sessions(of_day) for _, _, value in session.emitted("nConnected")]
    assert totals(rows)["nConnected"] == (len(told), sum(told))
    known = knowledge(doubled, known_by_now(doubled, present.at, DAY), START, END)
    compare_metrics(doubled, "interval_metrics", DAY, known)


def test_a_metric_that_a_session_emitted_twice_survives_hours_that_are_read_again(
    doubled: World, present: FixedNow
) -> None:
    """Rows of a repeated conversation are dropped, rows of a metric that was emitted twice are not."""
    for _ in range(2):
        read_hours(doubled, DAY, DAY, OF_HOURS)
        compute(doubled, DAY)
        compare_tables(doubled, DAY, doubled.seen(DAY, present.at))


def test_an_unknown_field_is_reported_once_and_changes_no_table(world: World, present: FixedNow) -> None:
    world.sandbox.behaviour.unknown_fields = True
    assert read_complete(world, DAY, page_size=20).success
    run = compute(world, DAY)
    conversations = len(world.sandbox.organisation.conversations(DAY))
    for name in TABLES:
        assert metadata(run, name)["unknown_fields"] == {f"conversations.{NEW_FIELD}": conversations, NEW_FIELD: 3}
    compare_tables(world, DAY, of_jobs(world, DAY, present.at - JOBS_LAG))
    pages = world.lake.pages(DETAILS, f"{DAY}")
    assert pages is not None
    listed = [item for page in pages for item in json.loads(page.body)["conversations"]]
    assert all(NEW_FIELD in item for item in listed)
    assert len(listed) == conversations


# -- pages without their list ------------------------------------------------------------------------------------------


@pytest.fixture
def stored(world: World) -> World:
    """A world with DAY read by hours and by job, the overlap of the next day, and the tables computed."""
    read_hours(world, DAY, DAY, OF_HOURS)
    assert read_complete(world, DAY, page_size=20).success
    assert read_complete(world, NEXT, OVERLAP, page_size=20).success
    compute(world, DAY)
    return world


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The query reads DAY in three pages of 20, one after the other."""
    monkeypatch.setitem(details.fetch.__kwdefaults__ or {}, "page_size", 20)
    monkeypatch.setattr(transport, "GenesysCloud", partial(transport.GenesysCloud, workers=1))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.long
def test_a_page_of_the_query_without_conversations_is_an_error_that_touches_nothing(stored: World) -> None:
    before, ids = stored_files(stored), table_ids(stored, DAY)
    for page in (1, 2, 3):
        withhold(stored, "details/query", page)
        said = error(stored.run("hourly", OF_HOURS, between=hours(f"{DAY}")))
        assert f"Page {page} of the details" in said
        assert "came without conversations" in said
        assert stored_files(stored) == before
    compute(stored, DAY)
    assert table_ids(stored, DAY) == ids


@pytest.mark.usefixtures("small_pages")
@pytest.mark.long
def test_an_estimate_that_is_too_high_by_a_few_stops_neither_query_nor_job(stored: World, present: FixedNow) -> None:
    """The last page is full, so one more page is requested, which has no conversations."""
    stored.sandbox.behaviour.total_hits_too_many = 2
    stored.sandbox.behaviour.job_results_end_empty = True
    run = stored.run("hourly", OF_HOURS, between=hours(f"{DAY}"))
    assert run.success
    assert metadata(run, OF_HOURS, f"{DAY}-12:00")["day_missing"] == 2
    assert read_complete(stored, DAY, page_size=20).success
    assert read_complete(stored, NEXT, OVERLAP, page_size=20).success
    compute(stored, DAY)
    compare_tables(stored, DAY, of_jobs(stored, DAY, present.at - JOBS_LAG))


@pytest.mark.long
def test_a_page_of_a_job_without_conversations_is_an_error_that_touches_nothing(
    stored: World, present: FixedNow
) -> None:
    before = stored_files(stored)
    for page, page_size in ((1, 20), (2, 20), (3, 20), (1, 1000)):
        withhold(stored, "/results", page)
        said = error(read_complete(stored, DAY, page_size=page_size))
        assert f"Page {page} of the details job" in said
        assert "came without conversations" in said
        assert stored_files(stored) == before
    assert read_complete(stored, DAY, page_size=20).success
    compute(stored, DAY)
    compare_tables(stored, DAY, of_jobs(stored, DAY, present.at - JOBS_LAG))


def test_a_day_of_which_nothing_is_left_is_complete_once_that_was_accepted(stored: World) -> None:
    for item in stored.sandbox.organisation.conversations(DAY):
        stored.sandbox.organisation.delete(item["conversationId"])
    before = stored_files(stored)
    assert f"{DAY} no longer has any conversations" in error(read_complete(stored, DAY))
    assert stored_files(stored) == before
    accepted = {"ops": {"genesys__pages__daily_details": {"config": {"allow_emptied": True}}}}
    assert stored.run("complete", DETAILS, partition=f"{DAY}", config=accepted).success
    compute(stored, DAY)
    assert page_ids(stored, DETAILS, f"{DAY}") == table_ids(stored, DAY) == []


def test_a_page_of_an_overlap_without_conversations_is_an_error_that_touches_nothing(stored: World) -> None:
    before = stored_files(stored)
    for page_size in (20, 1000):
        withhold(stored, "/results", 1)
        assert "came without conversations" in error(read_complete(stored, NEXT, OVERLAP, page_size=page_size))
        assert stored_files(stored) == before


def withhold(world: World, path: str, page: int) -> None:
    """Let that page come without its list."""
    behaviour = world.sandbox.behaviour
    behaviour.interrupt(path, lambda: setattr(behaviour, "answers_without_conversations", 1), after=page - 1)


def stored_files(world: World) -> dict[str, str]:
    """Everything that is stored, except the note of a job that the next try takes up."""
    return {path: digest for path, digest in world.files().items() if not path.startswith("jobs/")}

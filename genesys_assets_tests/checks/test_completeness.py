"""Compares the stored conversations of a day with the platform's totals: what passes, what fails, what cannot be
judged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.checks import completeness
from genesys_assets.checks.checked_tables import AS_MANY, CHECKED
from genesys_assets.checks.completeness import NOT_SHRUNK, DayFigures, day_figures, find_shrinkage
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days.verdicts import checked_rows, verdicts
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import hours_of
from genesys_assets.sandbox.server import running
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tolerance import Tolerance
from genesys_assets_tests.assets.world import World, definitions, hours
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import DAYS, NOW

DAY, DATE = "2026-01-28", date(2026, 1, 28)
DETAILS, OF_HOURS, TABLE = "pages/daily_details", "pages/hourly_details", "tables/conversations"
EXACT = Tolerance()


@pytest.fixture(scope="module")
def code_location() -> dg.Definitions:
    return definitions(f"{DAYS[0]}")


@pytest.fixture
def world(tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    with running(conversations_per_day=60, now=NOW, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path, code_location)


def read(world: World, page_size: int = 1000) -> dg.ExecuteInProcessResult:
    config = {"ops": {"genesys__pages__daily_details": {"config": {"page_size": page_size}}}}
    run = world.run("complete", DETAILS, partition=DAY, config=config)
    assert run.success
    return run


def compute(world: World) -> dg.ExecuteInProcessResult:
    run = world.run("daily", TABLE, partition=DAY)
    assert run.success
    return run


def figures_of_day(world: World) -> DayFigures:
    of_day = day_figures(world.lake, DAY)
    assert isinstance(of_day, DayFigures)
    return of_day


def result(run: dg.ExecuteInProcessResult, name: str) -> tuple[bool, dict[str, Any]]:
    """Whether the check passed in the run, and its metadata."""
    (evaluation,) = (said for said in run.get_asset_check_evaluations() if said.check_name == name)
    return evaluation.passed, {label: value.value for label, value in evaluation.metadata.items()}


def end_early(world: World, rows: int) -> None:
    """Let the next job return only its first rows, as though these were all."""

    def cut() -> None:
        job = world.sandbox.jobs[-1]
        assert job.found is not None
        job.found = job.found[:rows]

    world.sandbox.behaviour.interrupt("/results", cut, after=1)


# -- how much is there -------------------------------------------------------------------------------------------------


def test_a_complete_day_is_all_there(world: World) -> None:
    read(world, page_size=7)
    passed, said = result(compute(world), AS_MANY)
    assert passed
    assert (said["missing"], said["tolerance"]) == (0, "0.1%")
    assert figures_of_day(world) == DayFigures(
        day=DAY,
        total_hits=60,
        exact_count=None,
        rows=60,
        conversations_read=60,
        pages_read=9,
        pages_expected=9,
        pages_stored=9,
        duplicates_dropped=0,
        rereads=None,
        moved_again=False,
    )
    for figure in ("total_hits", "pages_expected", "duplicates_dropped"):
        assert figure in said["days"]


def test_a_verdict_does_not_count_for_rows_that_are_stored_while_the_check_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def figures_before_rows_are_lost(lake: Lake, day: str) -> DayFigures | str:
        figures = day_figures(lake, day)
        Lake(lake.store).write(TABLE, CONVERSATIONS, CONVERSATIONS.empty(), day, {}, reach=lake.reach(TABLE, day))
        return figures

    read(world)
    monkeypatch.setattr(completeness, "day_figures", figures_before_rows_are_lost)
    passed, _ = result(compute(world), AS_MANY)
    assert passed
    known = verdicts(world.lake, DAY)["conversations", AS_MANY][1]
    assert known != checked_rows(world.lake, DAY, CHECKED["conversations"].places)


def test_a_job_that_ended_early_without_a_word_is_found_out(world: World) -> None:
    end_early(world, 40)
    read(world, page_size=20)
    passed, said = result(compute(world), AS_MANY)
    assert not passed
    assert said["problems"] == f"- {DAY}: 20 of 60 conversations are missing"
    of_day = figures_of_day(world)
    assert (of_day.pages_read, of_day.pages_expected) == (2, 3)


def test_conversations_that_came_and_are_not_in_the_table_are_missing_whatever_is_tolerated(world: World) -> None:
    read(world)
    compute(world)
    world.lake.write(TABLE, CONVERSATIONS, world.lake.read(TABLE, DAY).slice(1), DAY, {})
    assert figures_of_day(world).problems(Tolerance(count=5)) == ["1 conversations were read and are not in the table"]


def test_pages_that_were_read_and_are_not_stored_are_missed(world: World) -> None:
    read(world, page_size=20)
    compute(world)
    pages = world.lake.pages(DETAILS, DAY)
    assert pages is not None
    kept = list(pages)[:2]
    with world.lake.page_writers(DETAILS, [DAY], pages.provenance) as writers:
        writers[DAY].reach = pages.reach
        for page in kept:
            writers[DAY].write(page)
    assert figures_of_day(world).problems(EXACT) == ["3 pages were read and 2 are stored"]


@pytest.mark.parametrize(("total", "tolerance", "passes"), [(62, "2", True), (62, "1", False), (62, "4%", True)])
def test_an_estimate_may_be_too_high_by_the_tolerance(total: int, tolerance: str, passes: bool) -> None:
    of_day = DayFigures(DAY, total, None, 60, 60, 1, 1, 1, 0, None, False)
    assert (of_day.problems(Tolerance.parse(tolerance)) == []) is passes


def test_a_place_is_no_estimate() -> None:
    of_day = DayFigures(DAY, 62, 60, 60, 60, 1, 1, 1, 0, None, False)
    assert (of_day.problems(EXACT), of_day.missing) == ([], 0)
    (problem,) = DayFigures(DAY, 62, 61, 60, 60, 1, 1, 1, 0, None, False).problems(EXACT)
    assert problem == "1 of 61 conversations are missing"


@pytest.mark.long
@pytest.mark.parametrize("by", ["job", "hours at once", "hour by hour", "a job that is not done"])
def test_an_estimate_that_is_2_too_high_is_no_reason_where_every_row_is_there(world: World, by: str) -> None:
    world.sandbox.behaviour.total_hits_too_many = 2
    if by == "hours at once":
        assert world.run("hourly", OF_HOURS, between=hours(DAY)).success
    elif by == "hour by hour":
        for hour in hours_of(DAY):
            assert world.run("hourly", OF_HOURS, partition=hour).success
    else:
        if by != "job":
            world.sandbox.behaviour.availability = datetime.fromisoformat(f"{DAY}T20:00:00Z")
        read(world)
    passed, said = result(compute(world), AS_MANY)
    assert (passed, said["missing"]) == (True, 0)
    day = figures_of_day(world)
    assert (day.total_hits, day.exact_count, day.rows) == (62, 60, 60)


def test_a_job_that_ended_early_is_found_out_whatever_the_estimate(world: World) -> None:
    world.sandbox.behaviour.total_hits_too_many = 2
    end_early(world, 58)
    read(world, page_size=20)
    passed, said = result(compute(world), AS_MANY)
    assert not passed
    assert said["problems"] == f"- {DAY}: 2 of 60 conversations are missing"


def test_more_rows_than_the_estimate_are_no_problem() -> None:
    assert DayFigures(DAY, 58, None, 60, 60, 1, 1, 1, 0, None, False).problems(EXACT) == []


def test_pages_that_kept_moving_are_reported() -> None:
    (problem,) = DayFigures(DAY, 60, None, 60, 60, 1, 1, 1, 0, 1, True).problems(EXACT)
    assert "again when they were read once more" in problem


def test_hours_are_compared_with_the_last_total_of_their_day(world: World) -> None:
    """Hour by hour. A conversation that arrives after its hour was read is missing until the hour is read again."""
    assert world.run("hourly", OF_HOURS, between=hours(DAY)).success
    organisation = world.sandbox.organisation
    planted = {**organisation.conversations(DATE)[30], "conversationId": "00000000-0000-4000-8000-000000000001"}
    organisation.plant(planted)
    assert world.run("hourly", OF_HOURS, partition=f"{DAY}-00:00").success
    passed, said = result(compute(world), AS_MANY)
    assert not passed
    assert said["problems"] == f"- {DAY}: 1 of 61 conversations are missing"
    assert world.run("hourly", OF_HOURS, between=hours(DAY)).success
    assert result(compute(world), AS_MANY)[0]


def test_an_unfinished_reading_of_a_finished_day_is_measured_too(world: World) -> None:
    world.sandbox.behaviour.availability = datetime.fromisoformat(f"{DAY}T20:00:00Z")
    read(world)
    assert result(compute(world), AS_MANY)[0]
    of_day = figures_of_day(world)
    assert (of_day.total_hits, of_day.rows, of_day.rereads) == (60, 60, 0)


def test_a_day_without_a_total_is_not_judged(world: World) -> None:
    assert day_figures(world.lake, DAY) == "conversations is not stored"
    read(world)
    compute(world)
    pages = world.lake.pages(DETAILS, DAY)
    assert pages is not None
    told = pages.provenance
    read_before = {**told, "day_read_at": f"{DAY}T23:00:00+00:00"}
    for provenance, reason in (
        ({name: value for name, value in told.items() if not name.startswith("day_")}, "the platform gave no total"),
        (read_before, f"it was last read at {DAY}T23:00:00+00:00, before it was over"),
    ):
        with world.lake.page_writers(DETAILS, [DAY], provenance):
            pass
        assert day_figures(world.lake, DAY) == reason


def test_a_day_is_judged_from_its_end_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read(world)
    compute(world)
    midnight = datetime(2026, 1, 29, tzinfo=NOW.tzinfo)
    monkeypatch.setattr(completeness, "datetime", standing_at(midnight - timedelta(milliseconds=1)))
    assert day_figures(world.lake, DAY) == "the day is not over"
    monkeypatch.setattr(completeness, "datetime", standing_at(midnight))
    assert isinstance(day_figures(world.lake, DAY), DayFigures)


def test_a_day_that_is_not_judged_says_why_and_warns(world: World) -> None:
    read(world)
    with world.lake.page_writers(DETAILS, [DAY], {"is_complete": True, "data_available_through": f"{DAY}"}):
        pass
    run = compute(world)
    passed, said = result(run, AS_MANY)
    (evaluation,) = (check for check in run.get_asset_check_evaluations() if check.check_name == AS_MANY)
    assert (passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert said["not_evaluated"] == f"- {DAY}: the platform gave no total"
    assert "missing" not in said


# -- how much there was ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "passes"), [(1, True), (30, True), (31, False), (59, False)])
def test_a_day_that_lost_more_than_half_warns(world: World, gone: int, passes: bool) -> None:
    passed, _ = result(read(world), NOT_SHRUNK)
    assert passed
    for item in world.sandbox.organisation.conversations(DATE)[:gone]:
        world.sandbox.organisation.delete(item["conversationId"])
    run = read(world)
    passed, said = result(run, NOT_SHRUNK)
    assert passed is passes
    assert said == ({} if passes else {"problems": f"- {DAY}: 60 before, {60 - gone} now"})
    (evaluation,) = (check for check in run.get_asset_check_evaluations() if check.check_name == NOT_SHRUNK)
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert result(read(world), NOT_SHRUNK)[0], "the next reading has as many conversations as this one"


def test_a_day_without_figures_has_not_shrunk(world: World) -> None:
    assert find_shrinkage(world.lake, DAY) is None
    with world.lake.page_writers(DETAILS, [DAY], {}):
        pass
    assert find_shrinkage(world.lake, DAY) is None

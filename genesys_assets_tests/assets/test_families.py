"""Families of aggregates from the platform to their tables and reports, also where the platform refuses one family."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.assets import aggregates
from genesys_assets.automation.backlog import hours_backlog
from genesys_assets.automation.stale import can_make_report, can_make_table, tables_backlog
from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.cloud.http import retry
from genesys_assets.cloud.http.page import Page
from genesys_assets.days.families import answers_to_keep
from genesys_assets.forgetting import lakewide
from genesys_assets.partitions import Calendar
from genesys_assets.privacy.forgotten import Kind
from genesys_assets.reports.built_in import asked_in_any_case, built_in_reports
from genesys_assets.sandbox.server import running
from genesys_assets.tables.metrics.buckets import FAMILY_METRICS
from genesys_assets_tests.assets.world import World, definitions, environment, error, events, hours, key, metadata
from genesys_assets_tests.conftest import NOW

DAY = "2026-01-28"
HOURS, CHECK = "pages/hourly_aggregates", "every_family_is_answered"
OTHERS = [name for name in FAMILIES if name != "conversations"]
FLOWS = FAMILIES["flows"]
REPORTS = {report.name: report for report in built_in_reports()}
Row = dict[str, Any]


@pytest.fixture(scope="session")
def all_families() -> dg.Definitions:
    """A code location that keeps every family."""
    return definitions(DAY, settings={"GENESYS_ASSETS_FAMILIES": ",".join(OTHERS)})


@pytest.fixture
def busy(tmp_path: Path, all_families: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world with a busy day, on which every hour asked for every family."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    with running(conversations_per_day=300, now=NOW, requests_per_minute=None) as sandbox:
        yield World(sandbox, tmp_path / "lake", all_families)


def rows(world: World, place: str) -> list[Row]:
    schema = world.lake.schema(place, DAY)
    found: list[Row] = world.lake.read(place, DAY, schema=schema).to_pylist()
    return found


def verdict(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = (each for each in run.get_asset_check_evaluations() if each.check_name == CHECK)
    return found


def calendar() -> Calendar:
    with environment({"GENESYS_ASSETS_START_DATE": DAY}):
        return Calendar.from_environment()


def test_a_run_without_the_permission_keeps_the_answers_of_one_that_had_it_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour, behaviour, begun = f"{DAY}-10:00", world.sandbox.behaviour, iter([True])

    def while_another_run_is_answered(*given: Any) -> dict[str, list[Page]]:
        kept = answers_to_keep(*given)
        if next(begun, False):
            behaviour.missing_permissions = set()
            assert world.run("hourly", HOURS, partition=hour).success
        return kept

    behaviour.missing_permissions = {FLOWS.permission}
    monkeypatch.setattr(aggregates, "answers_to_keep", while_another_run_is_answered)
    assert world.run("hourly", HOURS, partition=hour).success
    asked = [json.loads(page.request)["path"] for page in world.lake.pages(HOURS, hour) or ()]
    assert asked.count(FLOWS.path) == 1


@pytest.mark.long
def test_a_page_of_every_family_arrives_in_its_table(busy: World) -> None:
    assert busy.run("upkeep", "reference/users").success
    assert busy.run("hourly", HOURS, between=hours(DAY)).success
    for name in OTHERS:
        spec = FAMILY_METRICS[name]
        assert busy.run("recompute", f"tables/{spec.name}", partition=DAY).success
        found = rows(busy, f"tables/{spec.name}")
        assert {row["metric"] for row in found} <= set(FAMILIES[name].metrics)
        assert found, name
        identities = [tuple(row[column] for column in spec.key) for row in found]
        assert len(set(identities)) == len(identities)
        reach = busy.lake.reach(f"tables/{spec.name}", DAY)
        assert reach is not None
        assert reach.covers_day(DAY)
        (asked,) = reach.questions.values()
        assert set(asked) == set(FAMILIES[name].metrics)


def test_the_figures_of_a_family_are_those_of_its_answers(busy: World) -> None:
    busy.run("hourly", HOURS, between=hours(DAY))
    busy.run("recompute", "tables/surveys_metrics", partition=DAY)
    said: dict[tuple[str, str], float] = {}
    for hour in busy.lake.page_partitions(HOURS):
        for page in busy.lake.pages(HOURS, hour) or ():
            if json.loads(page.request)["path"] != FAMILIES["surveys"].path:
                continue
            for result in json.loads(page.body)["results"]:
                for bucket in result["data"]:
                    for metric in bucket["metrics"]:
                        name = (bucket["interval"][:23], metric["metric"])
                        said[name] = said.get(name, 0) + metric["stats"]["count"]
    stored: dict[tuple[str, str], float] = {}
    for row in rows(busy, "tables/surveys_metrics"):
        name = (f"{row['interval_start']:%Y-%m-%dT%H:%M:%S}.000", row["metric"])
        stored[name] = stored.get(name, 0) + row["count"]
    assert stored == said
    assert stored


def test_only_wanted_families_are_requested(world: World) -> None:
    run = world.run("hourly", HOURS, partition=f"{DAY}-10:00")
    asked = [json.loads(page.request)["path"] for page in world.lake.pages(HOURS, f"{DAY}-10:00") or ()]
    wanted = [question.family.path for question in asked_in_any_case()]
    assert sorted(asked) == sorted(wanted)
    assert metadata(run, HOURS)["requests"] == len(wanted)
    assert {key(f"tables/{spec.name}") for spec in FAMILY_METRICS.values()} & set(
        world.definitions.resolve_asset_graph().get_all_asset_keys()
    ) == {key(f"tables/{name}_metrics") for name in ("flows", "evaluations", "surveys", "resolutions")}


def test_a_family_without_permission_leaves_everything_else_as_it_was(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    run = world.run("hourly", HOURS, between=hours(DAY))
    assert run.success
    assert not verdict(run).passed
    assert verdict(run).severity is dg.AssetCheckSeverity.WARN
    assert FLOWS.permission in str(verdict(run).metadata["flows"].value)
    assert FLOWS.permission in metadata(run, HOURS, f"{DAY}-10:00")["unanswered"]["flows"]
    assert f"The family flows stays unanswered: the permission {FLOWS.permission} is missing" in events(
        world.instance, run
    )
    assert world.run("recompute", "tables/interval_metrics", "tables/surveys_metrics", partition=DAY).success
    assert rows(world, "tables/interval_metrics")
    assert world.lake.has("tables/surveys_metrics", DAY)


def test_what_was_refused_once_is_not_asked_again_by_the_same_run(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    settings = {"GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS": "1"}
    replace(world, settings=settings).run("hourly", HOURS, between=hours("2026-01-27", DAY))
    assert world.sandbox.requested("flows/aggregates") == 1
    assert world.sandbox.requested("surveys/aggregates") == 2


def test_a_refused_family_has_no_table_and_its_report_names_the_permission(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    world.run("hourly", HOURS, between=hours(DAY))
    run = world.run("recompute", "tables/flows_metrics", partition=DAY)
    assert run.success
    assert not world.lake.has("tables/flows_metrics", DAY)
    assert f"flows_metrics has no partition for {DAY}: the permission {FLOWS.permission} is missing" in events(
        world.instance, run
    )
    failed = world.run("recompute", "reports/flows", partition=DAY)
    assert f"The platform did not answer questions about the family flows: the permission {FLOWS.permission}" in error(
        failed
    )


def test_no_sensor_repeats_a_refused_request_again_and_again(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    world.run("hourly", HOURS, between=hours(DAY))
    world.run("recompute", "tables/interval_metrics", "tables/surveys_metrics", partition=DAY)
    now = datetime(2026, 1, 29, 1, tzinfo=UTC)
    lake, families = world.lake, [FLOWS, FAMILIES["surveys"]]
    assert not can_make_table(lake, "tables/flows_metrics", DAY, now)
    wanted = tables_backlog(lake, calendar(), now, families)
    assert {"tables/flows_metrics", "tables/surveys_metrics"}.isdisjoint(wanted.get(DAY, ()))
    assert not can_make_report(lake, calendar(), REPORTS["flows"], DAY)
    asked = hours_backlog(lake, calendar(), now, asked_in_any_case())
    assert not any(HOURS in assets for hour, assets in asked.items() if hour.startswith(DAY))


def test_a_permission_that_is_given_later_fills_the_table_when_hours_are_read_again(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    world.run("hourly", HOURS, between=hours(DAY))
    world.sandbox.behaviour.missing_permissions = set()
    world.run("hourly", HOURS, between=hours(DAY))
    now = datetime(2026, 1, 29, 1, tzinfo=UTC)
    assert can_make_table(world.lake, "tables/flows_metrics", DAY, now)
    assert "tables/flows_metrics" in tables_backlog(world.lake, calendar(), now, [FLOWS])[DAY]
    assert world.run("recompute", "tables/flows_metrics", "reports/flows", partition=DAY).success
    assert rows(world, "reports/flows")


def test_a_look_back_after_a_permission_was_lost_keeps_the_stored_answers(world: World) -> None:
    world.run("hourly", HOURS, between=hours(DAY))
    world.run("recompute", "tables/flows_metrics", partition=DAY)
    before = rows(world, "tables/flows_metrics")
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    run = world.run("hourly", HOURS, between=hours(DAY))
    assert run.success
    assert not verdict(run).passed
    assert f"The stored answers of the family flows are kept for 24 partitions, {DAY}-00:00 to" in events(
        world.instance, run
    )
    # A second look-back must not lose them either.
    assert world.run("hourly", HOURS, partition=f"{DAY}-10:00").success
    assert world.run("recompute", "tables/flows_metrics", "tables/surveys_metrics", partition=DAY).success
    assert rows(world, "tables/flows_metrics") == before
    assert before
    world.sandbox.behaviour.missing_permissions = set()
    assert world.run("hourly", HOURS, between=hours(DAY)).success
    asked = [json.loads(page.request)["path"] for page in world.lake.pages(HOURS, f"{DAY}-10:00") or ()]
    assert asked.count(FLOWS.path) == 1


@pytest.mark.long
def test_a_day_of_which_only_some_hours_were_answered_has_no_report(world: World) -> None:
    world.run("hourly", HOURS, between=(f"{DAY}-00:00", f"{DAY}-11:00"))
    world.sandbox.behaviour.missing_permissions = {FLOWS.permission}
    world.run("hourly", HOURS, between=(f"{DAY}-12:00", f"{DAY}-23:00"))
    assert world.run("recompute", "tables/flows_metrics", partition=DAY).success
    reach = world.lake.reach("tables/flows_metrics", DAY)
    assert reach is not None
    assert (reach.through, reach.questions) == (datetime(2026, 1, 28, 12, tzinfo=UTC), {})
    assert FLOWS.permission in error(world.run("recompute", "reports/flows", partition=DAY))


def test_a_family_that_the_platform_does_not_have_stays_unanswered(world: World) -> None:
    world.sandbox.behaviour.fail_next(404, times=9, path="resolutions/aggregates")
    run = world.run("hourly", HOURS, partition=f"{DAY}-10:00")
    assert run.success
    assert str(verdict(run).metadata["resolutions"].value).startswith("the platform refused it")


def test_conversations_that_are_refused_end_the_run(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {FAMILIES["conversations"].permission}
    assert not world.run("hourly", HOURS, partition=f"{DAY}-10:00").success
    assert not world.lake.has(HOURS, f"{DAY}-10:00")


@pytest.mark.parametrize("action", ["hash", "drop"])
def test_users_are_not_asked_by_hashes_and_the_reason_is_named(world: World, action: str) -> None:
    personal = {"GENESYS_ASSETS_PERSONAL_DATA": f"person={action}", "GENESYS_ASSETS_PERSONAL_DATA_KEY": "k" * 32}
    protecting = replace(
        world, definitions=definitions(DAY, settings={"GENESYS_ASSETS_FAMILIES": "users"}), settings=personal
    )
    assert protecting.run("upkeep", "reference/users").success
    run = protecting.run("hourly", HOURS, partition=f"{DAY}-10:00")
    assert run.success
    assert "with GENESYS_ASSETS_PERSONAL_DATA the lake stores only hashes of user ids" in str(
        verdict(run).metadata["users"].value
    )
    assert protecting.sandbox.requested("users/aggregates") == 0


def test_a_forgotten_user_is_not_asked_for(world: World) -> None:
    with_users = replace(world, definitions=definitions(DAY, settings={"GENESYS_ASSETS_FAMILIES": "users"}))
    assert with_users.run("upkeep", "reference/users").success
    gone = with_users.sandbox.organisation.directory.users[0]["id"]
    lakewide.forget(with_users.lake, {Kind.USER: [gone]}, datetime.now(UTC))
    assert with_users.run("hourly", HOURS, partition=f"{DAY}-10:00").success
    pages = with_users.lake.pages(HOURS, f"{DAY}-10:00")
    assert pages is not None
    asked = "".join(page.request for page in pages)
    assert with_users.sandbox.organisation.directory.users[1]["id"] in asked
    assert "forgotten:" not in asked


@pytest.mark.long
def test_users_are_asked_in_batches_once_the_listing_has_them(busy: World) -> None:
    with_users = replace(busy, definitions=definitions(DAY, settings={"GENESYS_ASSETS_FAMILIES": "users"}))
    first = with_users.run("hourly", HOURS, partition=f"{DAY}-10:00")
    assert "genesys/reference/users has no users yet" in str(verdict(first).metadata["users"].value)
    assert with_users.run("upkeep", "reference/users").success
    second = with_users.run("hourly", HOURS, between=hours(DAY))
    assert verdict(second).passed
    assert with_users.sandbox.requested("users/aggregates") == 1
    assert with_users.run("recompute", "tables/users_metrics", partition=DAY).success
    found = rows(with_users, "tables/users_metrics")
    assert {row["metric"] for row in found} <= set(FAMILIES["users"].metrics)
    assert {row["qualifier"] for row in found if row["metric"] == "tAgentRoutingStatus"} & {"IDLE", "INTERACTING"}
    presences = {row["system_presence"] for row in found if row["metric"] == "tOrganizationPresence"}
    assert "ON_QUEUE" in presences | {row["qualifier"] for row in found}
    reach = with_users.lake.reach("tables/users_metrics", DAY)
    assert reach is not None
    assert set(reach.questions["userId "]) == set(FAMILIES["users"].metrics)

"""Compares the requests that runs stored with the platform's own count."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.cloud.http import retry
from genesys_assets.cloud.http.request_log import template
from genesys_assets.lake.request_log import PLACE as REQUESTS
from genesys_assets.sandbox.server import ServedRequest, running
from genesys_assets.tables.api_usage import API_USAGE
from genesys_assets_tests.assets.world import COST, World, metadata
from genesys_assets_tests.conftest import DAYS, NOW

ALLOWED = 5_000
HOUR = f"{DAYS[-1]}-03:00"


@pytest.fixture
def world(tmp_path: Path, code_location: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose platform sends the headers of its rate limit."""
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    with running(conversations_per_day=60, now=NOW, requests_per_minute=ALLOWED) as sandbox:
        yield World(sandbox, tmp_path / "lake", code_location)


def days(world: World) -> list[str]:
    """The days on which requests were sent: a test may run over midnight."""
    return world.lake.page_partitions(REQUESTS)


def stored(world: World) -> list[dict[str, Any]]:
    return [row for day in days(world) for row in world.lake.read(REQUESTS, day).to_pylist()]


def counted(world: World) -> list[ServedRequest]:
    """The requests that the platform answered, without logins."""
    return [each for each in world.sandbox.answered if each.path != "/oauth/token"]


def test_every_request_of_every_run_is_stored_once_with_what_it_was_for(world: World) -> None:
    assert world.run("hourly", partition=HOUR).success
    assert world.run("upkeep", "reference/users", "reference/flows").success
    rows = stored(world)
    assert len({row["request_id"] for row in rows}) == len(rows)
    assert Counter((row["method"], row["path"], row["status"], row["bytes"]) for row in rows) == Counter(
        (each.method, template(each.path), each.status, each.size) for each in counted(world)
    )
    assert {(row["asset"], row["partition"]) for row in rows} == {
        ("pages/hourly_aggregates", HOUR),
        ("pages/hourly_details", HOUR),
        ("reference/flows", None),
        ("reference/users", None),
    }
    assert {row["run_id"] for row in rows} == {run.run_id for run in world.runs}


def test_a_run_that_fails_leaves_what_it_asked(world: World) -> None:
    world.sandbox.behaviour.missing_permissions = {"routing:skill:view"}
    assert not world.run("upkeep", "reference/skills").success
    (row,) = stored(world)
    assert (row["path"], row["status"], row["asset"]) == ("/api/v2/routing/skills", 403, "reference/skills")


def test_what_a_range_asks_names_its_first_and_last_partition(world: World) -> None:
    first, last = f"{DAYS[-1]}-03:00", f"{DAYS[-1]}-05:00"
    assert world.run("hourly", "pages/hourly_aggregates", between=(first, last)).success
    assert {row["partition"] for row in stored(world)} == {f"{first}...{last}"}


def test_the_cost_of_a_day_is_what_the_platform_counted(world: World) -> None:
    behaviour = world.sandbox.behaviour
    behaviour.fail_next(429, times=3, path="/aggregates/query", headers={"Retry-After": "0"})
    behaviour.fail_next(503, path="/routing/queues")
    assert world.run("hourly", partition=HOUR).success
    assert world.run("upkeep", "reference/queues", "reference/users").success
    # Requests that were sent on another day count for that day.
    (day,) = {f"{row['time']:%Y-%m-%d}" for row in stored(world)}
    run = world.run("recompute", COST, partition=day)
    assert run.success
    expected: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for each in counted(world):
        of_path = expected[each.method, template(each.path)]
        of_path["attempts"] += 1
        of_path["rate_limited"] += each.status == 429
        of_path["failed"] += each.status is None or each.status >= 400
        of_path["bytes"] += each.size
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in world.lake.read(COST, day).to_pylist():
        for name in ("attempts", "rate_limited", "failed", "bytes"):
            found[row["method"], row["path"]][name] += row[name] or 0
        assert row["budget_share"] == pytest.approx(row["attempts"] / (ALLOWED * 1440))
    assert {key: +figures for key, figures in found.items()} == {key: +figures for key, figures in expected.items()}
    assert sum(figures["rate_limited"] for figures in found.values()) == 3
    assert sum(figures["failed"] for figures in found.values()) == 4
    rows = world.lake.read(COST, day).to_pylist()
    assert sum(row["requests"] for row in rows) == len(counted(world)) - 4
    (check,) = (each for each in run.get_asset_check_evaluations() if each.check_name == "within_budget_share")
    assert check.passed
    assert metadata(run, COST, day)["dagster/partition_row_count"] == len(rows)


def test_a_day_above_the_share_that_is_set_is_a_warning_that_says_what_to_do(world: World) -> None:
    demanding = replace(world, settings={"GENESYS_ASSETS_API_BUDGET_SHARE": "0.0000001"})
    assert demanding.run("upkeep", "reference/divisions").success
    run = demanding.run("recompute", COST, partition=days(world)[-1])
    assert run.success
    (check,) = (each for each in run.get_asset_check_evaluations() if each.check_name == "within_budget_share")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "GENESYS_ASSETS_API_BUDGET_SHARE" in str(check.metadata["problem"].value)


def test_a_count_of_zero_is_shown_and_an_unknown_one_is_not(world: World) -> None:
    assert world.run("upkeep", "reference/divisions").success
    day = days(world)[-1]

    def check_metadata() -> dict[str, object]:
        run = world.run("recompute", COST, partition=day)
        (check,) = (each for each in run.get_asset_check_evaluations() if each.check_name == "within_budget_share")
        return {name: value.value for name, value in check.metadata.items()}

    name = f"platform counted on {day}"
    assert name not in check_metadata()
    world.lake.write("reference/api_usage", API_USAGE, API_USAGE.empty(), day, {})
    assert check_metadata()[name] == 0

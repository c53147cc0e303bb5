"""A day on which a blocking check fails is not processed further; other days are not affected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from genesys_assets.days.verdicts import Verdict, store_verdicts
from genesys_assets_tests.assets.world import World, error, without_reports
from genesys_assets_tests.conftest import DAYS

pytestmark = pytest.mark.long

FIRST, SECOND = f"{DAYS[0]}", f"{DAYS[1]}"
FAILS = Verdict("session_metrics", "users_match_interval_metrics", False, is_blocking=True, says="1 of 9 differ")
REPORT = "reports/conversation_type"


@pytest.fixture
def world(past_days: World, tmp_path: Path) -> World:
    """The past days without reports. The first day fails a check that blocks."""
    world = without_reports(past_days, tmp_path)
    store_verdicts(world.lake, FIRST, [FAILS], 1, {})
    return world


def test_a_report_is_not_made_of_that_day_and_is_made_of_the_others(world: World) -> None:
    run = world.run("recompute", REPORT, between=(FIRST, SECOND))
    said = error(run)
    assert (
        f"{FIRST}: nothing is computed from {FIRST}: the check users_match_interval_metrics of genesys/tables/" in said
    )
    assert "1 of 9 differ" in said
    assert (world.lake.has(REPORT, FIRST), world.lake.has(REPORT, SECOND)) == (False, True)


def test_that_day_is_not_published(world: World, tmp_path: Path) -> None:
    run = world.run("recompute", "published/reports", partition=FIRST)
    assert f"{FIRST}: nothing is computed from {FIRST}" in error(run)
    assert not (tmp_path / "published").exists()


def test_where_differences_do_not_block_it_is_made(world: World) -> None:
    accepting = replace(world, settings={**world.settings, "GENESYS_ASSETS_RECONCILE_BLOCKING": "false"})
    assert accepting.run("recompute", REPORT, partition=FIRST).success

"""The sensor of a report in another code location: with blocking checks it waits until a day is checked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import time_machine

from genesys_assets.automation import standalone_sensor
from genesys_assets.automation.next_run import Backlog
from genesys_assets.automation.stale import closed_by_checks
from genesys_assets.automation.standalone_sensor import build_standalone_sensor
from genesys_assets.checks.checked_tables import CHECKED
from genesys_assets.days.verdicts import Verdict, checked_rows, store_verdicts
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets_tests.automation.conftest import calendar

DAY, NOW = "2026-02-19", datetime(2026, 2, 20, 6, tzinfo=UTC)
CALENDAR = calendar(date.fromisoformat(DAY))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A day whose conversations are stored."""
    lake = Lake(LocalStore(tmp_path))
    lake.write("tables/conversations", CONVERSATIONS, CONVERSATIONS.empty(), DAY, {"run_id": "r"})
    return lake.refreshed()


@pytest.mark.parametrize(("is_blocking", "closed"), [("true", {DAY}), ("false", set())])
def test_a_day_that_was_not_checked_yet_waits_where_checks_are_blocking(
    lake: Lake, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch, is_blocking: str, closed: set[str]
) -> None:
    asked: list[set[str]] = []

    def backlog(*arguments: Any) -> Backlog:
        waiting: Collection[str] = arguments[-1]
        asked.append({*waiting})
        return {}

    monkeypatch.setenv("GENESYS_ASSETS_RECONCILE_BLOCKING", is_blocking)
    monkeypatch.setattr(standalone_sensor, "shared_lake", lambda: lake)
    monkeypatch.setattr(standalone_sensor, "reports_backlog", backlog)
    sensor = build_standalone_sensor(CALENDAR, built_in_reports()[0])
    location = definitions.get_repository_def()
    with (
        time_machine.travel(NOW, tick=False),
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, repository_def=location) as context,
    ):
        sensor.evaluate_tick(context)
    assert asked == [closed]


@pytest.mark.parametrize(("passed", "closed"), [(True, set()), (False, {DAY})])
def test_a_day_that_was_checked_waits_only_if_a_check_failed(lake: Lake, passed: bool, closed: set[str]) -> None:
    assert closed_by_checks(lake, CALENDAR, NOW) == {DAY}
    checked = CHECKED["conversations"]
    verdicts = [Verdict("conversations", check, passed, is_blocking=True, says="3 of 40") for check in checked.checks]
    store_verdicts(lake, DAY, verdicts, checked_rows(lake, DAY, checked.places), {})
    assert closed_by_checks(lake.refreshed(), CALENDAR, NOW) == closed

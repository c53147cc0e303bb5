"""Reports of which the lake has another definition than that of their stored rows: it was changed and only another day
was computed, or a run was killed after it had stored the definition.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.forgetting import recomputed
from genesys_assets.privacy.forgotten import Kind, remember
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.stored import StoredDay
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.stored_definitions import store_definition
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.forgetting.scene import (
    BYSTANDER,
    DAY,
    OF_CONTACT,
    VICTIM,
    Scene,
)

pytestmark = pytest.mark.long

CHANGED = """\
reports:
  colours:
    description: Now what the platform counts.
    group_by: [queueId]
    aggregates: {metrics: {handled: tHandle.count}}
"""


def redefine(scene: Scene, text: str) -> None:
    """Change the definition of `colours`, and store it, but no rows."""
    (scene.home / "reports.yaml").write_text(text)
    with environment(scene.world.environment):
        store_definition(scene.lake, scene.reports()["colours"], ZoneInfo("UTC"), date.min)


def test_rows_of_an_older_definition_that_read_more_are_made_again(scene: Scene) -> None:
    redefine(scene, CHANGED)
    assert "mauve" in str(scene.rows("reports/colours"))
    assert scene.forget(Kind.CONVERSATION, VICTIM).problems == {}
    assert scene.files_with(VICTIM, *OF_CONTACT) == {}


def test_a_report_that_is_computed_while_another_process_forgets_is_withdrawn(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(report: Report, stored: StoredDay) -> pa.Table:
        if report.name == "colours":
            remember(scene.lake.store, Kind.CONVERSATION, [BYSTANDER], scene.lake.protection)
        return compute(report, stored)

    monkeypatch.setattr(recomputed, "compute", meanwhile)
    report = scene.forget(Kind.CONVERSATION, VICTIM)
    assert "was forgotten while it was computed" in report.withdrawn[f"reports/colours {DAY}"]
    assert scene.lake.has("reports/callers", DAY)
    assert scene.files_with(VICTIM, *OF_CONTACT) == {}

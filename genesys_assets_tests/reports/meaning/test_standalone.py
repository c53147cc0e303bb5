"""A report in another code location can use everything that an entry of reports.yaml can, for figures that the pipeline
fetches anyway."""

from __future__ import annotations

from typing import Any

import pytest

from genesys_assets.reports.meaning.standalone import StandaloneReport

ENTRY: dict[str, Any] = {
    "name": "mine",
    "description": "One row per queue.",
    "group_by": ["queueId"],
    "aggregates": {"metrics": {"handled": "tHandle.count"}},
}


@pytest.mark.parametrize(
    "stated",
    [
        {"having": {"handled": {"gt": 1}}},
        {"over": "week"},
        {"over": {"rolling": 7}, "by_weekday": True},
        {"compare": {"columns": ["handled"]}},
    ],
)
def test_a_report_of_whichever_days_is_right(stated: dict[str, Any]) -> None:
    assert StandaloneReport.model_validate({**ENTRY, **stated}).name == "mine"

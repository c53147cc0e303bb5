"""A report in another code location is about one day: nobody there computes it again when another day has changed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from genesys_assets.reports.meaning.standalone import StandaloneReport

ENTRY: dict[str, Any] = {
    "name": "mine",
    "description": "One row per queue.",
    "group_by": ["queueId"],
    "aggregates": {"metrics": {"handled": "tHandle.count"}},
}


@pytest.mark.parametrize("stated", [{"over": "week"}, {"over": {"rolling": 7}}, {"compare": {"columns": ["handled"]}}])
def test_what_reads_other_days_belongs_into_reports_yaml(stated: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=rf"{next(iter(stated))} is for reports\.yaml of the code location"):
        StandaloneReport.model_validate({**ENTRY, **stated})


def test_a_report_of_a_day_is_right() -> None:
    assert StandaloneReport.model_validate({**ENTRY, "having": {"handled": {"gt": 1}}}).name == "mine"

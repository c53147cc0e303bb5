"""Which columns have names, and which class of personal data they belong to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.meaning.entries import read_text
from genesys_assets.reports.meaning.figures import class_of_names, history_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.names import HISTORIES


def report(*group_by: str, **entry: Any) -> Report:
    counted = {"table": "sessions", "measures": {"sessions": "count"}}
    details = {"details": counted, "group_by": list(group_by)}
    written = {"reports": {"mine": {"description": "One row.", **details, **entry}}}
    reading = read_text(json.dumps(written), "reports.yaml")
    assert not reading.problems, list(map(str, reading.problems))
    return reading.reports["mine"]


@pytest.mark.parametrize(
    ("column", "history"),
    [
        ("flow_id", "flows"),
        ("flow_outcome_id", "flow_outcomes"),
        ("team_id", "teams"),
        ("group_id", "groups"),
        ("requested_language_id", "languages"),
        ("outbound_campaign_id", "campaigns"),
        ("external_organization_id", "external_organizations"),
        ("organization_presence_id", "presence_definitions"),
        ("conversation.external_organization_id", "external_organizations"),
    ],
)
def test_ids_of_listings_have_names(column: str, history: str) -> None:
    assert history_of(column) == history
    assert history in HISTORIES


def columns_of(made: Report) -> list[str]:
    return [column.name for column in made.spec.columns if not column.name.startswith(("interval_", "local_"))]


def test_a_report_by_an_id_shows_its_name_and_depends_on_its_history() -> None:
    by_flow = report("flow_id")
    assert columns_of(by_flow) == ["flow_id", "flow_name", "sessions"]
    assert by_flow.histories == ("flows",)


def test_a_report_by_an_id_and_its_name_has_the_name_once_as_the_rows_have_it() -> None:
    by_both = report("flow_id", "flow_name")
    assert columns_of(by_both) == ["flow_id", "flow_name", "sessions"]
    assert by_both.histories == ()


def test_a_report_without_names_depends_on_no_history() -> None:
    assert report("flow_id", names=False).histories == ()


def test_names_of_external_organisations_belong_to_customers_and_those_of_users_to_agents() -> None:
    assert class_of_names("external_organizations") is PersonalData.CONTACT
    assert class_of_names("users") is PersonalData.PERSON
    assert class_of_names("flows") is PersonalData.NONE

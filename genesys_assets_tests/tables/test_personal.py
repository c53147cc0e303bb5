"""Every column has a class of personal data. Classified columns are tagged, and never shown where values stay
forever."""

from __future__ import annotations

import base64
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.assets.charts import chart_metadata
from genesys_assets.assets.common import PERSONAL_DATA, column_schema, preview_metadata
from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.days.verdicts import VERDICTS
from genesys_assets.lake.files import PAGES
from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.built_in import built_in_reports, operating_reports, page_reports
from genesys_assets.reports.language.model import ReportDefinition
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.api_requests import API_REQUESTS
from genesys_assets.tables.api_usage import API_USAGE
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.flat_tables import PARTICIPANTS, SESSIONS
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS
from genesys_assets.tables.entities import ENTITIES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, FAMILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES
from genesys_assets.tables.observations import QUEUE_MEMBERS, USER_SKILLS
from genesys_assets.tables.personal import MissingClass, by_name, class_of
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES
from genesys_assets.tables.spec import Column, TableSpec
from genesys_assets.tables.users.spans import USER_PRESENCE, USER_ROUTING_STATUS
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets.tables.users.waits import QUEUE_WAITS

SPECS = (
    *DAY_TABLES,
    *ENTITIES.values(),
    *HISTORIES.values(),
    API_REQUESTS,
    API_USAGE,
    QUEUE_MEMBERS,
    USER_SKILLS,
    *(LIVE_CONVERSATIONS, LIVE_QUEUES, INTERVAL_METRICS, DAILY_METRICS),
    *(USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME, QUEUE_WAITS),
    *FAMILY_METRICS.values(),
    *(OPEN_CONVERSATIONS, RESTATEMENTS, VERDICTS, PAGES),
)
REPORTS = (*built_in_reports(), *operating_reports(), *page_reports().values())
NONE, PERSON, CONTACT, CONTENT = PersonalData


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_column_of_every_table_has_a_class(spec: TableSpec) -> None:
    assert [class_of(spec.name, column.name) for column in spec.columns]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_column_of_every_report_has_a_class(report: Report) -> None:
    classes = {column.name: report.spec.personal(column) for column in report.spec.columns}
    assert classes.get("user_id", PERSON) == classes.get("user_name", PERSON) == PERSON
    assert classes.get("queue_name", NONE) is NONE


def test_every_dimension_that_aggregates_are_grouped_by_has_a_class() -> None:
    assert all(
        class_of(family.table, snake_case(dimension)) for family in FAMILIES.values() for dimension in family.dimensions
    )


def test_a_column_that_nobody_classified_is_an_error() -> None:
    spec = TableSpec("things", "", (), (Column("shoe_size", pa.int64(), ""),))
    with pytest.raises(MissingClass, match=r"things\.shoe_size has no class .* genesys_assets/tables/personal\.py"):
        column_schema(spec)


@pytest.mark.parametrize("name", ["name", "value", "id", "description", "title", "state"])
def test_a_name_that_means_several_things_has_no_class_by_itself(name: str) -> None:
    with pytest.raises(MissingClass):
        class_of("another table", name)


@pytest.mark.parametrize(
    ("table", "column", "class_"),
    [
        ("sessions", "ani", CONTACT),
        ("sessions", "callback_numbers", CONTACT),
        ("sessions", "user_id", PERSON),
        ("participants", "external_contact_id", CONTACT),
        ("participants", "participant_name", CONTACT),
        ("participant_attributes", "value", CONTENT),
        ("segments", "subject", CONTENT),
        ("segments", "wrap_up_note", CONTENT),
        ("users", "email", PERSON),
        ("users", "name", PERSON),
        ("queues", "name", NONE),
        ("conversations", "conversation_start", NONE),
    ],
)
def test_the_class_says_whose_data_a_column_has(table: str, column: str, class_: PersonalData) -> None:
    assert class_of(table, column) is class_


def test_columns_are_tagged_with_their_class() -> None:
    tags = {column.name: column.tags for column in column_schema(SESSIONS).columns}
    assert tags["ani"] == {PERSONAL_DATA: "contact"}
    assert tags["media_type"] == {PERSONAL_DATA: "none"}


def own_report(**stated: object) -> Report:
    details = {"table": "sessions", "measures": {"sessions": "count"}} | stated.pop("details", {})  # type: ignore[operator]
    return Report.of("own", ReportDefinition.model_validate({"description": "Own.", "details": details, **stated}))


def test_a_column_of_an_own_report_has_the_class_of_what_it_is_made_of() -> None:
    report = own_report(
        group_by=["queueId", "origin", "userId"],
        details={
            "group_by": {"origin": "ani"},
            "measures": {"sessions": "count", "remotes": {"distinct": "remote"}, "kinds": {"count_distinct": "remote"}},
        },
    )
    classes = {column.name: report.spec.personal(column) for column in report.spec.columns}
    assert {name: class_ for name, class_ in classes.items() if class_ is not NONE} == {
        "origin": CONTACT,
        "user_id": PERSON,
        "user_name": PERSON,
        "remotes": CONTACT,
    }


def test_a_preview_shows_no_column_of_a_class_and_no_id_of_a_conversation() -> None:
    row = {
        "conversation_id": "conv-1",
        "purpose": "customer",
        "participant_name": "Łucja Nowak",
        "user_id": "user-1",
        "external_contact_id": "contact-1",
    }
    said = preview_metadata(PARTICIPANTS, pa.Table.from_pylist([row], PARTICIPANTS.schema)).value
    assert "customer" in str(said)
    assert not [value for value in ("conv-1", "Łucja", "user-1", "contact-1") if value in str(said)]
    assert str(said).endswith("5 columns that hold personal data are not shown here")


def test_a_preview_of_nothing_but_personal_data_says_so() -> None:
    spec = TableSpec("users", "", (), (Column("email", pa.string(), ""),))
    said = preview_metadata(spec, pa.table({"email": ["a@example.com"]})).value
    assert said == "All 1 columns hold personal data, which is not shown here."


def picture(report: Report, rows: pa.Table) -> bytes:
    drawn = chart_metadata(report, rows, ZoneInfo("UTC"))["chart"].value
    return base64.b64decode(str(drawn).partition("base64,")[2].rstrip(")"))


def test_the_bars_of_a_chart_bear_no_names_of_agents() -> None:
    report = next(each for each in built_in_reports() if each.name == "agent_daily")
    assert report.chart is not None
    names = ["Ann", "Bob"], ["Cleo", "Dean"]
    rows = [
        pa.Table.from_pylist(
            [
                {"user_id": name, "user_name": name, report.chart.y: 5 - rank, "interval_start": None}
                for rank, name in enumerate(of)
            ],
            report.spec.schema,
        )
        for of in names
    ]
    assert picture(report, rows[0]) == picture(report, rows[1])


def test_a_name_that_is_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Declared more than once in .*: email, note\."):
        by_name({PersonalData.PERSON: "email note note", PersonalData.NONE: "day email"})

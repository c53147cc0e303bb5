"""The definitions of reports in a lake: each report that is read from there is the one that was stored."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets import GenesysReport
from genesys_assets.forgetting.logs import scrub_logs
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.privacy.forgotten import ForgottenIds, remember_names
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.reports.custom import CustomReports
from genesys_assets.reports.engine.made_of import made_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.stored_definitions import definition_key, store_definition, stored_definitions
from genesys_assets_tests.conftest import DAY

WORDS = (
    *("ann", "agent", "aggregates", "and", "calls", "compound", "conversations", "day", "definition", "description"),
    *("details", "dublin", "europe", "filter", "filters", "formula", "handled", "inbound", "metrics", "name"),
    "operator",
    *("queue", "report", "sum", "table", "the", "type", "value", "voice", "where"),
)
"""Names of users; most are also words of the language, of the platform or of the calendar."""
OF_ANN = {
    "name": "of_ann",
    "description": "One row per user, beside the agent Ann.",
    "group_by": ["userId"],
    "aggregates": {"filter": {"mediaType": "voice"}, "metrics": {"handled": "tHandle.count"}},
    "details": {
        "table": "participants",
        "where": {
            "type": "compound",
            "operator": "and",
            "filters": [
                {"type": "simple", "field": "participant_name", "operator": "eq", "value": "Ann"},
                {"participant_name": {"ne": ["Ann", "Bea"]}, "purpose": "agent"},
            ],
        },
        "measures": {"calls": "count"},
    },
    "columns": {
        "handled": {"description": "what Ann handled"},
        "description": "handled / calls",
    },
}
DUBLIN = ZoneInfo("Europe/Dublin")
EXAMPLES = Path(__file__).parents[2] / "reports.example.yaml"
CALLS = {
    "name": "calls",
    "description": "One row per queue.",
    "group_by": ["queueId"],
    "aggregates": {"filter": {"mediaType": "voice"}, "metrics": {"handled": "tHandle.count"}},
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def every_report() -> list[Report]:
    component = GenesysReport.from_attributes_dict(attributes=CALLS).report
    return [*built_in_reports(), *operating_reports(), *CustomReports.read(EXAMPLES).reports, component]


@pytest.mark.parametrize("report", every_report(), ids=lambda report: report.name)
def test_a_stored_report_is_the_same_report(lake: Lake, report: Report) -> None:
    store_definition(lake, report, DUBLIN, date(2026, 1, 1))
    stored = stored_definitions(lake)[report.name]
    assert (stored.zone, stored.start_date) == (DUBLIN, date(2026, 1, 1))
    assert (stored.report.spec, stored.report.time_zone) == (report.spec, report.time_zone)
    # The number covers the name, the definition and what the report reads.
    numbers = {made_of(lake, each, f"{DAY}", DUBLIN) for each in (report, stored.report)}
    assert len(numbers) == 1


def test_a_definition_that_did_not_change_is_not_written_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    store_definition(lake, built_in_reports()[0], DUBLIN, date.min)
    monkeypatch.setattr(LocalStore, "put", lambda *_: pytest.fail("it was written again"))
    store_definition(lake, built_in_reports()[0], DUBLIN, date.min)


@pytest.mark.parametrize(
    "body", ["", "[]", '{"definition": {}, "start_date": "2026-01-01", "time_zone": "UTC"}', '{"definition": "', "\x00"]
)
def test_a_definition_that_this_version_cannot_read_is_left_out(lake: Lake, body: str) -> None:
    store_definition(lake, built_in_reports()[0], DUBLIN, date.min)
    lake.store.put(definition_key("of_later_versions"), body.encode())
    assert [*stored_definitions(lake)] == [built_in_reports()[0].name]


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "Europe", ""])
def test_a_definition_in_an_unknown_time_zone_is_left_out(lake: Lake, zone: str) -> None:
    report = built_in_reports()[0]
    store_definition(lake, report, DUBLIN, date.min)
    body = lake.store.get(definition_key(report.name)) or b""
    lake.store.put(definition_key(report.name), body.replace(b"Europe/Dublin", zone.encode()))
    assert stored_definitions(lake) == {}


def _forgotten(lake: Lake) -> KnownTraces:
    """All words as names of forgotten users, each with a pseudonym."""
    names = {word: f"forgotten:{number:016x}" for number, word in enumerate(WORDS)}
    remember_names(lake.store, names)
    return KnownTraces(names=names)


def _of_ann() -> Report:
    return GenesysReport.from_attributes_dict(attributes=OF_ANN).report


def _check_that_only_ann_is_replaced(lake: Lake) -> None:
    body = (lake.store.get(definition_key("of_ann")) or b"").decode()
    assert "Ann" not in body
    stored = stored_definitions(lake)["of_ann"]
    assert (stored.zone, stored.report.spec.schema.names) == (DUBLIN, _of_ann().spec.schema.names)
    definition, before = stored.report.definition, _of_ann().definition
    [aggregates], [details] = definition.aggregate_sources, definition.details_sources
    assert [aggregates] == before.aggregate_sources
    assert details.where == {
        "type": "compound",
        "operator": "and",
        "filters": [
            {"type": "simple", "field": "participant_name", "operator": "eq", "value": "forgotten:0000000000000000"},
            {"participant_name": {"ne": ["forgotten:0000000000000000", "Bea"]}, "purpose": "agent"},
        ],
    }
    assert definition.columns is not None
    assert definition.columns["description"] == "handled / calls"


def test_a_user_called_like_a_word_of_a_definition_does_not_change_what_it_means(lake: Lake) -> None:
    _forgotten(lake)
    store_definition(lake, _of_ann(), DUBLIN, date(2026, 1, 1))
    _check_that_only_ann_is_replaced(lake)


def test_a_user_called_like_a_word_of_a_stored_definition_does_not_change_what_it_means(lake: Lake) -> None:
    store_definition(lake, _of_ann(), DUBLIN, date(2026, 1, 1))
    found, report = _forgotten(lake), ForgettingResult()
    scrub_logs(lake, ForgottenIds(), found, report, (), dry_run=False)
    assert report.statistics == {"definitions": 1}
    _check_that_only_ann_is_replaced(lake)


def test_a_definition_that_this_version_cannot_read_names_nobody(lake: Lake) -> None:
    later = {"definition": {"texts": {"of": ["Ann"]}}, "start_date": "2026-01-01", "time_zone": "Europe/Dublin"}
    lake.store.put(definition_key("later"), json.dumps(later).encode())
    scrub_logs(lake, ForgottenIds(), _forgotten(lake), ForgettingResult(), (), dry_run=False)
    stored = json.loads(lake.store.get(definition_key("later")) or b"{}")
    assert stored == {**later, "definition": {"texts": {"of": ["forgotten:0000000000000000"]}}}

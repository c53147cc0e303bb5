"""The definitions of reports in a lake: each report that is read from there is the one that was stored."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets import GenesysReport
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.reports.custom import CustomReports
from genesys_assets.reports.engine.made_of import made_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.stored_definitions import definition_key, store_definition, stored_definitions
from genesys_assets_tests.conftest import DAY

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

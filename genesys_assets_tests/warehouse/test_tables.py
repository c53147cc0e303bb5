"""Every table of the lake, with its name in a warehouse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.reports.meaning.entries import read_text
from genesys_assets.reports.meaning.questions import all_questions, families_of
from genesys_assets.warehouse.tables import LakeTable, SharedName, lake_tables, require_distinct_names

FAMILIES = families_of(all_questions(built_in_reports(), ()))
REPORTS = (*built_in_reports(), *operating_reports())
SPECS = Path(__file__).parents[1] / "asset_specs.json"


def of(name: str, tables: list[LakeTable]) -> LakeTable:
    return next(table for table in tables if table.name == name)


def test_every_asset_that_is_a_table_is_one() -> None:
    layers = ("reference", "tables", "reports", "live")
    assets = {key.removeprefix("genesys/") for key in json.loads(SPECS.read_text())}
    assert {table.place for table in lake_tables(REPORTS, FAMILIES)} == {
        asset for asset in assets if asset.split("/")[0] in layers
    }


def test_names_are_those_of_assets_and_each_is_one_table() -> None:
    tables = lake_tables(REPORTS, FAMILIES)
    assert len({table.name for table in tables}) == len(tables)
    places = {table.name: table.place for table in tables}
    assert places["conversations"] == "tables/conversations"
    assert places["live_conversations"] == "live/conversations"
    assert places["agent_daily"] == "reports/agent_daily"


def test_a_report_called_like_a_table_takes_no_table_its_name() -> None:
    [report, *_] = built_in_reports()
    mine = replace(report, spec=replace(report.spec, name="queues"))
    tables = lake_tables([mine], FAMILIES)
    assert of("queues", tables).place == "reference/queues"
    assert of("reports_queues", tables).place == "reports/queues"


@pytest.mark.parametrize(
    ("names", "place", "others"),
    [
        (("conversations", "reports_conversations"), "reports/conversations", "reports/reports_conversations"),
        (("reports_conversations", "conversations"), "reports/reports_conversations", "reports/conversations"),
        (("reference_flow_outcomes",), "reference/flow_outcomes", "reports/reference_flow_outcomes"),
    ],
)
def test_two_tables_that_would_share_one_name_are_refused_by_name(
    names: tuple[str, ...], place: str, others: str
) -> None:
    [report, *_] = built_in_reports()
    mine = [replace(report, spec=replace(report.spec, name=name)) for name in names]
    with pytest.raises(SharedName, match=f"^{place} and {others} would both be called"):
        require_distinct_names(lake_tables([*REPORTS, *mine], FAMILIES))
    require_distinct_names(lake_tables(REPORTS, FAMILIES))


def test_no_report_may_be_called_like_a_table_of_snapshots_in_a_warehouse() -> None:
    live = [table.name for table in lake_tables((), ()) if table.place.startswith("live/")]
    for name in live:
        text = f"reports:\n  {name}:\n    description: x\n    aggregates: {{metrics: {{handled: tHandle.count}}}}\n"
        (problem,) = read_text(text, "reports.yaml").problems
        assert problem.message == f"a table of snapshots is called {name} in a warehouse. Choose another name"
    assert live == ["live_conversations", "live_queues"]


def test_partitioned_tables_have_the_column_of_their_partitions() -> None:
    tables = lake_tables(REPORTS, FAMILIES)
    first = of("agent_daily", tables).columns[0]
    described = "the last day of the row's period, in the time zone of the report; the table is partitioned by it"
    assert (first.name, first.description) == ("date", described)
    of_days = of("daily_metrics", tables).columns[0].description
    assert of_days == "the business day, by which the table is partitioned"
    assert of("sessions", tables).columns[0].description == "the UTC day, by which the table is partitioned"
    for whole in ("queues", "queues_history", "open_conversations"):
        assert "date" not in {column.name for column in of(whole, tables).columns}


def test_a_table_of_conversations_keeps_its_name_beside_a_listing_that_is_called_alike() -> None:
    tables = lake_tables(REPORTS, FAMILIES)
    assert of("flow_outcomes", tables).place == "tables/flow_outcomes"
    assert of("flow_outcomes", tables).is_partitioned
    assert of("reference_flow_outcomes", tables).place == "reference/flow_outcomes"
    assert not of("reference_flow_outcomes", tables).is_partitioned

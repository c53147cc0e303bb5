"""The description of every definition in the UI before its first run."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets import presentation as module
from genesys_assets.definitions import build_definitions
from genesys_assets.lake.files import PAGES
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.reports.meaning.questions import families_of, questions_of
from genesys_assets.warehouse.tables import lake_tables
from genesys_assets_tests.assets.world import environment

TABLES = ("reference", "pages", "tables", "reports", "live")
"""The layers whose assets are tables of the lake."""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    with environment(
        {"GENESYS_ASSETS_LAKE": "s3://bucket/lake", "GENESYS_ASSETS_PUBLISH_URL": "s3://bucket/published"}
    ):
        return build_definitions()


def stored(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    """The assets that are tables of the lake, by their place."""
    every = definitions.resolve_all_asset_specs()
    return {spec.metadata["genesys/place"]: spec for spec in every if spec.group_name in TABLES}


def test_nothing_is_without_a_description(definitions: dg.Definitions) -> None:
    location = definitions.get_repository_def()
    graph = location.asset_graph
    said: dict[str, str | None] = {}
    said |= {f"asset {spec.key.to_user_string()}": spec.description for spec in definitions.resolve_all_asset_specs()}
    said |= {f"check {check}": graph.get_check_spec(check).description for check in graph.asset_check_keys}
    said |= {f"sensor {sensor.name}": sensor.description for sensor in location.sensor_defs}
    said |= {f"schedule {schedule.name}": schedule.description for schedule in location.schedule_defs}
    named = (job for job in location.get_all_jobs() if not job.name.startswith("__"))
    said |= {f"job {job.name}": job.description for job in named}
    assert [what for what, text in said.items() if not (text or "").strip()] == []
    kinds = {what.split()[0] for what in said}
    assert kinds == {"asset", "check", "sensor", "schedule", "job"}


def test_every_resource_and_every_setting_of_a_run_is_described(definitions: dg.Definitions) -> None:
    resources: dict[str, Any] = dict(definitions.resources or {})
    assert [name for name, resource in resources.items() if not (type(resource).__doc__ or "").strip()] == []


def test_every_table_has_its_columns_its_name_and_its_uri_before_the_first_run(definitions: dg.Definitions) -> None:
    reports = [*built_in_reports(), *operating_reports()]
    specs = {table.place: table for table in lake_tables(reports, families_of(questions_of(reports)))}
    names = set()
    for place, spec in stored(definitions).items():
        declared = PAGES if place.startswith("pages/") else specs[place].spec
        schema: dg.TableSchema = spec.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == declared.schema.names, place
        assert all(column.description for column in schema.columns), place
        assert spec.metadata["dagster/uri"] == f"s3://bucket/lake/{place}"
        names.add(spec.metadata["dagster/table_name"])
    assert len(names) == len(stored(definitions))
    assert names >= {f"genesys.{table.name}" for table in specs.values()}


def test_published_files_have_the_uri_of_where_they_are_published(definitions: dg.Definitions) -> None:
    published = [spec for spec in definitions.resolve_all_asset_specs() if spec.group_name == "published"]
    assert {spec.metadata["dagster/uri"] for spec in published} == {"s3://bucket/published"}


def test_every_column_of_a_report_says_which_columns_it_is_made_of(definitions: dg.Definitions) -> None:
    tables = stored(definitions)
    known = {
        spec.key: {column.name for column in spec.metadata["dagster/column_schema"].columns} for spec in tables.values()
    }
    reports = [*built_in_reports(), *operating_reports()]
    assert reports
    for report in reports:
        spec = tables[f"reports/{report.name}"]
        lineage: dg.TableColumnLineage = spec.metadata["dagster/column_lineage"]
        assert lineage.deps_by_column.keys() == set(report.spec.schema.names), report.name
        for column, origins in lineage.deps_by_column.items():
            strange = [origin for origin in origins if origin.column_name not in known[origin.asset_key]]
            assert strange == [], (report.name, column)


def test_a_column_of_a_report_names_its_origins_below_its_description(definitions: dg.Definitions) -> None:
    spec = stored(definitions)["reports/queue_media"]
    columns = {column.name: column.description for column in spec.metadata["dagster/column_schema"].columns}
    assert columns["media_type"] == "media type\n\nFrom tables/interval_metrics: media_type."
    assert columns["queue_name"].endswith("From tables/interval_metrics: queue_id; reference/queues_history: name.")


def test_versions_say_what_an_asset_is_made_by(definitions: dg.Definitions) -> None:
    def versions_of(loaded: dg.Definitions) -> dict[str, str | None]:
        return {place: spec.code_version for place, spec in stored(loaded).items() if not place.startswith("pages/")}

    versions = versions_of(definitions)
    assert [place for place, version in versions.items() if not version] == []
    with environment({}):
        again = {
            place: spec.code_version for place, spec in stored(build_definitions()).items() if "pages" not in place
        }
    assert versions == again, "the version is the same in every process and with other settings"
    reports = [version for place, version in versions.items() if place.startswith("reports/")]
    assert len({*reports}) == len(reports)


def test_what_comes_by_the_hour_or_day_is_due_at_some_time(definitions: dg.Definitions) -> None:
    """A daily asset without a policy is made from others that have one."""
    every = definitions.resolve_all_asset_specs()
    due = {"/".join(spec.key.path[1:]) for spec in every if spec.freshness_policy is not None}
    assert due >= {
        "pages/hourly_aggregates",
        "pages/hourly_details",
        "pages/daily_details",
        "pages/daily_aggregates",
        "pages/daily_user_details",
        "tables/interval_metrics",
        "tables/conversations",
        "tables/sessions",
        "tables/daily_metrics",
        "reference/queues",
        "published/reports",
        *(f"reports/{name}" for name in ("agent_daily", "agent_hourly", "queue_media", "interval")),
    }


def test_examples_in_the_docs_hold() -> None:
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0


def test_a_folder_is_a_uri_too(tmp_path: Path) -> None:
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "my lake")}):
        spec = stored(build_definitions())["tables/sessions"]
    assert spec.metadata["dagster/uri"] == f"file://{tmp_path}/my%20lake/tables/sessions"

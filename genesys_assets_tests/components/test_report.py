"""Reports in another project: found, scaffolded and checked by `dg`, computed from the same lake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
import time_machine
import yaml

import genesys_assets
from genesys_assets import GenesysReport
from genesys_assets.components.report import ReportScaffolder
from genesys_assets.definitions import build_definitions
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.stored_definitions import stored_definitions
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets_tests.assets.world import RANGE, World, environment
from genesys_assets_tests.components.projects import Project
from genesys_assets_tests.conftest import DAY, DAYS
from genesys_assets_tests.keyed_rows import keyed
from genesys_assets_tests.reports.engine.test_compute import of_queue
from genesys_assets_tests.reports.small_lake import Row, small_lake

COMPONENT = "genesys_assets.GenesysReport"
KEY = dg.AssetKey(["genesys", "reports", "calls"])
CALLS: dict[str, Any] = {
    "name": "calls",
    "description": "One row per queue.",
    "group_by": ["queueId"],
    "aggregates": {"filter": {"mediaType": "voice"}, "metrics": {"handled": "tHandle.count"}},
}


def refusal(**changed: Any) -> str:
    with pytest.raises(dg.DagsterInvalidDefinitionError) as refused:
        GenesysReport.from_attributes_dict(attributes={**CALLS, **changed})
    return str(refused.value)


def built(**changed: Any) -> dg.Definitions:
    return dg.build_defs_for_component(GenesysReport.from_attributes_dict(attributes={**CALLS, **changed}))


# -- with dg -----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_dg_lists_it(project: Project) -> None:
    done = project.dg("list", "components", "--json")
    assert done.returncode == 0, done.stderr
    listed = {item["key"]: item["summary"] for item in json.loads(done.stdout)["items"]}
    assert listed[COMPONENT].startswith("A report of Genesys Cloud analytics")


@pytest.mark.long
@pytest.mark.parametrize("form", ["yaml", "python"])
def test_what_dg_scaffolds_is_a_report_that_loads(project: Project, form: str) -> None:
    made = project.dg("scaffold", "defs", COMPONENT, "--format", form, "Calls-by-queue")
    assert made.returncode == 0, made.stdout + made.stderr
    checked = project.dg("check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "All definitions loaded successfully" in checked.stdout + checked.stderr
    listed = project.dg("list", "defs", "--json").stdout
    assert "genesys/reports/calls_by_queue" in listed
    assert "genesys/reports/calls_by_queue:key_is_unique" in listed


@pytest.mark.long
def test_dg_check_yaml_names_a_mistake_of_form_with_its_line(project: Project) -> None:
    file = project.write("calls", COMPONENT, {**CALLS, "granularity": "PT5M", "groupBy": ["queueId"]})
    done = project.dg("check", "yaml")
    assert done.returncode == 1
    assert f"{file}:12 - {COMPONENT} attributes.granularity 'PT5M' is not one of ['PT15M', 'PT30M'," in done.stdout
    assert f"{file}:13 - {COMPONENT} attributes.groupBy Additional properties are not allowed" in done.stdout


@pytest.mark.long
def test_dg_check_defs_names_a_mistyped_name_with_its_line_and_the_nearest(project: Project) -> None:
    aggregates = {"metrics": {"handled": "tHandel.count"}}
    file = project.write("calls", COMPONENT, {**CALLS, "aggregates": aggregates, "order_by": ["handeld"]})
    done = project.dg("check", "defs")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert (
        f"{file}:9 - attributes.aggregates.metrics.handled: 'tHandel' is not a metric of Genesys Cloud. "
        "Closest: tHandle, tHeld. (value: 'tHandel.count')" in said
    )
    assert "  9 |       handled: tHandel.count" in said


@pytest.mark.long
def test_several_reports_are_computed_by_dg_from_the_lake(project: Project, past_days: World, tmp_path: Path) -> None:
    shutil.copytree(past_days.folder, tmp_path / "lake")
    agents = {"group_by": ["userId"], "aggregates": {"metrics": {"time": "tHandle.sum"}}}
    project.write("reports", COMPONENT, CALLS, {**CALLS, **agents, "name": "agents", "require": ["userId"]})
    settings = {"GENESYS_ASSETS_LAKE": str(tmp_path / "lake"), "GENESYS_ASSETS_START_DATE": f"{DAYS[0]}"}
    done = project.dg("launch", "--assets", "group:reports", "--partition", f"{DAY}", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    lake = Lake(LocalStore(tmp_path / "lake"))
    # A command that does not load this project can compute the reports again.
    assert stored_definitions(lake).keys() >= {"calls", "agents"}
    metrics = lake.read("tables/interval_metrics", f"{DAY}").to_pylist()
    calls = [row for row in metrics if (row["metric"], row["media_type"]) == ("tHandle", "voice")]
    of_queues = [row["count"] for row in calls if row["grouping"] == "mediaType,queueId"]
    assert sum(row["handled"] for row in lake.read("reports/calls", f"{DAY}").to_pylist()) == sum(of_queues) > 0
    times = {row["user_id"]: row["time"] for row in lake.read("reports/agents", f"{DAY}").to_pylist()}
    minutes = {
        row["user_id"]: row["total_handle_time_minutes"]
        for row in past_days.lake.read("reports/agent_daily", f"{DAY}").to_pylist()
        if row["total_handle_time_minutes"] is not None
    }
    assert times == {user: pytest.approx(time * 60_000) for user, time in minutes.items()}


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_all_mistakes_are_listed_at_once_as_for_a_reports_file() -> None:
    said = refusal(groupBy=["queueId"], top="10", columns={"handeld": None})
    assert said.splitlines() == [
        "this report cannot be computed:",
        "attributes.groupBy: unknown field 'groupBy'. Closest: group_by.",
        "attributes.top: top must be a whole number, got '10'. Write 10 without quotes.",
        "attributes.columns.handeld: 'handeld' is not a figure of this report. Closest: handled.",
    ]


def test_a_name_that_ships_or_is_missing_is_refused() -> None:
    assert "attributes.name: 'interval' is the name of a built-in report" in refusal(name="interval")
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="name is missing"):
        GenesysReport.from_attributes_dict(attributes={"description": "One row.", "aggregates": CALLS["aggregates"]})
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="description is missing"):
        GenesysReport.from_attributes_dict(attributes={})


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        (
            {"group_by": ["wrapUpCode"]},
            "no other report and no setting asks the platform for tHandle by wrapUpCode",
        ),
        (
            {"group_by": ["queueId"], "aggregates": [{"metrics": {"n": "tMonitoring.count"}}]},
            "for tMonitoring by queueId",
        ),
        (
            {"aggregates": {"filter": {"direction": "inbound"}, "metrics": {"n": "tHandle.count"}}},
            "for tHandle by queueId with the report's filter",
        ),
    ],
)
def test_a_question_that_the_pipeline_does_not_ask_is_refused_with_what_to_do(
    changed: dict[str, Any], asked: str
) -> None:
    said = refusal(**changed)
    assert asked in said
    assert "Put this report into reports.yaml of the code location genesys_assets (GENESYS_ASSETS_REPORTS)" in said


# -- templates ---------------------------------------------------------------------------------------------------------


def test_templates_are_filled_in_before_names_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE_ZONE", "Europe/Zurich")
    component = GenesysReport.from_attributes_dict(attributes={**CALLS, "time_zone": "{{ env.ELSEWHERE_ZONE }}"})
    assert component.definition.time_zone == "Europe/Zurich"
    monkeypatch.setenv("ELSEWHERE_ZONE", "Europe/Zürich")
    assert "Closest: Europe/Zurich" in refusal(time_zone="{{ env.ELSEWHERE_ZONE }}")


def test_texts_without_a_template_stay_texts() -> None:
    details = {"table": "sessions", "where": {"dnis": ["0041", "1.10"]}, "measures": {"n": "count"}}
    component = GenesysReport.from_attributes_dict(attributes={**CALLS, "group_by": [], "details": details})
    (source,) = component.definition.details_sources
    assert source.where == {"dnis": ["0041", "1.10"]}


# -- in a code location ------------------------------------------------------------------------------------------------


def together(*components: dg.Definitions) -> dg.Definitions:
    with environment({"GENESYS_ASSETS_START_DATE": "2026-01-01"}):
        return dg.Definitions.merge(build_definitions(), *components)


def test_it_depends_on_what_it_is_made_of_and_has_the_checks_of_a_report() -> None:
    with environment({"GENESYS_ASSETS_START_DATE": "2026-01-01"}):
        alone = built()
    graph = alone.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get(KEY).parent_keys} == {
        "genesys/tables/interval_metrics",
        "genesys/reference/queues_history",
    }
    checks = {check.name for check in graph.get_check_keys_for_assets({KEY})}
    assert checks == {"columns_and_types", "key_is_unique", "key_has_no_nulls"}
    assert alone.resources is None or not alone.resources


def test_the_code_location_may_be_that_of_genesys_assets() -> None:
    dg.Definitions.validate_loadable(together(built(), built(name="others")))


def test_it_is_refreshed_when_its_tables_of_a_look_back_day_were_read_again() -> None:
    with environment({"GENESYS_ASSETS_START_DATE": "2026-01-01"}):
        definitions = together(built())
    today = datetime(2026, 2, 20, 13, 9, tzinfo=UTC)
    table = dg.AssetKey(["genesys", "tables", "interval_metrics"])
    names = dg.AssetKey(["genesys", "reference", "queues_history"])
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None

        def requested(*landed: dg.AssetMaterialization) -> set[str]:
            nonlocal cursor, today
            for event in landed:
                instance.report_runless_asset_event(event)
            today += timedelta(minutes=1)
            result = dg.evaluate_automation_conditions(
                definitions, instance, dg.AssetSelection.assets(KEY), evaluation_time=today, cursor=cursor
            )
            cursor = result.cursor
            return {str(day) for day in result.get_requested_partitions(KEY)}

        assert requested() == set()
        assert requested(dg.AssetMaterialization(table, partition="2026-02-17")) == {"2026-02-17"}
        assert requested() == set()
        assert requested(dg.AssetMaterialization(table, partition="2026-01-17")) == set(), (
            "computed long before the look-back"
        )
        assert requested(dg.AssetMaterialization(names)) == set(), "names are updated with the next change"
        landed = [dg.AssetMaterialization(table, partition=day) for day in ("2026-02-17", "2026-02-20")]
        assert requested(*landed) == {"2026-02-17", "2026-02-20"}


def test_a_report_of_several_days_is_asked_for_again_when_one_of_them_has_changed(tmp_path: Path) -> None:
    days = [f"2026-01-{number}" for number in (27, 28, 29, 30)]
    place, known = "tables/interval_metrics", Reach(datetime(2026, 1, 31, tzinfo=UTC))

    def rows(day: str, handled: int) -> list[Row]:
        begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
        bounds = {"interval_start": begin, "interval_end": begin + timedelta(minutes=15)}
        return [of_queue("tHandle", count=handled, sum=1) | {"media_type": "voice"} | bounds]

    of_days = [row for day in days for row in rows(day, 3)]
    lake = small_lake(tmp_path, days=days, reach=known, only=["interval_metrics"], interval_metrics=of_days)
    settings = {"GENESYS_ASSETS_LAKE": f"{tmp_path}", "GENESYS_ASSETS_START_DATE": days[0]}
    with environment(settings), dg.DagsterInstance.ephemeral() as instance:
        location = built(over={"rolling": 2}, compare={"to": "period_before", "columns": ["handled"]})
        assert location.resolve_asset_graph().get(KEY).automation_condition is None

        def computed() -> tuple[str, str] | None:
            """Run what the sensor requests; returns the requested range."""
            context = dg.build_sensor_context(instance, repository_def=location.get_repository_def())
            with time_machine.travel(datetime(2026, 1, 31, 12, tzinfo=UTC), tick=False):
                found = location.resolve_sensor_def("calls_days")(context)
            if isinstance(found, dg.SkipReason):
                return None
            assert isinstance(found, list)
            [request] = found
            assert request.asset_selection == [KEY]
            job = location.resolve_job_def("calls_days")
            assert job.execute_in_process(instance=instance, tags=request.tags).success
            return request.tags[RANGE[0]], request.tags[RANGE[1]]

        def stored_figures() -> list[tuple[int, int | None]]:
            of_lake = Lake(LocalStore(tmp_path))
            found = [row for day in days[1:] for row in of_lake.read("reports/calls", day).to_pylist()]
            return [(row["handled"], row["handled_before"]) for row in found]

        # No period of two days ends on the first day.
        assert computed() == (days[1], days[3])
        assert stored_figures() == [(6, None), (6, None), (6, 6)]
        assert computed() is None
        reach = lake.reach(place, days[0])
        table = pa.Table.from_pylist(keyed(rows(days[0], 5), INTERVAL_METRICS), INTERVAL_METRICS.schema)
        lake.write(place, INTERVAL_METRICS, table, days[0], {}, reach=reach)
        # Two days later it is read as the period before.
        assert computed() == (days[1], days[3])
        assert stored_figures() == [(8, None), (6, None), (6, 8)]
        assert computed() is None


def test_one_more_report_in_a_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "calls" / "defs.yaml"
    file.parent.mkdir()
    for target, appended in ((file.parent, False), (file, True), (file, True)):
        ReportScaffolder().scaffold(
            dg.ScaffoldRequest(COMPONENT, target, "yaml", tmp_path, params=None, append=appended)
        )
    documents = list(yaml.safe_load_all(file.read_text()))
    assert [document["attributes"]["name"] for document in documents] == ["calls", "calls_2", "calls_3"]


# -- the package -------------------------------------------------------------------------------------------------------


def test_importing_the_package_imports_nothing_else() -> None:
    heavy = ("dagster", "pydantic", "pyarrow")
    code = f"import sys, genesys_assets; print([name for name in sys.modules if name.startswith({heavy})])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert "GenesysReport" in dir(genesys_assets)
    with pytest.raises(AttributeError, match="no attribute 'GenesysReports'"):
        genesys_assets.GenesysReports  # noqa: B018

"""The whole pipeline in another project: scaffolded, checked, translated, and run against the sandbox."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
import yaml
from dagster.components.core.component_tree import ComponentTreeException

from genesys_assets.automation import stale
from genesys_assets.automation.switches import switches
from genesys_assets.automation.tick import Tick
from genesys_assets.components.pipeline import PipelineScaffolder
from genesys_assets.definitions import build_definitions
from genesys_assets.keys import LAYERS, keys
from genesys_assets.lake.io_manager import LakeIOManager
from genesys_assets.lake.lake import Lake
from genesys_assets.reports.built_in import operating_reports
from genesys_assets.reports.meaning.report import Report
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, environment
from genesys_assets_tests.automation.ticks import clock_at
from genesys_assets_tests.components.projects import Project

PIPELINE = "genesys_assets.GenesysCloud"
REPORT = "genesys_assets.GenesysReport"
FIRST = "2026-01-28"
HOUR = "2026-01-29-09:00"
DAY = "2026-01-29"
NOW = datetime(2026, 1, 29, 10, 17, tzinfo=UTC)
TRANSLATION = {
    "key_prefix": "contact_centre",
    "group_name": "genesys_{{ spec.group_name }}",
    "owners": ["team:telephony"],
    "tags": {"tier": "gold"},
}
CALLS: dict[str, Any] = {
    "name": "calls",
    "description": "One row per queue and wrap-up code.",
    "group_by": ["queueId", "wrapUpCode"],
    "aggregates": {"filter": {"mediaType": "voice"}, "metrics": {"handled": "tHandle.count"}},
}


@contextmanager
def loaded(project: Project, settings: Mapping[str, str] | None = None) -> Iterator[dg.Definitions]:
    """The definitions of the project, as a code server loads them."""
    with environment(settings or {}), pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Dagster's own loader of components builds checks again, with a parameter that Dagster calls beta.
        warnings.filterwarnings("ignore", "Parameter `execution_type`", dg.BetaWarning)
        patch.syspath_prepend(str(project.folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "elsewhere"]:
            del sys.modules[name]
        definitions = dg.load_from_defs_folder(path_within_project=project.folder)
        dg.Definitions.validate_loadable(definitions)
        yield definitions


def refusal(project: Project, **attributes: Any) -> str:
    """Dagster's message about a pipeline with these attributes, without the frames around it."""
    project.write("genesys", PIPELINE, attributes)
    with pytest.raises(ComponentTreeException) as refused, loaded(project):
        pass
    error: BaseException | None = refused.value
    while error is not None and not isinstance(error, dg.DagsterInvalidDefinitionError):
        error = error.__cause__
    return str(error)


# -- scaffolded and checked --------------------------------------------------------------------------------------------


@pytest.mark.long
def test_what_dg_scaffolds_is_a_whole_pipeline_that_loads(project: Project) -> None:
    made = project.dg("scaffold", "defs", PIPELINE, "genesys")
    assert made.returncode == 0, made.stdout + made.stderr
    assert project.dg("check", "yaml").returncode == 0
    with loaded(project) as definitions:
        ours = {spec.key for spec in build_definitions().resolve_all_asset_specs()}
        assert {spec.key for spec in definitions.resolve_all_asset_specs()} == ours


def test_a_pipeline_may_be_scaffolded_in_python(project: Project) -> None:
    project.defs("genesys").mkdir()
    request: dg.ScaffoldRequest[Any] = dg.ScaffoldRequest(
        PIPELINE, project.defs("genesys"), "python", project.folder, params=None, append=False
    )
    PipelineScaffolder().scaffold(request)
    with loaded(project) as definitions:
        assert definitions.resolve_job_def("hourly")


def test_all_mistakes_are_listed_at_once_with_their_lines_and_what_to_do(project: Project) -> None:
    said = refusal(
        project,
        time_zone="Europe/Zürich",
        start_date="29.1.2026",
        layers=["pages", "table"],
        organisation={"region": "us_east_3", "requests_per_minute": 0},
        reports={"built_in": ["agent_dayly"]},
        families=["flow"],
        running=["hour"],
        translation={"partitions_def": None},
        lakes="lake",
    )
    file = project.defs("genesys") / "defs.yaml"
    assert f"{file}:3 - attributes.time_zone: it must be a name in the IANA time zone database" in said
    assert f"{file}:4 - attributes.start_date: a date is written YYYY-MM-DD" in said
    assert f"{file}:7 - attributes.layers.1: each of layers must be one of 'ops', 'reference', 'pages'" in said
    assert "attributes.organisation.region: 'us_east_3' is not a region of Genesys Cloud." in said
    assert "attributes.organisation.requests_per_minute: requests_per_minute must be 1 or more, got 0." in said
    assert "attributes.reports.built_in.0: 'agent_dayly' is not a built-in report. Closest: agent_daily" in said
    assert "attributes.families.0: 'flow' is not a family of aggregates. Closest: flows." in said
    assert "attributes.running.0: 'hour' is not a sensor or schedule of these layers. Closest: hours" in said
    assert "attributes.translation.partitions_def: Partitions follow from start_date. Take partitions_def out" in said
    assert "attributes.lakes: unknown field 'lakes'. Closest: lake" in said


def test_a_file_of_reports_that_is_not_there_is_named(project: Project) -> None:
    said = refusal(project, reports={"file": "reports.yaml"})
    assert f"{project.defs('genesys') / 'reports.yaml'} does not exist. Write it" in said


def test_keys_that_two_assets_would_share_are_refused(project: Project) -> None:
    said = refusal(project, translation={"key": "mine/{{ spec.key.path[1] }}"})
    assert "translation gives genesys/ops/preflight and genesys/ops/superseded_pages the same key, mine/ops." in said


# -- what is built -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [["tables", "reports"], ["pages", "live"]])
def test_only_the_wanted_layers_are_built(project: Project, layers: list[str]) -> None:
    project.write("genesys", PIPELINE, {"layers": layers})
    with loaded(project) as definitions:
        ours = [spec for spec in definitions.resolve_all_asset_specs() if "genesys/place" in spec.metadata]
        assert {spec.group_name for spec in ours} == set(layers)
        sensors = {sensor.name for sensor in definitions.get_repository_def().sensor_defs}
        schedules = {schedule.name for schedule in definitions.get_repository_def().schedule_defs}
        assert sensors | schedules == set(switches(layers))


def test_every_switch_is_a_sensor_or_schedule_and_runs_where_it_is_to(project: Project) -> None:
    project.write("genesys", PIPELINE, {"running": "all"})
    with loaded(project) as definitions:
        location = definitions.get_repository_def()
        every: list[Any] = [*location.sensor_defs, *location.schedule_defs]
        assert {each.name for each in every} == set(switches(LAYERS))
        assert {each.default_status.value for each in every} == {"RUNNING"}


def test_only_the_switches_that_are_named_run(project: Project) -> None:
    project.write("genesys", PIPELINE, {"running": ["hours", "live"]})
    with loaded(project) as definitions:
        location = definitions.get_repository_def()
        every: list[Any] = [*location.sensor_defs, *location.schedule_defs]
        assert {each.name for each in every if each.default_status.value == "RUNNING"} == {"hours", "live"}


def test_reports_that_ship_may_be_chosen_and_others_come_from_a_file_beside(project: Project) -> None:
    file = project.write("genesys", PIPELINE, {"reports": {"built_in": ["agent_daily"], "file": "mine.yaml"}})
    stated = {name: value for name, value in CALLS.items() if name != "name"}
    (file.parent / "mine.yaml").write_text(yaml.safe_dump({"reports": {"calls": stated}}))
    with loaded(project) as definitions:
        specs = {spec.key.path[2]: spec for spec in definitions.resolve_all_asset_specs() if "reports" in spec.key.path}
        assert {*specs} - {"reports"} == {"agent_daily", "calls", *(report.name for report in operating_reports())}
        assert {dep.asset_key.path[2] for dep in specs["reports"].deps} >= {"agent_daily"}


def test_every_asset_is_translated_and_says_what_it_was(project: Project) -> None:
    project.write("genesys", PIPELINE, {"translation": TRANSLATION})
    with loaded(project) as definitions:
        specs = list(definitions.resolve_all_asset_specs())
        assert len(specs) == len(list(build_definitions().resolve_all_asset_specs()))
        for spec in specs:
            assert spec.key.path[:2] == ["contact_centre", "genesys"]
            assert spec.group_name == f"genesys_{spec.key.path[2]}"
            assert list(spec.owners) == ["team:telephony"]
            assert spec.tags["tier"] == "gold"
            assert spec.metadata["genesys/place"] == "/".join(spec.key.path[2:])
            assert all(dep.asset_key.path[0] == "contact_centre" for dep in spec.deps)
        checked = {check.asset_key.path[0] for check in definitions.resolve_asset_graph().asset_check_keys}
        assert checked == {"contact_centre"}


# -- run ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A project with a translated pipeline and a report of its own; one hour was read and computed."""
    folder = tmp_path_factory.mktemp("pipeline")
    project = Project.made(folder)
    with running(conversations_per_day=200, now=NOW, requests_per_minute=None) as sandbox:
        settings = sandbox.environment()
        organisation = {
            "api_url": settings["GENESYS_CLOUD_API_URL"],
            "client_id": "{{ env.CLIENT_ID }}",
            "client_secret": "{{ env.CLIENT_SECRET }}",
        }
        attributes = {
            "organisation": organisation,
            "lake": str(folder / "lake"),
            "start_date": FIRST,
            "time_zone": "UTC",
            "publishing": {"url": str(folder / "published")},
            "translation": TRANSLATION,
        }
        project.write("genesys", PIPELINE, attributes)
        project.write("calls", REPORT, {**CALLS, "group": "telephony", "owners": ["team:calls"], "tags": {"a": "b"}})
        project.write("by_hand", REPORT, {**CALLS, "name": "by_hand", "condition": "never"})
        on_cron = "{{ dg.AutomationCondition.on_cron('0 6 * * *') }}"
        project.write("at_six", REPORT, {**CALLS, "name": "at_six", "condition": on_cron})
        secrets = {
            "CLIENT_ID": settings["GENESYS_CLOUD_CLIENT_ID"],
            "CLIENT_SECRET": settings["GENESYS_CLOUD_CLIENT_SECRET"],
        }
        with loaded(project, secrets) as definitions:
            pass
        with dg.DagsterInstance.ephemeral() as instance:
            yield World(sandbox, folder / "lake", definitions, instance=instance)


def launched(world: World, job: str, *places: str, partition: str) -> dg.ExecuteInProcessResult:
    """A run without settings in the environment: the project contains all of them."""
    known = keys(world.definitions.get_repository_def())
    with environment({}), clock_at(NOW):
        result = world.definitions.resolve_job_def(job).execute_in_process(
            instance=world.instance,
            partition_key=partition,
            asset_selection=[known[place] for place in places] or None,
            raise_on_error=False,
        )
    assert result.success, [event.message for event in result.all_events if event.is_failure]
    return result


@pytest.mark.long
def test_an_hour_is_read_and_computed_into_the_lake_that_is_stated(world: World) -> None:
    launched(world, "hourly", partition=HOUR)
    places = ("tables/interval_metrics", "tables/conversations", "tables/sessions")
    result = launched(world, "recompute", *places, partition=DAY)
    made = {event.materialization.asset_key for event in result.get_asset_materialization_events()}
    assert made == {dg.AssetKey(["contact_centre", "genesys", *place.split("/")]) for place in places}
    began = [item for item in world.seen(NOW.date(), NOW) if f"{item['conversationStart']}"[11:13] == HOUR[11:13]]
    stored = world.lake.read("tables/conversations", DAY, columns=["conversation_id"])["conversation_id"].to_pylist()
    assert {item["conversationId"] for item in began} <= {*stored}
    assert began
    requests = world.lake.read("tables/api_requests", DAY, columns=["asset"])
    assert set(requests["asset"].to_pylist()) == {"pages/hourly_aggregates", "pages/hourly_details"}


@pytest.mark.long
def test_a_report_beside_it_reads_the_same_lake_and_asks_its_own_question(world: World) -> None:
    launched(world, "recompute", "reports/calls", partition=DAY)
    rows = world.lake.read("reports/calls", DAY).to_pylist()
    assert sum(row["handled"] or 0 for row in rows) > 0
    assert any(row["wrap_up_code"] for row in rows)
    (spec,) = (spec for spec in world.definitions.resolve_all_asset_specs() if spec.key.path[-1] == "calls")
    assert (spec.group_name, [*spec.owners], spec.tags["a"]) == ("telephony", ["team:calls"], "b")
    assert spec.key.path == ["contact_centre", "genesys", "reports", "calls"]


@pytest.mark.long
def test_sensors_ask_for_assets_by_the_keys_that_they_have(world: World) -> None:
    location = world.definitions.get_repository_def()
    resources = {name: location.get_top_level_resources()[name] for name in ("genesys_cloud", "lake", "publishing")}
    with (
        environment({}),
        clock_at(NOW),
        dg.build_sensor_context(instance=world.instance, repository_def=location, resources=resources) as context,
    ):
        requests = list(location.get_sensor_def("hours").evaluate_tick(context).run_requests or ())
    asked = {key for request in requests for key in request.asset_selection or ()}
    assert asked
    assert asked <= {spec.key for spec in world.definitions.resolve_all_asset_specs()}


@pytest.mark.long
def test_no_sensor_requests_a_report_with_another_condition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    location = world.definitions.get_repository_def()
    resources = {name: location.get_top_level_resources()[name] for name in ("genesys_cloud", "lake", "publishing")}
    looked_for: set[str] = set()

    def backlog(lake: Lake, calendar: object, now: object, definitions: list[Report], closed: object = ()) -> object:
        looked_for.update(report.name for report in definitions)
        return {}

    monkeypatch.setattr(stale, "reports_backlog", backlog)
    monkeypatch.setattr(Tick, "_names_are_known", True)
    with (
        environment({}),
        clock_at(NOW),
        dg.build_sensor_context(instance=world.instance, repository_def=location, resources=resources) as context,
    ):
        for sensor in ("reports", "publish"):
            location.get_sensor_def(sensor).evaluate_tick(context)
    assert {"calls", "by_hand", "at_six"} & looked_for == {"calls"}


@pytest.mark.long
def test_an_asset_of_the_project_gets_a_translated_report_as_its_input(world: World) -> None:
    launched(world, "hourly", partition=HOUR)
    launched(world, "recompute", "tables/interval_metrics", partition=DAY)
    launched(world, "recompute", "reports/calls", partition=DAY)
    key = keys(world.definitions.get_repository_def())["reports/calls"]
    partitions = world.definitions.resolve_asset_graph().get(key).partitions_def

    @dg.asset(
        ins={"calls": dg.AssetIn(key, input_manager_key="tables")}, partitions_def=partitions, io_manager_key="tables"
    )
    def handled(calls: pa.Table) -> pa.Table:
        return calls

    downstream = dg.Definitions([handled], resources={"tables": LakeIOManager(location=str(world.folder))})
    with environment({}), clock_at(NOW):
        job = dg.Definitions.merge(world.definitions, downstream).resolve_implicit_global_asset_job_def()
        made = job.execute_in_process(instance=world.instance, partition_key=DAY, asset_selection=[handled.key])
    assert made.success
    assert len(world.lake.read("handled", DAY)) == len(world.lake.read("reports/calls", DAY)) > 0

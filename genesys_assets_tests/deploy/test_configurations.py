"""The files of deploy/ are valid by the available schemas, and differ from dagster.yaml of one machine only where their
purpose requires it.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from dagster import Field, Shape
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config_schema
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.s3 import S3ComputeLogManager

from genesys_assets.automation import jobs

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
OWN = {
    "postgres": {"storage"},
    "celery": {"storage", "run_launcher", "compute_logs"},
    "ecs": {"storage", "run_launcher", "compute_logs"},
}


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


def without_environment(value: Any) -> Any:
    """Replace `{env: NAME}` by the text that it would give."""
    if isinstance(value, dict):
        return value["env"] if value.keys() == {"env"} else {key: without_environment(v) for key, v in value.items()}
    return [without_environment(each) for each in value] if isinstance(value, list) else value


BASE = read(REPOSITORY / "dagster.yaml")


def must_fit(fields: Any, value: Any) -> None:
    shape: Any = Shape
    outcome = validate_config(shape(fields), value)
    assert outcome.success, [error.message for error in outcome.errors or ()]


@pytest.mark.parametrize("name", OWN)
def test_a_dagster_yaml_differs_from_that_of_one_machine_only_where_its_purpose_requires(name: str) -> None:
    found = read(DEPLOY / name / "dagster.yaml")
    assert {key: value for key, value in found.items() if key not in OWN[name]} == {
        key: value for key, value in BASE.items() if key not in OWN[name]
    }
    assert OWN[name] <= found.keys()


def test_a_run_that_writes_its_plan_for_minutes_does_not_count_as_dead() -> None:
    """By default Dagster gives a run three minutes to start. A run over a year's hours takes longer."""
    assert BASE["run_monitoring"]["start_timeout_seconds"] >= 1800


@pytest.mark.parametrize("name", OWN)
def test_dagster_accepts_it(name: str) -> None:
    schema = {key: field for key, field in dagster_instance_config_schema().items() if isinstance(field, Field)}
    must_fit(schema, read(DEPLOY / name / "dagster.yaml"))


@pytest.mark.parametrize("name", ["celery", "ecs"])
def test_the_manager_of_compute_logs_accepts_its_settings(name: str) -> None:
    of = read(DEPLOY / name / "dagster.yaml")["compute_logs"]
    assert (of["module"], of["class"]) == (S3ComputeLogManager.__module__, S3ComputeLogManager.__name__)
    manager: Any = S3ComputeLogManager
    must_fit(manager.config_type(), without_environment(of["config"]))


def test_the_launcher_of_ecs_accepts_its_settings() -> None:
    of = read(DEPLOY / "ecs/dagster.yaml")["run_launcher"]
    assert (of["module"], of["class"]) == ("dagster_aws.ecs", "EcsRunLauncher")
    launcher: Any = EcsRunLauncher
    must_fit(launcher.config_type(), without_environment(of["config"]))


def test_a_run_of_celery_ends_before_redis_hands_it_out_again() -> None:
    of = read(DEPLOY / "celery/dagster.yaml")
    timeout = of["run_launcher"]["config"]["config_source"]["broker_transport_options"]["visibility_timeout"]
    worker = ast.parse((DEPLOY / "celery/worker.py").read_text())
    [constant] = [
        ast.literal_eval(node.value)
        for node in worker.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VISIBILITY_TIMEOUT_SECONDS"
    ]
    assert constant == timeout
    longest = max(float((job.tags or {})["dagster/max_runtime"]) for job in jobs.build_jobs())
    assert timeout > max(longest, of["run_monitoring"]["max_runtime_seconds"])


def test_aws_accepts_the_task_definition() -> None:
    definition = json.loads((DEPLOY / "ecs/task-definition.json").read_text())
    model = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    report = ParamValidator().validate(definition, model.operation_model("RegisterTaskDefinition").input_shape)
    assert not report.has_errors(), report.generate_report()
    [container] = definition["containerDefinitions"]
    launcher = read(DEPLOY / "ecs/dagster.yaml")["run_launcher"]["config"]
    assert container["name"] == launcher["container_name"]
    given = {each["name"] for each in (*container["environment"], *container["secrets"])}
    named = set(re.findall(r"env: (\w+)", (DEPLOY / "ecs/dagster.yaml").read_text()))
    assert named <= given


VALUES: dict[str, set[str]] = {
    "": {
        *("dagster-user-deployments", "runLauncher", "computeLogManager", "postgresql", "global", "concurrency"),
        *("generatePostgresqlPasswordSecret", "dagsterDaemon", "telemetry"),
    },
    "dagster-user-deployments": {"enabled", "enableSubchart", "deployments"},
    "runLauncher": {"type", "config"},
    "runLauncher.config": {"k8sRunLauncher"},
    "runLauncher.config.k8sRunLauncher": {"imagePullPolicy", "loadInclusterConfig", "runK8sConfig"},
    "computeLogManager": {"type", "config"},
    "computeLogManager.config": {"s3ComputeLogManager"},
    "computeLogManager.config.s3ComputeLogManager": {"bucket", "prefix", "uploadInterval", "skipEmptyFiles"},
    "postgresql": {"enabled", "postgresqlHost", "postgresqlUsername", "postgresqlDatabase"},
    "global": {"postgresqlSecretName"},
    "concurrency": {"enabled", "pools", "runs"},
    "concurrency.pools": {"granularity", "defaultLimit", "opGranularityRunBuffer"},
    "concurrency.runs": {"maxConcurrentRuns", "tagConcurrencyLimits"},
    "dagsterDaemon": {"env", "runMonitoring", "runRetries", "sensors", "schedules"},
    "dagsterDaemon.sensors": {"useThreads", "numWorkers", "numSubmitWorkers"},
    "dagsterDaemon.schedules": {"useThreads", "numWorkers", "numSubmitWorkers"},
    "telemetry": {"enabled"},
}
"""The names that Dagster's chart knows where values.yaml uses some: helm/dagster/schema of Dagster's repository."""
_OF_A_CODE_SERVER = {
    *("name", "image", "port", "codeServerArgs", "includeConfigInLaunchedRuns", "env", "envConfigMaps", "envSecrets"),
    *("resources", "volumeMounts", "volumes"),
}


def test_the_values_of_the_chart_have_names_that_it_knows() -> None:
    values = read(DEPLOY / "kubernetes/values.yaml")
    for place, known in VALUES.items():
        found: Any = values
        for name in filter(None, place.split(".")):
            found = found[name]
        assert set(found) <= known, place
    [server] = values["dagster-user-deployments"]["deployments"]
    assert set(server) <= _OF_A_CODE_SERVER


def test_the_values_of_the_chart_are_those_of_one_machine_where_they_say_the_same() -> None:
    daemon = read(DEPLOY / "kubernetes/values.yaml")["dagsterDaemon"]

    def snake(settings: dict[str, Any]) -> dict[str, Any]:
        return {re.sub(r"([A-Z])", lambda m: f"_{m[1].lower()}", name): value for name, value in settings.items()}

    for ours, theirs in (("run_monitoring", "runMonitoring"), ("run_retries", "runRetries"), ("sensors", "sensors")):
        assert snake(daemon[theirs]) == BASE[ours]


def test_the_image_is_built_from_files_that_are_there() -> None:
    lines = (DEPLOY / "kubernetes/Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    assert copied
    assert all((REPOSITORY / name).exists() for names in copied for name in names)
    assert any(line.startswith("USER ") and line != "USER root" for line in lines)

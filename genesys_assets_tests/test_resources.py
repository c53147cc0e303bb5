"""Resources: given values take precedence; others are read from the environment when first needed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import boto3
import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from genesys_assets.cloud.errors import UnknownRegion
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.csv_text import CsvStyle
from genesys_assets.publishing.folder import Folder
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.resources import _SECRETS, GenesysCloudResource, LakeResource, PublishingResource, seconds_of
from genesys_assets.s3 import LazyS3Resource
from genesys_assets.sandbox import server
from genesys_assets.sandbox.server import Sandbox
from genesys_assets.settings import SettingError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GENESYS_", "AWS_")) or name == "DAGSTER_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with server.running(conversations_per_day=1) as started:
        yield started


def test_making_resources_needs_no_setting() -> None:
    GenesysCloudResource()
    LakeResource()
    PublishingResource()


def test_without_settings_the_first_use_names_them() -> None:
    with pytest.raises(SettingError, match="GENESYS_CLOUD_CLIENT_ID is not set"):
        _ = GenesysCloudResource().client


def test_the_client_comes_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    client = GenesysCloudResource().client
    try:
        assert client.get("/api/v2/routing/queues", {"pageNumber": 1}).json()["entities"]
    finally:
        client.close()


def test_what_is_given_comes_before_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_CLOUD_REGION", "nowhere")
    monkeypatch.setenv("GENESYS_CLOUD_CLIENT_ID", "another")
    resource = GenesysCloudResource(
        api_url=sandbox.url,
        login_url=sandbox.url,
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
    )
    client = resource.client
    try:
        assert client.get("/api/v2/routing/queues", {"pageNumber": 1}).json()["entities"]
    finally:
        client.close()


def test_an_unknown_region_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownRegion, match="nowhere"):
        _ = GenesysCloudResource(region="nowhere", client_id="C", client_secret="S").client


def test_a_run_shares_one_client_and_closes_it(sandbox: Sandbox) -> None:
    resource = GenesysCloudResource(
        api_url=sandbox.url, login_url=sandbox.url, client_id=sandbox.client_id, client_secret=sandbox.client_secret
    )
    with dg.build_resources({"genesys_cloud": resource}) as resources:
        in_the_run = resources.genesys_cloud
        client = in_the_run.client
        assert in_the_run.client is client
        list(client.map_in_order(str, [1]))
    assert in_the_run._client is None
    with pytest.raises(RuntimeError):
        list(client.map_in_order(str, [1]))


def test_the_secret_is_not_part_of_a_runs_configuration(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "hush")
    resource = GenesysCloudResource(client_secret=dg.EnvVar("SOME_SECRET"))
    assert "hush" not in repr(resource)


def test_the_lake_is_a_folder_or_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(LakeResource(location=str(tmp_path)).lake.store, LocalStore)
    store = LakeResource(location="s3://bucket/a/prefix").lake.store
    assert isinstance(store, S3Store)
    assert store.uri("x") == "s3://bucket/a/prefix/x"


def test_the_lake_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", str(tmp_path))
    resource = LakeResource()
    assert resource.lake.store.uri("x") == f"{tmp_path}/x"
    assert resource.lake.store is resource.lake.store


def test_a_malformed_lake_is_refused() -> None:
    with pytest.raises(SettingError, match="GENESYS_ASSETS_LAKE cannot be 'http://lake': it must be a folder or s3"):
        _ = LakeResource(location="http://lake").lake


def test_reports_are_published_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_PUBLISH_URL", "s3://bucket/published")
    monkeypatch.setenv("GENESYS_ASSETS_URL_EXPIRY_SECONDS", "60")
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="A", aws_secret_access_key="S")
    places = (
        given.publisher(lambda: client).place
        for given in (PublishingResource(), PublishingResource(url_expiry_seconds=5))
    )
    for place, seconds in zip(places, (60, 5), strict=True):
        assert isinstance(place, PrivateBucket)
        assert (place.bucket, place.expiry_seconds) == ("bucket", seconds)


@pytest.mark.parametrize(("value", "is_set"), [("true", True), ("false", False), (None, False)])
def test_csv_is_written_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None, is_set: bool
) -> None:
    for name in ("GENESYS_ASSETS_CSV_FORMULAS", "GENESYS_ASSETS_CSV_BOM"):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    resource = PublishingResource(publish_url=str(tmp_path))
    assert resource.publisher(dict).style == CsvStyle(formulas=is_set, bom=is_set)


def test_without_a_place_reports_are_published_beside_dagster_yaml(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    place = PublishingResource().publisher(lambda: pytest.fail("a folder needs no S3 client")).place
    assert isinstance(place, Folder)
    assert place.folder == tmp_path / "published"


def test_a_secret_given_as_text_is_no_part_of_the_resource(sandbox: Sandbox) -> None:
    resource = GenesysCloudResource(
        api_url=sandbox.url, login_url=sandbox.url, client_id=sandbox.client_id, client_secret=sandbox.client_secret
    )
    definition = resource.get_resource_definition()
    shown = [repr(resource), str(resource), str(resource.__dict__), str(definition.config_schema.default_value)]
    assert sandbox.client_secret not in "".join(shown)
    # The copies that Dagster makes for a run still know the secret.
    with dg.build_resources({"genesys_cloud": resource}) as resources:
        assert resources.genesys_cloud.client.get("/api/v2/routing/queues").json()["entities"]


def test_two_clients_of_one_process_keep_their_secrets() -> None:
    secrets = {"one": "first-secret", "two": "second-secret"}
    made = {id_: GenesysCloudResource(client_id=id_, client_secret=secret) for id_, secret in secrets.items()}
    held = {id_: _SECRETS[resource.client_secret or ""].get_secret_value() for id_, resource in made.items()}
    assert held == secrets


@dataclass(frozen=True)
class Run:
    """A run with the fields that `seconds_of` reads."""

    run: dg.DagsterRun
    instance: dg.DagsterInstance


def run_of(**tags: str) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="hourly", tags=tags)


@pytest.mark.parametrize(
    ("tags", "seconds"),
    [({"dagster/max_runtime": "900"}, 870.0), ({"dagster/max_runtime": "soon"}, math.inf), ({}, math.inf)],
)
def test_nothing_is_waited_for_beyond_the_run(tags: dict[str, str], seconds: float) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_init_resource_context(instance=instance)
        assert seconds_of(context) == math.inf
        assert seconds_of(cast(dg.InitResourceContext, Run(run_of(**tags), instance))) == seconds


def test_a_client_of_s3_is_made_only_where_an_asset_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(S3Resource, "get_client", lambda self: made.append("a client"))

    @dg.asset
    def into_a_folder(s3: S3Resource) -> None: ...

    @dg.asset
    def into_a_bucket(s3: S3Resource) -> None:
        s3.get_client()

    def run(asset: dg.AssetsDefinition) -> int:
        assert dg.materialize([asset], resources={"s3": LazyS3Resource()}).success
        return len(made)

    assert run(into_a_folder) == 0
    assert run(into_a_bucket) == 1

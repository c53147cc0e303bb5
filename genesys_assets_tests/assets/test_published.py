"""The published asset on a real S3 server: what stands there, who can read it, and what is never said aloud."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from genesys_assets.tables.reports import REPORTS
from genesys_assets_tests.assets.world import World, error, events, metadata
from genesys_assets_tests.conftest import DAY, DAYS

MANIFEST = f"published/reports/manifest/date={DAY}/manifest.json"
FORMATS = ("parquet", "csv", "json")


@pytest.fixture
def publishing(past_days: World, bucket: str) -> World:
    """A world with a day's reports, and an empty bucket to publish them to."""
    return publishing_to(past_days, bucket)


def publishing_to(past_days: World, bucket: str, **more: str) -> World:
    settings = {**past_days.settings, "GENESYS_ASSETS_PUBLISH_URL": f"s3://{bucket}/published", **more}
    return replace(past_days, settings=settings, runs=[])


def publish(world: World) -> Any:
    return world.run("daily", "published/reports", partition=f"{DAY}")


def manifest(s3_client: Any, bucket: str) -> dict[str, Any]:
    return dict(json.loads(s3_client.get_object(Bucket=bucket, Key=MANIFEST)["Body"].read()))


def objects(s3_client: Any, bucket: str) -> dict[str, str]:
    listed = s3_client.list_objects_v2(Bucket=bucket).get("Contents", ())
    return {item["Key"]: item["ETag"] for item in listed}


def fetch(url: str) -> requests.Response:
    return requests.get(url, timeout=30)


def test_every_report_stands_on_s3_in_every_format_with_a_manifest(
    publishing: World, s3_client: Any, bucket: str
) -> None:
    run = publish(publishing)
    assert run.success
    expected = {
        f"published/reports/{spec.name}/date={DAY}/{spec.name}.{format_}" for spec in REPORTS for format_ in FORMATS
    }
    assert set(objects(s3_client, bucket)) == expected | {MANIFEST}
    said = manifest(s3_client, bucket)
    assert {file["key"] for file in said["files"]} == expected
    assert said["date"] == f"{DAY}"
    assert said["bucket"] == bucket
    assert said["run_id"] == run.run_id
    assert said["data_available_through"] == f"{DAY + timedelta(days=1)}T00:00:00.000Z"
    for file in said["files"]:
        assert file["rows"] == len(publishing.lake.read(f"reports/{file['report']}", f"{DAY}"))


def test_every_address_gives_the_file_that_the_manifest_describes(
    publishing: World, s3_client: Any, bucket: str
) -> None:
    assert publish(publishing).success
    for file in manifest(s3_client, bucket)["files"]:
        body = fetch(file["url"]).content
        assert len(body) == file["bytes"]
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        report = publishing.lake.read(f"reports/{file['report']}", f"{DAY}")
        match file["format"]:
            case "parquet":
                assert pq.read_table(io.BytesIO(body)).equals(report.replace_schema_metadata(None))
            case "csv":
                header, *rows = csv.reader(io.StringIO(body.decode()))
                assert header == report.schema.names
                assert len(rows) == len(report)
            case "json":
                records = json.loads(body)
                assert len(records) == len(report)
                assert all(list(record) == report.schema.names for record in records)


def test_without_its_signature_or_with_another_no_file_can_be_read(
    publishing: World, s3_client: Any, bucket: str
) -> None:
    run = publish(publishing)
    urls = [file["url"] for file in manifest(s3_client, bucket)["files"]]
    urls.append(metadata(run, "published/reports")["manifest"])
    for url in urls:
        assert fetch(url).status_code == 200
        assert fetch(url.partition("?")[0]).status_code in (401, 403)
        assert fetch(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403


def test_a_bucket_that_anyone_can_read_fails_the_asset_and_keeps_nothing(
    past_days: World, s3_client: Any, public_bucket: str
) -> None:
    said = error(publish(publishing_to(past_days, public_bucket)))
    assert "can be read by anyone without a signature" in said
    assert "GENESYS_ASSETS_PUBLISH_URL" in said
    assert not objects(s3_client, public_bucket)


def test_no_address_is_ever_logged(
    publishing: World, past_days: World, public_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = publish(publishing)
    bad = publish(publishing_to(past_days, public_bucket))
    secret = past_days.settings["AWS_SECRET_ACCESS_KEY"]
    for run in (good, bad):
        said = events(publishing.instance, run)
        assert "published/reports" in said
        assert "X-Amz-Signature" not in said
        assert secret not in said
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "18 files published and proven" in logged
    assert "X-Amz-Signature" not in logged
    assert secret not in logged


def test_publishing_again_gives_the_same_files(publishing: World, s3_client: Any, bucket: str) -> None:
    assert publish(publishing).success
    first = {file["key"]: file["sha256"] for file in manifest(s3_client, bucket)["files"]}
    assert publish(publishing).success
    assert {file["key"]: file["sha256"] for file in manifest(s3_client, bucket)["files"]} == first


def test_addresses_live_as_long_as_the_setting_says(past_days: World, s3_client: Any, bucket: str) -> None:
    world = publishing_to(past_days, bucket, GENESYS_ASSETS_URL_EXPIRY_SECONDS="77")
    assert publish(world).success
    said = manifest(s3_client, bucket)
    for file in said["files"]:
        assert "X-Amz-Expires=77&" in file["url"]
        lives = datetime.fromisoformat(file["expires_at"]) - datetime.fromisoformat(said["generated_at"])
        assert timedelta(seconds=47) < lives <= timedelta(seconds=77)


@pytest.mark.parametrize("seconds", ["0", "604801", "soon"])
def test_a_lifetime_out_of_bounds_is_refused_by_name(past_days: World, bucket: str, seconds: str) -> None:
    said = error(publish(publishing_to(past_days, bucket, GENESYS_ASSETS_URL_EXPIRY_SECONDS=seconds)))
    assert f"GENESYS_ASSETS_URL_EXPIRY_SECONDS is '{seconds}', which is not valid" in said
    assert "604800" in said


@pytest.mark.parametrize("url", ["", "https://example.com/x", "s3://"])
def test_a_missing_or_malformed_place_is_named(past_days: World, url: str) -> None:
    world = replace(past_days, settings={**past_days.settings, "GENESYS_ASSETS_PUBLISH_URL": url}, runs=[])
    said = error(publish(world))
    assert "GENESYS_ASSETS_PUBLISH_URL" in said
    assert "s3://my-bucket/published" in said


def test_a_bucket_that_is_not_there_is_named(past_days: World) -> None:
    said = error(publish(publishing_to(past_days, "no-such-bucket-4711")))
    assert "s3://no-such-bucket-4711/published/reports/agent_hourly" in said


def test_wrong_credentials_are_refused_without_showing_them(past_days: World, bucket: str) -> None:
    world = publishing_to(past_days, bucket, AWS_SECRET_ACCESS_KEY="not-the-key-4711")
    run = publish(world)
    assert f"s3://{bucket}/published/reports/agent_hourly" in error(run)
    assert "not-the-key-4711" not in events(world.instance, run)


def test_a_day_without_reports_cannot_be_published(publishing: World, s3_client: Any, bucket: str) -> None:
    said = error(publishing.run("daily", "published/reports", partition=f"{DAYS[0]}"))
    assert "reports/agent_hourly has no stored partition" in said
    assert f"{DAYS[0]}" in said
    assert not objects(s3_client, bucket)


def test_the_materialisation_lists_the_files_with_their_addresses(
    publishing: World, s3_client: Any, bucket: str
) -> None:
    run = publish(publishing)
    said = metadata(run, "published/reports")
    listed = manifest(s3_client, bucket)["files"]
    assert said["dagster/row_count"] == len(listed) == 18
    assert said["bytes"] == sum(file["bytes"] for file in listed)
    assert len(said["files"].splitlines()) == 2 + 18
    assert all(file["url"] in said["files"] for file in listed)
    assert fetch(said["manifest"]).json() == manifest(s3_client, bucket)

"""The published asset on a real S3 server: which objects exist, who can read them, and what is never logged."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import logging
import re
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
import requests

from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.spec import in_milliseconds
from genesys_assets_tests.assets.world import FILES_OF_A_DAY, World, error, events, link, metadata
from genesys_assets_tests.conftest import DAY, DAYS, PAST_BUCKET
from genesys_assets_tests.patience import PATIENCE_SECONDS

MANIFEST = f"published/reports/manifest/date={DAY}/manifest.json"
LIST = "published/reports/index/"
INDEX = f"{LIST}index.html"
FORMATS = ("parquet", "csv", "json")


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
    return requests.get(url, timeout=PATIENCE_SECONDS)


def test_every_report_stands_on_s3_in_every_format_with_a_manifest(past_days: World, s3_client: Any) -> None:
    expected = {(report.name, format_) for report in built_in_reports() for format_ in FORMATS} | {("day_page", "html")}
    said = manifest(s3_client, PAST_BUCKET)
    assert {(file["report"], file["format"]) for file in said["files"]} == expected
    for file in said["files"]:
        folder = f"published/reports/{file['report']}/date={DAY}"
        assert file["key"] == f"{folder}/{file['report']}-{file['sha256'][:16]}.{file['format']}"
    there = {key for key in objects(s3_client, PAST_BUCKET) if not key.startswith(LIST)}
    assert there == {file["key"] for file in said["files"]} | {MANIFEST}
    assert INDEX in objects(s3_client, PAST_BUCKET)
    assert (said["missing"], said["failing_checks"]) == ([], [])
    assert said["date"] == f"{DAY}"
    assert said["bucket"] == PAST_BUCKET
    assert said["run_id"] == past_days.runs[-1].run_id
    assert said["data_available_through"] == f"{DAY + timedelta(days=1)}T00:00:00.000Z"
    assert said["is_complete"] is False, "the day was read only hour by hour"
    for file in said["files"]:
        if file["format"] == "html":
            assert file["rows"] is None
        else:
            assert file["rows"] == len(past_days.lake.read(f"reports/{file['report']}", f"{DAY}"))


@pytest.mark.long
def test_the_manifest_says_that_a_day_is_complete_once_jobs_had_all_of_it(
    past_days: World, s3_client: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details_jobs, "FIRST_WAIT", 0.001)
    shutil.copytree(past_days.folder, tmp_path / "lake")
    instance = dg.DagsterInstance.ephemeral()
    world = replace(publishing_to(past_days, bucket), folder=tmp_path / "lake", instance=instance)
    assert world.run("complete", "pages/daily_details", partition=f"{DAY}").success
    assert world.run("recompute", partition=f"{DAY}").success
    said = manifest(s3_client, bucket)
    assert said["is_complete"] is True
    assert said["data_available_through"] == f"{DAY + timedelta(days=1)}T00:00:00.000Z"


def test_every_url_gives_the_file_that_the_manifest_describes(past_days: World, s3_client: Any) -> None:
    files = manifest(s3_client, PAST_BUCKET)["files"]
    assert {file["format"] for file in files} == {"parquet", "csv", "json", "html"}
    for file in files:
        body = fetch(file["url"]).content
        assert len(body) == file["bytes"]
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        if file["format"] == "html":
            continue
        report = past_days.lake.read(f"reports/{file['report']}", f"{DAY}")
        match file["format"]:
            case "parquet":
                assert pq.read_table(io.BytesIO(body)).equals(report.cast(in_milliseconds(report.schema)))
            case "csv":
                header, *rows = csv.reader(io.StringIO(body.decode()))
                assert header == report.schema.names
                assert len(rows) == len(report)
            case "json":
                records = json.loads(body)
                assert len(records) == len(report)
                assert all(list(record) == report.schema.names for record in records)


def test_the_url_of_the_page_of_the_day_gives_html(past_days: World, s3_client: Any) -> None:
    [entry] = [file for file in manifest(s3_client, PAST_BUCKET)["files"] if file["report"] == "day_page"]
    url = link(metadata(past_days.runs[-1], "published/reports")["page"])
    answer = fetch(url)
    assert url == entry["url"]
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")
    assert "Thursday 29 January 2026" in answer.text


def test_the_page_leads_to_the_csv_files_by_presigned_urls(past_days: World, s3_client: Any) -> None:
    page = fetch(link(metadata(past_days.runs[-1], "published/reports")["page"])).text
    links = [html.unescape(link) for link in re.findall(r'href="(http[^"]+)"', page)]
    linked = {hashlib.sha256(fetch(link).content).hexdigest() for link in links}
    files = manifest(s3_client, PAST_BUCKET)["files"]
    assert linked == {file["sha256"] for file in files if file["format"] != "html"}
    assert all(fetch(link.partition("?")[0]).status_code in (401, 403) for link in links[:2])


def test_the_manifest_sums_the_day_up_as_its_reports_do(past_days: World, s3_client: Any) -> None:
    said = manifest(s3_client, PAST_BUCKET)["headline"]
    rows = past_days.lake.read("reports/queue_media", f"{DAY}").to_pylist()
    assert said["answered"] == sum(row["answered"] or 0 for row in rows)
    assert 0 < said["abandoned_share"] == said["abandoned"] / said["offered"]
    assert said["media"].keys() == {row["media_type"] for row in rows}
    assert not {"service_level", "average_handle_time_ms"} & said.keys(), "these figures mean nothing over all media"
    voice = [row for row in rows if row["media_type"] == "voice"]
    met, measured = (sum(row[f"service_level_{part}"] or 0 for row in voice) for part in ("numerator", "denominator"))
    assert said["media"]["voice"]["service_level"] == met / measured


def test_without_its_signature_or_with_another_no_file_can_be_read(past_days: World, s3_client: Any) -> None:
    urls = [file["url"] for file in manifest(s3_client, PAST_BUCKET)["files"]]
    assert urls
    urls.append(link(metadata(past_days.runs[-1], "published/reports")["manifest"]))
    urls.append(link(metadata(past_days.runs[-1], "published/index")["page"]))
    for url in urls:
        assert fetch(url).status_code == 200
        assert fetch(url.partition("?")[0]).status_code in (401, 403)
        assert fetch(url[:-1] + ("0" if url[-1] != "0" else "1")).status_code == 403


def test_a_bucket_that_anyone_can_read_fails_the_asset_and_keeps_nothing(
    past_days: World, s3_client: Any, public_bucket: str
) -> None:
    said = error(publish(publishing_to(past_days, public_bucket)))
    assert "PubliclyReadable" in said
    assert public_bucket in said
    assert "GENESYS_ASSETS_PUBLISH_URL" in said
    assert not objects(s3_client, public_bucket)


@pytest.mark.long
def test_no_url_is_ever_logged(
    past_days: World, bucket: str, public_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good, bad = (publish(publishing_to(past_days, each)) for each in (bucket, public_bucket))
    secret = past_days.settings["AWS_SECRET_ACCESS_KEY"]
    for run, expected in ((good, f"{FILES_OF_A_DAY} files published and checked"), (bad, "PubliclyReadable")):
        said = events(past_days.instance, run)
        assert expected in said
        assert "X-Amz-Signature" not in said
        assert secret not in said
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "agent_hourly-" in logged
    assert "X-Amz-Signature" not in logged
    assert secret not in logged


@pytest.mark.long
def test_publishing_again_gives_the_same_files_with_urls_of_the_lifetime_that_is_set(
    past_days: World, s3_client: Any, bucket: str
) -> None:
    assert publish(publishing_to(past_days, bucket, GENESYS_ASSETS_URL_EXPIRY_SECONDS="7777")).success
    first, again = (manifest(s3_client, each) for each in (PAST_BUCKET, bucket))
    of_reports, of_reports_again = (
        [(file["key"], file["sha256"]) for file in said["files"] if file["format"] != "html"] for said in (first, again)
    )
    assert of_reports == of_reports_again, "only the links in the page differ"
    for said, seconds in ((first, 86_400), (again, 7777)):
        for file in said["files"]:
            assert f"X-Amz-Expires={seconds}&" in file["url"]
            signed = datetime.fromisoformat(file["expires_at"]) - timedelta(seconds=seconds)
            assert f"X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&" in file["url"]
            assert signed <= datetime.fromisoformat(said["generated_at"])


@pytest.mark.parametrize("seconds", ["0", "604801", "soon"])
def test_a_lifetime_out_of_bounds_is_refused_by_name(past_days: World, bucket: str, seconds: str) -> None:
    said = error(publish(publishing_to(past_days, bucket, GENESYS_ASSETS_URL_EXPIRY_SECONDS=seconds)))
    assert f"GENESYS_ASSETS_URL_EXPIRY_SECONDS cannot be '{seconds}': it must be " in said
    assert "604800" in said


@pytest.mark.parametrize("url", ["https://example.com/x", "s3://"])
def test_a_malformed_place_is_named(past_days: World, url: str) -> None:
    world = replace(past_days, settings={**past_days.settings, "GENESYS_ASSETS_PUBLISH_URL": url}, runs=[])
    said = error(publish(world))
    assert "GENESYS_ASSETS_PUBLISH_URL" in said
    assert "s3://my-bucket/published" in said


def test_a_bucket_that_is_not_there_is_named(past_days: World) -> None:
    said = error(publish(publishing_to(past_days, "no-such-bucket-4711")))
    assert f"s3://no-such-bucket-4711/published/reports/manifest/date={DAY}/manifest.json was not read" in said
    assert "The specified bucket does not exist" in said


def test_wrong_credentials_are_refused_without_showing_them(past_days: World, bucket: str) -> None:
    world = publishing_to(past_days, bucket, AWS_SECRET_ACCESS_KEY="not-the-key-4711")
    run = publish(world)
    assert f"s3://{bucket}/published/reports/manifest/date={DAY}/manifest.json was not read" in error(run)
    assert "not-the-key-4711" not in events(world.instance, run)


def test_a_day_without_reports_cannot_be_published(past_days: World, s3_client: Any, bucket: str) -> None:
    said = error(publishing_to(past_days, bucket).run("daily", "published/reports", partition=f"{DAYS[0]}"))
    assert "genesys/tables/restatements has no partition" in said
    assert f"{DAYS[0]}" in said
    assert not objects(s3_client, bucket)


def test_the_materialisation_lists_the_files_with_their_urls(past_days: World, s3_client: Any) -> None:
    said = metadata(past_days.runs[-1], "published/reports")
    listed = manifest(s3_client, PAST_BUCKET)["files"]
    assert said["dagster/row_count"] == len(listed) == FILES_OF_A_DAY
    assert said["bytes"] == sum(file["bytes"] for file in listed)
    assert len(said["files"].splitlines()) == 2 + FILES_OF_A_DAY
    assert all(file["url"] in said["files"] for file in listed)
    assert fetch(link(said["manifest"])).json() == manifest(s3_client, PAST_BUCKET)

"""The preflight checks the check_places that runs write to: a folder, a bucket, and the clock of S3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.preflight import PreflightResult
from genesys_assets.lake import preflight
from genesys_assets.lake.opening import s3_client
from genesys_assets.lake.preflight import LAKE, PUBLISHED, S3_CLOCK, check_places
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.clocks import shifted_by


def results_by_name() -> dict[str, PreflightResult]:
    results = check_places(s3_client)
    assert len({result.what for result in results}) == len(results), "each thing is reported once"
    return {result.what: result for result in results}


@pytest.fixture
def on_s3(object_store: ObjectStore, bucket: str) -> Iterator[str]:
    settings = {"GENESYS_ASSETS_LAKE": f"s3://{bucket}/lake", "GENESYS_ASSETS_PUBLISH_URL": f"s3://{bucket}/published"}
    with environment({**object_store.environment(), **settings}):
        yield bucket


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "some" / "lake")}):
        lake = results_by_name()[LAKE]
    assert lake.level == "ok"
    assert lake.value.startswith(f"{tmp_path}/some/lake, writable, ")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_fails(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "lake")}):
        lake = results_by_name()[LAKE]
    assert (lake.level, "it is a file, and must be a folder" in lake.advice) == ("fail", True)


def test_a_disk_that_is_almost_full_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LITTLE_SPACE", 2**80)
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path)}):
        assert results_by_name()[LAKE].level == "warn"


def test_a_bucket_that_can_be_written_is_left_empty(object_store: ObjectStore, on_s3: str) -> None:
    results = results_by_name()
    assert {name: result.level for name, result in results.items()} == dict.fromkeys((LAKE, PUBLISHED, S3_CLOCK), "ok")
    assert results[LAKE].value == f"s3://{on_s3}/lake, writable, at {object_store.endpoint_url}"
    assert "Contents" not in s3_client().list_objects_v2(Bucket=on_s3)


def test_a_bucket_that_is_not_there_is_named(object_store: ObjectStore, on_s3: str) -> None:
    with environment({**object_store.environment(), "GENESYS_ASSETS_LAKE": "s3://not-there/lake"}):
        lake = results_by_name()[LAKE]
    assert (lake.level, lake.value) == ("fail", f"there is no bucket not-there at {object_store.endpoint_url}")


def test_credentials_that_are_refused_say_what_to_check(
    object_store: ObjectStore, on_s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    lake = results_by_name()[LAKE]
    assert (lake.level, "HTTP 403" in lake.value) == ("fail", True)
    assert "AWS_SECRET_ACCESS_KEY" in lake.advice
    assert "wrong" not in lake.value + lake.advice


def test_an_endpoint_where_nobody_listens_says_so(on_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    results = results_by_name()
    assert results[LAKE].value.startswith(f"no answer for bucket {on_s3}")
    assert S3_CLOCK not in results


@pytest.mark.parametrize(("minutes", "level"), [(0, "ok"), (-2, "warn"), (16, "fail")])
def test_a_clock_is_compared_with_that_of_s3(
    on_s3: str, monkeypatch: pytest.MonkeyPatch, minutes: int, level: str
) -> None:
    monkeypatch.setattr(preflight, "datetime", shifted_by(timedelta(minutes=minutes)))
    clock = results_by_name()[S3_CLOCK]
    assert clock.level == level
    assert ("S3 refuses" in clock.advice) is (level != "ok")


def test_without_a_bucket_the_folder_for_published_files_is_looked_at(tmp_path: Path) -> None:
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path), "GENESYS_ASSETS_PUBLISH_URL": tmp_path.as_uri()}):
        published = results_by_name()[PUBLISHED]
    assert published.level == "ok"
    assert published.value.startswith(f"{tmp_path}, writable, ")


def test_a_place_that_is_none_is_an_error() -> None:
    with environment({"GENESYS_ASSETS_LAKE": "gs://elsewhere"}):
        lake = results_by_name()[LAKE]
    assert lake.level == "fail"
    assert "GENESYS_ASSETS_LAKE" in lake.advice


@pytest.mark.parametrize(
    ("endpoint", "value", "hint"),
    [
        ("no url", "no answer for bucket", "AWS_ENDPOINT_URL_S3"),
        ("http://me:key-4711@127.0.0.1:9", "not understood", "AWS_ENDPOINT_URL_S3 holds a user or a password"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_a_finding(
    on_s3: str, monkeypatch: pytest.MonkeyPatch, endpoint: str, value: str, hint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    lake = results_by_name()[LAKE]
    assert lake.level == "fail"
    assert lake.value.startswith(value)
    assert hint in lake.advice
    assert "key-4711" not in lake.value + lake.advice


def test_a_check_that_was_killed_leaves_nothing_behind_once_another_one_ran(on_s3: str) -> None:
    class Killed(BaseException): ...

    def client() -> Any:
        made = s3_client()

        def killed(**_: Any) -> None:
            raise Killed

        made.delete_object = killed
        return made

    for _ in range(2):
        with pytest.raises(Killed):
            check_places(client)
    assert s3_client().list_objects_v2(Bucket=on_s3)["KeyCount"] == 1
    results_by_name()
    assert s3_client().list_objects_v2(Bucket=on_s3)["KeyCount"] == 0

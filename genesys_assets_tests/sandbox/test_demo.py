"""`make demo` removes only what it made, and `make dev` never uses your organisation by mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from genesys_assets.sandbox import demo, dev
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.patience import PATIENCE_SECONDS


def make(folder: Path) -> None:
    assert demo.clear(folder)
    for name in ("lake", "s3", "dagster"):
        (folder / name / "deep").mkdir(parents=True)
        (folder / name / "deep" / "file").write_text("made by the demo")
    (folder / "day_page.html").write_text("a page")


def test_the_demo_removes_what_the_demo_before_made(tmp_path: Path) -> None:
    folder = tmp_path / ".demo"
    make(folder)
    make(folder)
    assert demo.clear(folder)
    assert [path.name for path in folder.iterdir()] == ["made_by_make_demo"]


def test_the_demo_leaves_what_it_did_not_make(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    assert demo.clear(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"made_by_make_demo", "notes.txt"}


def test_the_demo_does_not_touch_a_folder_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "rows").write_text("of an organisation")
    command = [sys.executable, "-m", "genesys_assets.sandbox.demo", "--folder", f"{tmp_path}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 1
    assert "was not made by make demo: move it away, or name another folder with --folder" in ended.stdout
    assert (tmp_path / "lake" / "rows").read_text() == "of an organisation"


@pytest.mark.parametrize(
    ("in_file", "outside", "client"),
    [
        ("", {}, None),
        ("GENESYS_CLOUD_CLIENT_ID=\n", {}, None),
        ("GENESYS_CLOUD_CLIENT_ID=mine\n", {}, "mine"),
        ("", {"GENESYS_CLOUD_CLIENT_ID": "theirs"}, "theirs"),
        ("GENESYS_CLOUD_CLIENT_ID=mine\n", {"GENESYS_CLOUD_CLIENT_ID": "theirs"}, "mine"),
    ],
)
def test_the_interface_runs_on_your_organisation_where_a_client_is_set_anywhere(
    tmp_path: Path, in_file: str, outside: dict[str, str], client: str | None
) -> None:
    (tmp_path / ".env").write_text(in_file)
    with environment(outside):
        settings = dev.of_your_organisation(tmp_path)
    assert settings.get(dev.CLIENT_ID) == client


@pytest.mark.long
def test_on_the_sandbox_nothing_points_to_what_is_yours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("GENESYS_CLOUD_REGION=mypurecloud.ie\nGENESYS_ASSETS_LAKE=s3://ours/lake\n")
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    module = {"module_name": "downstream.definitions", "working_directory": "examples/downstream"}
    (tmp_path / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"python_module": module}]}))
    yours = {"GENESYS_CLOUD_REGION": "mypurecloud.ie", "GENESYS_ASSETS_ALERT_WEBHOOK": "https://hooks.example.com"}
    for name, value in {**yours, "GENESYS_ASSETS_LAKE": "s3://ours/lake", "AWS_PROFILE": "ours"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", f"{tmp_path}")
    with dev.sandbox(tmp_path) as folder:
        assert folder == tmp_path / ".sandbox"
        assert not (folder / ".env").exists()
        assert os.environ["GENESYS_ASSETS_LAKE"] == f"{folder}/lake"
        assert os.environ["DAGSTER_HOME"] == f"{folder}/dagster"
        assert (folder / "dagster" / "dagster.yaml").read_text() == (tmp_path / "dagster.yaml").read_text()
        assert not {*yours, "AWS_PROFILE"} & {*os.environ}
        (location,) = yaml.safe_load((folder / "workspace.yaml").read_text())["load_from"]
        assert location["python_module"]["working_directory"] == f"{tmp_path}/examples/downstream"
    assert os.environ["GENESYS_ASSETS_LAKE"] == "s3://ours/lake"
    assert os.environ["DAGSTER_HOME"] == f"{tmp_path}"
    assert {name: os.environ[name] for name in yours} == yours


def test_a_file_that_is_not_as_the_manifest_says_is_printed_without_its_signature(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(url: str, timeout: float) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.url, answer._content = 403, url, b"refused"
        return answer

    monkeypatch.setattr(requests, "get", get)
    url = "https://bucket.example/reports/agent_daily.csv?X-Amz-Signature=key-4711"
    file = {"report": "agent_daily", "url": url, "sha256": "0", "rows": 3, "bytes": 40}
    manifest = {"data_available_through": "2026-01-29", "files": [file]}
    assert not demo._verify(manifest, "2026-01-28", tmp_path / "page.html")
    said = capsys.readouterr().out
    assert "BAD      3 rows       40 bytes  https://bucket.example/reports/agent_daily.csv\n" in said
    assert "key-4711" not in said

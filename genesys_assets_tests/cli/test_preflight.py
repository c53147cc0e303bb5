"""The command `genesys-assets preflight`: what it prints, and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genesys_assets.cli.app import app
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.patience import PATIENCE_SECONDS

WIDE = len("aggregates: agentutilizations")
"""As wide as the longest thing that is looked at."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that the environment points to; the .env of the checkout is not read."""
    with (
        running(conversations_per_day=20) as sandbox,
        environment({**sandbox.environment(), "DAGSTER_HOME": str(tmp_path)}),
    ):
        yield sandbox


def test_it_prints_one_line_for_each_thing_and_ends_with_0(sandbox: Sandbox) -> None:
    ended = CliRunner().invoke(app, ["preflight"])
    printed = ended.stdout
    assert ended.exit_code == 0
    assert printed.startswith(sandbox.url)
    assert f"ok    {'queues':<{WIDE}}  10 visible: 6 in Home, 4 in Switzerland\n" in printed
    assert "ok    published files" in printed
    assert printed.endswith("Ready: everything that is needed can be read and written.\n")


def test_it_ends_with_1_and_says_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.behaviour.missing_permissions = {"routing:queue:view", "routing:skill:view"}
    ended = CliRunner().invoke(app, ["preflight"])
    printed = ended.stdout
    assert ended.exit_code == 1
    assert f"FAIL  {'queues':<{WIDE}}  not permitted\n      Give the OAuth client a role" in printed
    assert "Not ready: 2 things have to be put right." in printed
    assert "Give the OAuth client a role with: routing:queue:view, routing:skill:view" in printed
    # The name of a folder is not wrapped.
    assert max(len(line) for line in printed.splitlines() if f"{tmp_path}" not in line) <= 110


def test_a_missing_setting_is_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENESYS_CLOUD_CLIENT_ID")
    ended = CliRunner().invoke(app, ["preflight"])
    assert ended.exit_code == 1
    assert "FAIL  settings\n      GENESYS_CLOUD_CLIENT_ID is not set" in ended.stdout


def test_an_unknown_region_is_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENESYS_CLOUD_API_URL")
    monkeypatch.delenv("GENESYS_CLOUD_LOGIN_URL")
    monkeypatch.setenv("GENESYS_CLOUD_REGION", "mypurecloud.con")
    ended = CliRunner().invoke(app, ["preflight"])
    assert ended.exit_code == 1
    assert "mypurecloud.com" in ended.stdout


@pytest.mark.long
def test_as_a_command_it_reads_the_env_file(sandbox: Sandbox, tmp_path: Path) -> None:
    env = {**os.environ, "GENESYS_ASSETS_EXPECTED_QUEUES": ""}
    secret = env.pop("GENESYS_CLOUD_CLIENT_SECRET")
    (tmp_path / ".env").write_text(f"GENESYS_CLOUD_CLIENT_SECRET={secret}\n")
    command = [sys.executable, "-m", "genesys_assets.cli", "preflight"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Ready" in run.stdout
    assert run.stderr == ""
    (tmp_path / ".env").write_text("GENESYS_CLOUD_CLIENT_SECRET=not-the-secret-4711\n")
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert run.returncode == 1
    assert "did not accept the secret" in run.stdout.replace("\n      ", " ")
    assert "not-the-secret-4711" not in run.stdout + run.stderr

"""The folder in which the Dagster UI runs on a sandbox."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from dotenv import dotenv_values

from genesys_assets.sandbox import demo, dev
from genesys_assets_tests.examples.deployment import REPOSITORY


def home_in(folder: Path) -> Path:
    for name in ("dagster.yaml", "workspace.yaml"):
        (folder / name).write_bytes((REPOSITORY / name).read_bytes())
    return folder


def test_a_reports_file_that_is_added_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "surroundings", lambda *_, more, **others: contextlib.nullcontext(more))
    home = home_in(tmp_path)
    for _ in range(2):
        with dev.sandbox(home) as folder:
            found = folder / "dagster" / "reports.yaml"
            assert not found.is_file()
    (home / "reports.yaml").write_text("reports: {}")
    assert found.read_text() == "reports: {}"


def test_commands_in_another_terminal_find_the_lake_of_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"GENESYS_ASSETS_LAKE": "/its/lake"}
    monkeypatch.setattr(demo, "surroundings", lambda *_, more, **others: contextlib.nullcontext({**more, **settings}))
    with dev.sandbox(home_in(tmp_path)) as folder:
        file = folder / "dagster/.env"
        assert dotenv_values(file) == {**settings, "DAGSTER_HOME": str(folder / "dagster")}
        assert file.stat().st_mode & 0o077 == 0
    assert f"export DAGSTER_HOME={folder / 'dagster'}" in capsys.readouterr().out

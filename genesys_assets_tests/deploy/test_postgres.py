"""Dagster on a real PostgreSQL, as deploy/postgres/dagster.yaml says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import cluster, services
from genesys_assets.sandbox.server import running
from genesys_assets_tests.examples.deployment import REPOSITORY
from genesys_assets_tests.patience import PATIENCE_SECONDS


def missing() -> str:
    """Why this machine cannot run PostgreSQL; empty if it can."""
    try:
        cluster.python(), services.postgres_binaries()
    except services.NotInstalled as error:
        return f"{error}"
    return ""


pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(missing()), reason=missing())]


def test_a_run_is_kept_in_postgresql_and_nothing_of_it_in_the_folder(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    configuration = (REPOSITORY / "deploy/postgres/dagster.yaml").read_text()
    with (
        services.postgres() as database,
        running(seed=7, conversations_per_day=20, requests_per_minute=None) as sandbox,
    ):
        (tmp_path / "dagster.yaml").write_text(configuration.replace("port: 5432", f"port: {database.port}"))
        settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GENESYS_", "DAGSTER_"))},
            **sandbox.environment(),
            **database.settings,
            "DAGSTER_HOME": f"{tmp_path}",
            "GENESYS_ASSETS_START_DATE": "2026-01-31",
            "PYTHONPATH": f"{REPOSITORY}",
        }
        dg = f"{cluster.python().with_name('dg')}"
        done = subprocess.run(
            [dg, "launch", "--job", "hourly", "--partition", "2026-01-31-10:00"],
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert database.ask("SELECT status FROM runs") == ["SUCCESS"]
        assert "ASSET_MATERIALIZATION" in database.ask("SELECT dagster_event_type FROM event_logs")
    assert not list(tmp_path.rglob("*.db"))
    assert list((tmp_path / "lake").rglob("*.parquet"))

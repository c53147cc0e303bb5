"""Dagster on a real PostgreSQL, as deploy/postgres/dagster.yaml says."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genesys_assets.sandbox.server import running
from genesys_assets_tests.examples.deployment import REPOSITORY
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.ports import free_port

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("dagster_postgres") is None,
        reason="dagster-postgres is not installed: pip install 'genesys_assets[postgres]'",
    ),
    pytest.mark.skipif(not _BINARIES, reason="PostgreSQL is not installed: apt-get install postgresql"),
]


def as_postgres(folder: Path, *command: str) -> None:
    """PostgreSQL refuses to be run by root."""
    user = "postgres" if os.geteuid() == 0 else None
    done = subprocess.run(
        command,
        cwd=folder,
        user=user,
        group=user,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def database(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL on loopback, and the settings that lead to it."""
    binaries, port = _BINARIES[-1].parent, free_port()
    folder = Path("/tmp") / f"genesys_assets_postgres_{port}"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    secret = folder / "secret"
    try:
        secret.write_text("not-a-secret")
        if os.geteuid() == 0:
            shutil.chown(secret, "postgres", "postgres")
        data = folder / "data"
        as_postgres(
            folder,
            *(f"{binaries / 'initdb'}", "-D", f"{data}", "-U", "dagster", "--auth=scram-sha-256"),
            f"--pwfile={secret}",
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        start = (f"{binaries / 'pg_ctl'}", "-D", f"{data}", "-l", f"{folder / 'log'}", "-o", options, "-w", "start")
        as_postgres(folder, *start)
        try:
            yield {
                "DAGSTER_POSTGRES_HOST": "127.0.0.1",
                "DAGSTER_POSTGRES_USER": "dagster",
                "DAGSTER_POSTGRES_PASSWORD": "not-a-secret",
                "DAGSTER_POSTGRES_DB": "postgres",
                "PORT": f"{port}",
            }
        finally:
            as_postgres(folder, f"{binaries / 'pg_ctl'}", "-D", f"{data}", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def test_a_run_is_kept_in_postgresql_and_nothing_of_it_in_the_folder(database: dict[str, str], tmp_path: Path) -> None:
    configuration = (REPOSITORY / "deploy/postgres/dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(configuration.replace("port: 5432", f"port: {database['PORT']}"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    with running(seed=7, conversations_per_day=20, requests_per_minute=None) as sandbox:
        settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GENESYS_", "DAGSTER_"))},
            **sandbox.environment(),
            **database,
            "DAGSTER_HOME": f"{tmp_path}",
            "GENESYS_ASSETS_START_DATE": "2026-01-31",
            "PYTHONPATH": f"{REPOSITORY}",
        }
        dg = f"{Path(sys.executable).with_name('dg')}"
        command = [dg, "launch", "--job", "hourly", "--partition", "2026-01-31-10:00"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.rglob("*.db"))
    assert list((tmp_path / "lake").rglob("*.parquet"))

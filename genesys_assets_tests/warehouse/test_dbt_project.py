"""The dbt project in examples/dbt: its generated sources, and a mart that DuckDB builds from the lake."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from genesys_assets_tests.assets.world import World
from genesys_assets_tests.conftest import DAY
from genesys_assets_tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.long
REPOSITORY = Path(__file__).parents[2]
_METRICS = {"answered": "tAnswered", "abandoned": "tAbandon", "handled": "tHandle"}


@pytest.fixture(scope="module")
def dbt() -> Path:
    """The `bin` of the virtual environment with dbt, and with a DuckDB that has its own Delta reader."""
    folder = Path(os.environ.get("GENESYS_ASSETS_DBT_VENV") or REPOSITORY / ".venv-dbt")
    if not (folder / "bin/dbt").exists():
        pytest.skip(f"dbt is not installed in {folder}: run `make dbt`")
    return folder / "bin"


@pytest.fixture(scope="module")
def built(dbt: Path, past_days: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mart, built as the project's README says."""
    folder = tmp_path_factory.mktemp("mart") / "dbt"
    shutil.copytree(REPOSITORY / "examples/dbt", folder)
    settings = {**os.environ, "GENESYS_ASSETS_LAKE": str(past_days.folder), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [sys.executable, "-m", "genesys_assets.cli", "warehouse", "dbt"]
    sources = subprocess.run(
        command, env=settings, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    (folder / "models/sources.yml").write_text(sources.stdout)
    (extensions,) = dbt.parent.glob("lib/python3*/site-packages/duckdb_ext/extensions")
    done = subprocess.run(
        [str(dbt / "dbt"), "build", "--profiles-dir", ".", "--no-use-colors", "--select", "+queue_days"],
        cwd=folder,
        env={**settings, "DUCKDB_EXTENSIONS": str(extensions)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not_null_genesys_interval_metrics_metric" in done.stdout, "dbt also runs the tests of the sources"
    return folder / "mart.duckdb"


def test_the_mart_has_the_figures_of_the_lake(built: Path, past_days: World) -> None:
    expected: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in past_days.lake.read("tables/interval_metrics", f"{DAY}").to_pylist():
        if row["grouping"] == "mediaType,queueId" and not row["selection"] and not row["view"] and row["queue_id"]:
            figures = expected[row["queue_id"], row["media_type"]]
            for name, metric in _METRICS.items():
                if row["metric"] == metric:
                    figures[name] = figures.get(name, 0) + row["count"]
    with duckdb.connect(str(built), read_only=True) as connection:
        query = f"select queue_id, media_type, {', '.join(_METRICS)} from queue_days where day = ?"
        rows = connection.execute(query, [DAY]).fetchall()
    mart = {
        (queue, media): {name: value for name, value in zip(_METRICS, figures, strict=True) if value is not None}
        for queue, media, *figures in rows
    }
    assert mart == expected
    assert any(figures.get("handled") for figures in mart.values())


def test_queues_are_named_or_have_their_id_where_nobody_knows_a_name(built: Path, past_days: World) -> None:
    listed = past_days.lake.read("reference/queues", None, columns=["id", "name"]).to_pylist()
    names = {row["id"]: row["name"] for row in listed}
    with duckdb.connect(str(built), read_only=True) as connection:
        named = dict(connection.execute("select distinct queue_id, queue_name from queue_days").fetchall())
    assert named.keys() & names.keys()
    assert named == {queue: names.get(queue, queue) for queue in named}

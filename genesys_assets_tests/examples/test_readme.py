"""The instructions of README.md work as written."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.assets.world import World, environment
from genesys_assets_tests.conftest import DAY, DAYS
from genesys_assets_tests.examples.deployment import REPOSITORY, SHARED_DATABASES, create_instance, databases

README = REPOSITORY / "README.md"


def test_the_command_that_comes_before_services_creates_all_databases_that_they_share(tmp_path: Path) -> None:
    assert "run `dagster instance info` once before you start them" in " ".join(README.read_text().split())
    create_instance({**os.environ, "DAGSTER_HOME": f"{tmp_path}"})
    assert databases(tmp_path) == SHARED_DATABASES


def sample() -> str:
    _, section = README.read_text().split("## Your own assets on top\n")
    found = re.search(r"```python\n(.+?)```", section, re.DOTALL)
    assert found
    return found[1]


def test_the_sample_reads_a_report_as_pandas_and_stores_what_it_returns(past_days: World, tmp_path: Path) -> None:
    reports = "reports/agent_daily"
    shutil.copytree(past_days.folder / reports, tmp_path / reports)
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path), "GENESYS_ASSETS_START_DATE": f"{DAYS[0]}"}):
        module: dict[str, Any] = {}
        exec(sample(), module)
        job = module["defs"].resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(partition_key=f"{DAY}").success
    averages = past_days.lake.read(reports, f"{DAY}")["average_handle_time_seconds"].to_pylist()
    quick = Lake(LocalStore(tmp_path)).read("quick_agents", f"{DAY}")["average_handle_time_seconds"].to_pylist()
    assert quick == [average for average in averages if average is not None and average < 300]
    assert 0 < len(quick) < len(averages)

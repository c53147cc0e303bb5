"""docs/operations.md: each of its commands runs as written, and its tables are complete."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.automation.run_metrics import metrics_of
from genesys_assets.sandbox.server import running
from genesys_assets_tests.examples.deployment import REPOSITORY
from genesys_assets_tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.long

PAGE = REPOSITORY / "docs/operations.md"
_MAY_BE_LATE = "genesys-assets status"
"""The sandbox's day is long ago, so its figures are late: exit code 1."""


def sections() -> dict[str, str]:
    return {part.split("\n")[0]: part for part in PAGE.read_text().split("\n## ")[1:]}


def commands() -> list[tuple[str, str]]:
    """Each command with its section, in order."""
    found = []
    for heading, section in sections().items():
        for block in re.findall(r"^ *```sh\n(.+?)^ *```", section, re.DOTALL | re.MULTILINE):
            found += [(heading, line) for line in textwrap.dedent(block).splitlines() if line]
    return found


@dataclass(frozen=True)
class Deployment:
    """A checkout as an operator has it: dagster.yaml, pyproject.toml, `.env` of the sandbox."""

    home: Path
    environment: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("operations")
    for name in ("dagster.yaml", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, home / name)
    with running(seed=7, conversations_per_day=40, requests_per_minute=None) as sandbox:
        settings = {**sandbox.environment(), "GENESYS_ASSETS_START_DATE": "2026-01-31"}
        (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("GENESYS_", "AWS_", "DAGSTER_"))
        }
        # What `source .venv/bin/activate; export DAGSTER_HOME=$PWD` sets.
        activated = {
            "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
            "DAGSTER_HOME": str(home),
            "PYTHONPATH": str(REPOSITORY),
        }
        yield Deployment(home, inherited | activated)


def test_every_section_that_says_what_to_do_has_commands() -> None:
    with_commands = {heading for heading, _ in commands()}
    assert {*sections()} - with_commands == {"A deployment", "Cost", "Metrics"}


def test_each_command_does_what_the_page_says(deployment: Deployment) -> None:
    """One test runs all, because each command builds on those before it."""
    for heading, command in commands():
        done = deployment.run(command)
        allowed = (0, 1) if _MAY_BE_LATE in command else (0,)
        assert done.returncode in allowed, f"{heading}: {command}\n{done.stdout}\n{done.stderr}"
    said = json.loads((deployment.home / "status.json").read_text())
    stored = {each["asset"]: each["stored"] for each in said["assets"]}
    assert stored["pages/hourly_aggregates"] == 24
    assert stored["tables/conversations"] == stored["reports/agent_daily"] == 1
    copied = json.loads((deployment.home / "status_copied.json").read_text())
    assert {each["asset"]: each["stored"] for each in copied["assets"]} == stored
    # The day itself is published as well; it is too long ago to be checked.
    assert list((deployment.home / "published").glob("reports/manifest/date=2026-01-31/manifest.json"))


def test_the_fields_of_a_line_of_metrics_are_those_of_the_page(tmp_path: Path) -> None:
    @dg.asset
    def anything() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([anything], instance=instance)
        record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    documented = re.findall(r"^\| (`[^|]+`) \|", sections()["Metrics"], re.MULTILINE)
    fields = [name for cell in documented for name in re.findall(r"`(\w+)`", cell)]
    assert fields == list(metrics_of(record, [], [], [], 0))

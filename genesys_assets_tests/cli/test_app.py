"""The command as a whole: it is installed, shows its help quickly, and ends with the right exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genesys_assets.cli.app import app
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.processes import beside

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "genesys_assets.cli"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def test_the_installed_command_is_this_one() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["genesys-assets"].split(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize(
    "command",
    ["preflight", "status", "plan", "import", "take-back", "forget", "reports check", "reports preview", "sandbox"],
)
def test_help_of_every_command_teaches_by_example(command: str) -> None:
    *group, name = command.split()
    done = run(*group, name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"genesys-assets {command}" in done.stdout.split("examples:")[1]
    assert f"  {name} " in run(*group, "--help").stdout
    listed = run("--help").stdout
    assert f"  {command.split()[0]} " in listed
    assert "Exit codes: 0 success, 1 something failed and is named, 2 wrong usage" in listed


def test_the_list_of_commands_cuts_no_line() -> None:
    assert "..." not in run("--help").stdout.split("Commands:")[1]


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("import", "[OPTIONS] [FILES]..."),
        ("take-back", "[OPTIONS] [FILES]..."),
        ("reports preview", "[OPTIONS] NAME DATE"),
        ("reports ids", "[OPTIONS] NAME"),
        ("reports check", "[OPTIONS] [FILE]"),
    ],
)
def test_usage_names_the_arguments(command: str, usage: str) -> None:
    first = run(*command.split(), "--help").stdout.splitlines()[0]
    # Some versions of typer put what is required in braces.
    assert first.translate(str.maketrans("", "", "{}")) == f"Usage: genesys-assets {command} {usage}"


@pytest.mark.parametrize("command", ["import", "forget", "reports preview"])
def test_help_imports_nothing_heavy(command: str) -> None:
    heavy = ("dagster", "pyarrow", "pandas", "boto3", "numpy", "requests", "rich.progress")
    program = (
        "import sys, json; from genesys_assets.cli.app import main\n"
        "try: main()\n"
        f"finally: print(json.dumps([name for name in {heavy} if name in sys.modules]), file=sys.stderr)"
    )
    arguments = [sys.executable, "-c", program, *command.split(), "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0
    assert json.loads(done.stderr) == []


@pytest.mark.parametrize(
    "arguments",
    [["dance"], ["import", "--dance"], ["preflight", "now"], ["reports", "draw"], ["sandbox", "--seed", "x"]],
)
def test_what_is_not_understood_ends_with_2_and_no_traceback(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_without_a_command_it_helps() -> None:
    assert "Commands:" in CliRunner().invoke(app, []).output


def test_the_sandbox_serves_until_it_is_interrupted() -> None:
    with beside([*COMMAND, "sandbox"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert next(process.stdout).startswith("A Genesys Cloud sandbox is running at http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0


def test_what_the_env_file_overrides_is_named_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("GENESYS_ASSETS_LAKE=lake_of_the_file\nGENESYS_ASSETS_TIME_ZONE=UTC\n")
    monkeypatch.setenv("DAGSTER_HOME", f"{tmp_path}")
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", "lake_of_the_environment")
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "UTC")
    said = run("reports", "check", "missing.yaml").stderr.splitlines()
    assert said[:1] == [f"Ignored from the environment, because {tmp_path / '.env'} sets it too: GENESYS_ASSETS_LAKE."]

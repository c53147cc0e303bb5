"""The command `genesys-assets plan`: what it prints, and which input it refuses."""

from __future__ import annotations

import doctest
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genesys_assets.cli import plan as module
from genesys_assets.cli.app import app
from genesys_assets_tests.assets.world import environment


@pytest.fixture(autouse=True)
def _an_empty_lake(tmp_path: Path) -> Iterator[None]:
    settings = {
        "DAGSTER_HOME": str(tmp_path),
        "GENESYS_ASSETS_LAKE": str(tmp_path / "lake"),
        "GENESYS_ASSETS_START_DATE": "2026-01-10",
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "60",
    }
    with environment(settings):
        yield


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *arguments])


def test_the_example_holds() -> None:
    assert doctest.testmod(module).failed == 0


def test_it_says_requests_hours_and_bytes_and_what_they_rest_on() -> None:
    ended = plan("2026-01-01", "2026-01-31")
    assert ended.exit_code == 0, ended.output
    assert "\npages/daily_details" in ended.stdout
    assert "requests at 60 a minute: " in ended.stdout
    assert "10,000 conversations a day: assumed, since no day is stored." in ended.stdout
    assert "Bytes with * are assumed" in ended.stdout
    assert "\ntables/queue_waits" in ended.stdout
    assert "Published files come on top too." in ended.stdout
    assert "set GENESYS_ASSETS_START_DATE=2026-01-01 before you fetch them." in ended.stdout


def test_the_rate_limit_is_that_of_the_settings() -> None:
    said = json.loads(plan("2026-01-10", "2026-01-31", "--conversations-per-day", "60000", "--json").stdout)
    assert (said["requests_per_minute"], said["conversations_per_day"], said["basis"]) == (60, 60_000, "given")
    assert said["hours"] == round(said["requests"] / 60 / 60, 2)
    assert said["bytes"] == sum(each["bytes"] for each in said["assets"])
    assert [each["missing"] for each in said["assets"] if each["asset"] == "pages/daily_details"] == [22]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["2026-01-31", "2026-01-01"], "is not a range of days that ends by today"),
        (["2026-01-01", "2999-01-01"], "is not a range of days that ends by today"),
        (["yesterday", "2026-01-01"], "FROM 'yesterday' is not a day: write it as 2026-01-31"),
    ],
)
def test_what_is_no_range_of_days_is_refused(arguments: list[str], says: str) -> None:
    ended = plan(*arguments)
    assert ended.exit_code == 2
    assert says in " ".join(ended.stderr.split())


def test_a_file_of_reports_with_mistakes_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").write_text("reports: {mine: {columns: 3}}\n")
    ended = plan("2026-01-10", "2026-01-31")
    assert ended.exit_code == 1
    assert "reports.yaml has mistakes. Correct it first" in ended.stderr

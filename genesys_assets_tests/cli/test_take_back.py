"""The command `genesys-assets take-back`: what it prints, its exit codes, and what is then stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.cli.import_command import command, run


def take_back(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["take-back", *arguments])


def test_taking_back_says_what_to_materialise_and_leaves_the_rest(saved: Path) -> None:
    run(f"{saved}")
    done = take_back(f"{saved}/figures.json")
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            f"taken back  {saved}/figures.json",
            "",
            "1 file taken back.",
            "",
            "Materialise:",
            "  tables/interval_metrics                      2026-01-28",
            command("imported_hourly_aggregates"),
            "  tables/daily_metrics                         2026-01-28",
            command("imported_daily_aggregates"),
        ],
    )
    lake = Lake(LocalStore(saved.parent / "lake"))
    pages = {name: lake.pages(f"pages/imported_{name}", "2026-01-28") for name in ("details", "hourly_aggregates")}
    assert {name: len(of or ()) for name, of in pages.items()} == {"details": 1, "hourly_aggregates": 0}
    assert "1 imported, 1 unchanged" in run(f"{saved}").stdout


def test_everything_is_taken_back_on_demand(saved: Path) -> None:
    run(f"{saved}")
    assert "2 files taken back." in take_back("--all").stdout
    assert take_back("--all").stdout.splitlines() == ["", "0 files taken back."]


def test_a_name_that_nothing_was_imported_under_ends_with_1_and_takes_nothing_back(saved: Path) -> None:
    run(f"{saved}")
    done = take_back(f"{saved}/details.json", "elsewhere.json")
    assert (done.exit_code, done.stderr) == (
        1,
        "Nothing was imported under the name elsewhere.json: nothing is taken back.\n",
    )
    assert "0 imported, 2 unchanged" in run(f"{saved}").stdout


@pytest.mark.parametrize(
    ("arguments", "missing"), [([], "Name files, or --all.\n"), (["--all", "details.json"], "and not both.\n")]
)
def test_files_are_named_or_all_is_said_and_not_both(saved: Path, arguments: list[str], missing: str) -> None:
    done = take_back(*arguments)
    assert done.exit_code == 2
    assert done.stderr.endswith(missing)


def test_taking_back_days_before_the_first_partition_says_what_to_set(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_START_DATE", "2026-02-01")
    run(f"{saved}")
    done = take_back("--all").stdout.splitlines()
    assert (
        done[-1]
        == "Partitions begin on 2026-02-01: set GENESYS_ASSETS_START_DATE=2026-01-28 to include all imported days."
    )


@pytest.mark.parametrize("arguments", [["--all"], ["saved/agents.json"]])
def test_with_s3_away_it_ends_with_1_and_names_it(
    saved: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    away = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_DEFAULT_REGION": "eu-west-1"}
    away |= {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "GENESYS_ASSETS_LAKE": "s3://some-bucket/lake"}
    for name, value in away.items():
        monkeypatch.setenv(name, value)
    done = take_back(*arguments)
    assert (done.exit_code, done.stdout, type(done.exception)) == (1, "", SystemExit)
    assert "S3 at http://127.0.0.1:9 cannot be reached" in done.stderr

"""The command `genesys-assets forget`: what it prints, its exit codes, and that nobody stands in the lake then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.tables.conversations.flat_tables import PARTICIPANTS
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.forgetting.test_beside_others import DAY, FIRST, ROWS, SECOND, filled
from genesys_assets_tests.forgetting.traces import files_with

TABLE = "tables/participants"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A lake with two conversations, in a folder that is that of dagster.yaml."""
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "lake"), "DAGSTER_HOME": str(tmp_path)}):
        filled(open_lake())
        yield tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["forget", *arguments])


def test_it_says_what_it_did_by_table_and_what_is_computed_again(home: Path) -> None:
    done = run("--conversation", FIRST)
    assert done.exit_code == 0
    table, rest = done.stdout.splitlines()[:5], done.stdout.splitlines()[5:]
    assert [line.split() for line in table[2:]] == [
        ["live/conversations", "1", "2", "0", "2"],
        ["pages/hourly_details", "2", "0", "2", "2"],
        ["tables/participants", "1", "1", "0", "1"],
    ]
    assert rest[-1] == f"    dg launch --job recompute --partition-range '{DAY}...{DAY}'"
    assert files_with(home, [FIRST]) == {}
    assert files_with(home, [SECOND])


def test_it_can_be_told_several_at_once(home: Path) -> None:
    assert run("--conversation", FIRST, "--conversation", f" {SECOND} ").exit_code == 0
    assert files_with(home, [FIRST, SECOND]) == {}


def test_nothing_is_done_where_only_a_word_is_wanted_of_what_would_be(home: Path) -> None:
    before = sorted(path for path in home.rglob("*"))
    done = run("--conversation", FIRST, "--dry-run")
    assert done.stdout.startswith("This is what would be done. Nothing was.\n")
    assert "tables/participants" in done.stdout
    assert sorted(path for path in home.rglob("*")) == before


def test_where_nobody_stands_it_says_so(home: Path) -> None:
    assert run("--user", "dddddddd-1111-4222-8333-00000000a009").stdout == (
        "The lake holds nothing about anybody who must be forgotten.\n"
    )


def test_what_somebody_brought_back_by_hand_goes_without_naming_anybody(home: Path) -> None:
    run("--conversation", FIRST)
    writing = Lake(open_lake().store)
    with writing.table_writers({TABLE: PARTICIPANTS}, "2026-01-30", {}) as writers:
        writers[TABLE].write(PARTICIPANTS.empty())
    with writing.table_writers({TABLE: PARTICIPANTS}, DAY, {}) as writers:
        writers[TABLE].write(ROWS)
    assert files_with(home, [FIRST])
    assert run().exit_code == 0
    assert files_with(home, [FIRST]) == {}


@pytest.mark.parametrize("id_", ["", "x", "two words", "a/b", "Łucja", "'quoted'"])
def test_what_is_no_id_is_refused(home: Path, id_: str) -> None:
    done = run("--user", id_)
    assert done.exit_code == 2
    assert "is not an id" in done.output
    assert not (home / "lake/forgotten").exists()


def test_a_file_of_reports_with_mistakes_is_to_be_mended_first(home: Path) -> None:
    (home / "reports.yaml").write_text("reports: [")
    done = run("--conversation", FIRST)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Correct it first: genesys-assets reports check" in done.stderr
    assert files_with(home, [FIRST])


def test_what_could_not_be_done_is_named_and_the_exit_code_is_1(home: Path) -> None:
    lake = open_lake()
    (stored,) = lake.log(TABLE).files(DAY)
    Path(lake.store.path(f"{TABLE}/{stored.path}")).write_bytes(b"PAR1 no more")
    done = run("--conversation", FIRST)
    assert done.exit_code == 1
    assert f"  {TABLE} {DAY}: " in done.stdout.split("Not done:")[1]

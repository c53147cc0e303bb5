"""The command `genesys-assets forget`: what it prints, its exit codes, and that the lake then names no forgotten
person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app
from genesys_assets.cli.forgetting import _published
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.tables.conversations.flat_tables import PARTICIPANTS
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.forgetting.test_beside_others import DAY, FIRST, ROWS, SECOND, filled
from genesys_assets_tests.forgetting.traces import files_with
from genesys_assets_tests.publishing.made_up_day import DAY as MADE_UP_DAY
from genesys_assets_tests.publishing.made_up_day import made_up_lake

TABLE = "tables/participants"
WEEKLY = """\
reports:
  weekly:
    description: One row per media type of a week.
    over: week
    group_by: [mediaType]
    aggregates: {metrics: {handled: tHandle.count}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A lake with two conversations, in the folder of dagster.yaml."""
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


def test_it_takes_several_ids_at_once(home: Path) -> None:
    assert run("--conversation", FIRST, "--conversation", f" {SECOND} ").exit_code == 0
    assert files_with(home, [FIRST, SECOND]) == {}


def test_a_dry_run_changes_nothing(home: Path) -> None:
    before = sorted(path for path in home.rglob("*"))
    done = run("--conversation", FIRST, "--dry-run")
    assert done.stdout.startswith("This is what would be done. Nothing was.\n")
    assert "tables/participants" in done.stdout
    assert sorted(path for path in home.rglob("*")) == before


def test_it_says_if_no_trace_is_found(home: Path) -> None:
    assert run("--user", "dddddddd-1111-4222-8333-00000000a009").stdout == (
        "The lake holds nothing about anybody who must be forgotten.\n"
    )


def test_a_forgotten_id_that_came_back_by_hand_is_removed_without_being_named(home: Path) -> None:
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


def test_a_file_of_reports_with_mistakes_must_be_corrected_first(home: Path) -> None:
    (home / "reports.yaml").write_text("reports: [")
    done = run("--conversation", FIRST)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Correct it first: genesys-assets reports check" in done.stderr
    assert files_with(home, [FIRST])


def test_a_day_is_published_again_without_the_reports_that_end_on_other_days(tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").write_text(WEEKLY)
    lake = made_up_lake(tmp_path / "lake", agents=3)
    settings = {"GENESYS_ASSETS_LAKE": str(tmp_path / "lake"), "DAGSTER_HOME": str(tmp_path)}
    settings |= {"GENESYS_ASSETS_START_DATE": "2026-01-01", "GENESYS_ASSETS_PUBLISH_URL": str(tmp_path / "published")}
    with environment(settings):
        publication, _ = _published()
        publication.republish(lake, Manifest(date=MADE_UP_DAY, generated_at=datetime.now(UTC), run_id="r"))
    again = publication.publisher.manifest(MADE_UP_DAY)
    assert again is not None
    assert "queue_media" in {file.report for file in again.files}
    # The day is a Saturday, so no week ends on it.
    assert "weekly" not in again.missing
    assert "interval" in again.missing


def test_reports_about_the_pipeline_are_computed_again_and_not_withdrawn(home: Path) -> None:
    _, recomputation = _published()
    assert recomputation.reports.keys() >= {report.name for report in (*built_in_reports(), *operating_reports())}


def test_what_could_not_be_done_is_named_and_the_exit_code_is_1(home: Path) -> None:
    lake = open_lake()
    (stored,) = lake.log(TABLE).files(DAY)
    Path(lake.store.path(f"{TABLE}/{stored.path}")).write_bytes(b"PAR1 no more")
    done = run("--conversation", FIRST)
    assert done.exit_code == 1
    assert f"  {TABLE} {DAY}: " in done.stdout.split("Not done:")[1]

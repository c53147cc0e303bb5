"""The command `genesys-assets forget`: what it prints, its exit codes, and that the lake then names no forgotten
person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app
from genesys_assets.cli.forgetting import _published, text
from genesys_assets.forgetting.work import LIST_OF_DAYS, ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.publishing.manifest import Manifest, PublishedFile
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.reports.stored_definitions import store_definition
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
    assert done.stdout.startswith("This is what would be done. Nothing was changed.\n")
    assert "tables/participants" in done.stdout
    assert sorted(path for path in home.rglob("*")) == before


def test_without_ids_where_nobody_stands_it_says_so(home: Path) -> None:
    assert run().stdout == "The lake holds nothing about anybody who must be forgotten.\n"


def test_an_id_about_which_nothing_is_stored_is_named(home: Path) -> None:
    user, contact = "dddddddd-1111-4222-8333-00000000a009", "crm-4711"
    done = run("--conversation", FIRST, "--user", user, "--external-contact", contact)
    assert done.exit_code == 0
    said = (
        "nothing is stored about it. It is on the list of forgotten ids now and will not be stored later. Check the id."
    )
    assert f"\nuser {user}: {said}\nexternal contact {contact}: {said}\n" in done.stdout
    assert f"conversation {FIRST}: " not in done.stdout


def test_an_id_that_was_forgotten_before_need_not_be_checked(home: Path) -> None:
    run("--conversation", FIRST)
    assert run("--conversation", FIRST.upper()).stdout == (
        f"conversation {FIRST.upper()}: nothing is stored about it. "
        "It was on the list of forgotten ids already and will not be stored later.\n"
    )


def test_a_dry_run_says_that_an_unknown_id_would_be_on_the_list(home: Path) -> None:
    done = run("--user", "dddddddd-1111-4222-8333-00000000a009", "--dry-run")
    assert (
        "nothing is stored about it. It would be put on the list of forgotten ids and would not be stored later."
        in done.stdout
    )
    assert not (home / "lake/forgotten").exists()


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
@pytest.mark.parametrize("kind", ["conversation", "user", "external-contact"])
def test_what_is_no_id_is_refused(home: Path, kind: str, id_: str) -> None:
    done = run(f"--{kind}", id_)
    assert done.exit_code == 2
    assert "is not the id of a" in " ".join(done.output.split())
    assert not (home / "lake/forgotten").exists()


@pytest.mark.parametrize(("kind", "id_"), [("conversation", "1234"), ("user", FIRST[:-1])])
def test_a_mistyped_id_is_refused_with_what_is_allowed(home: Path, kind: str, id_: str) -> None:
    done = run(f"--{kind}", id_)
    assert done.exit_code == 2
    said = " ".join(done.output.split())
    assert f"'{id_}' is not the id of a {kind}. That is a UUID such as " in said
    assert "Copy the whole id from the platform, or from a table of the lake." in said
    assert not (home / "lake/forgotten").exists()


def test_the_hash_of_a_user_is_an_id_where_the_lake_stores_hashes(home: Path) -> None:
    assert run("--user", f"hash:{'0' * 32}").exit_code == 0
    assert run("--conversation", f"hash:{'0' * 32}").exit_code == 2


def test_a_dry_run_speaks_of_nothing_as_done() -> None:
    tables = Counter({"reports/callers": 1})
    of_day = ForgettingResult(tables, published_files=Counter({DAY: 3, LIST_OF_DAYS: 1}), days={DAY})
    said = text(of_day, dry_run=True)
    assert "partitions to rewrite" in said
    assert f"published, {DAY}: 3 files named them; the day would be published again\n" in said
    assert "published, the list of days: 1 file named them; it would be removed\n" in said
    assert "The list of days would still link to removed files. Publish it again afterwards: dg launch" in said
    assert "Reports that are stored would be computed again." in said
    assert "were" not in said


@pytest.mark.parametrize("outcome", ["the day was published again", "the day was withdrawn"])
def test_it_says_what_was_done_with_a_published_day(outcome: str) -> None:
    done = ForgettingResult(published_files=Counter({DAY: 3}), published_days={DAY: outcome})
    assert f"published, {DAY}: 3 files named them; {outcome}\n" in text(done, dry_run=False)


def test_rows_of_reports_that_are_computed_again_are_not_counted() -> None:
    done = ForgettingResult(Counter({"reports/callers": 2, TABLE: 1}), rows_removed=Counter({TABLE: 4}))
    assert [line.split() for line in text(done, dry_run=False).splitlines()[2:]] == [
        ["reports/callers", "2", "-", "-", "0"],
        [TABLE, "1", "4", "0", "0"],
    ]


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
        publication, _ = _published(lake)
        publication.republish(lake, Manifest(date=MADE_UP_DAY, generated_at=datetime.now(UTC), run_id="r"))
    again = publication.publisher.manifest(MADE_UP_DAY)
    assert again is not None
    assert "queue_media" in {file.report for file in again.files}
    # The day is a Saturday, so no week ends on it.
    assert "weekly" not in again.missing
    assert "interval" in again.missing


def test_a_day_is_published_again_with_the_reports_and_in_the_zone_of_its_pipeline(tmp_path: Path) -> None:
    lake = made_up_lake(tmp_path / "lake", agents=3)
    (media,) = (report for report in built_in_reports() if report.name == "queue_media")
    settings = {"GENESYS_ASSETS_LAKE": str(tmp_path / "lake"), "DAGSTER_HOME": str(tmp_path)}
    settings |= {"GENESYS_ASSETS_PUBLISH_URL": str(tmp_path / "published"), "GENESYS_ASSETS_TIME_ZONE": "Asia/Tokyo"}
    with environment(settings):
        store_definition(lake, media, ZoneInfo("UTC"), MADE_UP_DAY)
        publication, _ = _published(lake)
        file = PublishedFile("queue_media", "csv", "queue_media.csv", 1, 1, "0" * 64, "file:///queue_media.csv", None)
        publication.republish(lake, Manifest(MADE_UP_DAY, datetime.now(UTC), "r", files=(file,)))
    again = publication.publisher.manifest(MADE_UP_DAY)
    assert again is not None
    assert {file.report for file in again.files} == {"queue_media", "day_page"}
    assert again.missing == {}
    page = next(file for file in again.files if file.report == "day_page")
    assert "Business day in UTC" in (publication.publisher.place.get(page.key) or b"").decode()


def test_reports_about_the_pipeline_are_computed_again_and_not_withdrawn(home: Path) -> None:
    _, recomputation = _published(open_lake())
    assert recomputation.reports.keys() >= {report.name for report in (*built_in_reports(), *operating_reports())}


def test_what_could_not_be_done_is_named_and_the_exit_code_is_1(home: Path) -> None:
    lake = open_lake()
    (stored,) = lake.log(TABLE).files(DAY)
    Path(lake.store.path(f"{TABLE}/{stored.path}")).write_bytes(b"PAR1 no more")
    done = run("--conversation", FIRST)
    assert done.exit_code == 1
    assert f"  {TABLE} {DAY}: " in done.stdout.split("Not done:")[1]

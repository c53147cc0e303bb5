"""The command `genesys-assets import`: what it prints, its exit codes, and what is then stored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.cli.import_command import command, run
from genesys_assets_tests.importing.saved import as_bytes, conversation, metric, result
from genesys_assets_tests.patience import PATIENCE_SECONDS

TIMELESS = {"entities": [{"id": "U", "metrics": {"handleTime": 60, "smallTalk": 3}}]}


def test_it_says_what_went_where_and_ends_with_0(saved: Path) -> None:
    done = run(f"{saved}")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"imported   {saved}/details.json: 2 conversations",
        f"imported   {saved}/figures.json: 2 buckets (aggregates)",
        "",
        "2 files: 2 imported, 0 unchanged, 0 skipped.",
        "Imported: 2 conversations and 2 buckets.",
        "",
        "Read under another name, or left out:",
        "  answer grouped by queueId, as its groups show. If the query had more dimensions, pass --group-by",
        "",
        "Materialise:",
        "  tables/conversations and what belongs to it  2026-01-28",
        command("imported_details"),
        "  tables/interval_metrics                      2026-01-28",
        command("imported_hourly_aggregates"),
        "  tables/daily_metrics                         2026-01-28",
        command("imported_daily_aggregates"),
        "Completeness is unknown. Pass --complete if the files hold all data for these days; reports need it.",
    ]
    lake = Lake(LocalStore(saved.parent / "lake"))
    assert len(lake.pages("pages/imported_details", "2026-01-28") or ()) == 1


def test_what_several_files_hold_is_counted_once_and_it_says_which_form_counts(saved: Path) -> None:
    older, newer = conversation("A", end=None), conversation("A", emitted="2026-01-28T14:00:00.000Z")
    (saved / "more.json").write_bytes(as_bytes([newer, newer, conversation("C")]))
    (saved / "older.json").write_bytes(as_bytes([older]))
    (saved / "once more.json").write_bytes((saved / "figures.json").read_bytes() + b"\n")
    (saved / "cut.json").write_bytes(as_bytes([conversation("D")])[:-1])
    assert (
        "Imported: 3 conversations and 2 buckets. 1 conversation is in the files more than once: of each, the "
        "newest version counts. 2 buckets are in the files more than once: of each metric the value that was read last "
        "counts.\n"
    ) in run(f"{saved}").stdout


def test_again_it_says_that_nothing_is_new(saved: Path) -> None:
    run(f"{saved}")
    done = run(f"{saved}/details.json", "--complete", "2026-01-20/2026-01-21")
    assert done.exit_code == 0
    assert f"unchanged  {saved}/details.json: 2 conversations" in done.stdout
    assert "1 file: 0 imported, 1 unchanged, 0 skipped." in done.stdout
    done = run(f"{saved}/details.json")
    assert "Nothing is new. The files hold data of:\n  tables/conversations" in done.stdout


@pytest.mark.parametrize(
    ("document", "span"),
    [
        ({"conversations": [], "totalHits": 0}, "2026-01-28/2026-01-29"),
        ({"results": []}, "2026-01-28/2026-01-29"),
        # A day of Berlin is no whole day of UTC.
        ({"results": [result({"queueId": "Q"}, metric("nOffered", count=1))]}, "2026-01-27T23:00Z/2026-01-28T23:00Z"),
    ],
)
def test_where_no_day_can_be_marked_as_complete_it_says_so_and_ends_with_1(
    saved: Path, document: dict[str, Any], span: str
) -> None:
    (saved / "details.json").write_bytes(as_bytes(document))
    with environment({"GENESYS_ASSETS_TIME_ZONE": "Europe/Berlin"}):
        done = run(f"{saved}/details.json", "--complete", span)
    assert done.exit_code == 1
    assert "No day was marked as complete, because the files hold " in done.stdout
    assert "Marked as complete" not in done.stdout


def test_days_that_follow_one_another_are_named_as_a_range(saved: Path) -> None:
    done = run(f"{saved}/details.json", "--complete", "2026-01-27/2026-01-30").stdout
    assert "  tables/conversations and what belongs to it  2026-01-27 to 2026-01-29\n" in done
    assert command("imported_details", "2026-01-27", "2026-01-29") in done


def test_each_range_of_days_has_a_command_that_materialises_it(saved: Path) -> None:
    starts = {"A": "2026-01-20", "B": "2026-01-21", "C": "2026-01-25"}
    calls = [conversation(id_, f"{day}T13:05:00.000Z", f"{day}T13:09:00.000Z") for id_, day in starts.items()]
    (saved / "details.json").write_bytes(as_bytes({"conversations": calls}))
    lines = run(f"{saved}/details.json").stdout.splitlines()
    ranges = "2026-01-20 to 2026-01-21, 2026-01-25"
    at = lines.index(f"  tables/conversations and what belongs to it  {ranges}")
    assert [line for line in lines[at + 1 :] if "dg launch" in line] == [
        command("imported_details", "2026-01-20", "2026-01-21"),
        command("imported_details", "2026-01-25", "2026-01-25"),
    ]


def test_a_file_without_any_figure_is_said_to_hold_nothing(saved: Path) -> None:
    (saved / "figures.json").write_bytes(as_bytes({"results": []}))
    assert f"imported   {saved}/figures.json: nothing (aggregates)" in run(f"{saved}/figures.json").stdout


def test_what_many_files_lack_is_listed_once_with_the_first_of_them(saved: Path) -> None:
    for number in range(5):
        lost = conversation(f"C{number}", participants="System.Object[]")
        (saved / f"lost_{number}.json").write_bytes(as_bytes({"conversations": [conversation(f"K{number}"), lost]}))
    named = ", ".join(f"{saved}/lost_{number}.json" for number in range(3))
    said = f"conversations.participants: a text stands where a list belongs (5 times, in {named} and 2 further files)"
    assert f"  {said}\n" in run(f"{saved}/lost_*.json").stdout


def test_a_file_that_cannot_be_read_is_named_and_it_ends_with_1(saved: Path) -> None:
    (saved / "cut.json").write_text('{"conversations": [')
    done = run(f"{saved}", "nowhere.json", "--complete", "2026-01-28/2026-01-29")
    assert done.exit_code == 1
    assert f"skipped    {saved}/cut.json: it is not JSON" in done.stdout
    assert "skipped    nowhere.json: there is no such file" in done.stdout
    assert "4 files: 2 imported, 0 unchanged, 2 skipped." in done.stdout
    assert done.stdout.endswith("No day was marked as complete, because a file was skipped.\n")


def test_an_archive_beside_saved_files_is_named_and_no_day_is_complete(saved: Path) -> None:
    (saved / "january.zip").write_bytes(b"PK")
    done = run(f"{saved}", "--complete", "2026-01-28/2026-01-29")
    assert done.exit_code == 1
    assert f"skipped    {saved}/january.zip: by its name it is an archive or compressed: unpack it" in done.stdout
    assert done.stdout.endswith("No day was marked as complete, because a file was skipped.\n")
    stored = Lake(LocalStore(saved.parent / "lake")).pages("pages/imported_details", "2026-01-28")
    assert stored is not None
    assert stored.reach is not None
    assert not stored.reach.is_complete


def test_what_is_left_out_is_listed_by_path_reason_count_and_file_and_it_ends_with_1(saved: Path) -> None:
    cut = conversation("C")
    cut["participants"] = [{"purpose": "agent", "sessions": "System.Object[]"}] * 2
    (saved / "details.json").write_bytes(as_bytes({"conversations": [conversation("A"), cut]}))
    done = run(f"{saved}/details.json", "--complete", "2026-01-28/2026-01-29")
    assert done.exit_code == 1
    assert f"imported   {saved}/details.json: 1 conversation; not all of it\n" in done.stdout
    assert (
        "\nLeft out, so no day counts as complete:\n"
        f"  conversation left out: one of its values cannot be read (1 time, in {saved}/details.json)\n"
        "  conversations.participants.sessions: a text stands where a list belongs (2 times, in "
        f"{saved}/details.json)\n" in done.stdout
    )
    assert done.stdout.endswith("No day was marked as complete, because something was left out.\n")
    again = run(f"{saved}/details.json", "--complete", "2026-01-28/2026-01-29")
    assert (again.exit_code, "unchanged" in again.stdout) == (1, True)
    assert again.stdout.endswith("No day was marked as complete, because something was left out.\n")


def test_options_supply_what_files_do_not_say(saved: Path) -> None:
    (saved / "timeless.json").write_bytes(as_bytes(TIMELESS))
    assert (
        "pass the interval that they cover, for example --interval"
        in run(f"{saved}/timeless.json", "--group-by", "userId").stdout
    )
    arguments = [
        "--group-by",
        "user,user",
        "--interval",
        "2025-12-30T13:00Z/2025-12-30T14:00Z",
        "--time-unit",
        "seconds",
    ]
    done = run(f"{saved}/timeless.json", *arguments)
    assert done.exit_code == 0
    assert "  'handleTime' read as sum of tHandle in seconds\n" in done.stdout
    assert "  'smallTalk' has no equivalent metric: the platform measures nothing like it.\n" in done.stdout
    assert (
        "Partitions begin on 2026-01-01: set GENESYS_ASSETS_START_DATE=2025-12-30 to include all imported days."
        in done.stdout
    )


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--granularity", "PT5M", "granularity 'PT5M' is none of PT15M, PT30M, PT1H, P1D"),
        ("--time-unit", "hours", "time unit 'hours' is none of ms, seconds, minutes"),
        ("--time-zone", "Mars/Olympus", "'Mars/Olympus' is not a time zone"),
        ("--interval", "yesterday", "'yesterday' is not a span of time: write start/end"),
        ("--interval", "2026-01-02/2026-01-01", "its start must lie before its end"),
        ("--complete", "2026-01-01T00:00/2026-01-02T00:00", "has no time zone"),
        ("--complete", "2026-01-01/2099-01-01", "is not over"),
        ("--group-by", "queueName", "'queueName' is not a dimension"),
    ],
)
def test_an_impossible_option_is_refused_with_2(saved: Path, option: str, value: str, reason: str) -> None:
    done = run(f"{saved}", option, value)
    assert done.exit_code == 2
    assert reason in " ".join(done.stderr.split())
    assert not (saved.parent / "lake").exists()


def test_a_setting_that_is_wrong_is_named_with_1(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "Mars")
    done = run(f"{saved}")
    assert done.exit_code == 1
    assert "GENESYS_ASSETS_TIME_ZONE cannot be 'Mars'" in done.stderr


def test_a_lake_that_is_a_file_is_named_with_1(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", str(saved / "details.json"))
    done = run(f"{saved}")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "it is a file, and must be a folder" in done.stderr


def test_files_on_s3_that_cannot_be_reached_end_it_with_1(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_DEFAULT_REGION": "eu-west-1"}
    for name, value in (away | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    done = run("s3://away/saved/")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "cannot be reached" in done.stderr


def test_a_disk_that_takes_nothing_ends_it_with_1(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genesys_assets.importing.into_lake.write_pages", full)
    (saved / "cut.json").write_text("{")
    done = run(f"{saved}")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "No space left on device" in done.stderr
    reason = "it was read, but an error ended the import before all of it was written: import it again"
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"skipped    {saved}/cut.json: it is not JSON")
    assert lines[1:] == [
        f"skipped    {saved}/details.json: {reason}",
        f"skipped    {saved}/figures.json: {reason}",
        "",
        "3 files: 0 imported, 0 unchanged, 3 skipped.",
        "",
        "Read under another name, or left out:",
        "  answer grouped by queueId, as its groups show. If the query had more dimensions, pass --group-by",
    ]


def damage(saved: Path, asset: str) -> None:
    for path in (saved.parent / "lake" / "pages" / asset).rglob("*.parquet"):
        path.write_bytes(b"damaged")


def test_damaged_pages_end_it_with_1_and_what_was_read_is_listed(saved: Path) -> None:
    run(f"{saved}")
    damage(saved, "imported_details")
    (saved / "more.json").write_bytes(as_bytes([conversation("C")]))
    (saved / "queues.csv").write_text("a,b\n")
    done = run(f"{saved}/more.json", f"{saved}/figures.json", f"{saved}/queues.csv", "nowhere.json")
    assert done.exit_code == 1
    assert "The stored pages of imported_details of 2026-01-28 are damaged." in done.stderr
    states = [line.split(":")[0] for line in done.stdout.splitlines()[:4]]
    assert states == [
        f"skipped    {saved}/more.json",
        f"unchanged  {saved}/figures.json",
        f"skipped    {saved}/queues.csv",
        "skipped    nowhere.json",
    ]
    assert "4 files: 0 imported, 1 unchanged, 3 skipped." in done.stdout


def test_it_says_which_damaged_days_are_no_longer_complete(saved: Path) -> None:
    run(f"{saved}/details.json", "--complete", "2026-01-28/2026-01-29")
    damage(saved, "imported_details")
    assert "were damaged" not in run(f"{saved}/details.json").stdout
    damage(saved, "imported_details")
    (saved / "more.json").write_bytes(as_bytes([conversation("C")]))
    assert (
        "The stored pages of 2026-01-28 were damaged, and were written again with other content than before. If they "
        "counted as complete, they do not any more. Pass --complete if the files hold all data for these days.\n"
    ) in run(f"{saved}").stdout


def test_an_import_without_files_says_what_is_missing(saved: Path) -> None:
    done = run()
    assert done.exit_code == 2
    assert done.stderr.endswith("Name the files to import.\n")


# -- as a command ------------------------------------------------------------------------------------------------------


def test_as_a_command_it_reads_the_env_file_and_is_quiet_when_piped(saved: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"GENESYS_ASSETS_LAKE={tmp_path / 'elsewhere'}\n")
    env = {name: value for name, value in os.environ.items() if name != "GENESYS_ASSETS_LAKE"}
    command = [sys.executable, "-m", "genesys_assets.cli", "import", f"{saved}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert (tmp_path / "elsewhere" / "pages" / "imported_details").is_dir()


def test_as_a_command_it_takes_no_memory_for_pandas(saved: Path) -> None:
    program = (
        "import sys; from genesys_assets.cli.app import main\n"
        "try: main()\n"
        "finally: print(sorted({'pandas', 'pyarrow'} & {*sys.modules}), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, "import", f"{saved}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "['pyarrow']")


def test_files_and_lake_may_both_be_on_s3(
    saved: Path, bucket: str, object_store: ObjectStore, s3_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", f"s3://{bucket}/lake")
    s3_client.put_object(Bucket=bucket, Key="saved/details.json", Body=(saved / "details.json").read_bytes())
    for state in ("imported", "unchanged"):
        done = run(f"s3://{bucket}/saved/")
        assert done.exit_code == 0, done.output
        assert f"{state:<9}  s3://{bucket}/saved/details.json: 2 conversations" in done.stdout
    keys = {stored["Key"] for stored in s3_client.list_objects_v2(Bucket=bucket, Prefix="lake/")["Contents"]}
    assert any(stored.startswith("lake/pages/imported_details/date=2026-01-28/") for stored in keys)

"""The command `genesys-assets status`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner, Result

from genesys_assets.automation.backlog import REFERENCE
from genesys_assets.cli.app import app
from genesys_assets.days.sources import HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.errors import NotPermitted
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.automation.a_lake import store
from genesys_assets_tests.patience import PATIENCE_SECONDS

TODAY = "2026-02-20"
MIDNIGHT = datetime(2026, 2, 20, tzinfo=UTC)
LISTING = TableSpec("listing", "", ("id",), columns("id string it"))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """A lake whose listings were read last night, and whose partitions begin today."""
    lake = Lake(LocalStore(tmp_path / "lake"))
    for place in REFERENCE:
        at = round((MIDNIGHT - timedelta(hours=1)).timestamp() * 1000)
        lake.write(place, LISTING, LISTING.empty(), None, {"run_id": "r"}, newness=at)
    settings = {
        "DAGSTER_HOME": str(tmp_path),
        "GENESYS_ASSETS_LAKE": str(tmp_path / "lake"),
        "GENESYS_ASSETS_START_DATE": TODAY,
        "GENESYS_ASSETS_OBSERVE_QUEUE_MEMBERS": "false",
        "GENESYS_ASSETS_OBSERVE_USER_SKILLS": "false",
    }
    with environment(settings):
        yield lake


def at(now: datetime, *options: str) -> Result:
    with time_machine.travel(now, tick=False):
        return CliRunner().invoke(app, ["status", *options])


def test_where_everything_is_in_time_it_says_so_and_ends_with_0(lake: Lake) -> None:
    ended = at(MIDNIGHT + timedelta(minutes=30))
    assert ended.exit_code == 0, ended.output
    assert "\nreference/queues " in ended.stdout
    assert ended.stdout.endswith("\nEverything is in time.\n")


def test_what_is_late_is_named_with_its_ranges_and_the_exit_code_is_1(lake: Lake) -> None:
    store(lake, HOURLY_AGGREGATES, f"{TODAY}-00:00", f"{TODAY}-01:00")
    ended = at(MIDNIGHT + timedelta(hours=4, minutes=30))
    assert ended.exit_code == 1
    assert "pages/hourly_details is late by 30 minutes:\n    missing: 2026-02-20-00:00\n" in ended.stdout, ended.stdout
    assert "pages/hourly_aggregates is late" not in ended.stdout
    assert ended.stdout.endswith("\nLate: pages/hourly_details.\n")


def test_assets_that_are_late_alike_share_their_lines_and_the_summary_names_the_first(lake: Lake) -> None:
    ended = at(MIDNIGHT + timedelta(days=2, hours=10))
    said = ended.stdout
    assert "\npages/hourly_aggregates, pages/hourly_details are late by 2 days:\n    missing: 2026-02-20-" in said
    late = re.findall(r"^(\S+/\S+) .* late since ", said, re.MULTILINE)
    assert len(late) > 15
    assert said.count(" late by ") < len(late) / 2, said
    assert f"\nLate: {', '.join(late[:4])} and {len(late) - 4} more.\n" in said


def test_the_command_does_not_need_dagster(lake: Lake) -> None:
    program = (
        "import sys\nfrom genesys_assets.cli.status import as_text, look\n"
        "print(as_text(look(1))[-1:])\nprint([name for name in ('dagster', 'boto3') if name in sys.modules])"
    )
    looked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    assert looked.stdout.splitlines() == [".", "[]"]


def test_hours_that_follow_each_other_are_one_range(lake: Lake) -> None:
    store(lake, HOURLY_DETAILS, f"{TODAY}-02:00")
    ended = at(MIDNIGHT + timedelta(hours=8))
    assert "    missing: 2026-02-20-03:00...2026-02-20-04:00, 2026-02-20-00:00...2026-02-20-01:00\n" in ended.stdout


def test_quiet_it_prints_nothing_unless_something_is_late(lake: Lake) -> None:
    ended = at(MIDNIGHT + timedelta(minutes=30), "--quiet")
    assert (ended.exit_code, ended.stdout) == (0, "")
    ended = at(MIDNIGHT + timedelta(hours=5), "--quiet")
    assert (ended.exit_code, "Late: " in ended.stdout) == (1, True)


def test_as_json_it_has_every_asset_with_its_partitions(lake: Lake) -> None:
    ended = at(MIDNIGHT + timedelta(hours=4), "--json")
    said = json.loads(ended.stdout)
    assert (said["now"], said["in_time"], said["exit_code"]) == ("2026-02-20T04:00:00+00:00", False, 1)
    [hours] = [each for each in said["assets"] if each["asset"] == HOURLY_DETAILS]
    assert hours == {
        "asset": HOURLY_DETAILS,
        "stored": 0,
        "newest": None,
        "missing": ["2026-02-20-00:00"],
        "stale": [],
        "coming": ["2026-02-20-01:00", "2026-02-20-02:00"],
        "lost": [],
        "late_since": "2026-02-20T04:00:00+00:00",
    }


def test_days_that_were_not_observed_are_named_and_make_nothing_late(lake: Lake) -> None:
    place = "reference/queue_members"
    store(lake, place, "2026-02-20", "2026-02-24")
    settings = {
        "GENESYS_ASSETS_OBSERVE_QUEUE_MEMBERS": "true",
        "GENESYS_ASSETS_START_DATE": "2026-02-20",
    }
    with environment({**os.environ, **settings}):
        ended = at(MIDNIGHT + timedelta(days=4, minutes=30))
        said = json.loads(at(MIDNIGHT + timedelta(days=4, minutes=30), "--json").stdout)
    lost = "2026-02-21...2026-02-23"
    assert f"\n{place} was not observed, and the platform keeps no history of it: {lost}\n" in ended.stdout
    [members] = [each for each in said["assets"] if each["asset"] == place]
    assert members["lost"] == ["2026-02-21", "2026-02-22", "2026-02-23"]
    assert (members["missing"], members["late_since"]) == ([], None)


def test_days_before_the_last_ones_are_not_looked_at(lake: Lake) -> None:
    two_days_later = MIDNIGHT + timedelta(days=2, minutes=30)
    said = json.loads(at(two_days_later, "--json", "--days", "1").stdout)
    [hours] = [each for each in said["assets"] if each["asset"] == HOURLY_DETAILS]
    assert hours["missing"] == []


def test_a_lake_that_is_not_there_is_no_empty_lake(lake: Lake, tmp_path: Path) -> None:
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "unmounted")}):
        ended = at(MIDNIGHT + timedelta(minutes=30))
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"Cannot tell: there is no lake at {tmp_path / 'unmounted'}." in ended.stderr


def test_a_wrong_setting_is_named(lake: Lake) -> None:
    with environment({"GENESYS_ASSETS_TIME_ZONE": "Mars/X"}):
        ended = at(MIDNIGHT)
    assert ended.exit_code == 2
    assert "Cannot tell: GENESYS_ASSETS_TIME_ZONE cannot be 'Mars/X'" in ended.stderr


def test_a_file_of_reports_with_mistakes_does_not_hide_the_status_of_the_rest(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "reports.yaml").write_text("reports: {mine: {columns: 3}}\n")
    ended = at(MIDNIGHT + timedelta(minutes=30))
    assert ended.exit_code == 2
    assert f"Not checked: {tmp_path / 'reports.yaml'} has mistakes" in ended.stdout
    assert ended.stdout.endswith("Cannot tell whether everything is in time.\n")
    # A known late asset takes precedence.
    assert at(MIDNIGHT + timedelta(hours=5)).exit_code == 1


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_it_gives_up_on_a_lake_that_does_not_answer(lake: Lake, silent_endpoint: str) -> None:
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "GENESYS_ASSETS_LAKE": "s3://a-bucket/lake",
        "AWS_ENDPOINT_URL": silent_endpoint,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "genesys_assets.cli", "status", "--within", "1"]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Cannot tell within 1 seconds. Check fewer days with --days" in done.stderr


def test_without_the_permission_to_list_a_manifest_that_s3_denies_counts_as_none(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise NotPermitted("S3 answers 403 for files that do not exist")

    monkeypatch.setattr(Publisher, "manifest", denied)
    ended = at(MIDNIGHT + timedelta(minutes=30))
    assert ended.exit_code == 0, ended.output
    assert "\npublished/reports " in ended.stdout
    assert "403" not in ended.output

"""The commands `genesys-assets reports check` and `preview`: what they print for a real file and a real lake."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app
from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES
from genesys_assets.lake import opening
from genesys_assets.publishing.csv_text import CsvStyle
from genesys_assets.publishing.report_files import csv_lines
from genesys_assets_tests.assets.world import World, environment
from genesys_assets_tests.conftest import DAY, DAYS
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.processes import beside

CALLS = """\
reports:
  calls:
    description: One row per queue and hour.
    granularity: PT1H
    group_by: [queueId]
    aggregates:
      filter: {mediaType: voice}
      metrics: {handled: tHandle.count}
"""
COSTLY = """\
  codes:
    description: One row per wrap-up code.
    group_by: [wrapUpCode]
    aggregates: {metrics: {handled: tHandle.count, alerts: tAlert.count}}
  wrap_ups:
    description: One row per wrap-up code.
    group_by: [wrapUpCode]
    aggregates: {metrics: {time: tAcw.sum}}
  monitoring:
    description: One row per queue.
    group_by: [queueId]
    aggregates: {metrics: {time: tMonitoring.sum, handled: tHandle.count}}
"""


@pytest.fixture
def file(past_days: World, tmp_path: Path) -> Iterator[Path]:
    """A correct file beside dagster.yaml, over the lake of the past days."""
    path = tmp_path / "reports.yaml"
    path.write_text(CALLS)
    settings = {"DAGSTER_HOME": str(tmp_path), "GENESYS_ASSETS_START_DATE": f"{DAYS[0]}"}
    with environment({"GENESYS_ASSETS_LAKE": str(past_days.folder), **settings}):
        yield path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["reports", *arguments])


def error_text(done: Result) -> str:
    return " ".join(done.stderr.split())


# -- check -------------------------------------------------------------------------------------------------------------


def test_a_right_file_that_costs_nothing_says_so(file: Path) -> None:
    done = run("check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{file}: 1 report: calls.",
        "They need no extra request: the standard requests answer them.",
    ]


def test_additional_questions_are_listed_with_the_reports_that_need_them(file: Path) -> None:
    file.write_text(CALLS + COSTLY)
    assert run("check").stdout.splitlines() == [
        f"{file}: 4 reports: calls, codes, wrap_ups, monitoring.",
        "Extra requests: 1 per hour, 1 per day:",
        "  tAcw, tAlert, tHandle by wrapUpCode, for codes, wrap_ups",
        "Asked within requests that are sent anyway:",
        "  tMonitoring by queueId, mediaType, for monitoring",
    ]


def test_every_mistake_has_a_line_that_begins_with_its_place(file: Path) -> None:
    file.write_text(CALLS.replace("tHandle.count", "tHandel.count").replace("PT1H", "PT5M"))
    done = run("check")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{file}:4:18: reports.calls.granularity: granularity must be one of 'PT15M', 'PT30M', 'PT1H' or 'P1D', "
        "got 'PT5M'.",
        f"{file}:8:26: reports.calls.aggregates.metrics.handled: 'tHandel' is not a metric of Genesys Cloud. "
        "Closest: tHandle, tHeld. (value: 'tHandel.count')",
        "",
        "2 mistakes. No report of the file is loaded until all are corrected.",
    ]


def test_a_wrong_metric_of_each_family_is_named_with_the_nearest_of_that_family(file: Path) -> None:
    wrong = {known.name: f"{known.metrics[-1]}X" for known in FAMILIES.values()}
    entries = (
        f"""\
  of_{name}:
    description: One row per day.
    aggregates: {{family: {name}, metrics: {{figure: {metric}}}}}
"""
        for name, metric in wrong.items()
    )
    file.write_text("reports:\n" + "".join(entries))
    done = run("check")
    assert done.exit_code == 1
    told = re.findall(r"'(\w+)X' is not a metric of (.+?)\. Closest: (.+?)\.$", done.stdout, re.MULTILINE)
    assert len(told) == len(FAMILIES)
    for known, (metric, of, closest) in zip(FAMILIES.values(), told, strict=True):
        assert metric == known.metrics[-1]
        assert of == ("Genesys Cloud" if known is CONVERSATIONS else f"the family {known.name}")
        nearest = closest.split(", ")
        assert nearest[0] == metric
        assert {*nearest} <= {*known.metrics}


def test_another_file_can_be_named(file: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text("reports:\n")
    assert run("check", f"{draft}").stdout == f"{draft} holds no report.\n"
    assert "cannot be read: No such file" in run("check", f"{tmp_path}/none.yaml").stdout


def test_without_a_file_it_says_where_one_belongs(file: Path) -> None:
    file.unlink()
    done = run("check")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "There is no reports.yaml beside dagster.yaml" in done.stderr


def test_the_file_that_ships_as_an_example_is_right(file: Path) -> None:
    example = Path(__file__).parents[2] / "reports.example.yaml"
    assert run("check", f"{example}").exit_code == 0


# -- preview -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["queue_media", "agent_daily", "conversation_quality"])
def test_piped_it_is_the_csv_that_is_published(file: Path, past_days: World, name: str) -> None:
    done = run("preview", name, f"{DAY}")
    assert (done.exit_code, done.stderr) == (0, "")
    stored = past_days.lake.read(f"reports/{name}", f"{DAY}")
    assert len(stored) > 1
    assert done.stdout_bytes == "".join(csv_lines(stored, CsvStyle())).encode()


def test_a_report_of_the_file_is_computed_and_stored_nowhere(file: Path, past_days: World) -> None:
    before = past_days.files()
    done = run("preview", "calls", f"{DAY}")
    assert done.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == ["interval_start", "interval_end", "queue_id", "queue_name", "handled"]
    metrics = past_days.lake.read("tables/interval_metrics", f"{DAY}").to_pylist()
    wanted = {"grouping": "mediaType,queueId", "selection": "", "metric": "tHandle", "media_type": "voice"}
    voice = [row for row in metrics if wanted.items() <= row.items()]
    assert sum(int(row["handled"]) for row in rows) == sum(row["count"] for row in voice) > 0
    assert {row["queue_id"] for row in rows} == {row["queue_id"] or "" for row in voice}
    assert past_days.files() == before


def test_options_limit_the_rows_and_change_the_interval(file: Path) -> None:
    done = run("preview", "interval", f"{DAY}", "--rows", "3", "--granularity", "PT1H")
    starts = [row["interval_start"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert len(starts) == 3
    assert all(":00:00" in start for start in starts)


def test_a_report_that_is_not_there_is_refused_with_the_nearest(file: Path) -> None:
    done = run("preview", "queue_medi", f"{DAY}")
    assert done.exit_code == 2
    assert f"no report 'queue_medi' is built in or is in {file}" in error_text(done)
    assert "Closest: queue_media" in error_text(done)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("interval", "29.1.2026"), "'29.1.2026' is not a date: write YYYY-MM-DD"),
        (("interval", "2026-02-30"), "'2026-02-30' is not a date: day "),
        (("interval", f"{DAY}", "--granularity", "PT5M"), "must be one of PT15M, PT30M, PT1H, P1D, got 'PT5M'"),
        (("interval", f"{DAY}", "--rows", "0"), "greater than or equal to 1"),
    ],
)
def test_impossible_options_are_refused_with_2(file: Path, arguments: tuple[str, ...], reason: str) -> None:
    done = run("preview", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert reason in error_text(done)


def test_a_day_that_is_not_stored_says_what_to_materialise(file: Path) -> None:
    done = run("preview", "calls", "2026-01-02")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "genesys/tables/interval_metrics has no partition 2026-01-02: materialise it first.\n"


def test_a_report_of_a_refused_file_says_what_is_wrong_and_built_in_ones_can_be_seen(file: Path) -> None:
    file.write_text(CALLS.replace("tHandle", "tHandel"))
    done = run("preview", "calls", f"{DAY}")
    assert done.exit_code == 1
    assert f"{file} is refused:\n{file}:8:26: " in done.stderr
    assert run("preview", "queue_media", f"{DAY}").exit_code == 0


def test_a_setting_that_is_wrong_is_named_with_1(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "Mars")
    done = run("preview", "calls", f"{DAY}")
    assert done.exit_code == 1
    assert "GENESYS_ASSETS_TIME_ZONE cannot be 'Mars'" in done.stderr


def test_on_a_terminal_it_is_a_table_with_names(file: Path, past_days: World) -> None:
    stored = past_days.lake.read("reports/queue_media", f"{DAY}").to_pylist()
    title, *lines = on_a_terminal("preview", "queue_media", f"{DAY}", "--rows", "5").splitlines()
    assert title.strip() == f"queue_media of {DAY}"
    assert lines[-1].strip() == f"{len(stored)} rows, {len(stored) - 5} more with --rows"
    shown = [line.split() for line in lines if f"{DAY}" in line]
    assert len(shown) == 5
    for row, cells in zip(stored, shown, strict=False):
        assert " ".join(cells).startswith(f"{DAY} {row['queue_name'] or ''}".strip())
        assert row["media_type"] in cells
        assert row["queue_id"] not in cells
        assert str(row["total_handle_time_ms"]) in cells


def test_in_a_narrow_window_each_row_is_a_block(file: Path, past_days: World) -> None:
    stored = past_days.lake.read("reports/queue_media", f"{DAY}").to_pylist()
    lines = on_a_terminal("preview", "queue_media", f"{DAY}", "--rows", "2", width=60).splitlines()
    figures = [line.split()[1] for line in lines if line.startswith("total_handle_time_ms ")]
    assert figures == [str(row["total_handle_time_ms"]) for row in stored[:2]]
    assert max(map(len, lines)) <= 60


def on_a_terminal(*arguments: str, width: int = 220) -> str:
    """The output that a person sees in a window of that width."""
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "genesys_assets.cli", "reports", *arguments]
    environment = {**os.environ, "COLUMNS": f"{width}", "TERM": "xterm"}
    with (
        open(mine, "rb", buffering=0) as window,
        open(theirs, "wb") as output,
        beside(command, stdout=output, stderr=subprocess.PIPE, env=environment) as process,
    ):
        output.close()
        seen = b"".join(iter(lambda: _piece(window), b""))
        assert process.wait(PATIENCE_SECONDS) == 0, process.stderr and process.stderr.read()
    return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode())


def _piece(window: FileIO) -> bytes:
    """The next piece of output; empty once the last process that writes to the terminal has ended."""
    try:
        return window.read(65536)
    except OSError:
        return b""


# -- ids ---------------------------------------------------------------------------------------------------------------


def test_the_ids_of_a_name_are_found_in_any_case(file: Path, past_days: World) -> None:
    queue = past_days.lake.read("reference/queues_history", None).to_pylist()[0]
    done = run("ids", queue["name"].upper())
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"queue        {queue['id']}  {queue['name']}" in done.stdout.splitlines()


def test_a_part_of_a_name_finds_all_that_contain_it(file: Path, past_days: World) -> None:
    queue = past_days.lake.read("reference/queues_history", None).to_pylist()[0]
    part = queue["name"][1:-1].upper()
    done = run("ids", part)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"queue        {queue['id']}  {queue['name']}" in done.stdout.splitlines()
    assert all(part in line.upper() for line in done.stdout.splitlines())


def test_a_name_that_nothing_has_is_answered_with_the_closest(file: Path, past_days: World) -> None:
    name = past_days.lake.read("reference/queues_history", None).to_pylist()[0]["name"]
    done = run("ids", f"{name}x")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"No name is or contains '{name}x'. Closest: " in error_text(done)
    assert name in error_text(done)


def test_a_lake_without_reference_data_says_what_to_materialise(file: Path, tmp_path: Path) -> None:
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "empty")}):
        done = run("ids", "Sales UK")
    assert done.exit_code == 1
    assert "materialise the asset group reference" in error_text(done)


@pytest.mark.parametrize("command", [("preview", "interval", f"{DAY}"), ("ids", "Sales UK")])
def test_a_lake_that_is_a_file_is_named_with_1(
    file: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", f"{file}")
    done = run(*command)
    assert (done.exit_code, done.stdout, type(done.exception)) == (1, "", SystemExit)
    assert "it is a file, and must be a folder" in error_text(done)


# -- S3 that is away ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("preview", "interval", f"{DAY}"), ("ids", "Sales UK")])
def test_s3_that_is_away_is_named_without_a_traceback(
    file: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(opening, "_PERSON_SECONDS", 0.2)
    away = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with environment({**away, "AWS_DEFAULT_REGION": "eu-west-1", "GENESYS_ASSETS_LAKE": "s3://some-bucket/lake"}):
        done = run(*command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "S3 at http://127.0.0.1:9 cannot be reached" in error_text(done)
    assert isinstance(done.exception, SystemExit)


def test_s3_that_takes_the_connection_and_never_answers_is_given_up(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_PERSON_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        away = {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        with environment({**away, "AWS_DEFAULT_REGION": "eu-west-1", "GENESYS_ASSETS_LAKE": "s3://some-bucket/lake"}):
            done = run("preview", "interval", f"{DAY}")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cannot be reached" in error_text(done)

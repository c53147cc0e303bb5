"""Runs the snippets that read the lake, from docs/lake.md and the READMEs, on a lake as these describe it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import catch_up
from genesys_assets.lake.store import LocalStore
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.examples.deployment import REPOSITORY
from genesys_assets_tests.lake.readers_venv import SCRIPT, duckdb_python

__all__ = ["duckdb_python"]

DAY, DAY_BEFORE = "2026-01-31", "2026-01-30"
AGENT_DAILY = next(report.spec for report in built_in_reports() if report.name == "agent_daily")


def snippets(heading: str, language: str, page: str = "docs/lake.md") -> list[str]:
    """The code of a section, without snippets for engines that do not run here."""
    _, section = (REPOSITORY / page).read_text().split(f"\n## {heading}\n")
    return re.findall(rf"```{language}\n(.+?)```", section.split("\n## ")[0], re.DOTALL)


READING, PAST = "Reading a table", "A past version"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Two days of agents, the second read twice, and a day of conversations that was read three times."""
    lake = Lake(LocalStore(tmp_path / "lake"))
    for day, user in ((DAY_BEFORE, "U1"), (DAY, "U2"), (DAY, "U3")):
        rows = [{"interval_start": datetime.fromisoformat(f"{day}T00:00:00Z"), "user_id": user}]
        write(lake, "reports/agent_daily", AGENT_DAILY, day, rows)
    for direction in ("inbound", "outbound", "outbound"):
        began = datetime(2026, 1, 31, 12, tzinfo=UTC)
        rows = [{"conversation_id": "C1", "conversation_start": began, "originating_direction": direction}]
        write(lake, "tables/conversations", CONVERSATIONS, DAY, rows)
    catch_up(lake, ["tables/conversations"], [], {})
    monkeypatch.chdir(tmp_path)
    return lake


def write(lake: Lake, place: str, spec: TableSpec, day: str, rows: list[dict[str, Any]]) -> None:
    lake.write(place, spec, pa.Table.from_pylist(rows, spec.schema), day, {})


def run(code: str) -> dict[str, Any]:
    """Run a snippet; returns the names that it defines."""
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def values(frame: Any, column: str) -> list[Any]:
    assert isinstance(frame, pd.DataFrame | pl.DataFrame)
    return list(frame[column])


def test_the_page_has_snippets_of_every_engine_that_runs_here() -> None:
    for heading in (READING, PAST):
        in_python, in_sql = snippets(heading, "python"), snippets(heading, "sql")
        assert [any(word in code for code in in_python) for word in ("DeltaTable(", "import polars")] == [True, True]
        assert len(in_sql) == 1


@pytest.mark.parametrize("code", snippets(READING, "python"), ids=["pandas", "polars", "duckdb"])
def test_a_snippet_reads_the_newest_rows_of_the_day(lake: Lake, code: str) -> None:
    assert values(run(code)["agents"], "user_id") == ["U3"]


def test_the_snippet_of_the_readme_reads_the_newest_rows_of_the_day(lake: Lake) -> None:
    (code,) = snippets("The lake", "python", "README.md")
    assert values(run(code)["agents"], "user_id") == ["U3"]


def test_the_snippet_of_the_example_shows_what_an_asset_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = TableSpec("day_is_out", "", ("report",), columns("report string its name"))
    demo = Lake(LocalStore(tmp_path / ".sandbox/lake"))
    for report in ("old_report", "new_report"):
        write(demo, "downstream/day_is_out", spec, DAY, [{"report": report}])
    monkeypatch.chdir(tmp_path)
    (code,) = snippets("Try it on the sandbox", "python", "examples/downstream/README.md")
    run(code)
    printed = capsys.readouterr().out
    assert "new_report" in printed
    assert "old_report" not in printed


def test_the_rows_before_and_after_a_reading_are_those_of_the_versions_that_the_ledger_names(lake: Lake) -> None:
    after_and_before, _ = snippets(PAST, "python")
    names = run(after_and_before)
    assert values(names["before"], "originating_direction") == ["inbound"]
    assert values(names["after"], "originating_direction") == ["outbound"]
    assert names["reading"]["version"] == 2


def test_a_past_version_is_read_by_its_number(lake: Lake) -> None:
    _, by_number = snippets(PAST, "python")
    before = run(by_number.replace("version=3", "version=1"))["before"]
    assert values(before, "originating_direction") == ["inbound"]


@pytest.fixture
def duckdb_alone(duckdb_python: Path, lake: Lake, tmp_path: Path) -> Callable[[str], pa.Table]:
    """Runs SQL with DuckDB's own reader."""

    def run_sql(code: str) -> pa.Table:
        statements = [line for line in code.strip().split("\n") if line not in ("INSTALL delta;", "LOAD delta;")]
        assert len(statements) == code.strip().count("\n") - 1
        command = [str(duckdb_python), str(SCRIPT), str(tmp_path), " ".join(statements)]
        done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)
        return pq.read_table(tmp_path / "0.parquet")

    return run_sql


def test_duckdb_alone_reads_the_newest_rows_of_the_day(duckdb_alone: Callable[[str], pa.Table]) -> None:
    (code,) = snippets(READING, "sql")
    assert duckdb_alone(code)["user_id"].to_pylist() == ["U3"]


def test_duckdb_alone_reads_a_past_version(duckdb_alone: Callable[[str], pa.Table]) -> None:
    (code,) = snippets(PAST, "sql")
    assert duckdb_alone(code.replace("VERSION 3", "VERSION 1"))["originating_direction"].to_pylist() == ["inbound"]

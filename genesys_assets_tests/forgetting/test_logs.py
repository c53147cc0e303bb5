"""Statistics in the logs of tables name nobody who was forgotten, and the tables are read as before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from genesys_assets.forgetting import lakewide
from genesys_assets.forgetting.logs import scrub_logs
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.privacy.forgotten import Forgotten, Kind
from genesys_assets_tests.forgetting.traces import files_with

GONE, STAYS = "5a0c0000-1111-4222-8333-00000000a001", "5a0c0000-1111-4222-8333-00000000a002"
PLACE = "downstream/points"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A table that somebody else writes with Delta Lake: two commits and a checkpoint."""
    for customer, id_ in (("Ottilie Quarz", GONE), ("Benno Basalt", STAYS)):
        rows = pa.Table.from_pylist([{"customer": customer, "conversation_id": id_, "points": 7}])
        write_deltalake(tmp_path / PLACE, rows, mode="append")
    DeltaTable(tmp_path / PLACE).create_checkpoint()
    return Lake(LocalStore(tmp_path))


def folder(lake: Lake) -> Path:
    return Path(lake.store.path(""))


def scrubbed(lake: Lake, *, dry_run: bool = False, **values: set[str] | None) -> ForgettingResult:
    who = Forgotten().joined_by(Kind.CONVERSATION, [GONE], lake.protection)
    report = ForgettingResult()
    found = KnownTraces(values={name.replace("_", " "): days for name, days in values.items()})
    scrub_logs(lake, who, found, report, set(), dry_run=dry_run)
    return report


def logs_with(lake: Lake, *values: str) -> set[str]:
    return {Path(path).suffix for path in files_with(folder(lake) / PLACE / "_delta_log", values)}


def test_texts_leave_the_statistics_of_commits_and_checkpoints_and_numbers_stay(lake: Lake) -> None:
    assert logs_with(lake, "Ottilie Quarz") == {".json", ".parquet"}
    report = scrubbed(lake)
    assert (report.problems, report.statistics[PLACE]) == ({}, 3)
    assert logs_with(lake, "Ottilie Quarz", "Benno Basalt", GONE) == set()
    table = DeltaTable(folder(lake) / PLACE)
    assert sorted(table.to_pyarrow_table()["customer"].to_pylist()) == ["Benno Basalt", "Ottilie Quarz"]
    (first, *_) = (json.loads(line) for line in _lines(lake) if '"add"' in line)
    assert json.loads(first["add"]["stats"]) == {
        "numRecords": 1,
        "minValues": {"points": 7},
        "maxValues": {"points": 7},
        "nullCount": {"customer": 0, "conversation_id": 0, "points": 0},
    }


def _lines(lake: Lake) -> list[str]:
    return (folder(lake) / PLACE / "_delta_log/00000000000000000000.json").read_text().splitlines()


def test_what_would_be_changed_is_counted_and_not_changed(lake: Lake) -> None:
    assert scrubbed(lake, dry_run=True).statistics[PLACE] == 3
    assert logs_with(lake, "Ottilie Quarz") == {".json", ".parquet"}


def test_logs_of_tables_in_which_nobody_stands_are_left_alone(lake: Lake) -> None:
    before = _lines(lake)
    who = Forgotten().joined_by(Kind.CONVERSATION, ["77b1d4c2-1111-4222-8333-00000000a001"], lake.protection)
    scrub_logs(lake, who, KnownTraces(), report := ForgettingResult(), set(), dry_run=False)
    assert (report.statistics, _lines(lake)) == ({}, before)


def test_a_folder_that_is_called_after_somebody_is_told(lake: Lake) -> None:
    rows = pa.table({"customer": ["Ottilie Quarz"], "points": [7]})
    write_deltalake(folder(lake) / "downstream/by_customer", rows, partition_by=["customer"])
    problems = scrubbed(lake, ottilie_quarz=None).problems
    assert [what.split("/")[1] for what, why in problems.items() if "in the folder of a partition" in why] == [
        "by_customer"
    ]


def test_notes_about_imported_files_lose_ids_and_names(lake: Lake) -> None:
    key = f"imports/{'0' * 64}.json"
    lake.store.put(key, json.dumps({"outcome": {"file": "saved/Ottilie Quarz.json", "reason": GONE}}).encode())
    scrubbed(lake, ottilie_quarz=None)
    note = json.loads(lake.store.get(key) or b"{}")
    assert note["outcome"]["file"] == "saved/forgotten.json"
    assert note["outcome"]["reason"].startswith("forgotten:")


def test_a_conversation_leaves_the_table_of_somebody_else_and_its_log(lake: Lake) -> None:
    report = lakewide.forget(lake, {Kind.CONVERSATION: [GONE]}, datetime.now(UTC) + timedelta(hours=2))
    assert report.problems == {}
    assert files_with(folder(lake), [GONE, "Ottilie Quarz"]) == {}
    assert DeltaTable(folder(lake) / PLACE).to_pyarrow_table()["customer"].to_pylist() == ["Benno Basalt"]


def test_values_are_looked_for_in_tables_of_others_on_all_days_where_they_have_none() -> None:
    found = KnownTraces(values={"ottilie quarz": None, "+4179": {"2026-01-28"}})
    assert found.of("downstream/points", None).values == {"ottilie quarz", "+4179"}
    assert found.of("downstream/points", "2026-01-29").values == {"ottilie quarz"}
    assert found.of("tables/sessions", "2026-01-28").values == frozenset()

"""Statistics in the logs of tables name no forgotten person, and the tables are read as before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from genesys_assets.forgetting import lakewide
from genesys_assets.forgetting.logs import scrub_logs
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets_tests.forgetting.traces import files_with

GONE, STAYS = "5a0c0000-1111-4222-8333-00000000a001", "5a0c0000-1111-4222-8333-00000000a002"
PLACE = "downstream/points"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A table that another program writes with Delta Lake: two commits and a checkpoint."""
    for customer, id_ in (("Ottilie Quarz", GONE), ("Benno Basalt", STAYS)):
        rows = pa.Table.from_pylist([{"customer": customer, "conversation_id": id_, "points": 7}])
        write_deltalake(tmp_path / PLACE, rows, mode="append")
    DeltaTable(tmp_path / PLACE).create_checkpoint()
    return Lake(LocalStore(tmp_path))


def folder(lake: Lake) -> Path:
    return Path(lake.store.path(""))


def scrubbed(lake: Lake, *, dry_run: bool = False, **values: set[str] | None) -> ForgettingResult:
    who = ForgottenIds().joined_by(Kind.CONVERSATION, [GONE], lake.protection)
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


def test_logs_of_tables_without_the_person_are_left_alone(lake: Lake) -> None:
    before = _lines(lake)
    who = ForgottenIds().joined_by(Kind.CONVERSATION, ["77b1d4c2-1111-4222-8333-00000000a001"], lake.protection)
    scrub_logs(lake, who, KnownTraces(), report := ForgettingResult(), set(), dry_run=False)
    assert (report.statistics, _lines(lake)) == ({}, before)


def test_a_folder_named_after_a_person_is_reported(lake: Lake) -> None:
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


class Killed(Exception):
    """Stands for the end of the process."""


class DyingStore(LocalStore):
    """A store whose process is killed once a checkpoint was stored."""

    def put(self, key: str, body: bytes) -> None:
        super().put(key, body)
        if key.endswith(".checkpoint.parquet"):
            raise Killed


def test_a_process_killed_after_it_changed_a_checkpoint_leaves_no_wrong_size_of_it(lake: Lake) -> None:
    last = folder(lake) / PLACE / "_delta_log/_last_checkpoint"
    (checkpoint,) = last.parent.glob("*.checkpoint.parquet")
    size = checkpoint.stat().st_size
    last.write_text(json.dumps(json.loads(last.read_text()) | {"sizeInBytes": size}))
    with pytest.raises(Killed):
        scrubbed(Lake(DyingStore(folder(lake))))
    assert checkpoint.stat().st_size != size
    assert "sizeInBytes" not in json.loads(last.read_text())
    scrubbed(lake)
    assert logs_with(lake, "Ottilie Quarz") == set()


COMMIT, NEWEST = "00000000000000000000.json", "00000000000000000001.checkpoint.parquet"


@pytest.mark.parametrize("body", [b"{not json", b"[1]"], ids=["no JSON", "JSON of another shape"])
@pytest.mark.parametrize("name", [COMMIT, NEWEST, "_last_checkpoint"])
def test_a_damaged_file_of_a_log_is_named_and_all_other_tables_are_cleaned(lake: Lake, name: str, body: bytes) -> None:
    other = "downstream/more_points"
    rows = pa.Table.from_pylist([{"customer": "Ottilie Quarz", "conversation_id": GONE, "points": 7}])
    write_deltalake(folder(lake) / other, rows)
    (folder(lake) / PLACE / "_delta_log" / name).write_bytes(body)
    report = lakewide.forget(lake, {Kind.CONVERSATION: [GONE]}, datetime.now(UTC) + timedelta(hours=2))
    assert "It cannot be read" in report.problems[f"{PLACE}/_delta_log/{name}"]
    assert report.partitions[other] == 1
    assert files_with(folder(lake) / other, [GONE, "Ottilie Quarz"]) == {}
    assert (PLACE in report.problems) == (name == NEWEST), "delta-rs reads the checkpoint, not the commits before it"
    assert files_with(folder(lake) / "forgotten", [GONE]) == {}


def test_nothing_is_removed_while_the_log_of_a_table_with_names_to_search_is_damaged(lake: Lake) -> None:
    damaged = folder(lake) / "tables/participants/_delta_log"
    damaged.mkdir(parents=True)
    (damaged / COMMIT).write_bytes(b"{not json")
    before = files_with(folder(lake) / PLACE, [GONE])
    report = lakewide.forget(lake, {Kind.CONVERSATION: [GONE]}, datetime.now(UTC) + timedelta(hours=2))
    assert report.problems.keys() == {"tables/participants", "everything"}
    assert files_with(folder(lake) / PLACE, [GONE]) == before


def test_a_damaged_record_of_an_import_is_named_and_the_others_are_cleaned(lake: Lake) -> None:
    damaged, sound = (f"imports/{digit * 64}.json" for digit in "01")
    lake.store.put(damaged, b"{not json")
    lake.store.put(sound, json.dumps({"reason": GONE}).encode())
    assert scrubbed(lake).problems.keys() == {damaged}
    assert json.loads(lake.store.get(sound) or b"{}")["reason"].startswith("forgotten:")


class SharedStore(LocalStore):
    """A store in which another process writes a record whenever this one is about to replace it, as long as there are
    `others`.
    """

    def __init__(self, folder: Path, others: list[bytes | None]) -> None:
        super().__init__(folder)
        self.others = others

    def replace(self, key: str, before: bytes, after: bytes) -> bool:
        if key == RECORD and self.others:
            other = self.others.pop(0)
            self.delete(key) if other is None else self.put(key, other)
        return super().replace(key, before, after)


RECORD = f"imports/{'0' * 64}.json"


def _record(*days: str) -> dict[str, Any]:
    return {"outcome": {"file": f"{GONE}.json", "state": "imported", "partitions": {"imported_details": [*days]}}}


def test_a_record_that_an_import_writes_meanwhile_is_the_one_that_stays(lake: Lake) -> None:
    first, last = "2026-01-28", "2026-01-29"
    lake.store.put(RECORD, json.dumps(_record(first)).encode())
    report = scrubbed(Lake(SharedStore(folder(lake), [json.dumps(_record(first, last)).encode()])))
    stored = json.loads(lake.store.get(RECORD) or b"{}")["outcome"]
    assert stored["partitions"] == {"imported_details": [first, last]}
    assert stored["file"].startswith("forgotten:")
    assert (report.problems, report.statistics["imports"]) == ({}, 1)


def test_a_record_that_is_taken_back_meanwhile_does_not_come_back(lake: Lake) -> None:
    lake.store.put(RECORD, json.dumps(_record("2026-01-28")).encode())
    assert scrubbed(Lake(SharedStore(folder(lake), [None]))).problems == {}
    assert lake.store.get(RECORD) is None


def test_a_record_that_others_write_again_and_again_is_named(lake: Lake) -> None:
    lake.store.put(RECORD, json.dumps(_record()).encode())
    others: list[bytes | None] = [json.dumps(_record(f"{number}")).encode() for number in range(1000)]
    assert scrubbed(Lake(SharedStore(folder(lake), others))).problems.keys() == {RECORD}


def test_only_fields_of_a_record_that_may_name_somebody_are_changed(lake: Lake) -> None:
    record = _record("2026-01-28") | {"options": {"time_unit": "seconds", "business_zone": "Europe/Dublin"}}
    lake.store.put(RECORD, json.dumps(record).encode())
    words: dict[str, Any] = {"seconds": None, "imported": None, "Dublin": None, "2026-01-28": None}
    scrubbed(lake, **words)
    stored = json.loads(lake.store.get(RECORD) or b"{}")
    assert stored["outcome"].pop("file").startswith("forgotten:")
    del record["outcome"]["file"]
    assert stored == record


def test_values_are_looked_for_in_tables_of_others_on_all_days_where_they_have_none() -> None:
    found = KnownTraces(values={"ottilie quarz": None, "+4179": {"2026-01-28"}})
    assert found.of("downstream/points", None).values == {"ottilie quarz", "+4179"}
    assert found.of("downstream/points", "2026-01-29").values == {"ottilie quarz"}
    assert found.of("tables/sessions", "2026-01-28").values == frozenset()

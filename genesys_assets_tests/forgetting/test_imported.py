"""Imported files are protected like fetched answers, and bring no forgotten person back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.forgetting import lakewide
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.records import Record
from genesys_assets.importing.summary import held, totals
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import Kind, remember
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets_tests.forgetting.traces import files_with
from genesys_assets_tests.importing.saved import as_bytes, conversation, metric, result, saved_file

ID, OTHER = "aaaaaaaa-1111-4222-8333-00000000a001", "bbbbbbbb-1111-4222-8333-00000000a002"
DAY = Interval.parse("2026-01-28T00:00Z/2026-01-29T00:00Z")
HASH = Protection(dict.fromkeys(PersonalData, "hash"), b"k" * 32)


def call(id_: str) -> dict[str, Any]:
    return conversation(id_, externalTag=f"tag of {id_[:8]}")


def test_what_a_file_has_is_hashed_and_imported_again_it_changes_nothing(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path), protection=HASH)
    figures = {"results": [result({"userId": "user-1", "mediaType": "voice"}, metric("tHandle", count=1, sum=5))]}
    files = [saved_file("details.json", as_bytes([call(ID)])), saved_file("figures.json", as_bytes(figures))]
    assert len(import_files(lake, files, ImportOptions()).changed) == 2
    assert files_with(tmp_path, ["tag of aaaaaaaa", "user-1"]) == {}
    assert files_with(tmp_path, [HASH.hashed("tag of aaaaaaaa"), HASH.hashed("user-1")])
    assert import_files(lake.refreshed(), files, ImportOptions(time_unit="seconds")).changed == set()


def test_a_question_grouped_by_what_is_dropped_is_named_and_skipped(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path), protection=Protection({PersonalData.CONTACT: "drop"}))
    figures = {"results": [result({"ani": "tel:+41790001122"}, metric("tHandle", count=1, sum=5))]}
    (outcome,) = import_files(lake, [saved_file("figures.json", as_bytes(figures))], ImportOptions()).outcomes
    assert outcome.state == "skipped"
    assert outcome.reason.startswith("ani identifies rows")
    assert files_with(tmp_path, ["+41790001122"]) == {}


def test_a_file_brings_nobody_back(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path))
    first = saved_file("a.json", as_bytes([call(ID), call(OTHER)]))
    import_files(lake, [first], ImportOptions())
    lakewide.forget(lake, {Kind.CONVERSATION: [ID]}, datetime.now(UTC) + timedelta(hours=2))
    again = saved_file("b.json", as_bytes([call(OTHER), call(ID)]))
    for files in ([first], [again]):
        import_files(lake.refreshed(), files, ImportOptions())
        assert files_with(tmp_path, [ID, "tag of aaaaaaaa"]) == {}
    assert files_with(tmp_path, [OTHER])


def test_the_remarks_in_the_record_of_a_file_name_nobody_who_is_forgotten(tmp_path: Path) -> None:
    lake, user = Lake(LocalStore(tmp_path)), "cccccccc-1111-4222-8333-00000000a003"
    other = call(OTHER)
    other["participants"][0]["userId"] = f"{user} or another"
    import_files(lake, [saved_file("a.json", as_bytes([call(ID), other]))], ImportOptions())
    assert files_with(tmp_path, [user])
    lakewide.forget(lake.refreshed(), {Kind.USER: [user]}, datetime.now(UTC) + timedelta(hours=2))
    assert files_with(tmp_path, [user]) == {}
    (record,) = (tmp_path / "imports").glob("*.json")
    assert " or another' is no id" in record.read_text()


def test_the_record_of_a_file_brings_nobody_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, user, late = Lake(LocalStore(tmp_path)), *(f"cccccccc-1111-4222-8333-00000000a00{end}" for end in "34")
    lakewide.forget(lake, {Kind.USER: [user]}, datetime.now(UTC) + timedelta(hours=2))
    other = call(ID)
    other["participants"][0]["userId"] = f"{user} or {late}"
    store = Record.store

    def meanwhile(record: Record, lake: Lake, *others: Any) -> None:
        store(record, lake, *others)
        remember(lake.store, Kind.USER, [late], lake.protection)

    monkeypatch.setattr(Record, "store", meanwhile)
    files = [saved_file(f"{user} and {late}.json", as_bytes([other, call(OTHER)]))]
    import_files(lake.refreshed(), files, ImportOptions())
    assert files_with(tmp_path, [user, late]) == {}
    assert import_files(lake.refreshed(), files, ImportOptions()).outcomes[0].state == "unchanged"


@pytest.mark.parametrize("protection", [KEEP, HASH])
def test_the_outcome_of_a_file_counts_only_conversations_that_are_stored(
    tmp_path: Path, protection: Protection
) -> None:
    lake = Lake(LocalStore(tmp_path), protection=protection)
    lakewide.forget(lake, {Kind.CONVERSATION: [ID]}, datetime.now(UTC) + timedelta(hours=2))
    later = conversation(ID, "2026-01-30T13:05:00.000Z", "2026-01-30T13:09:00.000Z")
    answers = {"one.json": [call(ID)], "two.json": [call(ID), call(OTHER)], "later.json": [later]}
    files = [saved_file(name, as_bytes(answer)) for name, answer in answers.items()]
    imported = import_files(lake.refreshed(), files, ImportOptions(), complete=DAY)
    note = {"conversation left out: it was forgotten (genesys-assets forget), and does not come back": 1}
    assert [(each.state, each.conversations, each.notes) for each in imported.outcomes] == [
        ("imported", 0, note),
        ("imported", 1, note),
        ("imported", 0, note),
    ]
    assert [each.left_out for each in imported.outcomes] == [{}, {}, {}]
    assert [held(each) for each in imported.outcomes] == ["nothing", "1 conversation", "nothing"]
    assert totals(imported) == "Imported: 1 conversation and 0 buckets."
    assert imported.complete == {"2026-01-28"}
    again = import_files(lake.refreshed(), files, ImportOptions())
    assert [each.state for each in again.outcomes] == ["unchanged"] * 3
    assert files_with(tmp_path, [ID]) == {}


def test_a_total_counts_forgotten_conversations_too(tmp_path: Path) -> None:
    lake = Lake(LocalStore(tmp_path))
    lakewide.forget(lake, {Kind.CONVERSATION: [ID]}, datetime.now(UTC) + timedelta(hours=2))
    page = {"conversations": [call(ID), call(OTHER)], "totalHits": 2}
    files = [saved_file("page.json", as_bytes(page))]
    assert import_files(lake.refreshed(), files, ImportOptions(), complete=DAY).complete == {"2026-01-28"}

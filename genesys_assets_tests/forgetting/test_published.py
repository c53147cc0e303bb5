"""Published files: an unreadable file is named, and the person disappears from all others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genesys_assets.forgetting.published import Publication
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.publishing.publisher import open_publisher

GONE = "5a0c0000-1111-4222-8333-00000000a001"
OF_A_DAY = "reports/callers/date=2026-01-31/callers"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (f"{OF_A_DAY}.json", b"{not json"),
        (f"{OF_A_DAY}.json", b"\xff\xfe"),
        (f"{OF_A_DAY}.json", b"[" * 100_000),
        (f"{OF_A_DAY}.parquet", b"PAR1 no more"),
        ("reports/manifest/date=2026-01-31/manifest.json", b""),
    ],
    ids=["no JSON", "no text", "too deep", "no Parquet", "empty manifest"],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_cleaned(tmp_path: Path, name: str, body: bytes) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    publisher = open_publisher(str(tmp_path / "published"), lambda: None)
    named = {f"{OF_A_DAY}.csv": f"id\n{GONE}\n".encode(), "reports/index/index.html": f"<p>{GONE}".encode()}
    sound = {"reports/callers/date=2026-02-01/callers.json": json.dumps({"id": "else"}).encode()}
    for key, content in {**named, **sound, name: body}.items():
        path = tmp_path / "published" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    who = ForgottenIds().joined_by(Kind.CONVERSATION, [GONE], lake.protection)
    report = ForgettingResult()
    Publication(publisher, lambda *_: None).forget(lake, who, KnownTraces(), report, later=set(), dry_run=False)
    assert "It cannot be read" in report.problems[name]
    assert {file.key for file in publisher.place.files("reports/")} - {name} == {*sound}

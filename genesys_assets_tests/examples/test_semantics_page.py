"""The snippet of docs/semantics.md that turns the observations of days into periods of membership."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.observations import QUEUE_MEMBERS
from genesys_assets_tests.examples.test_lake_page import run, snippets

ADA, BO = "ada", "bo"
OBSERVED: dict[int, dict[str, dict[str | None, bool | None]]] = {
    1: {"Sales": {ADA: True, BO: True}, "Service": {None: None}},
    2: {"Sales": {ADA: True}, "Service": {BO: True}},
    # On 3 March nothing was observed, on 5 March only Service.
    4: {"Sales": {ADA: True, BO: False}, "Service": {BO: True}},
    5: {"Service": {None: None}},
    6: {"Sales": {ADA: False, BO: False}, "Service": {BO: True}},
}


def test_memberships_have_the_days_from_when_and_until_when_they_were_observed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    for day, queues in OBSERVED.items():
        rows = [
            {
                "day": date(2026, 3, day),
                "as_of": datetime(2026, 3, day, 0, 10, tzinfo=UTC),
                "queue_id": queue,
                "user_id": user,
                "joined": joined,
            }
            for queue, members in queues.items()
            for user, joined in members.items()
        ]
        table = pa.Table.from_pylist(rows, QUEUE_MEMBERS.schema)
        lake.write("reference/queue_members", QUEUE_MEMBERS, table, f"2026-03-{day:02}", {})
    monkeypatch.chdir(tmp_path)
    (code,) = snippets("Queue members and skills", "python", "docs/semantics.md")
    found = run(code)["memberships"].itertuples(index=False)
    assert [(queue, user, joined, since.day, until.day) for queue, user, joined, since, until in found] == [
        ("Sales", ADA, False, 6, 6),
        ("Sales", ADA, True, 1, 4),
        ("Sales", BO, False, 4, 6),
        ("Sales", BO, True, 1, 1),
        ("Service", BO, True, 2, 4),
        ("Service", BO, True, 6, 6),
    ]

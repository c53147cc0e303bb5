"""The register of open conversations as an asset; `tables.conversations.test_open` tests its rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.assets import open_conversations as asset
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, SESSIONS
from genesys_assets.tables.conversations.open import OPEN_CONVERSATIONS, open_conversations
from genesys_assets_tests.assets.world import World

PLACE = "tables/open_conversations"


def store(world: World, *ids: str) -> None:
    """The conversations of today, none of which has ended."""
    now = datetime.now(UTC).replace(microsecond=0)
    rows = [{"conversation_id": id_, "conversation_start": now, "is_complete": False} for id_ in ids]
    world.lake.write("tables/conversations", CONVERSATIONS, _table(rows, CONVERSATIONS.schema), f"{now:%Y-%m-%d}", {})


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema)


def registered(world: World) -> list[str]:
    ids: list[str] = world.lake.read(PLACE, None)["conversation_id"].to_pylist()
    return sorted(ids)


def make(world: World) -> None:
    assert world.run("daily", PLACE, partition="2026-01-28").success


def test_it_lists_what_has_not_ended(world: World) -> None:
    store(world, "a", "b")
    make(world)
    assert registered(world) == ["a", "b"]


def test_rows_that_fail_the_audit_are_not_stored_and_their_checks_say_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(world, "a")
    twice = open_conversations
    monkeypatch.setattr(asset, "open_conversations", lambda *of: pa.concat_tables([twice(*of)] * 2))
    run = world.run("daily", PLACE, partition="2026-01-28")
    assert not run.success
    results = {each.check_name: each.passed for each in run.get_asset_check_evaluations()}
    assert results == {"columns_and_types": True, "key_is_unique": False, "key_has_no_nulls": True}
    assert not world.lake.has(PLACE, None)


def test_what_a_run_read_earlier_replaces_no_newer_register(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store(world, "a")

    def overtaken(conversations: pa.Table, sessions: pa.Table, as_of: datetime) -> pa.Table:
        """Another run reads newer conversations, and commits first."""
        newer = _table([{"conversation_id": id_, "conversation_start": as_of} for id_ in "ab"], CONVERSATIONS.schema)
        register = open_conversations(newer, SESSIONS.empty(), as_of)
        world.lake.write(PLACE, OPEN_CONVERSATIONS, register, None, {}, newness=10**15)
        return open_conversations(conversations, sessions, as_of)

    monkeypatch.setattr(asset, "open_conversations", overtaken)
    make(world)
    assert registered(world) == ["a", "b"]

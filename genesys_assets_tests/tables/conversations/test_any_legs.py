"""Legs of any conversations that the platform may answer."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc
from hypothesis import given, settings

from genesys_assets.tables.conversations.legs import interaction_legs
from genesys_assets_tests.tables.conversations.drawn import any_conversations
from genesys_assets_tests.tables.conversations.exploded import Tables, emitted, exploded, sessions_of


class TestWhateverThePlatformTells:
    @settings(max_examples=200)
    @given(any_conversations())
    def test_every_session_and_every_metric_is_in_its_place(self, told: list[dict[str, Any]]) -> None:
        tables = exploded(*told)
        legs = interaction_legs(tables)
        rows = legs.to_pylist()
        assert legs.equals(interaction_legs(tables))
        found = [
            (leg["conversation_id"], leg["agent_participant_id"], one)
            for leg in rows
            for one in [leg["agent_session_id"], *(leg["side_session_ids"] or ())]
            if one is not None
        ]
        assert sorted(found) == sorted(sessions_of(tables, "agent") + sessions_of(tables, "user"))
        waits = {(leg["conversation_id"], leg["acd_participant_id"], leg["acd_session_id"]) for leg in rows}
        assert {wait for wait in waits if wait[2] is not None} == set(sessions_of(tables, "acd"))
        keys = [(leg["conversation_id"], leg["leg_no"]) for leg in rows]
        assert len(set(keys)) == len(keys)
        assert (pc.sum(legs["t_handle_ms"]).as_py() or 0) == handled(tables)


def handled(tables: Tables) -> int:
    keys = {*sessions_of(tables, "acd"), *sessions_of(tables, "agent"), *sessions_of(tables, "user")}
    return sum(
        row["value"]
        for row in emitted(tables, "tHandle").to_pylist()
        if (row["conversation_id"], row["participant_id"], row["session_id"]) in keys
    )

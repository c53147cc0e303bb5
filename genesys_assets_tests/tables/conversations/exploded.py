"""Tables of conversations that a test makes up, and helpers that read them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.explode import explode
from genesys_assets_tests.tables.builders import page

Tables = dict[str, pa.Table]


def exploded(*conversations: dict[str, Any]) -> Tables:
    return explode(decode(page(*conversations)).conversations)


def emitted(tables: Tables, names: str) -> pa.Table:
    return tables["session_metrics"].filter(pc.is_in(tables["session_metrics"]["metric"], pa.array(names.split())))


def sessions_of(tables: Tables, purpose: str) -> list[tuple[str, str, str]]:
    chosen = tables["sessions"].filter(pc.equal(tables["sessions"]["purpose"], purpose))
    return [
        tuple(row.values()) for row in chosen.select(["conversation_id", "participant_id", "session_id"]).to_pylist()
    ]

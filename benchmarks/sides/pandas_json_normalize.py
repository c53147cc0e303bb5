"""`json.loads` and `pandas.json_normalize`: one call a table, on all conversations at once, which is its fastest way.

    python pandas_json_normalize.py FOLDER

Values stay as json_normalize leaves them: instants are text, lists are Python lists.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from rounds import page_bodies, serve_tables

CONVERSATION = ["conversationId", "conversationStart"]
PARTICIPANT = [*CONVERSATION, *(["participants", name] for name in ("participantId", "purpose", "userId"))]
SESSION = [*PARTICIPANT, *(["participants", "sessions", name] for name in ("sessionId", "mediaType"))]
OF_A_SESSION = {"segments": "segments", "session_metrics": "metrics", "media_endpoint_stats": "mediaEndpointStats"}


def main(folder: str) -> None:
    bodies = page_bodies(folder)
    serve_tables(lambda: tables(bodies), write, len, column, packages=["pandas", "pyarrow"])


def tables(bodies: list[bytes]) -> dict[str, pd.DataFrame]:
    conversations = [item for body in bodies for item in json.loads(body)["conversations"]]
    _fill(conversations)
    sessions = ["participants", "sessions"]
    made = {
        "conversations": pd.json_normalize(conversations).drop(columns=["participants", *LISTS]),
        "participants": _normalised(conversations, ["participants"], CONVERSATION).drop(columns="sessions"),
        "sessions": _normalised(conversations, sessions, PARTICIPANT).drop(columns=[*OF_A_SESSION.values()]),
        "flow_outcomes": _normalised(
            conversations, [*sessions, "flow", "outcomes"], [*SESSION, [*sessions, "flow", "flowId"]]
        ),
    }
    for table, wire in OF_A_SESSION.items():
        made[table] = _normalised(conversations, [*sessions, wire], SESSION)
    for table in LISTS:
        made[table] = _normalised(conversations, [table], CONVERSATION)
    made["sessions"] = made["sessions"].drop(columns="flow.outcomes")
    return made


LISTS = ("evaluations", "surveys", "resolutions")


def _fill(conversations: list[Any]) -> None:
    """Adds missing lists, at which json_normalize fails."""
    for conversation in conversations:
        for name in LISTS:
            conversation.setdefault(name, [])
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for name in OF_A_SESSION.values():
                    session.setdefault(name, [])
                session.setdefault("flow", {}).setdefault("outcomes", [])


def _normalised(conversations: list[Any], path: list[str], keys: list[Any]) -> pd.DataFrame:
    return pd.json_normalize(conversations, path, keys, meta_prefix="of.", errors="ignore")


def write(made: dict[str, pd.DataFrame], folder: Path) -> None:
    for name, table in made.items():
        table.to_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=1, index=False)


def column(table: pd.DataFrame, wire: str) -> list[Any]:
    return table[wire].tolist() if wire in table else []


if __name__ == "__main__":
    main(sys.argv[1])

"""Answers of real organisations, shortened: their fields, metrics and statistics with their figures.
README.md says where each comes from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent
CONVERSATIONS = ("conversation_chat_2021", "conversation_voice_2024", "conversations_2016")
AGGREGATES = (
    "conversations_aggregates_all_metrics",
    "conversations_aggregates_chat_2016",
    "conversations_aggregates_message",
)


def body(name: str) -> bytes:
    """The answer, as the platform may have sent it."""
    return (SAMPLES / f"{name}.json").read_bytes()


def conversations(name: str) -> list[dict[str, Any]]:
    """The conversations of an answer, or the single conversation that was published without its answer."""
    told = json.loads(body(name))
    return list(told["conversations"]) if "conversations" in told else [told]

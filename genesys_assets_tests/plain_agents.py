"""The expected rows of `reports/agent_day`, computed in plain Python from what the organisation's agents did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from genesys_assets.sandbox.organisation import Item
from genesys_assets.sandbox.timelines import Timelines, presence, routing
from genesys_assets.sandbox.times import from_datetime, millis, to_datetime

Row = dict[str, Any]

PRESENCES = ("ON_QUEUE", "AVAILABLE", "BUSY", "AWAY", "BREAK", "MEAL", "MEETING", "TRAINING", "OFFLINE")
STATUSES = ("IDLE", "INTERACTING", "COMMUNICATING", "NOT_RESPONDING", "OFF_QUEUE")
METRICS = {"tHandle": "handle_ms", "tTalkComplete": "talk_ms", "tHeldComplete": "hold_ms", "tAcw": "wrap_up_ms"}


def agent_day(timelines: Timelines, conversations: Iterable[Item], start: datetime, end: datetime) -> dict[str, Row]:
    """The row of each agent of a day that is over, by user id."""
    bounds = from_datetime(start), from_datetime(end)
    rows = {user_id: times([(timelines, *bounds)], user_id) for user_id in timelines.user_ids}
    for conversation in conversations:
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                for metric in session.get("metrics", ()):
                    inside = bounds[0] <= millis(metric["emitDate"]) < bounds[1]
                    if inside and metric["name"] in METRICS and "userId" in participant:
                        row = rows[participant["userId"]]
                        name = METRICS[metric["name"]]
                        row[name] = (row[name] or 0) + metric["value"]
                        if metric["name"] == "tHandle":
                            row["handled"] = (row["handled"] or 0) + 1
    return rows


def times(parts: Sequence[tuple[Timelines, int, int]], user_id: str) -> Row:
    """The times of a window without conversations; each part of the window may use other timelines."""
    durations: dict[tuple[str, str], int] = {}
    logged_in = []
    for timelines, start, end in parts:
        for kind, of in (("presence", presence), ("routing", routing)):
            for span in timelines.spans(user_id, start, end, of):
                first, last = max(span.start, start), min(span.end, end)
                key = (kind, span.value[0])
                durations[key] = durations.get(key, 0) + last - first
                if kind == "presence" and span.value[0] != "OFFLINE":
                    logged_in.append((first, last))
    row: Row = {f"{name.lower()}_ms": durations.get(("presence", name)) for name in PRESENCES}
    row |= {f"{name.lower()}_ms": durations.get(("routing", name)) for name in STATUSES}
    row |= dict.fromkeys((*METRICS.values(), "handled"))
    row["day_ms"] = sum(end - start for _, start, end in parts)
    row["logged_in_ms"] = sum(last - first for first, last in logged_in)
    row["other_ms"] = durations.get(("presence", "IDLE"), 0)
    row["other_routing_ms"] = row["unknown_ms"] = row["unknown_routing_ms"] = 0
    row["first_login"] = to_datetime(logged_in[0][0]) if logged_in else None
    row["last_logout"] = to_datetime(logged_in[-1][1]) if logged_in else None
    working = row["interacting_ms"] or 0
    on_queue = sum(row[f"{name.lower()}_ms"] or 0 for name in STATUSES if name != "OFF_QUEUE")
    row["occupancy"] = working / on_queue if on_queue else None
    busy = working + (row["communicating_ms"] or 0)
    row["utilisation"] = busy / row["logged_in_ms"] if row["logged_in_ms"] else None
    return row

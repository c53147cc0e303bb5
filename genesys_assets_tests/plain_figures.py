"""The expected rows of every table, computed in the slow and obvious way: loops over conversations, dictionaries, no
Arrow.

It uses none of the package's own arithmetic, so that both can be compared. The formulas are those in the descriptions
of tables. `plain_reports` computes reports, and `test_a_day` compares all.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

Item = dict[str, Any]
Row = dict[str, Any]
Key = tuple[Any, ...]

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
GROUPINGS = (("mediaType", "queueId"), ("mediaType", "userId"))
# Figures that belong to a queue, not to an agent: the platform leaves them out of answers by agent.
OF_QUEUES = {"nOffered", "nOverSla", "oServiceLevel", "tAbandon", "tAcd", "tFlowOut", "tShortAbandon", "tWait"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Session:
    """A session with its participant and conversation."""

    conversation: Item
    participant: Item
    item: Item

    @property
    def id(self) -> str:
        return str(self.conversation["conversationId"])

    @property
    def purpose(self) -> str:
        return str(self.participant["purpose"])

    @property
    def user_id(self) -> str | None:
        return self.participant.get("userId")

    @property
    def media_type(self) -> str | None:
        return self.item.get("mediaType")

    @property
    def queue_id(self) -> str | None:
        named = [step["queueId"] for step in self.item["segments"] if "queueId" in step]
        return named[-1] if named else None

    @property
    def start(self) -> datetime:
        return min(moment(step["segmentStart"]) for step in self.item["segments"])

    @property
    def end(self) -> datetime | None:
        ends = [step.get("segmentEnd") for step in self.item["segments"]]
        return None if None in ends else max(map(moment, ends))

    def emitted(self, *names: str) -> Iterator[tuple[datetime, str, int]]:
        """Instant, name and value of each of these metrics that the session emitted; without names, of all metrics."""
        for metric in self.item.get("metrics", ()):
            if not names or metric["name"] in names:
                yield moment(metric["emitDate"]), metric["name"], metric["value"]

    def waited(self) -> Iterator[tuple[datetime, str, int]]:
        """The tWait of the aggregates, which no session carries: the time until the conversation left the queue."""
        for when, _, value in self.emitted("tAcd"):
            yield when, "tWait", value


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def sessions(conversations: Iterable[Item]) -> Iterator[Session]:
    for conversation in conversations:
        for participant in conversation.get("participants", ()):
            for item in participant["sessions"]:
                yield Session(conversation, participant, item)


def floor(when: datetime, step: timedelta) -> datetime:
    return _EPOCH + (when - _EPOCH) // step * step


def milliseconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else (end - start) // timedelta(milliseconds=1)


# -- the conversation model --------------------------------------------------------------------------------------------


def model_rows(conversations: list[Item]) -> dict[str, list[Row]]:
    """Every row of every table of the conversation model. A column that is not in a row must be null. Instants may
    still be the platform's texts.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for conversation in conversations:
        keys = {name: conversation[name] for name in ("conversationId", "conversationStart")}
        rows["conversations"].append(_conversation(conversation) | {"source": "fetched"})
        for participant in conversation.get("participants", ()):
            rows["participants"].append(
                _columns(keys | _without(participant, "sessions", "attributes")) | {"ordinal": 0}
            )
            of = keys | {"participantId": participant["participantId"], "participantOrdinal": 0}
            for name, value in participant.get("attributes", {}).items():
                rows["participant_attributes"].append(_columns(of) | _attribute(name, value))
        for name in ("evaluations", "surveys"):
            rows[name] += [_columns(keys | item) | {"ordinal": 0} for item in conversation.get(name, ())]
        for ordinal, resolution in enumerate(conversation.get("resolutions", ())):
            rows["resolutions"].append(_columns(keys | resolution) | {"ordinal": ordinal})
    for session in sessions(conversations):
        _add_session(rows, session)
    return rows


def duration_ms(conversation: Item) -> int | None:
    end = conversation.get("conversationEnd")
    return milliseconds(moment(conversation["conversationStart"]), moment(end) if end else None)


def media_type(conversation: Item) -> str | None:
    """The media type of its earliest customer or external session, otherwise of its earliest session."""
    every = list(sessions([conversation]))
    chosen = [session for session in every if session.purpose in ("customer", "external")] or every
    return min(chosen, key=lambda session: session.start).media_type if chosen else None


def _conversation(conversation: Item) -> Row:
    return _columns(_without(conversation, "participants", "evaluations", "surveys", "resolutions")) | {
        "is_complete": "conversationEnd" in conversation,
        "duration_ms": duration_ms(conversation),
        "media_type": media_type(conversation),
    }


def _attribute(name: str, value: str) -> Row:
    units = max(len(text.encode("utf-16-le")) // 2 for text in (name, value))
    return {"name": name, "value": value, "is_truncated": units >= 1024}


def _add_session(rows: dict[str, list[Row]], session: Session) -> None:
    keys = {
        "conversation_id": session.id,
        "conversation_start": session.conversation["conversationStart"],
        "participant_id": session.participant["participantId"],
        "session_id": session.item["sessionId"],
    }
    of_session = keys | {"session_ordinal": 0}
    who = {"purpose": session.purpose, "user_id": session.user_id}
    flow = session.item.get("flow", {})
    rows["sessions"].append(
        _columns(_without(session.item, "segments", "metrics", "mediaEndpointStats", "flow"))
        | {_prefixed("flow_", name): value for name, value in flow.items() if name != "outcomes"}
        | keys
        | {"participant_ordinal": 0, "ordinal": 0}
        | who
        | {"queue_id": session.queue_id, "session_start": session.start, "session_end": session.end}
    )
    for ordinal, step in enumerate(session.item["segments"]):
        end = step.get("segmentEnd")
        extra = {"media_type": session.media_type, "session_queue_id": session.queue_id, "ordinal": ordinal}
        extra["duration_ms"] = milliseconds(moment(step["segmentStart"]), moment(end) if end else None)
        rows["segments"].append(_columns(step) | of_session | who | extra)
    seen: defaultdict[Key, Iterator[int]] = defaultdict(count)
    for metric in session.item.get("metrics", ()):
        rows["session_metrics"].append(
            {"metric": metric["name"], "emit_date": metric["emitDate"], "value": metric["value"]}
            | {"media_type": session.media_type, "queue_id": session.queue_id}
            | {"ordinal": next(seen[metric["name"], metric["emitDate"]])}
            | of_session
            | who
        )
    for ordinal, stat in enumerate(session.item.get("mediaEndpointStats", ())):
        rows["media_endpoint_stats"].append(_columns(stat) | of_session | {"ordinal": ordinal})
    for ordinal, outcome in enumerate(flow.get("outcomes", ())):
        rows["flow_outcomes"].append(_columns(outcome) | of_session | {"flow_id": flow["flowId"], "ordinal": ordinal})


def _columns(item: Item) -> Row:
    return {_column(wire): value for wire, value in item.items()}


def _column(wire: str) -> str:
    """`minRFactor` -> `min_r_factor`."""
    return re.sub(r"([A-Z])", r"_\1", wire).lower()


def _prefixed(prefix: str, wire: str) -> str:
    return _column(wire) if _column(wire).startswith(prefix) else prefix + _column(wire)


def _without(item: Item, *names: str) -> Item:
    return {name: value for name, value in item.items() if name not in names}


# -- aggregates --------------------------------------------------------------------------------------------------------


def metric_rows(
    conversations: list[Item],
    start: datetime,
    end: datetime,
    metrics: Iterable[str],
    target: Callable[[str, str], float],
    step: timedelta = QUARTER,
    business_day: date | None = None,
) -> list[Row]:
    """The rows of interval_metrics for [start, end), or those of daily_metrics if the step is a whole business day.

    `target` is the service level target of a queue and media type. A statistic that is not in a row must be null.
    """
    wanted = set(metrics)
    cells: defaultdict[Key, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for session in sessions(conversations):
        for when, name, value in [*session.emitted(), *session.waited()]:
            if start <= when < end:
                bucket = start + (when - start) // step * step
                for grouping in GROUPINGS:
                    cells[bucket, grouping, _group(session, grouping)][name].append(value)
    rows = []
    for (bucket, grouping, group), emitted in cells.items():
        dimensions = {name: value for name, value in zip(grouping, group, strict=True) if value is not None}
        stats = {name: _stats(name, values) for name, values in emitted.items()}
        if level := _service_level(emitted, dimensions, target):
            stats["oServiceLevel"] = level
        rows += [
            {
                "interval_start": bucket,
                "interval_end": bucket + step,
                "grouping": ",".join(grouping),
                "selection": "",
                "is_additive": True,
                "group_key": json.dumps(dimensions, sort_keys=True, separators=(",", ":")),
                "media_type": dimensions.get("mediaType"),
                "queue_id": dimensions.get("queueId"),
                "user_id": dimensions.get("userId"),
                "metric": name,
                "view": "",
                **({"local_date": business_day} if business_day else {}),
                **found,
                "source": "fetched",
            }
            for name, found in stats.items()
            if name in wanted and not ("userId" in grouping and name in OF_QUEUES)
        ]
    return rows


def _group(session: Session, grouping: Iterable[str]) -> Key:
    of = {"mediaType": session.media_type, "queueId": session.queue_id, "userId": session.user_id}
    return tuple(of[name] for name in grouping)


def _stats(name: str, values: list[int]) -> Row:
    if name.startswith("n"):
        return {"count": sum(values)}
    return {"count": len(values), "sum": sum(values), "min": min(values), "max": max(values)}


def _service_level(emitted: dict[str, list[int]], group: Item, target: Callable[[str, str], float]) -> Row | None:
    """The share answered in time, of all answered and abandoned interactions, without short abandons."""
    waited, gave_up, left, at_once = (
        len(emitted.get(name, ())) for name in ("tWait", "tAbandon", "tFlowOut", "tShortAbandon")
    )
    answered, late = waited - gave_up - left, sum(emitted.get("nOverSla", ()))
    of, out_of = answered - late, answered + gave_up - at_once
    if out_of <= 0 or "queueId" not in group:
        return None
    goal = target(group["queueId"], group["mediaType"])
    return {"ratio": of / out_of, "numerator": of, "denominator": out_of, "target": goal}


# -- parts of the reports' figures -------------------------------------------------------------------------------------


def total(rows: Iterable[Row], metric: str, statistic: str) -> Any:
    """The sum over the metric's rows; None where it has none."""
    values = [row[statistic] for row in rows if row["metric"] == metric and row.get(statistic) is not None]
    return sum(values) if values else None


def either(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    return numerator / denominator if numerator is not None and denominator else None


def times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def service_level(rows: list[Row]) -> Row:
    of, out_of = (total(rows, "oServiceLevel", part) for part in ("numerator", "denominator"))
    targets = {row["target"] for row in rows if row["metric"] == "oServiceLevel"}
    return {
        "service_level": ratio(of, out_of),
        "service_level_numerator": of,
        "service_level_denominator": out_of,
        "service_level_target": targets.pop() if len(targets) == 1 else None,
    }


def grouped(items: Iterable[Any], key: Callable[[Any], Key]) -> dict[Key, list[Any]]:
    groups: dict[Key, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups

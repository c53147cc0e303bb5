"""The expected rows of six reports, computed from conversations and plain metric rows: loops and dictionaries, no
Arrow.

Each function returns the report's rows; a figure whose parts are all absent is None. `plain_figures` computes the
parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from genesys_assets_tests.plain_figures import (
    GROUPINGS,
    HOUR,
    QUARTER,
    Item,
    Key,
    Row,
    Session,
    duration_ms,
    either,
    floor,
    grouped,
    media_type,
    moment,
    ratio,
    service_level,
    sessions,
    times,
    total,
)

BY_QUEUE, BY_USER = (",".join(grouping) for grouping in GROUPINGS)
_OF_AGENTS = ("tHandle", "tAcw", "tTalkComplete", "tHeldComplete")
_OF_INTERVALS = ("tHandle", "tAbandon", "oServiceLevel")
_OF_QUEUES = (
    *("nOffered", "nOutbound", "tHandle", "tTalkComplete", "tHeldComplete"),
    *("tWait", "tAcw", "tAnswered", "tAbandon", "oServiceLevel"),
)

_OF_SERVICE_LEVELS = ("nOffered", "tAnswered", "tAbandon", "tShortAbandon", "tFlowOut", "oServiceLevel")

SYSTEM_CODES = {"ININ-WRAP-UP-TIMEOUT": "Wrap-up: timeout"}
"""What the platform sets by itself, and what a report calls it."""


def local_date(start: datetime, end: datetime, zone: tzinfo) -> date:
    """The date of a business day in a time zone: in the middle of the day, so that UTC does for zones near to it."""
    return (start + (end - start) / 2).astimezone(zone).date()


@dataclass(frozen=True)
class Knowledge:
    """The known data of a day: conversations that `began` on it, those `reaching` into it, its metric rows, and names
    by id.

    An entity without a name is called by its id.
    """

    start: datetime
    end: datetime
    began: list[Item]
    reaching: list[Item]
    metrics: list[Row]
    users: Mapping[str, str]
    queues: Mapping[str, str]
    wrapup_codes: Mapping[str, str]
    zone: tzinfo = UTC

    @property
    def local_date(self) -> date:
        """The date of a business day: the local date at its noon."""
        return local_date(self.start, self.end, self.zone)

    def measured(self, grouping: str, metrics: Iterable[str]) -> list[Row]:
        return [row for row in self.metrics if row["grouping"] == grouping and row["metric"] in metrics]

    def step(self, when: datetime, length: timedelta | None) -> tuple[datetime, datetime]:
        """The interval in which `when` lies; without a length, all of the day."""
        if length is None:
            return self.start, self.end
        return floor(when, length), floor(when, length) + length


def agent(known: Knowledge, length: timedelta | None) -> list[Row]:
    """agent_hourly (an hour's length) or agent_daily (None)."""
    handled: defaultdict[Key, set[str]] = defaultdict(set)
    for session in sessions(known.reaching):
        for when, _, _ in session.emitted("tHandle"):
            if session.user_id and known.start <= when < known.end:
                handled[(*known.step(when, length), session.user_id)].add(session.id)
    of_agents = [row for row in known.measured(BY_USER, _OF_AGENTS) if row["user_id"]]
    groups = grouped(of_agents, lambda row: (*known.step(row["interval_start"], length), row["user_id"]))
    return [
        {
            "interval_start": start,
            "interval_end": end,
            **({} if length else {"local_date": known.local_date}),
            "user_id": user,
            "user_name": known.users.get(user, user),
            "conversation_count": len(handled[start, end, user]) or None,
            "total_handle_time_minutes": times(total(rows, "tHandle", "sum"), 1 / 60_000),
            "total_wrap_up_minutes": times(total(rows, "tAcw", "sum"), 1 / 60_000),
            "total_talk_time_minutes": times(total(rows, "tTalkComplete", "sum"), 1 / 60_000),
            "total_hold_time_minutes": times(total(rows, "tHeldComplete", "sum"), 1 / 60_000),
            "average_handle_time_seconds": times(_average_handle_time(rows), 1 / 1000),
        }
        for start, end, user in {**groups, **handled}
        for rows in [groups.get((start, end, user), [])]
    ]


def interval(known: Knowledge, length: timedelta | None = QUARTER) -> list[Row]:
    began = grouped(known.began, lambda item: known.step(moment(item["conversationStart"]), length))
    measured = known.measured(BY_QUEUE, _OF_INTERVALS)
    groups = grouped(measured, lambda row: known.step(row["interval_start"], length))
    return [
        {
            "interval_start": start,
            "interval_end": end,
            "conversation_count": len(began.get((start, end), ())) or None,
            "handled_count": total(rows, "tHandle", "count"),
            "abandoned_count": total(rows, "tAbandon", "count"),
            "average_handle_time_seconds": times(_average_handle_time(rows), 1 / 1000),
            **service_level(rows),
        }
        for start, end in {**groups, **began}
        for rows in [groups.get((start, end), [])]
    ]


def queue_media(known: Knowledge) -> list[Row]:
    groups = grouped(known.measured(BY_QUEUE, _OF_QUEUES), lambda row: (row["queue_id"], row["media_type"]))
    return [
        {
            "interval_start": known.start,
            "interval_end": known.end,
            "local_date": known.local_date,
            "queue_id": queue,
            "queue_name": known.queues.get(queue, queue),
            "media_type": media,
            "total_interactions": either(total(rows, "nOffered", "count"), total(rows, "nOutbound", "count")),
            "total_handle_time_ms": total(rows, "tHandle", "sum"),
            "talk_time_ms": total(rows, "tTalkComplete", "sum"),
            "hold_time_ms": total(rows, "tHeldComplete", "sum"),
            "wait_time_ms": total(rows, "tWait", "sum"),
            "wrap_time_ms": total(rows, "tAcw", "sum"),
            "average_handle_time_ms": _average_handle_time(rows),
            "answered": total(rows, "tAnswered", "count"),
            "abandoned": total(rows, "tAbandon", "count"),
            **service_level(rows),
        }
        for (queue, media), rows in groups.items()
    ]


def service_level_of_queues(
    known: Knowledge, levels: Callable[[str, str], tuple[float | None, int | None]]
) -> list[Row]:
    """`levels` has the settings of a queue and media type: the target, and the threshold in milliseconds."""
    measured = known.measured(BY_QUEUE, _OF_SERVICE_LEVELS)
    groups = grouped(measured, lambda row: (row["queue_id"], row["media_type"]))
    found = []
    for (queue, media), rows in groups.items():
        if queue is None:
            continue
        offered, short = (total(rows, name, "count") for name in ("nOffered", "tShortAbandon"))
        answered, abandoned = (total(rows, name, "count") for name in ("tAnswered", "tAbandon"))
        waits = [row["max"] for row in rows if row["metric"] == "tAnswered"]
        level, (target, threshold) = service_level(rows), levels(queue, media)
        found.append(
            {
                "interval_start": known.start,
                "interval_end": known.end,
                "local_date": known.local_date,
                "queue_id": queue,
                "queue_name": known.queues.get(queue, queue),
                "media_type": media,
                "offered": offered,
                "answered": answered,
                "abandoned": abandoned,
                "short_abandoned": short,
                "flowed_out": total(rows, "tFlowOut", "count"),
                "within_threshold": level["service_level_numerator"],
                "measured": level["service_level_denominator"],
                "service_level": level["service_level"],
                "target": target,
                "threshold_seconds": times(threshold, 1 / 1000),
                "target_reported": level["service_level_target"],
                "average_speed_of_answer_seconds": times(ratio(total(rows, "tAnswered", "sum"), answered), 1 / 1000),
                "longest_wait_for_answer_seconds": max(waits) / 1000 if waits else None,
                "average_wait_before_abandoning_seconds": times(
                    ratio(total(rows, "tAbandon", "sum"), abandoned), 1 / 1000
                ),
                "abandon_rate": ratio(abandoned or 0, offered),
                "abandon_rate_without_short": None
                if offered is None
                else ratio((abandoned or 0) - (short or 0), offered - (short or 0)),
            }
        )
    return found


def conversation_type(known: Knowledge) -> list[Row]:
    groups = grouped(known.began, lambda item: (*known.step(moment(item["conversationStart"]), HOUR), media_type(item)))
    rows = []
    for (start, end, media), begun in groups.items():
        duration, held = _sum(map(duration_ms, begun)), _sum(_values(sessions(begun), "tHeldComplete"))
        rows.append(
            {
                "interval_start": start,
                "interval_end": end,
                "media_type": media,
                "conversation_count": len(begun),
                "duration_seconds": times(duration, 1 / 1000),
                "wait_time_seconds": times(_sum(_values(sessions(begun), "tAcd")), 1 / 1000),
                "hold_time_seconds": times(held, 1 / 1000),
                "hold_percentage": times(ratio(held, duration), 100),
            }
        )
    return rows


def conversation_quality(known: Knowledge) -> list[Row]:
    inside = [session for session in sessions(known.began) if session.purpose in ("acd", "agent")]
    groups = grouped(inside, lambda session: (session.media_type, session.queue_id))
    members = {key: {session.id: session.conversation for session in found} for key, found in groups.items()}
    touching = {session.id for session in inside}
    for conversation in known.began:
        if conversation["conversationId"] not in touching:
            alone = members.setdefault((media_type(conversation), None), {})
            alone[conversation["conversationId"]] = conversation
    return [
        _quality(known, media, queue, list(touched.values()), groups.get((media, queue), []))
        for (media, queue), touched in members.items()
    ]


def _quality(known: Knowledge, media: str, queue: str | None, touched: list[Item], of_group: list[Session]) -> Row:
    durations = [ms for ms in map(duration_ms, touched) if ms is not None]
    spoken = [one for one in of_group if one.purpose == "agent" and "conversationEnd" in one.conversation]
    duration = _sum(durations)
    talk_ratio, hold_ratio = (
        ratio(_sum(_values(spoken, metric)), duration) for metric in ("tTalkComplete", "tHeldComplete")
    )
    codes = sorted({step["wrapUpCode"] for one in of_group for step in one.item["segments"] if "wrapUpCode" in step})
    return {
        "interval_start": known.start,
        "interval_end": known.end,
        "media_type": media,
        "queue_id": queue,
        "queue_name": None if queue is None else known.queues.get(queue, queue),
        "conversation_count": len(touched),
        "avg_duration_seconds": times(ratio(duration, len(durations)), 1 / 1000),
        "talk_ratio": talk_ratio,
        "hold_ratio": hold_ratio,
        "efficiency_score": None if hold_ratio is None else max(0.0, 100 - 50 * hold_ratio),
        "unique_wrapup_codes": codes or None,
        "unique_wrapup_code_names": [known.wrapup_codes.get(code) or SYSTEM_CODES.get(code, code) for code in codes]
        or None,
    }


def _average_handle_time(rows: list[Row]) -> float | None:
    return ratio(total(rows, "tHandle", "sum"), total(rows, "tHandle", "count"))


def _values(found: Iterable[Session], metric: str) -> list[int]:
    return [value for session in found for _, _, value in session.emitted(metric)]


def _sum(values: Iterable[int | None]) -> int | None:
    there = [value for value in values if value is not None]
    return sum(there) if there else None

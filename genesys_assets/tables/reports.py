"""What a business reads: the built-in reports, each a pure function of tables.

Every figure is a sum of parts: the parts are stacked as rows with the same keys and summed once, so a figure whose
parts are all absent is null and a group may have a null in its key. Averages and ratios are quotients of such sums.
Agent and interval figures count at the time a metric was emitted; conversation_type and conversation_quality at
conversationStart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.queries import Granularity
from genesys_assets.tables.names import named, system_name
from genesys_assets.tables.sources import granularity_of
from genesys_assets.tables.spec import INSTANT, TableSpec, columns

BY_QUEUE = "mediaType,queueId"
BY_USER = "mediaType,userId"
"""How `interval_metrics` are grouped: see its column `grouping`."""


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open span of time a report covers."""

    start: datetime
    end: datetime


_INTERVAL = columns("""
interval_start instant begin, inclusive
interval_end instant end, exclusive
""")
_AGENT = columns("""
user_id string the agent
user_name string the agent's name on that day; the id where no name was ever known
conversation_count integer distinct conversations in which a session of the agent emitted tHandle in the interval
total_handle_time_minutes number sum of tHandle
total_wrap_up_minutes number sum of tAcw
total_talk_time_minutes number sum of tTalkComplete
total_hold_time_minutes number sum of tHeldComplete
average_handle_time_seconds number sum of tHandle / count of tHandle
""")
_SERVICE_LEVEL = columns("""
service_level number numerator / denominator, 0 to 1
service_level_numerator number sum of oServiceLevel's numerators
service_level_denominator number sum of oServiceLevel's denominators
service_level_target number the target; null where the parts have different ones
""")

AGENT_HOURLY = TableSpec(
    "agent_hourly",
    "One row per agent and UTC hour in which one of these metrics of the agent was emitted.",
    ("interval_start", "user_id"),
    _INTERVAL + _AGENT,
    partition_column="interval_start",
)
AGENT_DAILY = TableSpec(
    "agent_daily",
    "One row per agent and business day in which one of these metrics of the agent was emitted.",
    ("interval_start", "user_id"),
    _INTERVAL + _AGENT,
)
INTERVAL = TableSpec(
    "interval",
    "One row per interval in which a conversation began or a metric was emitted, all queues and media together.",
    ("interval_start",),
    _INTERVAL
    + columns("""
conversation_count integer conversations that began in the interval
handled_count integer count of tHandle
abandoned_count integer count of tAbandon
average_handle_time_seconds number sum of tHandle / count of tHandle
""")
    + _SERVICE_LEVEL,
    partition_column="interval_start",
)
QUEUE_MEDIA = TableSpec(
    "queue_media",
    "One row per queue and media type in which a metric was emitted on the business day; queue null: without a queue.",
    ("interval_start", "queue_id", "media_type"),
    _INTERVAL
    + columns("""
queue_id string the queue
queue_name string the queue's name on that day; the id where no name was ever known
media_type string media type
total_interactions integer count of nOffered + count of nOutbound
total_handle_time_ms integer sum of tHandle
talk_time_ms integer sum of tTalkComplete
hold_time_ms integer sum of tHeldComplete
wait_time_ms integer sum of tWait
wrap_time_ms integer sum of tAcw
average_handle_time_ms number sum of tHandle / count of tHandle
answered integer count of tAnswered
abandoned integer count of tAbandon
""")
    + _SERVICE_LEVEL,
    null_in_key=("queue_id", "media_type"),
)
CONVERSATION_TYPE = TableSpec(
    "conversation_type",
    "One row per UTC hour and media type in which conversations began.",
    ("interval_start", "media_type"),
    _INTERVAL
    + columns("""
media_type string media type of the conversations
conversation_count integer conversations that began in the hour
duration_seconds number sum of their durations, complete ones only
wait_time_seconds number sum of tAcd of all their sessions
hold_time_seconds number sum of tHeldComplete of all their sessions
hold_percentage number 100 * hold time / duration
"""),
    partition_column="interval_start",
    null_in_key=("media_type",),
)
CONVERSATION_QUALITY = TableSpec(
    "conversation_quality",
    "One row per media type and queue that the day's conversations touched with an acd or agent session. "
    "A conversation counts once in every group it touches, and under queue null if it touches none: "
    "counts are not additive over queues.",
    ("interval_start", "media_type", "queue_id"),
    _INTERVAL
    + columns("""
media_type string media type
queue_id string the queue
queue_name string the queue's name on that day; the id where no name was ever known
conversation_count integer conversations that touched the group
avg_duration_seconds number mean duration, complete ones only
talk_ratio number tTalkComplete of the group's agent sessions / duration, complete conversations only
hold_ratio number tHeldComplete of the group's agent sessions / duration, complete conversations only
efficiency_score number 100 - 50 * hold_ratio, at least 0
unique_wrapup_codes strings distinct wrapUpCode of the group's sessions, sorted
unique_wrapup_code_names strings their names in the same order; the code itself where it has none
"""),
    null_in_key=("media_type", "queue_id"),
)

REPORTS: tuple[TableSpec, ...] = (
    AGENT_HOURLY,
    AGENT_DAILY,
    INTERVAL,
    QUEUE_MEDIA,
    CONVERSATION_TYPE,
    CONVERSATION_QUALITY,
)


def agent_hourly(interval_metrics: pa.Table, session_metrics: pa.Table, users: pa.Table, window: Window) -> pa.Table:
    """`AGENT_HOURLY` of the hours in the window. `session_metrics` are the tHandle rows of all conversations that may
    reach into it.
    """
    return _agents(AGENT_HOURLY, interval_metrics, session_metrics, users, window, "PT1H")


def agent_daily(interval_metrics: pa.Table, session_metrics: pa.Table, users: pa.Table, window: Window) -> pa.Table:
    """`AGENT_DAILY` of the business day that the window is. Inputs as for `agent_hourly`."""
    return _agents(AGENT_DAILY, interval_metrics, session_metrics, users, window, "P1D")


def interval(
    interval_metrics: pa.Table, conversations: pa.Table, window: Window, granularity: Granularity = "PT15M"
) -> pa.Table:
    """`INTERVAL` of the window, in steps of the granularity, or of imported buckets where these are longer."""
    of_queues = interval_metrics.filter(pc.equal(interval_metrics["grouping"], BY_QUEUE))
    granularity = granularity_of(of_queues, granularity)
    began = _within(conversations, "conversation_start", window)
    began = began.append_column("interval_start", _floor(began["conversation_start"], window, granularity))
    measured = _measured(interval_metrics, BY_QUEUE, window, granularity)
    sums = _sums(
        ["interval_start"],
        _figures(
            measured,
            ["interval_start"],
            handled_count=("tHandle", "count"),
            handle_time=("tHandle", "sum"),
            abandoned_count=("tAbandon", "count"),
            **_SERVICE_LEVEL_PARTS,
        ),
        began.select(["interval_start"]).append_column("conversation_count", _ones(began)),
    )
    return _finish(
        INTERVAL,
        sums,
        _interval_end(sums, window, granularity)
        | _service_level(sums, measured, ["interval_start"])
        | {"average_handle_time_seconds": _scaled(_ratio(sums["handle_time"], sums["handled_count"]), 1000)},
    )


def queue_media(interval_metrics: pa.Table, queues: pa.Table, window: Window) -> pa.Table:
    """`QUEUE_MEDIA` of the business day that the window is."""
    keys = ["interval_start", "queue_id", "media_type"]
    measured = _measured(interval_metrics, BY_QUEUE, window, "P1D")
    sums = _sums(
        keys,
        _figures(
            measured,
            keys,
            offered=("nOffered", "count"),
            outbound=("nOutbound", "count"),
            total_handle_time_ms=("tHandle", "sum"),
            handled_count=("tHandle", "count"),
            talk_time_ms=("tTalkComplete", "sum"),
            hold_time_ms=("tHeldComplete", "sum"),
            wait_time_ms=("tWait", "sum"),
            wrap_time_ms=("tAcw", "sum"),
            answered=("tAnswered", "count"),
            abandoned=("tAbandon", "count"),
            **_SERVICE_LEVEL_PARTS,
        ),
    )
    return _finish(
        QUEUE_MEDIA,
        sums,
        _interval_end(sums, window, "P1D")
        | _service_level(sums, measured, keys)
        | {
            "queue_name": named(sums["queue_id"], queues),
            "total_interactions": _plus(sums["offered"], sums["outbound"]),
            "average_handle_time_ms": _ratio(sums["total_handle_time_ms"], sums["handled_count"]),
        },
    )


def conversation_type(conversations: pa.Table, session_metrics: pa.Table, window: Window) -> pa.Table:
    """`CONVERSATION_TYPE` of conversations that began in the window. `session_metrics` are their tAcd and
    tHeldComplete rows.
    """
    keys = ["interval_start", "media_type"]
    began = _within(conversations, "conversation_start", window)
    began = began.append_column("interval_start", _floor(began["conversation_start"], window, "PT1H"))
    began = began.append_column("conversation_count", _ones(began))
    position = pc.index_in(session_metrics["conversation_id"], began["conversation_id"])
    emitted = pa.table(
        {name: began[name].take(position) for name in keys}
        | {
            "wait_time": _where(session_metrics, "tAcd", "value"),
            "hold_time": _where(session_metrics, "tHeldComplete", "value"),
        }
    ).filter(pc.is_valid(position))
    sums = _sums(keys, began.select([*keys, "conversation_count", "duration_ms"]), emitted)
    return _finish(
        CONVERSATION_TYPE,
        sums,
        _interval_end(sums, window, "PT1H")
        | {
            "duration_seconds": _scaled(sums["duration_ms"], 1000),
            "wait_time_seconds": _scaled(sums["wait_time"], 1000),
            "hold_time_seconds": _scaled(sums["hold_time"], 1000),
            "hold_percentage": pc.multiply(_ratio(sums["hold_time"], sums["duration_ms"]), 100.0),
        },
    )


def conversation_quality(
    conversations: pa.Table,
    sessions: pa.Table,
    session_metrics: pa.Table,
    segments: pa.Table,
    queues: pa.Table,
    wrapup_codes: pa.Table,
    window: Window,
) -> pa.Table:
    """`CONVERSATION_QUALITY` of the day that the window is.

    `sessions` and `segments` are those of acd and agent sessions, `session_metrics` the tTalkComplete and
    tHeldComplete rows of
    agent sessions.
    """
    keys = ["media_type", "queue_id"]
    touched = sessions.select(["conversation_id", *keys]).group_by(["conversation_id", *keys]).aggregate([])
    untouched = conversations.filter(
        pc.invert(pc.is_in(conversations["conversation_id"], touched["conversation_id"].combine_chunks()))
    ).select(["conversation_id", "media_type"])
    members = pa.concat_tables([touched, untouched], promote_options="default")
    duration = conversations["duration_ms"].take(
        pc.index_in(members["conversation_id"], conversations["conversation_id"])
    )
    complete = conversations.filter(pc.is_valid(conversations["duration_ms"]))["conversation_id"]
    spoken = session_metrics.filter(pc.is_in(session_metrics["conversation_id"], complete.combine_chunks()))
    sums = _sums(
        keys,
        members.select(keys)
        .append_column("conversation_count", _ones(members))
        .append_column("duration", duration)
        .append_column("complete", pc.if_else(pc.is_valid(duration), 1, None)),
        spoken.select(keys)
        .append_column("talk_time", _where(spoken, "tTalkComplete", "value"))
        .append_column("hold_time", _where(spoken, "tHeldComplete", "value")),
        segments.select(["media_type", "session_queue_id", "wrap_up_code"]).rename_columns([*keys, "code"]),
        distinct=("code",),
    )
    hold_ratio = _ratio(sums["hold_time"], sums["duration"])
    codes = [sorted(listed) for listed in sums["code"].to_pylist()]
    known = dict(zip(wrapup_codes["id"].to_pylist(), wrapup_codes["name"].to_pylist(), strict=True))
    return _finish(
        CONVERSATION_QUALITY,
        sums,
        {
            "interval_start": _constant(window.start, sums),
            "interval_end": _constant(window.end, sums),
            "queue_name": named(sums["queue_id"], queues),
            "avg_duration_seconds": _scaled(_ratio(sums["duration"], sums["complete"]), 1000),
            "talk_ratio": _ratio(sums["talk_time"], sums["duration"]),
            "hold_ratio": hold_ratio,
            "efficiency_score": pc.max_element_wise(
                pc.subtract(100.0, pc.multiply(50.0, hold_ratio)), 0.0, skip_nulls=False
            ),
            "unique_wrapup_codes": pa.array(codes, pa.list_(pa.string())),
            "unique_wrapup_code_names": pa.array(
                [[known.get(code) or system_name(code) or code for code in listed] for listed in codes],
                pa.list_(pa.string()),
            ),
        },
    )


_SERVICE_LEVEL_PARTS: dict[str, tuple[str, str]] = {
    "service_level_numerator": ("oServiceLevel", "numerator"),
    "service_level_denominator": ("oServiceLevel", "denominator"),
}


def _agents(
    spec: TableSpec,
    interval_metrics: pa.Table,
    session_metrics: pa.Table,
    users: pa.Table,
    window: Window,
    granularity: Granularity,
) -> pa.Table:
    keys = ["interval_start", "user_id"]
    measured = _measured(interval_metrics, BY_USER, window, granularity)
    measured = measured.filter(pc.is_valid(measured["user_id"]))
    sums = _sums(
        keys,
        _figures(
            measured,
            keys,
            handle_time=("tHandle", "sum"),
            handled=("tHandle", "count"),
            wrap_up=("tAcw", "sum"),
            talk_time=("tTalkComplete", "sum"),
            hold_time=("tHeldComplete", "sum"),
        ),
        _handled_conversations(session_metrics, window, granularity),
    )
    return _finish(
        spec,
        sums,
        _interval_end(sums, window, granularity)
        | {
            "user_name": named(sums["user_id"], users),
            "total_handle_time_minutes": _scaled(sums["handle_time"], 60_000),
            "total_wrap_up_minutes": _scaled(sums["wrap_up"], 60_000),
            "total_talk_time_minutes": _scaled(sums["talk_time"], 60_000),
            "total_hold_time_minutes": _scaled(sums["hold_time"], 60_000),
            "average_handle_time_seconds": _scaled(_ratio(sums["handle_time"], sums["handled"]), 1000),
        },
    )


def _handled_conversations(session_metrics: pa.Table, window: Window, granularity: Granularity) -> pa.Table:
    emitted = _within(session_metrics, "emit_date", window)
    emitted = emitted.filter(pc.and_(pc.equal(emitted["metric"], "tHandle"), pc.is_valid(emitted["user_id"])))
    emitted = emitted.append_column("interval_start", _floor(emitted["emit_date"], window, granularity))
    distinct = (
        emitted.select(["interval_start", "user_id", "conversation_id"])
        .group_by(["interval_start", "user_id", "conversation_id"])
        .aggregate([])
    )
    return distinct.select(["interval_start", "user_id"]).append_column("conversation_count", _ones(distinct))


def _within(table: pa.Table, instant: str, window: Window) -> pa.Table:
    start, end = (pa.scalar(bound, INSTANT) for bound in (window.start, window.end))
    return table.filter(pc.and_(pc.greater_equal(table[instant], start), pc.less(table[instant], end)))


def _measured(interval_metrics: pa.Table, grouping: str, window: Window, granularity: Granularity) -> pa.Table:
    """The window's rows of one grouping, their interval_start moved to that of the report."""
    rows = _within(interval_metrics, "interval_start", window)
    rows = rows.filter(pc.equal(rows["grouping"], grouping))
    floor = _floor(rows["interval_start"], window, granularity)
    return rows.set_column(rows.schema.get_field_index("interval_start"), "interval_start", floor)


_MINUTES = {"PT15M": 15, "PT30M": 30, "PT1H": 60}


def _floor(instants: pa.ChunkedArray, window: Window, granularity: Granularity) -> pa.ChunkedArray:
    if granularity == "P1D":
        return pa.chunked_array([pa.array([window.start] * len(instants), INSTANT)])
    return pc.floor_temporal(instants, multiple=_MINUTES[granularity], unit="minute")


def _interval_end(sums: pa.Table, window: Window, granularity: Granularity) -> dict[str, Any]:
    if granularity == "P1D":
        return {"interval_end": _constant(window.end, sums)}
    step = pa.scalar(_MINUTES[granularity] * 60_000, pa.duration("ms"))
    return {"interval_end": pc.add(sums["interval_start"], step)}


def _figures(rows: pa.Table, keys: list[str], **parts: tuple[str, str]) -> pa.Table:
    """The rows with one column per part, holding the statistic where the row is of that metric and null elsewhere."""
    return pa.table(
        {key: rows[key] for key in keys}
        | {name: _where(rows, metric, statistic) for name, (metric, statistic) in parts.items()}
    ).filter(pc.is_in(rows["metric"], pa.array([metric for metric, _ in parts.values()])))


def _where(rows: pa.Table, metric: str, column: str) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(rows["metric"], metric), rows[column], pa.scalar(None, rows[column].type))


def _sums(keys: list[str], *parts: pa.Table, distinct: Iterable[str] = ()) -> pa.Table:
    """Stack the parts and sum every column that is no key; a sum of nothing but nulls is null."""
    stacked = pa.concat_tables(parts, promote_options="default")
    summed = [name for name in stacked.column_names if name not in (*keys, *distinct)]
    at_least_one = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
    valid = pc.CountOptions(mode="only_valid")
    grouped = stacked.group_by(keys).aggregate(
        [(name, "sum", at_least_one) for name in summed] + [(name, "distinct", valid) for name in distinct]
    )
    return grouped.select(
        [*keys, *(f"{name}_sum" for name in summed), *(f"{name}_distinct" for name in distinct)]
    ).rename_columns([*keys, *summed, *distinct])


def _finish(spec: TableSpec, sums: pa.Table, derived: Mapping[str, Any]) -> pa.Table:
    everything = {name: derived[name] if name in derived else sums[name] for name in spec.schema.names}
    table = spec.conform(pa.table(everything))
    return table.sort_by([(name, "ascending") for name in spec.key])


def _service_level(sums: pa.Table, measured: pa.Table, keys: list[str]) -> dict[str, Any]:
    targets = measured.filter(pc.equal(measured["metric"], "oServiceLevel")).select([*keys, "target"])
    extremes = targets.group_by(keys).aggregate([("target", "min"), ("target", "max")])
    same = {
        tuple(row[key] for key in keys): row["target_min"]
        for row in extremes.to_pylist()
        if row["target_min"] == row["target_max"]
    }
    target = [same.get(tuple(row.values())) for row in sums.select(keys).to_pylist()]
    return {
        "service_level": _ratio(sums["service_level_numerator"], sums["service_level_denominator"]),
        "service_level_target": pa.array(target, pa.float64()),
    }


def _ratio(numerator: pa.ChunkedArray, denominator: pa.ChunkedArray) -> pa.ChunkedArray:
    """numerator / denominator; null where the denominator is 0 or either is null."""
    divisor = denominator.cast(pa.float64())
    divisor = pc.if_else(pc.equal(divisor, 0.0), pa.scalar(None, pa.float64()), divisor)
    return pc.divide(numerator.cast(pa.float64()), divisor)


def _scaled(milliseconds: pa.ChunkedArray, divisor: int) -> pa.ChunkedArray:
    return pc.divide(milliseconds.cast(pa.float64()), float(divisor))


def _plus(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Their sum, an absent one counting 0 if the other is there."""
    return pc.if_else(pc.is_valid(one), pc.add(one, other.fill_null(0)), other)


def _ones(table: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(1, pa.int64()), len(table))


def _constant(instant: datetime, table: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(instant, INSTANT), len(table))

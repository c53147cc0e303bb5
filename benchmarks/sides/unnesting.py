"""Turns parsed conversations into typed columns by hand: for the sides whose library gives Python objects, not
tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rounds import flat

Child = Callable[[Any, str], Any]
"""A field of an item by its name on the wire, None where it is absent."""
Column = Callable[[list[Any], str, Any], list[Any]]
"""One column: the values of that name in all items. The last argument is the type in the model."""

_PARENTS = {
    "participants": "conversations",
    "sessions": "participants",
    "segments": "sessions",
    "session_metrics": "sessions",
    "media_endpoint_stats": "sessions",
    "flow_outcomes": "sessions",
    "evaluations": "conversations",
    "surveys": "conversations",
    "resolutions": "conversations",
}
"""The tables below conversations, each with the one that it hangs on."""
_WIRE = {
    "session_metrics": "metrics",
    "media_endpoint_stats": "mediaEndpointStats",
    "flow_outcomes": "outcomes",
}
_CONVERSATION = ("conversationId", "conversationStart")
_PARTICIPANT = (*_CONVERSATION, "participantId", "purpose", "userId")
_KEYS = {
    "conversations": _CONVERSATION,
    "participants": _PARTICIPANT,
    "sessions": (*_PARTICIPANT, "sessionId", "mediaType"),
}
_TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "instant": pa.timestamp("ms", tz="UTC"),
}


def tables_of(conversations: list[Any], model: dict[str, Any], child: Child, column: Column) -> dict[str, pa.Table]:
    """All tables of the conversations."""
    made = {"conversations": _columns(conversations, model, column)}
    items = {"conversations": conversations}
    fields = {"conversations": model}
    for table, parent in _PARENTS.items():
        wire = _WIRE.get(table, table)
        parents = items[parent]
        if table == "flow_outcomes":
            parents = [child(session, "flow") for session in parents]
            fields[table] = fields[parent]["flow"][wire][0]
        else:
            fields[table] = fields[parent][wire][0]
        positions, items[table] = _unnested(parents, wire, child)
        inherited = {key: made[parent][key].take(positions) for key in _KEYS[parent]}
        if table == "flow_outcomes":
            inherited["flow.flowId"] = made[parent]["flow.flowId"].take(positions)
        made[table] = inherited | _columns(items[table], fields[table], column)
        if table == "sessions":
            flows = [child(session, "flow") for session in items[table]]
            flow = _columns(flows, fields[table]["flow"], column)
            made[table] |= {f"flow.{name}": values for name, values in flow.items()}
    return {name: pa.table(columns) for name, columns in made.items()}


def _unnested(parents: Iterable[Any], wire: str, child: Child) -> tuple[pa.Array, list[Any]]:
    """The elements of a list field, and each element's position in the parents."""
    positions, items = [], []
    for position, parent in enumerate(parents):
        for item in (parent is not None and child(parent, wire)) or ():
            positions.append(position)
            items.append(item)
    return pa.array(positions, pa.int64()), items


def _columns(items: list[Any], fields: dict[str, Any], column: Column) -> dict[str, pa.Array]:
    return {name: _array(column(items, name, type_), type_) for name, type_ in flat(fields).items()}


def _array(values: list[Any], type_: Any) -> pa.Array:
    arrow = _arrow(type_)
    if type_ == "instant" and isinstance(next((value for value in values if value is not None), None), str):
        return pa.array(values, pa.string()).cast(arrow)
    return pa.array(values, arrow)


def _arrow(type_: Any) -> pa.DataType:
    if isinstance(type_, list):
        return pa.list_(_arrow(type_[0]))
    if isinstance(type_, dict):
        return pa.struct([(name, _arrow(member)) for name, member in type_.items()])
    return _TYPES[type_]


def write(made: dict[str, pa.Table], folder: Path) -> None:
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=1)


def column_of(table: pa.Table, wire: str) -> list[Any]:
    values: list[Any] = table[wire].to_pylist()
    return values

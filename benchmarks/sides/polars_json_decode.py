"""polars: `str.json_decode` with the model's type, then `explode` and `unnest` a level at a time.

    python polars_json_decode.py FOLDER

It uses all CPUs, which is its default. Its JSON reader takes instants as text; they become instants in each table.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
from rounds import flat, model_of, page_bodies, serve_tables

_TYPES = {
    "string": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "instant": pl.String,
}
_CONVERSATION = ["conversationId", "conversationStart"]
_PARTICIPANT = [*_CONVERSATION, "participantId", "purpose", "userId"]
_SESSION = [*_PARTICIPANT, "sessionId", "mediaType"]


def main(folder: str) -> None:
    bodies, model = page_bodies(folder), model_of(folder)
    serve_tables(lambda: tables(bodies, model), write, len, column, packages=["polars"])


def tables(bodies: list[bytes], model: dict[str, Any]) -> dict[str, pl.DataFrame]:
    participant = model["participants"][0]
    session = participant["sessions"][0]
    flow = session["flow"]
    pages = pl.Series("page", [body.decode() for body in bodies])
    decoded = pages.str.json_decode(pl.Struct({"conversations": pl.List(_type(model))}))
    conversations = decoded.struct.field("conversations").explode().to_frame("item")
    conversations = conversations.select(pl.col("item").struct.field("*"))
    people = _children(conversations, "participants", _CONVERSATION)
    sessions = _children(people, "sessions", _PARTICIPANT)
    flows = sessions.select(*_SESSION, pl.col("flow").struct.field("*"))
    made = {
        "conversations": _finished(conversations, model),
        "participants": _finished(people, participant, _CONVERSATION),
        "sessions": _with_flow(sessions, flows, session, flow),
        "segments": _leaves(sessions, "segments", session, _SESSION),
        "session_metrics": _leaves(sessions, "metrics", session, _SESSION),
        "media_endpoint_stats": _leaves(sessions, "mediaEndpointStats", session, _SESSION),
        "flow_outcomes": _leaves(flows, "outcomes", flow, [*_SESSION, "flowId"]),
    }
    for name in ("evaluations", "surveys", "resolutions"):
        made[name] = _leaves(conversations, name, model, _CONVERSATION)
    return made


def _type(model: Any) -> pl.DataType:
    if isinstance(model, list):
        return pl.List(_type(model[0]))
    if isinstance(model, dict):
        return pl.Struct({name: _type(member) for name, member in model.items()})
    return _TYPES[model]()


def _children(parents: pl.DataFrame, wire: str, keys: list[str]) -> pl.DataFrame:
    rows = parents.select(*keys, wire).explode(wire).filter(pl.col(wire).is_not_null())
    return rows.select(*keys, pl.col(wire).struct.field("*"))


def _leaves(parents: pl.DataFrame, wire: str, fields: dict[str, Any], keys: list[str]) -> pl.DataFrame:
    return _finished(_children(parents, wire, keys), fields[wire][0], keys)


def _finished(rows: pl.DataFrame, fields: dict[str, Any], keys: list[str] | None = None) -> pl.DataFrame:
    types = {"conversationStart": "instant", **flat(fields)}
    names = [*(keys or []), *flat(fields)]
    return rows.select(_instant(name) if types.get(name) == "instant" else pl.col(name) for name in names)


def _instant(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ms", time_zone="UTC")


def _with_flow(
    sessions: pl.DataFrame, flows: pl.DataFrame, fields: dict[str, Any], flow: dict[str, Any]
) -> pl.DataFrame:
    named = _finished(flows, flow).rename(lambda name: f"flow.{name}")
    return _finished(sessions, fields, _PARTICIPANT).hstack(named)


def write(made: dict[str, pl.DataFrame], folder: Path) -> None:
    for name, table in made.items():
        table.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=1)


def column(table: pl.DataFrame, wire: str) -> list[Any]:
    return table[wire].to_list()


if __name__ == "__main__":
    main(sys.argv[1])

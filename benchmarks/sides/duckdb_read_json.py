"""DuckDB: `read_json` with the model's type, then one `unnest` a level.

    python duckdb_read_json.py FOLDER

It reads the page files itself; they are in the page cache. It uses all CPUs, which is its default.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
from rounds import flat, model_of, serve_tables

_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "instant": "TIMESTAMPTZ",
}
_CONVERSATION = ["conversationId", "conversationStart"]
_PARTICIPANT = [*_CONVERSATION, "participantId", "purpose", "userId"]
_SESSION = [*_PARTICIPANT, "sessionId", "mediaType"]
_LARGEST_PAGE = 64 << 20


def main(folder: str) -> None:
    statements = [_read(folder), *_unnest(model_of(folder))]
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    serve_tables(
        lambda: make(database, statements),
        lambda made, target: write(database, made, target),
        lambda table: database.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0],
        lambda table, wire: [row[0] for row in database.sql(f'SELECT "{wire}" FROM {table}').fetchall()],
        packages=["duckdb"],
    )


def make(database: duckdb.DuckDBPyConnection, statements: list[str]) -> dict[str, str]:
    for statement in statements:
        database.execute(statement)
    return {name: name for name in TABLES}


TABLES = (
    "conversations",
    "participants",
    "sessions",
    "segments",
    "session_metrics",
    "media_endpoint_stats",
    "flow_outcomes",
    "evaluations",
    "surveys",
    "resolutions",
)


def write(database: duckdb.DuckDBPyConnection, made: dict[str, str], folder: Path) -> None:
    for name in made:
        database.execute(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")


def _read(folder: str) -> str:
    columns = f"{{'conversations': '{_type(model_of(folder))}[]'}}"
    return f"""
        CREATE OR REPLACE TEMP TABLE raw AS
        SELECT unnest(conversations) AS c
        FROM read_json('{folder}/*.json', columns = {columns}, format = 'unstructured',
                       maximum_object_size = {_LARGEST_PAGE})
    """


def _type(model: Any) -> str:
    if isinstance(model, list):
        return f"{_type(model[0])}[]"
    if isinstance(model, dict):
        members = ", ".join(f'"{name}" {_type(member)}' for name, member in model.items())
        return f"STRUCT({members})"
    return _TYPES[model]


def _unnest(model: dict[str, Any]) -> list[str]:
    participant = model["participants"][0]
    session = participant["sessions"][0]
    flow = session["flow"]
    return [
        _table("conversations", "SELECT c FROM raw", [], _members("c", model)),
        _table("people", f"SELECT {_keys('c', _CONVERSATION)}, unnest(c.participants) AS p FROM raw", [], ["*"]),
        _table("participants", "FROM people", _CONVERSATION, _members("p", participant)),
        _table(
            "talks",
            f"SELECT {_names(_CONVERSATION)}, {_keys('p', _PARTICIPANT[2:])}, unnest(p.sessions) AS s FROM people",
            [],
            ["*"],
        ),
        _table(
            "sessions",
            "FROM talks",
            _PARTICIPANT,
            [*_members("s", session), *_members("s.flow", flow, prefix="flow.")],
        ),
        *(
            _table(
                table,
                f"SELECT {_names(_PARTICIPANT)}, {_keys('s', _SESSION[5:])}, unnest(s.{wire}) AS x FROM talks",
                _SESSION,
                _members("x", session[wire][0]),
            )
            for table, wire in (
                ("segments", "segments"),
                ("session_metrics", "metrics"),
                ("media_endpoint_stats", "mediaEndpointStats"),
            )
        ),
        _table(
            "flow_outcomes",
            f'SELECT {_names(_PARTICIPANT)}, {_keys("s", _SESSION[5:])}, s.flow.flowId AS "flow.flowId", '
            "unnest(s.flow.outcomes) AS x FROM talks",
            [*_SESSION, "flow.flowId"],
            _members("x", flow["outcomes"][0]),
        ),
        *(
            _table(
                table,
                f"SELECT {_keys('c', _CONVERSATION)}, unnest(c.{table}) AS x FROM raw",
                _CONVERSATION,
                _members("x", model[table][0]),
            )
            for table in ("evaluations", "surveys", "resolutions")
        ),
    ]


def _table(name: str, rows: str, keys: list[str], members: list[str]) -> str:
    listed = ", ".join([*(f'"{key}"' for key in keys), *members])
    return f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {listed} FROM ({rows})"


def _members(struct: str, fields: dict[str, Any], prefix: str = "") -> list[str]:
    return [f'{struct}."{name}" AS "{prefix}{name}"' for name in flat(fields)]


def _keys(struct: str, names: list[str]) -> str:
    return ", ".join(f"{struct}.{name} AS {name}" for name in names)


def _names(names: list[str]) -> str:
    return ", ".join(names)


if __name__ == "__main__":
    main(sys.argv[1])

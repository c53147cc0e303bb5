"""Other engines read the tables of the lake as `Lake.read` does: the newest rows, even though older files lie beside
them.

DuckDB's own Delta reader shares no code with the writer of the tables. It needs another version of DuckDB, in a virtual
environment of its own: `make readers`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from genesys_assets.cloud.http.page import Page
from genesys_assets.lake.delta import Key
from genesys_assets.lake.frames import as_table
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.spec import Column, TableSpec
from genesys_assets_tests.assets.world import World
from genesys_assets_tests.lake.readers_venv import SCRIPT, duckdb_python

__all__ = ["duckdb_python"]

DAYS = ("2026-01-30", "2026-01-31", "2026-02-01")
NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)

INSTANT = pa.timestamp("us", "UTC")

NAMES: dict[str, tuple[Any, pa.DataType, str, Any, str]] = {
    # A value, its type in the lake, and its type in the engines: DuckDB, polars, pandas.
    "text": ("ä", pa.string(), "VARCHAR", pl.String(), "str"),
    "whole": (2**40, pa.int64(), "BIGINT", pl.Int64(), "int64"),
    "share": (0.5, pa.float64(), "DOUBLE", pl.Float64(), "float64"),
    "is_open": (True, pa.bool_(), "BOOLEAN", pl.Boolean(), "bool"),
    "began": (NOON, INSTANT, "TIMESTAMP WITH TIME ZONE", pl.Datetime("us", "UTC"), "datetime64[us, UTC]"),
    "day": (date(2026, 1, 31), pa.date32(), "DATE", pl.Date(), "object"),
    "price": (Decimal("1.10"), pa.decimal128(3, 2), "DECIMAL(3,2)", pl.Decimal(3, 2), "object"),
    "raw": (b"\xff", pa.binary(), "BLOB", pl.Binary(), "object"),
    "tags": (["a", None], pa.list_(pa.string()), "VARCHAR[]", pl.List(pl.String), "object"),
    "who": (
        {"id": "a", "ages": [4]},
        pa.struct([("id", pa.string()), ("ages", pa.list_(pa.int64()))]),
        "STRUCT(id VARCHAR, ages BIGINT[])",
        pl.Struct({"id": pl.String, "ages": pl.List(pl.Int64)}),
        "object",
    ),
}  # fmt: skip
Rows = list[dict[str, Any]]


def write(lake: Lake, place: str, key: Key, frame: Any) -> None:
    table = as_table(frame)
    spec = TableSpec(place, "", (), tuple(Column(field.name, field.type, "") for field in table.schema))
    lake.write(place, spec, table, key, {})


def write_pages(lake: Lake, place: str, keys: Sequence[Key], *bodies: bytes) -> None:
    with lake.page_writers(place, keys, {}) as writers:
        for writer in writers.values():
            for number, body in enumerate(bodies, start=1):
                writer.write(Page(number, "{}", NOON, "", body, as_of=NOON))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Tables with several versions; the files of older versions still lie in their folders."""
    lake = Lake(LocalStore(tmp_path_factory.mktemp("lake")))
    write(lake, "all_types", DAYS[0], pa.table({name: pa.array([v[0]], v[1]) for name, v in NAMES.items()}))
    write(lake, "with_nulls", DAYS[0], pa.table({name: pa.array([v[0], None], v[1]) for name, v in NAMES.items()}))
    write(lake, "never_partitioned", None, pd.DataFrame({"a": ["old"]}))
    write(lake, "never_partitioned", None, pd.DataFrame({"a": ["new"]}))
    for day, numbers in zip((*DAYS, DAYS[0]), ([1], [2, 3], [], [4, 5]), strict=True):
        write(lake, "read_again", day, pd.DataFrame({"n": pd.Series(numbers, dtype="int64")}))
    for day, value in zip(DAYS, (1, 0.5, 2), strict=True):
        write(lake, "became_float", day, pd.DataFrame({"n": [value]}))
    write(lake, "grew", DAYS[0], pd.DataFrame({"a": [None], "b": [None], "who": [{"id": 1}], "tags": [[]]}))
    write(lake, "grew", DAYS[1], pd.DataFrame({"a": ["x"], "who": [{"name": "y"}], "tags": [["t"]], "c": [NOON]}))
    write(lake, "only_nulls", DAYS[0], pd.DataFrame({"a": [None, None]}))
    write(lake, "empty", DAYS[0], pl.DataFrame({"a": []}))
    hours: list[Key] = [f"{DAYS[0]}-{hour:02d}:00" for hour in range(24)]
    write_pages(lake, "pages", hours, b"old")
    write_pages(lake, "pages", hours[5:7], b"new", b"\xff")
    lake.remove("pages", hours[20:])
    spec = TableSpec("snapshots", "", ("a",), (Column("a", pa.int64(), ""),))
    for number in range(12):
        lake.append("snapshots", spec, pa.table({"a": [number]}), NOON, {})
    return lake


def folders(lake: Lake, layers: str = "**") -> list[str]:
    root = Path(lake.place("", None))
    return sorted(str(log.parent.relative_to(root)) for log in root.glob(f"{layers}/_delta_log"))


def expected(lake: Lake, place: str) -> tuple[Rows, dict[str, pa.DataType]]:
    """The rows of all partitions by `Lake.read`, each with its partition as other engines show it."""
    log = lake.log(place)
    rows: Rows = []
    keys: list[Key] = [*log.partitions()] or [None]
    for key in keys:
        partition = {}
        if key is not None:
            partition = {"date": date.fromisoformat(key[:10])} | ({"hour": int(key[11:13])} if key[11:] else {})
        rows += [{**row, **partition} for row in lake.read(place, key, columns=log.schema().names).to_pylist()]
    return rows, {field.name: field.type for field in log.schema()}


# -- the engines; each returns the rows and, where it reports them, the types as Arrow types


def with_deltalake(folder: str) -> tuple[Rows, pa.Schema | None]:
    table = DeltaTable(folder).to_pyarrow_table()
    return table.to_pylist(), table.schema


def with_pandas(folder: str) -> tuple[Rows, pa.Schema | None]:
    return DeltaTable(folder).to_pandas().astype(object).to_dict("records"), None


def with_polars(folder: str) -> tuple[Rows, pa.Schema | None]:
    return pl.scan_delta(folder).collect().to_dicts(), None


def with_duckdb_over_arrow(folder: str) -> tuple[Rows, pa.Schema | None]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("stored", DeltaTable(folder).to_pyarrow_dataset())
        table = connection.sql("FROM stored").to_arrow_table()
    return table.to_pylist(), table.schema


def plain(value: Any) -> Any:
    """The Python value of any engine's value."""
    if isinstance(value, np.ndarray | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in sorted(value.items())}
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return pd.Timestamp(value).tz_convert("UTC").isoformat()
    return float(value) if isinstance(value, int | float | np.integer) else value


def multiset(rows: Rows) -> Counter[str]:
    return Counter(repr(plain(row)) for row in rows)


ENGINES = [with_deltalake, with_pandas, with_polars, with_duckdb_over_arrow]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_every_table_as_the_lake_does(
    lake: Lake, engine: Callable[[str], tuple[Rows, pa.Schema | None]]
) -> None:
    places = list(folders(lake))
    assert "all_types" in places
    for place in places:
        rows, types = expected(lake, place)
        read, schema = engine(lake.place(place, None))
        assert multiset(read) == multiset(rows), place
        if schema is not None:
            assert {name: schema.field(name).type for name in types} == types, place


def test_the_folders_hold_older_versions_that_a_glob_would_read_too(lake: Lake) -> None:
    for place in ("read_again", "became_float", "never_partitioned", "pages"):
        lying = {path for path in Path(lake.place(place, None)).rglob("*.parquet") if "_delta_log" not in path.parts}
        assert len(lying) > len(lake.log(place).every_file()), place
    newest, _ = expected(lake, "read_again")
    globbed = pl.read_parquet(f"{lake.place('read_again', None)}/date=*/*.parquet")
    assert (len(newest), len(globbed)) == (4, 5)


def test_what_polars_and_pandas_call_the_types(lake: Lake) -> None:
    folder = lake.place("all_types", None)
    polars_types = dict(pl.scan_delta(folder).collect_schema())
    pandas_types = DeltaTable(folder).to_pandas().dtypes.to_dict()
    for name, (_, _, _, in_polars, in_pandas) in NAMES.items():
        assert (polars_types[name], str(pandas_types[name])) == (in_polars, in_pandas), name


# -- DuckDB's own reader


def read_with_duckdb(
    python: Path, lake: Lake, target: Path, layers: str = "**"
) -> Iterator[tuple[str, pa.Table, dict[str, str]]]:
    """Each table of a lake with its rows, and the types as DuckDB names them."""
    places = folders(lake, layers)
    command = [
        str(python),
        str(SCRIPT),
        str(target),
        *(f"FROM delta_scan('{lake.place(place, None)}')" for place in places),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for number, (place, types) in enumerate(zip(places, json.loads(done.stdout), strict=True)):
        yield place, pq.read_table(target / f"{number}.parquet"), types


def test_duckdbs_own_reader_reads_every_table_as_the_lake_does(duckdb_python: Path, lake: Lake, tmp_path: Path) -> None:
    tables = list(read_with_duckdb(duckdb_python, lake, tmp_path))
    assert tables
    for place, table, _ in tables:
        rows, types = expected(lake, place)
        assert multiset(table.to_pylist()) == multiset(rows), place
        assert {name: table.schema.field(name).type for name in types} == types, place


def test_what_duckdb_calls_the_types(duckdb_python: Path, lake: Lake, tmp_path: Path) -> None:
    of_tables = {place: types for place, _, types in read_with_duckdb(duckdb_python, lake, tmp_path)}
    for name, (_, _, in_duckdb, _, _) in NAMES.items():
        assert of_tables["all_types"][name] == of_tables["with_nulls"][name] == in_duckdb
    assert of_tables["pages"]["date"] == "DATE"
    assert of_tables["pages"]["hour"] == "INTEGER"
    assert of_tables["became_float"]["n"] == "DOUBLE"


@pytest.mark.long
@pytest.mark.parametrize("layer", ["pages", "tables", "reports", "reference", "ops"])
def test_duckdbs_own_reader_reads_what_some_days_were_computed_to_as_the_lake_does(
    duckdb_python: Path, past_days: World, tmp_path: Path, layer: str
) -> None:
    places = []
    for place, table, _ in read_with_duckdb(duckdb_python, past_days.lake, tmp_path, f"{layer}/*"):
        rows, types = expected(past_days.lake, place)
        assert multiset(table.to_pylist()) == multiset(rows), place
        assert {name: table.schema.field(name).type for name in types} == types, place
        places.append(place)
    assert places

"""Reads Delta Lake tables with DuckDB's own reader, in a virtual environment without anything of this project.

    python read_with_duckdb.py TARGET TABLE…

Writes the rows of each table to TARGET/<number>.parquet, and prints the types of their columns as JSON, in the order of
the tables: `[{"n": "BIGINT"}, …]`.
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_ext


def main(target: Path, tables: list[str]) -> None:
    connection = duckdb.connect()
    (extension,) = Path(duckdb_ext.__path__[0]).glob(f"extensions/v{duckdb.__version__}/*/delta.duckdb_extension")
    connection.load_extension(str(extension))
    connection.execute("SET TimeZone = 'UTC'")
    types = []
    for number, table in enumerate(tables):
        rows = connection.sql(f"FROM delta_scan('{table}')")
        types.append(dict(zip(rows.columns, map(str, rows.types), strict=True)))
        rows.write_parquet(str(target / f"{number}.parquet"))
    print(json.dumps(types))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

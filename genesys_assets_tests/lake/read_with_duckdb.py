"""Asks DuckDB with its own Delta reader, in a virtual environment without anything of this project.

    python read_with_duckdb.py TARGET SQL…

Writes the rows of each query to TARGET/<number>.parquet, and prints the types of their columns as JSON, in the order of
the queries: `[{"n": "BIGINT"}, …]`.
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_ext


def main(target: Path, queries: list[str]) -> None:
    connection = duckdb.connect()
    (extension,) = Path(duckdb_ext.__path__[0]).glob(f"extensions/v{duckdb.__version__}/*/delta.duckdb_extension")
    connection.load_extension(str(extension))
    connection.execute("SET TimeZone = 'UTC'")
    types = []
    for number, query in enumerate(queries):
        rows = connection.sql(query)
        types.append(dict(zip(rows.columns, map(str, rows.types), strict=True)))
        rows.write_parquet(str(target / f"{number}.parquet"))
    print(json.dumps(types))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

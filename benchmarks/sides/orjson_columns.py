"""orjson, and columns made by hand: the code one writes without a library for nested data.

python orjson_columns.py FOLDER
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
import pyarrow as pa
from rounds import model_of, page_bodies, serve_tables
from unnesting import column_of, tables_of, write


def main(folder: str) -> None:
    bodies, model = page_bodies(folder), model_of(folder)
    serve_tables(
        lambda: tables(bodies, model),
        write,
        len,
        column_of,
        packages=["orjson", "pyarrow"],
        more={"parse": lambda: parse(bodies)},
    )


def tables(bodies: list[bytes], model: dict[str, Any]) -> dict[str, pa.Table]:
    conversations = [item for body in bodies for item in orjson.loads(body)["conversations"]]
    return tables_of(conversations, model, dict.get, column)


def column(items: list[Any], name: str, _: Any) -> list[Any]:
    return [None if item is None else item.get(name) for item in items]


def parse(bodies: list[bytes]) -> None:
    for body in bodies:
        orjson.loads(body)


if __name__ == "__main__":
    main(sys.argv[1])

"""`json.loads` and `pandas.json_normalize`: one call an answer. `python pandas_aggregates.py FOLDER`.

Values stay as json_normalize leaves them: no types, no key, no order.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd
from rounds import page_bodies, serve

KEYS = ["queueId", "userId", "mediaType", ["data", "interval"]]


def main(folder: str) -> None:
    bodies = page_bodies(folder)
    serve({"rows": lambda: rows(bodies)}, packages=["pandas"], facts=lambda: facts(rows(bodies)))


def rows(bodies: list[bytes]) -> pd.DataFrame:
    return pd.concat([_normalised(json.loads(body)["results"]) for body in bodies], ignore_index=True)


def _normalised(results: list[Any]) -> pd.DataFrame:
    """json_normalize does not reach into the object `group` by itself, so the group is flattened first."""
    for result in results:
        result.update(result.pop("group"))
    return pd.json_normalize(results, ["data", "metrics"], KEYS, errors="ignore")


def facts(table: pd.DataFrame) -> dict[str, Any]:
    return {
        "rows": len(table),
        "sum of counts": int(table["stats.count"].sum()),
        "sum of sums": int(table["stats.sum"].sum()),
        "sum of numerators": float(table["stats.numerator"].sum()),
        "rows with a queue": int(table["queueId"].notna().sum()),
        "buckets": int(table["data.interval"].nunique()),
    }


if __name__ == "__main__":
    main(sys.argv[1])

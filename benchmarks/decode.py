"""Turns page bytes into all tables of the conversation model, in memory and as Parquet: our code beside other
libraries, on the same pages in the same run. It also measures Arrow's and orjson's parsers alone, and where our time
goes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks import peers
from benchmarks.peers import Running, Side
from benchmarks.results import Result, Target
from benchmarks.stored_day import bodies, lake_at, page_files, stored_day

OURS = Side("ours", "ours")
NORMALISED = Side("json.loads + json_normalize", "pandas_json_normalize", "pandas")
SDK = Side("official SDK", "official_sdk", "official_sdk")
ORJSON = Side("orjson + columnar lists", "orjson_columns", "orjson")
DUCKDB = Side("DuckDB read_json", "duckdb_read_json", "duckdb")
POLARS = Side("polars json_decode", "polars_json_decode", "polars")
TABLES, PARQUET, PARSE, ASSET = "tables", "parquet", "parse", "asset"


def run(*, conversations: int, repeats: int) -> Result:
    with stored_day(conversations) as lake, page_files(pages := bodies(lake_at(lake))) as folder:
        arguments = {side: [folder] for side in (OURS, NORMALISED, SDK, ORJSON, DUCKDB, POLARS)}
        with peers.running({**arguments, OURS: [folder, lake]}) as sides:
            of = {side.side: side for side in sides}
            facts, wrong = peers.agreed(sides)
            peers.interleaved(sides, TABLES, repeats)
            peers.interleaved([side for side in sides if side.side != SDK], PARQUET, repeats)
            peers.interleaved([of[OURS], of[ORJSON]], PARSE, repeats)
            peers.interleaved([of[OURS]], ASSET, repeats)
    rows = [
        _row(side, of[NORMALISED], word, conversations)
        for word in (TABLES, PARQUET)
        for side in sides
        if word in side.seconds
    ]
    targets = [
        Target("bytes → tables, × json_normalize", _times(of[NORMALISED], of[OURS], TABLES), at_least=20),
        Target("bytes → tables, × json_normalize in CPU", _times_cpu(of[NORMALISED], of[OURS], TABLES), at_least=12),
        Target("bytes → Parquet, × json_normalize", _times(of[NORMALISED], of[OURS], PARQUET), at_least=8),
        Target("bytes → tables, × official SDK", _times(of[SDK], of[OURS], TABLES), at_least=30),
        Target("read_json alone, × orjson.loads alone", _times(of[ORJSON], of[OURS], PARSE), at_least=0.8),
    ]
    return Result(
        name="decode",
        sizes={"conversations": conversations, "pages": len(pages), "repeats": repeats},
        rows=rows,
        figures={
            "megabytes of JSON": round(sum(map(len, pages)) / 1e6, 1),
            "rows": sum(facts["rows"].values()),
            "conversations/s of all that the asset does": round(conversations / of[OURS].median(ASSET)),
            "shares of it": _shares(of[OURS].reported[ASSET]),
        },
        targets=targets,
        versions=peers.versions(sides),
        as_it_should=not wrong,
        remark="\n".join(wrong),
    )


def _row(side: Running, base: Running, word: str, conversations: int) -> dict[str, Any]:
    return {
        "to": word,
        "what": side.side.name,
        "seconds": round(side.median(word), 3),
        "× json_normalize": _times(base, side, word),
        "CPU s": round(side.median_cpu(word), 3),
        "× in CPU": round(base.median_cpu(word) / side.median_cpu(word), 2),
        "conversations/s": round(conversations / side.median(word)),
    }


def _times(other: Running, one: Running, word: str) -> float:
    """How many times as fast one is as the other."""
    return round(other.median(word) / one.median(word), 2)


def _times_cpu(other: Running, ours: Running, work: str) -> float:
    """The same for CPU seconds."""
    return round(other.median_cpu(work) / ours.median_cpu(work), 2)


def _shares(reported: list[dict[str, Any]]) -> str:
    seconds = sum((Counter(phases) for phases in reported), Counter[str]())
    return ", ".join(f"{name} {part / seconds.total():.0%}" for name, part in seconds.most_common())

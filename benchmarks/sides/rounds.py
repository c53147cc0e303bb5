"""The loop in which a side waits for the name of a piece of work on stdin, does it, and answers with a line of JSON.

All sides are started first and then work in turn, so that a busy machine slows all of them alike. Imports and reads
before the work are not timed.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Work = Callable[[], object]


class Figures(dict[str, float]):
    """Figures that a piece of work reports about itself, if it has any."""


def serve(work: Mapping[str, Work], *, packages: Sequence[str], facts: Callable[[], object] = lambda: None) -> None:
    """Answers each line of stdin until its end: `facts`, or the name of a piece of work, which is timed."""
    answer({"ready": True, "versions": versions_of(*packages)})
    for line in sys.stdin:
        word = line.strip()
        answer({"facts": facts()} if word == "facts" else timed(work[word]))


def timed(work: Work) -> dict[str, Any]:
    """Does the work once: `seconds` by the clock, `cpu` of all threads, and `reported`, the figures that it reports."""
    gc.collect()
    begun, used = time.perf_counter(), time.process_time()
    reported = work()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    return {"seconds": seconds, "cpu": cpu, "reported": reported if isinstance(reported, Figures) else None}


def versions_of(*packages: str) -> dict[str, str]:
    return {name: version(name) for name in packages}


def answer(content: Mapping[str, Any]) -> None:
    print(json.dumps(content, default=str), flush=True)


def peak_megabytes() -> int:
    """The peak of this process's resident memory, by Linux's own count where it exists."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) * 1024 / 1e6)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


def serve_tables(
    make: Callable[[], dict[str, Any]],
    write: Callable[[dict[str, Any], Path], object],
    rows: Callable[[Any], int],
    column: Callable[[Any, str], Iterable[Any]],
    *,
    packages: Sequence[str],
    more: Mapping[str, Work] | None = None,
) -> None:
    """Serves `tables`: all tables in memory, and `parquet`: all of them as files, which are then deleted.

    `rows` counts a table's rows, `column` gives one of its columns by the name on the wire.
    """

    def to_parquet() -> None:
        with tempfile.TemporaryDirectory() as folder:
            write(make(), Path(folder))

    work: dict[str, Work] = {"tables": make, "parquet": to_parquet, **(more or {})}
    serve(work, packages=packages, facts=lambda: facts_of(make(), rows, column))


def facts_of(
    tables: dict[str, Any], rows: Callable[[Any], int], column: Callable[[Any, str], Iterable[Any]]
) -> dict[str, Any]:
    """Facts on which all sides must agree: the rows of each table, and sums that come out wrong where rows are lost or
    mixed up."""
    sums: Counter[str] = Counter()
    metrics = tables["session_metrics"]
    for name, value in zip(column(metrics, "name"), column(metrics, "value"), strict=True):
        sums[name] += int(value)
    packets = _present(column(tables["media_endpoint_stats"], "receivedPackets"))
    return {
        "rows": {name: count for name, table in sorted(tables.items()) if (count := rows(table))},
        "sum of each metric": dict(sorted(sums.items())),
        "distinct conversations": len(set(column(tables["conversations"], "conversationId"))),
        "distinct sessions": len(set(column(tables["sessions"], "sessionId"))),
        "flows": len(_present(column(tables["sessions"], "flow.flowId"))),
        "segments with a wrap-up code": len(_present(column(tables["segments"], "wrapUpCode"))),
        "packets received": int(sum(packets)),
    }


def _present(values: Iterable[Any]) -> list[Any]:
    """Without missing values, which some libraries write as NaN."""
    return [value for value in values if value is not None and value == value]


def page_bodies(folder: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(folder).glob("*.json"))]


def model_of(folder: str) -> dict[str, Any]:
    """The documented fields of a conversation: an object is a dict, a list is a list of one, a value is the name of its
    type.

    Participant attributes are left out: the details query, which these pages came from, never returns them.
    """
    model: dict[str, Any] = json.loads((Path(folder) / "model").read_text())
    return model


def flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one level that become columns: all but those that become tables or columns of their own."""
    apart = {"participants", "sessions", "segments", "metrics", "mediaEndpointStats", "flow", "outcomes"}
    apart |= {"evaluations", "surveys", "resolutions"}
    return {name: type_ for name, type_ in fields.items() if name not in apart}

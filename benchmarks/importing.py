"""How much memory and CPU one very large saved file takes to import: a file of conversations, and one of figures.

Each is one JSON document of thirty days, imported by the command in a process of its own. The libraries take most of
the memory, so an import of a small file of as many days is measured for comparison.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.peers import ROOT
from benchmarks.results import Result, Target
from genesys_assets.cloud.analytics.interval import iso
from genesys_assets.sandbox.organisation import Organisation, encode

DAYS = 30
MOST_MEGABYTES = 200
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_METRICS = ("tHandle", "tTalk", "tAcw", "tHeld", "tAlert", "tAnswered", "nOffered", "nTransferred")
_QUEUES = 40
_IMPORT = (
    "import resource, sys, time\n"
    "from genesys_assets.cli.app import main\n"
    "sys.argv[0] = 'genesys-assets'\n"
    "try:\n"
    "    main()\n"
    "finally:\n"
    "    print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
)


def run(*, megabytes: int) -> Result:
    """Imports a file of that size of each kind, and a small one of as many days."""
    kinds: dict[str, Callable[[], Iterator[bytes]]] = {"conversations": _conversations, "figures": _figures}
    rows = [
        {"file": f"{kind}, {size:,} MB" if size else f"{kind}, small", **_imported(elements, size)}
        for kind, elements in kinds.items()
        for size in (0, megabytes)
    ]
    return Result(
        name="importing",
        sizes={"megabytes": megabytes, "days": DAYS},
        rows=rows,
        figures={},
        targets=[
            Target(f"peak memory, MB: {row['file']}", float(row["MB at most"]), at_most=MOST_MEGABYTES) for row in rows
        ],
    )


def _imported(elements: Callable[[], Iterator[bytes]], megabytes: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as name:
        folder = Path(name)
        number = _write(folder / "saved.json", elements, megabytes * 1_000_000)
        settings = {"GENESYS_ASSETS_LAKE": str(folder / "lake"), "DAGSTER_HOME": name, "TMPDIR": name}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GENESYS_")}
        command = [sys.executable, "-c", _IMPORT, "import", str(folder / "saved.json")]
        ended = subprocess.run(command, cwd=ROOT, env=clean | settings, check=True, stdout=subprocess.PIPE, text=True)
        cpu, peak = ended.stdout.split()[-2:]
        return {"elements": number, "CPU s": round(float(cpu), 1), "MB at most": round(float(peak) / 1024)}


def _write(file: Path, elements: Callable[[], Iterator[bytes]], size: int) -> int:
    """Write one document of about this many bytes, with at least a thousand elements; returns their number."""
    envelope = b'{"conversations":[' if elements is _conversations else b'{"granularity":"PT1H","results":['
    with file.open("wb") as saved:
        saved.write(envelope)
        for number, element in enumerate(elements()):
            if number >= 1_000 and saved.tell() >= size:
                break
            saved.write(b"," + element if number else element)
        saved.write(b"]}")
    return number


def _conversations() -> Iterator[bytes]:
    """The conversations of one sandbox day, repeated for other days, each with an id of its own. Those that go on at
    midnight are left out: moved to another day, they would end before they begin.
    """
    day = _FIRST.date()
    items = Organisation(conversations_per_day=500).conversations(day)
    written = [(encode(item).decode(), item["conversationId"]) for item in items]
    texts = [(text, id_) for text, id_ in written if f"{day + timedelta(days=1)}T" not in text]
    for number in itertools.count():
        text, id_ = texts[number % len(texts)]
        of_day = (_FIRST + timedelta(days=number % DAYS)).date()
        yield text.replace(id_, f"{number:032x}").replace(f"{day}T", f"{of_day}T").encode()


def _figures() -> Iterator[bytes]:
    """Hours of groups of agents and queues; one result holds a day of one group."""
    for number in itertools.count():
        group = {"queueId": f"queue-{number // DAYS % _QUEUES}", "userId": f"user-{number // DAYS // _QUEUES}"}
        start = _FIRST + timedelta(days=number % DAYS)
        data = [_hour(start + timedelta(hours=hour), number + hour) for hour in range(24)]
        yield json.dumps({"group": group | {"mediaType": "voice"}, "data": data}, separators=(",", ":")).encode()


def _hour(start: datetime, seed: int) -> dict[str, object]:
    count = seed % 9 + 1
    stats = {"count": count, "sum": count * 30_000.0, "min": 30_000.0, "max": 30_000.0}
    return {
        "interval": f"{iso(start)}/{iso(start + timedelta(hours=1))}",
        "metrics": [{"metric": metric, "stats": stats} for metric in _METRICS],
    }

"""What a day's conversation tables cost on S3: requests, bytes, and CPU of a small write; with a short and a long past.
It also measures how long they take where each request takes some milliseconds, beside a lake on this machine's disk.

The S3 server is the sandbox's; a server that notes each request stands in front of it. Both listen on the loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import counting_s3, past_days
from benchmarks.counting_s3 import CountingS3, Request
from benchmarks.peers import ROOT
from benchmarks.results import Result, Target
from benchmarks.sides.rounds import versions_of
from benchmarks.stored_day import DAY, store_day, store_hours
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox import object_store
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.sandbox.organisation import Organisation

SHORT_PAST = 10
_OTHER_PASTS = (0, 11, 12)
"""With these, a run finds each number of commits after a checkpoint that there may be."""
_BUCKET = "lake"
_UPLOADS_AT_ONCE = 8


class _AsOnS3(LocalStore):
    """A lake on this machine's disk with tables as they are on S3. The benchmark then copies them to S3."""

    commits_between_checkpoints = S3Store.commits_between_checkpoints


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a process of its own, and the requests that it made."""

    past: int
    name: str
    measured: dict[str, float]
    requests: Sequence[Request]

    @property
    def count(self) -> int:
        return len(self.requests)

    @property
    def table_bytes_read(self) -> int:
        return sum(each.read for each in self.requests if each.kind == "data file" and each.action == "GET")

    def row(self) -> dict[str, Any]:
        actions = Counter(each.action for each in self.requests)
        kinds = Counter(each.kind for each in self.requests)
        return {
            "days before": self.past,
            "step": self.name,
            "requests": self.count,
            **{action: actions[action] for action in ("GET", "PUT", "HEAD", "LIST")},
            **{f"of {kind}s": kinds[kind] for kind in ("log", "data file", "page file")},
            "MB sent": round(sum(each.sent for each in self.requests) / 1e6, 2),
            "MB read": round(sum(each.read for each in self.requests) / 1e6, 2),
            "table bytes read": self.table_bytes_read,
            "seconds": round(self.measured["seconds"], 2),
            "CPU s": round(self.measured["cpu"], 3),
        }


def run(*, conversations: int, days: int, latency: int, repeats: int) -> Result:
    """Makes the tables of a day, and again unchanged, in a new lake and in lakes with a past. In a new lake also where
    each request takes `latency` ms, and on disk, in turn.
    """
    steps: list[Step] = []
    with (
        tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as name,
        object_store.running() as server,
        counting_s3.in_front_of(server.endpoint_url) as counting,
    ):
        server.create_bucket(_BUCKET)
        organisation = Organisation(conversations_per_day=conversations)
        new = Path(name) / "new"
        store_hours(Lake(_AsOnS3(new)), organisation)
        store_day(Lake(_AsOnS3(new)), organisation)
        for past in sorted({SHORT_PAST, days, *_OTHER_PASTS}):
            folder = shutil.copytree(new, Path(name) / f"{past}")
            recent = past if past <= max(_OTHER_PASTS) else SHORT_PAST
            past_days.add_days(Lake(_AsOnS3(folder)), recent, past - recent)
            _upload(folder, server, f"past{past}")
            steps += _steps(server, counting, past)
        took = _seconds(server, new, latency, repeats)
    sizes = {"conversations": conversations, "days": days, "latency": latency, "repeats": repeats}
    return _result(steps, took, sizes)


def _seconds(server: ObjectStore, new: Path, latency: int, repeats: int) -> dict[str, float]:
    """How long a first run of the day's tables takes, by where the lake is: the median of several rounds."""
    found: dict[str, list[float]] = {"disk": [], "S3": []}
    with counting_s3.in_front_of(server.endpoint_url, latency) as slow:
        environment = os.environ | server.environment() | {"AWS_ENDPOINT_URL_S3": slow.endpoint_url}
        for number in range(repeats):
            folder = shutil.copytree(new, new.parent / f"disk{number}")
            _upload(folder, server, f"slow{number}")
            found["disk"].append(_measure("tables", str(folder), os.environ)["seconds"])
            found["S3"].append(_measure("tables", f"s3://{_BUCKET}/slow{number}", environment)["seconds"])
    return {where: round(median(seconds), 2) for where, seconds in found.items()}


def _steps(server: ObjectStore, counting: CountingS3, past: int) -> list[Step]:
    names = {"first": "tables", "unchanged": "tables", "small writes": "write"}
    return [_step(server, counting, past, name, what) for name, what in names.items()]


def _step(server: ObjectStore, counting: CountingS3, past: int, name: str, what: str) -> Step:
    location = f"s3://{_BUCKET}/past{past}"
    environment = os.environ | server.environment() | {"AWS_ENDPOINT_URL_S3": counting.endpoint_url}
    counting.take()
    return Step(past, name, _measure(what, location, environment), counting.take())


def _measure(what: str, location: str, environment: Mapping[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sides.our_day_on_s3", what, location, DAY]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    measured: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return measured


def _upload(folder: Path, server: ObjectStore, prefix: str) -> None:
    """Upload the files of a lake, bypassing the server that counts."""
    import boto3

    client: Any = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
    )
    files = [path for path in folder.rglob("*") if path.is_file() and ".drafts" not in path.parts]

    def upload(path: Path) -> None:
        client.put_object(Bucket=_BUCKET, Key=f"{prefix}/{path.relative_to(folder)}", Body=path.read_bytes())

    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as executor:
        list(executor.map(upload, files))


def _result(steps: Sequence[Step], took: dict[str, float], sizes: dict[str, int]) -> Result:
    by = {(step.past, step.name): step for step in steps}
    short, long = (SHORT_PAST, sizes["days"])
    runs = [step for step in steps if step.name in ("first", "unchanged")]
    more = [by[long, name].count - by[short, name].count for name in ("first", "unchanged")]
    return Result(
        name="s3",
        sizes=sizes,
        rows=[step.row() for step in steps],
        figures={"small writes a step": round(steps[-1].measured["writes"])}
        | {f"seconds on {where}": seconds for where, seconds in took.items()},
        targets=[
            Target("requests, first", max(step.count for step in runs if step.name == "first"), at_most=250),
            Target("requests, unchanged", max(step.count for step in runs if step.name == "unchanged"), at_most=150),
            Target("more requests with the long past", max(more), at_most=0),
            Target("bytes of table data read back", max(step.table_bytes_read for step in runs), at_most=0),
            Target("CPU ms of a small write", round(1000 * by[short, "small writes"].measured["cpu"], 1), at_most=40),
            Target("seconds with that latency, × on disk", round(took["S3"] / took["disk"], 2), at_most=1.5),
        ],
        versions=versions_of("deltalake", "boto3"),
    )

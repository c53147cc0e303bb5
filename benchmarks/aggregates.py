"""Turns answers of the aggregates query into one row per bucket, group and metric: our code beside json_normalize, on
the same answers in the same run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import peers
from benchmarks.peers import Side
from benchmarks.results import Result, Target
from genesys_assets.cloud.analytics import aggregates
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.regions import hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.sandbox.server import running

OURS = Side("ours", "our_aggregates")
NORMALISED = Side("json.loads + json_normalize", "pandas_aggregates", "pandas")
ROWS = "rows"
_QUESTIONS = (AggregateQuestion(group_by=("queueId", "mediaType")), AggregateQuestion(group_by=("userId", "mediaType")))


def run(*, conversations: int, repeats: int) -> Result:
    """A day at PT15M, by queue and by user."""
    pages = _answers(conversations)
    with _files(pages) as folder, peers.running({OURS: [folder], NORMALISED: [folder]}) as sides:
        facts, wrong = peers.agreed(sides)
        peers.interleaved(sides, ROWS, repeats)
    rows = [
        {
            "what": side.side.name,
            "seconds": round(side.median(ROWS), 3),
            "× json_normalize": round(sides[1].median(ROWS) / side.median(ROWS), 2),
            "CPU s": round(side.median_cpu(ROWS), 3),
            "× in CPU": round(sides[1].median_cpu(ROWS) / side.median_cpu(ROWS), 2),
            "rows/s": round(facts["rows"] / side.median(ROWS)),
        }
        for side in sides
    ]
    return Result(
        name="aggregates",
        sizes={"conversations": conversations, "repeats": repeats},
        rows=rows,
        figures={"megabytes of JSON": round(sum(len(page.body) for page in pages) / 1e6, 1), "rows": facts["rows"]},
        targets=[Target("answer → rows, × json_normalize", rows[0]["× json_normalize"], at_least=12)],
        versions=peers.versions(sides),
        as_it_should=not wrong,
        remark="\n".join(wrong),
    )


def _answers(conversations: int) -> list[Page]:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    interval = Interval(day, day + timedelta(days=1))
    with (
        running(conversations_per_day=conversations, requests_per_minute=None) as sandbox,
        GenesysCloud(hosts(None, sandbox.url, sandbox.url), sandbox.client_id, sandbox.client_secret) as cloud,
    ):
        return [aggregates.fetch(cloud, question.over(interval, "PT15M")) for question in _QUESTIONS]


@contextmanager
def _files(pages: list[Page]) -> Iterator[Path]:
    """Each answer as a file, and its request in a file beside it."""
    with tempfile.TemporaryDirectory(prefix="genesys_assets_benchmark_") as name:
        folder = Path(name)
        for number, page in enumerate(pages):
            (folder / f"{number}.json").write_bytes(page.body)
            (folder / f"{number}.request").write_text(page.request)
        yield folder

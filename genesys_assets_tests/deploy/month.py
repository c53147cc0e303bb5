"""A month of hours, tables, reports and published days, made by a cluster.

`python -m genesys_assets_tests.deploy.month`, or `make spread`. Two workers make it, with a low rate limit. One of them
loses its power in the middle, and another machine replaces it. This takes hours.

The result is compared with what one machine makes of the same days, and printed as JSON. The exit code is 1 unless all
is as it should be.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.tables.entities import ENTITIES
from genesys_assets_tests.assets.world import definitions
from genesys_assets_tests.deploy import spreading
from genesys_assets_tests.deploy.spreading import FIRST, HOURS, Spread

_PAGES = (*HOURS, "pages/daily_aggregates", "pages/daily_user_details")
_PATIENCE_SECONDS = 6 * 3600.0
LEAST, MOST = 0.35, 0.65
"""Which share of the runs each of two workers may have."""


def main() -> int:
    asked = _arguments()
    # This also holds if a shell started it in the background: its child processes must end with it.
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, lambda *_: sys.exit(1))
    assets = _assets()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(seed=11, conversations_per_day=asked.conversations) as sandbox,
    ):
        sandbox.access.requests_per_minute = asked.requests_per_minute
        # As if all processes had the same token.
        sandbox.access.share_one_budget()
        asked.folder.mkdir(parents=True, exist_ok=True)
        metrics = asked.folder / "runs.jsonl"
        metrics.unlink(missing_ok=True)
        with spreading.cluster(
            sandbox, edited={}, days_per_run=asked.days_per_run, patience=_PATIENCE_SECONDS, run_metrics=metrics
        ) as (cluster, deployment):
            _say(f"{asked.days} days of {len(assets)} assets in a cluster, to be seen at {cluster.url}")
            middle = 3 * asked.days // (2 * asked.days_per_run)
            spread = spreading.spread(sandbox, cluster, deployment, asked.days, assets, after=middle, is_replaced=True)
            ended = sum(map(len, spread.runs.values()))
            lines = deployment.wait_for(lambda: _lines(metrics, at_least=ended))
            found = _figures(spread, _answers(sandbox)) | _pacing(lines)
            _say(json.dumps(found))
            made = spreading.in_cluster(cluster, asked.days, assets)
            for part in (*cluster.services, *cluster.workers):
                (asked.folder / f"{part.name}.log").write_bytes(part.log.read_bytes())
        _say("The same days on one machine.")
        sandbox.access.requests_per_minute = None
        found["differences from one machine"] = made.differs_from(
            spreading.on_one_machine(sandbox, Path(folder), asked.days, assets)
        )
    found["as it should be"] = _is_well(found)
    print(json.dumps(found, indent=2))
    return 0 if found["as it should be"] else 1


def _assets() -> Sequence[str]:
    """Pages of hours and days, tables, reports, published files, and the names that reports show."""
    every = definitions(f"{FIRST}").resolve_asset_graph()
    found = {"/".join(key.path[1:]): every.get(key) for key in every.materializable_asset_keys}
    layers = (*_PAGES, "tables/", "reports/", "published/")
    of_days = [place for place, node in found.items() if node.partitions_def and place.startswith(layers)]
    return sorted({*of_days, *_names()})


def _names() -> Sequence[str]:
    return [f"reference/{name}{more}" for name in ENTITIES for more in ("", "_history")]


def _lines(metrics: Path, at_least: int) -> list[dict[str, Any]] | None:
    """The lines of the metrics. None if there are fewer than `at_least`."""
    lines = metrics.read_text().splitlines() if metrics.exists() else []
    return [json.loads(line) for line in lines] if len(lines) >= at_least else None


def _pacing(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How much of their time the runs that ask the platform wait for the rate limit."""
    asking = [line for line in lines if line["requests"]]
    return {
        "runs with requests": len(asking),
        "minutes of runs with requests": round(sum(line["seconds"] or 0 for line in asking) / 60, 1),
        "minutes they waited for the limit": round(sum(line["seconds_waited"] for line in asking) / 60, 1),
    }


def _answers(sandbox: Sandbox) -> dict[str, int]:
    return {f"{status}": count for status, count in Counter(each.status for each in sandbox.answered).items()}


def _figures(spread: Spread, answers: dict[str, int]) -> dict[str, Any]:
    runs = {worker: len(spread.succeeded(worker)) for worker in spread.runs}
    return {
        "backfills": spread.statuses,
        "minutes": round(spread.seconds / 60, 1),
        "minutes from the loss to the end of the first": round(spread.seconds_after_loss / 60, 1),
        "runs that succeeded": runs,
        "runs that failed": sum(run.status == "FAILURE" for of in spread.runs.values() for run in of),
        "share of worker_2": round(runs["worker_2"] / sum(runs.values()), 3),
        "answers by status": answers,
    }


def _is_well(found: dict[str, Any]) -> bool:
    return (
        {*found["backfills"]} == {"COMPLETED_SUCCESS"}
        and LEAST <= found["share of worker_2"] <= MOST
        and "429" not in found["answers by status"]
        # Without a wait the limit was too high to show anything.
        and found["minutes they waited for the limit"] > 0
        and not found["differences from one machine"]
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m genesys_assets_tests.deploy.month", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--days-per-run", type=int, default=1)
    parser.add_argument("--conversations", type=int, default=200, help="conversations a day")
    parser.add_argument("--requests-per-minute", type=int, default=100, help="what the sandbox allows the client")
    parser.add_argument("--folder", type=Path, default=Path(".spread"), help="where the logs go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

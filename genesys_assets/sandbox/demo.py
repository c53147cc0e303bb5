"""Runs one whole day on the sandbox, from reference data to published reports, through Dagster, over real HTTP and S3.

`make demo` runs it. Its exit code is 0 only if every report exists, and every URL in the manifest was fetched and
matched its sha256. It stops the servers that it starts; the lake and the page of the day stay in `.demo`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

    from genesys_assets.lake.lake import Lake

_BUCKET = "genesys-assets"
_MARKER = "made_by_make_demo"
_MADE = ("lake", "s3", "dagster", "day_page.html")
_POINTS_ELSEWHERE = ("GENESYS_CLOUD_", "GENESYS_ASSETS_LAKE", "GENESYS_ASSETS_PUBLISH", "GENESYS_ASSETS_ALERT", "AWS_")
_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def main() -> int:
    arguments = _arguments()
    day = arguments.day or f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    folder: Path = arguments.folder.absolute()
    if not clear(folder):
        _say(
            f"{folder} is not empty, and was not made by make demo: move it away, or name another folder with --folder"
        )
        return 1
    with surroundings(folder, start_date=day, conversations_per_day=arguments.conversations) as environment:
        _say(f"sandbox at {environment['GENESYS_CLOUD_API_URL']}, S3 at {environment['AWS_ENDPOINT_URL_S3']}")
        _materialise(day, folder / "dagster")
        lake = _lake()
        _print_reports(lake, day)
        page = folder / "day_page.html"
        complete = _verify(_manifest(day), day, page)
    _say(f"the lake stays at {folder / 'lake'}, the page of the day at {page}; sandbox and S3 server are stopped")
    return 0 if complete else 1


def clear(folder: Path) -> bool:
    """Removes what an earlier demo made in the folder, and nothing else. Returns whether the demo may write there."""
    marker = folder / _MARKER
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        return False
    for path in (folder / name for name in _MADE):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(f"make demo wrote {', '.join(_MADE)} here and removes them when it is run again.\n")
    return True


@contextmanager
def surroundings(
    folder: Path, *, start_date: str, conversations_per_day: int, more: Mapping[str, str] | None = None
) -> Iterator[Mapping[str, str]]:
    """Starts a sandbox organisation and an S3 server with a bucket, and sets the environment so that everything uses
    them, and nothing uses an organisation, bucket or webhook of yours. `more` are further variables. Yields the
    environment.
    """
    from genesys_assets.sandbox import object_store, server

    with (
        server.running(conversations_per_day=conversations_per_day) as sandbox,
        object_store.running(folder=folder / "s3") as store,
    ):
        environment = {
            "GENESYS_CLOUD_API_URL": sandbox.url,
            "GENESYS_CLOUD_LOGIN_URL": sandbox.url,
            "GENESYS_CLOUD_CLIENT_ID": sandbox.client_id,
            "GENESYS_CLOUD_CLIENT_SECRET": sandbox.client_secret,
            "GENESYS_ASSETS_START_DATE": start_date,
            "GENESYS_ASSETS_LAKE": str(folder / "lake"),
            "GENESYS_ASSETS_PUBLISH_URL": f"s3://{_BUCKET}/published",
            **store.environment(),
            **(more or {}),
        }
        foreign = [name for name in os.environ if name.startswith(_POINTS_ELSEWHERE)]
        before = {name: os.environ.get(name) for name in [*foreign, *environment]}
        for name in foreign:
            del os.environ[name]
        os.environ.update(environment)
        try:
            store.create_bucket(_BUCKET)
            yield environment
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _materialise(day: str, home: Path) -> None:
    """Runs the job `hourly` for all 24 hours at once, then the job `daily`, from reference data to publishing."""
    import dagster as dg

    from genesys_assets.automation.progress import RANGE_END, RANGE_START
    from genesys_assets.definitions import build_definitions

    home.mkdir(parents=True, exist_ok=True)
    definitions = build_definitions()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        hours = {RANGE_START: f"{day}-00:00", RANGE_END: f"{day}-23:00"}
        _run(definitions, "hourly", instance, tags=hours)
        _run(definitions, "daily", instance, partition_key=day)


def _run(definitions: dg.Definitions, job: str, instance: dg.DagsterInstance, **how: Any) -> None:
    began = datetime.now(UTC)
    _say(f"job {job} ...")
    result = definitions.resolve_job_def(job).execute_in_process(instance=instance, run_config=_QUIET, **how)
    events = result.get_asset_materialization_events()
    seconds = (datetime.now(UTC) - began).total_seconds()
    _say(f"  {len(events)} materialisations in {seconds:.1f} s")


def _lake() -> Lake:
    from genesys_assets.resources import LakeResource

    return LakeResource().lake


def _print_reports(lake: Lake, day: str) -> None:
    from genesys_assets.assets.common import markdown
    from genesys_assets.reports.built_in import built_in_reports

    for report in built_in_reports():
        table = lake.read(f"reports/{report.name}", day)
        _say(f"\n{report.name}: {len(table)} rows. {report.spec.description}\n\n{markdown(table)}")


def _manifest(day: str) -> dict[str, Any]:
    from dagster_aws.s3 import S3Resource

    key = f"published/reports/manifest/date={day}/manifest.json"
    body = S3Resource().get_client().get_object(Bucket=_BUCKET, Key=key)["Body"].read()
    return dict(json.loads(body))


def _verify(manifest: dict[str, Any], day: str, page: Path) -> bool:
    """Fetches every URL of the manifest as a reader would, prints the results, and keeps the page of the day. Returns
    whether all are right.
    """
    import requests

    from genesys_assets.publishing.place import DAY_PAGE
    from genesys_assets.reports.built_in import built_in_reports

    _say(
        f"\npublished for {day}, data available through {manifest['data_available_through']}. Each presigned URL was "
        "fetched, and its content compared with the sha256:"
    )
    good = True
    for file in manifest["files"]:
        answer = requests.get(file["url"], timeout=30)
        matches = answer.ok and hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        good &= matches
        if file["report"] == DAY_PAGE:
            page.write_bytes(answer.content)
        rows = "a page" if file["rows"] is None else f"{file['rows']} rows"
        # Without the query, which holds the signature.
        _say(f"{'ok ' if matches else 'BAD'} {rows:>11} {file['bytes']:>8} bytes  {file['url'].split('?')[0]}")
    expected = {*(report.name for report in built_in_reports()), DAY_PAGE}
    missing = expected - {file["report"] for file in manifest["files"]}
    if missing:
        _say(f"not published: {', '.join(sorted(missing))}")
    return good and not missing


def _say(line: str) -> None:
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--day", metavar="YYYY-MM-DD", help="the UTC day (default: yesterday)")
    parser.add_argument(
        "--conversations", type=int, default=400, help="conversations of the day (default: %(default)s)"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="where lake and S3 data go (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

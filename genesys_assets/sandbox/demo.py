"""The main job on the sandbox: one whole day, from reference data to published reports, through Dagster, over real
HTTP and S3.

`make demo` runs it. It ends with exit code 0 only if every report is there and every address in the manifest was
fetched and
matched its sha256. What it starts it stops; the lake it wrote and the page of the day stay in `.demo` for a look.
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
_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


def main() -> int:
    arguments = _arguments()
    day = arguments.day or f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    folder: Path = arguments.folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    with surroundings(folder, start_date=day, conversations_per_day=arguments.conversations) as environment:
        _say(f"sandbox at {environment['GENESYS_CLOUD_API_URL']}, S3 at {environment['AWS_ENDPOINT_URL_S3']}")
        _materialise(day, folder / "dagster")
        lake = _lake()
        _print_reports(lake, day)
        page = folder / "day_page.html"
        complete = _verify(_manifest(day), day, page)
    _say(f"the lake stays at {folder / 'lake'}, the page of the day at {page}; sandbox and S3 server are stopped")
    return 0 if complete else 1


@contextmanager
def surroundings(folder: Path, *, start_date: str, conversations_per_day: int) -> Iterator[Mapping[str, str]]:
    """A sandbox organisation, an S3 server with a bucket, and the environment that points everything to them."""
    from genesys_assets.sandbox import object_store, server

    with (
        server.running(conversations_per_day=conversations_per_day) as sandbox,
        object_store.running(folder=folder / "s3") as store,
    ):
        store.create_bucket(_BUCKET)
        environment = {
            "GENESYS_CLOUD_API_URL": sandbox.url,
            "GENESYS_CLOUD_LOGIN_URL": sandbox.url,
            "GENESYS_CLOUD_CLIENT_ID": sandbox.client_id,
            "GENESYS_CLOUD_CLIENT_SECRET": sandbox.client_secret,
            "GENESYS_ASSETS_START_DATE": start_date,
            "GENESYS_ASSETS_LAKE": str(folder / "lake"),
            "GENESYS_ASSETS_PUBLISH_URL": f"s3://{_BUCKET}/published",
            **store.environment(),
        }
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            yield environment
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _materialise(day: str, home: Path) -> None:
    """Reference data and hours first, in one run for all 24, then the day through to publishing."""
    import dagster as dg

    from genesys_assets.automation.progress import RANGE_END, RANGE_START
    from genesys_assets.definitions import build_definitions

    home.mkdir(parents=True)
    definitions = build_definitions()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        hours = {RANGE_START: f"{day}-00:00", RANGE_END: f"{day}-23:00"}
        _run(definitions, "hourly", instance, tags=hours)
        _run(definitions, "daily", instance, partition_key=day)


def _run(definitions: dg.Definitions, job: str, instance: dg.DagsterInstance, **how: Any) -> None:
    began = datetime.now(UTC)
    result = definitions.resolve_job_def(job).execute_in_process(instance=instance, run_config=_QUIET, **how)
    events = result.get_asset_materialization_events()
    seconds = (datetime.now(UTC) - began).total_seconds()
    _say(f"job {job}: {len(events)} materialisations in {seconds:.1f} s")


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
    """Fetch every address of the manifest as a reader would; say what each gave, and keep the page of the day."""
    import requests

    from genesys_assets.publishing.place import DAY_PAGE
    from genesys_assets.reports.built_in import built_in_reports

    _say(f"\npublished for {day}, data available through {manifest['data_available_through']}:")
    good = True
    for file in manifest["files"]:
        answer = requests.get(file["url"], timeout=30)
        matches = answer.ok and hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        good &= matches
        if file["report"] == DAY_PAGE:
            page.write_bytes(answer.content)
        rows = "a page" if file["rows"] is None else f"{file['rows']} rows"
        _say(f"{'ok ' if matches else 'BAD'} {rows:>11} {file['bytes']:>8} bytes  {file['url']}")
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

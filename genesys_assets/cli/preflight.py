"""`genesys-assets preflight`: prints whether the organisation can be read and the lake written. Exit code: 0 if so,
else 1.

The checks are in `cloud.preflight` and `lake.preflight`; `assets.preflight` is an asset that makes the same checks.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from genesys_assets.cloud.preflight import Preflight

EXAMPLES = """\b
examples:
  genesys-assets preflight
  GENESYS_ASSETS_EXPECTED_QUEUES=120 genesys-assets preflight
      fails if fewer queues are visible: the OAuth client may have lost a division"""
_WIDTH = 110


def preflight() -> None:
    """Check that your organisation can be read and the lake written: login, permissions, divisions, clock, rate limit;
    lake and published files, bucket, S3's clock.

    It sends a few requests, and stores nothing. Each line that says FAIL is followed by what to do; then the exit code
    is 1.
    """
    import logging

    from genesys_assets.cloud.errors import UnknownRegion
    from genesys_assets.cloud.preflight import Preflight
    from genesys_assets.cloud.preflight import preflight as check_cloud
    from genesys_assets.lake.opening import s3_client
    from genesys_assets.lake.preflight import check_places
    from genesys_assets.reports.custom import wanted_families
    from genesys_assets.resources import GenesysCloudResource
    from genesys_assets.settings import ApiBudgetSettings, DataLakeSettings, PreflightSettings, SettingError

    # Retries are logged: if the platform is down, the user sees what the command waits for.
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        expected, families = PreflightSettings.load().expected_queues, wanted_families()
        data_lake, usage = DataLakeSettings.load().is_on, ApiBudgetSettings.load().usage
        cloud = GenesysCloudResource().client
    except (SettingError, UnknownRegion) as error:
        typer.echo(f"FAIL  settings\n{_indented(str(error))}")
        raise typer.Exit(1) from None
    with cloud:
        typer.echo(f"{cloud.hosts.api_url}\n")
        outcome = check_cloud(cloud, expected_queues=expected, families=families, data_lake=data_lake, usage=usage)
    outcome = Preflight(outcome.results + check_places(s3_client))
    typer.echo(text(outcome))
    raise typer.Exit(0 if outcome.passed else 1)


def text(outcome: Preflight) -> str:
    """The results for a terminal: one line each with what to do below, and a summary at the end."""
    wide = max(len(result.what) for result in outcome.results)
    lines = []
    for result in outcome.results:
        level = "ok" if result.level == "ok" else result.level.upper()
        lines.append(_wrapped(f"{level:<5} {result.what:<{wide}}  {result.value}", indent=6 + wide + 2))
        if result.advice:
            lines.append(_indented(result.advice))
    return "\n".join([*lines, "", _summary(outcome)])


def _summary(outcome: Preflight) -> str:
    if outcome.passed:
        warnings = sum(result.level == "warn" for result in outcome.results)
        but = f" Mind the {'warning' if warnings == 1 else f'{warnings} warnings'} above." if warnings else ""
        return f"Ready: everything that is needed can be read and written.{but}"
    count = len(outcome.failures)
    summary = f"Not ready: {count} {'thing has' if count == 1 else 'things have'} to be put right."
    missing = outcome.missing_permissions
    return f"{summary}\nGive the OAuth client a role with: {', '.join(missing)}" if missing else summary


def _wrapped(line: str, indent: int) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _indented(advice: str) -> str:
    return textwrap.indent(textwrap.fill(advice, _WIDTH - 6), " " * 6)

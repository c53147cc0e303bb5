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
    from genesys_assets.lake.preflight import places
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
        result = check_cloud(cloud, expected_queues=expected, families=families, data_lake=data_lake, usage=usage)
    result = Preflight(result.findings + places(s3_client))
    typer.echo(text(result))
    raise typer.Exit(0 if result.passed else 1)


def text(result: Preflight) -> str:
    """The findings for a terminal: one line each with what to do below, and a summary at the end."""
    wide = max(len(finding.what) for finding in result.findings)
    lines = []
    for finding in result.findings:
        level = "ok" if finding.level == "ok" else finding.level.upper()
        lines.append(_wrapped(f"{level:<5} {finding.what:<{wide}}  {finding.value}", indent=6 + wide + 2))
        if finding.advice:
            lines.append(_indented(finding.advice))
    return "\n".join([*lines, "", _summary(result)])


def _summary(result: Preflight) -> str:
    if result.passed:
        warnings = sum(finding.level == "warn" for finding in result.findings)
        but = f" Mind the {'warning' if warnings == 1 else f'{warnings} warnings'} above." if warnings else ""
        return f"Ready: everything that is needed can be read and written.{but}"
    count = len(result.failures)
    summary = f"Not ready: {count} {'thing has' if count == 1 else 'things have'} to be put right."
    missing = result.missing_permissions
    return f"{summary}\nA role with these permissions is enough: {', '.join(missing)}" if missing else summary


def _wrapped(line: str, indent: int) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _indented(advice: str) -> str:
    return textwrap.indent(textwrap.fill(advice, _WIDTH - 6), " " * 6)

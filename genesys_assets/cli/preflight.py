"""`genesys-assets preflight`: prints whether the organisation can be read, and ends with 0 if so, else with 1.

What is looked at is decided in `cloud.preflight` and `lake.preflight`; `assets.preflight` is the same as an asset.
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
      fails where fewer queues are visible: the OAuth client may have lost a division"""
_WIDTH = 110


def preflight() -> None:
    """Look whether your organisation can be read, and the lake be written: login, permissions, divisions, clock, rate
    limit; lake and published files, bucket, S3's clock.

    A few requests, nothing is kept. Each line that says FAIL is followed by what to do; then the exit code is 1.
    """
    import logging

    from genesys_assets.cloud.errors import UnknownRegion
    from genesys_assets.cloud.preflight import Preflight
    from genesys_assets.cloud.preflight import preflight as look
    from genesys_assets.lake.opening import s3_client
    from genesys_assets.lake.preflight import places
    from genesys_assets.reports.own import wanted_families
    from genesys_assets.resources import GenesysCloudResource
    from genesys_assets.settings import ApiBudgetSettings, DataLakeSettings, PreflightSettings, SettingError

    # A person who waits for a platform that is down sees why.
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
        found = look(cloud, expected_queues=expected, families=families, data_lake=data_lake, usage=usage)
    found = Preflight(found.findings + places(s3_client))
    typer.echo(text(found))
    raise typer.Exit(0 if found.passed else 1)


def text(found: Preflight) -> str:
    """The findings for a terminal: one line each with what to do below, and a summary at the end."""
    wide = max(len(finding.what) for finding in found.findings)
    lines = []
    for finding in found.findings:
        level = "ok" if finding.level == "ok" else finding.level.upper()
        lines.append(_wrapped(f"{level:<5} {finding.what:<{wide}}  {finding.value}", indent=6 + wide + 2))
        if finding.advice:
            lines.append(_indented(finding.advice))
    return "\n".join([*lines, "", _summary(found)])


def _summary(found: Preflight) -> str:
    if found.passed:
        warnings = sum(finding.level == "warn" for finding in found.findings)
        but = f" Mind the {'warning' if warnings == 1 else f'{warnings} warnings'} above." if warnings else ""
        return f"Ready: everything that is needed can be read and written.{but}"
    count = len(found.failures)
    said = f"Not ready: {count} {'thing has' if count == 1 else 'things have'} to be put right."
    missing = found.missing_permissions
    return f"{said}\nA role with these permissions is enough: {', '.join(missing)}" if missing else said


def _wrapped(line: str, indent: int) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _indented(advice: str) -> str:
    return textwrap.indent(textwrap.fill(advice, _WIDTH - 6), " " * 6)

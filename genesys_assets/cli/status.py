"""`genesys-assets status`: its options, what it prints, and its exit code for cron. `automation.status` finds the
state.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from genesys_assets.cli.time_limit import OutOfTime, leave, run_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genesys_assets.automation.status import AssetStatus, MadeOfPublished, Status
    from genesys_assets.lake.lake import Lake
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.meaning.report import Report

EXAMPLES = """\b
examples:
  genesys-assets status
      one line for each asset, and below it what is late
  genesys-assets status --days 35
      the last 35 days only
  genesys-assets status --json | jq '.assets[] | select(.late_since)'
      for programs
  0 * * * * genesys-assets status --days 35 --quiet || mail -s 'Genesys figures are late' data@example.com
      in a crontab: it prints nothing as long as everything is in time"""

IN_TIME, LATE, CANNOT_TELL = 0, 1, 2
_MOST_RANGES = 3
_MOST_NAMES = 4
_SECONDS = 120
_READ_SECONDS = 10.0
_MANIFESTS_AT_ONCE = 8


def status(
    days: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Check the last N days only; default: since the start date."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing if everything is in time.")] = False,
    within: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, help="Give up after this time, with exit code 2.")
    ] = _SECONDS,
) -> None:
    """Show for each asset what is stored, what is missing, and since when it is late.

    It compares the lake and the published days with the calendar, as the sensors do. It needs neither the platform nor
    Dagster, so it also works while the daemon is off.

    The exit code is 0 if everything is in time, 1 if something is late or missing, 2 if that is unknown.
    """
    from genesys_assets.lake.lake import Unreadable
    from genesys_assets.lake.store import LakeUnreachable
    from genesys_assets.settings import SettingError

    try:
        state = run_within(lambda: look(days), within)
    except (SettingError, LakeUnreachable, Unreadable) as error:
        typer.echo(f"Cannot tell: {error}", err=True)
        raise typer.Exit(CANNOT_TELL) from None
    except OutOfTime:
        typer.echo(
            f"Cannot tell within {within} seconds. Check fewer days with --days, or wait longer with --within.",
            err=True,
        )
        leave(CANNOT_TELL)
    code = exit_code(state)
    if not (quiet and code == IN_TIME):
        typer.echo(as_text(state) if not as_json else as_document(state))
    raise typer.Exit(code)


def exit_code(state: Status) -> int:
    """The exit code for a state. Something late counts even if something else could not be checked."""
    return LATE if state.late else CANNOT_TELL if state.problems else IN_TIME


def look(days: int | None) -> Status:
    """The present state of the last `days` days; None means all days since the start date.

    Raises SettingError, LakeUnreachable, Unreadable.
    """
    from genesys_assets.automation.status import status
    from genesys_assets.partitions import Calendar
    from genesys_assets.settings import ObservationSettings, ReconciliationSettings

    calendar, now = Calendar.from_environment(), datetime.now(UTC)
    if days is not None:
        calendar = replace(calendar, start_date=max(calendar.start_date, now.date() - timedelta(days=days - 1)))
    reports, problems = _reports()
    made_of, unpublished = _made_of_published(calendar, now)
    return status(
        _lake(),
        calendar,
        now,
        reports,
        made_of,
        observed=[f"reference/{name}" for name in ObservationSettings.load().observed],
        blocking=ReconciliationSettings.load().is_blocking,
        problems=[*problems, *unpublished],
    )


def _lake() -> Lake:
    """The lake. Raises SettingError if its folder does not exist: an unmounted disk must not look like an empty
    lake.
    """
    from pathlib import Path

    from genesys_assets.lake.opening import open_lake_for_a_person
    from genesys_assets.settings import LakeSettings, SettingError

    location = LakeSettings.load().location
    if "://" not in location and not Path(location).is_dir():
        raise SettingError(
            f"there is no lake at {location}. Set GENESYS_ASSETS_LAKE to its folder or s3://bucket/prefix, mount the "
            "disk, or materialise a first asset."
        )
    return open_lake_for_a_person(location)


def _reports() -> tuple[list[Report], list[str]]:
    """The built-in reports and those of the file. If the file has mistakes, its reports are left out, and the second
    list says so.
    """
    from genesys_assets.reports.built_in import built_in_reports
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.settings import ReportSettings

    custom = CustomReports.read(ReportSettings.load().file)
    wrong = [f"{custom.path} has mistakes, so its reports were not checked: genesys-assets reports check {custom.path}"]
    return [*built_in_reports(), *custom.reports], wrong if custom.problems else []


def _made_of_published(calendar: Calendar, now: datetime) -> tuple[MadeOfPublished | None, list[str]]:
    """A function that says from what a published day was made, and no problems; or None and why manifests cannot be
    read.
    """
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    from genesys_assets.automation.stale import published_since
    from genesys_assets.lake.opening import s3_client
    from genesys_assets.publishing.day import read_manifest_if_valid
    from genesys_assets.publishing.errors import PublishingError
    from genesys_assets.publishing.opening import publisher_of_settings

    first = max(calendar.start_date, date.fromisoformat(published_since(calendar, now)))
    days = [first + timedelta(days=number) for number in range((now.date() - first).days + 1)]
    client = partial(s3_client, read_seconds=_READ_SECONDS, attempts=1)
    try:
        publisher = publisher_of_settings(client)
        with ThreadPoolExecutor(_MANIFESTS_AT_ONCE, thread_name_prefix="manifests") as executor:
            manifests = list(executor.map(partial(read_manifest_if_valid, publisher), days))
    except PublishingError as error:
        return None, [f"published/reports: {error}"]
    pairs = zip(days, manifests, strict=True)
    made_of = {f"{day}": None if manifest is None else manifest.made_of for day, manifest in pairs}
    return lambda day: made_of.get(day), []


def as_document(state: Status) -> str:
    """The state as JSON: partition keys as in the lake, instants in ISO 8601."""
    import json

    assets = [{**asdict(each), "late_since": _iso(each.late_since)} for each in state.assets]
    document = {
        "now": _iso(state.now),
        "in_time": exit_code(state) == IN_TIME,
        "exit_code": exit_code(state),
        "problems": list(state.problems),
        "assets": assets,
    }
    return json.dumps(document, indent=2)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def as_text(state: Status) -> str:
    """The state for a terminal: a line for each asset, then the late partitions, then a summary."""
    from tabulate import tabulate

    rows = [
        (
            each.asset,
            f"{each.stored:,}",
            each.newest or "-",
            *(f"{len(keys):,}" if keys else "-" for keys in (each.missing, each.stale, each.coming)),
            "in time" if each.late_since is None else f"late since {each.late_since:%Y-%m-%d %H:%M} UTC",
        )
        for each in state.assets
    ]
    headers = ["asset", "stored", "newest", "missing", "stale", "coming", "state"]
    lines = [tabulate(rows, headers, disable_numparse=True, colalign=("left", "right", "left", *["right"] * 3, "left"))]
    if state.late:
        lines += ["", *_late_lines(state)]
    with_gaps = [each for each in state.assets if each.lost]
    if with_gaps:
        lines += ["", *(_lost_line(each) for each in with_gaps)]
    lines += ["", *(f"Not checked: {problem}" for problem in state.problems)]
    return "\n".join([*lines, _summary(state)])


def _late_lines(state: Status) -> list[str]:
    """How late each asset is, and which partitions are. Assets of a layer that are late alike share their lines."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for each in state.late:
        assert each.late_since is not None
        kinds = (("missing", each.missing), ("stale", each.stale))
        ranges = (f"    {what}: {_ranges(keys)}" for what, keys in kinds if keys)
        alike.setdefault((each.layer, f"late by {_span(state.now - each.late_since)}:", *ranges), []).append(each.asset)
    return [
        line
        for (_, late, *ranges), assets in alike.items()
        for line in (f"{_named(assets)} {'is' if len(assets) == 1 else 'are'} {late}", *ranges)
    ]


def _named(assets: Sequence[str]) -> str:
    """The first names and how many more there are: the table has all."""
    more = len(assets) - _MOST_NAMES
    return ", ".join(assets[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _lost_line(each: AssetStatus) -> str:
    """Days on which nothing was observed. They can no longer be fetched, so they do not make the asset late."""
    return f"{each.asset} was not observed, and the platform keeps no history of it: {_ranges(each.lost)}"


def _ranges(keys: Sequence[str]) -> str:
    """Partition keys as ranges of consecutive keys, as --partition-range takes them, newest first and at most
    `_MOST_RANGES`.
    """
    from genesys_assets.automation.next_run import ranges

    texts = [first if first == last else f"{first}...{last}" for first, last in ranges(keys)][::-1]
    more = len(texts) - _MOST_RANGES
    return ", ".join(texts[:_MOST_RANGES]) + (f" and {more} more ranges" if more > 0 else "")


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _summary(state: Status) -> str:
    if state.late:
        return f"Late: {_named([each.asset for each in state.late])}."
    if state.problems:
        return "Cannot tell whether everything is in time."
    return "Everything is in time."

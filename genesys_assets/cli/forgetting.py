"""`genesys-assets forget`: its options, and what it prints. The work is done in `genesys_assets.forgetting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genesys_assets.forgetting.published import Publication
    from genesys_assets.forgetting.recomputed import Recomputation
    from genesys_assets.forgetting.work import ForgettingResult
    from genesys_assets.lake.lake import Lake
    from genesys_assets.privacy.forgotten import Kind
    from genesys_assets.publishing.manifest import Manifest

EXAMPLES = """\b
examples:
  genesys-assets forget --conversation 5e4f9c1a-0d5b-4c55-9c0f-1f2f4be0a001 --dry-run
      what would be done
  genesys-assets forget --conversation 5e4f9c1a-… --conversation 77b1d4c2-…
      these conversations leave every table and every file
  genesys-assets forget --external-contact 0a1b2c3d-…
      a customer: numbers, names and contents leave all conversations; the figures stay
  genesys-assets forget --user 9f8e7d6c-…
      an agent: name and id are replaced by a pseudonym; the figures stay
  genesys-assets forget
      once more for everybody forgotten before: after a kill, or after an import"""

_RECORDS = {"imports": "records of imported files", "definitions": "definitions of reports"}
_NOTHING = "The lake holds nothing about anybody who must be forgotten."
_UNKNOWN = (
    "genesys-assets forget published this day again, and did not know this report: it is neither built in nor in "
    "reports.yaml, and the lake has no definition of it. Publish the day again from the code location that has it: "
    "materialise genesys/published/reports."
)
_RUN_ID = "forget"
"""The run id in the manifests of days that this command publishes again."""


def forget(
    conversation: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A conversation; may be repeated.")
    ] = None,
    user: Annotated[list[str] | None, typer.Option(metavar="ID", help="A user; may be repeated.")] = None,
    external_contact: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An external contact; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
) -> None:
    """Remove somebody from everything that is stored: the lake, its older versions, and published days.

    What is fetched or imported later does not bring them back: a digest of each id stays in the lake. Delete them on
    the platform too. The command may run while everything else does, and again after it was interrupted.

    The exit code is 1 if something could not be done; it is listed.
    """
    from datetime import UTC, datetime

    from genesys_assets.forgetting import lakewide
    from genesys_assets.lake.opening import open_lake
    from genesys_assets.lake.store import LakeUnreachable
    from genesys_assets.privacy.forgotten import Kind
    from genesys_assets.publishing.errors import PublishingError
    from genesys_assets.settings import SettingError

    given = {Kind.CONVERSATION: conversation, Kind.USER: user, Kind.EXTERNAL_CONTACT: external_contact}
    ids = {kind: [_id(kind, text) for text in of_kind or ()] for kind, of_kind in given.items()}
    try:
        lake = open_lake()
        published, recomputation = _published(lake)
        report = lakewide.forget(lake, ids, datetime.now(UTC), published, recomputation, dry_run=dry_run)
    except (SettingError, LakeUnreachable, PublishingError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(text(report, dry_run=dry_run))
    raise typer.Exit(1 if report.problems else 0)


def _id(kind: Kind, given: str) -> str:
    from genesys_assets.privacy.forgotten import InvalidId, parse_id

    try:
        return parse_id(kind, given)
    except InvalidId as error:
        raise typer.BadParameter(str(error)) from None


def _published(lake: Lake) -> tuple[Publication, Recomputation]:
    """The published days, and what is needed to publish days and compute reports again. Reports that are components of
    other projects, and their calendars, are known by the definitions that the lake stores.

    Raises SettingError, PublishingError.
    """
    from genesys_assets.forgetting.published import Publication
    from genesys_assets.forgetting.recomputed import Recomputation
    from genesys_assets.lake.opening import s3_client
    from genesys_assets.partitions import Calendar
    from genesys_assets.publishing.business_day import BusinessDay
    from genesys_assets.publishing.day import PublishRequest, publish_day
    from genesys_assets.reports.built_in import built_in_reports, operating_reports
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.reports.stored_definitions import stored_definitions
    from genesys_assets.resources import PublishingResource
    from genesys_assets.settings import ReportSettings, SettingError

    publisher = PublishingResource().publisher(s3_client)
    calendar = Calendar.from_environment()
    custom = CustomReports.read(ReportSettings.load().file)
    if custom.problems:
        raise SettingError(
            f"{custom.path} has mistakes, and published days are published again with its reports. Correct it first: "
            f"genesys-assets reports check {custom.path}"
        )
    published = {report.name: report for report in [*built_in_reports(), *custom.reports]}
    known = {**published, **{report.name: report for report in operating_reports()}}
    stored = stored_definitions(lake)

    def republish(lake: Lake, manifest: Manifest) -> None:
        named = _reports_of(manifest)
        noted = next((stored[name] for name in named if name in stored), None)
        zone, start_date = (noted.zone, noted.start_date) if noted else (calendar.zone, calendar.start_date)
        others = {name: stored[name].report for name in named if name not in known and name in stored}
        day = BusinessDay.of(f"{manifest.date}", zone)
        # The pipeline that published the day may have other reports than the settings of this command.
        wanted = {name: report for name, report in (published | others).items() if name in named or not named}
        reports = [report for report in wanted.values() if report.has_partition(day.key, start_date)]
        unknown = {name: _UNKNOWN for name in named if name not in known and name not in stored}
        publish_day(lake, publisher, PublishRequest(day, reports, _RUN_ID, manifest.missing, start_date, unknown))

    return Publication(publisher, republish), Recomputation(known, calendar.zone, calendar.start_date, stored)


def _reports_of(manifest: Manifest) -> list[str]:
    """The reports that a manifest names, published or missing."""
    from genesys_assets.publishing.place import DAY_PAGE

    names = [*(file.report for file in manifest.files), *manifest.missing]
    return [name for name in dict.fromkeys(names) if name != DAY_PAGE]


def text(report: ForgettingResult, *, dry_run: bool) -> str:
    """The outcome, for a terminal."""
    lines = _tables(report, dry_run)
    lines += [_published_line(day, count, report, dry_run) for day, count in sorted(report.published_files.items())]
    if report.published_files:
        still = "would still link" if dry_run else "still links"
        lines.append(
            f"The list of days {still} to removed files. Publish it again{' afterwards' if dry_run else ''}: "
            "dg launch --assets 'key:\"genesys/published/index\"'"
        )
    for place, count in sorted(report.statistics.items()):
        done = "would be removed" if dry_run else "were removed"
        what = _RECORDS.get(place, f"files of its log: texts in their statistics {done}")
        lines.append(f"{place}: {count} {what}")
    lines += [_not_found_line(what, was_listed, report, dry_run) for what, was_listed in report.not_found.items()]
    if report.days:
        first, last = min(report.days), max(report.days)
        done = "would be computed again. To check them afterwards" if dry_run else "were computed again. To check them"
        lines += ["", f"Reports that are stored {done}, or to go on after an interruption, run:"]
        lines += [f"    dg launch --job recompute --partition-range '{first}...{last}'"]
    if report.withdrawn:
        lines += ["", "Withdrawn, because they may hold data of these people and cannot be computed again:"]
        lines += [f"  {what}: {why}" for what, why in sorted(report.withdrawn.items())]
    if report.problems:
        failed = "This cannot be done:" if dry_run else "Not done:"
        lines += ["", failed, *(f"  {what}: {why}" for what, why in sorted(report.problems.items()))]
    if dry_run:
        lines = ["This is what would be done. Nothing was changed.", "", *lines]
    return "\n".join(lines)


def _tables(report: ForgettingResult, dry_run: bool) -> list[str]:
    """A row for each changed table of the lake. If no table was changed, one line says so."""
    from tabulate import tabulate

    tables = sorted({*report.partitions, *report.old_files})
    if not tables:
        return ["No table was changed."] if report.problems else [] if report.not_found else [_NOTHING]
    rows = [
        (place, report.partitions[place], *_changed_rows(place, report), report.old_files[place]) for place in tables
    ]
    headers = ["table", "partitions rewritten", "rows removed", "rows changed", "files of older versions removed"]
    if dry_run:
        headers = [
            "table",
            "partitions to rewrite",
            "rows to remove",
            "rows to change",
            "files of old versions to remove",
        ]
    return [tabulate(rows, headers, colalign=("left", *["right"] * 4))]


def _changed_rows(place: str, report: ForgettingResult) -> tuple[int | str, int | str]:
    """How many rows of a table were removed and changed. Rows of reports that are computed again are not counted."""
    counts = report.rows_removed[place], report.rows_changed[place]
    return ("-", "-") if place.startswith("reports/") and not any(counts) else counts


def _published_line(day: str, count: int, report: ForgettingResult, dry_run: bool) -> str:
    from genesys_assets.forgetting.work import LIST_OF_DAYS

    named = f"published, {day}: {count} file{'' if count == 1 else 's'} named them; "
    if day == LIST_OF_DAYS:
        removed = "would be removed" if dry_run else "was removed" if count == 1 else "were removed"
        return f"{named}{'it' if count == 1 else 'they'} {removed}"
    if dry_run:
        return f"{named}the day would be published again"
    return named + report.published_days.get(day, "the day is not published again yet")


def _not_found_line(what: str, was_listed: bool, report: ForgettingResult, dry_run: bool) -> str:
    found = "nothing was found about it in what could be read" if report.problems else "nothing is stored about it"
    if was_listed:
        return f"{what}: {found}. It was on the list of forgotten ids already and will not be stored later."
    if dry_run:
        later = "It would be put on the list of forgotten ids and would not be stored later."
        return f"{what}: {found}. {later} Check the id."
    return f"{what}: {found}. It is on the list of forgotten ids now and will not be stored later. Check the id."

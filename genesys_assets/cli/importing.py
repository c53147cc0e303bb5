"""`genesys-assets import` and `take-back`: their options, and what they print. The work is done in
`genesys_assets.importing`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genesys_assets.importing.records import Outcome
    from genesys_assets.importing.result import ImportResult
    from genesys_assets.importing.take_back import TakeBackResult

EXAMPLES = """\b
examples:
  genesys-assets import saved/
      every .json, .jsonl, .ndjson file below it, plain or .gz; others are named and skipped
  genesys-assets import 'saved/2025-*.json' s3://my-bucket/exports/
      by pattern, and from S3
  genesys-assets import saved/ --complete 2025-01-01/2025-02-01
      these files hold everything of January: its days count as complete
  genesys-assets import hourly.json --granularity PT1H --time-zone Europe/London
      figures with a start in local time, and without a length
  genesys-assets import agents.json --interval 2025-01-31T13:00Z/2025-01-31T14:00Z --group-by userId
      figures without a time, of entities without a kind"""


def import_saved(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILES", help="Files, folders or patterns, on disk or s3://bucket/…"),
    ] = None,
    complete: Annotated[
        str | None,
        typer.Option(metavar="START/END", help="Span for which the files hold all data. Default: unknown."),
    ] = None,
    granularity: Annotated[
        str | None, typer.Option(metavar="PT15M|PT30M|PT1H|P1D", help="Length of buckets that have only a start.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="START/END", help="Time span of figures that have no time.")
    ] = None,
    time_unit: Annotated[
        str,
        typer.Option(metavar="ms|seconds|minutes", help="Unit of times whose name has no unit, such as handleTime."),
    ] = "ms",
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="IANA time zone of times without a UTC offset.")
    ] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIMENSION",
            help="Dimension that figures are grouped by, if groups do not show it; may be repeated.",
        ),
    ] = None,
) -> None:
    """Import API answers that scripts saved.

    It reads answers of the platform (conversations; results with group and data), single conversations, arrays and
    JSON Lines of these, and the shapes of tutorials: entities with buckets, entities with metrics, results with metrics
    and a timestamp. Fetched data take precedence over imported data. Importing the same file again changes nothing.

    A file that cannot be read is named and skipped; the others are imported. Unreadable parts of a file are left out
    and named. In both cases the exit code is 1, and no day is marked as complete.
    """
    from genesys_assets.cli.terminal import progress
    from genesys_assets.importing.files import CannotImport, find
    from genesys_assets.importing.into_lake import import_files
    from genesys_assets.importing.result import ImportResult
    from genesys_assets.importing.summary import not_complete, not_marked, parse_options
    from genesys_assets.lake.opening import open_lake, s3_client
    from genesys_assets.settings import CalendarSettings, SettingError

    if not files:
        raise typer.BadParameter("Name the files to import.")
    try:
        calendar = CalendarSettings.load()
        lake = open_lake()
    except SettingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    try:
        options, span = parse_options(
            calendar.zone,
            granularity=granularity,
            interval=interval,
            time_unit=time_unit,
            time_zone=time_zone,
            group_by=group_by or (),
            complete=complete,
        )
        with _named_errors():
            sources = find(files, s3_client)
        imported = ImportResult()
        with _named_errors(imported), progress("importing", len(sources)) as step:
            import_files(
                lake, sources, options, complete=span, on_file=lambda outcome: step(outcome.file), result=imported
            )
    except CannotImport as refusal:
        raise typer.BadParameter(str(refusal)) from None
    typer.echo(text(imported, f"{calendar.start_date}", is_complete=span is not None))
    is_done = imported.is_whole if span is None else not_complete(imported) is None and not not_marked(imported)
    raise typer.Exit(0 if is_done else 1)


TAKE_BACK_EXAMPLES = """\b
examples:
  genesys-assets take-back saved/agents.json
      removes what this file brought; what other files brought of the same days stays
  genesys-assets take-back saved/ 's3://my-bucket/exports/2025-*.json'
      all files of a folder, and files by pattern, under the names that the import printed
  genesys-assets take-back --all
      removes everything that was ever imported"""


def take_back_imported(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILES", help="Files, folders or patterns, as the import printed them."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was ever imported.")] = False,
) -> None:
    """Remove imported data from the lake.

    Days that lose something no longer count as complete, and their tables have to be materialised again. The files
    themselves need not exist. The removed data stays in older versions until ops/housekeeping deletes these.
    """
    from genesys_assets.importing.take_back import imported_files, take_back, take_back_everything
    from genesys_assets.lake.opening import open_lake
    from genesys_assets.settings import CalendarSettings, SettingError

    if bool(files) == everything:
        raise typer.BadParameter("Name files, or --all, and not both." if everything else "Name files, or --all.")
    try:
        start_date = f"{CalendarSettings.load().start_date}"
        lake = open_lake()
    except SettingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    with _named_errors():
        if everything:
            typer.echo(_take_back_text(take_back_everything(lake), start_date))
            return
        unknown = [name for name in files or () if not imported_files(lake, [name])]
        if unknown:
            typer.echo(f"Nothing was imported under the name {', '.join(unknown)}: nothing is taken back.", err=True)
            raise typer.Exit(1)
        typer.echo(_take_back_text(take_back(lake, imported_files(lake, files or ())), start_date))


@contextlib.contextmanager
def _named_errors(imported: ImportResult | None = None) -> Iterator[None]:
    """Errors of the lake, of S3 and of the disk end the command with their message and exit code 1. Before that, the
    files that were read until then are listed.
    """
    from genesys_assets.importing.into_lake import DamagedPages
    from genesys_assets.lake.commit import TableContended
    from genesys_assets.lake.store import LakeUnreachable

    try:
        yield
        return
    except (LakeUnreachable, TableContended, DamagedPages) as error:
        what = str(error)
    except OSError as error:
        what = f"Reading or writing failed: {error}. Correct that and run the command again: what is stored stays."
    if imported is not None and imported.outcomes:
        typer.echo("\n".join([*_files(imported), *_to_materialise(imported.days, is_new=bool(imported.changed))]))
    typer.echo(what, err=True)
    raise typer.Exit(1)


def _take_back_text(result: TakeBackResult, start_date: str) -> str:
    lines, count = [f"taken back  {outcome.file}" for outcome in result.outcomes], len(result.outcomes)
    lines += ["", f"{count} file{'' if count == 1 else 's'} taken back."]
    return "\n".join([*lines, *_to_materialise(result.days, is_new=True), *_before_start(result.days, start_date)])


def text(imported: ImportResult, start_date: str, *, is_complete: bool) -> str:
    """The outcome for a terminal: a line for each file, remarks on names and on what was left out, and which days to
    materialise.
    """
    from genesys_assets.importing.summary import TABLES, no_longer_complete, totals

    lines = _files(imported, totals(imported))
    lines += _to_materialise(imported.days, is_new=bool(imported.changed))
    lines += _before_start(imported.days, start_date)
    lines += filter(None, [no_longer_complete(imported)])
    if any(imported.days(asset) for asset in TABLES) or (is_complete and imported.is_whole):
        lines += _completeness(imported, is_complete)
    return "\n".join(lines)


def _files(imported: ImportResult, totals: str | None = None) -> list[str]:
    """A line for each file, their number by state, and the remarks on all."""
    from genesys_assets.importing.summary import left_out, notes

    lines = [_line(outcome) for outcome in imported.outcomes]
    states = [outcome.state for outcome in imported.outcomes]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("imported", "unchanged", "skipped"))
    lines += ["", f"{len(states)} file{'' if len(states) == 1 else 's'}: {counts}."]
    lines += filter(None, [totals])
    if remarks := notes(imported):
        lines += ["", "Read under another name, or left out:", *(f"  {remark}" for remark in remarks)]
    if losses := left_out(imported):
        lines += ["", "Left out, so no day counts as complete:", *(f"  {remark}" for remark in losses)]
    return lines


def _to_materialise(days_of: Callable[[str], list[str]], *, is_new: bool) -> list[str]:
    """Lines that list the days of each asset, with the commands that materialise the tables made from it.

    `days_of` gives the days of an asset. Unless `is_new`, the commands are left out.
    """
    from genesys_assets.importing.summary import TABLES, ranges, runs

    lines = []
    for asset, tables in TABLES.items():
        if days := days_of(asset):
            lines.append(f"  {tables:<44} {ranges(days)}")
            if is_new:
                lines += [_command(asset, first, last) for first, last in runs(days)]
    return ["", "Materialise:" if is_new else "Nothing is new. The files hold data of:", *lines] if lines else []


def _before_start(days_of: Callable[[str], list[str]], start_date: str) -> list[str]:
    """A line that says what to set if days are earlier than the first partition."""
    from genesys_assets.importing.summary import TABLES

    first = min((day for asset in TABLES for day in days_of(asset)[:1]), default=start_date)
    if first >= start_date:
        return []
    return [f"Partitions begin on {start_date}: set GENESYS_ASSETS_START_DATE={first} to include all imported days."]


def _command(asset: str, first: str, last: str) -> str:
    """The command that materialises the tables made from an asset, for consecutive days."""
    selected = f'key:"genesys/pages/{asset}"+1 and group:tables'
    return f"    dg launch --assets '{selected}' --partition-range '{first}...{last}'"


def _completeness(imported: ImportResult, is_complete: bool) -> list[str]:
    from genesys_assets.importing.summary import not_complete, not_marked, ranges

    if not is_complete:
        return ["Completeness is unknown. Pass --complete if the files hold all data for these days; reports need it."]
    why = not_complete(imported)
    return [why] if why else [f"Marked as complete: {ranges(sorted(imported.complete))}.", *not_marked(imported)]


def _line(outcome: Outcome) -> str:
    from genesys_assets.importing.summary import held

    what = outcome.reason if outcome.state == "skipped" else held(outcome)
    return f"{outcome.state:<9}  {outcome.file}: {what}"

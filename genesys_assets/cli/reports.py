"""`genesys-assets reports check`, `preview` and `ids`: their options, and what they print.

`reports.language` finds the mistakes of a file, `reports.engine` computes a report, `reports.ids` finds the ids of a
name.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

    from genesys_assets.cloud.analytics.queries import AggregateQuestion
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.reports.meaning.report import Report

EXAMPLES = """\b
examples:
  genesys-assets reports check
  genesys-assets reports preview queue_media 2026-01-31
  genesys-assets reports ids 'Sales UK'"""
CHECK_EXAMPLES = """\b
examples:
  genesys-assets reports check
      the file of GENESYS_ASSETS_REPORTS, else reports.yaml beside dagster.yaml
  genesys-assets reports check reports.example.yaml
      any file; editors understand the lines that it prints: file:line:column: field: what is wrong"""
PREVIEW_EXAMPLES = """\b
examples:
  genesys-assets reports preview queue_media 2026-01-31
      a built-in report, of a day whose tables are in the lake
  genesys-assets reports preview calls_by_queue 2026-01-31 --file draft.yaml --rows 50
      a report of a file that no code location has loaded yet
  genesys-assets reports preview interval 2026-01-31 --granularity PT1H > interval.csv
      by the hour; piped, it is CSV as it is published, with every row and column"""
IDS_EXAMPLES = """\b
examples:
  genesys-assets reports ids 'Sales UK'
      the ids of everything that has, or had, this name: queues, users, wrap-up codes, teams, flows and so on
  genesys-assets reports ids sales
      if nothing has exactly this name: everything whose name contains it, else the closest names"""
_ROWS = 20
_HEADER_WIDTH, _WIDEST, _ENDLESS = 10, 40, 10_000

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=EXAMPLES)


@app.callback()
def reports() -> None:
    """Check reports before they run, and preview them."""


@app.command("check", short_help="Check a file of reports, and show what its reports cost.", epilog=CHECK_EXAMPLES)
def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The file, if not that of the settings.")] = None,
) -> None:
    """Print every mistake in a file of reports, or which requests its reports add.

    No request is sent to the platform. Each mistake is one line; then the exit code is 1.
    """
    custom = _read(file)
    if custom.path is None:
        _fail("There is no reports.yaml beside dagster.yaml: name a file, or set GENESYS_ASSETS_REPORTS.")
    for problem in custom.problems:
        typer.echo(str(problem))
    if custom.problems:
        typer.echo(
            f"\n{_plural(len(custom.problems), 'mistake')}. No report of the file is loaded until all are corrected."
        )
        raise typer.Exit(1)
    if not custom.reports:
        typer.echo(f"{custom.path} holds no report.")
        return
    names = ", ".join(report.name for report in custom.reports)
    typer.echo(f"{custom.path}: {_plural(len(custom.reports), 'report')}: {names}.")
    typer.echo("\n".join(_cost(custom.reports)))


@app.command("preview", short_help="Print a report of one day.", epilog=PREVIEW_EXAMPLES, no_args_is_help=True)
def preview(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A report of yours, or a built-in one.")],
    date: Annotated[str, typer.Argument(metavar="DATE", help="The day in the report's time zone, such as 2026-01-31.")],
    rows: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"At most N rows. On a terminal {_ROWS}, else all.")
    ] = None,
    granularity: Annotated[
        str | None, typer.Option(metavar="PT15M|PT30M|PT1H|P1D", help="Intervals of another length.")
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="The file, if not that of the settings.")] = None,
) -> None:
    """Compute a report of one day, or of its week or month, from what is in the lake, and print it. Nothing is stored,
    and no request is sent.

    On a terminal it prints a table, with names in place of ids. Piped, it prints CSV with every column.
    """
    from genesys_assets.lake.opening import open_lake_for_a_person
    from genesys_assets.reports import custom
    from genesys_assets.reports.engine.stored import NotStored
    from genesys_assets.reports.language.formulas import NumberTooLarge
    from genesys_assets.settings import CalendarSettings, CsvSettings

    report = _with_granularity(_report_named(name, _read(file)), granularity)
    _require_date(date)
    with _named_errors(NotStored, NumberTooLarge):
        calendar = CalendarSettings.load()
        lake = open_lake_for_a_person()
        table = custom.preview(report, lake, date, zone=calendar.zone, start_date=calendar.start_date)
        csv = CsvSettings.load()
    if sys.stdout.isatty():
        _print_table(table.slice(0, rows or _ROWS), report, title=f"{name} of {date}", total=len(table))
    else:
        from genesys_assets.publishing.csv_text import CsvStyle
        from genesys_assets.publishing.report_files import csv_lines

        sys.stdout.writelines(csv_lines(table.slice(0, rows), CsvStyle(csv.formulas)))


@app.command("ids", short_help="Find the ids of a name.", epilog=IDS_EXAMPLES, no_args_is_help=True)
def ids(name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or a part of one.")]) -> None:
    """Find the ids of a name in the reference data of the lake: filters compare ids, which a new name does not change.

    One line for each period during which an entity had the name. If nothing has exactly this name, it finds the names
    that contain it. No request is sent to the platform.
    """
    from genesys_assets.lake.opening import open_lake_for_a_person
    from genesys_assets.reports.ids import ids_of

    with _named_errors():
        match = ids_of(open_lake_for_a_person(), name)
    for each in match.named:
        typer.echo(f"{each.kind:<12} {each.id}  {each.name}{each.note}")
    if not match.named:
        nearest = f" Closest: {', '.join(match.closest)}." if match.closest else ""
        fetched = "" if match.known else " The lake has no reference data yet: materialise the asset group reference."
        _fail(f"No name is or contains {name!r}.{nearest}{fetched}")


@contextlib.contextmanager
def _named_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds, of settings and of the lake end the command with their message."""
    from genesys_assets.lake.store import LakeUnreachable
    from genesys_assets.settings import SettingError

    try:
        yield
    except (SettingError, LakeUnreachable) as error:
        _fail(str(error))
    except kinds as error:
        _fail(str(error))


def _read(file: Path | None) -> CustomReports:
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.settings import ReportSettings, SettingError

    try:
        return CustomReports.read(file or ReportSettings.load().file)
    except SettingError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# -- what reports cost -------------------------------------------------------------------------------------------------


def _cost(reports: Iterable[Report]) -> list[str]:
    """Lines that list the questions to the platform beyond the standard ones, with the reports that need them."""
    from genesys_assets.cloud.analytics.families import CONVERSATIONS
    from genesys_assets.reports.built_in import asked_in_any_case
    from genesys_assets.reports.meaning.questions import further_questions, identity, question_in_words, questions_of

    standard = {identity(question) for question in asked_in_any_case()}
    all_reports = list(reports)
    further = list(further_questions(questions_of(all_reports), asked_in_any_case()))
    extra = [question for question in further if identity(question) not in standard]
    within_others = [question for question in further if identity(question) in standard]
    daily = sum(question.family is CONVERSATIONS for question in extra)
    lines = ["They need no extra request: the standard requests answer them."]
    if extra:
        lines = [f"Extra requests: {len(extra)} per hour, {daily} per day:"]
        lines += [f"  {question_in_words(question)}, for {_askers(question, all_reports)}" for question in extra]
    if within_others:
        lines.append("Asked within requests that are sent anyway:")
        lines += [
            f"  {question_in_words(question)}, for {_askers(question, all_reports)}" for question in within_others
        ]
    return lines


def _askers(question: AggregateQuestion, reports: Iterable[Report]) -> str:
    from genesys_assets.reports.built_in import asked_in_any_case
    from genesys_assets.reports.meaning.questions import further_questions, identity, questions_of

    def asks(report: Report) -> bool:
        return identity(question) in map(identity, further_questions(questions_of([report]), asked_in_any_case()))

    return ", ".join(report.name for report in reports if asks(report))


# -- which report ------------------------------------------------------------------------------------------------------


def _report_named(name: str, custom: CustomReports) -> Report:
    """The report of this name. Raises BadParameter if there is none; exits with 1 if it may be in a file that has
    mistakes.
    """
    from genesys_assets.reports.built_in import built_in_reports, operating_reports
    from genesys_assets.reports.language.problems import one_of

    known = {report.name: report for report in (*built_in_reports(), *operating_reports(), *custom.reports)}
    if name not in known and custom.problems:
        _fail("\n".join([f"{custom.path} is refused:", *map(str, custom.problems)]))
    if name not in known:
        here = f"in {custom.path}" if custom.path else "in a file (there is no reports.yaml beside dagster.yaml)"
        raise typer.BadParameter(f"report {name!r} is neither built in nor {here}. {one_of(known, name)}")
    return known[name]


def _with_granularity(report: Report, granularity: str | None) -> Report:
    from genesys_assets.cloud.analytics.queries import GRANULARITIES

    if granularity is None:
        return report
    chosen = next((known for known in GRANULARITIES if known == granularity.upper()), None)
    if chosen is None:
        raise typer.BadParameter(f"granularity must be one of {', '.join(GRANULARITIES)}, got {granularity!r}")
    try:
        return report.every(chosen)
    except ValueError as refused:
        raise typer.BadParameter(f"{report.name} by {granularity}: {refused}") from None


def _require_date(text: str) -> None:
    import re
    from datetime import date

    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError("write YYYY-MM-DD")
        date.fromisoformat(text)
    except ValueError as reason:
        raise typer.BadParameter(f"{text!r} is not a date: {reason}") from None


# -- the table on a terminal -------------------------------------------------------------------------------------------


def _print_table(shown: pa.Table, report: Report, *, title: str, total: int) -> None:
    """Print a table or, if the window is too narrow for it, a block for each row."""
    from rich.console import Console
    from rich.measure import Measurement

    rows = shown.select(_worth_showing(shown, report))
    console, table = Console(), _rich_table(rows)
    console.print(title, highlight=False)
    if Measurement.get(console, console.options.update(width=_ENDLESS), table).maximum <= console.width:
        console.print(table)
    else:
        wide = max(map(len, rows.column_names))
        for row in rows.to_pylist():
            lines = (f"{name:<{wide}}  {_cell(value)}".rstrip() for name, value in row.items())
            console.print("", *lines, sep="\n", highlight=False, markup=False, soft_wrap=True)
        console.print()
    more = f", {total - len(shown)} more with --rows" if total > len(shown) else ""
    console.print(f"{_plural(total, 'row')}{more}", highlight=False)


def _worth_showing(shown: pa.Table, report: Report) -> list[str]:
    """The columns without ends of intervals, and without ids that also have names."""
    left_out = {key.column for key in report.keys if key.name_column in shown.column_names} | {"interval_end"}
    left_out |= {column.ids for column in report.shown if column.ids}
    if "local_date" in shown.column_names:
        left_out.add("interval_start")
    return [name for name in shown.column_names if name not in left_out]


def _rich_table(rows: pa.Table) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in rows.column_names:
        is_text = str(rows.schema.field(name).type).startswith(("string", "list"))
        table.add_column(_folded(name), justify="left" if is_text else "right", no_wrap=True)
    for row in rows.to_pylist():
        table.add_row(*(Text(_shortened(_cell(value))) for value in row.values()))
    return table


def _folded(name: str) -> str:
    """The name of a column, with line breaks after underscores so that its lines are short."""
    lines = [""]
    for part in name.split("_"):
        piece = f"{part}_"
        if lines[-1] and len(lines[-1]) + len(piece) > _HEADER_WIDTH:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines).removesuffix("_")


def _cell(value: Any) -> str:
    from datetime import UTC, datetime

    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%m-%d %H:%MZ}"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"

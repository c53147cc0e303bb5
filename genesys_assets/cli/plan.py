"""`genesys-assets plan FROM TO`: its options, and what it prints. `automation.estimate` computes the costs."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genesys_assets.automation.estimate import Estimate

EXAMPLES = """\b
examples:
  genesys-assets plan 2026-01-01 2026-01-31
      what January costs, and how much of it is stored already
  genesys-assets plan 2024-01-01 2025-12-31 --conversations-per-day 80000
      before anything is stored, for an organisation of a known size
  genesys-assets plan 2026-01-01 2026-01-31 --json
      for programs"""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def plan(
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first day, such as 2026-01-01.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last day, which is included.")],
    conversations: Annotated[
        int | None,
        typer.Option("--conversations-per-day", metavar="N", min=1, help="Default: the mean of the stored days."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Estimate what a range of days costs, by asset: requests, hours at the rate limit, bytes.

    Stored partitions cost nothing and are counted separately. Sizes are the mean of the newest stored days; without
    any, they are assumed and marked. No request is sent to the platform.
    """
    from genesys_assets.lake.lake import Unreadable
    from genesys_assets.lake.store import LakeUnreachable
    from genesys_assets.settings import SettingError

    begin, end = _day(first, "FROM"), _day(last, "TO")
    today = datetime.now(UTC).date()
    if not begin <= end <= today:
        raise typer.BadParameter(f"FROM {begin} to TO {end} is not a range of days that ends by today, {today} UTC")
    try:
        costs, notes = _estimate(begin, end, conversations)
    except (SettingError, LakeUnreachable, Unreadable) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(as_document(costs, notes) if as_json else as_text(costs, notes))


def _day(given: str, name: str) -> date:
    try:
        return datetime.strptime(given, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter(f"{name} {given!r} is not a day: write it as 2026-01-31") from None


def _estimate(first: date, last: date, conversations: int | None) -> tuple[Estimate, list[str]]:
    from genesys_assets.automation.estimate import Terms, estimate
    from genesys_assets.cloud.analytics.families import CONVERSATIONS
    from genesys_assets.lake.opening import open_lake_for_a_person
    from genesys_assets.partitions import Calendar
    from genesys_assets.reports.built_in import built_in_reports
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.reports.meaning.questions import all_questions, families_of
    from genesys_assets.settings import (
        AggregatesSettings,
        DataLakeSettings,
        RateSettings,
        ReportSettings,
        SettingError,
        UserStatusSettings,
    )

    custom = CustomReports.read(ReportSettings.load().file)
    if custom.problems:
        raise SettingError(f"{custom.path} has mistakes. Correct it first: genesys-assets reports check {custom.path}")
    reports, calendar = [*built_in_reports(), *custom.reports], Calendar.from_environment()
    aggregates, lake_files = AggregatesSettings.load(), DataLakeSettings.load()
    questions = all_questions(reports, aggregates.families)
    terms = Terms(
        questions=len(questions),
        daily_questions=sum(question.family is CONVERSATIONS for question in questions),
        longest_window=aggregates.longest_window,
        requests_per_minute=RateSettings.load().requests_per_minute,
        conversations_per_day=conversations,
        users=UserStatusSettings.load().is_read,
        data_lake=lake_files if lake_files.is_on else None,
        families=families_of(questions),
    )
    costs = estimate(open_lake_for_a_person(), calendar, first, last, datetime.now(UTC), reports, terms)
    return costs, _notes(costs, calendar.start_date)


def _notes(costs: Estimate, start_date: date) -> list[str]:
    """Remarks on how the figures were estimated, and on what they leave out."""
    from genesys_assets.days.data_lake import LAKE_FILES

    basis = {
        "given": "as given",
        "measured": _newest(costs.measured_days),
        "assumed": "assumed, since no day is stored. Set the number with --conversations-per-day",
    }
    notes = [f"{costs.conversations_per_day:,} conversations a day: {basis[costs.basis]}."]
    if any(not each.measured for each in costs.assets):
        notes.append("Bytes with * are assumed from a sandbox day, because no day of that asset is stored.")
    if any(each.asset == LAKE_FILES and not each.measured for each in costs.assets):
        notes.append("The number of data lake files per day is not documented: only listings are counted.")
    notes.append(
        "Hours are the time that the requests take at the rate limit of one token. Waiting for details jobs, retries, "
        "look-backs and reference data come on top. Tables and reports are computed meanwhile. Bytes are those of the "
        "lake, without reference data, restatements and the log of requests. Published files come on top too."
    )
    if costs.first < start_date:
        notes.append(
            f"Days before {start_date} have no partitions: set GENESYS_ASSETS_START_DATE={costs.first} before you "
            "fetch them."
        )
    return notes


def as_document(costs: Estimate, notes: list[str]) -> str:
    import json
    from dataclasses import asdict

    fields = {**asdict(costs), "requests": costs.requests, "hours": round(costs.hours, 2), "bytes": costs.bytes}
    return json.dumps({**fields, "notes": notes}, indent=2, default=str)


def as_text(costs: Estimate, notes: list[str]) -> str:
    from tabulate import tabulate

    rows = [
        (
            each.asset,
            f"{each.stored:,}",
            f"{each.missing:,}",
            f"{each.requests:,}" if each.requests else "-",
            _size(each.bytes) + (" " if each.measured else "*"),
        )
        for each in costs.assets
    ]
    rows.append(("total", "", "", f"{costs.requests:,}", _size(costs.bytes) + " "))
    headers = ["asset", "stored", "missing", "requests", "bytes"]
    table = tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * 4))
    limit = f"{costs.requests:,} requests at {costs.requests_per_minute} a minute: {_hours(costs.hours)}."
    return "\n".join([f"{costs.first} to {costs.last}", "", table, "", limit, *notes])


def _hours(hours: float) -> str:
    """
    >>> _hours(1.5), _hours(1), _hours(0.5), _hours(0.001)
    ('1.5 hours', '1.0 hours', '30 minutes', '1 minute')
    """
    if hours >= 1:
        return f"{hours:.1f} hours"
    minutes = math.ceil(hours * 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _newest(days: int) -> str:
    """
    >>> _newest(1), _newest(7)
    ('as on the newest stored day', 'the mean of the 7 newest stored days')
    """
    return "as on the newest stored day" if days == 1 else f"the mean of the {days} newest stored days"


def _size(count: float) -> str:
    """
    >>> _size(1_234_567)
    '1.2 MB'
    """
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"

"""Parses the options of an import, and writes its outcomes as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import starmap
from typing import get_args
from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.importing.buckets import GRANULARITIES, ImportOptions, TimeUnit
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.imported_page import DAILY, DETAILS, HOURLY
from genesys_assets.importing.records import Outcome
from genesys_assets.importing.remarks import counted
from genesys_assets.importing.result import ImportResult

TABLES = {
    DETAILS: "tables/conversations and what belongs to it",
    HOURLY: "tables/interval_metrics",
    DAILY: "tables/daily_metrics",
}
"""Which tables are made of the pages of an asset."""

_NAMED_FILES = 3
"""How many files a remark names: it may be about thousands."""


def parse_options(
    business_zone: ZoneInfo,
    *,
    granularity: str | None = None,
    interval: str | None = None,
    time_unit: str = "ms",
    time_zone: str | None = None,
    group_by: Sequence[str] = (),
    complete: str | None = None,
) -> tuple[ImportOptions, Interval | None]:
    """The options of an import, and the span for which the files have all data. Raises CannotImport."""
    if granularity is not None and granularity not in GRANULARITIES:
        raise CannotImport(f"granularity {granularity!r} is none of {', '.join(GRANULARITIES)}")
    unit = next((unit for unit in get_args(TimeUnit) if unit == time_unit), None)
    if unit is None:
        raise CannotImport(f"time unit {time_unit!r} is none of {', '.join(get_args(TimeUnit))}")
    try:
        names = (name for written in group_by for name in written.split(","))
        dimensions = tuple(sorted(set(map(catalogue.dimension, names)))) or None
    except InvalidQuery as error:
        raise CannotImport(error.message) from None
    options = ImportOptions(granularity, _span(interval), unit, _zone(time_zone), dimensions, business_zone)
    return options, _span(complete)


def _span(text: str | None) -> Interval | None:
    """An interval of instants with an offset, or of dates, which are midnights in UTC."""
    if text is None:
        return None
    try:
        bounds = [datetime.fromisoformat(bound.strip()) for bound in text.split("/")]
        start, end = (bound if "T" in text or bound.tzinfo else bound.replace(tzinfo=UTC) for bound in bounds)
        return Interval(start, end)
    except (ValueError, InvalidQuery) as error:
        hint = error.message if isinstance(error, InvalidQuery) else ""
        raise CannotImport(
            f"{text!r} is not a span of time: write start/end, as in 2026-01-01/2026-02-01 or "
            f"2026-01-01T13:00Z/2026-01-01T14:00Z. {hint}".strip()
        ) from None


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CannotImport(f"{name!r} is not a time zone: use an IANA name, for example Europe/London") from None


def markdown(imported: ImportResult) -> str:
    """One row per file, as a Markdown table."""
    from tabulate import tabulate

    rows = [(each.file, each.state, held(each), ranges(_days(each)), _remarks(each)) for each in imported.outcomes]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    headers = ["file", "state", "held", "days", "remarks"]
    return tabulate(escaped, headers=headers, tablefmt="github", disable_numparse=True)


def held(outcome: Outcome) -> str:
    """What a file held, in words: counts, and the shapes of figures."""
    parts = [_count(outcome.conversations, "conversation")] if outcome.conversations else []
    parts += [_count(outcome.buckets, "bucket")] if outcome.buckets else []
    figures = [shape for shape in outcome.shapes if shape != "conversations"]
    what = (", ".join(parts) or "nothing") + (f" ({', '.join(figures)})" if figures else "")
    return f"{what}; not all of it" if outcome.left_out else what


def totals(imported: ImportResult) -> str | None:
    """What the files of this import hold together, in words, counting each thing once. None if no file was new."""
    if not any(outcome.state == "imported" for outcome in imported.outcomes):
        return None
    conversations, buckets = imported.conversations, imported.buckets
    text = f"Imported: {_count(conversations.different, 'conversation')} and {_count(buckets.different, 'bucket')}."
    if conversations.repeated:
        text += f" {_several(conversations.repeated, 'conversation')}: of each, the newest version counts."
    if buckets.repeated:
        text += f" {_several(buckets.repeated, 'bucket')}: of each metric the value that was read last counts."
    return text


def _several(count: int, what: str) -> str:
    return f"{_count(count, what)} {'is' if count == 1 else 'are'} in the files more than once"


def notes(imported: ImportResult) -> list[str]:
    """The notes of all files together: what was read under another name, or has no column in any table."""
    return _together(outcome.notes for outcome in imported.outcomes)


def left_out(imported: ImportResult) -> list[str]:
    """What could not be read, of all files together: path, reason, count, and the files."""
    counts: Counter[str] = Counter()
    files: dict[str, list[str]] = {}
    for outcome in imported.outcomes:
        counts.update(outcome.left_out)
        for text in outcome.left_out:
            files.setdefault(text, []).append(outcome.file)
    return [f"{text} ({_count(count, 'time')}, in {_some(files[text])})" for text, count in sorted(counts.items())]


def not_complete(imported: ImportResult) -> str | None:
    """Why no day was marked as complete although --complete was given; None if days were marked."""
    if imported.may_be_complete and (imported.span is None or imported.complete):
        return None
    if imported.may_be_complete:
        what = (
            f"the files hold conversations or figures of no day that lies wholly in {imported.span}. Conversations and "
            "hours are kept by days of UTC: pass a span of whole days of UTC, and files that are not empty"
        )
    elif imported.is_whole and imported.short_of is not None:
        read, total, files, name = imported.short_of
        what = (
            f"the platform counted {total} conversations ({name}) and the files have {read} of them, in "
            f"{_some(files)}: import all pages of the answer together. If these are all, write their conversations "
            f"into one document with the {name}, because pages that share no day may be of several answers"
        )
    elif imported.is_whole and imported.ends_before is not None:
        day, until = imported.ends_before
        what = f"the job of {day} had data up to {until} only (dataAvailabilityDate): run another, and import that"
    elif imported.is_whole and not imported.further_pages and imported.cut_at is not None:
        day, until = imported.cut_at
        what = (
            f"the last bucket of {day} ends at {until} and is shorter than others: the answer was saved, or its "
            "interval ends, before the bucket was over. Import an answer about the whole day that was saved after it"
        )
    elif imported.is_whole:
        what = (
            f"each page says that a further one follows ({', '.join(imported.further_pages[:_NAMED_FILES])}), so the "
            "last page is missing: import all pages of the answer together"
        )
    elif imported.skipped:
        what = "a file was skipped"
    else:
        what = "something was left out"
    return f"No day was marked as complete, because {what}."


def not_marked(imported: ImportResult) -> list[str]:
    """Which days --complete did not mark although it marked others, and why."""
    zone = "Daily figures are kept by days of GENESYS_ASSETS_TIME_ZONE, all other data by days of UTC"
    partly = (
        f"{TABLES[asset]} of {ranges(days)}, because the span holds only a part of these days. {zone}: pass a span "
        "with all of both"
        for asset, days in imported.partly_within.items()
    )
    without = (
        f"{TABLES[asset]} of {ranges(days)}, because other files of this import have data of these days, and none has "
        "figures for this table. Import these figures too, or pass a span without these days"
        for asset, days in imported.without_figures.items()
    )
    return [f"Not marked as complete: {text}." for text in (*partly, *without)]


def no_longer_complete(imported: ImportResult) -> str | None:
    """Which days were damaged and are not complete any more; None if there are none."""
    days = sorted({day for _, day in imported.no_longer_complete})
    if not days:
        return None
    return (
        f"The stored pages of {ranges(days)} were damaged, and were written again with other content than before. If "
        "they counted as complete, they do not any more. Pass --complete if the files hold all data for these days."
    )


def _together(remarks: Iterable[Mapping[str, int]]) -> list[str]:
    counts: Counter[str] = Counter()
    for of_file in remarks:
        counts.update(of_file)
    return [counted(text, count) for text, count in sorted(counts.items())]


def _some(files: Sequence[str]) -> str:
    """The first files, and how many more there are, in words."""
    named, further = ", ".join(files[:_NAMED_FILES]), len(files) - _NAMED_FILES
    return f"{named} and {_count(further, 'further file')}" if further > 0 else named


def ranges(days: Sequence[str]) -> str:
    """Days as ranges, in words: `2026-01-01 to 2026-01-03, 2026-01-05`."""
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in runs(days))


def runs(days: Sequence[str]) -> list[tuple[str, str]]:
    """The first and last day of each unbroken range of days."""
    unbroken: list[tuple[str, str]] = []
    for day in days:
        if unbroken and date.fromisoformat(day) - date.fromisoformat(unbroken[-1][1]) == timedelta(days=1):
            unbroken[-1] = (unbroken[-1][0], day)
        else:
            unbroken.append((day, day))
    return unbroken


def _days(outcome: Outcome) -> list[str]:
    return sorted({day for days in outcome.partitions.values() for day in days})


def _remarks(outcome: Outcome) -> str:
    parts = [outcome.reason, *starmap(counted, outcome.notes.items()), *starmap(counted, outcome.left_out.items())]
    return "; ".join(filter(None, parts))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")

"""From which columns of which tables each column of a report comes. Computed from the definition alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from genesys_assets.reports.language.model import INTERVAL_COLUMNS, INTERVAL_LENGTH
from genesys_assets.reports.language.sources import OF_ATTRIBUTE, OF_CONVERSATION
from genesys_assets.reports.meaning.aggregates_part import AggregatesPart
from genesys_assets.reports.meaning.columns import OutputColumn
from genesys_assets.reports.meaning.details_part import Count, DetailsPart
from genesys_assets.reports.meaning.questions import own_columns
from genesys_assets.reports.meaning.report import DAYS, Report
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, PARTICIPANT_ATTRIBUTES
from genesys_assets.tables.service_levels import SERVICE_LEVELS_HISTORY

Origin = tuple[str, str]
"""Where a table lies, `tables/sessions`, and the name of a column of it."""

_SETTINGS = {"service_level_target": "service_level_target", "service_level_threshold": "service_level_threshold_ms"}
_OF_A_DAY = {f"tables/{spec.name}": spec for spec in DAY_TABLES}


def lineage(report: Report) -> dict[str, tuple[Origin, ...]]:
    """The origins of each column, in the order of the report's columns. Columns without an origin are left out."""
    times = _once(_of_times(report))
    known = {**_of_keys(report), **_of_shown(report, dict.fromkeys((INTERVAL_LENGTH, DAYS.name), times))}
    by_column = {
        column.name: times if column.name in INTERVAL_COLUMNS else known.get(column.name, ())
        for column in report.spec.columns
    }
    return {name: origins for name, origins in by_column.items() if origins}


def _of_times(report: Report) -> Iterator[Origin]:
    for part in report.aggregates:
        yield _place(part), "interval_start"
    for details in report.details:
        yield from _origins(details, details.time)


def _of_keys(report: Report) -> dict[str, tuple[Origin, ...]]:
    by_column: dict[str, tuple[Origin, ...]] = {}
    named = report.keys_with_names
    for key in report.keys:
        by_column[key.column] = _once([*_keys_of_aggregates(report, key.column), *_keys_of_details(report, key.column)])
        if key in named and key.history:
            by_column[key.name_column] = _once([*by_column[key.column], *_names(key.history)])
    return by_column


def _keys_of_aggregates(report: Report, column: str) -> Iterator[Origin]:
    for part in report.aggregates:
        for key in part.keys:
            if key.column == column and key.dimension:
                yield _place(part), own_columns(part.source.family).get(key.dimension, "group_key")


def _keys_of_details(report: Report, column: str) -> Iterator[Origin]:
    for part in report.details:
        for name, read in part.keys:
            if name == column and read:
                yield from _origins(part, read)


def _of_shown(report: Report, lengths: Mapping[str, tuple[Origin, ...]]) -> dict[str, tuple[Origin, ...]]:
    """`lengths` has the origins of the figures that depend on time alone."""
    known = {**lengths, **_of_figures(report)}
    keys = _of_keys(report)
    by_column: dict[str, tuple[Origin, ...]] = {}
    for column in report.shown:
        origins = _once(_of_column(column, known, keys))
        by_column[column.name] = origins
        known.setdefault(column.known_as, origins)
    return by_column


def _of_column(
    column: OutputColumn, known: Mapping[str, tuple[Origin, ...]], keys: Mapping[str, tuple[Origin, ...]]
) -> Iterator[Origin]:
    """The origins of a shown column. Those of a formula are the origins of all names in it."""
    if column.setting:
        yield f"reference/{SERVICE_LEVELS_HISTORY.name}", _SETTINGS[column.setting]
    if column.ids:
        yield from known.get(column.ids) or keys.get(column.ids, ())
    if column.history:
        yield from _names(column.history)
    for name in [*([column.figure] if column.figure else []), *(column.formula.names if column.formula else ())]:
        yield from known.get(name, ())


def _of_figures(report: Report) -> dict[str, tuple[Origin, ...]]:
    by_figure: dict[str, list[Origin]] = {}
    for part in report.aggregates:
        for pick in part.picks:
            by_figure.setdefault(pick.figure, []).extend([(_place(part), "metric"), (_place(part), pick.statistic)])
    for details in report.details:
        for count in details.counts:
            by_figure.setdefault(count.figure, []).extend(_counted(details, count))
    return {name: _once(origins) for name, origins in by_figure.items()}


def _counted(part: DetailsPart, count: Count) -> Iterator[Origin]:
    """The origins of a count. If it has no column, they are the column of `once_per`, else the key of the table."""
    columns = [count.column] if count.column else [part.once_per] if part.once_per else list(part.table.spec.key)
    for column in columns:
        if column:
            yield from _origins(part, column)


def _origins(part: DetailsPart, column: str) -> Iterator[Origin]:
    """The origins of a column of the part's table. If that table is not stored, they are the columns of the same name
    in the tables that it is computed from; if none has one, they are the conversation ids of these tables.
    """
    if column.startswith(OF_CONVERSATION):
        yield f"tables/{CONVERSATIONS.name}", column.removeprefix(OF_CONVERSATION)
    elif column.startswith(OF_ATTRIBUTE):
        yield f"tables/{PARTICIPANT_ATTRIBUTES.name}", "value"
    elif not part.table.made_of:
        yield part.table.place, column
    else:
        having = [place for place in part.table.made_of if column in _OF_A_DAY[place].schema.names]
        yield from ((place, column) for place in having)
        if not having:
            yield from ((place, "conversation_id") for place in part.table.made_of)


def _names(history: str) -> Iterator[Origin]:
    yield f"reference/{history}_history", "name"


def _place(part: AggregatesPart) -> str:
    return f"tables/{part.source.table.name}"


def _once(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys(origins))

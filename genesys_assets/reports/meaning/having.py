"""Which rows of a report are shown: conditions on its columns and figures.

A name in the condition means the column of that name, with its value as shown (unit, digits). If there is no such
column, it means the figure of that name; times are then in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from genesys_assets.reports.language import conditions
from genesys_assets.reports.language.conditions import Comparison, Condition
from genesys_assets.reports.language.model import ReportDefinition
from genesys_assets.reports.language.problems import Mistakes, one_of, quoted
from genesys_assets.reports.meaning.figures import Figure
from genesys_assets.reports.meaning.values import compared
from genesys_assets.tables.spec import TableSpec


def compile_having(
    stated: ReportDefinition, spec: TableSpec, figures: Mapping[str, Figure], mistakes: Mistakes
) -> Condition | None:
    """The condition of the entry; None if every row is shown. Mistakes are added to `mistakes`."""
    if stated.having is None:
        return None
    types = types_of(spec, figures)

    def resolve(comparison: Comparison) -> Comparison:
        type_ = types.get(comparison.name)
        if comparison.name in mistakes.unknown:
            return comparison
        if type_ is None:
            message = f"{quoted(comparison.name)} is neither column nor figure of this report."
            path = comparison.name_path or comparison.path
            mistakes.add(path, f"{message} {one_of(types, comparison.name)}", comparison.name)
            return comparison
        return compared(comparison, comparison.name, type_, mistakes)

    return conditions.read_resolved(stated.having, ("having",), mistakes, resolve)


def types_of(spec: TableSpec, figures: Mapping[str, Figure]) -> dict[str, pa.DataType]:
    """The type of everything that a condition may name."""
    return {name: figure.result for name, figure in figures.items()} | {
        column.name: column.type for column in spec.columns
    }

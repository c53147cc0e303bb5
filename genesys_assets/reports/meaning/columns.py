"""Columns that a report shows: figures as they are, formulas over them, and the names of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa

from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.language.formulas import NUMBERS, Formula, FormulaError
from genesys_assets.reports.language.model import UNITS, Column, QueueSetting, Unit
from genesys_assets.reports.language.problems import Mistakes, Path, one_of, quoted
from genesys_assets.reports.meaning.figures import Figure, GroupKey, class_of_names
from genesys_assets.tables.personal import strongest

_IDS = (pa.string(), pa.list_(pa.string()))


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One column that is shown. It is the result of `formula`, the figure `figure`, the names of the ids in `ids`, or
    the `setting` of the row's queue.

    `name` is its name in the table, `known_as` its name in the entry, which formulas use. `of` is its period, if
    periods are compared: now, before, or the change from before to now.
    """

    name: str
    known_as: str
    type: pa.DataType
    description: str
    figure: str | None = None
    formula: Formula | None = None
    ids: str | None = None
    history: str | None = None
    setting: QueueSetting | None = None
    unit: Unit | None = None
    digits: int | None = None
    personal: PersonalData = PersonalData.NONE
    of: Literal["now", "before", "change"] = "now"

    @property
    def divisor(self) -> int:
        """What milliseconds are divided by to get the column's unit."""
        return UNITS[self.unit] if self.unit else 1


def shown_columns(
    stated: Mapping[str, Column | str | None],
    taken: Set[str],
    keys: Sequence[GroupKey],
    figures: Mapping[str, Figure],
    mistakes: Mistakes,
) -> tuple[OutputColumn, ...]:
    """The columns of an entry. Columns with mistakes are left out, and the mistakes added to `mistakes`. `taken` are
    the names of columns that the report has without declaring them.
    """
    names, compiler = set(taken), _ColumnCompiler(keys, figures, tuple(stated), mistakes)
    types = {name: figure.result for name, figure in figures.items()}
    classes = {name: figure.personal for name, figure in figures.items()}
    powers = {name: figure.power for name, figure in figures.items()}
    columns: list[OutputColumn] = []
    for name, column in stated.items():
        path: Path = ("columns", name)
        shown = compiler.column(name, column, path, types, powers)
        if shown is None:
            mistakes.unknown.names.add(name)
            continue
        if shown.name in names and shown.name not in mistakes.unknown:
            mistakes.add(path, f"there is a column {shown.name!r} already. Call one of them differently", name)
        names.add(shown.name)
        if shown.formula:
            types.setdefault(name, shown.type)
            powers.setdefault(name, shown.formula.power(powers))
            personal = strongest(classes[each] for each in shown.formula.names if each in classes)
            classes.setdefault(name, personal)
            shown = replace(shown, personal=personal)
        columns.append(shown)
    return tuple(columns)


@dataclass(frozen=True, slots=True)
class _ColumnCompiler:
    keys: Sequence[GroupKey]
    figures: Mapping[str, Figure]
    names: Sequence[str]
    mistakes: Mistakes

    def column(
        self,
        name: str,
        stated: Column | str | None,
        path: Path,
        types: Mapping[str, pa.DataType],
        powers: Mapping[str, int | None],
    ) -> OutputColumn | None:
        column = stated if isinstance(stated, Column) else Column(formula=stated)
        if column.names_of is not None:
            return self._names(name, column, (*path, "names_of"))
        if column.queue_setting is not None:
            return self._setting(name, column, column.queue_setting, (*path, "queue_setting"))
        if column.formula is None and isinstance(stated, Column) and "formula" in column.model_fields_set:
            self.mistakes.add((*path, "formula"), "formula must be text, got nothing. Write it, or take it out")
            return None
        text = column.formula or name
        figure = self.figures.get(text)
        description = column.description or (figure.description if figure else text)
        computes = column.unit is not None or column.digits is not None
        if figure and not computes and (column.formula is None or figure.result not in NUMBERS):
            return OutputColumn(name, name, figure.result, description, figure=text, personal=figure.personal)
        if name in self.figures and text != name:
            message = f"{name!r} is also the name of a figure, which formulas would use instead of this column"
            self.mistakes.add(path, f"{message}. Call the column differently", text)
            return None
        try:
            formula = Formula.parse(text)
            unknown = [each for each in formula.names if each not in types and each in self.mistakes.unknown]
            if unknown:
                self.mistakes.unknown.names.add(name)
            known = {*types, *unknown}
            below = [each for each in formula.names if each not in known and each in self._not_above(name)]
            if below and column.formula is not None:
                message = "which does not stand above this one. A formula can use only figures and the columns above it"
                raise FormulaError(f"{quoted(text)} uses the column {below[0]}, {message}")
            type_ = formula.type({**types, **dict.fromkeys(unknown, pa.int64())})
        except FormulaError as wrong:
            is_mapping = isinstance(stated, Column) and column.formula is not None
            self.mistakes.add((*path, "formula") if is_mapping else path, str(wrong), text)
            return None
        if computes and type_ == pa.bool_():
            message = f"{text} is true or false, which has neither unit nor digits. Take them out"
            self.mistakes.add(path, message, text)
        elif column.unit is not None and formula.power(powers) not in (1, None):
            message = f"{text} is no time in milliseconds, so {column.unit} is no unit of it. Take the unit out"
            self.mistakes.add((*path, "unit"), message, column.unit)
        if column.unit is None:
            return OutputColumn(name, name, type_, description, formula=formula, digits=column.digits)
        return OutputColumn(
            name if name.endswith(f"_{column.unit}") else f"{name}_{column.unit}",
            name,
            type_ if column.unit == "ms" else pa.float64(),
            description if column.description else f"{description}, in {column.unit}",
            formula=formula,
            unit=column.unit,
            digits=column.digits,
        )

    def _not_above(self, name: str) -> Sequence[str]:
        """The columns from this one on."""
        at = self.names.index(name)
        return self.names[at:]

    def _setting(self, name: str, column: Column, setting: QueueSetting, path: Path) -> OutputColumn | None:
        lacking = {"queue_id", "media_type"} - {key.column for key in self.keys}
        if lacking and not self.mistakes.unknown.keys:
            message = f"a queue_setting needs group_by: [queueId, mediaType]. Missing: {', '.join(sorted(lacking))}"
            self.mistakes.add(path, message, setting)
        is_time = setting == "service_level_threshold"
        if column.unit and not is_time:
            message = f"{setting} is no time in milliseconds, so {column.unit} is no unit of it. Take the unit out"
            self.mistakes.add((*path[:-1], "unit"), message, column.unit)
        converted = column.unit not in (None, "ms")
        suffix = f"_{column.unit}" if column.unit and not name.endswith(f"_{column.unit}") else ""
        meaning = "time within which to answer" if is_time else "share to answer in that time, 0 to 1"
        description = (
            column.description or f"{meaning}, as set for the queue and media type at the end of the row's time"
        )
        return OutputColumn(
            f"{name}{suffix}",
            name,
            pa.int64() if is_time and not converted else pa.float64(),
            f"{description}; null if that is unknown",
            setting=setting,
            unit=column.unit,
            digits=column.digits,
        )

    def _names(self, name: str, column: Column, path: Path) -> OutputColumn | None:
        ids = str(column.names_of)
        types = {key.column: pa.string() for key in self.keys}
        types |= {figure.name: figure.result for figure in self.figures.values()}
        histories = {each.column: each.history for each in self.keys}
        histories |= {each.name: each.history for each in self.figures.values()}
        with_names = [each for each, history in histories.items() if history and types[each] in _IDS]
        if ids not in with_names and ids in self.mistakes.unknown:
            return None
        if ids not in with_names:
            problem = "has no names" if ids in histories else "is no column or figure"
            self.mistakes.add(path, f"{quoted(ids)} {problem}. {one_of(with_names, ids)}", ids)
            return None
        description = column.description or f"names of {ids}; the id if no name is known"
        personal = class_of_names(str(histories[ids]))
        return OutputColumn(name, name, types[ids], description, ids=ids, history=histories[ids], personal=personal)

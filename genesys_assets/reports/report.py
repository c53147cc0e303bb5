"""What an entry means: its parts, the columns it shows and the table it makes. Carrying it out is `compute`.

All names in an entry are looked up here, once; whatever there is not is found at once and told with the nearest names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

import pyarrow as pa

from genesys_assets.cloud.catalogue import MULTI_VALUED
from genesys_assets.cloud.queries import Granularity
from genesys_assets.reports.aggregates_part import AggregatesPart, aggregates_part
from genesys_assets.reports.details_part import DetailsPart, details_part
from genesys_assets.reports.figures import Figure, GroupKey, group_key
from genesys_assets.reports.formulas import Formula, FormulaError
from genesys_assets.reports.model import INTERVAL_COLUMNS, UNITS, Chart, Column, ReportDefinition, Unit
from genesys_assets.reports.problems import Findings, Path, one_of
from genesys_assets.reports.sources import said
from genesys_assets.tables.spec import Column as TableColumn
from genesys_assets.tables.spec import TableSpec, columns

BUSINESS = "business"

_INTERVAL = columns("""
interval_start instant begin, inclusive
interval_end instant end, exclusive
""")
_LOCAL_DATE = columns("local_date day date of the day in its time zone")
_NUMBERS = (pa.int64(), pa.float64())
_Source = TypeVar("_Source")


@dataclass(frozen=True, slots=True)
class Shown:
    """One column that is shown: what `formula` gives, or the figure `figure`, or the names of the ids in `ids`.

    `name` is how it is called, `known_as` how other columns call it.
    """

    name: str
    known_as: str
    type: pa.DataType
    description: str
    figure: str | None = None
    formula: Formula | None = None
    ids: str | None = None
    history: str | None = None
    unit: Unit | None = None
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A report that can be computed."""

    name: str
    spec: TableSpec
    granularity: Granularity
    time_zone: str
    keys: tuple[GroupKey, ...]
    key_types: Mapping[str, pa.DataType]
    required: tuple[str, ...]
    has_names: bool
    aggregates: tuple[AggregatesPart, ...]
    details: tuple[DetailsPart, ...]
    figures: tuple[Figure, ...]
    shown: tuple[Shown, ...]
    order: tuple[tuple[str, bool], ...]
    top: int | None
    chart: Chart | None
    definition: ReportDefinition

    @classmethod
    def of(cls, name: str, stated: ReportDefinition, findings: Findings | None = None) -> Report:
        """What an entry means. What is wrong with it is added to `findings`; the report is then of no use."""
        return _Compiler(name, stated, Findings() if findings is None else findings).report()

    def every(self, granularity: Granularity) -> Report:
        """The same report by other intervals. Raises ValueError where it cannot be computed by them."""
        findings = Findings()
        report = Report.of(self.name, self.definition.model_copy(update={"granularity": granularity}), findings)
        if findings.found:
            raise ValueError("; ".join(found.message for found in findings.found))
        return report

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone of its own; None where its days are business days."""
        return None if self.time_zone == BUSINESS else ZoneInfo(self.time_zone)

    @property
    def is_flat(self) -> bool:
        """Whether a group may stand for several values at once, joined by commas."""
        return any(part.source.question.flatten_multivalued_dimensions for part in self.aggregates)

    @property
    def places(self) -> tuple[str, ...]:
        """Where the tables lie from which details are counted: `tables/segments`, `live/queues`."""
        return tuple(dict.fromkeys(place for part in self.details for place in part.places))

    @property
    def only_live(self) -> bool:
        """Whether all of it comes from snapshots."""
        return not self.aggregates and all(part.table.is_live for part in self.details)

    @property
    def histories(self) -> tuple[str, ...]:
        """The histories whose names are shown."""
        of_keys = [key.history for key in self.keys if key.history and self.has_names]
        shown = [column.history for column in self.shown if column.history]
        return tuple(dict.fromkeys([*of_keys, *shown]))


@dataclass(frozen=True, slots=True)
class _Compiler:
    name: str
    stated: ReportDefinition
    findings: Findings

    def report(self) -> Report:
        stated = self.stated
        self._time_zone()
        keys = tuple(self._keys())
        self._grouped(keys)
        aggregates = tuple(
            part
            for path, source in _at("aggregates", stated.aggregates, stated.aggregate_sources)
            if (part := aggregates_part(source, keys, stated.granularity, path, self.findings))
        )
        details = tuple(
            counted
            for path, source in _at("details", stated.details, stated.details_sources)
            if (counted := details_part(source, keys, path, self.findings))
        )
        all_there = len(aggregates) == len(stated.aggregate_sources) and len(details) == len(stated.details_sources)
        figures = self._figures([*aggregates, *details], [key.column for key in keys])
        key_types = self._key_types(keys, details)
        shown = self._shown(keys, figures, key_types) if all_there else ()
        spec = self._spec(keys, key_types, shown)
        return Report(
            name=self.name,
            spec=spec,
            granularity=stated.granularity,
            time_zone=stated.time_zone,
            keys=keys,
            key_types=key_types,
            required=tuple(self._required(keys)),
            has_names=stated.names,
            aggregates=aggregates,
            details=details,
            figures=tuple(figures.values()),
            shown=shown,
            order=tuple(self._order(spec, shown)) if all_there else (),
            top=stated.top,
            chart=self._chart(spec, shown) if all_there else None,
            definition=stated,
        )

    def _time_zone(self) -> None:
        zone = self.stated.time_zone
        if zone not in (BUSINESS, "UTC") and zone not in available_timezones():
            nearest = one_of([BUSINESS, *sorted(available_timezones())], zone)
            nearest = nearest if nearest.startswith("Closest") else "Use business, UTC or a name such as Europe/London."
            self.findings.add(("time_zone",), f"{zone!r} is not a time zone. {nearest}", zone)

    def _keys(self) -> Iterator[GroupKey]:
        seen: set[str] = set()
        for index, name in enumerate(self.stated.group_by):
            path: Path = ("group_by", index)
            of_platform = bool(self.stated.aggregate_sources)
            key = group_key(name, of_platform=of_platform, path=path, findings=self.findings)
            if key is None:
                continue
            if key.column in seen or key.column in INTERVAL_COLUMNS:
                reason = "is there already" if key.column in seen else "is always grouped by: choose a granularity"
                self.findings.add(path, f"{key.column} {reason}", name)
                continue
            seen.add(key.column)
            yield key

    def _grouped(self, keys: tuple[GroupKey, ...]) -> None:
        if not self.stated.aggregate_sources and not self.stated.details_sources:
            self.findings.add((), "a report needs figures: give it `aggregates`, `details` or both")
        if self.stated.top is not None and not keys:
            self.findings.add(("top",), "without group_by there is one row in each interval", self.stated.top)

    def _required(self, keys: tuple[GroupKey, ...]) -> Iterator[str]:
        known = {key.column: key for key in keys}
        for index, name in enumerate(self.stated.require):
            key = group_key(name, of_platform=False, path=("require", index), findings=Findings())
            if key is None or key.column not in known:
                self.findings.add(
                    ("require", index), f"the report is not grouped by {name!r}. {one_of(known, name)}", name
                )
            else:
                yield key.column

    def _key_types(self, keys: tuple[GroupKey, ...], details: tuple[DetailsPart, ...]) -> dict[str, pa.DataType]:
        types: dict[str, pa.DataType] = {key.column: pa.string() for key in keys if self.stated.aggregate_sources}
        for index, part in enumerate(details):
            for column, type_ in part.key_types.items():
                if types.setdefault(column, type_) != type_:
                    path = ("details", index) if isinstance(self.stated.details, list) else ("details",)
                    self.findings.add(
                        (*path, "group_by"),
                        f"{column} is {said(type_)} here and {said(types[column])} in another source",
                        column,
                    )
        return {key.column: types.get(key.column, pa.string()) for key in keys}

    def _figures(self, parts: Iterable[AggregatesPart | DetailsPart], taken: list[str]) -> dict[str, Figure]:
        """Figures by name; what several sources give under one name is one figure."""
        figures: dict[str, Figure] = {}
        for part in parts:
            for figure in part.figures:
                if figure.name in taken:
                    self.findings.add((), f"the report is grouped by {figure.name}: call the figure differently")
                known = figures.setdefault(figure.name, figure)
                if (known.how, known.type) != (figure.how, figure.type):
                    one, other = (f"the {each.how} of {said(each.type)}" for each in (known, figure))
                    self.findings.add(
                        (),
                        f"the figure {figure.name} is {one} in one source and {other} in another: call one differently",
                        figure.name,
                    )
        return figures

    # -- columns ---------------------------------------------------------------------------------------------------

    def _shown(
        self, keys: tuple[GroupKey, ...], figures: dict[str, Figure], key_types: dict[str, pa.DataType]
    ) -> tuple[Shown, ...]:
        stated = self.stated.columns
        if stated is None:
            stated = dict.fromkeys(figures)
        taken = {*INTERVAL_COLUMNS, *(key.column for key in keys)}
        taken |= {key.name_column for key in keys if key.history and self.stated.names}
        types = {name: figure.result for name, figure in figures.items()}
        found: list[Shown] = []
        for name, column in stated.items():
            path: Path = ("columns", name)
            shown = self._column(name, column, path, keys, figures, types)
            if shown is None:
                continue
            if shown.name in taken:
                self.findings.add(path, f"there is a column {shown.name!r} already", name)
            taken.add(shown.name)
            types.setdefault(name, shown.type if shown.unit is None else types.get(name, pa.float64()))
            found.append(shown)
        return tuple(found)

    def _column(
        self,
        name: str,
        stated: Column | str | None,
        path: Path,
        keys: tuple[GroupKey, ...],
        figures: dict[str, Figure],
        types: Mapping[str, pa.DataType],
    ) -> Shown | None:
        column = stated if isinstance(stated, Column) else Column(formula=stated)
        if column.names_of is not None:
            return self._names(name, column, (*path, "names_of"), keys, figures)
        is_shown_as_it_is = column.unit is None and column.digits is None
        if column.formula is None and name in figures and is_shown_as_it_is:
            figure = figures[name]
            return Shown(name, name, figure.result, column.description or figure.description, figure=name)
        text = column.formula or name
        at = (*path, "formula") if isinstance(stated, Column) and column.formula else path
        try:
            formula = Formula.parse(text)
            if text in types and types[text] not in _NUMBERS and is_shown_as_it_is:
                described = column.description or figures[text].description
                return Shown(name, name, types[text], described, figure=text)
            type_ = formula.type(types)
        except FormulaError as wrong:
            self.findings.add(at, str(wrong), text)
            return None
        described = column.description or (figures[text].description if text in figures else text)
        if column.unit is None:
            return Shown(name, name, type_, described, formula=formula, digits=column.digits)
        if type_ == pa.bool_():
            self.findings.add((*path, "unit"), f"{text} is true or false, which has no unit", column.unit)
        suffixed = name if name.endswith(f"_{column.unit}") else f"{name}_{column.unit}"
        return Shown(
            suffixed,
            name,
            type_ if column.unit == "ms" else pa.float64(),
            described if column.description else f"{described}, in {column.unit}",
            formula=formula,
            unit=column.unit,
            digits=column.digits,
        )

    def _names(
        self, name: str, column: Column, path: Path, keys: tuple[GroupKey, ...], figures: dict[str, Figure]
    ) -> Shown | None:
        ids = str(column.names_of)
        of_keys = {key.column: key.history for key in keys}
        known = {**of_keys, **{figure.name: figure.history for figure in figures.values()}}
        if ids not in known or known[ids] is None:
            there = [each for each, history in known.items() if history]
            problem = "has no names" if ids in known else "is no column or figure"
            self.findings.add(path, f"{ids!r} {problem}. {one_of(there, ids)}", ids)
            return None
        type_ = figures[ids].result if ids in figures else pa.string()
        described = column.description or f"names of {ids}; the id where no name is known"
        return Shown(name, name, type_, described, ids=ids, history=known[ids])

    # -- the table -------------------------------------------------------------------------------------------------

    def _spec(
        self, keys: tuple[GroupKey, ...], key_types: Mapping[str, pa.DataType], shown: tuple[Shown, ...]
    ) -> TableSpec:
        required = set(self._required_quietly(keys))
        columns_ = list(_INTERVAL)
        if has_local_date(self.stated.granularity, self.stated.time_zone):
            columns_ += _LOCAL_DATE
        for key in keys:
            columns_.append(TableColumn(key.column, key_types[key.column], _said_of(key)))
            if key.history and self.stated.names:
                said = f"name of {key.column} on that day; the id where no name was ever known"
                columns_.append(TableColumn(key.name_column, pa.string(), said))
        columns_ += [TableColumn(column.name, column.type, column.description) for column in shown]
        return TableSpec(
            self.name,
            self._description(keys),
            ("interval_start", *(key.column for key in keys)),
            tuple(columns_),
            partition_column="interval_start" if self.stated.time_zone == "UTC" else None,
            null_in_key=tuple(key.column for key in keys if key.column not in required),
        )

    def _required_quietly(self, keys: tuple[GroupKey, ...]) -> list[str]:
        return list(_Compiler(self.name, self.stated, Findings())._required(keys))

    def _description(self, keys: tuple[GroupKey, ...]) -> str:
        overlapping = [key.dimension for key in keys if key.dimension in MULTI_VALUED]
        flattened = all(source.flatten for source in self.stated.aggregate_sources)
        if not overlapping or not self.stated.aggregate_sources or flattened:
            return self.stated.description
        return (
            f"{self.stated.description.rstrip()} A session with several values of {', '.join(map(str, overlapping))} "
            "counts in the group of each: groups must not be added up."
        )

    def _order(self, spec: TableSpec, shown: tuple[Shown, ...]) -> Iterator[tuple[str, bool]]:
        known = {column.name: column.name for column in spec.columns} | {each.known_as: each.name for each in shown}
        for index, text in enumerate(self.stated.order_by):
            name, _, direction = text.strip().partition(" ")
            path: Path = ("order_by", index)
            if direction.strip().lower() not in ("", "asc", "desc"):
                self.findings.add(path, f"{direction.strip()!r} is no direction: write desc or asc", text)
            elif name not in known:
                self.findings.add(path, f"{name!r} is no column of this report. {one_of(known, name)}", text)
            elif pa.types.is_list(spec.schema.field(known[name]).type):
                self.findings.add(path, f"{name} is a list, by which rows cannot be ordered", text)
            else:
                yield known[name], direction.strip().lower() == "desc"

    def _chart(self, spec: TableSpec, shown: tuple[Shown, ...]) -> Chart | None:
        known = {column.name: column.name for column in spec.columns} | {each.known_as: each.name for each in shown}
        numbers = [column.name for column in shown if column.type in _NUMBERS]
        stated = self.stated.chart
        if stated is None:
            if not numbers:
                return None
            by_time = self.stated.granularity != "P1D" or not self.stated.group_by
            return Chart(x="interval_start" if by_time else _label(spec), y=numbers[0])
        for axis, name in (("x", stated.x), ("y", stated.y)):
            if name not in known:
                self.findings.add(("chart", axis), f"{name!r} is no column of this report. {one_of(known, name)}", name)
            elif axis == "y" and known[name] not in numbers:
                self.findings.add(("chart", axis), f"{name} is no number", name)
        return Chart(x=known.get(stated.x, stated.x), y=known.get(stated.y, stated.y))


def has_local_date(granularity: Granularity, time_zone: str) -> bool:
    """Whether rows are days of a zone, which have a date there."""
    return granularity == "P1D" and time_zone != "UTC"


def divisor(unit: Unit) -> int:
    return UNITS[unit]


def _label(spec: TableSpec) -> str:
    """The column by which a person tells rows of a day apart: a name, where there is one."""
    texts = [column.name for column in spec.columns if column.type == pa.string()]
    return next((name for name in texts if name.endswith("_name")), texts[0] if texts else "interval_start")


_SAID = {"user_id": "the agent", "queue_id": "the queue", "media_type": "media type"}


def _said_of(key: GroupKey) -> str:
    return _SAID.get(key.column) or f"{key.dimension or key.column} of the group"


def _at(name: str, stated: object, sources: Iterable[_Source]) -> Iterator[tuple[Path, _Source]]:
    """The sources with where each of them stands."""
    for index, source in enumerate(sources):
        yield ((name, index) if isinstance(stated, list) else (name,)), source

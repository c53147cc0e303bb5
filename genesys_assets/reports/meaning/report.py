"""A compiled report: the parts, columns and table of an entry. `engine.compute` computes it.

All names in an entry are looked up here, once. Unknown names are reported immediately, with the closest known ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

import pyarrow as pa

from genesys_assets.cloud.analytics.families import AggregateFamily
from genesys_assets.cloud.analytics.queries import AggregateQuestion, Granularity
from genesys_assets.periods import Period
from genesys_assets.reports.language.conditions import Condition
from genesys_assets.reports.language.formulas import NUMBERS
from genesys_assets.reports.language.longer import Rolling
from genesys_assets.reports.language.model import INTERVAL_COLUMNS, INTERVAL_LENGTH, Chart, ReportDefinition
from genesys_assets.reports.language.problems import Mistakes, Path, one_of, quoted
from genesys_assets.reports.language.sources import type_in_words
from genesys_assets.reports.meaning.aggregates_part import AggregatesPart, aggregates_part
from genesys_assets.reports.meaning.columns import OutputColumn, shown_columns
from genesys_assets.reports.meaning.details_part import DetailsPart, details_part
from genesys_assets.reports.meaning.figures import (
    Figure,
    GroupKey,
    class_of_key,
    class_of_names,
    group_key,
    keys_with_names,
)
from genesys_assets.reports.meaning.having import compile_having
from genesys_assets.reports.meaning.period_before import PeriodBefore, period_before, with_compared
from genesys_assets.reports.meaning.questions import families_of
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.spec import Column as TableColumn
from genesys_assets.tables.spec import TableSpec, columns

BUSINESS = "business"

_INTERVAL = columns("""
interval_start instant start, inclusive
interval_end instant end, exclusive
""")
_LOCAL_DATE = columns("local_date day date of the day in its time zone")
_INTERVAL_LENGTH = Figure(INTERVAL_LENGTH, "sum", pa.int64(), "length of the interval", power=1)
_DATES = columns("""
first_date day date of the first day
last_date day date of the last day
""")
_WEEKDAY = columns("weekday integer 1 for Monday to 7 for Sunday")
DAYS = Figure("days", "sum", pa.int64(), "how many days of the calendar the row is about", power=0)
"""Formulas of reports over several days may divide by this figure."""
_DAY_PLACES = frozenset(f"tables/{spec.name}" for spec in DAY_TABLES)
"""The tables of details that need no further permission."""
_MACHINE_ZONES = {"localtime", "Factory", "posixrules"}
"""Files in the folder of time zones that are not names of zones, or depend on the machine."""
_Source = TypeVar("_Source")


@dataclass(frozen=True, slots=True)
class Report:
    """A report that can be computed.

    `before` is the period that it is compared with. `key_types` are the types of its group keys; `required` are the
    keys that must have a value. `order` are pairs of a column and whether it is descending.
    """

    name: str
    spec: TableSpec
    granularity: Granularity
    period: Period
    before: PeriodBefore | None
    by_weekday: bool
    time_zone: str
    keys: tuple[GroupKey, ...]
    key_types: Mapping[str, pa.DataType]
    required: tuple[str, ...]
    has_names: bool
    aggregates: tuple[AggregatesPart, ...]
    details: tuple[DetailsPart, ...]
    figures: tuple[Figure, ...]
    shown: tuple[OutputColumn, ...]
    having: Condition | None
    order: tuple[tuple[str, bool], ...]
    top: int | None
    chart: Chart | None
    definition: ReportDefinition = field(compare=False)

    @classmethod
    def of(cls, name: str, stated: ReportDefinition, mistakes: Mistakes | None = None) -> Report:
        """Compile an entry. Mistakes are added to `mistakes`; the report must not be used if there are any."""
        return _Compiler(name, stated, Mistakes() if mistakes is None else mistakes).report()

    def every(self, granularity: Granularity) -> Report:
        """The same report with intervals of another length. Raises ValueError if it cannot be computed with these."""
        mistakes = Mistakes()
        report = Report.of(self.name, self.definition.model_copy(update={"granularity": granularity}), mistakes)
        if mistakes.items:
            raise ValueError("; ".join(mistake.message for mistake in mistakes.items))
        return report

    def has_partition(self, day: str, start_date: date) -> bool:
        """Whether the report has a partition for a day. A report over weeks has one for the last day of each week that
        does not begin before the start date.
        """
        return self.period.ends_on(day) and (self.period.is_day or self.period.first(day) >= start_date)

    def called(self, name: str) -> Report:
        """The same report under another name."""
        return replace(self, name=name, spec=replace(self.spec, name=name))

    @property
    def zone(self) -> ZoneInfo | None:
        """The report's own time zone; None if its days are business days."""
        return None if self.time_zone == BUSINESS else ZoneInfo(self.time_zone)

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that rows are grouped by: there is one row for each combination of values."""
        weekday = ("weekday",) if self.by_weekday else ()
        return ("interval_start", *weekday, *(key.column for key in self.keys))

    @property
    def is_flat(self) -> bool:
        """Whether one group may have several values of a dimension, joined by commas."""
        return any(part.source.question.flatten_multivalued_dimensions for part in self.aggregates)

    @property
    def metrics_places(self) -> tuple[str, ...]:
        """The places of the tables with the figures of its families: `tables/interval_metrics`."""
        return tuple(dict.fromkeys(f"tables/{part.source.table.name}" for part in self.aggregates))

    @property
    def questions(self) -> tuple[AggregateQuestion, ...]:
        """The questions to the platform that it needs, one for each source of aggregates."""
        return tuple(part.source.question for part in self.aggregates)

    @property
    def families(self) -> tuple[AggregateFamily, ...]:
        """The families whose figures it uses, except conversations."""
        return families_of(self.questions)

    @property
    def has_overlapping_groups(self) -> bool:
        """Whether one thing may count in several groups, in one of its aggregates."""
        return any(
            not part.source.question.flatten_multivalued_dimensions
            and not part.source.family.multi_valued.isdisjoint(key.dimension for key in part.keys)
            for part in self.aggregates
        )

    @property
    def places(self) -> tuple[str, ...]:
        """The places of the tables that details are counted from: `tables/segments`, `live/queues`."""
        return tuple(dict.fromkeys(place for part in self.details for place in part.places))

    @property
    def may_be_refused(self) -> bool:
        """Whether it needs a permission beyond those for conversations and their aggregates."""
        return bool(self.families) or not _DAY_PLACES.issuperset(self.places)

    @property
    def only_live(self) -> bool:
        """Whether all figures come from snapshots."""
        return not self.aggregates and all(part.table.is_live for part in self.details)

    @property
    def has_queue_settings(self) -> bool:
        """Whether a column shows a setting of queues."""
        return any(column.setting for column in self.shown)

    @property
    def histories(self) -> tuple[str, ...]:
        """The histories whose names are shown."""
        of_keys = [key.history for key in self.keys_with_names if key.history]
        shown = [column.history for column in self.shown if column.history]
        return tuple(dict.fromkeys([*of_keys, *shown]))

    @property
    def keys_with_names(self) -> list[GroupKey]:
        """The keys that are shown with names."""
        return keys_with_names(self.keys) if self.has_names else []


@dataclass(frozen=True, slots=True)
class _Compiler:
    name: str
    stated: ReportDefinition
    mistakes: Mistakes

    def report(self) -> Report:
        stated = self.stated
        self._time_zone()
        period = self._period()
        before = period_before(stated, period, self.mistakes)
        keys = tuple(self._keys())
        self._require_figures(keys)
        aggregates = tuple(
            part
            for path, source in _at("aggregates", stated.aggregates, stated.aggregate_sources)
            if (part := aggregates_part(source, keys, stated.granularity, path, self.mistakes))
        )
        details = tuple(
            counted
            for path, source in _at("details", stated.details, stated.details_sources)
            if (counted := details_part(source, keys, path, self.mistakes))
        )
        figures = self._figures([*aggregates, *details], [key.column for key in keys])
        self._note_unknown(figures)
        key_types = self._key_types(keys, details)
        stated_columns = stated.columns if stated.columns is not None else dict.fromkeys(figures)
        usable = figures if period.is_day or DAYS.name in figures else figures | {DAYS.name: DAYS}
        usable = usable if stated.by_weekday else {INTERVAL_LENGTH: _INTERVAL_LENGTH, **usable}
        shown = shown_columns(stated_columns, self._built_in_columns(keys), keys, usable, self.mistakes)
        shown = with_compared(stated, shown, self._built_in_columns(keys), self.mistakes)
        spec = self._spec(keys, key_types, shown, details)
        spec = replace(spec, sums=tuple(self._sums(spec, shown)))
        return Report(
            name=self.name,
            spec=spec,
            granularity=stated.granularity,
            period=period,
            before=before,
            by_weekday=stated.by_weekday,
            time_zone=stated.time_zone,
            keys=keys,
            key_types=key_types,
            required=tuple(self._required(keys)),
            has_names=stated.names,
            aggregates=aggregates,
            details=details,
            figures=tuple(figures.values()),
            shown=shown,
            having=compile_having(stated, spec, usable, self.mistakes),
            order=tuple(self._order(spec, shown)),
            top=stated.top,
            chart=self._chart(spec, shown),
            definition=stated,
        )

    def _time_zone(self) -> None:
        zone = self.stated.time_zone
        if zone not in (BUSINESS, "UTC", *_zones()):
            nearest = one_of([BUSINESS, *_zones()], zone)
            nearest = nearest if nearest.startswith("Closest") else "Use business, UTC or a name such as Europe/London."
            self.mistakes.add(("time_zone",), f"{quoted(zone)} is not an IANA time zone name. {nearest}", zone)

    def _period(self) -> Period:
        over = self.stated.over
        period = Period("rolling", over.rolling) if isinstance(over, Rolling) else Period(over)
        if period.is_day and self.stated.by_weekday:
            self.mistakes.add(("by_weekday",), "a day has one weekday. Write over: week, month or {rolling: 28}", True)
        if not period.is_day and self.stated.granularity != "P1D":
            message = "a report over several days has no intervals within them. Take granularity out"
            self.mistakes.add(("granularity",), message, self.stated.granularity)
        return period

    def _keys(self) -> Iterator[GroupKey]:
        seen: set[str] = set()
        for index, name in enumerate(self.stated.group_by):
            path: Path = ("group_by", index)
            key = group_key(name, families=self._families, path=path, mistakes=self.mistakes)
            if key is None:
                self.mistakes.unknown.keys = True
                self.mistakes.unknown.names.update((name, snake_case(name)))
                continue
            if key.column in seen or key.column in INTERVAL_COLUMNS:
                reason = (
                    "stands in group_by twice. Take one out"
                    if key.column in seen
                    else "is in every report. Take it out, and choose a granularity"
                )
                self.mistakes.add(path, f"{key.column} {reason}", name)
                continue
            seen.add(key.column)
            yield key

    @property
    def _families(self) -> tuple[AggregateFamily, ...]:
        """The known families of its sources. (Compiling a source reports an unknown family.)"""
        families = (source.known_family for source in self.stated.aggregate_sources)
        return tuple(dict.fromkeys(family for family in families if family is not None))

    def _require_figures(self, keys: tuple[GroupKey, ...]) -> None:
        unknown = self.mistakes.unknown
        has_sources = self.stated.aggregate_sources or self.stated.details_sources
        if not has_sources and not unknown.names and not unknown.any_name:
            self.mistakes.add((), "a report must have figures. Give it `aggregates`, `details` or both")
        if self.stated.top is not None and not keys and not self.stated.by_weekday and not unknown.keys:
            self.mistakes.add(("top",), "without group_by each interval has one row. Take top out", self.stated.top)

    def _required(self, keys: tuple[GroupKey, ...]) -> Iterator[str]:
        known = {key.column: key for key in keys}
        for index, name in enumerate(self.stated.require):
            key = group_key(name, families=self._families, path=("require", index), mistakes=Mistakes())
            if key is not None and key.column in known:
                yield key.column
            elif name not in self.mistakes.unknown:
                message = f"the report is not grouped by {quoted(name)}. {one_of(known, name)}"
                self.mistakes.add(("require", index), message, name)

    def _key_types(self, keys: tuple[GroupKey, ...], details: tuple[DetailsPart, ...]) -> dict[str, pa.DataType]:
        types: dict[str, pa.DataType] = {key.column: pa.string() for key in keys if self.stated.aggregate_sources}
        for index, part in enumerate(details):
            for column, type_ in part.key_types.items():
                if types.setdefault(column, type_) != type_:
                    path = ("details", index) if isinstance(self.stated.details, list) else ("details",)
                    self.mistakes.add(
                        (*path, "group_by"),
                        f"{column} is {type_in_words(type_)} here and {type_in_words(types[column])} in another source",
                        column,
                    )
        return {key.column: types.get(key.column, pa.string()) for key in keys}

    def _figures(self, parts: Iterable[AggregatesPart | DetailsPart], taken: list[str]) -> dict[str, Figure]:
        """Figures by name. Figures of one name in several sources are one figure."""
        figures: dict[str, Figure] = {}
        for part in parts:
            for figure in part.figures:
                if figure.name in taken:
                    self.mistakes.add((), f"the report is grouped by {figure.name}. Call the figure differently")
                known = figures.setdefault(figure.name, figure)
                if known.power != figure.power:
                    figures[figure.name] = replace(known, power=None)
                if (known.how, known.type) != (figure.how, figure.type):
                    one, other = (f"the {each.how} of {type_in_words(each.type)}" for each in (known, figure))
                    self.mistakes.add(
                        (),
                        f"the figure {figure.name} is {one} in one source and {other} in another. Call one differently",
                        figure.name,
                    )
        return figures

    def _note_unknown(self, figures: Mapping[str, Figure]) -> None:
        """Note the figures of sources that have mistakes."""
        stated = [
            *(name for source in self.stated.aggregate_sources for name in source.metrics),
            *(name for source in self.stated.details_sources for name in source.measures),
        ]
        self.mistakes.unknown.names.update(name for name in stated if name not in figures)

    def _built_in_columns(self, keys: tuple[GroupKey, ...]) -> set[str]:
        """Names of the columns that the report has without declaring them."""
        names = [key.name_column for key in keys_with_names(keys) if self.stated.names]
        return {*INTERVAL_COLUMNS, *(key.column for key in keys), *names}

    def _spec(
        self,
        keys: tuple[GroupKey, ...],
        key_types: Mapping[str, pa.DataType],
        shown: tuple[OutputColumn, ...],
        details: tuple[DetailsPart, ...],
    ) -> TableSpec:
        required = set(self._required_quietly(keys))
        columns_ = list(_INTERVAL)
        if self.stated.over != "day":
            columns_ += _DATES
        elif has_local_date(self.stated.granularity, self.stated.time_zone):
            columns_ += _LOCAL_DATE
        if self.stated.by_weekday:
            columns_ += _WEEKDAY
        named = keys_with_names(keys) if self.stated.names else []
        for key in keys:
            class_ = class_of_key(key, [each for part in details for each in part.key_classes(key.column)])
            columns_.append(TableColumn(key.column, key_types[key.column], _key_description(key), class_))
            if key.history and key in named:
                description = f"name of {key.column} on that day; the id if no name was ever known"
                class_ = class_of_names(key.history)
                columns_.append(TableColumn(key.name_column, pa.string(), description, class_))
        columns_ += [TableColumn(column.name, column.type, column.description, column.personal) for column in shown]
        return TableSpec(
            self.name,
            self._description(keys),
            ("interval_start", *(["weekday"] if self.stated.by_weekday else []), *(key.column for key in keys)),
            tuple(columns_),
            partition_column="interval_start" if self.stated.time_zone == "UTC" and self.stated.over == "day" else None,
            null_in_key=tuple(key.column for key in keys if key.column not in required),
        )

    def _sums(self, spec: TableSpec, shown: tuple[OutputColumn, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        known = {column.name: column.name for column in spec.columns} | {each.known_as: each.name for each in shown}
        whole_numbers = [column.name for column in shown if column.type == pa.int64()]
        for index, stated in enumerate(self.stated.adds_up):
            named = [("whole", stated.whole), *((f"parts {at}", name) for at, name in enumerate(stated.parts))]
            wrong = [(where, name) for where, name in named if known.get(name) not in whole_numbers]
            for where, name in wrong:
                if name in self.mistakes.unknown:
                    continue
                message = f"{quoted(name)} is no column of whole numbers. {one_of(whole_numbers, name)}"
                self.mistakes.add(("adds_up", index, where.split()[0]), message, name)
            if len(set(stated.parts) - {stated.whole}) < len(stated.parts):
                message = "a column stands here twice, so it would count twice. Take it out"
                self.mistakes.add(("adds_up", index, "parts"), message)
            elif not wrong:
                yield known[stated.whole], tuple(known[name] for name in stated.parts)

    def _required_quietly(self, keys: tuple[GroupKey, ...]) -> list[str]:
        return list(_Compiler(self.name, self.stated, Mistakes())._required(keys))

    def _description(self, keys: tuple[GroupKey, ...]) -> str:
        several = frozenset().union(*(family.multi_valued for family in self._families))
        overlapping = [key.dimension for key in keys if key.dimension in several]
        flattened = all(source.flatten for source in self.stated.aggregate_sources)
        if not overlapping or not self.stated.aggregate_sources or flattened:
            return self.stated.description
        return (
            f"{self.stated.description.rstrip()} A session with several values of {', '.join(map(str, overlapping))} "
            "counts in the group of each: groups must not be added up."
        )

    def _order(self, spec: TableSpec, shown: tuple[OutputColumn, ...]) -> Iterator[tuple[str, bool]]:
        known = {column.name: column.name for column in spec.columns} | {each.known_as: each.name for each in shown}
        before: set[str] = set()
        for index, text in enumerate(self.stated.order_by):
            name, _, direction = text.strip().partition(" ")
            path: Path = ("order_by", index)
            if direction.strip().lower() not in ("", "asc", "desc"):
                self.mistakes.add(path, f"{quoted(direction.strip())} is no direction. Write desc or asc", text)
            elif name not in known:
                if name not in self.mistakes.unknown:
                    self.mistakes.add(path, f"{quoted(name)} is no column of this report. {one_of(known, name)}", text)
            elif pa.types.is_list(spec.schema.field(known[name]).type):
                self.mistakes.add(path, f"{name} is a list, by which rows cannot be ordered. Take it out", text)
            elif known[name] in before:
                self.mistakes.add(path, f"the rows are ordered by {name} already. Take one of them out", text)
            else:
                before.add(known[name])
                yield known[name], direction.strip().lower() == "desc"

    def _chart(self, spec: TableSpec, shown: tuple[OutputColumn, ...]) -> Chart | None:
        known = {column.name: column.name for column in spec.columns} | {each.known_as: each.name for each in shown}
        numbers = [column.name for column in shown if column.type in NUMBERS]
        stated = self.stated.chart
        if stated is None:
            if not numbers:
                return None
            by_time = self.stated.granularity != "P1D" or not self.stated.group_by
            return Chart(x="interval_start" if by_time else _label(spec), y=numbers[0])
        for axis, name in (("x", stated.x), ("y", stated.y)):
            if name in self.mistakes.unknown:
                continue
            if name not in known:
                self.mistakes.add(
                    ("chart", axis), f"{quoted(name)} is no column of this report. {one_of(known, name)}", name
                )
            elif axis == "x" and pa.types.is_list(spec.schema.field(known[name]).type):
                message = f"{name} is a list, which is no label of a bar. Take a column of single values"
                self.mistakes.add(("chart", axis), message, name)
            elif axis == "y" and known[name] not in numbers:
                self.mistakes.add(
                    ("chart", axis), f"y must be a column of numbers, got {name}. {one_of(numbers, name)}", name
                )
        return Chart(x=known.get(stated.x, stated.x), y=known.get(stated.y, stated.y))


@cache
def _zones() -> tuple[str, ...]:
    """The names of time zones. Python reads a folder of them whenever it is asked."""
    return tuple(sorted(available_timezones() - _MACHINE_ZONES))


def has_local_date(granularity: Granularity, time_zone: str) -> bool:
    """Whether rows are whole days of a time zone other than UTC, so that they need a local date."""
    return granularity == "P1D" and time_zone != "UTC"


def _label(spec: TableSpec) -> str:
    """The column that labels rows of a day for a person: a name, if there is one."""
    texts = [column.name for column in spec.columns if column.type == pa.string()]
    return next((name for name in texts if name.endswith("_name")), texts[0] if texts else "interval_start")


_KEY_DESCRIPTIONS = {"user_id": "the agent", "queue_id": "the queue", "media_type": "media type"}


def _key_description(key: GroupKey) -> str:
    return _KEY_DESCRIPTIONS.get(key.column) or f"{key.dimension or key.column} of the group"


def _at(name: str, stated: object, sources: Iterable[_Source]) -> Iterator[tuple[Path, _Source]]:
    """The sources, each with its path in the entry."""
    for index, source in enumerate(sources):
        yield ((name, index) if isinstance(stated, list) else (name,)), source

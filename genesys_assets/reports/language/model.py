"""The language of reports: the fields of an entry of reports.yaml.

These pydantic models define the fields and the form of their values; the JSON Schema for editors is made from them.
`meaning` checks the names in an entry, and decides what it means.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES, AggregateFamily, family
from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.reports.language.formulas import FUNCTIONS
from genesys_assets.reports.language.longer import AnyOver, Compare
from genesys_assets.reports.language.measures import AnyMeasure, Attribute, StatedCondition, Text, chosen_by_type
from genesys_assets.reports.language.problems import Unknown
from genesys_assets.reports.language.remaining import INTERVAL_COLUMNS as INTERVAL_COLUMNS
from genesys_assets.reports.language.remaining import Remaining
from genesys_assets.reports.language.sources import TABLES
from genesys_assets.reports.language.statistics import statistics_of
from genesys_assets.reports.language.strict_model import Model, is_label
from genesys_assets.tables.snapshots import LIVE_CONVERSATIONS, LIVE_QUEUES

MOST_FIGURES = 200
"""The most figures of a source, and the most columns of a report. Nobody reads a wider table."""
MOST_ATTRIBUTES = 50
UNITS = {"ms": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}
Unit = Literal["ms", "seconds", "minutes", "hours"]
QueueSetting = Literal["service_level_target", "service_level_threshold"]
INTERVAL_LENGTH = "interval_ms"
"""The name in formulas of the length of the row's interval."""
RESERVED_NAMES = ("manifest", "index", "day_page")
"""Folders beside the published reports: `publishing.place` gives each its meaning."""

_LIVE_TABLES = tuple(f"live_{spec.name}" for spec in (LIVE_CONVERSATIONS, LIVE_QUEUES))
"""The names that `warehouse.tables` gives to tables of snapshots."""


def _name(value: str) -> str:
    if keyword.iskeyword(value) or value in FUNCTIONS or value in (*INTERVAL_COLUMNS, INTERVAL_LENGTH):
        raise PydanticCustomError(
            "reserved", "{name} is a word of formulas or a column of every report. Choose another name", {"name": value}
        )
    return value


def _report_name(value: str) -> str:
    if value in _LIVE_TABLES:
        raise PydanticCustomError(
            "reserved", "a table of snapshots is called {name} in a warehouse. Choose another name", {"name": value}
        )
    if value in RESERVED_NAMES:
        raise PydanticCustomError(
            "reserved", "a published file of every day is called {name}. Choose another name", {"name": value}
        )
    return value


_NAME = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=_NAME), AfterValidator(_name)]
"""The name of a figure or a column."""
ReportName = Annotated[str, Field(pattern=_NAME), AfterValidator(_report_name)]


def _suggesting(names: Iterable[str]) -> Any:
    """Any text; editors suggest these names."""
    return WithJsonSchema({"anyOf": [{"enum": list(names)}, {"type": "string", "minLength": 1}]})


_METRICS = dict.fromkeys(metric for family in FAMILIES.values() for metric in family.metrics)
_DIMENSIONS = dict.fromkeys(dimension for family in FAMILIES.values() for dimension in family.dimensions)
Metric = Annotated[Text, _suggesting(f"{metric}.{each}" for metric in _METRICS for each in statistics_of(metric))]
Dimension = Annotated[Text, _suggesting(_DIMENSIONS)]
Family = Annotated[Text, _suggesting(FAMILIES)]
TableName = Annotated[Text, _suggesting(TABLES)]


_OF_REPORT = (
    *("description", "granularity", "over", "by_weekday", "time_zone", "require", "names"),
    *("columns", "adds_up", "compare", "order_by", "top", "chart"),
)
_OF_AGGREGATES = ("metrics", "filter", "views", "family", "flatten")
_OF_DETAILS = ("table", "measures", "attributes", "where", "lacking", "once_per", "time")
_OF_COLUMN = ("formula", "names_of", "queue_setting", "unit", "digits")


def _belong_to(place: str, names: Iterable[str]) -> dict[str, str]:
    """What to do with fields that stand one level off."""
    return dict.fromkeys(names, f"It is a field of {place}. Move it there.")


class View(Model):
    """How often a timer's value lay in a range, counted by the platform: at least `gte`, less than `lt`, in ms."""

    target: Annotated[Text, _suggesting(metric for metric in _METRICS if metric.startswith("t"))]
    """The timer, such as tHandle."""
    gte: Annotated[int, Field(ge=0)] | None = None
    """The least value, in milliseconds."""
    lt: Annotated[int, Field(ge=0)] | None = None
    """The value must be less than this, in milliseconds."""


class Aggregates(Model):
    """Figures that the platform counts, by the time when it emitted each metric. They are read from
    tables/interval_metrics, those of other families from tables/<family>_metrics.
    """

    hints: ClassVar = {
        **_belong_to("the report", (*_OF_REPORT, "having")),
        **_belong_to("`details`", _OF_DETAILS),
        "where": "Conditions of aggregates are called `filter`.",
    }

    family: Family = CONVERSATIONS.name
    """What is counted: conversations, flows, evaluations, surveys, resolutions, transcripts, bots and others."""

    metrics: Annotated[dict[Name, Metric], Field(min_length=1, max_length=MOST_FIGURES)]
    """Figures by name, each `metric.statistic`: tHandle.count, tHandle.sum, oServiceLevel.numerator, my_view.count.
    Statistics are count, sum, min, max, numerator, denominator and target (null if the parts have different targets).
    """
    filter: StatedCondition = None
    """Which conversations' sessions count."""
    views: dict[Name, View] = Field(default_factory=dict)
    """Ranges of timers that are counted under a name of your own."""
    flatten: bool = False
    """Whether something with several values of a dimension counts in one group ("a,b") instead of once in the group of
    each value.
    """
    group_by: dict[str, str | None] = Field(default_factory=dict)
    """The family's name for a dimension of the report's group_by, if it differs: {formId: surveyFormId}. With null, all
    figures of this source count where the dimension has no value.
    """

    def resolve_family(self) -> AggregateFamily:
        """The family. Raises InvalidQuery with the nearest names."""
        return family(self.family)

    @property
    def known_family(self) -> AggregateFamily | None:
        """The family; None if its name is unknown."""
        return FAMILIES.get(self.family.strip().lower())


class LinkedTable(Model):
    """Rows of another table that belong to the same conversation."""

    table: TableName
    """The other table."""
    where: StatedCondition = None
    """Which of its rows."""


class Details(Model):
    """Figures counted here, from the rows of a table of the lake."""

    hints: ClassVar = {
        **_belong_to("the report", _OF_REPORT),
        **_belong_to("`aggregates`", _OF_AGGREGATES),
        "filter": "Conditions of details are called `where`.",
    }

    table: TableName
    """The table: conversations, sessions, segments, session_metrics, interaction_legs and others; live/queues."""
    measures: Annotated[dict[Name, AnyMeasure], Field(min_length=1, max_length=MOST_FIGURES)]
    """Figures by name: {sum: duration_ms}, {count_distinct: conversation_id}, or `count` of rows."""
    attributes: Annotated[dict[Name, Attribute], Field(max_length=MOST_ATTRIBUTES)] = Field(default_factory=dict)
    """Participant attributes as columns of the table: {order_value: {attribute: OrderValue, type: decimal}}. Each comes
    with …_unreadable and …_truncated.
    """
    time: Text | None = None
    """The instant that places a row in an interval. Default: conversation_start; observed_at of live tables,
    quarter_start of user_time, time of api_requests.
    """
    where: StatedCondition = None
    """Which rows count. A column of the row's conversation is written conversation.media_type."""
    having: LinkedTable | None = None
    """Only rows of conversations that have such rows in another table."""
    lacking: LinkedTable | None = None
    """Only rows of conversations that have no such rows in another table."""
    once_per: Text | None = None
    """Count each value of this column once in every group, however many rows it has there."""
    group_by: dict[str, str | None] = Field(default_factory=dict)
    """The table's column for a dimension of the report's group_by, if its name differs: {queueId: session_queue_id}.
    With null, all rows count where the dimension has no value.
    """


class Column(Model):
    """One column of the report."""

    formula: Text | None = None
    """Arithmetic over figures and the columns above: handle_time / handled. Default: the figure of the same name.
    interval_ms is the length of the row's interval.
    """
    names_of: Text | None = None
    """The names of the ids in this column or list of ids."""
    queue_setting: QueueSetting | None = None
    """The setting of the row's queue and media type at the end of the row's time: service_level_target (0 to 1) or
    service_level_threshold (milliseconds); null if that is unknown.
    """
    unit: Unit | None = None
    """Convert milliseconds to this unit, and end the column's name in it."""
    digits: Annotated[int, Field(ge=0, le=9)] | None = None
    """Round to this many digits after the point, halves away from zero."""
    description: str | None = None
    """The meaning of the column, for its readers."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("formula", "names_of", "queue_setting") if getattr(self, name) is not None]
        if len(given) > 1:
            message = "a column must have a formula or names_of, got both. Take one out"
            if "queue_setting" in given:
                message = f"a column must be one of formula, names_of and queue_setting, got {' and '.join(given)}"
            raise PydanticCustomError("report", "{message}", {"message": message})
        if self.names_of is not None and (self.unit is not None or self.digits is not None):
            raise PydanticCustomError("report", "names have neither unit nor digits. Take them out")
        return self


class Whole(Model):
    """A column that other columns add up to in every row; null counts as 0."""

    whole: Text
    """The column, of whole numbers."""
    parts: Annotated[list[Text], Field(min_length=1, max_length=MOST_FIGURES)]
    """The columns that add up to it, of whole numbers."""


class Chart(Model):
    """The chart shown in the UI: a bar for each value of x, as high as the sum of y.

    Where y does not add up, such as an average, each row is a bar of its own. If x is the interval and an interval has
    several such rows, there is no chart.
    """

    x: Text
    y: Text


AnyAggregates = Annotated[
    Annotated[list[Aggregates], Tag("<one>")] | Annotated[Aggregates, Tag("<other>")], chosen_by_type(list)
]
AnyDetails = Annotated[
    Annotated[list[Details], Tag("<one>")] | Annotated[Details, Tag("<other>")], chosen_by_type(list)
]
AnyColumn = Annotated[
    Annotated[Column, Tag("<one>")] | Annotated[Text | None, Tag("<other>")], chosen_by_type(dict | Column)
]


def _in_capitals(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class ReportDefinition(Model):
    """One report: figures from one or several sources, grouped by interval and dimensions, and its columns."""

    hints: ClassVar = {
        **_belong_to("`aggregates`", _OF_AGGREGATES),
        **_belong_to("`details`", _OF_DETAILS),
        **_belong_to("a column, as in columns: {handle_time: {unit: seconds}}", _OF_COLUMN),
        **dict.fromkeys(("limit", "rows"), "How many rows are shown is called `top`."),
        **dict.fromkeys(("sort", "sort_by", "order"), "The order of the rows is called `order_by`."),
        "interval": "The length of the intervals is called `granularity`.",
    }

    description: Text
    """What one row is."""
    granularity: Annotated[Granularity, BeforeValidator(_in_capitals)] = "P1D"
    """Length of the intervals: PT15M, PT30M, PT1H or P1D."""
    over: AnyOver = "day"
    """How many days a row is about: day, week (Monday to Sunday), month, or {rolling: 28} for the last 28 days."""
    by_weekday: bool = False
    """Whether a week, month or rolling days have a row for each weekday."""
    time_zone: Annotated[Text, _suggesting(("business", "UTC"))] = "business"
    """Where days and hours begin: `business` (GENESYS_ASSETS_TIME_ZONE), UTC or an IANA name such as Europe/London."""
    group_by: list[Dimension] = Field(default_factory=list)
    """What rows are grouped by besides the interval: queueId, mediaType, userId, wrapUpCode and others."""
    require: list[Dimension] = Field(default_factory=list)
    """Dimensions of group_by that must have a value: rows without one are left out."""
    names: bool = True
    """Whether names stand beside the ids of group_by: the names as they were on the day."""
    aggregates: AnyAggregates = Field(default_factory=list)
    """Figures that the platform counts: one source or a list of them."""
    details: AnyDetails = Field(default_factory=list)
    """Figures counted from tables of the lake: one source or a list of them."""
    columns: Annotated[dict[Name, AnyColumn], Field(min_length=1, max_length=MOST_FIGURES)] | None = None
    """The columns by name, in this order. Each is empty (the figure of that name), a formula, or a mapping. Default:
    all figures.
    """
    adds_up: list[Whole] = Field(default_factory=list)
    """Columns that must add up in every row. If a row does not add up, the partition is not stored."""
    compare: Compare | None = None
    """Columns that are compared with the period before."""
    having: StatedCondition = None
    """Which rows are shown, by their columns and figures: {handled: {gte: 5}, queue_name: {contains: Sales}}."""
    order_by: list[Text] = Field(default_factory=list)
    """Order of the rows within an interval: columns, each with ` desc` for the largest first."""
    top: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many rows of each interval are shown: the first ones in the order."""
    chart: Chart | None = None
    """The chart that the UI draws."""

    @property
    def aggregate_sources(self) -> list[Aggregates]:
        return self.aggregates if isinstance(self.aggregates, list) else [self.aggregates]

    @property
    def details_sources(self) -> list[Details]:
        return self.details if isinstance(self.details, list) else [self.details]

    @classmethod
    def _mistakes_beside(cls, errors: list[InitErrorDetails], value: Any, handler: Any) -> list[InitErrorDetails]:
        remaining = cls._remaining(value, errors)
        return handler(remaining.value)._mistakes(remaining.unknown) if remaining else []

    @classmethod
    def _remaining(cls, value: Any, errors: list[InitErrorDetails]) -> Remaining | None:
        """What remains of an entry without the fields that have these errors; None if the rest cannot be checked."""
        if not isinstance(value, dict):
            return None
        remaining = Remaining(cls, value)
        for error in errors:
            path = [part for part in error.get("loc", ()) if not is_label(part)]
            if not path:
                return None
            remaining.take_out(path, is_unknown_field="unknown field" in str(error["type"]))
        return remaining

    def _mistakes(self, unknown: Unknown | None = None) -> list[InitErrorDetails]:
        """Further mistakes. `unknown`: what cannot be known, because other parts have mistakes."""
        return []


class ReportsFile(Model):
    """reports.yaml: reports by name."""

    reports: dict[ReportName, ReportDefinition]
    """Each becomes the asset genesys/reports/<name>."""

    @classmethod
    def _instead_of(cls, name: str) -> str:
        close = get_close_matches(name, cls.model_fields)
        return super()._instead_of(name) if close else "Reports stand below `reports:`, and are indented."

    @classmethod
    def _may_mean(cls, unknown: str, missing: str) -> bool:
        """Always: the message about the unknown name says where `reports` belongs."""
        return True

"""The language of reports: what an entry of reports.yaml may say.

These pydantic models are the words and their shape; the JSON Schema for editors is made from them. Whether the names in
an entry exist, and what it means, is decided in `meaning`.
"""

from __future__ import annotations

import copy
import keyword
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES, AggregateFamily, family
from genesys_assets.cloud.analytics.queries import Granularity
from genesys_assets.reports.language.formulas import FUNCTIONS
from genesys_assets.reports.language.longer import AnyOver, Compare
from genesys_assets.reports.language.measures import AnyMeasure, Attribute, Stated, Text, chosen_by_type
from genesys_assets.reports.language.sources import TABLES
from genesys_assets.reports.language.statistics import statistics_of
from genesys_assets.reports.language.strict_model import Model, is_label

MOST_FIGURES = 200
"""Of a source, and columns of a report: more would be no table that anybody reads."""
MOST_ATTRIBUTES = 50
UNITS = {"ms": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}
Unit = Literal["ms", "seconds", "minutes", "hours"]
QueueSetting = Literal["service_level_target", "service_level_threshold"]
INTERVAL_COLUMNS = ("interval_start", "interval_end", "local_date", "first_date", "last_date", "weekday")
INTERVAL_LENGTH = "interval_ms"
"""What formulas call the length of the row's interval."""
RESERVED_NAMES = ("manifest", "index", "day_page")
"""Files beside the published reports: see `publishing.place`."""


def _name(value: str) -> str:
    if keyword.iskeyword(value) or value in FUNCTIONS or value in (*INTERVAL_COLUMNS, INTERVAL_LENGTH):
        raise PydanticCustomError(
            "reserved", "{name} is a word of formulas or a column of every report. Choose another name", {"name": value}
        )
    return value


def _report_name(value: str) -> str:
    if value in RESERVED_NAMES:
        raise PydanticCustomError(
            "reserved", "a published file of every day is called {name}. Choose another name", {"name": value}
        )
    return value


_NAME = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=_NAME), AfterValidator(_name)]
"""Of a figure or a column."""
ReportName = Annotated[str, Field(pattern=_NAME), AfterValidator(_report_name)]


def _completed(names: Iterable[str]) -> Any:
    """Any text, of which editors offer these."""
    return WithJsonSchema({"anyOf": [{"enum": list(names)}, {"type": "string", "minLength": 1}]})


_METRICS = dict.fromkeys(metric for family in FAMILIES.values() for metric in family.metrics)
_DIMENSIONS = dict.fromkeys(dimension for family in FAMILIES.values() for dimension in family.dimensions)
Metric = Annotated[Text, _completed(f"{metric}.{each}" for metric in _METRICS for each in statistics_of(metric))]
Dimension = Annotated[Text, _completed(_DIMENSIONS)]
Family = Annotated[Text, _completed(FAMILIES)]
TableName = Annotated[Text, _completed(TABLES)]


class View(Model):
    """How often a timer's value fell in a range, counted by the platform: at least `gte`, less than `lt`, in ms."""

    target: Annotated[Text, _completed(metric for metric in _METRICS if metric.startswith("t"))]
    """The timer, such as tHandle."""
    gte: Annotated[int, Field(ge=0)] | None = None
    """From this many milliseconds on."""
    lt: Annotated[int, Field(ge=0)] | None = None
    """Below this many milliseconds."""


class Aggregates(Model):
    """Figures that the platform counts, by the time each metric was emitted. Source: tables/interval_metrics, of other
    families tables/<family>_metrics.
    """

    written_otherwise: ClassVar = {"where": "Conditions of aggregates are called filter."}

    family: Family = CONVERSATIONS.name
    """What is counted: conversations, flows, evaluations, surveys, resolutions, transcripts, bots and others."""

    metrics: Annotated[dict[Name, Metric], Field(min_length=1, max_length=MOST_FIGURES)]
    """Figures by name, each `metric.statistic`: tHandle.count, tHandle.sum, oServiceLevel.numerator, my_view.count.
    Statistics are count, sum, min, max, numerator, denominator and target (null if the parts have different targets).
    """
    filter: Stated = None
    """Which conversations' sessions count."""
    views: dict[Name, View] = Field(default_factory=dict)
    """Ranges of timers, to be counted under a name of your own."""
    flatten: bool = False
    """Whether several values of a dimension make one group ("a,b") instead of counting in the group of each."""
    group_by: dict[str, str | None] = Field(default_factory=dict)
    """Where this family calls a dimension of the report's group_by otherwise: {formId: surveyFormId}. Nothing (null)
    puts all of it under no value.
    """

    def family_asked(self) -> AggregateFamily:
        """Raises InvalidQuery with the nearest names."""
        return family(self.family)

    @property
    def known_family(self) -> AggregateFamily | None:
        return FAMILIES.get(self.family.strip().lower())


class Linked(Model):
    """Rows of another table of the same conversation."""

    table: TableName
    """The other table."""
    where: Stated = None
    """Which of its rows."""


class Details(Model):
    """Figures counted here, from the rows of a table of the lake."""

    written_otherwise: ClassVar = {"filter": "Conditions of details are called where."}

    table: TableName
    """The table: conversations, sessions, segments, session_metrics, interaction_legs and others; live/queues."""
    measures: Annotated[dict[Name, AnyMeasure], Field(min_length=1, max_length=MOST_FIGURES)]
    """Figures by name: {sum: duration_ms}, {count_distinct: conversation_id}, or `count` of rows."""
    attributes: Annotated[dict[Name, Attribute], Field(max_length=MOST_ATTRIBUTES)] = Field(default_factory=dict)
    """Participant attributes as columns of the table: {order_value: {attribute: OrderValue, type: decimal}}. Each comes
    with …_unreadable and …_truncated.
    """
    time: Text | None = None
    """The instant that places a row in an interval. Default: conversation_start; observed_at of live tables."""
    where: Stated = None
    """Which rows count. A column of the row's conversation is written conversation.media_type."""
    having: Linked | None = None
    """Only rows of conversations that have such rows elsewhere."""
    lacking: Linked | None = None
    """Only rows of conversations that have no such row elsewhere."""
    once_per: Text | None = None
    """Count each value of this column once in every group, whatever number of rows it has there."""
    group_by: dict[str, str | None] = Field(default_factory=dict)
    """Where this table has a column of the report's group_by under another name: {queueId: session_queue_id}. Nothing
    (null) puts all rows under no value.
    """


class Column(Model):
    """One column that is shown."""

    formula: Text | None = None
    """Arithmetic over figures and the columns above: handle_time / handled. Default: the figure of the same name.
    interval_ms is the length of the row's interval.
    """
    names_of: Text | None = None
    """The names of the ids in this column or list of ids."""
    queue_setting: QueueSetting | None = None
    """What was set for the row's queue and media type at the row's end: service_level_target (0 to 1) or
    service_level_threshold (milliseconds); null where that is unknown.
    """
    unit: Unit | None = None
    """Convert milliseconds to this unit, and end the column's name in it."""
    digits: Annotated[int, Field(ge=0, le=9)] | None = None
    """Round to this many digits after the point, halves away from zero."""
    description: str | None = None
    """What the column says."""

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
    """A column that the others add up to in every row; nothing counts as 0."""

    whole: Text
    """The column, of whole numbers."""
    parts: Annotated[list[Text], Field(min_length=1, max_length=MOST_FIGURES)]
    """Columns of whole numbers."""


class Chart(Model):
    """The chart shown in the UI: a bar for each value of x, as high as the sum of y.

    Where y does not add up, such as an average, each row is a bar of its own; intervals that have several such rows
    are not drawn.
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
    """One report: figures from one or several sources, grouped by interval and dimensions, and the columns shown."""

    description: Text
    """What one row is."""
    granularity: Annotated[Granularity, BeforeValidator(_in_capitals)] = "P1D"
    """Length of the intervals: PT15M, PT30M, PT1H or P1D."""
    over: AnyOver = "day"
    """How many days a row is about: day, week (Monday to Sunday), month, or {rolling: 28} for the last 28 days."""
    by_weekday: bool = False
    """Whether a week, month or rolling days have a row for each weekday."""
    time_zone: Annotated[Text, _completed(("business", "UTC"))] = "business"
    """Where days and hours begin: `business` (GENESYS_ASSETS_TIME_ZONE), UTC or an IANA name such as Europe/London."""
    group_by: list[Dimension] = Field(default_factory=list)
    """What rows are grouped by besides the interval: queueId, mediaType, userId, wrapUpCode and others."""
    require: list[Dimension] = Field(default_factory=list)
    """Of group_by, those without which a row is left out."""
    names: bool = True
    """Whether names stand beside the ids of group_by, as they were on the day."""
    aggregates: AnyAggregates = Field(default_factory=list)
    """Figures that the platform counts: one source or a list of them."""
    details: AnyDetails = Field(default_factory=list)
    """Figures counted from tables of the lake: one source or a list of them."""
    columns: Annotated[dict[Name, AnyColumn], Field(min_length=1, max_length=MOST_FIGURES)] | None = None
    """What is shown, in this order: nothing for the figure of that name, a formula, or a mapping. Default: all."""
    adds_up: list[Whole] = Field(default_factory=list)
    """What must add up in every row: a row that does not keeps the partition from being stored."""
    compare: Compare | None = None
    """Columns beside which stands what they were in the period before."""
    having: Stated = None
    """Which rows are shown, by what was computed: {handled: {gte: 5}, queue_name: {contains: Sales}}."""
    order_by: list[Text] = Field(default_factory=list)
    """Order of the rows within an interval: columns, each with ` desc` for the largest first."""
    top: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Only this many first rows of each interval."""
    chart: Chart | None = None
    """What the UI draws."""

    @property
    def aggregate_sources(self) -> list[Aggregates]:
        return self.aggregates if isinstance(self.aggregates, list) else [self.aggregates]

    @property
    def details_sources(self) -> list[Details]:
        return self.details if isinstance(self.details, list) else [self.details]

    @classmethod
    def _without(cls, value: Any, errors: list[InitErrorDetails]) -> Any:
        """Without what has an error of form, and what builds on that."""
        if not isinstance(value, dict):
            return None
        rest = copy.deepcopy(value)
        for error in errors:
            path = [part for part in error.get("loc", ()) if not is_label(part)]
            if path[:1] == ["columns"] and path[-1] in ("formula", "queue_setting"):
                # Without it a column would be the figure of its name.
                path = path[:-1]
            in_source = path[:1] in (["aggregates"], ["details"])
            if not path or path[0] == "group_by":
                return None
            for name in ("order_by", "chart", *(("columns", "top", "require") if in_source else ())):
                rest.pop(name, None)
            _remove(rest, path[:1] if in_source and "unknown field" not in str(error["type"]) else path)
        if not rest.get("aggregates") and not rest.get("details"):
            return None
        return {"description": "…", **rest}


def _remove(value: Any, path: list[str | int]) -> None:
    for part in path[:-1]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(value, dict):
        value.pop(path[-1], None)


class ReportsFile(Model):
    """reports.yaml: reports by name."""

    reports: dict[ReportName, ReportDefinition]
    """Each becomes the asset genesys/reports/<name>."""

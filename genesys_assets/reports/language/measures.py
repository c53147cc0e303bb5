"""The measures of a table's columns, participant attributes as columns, and the type of a condition in an entry.

`model` has the sources that use them.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from genesys_assets.reports.language.problems import quoted
from genesys_assets.reports.language.strict_model import Model
from genesys_assets.reports.language.written_number import in_json

AVERAGE = "An average is a sum divided by a count. Take both, and write a column with that formula."
MEDIAN = 50.0
_DIGITS = 3
"""The most digits after the point of a percentile: 99.999."""
_PARTS = 1000
_OPTIONS = ("where", "at")
"""Fields of a measure that do not name its column."""

Text = Annotated[str, Field(min_length=1)]

_CONDITION = {
    "description": "Which rows count: {mediaType: [voice, chat]}, {userId: {exists: true}}, {and: […]}, {or: […]}; the "
    "platform's {type, clauses, predicates} and the tutorials' {type: simple, attribute, condition, value} too.",
    "anyOf": [{"type": "object", "minProperties": 1}, {"type": "array", "minItems": 1}],
}
StatedCondition = Annotated[Any, WithJsonSchema(_CONDITION), PlainSerializer(in_json, when_used="json")]
"""A condition as written in an entry; `conditions` parses it."""


def chosen_by_type(kind: Any) -> Discriminator:
    """Two ways to write a value, chosen by type, so that only the relevant one's errors are reported."""
    return Discriminator(lambda value: "<one>" if isinstance(value, kind) else "<other>")


class Measure(Model):
    """What to compute of which column: exactly one of sum, count, min, max, count_distinct, distinct, median,
    percentile.
    """

    hints: ClassVar = dict.fromkeys(("avg", "average", "mean"), AVERAGE)

    sum: Text | None = None
    """The column's sum; null where there is no value."""
    count: Text | None = None
    """How many rows have a value in the column."""
    min: Text | None = None
    """The smallest value."""
    max: Text | None = None
    """The largest value."""
    count_distinct: Text | None = None
    """How many different values there are. Such counts cannot be added up."""
    distinct: Text | None = None
    """The sorted list of the different values."""
    median: Text | None = None
    """The percentile at 50."""
    percentile: Text | None = None
    """A percentile of the values, by the nearest rank: `at` says which one."""
    at: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Which percentile, in per cent: 95, or 99.9."""
    where: StatedCondition = None
    """Which rows count for this figure, besides the condition of the source."""

    @property
    def how(self) -> str:
        """What to compute: the name of the field that names the column, but `percentile` for a median."""
        return "percentile" if self.given == "median" else self.given

    @property
    def given(self) -> str:
        """The field that names the column."""
        return next(iter(self.model_fields_set.difference(_OPTIONS)))

    @property
    def column(self) -> str:
        """The column as the entry names it."""
        return str(getattr(self, self.given))

    @property
    def rank(self) -> int:
        """Which percentile, in thousandths of a per cent."""
        per_cent = MEDIAN if self.at is None else self.at
        return round(per_cent * _PARTS)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = self.model_fields_set.difference(_OPTIONS)
        if len(given) != 1:
            ways = ", ".join(name for name in Measure.model_fields if name not in _OPTIONS)
            raise PydanticCustomError(
                "report",
                "a measure must have exactly one of {ways}, got {got}",
                {"ways": ways, "got": " and ".join(sorted(given)) or "none"},
            )
        if getattr(self, self.given) is None:
            message = "{way} must name a column, got nothing. Write {example}"
            raise PydanticCustomError("report", message, {"way": self.given, "example": f"{{{self.given}: value}}"})
        if (self.percentile is None) != (self.at is None):
            message = "a percentile needs the field at, in per cent. Write {example}"
            raise PydanticCustomError("report", message, {"example": "{percentile: value, at: 95}"})
        if self.at is not None and self.at * _PARTS != self.rank:
            message = "at must have at most {digits} digits after the point, got {got}"
            raise PydanticCustomError("report", message, {"digits": _DIGITS, "got": self.at})
        return self


AttributeType = Literal["text", "integer", "decimal", "boolean", "instant"]


class Attribute(Model):
    """A participant attribute as a typed column. A conversation has the value of its first participant that has the
    attribute.
    """

    hints: ClassVar = {"name": "The field for the attribute's name is called `attribute`."}

    attribute: Text
    """The attribute's name, as flows and scripts set it."""
    type: AttributeType = "text"
    """The type of the value: text, integer (-12), decimal (12.50), boolean (true, false) or instant (ISO 8601 with an
    offset). A value of another form is null.
    """


def _count(value: Any) -> Any:
    if value != "count":
        message = "a measure must be `count` or a mapping such as {example}, got {got}"
        raise PydanticCustomError("report", message, {"example": "{sum: duration_ms}", "got": quoted(value)})
    return value


AnyMeasure = Annotated[
    Annotated[Measure, Tag("<one>")] | Annotated[Literal["count"], BeforeValidator(_count), Tag("<other>")],
    chosen_by_type(dict | Measure),
]

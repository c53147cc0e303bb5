"""The fields of reports about several days: the period of a row, and the period that it is compared with.

`periods` knows which days these are.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, Tag
from pydantic_core import PydanticCustomError

from genesys_assets.reports.language.measures import Text, chosen_by_type
from genesys_assets.reports.language.problems import quoted
from genesys_assets.reports.language.strict_model import Model

MOST_DAYS = 92
"""The most rolling days: a quarter. A rolling report reads all of these days again for each day."""
_UNITS = ("day", "week", "month")


class Rolling(Model):
    """The last days up to and including each day."""

    rolling: Annotated[int, Field(ge=2, le=MOST_DAYS)]
    """How many days: 7 or 28."""


def _unit(value: Any) -> Any:
    if value not in _UNITS:
        message = "over must be one of day, week, month, or a mapping such as {example}, got {got}"
        raise PydanticCustomError("report", message, {"example": "{rolling: 28}", "got": quoted(value)})
    return value


AnyOver = Annotated[
    Annotated[Rolling, Tag("<one>")]
    | Annotated[Literal["day", "week", "month"], BeforeValidator(_unit), Tag("<other>")],
    chosen_by_type(dict | Rolling),
]


class Compare(Model):
    """Columns that are compared with an earlier period. Beside each stand its value then and the difference:
    `handled_before`, `handled_change`.
    """

    hints: ClassVar = {"with": "The period to compare with is called `to`."}

    columns: Annotated[list[Text], Field(min_length=1)]
    """Columns of numbers: handled, average_handle_time."""
    to: Literal["period_before", "week_before"] = "period_before"
    """`period_before`: the day, week, month or rolling days right before. `week_before`: the day or rolling days one
    week earlier.
    """

"""Figures: the values that the sources of a report have for each group, before columns are computed from them. And
group keys: the columns that rows are grouped by.

`aggregates_part` and `details_part` say where figures come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.language.model import INTERVAL_LENGTH
from genesys_assets.reports.language.problems import Mistakes, Path, quoted
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.personal import MissingClass, class_of, strongest

How = Literal["sum", "min", "max", "distinct", "count_distinct", "percentile", "same"]
"""How the values of a group become one. `same` is the value that all of them have; null if they differ."""

USERS = "users"
"""The history that has the names of agents."""
_HISTORIES = {
    **dict.fromkeys(("queue_id", "session_queue_id"), "queues"),
    **dict.fromkeys(("user_id", "selected_agent_id", "proposed_agent_id", "scored_agent_id", "assigner_id"), USERS),
    **dict.fromkeys(("overtaking_user_id",), USERS),
    **dict.fromkeys(("evaluator_id", "assignee_id", "coached_user_id", "monitored_user_id"), USERS),
    "wrap_up_code": "wrapup_codes",
    **dict.fromkeys(("requested_routing_skill_id", "active_skill_id", "removed_skill_id"), "skills"),
    "division_id": "divisions",
    **dict.fromkeys(("organization_presence_id", "presence_id"), "presence_definitions"),
    "team_id": "teams",
    "group_id": "groups",
    "requested_language_id": "languages",
    "location_id": "locations",
    "flow_id": "flows",
    "flow_outcome_id": "flow_outcomes",
    "flow_milestone_id": "flow_milestones",
    "outbound_campaign_id": "campaigns",
    "external_organization_id": "external_organizations",
}
_COLUMN = re.compile(r"(conversation\.)?[a-z][a-z0-9_]{0,62}")
"""The names that a column may have by which rows are grouped: those that every reader of stored tables can name."""
_OF_PEOPLE = {USERS: PersonalData.PERSON, "external_organizations": PersonalData.CONTACT}


@dataclass(frozen=True, slots=True)
class Figure:
    """One value for each group. `type` is the type of the values that it is computed from, `history` the history that
    has the names of its ids, `personal` its class of personal data. `power` is the power of milliseconds in it: 1 for a
    time, 0 for a number, None if unknown. `rank` is the rank of a percentile, in thousandths of a per cent.
    """

    name: str
    how: How
    type: pa.DataType
    description: str
    history: str | None = None
    personal: PersonalData = PersonalData.NONE
    power: int | None = None
    rank: int = 0

    @property
    def result(self) -> pa.DataType:
        """The type of the figure itself."""
        if self.how == "distinct":
            return pa.list_(self.type)
        return pa.int64() if self.how == "count_distinct" else self.type


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A column that rows are grouped by; `dimension` is the platform's name for it, None if it has none."""

    column: str
    dimension: str | None

    @property
    def history(self) -> str | None:
        return history_of(self.column)

    @property
    def name_column(self) -> str:
        return self.column.removesuffix("_id") + "_name"


def class_of_key(key: GroupKey, sources: Iterable[PersonalData]) -> PersonalData:
    """The class of personal data of a column that rows are grouped by; `sources` are the classes of the columns it is
    read from.
    """
    try:
        return strongest([class_of("", key.column), *sources])
    except MissingClass:
        return strongest(sources)


def history_of(column: str) -> str | None:
    """The history that has the names of the ids in a column.

    >>> history_of("queue_id"), history_of("media_type")
    ('queues', None)
    """
    return _HISTORIES.get(column.rpartition(".")[2])


def keys_with_names(keys: Sequence[GroupKey]) -> list[GroupKey]:
    """The keys that get a column of names, unless the report is grouped by the name itself."""
    columns = {key.column for key in keys}
    return [key for key in keys if key.history and key.name_column not in columns]


def class_of_names(history: str) -> PersonalData:
    """The class of personal data of the names in a history."""
    return _OF_PEOPLE.get(history, PersonalData.NONE)


def dimension(name: str, family: AggregateFamily = CONVERSATIONS) -> str:
    """The family's name of a dimension, from its own in any case, an alias or the column. Raises InvalidQuery.

    >>> dimension("queue"), dimension("queue_id")
    ('queueId', 'queueId')
    """
    by_column = {snake_case(known): known for known in family.dimensions}
    return by_column.get(name) or family.dimension(name)


def group_key(name: str, *, families: Sequence[AggregateFamily], path: Path, mistakes: Mistakes) -> GroupKey | None:
    """The key for a name in group_by: a dimension of one of the families, or, if the report has only details, a column.
    Returns None for an unknown name, and adds that to `mistakes`.
    """
    refusals = []
    for family in families or (CONVERSATIONS,):
        try:
            known = dimension(name, family)
            return GroupKey(snake_case(known), known)
        except InvalidQuery as refused:
            refusals.append(refused)
    if not families:
        column = snake_case(name)
        if _COLUMN.fullmatch(column) and column != INTERVAL_LENGTH:
            return GroupKey(column, None)
        message = (
            f"{quoted(name)} cannot be the name of a column. Use at most 63 small letters, digits and _, but not "
            f"{INTERVAL_LENGTH}. If the table calls it otherwise, say so in the source: group_by: {{tier: media_type}}"
        )
        mistakes.add(path, message, name)
        return None
    hint = " Reports show the name beside each id anyway." if name.lower().endswith("name") else ""
    mistakes.add(path, f"{refusals[0]}{hint}", name)
    return None

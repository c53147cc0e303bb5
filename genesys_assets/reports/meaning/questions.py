"""The aggregates questions that reports need the platform to answer, shared between reports.

Two questions about conversations are always asked. A report that needs only their figures costs no further request.
Reports that need the same family, grouping and filter share a question. Other families are asked only if a report or a
setting needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.reports.language.conditions import Condition, Group, all_of, comparisons
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.metrics.buckets import table_of
from genesys_assets.tables.metrics.question import grouping_of, question_key, selection_of
from genesys_assets.tables.spec import TableSpec

STANDARD = (
    AggregateQuestion(group_by=("queueId", "mediaType")),
    AggregateQuestion(group_by=("userId", "mediaType")),
)
"""The questions that are always asked. Metrics of queues have no user, so one grouping cannot give both."""

QUALIFIER = "qualifier"
"""The column that distinguishes several figures of one metric, in families that have it."""

_QUESTIONS_REMEMBERED = 1024

_LOCAL_OPERATORS = ("any_of", "none_of", "exists", "missing")

# `selection` does not depend on the interval, so any one will do.
_ANY_INTERVAL = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


class HasQuestions(Protocol):
    """Something that needs figures that the platform counts: a report."""

    @property
    def questions(self) -> tuple[AggregateQuestion, ...]:
        """What the platform must be asked for it."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that a report takes figures from: those of the answers to a question for which `where` holds."""

    question: AggregateQuestion
    where: Condition | None = None

    @property
    def key(self) -> str:
        return key_of(self.question)

    @property
    def family(self) -> AggregateFamily:
        return self.question.family

    @property
    def table(self) -> TableSpec:
        """The table of the rows."""
        return table_of(self.family)


def own_columns(family: AggregateFamily) -> dict[str, str]:
    """The columns of a family's table that are dimensions, by the platform's name of the dimension."""
    columns = {name: snake_case(name) for name in family.columns}
    return {**columns, QUALIFIER: QUALIFIER} if family.has_qualifier else columns


def grouping(question: AggregateQuestion) -> str:
    """The value that rows of the question have in the column `grouping`."""
    return grouping_of(question.group_by)


@lru_cache(_QUESTIONS_REMEMBERED)
def selection(question: AggregateQuestion) -> str:
    """The value that rows of the question have in the column `selection`."""
    return selection_of(question.over(_ANY_INTERVAL, "PT15M").body(), question.family)


def key_of(question: AggregateQuestion) -> str:
    """The key of a question in `Reach.questions`: its grouping and selection."""
    return question_key(grouping(question), selection(question))


def standard_source(
    family: AggregateFamily, dimensions: Sequence[str], condition: Condition | None, metrics: Sequence[str]
) -> Source | None:
    """The usual question of the family, if its rows can be filtered and summed to these groups; else None."""
    needed = {*dimensions, *(comparison.name for comparison in comparisons(condition))} - {QUALIFIER}
    exact = not family.counted_once.isdisjoint(metrics)
    for question in usual_questions(family):
        fits = set(dimensions) == set(question.group_by) if exact else needed <= set(question.group_by)
        if fits and all(comparison.operator in _LOCAL_OPERATORS for comparison in comparisons(condition)):
            return Source(replace(question, metrics=tuple(metrics)), condition)
    return None


def usual_questions(family: AggregateFamily) -> tuple[AggregateQuestion, ...]:
    """The usual questions of a family, whose answers many reports share."""
    if family is CONVERSATIONS:
        return STANDARD
    return (AggregateQuestion(group_by=family.grouping, metrics=family.metrics, family=family),)


def wanted_by_settings(families: Iterable[AggregateFamily]) -> tuple[AggregateQuestion, ...]:
    """The usual questions of families that the settings name, with all metrics."""
    return tuple(question for family in families if family is not CONVERSATIONS for question in usual_questions(family))


def all_questions(
    reports: Iterable[HasQuestions], families: Iterable[AggregateFamily], more: Iterable[AggregateQuestion] = ()
) -> tuple[AggregateQuestion, ...]:
    """All questions that are asked: the standard ones, `more`, those of the reports, and those of the settings'
    families.
    """
    return merged([*STANDARD, *more, *questions_of(reports), *wanted_by_settings(families)])


def families_of(questions: Iterable[AggregateQuestion]) -> tuple[AggregateFamily, ...]:
    """The families of the questions, except conversations."""
    asked = {question.family.name: question.family for question in questions}
    return tuple(family for name, family in sorted(asked.items()) if family is not CONVERSATIONS)


def split_off(
    family: AggregateFamily, condition: Condition | None, metrics: Sequence[str]
) -> tuple[Condition | None, Condition | None]:
    """Split a condition into the part that becomes a filter of the query, and the part that is applied to the answer.

    The platform has no `not equal`. But the rows of a family's table have some dimensions as columns, which can be
    compared here, unless the groups of a metric do not add up.
    """
    members = condition.members if isinstance(condition, Group) and condition.type == "and" else (condition,)
    exact = not family.counted_once.isdisjoint(metrics)
    here = [each for each in members if each and _is_applied_here(family, each, exact)]
    return all_of([each for each in members if each and each not in here]), all_of(here)


def _is_applied_here(family: AggregateFamily, condition: Condition, exact: bool) -> bool:
    compared, columns = list(comparisons(condition)), own_columns(family)
    if not all(each.name in columns and each.operator in _LOCAL_OPERATORS for each in compared):
        return False
    if family.batched_by or any(each.name == QUALIFIER for each in compared):
        return True
    return not exact and any(each.operator == "none_of" for each in compared)


def questions_of(reports: Iterable[HasQuestions]) -> tuple[AggregateQuestion, ...]:
    """The questions of reports, one after the other."""
    return tuple(question for report in reports for question in report.questions)


def further_questions(
    questions: Iterable[AggregateQuestion], always_asked: Iterable[AggregateQuestion] = STANDARD
) -> Iterator[AggregateQuestion]:
    """What must be asked in addition to `always_asked`: other questions, and further metrics of the same questions."""
    known = {identity(question): question.metrics for question in merged(always_asked)}
    for each in merged(questions):
        metrics = tuple(metric for metric in each.metrics if metric not in known.get(identity(each), ()))
        if metrics:
            yield replace(each, metrics=metrics)


def identity(question: AggregateQuestion) -> tuple[str, str]:
    """The family and key of a question. Questions with the same identity are merged into one."""
    return question.family.name, key_of(question)


def question_in_words(question: AggregateQuestion) -> str:
    """A question in words.

    >>> question_in_words(AggregateQuestion(group_by=("queueId",), metrics=("tHandle", "nOffered")))
    'nOffered, tHandle by queueId'
    """
    narrowed = " with the report's filter, views or flattening" if selection(question) else ""
    of = "" if question.family is CONVERSATIONS else f" of the family {question.family.name}"
    return f"{', '.join(sorted(question.metrics))}{of} by {', '.join(question.group_by) or 'nothing'}{narrowed}"


def merged(questions: Iterable[AggregateQuestion]) -> tuple[AggregateQuestion, ...]:
    """The questions with equal ones merged: each family, grouping and filter once, with the metrics of all.

    >>> two = [AggregateQuestion(group_by=("queueId",), metrics=(name,)) for name in ("tHandle", "nOffered")]
    >>> [question.metrics for question in merged(two)]
    [('tHandle', 'nOffered')]
    """
    together: dict[tuple[str, str], AggregateQuestion] = {}
    for question in questions:
        alike = identity(question)
        known = together.setdefault(alike, question)
        metrics = tuple(dict.fromkeys([*known.metrics, *question.metrics]))
        together[alike] = replace(known, metrics=metrics)
    return tuple(together.values())

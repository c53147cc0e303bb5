"""What the platform must be asked so that reports can be computed: questions of aggregates, shared where they can be.

Two questions are asked in any case. A report whose figures they hold costs no request; others that ask the same
grouping of the same conversations share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.reports.language.conditions import Condition, Group, all_of, comparisons
from genesys_assets.tables.metrics.asked import grouping_of, question_key, selection_of

STANDARD = (
    AggregateQuestion(group_by=("queueId", "mediaType")),
    AggregateQuestion(group_by=("userId", "mediaType")),
)
"""What is asked in any case: metrics of queues have no user, so one grouping cannot give both."""

COUNTED_ONCE = frozenset({"nConversations"})
"""Metrics that count a thing once in a bucket and group: they add up over neither."""

OWN_COLUMNS = {"queueId": "queue_id", "userId": "user_id", "mediaType": "media_type"}
"""Dimensions that `interval_metrics` has as columns."""

_FOUND_HERE = ("any_of", "none_of", "exists", "missing")

if TYPE_CHECKING:
    from genesys_assets.reports.meaning.report import Report

_ANY = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that hold an answer: the question, and the condition on them that was not asked of the platform."""

    question: AggregateQuestion
    where: Condition | None = None

    @property
    def key(self) -> str:
        return key_of(self.question)


def grouping(question: AggregateQuestion) -> str:
    return grouping_of(question.group_by)


def selection(question: AggregateQuestion) -> str:
    """How rows of the question are marked in tables: see the column `selection`."""
    return selection_of(question.over(_ANY, "PT15M").body())


def key_of(question: AggregateQuestion) -> str:
    return question_key(grouping(question), selection(question))


def standard_source(dimensions: Sequence[str], condition: Condition | None, metrics: Sequence[str]) -> Source | None:
    """The usual question whose rows can be summed to these groups, None where neither can."""
    needed = {*dimensions, *(comparison.name for comparison in comparisons(condition))}
    exact = not COUNTED_ONCE.isdisjoint(metrics)
    for question in STANDARD:
        fits = set(dimensions) == set(question.group_by) if exact else needed <= set(question.group_by)
        if fits and all(comparison.operator in _FOUND_HERE for comparison in comparisons(condition)):
            return Source(replace(question, metrics=tuple(metrics)), condition)
    return None


def split_off(condition: Condition | None, metrics: Sequence[str]) -> tuple[Condition | None, Condition | None]:
    """What the platform is asked, and what is looked up in its answer. The platform has no `not equal`; rows of
    `interval_metrics` have some dimensions as columns, so it is asked by these too. Not where groups do not add up.
    """
    members = condition.members if isinstance(condition, Group) and condition.type == "and" else (condition,)
    here = [each for each in members if each and _is_found_here(each) and COUNTED_ONCE.isdisjoint(metrics)]
    return all_of([each for each in members if each and each not in here]), all_of(here)


def _is_found_here(condition: Condition) -> bool:
    compared = list(comparisons(condition))
    return any(each.operator == "none_of" for each in compared) and all(
        each.name in OWN_COLUMNS and each.operator in _FOUND_HERE for each in compared
    )


def questions_of(reports: Iterable[Report]) -> tuple[AggregateQuestion, ...]:
    """What the reports ask, each by itself."""
    return tuple(part.source.question for report in reports for part in report.aggregates)


def beyond_standard(questions: Iterable[AggregateQuestion]) -> Iterator[AggregateQuestion]:
    """What has to be asked that the usual questions do not: other questions, and further metrics of the usual ones."""
    usual = {key_of(question): question.metrics for question in STANDARD}
    for each in merged(questions):
        metrics = tuple(metric for metric in each.metrics if metric not in usual.get(key_of(each), ()))
        if metrics:
            yield replace(each, metrics=metrics)


def said(question: AggregateQuestion) -> str:
    """A question in words."""
    narrowed = " with the report's filter, views or flattening" if selection(question) else ""
    return f"{', '.join(sorted(question.metrics))} by {', '.join(question.group_by) or 'nothing'}{narrowed}"


def merged(questions: Iterable[AggregateQuestion]) -> tuple[AggregateQuestion, ...]:
    """Each grouping of the same conversations once, with the metrics of all that ask it."""
    together: dict[str, AggregateQuestion] = {}
    for question in questions:
        known = together.setdefault(key_of(question), question)
        metrics = tuple(dict.fromkeys([*known.metrics, *question.metrics]))
        together[key_of(question)] = replace(known, metrics=metrics)
    return tuple(together.values())

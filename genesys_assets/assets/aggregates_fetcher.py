"""Asks all aggregates questions about some spans of time, and notes the families that the platform refuses.

Questions about conversations must be answered. For another family the client may lack a permission, or the organisation
may not have the feature: then the family stays unanswered, with the reason, and this run does not ask it again.
`cloud.analytics.aggregate_windows` asks one question about many spans.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from genesys_assets.cloud.analytics.aggregate_windows import WindowedQuestion
from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.analytics.queries import AggregateQuestion, Granularity, Interval
from genesys_assets.cloud.errors import BadRequest, GenesysCloudError, MissingPermission, NotFound
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud

Unanswered = Mapping[str, str]
"""The reason why the platform did not answer a family, by its name."""


class CannotAsk(Exception):
    """A family of aggregates cannot be fetched. The message says why and what to do."""


_REFUSED = (MissingPermission, NotFound, BadRequest)


@dataclass(frozen=True, slots=True)
class _QuestionParts:
    """A question, split into the batches that its family requires."""

    family: AggregateFamily
    parts: Sequence[WindowedQuestion]


@dataclass(slots=True)
class AggregatesFetcher:
    """The questions of one run, which it asks for window after window.

    `users` gives the ids for families that are asked in batches of users, or raises CannotAsk. `unanswered` grows as
    the platform refuses families.
    """

    cloud: GenesysCloud
    questions: Sequence[AggregateQuestion]
    users: Callable[[], Sequence[str]]
    granularity: Granularity
    time_zone: str | None
    unanswered: dict[str, str] = field(default_factory=dict)
    _questions: list[_QuestionParts] = field(init=False)

    def __post_init__(self) -> None:
        self._questions = []
        for question in self.questions:
            try:
                self._questions.append(_QuestionParts(question.family, self._parts(question)))
            except CannotAsk as why:
                self.unanswered[question.family.name] = f"it needs a list of {question.family.batched_by}, and {why}"

    @property
    def answered(self) -> list[str]:
        """The families that the platform answered so far."""
        return sorted({each.family.name for each in self._questions} - self.unanswered.keys())

    def pages(self, spans: Sequence[Interval]) -> Iterator[tuple[Interval, list[Page]]]:
        """The answers about each span, in the order of the spans. A family that is refused has no answers about any.

        Raises every error about conversations. For other families it raises only errors that may be temporary, so that
        the run is retried.
        """
        remaining = [each for each in self._questions if each.family.name not in self.unanswered]
        parts = [(each.family, part) for each in remaining for part in each.parts]
        answers = list(self.cloud.map_in_order(partial(_answers, spans), parts))
        for (family, _), answer in zip(parts, answers, strict=True):
            if isinstance(answer, GenesysCloudError):
                self.unanswered.setdefault(family.name, reason(family, answer))
        by_part = [
            answer
            for (family, _), answer in zip(parts, answers, strict=True)
            if not isinstance(answer, GenesysCloudError) and family.name not in self.unanswered
        ]
        for number, span in enumerate(spans):
            yield span, [pages[number] for pages in by_part]

    def _parts(self, question: AggregateQuestion) -> list[WindowedQuestion]:
        over = partial(question.over, granularity=self.granularity, time_zone=self.time_zone)
        if question.family.batched_by is None:
            return [WindowedQuestion(self.cloud, over)]
        ids, most = self.users(), question.family.largest_batch
        batches = [tuple(ids[first : first + most]) for first in range(0, len(ids), most)]
        return [WindowedQuestion(self.cloud, partial(over, batch=batch)) for batch in batches]


def reason(family: AggregateFamily, refused: GenesysCloudError) -> str:
    """Why a family is not answered, and what to do."""
    if not isinstance(refused, MissingPermission):
        return f"the platform refused it ({refused})"
    named = " and ".join(refused.permissions) or family.permission
    return (
        f"the permission {named} is missing. Give the OAuth client a role with it, in every division to be read: "
        "Admin > Integrations > OAuth > the client > Roles"
    )


def _answers(
    spans: Sequence[Interval], part: tuple[AggregateFamily, WindowedQuestion]
) -> list[Page] | GenesysCloudError:
    family, question = part
    try:
        return list(question.pages(spans))
    except _REFUSED as refused:
        if family is CONVERSATIONS:
            raise
        return refused

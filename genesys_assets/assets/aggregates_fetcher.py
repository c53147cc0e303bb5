"""Asking every question of aggregates of some spans of time, and what becomes of a family that the platform refuses.

Figures of conversations must be answered. Of another family a permission may be missing, or the platform may not have
it: then it stays unanswered, with the reason, and is not asked again by this run. How one question is asked of many
spans is in `cloud.analytics.aggregate_windows`.
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
"""Families, each with the reason why the platform did not answer it."""


class CannotAsk(Exception):
    """A family of aggregates cannot be fetched. The message says why and what to do."""


_REFUSED = (MissingPermission, NotFound, BadRequest)


@dataclass(frozen=True, slots=True)
class _QuestionParts:
    """A question, in as many parts as its family wants it asked."""

    family: AggregateFamily
    parts: Sequence[WindowedQuestion]


@dataclass(slots=True)
class AggregatesFetcher:
    """The questions that one run asks of window after window.

    `users` gives the ids that a family is asked for in batches, or raises CannotAsk. `unanswered` grows as the platform
    refuses families.
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
                self.unanswered[question.family.name] = f"it is asked for {question.family.batched_by}, and {why}"

    @property
    def answered(self) -> list[str]:
        """The families that the platform answered so far."""
        return sorted({each.family.name for each in self._questions} - self.unanswered.keys())

    def pages(self, spans: Sequence[Interval]) -> Iterator[tuple[Interval, list[Page]]]:
        """The answers about each of the spans, in their order. A family that is refused has none in any of them.

        Raises whatever the platform says to a question about conversations, and what may pass.
        """
        left = [each for each in self._questions if each.family.name not in self.unanswered]
        parts = [(each.family, part) for each in left for part in each.parts]
        found = list(self.cloud.map_in_order(partial(_answers, spans), parts))
        for (family, _), answer in zip(parts, found, strict=True):
            if isinstance(answer, GenesysCloudError):
                self.unanswered.setdefault(family.name, reason(family, answer))
        kept = [
            answer
            for (family, _), answer in zip(parts, found, strict=True)
            if not isinstance(answer, GenesysCloudError) and family.name not in self.unanswered
        ]
        for number, span in enumerate(spans):
            yield span, [pages[number] for pages in kept]

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
    spans: Sequence[Interval], asked: tuple[AggregateFamily, WindowedQuestion]
) -> list[Page] | GenesysCloudError:
    family, question = asked
    try:
        return list(question.pages(spans))
    except _REFUSED as refused:
        if family is CONVERSATIONS:
            raise
        return refused

"""The families of aggregates: one record for each, with its metrics and dimensions.

A family is one endpoint with its own permission, metrics and dimensions. All families take the same query and give
answers of the same shape. Source: Genesys Cloud's SDK 269.0.0,
https://github.com/MyPureCloud/platform-client-sdk-python (models …AggregationView, …AggregateQueryPredicate);
permissions from its documentation of AnalyticsApi. The names are in `family_names` and, for conversations, in
`catalogue`. `queries` builds the query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics import family_names as names
from genesys_assets.cloud.errors import InvalidQuery

TimeDimension = Literal["eventTime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateFamily:
    """One family of aggregates.

    `grouping` is its default grouping; dimensions in `columns` are columns of its table. `counted_once`: metrics that
    count an entity once in each bucket and group, so their figures must not be added up. `time_dimension` is set if
    events must be counted by another time than the platform's default. `batched_by` is a dimension whose values a query
    must name, at most `largest_batch` at once. The platform documents 100 users:
    https://developer.genesys.cloud/analyticsdatamanagement/analytics/aggregate/user-query. `has_qualifier`: a metric
    has several figures, distinguished by a qualifier. `is_preview`: the platform may change the family at any time.
    """

    name: str
    permission: str
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    grouping: tuple[str, ...]
    columns: tuple[str, ...] = ()
    multi_valued: frozenset[str] = frozenset()
    counted_once: frozenset[str] = frozenset()
    time_dimension: TimeDimension | None = None
    batched_by: str | None = None
    largest_batch: int = 100
    has_qualifier: bool = False
    is_preview: bool = False

    @property
    def path(self) -> str:
        """The path of its query endpoint."""
        return f"/api/v2/analytics/{self.name}/aggregates/query"

    @property
    def table(self) -> str:
        """The name of the table with its 15-minute buckets."""
        return "interval_metrics" if self is CONVERSATIONS else f"{self.name}_metrics"

    def metric(self, name: str) -> str:
        """The platform's name of a metric, from its own name in any case or an alias. Raises InvalidQuery, which names
        the closest ones.

        >>> FAMILIES["surveys"].metric("nsurveyssent")
        'nSurveysSent'
        """
        return self._resolved("metric", name)

    def dimension(self, name: str) -> str:
        """The platform's name of a dimension by which the family groups and filters. Raises InvalidQuery."""
        return self._resolved("dimension", name)

    def _resolved(self, kind: Literal["metric", "dimension"], name: str) -> str:
        if self is CONVERSATIONS:
            of_conversations = catalogue.metric if kind == "metric" else catalogue.dimension
            return _resolve_or_name_families(self, kind, name, lambda: of_conversations(name))
        names_ = self.metrics if kind == "metric" else self.dimensions
        aliases = {} if kind == "metric" else catalogue.DIMENSION_ALIASES
        own_aliases = {alias: real for alias, real in aliases.items() if real in names_}
        return _resolve_or_name_families(
            self, kind, name, lambda: catalogue.resolve(kind, name, names_, own_aliases, of=f"the family {self.name}")
        )


def family(name: str) -> AggregateFamily:
    """The family with this name, in any case. Raises InvalidQuery, which names the closest ones.

    >>> family("Surveys").path
    '/api/v2/analytics/surveys/aggregates/query'
    """
    found = FAMILIES.get(name.strip().lower())
    if found is None:
        close = catalogue.closest(name, FAMILIES)
        hint = f"Closest: {', '.join(close)}." if close else f"Known are {', '.join(FAMILIES)}."
        raise InvalidQuery(f"{name!r} is not a family of aggregates. {hint}")
    return found


def of_path(path: str) -> AggregateFamily | None:
    """The family whose query endpoint has this path; None if none has.

    >>> of_path("/api/v2/analytics/flows/aggregates/query").name
    'flows'
    """
    return _BY_PATH.get(path)


def _resolve_or_name_families(
    family_: AggregateFamily, kind: Literal["metric", "dimension"], name: str, resolve: Callable[[], str]
) -> str:
    try:
        return resolve()
    except InvalidQuery:
        others = families_with(kind, name, but=family_)
        if not others:
            raise
        which = f"families {', '.join(others)} have" if len(others) > 1 else f"family {others[0]} has"
        raise InvalidQuery(f"{name!r} is not a {kind} of the family {family_.name}. The {which} it.") from None


def families_with(kind: Literal["metric", "dimension"], name: str, but: AggregateFamily) -> list[str]:
    """The other families that have a metric or a dimension, by name.

    >>> families_with("dimension", "flowId", but=CONVERSATIONS)
    ['flowexecutions', 'flows', 'transcripts']
    """
    return sorted(each.name for each in FAMILIES.values() if each is not but and _has(each, kind, name))


def _has(family_: AggregateFamily, kind: str, name: str) -> bool:
    names_ = family_.metrics if kind == "metric" else family_.dimensions
    return name.strip().lower() in (each.lower() for each in names_)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _by_name(families: Iterable[AggregateFamily]) -> dict[str, AggregateFamily]:
    return {each.name: each for each in families}


CONVERSATIONS = AggregateFamily(
    name="conversations",
    permission="analytics:conversationAggregate:view",
    metrics=catalogue.METRICS,
    dimensions=catalogue.DIMENSIONS,
    grouping=("queueId", "mediaType"),
    columns=("queueId", "userId", "mediaType"),
    multi_valued=catalogue.MULTI_VALUED,
    counted_once=frozenset({"nConversations"}),
)

_MULTI_VALUED = frozenset(_names("requestedRouting requestedRoutingSkillId wrapUpCode divisionId"))
"""Dimensions of which one conversation, or other entity, may have several values, whatever the family."""

FAMILIES = _by_name(
    (
        CONVERSATIONS,
        AggregateFamily(
            name="users",
            permission="analytics:userAggregate:view",
            metrics=names.METRICS["users"],
            dimensions=names.DIMENSIONS["users"],
            grouping=_names("userId"),
            columns=_names("userId"),
            batched_by="userId",
            has_qualifier=True,
        ),
        AggregateFamily(
            name="flows",
            permission="analytics:flowAggregate:view",
            metrics=names.METRICS["flows"],
            dimensions=(
                *(name for name in catalogue.DIMENSIONS if name != "originatingSocialMediaPublic"),
                *names.DIMENSIONS["flows"],
            ),
            grouping=_names("exitReason flowId selfServed"),
            columns=_names("flowId flowType exitReason selfServed queueId mediaType"),
            multi_valued=catalogue.MULTI_VALUED
            | {"flowMilestoneId", "flowOutcome", "flowOutcomeId", "flowOutcomeValue"},
        ),
        AggregateFamily(
            name="evaluations",
            permission="analytics:evaluationAggregate:view",
            metrics=names.METRICS["evaluations"],
            dimensions=names.DIMENSIONS["evaluations"],
            grouping=_names("formId queueId userId"),
            columns=_names("formId queueId userId mediaType evaluatorId"),
            multi_valued=_MULTI_VALUED,
            time_dimension="eventTime",
        ),
        AggregateFamily(
            name="surveys",
            permission="analytics:surveyAggregate:view",
            metrics=names.METRICS["surveys"],
            dimensions=names.DIMENSIONS["surveys"],
            grouping=_names("queueId surveyFormId userId"),
            columns=_names("surveyFormId queueId userId mediaType"),
            multi_valued=_MULTI_VALUED,
            time_dimension="eventTime",
        ),
        AggregateFamily(
            name="resolutions",
            permission="analytics:resolutionAggregate:view",
            metrics=names.METRICS["resolutions"],
            dimensions=names.DIMENSIONS["resolutions"],
            grouping=_names("queueId userId"),
            columns=_names("queueId userId mediaType"),
            multi_valued=_MULTI_VALUED,
            time_dimension="eventTime",
        ),
        AggregateFamily(
            name="transcripts",
            permission="analytics:speechAndTextAnalyticsAggregates:view",
            metrics=names.METRICS["transcripts"],
            dimensions=names.DIMENSIONS["transcripts"],
            grouping=_names("mediaType queueId userId"),
            columns=_names("queueId userId mediaType topicId categoryId"),
            multi_valued=_MULTI_VALUED | {"categoryId", "topicId"},
            counted_once=frozenset(_names("nSpeechTextAnalyzedConversations")),
        ),
        AggregateFamily(
            name="bots",
            permission="analytics:botAggregate:view",
            metrics=names.METRICS["bots"],
            dimensions=names.DIMENSIONS["bots"],
            grouping=_names("botId botResult"),
            columns=_names("botId botResult mediaType"),
            multi_valued=frozenset({"botIntent", "botSlot"}),
        ),
        AggregateFamily(
            name="actions",
            permission="analytics:actionAggregate:view",
            metrics=names.METRICS["actions"],
            dimensions=names.DIMENSIONS["actions"],
            grouping=_names("actionId responseStatus"),
            columns=_names("actionId responseStatus errorType"),
        ),
        AggregateFamily(
            name="journeys",
            permission="analytics:journeyAggregate:view",
            metrics=names.METRICS["journeys"],
            dimensions=names.DIMENSIONS["journeys"],
            grouping=_names("journeyActionMapId"),
            columns=_names("journeyActionMapId journeyOutcomeId journeySegmentId"),
            multi_valued=frozenset({"journeySessionSegmentId"}),
            counted_once=frozenset(_names("nDistinctJourneyActions nDistinctJourneySessions")),
        ),
        AggregateFamily(
            name="knowledge",
            permission="analytics:knowledgeAggregate:view",
            metrics=names.METRICS["knowledge"],
            dimensions=names.DIMENSIONS["knowledge"],
            grouping=_names("knowledgeBaseId queueId"),
            columns=_names("knowledgeBaseId queueId userId mediaType"),
            counted_once=frozenset(_names("nDistinctKnowledgeSessions")),
        ),
        AggregateFamily(
            name="summaries",
            permission="analytics:summaryAggregate:view",
            metrics=names.METRICS["summaries"],
            dimensions=names.DIMENSIONS["summaries"],
            grouping=_names("queueId userId"),
            columns=_names("queueId userId mediaType"),
            multi_valued=frozenset({"wrapupCodesGenerated", "wrapupCodesSupported"}),
        ),
        AggregateFamily(
            name="agentcopilots",
            permission="analytics:agentCopilotAggregate:view",
            metrics=names.METRICS["agentcopilots"],
            dimensions=names.DIMENSIONS["agentcopilots"],
            grouping=_names("queueId userId"),
            columns=_names("queueId userId mediaType"),
            counted_once=frozenset(_names("nDistinctConversations nDistinctSuggestions")),
        ),
        AggregateFamily(
            name="copilots",
            permission="analytics:copilotAggregate:view",
            metrics=names.METRICS["copilots"],
            dimensions=names.DIMENSIONS["copilots"],
            grouping=_names("agentId userId"),
            columns=_names("agentId userId"),
            multi_valued=frozenset({"divisionId"}),
            counted_once=frozenset(_names("nCopilotUsers")),
        ),
        AggregateFamily(
            name="taskmanagement",
            permission="analytics:taskManagementAggregate:view",
            metrics=names.METRICS["taskmanagement"],
            dimensions=names.DIMENSIONS["taskmanagement"],
            grouping=_names("queueId typeId"),
            columns=_names("queueId userId typeId workbinId"),
            multi_valued=_MULTI_VALUED,
        ),
        AggregateFamily(
            name="casemanagement",
            permission="analytics:caseManagementAggregate:view",
            metrics=names.METRICS["casemanagement"],
            dimensions=names.DIMENSIONS["casemanagement"],
            grouping=_names("caseplanId"),
            columns=_names("caseplanId ownerId"),
            multi_valued=frozenset({"divisionId"}),
        ),
        AggregateFamily(
            name="flowexecutions",
            permission="analytics:flowExecutionAggregate:view",
            metrics=names.METRICS["flowexecutions"],
            dimensions=names.DIMENSIONS["flowexecutions"],
            grouping=_names("flowId"),
            columns=_names("flowId flowVersion"),
            multi_valued=frozenset({"divisionId"}),
        ),
        AggregateFamily(
            name="agentutilizations",
            permission="analytics:agentUtilizationAggregate:view",
            metrics=names.METRICS["agentutilizations"],
            dimensions=names.DIMENSIONS["agentutilizations"],
            grouping=_names("mediaType userId"),
            columns=_names("userId mediaType"),
            is_preview=True,
        ),
    )
)
"""Every family, by name."""

_BY_PATH = {each.path: each for each in FAMILIES.values()}

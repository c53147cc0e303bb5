"""The platform's names of metrics and dimensions of conversations, and the other names that people use for them.

`family_names` has the names of the other families of aggregates, `queries` puts names together into a query, and
`tables` knows unit and meaning of a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches

from genesys_assets.cloud.errors import InvalidQuery


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


METRICS: tuple[str, ...] = _names(
    """
    nAgentDeclined nAlertExpired nBlindTransferred nBotInteractions nCallbackAttempts nCallbackOverSla
    nCallbackScheduled nCfcOffered nCobrowseSessions nConnected nConsult nConsultTransferred
    nConversations nError nOffered nOutbound nOutboundAbandoned nOutboundAttempted nOutboundConnected
    nOverSla nStateTransitionError nTakeover nTransferred oAudioMessageCount oCallbackServiceLevel
    oExternalAudioMessageCount oExternalMediaCount oMediaCount oMessageCount oMessageSegmentCount
    oMessageTurn oServiceLevel oServiceTarget oSkillExpressionApplications tAbandon tAcd tActiveCallback
    tActiveCallbackComplete tAcw tAgentResponseTime tAgentVideoConnected tAlert tAnswered
    tAverageAgentResponseTime tAverageCustomerResponseTime tBarging tCallbackAbandon tCallbackConnect
    tCallbackNotReached tCallbackVirtualWait tCfcAbandon tCfcAcd tCfcAnswered tCfcFlowOut tCoaching
    tCoachingComplete tConnected tContacting tDialing tFirstConnect tFirstDial tFirstEngagement
    tFirstResponse tFlowOut tHandle tHeld tHeldComplete tIvr tMonitoring tMonitoringComplete
    tNotResponding tPark tParkComplete tScreenMonitoring tShortAbandon tSnippetRecord tTalk tTalkComplete
    tTransmitting tUserResponseTime tVoicemail tWait
    """
)
"""Metrics of aggregates. Source: ConversationAggregationView.target of the platform's SDK 269.0.0, see `families`."""

SESSION_METRICS: frozenset[str] = frozenset(
    _names(
        """
        nConnected nConsult nConsultTransferred nError nFlow nOffered nTransferred tAcd tAcw tAlert tAnswered
        tConnected tContacting tDialing tFlow tFlowExit tHandle tHeld tHeldComplete tIvr tNotResponding tTalk
        tTalkComplete tVoicemail
        """
    )
)
"""Metrics that sessions of conversation details carry: all that appear in nine published payloads of real organisations
(2016 to 2024; voice, callback and chat). nFlow, tFlow and tFlowExit are no metrics of aggregates.
"""

AGGREGATE_ONLY: frozenset[str] = frozenset(_names("nConversations oServiceLevel oServiceTarget tWait"))
"""Metrics that no session carries, because the platform derives them. The payloads above have tAcd 14 times and tWait
never.

For a metric in neither list it is unknown whether sessions carry it.
"""

WAYS_OUT: tuple[str, ...] = _names("tAnswered tAbandon tFlowOut")
"""The metrics that add up to tWait: everybody who leaves a queue leaves it in one of these ways, after the wait.
Derived from what each metric means; the platform does not say so.
"""

DIMENSIONS: tuple[str, ...] = _names(
    """
    activeRouting activeSkillId addressFrom addressTo agentAssistantId agentBullseyeRing agentOwned
    agentRank agentScore ani assignerId authenticated canonicalExternalContactId conversationId
    conversationInitiator convertedFrom convertedTo customerParticipation deliveryStatus
    destinationAddress direction disconnectType divisionId dnis edgeId eligibleAgentCount errorCode
    extendedDeliveryStatus externalContactId externalMediaCount externalOrganizationId externalTag
    firstQueue flaggedReason flowInType flowOutType groupId interactionType journeyActionId
    journeyActionMapId journeyActionMapVersion journeyCustomerId journeyCustomerIdType
    journeyCustomerSessionId journeyCustomerSessionIdType knowledgeBaseId mediaCount mediaType messageType
    originatingDirection originatingSocialMediaPublic outboundCampaignId outboundContactId
    outboundContactListId participantName peerId proposedAgentId provider purpose queueId remote
    removedSkillId requestedLanguageId requestedRouting requestedRoutingSkillId roomId routingPriority
    routingRing routingRule routingRuleType scoredAgentId selectedAgentId selectedAgentRank selfServed
    sessionDnis sessionId skillExpressionId stationId teamId usedRouting userId videoPresent
    waitingInteractionCount wrapUpCode
    """
)
"""Dimensions of aggregates. Source: ConversationAggregateQueryPredicate.dimension of the SDK, see `families`."""

MULTI_VALUED: frozenset[str] = frozenset(
    _names(
        """
        activeSkillId agentRank agentScore destinationAddress divisionId eligibleAgentCount knowledgeBaseId
        proposedAgentId removedSkillId requestedRouting requestedRoutingSkillId scoredAgentId
        waitingInteractionCount wrapUpCode
        """
    )
)
"""Dimensions of which a session may have several values. It counts once in the group of each value, so such groups add
up to more than the total.
"""

METRIC_ALIASES: Mapping[str, str] = {
    "handleTime": "tHandle",
    "totalHandleTime": "tHandle",
    "handledCount": "tHandle",
    "talkTime": "tTalkComplete",
    "agent.talk.seconds": "tTalkComplete",
    "holdTime": "tHeldComplete",
    "agent.hold.seconds": "tHeldComplete",
    "wrapUpTime": "tAcw",
    "wrapTime": "tAcw",
    "waitTime": "tWait",
    "abandonedCount": "tAbandon",
    "conversationCount": "nConversations",
}
"""Names that tutorials use, with the platform's name of the metric."""

DIMENSION_ALIASES: Mapping[str, str] = {
    "user": "userId",
    "queue": "queueId",
    "queue.id": "queueId",
    "routing.queue.id": "queueId",
    "conversation.media.type": "mediaType",
    "conversationType": "mediaType",
    "conversation.type": "mediaType",
    "wrapup.code": "wrapUpCode",
}
"""Names that tutorials use, with the platform's name of the dimension."""

_NO_DURATION = "aggregates have no duration: subtract conversationStart from conversationEnd of the details"

METRICS_WITHOUT_EQUIVALENT: Mapping[str, str] = {
    "smallTalk": "the platform measures nothing like it",
    "averageHandleTime": "an average is no metric: ask for tHandle and divide its sum by its count",
    "count": "a count is no metric of its own: every metric has one, so ask for the metric to be counted",
    "totalInteractions": "no single metric counts interactions: ask for nOffered and nOutbound",
    "duration": _NO_DURATION,
    "conversation.duration.seconds": _NO_DURATION,
}
"""Names that tutorials use but no metric has, each with the reason and what to use instead."""

DIMENSIONS_WITHOUT_EQUIVALENT: Mapping[str, str] = {
    "user.name": "names are no dimension: group by userId and look the name up in the users listing",
    "date": "the date is no dimension: use the granularity P1D with a time zone",
    "interaction.startTime": (
        "the start is no dimension of aggregates: use a granularity, or conversationStart of the details"
    ),
}
"""The same for dimensions."""

DEFAULT_METRICS: tuple[str, ...] = _names(
    """
    nOffered nConnected nOutbound nTransferred nConsult nConsultTransferred nBlindTransferred nOverSla
    nError nOutboundConnected oServiceLevel tHandle tTalk tTalkComplete tHeld tHeldComplete tAcw tAlert
    tAnswered tAbandon tShortAbandon tWait tAcd tFlowOut tNotResponding tContacting tDialing tIvr
    tConnected tVoicemail tUserResponseTime tAgentResponseTime
    """
)
"""The metrics of a query that names none."""


def metric(name: str) -> str:
    """The platform's name of a metric, from its own name in any case or an alias. Raises InvalidQuery.

    >>> metric("thandle"), metric("wrapUpTime")
    ('tHandle', 'tAcw')
    """
    return resolve("metric", name, METRICS, METRIC_ALIASES, METRICS_WITHOUT_EQUIVALENT)


def dimension(name: str) -> str:
    """The platform's name of a dimension of aggregates, from its own name in any case or an alias. Raises InvalidQuery.

    >>> dimension("conversationType")
    'mediaType'
    """
    return resolve("dimension", name, DIMENSIONS, DIMENSION_ALIASES, DIMENSIONS_WITHOUT_EQUIVALENT)


def closest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the names that a person who wrote `name` may have meant, the likeliest first.

    >>> closest("tHandel", METRICS)
    ('tHandle', 'tHeld')
    """
    by_lower = {known.lower(): known for known in names}
    return tuple(by_lower[match] for match in close_matches(name.lower(), by_lower))


_SEARCHES_LEFT: ContextVar[list[int] | None] = ContextVar("searches_left", default=None)


@contextmanager
def few_searches(most: int) -> Iterator[None]:
    """In this context, `closest` searches for `most` names only, and returns nothing for every further one: a search
    takes milliseconds, and a file may have ten thousand wrong names.
    """
    token = _SEARCHES_LEFT.set([most])
    try:
        yield
    finally:
        _SEARCHES_LEFT.reset(token)


def close_matches(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of the names that are much like a name, the likeliest first."""
    left = _SEARCHES_LEFT.get()
    if left is not None:
        if left[0] == 0:
            return []
        left[0] -= 1
    return get_close_matches(name, list(names), n=3, cutoff=0.6)


def resolve(
    kind: str,
    name: str,
    names: tuple[str, ...],
    aliases: Mapping[str, str],
    without_equivalent: Mapping[str, str] | None = None,
    *,
    of: str = "Genesys Cloud",
) -> str:
    """The known name that a name in any case, or an alias, stands for. Raises InvalidQuery, which names the closest
    ones. `kind` and `of` are words of its message.
    """
    wanted = name.strip().lower()
    for refused, reason in (without_equivalent or {}).items():
        if refused.lower() == wanted:
            raise InvalidQuery(f"{name!r} has no equivalent {kind}: {reason}.")
    by_lower = {alias.lower(): real for alias, real in aliases.items()} | {known.lower(): known for known in names}
    if wanted in by_lower:
        return by_lower[wanted]
    close = tuple(dict.fromkeys(by_lower[match.lower()] for match in closest(name, [*names, *aliases])))
    hint = f"Closest: {', '.join(close)}." if close else f"Known are {', '.join(names)}."
    raise InvalidQuery(f"{name!r} is not a {kind} of {of}. {hint}")

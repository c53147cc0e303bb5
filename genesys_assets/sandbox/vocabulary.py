"""The names that the platform's analytics queries accept, and groups of metrics.

They are repeated here, so that the sandbox refuses a wrong name that the rest of the package uses. Source: the
enumerations of the platform's SDK 269.0.0, https://github.com/MyPureCloud/platform-client-sdk-python.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


METRICS = _names(
    """
    nAgentDeclined nAlertExpired nBlindTransferred nBotInteractions nCallbackAttempts nCallbackOverSla
    nCallbackScheduled nCfcOffered nCobrowseSessions nConnected nConsult nConsultTransferred nConversations
    nError nOffered nOutbound nOutboundAbandoned nOutboundAttempted nOutboundConnected nOverSla
    nStateTransitionError nTakeover nTransferred oAudioMessageCount oCallbackServiceLevel
    oExternalAudioMessageCount oExternalMediaCount oMediaCount oMessageCount oMessageSegmentCount
    oMessageTurn oServiceLevel oServiceTarget oSkillExpressionApplications tAbandon tAcd tActiveCallback
    tActiveCallbackComplete tAcw tAgentResponseTime tAgentVideoConnected tAlert tAnswered
    tAverageAgentResponseTime tAverageCustomerResponseTime tBarging tCallbackAbandon tCallbackConnect
    tCallbackNotReached tCallbackVirtualWait tCfcAbandon tCfcAcd tCfcAnswered tCfcFlowOut tCoaching
    tCoachingComplete tConnected tContacting tDialing tFirstConnect tFirstDial tFirstEngagement
    tFirstResponse tFlowOut tHandle tHeld tHeldComplete tIvr tMonitoring tMonitoringComplete tNotResponding
    tPark tParkComplete tScreenMonitoring tShortAbandon tSnippetRecord tTalk tTalkComplete tTransmitting
    tUserResponseTime tVoicemail tWait
    """
)

DIMENSIONS = _names(
    """
    activeRouting activeSkillId addressFrom addressTo agentAssistantId agentBullseyeRing agentOwned
    agentRank agentScore ani assignerId authenticated canonicalExternalContactId conversationId
    conversationInitiator convertedFrom convertedTo customerParticipation deliveryStatus destinationAddress
    direction disconnectType divisionId dnis edgeId eligibleAgentCount errorCode extendedDeliveryStatus
    externalContactId externalMediaCount externalOrganizationId externalTag firstQueue flaggedReason
    flowInType flowOutType groupId interactionType journeyActionId journeyActionMapId
    journeyActionMapVersion journeyCustomerId journeyCustomerIdType journeyCustomerSessionId
    journeyCustomerSessionIdType knowledgeBaseId mediaCount mediaType messageType originatingDirection
    originatingSocialMediaPublic outboundCampaignId outboundContactId outboundContactListId participantName
    peerId proposedAgentId provider purpose queueId remote removedSkillId requestedLanguageId
    requestedRouting requestedRoutingSkillId roomId routingPriority routingRing routingRule routingRuleType
    scoredAgentId selectedAgentId selectedAgentRank selfServed sessionDnis sessionId skillExpressionId
    stationId teamId usedRouting userId videoPresent waitingInteractionCount wrapUpCode
    """
)

SEGMENT_DIMENSIONS = _names(
    """
    addressFrom addressTo agentAssistantId agentOwned ani authenticated bargedParticipantId callbackNumber
    callbackScheduledTime canonicalExternalContactId cleared coachedParticipantId conference deliveryPushed
    deliveryStatus destinationAddress destinationConversationId detectedSpeechEnd detectedSpeechStart
    direction disconnectType dnis edgeId engagementSource errorCode exitReason extendedDeliveryStatus
    externalContactId externalOrganizationId flaggedReason flowId flowName flowOutType flowOutcome
    flowOutcomeId flowOutcomeValue flowVersion groupId journeyActionId journeyActionMapId journeyCustomerId
    journeyCustomerIdType journeyCustomerSessionId mediaCount mediaType messageType monitoredParticipantId
    outboundCampaignId outboundContactId outboundContactListId participantName protocolCallId provider
    purpose queueId recording remote remoteNameDisplayable requestedLanguageId requestedRouting
    requestedRoutingSkillId scoredAgentId screenMonitoredUserId screenRecording scriptId segmentEnd
    segmentType sessionDnis sipResponseCode skillExpressionId snippetRecording subject teamId
    transferTargetAddress transferTargetName transferType usedRouting userId wrapUpCode wrapUpNote
    """
)

CONVERSATION_DIMENSIONS = _names(
    """
    accessAttribute conversationEnd conversationId conversationInitiator conversationStart
    customerParticipation divisionId externalTag mediaStatsMinConversationMos originatingDirection
    originatingSocialMediaPublic
    """
)
CONVERSATION_METRICS = METRICS | {"tConversationDuration", "nFlow", "tFlow"}
SEGMENT_METRICS = frozenset({"tSegmentDuration"})
ACTIVITY_METRICS = frozenset({"oAlerting", "oInteracting", "oLongestInteracting", "oLongestWaiting", "oWaiting"})
ACTIVITY_DIMENSIONS = _names(
    """
    activeRouting addressFrom addressTo agentScore ani conversationId convertedFrom convertedTo direction
    dnis mediaType participantName queueId requestedLanguageId requestedRouting requestedRoutingSkillId
    routingPriority scoredAgentId sessionId teamId usedRouting userId
    """
)
QUEUE_OBSERVATION_METRICS = _names(
    """
    oActiveUsers oAlerting oInteracting oMemberUsers oOffQueueUsers oOnQueueUsers oUserPresences
    oUserRoutingStatuses oWaiting
    """
)

# Metrics of a queue, not of a person: a query grouped by userId does not get them.
QUEUE_METRICS = _names(
    """
    nOffered nOverSla oServiceLevel oServiceTarget tAbandon tAcd tFlowOut tShortAbandon tWait
    """
)
NOT_SORTABLE = frozenset({"tWait", "tShortAbandon", "oServiceLevel", "oCallbackServiceLevel"})

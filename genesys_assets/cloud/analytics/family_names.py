"""The metrics and dimensions of each family of aggregates. Those of conversations are in `catalogue`.

Source: the enumerations of Genesys Cloud's SDK 269.0.0, see `families`. A test compares the names with the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping

Names = Mapping[str, tuple[str, ...]]


def _split(texts: Mapping[str, str]) -> Names:
    return {family: tuple(text.split()) for family, text in texts.items()}


METRICS: Names = _split(
    {
        "users": "tAgentRoutingStatus tOrganizationPresence tSystemPresence",
        "flows": """
            nFlow nFlowMilestone nFlowOutcome nFlowOutcomeFailed oFlowMilestone tFlow tFlowDisconnect tFlowExit
            tFlowOutcome
        """,
        "evaluations": "nEvaluations nEvaluationsDeleted nEvaluationsRescored oTotalCriticalScore oTotalScore",
        "surveys": """
            nSurveyErrors nSurveyFullResponses nSurveyNpsDetractors nSurveyNpsPromoters nSurveyNpsResponses
            nSurveyPartialResponses nSurveyQuestionGroupResponses nSurveyQuestionResponses nSurveyResponses
            nSurveysAbandoned nSurveysDeleted nSurveysExpired nSurveysSent nSurveysStarted nVoiceSurveys nWebSurveys
            oSurveyQuestionGroupScore oSurveyQuestionScore oSurveyTotalScore
        """,
        "resolutions": "nNextContactAvoided",
        "transcripts": """
            nSpeechTextAnalyzedConversations nTopicCommunications oCustomerSentiment oOverTalkSpeechInstances
            oSentimentScore tAgentSpeech tCustomerSpeech tOtherAudio tOverTalkSpeech tSilence tTotalSpeechAndSilence
        """,
        "bots": """
            nBotSessionTurns nBotSessions oBotIntent oBotSessionCollection oBotSessionCollectionSelfServed
            oBotSessionQuery oBotSessionQuerySelfServed oBotSessionTurn oBotSlot tBotDisconnect tBotExit
            tBotRecognitionFailure tBotSession
        """,
        "actions": "tTotalExecution",
        "journeys": """
            nDistinctJourneyActions nDistinctJourneySessions nJourneyActionsBlocked nJourneyOutcomesAchieved
            nJourneyOutcomesAttributed nJourneySegmentsAssigned nJourneySessions nWebActionsAbandoned
            nWebActionsAccepted nWebActionsEngaged nWebActionsErrored nWebActionsFrequencyCapReached nWebActionsIgnored
            nWebActionsOffered nWebActionsOfferedOutsideSchedule nWebActionsQualified
            nWebActionsQualifiedOutsideSchedule nWebActionsRejected nWebActionsStarted nWebActionsTimedout
            oJourneyOutcomeTouchpointValue oJourneyOutcomeValue
        """,
        "knowledge": """
            nDistinctKnowledgeSessions nKnowledgeDocumentCopied nKnowledgeDocumentFeedback nKnowledgeDocumentPresented
            nKnowledgeDocumentSurfaced nKnowledgeDocumentViewed nKnowledgeSearch nKnowledgeSearchAnswered
            nKnowledgeSearchFeedback nKnowledgeSearchUnanswered nKnowledgeSessions nKnowledgeV3Search
            oKnowledgeDocumentQuery oKnowledgeDocumentQuerySelfServed oKnowledgeSearch
        """,
        "summaries": "nConversationSummaries nConversationSummaryEngagements tConversationSummary",
        "agentcopilots": """
            nCannedResponseSuggestions nDistinctConversations nDistinctSuggestions nKnowledgeAnswerSuggestions
            nKnowledgeArticleSuggestions nKnowledgeSearchSuggestions nScriptSuggestions
        """,
        "copilots": "nCopilotMessages nCopilotSessions nCopilotToolInvocations nCopilotUsers",
        "taskmanagement": """
            nWorkitemsAcdCancelled nWorkitemsAcdExpired nWorkitemsAcdStarted nWorkitemsAgentTransferred
            nWorkitemsCreated nWorkitemsDeclined nWorkitemsDeleted nWorkitemsDisconnected nWorkitemsOffered
            nWorkitemsOverSla nWorkitemsPurged nWorkitemsQueueTransferred nWorkitemsStatusChanged nWorkitemsTerminated
            nWorkitemsTimedout nWorkitemsTransferred nWorkitemsWrapupAdded nWorkitemsWrapupRemoved
            oWorkitemsServiceLevel tWorkitemsAgentFocusComplete tWorkitemsAlert tWorkitemsAnswered
            tWorkitemsDirectAnswered tWorkitemsFocus tWorkitemsFocusComplete tWorkitemsHandled tWorkitemsHeld
            tWorkitemsHeldComplete tWorkitemsNotResponding tWorkitemsParked tWorkitemsQueueAnswered tWorkitemsStatus
        """,
        "casemanagement": """
            nCaseAssociationsCreated nCasesDeleted nCasesOpened nCasesOverSla nCasesPurged nCasesStatusChanged
            nCasesTerminated oCasesServiceLevel tCasesResolved tCasesStatus
        """,
        "flowexecutions": "nFlowExecutions",
        "agentutilizations": "oAgentAvailableUtilization oAgentMaxUtilization oAgentUtilizationPercentage",
    }
)
"""By family."""

DIMENSIONS: Names = _split(
    {
        "users": "userId",
        "flows": """
            endingLanguage entryReason entryType exitReason flowId flowMilestoneId flowName flowOutcome flowOutcomeId
            flowOutcomeValue flowSubType flowType flowVersion recognitionFailureReason startingLanguage
            transferTargetAddress transferTargetName transferType
        """,
        "evaluations": """
            assigneeApplicable assigneeId calibrationId contextId conversationId conversationStart divisionId
            evaluationContextId evaluationCreatedDate evaluationId evaluationReleaseDate evaluatorId formId mediaType
            queueId released rescored systemSubmitted teamId userId
        """,
        "surveys": """
            conversationId divisionId externalContactId mediaType queueId requestedLanguageId requestedRoutingSkillId
            surveyAnswerId surveyCreatedDate surveyErrorReason surveyFormContextId surveyFormId surveyFormName surveyId
            surveyPartialResponse surveyPreviousStatus surveyPromoterScore surveyQuestionGroupId surveyQuestionId
            surveyStatus surveyType teamId userId wrapUpCode
        """,
        "resolutions": """
            conversationId externalContactId mediaType queueId requestedRouting usedRouting userId wrapUpDate
        """,
        "transcripts": """
            addressFrom addressTo ani categoryId channel conversationDuration conversationId direction divisionId dnis
            flowId flowVersion handleTime mediaType messageType queueId resultsBy teamId topicId userId wrapUpCode
        """,
        "bots": """
            askActionId askActionResult askActionType botFinalIntent botFlowSubType botFlowType botId botIntent botName
            botProduct botProvider botRecognitionFailureReason botResult botSessionId botSlot botSlotMechanism
            botVersion conversationId externalContactId intermediateIntentName knowledgeBaseId languageCode
            lastActionId lastInputActionId mediaType messageType previewMode selfServed
        """,
        "actions": """
            actionCategory actionId actionName correlationId errorType integrationId integrationName responseStatus
        """,
        "journeys": """
            containsAllCondition containsAnyCondition endsWithCondition equalCondition journeyActionId
            journeyActionMapId journeyActionMapVersion journeyActionMediaType journeyActionTargetId
            journeyActionTemplateId journeyBlockingActionMapId journeyBlockingEmergencyScheduleGroupId
            journeyBlockingReason journeyBlockingScheduleGroupId journeyDeviceCategory journeyDeviceType
            journeyFrequencyCapReason journeyIpGeolocationCountry journeyOutcomeId journeySegmentAssignmentState
            journeySegmentId journeySessionId journeySessionSegmentId journeySessionType notContainsAllCondition
            notContainsAnyCondition notEqualCondition startsWithCondition touchpointActionMapId touchpointAgentId
            touchpointAttributionScope touchpointChannelMessageType touchpointChannelPlatform touchpointChannelType
            touchpointConversationId touchpointInteractionType touchpointQueueId touchpointRequestedRouting
            touchpointUsedRouting touchpointWrapupCode
        """,
        "knowledge": """
            agentAssistantId answerGenerationEnabled appDeploymentId appType botFlowId conversationChannelType
            conversationId documentEngagementType externalContactId feedbackCategory feedbackId feedbackRating
            feedbackRatingType feedbackRatingValue feedbackReason feedbackType hasComment hasRetrievedReferences
            hasSearch knowledgeBaseDocumentId knowledgeBaseDocumentVariationId knowledgeBaseDocumentVersionId
            knowledgeBaseId knowledgeSettingId languageCode mediaType messageType presentedDocumentsCount queryType
            queryTypeV3 queueId searchId searchQuery selfServed sessionId surfacingMethod userId
        """,
        "summaries": """
            conversationId copied editedField errorType language mediaType messageType presented queueId
            summaryGenerated summaryId summaryRating triggerSourceId triggerSourceOutcome triggerSourceType triggerType
            userId wrapUpCodeRating wrapUpCodeSuggestionSelected wrapupCodesGenerated wrapupCodesSupported
        """,
        "agentcopilots": """
            agentAssistantId cannedResponseId cannedResponseLibraryId chunkCount conversationId engagementType
            externalContactId feedbackRating hasAnswerHighlight hasGeneratedAnswer knowledgeBaseDocumentId
            knowledgeBaseDocumentVersionId knowledgeSettingId mediaType messageId queueId scriptId scriptPageId
            searchId state suggestionId suggestionType triggerType userId utteranceId
        """,
        "copilots": "agentId divisionId sessionId toolId toolStatus toolType userId",
        "taskmanagement": """
            assigneeId caseId divisionId externalTag queueId reporterId requestedLanguageId requestedRouting
            requestedRoutingSkillId statusCategory statusId typeId usedRouting userId workbinId workitemId wrapUpCode
        """,
        "casemanagement": """
            associationType caseId caseplanId conversationId customerIntentId divisionId ownerId priority stageId
            status stepId workitemId
        """,
        "flowexecutions": "divisionId flowId flowObjectId flowVersion",
        "agentutilizations": "mediaType userId",
    }
)
"""By family. Flows have the dimensions of conversations too, which are not repeated here."""

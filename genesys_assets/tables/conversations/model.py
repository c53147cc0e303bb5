"""The analytics conversation model: every field that the platform documents, and their nesting.

Only declarations are here. `decode` turns bytes into nested Arrow data, `flat_tables` declares the tables made of it.
Source: the models AnalyticsConversation, AnalyticsParticipant, AnalyticsSession and others of
https://github.com/MyPureCloud/platform-client-sdk-python. Query and details jobs give conversations of the same shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from genesys_assets.tables.spec import TYPES


@dataclass(frozen=True, slots=True)
class Field:
    """One documented field: its name in JSON (`wire`), its type, and the name and description of its column."""

    wire: str
    type: pa.DataType
    column: str
    description: str


def snake_case(wire: str) -> str:
    """`mediaStatsMinConversationRFactor` -> `media_stats_min_conversation_r_factor`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", wire).lower()


def _struct(**members: pa.DataType) -> pa.DataType:
    return pa.struct(list(members.items()))


NESTED: dict[str, pa.DataType] = {
    "agent_groups": pa.list_(_struct(agentGroupId=pa.string(), agentGroupType=pa.string())),
    "proposed_agents": pa.list_(_struct(agentRank=pa.int64(), proposedAgentId=pa.string())),
    "scored_agents": pa.list_(_struct(agentScore=pa.int64(), scoredAgentId=pa.string())),
    "properties": pa.list_(_struct(property=pa.string(), propertyType=pa.string(), value=pa.string())),
}


def _fields(declaration: str, prefix: str = "") -> tuple[Field, ...]:
    declared = []
    for line in declaration.strip().splitlines():
        wire, type_, description = line.split(maxsplit=2)
        column = snake_case(wire)
        if prefix and not column.startswith(prefix):
            column = prefix + column
        declared.append(Field(wire, TYPES.get(type_) or NESTED[type_], column, description))
    return tuple(declared)


CONVERSATION = _fields("""
conversationId string the conversation
conversationStart instant when it began
conversationEnd instant when it ended; null while it is in progress
originatingDirection string inbound or outbound, as it began
conversationInitiator string purpose of the participant who began a message conversation
customerParticipation boolean whether the customer sent at least one message
divisionIds strings divisions the conversation belongs to
externalTag string tag set by an integration
selfServed boolean whether every flow session was self-service
associatedConversationId string conversation that the initiator ties this one to
consultationConversationIds strings conversations that the initiator ties this one to as consults
conferenceStart instant start of the conference call
inactivityTimeout instant when the conversation will count as inactive
knowledgeBaseIds strings knowledge bases used
accessAttributes strings attributes that limit who may see the conversation
mediaStatsMinConversationMos number lowest estimated MOS of its audio streams
mediaStatsMinConversationRFactor number lowest R-factor of its audio streams
originatingSocialMediaPublic boolean whether it began as a public post
""")

PARTICIPANT = _fields("""
participantId string the participant
purpose string role in the conversation: customer, external, ivr, acd, agent, voicemail and others
userId string the user, where the participant is one
participantName string display name
teamId string team of the user
externalContactId string external contact
externalOrganizationId string external organization
flaggedReason string why the participant flagged the conversation
screenRecording boolean whether a screen recording was started
""")

SESSION = _fields("""
sessionId string the session; may be longer than a UUID
mediaType string voice, callback, chat, email, message, cobrowse, screenshare, video and others
direction string inbound or outbound
messageType string channel of a message session: sms, whatsapp, webmessaging and others
provider string source provider of the communication
peerId string the session at the other end
ani string caller's number
dnis string number dialled by the caller
sessionDnis string number dialled in the session: after a transfer another than dnis
remote string name, number or address of the remote party
remoteNameDisplayable string name of the remote party as it may be shown
addressFrom string address that initiated
addressTo string address that received
addressSelf string this side's e-mail address
addressOther string the other side's e-mail address
cc strings e-mail copies
bcc strings e-mail blind copies
requestedRoutings strings routing methods attempted
usedRouting string routing method that completed
routingRing integer ring for bullseye or preferred agent routing
routingRule string rule for preferred, conditional or predictive routing
routingRuleType string type of that rule
selectedAgentId string agent selected by routing
selectedAgentRank integer rank of that agent
agentBullseyeRing integer bullseye ring of the targeted agent
agentAssistantId string active agent assistant
agentOwned boolean whether a callback is owned by an agent
assignerId string user who assigned the conversation by hand
activeSkillIds strings skills active on the conversation
removedSkillIds strings skills removed by bullseye routing
skillExpressionId string skill expression requested
eligibleAgentCounts integers eligible agents for each predictive routing attempt
waitingInteractionCounts integers waiting interactions for each predictive routing attempt
flowInType string kind of flow the session came from into ACD
flowOutType string kind of flow it went to when tFlowOut was emitted
acwSkipped boolean whether after-call work was skipped
authenticated boolean whether the customer's identity is verified
bargedParticipantId string participant being barged in on
coachedParticipantId string participant being coached
monitoredParticipantId string participant being monitored
screenMonitoredUserId string user being screen monitored
callbackNumbers strings numbers to call back
callbackScheduledTime instant when the callback is due
callbackUserName string who asked for the callback
timeoutSeconds integer seconds before an automatic callback begins
cleared boolean whether the customer cleared the conversation
cobrowseRole string sharer or viewer
cobrowseRoomId string cobrowse room
deliveryPushed boolean whether push delivery was used
deliveryStatus string delivery status of an e-mail or SMS
deliveryStatusChangeDate instant last change of that status
extendedDeliveryStatus string extended delivery status
destinationAddresses strings destinations of transfers or consults
detectedSpeechStart instant when speech began
detectedSpeechEnd instant when speech ended
dispositionAnalyzer string dialer: what analysed the call
dispositionName string dialer: result of the analysis
edgeId string edge device
engagementSource string open messaging engagement source
errorCodeDescription string error code of the first disconnect reason
journeyActionId string journey action
journeyActionMapId string journey action map
journeyActionMapVersion integer version of that map
journeyCustomerId string journey customer
journeyCustomerIdType string type of that id
journeyCustomerSessionId string journey session
journeyCustomerSessionIdType string type of that session
mediaBridgeId string conference bridge
mediaCount integer media included in the session
outboundCampaignId string dialer: campaign
outboundContactId string dialer: contact
outboundContactListId string dialer: contact list
skipEnabled boolean dialer: whether the contact may be skipped
protocolCallId string id of the call in its own protocol
recording boolean whether an audio recording was started
snippetRecording boolean whether a snippet was recorded
roomId string room
screenShareAddressSelf string screen share address
screenShareRoomId string screen share room
sharingScreen boolean whether the screen was shared
scriptId string script
videoAddressSelf string video address
videoRoomId string video room
agentGroups agent_groups agent groups of conditional group routing
proposedAgents proposed_agents agents proposed by routing
""")

FLOW = _fields(
    """
flowId string flow that ran
flowName string its name when it ran
flowType string its type
flowVersion string its version
entryReason string why it was entered: an address, userId or flowId
entryType string how it was entered
exitReason string why it was left
startingLanguage string language at the start
endingLanguage string language at the end
issuedCallback boolean whether it issued a callback
recognitionFailureReason string recognition failure that ended it
transferTargetAddress string where it transferred to
transferTargetName string name of that target
transferType string type of that transfer
""",
    prefix="flow_",
)

FLOW_OUTCOME = _fields("""
flowOutcomeId string the outcome
flowOutcomeValue string its value, such as SUCCESS
flowOutcome string outcome and value in one
flowOutcomeStartTimestamp instant when it began
flowOutcomeEndTimestamp instant when it ended; null where it did not succeed
""")

SEGMENT = _fields("""
segmentType string interact, hold, wrapup, alert, ivr, dialing, contacting and others
segmentStart instant when it began; may precede conversationStart by milliseconds
segmentEnd instant when it ended; null while open
queueId string queue
wrapUpCode string wrap-up code: an id, or a system code such as ININ-WRAP-UP-TIMEOUT
wrapUpNote string the agent's note
wrapUpTags strings tags assigned in after-call work
disconnectType string how the session was disconnected
conference boolean whether it was a conference
audioMuted boolean whether audio was muted
videoMuted boolean whether video was paused
errorCode string error
groupId string group
requestedLanguageId string language requested
requestedRoutingSkillIds strings skills requested
requestedRoutingUserIds strings agents requested
sipResponseCodes integers SIP response codes
q850ResponseCodes integers Q.850 response codes
sourceConversationId string conversation before a conference
sourceSessionId string session before a conference
destinationConversationId string conversation after a conference
destinationSessionId string session after a conference
subject string subject of the first e-mail
scoredAgents scored_agents agents scored by routing
properties properties further properties
""")

METRIC = (
    Field("name", pa.string(), "metric", "the metric: nOffered, tHandle and so on"),
    Field("emitDate", TYPES["instant"], "emit_date", "when it was emitted; aggregates count it at this time"),
    Field("value", pa.int64(), "value", "milliseconds for t metrics, a number for n metrics"),
)

ATTRIBUTE = _fields("""
name string the attribute
value string its value; names and values are cut at 1024 characters
""")

ATTRIBUTE_LIMIT = 1024
"""Characters after which the platform cuts names and values of attributes. Source:
https://developer.genesys.cloud/api/rest/v2/analytics/conversation_details_job.
"""

MEDIA_ENDPOINT_STAT = _fields("""
eventTime instant when it was reported
codecs strings audio encodings used
minMos number lowest estimated MOS
minRFactor number lowest R-factor
maxLatencyMs integer highest latency in milliseconds
receivedPackets integer packets received
discardedPackets integer packets too late or too early
duplicatePackets integer packets received twice
invalidPackets integer packets that were not valid RTP
overrunPackets integer packets with no room in the jitter queue
underrunPackets integer packets after their time was played out
""")

EVALUATION = _fields("""
evaluationId string the evaluation
evaluationStatus string Finished, InProgress, InReview, Pending or Retracted
eventTime instant when it happened
userId string agent evaluated
evaluatorId string who evaluated
assigneeId string to whom it is assigned
assigneeApplicable boolean whether there can be an assignee
queueId string queue
formId string form
formName string name of the form
contextId string form regardless of version
calibrationId string calibration
oTotalScore integer total score
oTotalCriticalScore integer total critical score
released boolean whether it is released
rescored boolean whether it was scored again
deleted boolean whether it was deleted
systemSubmitted boolean whether the system submitted it
""")

SURVEY = _fields("""
surveyId string the survey
surveyStatus string its status
surveyType string Web or Voice
eventTime instant when it happened
surveyCompletedDate instant when it was completed
userId string agent surveyed
queueId string queue
surveyFormId string form
surveyFormName string name of the form
surveyFormContextId string form regardless of version
surveyPartialResponse boolean whether required questions stayed unanswered
surveyPromoterScore integer promoter score
oSurveyTotalScore integer total score
""")

RESOLUTION = _fields("""
eventTime instant when it happened
queueId string queue
userId string agent
nNextContactAvoided integer contacts avoided
""")


def _type(fields: tuple[Field, ...], **nested: pa.DataType) -> pa.StructType:
    return pa.struct([(field.wire, field.type) for field in fields] + list(nested.items()))


SESSION_TYPE = _type(
    SESSION,
    mediaEndpointStats=pa.list_(_type(MEDIA_ENDPOINT_STAT)),
    flow=_type(FLOW, outcomes=pa.list_(_type(FLOW_OUTCOME))),
    metrics=pa.list_(_type(METRIC)),
    segments=pa.list_(_type(SEGMENT)),
)
CONVERSATION_TYPE = _type(
    CONVERSATION,
    participants=pa.list_(
        _type(PARTICIPANT, attributes=pa.list_(_type(ATTRIBUTE)), sessions=pa.list_(SESSION_TYPE)),
    ),
    evaluations=pa.list_(_type(EVALUATION)),
    surveys=pa.list_(_type(SURVEY)),
    resolutions=pa.list_(_type(RESOLUTION)),
)
"""A conversation as the platform nests it, except that participant attributes are a list of pairs instead of a map."""
SUPPLEMENT_TYPE = pa.struct(
    [
        CONVERSATION_TYPE.field("conversationId"),
        ("participants", pa.list_(_type(PARTICIPANT[:1], attributes=pa.list_(_type(ATTRIBUTE))))),
        *(CONVERSATION_TYPE.field(name) for name in ("evaluations", "surveys", "resolutions")),
    ]
)
"""The fields of a conversation that only details jobs have, or have more completely than the query."""

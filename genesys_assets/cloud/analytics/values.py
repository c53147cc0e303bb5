"""The allowed values of dimensions and fields, where the platform fixes them: enumerations, ids, true and false.

Names of dimensions and metrics are in `catalogue`. Source: the enumerations of Genesys Cloud's SDK 269.0.0,
https://github.com/MyPureCloud/platform-client-sdk-python (models AnalyticsSession,
AnalyticsConversationSegment, AnalyticsParticipant, AnalyticsFlow, AnalyticsEvaluation, AnalyticsSurvey, Survey).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from genesys_assets.cloud.analytics.catalogue import closest
from genesys_assets.cloud.errors import InvalidQuery

_MEDIA = "callback chat cobrowse email internalmessage message screenmonitoring screenshare unknown video voice"
_PURPOSES = """
    acd agent api botflow campaign customer dialer external fax group inbound ivr manual outbound station user
    voicemail voicesurveyflow workflow
"""
_ROUTINGS = "Bullseye Conditional Direct Last Manual Predictive Preferred Standard Vip"
_DIRECTIONS = "inbound outbound"

ENUMERATIONS: Mapping[str, tuple[str, ...]] = {
    name: tuple(values.split())
    for name, values in {
        "mediaType": _MEDIA,
        "direction": _DIRECTIONS,
        "originatingDirection": _DIRECTIONS,
        "purpose": _PURPOSES,
        "conversationInitiator": _PURPOSES,
        "disconnectType": """
            client conferenceTransfer consultTransfer dndEndpoint dndTransfer endpoint error forwardTransfer inactivity
            noAnswerTransfer notAvailableTransfer other peer sessionExpired spam system takeover timeout transfer
            transportFailure uncallable
        """,
        "segmentType": """
            alert barging callback coaching contacting converting delay dialing hold interact ivr monitoring parked
            scheduled screenmonitoring sharing system transmitting unknown uploading voicemail wrapup
        """,
        "deliveryStatus": "DeliveryFailed DeliveryPushed DeliverySuccess Failed Published Queued Read Received Sent",
        "engagementSource": """
            AppleMessagesForBusiness Discord Email Facebook FacebookMessenger Glassdoor GoogleBusinessProfile Instagram
            KakaoTalk Line LinkedIn MicrosoftTeams MobileChat Other QQ Reddit ServiceNow SFDC SMS Snapchat Telegram
            Threads Trustpilot Unspecified Viber WebChat WeChat Weibo WhatsApp X Yelp YouTube Zendesk OpenMessaging
        """,
        "flaggedReason": "general",
        "routingRuleType": "Bullseye Conditional Predictive Preferred",
        "usedRouting": _ROUTINGS,
        "requestedRouting": _ROUTINGS,
        "flowType": """
            BOT BUSINESSPROCESS COMMONMODULE DIGITALBOT EMAILSEND INBOUNDCALL INBOUNDCHAT INBOUNDEMAIL
            INBOUNDSHORTMESSAGE INQUEUECALL INQUEUEEMAIL INQUEUESHORTMESSAGE OUTBOUNDCALL SECURECALL SPEECH SURVEYINVITE
            VOICE VOICEMAIL VOICESURVEY WORKFLOW WORKITEM
        """,
        "flowEntryType": "agent direct dnis flow outbound",
        "evaluationStatus": "Finished InProgress InReview Pending Retracted",
        "surveyStatus": "Pending Sent InProgress Finished OptOut Error Expired",
        "surveyType": "Web Voice",
    }.items()
}
"""The allowed values, by the platform's name of the dimension or field."""

PRESENCES = ("AVAILABLE", "AWAY", "BREAK", "BUSY", "IDLE", "MEAL", "MEETING", "OFFLINE", "ON_QUEUE", "TRAINING")
ROUTING_STATUSES = ("OFF_QUEUE", "IDLE", "INTERACTING", "COMMUNICATING", "NOT_RESPONDING")
"""System presences (model AnalyticsUserPresenceRecord) and routing statuses (model AnalyticsRoutingStatusRecord)."""

BOOLEANS = frozenset(
    ("agentOwned", "authenticated", "customerParticipation", "originatingSocialMediaPublic", "selfServed")
)
"""Dimensions that are true or false."""

_IDS = """
    activeSkillId agentAssistantId assignerId canonicalExternalContactId conversationId divisionId edgeId
    evaluatorId externalContactId externalOrganizationId flowId flowMilestoneId flowOutcomeId formId groupId
    knowledgeBaseId outboundCampaignId outboundContactListId proposedAgentId queueId removedSkillId requestedLanguageId
    requestedRoutingSkillId scoredAgentId selectedAgentId stationId surveyFormId teamId touchpointQueueId userId
    wrapUpCode
"""
IDS = frozenset(_IDS.split())
"""Dimensions that are ids of entities. Ids of sessions, outbound contacts and journeys have no fixed form."""

_EXAMPLE = "bea0c6c7-613d-4a23-ae4a-74481d4dc48e"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SYSTEM_CODE = re.compile(r"ININ-[A-Z0-9-]+")


def value_of(name: str, value: str) -> str:
    """The value as the platform writes it, from a value in any case. If the platform fixes no values, any text is
    allowed.

    >>> value_of("mediaType", "Voice")
    'voice'

    Raises InvalidQuery for a value that the dimension never has, and for a text that is no id.
    """
    if name in ENUMERATIONS:
        return _one_of(name, value, ENUMERATIONS[name])
    if name in BOOLEANS:
        return _one_of(name, value, ("true", "false"))
    if name in IDS:
        return _id(name, value)
    return value


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    by_folded = {each.lower(): each for each in known}
    found = by_folded.get(value.strip().lower())
    if found is None:
        close = closest(value, known)
        hint = f"Closest: {', '.join(close)}." if close else f"Known are {', '.join(known)}."
        raise InvalidQuery(f"{name} has no value {value!r}. {hint}")
    return found


def is_uuid(text: str) -> bool:
    """Whether a text has the form of the ids of entities."""
    return _UUID.fullmatch(text) is not None


def _id(name: str, value: str) -> str:
    id_ = value.strip()
    if is_uuid(id_.lower()):
        return id_.lower()
    if name == "wrapUpCode" and _SYSTEM_CODE.fullmatch(id_.upper()):
        return id_.upper()
    example = f"{_EXAMPLE} or ININ-WRAP-UP-TIMEOUT" if name == "wrapUpCode" else _EXAMPLE
    raise InvalidQuery(f"{name} must be an id such as {example}, got {value!r}.")

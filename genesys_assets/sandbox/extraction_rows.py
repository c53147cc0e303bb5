"""The rows of the data lake extraction for an hour: flat rows, by schema, of everything that changed within the hour.

`extraction` has the files. The platform does not document the columns. Here they are those of the conversation model
without nested lists; keys and times have the names that a public reader of the files uses
(https://github.com/mcphee11/genesys-cloud-data-lake).
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.directory import uuid
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.timelines import Timelines, presence, routing
from genesys_assets.sandbox.times import HOUR, SECOND, millis

Item = dict[str, Any]
Rows = dict[str, list[Item]]
"""Rows by schema."""

_EVERYWHERE = "organizationId conversationId updateTimestamp:instant"
_OF_SESSION = f"""{_EVERYWHERE} participantId purpose userId participantName externalContactId externalOrganizationId
sessionId mediaType direction provider peerId messageType ani dnis sessionDnis remote roomId usedRouting
requestedRoutings:texts addressFrom addressTo addressOther addressSelf callbackUserName callbackNumbers:texts
callbackScheduledTime:instant timeoutSeconds:whole skipEnabled:flag flowOutType outboundCampaignId
outboundContactListId outboundContactId"""
_METRIC = f"""{_EVERYWHERE} participantId purpose userId sessionId mediaType direction
metricName metricValue:whole metricTimestamp:instant"""

_DECLARED = {
    "conversations": f"""{_EVERYWHERE} conversationStart:instant conversationEnd:instant originatingDirection
        divisionIds:texts mediaStatsMinConversationMos:number mediaStatsMinConversationRFactor:number
        conversationInitiator customerParticipation:flag externalTag selfServed:flag""",
    "segments": f"""{_OF_SESSION} segmentId segmentType segmentStart:instant segmentEnd:instant queueId wrapUpCode
        wrapUpNote disconnectType conference:flag subject requestedRoutingSkillIds:texts flowId flowName flowVersion
        flowType entryType entryReason startingLanguage endingLanguage exitReason transferType transferTargetName
        transferTargetAddress""",
    "participant-attributes": f"""{_EVERYWHERE} participantId attributeName attributeValue eventTime:instant""",
    "conversation-metrics": _METRIC,
    "flow-metrics": f"{_METRIC} flowId flowType",
    "user-presence": """organizationId userId systemPresence organizationPresenceId startTimestamp:instant
        endTimestamp:instant updateTimestamp:instant""",
    "agent-routing-status": """organizationId userId routingStatus startTimestamp:instant endTimestamp:instant
        updateTimestamp:instant""",
}
PRESENCE, ROUTING_STATUS = "user-presence", "agent-routing-status"
COLUMNS: dict[str, dict[str, str]] = {
    schema: {name: kind or "text" for name, _, kind in (word.partition(":") for word in declared.split())}
    for schema, declared in _DECLARED.items()
}
"""The columns of each schema with their kind: text, whole, number, flag, texts, or instant (whole milliseconds)."""

UNKNOWN_SCHEMA = "sandbox-future-schema"
UNKNOWN_COLUMN = "sandboxFutureColumn"
_OF_FLOWS = frozenset({"nFlow", "tFlow", "tFlowExit", "tFlowOut", "tIvr", "nFlowOutcome", "nFlowMilestone"})
_AGAIN, _TWICE = 0.05, 0.03


def of_hour(organisation: Organisation, start: int) -> Rows:
    """All rows of the hour that begins at `start`, in ms.

    The rows of a few conversations are repeated although nothing changed, and a few rows of the hour before are
    repeated unchanged.
    """
    rows_by_schema: Rows = {schema: [] for schema in COLUMNS}
    for begin, share in ((start - HOUR, _TWICE), (start, 1.0)):
        for arrival in organisation.active(begin, begin + HOUR):
            if share == 1.0 or _lot(arrival, begin, "twice") < share:
                for schema, rows in _changed(organisation, arrival, begin).items():
                    rows_by_schema[schema] += rows
    return rows_by_schema


def of_spans(timelines: Timelines, organisation_id: str, schema: str, start: int) -> list[Item]:
    """The spans of agents' presence or routing status that began or ended within the hour, as they were at its end."""
    end, of = start + HOUR, presence if schema == PRESENCE else routing
    rows = []
    for user_id in timelines.user_ids:
        for span in timelines.spans(user_id, start, end, of):
            is_over = span.end < end
            if span.start >= start or is_over:
                system, organization_presence = span.value
                status = {
                    "systemPresence": system,
                    "organizationPresenceId": organization_presence,
                    "routingStatus": system,
                }
                times = {"startTimestamp": span.start, "endTimestamp": span.end if is_over else None}
                row = (
                    {"organizationId": organisation_id, "userId": user_id, "updateTimestamp": end - 1} | times | status
                )
                rows.append({name: row[name] for name in COLUMNS[schema]})
    return rows


def _changed(organisation: Organisation, arrival: Arrival, start: int) -> Rows:
    """The rows of one conversation that changed since the hour began."""
    end = start + HOUR - 1
    if arrival.start > end:
        return {}
    updated = end - int(_lot(arrival, start, "updated") * 50 * SECOND)
    after = _flat(organisation, arrival, end)
    before = _flat(organisation, arrival, start - 1) if arrival.start < start else {}
    repeats = bool(before) and _lot(arrival, start, "again") < _AGAIN
    return {
        schema: [{**row, "updateTimestamp": updated} for row in rows if repeats or row not in before.get(schema, ())]
        for schema, rows in after.items()
    }


def _lot(arrival: Arrival, hour: int, what: str) -> float:
    return Random(f"{what} {arrival.id} {hour}").random()


def _flat(organisation: Organisation, arrival: Arrival, now: int) -> Rows:
    """All rows of a conversation as of `now`."""
    shown = organisation.item_with_attributes(arrival, now)
    of_all = {
        "organizationId": organisation.directory.organisation_id,
        "conversationId": shown["conversationId"],
    }
    rows_by_schema: Rows = {schema: [] for schema in COLUMNS}
    rows_by_schema["conversations"].append(_row("conversations", of_all | shown))
    for participant in shown.get("participants", ()):
        for name, value in participant.get("attributes", {}).items():
            further = {"attributeName": name, "attributeValue": value, "eventTime": shown["conversationStart"]}
            rows_by_schema["participant-attributes"].append(
                _row("participant-attributes", of_all | participant | further)
            )
        for session in participant["sessions"]:
            of_session = of_all | participant | session
            rows_by_schema["segments"] += _segments(of_session, session)
            for metric in session.get("metrics", ()):
                schema = "flow-metrics" if metric["name"] in _OF_FLOWS and "flow" in session else "conversation-metrics"
                further = {
                    "metricName": metric["name"],
                    "metricValue": metric["value"],
                    "metricTimestamp": metric["emitDate"],
                }
                rows_by_schema[schema].append(_row(schema, of_session | session.get("flow", {}) | further))
    return rows_by_schema


def _segments(of_session: Item, session: Item) -> Iterator[Item]:
    for number, segment in enumerate(session["segments"]):
        of_segment = {"segmentId": uuid(Random(f"segment {session['sessionId']} {segment['segmentStart']} {number}"))}
        yield _row("segments", of_session | session.get("flow", {}) | segment | of_segment)


def _row(schema: str, values: Item) -> Item:
    return {
        name: millis(values[name]) if kind == "instant" and values.get(name) is not None else values.get(name)
        for name, kind in COLUMNS[schema].items()
        if name != "updateTimestamp"
    }

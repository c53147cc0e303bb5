"""Compares the sandbox with real answers, field by field and metric by metric, and names what only one side has.

The tests list the known differences. A new one fails, in either direction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pytest

from genesys_assets.cloud.analytics.catalogue import AGGREGATE_ONLY, SESSION_METRICS
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.vocabulary import METRICS
from genesys_assets_tests import samples
from genesys_assets_tests.sandbox.conftest import Client, log_in

Item = dict[str, Any]
Names = dict[str, set[str]]

REAL_ONLY: Names = {
    "session": {
        *("activeSkillIds", "destinationAddresses", "edgeId", "flowInType", "protocolCallId", "recording"),
        *("remoteNameDisplayable", "scriptId", "selectedAgentId"),
    },
    "segment": {"errorCode", "properties", "q850ResponseCodes", "sipResponseCodes"},
    "purpose": {"user"},
    "segmentType": {"delay", "system"},
    "disconnectType": {"endpoint", "timeout"},
    "metrics of customer": {"tConnected"},
}
SANDBOX_ONLY: Names = {
    "conversation": {
        *("conversationInitiator", "customerParticipation", "evaluations", "resolutions", "selfServed", "surveys"),
    },
    "participant": {"externalOrganizationId"},
    "session": {"addressFrom", "addressOther", "addressSelf", "addressTo", "flowOutType", "messageType"},
    "segment": {"subject"},
    "flow": {"outcomes"},
    "mediaEndpointStats": {"discardedPackets"},
    "purpose": {"botflow", "external", "voicemail"},
    "segmentType": {"contacting", "parked", "voicemail"},
    "disconnectType": {"uncallable"},
}
"""E-mails, messages, callbacks that were called back, companies of customers, outbound calls, calls that their flow
served and late endings: no public answer shows one.
"""

UNSEEN = {
    *("nBlindTransferred", "nBotInteractions", "nOutbound", "nOutboundAbandoned", "nOutboundAttempted"),
    *("nOutboundConnected", "nOverSla", "oMediaCount", "oMessageTurn", "tAbandon", "tActiveCallback"),
    *("tActiveCallbackComplete", "tAgentResponseTime", "tFlowDisconnect", "tFlowOut", "tPark", "tShortAbandon"),
    "tUserResponseTime",
}
"""What the sandbox's sessions emit although nobody has shown that real ones do: in no public answer is a call
abandoned or ended by its flow, an e-mail answered or a customer called by a campaign. Reconciliation compares these
where both sides have them.
"""


@pytest.fixture(scope="module")
def invented() -> Names:
    return names(Organisation(seed=3, conversations_per_day=1500).conversations(date(2026, 1, 28)))


@pytest.fixture(scope="module")
def real() -> Names:
    return names(told for name in samples.CONVERSATIONS for told in samples.conversations(name))


def names(conversations: Iterable[Item]) -> Names:
    """The fields of each part of the model, some enumerated values, and the metrics by purpose."""
    found: Names = {}

    def add(part: str, those: Iterable[str | None]) -> None:
        found.setdefault(part, set()).update(name for name in those if name is not None)

    for conversation in conversations:
        add("conversation", conversation)
        for participant, session in sessions(conversation):
            add("participant", participant)
            add("purpose", [participant["purpose"]])
            add("session", session)
            metrics = session.get("metrics", [])
            add(f"metrics of {participant['purpose']}", [metric["name"] for metric in metrics])
            parts = {"metric": metrics, "segment": session["segments"], "flow": [session.get("flow", {})]}
            parts["mediaEndpointStats"] = session.get("mediaEndpointStats", [])
            for part, items in parts.items():
                add(part, [name for item in items for name in item])
            for kind in ("segmentType", "disconnectType"):
                add(kind, [step.get(kind) for step in session["segments"]])
    return found


def sessions(conversation: Item) -> Iterator[tuple[Item, Item]]:
    for participant in conversation["participants"]:
        for session in participant["sessions"]:
            yield participant, session


def lacking(has: Names, lacks: Names, ignore: Iterable[str] = ()) -> Names:
    """The parts that one side has and the other lacks."""
    only = {part: those - lacks.get(part, set()) - {*ignore} for part, those in has.items()}
    return {part: those for part, those in only.items() if those}


# -- conversations -----------------------------------------------------------------------------------------------------


def test_what_real_conversations_have_and_the_sandboxs_lack_is_known(real: Names, invented: Names) -> None:
    assert lacking(real, invented) == REAL_ONLY


def test_what_the_sandboxs_conversations_have_and_real_ones_lack_is_known(real: Names, invented: Names) -> None:
    fields = {part: those for part, those in invented.items() if not part.startswith("metrics of")}
    assert lacking(fields, real) == SANDBOX_ONLY


def test_sessions_emit_what_real_ones_were_seen_to_emit_and_what_is_named(real: Names, invented: Names) -> None:
    seen, emitted = (
        {name for part, those in side.items() if part.startswith("metrics of") for name in those}
        for side in (real, invented)
    )
    assert seen <= SESSION_METRICS
    assert emitted - SESSION_METRICS == UNSEEN
    assert AGGREGATE_ONLY.isdisjoint(seen | emitted)


def test_what_only_aggregates_have_is_in_real_aggregates_and_in_no_real_session(real: Names) -> None:
    asked = {metric for name in samples.AGGREGATES for metric, _ in statistics(json.loads(samples.body(name)))}
    assert {"tWait", "oServiceLevel", "oServiceTarget"} <= asked
    assert "tAcd" in real["metrics of acd"]
    assert not AGGREGATE_ONLY & {name for those in real.values() for name in those}


def test_a_real_handle_time_is_the_sum_of_its_parts_and_an_answer_as_long_as_the_wait() -> None:
    """The laws that the sandbox obeys and reconciliation checks."""
    handled = answered = 0
    for name in samples.CONVERSATIONS:
        for conversation in samples.conversations(name):
            waits = []
            for _, session in sessions(conversation):
                value = {metric["name"]: metric["value"] for metric in session.get("metrics", ())}
                parts = ("tTalkComplete", "tHeldComplete", "tAcw", "tContacting", "tDialing")
                if "tHandle" in value:
                    assert value["tHandle"] == sum(value.get(part, 0) for part in parts)
                    handled += 1
                if "tAcd" in value:
                    waits.append(value["tAcd"])
                if "tAnswered" in value:
                    assert value["tAnswered"] in waits
                    answered += 1
    assert (handled, answered) == (3, 2)


# -- aggregates --------------------------------------------------------------------------------------------------------


def statistics(answer: Item) -> Iterator[tuple[str, frozenset[str]]]:
    for result in answer["results"]:
        for bucket in result["data"]:
            for metric in bucket["metrics"]:
                yield metric["metric"], frozenset(metric["stats"])


def by_kind(answers: Iterable[Item]) -> dict[str, set[frozenset[str]]]:
    """The statistics of each kind of metric: counters, timers, and each derived metric separately."""
    found: dict[str, set[frozenset[str]]] = {}
    for answer in answers:
        for metric, stats in statistics(answer):
            found.setdefault(metric if metric in AGGREGATE_ONLY else metric[0], set()).add(stats)
    return found


def test_metrics_have_the_statistics_that_real_ones_have(afterwards: Client) -> None:
    recent = [json.loads(samples.body(name)) for name in samples.AGGREGATES if not name.endswith("2016")]
    answer = afterwards.aggregates(
        interval="2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z",
        groupBy=["queueId", "mediaType"],
        metrics=sorted(METRICS - {"nConversations"}),
    ).json()
    assert by_kind([answer]) == by_kind(recent)


def test_an_old_timer_has_no_minimum() -> None:
    (stats,) = by_kind([json.loads(samples.body("conversations_aggregates_chat_2016"))])["t"]
    assert stats == {"count", "sum", "max"}


# -- everything else ---------------------------------------------------------------------------------------------------


def fields(value: Any, at: str = "") -> set[str]:
    """The paths of all fields; paths of list items have no index."""
    if isinstance(value, list):
        return set().union(*(fields(item, at) for item in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    return {f"{at}{name}" for name in value}.union(*(fields(item, f"{at}{name}.") for name, item in value.items()))


def compared(sample: str, answer: Any) -> tuple[set[str], set[str]]:
    """The fields that only the real answer has, and those that only the sandbox's has."""
    real, invented = fields(json.loads(samples.body(sample))), fields(answer)
    top = {name for name in real - invented if not any(name.startswith(f"{above}.") for above in real - invented)}
    return top, invented - real


def test_a_listing_of_queues_lacks_only_settings_that_nobody_reads(at_noon: Client) -> None:
    only_real, only_invented = compared("queues_page", at_noon.get("/api/v2/routing/queues", pageSize=1).json())
    assert {name.removeprefix("entities.") for name in only_real} == {
        *("defaultScripts", "enableManualAssignment", "routingRules", "scoringMethod", "whisperPrompt"),
        *("suppressInQueueCallRecording", "mediaSettings.message.subTypeSettings"),
        *(f"mediaSettings.callback.{name}" for name in ("autoDialDelaySeconds", "autoEndDelaySeconds", "mode")),
        "mediaSettings.callback.enableAutoDialAndEnd",
    }
    assert only_invented == {"entities.description", "entities.acwSettings.timeoutMs"}


def test_a_listing_of_users_lacks_nothing(at_noon: Client) -> None:
    only_real, only_invented = compared("users_page", at_noon.get("/api/v2/users", pageSize=1).json())
    assert only_real == set()
    assert only_invented == {"entities.department"}


def test_queue_observations_have_the_fields_of_real_ones(at_noon: Client) -> None:
    queue = at_noon.sandbox.organisation.directory.queues[0].id
    body = {
        "filter": {"type": "or", "predicates": [{"dimension": "queueId", "value": queue}]},
        "metrics": ["oInteracting", "oWaiting", "oOnQueueUsers", "oMemberUsers", "oUserRoutingStatuses"],
    }
    answer = at_noon.post("/api/v2/analytics/queues/observations/query", body).json()
    real, invented = json.loads(samples.body("queues_observations"))["results"], answer["results"]
    assert fields(real) == fields(invented)


def test_refusals_and_tokens_have_the_fields_of_real_ones(at_noon: Client) -> None:
    refused = at_noon.aggregates(interval="2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z", metrics=["nWhatever"])
    assert fields(refused.json()) == fields(json.loads(samples.body("error_400_invalid_value")))
    unauthorised = at_noon.session.get(
        f"{at_noon.sandbox.url}/api/v2/users", headers={"Authorization": "Bearer x"}, timeout=60
    )
    assert fields(unauthorised.json()) == fields(json.loads(samples.body("error_401_bad_credentials")))
    token, wrong = log_in(at_noon.sandbox), log_in(at_noon.sandbox, secret="wrong")
    assert fields(token.json()) == fields(json.loads(samples.body("oauth_token")))
    assert (wrong.status_code, wrong.json()) == (401, json.loads(samples.body("oauth_401_bad_secret")))

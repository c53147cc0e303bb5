"""The events that the families of aggregates other than conversations count. They are derived from each conversation
and always the same.

Flows, evaluations, surveys and resolutions are those of the conversation. Events of the other families are drawn at
random for some conversations, by their id. `aggregates` counts them, `families` has the names.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from genesys_assets.sandbox import facts, past
from genesys_assets.sandbox.directory import uuid
from genesys_assets.sandbox.facts import Emission, SessionFacts, Value
from genesys_assets.sandbox.families import FAMILIES, Family
from genesys_assets.sandbox.times import DAY, MINUTE, iso, millis

Item = dict[str, Any]

LONGEST_AFTER = 2 * DAY
"""How long after a conversation events of it may still happen."""

_SHARES = {
    "transcripts": 0.3, "bots": 0.1, "actions": 0.15, "journeys": 0.05, "knowledge": 0.08, "summaries": 0.1,
    "agentcopilots": 0.08, "copilots": 0.03, "taskmanagement": 0.05, "casemanagement": 0.03, "flowexecutions": 0.1,
    "agentutilizations": 0.1,
}  # fmt: skip
"""The share of conversations with events of the family."""

_FLAGS = ("has", "copied", "presented", "previewMode", "selfServed", "answerGeneration", "summaryGenerated")
"""Prefixes of dimensions whose values are true or false."""


def of_conversation(complete: Item, now: int) -> dict[str, list[SessionFacts]]:
    """The events of a conversation by family, as known at `now`."""
    shown = past.as_of(complete, iso(now))
    of_conversation_itself = {
        "flows": list(_flows(shown)) if shown else [],
        "evaluations": [_evaluation(complete, each) for each in complete.get("evaluations", ())],
        "surveys": [_survey(complete, each) for each in complete.get("surveys", ())],
        "resolutions": [_resolution(complete, each) for each in complete.get("resolutions", ())],
    }
    drawn = {name: list(_drawn(complete, FAMILIES[name], share)) for name, share in _SHARES.items()}
    return {name: facts_ for name, facts_ in (of_conversation_itself | drawn).items() if facts_}


# -- flows -------------------------------------------------------------------------------------------------------------

_OF_FLOW = (
    "endingLanguage", "entryReason", "entryType", "exitReason", "flowId", "flowName", "flowType", "flowVersion",
    "recognitionFailureReason", "startingLanguage", "transferTargetAddress", "transferTargetName", "transferType",
)  # fmt: skip


def _flows(conversation: Item) -> Iterator[SessionFacts]:
    """A session in a flow, and beside it each outcome, which is counted by itself."""
    for participant in conversation.get("participants", ()):
        for session in participant["sessions"]:
            flow = session.get("flow")
            if flow is None:
                continue
            step = session["segments"][-1]
            dimensions = _shared(conversation) | facts.of_session(participant, session)
            dimensions |= {name: str(flow[name]) for name in _OF_FLOW if name in flow}
            if "segmentEnd" in step:
                dimensions["selfServed"] = _text(is_self_served(flow))
            yield SessionFacts(conversation["conversationId"], dimensions, tuple(_of_session(session)))
            yield from _outcomes(conversation["conversationId"], dimensions, flow, step)


def _of_session(session: Item) -> list[Emission]:
    """The metrics of the session's flow; if the session has none, those of its begin and end."""
    names = FAMILIES["flows"].metrics
    emissions_of_flow = [
        (millis(each["emitDate"]), each["name"], each["value"])
        for each in session.get("metrics", ())
        if each["name"] in names
    ]
    if emissions_of_flow:
        return list(emissions_of_flow)
    first, last = session["segments"][0], session["segments"][-1]
    began = millis(first["segmentStart"])
    emissions: list[Emission] = [(began, "nFlow", 1)]
    if "segmentEnd" in last:
        ended = millis(last["segmentEnd"])
        emissions += [(ended, name, ended - began) for name in ("tFlow", "tFlowExit")]
    return emissions


def is_self_served(flow: Item) -> bool:
    """Whether the flow served its caller without transferring the call."""
    reached = [outcome.get("flowOutcomeValue") == "SUCCESS" for outcome in flow.get("outcomes", ())]
    return flow.get("exitReason") == "DISCONNECT" and any(reached)


def _outcomes(id_: str, dimensions: dict[str, Value], flow: Item, step: Item) -> Iterator[SessionFacts]:
    for outcome in flow.get("outcomes", ()):
        end = outcome.get("flowOutcomeEndTimestamp") or step.get("segmentEnd")
        if end is None or "flowOutcomeValue" not in outcome:
            continue
        ended, began = millis(end), millis(outcome["flowOutcomeStartTimestamp"])
        of_outcome: dict[str, Value] = {
            name: str(outcome[name]) for name in ("flowOutcomeId", "flowOutcomeValue", "flowOutcome")
        }
        failed = outcome["flowOutcomeValue"] != "SUCCESS"
        emissions: list[Emission] = [(ended, "nFlowOutcome", 1), (ended, "tFlowOutcome", max(0, ended - began))]
        if failed:
            emissions.append((ended, "nFlowOutcomeFailed", 1))
        yield SessionFacts(id_, dimensions | of_outcome, tuple(emissions))


# -- evaluations, surveys and resolutions ------------------------------------------------------------------------------


def _evaluation(conversation: Item, evaluation: Item) -> SessionFacts:
    when = millis(evaluation["eventTime"])
    emissions: list[Emission] = [(when, "nEvaluations", 1)]
    scores = ("oTotalScore", "oTotalCriticalScore")
    emissions += [(when, name, evaluation[name]) for name in scores if name in evaluation]
    if evaluation.get("rescored"):
        emissions.append((when, "nEvaluationsRescored", 1))
    fields = ("contextId", "evaluationId", "evaluatorId", "formId", "queueId", "released", "rescored", "userId")
    dimensions: dict[str, Value] = {name: _text(evaluation[name]) for name in fields if name in evaluation}
    dimensions["conversationStart"] = conversation["conversationStart"]
    if "contextId" in dimensions:
        dimensions["evaluationContextId"] = dimensions["contextId"]
    return SessionFacts(conversation["conversationId"], _context(conversation) | dimensions, tuple(emissions))


def _survey(conversation: Item, survey: Item) -> SessionFacts:
    when = millis(survey["eventTime"])
    sent = when - 20 * MINUTE
    emissions: list[Emission] = [(sent, "nSurveysSent", 1), (sent, "nWebSurveys", 1)]
    if survey.get("surveyStatus") == "Finished":
        emissions += [(when - MINUTE, "nSurveysStarted", 1), (when, "nSurveyResponses", 1)]
        emissions.append((when, "nSurveyFullResponses", 1))
        if "oSurveyTotalScore" in survey:
            emissions.append((when, "oSurveyTotalScore", survey["oSurveyTotalScore"]))
        emissions += _promotion(when, survey.get("surveyPromoterScore"))
    else:
        emissions.append((when, "nSurveysExpired", 1))
    fields = ("surveyId", "surveyFormId", "surveyFormContextId", "surveyFormName", "surveyStatus", "surveyType")
    dimensions: dict[str, Value] = {
        name: _text(survey[name]) for name in (*fields, "surveyPromoterScore", "queueId", "userId") if name in survey
    }
    return SessionFacts(conversation["conversationId"], _context(conversation) | dimensions, tuple(emissions))


def _promotion(when: int, score: int | None) -> list[Emission]:
    if score is None:
        return []
    kind = "nSurveyNpsPromoters" if score >= 9 else "nSurveyNpsDetractors" if score <= 6 else None
    return [(when, "nSurveyNpsResponses", 1), *([(when, kind, 1)] if kind else [])]


def _resolution(conversation: Item, resolution: Item) -> SessionFacts:
    avoided = resolution["nNextContactAvoided"]
    emissions = ((millis(resolution["eventTime"]), "nNextContactAvoided", avoided),) if avoided else ()
    judged = ("queueId", "userId")
    dimensions: dict[str, Value] = {name: _text(resolution[name]) for name in judged if name in resolution}
    return SessionFacts(conversation["conversationId"], _context(conversation) | dimensions, emissions)


def _context(conversation: Item) -> dict[str, Value]:
    """The dimensions that all events of a conversation share."""
    medium = conversation["participants"][0]["sessions"][0]["mediaType"]
    return {**_shared(conversation), "mediaType": medium}


def _shared(conversation: Item) -> dict[str, Value]:
    divisions = tuple(conversation["divisionIds"])
    shared: dict[str, Value] = {"divisionId": divisions[0] if len(divisions) == 1 else divisions}
    names = ("conversationId", "conversationInitiator", "originatingDirection")
    return shared | {name: conversation[name] for name in names if name in conversation}


# -- random events -----------------------------------------------------------------------------------------------------


def _drawn(conversation: Item, family: Family, share: float) -> Iterator[SessionFacts]:
    rng = Random(f"{family.name} {conversation['conversationId']}")
    if rng.random() >= share:
        return
    context = _context(conversation)
    for participant in conversation["participants"]:
        for session in participant["sessions"]:
            context |= facts.of_session(participant, session)
    dimensions = {name: context.get(name) or _made_up(rng, family, name) for name in sorted(family.dimensions)}
    # A conversation may have had no agent or queue; then the dimension is left out.
    missing = [name for name in ("userId", "queueId") if name in dimensions and name not in context]
    for name in missing:
        del dimensions[name]
    start = millis(conversation["conversationStart"])
    emissions = tuple(
        (start + rng.randrange(1, 30 * MINUTE), name, _value(rng, name))
        for name in sorted(family.metrics)
        if rng.random() < 0.8
    )
    yield SessionFacts(conversation["conversationId"], dimensions, emissions)


def _made_up(rng: Random, family: Family, name: str) -> str:
    if name.startswith(_FLAGS):
        return rng.choice(("true", "false"))
    if name.endswith("Id"):
        return uuid(Random(f"{family.name} {name} {rng.randrange(3)}"))
    return f"{name}-{rng.randrange(2) + 1}"


def _value(rng: Random, metric: str) -> int | float:
    if metric == "oSentimentScore":
        return rng.randrange(-200, 201) / 2
    if metric.endswith("ServiceLevel"):
        return rng.randrange(2)
    return rng.randrange(1, 90_000) if metric.startswith("t") else rng.randrange(1, 4)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

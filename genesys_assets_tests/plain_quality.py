"""The expected rows of the reports of flows and quality, computed from conversations: loops and dictionaries, no Arrow.

A figure whose parts are all absent is None. Figures of several days are sums over the days: see `added`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from genesys_assets_tests.plain_figures import Item, moment

Row = dict[str, Any]
Counts = dict[Any, dict[str, float]]
"""Figures by group and name; what never happened is not there."""


def flows(
    conversations: Iterable[Item], start: datetime, end: datetime, group: Callable[[Item], Any] = itemgetter("flowId")
) -> Counts:
    """What happened in flows from `start` to `end`, by flow."""
    found: Counts = defaultdict(lambda: defaultdict(int))
    for flow, session in _flows(conversations):
        counts, step = found[group(flow)], session["segments"][0]
        emitted = {each["name"]: each for each in session.get("metrics", ())}
        entered = moment(emitted["nFlow"]["emitDate"] if "nFlow" in emitted else step["segmentStart"])
        counts["entries"] += start <= entered < end
        if "exitReason" in flow:
            left = moment(emitted["tFlow"]["emitDate"] if "tFlow" in emitted else step["segmentEnd"])
            if start <= left < end:
                took = emitted["tFlow"]["value"] if "tFlow" in emitted else (left - entered) / timedelta(milliseconds=1)
                reached = [each["flowOutcomeValue"] for each in flow.get("outcomes", ())]
                counts["exits"] += 1
                counts["time_in_flow"] += took
                counts["transferred"] += flow["exitReason"] == "TRANSFER"
                counts["disconnected"] += flow["exitReason"] == "DISCONNECT"
                served = flow["exitReason"] == "DISCONNECT" and "SUCCESS" in reached
                counts["self_served" if served else "not_self_served"] += 1
        for outcome in flow.get("outcomes", ()):
            decided = moment(outcome.get("flowOutcomeEndTimestamp") or session["segments"][-1]["segmentEnd"])
            if start <= decided < end:
                counts["outcomes"] += 1
                counts["outcomes_failed"] += outcome["flowOutcomeValue"] != "SUCCESS"
    return _there(found)


def exits(conversations: Iterable[Item], start: datetime, end: datetime) -> Counts:
    """The same by flow and exit reason."""
    return flows(conversations, start, end, lambda flow: (flow["flowId"], flow.get("exitReason")))


def _flows(conversations: Iterable[Item]) -> Iterator[tuple[Item, Item]]:
    for conversation in conversations:
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                if "flow" in session:
                    yield session["flow"], session


def flow_row(counts: dict[str, float]) -> Row:
    """The row of `reports/flows`, without its group."""
    exits, outcomes = counts.get("exits"), counts.get("outcomes")
    other = None if exits is None else exits - counts.get("transferred", 0) - counts.get("disconnected", 0)
    return {
        **{name: counts.get(name) for name in ("entries", "exits", "transferred", "disconnected")},
        **{name: counts.get(name) for name in ("self_served", "not_self_served", "outcomes", "outcomes_failed")},
        "other_exits": other,
        "self_served_share": _quotient(counts.get("self_served", 0), exits),  # the sandbox says it of every exit
        "time_in_flow_minutes": _quotient(counts.get("time_in_flow"), 60_000),
        "average_time_in_flow_seconds": _quotient(counts.get("time_in_flow"), exits, 1_000),
        "outcome_success_share": _quotient((outcomes or 0) - counts.get("outcomes_failed", 0), outcomes),
    }


def exit_row(counts: dict[str, float]) -> Row:
    """The row of `reports/flow_exits`, without its group."""
    return {"exits": counts.get("exits"), "time_in_flow_minutes": _quotient(counts.get("time_in_flow"), 60_000)}


def quality(conversations: Iterable[Item], start: datetime, end: datetime) -> Counts:
    """Evaluations, surveys and resolutions from `start` to `end`, by queue, agent and form."""
    found: Counts = defaultdict(lambda: defaultdict(int))
    for conversation in conversations:
        for each in conversation.get("evaluations", ()):
            if start <= moment(each["eventTime"]) < end:
                counts = found[each.get("queueId"), each.get("userId"), each["formId"]]
                counts["evaluations"] += 1
                counts["rescored"] += each["rescored"]
                counts["score"] += each["oTotalScore"]
                counts["scored"] += 1
                counts["critical_score"] += each["oTotalCriticalScore"]
                counts["critically_scored"] += 1
        for each in conversation.get("surveys", ()):
            counts = found[each.get("queueId"), each.get("userId"), each["surveyFormId"]]
            when = moment(each["eventTime"])
            counts["surveys_sent"] += start <= when - timedelta(minutes=20) < end
            if each["surveyStatus"] == "Finished" and start <= when < end:
                counts["survey_responses"] += 1
                counts["survey_score"] += each["oSurveyTotalScore"]
                counts["surveys_scored"] += 1
                counts["nps_responses"] += 1
                counts["nps_promoters"] += each["surveyPromoterScore"] >= 9
                counts["nps_detractors"] += each["surveyPromoterScore"] <= 6
        for each in conversation.get("resolutions", ()):
            if start <= moment(each["eventTime"]) < end:
                counts = found[each.get("queueId"), each.get("userId"), None]
                counts["next_contacts_avoided"] += each["nNextContactAvoided"]
    return _there(found)


_SCORES = ("score", "critical_score", "survey_score")
_SUM_OF = {
    **dict(zip(_SCORES, ("scored", "critically_scored", "surveys_scored"), strict=True)),
    "time_in_flow": "exits",
}
"""The sums, each with the name of the count of its values."""


def quality_row(counts: dict[str, float]) -> Row:
    """The row of `reports/quality`, without its group."""
    responses, promoters, detractors = (
        counts.get(name) for name in ("nps_responses", "nps_promoters", "nps_detractors")
    )
    names = (
        *("evaluations", "rescored", "surveys_sent", "survey_responses", "nps_responses", "nps_promoters"),
        *("nps_detractors", "scored", "critically_scored", "surveys_scored", "next_contacts_avoided", *_SCORES),
    )
    return {
        **{name: counts.get(name) for name in names},
        "average_score": _quotient(counts.get("score"), counts.get("scored")),
        "average_critical_score": _quotient(counts.get("critical_score"), counts.get("critically_scored")),
        "average_survey_score": _quotient(counts.get("survey_score"), counts.get("surveys_scored")),
        "nps_passives": None if responses is None else responses - (promoters or 0) - (detractors or 0),
        "nps": _quotient(100 * ((promoters or 0) - (detractors or 0)), responses),
    }


def added(days: Iterable[Counts]) -> Counts:
    """The figures of several days together: sums and counts are added up, and quotients are computed from the sums."""
    together: Counts = defaultdict(lambda: defaultdict(int))
    for day in days:
        for group, counts in day.items():
            for name, value in counts.items():
                together[group][name] += value
    return {group: dict(counts) for group, counts in together.items()}


def _there(found: Counts) -> Counts:
    """Without zeros, because the platform returns none; except that the sum of some values may be 0."""
    some = {
        group: {name: value for name, value in counts.items() if value or counts.get(_SUM_OF.get(name, ""))}
        for group, counts in found.items()
    }
    return {group: counts for group, counts in some.items() if counts}


def _quotient(dividend: float | None, divisor: float | None, unit: int = 1) -> float | None:
    return None if dividend is None or not divisor else dividend / divisor / unit

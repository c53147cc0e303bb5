"""Generates complete conversations of each kind, in the form of the API.

This module decides the order of events and how long they take. `legs` builds the legs.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from genesys_assets.sandbox import draws, external_contacts, legs, service
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.directory import Directory, Queue, uuid
from genesys_assets.sandbox.happenings import is_self_served
from genesys_assets.sandbox.legs import Item, Scene, metric
from genesys_assets.sandbox.times import HOUR, MINUTE, SECOND, iso


def generate(directory: Directory, arrival: Arrival) -> Item:
    """The complete conversation; the same arrival always gives the same one."""
    rng = Random(arrival.id)
    scene = Scene(rng, directory, media="voice", direction="inbound", peer=_customer_session_id(rng))
    end = _STORIES[arrival.kind.removesuffix("_long").removesuffix("_open")](scene, arrival)
    conversation: Item = {"conversationId": arrival.id, "conversationStart": iso(arrival.start)}
    if end is not None:
        conversation["conversationEnd"] = iso(end)
    conversation["originatingDirection"] = scene.direction
    conversation["divisionIds"] = _divisions(directory, scene.participants)
    if scene.media == "message":
        conversation |= {"conversationInitiator": "customer", "customerParticipation": True}
    _add_quality(conversation, scene)
    conversation["participants"] = [
        external_contacts.with_contact(directory, participant, scene.common, scene.direction)
        for participant in scene.participants
    ]
    _add_self_service(conversation)
    if end is not None:
        _add_afterthoughts(conversation, scene.rng, end)
        _add_unanswered_survey(conversation, end)
        _add_resolution(conversation, end)
    return conversation


def _voice_inbound(scene: Scene, arrival: Arrival) -> int:
    rng, start = scene.rng, arrival.start
    queue = _queue(scene)
    scene.common = {
        "provider": "Edge",
        "ani": draws.phone(rng),
        "dnis": "tel:+41445550100",
        "sessionDnis": "tel:+41445550100",
    }
    scene.routed = draws.skills(scene.rng, scene.directory)
    leaves_ivr = start + 4 * SECOND + draws.duration(rng, 25 * SECOND)
    fate = rng.random()
    name = draws.name(rng)
    if fate < 0.05:
        legs.ivr(scene, start, leaves_ivr, target=None)
        end = leaves_ivr
    else:
        legs.ivr(scene, start, leaves_ivr, target=queue)
        if fate < 0.17:
            patience = rng.randrange(1_500, 9_000) if fate < 0.09 else 10 * SECOND + draws.duration(rng, 50 * SECOND)
            end = service.abandoned(scene, queue, leaves_ivr, patience)
        elif fate < 0.20:
            end = service.to_voicemail(scene, queue, leaves_ivr)
        else:
            end = service.answered(scene, queue, leaves_ivr, arrival.kind)
    legs.customer(scene, start, end, name=name)
    return end


def _voice_outbound(scene: Scene, arrival: Arrival) -> int:
    rng, start = scene.rng, arrival.start
    scene.direction = "outbound"
    number = draws.phone(rng)
    scene.common = {"provider": "Edge", "dnis": number, "ani": "tel:+41445550199"}
    queue = _queue(scene)
    contacting, dialing = 30 + rng.randrange(900), 4 * SECOND + rng.randrange(14 * SECOND)
    connected = start + contacting + dialing
    reached = rng.random() < 0.75
    tempo = draws.TEMPO[arrival.kind]
    emitted = [metric("nOutbound", 1, start)]
    if reached:
        emitted += [metric("nConnected", 1, connected), metric("tConnected", contacting + dialing, connected)]
    end = legs.agent(
        scene,
        rng.choice(queue.members),
        queue if rng.random() < 0.7 else None,
        begun=start,
        answered=connected,
        pieces=draws.pieces(rng, tempo) if reached else (),
        acw=draws.after_call_work(rng, tempo.acw) if reached else None,
        contacting=contacting,
        dialing=dialing,
        metrics=emitted,
        disconnect="client" if reached else "uncallable",
    )
    if reached:
        legs.customer(scene, connected, end, name=number, purpose="external")
    return end


def _campaign(scene: Scene, arrival: Arrival) -> int:
    rng, start = scene.rng, arrival.start
    scene.direction = "outbound"
    stable = Random(scene.directory.organisation_id)
    scene.common = {
        "provider": "Edge",
        "dnis": draws.phone(rng),
        "outboundCampaignId": uuid(stable),
        "outboundContactListId": uuid(stable),
        "outboundContactId": f"{rng.getrandbits(128):032x}",
    }
    queue = _queue(scene)
    name = draws.name(rng)
    answers = start + 5 * SECOND + rng.randrange(15 * SECOND)
    dialled = [metric("nOutboundAttempted", 1, start)]
    fate = rng.random()
    if fate < 0.35:
        end = answers
    else:
        dialled.append(metric("nOutboundConnected", 1, answers))
        if fate < 0.40:
            end = service.abandoned(scene, queue, answers, rng.randrange(2_000, 15_000))
            dialled.append(metric("nOutboundAbandoned", 1, end))
        else:
            end = service.answered(scene, queue, answers, arrival.kind)
    legs.customer(scene, start, end, name=name, metrics=dialled)
    return end


def _callback(scene: Scene, arrival: Arrival) -> int:
    rng, start = scene.rng, arrival.start
    scene.media = "callback"
    queue = _queue(scene)
    name, number = draws.name(rng), draws.phone(rng)
    scene.common = {
        "provider": "PureCloud Callback",
        "callbackUserName": name,
        "callbackNumbers": [number.removeprefix("tel:")],
        "callbackScheduledTime": iso(start),
        "timeoutSeconds": 0,
        "skipEnabled": True,
    }
    if rng.random() < 0.06:
        end = service.abandoned(scene, queue, start, draws.duration(rng, draws.TEMPO[arrival.kind].wait) + SECOND)
    else:
        end = service.answered(scene, queue, start, arrival.kind)
        service.dial_back(scene, number)
    legs.customer(scene, start, end, name=name)
    return end


def _chat(scene: Scene, arrival: Arrival) -> int:
    rng, start = scene.rng, arrival.start
    scene.media = "chat"
    scene.common = {
        "provider": "PureCloud Webchat v2",
        "roomId": f"{rng.getrandbits(96):024x}@conference.example.com",
    }
    scene.routed = draws.skills(scene.rng, scene.directory)
    queue = _queue(scene)
    name = draws.name(rng)
    if rng.random() < 0.10:
        end = service.abandoned(scene, queue, start, 3 * SECOND + draws.duration(rng, 60 * SECOND))
    else:
        end = service.answered(scene, queue, start, arrival.kind)
    legs.customer(scene, start, end, name=name, queue=queue)
    return end


def _email(scene: Scene, arrival: Arrival) -> int | None:
    rng, start = scene.rng, arrival.start
    scene.media = "email"
    queue = _queue(scene)
    name, address = draws.name(rng), f"customer{rng.randrange(9000)}@example.net"
    scene.common = {
        "provider": "PureCloud Email",
        "addressFrom": address,
        "addressTo": "service@example.com",
        "addressOther": address,
        "addressSelf": "service@example.com",
    }
    scene.routed = {
        "subject": rng.choice(("Question about my order", "Rechnung März", "Re: Réclamation n° 12", "退款"))
    }
    end = _never_or(scene, queue, arrival)
    legs.customer(scene, start, end, name=name, queue=queue)
    return end


def _message(scene: Scene, arrival: Arrival) -> int | None:
    rng, start = scene.rng, arrival.start
    scene.media = "message"
    kind = rng.choice(("webmessaging", "webmessaging", "whatsapp", "sms", "facebook"))
    scene.common = {
        "provider": "PureCloud Messaging",
        "messageType": kind,
        "remote": draws.phone(rng).removeprefix("tel:"),
    }
    scene.routed = draws.skills(scene.rng, scene.directory)
    queue = _queue(scene)
    name = draws.name(rng)
    offered = start
    if rng.random() < 0.6:
        offered = start + 5 * SECOND + draws.duration(rng, 30 * SECOND)
        legs.bot(scene, start, offered)
    if arrival.kind == "message" and rng.random() < 0.05:
        end: int | None = service.abandoned(scene, queue, offered, 5 * SECOND + draws.duration(rng, 3 * MINUTE))
    else:
        end = _never_or(scene, queue, arrival, offered)
    turns = [metric("oMessageTurn", 1 + rng.randrange(8), end)] if end is not None else []
    if end is not None and rng.random() < 0.2:
        turns.append(metric("oMediaCount", 1 + rng.randrange(3), end))
    legs.customer(scene, start, end, name=name, queue=queue, metrics=turns)
    return end


_STORIES: dict[str, Callable[[Scene, Arrival], int | None]] = {
    "voice_inbound": _voice_inbound,
    "voice_outbound": _voice_outbound,
    "campaign": _campaign,
    "callback": _callback,
    "chat": _chat,
    "email": _email,
    "message": _message,
}


def _customer_session_id(rng: Random) -> str:
    """Mostly a UUID; some providers append to it."""
    session_id = uuid(rng)
    return f"{session_id}:{rng.getrandbits(64):016x}" if rng.random() < 0.02 else session_id


def _queue(scene: Scene) -> Queue:
    return draws.queue_for(scene.rng, scene.directory, scene.media)


def _never_or(scene: Scene, queue: Queue, arrival: Arrival, offered: int | None = None) -> int | None:
    """Answered by an agent, unless the kind of conversation never ends. Returns the end, None if there is none."""
    entered = arrival.start if offered is None else offered
    if arrival.kind.endswith("_open"):
        service.never_ended(scene, queue, entered, arrival.kind)
        return None
    return service.answered(scene, queue, entered, arrival.kind)


def _divisions(directory: Directory, participants: list[Item]) -> list[str]:
    """The divisions of the queues it passed through, in that order; the home division if there is none."""
    division_ids = dict.fromkeys(
        directory.queue_by_id[step["queueId"]].division_id
        for participant in participants
        for session in participant["sessions"]
        for step in session["segments"]
        if "queueId" in step
    )
    return list(division_ids) or [directory.divisions[0]["id"]]


def _add_quality(conversation: Item, scene: Scene) -> None:
    stats = [
        stat
        for participant in scene.participants
        for session in participant["sessions"]
        for stat in session.get("mediaEndpointStats", ())
    ]
    if stats and "conversationEnd" in conversation:
        conversation["mediaStatsMinConversationMos"] = min(stat["minMos"] for stat in stats)
        conversation["mediaStatsMinConversationRFactor"] = min(stat["minRFactor"] for stat in stats)


def _add_self_service(conversation: Item) -> None:
    flows = [
        session["flow"]
        for participant in conversation["participants"]
        for session in participant["sessions"]
        if "flow" in session
    ]
    if flows and "conversationEnd" in conversation:
        conversation["selfServed"] = all(is_self_served(flow) for flow in flows)


def _add_afterthoughts(conversation: Item, rng: Random, end: int) -> None:
    """Adds an evaluation or survey to a few conversations, hours later."""
    lot = rng.random()
    if lot >= 0.03:
        return
    agents = [participant for participant in conversation["participants"] if "userId" in participant]
    if not agents:
        return
    judged = {"userId": agents[-1]["userId"], "eventTime": iso(end + HOUR + draws.duration(rng, 7 * HOUR))}
    queue_ids = [step["queueId"] for step in agents[-1]["sessions"][0]["segments"] if "queueId" in step]
    if queue_ids:
        judged["queueId"] = queue_ids[-1]
    if lot < 0.02:
        conversation["evaluations"] = [_evaluation(rng, judged)]
    else:
        conversation["surveys"] = [_survey(rng, judged)]


def _add_unanswered_survey(conversation: Item, end: int) -> None:
    """Adds to some conversations a survey that the customer never answers."""
    rng = Random(f"unanswered survey {conversation['conversationId']}")
    agents = [participant for participant in conversation["participants"] if "userId" in participant]
    if rng.random() >= 0.01 or "surveys" in conversation or not agents:
        return
    judged = {"userId": agents[-1]["userId"], "eventTime": iso(end + 2 * HOUR + draws.duration(rng, 5 * HOUR))}
    queue_ids = [step["queueId"] for step in agents[-1]["sessions"][0]["segments"] if "queueId" in step]
    if queue_ids:
        judged["queueId"] = queue_ids[-1]
    survey = _survey(rng, judged)
    for name in ("surveyPromoterScore", "oSurveyTotalScore", "surveyCompletedDate"):
        del survey[name]
    conversation["surveys"] = [survey | {"surveyStatus": "Expired"}]


def _add_resolution(conversation: Item, end: int) -> None:
    """Adds a resolution to a few conversations, a day later: whether the customer had to contact again."""
    rng = Random(f"resolution {conversation['conversationId']}")
    if rng.random() >= 0.02:
        return
    agents = [participant for participant in conversation["participants"] if "userId" in participant]
    steps = [step for agent in agents for step in agent["sessions"][0]["segments"] if "queueId" in step]
    if steps:
        conversation["resolutions"] = [
            {
                "eventTime": iso(end + 24 * HOUR + draws.duration(rng, HOUR)),
                "queueId": steps[-1]["queueId"],
                "userId": agents[-1]["userId"],
                "nNextContactAvoided": rng.randrange(2),
            }
        ]


def _one_of_three(what: str, drawn_id: str) -> str:
    """The id of one of three entities of a kind, chosen by a drawn id."""
    return uuid(Random(f"{what} {int(drawn_id[:8], 16) % 3}"))


def _evaluation(rng: Random, judged: Item) -> Item:
    return {
        "evaluationId": uuid(rng),
        "contextId": _one_of_three("evaluation form", uuid(rng)),
        "formId": _one_of_three("version of an evaluation form", uuid(rng)),
        "formName": "Courtesy and accuracy",
        "evaluatorId": uuid(rng),
        "evaluationStatus": "Finished",
        "released": True,
        "rescored": False,
        "deleted": False,
        "oTotalScore": 60 + rng.randrange(41),
        "oTotalCriticalScore": 50 + rng.randrange(51),
        **judged,
    }


def _survey(rng: Random, judged: Item) -> Item:
    return {
        "surveyId": uuid(rng),
        "surveyFormId": _one_of_three("version of a survey", uuid(rng)),
        "surveyFormContextId": _one_of_three("survey", uuid(rng)),
        "surveyFormName": "How was it?",
        "surveyStatus": "Finished",
        "surveyType": "Web",
        "surveyPromoterScore": rng.randrange(11),
        "oSurveyTotalScore": rng.randrange(101),
        "surveyCompletedDate": judged["eventTime"],
        **judged,
    }

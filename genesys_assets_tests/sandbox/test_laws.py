"""The laws that every conversation of the sandbox obeys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from genesys_assets.sandbox import arrivals
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.times import iso, millis
from genesys_assets.sandbox.vocabulary import METRICS

DAY = date(2026, 1, 28)
Item = dict[str, Any]


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation(seed=3, conversations_per_day=1500)


@pytest.fixture(scope="module")
def conversations(organisation: Organisation) -> list[Item]:
    return organisation.conversations(DAY)


def sessions(conversations: list[Item]) -> Iterator[tuple[Item, Item, dict[str, list[Item]]]]:
    """Participant, session and the session's metrics by name."""
    for conversation in conversations:
        for participant in conversation["participants"]:
            for session in participant["sessions"]:
                by_name: dict[str, list[Item]] = {}
                for item in session.get("metrics", ()):
                    by_name.setdefault(item["name"], []).append(item)
                yield participant, session, by_name


def total(metrics: dict[str, list[Item]], *names: str) -> int:
    return sum(item["value"] for name in names for item in metrics.get(name, ()))


def test_the_same_seed_gives_the_same_day_and_another_seed_another(organisation: Organisation) -> None:
    again = Organisation(seed=3, conversations_per_day=1500)
    assert again.conversations(DAY) == organisation.conversations(DAY)
    assert again.directory == organisation.directory
    other = Organisation(seed=4, conversations_per_day=1500)
    assert not {arrival.id for arrival in other.arrivals(DAY)} & {item.id for item in again.arrivals(DAY)}


def test_a_caller_who_changes_a_conversation_changes_only_his_own(organisation: Organisation) -> None:
    mine = organisation.conversations(DAY)
    mine[0]["participants"].clear()
    assert organisation.conversations(DAY)[0]["participants"]


def test_a_day_has_exactly_its_conversations_in_order_of_start(conversations: list[Item]) -> None:
    starts = [conversation["conversationStart"] for conversation in conversations]
    assert len(starts) == 1500
    assert starts == sorted(starts)
    assert all(start.startswith("2026-01-28T") for start in starts)
    assert len({conversation["conversationId"] for conversation in conversations}) == 1500


def test_more_begin_at_midday_than_at_night(organisation: Organisation) -> None:
    hours = Counter(arrival.start // 3_600_000 % 24 for arrival in organisation.arrivals(DAY))
    assert min(hours[9], hours[10], hours[14]) > 5 * max(hours[1], hours[3], 1)


def test_handle_time_is_the_sum_of_its_parts_to_the_millisecond(conversations: list[Item]) -> None:
    handled = 0
    for participant, _, metrics in sessions(conversations):
        if "tHandle" in metrics:
            assert participant["purpose"] == "agent"
            assert len(metrics["tHandle"]) == 1
            parts = ("tTalkComplete", "tHeldComplete", "tAcw", "tContacting", "tDialing")
            assert total(metrics, "tHandle") == total(metrics, *parts)
            handled += 1
    assert handled > 1000


def test_complete_timers_are_the_sum_of_their_segments_timers(conversations: list[Item]) -> None:
    compared = set()
    for _, _, metrics in sessions(conversations):
        for whole, part in (("tTalkComplete", "tTalk"), ("tHeldComplete", "tHeld")):
            if whole in metrics:
                compared.add(whole)
                assert len(metrics[whole]) == 1
                assert total(metrics, whole) == total(metrics, part)
    assert compared == {"tTalkComplete", "tHeldComplete"}


def test_handle_time_is_emitted_last_when_after_call_work_is_over(conversations: list[Item]) -> None:
    handled = [(session, metrics) for _, session, metrics in sessions(conversations) if "tHandle" in metrics]
    assert handled
    for session, metrics in handled:
        assert metrics["tHandle"][0]["emitDate"] == max(item["emitDate"] for item in session["metrics"])


def test_who_leaves_a_queue_leaves_it_one_way_after_the_time_waited(conversations: list[Item]) -> None:
    ways: Counter[str] = Counter()
    for participant, session, metrics in sessions(conversations):
        if "nOffered" not in metrics:
            assert not {"tAcd", "tAbandon", "tFlowOut", "nOverSla"} & set(metrics)
            continue
        assert participant["purpose"] == "acd"
        assert "userId" not in participant
        assert len(metrics["nOffered"]) == 1
        step = session["segments"][-1]
        assert metrics["nOffered"][0]["emitDate"] == step["segmentStart"]
        if "segmentEnd" not in step:
            assert set(metrics) == {"nOffered"}
            continue
        waited = millis(step["segmentEnd"]) - millis(step["segmentStart"])
        assert total(metrics, "tAcd") == waited
        left: list[str] = [name for name in ("tAbandon", "tFlowOut") if name in metrics]
        left = left or ["answered"]
        assert len(left) == 1
        ways[left[0]] += 1
        if left[0] != "answered":
            assert total(metrics, left[0]) == waited
    assert {"answered", "tAbandon", "tFlowOut"} <= set(ways)


def test_every_answer_matches_a_wait_that_ended_at_that_instant(conversations: list[Item]) -> None:
    matched = 0
    for conversation in conversations:
        waits: Counter[tuple[str, int, str]] = Counter()
        answers: Counter[tuple[str, int, str]] = Counter()
        for _, session, metrics in sessions([conversation]):
            queue = session["segments"][-1].get("queueId", "")
            if "tAnswered" in metrics:
                answered = metrics["tAnswered"][0]
                answers[answered["emitDate"], answered["value"], queue] += 1
            if "tAcd" in metrics and not {"tAbandon", "tFlowOut"} & set(metrics):
                waited = metrics["tAcd"][0]
                waits[waited["emitDate"], waited["value"], queue] += 1
        assert waits == answers
        matched += answers.total()
    assert matched


def test_who_is_answered_too_late_counts_as_over_the_service_level(
    organisation: Organisation, conversations: list[Item]
) -> None:
    seen = set()
    for _, session, metrics in sessions(conversations):
        if "tAcd" in metrics:
            queue = organisation.directory.queue_by_id[session["segments"][-1]["queueId"]]
            answered = not {"tAbandon", "tFlowOut"} & set(metrics)
            late = total(metrics, "tAcd") > queue.service_level(session["mediaType"])[1]
            assert ("nOverSla" in metrics) == (answered and late)
            seen.add((answered, late))
    assert len(seen) == 4


def test_every_timer_is_emitted_when_it_has_run(conversations: list[Item]) -> None:
    assert any(metrics for _, _, metrics in sessions(conversations))
    for conversation in conversations:
        start = millis(conversation["conversationStart"])
        for _, _, metrics in sessions([conversation]):
            for name, items in metrics.items():
                assert name in METRICS | {"nFlow", "tFlow", "tFlowExit", "tFlowDisconnect"}
                for item in items:
                    assert item["value"] >= 0
                    if name.startswith("t"):
                        assert millis(item["emitDate"]) - item["value"] >= start


def test_nothing_of_a_short_conversation_happens_after_the_look_back_of_the_aggregates(
    organisation: Organisation,
) -> None:
    told = list(organisation.arrivals(DAY))
    assert told
    for arrival in told:
        longest = arrivals.LONGEST_LASTING if arrival.lasting else arrivals.LONGEST_SHORT
        for _, session, _ in sessions([organisation.complete_conversation(arrival)]):
            for item in session.get("metrics", ()):
                assert arrival.start <= millis(item["emitDate"]) < arrival.start + longest


def test_the_customer_is_there_until_the_conversation_ends(conversations: list[Item]) -> None:
    assert any("conversationEnd" in conversation for conversation in conversations)
    for conversation in conversations:
        ends = [
            step.get("segmentEnd")
            for participant, session, _ in sessions([conversation])
            if participant["purpose"] in ("customer", "external")
            for step in session["segments"]
        ]
        assert set(ends) <= {conversation.get("conversationEnd")}


def test_external_contacts_are_people_whom_the_organisation_knows_by_several_addresses(
    organisation: Organisation, conversations: list[Item]
) -> None:
    companies = {each["id"] for each in organisation.directory.surroundings["external_organizations"]}
    media: defaultdict[str | None, set[str]] = defaultdict(set)
    addresses: defaultdict[str | None, set[str | None]] = defaultdict(set)
    of_company: defaultdict[str | None, set[str | None]] = defaultdict(set)
    contacts: defaultdict[str | None, set[str | None]] = defaultdict(set)
    for participant, session, _ in sessions(conversations):
        contact, company = participant.get("externalContactId"), participant.get("externalOrganizationId")
        if participant["purpose"] not in ("customer", "external"):
            assert (contact, company) == (None, None)
            continue
        assert company is None or (contact and company in companies)
        ours = session["dnis"] if session["direction"] == "outbound" else session.get("ani")
        address = ours or session.get("addressFrom")
        contacts[address].add(contact)
        media[contact].add(session["mediaType"])
        addresses[contact].add(address)
        of_company[contact].add(company)
    assert None in media, "some customers are unknown"
    assert all(len(known) == 1 for contact, known in of_company.items() if contact)
    assert any(len(known) > 1 for contact, known in media.items() if contact)
    assert any(len(known - {None}) > 1 for contact, known in addresses.items() if contact)
    # Several people share a number, and some of them are unknown.
    assert any(address and len(known) > 1 and None in known for address, known in contacts.items())


def test_all_that_is_odd_in_real_data_occurs(organisation: Organisation, conversations: list[Item]) -> None:
    directory = organisation.directory
    found: Counter[str] = Counter()
    for conversation in conversations:
        found["open"] += "conversationEnd" not in conversation
        found["next day"] += conversation.get("conversationEnd", "").startswith("2026-01-29")
        found["two divisions"] += len(conversation["divisionIds"]) > 1
        found["evaluation"] += "evaluations" in conversation
        found["survey"] += "surveys" in conversation
        found["resolution"] += "resolutions" in conversation
        for participant, session, metrics in sessions([conversation]):
            steps = session["segments"]
            connected = [item["emitDate"] for item in metrics.get("nConnected", ())]
            found["connected twice"] += len(connected) > 1
            found["connected twice at once"] += len(connected) > len(set(connected))
            found["long session id"] += len(session["sessionId"]) > 36
            found["before the start"] += steps[0]["segmentStart"] < conversation["conversationStart"]
            found["overlap"] += any(
                later["segmentStart"] < earlier.get("segmentEnd", "") for earlier, later in pairwise(steps)
            )
            found["timeout"] += any(step.get("wrapUpCode") == "ININ-WRAP-UP-TIMEOUT" for step in steps)
            found["note"] += any("wrapUpNote" in step for step in steps)
            found["skills"] += any(len(step.get("requestedRoutingSkillIds", ())) > 1 for step in steps)
            found["endpoint stats"] += "mediaEndpointStats" in session
            found["flow outcome"] += "outcomes" in session.get("flow", {})
            found["not responding"] += "tNotResponding" in metrics
            found["handled without an answer"] += "tHandle" in metrics and "tTalk" not in metrics
            found["unicode"] += not participant.get("participantName", "").isascii()
            for name in ("nBlindTransferred", "nConsultTransferred", "tShortAbandon", "tVoicemail", "tPark"):
                found[name] += name in metrics
            user = directory.user_by_id.get(participant.get("userId", ""))
            found[f"{user['state'] if user else 'no'} user"] += 1
            queue = directory.queue_by_id.get(steps[-1].get("queueId", ""))
            found["deleted queue"] += bool(queue and queue.deleted)
    assert not [oddity for oddity, times in found.items() if not times]
    assert {"active user", "inactive user", "deleted user"} <= set(found)


def test_all_media_and_both_directions_occur(conversations: list[Item]) -> None:
    media = {session["mediaType"] for _, session, _ in sessions(conversations)}
    assert media == {"voice", "callback", "chat", "email", "message"}
    assert {item["originatingDirection"] for item in conversations} == {"inbound", "outbound"}


def test_what_is_shown_only_grows_while_time_passes(organisation: Organisation) -> None:
    chosen = organisation.conversations(DAY)[::15]
    assert chosen
    for conversation in chosen:
        events: set[Any] = set()
        start = datetime.fromisoformat(conversation["conversationStart"])
        for minutes in (0, 1, 3, 7, 20, 90, 600, 2_000, 6_000):
            shown = organisation.as_of(conversation, start + timedelta(minutes=minutes))
            assert shown is not None
            now = _events(shown)
            assert events <= now
            events = now
        assert events == _events(conversation)


def test_before_it_begins_a_conversation_is_not_shown(organisation: Organisation) -> None:
    conversation = organisation.conversations(DAY)[0]
    just_before = datetime.fromisoformat(conversation["conversationStart"]) - timedelta(milliseconds=1)
    assert organisation.as_of(conversation, just_before) is None


def test_an_instant_is_already_known_at_that_instant(organisation: Organisation) -> None:
    chosen = [item for item in organisation.conversations(DAY) if "conversationEnd" in item][::100]
    assert chosen
    for conversation in chosen:
        start, end = (datetime.fromisoformat(conversation[f"conversation{name}"]) for name in ("Start", "End"))
        assert organisation.as_of(conversation, start) is not None
        ended = organisation.as_of(conversation, end)
        assert ended is not None
        assert ended["conversationEnd"] == conversation["conversationEnd"]
        just_before = organisation.as_of(conversation, end - timedelta(milliseconds=1))
        assert just_before is not None
        assert "conversationEnd" not in just_before
        text = conversation["conversationEnd"]
        emitted = {event for event in _events(conversation) if event[1] != "ended" and text in str(event)}
        assert emitted <= _events(ended)


def test_a_conversation_has_started_at_the_instant_of_its_start(organisation: Organisation) -> None:
    first = organisation.arrivals(DAY)[0]
    assert organisation.started([DAY], first.start) == [first]
    assert organisation.started([DAY], first.start - 1) == []


def test_nothing_shown_is_later_than_now(organisation: Organisation) -> None:
    now = datetime(2026, 1, 28, 12, tzinfo=UTC)
    text = iso(millis(now.isoformat()))
    shown = [organisation.as_of(item, now) for item in organisation.conversations(DAY)]
    begun = [conversation for conversation in shown if conversation is not None]
    assert 400 < len(begun) < 1500
    assert any("conversationEnd" not in conversation for conversation in begun)
    instants = ("conversationStart", "conversationEnd", "segmentStart", "segmentEnd", "emitDate", "eventTime")
    for name, value in _leaves(begun):
        if name in instants or name.endswith("Timestamp"):
            assert value <= text


def test_a_segment_in_progress_does_not_know_how_it_will_end(organisation: Organisation) -> None:
    now = datetime(2026, 1, 28, 12, tzinfo=UTC)
    shown = [organisation.as_of(item, now) for item in organisation.conversations(DAY)]
    running_ = [
        step
        for conversation in shown
        if conversation is not None
        for _, session, _ in sessions([conversation])
        for step in session["segments"]
        if "segmentEnd" not in step
    ]
    assert running_
    assert not [step for step in running_ if "wrapUpCode" in step or "disconnectType" in step]


def test_every_conversation_is_found_by_its_id_alone(organisation: Organisation) -> None:
    for arrival in organisation.arrivals(DAY)[::50]:
        assert Organisation(seed=3, conversations_per_day=1500).find(arrival.id) == arrival
    assert organisation.find("no such id") is None
    assert organisation.find("") is None


def _events(conversation: Item) -> set[Any]:
    found: set[Any] = {("end", conversation["conversationEnd"])} if "conversationEnd" in conversation else set()
    for participant, session, _ in sessions([conversation]):
        key = (participant["participantId"], session["sessionId"])
        for number, step in enumerate(session["segments"]):
            found.add((key, number, step["segmentStart"], step["segmentType"]))
            if "segmentEnd" in step:
                found.add((key, number, "ended", step["segmentEnd"], step.get("wrapUpCode")))
        for item, times in Counter(
            (item["name"], item["value"], item["emitDate"]) for item in session.get("metrics", ())
        ).items():
            found |= {(key, item, time) for time in range(times)}
    return found


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value

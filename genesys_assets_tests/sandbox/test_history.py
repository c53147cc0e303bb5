"""Changes of the past: query, jobs and aggregates all show planted, restated, reopened and deleted conversations
alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.server import running
from genesys_assets.sandbox.times import iso, millis
from genesys_assets_tests.sandbox.conftest import DAY, LATER, Client, client_of
from genesys_assets_tests.sandbox.test_aggregates import flat
from genesys_assets_tests.sandbox.test_details import all_pages
from genesys_assets_tests.sandbox.test_jobs import results, without_attributes

DAY_INTERVAL = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"
Item = dict[str, Any]


@pytest.fixture
def client() -> Iterator[Client]:
    with (
        running(now=LATER, conversations_per_day=40, requests_per_minute=None) as sandbox,
        requests.Session() as session,
    ):
        yield client_of(sandbox, session)


def planted(**more: Any) -> Item:
    """A call that an agent took, written by hand."""
    return {
        "conversationId": "00000000-0000-4000-8000-000000000001",
        "conversationStart": "2026-01-28T23:30:00Z",
        "conversationEnd": "2026-01-29T00:10:00Z",
        "participants": [
            {
                "participantId": "p",
                "purpose": "agent",
                "userId": "u",
                "attributes": {"naïve": "x" * 2000},
                "sessions": [
                    {
                        "sessionId": "s",
                        "mediaType": "voice",
                        "segments": [
                            {
                                "segmentStart": "2026-01-28T23:30:00Z",
                                "segmentEnd": "2026-01-29T00:10:00Z",
                                "segmentType": "interact",
                                "requestedRoutingSkillIds": ["b", "a"],
                            }
                        ],
                        "metrics": [
                            {"name": "nConnected", "value": 1, "emitDate": "2026-01-28T23:30:00Z"},
                            {"name": "nConnected", "value": 1, "emitDate": "2026-01-28T23:30:00Z"},
                            {"name": "tHandle", "value": 2_400_000, "emitDate": "2026-01-29T00:10:00Z"},
                        ],
                    }
                ],
            }
        ],
        **more,
    }


def first(client: Client, *, ended: bool = True, media: str | None = None) -> Item:
    return next(
        item
        for item in client.sandbox.organisation.conversations(DAY)
        if ("conversationEnd" in item) == ended
        and media in (None, item["participants"][0]["sessions"][0]["mediaType"])
        and any("userId" in one for one in item["participants"])
    )


def count(client: Client, metric: str, interval: str = DAY_INTERVAL, **more: Any) -> int:
    stats = flat(client.aggregates(interval=interval, metrics=[metric], **more).json())
    return int(sum(one["count"] for one in stats.values()))


def test_what_is_planted_is_everywhere(client: Client) -> None:
    connected = count(client, "nConnected")
    tomorrow = "2026-01-29T00:00:00.000Z/2026-01-30T00:00:00.000Z"
    handled = count(client, "tHandle", tomorrow)
    conversation_id = client.sandbox.organisation.plant(planted())
    assert count(client, "nConnected") == connected + 2
    assert count(client, "tHandle", tomorrow) == handled + 1
    shown = [item for item in all_pages(client, interval=DAY_INTERVAL) if item["conversationId"] == conversation_id]
    assert len(shown) == 1
    assert shown[0]["conversationStart"] == "2026-01-28T23:30:00.000Z"
    assert shown[0]["divisionIds"]
    assert "attributes" not in shown[0]["participants"][0]
    in_job = [item for item in results(client) if item["conversationId"] == conversation_id]
    assert in_job[0]["participants"][0]["attributes"] == {"naïve": "x" * 1024}
    assert [item for item in results(client, interval=tomorrow) if item["conversationId"] == conversation_id] == in_job
    by_id = client.get(f"/api/v2/analytics/conversations/{conversation_id}/details")
    assert by_id.json() == shown[0]


def test_what_is_planted_takes_its_place_in_the_order_of_the_day(client: Client) -> None:
    client.sandbox.organisation.plant(planted(conversationStart="2026-01-28T12:00:00+01:00"))
    starts = [item["conversationStart"] for item in all_pages(client, interval=DAY_INTERVAL)]
    assert starts == sorted(starts)
    assert len(starts) == 41
    assert "2026-01-28T11:00:00.000Z" in starts
    everything = results(client, startOfDayIntervalMatching=True)
    assert without_attributes(everything) == client.sandbox.organisation.conversations(DAY)


def test_what_is_planted_unfolds_in_time() -> None:
    organisation = Organisation(conversations_per_day=0)
    arrival = organisation.find(organisation.plant(planted()))
    assert arrival is not None
    shown = organisation.shown(arrival, millis("2026-01-28T23:45:00Z"))
    assert "conversationEnd" not in shown
    assert len(shown["participants"][0]["sessions"][0]["metrics"]) == 2
    assert organisation.started([DAY], arrival.start - 1) == []


def test_a_participant_that_states_no_attributes_has_none_when_planted(client: Client) -> None:
    conversation = planted()
    del conversation["participants"][0]["attributes"]
    conversation_id = client.sandbox.organisation.plant(conversation)
    shown = client.sandbox.organisation.conversation(conversation_id, with_attributes=True)
    assert "attributes" not in shown["participants"][0]


def test_a_planted_conversation_must_be_able_to_be_shown() -> None:
    organisation = Organisation(conversations_per_day=1)
    with pytest.raises(ValueError, match="needs a conversationStart"):
        organisation.plant({"conversationId": "x"})
    sessionless: Item = {"sessionId": "s", "segments": []}
    with pytest.raises(ValueError, match="has no segments"):
        organisation.plant(planted(participants=[{"purpose": "agent", "sessions": [sessionless]}]))
    taken = organisation.conversations(DAY)[0]["conversationId"]
    with pytest.raises(ValueError, match=f"The conversation {taken} exists already"):
        organisation.plant(planted(conversationId=taken))


def test_a_value_of_several_is_a_row_each_or_joined(client: Client) -> None:
    interval = "2026-01-28T23:30:00.000Z/2026-01-28T23:30:00.001Z"
    client.sandbox.organisation.plant(planted())
    query = {"interval": interval, "groupBy": ["requestedRoutingSkillId"], "metrics": ["nConnected"]}
    split = client.aggregates(**query).json()["results"]
    assert [(row["group"], row["data"][0]["metrics"][0]["stats"]) for row in split] == [
        ({"requestedRoutingSkillId": "a"}, {"count": 2}),
        ({"requestedRoutingSkillId": "b"}, {"count": 2}),
    ]
    joined = client.aggregates(**query, flattenMultivaluedDimensions=True).json()["results"]
    assert [row["group"] for row in joined] == [{"requestedRoutingSkillId": "a,b"}]


def test_what_is_restated_is_so_everywhere(client: Client) -> None:
    conversation_id = first(client)["conversationId"]
    handled = count(client, "tHandle")
    before = client.sandbox.organisation.conversations(DAY)

    def change(conversation: Item) -> None:
        for participant in conversation["participants"]:
            participant["attributes"] = {"restated": "yes"}
            for session in participant["sessions"]:
                session["metrics"] = [{"name": "tHandle", "value": 7, "emitDate": "2026-01-28T12:00:00Z"}] * 3

    client.sandbox.organisation.restate(conversation_id, change)
    after = client.sandbox.organisation.conversations(DAY)
    assert [old["conversationId"] for old in before] == [new["conversationId"] for new in after]
    assert [new["conversationId"] for old, new in zip(before, after, strict=True) if old != new] == [conversation_id]
    sessions = sum(len(one["sessions"]) for item in after if item["conversationId"] == conversation_id
                   for one in item["participants"])  # fmt: skip
    old_count = str(next(item for item in before if item["conversationId"] == conversation_id)).count("'tHandle'")
    assert count(client, "tHandle") == handled - old_count + 3 * sessions
    assert all_pages(client, interval=DAY_INTERVAL) == after
    in_job = next(
        item for item in results(client, startOfDayIntervalMatching=True) if item["conversationId"] == conversation_id
    )
    assert {str(one["attributes"]) for one in in_job["participants"]} == {"{'restated': 'yes'}"}


def test_a_conversation_can_be_restated_onto_another_day(client: Client) -> None:
    organisation = client.sandbox.organisation
    conversation_id = first(client)["conversationId"]
    organisation.restate(conversation_id, lambda item: item.update(conversationStart="2026-01-27T23:59:59.999Z"))
    assert len(all_pages(client, interval=DAY_INTERVAL)) == 39
    yesterday = all_pages(client, interval="2026-01-27T00:00:00Z/2026-01-28T00:00:00Z")
    assert yesterday[-1]["conversationId"] == conversation_id


def test_a_restatement_can_come_into_force_later() -> None:
    organisation = Organisation(conversations_per_day=20)
    arrival = organisation.arrivals(DAY)[0]
    at = datetime(2026, 2, 1, tzinfo=UTC)
    organisation.restate(arrival.id, lambda item: item.update(externalTag="new"), at=at)
    assert "externalTag" not in organisation.shown(arrival, millis(at.isoformat()) - 1)
    assert organisation.shown(arrival, millis(at.isoformat()))["externalTag"] == "new"


def test_what_is_deleted_is_nowhere(client: Client) -> None:
    organisation = client.sandbox.organisation
    deleted = first(client)["conversationId"]
    connected = count(client, "nConversations", groupBy=["conversationId"])
    organisation.delete(deleted)
    assert len(all_pages(client, interval=DAY_INTERVAL)) == 39
    assert len(results(client, startOfDayIntervalMatching=True)) == 39
    assert deleted not in {item["conversationId"] for item in results(client)}
    assert count(client, "nConversations", groupBy=["conversationId"]) == connected - 1
    assert client.get(f"/api/v2/analytics/conversations/{deleted}/details").status_code == 404
    with pytest.raises(LookupError, match=deleted):
        organisation.delete(deleted)


def test_a_conversation_deleted_while_a_job_is_read_is_missing_from_the_pages_to_come(client: Client) -> None:
    last = client.sandbox.organisation.arrivals(DAY)[-1].id
    client.sandbox.behaviour.interrupt("/results", lambda: client.sandbox.organisation.delete(last), after=1)
    found = results(client, size=30, startOfDayIntervalMatching=True)
    assert len(found) == 39


def test_pages_drift_when_a_conversation_is_deleted_between_two_of_them(client: Client) -> None:
    organisation = client.sandbox.organisation
    ids = [arrival.id for arrival in organisation.arrivals(DAY)]
    client.sandbox.behaviour.interrupt("details/query", lambda: organisation.delete(ids[0]), after=1)
    seen = [
        item["conversationId"]
        for number in (1, 2)
        for item in client.details(interval=DAY_INTERVAL, paging={"pageSize": 20, "pageNumber": number}).json()[
            "conversations"
        ]
    ]
    assert seen == ids[:20] + ids[21:]


def test_a_reopened_conversation_has_new_sessions_and_a_later_end(client: Client) -> None:
    organisation = client.sandbox.organisation
    before = first(client, media="email")
    at = datetime(2026, 2, 3, 9, tzinfo=UTC)
    three_days = "2026-02-03T00:00:00.000Z/2026-02-04T00:00:00.000Z"
    handled = count(client, "tHandle", three_days)
    assert before["conversationId"] not in {item["conversationId"] for item in results(client, interval=three_days)}
    organisation.reopen(before["conversationId"], at, talk_seconds=600)
    after = organisation.conversation(before["conversationId"])
    assert after["conversationStart"] == before["conversationStart"]
    assert after["conversationEnd"] == "2026-02-03T09:11:05.000Z"
    assert len(after["participants"]) == len(before["participants"]) + 2
    assert after["participants"][0]["sessions"][:-1] == before["participants"][0]["sessions"]
    assert count(client, "tHandle", three_days) == handled + 1
    assert before["conversationId"] in {item["conversationId"] for item in results(client, interval=three_days)}
    assert after in all_pages(client, interval=DAY_INTERVAL)
    metrics = {item["name"]: item["value"] for item in after["participants"][-1]["sessions"][0]["metrics"]}
    assert metrics["tHandle"] == metrics["tTalkComplete"] + metrics["tAcw"] == 630_000


def test_before_it_is_reopened_a_conversation_is_shown_as_it_was(client: Client) -> None:
    organisation = client.sandbox.organisation
    before = first(client, media="email")
    arrival = organisation.find(before["conversationId"])
    assert arrival is not None
    at = millis("2026-02-03T09:00:00Z")
    organisation.reopen(arrival.id, datetime(2026, 2, 3, 9, tzinfo=UTC))
    assert organisation.shown(arrival, at - 1) == organisation.as_of(before, LATER)
    assert "conversationEnd" not in organisation.shown(arrival, at)
    organisation.restate(arrival.id, lambda item: item.update(externalTag="x"))
    told = [organisation.shown(arrival, instant) for instant in (at - 1, at)]
    assert [("conversationEnd" in item, item["externalTag"]) for item in told] == [(True, "x"), (False, "x")]


def test_only_what_has_ended_can_be_reopened(client: Client) -> None:
    organisation = client.sandbox.organisation
    open_ = next(
        item
        for number in range(1, 28)
        for item in organisation.conversations(date(2026, 1, number))
        if "conversationEnd" not in item
    )
    with pytest.raises(ValueError, match="has not ended"):
        organisation.reopen(open_["conversationId"], LATER)
    with pytest.raises(ValueError, match="after 2026-01-01"):
        organisation.reopen(first(client)["conversationId"], datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(LookupError, match="no conversation x"):
        organisation.reopen("x", LATER)


def test_filtered_answers_follow_a_change(client: Client) -> None:
    tagged = [{"type": "and", "predicates": [{"dimension": "externalTag", "value": "x"}]}]
    query = {"interval": DAY_INTERVAL, "conversationFilters": tagged}
    assert all_pages(client, **query) == []
    conversation_id = first(client)["conversationId"]
    client.sandbox.organisation.restate(conversation_id, lambda item: item.update(externalTag="x"))
    assert [item["conversationId"] for item in all_pages(client, **query)] == [conversation_id]


def test_all_changes_can_be_taken_back(client: Client) -> None:
    organisation = client.sandbox.organisation
    before = organisation.conversations(DAY)
    organisation.delete(before[0]["conversationId"])
    organisation.restate(before[1]["conversationId"], lambda item: item.update(externalTag="x"))
    organisation.plant(planted())
    organisation.rename("queues", organisation.directory.queues[0].id, "Other")
    organisation.restore()
    assert organisation.conversations(DAY) == before
    assert organisation.directory == Organisation().directory


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("queues", "/api/v2/routing/queues"),
        ("users", "/api/v2/users"),
        ("wrapup_codes", "/api/v2/routing/wrapupcodes"),
        ("skills", "/api/v2/routing/skills"),
    ],
)
def test_listings_follow_a_renaming_and_a_deletion(client: Client, kind: str, path: str) -> None:
    organisation = client.sandbox.organisation
    told = organisation.conversations(DAY)

    def listed() -> dict[str, str]:
        return {item["id"]: item["name"] for item in client.get(path, pageSize=500).json()["entities"]}

    before = listed()
    renamed, removed = list(before)[:2]
    organisation.rename(kind, renamed, "Ünïcode & Sons")
    organisation.remove(kind, removed)
    kept = {entity_id: name for entity_id, name in before.items() if entity_id != removed}
    assert listed() == {**kept, renamed: "Ünïcode & Sons"}
    assert organisation.conversations(DAY) == told
    with pytest.raises(LookupError, match="no x among"):
        organisation.rename(kind, "x", "y")


def test_a_deleted_user_is_listed_as_deleted(client: Client) -> None:
    user = client.get("/api/v2/users").json()["entities"][0]["id"]
    client.sandbox.organisation.remove("users", user)
    states = {
        item["id"]: item["state"] for item in client.get("/api/v2/users", state="any", pageSize=500).json()["entities"]
    }
    assert states[user] == "deleted"


def test_only_some_kinds_change(client: Client) -> None:
    with pytest.raises(LookupError, match="no flows to change; it has queues, users"):
        client.sandbox.organisation.rename("flows", "x", "y")


def test_instants_are_in_the_platforms_form_after_a_change(client: Client) -> None:
    conversation = client.sandbox.organisation.conversation(client.sandbox.organisation.plant(planted()))
    step = conversation["participants"][0]["sessions"][0]["segments"][0]
    assert step["segmentEnd"] == iso(millis("2026-01-29T00:10:00Z"))


def test_without_a_customer_nobody_comes_back(client: Client) -> None:
    conversation_id = client.sandbox.organisation.plant(planted())
    with pytest.raises(ValueError, match="no customer"):
        client.sandbox.organisation.reopen(conversation_id, LATER)

"""The requests for aggregates, listings and live data, and the answers that the client does not accept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genesys_assets.cloud import reference
from genesys_assets.cloud.analytics import aggregates, live
from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuery
from genesys_assets.cloud.errors import EndlessPages, InvalidQuery, UnexpectedAnswer
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests import samples
from genesys_assets_tests.cloud.platform import Platform, Reply, Request

YESTERDAY = Interval.parse("2026-01-31T00:00:00Z/2026-02-01T00:00:00Z")


def question(**changes: Any) -> AggregateQuery:
    return AggregateQuery(**{"interval": YESTERDAY, "granularity": "PT15M", "group_by": ("queueId",), **changes})


def test_aggregates_are_asked_for_once(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(CONVERSATIONS.path, Reply(body={"results": [{"group": {}}]}))
    page = aggregates.fetch(cloud, question())
    assert page.json() == {"results": [{"group": {}}]}
    (asked,) = platform.requests_to(CONVERSATIONS.path)
    assert (asked.method, asked.json()) == ("POST", question().body())


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": None}])
def test_aggregates_of_a_quiet_time_are_empty(platform: Platform, cloud: GenesysCloud, body: object) -> None:
    platform.on(CONVERSATIONS.path, Reply(body=body))
    assert aggregates.fetch(cloud, question()).json() == body


def test_aggregates_whose_results_are_no_list_are_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(CONVERSATIONS.path, Reply(body={"results": {"message": "?"}}))
    with pytest.raises(UnexpectedAnswer, match="'results' that is no list"):
        aggregates.fetch(cloud, question())


def test_aggregates_of_the_future_are_refused_before_any_request(platform: Platform, cloud: GenesysCloud) -> None:
    tomorrow = Interval.parse("2026-02-01T00:00:00Z/2026-02-02T00:00:00Z")
    with pytest.raises(InvalidQuery, match="ends in the future"):
        aggregates.fetch(cloud, question(interval=tomorrow))
    assert platform.requests == []


@pytest.mark.parametrize("name", samples.AGGREGATES)
def test_recorded_aggregates_are_accepted(platform: Platform, cloud: GenesysCloud, name: str) -> None:
    platform.on(CONVERSATIONS.path, Reply(body=samples.body(name)))
    assert aggregates.fetch(cloud, question()).body == samples.body(name)


def listing(path: str, total: int) -> Any:
    def answer(request: Request) -> Reply:
        size, number = int(request.params["pageSize"]), int(request.params["pageNumber"])
        ids = range((number - 1) * size, min(number * size, total))
        body: dict[str, Any] = {"entities": [{"id": str(id_)} for id_ in ids], "total": total}
        if number * size < total:
            state = f"&state={request.params['state']}" if "state" in request.params else ""
            body["nextUri"] = f"{path}?pageSize={size}&pageNumber={number + 1}{state}"
        return Reply(body=body)

    return answer


NUMBERED = [
    name for name, listed in reference.LISTINGS.items() if listed.size_parameter and not listed.cursor_parameter
]
BY_CURSOR = [name for name, listed in reference.LISTINGS.items() if listed.cursor_parameter]


@pytest.mark.parametrize("name", NUMBERED)
@pytest.mark.parametrize("page_size", [1, 3, 7, 100])
def test_a_listing_is_read_to_its_end_with_any_page_size(
    platform: Platform, cloud: GenesysCloud, name: str, page_size: int
) -> None:
    path = reference.LISTINGS[name].path
    platform.on(path, listing(path, total=7))
    pages = list(reference.fetch(cloud, name, page_size))
    assert [entity["id"] for page in pages for entity in page.json()["entities"]] == list("0123456")
    assert [page.number for page in pages] == list(range(1, -(-7 // page_size) + 1))


def scan(listed: reference.Listing, total: int, by_address: bool) -> Any:
    """A list by cursor, which is in the URL of the next page or beside the entities."""

    def answer(request: Request) -> Reply:
        size, after = (
            int(request.params[str(listed.size_parameter)]),
            int(request.params.get(str(listed.cursor_parameter), "0")),
        )
        ids = [{"id": str(id_)} for id_ in range(after, min(after + size, total))]
        if after + size >= total:
            return Reply(body={"entities": ids, "cursors": {}})
        following = {"nextUri": f"{listed.path}?{listed.cursor_parameter}={after + size}"}
        return Reply(body={"entities": ids, **(following if by_address else {"cursors": {"after": f"{after + size}"}})})

    return answer


@pytest.mark.parametrize("name", BY_CURSOR)
@pytest.mark.parametrize("page_size", [1, 3, 7, 100])
@pytest.mark.parametrize("by_address", [True, False])
def test_a_listing_by_cursor_is_read_to_its_end(
    platform: Platform, cloud: GenesysCloud, name: str, page_size: int, by_address: bool
) -> None:
    listed = reference.LISTINGS[name]
    platform.on(listed.path, scan(listed, 7, by_address))
    pages = list(reference.fetch(cloud, name, page_size))
    assert [entity["id"] for page in pages for entity in page.json()["entities"]] == list("0123456")


@pytest.mark.parametrize("name", BY_CURSOR)
def test_a_cursor_that_leads_nowhere_new_is_an_error(platform: Platform, cloud: GenesysCloud, name: str) -> None:
    path = reference.LISTINGS[name].path
    platform.on(path, Reply(body={"entities": [{"id": "a"}], "cursors": {"after": "x"}}))
    with pytest.raises(EndlessPages, match=r"nowhere new|nothing new"):
        list(reference.fetch(cloud, name))


def test_a_scan_whose_last_page_is_empty_ends_there(platform: Platform, cloud: GenesysCloud) -> None:
    path = reference.LISTINGS["external_organizations"].path
    platform.on(
        path,
        Reply(body={"entities": [{"id": "a"}], "cursors": {"after": "x"}}),
        Reply(body={"entities": [], "cursors": {"after": "y"}}),
    )
    assert len(list(reference.fetch(cloud, "external_organizations"))) == 2


def test_presences_come_whole_and_are_asked_for_once(platform: Platform, cloud: GenesysCloud) -> None:
    path = reference.LISTINGS["presence_definitions"].path
    platform.on(path, Reply(body={"total": 2, "entities": [{"id": "a"}, {"id": "b"}]}))
    assert len(list(reference.fetch(cloud, "presence_definitions"))) == 1
    assert [request.params for request in platform.requests_to(path)] == [{}]
    platform.on(path, Reply(body={"total": 3, "entities": [{"id": "a"}, {"id": "b"}]}))
    with pytest.raises(UnexpectedAnswer, match="2 entities of 3"):
        list(reference.fetch(cloud, "presence_definitions"))


def test_users_are_listed_whatever_their_state(platform: Platform, cloud: GenesysCloud) -> None:
    path = reference.LISTINGS["users"].path
    platform.on(path, listing(path, total=3))
    list(reference.fetch(cloud, "users", 2))
    assert [request.params["state"] for request in platform.requests_to(path)] == ["any", "any"]


def test_a_listing_without_entities_is_an_error_and_not_an_empty_list(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(reference.LISTINGS["queues"].path, Reply(body={"total": 3}))
    with pytest.raises(UnexpectedAnswer, match="without 'entities'"):
        list(reference.fetch(cloud, "queues"))


def test_an_unknown_listing_is_refused_with_the_closest(cloud: GenesysCloud) -> None:
    with pytest.raises(InvalidQuery, match=r"no listing 'queus'\. Closest: queues"):
        reference.fetch(cloud, "queus")
    with pytest.raises(InvalidQuery, match="must be 1 or more"):
        reference.fetch(cloud, "queues", 0)


def test_a_recorded_listing_is_accepted(platform: Platform, cloud: GenesysCloud) -> None:
    recorded = json.loads(samples.body("queues_page"))
    # The recording holds one entity of 157.
    recorded = recorded | {"nextUri": None, "total": 1, "pageCount": 1}
    platform.on(reference.LISTINGS["queues"].path, Reply(body=recorded))
    assert len(list(reference.fetch(cloud, "queues"))) == 1


def test_activity_is_read_page_by_page(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(live.ACTIVITY_PATH, Reply(body={"results": [{}, {}]}), Reply(body={"results": [{}]}), Reply(500, b""))
    pages = list(live.conversation_activity(cloud, page_size=2))
    assert [page.number for page in pages] == [1, 2]
    asked = platform.requests_to(live.ACTIVITY_PATH)
    assert [request.params for request in asked] == [
        {"pageSize": "2", "pageNumber": "1"},
        {"pageSize": "2", "pageNumber": "2"},
    ]
    assert asked[0].json() == {
        "metrics": [
            {"metric": "oWaiting", "details": True},
            {"metric": "oInteracting", "details": True},
            {"metric": "oAlerting", "details": True},
        ],
        "groupBy": ["queueId", "mediaType"],
    }


def test_activity_that_ignores_the_page_number_is_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(live.ACTIVITY_PATH, Reply(body={"results": [{"group": {"queueId": "a"}}]}))
    with pytest.raises(EndlessPages, match=r"Page 2 of .* repeats an earlier one"):
        list(live.conversation_activity(cloud, page_size=1))
    assert len(platform.requests_to(live.ACTIVITY_PATH)) == 2


def test_no_activity_is_one_page_without_results(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(live.ACTIVITY_PATH, Reply(body={}))
    assert [page.json() for page in live.conversation_activity(cloud)] == [{}]


def test_queues_are_observed_200_at_a_time(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(live.OBSERVATIONS_PATH, Reply(body={"results": []}))
    ids = [f"queue-{number}" for number in range(450)]
    pages = list(live.queue_observations(cloud, [*ids, "queue-0"]))
    assert [page.number for page in pages] == [1, 2, 3]
    asked = [
        [predicate["value"] for predicate in json.loads(page.request)["body"]["filter"]["predicates"]] for page in pages
    ]
    assert [len(batch) for batch in asked] == [200, 200, 50]
    assert [id_ for batch in asked for id_ in batch] == ids


def test_without_queues_nothing_is_observed(platform: Platform, cloud: GenesysCloud) -> None:
    assert list(live.queue_observations(cloud, [])) == []
    assert platform.requests == []


def test_recorded_observations_are_accepted(platform: Platform, cloud: GenesysCloud) -> None:
    recorded = samples.body("queues_observations")
    platform.on(live.OBSERVATIONS_PATH, Reply(body=recorded))
    assert [page.body for page in live.queue_observations(cloud, ["q"])] == [recorded]

"""Reading conversations by their ids."""

from __future__ import annotations

import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.errors import (
    InvalidQuery,
)
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.archive import ids
from genesys_assets_tests.cloud.platform import Platform, Reply, Request


def known(request: Request) -> Reply:
    """Answers for every id except c7."""
    found = [{"conversationId": given} for given in request.params["id"].split(",") if given != "c7"]
    return Reply(body={"conversations": found} if found else {})


@pytest.mark.parametrize(("number", "pages"), [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_conversations_are_asked_for_by_id_a_hundred_at_a_time(
    platform: Platform, cloud: GenesysCloud, number: int, pages: int
) -> None:
    platform.on(details.BY_IDS_PATH, known)
    wanted = [f"x{place}" for place in range(number)]
    found = list(details.by_ids(cloud, iter(wanted * 2)))
    assert ids(found) == wanted
    assert [page.number for page in found] == list(range(1, pages + 1))
    assert all(len(asked.params["id"].split(",")) <= 100 for asked in platform.requests_to(details.BY_IDS_PATH))


def test_an_id_that_is_not_known_is_absent(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(details.BY_IDS_PATH, known)
    assert ids(list(details.by_ids(cloud, ["c6", "c7", "c8"]))) == ["c6", "c8"]
    assert [page.json() for page in details.by_ids(cloud, ["c7"])] == [{}]


@pytest.mark.parametrize("given", ["", " ", "a,b"])
def test_what_is_no_id_is_refused_before_any_request(platform: Platform, cloud: GenesysCloud, given: str) -> None:
    with pytest.raises(InvalidQuery, match="is not a conversation id"):
        details.by_ids(cloud, ["a", given])
    assert platform.requests == []

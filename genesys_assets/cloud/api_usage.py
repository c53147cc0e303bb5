"""How many requests the platform itself counted for a client: a query, which it runs as a job, and its result.

Names and limits: `UsageApi` and `ClientPublicApiUsage` of PureCloudPlatformClientV2. Unverified: how soon a day is
counted, and whether its last second belongs to it as documented (start and end are inclusive).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

from genesys_assets.cloud.errors import GenesysCloudError, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import Cursor, after_of_answer
from genesys_assets.cloud.http.parsing import read_id, words
from genesys_assets.cloud.http.transport import GenesysCloud

QUERIES = "/api/v2/usage/client/{client}/aggregates/query/jobs"
PERMISSION = "usage:client:view"
PAGE_SIZE = 1000
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
_MOST_LOOKS = 40
_OPEN = ("Queued", "Running")


class UsageNotCounted(GenesysCloudError):
    """The usage query failed, or the platform did not finish it in time."""


def fetch(cloud: GenesysCloud, day: str) -> Iterator[Page]:
    """The pages that say what the client asked on a UTC day, as the platform counted it.

    Raises UsageNotCounted, or any other GenesysCloudError.
    """
    queries, submitted = QUERIES.format(client=cloud.client_id), submit(cloud, day)
    id_ = read_id(submitted.json().get("id"))
    if id_ is None:
        raise UnexpectedAnswer(f"{queries} was answered without an id.", correlation_id=submitted.correlation_id)
    query = f"{queries}/{quote(id_, safe='')}"
    _wait(cloud, query, day)
    yield from Cursor(cloud.get, "pageSize", "after", after_of_answer).pages(query, {"pageSize": PAGE_SIZE})


def submit(cloud: GenesysCloud, day: str) -> Page:
    """The answer to a new query about a UTC day."""
    asked = {"interval": f"{day}T00:00:00/{day}T23:59:59", "granularity": "Day"}
    return cloud.post(QUERIES.format(client=cloud.client_id), asked)


def _wait(cloud: GenesysCloud, query: str, day: str) -> None:
    for looked in count(1):
        page = cloud.get(query, {"pageSize": PAGE_SIZE})
        status = page.json().get("queryStatus")
        if status == "Succeeded":
            return
        if status not in _OPEN or looked >= _MOST_LOOKS:
            raise UsageNotCounted(
                f"The platform's count of the requests of {day} is {words(status)} after {looked} looks. Ask again "
                "later.",
                correlation_id=page.correlation_id,
            )
        cloud.sleep(min(FIRST_WAIT * 2 ** min(looked - 1, 10), LONGEST_WAIT))

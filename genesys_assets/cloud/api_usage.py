"""The platform's own count of a client's requests: a query, which the platform runs as a job, and its result.

Source: `UsageApi` and `ClientPublicApiUsage` of https://github.com/MyPureCloud/platform-client-sdk-python. Unverified:
how soon a day is counted, and whether the interval's end is inclusive. The documentation says that it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

from genesys_assets.cloud.errors import GenesysCloudError, UnexpectedAnswer
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import Cursor, read_after
from genesys_assets.cloud.http.parsing import read_id, words
from genesys_assets.cloud.http.transport import GenesysCloud

QUERIES = "/api/v2/usage/client/{client}/aggregates/query/jobs"
PERMISSION = "usage:client:view"
PAGE_SIZE = 1000
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
_MOST_POLLS = 40
_OPEN = ("Queued", "Running")


class UsageNotCounted(GenesysCloudError):
    """The usage query failed, or the platform did not finish it in time."""


def fetch(cloud: GenesysCloud, day: str) -> Iterator[Page]:
    """The pages with the platform's count of the client's requests on a UTC day (`YYYY-MM-DD`).

    Raises UsageNotCounted, or any other GenesysCloudError.
    """
    queries, submitted = QUERIES.format(client=cloud.client_id), submit(cloud, day)
    id_ = read_id(submitted.json().get("id"))
    if id_ is None:
        raise UnexpectedAnswer(f"{queries} was answered without an id.", correlation_id=submitted.correlation_id)
    query = f"{queries}/{quote(id_, safe='')}"
    _wait(cloud, query, day)
    yield from Cursor(cloud.get, "pageSize", "after", read_after).pages(query, {"pageSize": PAGE_SIZE})


def submit(cloud: GenesysCloud, day: str) -> Page:
    """Submits a query about a UTC day. The answer holds the query's id."""
    body = {"interval": f"{day}T00:00:00/{day}T23:59:59", "granularity": "Day"}
    return cloud.post(QUERIES.format(client=cloud.client_id), body)


def _wait(cloud: GenesysCloud, query: str, day: str) -> None:
    for polls in count(1):
        page = cloud.get(query, {"pageSize": PAGE_SIZE})
        status = page.json().get("queryStatus")
        if status == "Succeeded":
            return
        if status not in _OPEN or polls >= _MOST_POLLS:
            raise UsageNotCounted(
                f"The platform's count of the requests of {day} has the status {words(status)} after {polls} polls. "
                "Retry later.",
                correlation_id=page.correlation_id,
            )
        cloud.sleep(min(FIRST_WAIT * 2 ** min(polls - 1, 10), LONGEST_WAIT))

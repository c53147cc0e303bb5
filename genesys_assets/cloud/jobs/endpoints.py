"""The endpoints of details jobs, of conversations and of users, one function each.

`jobs.run` manages a job from submission to deletion: reuse, waiting, starting over, cleaning up.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from genesys_assets.cloud.analytics import conversations, user_details
from genesys_assets.cloud.analytics.conversations import ConversationsPage
from genesys_assets.cloud.analytics.interval import iso
from genesys_assets.cloud.analytics.queries import DetailsJobQuery, UserDetailsJobQuery
from genesys_assets.cloud.errors import (
    BadRequest,
    BrokenAnswer,
    EndlessPages,
    GenesysCloudError,
    InvalidQuery,
    NotFound,
    UnexpectedAnswer,
)
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import Cursor
from genesys_assets.cloud.http.parsing import instant, read_id, words
from genesys_assets.cloud.http.transport import GenesysCloud

PATH = "/api/v2/analytics/conversations/details/jobs"
USERS_PATH = "/api/v2/analytics/users/details/jobs"
PAGE_SIZE = 1000
"""Conversations of a page. The platform documents no maximum. Others use this size in production:
https://github.com/laggyzee/genesys-mcp.
"""
LARGEST_JOB_PAGE = 10_000
"""Our own maximum: a larger page would be hundreds of megabytes."""
MOST_EMPTY_PAGES = 100
"""The most empty pages in a row. The platform does not document whether or when it sends empty pages."""

Query = DetailsJobQuery | UserDetailsJobQuery

_CLOCKS_DIFFER = timedelta(hours=1)
"""By how much the clock of this machine may differ from the platform's."""
_EXPIRED = re.compile(r"\bexpired?\b", re.IGNORECASE)
"""How a 400 says that a job has expired. The platform does not document the text."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The status of a job. `state` is QUEUED, PENDING, FULFILLED, FAILED, CANCELLED or EXPIRED (AsyncQueryStatus of
    https://github.com/MyPureCloud/platform-client-sdk-python). Instants are UTC.
    """

    state: str
    error_message: str | None
    submitted_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobPage(ConversationsPage):
    """A page of results. `continues`: another page follows. `available_through`: the instant before which the job's
    data was complete, UTC; None if the platform does not say. For users, `ids` has a digest of each row, and `span` is
    None.
    """

    continues: bool = False
    available_through: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of jobs: their path, the noun for rows of their results, and the function that reads the facts of a
    page.
    """

    path: str
    noun: str
    with_facts: Callable[..., JobPage]


CONVERSATIONS = Kind(PATH, "conversations", conversations.with_facts)
USERS = Kind(USERS_PATH, "users", user_details.with_facts)


def kind_of(query: Query) -> Kind:
    return USERS if isinstance(query, UserDetailsJobQuery) else CONVERSATIONS


def availability(cloud: GenesysCloud, kind: Kind = CONVERSATIONS) -> datetime | None:
    """The instant before which jobs have all data, UTC; None if the platform does not say.

    From `GET /api/v2/analytics/…/details/jobs/availability`. Raises UnexpectedAnswer, also for an instant in the
    future, or any other GenesysCloudError.
    """
    page = cloud.get(f"{kind.path}/availability")
    return _available(page)


def submit(cloud: GenesysCloud, query: Query, before_sending: Callable[[], None] | None = None) -> str:
    """The id of a new job, by `POST /api/v2/analytics/…/details/jobs`.

    It is sent again only if it surely had no effect. After another failure, `retry.may_have_happened` says whether a
    job with an unknown id may exist. `before_sending` is called before each try.
    """
    body = query.require_past(cloud.now()).body()
    page = cloud.post(kind_of(query).path, body, repeatable=False, before_sending=before_sending)
    job_id = read_id(page.json().get("jobId"))
    if job_id is None:
        raise BrokenAnswer(
            f"The details job of {query.interval} was accepted without a jobId.", correlation_id=page.correlation_id
        )
    return job_id


def status(cloud: GenesysCloud, job_id: str, kind: Kind = CONVERSATIONS) -> JobStatus:
    """The status of the job, by `GET …/jobs/{jobId}`. Raises NotFound for a job that was deleted or expired long
    ago.
    """
    page = cloud.get(_path(job_id, kind))
    answer = page.json()
    state, message = answer.get("state"), answer.get("errorMessage")
    if not isinstance(state, str):
        raise UnexpectedAnswer(f"The details job {job_id} has no state.", correlation_id=page.correlation_id)
    return JobStatus(
        state=words(state),
        error_message=words(message) if isinstance(message, str) and message else None,
        submitted_at=_instant(page, answer, "submissionDate"),
        expires_at=_instant(page, answer, "expirationDate"),
    )


def results(
    cloud: GenesysCloud, job_id: str, kind: Kind = CONVERSATIONS, *, page_size: int = PAGE_SIZE
) -> Iterator[JobPage]:
    """The pages of a FULFILLED job, numbered from 1, by `GET …/jobs/{jobId}/results`; at least one.

    A page without rows need not be the last: the last one has no cursor. If a page is too large, smaller ones
    follow. Raises EndlessPages after 100 empty pages in a row, for a repeated page, and after
    `limits.MOST_CURSORS` pages; or any other GenesysCloudError.
    """
    pages = Cursor(cloud.get).pages(f"{_path(job_id, kind)}/results", {"pageSize": checked_page_size(page_size)})
    return _checked_for_progress(job_id, kind, (_job_page(page, kind) for page in pages))


def _checked_for_progress(job_id: str, kind: Kind, pages: Iterator[JobPage]) -> Iterator[JobPage]:
    """The pages. Raises EndlessPages once they bring nothing new."""
    empty = 0
    seen_before: set[bytes] = set()
    for page in pages:
        empty = 0 if page.rows else empty + 1
        if empty > MOST_EMPTY_PAGES:
            raise EndlessPages(
                f"More than {MOST_EMPTY_PAGES} pages of the details job {job_id} in a row have no {kind.noun},"
                " and each names a next page.",
                correlation_id=page.correlation_id,
            )
        if page.ids:
            digest = hashlib.sha256("\n".join(page.ids).encode("utf-8", "surrogatepass")).digest()
            if digest in seen_before:
                raise EndlessPages(
                    f"Page {page.number} of the details job {job_id} repeats the {kind.noun} of an earlier page.",
                    correlation_id=page.correlation_id,
                )
            seen_before.add(digest)
        yield page


def delete(cloud: GenesysCloud, job_id: str, kind: Kind = CONVERSATIONS) -> None:
    """Deletes the job, done or not, by `DELETE …/jobs/{jobId}`; one that is gone already is fine."""
    try:
        cloud.delete(_path(job_id, kind))
    except GenesysCloudError as error:
        if not is_gone(error):
            raise


def is_gone(error: GenesysCloudError) -> bool:
    """Whether an error means that the job or its results no longer exist."""
    if isinstance(error, BadRequest):
        return _EXPIRED.search(error.message) is not None or "expired" in (error.code or "").lower()
    return isinstance(error, NotFound) or error.status == 410


def checked_page_size(page_size: int) -> int:
    if not 1 <= page_size <= LARGEST_JOB_PAGE:
        raise InvalidQuery(f"The page size of job results must be 1 to {LARGEST_JOB_PAGE:,}, got {page_size}.")
    return page_size


def _job_page(page: Page, kind: Kind) -> JobPage:
    continues, available = bool(page.json().get("cursor")), _available(page)
    return kind.with_facts(page, JobPage, continues=continues, available_through=available)


def _path(job_id: str, kind: Kind) -> str:
    return f"{kind.path}/{quote(job_id, safe='')}"


def _available(page: Page) -> datetime | None:
    """The instant before which jobs have all data. Raises UnexpectedAnswer for one in the future."""
    available = _instant(page, page.json(), "dataAvailabilityDate")
    if available is not None and available > page.fetched_at + _CLOCKS_DIFFER:
        raise UnexpectedAnswer(
            f"The answer of {words(page.request)} says that jobs have all data until {iso(available)}, which is in the"
            " future. So days that are not over would count as complete. Check the clock of this machine.",
            correlation_id=page.correlation_id,
        )
    return available


def _instant(page: Page, answer: Mapping[str, Any], name: str) -> datetime | None:
    text = answer.get(name)
    if text is None:
        return None
    moment = instant(text)
    if moment is None:
        raise UnexpectedAnswer(
            f"The answer of {words(page.request)} has the {name} {words(repr(text))}, which is not an ISO 8601"
            " instant.",
            correlation_id=page.correlation_id,
        )
    return moment

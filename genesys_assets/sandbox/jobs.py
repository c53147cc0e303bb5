"""/api/v2/analytics/…/details/jobs of conversations and of users: submitted, waited for, read page by page, deleted.

This module manages jobs, and finds the results of jobs of conversations; `user_status` finds those of users. As on the
platform, a job has no data after the availability; only the `dataAvailabilityDate` beside its results says so.
`behaviour` scripts failing jobs.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from genesys_assets.sandbox import refusals, selection, validation
from genesys_assets.sandbox.arrivals import Arrival
from genesys_assets.sandbox.behaviour import Behaviour, JobOutcome
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.selection import Selection
from genesys_assets.sandbox.times import SECOND, from_datetime, iso

Item = dict[str, Any]

PROPERTIES = (*selection.PROPERTIES, "limit", "startOfDayIntervalMatching")
MOST_PER_PAGE = 1000
_ENDLESS = frozenset({"QUEUED", "PENDING"})
_MESSAGES = {"FAILED": "The job could not be processed.", "CANCELLED": "The job was cancelled."}


@dataclass(slots=True, eq=False)
class Job:
    """A submitted job; `submitted` and `available` are in ms, `begun` in seconds of the sandbox's clock.

    `state` is the one of the last answer. `polls` and `pages` count the answers.
    """

    id: str
    query: Item
    submitted: int
    available: int
    begun: float
    wanted: Any
    outcome: JobOutcome
    state: str = "QUEUED"
    polls: int = 0
    pages: int = 0
    deleted: bool = False
    found: list[Any] | None = field(default=None, repr=False)


class JobSource(Protocol):
    """Finds the results of jobs of one kind."""

    def parse(self, body: Any) -> Any:
        """The validated query of a submission. Raises RefusedRequest."""

    def select(self, job: Job, seen: int) -> list[Any]:
        """All results of a job, as of `seen` in ms."""

    def shown(self, page: list[Any], seen: int) -> list[bytes]:
        """The rows of a page as JSON."""


class Jobs:
    """All jobs of one kind that were ever submitted, in order."""

    def __init__(self, source: JobSource, behaviour: Behaviour, clock: Callable[[], float]) -> None:
        self.submitted: list[Job] = []
        self._source = source
        self._behaviour = behaviour
        self._clock = clock
        self._lock = threading.RLock()

    def availability(self, now: int) -> Item:
        return {"dataAvailabilityDate": iso(self._available(now))}

    def submit(self, body: Any, now: int) -> Item:
        parsed = self._source.parse(body)
        job = Job(
            id=str(uuid4()),
            query=dict(body),
            submitted=now,
            available=self._available(now),
            begun=self._clock(),
            wanted=parsed,
            outcome=self._behaviour.outcome_of_job(),
        )
        with self._lock:
            self.submitted.append(job)
        return {"jobId": job.id}

    def status(self, job_id: str, now: int) -> Item:
        with self._lock:
            job = self._existing(job_id)
            job.polls += 1
            state = self._state(job, now)
            job.state = state
        answer: Item = {
            "state": state,
            "submissionDate": iso(job.submitted),
            "expirationDate": iso(self._expires(job)),
        }
        if state not in _ENDLESS:
            took = int(self._behaviour.job_seconds * SECOND)
            answer["completionDate"] = iso(min(now, job.submitted + took))
        if state in _MESSAGES:
            answer["errorMessage"] = _MESSAGES[state]
        return answer

    def results(self, job_id: str, parameters: dict[str, str], now: int) -> tuple[list[bytes], Item]:
        """A page's rows as JSON, and the other fields of the answer."""
        size = min(validation.number_parameter(parameters, "pageSize", MOST_PER_PAGE), MOST_PER_PAGE)
        with self._lock:
            job = self._existing(job_id)
            job.state = self._state(job, now)
            if job.state == "EXPIRED":
                raise refusals.of_status(self._behaviour.expired_results_status)
            if job.state != "FULFILLED":
                raise refusals.bad_request(f"The results of job {job.id} are not available: its state is {job.state}.")
            first = _offset(job, parameters.get("cursor"))
            if job.found is None:
                job.found = self._source.select(job, min(job.available, job.submitted))
            page = job.found[first : first + size]
            more = bool(page) if self._behaviour.job_results_end_empty else first + size < len(job.found)
            job.pages += 1
        seen = min(job.available, job.submitted)
        beside: Item = {"dataAvailabilityDate": iso(job.available)}
        if more:
            beside["cursor"] = _cursor(job, first + size)
        return self._source.shown(page, seen), beside

    def delete(self, job_id: str) -> None:
        with self._lock:
            self._existing(job_id).deleted = True

    def _existing(self, job_id: str) -> Job:
        job = next((job for job in self.submitted if job.id == job_id and not job.deleted), None)
        if job is None:
            raise refusals.of_status(404)
        return job

    def _available(self, now: int) -> int:
        setting = self._behaviour.availability
        if setting is None:
            return now - int(self._behaviour.availability_lag_seconds * SECOND)
        return from_datetime(setting() if callable(setting) else setting)

    def _expires(self, job: Job) -> int:
        return job.submitted + int(self._behaviour.job_lifetime_seconds * SECOND)

    def _state(self, job: Job, now: int) -> str:
        scripted, after_pages = job.outcome.state, job.outcome.after_pages
        over = self._clock() >= job.begun + self._behaviour.job_seconds and job.polls > self._behaviour.job_polls
        if scripted in _ENDLESS:
            return scripted
        if not over:
            return "QUEUED" if job.polls <= 1 else "PENDING"
        if now >= self._expires(job):
            return "EXPIRED"
        return scripted if after_pages is None or job.pages >= after_pages else "FULFILLED"


class ConversationJobs:
    """Finds the results of jobs of conversations."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation

    def parse(self, body: Any) -> Selection:
        validation.known_properties(body, PROPERTIES, "AsyncConversationQuery")
        selection_ = selection.parse(body)
        checked_limit(body)
        by_day = body.get("startOfDayIntervalMatching", False)
        if not isinstance(by_day, bool):
            raise refusals.invalid_value(by_day, "startOfDayIntervalMatching", ["true", "false"])
        return selection_

    def select(self, job: Job, seen: int) -> list[Arrival]:
        organisation, query = self._organisation, job.wanted
        if job.query.get("startOfDayIntervalMatching"):
            arrivals = organisation.started(query.interval.days(), seen)
        else:
            arrivals = organisation.overlapping(query.interval.start, query.interval.end, seen)
        return selection.applied(organisation, query, arrivals, seen)[: job.query.get("limit")]

    def shown(self, page: list[Arrival], seen: int) -> list[bytes]:
        existing = [arrival for arrival in page if self._organisation.find(arrival.id) is not None]
        return [self._organisation.body_with_attributes(arrival, seen) for arrival in existing]


def checked_limit(body: Item) -> None:
    limit = body.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise refusals.invalid_value(limit, "limit", ["1 and above"])


def _cursor(job: Job, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{job.id} {offset}".encode()).decode()


def _offset(job: Job, cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        job_id, _, offset = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        if job_id == job.id:
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise refusals.invalid_parameter(cursor, "cursor", "the cursor of the page before")

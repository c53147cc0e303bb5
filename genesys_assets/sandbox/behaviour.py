"""How the sandbox misbehaves: latency, short-lived tokens, missing permissions and scripted faults.

These are only settings; `application` and the endpoints act on them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

JOB_STATES = ("QUEUED", "PENDING", "FAILED", "CANCELLED", "FULFILLED", "EXPIRED")


@dataclass(slots=True, eq=False)
class Fault:
    """Replaces the next `times` answers by an error, or by an answer with status 200, which may be truncated.

    Status 200 without a body stands for the true answer. With `takes_effect` the request is carried out, and only its
    answer is replaced. With `dropped` the connection is closed instead of an answer.
    """

    status: int
    times: int = 1
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    truncated: bool = False
    method: str | None = None
    takes_effect: bool = False
    dropped: bool = False

    def concerns(self, method: str, path: str) -> bool:
        return (self.path is None or self.path in path) and self.method in (None, method)


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a details job ends: in `state`. With `after_pages` it is FULFILLED until that many pages of results were
    answered.

    A job that ends in QUEUED or PENDING stays in that state for ever.
    """

    state: str = "FULFILLED"
    after_pages: int | None = None


@dataclass(slots=True, eq=False)
class Interruption:
    """An action that runs just before a matching request is answered; `after` matching requests are answered before
    that.
    """

    action: Callable[[], object]
    path: str
    method: str | None = None
    after: int = 0


@dataclass(slots=True)
class Behaviour:
    """The settings of the misbehaviour; all of them may be changed while the sandbox runs.

    Details jobs: a job is QUEUED, then PENDING, for `job_seconds` of the sandbox's `clock` and for `job_polls` polls.
    Jobs have data up to `availability`: an instant, a function, or None for `availability_lag_seconds` before now.
    Results of an expired job are refused with `expired_results_status`. With `job_results_end_empty` the last page with
    conversations has a cursor too, which leads to an empty page.

    Data lake extraction: a file of one of `extraction_schemas` (None for all) appears `extraction_lag_seconds` after
    its hour and stays for `extraction_retention_days`; a signed URL works for `extraction_url_seconds`.

    Details query: `totalHits` is too high by `total_hits_too_many`, unless there are no conversations.
    """

    latency_ms: int = 0
    token_lifetime_seconds: int = 86_400
    missing_permissions: set[str] = field(default_factory=set)
    retry_after_header: bool = True
    unknown_fields: bool = False
    answers_without_conversations: int = 0
    total_hits_too_many: int = 0
    job_results_end_empty: bool = False
    job_seconds: float = 0
    job_polls: int = 0
    job_lifetime_seconds: float = 86_400
    availability: datetime | Callable[[], datetime] | None = None
    availability_lag_seconds: float = 4 * 3_600
    expired_results_status: int = 404
    extraction_schemas: tuple[str, ...] | None = None
    extraction_lag_seconds: float = 600
    extraction_retention_days: float = 31
    extraction_url_seconds: float = 300
    faults: deque[Fault] = field(default_factory=deque)
    jobs_to_come: deque[JobOutcome] = field(default_factory=deque)
    interruptions: list[Interruption] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def fail_next(
        self,
        status: int,
        *,
        times: int = 1,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        truncated: bool = False,
        method: str | None = None,
        takes_effect: bool = False,
        dropped: bool = False,
    ) -> None:
        """Answers the next `times` requests whose path contains `path` (with that `method`) with `status`.

        `body` may be bytes, text or a JSON value; None gives the platform's own body for that status.
        `truncated` cuts the answer in half although Content-Length promises all of it. With `takes_effect` the
        request is carried out before its answer is lost: a job is created, but nobody learns its id. `dropped` closes
        the connection in place of an answer.
        """
        with self._lock:
            headers_ = dict(headers or {})
            self.faults.append(Fault(status, times, path, headers_, body, truncated, method, takes_effect, dropped))

    def next_job(self, *, state: str, after_pages: int | None = None) -> None:
        """Lets the next submitted details job end in `state`. Further calls are for further jobs.

        With `after_pages` the job is FULFILLED until that many pages of results were answered. A job with the state
        QUEUED or PENDING never ends.
        """
        if state not in JOB_STATES:
            raise ValueError(f"A job has no state {state}; the states are {', '.join(JOB_STATES)}.")
        with self._lock:
            self.jobs_to_come.append(JobOutcome(state, after_pages))

    def interrupt(self, path: str, action: Callable[[], object], *, method: str | None = None, after: int = 0) -> None:
        """Runs `action` once, just before a request whose path contains `path` is answered; `after` such requests are
        answered before that. Examples: a conversation is deleted between two pages, a token is revoked.
        """
        with self._lock:
            self.interruptions.append(Interruption(action, path, method, after))

    def reset(self) -> None:
        """Sets everything back to good behaviour."""
        fresh = Behaviour()
        with self._lock:
            for knob in fields(self):
                if knob.name != "_lock":
                    setattr(self, knob.name, getattr(fresh, knob.name))

    def fault_for(self, method: str, path: str) -> Fault | None:
        """Takes one use from the first fault that concerns this request."""
        with self._lock:
            for fault in self.faults:
                if fault.concerns(method, path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def withholds_conversations(self) -> bool:
        """Whether this one details answer must lack its `conversations` key."""
        with self._lock:
            if self.answers_without_conversations <= 0:
                return False
            self.answers_without_conversations -= 1
            return True

    def outcome_of_job(self) -> JobOutcome:
        """How the job that is submitted now is to end."""
        with self._lock:
            return self.jobs_to_come.popleft() if self.jobs_to_come else JobOutcome()

    def happen(self, method: str, path: str) -> None:
        """Runs the actions that are due before this request."""
        due = []
        with self._lock:
            for interruption in list(self.interruptions):
                if interruption.path in path and interruption.method in (None, method):
                    interruption.after -= 1
                    if interruption.after < 0:
                        self.interruptions.remove(interruption)
                        due.append(interruption)
        for interruption in due:
            interruption.action()

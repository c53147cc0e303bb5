"""How the sandbox misbehaves: latency, short-lived tokens, missing permissions and scripted faults.

These are only the switches; `application` turns them into answers.
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
    """Answers that go wrong `times` times: with an error, or with status 200, which may come truncated.

    Status 200 without a body stands for the true answer. With `takes_effect` the request is carried out, and only its
    answer is lost. With `dropped` the connection is closed instead of an answer.
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
    """How a details job ends: in `state`, at once or, fulfilled until then, after so many pages of results.

    A job that ends in QUEUED or PENDING stays there for ever.
    """

    state: str = "FULFILLED"
    after_pages: int | None = None


@dataclass(slots=True, eq=False)
class Interruption:
    """Something that happens just before a request is answered, `after` so many others of its kind."""

    action: Callable[[], object]
    path: str
    method: str | None = None
    after: int = 0


@dataclass(slots=True)
class Behaviour:
    """The knobs; all of them may be turned while the sandbox runs.

    Details jobs: a job is QUEUED, then PENDING, for `job_seconds` of the sandbox's `clock` and for as many polls as
    `job_polls` says. Data are there until `availability`: a moment, a function, or None for
    `availability_lag_seconds` before now. Results of an expired job are refused with `expired_results_status`. With
    `job_results_end_empty` the last page that has conversations has a cursor as well, which leads to one without.

    Data lake extraction: files are there `extraction_lag_seconds` after their hour, for `extraction_retention_days`, of
    `extraction_schemas`, None for all; a signed URL works for `extraction_url_seconds`.

    Details query: `totalHits` is an estimate, too high by `total_hits_too_many` where there is anything at all.
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
        """Let the next `times` requests whose path contains `path` (of that `method`) be answered with `status`.

        `body` may be bytes, text or JSON-able; None gives what the platform says with that status.
        `truncated` cuts the answer in half although Content-Length promises all of it. With `takes_effect` the
        request is carried out before its answer is lost: a job is created, but nobody learns its id. `dropped` closes
        the connection in place of an answer.
        """
        with self._lock:
            said = dict(headers or {})
            self.faults.append(Fault(status, times, path, said, body, truncated, method, takes_effect, dropped))

    def next_job(self, *, state: str, after_pages: int | None = None) -> None:
        """Let the next details job that is submitted, and has no outcome yet, end in `state`.

        With `after_pages` it is FULFILLED until so many pages of results have been answered. A job that is to stay
        QUEUED or PENDING never ends.
        """
        if state not in JOB_STATES:
            raise ValueError(f"A job has no state {state}; the states are {', '.join(JOB_STATES)}.")
        with self._lock:
            self.jobs_to_come.append(JobOutcome(state, after_pages))

    def interrupt(self, path: str, action: Callable[[], object], *, method: str | None = None, after: int = 0) -> None:
        """Let `action` happen once, just before a request whose path contains `path` is answered.

        `after` so many of these were answered: a conversation deleted between two pages, a token revoked.
        """
        with self._lock:
            self.interruptions.append(Interruption(action, path, method, after))

    def reset(self) -> None:
        """Back to good behaviour."""
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
        """Lets happen what was to happen before this request."""
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

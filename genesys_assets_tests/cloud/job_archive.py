"""Details jobs as a test scripts them: an archive of jobs behind the scripted platform."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from genesys_assets.cloud.details_jobs import PATH
from genesys_assets.cloud.interval import iso
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply, Request

AVAILABLE = datetime(2026, 2, 1, 3, tzinfo=UTC)
ACCEPTED = 202


class JobArchive:
    """Accepts jobs, finishes each after the states in `plans`, and pages its conversations by cursor.

    A reply in `submissions` is sent in place of the next job's id: `made` tells whether there is a job all the
    same. A reply in `in_place_of` is sent in place of the results' page of that job and number.
    """

    def __init__(self, platform: Platform, clock: Clock, rows: int = 0) -> None:
        self.rows = [{"conversationId": f"c{number}"} for number in range(rows)]
        self.jobs: dict[str, deque[dict[str, Any]]] = {}
        self.plans: deque[list[dict[str, Any]]] = deque()
        self.submissions: deque[tuple[Reply, bool]] = deque()
        self.in_place_of: dict[tuple[str, int], Reply] = {}
        self.deleted: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.lifetime = timedelta(days=1)
        self._made = 0
        self._platform = platform
        self._clock = clock
        platform.on(PATH, self._submit)
        platform.on(f"{PATH}/availability", Reply(body={"dataAvailabilityDate": iso(AVAILABLE)}))

    def plan(self, *states: str | dict[str, Any]) -> None:
        """The states of the next job, the last for ever."""
        self.plans.append([state if isinstance(state, dict) else {"state": state} for state in states])

    def asked(self, job_id: str, what: str = "") -> list[Request]:
        return self._platform.asked(f"{PATH}/{job_id}{what}")

    def _submit(self, request: Request) -> Reply:
        self.bodies.append(request.json())
        reply, made = self.submissions.popleft() if self.submissions else (None, True)
        if made:
            self._made += 1
            job_id = f"job-{self._made}"
            self.start(job_id)
            reply = reply or Reply(ACCEPTED, {"jobId": job_id})
        assert reply is not None
        return reply

    def start(self, job_id: str) -> None:
        """A job of that id, by the next plan or FULFILLED at once."""
        states = self.plans.popleft() if self.plans else [{"state": "FULFILLED"}]
        self.jobs[job_id] = deque(states)
        expires = self._clock.now() + self.lifetime
        self._platform.on(f"{PATH}/{job_id}", lambda request: self._job(request, job_id, expires))
        self._platform.on(f"{PATH}/{job_id}/results", lambda request: self._results(request, job_id))

    def _job(self, request: Request, job_id: str, expires: datetime) -> Reply:
        if job_id not in self.jobs:
            return Reply(404, {"message": "The requested resource was not found.", "code": "not.found"})
        if request.method == "DELETE":
            del self.jobs[job_id]
            self.deleted.append(job_id)
            return Reply(204, b"")
        states = self.jobs[job_id]
        state = states.popleft() if len(states) > 1 else states[0]
        return Reply(body={"submissionDate": "2026-02-01T12:00:00.000Z", "expirationDate": iso(expires), **state})

    def _results(self, request: Request, job_id: str) -> Reply:
        size, first = int(request.params["pageSize"]), int(request.params.get("cursor", "0"))
        number = first // size + 1
        instead = self.in_place_of.get((job_id, number))
        if instead is not None:
            return instead
        if job_id not in self.jobs:
            return Reply(404, {"message": "The requested resource was not found.", "code": "not.found"})
        body: dict[str, Any] = {"dataAvailabilityDate": iso(AVAILABLE)}
        if self.rows[first : first + size]:
            body["conversations"] = self.rows[first : first + size]
        if first + size < len(self.rows):
            body["cursor"] = str(first + size)
        return Reply(body=body)

"""Details jobs as a test scripts them: an archive of jobs behind the scripted platform, and the query beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.interval import iso
from genesys_assets.cloud.analytics.queries import DetailsJobQuery
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.cloud.jobs.book import JobBook
from genesys_assets.cloud.jobs.run import PATH, JobPage
from genesys_assets_tests.cloud.archive import DAY, Archive, ids, spread
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply, Request

AVAILABLE = datetime(2026, 2, 1, 3, tzinfo=UTC)
ACCEPTED = 202
QUERY = DetailsJobQuery(interval=DAY, start_of_day_interval_matching=True)


def read(cloud: GenesysCloud, book: JobBook, **options: Any) -> list[JobPage]:
    """Every page of the job that was read to the end."""
    return details_jobs.read(cloud, QUERY, book, list, page_size=10, **options)


def written(pages: Iterable[JobPage]) -> list[str]:
    """The ids on the pages, which are numbered from 1."""
    pages = list(pages)
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    return ids([page for page in pages if page.rows])


class Killed(BaseException):
    """Ends a process while it reads."""


def leave_after(pages: int) -> Any:
    """A reader that dies when it has that many pages."""

    def take(given: Iterable[JobPage]) -> None:
        for page in given:
            if page.number >= pages:
                raise Killed

    return take


class JobArchive:
    """Accepts jobs, finishes each after the states in `plans`, and pages its conversations by cursor.

    A reply in `submissions` is sent instead of the next job's id; `made` says whether the job exists anyway. A reply in
    `in_place_of` is sent instead of the results' page of that job and number.

    `empty` pages come before the conversations from that place on; with `ends_empty` a page without conversations
    follows the last page. With `single_use` a cursor is refused when it comes again. The answer to a page in
    `lost_once` is lost the first time. The details `query` knows the same conversations.
    """

    def __init__(self, platform: Platform, clock: Clock, rows: int = 0) -> None:
        self.query = Archive(spread(rows))
        self.rows = list(self.query.rows)
        self.empty: dict[int, int] = {}
        self.ends_empty = False
        self.single_use = False
        self.lost_once: set[tuple[str, int]] = set()
        self.jobs: dict[str, deque[dict[str, Any]]] = {}
        self.plans: deque[list[dict[str, Any]]] = deque()
        self.submissions: deque[tuple[Reply, bool]] = deque()
        self.in_place_of: dict[tuple[str, int], Reply] = {}
        self.deleted: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.lifetime = timedelta(days=1)
        self.available = AVAILABLE
        self._made = 0
        self._platform = platform
        self._clock = clock
        self._used: set[tuple[str, str]] = set()
        platform.on(PATH, self.submit)
        platform.on(details.PATH, self.query)
        platform.on(f"{PATH}/availability", Reply(body={"dataAvailabilityDate": iso(AVAILABLE)}))

    def plan(self, *states: str | dict[str, Any]) -> None:
        """Set the states of the next job; the last one stays."""
        self.plans.append([state if isinstance(state, dict) else {"state": state} for state in states])

    def requests_to(self, job_id: str, what: str = "") -> list[Request]:
        return self._platform.requests_to(f"{PATH}/{job_id}{what}")

    def submit(self, request: Request) -> Reply:
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
        """Start a job of that id, by the next plan or FULFILLED at once."""
        states = self.plans.popleft() if self.plans else [{"state": "FULFILLED"}]
        self.jobs[job_id] = deque(states)
        now = self._clock.now()
        dates = {"submissionDate": iso(now), "expirationDate": iso(now + self.lifetime)}
        self._platform.on(f"{PATH}/{job_id}", lambda request: self._job(request, job_id, dates))
        self._platform.on(f"{PATH}/{job_id}/results", lambda request: self.results(request, job_id))

    def _job(self, request: Request, job_id: str, dates: dict[str, str]) -> Reply:
        if job_id not in self.jobs:
            return Reply(404, {"message": "The requested resource was not found.", "code": "not.found"})
        if request.method == "DELETE":
            del self.jobs[job_id]
            self.deleted.append(job_id)
            return Reply(204, b"")
        states = self.jobs[job_id]
        state = states.popleft() if len(states) > 1 else states[0]
        return Reply(body={**dates, **state})

    def results(self, request: Request, job_id: str) -> Reply:
        size, cursor = int(request.params["pageSize"]), request.params.get("cursor", "")
        first, given = (int(part) for part in (cursor or "0.0").split("."))
        instead = self.in_place_of.get((job_id, first // size + 1))
        if instead is not None:
            return instead
        if job_id not in self.jobs:
            return Reply(404, {"message": "The requested resource was not found.", "code": "not.found"})
        if self.single_use and cursor and (job_id, cursor) in self._used:
            return Reply(400, {"message": "Invalid cursor."})
        self._used.add((job_id, cursor))
        if (job_id, first // size + 1) in self.lost_once:
            self.lost_once.remove((job_id, first // size + 1))
            return Reply(fault="reset")
        body: dict[str, Any] = {"dataAvailabilityDate": iso(self.available)}
        if given < self.empty.get(first, 0):
            return Reply(body={**body, "cursor": f"{first}.{given + 1}"})
        shown = self.rows[first : first + size]
        if shown:
            body["conversations"] = shown
        if shown and (self.ends_empty or first + size < len(self.rows)):
            body["cursor"] = f"{first + size}.0"
        return Reply(body=body)


def all_of(archive: JobArchive) -> list[str]:
    return [row["conversationId"] for row in archive.rows]


class Sinks:
    """Makes a new sink for each reading, and remembers all sinks."""

    def __init__(self) -> None:
        self.filled: list[list[JobPage]] = []

    def __call__(self, pages: Iterator[JobPage]) -> list[JobPage]:
        self.filled.append([])
        for page in pages:
            self.filled[-1].append(page)
        return self.filled[-1]

"""Conversations in full and in bulk, by a details job: submitted once, waited for, read page by page, deleted.

Here is told the life of a job, and what happens where it fails, expires while being read, or may exist though
nobody knows its id. The single requests are in `job_endpoints`, the notes that outlive a process in `job_book`.
How fresh data is asked for stands in `details`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from genesys_assets.cloud.errors import (
    BadRequest,
    GenesysCloudError,
    JobCancelled,
    JobError,
    JobExpired,
    JobFailed,
    JobTooSlow,
    SubmissionLost,
)
from genesys_assets.cloud.interval import iso
from genesys_assets.cloud.job_book import JobBook, JobBookInMemory, RecordedJob
from genesys_assets.cloud.job_endpoints import (
    PAGE_SIZE,
    PATH,
    JobPage,
    JobStatus,
    availability,
    checked_page_size,
    delete,
    is_gone,
    results,
    status,
    submit,
)
from genesys_assets.cloud.queries import DetailsJobQuery
from genesys_assets.cloud.retry import may_have_happened
from genesys_assets.cloud.transport import GenesysCloud

__all__ = [
    "PATH",
    "DetailsJobQuery",
    "JobBook",
    "JobBookInMemory",
    "JobPage",
    "JobStatus",
    "RecordedJob",
    "Restarted",
    "availability",
    "delete",
    "fetch",
    "results",
    "status",
    "submit",
]

DEADLINE = timedelta(hours=1)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
# An older job answers with the past of its own day, which a second reading is meant to replace.
REUSABLE = timedelta(hours=6)
# No endpoint lists jobs, so an unanswered submission cannot be looked up. Another process may only be waiting for
# its answer, though: no request takes this long, and after it the note cannot come true any more.
GRACE = timedelta(minutes=2)
_LOOK_AGAIN = 5.0

OnProgress = Callable[[int, int | None, int | None], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Restarted:
    """All pages given so far are void, since their job failed or expired: drop them. Page 1 of another job is
    next.
    """

    job_id: str
    reason: str


def fetch(
    cloud: GenesysCloud,
    query: DetailsJobQuery,
    book: JobBook,
    *,
    page_size: int = PAGE_SIZE,
    deadline: timedelta = DEADLINE,
    on_progress: OnProgress | None = None,
) -> Iterator[JobPage | Restarted]:
    """Every page of the query's job, numbered from 1; at least one, which may hold no conversations.

    A `Restarted` in between voids the pages before it; it comes once at most. A job in `book` that an earlier
    try left behind is taken up again. The job is deleted once all pages were taken; if the iterator is closed
    before, job and note stay for the next try. `deadline` is how long to wait for the job to be done.
    `on_progress(pages done, None, conversations so far)` hears of each page.

    The interval should end by `availability`: a job past it gives what there is and calls it all. See
    `available_through` of the pages.

    Raises InvalidQuery, JobFailed and JobExpired (the second time), JobCancelled, JobTooSlow, SubmissionLost, or
    any other GenesysCloudError.
    """
    query.validate(cloud.now())
    checked_page_size(page_size)
    return _fetch(_Attempt(cloud, query, book, cloud.now() + deadline), page_size, on_progress)


def _fetch(attempt: _Attempt, page_size: int, on_progress: OnProgress | None) -> Iterator[JobPage | Restarted]:
    try:
        yield from attempt.pages(page_size, on_progress)
    except (JobFailed, JobExpired) as error:
        _log.warning("%s It is submitted once more.", error)
        yield Restarted(error.job_id or "", str(error))
    else:
        return
    yield from attempt.pages(page_size, on_progress)


class _Attempt:
    """One try at a query: at most two jobs, at most one submission repeated blindly."""

    def __init__(self, cloud: GenesysCloud, query: DetailsJobQuery, book: JobBook, give_up_at: datetime) -> None:
        self._cloud = cloud
        self._query = query
        self._book = book
        self._give_up_at = give_up_at
        self._repeated_blindly = False

    def pages(self, page_size: int, on_progress: OnProgress | None) -> Iterator[JobPage]:
        """The pages of one job, which is gone afterwards, unless it can be taken up again."""
        job_id = self._take_up() or self._submit()
        try:
            self._wait_for(job_id)
            yield from self._read(job_id, page_size, on_progress)
        except (JobFailed, JobExpired, JobCancelled):
            self._discard(job_id)
            raise
        self._discard(job_id)

    # -- before: a job to read ----------------------------------------------------------------------------------------

    def _take_up(self) -> str | None:
        """The job in the book, if it is still good; otherwise there is none there afterwards."""
        recorded = self._book.find(self._query.fingerprint)
        while recorded is not None and recorded.job_id is None:
            patience = (recorded.submitted_at + GRACE - self._cloud.now()).total_seconds()
            if patience <= 0:
                self._repeat_blindly(recorded)
                return None
            self._cloud.sleep(min(patience, _LOOK_AGAIN))
            recorded = self._book.find(self._query.fingerprint)
        if recorded is None or recorded.job_id is None:
            return None
        if self._is_good(recorded, recorded.job_id):
            _log.info("The details job %s of %s is taken up again.", recorded.job_id, self._query.interval)
            return recorded.job_id
        self._discard(recorded.job_id)
        return None

    def _repeat_blindly(self, recorded: RecordedJob) -> None:
        self._repeated_blindly = True
        _log.warning(
            "The answer to the details job of %s, submitted at %s, was lost. It is submitted once more; should the"
            " first one exist, nobody reads it, and it expires by itself.",
            self._query.interval,
            iso(recorded.submitted_at),
        )

    def _is_good(self, recorded: RecordedJob, job_id: str) -> bool:
        now = self._cloud.now()
        if now - recorded.submitted_at > REUSABLE:
            return False
        try:
            found = status(self._cloud, job_id)
        except GenesysCloudError as error:
            if is_gone(error):
                return False
            raise
        expired = found.expires_at is not None and found.expires_at <= now
        return found.state in ("QUEUED", "PENDING", "FULFILLED") and not expired

    def _submit(self) -> str:
        fingerprint = self._query.fingerprint
        self._book.record(RecordedJob(fingerprint, None, self._cloud.now()))
        try:
            job_id = submit(self._cloud, self._query)
        except GenesysCloudError as error:
            if not may_have_happened(error):
                self._book.forget(fingerprint)
                raise
            if self._repeated_blindly:
                raise self._lost(error) from error
            _log.warning("The answer to the details job of %s was lost: %s", self._query.interval, error)
            return self._take_up() or self._submit()
        self._book.record(RecordedJob(fingerprint, job_id, self._cloud.now()))
        _log.info("The details job %s of %s is submitted.", job_id, self._query.interval)
        return job_id

    def _lost(self, error: GenesysCloudError) -> SubmissionLost:
        return SubmissionLost(
            f"The details job of {self._query.interval} was submitted twice, and both answers were lost"
            f" ({error}). Perhaps there are jobs that nobody reads; they expire by themselves. Try again when the"
            " platform answers reliably."
        )

    # -- the job's life -----------------------------------------------------------------------------------------------

    def _wait_for(self, job_id: str) -> None:
        """Returns when the job is FULFILLED."""
        wait = FIRST_WAIT
        state: str | None = None
        while (left := (self._give_up_at - self._cloud.now()).total_seconds()) > 0:
            self._cloud.sleep(min(wait, left))
            wait = min(2 * wait, LONGEST_WAIT)
            now = self._state(job_id)
            if now == "FULFILLED":
                return
            if now != state:
                _log.info("The details job %s of %s is %s.", job_id, self._query.interval, now)
            state = now
        raise self._too_slow(job_id, state)

    def _state(self, job_id: str) -> str:
        """FULFILLED, or another that may become it. Raises JobFailed, JobExpired or JobCancelled otherwise."""
        try:
            found = status(self._cloud, job_id)
        except GenesysCloudError as error:
            if is_gone(error):
                raise self._expired(job_id, error) from error
            raise
        if found.state in _ENDS:
            raise self._ended(job_id, found)
        return found.state

    def _read(self, job_id: str, page_size: int, on_progress: OnProgress | None) -> Iterator[JobPage]:
        rows = on_page = 0
        pages = results(self._cloud, job_id, page_size=page_size)
        while True:
            # Only asking may mean that the job is gone, not what is done with the page.
            try:
                page = next(pages, None)
            except GenesysCloudError as error:
                if is_gone(error):
                    raise self._expired(job_id, error) from error
                if isinstance(error, BadRequest):
                    # A cursor may be refused since its job has expired, whatever the refusal says.
                    self._state(job_id)
                raise
            if page is None:
                break
            on_page = page.rows
            rows += on_page
            if on_progress is not None:
                on_progress(page.number, None, rows)
            yield page
        if not on_page:
            # The end looks like this, and so might results that have just expired.
            self._state(job_id)

    def _discard(self, job_id: str) -> None:
        """Deletes a job of no more use. One that cannot be deleted expires by itself."""
        try:
            delete(self._cloud, job_id)
        except GenesysCloudError as error:
            _log.warning("The details job %s stays until it expires, since it cannot be deleted: %s", job_id, error)
        self._book.forget(self._query.fingerprint)

    # -- what went wrong ----------------------------------------------------------------------------------------------

    def _ended(self, job_id: str, found: JobStatus) -> JobError:
        kind, happened, advice = _ENDS[found.state]
        reason = found.error_message or "no reason given"
        return kind(
            f"The details job {job_id} of {self._query.interval} {happened} ({reason}). {advice}",
            job_id=job_id,
            state=found.state,
        )

    def _expired(self, job_id: str, error: GenesysCloudError) -> JobExpired:
        return JobExpired(
            f"The details job {job_id} of {self._query.interval} is not there any more ({error})."
            f" {_ENDS['EXPIRED'][2]}",
            job_id=job_id,
            state="EXPIRED",
        )

    def _too_slow(self, job_id: str, state: str | None) -> JobTooSlow:
        return JobTooSlow(
            f"The details job {job_id} of {self._query.interval} is still {state or 'on its way'} at the deadline,"
            f" {iso(self._give_up_at)}. It is left to go on: try again later, within"
            f" {REUSABLE // timedelta(hours=1)} hours it is taken up where it is. If that happens often, allow a"
            " longer deadline or ask for a shorter interval.",
            job_id=job_id,
            state=state,
        )


_ENDS: dict[str, tuple[type[JobError], str, str]] = {
    "FAILED": (
        JobFailed,
        "failed",
        "Try again later; if it goes on, ask for a shorter interval or give Genesys support the job's id.",
    ),
    "EXPIRED": (JobExpired, "expired", "Read the pages without long breaks, or in larger ones."),
    "CANCELLED": (
        JobCancelled,
        "was cancelled",
        "Somebody or another process ended it: make sure that only one asks for this interval, then try again.",
    ),
}

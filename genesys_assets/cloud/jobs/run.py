"""Conversations, or agents' status, by a details job: submitted once, waited for, read page by page, deleted.

This module leads a job through its life, also if it fails, cannot be read to its end, or may exist under an unknown id.
The single requests are in `endpoints`, the notes that outlive a process in `book`, empty pages in `gaps`. Fresh data is
read by `details`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from genesys_assets.cloud.analytics.interval import iso
from genesys_assets.cloud.analytics.queries import DetailsJobQuery, UserDetailsJobQuery
from genesys_assets.cloud.errors import (
    BadRequest,
    CircuitOpen,
    GenesysCloudError,
    JobCancelled,
    JobError,
    JobExpired,
    JobFailed,
    JobTooSlow,
    LoginRefused,
    MissingPermission,
    RateLimited,
    ServerTrouble,
    SubmissionLost,
    Unauthorized,
    Unreachable,
)
from genesys_assets.cloud.http.retry import may_have_happened
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs.book import JobBook, RecordedJob
from genesys_assets.cloud.jobs.endpoints import (
    CONVERSATIONS,
    PAGE_SIZE,
    PATH,
    USERS,
    USERS_PATH,
    JobPage,
    JobStatus,
    Query,
    availability,
    checked_page_size,
    delete,
    is_gone,
    kind_of,
    results,
    status,
    submit,
)
from genesys_assets.cloud.jobs.gaps import without_gaps

__all__ = [
    "CONVERSATIONS",
    "PATH",
    "USERS",
    "USERS_PATH",
    "DetailsJobQuery",
    "JobBook",
    "JobPage",
    "JobStatus",
    "RecordedJob",
    "UserDetailsJobQuery",
    "availability",
    "delete",
    "read",
    "results",
    "status",
    "submit",
]

DEADLINE = timedelta(hours=1)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
# A job shows conversations as they were at its submission at the latest, which its pages say (`as_of`). An older one
# is not worth its reading.
REUSABLE = timedelta(hours=6)
# An older note has no use, even if the clocks of two processes differ.
NOTES_KEPT = REUSABLE + timedelta(hours=1)
# No endpoint lists jobs, so an unanswered submission cannot be looked up. Another process may only be waiting for
# its answer, though: no request takes this long, and after it the note cannot come true any more.
GRACE = timedelta(minutes=2)
_LOOK_AGAIN = 5.0
# These errors say nothing about a job. It may be read as soon as the platform can be asked again.
_NOTHING_ABOUT_A_JOB = (CircuitOpen, LoginRefused, MissingPermission, RateLimited, Unauthorized, Unreachable)

OnProgress = Callable[[int, int | None, int | None], None]
T = TypeVar("T")

_log = logging.getLogger(__name__)


def read(
    cloud: GenesysCloud,
    query: Query,
    book: JobBook,
    take: Callable[[Iterator[JobPage]], T],
    *,
    page_size: int = PAGE_SIZE,
    deadline: timedelta = DEADLINE,
    on_progress: OnProgress | None = None,
    on_restart: Callable[[str], None] | None = None,
) -> T:
    """The result of `take`, which is given the pages of the query's job.

    The pages are numbered from 1. There is at least one, and any page may hold no conversations. Their `as_of` is the
    job's submission, or the instant up to which the job had all data, if that is earlier: jobs lag. `take` need not
    read them all: when it returns, the job is deleted.

    If the results of a job cannot be read to their end, `take` is called once more, with the pages of another job. So
    each call of `take` must begin anew, and drop what an earlier call gathered. `on_restart(reason)` is called in
    between.

    A job that an earlier try left in `book` is read from page 1 if it was submitted within the last six hours. What
    becomes of a job:

    - `take` returned, the results failed, or `take` raised a GenesysCloudError: it is deleted and its note removed.
    - The job was not done within `deadline`, the platform could not be asked, `take` raised another exception, or the
      process was killed: it stays for the next try.

    `on_progress(pages done, None, conversations so far)` hears of each page.

    The interval should end by `availability`: a job that reaches beyond it has part of the data and does not say so.
    See `available_through` of the pages.

    Raises InvalidQuery; JobFailed, JobExpired or another error of the results (the second time); JobCancelled;
    JobTooSlow; SubmissionLost; UnexpectedAnswer where the details query knows conversations that the job lacks (`gaps`;
    not of users); or any other GenesysCloudError.
    """
    query.validate(cloud.now())
    checked_page_size(page_size)
    book.forget_older_than(cloud.now() - NOTES_KEPT)
    tries = _Tries(cloud, query, book, cloud.now() + deadline, page_size, on_progress)
    try:
        return tries.read(take)
    except GenesysCloudError as error:
        if not tries.may_be_repeated:
            raise
        reason = f"The details job of {query.interval} is submitted once more and read from page 1: {error}"
    _log.warning(reason)
    if on_restart is not None:
        on_restart(reason)
    return tries.read(take)


@dataclass(frozen=True, slots=True)
class _Job:
    """A job of the query. It `is_left_over` if an earlier try had submitted it."""

    id: str
    submitted_at: datetime
    is_left_over: bool = False


class _Tries:
    """One query: at most two jobs are read, at most one submission is repeated blindly. `may_be_repeated` says whether
    another job may bring what the last one did not.
    """

    def __init__(
        self,
        cloud: GenesysCloud,
        query: Query,
        book: JobBook,
        give_up_at: datetime,
        page_size: int,
        on_progress: OnProgress | None,
    ) -> None:
        self._cloud = cloud
        self._query = query
        self._kind = kind_of(query)
        self._book = book
        self._give_up_at = give_up_at
        self._page_size = page_size
        self._on_progress = on_progress
        self._repeated_blindly = False
        self._failure: GenesysCloudError | None = None
        self.may_be_repeated = False

    def read(self, take: Callable[[Iterator[JobPage]], T]) -> T:
        """The result of `take`, given the pages of one job."""
        self.may_be_repeated = False
        job = self._wait_for(self._take_up() or self._submit())
        result = self._give(job, take)
        self._discard(job.id)
        return result

    # -- before: a job to read ----------------------------------------------------------------------------------------

    def _take_up(self) -> _Job | None:
        """The job in the book, if it is still good. Otherwise its note is removed."""
        looked_at = self._cloud.now()
        recorded = self._book.find(self._query.fingerprint)
        while recorded is not None and recorded.job_id is None:
            until = min(recorded.submitted_at, looked_at) + GRACE
            patience = (until - self._cloud.now()).total_seconds()
            if patience <= 0:
                self._repeat_blindly(recorded)
                return None
            self._cloud.sleep(min(patience, _LOOK_AGAIN))
            recorded = self._book.find(self._query.fingerprint)
        if recorded is None or recorded.job_id is None:
            return None
        if self._is_good(recorded, recorded.job_id):
            _log.info("The details job %s of %s is taken up again.", recorded.job_id, self._query.interval)
            return _Job(recorded.job_id, recorded.submitted_at, is_left_over=True)
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
            found = status(self._cloud, job_id, self._kind)
        except GenesysCloudError as error:
            if _is_about_the_job(error) and not _is_passing(error):
                return False
            raise
        expired = found.expires_at is not None and found.expires_at <= now
        return found.state in ("QUEUED", "PENDING", "FULFILLED") and not expired

    def _submit(self) -> _Job:
        fingerprint, submitted_at = self._query.fingerprint, self._cloud.now()
        self._book.record(RecordedJob(fingerprint, None, submitted_at))
        try:
            job_id = submit(self._cloud, self._query)
        except GenesysCloudError as error:
            if not may_have_happened(error):
                self._forget(None)
                raise
            if self._repeated_blindly:
                raise self._lost(error) from error
            _log.warning("The answer to the details job of %s was lost: %s", self._query.interval, error)
            return self._take_up() or self._submit()
        self._book.record(RecordedJob(fingerprint, job_id, submitted_at))
        _log.info("The details job %s of %s is submitted.", job_id, self._query.interval)
        return _Job(job_id, submitted_at)

    def _lost(self, error: GenesysCloudError) -> SubmissionLost:
        return SubmissionLost(
            f"The details job of {self._query.interval} was submitted twice, and both answers were lost"
            f" ({error}). Perhaps there are jobs that nobody reads; they expire by themselves. Try again when the"
            " platform answers reliably."
        )

    # -- the job's life -----------------------------------------------------------------------------------------------

    def _wait_for(self, job: _Job) -> _Job:
        """The job when it is FULFILLED, with the instant of its submission as the platform says it."""
        try:
            done = self._fulfilled(job.id)
        except (JobFailed, JobExpired, JobCancelled) as error:
            self._give_up(job, error)
            raise
        return replace(job, submitted_at=done.submitted_at or job.submitted_at)

    def _fulfilled(self, job_id: str) -> JobStatus:
        wait = FIRST_WAIT
        state: str | None = None
        while (left := (self._give_up_at - self._cloud.now()).total_seconds()) > 0:
            self._cloud.sleep(min(wait, left))
            wait = min(2 * wait, LONGEST_WAIT)
            now = self._status(job_id)
            if now.state == "FULFILLED":
                return now
            if now.state != state:
                _log.info("The details job %s of %s is %s.", job_id, self._query.interval, now.state)
            state = now.state
        raise self._too_slow(job_id, state)

    def _status(self, job_id: str) -> JobStatus:
        """FULFILLED, or another that may become it. Raises JobFailed, JobExpired or JobCancelled otherwise."""
        try:
            found = status(self._cloud, job_id, self._kind)
        except GenesysCloudError as error:
            if is_gone(error):
                raise self._expired(job_id, error) from error
            raise
        if found.state in _ENDS:
            raise self._ended(job_id, found)
        return found

    def _give(self, job: _Job, take: Callable[[Iterator[JobPage]], T]) -> T:
        self._failure = None
        try:
            with closing(self._pages(job)) as pages:
                result = take(self._without_gaps(pages))
            if self._failure is not None:
                raise self._failure
        except GenesysCloudError as error:
            if _is_about_the_job(error):
                self._give_up(job, error)
            raise
        return result

    def _without_gaps(self, pages: Iterator[JobPage]) -> Iterator[JobPage]:
        """Users have no order by which a missing one would show, so only conversations are compared."""
        if self._kind is not CONVERSATIONS:
            return pages
        return without_gaps(self._cloud, self._query.interval, pages)

    def _pages(self, job: _Job) -> Generator[JobPage]:
        """The job's pages. The error that ends them is remembered, because `take` may have hidden it."""
        try:
            rows = 0
            for page in self._results(job.id):
                rows += page.rows
                if self._on_progress is not None:
                    self._on_progress(page.number, None, rows)
                yield replace(page, as_of=min(job.submitted_at, page.available_through or job.submitted_at))
        except GenesysCloudError as error:
            self._failure = error
            raise

    def _results(self, job_id: str) -> Iterator[JobPage]:
        on_page = 0
        try:
            for page in results(self._cloud, job_id, self._kind, page_size=self._page_size):
                on_page = page.rows
                yield page
        except GenesysCloudError as error:
            if is_gone(error):
                raise self._expired(job_id, error) from error
            if isinstance(error, BadRequest):
                # A cursor may be refused because its job has expired, even if the refusal says something else.
                self._status(job_id)
            raise
        if not on_page:
            # The end looks like this, and so might results that have just expired.
            self._status(job_id)

    # -- after --------------------------------------------------------------------------------------------------------

    def _give_up(self, job: _Job, error: GenesysCloudError) -> None:
        """A job that failed while it was read has no further use. Another one may succeed at once if the results failed
        and not the caller's `take`, or if the job was left over by an earlier try.
        """
        of_results = isinstance(error, JobError) or (error is self._failure and not _is_passing(error))
        self.may_be_repeated = (job.is_left_over or of_results) and not isinstance(error, JobCancelled)
        self._discard(job.id)

    def _discard(self, job_id: str) -> None:
        """Deletes a job without further use. One that cannot be deleted expires by itself."""
        try:
            delete(self._cloud, job_id, self._kind)
        except GenesysCloudError as error:
            _log.warning("The details job %s stays until it expires, since it cannot be deleted: %s", job_id, error)
        self._forget(job_id)

    def _forget(self, job_id: str | None) -> None:
        """Removes the note of that job, or that of the submission without one; another process's note stays."""
        noted = self._book.find(self._query.fingerprint)
        if noted is not None and noted.job_id == job_id:
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
            f"The details job {job_id} of {self._query.interval} was still {state or 'on its way'} at the deadline,"
            f" {iso(self._give_up_at)}. It keeps running. Retry the partition: within"
            f" {REUSABLE // timedelta(hours=1)} hours the retry resumes this job. If it"
            " happens often, give Genesys support the job id.",
            job_id=job_id,
            state=state,
        )


def _is_about_the_job(error: GenesysCloudError) -> bool:
    """Whether the platform answered about the job; otherwise it could not be asked, or the client was closed."""
    unanswered = type(error) is GenesysCloudError and error.status is None
    return not unanswered and not isinstance(error, _NOTHING_ABOUT_A_JOB)


def _is_passing(error: GenesysCloudError) -> bool:
    """Whether it is a gateway's trouble, which passes, though perhaps not at once. A 500 may be the job's own."""
    return isinstance(error, ServerTrouble) and error.status != 500


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

"""Conversations, or agents' status, by a details job: submitted once, waited for, read page by page, deleted.

This module manages a job from submission to deletion, even if it fails, cannot be read to its end, or may exist under
an unknown id. `endpoints` sends the single requests, `book` keeps notes that outlive the process, and `gaps` checks
empty pages. Fresh data is read by `details`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from genesys_assets.cloud.analytics.interval import iso
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
    "JobPage",
    "availability",
    "read",
]

DEADLINE = timedelta(hours=1)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
# The age up to which a job is still read. A job shows conversations as of its submission at the latest (`as_of` of its
# pages), so an older job is too stale.
REUSABLE = timedelta(hours=6)
# Older notes are dropped. The extra hour allows for differing clocks of two processes.
NOTE_LIFETIME = REUSABLE + timedelta(hours=1)
# Up to this age, a note without a job id may be that of another process, which still waits for the answer to its
# submission: it renews the note before each try, and a try takes no longer. After that the answer counts as lost. The
# job cannot be looked up, because no endpoint lists jobs.
GRACE = timedelta(minutes=2)
# A note that is younger than this need not be renewed. With it the longest exchange still ends within `GRACE`.
_RENEWED_AFTER = timedelta(seconds=15)
_POLL_NOTE_SECONDS = 5.0
# These errors say nothing about a job. It can be read once the platform answers again.
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
    """Runs a details job, passes its pages to `take` and returns what `take` returns.

    The pages are numbered from 1. There is at least one, and any page may be empty. Their `as_of` is the job's
    submission, or the instant up to which the job had all data, if that is earlier: jobs lag. `take` need not read all
    pages: when it returns, the job is deleted.

    If the results of a job cannot be read to their end, `take` is called once more, with the pages of another job. So
    each call of `take` must start afresh and drop what an earlier call gathered. `on_restart(reason)` is called in
    between.

    A job that an earlier try left in `book` is read from page 1 if it was submitted within the last six hours. A job is
    deleted or left as follows:

    - `take` returned, the results failed, or `take` raised a GenesysCloudError: it is deleted and its note removed.
    - The job was not done within `deadline`, the platform could not be asked, `take` raised another exception, or the
      process was killed: it stays for the next try.

    `on_progress(pages done, None, conversations so far)` is called for each page.

    The interval should not end after `availability(…)`. Otherwise the job has only part of the data, and only
    `available_through` of its pages shows it.

    Raises InvalidQuery; JobFailed, JobExpired or another error of the results (the second time); JobCancelled;
    JobTooSlow; SubmissionLost; UnexpectedAnswer if the details query knows conversations that the job lacks (see
    `gaps`; jobs of users are not checked); or any other GenesysCloudError.
    """
    query.require_past(cloud.now())
    checked_page_size(page_size)
    book.forget_older_than(cloud.now() - NOTE_LIFETIME)
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
    """A job of the query. `is_left_over`: an earlier try submitted it."""

    id: str
    submitted_at: datetime
    is_left_over: bool = False


class _Tries:
    """The tries of one query: at most two jobs are read, and at most one submission is repeated without knowing whether
    the first one arrived. `may_be_repeated`: another job may succeed where the last one failed.
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
        job = self._wait_for(self._resume() or self._submit())
        result = self._read_pages(job, take)
        self._discard(job.id)
        return result

    # -- before: a job to read ----------------------------------------------------------------------------------------

    def _resume(self) -> _Job | None:
        """The job in the book, if it can still be read. Otherwise None, and its note is removed."""
        looked_at = self._cloud.now()
        recorded = self._book.find(self._query.fingerprint)
        while recorded is not None and recorded.job_id is None:
            until = min(recorded.submitted_at, looked_at) + GRACE
            patience = (until - self._cloud.now()).total_seconds()
            if patience <= 0:
                self._note_blind_repeat(recorded)
                return None
            self._cloud.sleep(min(patience, _POLL_NOTE_SECONDS))
            seen, recorded = recorded, self._book.find(self._query.fingerprint)
            if recorded != seen:
                looked_at = self._cloud.now()  # The other process is trying again.
        if recorded is None or recorded.job_id is None:
            return None
        if self._is_good(recorded, recorded.job_id):
            _log.info("The details job %s of %s is resumed.", recorded.job_id, self._query.interval)
            return _Job(recorded.job_id, recorded.submitted_at, is_left_over=True)
        self._discard(recorded.job_id)
        return None

    def _note_blind_repeat(self, recorded: RecordedJob) -> None:
        self._repeated_blindly = True
        _log.warning(
            "The answer to the details job of %s, submitted at %s, was lost. The job is submitted once more. If the"
            " first one exists, nobody reads it, and it expires by itself.",
            self._query.interval,
            iso(recorded.submitted_at),
        )

    def _is_good(self, recorded: RecordedJob, job_id: str) -> bool:
        now = self._cloud.now()
        if now - recorded.submitted_at > REUSABLE:
            return False
        try:
            job_status = status(self._cloud, job_id, self._kind)
        except GenesysCloudError as error:
            if _is_about_the_job(error) and not _is_temporary(error):
                return False
            raise
        expired = job_status.expires_at is not None and job_status.expires_at <= now
        return job_status.state in ("QUEUED", "PENDING", "FULFILLED") and not expired

    def _submit(self) -> _Job:
        note = RecordedJob(self._query.fingerprint, None, self._cloud.now())
        self._book.record(note)

        def renew() -> None:
            nonlocal note
            if self._cloud.now() - note.submitted_at >= _RENEWED_AFTER:
                note = replace(note, submitted_at=self._cloud.now())
                self._book.record(note)

        try:
            job_id = submit(self._cloud, self._query, renew)
        except GenesysCloudError as error:
            if not may_have_happened(error):
                self._forget(None)
                raise
            if self._repeated_blindly:
                raise self._lost(error) from error
            _log.warning("The answer to the details job of %s was lost: %s", self._query.interval, error)
            return self._resume() or self._submit()
        self._book.record(replace(note, job_id=job_id))
        _log.info("The details job %s of %s is submitted.", job_id, self._query.interval)
        return _Job(job_id, note.submitted_at)

    def _lost(self, error: GenesysCloudError) -> SubmissionLost:
        return SubmissionLost(
            f"The details job of {self._query.interval} was submitted twice, and both answers were lost"
            f" ({error}). Jobs may exist that nobody reads; they expire by themselves. Retry when the platform"
            " answers reliably."
        )

    # -- the job's life -----------------------------------------------------------------------------------------------

    def _wait_for(self, job: _Job) -> _Job:
        """Waits until the job is FULFILLED; returns it with the instant of its submission by the platform's clock."""
        try:
            done = self._fulfilled(job.id)
        except (JobFailed, JobExpired, JobCancelled) as error:
            self._give_up(job, error)
            raise
        return replace(job, submitted_at=done.submitted_at or job.submitted_at)

    def _fulfilled(self, job_id: str) -> JobStatus:
        wait = FIRST_WAIT
        state: str | None = None
        while (seconds_left := (self._give_up_at - self._cloud.now()).total_seconds()) > 0:
            self._cloud.sleep(min(wait, seconds_left))
            wait = min(2 * wait, LONGEST_WAIT)
            job_status = self._status(job_id)
            if job_status.state == "FULFILLED":
                return job_status
            if job_status.state != state:
                _log.info("The details job %s of %s is %s.", job_id, self._query.interval, job_status.state)
            state = job_status.state
        raise self._too_slow(job_id, state)

    def _status(self, job_id: str) -> JobStatus:
        """A status that is FULFILLED or may become so. Raises JobFailed, JobExpired or JobCancelled for any other."""
        try:
            job_status = status(self._cloud, job_id, self._kind)
        except GenesysCloudError as error:
            if is_gone(error):
                raise self._expired(job_id, error) from error
            raise
        if job_status.state in _ENDS:
            raise self._ended(job_id, job_status)
        return job_status

    def _read_pages(self, job: _Job, take: Callable[[Iterator[JobPage]], T]) -> T:
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
        """Only pages of conversations are checked: users have no order in which a gap would show."""
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
            # The last page may be empty, but results that have just expired might look the same.
            self._status(job_id)

    # -- after --------------------------------------------------------------------------------------------------------

    def _give_up(self, job: _Job, error: GenesysCloudError) -> None:
        """Deletes a job that failed while it was read. Another job may succeed at once if the results failed and not
        the caller's `take`, or if an earlier try had left this job.
        """
        of_results = isinstance(error, JobError) or (error is self._failure and not _is_temporary(error))
        self.may_be_repeated = (job.is_left_over or of_results) and not isinstance(error, JobCancelled)
        self._discard(job.id)

    def _discard(self, job_id: str) -> None:
        """Deletes a job that is no longer needed, and its note. One that cannot be deleted expires by itself."""
        try:
            delete(self._cloud, job_id, self._kind)
        except GenesysCloudError as error:
            _log.warning("The details job %s cannot be deleted and stays until it expires: %s", job_id, error)
        self._forget(job_id)

    def _forget(self, job_id: str | None) -> None:
        """Removes the note with this job id (None: without a job id). Another process's note stays."""
        noted = self._book.find(self._query.fingerprint)
        if noted is not None and noted.job_id == job_id:
            self._book.forget(self._query.fingerprint)

    # -- what went wrong ----------------------------------------------------------------------------------------------

    def _ended(self, job_id: str, job_status: JobStatus) -> JobError:
        kind, happened, advice = _ENDS[job_status.state]
        reason = job_status.error_message or "no reason given"
        return kind(
            f"The details job {job_id} of {self._query.interval} {happened} ({reason}). {advice}",
            job_id=job_id,
            state=job_status.state,
        )

    def _expired(self, job_id: str, error: GenesysCloudError) -> JobExpired:
        return JobExpired(
            f"The details job {job_id} of {self._query.interval} no longer exists ({error}). {_ENDS['EXPIRED'][2]}",
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
    """Whether the platform's answer concerns the job. Otherwise the platform could not be asked, or the client was
    closed.
    """
    unanswered = type(error) is GenesysCloudError and error.status is None
    return not unanswered and not isinstance(error, _NOTHING_ABOUT_A_JOB)


def _is_temporary(error: GenesysCloudError) -> bool:
    """Whether a gateway failed, which is temporary. A 500 may be caused by the job itself."""
    return isinstance(error, ServerTrouble) and error.status != 500


_ENDS: dict[str, tuple[type[JobError], str, str]] = {
    "FAILED": (
        JobFailed,
        "failed",
        "Retry later. If it fails again, ask for a shorter interval or give Genesys support the job id.",
    ),
    "EXPIRED": (JobExpired, "expired", "Read the pages without long breaks, or read larger pages."),
    "CANCELLED": (
        JobCancelled,
        "was cancelled",
        "A person or another process cancelled it. Make sure that only one process reads this interval, then retry.",
    ),
}

"""Notes on submitted jobs, so that none is submitted twice after a crash or a lost answer.

`lake.job_book` keeps the notes across processes; `jobs.run` decides when one is written and read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """One submission. `submitted_at` is the instant just before it was sent; `job_id` is None until the answer
    arrives.
    """

    fingerprint: str
    job_id: str | None
    submitted_at: datetime


class JobBook(Protocol):
    """Keeps at most one note for each fingerprint of a query. A note must outlive the process that recorded it.

    Several processes may use a book at the same time. A note that another process has just removed is no error.
    """

    def find(self, fingerprint: str) -> RecordedJob | None:
        """The note with this fingerprint; None if there is none."""
        ...

    def record(self, job: RecordedJob) -> None:
        """Keeps the note, and replaces any other with its fingerprint."""
        ...

    def forget(self, fingerprint: str) -> None:
        """Drops the note, if there is one."""
        ...

    def forget_older_than(self, instant: datetime) -> None:
        """Drops every note whose job was submitted before the instant. A note that another process replaces
        meanwhile should stay; if it is lost, its job is only not resumed.
        """
        ...

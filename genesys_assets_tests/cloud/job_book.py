"""A job book in memory, which lasts as long as the process."""

from __future__ import annotations

import threading
from datetime import datetime

from genesys_assets.cloud.jobs.book import RecordedJob


class JobBookInMemory:
    """Keeps the notes in memory."""

    def __init__(self) -> None:
        self._jobs: dict[str, RecordedJob] = {}
        self._lock = threading.Lock()

    def find(self, fingerprint: str) -> RecordedJob | None:
        with self._lock:
            return self._jobs.get(fingerprint)

    def record(self, job: RecordedJob) -> None:
        with self._lock:
            self._jobs[job.fingerprint] = job

    def forget(self, fingerprint: str) -> None:
        with self._lock:
            self._jobs.pop(fingerprint, None)

    def forget_older_than(self, instant: datetime) -> None:
        with self._lock:
            self._jobs = {name: job for name, job in self._jobs.items() if job.submitted_at >= instant}

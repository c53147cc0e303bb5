"""Which details jobs this project has submitted. The lake stores them, so that the next process can resume them."""

from __future__ import annotations

import json
import re
from datetime import datetime

from genesys_assets.cloud.jobs.book import RecordedJob
from genesys_assets.lake.store import Store

_PLACE = re.compile(r"jobs/([0-9a-f]{64})\.json")


class LakeJobBook:
    """One small file per submission, `jobs/<fingerprint>.json`. It is removed with the job, or when it is too old.

    A file that cannot be parsed counts as no submission.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, fingerprint: str) -> RecordedJob | None:
        content = self._store.get(_place(fingerprint))
        try:
            fields = json.loads(content or b"")
            return RecordedJob(fingerprint, fields["job_id"], datetime.fromisoformat(fields["submitted_at"]))
        except (ValueError, KeyError, TypeError):
            return None

    def record(self, job: RecordedJob) -> None:
        fields = {"job_id": job.job_id, "submitted_at": job.submitted_at.isoformat()}
        self._store.put(_place(job.fingerprint), json.dumps(fields).encode())

    def forget(self, fingerprint: str) -> None:
        self._store.delete(_place(fingerprint))

    def forget_older_than(self, instant: datetime) -> None:
        """Remove the files of jobs that were submitted before an instant.

        Each file is read right before it is removed. If another process replaces it in between, and is then killed, its
        job is not resumed; nothing else is lost.
        """
        for place in map(_PLACE.fullmatch, self._store.keys("jobs")):
            job = self.find(place[1]) if place else None
            if job is not None and job.submitted_at < instant:
                self.forget(job.fingerprint)


def _place(fingerprint: str) -> str:
    return f"jobs/{fingerprint}.json"

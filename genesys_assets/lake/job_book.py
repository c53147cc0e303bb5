"""Which details jobs this project has submitted: kept in the lake, so that the next process takes them up again."""

from __future__ import annotations

import json
import re
from datetime import datetime

from genesys_assets.cloud.jobs.book import RecordedJob
from genesys_assets.lake.store import Store

_PLACE = re.compile(r"jobs/([0-9a-f]{64})\.json")


class LakeJobBook:
    """One small file a submission, `jobs/<fingerprint>.json`; gone when the job is, or when it is too old.

    A file that cannot be read as a note counts as none.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, fingerprint: str) -> RecordedJob | None:
        note = self._store.get(_place(fingerprint))
        try:
            noted = json.loads(note or b"")
            return RecordedJob(fingerprint, noted["job_id"], datetime.fromisoformat(noted["submitted_at"]))
        except (ValueError, KeyError, TypeError):
            return None

    def record(self, job: RecordedJob) -> None:
        noted = {"job_id": job.job_id, "submitted_at": job.submitted_at.isoformat()}
        self._store.put(_place(job.fingerprint), json.dumps(noted).encode())

    def forget(self, fingerprint: str) -> None:
        self._store.delete(_place(fingerprint))

    def forget_older_than(self, instant: datetime) -> None:
        """Each note is read right before it is removed. Should another process replace it between the two, that
        process's job is not taken up again if it is killed; nothing else is lost.
        """
        for place in map(_PLACE.fullmatch, self._store.keys("jobs")):
            noted = self.find(place[1]) if place else None
            if noted is not None and noted.submitted_at < instant:
                self.forget(noted.fingerprint)


def _place(fingerprint: str) -> str:
    return f"jobs/{fingerprint}.json"

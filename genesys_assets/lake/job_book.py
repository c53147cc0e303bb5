"""Which details jobs this project has submitted: kept in the lake, so that the next process takes them up again."""

from __future__ import annotations

import json
from datetime import datetime

from genesys_assets.cloud.job_book import RecordedJob
from genesys_assets.lake.store import Store


class LakeJobBook:
    """One small file a submission, `jobs/<fingerprint>.json`; gone when the job is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, fingerprint: str) -> RecordedJob | None:
        note = self._store.get(_place(fingerprint))
        if note is None:
            return None
        noted = json.loads(note)
        return RecordedJob(fingerprint, noted["job_id"], datetime.fromisoformat(noted["submitted_at"]))

    def record(self, job: RecordedJob) -> None:
        noted = {"job_id": job.job_id, "submitted_at": job.submitted_at.isoformat()}
        self._store.put(_place(job.fingerprint), json.dumps(noted).encode())

    def forget(self, fingerprint: str) -> None:
        self._store.delete(_place(fingerprint))


def _place(fingerprint: str) -> str:
    return f"jobs/{fingerprint}.json"

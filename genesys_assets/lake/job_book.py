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
        place = _place(fingerprint)
        if not self._store.exists(place):
            return None
        with self._store.filesystem.open_input_file(self._store.path(place)) as file:
            noted = json.loads(file.read())
        return RecordedJob(fingerprint, noted["job_id"], datetime.fromisoformat(noted["submitted_at"]))

    def record(self, job: RecordedJob) -> None:
        noted = {"job_id": job.job_id, "submitted_at": job.submitted_at.isoformat()}
        with self._store.scratch() as folder:
            path = folder / "job.json"
            path.write_text(json.dumps(noted))
            self._store.put(path, _place(job.fingerprint))

    def forget(self, fingerprint: str) -> None:
        self._store.delete(_place(fingerprint))


def _place(fingerprint: str) -> str:
    return f"jobs/{fingerprint}.json"

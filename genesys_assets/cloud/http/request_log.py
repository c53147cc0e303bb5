"""What each request cost: when it was sent, what for, how it ended, how long it took, what was left of the rate limit.

No bodies, no queries, no ids are recorded: ids in a path are replaced by `{id}`. `lake.request_log` stores the records.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from genesys_assets.cloud.http.parsing import whole_number

MOST_KEPT = 100_000
"""Records in memory. If nothing takes them, as on a command line, the oldest are dropped."""
_WORD = re.compile(r"[A-Za-z][A-Za-z._-]{0,39}|v\d+")


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request that was sent. A retry has a record of its own, with a larger `attempt`. `status` is None if no
    answer arrived; `size`, the bytes of the unpacked body, is None if it was not read whole. `waited_ms` is how long
    the rate limit held the request back. `allowed` and `left`, from the answer's headers, are the requests that the
    platform allows per minute and how many of them were left. `asset` and `partition` say what the request was sent
    for.
    """

    id: str
    time: datetime
    method: str
    path: str
    attempt: int
    status: int | None
    size: int | None
    duration_ms: int
    waited_ms: int
    allowed: int | None
    left: int | None
    asset: str | None
    partition: str | None


class RequestLog:
    """The records of one client's requests, until they are taken. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: deque[SentRequest] = deque(maxlen=MOST_KEPT)
        self._client = uuid.uuid4().hex[:12]
        self._count = 0
        self._purpose: tuple[str | None, str | None] = (None, None)

    @contextmanager
    def purpose(self, asset: str | None, partition: str | None) -> Iterator[None]:
        """Requests sent in this context, on any thread, belong to a partition of an asset."""
        before, self._purpose = self._purpose, (asset, partition)
        try:
            yield
        finally:
            self._purpose = before

    def note(
        self,
        time: datetime,
        method: str,
        path: str,
        *,
        attempt: int,
        status: int | None,
        size: int | None,
        seconds: float,
        waited: float,
        headers: Mapping[str, str],
    ) -> None:
        """Records one request; `path` is the real one, with ids."""
        count, allowed = (whole_number(headers.get(f"inin-ratelimit-{name}")) for name in ("count", "allowed"))
        left = None if count is None or allowed is None else max(0, allowed - count)
        asset, partition = self._purpose
        with self._lock:
            self._count += 1
            self._sent.append(
                SentRequest(
                    f"{self._client}-{self._count}",
                    time,
                    method,
                    template(path),
                    attempt,
                    status,
                    size,
                    round(seconds * 1000),
                    round(waited * 1000),
                    allowed,
                    left,
                    asset,
                    partition,
                )
            )

    def take(self) -> list[SentRequest]:
        """The records since the last call, oldest first."""
        with self._lock:
            records = list(self._sent)
            self._sent.clear()
            return records


def template(path: str) -> str:
    """A path with `{id}` in place of every part that is not a word of the API.

    >>> template("/api/v2/analytics/conversations/details/jobs/3c1a5f0e-0d0e-4b0a-9d0e-3f0a5c1e0d0e/results")
    '/api/v2/analytics/conversations/details/jobs/{id}/results'
    """
    parts = path.split("?")[0].split("/")
    return "/".join(part if not part or _WORD.fullmatch(part) else "{id}" for part in parts)

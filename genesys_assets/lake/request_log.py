"""Appends the requests of a run to `tables/api_requests`, once a minute and when the client is done.

Storing requests never fails the client, and never slows its requests: it happens on its own thread, with its own lake,
and an error only causes a warning. Only the last time, when the client is done, the caller waits for it. A run that is
killed loses the requests of its last minute. Each time adds a small file to a day; housekeeping joins them once the day
is over.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from types import TracebackType
from typing import Self

from genesys_assets.cloud.http.request_log import RequestLog, SentRequest
from genesys_assets.lake.lake import Lake, Provenance
from genesys_assets.tables.api_requests import API_REQUESTS, api_requests

PLACE = f"tables/{API_REQUESTS.name}"
EVERY_SECONDS = 60.0
_log = logging.getLogger(__name__)


class RequestRecorder:
    """Stores the requests that a client sends within a `with` statement."""

    def __init__(self, lake: Lake, requests: RequestLog, origin: Provenance) -> None:
        self._lake = lake.with_second_logs()
        self._requests = requests
        self._origin = origin
        self._left: list[SentRequest] = []
        self._tried: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._store_regularly, name="api-requests", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        problem = self.store()
        if problem is not None:
            _log.warning("%d requests are missing in %s: %s", len(self._left), PLACE, problem)

    def store(self) -> Exception | None:
        """Store the requests until now; returns None. If that fails, keeps them for the next time and returns the
        error.
        """
        self._left += self._requests.take()
        by_day: dict[str, list[SentRequest]] = defaultdict(list)
        for each in self._left:
            by_day[f"{each.time:%Y-%m-%d}"].append(each)
        for of_day in by_day.values():
            stored = {each.id for each in of_day}
            try:
                self._append(of_day)
            except Exception as problem:
                # Any error: figures about requests are no reason to lose the fetched data.
                self._tried |= stored
                return problem
            self._left = [each for each in self._left if each.id not in stored]
        return None

    def _append(self, sent: list[SentRequest]) -> None:
        lake, at = self._lake.refreshed(), sent[0].time
        if any(each.id in self._tried for each in sent):
            # An earlier try may have failed after its commit: leave out what is stored already.
            stored = lake.read(PLACE, f"{at:%Y-%m-%d}", columns=["request_id"], schema=API_REQUESTS.schema)
            known = {*stored["request_id"].to_pylist()}
            sent = [each for each in sent if each.id not in known]
        if sent:
            rows = api_requests(sent, self._origin.get("run_id"))
            lake.append(PLACE, API_REQUESTS, rows, at, self._origin)

    def _store_regularly(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.store()

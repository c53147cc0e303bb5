"""Where the requests of a run are kept: appended to `tables/api_requests`, once a minute and when the asking ends.

Storing them never slows or fails what asks: it is done on a thread of its own, with a lake of its own, and what goes
wrong is a warning. A run that is killed loses what it asked in its last minute. Each time adds a small file to a day;
housekeeping makes one of them once the day is over.
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
    """Stores what a client asks within a `with` statement."""

    def __init__(self, lake: Lake, requests: RequestLog, origin: Provenance) -> None:
        self._lake = Lake(lake.store, protection=lake.protection)
        self._requests = requests
        self._origin = origin
        self._left: list[SentRequest] = []
        self._tried: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="api-requests", daemon=True)

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
        """Store the requests until now. What cannot be stored is kept for the next time, with the reason returned."""
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
            # What failed may have done so after it was committed.
            there = lake.read(PLACE, f"{at:%Y-%m-%d}", columns=["request_id"], schema=API_REQUESTS.schema)
            known = {*there["request_id"].to_pylist()}
            sent = [each for each in sent if each.id not in known]
        if sent:
            rows = api_requests(sent, self._origin.get("run_id"))
            lake.append(PLACE, API_REQUESTS, rows, at, self._origin)

    def _go_on(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.store()

"""The platform's count of a client's requests, by day, method and path, and the queries for it."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from random import Random
from typing import Any

from genesys_assets.sandbox import refusals, validation
from genesys_assets.sandbox.directory import uuid
from genesys_assets.sandbox.times import DAY, iso

Item = dict[str, Any]

MOST_PER_PAGE = 1000


class Usage:
    """All requests of the one client, and the queries about them. The first poll of a query answers that it is
    running.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self._queries: dict[str, tuple[str, str]] = {}
        self._looked_at: set[str] = set()

    def count(self, method: str, template: str, status: int | None, now: int) -> None:
        if not template.startswith("/api/v2/") or status is None:
            return
        with self._lock:
            of_path = self._counts[iso(now)[:10], method, template]
            of_path["requestCount"] += 1
            of_path["status429" if status == 429 else f"status{status // 100}00"] += 1

    def submit(self, client_id: str, body: Any, now: int) -> Item:
        interval = body.get("interval") if isinstance(body, dict) else None
        first, _, last = str(interval).partition("/")
        if len(first) < len("2026-01-31") or len(last) < len("2026-01-31"):
            raise refusals.bad_request("interval is required")
        if first[:10] > iso(now + DAY)[:10]:
            raise refusals.bad_request("interval must not begin in the future")
        with self._lock:
            id_ = uuid(Random(f"usage {len(self._queries)}"))
            self._queries[id_] = (first[:10], last[:10])
        path = f"/api/v2/usage/client/{client_id}/aggregates/query/jobs/{id_}"
        return {"id": id_, "resultsUri": path, "selfUri": path}

    def result(self, client_id: str, id_: str, parameters: dict[str, str]) -> Item:
        with self._lock:
            if id_ not in self._queries:
                raise refusals.of_status(404)
            first, last = self._queries[id_]
            if id_ not in self._looked_at:
                self._looked_at.add(id_)
                return {"queryStatus": "Running", "entities": []}
            listed = [
                {"date": day, "platform": "other", "httpMethod": method, "templateUri": path, **of_path}
                for (day, method, path), of_path in sorted(self._counts.items())
                if first <= day <= last
            ]
        size = validation.number_parameter(parameters, "pageSize", 100, MOST_PER_PAGE)
        begin = int(parameters.get("after", "0"))
        answer: Item = {"queryStatus": "Succeeded", "entities": listed[begin : begin + size]}
        if begin + size < len(listed):
            path = f"/api/v2/usage/client/{client_id}/aggregates/query/jobs/{id_}"
            answer["nextUri"] = f"{path}?pageSize={size}&after={begin + size}"
        return answer

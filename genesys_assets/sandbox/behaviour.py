"""How the sandbox misbehaves: latency, short-lived tokens, missing permissions and scripted faults.

Here belong the knobs only; `application` turns them into answers.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True, eq=False)
class Fault:
    """Answers that go wrong `times` times: with an error, or with status 200, which may come truncated.

    Status 200 without a body stands for the true answer.
    """

    status: int
    times: int = 1
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    truncated: bool = False

    def concerns(self, path: str) -> bool:
        return self.path is None or self.path in path


@dataclass(slots=True)
class Behaviour:
    """The knobs; all of them may be turned while the sandbox runs."""

    latency_ms: int = 0
    token_lifetime_seconds: int = 86_400
    missing_permissions: set[str] = field(default_factory=set)
    retry_after_header: bool = True
    unknown_fields: bool = False
    answers_without_conversations: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def fail_next(
        self,
        status: int,
        *,
        times: int = 1,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        truncated: bool = False,
    ) -> None:
        """Let the next `times` requests whose path contains `path` be answered with `status`.

        `body` may be bytes, text or JSON-able; None gives what the platform says with that status.
        `truncated` cuts the answer in half although Content-Length promises all of it.
        """
        with self._lock:
            self.faults.append(Fault(status, times, path, dict(headers or {}), body, truncated))

    def reset(self) -> None:
        """Back to good behaviour."""
        fresh = Behaviour()
        with self._lock:
            for knob in fields(self):
                if knob.name != "_lock":
                    setattr(self, knob.name, getattr(fresh, knob.name))

    def fault_for(self, path: str) -> Fault | None:
        """Takes one use from the first fault that concerns this path."""
        with self._lock:
            for fault in self.faults:
                if fault.concerns(path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def withholds_conversations(self) -> bool:
        """Whether this one details answer must lack its `conversations` key."""
        with self._lock:
            if self.answers_without_conversations <= 0:
                return False
            self.answers_without_conversations -= 1
            return True

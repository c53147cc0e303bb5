"""How much of the API a client has used so far: the figures that a run shows."""

from __future__ import annotations

import threading


class Usage:
    """Counters shared by threads. Take a `snapshot()` before a piece of work and subtract it afterwards.

    `requests` are requests sent to the API (logins apart), `retries` those that repeated one, `rate_limited`
    the answers 429, `waited_seconds` the time threads spent waiting for the rate limit, summed over threads.
    """

    def __init__(
        self, *, requests: int = 0, retries: int = 0, rate_limited: int = 0, waited_seconds: float = 0.0
    ) -> None:
        self.requests = requests
        self.retries = retries
        self.rate_limited = rate_limited
        self.waited_seconds = waited_seconds
        self._lock = threading.Lock()

    def add(self, *, requests: int = 0, retries: int = 0, rate_limited: int = 0, waited_seconds: float = 0.0) -> None:
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.rate_limited += rate_limited
            self.waited_seconds += waited_seconds

    def snapshot(self) -> Usage:
        """A copy of the current figures."""
        with self._lock:
            return Usage(
                requests=self.requests,
                retries=self.retries,
                rate_limited=self.rate_limited,
                waited_seconds=self.waited_seconds,
            )

    def __sub__(self, earlier: Usage) -> Usage:
        now = self.snapshot()
        return Usage(
            requests=now.requests - earlier.requests,
            retries=now.retries - earlier.retries,
            rate_limited=now.rate_limited - earlier.rate_limited,
            waited_seconds=now.waited_seconds - earlier.waited_seconds,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Usage) and self._figures() == other._figures()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Usage({', '.join(f'{name}={value}' for name, value in self._figures().items())})"

    def _figures(self) -> dict[str, int | float]:
        return {
            "requests": self.requests,
            "retries": self.retries,
            "rate_limited": self.rate_limited,
            "waited_seconds": self.waited_seconds,
        }

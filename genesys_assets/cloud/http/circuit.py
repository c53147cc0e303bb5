"""A circuit breaker: stops requests to a platform that has been unavailable for minutes, so that no run occupies a slot
in vain.

A circuit only counts. `transport` notes each status, and `retry` decides how often a single request is repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from genesys_assets.cloud.errors import CircuitOpen

PATIENCE_SECONDS = 300.0
COOLING_SECONDS = 120.0
_UNAVAILABLE = 503


class Circuit:
    """Opens after `patience` seconds in which every answer was a 503. An open circuit refuses calls for `cooling`
    seconds, then lets one through as a probe.

    Any answer but a 503 closes it again, even a broken one. The threads of a client share one circuit.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        patience: float = PATIENCE_SECONDS,
        cooling: float = COOLING_SECONDS,
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._cooling = cooling
        self._lock = threading.Lock()
        self._unavailable_since: float | None = None
        self._refuses_until: float | None = None
        self._probing = False

    def admit(self) -> None:
        """Returns if a request may go out. Raises CircuitOpen otherwise. Call `note` or `release` exactly once for each
        request that `admit` let through.
        """
        with self._lock:
            if self._refuses_until is None:
                return
            retry_in = self._refuses_until - self._clock()
            if retry_in > 0 or self._probing:
                raise _circuit_open(max(retry_in, 1.0))
            self._probing = True

    def note(self, status: int | None) -> None:
        """Notes the status of an admitted request, or None if no answer arrived.

        Raises CircuitOpen if the circuit opens, or stays open because the probe failed.
        """
        with self._lock:
            now = self._clock()
            probing, self._probing = self._probing, False
            if status is None and not probing:
                return
            if status not in (None, _UNAVAILABLE):
                self._unavailable_since = self._refuses_until = None
                return
            if self._unavailable_since is None:
                self._unavailable_since = now
            if probing or now - self._unavailable_since >= self._patience:
                self._refuses_until = now + self._cooling
                raise _circuit_open(self._cooling)

    def release(self) -> None:
        """Ends an admitted request that says nothing about the platform, because it was never sent or was interrupted.
        If it was the probe, the next request is.
        """
        with self._lock:
            self._probing = False

    def patience_left(self) -> float:
        """Seconds of 503 that are still tolerated before the circuit opens."""
        with self._lock:
            if self._unavailable_since is None:
                return self._patience
            return max(0.0, self._unavailable_since + self._patience - self._clock())


def _circuit_open(retry_in: float) -> CircuitOpen:
    error = CircuitOpen(
        f"Genesys Cloud has been unavailable for minutes. No request is sent for {retry_in:.0f} s;"
        " then one tests whether it is back.",
        status=_UNAVAILABLE,
    )
    error.retry_in = retry_in
    return error

"""How long a test waits for an event at most. A quick machine never waits this long.

The limit ends tests that will never pass. No test measures how long something takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 300.0
Seen = TypeVar("Seen")


def wait_for(look: Callable[[], Seen | None], patience: float = PATIENCE_SECONDS, *, pause: float = 0.05) -> Seen:
    """Call `look` until it returns something, and return that. Fails after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing was seen within {patience:.0f} s"
        time.sleep(pause)
    return seen

"""How long a test waits for what must come. It waits for an event, so a quick machine never waits this long.

The limit is there so that a test that will never pass ends. No test measures how long something took.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 300.0
Seen = TypeVar("Seen")


def wait_for(look: Callable[[], Seen | None], patience: float = PATIENCE_SECONDS, *, pause: float = 0.05) -> Seen:
    """Look again and again until `look` returns something, and return that. Fails after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing was seen within {patience:.0f} s"
        time.sleep(pause)
    return seen

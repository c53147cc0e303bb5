"""Ports of this machine for tests: one on which nothing listens, and one for a server that cannot choose its own."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

# Below the range from which Linux assigns ports to connections, and to servers that let it choose.
_CHOICE = range(20_000, 32_000)


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses every connection within the block: it is bound, but nothing listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def free_port() -> int:
    """A port that is free now, and that Linux does not assign to other programs by itself."""
    return next(port for port in random.sample(_CHOICE, 100) if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

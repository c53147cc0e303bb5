"""Ports of this machine for tests: one at which nobody listens, and one for a server that cannot choose its own."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

# Below the range from which Linux takes the ports of connections, and of servers that leave the choice to it.
_CHOICE = range(20_000, 32_000)


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses every connection within the block: it is taken, but nobody listens at it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def free_port() -> int:
    """A port that nobody uses now, and that only somebody who asks for this very one can take."""
    return next(port for port in random.sample(_CHOICE, 100) if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

"""A host on loopback that sends the bytes of the test, and another that must never receive a request."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from genesys_assets_tests.patience import PATIENCE_SECONDS

TOKEN = "the-token-that-nobody-else-may-have-0123456789"
SECRET = "the-secret-that-nobody-may-show+/=&é"


@dataclass(frozen=True)
class RequestHead:
    """The head of a request."""

    method: str
    path: str
    query: str
    head: str
    number: int
    """How often this path was asked before, from 0."""

    elsewhere: str
    """Host and port that nobody may ever ask."""


Chunks = Iterable[bytes]
Reply = Callable[[RequestHead], Chunks]


def http(body: Any = b"", status: int | str = 200, *headers: str, length: int | str | None = -1) -> bytes:
    """An answer with its length, unless another or none is given."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(content) if length == -1 else length
    lines = [f"HTTP/1.1 {status} X" if isinstance(status, int) else status, "Connection: close", *headers]
    if size is not None:
        lines.append(f"Content-Length: {size}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + content


def granted(_: RequestHead) -> Chunks:
    yield http({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399})


class Host:
    """Answers each path by its reply, others with 404; every connection carries one request."""

    def __init__(self, elsewhere: str = "") -> None:
        self.asked: list[RequestHead] = []
        self.elsewhere = elsewhere
        self.replies: dict[str, Reply] = {}
        self.connections = 0
        self.over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads[0].start()

    def close(self) -> None:
        self.over.set()
        # This wakes the thread that waits for a connection.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The client may go away in the middle of an answer.
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE_SECONDS)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := connection.recv(65536)):
                    return
                head += piece
            text, _, body = head.decode("latin-1").partition("\r\n\r\n")
            lengths = [line.split(":")[1] for line in text.split("\r\n") if line.lower().startswith("content-length")]
            while len(body) < int(lengths[0] if lengths else 0):
                body += connection.recv(65536).decode("latin-1")
            method, target, _ = text.split(" ", 2)
            path, _, query = target.partition("?")
            before = sum(asked.path == path for asked in self.asked)
            asked = RequestHead(method, path, query, text, before, self.elsewhere)
            self.asked.append(asked)
            for chunk in self.replies.get(path, _nothing)(asked):
                connection.sendall(chunk)


def _nothing(_: RequestHead) -> Chunks:
    yield http({"message": "The requested resource was not found.", "code": "not.found"}, 404)


@contextmanager
def hosts() -> Iterator[tuple[Host, Host]]:
    """A host that grants tokens, and one that must never receive a request."""
    elsewhere = Host()
    host = Host(elsewhere.address)
    host.replies["/oauth/token"] = granted
    host.replies["/api/v2/usage/client/the-client/aggregates/query/jobs"] = lambda _: [http({"id": "query-1"})]
    try:
        yield host, elsewhere
    finally:
        host.close()
        elsewhere.close()

"""A webhook on loopback, and one that is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

SECRET = "T0-B0-secret"
"""The part of its URL that nobody may be shown."""


class Hook:
    """A webhook: the messages that it received, and its answer."""

    def __init__(self, status: int = 200) -> None:
        self.posted: list[tuple[str, str | None, Any]] = []
        self.refused: set[str] = set()
        """Messages with one of these texts are refused."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
                is_refused = any(text in body.decode() for text in hook.refused)
                self.send_response(400 if is_refused else status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{SECRET}"


@contextmanager
def listening(status: int = 200) -> Iterator[Hook]:
    hook = Hook(status)
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        thread.join()
        hook.server.server_close()

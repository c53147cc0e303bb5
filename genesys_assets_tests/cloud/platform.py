"""A platform on loopback that plays a test's script, and a clock that only the test moves.

These are the parts that tests are built from. The sandbox imitates the real platform.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.patience import PATIENCE_SECONDS

TOKEN_PATH = "/oauth/token"
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """The answer to send. `fault` is one of: truncated (half the promised body), reset, silent (no answer)."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    packed: bool = False

    def content(self) -> bytes:
        plain = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return gzip.compress(plain) if self.packed else plain


Answer = Reply | Callable[[Request], Reply]


class Platform:
    """Answers each path with its script: one reply after the other, then the last one forever."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.released = threading.Event()
        self._scripts: dict[str, deque[Answer]] = {}
        self._lock = threading.Lock()
        self._logins = 0
        self.on(TOKEN_PATH, self._log_in)

    def on(self, path: str, *answers: Answer) -> None:
        with self._lock:
            self._scripts[path] = deque(answers)

    def requests_to(self, path: str) -> list[Request]:
        with self._lock:
            return [request for request in self.requests if request.path == path]

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.path)
            if not script:
                return Reply(404, {"message": "The requested resource was not found.", "code": "not.found"})
            answer = script.popleft() if len(script) > 1 else script[0]
        return answer if isinstance(answer, Reply) else answer(request)

    def _log_in(self, request: Request) -> Reply:
        with self._lock:
            self._logins += 1
            return Reply(body={"access_token": f"token-{self._logins}", "token_type": "bearer", "expires_in": 86399})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go in one packet; otherwise every answer waits for an acknowledgement.
    wbufsize = -1
    platform: Platform

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        asked = Request(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
        reply = self.platform.answer(asked)
        if reply.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if reply.fault == "silent":
            self.platform.released.wait(PATIENCE_SECONDS)
            self.close_connection = True
            return
        content = reply.content()
        self.send_response(reply.status)
        headers = {"Content-Type": "application/json", **reply.headers}
        if reply.packed:
            headers["Content-Encoding"] = "gzip"
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if reply.fault == "truncated":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def running_platform() -> Iterator[Platform]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    platform = Platform(f"http://127.0.0.1:{server.server_address[1]}")
    handler.platform = platform  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield platform
    finally:
        platform.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Clock:
    """Seconds that pass only by sleeping; `slept` lists every sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._seconds = 1000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return self._seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._seconds += seconds

    def pass_by(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self() - 1000.0)


def client(platform: Platform, clock: Clock, *, api_url: str = "", **options: Any) -> GenesysCloud:
    """A client of the platform that uses the clock and always waits as long as its jitter allows."""
    settings: dict[str, Any] = {"requests_per_minute": 100_000, "jitter": lambda ceiling: ceiling, **options}
    return GenesysCloud(
        Hosts(api_url or platform.url, platform.url),
        "my-client",
        "my-secret",
        clock=clock,
        now=clock.now,
        sleep=clock.sleep,
        **settings,
    )


def impatient(cloud: GenesysCloud) -> GenesysCloud:
    """The client, logged in. From now on it gives up on an answer almost at once."""
    cloud._credentials.token()
    cloud._timeout = (PATIENCE_SECONDS, 0.05)
    return cloud

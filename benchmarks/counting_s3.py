"""An HTTP server in front of an S3 server. It notes each request, and can delay it; loopback only.

It passes every request on unchanged, with its Host header, so that signatures and checksums hold. It runs in a process
of its own, because some calls of delta-rs stop the other threads of their process. This module decides by the key what
a request was for; `s3` interprets the numbers.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Kind = Literal["log", "data file", "page file", "bucket"]

_MOST_BYTES = 256 << 20
_MOST_REQUESTS = 200_000
_SECONDS = 120
_NOT_PASSED_ON = ("connection", "transfer-encoding", "content-length")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `sent` and `read` are the bytes of its body and of the body of its answer."""

    method: str
    target: str
    status: int
    sent: int
    read: int

    @property
    def action(self) -> str:
        """The method, or LIST."""
        return "LIST" if self.method == "GET" and "list-type" in parse_qs(urlsplit(self.target).query) else self.method

    @property
    def kind(self) -> Kind:
        """The kind of object that the key names. A LIST counts for the prefix that it asks for."""
        parts = urlsplit(self.target)
        key = "".join([parts.path, *parse_qs(parts.query).get("prefix", [])])
        if "/_delta_log" in key:
            return "log"
        if not key.endswith(".parquet"):
            return "bucket"
        return "page file" if "/pages/" in key else "data file"


@dataclass(frozen=True, slots=True)
class CountingS3:
    """The server as a benchmark sees it."""

    endpoint_url: str

    def take(self) -> list[Request]:
        """Return the requests since the last call, and forget them."""
        connection = http.client.HTTPConnection(urlsplit(self.endpoint_url).netloc, timeout=_SECONDS)
        with contextlib.closing(connection):
            connection.request("TAKE", "/")
            return [Request(*fields) for fields in json.loads(connection.getresponse().read())]


@contextlib.contextmanager
def in_front_of(endpoint_url: str, latency_ms: int = 0) -> Iterator[CountingS3]:
    """The server, running until the block ends; it also ends with the process that started it. Each request is delayed
    by this many milliseconds.
    """
    command = [sys.executable, "-m", __name__, endpoint_url, f"{latency_ms}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield CountingS3(process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def main(behind: str, latency_ms: str) -> None:
    _Handler.behind = urlsplit(behind).netloc
    _Handler.latency_seconds = int(latency_ms) / 1000
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _SECONDS
    behind: str
    latency_seconds: float
    noted: list[Request] = []  # noqa: RUF012
    lock = threading.Lock()

    def do_TAKE(self) -> None:
        with self.lock:
            noted = [astuple(request) for request in self.noted]
            self.noted.clear()
        self._answer(http.HTTPStatus.OK, [], json.dumps(noted).encode())

    def handle_expect_100(self) -> bool:
        self.send_response_only(http.HTTPStatus.CONTINUE)
        self.end_headers()
        self.wfile.flush()
        return True

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST_BYTES:
            self._answer(http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [], b"")
            self.close_connection = True
            return
        body = self.rfile.read(length)
        time.sleep(self.latency_seconds)
        status, headers, content = self._pass_on(body)
        with self.lock:
            if len(self.noted) < _MOST_REQUESTS:
                self.noted.append(Request(self.command, self.path, status, len(body), len(content)))
        self._answer(status, headers, content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.behind, timeout=_SECONDS)
        with contextlib.closing(connection):
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON]
            length = answer.getheader("Content-Length")
            if self.command == "HEAD" and length is not None:
                headers.append(("Content-Length", length))
            return answer.status, headers, content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    main(*sys.argv[1:])

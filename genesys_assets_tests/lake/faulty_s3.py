"""An HTTP server in front of the S3 server that answers some requests as S3 does on a bad day.

What it does not spoil it passes on unchanged, so that signatures and checksums hold. It is a process of its own, for
some calls of delta-rs keep every other thread of theirs waiting.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

How = Literal["busy", "dropped", "cut", "lost"]
"""busy: HTTP 503; dropped: the connection closes before the request is passed on; cut: in the middle of the answer;
lost: the request is passed on, and the connection closes instead of an answer."""

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass
class _Fault:
    how: How
    times: int
    method: str
    path_part: str


@dataclass(frozen=True)
class FaultyS3:
    """The proxy, as a test sees it."""

    endpoint_url: str

    def spoil(self, how: How, times: int, *, method: str = "", path_part: str = "") -> None:
        """Answer the next requests badly: those of a method, with this in their path; all where none is given."""
        self._order(asdict(_Fault(how, times, method, path_part)))

    @property
    def spoiled(self) -> int:
        """How many requests were answered badly since the last `heal`."""
        return self._order({})

    def heal(self) -> None:
        """Answer everything well, and count anew."""
        self._order({"heal": True})

    def _order(self, order: dict[str, object]) -> int:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint_url).netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request("ORDER", "/", json.dumps(order))
            return int(connection.getresponse().read())


@contextlib.contextmanager
def in_front_of(endpoint_url: str) -> Iterator[FaultyS3]:
    """The proxy, running until the block ends. It ends with the process that started it, however that ends."""
    command = [sys.executable, "-m", __name__, endpoint_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield FaultyS3(process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def main(behind: str) -> None:
    _Handler.behind = behind
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    behind: str
    faults: list[_Fault] = []  # noqa: RUF012
    spoiled = 0
    lock = threading.Lock()

    def do_ORDER(self) -> None:
        order = json.loads(self._body())
        with self.lock:
            if order.pop("heal", False):
                self.faults.clear()
                _Handler.spoiled = 0
            elif order:
                self.faults.append(_Fault(**order))
            self._answer(200, [], str(_Handler.spoiled).encode())

    def handle_expect_100(self) -> bool:
        self.send_response_only(http.HTTPStatus.CONTINUE)
        self.end_headers()
        self.wfile.flush()
        return True

    def _fault(self) -> How | None:
        with self.lock:
            for each in self.faults:
                if each.times > 0 and each.method in ("", self.command) and each.path_part in self.path:
                    each.times -= 1
                    _Handler.spoiled += 1
                    return each.how
        return None

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _handle(self) -> None:
        body, fault = self._body(), self._fault()
        if fault == "dropped":
            self.close_connection = True
            return
        if fault == "busy":
            self._answer(503, [("Content-Type", "application/xml")], _SLOW_DOWN)
            return
        status, headers, content = self._pass_on(body)
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(status, headers, content, upto=len(content) // 2 if fault == "cut" else None)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            headers = [
                (name, value)
                for name, value in answer.getheaders()
                if name.lower() not in ("connection", "transfer-encoding", "content-length")
            ]
            length = answer.getheader("Content-Length")
            if self.command == "HEAD" and length is not None:
                headers.append(("Content-Length", length))
            return answer.status, headers, content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, upto: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:upto])
        self.wfile.flush()
        if upto is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    main(sys.argv[1])

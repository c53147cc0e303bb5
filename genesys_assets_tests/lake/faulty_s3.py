"""An HTTP proxy in front of the S3 server that answers some requests as S3 does on a bad day.

It passes all other requests on unchanged, so that signatures and checksums hold. It is a separate process, because some
calls of delta-rs block all other threads of their process.
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
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

How = Literal[
    "busy", "dropped", "cut", "lost", "answered", "short", "altered", "untagged", "late", "noise", "after", "endless"
]
"""What becomes of a request:

busy      HTTP 503
dropped   the connection closes before it is passed on
cut       the connection closes in the middle of the answer
lost      it is passed on, and the connection closes instead of an answer
answered  not passed on, but answered with a status and a body of the test's
after     passed on, then answered so
short     half of the answer's body comes, and its length says that this is all
altered   one byte of the answer's body is another one
untagged  the answer lacks its ETag
late      the answer comes after some seconds
endless   the answer's body goes on until the reader closes the connection
noise     something comes that is no HTTP
"""

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass
class _Fault:
    how: How
    times: int
    method: str
    path_part: str
    status: int = 200
    body: str = ""
    seconds: float = 0


@dataclass(frozen=True)
class FaultyS3:
    """The proxy, as a test sees it."""

    endpoint_url: str

    def spoil(self, how: How, times: int, *, method: str = "", path_part: str = "", **answer: Any) -> None:
        """Answer the next requests badly: those of a method, with this text in their path; without arguments, all of
        them.
        `answer` is the status and body, or the seconds, of faults that have them.
        """
        self._order(asdict(_Fault(how, times, method, path_part, **answer)))

    @property
    def spoiled(self) -> int:
        """How many requests were answered badly since the last `heal`."""
        return self._order({})

    @property
    def requests(self) -> list[str]:
        """Every request so far, as method and URL."""
        told: list[str] = json.loads(self._ordered({"requests": True}))
        return told

    def heal(self) -> None:
        """Answer everything well again, and restart the count."""
        self._order({"heal": True})

    def _order(self, order: dict[str, object]) -> int:
        return int(self._ordered(order))

    def _ordered(self, order: dict[str, object]) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint_url).netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request("ORDER", "/", json.dumps(order))
            return connection.getresponse().read()


@contextlib.contextmanager
def in_front_of(endpoint_url: str) -> Iterator[FaultyS3]:
    """The proxy, running until the block ends. It also ends with the process that started it, even if that is
    killed."""
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
    requests: list[str] = []  # noqa: RUF012
    spoiled = 0
    lock = threading.Lock()

    def do_ORDER(self) -> None:
        order = json.loads(self._body())
        with self.lock:
            wants_requests = order.pop("requests", False)
            if order.pop("heal", False):
                self.faults.clear()
                _Handler.spoiled = 0
            elif order:
                self.faults.append(_Fault(**order))
            self._answer(200, [], json.dumps(self.requests if wants_requests else self.spoiled).encode())

    def handle_expect_100(self) -> bool:
        self.send_response_only(http.HTTPStatus.CONTINUE)
        self.end_headers()
        self.wfile.flush()
        return True

    def _fault(self) -> _Fault | None:
        with self.lock:
            self.requests.append(f"{self.command} {self.path}")
            for each in self.faults:
                if each.times > 0 and each.method in ("", self.command) and each.path_part in self.path:
                    each.times -= 1
                    _Handler.spoiled += 1
                    return each
        return None

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _handle(self) -> None:
        body, fault = self._body(), self._fault()
        how = fault.how if fault else None
        if how in ("dropped", "noise"):
            self.close_connection = True
            self.wfile.write(b"" if how == "dropped" else b"\x16\x03\x01 no HTTP at all\r\n\r\n")
            self.wfile.flush()
        elif how == "busy":
            self._answer(503, [("Content-Type", "application/xml")], _SLOW_DOWN)
        elif fault and how == "answered":
            self._answer(fault.status, [("Content-Type", "application/xml")], fault.body.encode())
        else:
            self._spoiled(fault, *self._pass_on(body))

    def _spoiled(self, fault: _Fault | None, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        """The answer of S3, or what a fault makes of it."""
        how = fault.how if fault else None
        if fault and how == "late":
            time.sleep(fault.seconds)
        if how == "lost":
            self.close_connection = True
        elif fault and how == "after":
            self._answer(fault.status, [("Content-Type", "application/xml")], fault.body.encode())
        elif how == "untagged":
            self._answer(status, [each for each in headers if each[0].lower() != "etag"], content)
        elif how == "altered":
            at = len(content) // 2
            self._answer(status, headers, bytes(each ^ (index == at) for index, each in enumerate(content)))
        elif how == "endless":
            self._answer_endlessly(status, headers)
        elif how == "short":
            self._answer(status, headers, content[: len(content) // 2])
        else:
            self._answer(status, headers, content, upto=len(content) // 2 if how == "cut" else None)

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

    def _answer_endlessly(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            while True:
                self.wfile.write(b" " * 65_536)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    main(sys.argv[1])

"""A stand-in for an S3 server, for answers that no working server gives. All other tests use a real server."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn(ThreadingHTTPServer):
    """Accepts every upload, and answers reads as a test sets it.

    `unsigned` and `signed` are status and body without and with a signature; None hangs up. `authorizations`
    are the Authorization headers of the reads so far.
    """

    daemon_threads = True
    unsigned: tuple[int, bytes] | None = (403, b"")
    signed: tuple[int, bytes] | None = (200, b"")

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.authorizations: list[str | None] = []

    def handle_error(self, *_: object) -> None:
        """A dropped connection is intended."""


class Answers(BaseHTTPRequestHandler):
    """One connection to the stand-in."""

    server: StandIn
    protocol_version = "HTTP/1.1"  # boto3 asks before it uploads, and waits a second if there is no answer

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(200, b"")

    do_DELETE = do_PUT

    def do_GET(self) -> None:
        self.server.authorizations.append(self.headers["Authorization"])
        answer = self.server.signed if "X-Amz-Signature" in self.path else self.server.unsigned
        if answer is None:
            self.close_connection = True
        else:
            self._say(*answer)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""

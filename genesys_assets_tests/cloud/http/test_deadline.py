"""The deadline of an exchange holds for everything that comes before an answer. And a connection whose answer cannot be
read is closed at once, not only when Python collects garbage.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from genesys_assets.cloud.errors import BrokenAnswer, GenesysCloudError, Unreachable
from genesys_assets.cloud.http.exchange import exchange, session

_NEVER = 10.0

ODD = {
    "two lengths": b"200 OK\r\nContent-Length: 2, 3\r\n\r\n{}",
    "two lengths, and a connection that ends": b"200 OK\r\nConnection: close\r\nContent-Length: 2, 3\r\n\r\n{}",
    "no status": b"many OK\r\nContent-Length: 2\r\n\r\n{}",
    "more headers than are read": b"200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n{}",
    "an encoding that was not asked for": b"200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk below zero": b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n",
}


@pytest.mark.parametrize("kind", ODD)
def test_while_the_error_is_alive_the_connection_is_closed(kind: str) -> None:
    closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening, session(1) as http:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(_NEVER)
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 " + ODD[kind])
                if not connection.recv(1):
                    closed.set()

        answering = threading.Thread(target=answer)
        answering.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(GenesysCloudError) as error:
            exchange(http, "GET", url, what="A question", timeout=(_NEVER, _NEVER))
        is_closed = closed.wait(_NEVER)
        assert isinstance(error.value, BrokenAnswer) or "broke" in str(error.value)
        answering.join()
    assert is_closed


def test_a_proxy_that_drips_is_ended_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    dripped = 0

    def drip(listening: socket.socket) -> None:
        nonlocal dripped
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.02) and dripped < 90:
                connection.sendall(b"X: y\r\n")
                dripped += 1

    with socket.create_server(("127.0.0.1", 0)) as listening, session(1) as http:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listening.getsockname()[1]}")
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        with pytest.raises(Unreachable, match=r"no whole answer within 0\.1 s"):
            exchange(
                http, "GET", "https://api.mypurecloud.com/", what="A question", timeout=(_NEVER, _NEVER), longest=0.1
            )
        over.set()
        dripping.join()
    assert dripped < 90


def test_a_proxy_that_refuses_is_an_error_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, session(1) as http:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listening.getsockname()[1]}")

        def refuse() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        refusing = threading.Thread(target=refuse)
        refusing.start()
        with pytest.raises(Unreachable):
            exchange(http, "GET", "https://api.mypurecloud.com/", what="A question", timeout=(_NEVER, _NEVER))
        refusing.join()


@contextlib.contextmanager
def silent_address() -> Iterator[tuple[str, int]]:
    """An address at which no connection is made: the queue of its listener is full."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listening.getsockname())
        host, port = listening.getsockname()
        yield host, port


def test_no_further_address_of_a_host_is_tried_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_address() as silent, socket.create_server(("127.0.0.1", 0)) as further, session(1) as http:
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", each) for each in (silent, further.getsockname())]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        with pytest.raises(Unreachable, match="no whole answer within"):
            exchange(http, "GET", "http://127.0.0.1:1/", what="A question", timeout=(0.2, _NEVER), longest=0.1)
        further.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            further.accept()


def test_lines_that_are_no_headers_are_not_logged_with_the_url(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, session(1) as http:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                asked = connection.recv(1 << 16)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\nX-Asked: %s\r\n\r\n{}" % asked[:40]
                )

        answering = threading.Thread(target=answer)
        answering.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/?signature=hush"
        assert exchange(http, "GET", url, what="A question", timeout=(_NEVER, _NEVER)).status == 200
        answering.join()
    assert "hush" not in "".join(record.getMessage() for record in caplog.records if record.levelname != "DEBUG")

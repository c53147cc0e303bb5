"""The client closes a connection whose answer cannot be read at once, not only when Python collects garbage."""

from __future__ import annotations

import socket
import threading

import pytest

from genesys_assets.cloud.errors import BrokenAnswer, GenesysCloudError
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

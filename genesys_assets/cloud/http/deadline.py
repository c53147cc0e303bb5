"""Connections with a deadline for the whole exchange: nothing is read after it.

A timeout of `requests` applies to each single read, so an answer that arrives byte by byte could go on for ever: status
line, headers, chunk sizes, body, and what a proxy says first. It also applies to each address of a host. The sockets
here know the deadline of the whole exchange.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[float]:
    """Within the block, reads of this thread fail once these seconds have passed. Yields the deadline, by
    `time.monotonic()`.
    """
    deadline = time.monotonic() + seconds
    before = _deadline.set(deadline)
    try:
        yield deadline
    finally:
        _deadline.reset(before)


def _seconds_left() -> float:
    """The seconds until the deadline. Raises TimeoutError after it."""
    seconds_left = _deadline.get() - time.monotonic()
    if seconds_left <= 0:
        raise TimeoutError("The exchange has reached its deadline.")
    return seconds_left


class TimedAdapter(HTTPAdapter):
    """The adapter that makes `within` hold for a session."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _TimedReads(io.RawIOBase):
    """A socket's bytes until the deadline; raises TimeoutError after it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._bytes = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds_left = _seconds_left()
        timeout = self._socket.gettimeout()
        if timeout is None or seconds_left < timeout:
            self._socket.settimeout(seconds_left if seconds_left < math.inf else None)
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _TimedSocket:
    """Wraps a socket, so that reads end at the deadline. All else is passed on to the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

        self._reader: io.BufferedReader | None = None

    def makefile(self, mode: str) -> io.BufferedReader:
        self._reader = io.BufferedReader(_TimedReads(self._socket))
        return self._reader

    def close_reader(self) -> None:
        """Closes the reader of the last `makefile`. Until then the connection stays open, even after `close()`."""
        if self._reader is not None:
            self._reader.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _Response(http.client.HTTPResponse):
    def begin(self) -> None:
        """Reads the status line and the headers. Lines that are no headers are dropped, because urllib3 would log them
        with the URL, whatever they repeat of the request's secrets.
        """
        super().begin()
        self.msg.set_payload("")
        self.msg.defects.clear()

    def _read_status(self) -> tuple[str, int, str]:
        """The status line. Every 1xx counts as 100, which `begin` skips: Python would take a 103 for the answer itself,
        and the answer that follows it for that of the next request. After a 101 no HTTP follows.
        """
        version, status, reason = super()._read_status()  # type: ignore[misc]  # Private to http.client.
        if status == http.client.SWITCHING_PROTOCOLS:
            raise http.client.BadStatusLine(reason)
        return version, http.client.CONTINUE if status < http.client.OK else status, reason

    def flush(self) -> None:
        # The reader may be closed already: see `_TimedConnection.getresponse`. When it is garbage-collected, Python
        # 3.13 flushes it, which would raise ValueError.
        with suppress(ValueError):
            super().flush()


class _TimedOptions(list[Any]):
    """The options of a socket. They are read before each address of a host is tried, and not after the deadline."""

    def __iter__(self) -> Iterator[Any]:
        _seconds_left()
        return super().__iter__()


class _TimedConnection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        if (seconds_left := _seconds_left()) < math.inf:
            self.timeout = seconds_left if self.timeout is None else min(self.timeout, seconds_left)
        self.socket_options = _TimedOptions(self.socket_options or ())
        super().connect()
        self.sock = _TimedSocket(self.sock)

    def _tunnel(self) -> None:
        """Asks a proxy for a tunnel, whose answer has to arrive in time too."""
        plain = self.sock
        timed = self.sock = _TimedSocket(plain)
        try:
            super()._tunnel()
        finally:
            # It is None if the proxy refused.
            if self.sock is timed:
                self.sock = plain

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # The signature of urllib3.
        sock: Any = self.sock
        try:
            return super().getresponse()
        except BaseException:
            # urllib3 refuses contradictory headers and leaves the reader open, and with it the socket.
            sock.close_reader()
            raise


class _TimedTlsConnection(_TimedConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}

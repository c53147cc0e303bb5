"""One HTTP exchange: sends a request and returns the answer, or raises a typed error.

This module knows what `requests` can raise and what it means, and keeps answers within the time and memory of `limits`.
`answers` reads what an answer says; `transport` adds login, pacing and retries.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3 import BaseHTTPResponse
from urllib3 import exceptions as urllib3

from genesys_assets.cloud.errors import AnswerTooLarge, BrokenAnswer, GenesysCloudError, Unreachable
from genesys_assets.cloud.http import in_flight, limits
from genesys_assets.cloud.http.deadline import TimedAdapter, within
from genesys_assets.cloud.http.unpacking import ERRORS, Gzip

Timeout = tuple[float, float]
# Without a connection nothing was sent. A connection may break after the request was sent.
_NEVER_SENT = (
    requests.exceptions.ConnectTimeout,
    socket.gaierror,
    ConnectionRefusedError,
    ssl.SSLCertVerificationError,
)
_SETTINGS = "the region or GENESYS_CLOUD_API_URL, and the network"
_NOT_REQUESTED = ("br", "compress", "deflate", "zstd", "gzip, gzip")
# Bytes read at once. No more than this is unpacked before it is counted.
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body, unpacked; a refusal has only the beginning of its body.

    `authorization` is the header that the request carried, so that the answer can be searched for it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    authorization: str = field(default="", repr=False)

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class _Session(requests.Session):
    """Ignores redirects. Otherwise `requests` would read the whole body of a redirect and parse its URL, even with
    `allow_redirects=False`.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def session(connections: int) -> requests.Session:
    """The session of `exchange`: it keeps up to this number of connections and no cookies, and never retries."""
    http = _Session()
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    http.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "genesys_assets"})
    # Only `retry` retries, by one policy. Retries by the adapter would be hidden from the pacer.
    adapter = TimedAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0)
    http.mount("https://", adapter)
    http.mount("http://", adapter)
    return http


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    what: str,
    timeout: Timeout,
    most: int | None = None,
    received: int | None = None,
    longest: float | None = None,
    check: str = _SETTINGS,
    on_headers: Callable[[Mapping[str, str]], None] | None = None,
    **options: Any,
) -> Answer:
    """The answer, with its whole body of at most `most` bytes (default `limits.MOST_UNPACKED`), and at most `received`
    bytes on the wire (default `limits.MOST_RECEIVED`). `what` names the request in messages; `check` says what to check
    if the host is not reached. `on_headers` is called with the headers before the body is read: a body may have to wait
    for others.

    Raises Unreachable if no answer arrives within `longest` seconds (default `limits.LONGEST_EXCHANGE`); BrokenAnswer
    if it is cut short; AnswerTooLarge.
    """
    most = limits.MOST_UNPACKED if most is None else most
    received = limits.MOST_RECEIVED if received is None else received
    longest = limits.LONGEST_EXCHANGE if longest is None else longest
    status: int | None = None
    with within(longest) as deadline:
        try:
            # Redirects are not followed: they would carry the query, or the login, to a host that no setting names.
            with session.request(
                method, url, timeout=timeout, allow_redirects=False, stream=True, **options
            ) as response:
                if on_headers is not None:
                    on_headers(response.headers)
                status, authorization = response.status_code, response.request.headers.get("Authorization") or ""
                body = _body(response, what, most, received, deadline)
                return Answer(response.status_code, response.headers, body, authorization)
        except (requests.exceptions.RequestException, urllib3.HTTPError) as error:
            late_after = longest if time.monotonic() >= deadline else None
            raise _failure(error, what, url, status, late_after, check) from None
        except ValueError:
            # http.client raises it for chunks of a negative size.
            raise _broken(what, status) from None


def _body(response: requests.Response, what: str, most: int, received: int, deadline: float) -> bytes:
    """The body, read and unpacked piece by piece, so that no more than the limit is held in memory. Of a refusal, which
    its status and headers explain, it is as much as can be read.
    """
    raw, refuses = response.raw, not 200 <= response.status_code < 300
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        if refuses:
            raw.close()
            return b""
        # An unknown one is not shown: it may repeat the token of the request.
        named = repr(encoding) if encoding in _NOT_REQUESTED else "that is not known"
        raise BrokenAnswer(
            f"{what} was answered in the encoding {named}. Only gzip was requested.", status=response.status_code
        )
    most = min(most, limits.MOST_OF_AN_ERROR) if refuses else most
    if not refuses and (raw.length_remaining or 0) > received:
        raise _too_large(what, received)
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _pieces(raw, is_packed=encoding.endswith("gzip")):
            pieces.append(piece)
            size += len(piece)
            in_flight.hold(len(piece), deadline)
            if size > limits.MOST_AHEAD:
                in_flight.wait_for_turn(deadline)
            if size > most or raw.tell() > received:
                raw.close()
                if refuses:
                    break
                raise _too_large(what, min(most, received))
    except (urllib3.ProtocolError, urllib3.DecodeError, ValueError):
        if not refuses or time.monotonic() >= deadline:
            raise
        raw.close()
    return b"".join(pieces)[:most]


def _pieces(raw: BaseHTTPResponse, *, is_packed: bool) -> Iterator[bytes]:
    """The unpacked pieces of a body. Raises DecodeError if it cannot be unpacked or ends too early."""
    gzip = Gzip(_PIECE)
    try:
        while received := raw.read(_PIECE, decode_content=False):
            yield from gzip.pieces(received) if is_packed else (received,)
    except ERRORS as error:
        raise urllib3.DecodeError(str(error)) from error
    if not gzip.is_whole:
        raise urllib3.DecodeError("the answer breaks off")


def _too_large(what: str, most: int) -> AnswerTooLarge:
    size = f"{most / limits.MIB:.0f} MiB" if most >= limits.MIB else f"{most} bytes"
    return AnswerTooLarge(f"{what} was answered with more than {size}, which is the most that is read. Ask for less.")


def _broken(what: str, status: int | None) -> BrokenAnswer:
    return BrokenAnswer(f"{what} was answered with a body that breaks off or does not unpack.", status=status)


def _failure(
    error: Exception, what: str, url: str, status: int | None, late_after: float | None, check: str
) -> GenesysCloudError:
    """The typed error for an error of `requests`. `status`: that of the answer, None if none began. `late_after`: the
    seconds after which the deadline ended the exchange, None if it had time left.
    """
    is_late = late_after is not None
    broken = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(error, broken) and not is_late:
        return _broken(what, status)
    if isinstance(error, urllib3.ProtocolError | urllib3.DecodeError) and not is_late:
        return _broken(what, status)
    if isinstance(error, requests.exceptions.InvalidHeader):
        return BrokenAnswer(f"{what} was answered with headers that contradict each other.")
    connection = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, urllib3.HTTPError)
    if not isinstance(error, connection):
        return GenesysCloudError(f"{what} could not be sent ({type(error).__name__}): check {check}.")
    host = urlsplit(url).netloc
    reason = f"no whole answer within {late_after:g} s" if is_late else _reason(error)
    unreachable = Unreachable(f"{host} cannot be reached ({reason}). Check {check}.")
    unreachable.host = host
    unreachable.may_have_arrived = not any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))
    return unreachable


def _reason(error: BaseException) -> str:
    causes = list(_causes(error))
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (requests.exceptions.ConnectTimeout, "no connection in time"),
        ((requests.exceptions.ReadTimeout, urllib3.ReadTimeoutError), "no answer in time"),
        (TimeoutError, "no answer in time"),
        (socket.gaierror, "no such host"),
        ((requests.exceptions.SSLError, ssl.SSLError), "its certificate or TLS is not accepted"),
        (ConnectionRefusedError, "connection refused"),
    ]
    for kind, reason in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    return "the connection broke"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and everything it wraps: libraries keep causes in `__context__`, `reason` or `args`."""
    causes: list[BaseException] = []
    pending: list[object] = [error]
    while pending and len(causes) < 20:
        cause = pending.pop()
        if isinstance(cause, BaseException) and cause not in causes:
            causes.append(cause)
            pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    return causes

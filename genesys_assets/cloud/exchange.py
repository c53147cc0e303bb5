"""One HTTP exchange: a request goes out, an answer comes back, or a typed error says why none did.

Here stands what `requests` can raise and what it means. What the answer says is read in `answers`; login,
pacing and retries are added in `transport`.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import requests

from genesys_assets.cloud.errors import BrokenAnswer, GenesysCloudError, Unreachable

Timeout = tuple[float, float]
# Without a connection nothing was sent; whatever breaks one may have come after the request.
_NEVER_SENT = (
    requests.exceptions.ConnectTimeout,
    socket.gaierror,
    ConnectionRefusedError,
    ssl.SSLCertVerificationError,
)


def exchange(
    session: requests.Session, method: str, url: str, *, what: str, timeout: Timeout, **options: Any
) -> requests.Response:
    """The answer, its body read whole. Raises Unreachable where there is none and BrokenAnswer where it is
    cut short.
    """
    try:
        # A redirect would carry the question, or the login, to a host nobody named.
        return session.request(method, url, timeout=timeout, allow_redirects=False, **options)
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
        raise BrokenAnswer(f"{what} was answered with a body that breaks off or does not unpack.") from None
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        host = urlsplit(url).netloc
        unreachable = Unreachable(
            f"{host} cannot be reached ({_reason(error)}). Check the region or API address, and the network."
        )
        unreachable.host = host
        unreachable.may_have_arrived = not any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))
        raise unreachable from None
    except requests.exceptions.RequestException as error:
        raise GenesysCloudError(f"{what} could not be sent ({type(error).__name__}): check the API address.") from None


def _reason(error: BaseException) -> str:
    causes = list(_causes(error))
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (requests.exceptions.ConnectTimeout, "no connection in time"),
        (requests.exceptions.ReadTimeout, "no answer in time"),
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
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending and len(found) < 20:
        cause = pending.pop()
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    return found

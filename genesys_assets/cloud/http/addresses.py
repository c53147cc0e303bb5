"""Which addresses secrets may be sent to: https, or this very machine, and never with a user or a password in them.

`regions` knows the host of each region; `oauth` checks that only the origin of the API gets the token.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

Origin = tuple[str, str, int]

_PORTS = {"https": 443, "http": 80}
_USER_INFO = re.compile(r"^(\w+://)?.*@", re.DOTALL)


class NotAnAddress(ValueError):
    """A URL is not one that requests are sent to. The message says what is allowed, without the URL."""


def checked_address(text: str, *, tls: bool = True) -> str:
    """The address without a trailing slash. Raises NotAnAddress unless it names a host, by https (where `tls` is asked
    for and the host is not this machine), without user, query or fragment.
    """
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or not address.isprintable() or "\\" in address:
        raise NotAnAddress("an address begins with https:// or http:// and names a host")
    if "@" in parts.netloc:
        raise NotAnAddress("an address must not hold a user or a password: they would stand in logs and messages")
    if tls and parts.scheme != "https" and not is_loopback(parts.hostname):
        raise NotAnAddress("an address begins with https://, or with http:// if its host is this machine (127.0.0.1)")
    return address


def origin(url: str) -> Origin:
    """Scheme, host and port that a URL leads to. Raises ValueError where that cannot be told."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("no address of a host")
    return parts.scheme, parts.hostname.lower(), parts.port or _PORTS[parts.scheme]


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_user_info(text: str) -> str:
    """The text with all before its last @ hidden, which may be a user and a password."""
    return _USER_INFO.sub(r"\1***@", text)

"""Which URLs secrets may be sent to: https, or this machine, and never with a user or a password in them.

`regions` knows the host of each region; `oauth` checks that only the origin of the API gets the token.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

Origin = tuple[str, str, int]

_PORTS = {"https": 443, "http": 80}
_USER_INFO = re.compile(r"^(\w+://)?.*@", re.DOTALL)


class NotAUrl(ValueError):
    """No request may be sent to this URL. The message says what is allowed, without the URL."""


def checked_url(text: str, *, tls: bool = True) -> str:
    """The URL without a trailing slash. Raises NotAUrl unless it names a host, without a user or a password.

    With `tls`, paths are added to it: it must begin with https, unless the host is this machine, and end with its host
    or a path.

    >>> checked_url("https://api.mypurecloud.com/")
    'https://api.mypurecloud.com'
    >>> checked_url("http://127.0.0.1:8765")
    'http://127.0.0.1:8765'
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or not url.isprintable() or "\\" in url:
        raise NotAUrl("a URL begins with https:// or http:// and names a host")
    if "@" in parts.netloc:
        raise NotAUrl("a URL must not hold a user or a password: they would appear in logs and messages")
    if tls and parts.scheme != "https" and not is_loopback(parts.hostname):
        raise NotAUrl("a URL begins with https://, or with http:// if its host is this machine (127.0.0.1)")
    if tls and ("?" in url or "#" in url):
        raise NotAUrl("a URL to which paths are added holds no ? and no #: a path behind one of these would be ignored")
    return url


def origin(url: str) -> Origin:
    """Scheme, host and port that a URL leads to. Raises ValueError if it names no host.

    >>> origin("https://API.mypurecloud.com/api/v2/users?pageNumber=2")
    ('https', 'api.mypurecloud.com', 443)
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("the URL names no host")
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
    """The text with everything before its last @ hidden, since it may be a user and a password.

    >>> without_user_info("https://me:secret@example.com")
    'https://***@example.com'
    """
    return _USER_INFO.sub(r"\1***@", text)

"""Who we are: a token from the login host, renewed in time and shared by all threads.

Here belongs the client credentials grant and nothing else; what a refused login means is read in `answers`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from genesys_assets.cloud.answers import correlation_id, login_refusal
from genesys_assets.cloud.errors import UnexpectedAnswer
from genesys_assets.cloud.exchange import Timeout, exchange

# A request sent this close to the end could arrive after it.
REFRESH_BEFORE_EXPIRY = 60.0
# What a client may be set to at the least, for answers that do not tell.
SHORTEST_LIFETIME = 300.0


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    refresh_at: float


class ClientCredentials(AuthBase):
    """Adds the bearer token to requests. One login serves all threads; a token is renewed 60 s before it
    expires.

    Raises WrongClientId, WrongClientSecret, LoginRefused, or what any exchange raises.
    """

    def __init__(
        self,
        *,
        login_url: str,
        client_id: str,
        client_secret: str,
        session: requests.Session,
        timeout: Timeout,
        clock: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = f"{login_url}/oauth/token"
        self._client_id = client_id
        self._client_secret = client_secret
        self._session = session
        self._timeout = timeout
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def __repr__(self) -> str:
        return f"ClientCredentials(client_id={self._client_id!r})"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token()}"
        return request

    def token(self) -> str:
        """A token good for at least the next minute (or the rest of a life shorter than two)."""
        token = self._fresh()
        if token is None:
            with self._lock:
                # Another thread may have logged in while this one waited for the lock.
                token = self._fresh()
                if token is None:
                    token = self._token = self._log_in()
        return token.text

    def invalidate(self, token: str) -> None:
        """Forgets the token if it is still the one in use, so that the next request logs in."""
        with self._lock:
            if self._token is not None and self._token.text == token:
                self._token = None

    def _fresh(self) -> _Token | None:
        token = self._token
        return token if token is not None and self._clock() < token.refresh_at else None

    def _log_in(self) -> _Token:
        host = urlsplit(self._url).netloc
        asked_at = self._clock()
        response = exchange(
            self._session,
            "POST",
            self._url,
            what=f"The login at {host}",
            timeout=self._timeout,
            data={"grant_type": "client_credentials"},
            # Bytes, since requests would write text as Latin-1.
            auth=(self._client_id.encode(), self._client_secret.encode()),
        )
        if response.status_code != 200:
            raise login_refusal(response, self._client_id, host, self._now())
        granted = _object(response.content)
        text, lifetime = granted.get("access_token"), granted.get("expires_in")
        if not isinstance(text, str) or not text:
            raise UnexpectedAnswer(
                f"{host} answered the login without an access token. Check the login address.",
                status=200,
                correlation_id=correlation_id(response),
            )
        seconds = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else SHORTEST_LIFETIME
        return _Token(text, asked_at + seconds - min(REFRESH_BEFORE_EXPIRY, seconds / 2))


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}

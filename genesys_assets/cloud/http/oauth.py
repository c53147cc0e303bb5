"""The access token: obtained from the login host, renewed in time and shared by all threads.

Only the client credentials grant is supported. `answers` decides what a refused login means. Source:
https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from genesys_assets.cloud.errors import ForeignHost, UnexpectedAnswer
from genesys_assets.cloud.http import in_flight, limits
from genesys_assets.cloud.http.answers import login_refusal, read_grant
from genesys_assets.cloud.http.exchange import Timeout, exchange
from genesys_assets.cloud.http.urls import NotAUrl, checked_url, origin

# A request sent this close to the end of a token's life could arrive after it.
REFRESH_BEFORE_EXPIRY = 60.0
# The shortest life that a client can be set to, for answers that do not say. Source: accessTokenValiditySeconds of
# OAuthClientRequest in the platform's SDK.
SHORTEST_LIFETIME = 300.0
# A token must consist of characters that a header may hold. A line break would end the header.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    refresh_at: float


class ClientCredentials(AuthBase):
    """Adds the bearer token to requests to the API, and to no others. One login serves all threads. A token is renewed
    60 s before it expires. `longest` gives the seconds that a login which begins now may take.

    Raises ForeignHost, WrongClientId, WrongClientSecret, LoginRefused, or what any exchange raises.
    """

    def __init__(
        self,
        *,
        api_url: str,
        login_url: str,
        client_id: str,
        client_secret: str,
        session: requests.Session,
        timeout: Timeout,
        clock: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        longest: Callable[[], float] = lambda: limits.LONGEST_EXCHANGE,
    ) -> None:
        self._api = origin(_safe(api_url))
        self._url = f"{_safe(login_url)}/oauth/token"
        self._client_id = client_id
        self._client_secret = client_secret
        self._session = session
        self._timeout = timeout
        self._longest = longest
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def __repr__(self) -> str:
        return f"ClientCredentials(client_id={self._client_id!r})"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # The only place that attaches the token. The URL here is the one that is connected to.
        try:
            leads_to = origin(request.url or "")
        except ValueError:
            leads_to = ("", "nobody", 0)
        if leads_to != self._api:
            raise ForeignHost(
                f"A request to {leads_to[1]} was not sent: the token goes to {self._api[0]}://{self._api[1]}:"
                f"{self._api[2]} and nowhere else. Do not trust the answer or the setting that gave this URL."
            )
        request.headers["Authorization"] = f"Bearer {self.token()}"
        return request

    def token(self) -> str:
        """A token that is good for at least the next minute, or for half of its life if that is shorter."""
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
        sent_at = self._clock()
        with in_flight.uncounted():
            answer = exchange(
                self._session,
                "POST",
                self._url,
                what=f"The login at {host}",
                timeout=self._timeout,
                longest=self._longest(),
                most=limits.MOST_OF_A_LOGIN,
                data={"grant_type": "client_credentials"},
                # Bytes, since requests would write text as Latin-1.
                auth=(self._client_id.encode(), self._client_secret.encode()),
            )
        if answer.status != 200:
            raise login_refusal(answer, self._client_id, host, self._now())
        grant = read_grant(answer, host)
        text = grant["access_token"]
        if len(text) > limits.LONGEST_TOKEN or not _TOKEN.fullmatch(text):
            raise UnexpectedAnswer(
                f"{host} answered the login with an access token that no header can hold: {len(text)} characters, of"
                f" which at most {limits.LONGEST_TOKEN} are allowed, printable and without spaces. Check"
                " GENESYS_CLOUD_LOGIN_URL.",
                status=200,
            )
        seconds = _lifetime(grant.get("expires_in"))
        return _Token(text, sent_at + seconds - min(REFRESH_BEFORE_EXPIRY, seconds / 2))


def _lifetime(expires_in: object) -> float:
    """The life of a token in seconds: at most the longest, and the shortest if the answer does not say."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not 0 < expires_in < math.inf:
        return SHORTEST_LIFETIME
    return float(min(expires_in, limits.LONGEST_LIFE))


def _safe(url: str) -> str:
    try:
        return checked_url(url)
    except NotAUrl as error:
        raise ForeignHost(
            f"GENESYS_CLOUD_API_URL or GENESYS_CLOUD_LOGIN_URL is not a URL to send secrets to: {error}."
        ) from None

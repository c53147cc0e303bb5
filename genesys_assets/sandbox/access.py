"""Access tokens, and the rate limit of each. `application` checks the permissions of an endpoint."""

from __future__ import annotations

import base64
import binascii
import math
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from genesys_assets.sandbox import refusals

WINDOW_SECONDS = 60.0


class LoginRefused(Exception):
    """A refused login. Its body has another shape than those of other errors."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "description": description, "error_description": description}


@dataclass(slots=True)
class Token:
    """An access token and the requests made with it in the current window."""

    expires: float
    window_began: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """A token's requests in the current window: their `count`, the `allowed` number, and the seconds until the
    `reset`.
    """

    count: int
    allowed: int
    reset: int

    @property
    def exceeded(self) -> bool:
        return self.count > self.allowed

    def headers(self) -> dict[str, str]:
        return {
            "inin-ratelimit-count": str(self.count),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(self.reset),
        }


class Access:
    """The organisation's one OAuth client and its tokens, each with a budget of its own unless they share one."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        requests_per_minute: int | None,
        clock: Callable[[], float],
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.requests_per_minute = requests_per_minute
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._shared: Token | None = None
        self._lock = threading.Lock()

    def log_in(self, authorization: str, form: str, lifetime_seconds: int) -> dict[str, object]:
        """The answer to a login with client credentials. Raises LoginRefused."""
        client_id, secret = _basic(authorization)
        if parse_qs(form).get("grant_type") != ["client_credentials"]:
            raise LoginRefused(400, "unsupported_grant_type", "grant type not supported")
        if client_id != self.client_id:
            raise LoginRefused(400, "invalid_client", "client not found")
        if not secrets.compare_digest(secret.encode(), self.client_secret.encode()):
            raise LoginRefused(401, "invalid_client", "authentication failed")
        token = secrets.token_urlsafe(64)
        now = self._clock()
        with self._lock:
            self._tokens[token] = Token(expires=now + lifetime_seconds, window_began=now)
        return {"access_token": token, "token_type": "bearer", "expires_in": lifetime_seconds}

    def share_one_budget(self) -> None:
        """From now on all tokens share the budget of one, as if the client's processes had the same token."""
        self._shared = Token(expires=math.inf, window_began=-math.inf)

    def spend(self, authorization: str | None) -> tuple[str, Budget | None]:
        """Counts a request against the budget of its token. Returns the token and its budget, which is None without a
        limit. Raises RefusedRequest.
        """
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise refusals.no_token()
        now = self._clock()
        with self._lock:
            issued = self._tokens.get(token)
            if issued is None or issued.expires <= now:
                raise refusals.of_status(401)
            if self.requests_per_minute is None:
                return token, None
            budget_token = self._shared or issued
            if now >= budget_token.window_began + WINDOW_SECONDS:
                budget_token.window_began, budget_token.count = now, 0
            budget_token.count += 1
            reset = max(1, math.ceil(budget_token.window_began + WINDOW_SECONDS - now))
            return token, Budget(budget_token.count, self.requests_per_minute, reset)

    def revoke(self, token: str) -> None:
        with self._lock:
            self._tokens.pop(token, None)

    def revoke_all(self) -> None:
        """As if somebody had deleted all tokens: the next request of each is a 401."""
        with self._lock:
            self._tokens.clear()


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, encoded = authorization.partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        pair = ""
    client_id, colon, secret = pair.partition(":")
    if not colon:
        raise LoginRefused(400, "invalid_request", "client credentials are missing")
    return client_id, secret

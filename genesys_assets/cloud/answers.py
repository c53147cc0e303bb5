"""What an HTTP answer says: a page's body, or the error it stands for.

Here is decided which status becomes which error and what its message tells a person. Whether it is worth
another try is decided in `retry`; the exchange itself happens in `exchange`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from genesys_assets.cloud.errors import (
    BadRequest,
    BrokenAnswer,
    GenesysCloudError,
    LoginRefused,
    MissingPermission,
    NotFound,
    RateLimited,
    ServerTrouble,
    TooLarge,
    Unauthorized,
    UnexpectedAnswer,
    WrongClientId,
    WrongClientSecret,
)

_PERMISSION = re.compile(r"\b[A-Za-z]\w*:[A-Za-z*][\w*]*:[A-Za-z*][\w*]*")
_SECONDS = re.compile(r"\[(\d+)\] seconds")
_ANY_OF = "missing.any.permissions"


def read_object(response: requests.Response, what: str) -> dict[str, Any]:
    """The content of a successful answer. Raises BrokenAnswer unless its body is one complete JSON object."""
    try:
        content = json.loads(response.content)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        return content
    raise BrokenAnswer(
        f"{what} was answered with {_content(response)} instead of a JSON object.",
        status=response.status_code,
        correlation_id=correlation_id(response),
    )


def correlation_id(response: requests.Response) -> str | None:
    return response.headers.get("ININ-Correlation-Id") or None


def refusal(response: requests.Response, what: str, now: datetime) -> GenesysCloudError:
    """The error that an answer with an error status stands for; `what` names the request in its message."""
    status, said = response.status_code, _ErrorBody(response)
    about: dict[str, Any] = {
        "status": status,
        "code": said.code,
        "correlation_id": correlation_id(response) or said.context_id,
    }
    if status == 429:
        return _rate_limited(what, told_to_wait(response.headers, said.message, now), now, about)
    if status == 408 or status >= 500:
        trouble = ServerTrouble(f"{what} failed on the platform's side: {said.message}", **about)
        trouble.retry_after = told_to_wait({"Retry-After": response.headers.get("Retry-After", "")}, "", now)
        return trouble
    if status == 403:
        return _missing_permission(what, said, about)
    if status == 401:
        return Unauthorized(f"{what} was refused with a token just renewed: {said.message}", **about)
    if status == 413 or said.code == "response.entity.too.large":
        return TooLarge(f"{what} asks for too much at once: {said.message}", **about)
    if status == 404:
        return NotFound(f"{what} was not found: {said.message}", **about)
    if status == 400:
        return BadRequest(f"{what} was not accepted: {said.message}", **about)
    if 300 <= status < 400:
        elsewhere = urlsplit(response.headers.get("Location", "")).netloc or "nowhere"
        return UnexpectedAnswer(f"{what} was redirected to {elsewhere}: check the API address.", **about)
    return GenesysCloudError(f"{what} was refused: {said.message}", **about)


def login_refusal(response: requests.Response, client_id: str, host: str, now: datetime) -> GenesysCloudError:
    """The same for the login host, whose error bodies have a shape of their own."""
    status, said = response.status_code, _ErrorBody(response)
    about: dict[str, Any] = {"status": status, "code": said.code, "correlation_id": correlation_id(response)}
    if status == 400 and said.code in (None, "invalid_client"):
        return WrongClientId(
            f"{host} does not know the OAuth client {client_id!r}. Check the client id and the region:"
            " a client of another region is unknown here.",
            **about,
        )
    if status == 401:
        return WrongClientSecret(
            f"{host} did not accept the secret of the OAuth client {client_id!r}."
            " Check the client secret and the region.",
            **about,
        )
    if status in (408, 429) or status >= 500:
        return refusal(response, f"The login at {host}", now)
    return LoginRefused(
        f"{host} gave the OAuth client {client_id!r} no token: {said.message}. Check the login address,"
        " and that the client's grant type is client credentials.",
        **about,
    )


def told_to_wait(headers: Mapping[str, str], message: str, now: datetime) -> float | None:
    """Seconds the platform asks to wait: by Retry-After, else by the end of the rate limit's window, else by
    the message.
    """
    by_header = _seconds(headers.get("Retry-After"), now)
    if by_header is not None:
        return by_header
    by_window = _seconds(headers.get("inin-ratelimit-reset"), now)
    if by_window is not None:
        return by_window
    by_message = _SECONDS.search(message)
    return float(by_message.group(1)) if by_message else None


def _seconds(value: str | None, now: datetime) -> float | None:
    if not value:
        return None
    try:
        return max(0.0, float(int(value)))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def _rate_limited(what: str, wait: float | None, now: datetime, about: dict[str, Any]) -> RateLimited:
    when = ""
    if wait is not None:
        back = (now + timedelta(seconds=wait)).astimezone(UTC)
        when = f" Come back at {back:%Y-%m-%d %H:%M:%S} UTC, in {wait:.0f} s."
    error = RateLimited(f"{what} was refused, since the request budget is used up.{when}", **about)
    error.retry_after = wait
    error.retry_at = None if wait is None else now + timedelta(seconds=wait)
    return error


def _missing_permission(what: str, said: _ErrorBody, about: dict[str, Any]) -> MissingPermission:
    permissions = tuple(dict.fromkeys(_PERMISSION.findall(" ".join((said.message, *said.params)))))
    if permissions:
        joined = (" or " if said.code == _ANY_OF else " and ").join(permissions)
        need = f"{what} needs the permission {joined}"
        advice = f"{need}: add it to a role of the OAuth client, in the divisions to be read."
    else:
        advice = f"{what} is not allowed: {said.message} Check the roles and divisions of the OAuth client."
    error = MissingPermission(advice, **about)
    error.permissions = permissions
    return error


class _ErrorBody:
    """What an error's body says, whichever of the two shapes it has, or none."""

    def __init__(self, response: requests.Response) -> None:
        try:
            parsed = json.loads(response.content)
        except (ValueError, RecursionError):
            parsed = None
        said = parsed if isinstance(parsed, dict) else {}
        self.code = _text(said.get("code")) or _text(said.get("error"))
        self.context_id = _text(said.get("contextId"))
        described = (
            said.get(name) for name in ("message", "messageWithParams", "error_description", "description", "error")
        )
        self.message = next((text for text in map(_text, described) if text), f"the answer was {_content(response)}")
        params = said.get("messageParams")
        self.params = [str(value) for value in params.values()] if isinstance(params, dict) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _content(response: requests.Response) -> str:
    body = response.content.lstrip()
    if not body:
        return "an empty body"
    if body[:1] == b"<":
        return "HTML"
    if body[:1] in b"{[":
        return f"JSON that is broken or no object ({len(response.content)} bytes)"
    kind = response.headers.get("Content-Type", "").split(";")[0].strip()
    return f"{kind or 'an unknown content'} ({len(response.content)} bytes)"

"""Turns an HTTP answer into the content of a page, or into an error.

This module decides which status becomes which error, and what its message says. `retry` decides whether the request is
retried; `exchange` sends and receives. Source of codes and texts: https://github.com/gildas/go-gcloudcx (error.go).
Source of Retry-After: https://developer.genesys.cloud/platform/api/rate-limits.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

from genesys_assets.cloud.errors import (
    AnswerTooLarge,
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
from genesys_assets.cloud.http.exchange import Answer
from genesys_assets.cloud.http.parsing import (
    TooManyValues,
    UnreadableJson,
    encoding_of,
    http_date,
    parse_json,
    read_whole_count,
    repeated_name,
    whole_number,
    words,
)

_PERMISSION = re.compile(r"\b[A-Za-z]\w{0,60}:[A-Za-z*][\w*]{0,60}:[A-Za-z*][\w*]{0,60}")
_MOST_PERMISSIONS = 20
_SECONDS = re.compile(r"\[(\d+)\] seconds")
ANY_OF = "missing.any.permissions"
# Longer waits are cut to this: no rate limit lasts a year, and later dates would overflow.
_LONGEST_WAIT = 366 * 86_400.0
_HIDDEN = "***"
# Observed tokens of the platform have 86 characters. Shorter texts may be words that appear in any answer.
_SHORTEST_SECRET = 16
# The escape sequences that JSON may use for printable ASCII characters. Tokens consist of these characters.
_ESCAPED_ASCII = re.compile(rb'\\(?:u00([2-7][0-9a-fA-F])|(["\\/]))')
_LISTS = ("results", "conversations", "entities", "userDetails")
"""The fields of answers that hold their data, one for each kind of endpoint."""
_READ_NAMES = (
    *(*_LISTS, "nextUri", "cursor", "cursors", "total", "totalHits", "pageCount"),
    *("jobId", "dataAvailabilityDate", "queryStatus", "enabledDataSchemas"),
)
"""The fields by which the client itself finds data and further pages."""
_PARTIAL = 206
_ERROR_TEXT_FIELDS = ("message", "code", "error_description", "error")
_ENCODINGS = {
    "utf-8-sig": "UTF-8 with a byte order mark",
    **dict.fromkeys(("utf-16", "utf-16-be", "utf-16-le"), "UTF-16"),
    **dict.fromkeys(("utf-32", "utf-32-be", "utf-32-le"), "UTF-32"),
}


def read_object(answer: Answer, what: str) -> dict[str, Any]:
    """The content of a successful answer; `what` names the request in messages. Raises BrokenAnswer unless the body is
    one complete JSON object in UTF-8, AnswerTooLarge if the object holds too many values, and UnexpectedAnswer if the
    body describes an error, or repeats the request's token, which must not be stored.
    """
    about: dict[str, Any] = {"status": answer.status, "correlation_id": correlation_id(answer)}
    if (encoding := encoding_of(answer.body)) != "utf-8":
        # Those who read stored bodies expect UTF-8.
        raise BrokenAnswer(
            f"{what} was answered with {len(answer.body)} bytes of {_ENCODINGS[encoding]} instead of a JSON object in"
            " UTF-8 without a byte order mark. If it happens again, look for a proxy that changes answers.",
            **about,
        )
    try:
        content = parse_json(answer.body)
    except TooManyValues as error:
        raise AnswerTooLarge(
            f"{what} was answered with {error}, which is the most that is read. Ask for less.", **about
        ) from None
    except UnreadableJson as error:
        raise BrokenAnswer(
            f"{what} was answered with {_described_content(answer, str(error))} instead of a JSON object.", **about
        ) from None
    if not isinstance(content, dict):
        raise BrokenAnswer(f"{what} was answered with {_described_content(answer)} instead of a JSON object.", **about)
    if (name := repeated_name(answer.body, _READ_NAMES)) is not None:
        raise BrokenAnswer(
            f"{what} was answered with JSON that has {name!r} twice, so one value would be lost.", **about
        )
    if _repeats_secret(answer):
        raise UnexpectedAnswer(
            f"{what}: the answer repeats the access token of its request, so nothing of it is stored. Check"
            " GENESYS_CLOUD_API_URL: Genesys Cloud never does this.",
            **about,
        )
    _require_no_error(answer, content, what, about)
    if answer.status == _PARTIAL:
        raise BrokenAnswer(f"{what} was answered with the status 206, a part of what was requested.", **about)
    return content


def _require_no_error(answer: Answer, content: Mapping[str, Any], what: str, about: Mapping[str, Any]) -> None:
    """Raises UnexpectedAnswer if the content of a successful answer describes an error. Without this, an error would
    count as an answer without data, because such answers have no list either.
    """
    errors = content.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else errors
    status = read_whole_count(content.get("status")) or 0
    has_data = any(isinstance(content.get(name), list) for name in _LISTS)
    described = content if status >= 400 or not has_data else {}
    texts = [described.get(name) for name in _ERROR_TEXT_FIELDS]
    if not errors and status < 400 and not any(isinstance(text, str) and text for text in texts):
        return
    if isinstance(first, dict):
        texts += [first.get(name) for name in _ERROR_TEXT_FIELDS]
    elif isinstance(first, str):
        texts.append(first)
    said = next((text for text in texts if isinstance(text, str) and text), "no message")
    code = next((each.get("code") for each in (content, first) if isinstance(each, dict) and each.get("code")), None)
    raise UnexpectedAnswer(
        f"{what} was answered with an error in place of data, though with the status {answer.status}:"
        f" {words(_without_secrets(answer, said)).rstrip('.')}. Nothing of it is stored. Retry later.",
        **about,
        code=words(_without_secrets(answer, code)) if isinstance(code, str) else None,
    )


def correlation_id(answer: Answer) -> str | None:
    # Before it is cut: the rest of a secret that is cut would not be recognised.
    return words(_without_secrets(answer, answer.headers.get("ININ-Correlation-Id") or "")) or None


def refusal(answer: Answer, what: str, now: datetime) -> GenesysCloudError:
    """The error that an answer with an error status stands for; `what` names the request in its message."""
    status, error_body = answer.status, _ErrorBody(answer)
    about: dict[str, Any] = {
        "status": status,
        "code": error_body.code,
        "correlation_id": correlation_id(answer) or error_body.context_id,
    }
    if status == 429:
        return _rate_limited(what, requested_wait(answer.headers, error_body.message, now), now, about)
    if status == 408 or status >= 500:
        trouble = ServerTrouble(f"{what} failed on the platform's side: {error_body.message}", **about)
        trouble.retry_after = requested_wait({"Retry-After": answer.headers.get("Retry-After", "")}, "", now)
        return trouble
    if status == 403:
        return _missing_permission(what, error_body, about)
    if status == 401:
        return Unauthorized(f"{what} was refused with a token just renewed: {error_body.message}", **about)
    if error_body.code == "response.entity.too.large":
        return AnswerTooLarge(f"{what} asks for too much at once: {error_body.message}", **about)
    if status == 413:
        return TooLarge(f"{what} asks for too much at once: {error_body.message}", **about)
    if status == 404:
        return NotFound(f"{what} was not found: {error_body.message}", **about)
    if status == 400:
        return BadRequest(f"{what} was not accepted: {error_body.message}", **about)
    if 300 <= status < 400:
        return UnexpectedAnswer(
            f"{what} was redirected to {_redirect_host(answer)}: check GENESYS_CLOUD_API_URL.", **about
        )
    return GenesysCloudError(f"{what} was refused: {error_body.message}", **about)


def login_refusal(answer: Answer, client_id: str, host: str, now: datetime) -> GenesysCloudError:
    """The error that a refused login stands for. The login host's error bodies have another shape than the API's."""
    status, error_body = answer.status, _ErrorBody(answer)
    about: dict[str, Any] = {"status": status, "code": error_body.code, "correlation_id": correlation_id(answer)}
    if status == 400 and error_body.code in (None, "invalid_client"):
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
        return refusal(answer, f"The login at {host}", now)
    return LoginRefused(
        f"{host} gave the OAuth client {client_id!r} no token: {error_body.message}. Check GENESYS_CLOUD_LOGIN_URL,"
        " and that the client's grant type is client credentials.",
        **about,
    )


def read_grant(answer: Answer, host: str) -> dict[str, Any]:
    """The content of a successful login. Raises BrokenAnswer if its body is empty or cut short, which is temporary, and
    UnexpectedAnswer if it holds no token.
    """
    about: dict[str, Any] = {"status": answer.status, "correlation_id": correlation_id(answer)}
    try:
        grant = parse_json(answer.body)
    except UnreadableJson as error:
        body = answer.body.lstrip()
        if not body or body[:1] == b"{":
            raise BrokenAnswer(
                f"{host} answered the login with {_described_content(answer, str(error))} instead of a token.", **about
            ) from None
        grant = None
    if isinstance(grant, dict) and isinstance(grant.get("access_token"), str) and grant["access_token"]:
        return grant
    raise UnexpectedAnswer(f"{host} answered the login without a token. Check GENESYS_CLOUD_LOGIN_URL.", **about)


def requested_wait(headers: Mapping[str, str], message: str, now: datetime) -> float | None:
    """Seconds that the platform asks to wait: from Retry-After, else until the end of the rate limit's window, else
    from the message; None if it does not say.
    """
    by_header = _seconds(headers.get("Retry-After"), now)
    if by_header is not None:
        return by_header
    by_window = _seconds(headers.get("inin-ratelimit-reset"), now)
    if by_window is not None:
        return by_window
    by_message = _SECONDS.search(message)
    return _seconds(by_message.group(1), now) if by_message else None


def _seconds(value: str | None, now: datetime) -> float | None:
    """Seconds until the time in a header, which is a number of seconds or a date; at most a year. None for other
    values.
    """
    whole = whole_number(value)
    if whole is not None:
        return min(max(0.0, float(whole)), _LONGEST_WAIT)
    at = http_date(value)
    return None if at is None else min(max(0.0, (at - now).total_seconds()), _LONGEST_WAIT)


def _rate_limited(what: str, wait: float | None, now: datetime, about: dict[str, Any]) -> RateLimited:
    when = ""
    if wait is not None:
        back = (now + timedelta(seconds=wait)).astimezone(UTC)
        when = f" Retry after {back:%Y-%m-%d %H:%M:%S} UTC, in {wait:.0f} s."
    error = RateLimited(f"{what} was refused: the rate limit is used up.{when}", **about)
    error.retry_after = wait
    return error


def _missing_permission(what: str, error_body: _ErrorBody, about: dict[str, Any]) -> MissingPermission:
    named = dict.fromkeys(_PERMISSION.findall(" ".join((error_body.message, *error_body.params))))
    permissions = tuple(named)[:_MOST_PERMISSIONS]
    if permissions:
        joined = (" or " if error_body.code == ANY_OF else " and ").join(permissions)
        need = f"{what} needs the permission {joined}"
        advice = f"{need}: add it to a role of the OAuth client, in the divisions to be read."
    else:
        advice = f"{what} is not allowed: {error_body.message} Check the roles and divisions of the OAuth client."
    error = MissingPermission(advice, **about)
    error.permissions = permissions
    return error


class _ErrorBody:
    """The fields of an error's body, in the API's shape or in the login host's, without the request's secrets."""

    def __init__(self, answer: Answer) -> None:
        try:
            parsed = parse_json(answer.body)
        except UnreadableJson:
            parsed = None
        fields = parsed if isinstance(parsed, dict) else {}

        def text(name: str) -> str | None:
            value = fields.get(name)
            return words(_without_secrets(answer, value)) if isinstance(value, str) and value else None

        self.code = text("code") or text("error")
        self.context_id = text("contextId")
        described = map(text, ("message", "messageWithParams", "error_description", "description", "error"))
        self.message = next((each for each in described if each), f"the answer was {_described_content(answer)}")
        params = fields.get("messageParams")
        values = list(params.values())[:_MOST_PERMISSIONS] if isinstance(params, dict) else []
        self.params = [words(_without_secrets(answer, str(value))) for value in values]


def _redirect_host(answer: Answer) -> str:
    try:
        host = urlsplit(answer.headers.get("Location", "")).hostname
    except ValueError:
        host = None
    return words(_without_secrets(answer, host)) if host else "nowhere"


def _secrets(answer: Answer) -> list[str]:
    """The request's token or client secret, in every form in which an answer may repeat it."""
    scheme, _, credentials = answer.authorization.partition(" ")
    secrets = [credentials]
    if scheme == "Basic":
        secret = b64decode(credentials).decode(errors="replace").partition(":")[2]
        secrets += [secret, quote_plus(secret)]
    return [secret for secret in secrets if secret]


def _repeats_secret(answer: Answer) -> bool:
    """Whether the body, in UTF-8, repeats a secret of the request, as it stands or with escaped characters. The bytes
    are compared, because the parsed object lacks the first of two values of the same name, which is stored too.
    """
    secrets = [secret.encode() for secret in _secrets(answer) if len(secret) >= _SHORTEST_SECRET]
    if any(secret in answer.body for secret in secrets):
        return True
    if b"\\" not in answer.body:
        return False
    body = _ESCAPED_ASCII.sub(_unescaped, answer.body)
    return any(secret in body for secret in secrets)


def _unescaped(escaped: re.Match[bytes]) -> bytes:
    digits, character = escaped.groups()
    return bytes([int(digits, 16)]) if digits else bytes(character)


def _without_secrets(answer: Answer, text: str) -> str:
    for secret in _secrets(answer):
        # In any case, because names of hosts are read in lower case.
        text = re.sub(re.escape(secret), _HIDDEN, text, flags=re.IGNORECASE)
    return text


def _described_content(answer: Answer, fault: str | None = None) -> str:
    body = answer.body.lstrip()
    if not body:
        return "an empty body"
    if body[:1] == b"<":
        return "HTML"
    if body[:1] in b"{[":
        return f"{fault or 'JSON that is broken or no object'} ({len(answer.body)} bytes)"
    kind = answer.headers.get("Content-Type", "").split(";")[0].strip()
    return f"{words(_without_secrets(answer, kind)) or 'an unknown content'} ({len(answer.body)} bytes)"

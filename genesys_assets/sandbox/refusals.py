"""Refusals: the platform's error bodies, code by code, with its own texts.

`validation`, the endpoints and `application` decide when to refuse. Source of codes and texts:
https://github.com/gildas/go-gcloudcx (error.go).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

MAXIMUM_RESULTS = 100_000

_DOWN = "The server is currently unavailable (because it is overloaded or down for maintenance)."
_OF_STATUS = {
    400: ("bad.request", "The request could not be understood by the server due to malformed syntax."),
    401: ("bad.credentials", "Invalid login credentials."),
    403: ("not.authorized", "You are not authorized to perform the requested action."),
    404: ("not.found", "The requested resource was not found."),
    405: ("method.not.allowed", "The method is not allowed for the requested resource."),
    408: ("client.timeout", "The client did not produce a request within the server timeout limit."),
    409: ("conflict", "The request conflicts with the current state of the target resource."),
    413: ("request.entity.too.large", "The request is over the size limit. Maximum bytes: 512000"),
    415: ("unsupported.media.type", "Unsupported Media Type"),
    429: ("too.many.requests", "Rate limit exceeded the maximum."),
    500: (
        "internal.server.error",
        "The server encountered an unexpected condition which prevented it from fulfilling the request.",
    ),
    503: ("service.unavailable", f"Service Unavailable - {_DOWN}"),
    504: ("request.timeout", "The request timed out."),
}


class RefusedRequest(Exception):
    """An answer other than 200: status, code, message and other fields of the body."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more

    def body(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "code": self.code,
            "status": self.status,
            **self.more,
            "contextId": str(uuid4()),
            "details": [],
            "errors": [],
        }


def of_status(status: int) -> RefusedRequest:
    code, message = _OF_STATUS.get(status, ("error", f"The server answered with status {status}."))
    return RefusedRequest(status, code, message)


def bad_request(message: str) -> RefusedRequest:
    return RefusedRequest(400, "bad.request", message)


def invalid_value(value: Any, field_type: str, allowed: Iterable[str] = ()) -> RefusedRequest:
    listed = ", ".join(allowed)
    message = f"Value [{'' if value is None else value}] is not valid for field type [{field_type}]."
    return RefusedRequest(400, "invalid.value", f"{message} Allowable values are: {listed}" if listed else message)


def invalid_parameter(value: Any, parameter: str, allowed: str) -> RefusedRequest:
    message = f"Value [{value}] is not valid for parameter [{parameter}]. Allowable values are: {allowed}"
    return RefusedRequest(400, "invalid.query.param.value", message)


def invalid_property(name: str, of: str) -> RefusedRequest:
    return RefusedRequest(400, "invalid.property", f"Value [{name}] is not a valid property for object [{of}]")


def invalid_date() -> RefusedRequest:
    message = "Dates must be specified as ISO-8601 strings. For example: yyyy-MM-ddTHH:mm:ss.SSSZ"
    return RefusedRequest(400, "invalid.date", message)


def too_many_results() -> RefusedRequest:
    return bad_request(
        f"Pagination may not exceed {MAXIMUM_RESULTS} results.\n\n"
        "Tip: When extracting large chunks of data (multiple days/weeks), maximize pagination performance by "
        "querying in smaller intervals."
    )


def interval_too_long(days: int) -> RefusedRequest:
    return bad_request(f"You must specify a search interval as part of your query that does not exceed {days} days")


def no_token() -> RefusedRequest:
    return RefusedRequest(
        401, "authentication.required", "No authentication bearer token specified in authorization header."
    )


def missing_permissions(permissions: Iterable[str], *, any_of: bool) -> RefusedRequest:
    listed = ", ".join(permissions)
    if any_of:
        text = "You must have at least one of the following permissions assigned"
        code = "missing.any.permissions"
    else:
        text = "You are missing the following permission(s)"
        code = "missing.permissions"
    start = "Unable to perform the requested action. "
    return RefusedRequest(
        403,
        code,
        f"{start}{text}: {listed}",
        messageWithParams=f"{start}{text}: {{permissions}}",
        messageParams={"permissions": listed},
    )


def too_many_requests(seconds: int, allowed: int) -> RefusedRequest:
    start = "Rate limit exceeded the maximum. Retry the request in"
    return RefusedRequest(
        429,
        "too.many.requests.retry.after",
        f"{start} [{seconds}] seconds",
        messageWithParams=f"{start} [{{retryAfter}}] seconds",
        messageParams={"retryAfter": str(seconds)},
        limit={
            "key": "client.credentials.token.rate.per.minute",
            "namespace": "platform.api",
            "value": allowed,
        },
    )

"""A step of the S3 server's request pipeline: unsigned requests reach buckets by the path of signed ones.

Swift on its own answers an unsigned `/bucket/key` with 412, without a look at the bucket's access list, so a bucket
open to everyone would look closed. With this step the access list decides, as on other S3 servers: 401 or the object.

It runs inside the S3 server's own environment (see `swift_settings`), so it imports nothing of the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_NOT_BUCKETS = ("/v1/", "/auth/", "/info", "/healthcheck")


def filter_factory(_: dict[str, str], *, account: str, **__: str) -> Callable[[_Application], _Application]:
    """Builds the step, as PasteDeploy requires. `account` owns every bucket, for example AUTH_sandbox."""
    return lambda application: AnonymousReads(application, account)


class AnonymousReads:
    """Adds the account to the path of a request for `/bucket/key`; the path of a signed request has it already."""

    def __init__(self, application: _Application, account: str) -> None:
        self._application = application
        self._account = account

    def __call__(self, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = request["PATH_INFO"]
        if path != "/" and not path.startswith(_NOT_BUCKETS):
            request["PATH_INFO"] = f"/v1/{self._account}{path}"
        return self._application(request, start_response)

"""A step of the S3 server's request pipeline: unsigned requests reach buckets by the same path as signed ones.

Swift on its own answers an unsigned `/bucket/key` with 412, whatever the bucket's access list says, so a bucket open to everyone
would look closed. With this step such a request is judged by the bucket's access list, as other S3 servers do: 401 or the object.

It runs inside the S3 server's own environment (see `object_store`), so it imports nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_NOT_BUCKETS = ("/v1/", "/auth/", "/info", "/healthcheck")


def filter_factory(
    _shared: dict[str, str], *, account: str, **_: str
) -> Callable[[_Application], _Application]:
    """The step as PasteDeploy builds it. `account` owns every bucket, for example AUTH_sandbox."""

    def build(application: _Application) -> _Application:
        def step(request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            path = request["PATH_INFO"]
            if path != "/" and not path.startswith(_NOT_BUCKETS):
                request["PATH_INFO"] = f"/v1/{account}{path}"
            return application(request, start_response)

        return step

    return build

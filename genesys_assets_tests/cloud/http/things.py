"""Requests and answers that tests of the client share."""

from __future__ import annotations

from genesys_assets_tests.cloud.platform import Reply

PATH = "/api/v2/things"


DONE = Reply(body={"done": True})


def error_body(message: str, code: str, **more: object) -> dict[str, object]:
    return {"message": message, "code": code, "contextId": "ctx-1", "details": [], "errors": [], **more}


BROKEN = [
    Reply(body={"a": "x" * 1000}, fault="truncated"),
    Reply(body={"a": "x" * 1000}, fault="truncated", packed=True),
    Reply(body=b'{"a": [1, 2', headers={"Content-Type": "application/json"}),
    Reply(body=b"<html>Please log in</html>", headers={"Content-Type": "text/html"}),
    Reply(body=b""),
    Reply(body=b"[1]"),
    Reply(body=b"not packed at all", headers={"Content-Encoding": "gzip"}),
]


LIMIT = error_body("Rate limit exceeded the maximum. Retry the request in [33] seconds", "too.many.requests")

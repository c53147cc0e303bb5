"""Handles every request: faults, login, rate limit, permission, body; then headers and compression of the answer.

`endpoints` knows the paths.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from genesys_assets.sandbox import refusals
from genesys_assets.sandbox.access import Budget, LoginRefused
from genesys_assets.sandbox.behaviour import Fault
from genesys_assets.sandbox.endpoints import Call, Endpoint, Platform
from genesys_assets.sandbox.extraction import FILES_PATH, UrlRefused
from genesys_assets.sandbox.organisation import encode
from genesys_assets.sandbox.refusals import RefusedRequest
from genesys_assets.sandbox.times import SECOND

MAXIMUM_REQUEST_BYTES = 512_000
_NOWHERE = "/{path:path}"
_SMALL = 500  # bytes below which compression is not worth it
_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

Handler = Callable[[Request], Awaitable[Response]]
Log = Callable[[str, str], None]
Count = Callable[[str, str, str, int | None, int], None]


@dataclass(slots=True)
class Answer:
    """An answer before it is compressed and sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    truncated: bool = False


def build(platform: Platform, now: Callable[[], int], log: Log, count: Count) -> Starlette:
    """Builds the HTTP application. `log` is called with the method and path of each request; `count` in addition with
    the path without ids, the status of the answer (None if the connection was closed instead) and the bytes of its body
    before compression.
    """

    async def log_in(request: Request, _: str) -> Answer:
        form = (await request.body()).decode(errors="replace")
        lifetime = platform.behaviour.token_lifetime_seconds
        try:
            grant = platform.access.log_in(request.headers.get("authorization", ""), form, lifetime)
        except LoginRefused as refused:
            return Answer(refused.status, encode(refused.body))
        return Answer(body=encode(grant))

    async def download(request: Request, _: str) -> Answer:
        has_token = "authorization" in request.headers
        file_id, parameters = request.path_params["id"], _parameters(request)
        try:
            body = await run_in_threadpool(
                platform.extraction.download, file_id, parameters, now(), has_token=has_token
            )
        except UrlRefused as refused:
            return Answer(refused.status, refused.body, content_type="application/xml")
        return Answer(body=body, content_type="binary/octet-stream")

    async def nowhere(request: Request, correlation_id: str) -> Answer:
        return _refusal(refusals.of_status(404), correlation_id)

    def through(answer: Callable[[Request, str], Awaitable[Answer]]) -> Handler:
        return _handler(platform, now, log, count, answer)

    files = Route(f"{FILES_PATH}/{{id}}", through(download), methods=["GET"])
    paths: dict[str, list[Endpoint]] = {}
    for endpoint in platform.endpoints():
        paths.setdefault(endpoint.path, []).append(endpoint)
    routes = [Route("/oauth/token", through(log_in), methods=["POST"]), files]
    for path, served in paths.items():
        methods = [endpoint.method for endpoint in served]
        routes.append(Route(path, through(_api_call(platform, served, now)), methods=methods))
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes.append(Route(_NOWHERE, through(nowhere), methods=every))
    return Starlette(routes=routes)


def _handler(
    platform: Platform,
    now: Callable[[], int],
    log: Log,
    count: Count,
    answer: Callable[[Request, str], Awaitable[Answer]],
) -> Handler:
    async def handle(request: Request) -> Response:
        log(request.method, request.url.path)
        correlation_id = str(uuid4())
        if platform.behaviour.latency_ms:
            await asyncio.sleep(platform.behaviour.latency_ms / 1000)
        await run_in_threadpool(platform.behaviour.happen, request.method, request.url.path)
        fault = platform.behaviour.fault_for(request.method, request.url.path)
        if fault is not None and fault.dropped:
            if fault.takes_effect:
                await answer(request, correlation_id)
            count(request.method, request.url.path, _template(request), None, 0)
            return _NoAnswer()
        scripted = fault is not None and (fault.status != HTTPStatus.OK or fault.body is not None)
        if not scripted or (fault is not None and fault.takes_effect):
            result = await answer(request, correlation_id)
        if scripted and fault is not None:
            result = _faulty(fault, correlation_id)
        result.truncated = fault is not None and fault.truncated
        result.headers["ININ-Correlation-Id"] = correlation_id
        result.headers["Date"] = formatdate(now() / SECOND, usegmt=True)
        count(request.method, request.url.path, _template(request), result.status, len(result.body))
        return await run_in_threadpool(_response, result, request.headers.get("accept-encoding", ""))

    return handle


def _template(request: Request) -> str:
    """The path of the endpoint, with `{id}` for ids; empty if there is no such endpoint."""
    path: str = getattr(request.scope.get("route"), "path", "")
    return "" if path == _NOWHERE else path


class _NoAnswer(Response):
    """Closes the connection without an answer, by the transport of uvicorn's `receive`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        of_request: Any = receive
        of_request.__self__.transport.abort()
        # The server notices that in the next round of its loop. Until then it would try to answer.
        await asyncio.sleep(0.01)


def _api_call(
    platform: Platform, served: list[Endpoint], now: Callable[[], int]
) -> Callable[[Request, str], Awaitable[Answer]]:
    endpoints = {endpoint.method: endpoint for endpoint in served}

    async def answer(request: Request, correlation_id: str) -> Answer:
        # HEAD is answered like GET: the server leaves the body out.
        endpoint = endpoints["GET" if request.method == "HEAD" else request.method]
        budget: Budget | None = None
        try:
            token, budget = platform.access.spend(request.headers.get("authorization"))
            if budget is not None and budget.exceeded:
                raise refusals.too_many_requests(budget.reset, budget.allowed)
            _permit(endpoint, platform.behaviour.missing_permissions)
            call = Call(
                path=dict(request.path_params),
                parameters=_parameters(request),
                body=_json(request, await request.body()) if endpoint.method == "POST" else None,
                token=token,
                now=now(),
                url=str(request.base_url).rstrip("/"),
            )
            result = _success(endpoint.status, await run_in_threadpool(endpoint.answer, call))
        except RefusedRequest as refused:
            result = _refusal(refused, correlation_id)
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS and budget and platform.behaviour.retry_after_header:
                result.headers["Retry-After"] = str(budget.reset)
        if budget is not None:
            result.headers |= budget.headers()
        return result

    return answer


def _permit(endpoint: Endpoint, missing: set[str]) -> None:
    if endpoint.permissions and missing.issuperset(endpoint.permissions):
        raise refusals.missing_permissions(endpoint.permissions, any_of=len(endpoint.permissions) > 1)


def _parameters(request: Request) -> dict[str, str]:
    """The URL's query; values of a repeated parameter are joined by commas."""
    names = dict.fromkeys(name for name, _ in request.query_params.multi_items())
    return {name: ",".join(request.query_params.getlist(name)) for name in names}


def _json(request: Request, body: bytes) -> Any:
    if len(body) > MAXIMUM_REQUEST_BYTES:
        raise refusals.of_status(413)
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise refusals.of_status(415)
    try:
        return json.loads(body)
    except ValueError:
        raise refusals.of_status(400) from None


def _success(status: int, answer: dict[str, Any] | bytes | None) -> Answer:
    if answer is None:
        return Answer(HTTPStatus.NO_CONTENT)
    return Answer(status, answer if isinstance(answer, bytes) else encode(answer))


def _refusal(refused: RefusedRequest, correlation_id: str) -> Answer:
    return Answer(refused.status, encode({**refused.body(), "contextId": correlation_id}))


def _faulty(fault: Fault, correlation_id: str) -> Answer:
    if fault.body is None and fault.status == HTTPStatus.BAD_GATEWAY:
        return Answer(fault.status, _GATEWAY_PAGE, dict(fault.headers), "text/html")
    if fault.body is None:
        answer = _refusal(refusals.of_status(fault.status), correlation_id)
    elif isinstance(fault.body, bytes | str):
        raw = fault.body if isinstance(fault.body, bytes) else fault.body.encode()
        looks_html = raw.lstrip().startswith(b"<")
        answer = Answer(fault.status, raw, content_type="text/html" if looks_html else "application/json")
    else:
        answer = Answer(fault.status, encode(fault.body))
    answer.headers |= fault.headers
    return answer


def _response(answer: Answer, accepted_encodings: str) -> Response:
    body, headers = answer.body, dict(answer.headers)
    if "gzip" in accepted_encodings and len(body) > _SMALL:
        body = gzip.compress(body, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    if answer.truncated:
        # Content-Length promises the whole body; the server closes the connection after half of it.
        headers["Content-Length"] = str(len(body))
        body = body[: len(body) // 2]
    media_type = None if answer.status == HTTPStatus.NO_CONTENT else answer.content_type
    return Response(body, status_code=answer.status, headers=headers, media_type=media_type)

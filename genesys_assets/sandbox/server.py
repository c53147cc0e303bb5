"""Starts and stops the sandbox: `with running() as sandbox: ...` serves it on a free loopback port.

This module has the socket, the thread and the clock. `application` builds the HTTP application.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random

import uvicorn
from starlette.applications import Starlette

from genesys_assets.sandbox import application
from genesys_assets.sandbox.access import Access
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.directory import uuid
from genesys_assets.sandbox.endpoints import Platform
from genesys_assets.sandbox.extraction import Extraction
from genesys_assets.sandbox.jobs import ConversationJobs, Job, Jobs
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import from_datetime
from genesys_assets.sandbox.usage import Usage
from genesys_assets.sandbox.user_status import UserJobs

HOST = "127.0.0.1"
_START_SECONDS = 120.0
_KEPT_REQUESTS = 100_000
# Long, so that a client which computes between two requests does not find its connection closed.
_IDLE_SECONDS = 3600

Now = datetime | Callable[[], datetime] | None


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A request that the sandbox served. `status` is None if the connection was closed instead; `size` is the bytes of
    the answer's body before compression.
    """

    method: str
    path: str
    status: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running organisation. `url` serves the login as well as the API. `requests` has method and path of each
    request, `answered` also its result. `jobs` and `user_jobs` are all jobs that were submitted; `timelines` has what
    each agent did.
    """

    url: str
    organisation: Organisation
    access: Access
    behaviour: Behaviour
    requests: deque[tuple[str, str]]
    jobs: list[Job]
    answered: deque[ServedRequest]
    user_jobs: list[Job]
    timelines: Timelines
    extraction: Extraction

    @property
    def client_id(self) -> str:
        return self.access.client_id

    @property
    def client_secret(self) -> str:
        return self.access.client_secret

    def requested(self, path: str) -> int:
        """How many requests so far had a path that contains `path`."""
        return sum(path in request_path for _, request_path in list(self.requests))

    def environment(self) -> dict[str, str]:
        """The settings that point the package at this sandbox."""
        return {
            "GENESYS_CLOUD_API_URL": self.url,
            "GENESYS_CLOUD_LOGIN_URL": self.url,
            "GENESYS_CLOUD_CLIENT_ID": self.client_id,
            "GENESYS_CLOUD_CLIENT_SECRET": self.client_secret,
        }


@contextmanager
def running(
    *,
    seed: int = 1,
    conversations_per_day: int | Callable[[date], int] = 400,
    now: Now = None,
    port: int = 0,
    requests_per_minute: int | None = 300,
    behaviour: Behaviour | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Sandbox]:
    """A sandbox for the length of a `with` block.

    `now` is the present of the organisation, and the date of its answers: an instant, a function, or None for the real
    time. `clock` drives tokens, windows of the rate limit and the time that jobs take, in seconds. With
    `requests_per_minute=None` there is no rate limit.
    """
    rng = Random(f"client {seed}")
    access = Access(
        client_id=uuid(rng),
        client_secret=f"sandbox-{rng.getrandbits(160):040x}",
        requests_per_minute=requests_per_minute,
        clock=clock,
    )
    requests: deque[tuple[str, str]] = deque(maxlen=_KEPT_REQUESTS)
    behaving = behaviour or Behaviour()
    organisation = Organisation(seed, conversations_per_day)
    timelines = Timelines(organisation)
    jobs = Jobs(ConversationJobs(organisation), behaving, clock)
    user_jobs = Jobs(UserJobs(timelines), behaving, clock)
    extraction = Extraction(organisation, behaving, timelines)
    usage, present = Usage(), _clock(now)
    platform = Platform(organisation, access, behaving, jobs, user_jobs, timelines, extraction, usage=usage)
    answered: deque[ServedRequest] = deque(maxlen=_KEPT_REQUESTS)

    def count(method: str, path: str, template: str, status: int | None, size: int) -> None:
        answered.append(ServedRequest(method, path, status, size))
        usage.count(method, template, status, present())

    app = application.build(
        platform,
        present,
        lambda method, path: requests.append((method, path)),
        count,
    )
    with socket.create_server((HOST, port)) as listening, _serving(app, listening):
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        logs = (jobs.submitted, answered, user_jobs.submitted)
        yield Sandbox(url, organisation, access, behaving, requests, *logs, timelines, extraction)


@contextmanager
def _serving(app: Starlette, listening: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=_IDLE_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="sandbox", daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("The sandbox did not start: its server ended or took too long.")
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _clock(now: Now) -> Callable[[], int]:
    if callable(now):
        return lambda: from_datetime(now())
    if now is not None:
        frozen = from_datetime(now)
        return lambda: frozen
    return lambda: from_datetime(datetime.now(UTC))

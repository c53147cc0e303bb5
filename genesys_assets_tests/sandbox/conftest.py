"""A running sandbox and a client that is logged in, for the tests of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.patience import PATIENCE_SECONDS

DAY = date(2026, 1, 28)
NOON = datetime(2026, 1, 28, 12, tzinfo=UTC)
LATER = datetime(2026, 2, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Client:
    """Speaks to the sandbox with plain HTTP."""

    sandbox: Sandbox
    session: requests.Session

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return self.session.get(f"{self.sandbox.url}{path}", params=parameters, timeout=PATIENCE_SECONDS)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self.session.post(f"{self.sandbox.url}{path}", json=body, timeout=PATIENCE_SECONDS, **options)

    def aggregates(self, **body: Any) -> requests.Response:
        return self.post("/api/v2/analytics/conversations/aggregates/query", body)

    def details(self, **body: Any) -> requests.Response:
        return self.post("/api/v2/analytics/conversations/details/query", body)


def log_in(sandbox: Sandbox, secret: str | None = None, client_id: str | None = None) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/oauth/token",
        auth=(client_id or sandbox.client_id, secret or sandbox.client_secret),
        data={"grant_type": "client_credentials"},
        timeout=PATIENCE_SECONDS,
    )


def client_of(sandbox: Sandbox, session: requests.Session) -> Client:
    session.headers["Authorization"] = f"Bearer {log_in(sandbox).json()['access_token']}"
    return Client(sandbox, session)


@pytest.fixture(scope="session")
def sandbox_at_noon() -> Iterator[Sandbox]:
    with running(now=NOON, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def sandbox_afterwards() -> Iterator[Sandbox]:
    with running(now=LATER, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture
def at_noon(sandbox_at_noon: Sandbox) -> Iterator[Client]:
    """A client at noon of DAY, when conversations are in progress."""
    yield from _clients(sandbox_at_noon)


@pytest.fixture
def afterwards(sandbox_afterwards: Sandbox) -> Iterator[Client]:
    """A client weeks after DAY, when all conversations that ever end have ended."""
    yield from _clients(sandbox_afterwards)


def _clients(sandbox: Sandbox) -> Iterator[Client]:
    """Starting a sandbox is slow, so tests share one, but no test sees another's changes."""
    sandbox.behaviour.reset()
    sandbox.organisation.restore()
    sandbox.requests.clear()
    with requests.Session() as session:
        yield client_of(sandbox, session)
    sandbox.behaviour.reset()
    sandbox.organisation.restore()

"""moto's S3 server: of several conditional writes, exactly one succeeds, as on S3 but not on Swift.

It has a virtual environment of its own (`make moto`), and checks no signatures. So most tests of S3 use `object_store`,
and use moto only where several processes commit at once.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.patience import wait_for
from genesys_assets_tests.ports import free_port
from genesys_assets_tests.processes import beside


@pytest.fixture(scope="session")
def moto() -> Iterator[ObjectStore]:
    """A running server."""
    port = free_port()
    command = [str(_installed()), "-H", "127.0.0.1", "-p", f"{port}"]
    with beside(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        store = ObjectStore(f"http://127.0.0.1:{port}", "key", "secret")
        wait_for(lambda: _answers(store, server))
        yield store


def _installed() -> Path:
    checkout = Path(__file__).parents[2]
    folder = Path(os.environ.get("GENESYS_ASSETS_MOTO_VENV") or checkout / ".venv-moto")
    server = folder / "bin" / "moto_server"
    if not server.exists():
        pytest.skip(f"moto is not installed in {folder}: run `make moto`")
    return server


def _answers(store: ObjectStore, server: subprocess.Popen[str]) -> bool:
    assert server.poll() is None, "moto's server has ended"
    try:
        return requests.get(f"{store.endpoint_url}/moto-api/", timeout=5).ok
    except requests.ConnectionError:
        return False

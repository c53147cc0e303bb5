"""An organisation whose present stands still, and the lakes that were read from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.sandbox.server import running
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.killed_runs.lakes import NOW, Lakes
from genesys_assets_tests.scenarios.killed_runs.process import unsynchronised


@pytest.fixture(scope="package")
def present() -> FixedNow:
    return FixedNow(NOW)


@pytest.fixture(scope="package", autouse=True)
def _at_one_time(present: FixedNow) -> Iterator[None]:
    """All clocks show the organisation's present, and a lost submission is given up at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details_jobs, "GRACE", timedelta(0))
        patch.setattr(GenesysCloud, "now", lambda _: present())
        event.listen(Engine, "connect", unsynchronised)
        yield
        event.remove(Engine, "connect", unsynchronised)


@pytest.fixture(scope="package")
def lakes(present: FixedNow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakes]:
    with running(conversations_per_day=12, now=present, requests_per_minute=None) as sandbox:
        yield Lakes(sandbox, present, tmp_path_factory.mktemp("lakes"))

"""An empty lake for each test, and no settings of the machine that the tests run on."""

import os
from pathlib import Path

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore

# `downstream.assets` reads it when it is imported.
os.environ.pop("GENESYS_ASSETS_START_DATE", None)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", str(tmp_path))
    return Lake(LocalStore(tmp_path))

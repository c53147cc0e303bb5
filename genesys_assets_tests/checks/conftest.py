"""An empty lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))

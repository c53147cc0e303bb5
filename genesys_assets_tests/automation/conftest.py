"""The code location as in a fresh installation: only the first day is set."""

from __future__ import annotations

import os
from datetime import date
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from genesys_assets.definitions import build_definitions
from genesys_assets.partitions import Calendar

FIRST_DAY = date(2026, 1, 1)


def calendar(first: date = FIRST_DAY, zone: str = "UTC", look_back_days: int = 4) -> Calendar:
    return Calendar(first, ZoneInfo(zone), look_back_days)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GENESYS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GENESYS_")]:
            patch.delenv(name)
        patch.setenv("GENESYS_ASSETS_START_DATE", f"{FIRST_DAY}")
        return build_definitions()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.importing.saved import DAY, HOUR, as_bytes, conversation, metric, result


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Path]:
    """A folder with conversations, figures and a truncated file; the lake is beside it."""
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "details.json").write_bytes(as_bytes({"conversations": [conversation("A"), conversation("B")]}))
    figures = [result({"queueId": "Q"}, metric("nOffered", count=1), interval=each) for each in (HOUR, DAY)]
    (folder / "figures.json").write_bytes(as_bytes({"results": figures}))
    with environment({"GENESYS_ASSETS_LAKE": str(tmp_path / "lake"), "DAGSTER_HOME": str(tmp_path)}):
        yield folder

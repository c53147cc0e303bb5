from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, definitions
from genesys_assets_tests.conftest import DAYS, NOW
from genesys_assets_tests.forgetting.scene import REPORTS, Scene, at_home, fill


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("full")
    (home / "reports.yaml").write_text(REPORTS)
    with running(conversations_per_day=12, now=NOW, requests_per_minute=None) as sandbox:
        defined = definitions(f"{DAYS[0]}", reports=home / "reports.yaml")
        world = at_home(World(sandbox, home / "lake", defined), home)
        scene = Scene(world, home, sandbox.organisation.directory.users[3])
        fill(scene)
        yield scene


@pytest.fixture
def scene(full: Scene, tmp_path: Path) -> Scene:
    return full.copied(tmp_path / "home")

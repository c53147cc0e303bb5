"""The published assets in a folder, without any S3: what lies there, and that everything leads to everything else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dagster as dg
import pytest

from genesys_assets_tests.assets.world import World, metadata
from genesys_assets_tests.conftest import DAY


@pytest.fixture(scope="module")
def published(past_days: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """The day and the list in a folder, and the world whose last runs published them."""
    home = tmp_path_factory.mktemp("home")
    settings = {"DAGSTER_HOME": str(home)}
    world = replace(past_days, settings=settings, instance=dg.DagsterInstance.ephemeral(), runs=[])
    assert world.run("daily", "published/reports", partition=f"{DAY}").success
    assert world.run("daily", "published/index", partition=f"{DAY}").success
    return world, home / "published"


def test_the_first_day_needs_no_bucket(published: tuple[World, Path]) -> None:
    _, folder = published
    manifest = folder / f"reports/manifest/date={DAY}/manifest.json"
    said = json.loads(manifest.read_text())
    assert len(said["files"]) == 19
    assert (said["bucket"], said["missing"], said["failing_checks"]) == (None, [], [])
    for file in said["files"]:
        body = (manifest.parent / unquote(file["url"])).read_bytes()
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert file["expires_at"] is None


def test_the_materialisations_lead_to_page_manifest_and_list(published: tuple[World, Path]) -> None:
    world, folder = published
    day, index = world.runs
    for url in (*(metadata(day, "published/reports")[name] for name in ("page", "manifest")),):
        assert Path(unquote(urlsplit(url).path)).is_relative_to(folder / "reports")
        assert Path(unquote(urlsplit(url).path)).is_file()
    assert metadata(index, "published/index")["days_with_a_page"] == 1

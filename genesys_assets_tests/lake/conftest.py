"""Fixtures of the lake's tests: an empty lake on a disk, and one on S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore, S3Store, Store
from genesys_assets.sandbox.object_store import ObjectStore


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake on this machine's disk."""
    return Lake(LocalStore(tmp_path / "lake"))


@pytest.fixture
def s3_environment(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The AWS environment points to the S3 server: Arrow and delta-rs read it."""
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3_store(s3_environment: None, s3_client: Any, bucket: str) -> S3Store:
    """A prefix of an empty bucket."""
    return S3Store(bucket, "some/prefix", lambda: s3_client)


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "disk":
        return LocalStore(tmp_path / "lake")
    of_s3: S3Store = request.getfixturevalue("s3_store")
    return of_s3

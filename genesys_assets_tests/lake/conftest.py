"""Fixtures of the lake's tests: an empty lake on a disk, and one on S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.lake.moto_server import moto

__all__ = ["moto"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake on this machine's disk."""
    return Lake(LocalStore(tmp_path / "lake"))


@pytest.fixture
def s3_environment(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The AWS environment points to the S3 server; Arrow and delta-rs read the environment."""
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3_store(s3_environment: None, s3_client: Any, bucket: str) -> S3Store:
    """A prefix of an empty bucket."""
    return S3Store(bucket, "some/prefix", lambda: s3_client)


@pytest.fixture
def moto_store(moto: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A prefix of an empty bucket in which several processes may commit at once."""
    for name, value in moto.environment().items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{uuid4().hex[:12]}"
    moto.create_bucket(name)
    opened = open_lake(f"s3://{name}/some/prefix").store
    assert isinstance(opened, S3Store)
    return opened


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "disk":
        return LocalStore(tmp_path / "lake")
    of_s3: S3Store = request.getfixturevalue("s3_store")
    return of_s3

"""Fixtures of the tests of publishing: a report as files, and publishers to a bucket and to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genesys_assets.publishing.folder import Folder
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import LocalFile, write_report_files
from genesys_assets_tests.publishing.published_files import TABLE


@pytest.fixture
def files(tmp_path: Path) -> list[LocalFile]:
    """A report as Parquet, CSV and JSON."""
    return write_report_files([TABLE], TABLE.schema, tmp_path, "agent_daily")


@pytest.fixture
def publisher(s3_client: Any, bucket: str) -> Publisher:
    """To a bucket."""
    return Publisher(PrivateBucket(s3_client, f"s3://{bucket}/some/prefix"))


@pytest.fixture
def to_folder(tmp_path: Path) -> Publisher:
    """To a folder."""
    return Publisher(Folder(str(tmp_path / "published")))


@pytest.fixture(params=["s3", "folder"])
def anywhere(request: pytest.FixtureRequest) -> Publisher:
    """To a bucket, then to a folder."""
    chosen: Publisher = request.getfixturevalue("publisher" if request.param == "s3" else "to_folder")
    return chosen

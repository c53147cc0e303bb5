"""The lake of the settings: a folder, or a prefix of a bucket that the AWS environment reaches."""

from __future__ import annotations

from typing import Any

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import open_store
from genesys_assets.settings import LakeSettings


def open_lake(location: str | None = None) -> Lake:
    """The lake at a location, else at that of GENESYS_ASSETS_LAKE. Raises SettingError."""
    return Lake(open_store(LakeSettings.load(lake=location).location, s3_client))


def s3_client() -> Any:
    """A boto3 client made from the AWS environment."""
    from dagster_aws.s3 import S3Resource

    return S3Resource().get_client()

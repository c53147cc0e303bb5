"""Opens the lake that the settings name: a folder, or a prefix of an S3 bucket."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.s3_store import PATIENCE_SECONDS, S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.privacy.protection import Protection
from genesys_assets.settings import LakeSettings, refuse_user_info_of_aws

_LAKES_SHARED = 4
_CONNECT_SECONDS = 10
"""More than enough: an endpoint that accepts connections does so within milliseconds."""
_READ_SECONDS = 60
"""As long as Arrow waits: see `s3_store`."""
_ATTEMPTS = 3
"""How often boto3 tries a request. S3Store then retries for as long as its own patience lasts."""
_PERSON_SECONDS = 10.0
"""The patience of somebody who waits at a terminal."""


def open_store(location: str, s3_client: Callable[[], Any], patience: float = PATIENCE_SECONDS) -> Store:
    """The store at `folder` or `s3://bucket/prefix`; `patience` is that of S3Store, in seconds."""
    if not location.startswith("s3://"):
        return LocalStore(Path(location).expanduser())
    parts = urlsplit(location)
    return S3Store(parts.netloc, parts.path, s3_client, patience)


def open_lake(location: str | None = None) -> Lake:
    """The lake at a location, else at that of GENESYS_ASSETS_LAKE. Raises SettingError."""
    return Lake(open_store(LakeSettings.load(lake=location).location, s3_client), protection=Protection.from_settings())


@functools.lru_cache(_LAKES_SHARED)
def _shared(location: str, *_: str) -> Lake:
    return open_lake(location)


def shared_lake(location: str | None = None) -> Lake:
    """As `open_lake`, but callers in this process share what was read of logs and files. For sensors, which look at the
    whole lake again and again.
    """
    return _shared(LakeSettings.load(lake=location).location, *_aws()).refreshed()


def shared_s3_client() -> Any:
    """As `s3_client`, but all callers in this process share the client."""
    return _shared_client(*_aws())


@functools.lru_cache(_LAKES_SHARED)
def _shared_client(*_: str) -> Any:
    return s3_client()


def _aws() -> list[str]:
    """Credentials and endpoint, as a key of caches: tests and notebooks change the environment."""
    return [value for name, value in sorted(os.environ.items()) if name.startswith("AWS_")]


def s3_client(*, read_seconds: float = _READ_SECONDS, attempts: int = _ATTEMPTS) -> Any:
    """A boto3 client made from the AWS environment. It waits up to `read_seconds` for an answer, and sends a request up
    to `attempts` times. Raises SettingError for an endpoint with a user or a password.
    """
    import boto3
    from botocore.config import Config

    refuse_user_info_of_aws()
    times = {"connect_timeout": min(_CONNECT_SECONDS, read_seconds), "read_timeout": read_seconds}
    return boto3.session.Session().client("s3", config=Config(retries={"total_max_attempts": attempts}, **times))


def open_lake_for_a_person(location: str | None = None) -> Lake:
    """As `open_lake`, for somebody who waits at a terminal: an unreachable S3 is reported within half a minute."""
    client = functools.partial(s3_client, read_seconds=_PERSON_SECONDS, attempts=1)
    store = open_store(LakeSettings.load(lake=location).location, client, patience=_PERSON_SECONDS)
    return Lake(store, protection=Protection.from_settings())

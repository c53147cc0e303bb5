"""Fixtures of every test that needs S3: one real server for the whole session, a fresh bucket for each test.

No test is skipped if the server is not installed: the error then says `make s3`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from dagster_aws.s3 import S3Resource

from genesys_assets.sandbox.object_store import ObjectStore, running


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """A running S3 server."""
    with running() as store:
        yield store


@pytest.fixture(scope="session")
def s3_resource(object_store: ObjectStore) -> S3Resource:
    """Dagster's S3 resource of that server."""
    return S3Resource(
        endpoint_url=object_store.endpoint_url,
        region_name=object_store.region,
        aws_access_key_id=object_store.access_key,
        aws_secret_access_key=object_store.secret_key,
        max_attempts=1,
    )


@pytest.fixture(scope="session")
def s3_client(s3_resource: S3Resource) -> Iterator[Any]:
    """A boto3 client of that server, as Dagster's S3 resource gives it."""
    with contextlib.closing(s3_resource.get_client()) as client:
        yield client


@pytest.fixture
def bucket(object_store: ObjectStore) -> str:
    """The name of an empty private bucket."""
    return _bucket(object_store, public=False)


@pytest.fixture
def public_bucket(object_store: ObjectStore) -> str:
    """The name of an empty bucket that anyone may read."""
    return _bucket(object_store, public=True)


def _bucket(store: ObjectStore, *, public: bool) -> str:
    name = f"bucket-{uuid4().hex[:12]}"
    store.create_bucket(name, public=public)
    return name

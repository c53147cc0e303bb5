"""Thin Dagster resources: each hands assets one plain object of the domain.

Every field may be left out and is then read from the environment (see `settings`), when it is first needed and not
before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from genesys_assets.settings import CloudSettings, PublishSettings

if TYPE_CHECKING:
    from genesys_assets.cloud.transport import GenesysCloud
    from genesys_assets.lake.lake import Lake
    from genesys_assets.publishing.publisher import Publisher


class GenesysCloudResource(dg.ConfigurableResource["GenesysCloudResource"]):
    """One OAuth client of a Genesys Cloud organisation: token, pacing and connections are shared by all that use it
    in a run.
    """

    region: str | None = None
    api_url: str | None = None
    login_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    requests_per_minute: int | None = None
    _client: Any = PrivateAttr(default=None)

    @property
    def client(self) -> GenesysCloud:
        """The connected organisation. Raises SettingError or UnknownRegion where the settings name none."""
        if self._client is None:
            from genesys_assets.cloud.regions import hosts
            from genesys_assets.cloud.transport import GenesysCloud

            settings = CloudSettings.load(
                region=self.region,
                api_url=self.api_url,
                login_url=self.login_url,
                client_id=self.client_id,
                client_secret=self.client_secret,
                requests_per_minute=self.requests_per_minute,
            )
            self._client = GenesysCloud(
                hosts(settings.region, settings.api_url, settings.login_url),
                settings.client_id,
                settings.client_secret.get_secret_value(),
                requests_per_minute=settings.requests_per_minute,
            )
        return self._client  # type: ignore[no-any-return]

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class LakeResource(dg.ConfigurableResource["LakeResource"]):
    """The lake: a folder or `s3://bucket/prefix`."""

    location: str | None = None
    _lake: Any = PrivateAttr(default=None)

    @property
    def lake(self) -> Lake:
        """The lake as it is now: what others committed before is seen. Take it once, and read and write through it."""
        from genesys_assets.lake.opening import open_lake

        self._lake = open_lake(self.location) if self._lake is None else self._lake.refreshed()
        return self._lake  # type: ignore[no-any-return]


class PublishingResource(dg.ConfigurableResource["PublishingResource"]):
    """Where reports are published, S3 or a folder, and how long presigned URLs work."""

    publish_url: str | None = None
    url_expiry_seconds: int | None = None

    def publisher(self, s3_client: Callable[[], Any]) -> Publisher:
        """`s3_client` makes a boto3 client; it is called only where S3 is published to."""
        from genesys_assets.publishing.publisher import open_publisher

        settings = PublishSettings.load(publish_url=self.publish_url, url_expiry_seconds=self.url_expiry_seconds)
        return open_publisher(settings.location, s3_client, expiry_seconds=settings.url_expiry_seconds)

"""Thin Dagster resources: client, lake, publisher.

Every field is optional; an unset one is read from the environment at first use (see `settings`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr, SecretStr

from genesys_assets.settings import CloudSettings

if TYPE_CHECKING:
    from genesys_assets.cloud.http.transport import GenesysCloud
    from genesys_assets.lake.lake import Lake
    from genesys_assets.publishing.publisher import Publisher


class GenesysCloudResource(dg.ConfigurableResource["GenesysCloudResource"]):
    """One OAuth client of a Genesys Cloud organisation: token, pacing and connections are shared by all that use it
    in a run.

    A `client_secret` given as text stays in this process: Dagster stores and shows only a placeholder. `dg.EnvVar`
    works too.
    """

    region: str | None = None
    api_url: str | None = None
    login_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    requests_per_minute: int | None = None
    _client: Any = PrivateAttr(default=None)
    _gives_up_at: float = PrivateAttr(default=math.inf)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**_with_placeholder(fields))

    @property
    def client(self) -> GenesysCloud:
        """The client of the organisation. Raises SettingError or UnknownRegion if the settings do not name one."""
        if self._client is None:
            from genesys_assets.cloud.http.regions import hosts
            from genesys_assets.cloud.http.transport import GenesysCloud

            settings = CloudSettings.load(
                region=self.region,
                api_url=self.api_url,
                login_url=self.login_url,
                client_id=self.client_id,
                client_secret=_SECRETS.get(self.client_secret or "", self.client_secret),
                requests_per_minute=self.requests_per_minute,
            )
            self._client = GenesysCloud(
                hosts(settings.region, settings.api_url, settings.login_url),
                settings.client_id,
                settings.secret,
                requests_per_minute=settings.requests_per_minute,
                longest_life=max(0.0, self._gives_up_at - time.monotonic()),
            )
        return self._client  # type: ignore[no-any-return]

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._gives_up_at = time.monotonic() + seconds_of(context)

    def give_up_after(self, seconds: float) -> None:
        """From now on the client waits for the platform no longer than these seconds. Call it before the first use of
        `client`.
        """
        self._gives_up_at = min(self._gives_up_at, time.monotonic() + seconds)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


MARGIN_SECONDS = 30.0
"""Seconds at the end of a run's time that are kept for reporting why it failed."""

_SECRETS: dict[str, SecretStr] = {}
"""Secrets that were given as text, by the placeholder that Dagster stores in their place."""


def seconds_of(context: dg.InitResourceContext) -> float:
    """How long a run may wait for the platform: as long as its job or dagster.yaml lets it run, less a margin."""
    run, instance = context.run, context.instance
    limit: Any = (run.tags if run is not None else {}).get("dagster/max_runtime")
    if limit is None and run is not None and instance is not None:
        limit = instance.run_monitoring_max_runtime_seconds
    try:
        seconds = float(limit or math.inf)
    except ValueError:
        return math.inf
    return max(0.0, seconds - MARGIN_SECONDS) if seconds > 0 else math.inf


def _with_placeholder(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with a placeholder for a secret that is given as text."""
    secret = fields.get("client_secret")
    if not isinstance(secret, str) or isinstance(secret, dg.EnvVar) or secret in _SECRETS:
        return dict(fields)
    # Every process that loads the same definitions makes the same placeholder, so what Dagster stores does not change.
    client = ", ".join(str(fields[name]) for name in ("client_id", "region", "api_url") if fields.get(name))
    placeholder = f"(held by the process, of {client or 'the client of the environment'})"
    _SECRETS[placeholder] = SecretStr(secret)
    return {**fields, "client_secret": placeholder}


class LakeResource(dg.ConfigurableResource["LakeResource"]):
    """The lake: a folder or `s3://bucket/prefix`."""

    location: str | None = None
    _lake: Any = PrivateAttr(default=None)

    @property
    def lake(self) -> Lake:
        """The lake as of now, with everything that other processes have committed. Take it once, then read and write
        through that object.
        """
        from genesys_assets.lake.opening import open_lake

        self._lake = open_lake(self.location) if self._lake is None else self._lake.refreshed()
        return self._lake  # type: ignore[no-any-return]


class PublishingResource(dg.ConfigurableResource["PublishingResource"]):
    """Where reports are published, S3 or a folder, and how long presigned URLs work."""

    publish_url: str | None = None
    url_expiry_seconds: int | None = None

    def publisher(self, s3_client: Callable[[], Any]) -> Publisher:
        """The publisher that these settings describe. `s3_client` makes a boto3 client; it is called only if reports
        are published to S3.
        """
        from genesys_assets.publishing.opening import publisher_of_settings

        return publisher_of_settings(
            s3_client, publish_url=self.publish_url, url_expiry_seconds=self.url_expiry_seconds
        )

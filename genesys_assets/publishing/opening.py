"""Opens the place to which the settings publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genesys_assets.publishing.csv_text import CsvStyle
from genesys_assets.publishing.publisher import Publisher, open_publisher
from genesys_assets.settings import CsvSettings, PublishSettings


def publisher_of_settings(
    s3_client: Callable[[], Any], *, publish_url: str | None = None, url_expiry_seconds: int | None = None
) -> Publisher:
    """The publisher of the given settings, else of the environment's. `s3_client` makes a boto3 client; it is called
    only if the place is on S3. Raises SettingError, PublishingError.
    """
    settings = PublishSettings.load(publish_url=publish_url, url_expiry_seconds=url_expiry_seconds)
    csv = CsvSettings.load()
    style = CsvStyle(csv.formulas, csv.bom)
    return open_publisher(settings.location, s3_client, expiry_seconds=settings.url_expiry_seconds, style=style)

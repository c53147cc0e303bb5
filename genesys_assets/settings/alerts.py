"""Where messages about failed runs, late figures, published days and ended runs are sent."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr, field_validator

from genesys_assets.cloud.http.urls import checked_url
from genesys_assets.secrets_manager import is_name
from genesys_assets.settings.group import Group, revealed_url, setting

ALERT_WEBHOOK = "GENESYS_ASSETS_ALERT_WEBHOOK"


PUBLISH_WEBHOOK = "GENESYS_ASSETS_PUBLISH_WEBHOOK"


def _named_host(webhook: SecretStr | None) -> SecretStr | None:
    # Within an organisation's own network webhooks are often plain http.
    if webhook is not None and not is_name(webhook):
        checked_url(webhook.get_secret_value(), tls=False)
    return webhook


class AlertSettings(Group):
    """Where messages about failed runs and late figures are sent, besides the log."""

    webhook: SecretStr | None = setting(
        ALERT_WEBHOOK,
        "URL that receives a JSON message for each failed run and each late figure. It is kept secret, because whoever "
        "knows it can post there.",
        "https://hooks.example.com/T0/B0",
        default=None,
    )

    _names_a_host = field_validator("webhook")(_named_host)

    @property
    def url(self) -> str | None:
        """The webhook's URL itself, wherever it is kept. Raises SettingError."""
        return revealed_url(self.webhook, ALERT_WEBHOOK)


class AnnouncementSettings(Group):
    """Where messages about published days are sent."""

    webhook: SecretStr | None = setting(
        PUBLISH_WEBHOOK,
        "URL that receives a JSON message for each day that was published or has changed: its headline and the URL of "
        "its page. It is kept secret, and may be the same as that of alerts.",
        "https://hooks.example.com/T0/B0",
        default=None,
    )

    _names_a_host = field_validator("webhook")(_named_host)

    @property
    def url(self) -> str | None:
        """The webhook's URL itself, wherever it is kept. Raises SettingError."""
        return revealed_url(self.webhook, PUBLISH_WEBHOOK)


class RunMetricsSettings(Group):
    """Where a record of each ended run is written, besides the log."""

    file: Path | None = setting(
        "GENESYS_ASSETS_RUN_METRICS",
        "File to which one line of JSON is appended for each run that ends. Not set: none.",
        "/var/log/genesys_runs.jsonl",
        see="operations.md#metrics",
        default=None,
    )
    opentelemetry: bool = setting(
        "GENESYS_ASSETS_OPENTELEMETRY",
        "Whether a record of each run that ends is also sent to OpenTelemetry. Its own variables OTEL_* name the "
        "collector. It needs the extra opentelemetry.",
        "true",
        see="operations.md#metrics",
        default=False,
    )

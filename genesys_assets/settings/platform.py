"""Genesys Cloud: which organisation, which client, what is fetched, and how fast."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, Self

from pydantic import SecretStr, field_validator, model_validator

from genesys_assets.cloud.analytics.families import AggregateFamily, family
from genesys_assets.cloud.analytics.values import is_uuid
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.settings.group import Group, Url, revealed_secret, setting


class RateSettings(Group):
    """How many requests may be sent.

    The platform allows 300 a minute per token: https://developer.genesys.cloud/organization/organization/limits
    """

    requests_per_minute: int = setting(
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE",
        "Maximum number of requests that one process sends in a minute. The API's own headers may lower it.",
        "300",
        default=300,
        ge=1,
    )


class CloudSettings(RateSettings):
    """Which Genesys Cloud organisation, with which OAuth client, and how fast."""

    region: str | None = setting(
        "GENESYS_CLOUD_REGION",
        "Region of the organisation, as key (us_east_1) or domain (mypurecloud.com). Required unless "
        "GENESYS_CLOUD_API_URL is set.",
        "mypurecloud.com",
        default=None,
    )
    api_url: Url | None = setting(
        "GENESYS_CLOUD_API_URL",
        "URL of the API instead of a region: a gateway by https, or the sandbox.",
        "https://api.mypurecloud.com",
        default=None,
    )
    login_url: Url | None = setting(
        "GENESYS_CLOUD_LOGIN_URL",
        "URL of the login instead of a region.",
        "https://login.mypurecloud.com",
        default=None,
    )
    client_id: str = setting(
        "GENESYS_CLOUD_CLIENT_ID",
        "Id of an OAuth client with the grant type client credentials.",
        "7de3af06-c0b3-4f9b-af45-72f4a1403797",
    )
    client_secret: SecretStr = setting(
        "GENESYS_CLOUD_CLIENT_SECRET",
        "Secret of that OAuth client, or secretsmanager:NAME#KEY of AWS Secrets Manager.",
        "<the secret shown when the client was made>",
        see="security.md#secrets",
    )

    @property
    def secret(self) -> str:
        """The client's secret itself, wherever it is kept. Raises SettingError."""
        return revealed_secret(self.client_secret, "GENESYS_CLOUD_CLIENT_SECRET")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.region is None and self.api_url is None:
            raise ValueError(
                "GENESYS_CLOUD_REGION is not set: set it to the organisation's region, for example "
                "GENESYS_CLOUD_REGION=mypurecloud.com, or set GENESYS_CLOUD_API_URL to a gateway or the sandbox"
            )
        return self

    @model_validator(mode="after")
    def _no_secret_for_an_id(self) -> Self:
        """The id is shown in messages, so a secret in its place would be too."""
        secret = self.client_secret.get_secret_value().strip()
        is_swapped = is_uuid(secret.lower()) and not is_uuid(self.client_id.strip().lower())
        if is_swapped or secret == self.client_id.strip():
            raise ValueError(
                "GENESYS_CLOUD_CLIENT_ID must be the id of the OAuth client and GENESYS_CLOUD_CLIENT_SECRET its secret:"
                f" {'they are swapped' if is_swapped else 'both have the same value'}. Neither is shown. Correct them"
            )
        return self


def _families(stated: str) -> Iterator[AggregateFamily]:
    """The families named in a comma-separated text. Raises ValueError."""
    for name in filter(None, (part.strip() for part in stated.split(","))):
        try:
            yield family(name)
        except InvalidQuery as refused:
            raise ValueError(str(refused)) from None


class AggregatesSettings(Group):
    """Which aggregates are fetched in addition to those that reports need, and how many days at once."""

    further_families: str = setting(
        "GENESYS_ASSETS_FAMILIES",
        "Families of aggregates to fetch although no report needs them, separated by commas: all metrics of each.",
        "transcripts,bots",
        see="reports.md#aggregates",
        default="",
    )

    window_days: int = setting(
        "GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS",
        "Maximum number of days in one request for aggregates, 1 to 31. A window that is refused is halved.",
        "7",
        default=7,
        ge=1,
        le=31,
    )

    @property
    def longest_window(self) -> timedelta:
        """The longest interval of one request for aggregates."""
        return timedelta(days=self.window_days)

    @property
    def families(self) -> tuple[AggregateFamily, ...]:
        """The families that are fetched in any case, in addition to conversations."""
        return tuple(dict.fromkeys(_families(self.further_families)))

    @field_validator("further_families")
    @classmethod
    def _are_families(cls, value: str) -> str:
        list(_families(value))
        return value


class DataLakeSettings(Group):
    """Data lake extraction: whether the platform's own Parquet files are fetched, which ones, and how often.

    The platform documents little of it, so each assumption is a setting.
    """

    source: Literal["on", "off"] = setting(
        "GENESYS_ASSETS_DATA_LAKE",
        "Whether files of the data lake extraction are fetched: on or off.",
        "on",
        see="data_lake.md",
        default="off",
    )
    schemas: str = setting(
        "GENESYS_ASSETS_DATA_LAKE_SCHEMAS",
        "Which schemas are fetched, separated by commas. Not set: all that the organisation has.",
        "conversations,segments,conversation-metrics,flow-metrics,participant-attributes",
        default="",
    )
    columns: str = setting(
        "GENESYS_ASSETS_DATA_LAKE_COLUMNS",
        "Columns of the files that have another name than the one known here: schema.column=known column.",
        "segments.segmentStartTime=segmentStart",
        default="",
    )
    every_hours: int = setting(
        "GENESYS_ASSETS_DATA_LAKE_EVERY_HOURS",
        "After how many hours the files of a day are listed again while more may appear.",
        "6",
        default=6,
        ge=1,
        le=24,
    )
    lag_hours: int = setting(
        "GENESYS_ASSETS_DATA_LAKE_LAG_HOURS",
        "Within how many hours the platform writes an event into a file.",
        "24",
        default=24,
        ge=1,
        le=168,
    )
    days: int = setting(
        "GENESYS_ASSETS_DATA_LAKE_DAYS",
        "How many days back files are requested: not longer than the platform keeps them.",
        "14",
        default=14,
        ge=1,
        le=400,
    )
    largest_file_mib: int = setting(
        "GENESYS_ASSETS_DATA_LAKE_LARGEST_FILE_MIB",
        "Largest file in MiB. A file is held in memory as a whole.",
        "512",
        default=256,
        ge=1,
        le=1024,
    )
    download_seconds: int = setting(
        "GENESYS_ASSETS_DATA_LAKE_DOWNLOAD_SECONDS",
        "Maximum number of seconds for the download of one file.",
        "600",
        default=600,
        ge=1,
        le=3600,
    )

    @field_validator("columns")
    @classmethod
    def _are_names(cls, value: str) -> str:
        from genesys_assets.tables.data_lake.schemas import Names

        Names.parse(value)
        return value

    @property
    def is_on(self) -> bool:
        return self.source == "on"

    @property
    def wanted(self) -> tuple[str, ...]:
        """The schemas to fetch. Empty: all that the organisation has."""
        return tuple(filter(None, (name.strip() for name in self.schemas.split(","))))

    @property
    def lag(self) -> timedelta:
        """The longest time from an event until it is in a file."""
        return timedelta(hours=self.lag_hours)


class PreflightSettings(Group):
    """How much of the organisation must be visible."""

    expected_queues: int | None = setting(
        "GENESYS_ASSETS_EXPECTED_QUEUES",
        "How many queues preflight must see at least. Fewer may mean that the OAuth client lost a division.",
        "120",
        default=None,
        ge=1,
    )


class ObservationSettings(Group):
    """What is fetched every day because the platform keeps no history of it."""

    queue_members: bool = setting(
        "GENESYS_ASSETS_OBSERVE_QUEUE_MEMBERS",
        "Whether the members of each queue are fetched once a day. Each queue costs a request for each hundred "
        "members, and at least one.",
        "false",
        see="semantics.md#queue-members-and-skills",
        default=True,
    )
    user_skills: bool = setting(
        "GENESYS_ASSETS_OBSERVE_USER_SKILLS",
        "Whether the skills of active users are fetched once a day. Each hundred users cost a request.",
        "false",
        see="semantics.md#queue-members-and-skills",
        default=True,
    )

    @property
    def observed(self) -> list[str]:
        """The names of the tables to fetch."""
        wanted = {"queue_members": self.queue_members, "user_skills": self.user_skills}
        return [table for table, is_wanted in wanted.items() if is_wanted]


class ApiBudgetSettings(Group):
    """How many of the allowed requests may be used before a check warns."""

    share: float = setting(
        "GENESYS_ASSETS_API_BUDGET_SHARE",
        "Share of a day's allowed requests that runs may use before a check warns, above 0 and up to 1.",
        "0.5",
        see="semantics.md#what-the-api-costs",
        default=0.5,
        gt=0,
        le=1,
    )
    usage: bool = setting(
        "GENESYS_ASSETS_API_USAGE",
        "Whether the platform's own count of requests is fetched. It needs the permission usage:client:view.",
        "true",
        default=False,
    )


class UserStatusSettings(Group):
    """Whether agents' presence and routing status is fetched."""

    is_read: bool = setting(
        "GENESYS_ASSETS_USER_STATUS",
        "Whether agents' presence and routing status is fetched. The report agent_day needs it.",
        "false",
        see="semantics.md#agents-status",
        default=True,
    )

"""Every setting, read from the environment when it is first needed, and what a right value looks like.

Settings come in groups by who needs them, so that a missing AWS address never stops a fetch. Nothing is read at import.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from genesys_assets.cloud.analytics.families import AggregateFamily, family
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.cloud.http.addresses import NotAnAddress, checked_address, without_user_info
from genesys_assets.personal_data import PersonalData
from genesys_assets.secrets_manager import SecretNotRead, is_name, revealed


class SettingError(ValueError):
    """A setting is missing or malformed; the message names it, its value unless it is a secret, and what is allowed."""


class _Variables(EnvSettingsSource):
    """The environment, by the names of settings alone: COLUMNS or HOST, as fields are called, belong to others."""

    def __init__(self, group: type[BaseSettings]) -> None:
        super().__init__(group)
        self.config = SettingsConfigDict(**{**self.config, "populate_by_name": False})


class _Group(BaseSettings):
    model_config = SettingsConfigDict(
        env_ignore_empty=True, populate_by_name=True, extra="forbid", hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Variables(settings_cls)

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The group from the given values, then the environment. Raises SettingError naming every wrong setting."""
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise SettingError("\n".join(cls._explain(problem) for problem in error.errors())) from None

    @classmethod
    def _explain(cls, problem: Any) -> str:
        names = {(field.validation_alias or name): field for name, field in cls.model_fields.items()}
        where = problem["loc"][0] if problem["loc"] else ""
        field = names.get(where) or cls.model_fields.get(str(where))
        if field is None:
            return str(problem["msg"]).removeprefix("Value error, ")
        name = field.validation_alias or where
        example = (field.examples or ["…"])[0]
        hint = f"{field.description} Set it in the environment or in .env, for example {name}={example}"
        if problem["type"] == "missing":
            return f"{name} is not set: {hint}"
        secret = SecretStr in (field.annotation, *get_args(field.annotation))
        shown = without_user_info(str(problem.get("input")))
        value = "" if secret else f" is {shown!r}, which is not valid"
        reason = str(problem["msg"]).removeprefix("Value error, ")
        return f"{name}{value} ({reason}): {hint}"


def _address(value: str) -> str:
    return checked_address(value)


def refuse_user_info_of_aws() -> None:
    """Raises SettingError for an endpoint of S3 with a user or a password, which AWS's own libraries accept."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if "@" in os.environ.get(name, ""):
            raise SettingError(
                f"{name} holds a user or a password, which would stand in logs and messages. Put them into "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )


def _without_user(place: str) -> str:
    if place.startswith("s3://") and "@" in place.removeprefix("s3://").split("/")[0]:
        raise ValueError("a bucket is named without a user or a password: credentials come from the AWS environment")
    return place


def _revealed(setting: SecretStr, variable: str) -> str:
    try:
        return revealed(setting, variable)
    except SecretNotRead as error:
        raise SettingError(str(error)) from None


def _revealed_address(setting: SecretStr | None, variable: str) -> str | None:
    if setting is None:
        return None
    try:
        return checked_address(_revealed(setting, variable), tls=False)
    except NotAnAddress as error:
        raise SettingError(f"{variable} does not lead to the address of a webhook: {error}") from None


_Address = Annotated[str, AfterValidator(_address)]


def _setting(name: str, description: str, example: str, **options: Any) -> Any:
    return Field(validation_alias=name, description=description, examples=[example], **options)


class RateSettings(_Group):
    """How fast the platform may be asked."""

    requests_per_minute: int = _setting(
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE",
        "Most requests a minute; the API's own headers lower it.",
        "300",
        default=300,
        ge=1,
    )


class CloudSettings(RateSettings):
    """Which Genesys Cloud organisation, as whom, and how fast."""

    region: str | None = _setting(
        "GENESYS_CLOUD_REGION",
        "Region of the organisation, as key or domain.",
        "mypurecloud.com",
        default=None,
    )
    api_url: _Address | None = _setting(
        "GENESYS_CLOUD_API_URL",
        "API address instead of a region.",
        "https://api.mypurecloud.com",
        default=None,
    )
    login_url: _Address | None = _setting(
        "GENESYS_CLOUD_LOGIN_URL",
        "Login address instead of a region.",
        "https://login.mypurecloud.com",
        default=None,
    )
    client_id: str = _setting(
        "GENESYS_CLOUD_CLIENT_ID",
        "Id of an OAuth client with the grant type client credentials.",
        "7de3af06-c0b3-4f9b-af45-72f4a1403797",
    )
    client_secret: SecretStr = _setting(
        "GENESYS_CLOUD_CLIENT_SECRET",
        "Secret of that OAuth client.",
        "<the secret shown when the client was made>",
    )

    @property
    def secret(self) -> str:
        """The client's secret itself, wherever it is kept. Raises SettingError."""
        return _revealed(self.client_secret, "GENESYS_CLOUD_CLIENT_SECRET")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.region is None and self.api_url is None:
            raise ValueError(
                "GENESYS_CLOUD_REGION is not set: set it to the organisation's region, for example "
                "GENESYS_CLOUD_REGION=mypurecloud.com, or set GENESYS_CLOUD_API_URL to a gateway or the sandbox"
            )
        return self


_EARLIEST = date(2010, 1, 1)
"""Before there was anything to fetch; an earlier date is a slip that would make millions of partitions."""


class CalendarSettings(_Group):
    """When partitions begin, where a business day begins, and how far back history is read again."""

    start_date: date = _setting(
        "GENESYS_ASSETS_START_DATE", "First partition, a UTC date.", "2026-01-01", default=date(2026, 1, 1)
    )
    time_zone: str = _setting(
        "GENESYS_ASSETS_TIME_ZONE", "The business day's IANA time zone.", "Europe/London", default="UTC"
    )
    look_back_days: int = _setting(
        "GENESYS_ASSETS_LOOK_BACK_DAYS",
        "How many days back, beginning with yesterday, the daily look-back reads again.",
        "4",
        default=4,
        ge=1,
        le=31,
    )
    month_close_day: int | None = _setting(
        "GENESYS_ASSETS_MONTH_CLOSE_DAY",
        "Day of the month, 1 to 28, on which the look-back reads the whole month before again; not set: never.",
        "5",
        default=None,
        ge=1,
        le=28,
    )

    @field_validator("start_date", mode="before")
    @classmethod
    def _is_day(cls, value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("a date is written YYYY-MM-DD")
        return value

    @field_validator("start_date")
    @classmethod
    def _in_the_past(cls, value: date) -> date:
        today = datetime.now(UTC).date()
        if not _EARLIEST <= value <= today:
            raise ValueError(f"the first partition must lie between {_EARLIEST} and today, {today}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not a name of the IANA time zone database")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def _families(stated: str) -> Iterator[AggregateFamily]:
    """Raises ValueError."""
    for name in filter(None, (part.strip() for part in stated.split(","))):
        try:
            yield family(name)
        except InvalidQuery as refused:
            raise ValueError(str(refused)) from None


class AggregatesSettings(_Group):
    """Which aggregates are asked beside those that reports want, and how much at once."""

    further_families: str = _setting(
        "GENESYS_ASSETS_FAMILIES",
        "Families of aggregates to keep although no report wants them, separated by commas: all metrics of each.",
        "transcripts,bots",
        default="",
    )

    window_days: int = _setting(
        "GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS",
        "Most days of aggregates that one request asks for, 1 to 31.",
        "7",
        default=7,
        ge=1,
        le=31,
    )

    @property
    def longest_window(self) -> timedelta:
        return timedelta(days=self.window_days)

    @property
    def families(self) -> tuple[AggregateFamily, ...]:
        """The families that are asked in any case, beside conversations."""
        return tuple(dict.fromkeys(_families(self.further_families)))

    @field_validator("further_families")
    @classmethod
    def _are_families(cls, value: str) -> str:
        list(_families(value))
        return value


class DataLakeSettings(_Group):
    """Data lake extraction: whether the platform's own Parquet files are fetched, which ones, and how often.

    The platform documents little of it, so what is assumed is a setting.
    """

    source: Literal["on", "off"] = _setting(
        "GENESYS_ASSETS_DATA_LAKE",
        "Whether files of the data lake extraction are fetched: on or off.",
        "on",
        default="off",
    )
    schemas: str = _setting(
        "GENESYS_ASSETS_DATA_LAKE_SCHEMAS",
        "Which schemas are fetched, with commas between them; not set: all that the organisation has.",
        "conversations,segments,conversation-metrics,flow-metrics,participant-attributes",
        default="",
    )
    columns: str = _setting(
        "GENESYS_ASSETS_DATA_LAKE_COLUMNS",
        "What columns of the files are called by the names that are known: schema.column=known column.",
        "segments.segmentStartTime=segmentStart",
        default="",
    )
    every_hours: int = _setting(
        "GENESYS_ASSETS_DATA_LAKE_EVERY_HOURS",
        "After how many hours the files of a day that may still get some are listed again.",
        "6",
        default=6,
        ge=1,
        le=24,
    )
    lag_hours: int = _setting(
        "GENESYS_ASSETS_DATA_LAKE_LAG_HOURS",
        "Within how many hours what has happened stands in a file.",
        "24",
        default=24,
        ge=1,
        le=168,
    )
    days: int = _setting(
        "GENESYS_ASSETS_DATA_LAKE_DAYS",
        "How many days back files are asked for: as long as the platform keeps them.",
        "14",
        default=14,
        ge=1,
        le=400,
    )
    largest_file_mib: int = _setting(
        "GENESYS_ASSETS_DATA_LAKE_LARGEST_FILE_MIB",
        "Most MiB that one file may have; it is held in memory as a whole.",
        "512",
        default=256,
        ge=1,
        le=1024,
    )
    download_seconds: int = _setting(
        "GENESYS_ASSETS_DATA_LAKE_DOWNLOAD_SECONDS",
        "Most seconds that the download of one file may take.",
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
        """The schemas that are fetched; none: all."""
        return tuple(filter(None, (name.strip() for name in self.schemas.split(","))))

    @property
    def lag(self) -> timedelta:
        return timedelta(hours=self.lag_hours)


class LakeSettings(_Group):
    """Where the lake is."""

    lake: str = _setting("GENESYS_ASSETS_LAKE", "A folder or s3://bucket/prefix.", "s3://my-bucket/genesys", default="")
    dagster_home: Path | None = _setting("DAGSTER_HOME", "The folder of dagster.yaml.", "$PWD", default=None)

    @property
    def location(self) -> str:
        return self.lake or str((self.dagster_home or Path.cwd()) / "lake")

    @field_validator("lake")
    @classmethod
    def _is_place(cls, value: str) -> str:
        if "://" in value and not (value.startswith("s3://") and value.removeprefix("s3://").split("/")[0]):
            raise ValueError("neither a folder nor s3://bucket/prefix")
        if "://" not in value and Path(value).exists() and not Path(value).is_dir():
            raise ValueError("a file, and not a folder")
        return _without_user(value)


class ReportSettings(_Group):
    """Where people define reports of their own."""

    reports: Path | None = _setting(
        "GENESYS_ASSETS_REPORTS", "File of reports of your own.", "/etc/genesys/reports.yaml", default=None
    )
    dagster_home: Path | None = _setting("DAGSTER_HOME", "The folder of dagster.yaml.", "$PWD", default=None)

    @property
    def file(self) -> Path | None:
        """The file that was named, there or not; else reports.yaml beside dagster.yaml, if there is one."""
        beside = (self.dagster_home or Path.cwd()) / "reports.yaml"
        return self.reports or (beside if beside.is_file() else None)


class PublishSettings(_Group):
    """Where reports are published and for how long presigned URLs work."""

    publish_url: str = _setting(
        "GENESYS_ASSETS_PUBLISH_URL",
        "Where reports are published: s3://bucket/prefix, a folder, or file:///folder.",
        "s3://my-bucket/published",
        default="",
    )
    url_expiry_seconds: int = _setting(
        "GENESYS_ASSETS_URL_EXPIRY_SECONDS",
        "Lifetime of presigned URLs in seconds, 1 to 604800 (7 days).",
        "86400",
        default=86_400,
        ge=1,
        le=604_800,
    )
    dagster_home: Path | None = _setting("DAGSTER_HOME", "The folder of dagster.yaml.", "$PWD", default=None)

    @property
    def location(self) -> str:
        """The place that was named, else the folder `published` beside dagster.yaml."""
        return self.publish_url or str((self.dagster_home or Path.cwd()) / "published")

    @field_validator("publish_url")
    @classmethod
    def _is_place(cls, value: str) -> str:
        is_s3 = value.startswith("s3://") and value.removeprefix("s3://").split("/")[0]
        if "://" in value and not is_s3 and not value.startswith("file:///"):
            raise ValueError("neither s3://bucket/prefix nor a folder")
        return _without_user(value)


class CsvSettings(_Group):
    """How CSV is written, which people mostly open in a spreadsheet."""

    formulas: bool = _setting(
        "GENESYS_ASSETS_CSV_FORMULAS",
        "Whether a text in CSV may be a formula to a spreadsheet; else it gets a ' in front.",
        "true",
        default=False,
    )
    bom: bool = _setting(
        "GENESYS_ASSETS_CSV_BOM",
        "Whether CSV begins with a byte order mark, by which Excel knows that it is UTF-8.",
        "true",
        default=False,
    )


ALERT_WEBHOOK = "GENESYS_ASSETS_ALERT_WEBHOOK"
PUBLISH_WEBHOOK = "GENESYS_ASSETS_PUBLISH_WEBHOOK"


def _named_host(webhook: SecretStr | None) -> SecretStr | None:
    # Within an organisation's own network webhooks are often plain http.
    if webhook is not None and not is_name(webhook):
        checked_address(webhook.get_secret_value(), tls=False)
    return webhook


class AlertSettings(_Group):
    """Who is told of failed runs and late figures, besides the log."""

    webhook: SecretStr | None = _setting(
        ALERT_WEBHOOK,
        "Address that receives a JSON message for each failed run and each late figure; kept secret, for whoever knows "
        "it can post there.",
        "https://hooks.example.com/T0/B0",
        default=None,
    )

    _names_a_host = field_validator("webhook")(_named_host)

    @property
    def url(self) -> str | None:
        """The webhook's URL itself, wherever it is kept. Raises SettingError."""
        return _revealed_address(self.webhook, ALERT_WEBHOOK)


class AnnouncementSettings(_Group):
    """Who is told of published days."""

    webhook: SecretStr | None = _setting(
        PUBLISH_WEBHOOK,
        "URL that receives a JSON message for each day that was published or has changed: its headline and the URL of "
        "its page; kept secret, for whoever knows it can post there.",
        "https://hooks.example.com/T0/B0",
        default=None,
    )

    _names_a_host = field_validator("webhook")(_named_host)

    @property
    def url(self) -> str | None:
        """The webhook's URL itself, wherever it is kept. Raises SettingError."""
        return _revealed_address(self.webhook, PUBLISH_WEBHOOK)


class RunMetricsSettings(_Group):
    """Where a line about each ended run is written, besides the log."""

    file: Path | None = _setting(
        "GENESYS_ASSETS_RUN_METRICS",
        "File to which one line of JSON is appended for each ended run; not set: none.",
        "/var/log/genesys_runs.jsonl",
        default=None,
    )


class PreflightSettings(_Group):
    """How much of the organisation must be visible."""

    expected_queues: int | None = _setting(
        "GENESYS_ASSETS_EXPECTED_QUEUES",
        "How many queues must be visible at least; fewer mean that the OAuth client lost a division.",
        "120",
        default=None,
        ge=1,
    )


class ObservationSettings(_Group):
    """What is asked for every day because the platform keeps no history of it."""

    queue_members: bool = _setting(
        "GENESYS_ASSETS_OBSERVE_QUEUE_MEMBERS",
        "Whether the members of each queue are asked for once a day: a request for each hundred of a queue.",
        "false",
        default=True,
    )
    user_skills: bool = _setting(
        "GENESYS_ASSETS_OBSERVE_USER_SKILLS",
        "Whether the skills of active users are asked for once a day: a request for each hundred users.",
        "false",
        default=True,
    )

    @property
    def observed(self) -> list[str]:
        """The tables that are wanted."""
        wanted = {"queue_members": self.queue_members, "user_skills": self.user_skills}
        return [table for table, is_wanted in wanted.items() if is_wanted]


class ApiBudgetSettings(_Group):
    """How much of what the platform allows may be taken before a check warns."""

    share: float = _setting(
        "GENESYS_ASSETS_API_BUDGET_SHARE",
        "Which share of a day's allowed requests runs may take before a check warns, above 0 and up to 1.",
        "0.5",
        default=0.5,
        gt=0,
        le=1,
    )
    usage: bool = _setting(
        "GENESYS_ASSETS_API_USAGE",
        "Whether the platform's own count of requests is asked for; it needs the permission usage:client:view.",
        "true",
        default=False,
    )


class UserStatusSettings(_Group):
    """Whether agents' presence and routing status is read."""

    is_read: bool = _setting(
        "GENESYS_ASSETS_USER_STATUS",
        "Whether agents' presence and routing status is asked for, of which genesys/reports/agent_day is made.",
        "false",
        default=True,
    )


class RetentionSettings(_Group):
    """How long pages stay that nothing is computed from any more, and older versions of tables."""

    keep_superseded_days: int | None = _setting(
        "GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS",
        "After how many days hours are removed that a complete day has superseded; not set: never.",
        "35",
        default=None,
        ge=1,
    )
    keep_versions_hours: int = _setting(
        "GENESYS_ASSETS_KEEP_VERSIONS_HOURS",
        "For how many hours older versions of tables stay, and leftovers of runs that were killed.",
        "24",
        default=24,
        ge=0,
    )


_ACTIONS: tuple[Literal["keep", "hash", "drop"], ...] = ("keep", "hash", "drop")
_SHORTEST_KEY = 32
"""Characters of a key: as many as a random one of 128 bits has in hex."""


class PersonalDataSettings(_Group):
    """What is stored of personal data."""

    personal_data: str = _setting(
        "GENESYS_ASSETS_PERSONAL_DATA",
        "What is stored of personal data: keep, hash or drop, for all of it or by class (person, contact, content).",
        "contact=hash,content=drop",
        default="keep",
    )
    key: SecretStr | None = _setting(
        "GENESYS_ASSETS_PERSONAL_DATA_KEY",
        f"Secret with which personal data are hashed, {_SHORTEST_KEY} characters or more.",
        "<the output of: openssl rand -hex 32>",
        default=None,
    )

    @field_validator("personal_data")
    @classmethod
    def _is_actions(cls, value: str) -> str:
        _actions(value)
        return value

    @field_validator("key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"it has {len(value.get_secret_value())} characters, {_SHORTEST_KEY} or more are needed")
        return value

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        hashed = [class_ for class_, action in self.actions.items() if action == "hash"]
        if self.actions[PersonalData.PERSON] == "drop":
            # Rows of agents are told apart by the id of the user.
            hashed.append(PersonalData.PERSON)
        if hashed and self.key is None:
            raise ValueError(
                f"GENESYS_ASSETS_PERSONAL_DATA_KEY is not set, and GENESYS_ASSETS_PERSONAL_DATA={self.personal_data} "
                f"hashes ({', '.join(hashed)}; ids of users are hashed where person is dropped). Set it to "
                f"{_SHORTEST_KEY} or more random characters, for example the output of: openssl rand -hex 32"
            )
        return self

    @property
    def actions(self) -> dict[PersonalData, Literal["keep", "hash", "drop"]]:
        """What is done with each class."""
        return _actions(self.personal_data)


def _actions(stated: str) -> dict[PersonalData, Literal["keep", "hash", "drop"]]:
    """`hash` is for all classes, `contact=hash,content=drop` for these. Raises ValueError."""
    classes = [class_ for class_ in PersonalData if class_ is not PersonalData.NONE]
    parts = [part.strip() for part in stated.split(",")]
    if len(parts) == 1 and "=" not in parts[0]:
        parts = [f"{class_}={parts[0]}" for class_ in classes]
    found: dict[PersonalData, Literal["keep", "hash", "drop"]] = dict.fromkeys(classes, "keep")
    named: list[str] = []
    for part in parts:
        name, _, wanted = (each.strip() for each in part.partition("="))
        action = next((each for each in _ACTIONS if each == wanted), None)
        if name not in classes or action is None or name in named:
            raise ValueError(
                f"{part!r} is not class=action, once for each class: classes are {', '.join(classes)}, actions are "
                f"{', '.join(_ACTIONS)}; one action alone is for all classes"
            )
        named.append(name)
        found[PersonalData(name)] = action
    return found


class OpenConversationSettings(_Group):
    """When an open conversation is a matter of concern."""

    open_days: int = _setting(
        "GENESYS_ASSETS_OPEN_DAYS", "Days a conversation may be open before a check warns.", "7", default=7, ge=0
    )


class CompletenessSettings(_Group):
    """How many conversations of a day may be missing."""

    tolerance: str = _setting(
        "GENESYS_ASSETS_COMPLETENESS_TOLERANCE",
        "How many of the conversations that the platform says a day has may be missing: a count, a share, or both.",
        "2, 0.1%",
        default="0.1%",
    )

    @field_validator("tolerance")
    @classmethod
    def _is_tolerance(cls, value: str) -> str:
        from genesys_assets.tolerance import Tolerance

        if Tolerance.parse(value).milliseconds:
            raise ValueError("conversations are counted: a tolerance here is written like 0, or 2, 0.1%")
        return value


class ReconciliationSettings(_Group):
    """How strictly details and aggregates must agree."""

    tolerance: str = _setting(
        "GENESYS_ASSETS_RECONCILE_TOLERANCE",
        "By how much details and aggregates may differ: a count, milliseconds, a share, or several of them.",
        "2, 1500ms, 0.1%",
        default="0",
    )
    severity: Literal["error", "warn"] = _setting(
        "GENESYS_ASSETS_RECONCILE_SEVERITY", "What a difference is: error or warn.", "warn", default="error"
    )
    blocking: bool = _setting(
        "GENESYS_ASSETS_RECONCILE_BLOCKING",
        "Whether a difference keeps the day's reports from being computed and published.",
        "true",
        default=False,
    )

    @property
    def is_blocking(self) -> bool:
        """Whether nothing is made of a day on which details and aggregates differ."""
        return self.blocking and self.severity == "error"

    @field_validator("tolerance")
    @classmethod
    def _is_tolerance(cls, value: str) -> str:
        from genesys_assets.tolerance import Tolerance

        Tolerance.parse(value)
        return value

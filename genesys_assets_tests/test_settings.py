"""Every setting: its source, the allowed values, the message for others; and that no setting is read too early."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.settings import (
    AggregatesSettings,
    AlertSettings,
    AnnouncementSettings,
    ApiBudgetSettings,
    CalendarSettings,
    CloudSettings,
    CompletenessSettings,
    CsvSettings,
    DataLakeSettings,
    DecodingSettings,
    LakeSettings,
    ObservationSettings,
    OpenConversationSettings,
    PersonalDataSettings,
    PreflightSettings,
    PublishSettings,
    ReconciliationSettings,
    ReportSettings,
    RetentionSettings,
    RunMetricsSettings,
    SettingError,
    UserStatusSettings,
)

GROUPS = (
    CloudSettings,
    CalendarSettings,
    AggregatesSettings,
    LakeSettings,
    DataLakeSettings,
    DecodingSettings,
    CsvSettings,
    PublishSettings,
    AlertSettings,
    AnnouncementSettings,
    ApiBudgetSettings,
    PreflightSettings,
    ObservationSettings,
    OpenConversationSettings,
    CompletenessSettings,
    ReconciliationSettings,
    ReportSettings,
    RetentionSettings,
    RunMetricsSettings,
    PersonalDataSettings,
    UserStatusSettings,
)
Group = type[
    CloudSettings
    | CalendarSettings
    | AggregatesSettings
    | LakeSettings
    | DataLakeSettings
    | CsvSettings
    | PublishSettings
    | AlertSettings
    | AnnouncementSettings
    | ApiBudgetSettings
    | PreflightSettings
    | ObservationSettings
    | OpenConversationSettings
    | CompletenessSettings
    | ReconciliationSettings
    | ReportSettings
    | RetentionSettings
    | PersonalDataSettings
    | UserStatusSettings
]
CLIENT = {"GENESYS_CLOUD_CLIENT_ID": "C1", "GENESYS_CLOUD_CLIENT_SECRET": "hush", "GENESYS_CLOUD_REGION": "us-east-1"}
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GENESYS_") or name == "DAGSTER_HOME"]:
        monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def refusal(group: Group) -> str:
    with pytest.raises(SettingError) as refused:
        group.load()
    return str(refused.value)


def test_the_defaults_are_the_documented_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_ASSETS_PUBLISH_URL": "s3://b/p"})
    calendar = CalendarSettings.load()
    assert CloudSettings.load().requests_per_minute == 300
    assert (calendar.start_date, calendar.time_zone, calendar.look_back_days) == (date(2026, 1, 1), "UTC", 4)
    assert PublishSettings.load().url_expiry_seconds == 86_400
    assert calendar.month_close_day is None
    assert AlertSettings.load().webhook is None
    assert PreflightSettings.load().expected_queues is None
    assert OpenConversationSettings.load().open_days == 7


def test_the_lake_lies_beside_dagster_yaml_unless_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert LakeSettings.load().location == f"{tmp_path}/lake"
    monkeypatch.setenv("DAGSTER_HOME", "/srv/dagster")
    assert LakeSettings.load().location == "/srv/dagster/lake"
    monkeypatch.setenv("GENESYS_ASSETS_LAKE", "s3://bucket/prefix")
    assert LakeSettings.load().location == "s3://bucket/prefix"


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = CLIENT | {
        "GENESYS_CLOUD_API_URL": "https://api.example.com/",
        "GENESYS_CLOUD_LOGIN_URL": "https://login.example.com",
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE": "120",
        "GENESYS_ASSETS_START_DATE": "2025-12-24",
        "GENESYS_ASSETS_TIME_ZONE": "Europe/London",
        "GENESYS_ASSETS_LOOK_BACK_DAYS": "7",
        "GENESYS_ASSETS_DAYS_PER_RUN": "2",
        "GENESYS_ASSETS_LAKE": "/data/lake",
        "GENESYS_ASSETS_PUBLISH_URL": "s3://bucket/published",
        "GENESYS_ASSETS_URL_EXPIRY_SECONDS": "60",
        "GENESYS_ASSETS_ALERT_WEBHOOK": "https://hooks.example.com/T0",
    }
    set_all(monkeypatch, values)
    cloud, calendar, publish, alert = (
        CloudSettings.load(),
        CalendarSettings.load(),
        PublishSettings.load(),
        AlertSettings.load(),
    )
    assert (cloud.client_id, cloud.client_secret.get_secret_value(), cloud.region) == ("C1", "hush", "us-east-1")
    assert (cloud.api_url, cloud.login_url) == ("https://api.example.com", "https://login.example.com")
    assert cloud.requests_per_minute == 120
    assert (calendar.start_date, calendar.zone.key, calendar.look_back_days) == (date(2025, 12, 24), "Europe/London", 7)
    assert calendar.days_per_run == 2
    assert LakeSettings.load().location == "/data/lake"
    assert (publish.publish_url, publish.url_expiry_seconds) == ("s3://bucket/published", 60)
    assert alert.webhook is not None
    assert alert.webhook.get_secret_value() == "https://hooks.example.com/T0"


def test_the_settings_are_those_of_the_example_file() -> None:
    known = {str(field.validation_alias) for group in GROUPS for field in group.model_fields.values()}
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    shown = {line.removeprefix("# ").split("=")[0] for line in lines if "GENESYS_" in line and "=" in line}
    assert known - {"DAGSTER_HOME"} == shown


def test_what_is_given_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CLIENT)
    assert CloudSettings.load(client_id="C2", region=None).client_id == "C2"
    assert CloudSettings.load(client_id="C2", region=None).region == "us-east-1"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"GENESYS_ASSETS_TIME_ZONE": "", "GENESYS_ASSETS_ALERT_WEBHOOK": ""})
    assert CalendarSettings.load().time_zone == "UTC"
    assert AlertSettings.load().webhook is None


@pytest.mark.parametrize("group", GROUPS)
def test_a_variable_that_is_called_like_a_field_is_no_setting(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CLIENT)
    before = group.load()
    variables = {field.validation_alias for field in group.model_fields.values()}
    for name in {name.upper() for name in group.model_fields} - variables:
        monkeypatch.setenv(name, "80")

    assert group.load() == before


@pytest.mark.parametrize(
    ("group", "name", "example"),
    [
        (CloudSettings, "GENESYS_CLOUD_CLIENT_ID", "7de3af06-c0b3-4f9b-af45-72f4a1403797"),
        (CloudSettings, "GENESYS_CLOUD_CLIENT_SECRET", "<the secret shown when the client was made>"),
        (CloudSettings, "GENESYS_CLOUD_REGION", "mypurecloud.com"),
    ],
)
def test_a_missing_setting_is_named_with_an_example(
    group: Group, name: str, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {other: value for other, value in CLIENT.items() if other != name})
    message = refusal(group)
    assert message.startswith(f"{name} is not set: ")
    assert f"{name}={example}" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("group", "name", "value", "allowed"),
    [
        (CloudSettings, "GENESYS_CLOUD_API_URL", "api.example.com", "begins with https:// or http://"),
        (CloudSettings, "GENESYS_CLOUD_API_URL", "https://", "names a host"),
        (CloudSettings, "GENESYS_CLOUD_LOGIN_URL", "ftp://login.example.com", "begins with https:// or http://"),
        (CloudSettings, "GENESYS_CLOUD_LOGIN_URL", "https://[", "begins with https:// or http://"),
        (CloudSettings, "GENESYS_CLOUD_API_URL", "http://api.example.com", "begins with https://, or with http:// if"),
        (CloudSettings, "GENESYS_CLOUD_LOGIN_URL", "http://10.0.0.1", "begins with https://, or with http:// if"),
        (CloudSettings, "GENESYS_CLOUD_REQUESTS_PER_MINUTE", "many", "valid integer"),
        (CloudSettings, "GENESYS_CLOUD_REQUESTS_PER_MINUTE", "0", "greater than or equal to 1"),
        (DataLakeSettings, "GENESYS_ASSETS_DATA_LAKE", "yes", "on"),
        (DataLakeSettings, "GENESYS_ASSETS_DATA_LAKE_COLUMNS", "segments=a", "schema.column=known column"),
        (DataLakeSettings, "GENESYS_ASSETS_DATA_LAKE_LAG_HOURS", "0", "greater than or equal to 1"),
        (CalendarSettings, "GENESYS_ASSETS_START_DATE", "yesterday", "YYYY-MM-DD"),
        (CalendarSettings, "GENESYS_ASSETS_START_DATE", "86400", "YYYY-MM-DD"),
        (CalendarSettings, "GENESYS_ASSETS_START_DATE", "2026-01-01T00:00:00", "YYYY-MM-DD"),
        (CalendarSettings, "GENESYS_ASSETS_START_DATE", "2026-02-30", "valid date"),
        (CalendarSettings, "GENESYS_ASSETS_START_DATE", "0026-01-01", "between 2010-01-01 and today"),
        (CalendarSettings, "GENESYS_ASSETS_START_DATE", "2999-01-01", "between 2010-01-01 and today"),
        (CalendarSettings, "GENESYS_ASSETS_TIME_ZONE", "London", "IANA time zone database"),
        (CalendarSettings, "GENESYS_ASSETS_TIME_ZONE", "../UTC", "IANA time zone database"),
        (CalendarSettings, "GENESYS_ASSETS_LOOK_BACK_DAYS", "0", "greater than or equal to 1"),
        (CalendarSettings, "GENESYS_ASSETS_LOOK_BACK_DAYS", "32", "less than or equal to 31"),
        (AggregatesSettings, "GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS", "0", "greater than or equal to 1"),
        (AggregatesSettings, "GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS", "32", "less than or equal to 31"),
        (AggregatesSettings, "GENESYS_ASSETS_AGGREGATES_WINDOW_DAYS", "a week", "valid integer"),
        (CalendarSettings, "GENESYS_ASSETS_MONTH_CLOSE_DAY", "0", "greater than or equal to 1"),
        (CalendarSettings, "GENESYS_ASSETS_MONTH_CLOSE_DAY", "29", "less than or equal to 28"),
        (CalendarSettings, "GENESYS_ASSETS_DAYS_PER_RUN", "0", "greater than or equal to 1"),
        (CalendarSettings, "GENESYS_ASSETS_DAYS_PER_RUN", "all", "valid integer"),
        (PreflightSettings, "GENESYS_ASSETS_EXPECTED_QUEUES", "0", "greater than or equal to 1"),
        (OpenConversationSettings, "GENESYS_ASSETS_OPEN_DAYS", "a week", "valid integer"),
        (RetentionSettings, "GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS", "0", "greater than or equal to 1"),
        (
            CompletenessSettings,
            "GENESYS_ASSETS_COMPLETENESS_TOLERANCE",
            "a few",
            "a tolerance is 0, or any combination",
        ),
        (CompletenessSettings, "GENESYS_ASSETS_COMPLETENESS_TOLERANCE", "1500ms", "conversations are counted"),
        (ReconciliationSettings, "GENESYS_ASSETS_RECONCILE_TOLERANCE", "-1", "a tolerance is 0, or any combination"),
        (ReconciliationSettings, "GENESYS_ASSETS_RECONCILE_SEVERITY", "fatal", "'error' or 'warn'"),
        (ReconciliationSettings, "GENESYS_ASSETS_RECONCILE_BLOCKING", "perhaps", "valid boolean"),
        (LakeSettings, "GENESYS_ASSETS_LAKE", "https://bucket/prefix", "it must be a folder or s3://bucket/prefix"),
        (LakeSettings, "GENESYS_ASSETS_LAKE", "~nobody-here/lake", "no home of ~nobody-here: write the whole path"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "~nobody-here", "no home of ~nobody-here: write"),
        (LakeSettings, "GENESYS_ASSETS_LAKE", "s3:/bucket/lake", "two slashes after the colon: s3://bucket/prefix"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "s3:bucket", "two slashes after the colon: s3://bucket/prefix"),
        (LakeSettings, "GENESYS_ASSETS_LAKE", "s3://", "it must be a folder or s3://bucket/prefix"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "https://x/y", "s3://bucket/prefix, a folder, or file:///"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "s3:///prefix", "s3://bucket/prefix"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "file://server/share", "file:///folder"),
        (PublishSettings, "GENESYS_ASSETS_URL_EXPIRY_SECONDS", "0", "greater than or equal to 1"),
        (PublishSettings, "GENESYS_ASSETS_URL_EXPIRY_SECONDS", "604801", "less than or equal to 604800"),
    ],
)
def test_a_malformed_setting_is_named_with_its_value_and_what_is_allowed(
    group: Group, name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_ASSETS_PUBLISH_URL": "s3://b/p"} | {name: value})
    message = refusal(group)
    assert message.startswith(f"{name} cannot be {value!r}: ")
    assert allowed in message
    assert f"for example {name}=" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        (CloudSettings, "GENESYS_CLOUD_API_URL", "https://user:hush@api.example.com"),
        (CloudSettings, "GENESYS_CLOUD_API_URL", "https://hush@api.example.com"),
        (CloudSettings, "GENESYS_CLOUD_API_URL", "https://user:hu/hush@api.example.com"),
        (CloudSettings, "GENESYS_CLOUD_API_URL", "user:hush@api.example.com"),
        (CloudSettings, "GENESYS_CLOUD_LOGIN_URL", "http://user:hush@127.0.0.1"),
        (CloudSettings, "GENESYS_CLOUD_LOGIN_URL", "https://user:a@hush@login.example.com"),
        (LakeSettings, "GENESYS_ASSETS_LAKE", "s3://AKIA:hush@bucket/prefix"),
        (LakeSettings, "GENESYS_ASSETS_LAKE", "https://user:hush@bucket/prefix"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "s3://AKIA:hush@bucket/prefix"),
        (PublishSettings, "GENESYS_ASSETS_PUBLISH_URL", "ftp://user:hush@bucket/prefix"),
        (AlertSettings, "GENESYS_ASSETS_ALERT_WEBHOOK", "https://user:hush@hooks.example.com/T0"),
        (AnnouncementSettings, "GENESYS_ASSETS_PUBLISH_WEBHOOK", "https://user:hush@hooks.example.com/T0"),
    ],
)
def test_a_user_or_a_password_in_a_url_is_refused_and_not_shown(
    group: Group, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_CLOUD_CLIENT_SECRET": "C2", name: value})
    message = refusal(group)
    assert message.startswith(name)
    assert "hush" not in message
    assert "AKIA" not in message


def test_the_first_partition_may_be_today_and_not_tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.now(UTC).date()
    monkeypatch.setenv("GENESYS_ASSETS_START_DATE", f"{today}")
    assert CalendarSettings.load().start_date == today
    # Two days later, so that a midnight between these lines changes nothing.
    monkeypatch.setenv("GENESYS_ASSETS_START_DATE", f"{today + timedelta(days=2)}")
    assert "and today" in refusal(CalendarSettings)


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"GENESYS_CLOUD_REQUESTS_PER_MINUTE": "many", "GENESYS_CLOUD_API_URL": "nowhere"})
    named = [line.split()[0] for line in refusal(CloudSettings).splitlines()]
    assert sorted(named) == [
        "GENESYS_CLOUD_API_URL",
        "GENESYS_CLOUD_CLIENT_ID",
        "GENESYS_CLOUD_CLIENT_SECRET",
        "GENESYS_CLOUD_REQUESTS_PER_MINUTE",
    ]


def test_a_url_replaces_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_CLOUD_REGION": "", "GENESYS_CLOUD_API_URL": "http://127.0.0.1:1"})
    assert CloudSettings.load().region is None


def test_the_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_CLOUD_REQUESTS_PER_MINUTE": "many"})
    assert "hush" not in refusal(CloudSettings)
    monkeypatch.delenv("GENESYS_CLOUD_REQUESTS_PER_MINUTE")
    assert "hush" not in f"{CloudSettings.load()!r} {CloudSettings.load()}"


@pytest.mark.parametrize(
    ("id_", "secret", "problem"),
    [
        ("kZ9-the-secret-_4711", "7de3af06-c0b3-4f9b-af45-72f4a1403797", "they are swapped"),
        ("kZ9-the-secret-_4711", "kZ9-the-secret-_4711", "both have the same value"),
    ],
)
def test_a_secret_in_the_place_of_the_id_is_refused_and_not_shown(
    id_: str, secret: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_CLOUD_CLIENT_ID": id_, "GENESYS_CLOUD_CLIENT_SECRET": secret})
    message = refusal(CloudSettings)
    assert problem in message
    assert id_ not in message


def test_a_malformed_webhook_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", "hooks.example.com/hush")
    message = refusal(AlertSettings)
    assert message.startswith("GENESYS_ASSETS_ALERT_WEBHOOK is not valid: a URL begins with https:// or http://")
    assert "hush" not in message


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_does_not_look_at_the_settings_of_another(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, CLIENT | {"GENESYS_ASSETS_PUBLISH_URL": "s3://b/p"})
    own = {str(field.validation_alias) for field in group.model_fields.values()}
    for other in GROUPS:
        for field in other.model_fields.values():
            if str(field.validation_alias) not in own:
                monkeypatch.setenv(str(field.validation_alias), "garbage")
    group.load()


def test_importing_the_definitions_reads_no_setting_and_loads_nothing_heavy() -> None:
    """If a group of settings were loaded, it would refuse these values."""
    garbage = {str(field.validation_alias): "garbage" for group in GROUPS for field in group.model_fields.values()}
    code = (
        "import sys\n"
        "import genesys_assets.definitions\n"
        "heavy = ('pyarrow', 'pandas', 'numpy', 'boto3', 'botocore', 'dagster_aws', 'matplotlib', 'starlette')\n"
        "print('loaded', [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **garbage},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("loaded []\n", "", 0)


def test_reports_are_beside_dagster_yaml_unless_another_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv("GENESYS_ASSETS_REPORTS", raising=False)
    assert ReportSettings.load().file is None
    (tmp_path / "reports.yaml").write_text("reports: {}")
    assert ReportSettings.load().file == tmp_path / "reports.yaml"
    monkeypatch.setenv("GENESYS_ASSETS_REPORTS", str(tmp_path / "mine.yaml"))
    assert ReportSettings.load().file == tmp_path / "mine.yaml"


def test_decoding_uses_the_available_cores_and_no_more_than_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 3, 64):
        monkeypatch.setattr("genesys_assets.settings.lake.cores", lambda number=number: number)
        assert DecodingSettings.load().threads == min(4, number)
    monkeypatch.setenv("GENESYS_ASSETS_DECODE_THREADS", "9")
    assert DecodingSettings.load().threads == 9
    monkeypatch.setenv("GENESYS_ASSETS_DECODE_THREADS", "0")
    with pytest.raises(SettingError, match="GENESYS_ASSETS_DECODE_THREADS cannot be '0': it must be greater"):
        DecodingSettings.load()


def test_a_variable_that_has_changed_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "Europe/Zurich")
    first = CalendarSettings.load()
    assert CalendarSettings.load() is first
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "Europe/Dublin")
    assert CalendarSettings.load().time_zone == "Europe/Dublin"
    monkeypatch.delenv("GENESYS_ASSETS_TIME_ZONE")
    assert CalendarSettings.load().time_zone == "UTC"
    monkeypatch.setenv("GENESYS_ASSETS_TIME_ZONE", "Mars/Olympus")
    with pytest.raises(SettingError, match="Mars/Olympus"):
        CalendarSettings.load()
    assert CalendarSettings.load(time_zone="Europe/Zurich").time_zone == "Europe/Zurich"

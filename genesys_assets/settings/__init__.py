"""Every setting, read from the environment when it is first needed, and what a right value looks like.

Settings come in groups by who needs them, so that a missing AWS address never stops a fetch. Nothing is read at import.

`group` what all groups share
`platform` what is asked of Genesys Cloud, how fast, and by whom
`days` when days begin, how far back they are read again, and how much a day may differ before a check says so
`lake` where the lake is, how it is filled, how long it keeps what was replaced, and what it stores of persons
`publishing` which reports people have of their own, and where and how reports are published
`alerts` who is told of failed runs, late figures, published days and ended runs
"""

from genesys_assets.settings.alerts import (
    ALERT_WEBHOOK,
    PUBLISH_WEBHOOK,
    AlertSettings,
    AnnouncementSettings,
    RunMetricsSettings,
)
from genesys_assets.settings.days import (
    CalendarSettings,
    CompletenessSettings,
    OpenConversationSettings,
    ReconciliationSettings,
)
from genesys_assets.settings.group import SettingError, refuse_user_info_of_aws
from genesys_assets.settings.lake import DecodingSettings, LakeSettings, PersonalDataSettings, RetentionSettings
from genesys_assets.settings.platform import (
    AggregatesSettings,
    ApiBudgetSettings,
    CloudSettings,
    DataLakeSettings,
    ObservationSettings,
    PreflightSettings,
    RateSettings,
    UserStatusSettings,
)
from genesys_assets.settings.publishing import CsvSettings, PublishSettings, ReportSettings

__all__ = [
    "ALERT_WEBHOOK",
    "PUBLISH_WEBHOOK",
    "AggregatesSettings",
    "AlertSettings",
    "AnnouncementSettings",
    "ApiBudgetSettings",
    "CalendarSettings",
    "CloudSettings",
    "CompletenessSettings",
    "CsvSettings",
    "DataLakeSettings",
    "DecodingSettings",
    "LakeSettings",
    "ObservationSettings",
    "OpenConversationSettings",
    "PersonalDataSettings",
    "PreflightSettings",
    "PublishSettings",
    "RateSettings",
    "ReconciliationSettings",
    "ReportSettings",
    "RetentionSettings",
    "RunMetricsSettings",
    "SettingError",
    "UserStatusSettings",
    "refuse_user_info_of_aws",
]

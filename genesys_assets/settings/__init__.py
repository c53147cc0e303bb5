"""Every setting, with its default and an example. A setting is read from the environment when it is first needed.

Settings are grouped by the part of the code that needs them, so that, for example, a missing AWS endpoint never stops a
fetch. Nothing is read at import. docs/settings.md is made from these classes.

`group` what all groups share
`platform` Genesys Cloud: which organisation, which client, what is fetched, and how fast
`days` when days begin, how many are read again, and how much a day may differ before a check fails
`lake` where the lake is, how it is filled, how long it keeps old versions, and which personal data it stores
`publishing` reports of your own, and where and how reports are published
`alerts` where messages about failed runs, late figures, published days and ended runs are sent
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

"""Days: when they begin, how many are read again, and how much a day may differ before a check fails."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import field_validator

from genesys_assets.settings.group import Group, setting

_EARLIEST = date(2010, 1, 1)
"""An earlier date is a typing mistake, and would make millions of partitions. We know of no data before it."""


class CalendarSettings(Group):
    """When partitions begin, where a business day begins, and how far back history is read again."""

    start_date: date = setting(
        "GENESYS_ASSETS_START_DATE", "First partition, a UTC date.", "2026-01-01", default=date(2026, 1, 1)
    )
    time_zone: str = setting(
        "GENESYS_ASSETS_TIME_ZONE", "The business day's IANA time zone.", "Europe/London", default="UTC"
    )
    look_back_days: int = setting(
        "GENESYS_ASSETS_LOOK_BACK_DAYS",
        "How many days the nightly look-back reads again, beginning with yesterday, 1 to 31.",
        "4",
        default=4,
        ge=1,
        le=31,
    )
    month_close_day: int | None = setting(
        "GENESYS_ASSETS_MONTH_CLOSE_DAY",
        "Day of the month, 1 to 28, on which the look-back reads all days since the first of the month before again. "
        "Not set: never.",
        "5",
        default=None,
        ge=1,
        le=28,
    )
    days_per_run: int | None = setting(
        "GENESYS_ASSETS_DAYS_PER_RUN",
        "Maximum number of days in one run of a backfill or a sensor. Not set: a backfill is one run.",
        "1",
        default=None,
        ge=1,
        le=366,
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
            raise ValueError("it must be a name in the IANA time zone database")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class OpenConversationSettings(Group):
    """How long a conversation may stay open."""

    open_days: int = setting(
        "GENESYS_ASSETS_OPEN_DAYS", "Days a conversation may be open before a check warns.", "7", default=7, ge=0
    )


class CompletenessSettings(Group):
    """How many conversations of a day may be missing."""

    tolerance: str = setting(
        "GENESYS_ASSETS_COMPLETENESS_TOLERANCE",
        "How many of the conversations that the platform counts for a day may be missing: a count, a share, or both.",
        "2, 0.1%",
        default="0.1%",
    )

    @field_validator("tolerance")
    @classmethod
    def _is_tolerance(cls, value: str) -> str:
        from genesys_assets.tolerance import Tolerance

        if Tolerance.parse(value).milliseconds:
            raise ValueError(
                "conversations are counted, not timed: write a count, a share, or both separated by a comma, such as "
                "2, 0.1%"
            )
        return value


class ReconciliationSettings(Group):
    """How strictly details and aggregates must agree."""

    tolerance: str = setting(
        "GENESYS_ASSETS_RECONCILE_TOLERANCE",
        "By how much details and aggregates may differ: a count, milliseconds, a share, or several of these.",
        "2, 1500ms, 0.1%",
        see="semantics.md#reconciliation",
        default="0",
    )
    severity: Literal["error", "warn"] = setting(
        "GENESYS_ASSETS_RECONCILE_SEVERITY", "Severity of a difference: error or warn.", "warn", default="error"
    )
    blocking: bool = setting(
        "GENESYS_ASSETS_RECONCILE_BLOCKING",
        "Whether a difference keeps the day's reports from being computed and published. It has no effect if "
        "GENESYS_ASSETS_RECONCILE_SEVERITY is warn.",
        "true",
        default=False,
    )

    @property
    def is_blocking(self) -> bool:
        """Whether a difference keeps the day's reports from being computed and published."""
        return self.blocking and self.severity == "error"

    @field_validator("tolerance")
    @classmethod
    def _is_tolerance(cls, value: str) -> str:
        from genesys_assets.tolerance import Tolerance

        Tolerance.parse(value)
        return value

"""The automation condition of reports in other code locations: when Dagster computes a day again.

Assets of this package have no conditions, except `ops/reports_file`: `sensors` launch them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg

from genesys_assets.keys import LAYER
from genesys_assets.partitions import DAY, Calendar

Condition = dg.AutomationCondition[Any]
_LONGEST_TO_MONTH_CLOSE = 31 + 28

_NOT_OF_A_DAY = dg.AssetSelection.tag(LAYER, "reference") | dg.AssetSelection.tag(LAYER, "live")


def standalone_condition(calendar: Calendar) -> Condition:
    """Compute look-back days and today when one of their tables was computed again and all are stored.

    Dagster's default sensor for conditions does not know whether a table has changed, so days are also computed again
    if their tables are the same as before.
    """
    updated = dg.AutomationCondition.any_deps_updated().ignore(_NOT_OF_A_DAY).since_last_handled()
    missing = dg.AutomationCondition.any_deps_missing().ignore(_NOT_OF_A_DAY)
    return _within(look_back(calendar)) & updated & ~missing & ~_being_computed()


def look_back(calendar: Calendar) -> timedelta:
    """The time from the first day that a look-back may read again to the end of today."""
    days = calendar.look_back_days if calendar.month_close_day is None else _LONGEST_TO_MONTH_CLOSE
    return DAY * (days + 1)


def _within(reach: timedelta) -> Condition:
    return dg.AutomationCondition.in_latest_time_window(lookback_delta=reach)


def _being_computed() -> Condition:
    return dg.AutomationCondition.in_progress() | dg.AutomationCondition.any_deps_in_progress()

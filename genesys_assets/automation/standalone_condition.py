"""The automation condition of reports in other code locations: when Dagster computes a day again.

`sensors` launch our own assets.
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
    """Look-back days and today as soon as a table was computed again, once all of them are there.

    The sensor that Dagster makes for every code location knows only its own conditions: days that were read again
    without anything new are computed again too.
    """
    updated = dg.AutomationCondition.any_deps_updated().ignore(_NOT_OF_A_DAY).since_last_handled()
    missing = dg.AutomationCondition.any_deps_missing().ignore(_NOT_OF_A_DAY)
    return _within(look_back(calendar)) & updated & ~missing & ~_being_computed()


def look_back(calendar: Calendar) -> timedelta:
    """From the first day that a look-back may read again to the end of today."""
    days = calendar.look_back_days if calendar.month_close_day is None else _LONGEST_TO_MONTH_CLOSE
    return DAY * (days + 1)


def _within(reach: timedelta) -> Condition:
    return dg.AutomationCondition.in_latest_time_window(lookback_delta=reach)


def _being_computed() -> Condition:
    return dg.AutomationCondition.in_progress() | dg.AutomationCondition.any_deps_in_progress()

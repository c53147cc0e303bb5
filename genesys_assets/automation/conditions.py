"""Automation conditions: which days are computed again on their own when what they are made of has changed."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from genesys_assets.partitions import Calendar


def refresh(calendar: Calendar) -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Tables and reports: today's each time an hour has landed, and those of the look-back days when they were read
    again.
    """
    return _changed_within(calendar) & ~dg.AutomationCondition.in_progress()


def publish_again(calendar: Calendar) -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Published reports: look-back days whose reports changed; never today, whose reports are not finished."""
    return refresh(calendar) & ~dg.AutomationCondition.in_latest_time_window()


def _changed_within(calendar: Calendar) -> dg.AutomationCondition:  # type: ignore[type-arg]
    reach = timedelta(days=calendar.look_back_days + 1)
    return dg.AutomationCondition.any_deps_updated() & dg.AutomationCondition.in_latest_time_window(
        lookback_delta=reach
    )

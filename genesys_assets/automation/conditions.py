"""Automation conditions: which days are computed again on their own when what they are made of has changed.

The sensor that acts on them is in `sensors`. A change is remembered until it was acted on: one that arrives while the
day is being computed is not lost, and one that was acted on does not ask again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg

from genesys_assets.assets.common import CHANGED, TOLD_BEFORE
from genesys_assets.partitions import DAY, Calendar

Condition = dg.AutomationCondition[Any]
_LONGEST_TO_MONTH_CLOSE = 31 + 28
_EVENTS_LOOKED_AT = 1_000
"""Of one partition between two ticks. Where there are more, it counts as changed."""

_NOT_OF_A_DAY = dg.AssetSelection.groups("reference", "live")
_OF_THE_DAY = (["genesys", "tables", "conversations"], ["genesys", "tables", "interval_metrics"])


class BroughtSomethingNew(dg.AutomationCondition[dg.AssetKey]):
    """Of the partition's materialisations since the last tick one does not say that its rows are what they were before.

    Look-back days are read again every day and are mostly unchanged: then nothing downstream has to run. A run that
    died after it told of its rows and the one that follows it, unchanged, may both come between two ticks.
    """

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        view, key = context.asset_graph_view, context.key
        candidates = context.candidate_subset.expensively_compute_asset_partitions()
        since = context.previous_max_storage_id
        new = {candidate for candidate in candidates if _is_new(view.instance, key, candidate.partition_key, since)}
        return dg.AutomationResult(context, view.get_asset_subset_from_asset_partitions(key, new))


def _is_new(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, since: int | None) -> bool:
    partitions = None if partition is None else [partition]
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions, after_storage_id=since)
    found = instance.fetch_materializations(wanted, limit=_EVENTS_LOOKED_AT)
    return found.has_more or any(_says_something_new(record.asset_materialization) for record in found.records)


def _says_something_new(materialization: dg.AssetMaterialization | None) -> bool:
    if materialization is None or TOLD_BEFORE in materialization.metadata:
        return False
    changed = materialization.metadata.get(CHANGED)
    return changed is None or bool(changed.value)


def refresh_tables(calendar: Calendar) -> Condition:
    """Today's each time an hour has landed, yesterday's with its last hour, look-back days' when they were read again.

    Never an older day, however many days what changed reaches into.
    """
    return _within(look_back(calendar)) & _changed() & ~_being_computed()


def refresh_reports(calendar: Calendar) -> Condition:
    """As tables, once the day's tables are there at all: the first of them to land does not yet make a report."""
    condition = refresh_tables(calendar)
    for key in _OF_THE_DAY:
        condition &= dg.AutomationCondition.asset_matches(key, _there())
    return condition


def refresh_elsewhere(calendar: Calendar) -> Condition:
    """As reports, in a code location of its own.

    The sensor that Dagster makes for every code location knows only its own conditions: days that were read again
    without anything new are computed again too.
    """
    updated = dg.AutomationCondition.any_deps_updated().ignore(_NOT_OF_A_DAY).since_last_handled()
    missing = dg.AutomationCondition.any_deps_missing().ignore(_NOT_OF_A_DAY)
    return _within(look_back(calendar)) & updated & ~missing & ~_being_computed()


def publish_again(calendar: Calendar) -> Condition:
    """Finished days whose reports changed and are all there; never today, whose reports are not finished."""
    today = dg.AutomationCondition.in_latest_time_window()
    return refresh_tables(calendar) & ~today & ~dg.AutomationCondition.any_deps_missing()


def list_again() -> Condition:
    """As soon as a day was published, whichever it is."""
    published = dg.AutomationCondition.any_deps_updated().since_last_handled()
    return published & ~_being_computed()


def look_back(calendar: Calendar) -> timedelta:
    """From the first day that a look-back may read again to the end of today."""
    days = calendar.look_back_days if calendar.month_close_day is None else _LONGEST_TO_MONTH_CLOSE
    return DAY * (days + 1)


def _within(reach: timedelta) -> Condition:
    return dg.AutomationCondition.in_latest_time_window(lookback_delta=reach)


def _changed() -> Condition:
    """Reference data alone changes no figure, only names: those follow with the next change, as snapshots do."""
    updated = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated() & BroughtSomethingNew())
    return updated.ignore(_NOT_OF_A_DAY).since_last_handled()


def _being_computed() -> Condition:
    return dg.AutomationCondition.in_progress() | dg.AutomationCondition.any_deps_in_progress()


def _there() -> Condition:
    return ~dg.AutomationCondition.missing() | dg.AutomationCondition.will_be_requested()

"""Checks that the requests of runs stay within a share of those that the platform allows in a day.

    genesys/reports/api_cost
        within_budget_share   a warning if a day took more than GENESYS_ASSETS_API_BUDGET_SHARE

`tables/api_requests` has the cost of each request.
"""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from genesys_assets.checks.reconciliation import run_days
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource
from genesys_assets.settings import ApiBudgetSettings

PLACE = "reports/api_cost"
USAGE = "reference/api_usage"
WITHIN = "within_budget_share"
_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """How many requests runs sent on a UTC day, retries included, and how many the platform allows in a minute; None if
    no answer named a limit.
    """

    day: str
    attempts: int
    allowed_per_minute: int | None

    @property
    def share(self) -> float | None:
        """The share of the requests that the platform allows in the day's 1,440 minutes; None if that is unknown."""
        return None if not self.allowed_per_minute else self.attempts / (self.allowed_per_minute * _MINUTES)


def budget_use(lake: Lake, day: str) -> BudgetUse | None:
    """The requests of a day, None if the report of the day is not stored."""
    if not lake.has(PLACE, day):
        return None
    rows = lake.read(PLACE, day, columns=["attempts", "allowed_per_minute"]).to_pylist()
    allowed = [row["allowed_per_minute"] for row in rows if row["allowed_per_minute"] is not None]
    return BudgetUse(day, sum(row["attempts"] or 0 for row in rows), max(allowed, default=None))


def platform_count(lake: Lake, day: str) -> int | None:
    """How many requests of the OAuth client the platform counted, including those of other programs with the same
    client; None if its count is not stored.
    """
    return sum(lake.read(USAGE, day, columns=["requests"])["requests"].to_pylist()) if lake.has(USAGE, day) else None


def build_api_budget_check(calendar: Calendar) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=WITHIN,
        asset=asset_key(*PLACE.split("/")),
        description="Runs took no larger share of the requests that the platform allows in the UTC day than "
        "GENESYS_ASSETS_API_BUDGET_SHARE.",
    )
    def within(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        share = ApiBudgetSettings.load().share
        days = [each for day in run_days(context, calendar) if (each := budget_use(lake.lake, day)) is not None]
        shares = {each.day: each.share for each in days if each.share is not None}
        above = {day: taken for day, taken in shares.items() if taken > share}
        metadata: dict[str, Any] = {f"share of {day}": round(taken, 6) for day, taken in shares.items()}
        metadata |= {
            f"platform counted on {each.day}": count
            for each in days
            if (count := platform_count(lake.lake, each.day)) is not None
        }
        if above:
            listed = ", ".join(f"{day} ({taken:.1%})" for day, taken in above.items())
            metadata["problem"] = (
                f"More than {share:.0%} of the request budget: {listed}. The report says which asset and path. Others "
                "with the same OAuth client get less, and backfills wait. Ask Genesys for a higher rate limit, set a "
                "smaller GENESYS_ASSETS_LOOK_BACK_DAYS, or allow a larger GENESYS_ASSETS_API_BUDGET_SHARE."
            )
        return dg.AssetCheckResult(passed=not above, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)

    return within

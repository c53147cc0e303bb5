"""Which checks give a verdict on the rows of a day, and which tables they read.

It does not import Dagster, so that `genesys-assets status` need not either.
"""

from __future__ import annotations

from dataclasses import dataclass

from genesys_assets.checks.abandons import ABANDONS
from genesys_assets.checks.reconciled_day import HANDLE_TIME, QUEUES_MATCH, USERS_MATCH, WAIT
from genesys_assets.days.completeness import DAILY_DETAILS
from genesys_assets.days.sources import OVERLAP

AS_MANY = "as_many_as_the_platform_says"
DAY_MATCHES = "day_matches_interval_metrics"
OF_SESSIONS = (QUEUES_MATCH, USERS_MATCH, WAIT, HANDLE_TIME, ABANDONS)


@dataclass(frozen=True, slots=True)
class TableChecks:
    """The checks of a table, and the places whose rows of a day they read."""

    checks: tuple[str, ...]
    places: tuple[str, ...]


CHECKED = {
    "conversations": TableChecks((AS_MANY,), ("tables/conversations", DAILY_DETAILS)),
    "session_metrics": TableChecks(
        OF_SESSIONS, ("tables/session_metrics", "tables/interval_metrics", "tables/interaction_legs", OVERLAP)
    ),
    "daily_metrics": TableChecks((DAY_MATCHES,), ("tables/daily_metrics", "tables/interval_metrics")),
}
"""By the name of the table."""

"""How long it may take after the end of an hour or a day until it is known. If it takes longer, an alert is sent."""

from __future__ import annotations

from datetime import timedelta

HOURS_LIMIT = timedelta(hours=3)
"""For the pages of an hour."""
DAYS_LIMIT = timedelta(hours=36)
"""For all pages of a day: details jobs lag by up to a day."""
PUBLISHED_LIMIT = timedelta(hours=6)
"""For the first publishing of a business day."""

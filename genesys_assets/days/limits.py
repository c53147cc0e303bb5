"""How long after its end an hour or a day may become known. Later is late, and an alert is sent."""

from __future__ import annotations

from datetime import timedelta

HOURS_LIMIT = timedelta(hours=3)
"""The pages of an hour."""
DAYS_LIMIT = timedelta(hours=36)
"""All of a day: details jobs lag by up to a day."""
PUBLISHED_LIMIT = timedelta(hours=6)
"""The first publishing of a business day."""

"""What identifies an imported page: its asset and day, the file that it comes from, and whether its buckets are whole.
`pages` makes the pages.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.buckets import ImportOptions, midnight
from genesys_assets.importing.spool import Partition

DETAILS = "imported_details"
HOURLY = "imported_hourly_aggregates"
DAILY = "imported_daily_aggregates"
ASSETS = (DETAILS, HOURLY, DAILY)
"""The assets of imported pages: conversations by the UTC day they began, buckets within an hour by their UTC day, whole
business days by their date.
"""
CUT_FIGURES = "figures of buckets that went on when the answer was saved"
"""What pages hold whose figures a later file may replace by those of the whole buckets."""


def partition_of(span: Interval, options: ImportOptions) -> Partition | None:
    """The asset and day that a bucket belongs to; None if it is neither within one hour nor a whole business day."""
    last = span.end - timedelta(milliseconds=1)
    if span.end - span.start <= timedelta(hours=1) and hour_of(span.start) == hour_of(last):
        return HOURLY, f"{span.start:%Y-%m-%d}"
    zone = options.business_zone
    day = span.start.astimezone(zone).date()
    if (span.start, span.end) == (midnight(day, zone), midnight(day + timedelta(days=1), zone)):
        return DAILY, f"{day:%Y-%m-%d}"
    return None


def file_of(request: str) -> str:
    """The sha256 of the file that an imported page comes from, out of the page's request."""
    return str(json.loads(request)["params"]["sha256"])


def is_cut(request: str) -> bool:
    """Whether an imported page holds figures of buckets that went on when they were saved, by its request."""
    return bool(json.loads(request)["params"]["holds"] == CUT_FIGURES)


def identity(page: Page) -> str:
    """A digest of a page's request, time and body."""
    content = f"{page.request}\n{page.fetched_at.isoformat()}\n".encode()
    return hashlib.sha256(content + page.body).hexdigest()


def hour_of(instant: datetime) -> datetime:
    """The begin of the hour of an instant."""
    return instant.replace(minute=0, second=0, microsecond=0)

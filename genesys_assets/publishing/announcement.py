"""The message to a webhook about a published day: its headline, in words and figures, and the URL of its page."""

from __future__ import annotations

from typing import Any

from genesys_assets.publishing.day import PublishedDay
from genesys_assets.publishing.html import clock, count, long_date, percent


def announcement(published: PublishedDay) -> dict[str, Any]:
    """The message. `text` is for people: chat tools show it. On S3 the URL is a key to the page until it expires."""
    manifest = published.manifest
    until = published.page.expires_at if published.page else None
    return {
        "text": _text(published),
        "date": manifest.date.isoformat(),
        "page": published.page.url if published.page else None,
        "page_expires_at": until.isoformat() if until else None,
        "is_complete": manifest.is_complete,
        "failing_checks": [f"{failing.table} {failing.check}" for failing in manifest.failing_checks],
        "missing": dict(manifest.missing),
        "headline": manifest.headline,
    }


def _text(published: PublishedDay) -> str:
    manifest, headline = published.manifest, published.manifest.headline or {}
    state = "complete" if manifest.is_complete else "provisional"
    lines = [f"{long_date(manifest.date)} is published ({state}): {count(headline.get('offered'))} offered."]
    for medium, figures in (headline.get("media") or {}).items():
        lines.append(
            f"{medium}: service level {percent(figures['service_level'])}, "
            f"handle time {clock(figures['average_handle_time_ms'])}"
        )
    if manifest.failing_checks:
        lines.append(f"{len(manifest.failing_checks)} of its checks failed.")
    if manifest.missing:
        lines.append(f"Missing: {', '.join(manifest.missing)}.")
    return "\n".join([*lines, *([published.page.url] if published.page else [])])

"""The list of days: the last 31, each with its headline and the way to its page.

What a day says of itself is what its manifest says, so that the list and the pages agree. Addresses end, and those of
days that were published long ago have ended: each day's page is signed and proven again whenever the list is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from genesys_assets.publishing import charts
from genesys_assets.publishing.charts import Hours, Words
from genesys_assets.publishing.errors import Altered, Gone, InvalidManifest
from genesys_assets.publishing.html import clock, count, percent, render, short_date
from genesys_assets.publishing.manifest import FailingCheck, Headline, Manifest, PublishedFile
from genesys_assets.publishing.place import DAY_PAGE

if TYPE_CHECKING:
    from markupsafe import Markup

    from genesys_assets.publishing.publisher import Publisher

LISTED_DAYS = 31
_DAYS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ListedDay:
    """A day of the list. Without a manifest it was not published, or its manifest cannot be read; `problem` says why
    a day has no page.
    """

    date: date
    manifest: Manifest | None = None
    page: PublishedFile | None = None
    problem: str = ""

    @property
    def headline(self) -> Headline:
        return (self.manifest and self.manifest.headline) or {}

    @property
    def is_complete(self) -> bool | None:
        return None if self.manifest is None else self.manifest.is_complete

    @property
    def failing_checks(self) -> Sequence[FailingCheck]:
        return () if self.manifest is None else self.manifest.failing_checks


def listed_days(publisher: Publisher, first: date, today: date) -> list[ListedDay]:
    """The last 31 days from `first` on, newest first; today only if it has been published already.

    A day whose page or manifest was altered, or is gone, is listed with its problem. Raises PublishingError where S3
    cannot be read, or is readable for anyone.
    """
    days = [today - timedelta(days=back) for back in range(LISTED_DAYS + 1)]
    with ThreadPoolExecutor(_DAYS_AT_ONCE, thread_name_prefix="list") as executor:
        listed = list(executor.map(lambda day: _listed(publisher, day), [day for day in days if day >= first]))
    if listed and listed[0].date == today and listed[0].manifest is None:
        listed = listed[1:]
    return listed[:LISTED_DAYS]


def _listed(publisher: Publisher, day: date) -> ListedDay:
    manifest = None
    try:
        manifest = publisher.manifest(day)
        page = manifest and manifest.file(DAY_PAGE)
        signed = publisher.sign_again(page) if page else None
    except InvalidManifest:
        return ListedDay(day, problem="its manifest was altered: publish it again")
    except Gone:
        return ListedDay(day, manifest, None, "its page is gone: publish it again")
    except Altered:
        return ListedDay(day, manifest, None, "its page was altered: publish it again")
    return ListedDay(day, manifest, signed, "no page: publish it again" if manifest and not page else "")


def index_page(days: Sequence[ListedDay], zone: str) -> str:
    """The list as HTML."""
    return render(
        "index_page.html",
        days=days,
        zone=zone,
        charts=_charts(list(reversed(days))),
        published=sum(day.manifest is not None for day in days),
        expires_at=_first_to_expire(days),
    )


def _first_to_expire(days: Sequence[ListedDay]) -> datetime | None:
    return min((day.page.expires_at for day in days if day.page and day.page.expires_at), default=None)


def _charts(days: Sequence[ListedDay]) -> dict[str, Markup]:
    """Three figures over the days, oldest first; none that has no value."""
    ticks = [(at + 0.4, short_date(day.date)[4:]) for at, day in enumerate(days) if day.date.weekday() == 0]
    axis = Hours(len(days), ticks, "days; the marks are Mondays")
    offered, abandoned, level, handle = (
        [day.headline.get(name) for day in days]
        for name in ("offered", "abandoned", "service_level", "average_handle_time_ms")
    )
    drawn: dict[str, Markup] = {}
    if any(offered):
        words = Words("offered", "Offered and abandoned by day", _told(days, offered, count))
        drawn["offered"] = charts.bars(words, axis, "interactions", (offered, charts.ACCENT), (abandoned, charts.ALERT))
    if any(value is not None for value in level):
        words = Words("level", "Service level by day", _told(days, level, percent))
        shares = [None if value is None else 100 * value for value in level]
        drawn["level"] = charts.dots(words, axis, "per cent", shares, offered, top=100)
    if any(value is not None for value in handle):
        words = Words("handle", "Average handle time by day", _told(days, handle, clock))
        minutes = [None if value is None else value / 60_000 for value in handle]
        drawn["handle"] = charts.dots(words, axis, "minutes", minutes, offered)
    return drawn


def _told(days: Sequence[ListedDay], values: Sequence[float | None], shown: Callable[[float | None], str]) -> str:
    return "; ".join(f"{short_date(day.date)}: {shown(value)}" for day, value in zip(days, values, strict=True)) + "."

"""Makes the list of days: the last 31, each with its headline and a link to its page.

The list shows what each day's manifest states, so that list and pages agree. The links on a page become stale:
presigned URLs expire, and the next day is published later. So the list has a copy of each day's page under a fixed
name, and renews its links whenever the list is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genesys_assets.process_folder import scratch_folder
from genesys_assets.publishing import charts
from genesys_assets.publishing.charts import ChartTexts, TimeAxis
from genesys_assets.publishing.day_page import called
from genesys_assets.publishing.errors import InvalidManifest
from genesys_assets.publishing.html import clock, count, percent, render, short_date, write_page
from genesys_assets.publishing.links import LIST, NeighbourDays, links_of, listed_page, with_links
from genesys_assets.publishing.manifest import FailingCheck, Headline, Manifest, PublishedFile
from genesys_assets.publishing.place import DAY_PAGE, INDEX, key_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from genesys_assets.publishing.publisher import Publisher

LISTED_DAYS = 31
_DAYS_AT_ONCE = 4
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ListedDay:
    """A day of the list. Without a manifest the day was not published, or its manifest cannot be read. `problem` says
    why a published day has no page. `html` is its page as it was published; `page` is the list's copy of that page,
    to which `href` links.
    """

    date: date
    manifest: Manifest | None = None
    html: str | None = None
    problem: str = ""
    page: PublishedFile | None = None
    href: str = ""

    @property
    def headline(self) -> Headline:
        return (self.manifest and self.manifest.headline) or {}

    @property
    def media(self) -> Mapping[str, Mapping[str, Any]]:
        """Figures by medium. Empty for days that were published by a version without them."""
        return self.headline.get("media") or {}

    @property
    def is_complete(self) -> bool | None:
        return None if self.manifest is None else self.manifest.is_complete

    @property
    def failing_checks(self) -> Sequence[FailingCheck]:
        return () if self.manifest is None else self.manifest.failing_checks


def publish_list(publisher: Publisher, first: date, today: date, zone: str) -> tuple[list[ListedDay], PublishedFile]:
    """Publish the list, and the page of each day in it. Raises PublishingError if the place cannot be read or written,
    or if anyone could read it.
    """
    with scratch_folder("published") as folder:
        days = _with_pages(publisher, listed_days(publisher, first, today), folder)
        return days, publisher.replace(LIST, write_page(index_page(days, zone), folder / LIST[-1]))


def listed_days(publisher: Publisher, first: date, today: date) -> list[ListedDay]:
    """The last 31 days from `first` on, newest first; today only if it has been published already.

    A day is listed with its problem if its manifest was altered, or its page was altered or no longer exists. Raises
    NotReadable.
    """
    days = [today - timedelta(days=back) for back in range(LISTED_DAYS + 1)]
    with ThreadPoolExecutor(_DAYS_AT_ONCE, thread_name_prefix="list") as executor:
        listed = list(executor.map(lambda day: _listed(publisher, day), [day for day in days if day >= first]))
    if listed and listed[0].date == today and listed[0].manifest is None:
        listed = listed[1:]
    return listed[:LISTED_DAYS]


def _listed(publisher: Publisher, day: date) -> ListedDay:
    try:
        manifest = publisher.manifest(day)
    except InvalidManifest:
        return ListedDay(day, problem="its manifest was altered: publish it again")
    page = manifest.file(DAY_PAGE) if manifest else None
    if page is None:
        return ListedDay(day, manifest, problem="no page: publish it again" if manifest else "")
    body = publisher.place.get(page.key)
    if body is None:
        return ListedDay(day, manifest, problem="its page is gone: publish it again")
    if hashlib.sha256(body).hexdigest() != page.sha256:
        return ListedDay(day, manifest, problem="its page was altered: publish it again")
    return ListedDay(day, manifest, body.decode())


def _with_pages(publisher: Publisher, days: Sequence[ListedDay], folder: Path) -> list[ListedDay]:
    """Publish a page for each day that has one. Each page links to the days before and after it."""
    with_page = {day.date for day in days if day.html is not None}
    place = publisher.place
    index = key_of(place, INDEX, *LIST)

    def publish(day: ListedDay) -> ListedDay:
        if day.html is None or day.manifest is None:
            return day
        before, after = (each if each in with_page else None for each in (day.date - _DAY, day.date + _DAY))
        name = listed_page(day.date)
        links = links_of(place, key_of(place, INDEX, *name), day.manifest.files, NeighbourDays(before, after))
        page = publisher.replace(name, write_page(with_links(day.html, links), folder / f"{day.date}.html"))
        return replace(day, page=page, href=place.link(page.key, page.url, index))

    with ThreadPoolExecutor(_DAYS_AT_ONCE, thread_name_prefix="list") as executor:
        return list(executor.map(publish, days))


def index_page(days: Sequence[ListedDay], zone: str) -> str:
    """The list as HTML."""
    media = _media(days)
    return render(
        "index_page.html",
        days=days,
        zone=zone,
        media=media,
        called=called,
        charts=_charts(list(reversed(days)), media),
        published=sum(day.manifest is not None for day in days),
        paged=sum(bool(day.href) for day in days),
        expires_at=_first_to_expire(days),
    )


def _media(days: Sequence[ListedDay]) -> list[str]:
    """The media types of all days, the one with the most interactions first."""
    interactions: dict[str, int] = {}
    for day in days:
        for name, figures in day.media.items():
            interactions[name] = interactions.get(name, 0) + (figures.get("interactions") or 0)
    return sorted(interactions, key=lambda name: (-interactions[name], name))


def _first_to_expire(days: Sequence[ListedDay]) -> datetime | None:
    return min((day.page.expires_at for day in days if day.page and day.page.expires_at), default=None)


def _charts(days: Sequence[ListedDay], media: Sequence[str]) -> dict[str, Markup]:
    """Figures over the days, oldest first; `level-0` and `handle-0` are those of the first medium."""
    ticks = [(at + 0.4, short_date(day.date)[4:]) for at, day in enumerate(days) if day.date.weekday() == 0]
    axis = TimeAxis(len(days), ticks, "days; the marks are Mondays")
    offered, abandoned = ([day.headline.get(name) for day in days] for name in ("offered", "abandoned"))
    drawn: dict[str, Markup] = {}
    if any(offered):
        words = ChartTexts("offered", "Offered and abandoned by day", _in_words(days, offered, count))
        drawn["offered"] = charts.bars(words, axis, "interactions", (offered, charts.ACCENT), (abandoned, charts.ALERT))
    for nth, medium in enumerate(media):
        drawn |= _charts_of(days, axis, medium, nth)
    return drawn


def _charts_of(days: Sequence[ListedDay], axis: TimeAxis, medium: str, nth: int) -> dict[str, Markup]:
    level, handle, offered, handled = (
        [day.media.get(medium, {}).get(name) for day in days]
        for name in ("service_level", "average_handle_time_ms", "offered", "handled")
    )
    drawn: dict[str, Markup] = {}
    if any(value is not None for value in level):
        words = ChartTexts(f"level-{nth}", f"Service level by day, {called(medium)}", _in_words(days, level, percent))
        shares = [None if value is None else 100 * value for value in level]
        drawn[words.name] = charts.dots(words, axis, "per cent", shares, offered, top=100)
    if any(value is not None for value in handle):
        words = ChartTexts(
            f"handle-{nth}", f"Average handle time by day, {called(medium)}", _in_words(days, handle, clock)
        )
        minutes = [None if value is None else value / 60_000 for value in handle]
        drawn[words.name] = charts.dots(words, axis, "minutes", minutes, handled)
    return drawn


def _in_words(days: Sequence[ListedDay], values: Sequence[float | None], shown: Callable[[float | None], str]) -> str:
    return "; ".join(f"{short_date(day.date)}: {shown(value)}" for day, value in zip(days, values, strict=True)) + "."

"""Where the page of a day leads: to its files, to the days before and after, and to the list.

In the page, links are between marks, so that the list can replace them by fresh ones: presigned URLs expire, and the
next day is published later. On S3 a page with links is as secret as the files that it links to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from genesys_assets.publishing.errors import NotReadable
from genesys_assets.publishing.html import render
from genesys_assets.publishing.manifest import PublishedFile
from genesys_assets.publishing.place import INDEX, Place, key_of

LIST = ("index.html",)
_PARTS = ("days", "files")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file to download."""

    report: str
    format: str
    rows: int | None
    bytes: int
    href: str


@dataclass(frozen=True, slots=True)
class DayLink:
    """The page of another day."""

    date: date
    href: str


@dataclass(frozen=True, slots=True)
class Links:
    """What a page leads to; None where that is not published. Links work until `until`, None where they do not expire.

    `days` is the link to the list.
    """

    files: Sequence[FileLink] = ()
    before: DayLink | None = None
    after: DayLink | None = None
    days: str | None = None
    until: datetime | None = None

    @property
    def reports(self) -> dict[str, list[FileLink]]:
        """The files by report, CSV first: that is what most people open."""
        found: dict[str, list[FileLink]] = {}
        for file in sorted(self.files, key=lambda file: file.format):
            found.setdefault(file.report, []).append(file)
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class NeighbourDays:
    """What of the list is there: the days before and after a day, if they have a page in it, and the list itself."""

    before: date | None = None
    after: date | None = None
    has_list: bool = True

    @classmethod
    def around(cls, place: Place, day: date) -> NeighbourDays:
        """What is there now, as far as it may be known."""
        before, after = (each if _is_there(place, listed_page(each)) else None for each in (day - _DAY, day + _DAY))
        return cls(before, after, _is_there(place, LIST))


def _is_there(place: Place, name: Sequence[str]) -> bool:
    key = key_of(place, INDEX, *name)
    try:
        return any(file.key == key for file in place.files(key))
    except NotReadable:
        return False


def listed_page(day: date) -> tuple[str, ...]:
    """The name of a day's page in the list, which does not change when its figures do."""
    return (f"date={day.isoformat()}", "day_page.html")


def links_of(place: Place, seen_from: str, files: Sequence[PublishedFile], listed: NeighbourDays) -> Links:
    """What the page `seen_from` leads to, every URL fresh."""
    until: list[datetime] = []

    def href(key: str) -> str:
        file_url = place.url_of(key)
        if file_url.expires_at is not None:
            until.append(file_url.expires_at)
        return place.link(key, file_url.url, seen_from)

    def day(of: date | None) -> DayLink | None:
        return None if of is None else DayLink(of, href(key_of(place, INDEX, *listed_page(of))))

    linked = [
        FileLink(file.report, file.format, file.rows, file.bytes, href(file.key))
        for file in files
        if file.rows is not None
    ]
    days = href(key_of(place, INDEX, *LIST)) if listed.has_list else None
    return Links(linked, day(listed.before), day(listed.after), days, min(until, default=None))


def with_links(html: str, links: Links) -> str:
    """A page with these links in the place of those it has. A page from before there were links stays without."""
    for part in _PARTS:
        before, begin, rest = html.partition(f"<!-- {part} -->")
        _, end, after = rest.partition(f"<!-- end of {part} -->")
        if begin and end:
            html = f"{before}{begin}{render('links.html', part=part, links=links)}{end}{after}"
    return html

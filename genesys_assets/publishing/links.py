"""The links on the page of a day: to its files, to the days before and after, and to the list.

In the HTML, links stand between marks, so that the list can replace them: presigned URLs expire, and the next day is
published later. On S3, keep a page with links as secret as the files that it links to.
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
    """The links of a page; None for what is not published. Links work until `until`; None if they do not expire.

    `days` is the link to the list.
    """

    files: Sequence[FileLink] = ()
    before: DayLink | None = None
    after: DayLink | None = None
    days: str | None = None
    until: datetime | None = None

    @property
    def reports(self) -> dict[str, list[FileLink]]:
        """The files by report, CSV first, because most people open that."""
        by_report: dict[str, list[FileLink]] = {}
        for file in sorted(self.files, key=lambda file: file.format):
            by_report.setdefault(file.report, []).append(file)
        return dict(sorted(by_report.items()))


@dataclass(frozen=True, slots=True)
class NeighbourDays:
    """The days before and after a day, if the list has pages of them, and whether there is a list."""

    before: date | None = None
    after: date | None = None
    has_list: bool = True

    @classmethod
    def around(cls, place: Place, day: date) -> NeighbourDays:
        """Look at the place. Without the permission to list it, nothing counts as published."""
        before, after = (each if _exists(place, listed_page(each)) else None for each in (day - _DAY, day + _DAY))
        return cls(before, after, _exists(place, LIST))


def _exists(place: Place, name: Sequence[str]) -> bool:
    key = key_of(place, INDEX, *name)
    try:
        return any(file.key == key for file in place.files(key))
    except NotReadable:
        return False


def listed_page(day: date) -> tuple[str, ...]:
    """The name of a day's page in the list, which does not change when its figures do."""
    return (f"date={day.isoformat()}", "day_page.html")


def links_of(place: Place, seen_from: str, files: Sequence[PublishedFile], listed: NeighbourDays) -> Links:
    """The links on the page with the key `seen_from`, with newly signed URLs."""
    until: list[datetime] = []

    def href(key: str) -> str:
        file_url = place.url_of(key)
        if file_url.expires_at is not None:
            until.append(file_url.expires_at)
        return place.link(key, file_url.url, seen_from)

    def day(date_: date | None) -> DayLink | None:
        return None if date_ is None else DayLink(date_, href(key_of(place, INDEX, *listed_page(date_))))

    linked = [
        FileLink(file.report, file.format, file.rows, file.bytes, href(file.key))
        for file in files
        if file.rows is not None
    ]
    days = href(key_of(place, INDEX, *LIST)) if listed.has_list else None
    return Links(linked, day(listed.before), day(listed.after), days, min(until, default=None))


def with_links(html: str, links: Links) -> str:
    """The page with these links instead of its own. A page without marks for links (of an older version) is
    unchanged.
    """
    for part in _PARTS:
        before, begin, rest = html.partition(f"<!-- {part} -->")
        _, end, after = rest.partition(f"<!-- end of {part} -->")
        if begin and end:
            html = f"{before}{begin}{render('links.html', part=part, links=links)}{end}{after}"
    return html

"""The list of days on a real S3 server and in a folder: its days, their figures, and working links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.index_page import ListedDay, index_page, listed_days, publish_list
from genesys_assets.publishing.manifest import FailingCheck, PublishedFile
from genesys_assets.publishing.place import DAY_PAGE, manifest_key
from genesys_assets.publishing.publisher import Publisher
from genesys_assets_tests.publishing.published_files import a_manifest, body_of
from genesys_assets_tests.publishing.test_day_page import Text
from genesys_assets_tests.publishing.test_publisher import overwrite

TODAY = date(2026, 3, 10)
VOICE = {
    "interactions": 900,
    "offered": 800,
    "answered": 790,
    "abandoned": 8,
    "abandoned_share": 0.01,
    "handled": 700,
    "average_handle_time_ms": 305_000.0,
    "hold_share": None,
    "service_level": 0.8,
}
EMAIL = VOICE | {"interactions": 434, "average_handle_time_ms": 21_565_000.0, "service_level": None}
HEADLINE = {
    "offered": 1234,
    "answered": 1100,
    "abandoned": 70,
    "abandoned_share": 0.0567,
    "media": {"email": EMAIL, "voice": VOICE},
}
OLD_HEADLINE = {"offered": 1234, "service_level": 0.8, "average_handle_time_ms": 305_000.0}
"""As it was before figures were told by medium."""


def publish(
    publisher: Publisher,
    day: date,
    folder: Path,
    *,
    page: bool = True,
    headline: Mapping[str, Any] | None = HEADLINE,
    **more: Any,
) -> None:
    html = f"<!-- days --><!-- end of days --><p>page of {day}</p><!-- files --><!-- end of files -->"
    local = write_page(html, folder / f"{DAY_PAGE}.html")
    files = publisher.publish(DAY_PAGE, day, [local]) if page else []
    publisher.publish_manifest(
        a_manifest(date=day, files=tuple(files), is_complete=day.day % 2 == 0, headline=headline, **more)
    )


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def test_the_last_31_days_are_listed_newest_first_and_gaps_are_seen(publisher: Publisher, tmp_path: Path) -> None:
    for back in (1, 3, 31, 32):
        publish(publisher, ago(back), tmp_path)
    days = listed_days(publisher, date(2026, 1, 1), TODAY)
    assert [day.date for day in days] == [ago(back) for back in range(1, 32)]
    assert [day.date for day in days if day.html] == [ago(1), ago(3), ago(31)]


def test_today_is_listed_once_it_has_been_published(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, TODAY, tmp_path)
    assert [day.date for day in listed_days(publisher, date(2026, 1, 1), TODAY)] == [ago(back) for back in range(31)]


def test_days_before_the_start_date_are_no_gaps(publisher: Publisher) -> None:
    assert [day.date for day in listed_days(publisher, ago(2), TODAY)] == [ago(1), ago(2)]
    assert listed_days(publisher, TODAY, TODAY) == []


def listed(publisher: Publisher) -> tuple[Text, PublishedFile]:
    """The published list as readers get it, and its place."""
    _, file = publish_list(publisher, ago(3), TODAY, "UTC")
    return Text(body_of(file.url).decode()), file


def hrefs(page: Text) -> list[str]:
    """The links of a page, without the references inside charts."""
    found = [value or "" for name, value in page.attributes if name == "href"]
    return [href for href in found if not href.startswith(("data:", "#"))]


def followed(file: PublishedFile, href: str) -> PublishedFile:
    """The file behind a link of another file."""
    return replace(file, url=urljoin(file.url, href))


def test_each_link_gives_the_page_of_its_day_with_links_to_its_neighbours_and_back(
    anywhere: Publisher, tmp_path: Path
) -> None:
    for back in (1, 2, 3):
        publish(anywhere, ago(back), tmp_path)
    index, file = listed(anywhere)
    pages = [followed(file, href) for href in hrefs(index)]
    texts = [Text(body_of(page.url).decode()) for page in pages]
    assert [text.said[-1] for text in texts] == [f"page of {ago(back)}" for back in (1, 2, 3)]
    assert [" ".join(text.said[:-1]) for text in texts] == [
        "← Sun 8 Mar All days",
        "← Sat 7 Mar All days Mon 9 Mar →",
        "All days Sun 8 Mar →",
    ]
    before, days, after = (body_of(followed(pages[1], href).url) for href in hrefs(texts[1]))
    assert f"page of {ago(3)}".encode() in before
    assert f"page of {ago(1)}".encode() in after
    assert b"<h1>Days</h1>" in days


def test_a_day_has_its_headline_and_completeness(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, date(2026, 3, 8), tmp_path)
    page = Text(index_page(listed_days(publisher, date(2026, 3, 8), TODAY), "Europe/Zurich"))
    assert "1 of 2 days is published. Business days in Europe/Zurich." in page
    assert "Sun 8 Mar 2026 Complete 1,234 1,100 70 5.7 %" in page
    assert "Mon 9 Mar 2026 not published — — — —" in page


def test_service_level_and_handle_time_stand_by_medium_the_busiest_first(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, date(2026, 3, 8), tmp_path)
    publish(publisher, date(2026, 3, 9), tmp_path, headline=OLD_HEADLINE)
    page = Text(index_page(listed_days(publisher, date(2026, 3, 8), TODAY), "UTC"))
    tables = "Day Offered Abandon rate Service level Handle time Hold share"
    assert f"Voice Handle time is the average, h:mm:ss. {tables} Sun 8 Mar 800 1.0 % 80.0 % 0:05:05 —" in page
    assert f"Email Handle time is the average, h:mm:ss. {tables} Sun 8 Mar 800 1.0 % — 5:59:25 —" in page
    assert "0:05:05" not in " ".join(page.said).partition("Voice Handle time")[0].partition("Day by day")[2]


def test_a_day_published_without_a_page_is_named_and_has_no_link(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, ago(1), tmp_path, page=False, headline=None)
    page = Text(index_page(listed_days(publisher, ago(1), TODAY), "UTC"))
    assert "Mon 9 Mar 2026 Provisional no page: publish it again — —" in page
    assert "a" not in page.tags
    assert "No day has a page yet." in page


def test_a_list_of_no_days_can_be_made() -> None:
    assert "0 of 0 days are published." in Text(index_page([], "UTC"))


def test_the_page_says_when_the_first_url_expires(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, ago(1), tmp_path)
    [day], _ = publish_list(publisher, ago(1), TODAY, "UTC")
    assert day.page
    assert day.page.expires_at
    assert f"The links work until {day.page.expires_at:%Y-%m-%d %H:%M} UTC" in Text(index_page([day], "UTC"))


def test_a_day_whose_checks_failed_is_not_simply_complete(publisher: Publisher, tmp_path: Path) -> None:
    failing = (FailingCheck("tables/conversations", "as_many_as_the_platform_says"),)
    publish(publisher, date(2026, 3, 8), tmp_path, failing_checks=failing)
    page = Text(index_page(listed_days(publisher, date(2026, 3, 8), TODAY), "UTC"))
    assert "Sun 8 Mar 2026 Complete, checks failed 1,234" in page


def test_days_whose_files_were_altered_or_are_gone_keep_no_other_from_being_listed(
    anywhere: Publisher, tmp_path: Path
) -> None:
    for back in (1, 2, 3, 4):
        publish(anywhere, ago(back), tmp_path)
    altered, gone = (day.manifest and day.manifest.file(DAY_PAGE) for day in listed_days(anywhere, ago(2), TODAY))
    assert altered
    assert gone
    overwrite(anywhere, altered.key, b"<p>other figures</p>")
    anywhere.place.delete(gone.key)
    overwrite(anywhere, manifest_key(anywhere.place, ago(3)), b"not JSON")
    days, _ = publish_list(anywhere, ago(4), TODAY, "UTC")
    assert [day.html is not None for day in days] == [False, False, False, True]
    said = Text(index_page(days, "UTC"))
    assert "Mon 9 Mar 2026 Provisional its page was altered: publish it again" in said
    assert "Sun 8 Mar 2026 Complete its page is gone: publish it again" in said
    assert "Sat 7 Mar 2026 not published its manifest was altered: publish it again — —" in said


def test_days_without_figures_are_gaps_in_the_charts(publisher: Publisher) -> None:
    days = [
        ListedDay(ago(back), a_manifest(headline=HEADLINE, is_complete=True) if back != 2 else None)
        for back in (1, 2, 3)
    ]
    page = Text(index_page(days, "UTC"))
    assert page.tags.count("svg") == 4, "volume, service level of voice, and two handle times"
    assert "Sat 7 Mar: 1,234; Sun 8 Mar: —; Mon 9 Mar: 1,234." in page.said

"""The list of days on a real S3 server and in a folder: which days, what of them, and links that work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests

from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.index_page import ListedDay, index_page, listed_days
from genesys_assets.publishing.manifest import FailingCheck
from genesys_assets.publishing.place import DAY_PAGE, manifest_key
from genesys_assets.publishing.publisher import Publisher
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.publishing.published_files import a_manifest
from genesys_assets_tests.publishing.test_day_page import Text
from genesys_assets_tests.publishing.test_publisher import overwrite

TODAY = date(2026, 3, 10)
HEADLINE = {
    "offered": 1234,
    "answered": 1100,
    "abandoned": 70,
    "abandoned_share": 0.0567,
    "service_level": 0.8,
    "average_handle_time_ms": 305_000.0,
    "hold_share": None,
}


def publish(
    publisher: Publisher,
    day: date,
    folder: Path,
    *,
    page: bool = True,
    headline: Mapping[str, Any] | None = HEADLINE,
    **more: Any,
) -> None:
    local = write_page(f"<p>page of {day}</p>", folder / f"{DAY_PAGE}.html")
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
    assert [day.date for day in days if day.page] == [ago(1), ago(3), ago(31)]


def test_today_is_listed_once_it_has_been_published(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, TODAY, tmp_path)
    assert [day.date for day in listed_days(publisher, date(2026, 1, 1), TODAY)] == [ago(back) for back in range(31)]


def test_days_before_the_start_date_are_no_gaps(publisher: Publisher) -> None:
    assert [day.date for day in listed_days(publisher, ago(2), TODAY)] == [ago(1), ago(2)]
    assert listed_days(publisher, TODAY, TODAY) == []


def test_each_link_gives_the_page_of_its_day(publisher: Publisher, tmp_path: Path) -> None:
    for back in (1, 2):
        publish(publisher, ago(back), tmp_path)
    page = Text(index_page(listed_days(publisher, ago(2), TODAY), "UTC"))
    links = [value or "" for name, value in page.attributes if name == "href" and (value or "").startswith("http")]
    pages = [requests.get(link, timeout=PATIENCE_SECONDS).text for link in links]
    assert pages == [f"<p>page of {ago(back)}</p>" for back in (1, 2)]


def test_a_day_has_its_headline_and_completeness(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, date(2026, 3, 8), tmp_path)
    page = Text(index_page(listed_days(publisher, date(2026, 3, 8), TODAY), "Europe/Zurich"))
    assert "1 of 2 days is published. Business days in Europe/Zurich." in page
    assert "Sun 8 Mar 2026 Complete 1,234 1,100 5.7 % 80.0 % 0:05:05 —" in page
    assert "Mon 9 Mar 2026 not published — — — — — —" in page


def test_a_day_published_without_a_page_is_told_and_has_no_link(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, ago(1), tmp_path, page=False, headline=None)
    page = Text(index_page(listed_days(publisher, ago(1), TODAY), "UTC"))
    assert "Mon 9 Mar 2026 Provisional no page: publish it again — —" in page
    assert "a" not in page.tags
    assert "No day has a page yet." in page


def test_a_list_of_no_days_can_be_made() -> None:
    assert "0 of 0 days are published." in Text(index_page([], "UTC"))


def test_the_first_end_of_an_address_is_told(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, ago(1), tmp_path)
    [day] = listed_days(publisher, ago(1), TODAY)
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
    page, gone = (day.page for day in listed_days(anywhere, ago(2), TODAY))
    assert page is not None
    assert gone is not None
    overwrite(anywhere, page.key, b"<p>other figures</p>")
    anywhere.place.delete(gone.key)
    overwrite(anywhere, manifest_key(anywhere.place, ago(3)), b"not JSON")
    days = listed_days(anywhere, ago(4), TODAY)
    assert [day.page is not None for day in days] == [False, False, False, True]
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
    assert page.tags.count("svg") == 3
    assert "Sat 7 Mar: 1,234; Sun 8 Mar: —; Mon 9 Mar: 1,234." in page.said

"""The pages in a real browser: no errors, within their width, readable in both colour schemes and by screen readers.

The day is made up, with very difficult names and more agents than fit; the list of days holds one of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser

from genesys_assets.publishing.day_page import day_page
from genesys_assets.publishing.index_page import ListedDay, index_page
from genesys_assets.publishing.links import DayLink, FileLink, Links, with_links
from genesys_assets.publishing.manifest import FailingCheck, PublishedFile
from genesys_assets_tests.browser import CONTRASTS, MARKS, Visit, chromium, contrast, visit
from genesys_assets_tests.publishing.made_up_day import NAMES, business_day, made_up_lake
from genesys_assets_tests.publishing.published_files import a_manifest

pytestmark = pytest.mark.long

ADDRESS = "https://s3.example.com/a?X-Amz-Signature=0&X-Amz-Expires=1"
FAILING = (FailingCheck("tables/conversations", "as_many_as_the_platform_says", "3 conversations are missing"),)
LINKS = Links(
    [
        FileLink(name, each, 12, 3456, ADDRESS)
        for name in ("agent_daily", "a" * 63)
        for each in ("csv", "json", "parquet")
    ],
    DayLink(date(2026, 1, 30), ADDRESS),
    DayLink(date(2026, 2, 1), ADDRESS),
    ADDRESS,
    datetime(2026, 2, 2, tzinfo=UTC),
)
WIDTHS, SCHEMES, PAGES = (375, 768, 1280), ("light", "dark"), ("day", "index")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The URL of each page."""
    folder = tmp_path_factory.mktemp("pages")
    missing = {"mine": "its last computation failed: " + "no such hour, " * 20}
    lake = made_up_lake(folder / "lake", agents=60)
    day = day_page(lake, business_day(), failing_checks=FAILING, missing=missing)
    html = {
        "day": with_links(day.html, LINKS),
        "index": index_page(listed(day.headline), "America/Argentina/ComodRivadavia"),
    }
    for name, text in html.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in html}


def listed(headline: dict[str, Any]) -> list[ListedDay]:
    """31 days: complete, with failing checks, without a page, and not published."""
    until = datetime(2026, 3, 1, tzinfo=UTC)
    file = PublishedFile("day_page", "html", "a/key", None, 1, "00", ADDRESS, until)
    shown: dict[str, Any] = {"page": file, "href": ADDRESS}
    days = [date(2026, 1, 31) - timedelta(days=back) for back in range(31)]
    kinds = [
        (manifest, page)
        for manifest, page in (
            (a_manifest(headline=headline, is_complete=True), shown),
            (a_manifest(headline=headline, is_complete=True, failing_checks=FAILING), shown),
            (a_manifest(is_complete=False), {"problem": "no page: publish it again"}),
            (None, {}),
        )
    ]
    return [ListedDay(day, kinds[nth % 4][0], **kinds[nth % 4][1]) for nth, day in enumerate(days)]


KINDS = [(name, width, scheme) for name in PAGES for width in WIDTHS for scheme in SCHEMES]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(map(str, kind)))
def seen(request: pytest.FixtureRequest, browser: Browser, pages: dict[str, str]) -> Iterator[Visit]:
    """Every page at every width in both schemes, with everything unfolded."""
    name, width, scheme = request.param
    with visit(browser, pages[name], width=width, scheme=scheme) as opened:
        opened.ask("document.querySelectorAll('details').forEach(each => each.open = true)")
        yield opened


@pytest.mark.long
def test_a_page_opens_without_complaint_and_asks_for_nothing_else(seen: Visit) -> None:
    seen.page.wait_for_load_state("networkidle")
    assert seen.complaints == []
    assert seen.requests == [seen.page.url]


def test_nothing_reaches_beyond_the_width_of_the_screen(seen: Visit) -> None:
    wide, screen = seen.ask("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= screen
    outside = seen.ask(
        """[...document.querySelectorAll("body *")]
        .filter(each => each.getBoundingClientRect().width && each.checkVisibility())
        .map(each => [each.getBoundingClientRect(), each.outerHTML.slice(0, 80)])
        .filter(([box]) => box.left < -0.5 || box.right > innerWidth + 0.5)"""
    )
    assert outside == []


def test_cells_of_a_row_do_not_overlap(seen: Visit) -> None:
    overlapping = seen.ask(
        """[...document.querySelectorAll("th, td")].filter(each => each.scrollWidth > each.clientWidth + 1)
        .map(each => each.innerText)"""
    )
    assert overlapping == []


def test_all_text_stands_out_from_what_is_behind_it(seen: Visit) -> None:
    texts = seen.ask(CONTRASTS)
    assert len(texts) > 100
    assert sum(text["inChart"] for text in texts) > 20
    assert [text for text in texts if text["ratio"] < (3 if text["size"] >= 24 else 4.5)] == []


def test_text_in_charts_is_large_enough_to_read(seen: Visit) -> None:
    smallest = seen.ask(
        """Math.min(...[...document.querySelectorAll("svg text")].map(each =>
        parseFloat(getComputedStyle(each).fontSize) * each.getScreenCTM().a))"""
    )
    assert smallest >= 9.5


def test_what_charts_are_painted_with_stands_out_from_the_paper(seen: Visit) -> None:
    colours = seen.ask(MARKS)
    weak = {name for name in colours if name != "paper" and contrast(colours["paper"], colours[name]) < 3}
    assert weak == set()


def test_every_chart_has_a_text_for_screen_readers(seen: Visit) -> None:
    charts = seen.ask(
        """[...document.querySelectorAll("svg")].map(each => [each.getAttribute("role"),
        ...each.getAttribute("aria-labelledby").split(" ").map(id => document.getElementById(id)?.textContent)])"""
    )
    assert len(charts) >= 3
    for role, title, description in charts:
        assert role == "img"
        assert title
        assert len(description) > len(title)


def test_no_two_elements_share_an_id(seen: Visit) -> None:
    ids = seen.ask("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))


def test_tables_keep_their_headings_whatever_they_look_like(seen: Visit) -> None:
    assert seen.ask("[...document.querySelectorAll('table')].every(each => each.caption && each.tHead)")
    assert seen.page.get_by_role("columnheader", name="Service level").count() >= 1
    assert seen.page.get_by_role("row").count() > 20
    assert seen.ask("document.querySelectorAll('h1').length") == 1


def test_bad_names_are_seen_as_they_are(browser: Browser, pages: dict[str, str]) -> None:
    with visit(browser, pages["day"]) as seen:
        for name in NAMES.values():
            expected = " ".join(name.replace("\x07", "\ufffd").split())[:40]
            assert expected in " ".join(seen.page.inner_text("main").split()).replace("\x07", "\ufffd"), name
        assert seen.ask("document.scripts.length") == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_in_ink_on_white_with_all_its_tables(browser: Browser, pages: dict[str, str], name: str) -> None:
    with visit(browser, pages[name], scheme="dark") as seen:
        assert seen.page.pdf(format="A4").startswith(b"%PDF-")
        seen.page.emulate_media(media="print")
        assert seen.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert seen.ask("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        hidden = "[...document.querySelectorAll('details table')].filter(each => !each.checkVisibility())"
        assert seen.ask(f"{hidden}.length") == 0
        assert not [text for text in seen.ask(CONTRASTS) if text["ratio"] < 4.5]


def test_the_list_leads_to_the_pages(browser: Browser, pages: dict[str, str]) -> None:
    with visit(browser, pages["index"]) as seen:
        links = seen.page.get_by_role("link")
        assert links.count() == 16
        assert links.first.inner_text() == "Sat 31 Jan 2026"
        assert links.first.get_attribute("href") == ADDRESS

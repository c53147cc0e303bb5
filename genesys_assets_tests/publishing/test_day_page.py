"""The texts and links of a day's page. `test_day_reports` tests its figures, `test_pages_in_a_browser` its looks."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.day_page import MOST_ROWS, day_page
from genesys_assets.publishing.links import DayLink, FileLink, Links, with_links
from genesys_assets.reports.engine.stored import NotStored
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets_tests.publishing.made_up_day import (
    AGENT_DAILY,
    ASKED,
    DAY,
    NAMES,
    at,
    business_day,
    made_up_lake,
    measured,
    restated,
    store,
)


class Text(HTMLParser):
    """The texts of a page, without its style sheet, and the tags it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.said: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"] and data.strip():
            self.said.append(" ".join(data.split()))

    def __contains__(self, text: str) -> bool:
        return text in " ".join(self.said)


@pytest.fixture
def page(tmp_path: Path) -> Text:
    return Text(day_page(made_up_lake(tmp_path), business_day()).html)


def test_the_page_names_day_zone_and_completeness(page: Text) -> None:
    assert "Saturday 31 January 2026" in page
    assert "Complete All of the UTC day was read; data through 2026-02-01 00:00 UTC." in page
    assert "Business day in UTC, 00:00 to 24:00." in page


def test_the_headline_is_in_the_page_and_handed_on(tmp_path: Path) -> None:
    made = day_page(made_up_lake(tmp_path), business_day())
    assert made.headline["offered"] == 40
    assert made.headline["abandoned_share"] == 6 / 40
    page = Text(made.html)
    for shown in ("15.0 %", "6 of 40 offered", "12 handled; 0 of 14 in time", "0:05:00", "10.0 %"):
        assert shown in page, shown


def test_names_are_text_whatever_they_hold(page: Text) -> None:
    assert NAMES["q1"] in page.said
    assert "script" not in page.tags
    assert NAMES["q2"] in page


def test_nothing_in_the_page_asks_for_anything_else(page: Text) -> None:
    for name, value in page.attributes:
        if name in ("href", "src", "srcset", "action", "data", "poster", "xlink:href"):
            assert (value or "").startswith(("#", "data:,")), (name, value)
        assert not name.startswith("on"), name
    assert {"script", "iframe", "object", "img", "form", "base"}.isdisjoint(page.tags)


def test_the_style_sheet_asks_for_nothing_either(tmp_path: Path) -> None:
    html = day_page(made_up_lake(tmp_path), business_day()).html
    assert not re.search(r"@import|@font-face|url\((?!#)", html)


@pytest.mark.long
def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (day_page(made_up_lake(tmp_path / each), business_day()) for each in ("one", "two"))
    assert first == second


def test_more_agents_than_fit_can_be_unfolded(tmp_path: Path) -> None:
    few = Text(day_page(made_up_lake(tmp_path / "few", agents=MOST_ROWS), business_day()).html)
    many = Text(day_page(made_up_lake(tmp_path / "many", agents=MOST_ROWS + 1), business_day()).html)
    assert f"All {MOST_ROWS} agents" not in few
    assert f"All {MOST_ROWS + 1} agents" in many
    assert f"Agent {MOST_ROWS:04d}" in many


def test_a_day_without_data_shows_dashes_and_draws_nothing(tmp_path: Path) -> None:
    page = Text(day_page(made_up_lake(tmp_path, rows=[], agents=0), business_day()).html)
    assert "svg" not in page.tags
    assert "0" not in page.said
    assert "0 agents worked on conversations" in page
    assert page.said.count("—") > 48


def test_one_agent_is_one_agent(tmp_path: Path) -> None:
    assert "1 agent worked on conversations" in Text(day_page(made_up_lake(tmp_path, agents=1), business_day()).html)


def test_a_figure_of_zero_is_not_a_dash(tmp_path: Path) -> None:
    rows = [measured("oServiceLevel", at("09:00"), numerator=0, denominator=4, target=0.8)]
    page = Text(day_page(made_up_lake(tmp_path, rows=rows), business_day()).html)
    assert "0.0 %" in page.said
    assert "0 of 4 in time" in page


def test_restatements_are_listed_by_reading_without_unchanged_tables(page: Text) -> None:
    told = " ".join(page.said)
    [ledger] = re.findall(r"read again 2026-02-03 03:30 UTC (.+?) What the figures mean", told)
    assert ledger == "conversations 91 1 2 3"


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        ([], "The day has been read once"),
        ([restated("user_presence", 1, 0, 0), restated("queue_waits", 0, 1, 0)], "The day has been read once"),
        ([restated("sessions", 0, 0, 0)], "Nothing: the day was read again, and every row was what it had been."),
        ([restated("sessions", 1, 0, 0), restated("sessions", 0, 0, 0, run="third")], "1 of 2 later readings changed"),
    ],
)
def test_the_page_says_whether_later_readings_changed_anything(
    tmp_path: Path, ledger: list[dict[str, Any]], said: str
) -> None:
    lake = made_up_lake(tmp_path)
    store(lake, "tables/restatements", RESTATEMENTS, ledger)
    assert said in Text(day_page(lake, business_day()).html)


def test_a_provisional_day_says_so(tmp_path: Path) -> None:
    lake = made_up_lake(tmp_path)
    store(lake, "tables/conversations", CONVERSATIONS, [], is_complete=False)
    page = Text(day_page(lake, business_day()).html)
    assert "Provisional Details jobs do not cover the whole UTC day yet, so figures may still change." in page
    assert "not yet" in page.said


def with_day_after(lake: Lake, day: date) -> Lake:
    """The lake with empty tables of the next UTC day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    whole = Reach(start + timedelta(days=1), is_complete=True, questions=ASKED)
    for spec in (INTERVAL_METRICS, CONVERSATIONS, RESTATEMENTS):
        lake.write(f"tables/{spec.name}", spec, spec.empty(), f"{day}", {}, reach=whole)
    lake.write("reports/agent_daily", AGENT_DAILY, AGENT_DAILY.empty(), f"{day}", {}, reach=whole)
    return lake


def test_another_zone_is_named_with_its_bounds_and_hours_are_local(tmp_path: Path) -> None:
    lake = with_day_after(made_up_lake(tmp_path), date(2026, 2, 1))
    page = Text(day_page(lake, business_day(zone="America/New_York")).html)
    assert (
        "Business day in America/New_York, 00:00 to 24:00; that is 2026-01-31 05:00 UTC to 2026-02-01 05:00 UTC" in page
    )
    assert "hour of day, America/New_York" in page.said
    assert "UTC day 2026-02-01" in page.said


def test_a_day_on_which_clocks_change_shows_both_hours_at_two_o_clock(tmp_path: Path) -> None:
    day = date(2026, 10, 25)
    lake = with_day_after(with_day_after(made_up_lake(tmp_path), day), date(2026, 10, 24))
    page = Text(day_page(lake, business_day(day, "Europe/Zurich")).html)
    assert {"02:00 (+0200)", "02:00 (+0100)"} <= set(page.said)
    assert "it has 25 hours" in page


@pytest.mark.parametrize("missing", ["reports/agent_daily", "tables/restatements", "tables/interval_metrics"])
def test_a_day_that_was_not_computed_is_an_error_that_names_what_is_missing(tmp_path: Path, missing: str) -> None:
    made_up_lake(tmp_path)
    shutil.rmtree(tmp_path / missing)
    with pytest.raises((FileNotFoundError, NotStored), match=f"{missing} has no .*partition.*materialise it first"):
        day_page(Lake(LocalStore(tmp_path)), business_day())


def test_without_the_report_of_agents_there_is_a_page_that_says_so(tmp_path: Path) -> None:
    lake = made_up_lake(tmp_path)
    shutil.rmtree(tmp_path / "reports/agent_daily")
    page = Text(day_page(lake.refreshed(), business_day(), missing={"agent_daily": "it failed"}).html)
    assert "The report agent_daily is missing" in page
    assert "agent_daily Not published: it failed" in page
    assert "agents worked on" not in page


def test_service_level_and_handle_time_by_medium_come_first(page: Text) -> None:
    said = " ".join(page.said)
    media, day, queues = (
        said.index(heading) for heading in ("Media Service level and", "Through the day", "Queues Queues with")
    )
    assert media < day < queues
    headline = said[: said.index("Media Service level and")]
    assert "Offered 40" in headline
    assert "Handle time" not in headline
    for medium in ("Voice", "Chat", "Email"):
        assert f"Service level, {medium}" in page
        assert f"Handle time, {medium}" in page


# -- where the page leads ------------------------------------------------------------------------------


def test_a_page_has_links_to_its_files_the_days_beside_it_and_the_list(tmp_path: Path) -> None:
    html = day_page(made_up_lake(tmp_path), business_day()).html
    files = [FileLink("agent_daily", each, 20, 9, f"../a.{each}?x=1&y=2") for each in ("parquet", "csv")]
    links = Links(
        files,
        DayLink(date(2026, 1, 30), "before.html"),
        DayLink(date(2026, 2, 1), "after.html"),
        "index.html",
        datetime(2026, 2, 2, 3, 4, tzinfo=UTC),
    )
    page = Text(with_links(html, links))
    hrefs = [
        value for name, value in page.attributes if name == "href" and not (value or "").startswith(("#", "data:"))
    ]
    assert hrefs == ["before.html", "index.html", "after.html", "../a.csv?x=1&y=2", "../a.parquet?x=1&y=2"]
    assert "← Fri 30 Jan All days Sun 1 Feb →" in page
    assert "agent_daily 20 rows CSV Parquet" in page
    assert "The links work until 2026-02-02 03:04 UTC" in page


def test_a_page_from_before_there_were_links_stays_as_it_is() -> None:
    assert with_links("<p>old</p>", Links(days="index.html")) == "<p>old</p>"


def test_fresh_links_replace_the_old_ones(tmp_path: Path) -> None:
    html = day_page(made_up_lake(tmp_path), business_day()).html
    old = with_links(html, Links([FileLink("a", "csv", 1, 1, "old.csv")], DayLink(DAY, "old.html"), None, "list.html"))
    assert with_links(old, Links()) == with_links(html, Links())
    fresh = Links([FileLink("a", "csv", 1, 1, "fresh.csv")], None, DayLink(DAY, "after.html"), "list.html")
    assert with_links(old, fresh) == with_links(html, fresh)

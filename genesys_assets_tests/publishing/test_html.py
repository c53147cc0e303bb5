"""How a page shows values."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from genesys_assets.publishing import html


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (html.count(1234567), "1,234,567"),
        (html.count(0), "0"),
        (html.percent(0.0516), "5.2\u00a0%"),
        (html.percent(0), "0.0\u00a0%"),
        (html.percent(1), "100.0\u00a0%"),
        (html.clock(303_400), "0:05:03"),
        (html.clock(59_999), "0:01:00"),
        (html.clock(0), "0:00:00"),
        (html.clock(100 * 3_600_000), "100:00:00"),
        (html.long_date(date(2026, 1, 31)), "Saturday 31 January 2026"),
        (html.short_date(date(2026, 1, 5)), "Mon 5 Jan"),
        (html.moment(datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=2)))), "2026-01-30 23:00 UTC"),
    ],
)
def test_a_value_is_shown_for_people(shown: str, expected: str) -> None:
    assert shown == expected


def test_what_is_missing_is_a_dash_and_never_a_zero() -> None:
    assert {html.count(None), html.percent(None), html.clock(None), html.moment(None)} == {"—"}


def test_a_page_becomes_a_file_of_html_without_rows(tmp_path: Path) -> None:
    file = html.write_page("<p>ü</p>", tmp_path / "page.html")
    body = file.path.read_bytes()
    assert body == "<p>ü</p>".encode()
    assert (file.rows, file.bytes, file.sha256) == (None, len(body), hashlib.sha256(body).hexdigest())
    assert (file.format, file.content_type) == ("html", "text/html; charset=utf-8")

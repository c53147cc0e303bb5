"""The published pages as their readers open them: by presigned URL, in a real browser."""

from __future__ import annotations

import pytest

from genesys_assets_tests.assets.world import World, link, metadata
from genesys_assets_tests.browser import chromium, visit


@pytest.mark.parametrize(
    ("asset", "heading"), [("published/reports", "Thursday 29 January 2026"), ("published/index", "Days")]
)
def test_a_published_page_opens_at_its_presigned_url(past_days: World, asset: str, heading: str) -> None:
    url = link(metadata(past_days.runs[-1], asset)["page"])
    with chromium() as browser, visit(browser, url, width=375) as seen:
        seen.page.wait_for_load_state("networkidle")
        assert seen.complaints == []
        assert seen.requests == [url]
        assert seen.ask("document.documentElement.scrollWidth") == 375
        assert seen.page.inner_text("h1") == heading

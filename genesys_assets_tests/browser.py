"""A real browser for tests of pages: Chromium, where the machine has one.

This module asks a browser about a page. The tests state what the answers must be.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from genesys_assets_tests.patience import PATIENCE_SECONDS

_PATIENCE_MS = PATIENCE_SECONDS * 1000
_NAMES = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")
_ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

CONTRASTS = """() => {
  const colour = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const backdrop = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.opacity !== "1") throw new Error("opacity on " + at.outerHTML.slice(0, 80));
      layers.push(colour(style.backgroundColor));
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || element.closest("title, desc, style")) continue;
    const style = getComputedStyle(element), inChart = element.closest("svg") !== null;
    const under = backdrop(element), ink = over(colour(inChart ? style.fill : style.color), under);
    const [dark, bright] = [light(under), light(ink)].sort((a, b) => a - b);
    found.push({text, inChart, size: parseFloat(style.fontSize), ratio: (bright + 0.05) / (dark + 0.05)});
  }
  return found;
}"""

MARKS = """() => {
  const probe = document.createElement("i");
  document.body.append(probe);
  const colours = ["paper", "accent", "alert", "hold", "wrap", "ink"].map(name => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number)];
  });
  probe.remove();
  return Object.fromEntries(colours);
}"""


@dataclass
class Visit:
    """A page that was opened, what it asked for, and what went wrong meanwhile."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    def follow(self, name: str) -> None:
        """Click on a link, and wait until the page that it leads to has been read to its end."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.get_by_role("link", name=name).click()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; skips the test where there is none."""
    executable = next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS), timeout=_PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(
    browser: Browser, url: str, *, width: int = 1280, scheme: Any = "light", follows_links: bool = False
) -> Iterator[Visit]:
    """The page at a width and in a colour scheme. The browser counts requests for anything else and lets them fail."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(_PATIENCE_MS)
    seen = Visit(page)

    def decide(route: Any) -> None:
        seen.requests.append(route.request.url)
        if route.request.url == url or (follows_links and route.request.is_navigation_request()):
            route.continue_()
        else:
            route.abort()

    page.route("**/*", decide)
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        page.goto(url)
        yield seen
    finally:
        page.close()


def contrast(one: list[float], other: list[float]) -> float:
    """WCAG's contrast ratio of two colours of 0 to 255."""

    def light(colour: list[float]) -> float:
        parts = [c / 255 for c in colour[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)

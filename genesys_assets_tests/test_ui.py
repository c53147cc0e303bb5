"""Dagster's UI in a real browser, as people see it: a report, a published day, a sensor and a schedule."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace

import dagster as dg
import pytest
from playwright.sync_api import Browser, Page

from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.assets.world import FILES_OF_A_DAY, World
from genesys_assets_tests.browser import chromium
from genesys_assets_tests.conftest import DAY, DAYS
from genesys_assets_tests.examples.deployment import REPOSITORY, deployed
from genesys_assets_tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.long

REPORT = next(report for report in built_in_reports() if report.name == "queue_media")
ASSET = f"/assets/genesys/reports/{REPORT.name}"
OF_THE_DAY = f"?view=partitions&partition={DAY}"
SHOW = "[Show Markdown]"

PAINTED = """image => image.decode().then(() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let bars = 0;
  for (let at = 0; at < pixels.length; at += 4)
    if (pixels[at] === 63 && pixels[at + 1] === 111 && pixels[at + 2] === 181) bars++;
  return [canvas.width, bars];
})"""
"""The width of a picture, and how many of its pixels have the colour of bars."""


@dataclass(frozen=True)
class Ui:
    """The web server over the past days, and a browser."""

    url: str
    world: World
    browser: Browser

    @contextlib.contextmanager
    def page(self, path: str) -> Iterator[Page]:
        page = self.browser.new_page(viewport={"width": 1400, "height": 1200})
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        try:
            page.goto(f"{self.url}{path}")
            yield page
        finally:
            page.close()


@pytest.fixture(scope="module")
def ui(past_days: World, object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """A web server that shows a computed report of the day, and the published day."""
    folder = tmp_path_factory.mktemp("ui")
    shutil.copytree(past_days.folder, folder / "lake")
    object_store.create_bucket("ui-bucket")
    settings = {
        "GENESYS_ASSETS_START_DATE": f"{DAYS[0]}",
        "GENESYS_ASSETS_PUBLISH_URL": "s3://ui-bucket/published",
        **object_store.environment(),
    }
    world = replace(past_days, folder=folder / "lake", settings=settings, runs=[])
    workspace = REPOSITORY / "workspace.yaml"
    with deployed(folder / "home", workspace, world.environment, has_daemon=False) as running:
        with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
            there = replace(world, instance=instance)
            assets = (f"reports/{REPORT.name}", "published/reports", "published/index")
            assert there.run("daily", *assets, partition=f"{DAY}").success
        with chromium() as browser:
            yield Ui(running.url, world, browser)


def row(page: Page, label: str) -> str:
    """The content of a table's row with this label."""
    return page.locator("tr", has=page.get_by_text(label, exact=True)).first.inner_text()


def show(page: Page, label: str) -> None:
    """Click the link that shows the Markdown of one metadata label."""
    page.locator("tr", has=page.get_by_text(label, exact=True)).get_by_text(SHOW).first.click()


def test_a_report_shows_its_columns_what_they_mean_and_where_they_come_from(ui: Ui) -> None:
    with ui.page(ASSET) as page:
        # Descriptions appear a moment after the columns.
        page.get_by_text("start, inclusive", exact=True).wait_for()
        shown = {column.name: row(page, column.name) for column in REPORT.spec.columns}
    assert [column.name for column in REPORT.spec.columns if column.description not in shown[column.name]] == []
    assert "From tables/interval_metrics: metric, count." in shown["total_interactions"]
    assert "From tables/interval_metrics: queue_id; reference/queues_history: name." in shown["queue_name"]


def test_a_report_shows_its_name_in_a_warehouse_its_place_and_when_it_is_late(ui: Ui) -> None:
    with ui.page(ASSET) as page:
        page.get_by_text("Fails if more than").first.wait_for()
        page.get_by_text("Key: interval_start, queue_id, media_type").wait_for()
        text = page.inner_text("body")
    assert f"genesys.{REPORT.name}" in text
    assert f"file://{ui.world.folder}/reports/{REPORT.name}" in text
    assert "Fails if more than 30 hours since last materialization" in text


def test_the_chart_of_a_report_is_drawn(ui: Ui) -> None:
    with ui.page(f"{ASSET}{OF_THE_DAY}") as page:
        show(page, "chart")
        picture = page.get_by_alt_text("total_interactions by queue_name")
        picture.wait_for()
        width, painted = picture.evaluate(PAINTED)
        assert picture.bounding_box()["width"] == width == 580  # type: ignore[index]
    assert painted > 1_000


def test_a_published_day_leads_to_its_page_and_files_and_shows_no_presigned_url(ui: Ui) -> None:
    with ui.page(f"/assets/genesys/published/reports{OF_THE_DAY}") as page:
        links = page.get_by_role("link", name="open", exact=True)
        of_page = page.locator("tr", has=page.get_by_text("page", exact=True)).get_by_role("link")
        url = str(of_page.get_attribute("href"))
        beside = links.count()
        show(page, "files")
        links.nth(beside).wait_for()
        assert (beside, links.count()) == (2, 2 + FILES_OF_A_DAY)
        assert "X-Amz-Signature" in url
        assert "X-Amz-" not in page.inner_text("body")
        page.goto(url)
        assert page.inner_text("h1") == "Thursday 29 January 2026"


@pytest.mark.parametrize(("kind", "name"), [("sensors", "hours"), ("schedules", "live")])
def test_sensors_and_schedules_say_what_they_do(ui: Ui, kind: str, name: str) -> None:
    location = ui.world.definitions.get_repository_def()
    definition = location.get_sensor_def(name) if kind == "sensors" else location.get_schedule_def(name)
    with ui.page(f"/locations/genesys_assets/{kind}/{name}") as page:
        page.get_by_text(str(definition.description)).first.wait_for()


def test_the_checks_of_a_report_say_what_they_check_and_their_result(ui: Ui) -> None:
    with ui.page(f"{ASSET}?view=checks") as page:
        page.get_by_text("The rows have exactly the declared columns, of the declared types, in that order.").wait_for()
        assert page.get_by_text("Succeeded", exact=True).count() == 3

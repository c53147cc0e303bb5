"""The published assets in a folder, without any S3: which files exist, that their links lead to each other, and what
the webhook receives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import dagster as dg
import pytest

from genesys_assets.assets import published_index
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets_tests.assets.test_published_index import OnTheEveningAfter
from genesys_assets_tests.assets.world import FILES_OF_A_DAY, World, events, link, metadata
from genesys_assets_tests.browser import chromium, visit
from genesys_assets_tests.conftest import DAY
from genesys_assets_tests.ports import refusing_port
from genesys_assets_tests.webhooks import SECRET, Hook, listening


@dataclass(frozen=True)
class PublishedFolder:
    """A day and the list in a folder, the world whose runs published them, and what the webhook received."""

    folder: Path
    world: World
    hook: Hook


def in_folder(past_days: World, home: Path, **settings: str) -> World:
    """The world publishes to the default folder, beside dagster.yaml."""
    settings = {"DAGSTER_HOME": str(home), **settings}
    return replace(past_days, settings=settings, instance=dg.DagsterInstance.ephemeral(), runs=[])


@pytest.fixture(scope="module")
def published(past_days: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedFolder]:
    home = tmp_path_factory.mktemp("home")
    with listening() as hook, pytest.MonkeyPatch.context() as clock:
        clock.setattr(published_index, "datetime", OnTheEveningAfter)
        world = in_folder(past_days, home, GENESYS_ASSETS_PUBLISH_WEBHOOK=hook.url)
        for asset in ("published/reports", "published/reports", "published/index"):
            assert world.run("daily", asset, partition=f"{DAY}").success
        yield PublishedFolder(home / "published", world, hook)


def path_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


@pytest.mark.long
def test_the_first_day_needs_no_bucket(published: PublishedFolder) -> None:
    manifest = published.folder / f"reports/manifest/date={DAY}/manifest.json"
    said = json.loads(manifest.read_text())
    assert len(said["files"]) == FILES_OF_A_DAY
    assert (said["bucket"], said["missing"], said["failing_checks"]) == (None, [], [])
    for file in said["files"]:
        body = (manifest.parent / unquote(file["url"])).read_bytes()
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert file["expires_at"] is None


def test_the_materialisations_lead_to_page_manifest_and_list(published: PublishedFolder) -> None:
    day, _, index = published.world.runs
    urls = [link(metadata(day, "published/reports")[name]) for name in ("page", "manifest")]
    urls.append(link(metadata(index, "published/index")["page"]))
    assert all(path_of(url).is_file() for url in urls)
    assert metadata(index, "published/index")["days_with_a_page"] == 1


def test_from_the_list_a_browser_reaches_the_day_its_csv_files_and_the_list_again(published: PublishedFolder) -> None:
    url = link(metadata(published.world.runs[-1], "published/index")["page"])
    with chromium() as browser, visit(browser, url, follows_links=True) as seen:
        seen.follow("Thu 29 Jan 2026")
        assert seen.page.inner_text("h1") == "Thursday 29 January 2026"
        assert seen.complaints == []
        files = [link.get_attribute("href") for link in seen.page.get_by_role("link", name="CSV").all()]
        csv = [path_of(urljoin(seen.page.url, href or "")) for href in files]
        assert len(set(csv)) == len(csv) == len(built_in_reports())
        assert all(path.read_text().startswith("interval_start,interval_end,") for path in csv)
        seen.follow("All days")
        assert seen.page.inner_text("h1") == "Days"


def test_the_webhook_gets_a_day_once_and_again_only_if_it_has_changed(published: PublishedFolder) -> None:
    ((path, _, message),) = published.hook.posted
    assert path == f"/{SECRET}"
    headline = message["headline"]
    assert message["text"].startswith(
        f"Thursday 29 January 2026 is published (provisional): {headline['offered']} offered.\n"
    )
    assert message["text"].endswith(message["page"])
    assert f"voice: service level {100 * headline['media']['voice']['service_level']:.1f}" in message["text"]
    assert path_of(message["page"]).is_file()
    assert (message["date"], message["failing_checks"], message["missing"]) == (f"{DAY}", [], {})


def test_a_webhook_that_is_down_is_a_warning_and_the_day_is_published(past_days: World, tmp_path: Path) -> None:
    with refusing_port() as port:
        hook = f"http://127.0.0.1:{port}/{SECRET}"
        world = in_folder(past_days, tmp_path, GENESYS_ASSETS_PUBLISH_WEBHOOK=hook)
        run = world.run("daily", "published/reports", partition=f"{DAY}")
    assert run.success
    said = events(world.instance, run)
    assert (
        f"{DAY} is published, but was not announced. The host 127.0.0.1 of GENESYS_ASSETS_PUBLISH_WEBHOOK cannot be "
        "reached" in said
    )
    assert SECRET not in said
    assert (tmp_path / f"published/reports/manifest/date={DAY}/manifest.json").is_file()


def test_the_ui_shows_paths_because_it_disables_links_to_files(published: PublishedFolder) -> None:
    shown = metadata(published.world.runs[0], "published/reports")
    assert Path(shown["page"]).is_file()
    rows = [line.split(" | ")[4] for line in shown["files"].splitlines()[2:]]
    assert len(rows) == FILES_OF_A_DAY
    assert all(Path(row.strip("`")).is_file() for row in rows)

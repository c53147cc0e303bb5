"""The manifests of published days as sensors read them: an unreadable manifest does not count as a missing one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.automation import stale
from genesys_assets.automation.manifests import ManifestReader
from genesys_assets.automation.next_run import Backlog, Run, choose_next_run
from genesys_assets.automation.progress import RANGE_START, partitions_of
from genesys_assets.automation.sensors import run_request
from genesys_assets.automation.tick import Tick
from genesys_assets.keys import our_key
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.publishing.errors import NotReadable
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.place import manifest_key
from genesys_assets.publishing.publisher import Publisher, open_publisher
from genesys_assets.resources import GenesysCloudResource, PublishingResource
from genesys_assets_tests.automation.conftest import calendar
from genesys_assets_tests.automation.test_unreported import NOON, Watch, watch

__all__ = ["watch"]
DAYS = [f"2026-02-{number}" for number in range(16, 20)]


@pytest.fixture
def published(tmp_path: Path) -> Publisher:
    """Four published days."""
    publisher = open_publisher((tmp_path / "published").as_uri(), lambda: None)
    for day in DAYS:
        publisher.publish_manifest(Manifest(date=date.fromisoformat(day), generated_at=NOON, run_id="r", made_of={}))
    return publisher


def spoil(published: Publisher, folder: Path, *days: str) -> None:
    """Replace the manifest by a folder, so that it cannot be read."""
    for day in days:
        path = folder / "published" / manifest_key(published.place, date.fromisoformat(day))
        path.unlink()
        path.mkdir()


def test_a_manifest_that_cannot_be_read_does_not_hold_up_others(published: Publisher, tmp_path: Path) -> None:
    spoil(published, tmp_path, DAYS[1])
    reader = ManifestReader(published)
    assert [reader.manifest(day) is None for day in DAYS] == [False, True, False, False]
    assert reader.unreadable.keys() == {DAYS[1]}


def test_after_two_manifests_that_cannot_be_read_no_further_one_is_tried(published: Publisher, tmp_path: Path) -> None:
    spoil(published, tmp_path, *DAYS[:2])
    reader = ManifestReader(published)
    assert [reader.manifest(day) is None for day in DAYS] == [True] * 4
    assert reader.unreadable.keys() == {*DAYS}
    assert "it was not tried" in str(reader.unreadable[DAYS[3]])


def asked_for(
    lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch, stale_days: Collection[str], runs: Sequence[Run] = ()
) -> Backlog:
    """The days that the sensor `publish` wants, if these days were published from other reports than are stored."""

    def backlog(*arguments: Any) -> Backlog:
        made_of: Callable[[str], Any] = arguments[-1]
        return {day: frozenset(["x"]) for day in DAYS if made_of(day) is None or day in stale_days}

    monkeypatch.setattr(stale, "published_backlog", backlog)
    publishing = PublishingResource(publish_url=(folder / "published").as_uri())
    tick = Tick(dg.build_sensor_context(), lake, GenesysCloudResource(), publishing, calendar(), [], [], NOON)
    tick.__dict__.update(_names_are_known=True, stale_tables={}, runs=runs)
    return tick.published()


def test_the_sensor_publishes_other_days_than_the_one_whose_manifest_cannot_be_read(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(LocalStore(tmp_path / "lake"))
    spoil(published, tmp_path, DAYS[1])
    assert asked_for(lake, tmp_path, monkeypatch, {DAYS[0]}).keys() == {DAYS[0]}
    with pytest.raises(NotReadable, match="was not read"):
        asked_for(lake, tmp_path, monkeypatch, ())


def test_a_list_of_days_that_failed_is_made_again_though_all_days_are_published(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wanted(*runs: Run, stale_days: Collection[str] = ()) -> Backlog:
        return asked_for(Lake(LocalStore(tmp_path / "lake")), tmp_path, monkeypatch, stale_days, runs)

    both, minute = frozenset([stale.PUBLISHED, stale.INDEX]), timedelta(minutes=1)
    failed = Run(both, DAYS[0], DAYS[3], NOON - 9 * minute, failed=True)
    again = wanted(failed)
    assert again == {DAYS[3]: frozenset([stale.INDEX])}
    assert wanted(failed, stale_days=DAYS[:1]).keys() == {DAYS[0]}, "the run that publishes a day makes the list too"
    assert wanted(failed, Run(both, DAYS[1], DAYS[1])) == {}
    assert wanted(failed, Run(frozenset([stale.INDEX]), DAYS[3], DAYS[3], NOON - minute)) == {}
    [request] = [choose_next_run(again, [failed], NOON, most=7).request]
    assert request is not None
    tags = run_request(request, {stale.INDEX: our_key("published", "index")}).tags
    assert partitions_of(tags) == (DAYS[3], DAYS[3])
    assert RANGE_START not in tags, "the list has no partitions"


def test_a_manifest_that_cannot_be_read_does_not_keep_the_others_from_being_reported(watch: Watch) -> None:
    publisher = open_publisher(watch.published.as_uri(), lambda: None)
    for day in DAYS:
        publisher.publish_manifest(Manifest(date=date.fromisoformat(day), generated_at=NOON, run_id="died"))
    spoil(publisher, watch.published.parent, DAYS[0])
    assert watch.tick(NOON) == [("published/reports", day) for day in reversed(DAYS[1:])]
    assert watch.tick(NOON + timedelta(minutes=10)) == []

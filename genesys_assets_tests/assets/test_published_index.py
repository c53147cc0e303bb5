"""The list of days as an asset: it finds the published days on a real S3 server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from genesys_assets.assets import published_index
from genesys_assets_tests.assets.test_published import INDEX, fetch, objects, publishing_to
from genesys_assets_tests.assets.world import World, error, events, link, metadata
from genesys_assets_tests.conftest import DAY, NOW, PAST_BUCKET


class OnTheEveningAfter(datetime):
    """The clock at NOW."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return NOW


def list_days(world: World) -> Any:
    return world.run("daily", "published/index", partition=f"{DAY}")


def test_the_list_leads_to_the_page_of_the_day(past_days: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_index, "datetime", OnTheEveningAfter)
    run = list_days(replace(past_days, runs=[]))
    said = metadata(run, "published/index")
    answer = fetch(link(said["page"]))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"reports/index/date%3D{DAY}/day_page.html?" in answer.text
    assert (said["dagster/row_count"], said["days_with_a_page"]) == (4, 1)
    assert said["bytes"] == len(answer.content)


def test_the_job_that_publishes_a_day_makes_the_list_too(past_days: World) -> None:
    said = metadata(past_days.runs[-1], "published/index")
    assert said["dagster/row_count"] == 31
    assert said["expires_at"] > datetime.now(UTC).timestamp()


def test_nobody_reads_it_without_a_signature(past_days: World, s3_client: Any, public_bucket: str) -> None:
    url = link(metadata(past_days.runs[-1], "published/index")["page"])
    assert fetch(url.partition("?")[0]).status_code in (401, 403)
    assert INDEX in objects(s3_client, PAST_BUCKET)
    said = error(list_days(publishing_to(past_days, public_bucket)))
    assert "PubliclyReadable" in said
    assert not objects(s3_client, public_bucket)


def test_no_url_in_it_is_logged(past_days: World, bucket: str) -> None:
    world = publishing_to(past_days, bucket)
    run = list_days(world)
    assert "0 of 31 days have a page" in events(world.instance, run)
    assert "X-Amz-Signature" not in events(world.instance, run)

"""A day of 120,000 conversations, more than the query reaches from one end: job and query both read each exactly
once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pyarrow.compute as pc
import pytest

from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, hours, metadata
from genesys_assets_tests.plain_figures import Item
from genesys_assets_tests.scenarios.hard_days import DETAILS, compute, midnight, read_complete

pytestmark = pytest.mark.long

DAY = date(2026, 1, 28)
COUNT = 120_000
EVERY = timedelta(days=1) / COUNT
TABLES = ("tables/conversations", "tables/session_metrics")


def conversation_id(number: int) -> str:
    return f"ffffffff-0000-4000-8000-{number:012x}"


def conversation(number: int) -> Item:
    """The smallest possible handled conversation, with `number` milliseconds of handle time."""
    begun = midnight(DAY) + number * EVERY
    start, end = (f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z" for at in (begun, begun + 3 * EVERY))
    session = {
        "sessionId": f"s{number}",
        "mediaType": "voice",
        "segments": [{"segmentStart": start, "segmentEnd": end, "segmentType": "interact"}],
        "metrics": [{"name": "tHandle", "value": number, "emitDate": end}],
    }
    agent = {"participantId": f"p{number}", "purpose": "agent", "userId": f"u{number % 50}", "sessions": [session]}
    return {
        "conversationId": conversation_id(number),
        "conversationStart": start,
        "conversationEnd": end,
        "participants": [agent],
    }


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, code_location: dg.Definitions) -> Iterator[World]:
    """An organisation in which things happen only on DAY."""
    with running(conversations_per_day=0, now=midnight(DAY, 60), requests_per_minute=None) as sandbox:
        for number in range(COUNT):
            sandbox.organisation.plant(conversation(number))
        yield World(sandbox, tmp_path_factory.mktemp("large"), code_location)


def all_are_there_once(world: World) -> None:
    ids = world.lake.read("tables/conversations", f"{DAY}", columns=["conversation_id"])["conversation_id"].to_pylist()
    assert ids == [conversation_id(number) for number in range(COUNT)]
    metrics = world.lake.read("tables/session_metrics", f"{DAY}", columns=["value"])
    assert (len(metrics), pc.sum(metrics["value"]).as_py()) == (COUNT, COUNT * (COUNT - 1) // 2)


def in_another_lake(world: World, folder: Path) -> World:
    return replace(world, folder=folder, instance=dg.DagsterInstance.ephemeral(), runs=[])


def test_a_job_brings_them_all(large: World, tmp_path: Path) -> None:
    world = in_another_lake(large, tmp_path)
    run = read_complete(world, DAY)
    assert run.success
    assert metadata(run, DETAILS)["pages"] == COUNT // 1000
    assert metadata(compute(world, DAY, *TABLES), "tables/conversations")["duplicates_dropped"] == 0
    all_are_there_once(world)


def test_the_query_brings_them_all_from_both_ends(large: World, tmp_path: Path) -> None:
    world = in_another_lake(large, tmp_path)
    run = world.run("hourly", "pages/hourly_details", between=hours(f"{DAY}"))
    assert run.success
    said = metadata(run, "pages/hourly_details", f"{DAY}-12:00")
    assert (said["day_total_hits_last"], said["day_missing"]) == (COUNT, 0)
    assert (order(world, "12:00"), order(world, "22:00")) == ("asc", "desc")
    compute(world, DAY, *TABLES)
    all_are_there_once(world)


def order(world: World, hour: str) -> str:
    """The order in which the pages of the hour were requested."""
    pages = world.lake.pages("pages/hourly_details", f"{DAY}-{hour}")
    assert pages is not None
    (found,) = {json.loads(page.request)["body"]["order"] for page in pages}
    return str(found)

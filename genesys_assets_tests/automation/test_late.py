"""Which figures are late, and the alerts about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import time_machine

from genesys_assets.automation.late import find_late
from genesys_assets.automation.stale import PUBLISHED
from genesys_assets.days import Window, hours_of
from genesys_assets.days.sources import DAILY_DETAILS, HOURLY_AGGREGATES, HOURLY_DETAILS
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.resources import LakeResource
from genesys_assets.webhook import NotDelivered
from genesys_assets_tests.automation.a_lake import store, store_days
from genesys_assets_tests.automation.conftest import calendar
from genesys_assets_tests.webhooks import listening

YESTERDAY, TODAY = "2026-02-19", "2026-02-20"
MIDNIGHT = datetime(2026, 2, 20, tzinfo=UTC)
MEMBERS = "reference/queue_members"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake that has everything of yesterday."""
    lake = Lake(LocalStore(tmp_path))
    store(lake, HOURLY_DETAILS, *hours_of(YESTERDAY))
    store(lake, HOURLY_AGGREGATES, *hours_of(YESTERDAY))
    store_days(lake, YESTERDAY)
    return lake


def what(lake: Lake, now: datetime, *published: str) -> set[str]:
    return {each.name for each in find_late(lake, calendar(date(2026, 2, 19)), now, published)}


def test_nothing_is_late_as_long_as_the_next_part_may_still_come(lake: Lake) -> None:
    assert what(lake, MIDNIGHT + timedelta(hours=4), YESTERDAY) == set()


def test_hours_are_late_three_hours_after_the_end_of_the_next_one(lake: Lake) -> None:
    assert what(lake, MIDNIGHT + timedelta(hours=4, minutes=1), YESTERDAY) == {HOURLY_DETAILS, HOURLY_AGGREGATES}


def test_a_published_day_is_late_six_hours_after_its_end(lake: Lake) -> None:
    store(lake, HOURLY_DETAILS, *hours_of(TODAY))
    store(lake, HOURLY_AGGREGATES, *hours_of(TODAY))
    assert what(lake, MIDNIGHT + timedelta(hours=6)) == set()
    assert what(lake, MIDNIGHT + timedelta(hours=6, minutes=1)) == {"published/reports"}
    assert what(lake, MIDNIGHT + timedelta(hours=6, minutes=1), YESTERDAY) == set()


def test_a_complete_day_is_late_a_day_and_a_half_after_its_end(lake: Lake) -> None:
    store_days(lake, TODAY, is_complete=False)
    at_last = MIDNIGHT + timedelta(hours=24 + 36)
    assert DAILY_DETAILS not in what(lake, at_last)
    found = find_late(lake, calendar(date(2026, 2, 19)), at_last + timedelta(minutes=1), ())
    [said] = [each for each in found if each.name == DAILY_DETAILS]
    assert said.since == at_last
    assert said.message == f"genesys/{DAILY_DETAILS} lacks {TODAY}"


def test_a_partition_that_stays_missing_is_late_although_later_ones_are_stored(lake: Lake) -> None:
    whole, before = date(2026, 2, 18), "2026-02-18"
    [lost, *others] = hours_of(before)
    store(lake, HOURLY_DETAILS, *others)
    store(lake, HOURLY_AGGREGATES, *others)
    now = MIDNIGHT + timedelta(hours=4)
    found = {each.name: each for each in find_late(lake, calendar(whole), now, [YESTERDAY])}
    assert {name: each.message for name, each in found.items()} == {
        HOURLY_AGGREGATES: f"genesys/{HOURLY_AGGREGATES} lacks {lost}",
        HOURLY_DETAILS: f"genesys/{HOURLY_DETAILS} lacks {lost}",
        PUBLISHED: f"genesys/{PUBLISHED} lacks {before}",
    }
    assert found[PUBLISHED].since == MIDNIGHT - timedelta(hours=18)
    # 36 hours after its end the day should be complete; once it is, nobody needs its hours' details.
    later = MIDNIGHT + timedelta(hours=13)
    assert DAILY_DETAILS in {each.name for each in find_late(lake, calendar(whole), later, [YESTERDAY])}
    store_days(lake, before)
    names = {each.name for each in find_late(lake, calendar(whole), now, [before, YESTERDAY])}
    assert names == {HOURLY_AGGREGATES}


def test_all_that_is_missing_is_one_message_and_what_a_first_backfill_reaches_last_is_not_late(lake: Lake) -> None:
    [hours, *_] = find_late(lake, calendar(date(2025, 1, 1)), MIDNIGHT, None)
    first = MIDNIGHT - timedelta(days=35)
    assert hours.message == (
        f"genesys/{HOURLY_AGGREGATES} lacks {34 * 24} partitions between {first:%Y-%m-%d}-00:00 and 2026-02-18-23:00"
    )


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Chatham", "Europe/Zurich", "America/Los_Angeles"])
def test_a_business_day_is_not_late_before_it_can_be_published(lake: Lake, zone: str) -> None:
    """A day is published once it is over in UTC and in the zones of all reports too."""
    of_zone = replace(calendar(date(2026, 2, 19)), zone=ZoneInfo(zone))
    for others in ([], [ZoneInfo("Pacific/Honolulu")]):
        over = Window.of_day(TODAY, of_zone.last_to_finish(TODAY, others)).end

        def late_at(hours: float, over: datetime = over, zones: Sequence[ZoneInfo] = others) -> bool:
            found = find_late(lake, of_zone, over + timedelta(hours=hours), [YESTERDAY], zones=zones)
            return PUBLISHED in {each.name for each in found}

        assert (late_at(6), late_at(6.1)) == (False, True)


def test_an_observation_is_late_as_long_as_it_can_be_made_and_a_missed_one_is_reported_for_a_day(lake: Lake) -> None:
    def messages_at(now: datetime) -> dict[str, str]:
        of_calendar = calendar(date(2026, 2, 18))
        found = find_late(lake, of_calendar, now, [YESTERDAY], [MEMBERS])
        return {each.name: each.message for each in found if each.name.startswith(MEMBERS)}

    in_time, too_late = MIDNIGHT + timedelta(hours=3), MIDNIGHT + timedelta(hours=3, minutes=1)
    assert messages_at(in_time) == {}
    today = f"genesys/{MEMBERS} of {TODAY} is not stored. It can only be fetched until midnight UTC"
    assert messages_at(too_late) == {MEMBERS: today}, "an organisation that was never observed has missed no day"
    store(lake, MEMBERS, "2026-02-18")
    missed = f"genesys/{MEMBERS} of {YESTERDAY} was not fetched, and the platform keeps no history of it"
    assert messages_at(in_time) == {f"{MEMBERS} of {YESTERDAY}": missed}
    store(lake, MEMBERS, TODAY)
    assert messages_at(too_late) == {f"{MEMBERS} of {YESTERDAY}": missed}
    assert messages_at(MIDNIGHT + timedelta(days=1)) == {}


@dataclass
class Watch:
    """The sensor `late`, over a lake and with the cursor that Dagster keeps for it."""

    definitions: dg.Definitions
    lake: Lake
    cursor: str | None = None

    def tick(self, now: datetime) -> str:
        """Evaluate a tick at that time; returns its message."""
        location = self.definitions.get_repository_def()
        with dg.DagsterInstance.ephemeral() as instance, time_machine.travel(now, tick=False):
            resources = {"lake": LakeResource(location=self.lake.store.uri("").rstrip("/"))}
            context = dg.build_sensor_context(
                instance=instance, cursor=self.cursor, repository_def=location, resources=resources
            )
            result = location.get_sensor_def("late").evaluate_tick(context)
        self.cursor = result.cursor
        return result.skip_message or ""


def test_the_sensor_reports_each_late_figure_once_a_day(
    lake: Lake, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, begin = Watch(definitions, lake), MIDNIGHT + timedelta(hours=5)
    with listening() as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        for hours in (0, 1, 21):
            watch.tick(begin + timedelta(hours=hours))
        first_day = [message["late"] for _, _, message in hook.posted]
        watch.tick(begin + timedelta(hours=24))
        second_day = [message["late"] for _, _, message in hook.posted[len(first_day) :]]
    assert sorted(first_day) == sorted({*first_day})
    assert {HOURLY_DETAILS, HOURLY_AGGREGATES} <= set(first_day)
    assert {HOURLY_DETAILS, HOURLY_AGGREGATES} <= set(second_day)
    [text] = [message["text"] for _, _, message in hook.posted if message["late"] == HOURLY_DETAILS][:1]
    assert text == (
        "genesys_assets: late since 2026-01-16 04:00 UTC: genesys/pages/hourly_details lacks 817 partitions between "
        "2026-01-16-00:00 and 2026-02-20-00:00"
    )


def test_a_gap_that_stays_delays_no_alert_about_a_new_one(
    lake: Lake, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, morning = Watch(definitions, lake), hours_of(TODAY)[:4]
    store(lake, HOURLY_DETAILS, *morning)
    with listening() as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        for minutes in (5 * 60, 7 * 60 + 50, 8 * 60 + 10, 12 * 60):
            watch.tick(MIDNIGHT + timedelta(minutes=minutes))
        messages = [message["text"] for _, _, message in hook.posted if message["late"] == HOURLY_DETAILS]
    assert [message.rpartition(" ")[2] for message in messages] == ["2026-02-18-23:00", "2026-02-20-04:00"]


def test_an_alert_that_the_webhook_did_not_take_is_sent_again(
    lake: Lake, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, now = Watch(definitions, lake), MIDNIGHT + timedelta(hours=5)
    with listening(status=500) as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        with pytest.raises(NotDelivered, match=r"The alert for late pages/hourly_aggregates was not delivered"):
            watch.tick(now)
    with listening() as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        watch.tick(now)
        assert HOURLY_AGGREGATES in [message["late"] for _, _, message in hook.posted]


def test_a_figure_that_the_webhook_refuses_neither_repeats_nor_holds_back_the_others(
    lake: Lake, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, now = Watch(definitions, lake), MIDNIGHT + timedelta(hours=5)
    with listening() as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        hook.refused = {f'"late": "{HOURLY_DETAILS}"'}
        assert f"The webhook did not accept {HOURLY_DETAILS}: the next tick posts them again." in watch.tick(now)
        told = [message["late"] for _, _, message in hook.posted]
        assert told.index(HOURLY_DETAILS) < len(told) - 1, "another figure follows the refused one"
        with pytest.raises(NotDelivered, match=f"The alert for late {HOURLY_DETAILS} was not delivered"):
            watch.tick(now + timedelta(minutes=10))
        hook.refused = set()
        watch.tick(now + timedelta(minutes=20))
    assert [message["late"] for _, _, message in hook.posted] == [*told, HOURLY_DETAILS, HOURLY_DETAILS]


@pytest.mark.parametrize("cursor", ["x", "null", "[]", '{"pages/hourly_details": 3}', "of a clock that was ahead"])
def test_a_cursor_that_cannot_be_right_keeps_no_alert_back(
    lake: Lake, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    watch, now = Watch(definitions, lake), MIDNIGHT + timedelta(days=30)
    if cursor.startswith("of"):
        cursor = json.dumps({HOURLY_DETAILS: f"{now + timedelta(days=400)}"})
    watch.cursor = cursor
    with listening() as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        watch.tick(now)
        assert HOURLY_DETAILS in [message["late"] for _, _, message in hook.posted]

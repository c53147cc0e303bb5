"""How complete a reading of conversations says it is, and how it reacts to pages that moved during the reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.details import PATH
from genesys_assets.cloud.analytics.fetch_progress import FetchProgress
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.archive import DAY, MIDNIGHT, Archive, holds_all, hours, ids, spread
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply, Request, client


class Moving(Archive):
    """An archive that changes after its first, second, … answer."""

    def __init__(self, starts: list[datetime], happenings: dict[int, Callable[[Moving], None]]) -> None:
        super().__init__(starts)
        self.happenings = happenings
        self.answers = count(1)

    def __call__(self, request: Request) -> Reply:
        reply = super().__call__(request)
        happening = self.happenings.get(next(self.answers))
        if happening is not None:
            happening(self)
        return reply

    def lose(self, place: int) -> None:
        del self.rows[place]

    def gain(self, place: int) -> None:
        start = self.rows[place]["conversationStart"]
        self.rows.insert(place, {"conversationId": "late", "conversationStart": start})

    def gain_at_the_end(self) -> None:
        newest = {"conversationId": f"new{len(self.rows)}", "conversationStart": self.rows[-1]["conversationStart"]}
        self.rows.append(newest)


def one_by_one(platform: Platform, clock: Clock) -> GenesysCloud:
    """A client that requests a page only after the previous one arrived, so that a test controls what moves when."""
    return client(platform, clock, workers=1)


def test_a_reading_reports_the_total_and_what_arrived(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(95)))
    reading = FetchProgress()
    pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.pages, reading.pages_expected) == (len(pages), 10)
    assert (reading.total_hits_first, reading.total_hits_last, reading.conversations) == (95, 95, 95)
    assert (reading.missing, reading.repeated, reading.rereads, reading.moved_again) == (0, 0, 0, False)


def test_the_totals_of_several_weeks_are_added_up(platform: Platform, cloud: GenesysCloud) -> None:
    weeks = Interval(MIDNIGHT - timedelta(days=17), MIDNIGHT)
    platform.on(PATH, Archive(spread(300, weeks)))
    reading = FetchProgress()
    list(details.fetch(cloud, weeks, page_size=10, reading=reading))
    assert (reading.total_hits_first, reading.total_hits_last, reading.conversations) == (300, 300, 300)


def test_the_totals_of_crowded_days_count_each_day_once(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    week = Interval(MIDNIGHT - timedelta(days=6), MIDNIGHT)
    platform.on(PATH, Archive(spread(500, week), limit=small_reach))
    reading = FetchProgress()
    list(details.fetch(cloud, week, page_size=10, reading=reading))
    assert (reading.total_hits_last, reading.conversations, reading.missing) == (500, 500, 0)


def test_a_crowded_day_counts_what_both_ends_hold_once(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    platform.on(PATH, Archive(spread(170), limit=small_reach))
    reading = FetchProgress()
    pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.total_hits_last, reading.conversations, reading.missing) == (170, 170, 0)
    assert reading.repeated == len(ids(pages)) - 170
    assert reading.rereads == 0


def test_totals_do_not_compare_with_a_part_of_a_day(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(95)))
    reading = FetchProgress()
    list(details.fetch(cloud, hours(13, 14), page_size=10, reading=reading))
    assert reading.total_hits_last == 95
    assert reading.missing is None


def test_totals_are_unknown_where_part_of_a_query_was_read_before_it_was_too_heavy(
    platform: Platform, cloud: GenesysCloud
) -> None:
    three_days = Interval(MIDNIGHT - timedelta(days=3), MIDNIGHT)
    archive = Archive(spread(300, three_days))
    archive.failing = lambda interval, number: Reply(504, {}) if number > 15 and interval == three_days else None
    platform.on(PATH, archive)
    reading = FetchProgress()
    pages = list(details.fetch(cloud, three_days, page_size=10, reading=reading))
    assert set(ids(pages)) == archive.within(three_days)
    assert reading.conversations == 300
    assert reading.total_hits_first is None
    assert reading.total_hits_last is None
    assert reading.missing is None


def test_a_platform_without_totals_leaves_the_total_unknown(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(5))
    platform.on(PATH, lambda request: Reply(body={"conversations": archive(request).body["conversations"]}))
    reading = FetchProgress()
    list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.total_hits_first, reading.missing, reading.conversations) == (None, None, 5)


def test_a_total_that_is_too_high_is_reported(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(95))
    platform.on(PATH, lambda request: Reply(body={**archive(request).body, "totalHits": 98}))
    reading = FetchProgress()
    list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.missing, reading.rereads) == (3, 0)


def test_a_row_that_slips_between_two_pages_is_found_by_reading_once_more(platform: Platform, clock: Clock) -> None:
    archive = Moving(spread(95), {3: lambda archive: archive.lose(5)})
    slipped = archive.rows[30]["conversationId"]
    platform.on(PATH, archive)
    reading = FetchProgress()
    with one_by_one(platform, clock) as cloud:
        pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    first_ten = ids(pages[:10])
    assert slipped not in first_ten
    assert slipped in ids(pages)
    holds_all(archive, DAY, pages)
    assert (reading.rereads, reading.moved_again) == (1, False)
    assert (reading.total_hits_first, reading.total_hits_last) == (95, 94)


def test_a_row_that_comes_in_before_the_page_being_read_is_found_by_reading_once_more(
    platform: Platform, clock: Clock
) -> None:
    archive = Moving(spread(95), {3: lambda archive: archive.gain(5)})
    platform.on(PATH, archive)
    reading = FetchProgress()
    with one_by_one(platform, clock) as cloud:
        pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert "late" in ids(pages)
    assert (reading.rereads, reading.moved_again, reading.conversations, reading.missing) == (1, False, 96, 0)


def test_repeated_rows_reveal_a_new_one_though_the_total_stands_still(platform: Platform, clock: Clock) -> None:
    archive = Moving(spread(95), {3: lambda archive: archive.gain(5)})
    platform.on(PATH, lambda request: Reply(body={**archive(request).body, "totalHits": 95}))
    with one_by_one(platform, clock) as cloud:
        assert "late" in ids(list(details.fetch(cloud, DAY, page_size=10)))


def test_pages_that_keep_moving_are_read_twice_and_no_more(platform: Platform, clock: Clock) -> None:
    archive = Moving(spread(95), {number: lambda archive: archive.gain(0) for number in range(100)})
    platform.on(PATH, archive)
    reading = FetchProgress()
    with one_by_one(platform, clock) as cloud:
        list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.rereads, reading.moved_again) == (1, True)
    assert len(platform.requests_to(PATH)) < 30


def test_conversations_that_queue_at_the_end_of_today_move_nothing(platform: Platform, clock: Clock) -> None:
    today = Interval(DAY.end, NOON)
    archive = Moving(spread(95, today), dict.fromkeys(range(100), Moving.gain_at_the_end))
    platform.on(PATH, archive)
    reading = FetchProgress()
    with client(platform, clock) as cloud:
        list(details.fetch(cloud, today, page_size=10, reading=reading))
    assert reading.rereads == 0


def test_the_pages_of_a_second_reading_are_numbered_on(platform: Platform, clock: Clock) -> None:
    platform.on(PATH, Moving(spread(25), {1: lambda archive: archive.lose(5)}))
    with one_by_one(platform, clock) as cloud:
        pages = list(details.fetch(cloud, DAY, page_size=10))
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]

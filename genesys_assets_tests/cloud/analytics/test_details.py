"""Reading conversations through a query that answers for whole UTC days, in pages, up to a limit."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from genesys_assets.cloud.analytics import details
from genesys_assets.cloud.analytics.conversations import ConversationsPage, with_facts
from genesys_assets.cloud.analytics.details import PATH
from genesys_assets.cloud.analytics.fetch_progress import FetchProgress
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.errors import (
    InvalidQuery,
    UnexpectedAnswer,
)
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests import samples
from genesys_assets_tests.cloud.archive import DAY, HOUR, MIDNIGHT, Archive, holds_all, hours, ids, spread
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply, Request, client


@pytest.mark.parametrize("number", [1, 9, 10, 11, 95, 100])
def test_a_day_is_read_page_by_page_in_order(platform: Platform, cloud: GenesysCloud, number: int) -> None:
    archive = Archive(spread(number))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, DAY, page_size=10))
    assert ids(pages) == [row["conversationId"] for row in archive.rows]
    holds_all(archive, DAY, pages)
    assert len(platform.requests_to(PATH)) <= -(-number // 10) + (number % 10 == 0)


def test_the_question_is_the_platforms(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(1)))
    list(details.fetch(cloud, DAY))
    assert platform.requests_to(PATH)[0].json() == {
        "interval": str(DAY),
        "order": "asc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": 100, "pageNumber": 1},
    }


@pytest.mark.parametrize("body", [{}, {"totalHits": 0}, {"conversations": []}, {"conversations": None}])
def test_a_quiet_time_has_no_pages(platform: Platform, cloud: GenesysCloud, body: object) -> None:
    platform.on(PATH, Reply(body=body))
    assert list(details.fetch(cloud, hours(13, 14))) == []
    assert len(platform.requests_to(PATH)) == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("first", "last"), [(0, 1), (13, 14), (23, 24), (9.25, 9.5), (0, 24), (10, 20)])
def test_any_part_of_a_day_is_found(
    platform: Platform, cloud: GenesysCloud, first: float, last: float, seed: int
) -> None:
    archive = Archive(spread(random.Random(seed).randrange(400), seed=seed))
    platform.on(PATH, archive)
    interval = hours(first, last)
    pages = list(details.fetch(cloud, interval, page_size=7))
    holds_all(archive, interval, pages)
    assert [page.request for page in pages] == sorted({page.request: None for page in pages}, key=page_number)


def page_number(request: str) -> int:
    return int(request.split('"pageNumber":')[1].split(",")[0])


def test_a_late_hour_of_a_busy_day_takes_few_requests(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(4000))
    platform.on(PATH, archive)
    interval = hours(22, 23)
    pages = list(details.fetch(cloud, interval, page_size=10))
    holds_all(archive, interval, pages)
    assert len(platform.requests_to(PATH)) <= len(pages) + 20


@pytest.mark.parametrize("hour", [0, 1, 9, 22, 23])
def test_an_hour_of_which_it_is_known_where_it_begins_takes_no_search(
    platform: Platform, cloud: GenesysCloud, hour: int
) -> None:
    archive = Archive(spread(4000))
    platform.on(PATH, archive)
    *_, last = details.fetch(cloud, hours(hour - 1, hour) if hour else hours(0, 1), page_size=10)
    before = len(platform.requests_to(PATH))
    pages = list(details.fetch(cloud, hours(hour, hour + 1), page_size=10, near=page_number(last.request)))
    holds_all(archive, hours(hour, hour + 1), pages)
    assert len(platform.requests_to(PATH)) - before <= len(pages) + 8


@pytest.mark.parametrize("near", [1, 150, 180, 181, 190, 400, 10_000])
def test_it_does_no_harm_to_be_wrong_about_where_an_hour_begins(
    platform: Platform, cloud: GenesysCloud, near: int
) -> None:
    archive = Archive(spread(4000))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, hours(11, 12), page_size=10, near=near))
    holds_all(archive, hours(11, 12), pages)
    assert len(platform.requests_to(PATH)) <= len(pages) + 20


def test_the_last_full_hour_of_a_day_that_goes_on_is_read_where_the_one_before_ended(
    platform: Platform, cloud: GenesysCloud
) -> None:
    today = Interval(NOON - timedelta(hours=12), NOON)
    archive = Archive(spread(995, today))
    platform.on(PATH, archive)
    before, hour = Interval(NOON - 2 * HOUR, NOON - HOUR), Interval(NOON - HOUR, NOON)
    *_, last = details.fetch(cloud, before, page_size=10)
    asked = len(platform.requests_to(PATH))
    pages = list(details.fetch(cloud, hour, page_size=10, near=page_number(last.request)))
    holds_all(archive, hour, pages)
    assert len(platform.requests_to(PATH)) - asked == len(pages)


def test_the_request_of_a_page_has_its_number_among_the_pages_of_its_day(
    platform: Platform, cloud: GenesysCloud
) -> None:
    platform.on(PATH, Archive(spread(350)))
    pages = list(details.fetch(cloud, DAY))
    assert [details.number_in_day(page.request) for page in pages] == [1, 2, 3, 4]
    others = [*details.fetch(cloud, DAY, page_size=99), *details.fetch(cloud, Interval(DAY.start - HOUR, DAY.end))]
    assert {details.number_in_day(page.request) for page in others} == {None}


def test_conversations_of_the_very_same_start_are_all_read(platform: Platform, cloud: GenesysCloud) -> None:
    at_one = MIDNIGHT + timedelta(hours=13)
    archive = Archive([*spread(50), *[at_one] * 45, *[at_one - timedelta(milliseconds=1)] * 45])
    platform.on(PATH, archive)
    for interval in (hours(12, 13), hours(13, 14)):
        holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))


def test_several_days_are_read_in_one_go(platform: Platform, cloud: GenesysCloud) -> None:
    three_days = Interval(MIDNIGHT - timedelta(days=3, hours=-6), MIDNIGHT - timedelta(hours=3))
    archive = Archive(spread(200, Interval(MIDNIGHT - timedelta(days=4), MIDNIGHT + timedelta(days=1))))
    platform.on(PATH, archive)
    holds_all(archive, three_days, list(details.fetch(cloud, three_days, page_size=10)))
    assert set(archive.intervals) == {three_days}


def test_more_than_seven_days_are_read_in_pieces_of_whole_days(platform: Platform, cloud: GenesysCloud) -> None:
    weeks = Interval(MIDNIGHT - timedelta(days=17, hours=-6), MIDNIGHT - timedelta(hours=3))
    archive = Archive(spread(300, weeks))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, weeks, page_size=10))
    holds_all(archive, weeks, pages)
    assert len(ids(pages)) == len(set(ids(pages))) == 300
    assert all(interval.duration <= timedelta(days=7) for interval in archive.intervals)


def test_progress_is_reported(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(35)))
    told: list[tuple[int, int, int]] = []
    list(details.fetch(cloud, DAY, page_size=10, on_progress=lambda *progress: told.append(progress)))
    assert told == [(1, 4, 35), (2, 4, 35), (3, 4, 35), (4, 4, 35)]


def test_progress_of_an_hour_expects_that_hours_pages(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(2400)))
    told: list[tuple[int, int, int]] = []
    pages = list(details.fetch(cloud, hours(13, 14), page_size=10, on_progress=lambda *progress: told.append(progress)))
    assert told[-1][:2] == (len(pages), len(pages))


def test_a_total_that_is_too_low_loses_nothing(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(95))

    def understated(request: Request) -> Reply:
        reply = archive(request)
        return Reply(body={**reply.body, "totalHits": 40})

    platform.on(PATH, understated)
    holds_all(archive, DAY, list(details.fetch(cloud, DAY, page_size=10)))


def test_a_total_that_is_a_little_too_high_does_no_harm(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(95))

    def overstated(request: Request) -> Reply:
        reply = archive(request)
        return Reply(body={**reply.body, "totalHits": 108})

    platform.on(PATH, overstated)
    holds_all(archive, DAY, list(details.fetch(cloud, DAY, page_size=10)))


@pytest.mark.parametrize("interval", [DAY, hours(13, 14)])
def test_a_first_page_without_conversations_is_an_error_if_there_are_some(
    platform: Platform, cloud: GenesysCloud, interval: Interval
) -> None:
    platform.on(PATH, Reply(body={"totalHits": 3000}, headers={"ININ-Correlation-Id": "corr-5"}))
    with pytest.raises(UnexpectedAnswer, match=r"without conversations, though there are 3,000.*corr-5"):
        list(details.fetch(cloud, interval))
    assert len(platform.requests_to(PATH)) == 1


@pytest.mark.parametrize("keeps_total", [True, False])
def test_a_page_without_conversations_in_the_middle_is_an_error(
    platform: Platform, cloud: GenesysCloud, keeps_total: bool
) -> None:
    archive = Archive(spread(95))
    hollow = Reply(body={"totalHits": 95} if keeps_total else {})
    archive.failing = lambda interval, number: hollow if number == 4 else None
    platform.on(PATH, archive)
    with pytest.raises(UnexpectedAnswer, match="Page 4"):
        list(details.fetch(cloud, DAY, page_size=10))


@pytest.mark.parametrize(("rows", "total", "lost"), [(95, 95, 10), (95, 97, 10), (100, 100, 10), (91, 91, 10)])
@pytest.mark.parametrize("interval", [DAY, hours(23, 24)])
def test_a_last_page_without_conversations_is_an_error_if_the_other_end_has_some_behind_the_page_before(
    platform: Platform, cloud: GenesysCloud, rows: int, total: int, lost: int, interval: Interval
) -> None:
    archive = Archive(spread(rows))

    def hollow(request: Request) -> Reply:
        shown = archive(request).body
        paging = request.json()["paging"]
        if paging == {"pageSize": 10, "pageNumber": lost}:
            shown.pop("conversations", None)
        return Reply(body={**shown, "totalHits": total})

    platform.on(PATH, hollow)
    with pytest.raises(UnexpectedAnswer, match=f"Page {lost} .* came without conversations"):
        list(details.fetch(cloud, interval, page_size=10))


@pytest.mark.parametrize("interval", [DAY, hours(12, 24), hours(23, 24)])
@pytest.mark.parametrize("too_many", [1, 9, 10])
def test_a_total_beyond_full_pages_is_believed_no_more_than_the_other_end(
    platform: Platform, cloud: GenesysCloud, interval: Interval, too_many: int
) -> None:
    """Every page is full and the total promises one more. That page would come without conversations on every try."""
    archive = Archive(spread(90))
    platform.on(PATH, lambda request: Reply(body={**archive(request).body, "totalHits": 90 + too_many}))
    reading = FetchProgress()
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10, reading=reading)))
    assert reading.missing == (too_many if interval == DAY else None)
    assert len(platform.requests_to(PATH)) <= 14


@pytest.mark.parametrize("begun", [NOON, NOON - timedelta(minutes=1)])
def test_what_began_after_the_interval_while_it_was_read_is_no_lost_page(
    platform: Platform, cloud: GenesysCloud, begun: datetime
) -> None:
    """Today goes on, and the query answers for all of it up to now."""
    so_far = Interval(DAY.end, NOON - timedelta(minutes=1))
    archive = Archive(spread(90, so_far))

    def going_on(request: Request) -> Reply:
        if request.json()["order"] == "desc":
            archive.rows.append({"conversationId": "new", "conversationStart": iso(begun)})
        return Reply(body={**archive(request).body, "totalHits": 92})

    platform.on(PATH, going_on)
    holds_all(archive, so_far, list(details.fetch(cloud, so_far, page_size=10)))
    assert archive.rows[-1]["conversationId"] == "new", "the client also asked from the other end"


def test_conversations_that_are_no_list_are_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Reply(body={"conversations": {"a": 1}, "totalHits": 1}))
    with pytest.raises(UnexpectedAnswer, match="no list"):
        list(details.fetch(cloud, DAY))


def test_malformed_starts_end_nothing_early(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(60))
    archive.rows[15]["conversationStart"] = "2026-01-31T99:99:99.000Z"
    rows: list[Any] = archive.rows
    pages = {
        1: rows[:10],
        2: [{"conversationId": "x", "conversationStart": None}, None, "row"],
        3: rows[20:25],
    }

    def answer(request: Request) -> Reply:
        number = request.json()["paging"]["pageNumber"]
        return Reply(body={"conversations": pages.get(number, []), "totalHits": 25})

    platform.on(PATH, answer)
    assert len(list(details.fetch(cloud, DAY, page_size=10))) == 3


def test_the_future_is_refused_before_any_request(platform: Platform, cloud: GenesysCloud) -> None:
    with pytest.raises(InvalidQuery, match="ends in the future"):
        details.fetch(cloud, Interval(NOON - timedelta(hours=1), NOON + timedelta(hours=1)))
    with pytest.raises(InvalidQuery, match="1 to 100"):
        details.fetch(cloud, DAY, page_size=101)
    assert platform.requests == []


def test_pages_that_shift_while_a_day_goes_on_lose_nothing(platform: Platform, cloud: GenesysCloud) -> None:
    today = Interval(DAY.end, NOON)
    archive = Archive(spread(300, today))
    arriving = count(1)

    def growing(request: Request) -> Reply:
        reply = archive(request)
        late = {"conversationId": f"late{next(arriving)}", "conversationStart": iso(today.start)}
        archive.rows.insert(0, late)
        return reply

    platform.on(PATH, growing)
    interval = Interval(today.start + timedelta(hours=6), today.start + timedelta(hours=9))
    expected = archive.within(interval)
    assert expected <= set(ids(list(details.fetch(cloud, interval, page_size=10))))


def test_one_page_is_in_hand_before_the_next_pages_are_all_read(platform: Platform, clock: Clock) -> None:
    platform.on(PATH, Archive(spread(1000)))
    with client(platform, clock, workers=2) as cloud:
        pages = details.fetch(cloud, DAY, page_size=10)
        next(pages)
        assert len(platform.requests_to(PATH)) <= 4
        pages.close()  # type: ignore[attr-defined]


def test_recorded_conversations_are_accepted(platform: Platform, cloud: GenesysCloud) -> None:
    recorded = samples.body("conversations_2016")
    span = with_facts(Page(1, "{}", NOON, None, recorded), ConversationsPage).span
    assert span is not None
    platform.on(PATH, Reply(body=recorded))
    interval = Interval(span[0], span[0] + timedelta(hours=1))
    assert next(iter(details.fetch(cloud, interval))).body == recorded

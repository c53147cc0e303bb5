"""Reading conversations through a query that answers for whole UTC days, in pages, up to a limit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud import details, details_paging
from genesys_assets.cloud.conversations import ConversationsPage, seen
from genesys_assets.cloud.details import PATH
from genesys_assets.cloud.errors import (
    CircuitOpen,
    GenesysCloudError,
    InvalidQuery,
    ServerTrouble,
    TooLarge,
    UnexpectedAnswer,
)
from genesys_assets.cloud.interval import Interval, iso
from genesys_assets.cloud.page import Page
from genesys_assets.cloud.reading import Reading
from genesys_assets.cloud.transport import GenesysCloud
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply, Request, client

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = Interval(MIDNIGHT, MIDNIGHT + timedelta(days=1))


def hours(first: float, last: float) -> Interval:
    return Interval(MIDNIGHT + timedelta(hours=first), MIDNIGHT + timedelta(hours=last))


class Archive:
    """Conversations, answered for as the platform does."""

    def __init__(self, starts: list[datetime], *, limit: int = 100_000) -> None:
        self.rows = [
            {"conversationId": f"c{number}", "conversationStart": iso(start)}
            for number, start in enumerate(sorted(starts))
        ]
        self.limit = limit
        self.failing: Callable[[Interval, int], Reply | None] = lambda interval, number: None
        self.intervals: list[Interval] = []

    def __call__(self, request: Request) -> Reply:
        query = request.json()
        interval = Interval.parse(query["interval"])
        size, number = query["paging"]["pageSize"], query["paging"]["pageNumber"]
        self.intervals.append(interval)
        failure = self.failing(interval, number)
        if failure is not None:
            return failure
        if size * number > self.limit:
            return Reply(400, {"message": f"Pagination may not exceed {self.limit} results."})
        days = {interval.start.date(), *(piece.start.date() for piece in interval.days())}
        rows = [row for row in self.rows if datetime.fromisoformat(row["conversationStart"]).date() in days]
        if query["order"] == "desc":
            rows.reverse()
        shown = rows[(number - 1) * size : number * size]
        body: dict[str, Any] = {"totalHits": len(rows)}
        if shown:
            body["conversations"] = shown
        return Reply(body=body)

    def within(self, interval: Interval) -> set[str]:
        return {
            row["conversationId"] for row in self.rows if datetime.fromisoformat(row["conversationStart"]) in interval
        }


def spread(number: int, interval: Interval = DAY, seed: int = 1) -> list[datetime]:
    drawn = random.Random(seed)
    milliseconds = interval.duration // timedelta(milliseconds=1)
    return [interval.start + timedelta(milliseconds=drawn.randrange(milliseconds)) for _ in range(number)]


def ids(pages: Sequence[Page]) -> list[str]:
    return [row["conversationId"] for page in pages for row in page.json()["conversations"]]


def holds_all(archive: Archive, interval: Interval, pages: Sequence[ConversationsPage]) -> None:
    assert archive.within(interval) <= set(ids(pages))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.span is not None
        assert page.span[0] < interval.end
        assert page.span[1] >= interval.start


@pytest.mark.parametrize("number", [1, 9, 10, 11, 95, 100])
def test_a_day_is_read_page_by_page_in_order(platform: Platform, cloud: GenesysCloud, number: int) -> None:
    archive = Archive(spread(number))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, DAY, page_size=10))
    assert ids(pages) == [row["conversationId"] for row in archive.rows]
    holds_all(archive, DAY, pages)
    assert len(platform.asked(PATH)) <= -(-number // 10) + (number % 10 == 0)


def test_the_question_is_the_platforms(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(1)))
    list(details.fetch(cloud, DAY))
    assert platform.asked(PATH)[0].json() == {
        "interval": str(DAY),
        "order": "asc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": 100, "pageNumber": 1},
    }


@pytest.mark.parametrize("body", [{}, {"totalHits": 0}, {"conversations": []}, {"conversations": None}])
def test_a_quiet_time_has_no_pages(platform: Platform, cloud: GenesysCloud, body: object) -> None:
    platform.on(PATH, Reply(body=body))
    assert list(details.fetch(cloud, hours(13, 14))) == []
    assert len(platform.asked(PATH)) == 1


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
    assert len(platform.asked(PATH)) <= len(pages) + 20


@pytest.mark.parametrize("hour", [0, 1, 9, 22, 23])
def test_an_hour_of_which_it_is_known_where_it_begins_takes_no_search(
    platform: Platform, cloud: GenesysCloud, hour: int
) -> None:
    archive = Archive(spread(4000))
    platform.on(PATH, archive)
    *_, last = details.fetch(cloud, hours(hour - 1, hour) if hour else hours(0, 1), page_size=10)
    before = len(platform.asked(PATH))
    pages = list(details.fetch(cloud, hours(hour, hour + 1), page_size=10, near=page_number(last.request)))
    holds_all(archive, hours(hour, hour + 1), pages)
    assert len(platform.asked(PATH)) - before <= len(pages) + 8


@pytest.mark.parametrize("near", [1, 150, 180, 181, 190, 400, 10_000])
def test_it_does_no_harm_to_be_wrong_about_where_an_hour_begins(
    platform: Platform, cloud: GenesysCloud, near: int
) -> None:
    archive = Archive(spread(4000))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, hours(11, 12), page_size=10, near=near))
    holds_all(archive, hours(11, 12), pages)
    assert len(platform.asked(PATH)) <= len(pages) + 20


def test_the_last_full_hour_of_a_day_that_goes_on_is_read_where_the_one_before_ended(
    platform: Platform, cloud: GenesysCloud
) -> None:
    today = Interval(NOON - timedelta(hours=12), NOON)
    archive = Archive(spread(995, today))
    platform.on(PATH, archive)
    before, hour = Interval(NOON - 2 * HOUR, NOON - HOUR), Interval(NOON - HOUR, NOON)
    *_, last = details.fetch(cloud, before, page_size=10)
    asked = len(platform.asked(PATH))
    pages = list(details.fetch(cloud, hour, page_size=10, near=page_number(last.request)))
    holds_all(archive, hour, pages)
    assert len(platform.asked(PATH)) - asked == len(pages)


def test_the_number_of_a_page_among_those_of_its_day_is_told_by_its_request(
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


def test_progress_is_told(platform: Platform, cloud: GenesysCloud) -> None:
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
    assert len(platform.asked(PATH)) == 1


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
    """Every page is full and one more is expected: it would come without conversations each time it is asked for."""
    archive = Archive(spread(90))
    platform.on(PATH, lambda request: Reply(body={**archive(request).body, "totalHits": 90 + too_many}))
    reading = Reading()
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10, reading=reading)))
    assert reading.missing == (too_many if interval == DAY else None)
    assert len(platform.asked(PATH)) <= 14


@pytest.mark.parametrize("begun", [NOON, NOON - timedelta(minutes=1)])
def test_what_began_after_the_interval_while_it_was_read_is_no_lost_page(
    platform: Platform, cloud: GenesysCloud, begun: datetime
) -> None:
    """Today goes on; the query answers for all of it, up to now."""
    so_far = Interval(DAY.end, NOON - timedelta(minutes=1))
    archive = Archive(spread(90, so_far))

    def going_on(request: Request) -> Reply:
        if request.json()["order"] == "desc":
            archive.rows.append({"conversationId": "new", "conversationStart": iso(begun)})
        return Reply(body={**archive(request).body, "totalHits": 92})

    platform.on(PATH, going_on)
    holds_all(archive, so_far, list(details.fetch(cloud, so_far, page_size=10)))
    assert archive.rows[-1]["conversationId"] == "new", "the other end was asked"


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


@pytest.fixture
def small_reach(monkeypatch: pytest.MonkeyPatch) -> int:
    """A query that reaches 100 results where the platform's reaches 100,000."""
    monkeypatch.setattr(details_paging, "MOST_RESULTS", 100)
    return 100


@pytest.mark.parametrize("number", [99, 100, 101, 150, 199, 200])
@pytest.mark.parametrize(("first", "last"), [(0, 24), (0, 1), (11, 13), (12, 13), (22, 24), (6, 18)])
def test_a_crowded_day_is_read_from_both_ends(
    platform: Platform, cloud: GenesysCloud, small_reach: int, number: int, first: float, last: float
) -> None:
    archive = Archive(spread(number), limit=small_reach)
    platform.on(PATH, archive)
    interval = hours(first, last)
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))


def test_a_crowded_day_of_equal_starts_is_read_whole(platform: Platform, cloud: GenesysCloud, small_reach: int) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    archive = Archive([*spread(80), *[noon] * 100], limit=small_reach)
    platform.on(PATH, archive)
    holds_all(archive, DAY, list(details.fetch(cloud, DAY, page_size=10)))


@pytest.mark.parametrize("lost", [1, 2, 7])
def test_a_lost_page_of_the_late_end_of_a_crowded_day_is_an_error(
    platform: Platform, cloud: GenesysCloud, small_reach: int, lost: int
) -> None:
    archive = Archive(spread(170), limit=small_reach)

    def hollow(request: Request) -> Reply:
        asked = request.json()
        is_lost = asked["order"] == "desc" and asked["paging"] == {"pageSize": 10, "pageNumber": lost}
        return Reply(body={"totalHits": 170}) if is_lost else archive(request)

    platform.on(PATH, hollow)
    with pytest.raises(UnexpectedAnswer, match=f"Page {lost} .* came without conversations"):
        list(details.fetch(cloud, DAY, page_size=10))


def test_crowded_days_are_read_one_by_one(platform: Platform, cloud: GenesysCloud, small_reach: int) -> None:
    week = Interval(MIDNIGHT - timedelta(days=6), MIDNIGHT)
    archive = Archive(spread(500, week), limit=small_reach)
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, week, page_size=10))
    holds_all(archive, week, pages)
    assert len(ids(pages)) == len(set(ids(pages)))


def test_a_day_beyond_reach_is_an_error_that_names_the_job(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    archive = Archive(spread(300), limit=small_reach)
    platform.on(PATH, archive)
    with pytest.raises(TooLarge, match=r"About 300 conversations started on 2026-01-31.*200 a day.*details job"):
        list(details.fetch(cloud, DAY, page_size=10))
    with pytest.raises(TooLarge):
        list(details.fetch(cloud, hours(11, 13), page_size=10))
    assert len(platform.asked(PATH)) == 2 * 3, "it is told before anything is read"


def test_a_day_that_turns_out_crowded_is_read_from_both_ends(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    archive = Archive(spread(150), limit=small_reach)
    first = count()

    def understated_at_first(request: Request) -> Reply:
        reply = archive(request)
        return Reply(body={**reply.body, "totalHits": 150 if next(first) else 100})

    platform.on(PATH, understated_at_first)
    holds_all(archive, DAY, list(details.fetch(cloud, DAY, page_size=10)))


@pytest.mark.parametrize(("first", "last"), [(0, 1), (23, 24)])
def test_the_ends_of_a_day_beyond_reach_are_read_all_the_same(
    platform: Platform, cloud: GenesysCloud, small_reach: int, first: float, last: float
) -> None:
    archive = Archive(spread(300), limit=small_reach)
    platform.on(PATH, archive)
    interval = hours(first, last)
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))


def too_heavy(longer_than: timedelta, status: int = 504) -> Callable[[Interval, int], Reply | None]:
    return lambda interval, number: Reply(status, b"") if interval.duration > longer_than else None


@pytest.mark.parametrize("status", [500, 504])
def test_a_question_too_heavy_is_halved(platform: Platform, cloud: GenesysCloud, status: int) -> None:
    archive = Archive(spread(100))
    archive.failing = too_heavy(timedelta(minutes=15), status)
    platform.on(PATH, archive)
    interval = hours(13, 14)
    holds_all(archive, interval, list(details.fetch(cloud, interval, page_size=10)))
    assert min(asked.duration for asked in archive.intervals) == timedelta(minutes=15)


def test_days_too_heavy_are_halved_at_midnight(platform: Platform, cloud: GenesysCloud) -> None:
    two_days = Interval(MIDNIGHT - timedelta(days=2), MIDNIGHT)
    archive = Archive(spread(100, two_days))
    archive.failing = too_heavy(timedelta(days=1))
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, two_days, page_size=10))
    holds_all(archive, two_days, pages)
    assert len(ids(pages)) == 100


def test_a_question_too_heavy_at_a_quarter_of_an_hour_is_an_error(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(100))
    archive.failing = too_heavy(timedelta(0))
    platform.on(PATH, archive)
    with pytest.raises(ServerTrouble, match="HTTP 504"):
        list(details.fetch(cloud, hours(13, 14), page_size=10))
    assert min(asked.duration for asked in archive.intervals) == timedelta(minutes=15)


def test_what_was_read_before_the_trouble_is_not_read_again(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(200))
    archive.failing = lambda interval, number: Reply(504, b"") if interval == DAY and number == 15 else None
    platform.on(PATH, archive)
    pages = list(details.fetch(cloud, DAY, page_size=10))
    holds_all(archive, DAY, pages)
    assert len(pages) <= 23


@pytest.mark.parametrize("status", [400, 403, 502, 503])
def test_other_failures_are_not_halved(platform: Platform, cloud: GenesysCloud, status: int) -> None:
    archive = Archive(spread(100))
    archive.failing = lambda interval, number: Reply(status, b"")
    platform.on(PATH, archive)
    with pytest.raises(GenesysCloudError) as raised:
        list(details.fetch(cloud, DAY, page_size=10))
    assert set(archive.intervals) == {DAY}
    assert isinstance(raised.value, CircuitOpen) == (status == 503)


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
        assert len(platform.asked(PATH)) <= 4
        pages.close()  # type: ignore[attr-defined]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_recorded_conversations_are_accepted(platform: Platform, cloud: GenesysCloud) -> None:
    recorded = (SAMPLES / "genesys_devtools_conversations_details_query_2016_mixed.json").read_bytes()
    span = seen(Page(1, "{}", NOON, None, recorded), ConversationsPage).span
    assert span is not None
    platform.on(PATH, Reply(body=recorded))
    interval = Interval(span[0], span[0] + timedelta(hours=1))
    assert next(iter(details.fetch(cloud, interval))).body == recorded


# -- completeness -----------------------------------------------------------------------------------------------------


class Moving(Archive):
    """An archive to which something happens after its first, second, … answer."""

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
    """A client that asks for a page when the one before is there, so that a test can tell what moved when."""
    return client(platform, clock, workers=1)


def test_a_reading_tells_what_was_there_and_what_came(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(95)))
    reading = Reading()
    pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.pages, reading.pages_expected) == (len(pages), 10)
    assert (reading.total_hits_first, reading.total_hits_last, reading.conversations) == (95, 95, 95)
    assert (reading.missing, reading.repeated, reading.rereads, reading.moved_again) == (0, 0, 0, False)


def test_the_totals_of_several_weeks_are_added_up(platform: Platform, cloud: GenesysCloud) -> None:
    weeks = Interval(MIDNIGHT - timedelta(days=17), MIDNIGHT)
    platform.on(PATH, Archive(spread(300, weeks)))
    reading = Reading()
    list(details.fetch(cloud, weeks, page_size=10, reading=reading))
    assert (reading.total_hits_first, reading.total_hits_last, reading.conversations) == (300, 300, 300)


def test_the_totals_of_crowded_days_count_each_day_once(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    week = Interval(MIDNIGHT - timedelta(days=6), MIDNIGHT)
    platform.on(PATH, Archive(spread(500, week), limit=small_reach))
    reading = Reading()
    list(details.fetch(cloud, week, page_size=10, reading=reading))
    assert (reading.total_hits_last, reading.conversations, reading.missing) == (500, 500, 0)


def test_a_crowded_day_counts_what_both_ends_hold_once(
    platform: Platform, cloud: GenesysCloud, small_reach: int
) -> None:
    platform.on(PATH, Archive(spread(170), limit=small_reach))
    reading = Reading()
    pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.total_hits_last, reading.conversations, reading.missing) == (170, 170, 0)
    assert reading.repeated == len(ids(pages)) - 170
    assert reading.rereads == 0


def test_totals_do_not_compare_with_a_part_of_a_day(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(PATH, Archive(spread(95)))
    reading = Reading()
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
    reading = Reading()
    pages = list(details.fetch(cloud, three_days, page_size=10, reading=reading))
    assert set(ids(pages)) == archive.within(three_days)
    assert reading.conversations == 300
    assert reading.total_hits_first is None
    assert reading.total_hits_last is None
    assert reading.missing is None


def test_a_platform_that_tells_no_total_leaves_it_unknown(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(5))
    platform.on(PATH, lambda request: Reply(body={"conversations": archive(request).body["conversations"]}))
    reading = Reading()
    list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.total_hits_first, reading.missing, reading.conversations) == (None, None, 5)


def test_a_total_that_promises_more_than_there_is_is_told(platform: Platform, cloud: GenesysCloud) -> None:
    archive = Archive(spread(95))
    platform.on(PATH, lambda request: Reply(body={**archive(request).body, "totalHits": 98}))
    reading = Reading()
    list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.missing, reading.rereads) == (3, 0)


def test_a_row_that_slips_between_two_pages_is_found_by_reading_once_more(platform: Platform, clock: Clock) -> None:
    archive = Moving(spread(95), {3: lambda archive: archive.lose(5)})
    slipped = archive.rows[30]["conversationId"]
    platform.on(PATH, archive)
    reading = Reading()
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
    reading = Reading()
    with one_by_one(platform, clock) as cloud:
        pages = list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert "late" in ids(pages)
    assert (reading.rereads, reading.moved_again, reading.conversations, reading.missing) == (1, False, 96, 0)


def test_rows_that_came_again_tell_of_one_that_came_in_though_the_total_stands_still(
    platform: Platform, clock: Clock
) -> None:
    archive = Moving(spread(95), {3: lambda archive: archive.gain(5)})
    platform.on(PATH, lambda request: Reply(body={**archive(request).body, "totalHits": 95}))
    with one_by_one(platform, clock) as cloud:
        assert "late" in ids(list(details.fetch(cloud, DAY, page_size=10)))


def test_pages_that_never_rest_are_read_twice_and_no_more(platform: Platform, clock: Clock) -> None:
    archive = Moving(spread(95), {number: lambda archive: archive.gain(0) for number in range(100)})
    platform.on(PATH, archive)
    reading = Reading()
    with one_by_one(platform, clock) as cloud:
        list(details.fetch(cloud, DAY, page_size=10, reading=reading))
    assert (reading.rereads, reading.moved_again) == (1, True)
    assert len(platform.asked(PATH)) < 30


def test_conversations_that_queue_at_the_end_of_today_move_nothing(platform: Platform, clock: Clock) -> None:
    today = Interval(DAY.end, NOON)
    archive = Moving(spread(95, today), dict.fromkeys(range(100), Moving.gain_at_the_end))
    platform.on(PATH, archive)
    reading = Reading()
    with client(platform, clock) as cloud:
        list(details.fetch(cloud, today, page_size=10, reading=reading))
    assert reading.rereads == 0


def test_the_pages_of_a_second_reading_are_numbered_on(platform: Platform, clock: Clock) -> None:
    platform.on(PATH, Moving(spread(25), {1: lambda archive: archive.lose(5)}))
    with one_by_one(platform, clock) as cloud:
        pages = list(details.fetch(cloud, DAY, page_size=10))
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]


# -- by ids -----------------------------------------------------------------------------------------------------------


def known(request: Request) -> Reply:
    """Answers for every id but c7."""
    found = [{"conversationId": given} for given in request.params["id"].split(",") if given != "c7"]
    return Reply(body={"conversations": found} if found else {})


@pytest.mark.parametrize(("number", "pages"), [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_conversations_are_asked_for_by_id_a_hundred_at_a_time(
    platform: Platform, cloud: GenesysCloud, number: int, pages: int
) -> None:
    platform.on(details.BY_IDS_PATH, known)
    wanted = [f"x{place}" for place in range(number)]
    found = list(details.by_ids(cloud, iter(wanted * 2)))
    assert ids(found) == wanted
    assert [page.number for page in found] == list(range(1, pages + 1))
    assert all(len(asked.params["id"].split(",")) <= 100 for asked in platform.asked(details.BY_IDS_PATH))


def test_an_id_that_is_not_known_is_absent(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(details.BY_IDS_PATH, known)
    assert ids(list(details.by_ids(cloud, ["c6", "c7", "c8"]))) == ["c6", "c8"]
    assert [page.json() for page in details.by_ids(cloud, ["c7"])] == [{}]


@pytest.mark.parametrize("given", ["", " ", "a,b"])
def test_what_is_no_id_is_refused_before_any_request(platform: Platform, cloud: GenesysCloud, given: str) -> None:
    with pytest.raises(InvalidQuery, match="is not a conversation id"):
        details.by_ids(cloud, ["a", given])
    assert platform.requests == []

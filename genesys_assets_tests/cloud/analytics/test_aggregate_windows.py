"""One request covers many spans; what is stored is the same as from one request a span."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.cloud.analytics import aggregates
from genesys_assets.cloud.analytics.aggregate_windows import WindowedQuestion, divide, group_spans
from genesys_assets.cloud.analytics.families import CONVERSATIONS
from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.analytics.queries import AggregateQuestion
from genesys_assets.cloud.errors import BadRequest, GenesysCloudError, ServerTrouble
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.partitions import Calendar
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS, MetricRows, metric_rows
from genesys_assets_tests.cloud.platform import NOON, Clock, Platform, Reply, Request

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
MIDNIGHT = datetime(2026, 1, 26, tzinfo=UTC)
BY_QUEUE = AggregateQuestion(group_by=("queueId", "mediaType"))
BY_USER = AggregateQuestion(group_by=("userId", "mediaType"))
BY_SKILL = AggregateQuestion(group_by=("requestedRoutingSkillId",))


def adjoining(number: int, step: timedelta, start: datetime = MIDNIGHT) -> list[Interval]:
    return [Interval(start + step * at, start + step * (at + 1)) for at in range(number)]


def business_days(zone: str, first: date, number: int) -> list[Interval]:
    calendar = Calendar(first, ZoneInfo(zone), 4)
    return [Interval(*calendar.business_day(f"{first + DAY * at}")) for at in range(number)]


def by_hour(cloud: GenesysCloud, question: AggregateQuestion = BY_QUEUE) -> WindowedQuestion:
    return WindowedQuestion(cloud, lambda interval: question.over(interval, "PT15M"))


def requested_intervals(platform: Platform) -> list[Interval]:
    return [Interval.parse(request.json()["interval"]) for request in platform.requests_to(CONVERSATIONS.path)]


# -- which spans share a request ---------------------------------------------------------------------------------


def test_spans_are_asked_for_at_once_up_to_the_longest_window() -> None:
    hours = adjoining(240, HOUR)
    groups = list(group_spans(hours, WEEK))
    assert [len(group) for group in groups] == [168, 72]
    assert [span for group in groups for span in group] == hours


def test_a_span_longer_than_the_window_is_asked_for_alone() -> None:
    assert [len(group) for group in group_spans(adjoining(3, DAY), HOUR)] == [1, 1, 1]


def test_spans_that_do_not_adjoin_are_not_asked_for_at_once() -> None:
    first, _, third, fourth = adjoining(4, HOUR)
    assert list(group_spans([first, third, fourth], WEEK)) == [[first], [third, fourth]]


@pytest.mark.parametrize(
    ("zone", "first", "sizes"),
    [
        ("UTC", date(2026, 3, 26), [7]),
        ("Europe/London", date(2026, 3, 26), [3, 1, 3]),
        ("America/New_York", date(2026, 10, 29), [3, 1, 3]),
        ("Asia/Kolkata", date(2026, 3, 26), [7]),
        ("Asia/Beirut", date(2026, 3, 26), [2, 1, 1, 3]),
    ],
)
def test_days_before_on_and_after_a_change_of_clocks_are_not_asked_for_at_once(
    zone: str, first: date, sizes: list[int]
) -> None:
    groups = list(group_spans(business_days(zone, first, 7), WEEK, zone))
    assert [len(group) for group in groups] == sizes
    assert all(span.duration == DAY for group in groups if len(group) > 1 for span in group)


# -- how an answer is divided ------------------------------------------------------------------------------------------


def page(answer: object) -> Page:
    request = json.dumps({"method": "POST", "path": CONVERSATIONS.path, "body": {"groupBy": ["queueId"]}})
    return Page(1, request, NOON, "corr-1", json.dumps(answer).encode())


def bucket(start: datetime, length: timedelta = HOUR / 4, count: int = 1) -> dict[str, object]:
    metrics = [{"metric": "nOffered", "stats": {"count": count}}]
    return {"interval": f"{iso(start)}/{iso(start + length)}", "metrics": metrics}


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[Interval], dict[str, object]]:
    spans = adjoining(draw(st.integers(1, 30)), HOUR)
    quarters = st.sets(st.integers(0, 4 * len(spans) - 1))
    groups = draw(st.lists(quarters, max_size=4))
    results = [
        {
            "group": {"queueId": f"Q{at}"},
            "data": [bucket(MIDNIGHT + HOUR / 4 * quarter, count=quarter) for quarter in sorted(group)],
        }
        for at, group in enumerate(groups)
    ]
    return spans, {"results": results, "more": {"yes": 1.5}}


@given(answers())
def test_the_parts_of_an_answer_are_answers_that_add_up_to_it(made: tuple[list[Interval], dict[str, object]]) -> None:
    spans, answer = made
    whole = page(answer)
    parts = divide(whole, spans)
    assert len(parts) == len(spans)
    for span, part in zip(spans, parts, strict=True):
        said = part.json()
        assert said["more"] == answer["more"]
        assert all(result["data"] for result in said["results"])
        begun = [
            datetime.fromisoformat(one["interval"].split("/")[0])
            for result in said["results"]
            for one in result["data"]
        ]
        assert all(start in span for start in begun)
        assert json.loads(part.request) == json.loads(whole.request) | {"part": str(span)}
    assert tables(parts).table.equals(tables([whole]).table)


def tables(pages: Sequence[Page]) -> MetricRows:
    return metric_rows(INTERVAL_METRICS, ((one.request, one.body) for one in pages))


@pytest.mark.parametrize("answer", [{}, {"results": None}, {"results": []}, {"results": [{"group": {}, "data": None}]}])
def test_a_span_without_data_has_an_answer_without_results(answer: object) -> None:
    assert [part.json()["results"] for part in divide(page(answer), adjoining(3, HOUR))] == [[], [], []]


def test_a_bucket_belongs_where_it_begins() -> None:
    answer = {"results": [{"group": {}, "data": [bucket(MIDNIGHT + HOUR)]}]}
    assert [len(part.json()["results"]) for part in divide(page(answer), adjoining(3, HOUR))] == [0, 1, 0]


def test_a_day_that_is_not_over_keeps_its_bucket_though_that_ends_later() -> None:
    days = [*adjoining(1, DAY), Interval(MIDNIGHT + DAY, MIDNIGHT + DAY + HOUR)]
    answer = {"results": [{"group": {}, "data": [bucket(MIDNIGHT + DAY, DAY)]}]}
    assert [len(part.json()["results"]) for part in divide(page(answer), days)] == [0, 1]


# -- against an organisation -------------------------------------------------------------------------------------------


LATER = datetime(2026, 11, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def organisation() -> Iterator[Sandbox]:
    with running(now=LATER, conversations_per_day=60, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture
def asking(organisation: Sandbox) -> Iterator[GenesysCloud]:
    hosts = Hosts(organisation.url, organisation.url)
    login = (organisation.client_id, organisation.client_secret)
    with GenesysCloud(hosts, *login, requests_per_minute=1_000_000, now=lambda: LATER) as cloud:
        yield cloud


@pytest.mark.long
@pytest.mark.parametrize("question", [BY_QUEUE, BY_USER, BY_SKILL])
def test_hours_asked_for_at_once_are_those_asked_for_one_by_one(
    asking: GenesysCloud, question: AggregateQuestion
) -> None:
    hours = adjoining(60, HOUR)
    at_once = list(by_hour(asking, question).pages(hours))
    singly = [aggregates.fetch(asking, question.over(span, "PT15M")) for span in hours]
    assert [one.body for one in at_once] == [one.body for one in singly]


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", date(2026, 3, 26)),
        ("Europe/London", date(2026, 3, 26)),
        ("Europe/London", date(2026, 10, 22)),
        ("America/New_York", date(2026, 3, 5)),
        ("America/New_York", date(2026, 10, 29)),
        ("Australia/Lord_Howe", date(2026, 10, 1)),
        ("Asia/Beirut", date(2026, 3, 26)),
    ],
)
def test_business_days_asked_for_at_once_are_those_asked_for_one_by_one(
    asking: GenesysCloud, organisation: Sandbox, zone: str, first: date
) -> None:
    days = business_days(zone, first, 7)
    before = organisation.requested("aggregates")
    question = WindowedQuestion(asking, lambda interval: BY_USER.over(interval, "P1D", zone))
    at_once = [one for spans in group_spans(days, WEEK, zone) for one in question.pages(spans)]
    requests = organisation.requested("aggregates") - before
    singly = [aggregates.fetch(asking, BY_USER.over(span, "P1D", zone)) for span in days]
    for together, alone in zip(at_once, singly, strict=True):
        found, expected = (metric_rows(DAILY_METRICS, [(one.request, one.body)]).table for one in (together, alone))
        assert found.num_rows
        assert found.equals(expected)
    assert requests < len(days)


# -- requests that the platform refuses
# -----------------------------------------------------------------------------------------


class Figures:
    """Answers with a bucket for each requested hour, unless these are more than it allows."""

    def __init__(self, refusal: Reply, most: int) -> None:
        self.refusal = refusal
        self.most = most

    def __call__(self, request: Request) -> Reply:
        interval = Interval.parse(request.json()["interval"])
        hours = interval.duration // HOUR
        if hours > self.most:
            return self.refusal
        return Reply(
            body={"results": [{"group": {}, "data": [bucket(interval.start + HOUR * at) for at in range(hours)]}]}
        )


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(413, {"code": "request.entity.too.large"}),
        Reply(400, {"code": "response.entity.too.large"}),
        Reply(400, {"message": "You must specify a search interval … that does not exceed 7 days"}),
        Reply(504, {"code": "request.timeout"}),
    ],
)
def test_a_window_that_is_too_large_is_halved_until_it_is_answered(
    platform: Platform, cloud: GenesysCloud, refusal: Reply
) -> None:
    platform.on(CONVERSATIONS.path, Figures(refusal, most=5))
    hours = adjoining(40, HOUR)
    pages = list(by_hour(cloud).pages(hours))
    assert [one.json()["results"][0]["data"] for one in pages] == [[bucket(span.start)] for span in hours]


def test_a_window_that_was_too_large_once_is_not_asked_for_again(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(CONVERSATIONS.path, Figures(Reply(413), most=6))
    question = by_hour(cloud)
    for group in group_spans(adjoining(48, HOUR), DAY):
        list(question.pages(group))
    assert [interval.duration // HOUR for interval in requested_intervals(platform)] == [24, 12, *[6] * 8]


def test_a_question_that_is_wrong_is_refused_in_the_platforms_words(platform: Platform, cloud: GenesysCloud) -> None:
    platform.on(CONVERSATIONS.path, Reply(400, {"message": "Value [x] is not valid", "code": "invalid.value"}))
    with pytest.raises(BadRequest, match=r"Value \[x\] is not valid"):
        list(by_hour(cloud).pages(adjoining(4, HOUR)))
    assert [interval.duration // HOUR for interval in requested_intervals(platform)] == [4, 2, 1]


@pytest.mark.parametrize("status", [403, 503])
def test_a_window_is_not_halved_where_that_cannot_help(
    platform: Platform, cloud: GenesysCloud, clock: Clock, status: int
) -> None:
    platform.on(CONVERSATIONS.path, Reply(status))
    with pytest.raises((GenesysCloudError, ServerTrouble)):
        list(by_hour(cloud).pages(adjoining(4, HOUR)))
    assert {interval.duration for interval in requested_intervals(platform)} == {4 * HOUR}


@pytest.mark.parametrize(
    "strange",
    [
        {"results": [{"group": {}, "data": [bucket(MIDNIGHT + HOUR / 2, HOUR)]}]},
        {"results": [{"group": {}, "data": [bucket(MIDNIGHT, DAY)]}]},
        {"results": [{"group": {}, "data": [bucket(MIDNIGHT - DAY)]}]},
        {"results": [{"group": {}, "data": [bucket(MIDNIGHT + DAY)]}]},
        {"results": [{"group": {}, "data": [{"interval": "today", "metrics": []}]}]},
        {"results": [{"group": {}, "data": [{"metrics": []}]}]},
        {"results": [{"group": {}, "data": {"interval": 1}}]},
        {"results": [7]},
    ],
)
def test_after_an_answer_that_cannot_be_divided_each_span_is_asked_for_alone(
    platform: Platform, cloud: GenesysCloud, strange: object
) -> None:
    platform.on(CONVERSATIONS.path, Reply(body=strange))
    pages = list(by_hour(cloud).pages(adjoining(4, HOUR)))
    assert [one.json() for one in pages] == [strange] * 4
    assert [interval.duration // HOUR for interval in requested_intervals(platform)] == [4, 2, 1, 1, 1, 1]


def test_answers_that_grow_large_are_followed_by_smaller_windows(
    platform: Platform, cloud: GenesysCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genesys_assets.cloud.analytics.aggregate_windows.LARGE_ANSWER", 1000)
    platform.on(CONVERSATIONS.path, Figures(Reply(413), most=100))
    question = by_hour(cloud)
    for group in group_spans(adjoining(48, HOUR), DAY):
        assert len(list(question.pages(group))) == 24
    assert [interval.duration // HOUR for interval in requested_intervals(platform)][:2] == [24, 12]

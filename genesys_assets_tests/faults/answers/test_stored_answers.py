"""Every reader of stored answers makes rows of any JSON, or refuses the page with a named error."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.cloud.http.page import Page
from genesys_assets.tables import stored_answers
from genesys_assets.tables.api_usage import api_usage
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.entities import ENTITIES, entity_table
from genesys_assets.tables.metrics import decode_values
from genesys_assets.tables.metrics.buckets import FAMILY_METRICS, INTERVAL_METRICS, metric_rows
from genesys_assets.tables.metrics.question import StoredQuestion
from genesys_assets.tables.observations import queue_members, user_skills
from genesys_assets.tables.snapshots import live_conversations, live_queues
from genesys_assets_tests.faults import EVERY_CASE

EXAMPLES = settings(max_examples=300 if EVERY_CASE else 40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOON, DAY = datetime(2026, 2, 1, 12, tzinfo=UTC), date(2026, 2, 1)
QUARTER = "2026-02-01T12:00:00Z/2026-02-01T12:15:00Z"
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 7, -1.5, 10**30, 1e300, "", "x", "\ud800", [], [1], ["x"], [None], {}, {"id": 7}, {"a": {}}]
)


def page(answer: Any, path: str = "/api/v2/routing/queues/q/members") -> Page:
    return Page(1, json.dumps({"path": path}), NOON, None, json.dumps(answer).encode())


def body(answer: Any) -> bytes:
    return json.dumps(answer).encode()


def request(family: str) -> str:
    views = [{"name": "long", "target": "tHandle"}]
    return json.dumps({"path": FAMILIES[family].path, "body": {"groupBy": ["queueId", "userId"], "views": views}})


def slowly(answer: Any) -> None:
    decode_values.read(StoredQuestion.parse(request("users")), body(answer), FAMILY_METRICS["users"].schema)


ENTITY = {
    "id": "a",
    "name": "A",
    "division": {"id": "d"},
    "divisionId": "d",
    "queue": {"id": "q"},
    "languageLabels": {"en_US": "A", "de": "B"},
    "description": "d",
    "dateCreated": "2026-01-31T12:00:00.000Z",
    "memberCount": 3,
    "mediaSettings": {"call": {}},
    "state": "active",
    "active": True,
}
LIVE = {
    "conversationId": "c",
    "sessionId": "s",
    "metric": "oWaiting",
    "activityDate": "2026-01-31T12:00:00Z",
    "ani": "1",
}
OBSERVED = {"metric": "oWaiting", "qualifier": "IDLE", "stats": {"count": 3}}
FIGURE = {"metric": "tHandle", "qualifier": "x", "stats": {"count": 1, "sum": 5.0, "max": 5, "p95": 4, "ratio": 0.5}}
BUCKET = {"interval": QUARTER, "metrics": [FIGURE], "views": [{"name": "long", "stats": {"count": 1}}]}
AGGREGATES = {
    "results": [{"group": {"queueId": "q", "userId": "u"}, "data": [BUCKET]}],
    "systemToOrganizationMappings": {"MEAL": ["p"]},
}
READERS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "queues": (lambda answer: entity_table(ENTITIES["queues"], [body(answer)]), {"entities": [ENTITY]}),
    "campaigns": (lambda answer: entity_table(ENTITIES["campaigns"], [body(answer)]), {"entities": [ENTITY]}),
    "flows": (lambda answer: entity_table(ENTITIES["flows"], [body(answer)]), {"entities": [ENTITY]}),
    "live conversations": (
        lambda answer: live_conversations(NOON, [body(answer)]),
        {"entities": [LIVE], "results": [{"entities": [LIVE]}]},
    ),
    "live queues": (
        lambda answer: live_queues(NOON, [body(answer)]),
        {"results": [{"group": {"queueId": "q", "mediaType": "voice"}, "data": [OBSERVED]}]},
    ),
    "members": (
        lambda answer: queue_members(DAY, [page(answer)]),
        {"entities": [{"id": "u", "joined": True, "ringNumber": 1, "memberBy": "user"}]},
    ),
    "skills": (
        lambda answer: user_skills(DAY, [page(answer)]),
        {"entities": [{"id": "u", "skills": [{"id": "s", "proficiency": 1.5, "state": "active"}]}]},
    ),
    "usage": (
        lambda answer: api_usage(DAY, [page(answer)]),
        {
            "entities": [
                {
                    "date": f"{DAY}",
                    "platform": "p",
                    "httpMethod": "GET",
                    "templateUri": "/api/v2/users",
                    "requestCount": 5,
                    "status200": 5,
                }
            ]
        },
    ),
    "aggregates": (
        lambda answer: metric_rows(INTERVAL_METRICS, [(request("conversations"), body(answer))]),
        AGGREGATES,
    ),
    "users' aggregates": (
        lambda answer: metric_rows(FAMILY_METRICS["users"], [(request("users"), body(answer))]),
        AGGREGATES,
    ),
    "aggregates value by value": (slowly, AGGREGATES),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an answer, including the answer itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inner for place in places(each, (*path, name)))]


def spoiled(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    """The answer with another value in one place."""
    if not path:
        return wrong
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = spoiled(value[path[0]], path[1:], wrong)
    return changed


@pytest.mark.parametrize("name", READERS)
def test_the_answers_that_are_spoiled_below_are_read(name: str) -> None:
    read, answer = READERS[name]
    read(answer)


@pytest.mark.parametrize("name", READERS)
@EXAMPLES
@given(st.data())
def test_an_answer_with_another_value_somewhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    read, answer = READERS[name]
    path = data.draw(st.sampled_from(places(answer)))
    wrong = data.draw(WRONG)
    with contextlib.suppress(UnreadablePage):
        read(spoiled(answer, path, wrong))


@pytest.mark.parametrize(
    ("name", "path", "wrong"),
    [
        ("queues", ("entities", 0, "division"), "x"),
        ("queues", ("entities", 0, "name"), 7),
        ("queues", ("entities", 0, "memberCount"), 10**30),
        ("queues", ("entities", 0, "description"), "\ud800"),
        ("live queues", ("results", 0, "data", 0, "stats"), "x"),
        ("members", ("entities", 0, "joined"), "yes"),
        ("skills", ("entities", 0, "skills", 0, "id"), [1]),
        ("usage", ("entities", 0, "requestCount"), "x"),
        ("usage", ("entities", 0, "requestCount"), None),
        ("usage", ("entities", 0, "date"), None),
        ("usage", ("entities", 0, "httpMethod"), None),
        ("usage", ("entities", 0, "templateUri"), None),
        ("aggregates", ("results",), ["x"]),
        ("users' aggregates", ("systemToOrganizationMappings",), "x"),
    ],
)
def test_a_value_that_fits_no_column_is_refused_and_not_shown(name: str, path: tuple[Any, ...], wrong: Any) -> None:
    read, answer = READERS[name]
    with pytest.raises(UnreadablePage) as refused:
        read(spoiled(answer, path, wrong))
    assert "yes" not in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["queues", "live queues", "members", "usage"])
def test_an_answer_without_an_object_is_refused(name: str) -> None:
    with pytest.raises(UnreadablePage, match="NoneType, not an object"):
        READERS[name][0](None)


def test_an_aggregates_answer_of_null_has_no_rows() -> None:
    assert len(metric_rows(INTERVAL_METRICS, [(request("conversations"), b"null")]).table) == 0


def test_an_answer_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(UnreadablePage, match="nested too deeply"):
        stored_answers.parse_json(b"[" * 100_000, "a page")


def test_a_count_of_the_platform_that_is_missing_is_unknown() -> None:
    (row,) = api_usage(DAY, [page(READERS["usage"][1])]).to_pylist()
    assert (row["requests"], row["succeeded"], row["failed"]) == (5, 5, None)

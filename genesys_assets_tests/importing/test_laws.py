"""Any figures, saved in the shape of a tutorial and imported, equal those of the platform's answer. Any content of a
file is accepted, or refused with a reason.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.imported_page import DETAILS
from genesys_assets.tables.conversations import decode
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets_tests.importing.saved import FilePages, conversation, converted

NAMES = {"tHandle": "handleTime", "tTalkComplete": "agent.talk.seconds", "tAcw": "wrapUpTime", "nError": "nError"}
SECONDS = frozenset({"tTalkComplete"})
QUARTERS = [f"2026-01-28T{hour:02d}:{minute:02d}:00.000Z" for hour in range(23) for minute in (0, 15, 30, 45)]

figures = st.dictionaries(
    st.sampled_from(sorted(NAMES)),
    st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 50), st.integers(0, 10**9))),
    min_size=1,
)
answers = st.dictionaries(
    st.tuples(st.sampled_from(["U", "V", "W"]), st.integers(0, len(QUARTERS) - 2)), figures, min_size=1, max_size=8
)
Answer = dict[tuple[str, int], dict[str, tuple[int, int]]]


def interval(index: int) -> str:
    return f"{QUARTERS[index]}/{QUARTERS[index + 1]}"


def stats(metric: str, count: int, total: int) -> dict[str, int]:
    return {"count": count} if metric.startswith("n") else {"count": count, "sum": total}


def platform(answer: Answer) -> dict[str, Any]:
    return {
        "results": [
            {
                "group": {"userId": user},
                "data": [
                    {
                        "interval": interval(index),
                        "metrics": [{"metric": name, "stats": stats(name, *pair)} for name, pair in of_bucket.items()],
                    }
                ],
            }
            for (user, index), of_bucket in answer.items()
        ]
    }


def tutorial(of_bucket: dict[str, tuple[int, int]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for metric, pair in of_bucket.items():
        told: dict[str, float] = dict(stats(metric, *pair))
        if metric in SECONDS:
            told["sum"] = told["sum"] / 1000
        named[NAMES[metric]] = told
    return named


def entities_with_buckets(answer: Answer) -> dict[str, Any]:
    entities: dict[str, Any] = {}
    for (user, index), of_bucket in answer.items():
        entity = entities.setdefault(user, {"id": user, "type": "user", "buckets": []})
        entity["buckets"].append({"timestamp": QUARTERS[index], "metrics": tutorial(of_bucket)})
    return {"entities": list(entities.values()), "granularity": "PT15M"}


def results_with_timestamp(answer: Answer) -> dict[str, Any]:
    return {
        "results": [
            {"timestamp": QUARTERS[index], "user": user, "metrics": tutorial(of_bucket)}
            for (user, index), of_bucket in answer.items()
        ]
    }


def rows(found: FilePages) -> pa.Table:
    return metric_rows(INTERVAL_METRICS, [(each.page.request, each.page.body) for each in found.pages]).table


@settings(max_examples=60)
@given(answers)
def test_every_shape_of_the_same_figures_gives_the_rows_of_the_answer(answer: Answer) -> None:
    request = json.dumps({"method": "POST", "body": {"groupBy": ["userId"]}})
    fetched = metric_rows(INTERVAL_METRICS, [(request, json.dumps(platform(answer)).encode())]).table
    told = ImportOptions(granularity="PT15M")
    for document in (platform(answer), entities_with_buckets(answer), results_with_timestamp(answer)):
        imported = rows(converted(document, told))
        assert set(imported["source"].to_pylist()) == {"imported"}
        assert imported.drop_columns(["source"]) == fetched.drop_columns(["source"])


@settings(max_examples=30)
@given(figures)
def test_entities_with_metrics_give_the_rows_of_their_interval(of_bucket: dict[str, tuple[int, int]]) -> None:
    document = {"entities": [{"userId": "U", "metrics": tutorial(of_bucket)}], "interval": interval(0)}
    expected = rows(converted(platform({("U", 0): of_bucket})))
    assert rows(converted(document)) == expected


NAMES_IN_USE = [
    *("conversations", "conversationId", "conversationStart", "participants", "sessions", "segments", "results"),
    *(
        "group",
        "data",
        "interval",
        "metrics",
        "metric",
        "stats",
        "count",
        "sum",
        "value",
        "views",
        "entities",
        "buckets",
    ),
    *("id", "type", "name", "timestamp", "granularity", "date", "start", "end", "userId", "queue", "mediaType"),
    *("handleTime", "agent.talk.seconds", "smallTalk", "nOffered", "tHandle", "qualifier"),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**13),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*NAMES_IN_USE, "", interval(3), QUARTERS[0], "2026-01-28", "PT1H", "P1D", "user", "\ud800"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES_IN_USE), inner, max_size=5)
    ),
    max_leaves=25,
)


ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    1e300,
    10**400,
    "",
    "x",
    "\ud800",
    interval(3),
    [],
    [None],
    [[]],
    {},
    {"id": None},
    {"x": []},
)


def odd_documents() -> Iterator[Any]:
    """Documents of every shape with one value replaced."""
    answer: Answer = {("U", 0): {"tHandle": (1, 2)}}
    for right in (
        platform(answer),
        entities_with_buckets(answer),
        results_with_timestamp(answer),
        {
            "results": [
                {"group": {"user": {"id": "U"}}, "start": QUARTERS[0], "end": QUARTERS[1], "metrics": {"nError": 1}}
            ]
        },
        {"entities": [{"userId": "U", "metrics": [{"metric": "handleTime", "value": 3}]}], "interval": interval(0)},
        {"conversations": [conversation("A", emitted=QUARTERS[1])]},
    ):
        for number in range(len(list(_places(right)))):
            for odd in ODD:
                document = copy.deepcopy(right)
                parent, key = list(_places(document))[number]
                parent[key] = odd
                yield document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def taken_or_refused(document: Any) -> None:
    """Checks that accepted content can be read back as the tables read it."""
    try:
        found = converted(document, ImportOptions(granularity="PT15M", group_by=("userId",)))
    except CannotImport:
        return
    for each in found.pages:
        if each.asset == DETAILS:
            decoded = decode.decode(each.page.body)
            assert (len(decoded.conversations), decoded.losses) == (len(each.page.json()["conversations"]), {})
        else:
            metric_rows(INTERVAL_METRICS, [(each.page.request, each.page.body)])


@settings(max_examples=200)
@given(anything)
def test_whatever_a_file_holds_it_is_taken_or_refused(document: Any) -> None:
    taken_or_refused(document)


def test_a_file_of_which_one_value_is_odd_is_taken_or_refused() -> None:
    for document in odd_documents():
        taken_or_refused(document)

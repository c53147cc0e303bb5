"""Whatever figures there are: saved in the shape of a tutorial and imported they are those of the platform's answer."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.importing.buckets import Told
from genesys_assets.importing.pages import Converted
from genesys_assets.tables.metrics import INTERVAL_METRICS, metric_rows
from genesys_assets_tests.importing.saved import converted

NAMES = {"tHandle": "handleTime", "tTalkComplete": "agent.talk.seconds", "tAcw": "wrapUpTime", "nError": "nError"}
SECONDS = frozenset({"tTalkComplete"})
QUARTERS = [f"2026-01-28T{hour:02d}:{minute:02d}:00.000Z" for hour in range(23) for minute in (0, 15, 30, 45)]

figures = st.dictionaries(
    st.sampled_from(sorted(NAMES)),
    st.tuples(st.integers(0, 50), st.integers(0, 10**9)),
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


def rows(found: Converted) -> pa.Table:
    return metric_rows(INTERVAL_METRICS, [(each.page.request, each.page.body) for each in found.pages]).table


@settings(max_examples=60, deadline=None)
@given(answers)
def test_every_shape_of_the_same_figures_gives_the_rows_of_the_answer(answer: Answer) -> None:
    request = json.dumps({"method": "POST", "body": {"groupBy": ["userId"]}})
    fetched = metric_rows(INTERVAL_METRICS, [(request, json.dumps(platform(answer)).encode())]).table
    told = Told(granularity="PT15M")
    for document in (platform(answer), entities_with_buckets(answer), results_with_timestamp(answer)):
        imported = rows(converted(document, told))
        assert set(imported["source"].to_pylist()) == {"imported"}
        assert imported.drop_columns(["source"]) == fetched.drop_columns(["source"])


@settings(max_examples=30, deadline=None)
@given(figures)
def test_entities_with_metrics_give_the_rows_of_their_interval(of_bucket: dict[str, tuple[int, int]]) -> None:
    document = {"entities": [{"userId": "U", "metrics": tutorial(of_bucket)}], "interval": interval(0)}
    expected = rows(converted(platform({("U", 0): of_bucket})))
    assert rows(converted(document)) == expected

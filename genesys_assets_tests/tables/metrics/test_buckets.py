from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.metrics import decode_arrow as metrics_arrow
from genesys_assets.tables.metrics import decode_values as metrics_values
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS, metric_rows
from genesys_assets.tables.metrics.question import StoredQuestion, answered_everywhere
from genesys_assets_tests import samples

REQUEST = json.dumps({"method": "POST", "path": "/x", "body": {"groupBy": ["queueId", "mediaType"]}})


def answer(
    *metrics: dict[str, Any],
    group: Any = None,
    interval: str = "2026-01-31T12:00:00.000Z/2026-01-31T12:15:00.000Z",
) -> bytes:
    result = {
        "group": group or {"queueId": "Q", "mediaType": "voice"},
        "data": [{"interval": interval, "metrics": list(metrics)}],
    }
    return json.dumps({"results": [result]}).encode()


def test_a_row_carries_group_bucket_metric_and_all_statistics() -> None:
    body = answer({"metric": "tHandle", "stats": {"count": 2, "sum": 30, "min": 10, "max": 20}})
    (row,) = metric_rows(INTERVAL_METRICS, [(REQUEST, body)]).table.to_pylist()
    assert row["interval_start"].isoformat() == "2026-01-31T12:00:00+00:00"
    assert row["interval_end"].isoformat() == "2026-01-31T12:15:00+00:00"
    assert row["grouping"] == "mediaType,queueId"
    assert row["group_key"] == '{"mediaType":"voice","queueId":"Q"}'
    assert (row["queue_id"], row["media_type"], row["user_id"]) == ("Q", "voice", None)
    assert (row["count"], row["sum"], row["min"], row["max"], row["ratio"]) == (2, 30, 10, 20, None)


def test_a_dimension_without_a_value_is_null_and_absent_from_the_key() -> None:
    (row,) = metric_rows(
        INTERVAL_METRICS,
        [(REQUEST, answer({"metric": "nError", "stats": {"count": 1}}, group={"mediaType": "email"}))],
    ).table.to_pylist()
    assert row["queue_id"] is None
    assert row["group_key"] == '{"mediaType":"email"}'


@pytest.mark.parametrize(
    ("group_by", "flattened", "is_additive"),
    [
        (["queueId", "mediaType"], False, True),
        ([], False, True),
        (["queueId", "requestedRoutingSkillId"], False, False),
        (["wrapUpCode"], False, False),
        (["queueId", "requestedRoutingSkillId"], True, True),
    ],
)
def test_groups_by_a_dimension_of_several_values_say_that_they_must_not_be_summed(
    group_by: list[str], flattened: bool, is_additive: bool
) -> None:
    request = json.dumps({"body": {"groupBy": group_by, "flattenMultivaluedDimensions": flattened}})
    table = metric_rows(INTERVAL_METRICS, [(request, answer({"metric": "nOffered", "stats": {"count": 1}}))]).table
    assert table["is_additive"].to_pylist() == [is_additive]


@pytest.mark.parametrize(
    ("zone", "interval", "local_date"),
    [
        (None, "2026-10-04T00:00:00.000Z/2026-10-05T00:00:00.000Z", date(2026, 10, 4)),
        ("Australia/Lord_Howe", "2026-10-03T13:30:00.000Z/2026-10-04T13:00:00.000Z", date(2026, 10, 4)),
        ("Australia/Lord_Howe", "2026-10-04T00:00:00.000+10:30/2026-10-05T00:00:00.000+11:00", date(2026, 10, 4)),
        ("America/New_York", "2026-11-01T04:00:00.000Z/2026-11-02T05:00:00.000Z", date(2026, 11, 1)),
    ],
)
def test_a_business_day_carries_its_date_in_the_zone_that_was_asked_for(
    zone: str | None, interval: str, local_date: date
) -> None:
    request = json.dumps({"body": {"groupBy": ["queueId"]} | ({"timeZone": zone} if zone else {})})
    body = answer({"metric": "nError", "stats": {"count": 1}}, interval=interval)
    assert metric_rows(DAILY_METRICS, [(request, body)]).table["local_date"].to_pylist() == [local_date]
    assert "local_date" not in INTERVAL_METRICS.schema.names


def test_qualifiers_keep_rows_apart() -> None:
    body = answer(
        {"metric": "tX", "qualifier": "A", "stats": {"sum": 1}},
        {"metric": "tX", "qualifier": "B", "stats": {"sum": 2}},
    )
    table = metric_rows(INTERVAL_METRICS, [(REQUEST, body)]).table
    assert len({tuple(row.values()) for row in table.select(list(INTERVAL_METRICS.key)).to_pylist()}) == 2


@pytest.mark.parametrize(
    "body", [b"{}", b'{"results": null}', b'{"results": []}', b'{"results":[{"group":{},"data":null}]}']
)
def test_an_empty_answer_gives_no_rows(body: bytes) -> None:
    assert len(metric_rows(DAILY_METRICS, [(REQUEST, body)]).table) == 0


def test_unknown_fields_are_reported() -> None:
    body = answer({"metric": "tHandle", "stats": {"count": 1, "median": 5, "p95": 4}})
    assert dict(metric_rows(INTERVAL_METRICS, [(REQUEST, body)]).unknown) == {"results.data.metrics.stats.median": 1}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"<html>", "not JSON"),
        (b'{"results": {}}', "not a list"),
        (answer(interval="today"), "interval 'today'"),
        (answer(interval="Anna Bell"), "interval a JSON str of another form$"),
        (answer({"metric": "tHandle", "stats": {"sum": 12.5}}), "sum = 12.5"),
    ],
)
def test_what_cannot_be_kept_exactly_is_refused(body: bytes, named: str) -> None:
    with pytest.raises(UnreadablePage, match=named):
        metric_rows(INTERVAL_METRICS, [(REQUEST, body)])


@pytest.mark.parametrize("name", samples.AGGREGATES)
def test_the_samples_keep_every_statistic(name: str) -> None:
    body = samples.body(name)
    found = metric_rows(INTERVAL_METRICS, [(REQUEST, body)])
    assert not found.unknown
    stored = {
        (row["group_key"], row["metric"], stat): row[stat]
        for row in found.table.to_pylist()
        for stat in ("count", "sum", "min", "max", "ratio", "numerator", "denominator", "target", "current")
        if row[stat] is not None
    }
    sent = {
        (json.dumps(result["group"], sort_keys=True, separators=(",", ":")), metric["metric"], stat): value
        for result in json.loads(body)["results"]
        for bucket in result["data"]
        for metric in bucket["metrics"]
        for stat, value in metric["stats"].items()
    }
    assert stored == sent


def request_of(**body: Any) -> str:
    return json.dumps({"body": body})


def test_rows_of_some_conversations_only_are_kept_apart_from_those_of_all() -> None:
    body = answer({"metric": "tHandle", "stats": {"count": 1}}, group={"mediaType": "voice"})
    everything, some = request_of(groupBy=["mediaType"]), request_of(groupBy=["mediaType"], filter={"type": "and"})
    table = metric_rows(INTERVAL_METRICS, [(everything, body), (some, body)]).table
    all_, selected = table["selection"].to_pylist()
    assert all_ == ""
    assert len(selected) == 16
    again = metric_rows(INTERVAL_METRICS, [(some, body)]).table
    assert again["selection"].to_pylist() == [selected]


def test_figures_of_a_view_stand_beside_those_of_its_metric() -> None:
    view = {"target": "tHandle", "name": "long", "function": "rangeBound", "range": {"gte": 5}}
    bucket = {
        "interval": "2026-01-31T12:00:00.000Z/2026-01-31T12:15:00.000Z",
        "metrics": [{"metric": "tHandle", "stats": {"count": 3}}],
        "views": [{"name": "long", "stats": {"count": 1, "sum": 9}}],
    }
    body = json.dumps({"results": [{"group": {}, "data": [bucket]}]}).encode()
    table = metric_rows(INTERVAL_METRICS, [(request_of(metrics=["tHandle"], views=[view]), body)]).table
    rows = [(row["metric"], row["view"], row["count"]) for row in table.to_pylist()]
    assert rows == [("tHandle", "", 3), ("tHandle", "long", 1)]
    with pytest.raises(UnreadablePage, match="a view 'long' that was not requested"):
        metric_rows(INTERVAL_METRICS, [(request_of(metrics=["tHandle"]), body)])


def test_what_was_asked_is_what_every_hour_was_asked() -> None:
    first = [
        request_of(groupBy=["queueId", "mediaType"], metrics=["a", "b"]),
        request_of(groupBy=["userId"], metrics=["a"]),
    ]
    second = [request_of(groupBy=["mediaType", "queueId"], metrics=["b", "c"])]
    assert answered_everywhere([first, second]) == {"mediaType,queueId ": ["b"]}
    assert answered_everywhere([first, []]) == {}
    assert answered_everywhere([]) == {}


NAMES = st.none() | st.sampled_from(["a", "b", "ü,"])
STATS = st.fixed_dictionaries(
    {},
    optional={
        "count": st.none() | st.integers(-(2**53), 2**53),
        "sum": st.integers(-(2**63), 2**63 - 1),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "target": st.integers(0, 9),
        "p95": st.integers(0, 9),
        "novel": st.none() | st.integers(0, 9),
    },
)
BUCKETS = st.fixed_dictionaries(
    {"interval": st.sampled_from([f"2026-01-31T12:{at}:00.000Z/2026-01-31T13:00:00.000Z" for at in ("00", "15")])},
    optional={
        "metrics": st.lists(
            st.fixed_dictionaries(
                {"metric": st.sampled_from(["nOffered", "tHandle"])},
                optional={"qualifier": NAMES, "stats": st.none() | STATS, "more": st.booleans()},
            ),
            max_size=3,
        ),
        "views": st.none() | st.lists(st.fixed_dictionaries({"name": st.just("long"), "stats": STATS}), max_size=2),
        "more": NAMES,
    },
)
RESULTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "group": st.none() | st.dictionaries(st.sampled_from(["queueId", "userId", "wrapUpCode"]), NAMES),
            "data": st.none() | st.lists(BUCKETS, max_size=3),
            "more": NAMES,
        },
    ),
    max_size=3,
)
VIEWS = {"body": {"groupBy": ["queueId"], "views": [{"name": "long", "target": "tTalk", "function": "rangeBound"}]}}


@pytest.mark.long
@settings(deadline=None)
@given(st.lists(RESULTS, max_size=3))
def test_both_ways_to_read_an_answer_give_the_same(answers: list[Any]) -> None:
    asked, reader = StoredQuestion.parse(json.dumps(VIEWS)), metrics_arrow.MetricsReader()
    for results in answers:
        body = json.dumps({"results": results}).encode()
        fast = reader.read(asked, body, DAILY_METRICS.schema)
        plain = metrics_values.read(asked, body, DAILY_METRICS.schema)
        assert counted(fast.table) == counted(plain.table)
        assert fast.unknown == plain.unknown


def counted(table: pa.Table) -> Counter[str]:
    return Counter(repr(row) for row in table.to_pylist())

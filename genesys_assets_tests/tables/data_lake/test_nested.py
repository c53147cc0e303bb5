"""Flat rows of the data lake extraction are put together again: they give the conversations that the sandbox took
apart."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.extraction import Extraction, File
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import HOUR, from_datetime, millis
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.data_lake.decode import UnreadableFile, decode
from genesys_assets.tables.data_lake.nested import Flat, nested
from genesys_assets.tables.data_lake.newest import concat_rows, newest
from genesys_assets.tables.data_lake.schemas import (
    ATTRIBUTES,
    CONVERSATIONS,
    FLOW_METRICS,
    METRICS,
    SCHEMAS,
    SEGMENTS,
    Names,
)

pytestmark = pytest.mark.long

DAY = date(2026, 1, 28)
BEGIN = datetime(2026, 1, 28, tzinfo=UTC)
HOURS = 80
"""Long enough for all that ever ends, but what lasts for days."""

Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation(7, 60)


def files(organisation: Organisation, schema: str) -> list[bytes]:
    extraction = Extraction(organisation, Behaviour(), Timelines(organisation))
    return [extraction.content(File(schema, from_datetime(BEGIN) + hour * HOUR)) for hour in range(HOURS)]


def rows(organisation: Organisation, *schemas: str) -> pa.Table:
    decoded = [decode(schema, body).rows for schema in schemas for body in files(organisation, schema)]
    return newest(concat_rows(decoded), SCHEMAS[schemas[0]])


@pytest.fixture(scope="module")
def flat(organisation: Organisation) -> Flat:
    conversations = rows(organisation, CONVERSATIONS)
    begun = conversations["conversationStart"].cast(pa.int64()).to_numpy()
    of_day = (begun >= from_datetime(BEGIN)) & (begun < from_datetime(BEGIN + timedelta(days=1)))
    return Flat(
        conversations.filter(pa.array(of_day)),
        rows(organisation, SEGMENTS),
        rows(organisation, METRICS, FLOW_METRICS),
        rows(organisation, ATTRIBUTES),
    )


@pytest.fixture(scope="module")
def tables(flat: Flat) -> Tables:
    return explode(nested(flat))


@pytest.fixture(scope="module")
def api_conversations(organisation: Organisation) -> list[dict[str, Any]]:
    """The conversations, as the API showed them when the last file was made."""
    now = from_datetime(BEGIN) + HOURS * HOUR - 1
    return [organisation.item_with_attributes(arrival, now) for arrival in organisation.arrivals(DAY)]


def instant(text: str | None) -> int | None:
    return None if text is None else millis(text)


def times(table: pa.Table, name: str) -> list[Any]:
    found: list[Any] = table[name].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).to_pylist()
    return found


def test_each_conversation_is_there_once_as_it_was_last(
    tables: Tables, api_conversations: list[dict[str, Any]]
) -> None:
    found = tables["conversations"]
    ids = found["conversation_id"].to_pylist()
    assert sorted(ids) == sorted(item["conversationId"] for item in api_conversations)
    ends = dict(zip(ids, times(found, "conversation_end"), strict=True))
    assert ends == {item["conversationId"]: instant(item.get("conversationEnd")) for item in api_conversations}
    media = dict(zip(ids, found["media_stats_min_conversation_mos"].to_pylist(), strict=True))
    assert media == {item["conversationId"]: item.get("mediaStatsMinConversationMos") for item in api_conversations}


def test_each_segment_is_there_once_with_its_session(tables: Tables, api_conversations: list[dict[str, Any]]) -> None:
    found = tables["segments"]
    columns = ("session_id", "segment_type", "queue_id", "wrap_up_code", "user_id", "media_type")
    mine = Counter(
        zip(
            *(found[name].to_pylist() for name in columns),
            times(found, "segment_start"),
            times(found, "segment_end"),
            strict=True,
        )
    )
    theirs = Counter(
        (
            session["sessionId"],
            segment["segmentType"],
            segment.get("queueId"),
            segment.get("wrapUpCode"),
            participant.get("userId"),
            session["mediaType"],
            instant(segment["segmentStart"]),
            instant(segment.get("segmentEnd")),
        )
        for item in api_conversations
        for participant in item["participants"]
        for session in participant["sessions"]
        for segment in session["segments"]
    )
    assert mine == theirs


def test_each_metric_is_there_as_often_as_it_was_emitted(
    tables: Tables, api_conversations: list[dict[str, Any]]
) -> None:
    found = tables["session_metrics"]
    columns = ("participant_id", "session_id", "metric", "value")
    mine = Counter(zip(*(found[name].to_pylist() for name in columns), times(found, "emit_date"), strict=True))
    theirs = Counter(
        (
            participant["participantId"],
            session["sessionId"],
            metric["name"],
            metric["value"],
            instant(metric["emitDate"]),
        )
        for item in api_conversations
        for participant in item["participants"]
        for session in participant["sessions"]
        for metric in session.get("metrics", ())
    )
    assert mine == theirs


def test_attributes_and_flows_are_those_of_the_conversation(
    tables: Tables, api_conversations: list[dict[str, Any]]
) -> None:
    found = tables["participant_attributes"]
    mine = {tuple(row[name] for name in ("participant_id", "name", "value")) for row in found.to_pylist()}
    assert mine == {
        (participant["participantId"], name, value)
        for item in api_conversations
        for participant in item["participants"]
        for name, value in participant.get("attributes", {}).items()
    }
    sessions = tables["sessions"]
    flows = dict(zip(sessions["session_id"].to_pylist(), sessions["flow_exit_reason"].to_pylist(), strict=True))
    for item in api_conversations:
        for participant in item["participants"]:
            for session in participant["sessions"]:
                assert flows[session["sessionId"]] == session.get("flow", {}).get("exitReason")


def test_segments_stand_in_the_order_of_their_start(tables: Tables) -> None:
    found = tables["segments"]
    starts = times(found, "segment_start")
    by_session: dict[str, list[tuple[int, int]]] = {}
    for session, ordinal, start in zip(
        found["session_id"].to_pylist(), found["ordinal"].to_pylist(), starts, strict=True
    ):
        by_session.setdefault(session, []).append((ordinal, start))
    assert all([start for _, start in sorted(of)] == sorted(start for _, start in of) for of in by_session.values())


def test_conversations_without_any_other_row_are_kept(flat: Flat) -> None:
    alone = Flat(flat.conversations, flat.segments.slice(0, 0), flat.metrics.slice(0, 0), flat.attributes.slice(0, 0))
    found = explode(nested(alone))
    assert len(found["conversations"]) == len(flat.conversations)
    assert not len(found["segments"])


def test_metrics_that_do_not_name_their_participant_have_that_of_their_session(flat: Flat, tables: Tables) -> None:
    bare = Flat(flat.conversations, flat.segments, flat.metrics.drop_columns("participantId"), flat.attributes)
    found = explode(nested(bare))["session_metrics"]
    columns = ["session_id", "participant_id", "metric", "value"]
    order = [(name, "ascending") for name in columns]
    assert found.select(columns).sort_by(order) == tables["session_metrics"].select(columns).sort_by(order)


# -- one file ----------------------------------------------------------------------------------------------------------


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


STARTS = pa.array([1_769_558_400_123, None])


def test_unknown_columns_are_counted_and_values_that_do_not_fit_are_null() -> None:
    found = decode(
        CONVERSATIONS,
        parquet(
            conversationId=["a", "b"],
            conversationStart=STARTS,
            customerParticipation=["true", "perhaps"],
            mood=["good", "bad"],
        ),
    )
    assert found.unknown == {"conversations.mood": 2}
    assert found.rows["customerParticipation"].to_pylist() == [True, None]
    assert found.losses == {"conversations.customerParticipation: values that are no bool": 1}


def test_times_may_be_milliseconds_or_timestamps() -> None:
    moment = datetime(2026, 1, 28, 0, 0, 0, 123_000, tzinfo=UTC)
    for starts in (STARTS[:1], STARTS[:1].cast(pa.timestamp("ms")), pa.array([moment], pa.timestamp("us", "UTC"))):
        found = decode(CONVERSATIONS, parquet(conversationId=["a"], conversationStart=starts))
        assert found.rows["conversationStart"].to_pylist() == [moment]


def test_rows_without_a_key_are_left_out_and_counted() -> None:
    found = decode(CONVERSATIONS, parquet(conversationId=["a", None], conversationStart=STARTS))
    assert found.rows["conversationId"].to_pylist() == ["a"]
    assert found.losses.total() == 1


def test_a_column_that_must_be_there_is_named_with_what_to_do() -> None:
    body = parquet(conversationId=["a"], began=STARTS[:1])
    with pytest.raises(UnreadableFile, match=r"conversationStart.*GENESYS_ASSETS_DATA_LAKE_COLUMNS"):
        decode(CONVERSATIONS, body)
    found = decode(CONVERSATIONS, body, Names.parse("conversations.began=conversationStart"))
    assert found.rows.column_names == ["conversationId", "conversationStart"]


@pytest.mark.parametrize("text", ["segments", "segments.a", "segments.a=nothing", "nothing.a=queueId", "a=b"])
def test_names_of_columns_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"schema\.column=known column"):
        Names.parse(text)


@pytest.mark.parametrize("body", [b"", b"PAR1PAR1PAR1", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_bytes_that_are_no_parquet_are_a_named_error(body: bytes) -> None:
    with pytest.raises(UnreadableFile, match="segments"):
        decode(SEGMENTS, body)


def test_a_file_with_two_columns_of_one_name_is_a_named_error() -> None:
    sink = io.BytesIO()
    ids = pa.array(["a"])
    pq.write_table(pa.Table.from_arrays([ids, ids], names=["conversationId", "conversationId"]), sink)
    with pytest.raises(UnreadableFile, match="two columns with the same name"):
        decode(CONVERSATIONS, sink.getvalue())


# -- which rows count --------------------------------------------------------------------------------------------------


def metrics(*rows: tuple[str, int, int, int]) -> pa.Table:
    """Rows of: session, instant of emission, value, instant of update."""
    sessions, emitted, values, updated = zip(*rows, strict=True)
    body = parquet(
        conversationId=["c"] * len(rows),
        sessionId=list(sessions),
        metricName=["tTalk"] * len(rows),
        metricTimestamp=list(emitted),
        metricValue=list(values),
        updateTimestamp=list(updated),
    )
    return decode(METRICS, body).rows


def values(*tables: pa.Table) -> list[int]:
    found: list[int] = newest(concat_rows(tables), SCHEMAS[METRICS])["value"].to_pylist()
    return found


def test_the_newest_row_of_a_key_counts_whichever_file_has_it() -> None:
    old, new = metrics(("s", 5, 1, 10)), metrics(("s", 5, 2, 20))
    assert values(old, new) == values(new, old) == [2]


def test_a_row_that_comes_twice_counts_once() -> None:
    once = metrics(("s", 5, 1, 10))
    assert values(once, once) == [1]


def test_two_metrics_of_one_millisecond_both_count() -> None:
    both = metrics(("s", 5, 1, 10), ("s", 5, 7, 10))
    assert values(both) == values(both, both) == [1, 7]


def test_metrics_of_other_moments_are_other_metrics() -> None:
    assert values(metrics(("s", 5, 1, 10)), metrics(("s", 6, 2, 20))) == [1, 2]


@pytest.mark.parametrize("updated", [{}, {"updateTimestamp": [9, 9]}, {"updateTimestamp": [None, None]}])
def test_an_attribute_that_was_set_twice_has_the_value_of_the_later_event(updated: dict[str, list[Any]]) -> None:
    def attributes(*rows: tuple[int, str]) -> pa.Table:
        times, texts = zip(*rows, strict=True)
        same = {name: ["x"] * len(rows) for name in ("conversationId", "participantId", "attributeName")}
        more = {name: values_[: len(rows)] for name, values_ in updated.items()}
        return decode(ATTRIBUTES, parquet(**same, attributeValue=list(texts), eventTime=list(times), **more)).rows

    def value(*tables: pa.Table) -> list[str]:
        found: list[str] = newest(concat_rows(tables), SCHEMAS[ATTRIBUTES])["value"].to_pylist()
        return found

    late, early = (2, "late"), (1, "early")
    assert value(attributes(late, early)) == value(attributes(early, late)) == ["late"]
    assert value(attributes(late), attributes(early)) == value(attributes(early), attributes(late)) == ["late"]
    assert value(attributes((2, "before")), attributes((2, "after"))) == ["after"]

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing.buckets import Bucket, ImportOptions, buckets, grouping
from genesys_assets.importing.documents import Part
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import Remarks
from genesys_assets.importing.shapes import pieces
from genesys_assets_tests.importing.saved import DAY, HOUR, metric, result

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


def read(document: Any, options: ImportOptions | None = None) -> tuple[list[Bucket], Remarks]:
    remarks = Remarks()
    (piece,) = pieces(Part(document, 1, (0, 0)))
    return list(buckets(piece, options or ImportOptions(), remarks)), remarks


def one(document: Any, options: ImportOptions | None = None) -> Bucket:
    (bucket,), _ = read(document, options)
    return bucket


def measured(**more: Any) -> dict[str, Any]:
    """A result in tutorial form without a time."""
    return {"results": [{"metrics": {"handleTime": 5}, **more}]}


def test_a_platform_answer_stays_as_it_is() -> None:
    figures = [
        metric("tHandle", count=1, sum=5, p95=4),
        {"metric": "tSystemPresence", "qualifier": "IDLE", "stats": {"sum": 3}},
        {"metric": "tSystemPresence", "qualifier": "BUSY", "stats": {"sum": 4}},
        metric("nSomethingNew", count=2),
    ]
    bucket = one({"results": [result({"queueId": "Q"}, *figures)]})
    assert bucket == Bucket(Interval.parse(HOUR), {"queueId": "Q"}, figures)


def test_fields_of_a_platform_answer_that_no_table_has_are_named() -> None:
    figures = [metric("tHandle", count=1, sum=5, p95=4), metric("oSentimentScore", count=1, sum=-40)]
    _, remarks = read({"results": [result({"queueId": "Q"}, *figures) | {"metrics": [metric("tHandle", sum=5)]}]})
    assert sorted(remarks.read) == [
        "'oSentimentScore' is a metric of transcripts: it is stored, but an import makes no table of that family: name "
        "it in GENESYS_ASSETS_FAMILIES, so that it is fetched",
        "'p95' of 'tHandle' left out: no table has it",
        "field 'metrics' left out: the figures in 'data' beside it are taken",
    ]


@pytest.mark.parametrize("place", ["beside its group", "in its buckets", "around all results"])
def test_a_dimension_that_a_script_put_elsewhere_is_of_the_group(place: str) -> None:
    """A script that asks for one queue at a time notes the queue. Without this note, queues would replace one
    another."""
    of = result({"mediaType": "voice"}, metric("nOffered", count=1))
    document: dict[str, Any] = {"results": [of]}
    {"beside its group": of, "in its buckets": of["data"][0], "around all results": document}[place]["queueId"] = "Q"
    assert one(document).group == {"mediaType": "voice", "queueId": "Q"}


def test_an_answer_of_the_platform_may_carry_names_of_tutorials() -> None:
    bucket = one({"results": [result({"queue": "Q"}, metric("handleTime", sum=5), metric("nError", count=1))]})
    assert bucket.group == {"queueId": "Q"}
    assert bucket.metrics == [metric("nError", count=1), metric("tHandle", sum=5)]


def test_entities_with_buckets_have_the_group_of_both() -> None:
    document = {
        "entities": [
            {
                "id": "U",
                "type": "user",
                "name": "Ada",
                "buckets": [
                    {"interval": HOUR, "mediaType": "voice", "metrics": {"handleTime": {"value": 9}}},
                    {"interval": HOUR, "mediaType": "chat", "metrics": {"smallTalk": {"value": 9}}},
                ],
            }
        ]
    }
    (voice, chat), remarks = read(document)
    assert voice == Bucket(Interval.parse(HOUR), {"userId": "U", "mediaType": "voice"}, [metric("tHandle", sum=9)])
    assert chat.metrics == []
    assert remarks.read == {
        "field 'name' left out: names are looked up by id": 1,
        "'handleTime' read as sum of tHandle in ms": 1,
        "'smallTalk' has no equivalent metric: the platform measures nothing like it.": 1,
    }


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({"userId": "U"}, {"userId": "U"}),
        ({"group": {"queue.id": "Q", "conversationType": "voice"}}, {"queueId": "Q", "mediaType": "voice"}),
        ({"user": {"id": "U", "name": "Ada"}}, {"userId": "U"}),
        ({"agent": {"id": "U", "name": "Ada"}}, {"userId": "U"}),
        (
            {"agent": "5A0C0000111142228333000000000A01", "agentName": "Ada"},
            {"userId": "5a0c0000-1111-4222-8333-000000000a01"},
        ),
        ({"queue": "Q", "queueName": "Billing", "wrapup.code": None}, {"queueId": "Q"}),
        ({"id": "Q", "type": "queue"}, {"queueId": "Q"}),
        ({"flaggedReason": "general", "agentOwned": True}, {"flaggedReason": "general", "agentOwned": "true"}),
    ],
)
def test_a_group_is_read_from_where_it_stands(fields: dict[str, Any], group: dict[str, str]) -> None:
    assert one(measured(interval=HOUR, **fields)).group == group


def test_an_id_without_a_kind_is_of_what_was_grouped_by() -> None:
    document = {"entities": [{"id": "U", "metrics": {"handleTime": 5}}], "interval": HOUR}
    assert one(document, ImportOptions(group_by=("userId",))).group == {"userId": "U"}
    with pytest.raises(CannotImport, match="of an unknown dimension: pass the dimension, for example --group-by"):
        read(document)


def test_two_values_of_one_dimension_are_refused_and_not_shown() -> None:
    with pytest.raises(CannotImport, match="two values of userId, in 'user' and in another field") as raised:
        read(measured(interval=HOUR, group={"userId": "ada-1", "user": "ada-2"}))
    assert "ada-" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "options", "span"),
    [
        ({"interval": HOUR}, ImportOptions(), HOUR),
        ({"interval": {"start": "2026-01-28T13:00Z", "end": "2026-01-28T14:00Z"}}, ImportOptions(), HOUR),
        ({"startTime": "2026-01-28T13:00Z", "endTime": "2026-01-28T14:00Z"}, ImportOptions(), HOUR),
        ({"timestamp": "2026-01-28T14:00:00+01:00"}, ImportOptions(granularity="PT1H"), HOUR),
        ({"timestamp": "2026-01-28T13:00Z", "granularity": "PT1H"}, ImportOptions(), HOUR),
        ({"timestamp": 1_769_605_200}, ImportOptions(granularity="PT1H"), HOUR),
        ({"timestamp": 1_769_605_200_000}, ImportOptions(granularity="PT1H"), HOUR),
        ({"timestamp": "2026-01-28T08:00:00"}, ImportOptions(granularity="PT1H", time_zone=NEW_YORK), HOUR),
        ({"date": "2026-01-28"}, ImportOptions(granularity="P1D"), DAY),
        ({}, ImportOptions(interval=Interval.parse(HOUR)), HOUR),
    ],
)
def test_a_time_is_read_from_any_field_that_has_it(fields: dict[str, Any], options: ImportOptions, span: str) -> None:
    assert one(measured(**fields), options).span == Interval.parse(span)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_date_is_the_business_day_where_clocks_change_too(day: str, hours: int) -> None:
    span = one(measured(date=day), ImportOptions(granularity="P1D", business_zone=LONDON)).span
    assert span.start == datetime.fromisoformat(day).replace(tzinfo=LONDON)
    assert span.duration.total_seconds() == 3600 * hours


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "its figures have no time: pass the interval that they cover, for example --interval"),
        ({"timestamp": "2026-01-28T13:00Z"}, "a start but no length: pass --granularity"),
        ({"timestamp": "2026-01-28T13:00Z", "granularity": "PT5M"}, "'PT5M' is none of PT15M"),
        ({"timestamp": "2026-01-28T13:00", "granularity": "PT1H"}, "has no offset: say with --time-zone"),
        ({"timestamp": "yesterday", "granularity": "PT1H"}, "'yesterday' is no instant"),
        ({"start": "2026-01-28T13:00Z", "end": "2026-01-28T13:00Z"}, "is empty"),
        ({"interval": HOUR, "group": {"date": "2026-01-28"}}, "the date is no dimension"),
        ({"interval": HOUR, "queueId": ["Q", "R"]}, "'queueId' of a group is a list"),
        ({"interval": HOUR, "id": "U", "type": "robot"}, "'robot' is not a dimension"),
    ],
)
def test_a_file_that_lacks_information_is_refused_with_the_option_that_supplies_it(
    fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CannotImport, match=reason):
        read(measured(**fields))


def test_the_grouping_is_every_dimension_of_any_group_unless_an_option_states_it() -> None:
    assert grouping({"queueId", "mediaType"}, ImportOptions()) == ("mediaType", "queueId")
    assert grouping({"mediaType"}, ImportOptions(group_by=("queueId", "mediaType"))) == ("mediaType", "queueId")
    with pytest.raises(CannotImport, match="its groups have queueId"):
        grouping({"queueId", "mediaType"}, ImportOptions(group_by=("mediaType",)))

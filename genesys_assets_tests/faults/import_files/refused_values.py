"""Files of answers whose times, groups or figures cannot be used, each with its reason."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets_tests.faults.import_files.written import (
    CALL,
    FIGURES,
    HOUR,
    call,
    dumped,
    figure,
    in_new_york,
    measured,
    result,
    with_times,
)

_HALF, _TWELVE, _ONE = {"granularity": "PT30M"}, "2026-01-28T12:00Z", "2026-01-28T13:00Z"
_LONDON = ImportOptions(time_zone=ZoneInfo("Europe/London"), granularity="PT1H")

_QUARTER = "2026-01-28T13:00:00.000Z/2026-01-28T13:15:00.000Z"

REFUSED_VALUES: dict[str, tuple[bytes, str] | tuple[bytes, str, ImportOptions]] = {
    # -- times
    "an hour by the date alone": (
        measured(date="2026-01-28", hour=13, granularity="PT1H"),
        "'2026-01-28' is a date, but its figures have the granularity PT1H: write at which time they begin",
    ),
    "a call of local clocks": (with_times(in_new_york), "has no offset: say with --time-zone"),
    "a call in an hour that clocks show twice": (
        dumped(call() | {"conversationStart": "2025-10-26T01:30:00", "participants": []}),
        "is shown twice by the clocks of Europe/London: write it with its offset",
        _LONDON,
    ),
    "a call in an hour that clocks never show": (
        dumped(call() | {"conversationStart": "2025-03-30T01:30:00", "participants": []}),
        "is shown never by the clocks of Europe/London",
        _LONDON,
    ),
    "a bucket in an hour that clocks show twice": (measured(timestamp="2025-10-26T01:00"), "is shown twice", _LONDON),
    "a bucket of local clocks": (measured(timestamp="2026-01-28T13:00", granularity="PT1H"), "has no offset"),
    "a call that is yet to come": (CALL.replace(b"2026-01-28", b"2099-01-28"), "begins in the future, at 2099-01-28"),
    "a call that ends in days to come": (
        dumped(call() | {"conversationEnd": "2099-01-01T00:00:00Z"}),
        "a conversation of it has an instant in the future, 2099-01-01T00:00:00.000Z",
    ),
    "a bucket that is yet to come": (FIGURES.replace(b"2026-01-28", b"2099-01-28"), "ends in the future"),
    "a bucket that ends before it begins": (figure().replace(b"14:00", b"12:00"), "its start must lie before its end"),
    "an interval that is one instant": (
        FIGURES.replace(HOUR.encode(), b"2026-01-28T13:00:00Z"),
        "its interval '2026-01-28T13:00:00Z' is no span: write it like 2026-01-31T13:00Z/2026-01-31T14:00Z",
    ),
    "an interval that is none, where another was told": (
        FIGURES.replace(HOUR.encode(), b"13:00 - 14:00"),
        "its interval '13:00 - 14:00' is no span",
        ImportOptions(interval=Interval.parse("2026-01-28T13:00Z/2026-01-28T14:00Z")),
    ),
    "a bucket of half the day": (FIGURES.replace(b"T14:00", b"T23:00"), "bucket of 10 hours left out"),
    **{
        f"two times of one bucket: {of}": (measured(**fields), reason)
        for of, fields, reason in (
            (
                "another timestamp",
                {"interval": HOUR, "timestamp": "2026-01-28T14:00:00Z"},
                "but its 'timestamp' is '2026",
            ),
            (
                "another end",
                {"interval": HOUR, "endTime": "2026-01-28T13:30Z"},
                "but its 'endTime' is '2026-01-28T13:30Z'",
            ),
            (
                "another date",
                {"interval": HOUR, "date": "2026-01-27"},
                "but its 'date' is '2026-01-27': take out the one",
            ),
            ("two starts", _HALF | {"start": _TWELVE, "timestamp": _ONE}, "but its 'start' is '2026-01-28T12:00Z'"),
            (
                "a shorter interval",
                {"interval": HOUR, "granularity": "PT30M"},
                "but its granularity is 'PT30M': take out",
            ),
            ("a shorter end", _HALF | {"start": _ONE, "end": "2026-01-28T14:00Z"}, "but its granularity is 'PT30M'"),
            ("a longer end", _HALF | {"start": _ONE, "end": "2026-01-28T13:15Z"}, "but its granularity is 'PT30M'"),
        )
    },
    "buckets of another granularity than that around them": (
        dumped({"granularity": "PT30M", "results": [result()]}),
        "T14:00:00.000Z, but its granularity is 'PT30M'",
    ),
    "a bucket outside of the interval around it": (
        dumped({"interval": "2026-01-27T00:00Z/2026-01-28T00:00Z", "results": [result()]}),
        "which lies outside of 2026-01-27T00:00:00.000Z/2026-01-28T00:00:00.000Z, the interval beside its results",
    ),
    "a queue that is half a character": (
        dumped({"results": [result() | {"group": {"queueId": "\ud800"}}]}),
        "queueId of a group is '\\ud800', which has half a character (a lone surrogate): write it whole",
    ),
    **{
        f"a queue that is {text} in a table": (
            dumped({"results": [result(), result() | {"group": {"queueId": text, "mediaType": "voice"}}]}),
            f"queueId of a group is {text!r}, as tables write it for a total, a missing value or an error",
        )
        for text in ("Total", "Grand Total", "(all)", "Summe", "*", "-", "#N/A", "#REF!", "1.23457E+15")
    },
    "all media in a table": (
        dumped({"results": [result(), result() | {"group": {"queueId": "Q", "mediaType": "ALL"}}]}),
        "mediaType of a group is 'ALL', as tables write it for a total",
    ),
    **{
        f"a count that is written as {text}": (figure(count=text), f"count of 'tHandle' is {text!r}, not a number")
        for text in ("(5)", "1_000", "5e3", "1 000", "#VALUE!", "-", "=2+3", "2 calls")
    },
    **{
        f"a sum as {what}": (figure(count=1, sum=value), f"sum of 'tHandle' is {shown}, not a number")
        for what, value, shown in (
            ("a length of ISO 8601", "PT5M12S", "'PT5M12S'"),
            ("an object of units", {"seconds": 312}, "an object"),
            ("a number of DynamoDB", {"N": "312000"}, "an object"),
            ("a list", [312_000], "a list"),
        )
    },
    "a ratio with a comma": (
        measured(interval=HOUR, metrics={"oServiceLevel": "0,8"}),
        "ratio of 'oServiceLevel' is '0,8', not a number: write a JSON number, such as 0.8",
    ),
    "the least number as a max": (figure(count=0, max=-(2**63)), "and no figure is below zero"),
    "the largest number as a min": (figure(count=0, min=2**31 - 1, max=0), "which is more than its max, 0"),
    "a time in hours": (
        measured(interval=HOUR, metrics={"handleTime": {"value": 5, "unit": "hours"}}),
        "its 'unit' is 'hours', not one of ms, seconds, minutes",
    ),
    "a group as a list of names and values": (
        dumped({"results": [result() | {"group": [{"dimension": "queueId", "value": "Q"}]}]}),
        "a group is a list, not an object",
    ),
    "all values in lists, as R writes them": (
        dumped({"results": [result() | {"group": {"queueId": ["Q"]}}]}),
        "'queueId' of a group is a list, not one value",
    ),
    "nulls in the place of results": (
        dumped({"results": [None, None]}),
        "nothing of it can be taken: aggregates: null instead of an object (2 times)",
    ),
    "nulls in the place of buckets": (
        dumped({"results": [result() | {"data": [None, None]}]}),
        "nothing of it can be taken: results.data: null in the place of an object (2 times)",
    ),
    # -- impossible figures
    "a sum with a point before three digits": (
        figure(count=1, sum="312.000"),
        "sum of 'tHandle' is '312.000', which may have a decimal point or separate thousands: write a JSON number",
    ),
    "a sum with an apostrophe": (figure(count=1, sum="312'000"), "not a number: write a JSON number, such as 312000"),
    "a count below zero": (figure(count=-1), "count of 'tHandle' is -1, and no figure is below zero"),
    "a sum below zero": (figure(count=1, sum=-5), "sum of 'tHandle' is -5"),
    "a handle time below zero": (measured(interval=HOUR, metrics={"handleTime": -1}), "sum of 'handleTime' is -1"),
    "a handled count below zero": (measured(interval=HOUR, metrics={"handledCount": -1}), "count of 'handledCount'"),
    "a ratio below zero": (
        measured(interval=HOUR, metrics={"oServiceLevel": {"ratio": -1}}),
        "ratio of 'oServiceLevel' is -1",
    ),
    "a ratio above 1": (
        measured(interval=HOUR, metrics={"oServiceLevel": {"ratio": 80}}),
        "ratio of 'oServiceLevel' is 80, and no ratio is above 1: write 80 % as 0.8",
    ),
    "a numerator above its denominator": (
        measured(interval=HOUR, metrics={"oServiceLevel": {"numerator": 9, "denominator": 4}}),
        "numerator of 'oServiceLevel' is 9, which is more than its denominator, 4",
    ),
    "a ratio that is not that of its numbers": (
        measured(interval=HOUR, metrics={"oServiceLevel": {"ratio": 0.5, "numerator": 4, "denominator": 4}}),
        "ratio of 'oServiceLevel' is 0.5, but 4 / 4 is 1",
    ),
    "a figure without its statistics": (
        FIGURES.replace(b', "stats"', b', "statistics"'),
        "nothing of it can be taken: 'tHandle' left out",
    ),
    "a figure with no statistics": (
        dumped({"results": [result() | {"data": [{"interval": HOUR, "metrics": [{"metric": "tHandle"}]}]}]}),
        "nothing of it can be taken: 'tHandle' left out: there is no figure",
    ),
    "a figure with empty statistics": (
        dumped(
            {"results": [result() | {"data": [{"interval": HOUR, "metrics": [{"metric": "tHandle", "stats": {}}]}]}]}
        ),
        "nothing of it can be taken: 'tHandle' left out: there is no figure",
    ),
    "a min above the max": (
        figure(count=2, min=5, max=3, sum=8),
        "min of 'tHandle' is 5, which is more than its max, 3",
    ),
    "a max above the sum": (figure(count=2, max=9, sum=8), "max of 'tHandle' is 9, which is more than its sum, 8"),
    "a time of none": (figure(count=0, sum=5000), "sum of 'tHandle' is 5000, but its count is 0"),
    "less than the least times the count": (
        figure(count=2, min=10, sum=5),
        "sum of 'tHandle' is 5, which is impossible for 2 values of at least 10 each",
    ),
    "more than the most times the count": (
        figure(count=2, max=10, sum=25),
        "sum of 'tHandle' is 25, which is impossible for 2 values of at most 10 each",
    ),
    "half a count": (figure(count=1.5), "only whole milliseconds or counts can be kept"),
    "a count that is a word": (measured(interval=HOUR, metrics={"handledCount": "many"}), "is 'many', not a number"),
    "statistics that PowerShell cut": (
        dumped({"results": [result()]}).replace(b'{"count": 2, "sum": 312000, "min": 100000, "max": 212000}', b'"@{}"'),
        "results.data.metrics.stats: a text stands where an object belongs",
    ),
    "buckets that PowerShell cut": (
        dumped({"results": [{"group": {}, "data": "System.Object[]"}]}),
        "the `data` of its `results` is a text",
    ),
    "metrics that PowerShell cut": (
        dumped({"results": [{"group": {}, "data": [{"interval": HOUR, "metrics": "System.Object[]"}]}]}),
        "its metrics are a text",
    ),
    "a metric without a name": (measured(interval=HOUR, metrics=[{"value": 1}]), "one of its metrics has no name"),
    "a metric that nobody knows": (
        measured(interval=HOUR, metrics=[{"name": "handleTme", "value": 1}]),
        "nothing of it can be taken: 'handleTme' is not a metric",
    ),
    "a queue by its name": (FIGURES.replace(b'"queueId"', b'"queueName"'), "has 'queueName' and no queueId"),
    "a queue by its name, beside the figures": (
        measured(interval=HOUR, queueId=None, queueName="Sales"),
        "a group of it has 'queueName' and no queueId",
    ),
    "an agent by name": (measured(interval=HOUR, agent="Ann Example"), "a group of it has 'agent' and no userId"),
    "an agent with a name and without an id": (
        measured(interval=HOUR, agent={"name": "Ann Example"}),
        "a group of it has 'agent' and no userId",
    ),
    "entities by their names": (
        dumped({"entities": [{"name": "Sales", "interval": HOUR, "metrics": {"handleTime": 60}}]}),
        "an entity of it has 'name' and no id",
    ),
    "figures by a field that is no dimension": (
        dumped(
            [
                {"queueId": "Q", "shift": shift, "interval": HOUR, "metrics": {"handledCount": count}}
                for shift, count in (("early", 2), ("late", 3))
            ]
        ),
        "it has two values of tHandle for one group and time",
    ),
    "two values of one group and time in one answer": (
        dumped({"results": [result(count=1), result(count=2)]}),
        "an answer of it has two values of tHandle for one group and time, 2026-01-28T13:00:00.000Z/2026-01-28T14:00",
    ),
    "an hour and a quarter of it in one answer": (
        dumped({"results": [result(), result(_QUARTER, count=1, sum=5)]}),
        f"an answer of it has tHandle of one group for {_QUARTER} and for {HOUR}, which overlap. Save each answer of",
    ),
    "two buckets that overlap in one answer": (
        dumped({"results": [result(f"{_ONE}/2026-01-28T13:30Z"), result("2026-01-28T13:15Z/2026-01-28T13:45Z")]}),
        "T13:30:00.000Z and for 2026-01-28T13:15:00.000Z/2026-01-28T13:45:00.000Z, which overlap",
    ),
    **{
        f"a queue that is {shown} in JSON": (
            dumped({"results": [result() | {"group": {"queueId": value}}]}),
            f"queueId of a group is {shown}, which is no id. Leave the field out, or write the id",
        )
        for shown, value in (("true", True), ("5", 5), ("1.5", 1.5))
    },
    "an interval as a list": (
        FIGURES.replace(f'"{HOUR}"'.encode(), b'["2026-01-28T13:00Z", "2026-01-28T14:00Z"]'),
        "its interval is a list, no span: write it like",
    ),
    "an interval with dashes": (FIGURES.replace(b"Z/", b"Z--"), "Z' is no span: write it like"),
    "a day up to its last millisecond": (
        FIGURES.replace(HOUR.encode(), b"2026-01-28T00:00:00.000Z/2026-01-28T23:59:59.999Z"),
        "bucket of 23 hours 59 minutes 59 seconds left out: it is neither within one hour UTC nor a day of UTC",
    ),
    "a group as a text": (dumped({"results": [result() | {"group": "queueId=Q"}]}), "a group is a text, not an object"),
    "statistics in a list": (
        dumped(
            {"results": [result() | {"data": [{"interval": HOUR, "metrics": [{"metric": "tHandle", "stats": [1]}]}]}]}
        ),
        "results.data.metrics.stats: a list stands where an object belongs, for 'tHandle'",
    ),
    "a queue by its name around all results": (
        dumped({"queueName": "Sales", "results": [result() | {"group": {"mediaType": "voice"}}]}),
        "a group of it has 'queueName' and no queueId",
    ),
    "a queue in the group and another beside it": (
        dumped({"results": [result() | {"queueId": "R"}]}),
        "a group of it has two values of queueId",
    ),
    "a queue in the group and another around it": (
        dumped({"queueId": "R", "results": [result()]}),
        "a group has two values of queueId: its own, and that of the object that contains it",
    ),
    "a dimension of another family": (
        FIGURES.replace(b'"queueId"', b'"flowId"'),
        "'flowId' is a dimension of flowexecutions, flows, transcripts, and an import makes no table of that family",
    ),
    "a time in a unit of its own": (
        measured(interval=HOUR, metrics={"handleTime": {"value": 5, "unit": "fortnights"}}),
        "its 'unit' is 'fortnights', not one of ms, seconds, minutes",
    ),
    **{
        f"a queue that is {text}": (
            dumped({"results": [result() | {"group": {"queueId": text}}]}),
            f"queueId of a group is {text!r}, which is no id. Leave the field out, or write the id",
        )
        for text in ("None", "null", "NaN", '["Q"]', "Q R")
    },
    "a value beside statistics that say another": (
        FIGURES.replace(b'"stats"', b'"value": 7, "stats"'),
        "'tHandle' has two values of sum: take out the one that is wrong",
    ),
    "a value and a sum": (measured(interval=HOUR, metrics={"handleTime": {"value": 5, "sum": 6}}), "two values of sum"),
    "a queue beside a figure": (
        FIGURES.replace(b'"stats"', b'"queueId": "R", "stats"'),
        "queueId stands beside the figure 'tHandle': write it in the group",
    ),
    "a unit in the file and another one said": (
        dumped({"unit": "minutes", "results": [{"queueId": "Q", "interval": HOUR, "metrics": {"handleTime": 5}}]}),
        "its times are in minutes, as a field of it says, and in seconds, as --time-unit says",
        ImportOptions(time_unit="seconds"),
    ),
    "averages alone": (
        measured(interval=HOUR, metrics={"averageHandleTime": 312}),
        "nothing of it can be taken: 'averageHandleTime' has no equivalent metric",
    ),
    "a ratio in per cent": (
        measured(interval=HOUR, metrics={"oServiceLevel": "80 %"}),
        "ratio of 'oServiceLevel' is '80 %', not a number: write a JSON number, such as 0.8",
    ),
    "a time as clocks show it": (
        measured(interval=HOUR, metrics={"handleTime": "00:05:12"}),
        "sum of 'handleTime' is '00:05:12', not a number: write a JSON number, such as 312000",
    ),
    "a group that is no dimension": (FIGURES.replace(b'"queueId"', b'"colour"'), "'colour' is not a dimension"),
    "a result without its interval": (FIGURES.replace(b'"interval"', b'"when"'), "it holds observations"),
}
"""Each is skipped for the reason named, and nothing of it is stored."""

"""Converts answers with figures, in platform or tutorial form, to results of the aggregates query: group, interval,
metrics.

`figures` knows which metric a name means, `groups` finds the group of a bucket, `pages` its day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Literal, TypeGuard
from zoneinfo import ZoneInfo

from genesys_assets.cloud.analytics.catalogue import METRICS
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.importing.figures import (
    STATISTICS,
    UNITS,
    check_possible,
    families_with_metric,
    figures_of,
    gathered,
    has_unit,
    is_platform_metric,
    note_unknown,
    number,
)
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.groups import (
    FIGURE_FIELDS,
    ONLY_CONVERSATIONS,
    Group,
    group_around,
    group_beside,
    group_of,
    known_dimension,
    plain_name,
)
from genesys_assets.importing.remarks import Remarks, misplaced, printable, shown
from genesys_assets.importing.shapes import NAMES, Object, Piece, Shape, listed
from genesys_assets.importing.spelling import of_digits, plain, respelled, unwrapped
from genesys_assets.importing.times import ENDS, STARTS, NoInstant, instant

GRANULARITIES = {
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
}
TimeUnit = Literal["ms", "seconds", "minutes"]

_OF_FIGURE = frozenset({"metric", "qualifier", "stats"})
_OF_TOOLS = frozenset({*UNITS, *STATISTICS, "value"})
"""Fields beside `stats` that the platform does not write."""
_OTHER_TIME = "the time of its figures stands in another field"
_EXAMPLE = "2026-01-31T13:00Z/2026-01-31T14:00Z"
_LENGTH = re.compile(
    r"P(?=.)(?:(?P<days>\d{1,3})D)?(?:T(?=.)(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?"
)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What cannot be read from the files, so that the person who imports them must say it.

    `granularity`: length of buckets that have only a start. `interval`: the time of figures without a time.
    `time_unit`: the unit of times whose name has no unit. `time_zone`: the time zone of instants without an offset.
    `group_by`: the grouping, if the groups do not show it. `business_zone`: the time zone of days with P1D.
    """

    granularity: str | None = None
    interval: Interval | None = None
    time_unit: TimeUnit = "ms"
    time_zone: ZoneInfo | None = None
    group_by: tuple[str, ...] | None = None
    business_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Bucket:
    """The figures of one group in one span of time; `metrics` in the platform's form. `is_less`: see `groups.Group`.
    `is_unmeasured`: it has figures, and the platform measures none of them.
    """

    span: Interval
    group: dict[str, str]
    metrics: list[Object]
    is_less: bool = False
    is_unmeasured: bool = False


def buckets(piece: Piece, options: ImportOptions, remarks: Remarks) -> Iterator[Bucket]:
    """The buckets of a piece of figures. Adds remarks on what was read under another name or left out.

    Raises CannotImport if a time, a group or a number is missing or wrong.
    """
    if piece.nulls:
        remarks.leave_out(f"{piece.shape.value}: null instead of an object", piece.nulls)
    around = group_around(piece.envelope, remarks)
    match piece.shape:
        case Shape.AGGREGATES:
            for result in piece.items:
                group = group_beside(result, remarks, around)
                _note_others(result, "data", remarks)
                if result.get("data") is None:
                    # The platform names a group only with its buckets; an empty list says that there are none.
                    remarks.leave_out("results.data: null or missing, instead of a group's buckets")
                units = {name: value for name, value in result.items() if plain_name(name) in UNITS}
                for data in _objects(result.get("data"), "results.data", remarks):
                    yield _bucket(data, group_beside(data, remarks, group), piece.envelope | units, options, remarks)
        case Shape.ENTITY_BUCKETS:
            for entity in piece.items:
                group = group_of(entity, options.group_by, remarks, around)
                _note_others(entity, "buckets", remarks)
                for data in _objects(entity["buckets"], "entities.buckets", remarks):
                    of_bucket = group_of(data, options.group_by, remarks, group)
                    yield _bucket(data, of_bucket, piece.envelope | entity, options, remarks)
        case _:
            for item in piece.items:
                group = group_of(item, options.group_by, remarks, around)
                yield _bucket(item, group, piece.envelope, options, remarks)


def _note_others(item: Object, taken: str, remarks: Remarks) -> None:
    """Note figures of an item that are left out because those of its buckets are taken: they are the totals of these
    buckets.
    """
    for name in ("metrics", "data", "buckets"):
        if name != taken and item.get(name):
            remarks.note(f"field {name!r} left out: the figures in {taken!r} beside it are taken")


def grouping(shown: Collection[str], options: ImportOptions) -> tuple[str, ...]:
    """The grouping of an answer: the given one, else every dimension that any of its groups has."""
    if options.group_by is None:
        return tuple(sorted(shown))
    unexpected = sorted({*shown} - {*options.group_by})
    if unexpected:
        raise CannotImport(f"its groups have {', '.join(unexpected)}, which --group-by does not name")
    return tuple(sorted(options.group_by))


def _bucket(data: Object, group: Group, around: Object, options: ImportOptions, remarks: Remarks) -> Bucket:
    # Figures in the platform's own form stay as they are: they may have qualifiers, and new statistics.
    as_it_is, others = [], []
    has_unit_around = any(
        plain(name) in UNITS and value not in (None, "ms")
        for fields in (data, around)
        for name, value in fields.items()
    )
    for name, measured in figures_of(data.get("metrics")):
        if isinstance(measured, dict) and not measured.keys() <= _OF_FIGURE:
            _must_have_no_group(measured, name)
        is_of_platform = is_platform_metric(name) and not has_unit(name)
        if is_platform_metric(name) and (families := families_with_metric(name)):
            remarks.note(f"{name!r} is a metric of {families}: it is stored, but {ONLY_CONVERSATIONS}")
        elif is_of_platform and name not in METRICS:
            remarks.note(
                f"{printable(name, 60)!r} is new or misspelled: it is stored, but it is none of the known metrics"
            )
        if is_of_platform and not has_unit_around and _is_of_platform(measured):
            if _is_null(measured["stats"]):
                remarks.leave_out(f"{name}: null in the place of its stats")
            elif measured["stats"] == {}:
                remarks.leave_out(f"{name!r} left out: there is no figure")
            else:
                as_it_is.append(_as_it_is(name, measured, remarks))
        else:
            others.append((name, measured))
    by_metric = gathered(others, options.time_unit, remarks, (data, around))
    renamed = [{"metric": name, "stats": stats} for name, stats in by_metric.items()]
    views = _objects(data.get("views"), "results.data.views", remarks)
    if views:
        remarks.leave_out("results.data.views: only the query says of which metric a view is", len(views))
    if data.get("metrics") is None and not views:
        strange = _strange(data)
        remarks.leave_out(
            f"a bucket without metrics left out: its fields are {strange}"
            if strange
            else "metrics: null or missing, instead of a bucket's figures"
        )
    span, figures = _span(data, around, options, remarks), _once([*as_it_is, *renamed])
    return Bucket(span, group.dimensions, figures, group.is_less, is_unmeasured=bool(others) and not figures)


def _must_have_no_group(measured: Object, name: str) -> None:
    """Raises CannotImport if a dimension stands beside a figure: without it, figures of two groups would be one."""
    for field_ in measured:
        if (dimension := known_dimension(field_)) is not None and measured[field_] is not None:
            raise CannotImport(f"{dimension} stands beside the figure {name!r}: write it in the group")


def _is_of_platform(measured: Any) -> bool:
    """Whether a figure has the platform's form: a metric and its statistics, and nothing that tools write."""
    if not isinstance(measured, dict) or not {"metric", "stats"} <= measured.keys():
        return False
    stats = measured["stats"] if isinstance(measured["stats"], dict) else {}
    return _OF_TOOLS.isdisjoint(map(plain, measured)) and UNITS.isdisjoint(map(plain, stats))


def _is_null(stats: Any) -> bool:
    """Whether all statistics of a figure are null."""
    return stats is None or (isinstance(stats, dict) and bool(stats) and all(value is None for value in stats.values()))


def _strange(data: Object) -> str:
    """The names of fields that are neither the time nor the group of a bucket, and so may hold its figures."""
    names = [name for name, value in data.items() if isinstance(value, dict | list) and name not in FIGURE_FIELDS]
    return ", ".join(printable(name, 40) for name in names[:5])


def _once(figures: list[Object]) -> list[Object]:
    """Each figure once. Raises CannotImport if one occurs twice with different values."""
    by_key: dict[tuple[str, Any], Object] = {}
    for figure in figures:
        key = (figure["metric"], str(figure.get("qualifier")))
        if by_key.setdefault(key, figure)["stats"] != figure["stats"]:
            raise CannotImport(f"{figure['metric']!r} occurs twice in one bucket, with two values")
    return list(by_key.values())


def _as_it_is(name: str, figure: Object, remarks: Remarks) -> Object:
    """A figure that the platform wrote. Raises CannotImport where it has numbers that no figure can have."""
    stats = figure["stats"]
    if not isinstance(stats, dict):
        raise CannotImport(f"results.data.metrics.stats: {misplaced(stats, 'an object')}, for {name!r}")
    numbers = {statistic: unwrapped(value) for statistic, value in respelled(stats, NAMES).items()}
    for statistic in STATISTICS & numbers.keys():
        if numbers[statistic] is not None:
            numbers[statistic] = number(of_digits(numbers[statistic]), statistic, name)
    check_possible(numbers, name, name)
    note_unknown(numbers, name, remarks)
    return figure | {"stats": numbers}


def _objects(value: Any, path: str, remarks: Remarks) -> list[Object]:
    """The objects of a list, without nulls, which become a remark. Raises CannotImport if it holds anything else."""
    items = listed(value, path)
    objects = [item for item in items if item is not None]
    if len(objects) < len(items):
        remarks.leave_out(f"{path}: null in the place of an object", len(items) - len(objects))
    return [respelled(item, NAMES) for item in objects]


# -- spans of time -----------------------------------------------------------------------------------------------------


def _span(data: Object, around: Object, options: ImportOptions, remarks: Remarks) -> Interval:
    """The time of a bucket: its own interval, or its start with its end or a length; else that of the object around it,
    else that of the options. Raises CannotImport if it has none, if one cannot be read, or if two contradict.
    """
    granularity = data.get("granularity") or around.get("granularity")
    for fields in (data, around):
        written, times = fields.get("interval"), _times(fields)
        if isinstance(written, str) and "/" in written:
            first, _, last = written.partition("/")
            span = _of_bounds(first.strip(), last.strip(), options)
        elif written is not None and not isinstance(written, dict):
            what = (
                f"its interval {shown(written)} is"
                if isinstance(written, str)
                else f"its interval is {shown(written)},"
            )
            raise CannotImport(f"{what} no span: write it like {_EXAMPLE}")
        else:
            bounds = _times(written) if isinstance(written, dict) else times
            start, end = (next((bounds[name] for name in names if name in bounds), None) for names in (STARTS, ENDS))
            if start is None:
                continue
            if end is None:
                span = _from(start[1], _granularity(granularity, options), options)
                granularity = None
            else:
                span = _interval(_instant(start[1], options), _instant(end[1], options))
        _must_have_length(span, granularity, around, options)
        _must_be_within(span, around, options)
        for name, (spelled, value) in times.items():
            _must_be_time(spelled, value, span, name in ENDS, options, remarks)
        return span
    if options.interval is not None:
        return options.interval
    raise CannotImport(
        f"its figures have no time: pass the interval that they cover, for example --interval {_EXAMPLE}"
    )


def _times(fields: Object) -> dict[str, tuple[str, Any]]:
    """The fields that say when figures begin or end, by their plain name: their spelling and their value."""
    named = ((plain_name(name), name, value) for name, value in fields.items() if value not in (None, ""))
    return {name: (spelled, value) for name, spelled, value in named if name in STARTS or name in ENDS}


def _must_have_length(span: Interval, granularity: Any, around: Object, options: ImportOptions) -> None:
    """Raises CannotImport if a span does not have the length that is written beside it. A day may have an hour more or
    less, where clocks change, and a bucket at a bound of the whole interval may be cut off.
    """
    length = _LENGTH.fullmatch(granularity) if isinstance(granularity, str) else None
    if length is None:
        return
    expected = _duration(length)
    if abs(span.duration - expected) <= timedelta(hours=1 if length["days"] else 0):
        return
    whole = _interval_around(around, options)
    is_cut = whole is not None and whole != span and (span.start == whole.start or span.end == whole.end)
    if is_cut and span.duration < expected:
        return
    raise CannotImport(
        f"a bucket covers {span}, but its granularity is {shown(granularity)}: take out the one that is wrong"
    )


def _interval_around(around: Object, options: ImportOptions) -> Interval | None:
    """The interval beside all results; None if it is missing or cannot be read."""
    whole = around.get("interval")
    if not isinstance(whole, str) or whole.count("/") != 1:
        return None
    first, last = (bound.strip() for bound in whole.split("/"))
    try:
        return _of_bounds(first, last, options)
    except CannotImport:
        return None


def _must_be_within(span: Interval, around: Object, options: ImportOptions) -> None:
    """Raises CannotImport if a bucket lies outside of the interval beside all results."""
    whole = _interval_around(around, options)
    if whole is not None and (span.end <= whole.start or whole.end <= span.start):
        raise CannotImport(
            f"a bucket covers {span}, which lies outside of {whole}, the interval beside its results: take out "
            "the one that is wrong"
        )


def _must_be_time(
    name: str, value: Any, span: Interval, is_end: bool, options: ImportOptions, remarks: Remarks
) -> None:
    """Raises CannotImport if a field says another time than the span that was read. Notes a field that says none."""
    bound = span.end if is_end else span.start
    if _is_date(value):
        day = date(*map(int, value.strip().split("-")))
        within = (bound, bound - timedelta(milliseconds=1)) if is_end else (bound,)
        agrees = day in {each.astimezone(zone).date() for each in within for zone in (UTC, options.business_zone)}
    else:
        try:
            agrees = instant(value, options.time_zone) == bound
        except NoInstant:
            remarks.note(f"field {printable(name, 60)!r} left out: it is no instant, and {_OTHER_TIME}")
            return
    if not agrees:
        raise CannotImport(
            f"a bucket covers {span}, but its {printable(name, 60)!r} is {shown(value)}: take out the one that is "
            "not the time of its figures"
        )


def _of_bounds(start: str, end: str, options: ImportOptions) -> Interval:
    """An interval in ISO 8601: a start and an end, or one of them and a duration."""
    if length := _LENGTH.fullmatch(end):
        begin = _instant(start, options)
        return _interval(begin, begin + _duration(length))
    if length := _LENGTH.fullmatch(start):
        finish = _instant(end, options)
        return _interval(finish - _duration(length), finish)
    return _interval(_instant(start, options), _instant(end, options))


def _duration(length: re.Match[str]) -> timedelta:
    return timedelta(**{unit: int(count) for unit, count in length.groupdict().items() if count})


def _granularity(written: Any, options: ImportOptions) -> str:
    written = written or options.granularity
    if written is None:
        raise CannotImport(
            f"its figures have a start but no length: pass --granularity, one of {', '.join(GRANULARITIES)}"
        )
    if not isinstance(written, str) or written not in GRANULARITIES:
        raise CannotImport(f"its granularity {shown(written)} is none of {', '.join(GRANULARITIES)}")
    return written


def _from(start: Any, granularity: str, options: ImportOptions) -> Interval:
    begin = _instant(start, options)
    if granularity == "P1D":
        following = begin.astimezone(options.business_zone).date() + timedelta(days=1)
        return _interval(begin, midnight(following, options.business_zone))
    if _is_date(start):
        raise CannotImport(
            f"{shown(start)} is a date, but its figures have the granularity {granularity}: write at which time they "
            "begin, "
            f"for example {start.strip()}T13:00:00Z"
        )
    return _interval(begin, begin + GRANULARITIES[granularity])


def _is_date(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", value.strip()) is not None


def midnight(day: date, zone: tzinfo) -> datetime:
    """The start of a day in a time zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _interval(start: datetime, end: datetime) -> Interval:
    try:
        return Interval(start, end)
    except InvalidQuery as error:
        raise CannotImport(error.message) from None


def _instant(value: Any, options: ImportOptions) -> datetime:
    """An instant in UTC; a date alone is the midnight of the business day."""
    try:
        if _is_date(value):
            year, month, day = map(int, value.split("-"))
            return midnight(date(year, month, day), options.business_zone)
        return instant(value, options.time_zone)
    except NoInstant as reason:
        raise CannotImport(str(reason)) from None
    except (ValueError, OverflowError):
        raise CannotImport(f"{shown(value)} is no instant: no calendar shows it") from None

"""Answers with figures, in platform or tutorial form, as results of the aggregates query: group, interval, metrics.

Which metric a name means is in `figures`. To which day a bucket belongs is in `pages`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from genesys_assets.cloud import catalogue
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.cloud.interval import Interval
from genesys_assets.importing.figures import gathered, is_platform_metric
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.shapes import Object, Piece, Shape

GRANULARITIES = {
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
}
TimeUnit = Literal["ms", "seconds", "minutes"]

_STARTS = ("timestamp", "intervalstart", "starttime", "start", "bucketstart", "date", "time")
_ENDS = ("intervalend", "endtime", "end", "bucketend")
_FIGURES = frozenset({"metrics", "buckets", "data", "group", "interval"})
_NAMES = re.compile(r"(user|queue|agent|wrapupcode)?name|selfuri", re.IGNORECASE)
_MILLISECONDS_FROM = 10**11


@dataclass(frozen=True, slots=True)
class Told:
    """What the files do not say of themselves, so whoever imports them must.

    `granularity`: length of buckets of which only the start is known. `interval`: what figures without a time are of.
    `time_unit`: of times whose name tells no unit. `time_zone`: of instants without an offset. `group_by`: what was
    grouped by, where the groups do not show it. `business_zone`: in which days of P1D are days.
    """

    granularity: str | None = None
    interval: Interval | None = None
    time_unit: TimeUnit = "ms"
    time_zone: ZoneInfo | None = None
    group_by: tuple[str, ...] | None = None
    business_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Bucket:
    """The figures of one group in one span of time; `metrics` and `views` as the platform writes them."""

    span: Interval
    group: dict[str, str]
    metrics: list[Object]
    views: list[Object] = field(default_factory=list)


def buckets(piece: Piece, told: Told, notes: Counter[str]) -> Iterator[Bucket]:
    """The buckets of a piece of figures. `notes` counts what was read under another name or left out.

    Raises CannotImport where a time, a group or a number is missing or is none.
    """
    match piece.shape:
        case Shape.AGGREGATES:
            for result in piece.items:
                group = _in_group(result, notes)
                for data in result["data"]:
                    yield _bucket(data, group, piece.envelope, told, notes)
        case Shape.ENTITY_BUCKETS:
            for entity in piece.items:
                group = _group(entity, told, notes)
                for data in entity["buckets"]:
                    if isinstance(data, dict):
                        yield _bucket(data, group | _group(data, told, notes), piece.envelope | entity, told, notes)
        case _:
            for item in piece.items:
                yield _bucket(item, _group(item, told, notes), piece.envelope, told, notes)


def grouping(found: Sequence[Bucket], told: Told) -> tuple[str, ...]:
    """What the buckets are grouped by: what was told, else every dimension that any of them has a value of."""
    shown = {name for bucket in found for name in bucket.group}
    if told.group_by is None:
        return tuple(sorted(shown))
    unexpected = sorted(shown - {*told.group_by})
    if unexpected:
        raise CannotImport(f"its groups have {', '.join(unexpected)}, which is not among what was grouped by")
    return tuple(sorted(told.group_by))


def _bucket(data: Object, group: dict[str, str], around: Object, told: Told, notes: Counter[str]) -> Bucket:
    figures = data.get("metrics") or {}
    # What has the platform's own name stays as it is: there may be qualifiers, and statistics that are new.
    as_it_is = [figure for figure in _listed(figures) if is_platform_metric(figure.get("metric")) and "stats" in figure]
    if as_it_is:
        figures = [figure for figure in _listed(figures) if figure not in as_it_is]
    renamed = [{"metric": name, "stats": stats} for name, stats in gathered(figures, told.time_unit, notes).items()]
    return Bucket(_span(data, around, told), group, [*as_it_is, *renamed], _listed(data.get("views")))


def _listed(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# -- groups ------------------------------------------------------------------------------------------------------------


def _in_group(item: Object, notes: Counter[str]) -> dict[str, str]:
    """The group that stands in `group`, where the platform puts it."""
    group = item.get("group")
    if not isinstance(group, dict | None):
        raise CannotImport(f"a group is a JSON {type(group).__name__}, not an object")
    return dict(_dimensions(group or {}, notes))


def _group(item: Object, told: Told, notes: Counter[str]) -> dict[str, str]:
    """The group of an entity, bucket or result: in `group`, or in fields of its own such as `userId` or `queue`."""
    fields = {name: value for name, value in item.items() if name not in _FIGURES and not _is_time(name)}
    found = _in_group(item, notes)
    kind, id_ = fields.pop("type", None), fields.pop("id", None)
    if id_ is not None:
        found[_kind_of_id(kind, told)] = str(id_)
    elif kind is not None:
        notes["field 'type' left out"] += 1
    return found | dict(_dimensions(fields, notes))


def _kind_of_id(kind: Any, told: Told) -> str:
    """Which dimension an entity's `id` is of."""
    if isinstance(kind, str):
        try:
            return catalogue.dimension(kind)
        except InvalidQuery as error:
            raise CannotImport(f"the type of an entity is none: {error.message}") from None
    if told.group_by and len(told.group_by) == 1:
        return told.group_by[0]
    raise CannotImport(
        "its entities have an `id` and nothing says of what: say so with --group-by, for example --group-by userId"
    )


def _dimensions(fields: Object, notes: Counter[str]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, dict) and "id" in value:
            value = value["id"]
        if value is None:
            continue
        if _NAMES.fullmatch(re.sub(r"[._]", "", name)):
            notes[f"field {name!r} left out: names are looked up by id"] += 1
            continue
        try:
            yield catalogue.dimension(name), _text(value, name)
        except InvalidQuery as error:
            if isinstance(value, str) and name in catalogue.DIMENSIONS_WITHOUT_EQUIVALENT:
                raise CannotImport(error.message) from None
            notes[f"field {name!r} left out: {error.message}"] += 1


def _text(value: Any, name: str) -> str:
    if isinstance(value, dict | list):
        raise CannotImport(f"{name!r} of a group is a JSON {type(value).__name__}, not one value")
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- spans of time -----------------------------------------------------------------------------------------------------


def _is_time(name: str) -> bool:
    return _plain(name) in (*_STARTS, *_ENDS, "granularity")


def _plain(name: str) -> str:
    return re.sub(r"[._]", "", name).lower()


def _span(data: Object, around: Object, told: Told) -> Interval:
    """When a bucket was: its own interval, or its start with its end or a length; else what lies around it says."""
    for fields in (data, around):
        written = fields.get("interval")
        if isinstance(written, str) and "/" in written:
            bounds = written.split("/", 1)
            return _interval(_instant(bounds[0], told), _instant(bounds[1], told))
        times = {_plain(name): value for name, value in (written if isinstance(written, dict) else fields).items()}
        start = next((times[name] for name in _STARTS if times.get(name) is not None), None)
        end = next((times[name] for name in _ENDS if times.get(name) is not None), None)
        if start is not None and end is not None:
            return _interval(_instant(start, told), _instant(end, told))
        if start is not None:
            return _from(start, _granularity(data, around, told), told)
    if told.interval is not None:
        return told.interval
    raise CannotImport(
        "its figures have no time: say what they are of with --interval, "
        "for example --interval 2026-01-31T13:00Z/2026-01-31T14:00Z"
    )


def _granularity(data: Object, around: Object, told: Told) -> str:
    written = data.get("granularity") or around.get("granularity") or told.granularity
    if written is None:
        raise CannotImport(
            "its figures tell when they begin and not for how long they are: say so with --granularity, one of "
            f"{', '.join(GRANULARITIES)}"
        )
    if not isinstance(written, str) or written not in GRANULARITIES:
        raise CannotImport(f"its granularity {written!r} is none of {', '.join(GRANULARITIES)}")
    return written


def _from(start: Any, granularity: str, told: Told) -> Interval:
    begin = _instant(start, told)
    if granularity == "P1D":
        following = begin.astimezone(told.business_zone).date() + timedelta(days=1)
        return _interval(begin, midnight(following, told.business_zone))
    return _interval(begin, begin + GRANULARITIES[granularity])


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day of the zone begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _interval(start: datetime, end: datetime) -> Interval:
    try:
        return Interval(start, end)
    except InvalidQuery as error:
        raise CannotImport(error.message) from None


def _instant(value: Any, told: Told) -> datetime:
    """An instant in UTC from ISO 8601, a date (midnight of the business day) or a Unix time in s or ms."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
        text = str(value).strip()
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return datetime.fromisoformat(text).replace(tzinfo=told.business_zone).astimezone(UTC)
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise CannotImport(f"{value!r} is no instant: write it like 2026-01-31T13:00:00Z") from None
    if parsed.tzinfo is None and told.time_zone is None:
        raise CannotImport(
            f"{value!r} has no offset: say with --time-zone in which zone it is, for example --time-zone UTC"
        )
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=told.time_zone)).astimezone(UTC)
    except OverflowError:
        raise CannotImport(f"{value!r} lies before or after all that can be told") from None

"""Converts figures as tutorials about the API name them to the platform's: which metric a name means, in which unit,
and which statistic a number is.

Nothing is guessed. A name without an equivalent is left out, with a remark. If a number is impossible for its metric,
the file is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from genesys_assets.cloud.analytics import catalogue
from genesys_assets.cloud.analytics.families import CONVERSATIONS, families_with
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import Remarks, json_kind, printable, shown
from genesys_assets.importing.shapes import NAMES
from genesys_assets.importing.spelling import IN_THOUSANDS, as_list, of_digits, plain, respelled, unwrapped

MILLISECONDS = {"ms": 1, "seconds": 1_000, "minutes": 60_000}
"""The units of times, in milliseconds."""

_UNIT_IN_NAME = re.compile(
    r"(?P<name>.*?)[._ ]?(?:(?P<ms>ms|millis|milliseconds)|(?P<seconds>secs?|seconds)|(?P<minutes>mins|minutes))",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?P<ms>ms|millis|milliseconds)|(?P<seconds>s|secs?|seconds)|(?P<minutes>min|mins|minutes)", re.IGNORECASE
)
UNITS = frozenset({"unit", "units", "timeunit"})
"""Fields that say in which unit times are, in lower case."""
_COUNTS = frozenset({"handledcount", "abandonedcount"})
"""Names for the count of a timer. Other names of timers mean its sum."""

_PLATFORM = re.compile(r"[not][A-Z]\w*")
STATISTICS = frozenset({"count", "sum", "min", "max", "current", "ratio", "numerator", "denominator", "target"})
_TIMES = frozenset({"sum", "min", "max"})
_WHOLE = frozenset({"count", *_TIMES})
_POSSIBLE = STATISTICS | {"countNegative", "countPositive"}
_LARGEST = 2**63 - 1
_READ = frozenset(map(plain, (*_POSSIBLE, "metric", "name", "qualifier", "stats", "value"))) | UNITS
_NO_STATISTIC = "it has a qualifier and no `stats`, or none of count, sum, min and max"
_WITHOUT_EQUIVALENT = frozenset(name.lower() for name in catalogue.METRICS_WITHOUT_EQUIVALENT)


def is_platform_metric(name: Any) -> bool:
    """Whether a name has the form of the platform's metrics. It may be newer than our list."""
    return isinstance(name, str) and bool(_PLATFORM.fullmatch(name))


@lru_cache(maxsize=256)
def families_with_metric(name: str) -> str:
    """The other families that have a metric, if conversations do not have it; empty where none has."""
    return "" if name in catalogue.METRICS else ", ".join(families_with("metric", name, but=CONVERSATIONS))


Statistics = dict[str, int | float]


@dataclass(frozen=True, slots=True)
class NamedMetric:
    """What a name means: the platform's metric, the unit of its times, and the statistic of a bare number."""

    metric: str
    unit: str
    statistic: str


def named(name: str, time_unit: str) -> NamedMetric:
    """The platform's metric for a name of the platform or of the tutorials. A unit in the name (`agent.talk.seconds`,
    `talk_time_ms`) overrides `time_unit`. Raises InvalidQuery if there is no equivalent.
    """
    match = _UNIT_IN_NAME.fullmatch(name)
    if is_platform_metric(name):
        if match is None or not has_unit(name):
            return NamedMetric(name, "ms", _bare(name, name))
        return NamedMetric(match["name"], _unit_in(match), _bare(match["name"], name))
    unit = time_unit if match is None else _unit_in(match)
    try:
        metric = catalogue.metric(name)
    except InvalidQuery as refusal:
        try:
            metric = catalogue.metric(re.sub(r"[_ ]", "", match["name"] if match else name))
        except InvalidQuery:
            raise refusal from None
    return NamedMetric(metric, unit, _bare(metric, name))


@lru_cache(maxsize=256)
def has_unit(name: str) -> bool:
    """Whether a name is a metric of the platform with a unit behind it.

    >>> has_unit("tHandle_seconds"), has_unit("tHandle"), has_unit("handleTimeSeconds")
    (True, False, False)
    """
    match = _UNIT_IN_NAME.fullmatch(name)
    return match is not None and name not in catalogue.METRICS and match["name"] in catalogue.METRICS


def _unit_in(match: re.Match[str]) -> str:
    return next(unit for unit in MILLISECONDS if match[unit])


def statistics(measured: Any, meaning: NamedMetric, name: str) -> Statistics:
    """The statistics of one figure: a number, `{value}`, `{count, sum, …}` or `{stats: {…}}`; empty for null.

    Raises CannotImport if a value is impossible.
    """
    measured = unwrapped(measured)
    if isinstance(measured, dict):
        measured = respelled(measured, NAMES)
        inner = measured.get("stats")
        given = dict(respelled(inner, NAMES)) if isinstance(inner, dict) else {}
        beside = {each: value for each, value in measured.items() if each in STATISTICS or each == "value"}
        for fields in (given, beside):
            if (value := fields.pop("value", None)) is not None:
                _put(fields, meaning.statistic, value, name)
        for statistic, value in beside.items():
            _put(given, statistic, value, name)
    else:
        given = {meaning.statistic: measured}
    numbers = {
        statistic: _number(of_digits(unwrapped(value)), statistic, meaning, name)
        for statistic, value in given.items()
        if statistic in STATISTICS and value is not None
    }
    check_possible(numbers, meaning.metric, name, 0 if meaning.unit == "ms" else MILLISECONDS[meaning.unit])
    return numbers


def _put(given: dict[str, Any], statistic: str, value: Any, name: str) -> None:
    """Add a statistic. Raises CannotImport if it is there already, with another value."""
    if value is not None and given.get(statistic, value) not in (None, value):
        raise CannotImport(f"{name!r} has two values of {statistic}: take out the one that is wrong")
    if value is not None:
        given[statistic] = value


def gathered(
    figures: Iterable[tuple[str, Any]], time_unit: str, remarks: Remarks, around: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Statistics]:
    """The statistics of all figures of one bucket, by metric. Adds remarks on what was left out: as a note for names
    that the platform does not measure at all, as a loss for any other unknown name. If `time_unit` is ms, its default,
    a unit in one of the objects `around` counts instead, the innermost first. Raises CannotImport, also if such a unit
    contradicts a `time_unit` that is not ms.
    """
    by_metric: dict[str, Statistics] = {}
    for name, measured in figures:
        measured = unwrapped(measured)
        try:
            meaning = named(name, "")
        except InvalidQuery as error:
            is_measured_by_nobody = name.strip().lower() in _WITHOUT_EQUIVALENT
            (remarks.note if is_measured_by_nobody else remarks.leave_out)(error.message)
            continue
        meaning = replace(meaning, unit=_unit_of(meaning, name, measured, time_unit, around))
        values = statistics(measured, meaning, name)
        if not values or _has_qualifier(measured):
            if _has_value(measured):
                remarks.leave_out(f"{name!r} left out: {_NO_STATISTIC}")
            elif isinstance(measured, dict) and not measured.keys() - {"metric", "name", "qualifier"}:
                remarks.leave_out(f"{name!r} left out: there is no figure")
            continue
        for each in (measured, measured.get("stats")) if isinstance(measured, dict) else ():
            note_unknown(each if isinstance(each, dict) else {}, name, remarks)
        if meaning.metric != name:
            in_unit = f" in {meaning.unit}" if meaning.metric.startswith("t") and _TIMES & values.keys() else ""
            remarks.note(f"{name!r} read as {' and '.join(values)} of {meaning.metric}{in_unit}")
        known = by_metric.setdefault(meaning.metric, {})
        for statistic, value in values.items():
            if known.setdefault(statistic, value) != value:
                raise CannotImport(
                    f"{name!r} gives {value} as {statistic} of {meaning.metric}, "
                    f"another name for it in the same place gives {known[statistic]}"
                )
    return by_metric


def _unit_of(
    meaning: NamedMetric, name: str, measured: Any, time_unit: str, around: Sequence[Mapping[str, Any]]
) -> str:
    """The unit of a figure's times: from a field of the figure, its name, or a field around it; else milliseconds for a
    metric of the platform, and `time_unit` for another name. Raises CannotImport.
    """
    if not meaning.metric.startswith("t"):
        return "ms"
    is_bare = is_platform_metric(name) and not has_unit(name)
    if own := unit_beside(measured) or ("" if is_bare else meaning.unit):
        return own
    written = next(filter(None, map(unit_beside, around)), None)
    if written is not None and time_unit not in ("ms", written):
        raise CannotImport(
            f"its times are in {written}, as a field of it says, and in {time_unit}, as --time-unit says"
        )
    return written or ("ms" if is_bare else time_unit)


def unit_beside(measured: Any) -> str | None:
    """The unit in a field of a figure, or of its statistics, as in `{"value": 312, "unit": "seconds"}`. Raises
    CannotImport.
    """
    if not isinstance(measured, Mapping):
        return None
    for name, written in measured.items():
        if plain(name) not in UNITS or written is None:
            continue
        match = _UNIT.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            raise CannotImport(f"its {name!r} is {shown(written)}, not one of {', '.join(MILLISECONDS)}")
        return _unit_in(match)
    return unit_beside(measured.get("stats"))


def note_unknown(measured: Mapping[str, Any], name: str, remarks: Remarks) -> None:
    """Note statistics that no table has, such as an average."""
    for statistic, value in measured.items():
        if value is not None and plain(statistic) not in _READ:
            remarks.note(f"{printable(statistic, 60)!r} of {name!r} left out: no table has it")


def _has_qualifier(measured: Any) -> bool:
    return isinstance(measured, dict) and measured.get("qualifier") is not None


def _has_value(measured: Any) -> bool:
    """Whether a figure has any value besides its name."""
    if not isinstance(measured, dict):
        return measured is not None
    return any(_has_value(value) for key, value in measured.items() if key not in ("metric", "name"))


def figures_of(metrics: Any) -> list[tuple[str, Any]]:
    """The figures of a bucket as pairs of name and value, from a list of `{metric, …}`, an object of names, or one
    figure that PowerShell took out of its list. Raises CannotImport.
    """
    metrics = as_list(metrics)
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        one = respelled(metrics, NAMES)
        is_one = isinstance(one.get("metric", one.get("name")), str)
        if not is_one:
            return list(metrics.items())
        metrics = [metrics]
    if not isinstance(metrics, list):
        raise CannotImport(f"its metrics are {json_kind(metrics)}, not an object or a list")
    pairs = []
    for written in metrics:
        figure = respelled(written, NAMES) if isinstance(written, dict) else written
        name = (figure.get("metric") or figure.get("name")) if isinstance(figure, dict) else None
        if not isinstance(name, str):
            raise CannotImport("one of its metrics has no name")
        pairs.append((name, figure))
    return pairs


def check_possible(numbers: Mapping[str, Any], metric: str, name: str, rounded: int = 0) -> None:
    """Raises CannotImport if the metric cannot have these statistics, which the file has under `name`. For example,
    scripts write -1 for a missing value. Each time may be off by `rounded` milliseconds.
    """
    known: dict[str, int | float] = {
        statistic: value for statistic, value in numbers.items() if statistic in _POSSIBLE and _is_number(value)
    }
    for statistic in sorted(known):
        if known[statistic] < 0 and metric not in _BELOW_ZERO:
            raise CannotImport(f"{statistic} of {name!r} is {known[statistic]}, and no figure is below zero")
    if metric in _SERVICE_LEVELS:
        _quotient(known, name)
    if not metric.startswith("t"):
        return
    for smaller, larger in (("min", "max"), ("max", "sum")):
        if known.get(smaller, 0) > known.get(larger, math.inf) + rounded:
            raise CannotImport(
                f"{smaller} of {name!r} is {known[smaller]}, which is more than its {larger}, {known[larger]}"
            )
    if known.get("count") == 0:
        for statistic in sorted(_TIMES & known.keys()):
            if known[statistic]:
                raise CannotImport(f"{statistic} of {name!r} is {known[statistic]}, but its count is 0")
    elif "count" in known and "sum" in known:
        _between(known, name, rounded)


def _between(known: Mapping[str, int | float], name: str, rounded: int) -> None:
    """Raises CannotImport if `count` values between `min` and `max` cannot add up to `sum`."""
    count, total, least, most = known["count"], known["sum"], known.get("min", 0), known.get("max", math.inf)
    slack = rounded * (count + 1)
    if not least * count - slack <= total <= most * count + slack:
        bounds = [f"at least {least}"] if "min" in known else []
        bounds += [f"at most {most}"] if "max" in known else []
        raise CannotImport(
            f"sum of {name!r} is {total}, which is impossible for {count} values of {' and '.join(bounds)} each"
        )


def _quotient(known: Mapping[str, int | float], name: str) -> None:
    """Raises CannotImport if a ratio is above 1, or is not its numerator divided by its denominator."""
    ratio, numerator, denominator = (known.get(each) for each in ("ratio", "numerator", "denominator"))
    if ratio is not None and ratio > 1:
        raise CannotImport(f"ratio of {name!r} is {ratio}, and no ratio is above 1: write 80 % as 0.8")
    if numerator is None or denominator is None:
        return
    if numerator > denominator:
        raise CannotImport(f"numerator of {name!r} is {numerator}, which is more than its denominator, {denominator}")
    if ratio is not None and denominator and abs(ratio - numerator / denominator) > _ROUNDED:
        raise CannotImport(
            f"ratio of {name!r} is {ratio}, but {numerator} / {denominator} is {numerator / denominator:.6g}"
        )


_BELOW_ZERO = frozenset({"oCustomerSentiment", "oSentimentScore"})
"""Metrics of transcripts that are scores of sentiment, from negative to positive."""
_SERVICE_LEVELS = frozenset({"oServiceLevel", "oCallbackServiceLevel"})
_ROUNDED = 0.01
"""How much a ratio may differ from its quotient, because tools round to whole per cent."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bare(metric: str, name: str) -> str:
    """The statistic that a bare number of a metric stands for."""
    if metric.startswith("n") or re.sub(r"[._ ]", "", name).lower() in _COUNTS:
        return "count"
    return {"oServiceLevel": "ratio", "oCallbackServiceLevel": "ratio", "oServiceTarget": "current"}.get(metric, "sum")


def number(value: Any, statistic: str, name: str) -> int | float:
    """The value as a number; an int if the statistic is a whole number (3 for 3.0). Raises CannotImport if the
    statistic cannot have this value.
    """
    if isinstance(value, str) and IN_THOUSANDS.fullmatch(value.strip()):
        raise CannotImport(
            f"{statistic} of {name!r} is {shown(value)}, which may have a decimal point or separate thousands: write a "
            "JSON number"
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        example = "0.8" if statistic == "ratio" else "312000"
        raise CannotImport(
            f"{statistic} of {name!r} is {shown(value)}, not a number: write a JSON number, such as {example}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise CannotImport(f"{statistic} of {name!r} is larger than any number can be")
    if statistic in _WHOLE and value > _LARGEST:
        raise CannotImport(f"{statistic} of {name!r} is {value}, and no figure is larger than {_LARGEST}")
    return int(value) if statistic in _WHOLE and value == int(value) else value


def _number(value: Any, statistic: str, meaning: NamedMetric, name: str) -> int | float:
    measured = number(value, statistic, name)
    if statistic in _TIMES and meaning.metric.startswith("t") and meaning.unit != "ms":
        return round(measured * MILLISECONDS[meaning.unit])
    if statistic in _WHOLE:
        if measured != int(measured):
            raise CannotImport(f"{statistic} of {name!r} is {measured!r}, not a whole number")
        return int(measured)
    return measured

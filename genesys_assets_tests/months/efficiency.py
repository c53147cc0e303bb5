"""How often runs read and computed, and how often that was necessary. `judgement` checks correctness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import dagster as dg

from genesys_assets.automation.backlog import SETTLING
from genesys_assets_tests.months.daemon import Ran
from genesys_assets_tests.months.history import DAY, HOUR
from genesys_assets_tests.months.judgement import Violation
from genesys_assets_tests.months.readings import (
    AGGREGATES,
    AGGREGATES_OF_HOURS,
    DETAILS,
    HOURS,
    OVERLAP,
    USERS,
    hours_of,
)

MOST_READINGS, MOST_RUNS, MOST_OF_A_DAY = 1.2, 1.3, 6
_SOME = 3
"""What small numbers may be too many by."""
_LAYERS = ("reference", "pages", "tables", "reports", "published")


def readings(runs: Iterable[Ran]) -> Counter[tuple[str, str]]:
    """How often each partition of pages was read successfully."""
    return Counter(
        (asset, partition)
        for ran in runs
        if ran.status == dg.DagsterRunStatus.SUCCESS and ran.partition is not None
        for asset in ran.assets
        if asset.startswith("pages/")
        for partition in partitions(asset, ran.partition)
    )


def partitions(asset: str, partition: str) -> Iterator[str]:
    """The keys of a range `first...last`, or the one key."""
    first, _, last = partition.partition("...")
    begin, end = (date.fromisoformat(key[:10]) for key in (first, last or first))
    days = [f"{begin + DAY * number}" for number in range((end - begin).days + 1)]
    keys = hours_of(days) if asset in (HOURS, AGGREGATES_OF_HOURS) else days
    yield from (key for key in keys if first <= key <= (last or first))


def reasons(asset: str, partition: str, now: datetime, look_back: int = 4, looks: int = 0) -> int:
    """How often it was necessary to read a partition by now: once when it was over, and in each night of the look-back.

    The first reading of a complete day is that of its first night. Agents' status of a day is read at each of its
    `looks`, because the platform does not return it for single hours.
    """
    day = date.fromisoformat(partition[:10])
    nights = sum(day + DAY * back <= now.date() for back in range(1, look_back + 1))
    if asset == HOURS:
        return 1
    return max(1, nights) if asset in (DETAILS, OVERLAP) else 1 + nights + (looks if asset == USERS else 0)


def looks_by_day(runs: Iterable[Ran]) -> Counter[str]:
    """The number of hours of each day in which something ran."""
    return Counter(hour[:10] for hour in {f"{ran.at:%Y-%m-%d %H}" for ran in runs})


def read_and_needed(runs: Sequence[Ran], now: datetime) -> tuple[int, int]:
    """How often partitions of pages were read successfully, and how often that was necessary."""
    counted, looks = readings(runs), looks_by_day(runs)
    return counted.total(), sum(reasons(asset, key, now, looks=looks[key[:10]]) for asset, key in counted)


def needs(runs: Sequence[Ran], together: timedelta = timedelta(minutes=10)) -> int:
    """The number of necessary runs of each layer: whenever the daemon looked, one for today and one for earlier days,
    which are read again at night.
    """
    found: set[tuple[datetime, str, bool]] = set()
    look = None
    for ran in runs:
        if look is None or ran.at - look >= together:
            look = ran.at
        found.add((look, layer(ran), is_over(ran)))
    return len(found)


def most_within(runs: Iterable[Ran], span: timedelta) -> int:
    """The largest number of runs that began within a span of this length."""
    begun = sorted(ran.at for ran in runs)
    return max((sum(first <= at < first + span for at in begun) for first in begun), default=0)


def repeats(runs: Iterable[Ran]) -> Counter[str]:
    """How often the same assets were made again although no hour of their days landed and none of their inputs was
    made. A look may take hours, until partitions that failed three times are retried. Meanwhile each hour that lands is
    a reason to make its day again, and the business day that it belongs to; for reports, so are tables of the days
    before.
    """
    ordered = sorted(runs, key=lambda each: each.at)
    same: dict[str, list[int]] = {}
    for number, ran in enumerate(ordered):
        same.setdefault(f"{layer(ran)} {ran.partition} {ran.status.value}", []).append(number)

    def is_repeat(one: int, following: int) -> bool:
        is_new = _has_an_hour_landed(ordered[one], ordered[following])
        return not is_new and not _has_an_input_been_made(ordered[one + 1 : following], ordered[following])

    return Counter({which: 1 + sum(is_repeat(*pair) for pair in pairwise(every)) for which, every in same.items()})


def _has_an_input_been_made(between: Sequence[Ran], following: Ran) -> bool:
    """Whether a run between two runs made an input of a later layer."""
    made = (_depth(ran) for ran in between if ran.status == dg.DagsterRunStatus.SUCCESS)
    return any(depth < _depth(following) for depth in made)


def _depth(ran: Ran) -> int:
    """The position of a run's first layer in the order of layers. Assets in none of them count as made of all."""
    own = {asset.split("/")[0] for asset in ran.assets}
    return next((depth for depth, name in enumerate(_LAYERS) if name in own), len(_LAYERS))


def _has_an_hour_landed(one: Ran, following: Ran) -> bool:
    """Whether an hour of the runs' days became readable between two runs. A business day goes on for up to 12 hours
    after midnight UTC.
    """
    if one.partition is None:
        return False
    last = (one.partition.partition("...")[2] or one.partition)[:10]
    end = datetime.combine(date.fromisoformat(last) + DAY, datetime.min.time(), one.at.tzinfo) + 12 * HOUR
    hour = (following.at - SETTLING).replace(minute=0, second=0, microsecond=0)
    return one.at - SETTLING < hour <= end


def is_over(ran: Ran) -> bool:
    """Whether all of the run's days were over when it ran."""
    return ran.partition is not None and ran.partition.partition("...")[2][:10] < f"{ran.at:%Y-%m-%d}"


def layer(ran: Ran) -> str:
    layers = sorted({asset.split("/")[0] for asset in ran.assets})
    return f"{ran.job} {' '.join(layers)}"


def wasted(runs: Sequence[Ran], now: datetime) -> Iterator[Violation]:
    """Partitions that were read more often than necessary, and unnecessary runs."""
    counted, looks = readings(runs), looks_by_day(runs)
    for asset in (HOURS, AGGREGATES_OF_HOURS, DETAILS, OVERLAP, AGGREGATES, USERS):
        read = {key: times for (of, key), times in counted.items() if of == asset}
        needed = {key: reasons(asset, key, now, looks=looks[key[:10]]) for key in read}
        reason = sum(needed.values())
        if sum(read.values()) > MOST_READINGS * reason + _SOME:
            most = max(read, key=lambda key: read[key] - needed[key])
            found = f"{sum(read.values())}, of {most} {read[most]}"
            yield Violation("read too often", asset, f"at most {MOST_READINGS} x {reason} readings", found)
    well = [ran for ran in runs if ran.status == dg.DagsterRunStatus.SUCCESS]
    if len(well) > MOST_RUNS * needs(well) + _SOME:
        layers = Counter(map(layer, well)).most_common(3)
        yield Violation("too many runs", "of all", f"at most {MOST_RUNS} x {needs(well)}", f"{len(well)}: {layers}")
    same = Counter(f"{ran.at:%Y-%m-%d} {layer(ran)} {ran.partition}" for ran in well if is_over(ran))
    for which, times in same.items():
        if times > MOST_OF_A_DAY:
            yield Violation("too many runs", which, f"at most {MOST_OF_A_DAY} a day", f"{times}")

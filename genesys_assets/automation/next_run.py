"""Chooses which range of partitions to run next, given what is wanted, what runs are doing and what has failed. Pure
functions.

`backlog` finds what is missing, `stale` what is stale, `progress` what runs are doing; `sensors` launch. There is no
state here: a request that was lost, killed or refused is made again, because its partitions are still wanted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from genesys_assets.days import DAY, HOUR, utc_day, utc_hour

Backlog = Mapping[str, frozenset[str]]
"""The wanted assets, as `pages/hourly_details`, by partition key: a day or an hour."""

CanMake = Callable[[str, str], bool]
"""Whether an asset's partition can be made now, by asset and key, even if it is not wanted."""

CHECKS = "checks"
"""The name of the job that only runs checks, and of the pseudo-asset that stands for these checks in a backlog."""
FIRST_PAUSE = timedelta(minutes=5)
"""What failed once is retried after this pause."""
_LONGEST_PAUSE = timedelta(hours=3)
_GROWTH = 3
_PARTS, _SMALLEST = 8, 3
"""A range that has failed twice is tried again in `_PARTS` parts, each of at least `_SMALLEST` partitions. So up to
three days that failed in an outage stay together.
"""
_ALONE = 3
"""After this many failures a partition is tried alone. More failures make no difference."""
_MOST_DOUBLINGS = 10
MOST_DAYS = 7
"""The most days of one run."""
_MOST_OF, _MOST_OF_LAST = 2, 3
"""The partitions of a range together want at least one half (1 / `_MOST_OF`) of what it makes, and the oldest wants at
least one third (1 / `_MOST_OF_LAST`). An unwanted asset costs as much as a wanted one, but a few cost less than a run.
"""
JUST_ENDED = timedelta(minutes=30)
"""For this long after a run, another one of its kind is expected: each sensor looks at least every 10 minutes."""
_DAY = len("2026-01-31")
GIVE_UP_AFTER = 4
"""After each needed listing failed this often in a row, reports no longer wait for the listings."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run over the partitions `first` to `last` of some assets. `ended`: None while it is in progress. `created_at`:
    None for partitions that a backfill has not launched yet.
    """

    assets: frozenset[str]
    first: str
    last: str
    ended: datetime | None = None
    failed: bool = False
    created_at: datetime | None = None

    def makes(self, asset: str, key: str) -> bool:
        """Whether the partition is one of the run's. Days and hours compare as text: a day comes before its hours."""
        return asset in self.assets and self.first <= key <= self.last


@dataclass(frozen=True, slots=True)
class Request:
    """A request to launch a run over the partitions `first` to `last` of some assets."""

    first: str
    last: str
    assets: frozenset[str]

    def cut(self, days: int | None) -> list[Request]:
        """Split the request into requests of at most `days` days each, the newest first. Hours of a day stay
        together.
        """
        if days is None:
            return [self]
        first, parts = self.first, []
        while first <= self.last:
            end = following(first[:_DAY], days - 1) + ("-23:00" if len(first) > _DAY else "")
            parts.append(Request(first, min(end, self.last), self.assets))
            first = following(end)
        return parts[::-1]


@dataclass(frozen=True, slots=True)
class NextRun:
    """The request for the next run, if any; how many wanted partitions are in progress, and when the next retry is."""

    request: Request | None
    in_progress: int = 0
    paused_until: datetime | None = None

    def reason(self, wanted: Backlog) -> str:
        """Why nothing is launched."""
        if not wanted:
            return "Nothing is missing or stale."
        waiting = f"{self.in_progress} partitions are in progress" if self.in_progress else ""
        paused = f"next retry at {self.paused_until:%Y-%m-%d %H:%M} UTC" if self.paused_until else ""
        return f"{'; '.join(filter(None, (waiting, paused)))}."


def choose_next_run(
    wanted: Backlog, runs: Sequence[Run], now: datetime, *, most: int, can_make: CanMake | None = None
) -> NextRun:
    """The newest range of wanted partitions that no run is making and that do not pause after a failure. Partitions
    with the fewest failures come first.

    A range has at most `most` consecutive partitions that want the same assets. If `can_make` is given, they may want
    different ones: then each partition makes all assets of the range, if `can_make` allows it and most of them are
    wanted.
    """
    situation = _situation(wanted, runs, now)
    request = _newest(situation, most, can_make) if situation.free else None
    return NextRun(request, situation.in_progress, min(situation.pauses, default=None))


def free(wanted: Backlog, runs: Sequence[Run], now: datetime) -> Backlog:
    """The wanted partitions that no run is making and that do not pause: they will run soon."""
    return _situation(wanted, runs, now).free


def free_if_active(wanted: Backlog, runs: Sequence[Run], now: datetime) -> Backlog:
    """As `free`, but empty if no run over any of the wanted assets is in progress or has just ended: then their sensor
    may be off.
    """
    kind = frozenset[str]().union(*wanted.values())
    if not any(run.assets & kind and (run.ended is None or now - run.ended < JUST_ENDED) for run in runs):
        return {}
    return free(wanted, runs, now)


@dataclass(slots=True)
class _Situation:
    """The wanted partitions, sorted by what can be done with them.

    `free` can be launched now; `failures` counts the failures in a row of each partition. `successes` counts the runs
    over any of the wanted assets that succeeded since one failed. `in_progress` counts partitions that runs are making.
    `pauses` has the instants until which other partitions pause.
    """

    free: dict[str, frozenset[str]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    successes: int = 0
    in_progress: int = 0
    pauses: list[datetime] = field(default_factory=list)


def _situation(wanted: Backlog, runs: Sequence[Run], now: datetime) -> _Situation:
    """If the last run over any of the wanted assets failed, all partitions pause, not only the failed ones: an expired
    token must not cause a run every minute.
    """
    failures, successes = _streaks(wanted, runs)
    situation, all_paused_until = _Situation(successes=successes), paused_until(failures)
    made, failed = _by_partition(wanted, runs)
    for key, assets in wanted.items():
        idle = frozenset(asset for asset in assets if (asset, key) not in made)
        situation.in_progress += len(idle) < len(assets)
        of_key = max((failed.get((asset, key), []) for asset in idle), key=len, default=[])
        until = max(filter(None, (all_paused_until, paused_until(of_key))), default=None)
        situation.failures[key] = len(of_key)
        if until is not None and until > now:
            situation.pauses.append(until)
        elif idle:
            situation.free[key] = idle
    return situation


def _by_partition(
    wanted: Backlog, runs: Iterable[Run]
) -> tuple[set[tuple[str, str]], dict[tuple[str, str], list[datetime]]]:
    """Of the wanted partitions, as asset and key: those that runs are making, and the failures in a row of others (see
    `failures_of`). Each run only looks at its own keys: there may be thousands of runs and of keys.
    """
    keys, now = sorted(wanted), datetime.max.replace(tzinfo=UTC)
    made: set[tuple[str, str]] = set()
    failures: dict[tuple[str, str], list[datetime]] = {}
    for run in sorted(runs, key=lambda run: (run.ended or now, run.failed)):
        for key in keys[bisect_left(keys, run.first) : bisect_right(keys, run.last)]:
            for partition in ((asset, key) for asset in run.assets & wanted[key]):
                if run.ended is None:
                    made.add(partition)
                else:
                    failures[partition] = [*failures.get(partition, []), run.ended] if run.failed else []
    return made, failures


def _streaks(wanted: Backlog, runs: Iterable[Run]) -> tuple[list[datetime], int]:
    """The times of the failures since a run over any of the wanted assets last succeeded, in order; and how many such
    runs succeeded since one last failed. One of the two is always empty.
    """
    kind = frozenset().union(*wanted.values())
    ended = sorted((run.ended, run.failed) for run in runs if run.ended is not None and run.assets & kind)
    failures: list[datetime] = []
    successes = 0
    for at, failed in ended:
        failures, successes = ([*failures, at], 0) if failed else ([], successes + 1)
    return failures, successes


def _newest(situation: _Situation, most: int, can_make: CanMake | None) -> Request:
    """The newest range of partitions with the fewest failures, so that a bad partition does not block others. The more
    often partitions failed, the shorter the range, so that a bad one ends up alone. While runs succeed, ranges grow
    again: whatever made them fail is over, and a few long runs are enough to catch up.
    """
    wanted, failed = situation.free, situation.failures
    newest = max(wanted, key=lambda key: (-failed[key], begin(key)))
    longest = _longest(most, failed[newest], situation.successes)
    keys, assets = [newest], wanted[newest]
    request = Request(newest, newest, assets)
    while len(keys) < longest:
        before = following(keys[-1], -1)
        if before not in wanted or min(failed[before], _ALONE) != min(failed[newest], _ALONE):
            break
        keys, assets = [*keys, before], assets | wanted[before]
        counts = [len(wanted[key]) for key in keys]
        if _MOST_OF * sum(counts) < len(keys) * len(assets) or _MOST_OF_LAST * counts[-1] < len(assets):
            continue
        if not _can_make_all(assets, keys, wanted, can_make):
            break
        request = Request(before, newest, assets)
    return request


def _can_make_all(assets: frozenset[str], keys: Sequence[str], wanted: Backlog, can_make: CanMake | None) -> bool:
    """Whether each of the partitions can make all of the assets. Those that it wants, it can make."""
    unwanted = [(asset, key) for key in keys for asset in assets - wanted[key]]
    return not unwanted or (can_make is not None and all(can_make(*partition) for partition in unwanted))


def _longest(most: int, failures: int, successes: int) -> int:
    """How many partitions a range may have. After at most one failure `most`, after two an eighth of it but at least 3,
    then one. Each successful run in a row, from the second on, doubles it.
    """
    length = most if failures <= 1 else max(_SMALLEST, most // _PARTS) if failures < _ALONE else 1
    return min(most, length << min(max(0, successes - 1), _MOST_DOUBLINGS))


def failures_of(runs: Iterable[Run], asset: str, key: str) -> list[datetime]:
    """When runs over a partition failed since the last one that succeeded, in order."""
    ended = sorted((run.ended, run.failed) for run in runs if run.ended is not None and run.makes(asset, key))
    failures: list[datetime] = []
    for at, failed in ended:
        failures = [*failures, at] if failed else []
    return failures


def paused_until(failures: Sequence[datetime]) -> datetime | None:
    """When a partition with these failures in a row is retried; None without failures."""
    if not failures:
        return None
    pause = min(FIRST_PAUSE * float(_GROWTH ** min(len(failures) - 1, 9)), _LONGEST_PAUSE)
    return failures[-1] + pause


def begin(key: str) -> datetime:
    """The first instant of a day or an hour."""
    return utc_day(key)[0] if len(key) == _DAY else utc_hour(key)[0]


def following(key: str, count: int = 1) -> str:
    """The key `count` days or hours after a key, or before it where `count` is negative."""
    if len(key) == _DAY:
        return f"{begin(key) + DAY * count:%Y-%m-%d}"
    return f"{begin(key) + HOUR * count:%Y-%m-%d-%H:00}"


def last_moment(now: datetime, hour: int, minute: int) -> datetime:
    """The last time before `now` that was at this hour and minute, UTC."""
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - DAY


def ranges(keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The first and last key of each unbroken range of days, or of hours."""
    first = last = ""
    for key in sorted(keys):
        if last and following(last) == key:
            last = key
            continue
        if last:
            yield first, last
        first = last = key
    if last:
        yield first, last

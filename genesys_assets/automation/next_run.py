"""Which range of partitions to run next, given what is wanted, what runs are doing and what has failed: pure functions.

`backlog` finds what is missing or stale, `progress` what runs do; `sensors` launch. Nothing is remembered here: a
request that was lost, killed or refused is made again, because its partitions are still wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from genesys_assets.days import DAY, HOUR, utc_day, utc_hour

Backlog = Mapping[str, frozenset[str]]
"""Which assets are to be made, as `pages/hourly_details`, by partition key: days or hours."""

CanMake = Callable[[str, str], bool]
"""Whether enough is stored to make an asset's partition."""

CHECKS = "checks"
"""The job of checks alone; what it makes is named so too."""
_FIRST_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=3)
_GROWTH = 3
_PARTS, _SMALLEST = 8, 3
"""A range that has failed twice is tried in `_PARTS` parts, each of `_SMALLEST` partitions or more. So three look-back
days that failed in an outage are one part.
"""
_ALONE = 3
"""After this many failures a partition is tried by itself. Further failures say only how long the trouble has lasted.
"""
_MOST_DOUBLINGS = 10
_MOST_OF = 2
"""A partition joins a range only if it wants at least 1 of `_MOST_OF` of the assets that the range makes: an unwanted
asset costs as much as a wanted one.
"""
_JUST_ENDED = timedelta(minutes=30)
"""For this long after the end of a run another one of its kind is expected: sensors look every 10 minutes at least."""
_DAY = len("2026-01-31")
GIVE_UP_AFTER = 4
"""After this many failures in a row, nothing waits for the asset."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run over the partitions `first` to `last` of some assets. `ended`: None while it goes on. `asked_for`: when it
    was created, None for partitions that a backfill has not launched yet.
    """

    assets: frozenset[str]
    first: str
    last: str
    ended: datetime | None = None
    failed: bool = False
    asked_for: datetime | None = None

    def makes(self, asset: str, key: str) -> bool:
        """Whether the partition is one of the run's. Days and hours compare as text: a day comes before its hours."""
        return asset in self.assets and self.first <= key <= self.last


@dataclass(frozen=True, slots=True)
class Request:
    """One run over the partitions `first` to `last` of some assets."""

    first: str
    last: str
    assets: frozenset[str]

    def cut(self, days: int | None) -> list[Request]:
        """The same as runs of at most `days` days each, the newest first. Hours are cut between days."""
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
    """The next run, if any, and why not more."""

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
    """The newest range of wanted partitions that no run is making and that does not pause after a failure. Partitions
    that failed least come first.

    A range holds at most `most` consecutive partitions that want the same assets. If `can_make` is given, they may
    differ: all assets of the range are then made in each partition, if `can_make` allows it and each wants at least
    half of them.
    """
    standing = _standing(wanted, runs, now)
    request = _newest(standing, most, can_make) if standing.free else None
    return NextRun(request, standing.in_progress, min(standing.pauses, default=None))


def free(wanted: Backlog, runs: Sequence[Run], now: datetime) -> Backlog:
    """What is wanted, is not being made and does not pause: it will run soon."""
    return _standing(wanted, runs, now).free


def made_soon(wanted: Backlog, runs: Sequence[Run], now: datetime) -> Backlog:
    """What is free, while runs of its kind follow one another; nothing where none has run lately."""
    kind = frozenset[str]().union(*wanted.values())
    if not any(run.assets & kind and (run.ended is None or now - run.ended < _JUST_ENDED) for run in runs):
        return {}
    return free(wanted, runs, now)


@dataclass(slots=True)
class _Standing:
    """How things stand with what is wanted: what is free to be asked for, with the times that it has failed, how many
    runs of the kind succeeded since one failed, how much is being made, and until when the rest pauses.
    """

    free: dict[str, frozenset[str]] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    well: int = 0
    in_progress: int = 0
    pauses: list[datetime] = field(default_factory=list)


def _standing(wanted: Backlog, runs: Sequence[Run], now: datetime) -> _Standing:
    """If the last runs of any of these assets failed, all partitions pause, not only the failed ones: an expired token
    must not cause a run every minute.
    """
    failures, well = _lately(wanted, runs)
    found, of_kind = _Standing(well=well), paused_until(failures)
    for key, assets in wanted.items():
        idle = frozenset(asset for asset in assets if not _is_made(runs, asset, key))
        found.in_progress += len(idle) < len(assets)
        of_key = max((failures_of(runs, asset, key) for asset in idle), key=len, default=[])
        until = max(filter(None, (of_kind, paused_until(of_key))), default=None)
        found.failed[key] = len(of_key)
        if until is not None and until > now:
            found.pauses.append(until)
        elif idle:
            found.free[key] = idle
    return found


def _lately(wanted: Backlog, runs: Iterable[Run]) -> tuple[list[datetime], int]:
    """When the last runs of a kind failed, in order, none where the last one was well; and how many were well since one
    failed.
    """
    kind = frozenset().union(*wanted.values())
    ended = sorted((run.ended, run.failed) for run in runs if run.ended is not None and run.assets & kind)
    failures: list[datetime] = []
    well = 0
    for at, failed in ended:
        failures, well = ([*failures, at], 0) if failed else ([], well + 1)
    return failures, well


def _newest(standing: _Standing, most: int, can_make: CanMake | None) -> Request:
    """The newest range of what has failed least: a bad partition keeps no other from being made. It is shorter the more
    often it failed, so that the bad one is found and left alone. It grows again while runs succeed: then the trouble of
    all of them is over, and few runs make what has piled up.
    """
    wanted, failed = standing.free, standing.failed
    keys = [max(wanted, key=lambda key: (-failed[key], begin(key)))]
    assets = wanted[keys[0]]
    alike = {key: min(failures, _ALONE) for key, failures in failed.items()}
    longest = _longest(most, failed[keys[0]], standing.well)
    while len(keys) < longest:
        before = following(keys[-1], -1)
        if before not in wanted or alike[before] != alike[keys[0]]:
            break
        both = assets | wanted[before]
        if assets != wanted[before]:
            wants_most = all(_MOST_OF * len(wanted[key]) >= len(both) for key in [*keys, before])
            if not (can_make and wants_most and all(can_make(each, key) for each in both for key in [*keys, before])):
                break
        keys, assets = [*keys, before], both
    return Request(keys[-1], keys[0], assets)


def _longest(most: int, failures: int, well: int) -> int:
    """The longest range. After up to 1 failure `most`, after 2 an eighth of it but 3 at least, then single partitions.
    From the second successful run in a row on, each doubles it.
    """
    together = most if failures <= 1 else max(_SMALLEST, most // _PARTS) if failures < _ALONE else 1
    return min(most, together << min(max(0, well - 1), _MOST_DOUBLINGS))


def _is_made(runs: Iterable[Run], asset: str, key: str) -> bool:
    return any(run.ended is None and run.makes(asset, key) for run in runs)


def failures_of(runs: Iterable[Run], asset: str, key: str) -> list[datetime]:
    """When runs of a partition failed since one was well, in order."""
    ended = sorted((run.ended, run.failed) for run in runs if run.ended is not None and run.makes(asset, key))
    failures: list[datetime] = []
    for at, failed in ended:
        failures = [*failures, at] if failed else []
    return failures


def paused_until(failures: Sequence[datetime]) -> datetime | None:
    """When a partition with these failures in a row is retried; None without failures."""
    if not failures:
        return None
    pause = min(_FIRST_PAUSE * float(_GROWTH ** min(len(failures) - 1, 9)), _LONGEST_PAUSE)
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
    """The last time that the clock showed an hour and minute, UTC."""
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - DAY


def ranges(keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """First and last of each run of days, or of hours, that follow each other."""
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

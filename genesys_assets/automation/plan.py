"""What is asked for next, given what is wanted, what runs are doing and what has failed: pure functions.

What is wanted is found in `wanted`, what runs do in `progress`; sensors ask. Nothing is remembered here: a request that
was lost, killed or refused is made again, for what is wanted is still wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from genesys_assets.days import DAY, HOUR, utc_day, utc_hour

Wanted = Mapping[str, frozenset[str]]
"""Which assets are to be made, as `pages/hourly_details`, by partition key: days or hours."""

CanMake = Callable[[str, str], bool]
"""Whether enough is stored to make an asset's partition."""

_FIRST_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=3)
_GROWTH = 3
OFTEN = 4
"""How many failures of the same partition are an alert of their own."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run over the partitions `first` to `last` of some assets; not over yet where it has not `ended`."""

    assets: frozenset[str]
    first: str
    last: str
    ended: datetime | None = None
    failed: bool = False

    def makes(self, asset: str, key: str) -> bool:
        """Whether the partition is one of the run's. Days and hours compare as text: a day comes before its hours."""
        return asset in self.assets and self.first <= key <= self.last


@dataclass(frozen=True, slots=True)
class Request:
    """One run over the partitions `first` to `last` of some assets."""

    first: str
    last: str
    assets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for now, if anything, and why not more."""

    request: Request | None
    in_progress: int = 0
    paused_until: datetime | None = None

    def reason(self, wanted: Wanted) -> str:
        """Why nothing is asked for."""
        if not wanted:
            return "Everything that can be there is there."
        waiting = f"{self.in_progress} partitions are being made" if self.in_progress else ""
        paused = f"what failed is tried again at {self.paused_until:%Y-%m-%d %H:%M} UTC" if self.paused_until else ""
        return f"{'; '.join(filter(None, (waiting, paused)))}."


def plan(wanted: Wanted, runs: Sequence[Run], now: datetime, *, most: int, can_make: CanMake | None = None) -> Plan:
    """The newest range of wanted partitions that nobody is making and that is not pausing after a failure.

    A range is of partitions that follow each other and want the same assets, at most `most` of them. Where it costs
    little to make more than is wanted, `can_make` says of what that is possible: then all that one partition of a range
    wants is made in all of them. What has failed before is asked for alone, so that it keeps nothing else from being
    made.
    """
    free: dict[str, frozenset[str]] = {}
    failed: set[str] = set()
    in_progress, pauses = 0, []
    for key, assets in wanted.items():
        idle = frozenset(asset for asset in assets if not _is_made(runs, asset, key))
        in_progress += len(idle) < len(assets)
        failures = max((failures_of(runs, asset, key) for asset in idle), key=len, default=[])
        until = paused_until(failures)
        if until is not None:
            failed.add(key)
        if until is not None and until > now:
            pauses.append(until)
        elif idle:
            free[key] = idle
    request = _newest(free, failed, most, can_make) if free else None
    return Plan(request, in_progress, min(pauses, default=None))


def _newest(free: Wanted, failed: set[str], most: int, can_make: CanMake | None) -> Request:
    keys = [max(free, key=begin)]
    assets = free[keys[0]]
    while len(keys) < most:
        before = following(keys[-1], -1)
        if before not in free or failed & {before, keys[-1]}:
            break
        both = assets | free[before]
        if assets != free[before] and not (
            can_make and all(can_make(each, key) for each in both for key in [*keys, before])
        ):
            break
        keys, assets = [*keys, before], both
    return Request(keys[-1], keys[0], assets)


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
    """When what failed so often is asked for again; None where it did not."""
    if not failures:
        return None
    pause = min(_FIRST_PAUSE * float(_GROWTH ** min(len(failures) - 1, 9)), _LONGEST_PAUSE)
    return failures[-1] + pause


def begin(key: str) -> datetime:
    """The first instant of a day or an hour."""
    return utc_day(key)[0] if len(key) == len("2026-01-31") else utc_hour(key)[0]


def following(key: str, count: int = 1) -> str:
    """The key so many days or hours after one."""
    if len(key) == len("2026-01-31"):
        return f"{begin(key) + DAY * count:%Y-%m-%d}"
    return f"{begin(key) + HOUR * count:%Y-%m-%d-%H:00}"


def last_moment(now: datetime, hour: int, minute: int) -> datetime:
    """The last time that the clock showed an hour and minute, UTC."""
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - DAY

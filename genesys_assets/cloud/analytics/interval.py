"""A span of time as the platform understands it: half-open, UTC, whole milliseconds.

`queries` knows how long an interval of a query may be, `genesys_assets.partitions` which intervals are partitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Self

from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.spans import MILLISECOND, whole_milliseconds

# Clocks of two machines differ a little. A query up to now must not fail because of that.
CLOCK_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From `start` up to, but not including, `end`. Any aware instants are accepted, and converted to UTC and whole
    milliseconds. Raises InvalidQuery if it would be empty.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _instant(self.start))
        object.__setattr__(self, "end", _instant(self.end))
        if self.start >= self.end:
            raise InvalidQuery(f"The interval {self} is empty: its start must lie before its end.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """An interval from `start/end` in ISO 8601, each with its offset or Z. Raises InvalidQuery.

        >>> str(Interval.parse("2026-01-31T00:00:00+01:00/2026-02-01T00:00:00+01:00"))
        '2026-01-30T23:00:00.000Z/2026-01-31T23:00:00.000Z'
        """
        start, slash, end = text.partition("/")
        try:
            if not slash:
                raise ValueError
            return cls(datetime.fromisoformat(start.strip()), datetime.fromisoformat(end.strip()))
        except ValueError:
            raise InvalidQuery(
                f"{text!r} is not an interval. Write start/end,"
                " as in 2026-01-01T00:00:00.000Z/2026-01-02T00:00:00.000Z."
            ) from None

    def __str__(self) -> str:
        return f"{iso(self.start)}/{iso(self.end)}"

    def text(self, zone: tzinfo = UTC) -> str:
        """The same instants written with the offset they have in `zone`."""
        return f"{iso(self.start, zone)}/{iso(self.end, zone)}"

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def halves(self) -> tuple[Self, Self]:
        """The interval in two, cut at the UTC midnight nearest to its middle, or at its middle if it has no midnight.

        >>> [str(half) for half in Interval.parse("2026-01-01T00:00Z/2026-01-01T00:00:01Z").halves()]
        ['2026-01-01T00:00:00.000Z/2026-01-01T00:00:00.500Z', '2026-01-01T00:00:00.500Z/2026-01-01T00:00:01.000Z']
        """
        midnights = [piece.start for piece in self.days()[1:]]
        middle = self.start + (self.duration // (2 * MILLISECOND)) * MILLISECOND
        cut = min(midnights, key=lambda midnight: abs(midnight - middle)) if midnights else middle
        return type(self)(self.start, cut), type(self)(cut, self.end)

    def days(self, at_most: int = 1) -> tuple[Self, ...]:
        """The interval cut at UTC midnights into pieces that touch at most `at_most` days each.

        >>> [str(day) for day in Interval.parse("2026-01-01T12:00Z/2026-01-02T06:00Z").days()]
        ['2026-01-01T12:00:00.000Z/2026-01-02T00:00:00.000Z', '2026-01-02T00:00:00.000Z/2026-01-02T06:00:00.000Z']
        """
        cuts = [self.start]
        midnight = datetime.combine(self.start.date(), time(), UTC)
        while (midnight := midnight + timedelta(days=at_most)) < self.end:
            cuts.append(midnight)
        return tuple(type(self)(start, end) for start, end in zip(cuts, [*cuts[1:], self.end], strict=True))

    def require_past(self, now: datetime) -> Self:
        """The interval itself. Raises InvalidQuery if it begins after `now`, or ends more than `CLOCK_SKEW` after."""
        if self.start > now:
            raise InvalidQuery(f"The interval {self} lies in the future: it is {iso(now)} now.")
        if self.end > now + CLOCK_SKEW:
            raise InvalidQuery(
                f"The interval {self} ends in the future: it is {iso(now)} now. Ask for the part until now."
            )
        return self


def iso(instant: datetime, zone: tzinfo = UTC) -> str:
    """An instant in ISO 8601 with milliseconds, as the platform writes it.

    >>> iso(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00.000Z'
    """
    return instant.astimezone(zone).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise InvalidQuery(f"The instant {instant.isoformat()} has no time zone. Give it an offset, or Z for UTC.")
    return whole_milliseconds(instant.astimezone(UTC))

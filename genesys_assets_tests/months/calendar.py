"""Which days are simulated: a change of clocks is among them, if the zone has any."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

_YEAR = 2026


def clock_changes(zone: str) -> list[date]:
    """The days of the year that are longer or shorter than others."""
    first, place = datetime(_YEAR, 1, 2, 12), ZoneInfo(zone)
    noons = [first + timedelta(days=number) for number in range(363)]
    offsets = [noon.replace(tzinfo=place).utcoffset() for noon in noons]
    pairs = zip(noons[1:], pairwise(offsets), strict=True)
    return [noon.date() for noon, (before, after) in pairs if before != after]


def first_day(zone: str, days: int, seed: int) -> date:
    """Clocks change on one of the days. In a zone without such changes, a month ends among them."""
    days_of_interest = clock_changes(zone) or [date(_YEAR, 3, 1)]
    chosen = days_of_interest[seed % len(days_of_interest)]
    return chosen - timedelta(days=1 + seed % max(1, days - 2))

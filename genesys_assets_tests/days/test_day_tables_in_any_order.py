"""The hours of a day may be fetched in any order: its tables equal those of the day computed again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.days.sources import (
    DAILY_DETAILS,
    HOURLY_DETAILS,
    OVERLAP,
    START_DAYS,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.days.growing_day import (
    DAY,
    HOURS,
    JOB,
    MADE,
    NEXT,
    Item,
    anew,
    at,
    conversation,
    files,
    lake,
    store,
    write,
)

__all__ = ["lake"]


WIDE = timedelta(minutes=50)
"""How far around its middle the page of an hour reaches."""
CALM = 8
"""For this many events hours are fetched in order, or again. Later any hour, an overlap or a job may come."""


@dataclass
class Weather:
    """A day on which random things happen: an organisation's conversations in their present forms, and the fetched
    pages."""

    lake: Lake
    rng: random.Random
    now: datetime = field(default_factory=lambda: at(0, 0))
    items: dict[str, Item] = field(default_factory=dict)
    happened: int = 0

    def happen(self) -> str:
        """Let one random thing happen; returns its name."""
        self.now += timedelta(minutes=self.rng.randrange(1, 30))
        self.happened += 1
        kinds = [self.next_hour] * 6 + [self.hour_again, self.end, self.move, self.delete]
        if self.happened > CALM:
            kinds += [self.any_hour, self.overlap, self.job_so_far]
        kind = self.rng.choice(kinds)
        kind()
        return kind.__name__

    def next_hour(self) -> None:
        stored = [hour for hour in HOURS if hour in self.lake.refreshed().stored(HOURLY_DETAILS)]
        self._fetch(min(len(stored), 23))

    def any_hour(self) -> None:
        self._fetch(self.rng.randrange(12))

    def hour_again(self) -> None:
        stored = [hour for hour in HOURS if hour in self.lake.refreshed().stored(HOURLY_DETAILS)]
        if stored:
            self._fetch(HOURS.index(self.rng.choice(stored)))

    def end(self) -> None:
        if self.items:
            name = self.rng.choice(sorted(self.items))
            self.items[name] = conversation(name, self._start(name), note=f"{self.now}")

    def move(self) -> None:
        """The platform changes the start of a conversation, so several hours contain it."""
        if self.items:
            name = self.rng.choice(sorted(self.items))
            self.items[name] = conversation(name, self._start(name) + timedelta(hours=1), note="moved")

    def delete(self) -> None:
        if self.items:
            del self.items[self.rng.choice(sorted(self.items))]

    def overlap(self) -> None:
        of_day = self._all()[:2]
        said = {START_DAYS: {DAY: f"{self.now}"}} if of_day else {}
        store(self.lake, OVERLAP, NEXT, *of_day, as_of=self.now, request=JOB, said=said)

    def job_so_far(self) -> None:
        store(self.lake, DAILY_DETAILS, DAY, *self._all(), as_of=self.now, request=JOB, reach=Reach(at(2, 0)))

    def _fetch(self, hour: int) -> None:
        for number in range(self.rng.randrange(3)):
            name = f"{self.rng.randrange(10**6):06d}"
            start = at(hour, self.rng.choice((0, 10, 59)))
            self.items[name] = conversation(name, start, ended=self.rng.random() < 0.5, note=f"{number}")
        around = [item for item in self._all() if abs(self._start(item["conversationId"]) - at(hour)) < WIDE]
        store(self.lake, HOURLY_DETAILS, HOURS[hour], *around, as_of=self.now)

    def _all(self) -> list[Item]:
        return sorted(self.items.values(), key=lambda item: (item["conversationStart"], item["conversationId"]))

    def _start(self, name: str) -> datetime:
        return datetime.fromisoformat(self.items[name]["conversationStart"])


def rows(lake: Lake) -> Iterator[tuple[str, list[Item], Reach | None, int | None]]:
    now = lake.refreshed()
    for spec in MADE:
        place = f"tables/{spec.name}"
        yield place, now.read(place, DAY).to_pylist(), now.reach(place, DAY), now.made_of(place, DAY)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_whatever_happens_the_tables_are_those_of_the_day_made_anew(lake: Lake, tmp_path: Path, seed: int) -> None:
    weather, added = Weather(lake, random.Random(seed)), 0
    for _ in range(CALM + 6):
        happened = weather.happen()
        if not lake.refreshed().stored(HOURLY_DETAILS) and not lake.refreshed().stored(DAILY_DETAILS):
            continue
        write(lake)
        added += len(files(lake)) > 1
        reference = lake_of_the_same_pages(tmp_path)
        anew(reference)
        assert list(rows(lake)) == list(rows(reference)), happened
    assert added


def lake_of_the_same_pages(tmp_path: Path) -> Lake:
    folder = tmp_path / "reference"
    if not folder.exists():
        folder.mkdir()
        (folder / "pages").symlink_to(tmp_path / "lake" / "pages")
    return Lake(LocalStore(folder))

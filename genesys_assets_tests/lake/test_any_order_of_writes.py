"""Several open lakes write in random order, on a disk and on S3. A table then has the last rows of each partition, with
the widest type that each column ever had.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake.housekeeping import clean_up
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets.tables.spec import TableSpec, columns
from genesys_assets_tests.lake.things import DAYS
from genesys_assets_tests.lake.thorough import seeds

_PLACE = "tables/things"
_STEPS = 40
_Rows = list[dict[str, Any]]


@dataclass
class Writers:
    """Several lakes of one store, each with its own view of the log, and the expected rows."""

    store: Store
    rng: random.Random
    lakes: list[Lake] = field(default_factory=list)
    stored: dict[str, _Rows] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=lambda: {"n": "integer"})

    def __post_init__(self) -> None:
        self.lakes = [Lake(self.store) for _ in range(3)]

    def step(self) -> str:
        kinds = [self.write] * 6 + [self.widen, self.retype, self.remove, self.clean_up, self.open_anew]
        kind = self.rng.choice(kinds)
        kind()
        return kind.__name__

    def write(self) -> None:
        day = self.rng.choice(DAYS)
        of_columns = "\n".join(f"{name} {kind} a value" for name, kind in self.columns.items())
        spec = TableSpec("things", "One row per thing.", ("id",), columns(f"id string its id\n{of_columns}"))
        rows = [
            {"id": f"{each}", **{name: self.rng.choice([None, self.rng.randrange(9)]) for name in self.columns}}
            for each in range(self.rng.randrange(4))
        ]
        self._lake().write(_PLACE, spec, pa.Table.from_pylist(rows, spec.schema), day, {"run_id": "r"})
        self.stored[day] = rows

    def widen(self) -> None:
        self.columns[f"more_{len(self.columns)}"] = "integer"
        self.write()

    def retype(self) -> None:
        self.columns[self.rng.choice(list(self.columns))] = "number"
        self.write()

    def remove(self) -> None:
        if self.stored:
            day = self.rng.choice(sorted(self.stored))
            self._lake().remove(_PLACE, [day])
            del self.stored[day]

    def clean_up(self) -> None:
        clean_up(self._lake(), [], keep=timedelta(0), now=datetime.now(UTC) + timedelta(seconds=2))

    def open_anew(self) -> None:
        self.lakes[self.rng.randrange(3)] = Lake(self.store)

    def _lake(self) -> Lake:
        number = self.rng.randrange(3)
        if self.rng.random() < 0.7:
            self.lakes[number] = self.lakes[number].refreshed()
        return self.lakes[number]

    def read(self) -> dict[str, _Rows]:
        lake = self.lakes[self.rng.randrange(3)].refreshed()
        found = {}
        for day in lake.stored(_PLACE):
            table = lake.read(_PLACE, day)
            rows = table.sort_by("id").to_pylist()
            found[f"{day}"] = [{name: value for name, value in row.items() if value is not None} for row in rows]
        return found

    def expected(self) -> dict[str, _Rows]:
        return {
            day: [{name: value for name, value in row.items() if value is not None} for row in rows]
            for day, rows in self.stored.items()
        }


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "disk":
        return LocalStore(request.getfixturevalue("tmp_path"))
    of_s3: S3Store = request.getfixturevalue("moto_store")
    return of_s3


@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(2))
def test_a_table_has_what_was_last_written_to_each_partition(store: Store, seed: int) -> None:
    writers, done = Writers(store, random.Random(seed)), list[str]()
    for _ in range(_STEPS):
        done.append(writers.step())
        assert writers.read() == writers.expected(), done

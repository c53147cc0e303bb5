"""The runs of two days, and the places where each of them dies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import dagster as dg

from genesys_assets_tests.assets.world import World, hours
from genesys_assets_tests.lake.thorough import is_thorough
from genesys_assets_tests.scenarios.hard_days import DETAILS, OF_HOURS, OVERLAP, TABLES
from genesys_assets_tests.scenarios.killed_runs.process import Kill

ONE, TWO = "2026-01-27", "2026-01-28"
LEDGER, METRICS, REPORT = "tables/restatements", "tables/interval_metrics", "reports/conversation_type"
AGGREGATES, DOWNSTREAM = "pages/hourly_aggregates", "downstream/durations"
ALL_PLACES = is_thorough()


@dataclass(frozen=True)
class Step:
    """One run: a job, its assets, and the partition or the range."""

    job: str
    assets: tuple[str, ...]
    partition: str | None = None
    between: tuple[str, str] | None = None
    page_size: int | None = None

    @property
    def config(self) -> dict[str, Any] | None:
        if self.page_size is None:
            return None
        ops = [f"genesys__{name.replace('/', '__')}" for name in self.assets]
        return {"ops": {op: {"config": {"page_size": self.page_size}} for op in ops}}

    def run(self, world: World) -> dg.ExecuteInProcessResult:
        result = world.run(self.job, *self.assets, partition=self.partition, between=self.between, config=self.config)
        assert result.success
        return result

    def only(self, done: Mapping[str, set[str]]) -> Iterator[Step]:
        """The steps for a part of it, such as the committed part: partitions by asset, one day at a time."""
        days = {partition[:10] for partitions in done.values() for partition in partitions}
        for day in sorted(days):
            of_day = {name: sorted(p for p in done[name] if p[:10] == day) for name in self.assets if name in done}
            assets = tuple(name for name, partitions in of_day.items() if partitions)
            partitions = of_day[assets[0]]
            if len(partitions) > 1:
                yield replace(self, assets=assets, partition=None, between=(partitions[0], partitions[-1]))
            else:
                yield replace(self, assets=assets, partition=partitions[0], between=None)


BOTH = (ONE, TWO)
READ_HOURS = Step("hourly", (OF_HOURS,), between=hours(*BOTH))
READ_HOURS_OF_TWO = Step("hourly", (OF_HOURS,), between=hours(TWO))
READ_AGGREGATES = Step("hourly", (AGGREGATES,), between=hours(*BOTH))
READ_DAYS = Step("complete", (DETAILS,), between=BOTH, page_size=4)
READ_OVERLAP = Step("complete", (OVERLAP,), between=BOTH, page_size=4)
MAKE_TABLES = Step("daily", TABLES, between=BOTH)
MAKE_SOME_TABLES = Step("daily", ("tables/conversations", "tables/session_metrics"), between=BOTH)
MAKE_METRICS = Step("daily", (METRICS,), between=BOTH)
MAKE_REPORT = Step("daily", (REPORT,), between=BOTH)
MAKE_REPORT_OF_TWO = Step("daily", (REPORT,), partition=TWO)
MAKE_DOWNSTREAM = Step("downstream", (DOWNSTREAM,), partition=TWO)
WRITE_LEDGER = Step("daily", (LEDGER,), between=BOTH)
WRITE_LEDGER_OF_TWO = Step("daily", (LEDGER,), partition=TWO)

FROM_HOURS = (READ_HOURS, READ_AGGREGATES, MAKE_SOME_TABLES, MAKE_METRICS, WRITE_LEDGER, MAKE_REPORT)
FROM_JOBS = (READ_DAYS, READ_OVERLAP, MAKE_SOME_TABLES, WRITE_LEDGER, MAKE_DOWNSTREAM)
ALL_FROM_JOBS = (READ_DAYS, MAKE_TABLES, WRITE_LEDGER)

COMMIT = "genesys_assets.lake.delta:DeltaLog.commit"
WRITE_LOG = "genesys_assets.lake.log_entry:write_new"
PUBLISH = "genesys_assets.lake.store:_LocalDraft.publish"
WRITE_PAGE = "genesys_assets.lake.writers:PageWriter.write"
WRITE_ROWS = "genesys_assets.lake.writers:TableWriter.write"
REQUEST = "genesys_assets.cloud.http.transport:GenesysCloud._send"
NOTE_JOB = "genesys_assets.lake.job_book:LakeJobBook.record"
SUBMIT = "genesys_assets.cloud.jobs.run:submit"
DELETE_JOB = "genesys_assets.cloud.jobs.run:delete"
STORED_BY_DOWNSTREAM = "genesys_assets.lake.io_manager:LakeIOManager.handle_output"


def reported(module: str) -> str:
    """The place where an asset reports a partition to Dagster."""
    return f"genesys_assets.assets.{module}:report_partition"


class Then(Enum):
    """The state of the organisation when the run is repeated: what the killed run read, or what was true before."""

    THE_SAME = "the same"
    THE_EARLIER = "the earlier"


@dataclass(frozen=True)
class Place:
    """The place where the run of a step dies, the steps before it in that reading, and the steps after it. `make test`
    and `make thorough` try the `usual` places.
    """

    steps: tuple[Step, ...]
    killed: Step
    kill: Kill
    usual: tuple[Then, ...] = ()

    @property
    def base(self) -> tuple[Step, ...]:
        if {READ_HOURS, READ_AGGREGATES} & {*self.steps}:
            return FROM_HOURS
        return ALL_FROM_JOBS if MAKE_TABLES in self.steps else FROM_JOBS

    def __str__(self) -> str:
        what = self.killed.assets[0] if len(self.killed.assets) == 1 else f"{len(self.killed.assets)} tables"
        return f"{what} {self.kill}"

    @property
    def before(self) -> tuple[Step, ...]:
        return self.steps[: self.steps.index(self.killed)]

    @property
    def later(self) -> tuple[Step, ...]:
        return self.steps[self.steps.index(self.killed) :]


def tried(places: Sequence[Place], then: Then) -> list[Place]:
    return [place for place in places if ALL_PLACES or then in place.usual]


def around(function: str, *calls: int) -> list[Kill]:
    return [Kill(function, call, after) for call in calls for after in (False, True)]


def _places(steps: Sequence[Step], killed: Step, *kills: Kill, usual: Mapping[Kill, Sequence[Then]]) -> list[Place]:
    return [Place(tuple(steps), killed, kill, tuple(usual.get(kill, ()))) for kill in (*usual, *kills)]


SAME, EARLIER = (Then.THE_SAME,), (Then.THE_EARLIER,)
AFTER_COMMIT = Kill(COMMIT, 1, True)

PLACES = [
    *_places(
        (READ_HOURS, MAKE_SOME_TABLES, WRITE_LEDGER),
        READ_HOURS,
        AFTER_COMMIT,
        Kill(REQUEST, 2),
        *around(WRITE_PAGE, 2, 9),
        Kill(PUBLISH, 3),
        *around(WRITE_LOG, 1, 2),
        *(Kill(reported("pages"), call, True) for call in (1, 24, 25, 48)),
        usual={},
    ),
    *_places((READ_HOURS_OF_TWO, MAKE_SOME_TABLES, WRITE_LEDGER), READ_HOURS_OF_TWO, AFTER_COMMIT, usual={}),
    *_places(
        (READ_AGGREGATES, MAKE_METRICS, WRITE_LEDGER),
        READ_AGGREGATES,
        Kill(REQUEST, 2),
        Kill(WRITE_PAGE, 31),
        *around(COMMIT, 1, 2),
        usual={},
    ),
    *_places(
        (READ_AGGREGATES, MAKE_METRICS, WRITE_LEDGER),
        MAKE_METRICS,
        *around(COMMIT, 1),
        Kill(reported("tables"), 1, True),
        *around(WRITE_LOG, 1),
        usual={},
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, WRITE_LEDGER),
        READ_DAYS,
        Kill(NOTE_JOB, 1),
        Kill(NOTE_JOB, 1, True),
        Kill(NOTE_JOB, 2, True),
        *around(WRITE_PAGE, 2),
        *around(DELETE_JOB, 1),
        *around(COMMIT, 1, 2),
        Kill(reported("pages"), 1, True),
        usual={Kill(SUBMIT, 1, True): SAME},
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, WRITE_LEDGER),
        MAKE_SOME_TABLES,
        AFTER_COMMIT,
        usual={Kill(COMMIT, 3, True): EARLIER},
    ),
    *_places(
        (READ_DAYS, MAKE_TABLES, WRITE_LEDGER),
        MAKE_TABLES,
        Kill(WRITE_ROWS, 6),
        Kill(PUBLISH, 2),
        *(Kill(COMMIT, call, True) for call in (1, 5, 9, 12, 13, 16, 26)),
        *around(WRITE_LOG, 3, 18),
        *(Kill(reported("tables"), call, True) for call in (2, 13, 14)),
        usual={},
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, WRITE_LEDGER_OF_TWO, WRITE_LEDGER),
        WRITE_LEDGER_OF_TWO,
        Kill(COMMIT, 1),
        Kill(WRITE_ROWS, 2),
        Kill(PUBLISH, 1, True),
        Kill(reported("restatements"), 1, True),
        usual={AFTER_COMMIT: SAME},
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, MAKE_REPORT_OF_TWO, WRITE_LEDGER), MAKE_REPORT_OF_TWO, AFTER_COMMIT, usual={}
    ),
    *_places(
        (READ_HOURS, MAKE_SOME_TABLES, MAKE_REPORT, WRITE_LEDGER),
        MAKE_REPORT,
        AFTER_COMMIT,
        Kill(COMMIT, 2),
        Kill(WRITE_ROWS, 1),
        Kill(reported("reports"), 1, True),
        usual={},
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, MAKE_DOWNSTREAM, WRITE_LEDGER),
        MAKE_DOWNSTREAM,
        *around(COMMIT, 1),
        Kill(STORED_BY_DOWNSTREAM, 1, True),
        usual={},
    ),
]

"""Runs that a dying machine ended at any place: the next run leaves the lake, the ledger and what Dagster knows as
though the machine had lived.

Each run dies in a process of its own (`killed_process`), which takes minutes: so they run where KILL_PLACES is set.
KILL_PLACES=some tries a few places that stand for all, KILL_PLACES=all tries each.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.assets.common import CHANGED, CONTENT
from genesys_assets.assets.pages import START_DAYS
from genesys_assets.assets.restatements import LEDGERED
from genesys_assets.cloud import details_jobs
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import RANGE, World, environment, hours, key
from genesys_assets_tests.scenarios.conftest import Present
from genesys_assets_tests.scenarios.hard_days import TABLES
from genesys_assets_tests.scenarios.killed_process import DEFINITIONS, Kill, Order, job_of, run
from genesys_assets_tests.scenarios.plain_commits import COUNTS, commits, restated

ONE, TWO = "2026-01-27", "2026-01-28"
NOW = datetime(2026, 1, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEDGER = "tables/restatements"
HOURLY, AGGREGATES = "pages/hourly_details", "pages/hourly_aggregates"
DETAILS, OVERLAP = "pages/daily_details", "pages/daily_overlap"
METRICS, REPORT, DOWNSTREAM = "tables/interval_metrics", "reports/conversation_type", "downstream/durations"
QUEUES, HISTORY = "reference/queues", "reference/queues_history"
pytestmark = pytest.mark.skipif("KILL_PLACES" not in os.environ, reason="KILL_PLACES is not set")
ALL_PLACES = os.environ.get("KILL_PLACES") == "all"


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
        """The part of it that was committed, or another part: by asset the partitions. A day at a time."""
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
READ_HOURS = Step("hourly", (HOURLY,), between=hours(*BOTH))
READ_AGGREGATES = Step("hourly", (AGGREGATES,), between=hours(*BOTH))
READ_DAYS = Step("complete", (DETAILS,), between=BOTH, page_size=4)
READ_OVERLAP = Step("complete", (OVERLAP,), between=BOTH, page_size=4)
MAKE_TABLES = Step("daily", TABLES, between=BOTH)
MAKE_SOME_TABLES = Step("daily", ("tables/conversations", "tables/session_metrics"), between=BOTH)
MAKE_METRICS = Step("daily", (METRICS,), between=BOTH)
MAKE_REPORT = Step("daily", (REPORT,), between=BOTH)
MAKE_DOWNSTREAM = Step("downstream", (DOWNSTREAM,), partition=TWO)
WRITE_LEDGER = Step("daily", (LEDGER,), between=BOTH)
WRITE_LEDGER_OF_TWO = Step("daily", (LEDGER,), partition=TWO)

FROM_HOURS = (READ_HOURS, READ_AGGREGATES, MAKE_SOME_TABLES, MAKE_METRICS, WRITE_LEDGER, MAKE_REPORT)
FROM_JOBS = (READ_DAYS, READ_OVERLAP, MAKE_TABLES, WRITE_LEDGER, MAKE_DOWNSTREAM)

COMMIT = "genesys_assets.lake.delta:DeltaLog.commit"
DELTA = "genesys_assets.lake.log_entry:write_new"
PUBLISH = "genesys_assets.lake.store:_LocalDraft.publish"
WRITE_PAGE = "genesys_assets.lake.files:PageWriter.write"
WRITE_ROWS = "genesys_assets.lake.files:TableWriter.write"
REQUEST = "genesys_assets.cloud.transport:GenesysCloud._send"
NOTE_JOB = "genesys_assets.lake.job_book:LakeJobBook.record"
SUBMIT = "genesys_assets.cloud.details_jobs:submit"
DELETE_JOB = "genesys_assets.cloud.details_jobs:delete"
STORED_BY_DOWNSTREAM = "genesys_assets.lake.io_manager:LakeIOManager.handle_output"


def reported(module: str) -> str:
    """Where an asset tells Dagster of a partition."""
    return f"genesys_assets.assets.{module}:report_partition"


@dataclass(frozen=True)
class Place:
    """Where the run of a step dies, which steps came before in that reading, and which follow."""

    steps: tuple[Step, ...]
    killed: Step
    kill: Kill
    is_usual: bool = False

    @property
    def base(self) -> tuple[Step, ...]:
        return FROM_JOBS if {READ_DAYS, READ_OVERLAP} & {*self.steps} else FROM_HOURS

    def __str__(self) -> str:
        what = self.killed.assets[0] if len(self.killed.assets) == 1 else "tables"
        return f"{what} {self.kill}"

    @property
    def before(self) -> tuple[Step, ...]:
        return self.steps[: self.steps.index(self.killed)]

    @property
    def later(self) -> tuple[Step, ...]:
        return self.steps[self.steps.index(self.killed) :]


def _places(steps: Sequence[Step], killed: Step, usual: Sequence[Kill], more: Sequence[Kill]) -> list[Place]:
    return [
        *(Place(tuple(steps), killed, kill, True) for kill in usual),
        *(Place(tuple(steps), killed, kill) for kill in more),
    ]


def _around(function: str, *calls: int) -> list[Kill]:
    return [Kill(function, call, after) for call in calls for after in (False, True)]


PLACES = [
    *_places(
        (READ_HOURS, MAKE_SOME_TABLES, WRITE_LEDGER),
        READ_HOURS,
        [Kill(COMMIT, 1, True)],
        [
            Kill(REQUEST, 2),
            *_around(WRITE_PAGE, 2, 9),
            Kill(PUBLISH, 3),
            *_around(DELTA, 1, 2),
            *(Kill(reported("pages"), call, True) for call in (1, 24, 25, 48)),
        ],
    ),
    *_places(
        (READ_AGGREGATES, MAKE_METRICS, WRITE_LEDGER),
        READ_AGGREGATES,
        [],
        [Kill(REQUEST, 2), Kill(WRITE_PAGE, 31), *_around(COMMIT, 1, 2)],
    ),
    *_places(
        (READ_AGGREGATES, MAKE_METRICS, WRITE_LEDGER),
        MAKE_METRICS,
        [Kill(COMMIT, 1, True)],
        [Kill(COMMIT, 1), Kill(reported("tables"), 1, True), *_around(DELTA, 2)],
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, WRITE_LEDGER),
        READ_DAYS,
        [Kill(SUBMIT, 1, True), Kill(DELETE_JOB, 1)],
        [
            Kill(NOTE_JOB, 1),
            Kill(NOTE_JOB, 1, True),
            Kill(NOTE_JOB, 2, True),
            *_around(WRITE_PAGE, 2),
            Kill(DELETE_JOB, 1, True),
            *_around(COMMIT, 1, 2),
            Kill(reported("pages"), 1, True),
        ],
    ),
    *_places(
        (READ_DAYS, MAKE_TABLES, WRITE_LEDGER),
        MAKE_TABLES,
        [Kill(COMMIT, 5, True), Kill(COMMIT, 13, True)],
        [
            Kill(WRITE_ROWS, 6),
            Kill(PUBLISH, 2),
            *(Kill(COMMIT, call, True) for call in (1, 9, 12, 16, 26)),
            *_around(DELTA, 3, 18),
            *(Kill(reported("tables"), call, True) for call in (2, 13, 14)),
        ],
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, WRITE_LEDGER_OF_TWO, WRITE_LEDGER),
        WRITE_LEDGER_OF_TWO,
        [Kill(COMMIT, 1, True)],
        [Kill(COMMIT, 1), Kill(WRITE_ROWS, 2), Kill(PUBLISH, 1, True), Kill(reported("restatements"), 1, True)],
    ),
    *_places(
        (READ_HOURS, MAKE_SOME_TABLES, MAKE_REPORT, WRITE_LEDGER),
        MAKE_REPORT,
        [Kill(COMMIT, 1, True)],
        [Kill(COMMIT, 2), Kill(WRITE_ROWS, 1), Kill(reported("reports"), 1, True)],
    ),
    *_places(
        (READ_DAYS, MAKE_SOME_TABLES, MAKE_DOWNSTREAM, WRITE_LEDGER),
        MAKE_DOWNSTREAM,
        [Kill(COMMIT, 1, True)],
        [Kill(COMMIT, 1), Kill(STORED_BY_DOWNSTREAM, 1, True)],
    ),
]


# -- the organisation, and lakes in which it was read once -------------------------------------------------------------


@pytest.fixture(scope="module")
def present() -> Present:
    return Present(NOW)


@pytest.fixture(scope="module")
def sandbox(present: Present) -> Iterator[Sandbox]:
    with running(conversations_per_day=12, now=present, requests_per_minute=None) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", autouse=True)
def _without_grace() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(details_jobs, "GRACE", timedelta(0))
        yield


@dataclass
class Bases:
    """Lakes in which all steps were run once, with all that Dagster knows of that. Tests work on copies."""

    sandbox: Sandbox
    present: Present
    folder: Path
    copies: int = 0
    lived: dict[Any, World] = field(default_factory=dict)

    def copy(self, steps: tuple[Step, ...]) -> Path:
        base = self.folder / ("jobs" if steps is FROM_JOBS else "hours")
        if not base.exists():
            self.build(base, steps)
        self.copies += 1
        return Path(shutil.copytree(base, self.folder / f"{self.copies}"))

    def build(self, base: Path, steps: tuple[Step, ...]) -> None:
        (base / "home").mkdir(parents=True)
        self.first_state()
        with dg.DagsterInstance.local_temp(f"{base / 'home'}") as instance:
            for step in steps:
                step.run(self.world(base, instance))

    def world(self, folder: Path, instance: dg.DagsterInstance) -> World:
        return World(self.sandbox, folder / "lake", DEFINITIONS, instance=instance)

    def first_state(self, at: datetime = NOW) -> None:
        self.present.at = at
        self.sandbox.organisation.restore()

    def second_state(self, at: datetime = NOW + HOUR) -> None:
        """Of each day one conversation is gone and one restated."""
        self.present.at = at
        organisation = self.sandbox.organisation
        for day in (ONE, TWO):
            handled = [item for item in organisation.conversations(date.fromisoformat(day)) if _is_handled(item)]
            organisation.restate(handled[0]["conversationId"], _longer)
            organisation.delete(handled[1]["conversationId"])


def _is_handled(item: plain.Item) -> bool:
    return any(any(session.emitted("tHandle")) for session in plain.sessions([item]))


def _longer(item: plain.Item) -> None:
    for session in plain.sessions([item]):
        for metric in session.item.get("metrics", ()):
            if metric["name"] == "tHandle":
                metric["value"] += 1_234
                return


@pytest.fixture(scope="module")
def bases(sandbox: Sandbox, present: Present, tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(sandbox, present, tmp_path_factory.mktemp("bases"))


def kill(world: World, home: Path, step: Step, place: Kill) -> None:
    """Run a step in a process that dies where it was told to."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["genesys_assets_tests.scenarios.killed_process"])
    order = Order(world.environment, f"{home}", step.job, step.assets, step.partition, step.between, step.config, place)
    process = forking.Process(target=run, args=(order,), daemon=True)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"there is no {place}"


def versions(world: World) -> dict[str, int]:
    logs = sorted(world.folder.rglob("_delta_log"))
    return {str(log.parent.relative_to(world.folder)): len([*log.glob("*.json")]) for log in logs}


def committed_since(world: World, before: Mapping[str, int]) -> dict[str, set[str]]:
    """By table the partitions that were committed since."""
    done = {
        name: {key for commit in [*commits(world.folder / name)][before.get(name, 0) :] for key in commit.readings}
        for name, count in versions(world).items()
        if count > before.get(name, 0)
    }
    return {name: partitions for name, partitions in done.items() if partitions}


# -- what must be true -------------------------------------------------------------------------------------------------


def compare_with_one_that_lived(killed: World, lived: World) -> None:
    """The rows of every partition, how far it reaches, and the ledger, but for who wrote it and when."""
    assert killed.contents() | _ledgers(killed) == lived.contents() | _ledgers(lived)
    assert _reach(killed) == _reach(lived)


def _ledgers(world: World) -> dict[str, Any]:
    return {
        f"{LEDGER}@{day}": [
            {name: value for name, value in row.items() if name not in ("run_id", "read_at")}
            for row in world.lake.read(LEDGER, day).to_pylist()
        ]
        for day in world.lake.log(LEDGER).partitions()
    }


def _reach(world: World) -> dict[str, Any]:
    lake = world.lake
    return {place: lake.reach(*_named(place)) for place in world.contents()}


def _named(place: str) -> tuple[str, str | None]:
    asset, partition = place.split("@")
    return asset, partition or None


def compare_ledger_with_commits(world: World) -> None:
    """One row for each reading after the first that was committed, with the counts that the rows themselves give."""
    ledger = {
        (row["table"], f"{row['day']}", row["version"]): row
        for day in world.lake.log(LEDGER).partitions()
        for row in world.lake.read(LEDGER, day).to_pylist()
    }
    for spec in LEDGERED:
        table = world.folder / "tables" / spec.name
        expected = restated(table, spec.key) if table.exists() else {}
        runs = {commit.version: commit.run_id for commit in commits(table)}
        found = {of[1:]: {name: row[name] for name in COUNTS} for of, row in ledger.items() if of[0] == spec.name}
        assert found == expected, spec.name
        for (_, version), row in ((of[1:], row) for of, row in ledger.items() if of[0] == spec.name):
            assert row["run_id"] == runs[version]


def compare_dagster_with_lake(world: World) -> None:
    """Every stored partition was told, and what was said to have changed is what Dagster had not heard of."""
    assets = {name for name in versions(world) if key(name) in _assets()}
    for name in assets:
        told = _told(world.instance, name)
        keys: list[str | None] = [*world.lake.log(name).partitions()] or [None]
        assert {*keys} <= told.keys(), f"Dagster never heard of {sorted({*map(str, keys)} - {*map(str, told)})}"
        for partition, events in told.items():
            contents = [event.get(CONTENT) for event in events]
            for known, event in zip([None, *contents], events, strict=False):
                if CONTENT in event:
                    assert event[CHANGED] == (event[CONTENT] != known), f"{name} {partition}"
            if contents[-1] is not None or name.startswith(("tables/", "reports/")):
                assert contents[-1] == world.lake.content(name, partition), f"{name} {partition}"


def _assets() -> set[dg.AssetKey]:
    return {*DEFINITIONS.resolve_asset_graph().get_all_asset_keys()}


def _told(instance: dg.DagsterInstance, name: str) -> dict[str | None, list[dict[str, Any]]]:
    """What each partition's materialisations said, the oldest first; one that a range told twice counts once."""
    records = instance.fetch_materializations(key(name), limit=10_000, ascending=True).records
    told: dict[str | None, dict[Any, dict[str, Any]]] = {}
    for record in records:
        said = {label: value.value for label, value in record.asset_materialization.metadata.items()}  # type: ignore[union-attr]
        of_partition = told.setdefault(record.partition_key, {})
        of_partition.setdefault((record.run_id, said.get(CONTENT)), said)
    return {partition: [*of_runs.values()] for partition, of_runs in told.items()}


# -- runs that die, and are run again ----------------------------------------------------------------------------------

CASES = [place for place in PLACES if place.is_usual or ALL_PLACES]


@pytest.mark.parametrize("place", CASES, ids=str)
def test_a_run_that_was_killed_and_is_run_again_leaves_what_one_that_lived_leaves(bases: Bases, place: Place) -> None:
    folder = bases.copy(place.base)
    with dg.DagsterInstance.local_temp(f"{folder / 'home'}") as instance:
        world = bases.world(folder, instance)
        committed = die(bases, world, folder, place)
        for step in place.later:
            step.run(world)
        compare_with_one_that_lived(world, lived(bases, place, committed, place.later, NOW + HOUR))
        compare_ledger_with_commits(world)
        compare_dagster_with_lake(world)


@pytest.mark.parametrize("place", CASES[1::2] if not ALL_PLACES else CASES, ids=str)
def test_a_run_that_was_killed_reading_what_is_no_longer_true_leaves_what_one_that_lived_leaves(
    bases: Bases, place: Place
) -> None:
    folder = bases.copy(place.base)
    with dg.DagsterInstance.local_temp(f"{folder / 'home'}") as instance:
        world = bases.world(folder, instance)
        committed = die(bases, world, folder, place)
        later = NOW + 8 * HOUR
        bases.first_state(later)
        for step in place.steps:
            step.run(world)
        compare_with_one_that_lived(world, lived(bases, place, committed, place.steps, later))
        compare_ledger_with_commits(world)
        compare_dagster_with_lake(world)


def die(bases: Bases, world: World, folder: Path, place: Place) -> dict[str, set[str]]:
    """Read the second state up to the place; by table the partitions that the dying run committed."""
    bases.first_state()
    bases.second_state()
    for step in place.before:
        step.run(world)
    before = versions(world)
    kill(world, folder / "home", place.killed, place.kill)
    return committed_since(world, before)


def lived(
    bases: Bases, place: Place, committed: Mapping[str, set[str]], steps: Sequence[Step], later: datetime
) -> World:
    """A lake in which the same was committed by runs that lived."""
    what = tuple(sorted((name, tuple(sorted(partitions))) for name, partitions in committed.items()))
    known = (place.steps, place.killed.assets, what, later)
    if repr(known) not in bases.lived:
        bases.lived[repr(known)] = live(bases, place, committed, steps, later)
    return bases.lived[repr(known)]


def live(
    bases: Bases, place: Place, committed: Mapping[str, set[str]], steps: Sequence[Step], later: datetime
) -> World:
    world = bases.world(bases.copy(place.base), dg.DagsterInstance.ephemeral())
    bases.first_state()
    bases.second_state()
    for step in place.before:
        step.run(world)
    for part in place.killed.only(committed):
        part.run(world)
    if later > NOW + HOUR:
        bases.first_state(later)
    for step in steps:
        step.run(world)
    return world


# -- runs that go on where a killed one ended --------------------------------------------------------------------------

CONTINUED = [
    Place((READ_HOURS,), READ_HOURS, Kill(COMMIT, 1, True), True),
    Place((READ_HOURS,), READ_HOURS, Kill(COMMIT, 1)),
    Place((READ_HOURS,), READ_HOURS, Kill(reported("pages"), 7, True)),
    Place((READ_HOURS,), READ_HOURS, Kill(COMMIT, 2, True)),
    Place((READ_AGGREGATES,), READ_AGGREGATES, Kill(COMMIT, 1, True)),
    Place((READ_DAYS,), READ_DAYS, Kill(COMMIT, 1, True)),
    Place((READ_OVERLAP,), READ_OVERLAP, Kill(COMMIT, 1, True), True),
    Place((READ_OVERLAP,), READ_OVERLAP, Kill(COMMIT, 2, True)),
]


@pytest.mark.parametrize("place", [place for place in CONTINUED if place.is_usual or ALL_PLACES], ids=str)
def test_a_run_that_goes_on_requests_only_what_was_not_stored(bases: Bases, place: Place) -> None:
    folder = bases.copy(place.base)
    with dg.DagsterInstance.local_temp(f"{folder / 'home'}") as instance:
        world = bases.world(folder, instance)
        committed = die(bases, world, folder, place)
        asked = requests_of(world, lambda: go_on(world, place.killed))
        assert asked == requests_of_the_rest(bases, place, committed)
        compare_dagster_with_lake(world)
        told = _told(instance, place.killed.assets[0])
        for partition, events in told.items():
            assert {*events[0]} - _OF_A_RUN <= {*events[-1]}, partition
            assert events[0].get(START_DAYS) == events[-1].get(START_DAYS)


_OF_A_RUN = {"requests", "retries", "rate_limited", "seconds_waited", "preview", "bytes"}


def go_on(world: World, step: Step) -> None:
    """Execute the newest run once more, as Dagster's retries do."""
    newest = world.instance.get_runs(limit=1)[0]
    with environment(world.environment):
        job = dg.build_reconstructable_job(job_of.__module__, job_of.__name__, (step.job,))
        result = dg.execute_job(
            job,
            world.instance,
            run_config=step.config,
            tags={name: newest.tags[name] for name in RANGE},
            reexecution_options=dg.ReexecutionOptions(newest.run_id),
        )
    assert result.success
    run = world.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.root_run_id == newest.run_id


def requests_of(world: World, act: Callable[[], Any]) -> Counter[str]:
    """How often each endpoint was asked, whichever the job."""
    before = len(world.sandbox.requests)
    act()
    asked = [*world.sandbox.requests][before:]
    paths = (f"{method} {re.sub(r'/jobs/[^/]+', '/jobs/id', path)}" for method, path in asked)
    return Counter(path for path in paths if "oauth" not in path)


def requests_of_the_rest(bases: Bases, place: Place, committed: Mapping[str, set[str]]) -> Counter[str]:
    """What a run of the days costs that the killed one did not store."""
    world = bases.world(bases.copy(place.base), dg.DagsterInstance.ephemeral())
    (name,) = place.killed.assets
    every = {*world.lake.log(name).partitions()}
    rest = {name: every - committed.get(name, set())}
    if not rest[name]:
        return Counter({path: 1 for path in _ASKED_ALWAYS if name in (DETAILS, OVERLAP)})
    return requests_of(world, lambda: [part.run(world) for part in place.killed.only(rest)])


_ASKED_ALWAYS = ("GET /api/v2/analytics/conversations/details/jobs/availability",)


# -- names -------------------------------------------------------------------------------------------------------------

READ_NAMES = Step("daily", (QUEUES, HISTORY))
OF_NAMES = [Kill(COMMIT, 1, True), Kill(COMMIT, 2, True)]
if ALL_PLACES:
    OF_NAMES += [Kill(COMMIT), Kill(WRITE_PAGE), *_around(COMMIT, 3), Kill(reported("reference"), 1, True)]


@pytest.mark.parametrize("place", OF_NAMES, ids=str)
def test_a_name_that_a_killed_run_stored_is_in_the_names_over_time_though_it_is_gone_when_the_next_run_reads(
    bases: Bases, place: Kill
) -> None:
    folder = bases.folder / f"names {place}"
    (folder / "home").mkdir(parents=True)
    with dg.DagsterInstance.local_temp(f"{folder / 'home'}") as instance:
        world, organisation = bases.world(folder, instance), bases.sandbox.organisation
        bases.first_state()
        READ_NAMES.run(world)
        renamed, removed, *_ = names_stored(world)
        bases.present.at = NOW + HOUR
        organisation.rename("queues", renamed, "For an hour")
        organisation.remove("queues", removed)
        kill(world, folder / "home", READ_NAMES, place)
        seen = names_stored(world)
        bases.first_state(NOW + 2 * HOUR)
        READ_NAMES.run(world)
        history = world.lake.read(HISTORY, None).to_pylist()
        compare_names_with_history(world)
        compare_dagster_with_lake(world)
        known = [(row["name"], row["is_deleted"]) for row in history if row["id"] in (renamed, removed)]
        assert all(seen[queue] in known for queue in (renamed, removed))
        assert len(known) in (2, 6)
    bases.first_state()


def test_a_queue_that_only_the_names_of_a_killed_run_know_is_deleted_when_the_next_run_does_not_see_it(
    bases: Bases,
) -> None:
    folder = bases.folder / "a queue for an hour"
    (folder / "home").mkdir(parents=True)
    with dg.DagsterInstance.local_temp(f"{folder / 'home'}") as instance:
        world, organisation = bases.world(folder, instance), bases.sandbox.organisation
        bases.first_state()
        queue = organisation.directory.queues[0].id
        organisation.remove("queues", queue)
        READ_NAMES.run(world)
        bases.first_state(NOW + HOUR)
        kill(world, folder / "home", READ_NAMES, Kill(COMMIT, 1, True))
        bases.present.at = NOW + 2 * HOUR
        organisation.remove("queues", queue)
        READ_NAMES.run(world)
        compare_names_with_history(world)
        assert names_stored(world)[queue][1] is True
    bases.first_state()


def names_stored(world: World) -> dict[str, tuple[str, bool]]:
    return {row["id"]: (row["name"], row["is_deleted"]) for row in world.lake.read(QUEUES, None).to_pylist()}


def compare_names_with_history(world: World) -> None:
    """The present names of the one are those of the other."""
    rows = world.lake.read(HISTORY, None).to_pylist()
    present = {row["id"]: (row["name"], row["is_deleted"]) for row in rows if row["valid_to"] is None}
    assert present == names_stored(world)

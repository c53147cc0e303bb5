"""Lakes in which a run died, and lakes in which runs did the same without dying. Tests work on copies."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from genesys_assets.sandbox.server import Sandbox
from genesys_assets_tests import plain_figures as plain
from genesys_assets_tests.assets.world import World
from genesys_assets_tests.processes import ended
from genesys_assets_tests.scenarios.conftest import FixedNow
from genesys_assets_tests.scenarios.killed_runs.commits import commits
from genesys_assets_tests.scenarios.killed_runs.places import ONE, TWO, Place, Step
from genesys_assets_tests.scenarios.killed_runs.process import DEFINITIONS, Kill, Order, run

NOW = datetime(2026, 1, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CommitRecord = Mapping[str, set[str]]
"""By table the partitions."""


@dataclass
class Lakes:
    """Makes one lake of each kind, with Dagster's data: read once; read up to a place; dead at a place."""

    sandbox: Sandbox
    present: FixedNow
    folder: Path
    _count: int = 0
    _dead: dict[str, tuple[Path, CommitRecord]] = field(default_factory=dict)
    _made: dict[Any, Path] = field(default_factory=dict)
    _lived: dict[Any, World] = field(default_factory=dict)

    # -- the organisation ----------------------------------------------------------------------------------------------

    def first_state(self, at: datetime = NOW) -> None:
        self.present.at = at
        self.sandbox.organisation.restore()

    def second_state(self, at: datetime = NOW + HOUR) -> None:
        """On each day, one conversation is deleted and one restated."""
        self.first_state(at)
        organisation = self.sandbox.organisation
        for day in (ONE, TWO):
            handled = [item for item in organisation.conversations(date.fromisoformat(day)) if _is_handled(item)]
            organisation.restate(handled[0]["conversationId"], _longer)
            organisation.delete(handled[1]["conversationId"])

    # -- folders: the lake and Dagster's home --------------------------------------------------------------------------

    @contextmanager
    def opened(self, folder: Path) -> Iterator[World]:
        """Open the folder with its Dagster instance."""
        (folder / "home").mkdir(parents=True, exist_ok=True)
        with dg.DagsterInstance.local_temp(f"{folder / 'home'}") as instance:
            yield self.world(folder, instance)

    def world(self, folder: Path, instance: dg.DagsterInstance) -> World:
        settings = {"GENESYS_ASSETS_KEEP_VERSIONS_HOURS": "0"}
        return World(self.sandbox, folder / "lake", DEFINITIONS, settings, instance)

    def empty(self) -> Path:
        self._count += 1
        return self.folder / f"{self._count}"

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copytree(folder, self.empty()))

    def read_once(self, steps: tuple[Step, ...]) -> Path:
        """A lake in which all steps ran with the first state."""
        if steps not in self._made:
            made = self.empty()
            self.first_state()
            self._run(made, steps)
            self._made[steps] = made
        return self._made[steps]

    def about_to(self, place: Place) -> Path:
        """A lake in which the second state was read up to the step that dies. The second state is the present one."""
        base, known = self.read_once(place.base), (place.base, place.before)
        self.second_state()
        if known not in self._made:
            made = self.copy(base)
            self._run(made, place.before)
            self._made[known] = made
        return self._made[known]

    def dead(self, place: Place) -> tuple[Path, CommitRecord]:
        """A copy of a lake in which the step died, and its commits so far. The second state is the present one."""
        if repr(place) not in self._dead:
            made = self.copy(self.about_to(place))
            self._dead[repr(place)] = made, self.kill(made, place.killed, place.kill)
        made, committed = self._dead[repr(place)]
        self.second_state()
        return self.copy(made), committed

    def lived(self, place: Place, committed: CommitRecord, steps: Sequence[Step], later: datetime) -> World:
        """A lake in which runs committed the same without dying. Then the steps run, with the first state at a later
        time, or still with the second.
        """
        what = tuple(sorted((name, tuple(sorted(partitions))) for name, partitions in committed.items()))
        known = repr((place.steps, place.killed, what, later))
        if known not in self._lived:
            self._lived[known] = self._live(place, committed, steps, later)
        return self._lived[known]

    def _live(self, place: Place, committed: CommitRecord, steps: Sequence[Step], later: datetime) -> World:
        world = self.world(self.copy(self.about_to(place)), dg.DagsterInstance.ephemeral())
        for part in place.killed.only(committed):
            part.run(world)
        if later > NOW + HOUR:
            self.first_state(later)
        for step in steps:
            step.run(world)
        return world

    def _run(self, folder: Path, steps: Sequence[Step]) -> None:
        with self.opened(folder) as world:
            for step in steps:
                step.run(world)

    def kill(self, folder: Path, step: Step, place: Kill) -> CommitRecord:
        """Run a step in a process that dies at the place; returns its commits so far."""
        world = self.world(folder, dg.DagsterInstance.ephemeral())
        before = versions(world)
        asked = (step.job, step.assets, step.partition, step.between, step.config)
        order = Order(world.environment, f"{folder / 'home'}", *asked, place, self.present())
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload([run.__module__])
        process = forking.Process(target=run, args=(order,), daemon=True)
        process.start()
        assert ended(process) == -signal.SIGKILL, f"there is no {place}"
        return _committed_since(world, before)


def versions(world: World) -> dict[str, int]:
    logs = sorted(world.folder.rglob("_delta_log"))
    return {str(log.parent.relative_to(world.folder)): len([*log.glob("*.json")]) for log in logs}


def _committed_since(world: World, before: Mapping[str, int]) -> CommitRecord:
    done = {
        name: {key for commit in [*commits(world.folder / name)][before.get(name, 0) :] for key in commit.readings}
        for name, count in versions(world).items()
        if count > before.get(name, 0)
    }
    return {name: partitions for name, partitions in done.items() if partitions}


def _is_handled(item: plain.Item) -> bool:
    return any(any(session.emitted("tHandle")) for session in plain.sessions([item]))


def _longer(item: plain.Item) -> None:
    for session in plain.sessions([item]):
        for metric in session.item.get("metrics", ()):
            if metric["name"] == "tHandle":
                metric["value"] += 1_234
                return

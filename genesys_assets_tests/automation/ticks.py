"""Evaluates sensors as Dagster's daemon does, at simulated times, and executes the runs that they request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import time_machine

from genesys_assets.automation.progress import RANGE_END, RANGE_START
from genesys_assets.automation.sensors import SENSORS
from genesys_assets.keys import place
from genesys_assets_tests.assets.world import World, environment
from genesys_assets_tests.scenarios.conftest import FixedNow

_QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_MOST_TICKS = 60
_OURS = {each.name for each in SENSORS}


@dataclass(frozen=True)
class SensorRequest:
    """One request of a sensor: first and last partition, and the assets."""

    sensor: str
    first: str
    last: str
    assets: frozenset[str]


@dataclass
class Ticks:
    """The sensors that fill a lake, a clock that stands still, and all requests so far."""

    world: World
    present: FixedNow
    asked: list[SensorRequest] = field(default_factory=list)
    off: set[str] = field(default_factory=set)
    carries_out: bool = True
    """Whether runs are carried out; else they stay in the queue."""

    def at(self, moment: datetime) -> list[SensorRequest]:
        """Set the clock, evaluate all sensors and execute the runs that they request, until they request nothing
        more."""
        self.present.at = moment
        before = len(self.asked)
        with time_machine.travel(moment, tick=True), environment(self.world.environment):
            for _ in range(_MOST_TICKS):
                if not [each for name in self.names for each in self._tick(name)]:
                    return self.asked[before:]
        raise AssertionError(f"the sensors ask again and again: {self.asked[-3:]}")

    def every(self, step: timedelta, until: datetime) -> None:
        """Move the clock on by steps."""
        while self.present.at + step <= until:
            self.at(self.present.at + step)

    @property
    def names(self) -> Sequence[str]:
        sensors = self.world.definitions.get_repository_def().sensor_defs
        return [each.name for each in sensors if each.name in _OURS and each.name not in self.off]

    def _tick(self, name: str) -> Iterator[SensorRequest]:
        for request in self.requests(name):
            tags = dict(request.tags)
            assets = frozenset(place(key) for key in request.asset_selection or ())
            asked = SensorRequest(name, tags.get(RANGE_START, ""), tags.get(RANGE_END, ""), assets)
            self.asked.append(asked)
            (self._carry_out if self.carries_out else self._queue)(name, request)
            yield asked

    def requests(self, name: str) -> Sequence[dg.RunRequest]:
        """The runs that a sensor requests now."""
        location = self.world.definitions.get_repository_def()
        every = location.get_top_level_resources()
        resources = {resource: every[resource] for resource in ("genesys_cloud", "lake", "publishing")}
        with dg.build_sensor_context(
            instance=self.world.instance, repository_def=location, resources=resources
        ) as context:
            return list(location.get_sensor_def(name).evaluate_tick(context).run_requests or ())

    def _carry_out(self, name: str, request: dg.RunRequest) -> None:
        self._job(name).execute_in_process(
            instance=self.world.instance,
            tags=dict(request.tags),
            asset_selection=list(request.asset_selection) if request.asset_selection else None,
            run_config=_QUIET,
            raise_on_error=False,
        )

    def _queue(self, name: str, request: dg.RunRequest) -> None:
        self.world.instance.create_run_for_job(
            self._job(name),
            tags=dict(request.tags),
            asset_selection=frozenset(request.asset_selection) if request.asset_selection else None,
            status=dg.DagsterRunStatus.NOT_STARTED,
        )

    def _job(self, sensor: str) -> dg.JobDefinition:
        job = self.world.definitions.get_repository_def().get_sensor_def(sensor).job_name
        assert job is not None
        return self.world.definitions.resolve_job_def(job)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    with time_machine.travel(moment, tick=True):
        yield

"""The code location: it loads, and `day_is_out` runs when a day is published and at no other time."""

import warnings
from typing import Any

import dagster as dg

from downstream.assets import PUBLISHED, day_is_out
from downstream.definitions import defs

DAYS = ("2026-02-03", "2026-02-04")


def test_the_code_location_loads_without_a_warning() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dg.Definitions.validate_loadable(defs())
    assert [str(warning.message) for warning in caught] == []


class Sensor:
    """`when_published`, switched on with the first tick, as Dagster's daemon evaluates it."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: Any = None

    def publish(self, day: str) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(PUBLISHED.key, partition=day))

    def tick(self) -> set[str]:
        """The days of `day_is_out` that it would run now."""
        result = dg.evaluate_automation_conditions(
            defs(), self.instance, asset_selection=dg.AssetSelection.assets(day_is_out), cursor=self.cursor
        )
        self.cursor = result.cursor
        return {str(day) for day in result.get_requested_partitions(day_is_out.key)}


def test_a_day_runs_once_each_time_that_it_is_published() -> None:
    sensor = Sensor()
    assert sensor.tick() == set()
    sensor.publish(DAYS[1])
    assert sensor.tick() == {DAYS[1]}
    assert sensor.tick() == set()
    sensor.publish(DAYS[1])
    sensor.publish(DAYS[0])
    assert sensor.tick() == {DAYS[0], DAYS[1]}


def test_what_was_published_before_the_sensor_was_switched_on_does_not_run() -> None:
    sensor = Sensor()
    sensor.publish(DAYS[0])
    assert sensor.tick() == set()
    assert sensor.tick() == set()

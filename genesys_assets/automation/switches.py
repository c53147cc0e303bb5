"""Which sensors and schedules run although nobody has switched them on in the UI; as shipped, none."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg


def sensor_status(name: str, running: Collection[str]) -> dg.DefaultSensorStatus:
    """The default status of the sensor of that name: running if it is among those that are to run."""
    return dg.DefaultSensorStatus.RUNNING if name in running else dg.DefaultSensorStatus.STOPPED


def schedule_status(name: str, running: Collection[str]) -> dg.DefaultScheduleStatus:
    """The default status of a schedule."""
    return dg.DefaultScheduleStatus.RUNNING if name in running else dg.DefaultScheduleStatus.STOPPED


def switches(layers: Collection[str]) -> list[str]:
    """The names of all sensors and schedules of a pipeline with these layers."""
    from genesys_assets.automation.sensors import KINDS

    sensors = [kind.name for kind in KINDS if kind.layer in layers]
    by_layer = {"ops": "reports_file", "live": "live"}
    return [*sensors, *(name for layer, name in by_layer.items() if layer in layers), *_OF_ANY_LAYER]


_OF_ANY_LAYER = ("run_failure", "late", "unreported", "run_metrics")

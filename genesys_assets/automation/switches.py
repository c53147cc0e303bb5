"""Which sensors and schedules run without being switched on in the UI. By default none."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg


def sensor_status(name: str, running: Collection[str]) -> dg.DefaultSensorStatus:
    """The default status of a sensor: RUNNING if its name is in `running`."""
    return dg.DefaultSensorStatus.RUNNING if name in running else dg.DefaultSensorStatus.STOPPED


def schedule_status(name: str, running: Collection[str]) -> dg.DefaultScheduleStatus:
    """The default status of a schedule: RUNNING if its name is in `running`."""
    return dg.DefaultScheduleStatus.RUNNING if name in running else dg.DefaultScheduleStatus.STOPPED


def switches(layers: Collection[str]) -> list[str]:
    """The names of all sensors and schedules of a pipeline with these layers."""
    from genesys_assets.automation.sensors import SENSORS

    sensors = [spec.name for spec in SENSORS if spec.layer in layers]
    by_layer = {"ops": "reports_file", "live": "live"}
    return [*sensors, *(name for layer, name in by_layer.items() if layer in layers), *_OF_ANY_LAYER]


_OF_ANY_LAYER = ("run_failure", "late", "unreported", "run_metrics")

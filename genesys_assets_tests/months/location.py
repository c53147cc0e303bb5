"""The package's code location as Dagster's daemon loads it, except that waiting takes only simulated time, and sensors
and runs share one opened lake.
"""

from __future__ import annotations

from functools import cache

import dagster as dg

from genesys_assets.definitions import build_definitions
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import shared_lake
from genesys_assets.resources import LakeResource
from genesys_assets_tests.months.clock import SimulatedGenesysCloud


class SharedLake(LakeResource):
    """A lake shared as sensors share it. A run in its own process would read each log again, which takes a tenth of the
    time."""

    @property
    def lake(self) -> Lake:
        return shared_lake(self.location)


@cache
def built() -> dg.Definitions:
    """The definitions, built once until `built.cache_clear()`, because Dagster loads the location for each run."""
    return build_definitions(resources={"genesys_cloud": SimulatedGenesysCloud(), "lake": SharedLake()})


@dg.definitions
def defs() -> dg.Definitions:
    return built()

"""The code location as Dagster's daemon loads it: the package's own, with waiting that takes simulated time only, and
a lake of which sensors and runs share what was read.
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
    """As sensors have it: a run of a process of its own would read each log anew, which takes a tenth of the time."""

    @property
    def lake(self) -> Lake:
        return shared_lake(self.location)


@cache
def built() -> dg.Definitions:
    """Dagster loads a location for each run in this process; it is built once, until `built.cache_clear()`."""
    return build_definitions(resources={"genesys_cloud": SimulatedGenesysCloud(), "lake": SharedLake()})


@dg.definitions
def defs() -> dg.Definitions:
    return built()

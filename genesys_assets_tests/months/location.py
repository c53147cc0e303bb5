"""The code location as Dagster's daemon loads it: the package's own, with waiting that takes simulated time only."""

from __future__ import annotations

from functools import cache

import dagster as dg

from genesys_assets.definitions import build_definitions
from genesys_assets_tests.months.clock import SimulatedGenesysCloud


@cache
def built() -> dg.Definitions:
    """Dagster loads a location for each run in this process; it is built once, until `built.cache_clear()`."""
    return build_definitions(resources={"genesys_cloud": SimulatedGenesysCloud()})


@dg.definitions
def defs() -> dg.Definitions:
    return built()

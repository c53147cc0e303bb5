"""The code location as Dagster's daemon loads it: the package's own, with waiting that takes simulated time only."""

from __future__ import annotations

from functools import cache

import dagster as dg

from genesys_assets.definitions import build_definitions
from genesys_assets_tests.months.clock import SimulatedGenesysCloud


class NoS3(dg.ConfigurableResource["NoS3"]):
    """Days are published into a folder: nobody asks for a client, and to make one takes as long as a run."""

    def get_client(self) -> None:
        raise AssertionError("Nothing of a simulated month lies on S3.")


@cache
def built() -> dg.Definitions:
    """Dagster loads a location for each run in this process; it is built once, until `built.cache_clear()`."""
    return build_definitions(resources={"genesys_cloud": SimulatedGenesysCloud(), "s3": NoS3()})


@dg.definitions
def defs() -> dg.Definitions:
    return built()

"""How thoroughly races and kills are tested: a little in every run of the suite, more on demand.

GENESYS_ASSETS_TESTS_SEEDS=300        interleavings of each race, from as many seeds
GENESYS_ASSETS_TESTS_KILLS=1000       kills of each piece of work, or all of its steps if these are fewer; and every
place at which a run of Dagster can die (`scenarios.killed_runs`)

`make kills` sets both.
"""

from __future__ import annotations

import os


def seeds(usual: int) -> range:
    """The seeds of one test."""
    return range(int(os.environ.get("GENESYS_ASSETS_TESTS_SEEDS", usual)))


def kills(usual: int) -> int:
    """How often one piece of work is killed at most."""
    return int(os.environ.get("GENESYS_ASSETS_TESTS_KILLS", usual))


def is_thorough() -> bool:
    """Whether more kills than usual are requested."""
    return "GENESYS_ASSETS_TESTS_KILLS" in os.environ

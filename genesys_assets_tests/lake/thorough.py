"""How thoroughly races and kills are tested: a little in every run of the suite, as much as one likes on demand.

GENESYS_ASSETS_TESTS_SEEDS=300        interleavings of each race, from as many seeds
GENESYS_ASSETS_TESTS_KILLS=1000       kills of each work, all there can be where there are fewer; and every place at
                                      which a run of Dagster dies (`scenarios.killed_runs`)

`make kills` sets both.
"""

from __future__ import annotations

import os


def seeds(usual: int) -> range:
    """The seeds of one test."""
    return range(int(os.environ.get("GENESYS_ASSETS_TESTS_SEEDS", usual)))


def kills(usual: int) -> int:
    """How often one work is killed at most."""
    return int(os.environ.get("GENESYS_ASSETS_TESTS_KILLS", usual))


def is_thorough() -> bool:
    """Whether kills are asked for that are not usual."""
    return "GENESYS_ASSETS_TESTS_KILLS" in os.environ

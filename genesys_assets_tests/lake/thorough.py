"""How thoroughly races and kills are tested: a little in every run of the suite, as much as one likes on demand.

GENESYS_ASSETS_TESTS_SEEDS=300        interleavings of each race, from as many seeds
GENESYS_ASSETS_TESTS_EVERY_KILL=1     every point at which a process can be killed
"""

from __future__ import annotations

import os


def seeds(usual: int) -> range:
    """The seeds of one test."""
    return range(int(os.environ.get("GENESYS_ASSETS_TESTS_SEEDS", usual)))


def every_kill() -> bool:
    return bool(os.environ.get("GENESYS_ASSETS_TESTS_EVERY_KILL"))

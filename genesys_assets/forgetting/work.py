"""The state of a run that forgets people: what it searches for, and what it has done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from genesys_assets.forgetting.recomputed import Partition
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.lake.lake import Lake
from genesys_assets.privacy.forgotten import ForgottenIds

LIST_OF_DAYS = "the list of days"
"""The name of the published list among the published days."""


@dataclass(slots=True)
class ForgettingResult:
    """What was done, or would be done. The counters are by table.

    `partitions` were rewritten; `old_files` are removed files of older versions; `published_files` are counted by day;
    `published_days` says what was done with each of these days. `statistics` are files of logs whose statistics
    changed, and changed records of imported files and definitions of reports. `days` are those whose tables changed.
    `withdrawn` are partitions of reports that are no longer stored, with the reason. `problems` is what could not be
    done, by what it concerns.
    `not_found` are the given ids about which nothing is stored, each with its kind, and whether it was on the list
    before.
    """

    partitions: Counter[str] = field(default_factory=Counter)
    rows_removed: Counter[str] = field(default_factory=Counter)
    rows_changed: Counter[str] = field(default_factory=Counter)
    old_files: Counter[str] = field(default_factory=Counter)
    published_files: Counter[str] = field(default_factory=Counter)
    statistics: Counter[str] = field(default_factory=Counter)
    published_days: dict[str, str] = field(default_factory=dict)
    days: set[str] = field(default_factory=set)
    withdrawn: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    not_found: dict[str, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Work:
    """What to search for in a lake, and what was done so far. The `affected` partitions contain somebody, and the
    `concerned` partitions of reports were computed from these.
    """

    lake: Lake
    who: ForgottenIds
    found: KnownTraces
    report: ForgettingResult
    dry_run: bool = False
    affected: set[Partition] = field(default_factory=set)
    concerned: list[Partition] = field(default_factory=list)
    waits: bool = False
    """Whether a file or table remains that can only be searched by names and numbers. These are read from tables and
    pages, so tables and pages must not be rewritten yet."""
    damaged: set[str] = field(default_factory=set)
    """Tables whose logs cannot be read: they are left as they are."""

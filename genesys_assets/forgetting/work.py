"""What is looked for in the whole lake, and what was done about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from genesys_assets.forgetting.recomputed import Partition
from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.lake.lake import Lake
from genesys_assets.privacy.forgotten import Forgotten


@dataclass(slots=True)
class ForgettingResult:
    """What was done, by table: partitions rewritten, rows that went, rows that changed, answers that changed, files of
    older versions that went, files of logs whose statistics changed; and what could not be done. `days` are those whose
    tables changed, `withdrawn` the partitions of reports that are not stored any more, with the reason.
    """

    partitions: Counter[str] = field(default_factory=Counter)
    rows_removed: Counter[str] = field(default_factory=Counter)
    rows_changed: Counter[str] = field(default_factory=Counter)
    old_files: Counter[str] = field(default_factory=Counter)
    published_files: Counter[str] = field(default_factory=Counter)
    statistics: Counter[str] = field(default_factory=Counter)
    days: set[str] = field(default_factory=set)
    withdrawn: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Work:
    """What is looked for in a lake, and what was done so far. Somebody stands in the partitions that are `affected`;
    those of reports that are `concerned` are made of these.
    """

    lake: Lake
    who: Forgotten
    found: KnownTraces
    report: ForgettingResult
    dry_run: bool = False
    affected: set[Partition] = field(default_factory=set)
    concerned: list[Partition] = field(default_factory=list)
    waits: bool = False
    """Whether something is left that is known only by names and numbers, which are read from tables and pages."""

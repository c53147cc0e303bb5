"""Takes imported files out of the lake again; pages of other files stay.

A day without other pages keeps an empty partition of imported pages, so that its tables can be materialised and become
empty. `imports/<sha256>.json` notes what each file brought, see `into_lake`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePosixPath

from genesys_assets.days.sources import DAILY as DAILY_DETAILS
from genesys_assets.days.sources import DAILY_AGGREGATES, HOURLY_AGGREGATES
from genesys_assets.days.sources import HOURLY as HOURLY_DETAILS
from genesys_assets.importing.into_lake import Outcome, file_of, record_of, until_not_overtaken, write_pages
from genesys_assets.importing.pages import ASSETS, DAILY, DETAILS, HOURLY
from genesys_assets.importing.spool import Partition
from genesys_assets.lake.lake import Lake

_FETCHED = {
    DETAILS: (DAILY_DETAILS, HOURLY_DETAILS),
    HOURLY: (HOURLY_AGGREGATES,),
    DAILY: (DAILY_AGGREGATES,),
}
"""The fetched pages of the days that files have brought data for."""


@dataclass(slots=True)
class TakeBackResult:
    """The files, and the partitions that changed."""

    outcomes: list[Outcome] = field(default_factory=list)
    changed: set[Partition] = field(default_factory=set)

    def days(self, asset: str) -> list[str]:
        """The days of an asset that the files were of, repeated after a kill, and others that changed."""
        of_files = {day for outcome in self.outcomes for day in outcome.partitions.get(asset, ())}
        return sorted(of_files | {day for name, day in self.changed if name == asset})


def imported_files(lake: Lake, names: Sequence[str]) -> dict[str, Outcome]:
    """The files that were imported under one of these names, by their sha256: a path, a folder, or a pattern with `*`,
    `?` or `[…]`, as the import printed it; or the sha256.
    """
    found = {}
    for key in lake.store.keys("imports"):
        noted = lake.store.get(key)
        if noted is not None:
            sha256, outcome = PurePosixPath(key).stem, Outcome(**json.loads(noted)["outcome"])
            if any(_is_named(outcome.file, name) or sha256 == name for name in names):
                found[sha256] = outcome
    return found


def _is_named(file: str, name: str) -> bool:
    return file == name or fnmatchcase(file, name) or file.startswith(f"{name.rstrip('/')}/")


def take_back(lake: Lake, files: Mapping[str, Outcome]) -> TakeBackResult:
    """Take out of the lake what files brought. Days that lose something no longer count as complete."""
    brought: dict[Partition, set[str]] = defaultdict(set)
    for sha256, outcome in files.items():
        for asset, days in outcome.partitions.items():
            for day in days:
                brought[asset, day].add(sha256)
    return _take_back(lake, files, brought)


def take_back_everything(lake: Lake) -> TakeBackResult:
    """Take out of the lake everything that was ever imported, and the notes that days without files are complete."""
    partitions = [(asset, day) for asset in ASSETS for day in lake.page_partitions(f"pages/{asset}")]
    return _take_back(lake, imported_files(lake, ["*"]), dict.fromkeys(partitions))


def _take_back(
    lake: Lake, files: Mapping[str, Outcome], brought: Mapping[Partition, Collection[str] | None]
) -> TakeBackResult:
    """First the pages, then which file they were of."""
    done = TakeBackResult(list(files.values()))
    for partition, of_files in sorted(brought.items()):
        until_not_overtaken(lake, partition, partial(_take_out, partition=partition, files=of_files, done=done))
    for sha256 in files:
        lake.store.delete(record_of(sha256))
    return done


def _take_out(lake: Lake, partition: Partition, files: Collection[str] | None, done: TakeBackResult) -> None:
    """Take the pages of some files out of a partition, None: of all. Raises Overtaken."""
    asset, day = partition
    stored = lake.pages(f"pages/{asset}", day)
    if stored is None:
        return
    of_file = [file_of(stored.about(index).request) for index in range(len(stored))]
    kept = [index for index, sha256 in enumerate(of_file) if files is not None and sha256 not in files]
    is_complete = stored.reach is not None and stored.reach.is_complete
    if len(kept) == len(stored) and not (files is None and is_complete):
        return
    if kept or not _is_fetched(lake, partition):
        write_pages(lake, partition, (stored[index] for index in kept), False, {"source": "import taken back"})
    else:
        lake.remove(f"pages/{asset}", [day], builds_on_stored=True)
    done.changed.add(partition)


def _is_fetched(lake: Lake, partition: Partition) -> bool:
    """Whether anything of the same day was fetched."""
    asset, day = partition
    return any(key[:10] == day for place in _FETCHED[asset] for key in lake.page_partitions(place))

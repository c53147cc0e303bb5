"""Removes imported files from the lake again; pages of other files stay.

A day without other pages keeps an empty partition of imported pages, unless data of the same kind was fetched for it:
so its tables can be materialised and become empty. The records of the files say which partitions they have: see
`records`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial

from genesys_assets.importing.imported_page import ASSETS, file_of
from genesys_assets.importing.partitions import is_fetched, until_committed, write_pages
from genesys_assets.importing.records import Outcome, files_in, key_of, read_records
from genesys_assets.importing.spool import Partition
from genesys_assets.lake.files import StoredPages, Unreadable
from genesys_assets.lake.lake import Lake


@dataclass(slots=True)
class TakeBackResult:
    """The outcomes of the files that were removed, and the partitions that changed."""

    outcomes: list[Outcome] = field(default_factory=list)
    changed: set[Partition] = field(default_factory=set)

    def days(self, asset: str) -> list[str]:
        """The days of an asset that the files had pages in, or that changed. After a killed run this lists all days of
        the files again.
        """
        of_files = {day for outcome in self.outcomes for day in outcome.partitions.get(asset, ())}
        return sorted(of_files | {day for name, day in self.changed if name == asset})


def imported_files(lake: Lake, names: Sequence[str]) -> dict[str, Outcome]:
    """The outcomes of imported files, by their sha256. A name is a path as the import printed it, a folder, a pattern
    with `*`, `?` or `[…]`, or a sha256.
    """
    return {
        sha256: record.outcome
        for sha256, record in read_records(lake)
        if any(_is_named(record.outcome.file, name) or sha256 == name for name in names)
    }


def _is_named(file: str, name: str) -> bool:
    return file == name or fnmatchcase(file, name) or file.startswith(f"{name.rstrip('/')}/")


def take_back(lake: Lake, files: Mapping[str, Outcome]) -> TakeBackResult:
    """Remove files from the lake. Days that lose pages are no longer complete."""
    by_partition: dict[Partition, set[str]] = defaultdict(set)
    for sha256, outcome in files.items():
        for asset, days in outcome.partitions.items():
            for day in days:
                by_partition[asset, day].add(sha256)
    return _take_back(lake, files, by_partition)


def take_back_everything(lake: Lake) -> TakeBackResult:
    """Remove everything that was ever imported, including empty days that were marked as complete."""
    partitions = [(asset, day) for asset in ASSETS for day in lake.page_partitions(f"pages/{asset}")]
    return _take_back(lake, imported_files(lake, ["*"]), dict.fromkeys(partitions))


def _take_back(
    lake: Lake, files: Mapping[str, Outcome], by_partition: Mapping[Partition, Collection[str] | None]
) -> TakeBackResult:
    """Remove first the pages, then the records of the files."""
    result, own = TakeBackResult(list(files.values())), lake.isolated()
    try:
        for partition, of_files in sorted(by_partition.items()):
            until_committed(own, partition, partial(_take_out, partition=partition, files=of_files, result=result))
    finally:
        lake.look_again(f"pages/{asset}" for asset, _ in by_partition)
    for sha256 in files:
        lake.store.delete(key_of(sha256))
    return result


def _take_out(lake: Lake, partition: Partition, files: Collection[str] | None, result: TakeBackResult) -> None:
    """Remove the pages of some files from a partition; None: of all files. Raises ConcurrentCommit."""
    asset, day = partition
    stored = lake.pages(f"pages/{asset}", day)
    try:
        if stored is not None:
            _take_out_of(stored, lake, partition, files, result)
        elif lake.has(f"pages/{asset}", day):
            _take_out_damaged(lake, partition, files, result)
    except Unreadable:
        _take_out_damaged(lake, partition, files, result)


def _take_out_of(
    stored: StoredPages, lake: Lake, partition: Partition, files: Collection[str] | None, result: TakeBackResult
) -> None:
    """Raises ConcurrentCommit, and Unreadable if a page is damaged."""
    asset, day = partition
    of_file = [file_of(stored.about(index).request) for index in range(len(stored))]
    kept = [index for index, sha256 in enumerate(of_file) if files is not None and sha256 not in files]
    is_complete = stored.reach is not None and stored.reach.is_complete
    if len(kept) == len(stored) and not (files is None and is_complete):
        return
    if kept or not is_fetched(lake, partition):
        write_pages(lake, partition, (stored[index] for index in kept), False, {"source": "import taken back"})
    else:
        lake.remove(f"pages/{asset}", [day], builds_on_stored=True)
    result.changed.add(partition)


def _take_out_damaged(lake: Lake, partition: Partition, files: Collection[str] | None, result: TakeBackResult) -> None:
    """Remove a partition that cannot be read, unless other files have pages there: once these are imported again, it is
    written anew.
    """
    asset, day = partition
    if files is not None and set(files_in(lake, partition)) - set(files):
        return
    if is_fetched(lake, partition):
        lake.remove(f"pages/{asset}", [day], builds_on_stored=True)
    else:
        write_pages(lake, partition, (), False, {"source": "import taken back"})
    result.changed.add(partition)

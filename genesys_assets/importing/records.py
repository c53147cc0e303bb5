"""The records of imported files, `imports/<sha256>.json`: the outcome of a file, the partitions that it has pages in,
and how it was read.

A record is stored before the pages of its file, so that a file whose import was killed can be taken back too.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Literal, Self

from genesys_assets.importing.imported_page import ASSETS, file_of
from genesys_assets.importing.spool import Partition
from genesys_assets.importing.totals import CountedPage
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.privacy.forgotten import ForgottenIds
from genesys_assets.privacy.scrubbed_answers import without_forgotten

_REMARKS = ("notes", "left_out")
"""Fields of the record of an imported file that give a count for each text."""
_FIXED = ("options", "state", "partitions", "known_until", "counted")
"""Fields of the record whose texts are words, days, instants and digests of this project."""


@dataclass(slots=True)
class Outcome:
    """What became of one file. `partitions` are the days it has pages in, by asset; `left_out` counts what could not be
    read, by path and reason; `moved` counts what was left out of these because of other files or of a fetch:
    conversations that are on another day there, conversations that lack what another file has of them, and figures
    whose buckets overlap others.
    `counted`, `last_pages`, `other_pages`, `known_until`, `whole_until`, `cut_until` are as in `pages.FileContents`.
    """

    file: str
    state: Literal["imported", "unchanged", "skipped"]
    reason: str = ""
    shapes: dict[str, int] = field(default_factory=dict)
    conversations: int = 0
    buckets: int = 0
    counted: list[CountedPage] = field(default_factory=list)
    last_pages: list[str] = field(default_factory=list)
    other_pages: dict[str, list[str]] = field(default_factory=dict)
    known_until: dict[str, str] = field(default_factory=dict)
    whole_until: dict[str, str] = field(default_factory=dict)
    cut_until: dict[str, str] = field(default_factory=dict)
    partitions: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    moved: int = 0

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Self:
        """An outcome as a record has it, also the record of a later version with further fields."""
        outcome = cls(**{name: value for name, value in stored.items() if name in cls.__slots__})
        outcome.counted = [CountedPage(*page) for page in outcome.counted]
        return outcome


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of a file, and how it was read: the version of the reader, and the options."""

    outcome: Outcome
    reader_version: int | None
    options: Mapping[str, Any]

    def store(self, lake: Lake, sha256: str, who: ForgottenIds) -> None:
        """Store the record. Ids and names of those in `who` are replaced in texts: the file may be named after
        somebody, and a remark may quote an id.
        """
        content = {
            "reader_version": self.reader_version,
            "options": self.options,
            "outcome": json.loads(json.dumps(asdict(self.outcome), default=str)),
        }
        after = with_texts(content, partial(without_forgotten, who))
        lake.store.put(key_of(sha256), json.dumps(after, indent=1).encode())


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The content of a record with its texts changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [with_texts(each, change) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each
        if name in _FIXED
        else _counted(each, change)
        if name in _REMARKS and isinstance(each, dict)
        else with_texts(each, change)
        for name, each in value.items()
    }


def _counted(remarks: dict[str, int], change: Callable[[str], str]) -> dict[str, int]:
    """Changes the texts of remarks, and keeps their counts. Counts of texts that become equal are added up."""
    changed: Counter[str] = Counter()
    for text, count in remarks.items():
        changed[change(text)] += count
    return dict(changed)


def key_of(sha256: str) -> str:
    """The key of a file's record in the lake."""
    return f"imports/{sha256}.json"


def read_record(lake: Lake, sha256: str) -> Record | None:
    """The record of a file; None if it was never imported, or was taken back."""
    content = lake.store.get(key_of(sha256))
    return None if content is None else _parse(lake, sha256, content)


def read_records(lake: Lake) -> Iterator[tuple[str, Record]]:
    """The sha256 and the record of each imported file."""
    for key in lake.store.keys("imports"):
        path = PurePosixPath(key)
        # Below the records lies the index of `start_index`.
        content = lake.store.get(key) if path.suffix == ".json" else None
        if content is not None:
            sha256 = path.stem
            yield sha256, _parse(lake, sha256, content)


def files_in(lake: Lake, partition: Partition) -> dict[str, str]:
    """The names of the files that have pages in a partition, by sha256, as far as their records say."""
    asset, day = partition
    return {
        sha256: record.outcome.file
        for sha256, record in read_records(lake)
        if day in record.outcome.partitions.get(asset, ())
    }


def _parse(lake: Lake, sha256: str, content: bytes) -> Record:
    """The record in a file; what the stored pages say of the imported file, if its record is damaged."""
    try:
        stored = json.loads(content)
        return Record(Outcome.parse(stored["outcome"]), stored.get("reader_version"), stored.get("options") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return _by_pages(lake, sha256)


def _by_pages(lake: Lake, sha256: str) -> Record:
    """The record of a file as far as its stored pages tell: its name, and the partitions that it has pages in. The file
    can be taken back, and is read once more if it is imported again.
    """
    name, partitions = sha256, dict[str, list[str]]()
    for asset in ASSETS:
        for day in lake.page_partitions(f"pages/{asset}"):
            with contextlib.suppress(Unreadable):
                pages = lake.pages(f"pages/{asset}", day) or ()
                requests = (pages.about(index).request for index in range(len(pages))) if pages else ()
                for request in requests:
                    if file_of(request) == sha256:
                        name = json.loads(request)["path"]
                        partitions.setdefault(asset, []).append(day)
                        break
    return Record(Outcome(name, "imported", partitions=partitions), None, {})

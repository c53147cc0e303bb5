"""All stored partitions of a table as of one version of its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from genesys_assets.lake.delta import DataFile, Key


@dataclass(frozen=True, slots=True)
class StoredPartition:
    """A stored partition: its newest file, and `content`, which identifies its rows and their reach."""

    content: str
    newest: DataFile

    @classmethod
    def of(cls, files: Sequence[DataFile]) -> StoredPartition:
        """The partition that has these files, the oldest first."""
        return cls("+".join(file.content for file in files), files[-1])

    @property
    def written_at(self) -> datetime:
        """When the newest file was added."""
        return datetime.fromtimestamp(self.newest.modified_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class StoredPartitions:
    """All stored partitions of a table as of a version of its log, and their keys in order. `files` are those of that
    version: another version, or another table in its place, has another mapping.
    """

    files: Mapping[Key, Sequence[DataFile]]
    by_key: dict[Key, StoredPartition]
    keys: list[str]

    @classmethod
    def of(cls, files: Mapping[Key, Sequence[DataFile]]) -> StoredPartitions:
        oldest_first = sorted(files.items(), key=lambda of_key: of_key[1][0].modified_ms)
        by_key = {key: StoredPartition.of(of_key) for key, of_key in oldest_first}
        return cls(files, by_key, sorted(filter(None, by_key)))

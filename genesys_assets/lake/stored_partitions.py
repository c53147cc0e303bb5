"""All stored partitions of a table as of one version of its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from genesys_assets.lake.delta import DataFile, DeltaLog


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
    """All stored partitions of a table as of a version of its log, and their keys in order."""

    log: DeltaLog
    version: int
    by_key: dict[str | None, StoredPartition]
    keys: list[str]

    @classmethod
    def of(cls, log: DeltaLog) -> StoredPartitions:
        version = log.version
        files = sorted(log.files_by_key().items(), key=lambda of_key: of_key[1][0].modified_ms)
        by_key = {key: StoredPartition.of(of_key) for key, of_key in files}
        return cls(log, version, by_key, sorted(filter(None, by_key)))

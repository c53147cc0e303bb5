"""All stored partitions of a table as of one version of its log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from genesys_assets.lake.delta import DataFile, DeltaLog


@dataclass(frozen=True, slots=True)
class StoredPartition:
    """A stored partition: its newest file, and `content`, which identifies its rows and their reach."""

    content: str
    newest: DataFile

    @property
    def written_at(self) -> datetime:
        """When the newest file was added."""
        return datetime.fromtimestamp(self.newest.modified_ms / 1000, UTC)

    def with_newer(self, file: DataFile) -> StoredPartition:
        return StoredPartition(f"{self.content}+{file.content}", file)


@dataclass(frozen=True, slots=True)
class StoredPartitions:
    """All stored partitions of a table as of a version of its log, and their keys in order."""

    log: DeltaLog
    version: int
    by_key: dict[str | None, StoredPartition]
    keys: list[str]

    @classmethod
    def of(cls, log: DeltaLog) -> StoredPartitions:
        by_key: dict[str | None, StoredPartition] = {}
        version = log.version
        for key, file in log.every_file():
            older = by_key.get(key)
            by_key[key] = StoredPartition(file.content, file) if older is None else older.with_newer(file)
        return cls(log, version, by_key, sorted(filter(None, by_key)))

"""One partition of some tables while it is being written, and the commits of its tables. `lake` opens it, `writers`
makes the files, `commit` commits one table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.changes import Change
from genesys_assets.lake.commit import Commit, Proposal, StoredState
from genesys_assets.lake.delta import WHOLE, DeltaLog
from genesys_assets.lake.files import ABSENT
from genesys_assets.lake.parquet_files import Provenance
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.writers import TableWriter
from genesys_assets.threads import at_once

if TYPE_CHECKING:
    from genesys_assets.lake.lake import Lake

_TABLES_AT_ONCE = 8


class Writing:
    """The writers of some tables of one partition, by asset, and what their files and commits will state.

    `provenance`, `reach`, `newness` and `made_of` may be set until the block of `Lake.table_writers` ends. Afterwards
    `changes` has the change of each table. `made_of` identifies, by asset, the sources of its rows: see `Lake.made_of`.
    `yields_to_newer`: see `Lake.write`.
    """

    def __init__(
        self, key: str | None, writers: Mapping[str, TableWriter], provenance: Provenance, newness: int
    ) -> None:
        self.key = key
        self.writers = writers
        self.provenance = provenance
        self.reach: Reach | None = None
        self.newness = newness
        self.adds = self.yields_to_newer = False
        self.made_of: dict[str, int] = {}
        self.changes: dict[str, Change] = {}

    def __getitem__(self, asset: str) -> TableWriter:
        return self.writers[asset]

    def add_to_stored(self, lake: Lake) -> None:
        """Add the rows to those stored, which stay, instead of replacing them."""
        self.adds = True
        for asset, writer in self.writers.items():
            writer.absent += Counter(lake.provenance(asset, self.key).get(ABSENT, {}))

    def describe_files(self) -> None:
        for writer in self.writers.values():
            writer.provenance, writer.reach = self.provenance, self.reach

    def audit(self) -> None:
        """Raises AuditFailed where a file must not be committed."""
        by_asset = {asset: writer.audit(self.key) for asset, writer in self.writers.items()}
        failed = {asset: findings for asset, findings in by_asset.items() if findings}
        if failed:
            raise AuditFailed(self.key, failed)


def commit_tables(
    writing: Writing, logs: Mapping[str, DeltaLog], stored: Mapping[str, StoredState], *, builds_on_stored: bool
) -> dict[str, Change]:
    """Commits the files of a writing, one commit per table; returns the change of each. `logs` and `stored` have the
    log of each table, and the state of the partition before the writing began. `builds_on_stored`, and errors: see
    `Lake.table_writers`.
    """
    commits = {
        asset: Commit(
            logs[asset],
            [
                Proposal(
                    writing.key,
                    writer,
                    stored[asset],
                    writing.newness,
                    builds_on_known=builds_on_stored,
                    adds=writing.adds,
                    yields_to_newer=writing.yields_to_newer,
                )
            ],
            writing.provenance.get("run_id"),
            {made_of_name(writing.key): writing.made_of[asset]} if asset in writing.made_of else {},
        )
        for asset, writer in writing.writers.items()
    }
    with at_once(_TABLES_AT_ONCE, len(commits), "commit") as map_:
        list(map_(Commit.prepare, commits.values()))
        # Each table may be made from the one before: commit in this order, so that a process that dies in between
        # never leaves a table that is newer than what it is made from.
        by_table = (map if builds_on_stored else map_)(Commit.commit, commits.values())
        return {asset: changes[writing.key] for asset, changes in zip(commits, by_table, strict=True)}


def made_of_name(key: str | None) -> str:
    """The name in a log of the number that identifies what a partition is made of, such as `made_of 2026-01-31`."""
    return f"made_of {key or WHOLE}"

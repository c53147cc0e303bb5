"""One partition of some tables while it is being written. `lake` opens and commits it; `writers` makes the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.changes import Change
from genesys_assets.lake.files import ABSENT
from genesys_assets.lake.parquet_files import Provenance
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.writers import TableWriter

if TYPE_CHECKING:
    from genesys_assets.lake.lake import Lake


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

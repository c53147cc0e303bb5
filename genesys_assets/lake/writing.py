"""What is being written to one partition of some tables: the writers, and what their files and commits will say.

It is opened and committed in `lake`; how rows become a file is in `writers`.
"""

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
    """The writers of some tables of one partition, by asset, and what their files and commits will say.

    `provenance`, `reach`, `newness` and `made_of` may be set until the block ends; `changes` says afterwards what is
    new. `made_of` identifies, by asset, what its rows are made of: see `Lake.made_of`. `yields_to_newer`: see
    `Lake.write`.
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
        """The rows come after all that are stored, which stay where they are."""
        self.adds = True
        for asset, writer in self.writers.items():
            writer.absent += Counter(lake.provenance(asset, self.key).get(ABSENT, {}))

    def describe_files(self) -> None:
        for writer in self.writers.values():
            writer.provenance, writer.reach = self.provenance, self.reach

    def audit(self) -> None:
        """Raises AuditFailed where a file must not be committed."""
        found = {asset: writer.audit(self.key) for asset, writer in self.writers.items()}
        wrong = {asset: findings for asset, findings in found.items() if findings}
        if wrong:
            raise AuditFailed(self.key, wrong)

"""How downstream assets get tables and reports: by type annotation, one partition or a range.

    @dg.asset(ins={"agents": dg.AssetIn(["genesys", "reports", "agent_daily"])}, partitions_def=…)
    def bonuses(agents: pd.DataFrame) -> pd.DataFrame: ...

Only this module of `lake` knows Dagster. Where files lie is in `lake.lake`.
"""

from __future__ import annotations

from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.lake.lake import Lake
from genesys_assets.tables.spec import Column, TableSpec


class LakeIOManager(dg.ConfigurableIOManager):
    """Loads what lies in the lake as pandas.DataFrame, pyarrow.Table or polars.DataFrame, and stores what downstream
    assets return.

    An input's metadata may name `columns` to read no others.
    """

    location: str | None = None

    @property
    def lake(self) -> Lake:
        from genesys_assets.resources import LakeResource

        return LakeResource(location=self.location).lake

    def load_input(self, context: dg.InputContext) -> Any:
        keys = context.asset_partition_keys if context.has_asset_partitions else None
        metadata = context.definition_metadata or {}
        table = self.lake.read(place(context.asset_key), keys, columns=metadata.get("columns"))
        return convert(table, context.dagster_type.typing_type)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        if obj is None:
            return
        if context.has_asset_partitions and len(context.asset_partition_keys) > 1:
            raise dg.DagsterInvariantViolationError(
                f"{context.asset_key.to_user_string()} returned one table for "
                f"{len(context.asset_partition_keys)} partitions: "
                "write one partition a run, or store the partitions with the `lake` resource."
            )
        table = as_table(obj)
        spec = TableSpec(
            context.asset_key.path[-1],
            "",
            (),
            tuple(Column(field.name, field.type, "") for field in table.schema),
        )
        key = context.asset_partition_key if context.has_asset_partitions else None
        where = place(context.asset_key)
        self.lake.write(where, spec, table, key, {"run_id": context.run_id, "source": "downstream asset"})
        context.add_output_metadata({"dagster/row_count": len(table), "path": self.lake.place(where, key)})


def place(key: dg.AssetKey) -> str:
    """Where an asset lies in the lake: its key without the leading `genesys`."""
    return "/".join(key.path[1:] if key.path[0] == "genesys" else key.path)


def convert(table: pa.Table, wanted: Any) -> Any:
    """The table as the annotated type."""
    name = f"{getattr(wanted, '__module__', '').split('.')[0]}.{getattr(wanted, '__name__', '')}"
    match name:
        case "pandas.DataFrame":
            return table.to_pandas()
        case "polars.DataFrame":
            import polars

            return polars.from_arrow(table)
        case "pyarrow.Table" | "typing.Any" | "builtins.object":
            return table
        case _:
            raise TypeError(
                f"cannot load a table as {wanted!r}: "
                "annotate the input as pandas.DataFrame, pyarrow.Table or polars.DataFrame"
            )


def as_table(value: Any) -> pa.Table:
    """A pandas or polars frame, or an Arrow table, as an Arrow table."""
    if isinstance(value, pa.Table):
        return value
    if hasattr(value, "to_arrow"):
        return value.to_arrow()
    if type(value).__module__.split(".")[0] == "pandas":
        return pa.Table.from_pandas(value, preserve_index=False)
    raise TypeError(
        f"cannot store a {type(value).__name__}: return a pandas.DataFrame, pyarrow.Table or polars.DataFrame"
    )

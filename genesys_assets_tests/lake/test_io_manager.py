"""A team's own code location on the report tables: inputs arrive as annotated, one partition or a range."""

# Dagster reads these annotations when the assets are defined, so they are not postponed.

from pathlib import Path

import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from genesys_assets.lake.io_manager import LakeIOManager, as_table, convert
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.spec import TableSpec, columns

DAILY = dg.DailyPartitionsDefinition("2026-01-30", end_offset=1)
AGENTS = dg.AssetKey(["genesys", "reports", "agent_daily"])
SPEC = TableSpec(
    "agent_daily",
    "One row per agent.",
    ("user_id",),
    columns("user_id string the agent\nminutes number minutes"),
)
DAYS = ("2026-01-30", "2026-01-31")


@pytest.fixture
def location(tmp_path: Path) -> str:
    lake = Lake(LocalStore(tmp_path))
    for number, day in enumerate(DAYS, start=1):
        rows = [{"user_id": f"U{number}", "minutes": 60.0 * number}]
        lake.write("reports/agent_daily", SPEC, pa.Table.from_pylist(rows, SPEC.schema), day, {})
    return str(tmp_path)


@dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS)})
def with_pandas(agents: pd.DataFrame) -> pd.DataFrame:
    return agents.assign(hours=agents["minutes"] / 60)


@dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS)})
def with_arrow(agents: pa.Table) -> pa.Table:
    return agents


@dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS, metadata={"columns": ["minutes"]})})
def with_polars(agents: pl.DataFrame) -> pl.DataFrame:
    return agents


@dg.asset(
    partitions_def=DAILY,
    ins={"agents": dg.AssetIn(AGENTS, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1))},
)
def two_days(agents: pd.DataFrame) -> pd.DataFrame:
    return agents


@dg.asset(ins={"agents": dg.AssetIn(AGENTS)})
def all_days(agents: pd.DataFrame) -> pd.DataFrame:
    return agents


def materialise(asset: dg.AssetsDefinition, location: str, day: str | None) -> pa.Table:
    upstream = dg.AssetSpec(AGENTS, partitions_def=DAILY)
    result = dg.materialize(
        [upstream, asset],
        partition_key=day,
        resources={"io_manager": LakeIOManager(location=location)},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert result.success
    return Lake(LocalStore(Path(location))).read("/".join(asset.key.path), day)


def test_a_downstream_asset_gets_pandas_and_its_result_is_stored(location: str) -> None:
    assert materialise(with_pandas, location, DAYS[1]).to_pylist() == [
        {"user_id": "U2", "minutes": 120.0, "hours": 2.0}
    ]


def test_a_downstream_asset_gets_arrow(location: str) -> None:
    assert materialise(with_arrow, location, DAYS[0]).to_pylist() == [{"user_id": "U1", "minutes": 60.0}]


def test_a_downstream_asset_gets_polars_and_only_the_columns_it_names(location: str) -> None:
    assert materialise(with_polars, location, DAYS[0]).to_pylist() == [{"minutes": 60.0}]


def test_a_range_of_partitions_comes_as_one_table(location: str) -> None:
    assert materialise(two_days, location, DAYS[1])["user_id"].to_pylist() == ["U1", "U2"]


def test_an_asset_without_partitions_gets_every_stored_day(location: str) -> None:
    assert materialise(all_days, location, None)["user_id"].to_pylist() == ["U1", "U2"]


def test_a_partition_that_is_not_there_is_named(location: str) -> None:
    with pytest.raises(Exception, match=r"agent_daily has no stored partition among .*2026-02-01"):
        materialise(with_pandas, location, "2026-02-01")


def test_other_annotations_and_results_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="annotate the input as pandas"):
        convert(SPEC.empty(), dict)
    with pytest.raises(TypeError, match="cannot store a list"):
        as_table([1])

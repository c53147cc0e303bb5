"""A team's own code location on the report tables: inputs arrive as annotated, one partition or a range."""

# Dagster reads these annotations when the assets are defined, so they are not postponed.

import logging
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from genesys_assets.keys import PLACE
from genesys_assets.lake.column_types import ReservedColumn
from genesys_assets.lake.io_manager import (
    LakeIOManager,
    MissingPartitions,
    PartitionsNotDeclared,
    ReservedPlace,
    UnknownColumn,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.ledger import readings
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.spec import Column, TableSpec, columns

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


@dg.asset(
    partitions_def=DAILY,
    ins={
        "agents": dg.AssetIn(
            AGENTS,
            partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1),
            metadata={"allow_missing_partitions": True, "columns": ["user_id"]},
        )
    },
)
def two_days_if_stored(agents: pd.DataFrame) -> pd.DataFrame:
    return agents


@dg.asset(ins={"agents": dg.AssetIn(AGENTS, metadata={"allow_missing_partitions": True})})
def all_stored_days(agents: pd.DataFrame) -> pd.DataFrame:
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


# -- inputs of an asset


def test_a_downstream_asset_gets_pandas_and_its_result_is_stored(location: str) -> None:
    assert materialise(with_pandas, location, DAYS[1]).to_pylist() == [
        {"user_id": "U2", "minutes": 120.0, "hours": 2.0}
    ]


def test_a_downstream_asset_gets_arrow(location: str) -> None:
    assert materialise(with_arrow, location, DAYS[0]).to_pylist() == [{"user_id": "U1", "minutes": 60.0}]


def test_a_downstream_asset_gets_polars_and_only_the_columns_it_names(location: str) -> None:
    assert materialise(with_polars, location, DAYS[0]).to_pylist() == [{"minutes": 60.0}]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["minutes", "age"], r"genesys/reports/agent_daily has no column 'age'\. Columns are user_id, minutes\."),
        ("minutes", "columns of the input genesys/reports/agent_daily must be a list, got 'minutes'"),
    ],
)
def test_a_column_that_an_input_names_and_the_table_does_not_have_is_refused(
    location: str, wanted: Any, words: str
) -> None:
    @dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS, metadata={"columns": wanted})})
    def ages(agents: pd.DataFrame) -> pd.DataFrame:
        return agents

    with pytest.raises(UnknownColumn, match=words):
        materialise(ages, location, DAYS[0])


def test_an_input_may_name_a_column_that_is_null_in_every_row(location: str) -> None:
    rows = pa.table({"user_id": ["U1"], "left": pa.nulls(1)})
    spec = TableSpec("agent_daily", "", (), tuple(Column(field.name, field.type, "") for field in rows.schema))
    Lake(LocalStore(Path(location))).write("reports/agent_daily", spec, rows, DAYS[0], {})

    @dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS, metadata={"columns": ["left"]})})
    def leavers(agents: pd.DataFrame) -> pd.DataFrame:
        return agents

    assert materialise(leavers, location, DAYS[0]).to_pylist() == [{"left": None}]


def test_a_range_of_partitions_comes_as_one_table(location: str) -> None:
    assert materialise(two_days, location, DAYS[1])["user_id"].to_pylist() == ["U1", "U2"]


def test_each_use_sees_what_others_committed_before_through_one_lake(location: str) -> None:
    manager = LakeIOManager(location=location)
    first = manager.lake
    assert first.rows("reports/agent_daily", DAYS[0]) == 1
    log = first.log("reports/agent_daily")
    Lake(LocalStore(Path(location))).write("reports/agent_daily", SPEC, SPEC.empty(), DAYS[0], {})
    assert manager.lake.rows("reports/agent_daily", DAYS[0]) == 0
    assert manager.lake.log("reports/agent_daily") is log


# -- partitions that are not stored


def test_a_partition_that_is_not_stored_is_named_with_what_to_do(location: str) -> None:
    words = (
        r"1 of 1 partitions of genesys/reports/agent_daily are not stored in the lake: 2026-02-01\. "
        "Materialise these partitions of genesys/reports/agent_daily first"
    )
    with pytest.raises(MissingPartitions, match=words):
        materialise(with_pandas, location, "2026-02-01")


def test_a_range_that_lacks_a_partition_is_refused(location: str) -> None:
    with pytest.raises(MissingPartitions, match=r"1 of 2 partitions .* in the lake: 2026-02-01\."):
        materialise(two_days, location, "2026-02-01")


def test_of_many_partitions_that_are_not_stored_the_first_are_named(location: str) -> None:
    with pytest.raises(MissingPartitions, match=r"in the lake: 2026-02-01, 2026-02-02, .*2026-02-20 and \d+ more\."):
        materialise(all_days, location, None)


def test_an_input_may_allow_that_partitions_are_missing(location: str) -> None:
    assert materialise(two_days_if_stored, location, "2026-02-01").to_pylist() == [{"user_id": "U2"}]


def test_an_input_that_allows_missing_partitions_may_be_empty(location: str) -> None:
    rows = materialise(two_days_if_stored, location, "2026-02-03")
    assert (len(rows), rows.column_names) == (0, ["user_id"])


def test_an_asset_without_partitions_gets_every_stored_day_where_it_allows_that_others_miss(location: str) -> None:
    assert materialise(all_stored_days, location, None)["user_id"].to_pylist() == ["U1", "U2"]


def test_a_table_of_which_nothing_is_stored_has_no_columns_to_be_empty_with(tmp_path: Path) -> None:
    with pytest.raises(MissingPartitions):
        materialise(two_days_if_stored, str(tmp_path), DAYS[0])


def test_an_input_without_partitions_that_is_not_stored_is_named(tmp_path: Path) -> None:
    @dg.asset(ins={"queues": dg.AssetIn(["genesys", "reference", "queues"])})
    def sizes(queues: pd.DataFrame) -> pd.DataFrame:
        return queues

    with pytest.raises(MissingPartitions, match=r"genesys/reference/queues is not stored in the lake: materialise it"):
        dg.materialize(
            [dg.AssetSpec(["genesys", "reference", "queues"]), sizes],
            resources={"io_manager": LakeIOManager(location=str(tmp_path))},
        )


# -- partitions that the code location does not declare


def with_undeclared_partitions(location: str, metadata: dict[str, Any]) -> pa.Table:
    @dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS, metadata=metadata)})
    def bonuses(agents: pd.DataFrame) -> pd.DataFrame:
        return agents

    resources = {"io_manager": LakeIOManager(location=location)}
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([dg.AssetSpec(AGENTS), bonuses], partition_key=DAYS[0], resources=resources, instance=instance)
    return Lake(LocalStore(Path(location))).read("bonuses", DAYS[0])


def test_an_input_with_partitions_that_is_declared_without_is_refused_unless_all_are_wanted(location: str) -> None:
    words = (
        r"genesys/reports/agent_daily is stored in 2 partitions, and this code location declares it without: .*"
        r"dg\.AssetSpec\(\['genesys', 'reports', 'agent_daily'\], partitions_def=…\).*"
        r'\{"allow_missing_partitions": true\}'
    )
    with pytest.raises(PartitionsNotDeclared, match=words):
        with_undeclared_partitions(location, {})
    assert not Lake(LocalStore(Path(location))).has("bonuses", DAYS[0])
    rows = with_undeclared_partitions(location, {"allow_missing_partitions": True})
    assert rows["user_id"].to_pylist() == ["U1", "U2"]


# -- outside of a run


def loaded(location: str, partitions: dg.DailyPartitionsDefinition | None, **wanted: Any) -> list[Any]:
    """The users that somebody gets who loads the report in a notebook."""
    upstream = dg.AssetSpec(AGENTS, partitions_def=partitions)
    defs = dg.Definitions([upstream], resources={"io_manager": LakeIOManager(location=location)})
    with dg.DagsterInstance.ephemeral() as instance, defs.get_asset_value_loader(instance) as loader:
        rows = loader.load_asset_value(AGENTS, python_type=pa.Table, **wanted)
    assert isinstance(rows, pa.Table)
    return list(rows["user_id"].to_pylist())


def test_who_loads_an_asset_and_names_no_partition_gets_all_of_them_or_learns_which_are_missing(location: str) -> None:
    three_days = dg.DailyPartitionsDefinition("2026-01-30", end_date="2026-02-02")
    with pytest.raises(MissingPartitions, match=r"1 of 3 partitions .* in the lake: 2026-02-01\."):
        loaded(location, three_days)
    stored = {"input_definition_metadata": {"allow_missing_partitions": True}}
    assert loaded(location, three_days, **stored) == ["U1", "U2"]
    assert loaded(location, three_days, partition_key=DAYS[1]) == ["U2"]
    assert loaded(location, dg.DailyPartitionsDefinition("2026-01-30", end_date="2026-02-01")) == ["U1", "U2"]


def test_who_loads_an_asset_that_is_declared_without_its_partitions_must_name_one(location: str) -> None:
    with pytest.raises(PartitionsNotDeclared):
        loaded(location, None)
    assert loaded(location, None, partition_key=DAYS[1]) == ["U2"]


# -- results of an asset


def returned(location: str, frame: object, day: str = DAYS[0]) -> pa.Table:
    """A frame as it comes back from the lake."""

    @dg.asset(partitions_def=DAILY)
    def mine() -> object:
        return frame

    return materialise(mine, location, day)


def test_a_day_that_brings_a_column_and_a_day_of_another_type_read_as_one_table(location: str) -> None:
    returned(location, pd.DataFrame({"agent": [], "n": []}), "2026-01-30")
    returned(location, pd.DataFrame({"agent": ["a"], "n": [3]}), "2026-01-31")
    returned(location, pd.DataFrame({"agent": ["b"], "n": [0.5], "team": ["x"]}), "2026-02-01")
    rows = Lake(LocalStore(Path(location))).read("mine", ["2026-01-30", "2026-01-31", "2026-02-01"])
    assert rows.to_pylist() == [{"agent": "a", "n": 3, "team": None}, {"agent": "b", "n": 0.5, "team": "x"}]


def test_what_was_made_of_inputs_that_were_read_earlier_does_not_replace_what_was_made_of_newer_ones(
    location: str,
) -> None:
    """During a slow run its input changes, and another run of the same asset begins and ends."""
    lake, is_first = Lake(LocalStore(Path(location))), [True]

    @dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(AGENTS)})
    def bonuses(context: dg.AssetExecutionContext, agents: pd.DataFrame) -> pd.DataFrame:
        if is_first.pop():
            rows = [{"user_id": "U1", "minutes": 75.0}]
            lake.write("reports/agent_daily", SPEC, pa.Table.from_pylist(rows, SPEC.schema), DAYS[0], {})
            is_first.append(False)
            assert materialise(bonuses, location, DAYS[0])["minutes"].to_pylist() == [75.0]
        return agents

    assert materialise(bonuses, location, DAYS[0])["minutes"].to_pylist() == [75.0]
    # A run that begins now is the newest again.
    rows = [{"user_id": "U1", "minutes": 80.0}]
    lake.refreshed().write("reports/agent_daily", SPEC, pa.Table.from_pylist(rows, SPEC.schema), DAYS[0], {})
    is_first.append(False)
    assert materialise(bonuses, location, DAYS[0])["minutes"].to_pylist() == [80.0]


def write_minutes(location: str, minutes: float) -> None:
    rows = pa.Table.from_pylist([{"user_id": "U1", "minutes": minutes}], SPEC.schema)
    Lake(LocalStore(Path(location))).write("reports/agent_daily", SPEC, rows, DAYS[0], {})


def run_of(location: str, body: Callable[[dg.AssetExecutionContext], None]) -> list[float]:
    """Materialise an asset that reads the report by itself and then does something else; what is then stored."""

    @dg.asset(partitions_def=DAILY, deps=[AGENTS], retry_policy=dg.RetryPolicy(max_retries=1))
    def mine(context: dg.AssetExecutionContext) -> pa.Table:
        agents = Lake(LocalStore(Path(location))).read("reports/agent_daily", DAYS[0])
        body(context)
        return agents

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [dg.AssetSpec(AGENTS, partitions_def=DAILY), mine],
            partition_key=DAYS[0],
            resources={"io_manager": LakeIOManager(location=location)},
            instance=instance,
        )
    return list(Lake(LocalStore(Path(location))).read("mine", DAYS[0])["minutes"].to_pylist())


@pytest.mark.parametrize("has_events", [True, False], ids=["since its step began", "since its run began"])
def test_an_asset_that_reads_its_inputs_by_itself_does_not_replace_what_was_begun_later(
    location: str, has_events: bool
) -> None:
    def slow(context: dg.AssetExecutionContext) -> None:
        write_minutes(location, 75.0)
        assert run_of(location, lambda _: None) == [75.0]
        if not has_events:
            context.instance.event_log_storage.delete_events(context.run.run_id)

    assert run_of(location, slow) == [75.0]


def test_a_second_try_counts_from_its_own_beginning(location: str) -> None:
    def fails_once(context: dg.AssetExecutionContext) -> None:
        if context.retry_number == 0:
            assert run_of(location, lambda _: None) == [60.0]
            write_minutes(location, 75.0)
            raise RuntimeError("the first try fails after another run has stored what it read later")

    assert run_of(location, fails_once) == [75.0]


def test_groups_are_stored_with_what_they_are_grouped_by(location: str) -> None:
    frame = pd.DataFrame({"u": ["p", "q", "q"], "n": [1, 2, 3]}).groupby("u").sum()
    assert returned(location, frame).to_pylist() == [{"u": "p", "n": 1}, {"u": "q", "n": 5}]


def test_an_index_of_numbers_that_is_left_out_is_warned_of_with_how_to_keep_it(location: str) -> None:
    @dg.asset
    def mine() -> pd.DataFrame:
        return pd.DataFrame({"n": [1, 2, 4]}).groupby(np.array([9, 17, 17])).sum()

    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"io_manager": LakeIOManager(location=location)}
        run = dg.materialize([mine], resources=resources, instance=instance)
        logged = instance.all_logs(run.run_id)
    (warning,) = (entry.user_message for entry in logged if entry.level == logging.WARNING)
    assert "mine is stored without the index of the frame (9, …), because it has no name" in warning
    assert "frame.rename_axis('…') keeps it as a column" in warning


def test_a_series_is_refused_with_what_to_return(location: str) -> None:
    with pytest.raises(TypeError, match=r"cannot store a Series\. Return a pandas\.DataFrame"):
        returned(location, pd.Series([1], name="n"))


def test_a_column_that_partitions_are_kept_by_is_refused_and_nothing_is_stored(location: str) -> None:
    with pytest.raises(ReservedColumn, match="mine has a column 'date'"):
        returned(location, pd.DataFrame({"date": ["x"]}))
    assert not Lake(LocalStore(Path(location))).has("mine", DAYS[0])


@pytest.mark.parametrize(
    "key", [["reports", "agent_daily"], ["tables", "mine"], ["definitions", "mine"], ["genesys"], ["..", "mine"]]
)
def test_an_asset_does_not_take_the_place_of_a_table_of_the_pipeline(location: str, key: list[str]) -> None:
    @dg.asset(key=key)
    def mine() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    before = sorted(Path(location).rglob("*"))
    with pytest.raises(ReservedPlace, match="which belongs to the pipeline"):
        dg.materialize([mine], resources={"io_manager": LakeIOManager(location=location)})
    assert sorted(Path(location).rglob("*")) == before


def test_a_second_reading_says_which_rows_it_added_and_removed(location: str) -> None:
    moment = pd.Timestamp("2026-01-31T12:00:00.000001Z")
    kinds = {
        "name": ["a", "b", None],
        "n": pd.Series([1, None, 2], dtype="Int64"),
        "share": [0.5, None, 1.5],
        "is_open": pd.Series([True, None, False], dtype="boolean"),
        "seen": [moment, None, moment],
        "day": [moment.date(), None, moment.date()],
        "price": [Decimal("1.10"), None, Decimal("2.20")],
        "raw": [b"a", None, b"b"],
        "tags": [["x"], None, []],
        "who": [{"id": 1}, None, {"id": 2}],
        "nothing": [None, None, None],
    }
    frame = pd.DataFrame(kinds)
    for again in (frame, frame.iloc[[1, 1, 2]], frame.iloc[[1]]):
        returned(location, again)
    figures = [reading.figures for reading in readings(Lake(LocalStore(Path(location))), "mine")]
    assert [(f["rows_added"], f["rows_changed"], f["rows_removed"]) for f in figures] == [(1, 0, 1), (0, 0, 2)]


# -- ops that are not assets


def graph_of_ops(io_manager_key: str) -> dg.AssetsDefinition:
    """An asset of two ops, of which only the last one's result is the asset."""

    @dg.op(out=dg.Out(io_manager_key=io_manager_key))
    def half() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    @dg.op
    def whole(n: pd.DataFrame) -> pd.DataFrame:
        return n

    @dg.graph_asset
    def mine() -> pd.DataFrame:
        return whole(half())  # type: ignore[no-any-return]

    return mine


def materialise_graph(location: str, io_manager_key: str) -> None:
    resources = {"io_manager": LakeIOManager(location=location), "in_between": dg.mem_io_manager}
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([graph_of_ops(io_manager_key)], resources=resources, instance=instance)


def test_the_result_of_an_op_that_is_no_asset_is_refused_with_what_to_do_and_that_works(location: str) -> None:
    with pytest.raises(TypeError, match=r'assets only, .* @dg\.op\(out=dg\.Out\(io_manager_key="in_between"\)\)'):
        materialise_graph(location, "io_manager")
    materialise_graph(location, "in_between")
    assert Lake(LocalStore(Path(location))).read("mine", None).to_pylist() == [{"n": 1}]


def test_an_input_that_is_the_result_of_an_op_is_refused_with_what_to_do(location: str) -> None:
    @dg.op
    def half() -> None: ...

    @dg.op
    def whole(n: Any) -> None: ...

    @dg.job(resource_defs={"io_manager": LakeIOManager(location=location)})
    def of_ops() -> None:
        whole(half())

    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(TypeError, match="stores assets only"):
        of_ops.execute_in_process(instance=instance)


# -- keys that a project has translated


@pytest.mark.parametrize("is_here", [True, False])
def test_an_input_lies_where_its_metadata_says_whatever_its_key_is(location: str, is_here: bool) -> None:
    key = dg.AssetKey(["contact_centre", "reports", "agents_of_a_day"])
    spec = dg.AssetSpec(key, partitions_def=DAILY, metadata={PLACE: "reports/agent_daily"})

    @dg.multi_asset(specs=[spec], can_subset=True)
    def upstream() -> None: ...

    @dg.asset(partitions_def=DAILY, ins={"agents": dg.AssetIn(key)})
    def mine(agents: pa.Table) -> pa.Table:
        return agents

    made = dg.materialize(
        [upstream if is_here else spec, mine],
        partition_key=DAYS[1],
        selection=[mine],
        resources={"io_manager": LakeIOManager(location=location)},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert made.success
    assert Lake(LocalStore(Path(location))).read("mine", DAYS[1])["user_id"].to_pylist() == ["U2"]

"""How downstream assets get tables and reports, by type annotation, one partition or a range, and store their own.

    AGENTS = dg.AssetSpec(["genesys", "reports", "agent_daily"], partitions_def=DAILY)

    @dg.asset(ins={"agents": dg.AssetIn(AGENTS.key)}, partitions_def=DAILY)
    def bonuses(agents: pd.DataFrame) -> pd.DataFrame: ...

    defs = dg.Definitions([AGENTS, bonuses], resources={"io_manager": LakeIOManager()})

Only this module of `lake` knows Dagster. `lake.lake` knows where files lie, `frames` how frames become tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import PrivateAttr

from genesys_assets.keys import LAYERS, place_of
from genesys_assets.lake.frames import as_table, convert, leaves_out_index
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_lake
from genesys_assets.spans import milliseconds
from genesys_assets.tables.spec import Column, TableSpec

__all__ = ["LakeIOManager", "MissingPartitions", "as_table", "convert", "place"]

_KEYS_NAMED = 20
_OF_THE_PIPELINE = frozenset({*LAYERS, "imports", "forgotten", "jobs", "definitions"})
"""Folders of the lake: the layers of the pipeline, the records of imports, the list of forgotten people, the notes on
details jobs, and the definitions of reports.
"""
_Attempt = tuple[str, int]
"""The key of a step, and how often it was tried before."""


class MissingPartitions(FileNotFoundError):
    """An input needs partitions that are not stored. The message names them."""


class PartitionsNotDeclared(ValueError):
    """An input is stored in partitions, and the code location declares it without any."""


class UnknownColumn(ValueError):
    """The metadata of an input names a column that its table does not have."""


class ReservedPlace(ValueError):
    """An asset would be stored where the pipeline keeps its own tables, or outside of the lake's folders."""


class LakeIOManager(dg.ConfigurableIOManager):
    """Loads tables of the lake as pandas.DataFrame, pyarrow.Table or polars.DataFrame, and stores what downstream
    assets return. A frame is loaded exactly as it was stored; a frame for which that is impossible is refused with the
    reason: see `frames.as_table`. Times without a time zone are refused, because they could be read as the wrong
    instant.

    Several partitions are loaded as one table, in their order. Its columns are those of the stored table; a column that
    a partition does not have is null. The metadata of an input may name `columns`, to read only these, and may say
    `allow_missing_partitions: true`, to read only the partitions that are stored. Who loads an asset outside of a run,
    and names no partition, gets all of them.
    """

    location: str | None = None
    _lake: Any = PrivateAttr(default=None)
    _read_since: dict[_Attempt, datetime] = PrivateAttr(default_factory=dict)

    @property
    def lake(self) -> Lake:
        """The lake as it is now, with everything that others have committed."""
        self._lake = open_lake(self.location) if self._lake is None else self._lake.refreshed()
        return self._lake  # type: ignore[no-any-return]

    def load_input(self, context: dg.InputContext) -> Any:
        """Raises MissingPartitions, PartitionsNotDeclared, UnknownColumn, and TypeError for an annotation of another
        type, or for an input that is not an asset.
        """
        _check_is_asset(context)
        metadata = context.definition_metadata or {}
        self._read_since.setdefault(_attempt(context), datetime.now(UTC))
        table = _rows(self.lake, context.asset_key, _place_of_input(context), _keys(context), metadata)
        return convert(table, context.dagster_type.typing_type)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Replace the partition. It stays as it is if the asset returned None, or if a run that read its inputs later
        has already stored it. Inputs that the asset reads by itself count as read when its step began.

        Raises TypeError for anything that is not a table, or not of an asset, ReservedPlace, UnnamedIndex,
        UnstorableColumn, DuplicateColumn, ReservedColumn, PartitionsChanged and ColumnTypeChanged.
        """
        if obj is None:
            return
        _check_is_asset(context)
        _check_place(context.asset_key)
        if context.has_asset_partitions and len(context.asset_partition_keys) > 1:
            raise dg.DagsterInvariantViolationError(
                f"{context.asset_key.to_user_string()} returned one table for "
                f"{len(context.asset_partition_keys)} partitions: "
                "write one partition a run, or store the partitions with the `lake` resource."
            )
        table = as_table(obj)
        if leaves_out_index(obj):
            context.log.warning(
                f"{context.asset_key.to_user_string()} is stored without the index of the frame ({obj.index[0]}, …), "
                "because it has no name. If it only counts rows, return frame.reset_index(drop=True); else "
                "frame.rename_axis('…') keeps it as a column."
            )
        spec = TableSpec(
            context.asset_key.path[-1],
            "",
            (),
            tuple(Column(field.name, field.type, "") for field in table.schema),
        )
        key = context.asset_partition_key if context.has_asset_partitions else None
        lake, where = self.lake, place(context.asset_key)
        origin = {"run_id": context.run_id, "source": "downstream asset"}
        read_at = self._read_since.get(_attempt(context)) or _began(context)
        change = lake.write(where, spec, table, key, origin, newness=milliseconds(read_at), yields_to_newer=True)
        context.add_output_metadata({"dagster/row_count": lake.rows(where, key), "path": lake.place(where, key)})
        if change.is_superseded:
            context.add_output_metadata({"superseded_by_newer_reading": True})
            context.log.warning(
                f"{lake.place(where, key)} stays as it is: a run that read its inputs later has already stored it."
            )


def _check_is_asset(context: dg.InputContext | dg.OutputContext) -> None:
    """Raises TypeError for what an op returns that is not an asset, as inside a graph of ops."""
    if not context.has_asset_key:
        raise TypeError(
            "the lake stores assets only, and this is the result of an op that is not an asset. Give the op another IO "
            'manager, such as @dg.op(out=dg.Out(io_manager_key="in_between")) with the resource '
            '{"in_between": dg.FilesystemIOManager()}.'
        )


def _attempt(context: dg.InputContext | dg.OutputContext) -> _Attempt:
    # A context built by a test belongs to no step.
    step = _part(context, "step_context")
    return ("", 0) if step is None else (step.step.key, step.previous_attempt_count)


def _began(context: dg.OutputContext) -> datetime:
    """When the step began that an output belongs to: it had read nothing before."""
    step = _part(context, "step_context")
    if step is None:
        return datetime.now(UTC)
    for stats in step.instance.get_run_step_stats(step.run_id, [step.step.key]):
        if moment := stats.partial_attempt_start or stats.start_time:
            return datetime.fromtimestamp(moment, UTC)
    run = step.instance.get_run_record_by_id(step.run_id)
    return datetime.now(UTC) if run is None or run.start_time is None else datetime.fromtimestamp(run.start_time, UTC)


def _part(context: dg.InputContext | dg.OutputContext, name: str) -> Any:
    """A part of a context; None if the context has none."""
    try:
        return getattr(context, name)
    except dg.DagsterInvariantViolationError:
        return None


def _keys(context: dg.InputContext) -> list[str] | None:
    """The partitions that an input consists of; None for an asset that is declared without any."""
    if context.has_asset_partitions:
        return list(context.asset_partition_keys)
    # Loaded outside of a run, without a partition.
    partitions = _part(context, "asset_partitions_def")
    if partitions is None:
        return None
    return list(partitions.get_partition_keys(dynamic_partitions_store=_part(context, "instance")))


def _place_of_input(context: dg.InputContext) -> str:
    """Where an input lies in the lake. An asset of the pipeline says it in its metadata, because its key may be
    translated.
    """
    upstream = context.upstream_output
    metadata = (upstream.definition_metadata if upstream is not None else None) or {}
    return place_of(context.asset_key, metadata) or place(context.asset_key)


def place(key: dg.AssetKey) -> str:
    """Where an asset lies in the lake: its key without the leading `genesys`, as `tables/sessions`."""
    return "/".join(key.path[1:] if key.path[0] == "genesys" else key.path)


def _check_place(key: dg.AssetKey) -> None:
    """Raises ReservedPlace."""
    parts = place(key).split("/")
    if {"", ".", ".."} & {*parts} or (key.path[0] != "genesys" and parts[0] in _OF_THE_PIPELINE):
        raise ReservedPlace(
            f"{key.to_user_string()} would be stored in {place(key) or 'the lake itself'}, which belongs to the "
            "pipeline. Give the asset another key, for example with key_prefix='downstream'."
        )


def _rows(lake: Lake, asset: dg.AssetKey, where: str, keys: list[str] | None, metadata: Any) -> pa.Table:
    """The rows of the partitions at a place, or of an asset without any. Raises MissingPartitions,
    PartitionsNotDeclared, UnknownColumn.
    """
    known = set(lake.log(where).partitions())
    if keys is None:
        if not lake.has(where, None):
            raise MissingPartitions(f"{asset.to_user_string()} is not stored in the lake: materialise it first.")
        if known and not metadata.get("allow_missing_partitions"):
            raise PartitionsNotDeclared(_not_declared(asset, len(known)))
        return lake.read(where, None, columns=_columns(lake, asset, where, None, metadata))
    stored, missing = [key for key in keys if key in known], [key for key in keys if key not in known]
    if missing and not (metadata.get("allow_missing_partitions") and known):
        raise MissingPartitions(_not_stored(asset, missing, len(keys)))
    columns = _columns(lake, asset, where, stored, metadata)
    if not stored:
        empty = lake.log(where).schema().empty_table()
        return empty.select(columns) if columns else empty
    return lake.read(where, stored, columns=columns)


def _columns(lake: Lake, asset: dg.AssetKey, where: str, keys: list[str] | None, metadata: Any) -> Sequence[str] | None:
    """The columns that the metadata of an input names; None for all. Raises UnknownColumn."""
    wanted: Sequence[str] | None = metadata.get("columns")
    if isinstance(wanted, str):
        raise UnknownColumn(f"columns of the input {asset.to_user_string()} must be a list, got {wanted!r}.")
    existing = lake.log(where).schema().names
    if not wanted or set(wanted) <= {*existing}:
        return wanted
    # A column of nothing but nulls is in the files, and not in the table.
    dataset = lake.dataset(where, keys)
    existing = existing if dataset is None else dataset.schema.names
    if unknown := [name for name in wanted if name not in existing]:
        named = ", ".join(map(repr, unknown))
        raise UnknownColumn(f"{asset.to_user_string()} has no column {named}. Columns are {', '.join(existing)}.")
    return wanted


def _not_declared(asset: dg.AssetKey, stored: int) -> str:
    return (
        f"{asset.to_user_string()} is stored in {stored} partitions, and this code location declares it without: so it "
        f"is not known which of them are needed. Declare it as dg.AssetSpec({list(asset.path)}, partitions_def=…). To "
        'read all partitions that are stored, give the input the metadata {"allow_missing_partitions": true}.'
    )


def _not_stored(asset: dg.AssetKey, missing: Sequence[str], wanted: int) -> str:
    name, named = asset.to_user_string(), ", ".join(missing[:_KEYS_NAMED])
    more = f" and {len(missing) - _KEYS_NAMED} more" if len(missing) > _KEYS_NAMED else ""
    return (
        f"{len(missing)} of {wanted} partitions of {name} are not stored in the lake: {named}{more}. Materialise these "
        f"partitions of {name} first. To read only those that are stored, give the input the metadata "
        '{"allow_missing_partitions": true}.'
    )

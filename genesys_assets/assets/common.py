"""What all assets share: keys, owners, tags, and the metadata of a materialisation.

Nothing here knows any one asset.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

import dagster as dg

if TYPE_CHECKING:
    import pyarrow as pa

    from genesys_assets.cloud.transport import GenesysCloud
    from genesys_assets.lake.versions import Change
    from genesys_assets.tables.spec import TableSpec

OWNERS = ["team:contact-centre-data"]
POOL = "genesys_cloud"
ONE_RUN = dg.BackfillPolicy.single_run()
CHANGED = "changed"
_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 10


def asset_key(layer: str, name: str) -> dg.AssetKey:
    return dg.AssetKey(["genesys", layer, name])


_BETA_PARAMETERS = ("backfill_policy", "allow_nonexistent_upstream_partitions", "use_user_code_server")
"""What Dagster calls beta and there is no other way for: a range in one run, today's partition, a condition of ours."""


@contextmanager
def beta_parameters() -> Iterator[None]:
    """Around everything that builds assets and sensors: without Dagster's warning of what it calls beta."""
    with warnings.catch_warnings():
        for parameter in _BETA_PARAMETERS:
            warnings.filterwarnings("ignore", f"Parameter `{parameter}`", dg.BetaWarning)
        yield


def automated(assets: Iterable[dg.AssetsDefinition], condition: dg.AutomationCondition[Any]) -> Iterable[Any]:
    """The assets, computed again on their own as the condition says."""
    return dg.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=condition), assets)


class Attributes(TypedDict):
    """What every asset of a layer says of itself."""

    group_name: str
    owners: list[str]
    kinds: set[str]
    tags: dict[str, str]


def attributes(layer: str, *kinds: str) -> Attributes:
    """Group, owners, kinds and tags of an asset of a layer."""
    return {"group_name": layer, "owners": OWNERS, "kinds": {*kinds}, "tags": {"genesys/layer": layer}}


def column_schema(spec: TableSpec) -> dg.TableSchema:
    return dg.TableSchema(
        [dg.TableColumn(column.name, str(column.type), column.description) for column in spec.columns]
    )


def description(spec: TableSpec, source: str) -> str:
    """What the UI says of a table: what a row is, its key, where it comes from."""
    return f"{spec.description}\n\nKey: `{', '.join(spec.key)}`\n\n{source}"


def checked_keys(context: dg.AssetExecutionContext, partitions: dg.TimeWindowPartitionsDefinition) -> Sequence[str]:
    """The run's partition keys. A key before the first partition or in the future fails the run at once."""
    asked = context.partition_key_range
    first, last = partitions.get_first_partition_key(), partitions.get_last_partition_key()
    for key in (asked.start, asked.end):
        if first is None or last is None or not first <= key <= last:
            raise dg.Failure(
                f"Partition {key!r} is outside the calendar: it must lie between {first} "
                f"(GENESYS_ASSETS_START_DATE) and {last} (now).",
                allow_retries=False,
            )
    return list(context.partition_keys)


def provenance(context: dg.AssetExecutionContext, source: str, **more: Any) -> dict[str, Any]:
    return {"run_id": context.run.run_id, "source": source, **more}


def table_metadata(spec: TableSpec, preview: pa.Table, rows: int, **more: Any) -> dict[str, Any]:
    """Row count, schema and a preview, for any table."""
    return {
        "dagster/partition_row_count": rows,
        "row_count": rows,
        "dagster/column_schema": column_schema(spec),
        "preview": dg.MetadataValue.md(markdown(preview)),
        **more,
    }


def change_metadata(change: Change) -> dict[str, Any]:
    """What a new version of a partition changed; `changed` is what automation goes by."""
    figures = {name: value for name, value in change.figures().items() if value is not None}
    return {CHANGED: change.is_new, **figures}


def markdown(table: pa.Table) -> str:
    """The first rows and columns as a Markdown table."""
    from tabulate import tabulate

    shown = table.slice(0, _PREVIEW_ROWS).select(table.column_names[:_PREVIEW_COLUMNS])
    if not len(shown):
        return "no rows"
    rows = [[_shown(value) for value in row.values()] for row in shown.to_pylist()]
    hidden = len(table.column_names) - _PREVIEW_COLUMNS
    note = f"\n\n… and {hidden} more columns" if hidden > 0 else ""
    return tabulate(rows, headers=shown.column_names, tablefmt="github", disable_numparse=True) + note


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


@contextmanager
def asking(cloud: GenesysCloud) -> Iterator[dict[str, Any]]:
    """Around everything that speaks to the API: fills the dictionary, at the end, with what it cost.

    Where the API has been down for so long that calls fail at once, asks Dagster to come back later instead of holding
    a slot.
    """
    from genesys_assets.cloud.errors import CircuitOpen

    before = cloud.usage.snapshot()
    spent: dict[str, Any] = {}
    try:
        yield spent
    except CircuitOpen as closed_door:
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=closed_door.retry_in) from closed_door
    usage = cloud.usage.snapshot() - before
    spent.update(
        requests=usage.requests,
        retries=usage.retries,
        rate_limited=usage.rate_limited,
        seconds_waited=round(usage.waited_seconds, 3),
    )


def window_metadata(start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "window_start": dg.MetadataValue.timestamp(start),
        "window_end": dg.MetadataValue.timestamp(end),
    }

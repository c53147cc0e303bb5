"""What all assets share: owners, tags, freshness, and the metadata of a materialisation. It knows no single asset."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import unquote, urlsplit

import dagster as dg

from genesys_assets.keys import LAYER, place_of
from genesys_assets.spans import utc_day
from genesys_assets.tables.personal import may_be_shown

if TYPE_CHECKING:
    import pyarrow as pa

    from genesys_assets.cloud.http.transport import GenesysCloud
    from genesys_assets.cloud.http.usage import Usage
    from genesys_assets.lake.changes import Change
    from genesys_assets.lake.files import StoredPages
    from genesys_assets.lake.lake import Lake, Writing
    from genesys_assets.tables.spec import TableSpec

OWNERS = ["team:contact-centre-data"]
"""The owners that the UI shows. Another project replaces them by `translation`, or by `owners` of a report."""
POOL = "genesys_cloud"
"""The pool of all steps that call the API: Dagster limits how many of them run at once."""
ONE_RUN = dg.BackfillPolicy.single_run()
CHANGED = "changed"
"""Metadata of a materialisation: whether its content is new to Dagster."""
CONTENT = "content"
"""Metadata of a materialisation: what identifies the stored rows."""
REPORTED_BEFORE = "reported_when_stored"
"""Metadata of a materialisation that repeats an earlier one of the same run: see `report_partition`."""
_ONLY_IN_LAST_EVENT = {"dagster/column_schema", "preview"}
PERSONAL_DATA = "genesys/personal_data"
"""The tag of a column that says which class of personal data it holds."""
_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 10


_BETA_PARAMETERS = ("backfill_policy", "allow_nonexistent_upstream_partitions")
"""Beta parameters of Dagster that we need: for runs over a range of partitions, and for today's partition."""


@contextmanager
def beta_parameters() -> Iterator[None]:
    """Wrap code that builds assets and sensors: suppresses Dagster's warnings about beta parameters."""
    with warnings.catch_warnings():
        for parameter in _BETA_PARAMETERS:
            warnings.filterwarnings("ignore", f"Parameter `{parameter}`", dg.BetaWarning)
        yield


def with_condition(
    assets: Iterable[dg.AssetsDefinition], condition: dg.AutomationCondition[Any] | None
) -> Iterable[Any]:
    """The assets with an automation condition; None means that they are never materialised automatically."""
    return dg.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=condition), assets)


class Attributes(TypedDict):
    """The attributes of `dg.asset` that all assets of a layer have."""

    group_name: str
    owners: list[str]
    kinds: set[str]
    tags: dict[str, str]


def attributes(layer: str, *kinds: str) -> Attributes:
    """Group, owners, kinds and tags of an asset of a layer."""
    return {"group_name": layer, "owners": OWNERS, "kinds": {*kinds}, "tags": {LAYER: layer}}


def stub(key: dg.AssetKey) -> dg.AssetSpec:
    """A spec of an asset of which only the key is known."""
    return dg.AssetSpec(key, **attributes(key.path[1]))


def due_every(span: timedelta, limit: timedelta) -> dg.FreshnessPolicy:
    """The freshness policy of an asset with partitions of length `span`, which may be stored up to `limit` after their
    end. It warns after half of the limit.
    """
    return dg.FreshnessPolicy.time_window(fail_window=span + limit, warn_window=span + limit / 2)


def column_schema(spec: TableSpec, notes: Mapping[str, str] | None = None) -> dg.TableSchema:
    """The columns as the UI shows them, each tagged with its class of personal data. `notes` are texts below the
    descriptions of some columns.
    """
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                str(column.type),
                "\n\n".join(filter(None, (column.description, (notes or {}).get(column.name)))),
                tags={PERSONAL_DATA: str(spec.personal(column))},
            )
            for column in spec.columns
        ]
    )


def link_metadata(url: str) -> dg.MetadataValue[Any]:
    """Where a published file is: a short link, because presigned URLs have 300 characters; its path if it is in a
    folder, because the UI disables links to files.
    """
    path = path_of(url)
    return dg.MetadataValue.md(f"[open]({url})") if path is None else dg.MetadataValue.path(path)


def path_of(url: str) -> str | None:
    """The path of a file by its `file:` URL; None for other URLs.

    >>> path_of("file:///home/a%20b/page.html"), path_of("https://example.com/page.html")
    ('/home/a b/page.html', None)
    """
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "file" else None


def description(spec: TableSpec, source: str) -> str:
    """The description of a table in the UI: what a row is, the key, and the source."""
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
    """Where rows or pages come from, for the metadata of a file."""
    return {"run_id": context.run.run_id, "source": source, **more}


def continued_runs(context: dg.AssetExecutionContext) -> frozenset[str]:
    """The ids of the runs that this one continues: the run of which it is a re-execution, if that did not succeed; if
    that was a re-execution too, the one before; and so on. A run that succeeded is executed again to read anew.
    """
    continued: set[str] = set()
    parent = context.run.parent_run_id
    while parent is not None and parent not in continued:
        run = context.instance.get_run_by_id(parent)
        if run is None or run.status == dg.DagsterRunStatus.SUCCESS:
            break
        continued.add(parent)
        parent = run.parent_run_id
    return frozenset(continued)


def report_partition(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    partition: str | None,
    metadata: Mapping[str, Any],
    content: str | None = None,
) -> None:
    """Report a stored partition to Dagster. In a run over several partitions each one is reported as soon as it is
    stored, because the run may die.

    When the step ends, Dagster reports each partition again. Only this second event has the versions of code and
    inputs, and later steps wait for it; REPORTED_BEFORE marks it as a repetition. Only it has the column schema and
    preview, because Dagster stores all events for ever.

    `content` identifies the stored rows; the metadata says whether they are new to Dagster.
    """
    full = {**metadata, **content_metadata(context.instance, key, partition, content)}
    if partition is not None and len(context.partition_keys) > 1:
        brief = {name: value for name, value in full.items() if name not in _ONLY_IN_LAST_EVENT}
        context.log_event(dg.AssetMaterialization(key, metadata=brief, partition=partition))
        full = {**full, REPORTED_BEFORE: True}
    context.add_asset_metadata(full, asset_key=key, partition_key=partition)


def content_metadata(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, content: str | None
) -> dict[str, Any]:
    """Metadata with what identifies the stored content, and whether it is new to Dagster. Empty if `content` is
    None.
    """
    if content is None:
        return {}
    return {CONTENT: content, CHANGED: content != _known_content(instance, key, partition)}


def _known_content(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> Any:
    partitions = None if partition is None else [partition]
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=1).records
    latest = records[0].asset_materialization if records else None
    known = latest.metadata.get(CONTENT) if latest else None
    return None if known is None else known.value


def table_metadata(spec: TableSpec, preview: pa.Table, rows: int, **more: Any) -> dict[str, Any]:
    """Metadata of any table: row count, schema and a preview."""
    return {
        "dagster/partition_row_count": rows,
        "dagster/column_schema": column_schema(spec),
        "preview": preview_metadata(spec, preview),
        **more,
    }


def report_table(
    context: dg.AssetExecutionContext,
    lake: Lake,
    writing: Writing,
    place: str,
    key: dg.AssetKey,
    day: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Report a committed day of a table to Dagster, with `more` metadata."""
    writer, change = writing[place], writing.changes[place]
    metadata = table_metadata(writer.spec, writer.head, change.rows_after, path=lake.place(place, day))
    metadata |= change_metadata(change) | dict(more or {}) | window_metadata(*utc_day(day))
    report_partition(context, key, day, metadata, lake.content(place, day))


def preview_metadata(spec: TableSpec, rows: pa.Table) -> dg.MetadataValue[Any]:
    """A Markdown table of the first rows, without columns of personal data: Dagster stores its events for ever."""
    hidden = [each.name for each in spec.columns if not may_be_shown(spec.personal(each), each.name)]
    shown = rows.select([name for name in rows.column_names if name not in hidden])
    count = len(rows.column_names) - len(shown.column_names)
    if not shown.column_names:
        return dg.MetadataValue.md(f"All {count} columns hold personal data, which is not shown here.")
    note = f"\n\n{count} columns that hold personal data are not shown here" if count and len(rows) else ""
    return dg.MetadataValue.md(markdown(shown) + note)


def stored_pages(lake: Lake, place: str, day: str, todo: str) -> StoredPages:
    """The stored pages of a day. Raises Failure if they cannot be read: rows made without them would say that nothing
    exists. `todo` is what to do.
    """
    pages = lake.pages(place, day)
    if pages is None:
        raise dg.Failure(f"The stored pages {place} of {day} cannot be read. {todo}", allow_retries=False)
    return pages


def change_metadata(change: Change) -> dict[str, Any]:
    """Metadata with the counts of rows that a reading added, changed and removed."""
    figures: dict[str, Any] = {name: value for name, value in change.figures().items() if value is not None}
    return figures | ({"superseded_by_newer_reading": True} if change.is_superseded else {})


@contextmanager
def fail_without_retry(*kinds: type[Exception]) -> Iterator[None]:
    """Wrap code that may raise errors of these kinds. They fail the step with their message, without a retry."""
    try:
        yield
    except kinds as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def markdown(table: pa.Table) -> str:
    """The first rows and columns as a Markdown table."""
    from tabulate import tabulate

    shown = table.slice(0, _PREVIEW_ROWS).select(table.column_names[:_PREVIEW_COLUMNS])
    if not len(shown):
        return "no rows"
    rows = [[_format_cell(value) for value in row.values()] for row in shown.to_pylist()]
    hidden = len(table.column_names) - _PREVIEW_COLUMNS
    note = f"\n\n… and {hidden} more columns" if hidden > 0 else ""
    return tabulate(rows, headers=shown.column_names, tablefmt="github", disable_numparse=True) + note


def _format_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


BUSY_SECONDS = 60.0
"""If others use up the rate limit, a step is retried after this time at the earliest. The platform counts the limit by
the minute.
"""


NOT_MATERIALISED = "The requests of a step that did not materialise anything with them."
"""The description of the observation with which `observe_requests` reports these requests."""


@contextmanager
def track_requests(cloud: GenesysCloud) -> Iterator[dict[str, Any]]:
    """Wrap code that calls the API. In the end, fills the dictionary with the numbers of requests and retries, and with
    the seconds that were waited. If the code fails, an observation of the asset has them, so that run metrics count
    them too. What can still fail after the last request belongs into the block.

    If the circuit breaker is open, or the rate limit is used up, raises RetryRequested: Dagster retries the step later
    instead of holding a slot. If the wait is too long for the run, the error passes unchanged.
    """
    from genesys_assets.cloud.errors import CircuitOpen, RateLimited
    from genesys_assets.cloud.http.retry import LONGEST_REQUESTED_WAIT

    before = cloud.usage.snapshot()
    spent: dict[str, Any] = {}
    try:
        with _recorded(cloud):
            yield spent
    except (CircuitOpen, RateLimited) as error:
        observe_requests(_metadata_of(cloud.usage.snapshot() - before))
        wait = error.retry_in if isinstance(error, CircuitOpen) else max(error.retry_after or 0.0, BUSY_SECONDS)
        if wait > LONGEST_REQUESTED_WAIT or not cloud.has_time(wait):
            raise
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=wait) from error
    except BaseException:
        observe_requests(_metadata_of(cloud.usage.snapshot() - before))
        raise
    spent.update(_metadata_of(cloud.usage.snapshot() - before))


def _metadata_of(usage: Usage) -> dict[str, Any]:
    return {
        "requests": usage.requests,
        "retries": usage.retries,
        "rate_limited": usage.rate_limited,
        "seconds_waited": round(usage.waited_seconds, 3),
    }


def observe_requests(spent: Mapping[str, Any]) -> None:
    """Report the requests of a step as an observation, because it failed or for another reason has no materialisation
    to report them with. Outside of a step, reports nothing.
    """
    try:
        context = dg.AssetExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return
    key = min(context.assets_def.keys, key=lambda each: (len(each.path[-1]), each.path))
    context.log_event(dg.AssetObservation(key, description=NOT_MATERIALISED, metadata=spent))


@contextmanager
def _recorded(cloud: GenesysCloud) -> Iterator[None]:
    """Store the requests of an asset's step in the table of requests. Outside of a step with a lake, stores nothing."""
    from genesys_assets.lake.request_log import RequestRecorder

    recorder: AbstractContextManager[Any]
    purpose: AbstractContextManager[Any]
    try:
        context = dg.AssetExecutionContext.get()
        recorder = RequestRecorder(context.resources.lake.lake, cloud.request_log, provenance(context, "requests"))
        purpose = cloud.request_log.purpose(*_purpose(context))
    except (dg.DagsterInvariantViolationError, AttributeError):
        recorder, purpose = nullcontext(), nullcontext()
    with purpose, recorder:
        yield


def _purpose(context: dg.AssetExecutionContext) -> tuple[str, str | None]:
    """The asset of a step (if there are several, the one with the shortest name), and its partition or range."""
    specs = [context.assets_def.get_asset_spec(key) for key in context.assets_def.keys]
    places = [place_of(spec.key, spec.metadata) or spec.key.to_user_string() for spec in specs]
    asset = min(places, key=lambda place: (len(place), place))
    if not context.has_partition_key_range:
        return asset, context.partition_key if context.has_partition_key else None
    asked = context.partition_key_range
    return asset, asked.start if asked.start == asked.end else f"{asked.start}...{asked.end}"


def window_metadata(start: datetime, end: datetime) -> dict[str, Any]:
    """Metadata with the bounds of a partition."""
    return {
        "window_start": dg.MetadataValue.timestamp(start),
        "window_end": dg.MetadataValue.timestamp(end),
    }

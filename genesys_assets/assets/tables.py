"""Table assets: stored pages decoded to tables, a UTC day at a time. What the tables are is in `tables`."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.assets.common import (
    CHANGED,
    ONE_RUN,
    asset_key,
    attributes,
    change_metadata,
    checked_keys,
    description,
    provenance,
    table_metadata,
    window_metadata,
)
from genesys_assets.checks.table_checks import check_specs, check_table
from genesys_assets.cloud import details, details_jobs
from genesys_assets.cloud.page import Page
from genesys_assets.lake.lake import Lake, StoredPages
from genesys_assets.lake.versions import Change
from genesys_assets.partitions import REACH_DAYS, Calendar, days_around, hours_of, hours_to_days, utc_day, utc_hour
from genesys_assets.resources import LakeResource
from genesys_assets.tables import decode, merge
from genesys_assets.tables.asked import QUESTIONS, answered
from genesys_assets.tables.conversation_day import DAY_TABLES, day_tables
from genesys_assets.tables.conversation_model import CONVERSATIONS
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS, metric_rows
from genesys_assets.tables.sources import filled, marked
from genesys_assets.tables.spec import TableSpec

_DAILY_AGGREGATES = ("daily_aggregates", "imported_daily_aggregates")


def build_table_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_conversation_tables(calendar), _interval_metrics(calendar), _daily_metrics(calendar)]


def _conversation_tables(calendar: Calendar) -> dg.AssetsDefinition:
    source = (
        "Source: genesys/pages/daily_details once it is complete, genesys/pages/hourly_details until then, and what "
        "genesys/pages/daily_overlap of later days has of conversations begun on this one. "
        "Of duplicates the newest stays. genesys/pages/imported_details of a day that is not complete count as told "
        "when the last thing happened that they tell of."
    )
    keys = {spec.name: asset_key("tables", spec.name) for spec in DAY_TABLES}
    hours = dg.AssetDep(asset_key("pages", "hourly_details"), partition_mapping=hours_to_days())

    @dg.multi_asset(
        name="conversation_tables",
        specs=[
            dg.AssetSpec(
                keys[spec.name],
                deps=[hours, asset_key("pages", "daily_details"), asset_key("pages", "imported_details")],
                description=description(spec, source),
                skippable=True,
                **attributes("tables", "arrow", "parquet"),
            )
            for spec in DAY_TABLES
        ],
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        can_subset=True,
        check_specs=[check for spec in DAY_TABLES for check in check_specs(spec, keys[spec.name])],
    )
    def conversation_tables(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        days = list(checked_keys(context, calendar.daily))
        selected = [spec for spec in DAY_TABLES if keys[spec.name] in context.selected_asset_keys]
        for day in days:
            changes, findings = _write_conversations(context, lake.lake, day, selected)
            for spec in selected:
                _describe(context, lake.lake, spec, keys[spec.name], day, changes[spec.name], findings)
        for spec in selected:
            checks = check_table(lake.lake, f"tables/{spec.name}", days, spec, keys[spec.name])
            yield dg.MaterializeResult(asset_key=keys[spec.name], check_results=checks)

    return conversation_tables


def _interval_metrics(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("tables", INTERVAL_METRICS.name)

    @dg.asset(
        key=key,
        deps=[
            dg.AssetDep(asset_key("pages", "hourly_aggregates"), partition_mapping=hours_to_days()),
            asset_key("pages", "imported_hourly_aggregates"),
        ],
        description=description(
            INTERVAL_METRICS,
            "Source: genesys/pages/hourly_aggregates; for hours that were never fetched "
            "genesys/pages/imported_hourly_aggregates, whose buckets may be longer.",
        ),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(INTERVAL_METRICS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def interval_metrics(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        for day in days:
            imported = lake.lake.pages("pages/imported_hourly_aggregates", day)
            hours = _hours(lake.lake, "hourly_aggregates", day, needed=imported is None)
            through = _through(day, hours, imported)
            parts = list(hours.values())
            _write_metrics(context, lake.lake, INTERVAL_METRICS, key, day, parts, through, imported, set(hours))
        checks = check_table(lake.lake, f"tables/{INTERVAL_METRICS.name}", days, INTERVAL_METRICS, key)
        return dg.MaterializeResult(check_results=checks)

    return interval_metrics


def _daily_metrics(calendar: Calendar) -> dg.AssetsDefinition:
    key = asset_key("tables", DAILY_METRICS.name)

    @dg.asset(
        key=key,
        deps=[asset_key("pages", "daily_aggregates"), asset_key("pages", "imported_daily_aggregates")],
        description=description(
            DAILY_METRICS,
            "Source: genesys/pages/daily_aggregates; where it was never fetched "
            "genesys/pages/imported_daily_aggregates.",
        ),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(DAILY_METRICS, key),
        **attributes("tables", "arrow", "parquet"),
    )
    def daily_metrics(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        for day in days:
            fetched, imported = (lake.lake.pages(f"pages/{name}", day) for name in _DAILY_AGGREGATES)
            start, end = calendar.business_day(day)
            if fetched is not None:
                through = min(end, max(page.fetched_at for page in fetched))
                _write_metrics(context, lake.lake, DAILY_METRICS, key, day, [fetched], through)
            elif imported is not None:
                through = end if imported.provenance["is_complete"] else start
                _write_metrics(context, lake.lake, DAILY_METRICS, key, day, (), through, imported)
            else:
                raise dg.Failure(
                    f"genesys/pages/daily_aggregates has not been fetched for {day}: materialise it first.",
                    allow_retries=False,
                )
        checks = check_table(lake.lake, f"tables/{DAILY_METRICS.name}", days, DAILY_METRICS, key)
        return dg.MaterializeResult(check_results=checks)

    return daily_metrics


@dataclass(slots=True)
class Findings:
    """What decoding a day's pages brought to light: fields the model does not know, values that could not be kept."""

    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    completeness_changed: bool = False
    pages: set[tuple[datetime, str]] = field(default_factory=set)

    def add(self, page: Page, decoded: decode.Decoded) -> None:
        """What one page brought to light; a page that is stored with several hours counts once."""
        identity = (page.fetched_at, page.correlation_id or page.request)
        if identity not in self.pages:
            self.pages.add(identity)
            self.unknown.update(decoded.unknown)
            self.losses.update(decoded.losses)

    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = {**self.counts, **self.known}
        if self.unknown:
            found["unknown_fields"] = dg.MetadataValue.json(dict(self.unknown))
        if self.losses:
            found["values_lost"] = dg.MetadataValue.json(dict(self.losses))
        return found


@dataclass(frozen=True, slots=True)
class Source:
    """One stored page of the day, and the half-open span of starts it is asked for.

    `as_of`: a page that tells no later state than of then, whenever it was fetched. `imported`: it was not fetched.
    """

    start: datetime
    end: datetime
    pages: StoredPages
    index: int
    as_of: datetime | None = None
    imported: bool = False

    def page(self) -> Page:
        return self.pages[self.index]

    def told_at(self, page: Page) -> datetime:
        return page.fetched_at if self.as_of is None else min(page.fetched_at, self.as_of)


def _write_conversations(
    context: dg.AssetExecutionContext, lake: Lake, day: str, selected: Sequence[TableSpec]
) -> tuple[dict[str, Change], Findings]:
    findings = Findings()
    sources, through, is_complete = _sources(lake, day)
    was_complete = lake.last_reading("tables/conversations", day).get("is_complete")

    def stub(source: Source) -> merge.Stub:
        page = source.page()
        by_job = json.loads(page.request).get("path", "").startswith(details_jobs.PATH)
        return merge.Stub(source.start, source.end, source.told_at(page), decode.starts(page.body), by_job=by_job)

    stubs = [stub(source) for source in sources]
    planned = merge.plan(stubs)
    imported = _imported(planned, sources, stubs)
    # The ids of a whole day are not needed any more.
    del stubs
    findings.counts = {"pages": len(sources), "duplicates_dropped": planned.duplicates}
    if any(source.imported for source in sources):
        findings.counts["imported_conversations"] = len(imported)
    findings.known = {"data_available_through": dg.MetadataValue.timestamp(through), "is_complete": is_complete}
    origin = provenance(
        context,
        "details pages",
        partition=day,
        data_available_through=through.isoformat(),
        is_complete=is_complete,
        **findings.counts,
        **_if_imported(len(imported)),
    )
    with lake.table_writers({f"tables/{spec.name}": spec for spec in selected}, day, origin) as writers:
        for tables in day_tables(planned, lambda position: sources[position].page(), findings.add):
            if len(imported):
                tables[CONVERSATIONS.name] = marked(tables[CONVERSATIONS.name], imported)
            for spec in selected:
                writers[f"tables/{spec.name}"].write(tables[spec.name])
    findings.completeness_changed = was_complete != is_complete
    return {spec.name: writers[f"tables/{spec.name}"].change for spec in selected}, findings


def _sources(lake: Lake, day: str) -> tuple[list[Source], datetime, bool]:
    """The pages that tell of the day, the instant up to which they know all, and whether that is all of it."""
    start, end = utc_day(day)
    overlap = [
        source
        for later in days_around(day, before=-1, after=REACH_DAYS)
        for source in _each(lake.pages("pages/daily_overlap", later), start, end)
    ]
    daily = lake.pages("pages/daily_details", day)
    if daily is not None and daily.provenance["is_complete"]:
        read_at = max((page.fetched_at for page in daily), default=start)
        overlap = [source for source in overlap if source.page().fetched_at > read_at]
        return [*_each(daily, start, end), *overlap], end, True
    imported = lake.pages("pages/imported_details", day)
    hours = _hours(lake, "hourly_details", day, needed=daily is None and imported is None)
    of_hours = [source for hour, pages in hours.items() for source in _each(pages, *utc_hour(hour))]
    through = _through(day, hours, imported)
    if daily is not None:
        through = max(through, datetime.fromisoformat(daily.provenance["data_available_through"]))
    of_import = _each(imported, start, end, imported=True)
    sources = [*of_import, *of_hours, *_of_unfinished_day(daily, start, end), *overlap]
    return sources, through, imported is not None and bool(imported.provenance["is_complete"])


def _each(pages: StoredPages | None, start: datetime, end: datetime, *, imported: bool = False) -> list[Source]:
    if pages is None:
        return []
    return [Source(start, end, pages, index, imported=imported) for index in range(len(pages))]


def _of_unfinished_day(daily: StoredPages | None, start: datetime, end: datetime) -> Iterator[Source]:
    """Pages of jobs speak up to the instant they have all data of, and as of then; pages of the query from there on."""
    if daily is None:
        return
    through = datetime.fromisoformat(daily.provenance["data_available_through"])
    for index, page in enumerate(daily):
        by_job = json.loads(page.request)["path"] != details.PATH
        yield Source(start, through, daily, index, as_of=through) if by_job else Source(through, end, daily, index)


def _imported(planned: merge.Plan, sources: Sequence[Source], stubs: Sequence[merge.Stub]) -> pa.Array:
    """The ids of the conversations that are taken from imported pages."""
    taken = [
        stubs[part.page].conversations.field("conversationId").take(pa.array(part.rows))
        for part in planned.parts
        if sources[part.page].imported
    ]
    return pa.concat_arrays(taken) if taken else pa.array([], pa.string())


def _if_imported(rows: int) -> dict[str, bool]:
    """What the provenance of a day says that has imported rows."""
    return {"imported": True} if rows else {}


def _through(day: str, hours: Mapping[str, StoredPages], imported: StoredPages | None) -> datetime:
    """Up to when the day is known without a gap: the first hour that was not fetched, unless imported pages are said to
    hold everything.
    """
    end = utc_day(day)[1]
    if imported is not None and imported.provenance["is_complete"]:
        return end
    return next((utc_hour(hour)[0] for hour in hours_of(day) if hour not in hours), end)


def _write_metrics(
    context: dg.AssetExecutionContext,
    lake: Lake,
    spec: TableSpec,
    key: dg.AssetKey,
    day: str,
    parts: Sequence[Iterable[Page]],
    through: datetime,
    imported: StoredPages | None = None,
    hours: Collection[str] = (),
) -> None:
    """`parts` are the pages of each hour, or those of the day. What was asked in every part is kept with the rows."""
    asked: list[list[str]] = [[] for _ in parts]

    def fetched() -> Iterator[tuple[str, bytes]]:
        for requests, pages in zip(asked, parts, strict=True):
            for page in pages:
                requests.append(page.request)
                yield page.request, page.body

    answers = metric_rows(spec, fetched())
    known: dict[str, Any] = {"data_available_through": dg.MetadataValue.timestamp(through)}
    rows, from_files = answers.table, 0
    if imported is not None:
        saved = [metric_rows(spec, [(page.request, page.body)]) for page in imported]
        rows = filled(spec, rows, [each.table for each in saved], {utc_hour(hour)[0] for hour in hours})
        known["imported_rows"] = from_files = len(rows) - len(answers.table)
    origin = provenance(
        context,
        "aggregates pages",
        partition=day,
        data_available_through=through.isoformat(),
        **{QUESTIONS: answered(asked)},
        fetched_hours=len(hours),
        **_if_imported(from_files),
    )
    change = lake.write(f"tables/{spec.name}", spec, rows, day, origin)
    _describe(context, lake, spec, key, day, change, Findings(unknown=answers.unknown, known=known))


def _describe(
    context: dg.AssetExecutionContext,
    lake: Lake,
    spec: TableSpec,
    key: dg.AssetKey,
    day: str,
    change: Change,
    findings: Findings,
) -> None:
    place = f"tables/{spec.name}"
    metadata = table_metadata(spec, lake.head(place, day), change.rows_after, path=lake.place(place, day))
    more = change_metadata(change) | findings.metadata() | window_metadata(*utc_day(day))
    if findings.completeness_changed and spec is CONVERSATIONS:
        # The rows may be the same, but whoever publishes the day has to say so.
        more[CHANGED] = True
    context.add_asset_metadata(metadata | more, asset_key=key, partition_key=day)


def _hours(lake: Lake, asset: str, day: str, *, needed: bool = True) -> dict[str, StoredPages]:
    """The day's stored hours. An hour of a finished day that was never fetched fails the run: a gap is not an empty
    hour.
    """
    found = {hour: lake.pages(f"pages/{asset}", hour) for hour in hours_of(day)}
    missing = [hour for hour, pages in found.items() if pages is None]
    finished = utc_day(day)[1] <= datetime.now(UTC)
    if needed and missing and (finished or len(missing) == len(found)):
        listed = ", ".join(hour[11:] for hour in missing)
        raise dg.Failure(
            f"genesys/pages/{asset} has not been fetched for these hours of {day}: {listed}. Materialise them first, "
            f"for example with --partition-range {missing[0]}...{missing[-1]}.",
            allow_retries=False,
        )
    return {hour: pages for hour, pages in found.items() if pages is not None}

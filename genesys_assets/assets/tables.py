"""Table assets: stored pages decoded to tables, a UTC day at a time. What the tables are is in `tables`, which pages
count in `days.sources`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.assets.common import (
    ONE_RUN,
    attributes,
    checked_keys,
    description,
    failing_by_name,
    provenance,
    report_table,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud.http.page import Page
from genesys_assets.days import made_of, utc_day, utc_hour
from genesys_assets.days.sources import (
    Metrics,
    NotFetched,
    Source,
    conversations_of,
    daily_metrics_of,
    interval_metrics_of,
)
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed, Lake, Reach, Writing
from genesys_assets.partitions import Calendar, hours_to_days
from genesys_assets.resources import LakeResource
from genesys_assets.tables.conversations import decode, merge
from genesys_assets.tables.conversations.day import DAY_TABLES, day_tables
from genesys_assets.tables.conversations.model import CONVERSATIONS
from genesys_assets.tables.metrics.asked import answered
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS, metric_rows
from genesys_assets.tables.sources import filled, marked
from genesys_assets.tables.spec import TableSpec

MadeOf = Callable[[Lake, str, TableSpec], int]
"""What a table of a day is made of."""


def build_table_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_conversation_tables(calendar), _interval_metrics(calendar), _daily_metrics(calendar)]


def _conversation_tables(calendar: Calendar) -> dg.AssetsDefinition:
    source = (
        "Source: genesys/pages/daily_details once it is complete, genesys/pages/hourly_details until then, and what "
        "genesys/pages/daily_overlap of later days has of conversations begun on this one. Of duplicates the newest "
        "stays; what only details jobs know is kept. A conversation that no page has is taken "
        "from genesys/pages/lake_files. Pages of an incomplete import are dated by the latest event they "
        "contain."
    )
    keys = {spec.name: asset_key("tables", spec.name) for spec in DAY_TABLES}
    hours = dg.AssetDep(asset_key("pages", "hourly_details"), partition_mapping=hours_to_days())

    @dg.multi_asset(
        name="conversation_tables",
        specs=[
            dg.AssetSpec(
                keys[spec.name],
                deps=[
                    hours,
                    asset_key("pages", "daily_details"),
                    asset_key("pages", "imported_details"),
                    asset_key("pages", "lake_files"),
                ],
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
    def conversation_tables(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        stored = lake.lake
        tables = {
            f"tables/{spec.name}": (spec, keys[spec.name])
            for spec in DAY_TABLES
            if keys[spec.name] in context.selected_asset_keys
        }
        absent: dict[str, Counter[str]] = {place: Counter() for place in tables}
        for day in checked_keys(context, calendar.daily):
            try:
                with failing_by_name(NotFetched):
                    selected = [spec for spec, _ in tables.values()]
                    writing, findings = _write_conversations(context, stored, day, selected)
            except AuditFailed as failed:
                yield from failed_checks(failed, tables)
                raise dg.Failure(str(failed), allow_retries=False) from failed
            for place, (_, key) in tables.items():
                absent[place] += writing[place].absent
                report_table(context, stored, writing, place, key, day, findings.metadata())
        for place, (spec, key) in tables.items():
            yield dg.MaterializeResult(asset_key=key, check_results=passed_checks(spec, key, absent[place]))

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
    def interval_metrics(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        of = made_of.of_interval_metrics
        days = checked_keys(context, calendar.daily)
        yield from write_metrics_of_days(context, lake.lake, days, INTERVAL_METRICS, key, interval_metrics_of, of)

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
    def daily_metrics(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        def pages_of(stored: Lake, day: str) -> Metrics:
            return daily_metrics_of(stored, day, *calendar.business_day(day))

        days = checked_keys(context, calendar.daily)
        of = made_of.of_daily_metrics
        yield from write_metrics_of_days(context, lake.lake, days, DAILY_METRICS, key, pages_of, of)

    return daily_metrics


def write_metrics_of_days(
    context: dg.AssetExecutionContext,
    lake: Lake,
    days: Sequence[str],
    spec: TableSpec,
    key: dg.AssetKey,
    pages_of: Callable[[Lake, str], Metrics],
    number_of: MadeOf,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Computes and stores the days of a table of buckets."""
    place = f"tables/{spec.name}"
    for day in days:
        try:
            with failing_by_name(NotFetched):
                writing, findings = _write_metrics(context, lake, spec, day, pages_of, number_of)
        except AuditFailed as failed:
            yield from failed_checks(failed, {place: (spec, key)})
            raise dg.Failure(str(failed), allow_retries=False) from failed
        report_table(context, lake, writing, place, key, day, findings.metadata())
    yield dg.MaterializeResult(asset_key=key, check_results=passed_checks(spec, key))


@dataclass(slots=True)
class Findings:
    """What decoding a day's pages brought to light: fields the model does not know, values that could not be kept."""

    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    pages: set[tuple[datetime, str]] = field(default_factory=set)

    def add(self, page: Page, decoded: decode.DecodedPage) -> None:
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


def _write_conversations(
    context: dg.AssetExecutionContext, lake: Lake, day: str, selected: Sequence[TableSpec]
) -> tuple[Writing, Findings]:
    findings = Findings()
    origin = provenance(context, "details pages", partition=day)
    with lake.table_writers({f"tables/{spec.name}": spec for spec in selected}, day, origin) as writing:
        pages = conversations_of(lake, day)
        sources = pages.sources
        pieces = pages.data_lake.pieces if pages.data_lake else ()
        nested = dict(enumerate(pieces, start=len(sources)))
        stubs = [*(_stub(source) for source in sources), *(_stub_of_data_lake(day, piece) for piece in pieces)]
        planned = merge.plan(stubs)
        imported = _taken(planned, stubs, lambda at: at < len(sources) and sources[at].imported)
        of_data_lake = _taken(planned, stubs, lambda at: at in nested)
        # The ids of a whole day are not needed any more.
        del stubs
        findings.counts = {"pages": len(sources), "duplicates_dropped": planned.duplicates}
        if any(source.imported for source in sources):
            findings.counts["imported_conversations"] = len(imported)
        if pages.data_lake:
            findings.counts["data_lake_conversations"] = len(of_data_lake)
            findings.unknown.update(pages.data_lake.unknown)
            findings.losses.update(pages.data_lake.losses)
        writing.reach = replace(pages.reach, imported=bool(len(imported)))
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = made_of.of_conversations(lake, day, selected)
        writing.provenance |= findings.counts
        findings.known = {
            "data_available_through": dg.MetadataValue.timestamp(pages.reach.through),
            "is_complete": pages.reach.is_complete,
        }
        if pages.data_lake_problem:
            findings.known["data_lake_problem"] = pages.data_lake_problem
            context.log.warning(f"{day} is made without the data lake: {pages.data_lake_problem}")
        for tables in day_tables(planned, lambda position: sources[position].page(), findings.add, nested):
            if len(imported) or len(of_data_lake):
                tables[CONVERSATIONS.name] = marked(tables[CONVERSATIONS.name], imported, of_data_lake)
            for spec in selected:
                writing[f"tables/{spec.name}"].write(tables[spec.name])
    return writing, findings


def _stub(source: Source) -> merge.Stub:
    page = source.page()
    starts = decode.starts(page.body)
    return merge.Stub(source.start, source.end, page.as_of, starts, decides=source.decides, by_job=source.by_job)


def _stub_of_data_lake(day: str, conversations: pa.StructArray) -> merge.Stub:
    """Older than every page: a conversation that a page has is taken from there."""
    names = ("conversationId", "conversationStart")
    keys = pa.StructArray.from_arrays([pc.struct_field(conversations, name) for name in names], names=list(names))
    return merge.Stub(*utc_day(day), datetime.fromtimestamp(0, UTC), keys)


def _taken(planned: merge.Plan, stubs: Sequence[merge.Stub], is_of: Callable[[int], bool]) -> pa.Array:
    """The ids of the conversations that are taken from some of the pages."""
    taken = [
        stubs[part.page].conversations.field("conversationId").take(pa.array(part.rows))
        for part in planned.parts
        if is_of(part.page)
    ]
    return pa.concat_arrays(taken) if taken else pa.array([], pa.string())


def _write_metrics(
    context: dg.AssetExecutionContext,
    lake: Lake,
    spec: TableSpec,
    day: str,
    pages_of: Callable[[Lake, str], Metrics],
    number_of: MadeOf,
) -> tuple[Writing, Findings]:
    """What was asked in every part of the day is kept with the rows."""
    place = f"tables/{spec.name}"
    origin = provenance(context, "aggregates pages", partition=day)
    with lake.table_writers({place: spec}, day, origin) as writing:
        pages = pages_of(lake, day)
        asked: list[list[str]] = [[] for _ in pages.parts]

        def fetched() -> Iterator[tuple[str, bytes]]:
            for requests, part in zip(asked, pages.parts.values(), strict=True):
                for page in part:
                    requests.append(page.request)
                    yield page.request, page.body

        answers = metric_rows(spec, fetched())
        rows, known = _with_imported(spec, answers.table, pages)
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = {place: number_of(lake, day, spec)}
        writing.reach = Reach(
            pages.through,
            pages.through >= pages.end,
            imported=bool(known.get("imported_rows")),
            fetched_hours=len(pages.parts),
            questions=answered(asked),
        )
        writing[place].write(rows)
    known["data_available_through"] = dg.MetadataValue.timestamp(pages.through)
    return writing, Findings(unknown=answers.unknown, known=known)


def _with_imported(spec: TableSpec, rows: pa.Table, pages: Metrics) -> tuple[pa.Table, dict[str, Any]]:
    """The fetched rows and those of files for hours that were never fetched; and how many these are."""
    if pages.imported is None:
        return rows, {}
    saved = [metric_rows(spec, [(page.request, page.body)]) for page in pages.imported]
    hours = {utc_hour(hour)[0] for hour in pages.parts}
    both = filled(spec, rows, [each.table for each in saved], hours)
    return both, {"imported_rows": len(both) - len(rows)}

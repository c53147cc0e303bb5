"""Report assets: the built-in reports, each a formula of `tables.reports` over stored tables, a day at a time.

A report depends on the tables of its own day. Where a figure reaches beyond it (an agent handles today what began last
week) the neighbouring days are read as far as they are stored; declaring them as dependencies would make every backfill
of a day run a month of reports again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.assets.charts import Chart, chart_metadata
from genesys_assets.assets.common import (
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
from genesys_assets.cloud.queries import GRANULARITIES, Granularity
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import REACH_DAYS, Calendar, days_around, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.tables import conversation_model as model
from genesys_assets.tables import reports
from genesys_assets.tables.metrics import INTERVAL_METRICS
from genesys_assets.tables.names import HISTORIES, names_on
from genesys_assets.tables.spec import TableSpec


class IntervalConfig(dg.Config):
    """Length of the intervals of genesys/reports/interval: PT15M, PT30M, PT1H or P1D."""

    granularity: str = "PT15M"


@dataclass(frozen=True)
class Inputs:
    """The stored tables as one day's report reads them: only the columns and rows that it needs."""

    lake: Lake
    calendar: Calendar
    day: str

    @property
    def utc_day(self) -> reports.Window:
        return reports.Window(*utc_day(self.day))

    @property
    def business_day(self) -> reports.Window:
        return reports.Window(*self.calendar.business_day(self.day))

    def names(self, name: str, window: reports.Window) -> pa.Table:
        """The names that were valid at the end of the window."""
        spec = HISTORIES[name]
        return names_on(self.lake.read(f"reference/{spec.name}", None, schema=spec.schema), window.end)

    def table(
        self, spec: TableSpec, columns: Sequence[str], where: Any = None, before: int = 0, after: int = 0
    ) -> pa.Table:
        days = days_around(self.day, before, after)
        return self.lake.read(f"tables/{spec.name}", days, columns=columns, where=where, schema=spec.schema)

    def interval_metrics(self, window: reports.Window) -> pa.Table:
        """Rows of the window, whatever UTC days it touches; those that are over must be there in full."""
        self._must_exist(INTERVAL_METRICS)
        self._must_reach(INTERVAL_METRICS, window)
        inside = (pc.field("interval_start") >= window.start) & (pc.field("interval_start") < window.end)
        return self.table(INTERVAL_METRICS, INTERVAL_METRICS.schema.names, inside, before=1, after=1)

    def _must_reach(self, spec: TableSpec, window: reports.Window) -> None:
        """Every UTC day that a finished window touches must be stored up to where the window needs it."""
        if window.end > datetime.now(UTC):
            return
        for day in days_around(self.day, before=1, after=1):
            start, end = utc_day(day)
            if end <= window.start or start >= window.end or start.date() < self.calendar.start_date:
                continue
            through = self.lake.last_reading(f"tables/{spec.name}", day).get("data_available_through")
            needed = min(end, window.end)
            if through is None or datetime.fromisoformat(through) < needed:
                raise dg.Failure(
                    f"The business day {self.day} ends at {window.end:%Y-%m-%d %H:%M} UTC, but "
                    f"genesys/tables/{spec.name} of {day} reaches {through or 'nowhere'}, not "
                    f"{needed:%Y-%m-%d %H:%M}: materialise it again, or import it as complete where it is imported.",
                    allow_retries=False,
                )

    def conversations(self) -> pa.Table:
        self._must_exist(model.CONVERSATIONS)
        return self.table(model.CONVERSATIONS, ["conversation_id", "conversation_start", "media_type", "duration_ms"])

    def handled(self, window: reports.Window) -> pa.Table:
        """tHandle rows emitted in the window, by conversations begun on any day that may reach into it."""
        self._must_exist(model.SESSION_METRICS)
        self._must_reach(model.SESSION_METRICS, window)
        emitted = (
            (pc.field("metric") == "tHandle")
            & (pc.field("emit_date") >= window.start)
            & (pc.field("emit_date") < window.end)
        )
        columns = ["conversation_id", "user_id", "metric", "emit_date"]
        return self.table(model.SESSION_METRICS, columns, emitted, before=REACH_DAYS, after=1)

    def session_metrics(self, *metrics: str, purpose: str | None = None) -> pa.Table:
        where = pc.field("metric").isin(list(metrics))
        if purpose:
            where &= pc.field("purpose") == purpose
        return self.table(
            model.SESSION_METRICS, ["conversation_id", "media_type", "queue_id", "metric", "value"], where
        )

    def of_queues_and_agents(self, spec: TableSpec, columns: Sequence[str]) -> pa.Table:
        return self.table(spec, columns, pc.field("purpose").isin(["acd", "agent"]))

    def _must_exist(self, spec: TableSpec) -> None:
        if not self.lake.has(f"tables/{spec.name}", self.day):
            raise dg.Failure(
                f"genesys/tables/{spec.name} has no partition {self.day}: materialise it first.",
                allow_retries=False,
            )


def _agent_hourly(inputs: Inputs, _: IntervalConfig) -> pa.Table:
    window = inputs.utc_day
    return reports.agent_hourly(
        inputs.interval_metrics(window), inputs.handled(window), inputs.names("users", window), window
    )


def _agent_daily(inputs: Inputs, _: IntervalConfig) -> pa.Table:
    window = inputs.business_day
    return reports.agent_daily(
        inputs.interval_metrics(window), inputs.handled(window), inputs.names("users", window), window
    )


def _interval(inputs: Inputs, config: IntervalConfig) -> pa.Table:
    return reports.interval(
        inputs.interval_metrics(inputs.utc_day), inputs.conversations(), inputs.utc_day, _granularity(config)
    )


def _granularity(config: IntervalConfig) -> Granularity:
    for known in GRANULARITIES:
        if known == config.granularity:
            return known
    raise dg.Failure(
        f"granularity {config.granularity!r} is not valid: choose one of {', '.join(GRANULARITIES)}.",
        allow_retries=False,
    )


def _queue_media(inputs: Inputs, _: IntervalConfig) -> pa.Table:
    window = inputs.business_day
    return reports.queue_media(inputs.interval_metrics(window), inputs.names("queues", window), window)


def _conversation_type(inputs: Inputs, _: IntervalConfig) -> pa.Table:
    return reports.conversation_type(
        inputs.conversations(), inputs.session_metrics("tAcd", "tHeldComplete"), inputs.utc_day
    )


def _conversation_quality(inputs: Inputs, _: IntervalConfig) -> pa.Table:
    return reports.conversation_quality(
        inputs.conversations(),
        inputs.of_queues_and_agents(model.SESSIONS, ["conversation_id", "media_type", "queue_id"]),
        inputs.session_metrics("tTalkComplete", "tHeldComplete", purpose="agent"),
        inputs.of_queues_and_agents(model.SEGMENTS, ["media_type", "session_queue_id", "wrap_up_code"]),
        inputs.names("queues", inputs.utc_day),
        inputs.names("wrapup_codes", inputs.utc_day),
        inputs.utc_day,
    )


@dataclass(frozen=True)
class BuiltIn:
    """One report: its table, what it depends on, how it is computed and drawn."""

    spec: TableSpec
    compute: Callable[[Inputs, IntervalConfig], pa.Table]
    deps: tuple[dg.AssetKey, ...]
    chart: Chart


def _built_in() -> tuple[BuiltIn, ...]:
    metrics, conversations = asset_key("tables", "interval_metrics"), asset_key("tables", "conversations")
    session_metrics = asset_key("tables", "session_metrics")
    users, queues = asset_key("reference", "users_history"), asset_key("reference", "queues_history")
    return (
        BuiltIn(
            reports.AGENT_HOURLY,
            _agent_hourly,
            (metrics, session_metrics, users),
            Chart("interval_start", "conversation_count"),
        ),
        BuiltIn(
            reports.AGENT_DAILY,
            _agent_daily,
            (metrics, session_metrics, users),
            Chart("user_name", "total_handle_time_minutes"),
        ),
        BuiltIn(
            reports.INTERVAL,
            _interval,
            (metrics, conversations),
            Chart("interval_start", "conversation_count"),
        ),
        BuiltIn(
            reports.QUEUE_MEDIA,
            _queue_media,
            (metrics, queues),
            Chart("queue_name", "total_interactions"),
        ),
        BuiltIn(
            reports.CONVERSATION_TYPE,
            _conversation_type,
            (conversations, session_metrics),
            Chart("media_type", "conversation_count"),
        ),
        BuiltIn(
            reports.CONVERSATION_QUALITY,
            _conversation_quality,
            (
                conversations,
                session_metrics,
                asset_key("tables", "sessions"),
                asset_key("tables", "segments"),
                queues,
                asset_key("reference", "wrapup_codes_history"),
            ),
            Chart("queue_name", "conversation_count"),
        ),
    )


def build_report_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_report_asset(report, calendar) for report in _built_in()]


def _report_asset(report: BuiltIn, calendar: Calendar) -> dg.AssetsDefinition:
    spec, key, place = report.spec, asset_key("reports", report.spec.name), f"reports/{report.spec.name}"

    @dg.asset(
        key=key,
        deps=report.deps,
        description=description(spec, "Source: " + ", ".join(f"`{dep.to_user_string()}`" for dep in report.deps)),
        partitions_def=calendar.daily,
        backfill_policy=ONE_RUN,
        check_specs=check_specs(spec, key),
        **attributes("reports", "arrow", "parquet"),
    )
    def compute(context: dg.AssetExecutionContext, config: IntervalConfig, lake: LakeResource) -> dg.MaterializeResult:
        days = list(checked_keys(context, calendar.daily))
        for day in days:
            table = report.compute(Inputs(lake.lake, calendar, day), config)
            origin = provenance(context, f"genesys/tables for {day}", partition=day)
            change = lake.lake.write(place, spec, table, day, origin)
            metadata = table_metadata(spec, table, len(table), path=lake.lake.place(place, day))
            shown = chart_metadata(table, report.chart) | change_metadata(change) | window_metadata(*utc_day(day))
            context.add_asset_metadata(metadata | shown, partition_key=day)
        return dg.MaterializeResult(check_results=check_table(lake.lake, place, days, spec, key))

    return compute

"""Sends each ended run to OpenTelemetry, as a span and as measurements.

It uses OpenTelemetry's own library (the extra `opentelemetry`), which reads its own environment variables:
OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genesys_assets.cloud.http.urls import without_user_info

_NAME = "genesys_assets"
_SUMMED = {
    "partitions_stored": "partitions that runs reported as stored",
    "rows_stored": "rows of the partitions that runs reported as stored",
    "requests": "requests to the platform",
    "retries": "requests that were tried again",
    "rate_limited": "answers 429",
    "failed_checks": "checks that failed",
}
"""Fields of a run's line that are sent as counters `genesys_assets.<field>`, with their descriptions."""

_SECONDS = 10
"""How long each of the two exports may take, retries included (since version 1.35 of the library). Dagster ends a
sensor's tick after 60 s, and then its cursor is not stored.
"""


class NotSent(Exception):
    """The runs were not sent to OpenTelemetry. The message says why and what to do."""


def send(runs: Sequence[Mapping[str, Any]]) -> None:
    """Send the lines of ended runs. Raises NotSent."""
    if not runs:
        return
    sender = _sender()
    sent = {"spans": sender.send_spans(runs), "measurements": sender.send_measurements(runs)}
    failed = [what for what, is_sent in sent.items() if not is_sent]
    if failed:
        endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
        raise NotSent(
            f"{without_user_info(endpoint)} did not accept the {' and '.join(failed)} of {len(runs)} runs. Set "
            "OTEL_EXPORTER_OTLP_ENDPOINT to a collector that speaks OTLP over HTTP."
        )


@functools.cache
def _sender() -> _Sender:
    """One sender for the process, so that counters continue. Raises NotSent if the library is missing."""
    if importlib.util.find_spec("opentelemetry") is None:
        raise NotSent("OpenTelemetry is not installed: pip install 'genesys_assets[opentelemetry]'.")
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": _NAME}
    resource, reader = Resource.create(named), InMemoryMetricReader()
    return _Sender(
        TracerProvider(resource=resource),
        MeterProvider([reader], resource=resource),
        reader,
        OTLPSpanExporter(timeout=_SECONDS),
        OTLPMetricExporter(timeout=_SECONDS),
    )


@dataclass
class _Sender:
    tracers: Any
    meters: Any
    reader: Any
    spans: Any
    measurements: Any

    def send_spans(self, runs: Sequence[Mapping[str, Any]]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult

        spans = [self._span(run) for run in runs]
        return bool(self.spans.export(spans) == SpanExportResult.SUCCESS)

    def _span(self, run: Mapping[str, Any]) -> Any:
        """The span of a run, from its creation to its end, with all fields of its line as attributes."""
        from opentelemetry.trace import Status, StatusCode

        fields = {name: value for name, value in run.items() if value is not None}
        span = self.tracers.get_tracer(_NAME).start_span(run["job"], start_time=_nanoseconds(run["created_at"]))
        span.set_attributes({f"{_NAME}.{name}": value for name, value in fields.items()})
        span.set_status(Status(StatusCode.OK if run["status"] == "SUCCESS" else StatusCode.ERROR))
        span.end(_nanoseconds(run["ended_at"] or run["created_at"]))
        return span

    def send_measurements(self, runs: Sequence[Mapping[str, Any]]) -> bool:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        meter = self.meters.get_meter(_NAME)
        ended = meter.create_counter(f"{_NAME}.runs", description="runs that have ended")
        duration = meter.create_histogram(f"{_NAME}.run.duration", "s", "from the start of a run to its end")
        counters = {name: meter.create_counter(f"{_NAME}.{name}", description=text) for name, text in _SUMMED.items()}
        for run in runs:
            attributes = {"job": run["job"], "status": run["status"]}
            ended.add(1, attributes)
            if run["seconds"] is not None:
                duration.record(run["seconds"], attributes)
            for name, counter in counters.items():
                counter.add(run[name], attributes)
        collected = self.reader.get_metrics_data()
        return bool(self.measurements.export(collected) == MetricExportResult.SUCCESS)


def _nanoseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000) * 1_000_000

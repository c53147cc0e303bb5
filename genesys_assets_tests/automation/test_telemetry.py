"""Ended runs as an OpenTelemetry collector receives them over HTTP."""

from __future__ import annotations

import gzip
import importlib.util
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from genesys_assets.automation import telemetry
from genesys_assets.automation.telemetry import NotSent, send

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: make test installs it")
trace_messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
metric_messages = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")

RUN: dict[str, Any] = {
    "run_id": "a",
    "job": "hourly",
    "status": "SUCCESS",
    "launched_by": "hours",
    "backfill": None,
    "assets": ["pages/hourly_aggregates", "pages/hourly_details"],
    "first_partition": "2026-01-29-10:00",
    "last_partition": "2026-01-29-11:00",
    "created_at": "2026-01-29T12:10:00.000+00:00",
    "started_at": "2026-01-29T12:10:01.500+00:00",
    "ended_at": "2026-01-29T12:10:05.250+00:00",
    "seconds_queued": 1.5,
    "seconds": 3.75,
    "partitions_stored": 4,
    "rows_stored": 40,
    "requests": 6,
    "retries": 1,
    "rate_limited": 0,
    "seconds_waited": 0.2,
    "failed_checks": 0,
}
KILLED = {**RUN, "run_id": "b", "status": "FAILURE", "started_at": None, "seconds_queued": None, "seconds": None}


@dataclass
class Collector:
    """A server that accepts or refuses what is sent."""

    url: str = ""
    status: int = 200
    bodies: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def spans(self) -> list[Any]:
        sent = map(trace_messages.ExportTraceServiceRequest.FromString, self.bodies["/v1/traces"])
        return [span for one in sent for of in one.resource_spans for scope in of.scope_spans for span in scope.spans]

    def measured(self, at: int = -1) -> dict[str, Any]:
        """The measurements of one export, by name."""
        sent = metric_messages.ExportMetricsServiceRequest.FromString(self.bodies["/v1/metrics"][at])
        metrics = [each for of in sent.resource_metrics for scope in of.scope_metrics for each in scope.metrics]
        return {metric.name: metric for metric in metrics}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    got = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            got.bodies.setdefault(self.path, []).append(gzip.decompress(body) if is_packed else body)
            self.send_response(got.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        got.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", got.url)
        monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
        telemetry._sender.cache_clear()
        yield got
        telemetry._sender.cache_clear()
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    found = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = [one.string_value for one in value.values] if kind == "array_value" else value
    return found


def test_a_run_is_a_span_from_its_creation_to_its_end(collector: Collector) -> None:
    send([RUN])
    (span,) = collector.spans
    assert span.name == "hourly"
    assert (span.end_time_unix_nano - span.start_time_unix_nano) == 5_250_000_000
    said = attributes(span)
    assert said["genesys_assets.assets"] == RUN["assets"]
    assert said["genesys_assets.rows_stored"] == 40
    assert "genesys_assets.backfill" not in said


def test_a_run_that_failed_is_an_error(collector: Collector) -> None:
    send([RUN, KILLED])
    good, bad = collector.spans
    assert (good.status.code, bad.status.code) == (1, 2)


def test_counters_go_on_from_one_look_to_the_next(collector: Collector) -> None:
    send([RUN])
    send([RUN, KILLED])
    rows = collector.measured()["genesys_assets.rows_stored"].sum.data_points
    by_status = {point.attributes[1].value.string_value: point.as_int for point in rows}
    assert by_status == {"SUCCESS": 80, "FAILURE": 40}
    (lasted,) = collector.measured()["genesys_assets.run.duration"].histogram.data_points
    assert (lasted.count, lasted.sum) == (2, 7.5)


def test_nothing_is_sent_where_no_run_has_ended(collector: Collector) -> None:
    send([])
    assert collector.bodies == {}


def test_a_collector_that_refuses_is_named_with_what_to_do(collector: Collector) -> None:
    collector.status = 400
    with pytest.raises(NotSent, match=f"{collector.url} did not accept the spans and measurements of 1 runs"):
        send([RUN])


def test_a_user_in_the_url_of_the_collector_is_not_shown(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    collector.status = 400
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.replace("http://", "http://me:token-4711@"))
    with pytest.raises(NotSent, match=r"http://\*\*\*@127") as refused:
        send([RUN])
    assert "token-4711" not in str(refused.value)


def test_a_collector_that_is_always_busy_holds_up_no_tick(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.status = 503
    monkeypatch.setattr(telemetry, "_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(NotSent, match="did not accept"):
        send([RUN])
    assert time.monotonic() - began < 10


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    telemetry._sender.cache_clear()
    with pytest.raises(NotSent, match=r"pip install 'genesys_assets\[opentelemetry\]'"):
        send([RUN])

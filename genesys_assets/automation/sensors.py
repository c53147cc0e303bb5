"""Sensors: the one that refreshes by automation conditions, and the one that speaks up when a run failed."""

from collections.abc import Sequence

import dagster as dg

from genesys_assets.settings import AlertSettings


def build_sensors() -> Sequence[dg.SensorDefinition]:
    return [
        dg.AutomationConditionSensorDefinition(
            "refresh",
            target=dg.AssetSelection.groups("tables", "reports", "published"),
            default_status=dg.DefaultSensorStatus.STOPPED,
            description="Computes again what has changed underneath: today after each hour, "
            "look-back days after they were read again.",
        ),
        _run_failure(),
    ]


def failure_line(job: str, run_id: str, partition: str | None, message: str) -> str:
    """The one line that says what failed."""
    of = f" partition {partition}" if partition else ""
    first_line = message.strip().splitlines()[0] if message.strip() else "no message"
    return f"genesys_assets: job {job}{of} failed: {first_line} (run {run_id})"


def _run_failure() -> dg.SensorDefinition:
    @dg.run_failure_sensor(name="run_failure", default_status=dg.DefaultSensorStatus.STOPPED)
    def run_failure(context: dg.RunFailureSensorContext) -> None:
        """Writes one clear line for each failed run; posts it as JSON where GENESYS_ASSETS_ALERT_WEBHOOK is set."""
        run = context.dagster_run
        partition = run.tags.get("dagster/partition")
        line = failure_line(run.job_name, run.run_id, partition, _cause(context))
        context.log.error(line)
        webhook = AlertSettings.load().webhook
        if webhook:
            _post(webhook, {"text": line, "job": run.job_name, "run_id": run.run_id, "partition": partition})

    return run_failure


def _cause(context: dg.RunFailureSensorContext) -> str:
    """The innermost error of the first failed step, else the run's own message."""
    for event in context.get_step_failure_events():
        error = getattr(event.event_specific_data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return str(error.message)
    return context.failure_event.message or ""


def _post(webhook: str, message: dict[str, str | None]) -> None:
    import requests

    requests.post(webhook, json=message, timeout=10).raise_for_status()

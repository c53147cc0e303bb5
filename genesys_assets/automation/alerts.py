"""The sensor that speaks up when a run failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import dagster as dg

from genesys_assets.automation.progress import partitions_of
from genesys_assets.settings import AlertSettings

_WEBHOOK_SECONDS = 10
_MODULE = re.compile(r"^(\w+\.)+(?=\w+: )")


class AlertNotDelivered(Exception):
    """The webhook did not take the message. The message names its host only: the rest of the address is a secret."""


def build_alerts() -> Sequence[dg.SensorDefinition]:
    return [_run_failure()]


def failure_line(job: str, run_id: str, partition: str | None, message: str) -> str:
    """The one line that says what failed."""
    of = f" partition {partition}" if partition else ""
    first_line = message.strip().splitlines()[0] if message.strip() else "no message"
    return f"genesys_assets: job {job}{of} failed: {first_line} (run {run_id})"


def partition_of(tags: Mapping[str, str]) -> str | None:
    """The run's partition, or its first and last one where it was asked for a range."""
    bounds = partitions_of(tags)
    return None if bounds is None else "...".join(dict.fromkeys(bounds))


def _run_failure() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="run_failure",
        description="Writes one line for each failed run, and posts it to GENESYS_ASSETS_ALERT_WEBHOOK.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def run_failure(context: dg.RunFailureSensorContext) -> None:
        """Writes one clear line for each failed run; posts it as JSON where GENESYS_ASSETS_ALERT_WEBHOOK is set.

        Where that fails, so does the tick, for people to see. It is not tried again: the line stands in the log, and
        Dagster goes on to the next failed run.
        """
        run = context.dagster_run
        partition = partition_of(run.tags)
        line = failure_line(run.job_name, run.run_id, partition, _cause(context))
        context.log.error(line)
        webhook = AlertSettings.load().webhook
        if webhook:
            message = {"text": line, "job": run.job_name, "run_id": run.run_id, "partition": partition}
            try:
                _post(webhook.get_secret_value(), message)
            except AlertNotDelivered as problem:
                context.log.error(str(problem))
                raise

    return run_failure


def _cause(context: dg.RunFailureSensorContext) -> str:
    """What the first failed step's code raised, out of what Dagster wraps it in; else the run's own message."""
    for event in context.get_step_failure_events():
        error = getattr(event.event_specific_data, "error", None)
        while error is not None and error.cause is not None and _wraps(error.cls_name):
            error = error.cause
        if error is not None:
            return _MODULE.sub("", str(error.message)).removeprefix("Failure: ")
    return context.failure_event.message or ""


def _wraps(error: str | None) -> bool:
    return error is None or error.startswith("Dagster") or error == "RetryRequested"


def _post(webhook: str, message: Mapping[str, str | None]) -> None:
    """Post once. What requests says of an error holds the whole address, so only its kind is passed on."""
    import requests

    try:
        answer = requests.post(webhook, json=message, timeout=_WEBHOOK_SECONDS)
    except requests.RequestException as error:
        problem = f"cannot be reached ({type(error).__name__})"
    else:
        if answer.ok:
            return
        problem = f"answered {answer.status_code}"
    raise AlertNotDelivered(
        f"The alert for run {message['run_id']} was not delivered: the host {urlsplit(webhook).hostname} of "
        f"GENESYS_ASSETS_ALERT_WEBHOOK {problem}."
    )

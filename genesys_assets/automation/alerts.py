"""Sensors that alert about failed runs and late figures. `late` decides what is late."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from genesys_assets.automation.late import find_late
from genesys_assets.automation.next_run import failures_of, paused_until
from genesys_assets.automation.progress import assets_of, location_of, partitions_of, runs_of
from genesys_assets.automation.switches import sensor_status
from genesys_assets.keys import keys
from genesys_assets.lake.opening import shared_lake
from genesys_assets.partitions import DAY, Calendar
from genesys_assets.reports.meaning.report import Report
from genesys_assets.resources import LakeResource
from genesys_assets.settings import AlertSettings, ObservationSettings
from genesys_assets.webhook import NotDelivered, post

_LOOK_EVERY_SECONDS = 600
_LONGEST_POSTING_SECONDS = 20.0
"""Once an alert was not delivered and posting has taken this long, the tick posts no further alert: each may wait for
a timeout. If a tick takes more than a minute, its cursor is lost, and alerts that were delivered are posted again.
"""
_MODULE = re.compile(r"^(\w+\.)+(?=\w+: )")


def build_alerts(
    calendar: Calendar, reports: Sequence[Report] = (), running: Collection[str] = ()
) -> Sequence[dg.SensorDefinition]:
    """The sensors that alert. `reports` are those of the code location; `running` names the sensors that run without
    being switched on.
    """
    return [_run_failure(running), _late(calendar, [report.zone for report in reports if report.zone], running)]


def failure_line(job: str, run_id: str, partition: str | None, message: str) -> str:
    """One line about a failed run, with the first line of its error message."""
    of_partition = f" partition {partition}" if partition else ""
    first_line = message.strip().splitlines()[0] if message.strip() else "no message"
    return f"genesys_assets: job {job}{of_partition} failed: {first_line} (run {run_id})"


def partition_of(tags: Mapping[str, str]) -> str | None:
    """The run's partition, or its range as `first...last`; None if it has neither."""
    bounds = partitions_of(tags)
    return None if bounds is None else "...".join(dict.fromkeys(bounds))


def _run_failure(running: Collection[str]) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="run_failure",
        description="Writes one line for each failed run, and posts it to GENESYS_ASSETS_ALERT_WEBHOOK.",
        default_status=sensor_status("run_failure", running),
    )
    def run_failure(context: dg.RunFailureSensorContext) -> None:
        """Writes one line per failed run: the cause, and when it is retried. Posts it as JSON if
        GENESYS_ASSETS_ALERT_WEBHOOK is set.

        If the webhook refuses the line, the tick fails, so that the failure is visible. Posting is not retried: the
        line is in the log.
        """
        run = context.dagster_run
        partition = partition_of(run.tags)
        line = failure_line(run.job_name, run.run_id, partition, _cause(context)) + _retry_note(context)
        context.log.error(line)
        webhook = AlertSettings.load().url
        if webhook:
            message = {"text": line, "job": run.job_name, "run_id": run.run_id, "partition": partition}
            try:
                _post(webhook, message, f"run {run.run_id}")
            except NotDelivered as problem:
                context.log.error(str(problem))
                raise

    return run_failure


def _late(calendar: Calendar, zones: Sequence[ZoneInfo], running: Collection[str]) -> dg.SensorDefinition:
    @dg.sensor(
        name="late",
        description="Writes one line for each figure that is late, once a day, and posts it to "
        "GENESYS_ASSETS_ALERT_WEBHOOK: hours, complete days, published days, and days on which members of queues or "
        "skills of users were not observed.",
        target=[],
        minimum_interval_seconds=_LOOK_EVERY_SECONDS,
        default_status=sensor_status("late", running),
    )
    def late(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        now = datetime.now(UTC)
        alerted = _alerted(context.cursor)
        key = keys(location_of(context)).get("published/reports")
        published = None if key is None else context.instance.get_materialized_partitions(key)
        observed = [f"reference/{name}" for name in ObservationSettings.load().observed]
        late_figures = list(find_late(shared_lake(lake.location), calendar, now, published, observed, zones))
        names_of_late = {each.name for each in late_figures}
        lately = {name: at for name, at in alerted.items() if name in names_of_late and now - DAY < at <= now}
        webhook = AlertSettings.load().url
        undelivered: dict[str, NotDelivered] = {}
        begun = time.monotonic()
        for each in late_figures:
            if each.name in lately and each.newest_since <= lately[each.name]:
                continue
            line = f"genesys_assets: late since {each.since:%Y-%m-%d %H:%M} UTC: {each.message}"
            context.log.error(line)
            try:
                if webhook and undelivered and time.monotonic() - begun > _LONGEST_POSTING_SECONDS:
                    raise NotDelivered(f"The alert for late {each.name} was not posted: the webhook takes too long.")
                if webhook:
                    _post(webhook, {"text": line, "late": each.name}, f"late {each.name}")
            except NotDelivered as problem:
                # If the error were raised here, the cursor would be lost, and alerts that were delivered would be
                # posted again.
                context.log.error(str(problem))
                undelivered[each.name] = problem
            else:
                lately[each.name] = now
        if undelivered and lately == alerted:
            raise next(iter(undelivered.values()))
        names = ", ".join(each.name for each in late_figures)
        reason = f"Late: {names}." if names else "Nothing is late."
        if undelivered:
            reason += f" The webhook did not accept {', '.join(undelivered)}: the next tick posts them again."
        return dg.SensorResult(
            skip_reason=dg.SkipReason(reason), cursor=json.dumps({name: at.isoformat() for name, at in lately.items()})
        )

    return late


def _alerted(cursor: str | None) -> dict[str, datetime]:
    """When each figure was last reported as late. A cursor that is not one of this sensor counts as none."""
    try:
        return {name: datetime.fromisoformat(at).astimezone(UTC) for name, at in json.loads(cursor or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _retry_note(context: dg.RunFailureSensorContext) -> str:
    """How often the run's last partition failed in a row, and when it is retried. Empty if a person launched the run,
    or it has no partition.
    """
    run, location = context.dagster_run, context.repository_def
    bounds = partitions_of(run.tags)
    if bounds is None or location is None or "dagster/sensor_name" not in run.tags:
        return ""
    runs = runs_of(context.instance, location, datetime.now(UTC))
    failures = max((failures_of(runs, asset, bounds[1]) for asset in assets_of(run, location)), key=len, default=[])
    until = paused_until(failures)
    if until is None:
        return ""
    times = f"; it has failed {len(failures)} times in a row" if len(failures) > 1 else ""
    return f"{times}; next retry after {until:%Y-%m-%d %H:%M} UTC"


def _cause(context: dg.RunFailureSensorContext) -> str:
    """The message of the error in the first failed step's own code, which Dagster wraps in errors of its own. If no
    step failed, the run's message.
    """
    for event in context.get_step_failure_events():
        error = getattr(event.event_specific_data, "error", None)
        while error is not None and error.cause is not None and _wraps(error.cls_name):
            error = error.cause
        if error is not None:
            return _MODULE.sub("", str(error.message)).removeprefix("Failure: ")
    return context.failure_event.message or ""


def _wraps(error: str | None) -> bool:
    return error is None or error.startswith("Dagster") or error == "RetryRequested"


def _post(webhook: str, message: Mapping[str, str | None], about: str) -> None:
    """Post an alert. Raises NotDelivered, which says what the alert was about."""
    try:
        post(webhook, message, "GENESYS_ASSETS_ALERT_WEBHOOK")
    except NotDelivered as problem:
        raise NotDelivered(f"The alert for {about} was not delivered. {problem}") from None

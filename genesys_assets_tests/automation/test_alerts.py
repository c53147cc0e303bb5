"""What the sensor `run_failure` logs and posts when a run fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from genesys_assets.automation.alerts import failure_line, partition_of
from genesys_assets_tests.automation.conftest import FIRST_DAY
from genesys_assets_tests.ports import refusing_port
from genesys_assets_tests.webhooks import SECRET, listening

HOUR = f"{FIRST_DAY}-13:00"


@pytest.fixture
def webhook_that_is_down() -> Iterator[str]:
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}/{SECRET}"


class Watch:
    """The run_failure sensor, switched on before anything has failed."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.definitions = definitions
        self.instance = instance
        self.cursor: str | None = None
        assert self.tick().skip_message

    def tick(self) -> dg.SensorExecutionData:
        sensor = self.definitions.resolve_sensor_def("run_failure")
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.definitions.get_repository_def()
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return data

    def fail(self, job: str = "hourly", **how: Any) -> str:
        """Start a run that fails because credentials are missing; returns its id."""
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **(how or {"partition_key": HOUR})
        )
        assert not result.success
        return result.run_id


@pytest.fixture
def watch(definitions: dg.Definitions) -> Iterator[Watch]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(definitions, instance)


@pytest.fixture
def error_log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The errors that sensors log. Their logger is separate from the root logger, so this fixture catches its
    records."""
    lines: list[str] = []

    def emit(_: logging.Handler, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and record.name == "dagster":
            lines.append(record.getMessage())

    monkeypatch.setattr(logging.StreamHandler, "emit", emit)
    return lines


def test_a_failed_run_is_said_in_one_line_with_what_was_raised(watch: Watch, error_log: list[str]) -> None:
    run_id = watch.fail()
    error_log.clear()
    tick = watch.tick()
    assert [reaction.error for reaction in tick.dagster_run_reactions or []] == [None]
    [line] = error_log
    assert line.endswith(f"(run {run_id})")
    assert "\n" not in line
    assert (
        f"genesys_assets: job hourly partition {HOUR} failed: SettingError: GENESYS_CLOUD_CLIENT_ID is not set" in line
    )


def test_the_clear_error_is_said_and_not_what_it_was_raised_from(watch: Watch, error_log: list[str]) -> None:
    @dg.op
    def clear() -> None:
        try:
            raise KeyError("obscure")
        except KeyError as obscure:
            raise ValueError("The host cannot be reached.") from obscure

    @dg.job
    def unreachable() -> None:
        clear()

    run_id = unreachable.execute_in_process(instance=watch.instance, raise_on_error=False).run_id
    error_log.clear()
    watch.tick()
    assert error_log[0].endswith(f"job unreachable failed: ValueError: The host cannot be reached. (run {run_id})")


def test_what_an_asset_says_of_its_failure_is_said_as_it_is(watch: Watch, error_log: list[str]) -> None:
    @dg.op
    def gap() -> None:
        raise dg.Failure("hour 03 has not been fetched", allow_retries=False)

    @dg.job
    def gaps() -> None:
        gap()

    run_id = gaps.execute_in_process(instance=watch.instance, raise_on_error=False).run_id
    error_log.clear()
    watch.tick()
    assert error_log[0].endswith(f"job gaps failed: hour 03 has not been fetched (run {run_id})")


def test_each_failed_run_is_said_once(watch: Watch, error_log: list[str]) -> None:
    watch.fail()
    watch.tick()
    error_log.clear()
    watch.tick()
    assert error_log == []


def test_a_run_that_succeeded_is_not_said(watch: Watch, error_log: list[str]) -> None:
    @dg.job
    def nothing_to_do() -> None: ...

    assert nothing_to_do.execute_in_process(instance=watch.instance).success
    assert watch.tick().skip_message
    assert error_log == []


def test_with_a_webhook_the_failure_is_posted_as_json(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = watch.fail()
    with listening() as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        tick = watch.tick()
    assert [reaction.error for reaction in tick.dagster_run_reactions or []] == [None]
    [(path, content_type, message)] = hook.posted
    assert (path, content_type) == (f"/{SECRET}", "application/json")
    assert message.keys() == {"text", "job", "run_id", "partition"}
    assert (message["job"], message["run_id"], message["partition"]) == ("hourly", run_id, HOUR)
    assert "GENESYS_CLOUD_CLIENT_ID is not set" in message["text"]


def test_without_a_webhook_nothing_is_posted(watch: Watch) -> None:
    with listening() as hook:
        watch.fail()
        watch.tick()
    assert hook.posted == []


def test_a_webhook_that_is_down_fails_the_tick_and_says_so_without_its_secret(
    watch: Watch, error_log: list[str], webhook_that_is_down: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", webhook_that_is_down)
    run_id = watch.fail()
    error_log.clear()
    [reaction] = watch.tick().dagster_run_reactions or []
    assert reaction.error is not None
    assert error_log[0].endswith(f"(run {run_id})")
    assert error_log[1].endswith(
        f"The alert for run {run_id} was not delivered. The host 127.0.0.1 of GENESYS_ASSETS_ALERT_WEBHOOK cannot be "
        "reached (Unreachable)."
    )
    assert SECRET not in "\n".join([*error_log, reaction.error.to_string()])


def test_a_webhook_that_refuses_is_named_with_its_answer(
    watch: Watch, error_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.fail()
    with listening(status=404) as hook:
        monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", hook.url)
        [reaction] = watch.tick().dagster_run_reactions or []
    assert reaction.error is not None
    assert error_log[-1].endswith("The host 127.0.0.1 of GENESYS_ASSETS_ALERT_WEBHOOK answered 404.")


def test_a_webhook_that_is_down_does_not_hold_back_later_failures(
    watch: Watch, error_log: list[str], webhook_that_is_down: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = watch.fail()
    second = watch.fail()
    monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", webhook_that_is_down)
    error_log.clear()
    assert len(watch.tick().dagster_run_reactions or []) == 2
    assert [run for run in (first, second) if any(f"(run {run})" in line for line in error_log)] == [first, second]
    error_log.clear()
    assert watch.tick().skip_message
    assert error_log == []


def test_a_malformed_webhook_is_named_and_not_shown(
    watch: Watch, error_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENESYS_ASSETS_ALERT_WEBHOOK", SECRET)
    run_id = watch.fail()
    error_log.clear()
    [reaction] = watch.tick().dagster_run_reactions or []
    assert f"(run {run_id})" in error_log[0]
    assert reaction.error is not None
    assert "GENESYS_ASSETS_ALERT_WEBHOOK" in reaction.error.message
    assert SECRET not in "\n".join([*error_log, reaction.error.to_string()])


def test_of_a_range_the_first_and_last_partition_are_named(watch: Watch, error_log: list[str]) -> None:
    between = {
        "dagster/asset_partition_range_start": f"{FIRST_DAY}-00:00",
        "dagster/asset_partition_range_end": f"{FIRST_DAY}-01:00",
    }
    watch.fail(tags=between)
    error_log.clear()
    watch.tick()
    assert f"job hourly partition {FIRST_DAY}-00:00...{FIRST_DAY}-01:00 failed" in error_log[0]


def test_a_run_without_a_partition_names_none() -> None:
    assert partition_of({}) is None
    assert failure_line("live", "R1", None, "boom") == "genesys_assets: job live failed: boom (run R1)"


def test_of_a_long_message_only_the_first_line_is_said() -> None:
    line = failure_line("daily", "R1", "2026-01-31", "\nfirst\nsecond")
    assert line == "genesys_assets: job daily partition 2026-01-31 failed: first (run R1)"


def test_a_failure_without_a_message_is_said_too() -> None:
    assert failure_line("daily", "R1", None, "  ") == "genesys_assets: job daily failed: no message (run R1)"


def test_for_a_run_that_a_sensor_asked_for_the_alert_says_when_it_is_asked_for_again(
    watch: Watch, error_log: list[str]
) -> None:
    tags = {"dagster/sensor_name": "hours"}
    first = watch.fail(partition_key=HOUR, tags=tags)
    error_log.clear()
    watch.tick()
    assert f"(run {first}); next retry after " in error_log[0]
    watch.fail(partition_key=HOUR, tags=tags)
    error_log.clear()
    watch.tick()
    assert "; it has failed 2 times in a row; next retry after " in error_log[0]
    assert error_log[0].endswith(" UTC")

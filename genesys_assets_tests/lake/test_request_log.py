"""The log of requests in the lake: runs append to it side by side, and it never makes a run fail."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.cloud.http.request_log import RequestLog
from genesys_assets.lake.commit import TableContended
from genesys_assets.lake.delta_state import DeltaState
from genesys_assets.lake.housekeeping import clean_up
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.request_log import PLACE, RequestRecorder
from genesys_assets.lake.store import LakeUnreachable, LocalStore, Store
from genesys_assets.tables.api_requests import API_REQUESTS

DAY = "2026-02-20"
AT = datetime(2026, 2, 20, 23, 59, 59, tzinfo=UTC)
ORIGIN = {"run_id": "r"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def ask(log: RequestLog, times: int = 1, at: datetime = AT) -> None:
    for _ in range(times):
        log.note(at, "GET", "/api/v2/flows", attempt=1, status=200, size=3, seconds=0.1, waited=0, headers={})


def rows(lake: Lake, day: str = DAY) -> int:
    return len(lake.refreshed().read(PLACE, day, schema=API_REQUESTS.schema))


def test_what_was_asked_is_stored_when_the_asking_ends_also_where_it_fails(lake: Lake) -> None:
    def ask_and_fail() -> None:
        log = RequestLog()
        with RequestRecorder(lake, log, ORIGIN):
            ask(log, 3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    stored = lake.refreshed().read(PLACE, DAY).to_pylist()
    assert len({row["request_id"] for row in stored}) == 3
    assert {row["run_id"] for row in stored} == {"r"}


def test_nothing_is_stored_of_a_run_that_asks_nothing(lake: Lake) -> None:
    with RequestRecorder(lake, RequestLog(), ORIGIN):
        pass
    assert not lake.refreshed().has(PLACE, DAY)


def test_a_run_that_is_killed_keeps_what_it_had_stored_by_then(lake: Lake) -> None:
    log = RequestLog()
    with RequestRecorder(lake, log, ORIGIN) as recorder:
        ask(log, 2)
        assert recorder.store() is None
        assert rows(lake) == 2
        ask(log, 1)
    assert rows(lake) == 3


def test_the_steps_of_a_run_read_the_log_of_requests_once_and_make_no_table_newer(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not lake.has(PLACE, DAY)
    read = DeltaState.__init__
    opened: list[str] = []

    def reading(log: DeltaState, store: Store, place: str) -> None:
        opened.append(place)
        read(log, store, place)

    monkeypatch.setattr(DeltaState, "__init__", reading)
    for _ in range(3):
        log = RequestLog()
        with RequestRecorder(lake.refreshed(), log, ORIGIN):
            ask(log)
    assert opened == [PLACE]
    assert not lake.has(PLACE, DAY)
    assert rows(lake) == 3


def test_requests_of_two_days_lie_in_two_partitions(lake: Lake) -> None:
    log = RequestLog()
    with RequestRecorder(lake, log, ORIGIN):
        ask(log, 2)
        ask(log, 1, AT + timedelta(seconds=1))
    assert (rows(lake), rows(lake, "2026-02-21")) == (2, 1)


def test_runs_at_once_lose_nothing_of_each_other(lake: Lake) -> None:
    def run(number: int) -> None:
        log = RequestLog()
        with RequestRecorder(Lake(lake.store), log, {"run_id": f"{number}"}) as recorder:
            for _ in range(3):
                ask(log, 2)
                recorder.store()

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(run, range(4)))
    ids = lake.refreshed().read(PLACE, DAY)["request_id"].to_pylist()
    assert len(ids) == len({*ids}) == 24


def test_a_lake_that_cannot_be_written_fails_nothing_and_is_said(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> str:
        raise TableContended("somebody else writes all the time")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Lake, "append", refuse)
        log = RequestLog()
        with RequestRecorder(lake, log, ORIGIN):
            ask(log, 2)
    assert "2 requests are missing in tables/api_requests: somebody else writes all the time" in caplog.text


def test_what_could_not_be_stored_is_stored_with_the_next(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RequestLog()
    with RequestRecorder(lake, log, ORIGIN) as recorder:
        ask(log, 2)
        with monkeypatch.context() as patch:
            patch.setattr(Lake, "append", lambda *_: 1 / 0)
            assert isinstance(recorder.store(), ZeroDivisionError)
        ask(log, 1)
    assert rows(lake) == 3


def test_what_failed_after_it_was_committed_is_there_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 fails between the commit and the check for ids that were forgotten meanwhile."""

    def away(*_: object) -> None:
        raise LakeUnreachable("S3 is away")

    log = RequestLog()
    with RequestRecorder(lake, log, ORIGIN) as recorder:
        ask(log, 2)
        with monkeypatch.context() as patch:
            patch.setattr(Lake, "_forget_newly_listed", away)
            assert isinstance(recorder.store(), LakeUnreachable)
        assert rows(lake) == 2
        assert recorder.store() is None
        ask(log, 1)
    assert rows(lake) == 3


def test_the_files_of_a_finished_day_become_one(lake: Lake) -> None:
    log = RequestLog()
    with RequestRecorder(lake, log, ORIGIN) as recorder:
        for _ in range(3):
            ask(log)
            recorder.store()
    assert len(lake.refreshed().log(PLACE).files(DAY)) == 3
    clean_up(lake, [], keep=timedelta(), now=AT + timedelta(days=1))
    assert len(lake.refreshed().log(PLACE).files(DAY)) == 1
    assert rows(lake) == 3

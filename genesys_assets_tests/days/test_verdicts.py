"""Verdicts on days: stored by day and check, with the rows that the check looked at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from genesys_assets.automation.stale import is_unchecked
from genesys_assets.checks.checked_tables import AS_MANY, CHECKED, OF_SESSIONS
from genesys_assets.days import utc_day
from genesys_assets.days.completeness import DAILY_DETAILS, HOURLY_DETAILS, READ_AT, TOTAL_HITS
from genesys_assets.days.verdicts import (
    PLACE,
    Verdict,
    blocking_reason,
    checked_rows,
    failing,
    store_verdicts,
    verdicts,
)
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS, SESSION_METRICS
from genesys_assets_tests.automation.a_lake import store, store_overlap

DAY, OTHER = "2026-01-31", "2026-01-30"
FAILS = Verdict("session_metrics", "queues_match_interval_metrics", False, is_blocking=True, says="2 of 9 differ")
PASSES = Verdict("session_metrics", "users_match_interval_metrics", True)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def test_each_day_has_its_own_verdicts(lake: Lake) -> None:
    store_verdicts(lake, DAY, [FAILS, PASSES], 1, {})
    store_verdicts(lake, OTHER, [PASSES], 2, {})
    lake = lake.refreshed()
    assert failing(lake, DAY) == [FAILS]
    assert failing(lake, OTHER) == []
    assert failing(lake, "2026-01-29") == []
    assert verdicts(lake, OTHER) == {("session_metrics", PASSES.check): (PASSES, 2)}


def test_a_later_verdict_of_a_check_replaces_the_one_before_and_no_other(lake: Lake) -> None:
    store_verdicts(lake, DAY, [FAILS], 1, {})
    store_verdicts(lake, DAY, [PASSES], 1, {})
    mended = Verdict(FAILS.table, FAILS.check, True, is_blocking=True)
    assert blocking_reason(lake.refreshed(), [OTHER, DAY]) is not None
    store_verdicts(lake, DAY, [mended], 2, {})
    lake = lake.refreshed()
    assert {verdict for verdict, _ in verdicts(lake, DAY).values()} == {mended, PASSES}
    assert blocking_reason(lake, [OTHER, DAY]) is None


def test_verdicts_that_can_no_longer_be_read_count_as_not_given_and_are_stored_again(lake: Lake) -> None:
    store_verdicts(lake, DAY, [FAILS, PASSES], 1, {})
    (file,) = lake.refreshed().log(PLACE).files(DAY)
    lake.store.delete(f"{PLACE}/{file.path}")
    lake = Lake(lake.store)
    assert verdicts(lake, DAY) == {}
    store_verdicts(lake, DAY, [FAILS], 1, {})
    assert failing(lake.refreshed(), DAY) == [FAILS]


class _CountedStore(LocalStore):
    """A store that counts how often the end of a file is read, where its footer is."""

    tails = 0

    def tail(self, key: str, count: int) -> bytes:
        self.tails += 1
        return super().tail(key, count)


def test_looking_again_whether_days_were_checked_reads_no_footer_again(tmp_path: Path) -> None:
    counted = _CountedStore(tmp_path)
    lake = Lake(counted)
    for hour in ("00", "01"):
        store(lake, HOURLY_DETAILS, f"{DAY}-{hour}:00")
    lake = lake.refreshed()
    first = checked_rows(lake, DAY, CHECKED["conversations"].places)
    read = counted.tails
    assert read > 0
    assert checked_rows(lake.refreshed(), DAY, CHECKED["conversations"].places) == first
    assert counted.tails == read


def test_it_says_why_nothing_may_be_made_of_a_day(lake: Lake) -> None:
    store_verdicts(lake, DAY, [FAILS], 1, {})
    said = blocking_reason(lake.refreshed(), [DAY])
    assert said is not None
    assert "nothing is computed from 2026-01-31: the check queues_match_interval_metrics" in said
    assert "(2 of 9 differ)" in said


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("t", "c", False, is_error=False, is_blocking=True),
        Verdict("t", "c", None, is_blocking=True, says="the day is not over"),
        Verdict("t", "c", False),
        Verdict("t", "c", True, is_blocking=True),
    ],
)
def test_a_warning_a_pass_what_was_not_judged_and_what_does_not_block_close_no_day(
    lake: Lake, verdict: Verdict
) -> None:
    store_verdicts(lake, DAY, [verdict], 1, {})
    assert blocking_reason(lake.refreshed(), [DAY]) is None


def test_verdicts_that_are_given_at_once_are_all_kept(lake: Lake) -> None:
    given = [Verdict("t", f"check {number}", True) for number in range(6)]
    with ThreadPoolExecutor(len(given)) as executor:
        list(executor.map(lambda verdict: store_verdicts(Lake(lake.store), DAY, [verdict], 1, {}), given))
    assert {verdict for verdict, _ in verdicts(Lake(lake.store), DAY).values()} == {*given}


def test_a_day_is_unchecked_until_every_check_of_its_tables_has_looked_at_the_present_rows(lake: Lake) -> None:
    assert not is_unchecked(lake, DAY)
    lake.write("tables/conversations", CONVERSATIONS, CONVERSATIONS.empty(), DAY, {})
    lake = lake.refreshed()
    assert is_unchecked(lake, DAY)
    rows = checked_rows(lake, DAY, CHECKED["conversations"].places)
    store_verdicts(lake, DAY, [Verdict("conversations", AS_MANY, None, says="the platform gave no total")], rows, {})
    assert not is_unchecked(lake.refreshed(), DAY)
    lake.write("tables/session_metrics", SESSION_METRICS, SESSION_METRICS.empty(), DAY, {})
    lake = lake.refreshed()
    assert is_unchecked(lake, DAY)
    sides = CHECKED["session_metrics"].places
    every = [Verdict("session_metrics", name, True) for name in OF_SESSIONS]
    store_verdicts(lake, DAY, every, checked_rows(lake, DAY, sides), {})
    assert not is_unchecked(lake.refreshed(), DAY)
    store_verdicts(lake, DAY, every, 0, {})
    assert is_unchecked(lake.refreshed(), DAY)


def test_a_day_is_unchecked_once_its_overlap_has_other_conversations_though_no_row_changed(lake: Lake) -> None:
    lake.write("tables/session_metrics", SESSION_METRICS, SESSION_METRICS.empty(), DAY, {})

    def overlap_of(began: dict[str, str], minute: int) -> Lake:
        store_overlap(lake, DAY, began, as_of=datetime(2026, 2, 1, 4, minute, tzinfo=UTC))
        return lake.refreshed()

    def check(lake: Lake) -> None:
        unjudged = [
            Verdict("session_metrics", name, None, says="31 earlier days are not stored") for name in OF_SESSIONS
        ]
        store_verdicts(lake, DAY, unjudged, checked_rows(lake, DAY, CHECKED["session_metrics"].places), {})

    check(lake.refreshed())
    assert not is_unchecked(lake.refreshed(), DAY)
    first = overlap_of({OTHER: "a"}, 0)
    assert is_unchecked(first, DAY)
    check(first)
    assert not is_unchecked(overlap_of({OTHER: "a"}, 1), DAY), "the same, read again"
    assert is_unchecked(overlap_of({OTHER: "b"}, 2), DAY)


def test_a_day_is_unchecked_once_the_platform_has_another_total_though_no_row_changed(lake: Lake) -> None:
    lake.write("tables/conversations", CONVERSATIONS, CONVERSATIONS.empty(), DAY, {})

    def read_with(total: int, minute: int) -> Lake:
        as_of = datetime(2026, 2, 1, 4, minute, tzinfo=UTC)
        said = {READ_AT: as_of.isoformat(), TOTAL_HITS: total}
        store(lake, DAILY_DETAILS, DAY, as_of=as_of, reach=Reach(utc_day(DAY)[1], is_complete=True), said=said)
        return lake.refreshed()

    lake = read_with(45, 0)
    missing = Verdict("conversations", AS_MANY, False, says="45 of 45 are missing")
    store_verdicts(lake, DAY, [missing], checked_rows(lake, DAY, CHECKED["conversations"].places), {})
    assert not is_unchecked(read_with(45, 1), DAY)
    assert is_unchecked(read_with(0, 2), DAY)

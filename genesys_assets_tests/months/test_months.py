"""Simulated days, and that the judge finds violations. `make test` simulates one day."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets_tests.months.__main__ import main
from genesys_assets_tests.months.calendar import clock_changes, first_day
from genesys_assets_tests.months.clock import simulated
from genesys_assets_tests.months.expected import REPORTS
from genesys_assets_tests.months.faults import BEFORE_REPORTING, KINDS, STORED_ONCE, Plan, Trouble, planned
from genesys_assets_tests.months.history import History, Past
from genesys_assets_tests.months.judgement import BUILT_IN, differences
from genesys_assets_tests.months.month import Month, Simulation, simulate
from genesys_assets_tests.months.readings import AGGREGATES_OF_HOURS
from genesys_assets_tests.plain_figures import Item, sessions

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WANTED = Simulation(days=2, seed=4, conversations=15, faults=("killed", "answers", "storage"))


def _is_handled(item: Item) -> bool:
    return any(any(session.emitted("tHandle")) for session in sessions([item]))


@pytest.mark.long
def test_two_days_with_runs_that_die_and_answers_that_fail_come_right_and_what_is_spoilt_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []

    def spoil(month: Month) -> None:
        """Spoil the lake: an unread conversation, a missing hour, published files with other bytes, and a changed row
        of a report that plain Python does not know.
        """
        now, first = month.clock.now(), month.wanted.first
        monkeypatch.delitem(REPORTS, "interval")
        month.judge(now, everything=True)
        assert month.outcome.violations == []
        lake, interval = Lake(LocalStore(tmp_path / "lake")), BUILT_IN["interval"].spec
        rows = lake.read("reports/interval", f"{first}")
        lake.write("reports/interval", interval, rows.slice(1), f"{first}", {})
        organisation = month.past.organisation
        handled = [item for item in organisation.conversations(first) if _is_handled(item)]
        organisation.delete(handled[0]["conversationId"])
        Lake(LocalStore(tmp_path / "lake")).remove(AGGREGATES_OF_HOURS, [f"{first}-05:00"])
        for published in (tmp_path / "published").rglob("*.csv"):
            published.write_text("other bytes")
        month.judge(now, everything=True)
        found.extend(month.outcome.violations)

    outcome = simulate(WANTED, tmp_path, spoil)
    assert {"figure", "missing", "file"} <= {line.split(" ")[0] for line in found}
    assert any(line.startswith("figure interval") for line in found)
    assert outcome.figures["runs"] > 10


@pytest.mark.parametrize("off", [(), pytest.param(("unreported",), marks=pytest.mark.long)])
def test_what_runs_stored_that_died_twice_before_they_reported_it_is_known_only_by_the_sensor_for_that(
    tmp_path: Path, off: tuple[str, ...]
) -> None:
    begin = datetime(DAY.year, DAY.month, DAY.day, 4, tzinfo=UTC)
    killed = Trouble("killed", begin, begin + 2 * HOUR, f"{BEFORE_REPORTING} 1 {STORED_ONCE}")
    outcome = simulate(Simulation(1, 4, first=DAY, conversations=5, off=off, troubles=(killed, killed)), tmp_path)
    found = [line.split(":")[0] for line in outcome.violations]
    assert found == ([f"not reported {STORED_ONCE} {DAY}-00"] if off else [])
    assert outcome.figures["killed"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--days 0", "argument --days: must be a whole number of at least 1, got '0'"),
        ("--days=-3", "argument --days: must be a whole number of at least 1, got '-3'"),
        ("--zone Mars/X", "argument --zone: 'Mars/X' is not an IANA time zone name. Example: Europe/Zurich."),
        ("--zone Europe", "argument --zone: 'Europe' is not an IANA time zone name. Example: Europe/Zurich."),
        ("--zone=", "argument --zone: '' is not an IANA time zone name. Example: Europe/Zurich."),
        ("--faults killed,fire", f"argument --faults: knows only {', '.join(KINDS)}, got fire"),
    ],
)
def test_a_wrong_argument_is_no_violation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str, says: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["months", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_clock_moves_by_waiting_and_never_backward() -> None:
    with simulated(NOON) as clock:
        clock.sleep(90)
        assert datetime.now(UTC) == NOON + timedelta(seconds=90)
        clock.move_to(NOON)
        assert clock.now() == NOON + timedelta(seconds=90)
        clock.move_to(NOON + HOUR)
        assert clock.now() == NOON + HOUR
    assert datetime.now(UTC) > NOON + HOUR


def test_a_step_that_is_tried_again_waits_for_the_simulated_clock() -> None:
    begun: list[datetime] = []

    @dg.op
    def twice() -> None:
        begun.append(datetime.now(UTC))
        if len(begun) < 2:
            raise dg.RetryRequested(max_retries=1, seconds_to_wait=3600)

    with simulated(NOON):
        assert dg.GraphDefinition("again", node_defs=[twice]).execute_in_process().success
    assert begun == [NOON, NOON + HOUR]


def test_a_run_that_waits_for_a_place_in_a_pool_gets_it_once_others_have_freed_it() -> None:
    begun: list[datetime] = []

    @dg.op(pool="platform")
    def asks() -> None:
        begun.append(datetime.now(UTC))

    with simulated(NOON) as clock, dg.instance_for_test() as instance:
        pools = instance.event_log_storage
        pools.set_concurrency_slots("platform", 1)
        assert pools.claim_concurrency_slot("platform", "a run that died", "step").is_claimed
        clock.meanwhile = lambda: pools.free_concurrency_slots_for_run("a run that died")
        assert dg.GraphDefinition("again", node_defs=[asks]).execute_in_process(instance=instance).success
    assert NOON + timedelta(seconds=30) <= begun[0] < NOON + timedelta(minutes=5)


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/Los_Angeles", "Australia/Lord_Howe"])
def test_clocks_change_among_the_days(zone: str) -> None:
    assert len(clock_changes(zone)) == 2
    for seed in range(10):
        days = {first_day(zone, 5, seed) + timedelta(days=number) for number in range(5)}
        assert days & {*clock_changes(zone)}


def test_the_past_knows_what_was_deleted_and_what_a_conversation_was_like_before() -> None:
    organisation = Organisation(3, 20)
    past = Past(organisation)
    later = NOON + timedelta(days=2)
    ids = [item["conversationId"] for item in past.begun(DAY, later, later)]
    before = {item["conversationId"]: item for item in past.begun(DAY, later, later)}
    organisation.restate(ids[1], lambda item: item.update(externalTag="restated"), at=later)
    past.delete(ids[0], later)
    as_it_was = {item["conversationId"]: item for item in past.begun(DAY, later - HOUR, later - HOUR)}
    as_it_is = {item["conversationId"]: item for item in past.begun(DAY, later, later)}
    assert as_it_was == {each: organisation.as_of(item, later - HOUR) for each, item in before.items()}
    assert ids[0] not in as_it_is
    assert as_it_is[ids[1]]["externalTag"] == "restated"


def test_history_is_the_same_for_the_same_seed() -> None:
    def events_of(seed: int) -> list[str]:
        history = History(Past(Organisation(seed, 20)), seed, DAY, 5)
        history.until(NOON + timedelta(days=5))
        return history.log

    assert events_of(1) == events_of(1) != events_of(2)
    assert any("restated" in line for line in events_of(1))


def test_what_was_planned_for_a_time_that_has_passed_happens_now_and_not_before() -> None:
    past = Past(Organisation(1, 20))
    history, present = History(past, 1, DAY, 1), NOON + timedelta(days=1)
    earlier = {item["conversationId"]: item for item in past.begun(DAY, present, present)}
    history.until(present + HOUR, present)
    assert history.log
    assert {line[:16] for line in history.log} == {f"{present:%Y-%m-%d %H:%M}"}
    assert {item["conversationId"]: item for item in past.begun(DAY, present, present)} == earlier


def test_a_plan_is_the_same_for_the_same_seed_and_ends_quietly() -> None:
    assert planned(7, DAY, 10) == planned(7, DAY, 10) != planned(8, DAY, 10)
    of_many = [planned(seed, DAY, 10) for seed in range(40)]
    assert {each.kind for plan in of_many for each in plan.troubles} == {*KINDS}
    quiet_from = NOON.replace(hour=0) + timedelta(days=8)
    assert all(each.end <= quiet_from + timedelta(minutes=1) for plan in of_many for each in plan.troubles)


def test_work_is_possible_again_when_all_trouble_is_over() -> None:
    plan = Plan((Trouble("off", NOON, NOON + HOUR), Trouble("token", NOON + HOUR / 2, NOON + 2 * HOUR)))
    assert plan.able_since(NOON + HOUR, HOUR) is None
    assert plan.able_since(NOON + 3 * HOUR, HOUR) == NOON + 2 * HOUR
    killed = Plan((Trouble("killed", NOON, NOON + HOUR),))
    assert killed.able_since(NOON + 2 * HOUR, 2 * HOUR) is None


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([], "none"),
        ([{"queue_id": "a", "n": 2}], "2"),
        ([{"queue_id": "a", "n": 1}, {"queue_id": "b", "n": 1}], "one"),
        ([{"queue_id": "a", "n": 1}, {"queue_id": "a", "n": 1}], "1 twice"),
        ([{"queue_id": "a", "n": None}], "None"),
    ],
)
def test_a_row_that_is_missing_or_other_is_a_difference(found: list[dict[str, object]], says: str) -> None:
    assert [each.found for each in differences(found, [{"queue_id": "a", "n": 1}], ("queue_id",), {})] == [says]


def test_a_name_that_the_queue_once_had_is_no_difference() -> None:
    found, expected = [{"queue_id": "a", "queue_name": "old"}], [{"queue_id": "a", "queue_name": "new"}]
    assert not list(differences(found, expected, ("queue_id",), {"a": {"old", "new"}}))
    assert list(differences(found, expected, ("queue_id",), {}))

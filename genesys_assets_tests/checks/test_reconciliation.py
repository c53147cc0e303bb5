"""The checks between tables: which days are read, what a difference means for the run, and what the UI is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pytest

from genesys_assets.checks import reconciled_day
from genesys_assets.checks.reconciled_day import (
    HANDLE_TIME,
    QUEUES_MATCH,
    USERS_MATCH,
    WAIT,
    Finding,
    begun_earlier,
    reconcile_daily,
    reconcile_sessions,
    unread_conversations,
)
from genesys_assets.checks.reconciliation import (
    DAY_MATCHES,
    DAYS,
    HOURS,
    SESSIONS,
    build_reconciliation_checks,
)
from genesys_assets.cloud.page import Page
from genesys_assets.days import Window
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import REACH_DAYS, Calendar, days_around, utc_day
from genesys_assets.resources import LakeResource
from genesys_assets.sandbox.server import running
from genesys_assets.tables.conversation_model import CONVERSATIONS, SESSION_METRICS
from genesys_assets.tables.conversation_model import SESSIONS as SESSION_TABLE
from genesys_assets.tables.metrics import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec
from genesys_assets.tolerance import Tolerance
from genesys_assets_tests.assets.world import RANGE, TABLES_OF_HOURS, World, definitions, hours
from genesys_assets_tests.clocks import standing_at
from genesys_assets_tests.conftest import DAY as PAST_DAY
from genesys_assets_tests.keyed_rows import keyed
from genesys_assets_tests.tables import builders

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXACT = Tolerance()
IN_UTC = Calendar(date(2026, 1, 1), ZoneInfo("UTC"), 4)
WHOLE = Reach(datetime(2026, 2, 3, tzinfo=UTC), is_complete=True)
"""The reach of a day that was read after all that is compared here."""
TO_THE_END = Reach(datetime(2026, 2, 1, tzinfo=UTC))
UNTIL_20 = Reach(datetime(2026, 1, 31, 20, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path))


def put(lake: Lake, spec: TableSpec, rows: Iterable[Mapping[str, Any]], day: str, reach: Reach | None) -> None:
    """Rows begun on another day are of the day's noon, for they lie in its partition."""
    begins = str(spec.partition_column)
    noon: date = utc_day(day)[0] + timedelta(hours=12)
    if pa.types.is_date(spec.schema.field(begins).type):
        noon = date.fromisoformat(day)
    of_day = [{**row, begins: row[begins] if f"{row.get(begins)}"[:10] == day else noon} for row in rows]
    table = pa.Table.from_pylist(keyed(of_day, spec), spec.schema)
    lake.write(f"tables/{spec.name}", spec, table, day, {}, reach=reach)


def offered(count: int = 1, media: str = "voice") -> dict[str, Any]:
    return {
        "conversation_id": "C1",
        "conversation_start": NOON,
        "participant_id": "P1",
        "session_id": "S1",
        "media_type": media,
        "queue_id": "Q1",
        "metric": "nOffered",
        "emit_date": NOON,
        "value": count,
        "ordinal": 0,
    }


def conversation(media: str = "voice", complete: bool = True) -> dict[str, Any]:
    return {"conversation_id": "C1", "conversation_start": NOON, "media_type": media, "is_complete": complete}


def session(media: str = "voice", over: bool = True) -> dict[str, Any]:
    began = {"conversation_id": "C1", "conversation_start": NOON, "participant_id": "P1", "session_id": "S1"}
    return began | {"media_type": media, "session_start": NOON, "session_end": NOON if over else None}


def bucket(count: int = 1, media: str = "voice", start: datetime = NOON) -> dict[str, Any]:
    key = {"interval_start": start, "grouping": "mediaType,queueId", "queue_id": "Q1", "media_type": media}
    return key | {"selection": "", "view": "", "metric": "nOffered", "count": count}


def store_conversations(
    lake: Lake,
    *emitted: Mapping[str, Any],
    day: str = DAY,
    open_media: str | None = None,
    open_session: str | None = None,
    reach: Reach | None = WHOLE,
) -> None:
    put(lake, SESSION_METRICS, emitted, day, reach)
    put(lake, CONVERSATIONS, [conversation(open_media, complete=False)] if open_media else [], day, reach)
    put(lake, SESSION_TABLE, [session(open_session, over=False)] if open_session else [session()], day, reach)


def store_reach(lake: Lake) -> None:
    """Empty days as far back as conversations may have begun."""
    for day in days_around(DAY, REACH_DAYS, -1):
        store_conversations(lake, day=day)


def store_hours(lake: Lake, *rows: Mapping[str, Any], day: str = DAY, reach: Reach | None = TO_THE_END) -> None:
    put(lake, INTERVAL_METRICS, rows, day, reach)


def found(lake: Lake, name: str = QUEUES_MATCH) -> tuple[int, int]:
    """How many differences stand, and how many are put down to unread conversations."""
    finding = reconcile_sessions(lake, DAY, EXACT)[name]
    assert isinstance(finding, Finding)
    return len(finding.differences), len(finding.unread or ())


# -- a real day --------------------------------------------------------------------------------------------------------


def test_a_day_of_the_sandbox_reconciles_to_the_millisecond(past_days: World) -> None:
    findings = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=3)
    findings["day"] = reconcile_daily(past_days.lake, f"{PAST_DAY}", EXACT, IN_UTC)
    for name, finding in findings.items():
        assert isinstance(finding, Finding), f"{name}: {finding}"
        assert finding.compared > (15 if name == WAIT else 80), name
        assert finding.differences.to_pylist() == [], name
        assert not len(finding.unread or ()), name
        assert not finding.left_out, name


def test_the_same_day_does_not_reconcile_without_the_days_before(past_days: World) -> None:
    """Or else nothing of that day's sessions began earlier, and the test above proves less than it says."""
    finding = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=0)[QUEUES_MATCH]
    assert isinstance(finding, Finding)
    assert len(finding.differences) + len(finding.unread or ())


def test_a_complete_day_reconciles_alone_and_strictly(tmp_path: Path) -> None:
    """With details jobs nothing is left to unread conversations, though no earlier day is stored."""
    now = datetime(2026, 2, 1, 9, tzinfo=UTC)
    with running(seed=125, conversations_per_day=130, now=now, requests_per_minute=None) as sandbox:
        world = World(sandbox, tmp_path, definitions(DAY))
        world.run("hourly", "pages/hourly_aggregates", between=hours(DAY))
        world.run("complete", partition=DAY)
        world.run("daily", *TABLES_OF_HOURS, "pages/daily_aggregates", "tables/daily_metrics", partition=DAY)
    assert all(run.success for run in world.runs)
    findings = reconcile_sessions(world.lake, DAY, EXACT) | {"day": reconcile_daily(world.lake, DAY, EXACT, IN_UTC)}
    for name, finding in findings.items():
        assert isinstance(finding, Finding), f"{name}: {finding}"
        assert finding.compared > (15 if name == WAIT else 80), name
        assert finding.differences.to_pylist() == [], name
        assert not finding.reason, name
    assert len(begun_earlier(world.lake, DAY) or ()) > 0


@pytest.mark.parametrize("rows_at_once", [1, 1_000])
def test_a_day_compared_in_parts_gives_the_same(
    past_days: World, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    at_once = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=0)
    monkeypatch.setattr(reconciled_day, "_ROWS_AT_ONCE", rows_at_once)
    in_parts = reconcile_sessions(past_days.lake, f"{PAST_DAY}", EXACT, reach_days=0)
    for name, finding in at_once.items():
        part = in_parts[name]
        assert isinstance(finding, Finding)
        assert isinstance(part, Finding)
        assert (part.compared, part.differences.to_pylist()) == (finding.compared, finding.differences.to_pylist())


# -- what stands and what is nobody's fault ----------------------------------------------------------------------------


def test_a_lost_conversation_is_found_where_all_was_read(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake)
    store_hours(lake, bucket())
    assert found(lake) == (1, 0)


def test_a_conversation_counted_twice_is_found_whatever_was_read(lake: Lake) -> None:
    store_conversations(lake, offered(2), reach=TO_THE_END, open_media="voice")
    store_hours(lake, bucket())
    assert found(lake) == (1, 0)


def test_conversations_begun_on_days_that_are_not_stored_may_account_for_more(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, bucket())
    assert found(lake) == (0, 1)
    finding = reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH]
    assert isinstance(finding, Finding)
    assert finding.reason == "31 earlier days are not stored (2025-12-31 to 2026-01-30)"
    assert not finding.judged


@pytest.mark.parametrize("how", ["open_media", "open_session"])
def test_conversations_open_when_they_were_read_may_account_for_more_of_their_media_type(lake: Lake, how: str) -> None:
    store_reach(lake)
    store_conversations(lake, reach=TO_THE_END, **{how: "email"})
    store_hours(lake, bucket(media="email"), bucket(media="chat"))
    assert found(lake) == (1, 1)


def test_an_open_callback_may_yet_become_a_call(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, reach=None, open_media="callback")
    assert unread_conversations(lake, DAY).open == {"callback": 1, "voice": 1}


@pytest.mark.parametrize(("missing", "explained"), [(1, True), (3, True), (4, False), (4_000, False)])
def test_one_open_conversation_explains_no_more_than_it_can_have_emitted(
    lake: Lake, missing: int, explained: bool
) -> None:
    read_overlap(lake)
    store_conversations(lake, reach=TO_THE_END, open_media="email")
    store_hours(lake, bucket(missing, media="email"))
    assert found(lake) == ((0, 1) if explained else (1, 0))
    finding = reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH]
    assert isinstance(finding, Finding)
    assert finding.reason == "conversations were open when they were last read (1 email)"


def test_an_open_conversation_may_emit_as_often_as_the_busiest_one_did(lake: Lake) -> None:
    read_overlap(lake)
    often = [offered(media="email") | {"ordinal": number} for number in range(5)]
    store_conversations(lake, *often, reach=TO_THE_END, open_media="email")
    store_hours(lake, bucket(10, media="email"))
    assert found(lake) == (0, 1)
    store_hours(lake, bucket(11, media="email"))
    assert found(lake) == (1, 0)


def test_what_is_missing_in_many_places_is_counted_together(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, reach=TO_THE_END, open_media="email")
    places = [bucket(media="email", start=NOON + timedelta(hours=number)) for number in range(4)]
    store_hours(lake, *places[:3])
    assert found(lake) == (0, 3)
    store_hours(lake, *places)
    assert found(lake) == (4, 0)


def test_a_day_read_after_the_end_leaves_nothing_open(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, reach=WHOLE, open_media="email")
    assert not unread_conversations(lake, DAY).open


def test_an_earlier_day_read_too_early_leaves_its_open_conversations_out(lake: Lake) -> None:
    store_reach(lake)
    early = Reach(datetime(2026, 1, 31, 6, tzinfo=UTC), is_complete=True)
    store_conversations(lake, day="2026-01-20", reach=early, open_media="email")
    store_conversations(lake)
    assert unread_conversations(lake, DAY).open == {"email": 1}


def test_what_began_on_an_earlier_day_is_read_there(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake)
    store_conversations(lake, offered(), day="2026-01-05")
    store_hours(lake, bucket())
    assert found(lake) == (0, 0)


def read_overlap(lake: Lake, *conversations: dict[str, Any], reach: Reach = TO_THE_END) -> None:
    """What began before the day and was alive on it, as it was read on a later day."""
    with lake.page_writers("pages/daily_overlap", [DAY], {}) as writers:
        writers[DAY].reach = reach
        body = builders.page(*conversations)
        writers[DAY].write(Page(number=1, request="{}", fetched_at=NOON, correlation_id=None, body=body))


def e_mail(*emitted: tuple[str, datetime], began: str = "2026-01-20") -> dict[str, Any]:
    """A conversation begun days ago, with one counter per instant."""
    metrics = [{"name": name, "value": 1, "emitDate": builders.wire(at)} for name, at in emitted]
    waiting = builders.session(
        "S9", "email", metrics=metrics, segments=[builders.segment("interact", 0, 1, queueId="Q1")]
    )
    start = datetime.fromisoformat(f"{began}T12:00:00+00:00")
    return builders.conversation("C9", builders.participant("P9", "acd", waiting), start=start)


def test_what_began_earlier_is_read_from_the_overlap_whatever_days_are_stored(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, bucket(media="email"))
    read_overlap(lake, e_mail(("nOffered", NOON - timedelta(days=9)), ("nOffered", NOON)))
    assert found(lake) == (0, 0)
    store_hours(lake, bucket(2, media="email"))
    assert found(lake) == (1, 0)


def test_the_overlap_takes_the_place_of_what_is_stored_of_its_conversations(lake: Lake) -> None:
    stored = offered(media="email") | {"conversation_id": "C9", "conversation_start": NOON - timedelta(days=11)}
    other = stored | {"conversation_id": "C8"}
    store_conversations(lake)
    store_conversations(lake, stored, other, day="2026-01-20", open_media="email", reach=None)
    store_hours(lake, bucket(3, media="email"))
    assert found(lake) == (0, 1)
    read_overlap(lake, e_mail(("nOffered", NOON), ("nOffered", NOON + timedelta(minutes=1))))
    assert found(lake) == (0, 0)


def test_an_overlap_read_before_the_day_was_over_is_not_used(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, bucket(media="email"))
    read_overlap(lake, reach=UNTIL_20)
    assert found(lake) == (0, 1)


def test_a_day_read_again_that_brought_nothing_new_was_read_all_the_same(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, reach=UNTIL_20)
    store_conversations(lake, reach=WHOLE)
    store_hours(lake)
    assert found(lake) == (0, 0)


def test_a_tolerated_difference_is_none(lake: Lake) -> None:
    store_reach(lake)
    store_conversations(lake, offered(9))
    store_hours(lake, bucket(10))
    assert found(lake) == (1, 0)
    finding = reconcile_sessions(lake, DAY, Tolerance.parse("10%"))[QUEUES_MATCH]
    assert isinstance(finding, Finding)
    assert len(finding.differences) == 0


# -- metrics that sessions may not carry ------------------------------------------------------------------------------


def flowed_out(day: str = DAY) -> dict[str, Any]:
    hour = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return offered() | {"metric": "tFlowOut", "value": 5, "conversation_start": hour, "emit_date": hour}


FLOWED_OUT = bucket() | {"metric": "tFlowOut", "sum": 5, "min": 5, "max": 5}


def left_out(lake: Lake, name: str = QUEUES_MATCH) -> dict[str, str]:
    finding = reconcile_sessions(lake, DAY, EXACT)[name]
    assert isinstance(finding, Finding)
    return dict(finding.left_out)


def test_what_sessions_were_never_seen_to_carry_is_said_and_not_compared(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, offered())
    store_hours(lake, bucket(), FLOWED_OUT)
    assert found(lake) == (0, 0)
    assert left_out(lake) == {"tFlowOut": "no session of the days that were read has it"}


def test_what_sessions_carried_on_another_day_is_missed_on_this_one(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, flowed_out("2026-01-05"), day="2026-01-05")
    store_conversations(lake, offered())
    store_hours(lake, bucket(), FLOWED_OUT)
    assert found(lake) == (1, 0)


def test_what_the_aggregates_never_have_is_said_and_not_compared(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, offered(), flowed_out())
    store_hours(lake, bucket())
    assert left_out(lake) == {"tFlowOut": "the aggregates of the days that were read do not have it"}
    store_hours(lake, FLOWED_OUT, day="2026-01-20", reach=WHOLE)
    assert (found(lake), left_out(lake)) == ((1, 0), {})


def test_what_sessions_are_known_to_carry_is_missed_whatever_was_seen(lake: Lake) -> None:
    read_overlap(lake)
    store_conversations(lake, offered())
    store_hours(lake, bucket(), FLOWED_OUT | {"metric": "tHandle"})
    assert (found(lake), left_out(lake)) == ((1, 0), {})


def test_a_wait_is_expected_of_no_session_but_compared_with_the_ways_out_of_the_queue(lake: Lake) -> None:
    read_overlap(lake)
    waited = bucket() | {"metric": "tWait", "count": 2, "sum": 12, "min": 5, "max": 7}
    answered = flowed_out() | {"metric": "tAnswered", "value": 7, "session_id": "S2"}
    store_conversations(lake, flowed_out(), answered)
    ways_out = [FLOWED_OUT, FLOWED_OUT | {"metric": "tAnswered", "sum": 7, "min": 7, "max": 7}]
    store_hours(lake, waited, *ways_out)
    assert (found(lake), found(lake, WAIT), left_out(lake, WAIT)) == ((0, 0), (0, 0), {})
    store_hours(lake, waited | {"sum": 13, "max": 8}, *ways_out)
    assert (found(lake), found(lake, WAIT)) == ((0, 0), (1, 0))


# -- days that can not be compared -------------------------------------------------------------------------------------


def test_a_day_whose_hours_are_incomplete_is_not_evaluated(lake: Lake) -> None:
    store_conversations(lake)
    store_hours(lake, reach=UNTIL_20)
    reason = "interval_metrics of 2026-01-31 holds the day until 2026-01-31T20:00:00+00:00 only"
    assert {*map(str, reconcile_sessions(lake, DAY, EXACT).values())} == {reason}


def test_a_day_whose_conversations_are_incomplete_is_not_evaluated(lake: Lake) -> None:
    store_conversations(lake, reach=UNTIL_20)
    store_hours(lake)
    reason = "session_metrics of 2026-01-31 holds the day until 2026-01-31T20:00:00+00:00 only"
    assert reconcile_sessions(lake, DAY, EXACT)[USERS_MATCH] == reason


def test_a_day_without_one_of_the_tables_is_not_evaluated(lake: Lake) -> None:
    assert reconcile_daily(lake, DAY, EXACT, IN_UTC) == "daily_metrics of 2026-01-31 is not stored"
    store_conversations(lake)
    assert reconcile_sessions(lake, DAY, EXACT)[HANDLE_TIME] == "interval_metrics of 2026-01-31 is not stored"


def test_today_is_not_evaluated(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = datetime(2026, 2, 1, tzinfo=UTC)
    store_conversations(lake, reach=None)
    store_hours(lake, reach=None)
    monkeypatch.setattr(reconciled_day, "datetime", standing_at(midnight - timedelta(milliseconds=1)))
    assert reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH] == "the day is not over"
    monkeypatch.setattr(reconciled_day, "datetime", standing_at(midnight))
    assert isinstance(reconcile_sessions(lake, DAY, EXACT)[QUEUES_MATCH], Finding)


# -- days and hours ----------------------------------------------------------------------------------------------------


def test_a_day_is_the_sum_of_its_hours(lake: Lake) -> None:
    store_hours(lake, bucket(2), bucket(3, start=NOON + timedelta(hours=5)))
    put(lake, DAILY_METRICS, [bucket(5, start=NOON.replace(hour=0))], DAY, None)
    finding = reconcile_daily(lake, DAY, EXACT, IN_UTC)
    assert isinstance(finding, Finding)
    assert (finding.compared, len(finding.differences)) == (1, 0)


def test_a_day_that_is_not_the_sum_of_its_hours_is_listed(lake: Lake) -> None:
    store_hours(lake, bucket(2))
    put(lake, DAILY_METRICS, [bucket(5, start=NOON.replace(hour=0))], DAY, None)
    finding = reconcile_daily(lake, DAY, EXACT, IN_UTC)
    assert isinstance(finding, Finding)
    (difference,) = finding.differences.to_pylist()
    assert (difference["expected_count"], difference["found_count"]) == (5, 2)


@pytest.mark.parametrize(
    ("zone", "end", "of_the_day"),
    [("Europe/Zurich", 23, "2026-01-30T23:30"), ("America/Los_Angeles", 8, "2026-02-01T07:45")],
)
def test_a_business_day_is_the_sum_of_its_own_hours(lake: Lake, zone: str, end: int, of_the_day: str) -> None:
    calendar = Calendar(date(2026, 1, 1), ZoneInfo(zone), 4)
    start, over = calendar.business_day(DAY)
    edge = datetime.fromisoformat(f"{of_the_day}:00+00:00")
    outside = [start - timedelta(minutes=15), over]
    assert over.hour == end
    hours = [bucket(2), bucket(3, start=edge), *(bucket(9, start=instant) for instant in outside)]
    for day in Window(start, over).utc_days():
        of_day = [row for row in hours if f"{row['interval_start']:%Y-%m-%d}" == day]
        store_hours(lake, *of_day, day=day, reach=WHOLE)
    put(lake, DAILY_METRICS, [bucket(5, start=start) | {"local_date": date.fromisoformat(DAY)}], DAY, WHOLE)
    finding = reconcile_daily(lake, DAY, EXACT, calendar)
    assert isinstance(finding, Finding)
    assert (finding.compared, len(finding.differences)) == (1, 0)


def test_a_business_day_whose_last_hours_are_not_stored_is_not_evaluated(lake: Lake) -> None:
    pacific = Calendar(date(2026, 1, 1), ZoneInfo("America/Los_Angeles"), 4)
    put(lake, DAILY_METRICS, [bucket(5, start=NOON)], DAY, WHOLE)
    store_hours(lake, bucket(5))
    assert reconcile_daily(lake, DAY, EXACT, pacific) == "interval_metrics of 2026-02-01 is not stored"
    early = Reach(datetime(2026, 2, 1, 7, tzinfo=UTC))
    store_hours(lake, day=NEXT_DAY, reach=early)
    said = "interval_metrics of 2026-02-01 holds the day until 2026-02-01T07:00:00+00:00 only"
    assert reconcile_daily(lake, DAY, EXACT, pacific) == said


# -- as Dagster runs them ----------------------------------------------------------------------------------------------


PARTITIONS = dg.DailyPartitionsDefinition("2026-01-01")


@dg.multi_asset(specs=[dg.AssetSpec(key) for key in (SESSIONS, HOURS, DAYS)], partitions_def=PARTITIONS)
def stored_tables() -> Iterable[dg.MaterializeResult]:
    yield from (dg.MaterializeResult(asset_key=key) for key in (SESSIONS, HOURS, DAYS))


@dg.asset(deps=[SESSIONS], partitions_def=PARTITIONS)
def report() -> None: ...


def run(
    folder: Path, *, zone: str = "UTC", days: tuple[str, str] | None = None, **options: Any
) -> dg.ExecuteInProcessResult:
    """Run the tables, their checks and a report of one day, or of a range of days."""
    checks = build_reconciliation_checks(Calendar(date(2026, 1, 1), ZoneInfo(zone), 4), **options)
    definitions = dg.Definitions(
        assets=[stored_tables, report],
        asset_checks=checks,
        resources={"lake": LakeResource(location=str(folder))},
        jobs=[dg.define_asset_job("daily", dg.AssetSelection.all())],
    )
    return definitions.resolve_job_def("daily").execute_in_process(
        partition_key=None if days else DAY,
        tags=dict(zip(RANGE, days, strict=True)) if days else None,
        raise_on_error=False,
    )


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def text(evaluation: dg.AssetCheckEvaluation, label: str) -> str:
    return str(evaluation.metadata[label].value)


@pytest.fixture
def reconciled(lake: Lake) -> Lake:
    store_reach(lake)
    for day in (DAY, NEXT_DAY):
        hour = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        emitted = offered() | {"conversation_start": hour, "emit_date": hour}
        store_conversations(lake, emitted, day=day)
        store_hours(lake, bucket(start=hour), day=day, reach=WHOLE)
        put(lake, DAILY_METRICS, [bucket(start=hour.replace(hour=0))], day, None)
    return lake


def lose_conversations(lake: Lake, day: str = DAY) -> None:
    store_conversations(lake, day=day)


def test_all_checks_pass_on_a_day_that_reconciles(reconciled: Lake, tmp_path: Path) -> None:
    handled = {"tAnswered": 7, "tTalkComplete": 5, "tHandle": 5}
    sessions = [offered() | {"metric": name, "value": value, "user_id": "U1"} for name, value in handled.items()]
    store_conversations(reconciled, offered(), *sessions)
    by_queue, by_user = [bucket()], []
    for name, value in {**handled, "tWait": 7}.items():
        stats = {"metric": name, "sum": value, "min": value, "max": value}
        by_queue.append(bucket() | stats)
        by_user += [bucket() | stats | {"grouping": "mediaType,userId", "queue_id": None, "user_id": "U1"}]
    store_hours(reconciled, *by_queue, *by_user[:-1])
    midnight = {"interval_start": NOON.replace(hour=0)}
    put(reconciled, DAILY_METRICS, [row | midnight for row in (*by_queue, *by_user[:-1])], DAY, None)
    result = run(tmp_path)
    assert result.success
    passed = {name: evaluation.passed for name, evaluation in evaluations(result).items()}
    assert passed == dict.fromkeys((QUEUES_MATCH, USERS_MATCH, WAIT, HANDLE_TIME, DAY_MATCHES), True)
    metadata = evaluations(result)[QUEUES_MATCH].metadata
    assert {name: value.value for name, value in metadata.items()} == {
        "compared": 4,
        "differing": 0,
        "tolerance": "0",
    }


def test_a_failing_check_lists_both_figures_and_lets_the_report_be(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    result = run(tmp_path)
    assert result.success
    assert result.asset_materializations_for_node("report")
    failed = evaluations(result)[QUEUES_MATCH]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert text(failed, "differences").splitlines() == [
        "2026-01-31: 1 of 1",
        "",
        "| interval_start   | queue_id   | media_type   | metric   | expected_count   | found_count   |",
        "|------------------|------------|--------------|----------|------------------|---------------|",
        "| 2026-01-31 12:00 | Q1         | voice        | nOffered | 1                |               |",
    ]


def test_a_blocking_check_keeps_the_report_from_being_made(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    result = run(tmp_path, blocking=True)
    assert not result.success
    assert not result.asset_materializations_for_node("report")


def test_the_severity_is_as_configured_and_a_handle_time_only_warns(reconciled: Lake, tmp_path: Path) -> None:
    store_conversations(reconciled, offered() | {"metric": "tHandle", "value": 5})
    result = evaluations(run(tmp_path))
    assert result[QUEUES_MATCH].severity == dg.AssetCheckSeverity.ERROR
    assert (result[HANDLE_TIME].passed, result[HANDLE_TIME].severity) == (False, dg.AssetCheckSeverity.WARN)
    warned = evaluations(run(tmp_path, severity=dg.AssetCheckSeverity.WARN))
    assert warned[QUEUES_MATCH].severity == dg.AssetCheckSeverity.WARN


def test_the_tolerance_is_as_configured(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    assert evaluations(run(tmp_path, tolerance="1"))[QUEUES_MATCH].passed


def test_a_tolerance_that_is_not_one_is_refused_when_the_checks_are_built(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a tolerance is written like"):
        run(tmp_path, tolerance="some")


def test_every_day_of_a_range_is_compared(reconciled: Lake, tmp_path: Path) -> None:
    assert evaluations(run(tmp_path, days=(DAY, NEXT_DAY)))[QUEUES_MATCH].passed
    lose_conversations(reconciled, NEXT_DAY)
    failed = evaluations(run(tmp_path, days=(DAY, NEXT_DAY)))[QUEUES_MATCH]
    assert failed.metadata["compared"].value == 2
    assert text(failed, "differences").startswith("2026-02-01: 1 of 1\n")


def test_what_is_not_evaluated_warns_and_blocks_nothing(lake: Lake, tmp_path: Path) -> None:
    result = run(tmp_path, blocking=True)
    assert result.success
    assert result.asset_materializations_for_node("report")
    for name, evaluation in evaluations(result).items():
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN), name
        assert "is not stored" in text(evaluation, "not_evaluated"), name


def test_having_compared_nothing_is_not_green(lake: Lake, tmp_path: Path) -> None:
    store_conversations(lake)
    store_hours(lake)
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert text(evaluation, "not_evaluated") == "- 2026-01-31: there was nothing to compare"


def test_a_difference_is_an_error_though_another_day_was_not_evaluated(reconciled: Lake, tmp_path: Path) -> None:
    lose_conversations(reconciled)
    evaluation = evaluations(run(tmp_path, days=("2026-01-30", DAY)))[QUEUES_MATCH]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "2026-01-30" in text(evaluation, "not_evaluated")


def test_metrics_that_one_side_never_has_are_named(reconciled: Lake, tmp_path: Path) -> None:
    store_hours(reconciled, bucket(), FLOWED_OUT)
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert evaluation.passed
    said = "- 2026-01-31: tFlowOut, no session of the days that were read has it"
    assert text(evaluation, "metrics_left_out") == said


def test_more_in_the_aggregates_is_put_down_to_open_conversations(lake: Lake, tmp_path: Path) -> None:
    read_overlap(lake)
    store_conversations(lake, reach=TO_THE_END, open_media="voice")
    store_hours(lake, bucket())
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert evaluation.passed
    assert evaluation.metadata["unread"].value == 1


def test_what_days_that_are_not_stored_would_explain_is_a_warning(lake: Lake, tmp_path: Path) -> None:
    store_conversations(lake)
    store_hours(lake, bucket())
    evaluation = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "pages/daily_overlap would tell" in text(evaluation, "not_evaluated")
    assert evaluation.metadata["unread"].value == 1
    assert "31 earlier days are not stored" in text(evaluation, "why_unread")


def test_a_long_list_is_cut(reconciled: Lake, tmp_path: Path) -> None:
    hours = [NOON.replace(hour=0) + timedelta(minutes=15 * number) for number in range(90)]
    store_hours(reconciled, *(bucket(start=hour) for hour in hours), reach=WHOLE)
    failed = evaluations(run(tmp_path))[QUEUES_MATCH]
    assert failed.metadata["differing"].value == 89
    assert text(failed, "differences").count("nOffered") == 20

"""Repeat contacts: every figure equals plain Python over the same contacts; unknown figures are null, with the
reason."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.privacy.protection import Protection
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.made_of import made_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.spans import days_around
from genesys_assets.tables.conversations.contacts import HORIZONS, NEEDED, NEEDED_OF_REPORT_DAYS, normalised
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets_tests.reports.small_lake import Row, computed, small_lake

pytestmark = pytest.mark.long

REPORT = next(report for report in built_in_reports() if report.name == "repeat_contacts")
DAY = "2026-03-29"
DAYS = days_around(DAY, 62, 34)
FIRST = datetime.fromisoformat(DAYS[0]).replace(tzinfo=UTC)
NEAR = days_around(DAY, 32, 31)
ALL = Reach(datetime(2027, 1, 1, tzinfo=UTC))
TABLES_READ = (*NEEDED, *NEEDED_OF_REPORT_DAYS)
HOURS_24 = timedelta(hours=24)
QUEUES, CODES = (None, "Q1", "Q2"), (None, "W1", "W2")
ADDRESSES = (
    *("tel:+41 44 555 01 01", "+41445550101", "TEL:+41445550102"),
    *("ana@example.net", "Ana@Example.net", None, "anonymous"),
)
SAME = {
    "tel:+41 44 555 01 01": "+41445550101",
    "TEL:+41445550102": "+41445550102",
    "Ana@Example.net": "ana@example.net",
    "anonymous": None,
}


@cache
def world() -> list[dict[str, Any]]:
    """Contacts of 97 days: their customers, times, origins and final queues; some lie exactly on a limit."""
    drawn, found = random.Random(5), []

    def contact(start: datetime, external: str | None, address: str | None, direction: str = "inbound") -> None:
        ended = {"queue": drawn.choice(QUEUES), "code": drawn.choice(CODES), "avoided": drawn.choice([None, 0, 1])}
        found.append({"start": start, "external": external, "address": address, "direction": direction, **ended})

    for _ in range(1_200):
        start = FIRST + timedelta(milliseconds=drawn.randrange(96 * 86_400_000))
        external = drawn.choice([None, None, *(f"x{number}" for number in range(25))])
        number = f"+4144555{drawn.randrange(300):04}"
        direction = drawn.choice(["inbound"] * 5 + ["outbound"])
        contact(start, external, drawn.choice([*ADDRESSES, number, number, number]), direction)
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    for days in HORIZONS:
        for off in (-1, 0, 1):
            customer = f"limit {days} {off}"
            contact(noon, customer, None)
            contact(noon - days * HOURS_24 + timedelta(milliseconds=off), customer, None)
            contact(noon + days * HOURS_24 + timedelta(milliseconds=off), f"after {customer}", None)
            contact(noon, f"after {customer}", None)
    for _ in range(2):
        contact(noon, "twice at once", None)
        # Their ids decide which of both is the first, but not in an order that a test can predict.
        found[-1] |= {"queue": "Q1", "code": "W1"}
    return [{**each, "id": f"c{number:04}"} for number, each in enumerate(found)]


def tables(protection: Protection | None = None) -> dict[str, Any]:
    rows: dict[str, list[Row]] = defaultdict(list)
    hashed = protection.hashed if protection else str
    for each in world():
        own = {"conversation_id": each["id"], "conversation_start": each["start"]}
        address = each["address"] and hashed(each["address"])
        external = each["external"] and hashed(each["external"])
        rows["conversations"].append({**own, "originating_direction": each["direction"], "media_type": "voice"})
        rows["participants"] += [
            {**own, "ordinal": 0, "participant_id": "p0", "purpose": "customer", "external_contact_id": external},
            {**own, "ordinal": 1, "participant_id": "p1", "purpose": "agent", "external_contact_id": "not a customer"},
        ]
        where = "address_from" if address and "@" in str(each["address"]) else "ani"
        rows["sessions"] += [
            {**own, "participant_ordinal": 1, "session_id": "s1", "purpose": "agent", "ani": "tel:+41000000000"},
            {**own, "participant_ordinal": 0, "session_id": "s0", "purpose": "customer", where: address},
        ]
        legs = [("Q9", "W9"), (each["queue"], each["code"])] if each["queue"] and each["code"] else []
        legs = legs or [(each["queue"], each["code"])]
        rows["interaction_legs"] += [
            {**own, "leg_no": number, "queue_id": queue, "wrap_up_code": code}
            for number, (queue, code) in enumerate(legs)
        ]
        if each["avoided"] is not None:
            rows["resolutions"].append({**own, "ordinal": 0, "n_next_contact_avoided": each["avoided"]})
    return rows


def stored(folder: Path, days: list[str] = DAYS, protection: Protection | None = None) -> Lake:
    return small_lake(folder, days=days, reach=ALL, only=TABLES_READ, **tables(protection))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return stored(tmp_path_factory.mktemp("contacts"))


def customer(each: dict[str, Any], same: dict[str, str | None] = SAME) -> tuple[str, str] | None:
    address = same.get(each["address"], each["address"])
    return ("external", each["external"]) if each["external"] else ("address", address) if address else None


def plain(first: str, last: str, zone: str, same: dict[str, str | None] = SAME) -> dict[tuple[Any, ...], Row]:
    """The expected figures by queue and wrap-up code, from every pair of contacts."""
    place, inbound = ZoneInfo(zone), [each for each in world() if each["direction"] == "inbound"]
    order: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for each in inbound:
        order[customer(each, same)].append(each)
    groups: dict[tuple[Any, ...], Row] = {}
    for each in inbound:
        if not date.fromisoformat(first) <= each["start"].astimezone(place).date() <= date.fromisoformat(last):
            continue
        row = groups.setdefault((each["queue"], each["code"]), defaultdict(int))
        row["contacts"] += 1
        if each["avoided"] is not None:
            row["next_contacts_avoided"] += each["avoided"]
        who = customer(each, same)
        if who is None:
            row["unknown_customers"] += 1
            continue
        row["known"] += 1
        others = [other for other in order[who] if other is not each]
        for days in HORIZONS:
            row[f"repeated_{days}d"] += any(is_again(each, other, days) for other in others)
            row[f"followed_{days}d"] += any(is_again(other, each, days) for other in others)
    return groups


def is_again(each: dict[str, Any], other: dict[str, Any], days: int) -> bool:
    """Whether a contact begins after another, by less than this many times 24 hours. Of two at the same millisecond,
    one counts as the first.
    """
    after = (each["start"], each["id"]) > (other["start"], other["id"])
    return after and each["start"] - other["start"] < days * HOURS_24


def as_shown(groups: dict[tuple[Any, ...], Row]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    found = {}
    for key, row in groups.items():
        known = row["known"] or None
        repeated = [row[f"repeated_{days}d"] if known else None for days in HORIZONS]
        resolved = [row["known"] - row[f"followed_{days}d"] if known else None for days in HORIZONS]
        shares = [None if each is None else each / row["known"] for each in (*repeated, *resolved)]
        found[key] = (row["contacts"], row["unknown_customers"] or None, known, *repeated, *resolved, *shares)
    return found


SHOWN = (
    *("contacts", "unknown_customers", "known_customers"),
    *(f"repeated_within_{days}d" for days in HORIZONS),
    *(f"resolved_for_{days}d" for days in HORIZONS),
    *(f"repeat_rate_{days}d" for days in HORIZONS),
    *(f"first_contact_resolution_{days}d" for days in HORIZONS),
)


def figures_by_queue_and_code(rows: list[Row]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {(row["queue_id"], row["wrap_up_code"]): tuple(row[name] for name in SHOWN) for row in rows}


def totals(found: dict[tuple[Any, ...], tuple[Any, ...]]) -> list[int]:
    return [sum(row[index] or 0 for row in found.values()) for index in range(9)]


@pytest.mark.parametrize(
    ("zone", "over", "first", "last"),
    [
        ("UTC", "day", DAY, DAY),
        ("Europe/Zurich", "day", DAY, DAY),
        ("America/Los_Angeles", "week", "2026-03-23", DAY),
        ("Europe/Zurich", "month", "2026-03-01", "2026-03-31"),
    ],
)
def test_who_came_again_is_counted_to_the_millisecond(lake: Lake, zone: str, over: str, first: str, last: str) -> None:
    report = Report.of("repeat", REPORT.definition.model_copy(update={"over": over}))
    rows, expected = computed(report, lake, zone, last), as_shown(plain(first, last, zone))
    assert figures_by_queue_and_code(rows) == expected
    assert all(row["unknown_because"] is None for row in rows)
    assert sum(row["repeated_within_1d"] or 0 for row in rows) > 0


def test_a_contact_exactly_24_hours_later_does_not_repeat_and_one_a_millisecond_earlier_does(tmp_path: Path) -> None:
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    earlier = {"exact": noon - HOURS_24, "within": noon - HOURS_24 + timedelta(milliseconds=1)}
    starts = {**earlier, **{f"{name} again": noon for name in earlier}}
    rows: dict[str, Any] = defaultdict(list)
    for name, start in starts.items():
        own = {"conversation_id": name, "conversation_start": start}
        rows["conversations"].append({**own, "originating_direction": "inbound"})
        external = name.removesuffix(" again")
        rows["participants"].append({**own, "ordinal": 0, "purpose": "external", "external_contact_id": external})
    week = days_around(DAY, 8, 0)
    (row,) = computed(REPORT, small_lake(tmp_path, days=week, reach=ALL, only=TABLES_READ, **rows), day=DAY)
    assert (row["contacts"], row["repeated_within_1d"], row["repeated_within_7d"]) == (2, 1, 2)


def test_days_that_are_missing_before_make_the_figure_unknown_with_the_reason(tmp_path: Path) -> None:
    lacking = "2026-03-25"
    rows = computed(REPORT, stored(tmp_path, [day for day in NEAR if day != lacking]), day=DAY)
    assert {row["repeated_within_7d"] for row in rows} == {None}
    assert {row["repeated_within_30d"] for row in rows} == {None}
    assert any(row["repeated_within_1d"] for row in rows)
    assert {tuple(row["unknown_because"]) for row in rows} == {
        (
            f"of the 7 days before, {lacking} is not stored completely; "
            f"of the 30 days before, {lacking} is not stored completely",
        )
    }


@pytest.mark.parametrize("table", NEEDED)
def test_a_day_of_which_one_table_was_not_committed_makes_the_figure_unknown(tmp_path: Path, table: str) -> None:
    """As if a process was killed between two commits."""
    lake = stored(tmp_path, NEAR[NEAR.index(DAY) - 7 : NEAR.index(DAY) + 1])
    lake.remove(f"tables/{table}", ["2026-03-25"])
    rows = computed(REPORT, lake.refreshed(), day=DAY)
    assert {row["repeated_within_7d"] for row in rows} == {None}
    (why,) = {tuple(row["unknown_because"]) for row in rows}
    assert why[0].startswith("of the 7 days before, 2026-03-25 is not stored completely; ")


def test_who_came_again_later_is_unknown_until_the_days_after_are_stored_and_then_the_day_changes(
    tmp_path: Path,
) -> None:
    numbers, resolved, reasons, there = [], [], [], 0
    for after in (0, 1, 6, 7, 29, 30):
        until = NEAR.index(DAY) + after + 1
        lake, there = stored(tmp_path, NEAR[there:until]), until
        numbers.append(made_of(lake, REPORT, DAY, ZoneInfo("UTC")))
        rows = computed(REPORT, lake, day=DAY)
        (why,) = {tuple(row["unknown_because"] or ()) for row in rows}
        reasons.append(why)
        resolved.append([any(row[f"resolved_for_{days}d"] is not None for row in rows) for days in HORIZONS])
        assert totals(figures_by_queue_and_code(rows))[3:6] == totals(as_shown(plain(DAY, DAY, "UTC")))[3:6]
    assert resolved == [
        [False, False, False],
        [True, False, False],
        [True, False, False],
        [True, True, False],
        [True, True, False],
        [True, True, True],
    ]
    same = [numbers[at] == numbers[at + 1] for at in range(5)]
    assert same == [reasons[at] == reasons[at + 1] for at in range(5)] == [False, True, False, True, False]
    assert reasons[3] == ("not all of the 30 days after, up to 2026-04-28, are stored completely",)


def test_a_day_that_is_read_again_changes_the_days_whose_look_back_it_is_in(tmp_path: Path) -> None:
    whole = stored(tmp_path, NEAR)
    before = made_of(whole, REPORT, DAY, ZoneInfo("UTC"))
    for day, changes in (("2026-02-26", False), ("2026-02-27", True)):
        further = replace(ALL, through=ALL.through + timedelta(milliseconds=1))
        whole.write("tables/conversations", CONVERSATIONS, CONVERSATIONS.empty(), day, {}, reach=further)
        whole = whole.refreshed()
        now = made_of(whole, REPORT, DAY, ZoneInfo("UTC"))
        assert (now != before) == changes
        before = now


def test_hashed_customers_are_still_joined_and_dropped_ones_are_unknown(tmp_path: Path) -> None:
    rows = computed(REPORT, stored(tmp_path / "hash", NEAR, Protection(key=b"k")), day=DAY)
    as_written = {address: f"hash of {address}" for address in ADDRESSES if address}
    expected = as_shown(plain(DAY, DAY, "UTC", dict(as_written)))
    assert figures_by_queue_and_code(rows) == expected
    dropped = tables()
    for name in ("participants", "sessions"):
        for row in dropped[name]:
            row.update(dict.fromkeys({"external_contact_id", "ani", "address_from"} & row.keys()))
    rows = computed(REPORT, small_lake(tmp_path / "drop", days=NEAR, reach=ALL, only=TABLES_READ, **dropped), day=DAY)
    assert all(row["contacts"] == row["unknown_customers"] for row in rows)
    assert {row[name] for row in rows for name in SHOWN[3:]} == {None}


def test_the_platforms_own_figure_stands_beside(lake: Lake) -> None:
    rows = computed(REPORT, lake, day=DAY)
    expected = plain(DAY, DAY, "UTC")
    assert sum(row["next_contacts_avoided"] or 0 for row in rows) == sum(
        row["next_contacts_avoided"] for row in expected.values()
    )


@pytest.mark.parametrize(
    ("address", "known_as"),
    [
        ("tel:+41 (44) 555-01.01", "+41445550101"),
        ("sip:Ana.Costa@Example.net", "ana.costa@example.net"),
        ("  ana@example.net ", "ana@example.net"),
        ("Anonymous", None),
        ("sip:anonymous", None),
        ("", None),
        ("hash:0123456789abcdef0123456789abcdef", "hash:0123456789abcdef0123456789abcdef"),
        (None, None),
    ],
)
def test_an_address_is_recognised_in_every_notation(address: str | None, known_as: str | None) -> None:
    assert normalised(pa.chunked_array([[address]], pa.string())).to_pylist() == [known_as]

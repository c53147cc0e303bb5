from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesys_assets.cloud.http.page import Page
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.tables.conversations import day as conversation_day
from genesys_assets.tables.conversations.day import DAY_TABLES, day_tables
from genesys_assets.tables.conversations.decode import UnreadablePage, decode, starts
from genesys_assets.tables.conversations.explode import explode
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS, interaction_legs
from genesys_assets.tables.conversations.merge import Plan, Stub, plan
from genesys_assets_tests.tables.builders import NOON, conversation, page, participant, session
from genesys_assets_tests.tables.strategies import Item, conversations

DAY = datetime(2026, 1, 31, tzinfo=UTC)
KNOWN_TO_JOBS = ("participant_attributes", "evaluations", "surveys", "resolutions")
Tables = dict[str, pa.Table]


@dataclass(frozen=True)
class Reading:
    """Conversations of one reading. `as_of` is in seconds after the day."""

    items: list[Item]
    as_of: int = 0
    decides: bool = True
    by_job: bool = False

    def pages(self, size: int = 100) -> list[Reading]:
        return [replace(self, items=self.items[at : at + size]) for at in range(0, len(self.items), size)]


def planned(pages: Sequence[Reading], day: datetime = DAY) -> Plan:
    end = day + timedelta(days=1)
    return plan(
        [
            Stub(day, end, end + timedelta(seconds=of.as_of), starts(page(*of.items)), of.decides, of.by_job)
            for of in pages
        ]
    )


def tables_of(*pages: Reading, day: datetime = DAY, threads: int = 1) -> Tables:
    def page_at(position: int) -> Page:
        return Page(position, "{}", day, None, page(*pages[position].items))

    parts = list(day_tables(planned(pages, day), page_at, lambda page, decoded: None, threads=threads))
    return {
        spec.name: pa.concat_tables([spec.empty(), *(part[spec.name] for part in parts)]).combine_chunks()
        for spec in DAY_TABLES
    }


def rows(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.select(list(names)).to_pylist()]


# -- a day of several readings -----------------------------------------------------------------------------------------

OF_A_JOB = conversation(
    "a",
    participant("p", "customer", session("s"), attributes={"account": "42"}),
    seconds=None,
    evaluations=[{"evaluationId": "E"}],
    surveys=[{"surveyId": "S"}],
    resolutions=[{"queueId": "Q"}],
)
OF_THE_QUERY = conversation("a", participant("p", "customer", session("s"), session("t")), seconds=90)


def test_a_day_that_becomes_complete_keeps_the_newer_forms_that_its_hours_brought() -> None:
    gone = conversation("b")
    hours = [Reading([OF_THE_QUERY, gone], as_of=2)]
    before = tables_of(*hours)
    after = tables_of(
        Reading([OF_A_JOB], as_of=1, by_job=True), *(replace(reading, decides=False) for reading in hours)
    )
    assert rows(before["conversations"], "conversation_id", "duration_ms") == [("a", 90_000), ("b", 60_000)]
    assert rows(after["conversations"], "conversation_id", "duration_ms") == [("a", 90_000)]
    assert rows(after["sessions"], "session_id") == [("s",), ("t",)]


def test_what_only_jobs_know_stays_when_the_query_knows_a_newer_form() -> None:
    tables = tables_of(Reading([OF_A_JOB], as_of=1, by_job=True), Reading([OF_THE_QUERY], as_of=2))
    assert rows(tables["participant_attributes"], "participant_id", "name", "value") == [("p", "account", "42")]
    assert rows(tables["evaluations"], "evaluation_id") == [("E",)]
    assert rows(tables["surveys"], "survey_id") == [("S",)]
    assert rows(tables["resolutions"], "queue_id") == [("Q",)]


def test_what_the_newer_form_has_itself_is_not_taken_from_the_job() -> None:
    rescored = {**OF_THE_QUERY, "evaluations": [{"evaluationId": "E", "oTotalScore": 9}]}
    tables = tables_of(Reading([OF_A_JOB], as_of=1, by_job=True), Reading([rescored], as_of=2))
    assert rows(tables["evaluations"], "evaluation_id", "o_total_score") == [("E", 9)]
    assert rows(tables["surveys"], "survey_id") == [("S",)]


def test_what_a_newer_job_does_not_have_any_more_is_gone() -> None:
    tables = tables_of(
        Reading([OF_A_JOB], as_of=1, by_job=True), Reading([conversation("a", seconds=90)], as_of=2, by_job=True)
    )
    assert [len(tables[name]) for name in KNOWN_TO_JOBS] == [0, 0, 0, 0]


def test_a_supplement_is_placed_by_the_start_of_the_newer_form() -> None:
    """The rows lie in the same partition as the conversation."""
    corrected = NOON + timedelta(seconds=5)
    other = conversation("b", start=NOON + timedelta(seconds=1), surveys=[{"surveyId": "T"}])
    tables = tables_of(
        Reading([OF_A_JOB], as_of=1, by_job=True),
        Reading([other, conversation("a", start=corrected)], as_of=2),
    )
    assert rows(tables["surveys"], "conversation_id", "survey_id", "conversation_start")[1] == ("a", "S", corrected)


def test_the_attributes_of_a_job_up_to_the_evening_stay_when_the_hours_were_read_later() -> None:
    day = date(2026, 1, 28)
    organisation = Organisation(seed=5, conversations_per_day=300)
    ids = [item["conversationId"] for item in organisation.conversations(day)]
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    evening = midnight + timedelta(hours=20)

    def items_at(at: datetime, *, with_attributes: bool) -> list[Item]:
        found = [organisation.as_of(organisation.conversation(id_, with_attributes=with_attributes), at) for id_ in ids]
        return [item for item in found if item is not None]

    job = Reading(items_at(evening, with_attributes=True), as_of=-4 * 3600, by_job=True).pages(50)
    hours = Reading(items_at(evening + timedelta(days=1), with_attributes=False), as_of=20 * 3600).pages(17)
    of_job, of_hours, both = (tables_of(*of, day=midnight) for of in (job, hours, [*job, *hours]))
    assert 0 < len(of_job["conversations"]) < len(of_hours["conversations"])
    assert len(of_job["participant_attributes"]) > 100
    assert both["participant_attributes"].equals(of_job["participant_attributes"])
    for spec in DAY_TABLES:
        if spec.name not in KNOWN_TO_JOBS:
            assert both[spec.name].equals(of_hours[spec.name]), spec.name


# -- how much is read at once ------------------------------------------------------------------------------------------


def test_pages_of_which_little_is_taken_are_not_all_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is decoded whole, even if few of its conversations are used."""
    monkeypatch.setattr(conversation_day, "_CONVERSATIONS_AT_ONCE", 20)
    items = [conversation(f"{number:03d}", start=NOON + timedelta(seconds=number)) for number in range(100)]
    overlap = Reading(items, as_of=1).pages(10)
    newer = Reading([item for number, item in enumerate(items) if number % 10], as_of=2)
    groups = list(conversation_day._groups(planned([*overlap, newer])))
    assert max(map(len, groups)) <= 2


# -- laws --------------------------------------------------------------------------------------------------------------


@st.composite
def readings(draw: st.DrawFn) -> list[Reading]:
    """Forms of four conversations as of different instants."""
    made = []
    for as_of in range(draw(st.integers(1, 4))):
        ids = draw(st.lists(st.sampled_from("abcd"), unique=True))
        items = [
            draw(conversations(id_, NOON + timedelta(milliseconds=draw(st.sampled_from([0, "abcd".index(id_)])))))
            for id_ in ids
        ]
        made.append(Reading(items, as_of, draw(st.booleans()), draw(st.booleans())))
    return made


def plainly(readings: Sequence[Reading]) -> dict[str, list[Item]]:
    """The expected rows of each table, put together from the rows of each single form."""
    found: dict[str, list[Item]] = {spec.name: [] for spec in DAY_TABLES}
    for newest, by_job in chosen(readings):
        own = alone(newest)
        if by_job is not None:
            supplement = alone({**by_job, "conversationStart": newest["conversationStart"]})
            own |= {name: own[name] or supplement[name] for name in KNOWN_TO_JOBS}
        for name, listed in own.items():
            found[name] += listed
    return found


def chosen(readings: Sequence[Reading]) -> list[tuple[Item, Item | None]]:
    """The newest form of each conversation that a deciding reading has, and its supplement."""
    pairs = []
    for id_ in {item["conversationId"] for reading in readings for item in reading.items}:
        forms = [(item, of) for of in readings for item in of.items if item["conversationId"] == id_]
        if any(of.decides for _, of in forms):
            by_job = [item for item, of in forms if of.by_job]
            newest, of = forms[-1]
            pairs.append((newest, by_job[-1] if by_job and not of.by_job else None))
    return sorted(pairs, key=lambda pair: (pair[0]["conversationStart"], pair[0]["conversationId"]))


def alone(item: Item) -> dict[str, list[Item]]:
    tables = explode(decode(page(item)).conversations)
    return {
        name: table.to_pylist() for name, table in {**tables, INTERACTION_LEGS.name: interaction_legs(tables)}.items()
    }


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(readings(), st.integers(1, 3), st.randoms(use_true_random=False))
def test_tables_are_the_same_in_whatever_pages_and_order_the_forms_come(
    told: list[Reading], size: int, shuffling: random.Random
) -> None:
    cut = [page for reading in told for page in reading.pages(size)]
    found = tables_of(*shuffling.sample(cut, len(cut)))
    assert {name: table.to_pylist() for name, table in found.items()} == plainly(told)


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(readings())
def test_keys_hold_for_any_readings(told: list[Reading]) -> None:
    tables = tables_of(*told)
    for spec in DAY_TABLES:
        assert most_equal(rows(tables[spec.name], *spec.key)) <= 1, spec.name


def most_equal(keys: Iterable[Any]) -> int:
    return max(Counter(keys).values(), default=0)


@pytest.mark.parametrize("threads", [2, 5])
def test_however_many_threads_decode_the_rows_are_the_same_in_the_same_order(threads: int) -> None:
    items = [conversation(f"{nth:04d}", participant("p", "customer", session("s"))) for nth in range(2_000)]
    pages = Reading(items).pages(size=50)
    assert tables_of(*pages, threads=threads) == tables_of(*pages)


def test_pages_are_reported_in_their_order_and_an_invalid_page_ends_it() -> None:
    items = [conversation(f"{nth:04d}", participant("p", "customer", session("s"))) for nth in range(2_000)]
    pages = Reading(items).pages(size=50)
    heard: list[int] = []

    def page_at(position: int) -> Page:
        return Page(position, "{}", DAY, None, b"[" if position == 30 else page(*pages[position].items))

    with pytest.raises(UnreadablePage):
        for _ in day_tables(planned(pages), page_at, lambda page, decoded: heard.append(page.number), threads=3):
            pass
    assert heard == sorted(heard)
    assert set(heard) <= set(range(30))

"""Writing a day's tables: what is added hour by hour is, row for row, what the day made anew has."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.days import day_tables, hours_of, made_of, utc_day, utc_hour
from genesys_assets.days.sources import (
    DAILY,
    HOURLY,
    HOURLY_AGGREGATES,
    OVERLAP,
    START_DAYS,
    NotFetched,
    interval_metrics_of,
)
from genesys_assets.lake.commit import Overtaken
from genesys_assets.lake.lake import Lake, Writing
from genesys_assets.lake.ledger import readings
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.model import CONVERSATIONS, PARTICIPANTS, SEGMENTS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec

DAY, NEXT = "2099-01-28", "2099-01-29"
"""Not over for a while: an hour may be missing."""
HOURS = hours_of(DAY)
MADE = (CONVERSATIONS, PARTICIPANTS, SEGMENTS)
ORIGIN = {"run_id": "r"}
_QUERY = request_text("POST", "/api/v2/analytics/conversations/details/query")
_JOB = request_text("GET", "/api/v2/analytics/conversations/details/jobs/1/results")
_AGGREGATES = "/api/v2/analytics/conversations/aggregates/query"

Item = dict[str, Any]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"))


# -- the organisation --------------------------------------------------------------------------------------------------


def conversation(name: str, start: datetime, *, ended: bool = True, note: str = "") -> Item:
    """Two segments, the later of which says in which form the conversation is."""
    said: Item = {
        "conversationId": name,
        "conversationStart": iso(start),
        "participants": [
            {
                "participantId": f"{name}-p",
                "purpose": "customer",
                "sessions": [
                    {
                        "sessionId": f"{name}-s",
                        "mediaType": "voice",
                        "segments": [
                            {"segmentStart": iso(start), "segmentType": "ivr"},
                            {"segmentStart": iso(start), "segmentType": "interact", "wrapUpNote": note},
                        ],
                    }
                ],
            }
        ],
    }
    return said | ({"conversationEnd": iso(start + timedelta(minutes=9))} if ended else {})


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.000Z}"


def store(
    lake: Lake,
    place: str,
    key: str,
    *items: Item,
    as_of: datetime,
    request: str = _QUERY,
    reach: Reach | None = None,
    said: Mapping[str, Any] | None = None,
) -> None:
    body = json.dumps({"conversations": items}).encode()
    with lake.refreshed().page_writers(place, [key], dict(ORIGIN)) as writers:
        writers[key].write(Page(1, request, as_of, f"{place} {key} {as_of}", body, as_of=as_of))
        writers[key].reach = reach
        writers[key].provenance |= said or {}


def write(lake: Lake, *specs: TableSpec) -> None:
    day_tables.write_conversations(lake.refreshed(), DAY, specs or MADE, dict(ORIGIN))


def anew(lake: Lake, *specs: TableSpec) -> None:
    day_tables._write_conversations(lake.refreshed(), DAY, specs or MADE, dict(ORIGIN), may_add=False)


def files(lake: Lake, spec: TableSpec = CONVERSATIONS) -> list[int]:
    """How many rows each file of the day has."""
    return [file.rows for file in lake.refreshed().log(f"tables/{spec.name}").files(DAY)]


def ids(lake: Lake) -> list[str]:
    return list(lake.refreshed().read("tables/conversations", DAY)["conversation_id"].to_pylist())


def land(lake: Lake, hour: int, *items: Item, after: timedelta = timedelta(minutes=10)) -> None:
    """Fetch an hour some time after its end."""
    store(lake, HOURLY, HOURS[hour], *items, as_of=utc_hour(HOURS[hour])[1] + after)


def at(hour: int, minute: int = 30) -> datetime:
    return utc_hour(HOURS[hour])[0] + timedelta(minutes=minute)


# -- hours that land ---------------------------------------------------------------------------------------------------


def test_an_hour_that_landed_is_a_file_beside_those_that_are_stored(lake: Lake) -> None:
    first = conversation("a", at(0))
    land(lake, 0, first)
    write(lake)
    before = lake.refreshed().log("tables/conversations").files(DAY)
    land(lake, 1, first, conversation("c", at(1)), conversation("b", at(1)))
    land(lake, 2, conversation("d", at(2)))
    write(lake)
    assert lake.refreshed().log("tables/conversations").files(DAY)[:1] == before
    assert files(lake) == [1, 3]
    assert ids(lake) == ["a", "b", "c", "d"]
    assert lake.refreshed().reach("tables/conversations", DAY) == Reach(at(3, 0))


def test_only_the_pages_of_hours_that_landed_are_read(lake: Lake, tmp_path: Path) -> None:
    land(lake, 0, conversation("a", at(0)))
    land(lake, 1, conversation("b", at(1)))
    write(lake)
    (stored,) = (tmp_path / "lake" / "pages" / "hourly_details" / f"date={DAY}" / "hour=0").glob("*.parquet")
    stored.write_bytes(b"")
    land(lake, 2, conversation("c", at(2)))
    write(lake)
    assert ids(lake) == ["a", "b", "c"]


def test_hours_without_conversations_leave_one_file_that_says_how_far_the_day_reaches(lake: Lake) -> None:
    for hour in range(3):
        land(lake, hour)
        write(lake)
    assert files(lake) == [0]
    land(lake, 3, conversation("a", at(3)))
    write(lake)
    land(lake, 4)
    write(lake)
    assert files(lake) == [1, 0]
    assert lake.refreshed().reach("tables/conversations", DAY) == Reach(at(5, 0))


def test_a_day_has_eight_files_at_most(lake: Lake) -> None:
    found = []
    for hour in range(10):
        land(lake, hour, conversation(f"{hour}", at(hour)))
        write(lake, CONVERSATIONS)
        found.append(len(files(lake)))
    assert found == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]
    assert ids(lake) == [f"{hour}" for hour in range(10)]


def test_the_ledger_has_what_an_hour_added(lake: Lake) -> None:
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)), conversation("c", at(1)))
    write(lake)
    (reading,) = readings(lake.refreshed(), "tables/conversations")
    figures = {"rows_before": 1, "rows_after": 3, "rows_added": 2, "rows_changed": 0, "rows_removed": 0}
    assert reading.figures == figures


def test_what_a_day_made_of_several_files_changes_is_told_row_by_row(lake: Lake) -> None:
    for hour, name in enumerate("abc"):
        land(lake, hour, conversation(name, at(hour)))
        write(lake)
    land(lake, 1, conversation("b", at(1), ended=False), after=timedelta(hours=3))
    write(lake)
    assert files(lake) == [3]
    assert [each.figures["rows_changed"] for each in readings(lake.refreshed(), "tables/conversations")] == [0, 0, 1]


def test_a_day_made_anew_of_the_same_rows_keeps_its_files(lake: Lake) -> None:
    for hour, name in enumerate("abc"):
        land(lake, hour, conversation(name, at(hour)))
        write(lake)
    before, content = files(lake), lake.refreshed().content("tables/conversations", DAY)
    anew(lake)
    assert files(lake) == before == [1, 1, 1]
    assert lake.refreshed().content("tables/conversations", DAY) == content


def test_findings_of_all_hours_are_told(lake: Lake) -> None:
    odd = conversation("a", at(0)) | {"novelty": 1, "conversationEnd": "some day"}
    land(lake, 0, odd)
    write(lake)
    land(lake, 1, conversation("b", at(1)) | {"novelty": 2}, conversation("b", at(1)))
    _, findings = day_tables.write_conversations(lake.refreshed(), DAY, MADE, dict(ORIGIN))
    _, expected = day_tables._write_conversations(lake.refreshed(), DAY, MADE, dict(ORIGIN), may_add=False)
    assert files(lake) == [1, 1]
    assert (findings.unknown, findings.losses, findings.counts) == (
        expected.unknown,
        expected.losses,
        expected.counts,
    )
    assert findings.unknown == {"conversations.novelty": 2}
    assert findings.counts == {"pages": 2, "duplicates_dropped": 1}


def test_values_that_the_platform_left_out_of_earlier_hours_are_still_counted(lake: Lake) -> None:
    odd = conversation("a", at(0))
    del odd["participants"][0]["purpose"]
    land(lake, 0, odd)
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    writing, _ = day_tables.write_conversations(lake.refreshed(), DAY, MADE, dict(ORIGIN))
    assert writing["tables/participants"].absent == {"purpose": 1}


# -- what makes a day anew ---------------------------------------------------------------------------------------------


def _again_with_other_rows(lake: Lake) -> None:
    land(lake, 0, conversation("a", at(0)), conversation("a2", at(0, 40)), after=timedelta(hours=3))


def _an_earlier_hour(lake: Lake) -> None:
    land(lake, 2, conversation("c", at(2)))


def _stored_already(lake: Lake) -> None:
    land(lake, 4, conversation("b", at(4), note="newer"))


def _job(lake: Lake) -> None:
    items = [conversation("a", at(0)), conversation("d", at(3))]
    store(lake, DAILY, DAY, *items, as_of=at(23), request=_JOB, reach=Reach(utc_day(DAY)[1], is_complete=True))


def _overlap(lake: Lake) -> None:
    newer = conversation("b", at(1), note="ended")
    store(lake, OVERLAP, NEXT, newer, as_of=at(23), request=_JOB, said={START_DAYS: {DAY: "1"}})


def _removed(lake: Lake) -> None:
    now = lake.refreshed()
    now.remove("tables/segments", [DAY])


def _table_version(lake: Lake) -> None:
    """A table that was made by another version."""
    now, place = lake.refreshed(), "tables/participants"
    with now.table_writers({place: PARTICIPANTS}, DAY, dict(ORIGIN), builds_on_stored=True) as writing:
        writing.made_of = {place: 1}
        writing[place].write(now.read(place, DAY))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_again_with_other_rows, ["a", "a2", "b", "d", "e"]),
        (_an_earlier_hour, ["a", "b", "c", "d", "e"]),
        (_stored_already, ["a", "d", "b", "e"]),
        (_job, ["a", "d"]),
        (_overlap, ["a", "b", "d", "e"]),
        (_removed, ["a", "b", "d", "e"]),
        (_table_version, ["a", "b", "d", "e"]),
    ],
)
def test_anything_but_hours_that_landed_makes_the_day_anew(
    lake: Lake, change: Callable[[Lake], None], expected: list[str]
) -> None:
    for hour, name in {0: "a", 1: "b", 3: "d"}.items():
        land(lake, hour, conversation(name, at(hour)))
        if hour != 3 or change is not _an_earlier_hour:
            write(lake)
    change(lake)
    land(lake, 5, conversation("e", at(5)))
    write(lake)
    assert files(lake) == [len(expected)]
    assert ids(lake) == expected
    assert made_of.hours_of_details_since(lake.refreshed(), DAY, MADE) in ([], None)


def test_a_table_that_lags_behind_is_made_anew_with_the_others(lake: Lake) -> None:
    """Whoever was killed between two tables has stored one of them."""
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    write(lake, CONVERSATIONS)
    assert (files(lake), files(lake, SEGMENTS)) == ([1, 1], [2])
    write(lake)
    assert (files(lake), files(lake, SEGMENTS)) == ([1, 1], [4])


def test_rows_are_not_added_twice_where_two_runs_take_in_the_same_hour(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    landed = day_tables._landed

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(day_tables, "_landed", landed)
        found = landed(*given)
        write(lake)
        return found

    monkeypatch.setattr(day_tables, "_landed", meanwhile)
    write(Lake(lake.store))
    assert ids(lake) == ["a", "b"]


def test_an_hour_of_a_finished_day_must_not_be_missing(lake: Lake) -> None:
    day = "2026-01-28"
    for hour in range(3):
        store(lake, HOURLY, f"{day}-{hour:02d}:00", as_of=datetime(2026, 1, 28, 5, tzinfo=UTC))
        with pytest.raises(NotFetched, match=f"these hours of {day}: {hour + 1:02d}:00"):
            day_tables.write_conversations(lake.refreshed(), day, MADE, dict(ORIGIN))


# -- any order ---------------------------------------------------------------------------------------------------------


WIDE = timedelta(minutes=50)
"""How far around its middle the page of an hour reaches."""
CALM = 8
"""So many things happen before an hour may be missing or anything but hours tells of the day."""


@dataclass
class Weather:
    """A day on which anything happens: an organisation's conversations in their present forms, and what is fetched."""

    lake: Lake
    rng: random.Random
    now: datetime = field(default_factory=lambda: at(0, 0))
    items: dict[str, Item] = field(default_factory=dict)
    happened: int = 0

    def happen(self) -> str:
        """One thing that may happen; its name."""
        self.now += timedelta(minutes=self.rng.randrange(1, 30))
        self.happened += 1
        kinds = [self.next_hour] * 6 + [self.hour_again, self.end, self.move, self.delete]
        if self.happened > CALM:
            kinds += [self.any_hour, self.overlap, self.job_so_far]
        kind = self.rng.choice(kinds)
        kind()
        return kind.__name__

    def next_hour(self) -> None:
        stored = [hour for hour in HOURS if hour in self.lake.refreshed().stored(HOURLY)]
        self._fetch(min(len(stored), 23))

    def any_hour(self) -> None:
        self._fetch(self.rng.randrange(12))

    def hour_again(self) -> None:
        stored = [hour for hour in HOURS if hour in self.lake.refreshed().stored(HOURLY)]
        if stored:
            self._fetch(HOURS.index(self.rng.choice(stored)))

    def end(self) -> None:
        if self.items:
            name = self.rng.choice(sorted(self.items))
            self.items[name] = conversation(name, self._start(name), note=f"{self.now}")

    def move(self) -> None:
        """The platform tells another start of a conversation: it is in several hours."""
        if self.items:
            name = self.rng.choice(sorted(self.items))
            self.items[name] = conversation(name, self._start(name) + timedelta(hours=1), note="moved")

    def delete(self) -> None:
        if self.items:
            del self.items[self.rng.choice(sorted(self.items))]

    def overlap(self) -> None:
        of_day = self._all()[:2]
        said = {START_DAYS: {DAY: f"{self.now}"}} if of_day else {}
        store(self.lake, OVERLAP, NEXT, *of_day, as_of=self.now, request=_JOB, said=said)

    def job_so_far(self) -> None:
        store(self.lake, DAILY, DAY, *self._all(), as_of=self.now, request=_JOB, reach=Reach(at(2, 0)))

    def _fetch(self, hour: int) -> None:
        for number in range(self.rng.randrange(3)):
            name = f"{self.rng.randrange(10**6):06d}"
            start = at(hour, self.rng.choice((0, 10, 59)))
            self.items[name] = conversation(name, start, ended=self.rng.random() < 0.5, note=f"{number}")
        around = [item for item in self._all() if abs(self._start(item["conversationId"]) - at(hour)) < WIDE]
        store(self.lake, HOURLY, HOURS[hour], *around, as_of=self.now)

    def _all(self) -> list[Item]:
        return sorted(self.items.values(), key=lambda item: (item["conversationStart"], item["conversationId"]))

    def _start(self, name: str) -> datetime:
        return datetime.fromisoformat(self.items[name]["conversationStart"])


def rows(lake: Lake) -> Iterator[tuple[str, list[Item], Reach | None, int | None]]:
    now = lake.refreshed()
    for spec in MADE:
        place = f"tables/{spec.name}"
        yield place, now.read(place, DAY).to_pylist(), now.reach(place, DAY), now.made_of(place, DAY)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_the_tables_are_those_of_the_day_made_anew(lake: Lake, tmp_path: Path, seed: int) -> None:
    weather, added = Weather(lake, random.Random(seed)), 0
    for _ in range(CALM + 6):
        happened = weather.happen()
        if not lake.refreshed().stored(HOURLY) and not lake.refreshed().stored(DAILY):
            continue
        write(lake)
        added += len(files(lake)) > 1
        reference = lake_of_the_same_pages(tmp_path)
        anew(reference)
        assert list(rows(lake)) == list(rows(reference)), happened
    assert added


def lake_of_the_same_pages(tmp_path: Path) -> Lake:
    folder = tmp_path / "reference"
    if not folder.exists():
        folder.mkdir()
        (folder / "pages").symlink_to(tmp_path / "lake" / "pages")
    return Lake(LocalStore(folder))


# -- buckets -----------------------------------------------------------------------------------------------------------


OF_DAY = day_tables.MetricsOfDay(
    INTERVAL_METRICS, interval_metrics_of, made_of.of_interval_metrics, day_tables.landed_interval_metrics
)


def answer(lake: Lake, hour: int, count: int, *, metrics: tuple[str, ...] = ("tHandle",)) -> None:
    start, end = utc_hour(HOURS[hour])
    asked = {"interval": f"{iso(start)}/{iso(end)}", "groupBy": ["queueId"], "metrics": list(metrics)}
    request = request_text("POST", _AGGREGATES, body=asked)
    stats = [{"metric": "tHandle", "stats": {"count": count, "sum": 10 * count}}]
    buckets = [{"interval": f"{iso(start)}/{iso(start + timedelta(minutes=15))}", "metrics": stats}]
    groups = [{"group": {"queueId": name}, "data": buckets} for name in ("b", "a")] if count else []
    with lake.refreshed().page_writers(HOURLY_AGGREGATES, [HOURS[hour]], dict(ORIGIN)) as writers:
        body = json.dumps({"results": groups}).encode()
        writers[HOURS[hour]].write(Page(1, request, end, f"{hour} {count}", body, as_of=end))


def write_metrics(lake: Lake, *, may_add: bool = True) -> None:
    day_tables._write_metrics(lake.refreshed(), OF_DAY, DAY, dict(ORIGIN), may_add=may_add)


def metrics_of(lake: Lake) -> tuple[list[Item], Reach | None]:
    now, place = lake.refreshed(), f"tables/{INTERVAL_METRICS.name}"
    return now.read(place, DAY).to_pylist(), now.reach(place, DAY)


def test_buckets_of_hours_that_landed_are_a_file_beside_those_that_are_stored(lake: Lake) -> None:
    for hour, metrics in enumerate((("tHandle", "tTalk"), ("tHandle", "tTalk"), ("tTalk", "tHandle", "tAcw"))):
        answer(lake, hour, 1 + hour, metrics=metrics)
        write_metrics(lake)
    answer(lake, 3, 0)
    write_metrics(lake)
    added = metrics_of(lake)
    assert files(lake, INTERVAL_METRICS) == [2, 2, 2, 0]
    assert added[1] is not None
    assert (added[1].fetched_hours, list(added[1].questions.values())) == (4, [["tHandle"]])
    lake.refreshed().remove("tables/interval_metrics", [DAY])
    write_metrics(lake, may_add=False)
    assert metrics_of(lake) == added


def test_an_hour_of_buckets_that_was_read_again_makes_the_day_anew(lake: Lake) -> None:
    for hour in range(3):
        answer(lake, hour, 1)
        write_metrics(lake)
    answer(lake, 1, 5)
    answer(lake, 3, 1)
    write_metrics(lake)
    assert files(lake, INTERVAL_METRICS) == [8]


def test_all_tables_of_conversations_may_grow(lake: Lake) -> None:
    for hour in range(2):
        land(lake, hour, conversation(f"{hour}", at(hour)))
        write(lake, *DAY_TABLES)
    for spec in DAY_TABLES:
        assert files(lake, spec) in ([0], [1, 1], [2, 2])


def _add_while_others_make_anew(writing: Writing, mine: Lake, lake: Lake) -> None:
    writing.add_to_stored(mine)
    anew(lake)


def test_a_commit_that_adds_to_other_files_than_were_known_is_overtaken(lake: Lake) -> None:
    land(lake, 0, conversation("a", at(0)))
    write(lake)
    land(lake, 1, conversation("b", at(1)))
    mine = Lake(lake.store)
    with (
        pytest.raises(Overtaken),
        mine.table_writers({"tables/conversations": CONVERSATIONS}, DAY, dict(ORIGIN)) as writing,
    ):
        _add_while_others_make_anew(writing, mine, lake)
    assert ids(lake) == ["a", "b"]

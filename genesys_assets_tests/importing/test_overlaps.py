"""Buckets of several files or answers that overlap: the first stays, the later one is left out by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing import into_lake, partitions
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import SavedFile
from genesys_assets.importing.imported_page import HOURLY
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.records import Outcome
from genesys_assets.importing.result import ImportResult
from genesys_assets.importing.summary import not_complete, totals
from genesys_assets.importing.take_back import imported_files, take_back
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.sources import without_overlaps
from genesys_assets_tests.importing.saved import as_bytes, metric, result, saved_file

_DAY = "2026-01-28"
_WHOLE_DAY = Interval.parse("2026-01-28T00:00Z/2026-01-29T00:00Z")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"))


def span(start: str, end: str) -> str:
    return f"2026-01-28T{start}:00.000Z/2026-01-28T{end}:00.000Z"


HOUR = span("13:00", "14:00")
FIRST_HALF, SECOND_HALF = span("13:00", "13:30"), span("13:30", "14:00")


def answer(*buckets: tuple[str, int], name: str = "nOffered", queue: str = "Q") -> dict[str, Any]:
    return {"results": [result({"queueId": queue}, metric(name, count=count), interval=at) for at, count in buckets]}


def file(name: str, *answers: dict[str, Any]) -> SavedFile:
    return saved_file(name, b"\n".join(map(as_bytes, answers)))


def run(lake: Lake, *files: SavedFile, is_complete: bool = False) -> ImportResult:
    return import_files(lake.refreshed(), files, ImportOptions(), complete=_WHOLE_DAY if is_complete else None)


def rows(lake: Lake) -> list[tuple[str, str, str, int]]:
    """Start, end, metric and count of each row that the table gets of the stored pages."""
    pages = lake.refreshed().pages(f"pages/{HOURLY}", _DAY) or ()
    of_pages = [metric_rows(INTERVAL_METRICS, [(page.request, page.body)]).table for page in pages]
    found = without_overlaps(pa.concat_tables(of_pages))
    return sorted(
        (f"{each['interval_start']:%H:%M}", f"{each['interval_end']:%H:%M}", each["metric"], each["count"])
        for each in found.to_pylist()
    )


def is_complete(lake: Lake) -> bool:
    reach = lake.refreshed().reach(f"pages/{HOURLY}", _DAY)
    return reach is not None and reach.is_complete


HOURS = file("hours.json", answer((HOUR, 8)))
HALVES = file("halves.json", answer((FIRST_HALF, 5), (SECOND_HALF, 3)))


@pytest.mark.parametrize("is_one_import", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (HOURS, HALVES, [("13:00", "14:00", "nOffered", 8)]),
        (HALVES, HOURS, [("13:00", "13:30", "nOffered", 5), ("13:30", "14:00", "nOffered", 3)]),
    ],
)
def test_a_later_file_whose_buckets_overlap_is_left_out_and_no_day_is_complete(
    lake: Lake, first: SavedFile, second: SavedFile, kept: list[Any], *, is_one_import: bool
) -> None:
    if not is_one_import:
        run(lake, first)
    imported = run(lake, *([first] if is_one_import else []), second, is_complete=True)
    assert rows(lake) == kept
    assert not imported.may_be_complete
    assert not is_complete(lake)
    assert "a file was skipped" in (not_complete(imported) or "")
    assert [(each.state, each.buckets) for each in imported.outcomes][-1] == ("skipped", 0)
    reason = imported.outcomes[-1].reason
    assert f"in {first.place}, which came first" in reason
    further = " (2 times)" if second is HALVES else ""
    assert reason.endswith(f"Take back the file that is wrong, and import the other again{further}")
    assert len([key for key in lake.store.keys("imports") if key.endswith(".json")]) == 1


def test_only_the_figures_that_overlap_are_left_out_with_their_count(lake: Lake) -> None:
    second = file(
        "second.json",
        answer((FIRST_HALF, 5), (SECOND_HALF, 3)),
        answer((FIRST_HALF, 1), name="nError"),
        answer((SECOND_HALF, 4), queue="R"),
        answer((span("15:00", "15:30"), 2)),
    )
    imported = run(lake, HOURS, second)
    assert rows(lake) == [
        ("13:00", "13:30", "nError", 1),
        ("13:00", "14:00", "nOffered", 8),
        ("13:30", "14:00", "nOffered", 4),
        ("15:00", "15:30", "nOffered", 2),
    ]
    outcome = imported.outcomes[1]
    assert (outcome.state, outcome.buckets) == ("imported", 3)
    assert outcome.left_out == {
        f"figure left out: its bucket overlaps another one of the same group and metric in hours.json, which came "
        f"first, as nOffered of {FIRST_HALF} and of {HOUR}. Take back the file that is wrong, and import the other "
        "again": 2
    }
    assert totals(imported) == "Imported: 0 conversations and 4 buckets."


def test_a_bucket_of_several_figures_keeps_those_that_do_not_overlap(lake: Lake) -> None:
    both = {"results": [result({"queueId": "Q"}, metric("nOffered", count=5), metric("nError", count=1))]}
    both["results"][0]["data"][0]["interval"] = FIRST_HALF
    imported = run(lake, HOURS, file("both.json", both))
    assert rows(lake) == [("13:00", "13:30", "nError", 1), ("13:00", "14:00", "nOffered", 8)]
    assert imported.outcomes[1].buckets == 1


def test_a_bucket_of_the_same_time_is_no_overlap(lake: Lake) -> None:
    same, newer = file("copy.json", answer((HOUR, 8)), answer((HOUR, 8))), file("newer.json", answer((HOUR, 9)))
    imported = run(lake, HOURS, same, newer, is_complete=True)
    assert (rows(lake), is_complete(lake)) == ([("13:00", "14:00", "nOffered", 9)], True)
    assert [outcome.left_out for outcome in imported.outcomes] == [{}, {}, {}]


def test_buckets_that_touch_do_not_overlap(lake: Lake) -> None:
    quarters = [file(f"{start}.json", answer((span(f"13:{start}", f"13:{start + 15}"), 1))) for start in (15, 30)]
    imported = run(lake, *quarters, file("hour.json", answer((span("14:00", "15:00"), 1))), is_complete=True)
    assert (len(rows(lake)), imported.may_be_complete) == (3, True)


def test_answers_of_one_file_that_overlap_are_left_out_too(lake: Lake) -> None:
    imported = run(lake, file("both.jsonl", answer((HOUR, 8)), answer((FIRST_HALF, 5), (SECOND_HALF, 3))))
    assert rows(lake) == [("13:00", "14:00", "nOffered", 8)]
    ((text, count),) = imported.outcomes[0].left_out.items()
    assert "in an earlier answer of this file" in text
    assert (count, imported.outcomes[0].buckets) == (2, 1)


def test_a_complete_day_keeps_its_figures_and_stays_complete(lake: Lake) -> None:
    run(lake, HOURS, is_complete=True)
    run(lake, HALVES)
    assert (rows(lake), is_complete(lake)) == ([("13:00", "14:00", "nOffered", 8)], True)


def test_the_file_that_was_left_out_is_read_again_after_the_first_is_taken_back(lake: Lake) -> None:
    run(lake, HOURS, file("more.json", answer((FIRST_HALF, 5), (SECOND_HALF, 3), (span("15:00", "16:00"), 1))))
    take_back(lake.refreshed(), imported_files(lake, ["hours.json"]))
    more = file("more.json", answer((FIRST_HALF, 5), (SECOND_HALF, 3), (span("15:00", "16:00"), 1)))
    (outcome,) = run(lake, more).outcomes
    assert (outcome.state, outcome.buckets, outcome.left_out) == ("imported", 3, {})
    assert len(rows(lake)) == 3


def test_a_file_that_is_imported_again_with_other_options_does_not_overlap_itself(lake: Lake) -> None:
    entities = as_bytes({"entities": [{"userId": "U", "timestamp": "2026-01-28T13:00Z", "metrics": {"tHandle": 60}}]})
    for granularity in ("PT1H", "PT30M"):
        options = ImportOptions(granularity=granularity)
        (outcome,) = import_files(lake.refreshed(), [saved_file("1.json", entities)], options).outcomes
        assert (outcome.state, outcome.left_out) == ("imported", {})
    assert [row[:2] for row in rows(lake)] == [("13:00", "13:30")]


def test_a_file_of_which_nothing_is_left_loses_its_old_pages(lake: Lake) -> None:
    written = as_bytes({"results": [{"queueId": "Q", "timestamp": "2026-01-28T14:00", "metrics": {"nOffered": 4}}]})

    def of_zone(zone: str) -> Outcome:
        from zoneinfo import ZoneInfo

        options = ImportOptions(time_zone=ZoneInfo(zone), granularity="PT30M")
        return import_files(lake.refreshed(), [saved_file("zone.json", written)], options).outcomes[0]

    run(lake, HOURS)
    assert of_zone("UTC").state == "imported"
    assert of_zone("Europe/Paris").state == "skipped"
    assert rows(lake) == [("13:00", "14:00", "nOffered", 8)]


def test_of_two_imports_at_once_the_one_that_is_committed_first_keeps_its_figures(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, others = partitions.write_pages, list[ImportResult]()

    def written(*arguments: Any) -> bool:
        monkeypatch.setattr(into_lake, "write_pages", write)
        others.append(run(lake, HOURS))
        return write(*arguments)

    monkeypatch.setattr(into_lake, "write_pages", written)
    (mine,) = run(lake, HALVES).outcomes
    assert (mine.state, others[0].outcomes[0].state) == ("skipped", "imported")
    assert rows(lake) == [("13:00", "14:00", "nOffered", 8)]


SO_FAR = file("so far.json", answer((span("12:00", "13:00"), 4), (span("13:00", "13:30"), 5)))
WHOLE = file("whole.json", answer((span("12:00", "13:00"), 4), (HOUR, 8)))
_BOTH = [("12:00", "13:00", "nOffered", 4), ("13:00", "14:00", "nOffered", 8)]


@pytest.mark.parametrize("is_one_import", [True, False])
@pytest.mark.parametrize(
    "files", [(SO_FAR, WHOLE), (WHOLE, SO_FAR), (file("alone.json", answer((span("13:00", "13:21"), 5))), WHOLE)]
)
def test_the_whole_bucket_counts_instead_of_the_one_that_went_on_when_it_was_saved(
    lake: Lake, files: tuple[SavedFile, SavedFile], *, is_one_import: bool
) -> None:
    if not is_one_import:
        run(lake, files[0])
    imported = run(lake, *(files if is_one_import else files[1:]), is_complete=True)
    assert rows(lake) == _BOTH
    assert (imported.is_whole, [each.state for each in imported.outcomes][-1]) == (True, "imported")
    assert is_complete(lake) == (imported.outcomes[-1].file == "whole.json" or is_one_import)


def test_buckets_of_one_hour_that_were_saved_again_and_again_count_up_to_the_last(lake: Lake) -> None:
    ends = ("13:07", "13:21", "13:48", "14:00")
    for number, end in enumerate(ends):
        assert run(lake, file(f"{number}.json", answer((span("13:00", end), number)))).is_whole
    assert rows(lake) == [("13:00", "14:00", "nOffered", 3)]


def test_a_file_of_which_a_whole_bucket_replaced_all_is_imported_and_read_again_when_that_one_is_gone(
    lake: Lake,
) -> None:
    alone = file("alone.json", answer((span("13:00", "13:21"), 5)))
    run(lake, WHOLE)
    for _ in range(2):
        (outcome,) = run(lake, alone).outcomes
        assert (outcome.state, outcome.buckets, outcome.left_out) == ("imported", 0, {})
        assert any("went on when the answer was saved left out" in note for note in outcome.notes)
    take_back(lake.refreshed(), imported_files(lake, ["whole.json"]))
    run(lake, alone)
    assert rows(lake) == [("13:00", "13:21", "nOffered", 5)]


def test_a_day_whose_last_bucket_went_on_when_it_was_saved_is_not_complete(lake: Lake) -> None:
    imported = run(lake, SO_FAR, is_complete=True)
    assert not is_complete(lake)
    assert not_complete(imported) == (
        "No day was marked as complete, because the last bucket of 2026-01-28 ends at 2026-01-28T13:30:00.000Z and is "
        "shorter than others: the answer was saved, or its interval ends, before the bucket was over. Import an answer "
        "about the whole day that was saved after it."
    )


def test_a_half_hour_beside_its_hour_in_another_file_is_no_bucket_that_went_on(lake: Lake) -> None:
    run(lake, file("half.json", answer((FIRST_HALF, 5))))
    assert run(lake, HOURS).skipped

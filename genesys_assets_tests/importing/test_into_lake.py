from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing import into_lake
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import CannotImport, SavedFile
from genesys_assets.importing.imported_page import DAILY, DETAILS, HOURLY
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.result import ImportResult
from genesys_assets.importing.summary import not_marked
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.importing.saved import DAY, HOUR, as_bytes, conversation, metric, result, saved_file
from genesys_assets_tests.patience import PATIENCE_SECONDS

TIMELESS = {"entities": [{"userId": "U", "metrics": {"handleTime": 60}}]}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"))


def saved(name: str, document: Any) -> SavedFile:
    raw = document if isinstance(document, bytes) else as_bytes(document)
    return saved_file(f"saved/{name}", raw)


def figures(interval: str = HOUR, count: int = 1) -> dict[str, Any]:
    return {"results": [result({"queueId": "Q"}, metric("nOffered", count=count), interval=interval)]}


def states(imported: ImportResult) -> dict[str, str]:
    return {outcome.file: outcome.state for outcome in imported.outcomes}


def everything(lake: Lake) -> dict[str, tuple[str, int]]:
    """Every file of the lake by its path: digest and modification time."""
    files = Path(lake.store.path("")).rglob("*")
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
        if path.is_file()
    }


def bodies(lake: Lake, asset: str, day: str) -> list[dict[str, Any]] | None:
    pages = lake.pages(f"pages/{asset}", day)
    return None if pages is None else [dict(page.json()) for page in pages]


def is_complete(lake: Lake, asset: str, day: str) -> bool | None:
    pages = lake.pages(f"pages/{asset}", day)
    return None if pages is None else pages.reach is not None and pages.reach.is_complete


def test_files_go_to_the_days_they_are_of(lake: Lake) -> None:
    files = [saved("a.json", [conversation("A")]), saved("b.json", figures()), saved("c.json", figures(DAY))]
    imported = import_files(lake, files, ImportOptions())
    assert imported.changed == {(asset, "2026-01-28") for asset in (DETAILS, HOURLY, DAILY)}
    assert bodies(lake, DETAILS, "2026-01-28") == [{"conversations": [conversation("A")]}]
    assert [outcome.partitions for outcome in imported.outcomes] == [
        {DETAILS: ["2026-01-28"]},
        {HOURLY: ["2026-01-28"]},
        {DAILY: ["2026-01-28"]},
    ]


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_imported(lake: Lake) -> None:
    def gone() -> BinaryIO:
        raise PermissionError(13, "Permission denied")

    files = [
        saved("a.json", [conversation("A")]),
        saved("cut.json", b'{"conversations": ['),
        SavedFile("saved/gone.json", gone),
        saved("b.json", figures()),
    ]
    imported = import_files(lake, files, ImportOptions())
    assert states(imported) == {
        "saved/a.json": "imported",
        "saved/cut.json": "skipped",
        "saved/gone.json": "skipped",
        "saved/b.json": "imported",
    }
    assert imported.skipped[0].reason.startswith("it is not JSON")
    assert imported.skipped[1].reason == "it cannot be read: Permission denied"
    assert len(imported.changed) == 2


def test_the_same_file_again_changes_nothing(lake: Lake) -> None:
    files = [saved("a.json", [conversation("A")]), saved("b.json", figures())]
    import_files(lake, files, ImportOptions())
    before = everything(lake)
    again = import_files(lake, [saved("renamed.json", [conversation("A")]), files[1]], ImportOptions())
    assert set(states(again).values()) == {"unchanged"}
    assert again.changed == set()
    assert again.days(DETAILS) == ["2026-01-28"]
    assert everything(lake) == before


def test_the_same_bytes_twice_in_one_import_count_once(lake: Lake) -> None:
    imported = import_files(lake, [saved("a.json", figures()), saved("copy.json", figures())], ImportOptions())
    assert imported.outcomes[1].reason == "the same bytes as saved/a.json"
    assert len(bodies(lake, HOURLY, "2026-01-28") or ()) == 1


def test_a_record_that_was_lost_does_no_harm(lake: Lake) -> None:
    file = saved("a.json", figures())
    import_files(lake, [file], ImportOptions())
    for key in lake.store.keys("imports"):
        lake.store.delete(key)
    before = everything(lake)
    assert import_files(lake, [file], ImportOptions()).changed == set()
    after = everything(lake)
    assert {path: after[path] for path in before} == before


def test_a_day_that_was_removed_is_brought_back(lake: Lake) -> None:
    file = saved("a.json", figures())
    import_files(lake, [file], ImportOptions())
    lake.remove(f"pages/{HOURLY}", ["2026-01-28"])
    assert import_files(lake, [file], ImportOptions()).changed == {(HOURLY, "2026-01-28")}


def test_a_file_read_in_another_way_replaces_what_it_had_brought(lake: Lake) -> None:
    other, file = saved("a.json", figures()), saved("timeless.json", TIMELESS)
    first = ImportOptions(interval=Interval.parse(HOUR))
    import_files(lake, [other, file], first)
    second = ImportOptions(interval=Interval.parse("2026-01-29T13:00Z/2026-01-29T14:00Z"), time_unit="seconds")
    imported = import_files(lake, [file], second)
    assert imported.changed == {(HOURLY, "2026-01-28"), (HOURLY, "2026-01-29")}
    assert bodies(lake, HOURLY, "2026-01-28") == [figures()]
    (body,) = bodies(lake, HOURLY, "2026-01-29") or [{}]
    assert body["results"][0]["data"][0]["metrics"] == [metric("tHandle", sum=60_000)]
    import_files(lake, [file], first)
    assert bodies(lake, HOURLY, "2026-01-29") == []


def test_pages_stand_in_the_order_in_which_files_were_imported(lake: Lake) -> None:
    import_files(lake, [saved("z.json", figures(count=1)), saved("a.json", figures(count=2))], ImportOptions())
    import_files(lake, [saved("m.json", figures(count=3))], ImportOptions())
    counts = [
        body["results"][0]["data"][0]["metrics"][0]["stats"]["count"]
        for body in bodies(lake, HOURLY, "2026-01-28") or ()
    ]
    assert counts == [1, 2, 3]


def test_however_often_pages_are_written_the_days_are_the_same(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [saved(f"{number}.json", [conversation(f"{number}")]) for number in range(5)]
    import_files(lake, files, ImportOptions())
    other = Lake(LocalStore(tmp_path / "other"))
    monkeypatch.setattr(into_lake, "_BYTES_AT_ONCE", 1)
    import_files(other, files, ImportOptions())
    assert bodies(other, DETAILS, "2026-01-28") == bodies(lake, DETAILS, "2026-01-28")


def test_nothing_is_complete_unless_it_is_said(lake: Lake) -> None:
    import_files(lake, [saved("a.json", [conversation("A")])], ImportOptions())
    assert is_complete(lake, DETAILS, "2026-01-28") is False


def test_days_wholly_inside_a_complete_span_are_complete_also_without_anything(lake: Lake) -> None:
    span = Interval.parse("2026-01-27T12:00Z/2026-01-31T00:00Z")
    imported = import_files(lake, [saved("a.json", [conversation("A")])], ImportOptions(), complete=span)
    days = [f"2026-01-{day}" for day in (27, 28, 29, 30, 31)]
    assert [is_complete(lake, DETAILS, day) for day in days] == [None, True, True, True, None]
    assert bodies(lake, DETAILS, "2026-01-30") == []
    assert is_complete(lake, HOURLY, "2026-01-28") is None
    assert imported.days(DETAILS) == days[1:4]


def test_what_is_complete_can_be_said_later_and_stays_when_more_is_imported(lake: Lake) -> None:
    files = [saved("a.json", [conversation("A")])]
    span = Interval.parse(DAY)
    import_files(lake, files, ImportOptions())
    assert import_files(lake, files, ImportOptions(), complete=span).changed == {(DETAILS, "2026-01-28")}
    assert import_files(lake, files, ImportOptions(), complete=span).changed == set()
    import_files(lake, [saved("b.json", [conversation("B")])], ImportOptions())
    assert is_complete(lake, DETAILS, "2026-01-28") is True
    assert len(bodies(lake, DETAILS, "2026-01-28") or ()) == 2


def test_with_a_file_skipped_nothing_counts_as_complete(lake: Lake) -> None:
    files = [saved("a.json", [conversation("A")]), saved("cut.json", b"{")]
    import_files(lake, files, ImportOptions(), complete=Interval.parse(DAY))
    assert is_complete(lake, DETAILS, "2026-01-28") is False


def test_a_day_that_is_not_over_cannot_be_complete(lake: Lake) -> None:
    with pytest.raises(CannotImport, match="is not over"):
        import_files(lake, [], ImportOptions(), complete=Interval.parse("2026-01-01T00:00Z/2099-01-01T00:00Z"))


def test_each_outcome_is_reported_as_it_comes(lake: Lake) -> None:
    told: list[str] = []
    on_file: Callable[[Any], None] = lambda outcome: told.append(outcome.file)  # noqa: E731
    import_files(lake, [saved("a.json", figures()), saved("b.json", b"")], ImportOptions(), on_file=on_file)
    assert told == ["saved/a.json", "saved/b.json"]


@pytest.mark.parametrize("importers", [2, 4])
def test_of_imports_at_once_into_one_day_every_page_stays(lake: Lake, tmp_path: Path, importers: int) -> None:
    begins = threading.Barrier(importers)
    files = [saved(f"{number}.json", [conversation(f"{number}")]) for number in range(importers)]

    def bring(file: SavedFile) -> dict[str, str]:
        of_importer = Lake(LocalStore(tmp_path / "lake"))
        begins.wait(PATIENCE_SECONDS)
        return states(import_files(of_importer, [file], ImportOptions()))

    with ThreadPoolExecutor(importers) as pool:
        said = list(pool.map(bring, files))
    names = [f"saved/{file.name}" for file in files]
    assert said == [{name: "imported"} for name in names]
    pages = bodies(lake.refreshed(), DETAILS, "2026-01-28") or []
    brought = sorted(item["conversationId"] for page in pages for item in page["conversations"])
    assert brought == [f"{number}" for number in range(importers)]
    again = states(import_files(lake.refreshed(), files, ImportOptions()))
    assert again == dict.fromkeys(names, "unchanged")


def stored_conversations(lake: Lake) -> list[str]:
    """The ids of all stored conversations, one for each time that it is stored."""
    lake = lake.refreshed()
    found = [body for day in lake.page_partitions(f"pages/{DETAILS}") for body in bodies(lake, DETAILS, day) or ()]
    return sorted(each["conversationId"] for body in found for each in body["conversations"])


def of_day(id_: str, day: int) -> dict[str, Any]:
    return conversation(id_, f"2026-01-{day:02d}T13:05:00.000Z", f"2026-01-{day:02d}T13:09:00.000Z")


@pytest.mark.parametrize("bytes_at_once", [1, 1 << 30])
def test_totals_are_those_of_the_stored_rows_however_often_pages_are_written(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, bytes_at_once: int
) -> None:
    monkeypatch.setattr(into_lake, "_BYTES_AT_ONCE", bytes_at_once)
    files = [
        saved("a.json", [of_day("A", 10), of_day("B", 10), of_day("A", 10)]),
        saved("b.json", [of_day("A", 11), of_day("C", 11)]),
        saved("c.json", [of_day("A", 12)]),
        saved("d.json", [of_day("B", 10), of_day("D", 11)]),
        saved("e.json", figures()),
        saved("f.json", figures()),
    ]
    imported = import_files(lake, files, ImportOptions())
    assert sorted({*stored_conversations(lake)}) == ["A", "B", "C", "D"]
    assert imported.conversations == (4, 2)
    assert imported.buckets == (1, 0)


@pytest.mark.parametrize("bytes_at_once", [1, 1 << 30])
def test_a_copy_of_a_file_that_is_skipped_is_skipped_for_the_same_reason(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, bytes_at_once: int
) -> None:
    monkeypatch.setattr(into_lake, "_BYTES_AT_ONCE", bytes_at_once)
    moved = [of_day("A", 20)]
    files = [saved("a.json", [of_day("A", 10)]), saved("b.json", moved), saved("copy.json", moved)]
    files += [saved("cut.json", b"{"), saved("copy of cut.json", b"{")]
    imported = import_files(lake, files, ImportOptions())
    assert [outcome.state for outcome in imported.outcomes] == ["imported", *["skipped"] * 4]
    first, second, *cut = (outcome.reason for outcome in imported.skipped)
    assert first == second
    assert "it began on 2026-01-20 here, and on 2026-01-10 in saved/a.json" in first
    assert cut[0] == cut[1]
    assert imported.days(DETAILS) == ["2026-01-10"]


def test_a_copy_of_a_file_of_which_something_is_left_out_has_the_same_days_and_counts(lake: Lake) -> None:
    partly = [of_day("A", 20), of_day("B", 21)]
    files = [saved("a.json", [of_day("A", 10)]), saved("b.json", partly), saved("copy.json", partly)]
    _, first, second = import_files(lake, files, ImportOptions()).outcomes
    assert (first.conversations, first.partitions) == (1, {DETAILS: ["2026-01-21"]})
    assert (second.conversations, second.partitions, second.left_out) == (1, first.partitions, first.left_out)


_NEW_YORK = ImportOptions(business_zone=ZoneInfo("America/New_York"))
_OF_NEW_YORK = "2026-01-28T05:00:00.000Z/2026-01-29T05:00:00.000Z"


@pytest.mark.parametrize(
    ("span", "marked", "left"),
    [
        ("2026-01-28T00:00Z/2026-01-29T00:00Z", HOURLY, "tables/daily_metrics of 2026-01-28"),
        (_OF_NEW_YORK, DAILY, "tables/interval_metrics of 2026-01-28"),
    ],
)
def test_a_span_of_days_of_one_calendar_names_the_data_of_the_other_one(
    lake: Lake, span: str, marked: str, left: str
) -> None:
    files = [saved("hours.json", figures()), saved("days.json", figures(_OF_NEW_YORK))]
    imported = import_files(lake, files, _NEW_YORK, complete=Interval.parse(span))
    assert [is_complete(lake, asset, "2026-01-28") for asset in (HOURLY, DAILY)] == [marked == HOURLY, marked == DAILY]
    (said,) = not_marked(imported)
    assert said.startswith(f"Not marked as complete: {left}, because the span holds only a part of these days.")


def test_a_day_without_figures_of_which_other_files_have_data_is_not_complete(lake: Lake) -> None:
    files = [
        saved("hours.json", figures()),
        saved("days.json", [figures(DAY), figures(DAY.replace("-28", "-27").replace("-29", "-28"))]),
    ]
    imported = import_files(
        lake, files, ImportOptions(), complete=Interval.parse("2026-01-26T00:00Z/2026-01-29T00:00Z")
    )
    assert [is_complete(lake, HOURLY, f"2026-01-{day}") for day in (26, 27, 28)] == [True, None, True]
    assert [is_complete(lake, DAILY, f"2026-01-{day}") for day in (26, 27, 28)] == [True, True, True]
    assert not_marked(imported) == [
        "Not marked as complete: tables/interval_metrics of 2026-01-27, because other files of this import have data "
        "of these days, and none has figures for this table. Import these figures too, or pass a span without these "
        "days."
    ]


def test_where_calendars_differ_figures_of_a_day_that_overlaps_are_enough(lake: Lake) -> None:
    evening = "2026-01-29T03:00:00.000Z/2026-01-29T04:00:00.000Z"
    files = [saved("hours.json", figures(evening)), saved("days.json", figures(_OF_NEW_YORK))]
    imported = import_files(lake, files, _NEW_YORK, complete=Interval.parse("2026-01-27T00:00Z/2026-01-31T00:00Z"))
    assert not_marked(imported) == []
    assert [is_complete(lake, HOURLY, f"2026-01-{day}") for day in (28, 29)] == [True, True]

"""Taking files back removes what they brought, and nothing else. The days' tables can be made from the rest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.automation.backlog import days_backlog, hours_backlog
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.days.sources import DAILY_DETAILS as FETCHED_DAY
from genesys_assets.days.sources import HOURLY_AGGREGATES, NotFetched, interval_metrics_of
from genesys_assets.days.sources import HOURLY_DETAILS as FETCHED_HOURS
from genesys_assets.importing import partitions
from genesys_assets.importing import take_back as module
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import SavedFile
from genesys_assets.importing.imported_page import DAILY, DETAILS, HOURLY
from genesys_assets.importing.into_lake import import_files
from genesys_assets.importing.spool import Partition
from genesys_assets.importing.take_back import TakeBackResult, imported_files, take_back, take_back_everything
from genesys_assets.lake.commit import TableContended
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets.partitions import Calendar
from genesys_assets_tests.importing.saved import DAY, NOW, conversation
from genesys_assets_tests.importing.test_into_lake import bodies, figures, is_complete, lake, saved

__all__ = ["lake"]

DAY_KEY = "2026-01-28"
TWO_HOURS = ["2026-01-28T13:00:00Z/2026-01-28T14:00:00Z", "2026-01-28T14:00:00Z/2026-01-28T15:00:00Z"]


def back(lake: Lake, *names: str) -> TakeBackResult:
    return take_back(lake, imported_files(lake, names))


def names(done: TakeBackResult) -> list[str]:
    return sorted(outcome.file for outcome in done.outcomes)


def fetch_an_hour(lake: Lake) -> None:
    hour = f"{DAY_KEY}-13:00"
    with lake.page_writers(HOURLY_AGGREGATES, [hour], {}) as writers:
        writers[hour].write(Page(1, "{}", NOW, "c", b'{"results": []}', as_of=NOW))


def test_what_a_file_brought_goes_and_what_others_brought_of_the_day_stays(lake: Lake) -> None:
    files = [saved("a.json", figures(TWO_HOURS[0])), saved("b.json", figures(TWO_HOURS[1]))]
    import_files(lake, files, ImportOptions())
    both = bodies(lake, HOURLY, DAY_KEY) or []
    done = back(lake, "saved/a.json")
    assert (names(done), done.changed, done.days(HOURLY)) == (["saved/a.json"], {(HOURLY, DAY_KEY)}, [DAY_KEY])
    assert bodies(lake, HOURLY, DAY_KEY) == both[1:]
    assert [outcome.file for outcome in imported_files(lake, ["*"]).values()] == ["saved/b.json"]


def test_a_lake_sees_which_pages_are_gone_if_an_error_ends_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    next_day = "2026-01-29T13:00:00Z/2026-01-29T14:00:00Z"
    import_files(lake, [saved("a.json", figures(TWO_HOURS[0])), saved("b.json", figures(next_day))], ImportOptions())
    take_out = module._take_out

    def first_only(lake: Lake, partition: Partition, files: Collection[str] | None, result: TakeBackResult) -> None:
        if partition != (HOURLY, DAY_KEY):
            raise TableContended("others replaced it again and again")
        take_out(lake, partition, files, result)

    monkeypatch.setattr(module, "_take_out", first_only)
    assert bodies(lake, HOURLY, DAY_KEY)
    with pytest.raises(TableContended):
        back(lake, "saved")
    assert bodies(lake, HOURLY, DAY_KEY) == bodies(lake.refreshed(), HOURLY, DAY_KEY) == []


def test_it_can_be_imported_again(lake: Lake) -> None:
    file = saved("a.json", [conversation("A")])
    import_files(lake, [file], ImportOptions())
    before = bodies(lake, DETAILS, DAY_KEY)
    back(lake, "saved/a.json")
    assert [outcome.state for outcome in import_files(lake, [file], ImportOptions()).outcomes] == ["imported"]
    assert bodies(lake, DETAILS, DAY_KEY) == before


def test_twice_is_as_good_as_once(lake: Lake) -> None:
    import_files(lake, [saved("a.json", figures()), saved("b.json", [conversation("A")])], ImportOptions())
    known = imported_files(lake, ["saved/a.json"])
    take_back(lake, known)
    version = lake.log(f"pages/{HOURLY}").version
    again = take_back(lake, known)
    assert (again.changed, again.days(HOURLY)) == (set(), [DAY_KEY])
    assert lake.log(f"pages/{HOURLY}").version == version


def test_the_tables_of_a_day_that_was_never_fetched_can_be_made_and_are_empty(lake: Lake) -> None:
    import_files(lake, [saved("a.json", figures())], ImportOptions())
    back(lake, "saved/a.json")
    pages = interval_metrics_of(lake.refreshed(), DAY_KEY)
    assert pages.imported is not None
    assert (len(pages.imported), pages.parts) == (0, {})


def test_a_day_that_was_fetched_in_part_is_what_was_fetched(lake: Lake) -> None:
    fetch_an_hour(lake)
    import_files(lake, [saved("a.json", figures())], ImportOptions())
    assert back(lake, "saved/a.json").changed == {(HOURLY, DAY_KEY)}
    assert bodies(lake.refreshed(), HOURLY, DAY_KEY) is None
    with pytest.raises(NotFetched):
        interval_metrics_of(lake.refreshed(), DAY_KEY)


def test_a_day_that_loses_something_is_not_complete_any_more(lake: Lake) -> None:
    files = [saved("a.json", figures(TWO_HOURS[0])), saved("b.json", figures(TWO_HOURS[1]))]
    import_files(lake, files, ImportOptions(), complete=Interval.parse("2026-01-28T00:00:00Z/2026-01-30T00:00:00Z"))
    assert [is_complete(lake, HOURLY, day) for day in (DAY_KEY, "2026-01-29")] == [True, True]
    back(lake, "saved/a.json")
    assert [is_complete(lake, HOURLY, day) for day in (DAY_KEY, "2026-01-29")] == [False, True]


def test_everything_is_taken_back_also_that_empty_days_were_complete(lake: Lake) -> None:
    files = [saved("a.json", [conversation("A")]), saved("b.json", figures()), saved("c.json", figures(DAY))]
    import_files(lake, files, ImportOptions(), complete=Interval.parse("2026-01-28T00:00:00Z/2026-01-30T00:00:00Z"))
    done = take_back_everything(lake)
    assert names(done) == ["saved/a.json", "saved/b.json", "saved/c.json"]
    for asset in (DETAILS, HOURLY, DAILY):
        assert done.days(asset) == [DAY_KEY, "2026-01-29"]
        for day in done.days(asset):
            assert (bodies(lake, asset, day), is_complete(lake, asset, day)) == ([], False)
    assert lake.store.keys("imports") == []
    assert take_back_everything(lake).changed == set()


def test_pages_of_a_file_whose_record_was_lost_go_with_everything(lake: Lake) -> None:
    import_files(lake, [saved("a.json", figures())], ImportOptions())
    for key in lake.store.keys("imports"):
        lake.store.delete(key)
    assert take_back_everything(lake).changed == {(HOURLY, DAY_KEY)}
    assert bodies(lake, HOURLY, DAY_KEY) == []


def test_files_are_found_by_path_folder_pattern_and_sha256(lake: Lake) -> None:
    import_files(lake, [saved("a.json", figures()), saved("b.json", [conversation("A")])], ImportOptions())
    known = {outcome.file: sha256 for sha256, outcome in imported_files(lake, ["*"]).items()}
    for names, found in (
        (["saved/a.json"], ["saved/a.json"]),
        (["saved"], ["saved/a.json", "saved/b.json"]),
        (["saved/"], ["saved/a.json", "saved/b.json"]),
        (["saved/[b-z]*"], ["saved/b.json"]),
        ([known["saved/a.json"]], ["saved/a.json"]),
        (["a.json", "sav"], []),
    ):
        assert sorted(outcome.file for outcome in imported_files(lake, names).values()) == found


@pytest.mark.parametrize("fetched", [True, False])
def test_what_another_import_brings_meanwhile_stays(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetched: bool
) -> None:
    if fetched:
        fetch_an_hour(lake)
    import_files(lake, [saved("a.json", figures(TWO_HOURS[0]))], ImportOptions())
    came: list[SavedFile] = []
    known, is_fetched = imported_files(lake, ["*"]), partitions.is_fetched

    def late(lake: Lake, partition: tuple[str, str]) -> bool:
        if not came:
            came.append(saved("b.json", figures(TWO_HOURS[1])))
            import_files(Lake(LocalStore(tmp_path / "lake")), came, ImportOptions())
        return is_fetched(lake, partition)

    monkeypatch.setattr(module, "is_fetched", late)
    take_back(lake, known)
    now = Lake(LocalStore(tmp_path / "lake"))
    assert len(bodies(now, HOURLY, DAY_KEY) or ()) == 1
    assert [outcome.file for outcome in imported_files(now, ["*"]).values()] == ["saved/b.json"]


def test_a_day_whose_files_were_taken_back_is_fetched_like_any_other(lake: Lake) -> None:
    now, days = datetime(2026, 1, 30, 12, tzinfo=UTC), Calendar(date(2026, 1, 28), ZoneInfo("UTC"), 1)

    def wanted(place: str) -> bool:
        hours = hours_backlog(lake.refreshed(), days, now)
        whole = days_backlog(lake.refreshed(), days, now, now)
        return any(place in assets and key[:10] == DAY_KEY for key, assets in {**hours, **whole}.items())

    import_files(lake, [saved("a.json", [conversation("A")]), saved("b.json", figures())], ImportOptions())
    assert [wanted(place) for place in (FETCHED_HOURS, FETCHED_DAY, HOURLY_AGGREGATES)] == [False] * 3
    back(lake, "saved/*")
    assert [wanted(place) for place in (FETCHED_HOURS, FETCHED_DAY, HOURLY_AGGREGATES)] == [True] * 3

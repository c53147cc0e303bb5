"""Records of imported files: they survive a kill, later versions of the program, and damaged pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.importing import into_lake
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.into_lake import DamagedPages, import_files
from genesys_assets.importing.pages import DETAILS, HOURLY
from genesys_assets.importing.records import files_in, key_of, read_records
from genesys_assets.importing.take_back import imported_files, take_back, take_back_everything
from genesys_assets.lake.lake import Lake
from genesys_assets_tests.importing.saved import DAY, HOUR, conversation
from genesys_assets_tests.importing.test_into_lake import bodies, figures, is_complete, lake, saved

__all__ = ["lake"]

DAY_KEY = "2026-01-28"
EARLIER = "2026-01-28T12:00:00Z/2026-01-28T13:00:00Z"
A, B = saved("a.json", figures(HOUR)), saved("b.json", figures(EARLIER))


class Killed(BaseException):
    """Stands for a kill: no code handles it."""


def kill(*_: Any) -> None:
    raise Killed


def damage(lake: Lake, asset: str) -> None:
    for path in Path(lake.store.path(f"pages/{asset}")).rglob("*.parquet"):
        path.write_bytes(b"damaged")


def names(lake: Lake) -> list[str]:
    return sorted(record.outcome.file for _, record in read_records(lake))


def test_a_file_whose_import_is_killed_before_its_pages_can_be_taken_back_and_imported_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(into_lake, "write_pages", kill)
        with pytest.raises(Killed):
            import_files(lake, [A], ImportOptions())
    assert names(lake) == ["saved/a.json"]
    assert take_back(lake, imported_files(lake, ["saved/a.json"])).days(HOURLY) == [DAY_KEY]
    assert names(lake) == []
    (outcome,) = import_files(lake, [A], ImportOptions()).outcomes
    assert (outcome.state, len(bodies(lake, HOURLY, DAY_KEY) or ())) == ("imported", 1)


def test_a_file_whose_import_is_killed_before_its_pages_is_read_when_it_is_imported_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(into_lake, "write_pages", kill)
        with pytest.raises(Killed):
            import_files(lake, [A], ImportOptions())
    (outcome,) = import_files(lake, [A], ImportOptions()).outcomes
    assert (outcome.state, len(bodies(lake, HOURLY, DAY_KEY) or ())) == ("imported", 1)


def test_a_record_names_old_and_new_days_until_the_file_is_written(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    timeless = saved("a.json", {"entities": [{"userId": "U", "metrics": {"tHandle": {"count": 1, "sum": 60}}}]})
    first, second = (ImportOptions(interval=Interval.parse(each)) for each in (DAY, DAY.replace("-01-", "-03-")))
    import_files(lake, [timeless], first)
    ((sha256, before),) = read_records(lake)
    with monkeypatch.context() as patched:
        patched.setattr(into_lake, "write_pages", kill)
        with pytest.raises(Killed):
            import_files(lake, [timeless], second)
    ((_, between),) = read_records(lake)
    (asset,) = before.outcome.partitions
    assert {*between.outcome.partitions[asset]} > {*before.outcome.partitions[asset]}
    import_files(lake, [timeless], second)
    ((_, after),) = read_records(lake)
    assert not {*after.outcome.partitions[asset]} & {*before.outcome.partitions[asset]}
    assert files_in(lake, (asset, before.outcome.partitions[asset][0])) == {}
    assert list(files_in(lake, (asset, after.outcome.partitions[asset][0]))) == [sha256]


def test_the_record_of_a_later_version_with_further_fields_can_be_read(lake: Lake) -> None:
    import_files(lake, [A], ImportOptions())
    ((sha256, _),) = read_records(lake)
    stored = json.loads(lake.store.get(key_of(sha256)) or b"")
    stored["outcome"]["invented_later"] = 1
    lake.store.put(key_of(sha256), json.dumps(stored).encode())
    assert [outcome.file for outcome in imported_files(lake, ["*"]).values()] == ["saved/a.json"]
    assert [outcome.state for outcome in import_files(lake, [A], ImportOptions()).outcomes] == ["unchanged"]


def test_damaged_pages_heal_if_all_files_that_had_pages_there_are_imported_again(lake: Lake) -> None:
    import_files(lake, [A, B], ImportOptions())
    before = bodies(lake, HOURLY, DAY_KEY)
    damage(lake, HOURLY)
    assert bodies(lake.refreshed(), HOURLY, DAY_KEY) is None
    again = import_files(lake.refreshed(), [A, B], ImportOptions())
    assert [outcome.state for outcome in again.outcomes] == ["imported", "imported"]
    assert bodies(lake.refreshed(), HOURLY, DAY_KEY) == before


def test_damaged_pages_of_other_files_are_not_lost_silently(lake: Lake) -> None:
    import_files(lake, [A, B], ImportOptions())
    damage(lake, HOURLY)
    with pytest.raises(DamagedPages, match=r"imported_hourly_aggregates of 2026-01-28 are damaged.*saved/b\.json\.$"):
        import_files(lake.refreshed(), [A], ImportOptions())
    assert names(lake) == ["saved/a.json", "saved/b.json"]


def test_a_damaged_day_is_not_marked_as_complete(lake: Lake) -> None:
    import_files(lake, [saved("c.json", [conversation("A")])], ImportOptions())
    damage(lake, DETAILS)
    other_day = json.loads(json.dumps([conversation("B")]).replace("2026-01-28", "2026-01-29"))
    span = Interval.parse("2026-01-28T00:00:00Z/2026-01-30T00:00:00Z")
    with pytest.raises(DamagedPages, match=r"imported_details of 2026-01-28"):
        import_files(lake.refreshed(), [saved("d.json", other_day)], ImportOptions(), complete=span)
    assert is_complete(lake.refreshed(), DETAILS, "2026-01-29") is False


def test_damaged_pages_stay_for_other_files_when_one_is_taken_back_and_go_with_the_last(lake: Lake) -> None:
    import_files(lake, [A, B], ImportOptions())
    damage(lake, HOURLY)
    take_back(lake.refreshed(), imported_files(lake, ["saved/a.json"]))
    assert lake.refreshed().has(f"pages/{HOURLY}", DAY_KEY)
    import_files(lake.refreshed(), [B], ImportOptions())
    assert len(bodies(lake.refreshed(), HOURLY, DAY_KEY) or ()) == 1
    damage(lake, HOURLY)
    done = take_back(lake.refreshed(), imported_files(lake, ["saved/b.json"]))
    assert done.changed == {(HOURLY, DAY_KEY)}
    assert bodies(lake.refreshed(), HOURLY, DAY_KEY) == []


def test_everything_can_be_taken_back_though_pages_are_damaged(lake: Lake) -> None:
    import_files(lake, [A, B], ImportOptions())
    damage(lake, HOURLY)
    assert take_back_everything(lake.refreshed()).changed == {(HOURLY, DAY_KEY)}
    assert (names(lake), bodies(lake.refreshed(), HOURLY, DAY_KEY)) == ([], [])

"""Records of imported files: they survive a kill, later versions of the program, and damaged pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.days.day_tables import write_conversations
from genesys_assets.importing import into_lake
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.imported_page import DETAILS, HOURLY
from genesys_assets.importing.into_lake import DamagedPages, import_files
from genesys_assets.importing.records import files_in, key_of, read_records
from genesys_assets.importing.result import ImportResult
from genesys_assets.importing.spool import Spool
from genesys_assets.importing.take_back import imported_files, take_back, take_back_everything
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
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


def break_rows(lake: Lake, asset: str) -> None:
    """Damage the rows of files, and leave their footers."""
    for path in Path(lake.store.path(f"pages/{asset}")).rglob("*.parquet"):
        raw = path.read_bytes()
        path.write_bytes(raw[:4] + bytes(each ^ 0xFF for each in raw[4:60]) + raw[60:])


def zone(name: str) -> ImportOptions:
    return ImportOptions(time_zone=ZoneInfo(name))


def damage(lake: Lake, asset: str) -> None:
    for path in Path(lake.store.path(f"pages/{asset}")).rglob("*.parquet"):
        path.write_bytes(b"damaged")


def import_until_killed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import a file in a process that is killed before it writes pages."""
    with monkeypatch.context() as patched:
        patched.setattr(into_lake, "write_pages", kill)
        with pytest.raises(Killed):
            import_files(lake, [A], ImportOptions())


def names(lake: Lake) -> list[str]:
    return sorted(record.outcome.file for _, record in read_records(lake))


def test_a_file_whose_import_is_killed_before_its_pages_can_be_taken_back_and_imported_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_until_killed(lake, monkeypatch)
    assert names(lake) == ["saved/a.json"]
    assert take_back(lake, imported_files(lake, ["saved/a.json"])).days(HOURLY) == [DAY_KEY]
    assert names(lake) == []
    (outcome,) = import_files(lake, [A], ImportOptions()).outcomes
    assert (outcome.state, len(bodies(lake, HOURLY, DAY_KEY) or ())) == ("imported", 1)


def test_a_file_whose_import_is_killed_before_its_pages_is_read_when_it_is_imported_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_until_killed(lake, monkeypatch)
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


def test_a_file_whose_import_with_other_options_is_killed_is_read_again_even_if_its_days_stay_the_same(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = saved("a.json", [conversation("A", "2026-01-28T13:05:00", "2026-01-28T13:09:00")])
    import_files(lake, [local], zone("Etc/UTC"))
    with monkeypatch.context() as patched:
        patched.setattr(into_lake, "write_pages", kill)
        with pytest.raises(Killed):
            import_files(lake, [local], zone("Europe/Berlin"))
    (outcome,) = import_files(lake.refreshed(), [local], zone("Europe/Berlin")).outcomes
    (body,) = bodies(lake.refreshed(), DETAILS, DAY_KEY) or [{}]
    assert outcome.state == "imported"
    assert body["conversations"][0]["conversationStart"] == "2026-01-28T12:05:00.000Z"
    assert [each.state for each in import_files(lake.refreshed(), [local], zone("Europe/Berlin")).outcomes] == [
        "unchanged"
    ]


def test_a_day_from_which_another_zone_takes_all_conversations_keeps_an_empty_partition(lake: Lake) -> None:
    local = saved("a.json", [conversation("A", "2026-01-28T00:05:00", "2026-01-28T00:09:00")])
    import_files(lake, [local], zone("Etc/UTC"))
    made = write_conversations(lake.refreshed(), DAY_KEY, DAY_TABLES, {"run_id": "r"})
    import_files(lake.refreshed(), [local], zone("Europe/Berlin"))
    assert bodies(lake.refreshed(), DETAILS, DAY_KEY) == []
    write_conversations(lake.refreshed(), DAY_KEY, DAY_TABLES, {"run_id": "r"})
    assert made
    assert len(lake.refreshed().read("tables/conversations", DAY_KEY)) == 0


def test_two_imports_of_a_file_at_once_with_other_zones_leave_it_once(lake: Lake) -> None:
    local = saved("a.json", [conversation("A", "2026-01-28T00:05:00", "2026-01-28T00:09:00")])
    with Spool() as first, Spool() as second:
        both = [
            into_lake._Import(lake.refreshed(), spool, zone(name), datetime.now(UTC), None)
            for spool, name in ((first, "Etc/UTC"), (second, "Europe/Berlin"))
        ]
        for each in both:
            each.take(local)
        for each in both:
            each.flush()
    assert [len(bodies(lake.refreshed(), DETAILS, day) or ()) for day in ("2026-01-27", DAY_KEY)] == [1, 0]


def test_pages_with_damaged_rows_heal_and_can_be_taken_back(lake: Lake) -> None:
    import_files(lake, [A, B], ImportOptions())
    before = bodies(lake, HOURLY, DAY_KEY)
    break_rows(lake, HOURLY)
    with pytest.raises(DamagedPages, match=r"saved/b\.json\.$"):
        import_files(lake.refreshed(), [A], ImportOptions())
    import_files(lake.refreshed(), [A, B], ImportOptions())
    assert bodies(lake.refreshed(), HOURLY, DAY_KEY) == before
    break_rows(lake, HOURLY)
    take_back(lake.refreshed(), imported_files(lake, ["saved/a.json"]))
    take_back_everything(lake.refreshed())
    assert bodies(lake.refreshed(), HOURLY, DAY_KEY) == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"outcome": null}', b"\xff"])
def test_a_file_whose_record_is_damaged_can_be_taken_back_and_imported_again(lake: Lake, content: bytes) -> None:
    import_files(lake, [A, B], ImportOptions())
    (damaged,) = imported_files(lake, ["saved/a.json"])
    lake.store.put(key_of(damaged), content)
    assert [outcome.state for outcome in import_files(lake.refreshed(), [A, B], ImportOptions()).outcomes] == [
        "imported",
        "unchanged",
    ]
    lake.store.put(key_of(damaged), content)
    take_back(lake.refreshed(), imported_files(lake.refreshed(), [damaged]))
    assert names(lake) == ["saved/b.json"]
    assert len(bodies(lake.refreshed(), HOURLY, DAY_KEY) or ()) == 1


def test_a_file_of_which_nothing_is_left_when_it_is_read_in_another_way_has_no_record(lake: Lake) -> None:
    local = saved("a.json", [conversation("A", "2026-01-28T00:05:00", "2026-01-28T00:09:00")])
    other = saved("b.json", [conversation("A", "2026-01-28T00:05:00.000Z", "2026-01-28T00:09:00.000Z")])
    import_files(lake, [local, other], zone("Etc/UTC"))
    (outcome,) = import_files(lake.refreshed(), [local], zone("Europe/Berlin")).outcomes
    assert outcome.state == "skipped"
    assert names(lake) == ["saved/b.json"]


def test_a_damaged_table_does_not_keep_files_from_being_imported(lake: Lake) -> None:
    lake.write("tables/conversations", CONVERSATIONS, CONVERSATIONS.empty(), "2026-01-27", {"run_id": "r"})
    for path in Path(lake.store.path("tables/conversations")).rglob("*.parquet"):
        path.write_bytes(b"damaged")
    (outcome,) = import_files(lake.refreshed(), [saved("a.json", [conversation("A")])], ImportOptions()).outcomes
    assert outcome.state == "imported"


@pytest.mark.parametrize("harm", [damage, break_rows])
def test_a_complete_day_that_heals_by_the_same_files_stays_complete(lake: Lake, harm: Any) -> None:
    c, d = saved("c.json", [conversation("C")]), saved("d.json", [conversation("D")])
    import_files(lake, [c, d], ImportOptions(), complete=Interval.parse(DAY))
    harm(lake, DETAILS)
    healed = import_files(lake.refreshed(), [c, d], ImportOptions())
    assert (healed.changed, healed.no_longer_complete) == ({(DETAILS, DAY_KEY)}, set())
    assert is_complete(lake.refreshed(), DETAILS, DAY_KEY) is True


@pytest.mark.parametrize("harm", [damage, break_rows])
def test_a_day_that_was_not_complete_is_not_complete_when_it_heals(lake: Lake, harm: Any) -> None:
    c = saved("c.json", [conversation("C")])
    import_files(lake, [c], ImportOptions())
    harm(lake, DETAILS)
    healed = import_files(lake.refreshed(), [c], ImportOptions())
    assert healed.no_longer_complete == set()
    assert is_complete(lake.refreshed(), DETAILS, DAY_KEY) is False


def test_a_damaged_day_that_is_written_with_other_content_is_named_as_no_longer_complete(lake: Lake) -> None:
    c, d = saved("c.json", [conversation("C")]), saved("d.json", [conversation("D")])
    import_files(lake, [c], ImportOptions(), complete=Interval.parse(DAY))
    damage(lake, DETAILS)
    healed = import_files(lake.refreshed(), [c, d], ImportOptions())
    assert healed.no_longer_complete == {(DETAILS, DAY_KEY)}
    assert is_complete(lake.refreshed(), DETAILS, DAY_KEY) is False
    damage(lake, DETAILS)
    healed = import_files(lake.refreshed(), [d, c], ImportOptions(), complete=Interval.parse(DAY))
    assert healed.no_longer_complete == set()
    assert is_complete(lake.refreshed(), DETAILS, DAY_KEY) is True


def test_what_was_read_is_known_when_damaged_pages_end_an_import(lake: Lake) -> None:
    import_files(lake, [A, B], ImportOptions())
    damage(lake, HOURLY)
    files = [saved("cut.json", b"{"), A, saved("copy.json", figures(HOUR)), saved("c.json", [conversation("C")])]
    result = ImportResult()
    with pytest.raises(DamagedPages):
        import_files(lake.refreshed(), files, ImportOptions(), result=result)
    assert [(outcome.file, outcome.state) for outcome in result.outcomes] == [
        ("saved/cut.json", "skipped"),
        ("saved/a.json", "skipped"),
        ("saved/copy.json", "skipped"),
        ("saved/c.json", "skipped"),
    ]
    assert (
        result.outcomes[1].reason
        == result.outcomes[2].reason
        == ("it was read, but an error ended the import before all of it was written: import it again")
    )

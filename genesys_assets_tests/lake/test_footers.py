"""Reach and provenance of a partition are read from the end of its file, without its rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LocalStore, Store
from genesys_assets_tests.lake.things import (
    DAYS,
    HOURS,
    NOON,
    PAGES,
    PLACE,
    SPEC,
    bodies,
    page,
    rows_of,
    things,
    write_pages,
)

REACH = Reach(datetime(2026, 2, 1, tzinfo=UTC), is_complete=True)


def store_pages(lake: Lake, bodies: list[bytes], **provenance: Any) -> None:
    with lake.page_writers(PAGES, HOURS[:1], provenance) as writers:
        writers[HOURS[0]].reach = REACH
        for number, body in enumerate(bodies, start=1):
            writers[HOURS[0]].write(page(body, number))


@pytest.mark.parametrize("more", ["", "x" * 200_000], ids=["small", "larger than what is read at first"])
def test_a_footer_says_what_its_file_says(store: Store, more: str) -> None:
    lake = Lake(store)
    store_pages(lake, [b"a", b"b"], run_id="r", more=more)
    stored = lake.pages(PAGES, HOURS[0])
    assert stored is not None
    assert lake.reach(PAGES, HOURS[0]) == stored.reach == REACH
    assert lake.provenance(PAGES, HOURS[0]) == stored.provenance
    assert stored.provenance["more"] == more


def test_on_s3_the_rows_are_left_where_they_are(s3_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(s3_store)
    store_pages(lake, [bytes(range(256))])
    monkeypatch.setattr(s3_store, "open", None)
    monkeypatch.setattr(s3_store, "get", None)
    assert lake.reach(PAGES, HOURS[0]) == REACH


def test_the_end_of_a_file_is_its_last_bytes(store: Store) -> None:
    store.put("x", b"0123456789")
    assert (store.tail("x", 3), store.tail("x", 100)) == (b"789", b"0123456789")
    with pytest.raises(FileNotFoundError):
        store.tail("y", 3)


@pytest.mark.parametrize("left", [b"", b"PAR1", b"no Parquet at all"])
def test_a_damaged_footer_says_nothing(lake: Lake, left: bytes) -> None:
    store_pages(lake, [b"a"])
    (file,) = lake.log(PAGES).files(HOURS[0])
    assert isinstance(lake.store, LocalStore)
    (lake.store.folder / PAGES / file.path).write_bytes(left)
    assert (lake.reach(PAGES, HOURS[0]), lake.provenance(PAGES, HOURS[0])) == (None, {})


def test_partitions_that_are_opened_together_are_those_that_are_opened_alone(store: Store) -> None:
    lake = Lake(store)
    for hour in (HOURS[2], HOURS[0]):
        write_pages(lake, hour, [hour.encode()], NOON)
    together = lake.pages_of(PAGES, HOURS)
    assert {hour: [each.body for each in pages] for hour, pages in together.items()} == {
        hour: [hour.encode()] for hour in (HOURS[0], HOURS[2])
    }
    assert list(together) == [HOURS[0], HOURS[2]]


def alter(lake: Lake, place: str, key: str, old: bytes, new: bytes) -> None:
    """Alter a few bytes of the file of a partition, which keeps its size."""
    (file,) = lake.log(place).files(key)
    stored = lake.store.get(f"{place}/{file.path}")
    assert stored is not None
    assert old in stored
    assert len(old) == len(new)
    lake.store.delete(f"{place}/{file.path}")
    lake.store.put(f"{place}/{file.path}", stored.replace(old, new))


_ALTERED = [
    (b'"through"', b'"thrgugh"'),
    (b'{"fetched_hours"', b'["fetched_hours"'),
    (b'"is_complete": ', b'"is_complet": 1'),
]


@pytest.mark.parametrize(("old", "new"), _ALTERED)
def test_a_reach_that_a_disk_has_altered_counts_as_damage(lake: Lake, old: bytes, new: bytes) -> None:
    store_pages(lake, [b"query"])
    alter(lake, PAGES, HOURS[0], old, new)
    now = lake.refreshed()
    assert (now.reach(PAGES, HOURS[0]), now.pages(PAGES, HOURS[0]), now.footer(PAGES, HOURS[0])) == (None, None, None)
    store_pages(lake.refreshed(), [b"job"])
    assert bodies(lake.refreshed(), HOURS[0]) == [b"job"]


@pytest.mark.parametrize(("old", "new"), [*_ALTERED, (b"2026-02-01T00", b"2026-02-01T22")])
def test_the_same_rows_again_mend_a_reach_that_a_disk_has_altered(lake: Lake, old: bytes, new: bytes) -> None:
    def write() -> None:
        lake.refreshed().write(PLACE, SPEC, things(("a", 1)), DAYS[0], {}, reach=REACH)

    write()
    alter(lake.refreshed(), PLACE, DAYS[0], old, new)
    write()
    assert Lake(lake.store).reach(PLACE, DAYS[0]) == REACH
    assert rows_of(Lake(lake.store).read(PLACE, DAYS[0])) == [{"id": "a", "n": 1}]

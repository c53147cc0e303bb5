"""The simulated disk fails as often, and in the way, that the plan says."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from genesys_assets.lake import log_entry
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.months.storage import WAYS, failing

WRITES = ("full", "rename", "renamed")


@pytest.mark.parametrize("way", WAYS)
def test_some_calls_fail_and_then_all_is_well_again(tmp_path: Path, way: str) -> None:
    store = LocalStore(tmp_path)
    store.put("there", b"bytes")
    before = dict(vars(LocalStore))

    def use(number: int) -> bool:
        try:
            if way in WRITES:
                store.put(f"{number}", b"bytes")
            elif way.startswith("link"):
                log_entry.write_new(tmp_path / f"{number}.json", [])
            elif way == "open":
                store.open("there").close()
            else:
                assert (store.get("there") if way == "get" else store.tail("there", 9)) == b"bytes"
        except OSError:
            return False
        return True

    with failing(way, Random(1), 2):
        assert [use(number) for number in range(100)].count(False) == 2
    assert all(use(number) for number in range(100, 140))
    assert dict(vars(LocalStore)) == before


@pytest.mark.parametrize(("way", "is_there"), [("full", False), ("rename", False), ("renamed", True)])
def test_what_fails_is_done_or_not(tmp_path: Path, way: str, is_there: bool) -> None:
    store, number = LocalStore(tmp_path), 0
    with failing(way, Random(1), 1):
        while True:
            try:
                store.put(f"{number}", b"bytes")
            except OSError:
                break
            number += 1
    assert (tmp_path / f"{number}").exists() == is_there

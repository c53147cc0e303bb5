"""The lake on S3 behaves as on a disk: the same keys, whole files, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore, S3Store, Store
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.tables.spec import TableSpec, columns

SPEC = TableSpec("things", "One row per thing.", ("id",), columns("id string its id"))


@pytest.fixture(params=["disk", "s3"])
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    object_store: ObjectStore,
    s3_client: Any,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    if request.param == "disk":
        yield LocalStore(tmp_path / "lake")
        return
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    yield S3Store(bucket, "some/prefix", lambda: s3_client)


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "made"
    path.write_bytes(content)
    return path


def test_a_file_is_put_replaced_listed_and_deleted(store: Store) -> None:
    assert not store.exists("a/b.txt")
    for content in (b"old", b"new"):
        with store.scratch() as folder:
            store.put(_file(folder, content), "a/b.txt")
    assert store.exists("a/b.txt")
    assert store.keys("") == store.keys("a") == ["a/b.txt"]
    with store.filesystem.open_input_file(store.path("a/b.txt")) as file:
        assert file.read() == b"new"
    store.delete("a/b.txt")
    store.delete("a/b.txt")
    assert store.keys("") == []


def test_scratch_files_are_gone_afterwards(store: Store) -> None:
    with store.scratch() as folder:
        _file(folder, b"half")
    assert not folder.exists()
    assert store.keys("") == []


def test_tables_are_written_and_read_alike(store: Store) -> None:
    lake, table = Lake(store), pa.table({"id": ["a", "b"]}, SPEC.schema)
    lake.write("tables/things", SPEC, table, "2026-01-31", {"run_id": "r"})
    assert lake.read("tables/things", ["2026-01-30", "2026-01-31"]).equals(table)
    assert lake.provenance("tables/things", "2026-01-31")["run_id"] == "r"
    assert lake.place("tables/things", "2026-01-31").endswith("/tables/things/date=2026-01-31/data.parquet")

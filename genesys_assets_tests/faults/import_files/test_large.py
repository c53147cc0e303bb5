"""Files that are larger than the memory: the import reads them piece by piece in little memory, or refuses them at a
limit."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.documents import documents
from genesys_assets.importing.files import CannotImport, SavedFile, inflated
from genesys_assets.importing.into_lake import import_files
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
from genesys_assets_tests.faults import only_in_make_faults
from genesys_assets_tests.faults.import_files.written import call, dumped, page, result
from genesys_assets_tests.patience import PATIENCE_SECONDS

_MEGABYTE = 1 << 20


def calls(count: int) -> Iterator[bytes]:
    yield b'{"totalHits": %d, "conversations": [' % count
    for number in range(count):
        yield (b"," if number else b"") + dumped(call(f"{number:08d}"))
    yield b"]}"


def in_pieces(raw: bytes, size: int = 100) -> Iterator[bytes]:
    return (raw[begin : begin + size] for begin in range(0, len(raw), size))


def test_a_document_in_parts_is_the_document() -> None:
    whole = {"granularity": "PT1H", "results": [result() for _ in range(50)], "other": 1}
    raw = dumped(whole)
    found = list(documents(in_pieces(raw), part=500))
    assert len(found) > 5
    assert [each for part in found for each in part.value["results"]] == whole["results"]
    assert {part.answer for part in found} == {(0, 0)}
    assert all(part.value["granularity"] == "PT1H" for part in found)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"results": [result()] * 50, "granularity": "PT1H"}, "'granularity' stands behind the long list 'results'"),
        ({"results": [result()] * 50, "queueId": "Q"}, "'queueId' stands behind the long list 'results'"),
        ({"conversations": ["x" * 9_000]}, "one value of it has more than 5,000 characters"),
        ("x" * 9_000, "one value of it has more than 5,000 characters"),
        ([["x" * 900] * 9], "one value of it has more than 5,000 characters"),
    ],
)
def test_what_cannot_be_read_in_parts_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(CannotImport, match=reason):
        list(documents(in_pieces(dumped(document)), part=500, largest=5_000))


def test_gzip_that_holds_more_than_its_limit_is_refused_before_it_is_inflated() -> None:
    bomb = gzip.compress(b" " * (20 * _MEGABYTE))
    tracemalloc.start()
    try:
        with pytest.raises(CannotImport, match="its gzip holds more than 2,097,152 bytes"):
            list(inflated(iter([bomb]), largest=2 * _MEGABYTE))
        assert tracemalloc.get_traced_memory()[1] < 8 * _MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_megabyte_that_inflates_to_one_text_without_end_is_refused_in_little_memory() -> None:
    bomb = gzip.compress(b'{"conversations": ["' + b"x" * (64 * _MEGABYTE))
    tracemalloc.start()
    try:
        with pytest.raises(CannotImport, match="one value of it has more than 10,485,760 characters"):
            list(documents(inflated(iter([bomb]))))
        assert tracemalloc.get_traced_memory()[1] < 64 * _MEGABYTE
    finally:
        tracemalloc.stop()


def test_the_first_part_comes_long_before_the_file_is_read_to_its_end() -> None:
    pieces = calls(2_000)
    first = next(documents(pieces))
    assert 100 < len(first.value["conversations"]) < 1_000
    assert len(list(pieces)) > 1_000


@only_in_make_faults
def test_a_large_file_is_read_in_memory_that_does_not_grow_with_it(tmp_path: Path) -> None:
    small, large = (b"".join(calls(count)) for count in (1_500, 6_000))
    assert len(large) > 6 * _MEGABYTE
    peaks = [_peak_of_import(tmp_path / f"{len(raw)}", raw) for raw in (small, large)]
    assert peaks[1] < peaks[0] + _MEGABYTE
    assert peaks[1] < len(large)


def _peak_of_import(folder: Path, raw: bytes) -> int:
    lake = Lake(LocalStore(folder))
    tracemalloc.start()
    try:
        (outcome,) = import_files(lake, [SavedFile("large.json", lambda: io.BytesIO(raw))], ImportOptions()).outcomes
        assert (outcome.state, outcome.reason) == ("imported", "")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_of_a_large_file_that_is_cut_nothing_is_stored(tmp_path: Path) -> None:
    raw = b"".join(calls(1_000))[:-2]
    imported = import_files(
        Lake(LocalStore(tmp_path)), [SavedFile("cut.json", lambda: io.BytesIO(raw))], ImportOptions()
    )
    assert "it ends in the middle, so it was cut" in imported.skipped[0].reason
    assert not list(tmp_path.rglob("*.*"))


def test_a_file_that_is_still_written_to_is_skipped(tmp_path: Path) -> None:
    contents = iter([dumped(page(call())), dumped(page(call("B")))])
    file = SavedFile("growing.json", lambda: io.BytesIO(next(contents)))
    imported = import_files(Lake(LocalStore(tmp_path)), [file], ImportOptions())
    assert imported.skipped[0].reason == "it changed while it was read: import it once it is finished"


@only_in_make_faults
def test_a_process_is_hardly_larger_for_a_large_file_than_for_a_small_one(
    tmp_path: Path,
) -> None:
    """The libraries take most of the memory in both cases."""
    small, large = (_kibibytes_of_process(tmp_path / f"{count}", count) for count in (600, 60_000))
    assert large < small + _GROWTH_KIBIBYTES


def _kibibytes_of_process(folder: Path, count: int) -> int:
    folder.mkdir()
    with (folder / "saved.json").open("wb") as file:
        file.writelines(calls(count))
    command = [sys.executable, "-c", _IMPORT, f"{folder / 'saved.json'}", f"{folder / 'lake'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * PATIENCE_SECONDS, check=True)
    conversations, kibibytes = json.loads(done.stdout)
    assert conversations == count
    return int(kibibytes)


_GROWTH_KIBIBYTES = 48 << 10
_IMPORT = """
import json, resource, sys
from pathlib import Path
from genesys_assets.importing.buckets import ImportOptions
from genesys_assets.importing.files import find
from genesys_assets.importing.into_lake import import_files
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LocalStore
done = import_files(Lake(LocalStore(Path(sys.argv[2]))), find([sys.argv[1]], lambda: None), ImportOptions())
print(json.dumps([done.outcomes[0].conversations, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""

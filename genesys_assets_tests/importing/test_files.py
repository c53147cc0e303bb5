from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from genesys_assets.importing.documents import documents as read_documents
from genesys_assets.importing.files import CannotImport, find, inflated, pieces_of
from genesys_assets.sandbox.object_store import ObjectStore


def no_s3() -> Any:
    raise AssertionError("no S3 is needed here")


def names(folder: Path, *places: str) -> list[str]:
    return [Path(file.place).relative_to(folder).as_posix() for file in find(places, no_s3)]


def documents(raw: bytes) -> list[Any]:
    return [part.value for part in read_documents(inflated(iter([raw])))]


def test_a_file_is_one_document_or_one_on_each_line() -> None:
    assert documents(b'{"a":\n 1}') == [{"a": 1}]
    assert documents(b'{"a": 1}\n\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]


def test_gzip_and_other_encodings_are_read() -> None:
    said = {"name": "Zürich"}
    text = json.dumps(said, ensure_ascii=False)
    for raw in (gzip.compress(text.encode()), text.encode("utf-8-sig"), text.encode("utf-16")):
        assert documents(raw) == [said]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"  \n", "it is empty"),
        (b"<html>", "it is HTML or XML, as a login page or a gateway answers, not JSON: ask again"),
        (b'{"conversations": [', "it is not JSON"),
        (
            b'{"a": 1}\n{"a": 2}\n{"a"',
            "it is not JSON at line 3 column 5: it ends in the middle, so it was cut. Save it",
        ),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": "\xff"}', "it is not text in UTF-8"),
        (gzip.compress(b'{"a": 1}' * 99, mtime=0)[:-9], "its gzip is damaged"),
        (b"[" * 200_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotImport, match=reason):
        documents(raw)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.json", "a.jsonl", "deep/c.ndjson.gz", "deep/notes.md", ".hidden/d.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    return tmp_path


def test_a_folder_is_all_saved_files_below_it_in_order(folder: Path) -> None:
    assert names(folder, f"{folder}") == ["a.jsonl", "b.json", "deep/c.ndjson.gz"]


def test_a_pattern_is_what_it_matches_and_a_named_file_may_be_called_anything(folder: Path) -> None:
    assert names(folder, f"{folder}/*.json", f"{folder}/deep/notes.md") == ["b.json", "deep/notes.md"]
    assert names(folder, f"{folder}/**/c*") == ["deep/c.ndjson.gz"]


def test_a_folder_that_a_pattern_matches_is_all_that_is_below_it_as_in_a_shell(folder: Path) -> None:
    assert names(folder, f"{folder}/*") == ["a.jsonl", "b.json", "deep/c.ndjson.gz"]


@pytest.mark.parametrize("pattern", ["*", "**", "**/*.json*"])
def test_a_pattern_does_not_follow_links_that_lead_in_circles_and_names_them(folder: Path, pattern: str) -> None:
    for name in ("one", "two"):
        (folder / name).symlink_to(folder)
    found = names(folder, f"{folder}/{pattern}")
    assert [name for name in found if "one" in name or "two" in name] == ["one", "two"]
    assert "b.json" in found


def test_a_pattern_without_a_folder_before_it_begins_where_one_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert [file.place for file in find(["**/*.json"], no_s3)] == ["b.json"]


def test_a_link_to_a_folder_is_not_followed_and_not_passed_over(folder: Path) -> None:
    (folder / "linked").symlink_to(folder)
    *read, linked = find([f"{folder}"], no_s3)
    assert [Path(file.place).name for file in (*read, linked)] == ["a.jsonl", "b.json", "c.ndjson.gz", "linked"]
    with pytest.raises(CannotImport, match="it is a link to a folder, and links are not followed"):
        next(pieces_of(linked))


def test_a_hidden_folder_that_is_named_is_searched(folder: Path) -> None:
    assert names(folder, f"{folder}/.hidden") == [".hidden/d.json"]


def test_what_is_no_regular_file_is_a_file_that_cannot_be_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe.json")
    (folder / "lost.json").symlink_to(folder / "nowhere.json")
    refused = {Path(file.place).name: file for file in find([f"{folder}"], no_s3)}
    with pytest.raises(CannotImport, match="it is no regular file"):
        next(pieces_of(refused["pipe.json"]))
    with pytest.raises(CannotImport, match="it cannot be read: No such file or directory"):
        next(pieces_of(refused["lost.json"]))


def test_a_folder_that_cannot_be_opened_is_a_file_that_cannot_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = find([f"{folder}"], no_s3)
    assert [Path(file.place).name for file in found] == ["a.jsonl", "b.json", "deep"]
    with pytest.raises(CannotImport, match="it cannot be read: Permission denied"):
        next(pieces_of(found[-1]))


def test_a_name_that_is_no_utf_8_can_be_written_anywhere(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.json")).write_bytes(b"{}")
    found = find([f"{folder}/caf*"], no_s3)
    assert [(file.name, b"".join(pieces_of(file))) for file in found] == [("caf\ufffd.json", b"{}")]


def test_a_name_that_would_steer_a_terminal_or_forge_a_line_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\nimported   b.json").write_bytes(b"{}")
    (file,) = find([f"{tmp_path}/*"], no_s3)
    assert (file.name, b"".join(pieces_of(file))) == (r"a\x1b[2J\nimported   b.json", b"{}")


def test_an_empty_place_is_a_file_that_cannot_be_read(folder: Path) -> None:
    (missing,) = find([f"{folder}/2025-*.json"], no_s3)
    with pytest.raises(CannotImport, match="there is no such file"):
        missing.open()


def test_files_on_s3_are_found_by_key_by_folder_and_by_pattern(
    bucket: str, object_store: ObjectStore, s3_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    for key in ("saved/", "saved/a.json", "saved/deep/b.json.gz", "saved/notes.txt", "saved/fetch.py"):
        s3_client.put_object(Bucket=bucket, Key=key, Body=b"{}")

    def keys(place: str) -> list[str]:
        return [file.place.removeprefix(f"s3://{bucket}/") for file in find([place], lambda: s3_client)]

    assert keys(f"s3://{bucket}/saved") == ["saved/a.json", "saved/deep/b.json.gz", "saved/notes.txt"]
    *_, notes = find([f"s3://{bucket}/saved"], lambda: s3_client)
    with pytest.raises(CannotImport, match="of a folder only files are read whose names end in"):
        next(pieces_of(notes))
    assert keys(f"s3://{bucket}/saved/notes.txt") == ["saved/notes.txt"]
    assert keys(f"s3://{bucket}/saved/*.json*") == ["saved/a.json"]
    assert keys(f"s3://{bucket}/saved/**/*.json*") == ["saved/a.json", "saved/deep/b.json.gz"]
    (file,) = find([f"s3://{bucket}/saved/a.json"], lambda: s3_client)
    assert (file.name, file.open().read()) == ("a.json", b"{}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(
            (f"b{end}", "an archive or compressed: unpack it")
            for end in (".json.zst", ".ZIP", ".tar", ".tar.gz", ".7z")
        ),
        *((f"b{end}", "a table: save the answers of the platform as JSON") for end in (".xlsx", ".csv", ".parquet")),
        *((f"b.json{end}", "not whole yet: import it once it is") for end in (".part", ".crdownload", ".tmp")),
        *((name, "of a folder only files are read whose names end in") for name in ("b.txt", "b-2025-01-31", "b.html")),
    ],
)
def test_a_file_of_a_folder_that_is_not_read_is_named_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    for each in ("a.json", name):
        (tmp_path / each).write_bytes(b"{}")
    read, refused = find([f"{tmp_path}"], no_s3)
    assert (read.name, refused.name) == ("a.json", name)
    with pytest.raises(CannotImport, match=why):
        next(pieces_of(refused))


def test_scripts_notes_and_hidden_files_beside_saved_files_are_not_named(tmp_path: Path) -> None:
    for name in ("a.json", "fetch.py", "README.md", "LICENSE", "_SUCCESS", ".DS_Store", "._a.json", "chart.PNG"):
        (tmp_path / name).write_bytes(b"{}")
    assert names(tmp_path, f"{tmp_path}") == ["a.json"]

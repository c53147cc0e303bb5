"""A folder as a place to publish to. `test_publisher` tests what it has in common with S3."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from genesys_assets.publishing.errors import InvalidLocation, UploadRefused
from genesys_assets.publishing.folder import Folder, folder_of

NOTHING = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("location", ["/a/b c", "file:///a/b%20c", "file://localhost/a/b%20c"])
def test_a_folder_is_a_path_or_a_file_url(location: str) -> None:
    assert folder_of(location) == Path("/a/b c")


def test_a_relative_path_is_one_from_here_and_a_tilde_is_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert folder_of("published") == tmp_path / "published"
    assert folder_of("~/published") == Path("/home/someone/published")


@pytest.mark.parametrize(
    "location", ["file://server/share", "https://example.com/x", "file:///", "ftp://x/y", "file:///a?b", "file:///a#b"]
)
def test_anything_else_is_no_folder(location: str) -> None:
    with pytest.raises(InvalidLocation, match=r"expected s3://bucket/prefix, a folder, or file:///folder"):
        folder_of(location)


def test_links_between_files_are_relative_and_work_for_any_name(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert folder.link("a/date=1/x y#.csv", "", "b/date=1/p.html") == "../../a/date=1/x%20y%23.csv"
    assert folder.link("a/x.csv", "", "a/p.html") == "x.csv"


def test_a_file_that_changes_while_it_is_copied_is_not_taken(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with pytest.raises(UploadRefused, match="its bytes changed meanwhile"):
        folder.put("a/b", io.BytesIO(b"other bytes"), "text/plain", NOTHING)
    assert list(folder.files("")) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UploadRefused, match=r"file/a was not written .*GENESYS_ASSETS_PUBLISH_URL"):
        Folder(str(tmp_path / "file")).put("a", io.BytesIO(b""), "text/plain", NOTHING)


def test_files_are_listed_by_the_beginning_of_their_keys(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert list(folder.files("reports/")) == [], "before anything is published"
    for key in ("reports/a/1", "reports/a/10", "reports/b/1"):
        folder.put(key, io.BytesIO(b""), "text/plain", NOTHING)
    assert [file.key for file in folder.files("reports/")] == ["reports/a/1", "reports/a/10", "reports/b/1"]
    assert [file.key for file in folder.files("reports/a/1")] == ["reports/a/1", "reports/a/10"]


def test_a_folder_that_does_not_exist_yet_has_no_files(tmp_path: Path) -> None:
    assert [list(Folder(str(tmp_path / "later")).files(prefix)) for prefix in ("", "reports/")] == [[], []]

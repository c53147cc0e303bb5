"""Which published files are removed, and when."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genesys_assets.publishing.garbage import removable_keys, remove_garbage
from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.links import listed_page
from genesys_assets.publishing.manifest import Manifest, PublishedFile
from genesys_assets.publishing.place import LONGEST_EXPIRY, UNFINISHED, PlacedFile, key_of, manifest_key
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import LocalFile
from genesys_assets_tests.publishing.published_files import DAY, a_manifest, body_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def manifest(generated_at: datetime, *keys: str) -> Manifest:
    files = tuple(PublishedFile("a", "csv", key, 1, 1, "00", "", None) for key in keys)
    return a_manifest(generated_at=generated_at, files=files)


@pytest.mark.parametrize(
    ("written", "replaced", "goes"),
    [
        (LONGEST_EXPIRY + SECOND, LONGEST_EXPIRY + SECOND, True),
        (LONGEST_EXPIRY, LONGEST_EXPIRY + SECOND, False),
        (10 * LONGEST_EXPIRY, LONGEST_EXPIRY, False),
    ],
)
def test_a_file_goes_once_it_is_old_and_no_url_of_it_can_work(
    written: timedelta, replaced: timedelta, goes: bool
) -> None:
    file = PlacedFile("old", NOW - written)
    assert removable_keys([file], manifest(NOW - replaced, "new"), NOW) == (["old"] if goes else [])


def test_a_file_that_the_manifest_names_stays_forever() -> None:
    file = PlacedFile("named", NOW - timedelta(days=3650))
    assert removable_keys([file], manifest(NOW - timedelta(days=3650), "named"), NOW) == []


def test_files_of_a_day_without_a_manifest_go_by_their_own_age() -> None:
    files = [PlacedFile("new", NOW), PlacedFile("left over", NOW - LONGEST_EXPIRY - SECOND)]
    assert removable_keys(files, None, NOW) == ["left over"]


def test_what_no_manifest_names_is_removed_and_nothing_else(
    anywhere: Publisher, files: list[LocalFile], tmp_path: Path
) -> None:
    old = anywhere.publish("agent_daily", DAY, files)
    deleted = anywhere.publish("deleted_report", DAY, files)
    new = anywhere.publish("agent_daily", DAY, [write_page("new", tmp_path / "agent_daily.html")])
    anywhere.publish_manifest(a_manifest(generated_at=datetime.now(UTC), files=tuple(new)))
    index = anywhere.replace(["index.html"], write_page("list", tmp_path / "index.html"))
    soon, later = (datetime.now(UTC) + LONGEST_EXPIRY + offset for offset in (-timedelta(hours=1), timedelta(hours=1)))
    assert remove_garbage(anywhere, soon).keys == ()
    assert set(remove_garbage(anywhere, later).keys) == {file.key for file in (*old, *deleted)}
    assert [body_of(file.url) for file in (*new, index)] == [b"new", b"list"]
    assert anywhere.manifest(DAY) is not None
    assert remove_garbage(anywhere, later).keys == ()


def test_what_a_killed_process_left_half_written_goes_too(to_folder: Publisher) -> None:
    to_folder.publish_manifest(a_manifest(generated_at=datetime.now(UTC)))
    keys = [manifest_key(to_folder.place, DAY), key_of(to_folder.place, "index.html")]
    left = [Path(to_folder.place.describe(key)).with_name(f"{UNFINISHED}{number}") for number, key in enumerate(keys)]
    for path in left:
        path.write_bytes(b"half")
    soon, later = (datetime.now(UTC) + LONGEST_EXPIRY + offset for offset in (-timedelta(hours=1), timedelta(hours=1)))
    assert remove_garbage(to_folder, soon).keys == ()
    assert len(remove_garbage(to_folder, later).keys) == len(left)
    assert not any(path.exists() for path in left)
    assert to_folder.manifest(DAY) is not None


def test_pages_of_days_that_the_list_has_no_more_go_too(to_folder: Publisher, tmp_path: Path) -> None:
    page = write_page("page", tmp_path / "page.html")
    old, listed = (
        to_folder.replace(listed_page(datetime.now(UTC).date() - timedelta(days=days)), page) for days in (40, 9)
    )
    assert remove_garbage(to_folder, datetime.now(UTC) + LONGEST_EXPIRY + SECOND).keys == (old.key,)
    assert body_of(listed.url) == b"page"


def test_a_day_whose_manifest_was_altered_is_left_alone_and_reported(
    anywhere: Publisher, files: list[LocalFile]
) -> None:
    published = anywhere.publish("agent_daily", DAY, files)
    key, body = manifest_key(anywhere.place, DAY), b"not JSON"
    anywhere.place.put(key, io.BytesIO(body), "application/json", hashlib.sha256(body).hexdigest())
    done = remove_garbage(anywhere, datetime.now(UTC) + 2 * LONGEST_EXPIRY)
    assert done.keys == ()
    assert len(done.unreadable) == 1
    assert all(body_of(file.url) for file in published)


def test_a_file_that_is_published_again_while_it_is_looked_at_stays(
    to_folder: Publisher, files: list[LocalFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day returns to its earlier figures: its run has written the file, but not yet the manifest."""
    [file, *_] = to_folder.publish("agent_daily", DAY, files[:1])
    long_ago = (datetime.now(UTC) - 2 * LONGEST_EXPIRY).timestamp()
    path = Path(to_folder.place.describe(file.key))
    os.utime(path, (long_ago, long_ago))

    def publish_and_find_no_manifest(_: object) -> None:
        to_folder.publish("agent_daily", DAY, files[:1])

    monkeypatch.setattr(to_folder, "manifest", publish_and_find_no_manifest)
    assert remove_garbage(to_folder, datetime.now(UTC)).keys == ()
    assert path.is_file()


def test_a_file_of_a_date_that_does_not_exist_is_left_alone_and_all_else_is_removed(to_folder: Publisher) -> None:
    keys = [f"reports/a/date={day}/a.csv" for day in ("2026-02-30", "2026-02-01")]
    for key in keys:
        to_folder.place.put(key, io.BytesIO(b""), "text/csv", hashlib.sha256(b"").hexdigest())
        os.utime(to_folder.place.describe(key), (0, 0))
    assert remove_garbage(to_folder, NOW).keys == (keys[1],)

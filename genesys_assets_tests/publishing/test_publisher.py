"""Publishing reports and manifests, to a real S3 server and to a folder."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from genesys_assets.publishing.errors import AlteredFile, ConcurrentPublish, Gone, InvalidManifest
from genesys_assets.publishing.folder import Folder
from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.manifest import PublishedFile
from genesys_assets.publishing.place import manifest_key
from genesys_assets.publishing.private_bucket import PrivateBucket
from genesys_assets.publishing.publisher import Publisher, open_publisher
from genesys_assets.publishing.report_files import LocalFile, write_report_files
from genesys_assets_tests.publishing.published_files import DAY, TABLE, a_manifest, body_of


def overwrite(publisher: Publisher, key: str, body: bytes) -> None:
    publisher.place.put(key, io.BytesIO(body), "text/plain", hashlib.sha256(body).hexdigest())


def test_every_url_gives_the_very_bytes(anywhere: Publisher, files: list[LocalFile]) -> None:
    published = anywhere.publish("agent_daily", DAY, files)
    assert [file.format for file in published] == ["parquet", "csv", "json"]
    for file, local in zip(published, files, strict=True):
        assert body_of(file.url) == local.path.read_bytes()
        assert (file.rows, file.bytes, file.sha256) == (3, local.bytes, local.sha256)


def test_the_formats_round_trip(anywhere: Publisher, files: list[LocalFile]) -> None:
    parquet, csv, js = (body_of(file.url) for file in anywhere.publish("agent_daily", DAY, files))
    assert pq.read_table(io.BytesIO(parquet)).equals(TABLE)
    assert csv.decode() == 'user_name,conversation_count\r\n"Ana, née B.",1\r\n,2\r\n🌊,3\r\n'
    assert json.loads(js) == TABLE.to_pylist()


def test_files_lie_by_report_day_and_content(publisher: Publisher, files: list[LocalFile]) -> None:
    folder = "some/prefix/reports/agent_daily/date=2026-01-31"
    published = list(publisher.publish("agent_daily", DAY, files))
    assert len(published) == len(files) > 0
    for file in published:
        assert file.key == f"{folder}/agent_daily-{file.sha256[:16]}.{file.format}"


def test_a_bucket_without_prefix_will_do(s3_client: Any, bucket: str, files: list[LocalFile]) -> None:
    (file, *_) = Publisher(PrivateBucket(s3_client, f"s3://{bucket}")).publish("agent_daily", DAY, files)
    assert file.key.startswith("reports/agent_daily/date=2026-01-31/")


def test_what_an_old_manifest_names_stays_what_it_was(
    anywhere: Publisher, files: list[LocalFile], tmp_path: Path
) -> None:
    before = anywhere.publish("agent_daily", DAY, files)
    (tmp_path / "again").mkdir()
    again = write_report_files([TABLE.slice(0, 1)], TABLE.schema, tmp_path / "again", "agent_daily")
    after = anywhere.publish("agent_daily", DAY, again)
    assert not {file.key for file in before} & {file.key for file in after}
    for file in (*before, *after):
        assert hashlib.sha256(body_of(file.url)).hexdigest() == file.sha256


def test_the_same_rows_have_the_same_name(anywhere: Publisher, files: list[LocalFile]) -> None:
    first, again = (anywhere.publish("agent_daily", DAY, files) for _ in range(2))
    assert [file.key for file in first] == [file.key for file in again]


# -- the manifest ------------------------------------------------------------------------------------


def test_a_day_that_was_never_published_has_no_manifest(anywhere: Publisher) -> None:
    assert anywhere.manifest(DAY) is None


def test_a_manifest_is_read_back_as_it_was_written(publisher: Publisher, files: list[LocalFile]) -> None:
    published = publisher.publish("agent_daily", DAY, files)
    written = a_manifest(files=tuple(published), bucket=publisher.place.bucket, headline={"offered": 3})
    file = publisher.publish_manifest(written)
    assert publisher.manifest(DAY) == written
    assert file.key == "some/prefix/reports/manifest/date=2026-01-31/manifest.json"
    assert hashlib.sha256(body_of(file.url)).hexdigest() == file.sha256


def test_a_manifest_in_a_folder_leads_to_its_files_wherever_the_folder_is_moved(
    to_folder: Publisher, files: list[LocalFile], tmp_path: Path
) -> None:
    to_folder.publish_manifest(a_manifest(files=tuple(to_folder.publish("agent_daily", DAY, files))))
    moved = (tmp_path / "published").rename(tmp_path / "elsewhere")
    manifest = moved / "reports/manifest/date=2026-01-31/manifest.json"
    listed = json.loads(manifest.read_text())["files"]
    assert [file["expires_at"] for file in listed] == [None] * 3
    for entry, local in zip(listed, files, strict=True):
        assert entry["url"].startswith("../../agent_daily/date=2026-01-31/agent_daily-")
        assert (manifest.parent / entry["url"]).read_bytes() == local.path.read_bytes()


def test_an_invalid_manifest_is_named(anywhere: Publisher) -> None:
    for body in (b"not JSON", b"[]", b'{"date": "2026-01-31"}', b"\xff"):
        overwrite(anywhere, manifest_key(anywhere.place, DAY), body)
        with pytest.raises(InvalidManifest, match=r"manifest\.json is not a manifest .*publish the day again"):
            anywhere.manifest(DAY)


class RacingPublisher(Publisher):
    """Before it proves a manifest, another run replaces this manifest, until no further runs are left."""

    def __init__(self, publisher: Publisher, *others: bytes) -> None:
        super().__init__(publisher.place)
        self.others = list(others)

    def _manifest_file(self, key: str, body: bytes, manifest: Any) -> PublishedFile:
        if self.others:
            overwrite(self, key, self.others.pop(0))
        return super()._manifest_file(key, body, manifest)


def test_a_manifest_that_another_run_replaced_meanwhile_is_not_taken_for_ours(anywhere: Publisher) -> None:
    other = a_manifest(run_id="other", headline={"offered": 83})
    with pytest.raises(ConcurrentPublish, match=r"manifest\.json was replaced while it was being checked"):
        RacingPublisher(anywhere, other.as_json()).publish_manifest(a_manifest(headline={"offered": 82}))
    standing = anywhere.manifest(DAY)
    assert standing is not None
    assert standing.headline == {"offered": 83}


def others(number: int) -> list[bytes]:
    """Manifests of other runs that say the same."""
    return [a_manifest(run_id=f"run {each}").as_json() for each in range(number)]


@pytest.mark.parametrize("runs", [1, 4])
def test_a_manifest_of_another_run_that_says_the_same_will_do(anywhere: Publisher, runs: int) -> None:
    file = RacingPublisher(anywhere, *others(runs)).publish_manifest(a_manifest())
    assert body_of(file.url) == others(runs)[-1]
    assert file.sha256 == hashlib.sha256(others(runs)[-1]).hexdigest()


def test_a_manifest_that_others_replace_again_and_again_is_not_proven_without_end(anywhere: Publisher) -> None:
    with pytest.raises(ConcurrentPublish, match=r"manifest\.json was replaced while it was being checked"):
        RacingPublisher(anywhere, *others(50)).publish_manifest(a_manifest())


# -- the list, and what was published before -----------------------------------------------------------


def test_a_file_of_the_list_keeps_its_name(anywhere: Publisher, tmp_path: Path) -> None:
    for text in ("one", "two"):
        file = anywhere.replace(["index.html"], write_page(text, tmp_path / "index.html"))
        assert file.key.endswith("reports/index/index.html")
        assert body_of(file.url) == text.encode()


def test_a_file_that_is_not_what_was_written_fails_its_proof(anywhere: Publisher, files: list[LocalFile]) -> None:
    [file, *_] = anywhere.publish("agent_daily", DAY, files)
    anywhere.place.prove(file.key, file.url, file.sha256)
    overwrite(anywhere, file.key, b"something else")
    with pytest.raises(AlteredFile, match="other bytes than were written"):
        anywhere.place.prove(file.key, file.url, file.sha256)
    anywhere.place.delete(file.key)
    with pytest.raises(Gone, match="no longer exists: publish it again"):
        anywhere.place.prove(file.key, file.url, file.sha256)


def test_a_place_is_opened_by_its_location(s3_client: Any, bucket: str, tmp_path: Path) -> None:
    def none() -> Any:
        raise AssertionError("a folder needs no S3 client")

    assert isinstance(open_publisher(f"s3://{bucket}/p", lambda: s3_client).place, PrivateBucket)
    for location in (str(tmp_path), tmp_path.as_uri()):
        place = open_publisher(location, none).place
        assert isinstance(place, Folder)
        assert place.folder == tmp_path

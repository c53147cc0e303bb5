"""Files on a disk and on S3 are whole or absent. The store waits for short faults of S3 to pass; lasting ones end in
one clear error."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from genesys_assets.lake import s3_store as s3_store_module
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import open_store
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import DRAFTS, LakeUnreachable, LocalStore, Store, drafts
from genesys_assets.s3_body import read_at_most
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.lake.faulty_s3 import FaultyS3, How, in_front_of
from genesys_assets_tests.lake.things import DAYS, NOON, PAGES, PLACE, SPEC, bodies, things, write_pages

_IMPATIENT = 0.5


@pytest.fixture(scope="module")
def faulty_server(object_store: ObjectStore) -> Iterator[FaultyS3]:
    with in_front_of(object_store.endpoint_url) as faulty:
        yield faulty


@pytest.fixture
def faulty(faulty_server: FaultyS3) -> FaultyS3:
    faulty_server.heal()
    return faulty_server


@pytest.fixture
def connect(object_store: ObjectStore, s3_environment: None, bucket: str) -> Iterator[Callable[..., S3Store]]:
    """Makes stores of the bucket at other endpoints, with other credentials or fewer retries."""
    clients = contextlib.ExitStack()

    def store(
        endpoint: str, secret: str = object_store.secret_key, patience: float = 30, bucket: str = bucket
    ) -> S3Store:
        client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=object_store.region,
            aws_access_key_id=object_store.access_key,
            aws_secret_access_key=secret,
            # boto3's own retries would hide the retries under test.
            config=Config(retries={"total_max_attempts": 1}),
        )
        clients.callback(client.close)
        return S3Store(bucket, "lake", lambda: client, patience)

    with clients:
        yield store


def publish(store: Store, key: str, content: bytes) -> None:
    with drafts(store) as begin:
        draft = begin()
        draft.file.write(content)
        draft.publish(key)


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_draft_is_seen_by_nobody_until_it_is_published_under_its_key(store: Store) -> None:
    with drafts(store) as begin:
        draft = begin()
        draft.file.write(b"whole")
        assert store.keys("") == []
        draft.publish("a/b.txt")
        assert store.keys("") == store.keys("a") == ["a/b.txt"]
        draft.file.seek(0)
        assert draft.file.read() == b"whole", "a published draft can still be read"
    assert store.get("a/b.txt") == store.open("a/b.txt", 5).read() == store.open("a/b.txt").read() == b"whole"
    assert store.size("a/b.txt") == 5


def test_a_draft_that_is_not_published_leaves_nothing(store: Store) -> None:
    with contextlib.suppress(ZeroDivisionError), drafts(store) as begin:
        begin().file.write(b"half")
        raise ZeroDivisionError
    assert store.keys("") == []


def test_a_draft_left_by_a_killed_process_is_on_the_disk_and_no_key(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with store.draft().file as left:
        left.write(b"half")
    publish(store, "a/b.txt", b"whole")
    assert len(list((tmp_path / DRAFTS).iterdir())) == 1
    assert store.keys("") == ["a/b.txt"]


def test_a_small_file_is_put_replaced_and_deleted(store: Store) -> None:
    assert store.get("jobs/a.json") is None
    for content in (b"old", b"new"):
        store.put("jobs/a.json", content)
    assert store.get("jobs/a.json") == b"new"
    store.delete("jobs/a.json")
    store.delete("jobs/a.json")
    assert store.get("jobs/a.json") is None
    assert store.keys("") == []


@pytest.mark.parametrize("kind", ["disk", "s3_store", "moto_store"])
def test_a_small_file_is_replaced_only_if_it_has_the_content_that_was_read(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store: Store = LocalStore(tmp_path) if kind == "disk" else request.getfixturevalue(kind)
    assert not store.replace("imports/a.json", b"old", b"new")
    store.put("imports/a.json", b"old")
    assert not store.replace("imports/a.json", b"older", b"new")
    assert store.get("imports/a.json") == b"old"
    assert store.replace("imports/a.json", b"old", b"new")
    assert store.get("imports/a.json") == b"new"
    store.delete("imports/a.json")
    assert not store.replace("imports/a.json", b"new", b"newer")
    assert store.keys("") == []


def test_of_several_that_replace_a_small_file_at_once_none_loses_what_another_wrote(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("imports/a.json", b"")

    def add(letter: bytes) -> None:
        for _ in range(200):
            before = store.get("imports/a.json") or b""
            if store.replace("imports/a.json", before, before + letter):
                return
        pytest.fail("it was never replaced")

    letters = [bytes([letter]) for letter in b"abcdefghijkl"]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, letters))
    assert sorted(store.get("imports/a.json") or b"") == list(b"".join(letters))


@pytest.mark.parametrize("other", [b"other", None], ids=["written", "deleted"])
def test_a_small_file_of_s3_that_another_writes_meanwhile_is_not_replaced(
    moto_store: S3Store, monkeypatch: pytest.MonkeyPatch, other: bytes | None
) -> None:
    moto_store.put("imports/a.json", b"old")

    def read(body: Any, size: int) -> bytes:
        content = read_at_most(body, size)
        monkeypatch.setattr(s3_store_module, "read_at_most", read_at_most)
        moto_store.delete("imports/a.json") if other is None else moto_store.put("imports/a.json", other)
        return content

    monkeypatch.setattr(s3_store_module, "read_at_most", read)
    assert not moto_store.replace("imports/a.json", b"old", b"new")
    assert moto_store.get("imports/a.json") == other


def test_a_file_that_does_not_exist_has_no_size_and_is_not_found(store: Store) -> None:
    assert store.size("a/b.txt") is None
    for size in (None, 3):
        with pytest.raises(FileNotFoundError):
            store.open("a/b.txt", size).read()


def test_a_file_that_s3_takes_in_parts_comes_back_whole(s3_store: S3Store) -> None:
    content = bytes(range(256)) * (9 << 12)
    publish(s3_store, "large", content)
    assert s3_store.open("large", len(content)).read() == content


def test_a_large_file_of_s3_is_read_in_the_parts_that_are_needed(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(s3_store, "large", b"0123456789")
    monkeypatch.setattr(s3_store_module, "_WHOLE_BYTES", 9)
    monkeypatch.setattr(s3_store, "get", None)
    assert s3_store.open("large", 10).read_at(3, 4) == b"456"


def test_files_are_listed_while_others_make_and_remove_their_folder(tmp_path: Path) -> None:
    store, done = LocalStore(tmp_path), threading.Event()
    store.put("a/kept", b"")

    def make_and_remove() -> None:
        folder = tmp_path / "a" / "b"
        while not done.is_set():
            folder.mkdir()
            folder.rmdir()

    other = threading.Thread(target=make_and_remove)
    other.start()
    try:
        for _ in range(2_000):
            assert store.keys("a") == ["a/kept"]
            assert store.keys("a/b") == []
    finally:
        done.set()
        other.join()


def test_a_folder_and_a_bucket_are_both_a_store(tmp_path: Path) -> None:
    assert open_store(str(tmp_path), lambda: None).uri("x") == f"{tmp_path}/x"
    assert open_store("s3://bucket/some/prefix", lambda: None).uri("x") == "s3://bucket/some/prefix/x"
    assert open_store("s3://bucket", lambda: None).uri("x") == "s3://bucket/x"


def test_opening_a_store_asks_s3_nothing() -> None:
    def no_client() -> Any:
        raise AssertionError

    assert open_store("s3://bucket/prefix", no_client).path("x") == "bucket/prefix/x"


# -- S3 on a bad day ---------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("how", ["busy", *(pytest.param(how, marks=pytest.mark.long) for how in ("dropped", "lost"))])
def test_trouble_that_passes_is_waited_out(connect: Callable[..., S3Store], faulty: FaultyS3, how: How) -> None:
    store = connect(faulty.endpoint_url)
    for method in ("HEAD", "PUT", "GET", "DELETE"):
        faulty.spoil(how, 2, method=method)
    publish(store, "a/b.txt", b"whole")
    store.put("a/c.txt", b"small")
    assert (store.size("a/b.txt"), store.get("a/b.txt"), store.get("a/c.txt")) == (5, b"whole", b"small")
    store.delete("a/b.txt")
    assert store.get("a/b.txt") is None
    assert faulty.spoiled == 4 * 2


def test_an_answer_that_breaks_off_is_asked_for_again(connect: Callable[..., S3Store], faulty: FaultyS3) -> None:
    store = connect(faulty.endpoint_url)
    publish(store, "a", b"0123456789" * 1000)
    faulty.spoil("cut", 3, method="GET", path_part="/a")
    assert store.get("a") == b"0123456789" * 1000
    assert store.open("a", 10_000).read(10) == b"0123456789"
    assert faulty.spoiled == 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "path_part"),
    [
        ("busy", "_delta_log"),
        pytest.param("busy", ".parquet", marks=pytest.mark.long),
        pytest.param("dropped", "", marks=pytest.mark.long),
    ],
)
def test_a_table_is_written_and_read_whatever_fails_for_a_while(
    connect: Callable[..., S3Store], faulty: FaultyS3, how: How, path_part: str
) -> None:
    lake = Lake(connect(faulty.endpoint_url))
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    faulty.spoil(how, 3, path_part=path_part)
    change = lake.write(PLACE, SPEC, things(("a", 2)), DAYS[0], {})
    assert change.rows_changed == 1, "the stored file was read, and not taken for damaged"
    assert Lake(lake.store).read(PLACE, DAYS[0])["n"].to_pylist() == [2]
    assert faulty.spoiled == 3


def test_a_commit_whose_answer_is_lost_is_committed_once(connect: Callable[..., S3Store], faulty: FaultyS3) -> None:
    lake = Lake(connect(faulty.endpoint_url))
    lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {})
    faulty.spoil("lost", 1, method="PUT", path_part="_delta_log/")
    change = lake.write(PLACE, SPEC, things(("a", 2)), DAYS[0], {})
    assert (faulty.spoiled, change.rows_changed) == (1, 1)
    log = Lake(lake.store).log(PLACE)
    assert [note["readings"][DAYS[0]]["rows_changed"] for _, note in log.notes(0)] == [None, 1]
    assert len(log.files(DAYS[0])) == 1


def test_a_snapshot_whose_answer_is_lost_is_added_once(connect: Callable[..., S3Store], faulty: FaultyS3) -> None:
    lake = Lake(connect(faulty.endpoint_url))
    lake.append("live/things", SPEC, things(("a", 1)), NOON, {})
    faulty.spoil("lost", 1, method="PUT", path_part="_delta_log/")
    lake.append("live/things", SPEC, things(("a", 2)), NOON, {})
    assert faulty.spoiled == 1
    assert sorted(Lake(lake.store).read("live/things", DAYS[1])["n"].to_pylist()) == [1, 2]


@pytest.mark.parametrize("how", ["busy", "cut"])
def test_pages_are_absent_only_where_s3_says_so(connect: Callable[..., S3Store], faulty: FaultyS3, how: How) -> None:
    patient, impatient = connect(faulty.endpoint_url), connect(faulty.endpoint_url, patience=_IMPATIENT)
    write_pages(Lake(patient), DAYS[0], [b"{}"])
    lake = Lake(impatient)
    lake.log(PAGES)
    faulty.spoil(how, 1000, method="GET", path_part=".parquet")
    with pytest.raises(LakeUnreachable, match="did not answer"):
        bodies(lake, DAYS[0])
    with pytest.raises(LakeUnreachable):
        lake.reach(PAGES, DAYS[0])


@pytest.mark.long
def test_by_default_a_store_waits_at_least_a_minute() -> None:
    assert s3_store_module.PATIENCE_SECONDS >= 60


def test_trouble_that_does_not_pass_ends_in_one_error(connect: Callable[..., S3Store], faulty: FaultyS3) -> None:
    store = connect(faulty.endpoint_url, patience=_IMPATIENT)
    assert store.get("a") is None
    faulty.spoil("busy", 1000)
    for ask in (
        store.get,
        store.size,
        store.delete,
        lambda key: store.put(key, b""),
        lambda key: publish(store, key, b""),
    ):
        with pytest.raises(LakeUnreachable, match=r"did not answer for .*SlowDown|503.*run it again"):
            ask("a")


def test_an_endpoint_that_goes_away_later_is_waited_for(
    connect: Callable[..., S3Store], object_store: ObjectStore
) -> None:
    with in_front_of(object_store.endpoint_url) as faulty:
        store = connect(faulty.endpoint_url, patience=_IMPATIENT)
        store.put("a", b"")
    with pytest.raises(LakeUnreachable, match="did not answer"):
        store.get("a")


# -- faults that last ------------------------------------------------------------------------------------------------


def test_a_bucket_that_does_not_exist_is_named(connect: Callable[..., S3Store], object_store: ObjectStore) -> None:
    lake = Lake(connect(object_store.endpoint_url, bucket="no-such-bucket"))
    uses = _uses(lake)
    assert uses
    for use in uses:
        with pytest.raises(LakeUnreachable, match="'no-such-bucket' does not exist: create it"):
            use()


def test_wrong_credentials_are_named(connect: Callable[..., S3Store], object_store: ObjectStore) -> None:
    lake = Lake(connect(object_store.endpoint_url, secret="wrong"))
    uses = _uses(lake)
    assert uses
    for use in uses:
        with pytest.raises(LakeUnreachable, match=r"refuses the AWS credentials \(HTTP 403\): check them"):
            use()


def test_an_endpoint_where_nobody_listens_is_named_at_once(connect: Callable[..., S3Store]) -> None:
    lake = Lake(connect("http://127.0.0.1:9"))
    uses = _uses(lake)
    assert uses
    for use in uses:
        with pytest.raises(LakeUnreachable, match=r"http://127\.0\.0\.1:9 cannot be reached .*AWS_ENDPOINT_URL_S3"):
            use()


def _uses(lake: Lake) -> list[Callable[[], object]]:
    return [
        lambda: lake.store.get("a"),
        lambda: lake.store.keys(""),
        lambda: lake.has(PLACE, DAYS[0]),
        lambda: lake.write(PLACE, SPEC, things(("a", 1)), DAYS[0], {}),
        lambda: lake.pages(PAGES, DAYS[0]),
    ]


def test_a_bucket_that_is_deleted_later_is_named(connect: Callable[..., S3Store], object_store: ObjectStore) -> None:
    store = connect(object_store.endpoint_url)
    assert store.get("a") is None
    client = store._client
    client.delete_bucket(Bucket=store.bucket)
    with pytest.raises(LakeUnreachable, match="does not exist"):
        store.get("a")


def test_a_store_makes_one_client_however_many_threads_ask_first(s3_client: Any, bucket: str) -> None:
    made, together = [], threading.Barrier(8)

    def client() -> Any:
        made.append(1)
        return s3_client

    store = S3Store(bucket, "lake", client)

    def ask(number: int) -> bytes | None:
        together.wait()
        return store.get(f"{number}")

    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(ask, range(8))) == [None] * 8
    assert len(made) == 1


def test_an_endpoint_that_is_no_url_is_a_lake_that_cannot_be_reached() -> None:
    def client() -> Any:
        return boto3.client("s3", endpoint_url="http://me:key-4711@not a url", region_name="us-east-1")

    with pytest.raises(LakeUnreachable, match="check AWS_ENDPOINT_URL_S3") as error:
        S3Store("bucket", "lake", client).size("x")
    assert "not a url" in str(error.value)
    assert "key-4711" not in str(error.value)

"""The S3 server starts, serves, and leaves no process or file behind, however it ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests

from genesys_assets.sandbox import object_store as module
from genesys_assets.sandbox import swift_settings
from genesys_assets.sandbox.object_store import ObjectStore, ObjectStoreError, running
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.processes import beside

pytestmark = pytest.mark.long


@contextmanager
def client_of(store: ObjectStore) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint_url,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        region_name=store.region,
    )
    try:
        yield client
    finally:
        client.close()


def get(store: ObjectStore, path: str) -> requests.Response:
    return requests.get(f"{store.endpoint_url}/{path}", timeout=PATIENCE_SECONDS)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


# -- serving -----------------------------------------------------------------------------------------


def test_only_a_public_bucket_is_read_without_a_signature(
    object_store: ObjectStore, bucket: str, public_bucket: str
) -> None:
    with client_of(object_store) as client:
        for name in (bucket, public_bucket):
            client.put_object(Bucket=name, Key="a/b=c.txt", Body=b"text")

    assert get(object_store, f"{bucket}/a/b%3Dc.txt").status_code == 401
    assert get(object_store, f"{public_bucket}/a/b%3Dc.txt").text == "text"


def test_nobody_writes_without_a_signature(object_store: ObjectStore, public_bucket: str) -> None:
    answer = requests.put(f"{object_store.endpoint_url}/{public_bucket}/key", data=b"text", timeout=PATIENCE_SECONDS)

    assert answer.status_code == 401


def test_the_environment_points_aws_tools_to_it(
    object_store: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")

    names = [each["Name"] for each in client.list_buckets()["Buckets"]]

    client.close()
    assert bucket in names


def test_the_secret_is_not_shown(object_store: ObjectStore) -> None:
    assert object_store.secret_key not in repr(object_store)


def test_objects_of_a_folder_are_there_at_the_next_start(tmp_path: Path) -> None:
    with running(folder=tmp_path / "s3") as store, client_of(store) as client:
        store.create_bucket("kept")
        client.put_object(Bucket="kept", Key="key", Body=b"text")

    with running(folder=tmp_path / "s3") as store, client_of(store) as client:
        store.create_bucket("kept")
        assert client.get_object(Bucket="kept", Key="key")["Body"].read() == b"text"


# -- ending ------------------------------------------------------------------------------------------


def test_nothing_is_left_when_the_work_on_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = children()

    def work() -> None:
        with running():
            assert len(children() - before) >= len(swift_settings.SERVERS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    assert children() <= before
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_fails_half_way_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = "[app:proxy-server]\nuse = egg:swift#proxy\n"
    broken = f"[pipeline:main]\npipeline = no_such_step proxy-server\n{server}"
    monkeypatch.setattr(swift_settings, "_PROXY", broken)
    before = children()

    with pytest.raises(ObjectStoreError, match=r"proxy process ended while starting: [\s\S]*no_such_step"):
        running(folder=tmp_path).__enter__()

    assert children() <= before


def test_a_port_taken_meanwhile_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_ports = module._hold_ports
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = iter([taken.getsockname()[1]])

        def choose(count: int, servers: ExitStack) -> list[int]:
            ports = hold_ports(count, servers)
            return [next(first, ports[0]), *ports[1:]]

        monkeypatch.setattr(module, "_hold_ports", choose)

        with running() as store:
            assert get(store, "healthcheck").text == "OK"


def test_the_ports_of_a_store_are_given_to_no_other_before_its_servers_listen() -> None:
    with ExitStack() as first, ExitStack() as others:
        held = set(module._hold_ports(4, first))

        assert held.isdisjoint(module._hold_ports(400, others))


@contextmanager
def alone(temporary: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """`python -m genesys_assets.sandbox.object_store`, and all processes it started."""
    command = [sys.executable, "-m", module.__name__, "--bucket", "first", *arguments]
    with beside(command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": f"{temporary}"}) as process:
        started: list[psutil.Process] = []
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(5)]
            started = psutil.Process(process.pid).children(recursive=True)
            assert [line.split("=")[0] for line in lines] == [
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_REGION",
                "AWS_DEFAULT_REGION",
                "AWS_ENDPOINT_URL_S3",
            ]
            yield process, started
        finally:
            process.kill()
            for each in started:
                with suppress(psutil.NoSuchProcess):
                    each.kill()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that do not end."""
    return list(psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_alone_it_ends_with_all_its_processes(number: signal.Signals, tmp_path: Path) -> None:
    with alone(tmp_path, "--folder", f"{tmp_path / 's3'}") as (process, started):
        assert len(started) >= len(swift_settings.SERVERS)
        process.send_signal(number)

        assert process.wait(timeout=PATIENCE_SECONDS) == 0
        assert alive(started) == []


def test_killed_outright_it_takes_its_processes_and_its_temporary_folder_along(tmp_path: Path) -> None:
    with alone(tmp_path) as (process, started):
        assert list(tmp_path.iterdir()) != []
        process.kill()

        assert alive(started) == []
        assert list(tmp_path.iterdir()) == []


def test_killed_outright_it_leaves_the_folder_that_it_was_given(tmp_path: Path) -> None:
    with alone(tmp_path, "--folder", f"{tmp_path / 's3'}") as (process, started):
        process.kill()

        assert alive(started) == []
        assert (tmp_path / "s3" / "devices").is_dir()


# -- what it needs -----------------------------------------------------------------------------------


def test_where_it_is_not_installed_the_make_target_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ObjectStoreError, match=f"no S3 server is installed in {tmp_path}: run `make s3`"):
        running(venv=tmp_path).__enter__()

    monkeypatch.setenv("GENESYS_ASSETS_S3_VENV", str(tmp_path / "other"))
    with pytest.raises(ObjectStoreError, match=f"no S3 server is installed in {tmp_path}/other"):
        running().__enter__()


def test_a_folder_without_extended_attributes_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", unsupported)

    with pytest.raises(ObjectStoreError, match=f"the file system of {tmp_path} keeps no extended attributes"):
        running(folder=tmp_path).__enter__()
    with pytest.raises(ObjectStoreError, match="set TMPDIR to a folder on such a disk"):
        running().__enter__()


def test_another_place_is_found_where_the_temporary_folder_keeps_no_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsuitable, cwd = tmp_path / "memory", tmp_path / "disk"
    unsuitable.mkdir()
    cwd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(unsuitable))
    monkeypatch.chdir(cwd)
    monkeypatch.setattr(module, "_keeps_attributes", lambda folder: folder == cwd)

    assert module._data_folder(None).parent == cwd


def test_a_user_without_a_name_gets_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 987_654_321)

    with pytest.raises(ObjectStoreError, match="cannot run as user 987654321"):
        running(folder=tmp_path).__enter__()

"""A real S3 server on loopback: OpenStack Swift with its S3 API, for the demo and the tests.

It checks signatures, expiry, checksums and access lists as S3 does. Swift is installed in a virtual environment of its
own (`make s3`) and runs as four processes, which end with the process that started them. This module starts and stops
them; `swift_settings` writes their settings.

`python -m genesys_assets.sandbox.object_store` starts one alone and prints the environment that points AWS
tools to it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genesys_assets.sandbox import swift_settings
from genesys_assets.sandbox.processes import Watch, guard
from genesys_assets.sandbox.swift_settings import SERVERS

_ACCOUNT = "sandbox"
_STARTUP_SECONDS = 120.0
_ATTEMPTS = 3
_Process = subprocess.Popen[bytes]


class ObjectStoreError(RuntimeError):
    """The S3 server cannot be started; the message says why and what to do."""


class _PortTaken(ObjectStoreError):
    """Another process took a port between its choice and its use."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running S3 server and the one account that owns its buckets."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"

    def environment(self) -> dict[str, str]:
        """The variables that point every AWS tool to this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
        }

    def create_bucket(self, name: str, public: bool = False) -> None:
        """Creates a bucket, unless it exists. In a public bucket anyone may read any object without a signature."""
        import boto3

        client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
        )
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=name, ACL="public-read" if public else "private")


@contextlib.contextmanager
def running(venv: Path | None = None, folder: Path | None = None) -> Iterator[ObjectStore]:
    """Starts the server, yields it, and stops it whatever happens.

    Objects stay in `folder`, so a later start with the same folder finds them; without one they go to a
    temporary folder and vanish. `venv` is where Swift is installed: by default GENESYS_ASSETS_S3_VENV, else
    `.venv-s3` beside pyproject.toml. Raises ObjectStoreError where Swift or a suitable file system is
    missing, or a server does not come up.
    """
    python = _python(venv)
    home = _data_folder(folder)
    with guard(*([] if folder else [home])) as watch, contextlib.ExitStack() as servers:
        yield _start_on_free_ports(python, home, servers, watch)


def _python(venv: Path | None) -> Path:
    """The Python interpreter for which Swift is installed."""
    checkout = Path(__file__).parents[2]
    folder = (venv or Path(os.environ.get("GENESYS_ASSETS_S3_VENV") or checkout / ".venv-s3")).absolute()
    python = folder / "bin" / "python"
    if not (python.exists() and python.with_name("swift-proxy-server").exists()):
        raise ObjectStoreError(
            f"no S3 server is installed in {folder}: run `make s3`, or set GENESYS_ASSETS_S3_VENV to a "
            "virtual environment in which `pip install swift` was run"
        )
    return python


# -- where objects are kept --------------------------------------------------------------------------


def _data_folder(folder: Path | None) -> Path:
    """The given folder, or a new one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if not _keeps_attributes(folder):
            raise ObjectStoreError(
                f"the file system of {folder} keeps no extended attributes, which hold the S3 server's "
                "metadata: choose a folder on a disk (ext4, xfs or btrfs, on Linux)"
            )
        return folder.absolute()
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()]
    parent = next((candidate for candidate in candidates if _keeps_attributes(candidate)), None)
    if parent is None:
        raise ObjectStoreError(
            "the S3 server needs a file system with extended attributes (ext4, xfs or btrfs, on Linux), and "
            f"there is none at {', '.join(map(str, candidates))}: set TMPDIR to a folder on such a disk"
        )
    return Path(tempfile.mkdtemp(prefix=".object_store_", dir=parent)).absolute()


def _keeps_attributes(folder: Path) -> bool:
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            os.setxattr(file.name, "user.genesys_assets", b"1")
    except (OSError, AttributeError):
        return False
    return True


# -- processes ---------------------------------------------------------------------------------------


def _start_on_free_ports(python: Path, home: Path, servers: contextlib.ExitStack, watch: Watch) -> ObjectStore:
    """Starts the servers. A port that was free a moment ago may be taken by now; then other ports are tried, up to
    three times.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _start(python, home, servers, watch)
        except _PortTaken:
            servers.close()
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("every attempt returns or raises")


def _start(python: Path, home: Path, servers: contextlib.ExitStack, watch: Watch) -> ObjectStore:
    ports = dict(zip(SERVERS, _hold_ports(len(SERVERS), servers), strict=True))
    store = ObjectStore(
        endpoint_url=f"http://127.0.0.1:{ports['proxy']}",
        access_key=f"{_ACCOUNT}:{_ACCOUNT}",
        secret_key=secrets.token_hex(20),
    )
    try:
        settings = swift_settings.write(
            python,
            home,
            ports=ports,
            user=_user(),
            account=_ACCOUNT,
            secret=store.secret_key,
            region=store.region,
        )
    except subprocess.CalledProcessError as error:
        output = error.stderr.strip()[-800:]
        raise ObjectStoreError(f"the S3 server's rings could not be written: {output}") from error
    processes = {server: servers.enter_context(_process(python, settings, server, watch)) for server in SERVERS}
    deadline = time.monotonic() + _STARTUP_SECONDS
    for server, process in processes.items():
        _wait_until_healthy(server, process, ports[server], settings / f"{server}.log", deadline)
    return store


def _user() -> str:
    """The name of the current user, which Swift looks up again when it starts."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise ObjectStoreError(
            f"the S3 server cannot run as user {os.geteuid()}, which has no name on this machine: run it as "
            "a user that /etc/passwd lists"
        ) from None


def _hold_ports(count: int, servers: contextlib.ExitStack) -> list[int]:
    """Ports that nobody else is given while `servers` run.

    Swift shares its ports, so two stores that chose one would both start, and each would get some of the other's
    requests. A socket that is bound, shared too and never listens keeps the system from choosing its port again.
    """
    holders = [servers.enter_context(socket.socket()) for _ in range(count)]
    for holder in holders:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
    return [holder.getsockname()[1] for holder in holders]


@contextlib.contextmanager
def _process(python: Path, settings: Path, server: str, watch: Watch) -> Iterator[_Process]:
    """One server, in a process group of its own: Swift's servers signal their whole group when they end."""
    with (settings / f"{server}.log").open("wb") as log:
        process = subprocess.Popen(
            [python, python.with_name(f"swift-{server}-server"), settings / f"{server}.conf", "--verbose"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(settings)},
            start_new_session=True,
        )
    watch(process.pid)
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: _Process) -> None:
    """Ends a server, if need be by force: it would wait for open connections for ever. Its objects are on the disk."""
    for number, seconds in ((signal.SIGTERM, 1), (signal.SIGKILL, 30)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
            return


def _wait_until_healthy(server: str, process: _Process, port: int, log: Path, deadline: float) -> None:
    while not _healthy(port):
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            output = log.read_text(errors="replace").strip()
            what = "ended while starting" if ended else f"did not answer within {_STARTUP_SECONDS:.0f} s"
            problem = _PortTaken if "Could not bind" in output else ObjectStoreError
            raise problem(f"the S3 server's {server} process {what}: {output[-800:] or 'no reason given'}")
        time.sleep(0.05)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# -- alone -------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="An S3 server on loopback. It runs until it is interrupted.")
    parser.add_argument("--folder", type=Path, help="where objects are kept (default: a temporary folder)")
    parser.add_argument("--bucket", action="append", default=[], help="a bucket to create; may be repeated")
    arguments = parser.parse_args()
    # A process that a script starts in the background ignores interrupts by default.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with running(folder=arguments.folder) as store, contextlib.suppress(KeyboardInterrupt):
            for bucket in arguments.bucket:
                store.create_bucket(bucket)
            for name, value in store.environment().items():
                print(f"{name}={value}", flush=True)
            signal.pause()
    except ObjectStoreError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

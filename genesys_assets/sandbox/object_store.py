"""A real S3 server on loopback: OpenStack Swift with its S3 API, for the demo and the tests.

It checks signatures, expiry, checksums and access lists as S3 does. Swift lives in a virtual environment of its own (`make s3`)
and runs as four processes, which end with the process that started them. What is published to it is `lake.publishing`'s business.

`python -m genesys_assets.sandbox.object_store` starts one alone and prints the environment that points AWS tools to it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import pwd
import secrets
import shutil
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

_ACCOUNT = "sandbox"
_SERVERS = ("account", "container", "object", "proxy")
_STARTUP_SECONDS = 30.0
_ATTEMPTS = 3
_XATTR = "user.genesys_assets"


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

    def client(self) -> Any:
        """A boto3 client of this server."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
        )

    def create_bucket(self, name: str, public: bool = False) -> None:
        """Create a bucket. In a public one anyone may read any object without a signature."""
        self.client().create_bucket(Bucket=name, **({"ACL": "public-read"} if public else {}))


@contextlib.contextmanager
def running(venv: Path | None = None, folder: Path | None = None) -> Iterator[ObjectStore]:
    """Start the server, give it, and stop it whatever happens.

    Objects stay in `folder`, so a later start with the same folder finds them; without one they go to a temporary folder and
    vanish. `venv` is where Swift is installed: by default GENESYS_ASSETS_S3_VENV, else `.venv-s3` beside pyproject.toml.
    Raises ObjectStoreError where Swift or a suitable file system is missing, or a server does not come up.
    """
    python = _python(venv)
    with _data_folder(folder) as home:
        for attempt in range(1, _ATTEMPTS + 1):
            with contextlib.ExitStack() as servers:
                try:
                    store = _start(python, home, servers)
                except _PortTaken:
                    if attempt == _ATTEMPTS:
                        raise
                    continue
                yield store
                return


def _python(venv: Path | None) -> Path:
    """The interpreter Swift is installed for."""
    checkout = Path(__file__).parents[2]
    folder = venv or Path(os.environ.get("GENESYS_ASSETS_S3_VENV") or checkout / ".venv-s3")
    python = folder.absolute() / "bin" / "python"
    if not (python.exists() and python.with_name("swift-proxy-server").exists()):
        raise ObjectStoreError(
            f"no S3 server is installed in {folder}: run `make s3`, or set GENESYS_ASSETS_S3_VENV to a virtual "
            "environment in which `pip install swift` was run"
        )
    return python


# -- where objects are kept ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _data_folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        if not _keeps_attributes(given):
            raise ObjectStoreError(
                f"the file system of {given} keeps no extended attributes, which the S3 server stores its metadata in: "
                "choose a folder on a disk (ext4, xfs or btrfs, on Linux)"
            )
        yield given.absolute()
        return
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()]
    suitable = next((path for path in candidates if _keeps_attributes(path)), None)
    if suitable is None:
        raise ObjectStoreError(
            "the S3 server needs a file system with extended attributes (ext4, xfs or btrfs, on Linux), and there is none at "
            f"{', '.join(map(str, candidates))}: set TMPDIR to a folder on such a disk"
        )
    # Swift may still be finishing a request while its folder is removed.
    with tempfile.TemporaryDirectory(
        prefix=".object_store_", dir=suitable, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder).absolute()


def _keeps_attributes(folder: Path) -> bool:
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            os.setxattr(file.name, _XATTR, b"1")
    except (OSError, AttributeError):
        return False
    return True


# -- configuration ---------------------------------------------------------------------------------------------------------

_SWIFT = """
[swift-hash]
swift_hash_path_prefix = genesys
swift_hash_path_suffix = assets
[storage-policy:0]
name = only
default = yes
"""

_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
bind_timeout = 1
workers = 0
user = {user}
swift_dir = {settings}
devices = {devices}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = WARNING
log_address = {settings}
[filter:healthcheck]
use = egg:swift#healthcheck
"""

_STORAGE = """
[pipeline:main]
pipeline = healthcheck {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

_PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck listing_formats s3api anonymous tempauth bulk slo dlo versioned_writes symlink \
proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:anonymous]
paste.filter_factory = anonymous_reads:filter_factory
account = AUTH_{account}
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{account} = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""

_WRITE_RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, *ports = sys.argv[1:]
for kind, port in zip(("account", "container", "object"), map(int, ports)):
    ring = RingBuilder(4, 1, 1)
    ring.add_dev(dict(id=0, region=1, zone=1, ip="127.0.0.1", port=port, device="d1", weight=1.0,
                      replication_ip="127.0.0.1", replication_port=port, meta=""))
    ring.rebalance(seed="1")
    ring.get_ring().save(folder + "/" + kind + ".ring.gz")
"""


def _configure(python: Path, home: Path, ports: dict[str, int], store: ObjectStore) -> Path:
    """Write rings and settings of all four servers; gives their folder."""
    settings, devices = home / "settings", home / "devices"
    shutil.rmtree(settings, ignore_errors=True)
    settings.mkdir(mode=0o700)
    (devices / "d1").mkdir(parents=True, exist_ok=True)
    values = {
        "settings": settings,
        "devices": devices,
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "region": store.region,
        "account": _ACCOUNT,
        "secret": store.secret_key,
    }
    (settings / "swift.conf").write_text(_SWIFT)
    for kind in _SERVERS:
        template = _COMMON + (_PROXY if kind == "proxy" else _STORAGE)
        (settings / f"{kind}.conf").write_text(template.format(kind=kind, port=ports[kind], **values))
    shutil.copy(Path(__file__).with_name("anonymous_reads.py"), settings)
    arguments = [str(ports[kind]) for kind in _SERVERS if kind != "proxy"]
    done = subprocess.run(
        [python, "-c", _WRITE_RINGS, settings, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ObjectStoreError(f"the S3 server's rings could not be written: {done.stderr.strip()[-500:]}")
    return settings


# -- processes -------------------------------------------------------------------------------------------------------------


def _start(python: Path, home: Path, servers: contextlib.ExitStack) -> ObjectStore:
    ports = dict(zip(_SERVERS, _free_ports(len(_SERVERS)), strict=True))
    store = ObjectStore(
        endpoint_url=f"http://127.0.0.1:{ports['proxy']}",
        access_key=f"{_ACCOUNT}:{_ACCOUNT}",
        secret_key=secrets.token_hex(20),
    )
    settings = _configure(python, home, ports, store)
    processes = {kind: servers.enter_context(_server(python, settings, kind)) for kind in _SERVERS}
    servers.enter_context(_ending_with_this_process([process.pid for process in processes.values()]))
    deadline = time.monotonic() + _STARTUP_SECONDS
    for kind, process in processes.items():
        _wait_until_healthy(kind, process, ports[kind], settings / f"{kind}.log", deadline)
    return store


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def _server(python: Path, settings: Path, kind: str) -> Iterator[subprocess.Popen[bytes]]:
    """One server in a process group of its own: Swift's servers signal their whole group when they end."""
    with (settings / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen(
            [python, python.with_name(f"swift-{kind}-server"), settings / f"{kind}.conf", "--verbose"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(settings)},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            return


@contextlib.contextmanager
def _ending_with_this_process(pids: list[int]) -> Iterator[None]:
    """Even when this process is killed and can tidy nothing: a shell waits for its pipe to close, then ends the servers."""
    command = 'cat >/dev/null; kill -KILL "$@"'
    groups = [f"-{pid}" for pid in pids]
    guard = subprocess.Popen(
        ["/bin/sh", "-c", command, "sh", "--", *groups],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        # The guard goes first, so that it never signals a number that another process has come to bear.
        os.killpg(guard.pid, signal.SIGKILL)
        guard.wait()
        if guard.stdin:
            guard.stdin.close()


def _wait_until_healthy(
    kind: str, process: subprocess.Popen[bytes], port: int, log: Path, deadline: float
) -> None:
    while not _healthy(port):
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            said = log.read_text(errors="replace")
            what = "ended while starting" if ended else f"did not answer within {_STARTUP_SECONDS:.0f} s"
            problem = _PortTaken if "Could not bind" in said else ObjectStoreError
            raise problem(
                f"the S3 server's {kind} process {what}: {said.strip()[-800:] or 'it said nothing'}"
            )
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


# -- alone -----------------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="An S3 server on loopback. It runs until it is interrupted.")
    parser.add_argument("--folder", type=Path, help="where objects are kept (default: a temporary folder)")
    parser.add_argument("--bucket", action="append", default=[], help="a bucket to create; may be repeated")
    arguments = parser.parse_args()
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

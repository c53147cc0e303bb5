"""PostgreSQL and Redis on loopback, as Debian installs them. Their data folders are removed when they end."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from genesys_assets.sandbox.processes import guard

_POSTGRES_USER = "postgres"
_STARTUP_SECONDS = 60.0


class NotInstalled(RuntimeError):
    """A server is missing on this machine; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Database:
    """A running PostgreSQL: the environment variables that deploy/celery/dagster.yaml needs for it, and its port."""

    settings: dict[str, str]
    port: int

    def ask(self, query: str) -> list[str]:
        """The rows that an SQL query gives, each as a line of text."""
        settings = self.settings
        names = {"HOST": "HOST", "USER": "USER", "PASSWORD": "PASSWORD", "DB": "DATABASE"}
        environment = {f"PG{theirs}": settings[f"DAGSTER_POSTGRES_{ours}"] for ours, theirs in names.items()}
        command = [f"{postgres_binaries() / 'psql'}", "--no-psqlrc", "--tuples-only", "--no-align", "-c", query]
        answer = subprocess.run(
            command, env={**environment, "PGPORT": f"{self.port}"}, capture_output=True, text=True, check=True
        )
        return answer.stdout.splitlines()


def postgres_binaries() -> Path:
    """The folder of initdb and postgres: Debian has one per version, which is not in PATH. Raises NotInstalled."""
    initdbs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not initdbs:
        raise NotInstalled("PostgreSQL is not installed: apt-get install postgresql")
    return initdbs[-1].parent


def redis_binary() -> Path:
    """The program redis-server. Raises NotInstalled."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise NotInstalled("Redis is not installed: apt-get install redis-server")
    return Path(binary)


@contextmanager
def postgres() -> Iterator[Database]:
    """A PostgreSQL with an empty database, until the block ends.

    PostgreSQL refuses to run as root, so root runs it as the user that Debian's package creates.
    """
    binaries, secret = postgres_binaries(), secrets.token_hex(16)
    user = _POSTGRES_USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="genesys_assets_postgres_", dir="/tmp"))
    with guard(folder) as watch:
        (folder / "secret").write_text(secret)
        if user:
            for each in (folder, folder / "secret"):
                shutil.chown(each, user, user)
        data, port = folder / "data", free_port()
        subprocess.run(
            [
                *(f"{binaries / 'initdb'}", "--no-sync", "-D", f"{data}", "-U", "dagster"),
                *("--auth=scram-sha-256", f"--pwfile={folder / 'secret'}"),
            ],
            cwd=folder,
            user=user,
            group=user,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(f"{binaries / 'postgres'}", "-D", f"{data}", "-p", f"{port}", "-c", "listen_addresses=127.0.0.1"),
                    *("-c", f"unix_socket_directories={folder}", "-c", "fsync=off"),
                ],
                cwd=folder,
                user=user,
                group=user,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        watch(server.pid)
        try:
            is_ready = [f"{binaries / 'pg_isready'}", "--quiet", "-h", "127.0.0.1", "-p", f"{port}"]
            _wait(server, lambda: subprocess.run(is_ready, check=False).returncode == 0, folder / "log")
            yield Database(
                {
                    "DAGSTER_POSTGRES_HOST": "127.0.0.1",
                    "DAGSTER_POSTGRES_USER": "dagster",
                    "DAGSTER_POSTGRES_PASSWORD": secret,
                    "DAGSTER_POSTGRES_DB": "postgres",
                },
                port,
            )
        finally:
            # SIGQUIT ends all connections at once and writes nothing more: the folder is removed anyway.
            _end(server, signal.SIGQUIT)


@contextmanager
def redis() -> Iterator[str]:
    """A Redis that stores nothing on disk, until the block ends; yields its URL."""
    binary, port, secret = redis_binary(), free_port(), secrets.token_hex(16)
    folder = Path(tempfile.mkdtemp(prefix="genesys_assets_redis_"))
    with guard(folder) as watch:
        settings = folder / "redis.conf"
        settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {secret}\nsave ""\ndir {folder}\n')
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([binary, settings], stdout=log, stderr=log, start_new_session=True)
        watch(server.pid)
        try:
            _wait(server, lambda: listens(port), folder / "log")
            yield f"redis://:{secret}@127.0.0.1:{port}/0"
        finally:
            _end(server, signal.SIGTERM)


def free_port() -> int:
    """A port of this machine that no process uses now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def listens(port: int) -> bool:
    """Whether a server of this machine accepts connections at a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait(server: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not is_ready():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"A server did not start: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.05)


def _end(server: subprocess.Popen[bytes], request: signal.Signals) -> None:
    server.send_signal(request)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()

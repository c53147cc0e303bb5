"""The sandbox in a process of its own, so that what is measured shares neither its interpreter nor its CPU time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.peers import ROOT


@contextmanager
def sandbox(*, conversations_per_day: int, requests_per_minute: int | None) -> Iterator[dict[str, str]]:
    """The settings that point the package, or another program, at a running sandbox. A limit of None means no limit."""
    command = [sys.executable, "-m", "genesys_assets.sandbox"]
    command += ["--conversations-per-day", str(conversations_per_day)]
    command += ["--requests-per-minute", str(requests_per_minute or 0)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield _settings(process.stdout)
        finally:
            process.terminate()


def _settings(lines: Iterator[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        exported = re.match(r"export (\w+)=(\S+)", line)
        if exported:
            found[exported[1]] = exported[2]
        elif found:
            return found
    raise SystemExit("The sandbox ended before it said where it is.")

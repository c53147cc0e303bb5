"""No answer takes more than 300 MB of memory. The kernel measures it, in a separate process for each answer."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genesys_assets.cloud.http import limits
from genesys_assets_tests.faults import only_in_make_faults
from genesys_assets_tests.faults.answers.host import Chunks, RequestHead, hosts, http
from genesys_assets_tests.faults.answers.http_cases import chunk, head
from genesys_assets_tests.faults.answers.questions import THINGS
from genesys_assets_tests.patience import PATIENCE_SECONDS

MOST_MB = 300
_ASK = f"""
import pathlib, sys
from genesys_assets.cloud.errors import GenesysCloudError
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))

with GenesysCloud(Hosts(sys.argv[1], sys.argv[1]), "id", "secret", sleep=lambda seconds: None) as cloud:
    try:
        cloud.get("/idle")
    except GenesysCloudError:
        idle = peak()
    try:
        size = len(cloud.get({THINGS!r}).body)
        ended = "right"
    except GenesysCloudError as error:
        ended = type(error).__name__
    print(ended, peak() - idle)
"""
_LIMIT = limits.MOST_UNPACKED


def _filled(unit: bytes) -> bytes:
    """Repeat it until it has as many values and bytes as one answer may hold."""
    values = sum(unit.count(mark) for mark in (b",", b"{", b"["))
    return unit * min((_LIMIT - 100) // len(unit), (limits.MOST_VALUES - 10) // values)


def _different() -> bytes:
    names = (f'"{number:x}":{number + 1000},' for number in range(min(_LIMIT // 16, limits.MOST_VALUES - 5)))
    return "".join(names).encode()[: _LIMIT - 100].rpartition(b",")[0] + b","


def _endless() -> Chunks:
    yield head("Transfer-Encoding: chunked")
    for _ in range(500):
        yield chunk(b" " * limits.MIB)


ANSWERS: dict[str, tuple[Callable[[], Chunks], str]] = {
    "500 MB": (_endless, "AnswerTooLarge"),
    "a gigabyte packed": (
        lambda: [http(gzip.compress(b" " * (1 << 30), 1), 200, "Content-Encoding: gzip")],
        "AnswerTooLarge",
    ),
    "500 MB of an error": (lambda: [b"HTTP/1.1 500 X\r\n\r\n", *[b"x" * limits.MIB] * 500], "ServerTrouble"),
    "the longest text": (lambda: [http(b'{"a": "%s"}' % (b"x" * (_LIMIT - 100)))], "right"),
    "the longest text of wide letters": (
        lambda: [http(b'{"a": "%s"}' % ("😀".encode() + b"x" * (_LIMIT - 100)))],
        "right",
    ),
    "as many objects as may be": (lambda: [http(b'{"a": [%s{}]}' % _filled(b"{},"))], "right"),
    "as many lists as may be": (lambda: [http(b'{"a": [%s{}]}' % _filled(b"[],"))], "right"),
    "as many numbers as may be": (lambda: [http(b'{"a": [%s0]}' % _filled(b"1.5,"))], "right"),
    "as many objects of one name": (lambda: [http(b'{"a": [%s{}]}' % _filled(b'{"b":1},'))], "right"),
    "as many names as may be": (lambda: [http(b'{%s"a": 1}' % _different())], "right"),
    "more objects than may be": (lambda: [http(b'{"a": [%s{}]}' % (b"{}," * (_LIMIT // 4)))], "AnswerTooLarge"),
}


MOST_MB_OF_ALL = 550
"""Of what all threads read ahead, and of the one answer that is waited for, as Python objects. What glibc keeps for
each thread after it was freed comes on top, unless MALLOC_ARENA_MAX says for how many.
"""
_ASK_AT_ONCE = _ASK.replace(
    f"size = len(cloud.get({THINGS!r}).body)",
    f"size = sum(len(page.body) for page in cloud.map_in_order(lambda _: cloud.get({THINGS!r}), range(32)))",
)
AT_ONCE = (
    "the longest text",
    "as many objects as may be",
    "as many objects of one name",
    "the longest text of wide letters",
)


@only_in_make_faults
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell the peak")
@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_takes_more_memory_than_is_allowed(name: str) -> None:
    assert _peak(name, _ASK) <= MOST_MB


@only_in_make_faults
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell the peak")
@pytest.mark.parametrize("name", AT_ONCE)
def test_sixteen_threads_that_each_get_the_largest_answer_share_one_limit(name: str) -> None:
    assert _peak(name, _ASK_AT_ONCE) <= MOST_MB_OF_ALL


def _peak(name: str, script: str) -> int:
    """How many MB more than an idle process a process takes that reads the answer of this name."""
    make, expected = ANSWERS[name]

    def reply(_: RequestHead) -> Chunks:
        yield from make()

    with hosts() as (host, _):
        host.replies[THINGS] = reply
        done = subprocess.run(
            [sys.executable, "-c", script, f"http://{host.address}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            env=os.environ | {"MALLOC_ARENA_MAX": "2"},
        )
    assert done.returncode == 0, done.stderr
    ended, megabytes = done.stdout.split()
    print(json.dumps({"answer": name, "ended": ended, "MB": int(megabytes)}))
    assert ended == expected
    return int(megabytes)

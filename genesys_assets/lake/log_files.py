"""Names of the files of a table's log: a JSON file for each commit, and checkpoints, which sum up all commits before
them. `delta_state` reads these files, `delta` adds to them, `log_mirror` mirrors them from S3, `housekeeping` removes
those no longer needed.
Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#delta-log-entries
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LOG = "_delta_log"
"""The folder of the log below its table."""
LAST_CHECKPOINT = "_last_checkpoint"
SIDECARS = "_sidecars/"
NO_VERSION = -1
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.(?:\d{10}\.(\d{10})\.)?(?:[0-9a-f-]{36}\.)?(?:parquet|json)")
_UNFINISHED = re.compile(r".*(#\d+|\.tmp)")


def commit_name(version: int) -> str:
    return f"{version:020d}.json"


def version_of(name: str) -> int:
    """The version that the name of a file of the log begins with; NO_VERSION for other names."""
    return int(name[:20]) if name[:20].isdigit() else NO_VERSION


def commits(names: Iterable[str]) -> list[int]:
    """The versions of the commits among the names, in order."""
    return sorted(int(match[1]) for name in names if (match := _COMMIT.fullmatch(name)))


def checkpoints(names: Iterable[str]) -> list[int]:
    """The versions that have a checkpoint with all its parts, in order."""
    parts: dict[int, list[int]] = {}
    for name in names:
        if match := _CHECKPOINT.fullmatch(name):
            parts.setdefault(int(match[1]), []).append(int(match[2] or 1))
    return sorted(version for version, wanted in parts.items() if len(wanted) >= min(wanted))


def is_commit(name: str) -> bool:
    return _COMMIT.fullmatch(name) is not None


def is_checkpoint(name: str) -> bool:
    return _CHECKPOINT.fullmatch(name) is not None


def is_checkpoint_of(name: str, version: int) -> bool:
    return is_checkpoint(name) and version_of(name) == version


def is_unfinished(name: str) -> bool:
    """Whether the file is a leftover of a killed process: delta-rs and we write a file, then rename or link it."""
    return _UNFINISHED.fullmatch(name) is not None

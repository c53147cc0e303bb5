"""Reads the body of an answer of S3, and no more of it than it may have."""

from __future__ import annotations

from typing import Any

LARGEST = 256 << 20
"""Bytes of a file that is read whole though no listing said its size: logs and manifests are far smaller."""


def read_at_most(body: Any, size: int) -> bytes:
    """The whole body, or its first `size` + 1 bytes where it is longer. Of a whole one, length and checksum are right:
    boto3 compares them when nothing is left to read.
    """
    parts, left = [], size + 1
    while left > 0 and (part := body.read(left)):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        body.close()
    return b"".join(parts)

"""Reads the body of an S3 response, up to a limit."""

from __future__ import annotations

from typing import Any

LARGEST = 256 << 20
"""The most bytes of a file that is read whole although no listing gave its size: logs and manifests are far smaller."""


def read_at_most(body: Any, size: int) -> bytes:
    """The whole body if it has at most `size` bytes, otherwise its first `size` + 1 bytes. Length and checksum of a
    whole body are verified, because boto3 compares them once nothing is left to read.
    """
    parts, remaining = [], size + 1
    while remaining > 0 and (part := body.read(remaining)):
        parts.append(part)
        remaining -= len(part)
    if remaining <= 0:
        body.close()
    return b"".join(parts)

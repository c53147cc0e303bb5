"""Keeps secrets out of the debug logs of libraries that log what they send and receive."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

URLS = ("urllib3.connectionpool",)
"""Loggers that write each requested URL."""

SIGNATURES = ("botocore.auth", *URLS)
"""Loggers that also write what is signed, with the signature."""

CONTENTS = ("botocore.parsers", *SIGNATURES)
"""Loggers that also write the bodies of answers."""


@contextlib.contextmanager
def unlogged(names: tuple[str, ...]) -> Iterator[None]:
    """Within the block, drops everything that the loggers of these names log at DEBUG."""

    def is_serious(record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG

    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(is_serious)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_serious)

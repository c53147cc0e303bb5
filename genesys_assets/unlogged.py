"""Keeps secrets out of the debug logs of libraries, which write down what they send."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

URLS = ("urllib3.connectionpool",)
"""Logs each URL that is asked for."""

SIGNATURES = ("botocore.auth", *URLS)
"""And what is signed, with the signature."""

CONTENTS = ("botocore.parsers", *SIGNATURES)
"""And the bodies of answers."""


@contextlib.contextmanager
def unlogged(names: tuple[str, ...]) -> Iterator[None]:
    """Drops what those loggers log at DEBUG meanwhile."""

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

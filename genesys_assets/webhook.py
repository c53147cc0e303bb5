"""Posts a JSON message to a webhook. Its URL is a secret: anybody who knows it can post there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from genesys_assets.unlogged import URLS, unlogged

_SECONDS = 10
_LONGEST_SECONDS = 15.0
"""The time limit for the whole answer. A sensor's tick may take a minute; an answer that arrives byte by byte would use
it up.
"""


class NotDelivered(Exception):
    """The webhook did not accept the message. The error names its host only."""


def post(url: str, message: Mapping[str, Any], setting: str) -> None:
    """Posts the message once. `setting` is the name of the setting that holds the URL. Raises NotDelivered."""
    from genesys_assets.cloud.errors import GenesysCloudError
    from genesys_assets.cloud.http.exchange import exchange, session

    try:
        with session(1) as http, unlogged(URLS):
            answer = exchange(
                http,
                "POST",
                url,
                what="A message",
                timeout=(_SECONDS, _SECONDS),
                longest=_LONGEST_SECONDS,
                json=message,
                # Without an `auth` of its own, requests would add credentials found in a .netrc.
                auth=lambda request: request,
            )
    except GenesysCloudError as error:
        # The error's own text contains the whole URL.
        problem = f"cannot be reached ({type(error).__name__})"
    else:
        if answer.is_good:
            return
        problem = f"answered {answer.status}"
    raise NotDelivered(f"The host {urlsplit(url).hostname} of {setting} {problem}.")

"""Posting a JSON message to a webhook of the settings. Its URL is a secret: whoever knows it can post there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 10


class NotDelivered(Exception):
    """The webhook did not take the message. The error names its host only."""


def post(url: str, message: Mapping[str, Any], setting: str) -> None:
    """Post once; `setting` is the variable that holds the URL. Raises NotDelivered."""
    import requests

    try:
        answer = requests.post(url, json=message, timeout=_SECONDS)
    except requests.RequestException as error:
        # What requests says of an error holds the whole URL.
        problem = f"cannot be reached ({type(error).__name__})"
    else:
        if answer.ok:
            return
        problem = f"answered {answer.status_code}"
    raise NotDelivered(f"The host {urlsplit(url).hostname} of {setting} {problem}.")

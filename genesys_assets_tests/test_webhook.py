"""Posting to a webhook: once, and never showing its URL."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from genesys_assets import webhook
from genesys_assets.webhook import NotDelivered, post
from genesys_assets_tests.ports import refusing_port
from genesys_assets_tests.webhooks import SECRET, listening


def test_a_message_is_posted_as_json() -> None:
    with listening() as hook:
        post(hook.url, {"text": "é"}, "A_SETTING")
    assert hook.posted == [(f"/{SECRET}", "application/json", {"text": "é"})]


def test_a_webhook_that_refuses_is_named_without_its_secret() -> None:
    with listening(410) as hook, pytest.raises(NotDelivered) as problem:
        post(hook.url, {}, "A_SETTING")
    assert str(problem.value) == "The host 127.0.0.1 of A_SETTING answered 410."
    assert len(hook.posted) == 1


def test_a_webhook_that_is_down_is_named_without_its_secret() -> None:
    with refusing_port() as port, pytest.raises(NotDelivered) as problem:
        post(f"http://127.0.0.1:{port}/{SECRET}", {}, "A_SETTING")
    assert str(problem.value) == "The host 127.0.0.1 of A_SETTING cannot be reached (Unreachable)."


def test_a_webhook_that_answers_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_LONGEST_SECONDS", 0.3, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_slowly() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\n\r\n":
                    time.sleep(0.1)
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=answer_slowly)
        thread.start()
        with pytest.raises(NotDelivered, match=r"of A_SETTING cannot be reached \(Unreachable\)"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}", {}, "A_SETTING")
        thread.join()

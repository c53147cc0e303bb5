"""Secrets in AWS Secrets Manager. A server that implements GetSecretValue plays its part."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genesys_assets import secrets_manager
from genesys_assets.privacy.protection import Protection
from genesys_assets.secrets_manager import SecretNotRead, value_in
from genesys_assets.settings import AlertSettings, CloudSettings, SettingError
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.faults import EVERY_CASE

HASHES = "held-key-0123456789-0123456789-0123456789"
OF_PERSONS = {"client_secret": "held-secret-4711", "personal_data_key": HASHES}
HELD = {"prod/genesys": json.dumps(OF_PERSONS), "plain": "held-plain-4711", "binary": None}
CLIENT = {"GENESYS_CLOUD_REGION": "us_east_1", "GENESYS_CLOUD_CLIENT_ID": "C1"}


@contextmanager
def server_of(held: dict[str, Any]) -> Iterator[dict[str, str]]:
    """A Secrets Manager on loopback that holds these secrets; yields the environment that leads to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["SecretId"]
            is_asked_right = self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
            if name in held and is_asked_right:
                status, body = 200, {"Name": name, **({"SecretString": held[name]} if held[name] else {})}
            else:
                status, body = 400, {"__type": "ResourceNotFoundException", "Message": "no such secret"}
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{server.server_port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AK",
            "AWS_SECRET_ACCESS_KEY": "SK",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    with server_of(HELD) as settings:
        yield settings


@pytest.mark.parametrize(
    ("setting", "secret"),
    [
        ("secretsmanager:prod/genesys#client_secret", "held-secret-4711"),
        ("secretsmanager:plain", "held-plain-4711"),
        ("not:secretsmanager:plain", "not:secretsmanager:plain"),
    ],
)
def test_a_secret_is_read_from_where_the_setting_says(
    aws: dict[str, str], setting: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with environment({**aws, **CLIENT, "GENESYS_CLOUD_CLIENT_SECRET": setting}):
        assert CloudSettings.load().secret == secret
        assert secret == setting or secret not in f"{CloudSettings.load()!r}"
    assert "held-" not in caplog.text


def test_personal_data_are_hashed_with_the_key_that_is_held_there_never_with_its_name(aws: dict[str, str]) -> None:
    def hashed(key: str) -> str:
        of = {"GENESYS_ASSETS_PERSONAL_DATA": "hash", "GENESYS_ASSETS_PERSONAL_DATA_KEY": key}
        with environment({**aws, **of}):
            return Protection.from_settings().hashed("Ada")

    assert hashed("secretsmanager:prod/genesys#personal_data_key") == hashed(HASHES)
    with pytest.raises(SettingError, match="it has 15 characters and needs 32 or more"):
        hashed("secretsmanager:plain")


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("secretsmanager:", "names no secret of AWS Secrets Manager"),
        (
            "secretsmanager:nowhere",
            r"'nowhere' of AWS Secrets Manager, but that secret cannot be read \(ResourceNotFoundException",
        ),
        ("secretsmanager:binary", "holds no text"),
        ("secretsmanager:plain#key", "no JSON object with a text under 'key'"),
        ("secretsmanager:prod/genesys#other", "no JSON object with a text under 'other'"),
    ],
)
def test_a_secret_that_cannot_be_read_is_named_and_not_shown(aws: dict[str, str], setting: str, problem: str) -> None:
    settings = {**aws, **CLIENT, "GENESYS_CLOUD_CLIENT_SECRET": setting}
    with environment(settings), pytest.raises(SettingError, match=problem) as refused:
        _ = CloudSettings.load().secret
    assert str(refused.value).startswith("GENESYS_CLOUD_CLIENT_SECRET names ")
    assert "held-" not in str(refused.value)


HELD_TEXTS = st.text(st.characters(), min_size=1)
OTHERS = st.none() | st.integers() | st.lists(HELD_TEXTS)
OBJECTS = st.dictionaries(st.text(max_size=3), HELD_TEXTS | OTHERS, max_size=4)
REFUSAL = "SETTING names a secret, but that secret is no JSON object with a text under "


def value_or_refusal(secret: str, key: str) -> str | SecretNotRead:
    try:
        return value_in(secret, key, "SETTING names a secret")
    except SecretNotRead as refusal:
        return refusal


@settings(max_examples=500 if EVERY_CASE else 40)
@given(st.text() | OBJECTS.map(json.dumps), st.text(min_size=1, max_size=3))
@example("[" * 100_000, "key")
@example('{"key": ' + "9" * 5_000 + "}", "key")
@example('{"key": "held\\ud83d"}', "key")
@example('{"key": ""}', "key")
@example('["key"]', "key")
def test_whatever_a_secret_holds_its_value_can_be_sent_or_it_is_refused_unseen(secret: str, key: str) -> None:
    found = value_or_refusal(secret, key)
    if isinstance(found, SecretNotRead):
        assert str(found).startswith(f"{REFUSAL}{key!r}. ")
        assert found.__context__ is None
    else:
        assert found.encode()
        assert json.loads(secret)[key] == found


def test_a_webhook_is_read_too_and_must_be_a_url(aws: dict[str, str]) -> None:
    settings = {**aws, "GENESYS_ASSETS_ALERT_WEBHOOK": "secretsmanager:plain"}
    problem = "does not hold the URL of a webhook"
    with environment(settings), pytest.raises(SettingError, match=problem) as refused:
        _ = AlertSettings.load().url
    assert "held-" not in str(refused.value)


def test_without_such_a_setting_nothing_of_aws_is_loaded() -> None:
    code = (
        "import sys\n"
        "from genesys_assets.settings import CloudSettings\n"
        "settings = CloudSettings.load(region='us_east_1', client_id='c', client_secret='s')\n"
        "assert settings.secret == 's'\n"
        "print([name for name in sys.modules if name.startswith(('boto', 'dagster_aws'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_secrets_manager_that_never_answers_holds_nobody_up_for_long(
    aws: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_manager, "_SECONDS", 0.1)
    connections = []

    def accept(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connections.append(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept, args=(listening,))
        accepting.start()
        silent = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{listening.getsockname()[1]}"}
        settings = {**aws, **silent, **CLIENT, "GENESYS_CLOUD_CLIENT_SECRET": "secretsmanager:plain"}
        with environment(settings), pytest.raises(SettingError, match="cannot be read \\(ReadTimeoutError"):
            _ = CloudSettings.load().secret
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for connection in connections:
        connection.close()
    assert len(connections) == 3


def test_an_endpoint_that_is_no_url_is_a_secret_that_cannot_be_read(aws: dict[str, str]) -> None:
    settings = {**aws, "AWS_ENDPOINT_URL_SECRETS_MANAGER": "no url", **CLIENT}
    settings["GENESYS_CLOUD_CLIENT_SECRET"] = "secretsmanager:plain"
    with environment(settings), pytest.raises(SettingError, match="cannot be read"):
        _ = CloudSettings.load().secret

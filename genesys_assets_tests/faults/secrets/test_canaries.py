"""Secrets go through a whole day and through everything that can fail in it; afterwards they appear nowhere."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.cloud.http import retry
from genesys_assets.definitions import build_definitions
from genesys_assets.resources import GenesysCloudResource
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.sandbox.server import running
from genesys_assets_tests.assets.world import World, environment, events, hours
from genesys_assets_tests.automation.test_alerts import Watch
from genesys_assets_tests.conftest import NOW
from genesys_assets_tests.faults import only_in_make_faults
from genesys_assets_tests.faults.answers.host import Chunks, RequestHead, hosts, http
from genesys_assets_tests.faults.secrets.canaries import found, texts_below, texts_of
from genesys_assets_tests.faults.secrets.test_secrets_manager import server_of
from genesys_assets_tests.ports import refusing_port
from genesys_assets_tests.webhooks import SECRET as WEBHOOK
from genesys_assets_tests.webhooks import listening

DAY = "2026-01-28"
HOUR = f"{DAY}-10:00"
GIVEN = "canary-given-as-text-7f3a91"
WRONG = "canary-wrong-secret-52cc08"
PASSWORD = "canary-password-in-a-url-e1b7"
WRONG_KEY = "canary-wrong-key-of-s3-9d40"
HELD = "canary-held-by-aws-31fe"
ECHOED = "canary-token-that-is-echoed-66a2-0000"
ALERTS = "canary-webhook-of-alerts-08d5"
HASHES = "canary-key-of-hashes-4b17-0123456789-0123456789"
SHORT_KEY = "canary-short-key-a2f6"


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """The output of all loggers, at DEBUG."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(exc_text)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def echoing(asked: RequestHead) -> Chunks:
    """Repeats the head of the request: as an error, then as an answer."""
    yield http({"message": asked.head, "code": asked.head, "seen": asked.head}, 400 if asked.number % 2 else 200)


def objects(client: Any, bucket: str) -> Iterator[tuple[str, bytes]]:
    for each in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        body = client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        yield from texts_of(f"s3 {each['Key']}", body)


def with_resource(world: World, resource: GenesysCloudResource) -> World:
    with environment({"GENESYS_ASSETS_START_DATE": DAY}):
        return replace(world, definitions=build_definitions(resources={"genesys_cloud": resource}))


@only_in_make_faults
def test_secrets_go_through_good_and_bad_paths_and_appear_nowhere(
    tmp_path: Path, object_store: ObjectStore, s3_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_BACKOFF", 0.0)
    object_store.create_bucket("canaries")
    home = tmp_path / "home"
    home.mkdir()
    said_of_alerts: list[str] = []
    with (
        everything_logged() as log,
        running(seed=8, conversations_per_day=20, now=NOW, requests_per_minute=None) as sandbox,
        dg.DagsterInstance.local_temp(str(home)) as instance,
        listening(410) as refusing,
        listening() as hook,
        hosts() as (echo, elsewhere),
        server_of({"genesys": HELD}) as aws,
        refusing_port() as nobody,
        environment({"GENESYS_ASSETS_START_DATE": DAY}),
    ):
        publishing = {"GENESYS_ASSETS_PUBLISH_URL": "s3://canaries/published", **object_store.environment()}
        world = World(sandbox, tmp_path / "lake", build_definitions(), publishing, instance)

        watch = Watch(world.definitions, instance)

        # Paths that succeed.
        told = {**publishing, "GENESYS_ASSETS_PUBLISH_WEBHOOK": hook.url}
        assert world.run("hourly", between=hours(DAY)).success
        assert replace(world, settings=told).run("daily", partition=DAY).success
        assert hook.posted
        hashing = {"GENESYS_ASSETS_PERSONAL_DATA": "hash", "GENESYS_ASSETS_PERSONAL_DATA_KEY": HASHES}
        hashed = replace(world, folder=tmp_path / "hashed", settings={**publishing, **hashing})
        assert hashed.run("hourly", partition=HOUR).success

        # Paths that fail.
        def fails(**settings: str) -> None:
            bad = replace(world, settings={**publishing, **settings})
            assert not bad.run("hourly", "pages/hourly_details", partition=HOUR).success

        def publishes(success: bool, **settings: str) -> None:
            bad = replace(world, settings={**publishing, **settings})
            assert bad.run("daily", "published/reports", partition=DAY).success is success

        fails(GENESYS_CLOUD_CLIENT_SECRET=WRONG)
        fails(GENESYS_ASSETS_PERSONAL_DATA="hash", GENESYS_ASSETS_PERSONAL_DATA_KEY=SHORT_KEY)
        fails(GENESYS_CLOUD_API_URL=f"https://user:{PASSWORD}@api.example.com")
        fails(GENESYS_CLOUD_LOGIN_URL=f"http://user:{PASSWORD}@127.0.0.1:{nobody}")
        fails(GENESYS_CLOUD_API_URL=f"http://127.0.0.1:{nobody}")
        fails(GENESYS_ASSETS_LAKE=f"s3://user:{PASSWORD}@bucket/lake")
        fails(GENESYS_CLOUD_CLIENT_SECRET="secretsmanager:genesys", **aws)
        fails(GENESYS_CLOUD_CLIENT_SECRET="secretsmanager:nothing", **aws)
        publishes(False, AWS_SECRET_ACCESS_KEY=WRONG_KEY)
        publishes(False, AWS_ENDPOINT_URL_S3=f"http://user:{PASSWORD}@127.0.0.1:{nobody}")
        publishes(True, GENESYS_ASSETS_PUBLISH_WEBHOOK=refusing.url)
        publishes(True, GENESYS_ASSETS_PUBLISH_WEBHOOK=f"http://127.0.0.1:{nobody}/{WEBHOOK}")
        for path in ("/api/v2/analytics/conversations/details/query", "/api/v2/routing/queues"):
            echo.replies[path] = echoing
        echo.replies["/oauth/token"] = lambda asked: [
            http({"access_token": ECHOED, "expires_in": 600} if asked.number % 3 else {"error": asked.head}, 200)
        ]
        for _ in range(3):
            at = f"http://{echo.address}"
            fails(GENESYS_CLOUD_API_URL=at, GENESYS_CLOUD_LOGIN_URL=at)

        # Alerts to a webhook that accepts them, to one that refuses them, and to one that is down.
        alerted = len(hook.posted)
        for url in (hook.url, refusing.url, f"http://127.0.0.1:{nobody}/{WEBHOOK}"):
            with environment({"GENESYS_ASSETS_ALERT_WEBHOOK": url.replace(WEBHOOK, ALERTS)}):
                said_of_alerts.append(str(watch.tick()))
            fails(GENESYS_CLOUD_CLIENT_SECRET=WRONG)
        assert len(hook.posted) > alerted

        # Secrets that are given as text.
        resource = GenesysCloudResource(
            api_url=sandbox.url, login_url=sandbox.url, client_id="nobody", client_secret=GIVEN
        )
        assert GIVEN not in repr(resource) + str(resource) + str(vars(resource))
        run = with_resource(world, resource).run("hourly", "pages/hourly_details", partition=HOUR)
        assert "does not know the OAuth client 'nobody'" in events(instance, run)

        assert elsewhere.connections == 0
        canaries = {
            "the client's secret": sandbox.client_secret,
            "a token": next(iter(sandbox.access._tokens)),
            "the key of S3": object_store.secret_key,
            "the webhook": WEBHOOK,
            "a secret given as text": GIVEN,
            "a wrong secret": WRONG,
            "a password in a URL": PASSWORD,
            "a wrong key": WRONG_KEY,
            "a secret of AWS": HELD,
            "a token that was echoed": ECHOED,
            "the webhook of alerts": ALERTS,
            "the key of hashes": HASHES,
            "a key that is too short": SHORT_KEY,
        }
        configured = [
            str(each.dagster_run.run_config) + str(each.dagster_run.tags) for each in instance.get_run_records()
        ]
        logged = log.getvalue()
        places = [
            ("the logs", logged.encode()),
            ("run config and tags", "\n".join(configured).encode()),
            ("the webhook's messages", str([body for _, _, body in hook.posted]).encode()),
            ("ticks of the sensor of alerts", "\n".join(said_of_alerts).encode()),
            *texts_below(tmp_path),
            *objects(s3_client, "canaries"),
        ]
        assert found(canaries, places) == []
        signed = {where for where, text in places if b"X-Amz-Signature=" in text}
        assert not any(where.startswith(("the logs", "lake/", "run config")) for where in signed), signed
        assert any("manifest" in where for where in signed)
        # The search does find a canary that exists.
        assert found({"the day": DAY}, places)
        assert "urllib3.connectionpool" in logged

"""A lake on S3 that misbehaves: readers get correct rows or a named error, and stored rows stay unchanged.

Each case writes a table and reads it while S3 misbehaves. Afterwards, when S3 works again, the table holds all rows of
before or all that were written, and accepts further rows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config

from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.log_mirror import UnsteadyLog
from genesys_assets.lake.s3_store import S3Store
from genesys_assets.lake.store import LakeUnreachable
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets_tests.faults import EVERY_CASE
from genesys_assets_tests.lake.faulty_s3 import FaultyS3, How, in_front_of
from genesys_assets_tests.lake.things import DAYS, PLACE, SPEC, things

IMPATIENT_SECONDS, PATIENT_SECONDS = 0.6, 20.0
"""Of cases that end in an error, and of those that pass: these take as long as a few requests."""
_READ_SECONDS = 1.0
_LIMIT_SECONDS = 120
"""Of one case: some requests at their limits. Nothing waits for the minutes that are usual."""

NAMED = (LakeUnreachable, Unreadable, UnsteadyLog)


def error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>Some reason.</Message></Error>"


@dataclass(frozen=True)
class Case:
    """Which requests are spoiled, and how; `says` is a part of the expected error, empty where none is expected."""

    how: How
    times: int = 1_000
    method: str = ""
    path_part: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    says: str = ""
    is_quick: bool = False


def answered(status: int, body: str = "", **more: Any) -> Case:
    how = more.pop("how", "answered")
    return Case(how, answer={"status": status, "body": body}, **more)


HTML = "<html><head><title>Sign in</title></head><body>Your company's proxy</body></html>"
LISTING = "<ListBucketResult><Name>b</Name>{}</ListBucketResult>"
LOGS, DATA, LISTS = "_delta_log/", ".parquet", "list-type=2"
CASES: dict[str, Case] = {
    # -- faults that a retry overcomes
    "one 500": answered(500, error("InternalError"), times=2, is_quick=True),
    "one 503": Case("busy", 2),
    "one 429": answered(429, error("SlowDown"), times=2),
    "a SlowDown with another status": answered(400, error("SlowDown"), times=2, path_part=LOGS),
    "a RequestTimeout": answered(400, error("RequestTimeout"), times=2, path_part=LOGS),
    "a connection that closes before the request": Case("dropped", 2),
    "a connection that closes after the file was stored": Case("lost", 2, method="PUT", path_part=DATA, is_quick=True),
    "a connection that closes after the commit was stored": Case(
        "lost", 1, method="PUT", path_part=LOGS, is_quick=True
    ),
    "a 500 after the commit was stored": answered(500, error("InternalError"), how="after", times=1, path_part=LOGS),
    "a body that breaks off": Case("cut", 2, method="GET", path_part=DATA),
    "a commit that breaks off": Case("cut", 2, method="GET", path_part=LOGS),
    "a commit shorter than listed": Case("short", 2, method="GET", path_part=f"{LOGS}0", is_quick=True),
    "a commit without its tag": Case("untagged", 1, method="PUT", path_part=LOGS),
    "something that is no HTTP": Case("noise", 2),
    "an answer that comes a little late": Case("late", 3, answer={"seconds": 0.2}),
    # -- faults that end in an error
    "HTML in the place of a listing once": answered(200, HTML, times=1, path_part=LISTS, says="cannot be listed"),
    "500 without end": answered(500, error("InternalError"), says="did not answer"),
    "503 without end": Case("busy", says="did not answer"),
    "no answer in time": Case("late", answer={"seconds": 1.5}, says="cannot be reached"),
    "no answer in time once it was reached": Case(
        "late", answer={"seconds": 1.5}, path_part=LOGS, says="did not answer"
    ),
    "nothing but noise": Case("noise", says="cannot be reached"),
    "nothing but closed connections": Case("dropped", says="cannot be reached"),
    "nothing but noise once it was reached": Case("noise", path_part=DATA, says="S3 bucket"),
    "403": answered(403, error("AccessDenied"), says="refuses the AWS credentials (HTTP 403)", is_quick=True),
    "403 for files only": answered(403, error("AccessDenied"), path_part=DATA, says="refuses the AWS credentials"),
    "403 for logs only": answered(403, error("AccessDenied"), path_part=LOGS, says="refuses the AWS credentials"),
    "a token that has ended": answered(400, error("ExpiredToken"), says="check the AWS credentials"),
    "a token that ends": answered(400, error("ExpiredToken"), path_part=LOGS, says="refuses the AWS credentials"),
    "another clock": answered(
        403, error("RequestTimeTooSkewed"), path_part=LOGS, says="set this machine's clock", is_quick=True
    ),
    "no such bucket": answered(404, error("NoSuchBucket"), says="does not exist: create it", is_quick=True),
    "404 of something else": answered(404, error("NoSuchWebsite"), path_part=LOGS, says="was not found there"),
    "HTML with 404": answered(404, HTML, path_part=LOGS, says="was not found there", is_quick=True),
    "another region": answered(400, error("AuthorizationHeaderMalformed"), says="refuses a request"),
    "a redirect to itself": answered(301, error("PermanentRedirect"), says="redirects requests without end"),
    "a method that is not allowed": answered(405, error("MethodNotAllowed"), says="refuses a request"),
    "too large": answered(413, error("EntityTooLarge"), method="PUT", says="refuses a request"),
    "a legal reason": answered(451, error("UnavailableForLegalReasons"), says="refuses a request"),
    "HTML in the place of listings": answered(200, HTML, path_part=LISTS, says="cannot be listed"),
    "nothing in the place of listings": answered(200, "", path_part=LISTS, says="cannot be listed", is_quick=True),
    "half a listing": answered(200, "<ListBucketResult><Name>b</Name>", path_part=LISTS, says="did not answer"),
    "a listing of something else": answered(200, "<ListAllMyBucketsResult/>", path_part=LISTS, says="cannot be listed"),
    "a listing of elsewhere": answered(
        200,
        LISTING.format(
            "<Contents><Key>../../etc/passwd</Key><ETag>x</ETag><Size>1</Size>"
            "<LastModified>2026-01-31T00:00:00Z</LastModified></Contents>"
        ),
        path_part=LISTS,
        says="cannot be listed: the answer is not a listing",
        is_quick=True,
    ),
    "a listing without sizes": answered(
        200, LISTING.format("<Contents><Key>lake/x</Key></Contents>"), path_part=LISTS, says="cannot be listed"
    ),
    "a listing that goes on and does not say how": answered(
        200, LISTING.format("<IsTruncated>true</IsTruncated>"), path_part=LISTS, says="does not name the next one"
    ),
    "a listing that goes on without end": answered(
        200,
        LISTING.format("<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>"),
        path_part=LISTS,
        says="does not name the next one",
        is_quick=True,
    ),
    "logs shorter than listed": Case("short", method="GET", path_part=f"{LOGS}0", says="instead of"),
    "logs without end": Case("endless", method="GET", path_part=f"{LOGS}0", says="S3 sent more than", is_quick=True),
    "data files that are HTML": answered(200, HTML, method="GET", path_part=DATA, says="cannot be read"),
    "data files that are empty": answered(200, "", method="GET", path_part=DATA, says="cannot be read"),
    "data files with another byte": Case("altered", method="GET", path_part=DATA, says="cannot be read"),
    "data files of half their length": Case("short", method="GET", path_part=DATA, says="cannot be read"),
}


@pytest.fixture(scope="module")
def faulty_server(object_store: ObjectStore) -> Iterator[FaultyS3]:
    with in_front_of(object_store.endpoint_url) as faulty:
        yield faulty


@pytest.fixture
def faulty(faulty_server: FaultyS3) -> Iterator[FaultyS3]:
    faulty_server.heal()
    yield faulty_server
    faulty_server.heal()


@pytest.fixture
def connect(object_store: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Lake]]:
    """Makes lakes of one bucket at other endpoints, with few retries."""
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    times: dict[str, Any] = {"connect_timeout": _READ_SECONDS, "read_timeout": _READ_SECONDS}
    with contextlib.ExitStack() as clients:

        def lake(endpoint: str, patience: float = PATIENT_SECONDS) -> Lake:
            client: Any = boto3.client(
                "s3", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}, **times)
            )
            clients.callback(client.close)
            return Lake(S3Store(bucket, "lake", lambda: client, patience))

        yield lake


BEFORE, WRITTEN, LATER = things(("a", 1), ("b", 1)), things(("a", 2), ("b", 2)), things(("a", 3), ("b", 3))


def _params() -> Iterator[Any]:
    for name, case in CASES.items():
        costly = pytest.mark.skipif(not (EVERY_CASE or case.is_quick), reason="only `make faults` runs it")
        yield pytest.param(case, id=name, marks=costly)


@pytest.mark.long
@pytest.mark.parametrize("case", list(_params()))
def test_a_lake_is_right_or_refused_by_name_and_stays_unharmed(
    connect: Callable[..., Lake], object_store: ObjectStore, faulty: FaultyS3, case: Case
) -> None:
    sound = connect(object_store.endpoint_url)
    sound.write(PLACE, SPEC, BEFORE, DAYS[0], {})
    began = time.monotonic()
    lake = connect(faulty.endpoint_url, IMPATIENT_SECONDS if case.says else PATIENT_SECONDS)
    faulty.spoil(case.how, case.times, method=case.method, path_part=case.path_part, **case.answer)
    said = [outcome for outcome in (_outcome(lambda: _read(lake)), _outcome(lambda: _write(lake))) if outcome]
    assert time.monotonic() - began < _LIMIT_SECONDS
    assert faulty.spoiled > 0, "the case spoils no request"
    faulty.heal()
    if case.says:
        assert any(case.says in each for each in said), said
    else:
        assert said == []
    found = _read(connect(object_store.endpoint_url))
    assert found in ([BEFORE.to_pylist(), WRITTEN.to_pylist()] if said else [WRITTEN.to_pylist()])
    after = connect(object_store.endpoint_url)
    after.write(PLACE, SPEC, LATER, DAYS[0], {})
    assert _read(after) == LATER.to_pylist()


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 45


def _outcome(use: Callable[[], object]) -> str:
    """The message of the named error, empty if none was raised. Any other error fails the test."""
    try:
        use()
    except NAMED as named:
        said = str(named)
        assert len(said) < 1_500
        return said
    return ""


def _write(lake: Lake) -> None:
    lake.write(PLACE, SPEC, WRITTEN, DAYS[0], {})


def _read(lake: Lake) -> list[dict[str, Any]]:
    table: pa.Table = lake.refreshed().read(PLACE, DAYS[0])
    return table.select(["id", "n"]).sort_by("id").to_pylist()  # type: ignore[no-any-return]

"""Every bad answer, through the real client, soon ends in a result or a named error, and no other host is asked."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Iterator

import pytest

from genesys_assets.cloud.errors import GenesysCloudError
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets_tests.cloud.platform import Clock
from genesys_assets_tests.faults import EVERY_CASE, only_in_make_faults
from genesys_assets_tests.faults.answers.endpoint_cases import ENDPOINTS
from genesys_assets_tests.faults.answers.error_cases import ERRORS_AS_ANSWERS
from genesys_assets_tests.faults.answers.host import SECRET, TOKEN, Host, hosts
from genesys_assets_tests.faults.answers.http_cases import DRIPS, HTTP, JSON, LOGINS, STATUSES, Case
from genesys_assets_tests.faults.answers.more_endpoint_cases import LISTS
from genesys_assets_tests.faults.answers.more_http_cases import MORE_HTTP
from genesys_assets_tests.faults.answers.observed_cases import LAKE_FILES, OBSERVED, USAGE
from genesys_assets_tests.faults.answers.questions import QUESTIONS
from genesys_assets_tests.patience import PATIENCE_SECONDS

CASES = [
    *(*HTTP, *JSON, *STATUSES, *LOGINS, *MORE_HTTP),
    *(*ENDPOINTS, *LISTS, *OBSERVED, *USAGE, *LAKE_FILES, *ERRORS_AS_ANSWERS),
]
# Only every third case, so that the quick part stays quick.
QUICK = CASES[::3]
HALVES = (slice(18), slice(-18, None))
LONGEST_WAIT = 1300.0
"""Seconds by the client's clock: two budgets of retries, of the request and of its login."""

MOST_REQUESTS = 130


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Host, Host]]:
    with hosts() as both:
        yield both


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits, so that cases do not need megabytes, minutes or thousands of pages to reach them."""
    for name, limit in {
        "MOST_RECEIVED": 2 * limits.MIB,
        "MOST_UNPACKED": 2 * limits.MIB,
        "MOST_VALUES": 100_000,
        "COUNT_VALUES_FROM": 100_000,
        "MOST_PAGES": 30,
        "MOST_LISTED": limits.MIB,
        "MOST_SNAPSHOT_PAGES": 30,
        "MOST_CURSORS": 120,
    }.items():
        monkeypatch.setattr(limits, name, limit)


@pytest.fixture(autouse=True)
def _nothing_is_logged_of_secrets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert not repeats_a_secret("".join(record.getMessage() for record in caplog.get_records("call")))


def repeats_a_secret(text: str) -> bool:
    """Whether a text holds a secret, or half of it, in any case."""
    halves = (secret[part].lower() for secret in (TOKEN, SECRET) for part in HALVES)
    return any(half in text.lower() for half in halves)


def ask(case: Case, host: Host, clock: Clock) -> GenesysCloudError | None:
    """The error that the case ends in, if any. Any exception but a GenesysCloudError fails the test."""
    path, question = QUESTIONS[case.question]
    before, host.asked = dict(host.replies), []
    host.replies[path] = case.reply
    api = f"http://{host.address}"
    try:
        with GenesysCloud(
            Hosts(api, api),
            "the-client",
            SECRET,
            requests_per_minute=100_000,
            timeout=(PATIENCE_SECONDS, PATIENCE_SECONDS),
            clock=clock,
            now=clock.now,
            sleep=clock.sleep,
        ) as cloud:
            question(cloud)
            return None
    except GenesysCloudError as error:
        return error
    finally:
        host.replies = before


def check(case: Case, pair: tuple[Host, Host]) -> None:
    (host, elsewhere), clock = pair, Clock()
    error = ask(case, host, clock)
    if case.expected is None:
        assert error is None, repr(error)
    else:
        assert isinstance(error, case.expected), repr(error)
        said = f"{error} {error!r} {vars(error)}"
        assert not repeats_a_secret(said)
        assert len(str(error)) < 2500
        assert str(error).isprintable()
    assert clock() - 1000 <= LONGEST_WAIT
    assert len(host.asked) <= MOST_REQUESTS
    assert elsewhere.connections == 0
    assert all("x-evil" not in asked.head.lower() and "\r\nx: y" not in asked.head.lower() for asked in host.asked)


def test_there_are_more_than_a_hundred_kinds() -> None:
    assert len({case.name for case in [*CASES, *DRIPS]}) == len([*CASES, *DRIPS]) > 300


@pytest.mark.parametrize("case", CASES if EVERY_CASE else QUICK, ids=lambda case: case.name)
def test_a_bad_answer_ends_in_a_result_or_an_error_with_a_name(case: Case, pair: tuple[Host, Host]) -> None:
    check(case, pair)


def test_no_bad_answer_leaves_its_connection_open(pair: tuple[Host, Host]) -> None:
    gc.collect()
    gc.disable()
    try:
        errors = [error for case in HTTP if (error := ask(case, pair[0], Clock()))]
        sockets = [one for one in gc.get_objects() if isinstance(one, socket.socket)]
    finally:
        gc.enable()
    assert len(errors) > 20
    # The connection was closed, but its descriptor stayed open, because nobody closed the reader.
    assert [one for one in sockets if "[closed]" in repr(one) and one.fileno() != -1] == []


@pytest.mark.parametrize("case", DRIPS if EVERY_CASE else DRIPS[:1], ids=lambda case: case.name)
def test_an_answer_that_never_ends_is_ended(
    case: Case, pair: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LONGEST_EXCHANGE", 0.1)
    check(case, pair)


@only_in_make_faults
def test_silence_is_ended(pair: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LONGEST_EXCHANGE", 0.1)

    def silent(_: object) -> Iterator[bytes]:
        pair[0].over.wait(1.0)
        yield b""

    check(Case("silence", "get", silent, GenesysCloudError), pair)

"""Common behaviour of all requests: the shape of errors, bodies, compression, scripted faults."""

from __future__ import annotations

import threading

import psutil
import pytest
import requests

from genesys_assets.sandbox.server import running
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.sandbox.conftest import Client, client_of

AGGREGATES = "/api/v2/analytics/conversations/aggregates/query"
DAY = "2026-01-28T00:00:00.000Z/2026-01-29T00:00:00.000Z"


def test_an_error_has_the_platforms_body_and_the_correlation_id_of_its_header(at_noon: Client) -> None:
    answer = at_noon.aggregates(interval=DAY)
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"message", "code", "status", "contextId", "details", "errors"}
    assert body["status"] == 400
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"]


def test_every_good_answer_has_a_correlation_id_too(at_noon: Client) -> None:
    first, second = at_noon.get("/api/v2/users"), at_noon.get("/api/v2/users")
    assert first.headers["ININ-Correlation-Id"] != second.headers["ININ-Correlation-Id"]


def test_every_answer_is_dated_with_the_present_of_the_organisation(at_noon: Client) -> None:
    dates = {at_noon.get(path).headers["Date"] for path in ("/api/v2/users", "/api/v2/nothing")}
    assert dates == {"Wed, 28 Jan 2026 12:00:00 GMT"}


def test_a_body_that_is_not_json_is_refused(at_noon: Client) -> None:
    url = f"{at_noon.sandbox.url}{AGGREGATES}"
    json_type = {"Content-Type": "application/json"}
    broken = at_noon.session.post(url, data="{", headers=json_type, timeout=PATIENCE_SECONDS)
    assert (broken.status_code, broken.json()["code"]) == (400, "bad.request")
    listed = at_noon.session.post(url, data="[]", headers=json_type, timeout=PATIENCE_SECONDS)
    assert (listed.status_code, listed.json()["code"]) == (400, "bad.request")
    form = at_noon.session.post(url, data={"interval": DAY}, timeout=PATIENCE_SECONDS)
    assert (form.status_code, form.json()["code"]) == (415, "unsupported.media.type")


def test_an_enormous_body_is_refused(at_noon: Client) -> None:
    answer = at_noon.aggregates(interval="x" * 600_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.entity.too.large")


@pytest.mark.parametrize("path", ["/", "/api/v2/nothing", "/api/v2/analytics/conversations/none/details"])
def test_what_is_not_there_is_not_found(at_noon: Client, path: str) -> None:
    answer = at_noon.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


def test_an_answer_is_compressed_for_those_who_accept_it(at_noon: Client) -> None:
    url = f"{at_noon.sandbox.url}/api/v2/users"
    packed = at_noon.session.get(url, timeout=PATIENCE_SECONDS)
    plain = at_noon.session.get(url, headers={"Accept-Encoding": "identity"}, timeout=PATIENCE_SECONDS)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])


def test_a_scripted_fault_is_answered_as_often_as_asked(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.fail_next(503, times=2, headers={"Retry-After": "7"})
    answers = [at_noon.get("/api/v2/users") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["code"] == "service.unavailable"


def test_a_fault_waits_for_its_path(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.fail_next(500, path="/routing/")
    assert at_noon.get("/api/v2/users").status_code == 200
    assert at_noon.get("/api/v2/routing/queues").status_code == 500
    assert at_noon.get("/api/v2/routing/queues").status_code == 200


def test_faults_come_in_the_order_in_which_they_were_scripted(at_noon: Client) -> None:
    for status in (429, 504, 408):
        at_noon.sandbox.behaviour.fail_next(status)
    assert [at_noon.get("/api/v2/users").status_code for _ in range(4)] == [429, 504, 408, 200]


def test_a_bad_gateway_answers_in_html(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.fail_next(502)
    answer = at_noon.get("/api/v2/users")
    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_fault_may_say_anything(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.fail_next(200, body="<html>maintenance</html>")
    at_noon.sandbox.behaviour.fail_next(200, body={"results": 7})
    at_noon.sandbox.behaviour.fail_next(400, body=b'{"half":')
    assert at_noon.get("/api/v2/users").headers["Content-Type"].startswith("text/html")
    assert at_noon.get("/api/v2/users").json() == {"results": 7}
    assert at_noon.get("/api/v2/users").content == b'{"half":'


def test_a_login_can_fail_too(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.fail_next(503, path="/oauth/token")
    assert requests.post(f"{at_noon.sandbox.url}/oauth/token", timeout=PATIENCE_SECONDS).status_code == 503


def test_a_truncated_answer_promises_more_than_it_brings(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.fail_next(200, truncated=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        at_noon.get("/api/v2/users")
    assert at_noon.get("/api/v2/users").status_code == 200


@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_connection_can_be_dropped_instead_of_an_answer(at_noon: Client, takes_effect: bool) -> None:
    jobs = "/api/v2/analytics/conversations/details/jobs"
    at_noon.sandbox.behaviour.fail_next(200, dropped=True, takes_effect=takes_effect)
    with pytest.raises(requests.exceptions.ConnectionError):
        at_noon.post(jobs, {"interval": DAY})
    assert len(at_noon.sandbox.jobs) == takes_effect
    assert at_noon.get("/api/v2/users").status_code == 200


def test_unknown_fields_can_be_added_everywhere(at_noon: Client) -> None:
    at_noon.sandbox.behaviour.unknown_fields = True
    page = at_noon.get("/api/v2/users").json()
    assert "sandboxFutureField" in page
    assert all("sandboxFutureField" in user for user in page["entities"])
    page = at_noon.details(interval=DAY).json()
    assert len(page["conversations"]) == 25
    assert all("sandboxFutureField" in conversation for conversation in page["conversations"])


def test_the_requests_are_on_record(at_noon: Client) -> None:
    at_noon.get("/api/v2/users", pageSize=5)
    assert list(at_noon.sandbox.requests)[-1] == ("GET", "/api/v2/users")
    assert at_noon.sandbox.requested("/api/v2/users") == 1


def test_a_stopped_sandbox_leaves_neither_port_nor_thread() -> None:
    before = set(threading.enumerate())
    with running() as sandbox, requests.Session() as session:
        client_of(sandbox, session)
        port = int(sandbox.url.rpartition(":")[2])
    assert {thread for thread in threading.enumerate() if thread.name == "sandbox"} <= before
    # Only this process is checked, because another process may take the free port.
    listening = {item.laddr.port for item in psutil.Process().net_connections() if item.status == "LISTEN"}
    assert port not in listening


def test_two_sandboxes_stand_side_by_side() -> None:
    with running(seed=1) as one, running(seed=2) as two:
        assert one.url != two.url
        assert one.client_id != two.client_id
        with requests.Session() as session:
            session.headers["Authorization"] = client_of(one, session).session.headers["Authorization"]
            assert session.get(f"{two.url}/api/v2/users", timeout=PATIENCE_SECONDS).status_code == 401

"""The client, through which every request to Genesys Cloud goes: logged in, paced, retried, counted, on a bounded
number of threads.

This module combines `oauth`, `pacing`, `retry`, `circuit`, `exchange` and `answers`, which do not know each other.
The endpoint modules, such as `details` and `reference`, decide what is requested.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from genesys_assets.cloud.errors import (
    AnswerTooLarge,
    BrokenAnswer,
    GenesysCloudError,
    RateLimited,
    UnexpectedAnswer,
    Unreachable,
)
from genesys_assets.cloud.http import in_flight, limits
from genesys_assets.cloud.http.answers import correlation_id, read_object, refusal
from genesys_assets.cloud.http.circuit import COOLING_SECONDS, PATIENCE_SECONDS, Circuit
from genesys_assets.cloud.http.exchange import Answer, Timeout, exchange, session
from genesys_assets.cloud.http.oauth import ClientCredentials
from genesys_assets.cloud.http.pacing import Pacer
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.cloud.http.parsing import http_date
from genesys_assets.cloud.http.regions import Hosts
from genesys_assets.cloud.http.request_log import RequestLog
from genesys_assets.cloud.http.retry import LONGEST_REQUESTED_WAIT, Jitter, call_with_retries, full_jitter
from genesys_assets.cloud.http.usage import Usage
from genesys_assets.spans import whole_milliseconds

T = TypeVar("T")
R = TypeVar("R")

_SHORTEST_EXCHANGE = 1.0
_ANSWERED = 200

_log = logging.getLogger(__name__)


class _Call(threading.local):
    """The current call of a thread: how often it was sent, and the seconds that the rate limit held it back since it
    was last sent.
    """

    attempt = 0
    waited = 0.0


class GenesysCloud:
    """One organisation, as one OAuth client. Threads may share it; `close()` it, or use it in a `with` statement.

    With the default `workers`, 300 requests a minute are reached as long as an answer takes about three seconds at
    most. `clock` counts seconds from any start, `now` gives UTC, `sleep` waits, `jitter` draws a wait from 0 to its
    argument. `longest_life`: how many seconds after its creation the caller can still use the client. No wait ends
    later. No exchange ends later either, logins included, except that each one gets at least a second.
    """

    def __init__(
        self,
        hosts: Hosts,
        client_id: str,
        client_secret: str,
        *,
        requests_per_minute: int = 300,
        workers: int = 16,
        timeout: Timeout = (10.0, 60.0),
        patience: float = PATIENCE_SECONDS,
        cooling: float = COOLING_SECONDS,
        longest_life: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] | None = None,
        jitter: Jitter = full_jitter,
    ) -> None:
        self.hosts = hosts
        self.client_id = client_id
        self.usage = Usage()
        self.request_log = RequestLog()
        self._call = _Call()
        self.in_flight = in_flight.InFlight()
        # Headers of the newest answer: the platform's clock and what is left of the rate limit.
        self.last_headers: Mapping[str, str] = {}
        self._clock = clock
        self._now = now
        self._timeout = timeout
        self._workers = workers
        self._jitter = jitter
        self._closed = threading.Event()
        self._sleep = sleep or self._sleep_unless_closed
        self._session = session(workers)
        self._gives_up_at = clock() + longest_life
        self._credentials = ClientCredentials(
            api_url=hosts.api_url,
            login_url=hosts.login_url,
            client_id=client_id,
            client_secret=client_secret,
            session=self._session,
            timeout=timeout,
            longest=self._longest_exchange,
            clock=clock,
            now=now,
        )
        self._pacer = Pacer(requests_per_minute, clock, self._sleep_for_rate_limit)
        self._circuit = Circuit(clock=clock, patience=patience, cooling=cooling)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="genesys-cloud")

    def now(self) -> datetime:
        """The time, UTC in whole milliseconds."""
        instant = self._now().astimezone(UTC)
        return whole_milliseconds(instant)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Page:
        """The answer to a GET, its body a JSON object. Raises a GenesysCloudError."""
        return self._page("GET", path, params=params)

    def post(
        self,
        path: str,
        body: Any,
        params: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
        before_sending: Callable[[], None] | None = None,
    ) -> Page:
        """The answer to a POST of JSON. Pass `repeatable=False` for a POST that must not happen twice: it is retried
        only if it certainly had no effect. After any other failure `retry.may_have_happened` says whether it may have
        had one. `before_sending` is called before each try, after all waiting. Raises a GenesysCloudError.
        """
        return self._page("POST", path, params=params, body=body, repeatable=repeatable, before_sending=before_sending)

    def delete(self, path: str) -> None:
        """Deletes the resource at the path. The answer's body, if any, is ignored. Raises a GenesysCloudError."""
        self._with_retries("DELETE", path, partial(self._ask, "DELETE", path))

    def map_in_order(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The result of `function` for each item, computed on at most `workers` threads, in the items' order.

        At most `workers` items and `limits.MOST_IN_FLIGHT` bytes are computed ahead. An error, or closing the iterator,
        cancels the calls that have not begun. `function` must not call `map_in_order` itself: it would wait for the
        thread that it occupies.
        """
        return self.in_flight.map(self._executor, function, items, ahead=self._workers)

    def sleep(self, seconds: float) -> None:
        """Waits, by the client's own clock; raises GenesysCloudError if the client is closed meanwhile."""
        self._sleep(seconds)

    def has_time(self, seconds: float) -> bool:
        """Whether the client has time for a wait of these seconds."""
        return self._clock() + seconds <= self._gives_up_at

    def _longest_exchange(self) -> float:
        """The seconds that an exchange which begins now may take."""
        left = self._gives_up_at - self._clock()
        return min(limits.LONGEST_EXCHANGE, max(_SHORTEST_EXCHANGE, round(left, 1)))

    def close(self) -> None:
        """Ends waits and threads and closes the connections."""
        self._closed.set()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _page(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        repeatable: bool = True,
        before_sending: Callable[[], None] | None = None,
    ) -> Page:
        def ask() -> Page:
            with in_flight.attempt():
                answer = self._ask(method, path, params=params, json=body, before_sending=before_sending)
                in_flight.hold_parsed(answer.body)
                content = read_object(answer, f"{method} {path}")
            request = request_text(method, path, params, body)
            now = self.now()
            # By the platform's clock, which also dates job submissions, in whole seconds.
            as_of = http_date(answer.headers.get("Date")) or now
            return Page(1, request, now, correlation_id(answer), answer.body, content, as_of)

        if not repeatable:
            # Log in first: a login may be retried, and its failures must not be mistaken for the request's.
            call_with_retries(
                self._credentials.token,
                clock=self._clock,
                gives_up_at=self._gives_up_at,
                sleep=self._sleep,
                jitter=self._jitter,
            )
        return self._with_retries(method, path, ask, repeatable=repeatable)

    def _with_retries(self, method: str, path: str, ask: Callable[[], T], *, repeatable: bool = True) -> T:
        self._call.attempt, self._call.waited = 0, 0.0
        return call_with_retries(
            partial(self._within_circuit, ask),
            repeatable=repeatable,
            clock=self._clock,
            gives_up_at=self._gives_up_at,
            sleep=self._sleep,
            jitter=self._jitter,
            longest_wait=lambda error: self._circuit.patience_left() if error.status == 503 else float("inf"),
            on_retry=partial(self._note_retry, f"{method} {path}"),
        )

    def _within_circuit(self, ask: Callable[[], T]) -> T:
        self._circuit.admit()
        try:
            answer = ask()
        except GenesysCloudError as error:
            self._note_failure(error)
            raise
        except BaseException:
            self._circuit.release()
            raise
        self._circuit.note(_ANSWERED)
        return answer

    def _note_failure(self, error: GenesysCloudError) -> None:
        """Tells the circuit what a failure says about the platform. Raises CircuitOpen."""
        if error.status is not None:
            self._circuit.note(error.status)
        elif isinstance(error, Unreachable):
            self._circuit.note(None)
        elif isinstance(error, BrokenAnswer | UnexpectedAnswer | AnswerTooLarge):
            self._circuit.note(_ANSWERED)
        else:
            # The request was never sent: it is invalid, the client was closed, or the run has no time left.
            self._circuit.release()

    def _ask(self, method: str, path: str, **options: Any) -> Answer:
        """A successful answer. After a 401 the request is sent once more with a new token: the old one may have been
        revoked.
        """
        answer = self._send(method, path, **options)
        if answer.status == 401:
            self._credentials.invalidate(answer.authorization.removeprefix("Bearer "))
            answer = self._send(method, path, **options)
        if answer.is_good:
            return answer
        error = refusal(answer, f"{method} {path} at {urlsplit(self.hosts.api_url).netloc}", self.now())
        if isinstance(error, RateLimited):
            self.usage.add(rate_limited=1)
            if error.retry_after is not None and error.retry_after <= LONGEST_REQUESTED_WAIT:
                self._pacer.hold(error.retry_after)
        raise error

    def _send(self, method: str, path: str, before_sending: Callable[[], None] | None = None, **options: Any) -> Answer:
        self._credentials.token()
        held_back = self._pacer.acquire()
        self.usage.add(waited_seconds=held_back, requests=1)
        self._call.attempt += 1
        waited, self._call.waited = self._call.waited + held_back, 0.0
        headers: Mapping[str, str] | None = None
        status: int | None = None
        size: int | None = None
        sent_at, time = self._clock(), self.now()

        def learn(arrived: Mapping[str, str]) -> None:
            nonlocal headers
            headers = arrived
            self._pacer.observe(arrived, sent_at)

        try:
            if before_sending is not None:
                before_sending()
            answer = exchange(
                self._session,
                method,
                self.hosts.api_url + path,
                what=f"{method} {path}",
                timeout=self._timeout,
                longest=self._longest_exchange(),
                on_headers=learn,
                auth=self._credentials,
                **options,
            )
            self.last_headers = answer.headers
            status, size = answer.status, len(answer.body)
            return answer
        finally:
            if headers is None:
                self._pacer.observe({}, sent_at)
            self.request_log.note(
                time,
                method,
                path,
                attempt=self._call.attempt,
                status=status,
                size=size,
                seconds=self._clock() - sent_at,
                waited=waited,
                headers=headers or {},
            )

    def _note_retry(self, what: str, error: GenesysCloudError, wait: float) -> None:
        limited = isinstance(error, RateLimited)
        self.usage.add(retries=1, waited_seconds=wait if limited else 0.0)
        self._call.waited += wait if limited else 0.0
        _log.log(logging.INFO if limited else logging.WARNING, "Retrying %s in %.1f s: %s", what, wait, error)

    def _sleep_for_rate_limit(self, seconds: float) -> None:
        if not self.has_time(seconds):
            error = RateLimited(
                f"The rate limit is used up for {seconds:.0f} s, longer than this run may wait. Retry later."
            )
            error.retry_after = seconds
            raise error
        self._sleep(seconds)

    def _sleep_unless_closed(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise GenesysCloudError("The client was closed while a request waited to be sent.")

"""Checks before the first run: login, permissions, what is visible, how far jobs reach, clock, rate limit.

Of each kind of data that the project fetches, it requests as little as possible. Only divisions and queues are read
completely. Of details jobs it requests only how far they reach. Nothing is stored. `assets.preflight` and the command
`cli.preflight` show the results.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from genesys_assets.cloud import api_usage, reference
from genesys_assets.cloud.analytics import aggregates, details, live, user_details
from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES, AggregateFamily
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.analytics.queries import AggregateQuery, DetailsQuery, UserDetailsQuery
from genesys_assets.cloud.errors import (
    BadRequest,
    GenesysCloudError,
    LoginRefused,
    MissingPermission,
    NotFound,
    ServerTrouble,
    Unreachable,
)
from genesys_assets.cloud.extraction.listing import PERMISSION, list_files
from genesys_assets.cloud.http.answers import ANY_OF
from genesys_assets.cloud.http.parsing import http_date, read_count, whole_number, words
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.jobs import endpoints as job_endpoints

Level = Literal["ok", "warn", "fail"]

# A smaller difference is not reported: the Date header has whole seconds, and the answer took some time.
TOLERATED_SKEW = timedelta(seconds=5)
# The sensor `hours` fetches an hour ten minutes after its end. With a larger difference it might fetch too early.
LARGEST_SKEW = timedelta(minutes=5)
# Our own limit: details jobs usually have a day's data within hours. A longer lag is a warning.
USUAL_LAG = timedelta(hours=24)
LITTLE_LEFT = 0.1
_HOUR = timedelta(hours=1)
# The same as tables.data_lake.schemas.NEEDED, which this room must not import.
NEEDED_SCHEMAS = ("conversations", "segments", "conversation-metrics")
_REFUSALS = {MissingPermission: "not permitted", NotFound: "not there", BadRequest: "not understood"}
_NO_QUEUE = _NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """The result of one check: `what` was checked, its `value`, and what to do if that is not right (`advice`).

    `permissions` are those that a role must grant to put it right.
    """

    level: Level
    what: str
    value: str
    advice: str = ""
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """All results, in the order of the checks."""

    results: tuple[PreflightResult, ...]

    @property
    def failures(self) -> tuple[PreflightResult, ...]:
        return tuple(result for result in self.results if result.level == "fail")

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def missing_permissions(self) -> tuple[str, ...]:
        """The permissions that a role must grant so that everything is permitted, each once."""
        return tuple(dict.fromkeys(name for result in self.results for name in result.permissions))


def preflight(
    cloud: GenesysCloud,
    *,
    expected_queues: int | None = None,
    families: Collection[AggregateFamily] = (),
    data_lake: bool = False,
    usage: bool = False,
) -> Preflight:
    """Makes all checks and raises nothing: an error is a result too.

    `expected_queues`: how many queues must be visible at least; None means one. `families`: the families of aggregates
    that reports or settings need. A missing permission for one of them is a warning, for other families only
    information. `data_lake`: check the data lake extraction too. `usage`: check the platform's own count of requests
    too.
    """
    further = [_check_of_data_lake(cloud)] if data_lake else []
    further += [_check_of_usage(cloud)] if usage else []
    return Preflight(tuple(_run_checks(cloud, max(1, expected_queues or 1), families, further)))


def _run_checks(
    cloud: GenesysCloud, expected_queues: int, families: Collection[AggregateFamily], further: Sequence[_Check]
) -> Iterator[PreflightResult]:
    login = _login(cloud)
    yield login
    if login.level == "fail":
        return
    seen = _EarlierResults()
    for check in [*_checks(cloud, seen, expected_queues), *_checks_of_families(cloud, families), *further]:
        try:
            yield check.run()
        except (Unreachable, ServerTrouble) as error:
            yield PreflightResult("fail", check.what, "no answer; the rest was not tried", str(error))
            return
        except GenesysCloudError as error:
            yield _refused(check, error)
    yield clock("clock", "the platform's", cloud.last_headers.get("Date", ""), cloud.now())
    yield _rate_limit(cloud)


@dataclass(frozen=True, slots=True)
class _Check:
    """One check that asks the platform, and the permissions for it: any one of them is enough, the recommended one
    first. `is_optional`: everything else works without it.
    """

    what: str
    permissions: tuple[str, ...]
    run: Callable[[], PreflightResult]
    is_optional: bool = False


class _EarlierResults:
    """What later checks need to know from earlier ones."""

    def __init__(self) -> None:
        self.divisions: dict[str, str] = {}
        self.queue_ids: list[str] = []


def _checks(cloud: GenesysCloud, seen: _EarlierResults, expected_queues: int) -> list[_Check]:
    detail = "analytics:conversationDetail:view"
    observation = ("analytics:queueObservation:view",)

    def permitted(what: str, ask: Callable[[], object]) -> Callable[[], PreflightResult]:
        def run() -> PreflightResult:
            ask()
            return PreflightResult("ok", what, "permitted")

        return run

    def check_of(what: str, permissions: tuple[str, ...], ask: Callable[[], object]) -> _Check:
        return _Check(what, permissions, permitted(what, ask))

    return [
        _Check("divisions", (), lambda: _divisions(cloud, seen)),
        _Check("queues", ("routing:queue:view",), lambda: _queues(cloud, seen, expected_queues)),
        _Check("users", ("directory:user:view",), lambda: _counted(cloud, "users", at_least=1)),
        _Check("wrap-up codes", ("routing:wrapupCode:view",), lambda: _counted(cloud, "wrapup_codes")),
        _Check("skills", ("routing:skill:view",), lambda: _counted(cloud, "skills")),
        check_of(
            "conversation aggregates",
            ("analytics:conversationAggregate:view",),
            lambda: aggregates.fetch(
                cloud, AggregateQuery(interval=_an_hour(cloud), granularity="PT1H", metrics=("nOffered",))
            ),
        ),
        check_of(
            "conversation details",
            (detail, "analytics:agentConversationDetail:view"),
            lambda: cloud.post(details.PATH, DetailsQuery(interval=_an_hour(cloud), page_size=1).body()),
        ),
        _Check("details jobs", (detail,), lambda: _jobs(cloud, "details jobs", job_endpoints.CONVERSATIONS)),
        _Check(
            "users' status",
            (user_details.PERMISSION,),
            lambda: _users_status(cloud),
            is_optional=True,
        ),
        check_of(
            "queue observations",
            observation,
            lambda: list(live.queue_observations(cloud, seen.queue_ids[:1] or [_NO_QUEUE])),
        ),
        check_of("conversation activity", observation, lambda: next(live.conversation_activity(cloud, page_size=1))),
        *(
            _Check(
                _in_plain_words(name),
                (listing.permission,) if listing.permission else (),
                partial(_counted, cloud, name),
                is_optional=True,
            )
            for name, listing in reference.LISTINGS.items()
            if not listing.is_needed
        ),
    ]


def _checks_of_families(cloud: GenesysCloud, needed: Collection[AggregateFamily]) -> Iterator[_Check]:
    """Checks of every family of aggregates except conversations, whether or not anything needs it."""
    for family in FAMILIES.values():
        if family is not CONVERSATIONS:
            ask = partial(_permitted_family, cloud, family, family in needed)
            yield _Check(f"aggregates: {family.name}", (family.permission,), ask, is_optional=True)


def _permitted_family(cloud: GenesysCloud, family: AggregateFamily, is_needed: bool) -> PreflightResult:
    what, batch = f"aggregates: {family.name}", (_NOBODY,) if family.batched_by else ()
    query = AggregateQuery(
        interval=_an_hour(cloud), granularity="PT1H", metrics=family.metrics[:1], family=family, batch=batch
    )
    try:
        aggregates.fetch(cloud, query)
    except (MissingPermission, NotFound, BadRequest) as error:
        if is_needed:
            raise
        return PreflightResult("ok", what, f"{_REFUSALS[type(error)]}, not used by any report or setting")
    return PreflightResult("ok", what, "permitted" if is_needed else "permitted, not used by any report or setting")


def _check_of_data_lake(cloud: GenesysCloud) -> _Check:
    what = "data lake extraction"

    def run() -> PreflightResult:
        listing = list_files(cloud, _an_hour(cloud))
        missing = [schema for schema in NEEDED_SCHEMAS if listing.enabled is not None and schema not in listing.enabled]
        if missing:
            advice = "Figures need them. Ask Genesys to switch them on; until then its files fill no missing days."
            return PreflightResult("warn", what, f"permitted, without {', '.join(missing)}", advice)
        return PreflightResult("ok", what, "permitted")

    return _Check(what, (PERMISSION,), run, is_optional=True)


def _check_of_usage(cloud: GenesysCloud) -> _Check:
    """Submits a query, since there is no smaller request; its result is not fetched."""
    what = "count of requests"

    def run() -> PreflightResult:
        api_usage.submit(cloud, f"{cloud.now() - timedelta(days=1):%Y-%m-%d}")
        return PreflightResult("ok", what, "permitted")

    return _Check(what, (api_usage.PERMISSION,), run, is_optional=True)


def _login(cloud: GenesysCloud) -> PreflightResult:
    try:
        me = cloud.get("/api/v2/tokens/me").json()
    except LoginRefused as error:
        return PreflightResult("fail", "login", "refused", str(error))
    except Unreachable as error:
        return PreflightResult("fail", "login", "no answer", str(error))
    except (MissingPermission, NotFound):
        # A gateway may let through only what is needed. The token is valid nevertheless.
        return PreflightResult("ok", "login", "accepted")
    except GenesysCloudError as error:
        return PreflightResult("fail", "login", "failed", str(error))
    organisation, client = _name(me.get("organization")), _name(me.get("OAuthClient"))
    return PreflightResult("ok", "login", f"organisation {organisation}, OAuth client {client}")


def _divisions(cloud: GenesysCloud, seen: _EarlierResults) -> PreflightResult:
    for division in _entities(cloud, "divisions"):
        seen.divisions[division["id"]] = words(division.get("name") or division["id"])
    if not seen.divisions:
        advice = "Give the OAuth client a role in every division whose conversations are to be read."
        return PreflightResult("fail", "divisions", "none visible", advice)
    return PreflightResult(
        "ok", "divisions", f"{len(seen.divisions)} visible: {', '.join(sorted(seen.divisions.values()))}"
    )


def _queues(cloud: GenesysCloud, seen: _EarlierResults, expected: int) -> PreflightResult:
    queues = list(_entities(cloud, "queues"))
    seen.queue_ids = [queue["id"] for queue in queues]
    of_division = Counter(_division_of(queue) for queue in queues)
    named = sorted((seen.divisions.get(str(id_), str(id_)), count) for id_, count in of_division.items())
    value = (
        f"{len(queues)} visible" + (": " if named else "") + ", ".join(f"{count} in {name}" for name, count in named)
    )
    if len(queues) < expected:
        advice = (
            f"At least {expected} queues must be visible. The roles of the OAuth client lack divisions, and Genesys "
            "Cloud hides their rows without an error: add them to its roles. (Or lower GENESYS_ASSETS_EXPECTED_QUEUES.)"
        )
        return PreflightResult("fail", "queues", value, advice)
    without = [name for id_, name in sorted(seen.divisions.items(), key=lambda item: item[1]) if id_ not in of_division]
    if without:
        advice = f"No queue is visible in {', '.join(without)}. If there are any, the client's role lacks the division."
        return PreflightResult("warn", "queues", value, advice)
    return PreflightResult("ok", "queues", value)


def _division_of(queue: dict[str, Any]) -> str | None:
    division = queue.get("division")
    id_ = division.get("id") if isinstance(division, dict) else None
    return id_ if isinstance(id_, str) else None


def _counted(cloud: GenesysCloud, name: str, at_least: int = 0) -> PreflightResult:
    listing, what = reference.LISTINGS[name], _in_plain_words(name)
    page = cloud.get(listing.path, {**listing.params, **_fewest(listing)}).json()
    total = read_count(page.get("total"))
    if total is None:
        return PreflightResult("ok", what, "permitted")
    if total < at_least:
        return PreflightResult(
            "fail", what, "none visible", "Give the OAuth client a role in the divisions they belong to."
        )
    return PreflightResult("ok", what, f"{total} visible")


def _fewest(listing: reference.Listing) -> dict[str, int]:
    """The parameters for the smallest page that the listing gives."""
    if listing.size_parameter is None:
        return {}
    # A scan gives at least ten.
    return {listing.size_parameter: 10} if listing.size_parameter == "limit" else {listing.size_parameter: 1}


def _in_plain_words(name: str) -> str:
    return name.replace("wrapup_codes", "wrap-up codes").replace("organizations", "organisations").replace("_", " ")


def _users_status(cloud: GenesysCloud) -> PreflightResult:
    """Asks both the query and, for days that are over, the jobs."""
    cloud.post(user_details.PATH, UserDetailsQuery(interval=_an_hour(cloud), page_size=1).body())
    return _jobs(cloud, "users' status", job_endpoints.USERS)


def _jobs(cloud: GenesysCloud, what: str, kind: job_endpoints.Kind) -> PreflightResult:
    through = job_endpoints.availability(cloud, kind)
    if through is None:
        return PreflightResult("warn", what, "permitted", "The platform does not say up to when jobs have data.")
    lag = cloud.now() - through
    value = f"data until {through:%Y-%m-%d %H:%M} UTC, {lag / _HOUR:.1f} hours ago"
    if lag > USUAL_LAG:
        advice = "Days after it stay incomplete until Genesys Cloud has caught up."
        return PreflightResult("warn", what, value, advice)
    return PreflightResult("ok", what, value)


def clock(what: str, whose: str, date: str, now: datetime) -> PreflightResult:
    """How far this machine's clock differs from another one, by the Date header of an answer. `what` and `whose` are
    words of the result.
    """
    their_time = http_date(date)
    if their_time is None:
        return PreflightResult("warn", what, f"{whose} is unknown: the answer has no Date header")
    skew = now - their_time
    seconds = abs(skew).total_seconds()
    value = f"{seconds:.0f} s {'ahead of' if skew > timedelta() else 'behind'} {whose}"
    if abs(skew) <= TOLERATED_SKEW:
        return PreflightResult("ok", what, value)
    level: Level = "fail" if abs(skew) > LARGEST_SKEW else "warn"
    return PreflightResult(level, what, value, "Set this machine's clock by NTP: it decides which hours are over.")


def _rate_limit(cloud: GenesysCloud) -> PreflightResult:
    names = ("inin-ratelimit-allowed", "inin-ratelimit-count", "inin-ratelimit-reset")
    allowed, used, reset = (whole_number(cloud.last_headers.get(name)) for name in names)
    if allowed is None or used is None or reset is None:
        return PreflightResult(
            "ok", "rate limit", "not announced; GENESYS_CLOUD_REQUESTS_PER_MINUTE alone limits requests"
        )
    remaining = max(0, allowed - used)
    value = f"{allowed} requests a minute, {remaining} left for the next {reset} s"
    if remaining < LITTLE_LEFT * allowed:
        return PreflightResult(
            "warn", "rate limit", value, "Others use this OAuth client: give this project one of its own."
        )
    return PreflightResult("ok", "rate limit", value)


def _refused(check: _Check, error: GenesysCloudError) -> PreflightResult:
    if not isinstance(error, MissingPermission):
        return PreflightResult("warn" if check.is_optional else "fail", check.what, "failed", str(error))
    permissions, one_is_enough = error.permissions, error.code == ANY_OF
    if not permissions:
        permissions, one_is_enough = check.permissions, True
    if not permissions:
        return PreflightResult("warn" if check.is_optional else "fail", check.what, "not permitted", str(error))
    if one_is_enough:
        permissions = next(((name,) for name in check.permissions if name in permissions), permissions[:1])
    listed = " and ".join(f"{_in_words(permission)} ({permission})" for permission in permissions)
    advice = (
        f"Give the OAuth client a role with the permission {listed}, in every division to be read: "
        "Admin > Integrations > OAuth > the client > Roles."
    )
    if check.is_optional:
        return PreflightResult(
            "warn", check.what, "not permitted", f"Runs cannot fetch this data. {advice}", permissions
        )
    return PreflightResult("fail", check.what, "not permitted", advice, permissions)


def _in_words(permission: str) -> str:
    """A permission as the role editor of the admin UI shows it: routing:wrapupCode:view is Routing > Wrapup Code >
    View.
    """
    parts = (re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part) for part in permission.split(":"))
    return " > ".join(part[:1].upper() + part[1:] for part in parts)


def _entities(cloud: GenesysCloud, name: str) -> Iterator[dict[str, Any]]:
    for page in reference.fetch(cloud, name):
        yield from page.json()["entities"]


def _an_hour(cloud: GenesysCloud) -> Interval:
    """A full hour that is certainly over, even if this machine's clock is ahead."""
    end = cloud.now().replace(minute=0, second=0, microsecond=0) - _HOUR
    return Interval(end - _HOUR, end)


def _name(described: Any) -> str:
    fields = described if isinstance(described, dict) else {}
    return words(fields.get("name") or fields.get("id") or "unknown")

"""Valid JSON that is no valid answer of its endpoint: listings, jobs, details, aggregates."""

from __future__ import annotations

from typing import Any

from genesys_assets.cloud import errors
from genesys_assets.cloud.errors import AnswerTooLarge, BrokenAnswer, EndlessPages, UnexpectedAnswer
from genesys_assets_tests.faults.answers.host import Chunks, Reply, RequestHead, http
from genesys_assets_tests.faults.answers.http_cases import RIGHT, Case, case
from genesys_assets_tests.faults.answers.questions import QUEUES

HUGE = 10**30
NO_TOTALS: tuple[Any, ...] = (-5, "9", None, [], True)
NO_COUNTS: tuple[Any, ...] = (9.0, 1.5, {}, "", "many", "9" * 20_000)
"""More of what stands where a listing counts: each is refused, or says that something is missing."""

NO_IDS: tuple[Any, ...] = (None, "", 7, [], "x" * 10_000)
NO_STATES: tuple[Any, ...] = (None, 7, [], {})
ODD: tuple[Any, ...] = ("x", 7, {}, True, 1.5, [[]], [None], ["x"], [7])
"""Where a list of objects belongs."""

NO_INSTANTS: tuple[Any, ...] = (
    "soon",
    "",
    7,
    [],
    {},
    True,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-13-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "x" * 100_000,
)


def entity(number: int) -> dict[str, Any]:
    return {"id": f"id-{number}", "name": f"name {number}"}


def listed(next_uri: object, **more: Any) -> Reply:
    """A first page that names this next page, and then a last page."""

    def reply(asked: RequestHead) -> Chunks:
        uri = next_uri.replace("ELSEWHERE", asked.elsewhere) if isinstance(next_uri, str) else next_uri
        if asked.number == 0:
            yield http({"entities": [entity(1)], "nextUri": uri, **more})
        else:
            yield http({"entities": [entity(2)], **more})

    return reply


def without_end(asked: RequestHead) -> Chunks:
    yield http({"entities": [entity(asked.number)], "nextUri": f"{QUEUES}?pageNumber={asked.number + 2}"})


def repeating(asked: RequestHead) -> Chunks:
    yield http({"entities": [entity(1)], "nextUri": f"{QUEUES}?pageNumber={asked.number + 2}"})


def leading_on_by(cursor: str) -> Reply:
    return lambda asked: [http({"cursor": cursor} if asked.number == 0 else {})]


def too_large_unless(size: int, name: str) -> Reply:
    """Refuses larger pages in the platform's words; otherwise answers with an empty page."""

    def reply(asked: RequestHead) -> Chunks:
        wanted = next((int(part[9:]) for part in asked.query.split("&") if part.startswith("pageSize=")), size)
        if wanted > size:
            yield http({"message": "reduce pageSize", "code": "response.entity.too.large", "status": 400}, 400)
        else:
            yield http({name: [], "total": 0})

    return reply


LISTINGS = [
    *(
        case(f"a next page at {str(uri)[:40]}", listed(uri), UnexpectedAnswer, "listing")
        for uri in (
            "@ELSEWHERE/x",
            f"@ELSEWHERE{QUEUES}",
            "http://ELSEWHERE/x",
            "//ELSEWHERE/x",
            ":80@ELSEWHERE/x",
            "\\\\ELSEWHERE\\x",
            "http://a:b@ELSEWHERE/",
            ".ELSEWHERE/x",
            "/api/v2/users",
            f"{QUEUES}/x",
            f"{QUEUES}/../users",
            f"x{QUEUES}",
            "?pageNumber=2",
            "http://[",
            "javascript:alert(1)",
            "file:///etc/passwd",
            " ",
            "\n",
            "/",
            QUEUES.upper(),
            7,
            True,
            [QUEUES],
            {"href": QUEUES},
            f"{QUEUES}?{'x' * 20_000}",
            QUEUES + "?" + "&".join(["a=1"] * 99),
            f"{QUEUES}\r\nX: y?a",
            f"{QUEUES}?\ud800=1",
        )
    ),
    *(
        case(f"a next page at {uri[:40]}", listed(uri), RIGHT, "listing")
        for uri in (
            f"http://ELSEWHERE{QUEUES}?pageNumber=2",
            f"//ELSEWHERE{QUEUES}?pageNumber=2",
            f"//a:b@ELSEWHERE{QUEUES}?b",
            f"{QUEUES}?pageNumber=2&x=%0d%0aX: y",
            f"{QUEUES}?pageNumber=2#@ELSEWHERE",
        )
    ),
    case("no entities", http({"total": 3}), UnexpectedAnswer, "listing"),
    *(
        case(f"entities of {odd!r}", http({"entities": odd}), UnexpectedAnswer, "listing")
        for odd in (*ODD, [{}], [{"id": ""}], [{"id": 7}], [{"id": []}])
    ),
    case("fewer than its total", http({"entities": [entity(1)], "total": 250}), UnexpectedAnswer, "listing"),
    case(
        "the same twice for a total of two",
        http({"entities": [entity(1)] * 2, "total": 2}),
        UnexpectedAnswer,
        "listing",
    ),
    case(
        "page 1 of 3 and no more", http({"entities": [], "pageNumber": 1, "pageCount": 3}), UnexpectedAnswer, "listing"
    ),
    case("a total of 30 digits", http({"entities": [], "total": HUGE}), UnexpectedAnswer, "listing"),
    *(
        case(
            f"a {name} of {count!r:.30}",
            http({"entities": [], "pageNumber": 1, name: count}),
            RIGHT if count is None else UnexpectedAnswer,
            "listing",
        )
        for name in ("total", "pageCount")
        for count in (*NO_TOTALS, *NO_COUNTS)
    ),
    *(
        case(f"page {number!r} of 3", http({"entities": [], "pageNumber": number, "pageCount": 3}), expected, "listing")
        for number, expected in (
            ("1", UnexpectedAnswer),
            (1.0, UnexpectedAnswer),
            (None, UnexpectedAnswer),
            ([], UnexpectedAnswer),
            ("3", RIGHT),
            (3.0, RIGHT),
        )
    ),
    *(
        case(f"one of a {name} of {one!r}", http({"entities": [entity(1)], name: one}), RIGHT, "listing")
        for name in ("total", "pageCount")
        for one in (1, "1", 1.0)
    ),
    case(
        "a second page of 2 without its number",
        listed(f"{QUEUES}?pageNumber=2&pageSize=4", pageCount=2),
        RIGHT,
        "listing",
    ),
    case(
        "a second page of 3 without its number",
        listed(f"{QUEUES}?pageNumber=2&pageSize=4", pageCount=3),
        UnexpectedAnswer,
        "listing",
    ),
    case("the same page for ever", listed(QUEUES), RIGHT, "listing"),
    case("entities without end", without_end, EndlessPages, "listing"),
    case("pages without end that list nothing new", repeating, EndlessPages, "listing"),
    case("pages of 4 that are too large", too_large_unless(2, "entities"), RIGHT, "listing"),
    case("every page too large", too_large_unless(0, "entities"), AnswerTooLarge, "listing"),
    case(
        "more bytes than are listed",
        lambda asked: [
            http({"entities": [{**entity(asked.number), "x": "y" * 400_000}], "nextUri": f"{QUEUES}?{asked.number}=1"})
        ],
        errors.TooLarge,
        "listing",
    ),
    *(
        case(f"queues of {odd!r}", http({"entities": odd}), RIGHT, "preflight")
        for odd in (*ODD, [{"id": "x", "division": odd} for odd in ODD])
    ),
]

NOW = [
    *(
        case(
            f"results of {odd!r}",
            http({"results": odd}),
            UnexpectedAnswer if not isinstance(odd, list) else RIGHT,
            question,
        )
        for odd in ODD
        for question in ("activity", "observations")
    ),
    case("the same page for ever", http({"results": [{}, {}]}), EndlessPages, "activity"),
    case(
        "other pages for ever", lambda asked: [http({"results": [{"a": asked.number}] * 2})], EndlessPages, "activity"
    ),
    case("pages of 2 that are too large", too_large_unless(1, "results"), RIGHT, "activity"),
    case("every page too large", too_large_unless(0, "results"), AnswerTooLarge, "activity"),
    case("every answer too large", http({"code": "response.entity.too.large"}, 400), AnswerTooLarge, "observations"),
]

JOBS = [
    *(
        case(f"data until {odd!r:.40}", http({"dataAvailabilityDate": odd}), UnexpectedAnswer, "availability")
        for odd in NO_INSTANTS
    ),
    case("data until nobody knows", http({}), RIGHT, "availability"),
    *(case(f"the job {odd!r:.40}", http({"jobId": odd}), BrokenAnswer, "submission") for odd in NO_IDS),
    *(case(f"the state {odd!r}", http({"state": odd}), UnexpectedAnswer, "status") for odd in NO_STATES),
    case("a state of a megabyte", http({"state": "x" * 1_000_000, "errorMessage": "y" * 1_000_000}), RIGHT, "status"),
    *(
        case(f"submitted at {odd!r:.40}", http({"state": "PENDING", "submissionDate": odd}), UnexpectedAnswer, "status")
        for odd in NO_INSTANTS
    ),
    *(
        case(
            f"conversations of {odd!r}",
            http({"conversations": odd}),
            UnexpectedAnswer if not isinstance(odd, list) else RIGHT,
            "results",
        )
        for odd in ODD
    ),
    *(
        case(f"the cursor {odd!r:.30}", http({"cursor": odd}), UnexpectedAnswer, "results")
        for odd in (7, [1], {"a": 1}, True, "x" * 20_000, "\ud800")
    ),
    case("the same cursor for ever", http({"cursor": "x"}), EndlessPages, "results"),
    case("other cursors for ever", lambda asked: [http({"cursor": f"{asked.number}"})], EndlessPages, "results"),
    case(
        "the same page by other cursors",
        lambda asked: [http({"conversations": [{"conversationId": "a"}], "cursor": f"{asked.number}"})],
        EndlessPages,
        "results",
    ),
    case(
        "new pages for ever",
        lambda asked: [http({"conversations": [{"conversationId": f"{asked.number}"}], "cursor": f"{asked.number}"})],
        EndlessPages,
        "results",
    ),
    *(
        case(
            f"the cursor {odd!r}",
            leading_on_by(odd),
            RIGHT,
            "results",
        )
        for odd in ("@ELSEWHERE", "a\r\nX: y", "&pageSize=1", "../../x", "\x00", "ключ", "#")
    ),
    case("pages of 4 that are too large", too_large_unless(2, "conversations"), RIGHT, "results"),
    case("every page too large", too_large_unless(0, "conversations"), AnswerTooLarge, "results"),
]

DETAILS = [
    *(
        case(f"conversations of {odd!r}", http({"conversations": odd}), UnexpectedAnswer, question)
        for odd in ODD
        if not isinstance(odd, list)
        for question in ("details", "newest")
    ),
    *(case(f"a total of {odd!r:.20}", http({"totalHits": odd}), RIGHT, "details") for odd in (*NO_TOTALS, HUGE, 1.5)),
    case("a total and nothing else", http({"totalHits": 9}), UnexpectedAnswer, "details"),
    *(
        case(
            f"a start of {odd!r:.40}",
            http({"conversations": [{"conversationId": "a", "conversationStart": odd}], "totalHits": 1}),
            RIGHT,
            question,
        )
        for odd in NO_INSTANTS
        for question in ("details", "newest")
    ),
    case("every page too large", http({"code": "response.entity.too.large"}, 400), AnswerTooLarge, "details"),
    case("every page too large", http({"code": "response.entity.too.large"}, 400), AnswerTooLarge, "newest"),
]

INTERVALS: tuple[Any, ...] = (
    "x",
    "/",
    "",
    None,
    7,
    [],
    "2026-01-30T00:00:00Z",
    "0001-01-01T00:00:00+23:59/9999-12-31T23:59:59-23:59",
    "2026-01-30T00:00:00/2026-01-30T01:00:00",
    "2026-01-30T00:00:00Z/2026-01-30T09:00:00Z",
)

AGGREGATES = [
    *(
        case(
            f"results of {odd!r}",
            http({"results": odd}),
            UnexpectedAnswer if not isinstance(odd, list) else RIGHT,
            "aggregates",
        )
        for odd in ODD
    ),
    *(case(f"buckets of {odd!r}", http({"results": [{"data": odd}]}), RIGHT, "aggregates") for odd in ODD),
    *(
        case(f"an interval of {odd!r:.60}", http({"results": [{"data": [{"interval": odd}]}]}), RIGHT, "aggregates")
        for odd in INTERVALS
    ),
    case(
        "a number that cannot be written again",
        http(b'{"results": [{"data": [{"interval": "2026-01-30T00:00:00Z/2026-01-30T01:00:00Z", "x": 1e999}]}]}'),
        RIGHT,
        "aggregates",
    ),
    case("every answer too large", http({"code": "response.entity.too.large"}, 400), AnswerTooLarge, "aggregates"),
]

USERS = [
    *(
        case(f"users of {odd!r}", http({"userDetails": odd}), UnexpectedAnswer, "user details")
        for odd in ODD
        if not isinstance(odd, list)
    ),
    case("the same users for ever", http({"userDetails": [{"userId": "a"}]}), EndlessPages, "user details"),
    *(
        case(f"nobody for a total of {odd!r:.20}", http({"userDetails": [], "totalHits": odd}), RIGHT, "user details")
        for odd in (*NO_TOTALS, 1.5)
    ),
    case("a total and nobody", http({"totalHits": 9}), UnexpectedAnswer, "user details"),
    case("every page too large", http({"code": "response.entity.too.large"}, 400), AnswerTooLarge, "user details"),
]

ENDPOINTS: list[Case] = [
    *LISTINGS,
    *NOW,
    *JOBS,
    *DETAILS,
    *AGGREGATES,
    *USERS,
]

"""More JSON that is no valid answer of its endpoint: lists that end too early, ids that lead elsewhere, odd cursors."""

from __future__ import annotations

from typing import Any

from genesys_assets.cloud import errors
from genesys_assets.cloud.errors import BrokenAnswer, EndlessPages, UnexpectedAnswer
from genesys_assets_tests.faults.answers.endpoint_cases import entity
from genesys_assets_tests.faults.answers.host import Reply, http
from genesys_assets_tests.faults.answers.http_cases import RIGHT, case
from genesys_assets_tests.faults.answers.questions import QUEUES

NEXT = f"{QUEUES}?pageNumber=2&pageSize=4"
PATH_PARTS = (".", "..")
"""What a library takes out of a path, with the part before it."""


def pages(*answers: dict[str, Any]) -> Reply:
    """One answer after the other; the last one again and again."""
    return lambda asked: [http(answers[min(asked.number, len(answers) - 1)])]


def one(number: int, **more: Any) -> dict[str, Any]:
    return {"entities": [entity(number)], **more}


def grows(name: str, **more: Any) -> Reply:
    """Each answer has something new of half a megabyte, and names a next page."""
    return lambda asked: [
        http({"entities": [{**entity(asked.number), **more, "x": "y" * 400_000}], name: f"?after={asked.number}"})
    ]


LISTS = [
    case("a total on its first page only", pages(one(1, nextUri=NEXT, total=9), one(2)), UnexpectedAnswer, "listing"),
    case(
        "a page count on its first page", pages(one(1, nextUri=NEXT, pageCount=9), one(2)), UnexpectedAnswer, "listing"
    ),
    case(
        "a total that is no count, at first",
        pages(one(1, nextUri=NEXT, total="x"), one(2)),
        UnexpectedAnswer,
        "listing",
    ),
    case("a total that is corrected", pages(one(1, nextUri=NEXT, total=9), one(2, total=2)), RIGHT, "listing"),
    case("a total that grows", pages(one(1, nextUri=NEXT, total=2), one(2, total=3)), UnexpectedAnswer, "listing"),
    case("one entity on two pages", pages(one(1, nextUri=NEXT, total=2), one(1, total=2)), UnexpectedAnswer, "listing"),
    case(
        "an empty page within",
        pages(one(1, nextUri=NEXT), {"entities": [], "nextUri": f"{NEXT}3"}),
        EndlessPages,
        "listing",
    ),
    case("an empty page at the end", pages(one(1, nextUri=NEXT), {"entities": []}), RIGHT, "listing"),
    case("null at the end", pages(one(1, nextUri=NEXT), {"entities": None}), UnexpectedAnswer, "listing"),
    case("a page back to the first", pages(one(1, nextUri=NEXT), one(2, nextUri=NEXT)), EndlessPages, "listing"),
    case("null among its entities", http({"entities": [None]}), UnexpectedAnswer, "listing"),
    case("entities by their ids", http({"entities": {"a": {"id": "a"}}}), UnexpectedAnswer, "listing"),
    case("an id of a megabyte", http({"entities": [{"id": "x" * 1_000_000}]}), UnexpectedAnswer, "listing"),
    case("a NUL in an id", http({"entities": [{"id": "a\0"}]}), UnexpectedAnswer, "listing"),
    case("half a pair of surrogates as an id", http({"entities": [{"id": "\ud800"}]}), UnexpectedAnswer, "skills"),
    case(
        "a next page with other filters", pages(one(1, nextUri=f"{NEXT}&name=x&state=active"), one(2)), RIGHT, "listing"
    ),
    case("a next page of another size", pages(one(1, nextUri=f"{QUEUES}?pageSize=1000000"), one(2)), RIGHT, "listing"),
    case("a next page with dots", pages(one(1, nextUri=f"{QUEUES}/.?pageNumber=2")), UnexpectedAnswer, "listing"),
    case("a next page in escapes", pages(one(1, nextUri=QUEUES.replace("q", "%71"))), UnexpectedAnswer, "listing"),
    *(
        case(f"an entity called {name}", http({"entities": [{"id": name}]}), UnexpectedAnswer, question)
        for name in PATH_PARTS
        for question in ("listing", "members", "skills")
    ),
    *(case(f"the job {name}", http({"jobId": name}), BrokenAnswer, "submission") for name in PATH_PARTS),
    *(case(f"the query {name}", http({"id": name}), UnexpectedAnswer, "usage") for name in PATH_PARTS),
    case("the job of two paths", http({"jobId": "a/b"}), RIGHT, "submission"),
    *(
        case(f"data until {instant}", http({"dataAvailabilityDate": instant}), UnexpectedAnswer, question)
        for question in ("availability", "results")
        for instant in ("9999-12-31T23:59:59Z", "2027-01-01T00:00:00Z")
    ),
    case("data until 1970", http({"dataAvailabilityDate": "1970-01-01T00:00:00Z"}), RIGHT, "availability"),
    case("fulfilled in small letters", http({"state": "fulfilled"}), RIGHT, "status"),
    case("a cursor of a megabyte", http({"cursor": "x" * 1_000_000}), UnexpectedAnswer, "results"),
    case(
        "a cursor that turns up again",
        pages({"cursor": "a"}, {"cursor": "b"}, {"cursor": "a"}),
        EndlessPages,
        "results",
    ),
    case(
        "text behind a long cursor", pages({"cursor": "x" * 8_000}, {"conversations": "x"}), UnexpectedAnswer, "results"
    ),
    case(
        "text behind a long URL",
        pages(one(1, nextUri=f"{NEXT}&x={'y' * 8_000}"), {"entities": "x"}),
        UnexpectedAnswer,
        "listing",
    ),
    case(
        "no instant behind a long cursor",
        pages({"cursor": "x" * 8_000}, {"dataAvailabilityDate": 7}),
        UnexpectedAnswer,
        "results",
    ),
    case("null for conversations", http({"conversations": None}), RIGHT, "results"),
    case("null among conversations", http({"conversations": [None], "totalHits": 1}), RIGHT, "details"),
    case("a total that is negative", http({"conversations": [], "totalHits": -1}), RIGHT, "newest"),
    case(
        "files of more bytes than are listed",
        grows("nextUri", dataSchema="segments", dateCreated="2026-01-30T01:00:00Z"),
        errors.TooLarge,
        "lake files",
    ),
    case(
        "one schema, twice",
        http(b'{"entities": [], "enabledDataSchemas": [], "enabledDataSchemas": ["a"]}'),
        BrokenAnswer,
        "lake files",
    ),
]

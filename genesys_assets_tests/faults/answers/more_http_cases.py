"""More bad HTTP and bad JSON: what comes before an answer, contradicts it, or repeats what the request held."""

from __future__ import annotations

import gzip
import zlib

from genesys_assets.cloud.errors import (
    AnswerTooLarge,
    BadRequest,
    BrokenAnswer,
    GenesysCloudError,
    MissingPermission,
    NotFound,
    RateLimited,
    ServerTrouble,
    UnexpectedAnswer,
    Unreachable,
)
from genesys_assets_tests.faults.answers.host import SECRET, TOKEN, Chunks, Reply, RequestHead, http
from genesys_assets_tests.faults.answers.http_cases import (
    DONE,
    GRANT,
    PLAIN,
    RIGHT,
    case,
    chunk,
    chunked,
    head,
    packed,
    redirect,
)

GOOD_LIST = {"entities": [{"id": "a"}]}


def told_before(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nLink: </x>; rel=preload\r\n\r\n".encode()


def deflated(content: bytes) -> bytes:
    return packed(zlib.compress(content), encoding="deflate")


def new_wishes(asked: RequestHead) -> Chunks:
    """Each time another permission is missing."""
    yield http({"code": "missing.permissions", "message": f"You are missing: a:b{asked.number}:view"}, 403)


def in_turn(*statuses: int) -> Reply:
    return lambda asked: [http({"message": "No."}, statuses[asked.number % len(statuses)])]


BEFORE_THE_ANSWER = [
    case("103 Early Hints before it", told_before("103 Early Hints") + DONE, RIGHT),
    case("102 Processing before it", told_before("102 Processing") + DONE, RIGHT),
    case("199 and 100 before it", told_before("199 X") + told_before("100 Continue") + DONE, RIGHT),
    case("102 Processing and nothing else", told_before("102 Processing"), Unreachable),
    case("another protocol from here on", told_before("101 Switching Protocols") + DONE, Unreachable),
    case("another protocol for a login", told_before("101 Switching Protocols") + DONE, Unreachable, "login"),
    case("an empty line before it", b"\r\n" + DONE, Unreachable),
    case("HTTP of 1991", b"<html>hello</html>", Unreachable),
    case("headers of the last century", http(PLAIN, "HTTP/1.0 200 OK"), RIGHT),
    case("a status line alone", b"HTTP/1.1 200 OK\r\n", BrokenAnswer),
]

HEADERS = [
    case(
        "a token among what is no header", head("no colon", f"X: Bearer {TOKEN}", "Content-Length: 14") + PLAIN, RIGHT
    ),
    case(
        "a secret among what is no header",
        http(GRANT, 200, "no colon", f"X: {SECRET}".encode().decode("latin-1")),
        NotFound,
        "login",
    ),
    *(
        case(f"the token in {name} of {status}", http(PLAIN, status, f"{name}: {before}{TOKEN}"), expected)
        for status, expected in ((200, RIGHT), (409, GenesysCloudError), (429, RateLimited), (500, ServerTrouble))
        for name, before in (
            ("ININ-Correlation-Id", "x" * 470),
            ("Retry-After", ""),
            ("Date", ""),
            ("inin-ratelimit-count", ""),
            ("Set-Cookie", "a="),
            ("Content-Type", "application/"),
        )
    ),
    case("the token as an encoding", packed(PLAIN, encoding=TOKEN.upper()), BrokenAnswer),
    case("the token as a host in capitals", redirect(f"http://{TOKEN.upper()}.example.com/"), UnexpectedAnswer),
    case(
        "the secret as a content type", http(b"x", 200, "Content-Type: " + SECRET[:-1] + "e"), UnexpectedAnswer, "login"
    ),
    case("a multipart type", http(PLAIN, 200, "Content-Type: multipart/mixed; boundary=x"), RIGHT),
    case("a header over two lines", head("X: a", "\tb", "Content-Length: 14") + PLAIN, RIGHT),
    case("a line end of Unix", b"HTTP/1.1 200 OK\nContent-Length: 14\nConnection: close\n\n" + PLAIN, RIGHT),
    case("two lengths that differ", head("Content-Length: 14", "Content-Length: 15") + PLAIN, BrokenAnswer),
    case("two lengths that agree", head("Content-Length: 14", "Content-Length: 14") + PLAIN, RIGHT),
    case("a length with a sign", http(PLAIN, length="+14"), RIGHT),
    case("extensions of chunks", chunked(b"e;a=b;" + b"x" * 500 + b"\r\n" + PLAIN + b"\r\n", chunk(b"")), RIGHT),
    case("a trailer", chunked(chunk(PLAIN), b"0\r\nContent-Length: 3\r\nX: y\r\n\r\n"), RIGHT),
    case(
        "chunks that are packed", http(chunk(PLAIN) + chunk(b""), 200, "Transfer-Encoding: gzip, chunked"), BrokenAnswer
    ),
    case("two answers at once", http(PLAIN) + http({"other": 1}), RIGHT),
]

PACKED = [
    case("deflated", deflated(PLAIN), BrokenAnswer),
    case("packed by gzip, then by br", packed(gzip.compress(PLAIN), encoding="gzip, br"), BrokenAnswer),
    case("packed by what it says in capitals", packed(gzip.compress(PLAIN), encoding="GZIP"), RIGHT),
    case("packed and said to be plain", http(gzip.compress(PLAIN)), BrokenAnswer),
    case("a bomb within a bomb", packed(gzip.compress(gzip.compress(b" " * 20_000_000))), BrokenAnswer),
    case("a hundred thousand parts of nothing", packed(gzip.compress(b"") * 90_000 + gzip.compress(PLAIN)), RIGHT),
    case("only parts of nothing", packed(gzip.compress(b"") * 9), BrokenAnswer),
    case("more parts of nothing than are read", packed(gzip.compress(b"") * 150_000), AnswerTooLarge),
    case("a packed login that explodes", packed(gzip.compress(b" " * 20_000_000)), AnswerTooLarge, "login"),
]

STATUSES = [
    case("a part of it", http(GOOD_LIST, 206, "Content-Range: bytes 0-9/99"), BrokenAnswer, "listing"),
    case("205 with a body", http(PLAIN, 205), RIGHT),
    case("203 from a proxy", http(PLAIN, 203), RIGHT),
    case("202 without a body", http(b"", 202), BrokenAnswer),
    case("204 with a body", http(PLAIN, 204), BrokenAnswer),
    case("304 with a body", http(PLAIN, 304), UnexpectedAnswer),
    case("a redirect without a place", http(b"", 301), UnexpectedAnswer),
    case("a redirect that is permanent", http(b"", 308, "Location: http://ELSEWHERE/"), UnexpectedAnswer),
    case("another missing permission each time", new_wishes, MissingPermission),
    case(
        "a success that is a page of a login",
        http(b"<!doctype html><form>", 200, "Content-Type: text/html"),
        BrokenAnswer,
    ),
    case("400 in a page", http(b"<html>Bad Request</html>", 400), BadRequest),
    case("413 of a gateway", http(b"<html>Too large</html>", 413), GenesysCloudError),
    case("several kinds of failures in turn", in_turn(500, 502, 503, 504, 408, 429), GenesysCloudError),
    case("401 and 403 in turn", in_turn(401, 403), MissingPermission),
    case("401 and then 500", in_turn(401, 500), ServerTrouble),
    *(
        case(f"429 with Retry-After {value!r}", http(b"", 429, f"Retry-After: {value}"), RateLimited)
        for value in ("1.5", "1e1", "-1.5", "3, 5", "Thu, 01 Jan 1970 00:00:00 GMT", "2026-01-31T12:00:00Z", "infinity")
    ),
    case(
        "429 with nothing used",
        http(b"", 429, "inin-ratelimit-count: 0", "inin-ratelimit-allowed: 300", "inin-ratelimit-reset: 0"),
        RateLimited,
    ),
    case(
        "200 with more used than allowed",
        http(PLAIN, 200, "inin-ratelimit-count: 900", "inin-ratelimit-allowed: 3", "inin-ratelimit-reset: 99999"),
        RIGHT,
    ),
]

JSON = [
    *(
        case(f"{name} twice", http(body), BrokenAnswer, question)
        for name, question, body in (
            ("entities", "listing", b'{"entities": [{"id": "a"}], "entities": []}'),
            ("entities", "members", b'{"entities": [{"id": "a"}], "entities": []}'),
            ("a next page", "listing", b'{"entities": [{"id": "a"}], "nextUri": "/x", "nextUri": null}'),
            ("a total", "listing", b'{"entities": [{"id": "a"}], "total": 9, "total": 1}'),
            ("conversations", "details", b'{"conversations": [{}], "conversations": [], "totalHits": 0}'),
            ("a cursor", "results", b'{"conversations": [], "cursor": "a", "cursor": null}'),
            ("results", "aggregates", b'{"results": [{"data": []}], "results": []}'),
            ("results", "activity", b'{"results": [{}], "results": []}'),
            ("users", "user details", b'{"userDetails": [{"userId": "a"}], "userDetails": []}'),
            ("a job", "submission", b'{"jobId": "a", "jobId": "b"}'),
            ("an instant", "availability", b'{"dataAvailabilityDate": "x", "dataAvailabilityDate": null}'),
        )
    ),
    case("entities within entities", http({"entities": [{"id": "a", "entities": [{"id": "b"}]}]}), RIGHT, "listing"),
    case("a name twice within", http(b'{"entities": [{"id": "a", "total": 1, "total": 2}]}'), RIGHT, "listing"),
    case("a number of many digits and a point", http(b'{"a": 1.%s}' % (b"9" * 100_000)), RIGHT),
    case("a number next to nothing", http(b'{"a": [1e-400, -0, -0.0, 9223372036854775808]}'), RIGHT),
    case("text behind a NUL", http(b'{"a": 1}\x00{"b": 2}'), BrokenAnswer),
    case("a NUL in a text", http(b'{"a": "\\u0000"}'), RIGHT),
    case("a raw NUL in a text", http(b'{"a": "\x00"}'), BrokenAnswer),
    case("a name of a megabyte", http({"x" * 1_000_000: 1}), RIGHT),
    case("letters that are too long for UTF-8", http(b'{"a": "\xc0\xaf"}'), BrokenAnswer),
    case("a guard against scripts", http(b")]}',\n" + PLAIN), BrokenAnswer),
    case("a call of a script", http(b"callback(" + PLAIN + b")"), BrokenAnswer),
    case("lines of JSON", http(PLAIN + b"\n" + PLAIN), BrokenAnswer),
    case("a text of JSON", http(b'"{\\"done\\": true}"'), BrokenAnswer),
]

MORE_HTTP = [*BEFORE_THE_ANSWER, *HEADERS, *PACKED, *STATUSES, *JSON]

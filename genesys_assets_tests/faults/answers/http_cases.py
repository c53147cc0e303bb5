"""Bad HTTP, bad JSON, bad statuses and bad logins: faults that do not depend on the endpoint."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genesys_assets.cloud import errors
from genesys_assets.cloud.errors import AnswerTooLarge, BrokenAnswer, RateLimited, ServerTrouble, Unreachable
from genesys_assets_tests.faults.answers.host import SECRET, TOKEN, Chunks, Reply, RequestHead, http

RIGHT = None
Expected = type[Exception] | None
DONE = http({"done": True})
PLAIN = b'{"done": true}'
DIGITS = "9" * 30


@dataclass(frozen=True)
class Case:
    """The answer of a host to a question, and the expected error; RIGHT where a result is expected."""

    name: str
    question: str
    reply: Reply
    expected: Expected


def case(name: str, answer: bytes | Reply, expected: Expected, question: str = "get") -> Case:
    def always(_: RequestHead) -> Chunks:
        assert isinstance(answer, bytes)
        yield answer

    return Case(f"{question}: {name}", question, always if isinstance(answer, bytes) else answer, expected)


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *lines, "", ""]).encode("latin-1")


def chunked(*chunks: bytes) -> bytes:
    return head("Transfer-Encoding: chunked") + b"".join(chunks)


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def packed(content: bytes, *, encoding: str = "gzip") -> bytes:
    return http(content, 200, f"Content-Encoding: {encoding}")


def dripping(before: bytes, drop: bytes = b"x") -> Reply:
    def reply(_: RequestHead) -> Iterator[bytes]:
        yield before
        for _drop in range(1000):
            time.sleep(0.01)
            yield drop

    return reply


def shorten(value: str) -> str:
    return value if len(value) < 50 else f"{len(value)} characters"


def escaped(text: str) -> bytes:
    """The text of JSON with each character as an escape."""
    return "".join(f"\\u{ord(character):04x}" for character in text).encode()


def redirect(location: str) -> Reply:
    return lambda asked: [http(b"", 302, "Location: " + location.replace("ELSEWHERE", asked.elsewhere))]


def _broken_crc(content: bytes) -> bytes:
    good = bytearray(gzip.compress(content))
    good[-6] ^= 0xFF
    return bytes(good)


HTTP = [
    case("nothing", b"", Unreachable),
    case("noise", b"\x00\xff" * 500, Unreachable),
    case("half a status line", b"HTTP/1.", Unreachable),
    case("no number for a status", b"HTTP/1.1 abc OK\r\n\r\n", Unreachable),
    case("a status of five digits", b"HTTP/1.1 99999 OK\r\n\r\n", Unreachable),
    case("a status below 100", b"HTTP/1.1 099 OK\r\n\r\n", Unreachable),
    case("a negative status", b"HTTP/1.1 -20 OK\r\n\r\n", Unreachable),
    case("a version of the future", http(PLAIN, "HTTP/9.9 200 OK"), Unreachable),
    case("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n", Unreachable),
    case("TLS where none is spoken", b"\x15\x03\x01\x00\x02\x02\x28", Unreachable),
    case("a status line of 70,000 characters", b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n", Unreachable),
    case("a thousand headers", head(*(f"X-{number}: 1" for number in range(1000))) + PLAIN, Unreachable),
    case("a header of 70,000 characters", head("X: " + "x" * 70_000) + PLAIN, Unreachable),
    case("headers that are none", head("no colon here", "Content-Length: 14") + PLAIN, RIGHT),
    case("a NUL in a header", head("X: a\x00b", "Content-Length: 14") + PLAIN, RIGHT),
    case("a thousand times 100 Continue", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + DONE, RIGHT),
    case("no length", head() + PLAIN, RIGHT),
    case("a length that is too long", http(PLAIN, length=1000), BrokenAnswer),
    case("a length that is too short", http(PLAIN, length=5), BrokenAnswer),
    case("a negative length", http(PLAIN, length=-7), RIGHT),
    case("no number for a length", http(PLAIN, length="many"), RIGHT),
    case("two lengths", http(PLAIN, length="14, 15"), BrokenAnswer),
    case("a length of 30 digits", http(PLAIN, length=DIGITS), AnswerTooLarge),
    case("a length of 5,000 digits", http(PLAIN, length="9" * 5000), RIGHT),
    case("chunks", chunked(chunk(PLAIN[:5]), chunk(PLAIN[5:]), chunk(b"")), RIGHT),
    case("chunks beside a length", http(chunk(PLAIN) + chunk(b""), 200, "Transfer-Encoding: chunked"), RIGHT),
    case("a chunk of no number", chunked(b"zz\r\n" + PLAIN), BrokenAnswer),
    case("a chunk of negative size", chunked(b"-5\r\n" + PLAIN), BrokenAnswer),
    case("a chunk of 16 exabytes", chunked(b"FFFFFFFFFFFFFFFF\r\n" + PLAIN), BrokenAnswer),
    case("a chunk cut short", chunked(chunk(PLAIN)[:9]), BrokenAnswer),
    case("a chunk size of 70,000 characters", chunked(b"1" * 70_000 + b"\r\n"), BrokenAnswer),
    case("chunks without an end", chunked(chunk(PLAIN)), BrokenAnswer),
    case("an encoding that was not asked for", packed(PLAIN, encoding="br"), BrokenAnswer),
    case("packed twice", packed(gzip.compress(gzip.compress(PLAIN)), encoding="gzip, gzip"), BrokenAnswer),
    case("an encoding of 10,000 characters", packed(PLAIN, encoding="x" * 10_000), BrokenAnswer),
    case("packed", packed(gzip.compress(PLAIN)), RIGHT),
    case("not packed though it says so", packed(PLAIN), BrokenAnswer),
    case("packed and cut", packed(gzip.compress(PLAIN * 99)[:40]), BrokenAnswer),
    case("packed with a wrong checksum", packed(_broken_crc(PLAIN)), BrokenAnswer),
    case("packed with noise behind", packed(gzip.compress(PLAIN) + b"noise"), RIGHT),
    case("packed in two parts", packed(gzip.compress(PLAIN[:5]) + gzip.compress(PLAIN[5:])), RIGHT),
    case("a million times what it was packed to", packed(gzip.compress(b" " * 20_000_000)), AnswerTooLarge),
    case("a bomb behind a good answer", packed(gzip.compress(PLAIN + b" " * 20_000_000)), AnswerTooLarge),
    case("more than is read", http(b" " * 3_000_000), AnswerTooLarge),
    case("more than is read, in chunks", chunked(*[chunk(b" " * 50_000)] * 60), AnswerTooLarge),
    case("more than is read, without a length", head() + b" " * 3_000_000, AnswerTooLarge),
    case("a thousand cookies", head(*(f"Set-Cookie: c{n}={'x' * 500}" for n in range(90))) + PLAIN, RIGHT),
]

DRIPS = [
    case("a status line that drips", dripping(b"HTTP/1.1 2"), Unreachable),
    case("headers that drip", dripping(b"HTTP/1.1 200 OK\r\nX: "), Unreachable),
    case("one header a moment", dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), Unreachable),
    case("100 Continue for ever", dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Unreachable),
    case("a body that drips", dripping(head("Content-Length: 1000") + b'{"a": "'), Unreachable),
    case("a body without a length that drips", dripping(head() + b'{"a": "'), Unreachable),
    case("chunks that drip", dripping(head("Transfer-Encoding: chunked"), b"1\r\nx\r\n"), Unreachable),
    case("a chunk size that drips", dripping(head("Transfer-Encoding: chunked"), b"0"), Unreachable),
    case("a trailer that drips", dripping(chunked(chunk(PLAIN), b"0\r\n"), b"X: y\r\n"), Unreachable),
    case("an error that drips", dripping(b"HTTP/1.1 500 X\r\n\r\n{"), Unreachable),
    case("a login that drips", dripping(head() + b"{"), Unreachable, "login"),
]

JSON = [
    *(
        case(f"{body[:30]!r}", http(body), BrokenAnswer)
        for body in (
            b"",
            b" \r\n\t ",
            b"<html>Please log in</html>",
            b"Service is fine",
            b"null",
            b"7",
            b'"x"',
            b"[]",
            b"[{}]",
            b"true",
            b"{",
            b'{"a":',
            b'{"a": 1}}',
            b"{}{}",
            b'{"a": 1,}',
            b"{'a': 1}",
            b'{"a": 1} // done',
            b'{"a": NaN}',
            b'{"a": Infinity}',
            b'{"a": -Infinity}',
            b'{"a": 01}',
            b'{"a": +1}',
            b'{"a": .5}',
            b"\x1f\x8b\x08",
            b'{"a": "\xe9"}',
            b'{"a": "line\nbreak"}',
            b"{a: 1}",
            b"\xff\xfe{}",
            b'{"a": "\\ud8"}',
            b'{"a": "\\x41"}',
        )
    ),
    case("a number of 5,000 digits", http(b'{"a": %s}' % (b"9" * 5000)), BrokenAnswer),
    case("a number beyond all floats", http(b'{"a": 1e999}'), RIGHT),
    case("lists 50,000 deep", http(b'{"a": %s%s}' % (b"[" * 50_000, b"]" * 50_000)), BrokenAnswer),
    case("objects 50,000 deep", http(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), BrokenAnswer),
    case("opened 50,000 times", http(b'{"a": ' + b"[" * 50_000), BrokenAnswer),
    case("lists 300 deep", http(b'{"a": %s%s}' % (b"[" * 300, b"]" * 300)), BrokenAnswer),
    case("lists 60 deep", http(b'{"a": %s%s}' % (b"[" * 60, b"]" * 60)), RIGHT),
    case("brackets in a text", http({"a": "[" * 5000 + '"\\"' + "{" * 5000, "b\\": "]"}), RIGHT),
    case("half a pair of surrogates", http(b'{"a": "\\ud800"}'), RIGHT),
    case("a name twice", http(b'{"a": 1, "a": 2}'), RIGHT),
    *(
        case(encoding, http('{"a": 1}'.encode(encoding)), BrokenAnswer)
        for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    ),
    case("more values than are read", http(b'{"a": [%s0]}' % (b"0," * 300_000)), AnswerTooLarge),
    case("more objects than are read", http(b'{"a": [%s{}]}' % (b"{}," * 200_000)), AnswerTooLarge),
    case("its own token", http({"debug": {"Authorization": f"Bearer {TOKEN}"}}), errors.UnexpectedAnswer),
    *(
        case(f"its own token {name}", http(body), errors.UnexpectedAnswer)
        for name, body in (
            ("with an escaped character", b'{"debug": ["%s"]}' % TOKEN.replace("-", "\\u002d").encode()),
            ("in escapes", b'{"debug": "Bearer %s"}' % escaped(TOKEN)),
            ("as an escaped name", b'{"debug": [{"%s": 1}]}' % escaped(TOKEN).upper().replace(b"\\U", b"\\u")),
            ("in escapes behind others", b'{"a": "\\"\\\\%s"}' % escaped(TOKEN)),
            ("in escapes, as the first of two values", b'{"a": "%s", "a": 1}' % escaped(TOKEN)),
        )
    ),
    case("other escapes", http({"a": 'ключ "\\u002d" \\ /'}), RIGHT),
    case("a Date of no calendar", http(PLAIN, 200, "Date: Sun, 99 Foo 99999999999 99:99:99 GMT"), RIGHT),
    case("a Date before all others", http(PLAIN, 200, "Date: Mon, 01 Jan 0001 00:00:00 +2359"), RIGHT),
    case("a correlation id of 60,000", http(PLAIN, 200, "ININ-Correlation-Id: " + "x" * 60_000), RIGHT),
    *(
        case(
            f"a {' '.join(names)} of {shorten(value)}",
            http(PLAIN, 200, *(f"inin-ratelimit-{name}: {value}" for name in names)),
            RIGHT,
        )
        for names in (("count", "allowed", "reset"), ("count",), ("allowed", "reset"))
        for value in (DIGITS, "9" * 5000, "-1", "0", "1e9", "nan", "\xb2", "1_0", "")
    ),
]

WAITS = (
    DIGITS,
    "9" * 5000,
    "-5",
    "0",
    "1e9",
    "nan",
    "\xb2\xb3",
    "1_000",
    "Sun, 01 Feb 2126 12:00:44 GMT",
    "Sun, 01 Feb 99999999999999999999 12:00:44 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    ",,,",
    "170",
)

STATUSES = [
    *(
        case(f"{status} with Retry-After {shorten(value)}", http(b"", status, f"Retry-After: {value}"), expected)
        for status, expected in ((429, RateLimited), (503, ServerTrouble), (500, ServerTrouble))
        for value in WAITS
    ),
    *(
        case(f"429 with a reset of {shorten(value)}", http(b"", 429, f"inin-ratelimit-reset: {value}"), RateLimited)
        for value in WAITS
    ),
    case("429 with a message of 5,000 digits", http({"message": f"Retry in [{'9' * 5000}] seconds"}, 429), RateLimited),
    *(
        case(f"{status} for ever", http({"message": "No.", "code": "no"}, status), expected)
        for status, expected in (
            (400, errors.BadRequest),
            (401, errors.Unauthorized),
            (402, errors.GenesysCloudError),
            (403, errors.MissingPermission),
            (404, errors.NotFound),
            (405, errors.GenesysCloudError),
            (407, errors.GenesysCloudError),
            (408, ServerTrouble),
            (410, errors.GenesysCloudError),
            (413, errors.TooLarge),
            (429, RateLimited),
            (451, errors.GenesysCloudError),
            (500, ServerTrouble),
            (501, ServerTrouble),
            (502, ServerTrouble),
            (503, ServerTrouble),
            (504, ServerTrouble),
            (511, ServerTrouble),
            (599, ServerTrouble),
            (600, ServerTrouble),
            (999, ServerTrouble),
            (300, errors.UnexpectedAnswer),
            (304, errors.UnexpectedAnswer),
            (204, BrokenAnswer),
            (206, errors.UnexpectedAnswer),
        )
    ),
    *(
        case(f"a redirect to {shorten(location)}", redirect(location), errors.UnexpectedAnswer)
        for location in (
            "http://ELSEWHERE/api/v2/things",
            "//ELSEWHERE/x",
            "/api/v2/things",
            "@ELSEWHERE/x",
            "http://[",
            "",
            "http://user:pw@ELSEWHERE/",
            "file:///etc/passwd",
            "x" * 60_000,
            "javascript:alert(1)",
            "\\\\ELSEWHERE\\x",
            f"http://{TOKEN}.example.com/",
        )
    ),
    *(
        case(f"an error body {name}", http(body, 409), errors.GenesysCloudError)
        for name, body in (
            ("of a megabyte", {"message": "x" * 1_000_000}),
            ("of lines", {"message": "a\nERROR forged\r\n\x1b[31mred"}),
            ("without text", {"message": 7, "code": ["x"], "contextId": {}}),
            ("in a list", [{"message": "x"}]),
            ("50,000 deep", b'{"message":' * 50_000),
            ("that repeats the token", {"message": f"Bearer {TOKEN} is bad"}),
            ("with the token as its code", {"message": "No.", "code": TOKEN, "contextId": TOKEN}),
            ("in HTML", b"<html>" + TOKEN.encode()),
            ("of surrogates", b'{"message": "\\ud800\\udc00\\ud800"}'),
        )
    ),
    case("an endless error", http(b"x" * 3_000_000, 500), ServerTrouble),
    case(
        "a packed error that explodes",
        http(gzip.compress(b" " * 20_000_000), 502, "Content-Encoding: gzip"),
        ServerTrouble,
    ),
    case(
        "10,000 permissions",
        http({"message": " ".join(f"a:b{n}:c" for n in range(10_000))}, 403),
        errors.MissingPermission,
    ),
    case(
        "parameters that are no texts",
        http({"message": "x", "messageParams": {"a": [1], "b": None}}, 403),
        errors.MissingPermission,
    ),
]

GRANT = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399}

LIVES: tuple[Any, ...] = (None, "soon", 0, -1, True, [], {}, 10**30, 1e300, 0.001)

LOGINS = [
    *(
        case(f"a grant of {name}", http(body), expected, "login")
        for name, body, expected in (
            ("nothing", b"", BrokenAnswer),
            ("half", b'{"access_token": "x', BrokenAnswer),
            ("10,000 levels", b'{"a":' * 10_000, BrokenAnswer),
            ("HTML", b"<html>hello</html>", errors.UnexpectedAnswer),
            ("a list", b"[]", errors.UnexpectedAnswer),
            ("no token", b"{}", errors.UnexpectedAnswer),
            ("an empty token", {"access_token": ""}, errors.UnexpectedAnswer),
            ("a number", {"access_token": 7}, errors.UnexpectedAnswer),
            ("two lines", {"access_token": f"{TOKEN}\r\nX-Evil: 1"}, errors.UnexpectedAnswer),
            ("words", {"access_token": f"{TOKEN} and more"}, errors.UnexpectedAnswer),
            ("letters that no header holds", {"access_token": "ключ"}, errors.UnexpectedAnswer),
            ("20,000 characters", {"access_token": "x" * 20_000}, errors.UnexpectedAnswer),
            ("a megabyte", {"access_token": "x" * 1_000_000}, AnswerTooLarge),
            ("the secret", f'{{"error": "{SECRET}"}}'.encode(), errors.UnexpectedAnswer),
        )
    ),
    *(case(f"a life of {life!r:.24}", http({**GRANT, "expires_in": life}), errors.NotFound, "login") for life in LIVES),
    case("a life without end", http(b'{"access_token": "x1", "expires_in": 1e999}'), errors.NotFound, "login"),
    *(
        case(f"{status} with the secret in {name}", http(body, status), expected, "login")
        for name, body in (
            ("its message", {"error": SECRET, "error_description": f"{SECRET} is wrong"}),
            ("a page", f"<html>{SECRET}</html>".encode()),
        )
        for status, expected in (
            (400, errors.LoginRefused),
            (401, errors.WrongClientSecret),
            (403, errors.LoginRefused),
            (500, ServerTrouble),
            (429, RateLimited),
        )
    ),
    case("a redirect", redirect("http://ELSEWHERE/oauth/token"), errors.LoginRefused, "login"),
    case("503 for ever", http(b"", 503), ServerTrouble, "login"),
]

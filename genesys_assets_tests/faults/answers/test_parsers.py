"""Every parser of the platform's answers reads any bytes and words, or refuses them with a named error."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from genesys_assets.cloud.errors import BrokenAnswer, GenesysCloudError, UnexpectedAnswer
from genesys_assets.cloud.http import limits
from genesys_assets.cloud.http.answers import login_refusal, read_grant, read_object, refusal, requested_wait
from genesys_assets.cloud.http.exchange import Answer
from genesys_assets.cloud.http.pacing import Budget
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.paging import Cursor, NextUri
from genesys_assets.cloud.http.parsing import UnreadableJson, http_date, instant, parse_json, whole_number, words
from genesys_assets.cloud.http.urls import NotAUrl, checked_url, origin, without_user_info
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.lake_files import protected
from genesys_assets.privacy.protection import Protection
from genesys_assets.tables import stored_answers
from genesys_assets.tables.conversations.decode import decode
from genesys_assets.tables.conversations.decode_values import UnreadablePage
from genesys_assets.tables.data_lake.decode import UnreadableFile
from genesys_assets.tables.data_lake.decode import decode as decode_lake_file
from genesys_assets.tables.users import spans
from genesys_assets_tests.faults import EVERY_CASE

EXAMPLES = settings(max_examples=300 if EVERY_CASE else 25)
HASHING = Protection(dict.fromkeys(PersonalData, "hash"), b"k" * 32)
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=30,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.text().map(lambda text: text.encode())
# The characters that a header may contain.
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255)) | st.from_regex(r"-?[0-9]{1,60}", fullmatch=True)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "inin-ratelimit-reset", "ININ-Correlation-Id", "Location", "Content-Type", "Date"]),
    VALUES,
)
ANSWERS = st.builds(
    Answer, st.integers(100, 999), HEADERS, BODIES, st.just("Bearer t0ken-of-the-request") | st.just("Basic aWQ6c2Vj")
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@EXAMPLES
@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_what_is_json_is_read_as_it_is(value: Any, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert parse_json(body) == json.loads(body) == value


@EXAMPLES
@given(st.binary())
def test_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except UnreadableJson:
        return
    assert body.strip()


@EXAMPLES
@given(st.lists(st.sampled_from(["[", '{"a":', '{"]":', '{"\\\\":', '{"\\"{":']), max_size=90), st.booleans())
@example(["["] * limits.DEEPEST, False)
@example(["["] * (limits.DEEPEST + 1), False)
def test_just_what_is_too_deep_is_refused(openings: list[str], broken: bool) -> None:
    closings = ["]" if opening == "[" else "}" for opening in reversed(openings)]
    body = f"{''.join(openings)}1{''.join(closings[: len(closings) // 2] if broken else closings)}".encode()
    if len(openings) <= limits.DEEPEST and not (broken and openings):
        assert depth(parse_json(body)) == len(openings)
    else:
        with pytest.raises(UnreadableJson):
            parse_json(body)


@EXAMPLES
@given(st.text() | VALUES)
def test_whole_numbers_are_read_or_none(text: str) -> None:
    number = whole_number(text)
    assert number is None or abs(number) < 10**9
    assert http_date(text) is None or isinstance(http_date(text), datetime)


@EXAMPLES
@given(st.integers(-(10**9) + 1, 10**9 - 1))
def test_whole_numbers_are_read_right(number: int) -> None:
    assert whole_number(f" {number} ") == number


@EXAMPLES
@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))
)
def test_dates_are_read_right(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assume(whole.year >= 1000)
    assert http_date(format_datetime(whole, usegmt=True)) == whole
    assert instant(at.isoformat()) == at


@EXAMPLES
@given(JSON | st.text() | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}([+-][0-9]{2}:[0-9]{2}|Z)?"))
def test_instants_are_read_or_none(written: Any) -> None:
    at = instant(written)
    assert at is None or at.tzinfo is UTC


@EXAMPLES
@given(st.text())
def test_words_of_others_are_one_short_line(text: str) -> None:
    assert words(text).isprintable()
    assert len(words(text)) <= limits.LONGEST_WORDS + 2


@EXAMPLES
@given(HEADERS, st.text() | VALUES.map(lambda value: f"Retry in [{value}] seconds"))
def test_a_wait_is_at_most_a_year_or_unknown(headers: dict[str, str], message: str) -> None:
    wait = requested_wait(headers, message, NOON)
    assert wait is None or 0 <= wait <= 366 * 86_400


@EXAMPLES
@given(ANSWERS)
def test_every_answer_is_an_object_or_an_error_that_can_be_read(answer: Answer) -> None:
    try:
        assert isinstance(read_object(answer, "GET /x"), dict)
    except GenesysCloudError as error:
        readable(error)
    readable(refusal(answer, "GET /x", NOON))
    readable(login_refusal(answer, "me", "host", NOON))
    try:
        assert read_grant(answer, "host")["access_token"]
    except GenesysCloudError as error:
        readable(error)


@EXAMPLES
@given(
    JSON | st.fixed_dictionaries({"conversations": st.lists(JSON)}),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]),
)
@example({"conversations": []}, "utf-8-sig")
@example({"conversations": []}, "utf-16")
def test_what_is_accepted_when_it_arrives_can_be_read_later(value: Any, encoding: str) -> None:
    body = json.dumps(value, ensure_ascii=False).encode(encoding, "surrogatepass")
    with contextlib.suppress(BrokenAnswer):
        read_object(Answer(200, {}, body, ""), "GET /x")
        decode(body)
        stored_answers.parse_json(body, "a page")


@pytest.mark.parametrize(
    ("encoding", "named"), [("utf-8-sig", "a byte order mark"), ("utf-16", "UTF-16"), ("utf-32-le", "UTF-32")]
)
def test_an_answer_in_another_encoding_is_refused_by_its_name(encoding: str, named: str) -> None:
    with pytest.raises(BrokenAnswer, match=named):
        read_object(Answer(200, {}, '{"conversations": []}'.encode(encoding), ""), "GET /x")


@EXAMPLES
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=16, max_size=30), st.data())
@example('0123456789/abcdef"\\', None)
def test_a_token_is_recognised_however_it_is_escaped(token: str, data: st.DataObject | None) -> None:
    def written(character: str) -> str:
        ways = [f"\\u{ord(character):04x}", json.dumps(character)[1:-1], *(["\\/"] if character == "/" else [])]
        return data.draw(st.sampled_from(ways)) if data else ways[-1]

    body = f'{{"debug": ["Bearer {"".join(map(written, token))}"]}}'
    assert json.loads(body) == {"debug": [f"Bearer {token}"]}
    with pytest.raises(UnexpectedAnswer, match="repeats the access token"):
        read_object(Answer(200, {}, body.encode(), f"Bearer {token}"), "GET /x")


def test_an_error_in_place_of_data_is_quoted() -> None:
    for body in (
        b'{"status": 500, "code": "internal.server.error", "message": "Out of order"}',
        b'{"results": [], "errors": [{"code": "internal.server.error", "message": "Out of order"}]}',
    ):
        with pytest.raises(UnexpectedAnswer, match="though with the status 200: Out of order") as refused:
            read_object(Answer(200, {}, body, ""), "POST /x")
        assert refused.value.code == "internal.server.error"


def readable(error: GenesysCloudError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 3000
    assert "t0ken-of-the-request" not in str(error)


@EXAMPLES
@given(
    st.lists(
        st.dictionaries(st.sampled_from([f"inin-ratelimit-{name}" for name in ("count", "allowed", "reset")]), VALUES)
    )
)
def test_no_header_of_the_rate_limit_stops_requests_for_good(answers: list[dict[str, str]]) -> None:
    budget, now = Budget(300), 0.0
    for headers in answers:
        waited = 0.0
        while (wait := budget.take(now)) > 0:
            assert wait < 1000
            now, waited = now + wait, waited + wait
        assert waited <= 400
        budget.learn(headers, now)


def page(body: Any) -> Page:
    return Page(1, "{}", NOON, None, json.dumps(body).encode())


@EXAMPLES
@given(
    JSON
    | st.text(max_size=60).map(lambda text: f"/a{text}")
    | st.text(max_size=60).map(lambda text: f"//x{text}/a?{text}")
)
def test_a_next_page_is_one_of_the_same_path_or_none(address: Any) -> None:
    asked: list[str] = []

    def get(path: str, params: object) -> Page:
        asked.append(path)
        return page({"nextUri": address} if len(asked) == 1 else {})

    try:
        list(NextUri(get).pages("/a", {"pageSize": 5, "pageNumber": 1}))
    except UnexpectedAnswer as error:
        readable(error)
    assert set(asked) == {"/a"}


@EXAMPLES
@given(JSON)
def test_a_cursor_is_sent_or_refused(cursor: Any) -> None:
    bodies = [{"cursor": cursor}, {}]
    try:
        list(Cursor(lambda path, params: page(bodies.pop(0))).pages("/a", {"pageSize": 5}))
    except UnexpectedAnswer as error:
        readable(error)


@EXAMPLES
@given(
    st.text() | st.text().map(lambda text: f"https://{text}") | st.text().map(lambda text: f"http://127.0.0.1{text}")
)
@example("https://user:word@api.example.com")
@example("http://127.0.0.1@api.example.com")
@example("https://api.example.com\\@other.example.com")
def test_a_url_uses_tls_or_leads_to_this_machine(text: str) -> None:
    try:
        address = checked_url(text)
    except NotAUrl:
        return
    scheme, host, _ = origin(address)
    assert scheme == "https" or host.startswith("127.") or host in ("localhost", "::1")
    assert "@" not in address.split("/")[2]


@EXAMPLES
@given(st.text(min_size=1).filter(lambda text: "@" not in text and "\n" not in text))
def test_no_password_in_a_url_is_shown(password: str) -> None:
    assume(len(password) > 3 and password not in "***@api.example.comhttps://")
    assert password not in without_user_info(f"https://user:{password}@api.example.com")


def lake_file() -> bytes:
    sink = io.BytesIO()
    rows = {"conversationId": ["c", "d"] * 20, "conversationStart": ["2026-01-30T00:00:00Z"] * 40, "ani": ["+41"] * 40}
    pq.write_table(pa.table(rows), sink)
    return sink.getvalue()


LAKE_FILE = lake_file()


@EXAMPLES
@example([(94, 128)], 0, 0)
@example([(40, 255)], len(LAKE_FILE), 0)
@given(
    st.lists(st.tuples(st.integers(0, len(LAKE_FILE) - 1), st.integers(0, 255)), max_size=5),
    st.integers(0, len(LAKE_FILE)),
    st.integers(0, 40),
)
def test_a_file_of_the_data_lake_is_read_or_refused(changed: list[tuple[int, int]], cut: int, gone: int) -> None:
    body = bytearray(LAKE_FILE)
    for place, byte in changed:
        body[place] = byte
    del body[cut : cut + gone]
    for read in (
        lambda: decode_lake_file("conversations", bytes(body)),
        lambda: protected("conversations", bytes(body), HASHING),
    ):
        with contextlib.suppress(UnreadableFile):
            read()


def test_a_file_of_the_data_lake_with_a_text_that_is_no_utf_8_is_refused_by_name() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"conversationId": ["c"], "conversationStart": [0], "externalTag": ["of-the-tag"]}), sink)
    with pytest.raises(UnreadableFile, match=r"A file of conversations cannot be read: .*Invalid UTF8"):
        decode_lake_file("conversations", sink.getvalue().replace(b"of-the-tag", b"of-the-t\xffg"))


@EXAMPLES
@given(
    JSON
    | st.fixed_dictionaries(
        {
            "userDetails": st.lists(
                st.dictionaries(st.sampled_from(["userId", "primaryPresence", "routingStatus"]), JSON)
            )
        }
    )
)
def test_users_details_are_read_or_refused(answer: Any) -> None:
    with contextlib.suppress(UnreadablePage):
        spans.decode_spans(json.dumps(answer).encode())

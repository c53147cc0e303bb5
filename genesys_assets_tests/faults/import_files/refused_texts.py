"""Files that are refused because they are not JSON, or JSON but no answer. The reason says what to save instead."""

from __future__ import annotations

import base64
import gzip
import html
import json
import quopri
import zlib
from urllib.parse import quote

from genesys_assets_tests.faults.import_files.written import CALL, START, call, dumped, page

_HEADERS = b"Content-Type: application/json\r\n\r\n"
_CONNECTION = b"*   Trying 192.0.2.1:443...\n> POST /api/v2/analytics HTTP/1.1\n< HTTP/1.1 200 OK\n"
_PROGRESS = b"  % Total    % Received % Xferd  Average Speed\n100   123  100   123    0     0\n"
_AS_PYTHON = "it is an object as Python shows it"
_TRAILING = "a comma stands before the end of a list or an object: take it out"
_JOB = (
    "it holds a details job's state (FULFILLED), not its results: once the job is FULFILLED, save all pages of GET /api"
)


def _in_call(written: bytes) -> bytes:
    """The call with something else instead of a number."""
    return CALL.replace(b"500000", written, 1)


REFUSED_TEXTS: dict[str, tuple[bytes, str]] = {
    # -- text before or after the answer
    "headers of curl -i": (b"HTTP/1.1 200 OK\r\n" + _HEADERS + CALL, "as `curl -i` writes them: save the body of the"),
    "headers without a status": (_HEADERS + CALL, "it begins with the headers of an HTTP answer: save the body of the"),
    "what curl -v writes": (_CONNECTION + CALL, "it begins with what `curl -v` writes of the connection"),
    "what curl -v writes behind it": (
        CALL + b"\n* Connection #0 left intact",
        "what `curl -v` writes of the connection",
    ),
    "the progress of curl": (_PROGRESS + CALL, "it begins with the progress that curl shows: save the answer with -o"),
    "an error of curl": (b"curl: (6) Could not resolve host\n", "it holds an error message of curl, so there was no"),
    "a status behind it": (CALL + b"\n200", "line 2: it holds a number, not an answer"),
    "server-sent events": (b"data: " + CALL, "it begins with server-sent events"),
    "a guard of browsers": (b")]}'\n" + CALL, "keeps browsers from running it: take that line out"),
    "code in Markdown": (b"```json\n" + CALL + b"\n```", "which Markdown has around code"),
    "a log before it": (b"INFO: fetched 3 pages\n" + CALL, "it begins with lines of a log or of an error: save the"),
    "a log with times": (b"2026-01-28 11:40:00 done\n", "it begins with lines of a log or of an error"),
    "an error of Python": (b"Traceback (most recent call last):\n", "it begins with lines of a log or of an error"),
    "a comment before it": (b"// saved on Monday\n" + CALL, "it begins with a comment, and JSON has none"),
    "a comment within": (
        _in_call(b"/* ms */ 5"),
        "a comment, which JSON does not have: take it out",
    ),
    "a semicolon behind it": (CALL + b";", "a semicolon, as programs end a line with: take it out"),
    "zeros behind it": (CALL + bytes(512), "zero bytes: it was not written to its end. Save it again"),
    "zeros behind a part of it": (CALL[:300] + bytes(512), "zero bytes: it was not written to its end"),
    "the log of wget": (b"--2026-01-28 11:00:00--  https://api.example\n" + CALL, "what wget writes of the connection"),
    "the line of a command": (b"$ curl https://api.example\n" + CALL, "it begins with the line of a command"),
    "the line of a command of PowerShell": (b"PS C:\\> Invoke\r\n" + CALL, "it begins with the line of a command"),
    "numbers of lines": (b"1: " + CALL + b"\n2: " + CALL, "its lines begin with numbers"),
    "numbers of lines with tabs": (b"1\t" + CALL, "its lines begin with numbers"),
    "colours of a terminal": (b"\x1b[1;39m" + CALL + b"\x1b[0m", "it has the colours of a terminal"),
    "a form with parts": (
        b"--b0\r\nContent-Type: application/json\r\n\r\n" + CALL + b"\r\n--b0--\r\n",
        "it begins with the bounds of parts of a message (multipart)",
    ),
    "chunks of HTTP": (b"46f\r\n" + CALL + b"\r\n0\r\n\r\n", "it begins with the length of a chunk of an HTTP answer"),
    "a status behind it on its line": (CALL + b"200", "it holds a number, not an answer"),
    "what curl writes out behind it": (
        CALL + b'\n{"http_code": 200, "time_total": 0.3}',
        "line 2: it has none of the known shapes; its fields are: http_code, time_total",
    ),
    "a line between documents": (CALL + b"\n---\n" + CALL, "text follows behind the answer, '---'"),
    "documents with a bar between": (CALL + b"|" + CALL, "text follows behind the answer, '|{"),
    "documents with zeros between": (CALL + b"\x00" + CALL, "zero bytes: it was not written to its end"),
    "a bracket too many": (b"[" + CALL + b"]]", "text follows behind the answer, ']'"),
    "a list that was not closed": (b"[\n" + CALL + b",\n" + CALL, "it ends in the middle, so it was cut"),
    "lines of 80 characters": (
        b"\n".join(CALL[at : at + 80] for at in range(0, len(CALL), 80)),
        "a line ends within a text, so it was cut or wrapped there",
    ),
    # -- an answer that was encoded
    "quotes of HTML": (html.escape(CALL.decode()).encode(), "its quotes are written as HTML does (&quot;)"),
    "URL-encoded": (quote(CALL.decode()).encode(), "it is URL-encoded, such as %7B for {"),
    "quotes with backslashes": (CALL.replace(b'"', b'\\"'), "its quotes have backslashes"),
    "quoted-printable": (quopri.encodestring(CALL), "a line ends within a text"),
    "an answer in a cell of a table": (b'"' + CALL.replace(b'"', b'""') + b'"', "it holds JSON within a JSON text"),
    "an answer in a column of a table": (b'id,body\n1,"' + CALL.replace(b'"', b'""') + b'"\n', "it is a table (CSV)"),
    "gzip as base64": (base64.b64encode(gzip.compress(CALL)), "it is base64, not JSON"),
    "EBCDIC": (CALL.decode().encode("cp500"), "it is not text"),
    "UTF-7": (b"+/v8-" + CALL, "it is not JSON at line 1 column 1"),
    "UTF-16 behind UTF-8": (CALL + b"\n" + CALL.decode().encode("utf-16"), "it is not text in UTF-8"),
    "deflate": (zlib.compress(CALL)[2:-4], "it is not text"),
    "gzip with a line end behind": (gzip.compress(CALL) + b"\n", "its gzip is damaged"),
    # -- numbers that are none
    "a number with a plus sign": (_in_call(b"+500000"), "a plus sign stands before a number"),
    "a number with an underscore": (_in_call(b"500_000"), "an underscore stands within a number"),
    "a number that ends with a point": (_in_call(b"500000."), "a number ends with a point"),
    "a number with a zero before it": (_in_call(b"0500000"), "it is not JSON at line 1 column"),
    "a number with a comma": (_in_call(b"500,000"), "it is not JSON at line 1 column"),
    # -- an answer as a program prints it
    "repr() of Python": (repr(page(call())).encode(), "In Python save it with to_json() of the SDK's answer"),
    "repr() of the SDK's answer": (
        b"{'conversations': [{'conversation_end': datetime.datetime(2026, 1, 28, 11, 49, 30, tzinfo=tzutc())}]}",
        "single quotes stand where JSON has double ones, as Python and JavaScript show objects",
    ),
    "None": (_in_call(b"None"), _AS_PYTHON),
    "False": (CALL.replace(b"false", b"False"), _AS_PYTHON),
    "a time of Python": (_in_call(b"datetime.datetime(2026, 1, 28)"), _AS_PYTHON),
    "an object of Python": (b"<analytics.Answer object at 0x7f>", "it is the name of an object of Python"),
    "an answer of Python": (b"<Response [200]>", "without what is in it: save response.text"),
    "bytes of Python": (repr(CALL).encode(), "it holds bytes as Python shows them"),
    "an object of JavaScript": (
        b"{conversations: [{conversationId: 'A'}]}",
        "without double quotes, as Python and JavaScript",
    ),
    "undefined": (
        _in_call(b"undefined"),
        "it is an object as JavaScript shows it: save it with JSON.stringify(answer)",
    ),
    "what console.log cut": (_in_call(b"[Object]"), "it is an object as JavaScript shows it"),
    "a program": (b"const answer = " + CALL + b";", "it is JavaScript or another program, not JSON"),
    "a call of a function": (b"done(" + CALL + b");", "it is a call of a function (JSONP), not JSON"),
    "a hash of Ruby": (b'{"conversations"=>[]}', "it is an object as Ruby or PHP shows it"),
    "a map of Java": (b"{conversations=[{conversationId=A}]}", "it is an object as Java shows it"),
    "an object of Java": (b"class AnswerOfQuery {\n    conversations: []\n}", "it is an object as Java or C# shows it"),
    "an array of PHP": (b"Array\n(\n    [conversations] => Array\n", "it is an array as PHP shows it"),
    "a map of Go": (b"map[conversations:[]]", "it is a value as Go or JavaScript shows it"),
    "a list of PowerShell": (b"\r\nconversations : {@{conversationId=A}}\r\n", "as PowerShell shows it, which is cut"),
    "an answer of PowerShell": (b"\r\nStatusCode        : 200\r\n", "it is the answer of Invoke-WebRequest"),
    "what was shortened": (b'{"conversations": [...]}', "an ellipsis: it was shortened, as a screen shows it"),
    "quotes of a word processor": ("{\u201cconversations\u201d: []}".encode(), "typographic quotes"),
    "a document of a word processor": (b"{\\rtf1\\ansi}", "it is a document of a word processor (RTF)"),
    "a comma before the end of an object": (
        b'{"conversations": [],}',
        f"it is not JSON at line 1 column 22: {_TRAILING}",
    ),
    "a comma before the end of a list": (b'{"conversations": [1,]}', _TRAILING),
    "a comma before the end of a long object": (CALL[:-1] + b" " * 300_000 + b",}", _TRAILING),
    # -- other kinds of files
    "YAML": (b"conversations:\n  - conversationId: A\n", "it is YAML, not JSON"),
    "a document of YAML": (b"---\nconversations:\n", "it is YAML, not JSON"),
    "an export of the user interface": (
        b'"Interval Start","Interval End","Queue Id"\r\n"1/28/26 1:00 PM","","Q"\r\n',
        "it is a table (CSV), as Genesys Cloud's own exports are",
    ),
    "a table with semicolons": (b"\xef\xbb\xbfQueue;Offered\nQ;3\n", "it is a table (CSV)"),
    "a table with tabs": (b"Queue\tOffered\nQ\t3\n", "it is a table (CSV)"),
    "base64": (base64.b64encode(CALL), "it is base64, not JSON: decode it"),
    "zlib": (zlib.compress(CALL), "it is compressed with zlib"),
    "Avro": (b"Obj\x01\x04\x14avro.codec\x08null", "it is an Avro file"),
    "Arrow": (b"ARROW1\x00\x00\xff\xff", "it is an Arrow or Feather file"),
    "a pickle": (b"\x80\x04\x95\x0e", "it is a pickle of Python"),
    "paths and values of jq": (
        b'[["conversations", 0, "conversationId"], "A"]\n[["conversations", 0, "conversationId"]]\n',
        "element 1 is a text, not an answer",
    ),
    "assignments of gron": (b"json = {};\njson.conversations = [];\n", "it is JavaScript or another program"),
    "documents of YAML with JSON": (b"--- " + CALL + b"\n--- " + CALL, "it is YAML, not JSON"),
    # -- an answer within another
    **{
        f"conversations in {where}": (dumped(written), "a conversation stands in its field")
        for where, written in (
            ("an event of Splunk", {"preview": False, "result": call()}),
            ("a document of JSON:API", {"data": [{"type": "conversation", "id": "A", "attributes": call()}]}),
            ("a table of pandas with its schema", {"schema": {"fields": []}, "data": [call()]}),
            ("items", {"kind": "List", "items": [call()]}),
            ("results", {"results": [call()]}),
            ("entities", {"entities": [call()]}),
        )
    },
    "an answer of GraphQL": (dumped({"data": {"conversations": [call()]}}), "the answer of the platform stands in its"),
    "a notebook": (
        dumped({"cells": [{"outputs": [{"data": {"application/json": page(call())}}]}], "nbformat": 4}),
        "the answer of the platform stands in its field 'cells.outputs.data.application/json'",
    ),
    "records of Power Query": (dumped({"conversations": ["[Record]"]}), "in it there is a text"),
    "names of Ruby": (dumped({":conversations": [call()]}), "a conversation stands in its field ':conversations'"),
    # -- other answers
    "a job's state": (dumped({"state": "FULFILLED", "submissionDate": START}), _JOB),
    "a job's state alone": (b'{"state": "FULFILLED"}', _JOB),
    "a job that failed": (dumped({"state": "FAILED", "errorMessage": "no"}), "it holds a details job's state (FAILED)"),
    "a job's id": (b'{"jobId": "J"}', "it holds a details job's state, not its results"),
    "an answer without a token": (
        dumped({"message": "No bearer token", "code": "authentication.required", "status": 401, "details": []}),
        "an error answer of the platform: 401, authentication.required. Ask again, and save what comes then",
    ),
    "an event of the notification service": (
        dumped({"topicName": "v2.detail.events.conversation", "version": "2", "eventBody": {"conversationId": "A"}}),
        "it holds events of the notification service, which are no whole conversations",
    ),
    "a table of pandas": (
        dumped({"columns": ["conversationId"], "index": [0], "data": [["A"]]}),
        "it is a table of pandas (orient='split'), not an answer",
    ),
    "an environment of Postman": (
        dumped({"name": "x", "values": [], "_postman_variable_scope": "environment"}),
        "it is a Postman environment, which may hold secrets",
    ),
    "a run of Postman": (
        dumped({"name": "x", "collection_id": "c", "totalPass": 1, "results": [{"id": "x", "tests": {}}]}),
        "it is the result of a Postman run",
    ),
    "an answer of Postman in a list as text": (json.dumps([CALL.decode()]).encode(), "was encoded twice, so decode it"),
}
"""Each is skipped for the reason named, and nothing of it is stored."""

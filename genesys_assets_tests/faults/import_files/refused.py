"""Files that are refused because of their kind, each with the reason. Refused values of answers are in
`refused_values`.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

from genesys_assets.importing.buckets import ImportOptions
from genesys_assets_tests.faults.import_files.written import (
    CALL,
    END,
    FIGURES,
    HOUR,
    PRETTY,
    START,
    call,
    dumped,
    entity,
    figure,
    page,
    result,
)


def _twice(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    one["data"][0]["metrics"] += other["data"][0]["metrics"]
    return one


_ERROR = dumped(
    {"message": "Rate limit exceeded the maximum", "code": "too.many.requests", "status": 429, "details": []}
)


def _tar(content: bytes) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("details.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


REFUSED: dict[str, tuple[bytes, str] | tuple[bytes, str, ImportOptions]] = {
    # -- no JSON
    "nothing": (b"", "it is empty"),
    "white space": (b" \n\t\r\n", "it is empty"),
    "a mark and nothing": (b"\xef\xbb\xbf", "it is empty"),
    "gzip of nothing": (gzip.compress(b""), "it is empty"),
    "a web page": (b"<!DOCTYPE html><html>", "it is HTML or XML, as a login page or a gateway answers, not JSON"),
    "a web page behind a mark and blank lines": (
        b"\xef\xbb\xbf\r\n\n <!DOCTYPE html><html>",
        "it is HTML or XML, as a login",
    ),
    "a web page in gzip": (gzip.compress(b"\n<html>"), "it is HTML or XML, as a login"),
    "a web page in UTF-16": ("<html>".encode("utf-16"), "it is HTML or XML, as a login"),
    "a web page behind an answer": (CALL + b"\n<html>", "it is not JSON at line 2 column 1: HTML or XML stands behind"),
    "what a gateway says": (
        b"upstream request timeout",
        "it is plain text, as a gateway or a program answers, not JSON: ask again",
    ),
    "a table": (b"conversationId,start\nA,B\n", "it is a table (CSV), as Genesys Cloud's own exports are"),
    "a zip archive": (b"PK\x03\x04\x14\x00", "it is a zip archive"),
    "an empty zip archive": (b"PK\x05\x06" + bytes(18), "it is an empty zip archive"),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1c\x00\x04", "it is a 7z archive"),
    "a RAR archive": (b"Rar!\x1a\x07\x00", "it is a RAR archive"),
    "a tar archive": (_tar(CALL), "it is a tar archive"),
    "a tar archive in gzip": (gzip.compress(_tar(CALL)), "it is a tar archive"),
    "a zip archive in gzip": (gzip.compress(b"PK\x03\x04\x14\x00"), "it is a zip archive"),
    "an old Excel file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an old Excel file"),
    "an SQLite database": (b"SQLite format 3\x00", "it is an SQLite database"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "it is a picture"),
    "bytes of another program": (b"\x81\xa3abc\x01", "it is not text"),
    "zstd": (b"\x28\xb5\x2f\xfd\x00", "it is compressed with zstd"),
    "bzip2": (b"BZh91AY", "it is compressed with bzip2"),
    "xz": (b"\xfd7zXZ\x00\x00", "it is compressed with xz"),
    "Parquet": (b"PAR1\x15\x04", "it is a Parquet file"),
    "compressed twice": (gzip.compress(gzip.compress(CALL)), "it is compressed twice"),
    "gzip that was cut": (gzip.compress(CALL)[:-9], "its gzip is damaged"),
    "gzip with another checksum": (gzip.compress(CALL)[:-8] + bytes(8), "its gzip is damaged"),
    "gzip with something behind": (gzip.compress(CALL) + b"more", "its gzip is damaged"),
    "zeros": (bytes(64), "it is not JSON"),
    "text that is no UTF-8": (CALL.replace(b"some_value", b"M\xfcller"), "it is not text"),
    "cut in a text": (CALL[:60], "it ends in the middle, so it was cut. Save it again"),
    "cut behind a comma": (CALL[: CALL.index(b",") + 1], "it ends in the middle, so it was cut. Save it again"),
    "cut in the second document": (PRETTY + b"\n" + PRETTY[:-3], "it ends in the middle, so it was cut. Save it again"),
    "NaN": (CALL.replace(b"500000", b"NaN"), "NaN is no JSON number"),
    "Infinity": (CALL.replace(b"500000", b"-Infinity"), "-Infinity is no JSON number"),
    "something behind it": (
        CALL + b" done",
        "text follows behind the answer, 'done': take it out. Only further answers may",
    ),
    "a control character": (
        CALL.replace(b"some_value", b"a\x01b"),
        "a text has a control character: write it with a backslash",
    ),
    "a field twice": (b'{"conversations": [], "conversations": []}', "has the field 'conversations' twice"),
    "a field twice within": (CALL.replace(b'"purpose"', b'"participantId"'), "has the field 'participantId' twice"),
    "a number beyond all": (
        CALL.replace(b'"conversationId"', b'"somethingNew": 1e400, "conversationId"'),
        "it has the number 1e400, which is larger than any may be",
    ),
    "a statistic beyond all": (FIGURES.replace(b'"max"', b'"p95": -1e999, "max"'), "it has the number -1e999"),
    "true as a count": (figure(count=True), "count of 'tHandle' is true, not a number"),
    "a word as a count": (figure(count="many"), "count of 'tHandle' is 'many', not a number"),
    "a count larger than can be kept": (figure(count=2**63), "no figure is larger than 9223372036854775807"),
    "a text below zero": (figure(count="-1"), "count of 'tHandle' is -1, and no figure is below zero"),
    "less than the least of each": (
        figure(count=3, sum=200, min=100, max=100),
        "sum of 'tHandle' is 200, which is impossible for 3 values of at least 100 and at most 100 each",
    ),
    "more than the most of each": (
        figure(count=2, sum=900, min=1, max=100),
        "sum of 'tHandle' is 900, which is impossible for 2 values of at least 1 and at most 100 each",
    ),
    "a figure twice": (
        dumped({"results": [_twice(result(count=1), result(count=2))]}),
        "'tHandle' occurs twice in one bucket, with two values",
    ),
    "conversations in two spellings": (
        dumped({"conversations": [call()], "Conversations": [call("B")]}),
        "it has 'Conversations' and another spelling of it, with two values",
    ),
    "statistics in two spellings": (
        FIGURES.replace(b'"max"', b'"SUM": 5, "max"'),
        "it has 'SUM' and another spelling of it, with two values",
    ),
    "figures under another name": (
        FIGURES.replace(b'"metrics"', b'"measurements"'),
        "a bucket without metrics left out: its fields are measurements",
    ),
    "a length of months": (FIGURES.replace(HOUR.encode(), b"2026-01-01T00:00Z/P1M"), "'P1M' is no instant"),
    "documents with a comma between": (CALL + b",\n" + CALL, "a comma stands between two documents"),
    "a group without its buckets": (
        dumped({"results": [{"group": {"queueId": "Q"}}]}),
        "results.data: null or missing,",
    ),
    "a group alone": (dumped({"group": {"queueId": "Q"}}), "results.data: null or missing, instead of a group"),
    "a group with null for its buckets": (
        dumped({"results": [{"group": {}, "data": None}]}),
        "results.data: null or",
    ),
    "a group with an object for its buckets": (
        dumped({"results": [{"group": {}, "data": {}}]}),
        "the `data` of its `results` is an object, not a list of buckets",
    ),
    "a group with nothing at all": (dumped({"results": [{}]}), "none of the known shapes"),
    "one group with nothing at all": (
        dumped({"results": [result(), {}]}),
        "element 2 of its `results` is no aggregates",
    ),
    "a bucket without its metrics": (
        dumped({"results": [{"group": {}, "data": [{"interval": HOUR}]}]}),
        "metrics: null or missing, instead of a bucket's figures",
    ),
    "null for results": (dumped({"results": None}), "none of the known shapes; its fields are: results"),
    "null for conversations": (
        dumped({"conversations": None}),
        "none of the known shapes; its fields are: conversations",
    ),
    "a page without conversations or a total": (dumped({"aggregations": []}), "none of the known shapes"),
    "a cursor alone": (dumped({"cursor": "next"}), "none of the known shapes; its fields are: cursor"),
    "null for a total": (dumped({"totalHits": None}), "none of the known shapes; its fields are: totalHits"),
    "a word for a total": (dumped({"totalHits": "many"}), "none of the known shapes; its fields are: totalHits"),
    "a total below zero": (dumped({"totalHits": -1}), "none of the known shapes; its fields are: totalHits"),
    "null": (b"null", "it holds null, not an answer"),
    "null in a list": (b"[null]", "conversations: null in the place of a conversation"),
    "null behind an answer": (CALL + b"\nnull\n", "line 2: it holds null"),
    "an empty object behind an answer": (CALL + b"\n{}\n", "line 2: it has none of the known shapes"),
    "an error in the place of an answer": (_ERROR, "it holds an error answer of the platform: 429, too.many.requests"),
    "an error among pages": (dumped([page(call()), json.loads(_ERROR)]), "element 2: it holds an error answer"),
    "an error among results": (
        dumped({"results": [result(), json.loads(_ERROR)]}),
        "element 2 of its `results` is no aggregates",
    ),
    "a refusal of AWS": (b'{"message": "Forbidden"}', "none of the known shapes; its fields are: message"),
    "a figure that is NaN as a text": (figure(count=2, sum="NaN"), "sum of 'tHandle' is 'NaN', not a number"),
    "a figure with a comma": (figure(count=2, sum="312,000"), "sum of 'tHandle' is '312,000', not a number"),
    "a figure that is an empty text": (figure(count=2, sum=""), "sum of 'tHandle' is '', not a number"),
    "a field twice, once escaped": (
        CALL.replace(b'"purpose"', b'"\\u0070articipantId"'),
        "has the field 'participantId' twice",
    ),
    "a field twice with one value": (
        FIGURES.replace(b'"count": 2', b'"count": 2, "count": 2'),
        "the field 'count' twice",
    ),
    # -- an answer inside something else
    "the refusal of a login": (
        b'{"error": "invalid_client", "error_description": "no"}',
        "it holds the refusal of a login: invalid_client",
    ),
    "an answer in a field": (dumped({"data": page(call())}), "stands in its field 'data'"),
    "an answer as the text of a field": (
        dumped({"statusCode": 200, "body": json.dumps(page(call()))}),
        "stands in its field 'body'",
    ),
    "an answer as a text": (dumped(json.dumps(page(call()))), "it was encoded twice"),
    "a conversation in a field": (
        dumped({"schema": {}, "payload": call()}),
        "a conversation stands in its field 'payload': save that field's value by itself",
    ),
    "a search of Elasticsearch": (
        dumped({"took": 1, "hits": {"total": 1, "hits": [{"_id": "A", "_source": call()}]}}),
        "a conversation stands in its field 'hits.hits._source'",
    ),
    "conversations by their ids": (dumped({"A": call(), "B": call("B")}), "a conversation stands in its field 'A'"),
    "an item of n8n": (
        dumped([{"json": page(call()), "pairedItem": {"item": 0}}]),
        "element 1: the answer of the platform stands in its field 'json'",
    ),
    "rows of a table in lists": (dumped([["A", START, END]]), "element 1 is a text, not an answer"),
    "a bulk request of Elasticsearch": (
        b'{"index": {"_id": "A"}}\n' + dumped(call()),
        "it is a bulk request of Elasticsearch, with an action before each document: leave out the lines of the",
    ),
    "a document of Power Automate": (
        dumped({"$content-type": "application/json", "$content": "eyJ9"}),
        "it is a file of Power Automate, which has the document in `$content`, as base64: decode it",
    ),
    "conversations within a conversation, as XML has them": (
        dumped({"Conversations": {"Conversation": [call()]}}),
        "a conversation stands in the field 'Conversation' within its `conversations`: save that field's value by",
    ),
    "pages in the place of conversations": (
        dumped({"conversations": [page(call()), page(call("B"))]}),
        "a conversation stands in the field 'conversations' within its `conversations`",
    ),
    "a list of pages in a field": (dumped({"pages": [page(call())]}), "stands in its field 'pages.conversations'"),
    "conversations as the text of JSON": (
        dumped({"conversations": json.dumps([call()])}),
        "its `conversations` is JSON within a JSON text: it was encoded twice, so decode it once",
    ),
    "lists of conversations in a page": (
        dumped({"conversations": [[call()], [call("B")]]}),
        "its `conversations` is not a list of objects: in it there is a list",
    ),
    "figures that were flattened": (
        dumped({"results": [{"queueId": "Q", "interval": HOUR, "metric": "nOffered", "count": 3}]}),
        "the first of its `results` has none either; its fields are: count, interval, metric, queueId",
    ),
    "a HAR file": (
        dumped({"log": {"version": "1.2", "entries": [{"response": {"content": {"text": CALL.decode()}}}]}}),
        "it is a HAR file",
    ),
    "a Postman collection": (dumped({"info": {"name": "x"}, "item": []}), "it is a Postman collection"),
    "a query": (
        dumped({"interval": HOUR, "groupBy": ["queueId"], "metrics": ["nOffered"], "granularity": "PT1H"}),
        "it holds a query",
    ),
    "a query of details": (dumped({"interval": HOUR, "paging": {"pageSize": 100}}), "it holds a query"),
    "calls of the conversations API": (
        dumped({"entities": [{"id": "A", "participants": [{"id": "p", "state": "connected"}]}]}),
        "it holds conversations as the conversations API has them",
    ),
    # -- meant to harm
    "lists in lists": (b"[" * 100_000, "nested too deeply"),
    "objects in objects": (b'{"a":' * 100_000, "nested too deeply"),
    "a number of 5,000 digits": (CALL.replace(b"500000", b"9" * 5_000), "more digits than any may have"),
    # -- files that are no answers
    "a text": (b'"conversations"', "it holds a text"),
    "a number": (b"42", "it holds a number"),
    "an empty list": (b"[]", "it holds no answer of the platform"),
    "an empty object": (b"{}", "none of the known shapes; its fields are: none"),
    "texts in a list": (b'["a"]', "element 1 is a text"),
    "a line for each participant": (
        b"\n".join(dumped(call() | {"participants": [each]}) for each in call()["participants"]),
        "its newest version lacks participants of another version. Save each conversation whole",
    ),
    "one element that is another": (dumped([call(), {"a": 1}]), "element 2: it has none of the known shapes"),
    "one line that is another": (CALL + b"\n" + dumped({"a": 1}), "line 2: it has none of the known shapes"),
    "elements that were encoded twice": (dumped([json.dumps(call())]), "element 1 is JSON within a JSON text"),
    "conversations of a page by their ids": (
        dumped({"conversations": {"A": call(), "B": call("B")}}),
        "its `conversations` is an object of conversations by their ids: save its values as a list",
    ),
    "an entity without its id": (
        entity(id=None),
        "one of its entities has no `id`: its figures would",
    ),
    "an entity of several ids": (entity(id=["U", "V"]), "'id' of a group is a list, not one value"),
    "entities that PowerShell cut": (
        entity(metrics=None, buckets="System.Object[]"),
        "the `buckets` of its `entities` is a text, not a list",
    ),
    "an error among lines": (CALL + b'\n{"status": 429, "message": "no", "code": "x"}', "line 2: it holds an error"),
    "conversations that PowerShell cut": (b'{"conversations": "System.Object[]"}', "`conversations` is not a list"),
    "one conversation that is a text": (dumped(page(call(), "A")), "in it there is a text"),
    "conversations of the live API": (
        dumped({"entities": [{"id": "A", "startTime": START, "participants": [{"id": "p", "calls": []}]}]}),
        "not analytics conversations: ask POST /api/v2/analytics/conversations/details/query",
    ),
    "a conversation of the live API": (
        dumped({"id": "A", "startTime": START, "endTime": END, "participants": []}),
        "not analytics conversations",
    ),
    "audit events": (
        dumped({"entities": [{"id": "A", "eventDate": START, "serviceName": "Queue", "action": "UPDATE"}]}),
        "it holds audit events",
    ),
    "a listing": (dumped({"entities": [{"id": "Q", "name": "Sales"}]}), "it holds a listing"),
    "control characters in a name": (dumped({"\x1b[31mred\x07": 1}), r"\x1b[31mred\x07"),
}

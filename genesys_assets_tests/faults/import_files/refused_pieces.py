"""Files that are refused because they are a part of an answer, of another program, or another answer of the platform.
The reason says what it is, and what to save instead.
"""

from __future__ import annotations

import base64
import gzip
import json

from genesys_assets_tests.faults.import_files.written import CALL, END, START, call, dumped, page

_MIDDLE = "it begins in the middle of an answer, as a part of a file that was split"
_REQUEST = "it holds a request, not the platform's answer: save the answer. It may show a login token: delete it"
_EVENTS = "it holds events of the notification service, which are no whole conversations: ask POST"
_SHOWN = "it is an object as a program shows it, not JSON: save it with the program's encoder for JSON"
_UNSEEN = "a character that is not seen, as web pages and word processors write: take it out"
_LINE_END = "a line ends within a text, so it was cut or wrapped there. Save it again"
_MONGO = "it is a document as MongoDB's shell shows it: save it with mongoexport"
_AS_TEXT = "a conversation as a text stands in its field"
_BASE64 = base64.b64encode(CALL).decode()
_EVENT = {
    "version": "0",
    "detail-type": "v2.detail.events.conversation.{id}.customer.start",
    "source": "aws.partner/genesys.com/cloud/o/n",
    "detail": {"topicName": "v2.detail.events.conversation.A.customer.start", "eventBody": {"conversationId": "A"}},
}


def _from(begin: bytes) -> bytes:
    """The call from some bytes on, as `split` leaves it in a second file."""
    return CALL[CALL.index(begin) :]


def _in_call(written: bytes) -> bytes:
    return CALL.replace(b"500000", written, 1)


REFUSED_PIECES: dict[str, tuple[bytes, str]] = {
    # -- a part of an answer
    **{
        f"an answer from {where} on": (_from(begin), _MIDDLE)
        for where, begin in (
            ("the middle of a name", b"ticipants"),
            ("the middle of a number", b'00000, "emit'),
            ("the middle of a time", b"-28T11:49"),
            ("a comma", b', "divisionIds"'),
            ("a bracket", b"}]"),
            ("a name", b'"participants"'),
            ("a colon", b': "customer"'),
        )
    },
    "the end of JSON Lines": (CALL[300:] + b"\n" + CALL, _MIDDLE),
    "an answer from a participant on": (
        _from(b'{"participantId"'),
        "it holds participants of a conversation without the conversation, as a part of a file that was split",
    ),
    "sessions as rows of a table": (
        dumped(call()["participants"][0]["sessions"]),
        "element 1: it holds sessions of a conversation without the conversation",
    ),
    "metrics as rows of a table": (
        b'{"name": "tHandle", "value": 5, "emitDate": "2026-01-28T11:40:00Z"}\n',
        "it holds metrics of a conversation without the conversation",
    ),
    "a line that was cut within a text": (CALL + b"\n" + CALL[: CALL.index(b"me_value")] + b"\n" + CALL, _LINE_END),
    "a text with a line end of old Macs": (CALL.replace(b"some_value", b"a\rb"), _LINE_END),
    "what one process wrote within that of another": (CALL[:200] + CALL + CALL[200:], "it is not JSON at line 1"),
    # -- no text
    "a file of compress": (b"\x1f\x9d\x90" + bytes(range(60)), "it is compressed with compress (.Z)"),
    "lzip": (b"LZIP\x01" + bytes(range(40)), "it is compressed with lzip"),
    "zstd behind a frame to skip": (b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd", "it is compressed with zstd"),
    "a property list": (b"bplist00\xd1\x01\x02", "it is a property list of Apple"),
    "CBOR": (b"\xd9\xd9\xf7\xa1\x6dconversations\x80", "it is CBOR"),
    "an object of Java in bytes": (b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap", "it is an object of Java"),
    "bytes of MessagePack": (b"\x81\xadconversations\x91\x80", "save it as UTF-8, or unpack it if it is compressed"),
    "bytes behind letters": (b"ABCD\x01\x02\x03,;\n", "it is a binary file, not JSON"),
    "a file of openssl": (b"Salted__" + bytes(range(1, 40)), "it is encrypted: decrypt it first"),
    "a message of PGP": (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n", "it is encrypted: decrypt it first"),
    "a vault of Ansible": (b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", "it is encrypted: decrypt it first"),
    "halves of characters in UTF-8, as Oracle writes": (
        CALL.replace(b"some_value", b"\xed\xa0\xbd\xed\xb8\x80"),
        "it is not text in UTF-8",
    ),
    "gzip and then text": (gzip.compress(CALL) + b"\n" + CALL, "its gzip is damaged"),
    # -- files of other programs
    "a pointer of Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "it only names a file of Git LFS, which is elsewhere: fetch it with `git lfs pull`",
    ),
    "a merge": (b"<<<<<<< HEAD\n" + CALL + b"\n=======\n" + CALL, "it has marks of Git"),
    "a difference": (b"diff --git a/x b/x\n--- a/x\n+++ b/x\n+" + CALL, "it has marks of Git"),
    "a request of curl": (b"curl 'https://api.mypurecloud.com' -H 'Authorization: Bearer SECRET'", _REQUEST),
    "a request of a browser": (b'fetch("https://api.mypurecloud.com", {"headers": {"authorization": "x"}})', _REQUEST),
    "a request of PowerShell": (b'Invoke-WebRequest -Uri "https://api.mypurecloud.com"', _REQUEST),
    "a request of HTTP": (b"POST /api/v2/analytics HTTP/1.1\nAuthorization: Bearer SECRET\n\n{}", _REQUEST),
    "two files of head": (b"==> details.json <==\n" + CALL, "it begins with a line of `head` or `tail`"),
    "lines of grep": (b"saved/details.json:" + CALL, "its lines begin with the name of a file, as grep -H writes"),
    "a log of syslog": (b"Jan 28 11:40:00 host app[1]: " + CALL, "it begins with lines of a log"),
    "keys of Kafka": (b"A-1\t" + CALL + b"\n", "its lines begin with a key, as consumers of Kafka write"),
    "the prompt of Python": (b">>> print(answer)\n{}", "it begins with the prompt of Python"),
    "a cell of IPython": (b"Out[3]: {'conversations': []}", "it begins with the prompt of Python"),
    "a mail": (b"> " + CALL, "its lines begin with `>`, as a mail quotes them"),
    "a saved page": (b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n", "it is a saved page or a mail (MIME)"),
    "a table of psql": (b"  doc  \n-------\n " + CALL + b"\n(1 row)\n", "it is what psql shows of a table"),
    "a table of mysql": (b"+-----+\n| doc |\n+-----+\n", "it is a table as a program or Markdown shows it"),
    "a table of Markdown": (b"| Queue | Offered |\n|---|---|\n| Q | 3 |\n", "it is a table as a program or Markdown"),
    "a table with bars": (b"Queue|Offered\nQ|3\n", "it is a table (CSV)"),
    "a table of one column": (b"conversationId\nA\nB\n", "it is a table (CSV)"),
    "a dump of xxd": (b"00000000: 7b22 636f 6e76 6572 7361 7469 6f6e 7322  {\n", "it is a dump of bytes"),
    "a dump of hexdump": (b"00000000  7b 22 63 6f 6e 76 65 72  73 61\n", "it is a dump of bytes"),
    "checksums": (b"4d7a214614ab2935c943f9e0ff69d22e  details.json\n", "it holds checksums of files"),
    "a list of files": (b"total 4\n-rw-r--r-- 1 root root 1 Jan 1 details.json\n", "it holds a list of files"),
    "a link of Windows": (b"[InternetShortcut]\r\nURL=https://example\r\n", "it is a file of settings"),
    "TOML": (b'[[conversations]]\nconversationId = "A"\n', "it is a file of settings"),
    "an answer in brackets": (b"(" + CALL + b")", "quotes or brackets stand around the answer: take them out"),
    "an answer in quotes": (b"'" + CALL + b"'", "quotes or brackets stand around the answer: take them out"),
    **{
        f"an object of {language}": (written, _SHOWN)
        for language, written in (
            ("Clojure", b'{:conversations [{:conversationId "A"}]}'),
            ("Erlang", b'#{<<"conversations">> => []}'),
            ("R", b"list(conversations = list())"),
            ("Scala", b"Map(conversations -> List())"),
            ("Kotlin", b"AnswerOfQuery(conversations=[])"),
            ("Rust", b'Answer { conversations: [Conversation { conversation_id: "A" }] }'),
            ("Swift", b'["conversations": []]'),
            ("Perl", b"$VAR1 = {\n 'conversations' => []\n};"),
            ("Ruby with its class", b"#<PureCloud::Answer:0x000 @conversations=[]>"),
        )
    },
    **{
        f"{what} of MongoDB's shell": (CALL.replace(old, new, 1), _MONGO)
        for what, old, new in (
            ("a time", f'"{START}"'.encode(), b'ISODate("2026-01-28T11:40:00Z")'),
            ("a number", b"500000", b"NumberLong(500000)"),
        )
    },
    "a number in hexadecimal digits": (_in_call(b"0x7A120"), "a number in hexadecimal digits"),
    "a number that begins with a point": (_in_call(b".5"), "a number begins with a point"),
    "nan": (_in_call(b"nan"), "nan and inf are no numbers of JSON"),
    "a byte order mark in a list": (b"[\xef\xbb\xbf" + CALL + b"]", _UNSEEN),
    "a space that does not break": (CALL.replace(b", ", ",\u00a0".encode(), 1), _UNSEEN),
    "a space of no width before it": ("\u200b".encode() + CALL, "it begins with a character that is not seen"),
    "the end of a file of DOS": (CALL + b"\x1a", "a character that ends files on old systems"),
    # -- an answer within another
    "an event of EventBridge": (dumped(_EVENT), _EVENTS),
    "events of EventBridge on lines": (dumped(_EVENT) + b"\n" + dumped(_EVENT), _EVENTS),
    "a message of SQS": (
        dumped({"Messages": [{"MessageId": "1", "Body": json.dumps(call())}]}),
        f"{_AS_TEXT} 'Messages.Body'",
    ),
    "a message of SNS": (dumped({"Type": "Notification", "Message": json.dumps(call())}), f"{_AS_TEXT} 'Message'"),
    "events of CloudWatch": (dumped({"events": [{"message": json.dumps(call())}]}), f"{_AS_TEXT} 'events.message'"),
    "a row with the text of a conversation": (dumped([{"id": 1, "body": json.dumps(call())}]), f"{_AS_TEXT} 'body'"),
    "a message of Pub/Sub": (
        dumped([{"ackId": "1", "message": {"data": _BASE64}}]),
        "element 1: a document as base64 stands in its field 'message.data': decode it, and save it by itself",
    ),
    "columns of pandas": (
        dumped({"conversationId": {"0": "A"}, "conversationStart": {"0": START}, "participants": {"0": []}}),
        "it is a table by columns (orient='columns' of pandas",
    ),
    "columns as lists": (
        dumped({"conversationId": ["A"], "conversationStart": [START]}),
        "it is a table by columns",
    ),
    "an item of DynamoDB": (
        dumped({"conversationId": {"S": "A"}, "conversationStart": {"S": START}}),
        "DynamoDB's values with their types",
    ),
    # -- other documents
    "an export of Insomnia": (
        dumped({"_type": "export", "__export_format": 4, "resources": []}),
        "it is an export of Insomnia",
    ),
    "a description of an API": (
        dumped({"swagger": "2.0", "paths": {}}),
        "it describes an API or the form of documents",
    ),
    "a JSON Schema": (dumped({"$schema": "x", "properties": {}}), "it describes an API or the form of documents"),
    "a problem of HTTP": (
        dumped({"type": "about:blank", "title": "Too Many Requests", "status": 429}),
        "it holds an error answer: Too Many Requests. Ask again",
    ),
    "an error of AWS": (dumped({"__type": "ThrottlingException"}), "it holds an error answer: ThrottlingException"),
    "status of users with a total": (
        dumped({"userDetails": [{"userId": "U"}], "totalHits": 1}),
        "it holds presence and routing status of users, which are not imported",
    ),
    "a transcript": (
        dumped({"conversationId": "A", "participants": [{"userId": "U"}], "transcripts": [{"phrases": []}]}),
        "it holds the transcript of a conversation, not conversations of analytics",
    ),
    "recordings": (
        dumped([{"id": "r", "conversationId": "A", "startTime": START, "mediaUris": {}}]),
        "element 1: it holds recordings, not conversations of analytics",
    ),
    "evaluations": (
        dumped({"entities": [{"id": "e", "conversation": {"id": "A"}, "evaluationForm": {"id": "f"}}]}),
        "it holds evaluations, not conversations of analytics",
    ),
    "surveys": (dumped([{"conversation": {"id": "A"}, "surveyForm": {}}]), "element 1: it holds surveys"),
    "a call of the live API with both ids": (
        dumped({"id": "A", "conversationId": "A", "startTime": START, "endTime": END, "participants": []}),
        "it holds conversations as the conversations API has them",
    ),
    "entities of another kind": (
        dumped({"entities": [{"userId": "U", "sessions": []}]}),
        "the first of its `entities` has none either; its fields are: sessions, userId",
    ),
    "a conversation as a text in a list beside pages": (
        dumped([page(call()), {"body": json.dumps(call("B"))}]),
        f"element 2: {_AS_TEXT} 'body'",
    ),
}
"""Each is skipped for the reason named, and nothing of it is stored."""

"""Says what a text that is not JSON is, and how to save it as JSON. Tools write such texts before or in place of an
answer.

`kind_of` looks at the beginning of a file, `slip_at` at the place where the JSON parser stopped.
"""

from __future__ import annotations

import re

LOOKED_AT = 2_000
"""How many characters of a file's beginning `kind_of` needs."""

_BODY = "save the body of the answer alone"
_TO_JSON = "save it with to_json() of the SDK's answer, or with json.dump(answer.to_dict(), file, default=str)"
_STRINGIFY = "save it with JSON.stringify(answer)"
_REQUEST = (
    "it holds a request, not the platform's answer: save the answer. It may show a login token: delete it, and revoke "
    "the token"
)
_ENCRYPTED = "it is encrypted: decrypt it first"
_BINARY = "it is a binary file, not JSON: unpack it, or save it as JSON"
_SECOND_PART = (
    "it begins in the middle of an answer, as a part of a file that was split, or whose beginning was cut off: join "
    "all parts in their order (cat PART1 PART2 > whole.json), and import that"
)
_PROGRAMS = f"Python and JavaScript show objects. In Python {_TO_JSON}; in JavaScript {_STRINGIFY}"
_CONVERT = "save it with Invoke-RestMethod … | ConvertTo-Json -Depth 20"
_TABLE = (
    "it is a table (CSV), as Genesys Cloud's own exports are, not JSON: only answers of the API are imported. Save "
    "these as JSON, or materialise the days, so that they are fetched"
)


def _kinds(*kinds: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.ASCII), what) for pattern, what in kinds)


_BEGINNINGS = _kinds(
    # -- something other than text
    (r"Salted__|-----BEGIN PGP MESSAGE|age-encryption\.org/|\$ANSIBLE_VAULT;", _ENCRYPTED),
    (r"[^\s{\[\"\d\x00\x1b][^\n]{0,200}[\x01-\x08\x0e-\x1a\x1c\x1d\x1f]", _BINARY),
    (
        r"version https://git-lfs\.github\.com/",
        "it only names a file of Git LFS, which is elsewhere: fetch it with `git lfs pull`",
    ),
    (
        r"<{7} |={7}\s|diff --git |--- [\w/.]+\s+\+\+\+ ",
        "it has marks of Git, of a merge or a difference: save the file as it is in one version",
    ),
    # -- a part of an answer, which begins with the rest of a value; a comma or a bracket; or a name
    (r"[}\],:]", _SECOND_PART),
    (r"[^{\[}\]\n=(<]{0,300}?\"\s*:\s*[\"{\[\dtfn]", _SECOND_PART),
    # -- a request
    (r"curl |(await )?fetch\(|Invoke-(WebRequest|RestMethod)\b|\$session = New-Object|wget ", _REQUEST),
    (r"(GET|POST|PUT|PATCH|DELETE) (/|https?:)|### ?.*\n+(GET|POST) ", _REQUEST),
    # -- something before the answer
    (r"==> .* <==", "it begins with a line of `head` or `tail`: save the answer alone, one file at a time"),
    (
        r"[^\s{\[\"]*\.(json|jsonl|ndjson|log)(\.gz)?:(\d+:)?[{\[]",
        "its lines begin with the name of a file, as grep -H writes: use -h",
    ),
    (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ", "it begins with lines of a log: save the answer of the platform alone"),
    (
        r"(?!\d+\t)[\w-]{1,64}[\t|]\s*[{\[]",
        "its lines begin with a key, as consumers of Kafka write: save the value of each line alone",
    ),
    (r">>> |(In|Out) ?\[\d*\]:", f"it begins with the prompt of Python: {_TO_JSON}"),
    (r">+ ?[{\[]", "its lines begin with `>`, as a mail quotes them: save the answer without them"),
    (
        r"\s*\w+\s*\n-{3,}\+?[-+]*\n\s*[{\[]",
        "it is what psql shows of a table: save the answer alone, with \\pset format unaligned and tuples_only",
    ),
    (
        r"\+-{2,}|\|",
        "it is a table as a program or Markdown shows it, not JSON: save the answers of the platform as JSON",
    ),
    (
        r"[0-9a-f]{6,8}:?\s+([0-9a-f]{2,4} ){4}",
        "it is a dump of bytes, as xxd and hexdump show them: save the bytes themselves",
    ),
    (r"[0-9a-f]{32,128} [ *]", "it holds checksums of files, not these files"),
    (r"total \d+\n[d-][rwx-]{9}", "it holds a list of files, not these files"),
    (
        r"\[[\w .-]+\]\s*\r?\n\s*[\w.]+\s*=|\[\[(?!(null|true|false)\])[A-Za-z_][\w.]*\]\]\s*\n",
        "it is a file of settings (INI, TOML or a link), not JSON",
    ),
    (
        r"(From|MIME-Version|Message-ID|Received): ",
        "it is a saved page or a mail (MIME): save the answer of the platform alone",
    ),
    (r"\(\s*[{\[]|'\s*[{\[]|`\s*[{\[]", "quotes or brackets stand around the answer: take them out"),
    (r"[\u00a0\u200b-\u200f\u2028-\u202f\u2060]", "it begins with a character that is not seen: take it out"),
    (
        r"HTTP/",
        f"it begins with the headers of an HTTP answer, as `curl -i` writes them: {_BODY}, without -i",
    ),
    (
        r"(?i:content-(type|length)|date|server|connection|cache-control|inin-[\w-]+|x-[\w-]+|transfer-encoding): ",
        f"it begins with the headers of an HTTP answer: {_BODY}",
    ),
    (
        r"\* [ \w].*\n|\*   Trying |[<>] [A-Z]",
        f"it begins with what `curl -v` writes of the connection: {_BODY}, with -o FILE and without 2>&1. It may show "
        "a login token: delete it",
    ),
    (r"% Total", "it begins with the progress that curl shows: save the answer with -o FILE, without 2>&1"),
    (r"curl: \(\d+\)", "it holds an error message of curl, so there was no answer: ask again"),
    (r"StatusCode +:", f"it is the answer of Invoke-WebRequest as PowerShell shows it, which is cut: {_CONVERT}"),
    (r"data:|event:", "it begins with server-sent events, such as `data:`: save what stands behind `data:`"),
    (r"\)\]\}'", "it begins with `)]}'`, which keeps browsers from running it: take that line out"),
    (r"while ?\(1\);", "it begins with `while(1);`, which keeps browsers from running it: take that out"),
    (r"for ?\(;;\);", "it begins with `for(;;);`, which keeps browsers from running it: take that out"),
    (r"```|~~~", "it begins with ```, which Markdown has around code: take the lines with ``` out"),
    (r"//|/\*|#(?![<{])", "it begins with a comment, and JSON has none: take it out"),
    (r"\x00", "it is not JSON: it begins with zero bytes, so it was not written to its end. Save it again"),
    (
        r"(INFO|DEBUG|TRACE|WARN(ING)?|ERROR|CRITICAL|FATAL|Traceback|Exception)\b|\[?\d{4}-\d\d-\d\d[ T]\d\d:|"
        r"\[(info|debug|warn|error)",
        "it begins with lines of a log or of an error: save the answer of the platform alone",
    ),
    (r"--\d{4}-\d\d-\d\d ", "it begins with what wget writes of the connection: save the answer with -O FILE"),
    (
        r"--[\w'()+,./:=?-]+\r?\n(?i:content-)",
        f"it begins with the bounds of parts of a message (multipart): {_BODY}",
    ),
    (r"[0-9a-fA-F]+\r\n[\[{]", f"it begins with the length of a chunk of an HTTP answer: {_BODY}"),
    (r"[$>] \w|PS [A-Z]:|\w+@[\w.-]+[:~ ]", "it begins with the line of a command: save the answer alone"),
    (r"\d+[:\t)][ \t]*[\[{]", "its lines begin with numbers: save the lines without them"),
    (r"\x1b\[", "it has the colours of a terminal: save it without them, with jq -M or --no-color"),
    # -- an answer that was encoded
    (r"[\[{]\s*&(quot|#34);", "its quotes are written as HTML does (&quot;): decode it, and save it as JSON"),
    (r"(?i:%7b|%5b)", "it is URL-encoded, such as %7B for {: decode it, and save it as JSON"),
    (
        r"[\[{]\s*(\\+[nrt]\s*)*\\+\"",
        "its quotes have backslashes, so it is a part of another text: decode it, and save it as JSON",
    ),
    # -- an answer as a program shows it
    (r"<Response \[\d+\]>", "it is the name of Python's answer, without what is in it: save response.text"),
    (r"<[\w.]+ object at 0x", f"it is the name of an object of Python, without what is in it: {_TO_JSON}"),
    (r"b['\"]", "it holds bytes as Python shows them (b'…'): write them to a file that is open in mode 'wb'"),
    (r"(dict|defaultdict|OrderedDict|array|deque)\(", f"it is an object as Python shows it, not JSON: {_TO_JSON}"),
    (
        r"class \w+ \{",
        "it is an object as Java or C# shows it, not JSON: save it with the SDK's ApiClient, or toJson()",
    ),
    (
        r"#\{|#<[A-Z]|\{:\w|[A-Z]\w* ?\{\s*\w+:|[A-Z]\w*\(\w+ ?(=|->)|list\(\w+ ?=|\$VAR1\b|\[\"\w+\": ?\[",
        "it is an object as a program shows it, not JSON: save it with the program's encoder for JSON",
    ),
    (r"(array|Array)\s*\(|(array|object)\([\w#]+\)", "it is an array as PHP shows it: save it with json_encode()"),
    (r"map\[|&?\{\w+:[\[{0-9\"]", "it is a value as Go or JavaScript shows it, not JSON: save it as JSON"),
    (r"@\{", f"it is an object as PowerShell shows it, which is cut: {_CONVERT}"),
    (r"\w+ +: (@?\{|$)|\w+ *\n-{3,}", f"it is an object as PowerShell shows it, which is cut: {_CONVERT}"),
    (
        r"(export|import|const|var|let|return|module|window|self|globalThis)\b|[\w.$]+\s*=\s*[\[{\"'(]",
        f"it is JavaScript or another program, not JSON: {_STRINGIFY}",
    ),
    (r"[\w.$]+\s*\(\s*[\[{]", "it is a call of a function (JSONP), not JSON: take what is around the { } out"),
    (r"\{\\rtf", "it is a document of a word processor (RTF), not JSON: save it as plain text"),
    # -- other kinds of files
    (
        r"<",
        "it is HTML or XML, as a login page or a gateway answers, not JSON: ask again, and save the answer of the "
        "platform",
    ),
    (r"---\s*[\n\[{]|%YAML|- \w+:|[\w-]+:[ \t]*(\n|\w)", "it is YAML, not JSON: save it as JSON"),
    (r"[A-Za-z][\w .-]*(\|[\w .-]+)+\r?\n|[A-Za-z]+(Id| Id| Name| Start)\r?\n", _TABLE),
    (r"\"[^\"\n]*\"[ \t]*[,;\t]|[^\n{}\[\]:]*[^\n{}\[\]: ][,;\t][^\n{}\[\]:]*\n", _TABLE),
    (r"[A-Za-z0-9+/]{60,}[A-Za-z0-9+/=\s]*$", "it is base64, not JSON: decode it"),
    (
        r"(?!(true|false|null)\b|NaN|Infinity)[A-Za-z]",
        "it is plain text, as a gateway or a program answers, not JSON: ask again, and save the answer of the platform",
    ),
)
"""What a file may begin with, and what that is; the first one that matches counts. A document of JSON matches none."""

_SLIPS_OF_VALUES = _kinds(
    (
        r"(ISODate|ObjectId|Number(Long|Int|Decimal)|Timestamp|UUID|BinData)\(",
        "it is a document as MongoDB's shell shows it: save it with mongoexport, or with EJSON.stringify()",
    ),
    (r"\.\d", "a number begins with a point, which JSON does not have: write 0 before it"),
    (r"nan\b|inf(inity)?\b|-nan\b|-inf", "nan and inf are no numbers of JSON: write null, or leave the field out"),
    (r"\+\d", "a plus sign stands before a number, which JSON does not have: take it out"),
    (r"_\d", "an underscore stands within a number, which JSON does not have: take it out"),
    (r"\.\s*[,}\]]", "a number ends with a point: take it out"),
    (r"'", f"single quotes stand where JSON has double ones, as {_PROGRAMS}"),
    (r"(None|True|False)\b|datetime\.|[A-Z]\w*\(", f"it is an object as Python shows it. In Python {_TO_JSON}"),
    (r"(undefined|Object|Array|Circular|Symbol|function)\b|`", f"it is an object as JavaScript shows it: {_STRINGIFY}"),
    (r"=>|nil\b", "it is an object as Ruby or PHP shows it: save it with to_json or json_encode"),
    (r"[\w$]+\s*=", "it is an object as Java shows it: save it as JSON, for example with Jackson"),
    (r"[A-Za-z_$][\w$]*\s*:", f"the name of a field stands without double quotes, as {_PROGRAMS}"),
)
"""What may stand within a document in the place of a value, and what that is."""
_SLIPS = _kinds(
    (r"//|/\*|#", "a comment, which JSON does not have: take it out"),
    (r"\.\.\.|\u2026", "an ellipsis: it was shortened, as a screen shows it. Save the whole answer"),
    (r"\* \w", f"what `curl -v` writes of the connection stands behind the answer: {_BODY}, without 2>&1"),
    (r"<(?!<{6})", "HTML or XML stands behind or within the answer: save the answer of the platform alone"),
    (
        r"[\u00a0\u200b-\u200f\u2028-\u202f\u2060\ufeff]",
        "a character that is not seen, as web pages and word processors write: take it out",
    ),
    (r"[xX][0-9a-fA-F]+", "a number in hexadecimal digits, which JSON does not have: write it in decimal ones"),
    (r"[\x1a\x04]", "a character that ends files on old systems (Ctrl+Z or Ctrl+D): take it out"),
    (r"<{7} |={7}|>{7} ", "marks of a merge of Git: save the file as it is in one version"),
    (
        r"[\r\n]",
        "a line ends within a text, so it was cut or wrapped there. Save it again; a line end in a text is written \\n",
    ),
    (r"\x00", "zero bytes: it was not written to its end. Save it again"),
    (r";", "a semicolon, as programs end a line with: take it out"),
    (r"[\u201c\u201d\u201e\u2018\u2019]", "typographic quotes, as word processors write: write straight ones"),
)
"""What may stand within or behind a document, and what that is."""
_CLOSES = frozenset("]}")


def kind_of(beginning: str) -> str | None:
    """What a file is, as the reason why it is refused, from the beginning of its text; None if that may be JSON.

    >>> kind_of("conversationId,start\\nA,B\\n")[:22]
    'it is a table (CSV), a'
    >>> kind_of('{"conversations": []}') is None
    True
    """
    return next((what for pattern, what in _BEGINNINGS if pattern.match(beginning)), None)


def slip_at(text: str, at: int, *, is_behind: bool = False) -> str | None:
    """What is wrong at the place where the JSON parser stopped; None if that is unknown. `is_behind`: the place is
    behind a whole document.

    >>> slip_at('{"a": 1,}', 8)
    'a comma stands before the end of a list or an object: take it out'
    """
    if text[at : at + 1] in _CLOSES and text[:at].rstrip()[-1:] == ",":
        return "a comma stands before the end of a list or an object: take it out"
    slips = _SLIPS if is_behind else (*_SLIPS, *_SLIPS_OF_VALUES)
    return next((what for pattern, what in slips if pattern.match(text, at)), None)

"""What the fields beside the objects of an answer say: whether it is whole, and whether a further page follows.

The platform writes few of these. Scripts and gateways that save or pass on answers write others with the same meaning.
Names are compared as `spelling.plain` gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genesys_assets.cloud.http.parsing import read_count
from genesys_assets.importing.spelling import Object, of_digits, plain, unwrapped

_FURTHER = frozenset(
    (
        *("cursor", "nexturi", "next", "nextpage", "nextcursor", "nexttoken", "nextpagetoken", "nextlink", "nexturl"),
        *("continuationtoken", "@odata.nextlink", "hasmore", "hasnext", "hasnextpage", "morepages", "moredata"),
        *("nextpageuri", "nextpageurl", "hasmorepages", "hasmoreresults", "lastevaluatedkey"),
        *("remainingpages", "remainingcount"),
    )
)
"""Fields with a value, or with true, on each page but the last one."""
_LAST = frozenset(("last", "lastpage", "islast", "islastpage"))
"""Fields with false on each page but the last one. Some tools write a number or a link in them, which says nothing."""
_NUMBERS, _COUNTS = ("pagenumber", "page", "currentpage"), ("pagecount", "totalpages", "numpages")
"""Fields that number the pages from 1, and fields that count them."""
_NOT_WHOLE = frozenset(("truncated", "istruncated", "partial", "ispartial", "incomplete", "isincomplete"))
_ENDED_EARLY = frozenset(("aborted", "interrupted", "stopped", "cancelled", "canceled", "timedout", "terminatedearly"))
"""Fields that have true or a reason if not all was saved."""
_WHOLE = frozenset(
    (
        *("complete", "iscomplete", "completed", "done", "finished", "success", "succeeded", "issuccess", "ok"),
        *("alldone", "isdone", "isfinished"),
    )
)
_STATUS = frozenset(("status", "statuscode", "httpstatus", "httpstatuscode", "httpcode", "responsecode", "code"))
_ERRORS = frozenset(("errors", "error"))
_TOTALS = (
    *("totalhits", "total", "totalcount", "totalrecords", "totalconversations", "totalelements", "totalresults"),
    *("totalitems", "numfound"),
)
"""Fields that count the conversations of all pages: the platform's, and those of scripts."""
_AROUND_PAGES = frozenset(("links", "paging", "pagination", "pageinfo", "page", "meta", "metadata"))
"""Fields with an object that says which page of an answer it is."""
MESSAGES = frozenset(("message", "warning", "warnings"))
OF_ANSWER = frozenset(
    (
        *(*_FURTHER, *_LAST, *_NUMBERS, *_COUNTS, *_NOT_WHOLE, *_ENDED_EARLY, *_WHOLE, *_STATUS, *_ERRORS, *_TOTALS),
        *(*MESSAGES, "dataavailabilitydate"),
    )
)
"""Fields that say whether an answer has all it was asked for, wherever they stand. The platform writes them last."""
_FIRST_STATUS_OF_ERRORS, _LAST_STATUS = 400, 599
_NO = frozenset(("", "false", "no", "none", "null", "0"))
_YES = frozenset(("true", "yes", "1"))


def further_page(envelope: Object) -> str | None:
    """The field that says that another page of the answer follows; None if no field says so.

    >>> for each in ({"hasMore": True}, {"next": None}, {"pageNumber": 1, "pageCount": 2}, {"_links": {"next": "/2"}}):
    ...     print(further_page(each))
    hasMore
    None
    pageNumber
    _links.next
    """
    numbers: dict[str, tuple[str, int]] = {}
    for path, name, value in _fields(envelope):
        if name in _FURTHER and _is_said(value):
            return path
        if name in _LAST and (value is False or (isinstance(value, str) and _text(value) == "false")):
            return path
        if name in (*_NUMBERS, *_COUNTS) and (number := read_number(value)) is not None:
            numbers.setdefault(name, (path, number))
    at, count = (next((numbers[name] for name in names if name in numbers), None) for names in (_NUMBERS, _COUNTS))
    return at[0] if at is not None and count is not None and at[1] < count[1] else None


def _fields(envelope: Object) -> Iterator[tuple[str, str, Any]]:
    """The fields of an envelope and of the objects in it that say which page it is: path, plain name and value."""
    for name, value in envelope.items():
        if isinstance(value, dict) and plain(name) in _AROUND_PAGES:
            yield from ((f"{name}.{inner}", plain(inner), _of_link(each)) for inner, each in value.items())
        else:
            yield name, plain(name), value


def _of_link(value: Any) -> Any:
    """`{"href": "/page=2"}`, as HAL writes links, as its URL; anything else as it is."""
    return value.get("href") if isinstance(value, dict) else value


def flaw(name: str, value: Any) -> str | None:
    """What a field beside the objects says against the answer; None if it says nothing against it.

    >>> flaw("status", 504), flaw("status", 200), flaw("partial", "true"), flaw("success", True)
    ('an answer says that it is an error, 504', None, 'an answer says that it is not whole', None)
    """
    key = plain(name)
    if key in _ERRORS and not _is_nothing(value):
        return "an answer says that it does not have all it was asked for"
    status = read_number(value) if key in _STATUS else None
    # A `code` may be any number.
    if status is not None and status >= _FIRST_STATUS_OF_ERRORS and (key != "code" or status <= _LAST_STATUS):
        return f"an answer says that it is an error, {status}"
    if (key in _NOT_WHOLE and (value is True or _text(value) in _YES)) or (key in _ENDED_EARLY and _is_said(value)):
        return "an answer says that it is not whole"
    if key in _WHOLE and (value is False or (isinstance(value, str) and _text(value) in _NO - {""})):
        return "an answer says that it is not whole"
    return None


def total_of(envelope: Object) -> tuple[str, Any] | None:
    """The field that gives the number of conversations on all pages, and its value; None without such a field.
    `totalHits` comes first; any other field must hold a whole number.
    """
    by_name: dict[str, tuple[str, Any]] = {}
    for path, name, value in _fields(envelope):
        if name in _TOTALS and value is not None and (name == "totalhits" or read_number(value) is not None):
            by_name.setdefault(name, (path, value))
    return next((by_name[name] for name in _TOTALS if name in by_name), None)


def _is_said(value: Any) -> bool:
    return not isinstance(value, dict | list) and value is not None and _text(value) not in _NO


def _is_nothing(value: Any) -> bool:
    """Whether a value says that there is no error: no, nothing, 0, or only such values."""
    if isinstance(value, dict | list):
        return all(map(_is_nothing, value.values() if isinstance(value, dict) else value))
    return value is None or _text(value) in _NO or read_number(value) == 0


def _text(value: Any) -> str:
    return f"{value}".strip().lower()


def read_number(value: Any) -> int | None:
    """A whole number of 0 or more that stands beside the objects of an answer, in any spelling of numbers; None for
    anything else.
    """
    number = of_digits(unwrapped(value))
    return read_count(int(number) if isinstance(number, float) and number.is_integer() else number)

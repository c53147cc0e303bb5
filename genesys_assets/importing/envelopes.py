"""What the fields beside the objects of an answer say: whether it is whole, and whether a further page follows.

The platform writes few of these. Scripts and gateways that save or pass on answers write others with the same meaning.
Names are compared as `spelling.plain` gives them.
"""

from __future__ import annotations

from typing import Any

from genesys_assets.cloud.http.parsing import read_count
from genesys_assets.importing.spelling import Object, of_digits, plain, unwrapped

_FURTHER = frozenset(
    (
        *("cursor", "nexturi", "next", "nextpage", "nextcursor", "nexttoken", "nextpagetoken", "nextlink", "nexturl"),
        *("continuationtoken", "@odata.nextlink", "hasmore", "hasnext", "hasnextpage", "morepages", "moredata"),
    )
)
"""Fields with a value, or with true, on each page but the last one."""
_NOT_WHOLE = frozenset(("truncated", "istruncated", "partial", "ispartial", "incomplete", "isincomplete"))
_WHOLE = frozenset(("complete", "iscomplete", "success", "succeeded", "issuccess", "ok"))
_STATUS = frozenset(("status", "statuscode", "httpstatus", "httpstatuscode", "httpcode", "responsecode", "code"))
_ERRORS = frozenset(("errors", "error"))
_TOTALS = ("totalhits", "total", "totalcount", "totalrecords", "totalconversations")
"""Fields that count the conversations of all pages: the platform's, and those of scripts."""
MESSAGES = frozenset(("message", "warning", "warnings"))
OF_ANSWER = frozenset(
    (
        *(*_FURTHER, *_NOT_WHOLE, *_WHOLE, *_STATUS, *_ERRORS, *_TOTALS, *MESSAGES),
        *("dataavailabilitydate", "pagenumber", "pagecount"),
    )
)
"""Fields that say whether an answer has all it was asked for, wherever they stand. The platform writes them last."""
_FIRST_STATUS_OF_ERRORS, _LAST_STATUS = 400, 599
_NO = frozenset(("", "false", "no", "none", "null", "0"))
_YES = frozenset(("true", "yes", "1"))


def has_further_page(envelope: Object) -> bool:
    """Whether an answer says that another page follows it.

    >>> [has_further_page(each) for each in ({"hasMore": True}, {"next": None}, {"pageNumber": 1, "pageCount": 2})]
    [True, False, True]
    """
    by_name = {plain(name): value for name, value in envelope.items()}
    number, count = (read_number(by_name.get(name)) for name in ("pagenumber", "pagecount"))
    is_not_last = number is not None and count is not None and number < count
    return is_not_last or any(_is_said(by_name[name]) for name in _FURTHER & by_name.keys())


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
    if key in _NOT_WHOLE and (value is True or _text(value) in _YES):
        return "an answer says that it is not whole"
    if key in _WHOLE and (value is False or (isinstance(value, str) and _text(value) in _NO - {""})):
        return "an answer says that it is not whole"
    return None


def total_name(envelope: Object) -> str | None:
    """The field that counts the conversations of all pages, if there is one. `totalHits` comes first; any other one
    must be a whole number.
    """
    by_name = {plain(name): name for name in envelope}
    for key in _TOTALS:
        name = by_name.get(key)
        if name is not None and (key == "totalhits" or read_number(envelope[name]) is not None):
            return name
    return None


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

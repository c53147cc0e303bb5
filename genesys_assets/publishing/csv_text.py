"""Formats a value as a field of CSV: RFC 4180, and safe to open in a spreadsheet.

A spreadsheet computes every field that begins with one of `= + - @`, quoted or not: if somebody names a queue
`=HYPERLINK("http://…")`, that would run on the reader's machine. So a text that begins with such a sign (also after
white space), or with a tab or a line end, gets a `'` in front. Numbers stay as they are: -5 is -5. Parquet and JSON
have the text unchanged. Source: https://owasp.org/www-community/attacks/CSV_Injection

A spreadsheet that separates by semicolons ignores our commas and quotes. It begins a cell at each semicolon, tab and
line end within a text. So text that follows one of these gets a `'` by the same rule.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

BOM = "\ufeff"
_QUOTED = frozenset(',;"\r\n\t')
"""A field with one of these is quoted. Semicolons too: they separate fields where a comma is the decimal sign."""
_FORMULA = frozenset("=+-@\u2212")
"""The signs that begin a formula, and the minus sign of mathematics, which some spreadsheets accept in numbers."""
_BREAKS = ("\t", "\r", "\n")
_BEHIND_A_BREAK = re.compile("(?<=[;\t\r\n])[^;\t\r\n]+")
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")
"""Invisible characters, in addition to the categories of white space, control and format characters."""
_DIGITS = 15
"""Significant digits that a spreadsheet keeps of a number."""


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How CSV is written: `formulas`, whether texts may be formulas; `bom`, whether the file begins with a byte order
    mark, which Excel needs to recognise UTF-8.
    """

    formulas: bool = False
    bom: bool = False

    def line(self, values: Any) -> str:
        """One record with its line end."""
        return ",".join(map(self.field, values)) + "\r\n"

    def field(self, value: Any) -> str:
        """One value as a field. A null is empty, an empty text is `""`, a list is a JSON array.

        >>> CsvStyle().field("=1+1"), CsvStyle().field(-5), CsvStyle().field(4.0)
        ("'=1+1", '-5', '4')
        """
        if value is None:
            return ""
        text = self._text(value)
        # Only quotes distinguish an empty text from a null.
        if text and _QUOTED.isdisjoint(text):
            return text
        if not self.formulas:
            text = _BEHIND_A_BREAK.sub(_as_text, text)
        return '"' + text.replace('"', '""') + '"'

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            return f"'{value}" if not self.formulas and is_formula(value) else value
        if isinstance(value, float):
            return _number(value)
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may compute a text.

    >>> is_formula("=1+1"), is_formula(" \\uff1d1"), is_formula("a=1")
    (True, True, False)
    """
    if text.startswith(_BREAKS):
        return True
    first = next((char for char in text if not _is_unseen(char)), "")
    # Full-width and small forms are the same signs to a spreadsheet that runs in an East Asian language.
    return unicodedata.normalize("NFKC", first) in _FORMULA


def _as_text(behind: re.Match[str]) -> str:
    """The text after a break, with a `'` in front if it may be a formula, with or without quotes."""
    return f"'{behind[0]}" if is_formula(behind[0].replace('"', "")) else behind[0]


def _is_unseen(char: str) -> bool:
    """Whether a character is invisible, so that the sign after it looks like the first character."""
    return char in _UNSEEN or unicodedata.category(char)[0] in "ZC"


def _number(value: float) -> str:
    """A float without an empty fraction (4 for 4.0), and without digits that a spreadsheet would drop."""
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return format(value, f".{_DIGITS}g")

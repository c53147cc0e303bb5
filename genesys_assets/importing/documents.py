"""Parses the JSON documents of a file one after the other, in little memory: a long document is given in parts.

A file holds one document, or several: one on each line (JSON Lines), or one after the other in any layout, with white
space between them.

A document that is longer than a piece is cut along its lists: each part has the same fields around some of the
elements. `shapes` knows what a document means.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from genesys_assets.cloud.analytics.catalogue import DIMENSION_ALIASES, DIMENSIONS
from genesys_assets.importing.envelopes import OF_ANSWER
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.not_json import LOOKED_AT, kind_of, slip_at
from genesys_assets.importing.remarks import printable, shown
from genesys_assets.importing.spelling import plain
from genesys_assets.importing.times import ENDS, STARTS

LISTS = ("conversations", "results", "entities")
"""Fields of a long document whose list may be given in parts."""
LARGEST_ELEMENT = 10 << 20
"""The most characters of one element of a list, or of one field. It is parsed whole, which takes about ten times as
many bytes. A conversation of a hundred participants has a hundredth of this.
"""

_PART = 256 << 10
_SPACE = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[\s\ufeff\x1e]*")
"""What may stand between documents: white space, byte order marks of joined files, and separators of RFC 7464."""
_LONGEST_TOKEN = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A document, or one part of a long one. `line` is the line where the document begins. `answer` is the same for all
    parts of one answer of the API; `first` is the position of the part's first element in its list.
    """

    value: Any
    line: int
    answer: tuple[int, ...]
    first: int = 0


def documents(pieces: Iterable[bytes], *, part: int = _PART, largest: int = LARGEST_ELEMENT) -> Iterator[Part]:
    """The documents of a file, from its bytes in pieces. Raises CannotImport if they are not JSON.

    `part` is about how many characters a part of a document has, `largest` how many one element may have.
    """
    reader = _Reader(_Text(_texts(pieces)), part, largest)
    number = 0
    while begin := reader.text.more(_BETWEEN):
        if not number and (what := kind_of(reader.text.beginning(LOOKED_AT))) is not None:
            raise CannotImport(what)
        if number and begin == ",":
            reader.refuse("a comma stands between two documents: take it out, or put all of them into one [ ]")
        yield from reader.document(number)
        number += 1
    if not number:
        raise CannotImport("it is empty")


class _Text:
    """The text of a file, of which only a part is in memory. `at` is the position of the next character in `buffer`."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.buffer = ""
        self.at = 0
        self.is_whole = False
        self._dropped = 0
        self._lines, self._counted = 1, 0
        self._line_at = 0

    @property
    def left(self) -> int:
        """How many characters of the buffer are not read yet."""
        return len(self.buffer) - self.at

    @property
    def position(self) -> int:
        """How many characters of the file were read."""
        return self._dropped + self.at

    @property
    def line(self) -> int:
        """The line of the next character, counted from 1."""
        self._lines += self.buffer.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._lines

    @property
    def column(self) -> int:
        """The column of the next character, counted from 1."""
        begin = self.buffer.rfind("\n", 0, self.at) + 1
        return self.position - (self._dropped + begin if begin else self._line_at) + 1

    def grow(self, characters: int) -> bool:
        """Load this many more characters, or the rest of the file; False if there are none."""
        wanted, added = characters, []
        while wanted > 0 and not self.is_whole:
            text = next(self._texts, None)
            self.is_whole = text is None
            if text:
                added.append(text)
                wanted -= len(text)
        if added:
            self._line_at = self.position - self.column + 1
            self._lines, self._dropped = self.line, self.position
            self.buffer = "".join([self.buffer[self.at :], *added])
            self.at = self._counted = 0
        return bool(added)

    def beginning(self, characters: int) -> str:
        """The next characters, without reading them: at most this many."""
        while self.left < characters and self.grow(characters - self.left):
            pass
        return self.buffer[self.at : self.at + characters]

    def more(self, space: re.Pattern[str] = _SPACE) -> str:
        """Skip white space, and return the next character without reading it; empty at the end of the file."""
        while True:
            match = space.match(self.buffer, self.at)
            self.at = match.end() if match else self.at
            if self.left:
                return self.buffer[self.at]
            if not self.grow(_PART):
                return ""


class _Reader:
    """Reads documents, about `part` characters at once; no element may be longer than `largest`."""

    def __init__(self, text: _Text, part: int, largest: int) -> None:
        self.text = text
        self._part = part
        self._largest = largest
        self._answers = 0
        self._behind: int | None = None

    def document(self, number: int) -> Iterator[Part]:
        """One document, whole or in parts."""
        line = self.text.line
        self._behind = self.text.position if number else None
        is_short, value = self._value_within(self._part)
        if is_short:
            yield Part(value, line, (number, 0))
        elif self.text.more() == "[":
            yield from self._list(line, number)
        elif self.text.more() == "{":
            yield from self._object(line, (number, 0))
        else:
            yield Part(self._value(), line, (number, 0))

    def _list(self, line: int, number: int) -> Iterator[Part]:
        """A long list, some elements at a time. An element that is long itself is taken for an answer of its own."""
        first = 0
        for elements in self._elements(may_be_long=True):
            self._answers += 1
            if isinstance(elements, list):
                yield Part(elements, line, (number, self._answers), first)
                first += len(elements)
            else:
                for part in self._object(line, (number, self._answers)):
                    yield Part([part.value], line, part.answer, first)
                first += 1

    def _object(self, line: int, answer: tuple[int, int]) -> Iterator[Part]:
        """A long object. If it has one of `LISTS`, it is given in parts, with some of the elements each."""
        fields: dict[str, Any] = {}
        in_parts: list[str] = []
        for name in self._names():
            if name in fields or name in in_parts:
                _twice(name)
            if name.lower() in LISTS and name.lower() in map(str.lower, in_parts):
                raise CannotImport(f"it has {printable(name, 60)!r} and another spelling of it, with two values")
            if name.lower() in LISTS:
                in_parts.append(name)
                first = 0
                for elements in self._elements() if self.text.more() == "[" else [self._value()]:
                    yield Part(fields | {name: elements}, line, answer, first)
                    first += len(elements) if isinstance(elements, list) else 1
            else:
                fields[name] = value = self._value()
                has_figures = any(plain(each) in _OF_FIGURES for each in in_parts)
                if has_figures and plain(name) in _AROUND and value is not None:
                    raise CannotImport(
                        f"its field {name!r} stands behind the long list {in_parts[0]!r}: write it before the list, or "
                        "split the file"
                    )
        if not in_parts:
            yield Part(fields, line, answer)
        elif behind := {
            name: value for name, value in fields.items() if isinstance(value, dict | list) or plain(name) in OF_ANSWER
        }:
            yield Part(behind | {in_parts[0]: []}, line, answer)

    def _names(self) -> Iterator[str]:
        """The names of an object's fields. The caller must read the value of each before asking for the next."""
        self.text.at += 1
        while self.text.more() != "}":
            if self.text.more() != '"':
                self.refuse("a field's name in double quotes is missing")
            name = self._value()
            if self.text.more() != ":":
                self.refuse("':' is missing")
            self.text.at += 1
            self.text.more()
            yield name
            self._read_comma("}")
        self.text.at += 1

    def _elements(self, *, may_be_long: bool = False) -> Iterator[Any]:
        """The elements of a list, some at a time; an empty list gives one empty list. With `may_be_long`, None stands
        for a long object, which the caller must read before asking for the next.
        """
        self.text.at += 1
        together: list[Any] = []
        begin, count = self.text.position, 0
        while self.text.more() != "]":
            is_short, value = self._value_within(self._largest) if may_be_long else (True, self._value())
            if is_short:
                together.append(value)
            elif self.text.more() == "{":
                if together:
                    yield together
                yield None
                together = []
            else:
                self._too_long()
            self._read_comma("]")
            count += 1
            if self.text.position - begin > self._part or len(together) >= _ELEMENTS:
                yield together
                together, begin = [], self.text.position
        self.text.at += 1
        if together or not count:
            yield together

    def _read_comma(self, end: str) -> None:
        """Read a comma, after which there must be another value; or nothing if the next character is `end`."""
        character = self.text.more()
        if character == ",":
            self.text.at += 1
            following = self.text.more()
            if following in (end, ""):
                self.refuse("a value is missing behind a comma" if following else _CUT)
        elif character != end:
            self.refuse(f"',' or '{end}' is missing" if character else _CUT)

    def _value(self) -> Any:
        is_short, value = self._value_within(self._largest)
        if not is_short:
            self._too_long()
        return value

    def _value_within(self, characters: int) -> tuple[bool, Any]:
        """Whether the next value has at most this many characters, and the value. A longer one is not read."""
        self.text.more()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text.buffer, self.text.at)
            except RecursionError:
                raise CannotImport(f"line {self.text.line}: it is nested too deeply") from None
            except json.JSONDecodeError as error:
                if self.text.is_whole or not self._may_be_cut(error):
                    self._at(error)
            except CannotImport:
                raise
            except ValueError:
                raise CannotImport(
                    f"line {self.text.line}: it has a number with more digits than any may have"
                ) from None
            else:
                # A number at the end of the buffer may continue after it.
                if end < len(self.text.buffer) or self.text.is_whole or not isinstance(value, int | float):
                    if end - self.text.at > characters:
                        return False, None
                    self.text.at = end
                    return True, value
            if self.text.left > characters:
                return False, None
            self.text.grow(max(self._part, self.text.left))

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the error may only be due to the end of the buffer."""
        return error.msg.startswith("Unterminated string") or error.pos > len(self.text.buffer) - _LONGEST_TOKEN

    def _at(self, error: json.JSONDecodeError) -> NoReturn:
        if error.pos >= len(self.text.buffer) or error.msg.startswith("Unterminated string"):
            self.text.at = len(self.text.buffer)
            self.refuse(_CUT)
        self.text.at = error.pos
        self.refuse(next((words for begin, words in _SLIPS if error.msg.startswith(begin)), error.msg))

    def refuse(self, why: str) -> NoReturn:
        is_behind = self.text.position == self._behind
        slip = slip_at(self.text.buffer, self.text.at, is_behind=is_behind)
        if slip is None and is_behind and self.text.left:
            text = self.text.beginning(_SHOWN + 1).splitlines()[0]
            slip = (
                f"text follows behind the answer, {shown(text, _SHOWN)}: take it out. Only further answers may follow"
            )
        raise CannotImport(f"it is not JSON at line {self.text.line} column {self.text.column}: {slip or why}")

    def _too_long(self) -> NoReturn:
        raise CannotImport(
            f"line {self.text.line}: one value of it has more than {self._largest:,} characters, and no answer of the "
            "platform has such a long one"
        )


_CUT = "it ends in the middle, so it was cut. Save it again"
_SHOWN = 20
"""How many characters of a text behind the answer are shown."""
_SLIPS = (
    ("Expecting value", "a value is missing"),
    ("Expecting property name", "a field's name in double quotes is missing"),
    ("Expecting ':'", "':' is missing"),
    ("Expecting ','", "',' is missing"),
    ("Invalid control character", "a text has a control character: write it with a backslash, such as \\n or \\u0001"),
    ("Invalid \\", "a backslash in a text begins no character of JSON: write it twice"),
)
"""What Python's messages about JSON begin with, and the same in our words."""
_UNITS = ("unit", "units", "timeUnit")
_OF_FIGURES = frozenset({"results", "entities"})
_AROUND = frozenset(
    map(
        plain,
        (*STARTS, *ENDS, "granularity", "interval", *DIMENSIONS, *DIMENSION_ALIASES, "queueName", "userName", *_UNITS),
    )
)
"""Fields around a list of figures that say something of its elements."""
_ELEMENTS = 1_000


def _texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """The pieces as text. The first bytes show whether they are UTF-8, UTF-16 or UTF-32."""
    decoder: codecs.IncrementalDecoder | None = None
    waiting = b""
    try:
        for piece in pieces:
            waiting += piece
            if decoder is None and len(waiting) >= 4:
                decoder = codecs.getincrementaldecoder(json.detect_encoding(waiting))()
            if decoder is not None:
                yield decoder.decode(waiting)
                waiting = b""
        decoder = decoder or codecs.getincrementaldecoder(json.detect_encoding(waiting))()
        yield decoder.decode(waiting, final=True)
    except UnicodeDecodeError as error:
        raise CannotImport(
            f"it is not text in {error.encoding.upper()} ({error.reason}): save it as UTF-8, or unpack it if it is "
            "compressed"
        ) from None


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise CannotImport(f"it has the number {printable(text, 40)}, which is larger than any may be")
    return value


def _no_constant(name: str) -> NoReturn:
    raise CannotImport(
        f"it is not JSON: {name} is no JSON number. Python and pandas write it for a missing value: write null, or "
        "leave the field out"
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises CannotImport if a name occurs twice: most parsers would silently drop the first value."""
    by_name = dict(pairs)
    if len(by_name) < len(pairs):
        seen: set[str] = set()
        _twice(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    return by_name


def _twice(name: str) -> NoReturn:
    raise CannotImport(
        f"an object of it has the field {printable(name, 60)!r} twice, and most programs would drop the first value: "
        "write one object for each, in a list"
    )


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant, object_pairs_hook=_unique)

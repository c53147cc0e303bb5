"""The JSON documents of a file, one after the other, in little memory: a long document comes in parts.

A file holds one document, or several: one on each line (JSON Lines), or one behind the other however they are laid out.
What stands between them is white space of any kind; a line end inside a text is a part of that text, as JSON has it.

A document that is longer than a piece is cut along its lists: each part has the same fields around some of the
elements. What a document means is in `shapes`.
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
from genesys_assets.importing.conversations import plain
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.remarks import printable
from genesys_assets.importing.times import ENDS, STARTS

LISTS = ("conversations", "results", "entities")
"""Fields of a long document whose list may come in parts."""
LARGEST_ELEMENT = 10 << 20
"""Characters that one element of a list, or one field, may have. It is parsed whole, to about ten times as many bytes;
a conversation of a hundred participants has a hundredth of it.
"""

_PART = 256 << 10
_SPACE = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[\s\ufeff\x1e]*")
"""Between documents there may be what joining files leaves there: byte order marks, and separators of RFC 7464."""
_LONGEST_TOKEN = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A document, or one part of a long one. `line` is where it began. `answer` is the same for all parts of one answer
    of the API; `first` is the position of the part's first element in its list.
    """

    value: Any
    line: int
    answer: tuple[int, ...]
    first: int = 0


def documents(pieces: Iterable[bytes], *, part: int = _PART, largest: int = LARGEST_ELEMENT) -> Iterator[Part]:
    """The documents of a file, whose bytes come in pieces. Raises CannotImport where they are not JSON.

    `part` is how many characters of a document come at once, `largest` how many one element may have.
    """
    reader = _Reader(_Text(_texts(pieces)), part, largest)
    number = 0
    while begin := reader.text.more(_BETWEEN):
        if not number:
            _must_be_json(reader.text.buffer[reader.text.at : reader.text.at + _LONGEST_TOKEN])
        if number and begin == ",":
            reader.refuse("a comma stands between two documents: take it out, or put all of them into one [ ]")
        yield from reader.document(number)
        number += 1
    if not number:
        raise CannotImport("it is empty")


_BEFORE = {
    "HTTP/": "the headers of an HTTP answer, as `curl -i` writes them: save the body alone, without -i",
    "data:": "server-sent events, each line of which begins with `data:`: save what stands behind that",
    "event:": "server-sent events: save what stands behind `data:`",
    ")]}'": "`)]}'`, which keeps browsers from running it: take that line out",
    "while(1);": "`while(1);`, which keeps browsers from running it: take that out",
    "for(;;);": "`for(;;);`, which keeps browsers from running it: take that out",
}
"""What tools and servers write before JSON."""


def _must_be_json(begin: str) -> None:
    if begin.startswith("<"):
        raise CannotImport(
            "it is HTML or XML, as a login page or a gateway answers, not JSON: ask again, and save the answer of the "
            "platform"
        )
    for what, why in _BEFORE.items():
        if begin.startswith(what):
            raise CannotImport(f"it begins with {why}")


class _Text:
    """The text of a file, as much of it as is needed."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.buffer = ""
        self.at = 0
        self.is_whole = False
        self._dropped = 0
        self._lines, self._counted = 1, 0

    @property
    def left(self) -> int:
        """Characters that are there and not read yet."""
        return len(self.buffer) - self.at

    @property
    def position(self) -> int:
        """Characters that were read."""
        return self._dropped + self.at

    @property
    def line(self) -> int:
        """The line of the next character, from 1 on."""
        self._lines += self.buffer.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._lines

    def grow(self, characters: int) -> bool:
        """Read so many more characters, or all that are left; False if there are none."""
        wanted, added = characters, []
        while wanted > 0 and not self.is_whole:
            text = next(self._texts, None)
            self.is_whole = text is None
            if text:
                added.append(text)
                wanted -= len(text)
        if added:
            self._lines, self._dropped = self.line, self.position
            self.buffer = "".join([self.buffer[self.at :], *added])
            self.at = self._counted = 0
        return bool(added)

    def more(self, space: re.Pattern[str] = _SPACE) -> str:
        """The next character that is no white space, empty at the end. It is not read yet."""
        while True:
            found = space.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.left:
                return self.buffer[self.at]
            if not self.grow(_PART):
                return ""


class _Reader:
    """Reads documents; `part` characters at once, no element longer than `largest`."""

    def __init__(self, text: _Text, part: int, largest: int) -> None:
        self.text = text
        self._part = part
        self._largest = largest
        self._answers = 0

    def document(self, number: int) -> Iterator[Part]:
        """One document, whole or in parts."""
        line = self.text.line
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
        """A long list, some elements at a time; an element that is long itself may be a page of its own."""
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
        """A long object; of a list that may come in parts, some elements at a time."""
        fields: dict[str, Any] = {}
        in_parts: list[str] = []
        for name in self._names():
            if name in fields or name in in_parts:
                _twice(name)
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
            name: value
            for name, value in fields.items()
            if isinstance(value, dict | list) or name.replace("_", "").lower() in _OF_ANSWER
        }:
            yield Part(behind | {in_parts[0]: []}, line, answer)

    def _names(self) -> Iterator[str]:
        """The names of an object's fields; the value behind each must be read before the next."""
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
            self._behind_comma("}")
        self.text.at += 1

    def _elements(self, *, may_be_long: bool = False) -> Iterator[Any]:
        """The elements of a list, some at a time; at least one list of them. None stands for an element that is long
        and an object, which must be read before the next.
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
            self._behind_comma("]")
            count += 1
            if self.text.position - begin > self._part or len(together) >= _ELEMENTS:
                yield together
                together, begin = [], self.text.position
        self.text.at += 1
        if together or not count:
            yield together

    def _behind_comma(self, end: str) -> None:
        """Read a comma, behind which another one must come; or nothing where the end comes."""
        found = self.text.more()
        if found == ",":
            self.text.at += 1
            if self.text.more() in (end, ""):
                self.refuse("a value is missing behind a comma")
        elif found != end:
            self.refuse(f"',' or '{end}' is missing" if found else "it ends in the middle: it was cut")

    def _value(self) -> Any:
        is_short, value = self._value_within(self._largest)
        if not is_short:
            self._too_long()
        return value

    def _value_within(self, characters: int) -> tuple[bool, Any]:
        """The next value, if it is no longer than that; else nothing is read."""
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
                # A number that ends where the text does may go on.
                if end < len(self.text.buffer) or self.text.is_whole or not isinstance(value, int | float):
                    if end - self.text.at > characters:
                        return False, None
                    self.text.at = end
                    return True, value
            if self.text.left > characters:
                return False, None
            self.text.grow(max(self._part, self.text.left))

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether a value is only not whole yet."""
        return error.msg.startswith("Unterminated string") or error.pos > len(self.text.buffer) - _LONGEST_TOKEN

    def _at(self, error: json.JSONDecodeError) -> NoReturn:
        if error.pos >= len(self.text.buffer) or error.msg.startswith("Unterminated string"):
            self.refuse("it ends in the middle: it was cut")
        self.text.at = error.pos
        self.refuse(error.msg)

    def refuse(self, why: str) -> NoReturn:
        column = self.text.at - self.text.buffer.rfind("\n", 0, self.text.at)
        raise CannotImport(f"it is not JSON: {why}: line {self.text.line} column {column}")

    def _too_long(self) -> NoReturn:
        raise CannotImport(
            f"line {self.text.line}: one value of it has more than {self._largest:,} characters, and no answer of the "
            "platform has such"
        )


_OF_FIGURES = frozenset({"results", "entities"})
_AROUND = frozenset(
    map(plain, (*STARTS, *ENDS, "granularity", "interval", *DIMENSIONS, *DIMENSION_ALIASES, "queueName", "userName"))
)
"""Fields around a list of figures that say something of its elements."""
_ELEMENTS = 1_000
_OF_ANSWER = frozenset({"errors", "totalhits", "cursor", "dataavailabilitydate"})
"""Fields that say whether an answer has all it was asked for, wherever they stand. The platform writes them last."""


def _texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """The pieces as text: UTF-8, or UTF-16 or UTF-32 by what their first bytes show."""
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
        raise CannotImport(f"it is not text in {error.encoding.upper()} ({error.reason}): save it as UTF-8") from None


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise CannotImport(f"it has the number {printable(text, 40)}, which is larger than any may be")
    return value


def _no_constant(name: str) -> NoReturn:
    raise CannotImport(f"it is not JSON: {name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, whose names must differ: of two equal ones most readers would drop the first without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        _twice(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    return found


def _twice(name: str) -> NoReturn:
    raise CannotImport(f"an object of it has the field {printable(name, 60)!r} twice")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant, object_pairs_hook=_unique)

"""Parses YAML and notes the line and column of each value, so that mistakes can be located.

A file that is larger or more deeply nested than any that a person would write is refused before it costs time or
memory. `meaning.entries` reads the reports in it.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

import yaml

from genesys_assets.reports.language.problems import Path, format_value, quoted
from genesys_assets.reports.language.written_number import number

MOST_BYTES = 300_000
"""The largest file. The ten reports of reports.example.yaml take 8 kB. PyYAML needs seconds for more than this."""
DEEPEST = 50
"""The most levels of lists and mappings. A report needs eight, and its conditions up to ten more. Python itself gives
up after some hundreds.
"""
MOST_VALUES = 20_000
"""The most values of a file, with those that aliases repeat. The reports of reports.example.yaml have fifty each."""
MOST_REPORTS = 200
"""The most reports of a file. Each is an asset with checks, which takes some milliseconds to load."""
MOST_DIGITS = 18
"""The most digits of a number. Every whole number of 18 digits fits into 64 bits."""
LONGEST_TEXT = 10_000
"""The most characters of a text. The longest texts are descriptions."""
LONGEST_KEY = 100
"""The most characters of a key. The longest keys are names of columns, metrics and reports."""
MOST_PROBLEMS = 100
"""The most problems that are reported at once. The rest is reported once these are fixed."""
_LONGEST_MESSAGE = 1_500

_STANDARD_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: its line and column (counted from 1), its field, what is wrong, and the value there."""

    file: str
    line: int
    column: int
    field: str
    message: str
    value: Any = None

    @property
    def value_text(self) -> str:
        """The value, if it helps: see `problems.format_value`."""
        return format_value(self.value, self.message)

    def __str__(self) -> str:
        parts = [f"{self.file}:{self.line}:{self.column}", *([self.field] if self.field else []), self.message]
        return ": ".join(parts) + (f" (value: {self.value_text})" if self.value_text else "")


class UnreadableReportsFile(Exception):
    """reports.yaml cannot be read. The message says why and what to do."""


def content_of(path: FilePath) -> bytes:
    """The bytes of a file. Raises UnreadableReportsFile, also for a pipe or device, which could block or never end."""
    try:
        return _content(path)
    except OSError as error:
        raise UnreadableReportsFile(str(error.strerror)) from None


def text_of(content: bytes) -> str:
    """The text of a file's bytes. Raises UnreadableReportsFile."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableReportsFile(f"byte {error.start + 1} is not UTF-8 text. Save the file as UTF-8") from None


def _content(path: FilePath) -> bytes:
    # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        kind = os.fstat(opened).st_mode
        if not stat.S_ISREG(kind):
            raise UnreadableReportsFile(f"it is {'a folder' if stat.S_ISDIR(kind) else 'not a file'}. Name a file")
        with open(opened, "rb", closefd=False) as file:
            content = file.read(MOST_BYTES + 1)
    finally:
        os.close(opened)
    if len(content) > MOST_BYTES:
        raise UnreadableReportsFile(
            f"it has more than {MOST_BYTES:,} bytes. Take out what is no report, or some reports"
        )
    return content


class _TooMuch(Exception):
    """A file exceeds a limit. The message says which, and what to do."""

    def __init__(self, message: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(message)
        self.mark = mark


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, with limits on depth and count: PyYAML itself recurses once for each level of the file."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0

    def get_event(self) -> Any:
        event = super().get_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.CollectionStartEvent):
            self._depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
        self._count += isinstance(event, yaml.NodeEvent)
        if self._depth > DEEPEST:
            raise _TooMuch(
                f"the file is nested more than {DEEPEST} levels deep here. Write it flatter", event.start_mark
            )
        if self._count > MOST_VALUES:
            raise _TooMuch(f"the file has more than {MOST_VALUES:,} values. Take some reports out", event.start_mark)
        return event


def _compose(text: str, *, is_shipped: bool) -> yaml.Node | None:
    """The root node of a YAML text; None if it is empty. Raises YAMLError and _TooMuch.

    Files that ship need no limits, so libyaml composes them if PyYAML has it. That takes a twentieth of the time, which
    matters because every process that loads definitions reads these files.
    """
    loader = getattr(yaml, "CSafeLoader", _Loader) if is_shipped else _Loader
    node: yaml.Node | None = loader(text).get_single_node()
    return node


@dataclass(slots=True)
class Document:
    """A YAML text as plain values, with the place of each value, and with its problems. `file` is its name in problems.
    If the text is not YAML, `is_read` is False.
    """

    file: str
    value: Any = None
    is_read: bool = False
    _problems: list[Problem] = field(default_factory=list)
    _keys: dict[Path, yaml.Mark] = field(default_factory=dict)
    _values: dict[Path, yaml.Mark] = field(default_factory=dict)
    _nodes: int = 0

    @classmethod
    def of(cls, text: str, file: str, *, is_shipped: bool = False) -> Document:
        """The document of a text; an empty one holds no reports. `is_shipped`: it is a file of this package."""
        document = cls(file)
        if len(text) > MOST_BYTES:
            document.refuse(
                f"the file has more than {MOST_BYTES:,} characters. Take out what is no report, or some reports"
            )
            return document
        for match in islice(_ODD_INDENTATION.finditer(text), MOST_PROBLEMS):
            line = text.count("\n", 0, match.start(1)) + 1
            message = f"the line begins with the character {match[1]!a}, which is no space. Indent with spaces"
            document._problems.append(Problem(file, line, match.start(1) - match.start() + 1, "", message))
        if document._problems:
            return document
        try:
            node = _compose(text, is_shipped=is_shipped)
            document.value = {"reports": {}} if node is None else document._value(node, ())
            document.is_read = True
        except yaml.YAMLError as error:
            document._not_yaml(error, text)
        except _TooMuch as too_much:
            document.refuse(str(too_much), too_much.mark)
        return document

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems in the order of lines, but at most `MOST_PROBLEMS`."""
        problems = sorted(self._problems, key=lambda problem: (problem.line, problem.column))
        if len(problems) > MOST_PROBLEMS:
            further = f"{len(problems) - MOST_PROBLEMS:,} more mistakes are not listed. Correct these first"
            last = problems[MOST_PROBLEMS]
            problems = [*problems[:MOST_PROBLEMS], Problem(self.file, last.line, last.column, "", further)]
        return tuple(problems)

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MOST_VALUES or len(path) > DEEPEST:
            raise _TooMuch(
                f"the file has more than {MOST_VALUES:,} values once aliases (*name) are filled in, or an alias stands "
                "inside the value that it repeats. Write fewer aliases",
                node.start_mark,
            )
        self._values[path] = node.start_mark
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._untagged(node, path, "seq")
            return [self._value(each, (*path, index)) for index, each in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._untagged(node, path, "map")
        values: dict[str, Any] = {}
        for key, value in self._whole_formulas(node, path):
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                self._at(key.start_mark, path, "a key must be text, got a list or a mapping", None)
                continue
            if key.tag == f"{_STANDARD_TAG}merge":
                message = "merges (<<) are not read. Repeat the fields, or give the whole value an anchor (&name)"
                self._at(key.start_mark, path, message, None)
                continue
            if len(name) > LONGEST_KEY:
                message = f"a key must have at most {LONGEST_KEY} characters, got {quoted(name)} of {len(name)}"
                self._at(key.start_mark, path, message, None)
                continue
            if name in values:
                self._at(key.start_mark, (*path, name), f"{name!r} stands here twice. Take one out", None)
                continue
            self._keys[(*path, name)] = key.start_mark
            values[name] = self._value(value, (*path, name))
        return values

    def _whole_formulas(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The pairs of a mapping. In `{formula: coalesce(a, 0)}` YAML takes the comma for the end of the value. This is
        reported once, and the formula is read as it was meant.
        """
        pairs = list(node.value)
        while pairs:
            key, value = pairs.pop(0)
            if node.flow_style and _is_plain(value) and value.value.count("(") > value.value.count(")"):
                count, text = _closed(value.value, pairs)
                if count:
                    del pairs[:count]
                    message = f"a comma ends a value within {{ }}. Put the formula in quotes: {text!r}"
                    self._at(value.start_mark, (*path, str(getattr(key, "value", ""))), message, None)
                    value = yaml.ScalarNode(f"{_STANDARD_TAG}str", text, value.start_mark, value.end_mark)
            yield key, value

    def _untagged(self, node: yaml.Node, path: Path, usual: str) -> None:
        if node.tag != _STANDARD_TAG + usual:
            self._at(node.start_mark, path, f"the tag {quoted(node.tag)} is not read here. Take it out", None)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        """The value of a scalar as YAML 1.2 has it: 12:30, `no`, 1_000 and 0777 are texts."""
        tag, text = node.tag.removeprefix(_STANDARD_TAG), node.value
        if len(text) > LONGEST_TEXT:
            message = f"a text must have at most {LONGEST_TEXT:,} characters, this one has {len(text):,}. Shorten it"
            self._at(node.start_mark, path, message, None)
            return "…"
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true" if text.lower() in ("true", "false") else text
        if tag in ("int", "float"):
            return self._number(node, path, is_whole=tag == "int")
        if tag not in ("str", "timestamp"):
            self._untagged(node, path, "str")
        return text

    def _number(self, node: yaml.ScalarNode, path: Path, *, is_whole: bool) -> Any:
        """The number; or the text, if it is a number only in YAML 1.1."""
        text = node.value
        if not (_WHOLE.fullmatch(text) if is_whole else "_" not in text and _is_float(text)):
            return text
        if sum(map(str.isdigit, text)) > MOST_DIGITS or not math.isfinite(float(text)):
            message = (
                f"a number must have at most {MOST_DIGITS} digits, got {quoted(text)}. Put it in quotes if it is text"
            )
            self._at(node.start_mark, path, message, None)
            return 0
        return number(text, is_whole=is_whole)

    def add(self, path: Path, message: str, value: Any, *, key: bool = False) -> None:
        """Add a mistake in the value at a path, or in its key. If nothing stands at the path, the nearest value outside
        of it gives the line.
        """
        marks = (self._keys, self._values) if key else (self._values, self._keys)
        for length in range(len(path), -1, -1):
            mark = next((by_path[path[:length]] for by_path in marks if path[:length] in by_path), None)
            if mark is not None:
                return self._at(mark, path, message, value)
        return self._at(None, path, message, value)

    def refuse(self, message: str, mark: yaml.Mark | None = None) -> None:
        """Add a mistake for which the whole file is refused."""
        self._at(mark, (), message, None)

    def _not_yaml(self, error: yaml.YAMLError, text: str) -> None:
        if isinstance(error, yaml.reader.ReaderError):
            before = text[: error.position]
            line, column = before.count("\n") + 1, error.position - before.rfind("\n")
            message = f"the file is not YAML: the character {quoted(text[error.position])} is not allowed. Take it out"
            self._problems.append(Problem(self.file, line, column, "", message))
            return
        mark = getattr(error, "problem_mark", None)
        reason = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None)))) or str(
            error
        )
        instead = next((what for begin, what in _INSTEAD.items() if begin in reason), "")
        self.refuse(f"the file is not YAML: {reason}{instead}", mark)

    def _at(self, mark: yaml.Mark | None, path: Path, message: str, value: Any) -> None:
        text = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
        field_ = _plain(".".join(map(str, path)))
        self._problems.append(Problem(self.file, *_position(mark), field_, _plain(text), value))


_ODD_INDENTATION = re.compile("(?<=\n)[ \t]*([\u00a0\u2000-\u200b\u202f\u3000\ufeff])")
"""Spaces of other kinds, as in text copied from a web page. YAML takes them for the first letter of a name."""
_INSTEAD = {
    "character '\\t'": ". Indent with spaces, not with tabs",
    "cannot start any token": ". Put the text in quotes",
    "scanning an alias": ". Put the text in quotes",
    "mapping values are not allowed here": ". Put a text that has a colon in quotes, or begin a new line",
    "could not find expected ':'": ". Write `name: value`",
    "unexpected end of stream": ". Close the quotes",
    "<stream end>": ". Close what was opened",
    "expected <block end>": ". Indent the fields of one mapping by as many spaces",
    "expected ',' or": ". Close what was opened, in its order",
    "undefined alias": ". Give a value before it this anchor (&name), or put the text in quotes",
    "expected a single document": ". Take out the lines of ---",
}
"""What to do, by a part of PyYAML's message."""


def _position(mark: yaml.Mark | None) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _is_plain(node: yaml.Node) -> bool:
    """Whether it is a text without quotes."""
    return isinstance(node, yaml.ScalarNode) and node.style is None


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _closed(text: str, following: list[tuple[yaml.Node, yaml.Node]]) -> tuple[int, str]:
    """How many of the following keys (which have no values) belong to a formula whose brackets are open in `text`, and
    the whole formula. 0 if they do not close the brackets.
    """
    for count, (key, value) in enumerate(following, start=1):
        if not (_is_plain(key) and _is_plain(value) and value.value == ""):
            break
        text += f", {key.value}"
        if text.count("(") <= text.count(")"):
            return count, text
    return 0, text


def _plain(text: str) -> str:
    """The text with escapes for control characters, which a terminal would obey."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)

"""Reading reports.yaml: the reports in it, or everything that is wrong with it, each with line and column.

A file with a mistake is refused as a whole. What an entry may say is `model`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml
from pydantic import ValidationError

from genesys_assets.reports.forms import told
from genesys_assets.reports.model import ReportDefinition, ReportsFile
from genesys_assets.reports.problems import Path, shown

_LARGEST = 1_000_000
_MOST_NODES = 50_000
_TAG = re.compile(r"^tag:yaml\.org,2002:")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: where (line and column count from 1), in which field, what, and the value there."""

    file: str
    line: int
    column: int
    field: str
    message: str
    value: Any = None

    @property
    def shown(self) -> str:
        """The value as far as it helps."""
        return shown(self.value, self.message)

    def __str__(self) -> str:
        parts = [f"{self.file}:{self.line}:{self.column}", *([self.field] if self.field else []), self.message]
        return ": ".join(parts) + (f" (value: {self.shown})" if self.shown else "")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file gave: reports by name, none of them where there is a problem."""

    reports: Mapping[str, ReportDefinition]
    problems: tuple[Problem, ...] = ()


def read_reports(path: FilePath, taken: Iterable[str] = ()) -> Reading:
    """The reports of a file. `taken` are names of other reports."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return Reading({}, (Problem(str(path), 1, 1, "", f"cannot be read: {reason}"),))
    return read_text(text, str(path), taken)


def read_text(text: str, file: str, taken: Iterable[str] = ()) -> Reading:
    """The reports of a text in the form of reports.yaml; `file` is what it is called in problems."""
    if len(text) > _LARGEST:
        return Reading({}, (Problem(file, 1, 1, "", f"has more than {_LARGEST:,} characters"),))
    document = _Document(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return Reading({}, (document.not_yaml(error),))
    try:
        stated = {"reports": {}} if node is None else document.value(node, ())
    except _TooMuch:
        return Reading(
            {}, (Problem(file, 1, 1, "", f"has more than {_MOST_NODES:,} values, or one that holds itself"),)
        )
    if isinstance(stated, dict) and "reports" in stated and stated["reports"] is None:
        stated["reports"] = {}
    reports: Mapping[str, ReportDefinition] = {}
    try:
        reports = ReportsFile.model_validate(stated).reports
    except ValidationError as error:
        for found in told(error):
            document.add(found.path, found.message, found.value, key=found.of_key)
    if isinstance(stated, dict) and isinstance(stated.get("reports"), dict):
        for name in set(taken) & stated["reports"].keys():
            document.add(
                ("reports", name), f"{name!r} is the name of a report that ships: choose another", name, key=True
            )
    problems = tuple(sorted(document.problems, key=lambda problem: (problem.line, problem.column)))
    return Reading({} if problems else reports, problems)


class _TooMuch(Exception):
    """Aliases that unfold to more than anybody wrote, or to themselves."""


@dataclass(slots=True)
class _Document:
    """A YAML text as plain values, and where each of them stands."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    _keys: dict[Path, yaml.Mark] = field(default_factory=dict)
    _values: dict[Path, yaml.Mark] = field(default_factory=dict)
    _nodes: int = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > 50:
            raise _TooMuch
        self._values[path] = node.start_mark
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                self._at(key.start_mark, path, "a key is text", None)
                continue
            if name in values:
                self._at(key.start_mark, (*path, name), f"{name!r} stands here twice", None)
                continue
            self._keys[(*path, name)] = key.start_mark
            values[name] = self.value(value, (*path, name))
        return values

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        """As YAML 1.2 reads it: 12:30 and `no` are texts, 1_000 and 0777 too."""
        tag, text = _TAG.sub("", node.tag), node.value
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true" if text.lower() in ("true", "false") else text
        if tag == "int":
            return int(text) if _WHOLE.fullmatch(text) else text
        if tag == "float":
            try:
                return float(text) if "_" not in text else text
            except ValueError:
                return text
        if tag not in ("str", "timestamp"):
            self._at(node.start_mark, path, f"{node.tag} is no kind of value that is read here", text)
        return text

    def add(self, path: Path, message: str, value: Any, *, key: bool = False) -> None:
        marks = (self._keys, self._values) if key else (self._values, self._keys)
        for length in range(len(path), -1, -1):
            mark = next((where[path[:length]] for where in marks if path[:length] in where), None)
            if mark is not None:
                return self._at(mark, path, message, value)
        return self._at(None, path, message, value)

    def not_yaml(self, error: yaml.YAMLError) -> Problem:
        mark = getattr(error, "problem_mark", None)
        reason = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None)))) or str(
            error
        )
        return Problem(self.file, *_position(mark), "", f"is not YAML: {reason}")

    def _at(self, mark: yaml.Mark | None, path: Path, message: str, value: Any) -> None:
        self.problems.append(Problem(self.file, *_position(mark), ".".join(map(str, path)), message, value))


def _position(mark: yaml.Mark | None) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)

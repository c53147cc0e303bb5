"""docs/errors.md: every named error of the package as a tree, with what its docstring says and what to do."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genesys_assets_tests.generated.advice import ADVICE
from genesys_assets_tests.generated.markdown import cell, table

PACKAGE = Path(__file__).parents[2] / "genesys_assets"

HEAD = """# Errors

Every error that has a name. This page is made from the classes and their docstrings by `make docs`; do not edit it.

An error's message says what is wrong, the value, what is allowed and what to do. The tables below say more about what
to do. No message holds a secret, a token or a signed URL. *Handled* means that the code catches the error itself, and
you need to do nothing. Errors whose names begin with `_` never leave their module and are left out, as is the sandbox.
"""


@dataclass(frozen=True, slots=True)
class NamedError:
    """An exception class. `bases` are the names of its parents, as in the code."""

    name: str
    module: str
    bases: tuple[str, ...]
    docstring: str

    @property
    def room(self) -> str:
        return self.module.split("/")[0].removesuffix(".py")

    @property
    def key(self) -> str:
        """`lake.ConcurrentCommit`: the same name may mean a different error in another room."""
        return f"{self.room}.{self.name}"


def named_errors(package: Path = PACKAGE) -> list[NamedError]:
    """The exception classes of the package, by module and in its order."""
    classes = [
        NamedError(node.name, f"{path.relative_to(package)}", _bases(node), ast.get_docstring(node) or "")
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] != "sandbox"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    errors: list[NamedError] = []
    while more := [each for each in classes if each not in errors and _is_error(each, errors)]:
        errors += more
    return sorted((each for each in errors if not each.name.startswith("_")), key=classes.index)


def _bases(node: ast.ClassDef) -> tuple[str, ...]:
    return tuple(base.id for base in node.bases if isinstance(base, ast.Name))


def _is_error(candidate: NamedError, errors: list[NamedError]) -> bool:
    return any(_is_builtin(base) or any(base == error.name for error in errors) for base in candidate.bases)


def _is_builtin(name: str) -> bool:
    found = getattr(builtins, name, None)
    return inspect.isclass(found) and issubclass(found, BaseException)


def markdown() -> str:
    """The page."""
    errors = named_errors()
    lines = [HEAD, "## The tree", "", "```", *tree(errors), "```", ""]
    for room in dict.fromkeys(error.room for error in errors):
        rows = [_row(error, ADVICE) for error in errors if error.room == room]
        lines += [f"## {room}", "", *table(["error", "raised when", "what to do"], rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(error: NamedError, advice: Mapping[str, str]) -> list[str]:
    says = cell(error.docstring.split("\n\n")[0])
    # The page shows what is missing; a test refuses such a page.
    return [f"`{error.name}`", says, cell(advice.get(error.key, "nothing is said in generated/advice.py yet"))]


def tree(errors: list[NamedError]) -> Iterator[str]:
    """Lines of the tree; below each error those that extend it."""
    roots = dict.fromkeys(error.bases[0] for error in errors if _parent(error, errors) is None)
    for root in sorted(roots, key=lambda name: (name != "Exception", name)):
        yield root
        children = [each for each in errors if _parent(each, errors) is None and each.bases[0] == root]
        yield from _branches(children, errors, "")


def _branches(children: list[NamedError], errors: list[NamedError], indent: str) -> Iterator[str]:
    for child in children:
        is_last = child is children[-1]
        line = f"{indent}{'└── ' if is_last else '├── '}{child.name}"
        yield f"{line:44}{child.module}" if indent == "" else line
        below = [each for each in errors if _parent(each, errors) == child]
        yield from _branches(below, errors, indent + ("    " if is_last else "│   "))


def _parent(error: NamedError, errors: list[NamedError]) -> NamedError | None:
    """The named error that this one extends. If two rooms have an error of that name, the one of its own room."""
    alike = [each for each in errors if each.name in error.bases]
    return next((each for each in alike if each.room == error.room), alike[0] if alike else None)

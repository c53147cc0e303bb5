"""Every test must be able to fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def _statements(node: ast.AST, in_loop: bool = False) -> Iterator[tuple[ast.stmt | ast.expr, bool]]:
    """The statements below a node that may fail a test, and whether they are in a loop that may have no turn."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Assert) or _raises(child):
            yield child, in_loop  # type: ignore[misc]
        yield from _statements(child, in_loop or (isinstance(child, ast.For) and not _has_turns(child.iter)))


def _raises(node: ast.AST) -> bool:
    """Whether it is `pytest.raises(…)` or another call of pytest that fails a test."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "pytest"
    )


def _has_turns(iterated: ast.expr) -> bool:
    """Whether a loop certainly has a turn: over literal values, or a range."""
    match iterated:
        case ast.Call(func=ast.Name(id="range")):
            return True
        case ast.Call(func=ast.Name(id="zip"), keywords=[ast.keyword(arg="strict")]):
            return any(map(_has_turns, iterated.args))
        case ast.Call(func=ast.Name(id="enumerate" | "reversed" | "sorted"), args=[of, *_]):
            return _has_turns(of)
        case ast.Call(func=ast.Attribute(value=of, attr="items" | "values" | "keys")):
            return _has_turns(of)
    if isinstance(iterated, ast.Tuple | ast.List | ast.Set):
        return bool(iterated.elts) and not all(isinstance(each, ast.Starred) for each in iterated.elts)
    if isinstance(iterated, ast.Dict):
        return bool(iterated.keys)
    # A constant of the module has literal values.
    return isinstance(iterated, ast.Name) and iterated.id.isupper()


def _is_of_drawn_values(test: ast.FunctionDef) -> bool:
    """Whether hypothesis draws the values that the test loops over; these may be empty."""
    return any(isinstance(each, ast.Call) and ast.unparse(each.func) == "given" for each in test.decorator_list)


def idle_loops(source: str) -> list[str]:
    """The tests of a module that fail only in loops which may have no turn."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not _is_of_drawn_values(node):
            in_loops = [in_loop for _, in_loop in _statements(node)]
            if in_loops and all(in_loops):
                found.append(f"{node.lineno} {node.name}")
    return found


def test_no_test_asserts_only_in_a_loop_that_may_have_no_turn() -> None:
    modules = sorted(TESTS.rglob("test_*.py"))
    assert len(modules) > 100

    found = {f"{path.relative_to(TESTS)}": idle_loops(path.read_text()) for path in modules}
    assert {path: tests for path, tests in found.items() if tests} == {}, "assert first that the loop has a turn"


@pytest.mark.parametrize(
    ("body", "is_idle"),
    [
        ("for row in rows():\n        assert row", True),
        ("assert rows()\n    for row in rows():\n        assert row", False),
        ("for row in (1, 2):\n        assert row", False),
        ("for row in []:\n        assert row", True),
        ("for row in rows():\n        with pytest.raises(ValueError):\n            row()", True),
        ("for row in rows():\n        row()\n    with pytest.raises(ValueError):\n        rows()", False),
        ("def inner() -> None:\n        assert rows()\n    for row in rows():\n        assert row", True),
    ],
)
def test_a_loop_without_a_turn_is_found(body: str, is_idle: bool) -> None:
    assert bool(idle_loops(f"def test_it() -> None:\n    {body}\n")) is is_idle

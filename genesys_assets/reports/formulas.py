"""Formulas of report columns: arithmetic, comparisons and a few functions over named figures, a whole column at a time.

A null in a formula gives null; a quotient whose denominator is 0 or null is null. Formulas are walked by simpleeval,
which is given nothing but the nodes, operators and functions that stand here.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from simpleeval import SimpleEval

from genesys_assets.reports.problems import one_of
from genesys_assets.reports.sources import said

_LONGEST = 500
_LARGEST = 2**53
"""Beyond it not every whole number is a float."""
_ALLOWED = (ast.Name, ast.Constant, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call)


class FormulaError(ValueError):
    """A formula cannot be read, or uses what there is not; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read; `names` are the figures it uses."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Formula:
        """Raises FormulaError."""
        if len(text) > _LONGEST:
            raise FormulaError(f"a formula has at most {_LONGEST} characters; this one has {len(text)}")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise FormulaError(f"{text!r} is not a formula ({getattr(error, 'msg', error)})") from None
        for node in ast.walk(tree):
            _check(node, text)
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
        if not names:
            raise FormulaError(f"{text!r} uses no figure: name at least one")
        return cls(text, tree, tuple(dict.fromkeys(names)))

    def type(self, types: Mapping[str, pa.DataType]) -> pa.DataType:
        """The type of the result, from those of the figures. Raises FormulaError."""
        for name in self.names:
            if name not in types:
                raise FormulaError(f"{name!r} is not a figure of this report. {one_of(types, name)}")
            if types[name] not in _NUMBERS:
                raise FormulaError(f"{name!r} is {said(types[name])}: a formula computes with numbers")
        return _walk(self, _OPERATORS_ON_TYPES, _FUNCTIONS_ON_TYPES, types)

    def compute(self, columns: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
        """The result for every row."""
        return _walk(self, _OPERATORS, _FUNCTIONS, columns)


def _walk(formula: Formula, operators: Any, functions: Any, names: Mapping[str, Any]) -> Any:
    evaluator = SimpleEval(operators=dict(operators), functions=dict(functions), names=dict(names))
    evaluator.nodes = {node: evaluator.nodes[node] for node in _ALLOWED}
    return evaluator.eval(formula.text, formula.tree)


def _check(node: ast.AST, text: str) -> None:
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise FormulaError(f"{text!r}: {ast.unparse(node)} is no number")
        case ast.Constant(value=int() | float() as value) if abs(value) > _LARGEST:
            raise FormulaError(f"{text!r}: {value} is too large")
        case ast.Call():
            _check_call(node, text)
        case ast.Compare(ops=ops) if len(ops) > 1 or type(ops[0]) not in _OPERATORS:
            raise FormulaError(f"{text!r}: compare two values at a time, with <, <=, >, >=, == or !=")
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) not in _OPERATORS:
            raise FormulaError(f"{text!r}: {type(op).__name__} is not available. Operators are + - * / and comparisons")
        case ast.expr() if not isinstance(node, _ALLOWED):
            raise FormulaError(
                f"{text!r}: {type(node).__name__} is not available. A formula has figures, numbers, + - * /, "
                f"comparisons and {', '.join(FUNCTIONS)}"
            )


def _check_call(node: ast.Call, text: str) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        name = ast.unparse(node.func)
        raise FormulaError(f"{text!r}: {name} is not a function. {one_of(FUNCTIONS, name)}")
    least, most = FUNCTIONS[node.func.id]
    if node.keywords or not least <= len(node.args) <= most:
        takes = f"{least} or more values" if most == _MANY else f"{least} to {most} values" if most > least else least
        raise FormulaError(f"{text!r}: {node.func.id} takes {takes}")
    digits = node.args[1] if node.func.id == "round" and len(node.args) == 2 else None
    if digits is not None and not (isinstance(digits, ast.Constant) and isinstance(digits.value, int)):
        raise FormulaError(f"{text!r}: round takes a number of digits such as 2")


_MANY = 100
FUNCTIONS = {
    "abs": (1, 1),
    "round": (1, 2),
    "min": (2, _MANY),
    "max": (2, _MANY),
    "coalesce": (2, _MANY),
    "total": (2, _MANY),
    "if_else": (3, 3),
}
"""The functions there are, and how many values each takes."""

# -- on columns --------------------------------------------------------------------------------------------------------


def ratio(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator; null where the denominator is 0 or either is null."""
    divisor = _number(denominator)
    divisor = pc.if_else(pc.equal(divisor, 0.0), pa.scalar(None, pa.float64()), divisor)
    return pc.divide(_number(numerator), divisor)


def _number(value: Any) -> Any:
    return pa.scalar(float(value)) if isinstance(value, int | float) else value.cast(pa.float64())


def _total(*values: Any) -> Any:
    """The sum of those that are there; null where none is."""
    there = functools.reduce(pc.or_, [pc.is_valid(value) for value in values])
    zeros = [pc.coalesce(value, pa.scalar(0)) for value in values]
    return pc.if_else(there, functools.reduce(pc.add, zeros), None)


def rounded(value: Any, digits: int = 0) -> Any:
    """The value with so many digits after the point, halves away from zero."""
    return pc.round(value, digits, round_mode="half_towards_infinity")


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: ratio,
    ast.USub: pc.negate,
    ast.UAdd: lambda value: value,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": pc.abs,
    "round": rounded,
    "min": functools.partial(pc.min_element_wise, skip_nulls=False),
    "max": functools.partial(pc.max_element_wise, skip_nulls=False),
    "coalesce": pc.coalesce,
    "total": _total,
    "if_else": pc.if_else,
}

# -- on types ----------------------------------------------------------------------------------------------------------

_NUMBERS = (pa.int64(), pa.float64())


def _type_of(value: Any) -> pa.DataType:
    return value if isinstance(value, pa.DataType) else pa.int64() if isinstance(value, int) else pa.float64()


def _wider(*values: Any) -> pa.DataType:
    return _widest(map(_type_of, values))


def _widest(types: Iterable[pa.DataType]) -> pa.DataType:
    given = list(types)
    if pa.bool_() in given:
        raise FormulaError("a comparison gives true or false, which is no number: use it in if_else")
    return pa.float64() if pa.float64() in given else pa.int64()


def _quotient(*values: Any) -> pa.DataType:
    _wider(*values)
    return pa.float64()


def _comparison(*values: Any) -> pa.DataType:
    _wider(*values)
    return pa.bool_()


def _choice(condition: Any, *values: Any) -> pa.DataType:
    if _type_of(condition) != pa.bool_():
        raise FormulaError("if_else begins with a comparison: if_else(answered > 0, one, other)")
    return _wider(*values)


_COMPARING = (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq)
_OPERATORS_ON_TYPES: Mapping[type[ast.AST], Callable[..., pa.DataType]] = {
    **dict.fromkeys(_OPERATORS, _wider),
    **dict[type[ast.AST], Callable[..., pa.DataType]].fromkeys(_COMPARING, _comparison),
    ast.Div: _quotient,
}
_FUNCTIONS_ON_TYPES = {
    **dict.fromkeys(_FUNCTIONS, _wider),
    "round": lambda value, _=0: _wider(value),
    "if_else": _choice,
}

"""Formulas of report columns: arithmetic, comparisons and a few functions over named figures, a whole column at a time.

A null gives null, except in `coalesce` and `total`, and in the value that `if_else` does not choose. A quotient whose
denominator is 0 or null is null. A number that does not fit is an error, never another number. simpleeval evaluates
formulas; it knows only the nodes, operators and functions listed here.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from simpleeval import SimpleEval

from genesys_assets.reports.language.problems import one_of, quoted
from genesys_assets.reports.language.sources import type_in_words

_LONGEST = 500
_DEEPEST = 60
"""The most levels of a formula: a sum of n figures has n levels. Python itself gives up after some hundreds."""
_LARGEST = 2**53
"""Above this, not every whole number has an exact float."""
_MOST_ROUNDED = 9
"""The most digits after the point."""
_ARITHMETIC = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.unaryop, ast.operator)
_ALLOWED = (ast.Name, ast.Constant, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call)


class FormulaError(ValueError):
    """A formula cannot be parsed, or uses an unknown name. The message says what is allowed."""


class NumberTooLarge(ArithmeticError):
    """The result of a formula or a sum does not fit into 64 bits. The message names it."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula. `names` are the figures that it uses."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Formula:
        """Parse a formula. Raises FormulaError.

        >>> Formula.parse("handle_time / max(handled, 1)").names
        ('handle_time', 'handled')
        >>> Formula.parse("handled ** 2")
        Traceback (most recent call last):
        FormulaError: 'handled ** 2': ** is not available. Operators are + - * / and comparisons
        """
        if len(text) > _LONGEST:
            raise FormulaError(f"a formula must have at most {_LONGEST} characters, this one has {len(text)}")
        tree = _parsed(text)
        if _is_deeper(tree, _DEEPEST):
            raise FormulaError(f"{quoted(text)} is nested more than {_DEEPEST} levels deep. Make columns of its parts")
        for node in ast.walk(tree):
            _check(node, text)
        if any(map(_divides_by_zero, ast.walk(tree))):
            raise FormulaError(f"{quoted(text)}: a quotient by 0 is always null. Divide by a figure or another number")
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
        if not names:
            raise FormulaError(f"{quoted(text)} uses no figure. Name at least one")
        return cls(text, tree, tuple(dict.fromkeys(names)))

    def type(self, types: Mapping[str, pa.DataType]) -> pa.DataType:
        """The type of the result, from those of the figures. Raises FormulaError."""
        for name in self.names:
            if name not in types:
                raise FormulaError(f"{quoted(name)} is not a figure of this report. {one_of(types, name)}")
            if types[name] not in NUMBERS:
                raise FormulaError(f"{name!r} is {type_in_words(types[name])}. A formula computes with numbers")
        result: pa.DataType = _walk(self, _OPERATORS_ON_TYPES, _FUNCTIONS_ON_TYPES, types)
        if any(map(_is_of_numbers, ast.walk(self.tree))):
            try:
                self.compute({name: pa.chunked_array([pa.nulls(0, types[name])]) for name in self.names})
            except NumberTooLarge as too_large:
                raise FormulaError(str(too_large)) from None
        return result

    def power(self, powers: Mapping[str, int | None]) -> int | None:
        """The power of milliseconds in the result, from those of the figures: 1 for a time, 0 for a number, another
        for neither, None if unknown.

        >>> Formula.parse("handle_time / handled").power({"handle_time": 1, "handled": 0})
        1
        """
        known = {name: _Power(powers.get(name)) for name in self.names}
        return _power_of(_walk(self, _OPERATORS_ON_POWERS, _FUNCTIONS_ON_POWERS, known))

    def compute(self, columns: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
        """The result for every row. Raises NumberTooLarge.

        >>> columns = {"a": pa.chunked_array([[3, 4]]), "b": pa.chunked_array([[2, 0]])}
        >>> Formula.parse("a / b").compute(columns).to_pylist()
        [1.5, None]
        """
        try:
            return _walk(self, _OPERATORS, _FUNCTIONS, columns)
        except pa.ArrowInvalid:
            raise NumberTooLarge(
                f"{quoted(self.text)} comes to a number that does not fit into 64 bits. Divide before you multiply, or "
                "write a factor as a decimal (1000.0)"
            ) from None


def _walk(formula: Formula, operators: Any, functions: Any, names: Mapping[str, Any]) -> Any:
    evaluator = SimpleEval(operators=dict(operators), functions=dict(functions), names=dict(names))
    evaluator.nodes = {node: evaluator.nodes[node] for node in _ALLOWED}
    return evaluator.eval(formula.text, formula.tree)


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lines = text.strip()
            return ast.parse(f"({lines}\n)" if "\n" in lines else lines, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", error)
        raise FormulaError(f"{quoted(text)} is not a formula ({reason}). {_instead_of(text.strip())}") from None


def _instead_of(text: str) -> str:
    """What to write instead of a text that is no formula."""
    if text.startswith("="):
        return "Leave out the = at its beginning"
    if re.match(r"if\s*\(", text, re.IGNORECASE):
        return "Write if_else(answered > 0, one, other)"
    return f"Write figures, numbers, + - * /, comparisons and {', '.join(FUNCTIONS)}"


def _is_deeper(tree: ast.AST, limit: int) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(limit):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def _is_of_numbers(node: ast.AST) -> bool:
    """Whether it is arithmetic without figures, whose result is the same in every row."""
    return isinstance(node, ast.BinOp) and not any(isinstance(inner, ast.Name) for inner in ast.walk(node))


def _divides_by_zero(node: ast.AST) -> bool:
    """Whether it is a quotient by 0, or by arithmetic of numbers alone that comes to 0."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    if not all(isinstance(each, _ARITHMETIC) for each in ast.walk(node.right)):
        return False
    try:
        value = _walk(Formula("", node.right, ()), _OPERATORS, {}, {})
    except pa.ArrowInvalid:
        return False
    return bool((value.as_py() if isinstance(value, pa.Scalar) else value) == 0)


def _check(node: ast.AST, text: str) -> None:
    formula = quoted(text)
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise FormulaError(f"{formula}: {quoted(node.value)} is no number")
        case ast.Constant(value=int() | float() as value) if not abs(value) <= _LARGEST:
            raise FormulaError(f"{formula}: a number must be at most 2^53 ({_LARGEST}), got {quoted(value)}")
        case ast.Call():
            _check_call(node, text)
        case ast.Compare(ops=ops) if len(ops) > 1 or type(ops[0]) not in _OPERATORS:
            raise FormulaError(f"{formula}: compare two values at a time, with <, <=, >, >=, == or !=")
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) not in _OPERATORS:
            raise FormulaError(f"{formula}: {_written(op)} is not available. Operators are + - * / and comparisons")
        case ast.expr() if not isinstance(node, _ALLOWED):
            raise FormulaError(
                f"{formula}: {_written(node)} is not available. A formula has figures, numbers, + - * /, "
                f"comparisons and {', '.join(FUNCTIONS)}"
            )


def _written(node: ast.AST) -> str:
    """The text of an operator or expression that is not available."""
    return _SIGNS.get(type(node)) or quoted(ast.unparse(node))


_SIGNS: Mapping[type[ast.AST], str] = {
    ast.Pow: "**",
    ast.Mod: "%",
    ast.FloorDiv: "//",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Invert: "~",
    ast.Not: "not",
    ast.BoolOp: "and, or",
    ast.IfExp: "if … else",
    ast.Attribute: "a point behind a name",
    ast.Subscript: "[ ] behind a name",
    ast.Tuple: "a comma outside of a function",
    ast.List: "a list",
}
"""Syntax of Python and of spreadsheets that formulas of reports do not have."""


def _check_call(node: ast.Call, text: str) -> None:
    formula = quoted(text)
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        name = ast.unparse(node.func)
        raise FormulaError(f"{formula}: {quoted(name)} is not a function. {one_of(FUNCTIONS, name)}")
    least, most = FUNCTIONS[node.func.id]
    if node.keywords or not least <= len(node.args) <= most:
        takes = f"{least} or more values" if most == _MANY else f"{least} to {most} values" if most > least else least
        raise FormulaError(f"{formula}: {node.func.id} takes {takes}, got {len(node.args) + len(node.keywords)}")
    digits = node.args[1] if node.func.id == "round" and len(node.args) == 2 else None
    if digits is not None and not _is_number_of_digits(digits):
        raise FormulaError(
            f"{formula}: the digits of round must be a whole number from 0 to {_MOST_ROUNDED}, got "
            f"{quoted(ast.unparse(digits))}. Write round(a, 2)"
        )


def _is_number_of_digits(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value <= _MOST_ROUNDED


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
"""The functions of formulas: the least and the most values that each takes."""

# -- on columns --------------------------------------------------------------------------------------------------------


def ratio(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator; null if the denominator is 0 or either is null."""
    divisor = _number(denominator)
    divisor = pc.if_else(pc.equal(divisor, 0.0), pa.scalar(None, pa.float64()), divisor)
    return pc.divide(_number(numerator), divisor)


def _number(value: Any) -> Any:
    return pa.scalar(float(value)) if isinstance(value, int | float) else value.cast(pa.float64())


def _total(*values: Any) -> Any:
    """The sum of the values that are not null; null if all are."""
    any_valid = functools.reduce(pc.or_, [pc.is_valid(value) for value in values])
    zeros = [pc.coalesce(value, pa.scalar(0)) for value in values]
    return pc.if_else(any_valid, functools.reduce(pc.add_checked, zeros), None)


def rounded(value: Any, digits: int = 0) -> Any:
    """The value with `digits` digits after the point, halves away from zero.

    >>> rounded(pa.array([2.5, -0.125]), 0).to_pylist()
    [3.0, -0.0]
    """
    return pc.round(value, digits, round_mode="half_towards_infinity")


def _finite(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but it raises ArrowInvalid if a result is infinite or NaN, as Arrow does for whole numbers."""

    def checked(*values: Any) -> Any:
        result = function(*values)
        if pa.types.is_floating(result.type):
            finite = pc.is_finite(result)
            if (finite if isinstance(finite, pa.Scalar) else pc.all(finite)).as_py() is False:
                raise pa.ArrowInvalid("overflow")
        return result

    return checked


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _finite(pc.add_checked),
    ast.Sub: _finite(pc.subtract_checked),
    ast.Mult: _finite(pc.multiply_checked),
    ast.Div: _finite(ratio),
    ast.USub: pc.negate_checked,
    ast.UAdd: lambda value: value,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": pc.abs_checked,
    "round": _finite(rounded),
    "min": functools.partial(pc.min_element_wise, skip_nulls=False),
    "max": functools.partial(pc.max_element_wise, skip_nulls=False),
    "coalesce": pc.coalesce,
    "total": _finite(_total),
    "if_else": pc.if_else,
}

# -- on types ----------------------------------------------------------------------------------------------------------

NUMBERS = (pa.int64(), pa.float64())


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

# -- on powers of milliseconds -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Power:
    """The power of milliseconds of a value; None if it is unknown. A number in a formula fits any power."""

    of_ms: int | None


def _power_of(value: Any) -> int | None:
    return value.of_ms if isinstance(value, _Power) else 0


def _product(one: Any, other: Any) -> _Power:
    powers = _power_of(one), _power_of(other)
    return _Power(None if None in powers else sum(filter(None, powers)))


def _quotient_of_powers(one: Any, other: Any) -> _Power:
    divided, by = _power_of(one), _power_of(other)
    return _Power(None if divided is None or by is None else divided - by)


def _same(*values: Any) -> _Power:
    powers = {value.of_ms for value in values if isinstance(value, _Power)} or {0}
    if None in powers:
        return _Power(None)
    return _Power(powers.pop() if len(powers) == 1 else _MIXED)


_MIXED = -99
"""The power of a sum of times and counts: so far from 1 that no product or quotient with it is a time."""


_OPERATORS_ON_POWERS: Mapping[type[ast.AST], Callable[..., Any]] = {
    **dict.fromkeys(_OPERATORS, _same),
    **dict[type[ast.AST], Callable[..., Any]].fromkeys(_COMPARING, lambda *_: _Power(0)),
    ast.Mult: _product,
    ast.Div: _quotient_of_powers,
}
_FUNCTIONS_ON_POWERS = {
    **dict.fromkeys(_FUNCTIONS, _same),
    "round": lambda value, _=0: _same(value),
    "if_else": lambda _, *values: _same(*values),
}

"""Each kind of formula is computed exactly or refused with a named error: no number ever becomes another one."""

from __future__ import annotations

import ast
import contextlib
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genesys_assets.reports.language.formulas import Formula, FormulaError, NumberTooLarge

TYPES = {"a": pa.int64(), "b": pa.int64(), "c": pa.int64(), "x": pa.float64()}
LARGEST = 2**63 - 1

REFUSED = {
    "nothing": ("", "is not a formula"),
    "blanks": ("   ", "is not a formula"),
    "a part": ("a +", "is not a formula"),
    "two formulas": ("a; b", "is not a formula"),
    "an assignment": ("a = 1", "is not a formula"),
    "a character that ends texts": ("a + \0", "is not a formula"),
    "a formula of a spreadsheet": ("=a / b", "Leave out the = at its beginning"),
    "a choice of a spreadsheet": ("IF(a > b; a; b)", "Write if_else(answered > 0, one, other)"),
    "a sign of a text processor": ("a \u2212 b", "Write figures, numbers, + - * /"),
    "a named part": ("(c := a)", "'(c := a)' is not available"),
    "a comma for thousands": ("a / 1,000", "a comma outside of a function is not available"),
    "brackets that do not close": ("(" * 400, "is not a formula"),
    "more characters than are read": ("a" * 501, "must have at most 500 characters, this one has 501"),
    "minus signs without end": ("-" * 490 + "a", "nested more than 60 levels deep"),
    "a sum without end": ("a" + "+a" * 100, "nested more than 60 levels deep"),
    "no figure": ("1 + 1", "uses no figure"),
    "an unknown figure": ("handeld", "'handeld' is not a figure of this report"),
    "a number beyond exactness": ("a + 9007199254740993", "a number must be at most 2^53"),
    "a number beyond all numbers": ("a + 1e999", "a number must be at most 2^53"),
    "an imaginary number": ("a + 5j", "is no number"),
    "a text": ("a + 'b'", "is no number"),
    "a nothing": ("a + None", "is no number"),
    "true": ("a + True", "is no number"),
    "a power": ("a ** 9", "** is not available"),
    "a shift": ("a << 9", "<< is not available"),
    "a rest": ("a % 9", "% is not available"),
    "a whole quotient": ("a // 9", "// is not available"),
    "an inversion": ("~a", "~ is not available"),
    "a negation": ("not a", "not is not available"),
    "both": ("a and b", "and, or is not available"),
    "a choice of Python": ("a if b else c", "if … else is not available"),
    "a chain of comparisons": ("a < b < c", "compare two values at a time"),
    "a membership": ("a in b", "compare two values at a time"),
    "an attribute": ("a.real", "a point behind a name is not available"),
    "a place": ("a[0]", "[ ] behind a name is not available"),
    "a list": ("[a]", "a list is not available"),
    "a comprehension": ("sum(x for x in a)", "'sum' is not a function"),
    "a function of one's own": ("(lambda: a)()", "is not a function"),
    "a text with figures": ("f'{a}'", "is not available"),
    "an import": ("__import__('os').system('true')", "is not a function"),
    "a class": ("().__class__.__bases__", "is not available"),
    "an unknown function": ("sqrt(a)", "'sqrt' is not a function"),
    "a number that is called": ("5(a)", "'5' is not a function"),
    "too few values": ("if_else(a > b, c)", "if_else takes 3, got 2"),
    "too many values": ("abs(a, b)", "abs takes 1, got 2"),
    "a named value": ("abs(value=a)", "abs takes 1, got 1"),
    "all values of a list": ("max(*a)", "max takes 2 or more values, got 1"),
    "digits that are a figure": ("round(x, a)", "the digits of round must be a whole number from 0 to 9"),
    "digits without end": ("round(x, 400)", "the digits of round must be a whole number from 0 to 9"),
    "digits before the point": ("round(x, -1)", "the digits of round must be a whole number from 0 to 9"),
    "a quotient by 0": ("a / 0", "a quotient by 0 is always null"),
    "a quotient by less than 0 and no more": ("a / -0", "a quotient by 0 is always null"),
    "a quotient by numbers that come to 0": ("a / (3 - 2 * 1.5)", "a quotient by 0 is always null"),
    "a comparison for a number": ("(a > b) + 1", "a comparison gives true or false"),
    "a number for a comparison": ("if_else(a, b, c)", "if_else begins with a comparison"),
    "constants that do not fit": ("5 * 9007199254740992 * 4096 + a", "does not fit into 64 bits"),
    "a constant that is no number": ("a + 9e15 * 9e15 * 1e300", "a number must be at most 2^53"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.filterwarnings("error")
def test_what_is_no_formula_is_refused_by_name(kind: str) -> None:
    text, part = REFUSED[kind]
    with pytest.raises(FormulaError) as refused:
        Formula.parse(text).type(TYPES)
    assert part in str(refused.value)
    assert len(str(refused.value)) < 700


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5 * a * 4096", {"a": 2**53}),
        ("a * b", {"a": 2**62, "b": 2}),
        ("a + b", {"a": LARGEST, "b": 1}),
        ("a - b", {"a": -LARGEST, "b": 2}),
        ("-a", {"a": -(2**63)}),
        ("abs(a)", {"a": -(2**63)}),
        ("total(a, b)", {"a": LARGEST, "b": 1}),
        ("a + x", {"a": 2**53 + 1, "x": 0.5}),
        ("a / b", {"a": 2**53 + 1, "b": 3}),
        ("x * x", {"x": 1e200}),
        ("x - x", {"x": float("inf")}),
        ("x / 0.1", {"x": 1e308}),
        ("if_else(a > 0, a * a, 0)", {"a": 2**40}),
    ],
)
def test_a_number_that_does_not_fit_is_an_error_and_no_other_number(text: str, values: dict[str, Any]) -> None:
    with pytest.raises(NumberTooLarge, match="does not fit into 64 bits"):
        _computed(text, values)


# -- laws --------------------------------------------------------------------------------------------------------------

_LEAVES = st.one_of(st.sampled_from(["a", "b", "c"]), st.integers(0, 2**53).map(str), st.integers(0, 9).map(str))
_WHOLE = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda part: f"(-{part})"),
        inner.map(lambda part: f"abs({part})"),
        st.tuples(st.sampled_from(["min", "max", "coalesce", "total"]), inner, inner).map(
            lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"
        ),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner, inner, inner).map(
            lambda parts: f"if_else({parts[0]} {parts[1]} {parts[2]}, {parts[3]}, {parts[4]})"
        ),
    ),
    max_leaves=8,
)
_VALUES = st.one_of(st.none(), st.integers(-9, 9), st.integers(-(2**63), LARGEST))
_GIVEN = st.fixed_dictionaries({"a": _VALUES, "b": _VALUES, "c": _VALUES})


class _TooLarge(Exception):
    """Raised if the exact result of Python does not fit into 64 bits."""


def _computed(text: str, values: dict[str, Any]) -> Any:
    formula = Formula.parse(text)
    columns = {name: pa.chunked_array([pa.array([value], TYPES[name])]) for name, value in values.items()}
    found = formula.compute(columns)
    assert found.type == formula.type({name: TYPES[name] for name in values})
    return found[0].as_py()


@settings(max_examples=300, deadline=None)
@given(_WHOLE.map(lambda text: f"coalesce({text}, a)"), _GIVEN)
def test_whole_numbers_are_computed_exactly_or_refused(text: str, values: dict[str, int | None]) -> None:
    assume(len(text) <= 500)
    assert _or_too_large(_computed, text, values) == _or_too_large(_exactly_computed, text, values)


def _or_too_large(compute: Callable[[str, dict[str, Any]], Any], text: str, values: dict[str, Any]) -> Any:
    try:
        return compute(text, values)
    except (FormulaError, NumberTooLarge, _TooLarge):
        return "too large"


def _exactly_computed(text: str, values: dict[str, Any]) -> Any:
    return _exactly(ast.parse(text, mode="eval").body, values)


@settings(max_examples=300, deadline=None)
@given(st.integers(-(2**53), 2**53), st.integers(-(2**53), 2**53), st.integers(0, 9))
def test_a_quotient_is_the_nearest_to_the_fraction(a: int, b: int, digits: int) -> None:
    found = _computed("a / b", {"a": a, "b": b})
    assert found == (float(Fraction(a, b)) if b else None)
    rounded = _computed(f"round(a / b, {digits})", {"a": a, "b": b})
    if found is None:
        assert rounded is None
    else:
        assert abs(Fraction(rounded) - Fraction(found)) <= Fraction(1, 2 * 10**digits) + abs(
            Fraction(found)
        ) * Fraction(1, 2**51)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abx01.,()+-*/<>=! \n\t#\\'\"eEjJ_:[]{}", max_size=60))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    with contextlib.suppress(FormulaError, NumberTooLarge):
        formula = Formula.parse(text)
        type_ = formula.type(TYPES)
        sevens = {name: pa.chunked_array([pa.array([7], TYPES[name])]) for name in formula.names}
        assert formula.compute(sevens).type == type_


_COMPARE: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def _exactly(node: ast.expr, values: dict[str, int | None]) -> Any:
    """The result of Python's exact integers; None where a part is null."""
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(operand=operand):
            value = _exactly(operand, values)
            return None if value is None else _fitting(-value)
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _exactly(left, values), _exactly(right, values)
            return None if one is None or other is None else _fitting(_ARITHMETIC[type(op)](one, other))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            one, other = _exactly(left, values), _exactly(right, values)
            return None if one is None or other is None else _COMPARE[type(op)](one, other)
        case ast.Call(func=ast.Name(id=function), args=args):
            return _called(function, [_exactly(each, values) for each in args])
    raise AssertionError(ast.dump(node))


def _called(function: str, given_: list[Any]) -> Any:
    there = [each for each in given_ if each is not None]
    match function:
        case "abs":
            return None if not there else _fitting(abs(there[0]))
        case "min" | "max":
            return None if len(there) < len(given_) else (min if function == "min" else max)(there)
        case "coalesce":
            return there[0] if there else None
        case "total":
            return _fitting(sum(there)) if there else None
    condition, one, other = given_
    return None if condition is None else one if condition else other


def _fitting(number: int) -> int:
    if not -(2**63) <= number <= LARGEST:
        raise _TooLarge
    return number

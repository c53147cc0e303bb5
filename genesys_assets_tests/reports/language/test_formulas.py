"""Formulas compute by arithmetic, and give null where a part is missing; they allow nothing else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.reports.language.formulas import Formula, FormulaError

TYPES = {"a": pa.int64(), "b": pa.int64(), "x": pa.float64(), "listed": pa.list_(pa.string())}


def result(text: str, **values: Any) -> Any:
    columns = {name: pa.chunked_array([pa.array([value], TYPES[name])]) for name, value in values.items()}
    formula = Formula.parse(text)
    computed = formula.compute(columns)
    assert computed.type == formula.type({name: TYPES[name] for name in values})
    return computed[0].as_py()


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a + b * 2", {"a": 1, "b": 3}, 7),
        ("(a - b) / 2", {"a": 1, "b": 3}, -1.0),
        ("-a", {"a": 1}, -1),
        ("a / b", {"a": 1, "b": 0}, None),
        ("a / b", {"a": None, "b": 2}, None),
        ("a + b", {"a": 1, "b": None}, None),
        ("total(a, b)", {"a": 1, "b": None}, 1),
        ("total(a, b)", {"a": None, "b": None}, None),
        ("coalesce(a, 0) + b", {"a": None, "b": 2}, 2),
        ("max(0, 100 - 50 * x)", {"x": 3.0}, 0.0),
        ("max(0, 100 - 50 * x)", {"x": None}, None),
        ("min(a, b)", {"a": 4, "b": 2}, 2),
        ("abs(a)", {"a": -4}, 4),
        ("round(x, 1)", {"x": 2.25}, 2.3),
        ("round(x)", {"x": -2.5}, -3.0),
        ("if_else(a > 2, a, b)", {"a": 1, "b": 9}, 9),
        ("a >= b", {"a": 1, "b": 1}, True),
    ],
)
def test_a_formula_computes(text: str, values: dict[str, Any], expected: Any) -> None:
    assert result(text, **values) == expected


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_a_quotient_is_a_quotient_and_null_by_zero(a: int, b: int) -> None:
    assert result("a / b", a=a, b=b) == (a / b if b else None)


@pytest.mark.parametrize(
    "text",
    [
        *("a ** b", "a // b", "a % b", "a and b", "not a", "a if b else 1", "a < b < 3", "a in b", "a is b"),
        *("a.real", "a[0]", "[a]", "{a}", "lambda: a", "'text'", "True", "None", "a := 1", "f'{a}'"),
        *("__import__('os')", "open('x')", "().__class__", "sqrt(a)", "round(a, b)", "abs(a, b)", "abs(value=a)"),
        *("a / 0", "a / 0.0", "round(a, 10)", "round(a, -1)", "round(a, True)", "a" + "+a" * 100, "-" * 490 + "a"),
        *(
            "5 * 9007199254740992 * 4096 + a",
            "1 + 1",
            "",
            "a +",
            "a; b",
            "a = 1",
            "a" * 600,
            "(" * 300 + "a" + ")" * 300,
            "a + 99999999999999999999",
        ),
        *("missing + 1", "listed + 1", "(a > b) + 1", "if_else(a, b, 1)"),
    ],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        Formula.parse(text).type(TYPES)

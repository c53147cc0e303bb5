"""Which columns of a report may be added up over its rows: sums and counts of groups that do not overlap, and linear
formulas of these. Averages, and counts of things that are in several groups, do not add up.
"""

from __future__ import annotations

import ast
from collections.abc import Set

from genesys_assets.reports.meaning.report import Report


def adds_up(report: Report, column: str) -> bool:
    """Whether the values of a shown column may be summed over any rows of the report."""
    return column in _additive_columns(report)


def _additive_columns(report: Report) -> set[str]:
    if report.has_overlapping_groups:
        return set()
    known = {figure.name for figure in report.figures if figure.how == "sum"} - _counted_several_times(report)
    columns = set()
    for shown in report.shown:
        if shown.of != "now":
            continue
        if shown.figure in known or (shown.formula and _is_linear(shown.formula.tree, known)):
            known.add(shown.known_as)
            columns.add(shown.name)
    return columns


def _counted_several_times(report: Report) -> set[str]:
    """Figures that count one thing in several groups or intervals."""
    once_each = {figure.name for part in report.details if part.once_per for figure in part.figures}
    return once_each | {pick.figure for part in report.aggregates for pick in part.picks if part.counts_once(pick)}


def _is_linear(node: ast.expr, known: Set[str]) -> bool:
    """Whether the formula of sums is the sum of the formulas."""
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.UnaryOp(operand=operand):
            return _is_linear(operand, known)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return _is_linear(left, known) and _is_linear(right, known)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=ast.Constant()):
            return _is_linear(left, known)
        case ast.BinOp(left=ast.Constant(), op=ast.Mult(), right=right):
            return _is_linear(right, known)
        case ast.Call(func=ast.Name(id="total"), args=args):
            return all(_is_linear(each, known) for each in args)
    return False

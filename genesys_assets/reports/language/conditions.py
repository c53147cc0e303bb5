"""Conditions: which rows count for a figure. There are several ways to write one, all parsed to the same small tree.

    mediaType: [voice, chat]                       friendly: every name must have one of its values
    {or: [{queueId: …}, {userId: {exists: true}}]}
    {type: and, clauses: [{type: or, predicates: [{dimension: mediaType, value: voice}]}]}     as the platform writes it
    {type: simple, attribute: mediaType, condition: eq, value: voice}                          as tutorials write it

This module parses conditions, and converts them to filters of the platform. `engine.row_filter` applies them to
stored rows; `meaning` looks up the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import product
from typing import Any, Literal

from genesys_assets.cloud.analytics.filters import Clause, Filter, Predicate, Range
from genesys_assets.reports.language.problems import Mistakes, Path, one_of, quoted

Operator = Literal["any_of", "none_of", "contains", "starts_with", "exists", "missing", "range"]
Value = str | int | float | bool
Bound = int | float | str | date
"""A number, an instant or a date. The last two are texts until the type of the column is known."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of one field: it equals one of the values or none of them, contains or starts with one of them,
    exists, is missing, or lies within bounds. `path` is where the comparison is written, `name_path` where its name is.
    """

    name: str
    operator: Operator
    values: tuple[Value, ...] = ()
    bounds: tuple[tuple[str, Bound], ...] = ()
    path: Path = field(default=(), compare=False)
    name_path: Path = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """All (`and`) or one (`or`) of its members hold."""

    type: Literal["and", "or"]
    members: tuple[Condition, ...]
    path: Path = field(default=(), compare=False)


Condition = Comparison | Group

_BOUNDS = {
    **dict.fromkeys(("gt", ">", "greaterthan", "after"), "gt"),
    **dict.fromkeys(("gte", "ge", ">=", "greaterthanorequal", "greaterthanorequals", "atleast"), "gte"),
    **dict.fromkeys(("lt", "<", "lessthan", "before"), "lt"),
    **dict.fromkeys(("lte", "le", "<=", "lessthanorequal", "lessthanorequals", "atmost"), "lte"),
}
_COMPARISONS: dict[str, Operator] = {
    **dict.fromkeys(("matches", "eq", "equals", "equal", "is", "=", "==", "in", "anyof", "oneof"), "any_of"),
    **dict.fromkeys(("ne", "neq", "notequals", "notequal", "not", "isnot", "!=", "<>"), "none_of"),
    **dict.fromkeys(("notin", "nin", "noneof"), "none_of"),
    **dict.fromkeys(("contains", "like", "substring"), "contains"),
    **dict.fromkeys(("startswith", "beginswith", "prefix"), "starts_with"),
}
_PRESENCES: dict[str, Operator] = {
    **dict.fromkeys(("exists", "isnotnull", "notnull", "notempty"), "exists"),
    **dict.fromkeys(("notexists", "missing", "isnull", "null", "empty"), "missing"),
}
TEXT_OPERATORS = ("contains", "starts_with")
"""Operators that compare a part of a text."""
_OPPOSITE: dict[Operator, Operator] = {"exists": "missing", "missing": "exists"}
OPERATORS = (
    *("matches", "in", "exists", "notExists", "gt", "gte", "lt", "lte", "ne", "notIn"),
    *TEXT_OPERATORS,
)
_SUBJECTS = ("dimension", "attribute", "field", "metric", "property")
_COMPARED = ("value", "values", "range")
"""Fields that hold what the subject is compared with."""
_DEEPEST = 10
_MOST = 2**63
"""Every smaller number fits into 64 bits."""


def read_resolved(
    stated: Any, path: Path, mistakes: Mistakes, resolve: Callable[[Comparison], Comparison]
) -> Condition | None:
    """As `read`, with every comparison resolved. Comparisons beside one that has a mistake are resolved too, so that
    their mistakes are reported with it.
    """
    parser = _ConditionParser(mistakes)
    condition = parser.condition(stated, path)
    if condition is not None:
        return mapped(condition, resolve)
    for each in parser.parsed:
        resolve(each)
    return None


def read(stated: Any, path: Path, mistakes: Mistakes) -> Condition | None:
    """Parse a condition. Returns None if it has a mistake, and adds that to `mistakes`.

    >>> condition = read({"mediaType": "voice", "queueId": {"exists": True}}, ("filter",), Mistakes())
    >>> [(each.name, each.operator, each.values) for each in comparisons(condition)]
    [('mediaType', 'any_of', ('voice',)), ('queueId', 'exists', ())]
    """
    return _ConditionParser(mistakes).condition(stated, path)


@dataclass(frozen=True, slots=True)
class _ConditionParser:
    mistakes: Mistakes
    parsed: list[Comparison] = field(default_factory=list)

    def condition(self, stated: Any, path: Path, depth: int = 0) -> Condition | None:
        if depth > _DEEPEST:
            return self._refuse(path, f"conditions must be nested at most {_DEEPEST} deep. Write fewer levels")
        if isinstance(stated, list):
            return self._group("and", stated, path, depth)
        if not isinstance(stated, dict) or not stated:
            return self._refuse(
                path, f"a condition must be a mapping such as {{mediaType: [voice, chat]}}, got {_kind(stated)}", stated
            )
        if _is_of_platform(stated):
            return self._of_platform(stated, path, depth)
        if stated.get("type") == "compound":
            return self._compound(stated, path, depth)
        if _is_predicate(stated):
            return self._predicate(stated, path)
        members = [self._friendly(str(name), value, (*path, name), depth) for name, value in stated.items()]
        return self._together("and", members, path)

    def _friendly(self, name: str, value: Any, path: Path, depth: int) -> Condition | None:
        if name in ("and", "or"):
            return self._group(name, value, path, depth)  # type: ignore[arg-type]
        if name == "not":
            return self._refuse(
                path, "`not` is not available. Negate each comparison, as in {mediaType: {ne: voice}}", value
            )
        if not isinstance(value, dict):
            return self._comparison(name, "in" if isinstance(value, list) else "eq", value, path)
        if not value:
            return self._refuse(
                path, f"{name} is compared with nothing. Give it a value, a list of values or an operator"
            )
        comparisons = [self._comparison(name, str(operator), of, (*path, operator)) for operator, of in value.items()]
        return self._of_one(name, comparisons, path)

    def _of_platform(self, stated: dict[str, Any], path: Path, depth: int) -> Condition | None:
        self._only(stated, ("type", "clauses", "predicates"), path)
        members = [
            self.condition(member, (*path, name, index), depth + 1)
            for name in ("clauses", "predicates")
            for index, member in enumerate(self._list(stated.get(name), (*path, name)))
        ]
        return self._together(self._combination(stated.get("type", "and"), (*path, "type")), members, path)

    def _compound(self, stated: dict[str, Any], path: Path, depth: int) -> Condition | None:
        lists = [name for name, value in stated.items() if isinstance(value, list)]
        combining = [name for name in stated if name not in ("type", *lists)]
        if len(lists) != 1 or len(combining) > 1:
            return self._refuse(
                path,
                "a compound filter must have one list of filters and one of `and`, `or`. Write {type: compound, "
                "operator: and, filters: […]}",
                stated,
            )
        how = self._combination(stated[combining[0]], (*path, combining[0])) if combining else "and"
        return self._group(how, stated[lists[0]], (*path, lists[0]), depth)

    def _predicate(self, stated: dict[str, Any], path: Path) -> Condition | None:
        subject = next(name for name in _SUBJECTS if name in stated)
        read = self._of_subject(subject, stated, path)
        return mapped(read, lambda each: replace(each, name_path=(*path, subject))) if read else None

    def _of_subject(self, subject: str, stated: dict[str, Any], path: Path) -> Condition | None:
        known = ("type", subject, "operator", "condition", *_COMPARED)
        self._only(stated, known, path)
        name = stated[subject]
        if not isinstance(name, str):
            return self._refuse((*path, subject), f"{subject} must be text, got {_kind(name)}", name)
        if subject == "property":
            return self._refuse((*path, subject), "properties are not read here. Name a dimension", name)
        value = stated["value"] if "value" in stated else stated.get("values")
        operator = stated.get("operator", stated.get("condition", "matches"))
        if "range" in stated:
            bounds = stated["range"]
            if not isinstance(bounds, dict) or not bounds:
                return self._refuse(
                    (*path, "range"), f"range must be a mapping such as {{gte: 1, lt: 5}}, got {_kind(bounds)}", bounds
                )
            comparisons = [
                self._comparison(name, str(bound), of, (*path, "range", bound)) for bound, of in bounds.items()
            ]
            return self._of_one(name, comparisons, path)
        where = "value" if "value" in stated else "operator" if "operator" in stated else "condition"
        return self._comparison(name, str(operator), value, (*path, where) if where in stated else path)

    def _comparison(self, name: str, operator: str, value: Any, path: Path) -> Condition | None:
        if not name:
            return self._refuse(path, "a condition must name what it compares, as in {mediaType: voice}, got no name")
        wanted = operator.lower().replace("_", "").replace("-", "").replace(" ", "")
        if wanted in _BOUNDS:
            return self._bounded(name, {_BOUNDS[wanted]: value}, path)
        if wanted == "between":
            if not isinstance(value, list) or len(value) != 2:
                return self._refuse(
                    path, f"between takes two numbers, both included, got {_kind(value)}. Write [1, 5]", value
                )
            return self._bounded(name, {"gte": value[0], "lte": value[1]}, path)
        if wanted in _PRESENCES:
            if not (value is None or isinstance(value, bool)):
                return self._refuse(path, f"{operator} takes true or false, got {_kind(value)}", value)
            presence = _PRESENCES[wanted]
            return self._parsed(Comparison(name, _OPPOSITE[presence] if value is False else presence, path=path))
        if wanted in _COMPARISONS:
            return self._compared(name, _COMPARISONS[wanted], value, path)
        return self._refuse(path, f"{quoted(operator)} is not an operator. {one_of(OPERATORS, operator)}", value)

    def _compared(self, name: str, operator: Operator, value: Any, path: Path) -> Condition | None:
        values = value if isinstance(value, list) else [value]
        if not values or None in values:
            missing = "To test whether it has a value, write {exists: true}"
            return self._refuse(
                path, f"{name} is compared with nothing. Give it a value or a list of values. {missing}", value
            )
        if operator in TEXT_OPERATORS and "" in values:
            return self._refuse(
                path, f"every text contains the empty text. Give {name} a text of one character or more", value
            )
        wrong = [each for each in values if not isinstance(each, str | int | float)]
        if wrong:
            return self._refuse(path, f"a value must be text, a number, true or false, got {_kind(wrong[0])}", wrong[0])
        # 1, 1.0 and true are equal to Python, and three texts.
        different = {(type(each), str(each)): each for each in values}
        return self._parsed(Comparison(name, operator, tuple(different.values()), path=path))

    def _bounded(self, name: str, bounds: dict[str, Any], path: Path) -> Condition | None:
        for bound, value in bounds.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST
            if not is_number and not _is_time(value):
                message = f"{bound} takes a number, or an instant such as 2026-01-31T00:00:00Z, got {_kind(value)}"
                return self._refuse(path, message, value)
        if _is_empty(bounds):
            return self._refuse_empty(name, bounds, path)
        return self._parsed(Comparison(name, "range", bounds=tuple(bounds.items()), path=path))

    def _parsed(self, comparison: Comparison) -> Comparison:
        self.parsed.append(comparison)
        return comparison

    def _of_one(self, name: str, stated: list[Condition | None], path: Path) -> Condition | None:
        """All comparisons of one name, combined by `and`. Bounds that no value can meet are a mistake."""
        bounds = dict(bound for each in stated if isinstance(each, Comparison) for bound in each.bounds)
        return self._refuse_empty(name, bounds, path) if _is_empty(bounds) else self._together("and", stated, path)

    def _refuse_empty(self, name: str, bounds: Mapping[str, Bound], path: Path) -> Condition | None:
        range_ = " and ".join(f"{bound} {value}" for bound, value in bounds.items())
        return self._refuse(path, f"no value of {name} is {range_}. Swap the bounds, or combine them with `or`")

    def _group(self, type_: Literal["and", "or"], stated: Any, path: Path, depth: int) -> Condition | None:
        if not isinstance(stated, list) or not stated:
            return self._refuse(path, f"{type_} takes a list of conditions, got {_kind(stated)}", stated)
        members = [self.condition(each, (*path, index), depth + 1) for index, each in enumerate(stated)]
        return self._together(type_, members, path)

    def _together(self, type_: Literal["and", "or"], members: list[Condition | None], path: Path) -> Condition | None:
        """The members as one condition. A single member is returned as it is; a member that is a group of the same type
        is merged into this one.
        """
        read = [member for member in members if member is not None]
        if len(read) < len(members) or not read:
            return self._refuse(path, "a group of conditions must have at least one") if not members else None
        if len(read) == 1:
            return read[0]
        flat = [
            each
            for member in read
            for each in (member.members if isinstance(member, Group) and member.type == type_ else (member,))
        ]
        return Group(type_, tuple(flat), path)

    def _combination(self, stated: Any, path: Path) -> Literal["and", "or"]:
        wanted = str(stated).lower()
        if wanted not in ("and", "or"):
            self._refuse(path, f"conditions are combined by `and` or `or`, got {_kind(stated)}", stated)
        return "or" if wanted == "or" else "and"

    def _list(self, stated: Any, path: Path) -> list[Any]:
        if stated is not None and not isinstance(stated, list):
            self._refuse(path, f"{path[-1]} must be a list, got {_kind(stated)}", stated)
        return stated if isinstance(stated, list) else []

    def _only(self, stated: dict[str, Any], known: tuple[str, ...], path: Path) -> None:
        for name in stated.keys() - set(known):
            self._refuse((*path, name), f"unknown field {quoted(name)}. {one_of(known, str(name))}", stated[name])

    def _refuse(self, path: Path, message: str, value: Any = None) -> Condition | None:
        self.mistakes.add(path, message, value)
        return None


def _is_empty(bounds: Mapping[str, Bound]) -> bool:
    """Whether no value can meet both bounds. Texts are compared only if they differ in their date alone."""
    for lower, upper in product(("gt", "gte"), ("lt", "lte")):
        least, most = bounds.get(lower), bounds.get(upper)
        if isinstance(least, str) and isinstance(most, str):
            is_above = len(least) == len(most) and least[10:] == most[10:] and least > most
        elif isinstance(least, int | float) and isinstance(most, int | float):
            is_above = least > most or (least == most and (lower, upper) != ("gte", "lte"))
        else:
            continue
        if is_above:
            return True
    return False


def _is_time(value: Any) -> bool:
    """Whether a text is an instant or a date."""
    try:
        return isinstance(value, str) and len(value) >= len("2026-01-31") and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _kind(value: Any) -> str:
    """The kind of a wrong value, in words."""
    empty = "" if value else "n empty"
    return {dict: f"a{empty} mapping", list: f"a{empty} list", type(None): "nothing"}.get(type(value), quoted(value))


def _is_of_platform(stated: dict[str, Any]) -> bool:
    """Whether a mapping is a group of conditions as the platform writes it."""
    return "clauses" in stated or "predicates" in stated or stated.get("type") in ("and", "or")


def _is_predicate(stated: dict[str, Any]) -> bool:
    """Whether a mapping is one comparison, as {dimension: mediaType, value: voice}. `field`, `metric` and `property`
    may also be names of columns, so with these another key must show that a comparison is meant.
    """
    compares = any(name in stated for name in ("type", "operator", "condition", "range"))
    return any(name in stated for name in _SUBJECTS[:2]) or (compares and any(name in stated for name in _SUBJECTS))


def with_values(stated: Any, change: Callable[[str], str]) -> Any:
    """A condition as written, with all texts changed that something is compared with.

    >>> with_values({"or": [{"purpose": "agent"}, {"field": "name", "operator": "eq", "value": "Ann"}]}, str.upper)
    {'or': [{'purpose': 'AGENT'}, {'field': 'name', 'operator': 'eq', 'value': 'ANN'}]}
    """
    if isinstance(stated, list):
        return [with_values(each, change) for each in stated]
    if not isinstance(stated, dict):
        return stated
    is_friendly = not _is_of_platform(stated) and stated.get("type") != "compound" and not _is_predicate(stated)
    after = dict(stated)
    for name, value in stated.items():
        if isinstance(value, list) and (name in ("and", "or") if is_friendly else not _is_predicate(stated)):
            after[name] = with_values(value, change)
        elif is_friendly or name in _COMPARED:
            after[name] = with_every_text(value, change)
    return after


def with_every_text(value: Any, change: Callable[[str], str]) -> Any:
    """A value of YAML or JSON with all its texts changed, and its keys as they were."""
    if isinstance(value, list):
        return [with_every_text(each, change) for each in value]
    if isinstance(value, dict):
        return {name: with_every_text(each, change) for name, each in value.items()}
    return change(value) if isinstance(value, str) else value


def comparisons(condition: Condition | None) -> Iterator[Comparison]:
    """Every comparison of a condition."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Group):
        for member in condition.members:
            yield from comparisons(member)


def all_of(members: Sequence[Condition]) -> Condition | None:
    """The members combined by `and`; None if there are none."""
    return members[0] if len(members) == 1 else Group("and", tuple(members)) if members else None


def mapped(condition: Condition, change: Callable[[Comparison], Comparison]) -> Condition:
    """The same tree with every comparison changed."""
    if isinstance(condition, Comparison):
        return change(condition)
    return replace(condition, members=tuple(mapped(member, change) for member in condition.members))


# -- filters of the platform -------------------------------------------------------------------------------------------

_WHOLE = "the platform compares whole values and has no `{}`. List the values, or count from `details`"
_BEYOND_PLATFORM = {
    "none_of": "the platform has no `not equal`. List the values that are wanted, or count from `details`",
    **{name: _WHOLE.format(name) for name in TEXT_OPERATORS},
}


def to_platform(condition: Condition, mistakes: Mistakes) -> Filter | None:
    """The condition as a filter of the platform, which has two levels and no `not`. Returns None if that is
    impossible, and adds the reason to `mistakes`.

    >>> to_platform(read({"mediaType": "voice"}, (), Mistakes()), Mistakes()).predicates[0].value
    'voice'
    """
    before = len(mistakes.items)
    for comparison in comparisons(condition):
        if reason := _BEYOND_PLATFORM.get(comparison.operator):
            mistakes.add(comparison.path, f"cannot be asked: {reason}", ", ".join(map(str, comparison.values)))
        for bound, value in comparison.bounds:
            if isinstance(value, str):
                message = f"cannot be asked: the platform compares only numbers, so {bound} must be a number"
                mistakes.add(comparison.path, message, value)
    if len(mistakes.items) > before:
        return None
    top = condition if isinstance(condition, Group) else Group("and", (condition,))
    clauses, predicates = [], []
    for member in top.members:
        alone = _predicates(member) if isinstance(member, Comparison) else []
        if len(alone) == 1:
            predicates.append(alone[0])
        elif isinstance(member, Comparison):
            clauses.append(Clause(tuple(alone), "or"))
        elif clause := _clause(member, mistakes):
            clauses.append(clause)
    if len(mistakes.items) > before:
        return None
    return Filter(tuple(sorted(clauses, key=repr)), tuple(sorted(predicates, key=repr)), top.type)


def _clause(group: Group, mistakes: Mistakes) -> Clause | None:
    predicates: list[Predicate] = []
    for member in group.members:
        several = isinstance(member, Comparison) and len(_predicates(member)) > 1 and group.type == "and"
        if isinstance(member, Group) or several:
            mistakes.add(
                member.path,
                "cannot be asked: the platform knows two levels, a group of groups of comparisons (a list of values "
                "is one too). Write it with fewer levels, or count from `details`",
            )
            return None
        predicates += _predicates(member)
    return Clause(tuple(sorted(predicates, key=repr)), group.type)


def _predicates(comparison: Comparison) -> list[Predicate]:
    match comparison.operator:
        case "exists":
            return [Predicate(comparison.name, operator="exists")]
        case "missing":
            return [Predicate(comparison.name, operator="notExists")]
        case "range":
            numbers = {name: bound for name, bound in comparison.bounds if isinstance(bound, int | float)}
            return [Predicate(comparison.name, range=Range(**numbers))]
        case "any_of":
            return [Predicate(comparison.name, _text(value)) for value in sorted(comparison.values, key=str)]
    return []


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

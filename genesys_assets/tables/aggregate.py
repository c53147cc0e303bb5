"""Groups many rows, which arrive in parts, to one row for each group, with sums, counts, extremes and distinct values.

Each part is grouped when it arrives, and the partial figures are folded once they are several times as many as the
groups. So memory grows with the number of groups, not of rows. If the parts arrive in the order of a key, groups are
finished as soon as no later row can belong to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.threads import read_ahead

How = Literal["sum", "count", "min", "max", "distinct", "count_distinct", "percentile"]

_LARGEST = 2**63 - 1
_EXACT = 2**53
_ROWS_AT_ONCE = 131_072
_ROWS_A_KEY = 4
"""Partial rows are folded once their number has grown by this factor since the last fold. So a fold reads few rows
twice, and memory stays a small multiple of the groups.
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a group: what is computed from which column, and the name of the result. If all values are null,
    sum, min and max are null, count and count_distinct are 0, and distinct (the list of values, in no order) is empty.

    A percentile is the value of the nearest rank: the smallest value that at least this share of the values does not
    exceed; null if there are no values. `rank` is the share in thousandths of a per cent: 95,000 for 95 %.
    """

    name: str
    column: str
    how: How
    rank: int = 0

    @property
    def is_distinct(self) -> bool:
        return self.how in ("distinct", "count_distinct")

    @property
    def is_percentile(self) -> bool:
        return self.how == "percentile"


class OutOfOrder(ValueError):
    """A row arrived after its group was finished."""


class SumTooLarge(ArithmeticError):
    """A sum might not fit into 64 bits. Arrow would not report that. The message names the measure."""


def aggregate(
    parts: Iterable[pa.Table], keys: Sequence[str], measures: Sequence[Measure], *, in_order_of: str | None = None
) -> pa.Table:
    """One row for each group over all parts: `keys`, then the measures in their order. A null in a key is a value too.

    There must be at least one part, which may be empty. A column that a part lacks counts as null there, but every
    column must be in some part, with the same type in all. `in_order_of` names a key that is never null. Its values in
    a part must not be lower than those in earlier parts; else OutOfOrder is raised. Raises SumTooLarge.
    """
    return pa.concat_tables(finished_groups(parts, keys, measures, in_order_of=in_order_of))


def finished_groups(
    parts: Iterable[pa.Table],
    keys: Sequence[str],
    measures: Sequence[Measure],
    *,
    in_order_of: str | None = None,
    rows_at_once: int | None = None,
) -> Iterator[pa.Table]:
    """The groups of `aggregate` in several tables: each group is yielded as soon as no later row can belong to it.
    `rows_at_once`: how many rows are gathered before they are grouped; 131,072 by default.
    """
    open_groups = Groups(keys, measures)
    reached: Any = None
    for part in _gathered(parts, rows_at_once or _ROWS_AT_ONCE):
        open_groups.add(part)
        if in_order_of is not None and len(part):
            bounds = pc.min_max(part[in_order_of])
            if reached is not None and bounds["min"].as_py() < reached.as_py():
                raise OutOfOrder(f"a row with {in_order_of} {bounds['min']} came after rows with {reached}")
            reached = bounds["max"]
            yield open_groups.finish(pc.field(in_order_of) < reached)
    yield open_groups.finish()


class Groups:
    """The groups of the rows added so far. Keeps partial figures, and each distinct value of a group once; for
    percentiles with its count.
    """

    def __init__(self, keys: Sequence[str], measures: Sequence[Measure]) -> None:
        self._keys = list(keys)
        self._measures = list(measures)
        plain = [measure for measure in measures if not (measure.is_distinct or measure.is_percentile)]
        self._figures = _Partials(self._keys, plain)
        distinct = dict.fromkeys(measure.column for measure in measures if measure.is_distinct)
        self._values = {column: _Partials([*self._keys, _value_of(column)], ()) for column in distinct}
        ranked = dict.fromkeys(measure.column for measure in measures if measure.is_percentile)
        self._ranked = {column: _Partials([*self._keys, _value_of(column)], [_TIMES]) for column in ranked}
        self._bounds = {measure.name: 0 for measure in plain if measure.how == "sum"}

    def __len__(self) -> int:
        """The number of partial rows in memory."""
        return sum(map(len, self._partials))

    @property
    def _partials(self) -> list[_Partials]:
        return [self._figures, *self._values.values(), *self._ranked.values()]

    def add(self, rows: pa.Table) -> None:
        plain = self._figures.measures
        self._require_fit(rows)
        grouped = rows.group_by(self._keys).aggregate([(m.column, m.how, _FIRST[m.how]) for m in plain])
        self._figures.add(grouped.rename_columns([*self._keys, *(m.name for m in plain)]))
        for column, values in self._values.items():
            by_value = rows.filter(rows[column].is_valid()).group_by([*self._keys, column]).aggregate([])
            values.add(by_value.rename_columns(values.keys))
        for column, values in self._ranked.items():
            counted = (
                rows.filter(rows[column].is_valid()).group_by([*self._keys, column]).aggregate([(column, "count")])
            )
            values.add(counted.rename_columns([*values.keys, _TIMES.name]))

    def _require_fit(self, rows: pa.Table) -> None:
        """Raises SumTooLarge if everything added so far, over all groups, exceeds 64 bits."""
        for measure in self._figures.measures:
            if measure.name in self._bounds and pa.types.is_integer(rows[measure.column].type):
                self._bounds[measure.name] += _bound(rows[measure.column])
                if self._bounds[measure.name] > _LARGEST:
                    raise SumTooLarge(f"{measure.name}: its values come to more than {_LARGEST:,}, the largest sum")

    def finish(self, where: pc.Expression | None = None) -> pa.Table:
        """Removes and returns the groups, or those where the condition holds, with their figures."""
        partials = [one.take(where) for one in (self._figures, *self._values.values())]
        for column, values in self._ranked.items():
            counted = values.take(where)
            wanted = [measure for measure in self._measures if measure.is_percentile and measure.column == column]
            partials += [_percentile(counted, self._keys, measure) for measure in wanted]
        partial = pa.concat_tables(partials, promote_options="default")
        figures = [
            (_value_of(m.column), m.how, _ONLY_VALID) if m.is_distinct else (m.name, *_FOLD[m.how])
            for m in self._measures
        ]
        done = partial.group_by(self._keys).aggregate(figures)
        return done.rename_columns([*self._keys, *(measure.name for measure in self._measures)])


class _Partials:
    """Rows with partial figures: several rows for a key, until they are folded to one."""

    def __init__(self, keys: Sequence[str], measures: Sequence[Measure]) -> None:
        self.keys = list(keys)
        self.measures = list(measures)
        self._tables: list[pa.Table] = []
        self._rows_after_fold = 0

    def __len__(self) -> int:
        return sum(map(len, self._tables))

    def add(self, partial: pa.Table) -> None:
        self._tables.append(partial)
        if len(self) > max(_ROWS_AT_ONCE, _ROWS_A_KEY * self._rows_after_fold):
            self._fold()

    def take(self, where: pc.Expression | None) -> pa.Table:
        """Removes and returns all rows, or those where the condition holds."""
        rows = self._together()
        others = rows.schema.empty_table() if where is None else rows.filter(~where)
        self._tables = [others]
        self._rows_after_fold = min(self._rows_after_fold, len(others))
        return rows if where is None else rows.filter(where)

    def _fold(self) -> None:
        figures = [(measure.name, *_FOLD[measure.how]) for measure in self.measures]
        folded = self._together().group_by(self.keys).aggregate(figures)
        self._tables = [folded.rename_columns([*self.keys, *(measure.name for measure in self.measures)])]
        self._rows_after_fold = len(folded)

    def _together(self) -> pa.Table:
        return pa.concat_tables(self._tables, promote_options="default")


def _percentile(counted: pa.Table, keys: Sequence[str], measure: Measure) -> pa.Table:
    """The percentile of each group, one row for each. `counted` has the values of the groups with their counts; a value
    may have several rows.
    """
    value = _value_of(measure.column)
    if not len(counted):
        return counted.select([*keys, value]).rename_columns([*keys, measure.name])
    numbered = counted.append_column("row", pa.array(np.arange(len(counted))))
    # A group is identified by its first row, so keys may have any types.
    firsts = numbered.group_by(list(keys)).aggregate([("row", "min"), ("row", "list"), (_TIMES.name, "sum")])
    rows = firsts["row_list"].combine_chunks()
    group = np.empty(len(counted), np.int64)
    group[rows.flatten().to_numpy()] = np.repeat(np.arange(len(firsts)), rows.value_lengths().to_numpy())
    order = np.lexsort((counted[value].to_numpy(), group))
    passed = np.cumsum(counted[_TIMES.name].to_numpy()[order])
    totals = firsts[f"{_TIMES.name}_sum"].to_numpy()
    ranks = -(-totals * measure.rank // _WHOLE)
    positions = np.searchsorted(passed, np.cumsum(totals) - totals + ranks)
    picked = counted.take(pa.array(order[positions]))
    return picked.select([*keys, value]).rename_columns([*keys, measure.name])


def _gathered(parts: Iterable[pa.Table], rows_at_once: int) -> Iterator[pa.Table]:
    """The same rows in fewer and larger parts: grouping pays off only with many rows for each group."""
    waiting: list[pa.Table] = []
    # Reading ahead pays off, because Arrow reads and groups without Python's global lock.
    for part in read_ahead(parts):
        waiting.append(part)
        if sum(map(len, waiting)) >= rows_at_once:
            gathered = pa.concat_tables(waiting, promote_options="default")
            yield gathered
            # The next part may lack columns that earlier ones had.
            waiting = [gathered.schema.empty_table()]
    yield pa.concat_tables(waiting, promote_options="default")


def _bound(values: pa.ChunkedArray) -> int:
    """An upper bound of the sum of any group of the values."""
    bounds = pc.min_max(values)
    largest = max(abs(bounds["min"].as_py() or 0), abs(bounds["max"].as_py() or 0))
    if largest * len(values) <= _EXACT:
        return int(largest * len(values))
    return int(pc.sum(pc.abs(values.cast(pa.float64(), safe=False))).as_py())


def _value_of(column: str) -> str:
    """The name of the column that holds distinct values of a column; no measure has such a name."""
    return f"value of {column}"


_TIMES = Measure("times", "times", "sum")
"""The count of a value in a group."""
_WHOLE = 100_000
"""100 % in thousandths of a per cent."""
_AT_LEAST_ONE = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)
_ONLY_VALID = pc.CountOptions(mode="only_valid")
_FIRST: dict[How, Any] = {
    "sum": _AT_LEAST_ONE,
    "min": _AT_LEAST_ONE,
    "max": _AT_LEAST_ONE,
    "count": _ONLY_VALID,
}
_FOLD: dict[How, tuple[How, Any]] = {
    "percentile": ("min", _AT_LEAST_ONE),
    "sum": ("sum", _AT_LEAST_ONE),
    "min": ("min", _AT_LEAST_ONE),
    "max": ("max", _AT_LEAST_ONE),
    "count": ("sum", _AT_LEAST_ONE),
}

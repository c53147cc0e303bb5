"""Frames of pandas and polars as Arrow tables, and back: what downstream assets return and get.

The content of a frame comes back unchanged, or the frame is refused with the reason: nothing is dropped or changed
silently. `column_types` knows which types the lake can store.
"""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake.column_types import DuplicateColumn, NoColumns, UnstorableColumn, is_storable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_LARGEST_EXACT_FLOAT = 2**53
_WANTED = "pandas.DataFrame, pyarrow.Table or polars.DataFrame"
_TYPES_PER_COLUMN_NAMED = 4
_OF_NUMPY = {"ndarray": "list", "bool_": "bool"}


class UnnamedIndex(ValueError):
    """The index of a pandas frame has values but no name to store them under."""


def convert(table: pa.Table, wanted: Any) -> Any:
    """The table as the type that an input is annotated with. Raises TypeError for any other type."""
    match _qualified(wanted):
        case "pandas.DataFrame":
            return _to_pandas(table)
        case "polars.DataFrame":
            import polars

            return polars.from_arrow(table)
        case "pyarrow.Table" | "typing.Any" | "builtins.object":
            return table
        case _:
            raise TypeError(f"cannot load a table as {wanted!r}: annotate the input as {_WANTED}")


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table as a frame. pandas makes floats of whole numbers if some are null. A column with a number that a float
    cannot hold exactly becomes `Int64` instead. Lists and structs that pandas would change become Python objects.
    """
    import pandas

    frame: pd.DataFrame = table.to_pandas()
    for name in table.column_names:
        column = table[name]
        if column.null_count and pa.types.is_int64(column.type):
            bounds = pc.min_max(column).as_py()
            if max(-(bounds["min"] or 0), bounds["max"] or 0) > _LARGEST_EXACT_FLOAT:
                frame[name] = pandas.array(column.to_pylist(), dtype="Int64")
        elif pa.types.is_nested(column.type) and _changes_in_pandas(column):
            frame[name] = pandas.Series(column.to_pylist(), dtype=object)
    return frame


def _changes_in_pandas(values: pa.ChunkedArray) -> bool:
    """Whether arrays of numpy cannot hold values of lists or structs: instants lose their time zone, and whole numbers
    beside nulls become floats.
    """
    type_ = values.type
    if pa.types.is_struct(type_):
        return any(map(_changes_in_pandas, values.flatten()))
    if pa.types.is_nested(type_):
        return _changes_in_pandas(pc.list_flatten(values))
    return pa.types.is_timestamp(type_) or bool(pa.types.is_integer(type_) and values.null_count)


def as_table(value: Any) -> pa.Table:
    """A pandas or polars frame, or an Arrow table, as an Arrow table.

    A named index of a pandas frame becomes columns, one for each level. An unnamed one that only counts rows (the
    default, also after rows were filtered, sorted or concatenated) is left out. The lake refuses times without a time
    zone, because every time in it is an instant. A column without any value needs no such type: it is one of nulls.
    Raises TypeError for anything that is not a table, UnnamedIndex,
    DuplicateColumn, UnstorableColumn, NoColumns.
    """
    if isinstance(value, pa.Table):
        return _storable(value)
    match _frame_kind(type(value)):
        case "pandas":
            return _storable(_from_pandas(value))
        case "polars":
            return _storable(_from_polars(value))
    hint = ""
    if hasattr(value, "to_frame"):
        hint = ": .to_frame() makes one"
    elif _qualified(type(value)) == "polars.LazyFrame":
        hint = ": .collect() makes one"
    raise TypeError(f"cannot store a {type(value).__name__}. Return a {_WANTED}{hint}")


def leaves_out_index(value: Any) -> bool:
    """Whether `as_table` leaves out an index that may hold values. Its whole numbers without a name may be row numbers
    of a frame that was filtered, or the hours by which rows were grouped: nothing tells them apart.
    """
    if _frame_kind(type(value)) != "pandas" or not len(value):
        return False
    import pandas

    return list(value.index.names) == [None] and not isinstance(value.index, pandas.RangeIndex)


def _storable(table: pa.Table) -> pa.Table:
    """The table without metadata. Columns without any value become columns of nulls if the lake cannot store their
    type: pandas gives NaT and empty columns types of times without a time zone.
    """
    columns = [
        pa.nulls(len(table)) if column.null_count == len(table) and not is_storable(column.type) else column
        for column in table.columns
    ]
    fields = zip(table.column_names, columns, strict=True)
    return pa.table(columns, schema=pa.schema([pa.field(name, column.type) for name, column in fields]))


def _frame_kind(type_: type) -> str | None:
    """`pandas` or `polars` if the type is one of their frames or a subclass, else None. Imports neither."""
    names = {_qualified(base) for base in type_.__mro__}
    return next((kind for kind in ("pandas", "polars") if f"{kind}.DataFrame" in names), None)


def _qualified(type_: Any) -> str:
    return f"{getattr(type_, '__module__', '').split('.')[0]}.{getattr(type_, '__name__', '')}"


def _from_polars(frame: pl.DataFrame) -> pa.Table:
    import polars

    for name, type_ in frame.schema.items():
        if type_ == polars.Object:
            raise UnstorableColumn(f"column {name!r} holds Python objects: cast it to text or to a number.")
    try:
        return frame.to_arrow()
    except pa.ArrowException as error:
        raise UnstorableColumn(f"polars cannot give the columns {dict(frame.schema)} to Arrow: {error}") from error


# -- pandas ------------------------------------------------------------------------------------------------------------


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    frame = _with_index_as_columns(frame)
    _check_columns(frame)
    columns = {name: _column(name, frame.iloc[:, index]) for index, name in enumerate(frame.columns)}
    return pa.table(columns)


def _with_index_as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Raises UnnamedIndex, DuplicateColumn."""
    import pandas

    names = list(frame.index.names)
    if names == [None]:
        if len(frame) and not pandas.api.types.is_integer_dtype(frame.index.dtype):
            raise UnnamedIndex(
                f"the index of the frame has no name, and its values ({frame.index[0]!r}, …) would be lost. Name it "
                "with frame.rename_axis('…') to store it as a column, or drop it with frame.reset_index(drop=True)."
            )
        return frame
    if None in names:
        raise UnnamedIndex(
            f"the index of the frame has the levels {names}, not all of them with a name. Name them with "
            "frame.rename_axis([…]) to store them as columns, or drop them with frame.reset_index(drop=True)."
        )
    shared = [name for name in names if name in frame.columns]
    if shared or len(set(names)) < len(names):
        raise DuplicateColumn(
            f"the index of the frame has the levels {names}, the frame the columns {list(frame.columns)}. Names must "
            "differ: rename a level, or drop it with frame.reset_index(level=…, drop=True)."
        )
    return frame.reset_index()


def _check_columns(frame: pd.DataFrame) -> None:
    """Raises UnstorableColumn, DuplicateColumn, NoColumns."""
    if frame.columns.nlevels > 1:
        raise UnstorableColumn(
            f"the frame has columns of {frame.columns.nlevels} levels, such as {frame.columns[0]!r}. Give each one "
            "name: frame.columns = ['_'.join(names) for names in frame.columns]."
        )
    nameless = [name for name in frame.columns if not isinstance(name, str) or not name]
    if nameless:
        raise UnstorableColumn(f"the frame has columns named {nameless}. Names must be texts: rename them.")
    if len(frame) and not len(frame.columns):
        raise NoColumns(f"the frame has {len(frame)} rows and no columns.")
    repeated = [name for name, count in Counter(frame.columns).items() if count > 1]
    if repeated:
        raise DuplicateColumn(f"the frame has more than one column named {', '.join(map(repr, repeated))}.")


def _column(name: str, values: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    """Raises UnstorableColumn."""
    import pandas

    if isinstance(values.dtype, pandas.CategoricalDtype) and values.cat.categories.dtype == object:
        values = values.cat.remove_unused_categories()
        _check_objects(name, pandas.Series(values.cat.categories))
    elif values.dtype == object:
        _check_objects(name, values)
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise UnstorableColumn(
            f"column {name!r} of the type {values.dtype} cannot be stored: {error}. Cast it to one type."
        ) from error


def _check_objects(name: str, values: pd.Series[Any]) -> None:
    """Raises UnstorableColumn for mixed types: Arrow takes the type of the first value, and silently converts
    others.
    """
    kinds = list(dict.fromkeys(map(_kind, values.dropna())))
    if len(kinds) > 1:
        raise UnstorableColumn(
            f"column {name!r} mixes values of the types {', '.join(kinds[:_TYPES_PER_COLUMN_NAMED])}. Cast it to one."
        )
    if kinds and kinds[0] in ("dict", "list"):
        _check_within(name, values.dropna())
    if kinds and kinds[0] in ("set", "frozenset"):
        raise UnstorableColumn(f"column {name!r} holds sets, which have no order. Make them sorted lists.")


def _check_within(place: str, values: Iterable[Any]) -> None:
    """As `_check_objects`, inside lists and dicts. Raises UnstorableColumn."""
    from pandas.api.types import is_scalar

    within: dict[str, list[Any]] = {}
    for value in values:
        if getattr(value, "dtype", None) not in (None, "object"):
            # An array of numpy has one type.
            continue
        pairs = value.items() if isinstance(value, Mapping) else [("[]", item) for item in value]
        for name, item in pairs:
            if not (is_scalar(item) and _is_missing(item)):
                within.setdefault(f"{name}", []).append(item)
    for name, items in within.items():
        kinds = list(dict.fromkeys(map(_kind, items)))
        if len(kinds) > 1:
            raise UnstorableColumn(
                f"column {place!r} cannot be stored: inside {name} it mixes values of the types "
                f"{', '.join(kinds[:_TYPES_PER_COLUMN_NAMED])}. Cast them to one."
            )
        if kinds[0] in ("dict", "list"):
            _check_within(place, items)


def _is_missing(value: Any) -> bool:
    import pandas

    return bool(pandas.isna(value))


def _kind(value: Any) -> str:
    if isinstance(value, datetime):
        return "datetime without a time zone" if value.tzinfo is None else "datetime"
    name = type(value).__name__
    if isinstance(value, numbers.Real) and not name.startswith("bool"):
        return "number"
    alike = ((date, "date"), (str, "str"), (bytes, "bytes"), (Mapping, "dict"), ((list, tuple), "list"))
    return next((kind for types, kind in alike if isinstance(value, types)), _OF_NUMPY.get(name, name))

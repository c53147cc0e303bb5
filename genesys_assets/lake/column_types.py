"""The types that columns have at rest (in the stored files), and the common type when two days differ.

Pure functions on Arrow types and columns. `writers` and `retyping` rewrite files when a type changes.
Types of Delta Lake: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#primitive-types
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

PARTITION_COLUMNS = {"date": pa.date32(), "hour": pa.int32()}
INSTANT_AT_REST = pa.timestamp("us", tz="UTC")
_UNKNOWN_AT_REST = pa.string()
"""The type of what has no value yet: of a column, of the elements of a list, of a field of a struct."""
_MOST_DECIMAL_DIGITS = 38
_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())


class ReservedColumn(ValueError):
    """A table has a column named like a partition column (date, hour)."""


class DuplicateColumn(ValueError):
    """Two columns have the same name, or names that differ only in upper and lower case."""


class NoColumns(ValueError):
    """A table has no columns, and nothing stored says which it should have."""


class UnstorableColumn(ValueError):
    """A column has a type or a value that the lake cannot return unchanged."""


class PartitionsChanged(ValueError):
    """A table keeps partitions of another kind: days, hours, or none."""


class ColumnTypeChanged(ValueError):
    """A column has another type than in the stored table, and no type holds both."""


def at_rest(schema: pa.Schema, table: str) -> pa.Schema:
    """The columns as Delta Lake stores them: instants in microseconds of UTC, none of the type null.

    A column of the type null is left out, because its real type is unknown until it has a value. If there are no other
    columns, it is stored as text. Raises ReservedColumn, DuplicateColumn, UnstorableColumn.
    """
    check_names(schema.names, table)
    known = [field for field in schema if not pa.types.is_null(field.type)] or list(schema)
    return pa.schema([pa.field(field.name, _at_rest(field.type, f"{table}: column {field.name!r}")) for field in known])


def is_storable(type_: pa.DataType) -> bool:
    """Whether the lake can store values of a type."""
    try:
        _at_rest(type_, "")
    except (UnstorableColumn, DuplicateColumn):
        return False
    return True


def check_names(names: Iterable[str], table: str) -> None:
    """Check the names of columns. Raises ReservedColumn, DuplicateColumn: Delta Lake ignores upper and lower case."""
    listed = list(names)
    for name in listed:
        if name.lower() in PARTITION_COLUMNS:
            raise ReservedColumn(
                f"{table} has a column {name!r}. The lake keeps partitions by `date` and `hour`: give it another name."
            )
    repeated = {name for name, count in Counter(name.lower() for name in listed).items() if count > 1}
    if repeated:
        alike = ", ".join(repr(name) for name in listed if name.lower() in repeated)
        raise DuplicateColumn(f"{table} has the columns {alike}. Names must differ in more than case: rename some.")


def _at_rest(type_: pa.DataType, column: str) -> pa.DataType:
    """Raises UnstorableColumn."""
    if pa.types.is_null(type_):
        return _UNKNOWN_AT_REST
    if pa.types.is_timestamp(type_):
        return _instant_at_rest(type_, column)
    if pa.types.is_dictionary(type_):
        return _at_rest(type_.value_type, column)
    if pa.types.is_struct(type_) and type_.num_fields:
        _check_fields(type_, column)
        return pa.struct([pa.field(field.name, _at_rest(field.type, column)) for field in type_.fields])
    if _is_list(type_):
        return pa.list_(_at_rest(type_.value_type, column))
    if pa.types.is_decimal(type_) and type_.precision - min(type_.scale, 0) <= _MOST_DECIMAL_DIGITS:
        return pa.decimal128(type_.precision - min(type_.scale, 0), max(type_.scale, 0))
    for is_kind, stored_type in _STORED_AS:
        if is_kind(type_):
            return stored_type or type_
    raise UnstorableColumn(f"{column} is of the type {type_}, which the lake cannot store. {_advice(type_)}")


def _check_fields(type_: pa.StructType, column: str) -> None:
    """Raises DuplicateColumn: Delta Lake compares names without case inside structs too."""
    names = Counter(field.name.lower() for field in type_.fields)
    if alike := sorted(repr(field.name) for field in type_.fields if names[field.name.lower()] > 1):
        raise DuplicateColumn(f"{column} has the fields {', '.join(alike)}. Names must differ in more than case.")


_STORED_AS: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType | None], ...] = (
    (pa.types.is_boolean, None),
    (pa.types.is_signed_integer, None),
    (pa.types.is_unsigned_integer, pa.int64()),
    (pa.types.is_float16, pa.float32()),
    (pa.types.is_floating, None),
    (pa.types.is_date, pa.date32()),
    (pa.types.is_string, None),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_binary, None),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_binary_view, pa.binary()),
    (pa.types.is_fixed_size_binary, pa.binary()),
)
"""The type that an Arrow type is stored as; None where it stays what it is."""


def _instant_at_rest(type_: pa.DataType, column: str) -> pa.DataType:
    if type_.tz is None:
        raise UnstorableColumn(
            f"{column} has times without a time zone. Say which zone they are in, in pandas with "
            "frame[…].dt.tz_localize('UTC') or the zone's name. Store a clock time of no zone as text."
        )
    return INSTANT_AT_REST


def _is_list(type_: pa.DataType) -> bool:
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(type_) for is_kind in (*checks, pa.types.is_list_view, pa.types.is_large_list_view))


def _advice(type_: pa.DataType) -> str:
    if pa.types.is_duration(type_):
        return "Store a duration as a number of milliseconds or seconds."
    if pa.types.is_decimal(type_):
        return f"Store a decimal with at most {_MOST_DECIMAL_DIGITS} digits, or a float."
    return "Store it as text or as a number."


def unified_type(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    """The type at rest that holds the values of both types; None if none does. The type null fits any other.

    >>> unified_type(pa.int64(), pa.float64())
    DataType(double)
    >>> unified_type(pa.int64(), pa.string()) is None
    True
    """
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if pa.types.is_list(first) and pa.types.is_list(second):
        items = unified_type(first.value_type, second.value_type)
        return items and pa.list_(items)
    if pa.types.is_struct(first) and pa.types.is_struct(second):
        return _unified_struct(first, second)
    if pa.types.is_decimal(first) and pa.types.is_decimal(second):
        return _unified_decimal(first, second)
    return _unified_number(first, second)


def _unified_struct(first: pa.StructType, second: pa.StructType) -> pa.DataType | None:
    types = {field.name: field.type for field in first.fields}
    for field in second.fields:
        type_ = unified_type(types.get(field.name, pa.null()), field.type)
        if type_ is None:
            return None
        types[field.name] = type_
    return pa.struct(list(types.items()))


def _unified_decimal(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    scale = max(first.scale, second.scale)
    digits = scale + max(type_.precision - type_.scale for type_ in (first, second))
    return pa.decimal128(digits, scale) if digits <= _MOST_DECIMAL_DIGITS else None


def _unified_number(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    both = {first, second}
    if both <= set(_INTEGERS):
        return max(both, key=_INTEGERS.index)
    if both <= {*_INTEGERS, pa.float32(), pa.float64()}:
        return pa.float64()
    return None


def needed_type(column: pa.ChunkedArray | pa.Array) -> pa.DataType:
    """The narrowest type for the values of a column at rest. Where it has no values (also inside lists and structs)
    this is null, which fits any type.
    """
    if column.null_count == len(column):
        return pa.null()
    if pa.types.is_list(column.type):
        return pa.list_(needed_type(pc.list_flatten(column)))
    if pa.types.is_struct(column.type):
        names = [field.name for field in column.type.fields]
        return pa.struct([(name, needed_type(pc.struct_field(column, [index]))) for index, name in enumerate(names)])
    return column.type


def fitting_schema(
    place: str,
    draft: pa.Schema,
    known: pa.Schema,
    needed_by_draft: Callable[[str], pa.DataType],
    needed_by_stored: Callable[[str], pa.DataType],
) -> pa.Schema:
    """The types that the rows of a draft must have to be stored in a table with the columns `known`. Where they are
    wider than the stored ones, the table must be retyped too (`retyping`).

    `needed_by_draft` and `needed_by_stored` give the type that the values of a column need (`needed_type`); they are
    called only where types differ. A column without values fits any type. Raises ColumnTypeChanged, DuplicateColumn.
    """
    check_names(dict.fromkeys([*known.names, *draft.names]), place)
    types = {field.name: field.type for field in draft}
    for name, type_ in types.items():
        stored = known.field(name).type if name in known.names else type_
        if stored != type_:
            values = needed_by_draft(name)
            types[name] = (
                stored if pa.types.is_null(values) else _common(place, name, stored, needed_by_stored(name), values)
            )
    return pa.schema(list(types.items()))


def _common(place: str, name: str, stored: pa.DataType, stored_need: pa.DataType, values: pa.DataType) -> pa.DataType:
    common = unified_type(stored_need, values)
    if common is None:
        raise ColumnTypeChanged(
            f"{place} has stored {name} as {stored}, but it would be {values} now. Cast it to {stored}, or give the "
            f"column another name; or delete the folder {place} of the lake and compute all its days again."
        )
    return _at_rest(common, f"{place}: column {name!r}")


def retyped(rows: pa.Table, schema: pa.Schema, table: str) -> pa.Table:
    """The rows with the types of a schema. Columns of the schema that the rows do not have are left out.

    Raises UnstorableColumn if a value does not fit its type.
    """
    fields = [field for field in schema if field.name in rows.column_names]
    columns = [_retyped(rows[field.name], field, table) for field in fields]
    return pa.table(columns, schema=pa.schema(fields))


def _retyped(column: pa.ChunkedArray, field: pa.Field, table: str) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), field.type)])
    try:
        return column.cast(field.type)
    except pa.ArrowNotImplementedError:
        # Arrow cannot cast between some types, even where lists and structs hold no values: go by way of Python.
        return pa.chunked_array([pa.array(column.to_pylist(), field.type)])
    except pa.ArrowInvalid as error:
        raise UnstorableColumn(
            f"{table}: column {field.name!r} has a value that {field.type} cannot hold ({error}). Round it, or give "
            "the column another type."
        ) from error

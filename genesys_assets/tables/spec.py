"""The types with which every table is declared: its columns, its key, the meaning of a row.

The declarations are beside the code that fills the tables (`conversations.flat_tables`, `metrics`, `entities` and
others). Arrow schemas, column descriptions in the UI, asset checks and docs/tables.md are made from them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from genesys_assets.personal_data import PersonalData
from genesys_assets.tables.personal import class_of

INSTANT = pa.timestamp("ms", tz="UTC")

TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
    "instant": INSTANT,
    "day": pa.date32(),
    "strings": pa.list_(pa.string()),
    "integers": pa.list_(pa.int64()),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its Arrow type and its description.

    `personal` is set for columns of reports only: the class of the values that they are made of. The module `personal`
    declares the classes of all other columns.
    """

    name: str
    type: pa.DataType
    description: str
    personal: PersonalData | None = None


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table.

    `key` names the columns that identify a row. Only those in `null_in_key` may be null, where null is a value of its
    own (no queue, an id that the platform left out). `partition_column` is the date, or the instant whose UTC date is
    the row's partition; None if rows belong to their partition for another reason. `expected` names columns that the
    platform should fill: a null in one is a warning, but the row is kept. `sums` names columns, each with the columns
    that add up to it in every row, where null counts as 0. `version` is raised when the same pages give other rows.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition_column: str | None = None
    null_in_key: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    sums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    version: int = 1
    schema: pa.Schema = field(init=False, repr=False, compare=False)
    """Built once, because every reading and writing of the table uses it."""

    def __post_init__(self) -> None:
        schema = pa.schema([pa.field(column.name, column.type) for column in self.columns])
        object.__setattr__(self, "schema", schema)

    def personal(self, column: Column) -> PersonalData:
        """The class of personal data of one of the columns. Raises MissingClass."""
        return class_of(self.name, column.name) if column.personal is None else column.personal

    def empty(self) -> pa.Table:
        return self.schema.empty_table()

    def conform(self, table: pa.Table) -> pa.Table:
        """The same rows with exactly these columns, in this order and with these types. Raises KeyError if a column is
        missing.
        """
        return table.select(self.schema.names).cast(self.schema)


def absent(spec: TableSpec, rows: pa.Table | pa.RecordBatch) -> Counter[str]:
    """In how many rows each expected column is null; columns without nulls are left out. Counts of parts of a table may
    be added up.
    """
    return Counter({name: nulls for name in spec.expected if (nulls := rows.column(name).null_count)})


def columns(declaration: str) -> tuple[Column, ...]:
    """Columns from lines of `name type description`, where types are the keys of `TYPES`."""
    declared = []
    for line in declaration.strip().splitlines():
        name, type_, description = line.split(maxsplit=2)
        declared.append(Column(name, TYPES[type_], description))
    return tuple(declared)


def in_milliseconds(schema: pa.Schema) -> pa.Schema:
    """The schema with instants in milliseconds, as tables declare them. Stored instants have microseconds, of which the
    last three digits are 0.
    """
    for index, column in enumerate(schema):
        if pa.types.is_timestamp(column.type) and column.type.tz:
            schema = schema.set(index, column.with_type(INSTANT))
    return schema.remove_metadata()

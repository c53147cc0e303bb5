"""Compares a stored table with rows that plain Python computed, key by key and value by value.

`plain_figures` and `plain_reports` compute the rows.
"""

from __future__ import annotations

import math

import pyarrow as pa

from genesys_assets.tables.conversations.flat_tables import CONVERSATION_TABLES
from genesys_assets_tests.plain_figures import Key, Row, moment

TABLE_KEYS = {spec.name: spec.key for spec in CONVERSATION_TABLES}
METRIC_KEY = ("interval_start", "grouping", "group_key", "metric")


def keyed(rows: list[Row], key: tuple[str, ...]) -> dict[Key, Row]:
    """Rows by their key, which none of them share."""
    found = {tuple(row.get(name) for name in key): row for row in rows}
    assert len(found) == len(rows)
    return found


def compare(table: pa.Table, expected: list[Row], key: tuple[str, ...]) -> None:
    """Checks that the rows and their values are equal. A column that an expected row does not name must be null."""
    actual = keyed(table.to_pylist(), key)
    wanted = keyed([normal(row, table.schema) for row in expected], key)
    assert actual.keys() == wanted.keys()
    for of_row, row in actual.items():
        unexpected = wanted[of_row].keys() - row.keys()
        assert not unexpected, f"no column for {unexpected}"
        for name, value in row.items():
            expected_value = wanted[of_row].get(name)
            if isinstance(value, float) and expected_value is not None:
                assert math.isclose(value, expected_value, rel_tol=1e-12), f"{name} of {of_row}"
            else:
                assert value == expected_value, f"{name} of {of_row}"


def normal(row: Row, schema: pa.Schema) -> Row:
    """Convert instants that are still the platform's texts."""
    instants = {field.name for field in schema if pa.types.is_timestamp(field.type)}
    return {
        name: moment(value) if name in instants and isinstance(value, str) else value for name, value in row.items()
    }

"""Fills the key columns of test rows, so that the lake stores them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.tables.spec import TableSpec

Row = dict[str, Any]

DAY = datetime(2026, 1, 31, tzinfo=UTC)


def keyed(rows: Iterable[Row], spec: TableSpec) -> list[Row]:
    """The rows. A row without a value in a key column gets a unique one."""
    needed = [name for name in spec.key if name not in spec.null_in_key]
    return [{**{name: _filler(spec, name, index) for name in needed}, **row} for index, row in enumerate(rows)]


def _filler(spec: TableSpec, name: str, index: int) -> Any:
    type_ = spec.schema.field(name).type
    if pa.types.is_timestamp(type_):
        return DAY
    return index if pa.types.is_integer(type_) else f"{name} {index}"

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.spec import TableSpec, absent, columns

SPEC = TableSpec("calls", "", ("id",), columns("id string a\nmade instant b\nnote string c"), expected=("id", "made"))


def rows(ids: list[str | None], made: list[int | None]) -> pa.Table:
    return pa.table({"id": ids, "made": made, "note": [None] * len(ids)}, schema=SPEC.schema)


def test_nulls_are_counted_where_values_are_expected_and_nowhere_else() -> None:
    assert absent(SPEC, rows(["a", None, None], [1, 2, None])) == {"id": 2, "made": 1}
    assert absent(SPEC, rows(["a"], [1])) == {}


def test_counts_of_parts_add_up_to_the_count_of_the_whole() -> None:
    parts = [rows(["a", None], [None, 1]), rows([None], [2])]
    assert sum((absent(SPEC, part) for part in parts), Counter()) == absent(SPEC, pa.concat_tables(parts))
    assert absent(SPEC, parts[0].to_batches()[0]) == absent(SPEC, parts[0])


@pytest.mark.parametrize("spec", DAY_TABLES, ids=lambda spec: spec.name)
def test_what_a_key_may_lack_is_expected_in_the_table_that_the_id_is_of(spec: TableSpec) -> None:
    """So a warning names what the platform left out once: a session's id is counted in the table of sessions."""
    own = {name for name in spec.null_in_key if name not in ("participant_id", "session_id")}
    own |= {f"{spec.name[:-1]}_id"} & {*spec.null_in_key}
    assert own <= {*spec.expected} <= {*spec.schema.names}

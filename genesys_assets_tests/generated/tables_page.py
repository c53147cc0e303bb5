"""docs/tables.md: every table of the lake with its columns, from the TableSpecs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES
from genesys_assets.lake.files import PAGES
from genesys_assets.personal_data import PersonalData
from genesys_assets.reports.built_in import built_in_reports, operating_reports
from genesys_assets.tables.spec import TYPES, Column, TableSpec
from genesys_assets.warehouse.tables import LakeTable, lake_tables
from genesys_assets_tests.generated.markdown import cell, table

HEAD = """# Tables

Every table of the lake but `ops/verdicts`, which holds results of checks. This page is made from the TableSpecs by
`make docs`; do not edit it.

- A table lies at `<lake>/<layer>/<name>` as a Delta table: [lake.md](lake.md) shows how to read it.
- The key identifies a row. No two rows have the same key, and a key is null only in the columns that are named.
- An *instant* is in UTC, with milliseconds. Columns ending in `_ms` are durations in milliseconds.
- Null means missing or unknown, never 0.
- *Personal* is the class of personal data: [security.md](security.md#personal-data) says what is done with each class.
"""

LAYERS = {
    "tables": "Tables that are made of a day's pages: each row is one conversation, session, metric and so on.",
    "reference": "The names of ids, their names over time, and lists that are observed once a day.",
    "reports": "Tables that a business reads. Add your own in [reports.yaml](reports.md).",
    "live": "Snapshots, appended every few minutes.",
}
_TYPE_NAMES = {type_: name for name, type_ in TYPES.items()}


def markdown() -> str:
    """The page."""
    families = [family for family in FAMILIES.values() if family is not CONVERSATIONS]
    tables = lake_tables((*built_in_reports(), *operating_reports()), families)
    lines = [HEAD, *_pages()]
    for layer, of_layer in groupby(tables, lambda each: each.place.split("/")[0]):
        lines += [f"## {layer}", "", LAYERS[layer], ""]
        for alike in _alike(list(of_layer)):
            lines += _section(alike)
    return "\n".join(lines).rstrip() + "\n"


def _alike(tables: list[LakeTable]) -> list[list[LakeTable]]:
    """The tables, grouped by the same key and columns, in the order of the first table of each group."""
    groups: dict[object, list[LakeTable]] = {}
    for each in tables:
        groups.setdefault((each.spec.key, each.columns), []).append(each)
    return list(groups.values())


def _section(alike: list[LakeTable]) -> Iterator[str]:
    yield f"### {alike[0].place}" + (" and tables like it" if len(alike) > 1 else "")
    yield ""
    if len(alike) > 1:
        yield from (f"- `{each.place}`: {cell(each.spec.description)}" for each in alike)
    else:
        yield cell(alike[0].spec.description)
    yield ""
    yield _keys(alike[0].spec)
    yield ""
    yield from _columns(alike[0])
    yield ""


def _keys(spec: TableSpec) -> str:
    parts = [f"Key: {_names(spec.key)}."]
    if spec.null_in_key:
        parts.append(f"May be null in the key: {_names(spec.null_in_key)}.")
    if spec.expected:
        parts.append(f"A check warns of nulls in {_names(spec.expected)}.")
    return " ".join(parts)


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _columns(lake_table: LakeTable) -> list[str]:
    own = {column.name for column in lake_table.spec.columns}
    rows = [
        [
            f"`{column.name}`",
            _type(column),
            cell(column.description),
            _personal(lake_table.spec.personal(column)) if column.name in own else "",
        ]
        for column in lake_table.columns
    ]
    return table(["column", "type", "what it holds", "personal"], rows)


def _type(column: Column) -> str:
    return _TYPE_NAMES.get(column.type, cell(str(column.type)))


def _personal(data: PersonalData) -> str:
    return "" if data is PersonalData.NONE else str(data)


def _pages() -> list[str]:
    rows = [[f"`{column.name}`", _type(column), cell(column.description)] for column in PAGES.columns]
    return [
        "## pages",
        "",
        f"{PAGES.description} All tables of this layer have the same columns. Key of a partition: {_names(PAGES.key)}.",
        "",
        *table(["column", "type", "what it holds"], rows),
        "",
    ]

"""What lies where in the lake, and how it is written and read: Parquet, Hive layout, one file a partition.

    pages/<asset>/date=2026-01-31/hour=13/pages.parquet
    tables/<table>/date=2026-01-31/data.parquet       and _versions.json beside it: what each reading changed

Files carry their provenance in their key-value metadata. What the bytes and columns mean is declared in `tables`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.cloud.page import Page
from genesys_assets.lake.store import Store
from genesys_assets.lake.versions import Change, compare, content_of
from genesys_assets.tables.spec import TableSpec, columns

if TYPE_CHECKING:
    import pyarrow.dataset as pads

PAGES = TableSpec(
    "pages",
    "One row per answer of the API, as it came.",
    ("page_number",),
    columns("""
page_number integer 1, 2, 3 … in the order in which they came
request string what was asked: method, path, parameters and body as JSON; `part` where the body is a part of the answer
fetched_at instant when the answer was received
correlation_id string what Genesys support asks for
body binary the bytes of the answer, unchanged; or of an answer about several partitions what concerns this one
"""),
)
# Most columns are ids, for which a dictionary is in vain: without any, large tables are written in two thirds of the
# time and are a tenth smaller.
_FORMAT = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
_ROWS_PER_GROUP = 32_768
_PAGES_SHOWN = 5
_HISTORY = "_versions.json"
_PROVENANCE = b"genesys_assets"
_REACH = ("data_available_through", "is_complete")
"""What of its provenance a file must not say wrongly, even if no row changed."""

Provenance = dict[str, Any]
"""run id, fetched window, source and whatever else tells where a file comes from; JSON in the file's metadata."""


def partition_folder(asset: str, key: str | None) -> str:
    """`tables/x`, `2026-01-31` -> `tables/x/date=2026-01-31`; hourly keys get an `hour=` as well."""
    if key is None:
        return asset
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:-(\d\d):00)?", key)
    if match is None:
        raise ValueError(f"partition {key!r} is neither a day (2026-01-31) nor an hour (2026-01-31-13:00)")
    day, hour = match.groups()
    return f"{asset}/date={day}" + (f"/hour={hour}" if hour else "")


class Lake:
    """The lake at one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # -- pages ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def page_writers(
        self, asset: str, keys: Sequence[str | None], provenance: Provenance
    ) -> Iterator[dict[str | None, PageWriter]]:
        """One writer per partition. All partitions are replaced when the block ends well, none when it does not."""
        with self.store.scratch() as folder, contextlib.ExitStack() as stack:
            writers = {
                key: stack.enter_context(PageWriter(folder / f"{index}.parquet", {**provenance, "partition": key}))
                for index, key in enumerate(keys)
            }
            yield writers
            stack.close()
            for key, writer in writers.items():
                self.store.put(writer.path, f"{partition_folder(asset, key)}/pages.parquet")

    def pages(self, asset: str, key: str | None) -> StoredPages | None:
        """The pages of a partition, None where the partition was never fetched."""
        place = f"{partition_folder(asset, key)}/pages.parquet"
        return StoredPages(self.store, place) if self.has_pages(asset, key) else None

    def has_pages(self, asset: str, key: str | None) -> bool:
        return self.store.exists(f"{partition_folder(asset, key)}/pages.parquet")

    def page_partitions(self, asset: str) -> list[str]:
        """The keys of the stored partitions, in order."""
        found = (re.search(r"/date=([\d-]+)(?:/hour=(\d\d))?/pages\.parquet$", key) for key in self.store.keys(asset))
        return [match[1] + (f"-{match[2]}:00" if match[2] else "") for match in found if match]

    def remove_pages(self, asset: str, key: str | None) -> None:
        """Forget a partition, as though it had never been fetched."""
        self.store.delete(f"{partition_folder(asset, key)}/pages.parquet")

    # -- tables and reports --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def table_writers(
        self, assets: dict[str, TableSpec], key: str | None, provenance: Provenance
    ) -> Iterator[dict[str, TableWriter]]:
        """One writer per table, by asset. All are replaced when the block ends well, none when it does not.

        Each writer's `change` then tells what is new. A partition whose rows are what they were stays untouched, unless
        it is known by now to be complete, or up to a later instant.
        """
        with self.store.scratch() as folder, contextlib.ExitStack() as stack:
            writers = {
                asset: stack.enter_context(TableWriter(folder / f"{index}.parquet", spec, provenance))
                for index, (asset, spec) in enumerate(assets.items())
            }
            yield writers
            stack.close()
            for asset, writer in writers.items():
                writer.change = self._replace(asset, key, writer, provenance)

    def write(self, asset: str, spec: TableSpec, table: pa.Table, key: str | None, provenance: Provenance) -> Change:
        """Replace one partition of one table; tells what is new."""
        with self.table_writers({asset: spec}, key, provenance) as writers:
            writers[asset].write(table)
        return writers[asset].change

    def _replace(self, asset: str, key: str | None, writer: TableWriter, provenance: Provenance) -> Change:
        history = self._history(asset, key)
        change = self._change(asset, key, writer, history.get("content"))
        if change.is_new or self._reaches_elsewhere(asset, key, provenance):
            self.store.put(writer.path, f"{partition_folder(asset, key)}/data.parquet")
        if change.rows_before is not None:
            read_at = datetime.now(UTC).isoformat(timespec="milliseconds")
            reread = {"read_at": read_at, "run_id": provenance.get("run_id"), **change.figures()}
            history["rereads"] = [*history.get("rereads", []), reread]
        history |= {"content": change.content, "last_reading": provenance}
        self.put_json(f"{partition_folder(asset, key)}/{_HISTORY}", history)
        return change

    def _reaches_elsewhere(self, asset: str, key: str | None, provenance: Provenance) -> bool:
        """Whether the stored file says otherwise how much of the partition is there."""
        stored = self.provenance(asset, key)
        return any(stored.get(name) != provenance.get(name) for name in _REACH)

    def _change(self, asset: str, key: str | None, writer: TableWriter, previous: str | None) -> Change:
        content, before = content_of(writer.path), self.dataset(asset, key)
        if before is None:
            return Change(content, writer.rows)
        if content == previous:
            return Change(content, writer.rows, writer.rows, 0, 0, 0, previous)
        after = _dataset(str(writer.path))
        return Change(content, previous_content=previous, **compare(before, after, writer.spec))

    def rereads(self, asset: str, key: str | None) -> list[dict[str, Any]]:
        """Each time the partition was read again: read_at, run_id, and how many rows were added, changed, removed."""
        return list(self._history(asset, key).get("rereads", []))

    def last_reading(self, asset: str, key: str | None) -> Provenance:
        """The provenance of the last reading of the partition, even if that changed no row; empty if there was none."""
        return dict(self._history(asset, key).get("last_reading", {}))

    def _history(self, asset: str, key: str | None) -> dict[str, Any]:
        """What stands beside the data about its versions; other engines pass over names that begin with `_`."""
        return self.json(f"{partition_folder(asset, key)}/{_HISTORY}") or {}

    # -- notes ---------------------------------------------------------------------------------------------------------

    def json(self, place: str) -> dict[str, Any] | None:
        """The JSON object at a place, None where there is none."""
        if not self.store.exists(place):
            return None
        with self.store.filesystem.open_input_file(self.store.path(place)) as file:
            return dict(json.loads(file.read()))

    def put_json(self, place: str, value: dict[str, Any]) -> None:
        with self.store.scratch() as folder:
            path = folder / "note.json"
            path.write_text(json.dumps(value, indent=1, default=str))
            self.store.put(path, place)

    # -- snapshots and reading -----------------------------------------------------------------------------------------

    def append(self, asset: str, table: pa.Table, observed_at: datetime, provenance: Provenance) -> str:
        """Add a snapshot as a file of its own; gives its place."""
        moment = observed_at.astimezone(UTC)
        place = f"{asset}/date={moment:%Y-%m-%d}/{moment:%H%M%S}{moment.microsecond // 1000:03d}.parquet"
        with self.store.scratch() as folder:
            path = folder / "snapshot.parquet"
            pq.write_table(table.replace_schema_metadata(_metadata(provenance)), path, **_FORMAT)
            self.store.put(path, place)
        return place

    def place(self, asset: str, key: str | None) -> str:
        """Where a partition of a table or report is, as a URI."""
        return self.store.uri(f"{partition_folder(asset, key)}/data.parquet")

    def has(self, asset: str, key: str | None) -> bool:
        return self.store.exists(f"{partition_folder(asset, key)}/data.parquet")

    def read(
        self,
        asset: str,
        keys: str | Iterable[str] | None,
        *,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        schema: pa.Schema | None = None,
    ) -> pa.Table:
        """Rows of one partition, or of several in order; partitions that are not there have no rows.

        With none of them there, the empty table of `schema`, or FileNotFoundError where no schema was given. A column
        of `schema` that a partition does not have, for it was written before there was one, is null.
        """
        dataset = self.dataset(asset, keys, schema)
        if dataset is None:
            if schema is None:
                raise FileNotFoundError(f"{asset} has no stored partition among {keys!r}: materialise it first")
            empty = schema.empty_table()
            return empty.select(list(columns)) if columns else empty
        return dataset.to_table(columns=list(columns) if columns else None, filter=where)

    def dataset(
        self, asset: str, keys: str | Iterable[str] | None, schema: pa.Schema | None = None
    ) -> pads.Dataset | None:
        """The stored partitions among the keys as an Arrow dataset, None where there is none."""
        wanted = [keys] if keys is None or isinstance(keys, str) else list(keys)
        paths = [f"{partition_folder(asset, key)}/data.parquet" for key in wanted]
        stored = [self.store.path(path) for path in paths if self.store.exists(path)]
        if not stored:
            return None
        return _dataset(stored, filesystem=self.store.filesystem, schema=schema)

    def head(self, asset: str, key: str | None, rows: int = 5) -> pa.Table:
        """The first rows of a partition. (The `head` of a dataset would read ahead, up to all of it.)"""
        path = self._stored(asset, key)
        with pq.ParquetFile(path, filesystem=self.store.filesystem) as file:
            first = next(file.iter_batches(batch_size=rows, use_threads=False), None)
            return pa.Table.from_batches([first] if first else [], file.schema_arrow)

    def row_groups(self, asset: str, key: str | None, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of a partition in pieces, for little memory. (The batches of a dataset would be read ahead.)"""
        path = self._stored(asset, key)
        with pq.ParquetFile(path, filesystem=self.store.filesystem) as file:
            for index in range(file.num_row_groups):
                yield file.read_row_group(index, columns=None if columns is None else list(columns), use_threads=False)

    def schema(self, asset: str, key: str | None) -> pa.Schema:
        """The columns of a partition, as they are stored."""
        path = self._stored(asset, key)
        return pq.read_schema(path, filesystem=self.store.filesystem)

    def pieces(
        self,
        asset: str,
        keys: Iterable[str],
        *,
        schema: pa.Schema,
        columns: Sequence[str],
        where: pc.Expression | None = None,
    ) -> Iterator[pa.Table]:
        """Rows of the stored partitions in pieces, a row group at a time; those that can hold no such row stay unread.

        A column of the schema that a file does not have yet is null.
        """
        stored = [f"{partition_folder(asset, key)}/data.parquet" for key in keys]
        yield from self._pieces(filter(self.store.exists, stored), schema, columns, where)

    def snapshots(
        self, asset: str, days: Iterable[str], *, schema: pa.Schema, columns: Sequence[str], where: pc.Expression
    ) -> Iterator[pa.Table]:
        """Rows of the snapshots that were appended on these days, likewise."""
        stored = [key for day in days for key in self.store.keys(f"{asset}/date={day}") if key.endswith(".parquet")]
        yield from self._pieces(stored, schema, columns, where)

    def _pieces(
        self, places: Iterable[str], schema: pa.Schema, columns: Sequence[str], where: pc.Expression | None
    ) -> Iterator[pa.Table]:
        for place in places:
            file = _dataset(self.store.path(place), filesystem=self.store.filesystem, schema=schema)
            for fragment in file.get_fragments():
                for group in fragment.split_by_row_group(where, schema):
                    yield group.to_table(schema, columns=list(columns), filter=where, use_threads=False)

    def rows(self, asset: str, key: str | None) -> int:
        """How many rows a partition has."""
        path = self.store.path(f"{partition_folder(asset, key)}/data.parquet")
        return int(pq.read_metadata(path, filesystem=self.store.filesystem).num_rows)

    def _stored(self, asset: str, key: str | None) -> str:
        if not self.has(asset, key):
            raise FileNotFoundError(f"{asset} has no stored partition {key!r}: materialise it first")
        return self.store.path(f"{partition_folder(asset, key)}/data.parquet")

    def provenance(self, asset: str, key: str | None) -> Provenance:
        """What a partition's file says of its origin."""
        path = self.store.path(f"{partition_folder(asset, key)}/data.parquet")
        return _provenance(pq.read_metadata(path, filesystem=self.store.filesystem).metadata)


class PageWriter(contextlib.AbstractContextManager["PageWriter"]):
    """Writes pages as they arrive, each as a row group of its own, so that any page can be read alone.

    `provenance` may be added to until the file is closed.
    """

    def __init__(self, path: Path, provenance: Provenance) -> None:
        self.path = path
        self.provenance = dict(provenance)
        self._begin()

    def _begin(self) -> None:
        self.pages = 0
        self.bytes = 0
        self._first: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(self.path, PAGES.schema, write_statistics=False, **_FORMAT)

    def restart(self) -> None:
        """Forget the pages written so far."""
        self._writer.close()
        self._begin()

    def write(self, page: Page) -> None:
        self.pages += 1
        self.bytes += len(page.body)
        told = [self.pages, page.request, page.fetched_at, page.correlation_id]
        arrays = [pa.array([value], field.type) for value, field in zip(told, PAGES.schema, strict=False)]
        self._writer.write_batch(pa.record_batch([*arrays, _uncopied(page.body)], schema=PAGES.schema))
        if len(self._first) < _PAGES_SHOWN:
            shown = dict(zip(PAGES.schema.names, told, strict=False))
            self._first.append(shown | {"body": None, "body_bytes": len(page.body)})

    @property
    def first_pages(self) -> pa.Table:
        """The first pages for a preview, with the size of each body in its place."""
        schema = PAGES.schema.remove(PAGES.schema.get_field_index("body")).append(pa.field("body_bytes", pa.int64()))
        return pa.Table.from_pylist(self._first, schema)

    def __exit__(self, *_: object) -> None:
        self._writer.add_key_value_metadata(_metadata(self.provenance))
        self._writer.close()


class StoredPages:
    """The pages of one partition, read one at a time."""

    def __init__(self, store: Store, place: str) -> None:
        self._file = pq.ParquetFile(store.filesystem.open_input_file(store.path(place)))

    def __len__(self) -> int:
        return int(self._file.num_row_groups)

    def __iter__(self) -> Iterator[Page]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Page:
        row = self._file.read_row_group(index, use_threads=False).to_pylist()[0]
        return Page(
            number=row["page_number"],
            request=row["request"],
            fetched_at=row["fetched_at"],
            correlation_id=row["correlation_id"],
            body=row["body"],
        )

    def request(self, index: int) -> str:
        """What was asked for a page, without reading its body."""
        return str(self._file.read_row_group(index, columns=["request"], use_threads=False)["request"][0].as_py())

    @property
    def provenance(self) -> Provenance:
        return _provenance(self._file.metadata.metadata)


class TableWriter(contextlib.AbstractContextManager["TableWriter"]):
    """Writes a table in parts, gathered to row groups of a size that other engines like."""

    def __init__(self, path: Path, spec: TableSpec, provenance: Provenance) -> None:
        self.path = path
        self.spec = spec
        self.rows = 0
        self.change = Change("", 0)
        schema = spec.schema.with_metadata(_metadata({**provenance, "schema_version": spec.version}))
        self._writer = pq.ParquetWriter(path, schema, **_FORMAT)
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        self.rows += len(table)
        self._waiting.append(table)
        while sum(map(len, self._waiting)) >= _ROWS_PER_GROUP:
            self._flush(_ROWS_PER_GROUP)

    def _flush(self, rows: int) -> None:
        """Write exactly so many rows as one group, so that the same rows give the same bytes however they came."""
        waiting = pa.concat_tables(self._waiting)
        self._writer.write_table(waiting.slice(0, rows).combine_chunks(), row_group_size=rows)
        self._waiting = [waiting.slice(rows)]

    def __exit__(self, exception: object, *_: object) -> None:
        rest = sum(map(len, self._waiting))
        if exception is None and rest:
            self._flush(rest)
        self._writer.close()


def _dataset(source: str | list[str], **options: Any) -> pads.Dataset:
    # It brings pandas along: too much for loading definitions.
    import pyarrow.dataset as pads

    return pads.dataset(source, format="parquet", **options)


def _uncopied(value: bytes) -> pa.Array:
    """An array of that one value, without looking at each of its bytes."""
    offsets = pa.array([0, len(value)], pa.int32())
    return pa.Array.from_buffers(pa.binary(), 1, [None, offsets.buffers()[1], pa.py_buffer(value)])


def _metadata(provenance: Provenance) -> dict[bytes, bytes]:
    return {_PROVENANCE: json.dumps(provenance, sort_keys=True, default=str).encode()}


def _provenance(metadata: dict[bytes, bytes] | None) -> Provenance:
    return dict(json.loads((metadata or {}).get(_PROVENANCE, b"{}")))

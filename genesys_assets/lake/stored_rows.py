"""Reads the rows of stored partitions of a table: as one table, as an Arrow dataset, or in pieces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.files import StoredFile, Unreadable
from genesys_assets.lake.parquet_files import null_columns
from genesys_assets.threads import at_once

if TYPE_CHECKING:
    import pyarrow.dataset as pads

_FOOTERS_AT_ONCE = 8


class StoredRows:
    """The rows of one partition of a table, or of several in order; partitions that are not stored have no rows.

    Methods raise LakeUnreachable, and Unreadable if a file is damaged.
    """

    def __init__(self, log: DeltaLog, keys: str | Iterable[str] | None) -> None:
        self._log = log
        self._store = log.store
        wanted = [keys] if keys is None or isinstance(keys, str) else keys
        self._files = [file for key in wanted for file in log.files(key)]
        self._paths = [self._store.path(f"{log.place}/{file.path}") for file in self._files]

    def table(
        self, schema: pa.Schema | None, columns: Sequence[str] | None, where: pc.Expression | None
    ) -> pa.Table | None:
        """The rows as one table, None if none is stored: see `Lake.read`."""
        with self._raising_unreadable():
            dataset = self._dataset(schema, columns)
            if dataset is None:
                return None
            return dataset.to_table(columns=list(columns) if columns else None, filter=where)

    def dataset(self, schema: pa.Schema | None) -> pads.Dataset | None:
        """The rows as an Arrow dataset, None if none is stored: see `Lake.read`."""
        with self._raising_unreadable():
            return self._dataset(schema, None)

    def pieces(self, schema: pa.Schema, columns: Sequence[str], where: pc.Expression | None) -> Iterator[pa.Table]:
        """The rows, a row group at a time: see `Lake.pieces`."""
        for path in self._paths:
            with self._raising_unreadable():
                file = _dataset(path, filesystem=self._store.filesystem, schema=schema)
            for fragment in file.get_fragments():
                with self._raising_unreadable():
                    groups = fragment.split_by_row_group(where, schema)
                for group in groups:
                    with self._raising_unreadable():
                        piece = group.to_table(schema, columns=list(columns), filter=where, use_threads=False)
                    yield piece

    def _dataset(self, schema: pa.Schema | None, columns: Sequence[str] | None) -> pads.Dataset | None:
        if not self._paths:
            return None
        known = self._log.schema() if schema is None else schema
        dataset = _dataset(self._paths, filesystem=self._store.filesystem, schema=known)
        if schema is not None or (columns and set(columns) <= set(known.names)):
            return dataset
        nulls = [name for name in _null_columns(dataset) if name not in known.names]
        return dataset.replace_schema(pa.schema([*known, *(pa.field(name, pa.null()) for name in nulls)]))

    @contextlib.contextmanager
    def _raising_unreadable(self) -> Iterator[None]:
        """Wrap code that reads rows: errors about the bytes of a file become Unreadable, which names the file."""
        try:
            yield
        except (pa.ArrowInvalid, OSError) as error:
            if unreachable := self._store.unreachable(error):
                raise unreachable from error
            # Arrow writes "Parquet" or "parquet" in errors about a file, and neither in errors about a query.
            of_file = "arquet" in str(error) if isinstance(error, pa.ArrowInvalid) else error.errno is None
            if not of_file or isinstance(error, FileNotFoundError):
                raise
            self._find_damaged()
            raise Unreadable(
                f"A file of {self._log.place} cannot be read ({error}): materialise its partition again, or import "
                "its files again."
            ) from error

    def _find_damaged(self) -> None:
        """Read file by file, because Arrow's errors do not say which one is damaged. Raises Unreadable, which does."""
        for file in self._files:
            for _ in StoredFile(self._store, self._log.place, file).row_groups():
                pass


def _dataset(source: str | list[str], **options: Any) -> pads.Dataset:
    # Imported here because it imports pandas, which would slow the loading of definitions.
    import pyarrow.dataset as pads

    # Without the checksums a damaged page may be read as other values.
    options["format"] = pads.ParquetFileFormat(
        default_fragment_scan_options=pads.ParquetFragmentScanOptions(page_checksum_verification=True)
    )
    return pads.dataset(source, **options)


def _null_columns(dataset: pads.Dataset) -> list[str]:
    """The columns that the files' metadata lists as null. Arrow caches the footers, and reads the rows with them."""
    fragments = [*dataset.get_fragments()]
    with at_once(_FOOTERS_AT_ONCE, len(fragments), "footers") as map_:
        named = map_(lambda fragment: null_columns(fragment.metadata), fragments)
        return list(dict.fromkeys(name for names in named for name in names))
